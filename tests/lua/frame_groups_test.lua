-- Groups of rows: random cases against plain Lua, equal bits, and what is refused.
local frame = require "neap.frame"
local frame_support = require "tests.lua.frame_support"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan, near = frame_support.nan, frame_support.near

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

describe("groups of a frame that is edited later", function()
  it("keep the columns that they were made from", function()
    local f = frame.new { { "x", { 1, 2, 1 } } }
    local g, w = f:group_by "x", f:rolling(2)
    f.x = { 5, 6, 7, 8, 9 }
    assert.same({ 2, 1 }, g:size().size:totable())
    assert.equal(3.0, w:sum("x")[2])
    assert.equal(5, #f)
  end)
end)

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

  it("groups many rows of few texts as it groups their places", function()
    local texts, rng = { "d", "b", false, "e", "a", "c" }, neap.rng(8)
    local order = { a = 1, b = 2, c = 3, d = 4, e = 5 }
    local list, places = {}, {}
    for i = 1, 40000 do
      local text = texts[rng:integer(1, 6)]
      list[i], places[i] = text, text and order[text] or nan
    end
    local f = frame.new { { "s", frame.category(list) }, { "k", places },
      { "x", tensor.randn { #list, rng = rng } } }
    local some = f:where(f.k:ne(2)) -- a label that no row has
    for _, each in ipairs { f, some, f:sort "s", f:where(f.k:eq(3)) } do
      local a = each:group_by("s"):agg { { "m", "x", "mean" }, { "n", "size" } }
      local b = each:group_by("k"):agg { { "m", "x", "mean" }, { "n", "size" } }
      assert.same(b.m:totable(), a.m:totable())
      assert.same(b.n:totable(), a.n:totable())
      for i, text in ipairs(a.s:totable()) do assert.equal(order[text], b.k[i]) end
    end
    assert.equal(4, #some:group_by "s")
  end)

  it("tells texts apart by what they say, not by their codes", function()
    local category = require "neap.frame.category"
    local codes = tensor.of({ 1, 2, 3, 0 }, { dtype = "i32" })
    local f = frame.new { { "s", category.of_codes(codes, { "x", "a", "x" }) },
      { "v", { 1, 2, 4, 8 } } }
    local g = f:group_by("s"):sum()
    assert.same({ "a", "x" }, g.s:totable())
    assert.same({ 2, 5 }, g.v:totable())
    local c = category.of_codes(codes, { "x", "y", "z" })
    local broken = frame.new { { "s", c } }
    c.labels[3], c.labels[2] = nil, nil
    assert.truthy(support.message(broken.group_by, broken, "s")
      :find("column 's': row 2 has code 2, but there are 1 labels", 1, true))
  end)

  it("takes the columns that a statistic is for", function()
    local g = frame.new({ { "k", { 2, 1, 2 } }, { "s", { "A", "B", "A" } }, { "x", { 1, 2, 3 } },
      { "y", { 5, 6, 8 } } }):group_by "k"
    assert.same({ "k", "x", "y" }, g:mean():columns())
    assert.same({ "k", "y" }, g:mean("y"):columns())
    assert.same({ 6, 6.5 }, g:mean("y").y:totable())
    assert.same({ "k", "y", "x" }, g:max({ "y", "x" }):columns())
    assert.same({ 2, 2 }, g:quantile(0.5, "x").x:totable())
    assert.same({ "B", "A" }, g:first("s").s:totable())
  end)

  it("goes through the groups with pairs, and prints what they are", function()
    local g, seen = frame.new({ { "k", { 2, 1, 2 } }, { "x", { 1, 2, 3 } } }):group_by "k", {}
    for key, part in pairs(g) do seen[#seen + 1] = { key, part.x:totable() } end
    assert.same({ { 1.0, { 2.0 } }, { 2.0, { 1.0, 3.0 } } }, seen)
    assert.equal("groups[2] of 3 rows by k", tostring(g))
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
    { function(f) f:group_by("x"):mean "symbol" end,
      "groups:mean: column 'symbol' is a category, which has no mean" },
    { function(f) f:group_by("x"):mean "symbo" end, "unknown column 'symbo' (did you mean 'symb" },
    { function(f) return f:group_by("x")[1] end,
      "there is no group number 1; write for key, part in g:groups() do ... end" },
    { function(f) f:group_by("symbol").mean {} end, "groups:mean: groups are expected, got table" },
  } do
    it("says: " .. case[2], function()
      local f = frame.new { { "symbol", { "A", "B" } }, { "x", { 1, 2 } },
        { "time", tensor.of({ 1, 2 }, { dtype = "i64" }) } }
      local message = support.message(case[1], f)
      assert.truthy(message:find(case[2], 1, true), message)
      assert.truthy(message:find("frame_groups_test.lua", 1, true), message)
    end)
  end
end)
