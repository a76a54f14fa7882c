--- Optimizers; loaded by neap.optim.
local c = require "neap.c.nn"
local checks = require "neap.nn.checks"
local class = require "neap.class"
local optim = require "neap.optim.public"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local is_open = require("neap.c.tensor").is_open

-- groups ------------------------------------------------------------------------------------------

-- betas are two numbers in C.
local function get(core, i, name)
  if name ~= "betas" then return core:get(i, name) end
  local first = core:get(i, "beta1")
  return first and { first, core:get(i, "beta2") }
end

local function set(where, core, i, name, value)
  if name ~= "betas" then return core:set(i, name, value) end
  if core:get(i, "beta1") == nil then return false end
  if type(value) ~= "table" or #value ~= 2 then
    opts.raise("%s: betas must be two numbers, as in { 0.9, 0.999 }", where)
  end
  core:set(i, "beta1", value[1])
  return core:set(i, "beta2", value[2])
end

-- What PyTorch's optimizers have under other names.
local elsewhere = { state_dict = "opt:state()", load_state_dict = "opt:load_state(t)",
  param_groups = "opt.groups" }

local function unknown(opt, name)
  if elsewhere[name] then
    opts.raise("%s: there is no '%s'; write %s", opt.name, name, elsewhere[name])
  end
  local near = opts.nearest(tostring(name), { "step", "zero_grad", "state", "load_state" })
  if near and not opts.nearest(tostring(name), opts.names(opt.defaults)) then
    opts.raise("%s: unknown method '%s' (did you mean '%s'?)", opt.name, name, near)
  end
  opts.unknown(opt.name, "option", tostring(name), opts.names(opt.defaults))
end

-- What stands for a group: reading and assigning a field is reading and setting an option.
local function new_group(opt, i)
  return setmetatable({}, {
    __index = function(_, name)
      local value = get(opt.core, i, name)
      if value == nil and opt.defaults[name] == nil then unknown(opt, name) end
      return value
    end,
    __newindex = function(_, name, value)
      if not set(opt.name, opt.core, i, name, value) then unknown(opt, name) end
    end,
  })
end

-- The parameters of all groups in one array, the number of the group of each, and their options.
local function groups_of(where, params, o)
  if type(params) ~= "table" or params.parameters then
    opts.raise("%s: an array of tensors is expected, as net:parameters() gives it", where)
  end
  local given = params
  if is_open(params[1]) ~= nil or #params == 0 then given = { { params = params } } end
  local defaults = { params = opts.required }
  for name, value in pairs(o) do defaults[name] = value end
  local list, numbers, options = {}, {}, {}
  for i, group in ipairs(given) do
    options[i] = opts.merge(("%s: group %d"):format(where, i), defaults, group)
    if type(group.params) ~= "table" or #group.params == 0 then
      opts.raise("%s: group %d has no parameters", where, i)
    end
    for _, t in ipairs(group.params) do
      list[#list + 1], numbers[#numbers + 1] = t, i
    end
    options[i].params = nil
  end
  return list, numbers, options
end

-- optimizers --------------------------------------------------------------------------------------

--- Made by `optim.SGD`, `optim.Adam` and so on.
---@class neap.Optimizer
---@field lr number the learning rate of the first group; assigning sets it in all groups, and so
---  it is with every option
---@field groups table[] the groups, each with its options as fields
local Optimizer = class "neap.Optimizer"

function Optimizer.__index(self, name)
  local method = rawget(Optimizer, name)
  if method ~= nil then return method end
  if type(name) == "string" and name:find "^__" then return nil end
  return rawget(self, "groups")[1][name]
end

function Optimizer.__newindex(self, name, value)
  for _, group in ipairs(self.groups) do group[name] = value end
end

function Optimizer.__tostring(self)
  local n = 0
  for _, t in ipairs(self.params) do n = n + t:numel() end
  return ("%s(lr %g, %d parameters of %d numbers)"):format(self.name, self.lr, #self.params, n)
end

-- nesterov needs something to look ahead along.
local function check_nesterov(where, o)
  if o.nesterov and (o.momentum == 0 or o.dampening ~= 0) then
    opts.raise("%s: nesterov needs momentum above 0 and no dampening, got momentum %g and "
      .. "dampening %g", where, o.momentum, o.dampening)
  end
end

local function new(method, params, defaults, given)
  local where = "optim." .. method
  local list, numbers, options = groups_of(where, params, opts.merge(where, defaults, given))
  local self = { name = where, params = list, defaults = defaults, groups = {},
    core = c.optimizer(method, list, numbers) }
  for i, o in ipairs(options) do
    for _, name in ipairs(opts.names(o)) do set(where, self.core, i, name, o[name]) end
    check_nesterov(where, o)
    self.groups[i] = new_group(self, i)
  end
  return setmetatable(self, Optimizer)
end

--- Change all parameters that have a gradient. Ctrl-C takes effect before the step or after it.
---     local w = tensor.of({ 1, 2 }):requires_grad_()
---     w:sum():backward()
---     optim.SGD({ w }, { lr = 0.5 }):step()
---     w:detach() --> tensor<f64>[2] {0.5, 1.5}
function Optimizer:step()
  opts.expect("step", "self", self, "table")
  self.core:step()
end

--- Forget the gradients of all parameters.
---     local w = tensor.of({ 1, 2 }):requires_grad_()
---     w:sum():backward()
---     optim.SGD({ w }, { lr = 0.5 }):zero_grad()
---     w.grad --> nil
function Optimizer:zero_grad()
  opts.expect("zero_grad", "self", self, "table")
  self.core:zero_grad()
end

-- state -------------------------------------------------------------------------------------------

local function number(v, dtype) return tensor.full { value = v, dtype = dtype } end

-- betas stand for the two numbers of C.
local function option_names(self) return opts.names(self.defaults) end

local function option_tensor(v)
  if type(v) == "boolean" then return number(v, "bool") end
  if type(v) == "table" then return tensor.of(v) end
  return number(v, "f64")
end

--- All that a run needs to go on as if it had not stopped, bit for bit: a flat table of tensors,
--- copies, with PyTorch's names, "state.0.exp_avg" and "param_groups.0.lr", counted from 0 as
--- there. `tensor.save` writes it into one file.
---     local w = tensor.of({ 1, 2 }):requires_grad_()
---     optim.Adam({ w }):state()["param_groups.0.betas"] --> tensor<f64>[2] {0.9, 0.999}
---@return table<string, neap.tensor>
function Optimizer:state()
  local out = {}
  for i = 1, #self.params do
    local state, steps = self.core:state(i)
    local prefix = ("state.%d."):format(i - 1)
    for name, t in pairs(state) do out[prefix .. name] = t end
    if steps > 0 and self.name ~= "optim.SGD" then out[prefix .. "step"] = number(steps, "i64") end
  end
  for i, group in ipairs(self.groups) do
    for _, name in ipairs(option_names(self)) do
      out[("param_groups.%d.%s"):format(i - 1, name)] = option_tensor(group[name])
    end
  end
  return out
end

-- What may be kept for a parameter; true: never without it.
local state_names = {
  ["optim.SGD"] = { momentum_buffer = true },
  ["optim.Adam"] = { step = true, exp_avg = true, exp_avg_sq = true, max_exp_avg_sq = false },
  ["optim.RMSProp"] = { step = true, square_avg = true, momentum_buffer = false, grad_avg = false },
  ["optim.Lion"] = { step = true, exp_avg = true },
}
state_names["optim.AdamW"] = state_names["optim.Adam"]

-- A state sorted into parameters and groups, and the names that belong to neither.
local function sorted(self, state)
  local states, options, extra = {}, {}, {}
  for name, t in pairs(state) do
    local i, what = tostring(name):match "^state%.(%d+)%.(.+)$"
    local g, option = tostring(name):match "^param_groups%.(%d+)%.(.+)$"
    i, g = i and math.tointeger(i), g and math.tointeger(g)
    if i and i < #self.params and state_names[self.name][what] ~= nil then
      states[i + 1] = states[i + 1] or {}
      states[i + 1][what] = t
    elseif g and g < #self.groups and self.defaults[option] ~= nil then
      options[g + 1] = options[g + 1] or {}
      options[g + 1][option] = t
    else
      extra[#extra + 1] = tostring(name)
    end
  end
  return states, options, extra
end

local function missing_names(self, states, options)
  local missing = {}
  for i = 1, #self.groups do
    for _, name in ipairs(option_names(self)) do
      if not (options[i] and options[i][name]) then
        missing[#missing + 1] = ("param_groups.%d.%s"):format(i - 1, name)
      end
    end
  end
  for i, state in pairs(states) do
    for name, always in pairs(state_names[self.name]) do
      if always and not state[name] then
        missing[#missing + 1] = ("state.%d.%s"):format(i - 1, name)
      end
    end
  end
  return missing
end

local function check_shapes(self, states)
  for i, state in pairs(states) do
    for name, t in pairs(state) do
      local where = ("'state.%d.%s'"):format(i - 1, name)
      opts.expect(self.name .. ": load_state", where, t, "tensor")
      local want = name == "step" and "" or table.concat(self.params[i].shape, "x")
      local got = table.concat(t.shape, "x")
      if got ~= want then
        opts.raise("%s: load_state: %s is [%s], must be [%s]", self.name, where, got, want)
      end
    end
  end
end

local function option_value(t)
  if t:dim() == 1 then return t:totable() end
  return t:get()
end

--- Take over a state that `state` gave, or one with these names flattened from PyTorch's. Names
--- that are missing or too many are an error that lists them, unless `strict` is false; so are
--- shapes that differ. A parameter without a state begins anew.
---     local a = optim.Adam({ tensor.of({ 1, 2 }):requires_grad_() }, { lr = 0.5 })
---     local b = optim.Adam { tensor.of({ 1, 2 }):requires_grad_() }
---     b:load_state(a:state())
---     b.lr --> 0.5
---@param state table<string, neap.tensor>
---@param o? { strict: boolean }
function Optimizer:load_state(state, o)
  if type(o) == "table" and o[1] then o = nil end -- the names, tensor.load's second result
  o = opts.merge(self.name .. ": load_state", { strict = true }, o)
  opts.expect(self.name .. ": load_state", "state", state, "table")
  local states, options, extra = sorted(self, state)
  if o.strict then
    checks.names(self.name .. ": load_state", missing_names(self, states, options), extra)
  end
  check_shapes(self, states)
  for i = 1, #self.params do
    local of = states[i] or {}
    local steps = of.step and math.tointeger(of.step:get()) or of.momentum_buffer and 1 or 0
    self.core:restore(i, of, steps)
  end
  for i, group in ipairs(self.groups) do
    for _, name in ipairs(opts.names(options[i] or {})) do
      group[name] = option_value(options[i][name])
    end
  end
end

-- methods -----------------------------------------------------------------------------------------

--- Stochastic gradient descent: p - lr g; with `momentum` m, b = m b + (1 - dampening) g for g (the
--- first b is g itself), with `nesterov` g + m b. `weight_decay` w adds w p to g; `maximize`
--- climbs.
---     optim.SGD({ tensor.zeros({ 2 }):requires_grad_() }, { momentum = 0.9 }).momentum --> 0.9
---@param params neap.tensor[]|table[]
---@param o? { lr: number, momentum: number, dampening: number, weight_decay: number, nesterov:
---  boolean, maximize: boolean }
---@return neap.Optimizer
function optim.SGD(params, o)
  return new("SGD", params, { lr = 1e-3, momentum = 0.0, dampening = 0.0, weight_decay = 0.0,
    nesterov = false, maximize = false }, o)
end

local function adam_options(weight_decay)
  return { lr = 1e-3, betas = { 0.9, 0.999 }, eps = 1e-8, weight_decay = weight_decay,
    amsgrad = false, maximize = false }
end

--- Adam: p - lr m / (sqrt v + eps), m and v being means of g and g^2 with the memories `betas`,
--- divided by 1 - beta^step. `amsgrad` takes the largest v so far. `weight_decay` w adds w p to g.
--- Sources: Kingma and Ba 2015; Reddi, Kale and Kumar 2018.
---     optim.Adam({ tensor.zeros({ 2 }):requires_grad_() }).betas[2] --> 0.999
---@param params neap.tensor[]|table[]
---@param o? { lr: number, betas: number[], eps: number, weight_decay: number, amsgrad: boolean,
---  maximize: boolean }
---@return neap.Optimizer
function optim.Adam(params, o) return new("Adam", params, adam_options(0.0), o) end

--- Adam whose `weight_decay` w shrinks p by the factor 1 - lr w, and is no part of g. Source:
--- Loshchilov and Hutter 2019.
---     optim.AdamW({ tensor.zeros({ 2 }):requires_grad_() }).weight_decay --> 0.01
---@param params neap.tensor[]|table[]
---@param o? { lr: number, betas: number[], eps: number, weight_decay: number, amsgrad: boolean,
---  maximize: boolean }
---@return neap.Optimizer
function optim.AdamW(params, o) return new("AdamW", params, adam_options(0.01), o) end

--- RMSProp: p - lr g / (sqrt v + eps), v being the mean of g^2 with the memory `alpha`; `centered`
--- takes the square of the mean of g off (not below 0). `momentum` is applied to what is divided.
--- Sources: Tieleman and Hinton 2012; Graves 2013.
---     optim.RMSProp({ tensor.zeros({ 2 }):requires_grad_() }).alpha --> 0.99
---@param params neap.tensor[]|table[]
---@param o? { lr: number, alpha: number, eps: number, weight_decay: number, momentum: number,
---  centered: boolean, maximize: boolean }
---@return neap.Optimizer
function optim.RMSProp(params, o)
  return new("RMSProp", params, { lr = 1e-2, alpha = 0.99, eps = 1e-8, weight_decay = 0.0,
    momentum = 0.0, centered = false, maximize = false }, o)
end

--- Lion: p - lr (sign(b1 m + (1 - b1) g) + w p), then m = b2 m + (1 - b2) g; every step has the
--- size lr, so it wants a smaller one than Adam, by 3 to 10. Source: Chen et al. 2023, "Symbolic
--- discovery of optimization algorithms".
---     optim.Lion({ tensor.zeros({ 2 }):requires_grad_() }).lr --> 0.0001
---@param params neap.tensor[]|table[]
---@param o? { lr: number, betas: number[], weight_decay: number, maximize: boolean }
---@return neap.Optimizer
function optim.Lion(params, o)
  return new("Lion", params, { lr = 1e-4, betas = { 0.9, 0.99 }, weight_decay = 0.0,
    maximize = false }, o)
end

return optim
