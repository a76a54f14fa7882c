--- Random forests: many trees, each grown on its own draw of rows, with the best cut among a few
--- features drawn in every node; what they say is averaged.
---
--- `x` is a tensor of N rows by F features, f64 or f32, with any strides. Features are cut into at
--- most 255 bins. NaN is a missing value: a cut learns the side for it, or sends it where most of
--- the weight went when none was missing there; infinities are ordinary values. A forest has the
--- same bits at any number of threads.
local c = require "neap.c.forest"
local class = require "neap.class"
local design = require "neap.design"
local estimator = require "neap.estimator"
local metrics = require "neap.metrics"
local opts = require "neap.opts"
local params = require "neap.forest.params"
local progress = require "neap.progress"
local tensor = require "neap.tensor"

local forest = {}

---@class neap.forest.Model
---@field criterion string
---@field classes integer[]? labels in the order of predict_proba; nil for regressions
---@field feature_names string[]
---@field n_estimators integer
---@field oob_score number? accuracy, or R squared, of rows by the trees that have not seen them
---@field oob_prediction neap.tensor? N x K shares, or N values, by those trees; NaN where all have
---@field params table the options in force
local Model = class "neap.forest.Model"

class.strict(Model, "forest", { "core", "criterion", "classes", "feature_names", "n_estimators",
  "oob_score", "oob_prediction", "params" },
  { feature_importances_ = "m:importance()", classes_ = "m.classes",
    n_features_in_ = "#m.feature_names", feature_names_in_ = "m.feature_names",
    oob_score_ = "m.oob_score", oob_decision_function_ = "m.oob_prediction",
    oob_prediction_ = "m.oob_prediction", get_params = "m.params",
    score = "metrics.report(y, m:predict_proba(x))", fit = "forest.fit(x, y, options)" })

local function wrap(core, fields)
  local m = Model()
  m.core = core
  local columns, trees = core:sizes()
  local classes = core:classes()
  m.classes = #classes > 0 and classes or nil
  m.criterion, m.n_estimators, m.params = fields.criterion, trees, fields.params
  m.feature_names = fields.names or estimator.column_names(columns)
  return m
end

-- fitting ---------------------------------------------------------------------------------------

-- Trees grow together; only who watches sees them in portions.
local function grow(forester, o)
  if not o.progress then forester:grow(o.n_estimators) return end
  local line <close> = progress.start("forest.fit", o.n_estimators, o.progress)
  local portion = math.max(1, o.n_estimators // 50)
  repeat
    local done = forester:grow(portion)
  until line:step(done, "", { trees = done }) or done == o.n_estimators
end

local function judge(m, p, y)
  m.oob_prediction = p
  local known = p:dim() == 2 and p[{ {}, 1 }] or p
  local seen = known:eq(known)
  if not seen:any() then return end
  if not m.classes then
    m.oob_score = metrics.r2(y:to "f64"[seen], p[seen])
    return
  end
  local labels = tensor.of(m.classes):take(p[seen]:argmax(2))
  m.oob_score = labels:eq(y[seen]):to "f64":mean()
end

--- Fit a forest: `forest.fit(x, y, options)`, or `forest.fit(D, options)` with a dataset, whose
--- names and weights are taken along. Of a frame as `x` the columns of numbers are the features,
--- under their names; predictions then find the columns of frames by name.
---
--- `criterion` says what is fitted: "gini" or "entropy" for labels, any integers, "squared_error"
--- for numbers. Options have scikit-learn's names and defaults: `n_estimators` (100; also
--- `num_iterations`), `max_depth`, `min_samples_split`, `min_samples_leaf` (rows, however often
--- they were drawn), `max_features` of a node ("sqrt", the default for classes, "log2", a number,
--- or a share such as 0.5; 1.0, all, for numbers), `min_impurity_decrease`, `bootstrap`,
--- `max_samples` (rows drawn for a tree, a number or a share), `class_weight` ("balanced",
--- "balanced_subsample", or a table by class), `oob_score`, `seed`. More: `weights` (N, not
--- negative), `max_bin`, `feature_names`, `progress`.
---
--- Labels of neighbouring bars overlap: what a row tells is told by its neighbours too, the trees
--- are more alike than their number suggests, and the out-of-bag score flatters. `max_samples =
--- labels.uniqueness(L):mean { skip_nan = true }` draws as many rows as there are independent
--- ones; `bootstrap_weights = u` draws rows by their uniqueness; `block_length = 20` draws blocks
--- of consecutive rows, which makes the score honest (Lopez de Prado 2018, chapters 4 and 6).
---
--- Raises on lengths that differ, labels or weights that are NaN, one class only, and unknown or
--- contradictory options.
---     local x = tensor.of { { 1 }, { 2 }, { 3 }, { 4 } }
---     local m = forest.fit(x, tensor.of { 0, 0, 1, 1 }, { seed = 7 })
---     m:predict(x):totable()[4] --> 1
---@param x neap.tensor|table
---@param y neap.tensor|table
---@param o? table
---@return neap.forest.Model
function forest.fit(x, y, o)
  local weights, names
  if design.is_data(x) then
    o = y
    x, y, weights, names = design.pair("forest.fit", x)
  else
    x, names = design.matrix(x)
  end
  o = params.read(o)
  names = o.feature_names or names
  estimator.check_matrix("forest.fit", x, names)
  if type(y) == "table" then y = tensor.of(y) end
  opts.expect("forest.fit", "y", y, "tensor")
  local engine = params.for_engine(o, x:size(1), x:size(2))
  local all = params.weights(o, y, o.weights or weights)
  local forester <close> = c.forester(engine, x, y, all, o.bootstrap_weights)
  grow(forester, o)
  local oob = o.oob_score and forester:oob()
  local m = wrap(forester:finish(), { criterion = o.criterion, params = engine, names = names })
  if oob then judge(m, oob, y) end
  return m
end

-- predicting ------------------------------------------------------------------------------------

local function predict(self, where, x, kind)
  return self.core:predict(design.inputs(where, x, self.feature_names), kind)
end

--- Labels of the largest probabilities (N, i64), or the mean values of a regression (N).
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = forest.fit(x, x[{ {}, 1 }]:gt(0), { n_estimators = 5 })
---     m:predict(x).dtype --> i64
---@param x neap.tensor|table N x F; a frame, whose columns are found by the model's names; or a
--- dataset, whose names must be the model's, in their order
---@return neap.tensor
function Model:predict(x) return predict(self, "forest.predict", x, "value") end

--- Probabilities, N x K, columns in the order of `classes`: the mean over the trees of the shares
--- of the classes in the leaf.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = forest.fit(x, x[{ {}, 1 }]:gt(0), { n_estimators = 5 })
---     (m:predict_proba(x):sum(2) - 1):abs():max() < 1e-12 --> true
---@param x neap.tensor|table
---@return neap.tensor
function Model:predict_proba(x) return predict(self, "forest.predict_proba", x, "probability") end

--- Numbers of the leaves reached, counted from 0 in every tree: N x trees, i64.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = forest.fit(x, x[{ {}, 1 }], { criterion = "squared_error", n_estimators = 5 })
---     m:predict_leaf(x):size(2) --> 5
---@param x neap.tensor|table
---@return neap.tensor
function Model:predict_leaf(x) return predict(self, "forest.predict_leaf", x, "leaf") end

--- How near rows are in the eyes of the forest: N x M, the share of trees in which row i of `x` and
--- row j of `x2` (without it: of `x`) reach the same leaf (Breiman's proximity).
---     local x = tensor.randn { 30, 2, seed = 1 }
---     local m = forest.fit(x, x[{ {}, 1 }]:gt(0), { n_estimators = 5 })
---     m:proximity(x)[{ 3, 3 }] --> 1.0
---@param x neap.tensor|table
---@param x2? neap.tensor|table
---@return neap.tensor
function Model:proximity(x, x2)
  local a = design.inputs("forest.proximity", x, self.feature_names)
  local b = x2 == nil and a or design.inputs("forest.proximity", x2, self.feature_names)
  return self.core:proximity(a, b)
end

-- looking ---------------------------------------------------------------------------------------

--- How much each feature matters: an array of { name = , value = }, largest first, ties in the
--- order of the columns. The value is the mean decrease in impurity: a tree's decreases by feature
--- as shares of their sum, averaged over the trees. It favours features of many different values.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = forest.fit(x, x[{ {}, 1 }]:gt(0), { n_estimators = 20 })
---     m:importance()[1].name --> Column_0
---@param kind? "gain"
---@return { name: string, value: number }[]
function Model:importance(kind)
  if kind ~= nil and kind ~= "gain" then
    opts.unknown("forest.importance", "kind", tostring(kind), { "gain" })
  end
  return estimator.ranked(self.feature_names, self.core:importance())
end

function Model:__tostring()
  local columns, trees, leaves = self.core:sizes()
  return ("forest (%s): %d trees, %d leaves, %d features%s"):format(self.criterion, trees, leaves,
    columns, self.classes and (", %d classes"):format(#self.classes) or "")
end

-- files -----------------------------------------------------------------------------------------

local format = "neap forest 1"

--- Write the model to a `.safetensors` file, whole or not at all. It holds arrays that any reader
--- of safetensors understands: `tree_nodes` (nodes of each tree), and for every node `feature` (its
--- column from 0, -1 at leaves), `threshold` (a value not above it goes left), `missing_left` (NaN
--- goes left), `left` (number of the left child within the tree, the right one follows; at leaves
--- the number of the leaf); for every leaf `leaf_class` (the place of its only class among
--- `labels`, or -1: then the next row of `value` holds its shares, or its value); `importance`.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = forest.fit(x, x[{ {}, 1 }]:gt(0), { n_estimators = 5 })
---     local path = os.tmpname() .. ".safetensors"
---     m:save(path)
---     forest.load(path):predict(x):eq(m:predict(x)):all() --> true
---     os.remove(path)
---@param path string
function Model:save(path)
  estimator.check_path("forest.save", path)
  estimator.save(path, self.core:arrays(), { format = format, criterion = self.criterion },
    self.feature_names)
end

--- Read a model that `save` wrote. Raises on damaged or contradictory files.
---     pcall(forest.load, "/nowhere/m.safetensors") --> false
---@param path string
---@return neap.forest.Model
function forest.load(path)
  local arrays, texts = estimator.load("forest.load", path, format, "forest")
  local core = c.read(arrays)
  local names = estimator.names_in("forest.load", path, texts, (core:sizes()))
  local criterion, classes = texts.criterion, #core:classes()
  if not criterion or (criterion == "squared_error") ~= (classes == 0) then
    opts.raise("forest.load: '%s': criterion '%s' for %d classes", path, tostring(criterion),
      classes)
  end
  return wrap(core, { criterion = criterion, names = names })
end

forest.Model = Model

return forest
