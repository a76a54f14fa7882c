---@meta neap.c.nn
local c = {}

--- What an optimizer keeps, and the tensors it changes.
---@class neap.optimizer
local optimizer = {}

--- An option of a group ("lr", "beta1"), or nil when the method has none such.
---@param group integer
---@param name string
---@return number|boolean|nil
function optimizer:get(group, name) end

--- Set an option of a group; false when the method has none such.
---@param group integer
---@param name string
---@param value number|boolean
---@return boolean
function optimizer:set(group, name, value) end

--- Change all parameters that have a gradient; the means, for an optimizer of kind "ema".
function optimizer:step() end

--- Forget the gradients of all parameters.
function optimizer:zero_grad() end

--- Exchange parameters and means, of kind "ema".
function optimizer:swap() end

--- Copies of what is kept for parameter i by name, its steps and its group.
---@param i integer
---@return table<string, neap.tensor>, integer, integer
function optimizer:state(i) end

--- Put back what `state` gave.
---@param i integer
---@param state table<string, neap.tensor>
---@param steps integer
function optimizer:restore(i, state, steps) end

--- An optimizer: "SGD", "Adam", "AdamW", "RMSProp", "Lion", or "ema", for an array of tensors and
--- the number of the group of each, rising from 1. All options are 0.
---@param method string
---@param parameters neap.tensor[]
---@param groups integer[]
---@return neap.optimizer
function c.optimizer(method, parameters, groups) end

--- The norm of all gradients, which are scaled down to max_norm where it is larger.
---@param parameters neap.tensor[]
---@param max_norm number
---@param norm_type number
---@param finite boolean
---@return number
function c.clip_norm(parameters, max_norm, norm_type, finite) end

--- Cut gradients off at -max and max.
---@param parameters neap.tensor[]
---@param max number
function c.clip_value(parameters, max) end

return c
