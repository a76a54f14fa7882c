---@meta neap.c.linear
local c = {}

--- A fitted linear model; immutable.
---@class neap.linear
local linear = {}

--- Linear scores: N, or N x K for more than two classes.
---@param x neap.tensor
---@return neap.tensor
function linear:scores(x) end

--- Probabilities, N x K in the order of the classes.
---@param x neap.tensor
---@return neap.tensor
function linear:proba(x) end

--- Labels (i64), or the numbers of a ridge model (f64).
---@param x neap.tensor
---@return neap.tensor
function linear:predict(x) end

--- coef (k x F), intercept (k), mean, scale, classes, iterations, converged.
---@return neap.tensor, neap.tensor, neap.tensor?, neap.tensor?, neap.tensor?, integer, boolean
function linear:state() end

--- Fit; kind is "logistic" or "ridge".
---@param kind string
---@param x neap.tensor
---@param y neap.tensor
---@param weights neap.tensor?
---@param alpha number
---@param intercept boolean
---@param standardize boolean
---@param max_iter integer
---@param tol number
---@return neap.linear
function c.fit(kind, x, y, weights, alpha, intercept, standardize, max_iter, tol) end

--- A model from what `state` gave.
---@param coef neap.tensor
---@param intercept neap.tensor
---@param mean neap.tensor?
---@param scale neap.tensor?
---@param classes neap.tensor?
---@param iterations integer
---@param converged boolean
---@return neap.linear
function c.restore(coef, intercept, mean, scale, classes, iterations, converged) end

return c
