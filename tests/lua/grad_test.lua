-- The tape from Lua: leaves, passes, what is not recorded, what is refused.
local grad = require "neap.grad"
local metrics = require "neap.metrics"
local tensor = require "neap.tensor"

local function says(text, fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  assert.truthy(message:find(text, 1, true), message)
end

describe("a backward pass", function()
  it("leaves gradients at the leaves", function()
    local x = tensor.of({ 1, 2, 3 }):requires_grad_()
    local loss = (x * x + 3 * x):sum()
    assert.equal(0, loss:dim())
    loss:backward()
    assert.same({ 5, 7, 9 }, x.grad:totable())
  end)

  it("adds to what is there, until that is forgotten", function()
    local x = tensor.of({ 1, 2 }):requires_grad_()
    for _ = 1, 3 do (x * 2):sum():backward() end
    assert.same({ 6, 6 }, x.grad:totable())
    x.grad = nil
    assert.is_nil(x.grad)
  end)

  it("takes a gradient of its own for more than one element", function()
    local x = tensor.of({ 1, 2 }):requires_grad_()
    local y = x * x
    says("only one element can be differentiated", y.backward, y)
    y:backward { gradient = tensor.of { 1, 10 } }
    assert.same({ 2, 40 }, x.grad:totable())
  end)

  it("can be repeated only when it is told to keep what it needs", function()
    local x = tensor.of({ 3 }):requires_grad_()
    local y = (x * x):sum()
    y:backward { retain = true }
    y:backward()
    assert.same({ 12 }, x.grad:totable())
    says("{ retain = true }", y.backward, y)
  end)

  it("sums what was broadcast", function()
    local x, row = tensor.ones({ 3, 2 }):requires_grad_(), tensor.ones({ 2 }):requires_grad_()
    local loss = (x * row):sum()
    loss:backward()
    assert.same({ 3, 3 }, row.grad:totable())
  end)

  it("notices a change in place", function()
    local w = tensor.of({ 1, 2 }):requires_grad_()
    local x = tensor.of { 3, 4 }
    local y = (w * x):sum()
    x:add_(1)
    says("a tensor [2] that 'mul' needs for its gradient was changed in place since", y.backward, y)
  end)
end)

describe("recording", function()
  it("stops inside no_grad, also when that fails", function()
    local x = tensor.of({ 1, 2 }):requires_grad_()
    assert.is_false(grad.no_grad(function() return x * 2 end).requires_grad)
    assert.is_false(pcall(grad.no_grad, error, "no"))
    assert.is_true(grad.enabled())
    assert.is_true((x * 2).requires_grad)
    assert.is_false(x:detach().requires_grad)
  end)

  it("refuses what would lose a gradient", function()
    local x = tensor.of({ 1, 2 }):requires_grad_()
    says("unique: self takes part in a gradient that this cannot record; pass x:detach()",
      x.unique, x)
    says("metrics.auc: p takes part in a gradient", metrics.auc, tensor.of { 0, 1 }, x)
    says("assignment: x takes part in a gradient", function() x[1] = 3 end)
    says("add_: self takes part in a gradient", x.add_, x, 1)
    says("only f32 and f64 have gradients", function()
      return tensor.of({ 1 }, { dtype = "i64" }):requires_grad_()
    end)
    says("the tensor is the result of 'mul'", function() return (x * 2):requires_grad_(false) end)
  end)

  it("lets one look", function()
    local x = tensor.of({ 1, 2 }):requires_grad_()
    assert.equal(2, x:get(2))
    assert.equal(2, #x)
    assert.truthy(tostring(x):find "{1, 2}")
    assert.is_true(x:gt(1)[2])
    assert.equal(2, x:argmax())
    assert.same({ 1, 2 }, x:totable())
  end)
end)
