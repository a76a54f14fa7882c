--- What stands before a row in its group: shifted values, rolling and expanding windows,
--- exponentially weighted moments; loaded by neap.frame.
local c = require "neap.c.frame"
local core = require "neap.frame.core"
local duration = require "neap.duration"
local keys = require "neap.frame.keys"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.frame
local Frame = core.Frame

local column_at, empty, put, state_of = core.column_at, core.empty, core.put, core.state_of
local time_column = core.time_column

-- The frame as it is now: what `f.x = y` does to it later is not ours.
local function snapshot(f) return f:select(f:columns()) end

-- groups -----------------------------------------------------------------------------------------

local function name_list(where, what, names)
  if type(names) == "string" then return { names } end
  opts.expect(where, ("option '%s'"):format(what), names, "table")
  return names
end

-- { n, rows, offset, keys }: the groups as the functions in C take them, and the columns of `by`.
local function groups_of(f, where, by)
  local n, names = #f, {}
  if by == nil then
    return { n = n, offset = tensor.of({ 0, n }, { dtype = "i64" }), keys = names }
  end
  local list = keys.names(where, "option 'by'", by)
  for _, name in ipairs(list) do names[name] = true end
  local groups = c.groups(n, keys.of(f, where, list), false, true)
  local ids = c.group_ids(groups) -- by first appearance: where they never fall, groups are adjacent
  if n > 0 and ids[1] > 0 and (n == 1 or ids:slice(1, 2, n):ge(ids:slice(1, 1, n - 1)):all()) then
    local last = tensor.of({ n + 1 }, { dtype = "i64" })
    local offset = tensor.cat({ c.group_first(groups):to "i64", last }, 1) - 1
    return { n = n, offset = offset, keys = names }
  end
  local order, start = c.group_order(groups)
  return { n = n, rows = order - 1, offset = start - 1, keys = names }
end

-- columns ----------------------------------------------------------------------------------------

local function number_column(f, where, name)
  local column = column_at(f, where, name)
  if column.kind ~= "number" then
    opts.raise("%s: column '%s' is a %s, not numbers", where, name, column.kind)
  end
  return column.tensor
end

-- Results are f64, but f32 of f32.
local function keep_dtype(x, y) return x.dtype == "f32" and y:to "f32" or y end

-- The frame with fn(tensor) in place of the columns named, or of all numbers but the keys.
local function map_numbers(f, where, columns, excluded, fn)
  local state, out, chosen = state_of(f, where), empty(), nil
  if columns then
    chosen = {}
    for _, name in ipairs(name_list(where, "columns", columns)) do
      number_column(f, where, name)
      chosen[name] = true
    end
  end
  for _, name in ipairs(state.names) do
    local column = state.columns[name]
    local is_number = column.kind == "number" and not excluded[name]
    if chosen and chosen[name] or not chosen and is_number then
      column = { kind = "number", tensor = keep_dtype(column.tensor, fn(column.tensor)) }
    end
    put(out, where, name, column)
  end
  return out
end

-- lags -------------------------------------------------------------------------------------------

local function lag(f, name, k, o)
  local where = "frame:" .. name
  state_of(f, where)
  o = opts.merge(where, { columns = opts.none, by = opts.none }, o)
  k = opts.integer(where, "k", k == nil and 1 or k, -math.maxinteger)
  local g = groups_of(f, where, o.by)
  return map_numbers(f, where, o.columns, g.keys, function(x)
    return c.lag(name, g.n, g.rows, g.offset, k, x)
  end)
end

--- The frame with the numbers of k rows before (1; with k < 0 of rows to come) in place of each
--- column of numbers, or of those named in `columns`; NaN where there is no such row. With `by`, a
--- column or an array of them, rows are counted within groups, which need not be adjacent; rows
--- that lack a key get NaN. Integers and bools become f64; times and categories stay.
---     frame.new({ { "x", { 1, 2, 4 } } }):shift(1).x --> tensor<f64>[3] {nan, 1, 2}
---@param k? integer
---@param o? { columns: string[], by: string|string[] }
---@return neap.frame
function Frame:shift(k, o) return lag(self, "shift", k, o) end

--- The frame with differences from the numbers of k rows before, as `shift` finds them.
---     frame.new({ { "x", { 1, 2, 4 } } }):diff(1).x --> tensor<f64>[3] {nan, 1, 2}
---@param k? integer
---@param o? { columns: string[], by: string|string[] }
---@return neap.frame
function Frame:diff(k, o) return lag(self, "diff", k, o) end

--- The frame with changes relative to the numbers of k rows before, x / x' - 1. A missing number
--- gives NaN; pandas takes the last one before it instead.
---     frame.new({ { "x", { 1, 2, 3 } } }):pct_change(1).x --> tensor<f64>[3] {nan, 1, 0.5}
---@param k? integer
---@param o? { columns: string[], by: string|string[] }
---@return neap.frame
function Frame:pct_change(k, o) return lag(self, "pct_change", k, o) end

-- windows ----------------------------------------------------------------------------------------

--- Windows over the rows of a frame; the methods give a tensor for the column named first, or
--- without a name the frame with results in place of all numbers (of `columns` when given).
---@class neap.frame.windows
local Windows = { __name = "neap.frame.windows" }
Windows.__index = Windows
opts.strict(Windows, "frame:rolling", "statistic", true)

-- What the windows are, over how many columns a statistic without a name goes, and the groups.
local function described(self)
  local by = core.sorted_keys(self.groups.keys)
  local count = self.columns and #name_list(self.where, "columns", self.columns) or 0
  local state = state_of(self.frame, self.where)
  for _, name in ipairs(self.columns and {} or state.names) do
    local is_number = state.columns[name].kind == "number"
    if is_number and not self.groups.keys[name] then count = count + 1 end
  end
  return ("%s over %d column%s%s"):format(self.what, count, count == 1 and "" or "s",
    #by > 0 and ", by " .. table.concat(by, ", ") or "")
end

Windows.__tostring = described

-- A name may be left out before options.
local function after_name(name, o)
  if type(name) == "table" then return nil, name end
  return name, o
end

local function roll(self, statistic, parameter, x, other)
  local w, g = self.windows, self.groups
  return keep_dtype(x, c.roll(statistic, g.n, g.rows, g.offset, w.begin, w.stop, w.before, w.skip,
    self.min_count, parameter, x, other))
end

local function each(self, method, name, statistic, parameter)
  local where = ("%s:%s"):format(self.where, method)
  if name ~= nil then
    opts.expect(where, "the column", name, "string")
    return roll(self, statistic, parameter, number_column(self.frame, where, name))
  end
  return map_numbers(self.frame, where, self.columns, self.groups.keys, function(x)
    return roll(self, statistic, parameter, x)
  end)
end

local function two(self, method, a, b, o)
  local where = ("%s:%s"):format(self.where, method)
  o = opts.merge(where, method == "cov" and { ddof = 1 } or {}, o)
  opts.expect(where, "the first column", a, "string")
  opts.expect(where, "the second column", b, "string")
  local x, y = number_column(self.frame, where, a), number_column(self.frame, where, b)
  return roll(self, method, o.ddof or 0, x, y)
end

local function spread(self, method, name, o)
  name, o = after_name(name, o)
  local where = ("%s:%s"):format(self.where, method)
  o = opts.merge(where, { ddof = 1 }, o)
  opts.expect(where, "option 'ddof'", o.ddof, "number")
  return each(self, method, name, method, o.ddof)
end

--- Sum of the numbers in each window (0 of none, where `min_count` is 0).
---     frame.new({ { "x", { 1, 2, 4 } } }):rolling(2):sum "x" --> tensor<f64>[3] {nan, 3, 6}
---@param name? string
---@return neap.tensor|neap.frame
function Windows:sum(name) return each(self, "sum", name, "sum", 0) end

--- Mean of the numbers in each window.
---     frame.new({ { "x", { 1, 2, 4 } } }):rolling(2):mean "x" --> tensor<f64>[3] {nan, 1.5, 3}
---@param name? string
---@return neap.tensor|neap.frame
function Windows:mean(name) return each(self, "mean", name, "mean", 0) end

--- Standard deviation over the count less `ddof` (1); NaN where that is not positive. Exact at any
--- offset of the data; an infinity in the window gives NaN.
---     frame.new({ { "x", { 1, 3, 5 } } }):rolling(3):std("x")[3] --> 2.0
---@param name? string
---@param o? { ddof: number }
---@return neap.tensor|neap.frame
function Windows:std(name, o) return spread(self, "std", name, o) end

--- Variance; as `std`.
---     frame.new({ { "x", { 1, 3, 5 } } }):rolling(3):var("x")[3] --> 4.0
---@param name? string
---@param o? { ddof: number }
---@return neap.tensor|neap.frame
function Windows:var(name, o) return spread(self, "var", name, o) end

--- Smallest number in each window.
---     frame.new({ { "x", { 4, 2, 3 } } }):rolling(2):min "x" --> tensor<f64>[3] {nan, 2, 2}
---@param name? string
---@return neap.tensor|neap.frame
function Windows:min(name) return each(self, "min", name, "min", 0) end

--- Largest number in each window.
---     frame.new({ { "x", { 4, 2, 3 } } }):rolling(2):max "x" --> tensor<f64>[3] {nan, 4, 3}
---@param name? string
---@return neap.tensor|neap.frame
function Windows:max(name) return each(self, "max", name, "max", 0) end

--- Median of the numbers in each window.
---     frame.new({ { "x", { 1, 9, 5 } } }):rolling(3):median("x")[3] --> 5.0
---@param name? string
---@return neap.tensor|neap.frame
function Windows:median(name) return each(self, "median", name, "median", 0) end

--- Quantile q in [0, 1] of the numbers in each window, linear between the two nearest.
---     frame.new({ { "x", { 1, 9, 5 } } }):rolling(3):quantile(0.25, "x")[3] --> 3.0
---@param q number
---@param name? string
---@return neap.tensor|neap.frame
function Windows:quantile(q, name)
  opts.expect(self.where .. ":quantile", "q", q, "number")
  return each(self, "quantile", name, "quantile", q)
end

--- Rank of the window's last number among its numbers, from 1, the mean rank of equal ones; with
--- `pct` over their count. NaN where the last is missing.
---     frame.new({ { "x", { 1, 9, 5 } } }):rolling(3):rank("x")[3] --> 2.0
---@param name? string
---@param o? { pct: boolean }
---@return neap.tensor|neap.frame
function Windows:rank(name, o)
  name, o = after_name(name, o)
  o = opts.merge(self.where .. ":rank", { pct = false }, o)
  return each(self, "rank", name, "rank", o.pct and 1 or 0)
end

--- Skewness, corrected for the size of the sample (G1, as in Excel); NaN of fewer than 3 numbers, 0
--- of equal ones.
---     frame.new({ { "x", { 1, 2, 6 } } }):rolling(3):skew("x")[3] > 1.4 --> true
---@param name? string
---@return neap.tensor|neap.frame
function Windows:skew(name) return each(self, "skew", name, "skew", 0) end

--- Excess kurtosis, corrected for the size of the sample (G2, as in Excel); NaN of fewer than 4
--- numbers, -3 of equal ones.
---     frame.new({ { "x", { 1, 2, 6, 9 } } }):rolling(4):kurt("x")[4] < -2 --> true
---@param name? string
---@return neap.tensor|neap.frame
function Windows:kurt(name) return each(self, "kurt", name, "kurt", 0) end

--- How many numbers are in each window; never NaN, whatever `min_count` is.
---     frame.new({ { "x", { 1, 0 / 0, 6 } } }):rolling(2):count "x" --> tensor<f64>[3] {1, 1, 1}
---@param name? string
---@return neap.tensor|neap.frame
function Windows:count(name) return each(self, "count", name, "count", 0) end

--- First number in each window.
---     frame.new({ { "x", { 4, 2, 3 } } }):rolling(2):first "x" --> tensor<f64>[3] {nan, 4, 2}
---@param name? string
---@return neap.tensor|neap.frame
function Windows:first(name) return each(self, "first", name, "first", 0) end

--- Last number in each window.
---     frame.new({ { "x", { 4, 2, 3 } } }):rolling(2):last "x" --> tensor<f64>[3] {nan, 2, 3}
---@param name? string
---@return neap.tensor|neap.frame
function Windows:last(name) return each(self, "last", name, "last", 0) end

--- Correlation of two columns over the rows of the window where both have a number; NaN where one
--- of them does not vary.
---     local f = frame.new { { "x", { 1, 2, 3 } }, { "y", { 3, 2, 1 } } }
---     f:rolling(3):corr("x", "y")[3] --> -1.0
---@param a string
---@param b string
---@return neap.tensor
function Windows:corr(a, b) return two(self, "corr", a, b) end

--- Covariance of two columns, as `corr` takes them, over the count less `ddof` (1).
---     local f = frame.new { { "x", { 1, 2, 3 } }, { "y", { 3, 2, 1 } } }
---     f:rolling(3):cov("x", "y")[3] --> -1.0
---@param a string
---@param b string
---@param o? { ddof: number }
---@return neap.tensor
function Windows:cov(a, b, o) return two(self, "cov", a, b, o) end

-- fn of every window of x that has enough numbers.
local function applied(self, where, fn, x)
  local w, g = self.windows, self.groups
  local count = roll(self, "count", 0, x):totable()
  local rows = g.rows and g.rows:totable()
  local values = g.rows and x:take(g.rows:to "i64" + 1) or x
  local begin, stop = w.begin and w.begin:totable(), w.stop and w.stop:totable()
  local offset, out = g.offset:totable(), {}
  for i = 1, g.n do out[i] = 0 / 0 end
  for k = 1, #offset - 1 do
    for p = offset[k] + 1, offset[k + 1] do
      local low = begin and begin[p] + 1 or math.max(offset[k] + 1, p - w.before)
      local high = stop and stop[p] or p - w.skip
      local row = rows and rows[p] + 1 or p
      if high >= low and count[row] >= self.min_count then
        local v = fn(values:slice(1, low, high))
        if type(v) ~= "number" then
          opts.raise("%s: the function gave a %s for row %d, a number is expected", where,
            opts.kind(v), row)
        end
        out[row] = v
      end
    end
  end
  return tensor.of(out, { dtype = x.dtype == "f32" and "f32" or "f64" })
end

--- fn(window) of each window with `min_count` numbers or more, and a row at least: a tensor, with
--- the NaN that are in it, to a number. A call for each row: orders of magnitude slower than the
--- statistics above.
---     local f = frame.new { { "x", { 1, 2, 4 } } }
---     f:rolling(2):apply(function(w) return w[1] * w[2] end, "x")[3] --> 8.0
---@param fn fun(window: neap.tensor): number
---@param name? string
---@return neap.tensor|neap.frame
function Windows:apply(fn, name)
  local where = self.where .. ":apply"
  opts.expect(where, "fn", fn, "function")
  if name ~= nil then
    return applied(self, where, fn, number_column(self.frame, where, name))
  end
  return map_numbers(self.frame, where, self.columns, self.groups.keys, function(x)
    return applied(self, where, fn, x)
  end)
end

local sides = { right = { false, true }, left = { true, false }, both = { true, true },
  neither = { false, false } }

-- begin and stop, or before and skip, of windows of n rows or of a duration.
local function windows_of(f, where, n, g, o)
  local side = sides[o.closed]
  if not side then
    opts.unknown(where, "value of 'closed'", tostring(o.closed), core.sorted_keys(sides))
  end
  local left, right = table.unpack(side)
  if type(n) ~= "string" then
    n = opts.integer(where, "n", n, 1)
    n = math.min(n, 1 << 60)
    return { before = left and n or n - 1, skip = right and 0 or 1 }
  end
  local length = duration.parse(n)
  if not length or length < 1 then
    opts.raise("%s: n is '%s', neither a number of rows nor a duration like 30s, 5m, 1h or 1d%s",
      where, n, duration.hint(n, duration.parse))
  end
  local time = time_column(f, where, o.time)
  local begin, stop, width = c.time_windows(g.n, g.rows, g.offset, time, length, left, right)
  return { begin = begin, stop = stop, before = math.max(width - 1, 0), skip = 0 }
end

--- Windows of n rows, or of a duration ("90s", "1h", "2d") over the column `time`, that end with
--- each row: `f:rolling(20):mean "close"`. A duration takes the rows in (t - 1h, t], up to the row
--- itself; `closed` is "right", "left" [t - 1h, t), "both" or "neither", and for n rows takes the
--- row before the window in, the last one out. NaN counts as absent; a result is NaN where fewer
--- than `min_count` numbers (n, or 1 for a duration) are in the window. `by`: windows hold rows of
--- one group only (a column, or an array of them). `columns`: those to compute when no name is
--- given. Times must rise within a group.
---     local f = frame.new { { "x", { 1, 2, 4 } } }
---     f:rolling(2, { min_count = 1 }):max "x" --> tensor<f64>[3] {1, 2, 4}
---@param n integer|string
---@param o? table min_count, columns, by, time ("time"), closed ("right")
---@return neap.frame.windows
function Frame:rolling(n, o)
  local where = "frame:rolling"
  state_of(self, where)
  o = opts.merge(where, { min_count = opts.none, columns = opts.none, by = opts.none,
    time = "time", closed = "right" }, o)
  local g = groups_of(self, where, o.by)
  local windows, rows = windows_of(self, where, n, g, o), type(n) == "number"
  local least = o.min_count == nil and (rows and n or 1) or o.min_count
  least = opts.integer(where, "option 'min_count'", least, 0, rows and n or nil)
  return setmetatable({ frame = snapshot(self), groups = g, windows = windows, min_count = least,
    columns = o.columns or false, where = where,
    what = ("rolling windows of %s"):format(rows and n .. (n == 1 and " row" or " rows") or n) },
    Windows)
end

--- Windows that hold all rows up to each row, of its group; as `rolling`.
---     frame.new({ { "x", { 1, 2, 4 } } }):expanding():sum "x" --> tensor<f64>[3] {1, 3, 7}
---@param o? { min_count: integer, columns: string[], by: string|string[] }
---@return neap.frame.windows
function Frame:expanding(o)
  local where = "frame:expanding"
  state_of(self, where)
  o = opts.merge(where, { min_count = 1, columns = opts.none, by = opts.none }, o)
  return setmetatable({ frame = snapshot(self), groups = groups_of(self, where, o.by),
    windows = { before = 1 << 60, skip = 0 }, columns = o.columns or false, where = where,
    what = "expanding windows",
    min_count = opts.integer(where, "option 'min_count'", o.min_count, 0) }, Windows)
end

-- exponential weights ----------------------------------------------------------------------------

--- Exponentially weighted moments of a frame's columns; the methods give a tensor or a frame as
--- those of neap.frame.windows do.
---@class neap.frame.ewm
local Ewm = { __name = "neap.frame.ewm" }
Ewm.__index = Ewm
opts.strict(Ewm, "frame:ewm", "statistic", true)

Ewm.__tostring = described

local function weighted(self, method, bias, x, other)
  local g = self.groups
  return keep_dtype(x, c.ewm(method, g.n, g.rows, g.offset, self.alpha, self.adjust,
    self.ignore_nan, bias, self.min_count, self.time or nil, self.half_life, x, other))
end

local function check_moment(self, where)
  if self.time then
    opts.raise("%s: half_life is a duration, which is for the mean only", where)
  end
end

local function each_weighted(self, method, name, o)
  name, o = after_name(name, o)
  local where = "frame:ewm:" .. method
  o = opts.merge(where, method == "mean" and {} or { bias = false }, o)
  if method ~= "mean" then check_moment(self, where) end
  local bias = o.bias or false
  if name ~= nil then
    opts.expect(where, "the column", name, "string")
    return weighted(self, method, bias, number_column(self.frame, where, name))
  end
  return map_numbers(self.frame, where, self.columns, self.groups.keys, function(x)
    return weighted(self, method, bias, x)
  end)
end

local function two_weighted(self, method, a, b, o)
  local where = "frame:ewm:" .. method
  o = opts.merge(where, method == "cov" and { bias = false } or {}, o)
  check_moment(self, where)
  opts.expect(where, "the first column", a, "string")
  opts.expect(where, "the second column", b, "string")
  local x, y = number_column(self.frame, where, a), number_column(self.frame, where, b)
  return weighted(self, method, o.bias or false, x, y)
end

--- Mean with weights that fall by 1 - alpha from row to row.
---     frame.new({ { "x", { 1, 2, 4 } } }):ewm({ alpha = 0.5 }):mean("x")[2] * 3 --> 5.0
---@param name? string
---@return neap.tensor|neap.frame
function Ewm:mean(name) return each_weighted(self, "mean", name) end

--- Variance with these weights; corrected by (sum w)^2 / ((sum w)^2 - sum w^2) unless `bias`.
---     frame.new({ { "x", { 1, 3 } } }):ewm({ alpha = 0.5 }):var("x")[2] --> 2.0
---@param name? string
---@param o? { bias: boolean }
---@return neap.tensor|neap.frame
function Ewm:var(name, o) return each_weighted(self, "var", name, o) end

--- Its root.
---     frame.new({ { "x", { 0, 2 } } }):ewm({ alpha = 0.5 }):std("x")[2] ^ 2 < 2.1 --> true
---@param name? string
---@param o? { bias: boolean }
---@return neap.tensor|neap.frame
function Ewm:std(name, o) return each_weighted(self, "std", name, o) end

--- Covariance of two columns, over the rows where both have a number; corrected as `var`.
---     local f = frame.new { { "x", { 1, 3 } }, { "y", { 3, 1 } } }
---     f:ewm({ alpha = 0.5 }):cov("x", "y")[2] --> -2.0
---@param a string
---@param b string
---@param o? { bias: boolean }
---@return neap.tensor
function Ewm:cov(a, b, o) return two_weighted(self, "cov", a, b, o) end

--- Correlation of two columns with these weights.
---     local f = frame.new { { "x", { 1, 3 } }, { "y", { 3, 1 } } }
---     f:ewm({ alpha = 0.5 }):corr("x", "y")[2] < -0.999 --> true
---@param a string
---@param b string
---@return neap.tensor
function Ewm:corr(a, b) return two_weighted(self, "corr", a, b) end

-- What each way of naming the weights makes of its number: alpha, and the least that is allowed.
local decays = {
  alpha = { function(v) return v end, "0 < alpha <= 1", function(v) return v > 0 and v <= 1 end },
  com = { function(v) return 1 / (1 + v) end, "com >= 0", function(v) return v >= 0 end },
  half_life = { function(v) return 1 - 2 ^ (-1 / v) end, "half_life > 0",
    function(v) return v > 0 end },
  span = { function(v) return 2 / (v + 1) end, "span >= 1", function(v) return v >= 1 end },
}

-- The option that was given, alpha, and nanoseconds when the half life is a duration.
local function decay(where, o)
  local found
  for _, name in ipairs(core.sorted_keys(decays)) do
    if o[name] ~= nil then
      if found then
        opts.raise("%s: options '%s' and '%s' exclude each other", where, found, name)
      end
      found = name
    end
  end
  if not found then opts.raise("%s: one of alpha, com, half_life, span is needed", where) end
  local v = o[found]
  if found == "half_life" and type(v) == "string" then
    local ns = duration.parse(v)
    if not ns or ns < 1 then
      opts.raise("%s: half_life is '%s', not a duration like 30s, 5m, 1h or 1d%s", where, v,
        duration.hint(v, duration.parse))
    end
    return found, 0.5, ns
  end
  opts.expect(where, ("option '%s'"):format(found), v, "number")
  local alpha_of, rule, fits = table.unpack(decays[found])
  if not fits(v) or v == math.huge then
    opts.raise("%s: %s is %s; the rule is %s", where, found,
      v ~= v and "nan" or ("%.14g"):format(v), rule)
  end
  return found, alpha_of(v)
end

--- Exponentially weighted moments: `f:ewm({ span = 20 }):mean "close"`. One of `alpha` (the share
--- of the newest number), `span` (alpha = 2 / (span + 1)), `com` (1 / (1 + com)), `half_life`
--- (rows, or a duration over the column `time`, for the mean). `adjust`: weights (1 - alpha)^k, or
--- else y += alpha (x - y). NaN and infinities count as absent; weights fall over their rows too
--- unless `ignore_nan`. Results are NaN before `min_count` numbers. `by` and
--- `columns` are those of `rolling`. Formulas: pandas.
---     frame.new({ { "x", { 1, 3 } } }):ewm({ alpha = 0.5, adjust = false }):mean("x")[2] --> 2.0
---@param o table alpha, span, com or half_life; adjust (true), ignore_nan (false), min_count (0)
---@return neap.frame.ewm
function Frame:ewm(o)
  local where = "frame:ewm"
  state_of(self, where)
  o = opts.merge(where, { alpha = opts.none, span = opts.none, com = opts.none,
    half_life = opts.none, adjust = true, ignore_nan = false, min_count = 0,
    columns = opts.none, by = opts.none, time = "time" }, o)
  local found, alpha, ns = decay(where, o)
  if ns and not o.adjust then
    opts.raise("%s: with a duration as half_life, adjust = false has no meaning", where)
  end
  return setmetatable({ frame = snapshot(self), groups = groups_of(self, where, o.by),
    alpha = alpha, half_life = ns or 0,
    time = ns and time_column(self, where, o.time) or false, adjust = o.adjust,
    ignore_nan = o.ignore_nan, columns = o.columns or false, where = where,
    what = ("exponential weights of %s = %s"):format(found, tostring(o[found])),
    min_count = opts.integer(where, "option 'min_count'", o.min_count, 0) }, Ewm)
end
