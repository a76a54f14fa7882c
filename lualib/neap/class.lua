--- Classes, one level deep: `local Scaler = class "neap.Scaler"`, then `Scaler:init(...)` and
--- methods; `Scaler(...)` makes an object. `class.is(x, Scaler)` asks.
local opts = require "neap.opts"

local class = {}

function class.new(name)
  local c = { __name = name }
  c.__index = c
  return setmetatable(c, {
    __call = function(_, ...)
      local object = setmetatable({}, c)
      local init = rawget(c, "init")
      if init then init(object, ...) end
      return object
    end,
    __tostring = function() return "class " .. name end,
  })
end

--- Make asking an object of `c` for a name that it lacks an error with the nearest one. `fields`
--- are those of objects, which may be nil; `hints` say what to write for names of other libraries.
---     local Scaler = class "Scaler"
---     class.strict(Scaler, "scaler", { "mean" }, { mu = "s.mean" })
---     Scaler().mean --> nil
---@param c table
---@param what string the object, for messages
---@param fields string[]
---@param hints table<string, string>
function class.strict(c, what, fields, hints)
  local is_field = {}
  for _, name in ipairs(fields) do is_field[name] = true end
  getmetatable(c).__index = function(_, name)
    if is_field[name] or type(name) ~= "string" or name:find "^__" then return nil end
    if hints[name] then
      opts.raise("%s: there is no field or method '%s'; write %s", what, name, hints[name])
    end
    local names = table.move(fields, 1, #fields, 1, {})
    for known, value in next, c do
      if type(value) == "function" and not known:find "^__" then names[#names + 1] = known end
    end
    opts.unknown(what, "field or method", name, names)
  end
end

function class.is(x, c) return type(x) == "table" and getmetatable(x) == c end

return setmetatable(class, { __call = function(_, name) return class.new(name) end })
