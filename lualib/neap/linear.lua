--- Linear models with an L2 penalty: logistic regression and ridge regression.
local c = require "neap.c.linear"
local class = require "neap.class"
local design = require "neap.design"
local json = require "neap.json"
local lines = require "neap.lines"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local linear = {}

--- A fitted linear model; nothing changes it.
---@class neap.LinearModel
---@field kind string "logistic" or "ridge"
---@field classes integer[]? labels in rising order; nil for ridge
---@field feature_names string[]? of the columns, where the data had names
---@field coef neap.tensor F (two classes, ridge) or K x F; of standardised columns if `mean` is set
---@field intercept number|neap.tensor a number, or K of them
---@field mean neap.tensor? F column means taken off before the coefficients apply
---@field scale neap.tensor? F deviations divided by
---@field iterations integer Newton steps taken
---@field converged boolean
local Model = class "neap.LinearModel"

class.strict(Model, "linear model", { "core", "kind", "classes", "feature_names", "coef",
  "intercept", "mean", "scale", "iterations", "converged" },
  { coef_ = "m.coef", intercept_ = "m.intercept", classes_ = "m.classes",
    n_iter_ = "m.iterations", params = "m.coef and m.intercept",
    score = "metrics.report(y, m:predict_proba(x))", fit = "linear.fit(x, y, options)" })

local function integers(values)
  for i, v in ipairs(values) do values[i] = math.tointeger(v) end
  return values
end

function Model:init(core, names)
  local coef, intercept, mean, scale, classes, iterations, converged = core:state()
  local one = #intercept == 1
  self.core, self.feature_names = core, names
  self.kind = classes and "logistic" or "ridge"
  self.classes = classes and integers(classes:totable())
  self.coef, self.intercept = one and coef[1] or coef, one and intercept[1] or intercept
  self.mean, self.scale, self.iterations, self.converged = mean, scale, iterations, converged
end

function Model:__tostring()
  local columns = self.coef.shape[#self.coef.shape]
  local what = self.classes and (" of %d classes"):format(#self.classes) or ""
  return ("linear model (%s%s, %d columns, %d iterations%s)"):format(self.kind, what, columns,
    self.iterations, self.converged and "" or ", not converged")
end

local logistic_options = {
  kind = "logistic", penalty = "l2", C = opts.none, alpha = opts.none, weights = opts.none,
  intercept = true, standardize = false, max_iter = 100, tol = 1e-8,
}

-- The strength of the penalty: alpha, or 1/C.
local function strength(o)
  if o.penalty == "none" then
    if o.C or o.alpha then opts.raise("linear.fit: penalty 'none' takes neither C nor alpha") end
    return 0
  end
  if o.penalty ~= "l2" then
    opts.raise("linear.fit: penalty '%s' is not one of l2 none", tostring(o.penalty))
  end
  if o.C and o.alpha then opts.raise("linear.fit: C is 1/alpha: give one of them") end
  if o.C and not (type(o.C) == "number" and o.C > 0) then
    opts.raise("linear.fit: C is %s, must be a positive number", tostring(o.C))
  end
  return o.alpha or (o.C and 1 / o.C) or 1
end

--- Fit a linear model to a tensor X of N x F and y, or to a dataset, whose names and weights are
--- taken along. Of a frame the columns of numbers are taken. Predictions find the columns of frames
--- by name, and refuse datasets that lack a feature or have them in another order.
---
--- kind "logistic" minimises sum of w * log loss + alpha/2 |b|^2 by Newton's method; y holds
--- integer labels of two or more classes. kind "ridge" minimises sum of w (y - x b - b0)^2 + alpha
--- |b|^2. `C` is 1/alpha; both default to 1; the intercept is never penalised. `standardize = true`
--- fits, and later predicts, on columns of mean 0 and deviation 1, which makes the penalty fair and
--- the coefficients comparable. NaN in X or y is an error that names its place. The bits do not
--- depend on the number of threads.
---     linear.fit(tensor.of { { 0 }, { 2 } }, tensor.of { 3, 7 }).classes[2] --> 7
---@param x neap.tensor|table N x F, or a dataset
---@param y? neap.tensor|table N labels or numbers; the options when x is a dataset
---@param o? { kind: string, C: number, alpha: number, penalty: string, standardize: boolean }
---@return neap.LinearModel
function linear.fit(x, y, o)
  local names, weights = nil, nil
  if design.is_data(x) then
    o = y
    x, y, weights, names = design.pair("linear.fit", x)
  elseif design.is_frame(x) then
    x, names = design.matrix(x)
  elseif type(x) == "table" then
    opts.raise "linear.fit: x is an array; tensor.of(x) makes the tensor that is needed"
  end
  o = opts.merge("linear.fit", logistic_options, o)
  if o.kind ~= "logistic" and o.kind ~= "ridge" then
    opts.raise("linear.fit: kind '%s' is not one of logistic ridge", tostring(o.kind))
  end
  return Model(c.fit(o.kind, x, y, o.weights or weights, strength(o), o.intercept, o.standardize,
    o.max_iter, o.tol), names)
end

local function inputs(m, where, x) return design.inputs(where, x, m.feature_names) end

--- Linear scores of N x F: the log-odds of the larger class (N), one logit a class (N x K), or what
--- ridge predicts (N). F numbers count as one row.
---     local m = linear.fit(tensor.of { { 0 }, { 2 } }, tensor.of { 1, 4 }, { kind = "ridge" })
---     m:decision(tensor.of { { 1 } })[1] --> 2.5
---@param x neap.tensor
---@return neap.tensor
function Model:decision(x) return self.core:scores(inputs(self, "linear.decision", x)) end

--- Probabilities, N x K, in the order of `classes`.
---     local m = linear.fit(tensor.of { { -1 }, { 1 } }, tensor.of { 0, 1 })
---     m:predict_proba(tensor.of { { 0 } }):get(1, 2) --> 0.5
---@param x neap.tensor
---@return neap.tensor
function Model:predict_proba(x)
  return self.core:proba(inputs(self, "linear.predict_proba", x))
end

--- The label with the largest probability (i64), or the numbers that ridge predicts (f64).
---     linear.fit(tensor.of { { 0 }, { 2 } }, tensor.of { 3, 7 }):predict(tensor.of { 5 })[1] --> 7
---@param x neap.tensor
---@return neap.tensor
function Model:predict(x) return self.core:predict(inputs(self, "linear.predict", x)) end

local fields = { "coef", "intercept", "mean", "scale", "classes" }

--- The model as plain Lua tables; `linear.from_table` is the inverse.
---     linear.fit(tensor.of { { 0 }, { 2 } }, tensor.of { 3, 7 }):to_table().classes[1] --> 3.0
---@return table
function Model:to_table()
  local t = { iterations = self.iterations, converged = self.converged,
    names = self.feature_names }
  local values = table.pack(self.core:state())
  for i, name in ipairs(fields) do t[name] = values[i] and values[i]:totable() end
  return t
end

local function to_tensor(values) return values and tensor.of(values) end

--- The model that `to_table` gave.
---     linear.from_table({ coef = { { 2 } }, intercept = { 1 } }).coef[1] --> 2.0
---@param t table
---@return neap.LinearModel
function linear.from_table(t)
  local o = opts.merge("linear.from_table", {
    coef = opts.required, intercept = opts.required, mean = opts.none, scale = opts.none,
    classes = opts.none, iterations = 0, converged = true, names = opts.none,
  }, t)
  return Model(c.restore(to_tensor(o.coef), to_tensor(o.intercept), to_tensor(o.mean),
    to_tensor(o.scale), to_tensor(o.classes), o.iterations, o.converged), o.names)
end

--- Write the model as a small text file; `linear.load` reads it back bit for bit.
---     local m = linear.from_table { coef = { { 2 } }, intercept = { 1 } }
---     pcall(m.save, m, "/dev/null") --> true
---@param path string
function Model:save(path)
  local t = self:to_table()
  local text = { "iterations " .. t.iterations, "converged " .. (t.converged and 1 or 0) }
  for _, name in ipairs(t.names or {}) do text[#text + 1] = "name " .. json.encode(name) end
  for _, row in ipairs(t.coef) do text[#text + 1] = "coef " .. lines.join(row) end
  for i = 2, #fields do
    local values = t[fields[i]]
    if values then text[#text + 1] = fields[i] .. " " .. lines.join(values) end
  end
  lines.write(path, "neap linear 1", text)
end

--- Read a model that `save` wrote; raises when there is none.
---     pcall(linear.load, "/dev/null") --> false, ...
---@param path string
---@return neap.LinearModel
function linear.load(path)
  local t = { coef = {} }
  lines.read("linear.load", path, "neap linear 1", "a linear model", function(name, rest)
    if name == "name" then
      t.names = t.names or {}
      t.names[#t.names + 1] = json.decode(rest, path)
      return true
    end
    local values = lines.numbers("linear.load", path, rest)
    if name == "coef" then t.coef[#t.coef + 1] = values
    elseif name == "iterations" then t.iterations = math.tointeger(values[1]) or 0
    elseif name == "converged" then t.converged = values[1] == 1
    else t[name] = values end
    return true
  end)
  return linear.from_table(t)
end

return linear
