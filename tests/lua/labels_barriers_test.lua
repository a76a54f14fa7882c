-- Barriers, trends, events and weights against plain loops, and what the future may not change.
local frame = require "neap.frame"
local labels = require "neap.labels"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local NAN = 0 / 0
local nat = math.mininteger
local minute = 60 * 1000000000

local function below(r, n) return r:integer(1, n) end

-- Coarse random bars, so that barriers are met exactly; price gaps, time gaps and missing prices.
local function random_bars(r, n, symbol)
  local c = { time = {}, open = {}, high = {}, low = {}, close = {} }
  local price, time = 100, 0
  for i = 1, n do
    if below(r, 9) == 1 then price = price + below(r, 7) - 4 end
    c.open[i] = price
    price = price + below(r, 5) - 3
    c.close[i] = price
    c.high[i] = math.max(c.open[i], price) + below(r, 3) - 1
    c.low[i] = math.min(c.open[i], price) - below(r, 3) + 1
    time = time + minute * (below(r, 12) == 1 and 30 or below(r, 8) == 1 and 0 or 1)
    c.time[i] = time
    if below(r, 20) == 1 then
      c[({ "open", "high", "low", "close" })[below(r, 4)]][i] = NAN
    end
  end
  c.symbol = symbol
  return c
end

local function to_frame(c)
  local columns = { { "time", tensor.of(c.time, { dtype = "i64" }), "time" } }
  for _, name in ipairs { "open", "high", "low", "close" } do
    columns[#columns + 1] = { name, tensor.of(c[name]) }
  end
  if c.symbols then columns[#columns + 1] = { "symbol", c.symbols } end
  return frame.new(columns)
end

-- The median step of times that differ.
local function step_of(time)
  local steps = {}
  for i = 2, #time do
    if time[i] > time[i - 1] then steps[#steps + 1] = time[i] - time[i - 1] end
  end
  table.sort(steps)
  return steps[(#steps + 1) // 2] or 0
end

-- One label by its definition: label, barrier, exit, known (rows; 0 for none), ret.
local function plain(c, i, o)
  local n, side = #c.close, o.side and o.side[i] or 1
  local unit = o.volatility and o.volatility[i] or 1
  local none = { NAN, false, 0, 0, NAN }
  if o.events and not o.events[i] or side ~= side or side == 0 or unit ~= unit or unit <= 0
    or i == n then
    return none
  end
  local entry = o.entry == "open" and c.open[i + 1] or c.close[i]
  if entry ~= entry then return none end
  local up = o.profit and entry * (1 + unit * o.profit) or math.huge
  local down = o.stop and entry * (1 - unit * o.stop) or -math.huge
  if side < 0 then
    up = o.stop and entry * (1 + unit * o.stop) or math.huge
    down = o.profit and entry * (1 - unit * o.profit) or -math.huge
  end
  local function result(barrier, j, known, price)
    local ret = side * (price / entry - 1)
    local label = barrier == "profit" and 1 or barrier == "stop" and -1 or 0
    if barrier == "vertical" and o.vertical == "sign" then
      label = ret > 0 and 1 or ret < 0 and -1 or 0
    end
    if o.side then label = ret > 0 and 1 or 0 end
    return { label, barrier, j, known, ret }
  end
  local function closed_by(j) -- the vertical barrier lies behind bar j, at its end, or before it
    if o.bars then return j - (i + o.bars) end
    return c.time[j] - (c.time[i] + o.duration)
  end
  local last = i
  for j = i + 1, n do
    if closed_by(j) > 0 then
      if last == i or c.close[last] ~= c.close[last] then return none end
      return result("vertical", last, closed_by(last) == 0 and last or j, c.close[last])
    end
    last = j
    local high, low = c.high[j], c.low[j]
    if o.touch == "close" then high, low = c.close[j], c.close[j] end
    local open = o.touch ~= "close" and o.gap ~= "barrier" and c.open[j] or NAN
    local above, under, price = high >= up, low <= down, nil
    if not (above or under) then open = NAN end -- a bar without high or low reaches nothing
    if open >= up then above, under, price = true, false, open
    elseif open <= down then above, under, price = false, true, open end
    if above and under then above, under = side < 0, side > 0 end
    if above or under then
      price = price or o.touch == "close" and c.close[j] or above and up or down
      return result((above == (side > 0)) and "profit" or "stop", j, j, price)
    end
  end
  if closed_by(last) == 0 and last > i and c.close[last] == c.close[last] then
    return result("vertical", last, last, c.close[last])
  end
  return none
end

local function same_number(want, got, what)
  if want ~= want then assert.is_true(got ~= got, what)
  else assert.is_true(math.abs(want - got) <= 1e-12 * math.max(1, math.abs(want)), what) end
end

local function random_options(r, n, c)
  local o = { lookforward = below(r, 15) }
  local given = { lookforward = o.lookforward }
  if below(r, 2) == 1 then
    o.duration = o.lookforward * minute
    given.lookforward = ("%dm"):format(o.lookforward)
  else
    o.bars = o.lookforward
  end
  local function both(name, value, passed)
    o[name] = value
    if passed == nil then passed = value end
    given[name] = passed
  end
  local width = 0.01
  if below(r, 2) == 1 then
    local v = {}
    for i = 1, n do v[i] = below(r, 10) == 1 and NAN or 0.01 * (below(r, 3) - 1) end
    both("volatility", v, tensor.of(v))
    width = 1
  end
  both("profit", below(r, 6) > 1 and width * below(r, 4))
  both("stop", below(r, 6) > 1 and width * below(r, 4))
  if below(r, 3) == 1 then
    local side = {}
    for i = 1, n do side[i] = below(r, 9) == 1 and NAN or below(r, 3) - 2 end
    both("side", side, tensor.of(side))
  end
  if below(r, 3) == 1 then
    local events = {}
    for i = 1, n do events[i] = below(r, 3) > 1 end
    both("events", events, tensor.of(events))
    if below(r, 2) == 1 then given.events = given.events:nonzero() end
  end
  if below(r, 3) == 1 then both("touch", "close") end
  if below(r, 3) == 1 then both("entry", "open") end
  if below(r, 3) == 1 then both("gap", "barrier") end
  if below(r, 3) == 1 then both("vertical", "sign") end
  o.ends = step_of(c.time)
  return o, given
end

local function check_frame(c, o, L, rows)
  local got = { label = L.label:totable(), ret = L.ret:totable(), barrier = L.barrier:totable(),
    end_bar = L.end_bar:totable(), bar = L.bar:totable(), end_time = L.end_time:totable(),
    known_at = L.known_at:totable(), rr = L.reward_to_risk:totable() }
  for i = 1, #c.close do
    local want, row = plain(c, i, o), rows and rows[i] or i
    local what = ("row %d"):format(i)
    same_number(want[1], got.label[row], what)
    local barrier = got.barrier[row]
    if barrier == "both" then barrier = "stop" elseif barrier == "past_end" then barrier = false end
    assert.equal(want[2], barrier, what)
    assert.equal(want[3], got.end_bar[row], what)
    assert.equal(i, got.bar[row])
    same_number(want[5], got.ret[row], what)
    assert.equal(want[3] > 0 and c.time[want[3]] or nat, got.end_time[row], what)
    assert.equal(want[4] > 0 and c.time[want[4]] + o.ends or nat, got.known_at[row], what)
    local risk = (o.volatility and o.volatility[i] or 1) * (o.stop or NAN)
    if want[5] == want[5] then same_number(want[5] / risk, got.rr[row], what) end
  end
end

describe("labels.triple_barrier", function()
  it("equals its definition", function()
    local r = neap.rng(21)
    for _ = 1, 250 do
      local c = random_bars(r, below(r, 70))
      local o, given = random_options(r, #c.close, c)
      local L = labels.triple_barrier(to_frame(c), given)
      check_frame(c, o, L)
      local n = labels.counts(L)
      assert.equal(#L, n.profit + n.stop + n.vertical + n.past_end + n.missing)
      assert.equal(L.label:isnan():sum(), n.past_end + n.missing)
    end
  end)

  it("keeps symbols apart, however their rows lie", function()
    local r = neap.rng(22)
    for round = 1, 20 do
      local parts, all, rows = {}, { time = {}, open = {}, high = {}, low = {}, close = {} }, {}
      for k = 1, 3 do parts[k], rows[k] = random_bars(r, 5 + below(r, 40)), {} end
      all.symbols = {}
      local at = { 1, 1, 1 }
      while true do
        local open = {}
        for k = 1, 3 do if at[k] <= #parts[k].close then open[#open + 1] = k end end
        if #open == 0 then break end
        local k = round % 2 == 0 and open[1] or open[below(r, #open)]
        for _, name in ipairs { "time", "open", "high", "low", "close" } do
          table.insert(all[name], parts[k][name][at[k]])
        end
        all.symbols[#all.symbols + 1] = ({ "C", "A", "B" })[k]
        rows[k][at[k]] = #all.symbols
        at[k] = at[k] + 1
      end
      local given = { profit = 0.02, stop = 0.01, lookforward = 6, by = "symbol" }
      local L = labels.triple_barrier(to_frame(all), given)
      for k = 1, 3 do
        local o = { profit = 0.02, stop = 0.01, bars = 6, ends = step_of(parts[k].time) }
        check_frame(parts[k], o, L, rows[k])
      end
      local u, w = labels.uniqueness(L, { by = "symbol" }), labels.attribution(L, to_frame(all),
        { by = "symbol" })
      for k = 1, 3 do
        local own = labels.triple_barrier(to_frame(parts[k]), { profit = 0.02, stop = 0.01,
          lookforward = 6 })
        local at_rows = tensor.of(rows[k], { dtype = "i64" })
        support.same(labels.uniqueness(own):totable(), u:take(at_rows))
        assert.equal(#rows[k], #w:take(at_rows))
      end
    end
  end)

  it("says at the time it is known what it says later", function()
    local r = neap.rng(23)
    for _, lookforward in ipairs { 7, "9m" } do
      local c = random_bars(r, 160)
      local bars = to_frame(c)
      local o = { profit = 0.03, stop = 0.02, lookforward = lookforward }
      local L = labels.triple_barrier(bars, o)
      local ends = bars.time + step_of(c.time)
      local seen = 0
      for k = 20, 155, 3 do
        local cut = k
        while c.time[cut] == c.time[cut + 1] do cut = cut + 1 end -- one moment is not cut in two
        local early = labels.triple_barrier(bars:rows(1, cut), o)
        for i = 1, cut do
          local known = L.known_at[i]
          if known ~= nat and known <= ends[cut] then
            assert.equal(L.label[i], early.label[i])
            assert.equal(L.ret[i], early.ret[i])
            assert.equal(known, early.known_at[i])
            seen = seen + 1
          end
        end
        for i = 1, cut do -- and before that time it says nothing
          if L.known_at[i] > ends[cut] then assert.is_true(early.label[i] ~= early.label[i]) end
        end
      end
      assert.is_true(seen > 1000)
    end
  end)

  it("counts a bar that reaches both as the stop", function()
    local bars = frame.new { { "open", { 100, 100 } }, { "high", { 100, 103 } },
      { "low", { 100, 97 } }, { "close", { 100, 101 } } }
    local o = { profit = 0.02, stop = 0.02, lookforward = 1 }
    local L = labels.triple_barrier(bars, o)
    assert.equal(-1, L.label[1])
    same_number(-0.02, L.ret[1])
    same_number(-1, L.reward_to_risk[1])
    assert.same({ both = 1, missing = 0, past_end = 1, profit = 0, rows = 2, stop = 1,
      vertical = 0 }, labels.counts(L))
    assert.matches("is expected, got number", support.message(labels.counts, 3))
    local M = labels.meta(bars, tensor.of { -1, 0 }, o)
    assert.same({ 0, "both" }, { M.label[1], M.barrier[1] })
    same_number(-0.02, M.ret[1])
  end)

  it("takes the bars' own known_at, no rows, and closes alone", function()
    local bars = frame.new { { "time", tensor.of({ 0, 10, 20 }, { dtype = "i64" }) },
      { "known_at", tensor.of({ 7, 17, 29 }, { dtype = "i64" }) }, { "close", { 1, 1, 1 } } }
    local L = labels.triple_barrier(bars, { profit = 1, stop = 1, lookforward = 1 })
    assert.same({ 17, 29, nat }, L.known_at:totable())
    local _, known = labels.threshold(bars, { lookforward = 1 })
    assert.same({ 17, 29, nat }, known:totable())
    for _, by in ipairs { false, "symbol" } do
      local empty = frame.new { { "time", tensor.zeros { 0, dtype = "i64" } },
        { "close", tensor.zeros { 0 } }, { "symbol", {} } }
      empty.symbol = frame.category {}
      local none = labels.triple_barrier(empty,
        { profit = 1, stop = 1, lookforward = 1, by = by or nil })
      assert.equal(0, #none)
    end
    local alone = labels.triple_barrier(tensor.of { 1, 2 }, { profit = 1, stop = 1,
      lookforward = 1 })
    assert.is_false(alone:has "known_at")
  end)

  it("refuses what makes no sense", function()
    local close, base = tensor.of { 1, 2, 3 }, { profit = 1, stop = 1, lookforward = 2 }
    local function refused(change, text, bars)
      local o = {}
      for k, v in pairs(base) do o[k] = v end
      for k, v in pairs(change) do o[k] = v end
      local message = support.message(labels.triple_barrier, bars or close, o)
      assert.truthy(message:find(text, 1, true), message)
    end
    refused({ profit = 0 }, "profit is 0, must be a positive number")
    refused({ stop = NAN }, "stop is")
    refused({ lookforward = 0 }, "lookforward is 0")
    refused({ lookforward = "1 fortnight" }, "is not a duration like")
    refused({ lookforward = "1h" }, "needs bars with times")
    refused({ touch = "high" }, "unknown touch 'high'")
    refused({ touch = "range" }, "no column 'high'")
    refused({ events = tensor.of { 1, 2 } }, "events must be a mask or positions")
    refused({ events = tensor.of({ 4 }, { dtype = "i64" }) }, "4")
    refused({ side = tensor.of { 1 } }, "side has 1 rows, but the bars have 3")
    refused({ by = "symbol" }, "by needs a frame")
    local two = frame.new { { "close", close }, { "symbol", { "A", "B", "A" } } }
    refused({}, "of several symbols", two)
    refused({ by = "simbol" }, "simbol", two)
    refused({ by = "symbol" }, "row 2 has no symbol",
      frame.new { { "close", close }, { "symbol", { "A", false, "A" } } })
    local back = frame.new { { "time", tensor.of({ 5, 9, 7 }, { dtype = "i64" }) },
      { "close", close } }
    refused({}, "row 3 is earlier than row 2", back)
  end)
end)

describe("labels.bins", function()
  it("gives every number one class", function()
    local y, edges, names = labels.bins(tensor.of { -1, -0.1, -0.0999, -0.05, -0.02, -1e-9, 0, 0.02,
      0.05, 0.1, 1 / 0, -1 / 0, NAN })
    support.same({ 1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 8, 1, NAN }, y)
    assert.same({ -0.10, -0.05, -0.02, 0, 0.02, 0.05, 0.10 }, edges)
    assert.same({ "below -10 %", "-10 % to -5 %", "above 10 %" }, { names[1], names[2], names[8] })
  end)

  it("fits quantiles on the training rows and reuses them", function()
    local x = tensor.randn { 4000, seed = 5 }
    local rows = { 1, 2000 }
    local y, edges = labels.bins(x, { edges = "auto", bins = 12, rows = rows })
    assert.equal(11, #edges)
    local counts = y:slice(1, 1, 2000):to("i64"):bincount():totable()
    for k = 1, 12 do assert.is_true(math.abs(counts[k] - 2000 / 12) <= 1) end
    local changed = x:clone()
    changed[{ { 2001, 4000 } }] = 9
    local _, same = labels.bins(changed, { edges = "auto", bins = 12, rows = rows })
    assert.same(edges, same)
    assert.is_true(labels.bins(x, { edges = edges }):eq(y):all())
  end)

  it("makes fewer classes of ties", function()
    local x = tensor.of { 0, 0, 0, 0, 0, 0, 1, 2 }
    local y, edges = labels.bins(x, { edges = "auto", bins = 4 })
    assert.equal(1, #edges)
    assert.same({ 1, 1, 1, 1, 1, 1, 2, 2 }, y:totable())
  end)

  it("refuses boundaries that do not rise", function()
    for _, case in ipairs {
      { { edges = {} }, "edges is empty" }, { { edges = { 0, 0 } }, "edge 2 is 0, must exceed" },
      { { edges = { NAN } }, "edge 1 is" }, { { edges = "otto" }, "edges must be a table" },
      { { edges = "auto", bins = 1 }, "bins is 1" },
      { { edges = "auto", rows = { 1, 1 } }, "at least 2 are needed" },
    } do
      local text = support.message(labels.bins, tensor.of { 1, 2 }, case[1])
      assert.truthy(text:find(case[2], 1, true), text)
    end
    assert.matches("all have the value 3", support.message(labels.bins, tensor.of { 3, 3 },
      { edges = "auto" }))
  end)
end)

describe("labels.mid_trend", function()
  -- The definition, row by row.
  local function plain_change(mid, i, k, past)
    if i + k > #mid or (past and i < k) then return NAN end
    local ahead, behind = 0, 0
    for j = 1, k do ahead, behind = ahead + mid[i + j], behind + (past and mid[i + 1 - j] or 0) end
    return ahead / (past and behind or k * mid[i]) - 1
  end

  it("equals its definition", function()
    local r = neap.rng(3)
    local mid, at = {}, 100
    for i = 1, 400 do
      at = at + 0.01 * (below(r, 3) - 2)
      mid[i] = below(r, 90) == 1 and NAN or at
    end
    local ks = { 1, 10, 20, 30, 50, 100 }
    for _, method in ipairs { "past", "mid" } do
      local L, alphas = labels.mid_trend(tensor.of(mid), { k = ks, alpha = "auto",
        method = method })
      for m, k in ipairs(ks) do
        local change, label = L["change_" .. k]:totable(), L["label_" .. k]:totable()
        local flat, count = 0, 0
        for i = 1, #mid do
          local want = plain_change(mid, i, k, method == "past")
          if want ~= want then assert.is_true(change[i] ~= change[i] and label[i] ~= label[i])
          else
            local v = change[i]
            assert.is_true(math.abs(want - v) < 1e-14)
            assert.equal(v > alphas[m] and 1 or v < -alphas[m] and -1 or 0, label[i])
            count, flat = count + 1, flat + (label[i] == 0 and 1 or 0)
          end
        end
        if k > 1 then assert.is_true(math.abs(flat / count - 1 / 3) < 0.02) end
      end
    end
  end)

  it("does not reach into other symbols and says when it is known", function()
    local f = frame.new { { "time", tensor.of({ 0, 0, 1, 1, 2, 2 }, { dtype = "i64" }) },
      { "mid", { 1, 10, 2, 20, 4, 40 } }, { "symbol", { "A", "B", "A", "B", "A", "B" } } }
    local L, alpha = labels.mid_trend(f, { k = 1, alpha = 0.5, by = "symbol", method = "mid" })
    support.same({ 1, 1, 1, 1, NAN, NAN }, L.label)
    assert.same({ 2, 2, 3, 3, nat, nat }, L.known_at:totable())
    assert.equal(0.5, alpha)
    assert.matches("alpha is %-1", support.message(labels.mid_trend, f, { alpha = -1 }))
    assert.matches("k is empty", support.message(labels.mid_trend, f.mid, { k = {} }))
    assert.matches("unknown method", support.message(labels.mid_trend, f.mid, { method = "l1" }))
  end)
end)

describe("labels.trend_scanning", function()
  it("is known when the longest line is, and not before", function()
    local bars = neap.market.synthetic { rows = 200, cadence = "1m" }
    local o = { shortest = 4, longest = 12, step = 2 }
    local L = labels.trend_scanning(bars, o)
    support.same({ true, true }, tensor.of { L.label[1] == (L.t_value[1] > 0 and 1 or -1),
      L.end_bar[1] <= 12 })
    assert.equal(bars.time[12] + minute, L.known_at[1])
    assert.equal(11, L.label:isnan():sum())
    for cut = 20, 199, 7 do
      local early = labels.trend_scanning(bars:rows(1, cut), o)
      assert.same(L.t_value:slice(1, 1, cut - 11):totable(),
        early.t_value:slice(1, 1, cut - 11):totable())
      assert.same(L.known_at:slice(1, 1, cut - 11):totable(),
        early.known_at:slice(1, 1, cut - 11):totable())
    end
    assert.matches("shortest is 2", support.message(labels.trend_scanning, bars, { shortest = 2 }))
  end)
end)

describe("labels.cusum", function()
  it("finds events without looking ahead", function()
    local bars = neap.market.synthetic { rows = 500 }
    local mask, direction = labels.cusum(bars, { threshold = 0.02 })
    local up, down, close = 0, 0, bars.close:totable()
    for i = 1, #close do
      local d, want = i > 1 and math.log(close[i]) - math.log(close[i - 1]) or 0, 0
      up, down = math.max(0, up + d), math.min(0, down + d)
      if down < -0.02 then down, want = 0, -1 elseif up > 0.02 then up, want = 0, 1 end
      assert.equal(want, direction[i])
      assert.equal(want ~= 0, mask[i])
    end
    local early = labels.cusum(bars:rows(1, 250), { threshold = 0.02 })
    assert.same(mask:slice(1, 1, 250):totable(), early:totable())
    local L = labels.triple_barrier(bars, { profit = 0.02, stop = 0.02, lookforward = 10,
      events = mask })
    assert.is_true((L.label:isnan() | mask):all())
    assert.matches("threshold is 0", support.message(labels.cusum, bars, { threshold = 0 }))
  end)
end)

describe("labels.volatility", function()
  it("looks back by rows or by time", function()
    local bars = neap.market.synthetic { rows = 300, cadence = "1h" }
    local by_rows = labels.volatility(bars, { span = 20, lookback = 24 })
    local by_time = labels.volatility(bars, { span = 20, lookback = "1d" })
    assert.equal(25, by_rows:isnan():sum())
    support.same(by_rows:totable(), by_time)
    local early = labels.volatility(bars:rows(1, 100), { span = 20 })
    support.same(early:totable(), labels.volatility(bars, { span = 20 }):slice(1, 1, 100))
    assert.matches("span is 1", support.message(labels.volatility, bars, { span = 1 }))
    assert.matches("needs bars with times", support.message(labels.volatility, bars.close,
      { lookback = "1d" }))
  end)

  it("is pandas' ewm(span=5).std()", function()
    local close = tensor.of { 100, 101, 98.98, NAN, 101, 104, 103 }
    local got = labels.volatility(close, { span = 5 })
    -- pandas 1.5.3: s = pd.Series([100, 101, 98.98, nan, 101, 104, 103]); (s / s.shift() - 1)
    -- .ewm(span=5).std()
    local want = { NAN, NAN, 0.021213203435596368, 0.021213203435596364, 0.02121320343559636,
      0.027922811406378367, 0.024459945221992848 }
    for i, v in ipairs(want) do same_number(v, got[i], ("row %d"):format(i)) end
  end)
end)

describe("weights of labels", function()
  local function random_labels(r, n)
    local c = random_bars(r, n)
    return labels.triple_barrier(to_frame(c), { profit = 0.02, stop = 0.02, lookforward = 9 }), c
  end

  it("are unique where no other label shares a bar", function()
    local r = neap.rng(31)
    for _ = 1, 40 do
      local L, c = random_labels(r, 5 + below(r, 60))
      local keep = {}
      for i = 1, #L do keep[i] = below(r, 3) > 1 end
      L = L:where(tensor.of(keep))
      local bar, last = L.bar:totable(), L.end_bar:totable()
      local u, w = labels.uniqueness(L):totable(), labels.attribution(L, to_frame(c)):totable()
      local plain_w, sum, count = {}, 0, 0
      for i = 1, #bar do
        local share, value = 0, 0
        for b = bar[i] + 1, last[i] do
          local here = 0
          for k = 1, #bar do if bar[k] < b and b <= last[k] then here = here + 1 end end
          local d = math.log(c.close[b]) - math.log(c.close[b - 1])
          share, value = share + 1 / here, value + (d == d and d / here or 0)
        end
        same_number(last[i] > 0 and share / (last[i] - bar[i]) or NAN, u[i], "uniqueness")
        plain_w[i] = last[i] > 0 and math.abs(value) or NAN
        if last[i] > 0 then sum, count = sum + plain_w[i], count + 1 end
      end
      if sum > 0 then
        for i = 1, #bar do same_number(plain_w[i] * count / sum, w[i], "attribution") end
      end
    end
  end)

  it("fade with age", function()
    local u = tensor.of { 1, 1, NAN, 1, 1 }
    support.same({ 0.625, 0.75, NAN, 0.875, 1 }, labels.time_decay(u, { oldest = 0.5 }))
    support.same({ 0, 0, NAN, 0.5, 1 }, labels.time_decay(u, { oldest = -0.5 }))
    support.same({ 1, 1, NAN, 1, 1 }, labels.time_decay(u, { oldest = 1 }))
    assert.matches("oldest is 2", support.message(labels.time_decay, u, { oldest = 2 }))
  end)

  it("draw less overlap than chance does", function()
    local L = random_labels(neap.rng(33), 300)
    local labelled = L.end_bar:gt(0)
    local function overlap(rows) return labels.uniqueness(L:take(rows)):mean { skip_nan = true } end
    local careful, blind = 0, 0
    local all = labelled:nonzero()
    for seed = 1, 20 do
      local rows = labels.sequential_bootstrap(L, { seed = seed })
      assert.equal(labelled:sum(), #rows)
      assert.is_true(labelled:take(rows):all())
      careful = careful + overlap(rows)
      blind = blind + overlap(tensor.choice(all, #all, { rng = neap.rng(seed) }))
    end
    assert.is_true(careful > blind)
    assert.same(labels.sequential_bootstrap(L, { n = 9, seed = 4 }):totable(),
      labels.sequential_bootstrap(L, { n = 9, rng = neap.rng(4) }):totable())
  end)

  it("ask for what they need", function()
    local f = frame.new { { "x", { 1 } } }
    assert.matches("have no column 'bar'", support.message(labels.uniqueness, f))
    assert.matches("a frame of labels is expected", support.message(labels.uniqueness, 3))
    local close = tensor.of { 1, 1, 1, 1 }
    local L = labels.triple_barrier(close, { profit = 1, stop = 1, lookforward = 2 })
    assert.matches("spans bars", support.message(labels.attribution, L, close:slice(1, 1, 2)))
    local none = labels.triple_barrier(close, { profit = 1, stop = 1, lookforward = 9 })
    assert.matches("none of 4 rows", support.message(labels.sequential_bootstrap, none, { n = 1 }))
  end)
end)

it("names all options that are required at once", function()
  local close = tensor.of { 100, 103, 100 }
  assert.matches("options 'lookforward', 'profit', 'stop' are required",
    support.message(labels.triple_barrier, close))
  assert.matches("options 'lookforward', 'stop' are required",
    support.message(labels.triple_barrier, close, { profit = 0.02 }))
  assert.matches("option 'stop' is required",
    support.message(labels.triple_barrier, close, { profit = 0.02, lookforward = 2 }))
end)

it("counts are readable", function()
  local L = labels.triple_barrier(tensor.of { 100, 103, 100, 100 },
    { profit = 0.02, stop = 0.02, lookforward = 2 })
  assert.equal("4 rows, profit 1 (25.0 %), stop 1 (25.0 %), past_end 2 (50.0 %)",
    tostring(labels.counts(L)))
end)
