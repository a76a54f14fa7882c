-- Convolutions and pooling: PyTorch's values, numerical gradients, and what is refused.
local grad = require "neap.grad"
local neap = require "neap"
local nn = require "neap.nn"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local golden = tensor.load "tests/golden/nn_conv.npz"

-- Relative; those of tests/c/check.h.
local TOLERANCE = { f64 = 1e-12, f32 = 1e-5 }

local function close(want, got, dtype, what)
  assert.same(want.shape, got.shape, what)
  want, got = want:to "f64", got:detach():to "f64"
  local error = ((want - got):abs() / want:abs():clamp(1)):max()
  assert.is_true(error <= TOLERANCE[dtype], ("%s is off by %g"):format(what, error))
end

local cases = {
  conv1d = nn.Conv1d(5, 7, 3),
  conv1d_stride = nn.Conv1d(4, 3, 4, { stride = 3, padding = 2 }),
  conv1d_dilation = nn.Conv1d(3, 18, 3, { dilation = 2, padding = 3 }),
  conv1d_same = nn.Conv1d(2, 4, 4, { padding = "same" }),
  conv1d_groups = nn.Conv1d(6, 4, 3, { groups = 2, stride = 2, padding = 1, bias = false }),
  conv1d_depthwise = nn.Conv1d(4, 8, 2, { groups = 4, padding = "valid" }),
  conv1d_one = nn.Conv1d(1, 1, 1),
  conv2d = nn.Conv2d(2, 5, { 4, 1 }, { padding = "same" }),
  conv2d_book = nn.Conv2d(1, 6, { 1, 2 }, { stride = { 1, 2 } }),
  conv2d_wide = nn.Conv2d(3, 6, { 1, 10 }),
  conv2d_square = nn.Conv2d(3, 4, 3, { stride = 2, padding = 1 }),
  conv2d_all = nn.Conv2d(4, 6, { 3, 2 },
    { stride = { 2, 1 }, padding = { 2, 1 }, dilation = { 2, 3 }, groups = 2 }),
  transpose = nn.ConvTranspose1d(3, 5, 4, { stride = 2, padding = 1 }),
  transpose_all = nn.ConvTranspose1d(4, 6, 3,
    { stride = 3, padding = 2, output_padding = 2, dilation = 2, groups = 2 }),
  max1d = nn.MaxPool1d(3, { stride = 2, padding = 1 }),
  max2d = nn.MaxPool2d({ 3, 1 }, { stride = { 1, 1 }, padding = { 1, 0 } }),
  max2d_ceil = nn.MaxPool2d(3, { stride = 2, padding = 1, ceil_mode = true }),
  avg1d = nn.AvgPool1d(4, { stride = 3, padding = 2 }),
  avg2d = nn.AvgPool2d({ 3, 2 }, { padding = { 1, 1 }, count_include_pad = false }),
  avg2d_ceil = nn.AvgPool2d(3, { stride = 2, padding = 1, ceil_mode = true }),
  adaptive1d = nn.AdaptiveAvgPool1d(4),
  adaptive2d = nn.AdaptiveAvgPool2d { 3, 2 },
  leaky = nn.Sequential { nn.Conv1d(4, 5, 3), nn.LeakyReLU(0.1) },
  relu = nn.Sequential { nn.Conv1d(4, 5, 3), nn.ReLU() },
  tanh = nn.Sequential { nn.Conv1d(4, 5, 3), nn.Tanh() },
  sigmoid = nn.Sequential { nn.Conv1d(4, 5, 3), nn.Sigmoid() },
}

local names = {}
for name in pairs(cases) do names[#names + 1] = name end
table.sort(names)

local function value(name, key, dtype) return golden[name .. "." .. key]:to(dtype) end

local function load_golden(net, name)
  local state = {}
  for _, entry in ipairs(net:named_parameters()) do
    state[entry[1]] = golden[name .. "." .. entry[1]:match "[^.]*$"]
  end
  net:load_state(state)
end

local function check_case(name, dtype)
  local net = cases[name]:to(dtype)
  load_golden(net, name)
  net:zero_grad()
  local x = value(name, "x", dtype):clone():requires_grad_()
  local y = net(x)
  close(value(name, "y", dtype), y, dtype, name .. " y")
  y:backward { gradient = value(name, "g", dtype) }
  close(value(name, "dx", dtype), x.grad, dtype, name .. " dx")
  for _, entry in ipairs(net:named_parameters()) do
    local key = entry[1]:match "[^.]*$"
    close(value(name, "d" .. key, dtype), entry[2].grad, dtype, name .. " d" .. key)
  end
end

describe("values and gradients are PyTorch's:", function()
  for _, name in ipairs(names) do
    for _, dtype in ipairs { "f64", "f32" } do
      it(name .. " in " .. dtype, function() check_case(name, dtype) end)
    end
  end
end)

-- grad.check of x and the layer's own parameters.
local function check_layer(net, x)
  local inputs = { x, net.weight, net.bias }
  grad.check(function(input, weight, bias)
    rawset(net, "weight", weight)
    rawset(net, "bias", bias)
    return net(input)
  end, inputs)
end

describe("numerical gradients agree:", function()
  local r = neap.rng(3)
  local function randn(...) return tensor.randn { rng = r, ... } end
  local inputs = {
    contiguous = randn(2, 7, 4),
    sliced = randn(2, 14, 4):slice(2, 1, 14, 2),
    transposed = randn(2, 4, 7):transpose(2, 3),
    single = randn(1, 7, 4),
    empty = randn(0, 7, 4),
  }
  local layers = {
    function() return nn.Conv1d(4, 3, 3, { padding = "causal", dilation = 2, dtype = "f64" }) end,
    function() return nn.Conv1d(4, 6, 2, { stride = 2, groups = 2, dtype = "f64" }) end,
    function() return nn.Conv1d(4, 2, 7, { dtype = "f64" }) end,
    function() return nn.ConvTranspose1d(4, 2, 3, { stride = 2, padding = 1, dtype = "f64" }) end,
    function() return nn.MaxPool1d(2) end,
    function() return nn.AvgPool1d(3, { padding = 1 }) end,
    function() return nn.AdaptiveAvgPool1d(2) end,
  }
  for _, kind in ipairs { "contiguous", "sliced", "transposed", "single", "empty" } do
    for i, make in ipairs(layers) do
      it(("%s, layer %d"):format(kind, i), function() check_layer(make(), inputs[kind]) end)
    end
  end

  it("of a broadcast input", function()
    local net = nn.Conv1d(4, 3, 2, { dtype = "f64" })
    grad.check(function(x) return net(x:expand(3, 7, 4)) end, { inputs.single })
  end)

  it("of images", function()
    check_layer(nn.Conv2d(2, 3, { 3, 2 }, { padding = { 1, 1 }, dtype = "f64" }), randn(2, 5, 4, 2))
    check_layer(nn.MaxPool2d { 2, 3 }, randn(2, 5, 6, 2))
    check_layer(nn.AvgPool2d({ 2, 3 }, { padding = 1 }), randn(2, 5, 6, 2))
    check_layer(nn.AdaptiveAvgPool2d { 2, 3 }, randn(2, 5, 7, 2))
  end)

  it("with the gradient in place, through two layers and an activation", function()
    local a = nn.Conv1d(3, 3, 3, { padding = "same", dtype = "f64" })
    local b = nn.Conv1d(3, 3, 2, { padding = "causal", dtype = "f64" })
    local net = nn.Sequential { a, nn.Tanh(), b, nn.Sigmoid() }
    grad.check(function(x, weight, bias)
      rawset(a, "weight", weight)
      rawset(a, "bias", bias)
      return net(x)
    end, { randn(2, 6, 3), a.weight, a.bias })
  end)
end)

local function f32(...) return tensor.zeros { dtype = "f32", ... } end

describe("shapes:", function()
  it("causal padding keeps the length and sees nothing later", function()
    local conv = nn.Conv1d(2, 3, 4, { padding = "causal", dilation = 2 })
    local x = tensor.randn { 1, 20, 2, dtype = "f32" }
    local whole, start = conv(x):detach(), conv(x:slice(2, 1, 9)):detach()
    assert.equal(20, whole:size(2))
    assert.is_true(whole:slice(2, 1, 9):eq(start):all())
  end)

  it("a causal image is padded before its first line", function()
    local conv = nn.Conv2d(1, 2, { 3, 2 }, { padding = "causal", stride = { 1, 2 } })
    assert.same({ 2, 9, 4, 2 }, conv(f32(2, 9, 8, 1)).shape)
  end)

  it("an empty batch gives an empty one, and zero gradients", function()
    for _, conv in ipairs { nn.Conv1d(3, 2, 2), nn.ConvTranspose1d(3, 2, 2) } do
      local x = f32(0, 5, 3):requires_grad_()
      local y = conv(x)
      assert.equal(0, y:size(1))
      y:sum():backward()
      assert.equal(0, conv.weight.grad:abs():sum())
      assert.equal(0, conv.bias.grad:abs():sum())
    end
    assert.same({ 0, 2, 3 }, nn.MaxPool1d(2)(f32(0, 5, 3)).shape)
  end)

  it("a row does not depend on its batch", function()
    local net = nn.Sequential { nn.Conv2d(3, 20, { 4, 1 }, { padding = "same" }), nn.LeakyReLU(),
      nn.Conv2d(20, 5, { 1, 3 }) }
    local x = tensor.randn { 5, 30, 6, 3, dtype = "f32" }
    local all = net(x):detach()
    for i = 1, 5 do
      assert.is_true(all:slice(1, i, i):eq(net(x:slice(1, i, i)):detach()):all())
    end
  end)
end)

describe("threads", function()
  it("change no bit", function()
    local net = nn.Sequential { nn.Conv1d(6, 20, 5, { padding = "same" }), nn.LeakyReLU(),
      nn.MaxPool1d(3, { stride = 2, padding = 1 }), nn.Conv1d(20, 20, 3), nn.Tanh(),
      nn.AvgPool1d(2) }
    local x = tensor.randn { 9, 700, 6, dtype = "f32" }
    local want
    for threads = 3, 1, -1 do
      neap.set_threads(threads)
      net:zero_grad()
      local y = net(x)
      y:backward { gradient = tensor.ones(y.shape):to "f32" }
      local got = { y:detach() }
      for _, p in ipairs(net:parameters()) do got[#got + 1] = p.grad:clone() end
      want = want or got
      for i, t in ipairs(got) do assert.is_true(t:eq(want[i]):all()) end
    end
    neap.set_threads(2)
  end)
end)

describe("NaN", function()
  it("reaches what sees it, and nothing else", function()
    local x = tensor.zeros { 1, 9, 1 }
    x[{ 1, 5, 1 }] = 0 / 0
    local y = nn.Conv1d(1, 2, 3, { dtype = "f64" })(x):detach()
    assert.equal(6, y:isnan():sum())
    assert.equal(2, nn.MaxPool1d(2, { stride = 1 })(x):isnan():sum())
    assert.equal(1, nn.AvgPool1d(2)(x):isnan():sum())
  end)
end)

describe("the start", function()
  it("is within PyTorch's bounds", function()
    local conv = nn.Conv2d(4, 8, { 3, 2 }, { groups = 2 })
    local bound = 1 / math.sqrt(2 * 3 * 2)
    assert.same({ 8, 2, 3, 2 }, conv.weight.shape)
    assert.is_true(conv.weight:detach():abs():max() <= bound)
    assert.is_true(conv.weight:detach():abs():max() > 0.8 * bound)
    assert.same({ 3, 2, 5 }, nn.ConvTranspose1d(3, 2, 5).weight.shape)
  end)
end)

describe("printing", function()
  it("says what differs from the defaults", function()
    assert.equal("Conv1d(4 -> 8, kernel 3)", tostring(nn.Conv1d(4, 8, 3)))
    assert.equal("Conv2d(4 -> 8, kernel 3x1, stride 1x2, dilation 2x2, no bias)",
      tostring(nn.Conv2d(4, 8, { 3, 1 }, { stride = { 1, 2 }, dilation = 2, bias = false })))
    assert.equal("Conv1d(4 -> 8, kernel 3, padding causal, 2 groups)",
      tostring(nn.Conv1d(4, 8, 3, { padding = "causal", groups = 2 })))
    assert.equal("MaxPool2d(3x1, stride 1x1, padding 1x0)",
      tostring(nn.MaxPool2d({ 3, 1 }, { stride = 1, padding = { 1, 0 } })))
    assert.equal("AdaptiveAvgPool1d(4)", tostring(nn.AdaptiveAvgPool1d(4)))
  end)
end)

describe("refused:", function()
  local says = support.says

  local refusals = {
    { "conv1d: x [8x40x100] has 100 features in its last dim, the layer takes 40 "
      .. "(data is [batch, time, features])",
      function() nn.Conv1d(40, 32, 3)(f32(8, 40, 100)) end },
    { "conv1d: x [8x40] must be [batch, time, features]",
      function() nn.Conv1d(40, 32, 3)(f32(8, 40)) end },
    { "conv2d: x [2x5x3] must be [batch, height, width, channels]",
      function() nn.Conv2d(3, 4, 2)(f32(2, 5, 3)) end },
    { "conv1d: x [2x3x4] with padding 0 and 0 is shorter than the kernel of weight [5x4x5] "
      .. "with dilation 1", function() nn.Conv1d(4, 5, 5)(f32(2, 3, 4)) end },
    { "conv1d: x is f64, but weight is f32; convert with x:to \"f32\"",
      function() nn.Conv1d(4, 5, 1)(tensor.zeros { 2, 3, 4 }) end },
    { "nn.Conv1d: 5 outputs are not divided by 2 groups",
      function() nn.Conv1d(4, 5, 1, { groups = 2 }) end },
    { "nn.Conv1d: padding \"same\" needs stride 1, got 2",
      function() nn.Conv1d(4, 4, 3, { stride = 2, padding = "same" }) end },
    { "nn.Conv1d: option 'padding' must be a number, a table, \"same\", \"valid\" or \"causal\", "
      .. "got 'full'", function() nn.Conv1d(4, 4, 3, { padding = "full" }) end },
    { "nn.Conv2d: kernel must be a number or a table of 2, got one of 3",
      function() nn.Conv2d(4, 4, { 1, 2, 3 }) end },
    { "nn.Conv2d: option 'stride' is 0, must be 1 at least",
      function() nn.Conv2d(4, 4, 1, { stride = 0 }) end },
    { "nn.Conv1d: unknown option 'dilatation' (did you mean 'dilation'?)",
      function() nn.Conv1d(4, 4, 1, { dilatation = 2 }) end },
    { "conv_transpose1d: output_padding 2 must be below the larger of stride and dilation, 2",
      function()
        nn.ConvTranspose1d(4, 4, 3, { stride = 2, output_padding = 2 })(f32(1, 3, 4))
      end },
    { "conv_transpose1d: nothing is left of x [1x1x4] with weight [4x4x1] and padding 3",
      function() nn.ConvTranspose1d(4, 4, 1, { padding = 3 })(f32(1, 1, 4)) end },
    { "nn.MaxPool1d: option 'padding' is 2, at most half of kernel 3 is allowed",
      function() nn.MaxPool1d(3, { padding = 2 }) end },
    { "max_pool1d: x [1x3x4] is shorter than the window of 5",
      function() nn.MaxPool1d(5)(f32(1, 3, 4)) end },
    { "avg_pool2d: x [1x3x4] must be [batch, height, width, channels]",
      function() nn.AvgPool2d(2)(f32(1, 3, 4)) end },
    { "max_pool1d: x must be a tensor, got nil", function() nn.MaxPool1d(2)() end },
  }
  for _, case in ipairs(refusals) do
    it(case[1]:sub(1, 60), function() says(case[1], case[2]) end)
  end
end)

describe("options of the binding", function()
  it("are refused at the ends of integers", function()
    local c = require "neap.c.nn"
    local x, w = tensor.zeros { 1, 3, 2, dtype = "f32" }, tensor.zeros { 1, 2, 1, dtype = "f32" }
    local ok, message = pcall(c.conv, x, w, nil, "none", 0, math.mininteger, 1, 0, 0, 0, 0, 1, 1, 1)
    assert.is_false(ok)
    assert.truthy(message:find("stride is -9223372036854775808, must be 1 to", 1, true), message)
    ok, message = pcall(c.conv, x, w, nil, "none", 0, 1, 1, 0, 0, 0, 0, 1, 1, math.maxinteger)
    assert.is_false(ok)
    assert.truthy(message:find("groups must be 1 to 2^31 - 1", 1, true), message)
    local long = tensor.zeros { 0, 1 << 60, 2, dtype = "f32" }
    w = tensor.zeros { 2, 1, 1, dtype = "f32" }
    ok, message = pcall(c.conv_transpose, long, w, nil, 1 << 30, 0, 1, 1, 0)
    assert.is_false(ok)
    assert.truthy(message:find("has more than 2^31 - 1 steps", 1, true), message)
  end)
end)
