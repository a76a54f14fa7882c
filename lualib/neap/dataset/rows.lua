--- Choosing rows of datasets; loaded by neap.dataset.
local clock = require "neap.clock"
local core = require "neap.dataset.core"
local frames = require "neap.frame.core"
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

--- The rows whose times lie from `a` to `b`, both included: times in nanoseconds, or texts that
--- mean all of what they name ("2018", "2018-03", "2018-03-05 14"), as in `frame:between`; nil
--- leaves a side open.
---     local F = frame.new { { "time", tensor.of({ 0, 86400000000000 }, { dtype = "i64" }) },
---       { "a", { 1, 2 } } }
---     #dataset.new(F):between("1970-01-02", "1970") --> 1
---@param a? string|integer
---@param b? string|integer
---@param o? { time_zone: string }
---@return neap.dataset
function Dataset:between(a, b, o)
  core.check("dataset:between", self)
  o = opts.merge("dataset:between", { time_zone = opts.none }, o)
  if not self.times then opts.raise("dataset:between: the rows have no times") end
  local mask = self.times:ne(clock.nat)
  if a ~= nil then
    local first = frames.span("dataset:between", "the first bound", a, o.time_zone)
    mask = mask & self.times:ge(first)
  end
  if b ~= nil then
    local _, last = frames.span("dataset:between", "the last bound", b, o.time_zone)
    mask = mask & self.times:le(last)
  end
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
