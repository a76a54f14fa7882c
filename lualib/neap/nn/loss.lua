--- Losses; loaded by neap.nn.
---
--- All take predictions, then what came. `weights` is one number for each sample (or has more of
--- the leading sizes), `reduction` joins the losses w l of samples: "mean" is sum w l / sum w,
--- "sum" their sum, "none" leaves them. The result is a tensor without dims while a gradient is
--- recorded, else a number. The gradient is computed with the loss. An empty batch is an error, and
--- so are weights that are negative or of which a mean has the sum 0. NaN in predictions or in y
--- makes the loss NaN.
local c = require "neap.c.nn"
local nn = require "neap.nn.public"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local plain = { weights = opts.none, reduction = "mean" }

-- Numbers that may be given as an array.
local function numbers(v)
  if type(v) == "table" then return tensor.of(v) end
  return v
end

--- Mean squared error: (x - y)^2. Both may take part in the gradient.
---     nn.mse(tensor.of { 1, 2 }, tensor.of { 1, 4 }) --> 2.0
---@param x neap.tensor predictions
---@param y neap.tensor of the same shape and dtype
---@param o? { weights: neap.tensor, reduction: "mean"|"sum"|"none" }
---@return number|neap.tensor
function nn.mse(x, y, o)
  if not o then return c.mse(x, y) end
  o = opts.merge("nn.mse", plain, o)
  return c.mse(x, y, o.weights, o.reduction)
end

--- Mean absolute error: |x - y|; the gradient at 0 is 0. Both may take part in the gradient.
---     nn.l1(tensor.of { 1, 2 }, tensor.of { 1, 4 }, { reduction = "sum" }) --> 2.0
---@param x neap.tensor predictions
---@param y neap.tensor of the same shape and dtype
---@param o? { weights: neap.tensor, reduction: "mean"|"sum"|"none" }
---@return number|neap.tensor
function nn.l1(x, y, o)
  if not o then return c.l1(x, y) end
  o = opts.merge("nn.l1", plain, o)
  return c.l1(x, y, o.weights, o.reduction)
end

local huber_options = { delta = 1.0, weights = opts.none, reduction = "mean" }

--- Huber's loss: e^2/2 for an error |e| up to `delta`, delta (|e| - delta/2) beyond, so that a wild
--- value pulls no harder than one delta away. Both tensors may take part in the gradient.
---     nn.huber(tensor.of { 0, 0 }, tensor.of { 1, 3 }) --> 1.5
---@param x neap.tensor predictions
---@param y neap.tensor of the same shape and dtype
---@param o? { delta: number, weights: neap.tensor, reduction: "mean"|"sum"|"none" }
---@return number|neap.tensor
function nn.huber(x, y, o)
  o = opts.merge("nn.huber", huber_options, o)
  opts.expect("nn.huber", "option 'delta'", o.delta, "number")
  if not (o.delta > 0 and o.delta < math.huge) then
    opts.raise("nn.huber: delta is %g, must be positive and finite", o.delta)
  end
  return c.huber(x, y, o.weights, o.reduction, o.delta)
end

local quantile_options = { levels = opts.required, weights = opts.none, reduction = "mean" }

local function check_levels(levels)
  if type(levels) ~= "table" or #levels == 0 then
    opts.raise("nn.quantile: option 'levels' must be an array of numbers, as in { 0.1, 0.5, 0.9 }")
  end
  for i, level in ipairs(levels) do
    if type(level) ~= "number" or not (level > 0 and level < 1) then
      opts.raise("nn.quantile: levels[%d] is %s, must be between 0 and 1", i, tostring(level))
    end
  end
  return tensor.of(levels)
end

--- Pinball loss of quantiles: for an error e = y - x at level q it is q e above, (q - 1) e below,
--- so that the best x is the q-quantile of y; the gradient at 0 is 0. x has y's shape and a last
--- dim more, one column for each level. Source: Koenker and Bassett 1978.
---     nn.quantile(tensor.of { { 0, 0 } }, tensor.of { 2 }, { levels = { 0.1, 0.9 } }) --> 1.0
---@param x neap.tensor predictions, [..., levels]
---@param y neap.tensor [...]
---@param o { levels: number[], weights: neap.tensor, reduction: "mean"|"sum"|"none" }
---@return number|neap.tensor
function nn.quantile(x, y, o)
  o = opts.merge("nn.quantile", quantile_options, o)
  return c.quantile(x, y, o.weights, o.reduction, check_levels(o.levels))
end

local bce_options = { pos_weight = opts.none, weights = opts.none, reduction = "mean" }

--- Binary cross entropy of logits x: (1 - y) log(1 + e^x) + pos_weight y log(1 + e^-x), exact also
--- where e^x overflows. y holds 0, 1 or probabilities; `pos_weight` is a number, or one for each
--- column.
---     nn.bce_with_logits(tensor.of { 0, 0 }, tensor.of { 0, 1 }) --> 0.69314718055995
---@param x neap.tensor logits
---@param y neap.tensor of the same shape and dtype
---@param o? { pos_weight: number|number[]|neap.tensor, weights: neap.tensor, reduction: string }
---@return number|neap.tensor
function nn.bce_with_logits(x, y, o)
  if not o then return c.bce_with_logits(x, y) end
  o = opts.merge("nn.bce_with_logits", bce_options, o)
  return c.bce_with_logits(x, y, o.weights, o.reduction, numbers(o.pos_weight))
end

local kl_options = { log_target = false, weights = opts.none, reduction = "mean" }

--- Kullback-Leibler divergence of distributions in rows, sum p (log p - x) over the last dim: x
--- holds logarithms of the probabilities said, y those that are right (their logarithms with
--- `log_target`). A row is a sample, so a mean is PyTorch's "batchmean". y = 0 adds nothing.
---     nn.kl_div(tensor.of({ { 0.5, 0.5 } }):log(), tensor.of { { 1, 0 } }) --> 0.69314718055995
---@param x neap.tensor log-probabilities, [..., K]
---@param y neap.tensor of the same shape and dtype
---@param o? { log_target: boolean, weights: neap.tensor, reduction: "mean"|"sum"|"none" }
---@return number|neap.tensor
function nn.kl_div(x, y, o)
  o = opts.merge("nn.kl_div", kl_options, o)
  return (o.log_target and c.kl_div_log or c.kl_div)(x, y, o.weights, o.reduction)
end

-- Options of a loss of classes: PyTorch's name for class weights is too close to that of samples.
local function merge(where, defaults, o)
  if type(o) == "table" and o.weight ~= nil then
    opts.raise("%s: there is no option 'weight'; class_weights is one number for each class, "
      .. "weights one for each sample", where)
  end
  return opts.merge(where, defaults, o)
end

local function number_in(where, o, name, low, high)
  local v = o[name]
  opts.expect(where, ("option '%s'"):format(name), v, "number")
  if not (v >= low and v <= high and v < math.huge) then
    opts.raise("%s: %s is %g, must be %s", where, name, v,
      high < math.huge and ("from %g to %g"):format(low, high) or "finite and not negative")
  end
end

local cross_options = { class_weights = opts.none, weights = opts.none, label_smoothing = 0.0,
  ignore_index = opts.none, reduction = "mean" }

--- Cross entropy of logits: -log softmax(x)[y], for x [..., K] and class numbers y [...] from 1 to
--- K, integers or floats that hold them. `class_weights` multiply the losses of their class, and a
--- mean divides by the sum of both weights. With `label_smoothing` s the truth is 1 - s for the
--- class and s / K for each. Samples whose y is `ignore_index` do not count. Any other y that is no
--- class is an error that names it. A logit may be -inf: its class is out.
---     nn.cross_entropy(tensor.zeros { 2, 4 }, tensor.of { 1, 4 }) --> 1.3862943611199
---@param x neap.tensor logits, [..., K]
---@param y neap.tensor class numbers, [...]
---@param o? { class_weights: number[]|neap.tensor, weights: neap.tensor, label_smoothing: number,
---  ignore_index: integer, reduction: string }
---@return number|neap.tensor
function nn.cross_entropy(x, y, o)
  if not o then return c.cross_entropy(x, y) end
  o = merge("nn.cross_entropy", cross_options, o)
  number_in("nn.cross_entropy", o, "label_smoothing", 0, 1)
  return c.cross_entropy(x, y, o.weights, o.reduction, numbers(o.class_weights), o.ignore_index,
    o.label_smoothing)
end

local focal_options = { gamma = 2.0, class_weights = opts.none, weights = opts.none,
  ignore_index = opts.none, reduction = "mean" }

--- Focal loss of logits: (1 - p)^gamma (-log p) for the probability p = softmax(x)[y], which takes
--- interest away from samples that are sure already; gamma 0 is cross entropy. Everything else is
--- as in `cross_entropy`. Source: Lin et al. 2017, "Focal loss for dense object detection".
---     nn.focal(tensor.zeros { 1, 2 }, tensor.of { 1 }) --> 0.17328679513999
---@param x neap.tensor logits, [..., K]
---@param y neap.tensor class numbers, [...]
---@param o? { gamma: number, class_weights: number[]|neap.tensor, weights: neap.tensor,
---  ignore_index: integer, reduction: string }
---@return number|neap.tensor
function nn.focal(x, y, o)
  o = merge("nn.focal", focal_options, o)
  number_in("nn.focal", o, "gamma", 0, math.huge)
  return c.focal(x, y, o.weights, o.reduction, numbers(o.class_weights), o.ignore_index, o.gamma)
end

local nll_options = { class_weights = opts.none, weights = opts.none, ignore_index = opts.none,
  reduction = "mean" }

--- Negative log-likelihood: -x[y] for log-probabilities x [..., K]; everything else is as in
--- `cross_entropy`. Of the other classes nothing is read.
---     nn.nll(tensor.of { { -1, -3 } }, tensor.of { 2 }) --> 3.0
---@param x neap.tensor log-probabilities, [..., K]
---@param y neap.tensor class numbers, [...]
---@param o? { class_weights: number[]|neap.tensor, weights: neap.tensor, ignore_index: integer,
---  reduction: string }
---@return number|neap.tensor
function nn.nll(x, y, o)
  if not o then return c.nll(x, y) end
  o = merge("nn.nll", nll_options, o)
  return c.nll(x, y, o.weights, o.reduction, numbers(o.class_weights), o.ignore_index)
end

return nn
