--- Features and their values as words, and back.
local opts = require "neap.opts"

local words = {}

function words.is_tensor(x) return opts.kind(x) == "tensor" end

function words.number(v) return ("%.6g"):format(v) end

--- A category's code as its text.
---@param model neap.gbdt.Model
---@param f integer
---@param code integer
---@return string
function words.level(model, f, code)
  local levels = model.levels and model.levels[f]
  return levels and levels[code + 1] or words.number(code)
end

--- A value of a feature: a text, a number or "missing".
---@param model neap.gbdt.Model
---@param f integer
---@param v number
---@return string
function words.value(model, f, v)
  if v ~= v then return "missing" end
  local whole = math.tointeger(v)
  return whole and words.level(model, f, whole) or words.number(v)
end

--- The number of a feature given by name, or by number from 1, negative from the end.
---@param model neap.gbdt.Model
---@param where string
---@param feature string|integer
---@return integer
function words.feature(model, where, feature)
  local names = model.feature_names
  if type(feature) == "string" then
    for f, name in ipairs(names) do
      if name == feature then return f end
    end
    opts.unknown(where, "feature", feature, table.move(names, 1, #names, 1, {}))
  end
  local f = opts.integer(where, "feature", feature)
  if f < 0 then f = #names + 1 + f end
  if f < 1 or f > #names then
    opts.raise("%s: feature %d is outside 1 to %d", where, feature, #names)
  end
  return f
end

return words
