--- Layers one after the other, each with a name: what the models are made of. The names are those
--- in `state()`; `stages` lists them in order, which streams follow.
local layer = require "neap.nn.layer"

local chain = {}

--- What layers in an array make of x, one after the other. A layer that can compute the activation
--- behind it does.
---@param stages neap.nn.Layer[]
---@param x neap.tensor
---@return neap.tensor
function chain.run(stages, x)
  local i, n = 1, #stages
  while i <= n do
    local current, following = stages[i], stages[i + 1]
    if following and current.forward_activated and following.fusable then
      x = current:forward_activated(x, following.fusable)
      i = i + 2
    else
      x = current(x)
      i = i + 1
    end
  end
  return x
end

--- A class of chains: Class(stages, text) takes an array of { name, layer }, and what print shows.
---@param name string
---@return table
function chain.class(name)
  local Chain = layer.class(name)

  function Chain:init(stages, text)
    self.names, self.text = {}, text or ""
    for i, stage in ipairs(stages) do
      self.names[i] = stage[1]
      self[stage[1]] = stage[2]
    end
  end

  --- The layers in order.
  function Chain:stages()
    local stages = {}
    for i, stage in ipairs(self.names) do stages[i] = self[stage] end
    return stages
  end

  function Chain:forward(x) return chain.run(self:stages(), x) end

  function Chain.onnx(_, l, v, call)
    for _, stage in ipairs(l.names) do v = call(l[stage], v, "." .. stage) end
    return v
  end

  function Chain:describe() return self.text end

  return Chain
end

return chain
