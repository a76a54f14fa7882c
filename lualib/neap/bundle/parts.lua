--- The parts of a bundle: which are taken, how each is kept in a file, and how they fit together.
local calibration = require "neap.calibration"
local features = require "neap.features"
local gbdt = require "neap.gbdt"
local linear = require "neap.linear"
local opts = require "neap.opts"
local preprocess = require "neap.preprocess"
local tensor = require "neap.tensor"

local parts = {}

-- Models by their class. `columns` says what a model calls its columns (nil: nothing) and how many
-- it has; `missing` whether it takes NaN; `file` its name where that is not model.txt; `row`, where
-- there is one, is a fast way to predict one row (F numbers) with the same bits.
local models = {
  ["neap.gbdt.Model"] = {
    name = "gbdt", load = function(path) return gbdt.load(path) end, missing = true,
    columns = function(m)
      local named = false
      for i, name in ipairs(m.feature_names) do named = named or name ~= "Column_" .. i - 1 end
      return named and m.feature_names or nil, #m.feature_names
    end,
    row = function(m, x)
      local values = { m:predict_row(x) }
      if m.classes and #m.classes == 2 then values = { 1 - values[1], values[1] } end
      return tensor.of(values)
    end,
  },
  ["neap.LinearModel"] = {
    name = "linear", load = function(path) return linear.load(path) end, missing = false,
    columns = function(m) return m.feature_names, m.coef.shape[#m.coef.shape] end,
  },
  ["neap.nn.Model"] = {
    name = "nn", load = function(path) return require("neap.nn").load(path) end, missing = false,
    file = "model.safetensors",
    columns = function(m) return m.feature_names, m.num_features end,
  },
}

local by_name = {}
for _, kind in pairs(models) do by_name[kind.name] = kind end

local function class_of(x)
  local meta = type(x) == "table" and getmetatable(x)
  return meta and meta.__name or opts.kind(x)
end

--- What is known of a model's class.
---@param where string
---@param model any
---@return table
function parts.kind_of(where, model)
  local kind = models[class_of(model)]
  if not kind then
    opts.raise("%s: model is %s; models of gbdt, linear and nn can be stored", where,
      class_of(model))
  end
  return kind
end

--- The kind of model of that name.
---@param name string
---@return table?
function parts.kind_named(name) return by_name[name] end

-- A set from a set or from names; functions cannot be kept.
local function set_of(where, x)
  if class_of(x) ~= "neap.features.set" then
    if type(x) ~= "table" then
      opts.raise("%s: features is %s, a set of features is needed", where, opts.kind(x))
    end
    x = features.set(x)
  end
  local names = x:spec()
  for _, name in ipairs(names) do
    if type(name) ~= "string" then
      opts.raise("%s: feature '%s' is a function, which no file can keep; make it a column of the "
        .. "bars, or leave it out", where, tostring(name[1]))
    end
  end
  return x
end

--- The parts as they were given, checked one by one.
---@param where string
---@param o table
---@return table
function parts.check(where, o)
  local p = { by = o.by, cadence = o.cadence, dtype = o.dtype, threshold = o.threshold }
  p.features = set_of(where, o.features)
  p.model, p.calibrator = o.model, o.calibrator
  if class_of(p.model) == "neap.CalibratedModel" then
    if p.calibrator then
      opts.raise("%s: the model is calibrated, and a calibrator is given", where)
    end
    p.model, p.calibrator = o.model.model, o.model.calibrator
  end
  p.kind = parts.kind_of(where, p.model)
  p.classes = p.model.classes
  if p.calibrator then
    if class_of(p.calibrator) ~= "neap.Calibrator" then
      opts.raise("%s: calibrator is %s", where, class_of(p.calibrator))
    end
    if not p.classes then
      opts.raise("%s: the model is a regression, which has nothing to calibrate", where)
    end
    if p.calibrator.input ~= "prob" then
      opts.raise("%s: the calibrator takes logits, one of probabilities is needed", where)
    end
  end
  p.preprocess = o.preprocess
  if p.preprocess ~= nil then
    if class_of(p.preprocess) ~= "neap.Transformer" then
      opts.raise("%s: preprocess is %s", where, class_of(p.preprocess))
    end
    p.preprocess:names() -- raises when it is not fitted
  end
  if p.dtype ~= "f64" and p.dtype ~= "f32" then
    opts.raise("%s: dtype is '%s', one of f64 f32 is expected", where, tostring(p.dtype))
  end
  if p.threshold == nil and p.classes then p.threshold = 0.5 end
  local t = p.threshold
  if t ~= nil and (type(t) ~= "number" or t - t ~= 0 or p.classes and (t < 0 or t > 1)) then
    opts.raise("%s: threshold is %s, %s is expected", where, tostring(t),
      p.classes and "a probability" or "a finite number")
  end
  if p.by ~= nil then opts.expect(where, "option 'by'", p.by, "string") end
  p.features:stream { by = p.by, cadence = p.cadence } -- raises where by or cadence is missing
  return p
end

-- fitting together --------------------------------------------------------------------------------

local function positions(names)
  local at = {}
  for i, name in ipairs(names) do at[name] = i end
  return at
end

-- What the transformer takes of the features: { feature of each input }. One that was fitted on a
-- bare tensor takes all of them in their order.
local function inputs_of(where, p, names)
  local wanted, at, list = p.preprocess.inputs, positions(names), {}
  p.positional = not p.preprocess.schema.named
  if p.positional and #wanted ~= #names then
    opts.raise("%s: preprocess was fitted on %d columns without names, there are %d features",
      where, #wanted, #names)
  end
  for i, name in ipairs(wanted) do
    list[i] = p.positional and i or at[name]
    if not list[i] then
      local near = opts.nearest(name, names)
      opts.raise("%s: preprocess needs column '%s', which is no feature%s", where, name,
        near and (" (is '%s' meant?)"):format(near) or "")
    end
  end
  return list
end

--- Lay out how rows go through the parts: `inputs`, the features that the transformer takes, and
--- for each column of the model its place among the features followed by what the transformer
--- gives. The model's own names decide; without any all columns are taken, those that the
--- transformer replaces in their places and new ones behind.
---@param where string
---@param p table
---@param columns? string[] the model's columns when they are known already
function parts.plan(where, p, columns)
  local names, out, consumed = p.features:names(), {}, {}
  p.feature_names = names
  if p.preprocess then
    p.inputs = inputs_of(where, p, names)
    out = p.preprocess:names()
    p.made_names = out
    for _, i in ipairs(p.inputs) do consumed[i] = true end
  end
  local place, order, given = positions(out), {}, {}
  for i, name in ipairs(names) do
    local to = not p.positional and place[name]
    if to then
      order[#order + 1], given[to] = name, true
    elseif not consumed[i] then
      order[#order + 1] = name
    end
  end
  for k, name in ipairs(out) do
    if not given[k] then order[#order + 1] = name end
  end
  local own, count = p.kind.columns(p.model)
  columns = columns or own
  if not columns and count ~= #order then
    opts.raise("%s: the model has %d columns, features and preprocess give %d (%s)", where, count,
      #order, table.concat(order, ", "))
  end
  p.columns, p.places = columns or order, {}
  if count ~= #p.columns then
    opts.raise("%s: the model has %d columns, not %d", where, count, #p.columns)
  end
  local known, feature_at = positions(order), positions(names)
  for i, name in ipairs(p.columns) do
    if not known[name] then
      opts.raise("%s: the model needs column '%s', which features and preprocess do not give",
        where, name)
    end
    p.places[i] = place[name] and #names + place[name] or feature_at[name]
  end
end

-- files -------------------------------------------------------------------------------------------

local function as_text(where, value)
  if value == nil or type(value) == "string" then return value end
  opts.raise("%s: %s is no text", where, tostring(value))
end

--- Write the parts into a folder; what the manifest says of them.
---@param folder string
---@param p table
---@return table
function parts.write(folder, p)
  local names, options = p.features:spec()
  local said = { features = { names = names, time_zone = options.time_zone, trend = options.trend,
    by = p.by, cadence = p.cadence }, model = p.kind.name, columns = p.columns, dtype = p.dtype,
    threshold = p.threshold, classes = p.classes }
  p.model:save(folder .. "/" .. (p.kind.file or "model.txt"))
  if p.preprocess then
    p.preprocess:save(folder .. "/preprocess.json")
    said.preprocess = true
  end
  if p.calibrator then
    p.calibrator:save(folder .. "/calibrator.txt")
    said.calibrator = true
  end
  return said
end

--- Read the parts that a manifest tells of.
---@param where string
---@param folder string
---@param said table
---@return table
function parts.read(where, folder, said)
  local f = said.features
  local p = { by = as_text(where, f.by), cadence = f.cadence, dtype = said.dtype,
    threshold = said.threshold, kind = parts.kind_named(said.model), classes = said.classes }
  if not p.kind then
    opts.raise("%s: %s holds a model of kind '%s', which this neap does not know", where, folder,
      tostring(said.model))
  end
  p.features = features.set(f.names, { time_zone = f.time_zone, trend = f.trend })
  p.model = p.kind.load(folder .. "/" .. (p.kind.file or "model.txt"))
  if said.preprocess then p.preprocess = preprocess.load(folder .. "/preprocess.json") end
  if said.calibrator then p.calibrator = calibration.load(folder .. "/calibrator.txt") end
  parts.plan(where, p, table.move(said.columns, 1, #said.columns, 1, {}))
  return p
end

return parts
