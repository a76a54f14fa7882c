--- The times a transformer was fitted on: what its statistics know of the future of other rows.
---
--- Kept are { first, last, untimed, groups }, for each group its `label` ("" without groups) and
--- its `times`, sorted.
local clock = require "neap.clock"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local past = {}

-- Rows of a sheet by group: an array of { label, rows (i64 positions, rising in time), times }.
local function by_group(s)
  local order = s.times:argsort()
  if not s.groups then
    return { { label = "", rows = order, times = s.times:take(order) } }
  end
  local codes = s.groups.codes:take(order)
  local own = codes:argsort()
  order, codes = order:take(own), codes:take(own):to "i64"
  local out = {}
  for code = 0, #s.groups.labels do
    local bounds = codes:searchsorted(tensor.of({ code, code + 1 }, { dtype = "i64" }))
    local first, behind = bounds[1], bounds[2]
    if behind > first then
      local rows = order:slice(1, first, behind - 1)
      out[#out + 1] = { label = s.groups.labels[code] or "", rows = rows,
        times = s.times:take(rows) }
    end
  end
  return out
end

--- What a sheet's rows are known by; nil when they have no times.
---@param s table
---@return table?
function past.of(s)
  if not s.times or s.n == 0 then return nil end
  local seen = { groups = {}, untimed = s.times:eq(clock.nat):any() }
  for _, group in ipairs(by_group(s)) do
    local times = group.times[group.times:ne(clock.nat)]
    if #times > 0 then
      local first, last = times:get(1), times:get(-1)
      seen.first = math.min(seen.first or first, first)
      seen.last = math.max(seen.last or last, last)
      seen.groups[#seen.groups + 1] = { label = group.label, times = times }
    end
  end
  return seen.last and seen or nil
end

-- Which of `times` are among `known`, sorted.
local function among(known, times)
  local at = known:searchsorted(times):clamp(1, #known)
  return known:take(at):eq(times)
end

--- Raise when a row of the sheet lies before the end of what was seen and was not among it.
---@param seen table
---@param s table
---@param where string
function past.check(seen, s, where)
  if not s.times or s.n == 0 or not s.times:lt(seen.last):any() then return end
  local known, first_row = {}, nil
  for _, group in ipairs(seen.groups) do known[group.label] = group.times end
  for _, group in ipairs(by_group(s)) do
    local foreign = group.times:lt(seen.last)
    local own = known[group.label]
    if own then foreign = foreign & ~among(own, group.times) end
    if seen.untimed then foreign = foreign & group.times:ne(clock.nat) end
    if foreign:any() then
      local row = math.tointeger((group.rows[foreign]:min()))
      first_row = math.min(first_row or row, row)
    end
  end
  if not first_row then return end
  local time = s.times:get(first_row)
  opts.raise("%s: row %d (%s) lies before the end of the rows it was fitted on (%s) and was not "
    .. "among them, so what it gets would come from its future; fit on earlier rows, or say "
    .. "{ allow_future = true }", where, first_row,
    time == clock.nat and "without a time" or clock.print(time), clock.print(seen.last))
end

-- files -------------------------------------------------------------------------------------------

-- Sorted times as the first one and runs of equal steps, which bars are few of.
local function pack(times)
  local steps = times:diff()
  if #steps == 0 then return { first = times:get(1), step = {}, count = {} } end
  local changes = tensor.zeros { 0, dtype = "i64" }
  if #steps > 1 then changes = steps:slice(1, 2, -1):ne(steps:slice(1, 1, -2)):nonzero() end
  local ends = tensor.cat { changes, tensor.of({ #steps }, { dtype = "i64" }) }
  local before = tensor.cat { tensor.of({ 0 }, { dtype = "i64" }), changes }
  return { first = times:get(1), step = steps:take(ends), count = ends - before }
end

local function unpack(p)
  if type(p.step) == "table" then return tensor.of({ p.first }, { dtype = "i64" }) end
  local ends = p.count:cumsum()
  local each = tensor.arange(1, ends:get(-1), 1, { dtype = "i64" })
  local steps = p.step:take(ends:searchsorted(each))
  return tensor.cat { tensor.of({ p.first }, { dtype = "i64" }), steps:cumsum() + p.first }
end

--- What was seen as values that files keep; `past.unpack` is the inverse.
---@param seen table
---@return table
function past.pack(seen)
  local groups = {}
  for i, group in ipairs(seen.groups) do
    groups[i] = { label = group.label, times = pack(group.times) }
  end
  return { first = seen.first, last = seen.last, untimed = seen.untimed, groups = groups }
end

---@param packed table
---@return table
function past.unpack(packed)
  local groups = {}
  for i, group in ipairs(packed.groups) do
    groups[i] = { label = group.label, times = unpack(group.times) }
  end
  return { first = packed.first, last = packed.last, untimed = packed.untimed, groups = groups }
end

return past
