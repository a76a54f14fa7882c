--- Named columns for models: sets of features, computed whole or bar by bar with the same bits.
---
--- A name is an indicator with its parameters and, where it has several, one output:
--- `rsi_14`, `macd_12_26_9_hist`, `sar_0.02_0.2`. Parameters left off take their defaults; without
--- an output an indicator gives all its columns. `ret_k` is the logarithmic return over k bars.
---
--- A closing `_rel` makes a name free of scale, by what it is measured in (`ta.info(name).units`):
---
--- | unit | example | value |
--- |---|---|---|
--- | price | `ema_20_rel`, `bbands_20_2_upper_rel` | close / x - 1 |
--- | spread | `macd_12_26_9_hist_rel`, `mom_10_rel` | x / close |
--- | square | `var_20_rel` | x / close^2 |
--- | flow | `adosc_3_10_rel` | x / mean volume of 20 bars |
--- | (the volume) | `volume_20_rel` | volume / mean volume of 20 bars - 1 |
---
--- Values that would be infinite are NaN. Names that have no unit are free of scale already; for
--- `obv` and `ad`, which grow without bound, take `volume_balance_20` and `cmf_20`.
local c = require "neap.c.ta"
local class = require "neap.class"
local opts = require "neap.opts"
local ta = require "neap.ta"

local features = {}

-- Names -------------------------------------------------------------------------------------------

local FLOW_BARS = 20
local aliases = { ret = "log_return" }
local bounded = { obv = "volume_balance", ad = "cmf" }

local function known_names()
  local names = ta.list()
  names[#names + 1], names[#names + 2] = "ret", "volume"
  return names
end

local function split(name)
  local tokens = {}
  for token in name:gmatch "[^_]+" do tokens[#tokens + 1] = token end
  return tokens
end

-- The indicator with the longest name that `tokens` start with, and the position after it.
local function indicator_of(where, name, tokens)
  local known = {}
  for _, each in ipairs(known_names()) do known[each] = true end
  for last = #tokens, 1, -1 do
    local head = table.concat(tokens, "_", 1, last)
    if known[head] then return head, last + 1 end
  end
  local words = {}
  for _, token in ipairs(tokens) do
    if not tonumber(token) and token ~= "rel" then words[#words + 1] = token end
  end
  local near = opts.nearest(table.concat(words, "_"), known_names())
  opts.raise("%s: unknown feature '%s'%s", where, name,
    near and (" (did you mean '%s'?)"):format(near) or "")
end

-- Parameters from `tokens` at `at` on, and the position after them.
local function parameters_of(where, name, info, tokens, at)
  local options, names = {}, {}
  for i, p in ipairs(info.params) do names[i] = p.name end
  local count = 0
  while tokens[at] do
    local p = info.params[count + 1]
    local number = tonumber(tokens[at])
    local word = p and type(p.default) == "string" and (tokens[at] == "sma" or tokens[at] == "ema")
    if not number and not word then break end
    if not p then
      opts.raise("%s: '%s' has too many parameters, %s takes %d%s", where, name, info.name, #names,
        #names > 0 and " (" .. table.concat(names, ", ") .. ")" or "")
    end
    count, at = count + 1, at + 1
    options[p.name] = number or tokens[at - 1]
  end
  return options, at
end

-- The outputs asked for, as positions, from what is left of the name.
local function outputs_of(where, name, info, rest)
  local all = {}
  for k, output in ipairs(info.outputs) do
    if #info.outputs > 1 and output == rest then return { k }, true end
    all[k] = k
  end
  if rest == "" then return all, false end
  if #info.outputs == 1 then
    opts.raise("%s: '%s' ends in '%s', and %s has a single output", where, name, rest, info.name)
  end
  opts.unknown(where, "output of " .. info.name, rest, table.move(info.outputs, 1, #all, 1, {}))
end

local function shape_of(where, name, info, k, relative)
  if not relative then return "plain" end
  local unit = info.units[k]
  if unit == "total" then
    opts.raise("%s: '%s': %s grows without bound, its scale-free form is '%s_20'", where, name,
      info.name, bounded[info.name])
  end
  -- Beside outputs with a unit, as in supertrend, one without is left as it is.
  if unit ~= "ratio" then return unit end
  for _, other in ipairs(info.units) do
    if other ~= "ratio" then return "plain" end
  end
  opts.raise("%s: '%s': %s is free of scale already, leave '_rel' off", where, name, info.name)
end

-- Sets --------------------------------------------------------------------------------------------

local Set = class "neap.features.set"

function Set.__tostring(set)
  return ("feature set of %d columns, lookback %d"):format(#set.columns, set:lookback())
end

local function key_of(indicator, options, on)
  local parts = { indicator, on or "" }
  for _, p in ipairs(ta.info(indicator).params) do
    parts[#parts + 1] = tostring(options[p.name] or p.default)
  end
  return table.concat(parts, ":")
end

-- One computation, shared by all columns that need it; its position.
local function source_of(set, indicator, options, on)
  local key = key_of(indicator, options, on)
  if not set.by_key[key] then
    local info = ta.info(indicator)
    set.sources[#set.sources + 1] = {
      info = info, options = options, on = on, lookback = info.lookback(options),
    }
    set.by_key[key] = #set.sources
  end
  return set.by_key[key]
end

local function add(set, column)
  if set.taken[column.name] then
    opts.raise("features.set: column '%s' appears twice", column.name)
  end
  set.taken[column.name] = true
  set.columns[#set.columns + 1] = column
end

local function add_volume(set, name, tokens)
  local bars = tonumber(tokens[2])
  if #tokens ~= 3 or not bars or tokens[3] ~= "rel" then
    opts.raise("features.set: '%s': the volume has one form, 'volume_20_rel'", name)
  end
  local mean = source_of(set, "sma", { period = bars }, "volume")
  add(set, { name = name, source = mean, output = 1, shape = "volume" })
end

local function add_indicator(set, name)
  local where, tokens = "features.set", split(name)
  local head, at = indicator_of(where, name, tokens)
  if head == "volume" then return add_volume(set, name, tokens) end
  local info = ta.info(aliases[head] or head)
  local options
  options, at = parameters_of(where, name, info, tokens, at)
  local relative = tokens[#tokens] == "rel" and #tokens >= at
  local rest = table.concat(tokens, "_", at, #tokens - (relative and 1 or 0))
  local outputs, chosen = outputs_of(where, name, info, rest)
  local stem = relative and name:sub(1, -5) or name
  for _, k in ipairs(outputs) do
    local shape = shape_of(where, name, info, k, relative)
    local column = #outputs == 1 and (chosen or #info.outputs == 1) and stem
      or stem .. "_" .. info.outputs[k]
    add(set, {
      name = shape == "plain" and column or column .. "_rel",
      source = source_of(set, info.name, options), output = k, shape = shape,
      mean = shape == "flow" and source_of(set, "sma", { period = FLOW_BARS }, "volume") or nil,
    })
  end
end

local function add_function(set, spec)
  local name, fn = spec[1], spec[2]
  if type(name) ~= "string" or type(fn) ~= "function" then
    opts.raise("features.set: a name or {name, function} expected")
  end
  local lookback = spec.lookback or 0
  add(set, { name = name, fn = fn, lookback = lookback, stream = spec.stream })
end

function Set:init(names)
  self.columns, self.sources, self.by_key, self.taken = {}, {}, {}, {}
  for _, spec in ipairs(names) do
    if type(spec) == "string" then add_indicator(self, spec)
    elseif type(spec) == "table" then add_function(self, spec)
    else opts.raise("features.set: a name or {name, function} expected, got %s", type(spec)) end
  end
  if #self.columns == 0 then opts.raise "features.set: at least one feature is needed" end
end

--- The column names, in order.
---     features.set({ "rsi_14", "stoch" }):names()[2] --> stoch_k
---@return string[]
function Set:names()
  local names = {}
  for i, column in ipairs(self.columns) do names[i] = column.name end
  return names
end

--- Bars after which every column has a value (if no bar is missing).
---     features.set({ "rsi_14", "sma_50_rel" }):lookback() --> 49
---@return integer
function Set:lookback()
  local longest = 0
  for _, column in ipairs(self.columns) do
    local own = column.lookback or self.sources[column.source].lookback
    local mean = column.mean and self.sources[column.mean].lookback or 0
    longest = math.max(longest, own, mean)
  end
  return longest
end

-- `_rel` by shape; `over(x, y, offset)` is x / y - offset for series or for numbers.
local shapes = {
  plain = function(x) return x end,
  price = function(x, bars, over) return over(bars.close, x, 1) end,
  spread = function(x, bars, over) return over(x, bars.close, 0) end,
  square = function(x, bars, over) return over(over(x, bars.close, 0), bars.close, 0) end,
  flow = function(x, _, over, mean) return over(x, mean, 0) end,
  volume = function(x, bars, over) return over(bars.volume, x, 1) end,
}

local function over_numbers(x, y, offset)
  local v = x / y - offset
  return v - v == 0 and v or 0 / 0
end

local function assemble(columns, results, bars, over, make)
  local values = {}
  for i, column in ipairs(columns) do
    if column.fn then
      values[i] = make(column, i)
    else
      local mean = column.mean and results[column.mean][1]
      values[i] = shapes[column.shape](results[column.source][column.output], bars, over, mean)
    end
  end
  return values
end

-- The outputs of a source over whole series, as an array.
local function run_source(source, bars)
  local x = ta[source.info.name](source.on and bars[source.on] or bars, source.options)
  if #source.info.outputs == 1 then return { x } end
  local outputs = {}
  for k, name in ipairs(source.info.outputs) do outputs[k] = x[name] end
  return outputs
end

--- All columns for bars (a frame or a table of tensors): a frame with one column per name, as long
--- as the bars, NaN during each column's own warm-up. A missing bar (NaN) gives NaN there and
--- leaves the rest as it was.
---     local x = tensor.of { 1, 2, 4 }
---     features.set({ "sma_2_rel" }):compute({ close = x }).sma_2_rel[-1] --> 0.33333333333333
---@param bars table
---@return neap.frame
function Set:compute(bars)
  local results = {}
  for i, source in ipairs(self.sources) do results[i] = run_source(source, bars) end
  local has_close, rows = pcall(function() return #bars.close end)
  local function make(column)
    local x = column.fn(bars)
    if type(x) ~= "userdata" then
      opts.raise("features: '%s' gave %s, a tensor is needed", column.name, type(x))
    end
    if has_close and #x ~= rows then
      opts.raise("features: '%s' gave %d rows, the bars have %d", column.name, #x, rows)
    end
    return x
  end
  local values = assemble(self.columns, results, bars, c.relative, make)
  local named = {}
  for i, column in ipairs(self.columns) do named[i] = { column.name, values[i] } end
  return require("neap.frame").new(named)
end

local Stream = class "neap.features.stream"

function Stream:init(set)
  self.set, self.sources, self.own = set, {}, {}
  for i, source in ipairs(set.sources) do
    self.sources[i] = ta.stream(source.info.name, source.options)
  end
  for i, column in ipairs(set.columns) do
    if column.fn then
      if not column.stream then
        opts.raise("features: '%s' has no streaming form; give {name, fn, stream = function() "
          .. "return function(bar) ... end end}", column.name)
      end
      self.own[i] = column.stream()
    end
  end
end

--- The row of one new bar (a table of numbers by column name): values in the order of
--- `set:names()`, equal bit for bit to the rows of `set:compute`.
---     features.set({ "ret_1" }):stream():push({ close = 2 })[1] ~= 0 --> true
---@param bar table
---@return number[]
function Stream:push(bar)
  local results = {}
  for i, source in ipairs(self.set.sources) do
    results[i] = { self.sources[i]:push(source.on and bar[source.on] or bar) }
  end
  return assemble(self.set.columns, results, bar, over_numbers,
    function(_, i) return self.own[i](bar) end)
end

--- A stream of rows, for live bars.
---     #features.set({ "rsi_14" }):stream():push({ close = 2 }) --> 1
---@return neap.features.stream
function Set:stream() return Stream(self) end

--- A set of features: names as described above, or `{name, fn}` with fn(bars) -> tensor, where
--- `lookback` and `stream` (a function that makes a function from bar to number) may be named.
--- Unknown names and columns that appear twice are errors.
---     #features.set({ "macd_12_26_9", "rsi_14" }):names() --> 4
---@param names table
---@return neap.features.set
function features.set(names)
  if type(names) ~= "table" then
    opts.raise("features.set: an array of names expected, got %s", type(names))
  end
  return Set(names)
end

-- The usual set -----------------------------------------------------------------------------------

local usual = {
  "ret_1", "ret_2", "ret_3", "ret_5", "ret_10", "ret_20", "ret_50",
  "sma_10_rel", "sma_20_rel", "sma_50_rel", "ema_12_rel", "ema_26_rel", "ema_50_rel",
  "wma_20_rel", "dema_20_rel", "tema_20_rel", "hma_9_rel", "kama_10_rel", "rma_14_rel",
  "macd_12_26_9_macd_rel", "macd_12_26_9_hist_rel", "ppo_12_26", "rsi_7", "rsi_14", "rsi_21",
  "stoch_14_3_3", "stochrsi_14_14_3_3", "willr_14", "cci_20", "roc_10", "mom_10_rel", "cmo_14",
  "ultosc_7_14_28", "tsi_13_25", "bop",
  "adx_14", "plus_di_14", "minus_di_14", "aroon_14_up", "aroonosc_14", "sar_rel",
  "supertrend_10_3_rel",
  "trange_rel", "natr_14", "bbands_20_2_upper_rel", "bbands_20_2_lower_rel",
  "keltner_20_2_upper_rel", "keltner_20_2_lower_rel", "donchian_20_upper_rel",
  "donchian_20_lower_rel", "stddev_20_rel", "zscore_20", "linreg_slope_14_rel",
  "realised_volatility_20", "parkinson_20", "garman_klass_20",
}
local usual_with_volume = {
  "volume_20_rel", "volume_balance_20", "adosc_3_10_rel", "cmf_20", "mfi_14", "vwma_20_rel",
  "vwap_20_rel",
}

-- Whether bars have a volume column with anything in it.
local function has_volume(bars)
  local ok, volume = pcall(function() return bars.volume end)
  if not ok or volume == nil then return false end
  for i = 1, #volume do
    if volume[i] > 0 then return true end
  end
  return false
end

--- Over 60 scale-free features for bars, for `features.set`: returns over 1 to 50 bars and every
--- indicator in stationary form; of exact linear combinations (the MACD's signal, Aroon down) one
--- part is left out. Without a volume column, or with one that is never above 0, those that need
--- it are left out too; the second value names them.
---     #features.default({ close = tensor.of { 1 } }) --> 56
---@param bars table
---@return string[] names
---@return string[] left_out
function features.default(bars)
  local names = table.move(usual, 1, #usual, 1, {})
  if not has_volume(bars) then
    return names, table.move(usual_with_volume, 1, #usual_with_volume, 1, {})
  end
  return table.move(usual_with_volume, 1, #usual_with_volume, #names + 1, names), {}
end

return features
