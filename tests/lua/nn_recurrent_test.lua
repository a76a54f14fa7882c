-- LSTM, GRU and RNN: PyTorch's values and gradients, states, ragged batches, steps, refusals.
local grad = require "neap.grad"
local neap = require "neap"
local nn = require "neap.nn"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local F64_TOL, F32_TOL = 1e-12, 1e-5

local says = support.says

-- Largest difference, relative to numbers above 1.
local function distance(a, b)
  assert.same(b.shape, a.shape)
  local scale = b:abs():maximum(tensor.ones { 1, dtype = b.dtype })
  return ((a - b):abs() / scale):max()
end

local function assert_close(got, want, tol, what)
  local off = distance(got:detach(), want)
  assert(off <= tol, ("%s: off by %g"):format(what or "values", off))
end

local function same_bits(a, b)
  assert.same(b.shape, a.shape)
  assert.is_true(a:detach():eq(b:detach()):all())
end

local LAYERS = {
  lstm = function(o) return nn.LSTM(4, 6, o) end,
  lstm_deep = function(o)
    o.num_layers, o.bidirectional = 2, true
    return nn.LSTM(3, 5, o)
  end,
  gru = function(o)
    o.bias = false
    return nn.GRU(4, 6, o)
  end,
  gru_deep = function(o)
    o.num_layers, o.bidirectional = 2, true
    return nn.GRU(3, 5, o)
  end,
  rnn = function(o)
    o.bidirectional = true
    return nn.RNN(4, 6, o)
  end,
  rnn_deep = function(o)
    o.num_layers, o.nonlinearity = 3, "relu"
    return nn.RNN(3, 5, o)
  end,
}
local NAMES = { "lstm", "lstm_deep", "gru", "gru_deep", "rnn", "rnn_deep" }

describe("recurrent layers against PyTorch", function()
  local golden = tensor.load "tests/golden/nn_recurrent.npz"

  local function given(name, dtype)
    return function(key)
      local t = golden[name .. "." .. key]
      if t and t.dtype == "f64" then t = t:to(dtype) end
      return t and t:clone()
    end
  end

  local function run(name, dtype)
    local of, layer, state = given(name, dtype), LAYERS[name] { dtype = dtype }, {}
    for key in pairs(layer:state()) do state[key] = of("param_" .. key) end
    layer:load_state(state)
    local leaves = { x = of "x", h0 = of "h0", c0 = of "c0" }
    for _, leaf in pairs(leaves) do leaf:requires_grad_() end
    local o = { h = leaves.h0, lengths = of "lengths" }
    if leaves.c0 then o.c = leaves.c0 end
    local y, h, c = layer(leaves.x, o)
    local loss = (y * of "by_y"):sum() + (h * of "by_h"):sum()
    if c then loss = loss + (c * of "by_c"):sum() end
    loss:backward()
    for _, entry in ipairs(layer:named_parameters()) do leaves[entry[1]] = entry[2] end
    return of, { y = y, h = h, c = c }, leaves
  end

  for _, name in ipairs(NAMES) do
    for dtype, tol in pairs { f64 = F64_TOL, f32 = F32_TOL } do
      it(("gives the values and gradients of %s in %s"):format(name, dtype), function()
        local of, results, leaves = run(name, dtype)
        for key, t in pairs(results) do assert_close(t, of("out_" .. key), tol, key) end
        for key, t in pairs(leaves) do assert_close(t.grad, of("grad_" .. key), tol, key) end
      end)
    end
  end
end)

describe("recurrent layers", function()
  it("have PyTorch's names, shapes and order of parameters", function()
    local names, lstm = {}, nn.LSTM(3, 5, { num_layers = 2, bidirectional = true })
    for i, entry in ipairs(lstm:named_parameters()) do names[i] = entry[1] end
    assert.equal(16, #names)
    assert.same({ "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0",
      "weight_ih_l0_reverse" }, table.move(names, 1, 5, 1, {}))
    assert.same({ 20, 10 }, lstm.weight_ih_l1_reverse.shape)
    assert.same({ 15, 5 }, nn.GRU(3, 5).weight_hh_l0.shape)
    assert.equal("LSTM(3 -> 10, 2 layers, bidirectional)", tostring(lstm))
    assert.equal("RNN(3 -> 5, relu, no bias)",
      tostring(nn.RNN(3, 5, { nonlinearity = "relu", bias = false })))
  end)

  it("start within 1 / sqrt(hidden)", function()
    local w = nn.GRU(3, 16).weight_hh_l0:detach()
    assert.is_true(w:abs():max() <= 0.25)
    assert.is_true(w:std() > 0.1)
  end)

  it("give the same bits in steps, in batches and alone", function()
    for _, make in ipairs { nn.LSTM, nn.GRU, nn.RNN } do
      local net = make(7, 19, { num_layers = 2 })
      local x = tensor.randn { 35, 6, 7, dtype = "f32" }
      grad.no_grad(function()
        local y, h, c = net(x)
        local hs = tensor.zeros { 2, 35, 19, dtype = "f32" }
        local cs = c and hs:clone()
        for t = 1, 6 do same_bits(net:step(x[{ {}, t }], hs, cs), y[{ {}, t }]) end
        same_bits(hs, h)
        if c then same_bits(cs, c) end
        same_bits(net(x:slice(1, 9, 9)), y:slice(1, 9, 9))
      end)
    end
  end)

  it("have the same bits at any thread count", function()
    local results = {}
    for _, n in ipairs { 1, 2, 4 } do
      neap.set_threads(n)
      neap.seed(3)
      local net = nn.LSTM(9, 33, { num_layers = 2, bidirectional = true, dropout = 0.3 })
      local x = tensor.randn { 40, 12, 9, dtype = "f32" }
      local y, h = net(x)
      local loss = (y * y):sum() + h:sum()
      loss:backward()
      results[#results + 1] = { y, net.weight_hh_l0.grad, net.bias_ih_l1_reverse.grad }
    end
    neap.set_threads(2)
    for n = 2, 3 do
      for i = 1, 3 do same_bits(results[n][i], results[1][i]) end
    end
  end)

  it("look at nothing behind the end of a row", function()
    local net = nn.GRU(3, 5, { bidirectional = true, dtype = "f64" })
    local x, nan = tensor.randn { 3, 6, 3 }, 0 / 0
    local spoiled = x:clone()
    spoiled[{ 2, { 3, 6 } }] = nan
    x:requires_grad_()
    spoiled:requires_grad_()
    local y, h = net(x, { lengths = { 6, 2, 4 } })
    local z, g = net(spoiled, { lengths = tensor.of({ 6, 2, 4 }, { dtype = "i32" }) })
    same_bits(z, y)
    same_bits(g, h)
    assert.equal(0, y:detach()[{ 2, { 3, 6 } }]:abs():max())
    same_bits(net(x:detach():slice(1, 2, 2):slice(2, 1, 2)), y:slice(1, 2, 2):slice(2, 1, 2))
    z:sum():backward()
    local weights = net.weight_ih_l0.grad:clone()
    net:zero_grad()
    y:sum():backward()
    same_bits(weights, net.weight_ih_l0.grad)
    same_bits(spoiled.grad, x.grad)
    assert.equal(0, x.grad[{ 2, { 3, 6 } }]:abs():max())
  end)

  it("read x of any strides", function()
    local net = nn.LSTM(4, 5, { dtype = "f64" })
    local x = tensor.randn { 6, 4, 3 }
    local turned = x:permute(3, 1, 2) -- batch 3, time 6, features 4
    same_bits(net(turned), net(turned:contiguous()))
    local wide = tensor.randn { 2, 9, 8 }
    local part = wide:slice(2, 2, 8, 2):slice(3, 1, 4)
    same_bits(net(part), net(part:contiguous()))
    local last = tensor.randn({ 2, 3, 8 }):slice(3, 1, 8, 2)
    same_bits(net(last), net(last:contiguous()))
    same_bits(net(x:slice(1, 1, 1):transpose(2, 3):expand(5, 3, 4)),
      net(x:slice(1, 1, 1):transpose(2, 3):expand(5, 3, 4):contiguous()))
  end)

  it("pass gradients back to where x lies", function()
    for _, make in ipairs { nn.LSTM, nn.GRU, nn.RNN } do
      local net = make(4, 5, { dtype = "f64", bidirectional = true })
      local wide = tensor.randn({ 2, 9, 8 }):requires_grad_()
      local function part(t) return t:slice(2, 2, 8, 2):slice(3, 1, 7, 2) end
      local near = part(wide:detach()):contiguous():requires_grad_()
      local y = net(part(wide))
      y:sum():backward()
      local weights = net.weight_hh_l0_reverse.grad:clone()
      net:zero_grad()
      y = net(near)
      y:sum():backward()
      same_bits(part(wide.grad), near.grad)
      same_bits(net.weight_hh_l0_reverse.grad, weights)
      assert.equal(0, wide.grad[{ {}, 1 }]:abs():max())
    end
  end)

  it("can be passed back twice, and not after a change of their weights", function()
    local net = nn.LSTM(1, 1, { dtype = "f64" })
    local y = net(tensor.randn { 1, 1, 1 })
    local loss = y:sum()
    loss:backward { retain = true }
    local once = net.weight_ih_l0.grad:clone()
    loss:backward { retain = true }
    same_bits(net.weight_ih_l0.grad, once * 2)
    net.weight_hh_l0:detach():mul_(2)
    says("changed in place", loss.backward, loss)
  end)

  it("see weights that have changed in place or been replaced", function()
    local net = nn.RNN(2, 3)
    local x = tensor.ones { 1, 1, 2, dtype = "f32" }
    grad.no_grad(function()
      local h = tensor.zeros { 1, 1, 3, dtype = "f32" }
      net:step(x[{ {}, 1 }], h:clone())
      net.weight_ih_l0:detach():mul_(0)
      net.bias_ih_l0:detach():mul_(0)
      net.bias_hh_l0:detach():mul_(0):add_(0.5)
      local want = tensor.full { 3, value = 0.5, dtype = "f32" }:tanh()
      same_bits(net(x):reshape(3), want)
      same_bits(net:step(x[{ {}, 1 }], h):reshape(3), want)
      assert.equal("f64", net:to("f64")(x:to "f64").dtype)
    end)
  end)

  it("drop between layers in training only", function()
    local net = nn.LSTM(3, 16, { num_layers = 2, dropout = 0.5 })
    local x = tensor.randn { 2, 4, 3, dtype = "f32" }
    assert.is_false(net(x):detach():eq(net(x):detach()):all())
    net:eval()
    same_bits(net(x), net(x))
  end)

  it("give empty results for an empty batch", function()
    local net = nn.LSTM(3, 4, { dtype = "f64" })
    local x = tensor.zeros({ 0, 5, 3 }):requires_grad_()
    local y, h = net(x)
    assert.same({ 0, 5, 4 }, y.shape)
    assert.same({ 1, 0, 4 }, h.shape)
    y:sum():backward()
    assert.equal(0, net.weight_hh_l0.grad:abs():max())
    assert.same({ 0, 5, 3 }, x.grad.shape)
  end)

  it("give a gradient to those who want one only", function()
    local net = nn.GRU(3, 4, { dtype = "f64" })
    for _, p in ipairs(net:parameters()) do p:requires_grad_(false) end
    local x = tensor.randn { 2, 3, 3 }
    assert.is_false(net(x).requires_grad)
    local h = tensor.zeros({ 1, 2, 4 }):requires_grad_()
    local _, last = net(x, { h = h })
    last:sum():backward()
    assert.is_true(h.grad:abs():max() > 0)
    assert.is_nil(net.weight_ih_l0.grad)
  end)

  it("say what they cannot take", function()
    local lstm = nn.LSTM(3, 4, { num_layers = 2 })
    local function zeros(...) return tensor.zeros { dtype = "f32", ... } end
    says("lstm: x is [5x3], expected [batch, time, features]", lstm, zeros(5, 3))
    says("lstm: x [5x7x4] has 4 features in its last dim, the layer takes 3", lstm, zeros(5, 7, 4))
    says("lstm: x [5x0x3] has no time steps", lstm, zeros(5, 0, 3))
    says('lstm: x is f64, but weight_ih is f32; convert with x:to "f32"', lstm,
      tensor.zeros { 5, 7, 3 })
    says("lstm: h is [1x5x4], expected [2x5x4]", lstm, zeros(5, 7, 3), { h = zeros(1, 5, 4) })
    says("lstm: c is [2x4x4], expected [2x5x4]", lstm, zeros(5, 7, 3), { c = zeros(2, 4, 4) })
    says("lengths[2] is 8, allowed are 1 to 7, x's steps", lstm, zeros(2, 7, 3),
      { lengths = { 1, 8 } })
    says("lengths is [3], expected [2]", lstm, zeros(2, 7, 3), { lengths = { 1, 2, 3 } })
    says("lstm: x must be a tensor, got nil", lstm, nil)
    says("lstm: h must be a tensor, got number", lstm, zeros(5, 7, 3), { h = 0 })
    says("lstm: lengths must be a tensor, got number", lstm, zeros(5, 7, 3), { lengths = 3 })
    says("lstm: lengths must be whole numbers", lstm, zeros(2, 7, 3),
      { lengths = tensor.of { 1, 2.5 } })
    says("c must be a tensor, got nil", lstm.step, lstm, zeros(5, 3), zeros(2, 5, 4))
    says("unknown option 'c'", nn.GRU(3, 4), zeros(2, 7, 3), { c = zeros(1, 2, 4) })
    says("x of one step is [1x2x3], expected [batch, features]", lstm.step, lstm, zeros(1, 2, 3),
      zeros(2, 1, 4), zeros(2, 1, 4))
    says("h and c of a step must be contiguous", lstm.step, lstm, zeros(5, 3),
      zeros(5, 2, 4):transpose(1, 2), zeros(2, 5, 4))
    says("no single step", nn.GRU(3, 4, { bidirectional = true }).step,
      nn.GRU(3, 4, { bidirectional = true }), zeros(5, 3), zeros(2, 5, 4))
    says("dropout acts between layers", nn.LSTM, 3, 4, { dropout = 0.5 })
    says("dropout must be a number in [0, 1], got 2", nn.GRU, 3, 4, { dropout = 2 })
    says('nonlinearity must be "tanh" or "relu", got elu', nn.RNN, 3, 4, { nonlinearity = "elu" })
    says("nn.LSTM: hidden", nn.LSTM, 3, 0)
  end)
end)

describe("arguments of recurrent layers", function()
  it("are refused by name", function()
    local lstm = nn.LSTM(2, 3)
    local x, h = tensor.zeros { 2, 3, 2, dtype = "f32" }, tensor.zeros { 1, 2, 3, dtype = "f32" }
    says("lstm: lengths must be whole numbers", lstm, x, { lengths = { 1.5, 2 } })
    says("lstm: lengths must be whole numbers", lstm, x, { lengths = { 0 / 0, 2 } })
    says("lstm: h and c of a step must be two tensors", lstm.step, lstm,
      tensor.zeros { 2, 2, dtype = "f32" }, h, h)
  end)
end)
