-- Gradients held against differences of the function itself.
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local grad = require "neap.grad.public"

-- The arguments for f: leaves over the elements of the float tensors, all else as it is.
local function leaves_of(inputs)
  if opts.kind(inputs) == "tensor" then inputs = { inputs } end
  opts.expect("grad.check", "inputs", inputs, "table")
  local arguments, leaves = {}, {}
  for i, x in ipairs(inputs) do
    if opts.kind(x) == "tensor" and (x.dtype == "f64" or x.dtype == "f32") then
      if x.dtype ~= "f64" then
        opts.raise("grad.check: input %d is f32, too coarse for differences; use x:to \"f64\"", i)
      end
      x = x:detach():requires_grad_()
      leaves[#leaves + 1] = { x = x, plain = x:detach(), input = i }
    end
    arguments[i] = x
  end
  if #leaves == 0 then opts.raise "grad.check: no input is a tensor of f64" end
  return arguments, leaves
end

-- The results of f and, of those that have a gradient, the numbers.
local function results_of(f, arguments)
  local results, traced = table.pack(f(table.unpack(arguments))), {}
  for k = 1, results.n do
    local y = results[k]
    if opts.kind(y) == "tensor" and y.requires_grad then traced[#traced + 1] = k end
  end
  if #traced == 0 then
    opts.raise "grad.check: no result of f takes part in a gradient of its inputs"
  end
  return results, traced
end

local function series(y)
  if type(y) == "number" then return tensor.of { y } end
  return y:detach():to "f64":reshape(-1)
end

-- Where element number `flat` of x in C order stands.
local function place_of(x, flat)
  local place = {}
  for d = x:dim(), 1, -1 do
    place[d] = (flat - 1) % x:size(d) + 1
    flat = (flat - 1) // x:size(d) + 1
  end
  return place
end

local function place_text(x, flat)
  return "[" .. table.concat(place_of(x, flat), ", ") .. "]"
end

-- f's results as series, without recording. They are copies: a result may be a view of an input.
local function plainly(f, arguments, traced)
  local results, list = table.pack(grad.no_grad(f, table.unpack(arguments))), {}
  for j, k in ipairs(traced) do list[j] = series(results[k]):clone() end
  return list
end

-- Is backward's a as good as the differences' b?
local function close(a, b, o)
  return a == b or math.abs(a - b) <= o.atol + o.rtol * math.abs(b)
end

local function fail(leaf, where, a, b, o)
  opts.raise("grad.check: input %d%s: backward gives %.10g, differences give %.10g; allowed are "
    .. "%g + %g of that", leaf.input, where, a, b, o.atol, o.rtol)
end

-- The gradients that the results have with these weights: of every leaf a series.
local function gradients(results, traced, leaves, weights)
  for _, leaf in ipairs(leaves) do leaf.x.grad = nil end
  for j, k in ipairs(traced) do
    if weights[j] then
      results[k]:backward { gradient = weights[j]:reshape(results[k].shape), retain = true }
    end
  end
  local list = {}
  for i, leaf in ipairs(leaves) do
    list[i] = leaf.x.grad and series(leaf.x.grad) or tensor.zeros { leaf.x:numel() }
  end
  return list
end

-- Of every leaf, by result and its element, what backward gives: a series over the leaf.
local function backward_rows(results, traced, leaves)
  local rows = {}
  for j, k in ipairs(traced) do
    rows[j] = {}
    for r = 1, results[k]:numel() do
      local one = tensor.zeros { results[k]:numel(), dtype = results[k].dtype }
      one[r] = 1
      local list = gradients(results, traced, leaves, { [j] = one })
      for i = 1, #leaves do list[i] = list[i]:totable() end
      rows[j][r] = list
    end
  end
  return rows
end

-- What differences give for element e of a leaf: a series for every traced result.
local function slopes(f, arguments, traced, leaf, e, eps)
  local place, columns = place_of(leaf.plain, e), {}
  local before = leaf.plain:get(table.unpack(place))
  leaf.plain[place] = before + eps
  local above = plainly(f, arguments, traced)
  leaf.plain[place] = before - eps
  local below = plainly(f, arguments, traced)
  leaf.plain[place] = before
  for j in ipairs(traced) do columns[j] = ((above[j] - below[j]) / (2 * eps)):totable() end
  return columns
end

local function check_elements(f, arguments, leaves, results, traced, o)
  local rows = backward_rows(results, traced, leaves)
  for i, leaf in ipairs(leaves) do
    for e = 1, leaf.x:numel() do
      local columns = slopes(f, arguments, traced, leaf, e, o.eps)
      for j, k in ipairs(traced) do
        for r, b in ipairs(columns[j]) do
          local a = rows[j][r][i][e]
          if not close(a, b, o) then
            fail(leaf, (", element %s, for result %d, element %s"):format(
              place_text(leaf.x, e), k, place_text(results[k], r)), a, b, o)
          end
        end
      end
    end
  end
end

-- One weighted sum of all results along one direction of each leaf.
local function check_directions(f, arguments, leaves, results, traced, o)
  local rng = require("neap").rng(7)
  local weights = {}
  for j, k in ipairs(traced) do
    weights[j] = tensor.randn { results[k]:numel(), rng = rng }:to(results[k].dtype)
  end
  local list = gradients(results, traced, leaves, weights)
  for i, leaf in ipairs(leaves) do
    local way = tensor.randn { leaf.x:numel(), rng = rng }
    local size = way:norm()
    if size > 0 then way = way / size end
    local step, before = way:reshape(leaf.x.shape) * o.eps, leaf.plain:clone()
    leaf.plain:copy_(before + step)
    local above = plainly(f, arguments, traced)
    leaf.plain:copy_(before - step)
    local below = plainly(f, arguments, traced)
    leaf.plain:copy_(before)
    local b = 0.0
    for j, w in ipairs(weights) do b = b + ((above[j] - below[j]) * w):sum() / (2 * o.eps) end
    local a = (list[i] * way):sum()
    if not close(a, b, o) then fail(leaf, ", along a random direction", a, b, o) end
  end
end

--- Hold the gradients of `f(table.unpack(inputs))` against central differences: of every result
--- that has a gradient, by every element of every f64 input; other inputs are passed as they are.
--- Fails naming input, element and both values where |backward - difference| exceeds
--- `atol + rtol |difference|`; NaN always fails. `fast` compares one random direction per input
--- instead of every element. f must give the same results each time, and no input may have elements
--- that share memory.
---     grad.check(function(x) return x:exp():cumsum() end, tensor.of { 1, 2 }) --> true
---@param f fun(...: any): any
---@param inputs any[]|neap.tensor
---@param o? { eps: number, atol: number, rtol: number, fast: boolean }
---@return boolean # true
function grad.check(f, inputs, o)
  o = opts.merge("grad.check", { eps = 1e-6, atol = 1e-5, rtol = 1e-3, fast = false }, o)
  opts.expect("grad.check", "f", f, "function")
  local arguments, leaves = leaves_of(inputs)
  local results, traced = results_of(f, arguments)
  local each = o.fast and check_directions or check_elements
  each(f, arguments, leaves, results, traced, o)
  return true
end

--- A function that calls `f` and returns its value, a number, and then the gradient by each float
--- tensor among the arguments, in their order: zeros where f does not depend on one. Results of f
--- behind the first, which must have one element, are dropped.
---     local squares = grad.value_and_grad(function(x) return (x * x):sum() end)
---     squares(tensor.of { 1, 2 }) --> 5.0, tensor<f64>[2] {2, 4}
---@param f fun(...: any): neap.tensor
---@return fun(...: any): number, neap.tensor, ...
function grad.value_and_grad(f)
  opts.expect("grad.value_and_grad", "f", f, "function")
  return function(...)
    local arguments, leaves = table.pack(...), {}
    for i = 1, arguments.n do
      local x = arguments[i]
      if opts.kind(x) == "tensor" and (x.dtype == "f64" or x.dtype == "f32") then
        arguments[i] = x:detach():requires_grad_()
        leaves[#leaves + 1] = arguments[i]
      end
    end
    if #leaves == 0 then opts.raise "grad.value_and_grad: no argument is a tensor of f64 or f32" end
    local value = f(table.unpack(arguments, 1, arguments.n))
    opts.expect("grad.value_and_grad", "f's result", value, "tensor")
    value:backward()
    local found = {}
    for i, x in ipairs(leaves) do found[i] = x.grad or tensor.zeros_like(x) end
    return value:item(), table.unpack(found, 1, #leaves)
  end
end

return grad
