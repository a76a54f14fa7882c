--- Axes: from data ranges to positions, with ticks at round numbers or round times.
local scale = {}

local NANOSECOND = 1e-9

-- Ticks at multiples of 1, 2 or 5 times a power of ten, about `wanted` of them.
local function round_step(span, wanted)
  local rough = span / wanted
  local power = 10 ^ math.floor(math.log(rough, 10))
  for _, factor in ipairs { 1, 2, 5 } do
    if rough <= factor * power * 1.0000001 then return factor * power end
  end
  return 10 * power
end

local function decimals(step)
  return math.max(0, -math.floor(math.log(step, 10) + 1e-9))
end

local suffixes = { { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1e4, "k", 1e3 } }

-- A tick label: as many decimals as the step needs, thousands shortened.
local function label_of(value, step, top)
  if math.abs(value) < step * 1e-9 then
    if step >= 1 then return "0" end
    value = 0.0
  end
  for _, s in ipairs(suffixes) do
    if top >= s[1] then
      local unit = s[3] or s[1]
      return ("%." .. decimals(step / unit) .. "f%s"):format(value / unit, s[2])
    end
  end
  if top > 0 and top < 1e-4 then return ("%.2g"):format(value) end
  return ("%." .. decimals(step) .. "f"):format(value)
end

local function widen(low, high)
  if high > low then return low, high end
  local pad = low == 0 and 1 or math.abs(low) * 0.05
  return low - pad, high + pad
end

--- A linear axis over [low, high]: `at(value)` in 0..1 and `ticks` = { {position, label}, ... }.
---@param low number
---@param high number
---@param wanted integer about so many ticks
function scale.linear(low, high, wanted)
  low, high = widen(low, high)
  local step = round_step(high - low, wanted)
  local ticks, top = {}, math.max(math.abs(low), math.abs(high))
  for k = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) do
    ticks[#ticks + 1] = { (k * step - low) / (high - low), label_of(k * step, step, top) }
  end
  return { ticks = ticks, at = function(v) return (v - low) / (high - low) end }
end

--- A logarithmic axis; values must be positive.
function scale.log(low, high)
  low, high = widen(math.log(low, 10), math.log(high, 10))
  local ticks = {}
  local every = math.max(1, math.ceil((high - low) / 6))
  for k = math.ceil(low - 1e-9), math.floor(high + 1e-9), every do
    ticks[#ticks + 1] = { (k - low) / (high - low), ("1e%d"):format(k) }
  end
  if #ticks < 2 then
    ticks = {}
    for _, p in ipairs { 0, 0.5, 1 } do
      ticks[#ticks + 1] = { p, ("%.3g"):format(10 ^ (low + p * (high - low))) }
    end
  end
  return { ticks = ticks, at = function(v) return (math.log(v, 10) - low) / (high - low) end }
end

-- Round steps of time in seconds, with the format that tells neighbouring ticks apart.
local time_steps = {
  { 1, "!%H:%M:%S" }, { 5, "!%H:%M:%S" }, { 15, "!%H:%M:%S" }, { 60, "!%H:%M" }, { 300, "!%H:%M" },
  { 900, "!%H:%M" }, { 3600, "!%d %b %H:%M" }, { 10800, "!%d %b %H:%M" }, { 21600, "!%d %b %H:%M" },
  { 43200, "!%d %b %H:%M" }, { 86400, "!%d %b" }, { 172800, "!%d %b" }, { 604800, "!%d %b %Y" },
}

local function month_ticks(low, high, months)
  local ticks, date = {}, os.date("!*t", math.floor(low))
  local month = date.year * 12 + date.month - 1
  month = month - month % months
  while true do
    local year, m = month // 12, month % 12 + 1
    -- days since 1970-01-01 of the first of the month, by the civil calendar
    local y = m <= 2 and year - 1 or year
    local days = 365 * y + y // 4 - y // 100 + y // 400 - 719468
      + (153 * (m > 2 and m - 3 or m + 9) + 2) // 5
    local at = days * 86400
    if at > high then return ticks end
    if at >= low then
      ticks[#ticks + 1] = { (at - low) / (high - low),
        os.date(months >= 12 and "!%Y" or "!%b %Y", at) }
    end
    month = month + months
  end
end

--- An axis over times in nanoseconds since 1970 UTC.
function scale.time(low, high, wanted)
  low, high = widen(low * NANOSECOND, high * NANOSECOND)
  local result = { at = function(v) return (v * NANOSECOND - low) / (high - low) end, ticks = {} }
  for _, candidate in ipairs(time_steps) do
    local step, format = candidate[1], candidate[2]
    if (high - low) / step <= wanted then
      for k = math.ceil(low / step), math.floor(high / step) do
        result.ticks[#result.ticks + 1] = { (k * step - low) / (high - low),
          os.date(format, k * step) }
      end
      return result
    end
  end
  for _, months in ipairs { 1, 3, 6, 12, 24, 60, 120, 240, 600, 1200 } do
    if (high - low) / (months * 2629746) <= wanted then
      result.ticks = month_ticks(low, high, months)
      break
    end
  end
  return result
end

--- Named places side by side, for bars and heat maps: name k of n takes the band [(k-1)/n, k/n].
function scale.names(names)
  local ticks = {}
  for k, name in ipairs(names) do ticks[k] = { (k - 0.5) / #names, tostring(name) } end
  return { ticks = ticks, names = #names, at = function(k) return (k - 0.5) / #names end }
end

--- The axis of a chart: of names when there are some, else by kind ("linear", "time", "log").
function scale.axis(kind, range, names, wanted)
  if names then return scale.names(names) end
  if kind == "time" then return scale.time(range[1], range[2], wanted) end
  if kind == "log" then return scale.log(range[1], range[2]) end
  return scale.linear(range[1], range[2], wanted)
end

return scale
