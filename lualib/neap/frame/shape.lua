--- Long frames made wide and wide ones long; different rows, and some of them; loaded by
--- neap.frame.
local c = require "neap.c.frame"
local clock = require "neap.clock"
local core = require "neap.frame.core"
local keys = require "neap.frame.keys"
local opts = require "neap.opts"
local stack = require "neap.frame.stack"
local tensor = require "neap.tensor"

---@class neap.frame
local Frame = core.Frame

local empty, put, state_of, column_at, known =
  core.empty, core.put, core.state_of, core.column_at, core.known

-- The names in `list` that are not in any of the others.
local function without(list, ...)
  local gone, rest = {}, {}
  for _, names in ipairs { ... } do
    for _, name in ipairs(names) do gone[name] = true end
  end
  for _, name in ipairs(list) do
    if not gone[name] then rest[#rest + 1] = name end
  end
  return rest
end

local function put_new(where, out, name, column)
  if state_of(out).columns[name] then
    opts.raise("%s: two columns would be called '%s'", where, name)
  end
  put(out, where, name, column)
end

-- Rows of a column, position 0 being a missing one.
local function take(name, column, at)
  local series = { column.tensor, column.kind, name, column.labels and #column.labels }
  return { kind = column.kind, tensor = c.take_rows(series, at), labels = column.labels }
end

-- wide and long ----------------------------------------------------------------------------------

local MOST_COLUMNS, MOST_CELLS = 65536, 1 << 31

-- A key as the name of a column.
local function name_of(column, row)
  local v = keys.value(column, row)
  if column.kind == "time" then return clock.print(v) end
  return math.type(v) == "float" and ("%.14g"):format(v) or tostring(v)
end

-- The rows of f with one row for each place of the wide frame.
local function combine(where, f, index, columns, values, agg)
  local entries = {}
  for i, name in ipairs(values) do entries[i] = { name, name, agg } end
  if type(agg) ~= "string" and type(agg) ~= "function" then
    opts.raise("%s: agg must be a statistic or a function, got %s", where, opts.kind(agg))
  end
  local by = table.move(index, 1, #index, 1, {})
  by[#by + 1] = columns
  return f:group_by(by):agg(entries)
end

local function put_wide(where, out, f, o)
  local rows, height = c.groups(#f, keys.of(f, where, o.index), true, true)
  local across, count = c.groups(#f, keys.of(f, where, { o.columns }), true, true)
  if count > MOST_COLUMNS then
    opts.raise("%s: column '%s' has %d different values, and each would be a column; at most %d "
      .. "are supported", where, o.columns, count, MOST_COLUMNS)
  elseif count * height > MOST_CELLS then
    opts.raise("%s: %d rows of %d columns are more than %d cells", where, height, count, MOST_CELLS)
  end
  local at, first = c.group_cross(rows, across), c.group_first(across)
  local names, row_of = column_at(f, where, o.columns), c.group_first(rows)
  for _, name in ipairs(o.index) do
    put(out, where, name, take(name, column_at(f, where, name), row_of))
  end
  for _, value in ipairs(o.values) do
    local column = column_at(f, where, value)
    for k = 1, count do
      local name = name_of(names, first:get(k))
      put_new(where, out, o.several and value .. "_" .. name or name, take(value, column, at[k]))
    end
  end
  return out
end

--- Long made wide: a row for every different `index` (a name or several), in order, and a column
--- for every different value in `columns`, called as it prints and in order, holding `values` (a
--- name; with an array of names columns are called `value_name`, and without it all other columns
--- are taken). What a place lacks is missing; integers and bools become f64 in columns that lack
--- some. Two rows for one place are an error that names them, unless `agg` is a statistic or
--- function, as in `group_by`, that makes one value of several. Rows without an index or column are
--- left out.
---     local f = frame.new { { "day", { 1, 1, 2 } }, { "s", { "A", "B", "A" } },
---       { "x", { 5, 6, 7 } } }
---     f:pivot({ index = "day", columns = "s", values = "x" }).B --> tensor<f64>[2] {6, nan}
---@param o { index: string|string[], columns: string, values: string|string[], agg: string }
---@return neap.frame
function Frame:pivot(o)
  local where = "frame:pivot"
  o = opts.merge(where, { index = opts.required, columns = opts.required, values = opts.none,
    agg = opts.none }, o)
  local state = state_of(self, where)
  o.index = keys.names(where, "index", o.index)
  opts.expect(where, "option 'columns'", o.columns, "string")
  o.several = type(o.values) == "table" or o.values == nil
  o.values = o.values and keys.names(where, "values", o.values)
    or without(known(state), o.index, { o.columns })
  for _, name in ipairs(o.values) do column_at(self, where, name) end
  local f = o.agg and combine(where, self, o.index, o.columns, o.values, o.agg) or self
  return put_wide(where, empty(), f, o)
end

--- Wide made long: for every column in `columns` (all but those in `id`, when absent) all rows,
--- with the `id` columns repeated, the column's name in `name`, and its values in `value`. The
--- columns must be of one kind; numbers get their common dtype, texts one list of labels.
---     local f = frame.new { { "day", { 1, 2 } }, { "A", { 5, 7 } }, { "B", { 6, 8 } } }
---     f:melt({ id = "day" }).value --> tensor<f64>[4] {5, 7, 6, 8}
---@param o? { id: string|string[], columns: string|string[], name: string, value: string }
---@return neap.frame
function Frame:melt(o)
  local where = "frame:melt"
  o = opts.merge(where, { id = opts.none, columns = opts.none, name = "variable",
    value = "value" }, o)
  local state = state_of(self, where)
  local id = o.id and keys.names(where, "id", o.id) or {}
  local columns = o.columns and keys.names(where, "columns", o.columns) or without(known(state), id)
  if #columns == 0 then opts.raise("%s: there is no column to melt", where) end
  local parts, out = {}, empty()
  for i, name in ipairs(columns) do
    parts[i] = column_at(self, where, name)
    if parts[i].kind ~= parts[1].kind then
      opts.raise("%s: column '%s' is a %s, but '%s' is a %s; option 'columns' chooses some", where,
        name, parts[i].kind, columns[1], parts[1].kind)
    end
  end
  for _, name in ipairs(id) do
    local copies = {}
    for i = 1, #columns do copies[i] = column_at(self, where, name) end
    put(out, where, name, stack.columns(copies))
  end
  local codes = tensor.arange(1, #columns):to "i32":repeat_interleave(#self)
  put_new(where, out, o.name, { kind = "category", tensor = codes, labels = columns })
  put_new(where, out, o.value, stack.columns(parts))
  return out
end

-- different rows ---------------------------------------------------------------------------------

local keeps = { first = { true, false }, last = { false, true }, none = { true, true } }

-- Mask of the rows that repeat another in the columns `by`, those to keep left out.
local function repeated(where, f, by, o)
  local keep = keeps[opts.merge(where, { keep = "first" }, o).keep]
  if not keep then
    opts.unknown(where, "keep", tostring(o.keep), { "first", "last", "none" })
  end
  local names = by and keys.names(where, "by", by) or known(state_of(f, where))
  local handle = c.groups(#f, keys.of(f, where, names, true), false, false)
  return c.group_repeated(handle, keep[1], keep[2])
end

--- Mask of the rows that are equal to an earlier one in the columns `by` (all when absent); with
--- `keep = "last"` to a later one, with "none" to any other. Missing equals missing.
---     frame.new({ { "x", { 1, 2, 1 } } }):duplicated() --> tensor<bool>[3] {false, false, true}
---@param by? string|string[]
---@param o? { keep: string }
---@return neap.tensor
function Frame:duplicated(by, o) return repeated("frame:duplicated", self, by, o) end

--- The rows that differ in the columns `by` (all when absent), in their order: of equal ones the
--- first, with `keep = "last"` the last, with "none" none of them. Missing equals missing.
---     frame.new({ { "x", { 1, 2, 1 } } }):unique("x").x --> tensor<f64>[2] {1, 2}
---@param by? string|string[]
---@param o? { keep: string }
---@return neap.frame
function Frame:unique(by, o)
  return self:where(repeated("frame:unique", self, by, o):logical_not())
end

--- The different values of a column and how often each occurs, as columns `name` and `count`: the
--- most frequent first, equally frequent ones in the order of the values. Missing ones are left
--- out, unless `dropna = false`.
---     frame.new({ { "s", { "A", "B", "B" } } }):value_counts("s").count --> tensor<i64>[2] {2, 1}
---@param name string
---@param o? { dropna: boolean }
---@return neap.frame
function Frame:value_counts(name, o)
  local where = "frame:value_counts"
  o = opts.merge(where, { dropna = true }, o)
  local column = column_at(self, where, name)
  local handle = c.groups(#self, keys.of(self, where, { name }), true, o.dropna)
  local counts = c.group_reduce(handle, keys.series(name, column), { "size" }, { 0 })[1]
  local out = empty()
  put(out, where, name, take(name, column, c.group_first(handle)))
  put_new(where, out, "count", { kind = "number", tensor = counts })
  return out:take(counts:argsort(1, { descending = true }))
end

--- Rows chosen at random, in random order: a number of them (an integer) or a fraction of all (a
--- float), without repeats, unless `replace`. Draws come from `seed` or `rng`.
---     #frame.new({ { "x", tensor.arange(1, 100) } }):sample(0.2, { seed = 7 }) --> 20
---@param n number
---@param o? { replace: boolean, seed: integer, rng: neap.rng }
---@return neap.frame
function Frame:sample(n, o)
  local where = "frame:sample"
  o = opts.merge(where, { replace = false, seed = opts.none, rng = opts.none }, o)
  state_of(self, where)
  if type(n) ~= "number" or n ~= n or n < 0 or n == math.huge then
    opts.raise("%s: a number of rows or a fraction is expected, got %s", where, tostring(n))
  end
  local count = math.type(n) == "integer" and n or math.floor(n * #self + 0.5)
  if count > #self and (not o.replace or #self == 0) then
    opts.raise("%s: %d rows of %d%s", where, count, #self,
      #self > 0 and "; replace = true draws rows more than once" or "")
  end
  if count == 0 then return self:head(0) end
  return self:take(tensor.choice(#self, count, { replace = o.replace, seed = o.seed, rng = o.rng }))
end
