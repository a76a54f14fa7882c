--- Windows of rows for models that look at stretches of time; loaded by neap.dataset.
local class = require "neap.class"
local clock = require "neap.clock"
local core = require "neap.dataset.core"
local duration = require "neap.duration"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.dataset
local Dataset = core.Dataset

--- Windows of a dataset, made when a batch of them is asked for.
---@class neap.dataset.Windows
---@field length integer rows in a window
---@field rows neap.tensor i64, the dataset's row that each window ends with
---@field y neap.tensor? the label of each window
---@field w neap.tensor? its weight
---@field times neap.tensor? i64, the time of the row it ends with
local Windows = class "neap.dataset.Windows"

-- Rows with each series together in its order; nil when they are so already.
local function series_order(D)
  local order = D.bar:argsort(1)
  if D.symbols then order = order:take(D.symbols.codes:take(order):argsort(1)) end
  return order
end

local function gap_of(max_gap)
  if type(max_gap) == "string" then
    local ns = duration.parse(max_gap)
    if ns and ns > 0 then return ns end
  elseif math.type(max_gap) == "integer" and max_gap > 0 then return max_gap end
  opts.raise("dataset:windows: max_gap is %s, must be a duration like 15m, or nanoseconds",
    tostring(max_gap))
end

-- Of the rows in order: true where a row does not follow the one before it.
local function breaks(D, order, o)
  local n = #order
  local function step(values, fn)
    local sorted = values:take(order)
    return fn(sorted:slice(1, 2, -1), sorted:slice(1, 1, -2))
  end
  local broken = tensor.ones { n, dtype = "bool" }
  if n < 2 then return broken end
  local apart = step(D.bar, function(a, b) return a:ne(b + 1) end)
  if D.symbols then apart = apart | step(D.symbols.codes, function(a, b) return a:ne(b) end) end
  if o.max_gap then
    if not D.times then opts.raise("dataset:windows: max_gap needs rows with times") end
    local most = gap_of(o.max_gap)
    apart = apart | step(D.times, function(a, b)
      return (a - b):gt(most) | a:eq(clock.nat) | b:eq(clock.nat)
    end)
  end
  broken[{ { 2, n } }] = apart
  return broken
end

-- How many rows without a break end at each row in order; 0 at rows that no window may hold.
local function run_lengths(D, order, o)
  local n = #order
  local broken = breaks(D, order, o)
  local number = tensor.arange(1, n, 1, { dtype = "i64" })
  local start = tensor.where(broken, number, 0)
  if o.complete then
    local holed = D.x:isnan():any(2):take(order)
    start = tensor.where(holed, number + 1, start)
  end
  return number - start:cummax(1) + 1
end

-- Places in `order` where windows end.
local function ends_of(D, order, o)
  local n, run = #order, run_lengths(D, order, o)
  local last = run:ge(o.length) & ((run - o.length) % o.stride):eq(0)
  if o.horizon > 0 then
    local reached = tensor.zeros { n, dtype = "bool" }
    if n > o.horizon then
      reached[{ { 1, n - o.horizon } }] = run:slice(1, o.horizon + 1, -1):ge(o.length + o.horizon)
    end
    last = last & reached
  end
  return last:nonzero()
end

--- Windows of `length` rows that follow each other in one series, a new one every `stride` rows:
--- nothing is copied before `batch` asks for it. A window never holds rows of two symbols, nor rows
--- between which others were dropped, nor, with `max_gap` ("15m", or nanoseconds), a longer step in
--- time. Its label is that of its last row, or with `horizon` of the row so many later in the same
--- series. Left out are windows whose label is missing (unless `labelled = false`), and with
--- `complete = true` those with a missing feature.
---     local D = dataset.new(tensor.arange(10):view(5, 2), tensor.of { 1, 2, 3, 4, 5 })
---     local W = D:windows { length = 3 }
---     local x, y = W:batch(2, 3)
---     #W, y --> 3, tensor<f64>[2] {4, 5}
---     x[1]:t()[1] --> tensor<f64>[3] {3, 5, 7}
---@param o { length: integer, stride: integer, horizon: integer, max_gap: string|integer } and
---  labelled, complete: boolean
---@return neap.dataset.Windows
function Dataset:windows(o)
  core.check("dataset:windows", self)
  o = opts.merge("dataset:windows", { length = opts.required, stride = 1, horizon = 0,
    max_gap = opts.none, labelled = true, complete = false }, o)
  o.length = opts.integer("dataset:windows", "length", o.length, 1)
  o.stride = opts.integer("dataset:windows", "stride", o.stride, 1)
  o.horizon = opts.integer("dataset:windows", "horizon", o.horizon, 0)
  local W = Windows()
  W.length, W.D = o.length, self
  if #self == 0 then
    W.order = tensor.zeros { 0, dtype = "i64" }
    W.ends = W.order
  else
    W.order = series_order(self)
    W.ends = ends_of(self, W.order, o)
  end
  local labelled = W.order:take(W.ends + o.horizon)
  if self.y and o.labelled and #labelled > 0 then
    local y = self.y:take(labelled)
    local known = y:eq(y):nonzero()
    W.ends, labelled = W.ends:take(known), labelled:take(known)
  end
  W.rows = W.order:take(W.ends)
  W.y = self.y and self.y:take(labelled)
  W.w = self.w and self.w:take(labelled)
  W.times = self.times and self.times:take(W.rows)
  return W
end

function Windows.__len(W) return #W.ends end

function Windows.__tostring(W)
  return ("%d windows of %d rows x %d features"):format(#W.ends, W.length, #W.D.names)
end

-- Positions of the windows asked for.
local function chosen(W, a, b)
  if math.type(a) == "integer" then
    return tensor.arange(1, #W, 1, { dtype = "i64" }):slice(1, a, b or a)
  end
  opts.expect("windows:batch", "the windows", a, "tensor")
  return a
end

--- The windows a to b (both included, negative from the end), or those at the positions of an i64
--- tensor: their features as [windows, rows, features] in a tensor of its own, their labels, and
--- the times of their last rows.
---     local W = dataset.new(tensor.arange(10):view(5, 2)):windows { length = 2, stride = 2 }
---     local x = W:batch(tensor.of({ 2, 1 }, { dtype = "i64" }))
---     x:sum(3):reshape(-1) --> tensor<f64>[4] {11, 15, 3, 7}
---@param a integer|neap.tensor
---@param b? integer
---@return neap.tensor x
---@return neap.tensor? y
---@return neap.tensor? times
function Windows:batch(a, b)
  local which = chosen(self, a, b)
  local count, length, x = #which, self.length, self.D.x
  local first = self.ends:take(which) - (length - 1)
  local places = first:view(count, 1) + tensor.arange(0, length - 1, 1, { dtype = "i64" })
  local rows = self.order:take(places:reshape(-1))
  return x:take(rows, 1):view(count, length, x:size(2)), self.y and self.y:take(which),
    self.times and self.times:take(which)
end

--- The windows at the positions of an i64 tensor (from 1, negative from the end), in that order.
---     local W = dataset.new(tensor.zeros { 5, 1 }):windows { length = 2 }
---     #W:take(tensor.of({ 1, 4 }, { dtype = "i64" })) --> 2
---@param positions neap.tensor
---@return neap.dataset.Windows
function Windows:take(positions)
  opts.expect("windows:take", "positions", positions, "tensor")
  local out = Windows()
  for name, value in next, self do out[name] = value end
  for _, name in ipairs { "ends", "rows", "y", "w", "times" } do
    if self[name] then out[name] = self[name]:take(positions) end
  end
  return out
end

-- When the last row of each window is known.
local function known(where, W)
  local D = W.D
  if D.symbols and #D.symbols.codes:unique() > 1 then
    opts.raise("%s: windows of several symbols; take D:symbol(name)", where)
  end
  local at = D.known_at or D.times
  if not at then opts.raise("%s: the rows have no times", where) end
  return at:take(W.rows)
end

--- For each window of `other` (or each time, i64) the last window here whose last row was known by
--- then (by `known_at`, or the times of rows where a dataset has none), so that windows of a slow
--- series stand beside those of a fast one and nothing looks ahead. The second result has the
--- positions in `other` that have such a window: nets with several inputs train on
--- `{ fast:take(positions), slow }`. Both datasets must be of one symbol.
---     local hour = 3600000000000
---     local function hours(n, step)
---       local times = tensor.arange(step, n * step, step, { dtype = "i64" }) * hour
---       return dataset.new(frame.new { { "time", times }, { "a", tensor.arange(1, n) } })
---     end
---     local fast, slow = hours(9, 1):windows { length = 2 }, hours(4, 2):windows { length = 2 }
---     local beside, at = slow:as_of(fast)
---     at --> tensor<i64>[6] {3, 4, 5, 6, 7, 8}
---     beside.rows --> tensor<i64>[6] {2, 2, 3, 3, 4, 4}
---@param other neap.dataset.Windows|neap.tensor
---@return neap.dataset.Windows
---@return neap.tensor positions i64
function Windows:as_of(other)
  local moments = other
  if class.is(other, Windows) then moments = known("windows:as_of", other)
  else opts.expect("windows:as_of", "the times, if no windows,", other, "tensor") end
  if moments.dtype ~= "i64" then
    opts.raise("windows:as_of: times are i64 nanoseconds, got %s", moments.dtype)
  end
  local last = known("windows:as_of", self):searchsorted(moments, { right = true }) - 1
  local positions = last:gt(0):nonzero()
  return self:take(last:take(positions)), positions
end
