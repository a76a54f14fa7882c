--- What an audit does to bars: cut them, make noise of their future. Bars are a frame, a table of
--- tensors by name, or a tensor with a row for each bar.
---
--- Rows are counted by `rank`: the place of their time among all times where several symbols share
--- it, else their number.
local c = require "neap.c.frame"
local category = require "neap.frame.category"
local class = require "neap.class"
local clock = require "neap.clock"
local frame = require "neap.frame"
local opts = require "neap.opts"
local single = require "neap.market.single"
local tensor = require "neap.tensor"

local Bars = class "neap.audit.bars"

local function is_tensor(x) return opts.kind(x) == "tensor" end

-- Names and columns: an array of { name, tensor or category }.
local function columns_of(where, source)
  local list = {}
  if is_tensor(source) then return { { "value", source } } end
  opts.expect(where, "the bars", source, "table")
  if frame.is(source) then
    for name, column in pairs(source) do list[#list + 1] = { name, column } end
    return list
  end
  for name, column in pairs(source) do
    if type(name) == "string" and (is_tensor(column) or category.is(column)) then
      list[#list + 1] = { name, column }
    end
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

local function rank_by_time(where, self, by)
  if not self.times then opts.raise("%s: by = '%s' needs bars with a time", where, by) end
  if not self:column(by) then opts.raise("%s: the bars have no column '%s'", where, by) end
  if self.times:eq(clock.nat):any() then opts.raise("%s: a bar has no time", where) end
  local values, _, place = self.times:unique { inverse = true }
  self.rank, self.moments = place:reshape(self.n), values
end

---@param where string
---@param source any
---@param o table time, by
function Bars:init(where, source, o)
  self.source, self.list, self.by, self.time = source, columns_of(where, source), o.by, o.time
  if #self.list == 0 then opts.raise("%s: the bars have no columns", where) end
  self.n = #self.list[1][2]
  for _, entry in ipairs(self.list) do
    if #entry[2] ~= self.n then
      opts.raise("%s: column '%s' has %d rows, '%s' has %d", where, entry[1], #entry[2],
        self.list[1][1], self.n)
    end
  end
  local times = self:column(o.time)
  if is_tensor(times) and times.dtype == "i64" and #times.shape == 1 then self.times = times end
  if o.by then
    rank_by_time(where, self, o.by)
  else
    single(where, source)
    self.rank, self.moments = tensor.arange(1, self.n, 1, { dtype = "i64" }), self.times
  end
  self.ranks = self.n > 0 and (self.rank:max()) or 0
end

--- The column of that name, or nil.
function Bars:column(name)
  for _, entry in ipairs(self.list) do
    if entry[1] == name then return entry[2] end
  end
end

--- The positions of the rows with ranks from first to last.
---@return neap.tensor
function Bars:positions(first, last)
  return (self.rank:ge(first) & self.rank:le(last)):nonzero()
end

-- Bars of the same form with each column passed through fn(column, name).
local function rebuild(self, fn)
  local function each(name, column)
    if not category.is(column) then return fn(column, name) end
    return category.of_codes(fn(column.codes, name), column.labels)
  end
  if is_tensor(self.source) then return fn(self.source, "value") end
  if frame.is(self.source) then
    local columns = {}
    for i, entry in ipairs(self.list) do
      columns[i] = { entry[1], each(entry[1], entry[2]),
        self.source:dtype(entry[1]) == "time" and "time" or nil }
    end
    return frame.new(columns)
  end
  local out = {}
  for key, value in next, self.source do out[key] = value end
  for _, entry in ipairs(self.list) do out[entry[1]] = each(entry[1], entry[2]) end
  return setmetatable(out, getmetatable(self.source))
end

--- The bars with ranks from first to last, in their form.
---@return any
function Bars:part(first, last)
  local rows = self:positions(first, last)
  return rebuild(self, function(column) return column:take(rows) end)
end

--- When the values of the bar with that rank are known; nil without times.
---@return integer?
function Bars:known(rank)
  if not self.times then return nil end
  local known_at = self:column "known_at"
  if is_tensor(known_at) and known_at.dtype == "i64" then
    return (known_at:take(self:positions(1, rank)):max())
  end
  return c.known_at(self.moments, 0):get(rank)
end

--- When the bar with that rank begins; nil without times.
---@return integer?
function Bars:moment(rank) return self.times and self.moments:get(rank) or nil end

local prices = { open = true, high = true, low = true, close = true }

local function stretched(column, rng)
  local z = tensor.randn { column:numel(), rng = rng }:reshape(table.unpack(column.shape))
  local other = column * (z * 0.5):exp()
  local std = column:lt(0):any() and column:to "f64":std { skip_nan = true } or 0
  if std == std then other = other + z * std end
  return other:to(column.dtype)
end

--- The bars with noise in place of what comes after the rank `cut`: prices times a factor for each
--- row, which keeps low <= open, close <= high; other numbers stretched, those that are below 0 at
--- times moved too; whole numbers, bools and text in another order. With `opens` the opens of the
--- next bars stay, which is what is known when they begin.
--- `direction` 1 or -1 turns the factors round: what rose falls.
---@param cut integer
---@param rng neap.rng
---@param opens boolean
---@param direction integer
---@return any
function Bars:noisy(cut, rng, opens, direction)
  local future = self.rank:gt(cut)
  local rows = future:nonzero()
  local draw = rng:split("cut " .. cut)
  local factor = (tensor.randn { self.n, rng = draw:split "prices" } * (0.2 * direction)):exp()
  return rebuild(self, function(column, name)
    if name == self.time or name == "known_at" or name == self.by then return column end
    local own = draw:split(name)
    if column.dtype ~= "f64" and column.dtype ~= "f32" then
      local order = tensor.arange(1, self.n, 1, { dtype = "i64" })
      order[future] = rows:take(tensor.permutation(#rows, { rng = own }))
      return column:take(order)
    end
    local other = prices[name] and column * factor:to(column.dtype) or stretched(column, own)
    local rows_changed = opens and name == "open" and self.rank:gt(cut + 1) or future
    if #column.shape > 1 then rows_changed = rows_changed:view(self.n, 1) end
    return tensor.where(rows_changed, other, column)
  end)
end

return Bars
