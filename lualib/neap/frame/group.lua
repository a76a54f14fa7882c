--- Groups of rows; loaded by neap.frame.
local c = require "neap.c.frame"
local core = require "neap.frame.core"
local elsewhere = require "neap.frame.elsewhere"
local keys = require "neap.frame.keys"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.frame
local Frame = core.Frame

local frame, empty, put, state_of, column_at =
  core.frame, core.empty, core.put, core.state_of, core.column_at

--- Rows that have equal keys, made by `f:group_by`; nothing is computed before it is asked for.
--- `#g` is the number of groups, and `for key, part in pairs(g)` goes through them as `g:groups()`
--- does. Missing values are left out of every statistic. `g:mean "close"` and its kin are of the
--- columns named, a name or an array; without one, of all that have the statistic but the keys.
---@class neap.frame.groups
local Groups = { __name = "neap.frame.groups" }

local OF = {} -- the key of the private fields: frame, by, handle, count

-- A name that no method has is an error that tells the right one.
function Groups.__index(self, key)
  if math.type(key) then
    opts.raise("groups: there is no group number %s; write for key, part in g:groups() do ... end",
      tostring(key))
  end
  if Groups[key] ~= nil or type(key) ~= "string" or key:find "^__" then return Groups[key] end
  if elsewhere.groups[key] then
    opts.raise("groups: there is no method '%s'; write %s", key, elsewhere.groups[key])
  end
  if rawget(self, OF).frame:has(key) then
    opts.raise("groups: '%s' is a column; write g:agg { { 'name', '%s', 'mean' } }", key, key)
  end
  local names = {}
  for name in next, Groups do
    if not name:find "^__" then names[#names + 1] = name end
  end
  opts.unknown("groups", "method", key, names)
end

local function of(self, where)
  local fields = type(self) == "table" and rawget(self, OF)
  if not fields then opts.raise("%s: groups are expected, got %s", where, opts.kind(self)) end
  return fields
end

--- Rows with equal values in one column or several. Groups are in the order of their keys (numbers
--- and times rising, text by its letters, the first column weighing most), or, with `sort = false`,
--- in the order in which they appear. Rows with a missing key (NaN, NaT, no text) are in no group,
--- or, with `dropna = false`, in one of their own that comes last. -0 equals 0. Labels of a
--- category that no row has make no group.
---     local f = frame.new { { "venue", { "B", "A", "B" } }, { "size", { 1, 2, 3 } } }
---     f:group_by("venue"):sum().size[2] --> 4.0
---@param by string|string[]
---@param o? { sort: boolean, dropna: boolean }
---@return neap.frame.groups
function Frame:group_by(by, o)
  o = opts.merge("frame:group_by", { sort = true, dropna = true }, o)
  state_of(self, "frame:group_by")
  local names = keys.names("frame:group_by", "by", by)
  local handle, count = c.groups(#self, keys.of(self, "frame:group_by", names, not o.sort),
    o.sort, o.dropna)
  local now = self:select(self:columns()) -- what f.x = y does to the frame later is not ours
  return setmetatable({ [OF] = { frame = now, by = names, handle = handle, count = count } },
    Groups)
end

function Groups.__len(self) return of(self, "groups").count end

function Groups.__tostring(self)
  local fields = of(self, "groups")
  return ("groups[%d] of %d rows by %s"):format(fields.count, #fields.frame,
    table.concat(fields.by, ", "))
end

-- A column of the same kind with other values.
local function like(column, values)
  return { kind = column.kind, tensor = values, labels = column.labels }
end

-- The keys of the groups, as a frame.
local function key_frame(fields)
  local out, first = empty(), c.group_first(fields.handle)
  for _, name in ipairs(fields.by) do
    local column = column_at(fields.frame, "groups", name)
    put(out, "groups", name, like(column, c.take_rows(keys.series(name, column), first)))
  end
  return out
end

-- statistics -------------------------------------------------------------------------------------

local statistics = { "all", "any", "count", "first", "last", "max", "mean", "median", "min",
  "nunique", "prod", "quantile", "size", "skew", "std", "sum", "var", "wmean" }
local known = {}
for _, name in ipairs(statistics) do known[name] = true end

local keeps = { min = true, max = true, first = true, last = true } -- the kind of the column
local any_kind = { count = true, first = true, last = true, nunique = true, size = true }
local time_too = { min = true, max = true }

-- What one entry { name, column, statistic, parameter } asks for.
local function check_entry(where, fields, i, entry)
  if type(entry) ~= "table" then
    opts.raise("%s: entry %d must be { name, column, statistic }, got %s", where, i,
      opts.kind(entry))
  end
  local name, column, statistic = entry[1], entry[2], entry[3]
  if statistic == nil and column == "size" then column, statistic = fields.by[1], "size" end
  if type(name) ~= "string" or name == "" or type(column) ~= "string" or statistic == nil then
    opts.raise("%s: entry %d must be { name, column, statistic }", where, i)
  end
  return { name = name, column = column_at(fields.frame, where, column), column_name = column,
    statistic = statistic, parameter = entry[4] }
end

local function weights_of(where, fields, spec)
  if type(spec.parameter) ~= "string" then
    opts.raise("%s: '%s' is a wmean, so its entry ends with the column of weights", where,
      spec.name)
  end
  local column = column_at(fields.frame, where, spec.parameter)
  if column.kind ~= "number" then
    opts.raise("%s: weights '%s' are a %s, not numbers", where, spec.parameter, column.kind)
  end
  return column.tensor:to "f64"
end

-- The statistic as C knows it, and its parameter.
local function resolve(where, spec)
  local statistic = spec.statistic
  if type(statistic) ~= "string" then
    opts.raise("%s: the statistic of '%s' must be a name or a function, got %s", where, spec.name,
      opts.kind(statistic))
  end
  if not known[statistic] then
    opts.unknown(where, "statistic", statistic, table.move(statistics, 1, #statistics, 1, {}))
  end
  if statistic == "median" then return "quantile", 0.5 end
  if statistic ~= "quantile" then return statistic, 0 end
  local q = spec.parameter
  if type(q) ~= "number" or not (q >= 0 and q <= 1) then
    opts.raise("%s: '%s' is a quantile, so its entry ends with q in [0, 1], got %s", where,
      spec.name, tostring(q))
  end
  return "quantile", q
end

-- fn of the values of each group, as numbers.
local function reduce_by(where, fields, spec)
  local order, start = c.group_order(fields.handle)
  local values, bounds, out = spec.column.tensor:take(order), start:totable(), {}
  for k = 1, fields.count do
    local v = spec.statistic(values:slice(1, bounds[k], bounds[k + 1] - 1))
    if type(v) ~= "number" then
      opts.raise("%s: the function of '%s' must return a number, got %s", where, spec.name,
        opts.kind(v))
    end
    out[k] = v
  end
  return tensor.of(out, { dtype = "f64" })
end

-- One tensor for each spec. Specs of one column are asked for together, since they share work.
local function reduce(where, fields, specs)
  local results, batches, order = {}, {}, {}
  for i, spec in ipairs(specs) do
    if type(spec.statistic) == "function" then
      results[i] = reduce_by(where, fields, spec)
    else
      local name, parameter = resolve(where, spec)
      local weights = name == "wmean" and weights_of(where, fields, spec) or nil
      local key = weights and spec or spec.column_name
      local batch = batches[key]
      if not batch or #batch.at == 64 then
        batch = { at = {}, names = {}, parameters = {}, weights = weights, spec = spec }
        batches[key], order[#order + 1] = batch, batch
      end
      local n = #batch.at + 1
      batch.at[n], batch.names[n], batch.parameters[n] = i, name, parameter
    end
  end
  for _, batch in ipairs(order) do
    local series = keys.series(batch.spec.column_name, batch.spec.column)
    local made = c.group_reduce(fields.handle, series, batch.names, batch.parameters,
      batch.weights)
    for k, i in ipairs(batch.at) do results[i] = made[k] end
  end
  return results
end

local function result_column(spec, values)
  local column = spec.column
  if column.kind == "number" or not keeps[spec.statistic] then
    return { kind = "number", tensor = values }
  end
  return like(column, values)
end

-- Result columns into out, whose names must differ.
local function put_results(where, out, specs, results)
  for i, spec in ipairs(specs) do
    if state_of(out).columns[spec.name] then
      opts.raise("%s: two columns would be called '%s'", where, spec.name)
    end
    put(out, where, spec.name, result_column(spec, results[i]))
  end
  return out
end

--- Statistics of the groups, one row each: the keys, then a column for every entry
--- { name, column, statistic } in the order given. Statistics: `count` (values), `size` (rows),
--- `sum`, `mean`, `std` and `var` (over n - 1), `min`, `max`, `first`, `last`, `median`, `quantile`
--- with q as fourth (linear), `nunique`, `any`, `all`, `prod`, `skew` (adjusted), `wmean` with a
--- column of weights as fourth, or a function from the tensor of a group's values to a number.
--- { name, "size" } will do for counting rows. NaN are left out, by a function only if it does so;
--- the sum of none is 0, other statistics of none are NaN. Sums of integers and bools are i64.
--- Times have min and max too, and times and text count, nunique, first and last.
---     local f = frame.new { { "s", { "A", "A" } }, { "p", { 1, 4 } }, { "v", { 3, 1 } } }
---     f:group_by("s"):agg({ { "vwap", "p", "wmean", "v" }, { "n", "size" } }).vwap[1] --> 1.75
---@param entries table[]
---@return neap.frame
function Groups:agg(entries)
  local fields, specs = of(self, "groups:agg"), {}
  opts.expect("groups:agg", "entries", entries, "table")
  for i, entry in ipairs(entries) do
    specs[i] = check_entry("groups:agg", fields, i, entry)
  end
  if #specs == 0 then
    opts.raise("groups:agg: an array of { name, column, statistic } is expected")
  end
  return put_results("groups:agg", key_frame(fields), specs,
    reduce("groups:agg", fields, specs))
end

local function has_statistic(column, statistic)
  return column.kind == "number" or any_kind[statistic]
    or (column.kind == "time" and time_too[statistic])
end

-- The columns that a statistic is asked of: those named, which must have it.
local function asked(where, fields, statistic, columns)
  if columns == nil then return state_of(fields.frame).names end
  local names = keys.names(where, "columns", columns)
  for _, name in ipairs(names) do
    local column = column_at(fields.frame, where, name)
    if not has_statistic(column, statistic) then
      opts.raise("%s: column '%s' is a %s, which has no %s", where, name, column.kind, statistic)
    end
  end
  return names
end

-- One statistic of the columns named, or of every column that has it.
local function shortcut(self, statistic, columns, parameter)
  local where = "groups:" .. statistic
  local fields, specs, is_key = of(self, where), {}, {}
  for _, name in ipairs(fields.by) do is_key[name] = columns == nil end
  for _, name in ipairs(asked(where, fields, statistic, columns)) do
    local column = column_at(fields.frame, where, name)
    if has_statistic(column, statistic) and not is_key[name] then
      specs[#specs + 1] = { name = name, column = column, column_name = name,
        statistic = statistic, parameter = parameter }
    end
  end
  return put_results(where, key_frame(fields), specs, reduce(where, fields, specs))
end

--- The sum of each column of numbers.
---     frame.new({ { "k", { 2, 1, 2 } }, { "x", { 1, 2, 4 } } }):group_by("k"):sum().x[2] --> 5.0
---@param columns? string|string[]
---@return neap.frame
function Groups:sum(columns) return shortcut(self, "sum", columns) end

--- The product of each column of numbers.
---     frame.new({ { "k", { 2, 1, 2 } }, { "x", { 3, 2, 4 } } }):group_by("k"):prod().x[2] --> 12.0
---@param columns? string|string[]
---@return neap.frame
function Groups:prod(columns) return shortcut(self, "prod", columns) end

--- The mean of each column of numbers.
---     frame.new({ { "k", { 2, 1, 2 } }, { "x", { 1, 2, 4 } } }):group_by("k"):mean().x[2] --> 2.5
---@param columns? string|string[]
---@return neap.frame
function Groups:mean(columns) return shortcut(self, "mean", columns) end

--- The standard deviation, over n - 1, of each column of numbers; NaN for fewer than two values.
---     frame.new({ { "k", { 2, 1, 2 } }, { "x", { 1, 2, 3 } } }):group_by("k"):std().x[1] --> nan
---@param columns? string|string[]
---@return neap.frame
function Groups:std(columns) return shortcut(self, "std", columns) end

--- The variance, over n - 1, of each column of numbers; NaN for fewer than two values.
---     frame.new({ { "k", { 2, 1, 2 } }, { "x", { 1, 2, 3 } } }):group_by("k"):var().x[2] --> 2.0
---@param columns? string|string[]
---@return neap.frame
function Groups:var(columns) return shortcut(self, "var", columns) end

--- The adjusted skewness (G1) of each column of numbers; NaN for fewer than three values.
---     frame.new({ { "k", { 1, 1, 1 } }, { "x", { 1, 2, 3 } } }):group_by("k"):skew().x[1] --> 0.0
---@param columns? string|string[]
---@return neap.frame
function Groups:skew(columns) return shortcut(self, "skew", columns) end

--- The smallest value of each column of numbers or times.
---     frame.new({ { "k", { 2, 1, 2 } }, { "x", { 5, 2, 4 } } }):group_by("k"):min().x[2] --> 4.0
---@param columns? string|string[]
---@return neap.frame
function Groups:min(columns) return shortcut(self, "min", columns) end

--- The largest value of each column of numbers or times.
---     frame.new({ { "k", { 2, 1, 2 } }, { "x", { 5, 2, 4 } } }):group_by("k"):max().x[2] --> 5.0
---@param columns? string|string[]
---@return neap.frame
function Groups:max(columns) return shortcut(self, "max", columns) end

--- The median of each column of numbers.
---     local f = frame.new { { "k", { 1, 1, 1 } }, { "x", { 1, 9, 3 } } }
---     f:group_by("k"):median().x[1] --> 3.0
---@param columns? string|string[]
---@return neap.frame
function Groups:median(columns) return shortcut(self, "median", columns) end

--- A quantile of each column of numbers, linear between neighbours.
---     local f = frame.new { { "k", { 1, 1, 1 } }, { "x", { 1, 9, 3 } } }
---     f:group_by("k"):quantile(0.25).x[1] --> 2.0
---@param q number in [0, 1]
---@param columns? string|string[]
---@return neap.frame
function Groups:quantile(q, columns) return shortcut(self, "quantile", columns, q) end

--- The first value of each column that is not missing.
---     local f = frame.new { { "k", { 1, 1, 1 } }, { "x", { 0 / 0, 9, 3 } } }
---     f:group_by("k"):first().x[1] --> 9.0
---@param columns? string|string[]
---@return neap.frame
function Groups:first(columns) return shortcut(self, "first", columns) end

--- The last value of each column that is not missing.
---     local f = frame.new { { "k", { 1, 1, 1 } }, { "x", { 0 / 0, 9, 3 } } }
---     f:group_by("k"):last().x[1] --> 3.0
---@param columns? string|string[]
---@return neap.frame
function Groups:last(columns) return shortcut(self, "last", columns) end

--- How many values each column has that are not missing.
---     local f = frame.new { { "k", { 1, 1, 1 } }, { "x", { 0 / 0, 9, 3 } } }
---     f:group_by("k"):count().x[1] --> 2
---@param columns? string|string[]
---@return neap.frame
function Groups:count(columns) return shortcut(self, "count", columns) end

--- How many different values each column has, missing ones left out.
---     frame.new({ { "k", { 1, 1, 1 } }, { "x", { 3, 9, 3 } } }):group_by("k"):nunique().x[1] --> 2
---@param columns? string|string[]
---@return neap.frame
function Groups:nunique(columns) return shortcut(self, "nunique", columns) end

--- Is some value of each column of numbers not 0? NaN are left out.
---     frame.new({ { "k", { 1, 1 } }, { "x", { 0, 9 } } }):group_by("k"):any().x[1] --> true
---@param columns? string|string[]
---@return neap.frame
function Groups:any(columns) return shortcut(self, "any", columns) end

--- Are all values of each column of numbers not 0? NaN are left out.
---     frame.new({ { "k", { 1, 1 } }, { "x", { 0, 9 } } }):group_by("k"):all().x[1] --> false
---@param columns? string|string[]
---@return neap.frame
function Groups:all(columns) return shortcut(self, "all", columns) end

--- The number of rows of each group, in the column `size`.
---     frame.new({ { "k", { "A", "B", "A" } } }):group_by("k"):size().size[1] --> 2
---@return neap.frame
function Groups:size()
  local fields = of(self, "groups:size")
  local spec = check_entry("groups:size", fields, 1, { "size", "size" })
  return put_results("groups:size", key_frame(fields), { spec },
    reduce("groups:size", fields, { spec }))
end

-- rows within their groups -----------------------------------------------------------------------

-- Values of groups at their rows; missing where a row is in no group.
local function spread(fields, column)
  return c.take_rows(keys.series("result", column), c.group_ids(fields.handle))
end

local running = { cumsum = "cumsum", cumcount = "cumcount", rank = "rank" }

-- What a fourth element { pct = true } of a rank says.
local function rank_kind(where, spec)
  local o = opts.merge(where, { pct = false }, spec.parameter)
  return o.pct and "pct_rank" or "rank"
end

-- fn of the values of each group: as many values, or one number for all of them.
local function transform_by(where, fields, spec)
  local order, start = c.group_order(fields.handle)
  local values, bounds = spec.column.tensor:take(order), start:totable()
  local out = tensor.full { #fields.frame, value = 0 / 0 }
  for k = 1, fields.count do
    local from, to = bounds[k], bounds[k + 1] - 1
    local v = spec.statistic(values:slice(1, from, to))
    if type(v) ~= "number" and not (core.is_tensor(v) and #v.shape == 1 and #v == to - from + 1)
    then
      opts.raise("%s: the function of '%s' must return a number or %d numbers, got %s", where,
        spec.name, to - from + 1, core.is_tensor(v) and tostring(v) or opts.kind(v))
    end
    out[order:slice(1, from, to):to "i64"] = v
  end
  return { kind = "number", tensor = out }
end

-- x less the mean of its group, over the standard deviation for a zscore.
local function center(where, fields, spec, divide)
  local x = spec.column.tensor
  local function statistic(name)
    local part = { name = spec.name, column = spec.column, column_name = spec.column_name,
      statistic = name }
    local values = reduce(where, fields, { part })[1]
    return spread(fields, { kind = "number", tensor = values })
  end
  local out = x - statistic "mean"
  return { kind = "number", tensor = divide and out / statistic "std" or out }
end

local function transformed(where, fields, spec)
  local statistic = spec.statistic
  if type(statistic) == "function" then return transform_by(where, fields, spec) end
  if statistic == "demean" or statistic == "zscore" then
    return center(where, fields, spec, statistic == "zscore")
  end
  local what = running[statistic]
  if what then
    if what == "rank" then what = rank_kind(where, spec) end
    local series = keys.series(spec.column_name, spec.column)
    return { kind = "number", tensor = c.group_run(fields.handle, series, what) }
  end
  if type(statistic) == "string" and not known[statistic] then
    opts.unknown(where, "statistic", statistic, table.move(statistics, 1, #statistics,
      5, { "cumcount", "cumsum", "demean", "rank", "zscore" }))
  end
  local column = result_column(spec, reduce(where, fields, { spec })[1])
  return like(column, spread(fields, column))
end

--- What each row is within its group, in a frame of as many rows: a column for every entry
--- { name, column, what }. `what` is a statistic of `agg`, which all rows of the group get, or
--- `demean` (less the mean), `zscore` (that over the standard deviation), `cumsum`, `cumcount` (1
--- for the first row), `rank` (from 1, equals share the mean of their ranks; { pct = true } as
--- fourth: over the count), or a function from the tensor of a group's values to as many values or
--- a number. NaN stay NaN and do not count. Rows in no group are missing (integers become f64; 0 in
--- `cumcount` and in `cumsum` of integers).
---     local f = frame.new { { "s", { "A", "B", "A" } }, { "x", { 1, 5, 3 } } }
---     f:group_by("s"):transform({ { "d", "x", "demean" } }).d --> tensor<f64>[3] {-1, 0, 1}
---@param entries table[]
---@return neap.frame
function Groups:transform(entries)
  local where = "groups:transform"
  local fields, out = of(self, where), empty()
  opts.expect(where, "entries", entries, "table")
  for i, entry in ipairs(entries) do
    local spec = check_entry(where, fields, i, entry)
    if state_of(out).columns[spec.name] then
      opts.raise("%s: two columns would be called '%s'", where, spec.name)
    end
    put(out, where, spec.name, transformed(where, fields, spec))
  end
  return out
end

-- groups as frames -------------------------------------------------------------------------------

-- The key of the group that has row i: a value, or an array for several columns.
local function key_of(fields, i)
  local key = {}
  for k, name in ipairs(fields.by) do
    key[k] = keys.value(column_at(fields.frame, "groups", name), i)
  end
  return #key == 1 and key[1] or key
end

--- Goes through the groups: `for key, part in g:groups()`. A key is a text (false: missing), a
--- number or nanoseconds; an array of them where rows are grouped by several columns.
---     local f = frame.new { { "s", { "B", "A", "B" } }, { "x", { 1, 2, 3 } } }
---     local sizes = ""
---     for key, part in f:group_by("s"):groups() do sizes = sizes .. key .. #part end
---     sizes --> A1B2
---@return fun(): any, neap.frame
function Groups:groups()
  local fields = of(self, "groups:groups")
  local order, start = c.group_order(fields.handle)
  local bounds, k = start:totable(), 0
  return function()
    k = k + 1
    if k > fields.count then return nil end
    local rows = order:slice(1, bounds[k], bounds[k + 1] - 1)
    return key_of(fields, rows:get(1)), fields.frame:take(rows)
  end
end

function Groups.__pairs(self) return self:groups() end

--- The frames that fn(part, key) returns, one below the other, with the keys in front where they
--- lack them. nil leaves a group out.
---     local f = frame.new { { "s", { "A", "B", "A" } }, { "x", { 1, 5, 3 } } }
---     f:group_by("s"):apply(function(part) return part:tail(1) end).x[1] --> 3.0
---@param fn fun(part: neap.frame, key: any): neap.frame?
---@return neap.frame
function Groups:apply(fn)
  local where = "groups:apply"
  local fields, parts = of(self, where), {}
  opts.expect(where, "fn", fn, "function")
  for key, part in self:groups() do
    local made = fn(part, key)
    if made ~= nil and not frame.is(made) then
      opts.raise("%s: the function must return a frame or nil, got %s", where, opts.kind(made))
    end
    if made then
      local full, lacks = empty(), {}
      for _, name in ipairs(fields.by) do
        if not state_of(made).columns[name] then lacks[#lacks + 1] = name end
      end
      local one = tensor.full { #made, value = 1, dtype = "i32" }
      for _, name in ipairs(lacks) do
        local column = column_at(part, where, name)
        put(full, where, name, like(column, c.take_rows(keys.series(name, column), one)))
      end
      for _, name in ipairs(state_of(made).names) do
        put(full, where, name, column_at(made, where, name))
      end
      parts[#parts + 1] = full
    end
  end
  return frame.concat(parts)
end
