-- Gradients of recurrent layers by finite differences, over inputs of all kinds of strides and
-- sizes, through everything that they give back.
local layers = require "tests.lua.layers"
local nn = require "neap.nn"
local tensor = require "neap.tensor"

describe("finite differences agree for", function()
  local function check(name, ...)
    local arguments = table.pack(...)
    it(name, function() layers.check(table.unpack(arguments, 1, arguments.n)) end)
  end

  -- All results count, the states too.
  local function together(y, h, c)
    local sum = y:sum() + (h * h):sum()
    return c and sum + (c * c):sum() or sum
  end

  for _, kind in ipairs { "LSTM", "GRU", "RNN" } do
    check(kind, function() return nn[kind](4, 3, { dtype = "f64" }) end)
    check(kind .. " with its states", function() return nn[kind](4, 3, { dtype = "f64" }) end,
      function(net, x) return together(net(x)) end)
    check(kind .. " of two layers both ways", function()
      return nn[kind](4, 2, { dtype = "f64", num_layers = 2, bidirectional = true })
    end, function(net, x) return together(net(x)) end)
    check(kind .. " of ragged batches", function()
      return nn[kind](4, 2, { dtype = "f64", bidirectional = true })
    end, function(net, x)
      local lengths = {}
      for i = 1, x:size(1) do lengths[i] = 1 + i % x:size(2) end
      return together(net(x, { lengths = tensor.of(lengths, { dtype = "i64" }) }))
    end, { empty = true }) -- no lengths are no tensor
    check(kind .. " from states that depend on its input", function()
      return nn[kind](4, 2, { dtype = "f64", bias = false })
    end, function(net, x)
      local h = x[{ {}, 1, { 1, 2 } }]:unsqueeze(1)
      return together(net(x, kind == "LSTM" and { h = h, c = h * 0.5 } or { h = h }))
    end)
  end
  check("RNN of relu", function()
    return nn.RNN(4, 3, { dtype = "f64", nonlinearity = "relu" })
  end)
end)
