-- The audit catches what looks ahead, by name, and clears what does not.
local audit = require "neap.audit"
local backtest = require "neap.backtest"
local features = require "neap.features"
local frame = require "neap.frame"
local labels = require "neap.labels"
local market = require "neap.market"
local neap = require "neap"
local preprocess = require "neap.preprocess"
local support = require "tests.lua.support"
local ta = require "neap.ta"
local tensor = require "neap.tensor"

local raises = support.message
local bars = market.synthetic { rows = 900 }
local day = 86400 * 1000000000

local function returns(b) return b.close / b.close:shift(1) - 1 end

-- For each row the last row of its day.
local function day_end(time)
  local days = time // day
  return days:searchsorted(days, { right = true }) - 1
end

-- The findings by test, for one column.
local function tests_of(report, column)
  local out = {}
  for _, found in ipairs(report.findings) do
    if found.column == column then out[found.test] = found end
  end
  return out
end

describe("the audit catches", function()
  it("a full-sample z-score", function()
    local r = audit.lookahead(function(b)
      return frame.new { { "fine", ta.sma(b.close, 5) },
        { "zscore", (b.close - b.close:mean()) / b.close:std() } }
    end, bars)
    assert.is_false(r.ok)
    assert.same({ "zscore" }, r.moved)
    local found = tests_of(r, "zscore")
    assert.equal(1, found.prefix.row)
    assert.equal(1, found.noise.row)
    assert.equal(bars.time:get(1), found.prefix.time)
    assert.is_true(found.prefix.size > 0.01 and found.prefix.size < math.huge)
    assert.matches("look%-ahead: 1 column moved %(2 columns, 900 bars, 20 cuts; prefix, noise",
      tostring(r))
    assert.matches("zscore +prefix +1 +2018", tostring(r))
  end)

  it("a centred window, with the row", function()
    local r = audit.lookahead(function(b)
      return (b.close:shift(-2) + b.close + b.close:shift(2)) / 3
    end, bars)
    assert.same({ "value" }, r.moved)
    local found = tests_of(r, "value").prefix
    assert.equal(found.cut - 1, found.row) -- the last two rows before the first cut
    assert.equal(2 * #r.cuts, found.count)
    assert.equal(math.huge, found.size) -- values vanish
    assert.is_true(tests_of(r, "value").noise.size < math.huge)
  end)

  it("a join from the future", function()
    local news = frame.new { { "time", bars.time }, { "score", bars.close:shift(-3) / bars.close } }
    local function joined(b) -- by the stamp, though the score was known three bars later
      return news.score:take(news.time:searchsorted(b.time))
    end
    assert.is_true(audit.lookahead(joined, bars).ok) -- the score does not come from the bars
    local r = audit.lookahead(function(b)
      local score = b.close:shift(-3) / b.close
      return score:take(b.time:searchsorted(b.time))
    end, bars)
    assert.is_false(r.ok)
    r = audit.lookahead(function(b) return b.score end, bars:assign { { "score", news.score } })
    assert.is_true(r.ok) -- it is what the bars say of this row
  end)

  it("a higher time frame that is not shifted", function()
    local function daily_close(b) return b.close:take(day_end(b.time)) end
    local function yesterday(b)
      local close, time = daily_close(b), b.time // day
      local before = time:searchsorted(time) - 1 -- the last row of the day before
      return tensor.where(before:ge(1), close:take(before:clamp(1)), 0 / 0)
    end
    local r = audit.lookahead(daily_close, bars)
    assert.same({ "value" }, r.moved)
    assert.is_true(audit.lookahead(yesterday, bars).ok)
  end)

  it("a fill in the bar that gave the signal", function()
    local function signal(b) return ta.rsi(b.close, 7):lt(45):to "f64" end
    local function same_bar(b, s) return s * returns(b) end
    local function next_bar(b, s) return s:shift(1) * returns(b) end
    local function two_later(b, s) return s:shift(2) * returns(b) end
    local r = audit.lookahead(signal, bars, { lag = same_bar })
    assert.is_false(r.ok)
    assert.same({ "lag" }, { r.findings[1].test })
    assert.equal(r.findings[1].cut, r.findings[1].row)
    assert.matches("lag: .* as given, .* one bar later", tostring(r))
    assert.is_true(r.lag.given ~= r.lag.delayed)
    for _, lag in ipairs { next_bar, two_later } do
      r = audit.lookahead(signal, bars, { lag = lag })
      assert.is_true(r.ok, tostring(r))
    end
    -- the same by the position that a bar is held with
    r = audit.lookahead(signal, bars, { at = "open" })
    assert.same({ "value" }, r.moved)
    assert.same({ "noise" }, { r.findings[1].test })
    assert.is_true(audit.lookahead(function(b) return signal(b):shift(1) end, bars,
      { at = "open" }).ok)
    -- a gap at the open may be acted on in its bar
    assert.is_true(audit.lookahead(function(b) return b.open:gt(b.close:shift(1)) end, bars,
      { at = "open" }).ok)
    assert.is_false(audit.lookahead(function(b) return b.high:gt(b.close:shift(1)) end, bars,
      { at = "open" }).ok)
  end)

  it("a scaler that was fitted on everything", function()
    local function scaled(b)
      local f = b:select { "time", "close", "volume" }
      return preprocess.standard():fit(f):apply(f)
    end
    assert.same({ "close", "volume" }, audit.lookahead(scaled, bars).moved)
    local fitted = preprocess.standard():fit(bars:rows(1, 40):select { "time", "close" })
    local r = audit.lookahead(function(b) return fitted:apply(b):select { "close" } end, bars)
    assert.is_true(r.ok)
  end)

  it("a function that looks at the number of rows", function()
    local r = audit.lookahead(function(b)
      return tensor.arange(#b.close) / #b.close
    end, bars, { noise = false })
    assert.same({ "value" }, r.moved)
    assert.is_nil(tests_of(r, "value").noise)
  end)

  it("labels that do not say when they are known", function()
    local function bare(b) return (labels.forward_return(b, { lookforward = 5 })) end
    local function dated(b)
      local y, known_at = labels.forward_return(b, { lookforward = 5 })
      return frame.new { { "y", y }, { "known_at", known_at } }
    end
    local r = audit.lookahead(bare, bars)
    assert.same({ "value" }, r.moved)
    assert.equal(r.cuts[1] - 4, r.findings[1].row)
    assert.is_true(audit.lookahead(dated, bars).ok)
  end)

  it("text, whole numbers and truth values that move", function()
    local r = audit.lookahead(function(b)
      local n = #b.close
      local up = b.close:gt(b.close:median())
      local words = {}
      for i, v in ipairs(up:totable()) do words[i] = v and "up" or "down" end
      return { up = up, words = frame.category(words), count = tensor.full { n, value = n,
        dtype = "i64" }, fine = b.close:gt(2) }
    end, bars, { cuts = 4 })
    assert.same({ "count", "up", "words" }, r.moved)
  end)
end)

describe("the audit clears", function()
  it("all features of the usual set, and longer time frames", function()
    local names = features.default(bars)
    for _, name in ipairs { "rsi_14@4h", "adx_14@1d", "hour", "weekday" } do
      names[#names + 1] = name
    end
    local r = audit.lookahead(features.set(names), bars)
    assert.is_true(r.ok, tostring(r))
    assert.is_true(r.columns > 60)
    assert.equal(900, r.rows)
    assert.is_true(r.warmup.rsi_14 > 14)
    assert.equal(0, r.warmup.hour_sin)
    assert.matches("look%-ahead: none found", tostring(r))
  end)

  it("averages, delayed entries and an honest backtest", function()
    local function target(b) return ta.ema(b.close, 12):gt(ta.ema(b.close, 26)):to "f64" end
    local r = audit.lookahead(function(b)
      return { ema = ta.ema(b.close, 20), entry = target(b):shift(3), total = b.close:cumsum() }
    end, bars)
    assert.is_true(r.ok, tostring(r))
    assert.equal(math.huge, r.warmup.total)
    assert.matches("always felt by total", tostring(r))
    r = audit.lookahead(function(b)
      return backtest.run(b, { target = target(b), fee = 5e-4, close_at_end = false }).equity
    end, bars, { warmup = false })
    assert.is_true(r.ok, tostring(r))
    assert.is_nil(r.warmup)
    for fill, ok in pairs { open = true, close = false } do
      r = audit.lookahead(function(b)
        return backtest.run(b, { target = target(b), fill = fill, close_at_end = false }).position
      end, bars, { at = "open" })
      assert.equal(ok, r.ok, fill)
    end
  end)

  it("rows of their own that say when they are known", function()
    local function events(late)
      return function(b)
        local last = day_end(b.time)
        local ends = last:eq(tensor.arange(1, #b.close, 1, { dtype = "i64" })):nonzero()
        local close = b.close:take(ends)
        return frame.new { { "close", close },
          { "known_at", (b.time:take(ends) // day + (late and 1 or 0)) * day } }
      end
    end
    -- The last row of a day is the last of the cut bars too, so an event comes too early there;
    -- it counts from the end of its day on.
    assert.is_true(audit.lookahead(events(true), bars).ok)
    local r = audit.lookahead(events(false), bars)
    assert.is_false(r.ok)
    assert.same({ "close" }, r.moved)
  end)

  it("barriers and longer bars, which say when they are known", function()
    local o = { profit = 0.02, stop = 0.02, lookforward = 24 }
    local r = audit.lookahead(function(b) return labels.triple_barrier(b, o) end, bars)
    assert.is_true(r.ok, tostring(r))
    r = audit.lookahead(function(b) return b:resample "4h" end, bars)
    assert.is_true(r.ok, tostring(r))
    r = audit.lookahead(function(b) return b:resample("4h"):drop { "known_at" } end, bars)
    assert.is_false(r.ok) -- a bar that is stamped with its open is not known then
  end)

  it("columns of a matrix", function()
    local x = tensor.randn { 300, 3, seed = 1 }
    local r = audit.lookahead(function(t) return t:cumsum(1) end, x)
    assert.is_true(r.ok)
    r = audit.lookahead(function(t)
      return tensor.cat({ t:slice(2, 1, 2), t:slice(2, 3, 3) - t:slice(2, 3, 3):mean() }, 2)
    end, x)
    assert.same({ "column 3" }, r.moved)
  end)
end)

describe("panels", function()
  local panel = market.synthetic { rows = 300, symbols = { "AAA", "BBB", "CCC" }, seed = 1 }

  it("are cut by time, in any order of rows", function()
    local set = features.set { "ret_1", "ret_5:rank", "rsi_14" }
    for _, p in ipairs { panel, panel:sort "time" } do
      local r = audit.lookahead(set, p, { by = "symbol", cuts = 8 })
      assert.is_true(r.ok, tostring(r))
      assert.equal(3, r.columns)
    end
    local r = audit.lookahead(function(b)
      return (b.close - b.close:mean()) / b.close
    end, panel, { by = "symbol", cuts = 5 })
    assert.is_false(r.ok)
  end)

  it("show what bleeds from symbol to symbol in time", function()
    -- sorted by symbol, the row before the first of a symbol is the last of another
    local function bleeding(b) return b.close:shift(1) end
    local r = audit.lookahead(bleeding, panel, { by = "symbol", cuts = 5 })
    assert.is_false(r.ok)
    assert.equal(301, r.findings[1].row)
  end)

  it("have fills too, and must be told apart", function()
    local set = features.set { "ret_1" }
    local function signal(b)
      return set:compute(b, { by = "symbol" }).ret_1:gt(0):to "f64"
    end
    local function same_bar(b, s)
      return s * set:compute(b, { by = "symbol" }).ret_1:exp()
    end
    local r = audit.lookahead(signal, panel, { by = "symbol", lag = same_bar, cuts = 5 })
    assert.is_false(r.ok)
    assert.equal("lag", r.findings[1].test)
    assert.matches("several symbols", raises(audit.lookahead, signal, panel), 1, true)
    assert.matches("no column 'venue'",
      raises(audit.lookahead, signal, panel, { by = "venue" }), 1, true)
    assert.matches("needs bars with a time", raises(audit.lookahead, signal,
      { close = tensor.ones { 4 }, symbol = tensor.ones { 4 } }, { by = "symbol" }), 1, true)
  end)
end)

describe("warm-up", function()
  it("is measured, and judged when asked", function()
    local function sma(b) return ta.sma(b.close, 30) end
    local r = audit.lookahead(sma, bars)
    assert.equal(29, r.warmup.value)
    assert.is_true(audit.lookahead(sma, bars, { warmup = 29 }).ok)
    r = audit.lookahead(sma, bars, { warmup = 20 })
    assert.is_false(r.ok)
    assert.equal("warmup", r.findings[1].test)
    r = audit.lookahead(function(b) return ta.ema(b.close, 30) end, bars, { warmup = 40 })
    assert.is_false(r.ok)
    assert.is_true(r.findings[1].size < 1)
  end)
end)

describe("an audit repeats", function()
  it("bit for bit with a seed", function()
    local function centred(b) return b.close:shift(-1) end
    local a, b = audit.lookahead(centred, bars), audit.lookahead(centred, bars)
    assert.equal(tostring(a), tostring(b))
    assert.same(a.cuts, b.cuts)
    assert.are_not.same(a.cuts, audit.lookahead(centred, bars, { seed = 2 }).cuts)
  end)

  it("and leaves the bars as they were", function()
    local before = tostring(bars:describe())
    audit.lookahead(features.set { "rsi_14" }, bars)
    assert.equal(before, tostring(bars:describe()))
  end)
end)

describe("hostile functions", function()
  local function refused(fn, pattern, o, b)
    assert.matches(pattern, raises(audit.lookahead, fn, b or bars, o), 1, true)
  end

  it("are named", function()
    refused(3, "a function of bars is expected, or a set of features, got number")
    refused(function() return 5 end, "the function gave number")
    refused(function() return tensor.ones { 2, 2, 2 } end, "3 dims")
    refused(function() return {} end, "gave no columns")
    refused(function() return tensor.ones { 7 } end, "the function gave 7 rows for 900 bars")
    local calls = 0
    refused(function(b)
      calls = calls + 1
      return tensor.randn { #b.close, seed = calls }
    end, "gives other values each time")
    refused(function(b)
      return #b.close < 500 and tensor.ones { 3 } or b.close
    end, "the function gave 3 rows for 65 bars")
    refused(function(b)
      return frame.new { { "time", b.time }, { "x", b.close } }:head(#b.close < 500 and 3 or 900)
    end, "the function gave 900 rows for 900 bars, and 3 for")
    refused(function(b)
      if #b.close < 200 then error "too short" end
      return b.close
    end, "too short; first = n makes the cuts begin later")
    assert.is_true(audit.lookahead(function(b)
      if #b.close < 200 then error "too short" end
      return b.close
    end, bars, { first = 200 }).ok)
  end)

  it("meet bars that are none", function()
    local function id(b) return b.close end
    refused(id, "0 rows, two at least", nil, bars:rows(1, 1):where(bars.close:slice(1, 1, 1):lt(0)))
    refused(id, "1 rows, two at least", nil, bars:rows(1, 1))
    refused(id, "the bars have no columns", nil, {})
    refused(id, "the bars must be a table, got number", nil, 7)
    refused(id, "'b' has 3 rows, 'a' has 2", nil, { a = tensor.ones { 2 }, b = tensor.ones { 3 } })
    assert.is_true(audit.lookahead(id, bars:rows(1, 2)).ok)
    local missing = bars:assign { { "close", tensor.full { 900, value = 0 / 0 } } }
    assert.is_true(audit.lookahead(id, missing).ok)
  end)

  it("and options are checked", function()
    local function id(b) return b.close end
    refused(id, "cuts is 0, must be 1 at least", { cuts = 0 })
    refused(id, "unknown option 'cut' (did you mean 'cuts'?)", { cut = 3 })
    refused(id, "tolerance is -1", { tolerance = -1 })
    refused(id, "at is 'noon'", { at = "noon" })
    refused(id, "lag must be a function", { lag = 1 })
    refused(id, "lag must give a tensor of 900 numbers", { lag = function() return 1 end })
    refused(function(b) return b.close * 0 end, "never change",
      { lag = function(b) return b.close end })
    refused(id, "first is 900, and there are 900 rows", { first = 900 })
  end)

  it("may report progress", function()
    local seen = 0
    audit.lookahead(function(b) return b.close end, bars, { cuts = 3, progress = function(p)
      seen = math.max(seen, p.done)
      assert.is_true(p.done <= p.total)
    end })
    assert.is_true(seen >= 6)
  end)
end)

assert(neap.audit == audit)

it("audit.lookahead says what it takes when an argument is missing", function()
  local some = market.synthetic { rows = 50 }
  for got, call in pairs {
    ["got frame, nil"] = function() audit.lookahead(some) end,
    ["got frame, function"] = function() audit.lookahead(some, returns) end,
    ["got function, nil"] = function() audit.lookahead(returns) end,
    ["got nil, nil"] = function() audit.lookahead() end,
  } do
    local message = support.message(call)
    assert.matches("what computes comes first, the bars second", message)
    assert.matches(got, message)
  end
end)
