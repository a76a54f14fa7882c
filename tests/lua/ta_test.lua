local support = require "tests.lua.support"
local neap = require "neap"
local ta = require "neap.ta"
local tensor = require "neap.tensor"

local function wave(n, level, step)
  local values = {}
  for i = 1, n do values[i] = level + step * math.sin(i * 0.7) + step * (i % 5) end
  return values
end

local function bars_of(n)
  local columns = { open = wave(n, 100, 1), close = wave(n, 100.5, 1), volume = wave(n, 50, 3) }
  columns.high, columns.low = wave(n, 103, 1), wave(n, 98, 1)
  local bars = {}
  for name, values in pairs(columns) do bars[name] = tensor.of(values) end
  return bars, columns
end

local function same(a, b) return a == b or (a ~= a and b ~= b) end

-- What an indicator needs as its first argument.
local function data_for(info, bars)
  return info.inputs[1] == "series" and bars.close or bars
end

describe("ta", function()
  it("takes a number, options, or both after the data", function()
    local x = tensor.of(wave(40, 10, 1))
    local by_number = ta.rsi(x, 5):totable()
    assert.same(by_number[40], ta.rsi(x, { period = 5 })[40])
    assert.same(ta.stddev(x, { period = 6, ddof = 1 })[40], ta.stddev(x, 6, { ddof = 1 })[40])
    assert.equal(40, #ta.rsi(x, 5))
    assert.is_true(by_number[5] ~= by_number[5])
    assert.is_true(by_number[6] == by_number[6])
  end)

  it("takes the close of bars where a series is expected", function()
    local bars = bars_of(30)
    assert.equal(ta.sma(bars.close, 4)[30], ta.sma(bars, 4)[30])
  end)

  it("takes TA-Lib's defaults by preset", function()
    local x = tensor.of(wave(60, 10, 1))
    assert.equal(ta.sma(x, 30)[60], ta.sma(x, { preset = "talib" })[60])
    assert.equal(ta.sma(x, 20)[60], ta.sma(x)[60])
    assert.equal(ta.ppo(x, { average = "sma" })[60], ta.ppo(x, { preset = "talib" })[60])
  end)

  it("reads any layout and number type", function()
    local x = tensor.of({ { 1, 9 }, { 2, 9 }, { 4, 9 } }, { dtype = "f32" })
    local column = {}
    for i = 1, 3 do column[i] = x:get(i, 1) end
    assert.equal(3.0, ta.sma(tensor.of(column, { dtype = "f32" }), 2)[3])
    assert.equal(3.0, ta.sma(tensor.of({ 1, 2, 4 }, { dtype = "i64" }), 2)[3])
  end)

  it("gives NaN throughout for a series within the warm-up, and nothing for none", function()
    local short = ta.sma(tensor.of { 1, 2, 3 }, 10):totable()
    assert.equal(3, #short)
    for _, v in ipairs(short) do assert.is_true(v ~= v) end
    assert.equal(0, #ta.sma(tensor.zeros { 0 }, 3))
  end)

  it("describes every indicator", function()
    for _, name in ipairs(ta.list()) do
      local info = ta.info(name)
      assert.equal("function", type(ta[name]), name)
      assert.equal(#info.outputs, #info.units, name)
      assert.is_true(info.lookback() >= 0, name)
      for _, p in ipairs(info.params) do
        if type(p.default) == "number" then
          assert.is_true(p.low <= p.default and p.default <= p.high, name .. "." .. p.name)
        end
      end
    end
    assert.equal(33, ta.info("macd").lookback())
    assert.equal(27, ta.info("adx").lookback(14))
    assert.same({ "high", "low", "close" }, ta.info("adx").inputs)
    assert.equal("ema", ta.info("ppo").params[3].default)
  end)

  it("streams the bits of the series", function()
    local bars, columns = bars_of(90)
    for _, name in ipairs(ta.list()) do
      local info = ta.info(name)
      local whole, s = ta[name](data_for(info, bars)), ta.stream(name)
      for i = 1, 90 do
        local bar = {}
        for column, values in pairs(columns) do bar[column] = values[i] end
        local got = { s:push(bar) }
        for k, output in ipairs(info.outputs) do
          local want = #info.outputs == 1 and whole[i] or whole[output][i]
          assert.is_true(same(got[k], want), name .. " at " .. i)
        end
      end
    end
  end)

  it("pushes numbers to indicators of one series", function()
    local s = ta.stream("sma", 2)
    assert.is_true(s:push(1) ~= 0)
    assert.equal(1.5, s:push(2))
    assert.equal("ta.stream (sma)", tostring(s))
    local text = support.message(function() ta.stream("atr"):push(3) end)
    assert.matches("atr: a bar is needed, a table with high, got number", text, 1, true)
    text = support.message(function() ta.stream("atr"):push { high = 3 } end)
    assert.matches("atr: bar.low must be a number, got nil", text, 1, true)
  end)

  local x = tensor.of { 1, 2, 3 }
  local mistakes = {
    { "unknown option 'periods' (did you mean 'period'?)", function()
      ta.rsi(x, { periods = 3 })
    end },
    { "rsi: period is 1, outside 2 to 100000", function() ta.rsi(x, 1) end },
    { "rsi: period is 2.5, a whole number is needed", function() ta.rsi(x, 2.5) end },
    { "rsi: period must be a number, got string", function() ta.rsi(x, { period = "14" }) end },
    { "ta.rsi: period is given twice", function() ta.rsi(x, 3, { period = 4 }) end },
    { "macd: fast is 30 and slow 26, fast must be below slow", function()
      ta.macd(x, { fast = 30 })
    end },
    { "ta.ppo: average must be 'sma' or 'ema', got 'wma'", function()
      ta.ppo(x, { average = "wma" })
    end },
    { "ta.atr: bars with high, low, close are needed, got a tensor", function() ta.atr(x) end },
    { "ta.ema: a tensor or bars expected, got an array, which tensor.of makes a tensor",
      function() ta.ema({ 1, 2, 3 }, 2) end },
    { "ta.atr: the bars have no low", function() ta.atr { high = x, close = x } end },
    { "ta.sma: a tensor or bars expected, got number", function() ta.sma(3) end },
    { "donchian: low has 2 elements and high 3", function()
      ta.donchian { high = x, low = tensor.of { 1, 2 } }
    end },
    { "sma: series: one dimension expected, got shape [2x1]", function()
      ta.sma(tensor.of { { 1 }, { 2 } }, 2)
    end },
    { "ta.hma: unknown preset 'tradingview'", function()
      ta.hma(x, { preset = "tradingview" })
    end },
    { "ta.hma: TA-Lib has no hma", function() ta.hma(x, { preset = "talib" }) end },
    { "ta.obv: nothing expected after the data, got number", function()
      ta.stream("obv", 3)
    end, "ta.stream: obv: nothing expected" },
    { "ta.info: unknown indicator 'rsj' (did you mean 'rsi'?)", function() ta.info "rsj" end },
  }
  for _, case in ipairs(mistakes) do
    it("says: " .. (case[3] or case[1]), function()
      local text = support.message(case[2])
      assert.is_truthy(text:find(case[3] or case[1], 1, true), text)
      assert.matches("ta_test.lua:%d+: ", text)
    end)
  end

  it("gives its memory back", function()
    collectgarbage()
    local before = neap.memory().live
    for _ = 1, 50 do ta.stream("sma", 1000) end
    collectgarbage()
    assert.equal(before, neap.memory().live)
  end)
end)
