--- Tables of named columns: tensors, times, text. Frames do not change when computed with; only
--- `f.name = x` adds or replaces a column.
local c = require "neap.c.frame"
local category = require "neap.frame.category"
local opts = require "neap.opts"
local show = require "neap.frame.print"
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

-- The column that a user's value means.
local function to_column(where, name, values, kind)
  if type(values) == "table" and not category.is(values) then values = column_of_table(values) end
  if category.is(values) then
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

--- A frame from an array of columns { name, values } in order. Values are tensors of one length,
--- categories, or Lua arrays of numbers or strings. { name, i64 tensor, "time" } makes a column of
--- times in nanoseconds; i64 columns called time, known_at or *_time are times anyway.
---     #frame.new { { "close", tensor.of { 1, 2, 3 } }, { "symbol", { "A", "A", "B" } } } --> 3
---@param columns table[]
---@return neap.frame
function frame.new(columns)
  if type(columns) ~= "table" then
    opts.raise("frame.new: an array of { name, values } is expected, got %s", type(columns))
  end
  for key in next, columns do
    if type(key) == "string" then
      opts.raise("frame.new: column '%s' must be { '%s', values }, since keys have no order", key,
        key)
    end
  end
  local f = empty()
  for i, entry in ipairs(columns) do
    if type(entry) ~= "table" or #entry < 2 then
      opts.raise("frame.new: column %d must be { name, values }", i)
    end
    local name, values, kind = entry[1], entry[2], entry[3]
    if kind ~= nil and kind ~= "time" then
      opts.raise("frame.new: column '%s' is of unknown kind '%s' (known: time)", name,
        tostring(kind))
    end
    if rawget(f, STATE).columns[name] then
      opts.raise("frame.new: two columns are called '%s'", name)
    end
    put(f, "frame.new", name, to_column("frame.new", tostring(name), values, kind))
  end
  return f
end

--- A column of text from an array of strings; false and "" are missing. It has `codes` (i32, 0 =
--- missing), `labels`, c[i], `c:eq(label)` and `c:totable()`.
---     frame.category({ "a", "b", "a" })[2] --> b
---@param texts table
---@return neap.category
function frame.category(texts) return category.of_texts(texts) end

-- reading and writing ----------------------------------------------------------------------------

local kinds = {
  bool = "bool", integer = "integer", i64 = "integer", number = "number", f64 = "number",
  time = "time", category = "category", text = "category",
}

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- o.time and o.types as two arrays.
local function declared(o)
  local typed, given = {}, {}
  for _, name in ipairs(sorted_keys(o.types)) do
    local kind = kinds[o.types[name]]
    if not kind then
      opts.unknown("frame.read_csv", "type", tostring(o.types[name]), sorted_keys(kinds))
    end
    typed[#typed + 1], given[#given + 1] = name, kind
  end
  local times = type(o.time) == "string" and { o.time } or o.time or {}
  for _, name in ipairs(times) do typed[#typed + 1], given[#given + 1] = name, "time" end
  return typed, given
end

local function check_names(path, o, typed)
  if not o.columns and #typed == 0 then return end
  local names = c.csv_names(path, o.delimiter, o.comment, o.header, o.names)
  local there = {}
  for _, name in ipairs(names) do there[name] = true end
  for _, list in ipairs { o.columns or {}, typed } do
    for _, name in ipairs(list) do
      if not there[name] then opts.unknown("frame.read_csv: " .. path, "column", name, names) end
    end
  end
end

--- Read a CSV file, plain, gzip or zstd. Types are found column by column: bool, integer (i64),
--- number (f64, blank = NaN), time (dates and times with separators), else category. Options:
--- `time`: names of columns that are times even if written as digits (yyyymmdd, epoch in s, ms, us
--- or ns by magnitude); `types`: { name = "number" | "integer" | "bool" | "time" | "category" },
--- which must hold; `columns`: those to keep, in order; `delimiter` (found among , ; tab),
--- `comment` (first character of lines to skip), `header = false` with `names`, `missing` (further
--- words for no value, as { "?" }), `time_zone` of times without offset, `time_format` as
--- "%d/%m/%Y %H:%M". Errors name file, line, column and value.
---     pcall(frame.read_csv, "/nowhere.csv") --> false, ...
---@param path string
---@param o? table
---@return neap.frame
function frame.read_csv(path, o)
  o = opts.merge("frame.read_csv", {
    time = opts.none, types = {}, columns = opts.none, delimiter = opts.none, comment = opts.none,
    header = true, names = opts.none, missing = opts.none, time_zone = opts.none,
    time_format = opts.none,
  }, o)
  opts.expect("frame.read_csv", "the path", path, "string")
  local typed, given = declared(o)
  check_names(path, o, typed)
  local columns = c.read_csv(path, o.delimiter, o.comment, o.header, o.names, o.columns, typed,
    given, o.missing, o.time_zone, o.time_format)
  local f = empty()
  for _, column in ipairs(columns) do
    local name, kind, values, labels = column[1], column[2], column[3], column[4]
    if kind == "bool" or kind == "integer" then kind = "number" end
    put(f, "frame.read_csv", name, { kind = kind, tensor = values, labels = labels })
  end
  return f
end

--- The names in the header of a CSV file.
---     pcall(frame.csv_columns, "/nowhere.csv") --> false, ...
---@param path string
---@param o? table delimiter, comment, header, names as in `read_csv`
---@return string[]
function frame.csv_columns(path, o)
  o = opts.merge("frame.csv_columns", {
    delimiter = opts.none, comment = opts.none, header = true, names = opts.none,
  }, o)
  opts.expect("frame.csv_columns", "the path", path, "string")
  return c.csv_names(path, o.delimiter, o.comment, o.header, o.names)
end

--- Write the frame as CSV; the file appears whole or not at all, compressed when its name ends in
--- .gz or .zst. `digits`: "shortest" that reads back to the same number, or 17. Missing values are
--- blank, times ISO 8601 in UTC.
---     pcall(frame.new({ { "x", { 1, 2 } } }).write_csv, nil, "x.csv") --> false, ...
---@param path string
---@param o? { digits: "shortest"|17 }
function Frame:write_csv(path, o)
  local state = state_of(self, "write_csv")
  o = opts.merge("frame:write_csv", { digits = "shortest" }, o)
  if o.digits ~= "shortest" and o.digits ~= 17 then
    opts.raise("frame:write_csv: digits is '%s', allowed are 'shortest' and 17", tostring(o.digits))
  end
  local columns, tensors, labels = {}, {}, {}
  for i, name in ipairs(state.names) do
    local column = state.columns[name]
    columns[i], tensors[i], labels[i] = column.kind, column.tensor, column.labels or false
  end
  c.write_csv(path, state.names, columns, tensors, labels, o.digits == 17)
end

-- looking ----------------------------------------------------------------------------------------

--- The column called `name`: a tensor, or a category. An unknown name is an error with the nearest.
---     frame.new({ { "x", { 1, 2 } } }):column("x"):get(2) --> 2.0
---@param name string
---@return neap.tensor|neap.category
function Frame:column(name) return value_of(column_at(self, "frame", name)) end

--- The names of the columns, in order.
---     table.concat(frame.new({ { "x", { 1 } }, { "y", { 2 } } }):columns(), " ") --> x y
---@return string[]
function Frame:columns() return known(state_of(self, "frame:columns")) end

--- Whether there is a column of that name.
---     frame.new({ { "x", { 1 } } }):has "y" --> false
---@param name string
---@return boolean
function Frame:has(name) return state_of(self, "frame:has").columns[name] ~= nil end

--- "time", "category", or the dtype of the column's tensor.
---     frame.new({ { "x", { 1 } } }):dtype "x" --> f64
---@param name string
---@return string
function Frame:dtype(name)
  local column = column_at(self, "frame:dtype", name)
  return column.kind == "number" and column.tensor.dtype or column.kind
end

-- `for name, values in pairs(f)` goes through the columns in order.
function Frame.__pairs(self)
  local state, i = state_of(self, "pairs"), 0
  return function()
    i = i + 1
    local name = state.names[i]
    if name then return name, value_of(state.columns[name]) end
  end
end

function Frame.__len(self) return rawget(self, STATE).rows or 0 end

-- Methods win over columns; a name that is neither is an error.
function Frame.__index(self, key)
  local method = Frame[key]
  if method ~= nil then return method end
  local column = state_of(self, "frame").columns[key]
  if column then return value_of(column) end
  if type(key) ~= "string" then
    opts.raise("frame: columns have names; rows are f:rows(a, b), f:take(positions), f:where(mask)")
  end
  local names = self:columns()
  for name, value in next, Frame do
    if type(value) == "function" and not name:find "^__" then names[#names + 1] = name end
  end
  opts.unknown("frame", "column or method", key, names,
    "its columns are " .. table.concat(self:columns(), ", "))
end

function Frame.__newindex(self, name, values)
  if Frame[name] ~= nil then
    opts.raise("frame: '%s' is a method; use f:assign{{'%s', x}} for a column of that name", name,
      name)
  end
  local state = rawget(self, STATE)
  local old = state.columns[name]
  local kind = old and old.kind == "time" and is_tensor(values) and values.dtype == "i64" and "time"
  put(self, "frame", name, to_column("frame", tostring(name), values, kind or nil))
end

local function text_of(self, rows, width)
  local state, columns = rawget(self, STATE), {}
  for i, name in ipairs(state.names) do
    local column = state.columns[name]
    columns[i] = { name = name, kind = column.kind, tensor = column.tensor, labels = column.labels,
      dtype = self:dtype(name) }
  end
  return show.text(#self, columns, rows, width)
end

function Frame.__tostring(self) return text_of(self, 10, 100) end

--- The frame as it prints, with more of it: `rows` (10) of the first and last rows, lines of at
--- most `width` (100) characters; math.huge shows everything.
---     frame.new({ { "x", { 1 } } }):to_text { width = 200 }:match "^[^\n]*" --> frame[1 x 1]
---@param o? { rows: integer, width: number }
---@return string
function Frame:to_text(o)
  o = opts.merge("frame:to_text", { rows = 10, width = 100 }, o)
  for name, value in pairs(o) do
    if type(value) ~= "number" or value ~= value or value < 1 then
      opts.raise("frame:to_text: %s is %s, must be a number of at least 1", name, tostring(value))
    end
  end
  return text_of(self, math.tointeger(o.rows) or #self + 1, o.width)
end

-- choosing ---------------------------------------------------------------------------------------

--- The frame with only these columns, in this order.
---     #frame.new({ { "x", { 1 } }, { "y", { 2 } } }):select({ "y" }):columns() --> 1
---@param names string[]
---@return neap.frame
function Frame:select(names)
  local out = empty()
  for _, name in ipairs(names) do
    put(out, "frame:select", name, column_at(self, "frame:select", name))
  end
  return out
end

--- The frame without these columns.
---     frame.new({ { "x", { 1 } }, { "y", { 2 } } }):drop({ "y" }):columns()[1] --> x
---@param names string[]
---@return neap.frame
function Frame:drop(names)
  local gone, out = {}, empty()
  for _, name in ipairs(names) do
    column_at(self, "frame:drop", name)
    gone[name] = true
  end
  local state = rawget(self, STATE)
  for _, name in ipairs(state.names) do
    if not gone[name] then put(out, "frame:drop", name, state.columns[name]) end
  end
  return out
end

--- The frame with columns renamed: { old = "new" }.
---     frame.new({ { "x", { 1 } } }):rename({ x = "y" }):columns()[1] --> y
---@param names table<string, string>
---@return neap.frame
function Frame:rename(names)
  local state, out = state_of(self, "frame:rename"), empty()
  for _, old in ipairs(sorted_keys(names)) do column_at(self, "frame:rename", old) end
  for _, name in ipairs(state.names) do
    local new = names[name] or name
    if rawget(out, STATE).columns[new] then
      opts.raise("frame:rename: two columns would be called '%s'", new)
    end
    put(out, "frame:rename", new, state.columns[name])
  end
  return out
end

--- The frame with columns added or replaced, in order: { { "ret", x }, ... }, as in `frame.new`.
---     frame.new({ { "x", { 1 } } }):assign({ { "y", { 2 } } }).y:get(1) --> 2.0
---@param columns table[]
---@return neap.frame
function Frame:assign(columns)
  local out = self:select(self:columns())
  for i, entry in ipairs(columns) do
    if type(entry) ~= "table" or #entry < 2 then
      opts.raise("frame:assign: column %d must be { name, values }", i)
    end
    local column = to_column("frame:assign", tostring(entry[1]), entry[2], entry[3])
    put(out, "frame:assign", entry[1], column)
  end
  return out
end

--- The rows at the positions in an i64 tensor (from 1, negative from the end), in that order.
---     #frame.new({ { "x", { 1, 2 } } }):take(tensor.of({ 2, 2, 1 }, { dtype = "i64" })) --> 3
---@param positions neap.tensor
---@return neap.frame
function Frame:take(positions) return map(self, function(t) return t:take(positions) end) end

--- The rows where a bool tensor is true.
---     (function(f) return #f:where(f.x:gt(1)) end)(frame.new { { "x", { 1, 2, 3 } } }) --> 2
---@param mask neap.tensor
---@return neap.frame
function Frame:where(mask)
  if not is_tensor(mask) or mask.dtype ~= "bool" or #mask.shape ~= 1 or #mask ~= #self then
    opts.raise("frame:where: a bool tensor of %d rows is expected, got %s", #self,
      is_tensor(mask) and tostring(mask) or type(mask))
  end
  return self:take(mask:nonzero())
end

--- Rows a to b, both included, negative from the end: views, without copying.
---     #frame.new({ { "x", { 1, 2, 3 } } }):rows(2, -1) --> 2
---@param a integer
---@param b? integer
---@return neap.frame
function Frame:rows(a, b) return map(self, function(t) return t:slice(1, a, b) end) end

local function check_count(where, n)
  if math.type(n) ~= "integer" or n < 0 then
    opts.raise("%s: the number of rows must be 0 or more, got %s", where, tostring(n))
  end
end

--- The first n rows (5).
---     #frame.new({ { "x", { 1, 2, 3 } } }):head(2) --> 2
---@param n? integer
---@return neap.frame
function Frame:head(n)
  n = n or 5
  check_count("frame:head", n)
  if n >= #self then return self:rows(1) end
  return n == 0 and self:rows(#self + 1) or self:rows(1, n)
end

--- The last n rows (5).
---     frame.new({ { "x", { 1, 2, 3 } } }):tail(1).x:get(1) --> 3.0
---@param n? integer
---@return neap.frame
function Frame:tail(n)
  n = n or 5
  check_count("frame:tail", n)
  return self:rows(math.max(1, #self - n + 1))
end

-- Text sorts by its letters, missing last.
local function sort_key(column)
  if column.kind ~= "category" then return column.tensor end
  local order, rank = {}, {}
  for code in ipairs(column.labels) do order[code] = code end
  table.sort(order, function(a, b) return column.labels[a] < column.labels[b] end)
  for place, code in ipairs(order) do rank[code + 1] = place end
  rank[1] = #order + 1
  return tensor.of(rank, { dtype = "i64" }):take(column.tensor:to "i64":add(1))
end

--- The rows in order of one column, or of several, the first weighing most; equal rows keep their
--- order. NaN go last, text is sorted by its letters.
---     frame.new({ { "x", { 3, 1, 2 } } }):sort("x").x:get(1) --> 1.0
---@param by string|string[]
---@param o? { descending: boolean }
---@return neap.frame
function Frame:sort(by, o)
  o = opts.merge("frame:sort", { descending = false }, o)
  local names, out = type(by) == "string" and { by } or by, self
  for i = #names, 1, -1 do
    local key = sort_key(column_at(out, "frame:sort", names[i]))
    out = out:take(key:argsort(1, { descending = o.descending }))
  end
  return out
end

--- Columns as an N x F tensor, in the order of `names` (all number columns when absent), f64 or of
--- the `dtype` given. Times and categories are refused by name.
---     frame.new({ { "x", { 1, 2 } }, { "y", { 3, 4 } } }):matrix():get(2, 2) --> 4.0
---@param names? string[]
---@param o? { dtype: string }
---@return neap.tensor
function Frame:matrix(names, o)
  o = opts.merge("frame:matrix", { dtype = "f64" }, o)
  local state, columns = state_of(self, "frame:matrix"), {}
  for _, name in ipairs(names or state.names) do
    local column = column_at(self, "frame:matrix", name)
    if column.kind == "number" then columns[#columns + 1] = column.tensor:to(o.dtype)
    elseif names then
      opts.raise("frame:matrix: column '%s' is a %s, not numbers", name, column.kind)
    end
  end
  if #columns == 0 then opts.raise("frame:matrix: no column of numbers") end
  return tensor.stack(columns, 2)
end

local statistics = { "count", "mean", "std", "min", "25 %", "median", "75 %", "max" }

-- NaN left out; of nothing all is NaN but the count.
local function summary(x)
  local count = x:eq(x):sum()
  if count == 0 then return { 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0 } end
  local skip = { skip_nan = true }
  local q = x:quantile({ 0.25, 0.5, 0.75 }, skip)
  local low, high = x:min(skip), x:max(skip)
  return { count, x:mean(skip), x:std(skip), low, q[1], q[2], q[3], high }
end

--- Count, mean, standard deviation (ddof 1), smallest, quartiles and largest of each column of
--- numbers, as a frame with the column `statistic`. NaN are left out.
---     frame.new({ { "x", { 1, 2, 0 / 0 } } }):describe().x[2] --> 1.5
---@return neap.frame
function Frame:describe()
  local state, columns = state_of(self, "frame:describe"), { { "statistic", statistics } }
  for _, name in ipairs(state.names) do
    local column = state.columns[name]
    if column.kind == "number" then
      columns[#columns + 1] = { name, tensor.of(summary(column.tensor:to "f64")) }
    end
  end
  return frame.new(columns)
end

-- joining ----------------------------------------------------------------------------------------

-- Columns of several frames one below the other; text gets one list of labels.
local function concat_column(parts)
  local kind, tensors = parts[1].kind, {}
  if kind ~= "category" then
    for i, part in ipairs(parts) do tensors[i] = part.tensor end
    return { kind = kind, tensor = tensor.cat(tensors, 1) }
  end
  local labels, code_of = {}, {}
  for i, part in ipairs(parts) do
    local codes = { 0 }
    for code, label in ipairs(part.labels) do
      if not code_of[label] then
        labels[#labels + 1] = label
        code_of[label] = #labels
      end
      codes[code + 1] = code_of[label]
    end
    tensors[i] = tensor.of(codes, { dtype = "i32" }):take(part.tensor:to "i64":add(1))
  end
  return { kind = kind, tensor = tensor.cat(tensors, 1), labels = labels }
end

--- The rows of several frames, one below the other. All must have the columns of the first, in any
--- order.
---     #frame.concat { frame.new { { "x", { 1 } } }, frame.new { { "x", { 2, 3 } } } } --> 3
---@param frames neap.frame[]
---@return neap.frame
function frame.concat(frames)
  opts.expect("frame.concat", "frames", frames, "table")
  local out = empty()
  if #frames == 0 then return out end
  local first = state_of(frames[1], "frame.concat")
  for i, f in ipairs(frames) do
    if #state_of(f, "frame.concat").names ~= #first.names then
      opts.raise("frame.concat: frame %d has %d columns, the first has %d", i,
        #rawget(f, STATE).names, #first.names)
    end
  end
  for _, name in ipairs(first.names) do
    local parts = {}
    for i, f in ipairs(frames) do
      parts[i] = column_at(f, "frame.concat", name)
      if parts[i].kind ~= parts[1].kind then
        opts.raise("frame.concat: column '%s' is a %s in frame %d and a %s in the first", name,
          parts[i].kind, i, parts[1].kind)
      end
    end
    put(out, "frame.concat", name, concat_column(parts))
  end
  return out
end

return frame
