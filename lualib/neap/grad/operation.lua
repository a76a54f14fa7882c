-- Operations with a gradient of their own, and results that are computed twice to save memory.
local c = require "neap.c.grad"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local grad = require "neap.grad.public"

local function is_float(x)
  return opts.kind(x) == "tensor" and (x.dtype == "f64" or x.dtype == "f32")
end

-- The arguments without traces, and the float tensors among them: as given, and their places.
local function plain_of(arguments)
  local plain, inputs, places = { n = arguments.n }, {}, {}
  for i = 1, arguments.n do
    local x = arguments[i]
    plain[i] = opts.kind(x) == "tensor" and x:detach() or x
    if is_float(x) then
      inputs[#inputs + 1] = x
      places[#places + 1] = i
    end
  end
  return plain, inputs, places
end

local function any_traced(inputs)
  for _, x in ipairs(inputs) do
    if x.requires_grad then return true end
  end
  return false
end

-- Float numbers become tensors: inside no_grad a full reduction is one, on a tape it is a tensor.
local function lift(results, inputs)
  for k = 1, results.n do
    if math.type(results[k]) == "float" then
      local y = tensor.zeros { dtype = inputs[1].dtype }
      y[{}] = results[k]
      results[k] = y
    end
  end
end

-- Record the results' float tensors, of which backward gets the gradients; the results again.
local function record(name, backward, inputs, results, saved)
  local floats, places = {}, {}
  lift(results, inputs)
  for k = 1, results.n do
    if is_float(results[k]) then
      floats[#floats + 1] = results[k]
      places[#places + 1] = k
    end
  end
  if #floats == 0 then return results end
  local traced = c.operation(name, backward, inputs, floats, saved)
  for j, k in ipairs(places) do results[k] = traced[j] end
  return results
end

-- The tensors that a context holds.
local function tensors_in(context)
  local list = {}
  for _, name in ipairs(opts.names(context)) do
    if opts.kind(context[name]) == "tensor" then list[#list + 1] = context[name] end
  end
  return list
end

--- A function of tensors whose gradient you write yourself. `forward(context, ...)` gets the
--- arguments of a call, tensors without their traces, and returns the results; nothing in it is
--- recorded. What `backward(context, ...)` needs it puts into the table `context`; tensors there
--- must not be changed in place before the backward pass. `backward` gets the gradient of every
--- float tensor among the results (nil where nothing flowed back) and returns, for each argument of
--- the call, its gradient: a tensor of the argument's shape, or nil for none. Errors of both reach
--- the caller.
---     local cube = grad.operation {
---       name = "cube",
---       forward = function(context, x) context.x = x; return x * x * x end,
---       backward = function(context, g) return 3 * context.x * context.x * g end,
---     }
---     grad.check(cube, tensor.of { 1, 2 }) --> true
---@param o { name: string, forward: function, backward: function }
---@return fun(...: any): any
function grad.operation(o)
  o = opts.merge("grad.operation",
    { name = opts.required, forward = opts.required, backward = opts.required }, o)
  opts.expect("grad.operation", "option 'name'", o.name, "string")
  opts.expect("grad.operation", "option 'forward'", o.forward, "function")
  opts.expect("grad.operation", "option 'backward'", o.backward, "function")
  return function(...)
    local plain, inputs, places = plain_of(table.pack(...))
    local context = {}
    local results = table.pack(grad.no_grad(o.forward, context, table.unpack(plain, 1, plain.n)))
    if not grad.enabled() or not any_traced(inputs) then
      return table.unpack(results, 1, results.n)
    end
    local function backward(...)
      local given, found = table.pack(o.backward(context, ...)), {}
      for i, place in ipairs(places) do found[i] = given[place] end
      return table.unpack(found, 1, #places)
    end
    results = record(o.name, backward, inputs, results, tensors_in(context))
    return table.unpack(results, 1, results.n)
  end
end

-- Let operations be recorded again inside a backward pass; the pass itself undoes that.
local function record_again()
  while c.pause(0) > 0 do c.pause(-1) end
end

-- fn(...) with the generator as it was at `state`; afterwards it is again as it is now.
local function replayed(state, fn, ...)
  local rng = require("neap").generator()
  local now = table.pack(rng:state())
  rng:state(table.unpack(state))
  local results = table.pack(pcall(fn, ...))
  rng:state(table.unpack(now))
  if not results[1] then error(results[2], 0) end
  return table.move(results, 2, results.n, 1, { n = results.n - 1 })
end

-- One backward through all results: by one of them, or by the sum of all weighted ones.
local function backward_through(results, gradients)
  local total, only, seed, count = nil, nil, nil, 0
  for k = 1, results.n do
    local y, g = results[k], gradients[k]
    if g ~= nil and opts.kind(y) == "tensor" and y.requires_grad then
      only, seed, count = y, g, count + 1
    end
  end
  if count == 1 then return only:backward { gradient = seed } end
  for k = 1, results.n do
    local y, g = results[k], gradients[k]
    if g ~= nil and opts.kind(y) == "tensor" and y.requires_grad then
      local part = (y * g):sum()
      total = total and total + part or part
    end
  end
  if total then total:backward() end
end

--- The results of `fn(...)`, of which only the arguments are kept for the gradient: what happens
--- inside is computed again in the backward pass, with the same random numbers of
--- `neap.generator()`. It costs a second forward pass and saves the memory of the first, for long
--- sequences and deep nets. Tensors that have gradients come in as arguments or are leaves, such as
--- the parameters of a net; anything else that fn changes (running statistics) changes twice.
---     local x = tensor.of({ 1, 2 }):requires_grad_()
---     local y = grad.checkpoint(function(x) return (x * x):sum() end, x)
---     y:backward()
---     x.grad --> tensor<f64>[2] {2, 4}
---@param fn function
---@return any ...
function grad.checkpoint(fn, ...)
  opts.expect("grad.checkpoint", "fn", fn, "function")
  if not grad.enabled() then return fn(...) end
  local arguments = table.pack(...)
  local plain, inputs, places = plain_of(arguments)
  local state = table.pack(require("neap").generator():state())
  local results = table.pack(grad.no_grad(fn, table.unpack(plain, 1, plain.n)))
  local floats, wanted = {}, {}
  for k = 1, results.n do
    if is_float(results[k]) or math.type(results[k]) == "float" then floats[#floats + 1] = k end
  end
  for i, place in ipairs(places) do wanted[place] = inputs[i].requires_grad end
  local kept = { table.unpack(inputs) }
  -- Parameters inside fn want gradients even where no argument does.
  if not any_traced(inputs) then inputs[#inputs + 1] = tensor.zeros({ 1 }):requires_grad_() end
  local function backward(...)
    local again, gradients, found = { n = plain.n }, {}, {}
    for i = 1, plain.n do
      again[i] = wanted[i] and plain[i]:detach():requires_grad_() or plain[i]
    end
    for j, k in ipairs(floats) do gradients[k] = select(j, ...) end
    record_again()
    backward_through(replayed(state, fn, table.unpack(again, 1, again.n)), gradients)
    for i, place in ipairs(places) do found[i] = wanted[place] and again[place].grad or nil end
    return table.unpack(found, 1, #inputs)
  end
  for i, x in ipairs(kept) do kept[i] = x:detach() end
  results = record("checkpoint", backward, inputs, results, kept)
  return table.unpack(results, 1, results.n)
end

return grad
