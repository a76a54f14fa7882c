--- An ONNX graph under construction; loaded by neap.nn.onnx.
---
--- A value is { name, x, first }: its name in the file, the tensor it is for the example, and
--- whether the file holds it with channels first ([batch, channels, ...], as ONNX's convolutions
--- want) instead of last. Values change between the two only where a node needs the other.
local class = require "neap.class"
local message = require "neap.nn.onnx.message"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.nn.onnx.graph
local Graph = class "neap.nn.onnx.graph"

function Graph:init()
  self.nodes, self.tensors, self.taken, self.kept, self.path = {}, {}, {}, {}, ""
end

-- A name not yet used, from the path of the layer at work.
local function fresh(g, what)
  local base = g.path == "" and what or g.path .. "." .. what
  local name, k = base, 1
  while g.taken[name] do
    k = k + 1
    name = base .. "_" .. k
  end
  g.taken[name] = true
  return name
end

--- Add a node; the names of its outputs, of which there are `outputs` (1).
---@param op string
---@param inputs string[]
---@param attributes? table<string, any>
---@param outputs? integer
---@return string ...
function Graph:node(op, inputs, attributes, outputs)
  local name, out = fresh(self, op), {}
  for k = 1, opts.integer("node", "outputs", outputs or 1, 1, 1000) do
    out[k] = fresh(self, "out")
  end
  self.nodes[#self.nodes + 1] = message.node(op, name, inputs, out, attributes or {})
  return table.unpack(out)
end

--- A tensor that the file holds, under the layer's path; one that is there is not put twice.
---@param what string
---@param x neap.tensor
---@return string name
function Graph:tensor(what, x)
  local key = table.concat({ self.path, what, x:sha256() }, "\0")
  if not self.kept[key] then
    local name = fresh(self, what)
    self.tensors[#self.tensors + 1] = message.tensor(name, x)
    self.kept[key] = name
  end
  return self.kept[key]
end

--- Whole numbers, as shapes and axes are given to nodes; a number alone has no dimensions.
---@param list integer|integer[]
---@return string name
function Graph:integers(list)
  if type(list) == "table" then return self:tensor("const", tensor.of(list, { dtype = "i64" })) end
  return self:tensor("const", tensor.of({ list }, { dtype = "i64" }):reshape {})
end

--- A number of the dtype of x.
---@param v number
---@param x neap.tensor
---@return string name
function Graph:number(v, x)
  return self:tensor("const", tensor.full({ value = v, dtype = x.dtype }))
end

local to_first = { [3] = { 0, 2, 1 }, [4] = { 0, 3, 1, 2 } }
local to_last = { [3] = { 0, 2, 1 }, [4] = { 0, 2, 3, 1 } }

--- The value with channels first; of two dimensions it is the same.
function Graph:first(v)
  local dims = #v.x.shape
  if v.first or dims < 3 then return v end
  return { name = self:node("Transpose", { v.name }, { perm = to_first[dims] }), x = v.x,
    first = true }
end

--- The value with channels last, as neap has it.
function Graph:last(v)
  if not v.first then return v end
  return { name = self:node("Transpose", { v.name }, { perm = to_last[#v.x.shape] }), x = v.x }
end

--- x w' + b along the last of `dims` dimensions; the parameters are kept as prefix .. "weight" and
--- so on, the weight of a product with more than two dimensions transposed, as "weight_t".
---@param x string
---@param dims integer
---@param prefix string
---@param w neap.tensor outputs x inputs
---@param b? neap.tensor
---@return string name
function Graph:affine(x, dims, prefix, w, b)
  local bias = b and self:tensor(prefix .. "bias", b:detach())
  if dims == 2 then
    return self:node("Gemm", { x, self:tensor(prefix .. "weight", w:detach()), bias },
      { transB = 1 })
  end
  local y = self:node("MatMul", { x, self:tensor(prefix .. "weight_t", w:detach():t()) })
  return bias and self:node("Add", { y, bias }) or y
end

return Graph
