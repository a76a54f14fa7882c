-- experiments/02_panel_features.lua as its users run it: audit, dataset, repeatability, real files.
local command = require "tests.lua.command"
local dataset = require "neap.dataset"
local file = require "neap.file"
local json = require "neap.json"
local support = require "tests.lua.support"

local script = command.quote(command.root .. "/experiments/02_panel_features.lua")

-- One run in a fresh folder: its path, its metrics, what it printed.
local function run(options)
  local folder = file.temporary_folder()
  local result = command.shell(folder, ("%s %s %s"):format(command.quote(command.neap), script,
    options))
  assert.equal(0, result.code, result.err)
  local names = file.list(folder .. "/runs")
  assert.equal(1, #names)
  local path = folder .. "/runs/" .. names[1]
  return path, json.decode(file.read(path .. "/metrics.json"), "metrics"), result.out
end

local function judged(m)
  for _, name in ipairs { "majority_accuracy", "trees_accuracy", "logistic_accuracy", "trees_auc",
    "logistic_auc" } do
    assert.is_true(m[name] > 0 and m[name] < 1, name)
  end
end

describe("the panel experiment", function()
  it("audits its features, keeps a dataset and judges a model", function()
    local path, m, out = run "--rows 2000 --trees 20 --cuts 3"
    assert.truthy(out:find("no column looks ahead", 1, true), out)
    assert.truthy(file.read(path .. "/audit.txt"):find("none found", 1, true))
    judged(m)
    local D = dataset.load(path .. "/dataset")
    assert.equal(m.fingerprint, D:fingerprint())
    assert.equal(31, #D.names)
    assert.is_true(D.label_known_at:gt(D.times):all())
    assert.is_true(D.x:isfinite():all())
    local again = select(2, run "--rows 2000 --trees 20 --cuts 3")
    assert.same(m, again)
  end)

  it("runs on eight real pairs", function()
    local folder = support.data "crypto/ETH_BTC-5m.csv.gz"
    if not folder then return pending "data folder absent" end
    local _, m, out = run("--cuts 2 --trees 50 --data "
      .. command.quote(command.root .. "/../shared/data/crypto"))
    assert.truthy(out:find("46079 of 8 symbols", 1, true), out)
    judged(m)
  end)

  it("says what is wrong with its options", function()
    local folder = file.temporary_folder()
    local function message(options)
      local result = command.shell(folder, ("%s %s %s"):format(command.quote(command.neap), script,
        options))
      assert.is_true(result.code ~= 0)
      return result.err
    end
    assert.truthy(message("--data /nowhere"):find("/nowhere", 1, true))
    assert.truthy(message("--data ."):find("no file in '.'", 1, true))
    assert.truthy(message("--train_share 0.7 --valid_share 0.3"):find("sum to 1", 1, true))
    assert.same({}, file.exists(folder .. "/runs") and file.list(folder .. "/runs") or {})
  end)
end)
