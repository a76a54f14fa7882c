-- Normalisation, attention, embeddings and dropout: against PyTorch (golden/nn_attention.py), by
-- finite differences, and what is refused.
local neap = require "neap"
local nn = require "neap.nn"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local golden = tensor.load "tests/golden/nn_attention.npz"
local TOL = { f64 = 1e-12, f32 = 1e-5 } -- relative above 1, absolute below

local says = support.says

local function assert_close(what, got, want, dtype)
  assert.same(want.shape, got.shape, what)
  got, want = got:detach():to "f64", want:to "f64"
  local off = (got - want):abs() / want:abs():maximum(1.0)
  assert.is_true(off:numel() == 0 or off:max() <= TOL[dtype], what .. ": " .. tostring(off:max()))
end

-- The entries of a case below a prefix, floats in the dtype.
local function of_case(case, prefix, dtype)
  local found = {}
  for name, t in pairs(golden) do
    local rest = name:match("^" .. case .. "/" .. prefix .. "(.+)$")
    if rest then found[rest] = t.dtype == "f64" and t:to(dtype) or t end
  end
  return found
end

local function check_gradients(case, net, dtype, prefix)
  local want, seen = of_case(case, prefix or "grad%.", dtype), 0
  for _, entry in ipairs(net:named_parameters()) do
    assert_close(case .. " " .. entry[1], entry[2].grad, want[entry[1]], dtype)
    seen = seen + 1
  end
  for _ in pairs(want) do seen = seen - 1 end
  assert.equal(0, seen)
end

-- fn(dtype, values of the case) in both dtypes, the net having the state of the case.
local function in_both(case, make, fn)
  for _, dtype in ipairs { "f64", "f32" } do
    local net = make(dtype)
    net:load_state(of_case(case, "state%.", dtype))
    fn(net, of_case(case, "", dtype), dtype)
  end
end

local function check_simple(case, make)
  in_both(case, make, function(net, v, dtype)
    local x = v.x:clone():requires_grad_()
    local y = net(x)
    assert_close(case .. " y", y, v.y, dtype)
    y:backward { gradient = v.g }
    assert_close(case .. " dx", x.grad, v.dx, dtype)
    check_gradients(case, net, dtype)
  end)
end

describe("golden values of PyTorch:", function()
  it("layer norm", function()
    check_simple("layer_norm", function(dtype)
      return nn.LayerNorm({ 3, 5 }, { eps = 0.01, dtype = dtype })
    end)
    check_simple("layer_norm_plain", function()
      return nn.LayerNorm(7, { elementwise_affine = false })
    end)
  end)

  it("group norm", function()
    check_simple("group_norm", function(dtype)
      return nn.GroupNorm(2, 6, { eps = 0.01, dtype = dtype })
    end)
  end)

  local function check_batch_norm(case, make)
    -- The state that is stored is that before the first step.
    in_both(case, make, function(net, v, dtype)
      local x = v.x:clone():requires_grad_()
      local y = net(x)
      assert_close(case .. " y", y, v.y, dtype)
      y:backward { gradient = v.g }
      assert_close(case .. " dx", x.grad, v.dx, dtype)
      check_gradients(case, net, dtype)
      assert_close(case .. " y2", net(v.x2), v.y2, dtype)
      local state = net:state()
      for name, t in pairs(of_case(case, "after%.", dtype)) do
        assert_close(case .. " " .. name, state[name], t, dtype)
      end
      net:eval():zero_grad()
      x = v.x3:clone():requires_grad_()
      y = net(x)
      assert_close(case .. " y3", y, v.y3, dtype)
      y:backward { gradient = v.g3 }
      assert_close(case .. " dx3", x.grad, v.dx3, dtype)
      check_gradients(case, net, dtype, "grad3%.")
    end)
  end

  it("batch norm", function()
    check_batch_norm("batch_norm1d", function(dtype)
      return nn.BatchNorm1d(4, { eps = 0.01, momentum = 0.3, dtype = dtype })
    end)
    check_batch_norm("batch_norm1d_cumulative", function(dtype)
      return nn.BatchNorm1d(3, { momentum = false, dtype = dtype })
    end)
    check_batch_norm("batch_norm1d_untracked", function(dtype)
      return nn.BatchNorm1d(3, { affine = false, track_running_stats = false, dtype = dtype })
    end)
    check_batch_norm("batch_norm2d", function(dtype)
      return nn.BatchNorm2d(3, { momentum = 0.2, dtype = dtype })
    end)
  end)

  it("embedding", function()
    in_both("embedding", function(dtype)
      return nn.Embedding(7, 3, { padding_idx = 3, dtype = dtype })
    end, function(net, v, dtype)
      local y = net(v.x)
      assert_close("y", y, v.y, dtype)
      y:backward { gradient = v.g }
      check_gradients("embedding", net, dtype)
    end)
  end)

  local function check_attention(case, make, options)
    in_both(case, make, function(net, v, dtype)
      local inputs = {}
      for _, name in ipairs { "q", "k", "v" } do
        if v[name] then inputs[#inputs + 1] = v[name]:clone():requires_grad_() end
      end
      local o = options(v)
      o.need_weights, o.average_attn_weights = true, false
      local y, weights = net(inputs[1], inputs[2], inputs[3], o)
      assert_close(case .. " y", y, v.y, dtype)
      assert_close(case .. " weights", weights, v.weights, dtype)
      y:backward { gradient = v.g }
      for i, name in ipairs { "q", "k", "v" } do
        local x = inputs[i]
        if x then assert_close(case .. " d" .. name, x.grad, v["d" .. name], dtype) end
      end
      check_gradients(case, net, dtype)
    end)
  end

  it("attention with itself, causal as an option and as a mask", function()
    local function make(dtype) return nn.MultiheadAttention(6, 2, { dtype = dtype }) end
    check_attention("mha_causal", make, function() return { is_causal = true } end)
    check_attention("mha_causal", make, function()
      local step = tensor.arange(1, 5)
      return { attn_mask = step:unsqueeze(2):lt(step) }
    end)
  end)

  it("attention of sequences that end early, as lengths and as a mask", function()
    local function make(dtype)
      return nn.MultiheadAttention(6, 3, { bias = false, dtype = dtype })
    end
    check_attention("mha_lengths", make, function(v) return { lengths = v.lengths } end)
    check_attention("mha_lengths", make, function(v) return { key_padding_mask = v.padding } end)
  end)

  it("attention of other keys and values", function()
    check_attention("mha_three", function(dtype)
      return nn.MultiheadAttention(8, 4, { dtype = dtype })
    end, function(v) return { attn_mask = v.mask } end)
    check_attention("mha_two", function(dtype)
      return nn.MultiheadAttention(4, 1, { dtype = dtype })
    end, function() return {} end)
  end)

  it("layers of an encoder", function()
    for activation, norm_first in pairs { relu = false, gelu = true } do
      local case = "encoder_layer_" .. activation
      in_both(case, function(dtype)
        return nn.TransformerEncoderLayer(8, 2, { dim_feedforward = 12, dropout = 0.0,
          dtype = dtype, activation = activation, norm_first = norm_first, layer_norm_eps = 1e-3 })
      end, function(net, v, dtype)
        local x = v.x:clone():requires_grad_()
        local y = net(x, { is_causal = true })
        assert_close(case .. " y", y, v.y, dtype)
        y:backward { gradient = v.g }
        assert_close(case .. " dx", x.grad, v.dx, dtype)
        check_gradients(case, net, dtype)
      end)
    end
  end)
end)

describe("attention", function()
  local function attend(o, threads)
    neap.set_threads(threads or 1)
    neap.seed(3)
    local net = nn.MultiheadAttention(6, 2, { dropout = 0.3 })
    local x = tensor.randn({ 4, 9, 6, dtype = "f32", seed = 5 }):requires_grad_()
    local y = net(x, o)
    y:sum():backward()
    return y:detach(), x.grad, net.in_proj_weight.grad
  end

  it("drops the same at any thread count", function()
    local a = { attend({ is_causal = true }, 1) }
    for threads = 2, 3 do
      local b = { attend({ is_causal = true }, threads) }
      for i = 1, 3 do assert.is_true(a[i]:eq(b[i]):all()) end
    end
    neap.set_threads(1)
  end)

  it("gives an entry the same bits alone and in a batch", function()
    local net = nn.MultiheadAttention(6, 2)
    local x = tensor.randn { 5, 7, 6, dtype = "f32" }
    local all = net(x):detach()
    for b = 1, 5 do
      assert.is_true(net(x:slice(1, b, b)):detach():eq(all:slice(1, b, b)):all())
    end
  end)

  it("gives a step of a causal sequence the same with and without what follows", function()
    local net = nn.MultiheadAttention(6, 2)
    local x = tensor.randn { 1, 40, 6, dtype = "f32" }
    local all = net(x, { is_causal = true }):detach()
    for t = 1, 40, 13 do
      local part = net(x:slice(2, 1, t), { is_causal = true }):detach()
      assert.is_true((part - all:slice(2, 1, t)):abs():max() < 1e-6)
    end
  end)

  it("never holds the scores of all heads", function()
    local net = nn.MultiheadAttention(16, 8)
    local x = tensor.randn { 1, 1000, 16, dtype = "f32" }
    local before = neap.memory({ trim = true }).live
    net(x):sum():backward()
    -- They would take 32 MB, for the gradient twice.
    assert.is_true(neap.memory().peak - before < 16e6)
  end)

  it("gives NaN where no key is seen", function()
    local net = nn.MultiheadAttention(2, 1)
    local hidden = tensor.of { { true, true } }
    local y = net(tensor.ones { 1, 2, 2, dtype = "f32" }, { key_padding_mask = hidden })
    assert.is_true(y:isnan():all())
  end)

  it("takes no queries, and no keys only then", function()
    local net = nn.MultiheadAttention(2, 1)
    local none = tensor.zeros { 1, 0, 2, dtype = "f32" }
    assert.same({ 1, 0, 2 }, net(none).shape)
    assert.same({ 0, 3, 2 }, net(tensor.zeros { 0, 3, 2, dtype = "f32" }).shape)
    says("attention: there are no keys", net, tensor.ones { 1, 2, 2, dtype = "f32" }, none)
  end)

  it("refuses what does not fit", function()
    local net, x = nn.MultiheadAttention(4, 2), tensor.zeros { 2, 3, 4, dtype = "f32" }
    says("attention: query [2x3x5] must be [batch, time, 4 features]", net,
      tensor.zeros { 2, 3, 5, dtype = "f32" })
    says("attention: lengths[2] is 4, not within 1 .. 3 keys", net, x,
      { lengths = tensor.of({ 1, 4 }, { dtype = "i64" }) })
    says("attention: lengths [1] must be [2]", net, x,
      { lengths = tensor.of({ 1 }, { dtype = "i64" }) })
    says("attention: mask [3x2] must be [queries x keys]", net, x,
      { attn_mask = tensor.zeros { 3, 2, dtype = "f32" } })
    says("attention: mask is f64, neither bool nor f32", net, x,
      { attn_mask = tensor.zeros { 3, 3 } })
    says("attention: key padding mask [2x2] of bool must be bool [2x3]", net, x,
      { key_padding_mask = tensor.full { 2, 2, value = false, dtype = "bool" } })
    says("unknown option 'causal' (did you mean 'is_causal'?)", net, x, { causal = true })
    says("nn.MultiheadAttention: 5 features do not make 2 heads", nn.MultiheadAttention, 5, 2)
    says("nn.MultiheadAttention: option 'dropout' is 1, not within 0 .. 1", nn.MultiheadAttention,
      4, 2, { dropout = 1.0 })
    says("attention: mask takes part in a gradient", net, x,
      { attn_mask = tensor.zeros({ 3, 3, dtype = "f32" }):requires_grad_() })
    says("attention: query must be a tensor, got table", net, { 1, 2 })
    says("unknown activation 'swish'", nn.TransformerEncoderLayer, 8, 2, { activation = "swish" })
    says("nn.TransformerEncoder: there are no layers", nn.TransformerEncoder, {})
    says("positional_encoding: x [2x3x4] must be [batch, time, 6 features]",
      nn.PositionalEncoding(6), x)
    says("x is f64", net, tensor.zeros { 2, 3, 4 })
  end)
end)

describe("dropout", function()
  it("keeps the mean, drops the share, in training only", function()
    neap.seed(11)
    local x = tensor.ones({ 400, 1000, dtype = "f32" }):requires_grad_()
    local drop = nn.Dropout(0.3)
    local y = drop(x)
    y:sum():backward()
    local share = y:detach():eq(0):to("f64"):mean()
    assert.is_true(math.abs(share - 0.3) < 5 * math.sqrt(0.3 * 0.7 / 4e5)) -- five deviations
    assert.is_true(x.grad:eq(y:detach()):all())
    assert.is_false(drop(x):detach():eq(y:detach()):all())
    assert.equal(x, drop:eval()(x))
    assert.equal(x, nn.Dropout(0)(x))
    assert.equal(0, nn.Dropout(1)(x):sum():item())
  end)

  it("drops the same at any thread count", function()
    local function run(threads)
      neap.set_threads(threads)
      neap.seed(2)
      return nn.Dropout(0.5)(tensor.ones { 300001 })
    end
    local one = run(1)
    assert.is_true(one:eq(run(2)):all())
    assert.is_true(one:eq(run(3)):all())
    neap.set_threads(1)
  end)

  it("hides no NaN", function()
    assert.is_true(nn.Dropout(0.9)(tensor.full { 100, value = 0 / 0 }):isnan():all())
  end)

  it("refuses a share that is none", function()
    says("nn.Dropout: p is 1.5, not within 0 .. 1", nn.Dropout, 1.5)
    says("nn.Dropout: p must be a number", nn.Dropout, "half")
  end)
end)

describe("normalisation", function()
  it("has the same bits at any thread count", function()
    local function run(threads)
      neap.set_threads(threads)
      local x = tensor.randn({ 700, 100, dtype = "f32", seed = 4 }):requires_grad_()
      local norm, bn = nn.LayerNorm(100), nn.BatchNorm1d(100)
      local y = bn(norm(x))
      y:backward { gradient = tensor.randn { 700, 100, dtype = "f32", seed = 6 } }
      return { y:detach(), x.grad, norm.weight.grad, bn.weight.grad, bn.running_var }
    end
    local one = run(1)
    for threads = 2, 3 do
      for i, t in ipairs(run(threads)) do assert.is_true(one[i]:eq(t):all()) end
    end
    neap.set_threads(1)
  end)

  it("takes empty batches where nothing is averaged over them", function()
    local none = tensor.zeros({ 0, 4, dtype = "f32" }):requires_grad_()
    local norm = nn.LayerNorm(4)
    norm(none):sum():backward()
    assert.is_true(norm.weight.grad:eq(0):all())
    assert.same({ 0, 4 }, nn.GroupNorm(2, 4)(none).shape)
    assert.same({ 0, 4 }, nn.BatchNorm1d(4):eval()(none).shape)
    says("batch_norm: x [0x4] has 0 rows; moments of the batch need two at least",
      nn.BatchNorm1d(4), none)
    says("batch_norm: x [1x4] has 1 rows", nn.BatchNorm1d(4), tensor.zeros { 1, 4, dtype = "f32" })
  end)

  it("is that of the elements, whatever their strides", function()
    local x = tensor.randn { 6, 4, 5, dtype = "f32" }
    for _, net in ipairs { nn.LayerNorm(6), nn.GroupNorm(2, 6), nn.BatchNorm1d(6) } do
      local turned = x:permute(3, 2, 1)
      assert.is_true(net(turned):detach():eq(net(turned:contiguous()):detach()):all())
    end
  end)

  it("carries NaN into its row or channel alone", function()
    local x = tensor.zeros { 3, 4, dtype = "f32" }
    x[{ 2, 3 }] = 0 / 0
    assert.equal(4, nn.LayerNorm(4)(x):detach():isnan():to("i64"):sum())
    assert.equal(3, nn.BatchNorm1d(4)(x):detach():isnan():to("i64"):sum())
  end)

  it("refuses what does not fit", function()
    local x = tensor.zeros { 2, 3, 4, dtype = "f32" }
    says("layer_norm: x [2x3x4] does not end in [5], which the layer normalises",
      nn.LayerNorm(5), x)
    says("group_norm: x [2x3x4] has 4 channels in its last dim, the layer takes weight [6]",
      nn.GroupNorm(2, 6), x)
    says("nn.GroupNorm: 6 channels do not make 4 groups", nn.GroupNorm, 4, 6)
    says("batch_norm: x [2x3x4] must be [batch, time, 3 channels]", nn.BatchNorm1d(3), x)
    says("batch_norm: x [2x3x4] must be [batch, height, width, 4 channels]", nn.BatchNorm2d(4), x)
    says("nn.LayerNorm: normalized_shape is 0", nn.LayerNorm, 0)
    says("nn.LayerNorm: option 'eps' is -1, not within 0 .. 1", nn.LayerNorm, 4, { eps = -1 })
    says("nn.BatchNorm1d: option 'momentum' must be a number", nn.BatchNorm1d, 4,
      { momentum = "all" })
    says("batch_norm: x must be a tensor, got number", nn.BatchNorm1d(4), 5)
    says("x is f64", nn.LayerNorm(4), x:to "f64")
  end)
end)

describe("an embedding", function()
  it("refuses numbers outside", function()
    local net = nn.Embedding(5, 2)
    says("embedding: class number 0 (element 2) is not within 1 .. 5", net,
      tensor.of({ 1, 0 }, { dtype = "i64" }))
    says("embedding: class number 6 (element 1) is not within 1 .. 5", net,
      tensor.of({ 6 }, { dtype = "i64" }))
    says("embedding: index is f64, not whole numbers", net, tensor.of { 1, 2 })
    says("nn.Embedding: option 'padding_idx' is 6, must be 5 at most", nn.Embedding, 5, 2,
      { padding_idx = 6 })
  end)

  it("starts its padding row with zeros", function()
    local net = nn.Embedding(5, 2, { padding_idx = 2 })
    assert.is_true(net.weight:detach()[2]:eq(0):all())
    assert.same({ 0, 2 }, net(tensor.zeros { 0, dtype = "i64" }).shape)
  end)
end)

describe("the binding of attention", function()
  it("refuses a value without a key, and halves of lengths", function()
    local c, x = require "neap.c.nn", tensor.zeros { 1, 3, 2, dtype = "f32" }
    local function refused(text, k, v, lengths)
      local ok, message = pcall(c.attention, x, k, v, 1, false, nil, nil, lengths, 0.0, 0, false)
      assert.is_false(ok)
      assert.truthy(message:find(text, 1, true), message)
    end
    refused("attention: there is a value, and no key", nil, x)
    refused("attention: lengths[1] is 1.5, not a whole number", x, x, tensor.of { 1.5 })
  end)
end)
