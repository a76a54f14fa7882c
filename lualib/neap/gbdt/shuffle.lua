--- Importance by shuffling a feature; loaded by neap.gbdt.
local base = require "neap.c.base"
local categories = require "neap.gbdt.categories"
local design = require "neap.design"
local opts = require "neap.opts"
local progress = require "neap.progress"
local tensor = require "neap.tensor"
local words = require "neap.gbdt.words"

---@class neap.gbdt.Model
local Model = require "neap.gbdt.model"

local where = "gbdt.permutation_importance"

-- metrics -----------------------------------------------------------------------------------------

-- Metrics of neap.metrics: whether larger is better, and whether they judge labels.
local known = {
  accuracy = { true, true }, balanced_accuracy = { true, true }, mcc = { true, true },
  precision = { true, true }, recall = { true, true }, f1 = { true, true }, auc = { true, true },
  average_precision = { true, true }, log_loss = { false, true }, brier = { false, true },
  ece = { false, true }, mce = { false, true }, r2 = { true }, mse = { false }, rmse = { false },
  mae = { false }, mape = { false },
}

local function named(model, name)
  local metric = known[name]
  if not metric then
    local names = {}
    for key in next, known do names[#names + 1] = key end
    opts.unknown(where, "metric", name, names)
  end
  local metrics = require "neap.metrics"
  local function score(y, p, weights)
    return metrics[name](y, p, { weights = weights, classes = metric[2] and model.classes or nil })
  end
  return { name = name, larger = metric[1], score = score }
end

-- { name =, larger =, score = } from a name, a function, or { name, fn, larger = }.
local function metric_of(model, metric, larger)
  if metric == nil then metric = model.classes and "log_loss" or "rmse" end
  if type(metric) == "string" then return named(model, metric) end
  local name = "metric"
  if type(metric) == "table" and type(metric[2]) == "function" then
    if metric.larger ~= nil then larger = metric.larger end
    name, metric = tostring(metric[1]), metric[2]
  end
  if type(metric) ~= "function" then
    opts.raise("%s: metric must be a name, a function or { name, function }, got %s", where,
      opts.kind(metric))
  end
  return { name = name, larger = larger, score = metric }
end

-- What metrics judge: probabilities (of the second of two classes), or values.
local function judged(model, rows)
  if not model.classes then return model.core:predict(rows, "value", 0) end
  local p = model.core:predict(rows, "probability", 0)
  return #model.classes == 2 and p[{ {}, 2 }] or p
end

local function score_of(model, metric, rows, y, weights)
  local value = metric.score(y, judged(model, rows), weights)
  if type(value) ~= "number" or value ~= value then
    opts.raise("%s: metric '%s' gave %s, a number is expected", where, metric.name,
      type(value) == "number" and "NaN" or opts.kind(value))
  end
  return value
end

-- shuffling ---------------------------------------------------------------------------------------

-- Rows 1 to n in a new order in which blocks of consecutive rows stay whole.
local function order(n, block, rng)
  if block == 1 then return tensor.permutation(n, { rng = rng }) end
  local blocks = (n + block - 1) // block
  local start = (tensor.permutation(blocks, { rng = rng }) - 1) * block
  local at = (start:reshape(blocks, 1) + tensor.arange(1, block):to "i64"):reshape(-1)
  return at[at:le(n)]
end

local function spread(drops)
  local mean, sum = 0, 0
  for _, v in ipairs(drops) do mean = mean + v / #drops end
  for _, v in ipairs(drops) do sum = sum + (v - mean) ^ 2 end
  return mean, #drops > 1 and math.sqrt(sum / (#drops - 1)) or 0 / 0
end

-- table.sort would compare NaN; scores are numbers here.
local function by_value(a, b)
  if a.value ~= b.value then return a.value > b.value end
  return a.column < b.column
end

local Shuffled = { __name = "neap.gbdt.PermutationImportance" }
Shuffled.__index = Shuffled

-- Names, means and deviations; beyond thirty features the rest is counted.
function Shuffled.__tostring(list)
  local widest, shown = #"feature", math.min(#list, 30)
  for i = 1, shown do widest = math.max(widest, #list[i].name) end
  local lines = { ("%s is %.6g; worse by, when shuffled (%d times%s):"):format(list.metric,
    list.base, list.repeats, list.block > 1 and (", blocks of %d rows"):format(list.block) or "") }
  for i = 1, shown do
    lines[#lines + 1] = ("%-" .. widest .. "s  %12.6g  +- %.4g"):format(list[i].name,
      list[i].value, list[i].sd)
  end
  if #list > shown then lines[#lines + 1] = ("... %d more"):format(#list - shown) end
  return table.concat(lines, "\n")
end

local function input(model, x, y, o)
  local weights
  if design.is_data(x) then
    o = y
    x, y, weights = design.pair(where, x)
  end
  local rows = categories.inputs(model, where, x)
  if not words.is_tensor(rows) then rows = tensor.of(rows) end
  if type(y) == "table" then y = tensor.of(y) end
  if not words.is_tensor(y) then
    opts.raise("%s: y must be a tensor, got %s", where, opts.kind(y))
  end
  if #y ~= #rows then
    opts.raise("%s: y has %d elements, but x has %d rows", where, #y, #rows)
  end
  return rows, y, weights, o
end

-- drop(rows) with each feature shuffled, drops[f][k] for repeat k; one order per repeat.
local function shuffled(model, rows, repeats, block, rng, drop, show)
  local drops, used, mixed, done = {}, model.core:used_features(), rows:clone(), 0
  local line <close> = progress.start(where, repeats * #used, show)
  for f = 1, #used do drops[f] = {} end
  for k = 1, repeats do
    local at = order(#rows, block, rng:split("repeat/" .. k))
    for f, is_used in ipairs(used) do
      drops[f][k] = 0.0
      if is_used then
        local column = rows[{ {}, f }]
        mixed[{ {}, f }] = column[at]
        drops[f][k] = drop(mixed)
        mixed[{ {}, f }] = column
      end
      done = done + 1
      if line:step(done, "", { feature = model.feature_names[f] }) then
        opts.raise("%s: ended by the progress function", where)
      end
    end
  end
  return drops
end

--- How much worse the model judges rows when a feature's values are shuffled among them: an array
--- of { name, value (mean over the repeats), sd, drops }, largest first, with `metric`, `base` (the
--- metric as it is) and `repeats`; printed a table (Breiman 2001).
---
--- Take rows that training has not seen: on the training rows it measures what was learned by
--- heart. Features that say the same share their importance, since the other stands in; what
--- matters is the value against `sd`, and below zero is noise. In time series a shuffled row
--- stands beside the wrong regime; `block = n` moves runs of n consecutive rows, so that most
--- neighbours stay.
---
--- `metric` is a name of `neap.metrics` ("log_loss" for classes, else "rmse"), or `function(y, p,
--- weights)` that gets probabilities (N, or N x K for more than two classes) or values and is
--- better small, unless `larger = true`; also { name, fn, larger = true }. Features that no tree
--- asks for are not tried: their value is 0. The same seed gives the same bits.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     m:permutation_importance(x, x[{ {}, 1 }], { repeats = 3 })[1].name --> Column_0
---@param x neap.tensor|table rows held out; a dataset brings y and weights along
---@param y neap.tensor labels as for fit
---@param o? { metric: any, larger: boolean, repeats: integer, seed: integer, block: integer }
--- and weights, N
---@return { name: string, value: number, sd: number }[]
function Model:permutation_importance(x, y, o)
  local rows, labels, given, options = input(self, x, y, o)
  o = opts.merge(where, { metric = opts.none, larger = false, repeats = 5, seed = 0, block = 1,
    weights = opts.none, progress = false }, options)
  local repeats = opts.integer(where, "option 'repeats'", o.repeats, 1, 10000)
  local block = opts.integer(where, "option 'block'", o.block, 1)
  local metric, weights = metric_of(self, o.metric, o.larger), o.weights or given
  local best = score_of(self, metric, rows, labels, weights)
  local function drop(mixed)
    local score = score_of(self, metric, mixed, labels, weights)
    return metric.larger and best - score or score - best
  end
  local drops = shuffled(self, rows, repeats, block, base.rng(o.seed), drop, o.progress)
  local out = { metric = metric.name, base = best, repeats = repeats, block = block }
  for f, list in ipairs(drops) do
    local value, sd = spread(list)
    out[f] = { name = self.feature_names[f], value = value, sd = sd, drops = list, column = f }
  end
  table.sort(out, by_value)
  return setmetatable(out, Shuffled)
end
