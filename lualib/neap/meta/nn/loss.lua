---@meta neap.c.nn
local c = {}

--- (x - y)^2.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param reduction? string
---@return number|neap.tensor
function c.mse(x, y, weights, reduction) end

--- |x - y|.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param reduction? string
---@return number|neap.tensor
function c.l1(x, y, weights, reduction) end

--- Huber's loss.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param reduction? string
---@param delta number
---@return number|neap.tensor
function c.huber(x, y, weights, reduction, delta) end

--- The pinball loss.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param reduction? string
---@param levels neap.tensor
---@return number|neap.tensor
function c.quantile(x, y, weights, reduction, levels) end

--- Binary cross entropy of logits.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param reduction? string
---@param pos_weight? number|neap.tensor
---@return number|neap.tensor
function c.bce_with_logits(x, y, weights, reduction, pos_weight) end

--- Kullback-Leibler divergence of rows, y being probabilities.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param reduction? string
---@return number|neap.tensor
function c.kl_div(x, y, weights, reduction) end

--- Kullback-Leibler divergence of rows, y being logarithms of probabilities.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param reduction? string
---@return number|neap.tensor
function c.kl_div_log(x, y, weights, reduction) end

--- Cross entropy of logits.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param reduction? string
---@param class_weights? neap.tensor
---@param ignore_index? integer
---@param label_smoothing? number
---@return number|neap.tensor
function c.cross_entropy(x, y, weights, reduction, class_weights, ignore_index, label_smoothing) end

--- Focal loss of logits.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param reduction? string
---@param class_weights? neap.tensor
---@param ignore_index? integer
---@param gamma? number
---@return number|neap.tensor
function c.focal(x, y, weights, reduction, class_weights, ignore_index, gamma) end

--- Negative log-likelihood.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param reduction? string
---@param class_weights? neap.tensor
---@param ignore_index? integer
---@return number|neap.tensor
function c.nll(x, y, weights, reduction, class_weights, ignore_index) end

return c
