--- What all layers share. A layer is a table with parameters, buffers and other layers in it, and a
--- `forward`; calling it calls that.
---
--- What is assigned to a field is registered by what it is: a tensor that requires a gradient is a
--- parameter, a layer a child, `self:buffer(name, t)` a tensor that is saved but not trained. Order
--- is the order of assignment. Names in `state()` are the path of fields, "encoder.0.weight".
local cgrad = require "neap.c.grad"
local checks = require "neap.nn.checks"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local layer = {}

local is_open = require("neap.c.tensor").is_open
local function is_tensor(x) return is_open(x) ~= nil end

---@class neap.nn.Layer
---@field training boolean set by `train` and `eval`
local Layer = {}

-- What PyTorch's modules have under other names.
local elsewhere = {
  state_dict = "net:state()", load_state_dict = "net:load_state(tensor.load(path))",
  cuda = "nothing, neap computes on the CPU", cpu = "nothing, neap computes on the CPU",
  double = 'net:to "f64"', float = 'net:to "f32"', modules = "net:apply(function(l, path) ... end)",
  named_modules = "net:apply(function(l, path) ... end)",
  register_buffer = "self:buffer(name, t)", register_parameter = "self[name] = nn.param(t)",
  add_module = "self[name] = layer",
  fit = "nn.fit(net, X, y, { ... })", predict = "net:eval()(x)",
  save = "tensor.save(path, net:state())",
}

setmetatable(Layer, { __index = function(_, name)
  if elsewhere[name] then
    opts.raise("net: there is no method '%s'; write %s", name, elsewhere[name])
  end
end })

-- Raise where `net.method()` was written with a dot.
local function check_colon(self, method)
  if not layer.is(self) then opts.expect(method, "self", self, "layer") end
end

--- Is `x` a layer?
---@param x any
---@return boolean
function layer.is(x)
  local meta = type(x) == "table" and getmetatable(x)
  return meta and rawget(meta, "__layer") == true or false
end

-- paths -------------------------------------------------------------------------------------------

-- Where `wanted` stands below `root`: "net[3].conv (Conv1d)", or nil.
local function path_to(root, wanted, path)
  if root == wanted then return path end
  for _, name in ipairs(root:child_names()) do
    local step = math.type(name) and ("[%d]"):format(name) or "." .. name
    local found = path_to(root[name], wanted, path .. step)
    if found then return found end
  end
end

-- The layer whose forward is running at a level of the stack, innermost first.
local function running_layer()
  for level = 3, 200 do
    local info = debug.getinfo(level, "f")
    if not info then return end
    local name, value = debug.getlocal(level, 1)
    if name == "self" and layer.is(value)
      and (value.forward == info.func or value.forward_activated == info.func) then
      return value
    end
  end
end

-- "file:1: conv1d: x ..." as "file:1: net[2] (Conv1d): conv1d: x ...". Anything that is no string
-- (an interrupt, a stop) passes as it is.
local function placed(message, root)
  local inner = type(message) == "string" and running_layer()
  if not inner then return message end
  local path = path_to(root, inner, "net")
  if not path then return message end
  local position, text = message:match "^([^\n:]+:%d+: )(.*)$"
  return ("%s%s (%s): %s"):format(position or "", path, inner.__name, text or message)
end

-- By coroutine, the layer that user code called; its name in messages is "net".
local roots = setmetatable({}, { __mode = "k" })

local function finish(routine, ok, ...)
  roots[routine] = nil
  if not ok then error(..., 0) end
  return ...
end

local function call(self, ...)
  if not self.forward then
    opts.raise("%s: the class has no forward; write function %s:forward(x) ... end", self.__name,
      self.__name)
  end
  local routine = coroutine.running()
  if roots[routine] then return self:forward(...) end
  roots[routine] = self
  return finish(routine,
    xpcall(self.forward, function(message) return placed(message, self) end, self, ...))
end

-- classes -----------------------------------------------------------------------------------------

local function register(self, name, value)
  if type(value) == "table" and not getmetatable(value) and layer.is(value[1]) then
    opts.raise("%s: layers in a plain table are not trained or saved; write self.%s = "
      .. "nn.Sequential { ... }, whose layers are self.%s[i]", self.__name, name, name)
  end
  if layer.is(value) or (is_tensor(value) and value.requires_grad) then
    local order = rawget(self, "__order")
    order[#order + 1] = name
  end
  rawset(self, name, value)
end

-- What a layer was made with stays known, so that files can tell how to make it again.
local function construct(class, ...)
  local self = setmetatable({ training = true, __order = {}, __buffers = {},
    __made = table.pack(...) }, class)
  if self.init then self:init(...) end
  return self
end

local classes = {} -- by name, the last one of that name

--- The class of that name, nil when none was made.
---@param name string
---@return table?
function layer.class_named(name) return classes[name] end

--- A new class of layers: `init(self, ...)` and `forward(self, ...)` are to be defined.
---@param name string
---@return table
function layer.class(name)
  if type(name) ~= "string" or name == "" then
    opts.raise("nn.layer: a name is expected, as in nn.layer \"Scale\", got %s",
      name == "" and "an empty one" or opts.kind(name))
  end
  local class = { __name = name, __layer = true, __call = call, __newindex = register }
  class.__index = class
  class.__tostring = Layer.print
  classes[name] = class
  return setmetatable(class, { __index = Layer, __call = construct,
    __tostring = function() return "class nn." .. name end })
end

--- A tensor as a parameter: it requires a gradient. `t` itself, which should belong to nobody else.
---@param t neap.tensor
---@return neap.tensor
function layer.param(t) return t:requires_grad_() end

--- Uniform random numbers in [-bound, bound), from the run's generator: what PyTorch's layers start
--- from, with bound = 1 / sqrt(inputs of a unit).
---@param sizes integer[]
---@param bound number
---@param dtype string
---@return neap.tensor
function layer.uniform(sizes, bound, dtype)
  local t = table.move(sizes, 1, #sizes, 1, { dtype = dtype })
  return tensor.rand(t):mul_(2 * bound):sub_(bound)
end

--- A number for the random choices of one call (dropout): one draw of the run's generator.
---@return integer
function layer.key() return require("neap").generator():integer(0, 1 << 62) end

--- What layers in an array make of x, one after the other. A layer that can compute the activation
--- behind it does.
---@param stages neap.nn.Layer[]
---@param x neap.tensor
---@return neap.tensor
function layer.run(stages, x)
  local i, n = 1, #stages
  while i <= n do
    local current, following = stages[i], stages[i + 1]
    if following and current.forward_activated and following.fusable then
      x = current:forward_activated(x, following.fusable)
      i = i + 2
    else
      x = current(x)
      i = i + 1
    end
  end
  return x
end

-- looking -----------------------------------------------------------------------------------------

--- Keep a tensor that is saved with the layer but not trained, under a name of its own.
---     local Count = nn.layer "Count"
---     function Count:init() self:buffer("seen", tensor.zeros { 1 }) end
---     Count():state().seen.shape[1] --> 1
---@param name string
---@param t neap.tensor
function Layer:buffer(name, t)
  opts.expect("buffer", "name", name, "string")
  opts.expect("buffer", ("'%s'"):format(name), t, "tensor")
  local order = rawget(self, "__order")
  if not self.__buffers[name] then order[#order + 1] = name end
  self.__buffers[name] = true
  rawset(self, name, t)
end

-- Registered names that (still) hold what keep(value, name) asks for, in order.
local function names_of(self, keep)
  local names = {}
  for _, name in ipairs(self.__order) do
    local value = rawget(self, name)
    if value ~= nil and keep(value, name) then names[#names + 1] = name end
  end
  return names
end

--- Names of the layers directly inside, in order: fields, or positions in a container.
---     nn.Sequential({ nn.Linear(2, 1) }):child_names()[1] --> 1
---@return (string|integer)[]
function Layer:child_names() return names_of(self, layer.is) end

--- The layers directly inside, in order.
---     #nn.Sequential({ nn.Linear(2, 1) }):children() --> 1
---@return neap.nn.Layer[]
function Layer:children()
  local children = {}
  for i, name in ipairs(self:child_names()) do children[i] = self[name] end
  return children
end

-- Positions count from 0 in the names of a state, as in PyTorch's files.
local function state_name(name) return math.type(name) and tostring(name - 1) or name end

-- Call visit(full name, tensor, is parameter) for every tensor, fields before children.
local function each_tensor(self, prefix, visit)
  for _, name in ipairs(names_of(self, is_tensor)) do
    visit(prefix .. name, rawget(self, name), not self.__buffers[name], self, name)
  end
  for _, name in ipairs(self:child_names()) do
    each_tensor(self[name], prefix .. state_name(name) .. ".", visit)
  end
end

--- All parameters with their names, as an array of { name, tensor }; one that is shared by layers
--- comes once.
---     nn.Linear(3, 2):named_parameters()[1][1] --> weight
---@return table[]
function Layer:named_parameters()
  check_colon(self, "named_parameters")
  local list, seen = {}, {}
  each_tensor(self, "", function(name, t, trained)
    if trained and not seen[t] then list[#list + 1] = { name, t } end
    seen[t] = true
  end)
  return list
end

--- All parameters, each once, in order: what optimizers take.
---     #nn.Linear(3, 2):parameters() --> 2
---@return neap.tensor[]
function Layer:parameters()
  check_colon(self, "parameters")
  local list = {}
  for i, entry in ipairs(self:named_parameters()) do list[i] = entry[2] end
  return list
end

--- How many numbers are trained.
---     nn.Linear(3, 2):num_parameters() --> 8
---@return integer
function Layer:num_parameters()
  local n = 0
  for _, t in ipairs(self:parameters()) do n = n + t:numel() end
  return n
end

--- Call fn(layer, path) for this layer and all layers inside, outermost first; paths are those of
--- `state`.
---     local names = {}
---     nn.Sequential({ nn.ReLU() }):apply(function(l) names[#names + 1] = l.__name end)
---     names[2] --> ReLU
---@param fn function
---@return neap.nn.Layer
function Layer:apply(fn)
  check_colon(self, "apply")
  opts.expect("apply", "fn", fn, "function")
  local function visit(l, path)
    fn(l, path)
    for _, name in ipairs(l:child_names()) do
      visit(l[name], (path == "" and "" or path .. ".") .. state_name(name))
    end
  end
  visit(self, "")
  return self
end

-- state -------------------------------------------------------------------------------------------

--- All parameters and buffers by name, as views without gradients: names and shapes of PyTorch's
--- `state_dict`. `tensor.save("net.safetensors", net:state())` writes them.
---     nn.Linear(3, 2):state().bias.shape[1] --> 2
---@return table<string, neap.tensor>
function Layer:state()
  check_colon(self, "state")
  local state = {}
  each_tensor(self, "", function(name, t) state[name] = t:detach() end)
  return state
end

local function check_names(state, own, strict)
  local missing, extra = {}, {}
  for name in pairs(state) do
    if type(name) ~= "string" then
      opts.raise("load_state: the names of a state are strings, got %s", tostring(name))
    end
  end
  for name in pairs(own) do if not state[name] then missing[#missing + 1] = name end end
  for name in pairs(state) do if not own[name] then extra[#extra + 1] = name end end
  if strict then checks.names("load_state", missing, extra) end
end

local function check_shape(name, t, own)
  if not is_tensor(t) then opts.raise("load_state: '%s' is no tensor", name) end
  if not is_open(t) then opts.raise("load_state: '%s' in the state was closed", name) end
  local a, b = table.concat(t.shape, "x"), table.concat(own.shape, "x")
  if a ~= b then
    opts.raise("load_state: '%s' is [%s] in the state, [%s] in the net", name, a, b)
  end
end

--- Copy a state, as `state` gives it, into the parameters and buffers. Names that are missing or
--- too many are an error that lists them, unless `strict` is false; shapes must be equal, dtypes
--- are converted. Nothing is changed when something does not fit.
---     local a, b = nn.Linear(3, 2), nn.Linear(3, 2)
---     b:load_state(a:state())
---     b.weight:detach():eq(a.weight:detach()):all() --> true
---@param state table<string, neap.tensor>
---@param o? { strict: boolean }
---@return neap.nn.Layer
function Layer:load_state(state, o)
  check_colon(self, "load_state")
  if type(o) == "table" and o[1] then o = nil end -- the names, tensor.load's second result
  o = opts.merge("load_state", { strict = true }, o)
  if type(state) == "string" then
    opts.raise("load_state: state must be a table, got a string; read a file by tensor.load(path)")
  end
  opts.expect("load_state", "state", state, "table")
  local own = self:state()
  check_names(state, own, o.strict)
  local found = {}
  for _, name in ipairs(opts.names(own)) do
    if state[name] ~= nil then
      check_shape(name, state[name], own[name])
      found[name] = state[name]:detach():to(own[name].dtype)
    end
  end
  for name, t in pairs(found) do own[name]:copy_(t) end
  return self
end

-- switches ----------------------------------------------------------------------------------------

--- Switch this layer and all inside to training (dropout draws, batch norm counts), or with false
--- to evaluation.
---     nn.Linear(1, 1):train().training --> true
---@param on? boolean
---@return neap.nn.Layer
function Layer:train(on)
  check_colon(self, "train")
  return self:apply(function(l) rawset(l, "training", on ~= false) end)
end

--- Switch to evaluation: `train(false)`.
---     nn.Linear(1, 1):eval().training --> false
---@return neap.nn.Layer
function Layer:eval()
  check_colon(self, "eval")
  return self:train(false)
end

--- Convert all parameters and floating buffers to a dtype, "f32" or "f64". Optimizers made before
--- hold the old parameters.
---     nn.Linear(2, 1):to("f64").weight.dtype --> f64
---@param dtype string
---@return neap.nn.Layer
function Layer:to(dtype)
  if dtype ~= "f32" and dtype ~= "f64" then
    opts.raise("to: dtype of a net must be \"f32\" or \"f64\", got %s", tostring(dtype))
  end
  local new = {}
  each_tensor(self, "", function(_, t, _, owner, name)
    if not t.dtype:find "^f" or t.dtype == dtype then return end
    new[t] = new[t] or t:detach():to(dtype):requires_grad_(t.requires_grad)
    rawset(owner, name, new[t])
  end)
  return self
end

--- Whether the parameters of this layer and all inside are trained: false freezes them. Optimizers
--- made before leave frozen ones as they are.
---     nn.Linear(2, 1):requires_grad_(false).weight.requires_grad --> false
---@param on? boolean true unless given
---@return neap.nn.Layer
function Layer:requires_grad_(on)
  if on == nil then on = true end
  opts.expect("requires_grad_", "on", on, "boolean")
  for _, t in ipairs(self:parameters()) do t:requires_grad_(on) end
  return self
end

--- Forget the gradients of all parameters.
---     nn.Linear(2, 1):zero_grad()
---@return neap.nn.Layer
function Layer:zero_grad()
  for _, t in ipairs(self:parameters()) do cgrad.clear(t) end
  return self
end

-- printing ----------------------------------------------------------------------------------------

--- What follows the class name when the layer is printed; layers define their own.
---     nn.Linear(3, 2):describe() --> 3 -> 2
---@return string
function Layer.describe(_) return "" end

--- The net as text, a line for each layer.
---     tostring(nn.Linear(3, 2)) --> Linear(3 -> 2)
---@return string
function Layer:print()
  local lines = {}
  local function visit(l, label, indent)
    lines[#lines + 1] = ("%s%s%s(%s)"):format(indent, label, l.__name, l:describe())
    for _, name in ipairs(l:child_names()) do
      local step = math.type(name) and ("[%d] "):format(name) or name .. ": "
      visit(l[name], step, indent .. "  ")
    end
  end
  visit(self, "", "")
  return table.concat(lines, "\n")
end

layer.Layer = Layer

return layer
