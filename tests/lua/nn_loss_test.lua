-- Losses: values and gradients of PyTorch (tests/golden/nn_loss.py), dtypes, what is refused.
local grad = require "neap.grad"
local nn = require "neap.nn"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local golden = tensor.load "tests/golden/nn_loss.npz"

-- The tolerances of tests/c/check.h.
local tolerance = { f64 = 1e-12, f32 = 1e-5 }

local function close(want, got, tol)
  assert.same(want.shape, got.shape)
  local scale = want:abs():max()
  local off = (want - got:to "f64"):abs():max()
  assert.is_true(off <= tol * math.max(1, scale), ("off by %g"):format(off))
end

local cost = { 0.3, 1, 2, 0.7 }
local levels = { 0.1, 0.5, 0.85 }

-- Case, function, options; "y" where y takes part in the gradient, true with weights.
local cases = {
  { "mse", nn.mse, {}, y = true },
  { "mse.sum", nn.mse, { reduction = "sum" } },
  { "mse.none", nn.mse, { reduction = "none" } },
  { "mse.weights", nn.mse, {}, weights = true },
  { "l1", nn.l1, {}, y = true },
  { "l1.sum", nn.l1, { reduction = "sum" } },
  { "l1.none", nn.l1, { reduction = "none" } },
  { "l1.weights", nn.l1, {}, weights = true },
  { "huber", nn.huber, { delta = 0.7 }, y = true },
  { "huber.weights", nn.huber, { delta = 1.3 }, weights = true },
  { "quantile", nn.quantile, { levels = levels } },
  { "quantile.weights", nn.quantile, { levels = levels }, weights = true },
  { "bce", nn.bce_with_logits, {} },
  { "bce.pos_weight", nn.bce_with_logits, { pos_weight = { 0.5, 2, 3 } } },
  { "bce.weights", nn.bce_with_logits, {}, weights = true },
  { "kl", nn.kl_div, {} },
  { "kl.log", nn.kl_div, { log_target = true } },
  { "kl.weights", nn.kl_div, {}, weights = true },
  { "cross", nn.cross_entropy, {} },
  { "cross.class_weights", nn.cross_entropy, { class_weights = cost } },
  { "cross.smoothing", nn.cross_entropy, { label_smoothing = 0.2 } },
  { "cross.both", nn.cross_entropy, { class_weights = cost, label_smoothing = 0.2 } },
  { "cross.ignore", nn.cross_entropy,
    { class_weights = cost, label_smoothing = 0.1, ignore_index = 2 } },
  { "cross.sum", nn.cross_entropy, { class_weights = cost, reduction = "sum" } },
  { "cross.none", nn.cross_entropy,
    { class_weights = cost, label_smoothing = 0.3, reduction = "none" } },
  { "cross.many", nn.cross_entropy, { label_smoothing = 0.1 } },
  { "cross.sequence", nn.cross_entropy, {} },
  { "cross.weights", nn.cross_entropy, { class_weights = cost }, weights = true },
  { "focal", nn.focal, { gamma = 1.5, class_weights = cost }, weights = true },
  { "nll", nn.nll, { class_weights = cost, ignore_index = 3 } },
}

local function options_of(case)
  local o = {}
  for name, value in pairs(case[3]) do o[name] = value end
  if case.weights then o.weights = golden[case[1] .. ".w"] end
  return o
end

describe("a loss", function()
  for _, case in ipairs(cases) do
    local name, fn = case[1], case[2]
    for _, dtype in ipairs { "f64", "f32" } do
      it("is that of PyTorch: " .. name .. ", " .. dtype, function()
        local x = golden[name .. ".x"]:to(dtype):clone():requires_grad_()
        local y = golden[name .. ".y"]
        if y.dtype == "f64" then y = y:to(dtype):clone() end
        if case.y then y:requires_grad_() end
        local loss, want = fn(x, y, options_of(case)), golden[name .. ".loss"]
        assert.equal(dtype, loss.dtype)
        local seed = tensor.arange(1, loss:numel()):to(dtype):reshape(table.unpack(loss.shape))
        loss:backward { gradient = seed }
        close(want, loss:detach():reshape(table.unpack(want.shape)), tolerance[dtype])
        close(golden[name .. ".dx"], x.grad, tolerance[dtype])
        if case.y then close(golden[name .. ".dy"], y.grad, tolerance[dtype]) end
      end)
    end

    it("is a number where nothing is recorded, of strided input too: " .. name, function()
      local x, want = golden[name .. ".x"], golden[name .. ".loss"]
      local n = x:dim()
      local strided = x:transpose(1, n):contiguous():transpose(1, n)
      local loss = fn(strided, golden[name .. ".y"], options_of(case))
      if case[3].reduction == "none" then close(want, loss, tolerance.f64)
      else assert.is_true(math.abs(loss - want:get(1)) <= tolerance.f64 * math.max(1, loss)) end
    end)
  end

  it("flows back times what comes from above, and twice with retain", function()
    local x, y = golden["mse.x"]:clone():requires_grad_(), golden["mse.y"]
    local loss = nn.mse(x, y) * 3
    loss:backward { retain = true }
    close(golden["mse.dx"] * 3, x.grad, tolerance.f64)
    loss:backward()
    close(golden["mse.dx"] * 6, x.grad, tolerance.f64)
  end)

  it("gives a gradient that may be changed without harm to a second pass", function()
    local x, y = golden["mse.x"]:clone():requires_grad_(), golden["mse.y"]
    local loss = nn.mse(x, y)
    loss:backward { retain = true }
    x.grad:mul_(0)
    loss:backward()
    close(golden["mse.dx"], x.grad, tolerance.f64)
  end)
end)

describe("a gradient by differences", function()
  local function drawn(...) return tensor.rand { seed = 3, ... } end
  local function classes(n) return tensor.randint { n, low = 1, high = 4, seed = 4 } end
  local fns = {
    mse = function(x, n, o) return nn.mse(x, drawn(n, 4), o) end,
    l1 = function(x, n, o) return nn.l1(x, drawn(n, 4), o) end,
    huber = function(x, n, o)
      return nn.huber(x, drawn(n, 4), { delta = 0.3, weights = o.weights, reduction = o.reduction })
    end,
    quantile = function(x, n, o)
      return nn.quantile(x, drawn(n), { levels = { 0.1, 0.2, 0.6, 0.9 }, weights = o.weights,
        reduction = o.reduction })
    end,
    bce_with_logits = function(x, n, o) return nn.bce_with_logits(x, drawn(n, 4), o) end,
    kl_div = function(x, n, o) return nn.kl_div(x, drawn(n, 4), o) end,
    cross_entropy = function(x, n, o)
      return nn.cross_entropy(x, classes(n), { label_smoothing = 0.1, weights = o.weights,
        reduction = o.reduction, class_weights = { 1, 2, 0.5, 3 } })
    end,
    focal = function(x, n, o) return nn.focal(x, classes(n), o) end,
    nll = function(x, n, o) return nn.nll(x, classes(n), o) end,
  }
  local layouts = { -- of 5 x 4 numbers, and of 1 x 4
    plain = function(x) return x end,
    transposed = function(x) return x:transpose(1, 2):contiguous():transpose(1, 2) end,
    sliced = function(x) return tensor.cat({ x, x }, 2):slice(2, 3, 6) end,
    broadcast = function(x) return x:slice(1, 1, 1):expand(5, 4) end,
    ["one row"] = function(x) return x:slice(1, 2, 2) end,
  }
  for _, name in ipairs { "mse", "l1", "huber", "quantile", "bce_with_logits", "kl_div",
    "cross_entropy", "focal", "nll" } do
    it("is that of " .. name, function()
      local x = tensor.randn { 5, 4, seed = 8 } * 2
      for layout, view in pairs(layouts) do
        local n = layout == "one row" and 1 or 5
        local weights = drawn(n) + 0.1
        for _, reduction in ipairs { "mean", "sum", "none" } do
          grad.check(function(v)
            return fns[name](view(v), n, { weights = weights, reduction = reduction })
          end, x)
        end
      end
    end)
  end
end)

describe("classes", function()
  local x = tensor.zeros { 2, 3 }

  it("are any numbers that hold them", function()
    for _, dtype in ipairs { "i64", "i32", "u8", "f32", "f64" } do
      local loss = nn.cross_entropy(x, tensor.of({ 1, 3 }, { dtype = dtype }))
      assert.is_true(math.abs(loss - math.log(3)) < 1e-15)
    end
  end)

  local says = support.says

  it("outside 1..K are named", function()
    says("cross_entropy: y[2] is 4, must be a class number, 1 to 3",
      nn.cross_entropy, x, tensor.of { 1, 4 })
    says("focal: y[1] is 0, must be a class number, 1 to 3 (classes are counted from 1)",
      nn.focal, x, tensor.of { 0, 1 })
    says("nll: y[2] is 1.5, must be", nn.nll, x, tensor.of { 1, 1.5 })
    says("cross_entropy: y[1] is nan, must be", nn.cross_entropy, x, tensor.of { 0 / 0, 1 })
    says("cross_entropy: y[1, 2] is 9, must be", nn.cross_entropy, tensor.zeros { 1, 2, 3 },
      tensor.of { { 1, 9 } })
    says("cross_entropy: y is bool, must hold class numbers", nn.cross_entropy, x,
      tensor.of({ true, false }))
  end)

  it("that are all ignored have no mean, and the sum 0", function()
    local y = tensor.of { 2, 2 }
    says("cross_entropy: the rows of the batch weigh 0, or are ignored", nn.cross_entropy, x, y,
      { ignore_index = 2 })
    assert.equal(0.0, nn.cross_entropy(x, y, { ignore_index = 2, reduction = "sum" }))
  end)

  it("need logits that fit", function()
    says("cross_entropy: x [2x3] and y [3] do not fit", nn.cross_entropy, x, tensor.of { 1, 1, 1 })
    says("cross_entropy: class_weights [2] must be one per class, 3", nn.cross_entropy, x,
      tensor.of { 1, 1 }, { class_weights = { 1, 1 } })
    says("cross_entropy: the batch is empty, x is [0x3]", nn.cross_entropy, tensor.zeros { 0, 3 },
      tensor.zeros { 0 })
    says("nn.cross_entropy: there is no option 'weight'; class_weights is one number for each",
      nn.cross_entropy, x, tensor.of { 1, 1 }, { weight = { 1, 1, 1 } })
    says("nn.cross_entropy: label_smoothing is 2, must be from 0 to 1", nn.cross_entropy, x,
      tensor.of { 1, 1 }, { label_smoothing = 2 })
    says("cross_entropy: reduction is 'avg', not one of mean sum none", nn.cross_entropy, x,
      tensor.of { 1, 1 }, { reduction = "avg" })
  end)

  it("other refusals name both values", function()
    local y = tensor.of { 1, 2 }
    says("mse: x [2x3] and y [2] must have the same shape", nn.mse, x, y)
    says("mse: y is f32, but x is f64; convert with y:to \"f64\"", nn.mse, x, x:to "f32")
    says("mse: weights [3] do not fit losses [2x3]", nn.mse, x, x, { weights = tensor.ones { 3 } })
    says("l1: weights[2] is nan, must be finite and not negative", nn.l1, x, x,
      { weights = tensor.of { 1, 0 / 0 } })
    says("nn.huber: delta is 0, must be positive and finite", nn.huber, x, x, { delta = 0 })
    says("nn.quantile: levels[2] is 1.0, must be between 0 and 1", nn.quantile, x, y,
      { levels = { 0.5, 1.0 } })
    says("quantile: levels has 2 numbers, the last dim of x 3", nn.quantile, x, y,
      { levels = { 0.5, 0.6 } })
    says("bce_with_logits: y takes part in a gradient", nn.bce_with_logits, x,
      x:clone():requires_grad_())
  end)

  it("NaN in a prediction makes the loss NaN", function()
    local bad = tensor.of { { 0, 0, 0 }, { 0, 0 / 0, 0 } }
    for _, loss in ipairs { nn.cross_entropy(bad, tensor.of { 1, 1 }), nn.mse(bad, x),
      nn.bce_with_logits(bad, x), nn.kl_div(bad, x) } do
      assert.is_true(loss ~= loss)
    end
  end)
end)
