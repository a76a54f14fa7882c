--- Rows without values, and filling them; loaded by neap.frame.
local c = require "neap.c.frame"
local core = require "neap.frame.core"
local keys = require "neap.frame.keys"
local opts = require "neap.opts"

---@class neap.frame
local Frame = core.Frame

local empty, put, state_of, column_at, known =
  core.empty, core.put, core.state_of, core.column_at, core.known

-- A column for C where only its kind counts.
local function plain(name, column)
  return { column.tensor, column.kind, name, column.labels and #column.labels }
end

--- The rows without a missing value (NaN, NaT, no text) in the columns named (all when absent);
--- with `how = "all"` rows go only where all of them are missing.
---     frame.new({ { "x", { 1, 0 / 0 } }, { "y", { 3, 4 } } }):dropna().y --> tensor<f64>[1] {3}
---@param columns? string|string[]
---@param o? { how: string }
---@return neap.frame
function Frame:dropna(columns, o)
  local where = "frame:dropna"
  local names = known(state_of(self, where))
  if type(columns) == "table" and #columns == 0 and o == nil then columns, o = nil, columns end
  local how = opts.merge(where, { how = "any" }, o).how
  if how ~= "any" and how ~= "all" then
    opts.unknown(where, "how", tostring(how), { "any", "all" })
  end
  if columns ~= nil then names = keys.names(where, "columns", columns) end
  local list = {}
  for i, name in ipairs(names) do list[i] = plain(name, column_at(self, where, name)) end
  if #list == 0 then return self:select {} end
  return self:where(c.present(list, how == "all", #self))
end

-- filling ----------------------------------------------------------------------------------------

local methods = { forward = true, backward = true, linear = true, time = true }

-- The column with the code of a text, which becomes a label when it is none yet.
local function code_of(where, name, column, text)
  if type(text) ~= "string" or text == "" then
    opts.raise("%s: column '%s' is text, and is filled by a text, got %s", where, name,
      opts.kind(text))
  end
  for code, label in ipairs(column.labels) do
    if label == text then return column, code end
  end
  local labels = table.move(column.labels, 1, #column.labels, 1, {})
  labels[#labels + 1] = text
  return { kind = column.kind, tensor = column.tensor, labels = labels }, #labels
end

-- A column filled by a value of its kind.
local function fill_value(where, name, column, value, groups, limit)
  if column.kind == "category" then column, value = code_of(where, name, column, value)
  elseif column.kind == "time" and math.type(value) ~= "integer" then
    opts.raise("%s: column '%s' is of times, and is filled by nanoseconds, got %s", where, name,
      type(value) == "number" and tostring(value) or opts.kind(value))
  elseif type(value) ~= "number" then
    opts.raise("%s: column '%s' is filled by a number, got %s", where, name, opts.kind(value))
  end
  local values = c.fill_missing(plain(name, column), groups, "value", value, limit)
  return { kind = column.kind, tensor = values, labels = column.labels }
end

-- What to do with each column: { name = value }, or a method for names in order.
local function plan(where, f, how, o)
  if type(how) == "table" then
    if o.columns then opts.raise("%s: option 'columns' goes with one value or a method", where) end
    for name in pairs(how) do
      if type(name) ~= "string" then
        opts.raise("%s: values are given by column, { x = 0 }, not in an array", where)
      end
    end
    local names = core.sorted_keys(how)
    for _, name in ipairs(names) do column_at(f, where, name) end
    return names, how
  end
  if type(how) == "string" and not methods[how] then
    opts.unknown(where, "method", how, core.sorted_keys(methods),
      "known are backward, forward, linear, time; a text for missing texts is given by column: "
      .. "{ side = 'none' }")
  elseif type(how) ~= "string" and type(how) ~= "number" then
    opts.raise("%s: a number, a method or { column = value } is expected, got %s", where,
      opts.kind(how))
  end
  if o.columns then return keys.names(where, "columns", o.columns) end
  local names = {}
  for _, name in ipairs(known(state_of(f, where))) do
    local every = how == "forward" or how == "backward"
    if every or column_at(f, where, name).kind == "number" then names[#names + 1] = name end
  end
  return names
end

local function times_of(where, f, name)
  local column = column_at(f, where, name)
  if column.kind == "time" then return column.tensor end
  opts.raise("%s: column '%s' is a %s; option 'time' names the times to interpolate by", where,
    name, f:dtype(name))
end

--- The frame with missing values (NaN, NaT, no text) filled by
---
--- - a number: in columns of numbers; `{ column = value }` for each by itself, times in
---   nanoseconds, texts by text
--- - "forward", "backward": by the last value before, or the first behind, in columns of every kind
--- - "linear", "time": on the line between both neighbours, by rows or by the times in `time`
---   ("time"), inside gaps only. These, and "backward", look at later rows
---
--- `columns` names those to fill; `by` fills within rows of equal keys only, rows without key stay.
--- `limit` is how many of a gap are filled at most, from the side where filling begins; by a value,
--- how many of all.
---     local f = frame.new { { "x", { 1, 0 / 0, 0 / 0, 4 } } }
---     f:fillna("forward", { limit = 1 }).x --> tensor<f64>[4] {1, 1, nan, 4}
---     f:fillna("linear").x --> tensor<f64>[4] {1, 2, 3, 4}
---@param how number|string|table<string, any>
---@param o? { limit: integer, columns: string|string[], by: string|string[], time: string }
---@return neap.frame
function Frame:fillna(how, o)
  local where = "frame:fillna"
  o = opts.merge(where, { limit = opts.none, columns = opts.none, by = opts.none,
    time = "time" }, o)
  local state, filled, out = state_of(self, where), {}, empty()
  local names, values = plan(where, self, how, o)
  local limit = o.limit and opts.integer(where, "limit", o.limit, 1) or 0
  local by = o.by and keys.names(where, "by", o.by)
  local groups = by and c.groups(#self, keys.of(self, where, by, true), false, true) or nil
  local time = how == "time" and times_of(where, self, o.time) or nil
  for _, name in ipairs(names) do
    local column = column_at(self, where, name)
    if type(how) == "string" then
      local made = c.fill_missing(plain(name, column), groups, how, nil, limit, time)
      filled[name] = { kind = column.kind, tensor = made, labels = column.labels }
    else
      filled[name] = fill_value(where, name, column, values and values[name] or how, groups, limit)
    end
  end
  for _, name in ipairs(state.names) do
    put(out, where, name, filled[name] or state.columns[name])
  end
  return out
end
