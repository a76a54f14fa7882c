local support = require "tests.lua.support"
local neap = require "neap"
local features, ta, tensor = neap.features, neap.ta, neap.tensor

local N = 160

-- Bars of a random walk, as a table of tensors and as an array of rows; holes are NaN.
local function market(seed, with_holes, without_volume)
  local r, price, rows = neap.rng(seed), 100, {}
  local columns = { open = {}, high = {}, low = {}, close = {}, volume = {} }
  for i = 1, N do
    local open = price
    price = price * math.exp(0.01 * r:normal())
    local row = {
      open = open, close = price, high = math.max(open, price) + r:uniform(),
      low = math.min(open, price) - r:uniform(), volume = 10 + 100 * r:uniform(),
    }
    if with_holes and i % 29 == 0 then row.close = 0 / 0 end
    if with_holes and i % 31 == 0 then row.volume = 0 / 0 end
    for name, values in pairs(columns) do values[i] = row[name] end
    rows[i] = row
  end
  local bars = {}
  for name, values in pairs(columns) do
    if name ~= "volume" or not without_volume then bars[name] = tensor.of(values) end
  end
  return bars, rows
end

local function same(a, b) return a == b or (a ~= a and b ~= b) end

describe("features", function()
  it("reads names as indicator, parameters, output", function()
    local cases = {
      { { "rsi_14" }, { "rsi_14" } },
      { { "rsi" }, { "rsi" } },
      { { "macd_12_26_9" }, { "macd_12_26_9_macd", "macd_12_26_9_signal", "macd_12_26_9_hist" } },
      { { "macd_12_26_9_rel" },
        { "macd_12_26_9_macd_rel", "macd_12_26_9_signal_rel", "macd_12_26_9_hist_rel" } },
      { { "macd_12_26_9_hist" }, { "macd_12_26_9_hist" } },
      { { "bbands_upper_rel" }, { "bbands_upper_rel" } },
      { { "plus_di_14", "linreg_slope_5", "ret_3" }, { "plus_di_14", "linreg_slope_5", "ret_3" } },
      { { "sar_0.02_0.2_rel", "ppo_12_26_sma" }, { "sar_0.02_0.2_rel", "ppo_12_26_sma" } },
      { { "supertrend_10_3_rel" }, { "supertrend_10_3_line_rel", "supertrend_10_3_direction" } },
      { { "volume_20_rel", "adosc_3_10_rel" }, { "volume_20_rel", "adosc_3_10_rel" } },
    }
    for _, case in ipairs(cases) do assert.same(case[2], features.set(case[1]):names()) end
  end)

  it("computes what the indicators give", function()
    local bars = market(1)
    local f = features.set({ "rsi_7", "macd_3_8_4_hist", "ret_5", "aroon_5" }):compute(bars)
    local rsi, macd = ta.rsi(bars, 7), ta.macd(bars, { fast = 3, slow = 8, signal = 4 })
    for i = 1, N do
      assert.is_true(same(f.rsi_7[i], rsi[i]))
      assert.is_true(same(f.macd_3_8_4_hist[i], macd.hist[i]))
      assert.is_true(same(f.aroon_5_up[i], ta.aroon(bars, 5).up[i]))
    end
    local close = bars.close
    assert.is_true(math.abs(f.ret_5[50] - math.log(close[50] / close[45])) < 1e-14)
  end)

  it("takes scale away by the unit", function()
    local bars = market(2)
    local f = features.set({ "ema_5_rel", "mom_4_rel", "var_9_rel", "adosc_3_10_rel",
      "volume_20_rel" }):compute(bars)
    local i = 90
    local close = bars.close[i]
    local mean = ta.sma(bars.volume, 20)[i]
    assert.equal(close / ta.ema(bars, 5)[i] - 1, f.ema_5_rel[i])
    assert.equal(ta.mom(bars, 4)[i] / close, f.mom_4_rel[i])
    assert.equal(ta.var(bars, 9)[i] / close / close, f.var_9_rel[i])
    assert.equal(ta.adosc(bars)[i] / mean, f.adosc_3_10_rel[i])
    assert.equal(bars.volume[i] / mean - 1, f.volume_20_rel[i])
  end)

  it("makes ratios that are not finite missing", function()
    local close = tensor.of { 3, 1, 0, 2, 1e308, -1 }
    local f = features.set({ "sma_2_rel", "mom_1_rel" }):compute { close = close }
    assert.equal(-0.5, f.sma_2_rel[2])
    assert.equal(-2.0, f.mom_1_rel[2])
    assert.is_true(f.mom_1_rel[3] ~= f.mom_1_rel[3])
  end)

  it("reads indicators of the volume", function()
    local bars = market(12)
    local f = features.set({ "volume_rsi_5", "volume_sma_3" }):compute(bars)
    support.same(ta.rsi(bars.volume, 5):totable(), f.volume_rsi_5)
    support.same(ta.sma(bars.volume, 3):totable(), f.volume_sma_3)
    assert.equal(features.set({ "volatility_9" }):lookback(), 9)
    support.same(ta.realised_volatility(bars, 9):totable(),
      features.set({ "volatility_9" }):compute(bars).volatility_9)
  end)

  it("gives the usual features the same values at any scale of price and volume", function()
    local bars = market(3)
    local scaled = {}
    for name, x in pairs(bars) do
      local values = x:totable()
      for i = 1, N do values[i] = values[i] * (name == "volume" and 4096 or 64) end
      scaled[name] = tensor.of(values)
    end
    local set = features.set(features.default(bars))
    local a, b = set:compute(bars), set:compute(scaled)
    for _, name in ipairs(set:names()) do
      for i = 1, N do
        local x, y = a[name][i], b[name][i]
        assert.is_true(same(x, y) or math.abs(x - y) <= 1e-9 * math.max(1, math.abs(x)), name)
      end
    end
  end)

  it("offers at least 40 columns, and leaves volume out with a word", function()
    local names, left_out = features.default((market(4)))
    assert.is_true(#features.set(names):names() >= 60)
    assert.same({}, left_out)
    local bars = market(4, false, true)
    local fewer, missing = features.default(bars)
    assert.equal(#names, #fewer + #missing)
    assert.is_true(#features.set(fewer):names() >= 40)
    assert.equal(N, #features.set(fewer):compute(bars))
    assert.equal("volume_20_rel", missing[1])
    bars.volume = tensor.zeros { N }
    assert.equal(#fewer, #features.default(bars))
    assert.equal(#fewer, #features.default { close = tensor.of { 1 }, volume = tensor.of { true } })
  end)

  it("is defined from the lookback on, and not before", function()
    local bars = market(5)
    local set = features.set(features.default(bars))
    local f, k = set:compute(bars), set:lookback()
    local undefined = 0
    for _, name in ipairs(set:names()) do
      local x = f[name]
      for i = k + 1, N do assert.is_true(x[i] == x[i], name) end
      if x[k] ~= x[k] then undefined = undefined + 1 end
    end
    assert.is_true(undefined > 0)
    assert.equal(19, features.set({ "adosc_3_10_rel" }):lookback())
  end)

  it("streams the bits of the batch, missing bars included", function()
    local bars, rows = market(6, true)
    local names = features.default(bars)
    names[#names + 1] = "var_9_rel"
    local set = features.set(names)
    local f, s = set:compute(bars), set:stream()
    local columns = {}
    for k, name in ipairs(set:names()) do columns[k] = f[name]:totable() end
    for i = 1, N do
      local row = s:push(rows[i])
      for k, name in ipairs(set:names()) do
        assert.is_true(same(row[k], columns[k][i]), name .. " at " .. i)
      end
    end
  end)

  it("does not look ahead", function()
    local bars = market(7)
    local set = features.set(features.default(bars))
    local whole = set:compute(bars)
    for _, length in ipairs { 1, 30, 77, 121 } do
      local cut = {}
      for name, x in pairs(bars) do
        cut[name] = tensor.of(table.move(x:totable(), 1, length, 1, {}))
      end
      local f = set:compute(cut)
      for _, name in ipairs(set:names()) do
        assert.is_true(same(f[name][length], whole[name][length]), name .. " at " .. length)
      end
    end
  end)

  it("takes functions of one's own", function()
    local bars, rows = market(8)
    local function double(b)
      local x = b.close:totable()
      for i = 1, #x do x[i] = 2 * x[i] end
      return tensor.of(x)
    end
    local set = features.set { "rsi_3", { "double", double, lookback = 7,
      stream = function() return function(bar) return 2 * bar.close end end } }
    assert.equal(7, set:lookback())
    assert.equal(set:compute(bars).double[4], set:stream():push(rows[4])[2])
  end)

  local mistakes = {
    { "features.set: unknown feature 'rsj_14' (did you mean 'rsi'?)", { "rsj_14" } },
    { "features.set: unknown feature 'makd_12_26' (did you mean 'macd'?)", { "makd_12_26" } },
    { "features.set: 'rsi_14_3' has too many parameters, rsi takes 1 (period)", { "rsi_14_3" } },
    { "rsi: period is 1, outside 2 to 100000", { "rsi_1" } },
    { "features.set: 'rsi_14_upper' ends in 'upper', and rsi has a single output",
      { "rsi_14_upper" } },
    { "features.set: unknown output of macd 'histo' (did you mean 'hist'?)",
      { "macd_12_26_9_histo" } },
    { "features.set: 'rsi_14_rel': rsi is free of scale already", { "rsi_14_rel" } },
    { "features.set: 'obv_rel': obv grows without bound, its scale-free form is "
      .. "'volume_balance_20'", { "obv_rel" } },
    { "features.set: 'volume_20': of the volume there are 'volume_20_rel' and indicators",
      { "volume_20" } },
    { "features.set: 'volume_adx_14': adx does not work on a single series", { "volume_adx_14" } },
    { "features.set: 'volume_ema_5_rel': of the volume only 'volume_20_rel' is relative",
      { "volume_ema_5_rel" } },
    { "features.set: unknown field of 'own' 'loockback' (did you mean 'lookback'?)",
      { { "own", print, loockback = 3 } } },
    { "features.set: lookback of 'own' is -1, must be 0 at least",
      { { "own", print, lookback = -1 } } },
    { "features.set: column 'rsi_14' appears twice", { "rsi_14", "rsi_14" } },
    { "features.set: at least one feature is needed", {} },
    { "features.set: a name or {name, function} expected", { { "double" } } },
    { "features.set: a name or {name, function} expected, got number", { 3 } },
    { "features.set: an array of names expected, got string", "rsi_14" },
  }
  for _, case in ipairs(mistakes) do
    it("says: " .. case[1], function()
      local text = support.message(function() features.set(case[2]) end)
      assert.is_truthy(text:find(case[1], 1, true), text)
      assert.matches("features_test.lua:%d+: ", text)
    end)
  end

  it("says which column the bars lack, and which feature does not stream", function()
    local bars = market(9, false, true)
    local text = support.message(function() features.set({ "mfi_14" }):compute(bars) end)
    assert.matches("ta.mfi: the bars have no volume", text, 1, true)
    for _, given in ipairs { 7, tensor.ones { 3 }, "bars" } do
      text = support.message(function() features.set({ "rsi" }):compute(given) end)
      assert.matches("features: bars are expected, a frame or a table of tensors", text, 1, true)
    end
    text = support.message(function()
      features.set({ "rsi_14", "mfi_14" }):compute { high = tensor.ones { 2 },
        low = tensor.ones { 2 }, close = tensor.ones { 3 }, volume = tensor.ones { 2 } }
    end)
    assert.matches("features: close has 3 rows, another column of the bars 2", text, 1, true)
    local own = features.set { { "own", function(b) return b.close end } }
    text = support.message(function() own:stream() end)
    assert.matches("features: 'own' has no streaming form", text, 1, true)
    text = support.message(function()
      features.set({ { "own", function() return 3 end } }):compute(bars)
    end)
    assert.matches("features: 'own' gave number, a tensor is needed", text, 1, true)
  end)
end)

describe("a set of features", function()
  it("prints its size", function()
    assert.equal("feature set of 2 columns, lookback 14",
      tostring(features.set { "rsi_14", "ret_5" }))
  end)
end)

it("a feature without its underscores is recognised", function()
  for given, meant in pairs { rsi14 = "rsi_14", RSI14 = "rsi_14", sma200_rel = "sma_200_rel",
    RSI_14 = "rsi_14", ["rsi14@1h"] = "rsi_14" } do
    assert.matches("did you mean '" .. meant .. "'", support.message(neap.features.set, { given }))
  end
  assert.matches("did you mean 'rsi'", support.message(neap.features.set, { "rsii_14" }))
end)
