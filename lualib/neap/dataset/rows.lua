--- Choosing rows of datasets; loaded by neap.dataset.
local clock = require "neap.clock"
local core = require "neap.dataset.core"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.dataset
local Dataset = core.Dataset

--- Rows a to b, both included, negative from the end: views, without copying.
---     #dataset.new(tensor.zeros { 5, 2 }):rows(2, -1) --> 4
---@param a integer
---@param b? integer
---@return neap.dataset
function Dataset:rows(a, b)
  core.check("dataset:rows", self)
  return core.map(self, function(t) return t:slice(1, a, b) end)
end

--- The rows at the positions in an i64 tensor (from 1, negative from the end), in that order.
---     #dataset.new(tensor.zeros { 5, 2 }):take(tensor.of({ 1, 5 }, { dtype = "i64" })) --> 2
---@param positions neap.tensor
---@return neap.dataset
function Dataset:take(positions)
  core.check("dataset:take", self)
  opts.expect("dataset:take", "positions", positions, "tensor")
  return core.map(self, function(t) return t:take(positions, 1) end)
end

--- The rows where a bool tensor is true.
---     local D = dataset.new(tensor.of { { 1 }, { 2 }, { 3 } }, tensor.of { 0, 1, 1 })
---     #D:where(D.y:eq(1)) --> 2
---@param mask neap.tensor
---@return neap.dataset
function Dataset:where(mask)
  core.check("dataset:where", self)
  opts.expect("dataset:where", "the mask", mask, "tensor")
  if mask.dtype ~= "bool" or mask:dim() ~= 1 or #mask ~= #self then
    opts.raise("dataset:where: a bool tensor of %d rows is expected, got %s", #self,
      tostring(mask))
  end
  return self:take(mask:nonzero())
end

-- The first moment after what a text names: a year, a month, a day, a minute or a second.
local function end_of(where, text, zone)
  local function parse(format, ...) return clock.parse(format:format(...), zone) end
  local y, m, d = text:match "^(%d%d%d%d)%-?(%d*)%-?(%d*)$"
  if y and m == "" then return parse("%04d-01-01", y + 1) end
  if y and d == "" then
    return m == "12" and parse("%04d-01-01", y + 1) or parse("%04d-%02d-01", y, m + 1)
  end
  local at = clock.parse(text, zone)
  if not at then opts.raise("%s: '%s' is not a time", where, text) end
  if y then -- a day may have 23 or 25 hours
    local noon = clock.parse(text .. " 12:00", zone)
    return clock.parse(clock.print(noon + 86400 * 1000000000, zone.time_zone):sub(1, 10), zone)
  end
  local seconds = text:match ":%d%d:%d%d(.*)$"
  if not seconds then return at + 60 * 1000000000 end
  return seconds:find "^%.%d" and at + 1 or at + 1000000000
end

local function start_of(where, text, zone)
  local y, m = text:match "^(%d%d%d%d)%-?(%d?%d?)$"
  local at = y and clock.parse(("%s-%s-01"):format(y, m == "" and "01" or m), zone)
    or not y and clock.parse(text, zone)
  if not at then opts.raise("%s: '%s' is not a time", where, text) end
  return at
end

local function moment(where, v, zone, ends)
  if math.type(v) == "integer" then return ends and v + 1 or v end
  if type(v) ~= "string" then
    opts.raise("%s: a time is a text like \"2018-03-05\" or nanoseconds, got %s", where,
      opts.kind(v))
  end
  return ends and end_of(where, v, zone) or start_of(where, v, zone)
end

--- The rows whose times lie from `a` to `b`, both included: texts ("2018", "2018-03", "2018-03-05
--- 14:00"), of which `b` reaches to its end, or nanoseconds; nil leaves a side open.
---     local F = frame.new { { "time", tensor.of({ 0, 86400000000000 }, { dtype = "i64" }) },
---       { "a", { 1, 2 } } }
---     #dataset.new(F):between("1970-01-02", "1970") --> 1
---@param a? string|integer
---@param b? string|integer
---@param o? { time_zone: string }
---@return neap.dataset
function Dataset:between(a, b, o)
  core.check("dataset:between", self)
  o = opts.merge("dataset:between", { time_zone = "UTC" }, o)
  if not self.times then opts.raise("dataset:between: the rows have no times") end
  local mask = self.times:ne(clock.nat)
  if a ~= nil then mask = mask & self.times:ge(moment("dataset:between", a, o, false)) end
  if b ~= nil then mask = mask & self.times:lt(moment("dataset:between", b, o, true)) end
  return self:where(mask)
end

--- The rows of one symbol; an unknown one is an error that names the nearest.
---     local F = frame.new { { "a", { 1, 2 } }, { "symbol", { "BTC", "ETH" } } }
---     dataset.new(F):symbol("ETH").x:get(1, 1) --> 2.0
---@param name string
---@return neap.dataset
function Dataset:symbol(name)
  core.check("dataset:symbol", self)
  if not self.symbols then opts.raise("dataset:symbol: the rows have no symbols") end
  for code, label in ipairs(self.symbols.labels) do
    if label == name then return self:where(self.symbols.codes:eq(code)) end
  end
  opts.unknown("dataset:symbol", "symbol", tostring(name),
    table.move(self.symbols.labels, 1, #self.symbols.labels, 1, {}))
end

--- The same rows with other features: `x` of as many rows, and a name for each of its columns.
---     local D = dataset.new(tensor.zeros { 2, 3 }):with_x(tensor.ones { 2, 1 }, { "one" })
---     D.names[1] --> one
---@param x neap.tensor N x F
---@param names string[]
---@return neap.dataset
function Dataset:with_x(x, names)
  core.check("dataset:with_x", self)
  opts.expect("dataset:with_x", "x", x, "tensor")
  opts.expect("dataset:with_x", "names", names, "table")
  if x:dim() ~= 2 or #x ~= #self then
    opts.raise("dataset:with_x: %d x F features are needed, got %s", #self, tostring(x))
  end
  if #names ~= x:size(2) then
    opts.raise("dataset:with_x: %d names for %d features", #names, x:size(2))
  end
  local seen = {}
  for i, name in ipairs(names) do
    if type(name) ~= "string" or seen[name] then
      opts.raise("dataset:with_x: name %d is %s, each must be a text of its own", i,
        tostring(name))
    end
    seen[name] = true
  end
  return core.with(self, { x = x, names = table.move(names, 1, #names, 1, {}) })
end

local policies = { any = true, all = true, none = true }

--- The rows that can be learnt from: those with a label (where the dataset has labels), a weight,
--- and features: with `features = "any"` (the default) a row goes when any of its features is
--- missing, with "all" when all are, with "none" never (trees take missing values). The second
--- result counts the rows that went, by the first reason: labels, weights, features.
---     local D = dataset.new(tensor.of { { 1 }, { 0 / 0 }, { 3 } }, tensor.of { 0 / 0, 1, 1 })
---     #D:drop_missing(), #D:drop_missing { features = "none" } --> 1, 2
---@param o? { features: "any"|"all"|"none" }
---@return neap.dataset
---@return { labels: integer, weights: integer, features: integer } dropped
function Dataset:drop_missing(o)
  core.check("dataset:drop_missing", self)
  o = opts.merge("dataset:drop_missing", { features = "any" }, o)
  if not policies[o.features] then
    opts.unknown("dataset:drop_missing", "features", tostring(o.features), { "any", "all", "none" })
  end
  local keep, dropped = tensor.ones { #self, dtype = "bool" }, {}
  local function only(name, sound)
    local before = keep:sum()
    if sound then keep = keep & sound end
    dropped[name] = math.tointeger(before - keep:sum())
  end
  only("labels", self.y and self.y:eq(self.y))
  only("weights", self.w and self.w:eq(self.w))
  local missing = o.features ~= "none" and #self > 0 and self.x:isnan()
  only("features", missing and ~(o.features == "any" and missing:any(2) or missing:all(2)))
  return self:where(keep), dropped
end
