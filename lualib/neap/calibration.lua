--- Calibration: turn scores into probabilities that mean what they say.
---
--- Methods: "temperature" softmax(z / T), "platt" sigmoid(a z + b), "isotonic" a rising line
--- through pooled steps, "beta" sigmoid(a log p - b log(1 - p) + c), "none". z is the log-odds of
--- the input, or the input itself with `input = "logit"`. Fit a calibrator on rows the model was
--- not trained on; which method is best is a question for `select`, which asks held-out folds.
local c = require "neap.c.eval"
local tensor = require "neap.tensor"
local class = require "neap.class"
local design = require "neap.design"
local lines = require "neap.lines"
local metrics = require "neap.metrics"
local opts = require "neap.opts"
local split = require "neap.split"

local calibration = {}

---@class neap.Calibrator
---@field method string
---@field input string "prob" or "logit"
local Calibrator = class "neap.Calibrator"

function Calibrator:init(core)
  local method, logit, columns = core:state()
  self.core, self.method, self.input = core, method, logit and "logit" or "prob"
  self.columns = columns
end

function Calibrator:__tostring()
  local t = self:to_table()
  local text = {}
  for i, value in ipairs(t.parameters) do text[i] = (" %.6g"):format(value) end
  if t.x then text[1] = (" %d knots"):format(#t.x) end
  return ("calibrator %s%s"):format(self.method, table.concat(text, ","))
end

local inputs = { prob = false, logit = true }

local function check_input(where, input)
  if inputs[input] == nil then
    opts.raise("%s: input '%s' is not one of prob logit", where, tostring(input))
  end
  return inputs[input]
end

-- A tensor of class labels, in rising order, from what the user gave.
local function classes_of(classes)
  if type(classes) == "table" then
    classes = table.move(classes, 1, #classes, 1, {})
    table.sort(classes)
    return tensor.of(classes)
  end
  return classes
end

local function fit(where, method, y, p, o)
  local logit = check_input(where, o.input)
  local s = c.sample(where, y, p, o.weights, classes_of(o.classes), "scores", o.skip_nan, 0.5)
  return Calibrator(c.calibrate(s, method, logit))
end

local fit_options = { input = "prob", weights = opts.none, classes = opts.none, skip_nan = false }

--- Fit a calibrator to truth `y` and what the model said, `p`.
---
--- `p` holds N probabilities of the larger class (or N x 2), or logits with `input = "logit"`;
--- temperature and none also take N x K. Fitting is by maximum likelihood: temperature within
--- [0.01, 100]; platt and beta with Platt's smoothed targets (1999), so separable data have a
--- finite answer; beta with slopes >= 0 (Kull 2017). Isotonic pools ties, interpolates linearly
--- between its knots, is flat outside, and stays within [1/(n+2), (n+1)/(n+2)]. One class only is
--- an error.
---     calibration.fit("none", tensor.of { 0, 1 }, tensor.of { 0.2, 0.6 }):apply(0.25) --> 0.25
---@param method "none"|"temperature"|"platt"|"beta"|"isotonic"
---@param y neap.tensor labels, N
---@param p neap.tensor probabilities or logits, N or N x K
---@param o? { input: "prob"|"logit", weights: neap.tensor, classes: integer[], skip_nan: boolean }
---@return neap.Calibrator
function calibration.fit(method, y, p, o)
  return fit("calibration.fit", method, y, p, opts.merge("calibration.fit", fit_options, o))
end

local apply = nil -- the C method, found with the first calibrator

--- Calibrated probability of a number, or of a tensor: N, N x 2 or N x K, the same shape out. A row
--- alone and the same row in a batch give the same bits. NaN gives NaN.
---     calibration.from_table({ method = "platt", parameters = { 1, 0 } }):apply(0.5) --> 0.5
---@param p number|neap.tensor
---@return number|neap.tensor
function Calibrator:apply(p)
  apply = apply or self.core.apply
  return apply(self.core, p)
end

local parameter_names = {
  none = {}, isotonic = {}, temperature = { "temperature" }, platt = { "a", "b" },
  beta = { "a", "b", "c" },
}

--- The calibrator as plain Lua values: method, input, columns, parameters (T | a, b | a, b, c), and
--- the knots x, y of isotonic. `calibration.from_table` is the inverse.
---     calibration.from_table({ method = "none" }):to_table().input --> prob
---@return table
function Calibrator:to_table()
  local method, _, columns, a, b, c3, x, y = self.core:state()
  local all, parameters = { a, b, c3 }, {}
  for i in ipairs(parameter_names[method]) do parameters[i] = all[i] end
  return {
    method = method, input = self.input, columns = columns, parameters = parameters,
    x = x and x:totable(), y = y and y:totable(),
  }
end

local function number_at(list, i, what)
  local v = list and list[i] or 0
  if type(v) ~= "number" then
    opts.raise("calibration.from_table: %s %d is %s, not a number", what, i, tostring(v))
  end
  return v
end

local function to_tensor(values)
  for i in ipairs(values or {}) do number_at(values, i, "knot") end
  return values and tensor.of(values)
end

--- The calibrator that `to_table` gave.
---     calibration.from_table({ method = "temperature", parameters = { 2 } }):apply(0.5) --> 0.5
---@param t table
---@return neap.Calibrator
function calibration.from_table(t)
  local o = opts.merge("calibration.from_table", {
    method = opts.required, input = "prob", columns = 1, parameters = {}, x = opts.none,
    y = opts.none,
  }, t)
  opts.expect("calibration.from_table", "parameters", o.parameters, "table")
  local names = parameter_names[o.method]
  if names and #o.parameters ~= #names then
    opts.raise("calibration.from_table: %s has %d parameters, got %d", o.method, #names,
      #o.parameters)
  end
  local a, b, d = number_at(o.parameters, 1, "parameter"), number_at(o.parameters, 2, "parameter"),
    number_at(o.parameters, 3, "parameter")
  local logit = check_input("calibration.from_table", o.input)
  return Calibrator(c.calibrator(o.method, logit, o.columns, a, b, d, to_tensor(o.x),
    to_tensor(o.y)))
end

-- files -------------------------------------------------------------------------------------------

--- Write the calibrator as a small text file; `calibration.load` reads it back bit for bit.
---     local c = calibration.from_table { method = "none" }
---     pcall(c.save, c, "/dev/null") --> true
---@param path string
function Calibrator:save(path)
  local t = self:to_table()
  local text = { "method " .. t.method, "input " .. t.input, "columns " .. t.columns,
    "parameters " .. lines.join(t.parameters) }
  if t.x then
    text[#text + 1] = "x " .. lines.join(t.x)
    text[#text + 1] = "y " .. lines.join(t.y)
  end
  lines.write(path, "neap calibrator 1", text)
end

--- Read a calibrator that `save` wrote; raises when there is none.
---     pcall(calibration.load, "/dev/null") --> false, ...
---@param path string
---@return neap.Calibrator
function calibration.load(path)
  local t = {}
  lines.read("calibration.load", path, "neap calibrator 1", "a calibrator", function(name, rest)
    if name == "method" or name == "input" then
      t[name] = rest
    elseif name == "columns" then
      t.columns = math.tointeger(tonumber(rest)) or 0
    elseif name == "parameters" or name == "x" or name == "y" then
      t[name] = lines.numbers("calibration.load", path, rest)
    else
      return false
    end
    return true
  end)
  return calibration.from_table(t)
end

-- choosing ----------------------------------------------------------------------------------------

-- The rows of a tensor in the given ranges.
local function pick(x, ranges)
  local parts = {}
  for i, range in ipairs(ranges) do parts[i] = x:slice(1, range[1], range[2]) end
  return #parts == 1 and parts[1] or tensor.cat(parts)
end

local judges = { log_loss = metrics.log_loss, brier = metrics.brier, ece = metrics.ece }

-- Every row calibrated by a calibrator that was fitted on the other folds, in row order.
local function held_out(method, y, p, folds, o)
  local out, logit = {}, check_input("calibration.select", o.input)
  for i, fold in ipairs(folds) do
    local weights = o.weights and pick(o.weights, fold.train)
    local s = c.sample("calibration.select", pick(y, fold.train), pick(p, fold.train), weights,
      o.classes, "scores", false, 0.5)
    if s:one_class() then
      opts.raise("calibration.select: y holds one class only in the training rows of fold %d", i)
    end
    out[i] = c.calibrate(s, method, logit):apply(pick(p, { fold.test }))
  end
  return tensor.cat(out)
end

local select_options = {
  methods = { "none", "temperature", "platt", "isotonic" }, folds = 5, metric = "log_loss",
  purge = 0, embargo = 0, input = "prob", weights = opts.none, classes = opts.none,
}

--- The method that does best on held-out rows, refitted on all of them.
---
--- Each method is fitted on all folds but one and judged on that one, for `folds` contiguous folds
--- (in time order, never shuffled; `purge` and `embargo` as in `split.purged_kfold`); the metric
--- ("log_loss", "brier" or "ece") is taken over all held-out rows together. On the rows a method
--- was fitted on isotonic always wins, which says nothing. "none" competes; of equals the first
--- named wins. The second result is an array of { method, score } in the order of `methods`.
---     local y, p = tensor.of { 0, 1, 1, 0 }, tensor.of { 0.25, 0.75, 0.75, 0.25 }
---     calibration.select(y, p, { methods = { "none" }, folds = 2 }).method --> none
---@param y neap.tensor labels, N, in time order
---@param p neap.tensor probabilities or logits, N or N x K
---@param o? { methods: string[], folds: integer, purge: integer, input: "prob"|"logit" } and
---  metric: "log_loss"|"brier"|"ece"
---@return neap.Calibrator
---@return { method: string, score: number }[]
function calibration.select(y, p, o)
  o = opts.merge("calibration.select", select_options, o)
  local judge = judges[o.metric]
  if not judge then
    opts.unknown("calibration.select", "metric", o.metric, { "log_loss", "brier", "ece" })
  end
  opts.expect("calibration.select", "methods", o.methods, "table")
  if #o.methods == 0 then opts.raise("calibration.select: methods is empty") end
  o.skip_nan = false
  local given = classes_of(o.classes)
  local s = c.sample("calibration.select", y, p, o.weights, given, "scores", false, 0.5)
  o.classes = s:classes()
  local folds = split.purged_kfold(y, { folds = o.folds, purge = o.purge, embargo = o.embargo })
  local scores, best = {}, nil
  for i, method in ipairs(o.methods) do
    local out = held_out(method, y, p, folds, o)
    local score = judge(y, out, { weights = o.weights, classes = o.classes })
    scores[i] = { method = method, score = score }
    if not best or score < best.score then best = scores[i] end
  end
  return fit("calibration.select", best.method, y, p, o), scores
end

-- wrapping ----------------------------------------------------------------------------------------

---@class neap.CalibratedModel
local Calibrated = class "neap.CalibratedModel"

function Calibrated:init(model, calibrator)
  opts.expect("calibration.wrap", "model", model, "table")
  self.model, self.calibrator, self.classes = model, calibrator, model.classes
end

function Calibrated:__tostring()
  return ("calibrated model: %s after %s"):format(tostring(self.calibrator), tostring(self.model))
end

--- Calibrated probabilities, in the shape the model gives them.
---     local m = linear.fit(tensor.of { { 0 }, { 1 } }, tensor.of { 0, 1 })
---     local c = calibration.from_table { method = "temperature", parameters = { 1 } }
---     calibration.wrap(m, c):predict_proba(tensor.of { { 0 }, { 1 } }).shape[2] --> 2
---@param x neap.tensor
---@return neap.tensor
function Calibrated:predict_proba(x) return self.calibrator:apply(self.model:predict_proba(x)) end

local function argmax(row)
  local best = 1
  for k = 2, #row do if row[k] > row[best] then best = k end end
  return best
end

--- The label whose calibrated probability is largest, the first of equals; of two classes the
--- larger one when its probability exceeds `threshold` (0.5).
---     local m = linear.fit(tensor.of { { 0 }, { 1 } }, tensor.of { 0, 1 })
---     local c = calibration.from_table { method = "temperature", parameters = { 1 } }
---     calibration.wrap(m, c):predict(tensor.of { { 0 }, { 1 } })[2] --> 1
---@param x neap.tensor
---@param o? { threshold: number }
---@return neap.tensor
function Calibrated:predict(x, o)
  o = opts.merge("calibrated model:predict", { threshold = 0.5 }, o)
  local classes, p = self.classes, self:predict_proba(x)
  if type(classes) == "table" then classes = tensor.of(classes, { dtype = "i64" }) end
  if #p.shape == 2 and p:size(2) == 2 then p = p:transpose(1, 2)[2] end
  if #p.shape == 1 then return classes:take(p:gt(o.threshold):to "i64" + 1) end
  local best = {}
  for i, row in ipairs(p:totable()) do best[i] = argmax(row) end
  return classes:take(tensor.of(best, { dtype = "i64" }))
end

-- The calibrator that `select` finds on data. A dataset goes to the model whole, names and all.
local function of_dataset(model, D, o)
  local x, y, weights = design.pair("calibration.wrap", D)
  if design.is_dataset(D) then x = D end
  if weights and not (o and o.weights) then
    local own = { weights = weights }
    for name, value in pairs(o or {}) do own[name] = value end
    o = own
  end
  return (calibration.select(y, model:predict_proba(x), o))
end

--- A model whose `predict_proba` passes through a calibrator; `predict` and `classes` follow. In
--- place of a calibrator it takes a dataset (or a table with x and y) the model has not seen, on
--- which `select` then chooses one, with the weights there are.
---     local m = linear.fit(tensor.of { { 0 }, { 1 } }, tensor.of { 0, 1 })
---     calibration.wrap(m, calibration.from_table { method = "none" }).classes[2] --> 1
---@param model table anything with `predict_proba` and `classes`
---@param calibrator neap.Calibrator|table
---@param o? table options of `calibration.select`, for a dataset
---@return neap.CalibratedModel
function calibration.wrap(model, calibrator, o)
  if design.is_data(calibrator) then
    calibrator = of_dataset(model, calibrator, o)
  end
  if not class.is(calibrator, Calibrator) then
    opts.raise("calibration.wrap: a calibrator expected, got %s", type(calibrator))
  end
  return Calibrated(model, calibrator)
end

return calibration
