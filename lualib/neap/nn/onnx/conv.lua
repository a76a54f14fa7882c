--- Convolutions and pools in ONNX; see neap.nn.onnx.forms. They want channels first.
local forms = require "neap.nn.onnx.forms"
local opts = require "neap.opts"

-- The zeros in front of all dims, then those behind.
local function pads(before, after)
  return table.move(after, 1, #after, #before + 1, table.move(before, 1, #before, 1, {}))
end

local function convolution(op)
  return function(g, l, v)
    local bias = rawget(l, "bias")
    local attributes = { kernel_shape = l.kernel, strides = l.stride, dilations = l.dilation,
      pads = pads(l.before, l.after), group = l.groups }
    if op == "ConvTranspose" then attributes.output_padding = { l.output_padding } end
    return { first = true, name = g:node(op, { g:first(v).name,
      g:tensor("weight", l.weight:detach()), bias and g:tensor("bias", bias:detach()) },
      attributes) }
  end
end

forms.Conv1d, forms.Conv2d = convolution "Conv", convolution "Conv"
forms.ConvTranspose1d = convolution "ConvTranspose"

-- Zeros behind dim d, so many more than `padding` as the last window sticks out (ceil_mode): said
-- so, it is the same to every reader.
local function behind(v, y, d, kernel, stride, padding)
  return math.max(padding, (y:size(d + 1) - 1) * stride + kernel - v.x:size(d + 1) - padding)
end

local function pool(op, dims)
  return function(g, l, v)
    local y, given = l(v.x), l.geometry
    local kernel, stride = { given[1], given[2] }, { given[3], given[4] }
    local before, after, sticks_out = { given[5], given[6] }, {}, false
    for d = 1, 2 do
      if d > dims then kernel[d], stride[d], before[d] = nil, nil, nil
      else
        after[d] = behind(v, y, d, kernel[d], stride[d], before[d])
        sticks_out = sticks_out or after[d] > before[d]
      end
    end
    local attributes = { kernel_shape = kernel, strides = stride, pads = pads(before, after) }
    if op == "AveragePool" then
      if sticks_out and given[8] then
        opts.raise("nn.export_onnx: %s: a last window that sticks out (ceil_mode) and counts its "
          .. "padding has no form in ONNX; count_include_pad = false has", l.__name)
      end
      attributes.count_include_pad = given[8] and 1 or 0
    end
    return { first = true, x = y, name = g:node(op, { g:first(v).name }, attributes) }
  end
end

forms.MaxPool1d, forms.MaxPool2d = pool("MaxPool", 1), pool("MaxPool", 2)
forms.AvgPool1d, forms.AvgPool2d = pool("AveragePool", 1), pool("AveragePool", 2)

-- Windows that share out the input evenly; of the whole of it there is one.
local function adaptive(dims)
  return function(g, l, v)
    local outputs, kernel = { l.height, l.width }, {}
    for d = 1, dims do
      local size = v.x:size(d + 1)
      if size % outputs[d] ~= 0 then
        opts.raise("nn.export_onnx: %s: %d windows over a size of %d are uneven, which has no form "
          .. "in ONNX", l.__name, outputs[d], size)
      end
      kernel[d] = size // outputs[d]
    end
    return { first = true, name = g:node("AveragePool", { g:first(v).name },
      { kernel_shape = kernel, strides = kernel }) }
  end
end

forms.AdaptiveAvgPool1d, forms.AdaptiveAvgPool2d = adaptive(1), adaptive(2)
