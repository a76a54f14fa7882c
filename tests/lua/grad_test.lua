-- The tape from Lua: leaves, passes, what is not recorded, what is refused.
local file = require "neap.file"
local grad = require "neap.grad"
local metrics = require "neap.metrics"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local says = support.says

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

  it("adds slices into one gradient, which others may hold", function()
    local x = tensor.of({ 1, 2, 3 }):requires_grad_()
    local y = x * 1
    local sum = y[1] * 2 + y[3] * 3 + y[{ { 2, 3 } }]:sum() + y:sum() + x[-1]
    sum:backward()
    local held = x.grad
    assert.same({ 3, 2, 6 }, held:totable())
    x[1]:backward()
    assert.same({ 4, 2, 6 }, x.grad:totable())
    assert.same({ 3, 2, 6 }, held:totable())
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
    local _, text = pcall(grad.no_grad)
    assert.truthy(text:find("grad.no_grad: a function is expected, as in", 1, true), text)
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
    assert.same({ 1, 1 }, (x:histogram { bins = 2 }):totable())
    assert.is_true(x:isin(x):all())
    local folder = file.temporary_folder()
    for _, name in ipairs { "/x.npy", "/x.npz", "/x.safetensors" } do
      tensor.save(folder .. name, name == "/x.npy" and x or { x = x })
      local back = tensor.load(folder .. name)
      assert.same({ 1, 2 }, (name == "/x.npy" and back or back.x):totable())
    end
    file.remove_tree(folder)
    assert.same({ 1, 2 }, x:totable())
  end)
end)

describe("grad.check", function()
  local x = tensor.of { { 1, 2 }, { 3, 4 } }

  it("names input, element and both values", function()
    local wrong = grad.operation {
      name = "wrong",
      forward = function(_, y) return y * y end,
      backward = function(_, g) return g * 2 end,
    }
    says("grad.check: input 2, element [1, 2], for result 1, element [1, 2]: backward gives 2, "
      .. "differences give 4", grad.check, function(_, y) return wrong(y) end, { 1, x })
    says("grad.check: input 1, along a random direction: backward gives", grad.check, wrong, x,
      { fast = true })
  end)

  it("puts the inputs back, and leaves their gradients alone", function()
    local leaf = x:clone():requires_grad_()
    assert.is_true(grad.check(function(y) return y:exp() end, leaf))
    assert.is_true(grad.check(function(y) return y:exp() end, leaf, { fast = true }))
    assert.is_nil(leaf.grad)
    assert.is_true(leaf:eq(x):all())
  end)

  it("fails for NaN", function()
    says("backward gives", grad.check, function(y) return y:sqrt() end, tensor.of { -1 })
  end)

  it("refuses", function()
    local f = function(y) return y:detach() end
    says("no result of f takes part in a gradient of its inputs", grad.check, f, x)
    says("no input is a tensor of f64", grad.check, f, { 1 })
    says("grad.check: input 1 is f32", grad.check, f, x:to "f32")
    says("unknown option 'tol'", grad.check, f, x, { tol = 1 })
    says("grad.check: f must be a function", grad.check, x, f)
  end)
end)

describe("grad.value_and_grad", function()
  it("gives zeros where nothing depends", function()
    local value, a, b = grad.value_and_grad(function(x, y, n) return (x * n):sum() + y:numel() end)(
      tensor.of { 1, 2 }, tensor.of { 1, 2, 3 }, 5)
    assert.equal(18, value)
    assert.same({ 5, 5 }, a:totable())
    assert.same({ 0, 0, 0 }, b:totable())
  end)

  it("says what is wrong", function()
    says("no argument is a tensor of f64 or f32", grad.value_and_grad(function() end), 1)
    says("f's result must be a tensor, got nil", grad.value_and_grad(function() end),
      tensor.of { 1 })
    says("only one element", grad.value_and_grad(function(x) return x * 2 end), tensor.of { 1, 2 })
  end)
end)

describe("an operation in Lua", function()
  local divide = grad.operation { -- x/y and how often it was called
    name = "divide",
    forward = function(context, x, y, times)
      context.x, context.y = x, y
      assert.is_false(grad.enabled())
      assert.is_false(x.requires_grad)
      return x / y, times
    end,
    backward = function(context, g)
      return g / context.y, -g * context.x / (context.y * context.y)
    end,
  }

  it("has the gradient that it says", function()
    local x, y = tensor.of { 1, 2 }, tensor.of { 3, 4 }
    assert.is_true(grad.check(divide, { x, y }))
    local ratio, times = divide(x:clone():requires_grad_(), y, 3)
    assert.is_true(ratio.requires_grad)
    assert.equal(3, times)
    assert.is_false(divide(x, y).requires_grad)
  end)

  it("gives full reductions as tensors, and takes them", function()
    local total = grad.operation {
      name = "total",
      forward = function(context, x) context.n = #x; return x:sum() end,
      backward = function(context, g) return g:expand(context.n) end,
    }
    assert.is_true(grad.check(function(x) return total(x) * 2 end, tensor.of { 1, 2, 3 }))
  end)

  it("gets nil where nothing flowed", function()
    local seen
    local two = grad.operation {
      name = "two",
      forward = function(_, x) return x + 1, x + 2 end,
      backward = function(_, a, b) seen = { a, b }; return b end,
    }
    local x = tensor.of({ 1, 2 }):requires_grad_()
    local _, second = two(x)
    second:sum():backward()
    assert.is_nil(seen[1])
    assert.same({ 1, 1 }, x.grad:totable())
  end)

  it("raises what its functions raise", function()
    local x = tensor.of({ 1, 2 }):requires_grad_()
    local function with(backward)
      local y = grad.operation { name = "odd", forward = function(context, z)
        context.z = z
        return z * 1
      end, backward = backward }(x)
      return y:sum()
    end
    local ok, e = pcall(function() with(function() error { code = 7 } end):backward() end)
    assert.is_false(ok)
    assert.equal(7, e.code)
    local function fails(text, backward)
      local y = with(backward)
      says(text, y.backward, y)
      assert.is_true(grad.enabled())
      assert.is_nil(x.grad)
    end
    fails("grad_test.lua", function() error "no" end)
    fails("odd: a gradient of shape [3] for an input of shape [2]",
      function() return tensor.ones { 3 } end)
    fails("odd: backward must return a tensor or nil for input 1, got number",
      function() return 3 end)
    fails("odd: backward returned i64 for input 1; gradients are floats",
      function() return tensor.of({ 1, 2 }, { dtype = "i64" }) end)
    fails("attempt to yield", function() coroutine.yield() end)
    says("no forward", grad.operation { name = "odd", backward = print,
      forward = function() error "no forward" end }, x)
    assert.is_true(grad.enabled())
  end)

  it("notices changes in place of what it kept", function()
    local x, y = tensor.of({ 1, 2 }):requires_grad_(), tensor.of { 3, 4 }
    local z = divide(x, y)
    y:add_(1)
    says("that 'divide' needs for its gradient was changed in place since", z.backward, z,
      { gradient = y })
  end)

  it("may change the gradient it gets", function()
    local scaled = grad.operation {
      name = "scaled",
      forward = function(_, x) return x * 2 end,
      backward = function(_, g) return g:mul_(2) end,
    }
    local x = tensor.of({ 1, 2 }):requires_grad_()
    local y = scaled(x) + scaled(x) + x
    y:sum():backward()
    assert.same({ 5, 5 }, x.grad:totable())
  end)

  it("may run a backward of its own, but not of what runs", function()
    local x, y = tensor.of({ 1, 2 }):requires_grad_(), nil
    local inner = grad.operation {
      name = "inner",
      forward = function(_, z) return z * z end,
      backward = function(_, g) y:backward { gradient = tensor.ones { 2 } }; return g end,
    }
    local outer = x * 2
    y = inner(outer)
    says("it runs inside the gradient of another backward, and reaches", y.backward, y,
      { gradient = tensor.ones { 2 } })
    y = x * 3
    inner(x * 1):backward { gradient = tensor.ones { 2 } }
    assert.same({ 4, 4 }, x.grad:totable())
  end)

  it("lets go of its functions with the tape", function()
    local seen = setmetatable({}, { __mode = "k" })
    local x = tensor.of({ 1, 2 }):requires_grad_()
    for i = 1, 50 do
      local big = {}
      seen[big] = true
      local operation = grad.operation {
        name = "held",
        forward = function(context, z) context.big, context.z = big, z; return z * 1 end,
        backward = function(context, g) return g * #context.big end,
      }
      local y = operation(x)
      if i % 2 == 0 then y:sum():backward() end
    end
    collectgarbage()
    collectgarbage()
    divide(x, x) -- what finalizers let go is forgotten at the next call
    collectgarbage()
    assert.is_nil(next(seen))
  end)
end)

describe("grad.checkpoint", function()
  it("gives the same gradients, of arguments and of leaves inside", function()
    local w = tensor.of({ 2, 3 }):requires_grad_()
    local function f(x, n) return (x * w):exp() * n, (x + w):sum(), n end
    local function gradients(call)
      local x = tensor.of({ 0.1, 0.2 }):requires_grad_()
      w.grad = nil
      local a, b, n = call(x)
      assert.equal(3, n)
      local loss = (a:sum() + b * 2)
      loss:backward()
      return loss:item(), x.grad:totable(), w.grad:totable()
    end
    local plain = { gradients(function(x) return f(x, 3) end) }
    assert.same(plain, { gradients(function(x) return grad.checkpoint(f, x, 3) end) })
  end)

  it("works where only leaves inside have gradients", function()
    local w = tensor.of({ 2, 3 }):requires_grad_()
    grad.checkpoint(function(x) return (x * w):sum() end, tensor.of { 5, 6 }):backward()
    assert.same({ 5, 6 }, w.grad:totable())
  end)

  it("draws the same random numbers again, and no others after", function()
    local x = tensor.of({ 1, 2, 3 }):requires_grad_()
    neap.seed(3)
    local y = grad.checkpoint(function(z) return z * tensor.rand { 3 } end, x)
    local after = neap.generator():uniform()
    y:sum():backward()
    assert.is_true((y:detach() / x:detach()):eq(x.grad):all() or
      (y:detach() / x:detach() - x.grad):abs():max() < 1e-15)
    neap.seed(3)
    tensor.rand { 3 }
    assert.equal(after, neap.generator():uniform())
  end)

  it("nests, and is what it is without a tape", function()
    local x = tensor.of({ 1, 2 }):requires_grad_()
    local function square(z) return z * z end
    local y = grad.checkpoint(function(z) return grad.checkpoint(square, z) * 3 end, x)
    y:sum():backward()
    assert.same({ 6, 12 }, x.grad:totable())
    assert.equal(5, grad.no_grad(grad.checkpoint, function(z) return (z * z):sum() end, x))
  end)

  it("says when fn uses a traced tensor that is no argument", function()
    local x = tensor.of({ 1, 2 }):requires_grad_()
    local h = x * 2
    local y = grad.checkpoint(function(z) return z * h end, x) + h
    says("pass x as an argument", y.backward, y, { gradient = tensor.ones { 2 } })
  end)
end)

describe("hostile use", function()
  it("in coroutines, of freed tensors, of gradients that were set", function()
    local x = tensor.of({ 1, 2 }):requires_grad_()
    coroutine.wrap(function() (x * x):sum():backward() end)()
    assert.same({ 2, 4 }, x.grad:totable())
    x.grad = tensor.of { 10, 10 }
    local y = x * 3
    local z = (y * y):sum()
    y:free()
    z:backward()
    assert.same({ 28, 46 }, x.grad:totable())
    says("tensor was closed", y.backward, y)
  end)

  it("of one leaf a hundred thousand times", function()
    local x = tensor.of({ 1 }):requires_grad_()
    local y = x
    for _ = 1, 100000 do y = y + x end
    y:backward()
    assert.equal(100001, x.grad[1])
  end)

  it("under a collector that runs all the time", function()
    local x = tensor.of({ 0.1, 0.2, 0.3 }):requires_grad_()
    local function loss(z)
      local y = z
      for _ = 1, 20 do y = (y:tanh() + z:softmax(1)):clamp(-1, 1) * z end
      return y:sum()
    end
    loss(x):backward()
    local want = x.grad:totable()
    x.grad = nil
    debug.sethook(function() collectgarbage() end, "", 10)
    local ok, e = pcall(function() loss(x):backward() end)
    debug.sethook()
    assert.is_true(ok, e)
    assert.same(want, x.grad:totable())
  end)
end)

describe("grad.no_grad in a coroutine", function()
  it("cannot be left with recording off", function()
    local ok, message = pcall(coroutine.wrap(function() grad.no_grad(coroutine.yield) end))
    assert.is_false(ok)
    assert.truthy(message:find("no_grad: a coroutine cannot yield inside", 1, true), message)
    assert.is_true(grad.enabled())
  end)

  it("passes on what fn raised", function()
    local thrown = {}
    local ok, caught = pcall(grad.no_grad, error, thrown)
    assert.is_false(ok)
    assert.equal(thrown, caught)
    assert.is_true(grad.enabled())
  end)
end)

describe("gradients of nothing", function()
  it("add up where a tensor of no elements is used twice", function()
    local x = tensor.zeros({ 0, 5, 4 }):requires_grad_()
    local y = x:sum(2, { keepdim = true })
    ;(y + x * y + x):sum():backward()
    assert.same({ 0, 5, 4 }, x.grad.shape)
  end)
end)
