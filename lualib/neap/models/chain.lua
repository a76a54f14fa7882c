--- Layers one after the other, each with a name: what the models are made of. The names are those
--- in `state()`; `stages` lists them in order, which streams follow.
local layer = require "neap.nn.layer"

local chain = {}

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

  function Chain:forward(x) return layer.run(self:stages(), x) end

  function Chain.onnx(_, l, v, call)
    for _, stage in ipairs(l.names) do v = call(l[stage], v, "." .. stage) end
    return v
  end

  function Chain:describe() return self.text end

  return Chain
end

return chain
