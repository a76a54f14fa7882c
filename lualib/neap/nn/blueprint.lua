--- How to make a net again: the classes of its layers with what each was made with, as plain values
--- that JSON can hold. Parameters are not in it, they are the net's state.
local layer = require "neap.nn.layer"
local opts = require "neap.opts"

local blueprint = {}

-- value as { layer = number in list }, { table = ... }, or itself.
local function plain(where, value, drawn)
  local kind = type(value)
  if kind == "number" or kind == "string" or kind == "boolean" then return value end
  if layer.is(value) then return { layer = drawn.add(value) } end
  if kind ~= "table" or getmetatable(value) then
    opts.raise("%s: made with a %s, which no file can keep", where, opts.kind(value))
  end
  local keys, values = {}, {}
  for i, key in ipairs(opts.names(value)) do
    keys[i], values[i] = key, plain(where, value[key], drawn)
  end
  return { keys = keys, values = values }
end

--- The plan of a net: an array of { class, n, args } in which layers inside come first, the net
--- last. Raises, naming the layer, where something cannot be kept.
---@param where string
---@param net neap.nn.Layer
---@return table[]
function blueprint.of(where, net)
  local list, number = {}, {}
  local drawn = {}
  function drawn.add(l)
    if number[l] then return number[l] end
    local made, entry = l.__made, { class = l.__name, args = {} }
    for i = 1, made.n do
      if made[i] == nil then entry.args[i] = { missing = true }
      else entry.args[i] = plain(("%s: layer %s"):format(where, l.__name), made[i], drawn) end
    end
    list[#list + 1] = entry
    number[l] = #list
    return #list
  end
  drawn.add(net)
  return list
end

local function built(value, layers)
  if type(value) ~= "table" then return value end
  if value.layer then return layers[value.layer] end
  local out = {}
  for i, key in ipairs(value.keys or {}) do out[key] = built(value.values[i], layers) end
  return out
end

--- The net of a plan, with fresh parameters. The generator of the run is left as it was.
---@param where string
---@param plan table[]
---@return neap.nn.Layer
function blueprint.build(where, plan)
  local generator = require("neap").generator()
  local before, layers = { generator:state() }, {}
  for i, entry in ipairs(plan) do
    local class = layer.class_named(entry.class)
    if not class and pcall(require, "neap.models") then class = layer.class_named(entry.class) end
    if not class then
      opts.raise("%s: the net has layers of the class '%s', which nothing has defined yet", where,
        tostring(entry.class))
    end
    local args = {}
    for k, value in ipairs(entry.args) do
      if not (type(value) == "table" and value.missing) then args[k] = built(value, layers) end
    end
    layers[i] = class(table.unpack(args, 1, #entry.args))
  end
  generator:state(table.unpack(before))
  return layers[#layers]
end

--- Whether two nets have the same names and shapes in their states.
---@param a neap.nn.Layer
---@param b neap.nn.Layer
---@return boolean
function blueprint.alike(a, b)
  local one, other = a:state(), b:state()
  for name, t in pairs(one) do
    local u = other[name]
    if not u or table.concat(t.shape, "x") ~= table.concat(u.shape, "x") then return false end
  end
  for name in pairs(other) do if not one[name] then return false end end
  return true
end

return blueprint
