--- What the name of a feature means; the grammar stands in neap.features.
local opts = require "neap.opts"
local report = require "neap.market.report"
local ta = require "neap.ta"

local names = {}

local WHERE = "features.set"
local FLOW_BARS = 20
local aliases = { ret = "log_return", volatility = "realised_volatility" }
local bounded = { obv = "volume_balance", ad = "cmf" }

--- How a value is compared across groups at one time.
names.crosses = { "rank", "zscore", "demean" }

-- What is read off the clock, described as indicators are.
local function of_clock(name, outputs, low, high)
  local units = {}
  for k in ipairs(outputs) do units[k] = "ratio" end
  return { name = name, params = {}, inputs = {}, outputs = outputs, units = units, low = low,
    high = high, clock = true, lookback = function() return 0 end,
    values = function() return {} end }
end

local circle = { "sin", "cos" }
local clocks = {
  hour = of_clock("hour", circle, -1, 1), weekday = of_clock("weekday", circle, -1, 1),
  day_of_year = of_clock("day_of_year", circle, -1, 1),
  trend = of_clock("trend", { "trend" }, -math.huge, math.huge),
}

local function info_of(name) return clocks[name] or ta.info(aliases[name] or name) end

local function known_names()
  local known = ta.list()
  for _, name in ipairs { "ret", "volatility", "volume", "hour", "weekday", "day_of_year",
    "trend" } do
    known[#known + 1] = name
  end
  return known
end

local function split(name)
  local tokens = {}
  for token in name:gmatch "[^_]+" do tokens[#tokens + 1] = token end
  return tokens
end

-- The name in the form of the grammar (rsi14, RSI_14: rsi_14), where that is one.
local function respelled(name)
  local other = name:lower():gsub("(%a)(%d)", "%1_%2")
  return other ~= name and pcall(names.read, other) and other or nil
end

-- The indicator with the longest name that `tokens` start with at `first`, and the position after.
local function indicator_of(name, tokens, first)
  local known = {}
  for _, each in ipairs(known_names()) do known[each] = true end
  for last = #tokens, first, -1 do
    local head = table.concat(tokens, "_", first, last)
    if known[head] then return head, last + 1 end
  end
  local words = {}
  for i = first, #tokens do
    if not tonumber(tokens[i]) and tokens[i] ~= "rel" then words[#words + 1] = tokens[i] end
  end
  local near = respelled(name) or opts.nearest(table.concat(words, "_"), known_names())
  opts.raise("%s: unknown feature '%s'%s", WHERE, name,
    near and (" (did you mean '%s'?)"):format(near) or "; ta.list() names the indicators")
end

-- Parameters from `tokens` at `at` on, and the position after them.
local function parameters_of(name, info, tokens, at)
  local options, known = {}, {}
  for i, p in ipairs(info.params) do known[i] = p.name end
  local count = 0
  while tokens[at] do
    local p = info.params[count + 1]
    local number = tonumber(tokens[at])
    local word = p and type(p.default) == "string" and (tokens[at] == "sma" or tokens[at] == "ema")
    if not number and not word then break end
    if not p then
      opts.raise("%s: '%s' has too many parameters, %s takes %d%s", WHERE, name, info.name, #known,
        #known > 0 and " (" .. table.concat(known, ", ") .. ")" or "")
    end
    count, at = count + 1, at + 1
    options[p.name] = number or tokens[at - 1]
  end
  return options, at
end

-- The outputs asked for, as positions, from what is left of the name.
local function outputs_of(name, info, rest)
  local all = {}
  for k, output in ipairs(info.outputs) do
    if #info.outputs > 1 and output == rest then return { k }, true end
    all[k] = k
  end
  if rest == "" then return all, false end
  if #info.outputs == 1 then
    opts.raise("%s: '%s' ends in '%s', and %s has a single output", WHERE, name, rest, info.name)
  end
  opts.unknown(WHERE, "output of " .. info.name, rest, table.move(info.outputs, 1, #all, 1, {}))
end

local function shape_of(name, info, k, relative)
  if not relative then return "plain" end
  local unit = info.units[k]
  if unit == "total" then
    opts.raise("%s: '%s': %s grows without bound, its scale-free form is '%s_20'", WHERE, name,
      info.name, bounded[info.name])
  end
  -- Beside outputs with a unit, as in supertrend, one without is left as it is.
  if unit ~= "ratio" then return unit end
  for _, other in ipairs(info.units) do
    if other ~= "ratio" then return "plain" end
  end
  opts.raise("%s: '%s': %s is free of scale already, leave '_rel' off", WHERE, name, info.name)
end

local function source_of(info, options, on_volume)
  return { info = info, params = info.values(options), on_volume = on_volume,
    lookback = info.lookback(options) }
end

local function mean_volume(bars) return source_of(ta.info "sma", { period = bars }, true) end

-- `volume_20_rel`, or an indicator of the volume: `volume_percentile_100`.
local function of_volume(name, tokens)
  local bars = tonumber(tokens[2])
  if bars and #tokens == 3 and tokens[3] == "rel" then
    return { { name = name, source = mean_volume(bars), output = 1, shape = "volume" } }
  end
  if bars or #tokens == 1 then
    opts.raise("%s: '%s': of the volume there are 'volume_20_rel' and indicators, as "
      .. "'volume_percentile_100'", WHERE, name)
  end
  local head, at = indicator_of(name, tokens, 2)
  local info = info_of(head)
  if #info.inputs ~= 1 or info.inputs[1] ~= "series" then
    opts.raise("%s: '%s': %s does not work on a single series", WHERE, name, head)
  end
  return info, at, true
end

-- The columns of a name without time frame and cross-section.
local function plain(name)
  local tokens = split(name)
  local head, at = indicator_of(name, tokens, 1)
  local info, on_volume
  if head == "volume" then
    info, at, on_volume = of_volume(name, tokens)
    if not at then return info end
  else
    info = info_of(head)
  end
  local options
  options, at = parameters_of(name, info, tokens, at)
  local relative = tokens[#tokens] == "rel" and #tokens >= at
  if relative and on_volume then
    opts.raise("%s: '%s': of the volume only 'volume_20_rel' is relative", WHERE, name)
  end
  local rest = table.concat(tokens, "_", at, #tokens - (relative and 1 or 0))
  local outputs, chosen = outputs_of(name, info, rest)
  local stem, columns = relative and name:sub(1, -5) or name, {}
  for i, k in ipairs(outputs) do
    local shape = shape_of(name, info, k, relative)
    local column = #outputs == 1 and (chosen or #info.outputs == 1) and stem
      or stem .. "_" .. info.outputs[k]
    columns[i] = {
      name = shape == "plain" and column or column .. "_rel", output = k, shape = shape,
      source = source_of(info, options, on_volume),
      mean = shape == "flow" and mean_volume(FLOW_BARS) or nil,
    }
  end
  return columns
end

local LONGEST = 3e18 -- ns, some 95 years

local function frame_of(name, text)
  local count, unit = text:match "^(%d+)(%a+)$"
  local one = count and report.parse_duration("1" .. unit)
  local step = one and tonumber(count) * 1.0 * one < LONGEST and report.parse_duration(text)
  if not step or step <= 0 then
    opts.raise("%s: '%s': '%s' is no time frame; write one like 5m, 1h, 4h, 1d or 1w", WHERE, name,
      text)
  end
  return step
end

--- The columns that a name stands for, in order: { name, source = { info, params, on_volume,
--- lookback }, output, shape, mean (a source), step (ns of the time frame), cross }.
---@param name string
---@return table[]
function names.read(name)
  local base, frame, cross = name, nil, nil
  if base:find ":" then base, cross = base:match "^([^:]*):(.*)$" end
  if base:find "@" then base, frame = base:match "^([^@]*)@(.*)$" end
  local step = frame and frame_of(name, frame)
  if cross then
    local found = false
    for _, each in ipairs(names.crosses) do found = found or each == cross end
    if not found then
      opts.unknown(WHERE, "cross-section", cross, table.move(names.crosses, 1, 3, 1, {}))
    end
  end
  local columns = plain(base)
  for _, column in ipairs(columns) do
    if step and column.source.info.clock then
      opts.raise("%s: '%s': the clock has no time frame, leave '@%s' off", WHERE, name, frame)
    end
    column.step, column.cross = step, cross
    column.name = column.name .. (frame and "@" .. frame or "") .. (cross and ":" .. cross or "")
  end
  return columns
end

return names
