--- What labels read: the columns of bars, symbol by symbol, and results put back in row order.
local c = require "neap.c.frame"
local frame = require "neap.frame"
local duration = require "neap.duration"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local source = { labels = {} } -- the table of neap.labels, which the files of this folder fill

---@class neap.labels.source
local Source = {}
Source.__index = Source

local nat = math.mininteger

-- groups -----------------------------------------------------------------------------------------

-- Numbers that are equal where the column is, and the text of one of its rows.
local function codes_of(where, bars, name)
  local kind, values = bars:dtype(name), bars:column(name)
  if kind == "category" then
    local missing = values.codes:eq(0):nonzero()
    if #missing > 0 then
      opts.raise("%s: row %d has no %s, so it belongs to no series", where, missing[1], name)
    end
    return values.codes:to "i64", function(row) return values[row] end
  end
  if kind ~= "i64" and kind ~= "i32" and kind ~= "u8" and kind ~= "bool" then
    opts.raise("%s: by '%s' is a column of %s; text or whole numbers are needed", where, name, kind)
  end
  local _, _, place = values:to("i64"):unique { inverse = true }
  return place, function(row) return tostring(values:get(row)) end
end

local function combined(where, bars, names)
  local key, texts = nil, {}
  for i, name in ipairs(names) do
    local codes, text = codes_of(where, bars, name)
    texts[i] = text
    if key and #bars > 0 then key = key * (codes:max() + 1) + codes else key = codes end
  end
  return key, function(row)
    local parts = {}
    for i, text in ipairs(texts) do parts[i] = text(row) end
    return table.concat(parts, " ")
  end
end

-- Sets order (positions that bring each group together, nil when they are) and the groups.
local function group(self, where, bars, names)
  local key, text = combined(where, bars, names)
  local function neighbours() return key:slice(1, 2, -1), key:slice(1, 1, -2) end
  local n = #bars
  if n > 1 then
    local next_key, this_key = neighbours()
    if next_key:lt(this_key):any() then
      self.order = key:argsort(1)
      self.inverse = self.order:argsort(1)
      key = key:take(self.order)
    end
  end
  local first = 1
  self.groups = {}
  local function close(last)
    local row = self.order and self.order[first] or first
    self.groups[#self.groups + 1] = { first = first, last = last, key = n > 0 and text(row) or "" }
    first = last + 1
  end
  if n > 1 then
    local next_key, this_key = neighbours()
    for _, last in ipairs(next_key:ne(this_key):nonzero():totable()) do close(last) end
  end
  close(n) -- of no rows one empty group
end

-- reading ----------------------------------------------------------------------------------------

local function names_of(where, by)
  if by == nil then return {} end
  local names = type(by) == "table" and by or { by }
  for _, name in ipairs(names) do
    if type(name) ~= "string" then
      opts.raise("%s: by must be the name of a column or an array of names, got %s", where,
        opts.kind(by))
    end
  end
  return names
end

local function refuse_several(where, bars)
  if #bars == 0 or not bars:has "symbol" or bars:dtype "symbol" ~= "category" then return end
  local codes = bars:column("symbol").codes
  if codes:min() ~= codes:max() then
    opts.raise("%s: the rows are of several symbols; by = \"symbol\" keeps them apart", where)
  end
end

local function check_order(self, where)
  local time = self.time and self:sorted(self.time)
  if not time or #time < 2 then return end
  local after, before = time:slice(1, 2, -1), time:slice(1, 1, -2)
  local back = after:lt(before):logical_and(after:ne(nat))
  for _, g in ipairs(self.groups) do
    if g.first > 1 then back[g.first - 1] = false end
  end
  if not back:any() then return end
  local at = back:nonzero()[1] + 1
  opts.raise("%s: row %d is earlier than row %d; sort the rows by time", where,
    self.order and self.order[at] or at, self.order and self.order[at - 1] or at - 1)
end

--- The series in `bars`: a frame, a table of tensors, or a tensor that stands for `column`
--- ("close"). Rows must be in time order unless `any_order`.
---@param where string
---@param bars any
---@param by? string|string[]
---@param o? { column: string, any_order: boolean }
---@return neap.labels.source
function source.read(where, bars, by, o)
  local name_alone = o and o.column or "close"
  local self = setmetatable({ where = where, names = names_of(where, by) }, Source)
  if frame.is(bars) then
    self.n, self.frame = #bars, bars
    self.has = function(name) return bars:has(name) end
    self.take = function(name) return bars:column(name) end
  elseif type(bars) == "table" then
    self.has = function(name) return rawget(bars, name) ~= nil end
    self.take = function(name) return bars[name] end
  else
    opts.expect(where, "bars, or closes,", bars, "tensor")
    self.has = function(name) return name == name_alone end
    self.take = function() return bars end
  end
  if #self.names > 0 and not self.frame then
    opts.raise("%s: by needs a frame, got %s", where, opts.kind(bars))
  end
  self.n = self.n or #self:column(name_alone)
  self.time = self.has "time" and self.take "time" or nil
  if #self.names > 0 then
    group(self, where, bars, self.names)
  else
    if self.frame then refuse_several(where, bars) end
    self.groups = { { first = 1, last = self.n, key = "" } }
  end
  if not (o and o.any_order) then check_order(self, where) end
  return self
end

--- The column as f64; an unknown one is an error.
---@param name string
---@return neap.tensor
function Source:column(name)
  if not self.has(name) then
    opts.raise("%s: the bars have no column '%s'", self.where, name)
  end
  local values = self.take(name)
  opts.expect(self.where, ("column '%s'"):format(name), values, "tensor")
  return values
end

--- An option that has a value for each row; nil stays nil.
function Source:rows(name, values)
  if values == nil then return nil end
  opts.expect(self.where, name, values, "tensor")
  if #values.shape ~= 1 or #values ~= self.n then
    opts.raise("%s: %s has %d rows, but the bars have %d", self.where, name, #values, self.n)
  end
  return values
end

--- The rows with each group together.
function Source:sorted(x) return self.order and x:take(self.order) or x end

local function slice(x, g)
  return g.last < g.first and x or x:slice(1, g.first, g.last)
end

--- Results of fn for each group, put back in row order. fn gets a function that cuts the group's
--- rows out of a tensor (nil stays nil), and the group; it returns `count` tensors of its rows.
---@param count integer
---@param fn function
---@return neap.tensor ...
function Source:each(count, fn)
  local columns, sorted = {}, {}
  for i = 1, count do columns[i] = {} end
  for k, g in ipairs(self.groups) do
    local function cut(x)
      if x == nil then return nil end
      sorted[x] = sorted[x] or self:sorted(x)
      return slice(sorted[x], g)
    end
    local results = table.pack(fn(cut, g))
    for i = 1, count do columns[i][k] = results[i] end
  end
  local out = {}
  for i, parts in ipairs(columns) do
    if parts[1] ~= nil then
      local all = #parts == 1 and parts[1] or tensor.cat(parts)
      out[i] = self.order and all:take(self.inverse) or all
    end
  end
  return table.unpack(out, 1, count)
end

--- When each bar is known: its `known_at` where the bars have one, else the end of the bar, its
--- stamp plus the median step of its series. nil without times.
---@return neap.tensor?
function Source:ends()
  if self.has "known_at" then return self.take "known_at" end
  if not self.time then return nil end
  return (self:each(1, function(cut) return c.bar_ends(cut(self.time)) end))
end

--- The values at positions counted from 1; `missing` where the position is 0.
function source.pick(values, positions, missing)
  if values == nil then return nil end
  if #values == 0 then return values end
  return tensor.where(positions:gt(0), values:take(positions:clamp(1, #values)), missing)
end

source.nat = nat

--- The columns that say which row of the bars a label belongs to.
---@return table[]
function Source:identity()
  local columns = {}
  if self.time then columns[1] = { "time", self.time, "time" } end
  for _, name in ipairs(self.names) do
    columns[#columns + 1] = { name, self.frame:column(name) }
  end
  if self.frame and #self.names == 0 and self.frame:has "symbol" then
    columns[#columns + 1] = { "symbol", self.frame:column "symbol" }
  end
  return columns
end

--- Nanoseconds of a duration, or an error that says what one looks like.
function source.duration(where, name, text)
  local ns = duration.parse(text)
  if not ns or ns < 1 then
    opts.raise("%s: %s '%s' is not a duration like 30s, 5m, 1h or 1d", where, name, tostring(text))
  end
  return ns
end

--- Positive whole bars, as a check of an option.
function source.check_bars(where, name, k)
  if math.type(k) ~= "integer" or k < 1 then
    opts.raise("%s: %s is %s, must be an integer of at least 1", where, name, tostring(k))
  end
  return k
end

return source
