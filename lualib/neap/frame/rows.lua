--- Choosing columns and rows; loaded by neap.frame.
local core = require "neap.frame.core"
local keys = require "neap.frame.keys"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.frame
local Frame = core.Frame

local column_at, empty, map, put = core.column_at, core.empty, core.map, core.put
local sorted_keys, state_of, to_column = core.sorted_keys, core.state_of, core.to_column

-- The names that select and drop are given; none are fine, and so is one without a table.
local function names_in(where, names, ...)
  if type(names) == "table" and next(names) == nil then names = nil
  else names = keys.names(where, "names", names) end
  if select("#", ...) > 0 then
    opts.raise("%s: names are one array, as in { 'open', 'close' }", where)
  end
  return names or {}
end

--- The frame with only these columns, in this order.
---     #frame.new({ { "x", { 1 } }, { "y", { 2 } } }):select({ "y" }):columns() --> 1
---@param names string|string[]
---@return neap.frame
function Frame:select(names, ...)
  local out = empty()
  for _, name in ipairs(names_in("frame:select", names, ...)) do
    put(out, "frame:select", name, column_at(self, "frame:select", name))
  end
  return out
end

--- The frame without these columns.
---     frame.new({ { "x", { 1 } }, { "y", { 2 } } }):drop({ "y" }):columns()[1] --> x
---@param names string|string[]
---@return neap.frame
function Frame:drop(names, ...)
  local gone, out = {}, empty()
  for _, name in ipairs(names_in("frame:drop", names, ...)) do
    column_at(self, "frame:drop", name)
    gone[name] = true
  end
  local state = state_of(self)
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
  if type(names) ~= "table" or names[1] ~= nil then
    opts.raise "frame:rename: names are a table of old to new, as in { close = 'price' }"
  end
  for _, old in ipairs(sorted_keys(names)) do column_at(self, "frame:rename", old) end
  for _, name in ipairs(state.names) do
    local new = names[name] or name
    if state_of(out).columns[new] then
      opts.raise("frame:rename: two columns would be called '%s'", new)
    end
    put(out, "frame:rename", new, state.columns[name])
  end
  return out
end

--- The frame with columns added or replaced, in order: { { "ret", x }, ... }, as in `frame.new`. A
--- single number, truth or text stands in every row.
---     frame.new({ { "x", { 1 } } }):assign({ { "y", { 2 } } }).y:get(1) --> 2.0
---     frame.new({ { "x", { 1, 2 } } }):assign({ { "symbol", "BTC" } }).symbol[2] --> BTC
---@param columns table[]
---@return neap.frame
function Frame:assign(columns)
  local out = self:select(self:columns())
  opts.expect("frame:assign", "columns", columns, "table")
  for key in next, columns do
    if type(key) == "string" then
      opts.raise("frame:assign: column '%s' must be { '%s', values }, since keys have no order",
        key, key)
    end
  end
  for i, entry in ipairs(columns) do
    if type(entry) ~= "table" or #entry < 2 then
      opts.raise("frame:assign: column %d must be { name, values }", i)
    end
    local column = to_column("frame:assign", tostring(entry[1]), entry[2], entry[3],
      state_of(out).rows)
    put(out, "frame:assign", entry[1], column)
  end
  return out
end

--- The rows at the positions in an i64 tensor (from 1, negative from the end), in that order.
---     #frame.new({ { "x", { 1, 2 } } }):take(tensor.of({ 2, 2, 1 }, { dtype = "i64" })) --> 3
---@param positions neap.tensor
---@return neap.frame
function Frame:take(positions) return map(self, function(t) return t:take(positions) end) end

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

-- A tensor in the order of the column, missing values last: text by its letters.
local function sort_key(column, descending)
  if column.kind == "time" and not descending then return column.tensor - 1 end -- NaT wraps
  if column.kind ~= "category" then return column.tensor end
  local order, rank = {}, {}
  for code in ipairs(column.labels) do order[code] = code end
  table.sort(order, function(a, b) return column.labels[a] < column.labels[b] end)
  for place, code in ipairs(order) do rank[code + 1] = place end
  rank[1] = descending and 0 or #order + 1
  return tensor.of(rank, { dtype = "i64" }):take(column.tensor:to "i64":add(1))
end

-- One truth for each of n columns.
local function directions(descending, n)
  local each = {}
  for i = 1, n do
    if type(descending) == "table" then each[i] = descending[i] else each[i] = descending end
    if type(each[i]) ~= "boolean" then
      opts.raise("frame:sort: descending is true, false or an array of %d of them", n)
    end
  end
  if type(descending) == "table" and #descending > n then
    opts.raise("frame:sort: descending has %d truths for %d columns", #descending, n)
  end
  return each
end

--- The rows in order of one column, or of several, the first weighing most; equal rows keep their
--- order. Missing values (NaN, NaT, no text) go last, text is sorted by its letters. `descending`
--- holds for all columns, or is an array for each.
---     frame.new({ { "x", { 3, 1, 2 } } }):sort("x").x:get(1) --> 1.0
---     local f = frame.new { { "x", { 1, 2, 2 } }, { "y", { 3, 4, 5 } } }
---     f:sort({ "x", "y" }, { descending = { false, true } }).y --> tensor<f64>[3] {3, 5, 4}
---@param by string|string[]
---@param o? { descending: boolean|boolean[] }
---@return neap.frame
function Frame:sort(by, o)
  o = opts.merge("frame:sort", { descending = false }, o)
  state_of(self, "frame:sort")
  local names, order = keys.names("frame:sort", "by", by), nil
  local descending = directions(o.descending, #names)
  for i = #names, 1, -1 do
    local down = descending[i]
    local key = sort_key(column_at(self, "frame:sort", names[i]), down)
    local at = (order and key:take(order) or key):argsort(1, { descending = down })
    order = order and order:take(at) or at
  end
  return self:take(order)
end

--- Columns as an N x F tensor, in the order of `names` (all number columns when absent), f64 or of
--- the `dtype` given. Times and categories are refused by name.
---     frame.new({ { "x", { 1, 2 } }, { "y", { 3, 4 } } }):matrix():get(2, 2) --> 4.0
---@param names? string|string[]
---@param o? { dtype: string }
---@return neap.tensor
function Frame:matrix(names, o)
  o = opts.merge("frame:matrix", { dtype = "f64" }, o)
  local state, columns = state_of(self, "frame:matrix"), {}
  if type(names) == "string" then names = { names } end
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
