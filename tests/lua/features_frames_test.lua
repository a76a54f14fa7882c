-- Time frames and panels of features: against plain loops over market.resample and over symbols,
-- bar by bar, and with the future cut off.
local support = require "tests.lua.support"
local neap = require "neap"
local features, frame, market, tensor = neap.features, neap.frame, neap.market, neap.tensor

local MINUTE = 60 * 1000000000
local names = { "open", "high", "low", "close", "volume" }

-- Bars of a random walk as rows: a share of the steps is longer than the cadence; holes are NaN.
local function walk(seed, n, minutes, o)
  local r, price, rows = neap.rng(seed), 100, {}
  local time = (o.start or 25000000) * MINUTE
  for i = 1, n do
    local open = price
    price = price * math.exp(0.01 * r:normal())
    rows[i] = { time = time, open = open, close = price,
      high = math.max(open, price) + r:uniform(), low = math.min(open, price) - r:uniform(),
      volume = 10 + 100 * r:uniform(), symbol = o.symbol }
    time = time + minutes * MINUTE
    if r:uniform() < (o.gaps or 0) then
      time = time + math.floor(r:uniform() * 300) * minutes * MINUTE
    end
    if o.holes and r:uniform() < 0.1 then
      rows[i][names[1 + math.floor(r:uniform() * 5)]] = ({ 0 / 0, 1 / 0 })[i % 2 + 1]
    end
  end
  return rows
end

local function bars_of(rows)
  local columns = { { "time", {}, "time" } }
  for i, name in ipairs(names) do columns[i + 1] = { name, {} } end
  for i, row in ipairs(rows) do
    for _, column in ipairs(columns) do column[2][i] = row[column[1]] end
  end
  columns[1][2] = tensor.of(columns[1][2], { dtype = "i64" })
  for i = 2, #columns do columns[i][2] = tensor.of(columns[i][2], { dtype = "f64" }) end
  if #rows > 0 and rows[1].symbol then
    local symbols = {}
    for i, row in ipairs(rows) do symbols[i] = row.symbol end
    columns[#columns + 1] = { "symbol", symbols }
  end
  return frame.new(columns)
end

local function same(a, b) return a == b or (a ~= a and b ~= b) end

local function assert_same(want, got, what)
  assert.equal(#want, #got, what)
  for i = 1, #want do
    if not same(want[i], got[i]) then
      error(("%s at %d: %.17g and %.17g"):format(what, i, want[i], got[i]), 2)
    end
  end
end

local function column_lists(f, list)
  local lists = {}
  for k, name in ipairs(list) do lists[k] = f:column(name):totable() end
  return lists
end

local frames_of = { ["5m"] = 5, ["15m"] = 15, ["1h"] = 60, ["4h"] = 240, ["1d"] = 1440,
  ["1w"] = 10080 }

-- The feature on resampled bars; each row takes that of the last bin that ended by its own end.
local function by_resample(bars, feature, text, minutes)
  local higher = market.resample(bars, text)
  local values = features.set({ feature }):compute(higher)[feature]:totable()
  local starts, times, out, known = higher.time:totable(), bars.time:totable(), {}, 0
  for i, t in ipairs(times) do
    while known < #starts
      and starts[known + 1] + frames_of[text] * MINUTE <= t + minutes * MINUTE do
      known = known + 1
    end
    out[i] = known > 0 and values[known] or 0 / 0
  end
  return out
end

describe("time frames", function()
  for _, minutes in ipairs { 1, 5, 7, 13, 60 } do
    for _, gaps in ipairs { 0, 0.05 } do
      local name_of_test = "hold the last complete bar: bars of %d minutes, gaps %g"
      it(name_of_test:format(minutes, gaps), function()
        local n = minutes == 1 and 6000 or 1500
        local bars = bars_of(walk(minutes, n, minutes, { gaps = gaps }))
        for text, length in pairs(frames_of) do
          if length >= minutes then
            for _, feature in ipairs { "rsi_3", "ema_4_rel", "adosc_3_10_rel", "volume_5_rel" } do
              local name = feature .. "@" .. text
              local f = features.set({ name }):compute(bars, { cadence = minutes * MINUTE })
              assert_same(by_resample(bars, feature, text, minutes), f[name]:totable(), name)
            end
          end
        end
      end)
    end
  end

  it("are made of what there is when values are missing, as by market.resample", function()
    local bars = bars_of(walk(77, 900, 5, {}))
    for k, name in ipairs(names) do
      local x = bars[name]:clone()
      for i = k, 900, 6 + k do x[i] = 0 / 0 end
      for i = 241, 252 do x[i] = 0 / 0 end -- an hour without anything
      bars[name] = x
    end
    for _, feature in ipairs { "sma_1", "volume_sma_1", "trange", "bop", "adosc_3_10_rel" } do
      local name = feature .. "@1h"
      assert_same(by_resample(bars, feature, "1h", 5),
        features.set({ name }):compute(bars)[name]:totable(), name)
    end
  end)

  it("changes at the close that completes the bar, not before", function()
    local bars = bars_of(walk(1, 180, 1, { start = 25000020 })) -- on the hour
    local x = features.set({ "sma_1@1h" }):compute(bars)["sma_1@1h"]
    assert.is_true(x[59] ~= x[59])
    assert.equal(bars.close[60], x[60])
    assert.equal(bars.close[60], x[119])
    assert.equal(bars.close[120], x[120])
  end)

  it("takes a time frame of the cadence itself, and finds the cadence", function()
    local bars = bars_of(walk(2, 100, 5, {}))
    local f = features.set({ "rsi_5", "rsi_5@5m" }):compute(bars)
    assert_same(f.rsi_5:totable(), f["rsi_5@5m"]:totable(), "rsi")
  end)

  local list = { "rsi_5", "adx_3@15m", "macd_3_6_2@1h", "macd_3_6_2_rel@15m", "volume_5_rel@1h",
    "adosc_3_10_rel@15m", "ret_2@1h", "bbands_5_2_upper_rel", "var_5_rel@15m", "close_own",
    "hour", "weekday", "day_of_year", "trend" }
  local function own_set(o)
    local specs = table.move(list, 1, #list, 1, {})
    specs[10] = { "close_own", function(bars) return bars.close:mul(2) end,
      stream = function() return function(bar) return 2 * bar.close end end }
    return features.set(specs, o or { trend = { 25000000 * MINUTE, 25090000 * MINUTE },
      time_zone = "America/New_York" })
  end

  for _, holes in ipairs { false, true } do
    it("streams the bits of the batch, holes " .. tostring(holes), function()
      for _, minutes in ipairs { 1, 5, 7 } do
        local rows = walk(20 + minutes, 900, minutes, { gaps = 0.02, holes = holes })
        local set = own_set()
        local f = set:compute(bars_of(rows), { cadence = minutes * MINUTE })
        local stream = set:stream { cadence = minutes * MINUTE }
        local lists = column_lists(f, set:names())
        for i, row in ipairs(rows) do
          local got = stream:push(row)
          for k, name in ipairs(set:names()) do
            assert.is_true(same(lists[k][i], got[k]), name .. " at " .. i)
          end
        end
      end
    end)
  end

  it("do not look ahead: values before a cut stay", function()
    local rows, set = walk(31, 1500, 5, { gaps = 0.02, holes = true }), own_set()
    local whole = column_lists(set:compute(bars_of(rows), { cadence = "5m" }), set:names())
    local r = neap.rng(5)
    for _ = 1, 12 do
      local cut = 1 + math.floor(r:uniform() * 1499)
      local part = set:compute(bars_of(table.move(rows, 1, cut, 1, {})), { cadence = "5m" })
      for k, x in ipairs(column_lists(part, set:names())) do
        assert_same(table.move(whole[k], 1, cut, 1, {}), x, set:names()[k])
      end
    end
  end)

  it("has the same bits at any number of threads", function()
    local rows, set, lists = walk(41, 3000, 5, { gaps = 0.02, holes = true }), own_set(), {}
    for i, count in ipairs { 1, 2, 4 } do
      neap.set_threads(count)
      lists[i] = column_lists(set:compute(bars_of(rows), { cadence = "5m" }), set:names())
    end
    neap.set_threads(2)
    for i = 2, 3 do
      for k, name in ipairs(set:names()) do assert_same(lists[1][k], lists[i][k], name) end
    end
  end)

  it("are defined from the lookback on", function()
    for _, minutes in ipairs { 1, 5, 7 } do
      local bars = bars_of(walk(51, 3000, minutes, { start = 25000020 }))
      local set = features.set { "rsi_5@1h", "ema_20" }
      local from, cadence = set:lookback(minutes * MINUTE), minutes * MINUTE
      local f = set:compute(bars, { cadence = cadence })
      for _, name in ipairs(set:names()) do
        local x = f[name]
        for i = from + 1, #x do assert.is_true(x[i] == x[i], name) end
      end
      local x = f["rsi_5@1h"]
      assert.is_true(x[from - 10] ~= x[from - 10])
    end
  end)

  local bars = bars_of(walk(61, 50, 5, {}))
  local function compute(specs, o, given)
    return function() features.set(specs):compute(given or bars, o) end
  end
  local without_time = bars:assign { { "time", bars.time:clone() } }
  without_time.time[1] = math.mininteger
  local upside_down = bars:take(tensor.arange(50, 1, -1):to "i64")
  local mistakes = {
    { "features.set: 'rsi_3@1x': '1x' is no time frame", compute { "rsi_3@1x" } },
    { "'' is no time frame", compute { "rsi_3@" } },
    { "'0m' is no time frame", compute { "rsi_3@0m" } },
    { "'99999999999w' is no time frame", compute { "rsi_3@99999999999w" } },
    { "'1 h' is no time frame", compute { "rsi_3@1 h" } },
    { "'1h@1d' is no time frame", compute { "rsi_3@1h@1d" } },
    { "unknown cross-section 'rank:rank'", compute { "rsi_3:rank:rank" } },
    { "row 1 has no time", compute({ "rsi_3@1w" }, { cadence = "5m" }, without_time) },
    { "features: row 1 has no time", compute({ "rsi_3@1w" }, nil, without_time) },
    { "unknown feature 'rsj_3' (did you mean 'rsi'?)", compute { "rsj_3@1h" } },
    { "'hour@1h': the clock has no time frame", compute { "hour@1h" } },
    { "'rsi_3@1m': the time frame is shorter than the cadence of the bars, 5m",
      compute { "rsi_3@1m" } },
    { "'rsi_3@1h' needs the time of the bars, and they have none",
      compute({ "rsi_3@1h" }, nil, { close = tensor.ones { 5 } }) },
    { "time must be i64 nanoseconds",
      compute({ "rsi_3@1h" }, nil, { close = tensor.ones { 5 }, time = tensor.ones { 5 } }) },
    { "row 2 (%d", compute({ "rsi_3@1h" }, { cadence = "5m" }, upside_down), true },
    { "was complete with the row before; is the cadence right?",
      compute({ "rsi_3@15m" }, { cadence = "10m" }) },
    { "the bars do not show their cadence; give cadence",
      compute({ "rsi_3@1h" }, nil, bars:head(1)) },
    { "cadence 'often' is not a duration", compute({ "rsi_3" }, { cadence = "often" }) },
    { "time frames need the cadence of the bars",
      function() features.set({ "rsi_3@1h" }):lookback() end },
    { "bar.time must be an integer", function()
      features.set({ "rsi_3@1h" }):stream({ cadence = "5m" }):push { close = 1 }
    end },
    { "a stream with time frames needs the cadence",
      function() features.set({ "rsi_3@1h" }):stream() end },
    { "'trend' must be fitted first", compute { "trend" } },
    { "no zone", function() features.set({ "hour" }, { time_zone = "Mars/Base" }) end, "Mars" },
  }
  for _, case in ipairs(mistakes) do
    it("says: " .. case[1], function()
      local text = support.message(case[2])
      if case[3] == true then assert.matches("row 2 %(%d", text)
      else assert.is_truthy(text:find(case[3] or case[1], 1, true), text) end
      assert.matches("features_frames_test.lua:%d+: ", text)
    end)
  end

  it("take the earliest and the latest times", function()
    local ends = { math.mininteger + 1, -9000000000000000000, -1, 0, 9000000000000000000,
      math.maxinteger }
    local some = frame.new { { "time", tensor.of(ends, { dtype = "i64" }) },
      { "close", tensor.of { 1, 2, 3, 4, 5, 6 } } }
    for _, name in ipairs { "sma_1@1w", "sma_1@1h", "sma_1@4000w" } do
      local set = features.set { name, "hour", "day_of_year" }
      local f, s = set:compute(some, { cadence = "1h" }), set:stream { cadence = "1h" }
      for i = 1, 6 do
        local row = s:push { time = ends[i], close = i }
        for k, column in ipairs(set:names()) do assert.is_true(same(row[k], f[column][i])) end
      end
    end
  end)

  it("leaves a stream as it was when a bar is refused", function()
    local rows, set = walk(71, 200, 5, {}), features.set { "rsi_3@15m", "ema_3" }
    local plain, disturbed = set:stream { cadence = "5m" }, set:stream { cadence = "5m" }
    for i, row in ipairs(rows) do
      if i % 7 == 3 then assert.is_false(pcall(disturbed.push, disturbed, rows[i - 1])) end
      assert.same(tostring(plain:push(row)[2]), tostring(disturbed:push(row)[2]))
    end
  end)
end)

-- panels ------------------------------------------------------------------------------------------

local symbols = { "AAA", "BB", "C" }

-- Rows of three symbols in order of time; not every symbol has a bar at every time.
local function panel_rows(seed, n, holes)
  local rows, r = {}, neap.rng(seed)
  for s, symbol in ipairs(symbols) do
    for _, row in ipairs(walk(seed + s, n, 5, { holes = holes, symbol = symbol })) do
      if r:uniform() > 0.1 then rows[#rows + 1] = row end
    end
  end
  local order = {}
  for i, row in ipairs(rows) do order[row] = i end
  local interleaved = table.move(rows, 1, #rows, 1, {})
  table.sort(interleaved, function(a, b)
    if a.time ~= b.time then return a.time < b.time end
    return order[a] > order[b]
  end)
  return rows, interleaved
end

local base = { "rsi_5", "macd_3_6_2_rel", "ret_3@15m", "adosc_3_10_rel", "hour" }
local function panel_set(more)
  local specs = table.move(base, 1, #base, 1, {})
  specs[#specs + 1] = { "own", function(b) return b.close:sub(b.close[1]) end,
    stream = function()
      local first
      return function(bar)
        first = first or bar.close
        return bar.close - first
      end
    end }
  return features.set(table.move(more or {}, 1, #(more or {}), #specs + 1, specs))
end

describe("panels", function()
  for _, layout in ipairs { "stacked", "interleaved" } do
    it("are computed symbol by symbol: " .. layout, function()
      local stacked, interleaved = panel_rows(3, 400, false)
      local rows = layout == "stacked" and stacked or interleaved
      local set = panel_set()
      local whole = set:compute(bars_of(rows), { by = "symbol", cadence = "5m" })
      for _, symbol in ipairs(symbols) do
        local own, places = {}, {}
        for i, row in ipairs(rows) do
          if row.symbol == symbol then
            own[#own + 1] = row
            places[#places + 1] = i
          end
        end
        local f = set:compute(bars_of(own), { cadence = "5m" })
        local part = whole:take(tensor.of(places, { dtype = "i64" }))
        for _, name in ipairs(set:names()) do
          assert_same(f[name]:totable(), part[name]:totable(), symbol .. " " .. name)
        end
      end
    end)
  end

  it("take symbols of any kind, several columns, and plain tables", function()
    local rows = panel_rows(4, 100, false)
    local bars = bars_of(rows)
    local want = panel_set():compute(bars, { by = "symbol", cadence = "5m" })
    local number, halves, table_of = {}, {}, { symbol = bars.symbol }
    for i, row in ipairs(rows) do
      number[i], halves[i] = 7 * #row.symbol, #row.symbol % 2
    end
    for _, name in ipairs { "time", "open", "high", "low", "close", "volume" } do
      table_of[name] = bars[name]
    end
    local f = bars:assign { { "number", tensor.of(number) }, { "half", tensor.of(halves) } }
    for _, other in ipairs {
      panel_set():compute(f, { by = "number", cadence = "5m" }),
      panel_set():compute(f, { by = { "half", "number" }, cadence = "5m" }),
      panel_set():compute(table_of, { by = "symbol", cadence = "5m" }),
    } do
      for _, name in ipairs(want:columns()) do
        assert_same(want[name]:totable(), other[name]:totable(), name)
      end
    end
  end)

  it("keep columns of the bars", function()
    local bars = bars_of((panel_rows(5, 20, false)))
    local f = features.set({ "ret_1" }):compute(bars,
      { by = "symbol", keep = { "time", "symbol" } })
    assert.same({ "time", "symbol", "ret_1" }, f:columns())
    assert.equal("time", f:dtype "time")
    assert.equal(bars.symbol[7], f.symbol[7])
  end)

  it("do not look ahead", function()
    local _, rows = panel_rows(6, 300, true)
    local set = panel_set { "rsi_5:rank", "ret_3@15m:zscore" }
    local o = { by = "symbol", cadence = "5m" }
    local whole = column_lists(set:compute(bars_of(rows), o), set:names())
    for _, cut in ipairs { 1, 50, 333, 600 } do
      while rows[cut + 1] and rows[cut + 1].time == rows[cut].time do cut = cut + 1 end
      local part = set:compute(bars_of(table.move(rows, 1, cut, 1, {})), o)
      for k, x in ipairs(column_lists(part, set:names())) do
        assert_same(table.move(whole[k], 1, cut, 1, {}), x, set:names()[k])
      end
    end
  end)

  it("compare symbols at one time as a plain loop does", function()
    local _, rows = panel_rows(7, 200, true)
    local f = features.set({ "rsi_5", "rsi_5:rank", "rsi_5:zscore", "rsi_5:demean" })
      :compute(bars_of(rows), { by = "symbol" })
    local x, at = f.rsi_5:totable(), {}
    for i, row in ipairs(rows) do
      at[row.time] = at[row.time] or {}
      if x[i] == x[i] then table.insert(at[row.time], x[i]) end
    end
    for i, row in ipairs(rows) do
      local all, below, equal, sum, square = at[row.time], 0, 0, 0, 0
      for _, v in ipairs(all) do
        below, equal = below + (v < x[i] and 1 or 0), equal + (v == x[i] and 1 or 0)
        sum = sum + v
      end
      local mean = sum / #all
      for _, v in ipairs(all) do square = square + (v - mean) ^ 2 end
      local got = { f["rsi_5:rank"][i], f["rsi_5:zscore"][i], f["rsi_5:demean"][i] }
      if x[i] ~= x[i] then
        for k = 1, 3 do assert.is_true(got[k] ~= got[k]) end
      else
        assert.equal((below + (equal + 1) / 2) / #all, got[1])
        local deviation = math.sqrt(square / #all)
        local z = #all == equal and 0 or (x[i] - mean) / deviation
        assert.is_true(math.abs(z - got[2]) < 1e-9)
        assert.is_true(math.abs(x[i] - mean - got[3]) < 1e-9)
      end
    end
  end)

  it("compare in any order of the rows with the same bits", function()
    local stacked, interleaved = panel_rows(8, 200, true)
    local set = features.set { "rsi_5:rank", "rsi_5:zscore", "ret_2:demean" }
    local place = {}
    for i, row in ipairs(stacked) do place[row] = i end
    local a = set:compute(bars_of(stacked), { by = "symbol" })
    local b = set:compute(bars_of(interleaved), { by = "symbol" })
    for _, name in ipairs(set:names()) do
      local x, y, want = a[name]:totable(), b[name]:totable(), {}
      for i, row in ipairs(interleaved) do want[i] = x[place[row]] end
      assert_same(want, y, name)
    end
  end)

  it("stream the bits of the batch, one bar or all of a time", function()
    local _, rows = panel_rows(9, 200, true)
    local set = panel_set()
    local lists = column_lists(set:compute(bars_of(rows), { by = "symbol", cadence = "5m" }),
      set:names())
    local stream = set:stream { by = "symbol", cadence = "5m" }
    for i, row in ipairs(rows) do
      local got = stream:push(row)
      for k, name in ipairs(set:names()) do
        assert.is_true(same(lists[k][i], got[k]), name .. " at " .. i)
      end
    end
    set = panel_set { "rsi_5:zscore", "macd_3_6_2:rank" }
    lists = column_lists(set:compute(bars_of(rows), { by = "symbol", cadence = "5m" }),
      set:names())
    stream = set:stream { by = "symbol", cadence = "5m" }
    local from = 1
    while from <= #rows do
      local to = from
      while rows[to + 1] and rows[to + 1].time == rows[from].time do to = to + 1 end
      for i, got in ipairs(stream:push_all(table.move(rows, from, to, 1, {}))) do
        for k, name in ipairs(set:names()) do
          assert.is_true(same(lists[k][from + i - 1], got[k]), name .. " at " .. from + i - 1)
        end
      end
      from = to + 1
    end
    assert.same({}, stream:push_all {})
  end)

  it("of no rows and of one row are fine", function()
    local bars = bars_of((panel_rows(10, 20, false)))
    local set = features.set { "rsi_5", "ret_1:rank", { "own", function(b) return b.close end } }
    assert.equal(1, #set:compute(bars:head(1), { by = "symbol" }))
    set = features.set { "rsi_5", "ret_1:rank" }
    assert.equal(0, #set:compute(bars:head(0), { by = "symbol" }))
  end)

  local bars = bars_of((panel_rows(11, 30, false)))
  local mistakes = {
    { "features: the bars are of several symbols; give by = \"symbol\"",
      function() features.set({ "rsi_5" }):compute(bars) end },
    { "features: 'rsi_5:rank' compares symbols; give by = \"symbol\"",
      function() features.set({ "rsi_5:rank" }):compute(bars:head(3)) end },
    { "features.set: unknown cross-section 'rang' (did you mean 'rank'?)",
      function() features.set { "rsi_5:rang" } end },
    { "features: the bars have no column 'ticker'",
      function() features.set({ "rsi_5" }):compute(bars, { by = "ticker" }) end },
    { "features: by must be the name of a column, or several, got number",
      function() features.set({ "rsi_5" }):compute(bars, { by = 3 }) end },
    { "features: row 2 has no symbol", function()
      local some = bars:head(3):assign { { "symbol", { "A", false, "B" } } }
      features.set({ "rsi_5" }):compute(some, { by = "symbol" })
    end },
    { "set:compute: the bars have no 'x' to keep",
      function() features.set({ "rsi_5" }):compute(bars, { by = "symbol", keep = { "x" } }) end },
    { "'ret_1:rank' compares the rows of one time, and the bars have none", function()
      features.set({ "ret_1:rank" }):compute(bars:drop { "time" }, { by = "symbol" })
    end },
    { "features: bar.symbol must say whose bar it is, got nil", function()
      features.set({ "ret_1" }):stream({ by = "symbol" }):push { close = 1 }
    end },
    { "give all its bars to stream:push_all", function()
      features.set({ "ret_1:rank" }):stream({ by = "symbol" }):push { close = 1, symbol = "A" }
    end },
    { "'ret_1:rank' compares symbols; give by = \"symbol\"",
      function() features.set({ "ret_1:rank" }):stream() end },
  }
  for _, case in ipairs(mistakes) do
    it("says: " .. case[1], function()
      local text = support.message(case[2])
      assert.is_truthy(text:find(case[1], 1, true), text)
      assert.matches("features_frames_test.lua:%d+: ", text)
    end)
  end
end)
