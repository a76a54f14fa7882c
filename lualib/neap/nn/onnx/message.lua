--- Bytes of ONNX files: its messages in the wire format of protocol buffers, and their fields as
--- onnx.proto numbers them. Loaded by neap.nn.onnx.
---
--- A message is a run of fields: a key (number << 3 | kind) and a value, where kind 0 is a whole
--- number, seven bits to a byte, 2 a length and as many bytes, 5 four bytes. Fields that repeat
--- stand one behind the other. https://protobuf.dev/programming-guides/encoding
local c = require "neap.c.tensor"

local message = {}

--- A whole number, negative ones as 64 bits, lower bits first.
---@param v integer
---@return string
function message.varint(v)
  local bytes = {}
  repeat
    local low = v & 0x7f
    v = v >> 7
    bytes[#bytes + 1] = string.char(v == 0 and low or low | 0x80)
  until v == 0
  return table.concat(bytes)
end

local varint = message.varint

--- A field that holds a whole number.
function message.integer(field, v) return varint(field << 3) .. varint(v) end

--- A field that holds a text, bytes or another message.
function message.bytes(field, text) return varint(field << 3 | 2) .. varint(#text) .. text end

--- A field that holds a 32-bit float.
function message.float(field, v) return varint(field << 3 | 5) .. ("<f"):pack(v) end

local integer, bytes, float = message.integer, message.bytes, message.float

-- The same field once for each of a list.
local function each(write, field, list)
  local parts = {}
  for i, v in ipairs(list) do parts[i] = write(field, v) end
  return table.concat(parts)
end

local elem_type = { f32 = 1, u8 = 2, i32 = 6, i64 = 7, bool = 9, f64 = 11 }

--- TensorProto: the elements of a tensor under a name.
---@param name string
---@param x neap.tensor
---@return string
function message.tensor(name, x)
  return each(integer, 1, x.shape) .. integer(2, elem_type[x.dtype]) .. bytes(8, name)
    .. bytes(9, c.bytes(x))
end

local FLOAT, INT, STRING, FLOATS, INTS = 1, 2, 3, 6, 7

-- The value of an attribute: its field, and the field that says what it is.
local function attribute_value(v)
  if math.type(v) == "integer" then return integer(3, v) .. integer(20, INT) end
  if math.type(v) == "float" then return float(2, v) .. integer(20, FLOAT) end
  if type(v) == "string" then return bytes(4, v) .. integer(20, STRING) end
  if math.type(v[1]) == "float" then return each(float, 7, v) .. integer(20, FLOATS) end
  if type(v[1]) == "string" then return each(bytes, 9, v) .. integer(20, 8) end
  return each(integer, 8, v) .. integer(20, INTS)
end

--- NodeProto. Attributes go by name: whole numbers, floats, texts, or arrays of one of these.
---@param op string
---@param name string
---@param inputs string[] "" for one that is left out
---@param outputs string[]
---@param attributes table<string, any>
---@return string
function message.node(op, name, inputs, outputs, attributes)
  local names, parts = {}, {}
  for key in pairs(attributes) do names[#names + 1] = key end
  table.sort(names)
  for i, key in ipairs(names) do
    parts[i] = bytes(5, bytes(1, key) .. attribute_value(attributes[key]))
  end
  return each(bytes, 1, inputs) .. each(bytes, 2, outputs) .. bytes(3, name) .. bytes(4, op)
    .. table.concat(parts)
end

-- TensorShapeProto.Dimension: a size, or the name of one that is open.
local function dimension(field, d)
  return bytes(field, type(d) == "string" and bytes(2, d) or integer(1, d))
end

--- ValueInfoProto: what goes in or comes out. Sizes that are texts are open.
---@param name string
---@param dtype string
---@param shape (integer|string)[]
---@return string
function message.value(name, dtype, shape)
  local tensor_type = integer(1, elem_type[dtype]) .. bytes(2, each(dimension, 1, shape))
  return bytes(1, name) .. bytes(2, bytes(1, tensor_type))
end

--- ModelProto around a graph: arrays of messages as made above.
---@param g table { name, nodes, tensors, inputs, outputs }
---@param o { opset: integer, ir: integer, producer: string, version: string }
---@return string
function message.model(g, o)
  local graph = each(bytes, 1, g.nodes) .. bytes(2, g.name) .. each(bytes, 5, g.tensors)
    .. each(bytes, 11, g.inputs) .. each(bytes, 12, g.outputs)
  return integer(1, o.ir) .. bytes(2, o.producer) .. bytes(3, o.version) .. bytes(7, graph)
    .. bytes(8, bytes(1, "") .. integer(2, o.opset))
end

return message
