--- Nets as ONNX files, for inference by other runtimes; loaded by neap.nn.
---
--- What is written is opset 13, computed in the net's dtype. Inputs and outputs are laid out as in
--- neap, sequences [batch, time, features] and images [batch, height, width, channels]; where
--- ONNX's convolutions want channels first, the file transposes. The batch may have any size, the
--- other sizes are those of the example. Dropout is left out, batch norm uses its running
--- statistics.
local file = require "neap.file"
local forms = require "neap.nn.onnx.forms"
local grad = require "neap.grad"
local Graph = require "neap.nn.onnx.graph"
local layer = require "neap.nn.layer"
local message = require "neap.nn.onnx.message"
local neap = require "neap"
local nn = require "neap.nn.public"
local opts = require "neap.opts"

require "neap.nn.onnx.basic"
require "neap.nn.onnx.conv"
require "neap.nn.onnx.norms"
require "neap.nn.onnx.recurrent"

local OPSET, IR = 13, 7

-- The value that a layer gives for v, its nodes added to g. `path` is as in messages ("net[2]"),
-- names in the file as in net:state().
local function export_layer(g, l, v, path)
  local form = l.onnx or forms[l.__name]
  if not form then
    opts.raise("nn.export_onnx: %s (%s) has no form in ONNX; give its class a function "
      .. "onnx(g, l, v, call)", path, l.__name)
  end
  local above = g.path
  local function call(inner, value, step) return export_layer(g, inner, value, path .. step) end
  g.path = path:gsub("^net%.?", ""):gsub("%[(%d+)%]", function(k) return "." .. k - 1 end)
    :gsub("^%.", "")
  local out = form(g, l, v, call)
  g.path = above
  if type(out) == "string" then out = { name = out } end
  if not out.x then out.x = (l(v.x)) end
  return out
end

-- The sizes of a value in the file: the batch is open.
local function open_shape(x)
  local shape = x.shape
  if #shape > 0 then shape[1] = "batch" end
  return shape
end

-- Whether two results are the same but for rounding: layers may be computed together in a net.
local function close(a, b)
  if table.concat(a.shape, "x") ~= table.concat(b.shape, "x") then return false end
  local bound = (a.dtype == "f64" and 1e-9 or 1e-4) * math.max(1, b:abs():max())
  return b:ne(b):any() or (a - b):abs():max() <= bound -- NaN is the example's own
end

-- The names of inputs: as given, or "input", or "input_1", "input_2" ...
local function names_of(given, n)
  if given and #given ~= n then
    opts.raise("nn.export_onnx: %d input_names for %d inputs", #given, n)
  end
  if given then return given end
  if n == 1 then return { "input" } end
  local names = {}
  for i = 1, n do names[i] = "input_" .. i end
  return names
end

-- The graph of a net, and what it gives for the example.
local function build(net, inputs, names, output)
  local g, values, ins = Graph(), {}, {}
  g.taken[output] = true
  for i, x in ipairs(inputs) do
    g.taken[names[i]] = true
    values[i] = { name = names[i], x = x }
    ins[i] = message.value(names[i], x.dtype, open_shape(x))
  end
  local out = g:last(export_layer(g, net, #inputs == 1 and values[1] or values, "net"))
  g.nodes[#g.nodes + 1] = message.node("Identity", output, { out.name }, { output }, {})
  return { name = "neap", nodes = g.nodes, tensors = g.tensors, inputs = ins,
    outputs = { message.value(output, out.x.dtype, open_shape(out.x)) } }, out.x
end

-- fn() with the net in evaluation, as it was afterwards.
local function in_evaluation(net, fn)
  local training = {}
  net:apply(function(l) training[l] = l.training end)
  net:eval()
  local results = table.pack(pcall(grad.no_grad, fn))
  for l, was in pairs(training) do rawset(l, "training", was) end
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

local function check_inputs(x)
  local inputs = opts.kind(x) == "tensor" and { x } or x
  opts.expect("nn.export_onnx", "the example", inputs, "table")
  for i, input in ipairs(inputs) do
    opts.expect("nn.export_onnx", "input " .. i, input, "tensor")
    if input:dim() == 0 or input:size(1) == 0 then
      opts.raise("nn.export_onnx: input %d must have a batch of at least 1 row, got [%s]", i,
        table.concat(input.shape, "x"))
    end
  end
  if #inputs == 0 then opts.raise "nn.export_onnx: an example of the input is needed" end
  return inputs
end

--- Write a net to an ONNX file. `x` is an example of the input, [batch, ...], or an array of them
--- for nets with several inputs. Options: `input_names` ({ "input" }, or input_1, input_2 ...),
--- `output_name` ("output"). The first result of the net is written.
---
--- A layer of your own takes part when its class has a function `onnx(g, l, v, call)`: it adds
--- nodes by `g:node(op, { inputs }, { attributes })`, tensors by `g:tensor(name, t)`, and gives the
--- name of its output; `g:last(v).name` is the input's name, `call(inner, v, ".inner")` writes a
--- layer inside.
---     local net = nn.Sequential { nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1) }
---     local path = file.temporary_folder() .. "/net.onnx"
---     nn.export_onnx(net, tensor.zeros { 1, 3, dtype = "f32" }, path)
---     #file.read(path) > 200 --> true
---@param net neap.nn.Layer
---@param x neap.tensor|neap.tensor[]
---@param path string
---@param o? { input_names: string[], output_name: string }
function nn.export_onnx(net, x, path, o)
  if not layer.is(net) then
    opts.raise("nn.export_onnx: a net expected, got %s", opts.kind(net))
  end
  o = opts.merge("nn.export_onnx", { input_names = opts.none, output_name = "output" }, o)
  opts.expect("nn.export_onnx", "path", path, "string")
  local inputs = check_inputs(x)
  local names = names_of(o.input_names, #inputs)
  local graph = in_evaluation(net, function()
    local want = (net(table.unpack(inputs)))
    local made, got = build(net, inputs, names, o.output_name)
    if not close(got, want) then
      opts.raise "nn.export_onnx: the net gives something else than its layers one by one"
    end
    return made
  end)
  file.write(path, message.model(graph, { opset = OPSET, ir = IR, producer = "neap",
    version = neap.version }))
end

return nn
