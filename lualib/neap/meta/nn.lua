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

--- How the cells of a recurrent layer stand, and room for their weights in the form that the loops
--- read; it is made when they are first used and again when they have changed.
---@param kind "lstm"|"gru"|"rnn_tanh"|"rnn_relu"
---@param num_layers integer
---@param directions integer 1 or 2
---@return userdata
function c.cells(kind, num_layers, directions) end

--- One layer over x, [batch, time, features]. weights lists weight_ih, weight_hh, bias_ih, bias_hh
--- of every layer and direction, false for a bias that is left out.
---@param cells userdata
---@param layer integer from 1
---@param weights (neap.tensor|false)[]
---@param x neap.tensor
---@param h? neap.tensor directions x batch x hidden
---@param state? neap.tensor the LSTM's c, the same
---@param lengths? neap.tensor i64, batch
---@return neap.tensor y batch x time x (directions hidden)
---@return neap.tensor h directions x batch x hidden
---@return neap.tensor? c the same, of an LSTM
function c.recurrent(cells, layer, weights, x, h, state, lengths) end

--- One step of all layers; h and state are updated in place.
---@param cells userdata
---@param weights (neap.tensor|false)[]
---@param x neap.tensor batch x features
---@param h neap.tensor layers x batch x hidden
---@param state? neap.tensor the LSTM's c, the same
---@return neap.tensor h the last layer's, batch x hidden
function c.recurrent_step(cells, weights, x, h, state) end

return c
