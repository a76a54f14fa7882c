-- experiments/03_fresh_models.lua as its users run it: figures, repeatability, a real file.
local command = require "tests.lua.command"
local file = require "neap.file"
local json = require "neap.json"
local support = require "tests.lua.support"

local script = command.quote(command.root .. "/experiments/03_fresh_models.lua")

local function shell(folder, options)
  return command.shell(folder, ("%s %s %s"):format(command.quote(command.neap), script, options))
end

-- One run in a fresh folder: its metrics, and what it printed.
local function run(options)
  local folder = file.temporary_folder()
  local result = shell(folder, options)
  assert.equal(0, result.code, result.err)
  local names = file.list(folder .. "/runs")
  assert.equal(1, #names)
  local path = folder .. "/runs/" .. names[1]
  return json.decode(file.read(path .. "/metrics.json"), "metrics"), result.out
end

local function judged(m)
  for _, model in ipairs { "trees", "logistic", "base_rate" } do
    for _, cadence in ipairs { "never", "nightly", "weekly", "monthly" } do
      local name = model .. "_" .. cadence
      assert.is_true(m[name .. "_log_loss"] > 0 and m[name .. "_log_loss"] < 2, name)
      assert.is_true(m[name .. "_auc"] > 0.4 and m[name .. "_auc"] < 1, name)
      assert.is_true(m[name .. "_won"] <= m.months, name)
    end
    assert.equal(0, m[model .. "_never_updates"])
    assert.is_true(m[model .. "_nightly_updates"] > m[model .. "_weekly_updates"])
    assert.is_true(m[model .. "_weekly_updates"] > m[model .. "_monthly_updates"])
  end
end

describe("the experiment of fresh models", function()
  local options = "--rows 3000 --trees 40 --recent 400"

  it("judges every cadence of every model, the same each time", function()
    local m, out = run(options)
    judged(m)
    assert.equal(1, select(2, out:gsub("\ntrees +nightly", "")))
    assert.is_true(m.trees_never_log_loss < m.base_rate_never_log_loss) -- predictable on purpose
    assert.is_true(m.trees_never_auc > 0.8)
    assert.equal(m.rows // 24, m.trees_nightly_updates) -- a night each 24 hourly bars
    assert.same(m, (run(options)))
  end)

  it("runs on a real file", function()
    local path = support.data "intraday/EURUSD_1h_2017_2018.csv.gz"
    if not path then return pending "data folder absent" end
    local m = run("--trees 30 --data " .. command.quote(command.root
      .. "/../shared/data/intraday/EURUSD_1h_2017_2018.csv.gz"))
    judged(m)
    assert.equal(7, m.months)
  end)

  it("says what is wrong with its options", function()
    local folder = file.temporary_folder()
    local function message(given)
      local result = shell(folder, given)
      assert.is_true(result.code ~= 0)
      return result.err
    end
    assert.truthy(message("--data /nowhere"):find("/nowhere", 1, true))
    assert.truthy(message("--rows 2000 --train_share 0.1"):find("500 there and 100", 1, true))
    assert.same({}, file.exists(folder .. "/runs") and file.list(folder .. "/runs") or {})
  end)
end)
