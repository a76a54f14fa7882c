--- How folds print.
local clock = require "neap.clock"

local Folds = {}

-- Rows of a dataset with their times; of a range or an array of ranges, from where to where.
local function extent(part)
  if part.x then
    local when = ""
    if part.times and #part > 0 then
      when = (", %s to %s"):format(clock.print(part.times[1]), clock.print(part.times[-1]))
    end
    return ("%d rows%s"):format(#part, when)
  end
  local texts = {}
  for i, range in ipairs(type(part[1]) == "table" and part or { part }) do
    texts[i] = ("%d to %d"):format(range[1], range[2])
  end
  return "rows " .. table.concat(texts, ", ")
end

function Folds.__tostring(folds)
  local lines = {}
  for i, fold in ipairs(folds) do
    lines[i] = ("%-4d train %s; test %s"):format(i, extent(fold.train), extent(fold.test))
  end
  return table.concat(lines, "\n")
end

--- The same folds, which print one in a line.
---@param folds table[]
---@return table[] folds
return function(folds) return setmetatable(folds, Folds) end
