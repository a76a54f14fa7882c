--- Gradients of layers by finite differences, over inputs of all kinds of strides and sizes.
local grad = require "neap.grad"
local neap = require "neap"
local tensor = require "neap.tensor"

local layers = {}

-- The parameters of a net, and the net as a function of its input and of these.
function layers.as_function(net, call)
  local places, inputs = {}, {}
  net:apply(function(l)
    for _, entry in ipairs(l:named_parameters()) do
      local t = rawget(l, entry[1])
      if t then places[#places + 1], inputs[#inputs + 1] = { l, entry[1] }, t:detach() end
    end
  end)
  return function(x, ...)
    for i, place in ipairs(places) do rawset(place[1], place[2], (select(i, ...))) end
    return call(net, x)
  end, inputs
end

-- Ways to come by x from an input that is contiguous.
layers.ways = {
  { "contiguous", function(x) return x end, { 3, 2, 4 } },
  { "transposed", function(x) return x:permute(3, 2, 1) end, { 4, 2, 3 } },
  { "sliced", function(x) return x[{ { 2, 4 }, {}, { 1, 4 } }] end, { 5, 2, 6 } },
  { "broadcast", function(x) return x:expand(3, 2, 4) end, { 3, 1, 4 } },
  { "of size 1", function(x) return x end, { 1, 1, 4 } },
  { "empty", function(x) return x end, { 0, 2, 4 } },
}

-- Are the gradients of what make() gives those of differences, over inputs of all ways but those
-- to skip? Raises where not.
function layers.check(make, call, skip)
  call = call or function(net, x) return (net(x)) end
  for _, way in ipairs(layers.ways) do
    if not (skip and skip[way[1]]) then
      neap.seed(1)
      local f, inputs = layers.as_function(make(), function(net, x)
        return call(net, way[2](x))
      end)
      table.insert(inputs, 1, tensor.randn(table.move(way[3], 1, 3, 1, {})))
      local ok, message = pcall(grad.check, f, inputs)
      if not ok then error(way[1] .. ": " .. tostring(message), 0) end
    end
  end
end

return layers
