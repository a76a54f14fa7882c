---@meta neap.c.nn
local c = {}

--- A convolution of x, [batch, time, channels] or [batch, height, width, channels], with a weight
--- of 3 or 4 dims, and an activation: "none", "relu", "leaky_relu" (of a slope in [0, 1]), "tanh"
--- or "sigmoid". Each pair is of height, or time, and width, which a sequence does not use.
---@param x neap.tensor
---@param weight neap.tensor [features, channels / groups, taps..]
---@param bias? neap.tensor
---@param activation string
---@param slope number
---@param stride integer
---@param stride_width integer
---@param before integer zeros before the first line
---@param before_width integer
---@param after integer
---@param after_width integer
---@param dilation integer
---@param dilation_width integer
---@param groups integer
---@return neap.tensor
function c.conv(x, weight, bias, activation, slope, stride, stride_width, before, before_width,
  after, after_width, dilation, dilation_width, groups) end

--- A transposed convolution of sequences.
---@param x neap.tensor
---@param weight neap.tensor [channels, features / groups, taps]
---@param bias? neap.tensor
---@param stride integer
---@param padding integer
---@param dilation integer
---@param groups integer
---@param output_padding integer
---@return neap.tensor
function c.conv_transpose(x, weight, bias, stride, padding, dilation, groups, output_padding) end

--- The largest element ("max") or the mean ("avg", "adaptive_avg") of windows; for the last kind
--- the size is the number of outputs, and what follows is not used.
---@param x neap.tensor
---@param kind string
---@param size integer
---@param size_width integer
---@param stride integer
---@param stride_width integer
---@param padding integer
---@param padding_width integer
---@param ceil_mode boolean
---@param count_include_pad boolean
---@return neap.tensor
function c.pool(x, kind, size, size_width, stride, stride_width, padding, padding_width, ceil_mode,
  count_include_pad) end

return c
