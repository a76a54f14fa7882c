--- Objectives and metrics of gbdt.fit: their names, and what an objective asks of the options.
local opts = require "neap.opts"

local objectives = {}

-- LightGBM's names first, then its aliases; `labels` says what is predicted.
local list = {
  { "regression", "l2", "regression_l2 l2 mse mean_squared_error l2_root rmse "
    .. "root_mean_squared_error" },
  { "regression_l1", "l1", "l1 mae mean_absolute_error" },
  { "huber", "huber" },
  { "fair", "fair" },
  { "quantile", "quantile" },
  { "expectile", "expectile" },
  { "mape", "mape", "mean_absolute_percentage_error" },
  { "poisson", "poisson" },
  { "gamma", "gamma" },
  { "tweedie", "tweedie" },
  { "cross_entropy", "cross_entropy", "xentropy", labels = "probability" },
  { "binary", "binary_logloss", labels = "binary" },
  { "focal", "focal", labels = "binary" },
  { "multiclass", "multi_logloss", "softmax", labels = "multiclass" },
  { "multiclassova", "multi_logloss", "multiclass_ova ova ovr", labels = "multiclass" },
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

local function sorted(names)
  local out = {}
  for name in pairs(names) do out[#out + 1] = name end
  table.sort(out)
  return out
end

-- What the metrics of an objective judge.
local function judged(o)
  return o.quantiles and "quantiles" or kind_of[o.objective]
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

--- Settle what complete options say of the objective: its full name, and `quantiles` for several
--- alphas.
---@param o table
---@param defaults table
function objectives.read(o, defaults)
  local name = full[o.objective]
  if not name then
    opts.unknown("gbdt.fit", "objective", tostring(o.objective), sorted(full))
  end
  o.objective = name
  read_alpha(o, defaults)
end

local function full_metric(names, name)
  if type(name) ~= "string" then
    opts.raise("gbdt.fit: metric must be a name or names, got %s", type(name))
  end
  if not names[name] then opts.unknown("gbdt.fit", "metric", name, sorted(names)) end
  return names[name]
end

--- The metrics to follow, the one that stops first.
---@param o table options after `read`
---@return string[]
function objectives.metrics(o)
  local names = known[judged(o)]
  local given = o.metric or {}
  if type(given) ~= "table" then given = { given } end
  local out, seen = {}, {}
  local function add(name)
    local metric = full_metric(names, name)
    if not seen[metric] then out[#out + 1], seen[metric] = metric, true end
  end
  if o.stop_on then add(o.stop_on) end
  for _, name in ipairs(given) do add(name) end
  if #out == 0 then add(usual[o.objective]) end
  return out
end

return objectives
