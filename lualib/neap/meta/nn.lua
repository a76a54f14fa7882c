---@meta neap.c.nn
local c = {}

--- x, [..., inputs], times the transpose of weight, [outputs, inputs], plus bias, [outputs].
---@param x neap.tensor
---@param weight neap.tensor
---@param bias? neap.tensor
---@return neap.tensor
function c.linear(x, weight, bias) end

--- An activation, "leaky_relu" or "elu" with its parameter, "silu" or "gelu".
---@param name string
---@param x neap.tensor
---@param parameter? number
---@return neap.tensor
function c.activate(name, x, parameter) end

--- (x - mean) / sqrt(var + eps) weight + bias over the last dims, whose sizes follow.
---@param x neap.tensor
---@param weight? neap.tensor
---@param bias? neap.tensor
---@param eps number
---@param ... integer
---@return neap.tensor
function c.layer_norm(x, weight, bias, eps, ...) end

--- The same over groups of adjacent channels, the last dim, and all dims but the first.
---@param x neap.tensor
---@param weight? neap.tensor
---@param bias? neap.tensor
---@param num_groups integer
---@param eps number
---@return neap.tensor
function c.group_norm(x, weight, bias, num_groups, eps) end

--- The same for each channel over all other dims; running moments follow in training.
---@param x neap.tensor
---@param weight? neap.tensor
---@param bias? neap.tensor
---@param running_mean? neap.tensor
---@param running_var? neap.tensor
---@param training boolean
---@param momentum number
---@param eps number
---@return neap.tensor
function c.batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps) end

--- Elements become 0 with probability p, or are multiplied by 1 / (1 - p).
---@param x neap.tensor
---@param p number
---@param key integer of the stream that decides
---@return neap.tensor
function c.dropout(x, p, key) end

--- Rows of weight by class numbers from 1; padding_idx is 0 for none.
---@param index neap.tensor
---@param weight neap.tensor
---@param padding_idx integer
---@return neap.tensor
function c.embedding(index, weight, padding_idx) end

--- Attention, of query, key and value side by side where key and value are nil, of key and value
--- side by side where value is. With weights also the softmax of every head.
---@param query neap.tensor
---@param key? neap.tensor
---@param value? neap.tensor
---@param num_heads integer
---@param causal boolean
---@param mask? neap.tensor
---@param padding? neap.tensor
---@param lengths? neap.tensor
---@param dropout number
---@param stream integer
---@param weights boolean
---@return neap.tensor
---@return neap.tensor?
function c.attention(query, key, value, num_heads, causal, mask, padding, lengths, dropout, stream, weights) end

return c
