--- Joins of frames; loaded by neap.frame.
local c = require "neap.c.frame"
local core = require "neap.frame.core"
local duration = require "neap.duration"
local keys = require "neap.frame.keys"
local opts = require "neap.opts"
local stack = require "neap.frame.stack"
local tensor = require "neap.tensor"

---@class neap.frame
local Frame = core.Frame

local empty, put, state_of, column_at = core.empty, core.put, core.state_of, core.column_at

local function option(where, name, value, list)
  for _, known in ipairs(list) do
    if value == known then return value end
  end
  if type(value) ~= "string" then
    opts.raise("%s: %s must be one of %s, got %s", where, name, table.concat(list, ", "),
      opts.kind(value))
  end
  opts.unknown(where, name, value, table.move(list, 1, #list, 1, {}))
end

-- The rows at positions, 0 giving missing ones; all rows for nil.
local function take(name, column, at)
  if not at then return column end
  local values = c.take_rows({ column.tensor, column.kind, name,
    column.labels and #column.labels }, at)
  return { kind = column.kind, tensor = values, labels = column.labels }
end

-- The columns of g behind those in out, renamed where a name is taken.
local function put_right(where, out, g, left_out, suffix, at)
  for _, name in ipairs(state_of(g).names) do
    if not left_out[name] then
      local taken = state_of(out).columns
      local new = taken[name] and name .. suffix or name
      if taken[new] then
        opts.raise("%s: both frames have a column '%s', and so they do with suffix '%s'; choose "
          .. "another suffix", where, name, suffix)
      end
      put(out, where, new, take(name, column_at(g, where, name), at))
    end
  end
end

-- joins by equal keys ----------------------------------------------------------------------------

local hows = { "inner", "left", "right", "outer", "cross", "semi", "anti" }
local validations = { "1:1", "1:m", "m:1", "m:m" }

local function shared_names(f, g)
  local names = {}
  for _, name in ipairs(state_of(f).names) do
    if state_of(g).columns[name] then names[#names + 1] = name end
  end
  return #names > 0 and "both frames have " .. table.concat(names, ", ")
    or "the frames have no column name in common"
end

-- Names of the keys on both sides.
local function key_names(where, f, g, o)
  if o.how == "cross" then
    if o.on or o.left_on or o.right_on then
      opts.raise("%s: how = 'cross' pairs all rows, so it takes no keys", where)
    end
    return {}, {}
  end
  if o.on and (o.left_on or o.right_on) then
    opts.raise("%s: keys are given by on, or by left_on and right_on, not by both", where)
  end
  if not o.on and not (o.left_on and o.right_on) then
    opts.raise("%s: option 'on' (or left_on and right_on) must name the keys; %s", where,
      shared_names(f, g))
  end
  local left = keys.names(where, "the keys", o.on or o.left_on)
  local right = keys.names(where, "the keys", o.on or o.right_on)
  if #left ~= #right then
    opts.raise("%s: left_on names %d keys, right_on %d", where, #left, #right)
  end
  return left, right
end

-- Rows of both sides, nil for all in order.
local function match(f, left, g, right, o)
  local one_left, one_right = o.validate:sub(1, 1) == "1", o.validate:sub(3) == "1"
  if o.how == "right" then
    local right_at, left_at = c.join(right, #g, left, #f, "left", o.match_missing, one_right,
      one_left, true)
    return left_at, right_at
  end
  return c.join(left, #f, right, #g, o.how, o.match_missing, one_left, one_right, false)
end

-- Positions in left rows followed by right rows: of left where there is one.
local function positions(left_at, right_at, f, g)
  left_at = left_at or tensor.arange(1, #f):to "i32"
  right_at = right_at or tensor.arange(1, #g):to "i32"
  return tensor.where(left_at:gt(0), left_at, right_at + #f)
end

-- The key columns of rows that come from either side.
local function either(where, f, g, left, right, left_at, right_at)
  local list, at <close> = {}, positions(left_at, right_at, f, g)
  for i, name in ipairs(left) do
    local both = stack.columns { column_at(f, where, name), column_at(g, where, right[i]) }
    local rows <close> = both.tensor
    list[i] = take(name, { kind = both.kind, tensor = rows, labels = both.labels }, at)
  end
  return list
end

-- Rows of both sides in the order of their keys, missing ones last.
local function by_keys(left, merged, left_at, right_at)
  local list = {}
  for i, name in ipairs(left) do list[i] = keys.series(name, merged[i]) end
  local handle <close> = c.groups(#left_at, list, true, false)
  local order <close> = c.group_order(handle)
  local a <close> = left_at
  local b <close> = right_at
  for i, name in ipairs(left) do merged[i] = take(name, merged[i], order) end
  return a:take(order), b:take(order)
end

local function assemble(where, f, g, left, right, left_at, right_at, o)
  local out, shared, outer = empty(), {}, o.how == "right" or o.how == "outer"
  local merged = outer and either(where, f, g, left, right, left_at, right_at) or {}
  if o.how == "outer" then left_at, right_at = by_keys(left, merged, left_at, right_at) end
  for i, name in ipairs(left) do
    if name == right[i] then shared[name] = i end
  end
  for _, name in ipairs(state_of(f).names) do
    put(out, where, name, merged[shared[name]] or take(name, column_at(f, where, name), left_at))
  end
  put_right(where, out, g, shared, o.suffix, right_at)
  return out
end

--- Rows of two frames with equal keys side by side: columns of this frame, then those of `g`; where
--- a name is taken, the one of `g` gets the suffix. `on` names the keys, which appear once, or
--- `left_on` and `right_on` where names differ. `how`:
---
--- - `left`: every row of this frame in its order, with each partner in the order of `g`; without a
---   partner the columns of `g` are missing (NaN, NaT; integers and bools become f64)
--- - `inner`: the pairs alone, in the same order; `right`: as left with the sides exchanged
--- - `outer`: pairs and rows without partner of both sides, in the order of the keys
--- - `semi`, `anti`: the rows of this frame that have a partner, or none; `cross`: all pairs
---
--- `validate` is what must hold of keys, "1:1", "1:m", "m:1" (each key once on the right) or "m:m";
--- an error names two rows. A missing key (NaN, NaT, no text) has no partner, unless
--- `match_missing`, when it equals a missing key, as in pandas. Texts are equal when their letters
--- are; integers of any width are compared with each other, floats with floats, other kinds with
--- their own.
---     local f = frame.new { { "s", { "A", "B", "C" } }, { "x", { 1, 2, 3 } } }
---     local g = frame.new { { "s", { "C", "A" } }, { "x", { 30, 10 } } }
---     f:join(g, { on = "s" }).x_right --> tensor<f64>[3] {10, nan, 30}
---@param g neap.frame
---@param o { how: string, on: string|string[], suffix: string, validate: string } and others
---@return neap.frame
function Frame:join(g, o)
  local where = "frame:join"
  o = opts.merge(where, { on = opts.none, left_on = opts.none, right_on = opts.none,
    how = "left", suffix = "_right", validate = "m:m", match_missing = false }, o)
  state_of(self, where)
  state_of(g, where)
  option(where, "how", o.how, hows)
  option(where, "validate", o.validate, validations)
  opts.expect(where, "option 'suffix'", o.suffix, "string")
  local left_names, right_names = key_names(where, self, g, o)
  local left, right = keys.pairs(where, self, left_names, g, right_names)
  local left_at, right_at = match(self, left, g, right, o)
  if o.how == "semi" or o.how == "anti" then return self:take(left_at) end
  return assemble(where, self, g, left_names, right_names, left_at, right_at, o)
end

-- joins by time ----------------------------------------------------------------------------------

local directions = { "backward", "forward", "nearest" }

local function time_name(where, side, f, name)
  if name ~= nil and type(name) ~= "string" then
    opts.raise("%s: rows are joined by one column, got %s; 'on' names it, or left_on and right_on "
      .. "where it has two names; keys that must be equal are named by 'by'", where,
      opts.kind(name))
  elseif name then
    return name
  end
  if state_of(f).columns.known_at then return "known_at" end
  if state_of(f).columns.time then return "time" end
  opts.raise("%s: the %s frame has neither known_at nor time; option 'on' names the column", where,
    side)
end

local function check_on(where, f, name, g, other)
  local a, b = keys.left(f, where, name), keys.right(g, where, other)
  for _, side in ipairs { { f, name, a }, { g, other, b } } do
    if side[3].kind == "category" or side[3].tensor.dtype == "bool" then
      opts.raise("%s: '%s' is a %s, rows are joined by times or numbers", where, side[2],
        side[1]:dtype(side[2]))
    end
  end
  return a
end

local function check_tolerance(where, column, tolerance)
  if tolerance == nil then return nil end
  local given = tolerance
  if type(tolerance) == "string" then
    tolerance = column.kind == "time" and duration.parse(tolerance) or nil
  end
  if type(tolerance) ~= "number" or tolerance ~= tolerance or tolerance < 0 then
    opts.raise("%s: tolerance is %s, must be %s", where, tostring(given), column.kind == "time"
      and "a duration like 10s, or ns" or "a number of at least 0")
  end
  if column.kind == "time" or column.tensor.dtype:find "^[iu]" then
    return math.tointeger(tolerance // 1) or math.maxinteger
  end
  return tolerance
end

--- Each row with the row of `g` that was known by then: the last one whose time is not after this
--- one's (`direction = "backward"`; of equal times the last row), the first not before it
--- ("forward"), or the nearer of both ("nearest"; the earlier of equally far ones). Rows stay as
--- they are; columns of `g` are behind them, missing where nothing is found (integers and bools
--- become f64), with the suffix where a name is taken, so the time that was found is `time_right`.
---
--- The time of a side is its `known_at`, where it has that column, else its `time`: what is joined
--- has to be known. `on`, or `left_on` and `right_on`, name others, also of numbers. `by` names
--- keys that must be equal, as the symbol. `tolerance` is the largest distance, a duration like
--- "10s" or a number; `allow_exact = false` leaves out equal times. Within its group each side must
--- not fall and have no missing time; an error names the row.
---     local trades = frame.new { { "time", tensor.of({ 10, 20, 30 }, { dtype = "i64" }) } }
---     local quotes = frame.new { { "time", tensor.of({ 15, 30 }, { dtype = "i64" }) },
---       { "bid", { 99, 98 } } }
---     trades:join_asof(quotes).bid --> tensor<f64>[3] {nan, 99, 98}
---@param g neap.frame
---@param o? { by: string|string[], direction: string, tolerance: string|number } and others
---@return neap.frame
function Frame:join_asof(g, o)
  local where = "frame:join_asof"
  o = opts.merge(where, { on = opts.none, left_on = opts.none, right_on = opts.none,
    by = opts.none, direction = "backward", tolerance = opts.none, allow_exact = true,
    suffix = "_right" }, o)
  state_of(self, where)
  state_of(g, where)
  option(where, "direction", o.direction, directions)
  opts.expect(where, "option 'suffix'", o.suffix, "string")
  local name = time_name(where, "left", self, o.left_on or o.on)
  local other = time_name(where, "right", g, o.right_on or o.on)
  local column = check_on(where, self, name, g, other)
  local by, left_out = o.by and keys.names(where, "by", o.by) or {}, {}
  for _, each in ipairs(by) do left_out[each] = true end
  local left_on, right_on = keys.pairs(where, self, { name }, g, { other })
  local left_by, right_by = keys.pairs(where, self, by, g, by)
  local at = c.join_asof(left_on[1], right_on[1], left_by, right_by, o.direction, o.allow_exact,
    check_tolerance(where, column, o.tolerance))
  local out = self:select(self:columns())
  put_right(where, out, g, left_out, o.suffix, at)
  return out
end
