--- Objectives and metrics of gbdt.fit: their names, and what an objective asks of the options.
local custom = require "neap.gbdt.custom"
local opts = require "neap.opts"

local objectives = {}

-- LightGBM's names first, then its aliases; `labels` says what is predicted.
local list = {
  { "regression", "l2", "regression_l2 l2 mse mean_squared_error l2_root rmse "
    .. "root_mean_squared_error reg:squarederror squared_error" },
  { "regression_l1", "l1", "l1 mae mean_absolute_error reg:absoluteerror "
    .. "absolute_error" },
  { "huber", "huber" },
  { "fair", "fair" },
  { "quantile", "quantile" },
  { "expectile", "expectile" },
  { "mape", "mape", "mean_absolute_percentage_error" },
  { "poisson", "poisson", "count:poisson" },
  { "gamma", "gamma", "reg:gamma" },
  { "tweedie", "tweedie", "reg:tweedie" },
  { "cross_entropy", "cross_entropy", "xentropy", labels = "probability" },
  { "binary", "binary_logloss", "binary:logistic log_loss logloss logistic", labels = "binary" },
  { "focal", "focal", labels = "binary" },
  { "multiclass", "multi_logloss", "softmax multi:softprob multi:softmax", labels = "multiclass" },
  { "multiclassova", "multi_logloss", "multiclass_ova ova ovr", labels = "multiclass" },
  { "lambdarank", "ndcg", labels = "rank" },
}

-- Metrics by the labels they judge, with their aliases.
local judges = {
  value = {
    l2 = "mse mean_squared_error regression regression_l2",
    rmse = "root_mean_squared_error l2_root",
    l1 = "mae mean_absolute_error regression_l1", quantile = "", expectile = "",
    mape = "mean_absolute_percentage_error", huber = "", fair = "", poisson = "", gamma = "",
    gamma_deviance = "", tweedie = "",
  },
  probability = {
    cross_entropy = "xentropy", kullback_leibler = "kldiv", l1 = "mae mean_absolute_error",
    l2 = "mse mean_squared_error", rmse = "root_mean_squared_error l2_root",
  },
  binary = {
    binary_logloss = "binary log_loss logloss", binary_error = "", auc = "",
    average_precision = "", brier = "", focal = "", cross_entropy = "xentropy",
    kullback_leibler = "kldiv",
  },
  multiclass = {
    multi_logloss = "multiclass softmax multiclassova multiclass_ova ova ovr log_loss logloss",
    multi_error = "",
  },
  quantiles = { quantile = "" },
  rank = { ndcg = "lambdarank", map = "mean_average_precision" },
}

local full, usual, kind_of = {}, {}, {}
for _, row in ipairs(list) do
  local name = row[1]
  full[name], usual[name], kind_of[name] = name, row[2], row.labels or "value"
  for alias in (row[3] or ""):gmatch "%S+" do full[alias] = name end
end

local known = {}
for kind, names in pairs(judges) do
  known[kind] = {}
  for name, aliases in pairs(names) do
    known[kind][name] = name
    for alias in aliases:gmatch "%S+" do known[kind][alias] = name end
  end
end

-- Several alphas are several quantiles; a focal loss calls its own balance alpha.
local function read_alpha(o, defaults)
  if type(o.alpha) == "table" then
    if #o.alpha == 0 then opts.raise "gbdt.fit: alpha is an empty table" end
    if o.objective ~= "quantile" then
      opts.raise("gbdt.fit: several alphas need objective 'quantile', not '%s'", o.objective)
    end
    if #o.alpha == 1 then o.alpha = o.alpha[1]
    else o.quantiles, o.alpha = o.alpha, defaults.alpha end
  elseif o.objective == "focal" and o.alpha ~= defaults.alpha then
    o.focal_alpha, o.alpha = o.alpha, defaults.alpha
  end
end

--- Settle what complete options say of the objective: its full name, `quantiles` for several
--- alphas, `custom` for functions of the caller's; `judged`, what metrics look at, and `usual`, the
--- default one.
---@param o table
---@param defaults table
function objectives.read(o, defaults)
  o.judged, o.usual = custom.read(o)
  if o.custom then return end
  local name = full[o.objective]
  if not name then
    opts.unknown("gbdt.fit", "objective", tostring(o.objective), opts.names(full))
  end
  o.objective = name
  read_alpha(o, defaults)
  o.judged, o.usual = o.quantiles and "quantiles" or kind_of[name], usual[name]
end

-- Places of ndcg and map: those named behind an @, or all of `eval_at`.
local function places(o, name)
  local given = o.eval_at or { 1, 2, 3, 4, 5 }
  if type(given) == "number" then given = { given } end
  if type(given) ~= "table" or #given == 0 then
    opts.raise("gbdt.fit: eval_at must be one or more places, got %s", opts.kind(given))
  end
  local out = {}
  for i, place in ipairs(given) do
    out[i] = name .. "@" .. opts.integer("gbdt.fit", "eval_at", place, 1)
  end
  return out
end

local function full_metric(o, name)
  local names = known[o.judged]
  if o.judged == "rank" and type(name) == "string" then
    local base, place = name:match "^([%a_]+)@([1-9]%d*)$"
    if base and names[base] then return names[base] .. "@" .. place end
  end
  if custom.is_metric(name) then return custom.metric(o, name, names) end
  if type(name) ~= "string" then
    opts.raise("gbdt.fit: metric must be names or { name, function }, got %s", opts.kind(name))
  end
  if o.measures and o.measures[name] then return name end
  if not names[name] then
    local list_of = opts.names(names)
    for own in pairs(o.measures or {}) do list_of[#list_of + 1] = own end
    opts.unknown("gbdt.fit", "metric", name, list_of)
  end
  return names[name]
end

--- The metrics to follow, the one that stops first.
---@param o table options after `read`, or `objective`, `metric` and `quantiles` alone
---@return string[]
function objectives.metrics(o)
  if not o.judged then
    o.judged, o.usual = o.quantiles and "quantiles" or kind_of[o.objective], usual[o.objective]
  end
  if not o.judged then
    opts.raise("gbdt: objective '%s' is known by its functions alone", tostring(o.objective))
  end
  local given = o.metric or {}
  if type(given) ~= "table" or custom.is_metric(given) then given = { given } end
  local out, seen = {}, {}
  local function add(metric)
    if o.judged == "rank" and known.rank[metric] then
      for _, name in ipairs(places(o, metric)) do
        if not seen[name] then out[#out + 1], seen[name] = name, true end
      end
    elseif not seen[metric] then out[#out + 1], seen[metric] = metric, true end
  end
  local names = {}
  for i, entry in ipairs(given) do names[i] = full_metric(o, entry) end
  if o.stop_on then add(full_metric(o, o.stop_on)) end
  for _, name in ipairs(names) do add(name) end
  if #out == 0 then add(o.usual) end
  return out
end

return objectives
