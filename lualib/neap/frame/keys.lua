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

local ranks = setmetatable({}, { __mode = "k" }) -- of tables of labels, which do not change

-- Where each label stands among the sorted ones, as an i32 tensor with one place before them for
-- code 0, and how many different ones there are. Nothing when labels are in order and differ.
local function rank_of(labels)
  local known = ranks[labels]
  if known and known.n == #labels then return known.rank, known.places end
  local rank, places, sorted = nil, #labels, true
  for i = 2, #labels do sorted = sorted and labels[i - 1] < labels[i] end
  if not sorted then
    local order, place_of = table.move(labels, 1, #labels, 1, {}), {}
    table.sort(order)
    places = 0
    for _, label in ipairs(order) do
      if not place_of[label] then
        place_of[label] = places
        places = places + 1
      end
    end
    local place = { 0 }
    for code, label in ipairs(labels) do place[code + 1] = place_of[label] end
    rank = tensor.of(place, { dtype = "i32" })
  end
  ranks[labels] = { n = #labels, rank = rank, places = places }
  return rank, places
end

--- A column for C: text in the order of its letters.
---@param name string
---@param column neap.frame.column
---@return table
function keys.series(name, column)
  if column.kind ~= "category" then return { column.tensor, column.kind, name } end
  local rank, places = rank_of(column.labels)
  return { column.tensor, column.kind, name, #column.labels, rank, places }
end

--- The columns of f called names, for C.
---@param f neap.frame
---@param where string the function, for messages
---@param names string[]
---@return table[]
function keys.of(f, where, names)
  local list = {}
  for i, name in ipairs(names) do list[i] = keys.series(name, core.column_at(f, where, name)) end
  return list
end

local families = { i64 = "integers", i32 = "integers", u8 = "integers", f64 = "floats",
  f32 = "floats", bool = "bools" }

local function family(column)
  return column.kind == "number" and families[column.tensor.dtype] or column.kind
end

-- Both numberings of labels in one: places by first appearance, left before right.
local function share(left, right)
  local place_of, places = {}, 0
  local function place(labels)
    local list = { 0 }
    for code, label in ipairs(labels) do
      if not place_of[label] then
        place_of[label] = places
        places = places + 1
      end
      list[code + 1] = place_of[label]
    end
    return tensor.of(list, { dtype = "i32" })
  end
  local ranks_left = place(left.labels)
  return ranks_left, place(right.labels), places
end

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
    local a, b = core.column_at(f, where, name), core.column_at(g, where, g_names[i])
    if family(a) ~= family(b) then
      opts.raise("%s: key '%s' is %s on the left, but '%s' is %s on the right; %s", where, name,
        f:dtype(name), g_names[i], g:dtype(g_names[i]),
        (a.kind == "number" and b.kind == "number") and "convert one with x:to"
        or "keys must be of one kind")
    end
    left[i], right[i] = keys.series(name, a), keys.series(g_names[i], b)
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
