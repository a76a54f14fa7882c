--- Nets a row at a time: what earlier rows left behind is kept, so that a new one costs one row's
--- work; adds `net:stream` to all layers. Loaded by neap.nn.
---
--- A net is compiled twice. First, when the stream is made, each layer gives a maker, or says why
--- it cannot stream. With the first row, whose length is then known, each maker gets the tensor its
--- rows will stand in and gives a step, a function that is true when it has written a row, and the
--- tensor this stands in. Rows of sequences are [1, features], those of images
--- [1, 1, width, channels].
local c = require "neap.c.nn"
local class = require "neap.class"
local grad = require "neap.grad"
local layer = require "neap.nn.layer"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local handlers = {} -- by name of class: function(layer, where) -> maker

local function refuse(where, format, ...)
  opts.raise("stream: %s: %s", where, format:format(...))
end

local function text(t) return table.concat(t.shape, "x") end

-- `where` of a layer inside.
local function inside(l, name, where)
  local path = math.type(name) and ("%s[%d]"):format(where.path, name) or where.path .. "." .. name
  return setmetatable({ path = path, kept = where.kept, ended = where.ended, layer = l[name] },
    getmetatable(where))
end

local Where = { __tostring = function(w) return ("%s (%s)"):format(w.path, w.layer.__name) end }

-- Rows that a layer leaves as they are.
local function same() return function(x) return nil, x end end

-- A layer that makes each row from the same row of its input. Layers with parameters record.
local function each_row(l)
  local forward = #l:parameters() > 0 and function(x) return grad.no_grad(l.forward, l, x) end
    or function(x) return l:forward(x) end
  return function(x)
    local y = forward(x):clone()
    return function() y:copy_(forward(x)) return true end, y
  end
end

-- Steps in order; nil ones do nothing.
local function in_order(steps)
  if #steps == 1 then return steps[1] end
  return function()
    for i = 1, #steps do
      if not steps[i]() then return false end
    end
    return true
  end
end

local function compile(where)
  local l = where.layer
  local handler = handlers[l.__name] or (l.stages and handlers.Sequential)
    or (l.pointwise and each_row)
  if not handler then
    refuse(tostring(where), "it does not say how to take rows one at a time (a layer whose rows do "
      .. "not depend on each other says pointwise = true)")
  end
  return handler(l, where)
end

-- One after the other -----------------------------------------------------------------------------

-- An activation that a convolution's step can compute, as its slope below 0.
local function slope_of(l)
  local activation = l and l.fusable
  if not activation then return end
  if activation.name == "relu" then return 0.0 end
  local slope = activation.name == "leaky_relu" and activation.slope
  return slope and slope >= 0 and slope <= 1 and slope or nil
end

function handlers.Sequential(l, where)
  local makers, names = {}, l.stages and l.names or l:child_names()
  local i = 1
  while i <= #names do
    local here = inside(l, names[i], where)
    local slope = here.layer.__name:find "^Conv%dd$" and slope_of(l[names[i + 1]])
    here.slope = slope
    makers[#makers + 1] = compile(here)
    where.ended = here.ended
    i = i + (slope and 2 or 1)
  end
  return function(x)
    local steps = {}
    for _, make in ipairs(makers) do
      local step
      step, x = make(x)
      if step then steps[#steps + 1] = step end
    end
    return #steps > 0 and in_order(steps) or nil, x
  end
end

local function always() return true end

-- Layers side by side: the makers' steps and results, all for the same x.
local function beside(makers, x)
  local steps, results = {}, {}
  for i, make in ipairs(makers) do
    local step, y = make(x)
    steps[i], results[i] = step or always, y
  end
  local function step()
    local given = steps[1]()
    for i = 2, #steps do
      if steps[i]() ~= given then return nil end
    end
    return given
  end
  return step, results
end

local function apart(where)
  refuse(tostring(where), "its branches give rows at different times; pad them alike")
end

function handlers.Concat(l, where)
  local makers = {}
  for i = 1, #l do makers[i] = compile(inside(l, i, where)) end
  return function(x)
    local step, parts = beside(makers, x)
    if l.dim ~= -1 and l.dim ~= parts[1]:dim() then
      refuse(tostring(where), "it joins dim %d, only the last one can be", l.dim)
    end
    local y, places, first = tensor.cat(parts, -1), {}, 1
    for i, part in ipairs(parts) do
      places[i] = y:slice(y:dim(), first, first + part:size(-1) - 1)
      first = first + part:size(-1)
    end
    return function()
      local given = step()
      if given == nil then apart(where) end
      if given then
        for i = 1, #parts do places[i]:copy_(parts[i]) end
      end
      return given
    end, y
  end
end

function handlers.Residual(l, where)
  local makers = { compile(inside(l, "inner", where)) }
  makers[2] = rawget(l, "shortcut") and compile(inside(l, "shortcut", where)) or same()
  return function(x)
    local step, parts = beside(makers, x)
    local y = parts[2] + parts[1]
    return function()
      local given = step()
      if given == nil then apart(where) end
      if given then y:copy_(parts[2]):add_(parts[1]) end
      return given
    end, y
  end
end

-- Convolutions and pools --------------------------------------------------------------------------

-- Only the rows seen: all padding in front, or none.
local function check_padding(where, before, after, reach)
  if after == 0 and (before == 0 or before == reach) then return before > 0 end
  refuse(tostring(where), "padding looks %d steps ahead; padding must be \"causal\" or \"valid\"",
    math.max(after, 1))
end

-- The maker of a ring. plan lacks what the first row tells: width and channels.
local function ring(where, plan, features, channels, weight, bias)
  local images = plan.images
  return function(x)
    if x:dim() ~= (images and 4 or 2) or (channels and x:size(-1) ~= channels) then
      refuse(tostring(where), "rows are [%s], the layer takes %s channels", text(x),
        channels or "any")
    end
    plan.width, plan.channels = images and x:size(3) or 1, x:size(-1)
    local r = c.ring(plan, weight or x.dtype, bias)
    where.kept[#where.kept + 1] = { name = where.path, ring = r }
    local over = plan.dilation[2] * (plan.kernel[2] - 1) + 1
    local width = (plan.before + plan.width + plan.after - over) // plan.stride[2] + 1
    local y = images and tensor.zeros { 1, 1, width, features or plan.channels, dtype = x.dtype }
      or tensor.zeros { 1, features or plan.channels, dtype = x.dtype }
    return function() return r:push(x, y) end, y
  end
end

local function over_ended(where)
  if where.ended then refuse(tostring(where), "time has ended before it") end
end

local function conv(l, where)
  over_ended(where)
  local images = l.__name == "Conv2d"
  local reach = l.dilation[1] * (l.kernel[1] - 1)
  local plan = { kind = "conv", images = images, groups = l.groups, slope = where.slope,
    causal = check_padding(where, l.before[1], l.after[1], reach),
    before = images and l.before[2] or 0, after = images and l.after[2] or 0 }
  for _, name in ipairs { "kernel", "stride", "dilation" } do
    plan[name] = { l[name][1], images and l[name][2] or 1 }
  end
  local weight = l.weight:detach()
  return ring(where, plan, l.outputs, l.inputs, images and weight or weight:unsqueeze(4),
    l.bias and l.bias:detach())
end

handlers.Conv1d, handlers.Conv2d = conv, conv

local function pool(kind, images)
  return function(l, where)
    over_ended(where)
    local h, w, sh, sw, ph, pw, ceil, whole = table.unpack(l.geometry)
    if not images then w, sw, pw = 1, 1, 0 end
    if ceil then refuse(tostring(where), "ceil_mode looks ahead") end
    if pw > 0 and not whole then refuse(tostring(where), "count_include_pad is false") end
    check_padding(where, ph, ph, h - 1)
    return ring(where, { kind = kind, images = images, kernel = { h, w }, stride = { sh, sw },
      dilation = { 1, 1 }, before = pw, after = pw })
  end
end

handlers.MaxPool1d, handlers.MaxPool2d = pool("max", false), pool("max", true)
handlers.AvgPool1d, handlers.AvgPool2d = pool("mean", false), pool("mean", true)

function handlers.CausalMaxPool(l, where)
  return ring(where, { kind = "max", images = true, kernel = { l.kernel, 1 }, stride = { 1, 1 },
    dilation = { 1, 1 }, before = 0, after = 0, causal = true })
end

-- Recurrent layers --------------------------------------------------------------------------------

local function recurrent(l, where)
  over_ended(where)
  if l.directions == 2 then refuse(tostring(where), "it also runs from the end") end
  return function(x)
    if x:dim() ~= 2 or x:size(2) ~= l.inputs then
      refuse(tostring(where), "rows are [%s], the layer takes %d features", text(x), l.inputs)
    end
    local h = tensor.zeros { l.layers, 1, l.hidden, dtype = x.dtype }
    local state = l.kind == "lstm" and h:clone() or nil
    where.kept[#where.kept + 1] = { name = where.path, h = h, c = state }
    return function() l:step(x, h, state) return true end, h[l.layers]
  end
end

handlers.LSTM, handlers.GRU, handlers.RNN = recurrent, recurrent, recurrent

-- The rest ----------------------------------------------------------------------------------------

-- An affine layer is a convolution of one step. Its bias comes last, as in a product of matrices,
-- which sums up to so many terms in order; more are left to that.
local STRETCH = 376

function handlers.Linear(l, where)
  if l.inputs > STRETCH then return each_row(l) end
  local weight = l.weight:detach():unsqueeze(3):unsqueeze(4)
  local bias = l.bias and l.bias:detach():clone()
  local once = { kind = "conv", kernel = { 1, 1 }, stride = { 1, 1 }, dilation = { 1, 1 },
    before = 0, after = 0 }
  local general, make = each_row(l), ring(where, once, l.outputs, l.inputs, weight)
  return function(x)
    if x:dim() ~= 2 then return general(x) end
    local step, y = make(x)
    if not bias then return step, y end
    return function() step() y:add_(bias) return true end, y
  end
end

for _, name in ipairs { "LayerNorm", "ReLU", "LeakyReLU", "ELU", "SiLU", "GELU", "Tanh",
  "Sigmoid", "Softplus" } do
  handlers[name] = each_row
end

local function along_features(l, where)
  return function(x)
    if l.dim ~= -1 and l.dim ~= x:dim() + (where.ended and 0 or 1) then
      refuse(tostring(where), "it runs along dim %d, only the last one can be", l.dim)
    end
    local inner = setmetatable({ dim = -1 }, { __index = l })
    local y = inner:forward(x):clone()
    return function() y:copy_(inner:forward(x)) return true end, y
  end
end

handlers.Softmax, handlers.LogSoftmax = along_features, along_features

handlers.Identity = same

function handlers.Dropout(l, where)
  if l.training then refuse(tostring(where), "the net is in training; call net:eval() first") end
  return same()
end

local function batch_norm(l, where)
  handlers.Dropout(l, where)
  if not l.running_mean then refuse(tostring(where), "it has no running statistics") end
  return each_row(l)
end

handlers.BatchNorm1d, handlers.BatchNorm2d = batch_norm, batch_norm

function handlers.Last(_, where)
  where.ended = true
  return same()
end

function handlers.Flatten(_, where)
  if not where.ended then refuse(tostring(where), "it needs the whole sequence") end
  return function(x) return nil, x:reshape(1, x:numel()) end
end

function handlers.Image()
  return function(x) return nil, x:reshape(1, 1, x:numel(), 1) end
end

function handlers.Sequence()
  return function(x) return nil, x:reshape(1, x:numel()) end
end

-- Streams -----------------------------------------------------------------------------------------

---@class neap.nn.Stream
---@field inputs integer? numbers in a row, known from the first one on
local Stream = class "neap.nn.Stream"

-- Buffers and steps for rows of n numbers.
local function open(self, n)
  for i = #self.kept, 1, -1 do self.kept[i] = nil end
  self.row = tensor.zeros { 1, n, dtype = self.dtype }
  self.step, self.result = self.make(self.row)
  self.step = self.step or always
  local sizes = self.result.shape
  self.result = self.result:reshape(table.unpack(sizes, #sizes == 4 and 3 or 2))
  self.inputs = n -- now that it fits
end

local function check_length(self, n)
  if n ~= self.inputs then
    opts.raise("push: a row of %d numbers, the first had %d", n, self.inputs)
  end
end

--- Take the next row, a tensor of its features or a table of numbers: what the net makes of all
--- rows so far, of the last step; or nil while there is none, as a layer waits for more rows.
---     local s = nn.Sequential({ nn.Linear(3, 2), nn.Tanh() }):stream()
---     s:push({ 1, 2, 3 }).shape[1] --> 2
---@param row neap.tensor|number[]
---@return neap.tensor?
function Stream:push(row)
  if type(row) == "table" then row = tensor.of(row, { dtype = self.dtype }) end
  if type(row) ~= "userdata" then opts.expect("push", "row", row, "tensor") end
  if row.dtype ~= self.dtype then row = row:to(self.dtype) end
  local n = row:numel()
  if n ~= self.inputs then
    if not self.inputs then open(self, n) end
    check_length(self, n)
  end
  self.row:copy_(row)
  if self.step() then return self.result:clone() end
end

local function each_kept(self, visit)
  for _, kept in ipairs(self.kept) do
    for _, name in ipairs { "h", "c" } do
      if kept[name] then visit(kept.name .. "." .. name, kept[name]) end
    end
  end
end

--- Forget all rows.
---     local s = nn.Sequential({ nn.Linear(3, 2) }):stream()
---     s:push { 1, 2, 3 }
---     s:reset()
---@return neap.nn.Stream
function Stream:reset()
  each_kept(self, function(_, t) t[{}] = 0 end)
  for _, kept in ipairs(self.kept) do
    if kept.ring then kept.ring:reset() end
  end
  return self
end

--- What is kept of the rows so far, as named tensors: `tensor.save` writes them, and a stream of
--- the same net goes on from them with `load_state`. Empty before the first row.
---     local s = nn.Sequential({ nn.Linear(3, 2) }):stream()
---     s:push { 1, 2, 3 }
---     s:state().inputs[1] --> 3
---@return table<string, neap.tensor>
function Stream:state()
  local state = {}
  if not self.inputs then return state end
  state.inputs = tensor.of({ self.inputs }, { dtype = "i64" })
  each_kept(self, function(name, t) state[name] = t:clone() end)
  for _, kept in ipairs(self.kept) do
    if kept.ring then
      local rows, seen = kept.ring:rows()
      state[kept.name .. ".rows"] = rows
      state[kept.name .. ".seen"] = tensor.of({ seen }, { dtype = "i64" })
    end
  end
  return state
end

local function entry(state, name)
  if not state[name] then opts.raise("load_state: missing %s; is it of another net?", name) end
  return state[name]
end

--- Go on from a state that a stream of the same net gave.
---     local net = nn.Sequential { nn.Linear(3, 2) }
---     local a, b = net:stream(), net:stream()
---     a:push { 1, 2, 3 }
---     b:load_state(a:state())
---     b:push({ 0, 0, 1 }):eq(a:push { 0, 0, 1 }):all() --> true
---@param state table<string, neap.tensor>
---@return neap.nn.Stream
function Stream:load_state(state)
  opts.expect("load_state", "state", state, "table")
  if not state.inputs then
    self.inputs = nil
    return self
  end
  open(self, state.inputs[1])
  each_kept(self, function(name, t)
    local given = entry(state, name)
    if text(given) ~= text(t) then
      opts.raise("load_state: '%s' is [%s] in the state, [%s] here", name, text(given), text(t))
    end
    t:copy_(given)
  end)
  for _, kept in ipairs(self.kept) do
    if kept.ring then
      kept.ring:restore(entry(state, kept.name .. ".rows"), entry(state, kept.name .. ".seen")[1])
    end
  end
  return self
end

function Stream:__tostring()
  return ("stream of %s"):format(self.text)
end

---@class neap.nn.Layer
local Layer = layer.Layer

--- The net as a stream: `s:push(row)` takes one step of a sequence and gives what the net makes of
--- all steps since the start, at the cost of one. Convolutions and pools keep the rows that they
--- still need, recurrent layers their states, so the state is carried on, where a net over windows
--- begins each from zeros. Convolutions and linear layers must not look ahead: padding "causal" or
--- "valid", nothing bidirectional, no attention; others are refused by name. Weights are those at
--- this moment; after more training make another stream.
---     local net = nn.Sequential { nn.Linear(2, 4), nn.Tanh(), nn.Last(), nn.Linear(4, 1) }
---     local s = net:stream()
---     s:push({ 0.5, 1 }).shape[1] --> 1
---@return neap.nn.Stream
function Layer:stream()
  local s, kept = Stream(), {}
  local where = setmetatable({ path = "net", kept = kept, layer = self }, Where)
  local first = self:parameters()[1]
  s.make, s.kept, s.dtype = compile(where), kept, first and first.dtype or "f32"
  s.text = self.__name
  return s
end
