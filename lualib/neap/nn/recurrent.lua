--- Recurrent layers; loaded by neap.nn.
local c = require "neap.c.nn"
local checks = require "neap.nn.checks"
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local GATES = { lstm = 4, gru = 3, rnn_tanh = 1, rnn_relu = 1 }
local LARGEST = 1 << 31 -- size, so that products of two do not overflow
local PARTS = { "weight_ih", "weight_hh", "bias_ih", "bias_hh" }

-- What LSTM, GRU and RNN share; `self.kind` names the cell, `where` the constructor in messages.
local Recurrent = {}

local function check_options(where, o, defaults)
  o = opts.merge(where, defaults, o)
  checks.dtype(where, o.dtype)
  opts.integer(where, "num_layers", o.num_layers, 1, 64)
  if math.type(o.dropout) == nil or o.dropout < 0 or o.dropout > 1 then
    opts.raise("%s: dropout must be a number in [0, 1], got %s", where, tostring(o.dropout))
  end
  if o.dropout > 0 and o.num_layers == 1 then
    opts.raise("%s: dropout acts between layers, and there is only one", where)
  end
  return o
end

-- Parameters in PyTorch's order: layer by layer, forward and then reverse.
local function add_parameters(self, o)
  local bound, gates = 1 / math.sqrt(self.hidden), GATES[self.kind] * self.hidden
  self.names = {}
  for k = 0, self.layers - 1 do
    local inputs = k == 0 and self.inputs or self.hidden * self.directions
    for d = 1, self.directions do
      for i, part in ipairs(PARTS) do
        local name = ("%s_l%d%s"):format(part, k, d == 2 and "_reverse" or "")
        local sizes = i == 1 and { gates, inputs } or i == 2 and { gates, self.hidden } or { gates }
        if i <= 2 or o.bias then self[name] = layer.param(layer.uniform(sizes, bound, o.dtype)) end
        table.insert(self.names, name)
      end
    end
  end
end

local function init(self, where, inputs, hidden, o)
  self.where = where
  self.inputs = opts.integer(where, "inputs", inputs, 1, LARGEST)
  self.hidden = opts.integer(where, "hidden", hidden, 1, LARGEST)
  self.layers, self.dropout = o.num_layers, o.dropout
  self.directions = o.bidirectional and 2 or 1
  add_parameters(self, o)
  self.cells = c.cells(self.kind, self.layers, self.directions)
  self.weights = {}
end

-- The list of all parameters as they are now, false for those that are left out.
local function weights_of(self)
  local weights = self.weights
  for i, name in ipairs(self.names) do weights[i] = self[name] or false end
  return weights
end

local function length_numbers(cell, lengths)
  if lengths == nil then return end
  if type(lengths) == "table" then lengths = tensor.of(lengths) end
  opts.expect(cell, "lengths", lengths, "tensor")
  if lengths.dtype:find "^f" and not lengths:floor():eq(lengths):all() then
    opts.raise("%s: lengths must be whole numbers", cell)
  end
  return lengths:to "i64"
end

-- Layer k's part of a state of all layers, [layers x directions, batch, hidden].
local function part(self, state, k)
  if state == nil or self.layers == 1 then return state end
  local last = k * self.directions
  return state:slice(1, last - self.directions + 1, last)
end

local function check_state(self, name, state, x)
  if state == nil or self.layers == 1 then return end
  opts.expect(self.cell_name, name, state, "tensor")
  local got = table.concat(state.shape, "x")
  local wanted = ("%dx%dx%d"):format(self.layers * self.directions, x:size(1), self.hidden)
  if got ~= wanted then
    opts.raise("%s: %s is [%s], expected [%s]", self.cell_name, name, got, wanted)
  end
end

local function joined(parts) return #parts == 1 and parts[1] or tensor.cat(parts, 1) end

function Recurrent:forward(x, o)
  local defaults = { h = opts.none, lengths = opts.none }
  if self.kind == "lstm" then defaults.c = opts.none end
  o = opts.merge(self.cell_name, defaults, o)
  opts.expect(self.cell_name, "x", x, "tensor")
  check_state(self, "h", o.h, x)
  check_state(self, "c", o.c, x)
  local lengths, weights = length_numbers(self.cell_name, o.lengths), weights_of(self)
  local hs, cs = {}, {}
  for k = 1, self.layers do
    if k > 1 and self.training and self.dropout > 0 then
      x = c.dropout(x, self.dropout, layer.key())
    end
    x, hs[k], cs[k] = c.recurrent(self.cells, k, weights, x, part(self, o.h, k),
      part(self, o.c, k), lengths)
  end
  if self.kind ~= "lstm" then return x, joined(hs) end
  return x, joined(hs), joined(cs)
end

--- One step of a batch, x being [batch, features], without a gradient: h and, for an LSTM, c, both
--- [layers, batch, hidden] and contiguous, are updated in place; the result, [batch, hidden], is a
--- copy of the last layer's h. Step by step this gives the bits that a whole sequence gives. Not
--- for bidirectional layers.
---     local lstm, zeros = nn.LSTM(3, 8), tensor.zeros { 1, 2, 8, dtype = "f32" }
---     local h, c = zeros:clone(), zeros:clone()
---     lstm:step(tensor.zeros({ 2, 3, dtype = "f32" }), h, c).shape[2] --> 8
---@param x neap.tensor
---@param h neap.tensor
---@param state? neap.tensor
---@return neap.tensor
function Recurrent:step(x, h, state)
  if self.directions == 2 then
    opts.raise("%s: a layer that also runs from the end has no single step", self.cell_name)
  end
  return (c.recurrent_step(self.cells, weights_of(self), x, h, state))
end

function Recurrent:describe()
  local words = { ("%d -> %d"):format(self.inputs, self.hidden * self.directions) }
  if self.layers > 1 then words[#words + 1] = ("%d layers"):format(self.layers) end
  if self.directions == 2 then words[#words + 1] = "bidirectional" end
  if self.kind == "rnn_relu" then words[#words + 1] = "relu" end
  if not self[self.names[3]] then words[#words + 1] = "no bias" end
  if self.dropout > 0 then words[#words + 1] = ("dropout %g"):format(self.dropout) end
  return table.concat(words, ", ")
end

local function class(name, cell_name)
  local made = layer.class(name)
  made.cell_name = cell_name
  made.forward, made.step, made.describe = Recurrent.forward, Recurrent.step, Recurrent.describe
  return made
end

---@class neap.nn.RecurrentOptions
---@field num_layers? integer layers on top of each other, 1
---@field bidirectional? boolean also from the end to the beginning, false
---@field dropout? number between layers in training, 0
---@field bias? boolean true
---@field nonlinearity? string "tanh" or "relu", of an RNN
---@field dtype? string "f32"
local DEFAULTS = { num_layers = 1, bidirectional = false, dropout = 0, bias = true, dtype = "f32" }

local LSTM = class("LSTM", "lstm")
function LSTM:init(inputs, hidden, o)
  self.kind = "lstm"
  init(self, "nn.LSTM", inputs, hidden, check_options("nn.LSTM", o, DEFAULTS))
end

local GRU = class("GRU", "gru")
function GRU:init(inputs, hidden, o)
  self.kind = "gru"
  init(self, "nn.GRU", inputs, hidden, check_options("nn.GRU", o, DEFAULTS))
end

local RNN = class("RNN", "rnn")
function RNN:init(inputs, hidden, o)
  local defaults = { nonlinearity = "tanh" }
  for name, value in pairs(DEFAULTS) do defaults[name] = value end
  o = check_options("nn.RNN", o, defaults)
  if o.nonlinearity ~= "tanh" and o.nonlinearity ~= "relu" then
    opts.raise("nn.RNN: nonlinearity must be \"tanh\" or \"relu\", got %s",
      tostring(o.nonlinearity))
  end
  self.kind = "rnn_" .. o.nonlinearity
  init(self, "nn.RNN", inputs, hidden, o)
end

--- A long short-term memory over sequences [batch, time, features]:
---   i, f, o = sigmoid(...), g = tanh(W_ih x + b_ih + W_hh h + b_hh),
---   c = f c + i g, h = o tanh(c)
--- `y, h, c = lstm(x, { h = , c = , lengths = })`: y, [batch, time, hidden x directions], is h of
--- the last layer at every step; h and c, [layers x directions, batch, hidden], are the states at
--- the end, and as options the states to begin with (else zeros). With lengths, an integer from 1
--- to time for each row, what stands behind the end of a row is not looked at, y is 0 there, and
--- the reverse direction begins at the row's own last step. `lstm:step` computes one step.
---
--- Parameters have PyTorch's names and shapes, weight_ih_l0 [4 hidden, inputs], weight_hh_l0,
--- bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, ..., gates in the order i f g o, and start uniform
--- in +-1 / sqrt(hidden). dropout acts, in training, on what goes from one layer to the next. A NaN
--- in x makes the following steps of its row NaN.
---     local lstm = nn.LSTM(3, 8, { num_layers = 2 })
---     local y, h, c = lstm(tensor.zeros { 5, 7, 3, dtype = "f32" })
---     y.shape[2], h.shape[1], c.shape[3] --> 7, 2, 8
---@param inputs integer features of x
---@param hidden integer
---@param o? neap.nn.RecurrentOptions
---@return neap.nn.Layer
function nn.LSTM(inputs, hidden, o) return LSTM(inputs, hidden, o) end

--- A gated recurrent unit over sequences [batch, time, features]:
---   r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh),
---   n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h = (1 - z) n + z h
--- `y, h = gru(x, { h = , lengths = })`; all else is as with nn.LSTM, gates in the order r z n.
---     local gru = nn.GRU(3, 8, { bidirectional = true })
---     local y, h = gru(tensor.zeros { 5, 7, 3, dtype = "f32" })
---     y.shape[3], h.shape[1] --> 16, 2
---@param inputs integer features of x
---@param hidden integer
---@param o? neap.nn.RecurrentOptions
---@return neap.nn.Layer
function nn.GRU(inputs, hidden, o) return GRU(inputs, hidden, o) end

--- A plain recurrent layer, h = tanh(W_ih x + b_ih + W_hh h + b_hh), or with nonlinearity "relu"
--- max(..., 0). `y, h = rnn(x, { h = , lengths = })`; all else is as with nn.LSTM.
---     local rnn = nn.RNN(3, 8, { nonlinearity = "relu" })
---     rnn(tensor.zeros { 5, 7, 3, dtype = "f32" }).shape[3] --> 8
---@param inputs integer features of x
---@param hidden integer
---@param o? neap.nn.RecurrentOptions
---@return neap.nn.Layer
function nn.RNN(inputs, hidden, o) return RNN(inputs, hidden, o) end

return nn
