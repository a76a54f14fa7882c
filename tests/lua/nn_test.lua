-- What all layers share: registration, states, paths in messages; Linear and the containers.
local grad = require "neap.grad"
local neap = require "neap"
local nn = require "neap.nn"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local says = support.says

local function zeros(...)
  local sizes = { ... }
  sizes.dtype = "f32"
  return tensor.zeros(sizes)
end

describe("a layer", function()
  local Scale = nn.layer "Scale"
  function Scale:init(n)
    self.weight = nn.param(tensor.ones { n, dtype = "f32" })
    self:buffer("seen", tensor.zeros({ 1 }))
    self.inner = nn.Linear(n, 2, { bias = false })
    self.width = n
  end
  function Scale:forward(x) return self.inner(x * self.weight) end

  it("finds parameters, buffers and layers by what is assigned", function()
    local l = Scale(3)
    assert.equal(9, l:num_parameters())
    assert.same({ "inner" }, l:child_names())
    local names = {}
    for name in pairs(l:state()) do names[#names + 1] = name end
    table.sort(names)
    assert.same({ "inner.weight", "seen", "weight" }, names)
  end)

  it("counts a shared parameter once", function()
    local a = nn.Linear(2, 2)
    local net = nn.Sequential { a, a }
    assert.equal(2, #net:parameters())
    local n = 0
    for _ in pairs(net:state()) do n = n + 1 end
    assert.equal(4, n)
  end)

  it("switches with all layers inside", function()
    local net = nn.Sequential { Scale(3), nn.Tanh() }
    net:eval()
    assert.is_false(net[1].inner.training)
    net:train()
    assert.is_true(net[1].inner.training)
  end)

  it("is frozen and thawed with all layers inside", function()
    local net = nn.Sequential { nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1) }
    local x = tensor.randn { 8, 3, seed = 1 }
    net[1]:requires_grad_(false)
    local function weights(k) return net[k].weight:detach():totable() end
    local first, last = weights(1), weights(3)
    nn.fit(net, x, x:sum(2), { epochs = 1 })
    assert.same(first, weights(1))
    assert.not_same(last, weights(3))
    assert.equal(net, net:requires_grad_())
    nn.fit(net, x, x:sum(2), { epochs = 1 })
    assert.not_same(first, weights(1))
    says("requires_grad_: on must be a boolean, got number", net.requires_grad_, net, 1)
  end)

  it("converts its dtype, and keeps parameters trained", function()
    local l = Scale(3):to "f64"
    assert.equal("f64", l.inner.weight.dtype)
    assert.is_true(l.weight.requires_grad)
    assert.equal(2, #l:parameters())
    assert.equal("f64", l(tensor.zeros { 1, 3 }).dtype)
  end)

  it("prints as a tree", function()
    assert.equal("Sequential()\n  [1] Linear(3 -> 8)\n  [2] Tanh()",
      tostring(nn.Sequential { nn.Linear(3, 8), nn.Tanh() }))
  end)
end)

describe("a state", function()
  it("names positions from 0, and goes into another net", function()
    local a = nn.Sequential { nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1) }
    local b = nn.Sequential { nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1) }
    assert.truthy(a:state()["2.weight"])
    b:load_state(a:state())
    local x = tensor.randn { 5, 3, dtype = "f32" }
    assert.same(a(x):totable(), b(x):totable())
  end)

  it("changes nothing when a number cannot be converted, or a name is none", function()
    local net = nn.Sequential { nn.Linear(2, 3), nn.BatchNorm1d(3) }
    local state, before = {}, net[1].weight:detach():clone()
    for name, t in pairs(net:state()) do state[name] = t:clone() + 1 end
    state["1.num_batches_tracked"] = tensor.full { dtype = "f64", value = 0 / 0 }
    for _ = 1, 20 do -- names come in any order
      says("conversion: nan from f64", net.load_state, net, state)
      assert.is_true(before:eq(net[1].weight:detach()):all())
    end
    state["1.num_batches_tracked"] = net[2].num_batches_tracked
    state[5] = before
    says("load_state: the names of a state are strings, got 5", net.load_state, net, state)
    state[5] = nil
    do local closed <close> = state["0.bias"] end -- luacheck: ignore 211
    says("load_state: '0.bias' in the state was closed", net.load_state, net, state)
  end)

  it("lists what is missing and too much, and changes nothing then", function()
    local net = nn.Linear(3, 2)
    local before = net.weight:totable()
    says("load_state: missing bias; extra w", net.load_state, net,
      { weight = tensor.zeros { 2, 3 }, w = tensor.zeros { 1 } })
    says("load_state: 'weight' is [3x2] in the state, [2x3] in the net", net.load_state, net,
      { weight = tensor.zeros { 3, 2 } }, { strict = false })
    assert.same(before, net.weight:totable())
    net:load_state({ weight = tensor.zeros { 2, 3 } }, { strict = false })
    net:load_state(net:state(), { "bias", "weight" }) -- as tensor.load returns them
    assert.equal(0, net.weight:detach():abs():max())
  end)
end)

describe("wrong arguments", function()
  it("are named with what was given", function()
    for _, name in ipairs { "ReLU", "Tanh", "Sigmoid", "Softplus", "Softmax", "Flatten", "Last" } do
      says(name:lower() .. ": x must be a tensor, got string", nn[name](), "x")
      says(name:lower() .. ": x must be a tensor, got nil", nn[name]())
    end
    for name, made in pairs { Linear = { 2, 3 }, Conv1d = { 2, 3, 1 }, LSTM = { 2, 3 },
      LayerNorm = { 2 }, GroupNorm = { 1, 2 }, BatchNorm1d = { 2 }, Embedding = { 2, 3 },
      MultiheadAttention = { 2, 1 } } do
      table.insert(made, { dtype = "i64" })
      says(("nn.%s: option 'dtype' must be \"f32\" or \"f64\", got 'i64'"):format(name),
        nn[name], table.unpack(made))
    end
    says("nn.GRU: hidden is 4611686018427387904, must be", nn.GRU, 2, 1 << 62)
    says("nn.layer: a name is expected", nn.layer)
    says("apply: fn must be a function, got nil", nn.Linear(1, 1).apply, nn.Linear(1, 1))
    says("buffer: 'b' must be a tensor, got number", nn.Linear(1, 1).buffer, nn.Linear(1, 1), "b",
      5)
  end)
end)

describe("a mistake inside a net", function()
  local net = nn.Sequential { nn.Linear(3, 8), nn.Sequential { nn.Tanh(), nn.Linear(7, 1) } }

  it("says in which layer", function()
    says("net[1] (Linear): linear: x [2x4] has 4 features in its last dim, the layer takes 3",
      net, zeros(2, 4))
    says("net[2][2] (Linear): linear: x [2x8] has 8 features", net, zeros(2, 3))
    says("linear: x is f64, but weight is f32; convert with x:to \"f32\"", net,
      tensor.zeros { 2, 3 })
  end)

  it("is placed while a coroutine rests inside another net", function()
    local Resting = nn.layer "Resting"
    function Resting.init() end
    function Resting.forward(_, x) coroutine.yield() return x end
    local resting = Resting()
    coroutine.wrap(function() resting(zeros(1, 2)) end)()
    says("net[1] (Linear): linear: x [1x2]", nn.Sequential { nn.Linear(3, 1) }, zeros(1, 2))
  end)

  it("leaves the next call alone", function()
    local good = nn.Linear(3, 1)
    assert.is_false(pcall(good, zeros(2, 4)))
    assert.same({ 2, 1 }, good(zeros(2, 3)).shape)
  end)
end)

describe("Linear", function()
  it("has the gradients of a product", function()
    local l = nn.Linear(3, 2, { dtype = "f64" })
    local x = tensor.randn({ 4, 5, 3 }):requires_grad_()
    local y = l(x)
    assert.same({ 4, 5, 2 }, y.shape)
    local g = tensor.randn { 4, 5, 2 }
    y:backward { gradient = g }
    local flat = g:reshape(20, 2)
    local w = l.weight:detach()
    assert.is_true((x.grad:reshape(20, 3) - flat:matmul(w)):abs():max() < 1e-12)
    assert.is_true((l.weight.grad - flat:t():matmul(x:detach():reshape(20, 3))):abs():max() < 1e-12)
    assert.is_true((l.bias.grad - flat:sum(1)):abs():max() < 1e-12)
  end)

  it("starts within 1 / sqrt(inputs), by the run's seed", function()
    neap.seed(3)
    local a = nn.Linear(16, 50).weight:totable()
    neap.seed(3)
    assert.same(a, nn.Linear(16, 50).weight:totable())
    local w = nn.Linear(16, 50).weight:detach()
    assert.is_true(w:abs():max() <= 0.25 and w:abs():max() > 0.24)
  end)
end)

describe("containers", function()
  it("put results side by side", function()
    local net = nn.Concat { nn.Linear(3, 2), nn.Linear(3, 4) }
    assert.same({ 5, 6 }, net(zeros(5, 3)).shape)
    local two = nn.Parallel { nn.Linear(3, 2), nn.Linear(2, 4) }
    assert.same({ 5, 6 }, two(zeros(5, 3), zeros(5, 2)).shape)
    says("parallel: 1 inputs for 2 layers", two, zeros(5, 3))
  end)

  it("reshape as they say", function()
    assert.same({ 2, 12 }, nn.Flatten()(zeros(2, 3, 4)).shape)
    assert.same({ 2, 4 }, nn.Last()(zeros(2, 3, 4)).shape)
    assert.same({ 4, 2, 3 }, nn.Permute(3, 1, 2)(zeros(2, 3, 4)).shape)
    local same = nn.Residual(nn.Linear(3, 3))
    assert.same({ 2, 3 }, same(zeros(2, 3)).shape)
    says("last: x [2x3] must be [batch, time, features]", nn.Last(), zeros(2, 3))
    assert.same({ 0, 12 }, nn.Flatten()(zeros(0, 3, 4)).shape)
    says("last: x [2x0x4] has no time steps", nn.Last(), zeros(2, 0, 4))
  end)

  it("refuse what is no layer", function()
    says("nn.Sequential: entry 2 is no layer, but a function", nn.Sequential,
      { nn.Linear(1, 1), print })
  end)

  it("answer names of PyTorch and calls with a dot", function()
    local net = nn.Sequential { nn.Linear(1, 1) }
    says("net: there is no method 'state_dict'; write net:state()",
      function() return net:state_dict() end)
    says("net: there is no method 'cuda'; write nothing, neap computes on the CPU",
      function() return net[1]:cuda() end)
    says("load_state: state must be a table, got a string; read a file by tensor.load(path)",
      net.load_state, net, "net.safetensors")
    for _, name in ipairs { "train", "eval", "parameters", "named_parameters", "state", "apply" } do
      says(name .. ": self must be a layer, got nil; methods are called with a colon",
        net[name], nil)
    end
  end)

  it("need no init, a forward, and no plain tables of layers", function()
    local Bare = nn.layer "Bare"
    says("Bare: the class has no forward; write function Bare:forward(x) ... end", Bare(), zeros(1))
    function Bare.forward(_, x) return x * 2 end
    assert.equal(4, Bare()(zeros(1) + 2):item())
    local Many = nn.layer "Many"
    function Many:init() self.parts = { nn.Linear(1, 1), nn.Linear(1, 1) } end
    says("Many: layers in a plain table are not trained or saved; write self.parts = nn.Sequential",
      Many)
    function Many:init() self.parts, self.sizes = nn.Sequential { nn.Linear(1, 1) }, { 1, 2 } end
    assert.equal(1, Many():state()["parts.0.weight"]:numel())
  end)

  it("record nothing inside no_grad", function()
    local net = nn.Linear(3, 1)
    assert.is_false(grad.no_grad(net, zeros(2, 3)).requires_grad)
  end)
end)
