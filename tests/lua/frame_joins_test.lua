-- Joins of frames: random cases against plain Lua, and what is refused.
local frame = require "neap.frame"
local frame_support = require "tests.lua.frame_support"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan, nat = frame_support.nan, frame_support.nat

-- joins -------------------------------------------------------------------------------------------

-- Pairs of rows with equal keys by comparing all with all, as "left:right" texts in order.
local function plain_pairs(f, g, how)
  local met, out = {}, {}
  local a, b, c, d = f.k:totable(), g.k:totable(), f.s:totable(), g.s:totable()
  for i = 1, #a do
    local n = 0
    for j = 1, #b do
      if a[i] == b[j] and c[i] and c[i] == d[j] then
        n, met[j] = n + 1, true
        out[#out + 1] = i .. ":" .. j
      end
    end
    if n == 0 and how ~= "inner" then out[#out + 1] = i .. ":0" end
  end
  for j = 1, how == "outer" and #b or 0 do
    if not met[j] then out[#out + 1] = "0:" .. j end
  end
  return out
end

local function random_side(rng, n, far, row)
  local texts, list = { "a", "b", false, "c" }, {}
  for i = 1, n do list[i] = texts[rng:integer(1, 4)] end
  local k = n > 0 and tensor.randint { n, low = 1, high = 4, rng = rng }
    or tensor.zeros { 0, dtype = "i64" }
  return frame.new { { "k", k * (far and 1 << 60 or 1) }, { "s", frame.category(list) },
    { row, n > 0 and tensor.arange(1, n):to "i64" or tensor.zeros { 0, dtype = "i64" } } }
end

describe("f:join", function()
  it("agrees with comparing all rows with all", function()
    local rng = neap.rng(11)
    for round = 1, 60 do
      local f = random_side(rng, rng:integer(0, 20), round % 2 == 0, "i")
      local g = random_side(rng, rng:integer(0, 20), round % 2 == 0, "j")
      for _, how in ipairs { "inner", "left", "outer" } do
        local r, got = f:join(g, { on = { "k", "s" }, how = how }), {}
        local i, j = r.i:totable(), r.j:totable()
        for n = 1, #r do
          got[n] = ("%d:%d"):format(i[n] == i[n] and i[n] or 0, j[n] == j[n] and j[n] or 0)
        end
        local want = plain_pairs(f, g, how)
        if how == "outer" then
          table.sort(want)
          table.sort(got)
        end
        assert.same(want, got)
      end
    end
  end)

  it("keeps pairs in order over many chunks", function()
    local n = 100000
    local f = frame.new { { "k", tensor.arange(1, n):to "i64" % 7 }, { "i", tensor.arange(1, n) } }
    local g = frame.new { { "k", tensor.of({ 3, 5, 3 }, { dtype = "i64" }) }, { "j", { 1, 2, 3 } } }
    local r = f:join(g, { on = "k", how = "inner" })
    local three, five = (f.k:eq(3)):sum(), (f.k:eq(5)):sum()
    assert.equal(2 * three + five, #r)
    assert.is_true((r.i:slice(1, 2, -1) - r.i:slice(1, 1, -2)):ge(0):all())
    assert.same({ 1.0, 3.0, 2.0, 1.0, 3.0 }, r.j:slice(1, 1, 5):totable())
  end)

  it("compares texts by their letters", function()
    local f = frame.new { { "s", { "x", "y", "z" } } }
    local g = frame.new { { "s", { "z", "w", "x" } },
      { "n", tensor.of({ 1, 2, 3 }, { dtype = "i32" }) } }
    assert.same({ 3, 1 }, f:join(g, { on = "s", how = "inner" }).n:totable())
    local r = f:join(g, { on = "s", how = "right" })
    assert.same({ "z", "w", "x" }, r.s:totable())
    assert.equal("i32", r:dtype "n")
    assert.same({ "w", "x", "y", "z" }, f:join(g, { on = "s", how = "outer" }).s:totable())
  end)

  it("compares integers of any width, and floats", function()
    local f = frame.new { { "k", tensor.of({ 1, 255, -1 }, { dtype = "i64" }) },
      { "x", { 1, 2, 3 } } }
    local g = frame.new { { "k", tensor.of({ 255, 1 }, { dtype = "u8" }) }, { "y", { 20, 10 } } }
    assert.same({ 10.0, 20.0 }, f:join(g, { on = "k", how = "inner" }).y:totable())
    assert.equal("i64", f:join(g, { on = "k", how = "outer" }):dtype "k")
    local a = frame.new { { "k", tensor.of({ -0.0, 0.5 }, { dtype = "f32" }) } }
    local b = frame.new { { "k", { 0.5, 0 } }, { "y", { 1, 2 } } }
    assert.same({ 2.0, 1.0 }, a:join(b, { on = "k" }).y:totable())
  end)

  it("refuses more rows than memory has, with their number", function()
    local f = frame.new { { "k", tensor.zeros { 2000000, dtype = "u8" } } }
    local message = support.message(f.join, f, f, { on = "k", how = "inner" })
    assert.truthy(message:find("join: 4000000000000 rows: out of memory", 1, true), message)
    message = support.message(f.join, f, f:rename { k = "l" }, { how = "cross" })
    assert.truthy(message:find("join: 4000000000000 rows: out of memory", 1, true), message)
  end)

  for _, case in ipairs {
    { {}, "option 'on' (or left_on and right_on) must name the keys; both frames have k, x" },
    { { on = "k", left_on = "k" },
      "keys are given by on, or by left_on and right_on, not by both" },
    { { left_on = { "k", "x" }, right_on = "k" }, "left_on names 2 keys, right_on 1" },
    { { on = "kk" }, "the left frame: unknown column 'kk' (did you mean 'k'?)" },
    { { left_on = "k", right_on = "kk" }, "the right frame: unknown column 'kk' (did you" },
    { { on = "x" },
      "key 'x' is f64 on the left, but 'x' is i64 on the right; convert one with x:to" },
    { { left_on = "k", right_on = "x" }, "key 'k' is category on the left, but 'x' is i64 on the "
      .. "right; keys must be of one kind" },
    { { on = "k", how = "middle" }, "unknown how 'middle' (known: anti, cross, inner" },
    { { on = "k", how = "full" }, "unknown how 'full' (did you mean 'outer'?)" },
    { { on = "k", validate = "1:n" }, "frame:join: unknown validate '1:n' (did you mean '1:" },
    { { on = "k", validate = "1:1" },
      "validate: rows 1 and 3 of the left frame have the same key" },
    { { on = "k", validate = "m:1" },
      "validate: rows 1 and 2 of the right frame have the same key" },
    { { on = "k", how = "right", validate = "m:1" }, "rows 1 and 2 of the right frame" },
    { { on = "k", suffix = "" }, "both frames have a column 'x', and so they do with suffix ''" },
    { { on = "k", suffix = 3 }, "option 'suffix' must be a string, got number" },
    { { on = "k", how = "cross" }, "how = 'cross' pairs all rows, so it takes no keys" },
  } do
    it("says: " .. case[2], function()
      local f = frame.new { { "k", { "a", "b", "a" } }, { "x", { 1, 2, 3 } } }
      local g = frame.new { { "k", { "b", "b" } }, { "x", tensor.of({ 1, 2 }, { dtype = "i64" }) } }
      local message = support.message(f.join, f, g, case[1])
      assert.truthy(message:find(case[2], 1, true), message)
    end)
  end

  it("takes 1:1 where keys repeat only as missing ones", function()
    local f = frame.new { { "k", { "a", false, false } } }
    assert.equal(3, #f:join(f, { on = "k", validate = "1:1" }))
  end)
end)

-- The row of times that key is joined to, by looking at all of them.
local function plain_partner(times, key, o)
  local best, distance = 0, math.huge
  for j, t in ipairs(times) do
    local d = key - t
    local allowed = d ~= 0 or o.allow_exact
    if o.direction == "backward" then allowed = allowed and d >= 0 end
    if o.direction == "forward" then allowed = allowed and d <= 0 end
    local far = math.abs(d)
    local later = far == distance and d >= 0 and o.direction ~= "forward"
    if allowed and (far < distance or later) then best, distance = j, far end
  end
  if o.tolerance and distance > o.tolerance then return 0 end
  return best
end

-- n whole numbers in order.
local function ticks(rng, n)
  return (tensor.randint { n, low = 1, high = 20, rng = rng }:sort())
end

describe("f:join_asof", function()
  it("agrees with looking at all rows", function()
    local rng = neap.rng(5)
    for _ = 1, 80 do
      local n, m = rng:integer(1, 25), rng:integer(1, 25)
      local f = frame.new { { "time", ticks(rng, n) } }
      local g = frame.new { { "time", ticks(rng, m) }, { "j", tensor.arange(1, m) } }
      for _, direction in ipairs { "backward", "forward", "nearest" } do
        local o = { direction = direction, allow_exact = rng:integer(0, 1) == 1,
          tolerance = ({ nil, 0, 3 })[rng:integer(1, 3)] }
        local got, times, want = f:join_asof(g, o).j:totable(), g.time:totable(), {}
        for i, key in ipairs(f.time:totable()) do
          want[i] = plain_partner(times, key, o)
          got[i] = got[i] == got[i] and got[i] // 1 | 0 or 0
        end
        assert.same(want, got)
      end
    end
  end)

  it("finds what searchsorted finds, over many chunks", function()
    local rng, n = neap.rng(6), 200000
    local function times(count)
      return ((tensor.rand { count, rng = rng } * 1e12):to "i64":sort())
    end
    for _, m in ipairs { 50, 200000, 900000 } do
      local f, g = frame.new { { "time", times(n) } }, frame.new { { "time", times(m) } }
      g.j = tensor.arange(1, m)
      local got = f:join_asof(g).j
      local want = (g.time:searchsorted(f.time, { right = true }) - 1):to "f64"
      assert.is_true((got:eq(want) | (want:eq(0) & got:ne(got))):all())
    end
  end)

  it("joins groups that lie one behind the other", function()
    local f = frame.new { { "time", tensor.of({ 5, 9, 1, 9 }, { dtype = "i64" }) },
      { "s", { "B", "B", "A", "A" } } }
    local g = frame.new { { "time", tensor.of({ 4, 9, 0, 8 }, { dtype = "i64" }) },
      { "s", { "A", "A", "B", "B" } }, { "v", { 1, 2, 3, 4 } } }
    local r = f:join_asof(g, { by = "s" })
    assert.same({ "time", "s", "time_right", "v" }, r:columns())
    assert.same({ 3.0, 4.0 }, r.v:slice(1, 1, 2):totable())
    assert.is_true(r.v[3] ~= r.v[3])
    assert.equal(2.0, r.v[4])
    assert.same({ 0, 8, nat, 9 }, r.time_right:totable())
    local message = support.message(f.join_asof, f, g)
    assert.truthy(message:find("'time' must not fall, but row 3 of the left frame is before row 2",
      1, true), message)
  end)

  it("joins by what is known, and leaves unknown symbols alone", function()
    local f = frame.new { { "time", tensor.of({ 5, 9 }, { dtype = "i64" }) },
      { "s", { false, "A" } } }
    local g = frame.new { { "time", tensor.of({ 1, 2 }, { dtype = "i64" }) },
      { "known_at", tensor.of({ 6, 9 }, { dtype = "i64" }) }, { "s", { false, "A" } },
      { "n", tensor.of({ 1, 2 }, { dtype = "i64" }) } }
    local r = f:join_asof(g, { by = "s" })
    assert.same({ "time", "s", "time_right", "known_at", "n" }, r:columns())
    assert.is_true(r.n[1] ~= r.n[1])
    assert.equal(2.0, r.n[2])
    assert.equal(1.0, f:join_asof(g, { right_on = "time" }).n[1] - 1)
    assert.equal("i64", f:join_asof(g, { on = "time" }):dtype "n")
  end)

  it("measures distances that need 64 bits", function()
    local f = frame.new { { "at", tensor.of({ math.maxinteger }, { dtype = "i64" }) } }
    local g = frame.new { { "at", tensor.of({ math.mininteger, 0 }, { dtype = "i64" }) },
      { "v", { 1, 2 } } }
    assert.equal(2.0, f:join_asof(g, { on = "at", tolerance = math.maxinteger }).v[1])
    local r = f:join_asof(g:rows(1, 1), { on = "at", tolerance = math.maxinteger }).v
    assert.is_true(r[1] ~= r[1])
    local low = frame.new { { "at", tensor.of({ math.mininteger }, { dtype = "i64" }) } }
    local ahead = { on = "at", allow_exact = false, direction = "forward" }
    assert.equal(2.0, low:join_asof(g, ahead).v[1])
    assert.is_true(low:join_asof(g, { on = "at", allow_exact = false }).v:isnan():all())
  end)

  it("takes sides without rows", function()
    local none = frame.new { { "time", tensor.zeros { 0, dtype = "i64" } },
      { "v", tensor.zeros { 0 } } }
    local f = frame.new { { "time", tensor.of({ 5, 9 }, { dtype = "i64" }) } }
    assert.is_true(f:join_asof(none).v:isnan():all())
    assert.equal(0, #none:join_asof(f))
  end)

  for _, case in ipairs {
    { { on = "v" },
      "'v' of row 2 of the left frame is missing; leave such rows out with f:dropna" },
    { { on = "s" }, "'s' is a category, rows are joined by times or numbers" },
    { { tolerance = "soon" }, "tolerance is soon, must be a duration like 10s, or ns" },
    { { tolerance = -1 }, "tolerance is -1, must be a duration like 10s, or ns" },
    { { on = "w", tolerance = "1s" }, "tolerance is 1s, must be a number of at least 0" },
    { { direction = "back" }, "unknown direction 'back' (did you mean 'backward'?)" },
    { { left_on = "time", right_on = "w" }, "key 'time' is time on the left, but 'w' is f64" },
    { { by = "t" }, "the left frame: unknown column 't'" },
    { { left_on = "time", right_on = "t" }, "join_asof: the right frame: unknown column 't'" },
    { { on = { "a", "b" } }, "rows are joined by one column, got table; 'on' names it, or left_" },
  } do
    it("says: " .. case[2], function()
      local f = frame.new { { "time", tensor.of({ 1, 2 }, { dtype = "i64" }) }, { "v", { 1, nan } },
        { "w", { 1, 2 } }, { "s", { "a", "b" } } }
      local message = support.message(f.join_asof, f, f, case[1])
      assert.truthy(message:find(case[2], 1, true), message)
    end)
  end

  it("says where times are looked for", function()
    local f = frame.new { { "x", { 1 } } }
    assert.truthy(support.message(f.join_asof, f, f)
      :find("the left frame has neither known_at nor time; option 'on' names the column", 1, true))
  end)
end)

describe("frame.concat", function()
  it("fills what a frame lacks, or leaves it out", function()
    local a = frame.new { { "n", tensor.of({ 1 }, { dtype = "i64" }) }, { "s", { "x" } },
      { "b", tensor.of({ true }) } }
    local b = frame.new { { "s", { "y", "x" } },
      { "time", tensor.of({ 1, 2 }, { dtype = "i64" }) } }
    local r = frame.concat({ a, b }, { how = "outer" })
    assert.same({ "n", "s", "b", "time" }, r:columns())
    assert.same({ "f64", "category", "f64", "time" }, { r:dtype "n", r:dtype "s", r:dtype "b",
      r:dtype "time" })
    assert.same({ "x", "y", "x" }, r.s:totable())
    assert.same({ nat, 1, 2 }, r.time:totable())
    assert.same({ "s" }, frame.concat({ a, b }, { how = "inner" }):columns())
    assert.truthy(support.message(frame.concat, { a, b })
      :find("frame 2 has 2 columns, the first has 3", 1, true))
    assert.truthy(support.message(frame.concat, { a, b:rename { time = "n" } }, { how = "outer" })
      :find("column 'n' is a time in frame 2 and a number in frame 1", 1, true))
    assert.truthy(support.message(frame.concat, { a }, { how = "all" })
      :find("unknown how 'all'", 1, true))
  end)
end)
