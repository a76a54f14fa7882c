--- Metrics of classifiers and regressions. Truth comes before prediction: `(y, p)`.
---
--- `y` holds integer labels, N of them. `p` holds scores, N of them (the probability of the larger
--- of two classes) or N x K (one column a class, in rising order of the labels; N x 2 means its
--- second column), or, for accuracy and its kin, predicted labels. A NaN in either is an error
--- that names its row, unless `skip_nan = true` leaves such rows out. `weights` are per row.
--- `classes` names the labels when a part of the data may lack one.
local c = require "neap.c.eval"
local tensor = require "neap.tensor"
local opts = require "neap.opts"

local metrics = {}

-- Options of every metric, and more of one.
local function options(where, more, o)
  local defaults = { weights = opts.none, skip_nan = false, classes = opts.none }
  for name, default in pairs(more) do defaults[name] = default end
  return opts.merge(where, defaults, o)
end

local floats = { f64 = true, f32 = true }

-- Values of an option that may be a table or a tensor, as a tensor in rising order.
local function rising(where, values)
  if values == nil then return nil end
  if type(values) ~= "table" then values = values:totable() end
  values = table.move(values, 1, #values, 1, {})
  for _, v in ipairs(values) do
    if type(v) ~= "number" then
      opts.raise("%s: classes must be numbers, got %s", where, type(v))
    end
  end
  table.sort(values)
  return tensor.of(values)
end

local function sample(where, y, p, o, kind)
  return c.sample(where, y, p, o.weights, rising(where, o.classes), kind, o.skip_nan,
    o.threshold or 0.5)
end

local function scores(where, y, p, o) return sample(where, y, p, o, "scores") end

-- Predicted labels, or scores cut at the threshold: integers are labels, floats are looked at.
local function guesses(where, y, p, o)
  local is_labels = type(p) == "userdata" and not floats[p.dtype]
  return sample(where, y, p, o, is_labels and "labels" or "auto")
end

-- guessed classes ---------------------------------------------------------------------------------

--- Share of rows guessed right.
---
--- `p` may hold predicted labels or scores. Integer tensors are labels; numbers in a float tensor
--- are labels when all of them occur in `y`, else probabilities of the larger class, which is
--- guessed when its probability exceeds `threshold`. From N x K the most probable class is guessed.
---     metrics.accuracy(tensor.of { 0, 1, 1, 0 }, tensor.of { 0.2, 0.7, 0.4, 0.1 }) --> 0.75
---@param y neap.tensor labels, N
---@param p neap.tensor labels or probabilities, N or N x K
---@param o? { weights: neap.tensor, skip_nan: boolean, classes: integer[], threshold: number }
---@return number
function metrics.accuracy(y, p, o)
  o = options("metrics.accuracy", { threshold = 0.5 }, o)
  return (guesses("metrics.accuracy", y, p, o):hits())
end

--- Mean over the classes that occur in `y` of the share guessed right. Inputs as for `accuracy`.
---     metrics.balanced_accuracy(tensor.of { 0, 0, 0, 1 }, tensor.of { 0, 0, 0, 0 }) --> 0.5
---@param y neap.tensor
---@param p neap.tensor
---@param o? table options of `metrics.accuracy`
---@return number
function metrics.balanced_accuracy(y, p, o)
  o = options("metrics.balanced_accuracy", { threshold = 0.5 }, o)
  local _, balanced = guesses("metrics.balanced_accuracy", y, p, o):hits()
  return balanced
end

--- Matthews' correlation of truth and guess, for two or more classes (Gorodkin 2004); 0 when either
--- holds one class only. Inputs as for `accuracy`.
---     metrics.mcc(tensor.of { 0, 1, 1, 0 }, tensor.of { 0, 1, 1, 0 }) --> 1.0
---@param y neap.tensor
---@param p neap.tensor
---@param o? table options of `metrics.accuracy`
---@return number
function metrics.mcc(y, p, o)
  o = options("metrics.mcc", { threshold = 0.5 }, o)
  local _, _, mcc = guesses("metrics.mcc", y, p, o):hits()
  return mcc
end

local averaged = { threshold = 0.5, average = "auto", positive = opts.none }

local function prf(where, y, p, o)
  o = options(where, averaged, o)
  return guesses(where, y, p, o):prf(o.average, o.positive)
end

--- Share of the rows guessed positive that are positive; 0 when none was guessed.
---
--- `average` is "binary" (of the class `positive`, by default the larger of two), "macro" (even
--- mean over classes), "micro" (pooled), "weighted" (by share in `y`); by default binary for two
--- classes and macro for more. Other inputs as for `accuracy`.
---     metrics.precision(tensor.of { 0, 1, 1, 0 }, tensor.of { 1, 1, 1, 1 }) --> 0.5
---@param y neap.tensor
---@param p neap.tensor
---@param o? { average: string, positive: integer, threshold: number, weights: neap.tensor }
---@return number
function metrics.precision(y, p, o) return (prf("metrics.precision", y, p, o)) end

--- Share of the positive rows that were guessed so; 0 when there are none. Options as `precision`.
---     metrics.recall(tensor.of { 0, 1, 1, 0 }, tensor.of { 0, 1, 0, 0 }) --> 0.5
---@param y neap.tensor
---@param p neap.tensor
---@param o? table options of `metrics.precision`
---@return number
function metrics.recall(y, p, o)
  local _, recall = prf("metrics.recall", y, p, o)
  return recall
end

--- Harmonic mean of precision and recall, 0 when neither has a hit. Options as `precision`.
---     metrics.f1(tensor.of { 0, 1, 1, 0 }, tensor.of { 1, 1, 1, 1 }, { positive = 0 }) --> 0.0
---@param y neap.tensor
---@param p neap.tensor
---@param o? table options of `metrics.precision`
---@return number
function metrics.f1(y, p, o)
  local _, _, f1 = prf("metrics.f1", y, p, o)
  return f1
end

--- Counts of rows by truth (down) and guess (across), K x K, and the classes in that order.
--- With weights the counts are sums of weights (f64). Inputs as for `accuracy`.
---     metrics.confusion(tensor.of { 0, 1, 1 }, tensor.of { 0.2, 0.7, 0.4 }):get(2, 1) --> 1
---@param y neap.tensor
---@param p neap.tensor
---@param o? table options of `metrics.accuracy`
---@return neap.tensor counts
---@return neap.tensor classes
function metrics.confusion(y, p, o)
  o = options("metrics.confusion", { threshold = 0.5 }, o)
  local s = guesses("metrics.confusion", y, p, o)
  return s:confusion(), s:classes()
end

-- ranking -----------------------------------------------------------------------------------------

--- Area under the ROC curve: the share of (positive, negative) pairs ranked rightly, ties counting
--- half. Any scores will do. More than two classes: the even mean over one class against the rest.
--- NaN when `y` holds one class only.
---     metrics.auc(tensor.of { 0, 1, 0, 1 }, tensor.of { 0.1, 0.4, 0.35, 0.8 }) --> 1.0
---@param y neap.tensor labels, N
---@param p neap.tensor scores, N or N x K
---@param o? { weights: neap.tensor, skip_nan: boolean, classes: integer[] }
---@return number
function metrics.auc(y, p, o)
  o = options("metrics.auc", {}, o)
  return scores("metrics.auc", y, p, o):auc()
end

--- Precision averaged over the rise of recall, from the highest score down; ties as one step, no
--- interpolation. More than two classes as for `auc`. NaN without positives.
---     metrics.average_precision(tensor.of { 0, 0, 1, 1 }, tensor.of { 3, 2, 4, 1 }) --> 0.75
---@param y neap.tensor
---@param p neap.tensor
---@param o? table options of `metrics.auc`
---@return number
function metrics.average_precision(y, p, o)
  o = options("metrics.average_precision", {}, o)
  return scores("metrics.average_precision", y, p, o):average_precision()
end

local function curve(where, y, p, o)
  o = options(where, {}, o)
  return scores(where, y, p, o):curve()
end

--- Points of the ROC curve from (0, 0) to (1, 1), one a distinct score: a point counts the rows
--- with p >= threshold, the first threshold is infinite. Two classes; NaN rates of an absent one.
---     metrics.roc_curve(tensor.of { 0, 1, 1 }, tensor.of { 0.3, 0.2, 0.9 }).tpr[2] --> 0.5
---@param y neap.tensor
---@param p neap.tensor
---@param o? table options of `metrics.auc`
---@return { fpr: neap.tensor, tpr: neap.tensor, threshold: neap.tensor }
function metrics.roc_curve(y, p, o)
  local cut, tp, fp = curve("metrics.roc_curve", y, p, o)
  return { fpr = fp / fp[-1], tpr = tp / tp[-1], threshold = cut }
end

--- Points of precision against recall, from recall 0 (precision 1 by convention) upwards, one a
--- distinct score; a point counts the rows with p >= threshold. Two classes.
---     metrics.pr_curve(tensor.of { 0, 1, 1 }, tensor.of { 0.3, 0.2, 0.9 }).precision[3] --> 0.5
---@param y neap.tensor
---@param p neap.tensor
---@param o? table options of `metrics.auc`
---@return { precision: neap.tensor, recall: neap.tensor, threshold: neap.tensor }
function metrics.pr_curve(y, p, o)
  local cut, tp, fp = curve("metrics.pr_curve", y, p, o)
  local precision = tp / (tp + fp)
  precision:set(1, 1)
  return { precision = precision, recall = tp / tp[-1], threshold = cut }
end

--- The cut at which "larger class when p > cut" scores best, and that score.
---
--- All distinct cuts are tried, in O(n log n): each lies midway between two neighbouring scores
--- (the lowest just below the smallest score, the highest at the largest). Of equally good cuts the
--- highest is taken. `metric` is "f1", "accuracy", "balanced_accuracy", "mcc" or "youden".
---     metrics.best_threshold(tensor.of { 0, 1, 1 }, tensor.of { 0.25, 0.5, 0.75 }) --> 0.375, 1.0
---@param y neap.tensor
---@param p neap.tensor
---@param o? { metric: string, weights: neap.tensor, skip_nan: boolean, classes: integer[] }
---@return number cut
---@return number value
function metrics.best_threshold(y, p, o)
  o = options("metrics.best_threshold", { metric = "f1" }, o)
  return scores("metrics.best_threshold", y, p, o):best_cut(o.metric)
end

-- probabilities -----------------------------------------------------------------------------------

--- Mean of -log of the probability given to the truth, in nats. Probabilities are first clipped to
--- [eps, 1 - eps], eps = 1e-15 by default, so a certain error costs 34.5 and not infinity.
---     metrics.log_loss(tensor.of { 0, 1 }, tensor.of { 0.5, 0.5 }) --> 0.69314718055995
---@param y neap.tensor labels, N
---@param p neap.tensor probabilities, N or N x K
---@param o? { eps: number, weights: neap.tensor, skip_nan: boolean, classes: integer[] }
---@return number
function metrics.log_loss(y, p, o)
  o = options("metrics.log_loss", { eps = 1e-15 }, o)
  return scores("metrics.log_loss", y, p, o):log_loss(o.eps)
end

--- Mean squared distance of probability and outcome: (p - y)^2 for two classes (0 to 1), the sum
--- over classes for more (0 to 2; Brier 1950).
---     metrics.brier(tensor.of { 0, 1 }, tensor.of { 0.5, 0.5 }) --> 0.25
---@param y neap.tensor
---@param p neap.tensor
---@param o? { weights: neap.tensor, skip_nan: boolean, classes: integer[] }
---@return number
function metrics.brier(y, p, o)
  o = options("metrics.brier", {}, o)
  return scores("metrics.brier", y, p, o):brier()
end

local binned = { bins = 15, strategy = "width" }

local function reliability(where, y, p, o)
  o = options(where, binned, o)
  return scores(where, y, p, o):reliability(o.bins, o.strategy)
end

--- Expected calibration error: the mean over bins of |mean probability - share of positives|,
--- weighted by rows. Bins are closed above; 15 of equal width, or, with strategy "quantile", of
--- about equal count. More than two classes: the largest probability against the share of hits.
---     metrics.ece(tensor.of { 0, 1 }, tensor.of { 0.25, 0.75 }) --> 0.25
---@param y neap.tensor
---@param p neap.tensor
---@param o? { bins: integer, strategy: string, weights: neap.tensor, skip_nan: boolean }
---@return number
function metrics.ece(y, p, o) return (reliability("metrics.ece", y, p, o)) end

--- Maximum calibration error: the largest difference over the bins of `ece`.
---     metrics.mce(tensor.of { 0, 1 }, tensor.of { 0.25, 0.5 }) --> 0.5
---@param y neap.tensor
---@param p neap.tensor
---@param o? table options of `metrics.ece`
---@return number
function metrics.mce(y, p, o)
  local _, mce = reliability("metrics.mce", y, p, o)
  return mce
end

local Reliability = {}

-- A line for each bin that holds something.
function Reliability.__tostring(t)
  local lines = { "         bin    mean   share    count" }
  for i = 1, #t.low do
    if t.count[i] > 0 then
      lines[#lines + 1] = ("%.3f..%.3f  %.4f  %.4f  %7.6g"):format(t.low[i], t.high[i], t.mean[i],
        t.share[i], t.count[i])
    end
  end
  lines[#lines + 1] = ("ece %.4f, mce %.4f"):format(t.ece, t.mce)
  return table.concat(lines, "\n")
end

--- The reliability table behind `ece`, one element a bin: bounds `low` and `high`, mean probability
--- `mean`, share of positives `share`, summed weight `count`. An empty bin has NaN mean and share.
---     metrics.reliability(tensor.of { 0, 1 }, tensor.of { 0.2, 0.9 }, { bins = 2 }).ece --> 0.15
---@param y neap.tensor
---@param p neap.tensor
---@param o? table options of `metrics.ece`
---@return table of tensors, and the numbers `ece` and `mce`
function metrics.reliability(y, p, o)
  local ece, mce, low, high, mean, share, count = reliability("metrics.reliability", y, p, o)
  return setmetatable({ ece = ece, mce = mce, low = low, high = high, mean = mean, share = share,
    count = count }, Reliability)
end

-- regression --------------------------------------------------------------------------------------

local function regression(where, y, p, o)
  o = opts.merge(where, { weights = opts.none, skip_nan = false }, o)
  return c.regression(where, y, p, o.weights, o.skip_nan)
end

--- Mean squared error.
---     metrics.mse(tensor.of { 1, 2 }, tensor.of { 1, 4 }) --> 2.0
---@param y neap.tensor
---@param p neap.tensor
---@param o? { weights: neap.tensor, skip_nan: boolean }
---@return number
function metrics.mse(y, p, o) return (regression("metrics.mse", y, p, o)) end

--- Square root of the mean squared error, in the unit of y.
---     metrics.rmse(tensor.of { 1, 2 }, tensor.of { 3, 4 }) --> 2.0
---@param y neap.tensor
---@param p neap.tensor
---@param o? { weights: neap.tensor, skip_nan: boolean }
---@return number
function metrics.rmse(y, p, o) return math.sqrt((regression("metrics.rmse", y, p, o))) end

--- Mean absolute error.
---     metrics.mae(tensor.of { 1, 2 }, tensor.of { 1, 4 }) --> 1.0
---@param y neap.tensor
---@param p neap.tensor
---@param o? { weights: neap.tensor, skip_nan: boolean }
---@return number
function metrics.mae(y, p, o)
  local _, mae = regression("metrics.mae", y, p, o)
  return mae
end

--- Mean of |p - y| / |y|, a fraction. |y| counts as at least 2.2e-16, so a zero gives a huge value.
---     metrics.mape(tensor.of { 1, 2 }, tensor.of { 1, 3 }) --> 0.25
---@param y neap.tensor
---@param p neap.tensor
---@param o? { weights: neap.tensor, skip_nan: boolean }
---@return number
function metrics.mape(y, p, o)
  local _, _, mape = regression("metrics.mape", y, p, o)
  return mape
end

--- Share of the variance of y that p explains; negative when the mean of y does better. For a
--- constant y it is 1 when p is perfect, else 0.
---     metrics.r2(tensor.of { 1, 2, 3 }, tensor.of { 2, 2, 2 }) --> 0.0
---@param y neap.tensor
---@param p neap.tensor
---@param o? { weights: neap.tensor, skip_nan: boolean }
---@return number
function metrics.r2(y, p, o)
  local _, _, _, r2 = regression("metrics.r2", y, p, o)
  return r2
end

-- report ------------------------------------------------------------------------------------------

local Report = { __name = "neap.metrics.Report" }
Report.__index = Report

local lines = {
  "accuracy", "balanced_accuracy", "precision", "recall", "f1", "mcc",
  "auc", "average_precision", "log_loss", "brier", "ece",
}

local function confusion_text(r)
  local classes, rows = r.classes:totable(), r.confusion:totable()
  local cells = { ("%-18s"):format "truth \\ guess" }
  for _, class in ipairs(classes) do cells[#cells + 1] = ("%10d"):format(class) end
  local text = { table.concat(cells) }
  for i, class in ipairs(classes) do
    cells = { ("%-18d"):format(class) }
    for _, count in ipairs(rows[i]) do cells[#cells + 1] = ("%10.6g"):format(count) end
    text[#text + 1] = table.concat(cells)
  end
  return table.concat(text, "\n")
end

function Report.__tostring(r)
  local text = { ("%-18s%10d"):format("rows", r.rows) }
  for _, name in ipairs(lines) do
    if r[name] then text[#text + 1] = ("%-18s%10.4f"):format(name, r[name]) end
  end
  text[#text + 1] = confusion_text(r)
  if r.note then text[#text + 1] = r.note end
  return table.concat(text, "\n")
end

--- The usual metrics at once, as a table that prints well: rows, accuracy, balanced_accuracy,
--- precision, recall, f1, mcc, confusion, classes, and, unless p was read as labels (see
--- `accuracy`), auc, average_precision, log_loss, brier, ece. `note` says when y holds one class
--- only: auc is NaN.
---     metrics.report(tensor.of { 0, 1, 1 }, tensor.of { 0.2, 0.7, 0.4 }).recall --> 0.5
---@param y neap.tensor
---@param p neap.tensor labels or probabilities, N or N x K
---@param o? { threshold: number, average: string, positive: integer, bins: integer }
---@return table
function metrics.report(y, p, o)
  o = options("metrics.report",
    { threshold = 0.5, average = "auto", positive = opts.none, bins = 15 }, o)
  local s = guesses("metrics.report", y, p, o)
  local r = { rows = s:size(), classes = s:classes(), confusion = s:confusion() }
  r.accuracy, r.balanced_accuracy, r.mcc = s:hits()
  r.precision, r.recall, r.f1 = s:prf(o.average, o.positive)
  if s:has_scores() then
    r.auc, r.average_precision = s:auc(), s:average_precision()
    r.log_loss, r.brier = s:log_loss(1e-15), s:brier()
    r.ece = s:reliability(o.bins, "width")
  end
  if s:one_class() then r.note = "y holds one class only: auc has no value" end
  return setmetatable(r, Report)
end

return metrics
