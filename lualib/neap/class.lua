--- Classes, one level deep: `local Scaler = class "neap.Scaler"`, then `Scaler:init(...)` and
--- methods; `Scaler(...)` makes an object. `class.is(x, Scaler)` asks.
local class = {}

function class.new(name)
  local c = { __name = name }
  c.__index = c
  return setmetatable(c, {
    __call = function(_, ...)
      local object = setmetatable({}, c)
      if c.init then c.init(object, ...) end
      return object
    end,
    __tostring = function() return "class " .. name end,
  })
end

function class.is(x, c) return type(x) == "table" and getmetatable(x) == c end

return setmetatable(class, { __call = function(_, name) return class.new(name) end })
