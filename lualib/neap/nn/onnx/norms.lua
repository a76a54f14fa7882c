--- Normalisation, attention and embeddings in ONNX; see neap.nn.onnx.forms.
local forms = require "neap.nn.onnx.forms"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local function plain(t) return t and t:detach() end

-- A parameter, or what stands for it in a layer that has none.
local function parameter(l, name, size, value, like)
  return plain(rawget(l, name)) or tensor.full { size, value = value, dtype = like.dtype }
end

-- normalisation -----------------------------------------------------------------------------------

-- (x - mean) / sqrt(var + eps) w + b over the last dims; opset 13 has no node of its own.
function forms.LayerNorm(g, l, v)
  local weight, axes, x = plain(rawget(l, "weight")), {}, g:last(v).name
  for d = 1, #l.normalized_shape do axes[d] = d - 1 - #l.normalized_shape end
  local centred = g:node("Sub", { x, g:node("ReduceMean", { x }, { axes = axes }) })
  local square = g:node("Mul", { centred, centred })
  local var = g:node("ReduceMean", { square }, { axes = axes })
  local deviation = g:node("Sqrt", { g:node("Add", { var, g:number(l.eps, v.x) }) })
  local y = g:node("Div", { centred, deviation })
  if not weight then return y end
  y = g:node("Mul", { y, g:tensor("weight", weight) })
  local bias = plain(rawget(l, "bias"))
  return bias and g:node("Add", { y, g:tensor("bias", bias) }) or y
end

local function batch_norm(g, l, v)
  if not rawget(l, "running_mean") then
    opts.raise("nn.export_onnx: %s without running statistics has no form in ONNX", l.__name)
  end
  local x, channels = g:first(v), v.x:size(-1)
  local y = g:node("BatchNormalization", { x.name,
    g:tensor("weight", parameter(l, "weight", channels, 1, v.x)),
    g:tensor("bias", parameter(l, "bias", channels, 0, v.x)),
    g:tensor("running_mean", l.running_mean), g:tensor("running_var", l.running_var),
  }, { epsilon = l.eps })
  return { name = y, first = x.first }
end

forms.BatchNorm1d, forms.BatchNorm2d = batch_norm, batch_norm

-- Each group as one channel of an instance norm, which looks at one batch entry at a time.
function forms.GroupNorm(g, l, v)
  local x, channels, groups = g:first(v), v.x:size(-1), l.num_groups
  local as_before, per_channel = { 0, channels }, { channels }
  for d = 2, #v.x.shape - 1 do
    as_before[d + 1], per_channel[d] = v.x:size(d), 1
  end
  local y = g:node("Reshape", { x.name, g:integers { 0, groups, -1 } })
  y = g:node("InstanceNormalization", { y,
    g:tensor("ones", tensor.ones { groups, dtype = v.x.dtype }),
    g:tensor("zeros", tensor.zeros { groups, dtype = v.x.dtype }) }, { epsilon = l.eps })
  y = g:node("Reshape", { y, g:integers(as_before) })
  if rawget(l, "weight") then
    local w, b = plain(l.weight):reshape(per_channel), plain(l.bias):reshape(per_channel)
    y = g:node("Mul", { y, g:tensor("weight", w) })
    y = g:node("Add", { y, g:tensor("bias", b) })
  end
  return { name = y, first = x.first }
end

-- attention ---------------------------------------------------------------------------------------

-- [batch, time, heads x size] as [batch, heads, time, size]
local function split_heads(g, x, heads, size)
  local y = g:node("Reshape", { x, g:integers { 0, 0, heads, size } })
  return g:node("Transpose", { y }, { perm = { 0, 2, 1, 3 } })
end

-- Queries, keys and values of one input side by side in in_proj_weight, as in PyTorch.
function forms.MultiheadAttention(g, l, v)
  local x, size = g:last(v).name, v.x:size(-1)
  local heads, parts = l.num_heads, {}
  for k, name in ipairs { "q", "k", "v" } do
    local w = l.in_proj_weight:detach():slice(1, (k - 1) * size + 1, k * size)
    local b = rawget(l, "in_proj_bias")
    b = b and b:detach():slice(1, (k - 1) * size + 1, k * size)
    parts[k] = split_heads(g, g:affine(x, 3, name .. "_", w, b), heads, size // heads)
  end
  local keys = g:node("Transpose", { parts[2] }, { perm = { 0, 1, 3, 2 } })
  local scores = g:node("Mul", { g:node("MatMul", { parts[1], keys }),
    g:number((size // heads) ^ -0.5, v.x) })
  local y = g:node("MatMul", { g:node("Softmax", { scores }, { axis = -1 }), parts[3] })
  y = g:node("Reshape", { g:node("Transpose", { y }, { perm = { 0, 2, 1, 3 } }),
    g:integers { 0, 0, size } })
  return g:affine(y, 3, "out_", l.out_proj.weight, rawget(l.out_proj, "bias"))
end

-- Two values added, with what they are for the example.
local function sum(g, a, b)
  a, b = g:last(a), g:last(b)
  return { name = g:node("Add", { a.name, b.name }), x = a.x + b.x }
end

function forms.TransformerEncoderLayer(g, l, v, call)
  local function run(x, ...)
    for _, name in ipairs { ... } do x = call(l[name], x, "." .. name) end
    return x
  end
  if l.norm_first then
    v = sum(g, v, run(v, "norm1", "self_attn"))
    return sum(g, v, run(v, "norm2", "linear1", "activation", "linear2"))
  end
  v = run(sum(g, v, run(v, "self_attn")), "norm1")
  return run(sum(g, v, run(v, "linear1", "activation", "linear2")), "norm2")
end

function forms.TransformerEncoder(_, l, v, call)
  v = call(l.layers, v, ".layers")
  return rawget(l, "norm") and call(l.norm, v, ".norm") or v
end

-- What it adds to zeros, as far as the example is long.
function forms.PositionalEncoding(g, l, v)
  return g:node("Add", { g:last(v).name, g:tensor("waves", l(v.x * 0)[1]) })
end

-- Class numbers count from 1 here and from 0 there.
function forms.Embedding(g, l, v)
  local index = v.name
  if v.x.dtype ~= "i64" then index = g:node("Cast", { index }, { to = 7 }) end
  index = g:node("Sub", { index, g:integers(1) })
  return g:node("Gather", { g:tensor("weight", plain(l.weight)), index })
end
