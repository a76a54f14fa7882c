--- Options of forest.fit: scikit-learn's names, with those of boosting for the same things.
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local params = {}

local none = opts.none

local defaults = {
  n_estimators = 100, criterion = "gini", max_depth = none, min_samples_split = 2,
  min_samples_leaf = 1, max_features = none, min_impurity_decrease = 0.0, bootstrap = true,
  max_samples = none, bootstrap_weights = none, block_length = 1, class_weight = none,
  weights = none, oob_score = false, max_bin = 255, seed = 0, progress = false,
  feature_names = none,
}

local full_name = {
  num_iterations = "n_estimators", num_trees = "n_estimators", n_iter = "n_estimators",
  min_data_in_leaf = "min_samples_leaf", sample_weight = "weights", random_state = "seed",
  verbose = "progress",
}

local foreign = {
  n_jobs = "forests have the same bits at any number of threads; the environment's NEAP_THREADS "
    .. "sets it",
  max_leaf_nodes = "max_depth and min_samples_leaf bound trees",
  ccp_alpha = "max_depth and min_samples_leaf bound trees",
  warm_start = "more trees need a fit of their own",
  monotonic_cst = "gbdt.fit has monotone_constraints",
}

local criteria = { gini = true, entropy = true, squared_error = true }

-- A number, or a share of n, or a name that rules tell.
local function number_of(name, value, n, rules)
  local rule = rules[value]
  if rule then return math.max(1, math.floor(rule(n))) end
  if math.type(value) == "integer" then
    if value < 1 or value > n then
      opts.raise("forest.fit: %s is %d, allowed are 1 to %d, or a share such as 0.5", name, value,
        n)
    end
    return value
  end
  if type(value) ~= "number" then
    local names = {}
    for rule_name in pairs(rules) do names[#names + 1] = ("'%s'"):format(rule_name) end
    table.sort(names)
    opts.raise("forest.fit: %s is %s, expected a number%s", name, tostring(value),
      #names > 0 and ", " .. table.concat(names, ", ") or "")
  end
  if not (value > 0 and value <= 1) then
    opts.raise("forest.fit: %s is %s, a share is above 0 and at most 1.0", name, tostring(value))
  end
  return value
end

local feature_rules = {
  sqrt = function(n) return math.sqrt(n) end,
  log2 = function(n) return math.log(n, 2) end,
}

local function max_features(o, columns)
  local value = o.max_features or (o.criterion == "squared_error" and 1.0 or "sqrt")
  value = number_of("max_features", value, columns, feature_rules)
  return math.type(value) == "integer" and value or math.max(1, math.floor(value * columns))
end

local function max_samples(o, rows)
  local value = number_of("max_samples", o.max_samples or 1.0, rows, {})
  return math.type(value) == "integer" and value or math.max(1, math.floor(value * rows + 0.5))
end

local function check(o)
  if not criteria[o.criterion] then
    opts.unknown("forest.fit", "criterion", tostring(o.criterion),
      { "entropy", "gini", "squared_error" })
  end
  if not o.bootstrap then
    for _, name in ipairs { "max_samples", "bootstrap_weights", "oob_score" } do
      if o[name] then opts.raise("forest.fit: %s needs bootstrap = true", name) end
    end
    if o.block_length ~= 1 then opts.raise "forest.fit: block_length needs bootstrap = true" end
    if o.class_weight == "balanced_subsample" then
      opts.raise "forest.fit: class_weight 'balanced_subsample' needs bootstrap = true"
    end
  end
  if o.class_weight and o.criterion == "squared_error" then
    opts.raise "forest.fit: class_weight with criterion 'squared_error': numbers have no classes"
  end
end

--- The user's options complete, under full names.
---@param given table?
---@return table
function params.read(given)
  local named = opts.full_names("forest.fit", given, full_name, foreign)
  local o = opts.merge("forest.fit", defaults, named)
  check(o)
  return o
end

-- Factors of the classes that occur: a table by label, or so that all weigh the same.
local function factors_of(o, classes, counts, rows)
  if o.class_weight == "balanced" then return rows / (counts * #classes) end
  if type(o.class_weight) ~= "table" then
    opts.raise("forest.fit: class_weight is %s, expected 'balanced', 'balanced_subsample' or a "
      .. "table by class", tostring(o.class_weight))
  end
  local values, known = {}, {}
  for i, label in ipairs(classes:totable()) do
    known[math.tointeger(label) or label] = true
    values[i] = o.class_weight[math.tointeger(label) or label] or 1
    if type(values[i]) ~= "number" then
      opts.raise("forest.fit: class_weight of class %s is %s, expected a number", tostring(label),
        tostring(values[i]))
    end
  end
  for label in pairs(o.class_weight) do
    if not known[label] then
      opts.raise("forest.fit: class_weight names class %s, which no label has", tostring(label))
    end
  end
  return tensor.of(values)
end

--- Row weights with those of the classes worked in; nil for all 1.
---@param o table
---@param y neap.tensor
---@param weights neap.tensor?
---@return neap.tensor?
function params.weights(o, y, weights)
  if not o.class_weight or o.class_weight == "balanced_subsample" then return weights end
  local classes, counts = y:unique()
  local factors = factors_of(o, classes, counts:to "f64", #y):to "f64"
  local each = factors:take(classes:searchsorted(y))
  return weights and each * weights or each
end

--- What the engine takes, for x of that many rows and columns.
---@param o table
---@param rows integer
---@param columns integer
---@return table
function params.for_engine(o, rows, columns)
  return {
    criterion = o.criterion, n_estimators = o.n_estimators, max_depth = o.max_depth or -1,
    min_samples_split = o.min_samples_split, min_samples_leaf = o.min_samples_leaf,
    max_features = max_features(o, columns), max_samples = max_samples(o, rows),
    block_length = o.block_length, max_bin = o.max_bin,
    min_impurity_decrease = o.min_impurity_decrease, bootstrap = o.bootstrap,
    balanced_subsample = o.class_weight == "balanced_subsample", oob_score = o.oob_score,
    seed = o.seed,
  }
end

return params
