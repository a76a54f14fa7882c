--- Splits of datasets: parts by time that share no moment, and training rows that know nothing of
--- what is judged. A row is decided on when its features are known (`known_at`, else its time).
local clock = require "neap.clock"
local folds_of = require "neap.split.folds"
local duration = require "neap.duration"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local data = {}

local nat = clock.nat

local function decided(D) return D.known_at or D.times end

-- The row, or the first of those with its time: a moment is not cut in two.
local function snap(D, row)
  if not D.times or row <= 1 or row > #D then return row end
  return D.times:searchsorted(D.times[row])
end

--- The ranges, each moved to begin and end with a moment.
---@param where string
---@param D neap.dataset
---@param ranges integer[][]
---@return integer[][]
function data.whole(where, D, ranges)
  for _, each in ipairs(ranges) do
    local first, last = snap(D, each[1]), snap(D, each[2] + 1) - 1
    if last < first then
      opts.raise("%s: %d parts of %d rows, but no moment begins in rows %d to %d", where, #ranges,
        #D, each[1], each[2])
    end
    each[1], each[2] = first, last
  end
  return ranges
end

local function range(first, last) return tensor.arange(first, last, 1, { dtype = "i64" }) end

-- The first row of the moment that lies `count` moments away from that of `row`; 0 or #D + 1 where
-- there is none. Without times every row is a moment.
local function moments_from(D, row, count, o)
  if count == 0 or not D.times or row > #D then return row + count end
  local at = o.moments:searchsorted(D.times[row]) + count
  if at < 1 then return 0 end
  return at > #o.moments and #D + 1 or D.times:searchsorted(o.moments[at])
end

-- Also notes the moments in o, for rows to be counted by.
local function check_known(where, D, o)
  o.moments = D.times and (D.times:unique())
  if D.symbols and not D.times and #D.symbols.codes:unique() > 1 then
    opts.raise("%s: the dataset has several symbols and no times, so rows of one moment could be "
      .. "torn apart; dataset.new takes the name of the column by time = ...", where)
  end
  if o.purge or D.label_known_at and decided(D) then return end
  opts.raise("%s: the dataset does not say when its labels are known; give dataset.new "
    .. "label_known_at, or here purge, the bars that a label looks ahead", where)
end

-- Nanoseconds of an embargo that is a duration, else 0, and its rows.
local function embargo_of(where, D, embargo)
  if type(embargo) ~= "string" then
    return 0, opts.integer(where, "embargo", embargo or 0, 0)
  end
  local ns = duration.parse(embargo)
  if not ns or ns < 0 then
    opts.raise("%s: embargo '%s' is not a duration like 12h or 5d", where, embargo)
  end
  if not D.times then opts.raise("%s: embargo '%s' needs times", where, embargo) end
  return ns, 0
end

-- The earliest of these moments, leaving out missing ones; nil without any.
local function earliest(moments)
  local known = moments[moments:ne(nat)]
  if #known == 0 then return nil end
  return (known:min())
end

local function latest(moments)
  local known = moments[moments:ne(nat)]
  if #known == 0 then return nil end
  return (known:max())
end

-- Which rows of a part have a label that is known by the moment; those without one do no harm.
local function known_by(D, rows, moment)
  local known = D.label_known_at:take(rows)
  local ok = known:le(moment) & known:ne(nat)
  if D.y then
    local y = D.y:take(rows)
    ok = ok | y:ne(y)
  end
  return ok
end

-- Rows first to last, which come before the row `start`, without those whose label is known only
-- after the first decision of start to stop: positions, and how many were left out.
local function before(D, first, last, start, stop, o)
  last = math.min(last, moments_from(D, start, -(o.purge or 0), o) - 1)
  if last < first then return tensor.zeros { 0, dtype = "i64" }, 0 end
  local rows = range(first, last)
  local moments = decided(D)
  if not (D.label_known_at and moments) then return rows, 0 end
  local moment = earliest(moments:slice(1, start, stop))
  if not moment then
    opts.raise("split: rows %d to %d have no time, so nothing can be known before them", start,
      stop)
  end
  local kept = rows[known_by(D, rows, moment)]
  return kept, #rows - #kept
end

-- Rows after `stop` that are decided on when every label of start to stop is known, and `embargo`
-- later.
local function after(D, start, stop, o)
  local first = moments_from(D, stop + 1, (o.purge or 0) + o.embargo_rows, o)
  if first > #D then return tensor.zeros { 0, dtype = "i64" }, 0 end
  local rows = range(first, #D)
  local moments = decided(D)
  local moment = D.label_known_at and latest(D.label_known_at:slice(1, start, stop))
  if moments and (moment or o.embargo > 0) then
    moment = math.max(moment or nat, (latest(moments:slice(1, start, stop)) or nat))
    local own = moments:take(rows)
    local kept = rows[own:ge(moment + o.embargo)]
    return kept, #rows - #kept
  end
  return rows, 0
end

local Parts = {}

function Parts.__tostring(parts)
  local texts = {}
  for i, D in ipairs(parts) do
    local when = ""
    if D.times and #D > 0 then
      when = (", %s to %s"):format(clock.print(D.times[1]), clock.print(D.times[-1]))
    end
    local gone = parts.purged[i] > 0 and (" (%d purged)"):format(parts.purged[i]) or ""
    texts[i] = ("%d rows%s%s"):format(#D, gone, when)
  end
  return table.concat(texts, "\n")
end

--- Parts of a dataset that begin at the rows `borders`: an array of datasets, `purged` counting the
--- rows that were left out of each.
---@param where string
---@param D neap.dataset
---@param borders integer[] first row of each part
---@param o table purge, embargo
---@return neap.dataset[]
function data.time(where, D, borders, o)
  check_known(where, D, o)
  local embargo, rows = embargo_of(where, D, o.embargo)
  local parts, firsts = { purged = {} }, {}
  for i, row in ipairs(borders) do firsts[i] = snap(D, row) end
  for i, first in ipairs(firsts) do
    local start, stop = first, (firsts[i + 1] or #D + 1) - 1
    if i > 1 then start = moments_from(D, start, rows, o) end
    if i > 1 and embargo > 0 then
      start = D.times:searchsorted(D.times[first] + embargo)
    end
    local kept, purged = range(start, stop), 0
    if firsts[i + 1] and start <= stop then
      local judged = (firsts[i + 2] or #D + 1) - 1
      kept, purged = before(D, start, stop, firsts[i + 1], judged, o)
    end
    if start > stop or #kept == 0 then
      opts.raise("%s: part %d of %d rows is empty once labels and embargo are heeded", where, i, #D)
    end
    local alone = #kept == stop - start + 1
    parts[i] = alone and D:rows(start, stop) or D:take(kept)
    parts.purged[i] = purged
  end
  return setmetatable(parts, Parts)
end

-- A fold that judges rows start to stop.
local function fold(where, D, ranges, start, stop, o)
  local positions, purged = {}, 0
  for _, each in ipairs(ranges) do
    local rows, gone
    if each[2] < start then rows, gone = before(D, each[1], each[2], start, stop, o)
    else rows, gone = after(D, start, stop, o) end
    positions[#positions + 1], purged = rows, purged + gone
  end
  local train = tensor.cat(positions)
  if #train == 0 then
    opts.raise("%s: no training row is left for rows %d to %d once labels and embargo are heeded",
      where, start, stop)
  end
  return { train = D:take(train), test = D:rows(start, stop), purged = purged }
end

-- Rows where a window of durations begins and ends, from the first time on.
local function by_duration(where, D, o, moving)
  if not D.times then opts.raise("%s: durations need times", where) end
  local function length(name, text)
    local ns = duration.parse(text)
    if not ns or ns <= 0 then
      opts.raise("%s: %s '%s' is not a duration like 12h or 30d", where, name, tostring(text))
    end
    return ns
  end
  local train, test = length("train", o.train), length("test", o.test)
  local step = o.step and length("step", o.step) or test
  local start, last, walks = D.times[1] + train, D.times[-1], {}
  while start + test <= last + 1 do
    local from, to = D.times:searchsorted(start), D.times:searchsorted(start + test) - 1
    local first = moving and D.times:searchsorted(start - train) or 1
    if from <= to and first < from then walks[#walks + 1] = { first, from, to } end
    start = start + step
    if #walks > 1000000 then opts.raise("%s: more than 1000000 folds", where) end
  end
  return walks
end

--- Folds of a window that moves through a dataset; `by_rows` gives them when lengths are rows.
---@param where string
---@param D neap.dataset
---@param o table train, test, step, purge
---@param moving boolean whether the training window has a fixed length
---@param by_rows fun(): table[]
---@return table[] folds
function data.walk(where, D, o, moving, by_rows)
  check_known(where, D, o)
  local walks
  if type(o.train) == "string" or type(o.test) == "string" then
    walks = by_duration(where, D, o, moving)
  else
    walks = {}
    for i, each in ipairs(by_rows()) do
      local start, stop = snap(D, each.test[1]), snap(D, each.test[2] + 1) - 1
      walks[i] = { snap(D, each.train[1][1]), start, stop }
    end
  end
  local folds = {}
  for _, walk in ipairs(walks) do
    if walk[2] <= walk[3] then
      folds[#folds + 1] = fold(where, D, { { walk[1], walk[2] - 1 } }, walk[2], walk[3], o)
    end
  end
  if #folds == 0 then
    opts.raise("%s: %d rows are too short for train %s and test %s", where, #D, tostring(o.train),
      tostring(o.test))
  end
  return folds_of(folds)
end

--- Folds that each hold out one part of a dataset.
---@param where string
---@param D neap.dataset
---@param tests integer[][] ranges
---@param o table purge, embargo
---@return table[] folds
function data.kfold(where, D, tests, o)
  check_known(where, D, o)
  local heed = { purge = o.purge, moments = o.moments }
  heed.embargo, heed.embargo_rows = embargo_of(where, D, o.embargo)
  local folds = {}
  for _, test in ipairs(tests) do
    local start, stop = snap(D, test[1]), snap(D, test[2] + 1) - 1
    if start <= stop then
      local ranges = {}
      if start > 1 then ranges[1] = { 1, start - 1 } end
      if stop < #D then ranges[#ranges + 1] = { stop + 1, #D } end
      folds[#folds + 1] = fold(where, D, ranges, start, stop, heed)
    end
  end
  return folds_of(folds)
end

return data
