-- What a fit takes, predicted and measured: each case in a process of its own, since the peak of
-- one outlives it.
local command = require "tests.lua.command"
local gbdt = require "neap.gbdt"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local script = [[
  local neap = require "neap"
  local gbdt, tensor = neap.gbdt, neap.tensor
  neap.set_threads(2)
  local function data(n, f, seed)
    local x = tensor.randn { n, f, seed = seed, dtype = "f32" }
    local y = (x[{ {}, 1 }] + x[{ {}, 2 }] * x[{ {}, 3 }]):to "f64"
    return x, %s
  end
  local o = %s
  local x, y = data(%d, %d, 1)
  if o.valid then o.valid = { data(o.valid, %d, 2) } end
  local want = gbdt.memory(x, o)
  collectgarbage() collectgarbage()
  local before = neap.memory().live
  gbdt.fit(x, y, o)
  print(want.total / (neap.memory().peak - before))]]

local value, two, three = "y", "y:gt(0):to 'f64'", "y:clamp(-1, 1):round()"

-- labels, options, rows, features
local cases = {
  { two, "{ objective = 'binary', num_iterations = 10 }", 200000, 20 },
  { two, "{ objective = 'binary', num_iterations = 5 }", 600000, 6 },
  { two, "{ objective = 'binary', num_iterations = 50, num_leaves = 63 }", 20000, 300 },
  { two, "{ objective = 'binary', num_iterations = 50 }", 20000, 50 },
  { two, "{ objective = 'binary', boosting = 'goss', learning_rate = 0.5, num_iterations = 5 }",
    600000, 6 },
  { two, "{ objective = 'binary', metric = 'auc', valid = 300000, num_iterations = 3 }", 600000,
    6 },
  { three, "{ objective = 'multiclass', num_class = 3, num_iterations = 3 }", 600000, 6 },
  { value, "{ boosting = 'rf', bagging_fraction = 0.5, bagging_freq = 1, num_iterations = 5 }",
    600000, 6 },
  { value, "{ num_iterations = 200, num_leaves = 255 }", 100000, 20 },
}

describe("gbdt.memory", function()
  it("is within a tenth of what the fit takes", function()
    if command.sanitized then return end -- slow there, and the numbers are the same
    for _, case in ipairs(cases) do
      local labels, o, n, f = table.unpack(case)
      local result = command.shell(".", ("NEAP_LOG=off %s -e %s"):format(command.neap,
        command.quote(script:format(labels, o, n, f, f))))
      local ratio = tonumber(result.out)
      assert.is_truthy(ratio, result.err)
      assert.is_true(ratio > 0.9 and ratio < 1.1, ("%s: %.3f"):format(o, ratio))
    end
  end)

  it("adds up, and prints", function()
    local parts = gbdt.memory({ 1000000, 28 }, { objective = "binary", num_leaves = 255 })
    assert.is_true(parts.total >= parts.bins + parts.scores + parts.gradients + parts.histograms)
    assert.matches("^bins +32 MB\n", (tostring(parts):gsub("32%.%d", "32")))
    assert.matches("\ntotal +%S+ MB$", tostring(parts))
    local valid = gbdt.memory({ 1000000, 28 }, { valid = { tensor.zeros { 1000, 28 },
      tensor.zeros { 1000 } } })
    assert.equal(1000 * (28 + 16), valid.valid)
  end)

  it("refuses a fit that would take more than max_memory, before it starts", function()
    local x = tensor.randn { 5000, 10, seed = 1 }
    local y = x[{ {}, 1 }]
    local text = support.message(gbdt.fit, x, y, { max_memory = "1MB" })
    assert.matches("gbdt%.fit: 5000 rows of 10 features would take [%d.]+ MB beside the data, "
      .. "max_memory is 1 MB %(bins [%d.]+ kB, scores 80 kB, gradients [%d.]+ kB, histograms "
      .. "[%d.]+ MB, trees [%d.]+ kB, passing [%d.]+ kB%)$", text)
    for _, enough in ipairs { "1 GB", "100mb", 1e9, 1000000000 } do
      assert.equal(3, gbdt.fit(x, y, { max_memory = enough, num_iterations = 3 }).best_iteration)
    end
    for _, bad in ipairs { "much", 0, -1, "2 XB", true, 1 / 0 } do
      assert.matches(("gbdt.fit: max_memory is '%s', a number of bytes or text like '2GB' is "
        .. "expected"):format(tostring(bad)):gsub("[-.]", "%%%0"), (support.message(gbdt.fit, x, y,
        { max_memory = bad })))
    end
  end)

  it("refuses what it cannot know", function()
    local function fails(text, ...)
      assert.equal(text, support.message(gbdt.memory, ...):match "gbdt.*")
    end
    fails("gbdt.memory: several classes need num_class", { 100, 3 }, { objective = "multiclass" })
    fails("gbdt.memory: x must be rows by features, got 1 dims", tensor.zeros { 3 })
    fails("gbdt.memory: rows is 0, must be 1 at least", { 0, 3 })
    fails("gbdt.memory: features must be an integer, got nil", { 5 })
    fails("gbdt.fit: unknown option 'leaves' (did you mean 'num_leaves'?)", { 5, 5 },
      { leaves = 3 })
  end)
end)
