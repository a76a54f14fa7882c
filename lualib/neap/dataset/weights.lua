--- Weights of rows: by age, by class, by overlap; loaded by neap.dataset.
local c = require "neap.c.frame"
local clock = require "neap.clock"
local core = require "neap.dataset.core"
local duration = require "neap.duration"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.dataset
local Dataset = core.Dataset

-- How old each row is, and the half-life in the same unit.
local function ages(D, half_life)
  if type(half_life) == "string" then
    local ns = duration.parse(half_life)
    if not ns or ns <= 0 then
      opts.raise("dataset:decay: half_life '%s' is not a duration like 12h, 30d or 8w", half_life)
    end
    if not D.times then opts.raise("dataset:decay: half_life '%s' needs times", half_life) end
    local age = (D.times:max() - D.times):to "f64"
    return tensor.where(D.times:eq(clock.nat), 0 / 0, age), ns
  end
  local positive = type(half_life) == "number" and half_life > 0
  if not positive then
    opts.raise("dataset:decay: half_life is %s, must be a duration or a positive number of rows",
      tostring(half_life))
  end
  return tensor.arange(#D - 1, 0, -1, { dtype = "f64" }), half_life
end

--- The dataset with weights that halve every `half_life`: a duration ("30d") before the last time,
--- or a number of rows. They multiply the weights there are; the newest row keeps its own.
---     dataset.new(tensor.zeros { 3, 1 }):decay(1).w --> tensor<f64>[3] {0.25, 0.5, 1}
---@param half_life string|number
---@return neap.dataset
function Dataset:decay(half_life)
  core.check("dataset:decay", self)
  if #self == 0 then return core.weighted(self, tensor.zeros { 0 }) end
  local age, half = ages(self, half_life)
  return core.weighted(self, (age * (-math.log(2) / half)):exp())
end

--- The dataset with weights that give each class the same sum: rows of class k are multiplied by n
--- / (K n_k), the rows weighing what they weigh already. Labels must be whole numbers (or the
--- classes given); rows without a label get NaN.
---     local D = dataset.new(tensor.zeros { 4, 1 }, tensor.of { 0, 1, 1, 1 }):balance()
---     D.w:slice(1, 1, 1):sum(), D.w:slice(1, 2, 4):sum() --> 2.0, 2.0
---@return neap.dataset
function Dataset:balance()
  core.check("dataset:balance", self)
  if not self.y then opts.raise("dataset:balance: the dataset has no labels") end
  local known = self.y:eq(self.y)
  local present = self.y[known]
  local values, counts, place = present:unique { inverse = true }
  local whole = self.classes or (values:to("f64"):floor():eq(values)):all()
  if not whole or #values > 1000 then
    opts.raise("dataset:balance: the labels are %d different numbers, no classes", #values)
  end
  local sums = counts:to "f64"
  if self.w then
    local w = tensor.where(self.w:isnan(), 0, self.w)[known]
    sums = #values > 0 and place:bincount { n = #values, weights = w } or sums
  end
  local total = #values > 0 and sums:sum() or 0
  local factor = tensor.full { #self, value = 0 / 0 }
  if #present > 0 then factor[known] = (total / (sums * #values)):take(place) end
  return core.weighted(self, factor)
end

--- The dataset with each label weighted by its average uniqueness (`labels.uniqueness`): what tells
--- the same story as its neighbours counts less. The labels must say which bars they span, as the
--- frames of `labels.triple_barrier`, `meta` and `trend_scanning` do; only the rows that the
--- dataset has now are counted. Rows without a label get NaN.
---     local close = tensor.of { 1, 1, 1, 1, 1 }
---     local L = labels.triple_barrier(close, { profit = 1, stop = 1, lookforward = 2 })
---     local D = dataset.new(close:view(-1, 1), L):uniqueness()
---     D.w --> tensor<f64>[5] {0.75, 0.5, 0.75, nan, nan}
---@return neap.dataset
function Dataset:uniqueness()
  core.check("dataset:uniqueness", self)
  local first, last = self.label_first, self.label_last
  if not first then
    opts.raise("dataset:uniqueness: the labels do not say which bars they span; frames of "
      .. "labels.triple_barrier, meta and trend_scanning do")
  end
  if #self == 0 then return core.weighted(self, tensor.zeros { 0 }) end
  if not self.symbols then
    return core.weighted(self, c.uniqueness(first, last, math.max(0, (last:max()))))
  end
  local out = tensor.zeros { #self }
  for _, code in ipairs(self.symbols.codes:unique():totable()) do
    local rows = self.symbols.codes:eq(code):nonzero()
    local to = last:take(rows)
    out[rows] = c.uniqueness(first:take(rows), to, math.max(0, (to:max())))
  end
  return core.weighted(self, out)
end
