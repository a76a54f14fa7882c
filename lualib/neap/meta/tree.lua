---@meta neap.c.tree
local c = {}

--- A finished model of boosted trees: immutable, shared freely.
---@class neap.gbdt
local gbdt = {}

--- Predictions of a kind: "value", "probability", "raw" or "leaf"; iterations 0 uses all.
---@param x neap.tensor N x F
---@param kind string
---@param iterations integer
---@return neap.tensor
---@param start? integer iterations left out at the beginning
---@param freq? integer iterations between two looks at the margin; 0: no early end
---@param margin? number
---@param scores? neap.tensor sums to go on from, which the new ones replace
function gbdt:predict(x, kind, iterations, start, freq, margin, scores) end

--- One row: probability of the second class, value, or one probability per class.
---@param x neap.tensor F numbers
---@return number ...
function gbdt:predict_row(x) end

--- Number of features.
---@return integer
function gbdt:features() end

--- Number of iterations.
---@return integer
function gbdt:iterations() end

--- Number of trees; with an argument, leaves of that tree.
---@param tree? integer
---@return integer
function gbdt:leaves(tree) end

--- Name of the objective.
---@return string
function gbdt:objective() end

--- Labels of the classes, empty for regressions.
---@return integer[]
function gbdt:classes() end

--- Names of the features.
---@return string[]
function gbdt:feature_names() end

--- Numbers of the columns that had nothing to split on in training.
---@return integer[]
function gbdt:unused_features() end

--- Name the features; only right after fitting.
---@param names string[]
function gbdt:set_feature_names(names) end

--- Numbers of the features that were categorical in training.
---@return integer[]
function gbdt:categorical() end

--- x with categories that the model has not seen replaced by a rare one ("other"), or refused
--- ("error").
---@param x neap.tensor N x F
---@param policy string
---@return neap.tensor
function gbdt:admit(x, policy) end

--- Levels of the text columns as JSON, "" for none.
---@return string
function gbdt:levels() end

--- Set the levels; only right after fitting.
---@param json string
function gbdt:set_levels(json) end

--- Importance of each feature in the order of the columns: "gain" or "split".
---@param kind string
---@return number[]
function gbdt:importance(kind) end

--- Shares of the features in each raw score: N x (F + 1) or N x K x (F + 1).
---@param x neap.tensor
---@param iterations integer
---@return neap.tensor
function gbdt:shap(x, iterations) end

--- Shares of pairs: N x (F + 1) x (F + 1) or N x K x (F + 1) x (F + 1).
---@param x neap.tensor
---@param iterations integer
---@return neap.tensor
function gbdt:shap_interactions(x, iterations) end

--- Nodes of the trees first to last, from 1, in the order of runtime/tree/outline.h: 11 x n whole
--- numbers and 4 x n real ones.
---@param first integer
---@param last integer
---@return neap.tensor whole
---@return neap.tensor real
function gbdt:nodes(first, last) end

--- Whether a split or a linear leaf asks for each feature.
---@return boolean[]
function gbdt:used_features() end

--- Codes of the categories that go left at a split, which counts from 0.
---@param tree integer
---@param split integer
---@return integer[]
function gbdt:categories(tree, split) end

--- The way of a row: splits, from 0, whether it goes left there, and its leaf, from 0.
---@param x neap.tensor
---@param tree integer
---@return integer[] splits
---@return boolean[] left
---@return integer leaf
function gbdt:path(x, tree) end

--- 2 x trees: what each tree gives a row, and its mean over the training rows.
---@param x neap.tensor
---@return neap.tensor
function gbdt:tree_values(x) end

--- The model as LightGBM text with these lines in its parameters section, or as XGBoost's JSON.
---@param parameters string
---@param json? boolean
---@return string
function gbdt:text(parameters, json) end

--- The model as a C source whose function `name` gives the raw scores of a row.
---@param name string an identifier
---@return string
function gbdt:to_c(name) end

--- Write the model as LightGBM text, whole or not at all.
---@param path string
---@param parameters string
---@param json? boolean
function gbdt:save(path, parameters, json) end

--- The parameters section of the file it was read from.
---@return string
function gbdt:parameters() end

--- What neap keeps of a model beside its format: the text under a name, nil where there is none.
---@param name string
---@return string?
function gbdt:fact(name) end

--- Keep one line of text under a name of letters, digits and `_`, in files of both formats; nil
--- removes it. Only right after fitting.
---@param name string
---@param text? string
function gbdt:set_fact(name, text) end

--- A fit in progress.
---@class neap.trainer
local trainer = {}

--- Follow a validation set.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
function trainer:add_valid(x, y, weights) end

--- One iteration; whether a split was found.
---@return boolean
function trainer:step() end

--- A metric of set 0 (training), 1, ... and whether larger is better.
---@param set integer
---@param name string
---@return number value
---@return boolean larger
function trainer:metric(set, name) end

--- Give the functions of a custom objective: `slopes(scores) -> g, h` on N or N x K, and `renew`, a
--- function of the column and the row numbers of a leaf, or the share of a quantile.
---@param functions { slopes: function, renew: function|number|nil }
function trainer:custom(functions) end

--- Start from these scores, one per column; only of a custom objective, before the first step.
---@param scores neap.tensor
function trainer:start(scores) end

--- Add to the scores of a set, N or N x K, what no tree shall learn.
---@param set integer
---@param scores neap.tensor
function trainer:init_score(set, scores) end

--- The rows of a set are those of queries of these sizes; gains by grade.
---@param set integer
---@param sizes neap.tensor
---@param gains? neap.tensor
function trainer:queries(set, sizes, gains) end

--- Labels of a set as they were given, or class numbers from 0.
---@param set integer
---@param numbers? boolean
---@return neap.tensor
function trainer:labels(set, numbers) end

--- Weights of a set, nil where none were given.
---@param set integer
---@return neap.tensor?
function trainer:weights(set) end

--- Predictions on a set as they stand: N, or N x K where there are several columns.
---@param set integer
---@return neap.tensor
function trainer:predictions(set) end

--- Iterations so far, those of the model continued included.
---@return integer
function trainer:iterations() end

--- The model of the first iterations.
---@param iterations integer
---@return neap.gbdt
function trainer:finish(iterations) end

--- Start a fit with complete options.
---@param options table
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param init? neap.gbdt
---@return neap.trainer
function c.trainer(options, x, y, weights, init) end

--- A model with its leaves set anew on other rows.
---@param options table
---@param x neap.tensor
---@param y neap.tensor
---@param weights neap.tensor?
---@param model neap.gbdt
---@param decay number
---@return neap.gbdt
function c.refit(options, x, y, weights, model, decay) end

--- A hash of data: their bits, dtype and sizes, whatever the strides.
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@return string
function c.fingerprint(x, y, weights) end

--- Raw scores as "sigmoid", "exp" or "softmax" gives them, a fresh tensor.
---@param scores neap.tensor
---@param link string
---@return neap.tensor
function c.link(scores, link) end

--- Bytes that a fit takes by part, from its sizes.
---@param options table
---@param shape table
---@return table<string, integer>
function c.memory(options, shape) end

--- Names and defaults of the scalar options, a fresh table.
---@return table<string, integer|number|boolean|string>
function c.options() end

--- A model from LightGBM's text or XGBoost's JSON.
---@param text string
---@return neap.gbdt
function c.parse(text) end

--- A model from a file of LightGBM's text or XGBoost's JSON.
---@param path string
---@return neap.gbdt
function c.load(path) end

return c
