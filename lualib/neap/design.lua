--- What models expect, a matrix with labels, from what users have: tensors, frames, datasets.
local opts = require "neap.opts"

local design = {}

--- Whether x is a frame.
---@return boolean
function design.is_frame(x)
  local meta = type(x) == "table" and getmetatable(x)
  return meta and meta.__name == "neap.frame" or false
end

--- Whether x is a dataset, or a table with the fields of one.
---@return boolean
function design.is_data(x)
  return type(x) == "table" and not design.is_frame(x) and x.x ~= nil
end

--- Whether x was made by neap.dataset.
---@return boolean
function design.is_dataset(x)
  local meta = type(x) == "table" and getmetatable(x)
  return meta and meta.__name == "neap.dataset" or false
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

--- A frame as an N x F tensor of its columns of numbers, and their names. Anything else is returned
--- as it is, without names.
---@param x neap.frame|any
---@return neap.tensor|any
---@return string[]?
function design.matrix(x)
  if not design.is_frame(x) then return x end
  local names = number_columns(x)
  return x:matrix(names), names
end

--- x, y, weights and names of data to learn from: a dataset, { x =, y =, weights =, names = } or {
--- x, y }; x may be a frame.
---@param where string
---@param d table
---@param matrix? fun(x: any): any, string[]? in place of `design.matrix`
---@return neap.tensor x
---@return neap.tensor y
---@return neap.tensor? weights
---@return string[]? names
function design.pair(where, d, matrix)
  if type(d) ~= "table" then
    opts.raise("%s: {x, y} or a data set expected, got %s", where, type(d))
  end
  local x, y = d.x or d[1], d.y or d[2]
  if x == nil then opts.raise("%s: x is missing", where) end
  if y == nil then
    opts.raise("%s: %s", where, design.is_dataset(d) and "the dataset has no labels"
      or "y is missing")
  end
  if design.is_dataset(d) then
    local missing = math.tointeger(y:ne(y):sum())
    if missing > 0 then
      opts.raise("%s: %d of %d rows have no label; D:drop_missing() leaves them out", where,
        missing, #y)
    end
  end
  local rows, names = (matrix or design.matrix)(x)
  return rows, y, rawget(d, "weights") or d.w, d.names or names
end

--- Raise unless `names` are as many texts as there are columns; nil passes.
---@param where string
---@param names string[]?
---@param columns integer
function design.check_names(where, names, columns)
  if names == nil then return end
  opts.expect(where, "feature_names", names, "table")
  if #names ~= columns then
    opts.raise("%s: %d feature names for %d features", where, #names, columns)
  end
  for i, name in ipairs(names) do
    if type(name) ~= "string" then
      opts.raise("%s: feature name %d is a %s", where, i, type(name))
    end
  end
end

local function same(name) return name end

--- Raise unless `names` are the names that a model was fitted on, in their order. `spelling` is how
--- the model spells a name; nil names pass.
---@param where string
---@param names string[]?
---@param known string[]
---@param spelling? fun(name: string): string
function design.same_names(where, names, known, spelling)
  if not names then return end
  spelling = spelling or same
  local given = {}
  for _, name in ipairs(names) do given[spelling(name)] = true end
  for i, name in ipairs(known) do
    if not given[name] then
      opts.raise("%s: feature '%s' is missing; the model was fitted on %d features, here are %d",
        where, name, #known, #names)
    end
    if spelling(names[i]) ~= name then
      opts.raise("%s: feature %d is '%s', the model was fitted on '%s'", where, i, names[i], name)
    end
  end
  if #names > #known then
    opts.raise("%s: feature '%s' is one too many; the model was fitted on %d", where,
      names[#known + 1], #known)
  end
end

--- The columns of a frame that a model calls `known`, wherever they stand.
---@param where string
---@param f neap.frame
---@param known string[]
---@param spelling fun(name: string): string how the model spells a name
---@return string[]
function design.columns(where, f, known, spelling)
  local by_spelling, names = {}, {}
  for _, name in ipairs(f:columns()) do by_spelling[spelling(name)] = name end
  for i, name in ipairs(known) do
    names[i] = f:has(name) and name or by_spelling[name]
    if not names[i] then
      local near = opts.nearest(name, f:columns())
      opts.raise("%s: feature '%s' is missing; the model was fitted on %d features, and the frame "
        .. "has no column of that name%s", where, name, #known,
        near and (" (did you mean '%s'?)"):format(near) or "")
    end
  end
  return names
end

--- The matrix to predict from. A frame gives the columns `known`, wherever they stand; a dataset
--- must have exactly these names in their order; anything else is returned as it is. Without
--- `known` names are not looked at.
---@param where string
---@param x any
---@param known? string[]
---@param spelling? fun(name: string): string
---@return any
function design.inputs(where, x, known, spelling)
  if design.is_frame(x) then
    if not known then return (design.matrix(x)) end
    return x:matrix(design.columns(where, x, known, spelling or same))
  end
  if not design.is_data(x) then return x end
  if known then design.same_names(where, x.names, known, spelling) end
  return x.x
end

return design
