--- Options of gbdt.fit: LightGBM's names and aliases, checked.
local c = require "neap.c.tree"
local foreign = require "neap.gbdt.foreign"
local loop = require "neap.gbdt.loop"
local objectives = require "neap.gbdt.objectives"
local opts = require "neap.opts"

local params = {}

local none = opts.none

-- What the engine takes, with LightGBM's defaults: the rows of runtime/tree/options.def.
params.engine = c.options()
params.engine.objective = "regression"

-- What the loop around it takes.
params.around = {
  num_iterations = 100,
  num_class = none,
  metric = none,
  stop_on = none,
  first_metric_only = true,
  early_stopping_rounds = 0,
  early_stopping_min_delta = 0.0,
  valid = none,
  valid_names = none,
  max_memory = none,
  on_interrupt = "raise",
  weights = none,
  class_weight = none,
  init_score = none,
  group = none,
  query = none,
  label_gain = none,
  eval_at = none,
  feature_names = none,
  categorical_feature = none,
  monotone_constraints = none,
  interaction_constraints = none,
  feature_contri = none,
  init_model = none,
  is_provide_training_metric = none,
  progress = false,
  verbosity = none,
}

local aliases = {
  num_iterations = "num_iteration n_iter num_tree num_trees num_round num_rounds nrounds "
    .. "num_boost_round n_estimators max_iter iterations",
  learning_rate = "shrinkage_rate eta",
  num_leaves = "num_leaf max_leaves max_leaf max_leaf_nodes",
  min_data_in_leaf = "min_data_per_leaf min_data min_child_samples min_samples_leaf",
  min_sum_hessian_in_leaf = "min_sum_hessian_per_leaf min_sum_hessian min_hessian min_child_weight",
  bagging_fraction = "sub_row subsample bagging",
  bagging_freq = "subsample_freq",
  pos_bagging_fraction = "pos_sub_row pos_subsample pos_bagging",
  neg_bagging_fraction = "neg_sub_row neg_subsample neg_bagging",
  bagging_seed = "bagging_fraction_seed",
  boosting = "boosting_type boost",
  drop_rate = "rate_drop",
  feature_fraction = "sub_feature colsample_bytree",
  early_stopping_rounds = "early_stopping_round early_stopping n_iter_no_change",
  early_stopping_min_delta = "min_delta",
  lambda_l1 = "reg_alpha l1_regularization",
  lambda_l2 = "reg_lambda lambda l2_regularization l2_leaf_reg",
  min_gain_to_split = "min_split_gain",
  max_bin = "max_bins",
  monotone_constraints = "mc monotone_constraint monotonic_cst",
  monotone_constraints_method = "monotone_constraining_method mc_method",
  monotone_penalty = "monotone_splits_penalty ms_penalty mc_penalty",
  feature_contri = "feature_contrib fc fp feature_penalty",
  max_delta_step = "max_tree_output max_leaf_output",
  extra_trees = "extra_tree",
  linear_tree = "linear_trees",
  feature_fraction_bynode = "sub_feature_bynode colsample_bynode",
  categorical_feature = "cat_feature categorical_column cat_column categorical_features "
    .. "cat_features",
  objective = "objective_type app application loss",
  metric = "metrics metric_types eval_metric",
  seed = "random_seed random_state",
  is_unbalance = "unbalance unbalanced_sets",
  alpha = "tau",
  group = "group_sizes",
  query = "query_id group_id",
  eval_at = "ndcg_eval_at ndcg_at map_eval_at map_at",
  focal_gamma = "gamma",
  is_provide_training_metric = "training_metric is_training_metric train_metric",
  num_class = "num_classes",
  init_model = "model_in",
  valid = "valid_set valid_sets eval_set",
  valid_names = "eval_names",
  weights = "weight sample_weight",
  feature_names = "feature_name",
  verbosity = "verbose",
}

local full_name = {}
for name, list in pairs(aliases) do
  for alias in list:gmatch "%S+" do full_name[alias] = name end
end

-- Options under their full names. "auto" is what the Python packages call what the data knows.
local function expand(given)
  local o = opts.full_names("gbdt.fit", given, full_name, foreign.options)
  for _, name in ipairs { "categorical_feature", "feature_names" } do
    if o[name] == "auto" then o[name] = nil end
  end
  return o
end

local function whole(o, name, low)
  local v = o[name]
  if math.type(v) ~= "integer" and not (type(v) == "number" and v % 1 == 0) or v < low then
    opts.raise("gbdt.fit: %s is %s, allowed are integers from %d", name, tostring(v), low)
  end
  o[name] = math.tointeger(v)
end

local boostings = { gbrt = "gbdt", random_forest = "rf" }

-- LightGBM's other spellings of the kinds of boosting; "goss" was one of them once. And XGBoost's
-- of the order of growth.
local function read_boosting(o)
  if o.boosting == "goss" then o.boosting, o.data_sample_strategy = "gbdt", "goss" end
  o.boosting = boostings[o.boosting] or o.boosting
  if o.grow_policy == "lossguide" then o.grow_policy = "leafwise" end
end

local function check(o)
  whole(o, "num_iterations", 1)
  whole(o, "early_stopping_rounds", 0)
  whole(o, "seed", 0)
  local delta = o.early_stopping_min_delta
  if type(delta) ~= "number" or delta ~= delta or delta < 0 then
    opts.raise("gbdt.fit: early_stopping_min_delta is %s, allowed are numbers from 0",
      tostring(delta))
  end
  if o.early_stopping_rounds > 0 and not o.valid then
    opts.raise "gbdt.fit: early_stopping_rounds without valid = {x, y}: nothing to watch"
  end
  if o.on_interrupt ~= "raise" and o.on_interrupt ~= "return" then
    opts.unknown("gbdt.fit", "on_interrupt", tostring(o.on_interrupt), { "raise", "return" })
  end
  if type(o.first_metric_only) ~= "boolean" then
    opts.raise("gbdt.fit: first_metric_only must be true or false, got %s",
      type(o.first_metric_only))
  end
  if not o.first_metric_only and o.stop_on then
    opts.raise("gbdt.fit: stop_on = '%s' names one metric, first_metric_only = false watches all",
      o.stop_on)
  end
  if o.feature_names ~= nil and type(o.feature_names) ~= "table" then
    opts.raise("gbdt.fit: feature_names must be a table of names, got %s", type(o.feature_names))
  end
  if o.num_class and o.judged ~= "multiclass" then
    opts.raise("gbdt.fit: num_class is for objective 'multiclass', not '%s'", o.objective)
  end
end

--- The user's options complete, under full names. `metrics` is the list of metrics to follow.
---@param given table?
---@return table
function params.read(given)
  local defaults = {}
  for name, value in pairs(params.engine) do defaults[name] = value end
  for name, value in pairs(params.around) do defaults[name] = value end
  local o = opts.merge("gbdt.fit", defaults, expand(given))
  objectives.read(o, params.engine)
  read_boosting(o)
  loop.read_stop(o)
  check(o)
  o.metrics = objectives.metrics(o)
  if o.verbosity ~= nil then o.progress = o.progress or o.verbosity == true
    or (type(o.verbosity) == "number" and o.verbosity > 0) end
  if o.is_provide_training_metric == nil then o.is_provide_training_metric = o.valid ~= nil end
  return o
end

--- The engine's part of complete options.
---@param o table
---@return table
function params.for_engine(o)
  local out = {}
  for name in pairs(params.engine) do out[name] = o[name] end
  out.quantiles, out.link = o.quantiles, o.custom and o.custom.link
  return out
end

local function value_of(v, default)
  if type(default) == "boolean" then return v == true or v == 1 end
  if math.type(default) == "integer" then return math.tointeger(v) end
  return v
end

--- The engine's options of a model, fitted or loaded: what it says, else the defaults.
---@param p table? of the model
---@param objective string
---@return table
function params.of_model(p, objective)
  p = p or {}
  local out = { quantiles = p.quantiles }
  for name, default in pairs(params.engine) do
    local v = p[name]
    if v == nil then v = default else v = value_of(v, default) end
    out[name] = v == nil and default or v
  end
  if type(out.alpha) == "string" then
    local list = {}
    for number in out.alpha:gmatch "[^,]+" do list[#list + 1] = tonumber(number) end
    out.quantiles, out.alpha = list, params.engine.alpha
  end
  out.objective = objective
  return out
end

-- Text of one value in a model file.
local function value_text(v)
  if type(v) == "boolean" then return v and "1" or "0" end
  if type(v) == "table" then return table.concat(v, ",") end
  return tostring(v)
end

--- The "[name: value]" lines of a model file.
---@param o table
---@return string
function params.to_text(o)
  local lines = {}
  local function put(name, v) lines[#lines + 1] = ("[%s: %s]\n"):format(name, value_text(v)) end
  put("objective", o.objective)
  put("metric", table.concat(o.metrics, ","))
  put("num_iterations", o.num_iterations)
  for _, name in ipairs(opts.names(params.engine)) do
    if name ~= "objective" and name ~= "unseen" then -- the latter is a fact of neap's
      put(name, name == "alpha" and o.quantiles or o[name])
    end
  end
  for _, name in ipairs { "categorical_feature", "monotone_constraints", "feature_contri",
    "interaction_constraints" } do put(name, o[name] or "") end
  put("early_stopping_round", o.early_stopping_rounds)
  put("early_stopping_min_delta", o.early_stopping_min_delta)
  return table.concat(lines)
end

--- A table of the "[name: value]" lines of a model file; numbers where they are numbers.
---@param text string
---@return table
function params.from_text(text)
  local out = {}
  for name, value in text:gmatch "%[([%w_]+): ([^\n]*)%]" do
    out[full_name[name] or name] = tonumber(value) or value
  end
  return out
end

return params
