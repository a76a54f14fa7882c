-- Names from elsewhere and arguments of the wrong shape: what a frame says to them.
local elsewhere = require "neap.frame.elsewhere"
local frame = require "neap.frame"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local modules = {}
for _, name in ipairs(neap.modules()) do modules[name] = true end

local function sample()
  return frame.new { { "close", { 9, 11, 11 } }, { "high", { 10, 12, 13 } },
    { "venue", { "A", "B", "A" } } }
end

-- The methods that a hint calls by x:name, or by x.column:name, and whether x has each.
local function check_methods(hint, letter, x)
  for name in hint:gmatch("%f[%w]" .. letter .. ":([%a_]+)") do
    assert.is_function(x[name], hint)
  end
end

local function check(hint)
  local f = sample()
  check_methods(hint, "f", f)
  check_methods(hint, "g", f:group_by "venue")
  check_methods(hint, "c", f.venue)
  check_methods(hint, "close", f.close)
  for module, name in hint:gmatch "%f[%w]([%a_]+)%.([%a_]+)" do
    if modules[module] then assert.is_function(neap[module][name], hint) end
  end
end

describe("a name from elsewhere", function()
  it("is none of our own, and its hint names what exists", function()
    local f = sample()
    local g, groups = f:group_by "venue", 0
    for name, hint in pairs(elsewhere.methods) do
      local message = support.message(function() return f[name] end)
      assert.truthy(message:find("no column or method '" .. name .. "'; write ", 1, true), message)
      check(hint)
    end
    for name, hint in pairs(elsewhere.functions) do
      local message = support.message(function() return frame[name] end)
      assert.truthy(message:find("no function '" .. name .. "'; write ", 1, true), message)
      check(hint)
    end
    for name, hint in pairs(elsewhere.category) do
      local message = support.message(function() return f.venue[name] end)
      assert.truthy(message:find("no method '" .. name .. "'; write ", 1, true), message)
      check(hint)
    end
    for name, hint in pairs(elsewhere.groups) do
      local message = support.message(function() return g[name] end)
      assert.truthy(message:find("no method '" .. name .. "'; write ", 1, true), message)
      check(hint)
      groups = groups + 1
    end
    assert.is_true(groups > 10)
  end)

  it("may be that of a column", function()
    local f = frame.new { { "index", { 4, 5 } }, { "count", { 1, 2 } } }
    assert.equal(9.0, f.index:sum())
    assert.equal(3.0, f.count:sum())
  end)

  it("is otherwise told the nearest one", function()
    local f = sample()
    assert.matches("did you mean 'select'", support.message(function() return f.selekt end))
    assert.matches("did you mean 'totable'", support.message(function() return f.venue.totabel end))
    assert.matches("did you mean 'median'",
      support.message(function() return f:group_by("venue").medain end))
    assert.matches("'close' is a column; write g:agg",
      support.message(function() return f:group_by("venue").close end))
    assert.matches("'where' is a method of frames: f:where",
      support.message(function() return frame.where end))
    assert.matches("did you mean 'close'", support.message(function() return f.CLOSE end))
    assert.matches("did you mean 'rsi'", support.message(function() return neap.ta.RSI end))
    assert.matches("did you mean 'concat'", support.message(function() return frame.conact end))
  end)
end)

describe("a name of scikit-learn, LightGBM or pandas", function()
  local preprocess, split = neap.preprocess, neap.split
  local cases = {
    { "standard", function() return preprocess.StandardScaler end },
    { "minmax", function() return preprocess.MinMaxScaler end },
    { "one_hot", function() return preprocess.OneHotEncoder end },
    { "chain", function() return preprocess.Pipeline end },
    { "pca", function() return preprocess.PCA end },
    { "time", function() return split.train_test_split end },
    { "expanding", function() return split.TimeSeriesSplit end },
    { "fit", function() return neap.gbdt.LGBMClassifier end },
    { "f1", function() return neap.metrics.f1_score end },
    { "accuracy", function() return neap.metrics.accuracy_score end },
    { "columns", function() frame.read_csv("x", { usecols = {} }) end },
    { "max_rows", function() frame.read_csv("x", { nrows = 3 }) end },
    { "min_count", function() sample():rolling(2, { min_periods = 1 }) end },
  }
  for _, case in ipairs(cases) do
    it("leads to " .. case[1], function()
      local message = support.message(case[2])
      assert.truthy(message:find(("(did you mean '%s'?)"):format(case[1]), 1, true), message)
    end)
  end
end)

describe("arguments of another shape", function()
  it("are refused, or mean what they seem to", function()
    local f = sample()
    local cases = {
      { f.select, { f, "close", "high" }, "select: names are one array, as in" },
      { f.select, { f }, "select: names must name a column, got nil" },
      { f.drop, { f, "close", "high" }, "drop: names are one array, as in" },
      { f.rename, { f, "close", "price" }, "rename: names are a table of old to new" },
      { f.rename, { f, { "close", "price" } }, "rename: names are a table of old to new" },
      { f.assign, { f, { x = f.close } }, "assign: column 'x' must be { 'x', values }" },
      { f.assign, { f, "x", f.close }, "assign: columns must be a table, got string" },
      { f.sort, { f }, "sort: by must name a column, got nil" },
      { f.sort, { f, "close", { descending = 1 } }, "descending is true, false or an array of 1" },
      { f.sort, { f, { "close", "high" }, { descending = { true } } }, "an array of 2" },
      { f.sort, { f, "close", { descending = { true, true } } }, "2 truths for 1 columns" },
      { frame.concat, { f, f }, "concat: frames are one array, as in { f, g }" },
    }
    for _, case in ipairs(cases) do
      local message = support.message(case[1], table.unpack(case[2]))
      assert.truthy(message:find(case[3], 1, true), message)
    end
    assert.same({ "close" }, f:select("close"):columns())
    assert.same({ "high", "venue" }, f:drop("close"):columns())
    assert.equal(0, #f:select({}):columns())
    assert.same({ 3, 1 }, f:matrix("close").shape)
    assert.matches("taken out by f:drop { 'close' }",
      support.message(function() f.close = nil end))
  end)

  it("sort each column its own way", function()
    local f = sample():sort({ "close", "high" }, { descending = { true, false } })
    assert.same({ 12, 13, 10 }, f.high:totable())
    f = sample():sort({ "close", "high" }, { descending = true })
    assert.same({ 13, 12, 10 }, f.high:totable())
  end)
end)

describe("a category", function()
  it("prints its ends", function()
    assert.equal("category[3] of 2 labels {A, B, A}", tostring(sample().venue))
    local long = frame.category { "A", "B", false, "A", "B\n", "C", "A", "D" }
    assert.equal("category[8] of 5 labels {A, B, , ..., C, A, D}", tostring(long))
    assert.equal("category[0] of 0 labels {}", tostring(frame.category {}))
  end)

  it("stays a plain table for those who ask about metamethods", function()
    assert.is_nil(sample().venue.__close)
    assert.is_true(frame.new({ { "t", tensor.arange(3) } }):has "t")
  end)
end)
