-- Experiments with networks, 04_lstm_price.lua and 05_orderbook_cnn_lstm.lua, as their users run
-- them: figures, repeatability, real files, what is refused.
local command = require "tests.lua.command"
local file = require "neap.file"
local json = require "neap.json"
local support = require "tests.lua.support"

local function script(name) return command.quote(command.root .. "/experiments/" .. name) end

local price, book = script "04_lstm_price.lua", script "05_orderbook_cnn_lstm.lua"

local function shell(folder, name, options)
  return command.shell(folder, ("%s %s %s"):format(command.quote(command.neap), name, options))
end

-- One run in a fresh folder: its metrics, and what it printed.
local function run(name, options)
  local folder = file.temporary_folder()
  local result = shell(folder, name, options)
  assert.equal(0, result.code, result.err)
  local names = file.list(folder .. "/runs")
  assert.equal(1, #names)
  local path = folder .. "/runs/" .. names[1]
  for _, kept in ipairs { "report.html", "config.yaml", "weights.safetensors" } do
    assert.is_true(file.exists(path .. "/" .. kept), kept)
  end
  return json.decode(file.read(path .. "/metrics.json"), "metrics"), result.out
end

local function refused(name, options)
  local folder = file.temporary_folder()
  local result = shell(folder, name, options)
  assert.is_true(result.code ~= 0)
  assert.same({}, file.exists(folder .. "/runs") and file.list(folder .. "/runs") or {})
  return result.err
end

local function data(path)
  return support.data(path) and command.quote(command.root .. "/../shared/data/" .. path)
end

describe("the experiment of forecast closes", function()
  it("beats persistence where the market can be forecast, the same each time", function()
    local options = "--rows 1500 --epochs 4 --hidden 16"
    local m, out = run(price, options)
    for k = 1, 5 do -- the made-up closes bounce around a fair value
      assert.is_true(m["lstm_mape_" .. k] < m["persistence_mape_" .. k], "step " .. k)
      assert.is_true(m["lstm_direction_" .. k] > 0.55)
      assert.equal(0.5, m["persistence_direction_" .. k])
    end
    assert.truthy(out:find "\n5 +[%d.]+ %%")
    assert.same(m, (run(price, options)))
  end)

  it("runs on a real file", function()
    local path = data "intraday/EURUSD_1h_2017_2018.csv.gz"
    if not path then return pending "data folder absent" end
    local m = run(price, "--epochs 1 --hidden 8 --data " .. path)
    assert.is_true(m.rows_test > 600)
    assert.is_true(m.persistence_mape_1 < m.persistence_mape_5)
    assert.is_true(m.lstm_mape_5 > 0.5 * m.persistence_mape_5) -- hours ahead nobody halves it
  end)

  it("says what is wrong", function()
    assert.truthy(refused(price, "--data /nowhere"):find("/nowhere", 1, true))
    assert.truthy(refused(price, "--rows 1000 --length 900"):find("200 are needed", 1, true))
  end)
end)

describe("the experiment of order books", function()
  it("judges both models on made-up events, the same each time", function()
    local options = "--rows 1500 --horizon 20 --length 20 --filters 4 --hidden 8 --epochs 2"
    local m, out = run(book, options)
    for _, model in ipairs { "cnn_lstm", "logistic", "base_rate" } do
      assert.is_true(m[model .. "_log_loss"] > 0.2 and m[model .. "_log_loss"] < 3, model)
      assert.is_true(m[model .. "_accuracy"] > 0.05 and m[model .. "_accuracy"] < 0.99, model)
    end
    assert.truthy(out:find "\nlogistic +[%d.]+")
    assert.same(m, (run(book, options)))
  end)

  it("runs on real events", function()
    local path = data "orderbook/lob10/spot_btcusdt.npz"
    if not path then return pending "data folder absent" end
    local m = run(book, "--epochs 1 --length 20 --filters 4 --hidden 8 --data " .. path)
    assert.is_true(m.rows_train > 1500 and m.rows_test > 500)
  end)

  it("says what is wrong", function()
    local path = file.temporary_folder() .. "/other.npz"
    require("neap.tensor").save(path, { Y = require("neap.tensor").zeros { 2 } })
    assert.truthy(refused(book, "--data " .. command.quote(path)):find("must hold X", 1, true))
    assert.truthy(refused(book, "--rows 500 --horizon 200"):find("300 are needed", 1, true))
  end)
end)
