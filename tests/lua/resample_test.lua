local clock = require "neap.clock"
local frame = require "neap.frame"
local market = require "neap.market"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local SECOND = 1000000000
local golden = dofile "tests/golden/pandas/time_resample.txt"

local function times_of(seconds) return tensor.of(seconds, { dtype = "i64" }) * SECOND end

local function input(name)
  local data = golden.inputs[name]
  return frame.new { { "time", times_of(data.time) }, { "v", tensor.of(data.v) },
    { "w", tensor.of(data.w, { dtype = "i64" }) } }
end

-- Equal within 1e-12 (relative above 1), NaN to NaN.
local function same(want, got, what)
  assert.equal(#want, #got, what)
  for i, w in ipairs(want) do
    local g = got[i]
    if w ~= w then assert.is_true(g ~= g, what .. i)
    elseif type(w) == "boolean" then assert.equal(w, g, what .. i)
    else
      local scale = math.max(1, math.abs(w))
      assert.is_true(math.abs(w - g) <= 1e-12 * scale,
        ("%s row %d: %s, expected %s"):format(what, i, g, w))
    end
  end
end

local function title(case)
  local words = { case.input, case.cadence }
  for _, name in ipairs { "label", "closed", "origin", "offset", "zone" } do
    if case[name] then words[#words + 1] = name .. "=" .. tostring(case[name]) end
  end
  if case.empty then words[#words + 1] = "empty" end
  return table.concat(words, " ") .. ": " .. table.concat(case.statistics, ", ")
end

describe("resample equals pandas:", function()
  for _, case in ipairs(golden.cases) do
    it(title(case), function()
      local rules = { { "w_sum", "w", "sum" } }
      for i, statistic in ipairs(case.statistics) do rules[i + 1] = { "s" .. i, "v", statistic } end
      local got = input(case.input):resample(case.cadence, rules, {
        label = case.label, closed = case.closed, origin = case.origin, offset = case.offset,
        time_zone = case.zone, empty = case.empty,
      })
      assert.same(case.times, (got.time // SECOND):totable())
      same(case.w_sum, got.w_sum:totable(), "w_sum")
      for i, statistic in ipairs(case.statistics) do
        same(case.values[i], got:column("s" .. i):totable(), statistic)
      end
    end)
  end

  it("in groups", function()
    local case = golden.grouped[1]
    local f = input(case.input):assign { { "symbol", case.symbols } }
    local got = f:resample(case.cadence, { { "size", "v", "size" }, { "sum", "v", "sum" },
      { "last", "v", "last" } }, { by = "symbol" })
    assert.same(case.symbol, got.symbol:totable())
    assert.same(case.times, (got.time // SECOND):totable())
    assert.same(case.size, got.size:totable())
    same(case.sum, got.sum:totable(), "sum")
    same(case.last, got.last:totable(), "last")
  end)
end)

describe("resample", function()
  local function rows(list, columns)
    local all = { { "time", tensor.of(list, { dtype = "i64" }) * SECOND } }
    for _, column in ipairs(columns or {}) do all[#all + 1] = column end
    return frame.new(all)
  end
  local HOUR = 3600

  it("knows the rules of bars, and takes the last of what else there is", function()
    local f = rows({ 0, HOUR, 2 * HOUR }, { { "symbol", { "x", "y", "" } },
      { "Open", { 1, 2, 3 } }, { "high", { 5, 9, 7 } }, { "low", { 3, 0.5, 2 } },
      { "close", { 4, 0 / 0, 0 / 0 } }, { "volume", { 1, 0 / 0, 2 } },
      { "trades", tensor.of({ 2, 3, 4 }, { dtype = "i64" }) },
      { "rate", tensor.of({ 1, 2, 3 }, { dtype = "f32" }) } })
    local d = f:resample("2h")
    assert.same({ "time", "symbol", "Open", "high", "low", "close", "volume", "trades", "rate",
      "known_at", "complete" }, d:columns())
    assert.same({ "y", false }, d.symbol:totable())
    assert.same({ 1, 3 }, d.Open:totable())
    assert.same({ 9, 7 }, d.high:totable())
    assert.same({ 0.5, 2 }, d.low:totable())
    support.same({ 4, 0 / 0 }, d.close)
    assert.same({ 1, 2 }, d.volume:totable())
    assert.same({ 5, 4 }, d.trades:totable())
    assert.equal("i64", d:dtype "trades")
    assert.equal("f32", d:dtype "rate")
    assert.same({ true, false }, d.complete:totable())
    assert.same({ 2 * HOUR * SECOND, 4 * HOUR * SECOND }, d.known_at:totable())
  end)

  it("tells when a bin is known and whether it is whole", function()
    local f = rows({ 0, 60, 120, 180 }, { { "x", { 1, 2, 3, 4 } } })
    assert.same({ true, true }, f:resample("2m").complete:totable())
    assert.same({ true, false }, f:resample("3m").complete:totable())
    assert.is_false(f:resample("2m", nil, { complete = false }):has "complete")
    local right = f:resample("2m", nil, { closed = "right", label = "right" })
    assert.same({ true, true, false }, right.complete:totable())
    -- an hour known a minute late
    local late = f:assign { { "known_at", f.time + 3 * 60 * SECOND } }
    local two = late:resample "2m"
    assert.same({ 4 * 60 * SECOND, 6 * 60 * SECOND }, two.known_at:totable())
    assert.same({ true, true }, two.complete:totable())
    assert.same({ false }, rows({ 0 }, { { "x", { 1 } } }):resample("1h").complete:totable())
  end)

  it("says when a day begins or ends outside the range of times", function()
    local function f(t) return frame.new { { "time", tensor.of({ t }, { dtype = "i64" }) } } end
    for origin, t in pairs { start_day = math.mininteger + 1, end_day = math.maxinteger } do
      assert.matches("leaves the range of times",
        support.message(f(t).resample, f(t), "1h", nil, { origin = origin }))
    end
  end)

  it("fills steps without rows with what nothing gives", function()
    local f = rows({ 0, 3 * HOUR }, { { "n", tensor.of({ 7, 8 }, { dtype = "i64" }) },
      { "s", { "a", "b" } }, { "seen_time", tensor.of({ 1, 2 }, { dtype = "i64" }) } })
    local g = f:resample("1h", { { "first", "n", "first" }, { "sum", "n", "sum" },
      { "mean", "n", "mean" }, { "count", "n", "count" }, { "s", "s", "last" },
      { "earliest", "seen_time", "min" }, { "any", "n", "any" }, { "all", "n", "all" } },
      { empty = true })
    support.same({ 7, 0 / 0, 0 / 0, 8 }, g.first)
    assert.same({ 7, 0, 0, 8 }, g.sum:totable())
    support.same({ 7, 0 / 0, 0 / 0, 8 }, g.mean)
    assert.same({ 1, 0, 0, 1 }, g.count:totable())
    assert.same({ "a", false, false, "b" }, g.s:totable())
    assert.same({ 1, clock.nat, clock.nat, 2 }, g.earliest:totable())
    assert.same({ true, false, false, true }, g.any:totable())
    assert.same({ true, true, true, true }, g.all:totable())
  end)

  it("gathers each symbol by itself, by several columns too", function()
    local f = rows({ 0, 0, 60, 60, 120, 120 }, { { "v", { 1, 2, 3, 4, 5, 6 } },
      { "symbol", { "b", "a", "b", "", "b", "a" } }, { "venue", { 2, 1, 1, 1, 2, 0 / 0 } } })
    local one = f:resample("1h", { { "sum", "v", "sum" } }, { by = "symbol" })
    assert.same({ "a", "b" }, one.symbol:totable())
    assert.same({ 8, 9 }, one.sum:totable())
    local two = f:resample("1h", { { "sum", "v", "sum" } }, { by = { "symbol", "venue" } })
    assert.same({ "a", "b", "b" }, two.symbol:totable())
    assert.same({ 1, 1, 2 }, two.venue:totable())
    assert.same({ 2, 3, 6 }, two.sum:totable())
    assert.same({ "symbol", "venue", "time", "sum", "known_at", "complete" }, two:columns())
    -- stacked as well as mixed, the times of one symbol may be those of another
    local both = market.synthetic { rows = 300, symbols = { "Z", "A" } }
    local made = both:resample("4h", nil, { by = "symbol" })
    for _, symbol in ipairs { "A", "Z" } do
      local alone = both:where(both.symbol:eq(symbol)):drop { "symbol" }:resample "4h"
      local part = made:where(made.symbol:eq(symbol))
      for _, name in ipairs(alone:columns()) do
        assert.same(alone:column(name):totable(), part:column(name):totable())
      end
    end
  end)

  it("takes functions, quantiles and weights", function()
    local f = rows({ 0, 60, HOUR }, { { "v", { 1, 3, 5 } }, { "w", { 1, 3, 0 } },
      { "s", { "a", "b", "c" } } })
    local g = f:resample("1h", { { "fn", "v", function(x) return x:sum() * 10 end },
      { "n", "s", function(s) return #s:totable() end }, { "q", "v", "quantile", 0.25 },
      { "vwap", "v", "wmean", "w" } })
    assert.same({ 40, 50 }, g.fn:totable())
    assert.same({ 2, 1 }, g.n:totable())
    assert.same({ 1.5, 5 }, g.q:totable())
    support.same({ 2.5, 0 / 0 }, g.vwap)
  end)

  it("makes nothing of nothing", function()
    local f = rows({}, { { "v", {} } })
    assert.equal(0, #f:resample "1d")
    assert.equal(0, #f:resample("1mo", nil, { empty = true, time_zone = "Asia/Tokyo" }))
    local none = frame.new { { "time", tensor.of({}, { dtype = "i64" }) }, { "v", {} },
      { "symbol", frame.category {} } }
    assert.equal(0, #none:resample("1d", nil, { by = "symbol" }))
  end)

  it("gives the same bits at any thread count", function()
    local bars, made = market.synthetic { rows = 100000, cadence = "1m" }, {}
    local threads = { 1, 2, 4 }
    finally(function() neap.set_threads(2) end)
    for i, n in ipairs(threads) do
      neap.set_threads(n)
      made[i] = bars:resample("7h", { { "m", "close", "mean" }, { "s", "close", "std" },
        { "v", "volume", "sum" } })
    end
    for _, name in ipairs { "m", "s", "v" } do
      assert.is_true(made[1]:column(name):eq(made[2]:column(name)):all())
      assert.is_true(made[1]:column(name):eq(made[3]:column(name)):all())
    end
  end)

  it("names what is wrong", function()
    local f = rows({ 0, 60, 30 }, { { "v", { 1, 2, 3 } }, { "s", { "a", "b", "c" } },
      { "k", { 1, 1, 1 } } })
    local ok = rows({ 0, 60, 1000000000 }, { { "v", { 1, 2, 3 } }, { "s", { "a", "b", "c" } } })
    for _, case in ipairs {
      { "row 3 is earlier than the row before: 1970%-01%-01T00:00:30Z after 1970%-01%-01T00:01:00Z"
        .. "; sort the rows, or name what tells their series apart in option 'by'", f, "1h" },
      { "row 3 is earlier than the row before of its group: [^;]*$", f, "1h", nil, { by = "k" } },
      { "cadence '1H' is not one .* or 1y %(did you mean '1h'%?%)", ok, "1H" },
      { "did you mean '15m'", ok, "15T" }, { "did you mean '1mo'", ok, "M" },
      { "did you mean '1d'", ok, "D" }, { "did you mean '1w'", ok, "W-FRI" },
      { "did you mean '1q'", ok, "Q" }, { "did you mean '1m'", ok, "min" },
      { "did you mean '2h'", ok, "2 Hours" }, { "1q or 1y$", ok, "1B" },
      { "offset '1H' is not .* 9h30m %(did you mean '1h'%?%)", ok, "1d", nil, { offset = "1H" } },
      { "cadence '0s' is not one like", ok, "0s" }, { "cadence '%-1h' is not one", ok, "-1h" },
      { "cadence 'nil' is not one like", ok, nil }, { "cadence '1x' is not one", ok, "1x" },
      { "cadence '99999999999999999999d' is not one", ok, "99999999999999999999d" },
      { "cadence '9999999999mo' is not one", ok, "9999999999mo" },
      { "empty = true would make 1000000001 bins of 3 rows, allowed are 10000000", ok, "1s", nil,
        { empty = true } },
      { "unknown label 'middle'", ok, "1h", nil, { label = "middle" } },
      { "unknown closed 'both'", ok, "1h", nil, { closed = "both" } },
      { "origin 'noon' is neither a time", ok, "1h", nil, { origin = "noon" } },
      { "offset 'x' is not a duration", ok, "1h", nil, { offset = "x" } },
      { "unknown option 'lable' %(did you mean 'label'%?%)", ok, "1h", nil, { lable = "left" } },
      { "unknown column 'v2' %(did you mean 'v'%?%)", ok, "1h", { { "x", "v2", "sum" } } },
      { "unknown statistic 'avg' %(known: first, last", ok, "1h", { { "x", "v", "avg" } } },
      { "statistic 'sum' does not suit column 's', which is a category", ok, "1h",
        { { "x", "s", "sum" } } },
      { "rule 2 must be { name, column, statistic }", ok, "1h", { { "x", "v", "sum" }, { "y" } } },
      { "rule 1 makes a column 'time', which the result has already", ok, "1h",
        { { "time", "v", "sum" } } },
      { "rule 1: the quantile is missing", ok, "1h", { { "x", "v", "quantile" } } },
      { "quantile: q is 2, allowed are 0 to 1", ok, "1h", { { "x", "v", "quantile", 2 } } },
      { "the function gave a string for bin 1", ok, "1h",
        { { "x", "v", function() return "x" end } } },
      { "column 'v' is a number, not times; option 'time' names the column of times %(here: time",
        ok, "1h", nil, { time = "v" } },
      { "there is no column 'time'; option 'time' names the column of times %(here: day%)",
        ok:rename { time = "day" }, "1h" },
      { "names the column of times %(this frame has none%)", ok:drop "time", "1h" },
      { "unknown column 'symbol'", ok, "1h", nil, { by = "symbol" } },
      { "time zone 'Mars/Base' is unknown", ok, "1h", nil, { time_zone = "Mars/Base" } },
      { "rules must be a table, got string", ok, "1h", "sum" },
    } do
      assert.matches(case[1],
        support.message(function() case[2]:resample(case[3], case[4], case[5]) end))
    end
    ok.time = tensor.of({ 0, clock.nat, 5 }, { dtype = "i64" })
    assert.matches("row 2 has no time", support.message(function() ok:resample "1h" end))
    ok.time = tensor.of({ 0, 1, math.maxinteger }, { dtype = "i64" })
    assert.matches("the bin of 2262%-04%-11T23:47:16.854775807Z leaves the range of times",
      support.message(function() ok:resample "1h" end))
  end)
end)
