--- Running means of weights; loaded by neap.optim.
local c = require "neap.c.nn"
local checks = require "neap.nn.checks"
local class = require "neap.class"
local optim = require "neap.optim.public"
local opts = require "neap.opts"

--- Made by `optim.ema`.
---@class neap.Ema
---@field decay number
local Ema = class "neap.Ema"

-- Parameters and floating buffers of a net, each once, with the names of its state.
local function tensors_of(net)
  local names, list, seen = {}, {}, {}
  local function add(name, t)
    if seen[t] or not t.dtype:find "^f" then return end
    seen[t] = true
    names[#names + 1], list[#list + 1] = name, t
  end
  for _, entry in ipairs(net:named_parameters()) do add(entry[1], entry[2]) end
  net:apply(function(l, path)
    local prefix = path == "" and "" or path .. "."
    for _, name in ipairs(opts.names(l.__buffers)) do
      if l[name] then add(prefix .. name, l[name]) end
    end
  end)
  return names, list
end

--- A running mean of the weights of a net (parameters and floating buffers): after every step
--- `ema:update()` takes mean = decay mean + (1 - decay) weight; it begins with the present weights.
--- `ema:swap()` exchanges weights and means, and again exchanges them back.
---     local net = nn.Linear(2, 1)
---     local ema = optim.ema(net, { decay = 0.99 })
---     ema:update()
---     ema:swap() -- the net now has the means
---     ema:swap()
---     ema.decay --> 0.99
---@param net neap.nn.Layer
---@param o? { decay: number }
---@return neap.Ema
function optim.ema(net, o)
  o = opts.merge("optim.ema", { decay = 0.999 }, o)
  if type(net) ~= "table" or not net.named_parameters then
    opts.raise("optim.ema: a net is expected, got %s", opts.kind(net))
  end
  checks.within("optim.ema", "option 'decay'", o.decay, 0, 1)
  local self = Ema()
  local names, list = tensors_of(net)
  local numbers = {}
  for i = 1, #list do numbers[i] = 1 end
  if #list == 0 then opts.raise("optim.ema: the net has no parameters") end
  self.names, self.core, self.decay = names, c.optimizer("ema", list, numbers), o.decay
  self.core:set(1, "alpha", o.decay)
  return self
end

--- Take the present weights into the means.
---     optim.ema(nn.Linear(2, 1)):update()
function Ema:update() self.core:step() end

--- Exchange the weights of the net with their means.
---     optim.ema(nn.Linear(2, 1)):swap()
function Ema:swap() self.core:swap() end

--- The means by the names of the net's state, copies: a state that a net can load.
---     optim.ema(nn.Linear(2, 1)):state().weight.shape[2] --> 2
---@return table<string, neap.tensor>
function Ema:state()
  local out = {}
  for i, name in ipairs(self.names) do out[name] = self.core:state(i).average end
  return out
end

--- Take over means that `state` gave. Missing names are an error.
---     local ema = optim.ema(nn.Linear(2, 1))
---     ema:load_state(ema:state())
---@param state table<string, neap.tensor>
function Ema:load_state(state)
  opts.expect("ema: load_state", "state", state, "table")
  for _, name in ipairs(self.names) do
    if not state[name] then opts.raise("ema: load_state: '%s' is missing", name) end
  end
  for i, name in ipairs(self.names) do self.core:restore(i, { average = state[name] }, 1) end
end

return optim
