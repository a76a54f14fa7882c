--- Frames where a model expects a matrix: their columns of numbers, by name.
local design = {}

--- Whether x is a frame.
---@return boolean
function design.is_frame(x)
  local meta = type(x) == "table" and getmetatable(x)
  return meta and meta.__name == "neap.frame" or false
end

-- Times and categories are no features.
local function number_columns(f)
  local names = {}
  for _, name in ipairs(f:columns()) do
    local dtype = f:dtype(name)
    if dtype ~= "time" and dtype ~= "category" then names[#names + 1] = name end
  end
  return names
end

--- A frame as an N x F tensor of the columns `names`, or of all that hold numbers, and their names.
--- Anything else is returned as it is, without names.
---@param x neap.frame|any
---@param names? string[]
---@return neap.tensor|any
---@return string[]?
function design.matrix(x, names)
  if not design.is_frame(x) then return x end
  names = names or number_columns(x)
  return x:matrix(names), names
end

return design
