--- Containers, shapes, activations and the affine layer in ONNX; see neap.nn.onnx.forms.
local forms = require "neap.nn.onnx.forms"
local tensor = require "neap.tensor"

local function last_dim(v, d) return d < 0 and d + #v.x.shape or d - 1 end

-- shapes and containers ---------------------------------------------------------------------------

function forms.Sequential(_, l, v, call)
  for i = 1, #l do v = call(l[i], v, ("[%d]"):format(i)) end
  return v
end

-- Values put together along a dim, counted as neap does.
local function concat(g, l, parts)
  local names, xs = {}, {}
  for i, part in ipairs(parts) do
    local value = g:last(part)
    names[i], xs[i] = value.name, value.x
  end
  return { name = g:node("Concat", names, { axis = last_dim(parts[1], l.dim) }),
    x = tensor.cat(xs, l.dim) }
end

function forms.Concat(g, l, v, call)
  local parts = {}
  for i = 1, #l do parts[i] = call(l[i], v, ("[%d]"):format(i)) end
  return concat(g, l, parts)
end

function forms.Parallel(g, l, vs, call)
  local parts = {}
  for i = 1, #l do parts[i] = call(l[i], vs[i], ("[%d]"):format(i)) end
  return concat(g, l, parts)
end

function forms.Residual(g, l, v, call)
  local inner = g:last(call(l.inner, v, ".inner"))
  local beside = rawget(l, "shortcut") and call(l.shortcut, v, ".shortcut") or v
  beside = g:last(beside)
  return { name = g:node("Add", { beside.name, inner.name }), x = beside.x + inner.x }
end

function forms.Flatten(g, _, v) return g:node("Flatten", { g:last(v).name }, { axis = 1 }) end

function forms.Last(g, _, v)
  return g:node("Gather", { g:last(v).name, g:integers(-1) }, { axis = 1 })
end

function forms.Permute(g, l, v)
  local perm = {}
  for i, d in ipairs(l.order) do perm[i] = last_dim(v, d) end
  return g:node("Transpose", { g:last(v).name }, { perm = perm })
end

-- activations -------------------------------------------------------------------------------------

-- Element by element: the layout of channels stays.
local function each(op, attributes)
  return function(g, l, v)
    return { name = g:node(op, { v.name }, attributes and attributes(l)), first = v.first }
  end
end

forms.ReLU, forms.Tanh, forms.Sigmoid = each "Relu", each "Tanh", each "Sigmoid"
forms.Softplus = each "Softplus"
forms.LeakyReLU = each("LeakyRelu", function(l) return { alpha = l.slope + 0.0 } end)
forms.ELU = each("Elu", function(l) return { alpha = l.alpha + 0.0 } end)

function forms.Identity(_, _, v) return v end
function forms.Dropout(_, _, v) return v end

function forms.SiLU(g, _, v)
  return { name = g:node("Mul", { v.name, g:node("Sigmoid", { v.name }) }), first = v.first }
end

-- x (1 + erf(x / sqrt 2)) / 2
function forms.GELU(g, _, v)
  local erf = g:node("Erf", { g:node("Mul", { v.name, g:number(math.sqrt(0.5), v.x) }) })
  local sum = g:node("Add", { erf, g:number(1, v.x) })
  local half = g:node("Mul", { v.name, g:number(0.5, v.x) })
  return { name = g:node("Mul", { half, sum }), first = v.first }
end

local function along(op)
  return function(g, l, v)
    return g:node(op, { g:last(v).name }, { axis = last_dim(v, l.dim) })
  end
end

forms.Softmax, forms.LogSoftmax = along "Softmax", along "LogSoftmax"

-- x W' + b
function forms.Linear(g, l, v)
  return g:affine(g:last(v).name, #v.x.shape, "", l.weight, rawget(l, "bias"))
end
