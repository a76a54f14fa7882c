local clock = require "neap.clock"
local frame = require "neap.frame"
local market = require "neap.market"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local function dates(column)
  local out = {}
  for i, ns in ipairs(column:totable()) do out[i] = clock.print(ns):sub(1, 10) end
  return out
end

local function ns(list) return tensor.of(list, { dtype = "i64" }) end

-- Monday to Friday without a session.
local function holidays(calendar, from, to)
  local every = market.calendar { holidays = {} }:sessions(from, to)
  local open = calendar:sessions(from, to)
  local at = open.date:searchsorted(every.date):minimum(#open)
  return dates(every.date[open.date:take(at):ne(every.date)])
end

describe("market.calendar XNYS", function()
  local nyse = market.calendar "XNYS"

  it("has the holidays that the exchange published", function()
    for year, want in pairs {
      [1990] = { "01-01", "02-19", "04-13", "05-28", "07-04", "09-03", "11-22", "12-25" },
      [1994] = { "02-21", "04-01", "04-27", "05-30", "07-04", "09-05", "11-24", "12-26" },
      [1998] = { "01-01", "01-19", "02-16", "04-10", "05-25", "07-03", "09-07", "11-26", "12-25" },
      [1999] = { "01-01", "01-18", "02-15", "04-02", "05-31", "07-05", "09-06", "11-25", "12-24" },
      [2001] = { "01-01", "01-15", "02-19", "04-13", "05-28", "07-04", "09-03", "09-11", "09-12",
        "09-13", "09-14", "11-22", "12-25" },
      [2005] = { "01-17", "02-21", "03-25", "05-30", "07-04", "09-05", "11-24", "12-26" },
      [2012] = { "01-02", "01-16", "02-20", "04-06", "05-28", "07-04", "09-03", "10-29", "10-30",
        "11-22", "12-25" },
      [2021] = { "01-01", "01-18", "02-15", "04-02", "05-31", "07-05", "09-06", "11-25", "12-24" },
      [2022] = { "01-17", "02-21", "04-15", "05-30", "06-20", "07-04", "09-05", "11-24", "12-26" },
      [2025] = { "01-01", "01-09", "01-20", "02-17", "04-18", "05-26", "06-19", "07-04", "09-01",
        "11-27", "12-25" },
      [2027] = { "01-01", "01-18", "02-15", "03-26", "05-31", "06-18", "07-05", "09-06", "11-25",
        "12-24" },
    } do
      for i, day in ipairs(want) do want[i] = year .. "-" .. day end
      assert.same(want, holidays(nyse, tostring(year), tostring(year)))
    end
  end)

  it("ends early when the exchange did", function()
    for year, want in pairs {
      [1992] = { "11-27 14:00", "12-24 14:00" }, [1996] = { "01-08 14:00", "07-05 13:00",
        "11-29 13:00", "12-24 13:00" }, [1999] = { "11-26 13:00", "12-31 13:00" },
      [2002] = { "07-05 13:00", "11-29 13:00", "12-24 13:00" },
      [2012] = { "07-03 13:00", "11-23 13:00", "12-24 13:00" },
      [2013] = { "07-03 13:00", "11-29 13:00", "12-24 13:00" },
      [2020] = { "11-27 13:00", "12-24 13:00" }, [2021] = { "11-26 13:00" },
      [2024] = { "07-03 13:00", "11-29 13:00", "12-24 13:00" }, [2026] = { "11-27 13:00",
        "12-24 13:00" },
    } do
      local sessions, got = nyse:sessions(tostring(year), tostring(year)), {}
      local early = sessions:where(sessions.early)
      for i, close in ipairs(early.close:totable()) do
        got[i] = clock.print(close, "America/New_York"):sub(6, 16):gsub("T", " ")
      end
      assert.same(want, got, year)
      local rest = sessions:where(sessions.early:logical_not())
      local closes = clock.fields(rest.close, { time_zone = "America/New_York" })
      assert.is_true(closes.hour:eq(16):all() and closes.minute:eq(0):all())
      local opens = clock.fields(sessions.open, { time_zone = "America/New_York" })
      assert.is_true(opens.hour:eq(9):all() and opens.minute:eq(30):all())
    end
  end)

  -- Every day of three files is a session, and every session between is in the file.
  for name, rows in pairs {
    SPY_ohlcv_1999_2020 = 5241, pypfopt_spy_1993_2024 = 8017, pypfopt_stock_prices_1990_2024 = 8796,
  } do
    it("has the days of " .. name, function()
      local path = support.data("equities/" .. name .. ".csv.gz")
      if not path then pending "data folder absent" return end
      local f = frame.read_csv(path, { time = { "date" }, columns = { "date" } })
      assert.equal(rows, #f)
      assert.same({}, dates(nyse:missing(f, { time = "date", cadence = "1d" }).time))
      local sessions = nyse:sessions(f.date[1], f.date[-1])
      assert.same(f.date:totable(), sessions.date:totable())
    end)
  end

  it("answers questions about moments", function()
    local t = clock.parse { "2024-03-08T14:29:59Z", "2024-03-08T14:30Z", "2024-03-08T20:59:59Z",
      "2024-03-08T21:00Z", "2024-03-11T13:30Z", "2024-07-03T17:00Z", "2024-12-31T23:00Z", false }
    assert.same({ false, true, true, false, true, false, false, false }, nyse:is_open(t):totable())
    assert.same({ "NaT", "2024-03-08", "2024-03-08", "NaT", "2024-03-11", "NaT", "NaT", "NaT" },
      dates(nyse:session_of(t)))
    local function texts(x)
      local out = {}
      for i, v in ipairs(x:totable()) do out[i] = clock.print(v) end
      return out
    end
    assert.same({ "2024-03-08T14:30:00Z", "2024-03-11T13:30:00Z", "2024-03-11T13:30:00Z",
      "2024-03-11T13:30:00Z", "2024-03-12T13:30:00Z", "2024-07-05T13:30:00Z",
      "2025-01-02T14:30:00Z", "NaT" }, texts(nyse:next_open(t)))
    assert.same({ "2024-03-07T21:00:00Z", "2024-03-07T21:00:00Z", "2024-03-07T21:00:00Z",
      "2024-03-08T21:00:00Z", "2024-03-08T21:00:00Z", "2024-07-03T17:00:00Z",
      "2024-12-31T21:00:00Z", "NaT" }, texts(nyse:previous_close(t)))
    assert.is_true(nyse:is_open(clock.parse "2024-03-08T15:00Z"))
    assert.equal(clock.parse "2024-03-08", nyse:session_of(clock.parse "2024-03-08T15:00Z"))
    assert.equal(0, #nyse:is_open(ns {}))
    assert.same({ clock.nat }, nyse:next_open(ns { clock.nat }):totable())
  end)

  it("knows the bars of sessions and which of them are missing", function()
    local bars = nyse:bars("1h", "2024-03-08", "2024-03-11")
    assert.equal(14, #bars)
    assert.equal("2024-03-08T20:30:00Z", clock.print(bars.time[7]))
    assert.equal("2024-03-08T21:00:00Z", clock.print(bars.known_at[7]))
    assert.equal("2024-03-11T13:30:00Z", clock.print(bars.time[8]))
    local some = bars:take(ns { 1, 2, 4, 5, 6, 7, 8, 10, 12, 13 })
    assert.same(bars:take(ns { 3, 9, 11 }).time:totable(),
      nyse:missing(some, { cadence = "1h" }).time:totable())
    assert.same(bars:take(ns { 3, 9, 11 }).time:totable(), nyse:missing(some).time:totable())
    -- bars outside the sessions, and their order, do not matter
    local early = frame.new { { "time", ns { clock.parse "2024-03-08T12:00Z" } } }
    local mixed = frame.concat { some:select { "time" }, early }
    assert.equal(3, #nyse:missing(mixed, { cadence = "1h" }))
    -- daily bars stamped with their open, or with local midnight
    local days = nyse:sessions("2024-07-01", "2024-07-12")
    local opens = frame.new { { "time", days.open } }:where(days.date:ne(clock.parse "2024-07-05"))
    assert.same({ "2024-07-05" }, dates(nyse:missing(opens, { cadence = "1d" }).time))
    local midnight = frame.new { { "time", clock.from_local(days.date,
      { time_zone = "America/New_York" }) } }
    assert.equal(0, #nyse:missing(midnight))
  end)

  it("finds the sessions in minutes of a file", function()
    local path = support.data "intraday/lean_spy_1m.csv.gz"
    if not path then pending "data folder absent" return end
    local f = frame.read_csv(path, { time = { "ts" }, time_zone = "America/New_York" })
    local open = f:where(nyse:is_open(f.ts))
    assert.equal(7 * 390, #open) -- seven sessions without a hole, and more around them
    assert.is_true(#f > #open)
    local part = f:between("2013-10-04", "2013-10-11", { time = "ts" })
    assert.equal(0, #nyse:missing(part, { time = "ts", cadence = "1m" }))
  end)
end)

describe("market.calendar", function()
  it("is open always, or as a table says", function()
    local always = market.calendar "24x7"
    assert.equal(366, #always:sessions("2024", "2024"))
    assert.is_true(always:is_open(ns { 0, 1e18 // 1, -1 }):all())
    assert.equal(24 * 12, #always:bars("5m", "2024-02-03", "2024-02-03"))
    local own = market.calendar { name = "Xetra", time_zone = "Europe/Berlin", open = "09:00",
      close = "17:30", holidays = { "2024-03-29", "2024-04-01", "2024-05-01" },
      early_closes = { ["2024-12-30"] = "14:00" } }
    assert.equal("calendar Xetra in Europe/Berlin", tostring(own))
    assert.same({ "2024-03-28", "2024-04-02" },
      dates(own:sessions("2024-03-28", "2024-04-02").date))
    local last = own:sessions("2024-12-30", "2024-12-30")
    assert.equal("2024-12-30T13:00:00Z", clock.print(last.close[1]))
    assert.is_true(last.early[1])
    local listed = market.calendar { early_closes = { { "2024-12-30", "14:00" } },
      holidays = clock.parse { "2024-12-31" } }
    assert.equal(1, #listed:sessions("2024-12-30", "2024-12-31"))
  end)

  it("may begin the evening before", function()
    local futures = market.calendar { time_zone = "America/Chicago", open = "17:00",
      close = "16:00" }
    local s = futures:sessions("2024-03-11", "2024-03-11") -- the clock went forward on the 10th
    assert.equal("2024-03-10T22:00:00Z", clock.print(s.open[1]))
    assert.equal("2024-03-11T21:00:00Z", clock.print(s.close[1]))
    assert.equal(clock.parse "2024-03-11", futures:session_of(clock.parse "2024-03-10T23:00Z"))
    assert.equal(23 * 4, #futures:bars("15m", "2024-03-11", "2024-03-11"))
  end)

  it("takes sessions from a frame", function()
    local f = frame.new { { "open", ns { 10, 20 } }, { "close", ns { 15, 30 } } }
    local own = market.calendar(f)
    assert.same({ false, true, false, true, false },
      own:is_open(ns { 9, 10, 15, 20, 30 }):totable())
    assert.same({ 10, 20, clock.nat }, own:next_open(ns { 9, 10, 20 }):totable())
    assert.same({ clock.nat, 15, 30 }, own:previous_close(ns { 9, 15, 99 }):totable())
  end)

  it("names what is wrong", function()
    local nyse = market.calendar "XNYS"
    for _, case in ipairs {
      { "unknown calendar 'XNYSE' %(did you mean 'XNYS'%?%)",
        function() market.calendar "XNYSE" end },
      { "unknown option 'holiday' %(did you mean 'holidays'%?%)",
        function() market.calendar { holiday = {} } end },
      { "holiday '2024%-02%-30' is not a date",
        function() market.calendar { holidays = { "2024-02-30" } } end },
      { "open '9' is not a time of day", function() market.calendar { open = "9" } end },
      { "close '25:00' is not a time of day", function() market.calendar { close = "25:00" } end },
      { "weekday is 8", function() market.calendar { weekdays = { 8 } } end },
      { "no weekday is given", function() market.calendar { weekdays = {} } end },
      { "early close '1pm' is not a time of day",
        function() market.calendar { early_closes = { ["2024-12-24"] = "1pm" } } end },
      { "did you mean 'America/New_York'",
        function() market.calendar { time_zone = "NewYork" } end },
      { "XNYS is known from 1990 to 2199, 1980%-01%-01 to 1980%-12%-31 are asked for",
        function() nyse:sessions("1980", "1980") end },
      { "cadence '2d' is neither a length below a day",
        function() nyse:bars("2d", "2024", "2024") end },
      { "cadence '0m' is neither", function() nyse:bars("0m", "2024", "2024") end },
      { "the first date 'soon' is not a time", function() nyse:sessions("soon", "2024") end },
      { "times must be i64, got f64", function() nyse:is_open(tensor.of { 1.5 }) end },
      { "the bars have no times", function()
        nyse:missing(frame.new { { "time", ns {} } }) end },
      { "session 2 begins before session 1 has ended", function() market.calendar(frame.new {
        { "open", ns { 0, 5 } }, { "close", ns { 10, 20 } } }) end },
      { "session 1 does not end after it begins", function() market.calendar(frame.new {
        { "open", ns { 7 } }, { "close", ns { 7 } } }) end },
      { "the sessions need columns 'open' and 'close'",
        function() market.calendar(frame.new { { "open", ns { 7 } } }) end },
    } do
      assert.matches(case[1], support.message(case[2]))
    end
  end)
end)

describe("market.adjust", function()
  local function bars(list, close, volume)
    return frame.new { { "time", clock.parse(list) }, { "open", close }, { "close", close },
      { "volume", volume } }
  end
  local days = { "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05" }
  local function events(columns)
    columns[1] = { "date", clock.parse(columns[1]), "time" }
    return frame.new(columns)
  end
  local function near(want, got)
    got = got:totable()
    assert.equal(#want, #got)
    for i, w in ipairs(want) do
      assert.is_true(math.abs(w - got[i]) <= 1e-12 * math.abs(w), ("%d: %.17g"):format(i, got[i]))
    end
  end

  it("divides by splits and takes dividends off", function()
    local b = bars(days, { 100, 102, 51, 50 }, { 10, 20, 30, 40 })
    local split = market.adjust(b, events { { "2024-01-04" }, { "split", { 2 } } })
    near({ 50, 51, 51, 50 }, split.close)
    near({ 50, 51, 51, 50 }, split.open)
    near({ 20, 40, 30, 40 }, split.volume)
    assert.same({ 100, 102, 51, 50 }, split.raw_close:totable())
    near({ 0.5, 0.5, 1, 1 }, split.price_factor)
    near({ 2, 2, 1, 1 }, split.volume_factor)
    local paid = market.adjust(b, events { { "2024-01-05" }, { "dividend", { 1.02 } } })
    near({ 98, 99.96, 49.98, 50 }, paid.close) -- 1 - 1.02 / 51 = 0.98
    near({ 10, 20, 30, 40 }, paid.volume)
    -- both on one day: the dividend is for a new share, 1 - 1.02 / 51 again
    local both = market.adjust(b, events { { "2024-01-04", "2024-01-05" },
      { "split", { 2, 0 / 0 } }, { "dividend", { 1.02, 0 } } })
    near({ 49, 49.98, 51, 50 }, both.close)
    -- events in any order; those before the first bar and after the last change nothing
    local all = market.adjust(b, events { { "2024-02-01", "2024-01-05", "2020-01-01",
      "2024-01-04" }, { "split", { 1, 1, 7, 2 } }, { "dividend", { 0, 1.02, 3, 0 } } })
    near({ 49, 49.98, 49.98, 50 }, all.close)
    near({ 20, 40, 30, 40 }, all.volume)
    local factor = events { { "2024-01-04" }, { "factor", { 0.5 } } }
    near({ 50, 51, 51, 50 }, market.adjust(b, factor).close)
  end)

  it("knows only what was known as of a date", function()
    local b = bars(days, { 100, 102, 51, 50 }, { 10, 20, 30, 40 })
    local f = events { { "2024-01-04", "2024-01-05" }, { "split", { 2, 5 } } }
    near({ 100, 102, 51, 50 }, market.adjust(b, f, { as_of = "2024-01-03" }).close)
    near({ 50, 51, 51, 50 }, market.adjust(b, f, { as_of = "2024-01-04" }).close)
    near({ 10, 10.2, 10.2, 50 }, market.adjust(b, f, { as_of = "2024-01-05" }).close)
    near({ 10, 10.2, 10.2, 50 }, market.adjust(b, f).close)
  end)

  it("takes factors that hold up to their dates, by symbol", function()
    local b = bars(days, { 100, 102, 51, 50 }, { 10, 20, 30, 40 })
    local f = events { { "2024-01-03", "2050-12-31" }, { "price_factor", { 0.98, 1 } },
      { "split_factor", { 0.5, 1 } } }
    near({ 49, 49.98, 51, 50 }, market.adjust(b, f).close)
    near({ 20, 40, 30, 40 }, market.adjust(b, f).volume)
    near({ 100, 102, 51, 50 }, market.adjust(b, f, { as_of = "2024-01-03" }).close)
    near({ 49, 49.98, 51, 50 }, market.adjust(b, f, { as_of = "2024-01-04" }).close)
    local two = frame.concat { b:assign { { "symbol", { "a", "a", "a", "a" } } },
      b:assign { { "symbol", { "b", "b", "b", "b" } } } }
    local own = f:assign { { "symbol", { "b", "b" } } }
    near({ 100, 102, 51, 50, 49, 49.98, 51, 50 },
      market.adjust(two, own, { by = "symbol" }).close)
  end)

  it("dates bars within the day by the clock of a zone", function()
    local b = frame.new { { "time", clock.parse { "2024-01-03 20:00", "2024-01-04 00:30",
      "2024-01-04 09:30" , "2024-01-04 19:30" } }, { "close", { 2, 2, 1, 1 } } }
    local f = events { { "2024-01-04" }, { "split", { 2 } } }
    near({ 1, 2, 1, 1 }, market.adjust(b, f).close)
    near({ 1, 1, 1, 1 }, market.adjust(b, f, { time_zone = "America/New_York" }).close)
  end)

  it("gives the returns of owners of real shares", function()
    local path = support.data "equities/lean_us_daily_ohlcv_unadjusted.csv.gz"
    if not path then pending "data folder absent" return end
    local all = frame.read_csv(path, { time = { "date" } }):rename { date = "time" }
    local function adjusted(symbol)
      local file = support.data("equities/lean_factor_files/" .. symbol .. ".csv")
      local factors = frame.read_csv(file,
        { header = false, time = { "date" },
          names = { "date", "price_factor", "split_factor", "reference" } })
      return market.adjust(all:where(all.symbol:eq(symbol)), factors)
    end
    -- AIG's reverse split, 1 for 20, is a gain of 1500 % in raw prices
    local aig = adjusted "aig"
    local raw = aig.raw_close:slice(1, 2, -1) / aig.raw_close:slice(1, 1, -2) - 1
    local net = aig.close:slice(1, 2, -1) / aig.close:slice(1, 1, -2) - 1
    assert.is_true(raw:max() > 14 and net:max() < 1)
    -- SPY against adjusted closes of another source: 23 years of dividends agree to 0.3 %, where
    -- raw prices differ by half; single days differ, as the sources took different last trades
    local spy = adjusted "spy"
    local other = frame.read_csv(support.data "equities/pypfopt_spy_1993_2024.csv.gz",
      { time = { "date" } })
    local at = other.date:searchsorted(spy.time)
    assert.is_true(other.date:take(at):eq(spy.time):all())
    local ratio = spy.close / other.SPY:take(at)
    local plain = spy.raw_close / other.SPY:take(at)
    assert.is_true(math.abs(ratio[1] / ratio[-1] - 1) < 0.003)
    assert.is_true(plain[1] / plain[-1] > 1.5)
  end)

  it("names what is wrong", function()
    local b = bars(days, { 100, 102, 51, 50 }, { 10, 20, 30, 40 })
    local turned = b:take(ns { 2, 1, 3, 4 })
    for _, case in ipairs {
      { "the factors have none of the columns split", function() market.adjust(b, b) end },
      -- a factor file of LEAN under names of one's own
      { "column 'price' of the factors is not understood", function() market.adjust(b,
        events { { "2024-01-03", "2024-01-04" }, { "price", { 0.9, 1 } }, { "split", { 0.5, 1 } },
          { "ref", { 1, 2 } } }) end },
      { "have 'split' and 'price_factor', which are of two forms", function() market.adjust(b,
        events { { "2024-01-03" }, { "split", { 2 } }, { "price_factor", { 1 } } }) end },
      { "the prices are multiplied by 1e%+15 in all", function() market.adjust(b,
        events { { "2024-01-03", "2024-01-04", "2024-01-05" }, { "split", { 1e-5, 1e-5, 1e-5 } } })
      end },
      { "the factors must be a frame, got table", function() market.adjust(b, {}) end },
      { "the bars must be a frame, got nil", function() market.adjust(nil, b) end },
      { "unknown column 'close'", function() market.adjust(b:drop { "close" },
        events { { "2024-01-04" }, { "split", { 2 } } }) end },
      { "row 1 of the factors has a split that is not positive", function()
        market.adjust(b, events { { "2024-01-04" }, { "split", { 0 } } }) end },
      { "row 1 of the factors has a dividend that is not below the close before it", function()
        market.adjust(b, events { { "2024-01-04" }, { "dividend", { 102 } } }) end },
      { "row 2 of the factors has a dividend below 0", function() market.adjust(b,
        events { { "2024-01-03", "2024-01-04" }, { "dividend", { 1, -1 } } }) end },
      { "row 2 is earlier than the row before", function()
        market.adjust(turned, events { { "2024-01-04" }, { "split", { 2 } } }) end },
      { "as_of 'later' is not a time", function() market.adjust(b,
        events { { "2024-01-04" }, { "split", { 2 } } }, { as_of = "later" }) end },
      { "the factors have no column 'date'", function()
        market.adjust(b, frame.new { { "split", { 2 } } }) end },
      { "row 1 of the factors has no date", function()
        market.adjust(b, events { { false }, { "split", { 2 } } }) end },
    } do
      assert.matches(case[1], support.message(case[2]))
    end
  end)
end)
