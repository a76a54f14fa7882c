--- Gradient-boosted decision trees under LightGBM's names: fit, predict, and files of LightGBM and
--- XGBoost.
---
--- `x` is a tensor of N rows by F features, f64 or f32, with any strides. NaN is a missing value:
--- every split learns a side for it; infinities are ordinary values. A model has the same bits at
--- any number of threads.
local base = require "neap.c.base"
local c = require "neap.c.tree"
local categories = require "neap.gbdt.categories"
local class = require "neap.class"
local columns = require "neap.gbdt.columns"
local custom = require "neap.gbdt.custom"
local design = require "neap.design"
local estimator = require "neap.estimator"
local hash = require "neap.c.frame"
local loop = require "neap.gbdt.loop"
local memory = require "neap.gbdt.memory"
local opts = require "neap.opts"
local params = require "neap.gbdt.params"
local ranks = require "neap.gbdt.ranks"
local tensor = require "neap.tensor"
local wrap = require "neap.gbdt.wrap"
require "neap.gbdt.explain" -- into the class of neap.gbdt.model
require "neap.gbdt.files"
require "neap.gbdt.refit"
require "neap.gbdt.update" -- into the table of neap.gbdt.module

local gbdt = require "neap.gbdt.module"

---@class neap.gbdt.Model
local Model = require "neap.gbdt.model"

-- fitting ---------------------------------------------------------------------------------------

local function check_names(names)
  local at = {}
  for i, name in ipairs(names) do
    if at[name] then
      opts.raise("gbdt.fit: features %d and %d are both called '%s'", at[name], i, name)
    end
    at[name] = i
  end
end

-- Looks at the model before it has trees, so that nothing fails after training; whether it is of
-- classes.
local function check_empty(trainer, o, names, warnings)
  local core = trainer:finish(0)
  if names then core:set_feature_names(names) end
  if o.num_class and o.num_class ~= #core:classes() then
    opts.raise("gbdt.fit: num_class is %s, the labels have %d classes", tostring(o.num_class),
      #core:classes())
  end
  names = core:feature_names()
  check_names(names)
  for _, f in ipairs(core:unused_features()) do
    warnings[#warnings + 1] = ("feature '%s' is constant or has no values"):format(names[f])
  end
  return #core:classes() > 0
end

-- With warnings where labels are classes.
local function add_valid(trainer, set, names, text, warnings, marks)
  local where = "gbdt.fit: " .. set.name
  local x, y, weights, valid_names = design.pair(where, set.data, function(f)
    return categories.matrix(where, f, text)
  end)
  if names then design.same_names(where, valid_names, names) end
  trainer:add_valid(x, y, weights)
  if warnings and #y > 0 and not y:ne(y[1]):any() then
    warnings[#warnings + 1] = ("validation set '%s' holds labels of one class only"):format(
      set.name)
  end
  if marks then table.insert(marks, set.name .. " " .. c.fingerprint(x, y, weights)) end
end

-- A hash of all that the model comes from; marks are hashes of data.
local function fingerprint(o, kept, names, init, marks)
  local parts = { "neap gbdt", base.version, params.to_text(kept), o.stop_on or "",
    tostring(o.first_metric_only), init and (init.fingerprint or init:text()) or "" }
  table.move(marks, 1, #marks, #parts + 1, parts)
  table.move(names, 1, #names, #parts + 1, parts)
  return hash.fingerprint(parts)
end

--- Fit boosted trees: `gbdt.fit(x, y, options)`, or `gbdt.fit(D, options)` with a dataset, whose
--- names and weights are taken along (a table with `x`, `y` and perhaps `names` and `weights` will
--- do). Of a frame as `x` the columns of numbers and of text are the features, under their names.
--- Predictions then find the columns of frames by name, and refuse datasets that lack a feature or
--- have them in another order.
---
--- Options have LightGBM's names, aliases and defaults, and are known by the names of XGBoost and
--- scikit-learn too; docs/guide/gbdt-options.md says of each what it does. By subject:
--- - labels: `objective`, `num_class`, `weights`, `class_weight`, `scale_pos_weight`,
---   `is_unbalance`, `init_score`, `init_model`, `boost_from_average`;
--- - of single objectives: `alpha`, `fair_c`, `poisson_max_delta_step`, `tweedie_variance_power`,
---   `focal_alpha`, `focal_gamma`, `reg_sqrt`, `sigmoid`, `group`, `query`, `label_gain`,
---   `lambdarank_truncation_level`, `lambdarank_norm`;
--- - trees: `num_iterations`, `learning_rate`, `boosting`, `grow_policy`, `num_leaves`,
---   `max_depth`, `min_data_in_leaf`, `min_sum_hessian_in_leaf`, `min_gain_to_split`,
---   `lambda_l1`, `lambda_l2`, `max_delta_step`, `path_smooth`, `extra_trees`, `linear_tree`,
---   `linear_lambda`;
--- - features: `feature_names`, `feature_fraction`, `feature_fraction_bynode`, `max_bin`,
---   `min_data_in_bin`, `monotone_constraints`, `monotone_constraints_method`, `monotone_penalty`,
---   `interaction_constraints`, `feature_contri`;
--- - categories: `categorical_feature`, `max_cat_to_onehot`, `max_cat_threshold`,
---   `min_data_per_group`, `cat_smooth`, `cat_l2`, `unseen`, `cat_encoding`,
---   `cat_order`, `cat_prior_weight`, `cat_delay`;
--- - rows: `data_sample_strategy`, `bagging_fraction`, `bagging_freq`, `pos_bagging_fraction`,
---   `neg_bagging_fraction`, `top_rate`, `other_rate`, `drop_rate`, `skip_drop`, `max_drop`,
---   `uniform_drop`, `xgboost_dart_mode`; `use_quantized_grad`, `num_grad_quant_bins`,
---   `stochastic_rounding`, `quant_train_renew_leaf`;
--- - draws: `seed`, `bagging_seed`, `feature_fraction_seed`, `extra_seed`, `drop_seed`;
--- - watching: `valid`, `valid_names`, `metric`, `eval_at`, `is_provide_training_metric`,
---   `early_stopping_rounds`, `early_stopping_min_delta`, `stop_on`, `first_metric_only`,
---   `progress`, `verbosity`, `on_interrupt`, `max_memory`.
---
--- `y` is N labels: any integers for the objectives of classes, "binary", "focal", "multiclass",
--- "multiclassova"; numbers for "regression", "regression_l1", "huber", "fair", "quantile" (several
--- at once for a table of `alpha`), "expectile", "mape"; counts or sizes for "poisson", "tweedie",
--- "gamma"; probabilities for "cross_entropy"; grades from 0 for "lambdarank", whose rows belong to
--- queries: `group` has the number of rows of each in their order, or `query` an id for each row,
--- in `valid` too.
---
--- An `objective` may be a function of whole tensors, `grad(score, y, weights) -> g, h` with the
--- first and second derivative of each row's loss in its raw score (weights, nil where there are
--- none, multiplied in), or a table of it and more: `start` (a number, or a function of y and
--- weights, that scores begin with), `renew` (a share: leaves become that weighted quantile of y -
--- score; or a function of a leaf's score, y and weights that gives its value), `link` ("identity",
--- "sigmoid": y is 0 or 1, "exp", "softmax": y is 1 to K, score, g and h are N x K). It takes the
--- same path as one with a name; `gbdt.link` has the bits of those. A `metric` may be `{ name, fn,
--- larger = true }`, fn(y, prediction, weights) giving a number from labels as they were given and
--- values, probabilities of the second of two classes, or N x K.
---
--- Text columns of frames are categorical, by their texts; of tensors the columns that
--- `categorical_feature` names or counts, which hold codes: integers from 0 to 16777215, NaN and
--- negative ones missing, anything else refused (at prediction a code with a fraction loses it, one
--- beyond the range was not seen). Each of the `max_bin` most frequent codes with
--- `min_data_in_bin` rows has a bin, the others share one; missing codes learn their side.
---
--- `cat_encoding = "ordered"` (CatBoost's statistics; for two classes and numbers, one tree an
--- iteration) makes a categorical feature in training the number (sum of w y + c prior) / (sum of
--- w + c) over the earlier rows of its category, c = `cat_prior_weight`, prior = the mean label of
--- all earlier rows; no row sees its own label. Earlier is what stands above (`cat_order = "time"`)
--- or comes first in an order drawn from `seed` ("random"); in time, `cat_delay` rows just before a
--- row are left out, for labels that span bars. Predictions and validation sets use the statistic
--- over all training rows, so trees and files hold sets of codes as ever, and metrics on training
--- rows are honest but are not those of `m:predict` there. Where no code is missing, those that
--- training did not have go to the side of the prior. Not with `init_model`.
---
--- `valid` is {x, y} or a dataset, or several: an array (with `valid_names`, else valid1, valid2
--- ...) or a table by name; `history.sets[name][metric]` holds their curves. With
--- `early_stopping_rounds` training ends when the first metric on the first set, or what `stop_on`
--- names, has not improved by more than `early_stopping_min_delta` for so many iterations, and the
--- model is cut at the best one; several sets by name need `stop_on = "name.metric"`, since none of
--- them is the first. The model says in `stopped_on` what was watched.
---
--- Raises on lengths that differ, labels or weights that are NaN, one class only, leaves that are
--- not finite, and unknown or contradictory options; what training can live with stands in
--- `warnings`.
---     local x = tensor.of { { 1 }, { 2 }, { 3 }, { 4 } }
---     local y = tensor.of { 0, 0, 1, 1 }
---     local o = { objective = "binary", min_data_in_leaf = 1, min_data_in_bin = 1 }
---     local m = gbdt.fit(x, y, o)
---     m:predict(x):totable()[4] --> 1
---@param x neap.tensor|table
---@param y neap.tensor|table
---@param o? table
---@return neap.gbdt.Model
function gbdt.fit(x, y, o)
  local data = design.is_data(x)
  if data then o = y end
  o = params.read(o)
  local init = o.init_model
  if init ~= nil and not class.is(init, Model) then
    opts.raise("gbdt.fit: init_model must be a model, got %s", type(init))
  end
  local text = { unseen = o.unseen, known = init and init.levels }
  local function matrix(f) return categories.matrix("gbdt.fit", f, text) end
  local weights, names
  if data then x, y, weights, names = design.pair("gbdt.fit", x, matrix)
  else x, names = matrix(x) end
  if y ~= nil then opts.expect("gbdt.fit", "y", y, "tensor") end
  weights, names = o.weights or weights, o.feature_names or names
  weights = custom.class_weights(o, y, weights)
  local engine = params.for_engine(o)
  columns.resolve(o, engine, names, text.levels, x)
  memory.check(o, x, y, weights, engine.categorical_feature)
  local marks = { c.fingerprint(x, y, weights) }
  local trainer <close> = c.trainer(engine, x, y, weights, init and init.core)
  local warnings = {}
  local classes = check_empty(trainer, o, names, warnings)
  loop.check(o, warnings)
  for _, set in ipairs(o.sets) do
    add_valid(trainer, set, names, text, classes and warnings,
      o.early_stopping_rounds > 0 and marks or nil)
  end
  custom.init_scores(trainer, o)
  ranks.attach(trainer, o, marks)
  custom.attach(trainer, o)
  custom.marks(o, y, marks)
  local ran = loop.run(trainer, o, warnings)
  local core = trainer:finish(ran.keep)
  if names then core:set_feature_names(names) end
  if ran.stopped_on then core:set_fact("stopped_on", ran.stopped_on) end
  local kept = { metrics = o.metrics, num_iterations = o.num_iterations,
    early_stopping_rounds = o.early_stopping_rounds,
    early_stopping_min_delta = o.early_stopping_min_delta }
  for name, value in pairs(params.for_engine(o)) do kept[name] = value end
  categories.keep(core, text.levels, kept)
  columns.keep(engine, kept)
  marks[#marks + 1] = tostring(ran.keep)
  core:set_fact("fingerprint", fingerprint(o, kept, core:feature_names(), init, marks))
  return wrap(core, { history = ran.history, params = kept, warnings = warnings,
    best_score = ran.best_score })
end

--- What a link of objectives makes of raw scores, to the last bit: "sigmoid", "exp", or "softmax"
--- over the columns. NaN stays NaN.
---     gbdt.link(tensor.of { 0, 800 }, "sigmoid") --> tensor<f64>[2] {0.5, 1}
---@param score neap.tensor
---@param kind "sigmoid"|"exp"|"softmax"
---@return neap.tensor
function gbdt.link(score, kind) return c.link(score, kind) end

--- Read a model, plain or compressed: LightGBM's text (versions 2 to 4), or XGBoost's JSON (from
--- 1.3 on) when it begins with `{`. Categorical splits, zero as missing, linear leaves, random
--- forests, DART and foreign objectives are understood in prediction. Raw scores of LightGBM's
--- models are theirs to the last bit. XGBoost's are sums of floats and differ by their rounding;
--- features are compared as the nearest floats, as there, and the intercept is in the leaves of the
--- first iteration. Raises on damaged or contradictory files, with the line or the JSON path.
---     pcall(gbdt.load, "/nowhere/m.txt") --> false
---@param path string
---@return neap.gbdt.Model
function gbdt.load(path)
  local core = c.load(path)
  return wrap(core, { params = params.from_text(core:parameters()) })
end

--- A model from LightGBM's text or XGBoost's JSON, as `gbdt.load` reads them.
---     pcall(gbdt.parse, "tree") --> false
---@param text string
---@return neap.gbdt.Model
function gbdt.parse(text)
  local core = c.parse(text)
  return wrap(core, { params = params.from_text(core:parameters()) })
end

-- predicting ------------------------------------------------------------------------------------

local function predict(self, where, x, kind, o)
  o = opts.merge(where, { num_iteration = 0, start_iteration = 0, pred_early_stop = false,
    pred_early_stop_freq = 10, pred_early_stop_margin = 10 }, o)
  local rows = categories.inputs(self, where, x)
  local freq = opts.integer(where, "pred_early_stop_freq", o.pred_early_stop_freq, 1)
  local start = opts.integer(where, "start_iteration", o.start_iteration, 0)
  return self.core:predict(rows, kind, opts.integer(where, "num_iteration", o.num_iteration),
    start, o.pred_early_stop and freq or 0, o.pred_early_stop_margin)
end

--- Labels of the most probable classes (N, i64), or values on the scale of the labels (N; N x Q in
--- rising order for Q quantiles).
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local y = x[{ {}, 1 }]:gt(0):to "i64"
---     local m = gbdt.fit(x, y, { objective = "binary", num_iterations = 5 })
---     m:predict(x).dtype --> i64
---@param x neap.tensor|table N x F; a frame, whose columns are found by the model's names; or a
--- dataset, whose names must be the model's, in their order
---@param o? { num_iteration: integer, start_iteration: integer, pred_early_stop: boolean }
--- `num_iteration` (0: all) from `start_iteration` on, counted from 0 as in LightGBM;
--- `pred_early_stop` lets a row of a classifier be done when, looked at every
--- `pred_early_stop_freq` (10) iterations, its margin is above `pred_early_stop_margin` (10):
--- twice the distance of the score from 0, or the lead of the best class over the next
---@return neap.tensor
function Model:predict(x, o) return predict(self, "gbdt.predict", x, "value", o) end

--- Probabilities, N x K, columns in the order of `classes`; two columns for "binary".
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local y = x[{ {}, 1 }]:gt(0):to "i64"
---     local m = gbdt.fit(x, y, { objective = "binary", num_iterations = 5 })
---     (m:predict_proba(x):sum(2) - 1):abs():max() < 1e-12 --> true
---@param x neap.tensor|table
---@param o? table as for predict
---@return neap.tensor
function Model:predict_proba(x, o)
  return predict(self, "gbdt.predict_proba", x, "probability", o)
end

--- Raw scores, the sums of leaves: N, or N x K for several classes.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local y = x[{ {}, 1 }]:gt(0):to "i64"
---     local m = gbdt.fit(x, y, { objective = "binary", num_iterations = 5 })
---     m:predict_raw(x):gt(0):eq(m:predict(x):eq(1)):all() --> true
---@param x neap.tensor|table
---@param o? table as for predict
---@return neap.tensor
function Model:predict_raw(x, o) return predict(self, "gbdt.predict_raw", x, "raw", o) end

--- Numbers of the leaves reached, counted from 0 as in LightGBM: N x trees, i64.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     m:predict_leaf(x):size(2) --> 5
---@param x neap.tensor|table
---@param o? table as for predict
---@return neap.tensor
function Model:predict_leaf(x, o) return predict(self, "gbdt.predict_leaf", x, "leaf", o) end

local STAGED = { value = true, probability = true, raw = true }

--- How predictions grow: an iterator over the number of iterations and what they predict, after
--- every `every` of them and after the last. `kind` is "value" as from `predict`, "probability" or
--- "raw". Trees are visited once in all, and each tensor has the bits that `num_iteration` gives.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local y = x[{ {}, 1 }]:gt(0):to "i64"
---     local m = gbdt.fit(x, y, { objective = "binary", num_iterations = 5 })
---     local seen, last = {}, nil
---     for i, raw in m:staged_predict(x, { every = 2, kind = "raw" }) do
---       seen[#seen + 1], last = i, raw
---     end
---     table.concat(seen, ", ") --> 2, 4, 5
---     last:eq(m:predict_raw(x)):all() --> true
---@param x neap.tensor|table as for predict
---@param o? { every: integer, kind: "value"|"probability"|"raw" }
---@return fun(): integer?, neap.tensor?
function Model:staged_predict(x, o)
  o = opts.merge("gbdt.staged_predict", { every = 1, kind = "value" }, o)
  if not STAGED[o.kind] then
    opts.unknown("gbdt.staged_predict", "kind", o.kind, { "value", "probability", "raw" })
  end
  local every = opts.integer("gbdt.staged_predict", "every", o.every, 1)
  local rows = categories.inputs(self, "gbdt.staged_predict", x)
  local all, done = self.core:iterations(), 0
  opts.expect("gbdt.staged_predict", "x", rows, "tensor")
  local scores = tensor.zeros { rows:size(1), math.max(1, self.core:leaves() // math.max(1, all)) }
  return function()
    if done >= all then return nil end
    local p = self.core:predict(rows, o.kind, every, done, 0, 0, scores)
    done = math.min(done + every, all)
    return done, p
  end
end

--- One row as fast as it goes: the probability of the second class, the value of a regression, or
--- one probability per class. Nothing is allocated when `x` is a plain f64 tensor of F numbers.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     m:predict_row(x[1]) == m:predict(x)[1] --> true
---@param x neap.tensor F numbers
---@return number ...
function Model:predict_row(x)
  if self.unseen ~= "missing" then
    opts.expect("gbdt.predict_row", "x", x, "tensor")
    x = self.core:admit(x:reshape(1, x:numel()), self.unseen)[1]
  end
  return self.core:predict_row(x)
end

local Importance = {}

-- Names, values, and shares of their sum; beyond thirty features the rest is counted.
function Importance.__tostring(list)
  local total, widest, lines = 0, 0, {}
  local shown = math.min(#list, 30)
  for i, item in ipairs(list) do
    total = total + item.value
    if i <= shown then widest = math.max(widest, #item.name) end
  end
  for i = 1, shown do
    lines[i] = ("%-" .. widest .. "s  %12.6g  %6.2f %%"):format(list[i].name, list[i].value,
      total > 0 and 100 * list[i].value / total or 0)
  end
  if #list > shown then lines[#lines + 1] = ("... %d more"):format(#list - shown) end
  return table.concat(lines, "\n")
end

-- looking ---------------------------------------------------------------------------------------

--- How much each feature matters: an array of { name = , value = }, largest first, ties in the
--- order of the columns. "gain" sums the improvement of the loss over its splits, "split" counts.
--- Printed it is a table with each feature's share.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     m:importance()[1].name --> Column_0
---@param kind? "gain"|"split"
---@return { name: string, value: number }[]
function Model:importance(kind)
  if kind == nil then kind = "gain" end
  if kind ~= "gain" and kind ~= "split" then
    opts.unknown("gbdt.importance", "kind", kind, { "gain", "split" })
  end
  local out = estimator.ranked(self.feature_names, self.core:importance(kind))
  return setmetatable(out, Importance)
end

function Model:__tostring()
  local features = #self.feature_names
  return ("gbdt model (%s): %d iterations, %d trees, %d features%s%s"):format(self.objective,
    self.core:iterations(), self.core:leaves(), features,
    self.classes and (", %d classes"):format(#self.classes) or "",
    self.stopped_on and ", stopped on " .. self.stopped_on or "")
end

gbdt.Model = Model

return gbdt
