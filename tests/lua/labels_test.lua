local frame = require "neap.frame"
local labels = require "neap.labels"
local market = require "neap.market"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local hour = 3600 * 1000000000

-- The definition, bar by bar.
local function plain(close, k, threshold)
  local y = {}
  for i = 1, #close do
    if i + k > #close then y[i] = "nan"
    else
      local best = close[i + 1]
      for j = i + 1, i + k do best = math.max(best, close[j]) end
      y[i] = best / close[i] - 1 > threshold and 1.0 or 0.0
    end
  end
  return y
end

local function with_nan_named(t)
  local list = t:totable()
  for i, v in ipairs(list) do if v ~= v then list[i] = "nan" end end
  return list
end

describe("labels.threshold", function()
  it("equals its definition", function()
    local bars = market.synthetic { rows = 400 }
    for _, case in ipairs { { 1, 0 }, { 5, 0.02 }, { 7, -0.01 }, { 399, 0.1 }, { 400, 0.1 } } do
      local y = labels.threshold(bars, { lookforward = case[1], threshold = case[2] })
      assert.same(plain(bars.close:totable(), case[1], case[2]), with_nan_named(y))
    end
  end)

  it("is known at the end of the last bar it needs", function()
    local time = tensor.of({ 0, hour, 2 * hour, 5 * hour, 6 * hour }, { dtype = "i64" })
    local bars = { time = time, close = tensor.of { 1, 1, 1, 1, 1 } }
    local y, known = labels.threshold(bars, { lookforward = 2 })
    assert.same({ 3 * hour, 6 * hour, 7 * hour, math.mininteger, math.mininteger },
      known:totable())
    assert.same({ 0, 0, 0, "nan", "nan" }, with_nan_named(y))
    local _, nothing = labels.threshold(bars.close)
    assert.is_nil(nothing)
  end)

  it("does not change when the bars after its horizon are cut off", function()
    local bars = market.synthetic { rows = 300 }
    local y, known = labels.threshold(bars)
    for cut = 20, 290, 45 do
      local y_cut, known_cut = labels.threshold(bars:rows(1, cut))
      assert.same(y:slice(1, 1, cut - 5):totable(), y_cut:slice(1, 1, -6):totable())
      assert.same(known:slice(1, 1, cut - 5):totable(), known_cut:slice(1, 1, -6):totable())
    end
  end)

  it("is missing where a close is", function()
    local y = labels.threshold(tensor.of { 1, 2, 0 / 0, 4, 5 }, { lookforward = 1 })
    assert.same({ 1, "nan", "nan", 1, "nan" }, with_nan_named(y))
  end)

  it("takes no rows, f32 and views", function()
    assert.equal(0, #labels.threshold(tensor.zeros { 0 }))
    local x = tensor.of({ 1, 9, 2, 9, 4, 9 }, { dtype = "f32" }):slice(1, 1, -1, 2)
    assert.same({ 1, 1, "nan" }, with_nan_named(labels.threshold(x, { lookforward = 1 })))
  end)

  it("refuses what makes no sense", function()
    for _, case in ipairs {
      { { lookforward = 0 }, "lookforward is 0" }, { { lookforward = 1.5 }, "lookforward is 1.5" },
      { { threshold = "auto" }, "threshold is auto" }, { { horizon = 3 }, "unknown option" },
    } do
      local text = support.message(labels.threshold, tensor.of { 1, 2 }, case[1])
      assert.truthy(text:find(case[2], 1, true), text)
    end
    assert.truthy(support.message(labels.threshold, frame.new { { "x", { 1 } } })
      :find("no column 'close'", 1, true))
    assert.truthy(support.message(labels.threshold, 5):find("got number", 1, true))
  end)
end)

describe("labels.forward_return", function()
  it("is close to close", function()
    local close = tensor.of { 1, 2, 4, 2 }
    assert.same({ 3, 0, "nan", "nan" }, with_nan_named(labels.forward_return(close,
      { lookforward = 2 })))
    assert.equal(math.log(2), labels.forward_return(close, { log = true }):get(1))
  end)
end)

describe("labels.auto_threshold", function()
  it("gives the share that was asked for", function()
    local bars = market.synthetic { rows = 3000 }
    for _, share in ipairs { 0.1, 0.4, 0.75 } do
      local threshold = labels.auto_threshold(bars, { share = share })
      local y = labels.threshold(bars, { threshold = threshold }):slice(1, 1, -6)
      assert.is_true(math.abs(y:mean() - share) < 1e-3)
    end
  end)

  it("uses the rows it is given and nothing behind them", function()
    local bars = market.synthetic { rows = 3000 }
    local o = { rows = { 100, 1500 } }
    local threshold = labels.auto_threshold(bars, o)
    assert.equal(threshold, labels.auto_threshold(bars:rows(1, 1500), o))
    local y = labels.threshold(bars, { threshold = threshold }):slice(1, 100, 1495)
    assert.is_true(math.abs(y:mean() - 0.4) < 2e-3)
  end)

  it("finds small thresholds on quiet markets", function()
    if not support.data "README.md" then return pending "data folder absent" end
    local bars = market.read_ohlcv "../shared/data/intraday/EURUSD_1h_2017_2018.csv.gz"
    local threshold = labels.auto_threshold(bars)
    assert.is_true(threshold > 0.0002 and threshold < 0.002)
    local y = labels.threshold(bars, { threshold = threshold }):slice(1, 1, -6)
    assert.is_true(math.abs(y:mean() - 0.4) < 0.01)
  end)

  it("refuses shares and rows that cannot be", function()
    local close = tensor.of { 1, 2, 3 }
    assert.truthy(support.message(labels.auto_threshold, close, { share = 1 }):find "share is 1")
    assert.truthy(support.message(labels.auto_threshold, close):find "0 rows have a label")
    local text = support.message(labels.auto_threshold, close, { rows = { 1, 9 } })
    assert.truthy(text:find("dim 1 has 3", 1, true), text)
  end)
end)
