--- Columns as the C functions of groups, joins and rows take them:
--- { values, kind, name, labels, rank, places }. Loaded by the files that reshape frames.
local core = require "neap.frame.core"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local keys = {}

--- Names from a name or an array of names, each once.
---@param where string the function, for messages
---@param what string the argument
---@param by any
---@return string[]
function keys.names(where, what, by)
  local names, seen = type(by) == "table" and by or { by }, {}
  for i, name in ipairs(names) do
    if type(name) ~= "string" then
      opts.raise("%s: %s must be names of columns, got %s", where, what, opts.kind(name))
    elseif seen[name] then
      opts.raise("%s: %s names '%s' twice", where, what, name)
    end
    seen[name] = i
  end
  if #names == 0 then
    opts.raise("%s: %s must name a column, got %s", where, what,
      by == nil and "nil" or "an empty table")
  end
  return table.move(names, 1, #names, 1, {})
end

-- Places of labels, by the tables of labels, which do not change: in order, and as they come.
local ranks = { [true] = setmetatable({}, { __mode = "k" }),
  [false] = setmetatable({}, { __mode = "k" }) }

-- The place of each label in `order`, where it may stand more than once, as an i32 tensor with one
-- more in front for code 0; and how many places there are.
local function places_in(order, labels)
  local place_of, places, place = {}, 0, { 0 }
  for _, label in ipairs(order) do
    if not place_of[label] then
      place_of[label] = places
      places = places + 1
    end
  end
  for code, label in ipairs(labels) do place[code + 1] = place_of[label] end
  return tensor.of(place, { dtype = "i32" }), places
end

local function is_rising(labels)
  for i = 2, #labels do
    if labels[i - 1] >= labels[i] then return false end
  end
  return true
end

local function differ(labels)
  local seen = {}
  for _, label in ipairs(labels) do
    if seen[label] then return false end
    seen[label] = true
  end
  return true
end

-- Where each label stands, among the sorted ones or, unsorted, so that equal ones stand together,
-- and the number of places. No tensor where the labels are like that already.
local function rank_of(labels, sorted)
  local known = ranks[sorted][labels]
  if known and known.n == #labels then return known.rank, known.places end
  local rank, places = nil, #labels
  if not (sorted and is_rising or differ)(labels) then
    local order = labels
    if sorted then
      order = table.move(labels, 1, #labels, 1, {})
      table.sort(order)
    end
    rank, places = places_in(order, labels)
  end
  ranks[sorted][labels] = { n = #labels, rank = rank, places = places }
  return rank, places
end

--- A column for C: text in the order of its letters, or, `unsorted`, in any.
---@param name string
---@param column neap.frame.column
---@param unsorted? boolean
---@return table
function keys.series(name, column, unsorted)
  if column.kind ~= "category" then return { column.tensor, column.kind, name } end
  local rank, places = rank_of(column.labels, not unsorted)
  return { column.tensor, column.kind, name, #column.labels, rank, places }
end

--- The columns of f called names, for C.
---@param f neap.frame
---@param where string the function, for messages
---@param names string[]
---@param unsorted? boolean texts need no order
---@return table[]
function keys.of(f, where, names, unsorted)
  local list = {}
  for i, name in ipairs(names) do
    list[i] = keys.series(name, core.column_at(f, where, name), unsorted)
  end
  return list
end

local families = { i64 = "integers", i32 = "integers", u8 = "integers", f64 = "floats",
  f32 = "floats", bool = "bools" }

local function family(column)
  return column.kind == "number" and families[column.tensor.dtype] or column.kind
end

-- Both numberings of labels in one.
local function share(left, right)
  local all = table.move(left.labels, 1, #left.labels, 1, {})
  table.move(right.labels, 1, #right.labels, #all + 1, all)
  local ranks_left, places = places_in(all, left.labels)
  return ranks_left, (places_in(all, right.labels)), places
end

--- The column of the left or of the right of two frames; an error says which it is.
---@param f neap.frame
---@param where string the function, for messages
---@param name string
---@return neap.frame.column
function keys.left(f, where, name) return core.column_at(f, where .. ": the left frame", name) end

--- As `keys.left`.
function keys.right(f, where, name) return core.column_at(f, where .. ": the right frame", name) end

--- Columns of two frames that are compared with each other, for C: two arrays.
---@param where string the function, for messages
---@param f neap.frame
---@param f_names string[]
---@param g neap.frame
---@param g_names string[]
---@return table[] left
---@return table[] right
function keys.pairs(where, f, f_names, g, g_names)
  local left, right = {}, {}
  for i, name in ipairs(f_names) do
    local a, b = keys.left(f, where, name), keys.right(g, where, g_names[i])
    if family(a) ~= family(b) then
      opts.raise("%s: key '%s' is %s on the left, but '%s' is %s on the right; %s", where, name,
        f:dtype(name), g_names[i], g:dtype(g_names[i]),
        (a.kind == "number" and b.kind == "number") and "convert one with x:to"
        or "keys must be of one kind")
    end
    left[i], right[i] = keys.series(name, a, true), keys.series(g_names[i], b, true)
    if a.kind == "category" and a.labels ~= b.labels then
      left[i][5], right[i][5], left[i][6] = share(a, b)
      right[i][6] = left[i][6]
    end
  end
  return left, right
end

--- The value of a column in row i as Lua has it: text, a number, ns, a boolean; false for missing
--- text.
---@param column neap.frame.column
---@param i integer
---@return any
function keys.value(column, i)
  local v = column.tensor:get(i)
  if column.kind ~= "category" then return v end
  return column.labels[v] or false
end

return keys
