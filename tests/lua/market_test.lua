local file = require "neap.file"
local frame = require "neap.frame"
local market = require "neap.market"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local function read(text, o)
  local path = support.temporary ".csv"
  file.write(path, text)
  local ok, f = pcall(market.read_ohlcv, path, o)
  os.remove(path)
  if not ok then error(tostring(f):gsub(path:gsub("%p", "%%%0"), "FILE"), 0) end
  return f
end

local hour = 3600 * 1000000000

-- n sound bars an hour apart; fn may spoil the columns.
local function sound(n, fn)
  local t, o, h, l, c, v = {}, {}, {}, {}, {}, {}
  for i = 1, n do t[i], o[i], h[i], l[i], c[i], v[i] = (i - 1) * hour, 10, 11, 9, 10 + i % 2, 5 end
  if fn then fn(t, o, h, l, c, v) end
  return frame.new { { "time", tensor.of(t, { dtype = "i64" }) }, { "open", o }, { "high", h },
    { "low", l }, { "close", c }, { "volume", v } }
end

describe("market.read_ohlcv", function()
  for _, header in ipairs {
    "ts_ms,open,high,low,close,volume", "Timestamp,Open,High,Low,Close,Volume", "T S,O,H,L,C,V",
    "DATE,OPEN,HIGH,LOW,CLOSE,VOL", "open_time,open,high,low,close,volume_btc",
    "unix,Open Price,high,LOW,Close,Volume BTC",
  } do
    it("knows the header " .. header, function()
      local o = header:find "^T S" and { columns = { time = "T S" } }
      local bars = read(header .. "\n1515560100000,1,3,0.5,2,7\n", o or nil)
      assert.same({ "time", "open", "high", "low", "close", "volume" }, bars:columns())
      assert.equal("time", bars:dtype "time")
      assert.equal(1515560100000000000, bars.time:get(1))
      assert.same({ 1, 3, 0.5, 2, 7 }, { bars.open:get(1), bars.high:get(1), bars.low:get(1),
        bars.close:get(1), bars.volume:get(1) })
    end)
  end

  it("takes a file without volume, whole numbers, and columns in any order", function()
    local bars = read "close,low,date,high,open\n2,1,20200102,3,2\n"
    assert.same({ "time", "open", "high", "low", "close" }, bars:columns())
    assert.equal("f64", bars:dtype "close")
    assert.equal(1577923200000000000, bars.time:get(1))
  end)

  it("takes an adjusted close only when told so, and one column for several", function()
    local text = "date,open,high,low,adj close\n2020-01-02,1,3,1,2\n"
    assert.truthy(support.message(read, text):find("has no column for 'close'", 1, true))
    assert.equal(2.0, read(text, { columns = { close = "adj close" } }).close:get(1))
    local all = { open = "SPY", high = "SPY", low = "SPY", close = "SPY" }
    assert.equal(5.0, read("date,SPY\n2020-01-02,5\n", { columns = all }).low:get(1))
  end)

  it("picks a symbol, and lists them when it must be told", function()
    local text = "symbol,date,open,high,low,close\nA,20200102,1,1,1,1\nB,20200102,2,2,2,2\n"
    assert.equal(2.0, read(text, { symbol = "B" }).close:get(1))
    local said = support.message(read, text)
    assert.truthy(said:find('holds 2 symbols (A, B); choose one with symbol = "A"', 1, true), said)
    assert.truthy(support.message(read, text, { symbol = "C" }):find("unknown label 'C'", 1, true))
    assert.truthy(support.message(read, "date,open,high,low,close\n20200102,1,1,1,1\n",
      { symbol = "A" }):find("no column of symbols", 1, true))
  end)

  it("applies time zones and stamps", function()
    local text = "ts,open,high,low,close\n2020-01-02 09:30,1,1,1,1\n2020-01-02 10:30,1,1,1,1\n"
    local bars = read(text, { time_zone = "America/New_York" })
    assert.equal(1577975400000000000, bars.time:get(1))
    local closes = read(text, { time_zone = "America/New_York", stamp = "close" })
    assert.equal(1577975400000000000 - hour, closes.time:get(1))
  end)

  for _, case in ipairs {
    { "", {}, "is empty" },
    { "date,open,high,low,close\n", {}, "has a header, but no rows" },
    { "date,open,high,low\n", {}, "has no column for 'close' among date, open, high, low" },
    { "date,open,high,low,close\n", { columns = { close = "clse" } },
      "unknown column 'clse' (did you mean 'close'?)" },
    { "date,open,high,low,close\n", { columns = { clse = "close" } },
      "unknown role 'clse' (did you mean 'close'?)" },
    { "date,open,high,low,close\n20200102,1,2,x,1\n", {},
      "FILE:2: column 'low': 'x' is not a number" },
    { "date,time,open,high,low,close\n2020.01.02,00:00,1,1,1,1\n", {},
      "has both 'date' and 'time'" },
    { "date,open,high,low,close\nMonday,1,1,1,1\n", {}, "'Monday' is not a time" },
    { "date,open,high,low,close\n", { stamp = "middle" }, "stamp is 'middle'" },
    { "date,open,high,low,close\n", { time_zone = "Mars/Base" }, "Mars/Base" },
  } do
    it("refuses: " .. case[3], function()
      local text = support.message(read, case[1], case[2])
      assert.truthy(text:find(case[3], 1, true), text)
    end)
  end
end)

describe("market.validate", function()
  local function spoil(t, o, h, l, c)
    c[3] = 0 / 0
    o[5] = -1
    h[7] = 1
    t[9], t[10] = t[10], t[9]
    t[12] = t[13]
    l[20] = l[20]
    for i = 16, 20 do t[i] = t[i] + 3 * hour end
  end

  it("finds nothing wrong with sound bars", function()
    local bars, r = market.validate(sound(10), { policy = "raise" })
    assert.equal(10, #bars)
    assert.equal(10, r.rows)
    assert.equal("1h", r.cadence_text)
    assert.equal(0, #r:problems())
    assert.truthy(tostring(r):find("^10 rows, 1970%-01%-01T00:00:00Z to 1970%-01%-01T09:00:00Z"))
  end)

  it("counts what is wrong, and raises with the first rows", function()
    local text = support.message(market.validate, sound(20, spoil), { policy = "raise" })
    for _, part in ipairs {
      "1 rows with a price missing (first: row 3)",
      "1 rows with a price of zero or below (first: row 5)",
      "contradict each other (first: row 5)", "1 rows with the time of another (first: row 13)",
      "1 rows earlier than the row before (first: row 10)", 'policy = "drop"',
    } do assert.truthy(text:find(part, 1, true), part .. " in " .. text) end
  end)

  it("drops wrong rows, sorts, and keeps the last of equal times", function()
    local bars, r = market.validate(sound(20, spoil))
    assert.equal(20 - 3 - 1, #bars)
    assert.equal(16, r.rows_out)
    assert.equal(2, r.gaps) -- before rows were dropped: of three bars, and where one time is double
    assert.equal(4, r.missing_bars)
    for i = 2, #bars do assert.is_true(bars.time:get(i) > bars.time:get(i - 1)) end
    local again, clean = market.validate(bars, { policy = "raise" })
    assert.equal(16, #again)
    assert.equal(0, #clean:problems())
  end)

  it("fills: mends prices and puts flat bars into gaps", function()
    local bars, r = market.validate(sound(20, spoil), { policy = "fill" })
    assert.equal(19 + 4, #bars)
    assert.equal(3, r.repaired)
    assert.equal(4, r.inserted)
    for i = 1, #bars do
      assert.equal((i - 1) * hour, bars.time:get(i))
      assert.is_true(bars.high:get(i) >= math.max(bars.open:get(i), bars.close:get(i)))
      assert.is_true(bars.low:get(i) <= math.min(bars.open:get(i), bars.close:get(i)))
    end
    assert.equal(bars.close:get(2), bars.close:get(3))
    local short = market.validate(sound(20, spoil), { policy = "fill", max_gap = 2 })
    assert.equal(20, #short)
  end)

  it("refuses bars without any price, without rows, without columns", function()
    for _, case in ipairs {
      { sound(4, function(_, _, h) for i = 1, 4 do h[i] = 0 / 0 end end),
        "column 'high' holds no price" },
      { sound(3):where(sound(3).close:gt(99)), "the bars have no rows" },
      { sound(3):drop { "low" }, "the bars have no column 'low'" },
      { sound(2, function(_, _, h, l) h[1], h[2], l[1], l[2] = 1, 1, 9, 9 end), "no row is left" },
      { 7, "bars are expected, got number" },
    } do
      local text = support.message(market.validate, case[1])
      assert.truthy(text:find(case[2], 1, true), text)
    end
    assert.truthy(support.message(market.validate, sound(3), { policy = "dorp" })
      :find("did you mean 'drop'?", 1, true))
  end)

  it("takes a plain table of tensors, keeps further columns", function()
    local bars = sound(5)
    local plain = { time = bars.time, open = bars.open, high = bars.high, low = bars.low,
      close = bars.close }
    assert.equal(5, #market.validate(plain))
    bars.extra = bars.close
    assert.is_true(market.validate(bars):has "extra")
  end)

  it("finds the gaps that the data folder states", function()
    if not support.data "README.md" then return pending "data folder absent" end
    for _, case in ipairs {
      { "crypto/ADA_BTC-5m.csv.gz", 5, 40, "5m", 105120 },
      { "crypto/TRX_BTC-5m.csv.gz", 6, 6, "5m", 105120 },
      { "crypto/ETH_BTC-5m.csv.gz", 0, 0, "5m", 105120 },
      { "crypto/UNITTEST_BTC-1m.csv.gz", 538, 717, "1m", 525600 },
      { "crypto/lean_coinbase_btcusd_1d.csv.gz", 8, 34, "1d", 365 },
      { "crypto/coinbase_btcusd_1h_2017_2019.csv.gz", 0, 0, "1h", 8760 },
      { "equities/SPY_ohlcv_1999_2020.csv.gz", 1, 4, "1d", 252 },
      { "intraday/EURUSD_1h_2017_2018.csv.gz", 0, 0, "1h" },
    } do
      local bars = market.read_ohlcv("../shared/data/" .. case[1])
      local _, r = market.validate(bars, { policy = "raise" })
      assert.same({ case[2], case[3], case[4] }, { r.gaps, r.missing_bars, r.cadence_text })
      if case[5] then assert.equal(case[5], market.bars_per_year(bars)) end
    end
    local hourly = market.read_ohlcv("../shared/data/intraday/EURUSD_1h_2017_2018.csv.gz")
    assert.is_true(math.abs(market.bars_per_year(hourly) - 6240) < 60)
    local us = "../shared/data/equities/lean_us_daily_ohlcv_unadjusted.csv.gz"
    local _, r = market.validate(market.read_ohlcv(us, { symbol = "qqq" }))
    assert.equal(1101772800000000000, r.longest_gap_time)
    assert.truthy(support.message(market.read_ohlcv, us):find "aig, bac, fb, goog, qqq, spy")
  end)
end)

describe("market.synthetic", function()
  it("is the same every time, and longer runs begin like shorter ones", function()
    local a, b = market.synthetic { rows = 500 }, market.synthetic { rows = 900 }
    assert.same(a.close:totable(), b.close:slice(1, 1, 500):totable())
    assert.same(a.volume:totable(), b:rows(1, 500).volume:totable())
    local other = market.synthetic { rows = 500, seed = 8 }
    assert.is_true(a.close:get(-1) ~= other.close:get(-1))
  end)

  it("gives a symbol the same bars whoever else is there, correlated with the others", function()
    local both = market.synthetic { rows = 4000, symbols = { "A", "B" }, signal = 0 }
    assert.same({ "symbol", "time", "open", "high", "low", "close", "volume" }, both:columns())
    local a = both:where(both.symbol:eq "A")
    local alone = market.synthetic { rows = 4000, symbols = { "A" }, signal = 0 }
    assert.same(alone.close:totable(), a.close:totable())
    local x = a.close:log():slice(1, 2):sub(a.close:log():slice(1, 1, -2))
    local b = both:where(both.symbol:eq "B")
    local y = b.close:log():slice(1, 2):sub(b.close:log():slice(1, 1, -2))
    local r = x:sub(x:mean()):mul(y:sub(y:mean())):mean() / (x:std() * y:std())
    assert.is_true(r > 0.15 and r < 0.6, r)
  end)

  it("does not let bars of several symbols pass for one", function()
    local both = market.synthetic { rows = 10, symbols = { "A", "B" } }
    for _, fn in ipairs { market.validate, market.bars_per_year } do
      local text = support.message(fn, both)
      assert.truthy(text:find('take one with bars:where(bars.symbol:eq "B")', 1, true), text)
    end
    assert.equal(10, #market.validate(both:where(both.symbol:eq "A")))
  end)

  it("makes sound bars whose price stays within bounds", function()
    for seed = 1, 10 do
      local bars, r = market.validate(market.synthetic { seed = seed }, { policy = "raise" })
      assert.equal(20000, #bars)
      assert.equal(0, r.gaps + r.zero_volume)
      assert.is_true(bars.low:min() > 5 and bars.high:max() < 2000)
      local ticks = bars.close:mul(100)
      assert.is_true(ticks:sub(ticks:round()):abs():max() < 1e-6)
    end
    local calm = market.synthetic { rows = 50000, signal = 0, seed = 3 }
    assert.is_true(calm.low:min() > 100 / 20 and calm.high:max() < 100 * 20)
  end)

  it("can be foreseen in every part, at the default signal and not without", function()
    -- a plain rule: where closes have lately stood far off their opens, and this one does not stand
    -- high, one of the next will be higher; it needs no training
    local function accuracy(bars)
      local labels = require "neap.labels"
      local truth = labels.threshold(bars)
      local off = bars.close:div(bars.open):sub(1):totable()
      local hits, squares = 0, 0
      for i = 1, #off - 5 do
        squares = squares + off[i] ^ 2 - (off[i - 20] or 0) ^ 2
        local spread = math.sqrt(squares / 20)
        local said = spread > 0.012 and off[i] < 0.5 * spread and 1 or 0
        if i > 20 and said == truth:get(i) then hits = hits + 1 end
      end
      return hits / (#off - 25), truth:slice(1, 1, -6):mean()
    end
    for seed = 1, 10 do
      local bars = market.synthetic { seed = seed }
      for part = 0, 4 do
        local hits, positives = accuracy(bars:rows(part * 4000 + 1, part * 4000 + 4000))
        assert.is_true(hits > 0.75, ("seed %d part %d: %.3f"):format(seed, part, hits))
        assert.is_true(positives > 0.3 and positives < 0.7, positives)
      end
    end
    local calm = market.synthetic { seed = 1, signal = 0 }
    local ratio = calm.close:slice(1, 11):div(calm.close:slice(1, 1, -11)):log()
    local past, ahead = ratio:slice(1, 1, -11), ratio:slice(1, 11)
    local product = past:sub(past:mean()):mul(ahead:sub(ahead:mean())):mean()
    assert.is_true(math.abs(product / (past:std() * ahead:std())) < 0.1)
  end)

  it("refuses options out of range", function()
    for _, case in ipairs {
      { { rows = 0 }, "rows is 0" }, { { cadence = "often" }, "cadence 'often'" },
      { { start = "then" }, "start 'then'" }, { { signal = -1 }, "signal is -1" },
      { { symbols = {} }, "at least one name" }, { { row = 5 }, "did you mean 'rows'?" },
      { { rows = 1000000, cadence = "1w" }, "pass the year 2262" },
    } do
      local text = support.message(market.synthetic, case[1])
      assert.truthy(text:find(case[2], 1, true), text)
    end
  end)

  it("is the same at any number of threads", function()
    local threads = { 1, 4 }
    local sums = {}
    for i, n in ipairs(threads) do
      neap.set_threads(n)
      sums[i] = market.synthetic({ rows = 2000 }).close:sum()
    end
    assert.equal(sums[1], sums[2])
  end)
end)

describe("market.bars_per_year", function()
  it("follows the cadence", function()
    for cadence, want in pairs {
      ["1m"] = 525600, ["5m"] = 105120, ["1h"] = 8760, ["4h"] = 2190, ["1d"] = 365,
      ["1w"] = 365 / 7,
    } do
      assert.equal(want, market.bars_per_year(market.synthetic { rows = 400, cadence = cadence }))
    end
    assert.truthy(support.message(market.bars_per_year, sound(1)):find("at least two", 1, true))
  end)
end)

describe("market.resample", function()
  local HOUR = 3600 * 1000000000

  it("gathers the bars of each step", function()
    local bars = {
      time = tensor.of({ 0, HOUR, 3 * HOUR, 8 * HOUR }, { dtype = "i64" }),
      open = tensor.of { 10, 11, 12, 13 }, high = tensor.of { 12, 15, 13, 14 },
      low = tensor.of { 9, 10, 8, 12 }, close = tensor.of { 11, 12, 9, 13 },
      volume = tensor.of { 1, 2, 3, 4 },
    }
    local f = market.resample(bars, "4h")
    assert.same({ "time", "open", "high", "low", "close", "volume" }, f:columns())
    assert.same({ 0, 8 * HOUR }, f.time:totable())
    assert.same({ 10, 13 }, f.open:totable())
    assert.same({ 15, 14 }, f.high:totable())
    assert.same({ 8, 12 }, f.low:totable())
    assert.same({ 9, 13 }, f.close:totable())
    assert.same({ 6, 4 }, f.volume:totable())
    bars.volume = nil
    assert.is_false(market.resample(bars, "4h"):has "volume")
  end)

  it("begins weeks on Mondays, and stays the same at the bars' own cadence", function()
    local bars = market.synthetic { rows = 24 * 15, start = "2018-01-01" } -- a Monday
    local weeks = market.resample(bars, "1w")
    assert.equal(3, #weeks)
    assert.equal(bars.time[1], weeks.time[1])
    assert.equal(bars.close[-1], weeks.close[-1])
    assert.is_true(market.resample(bars, "1h").high:eq(bars.high):all())
  end)

  it("refuses what makes no longer bars", function()
    local bars = market.synthetic { rows = 5 }
    for cadence, want in pairs { ["5m"] = "'5m' is shorter than that of the bars, 1h",
      fortnight = "'fortnight' is not a duration", ["0h"] = "'0h' is not a duration" } do
      assert.matches(want, support.message(function() market.resample(bars, cadence) end))
    end
    local turned = bars:take(tensor.of({ 2, 1 }, { dtype = "i64" }))
    assert.matches("row 2 is not later than the row before", support.message(
      function() market.resample(turned, "1d") end))
  end)
end)
