--- What the files of neap.frame share: the module's table, the class, and how columns are kept.
local category = require "neap.frame.category"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local frame = {}

---@class neap.frame
local Frame = { __name = "neap.frame" }

local STATE = {} -- the one raw key of a frame: { names, columns = {name -> column}, rows }

-- A column: kind is "number" for plain tensors of any dtype, "time", or "category" with labels.
---@class neap.frame.column
---@field kind string
---@field tensor neap.tensor
---@field labels string[]?

local function is_tensor(x)
  return type(x) == "userdata" and getmetatable(x).__name == "neap.tensor"
end

--- Whether x is a frame.
---     frame.is(frame.new {}) --> true
---@return boolean
function frame.is(x) return type(x) == "table" and rawget(x, STATE) ~= nil end

local function state_of(f, where)
  if not frame.is(f) then opts.raise("%s: a frame is expected, got %s", where, type(f)) end
  return rawget(f, STATE)
end

local function empty() return setmetatable({ [STATE] = { names = {}, columns = {} } }, Frame) end

-- columns ----------------------------------------------------------------------------------------

local function is_time_name(name)
  return name == "time" or name == "known_at" or name:find "_time$" ~= nil
end

local function column_of_table(values)
  for i = 1, #values do
    if values[i] ~= false then
      if type(values[i]) == "string" then return category.of_texts(values) end
      break
    end
  end
  return tensor.of(values)
end

-- One value for every row: a number, truth or text.
local function repeated(where, name, value, rows)
  if not rows then
    opts.raise("%s: column '%s' is one value, but the frame has no rows to repeat it in", where,
      name)
  end
  if type(value) == "string" then
    local code = tensor.full { 1, value = value ~= "" and 1 or 0, dtype = "i32" }
    return category.of_codes(code:expand { rows }:contiguous(), { value ~= "" and value or nil })
  end
  local dtype = type(value) == "boolean" and "bool" or math.type(value) == "integer" and "i64"
    or "f64"
  return tensor.full { rows, value = value, dtype = dtype }
end

local single = { string = true, number = true, boolean = true }

-- Codes and labels are open to whoever made them.
local function check_category(where, name, values)
  local codes, labels = rawget(values, "codes"), rawget(values, "labels")
  if not is_tensor(codes) or codes.dtype ~= "i32" or #codes.shape ~= 1 then
    opts.raise("%s: column '%s' needs i32 codes with one dimension, got %s", where, name,
      is_tensor(codes) and tostring(codes) or type(codes))
  end
  opts.expect(where, ("the labels of column '%s'"):format(name), labels, "table")
  for code = 1, #labels do
    if type(labels[code]) ~= "string" then
      opts.raise("%s: label %d of column '%s' is a %s, a string is expected", where, code, name,
        opts.kind(labels[code]))
    end
  end
  if #codes > 0 and (codes:min() < 0 or codes:max() > #labels) then
    opts.raise("%s: column '%s' has codes %d to %d, but %d labels", where, name, codes:min(),
      codes:max(), #labels)
  end
end

-- The column that a user's value means; `rows` of the frame it is for, if it has any columns.
local function to_column(where, name, values, kind, rows)
  if single[type(values)] then values = repeated(where, name, values, rows) end
  if type(values) == "table" and not category.is(values) then values = column_of_table(values) end
  if category.is(values) then
    check_category(where, name, values)
    return { kind = "category", tensor = values.codes, labels = values.labels }
  end
  if not is_tensor(values) then
    opts.raise("%s: column '%s' must be a tensor, a category or an array, got %s", where, name,
      type(values))
  end
  if #values.shape ~= 1 then
    opts.raise("%s: column '%s' must have one dimension, got %s", where, name, tostring(values))
  end
  if kind == "time" and values.dtype ~= "i64" then
    opts.raise("%s: column '%s' of times must be i64 nanoseconds, got %s", where, name,
      values.dtype)
  end
  if kind == nil and values.dtype == "i64" and is_time_name(name) then kind = "time" end
  return { kind = kind or "number", tensor = values }
end

local function put(f, where, name, column)
  local state = rawget(f, STATE)
  if type(name) ~= "string" or name == "" then
    opts.raise("%s: the name of a column is a string, got %s", where, tostring(name))
  end
  local n = #column.tensor
  local alone = #state.names == 0 or (#state.names == 1 and state.columns[name])
  if not alone and n ~= state.rows then
    opts.raise("%s: column '%s' has %d rows, but the frame has %d", where, name, n, state.rows)
  end
  if not state.columns[name] then state.names[#state.names + 1] = name end
  state.columns[name] = column
  state.rows = n
end

local function known(state) return table.move(state.names, 1, #state.names, 1, {}) end

local function column_at(f, where, name)
  local state = state_of(f, where)
  local column = state.columns[name]
  if not column then opts.unknown(where, "column", name, known(state)) end
  return column
end

-- The times in column `name`, as option `time` of a method names it.
local function time_column(f, where, name)
  local state, times = state_of(f, where), {}
  opts.expect(where, "option 'time'", name, "string")
  local column = state.columns[name]
  if column and column.kind == "time" then return column.tensor end
  for _, each in ipairs(state.names) do
    if state.columns[each].kind == "time" then times[#times + 1] = each end
  end
  opts.raise("%s: %s; option 'time' names the column of times (%s)", where,
    column and ("column '%s' is a %s, not times"):format(name, column.kind)
      or ("there is no column '%s'"):format(name),
    #times > 0 and "here: " .. table.concat(times, ", ") or "this frame has none")
end

local function value_of(column)
  if column.kind ~= "category" then return column.tensor end
  return category.of_codes(column.tensor, column.labels)
end

-- The frame with each column's tensor replaced by fn(tensor).
local function map(f, fn)
  local state, out = rawget(f, STATE), empty()
  for _, name in ipairs(state.names) do
    local column = state.columns[name]
    local rows = fn(column.tensor)
    put(out, "frame", name, { kind = column.kind, tensor = rows, labels = column.labels })
  end
  return out
end

-- The frame of the columns { name, kind, tensor, labels } that C hands over.
local function of_columns(where, columns)
  local f = empty()
  for _, column in ipairs(columns) do
    local name, kind, values, labels = column[1], column[2], column[3], column[4]
    if kind == "bool" or kind == "integer" then kind = "number" end
    if rawget(f, STATE).columns[name] then
      opts.raise("%s: two columns are called '%s'", where, name)
    end
    put(f, where, name, { kind = kind, tensor = values, labels = labels })
  end
  return f
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

return {
  frame = frame, Frame = Frame, STATE = STATE, is_tensor = is_tensor, state_of = state_of,
  empty = empty, to_column = to_column, put = put, known = known, column_at = column_at,
  time_column = time_column, value_of = value_of, map = map, of_columns = of_columns,
  sorted_keys = sorted_keys,
}
