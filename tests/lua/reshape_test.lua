-- Groups, joins and reshaping of frames: cases answered by pandas (tests/golden/reshape_cases.py),
-- random cases against plain Lua, and what is refused.
local frame = require "neap.frame"
local json = require "neap.json"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local F64_TOL = 1e-12

-- golden cases ------------------------------------------------------------------------------------

local nan, nat = 0 / 0, math.mininteger

local missing_of = { text = false, time = nat }

local function plain(v, kind)
  if v == json.null then
    if missing_of[kind] == nil then return nan end
    return missing_of[kind]
  end
  if kind == "text" then return v end
  if v == "inf" then return math.huge elseif v == "-inf" then return -math.huge end
  return v
end

-- A column [name, kind, values] of a case as frame.new takes it.
local function column_of(entry)
  local name, kind, list = entry[1], entry[2], {}
  for i, v in ipairs(entry[3]) do list[i] = plain(v, kind) end
  if kind == "text" then return { name, frame.category(list) } end
  if kind == "time" then return { name, tensor.of(list, { dtype = "i64" }), "time" } end
  return { name, tensor.of(list, { dtype = kind }) }
end

local function frame_of(columns)
  local list = {}
  for i, entry in ipairs(columns) do list[i] = column_of(entry) end
  return frame.new(list)
end

local function near(a, b)
  if a ~= a or b ~= b then return a ~= a and b ~= b end
  if a == b then return true end
  if type(a) ~= "number" or type(b) ~= "number" then return false end
  return math.abs(a - b) <= F64_TOL * math.max(1, math.abs(a), math.abs(b))
end

-- Fails unless got has the columns, kinds and values of want.
local function assert_frame(want, got)
  assert.same(want:columns(), got:columns())
  for _, name in ipairs(want:columns()) do
    assert.equal(want:dtype(name), got:dtype(name), "dtype of " .. name)
    local a, b = want:column(name):totable(), got:column(name):totable()
    assert.equal(#a, #b, "rows of " .. name)
    for i = 1, #a do
      if not near(a[i], b[i]) then
        error(("%s[%d] is %s, expected %s"):format(name, i, b[i], a[i]), 0)
      end
    end
  end
end

-- null in arguments is nil, and arrays are plain tables.
local function arguments(v)
  if type(v) ~= "table" then return v end
  local out = {}
  for k, each in pairs(v) do
    if each ~= json.null then out[k] = arguments(each) end
  end
  return out
end

local ops = {}

function ops.agg(o, f)
  return f:group_by(o.by, { sort = o.sort, dropna = o.dropna }):agg(o.entries)
end

function ops.transform(o, f) return f:group_by(o.by):transform(o.entries) end

function ops.join(o, f, g) return f:join(g, o) end

-- Groups that lie one behind the other are joined in another way than mixed ones.
function ops.asof(o, f, g)
  local r = f:join_asof(g, o)
  if o.by then assert_frame(r:sort(o.by), f:sort(o.by):join_asof(g:sort(o.by), o)) end
  return r
end

function ops.pivot(o, f) return f:pivot(o) end

function ops.melt(o, f) return f:melt(o) end

function ops.unique(o, f) return f:unique(o.by, { keep = o.keep }) end

function ops.duplicated(o, f)
  return frame.new { { "m", f:duplicated(o.by, { keep = o.keep }) } }
end

function ops.value_counts(o, f) return f:value_counts(o.column, { dropna = o.dropna }) end

function ops.dropna(o, f) return f:dropna(o.columns, { how = o.how }) end

function ops.fillna(o, f)
  return f:fillna(o.how, { limit = o.limit, columns = o.columns, by = o.by })
end

function ops.concat(o, f, g) return frame.concat({ f, g }, o) end

function ops.sort(o, f) return f:sort(o.by, { descending = o.descending }) end

local function run_golden(name)
  local count = 0
  for line in io.lines("tests/golden/pandas/reshape_" .. name .. ".jsonl") do
    count = count + 1
    local case = json.decode(line)
    local o, frames = arguments(case.args), {}
    for i, columns in ipairs(case.frames) do frames[i] = frame_of(columns) end
    it(("%s %d: %s"):format(name, count, case.op), function()
      assert_frame(frame_of(case.want), ops[case.op](o, table.unpack(frames)))
    end)
  end
end

describe("as pandas:", function()
  run_golden "groups"
  run_golden "joins"
  run_golden "shapes"
  run_golden "order"
end)

-- groups ------------------------------------------------------------------------------------------

-- A frame with more rows than a chunk of the core has, of few or many groups.
local function large(n, groups, seed)
  local rng = neap.rng(seed)
  local x = tensor.randn { n, rng = rng }
  x[tensor.rand { n, rng = rng }:lt(0.1)] = nan
  return frame.new {
    { "k", tensor.randint { n, low = 1, high = groups, rng = rng } }, { "x", x },
    { "i", tensor.randint { n, low = -5, high = 5, rng = rng } },
    { "f", x:to "f32" },
  }
end

-- Sums and their kin of each group, row by row in plain Lua.
local function plain_groups(f, name)
  local by_key, list = {}, {}
  local k, x = f.k:totable(), f:column(name):totable()
  for i = 1, #k do
    local g = by_key[k[i]]
    if not g then
      g = { key = k[i], size = 0, values = {} }
      by_key[k[i]], list[#list + 1] = g, g
    end
    g.size = g.size + 1
    if x[i] == x[i] then g.values[#g.values + 1] = x[i] end
  end
  table.sort(list, function(a, b) return a.key < b.key end)
  for _, g in ipairs(list) do
    local v, sum, seen = g.values, 0, {}
    g.different = 0
    for _, each in ipairs(v) do
      sum = sum + each
      if not seen[each] then
        seen[each] = true
        g.different = g.different + 1
      end
    end
    g.sum, g.mean, g.first, g.last = sum, sum / #v, v[1] or nan, v[#v] or nan
    local squares = 0
    for _, each in ipairs(v) do squares = squares + (each - g.mean) ^ 2 end
    g.var = #v > 1 and squares / (#v - 1) or nan
    table.sort(v)
    g.low, g.high = v[1] or nan, v[#v] or nan
    local place = 1 + 0.75 * (#v - 1)
    local below = math.floor(place)
    g.q = #v == 0 and nan
      or v[below] + (place - below) * ((v[below + 1] or v[below]) - v[below])
  end
  return list
end

describe("f:group_by", function()
  for _, case in ipairs { { 100000, 3 }, { 70000, 900 }, { 70000, 50000 }, { 33000, 1 },
    { 1, 1 }, { 40, 7 } } do
    local n, groups = table.unpack(case)
    it(("agrees with plain Lua on %d rows of %d groups"):format(n, groups), function()
      local f = large(n, groups, n + groups)
      local g = f:group_by("k"):agg { { "n", "size" }, { "count", "x", "count" },
        { "sum", "x", "sum" }, { "mean", "x", "mean" }, { "var", "x", "var" },
        { "low", "x", "min" }, { "high", "x", "max" }, { "first", "x", "first" },
        { "last", "x", "last" }, { "q", "x", "quantile", 0.75 },
        { "different", "x", "nunique" } }
      local want = plain_groups(f, "x")
      assert.equal(#want, #g)
      local got = {}
      for _, name in ipairs(g:columns()) do got[name] = g:column(name):totable() end
      for i, w in ipairs(want) do
        local exact = w.key == got.k[i] and w.size == got.n[i] and #w.values == got.count[i]
        if not exact then error("key or count of group " .. i) end
        for _, name in ipairs { "sum", "mean", "var", "low", "high", "first", "last", "q",
          "different" } do
          local ok = math.abs(w[name] - got[name][i]) <= 1e-11 * math.max(1, math.abs(w[name]))
          -- plain sums of 1e5 terms err by up to 1e5 half units in the last place
          if not ok and not near(w[name], got[name][i]) then error(name .. " of group " .. i) end
        end
      end
    end)
  end

  it("gives the same bits at any thread count", function()
    local f = large(300000, 1000, 1)
    local entries = { { "a", "x", "mean" }, { "b", "x", "std" }, { "c", "f", "sum" },
      { "d", "x", "median" }, { "e", "i", "skew" }, { "g", "x", "wmean", "f" },
      { "h", "x", "prod" } }
    local function made(threads)
      neap.set_threads(threads)
      local g = f:group_by "k"
      return { g:agg(entries):matrix(), g:transform { { "r", "x", "rank" },
        { "c", "x", "cumsum" } }:matrix() }
    end
    local one = made(1)
    for _, threads in ipairs { 2, 4 } do
      local more = made(threads)
      for k = 1, 2 do
        local same = (one[k]:eq(more[k]) | (one[k]:ne(one[k]) & more[k]:ne(more[k]))):all()
        assert.is_true(same)
      end
    end
    neap.set_threads(2)
  end)

  it("loses no digits beside a large offset", function()
    local f = frame.new { { "k", { 1, 1, 1, 1 } },
      { "x", { 1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16 } } }
    assert.equal(30.0, f:group_by("k"):var().x[1])
    assert.equal(0.0, f:group_by("k"):skew().x[1])
  end)

  it("sums the rows of one group in sixteens as well", function()
    local f = frame.new { { "k", tensor.ones { 50000 } }, { "x", tensor.ones { 50000 } },
      { "i", tensor.full { 50000, value = 2, dtype = "i32" } } }
    local g = f:group_by("k"):sum()
    assert.equal(50000.0, g.x[1])
    assert.equal(100000, g.i[1])
  end)

  it("takes frames without rows and rows without keys", function()
    local f = frame.new { { "k", tensor.zeros { 0 } }, { "x", tensor.zeros { 0 } } }
    assert.equal(0, #f:group_by("k"):sum())
    assert.equal(0, #f:group_by("k"):transform { { "r", "x", "rank" } })
    for _ in f:group_by("k"):groups() do error "no group expected" end
    local g = frame.new { { "k", { nan, nan } }, { "x", { 1, 2 } } }:group_by "k"
    assert.equal(0, #g)
    assert.same({ "k", "x" }, g:mean():columns())
    local r = g:transform { { "m", "x", "mean" }, { "n", "x", "cumcount" } }
    assert.is_true(r.m:ne(r.m):all())
    assert.same({ 0, 0 }, r.n:totable())
  end)

  it("takes columns that are called like methods", function()
    local f = frame.new { { "sum", { "a", "b", "a" } }, { "sort", { 1, 2, 3 } } }
    local g = f:group_by("sum"):agg { { "mean", "sort", "mean" } }
    assert.equal(2.0, g:column "mean"[1])
    assert.same({ "a", "b" }, g:column "sum":totable())
  end)

  it("tells texts apart by what they say, not by their codes", function()
    local category = require "neap.frame.category"
    local codes = tensor.of({ 1, 2, 3, 0 }, { dtype = "i32" })
    local f = frame.new { { "s", category.of_codes(codes, { "x", "a", "x" }) },
      { "v", { 1, 2, 4, 8 } } }
    local g = f:group_by("s"):sum()
    assert.same({ "a", "x" }, g.s:totable())
    assert.same({ 2, 5 }, g.v:totable())
    local broken = frame.new { { "s", category.of_codes(codes, { "x" }) } }
    assert.truthy(support.message(broken.group_by, broken, "s")
      :find("column 's': row 2 has code 2, but there are 1 labels", 1, true))
  end)

  for _, case in ipairs {
    { function(f) f:group_by "smybol" end, "unknown column 'smybol' (did you mean 'symbol'?)" },
    { function(f) f:group_by {} end, "frame:group_by: by must name a column, got an empty table" },
    { function(f) f:group_by { "x", "x" } end, "by names 'x' twice" },
    { function(f) f:group_by(3) end, "by must be names of columns, got number" },
    { function(f) f:group_by("x", { sorted = true }) end, "unknown option 'sorted'" },
    { function(f) f:group_by("symbol"):agg {} end, "groups:agg: an array of { name, column" },
    { function(f) f:group_by("symbol"):agg { { "a", "x", "avg" } } end, "unknown statistic 'avg'" },
    { function(f) f:group_by("symbol"):agg { { "a", "x", "quantile" } } end,
      "'a' is a quantile, so its entry ends with q in [0, 1], got nil" },
    { function(f) f:group_by("symbol"):agg { { "a", "x", "wmean" } } end,
      "'a' is a wmean, so its entry ends with the column of weights" },
    { function(f) f:group_by("symbol"):agg { { "symbol", "x", "sum" } } end,
      "groups:agg: two columns would be called 'symbol'" },
    { function(f) f:group_by("x"):agg { { "a", "symbol", "mean" } } end,
      "column 'symbol' is a category, which has no mean (it has size, count, first, last" },
    { function(f) f:group_by("x"):agg { { "a", "time", "sum" } } end,
      "column 'time' is a time, which has no sum (it has size, count, min, max" },
    { function(f) f:group_by("x"):agg { { "a", "x", function() return "no" end } } end,
      "the function of 'a' must return a number, got string" },
    { function(f) f:group_by("x"):transform { { "a", "x", function() return {} end } } end,
      "must return a number or 1 numbers, got table" },
    { function(f) f:group_by("x"):apply(function() return 1 end) end,
      "groups:apply: the function must return a frame or nil, got number" },
    { function(f) f:group_by("symbol").mean {} end, "groups:mean: groups are expected, got table" },
  } do
    it("says: " .. case[2], function()
      local f = frame.new { { "symbol", { "A", "B" } }, { "x", { 1, 2 } },
        { "time", tensor.of({ 1, 2 }, { dtype = "i64" }) } }
      local message = support.message(case[1], f)
      assert.truthy(message:find(case[2], 1, true), message)
      assert.truthy(message:find("reshape_test.lua", 1, true), message)
    end)
  end
end)

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
    { { on = "kk" }, "unknown column 'kk' (did you mean 'k'?)" },
    { { on = "x" },
      "key 'x' is f64 on the left, but 'x' is i64 on the right; convert one with x:to" },
    { { left_on = "k", right_on = "x" }, "key 'k' is category on the left, but 'x' is i64 on the "
      .. "right; keys must be of one kind" },
    { { on = "k", how = "middle" }, "unknown how 'middle' (known: anti, cross, inner" },
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
    { { by = "t" }, "unknown column 't'" },
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

-- shapes ------------------------------------------------------------------------------------------

describe("f:pivot and f:melt", function()
  it("undo each other", function()
    local rng = neap.rng(3)
    for _ = 1, 20 do
      local n, wide = rng:integer(1, 9), { { "day", nil } }
      wide[1][2] = tensor.permutation(n, { rng = rng })
      for k = 1, rng:integer(1, 6) do wide[k + 1] = { "c" .. k, tensor.randn { n, rng = rng } } end
      local f = frame.new(wide)
      local g = f:melt { id = "day" }:pivot { index = "day", columns = "variable",
        values = "value" }
      assert_frame(f:sort "day", g)
    end
  end)

  it("makes columns of several values, named by value and key", function()
    local f = frame.new { { "d", { 1, 2 } }, { "k", tensor.of({ 7, 8 }, { dtype = "i64" }) },
      { "a", { 1, 2 } }, { "b", tensor.of { true, false } } }
    local g = f:pivot { index = "d", columns = "k" }
    assert.same({ "d", "a_7", "a_8", "b_7", "b_8" }, g:columns())
    assert.equal("f64", g:dtype "b_7")
    assert.equal(1.0, g.b_7[1])
    local h = f:pivot { index = "d", columns = "k", values = "a", agg = function(x) return #x end }
    assert.equal(1.0, h:column "8"[2])
  end)

  it("refuse what would fill the memory with gaps", function()
    local n = 70000
    local f = frame.new { { "i", tensor.arange(1, n) }, { "x", tensor.ones { n } },
      { "k", tensor.arange(1, n):to "i64" % 50000 } }
    assert.truthy(support.message(f.pivot, f, { index = "k", columns = "i", values = "x" })
      :find("column 'i' has 70000 different values, and each would be a column", 1, true))
    assert.truthy(support.message(f.pivot, f, { index = "i", columns = "k", values = "x" })
      :find("70000 rows of 50000 columns are more than 2147483648 cells", 1, true))
  end)

  for _, case in ipairs {
    { function(f) f:pivot { index = "d", columns = "k", values = "x" } end,
      "pivot: rows 1 and 3 have the same index and column; option 'agg' makes one value of them" },
    { function(f) f:pivot { columns = "k" } end, "frame:pivot: option 'index' is required" },
    { function(f) f:pivot { index = "d", columns = "q" } end, "unknown column 'q'" },
    { function(f) f:pivot { index = "d", columns = "k", agg = 3 } end,
      "agg must be a statistic or a function, got number" },
    { function(f) f:pivot { index = "d", columns = "k", values = "x", agg = "avg" } end,
      "unknown statistic 'avg'" },
    { function(f) f:rename { d = "A" }:pivot { index = "A", columns = "k", values = "x",
      agg = "sum" } end, "two columns would be called 'A'" },
    { function(f) f:melt { id = { "d", "k", "x" } } end, "there is no column to melt" },
    { function(f) f:melt {} end,
      "column 'k' is a category, but 'd' is a number; option 'columns'" },
    { function(f) f:melt { id = "d", columns = "x", name = "d" } end,
      "frame:melt: two columns would be called 'd'" },
  } do
    it("say: " .. case[2], function()
      local f = frame.new { { "d", { 1, 2, 1 } }, { "k", { "A", "B", "A" } },
        { "x", { 1, 2, 3 } } }
      local message = support.message(case[1], f)
      assert.truthy(message:find(case[2], 1, true), message)
    end)
  end
end)

describe("rows of a frame", function()
  local f = frame.new { { "x", { 1, nan, 3, nan } }, { "s", { "a", false, "a", "b" } },
    { "time", tensor.of({ 10, 20, 40, 50 }, { dtype = "i64" }) }, { "sample", { 1, 2, 3, 4 } } }

  it("are drawn by seed, without repeats", function()
    local a, b = f:sample(3, { seed = 1 }), f:sample(3, { seed = 1 })
    assert.same(a:column "sample":totable(), b:column "sample":totable())
    assert.equal(3, #a:unique "sample")
    assert.equal(2, #f:sample(0.5, { seed = 2 }))
    assert.equal(4, #f:sample(1.0, { seed = 2 }):unique "sample")
    assert.equal(9, #f:sample(9, { seed = 2, replace = true }))
    assert.equal(0, #f:sample(0))
    assert.equal(0, #f:sample(0.0))
    assert.truthy(support.message(f.sample, f, 5)
      :find("frame:sample: 5 rows of 4; replace = true", 1, true))
    assert.truthy(support.message(f.sample, f, -1):find("a number of rows or a fraction", 1, true))
    assert.truthy(support.message(f.sample, f:head(0), 1, { replace = true }):find("1 rows of 0", 1,
      true))
  end)

  it("are dropped where values are missing", function()
    assert.equal(2, #f:dropna())
    assert.equal(2, #f:dropna "x")
    assert.equal(4, #f:dropna { how = "all" })
    assert.equal(3, #f:dropna({ "x", "s" }, { how = "all" }))
    assert.truthy(support.message(f.dropna, f, "y"):find("unknown column 'y'", 1, true))
    assert.truthy(support.message(f.dropna, f, { how = "some" })
      :find("unknown how 'some'", 1, true))
  end)

  it("are filled by the kind of their columns", function()
    local g = f:fillna { x = 0, s = "none" }
    assert.same({ 1.0, 0.0, 3.0, 0.0 }, g.x:totable())
    assert.same({ "a", "none", "a", "b" }, g.s:totable())
    assert.same({ "a", false, "a", "b" }, f.s:totable())
    assert.is_true(near(5 / 3, f:fillna("time", { columns = "x" }).x[2]))
    local t = frame.new { { "time", tensor.of({ 1, nat }, { dtype = "i64" }) } }
    assert.same({ 1, 7 }, t:fillna({ time = 7 }).time:totable())
    assert.same({ 1, 1 }, t:fillna("forward").time:totable())
  end)

  it("that have no key are not filled", function()
    local g = frame.new { { "k", { "a", false, "a" } }, { "x", { 1, nan, nan } } }
    local x = g:fillna("forward", { by = "k" }).x
    assert.is_true(x[2] ~= x[2])
    assert.equal(1.0, x[3])
  end)

  for _, case in ipairs {
    { { "foward" }, "unknown method 'foward' (did you mean 'forward'?)" },
    { { "none" }, "a text for missing texts is given by column: { side = 'none' }" },
    { { true }, "a number, a method or { column = value } is expected, got boolean" },
    { { { 1 } }, "values are given by column, { x = 0 }, not in an array" },
    { { { x = "a" } }, "column 'x' is filled by a number, got string" },
    { { { s = 1 } }, "column 's' is text, and is filled by a text, got number" },
    { { { time = 1.5 } }, "column 'time' is of times, and is filled by nanoseconds, got 1.5" },
    { { { y = 1 } }, "unknown column 'y'" },
    { { "linear", { columns = "s" } },
      "column 's' is a category, lines are drawn between numbers" },
    { { 0, { limit = 0 } }, "limit is 0, must be 1 at least" },
    { { "time", { time = "x" } }, "column 'x' is a f64; option 'time' names the times" },
    { { { x = 1 }, { columns = "x" } }, "option 'columns' goes with one value or a method" },
  } do
    it("say: " .. case[2], function()
      local message = support.message(f.fillna, f, table.unpack(case[1]))
      assert.truthy(message:find(case[2], 1, true), message)
    end)
  end

  it("that are not in order of time have no line by time", function()
    assert.truthy(support.message(f.fillna, f:sort("time", { descending = true }), "time")
      :find("fillna: times must rise, but that of row 2 does not", 1, true))
  end)

  it("are compared in many columns", function()
    local columns = {}
    for k = 1, 300 do columns[k] = { "c" .. k, tensor.of { 1, 1, 2 } } end
    assert.equal(2, #frame.new(columns):unique())
    assert.equal(0, #f:head(0):unique())
    assert.truthy(support.message(f.unique, f, "x", { keep = "any" }):find("unknown keep 'any'", 1,
      true))
  end)
end)
