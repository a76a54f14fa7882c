--- Does a computation look ahead? It is run again on bars whose future was taken away or changed; a
--- value of the past that moves has used what was not known yet.
local Bars = require "neap.audit.bars"
local Report = require "neap.audit.report"
local Values = require "neap.audit.values"
local category = require "neap.frame.category"
local clock = require "neap.clock"
local frame = require "neap.frame"
local neap = require "neap"
local opts = require "neap.opts"
local progress = require "neap.progress"
local tensor = require "neap.tensor"

local audit = {}

local WHERE = "audit.lookahead"
local STARTS = 3 -- histories that begin later, for the warm-up
local SETTLED = 1e-6 -- of a column's deviation: the start of history is not felt

local function check_options(o)
  o.cuts = opts.integer(WHERE, "cuts", o.cuts, 1, 100000)
  o.seed = opts.integer(WHERE, "seed", o.seed)
  opts.expect(WHERE, "noise", o.noise, "boolean")
  if o.at ~= "close" and o.at ~= "open" then
    opts.raise("%s: at is '%s', one of close open is expected", WHERE, tostring(o.at))
  end
  if o.lag ~= nil then opts.expect(WHERE, "lag", o.lag, "function") end
  if o.by ~= nil then opts.expect(WHERE, "by", o.by, "string") end
  if type(o.tolerance) ~= "number" or o.tolerance < 0 or o.tolerance ~= o.tolerance then
    opts.raise("%s: tolerance is %s, a number of at least 0 is expected", WHERE,
      tostring(o.tolerance))
  end
  if o.first ~= nil then o.first = opts.integer(WHERE, "first", o.first, 1) end
  if o.warmup ~= nil and o.warmup ~= false then
    o.warmup = opts.integer(WHERE, "warmup", o.warmup, 0)
  end
end

-- The function to call with bars, from a function or something that computes, as sets of features.
local function callable(fn, bars, o)
  if fn == nil or bars == nil or frame.is(fn) then
    opts.raise("%s: what computes comes first, the bars second: audit.lookahead(fn, bars), with "
      .. "fn a function of bars or a set of features; got %s, %s", WHERE, opts.kind(fn),
      opts.kind(bars))
  end
  if type(fn) == "function" then return fn end
  local compute = type(fn) == "table" and fn.compute
  if type(compute) ~= "function" then
    opts.raise("%s: a function of bars is expected, or a set of features, got %s", WHERE,
      opts.kind(fn))
  end
  return function(part) return compute(fn, part, o.by and { by = o.by } or nil) end
end

-- What moved -------------------------------------------------------------------------------------

local function note(run, found)
  local key = found.column .. "\0" .. found.test
  local known = run.by_key[key]
  if not known then
    run.by_key[key] = found
    run.findings[#run.findings + 1] = found
    return
  end
  known.count, known.size = known.count + found.count, math.max(known.size, found.size)
  if found.row < known.row then
    known.row, known.time, known.cut = found.row, found.time, found.cut
  end
end

-- Rows of a result with rows of its own that are known at a cut.
local function known_rows(values, bars, cut)
  local key = values.known_at or values.times
  local limit = values.known_at and bars:known(cut) or bars:moment(cut)
  if not limit then
    opts.raise("%s: rows of their own are told by time, and the bars have none", WHERE)
  end
  return (key:le(limit) & key:ne(clock.nat)):nonzero()
end

-- Rows of the whole result, and of another, whose values are known at a cut: `last` is the last
-- rank that is compared, `rows` where the other's rows are in the whole (nil: it has them all).
local function compared_rows(run, other, cut, last, rows)
  local whole = run.whole
  if not whole.aligned then
    return known_rows(whole, run.bars, cut), known_rows(other, run.bars, cut)
  end
  local mask = run.bars.rank:le(last)
  if whole.known_at then
    local limit = run.bars:known(cut)
    if limit then mask = mask & whole.known_at:le(limit) & whole.known_at:ne(clock.nat) end
  end
  return mask:nonzero(), (rows and mask:take(rows) or mask):nonzero()
end

local function compare(run, test, other, cut, last, rows)
  local whole = run.whole
  if whole.aligned ~= other.aligned then
    opts.raise("%s: the function gave %d rows for %d bars, and %d for %d", WHERE, whole.rows,
      run.bars.n, other.rows, rows and #rows or run.bars.n)
  end
  local mine, theirs = compared_rows(run, other, cut, last, rows)
  for _, entry in ipairs(whole.list) do
    local name = entry[1]
    local count, place, size = whole:difference(other, name, mine, theirs)
    if count > 0 then
      local row = place <= #mine and mine:get(place) or #mine + 1
      local times = whole.aligned and run.bars.times or whole.times or whole.known_at
      note(run, { column = name, test = test, row = row, cut = cut, size = size, count = count,
        time = times and row <= #times and times:get(row) or nil })
    end
  end
end

-- Running the function ----------------------------------------------------------------------------

local function read(run, result, rows) return Values(WHERE, result, rows, run.o) end

-- The function on bars that are not those the user gave; its errors say which they were.
local function call(run, bars, rows, what)
  local ok, result = pcall(run.fn, bars)
  if not ok then
    opts.raise("%s: the function fails on %s: %s%s", WHERE, what, tostring(result),
      what:find "first" and "; first = n makes the cuts begin later" or "")
  end
  return read(run, result, rows)
end

local function tick(run, what)
  run.done = run.done + 1
  run.line:step(run.done, what, { step = run.done, test = what })
end

-- Ranks to cut after: evenly, each moved a little by chance, so that they meet no rhythm of hours
-- and days.
local function choose_cuts(bars, o, rng)
  local low = o.first or math.max(1, bars.ranks // (o.cuts + 1))
  local high = bars.ranks - 1
  if low > high then
    opts.raise("%s: first is %d, and there are %d rows to cut", WHERE, low, bars.ranks)
  end
  local cuts, seen = {}, {}
  for i = 1, o.cuts do
    local at = low + (high - low) * (i - rng:uniform()) / o.cuts
    local cut = math.min(high, math.max(low, math.floor(at + 0.5)))
    if not seen[cut] then
      seen[cut] = true
      cuts[#cuts + 1] = cut
    end
  end
  return cuts
end

local function prefix_test(run)
  for _, cut in ipairs(run.cuts) do
    local rows = run.bars:positions(1, cut)
    local part = call(run, run.bars:part(1, cut), #rows, ("the first %d rows"):format(#rows))
    compare(run, "prefix", part, cut, cut, rows)
    tick(run, "prefix")
  end
end

local function noise_test(run)
  local opens = run.o.at == "open"
  for _, cut in ipairs(run.cuts) do
    for direction = 1, opens and -1 or 1, -2 do -- one bar has to turn a signal
      local bars = run.bars:noisy(cut, run.rng, opens, direction)
      local other = call(run, bars, run.bars.n, ("noise after row %d"):format(cut))
      compare(run, "noise", other, cut, opens and cut + 1 or cut)
    end
    tick(run, "noise")
  end
end

-- One bar later -----------------------------------------------------------------------------------

-- For each row the row before it, of the same symbol; the first is its own.
local function previous_rows(bars)
  local n = bars.n
  local order = bars.rank:argsort()
  local codes
  if bars.by then
    local by = bars:column(bars.by)
    codes = (category.is(by) and by.codes or by):take(order)
    local own = codes:argsort()
    order, codes = order:take(own), codes:take(own)
  end
  local previous = tensor.arange(1, n, 1, { dtype = "i64" })
  if n < 2 then return previous end
  local later, earlier = order:slice(1, 2, -1), order:slice(1, 1, -2)
  if codes then
    local same = codes:slice(1, 2, -1):eq(codes:slice(1, 1, -2))
    later, earlier = later[same], earlier[same]
  end
  return previous:scatter_(later, earlier)
end

-- A result in its form, with each column passed through fn.
local function rebuild(result, fn)
  if opts.kind(result) == "tensor" then return fn(result) end
  local function each(column)
    if not category.is(column) then return fn(column) end
    return category.of_codes(fn(column.codes), column.labels)
  end
  if frame.is(result) then
    local columns = {}
    for name, column in pairs(result) do
      local time = result:dtype(name) == "time"
      columns[#columns + 1] = { name, time and column or each(column), time and "time" or nil }
    end
    return frame.new(columns)
  end
  local out = {}
  for key, column in pairs(result) do
    local is_column = opts.kind(column) == "tensor" or category.is(column)
    out[key] = is_column and each(column) or column
  end
  return out
end

local function delayed_from(run, previous, cut)
  local from = run.bars.rank:ge(cut)
  return rebuild(run.whole.result, function(x)
    local mask = #x.shape > 1 and from:view(run.bars.n, 1) or from
    return tensor.where(mask, x:take(previous), x)
  end)
end

-- The ranks at which some value is not that of the row before.
local function changes(run, previous)
  local moved = run.bars.rank:lt(0)
  for _, entry in ipairs(run.whole.list) do
    local x = category.is(entry[2]) and entry[2].codes or entry[2]
    local before = x:take(previous)
    moved = moved | ~(x:eq(before) | (x:to "f64":isnan() & before:to "f64":isnan()))
  end
  return run.bars.rank[moved]:unique()
end

local function lag_values(run, values)
  local x = run.o.lag(run.bars.source, values)
  if opts.kind(x) ~= "tensor" or #x.shape ~= 1 or #x ~= run.bars.n then
    opts.raise("%s: lag must give a tensor of %d numbers, one for each bar, got %s", WHERE,
      run.bars.n, opts.kind(x) == "tensor" and tostring(x):match "^[^\n]*" or opts.kind(x))
  end
  return read(run, x:to "f64", run.bars.n)
end

local function lag_test(run)
  if not run.whole.aligned then
    opts.raise("%s: lag needs a value for each bar, the function gave %d rows for %d", WHERE,
      run.whole.rows, run.bars.n)
  end
  local previous = previous_rows(run.bars)
  local ranks = changes(run, previous)
  local given = lag_values(run, run.whole.result)
  local delayed = lag_values(run, delayed_from(run, previous, 1))
  run.lag = { given = given.by_name.value:sum { skip_nan = true },
    delayed = delayed.by_name.value:sum { skip_nan = true } }
  if #ranks == 0 then opts.raise("%s: the values never change, so a lag shows nothing", WHERE) end
  local whole, k = run.whole, math.min(run.o.cuts, #ranks)
  local name = #whole.list == 1 and whole.list[1][1] or "the result of lag"
  for i = 1, k do
    local cut = ranks:get((i - 1) * #ranks // k + 1)
    local other = lag_values(run, delayed_from(run, previous, cut))
    local rows = run.bars:positions(1, cut)
    local count, place, size = given:difference(other, "value", rows, rows)
    if count > 0 then
      local row = rows:get(place)
      note(run, { column = name, test = "lag", row = row, cut = cut, size = size, count = count,
        time = run.bars.times and run.bars.times:get(row) })
    end
    tick(run, "lag")
  end
end

-- Warm-up -----------------------------------------------------------------------------------------

-- Ranks behind `start` up to the last that still differs, and the largest difference behind
-- `start + least`.
local function still_felt(run, name, other, start, rows, least)
  local a, b = run.whole.by_name[name], other.by_name[name]
  if not b or category.is(a) then return 0, 0 end
  a, b = a:to "f64", b:to "f64"
  local deviation = a:std { skip_nan = true }
  if deviation ~= deviation then deviation = 0 end
  a = a:take(rows)
  local gap = (a - b):abs()
  local moved = gap:gt(SETTLED * deviation) | ~a:isnan():eq(b:isnan())
  if not moved:any() then return 0, 0 end
  local rank = run.bars.rank:take(rows)
  local late = moved & rank:gt(start + least)
  local size = tensor.where(late, gap, 0)
  return (rank[moved]:max()) - start, late:any() and
    (size:isnan():any() and math.huge or (size:max())) or 0
end

local function warmup_test(run)
  local bars, least = run.bars, run.o.warmup or 0
  run.warmup = {}
  for i = 1, STARTS do
    local start = bars.ranks * i // (STARTS + 1)
    local rows = bars:positions(start + 1, bars.ranks)
    local other = call(run, bars:part(start + 1, bars.ranks), #rows,
      ("the last %d rows"):format(#rows))
    for _, entry in ipairs(run.whole.list) do
      local name = entry[1]
      local w, size = still_felt(run, name, other, start, rows, least)
      local whole_rest = w == bars.ranks - start
      local known = run.warmup[name]
      if whole_rest and (i == 1 or known == math.huge) then run.warmup[name] = math.huge
      elseif not whole_rest and known ~= math.huge then
        run.warmup[name] = math.max(known or 0, w)
      end
      if run.o.warmup and size > 0 then
        note(run, { column = name, test = "warmup", row = math.tointeger(rows:get(1)) + least,
          cut = start, size = size, count = 1 })
      end
    end
    tick(run, "warmup")
  end
end

-- The audit ---------------------------------------------------------------------------------------

local function check_repeats(run)
  local again = read(run, run.fn(run.bars.source), run.bars.n)
  for _, entry in ipairs(run.whole.list) do
    local count, place = run.whole:difference(again, entry[1])
    if count > 0 then
      opts.raise("%s: the function gives other values each time ('%s', row %d); seed what it draws "
        .. "at random, and keep nothing from call to call", WHERE, entry[1], place)
    end
  end
end

local function report_of(run)
  local at, moved, seen = {}, {}, {}
  for i, entry in ipairs(run.whole.list) do at[entry[1]] = i end
  table.sort(run.findings, function(a, b)
    local i, j = at[a.column] or math.huge, at[b.column] or math.huge
    if i ~= j then return i < j end
    return a.test < b.test
  end)
  for _, found in ipairs(run.findings) do
    if not seen[found.column] then
      seen[found.column] = true
      moved[#moved + 1] = found.column
    end
  end
  local names = {}
  for i, entry in ipairs(run.whole.list) do names[i] = entry[1] end
  return setmetatable({ ok = #moved == 0, moved = moved, findings = run.findings, names = names,
    columns = #run.whole.list, rows = run.bars.n, cuts = run.cuts, tests = run.tests,
    warmup = run.warmup, lag = run.lag }, Report)
end

local defaults = { cuts = 20, noise = true, seed = 0, at = "close", lag = opts.none,
  warmup = opts.none, by = opts.none, time = "time", first = opts.none, tolerance = 1e-10,
  progress = false }

--- Run `fn(bars)` again and again, and report which of its columns look ahead. It gives a tensor
--- (N, or N x F), a frame or a table of tensors, with a row for each bar; or a frame with rows of
--- its own and the column `known_at` (else `time`) that says when each is known. A set of features
--- may stand for the function. The tests:
---
--- - **prefix**: on the first bars up to each of `cuts` (20) rows, the values of these rows must be
---   what they are with all bars, but for rounding: `tolerance` (1e-10) of the column's largest
---   value, 0 for bit by bit;
--- - **noise** (unless `noise = false`): the bars behind each cut are changed, and nothing before
---   may move. With `at = "open"` the values of row t are acted on in bar t, as positions held
---   through it: they may know bars up to t - 1 and the open of t, which shows a fill in the bar
---   that gave its signal;
--- - **lag**: given `lag = function(bars, values)`, which gives what is earned in each bar with the
---   values that `fn` gave, the values are delayed by one bar from some row on. What is known at
---   the close of bar t fills at the open of t + 1 at the earliest, so bars up to t must earn what
---   they did; the report has both sums, as given and all of it one bar later;
--- - **warmup**: on bars that begin later, after how many rows does a column have the values it has
---   with all bars (to 1e-6 of its deviation)? With `warmup = n` those that need more than n count
---   as moved, `false` leaves the test out.
---
--- Values with a `known_at` count from that time on, which is how labels are looked at. Bars are a
--- frame, a table of tensors or a tensor; those of several symbols need `by`, the column that tells
--- them apart, and are cut by time. `first` is the first row to cut after, for functions that fail
--- on short histories. A function that draws at random must seed itself; a backtest must not close
--- its position with the last bar (`close_at_end = false`).
---
--- Raises when fn fails, or gives other values each time.
---     local bars = market.synthetic { rows = 300 }
---     audit.lookahead(features.set { "rsi_14", "adx_14" }, bars).ok --> true
---     local centred = function(b) return b.close:shift(-1) - b.close:shift(1) end
---     local r = audit.lookahead(centred, bars)
---     r.moved[1] .. " by " .. r.findings[1].test --> value by noise
---@param fn function|table
---@param bars neap.frame|neap.tensor|table
---@param o? { cuts: integer, noise: boolean, seed: integer, at: "close"|"open", lag: function,
---  warmup: integer|false, by: string, time: string, first: integer, tolerance: number,
---  progress: boolean|function }
---@return neap.audit.Report
function audit.lookahead(fn, bars, o)
  o = opts.merge(WHERE, defaults, o)
  check_options(o)
  local run = { o = o, fn = callable(fn, bars, o), bars = Bars(WHERE, bars, o), by_key = {},
    findings = {}, done = 0, tests = { "prefix" }, rng = neap.rng(o.seed):split "audit" }
  if run.bars.ranks < 2 then
    opts.raise("%s: %d rows, two at least are needed", WHERE, run.bars.ranks)
  end
  run.cuts = choose_cuts(run.bars, o, run.rng:split "cuts")
  run.whole = read(run, run.fn(bars), run.bars.n)
  check_repeats(run)
  local warm = o.warmup ~= false and run.whole.aligned and run.bars.ranks > 2 * STARTS
  if o.noise then run.tests[#run.tests + 1] = "noise" end
  if o.lag then run.tests[#run.tests + 1] = "lag" end
  if warm then run.tests[#run.tests + 1] = "warmup" end
  local total = #run.cuts * #run.tests
  local line <close> = progress.start(WHERE, total, o.progress)
  run.line = line
  prefix_test(run)
  if o.noise then noise_test(run) end
  if o.lag then lag_test(run) end
  if warm then warmup_test(run) end
  return report_of(run)
end

return audit
