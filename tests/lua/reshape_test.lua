-- Groups, joins and shapes of frames as pandas has them (tests/golden/reshape_cases.py), and shapes
-- by what they undo and refuse.
local frame = require "neap.frame"
local frame_support = require "tests.lua.frame_support"
local json = require "neap.json"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan, nat, near, frame_of, assert_frame = frame_support.nan, frame_support.nat,
  frame_support.near, frame_support.frame_of, frame_support.assert_frame

-- golden cases ------------------------------------------------------------------------------------

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
    { { "ffill" }, "unknown method 'ffill' (did you mean 'forward'?)" },
    { { "pad" }, "unknown method 'pad' (did you mean 'forward'?)" },
    { { "bfill" }, "unknown method 'bfill' (did you mean 'backward'?)" },
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
