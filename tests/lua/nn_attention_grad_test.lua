-- Gradients of normalisation, attention, embeddings and dropout by finite differences, over inputs
-- of all kinds of strides and sizes.
local grad = require "neap.grad"
local layers = require "tests.lua.layers"
local neap = require "neap"
local nn = require "neap.nn"
local tensor = require "neap.tensor"

describe("finite differences agree for", function()
  local f64 = { dtype = "f64" }

  local as_function = layers.as_function
  local function check(name, ...)
    local arguments = table.pack(...)
    it(name, function() layers.check(table.unpack(arguments, 1, arguments.n)) end)
  end

  local lone = { ["of size 1"] = true, empty = true } -- moments need two rows

  check("layer norm", function() return nn.LayerNorm(4, f64) end)
  check("layer norm over two dims", function() return nn.LayerNorm({ 2, 4 }, f64) end, nil,
    { ["of size 1"] = true })
  check("group norm", function() return nn.GroupNorm(2, 4, f64) end)
  check("batch norm", function() return nn.BatchNorm1d(4, f64) end, nil, lone)
  check("batch norm of running moments", function() return nn.BatchNorm1d(4, f64):eval() end)
  check("dropout", function() return nn.Dropout(0.4) end, function(net, x)
    neap.seed(5) -- the same elements every time
    return net(x)
  end)
  check("attention", function() return nn.MultiheadAttention(4, 2, f64) end)
  check("causal attention", function() return nn.MultiheadAttention(4, 2, f64) end,
    function(net, x) return (net(x, { is_causal = true })) end)
  check("attention with dropout and a mask", function()
    return nn.MultiheadAttention(4, 1, { dropout = 0.3, dtype = "f64" })
  end, function(net, x)
    neap.seed(5)
    local t = x:size(2)
    return (net(x, { attn_mask = tensor.randn { t, t, seed = 2 } }))
  end)
  check("attention of two and of three inputs", function()
    return nn.MultiheadAttention(4, 2, f64)
  end, function(net, x)
    return net(x, x * 2.0) + net(x, x * 2.0, x * 3.0)
  end)
  for activation, norm_first in pairs { relu = true, gelu = false } do
    check("an encoder layer, " .. activation, function()
      return nn.TransformerEncoderLayer(4, 2, { dim_feedforward = 3, dropout = 0.0,
        activation = activation, norm_first = norm_first, dtype = "f64" })
    end)
  end
  check("a place in a sequence", function() return nn.PositionalEncoding(4) end)

  it("embeddings", function()
    local net = nn.Embedding(5, 3, f64)
    local index = tensor.of({ { 1, 5 }, { 5, 2 } }, { dtype = "i64" })
    local f, inputs = as_function(net, function(l) return l(index) end)
    assert.is_true(grad.check(function(w) return f(nil, w) end, inputs))
  end)
end)
