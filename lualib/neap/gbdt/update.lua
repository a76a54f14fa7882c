--- A model kept fresh: trees added every night, leaves set anew every week, a new fit every month;
--- loaded by neap.gbdt.
local c = require "neap.c.tree"
local categories = require "neap.gbdt.categories"
local class = require "neap.class"
local columns = require "neap.gbdt.columns"
local datasets = require "neap.dataset.core"
local dataset = require "neap.dataset"
local design = require "neap.design"
local objectives = require "neap.gbdt.objectives"
local opts = require "neap.opts"
local params = require "neap.gbdt.params"
local split = require "neap.split"
local tensor = require "neap.tensor"

local Model = require "neap.gbdt.model"
local gbdt = require "neap.gbdt.module"

-- options ---------------------------------------------------------------------------------------

local defaults = {
  cadence = opts.required, num_iterations = opts.none, learning_rate = opts.none, decay_rate = 0.9,
  holdout = 0.2, purge = opts.none, metric = opts.none, keep = opts.none, use_tail = true,
  hard_share = 0.0, hard_weight = 2.0, options = opts.none,
}

local cadences = { nightly = { keep = "new" }, weekly = { keep = "new" },
  monthly = { keep = "better" } }

local function in_range(o, name, low, high)
  local v = o[name]
  if type(v) ~= "number" or not (v >= low and v <= high) then
    opts.raise("gbdt.update: %s is %s, allowed are numbers from %g to %g", name, tostring(v), low,
      high)
  end
end

local function read(o)
  o = opts.merge("gbdt.update", defaults, o)
  local cadence = cadences[o.cadence]
  if not cadence then
    opts.unknown("gbdt.update", "cadence", tostring(o.cadence), { "nightly", "weekly", "monthly" })
  end
  o.keep = o.keep or cadence.keep
  if o.keep ~= "new" and o.keep ~= "better" then
    opts.unknown("gbdt.update", "keep", tostring(o.keep), { "new", "better" })
  end
  in_range(o, "decay_rate", 0, 1)
  in_range(o, "holdout", 0, 0.9)
  in_range(o, "hard_share", 0, 1)
  in_range(o, "hard_weight", 0, 1e9)
  if o.keep == "better" and o.holdout == 0 then
    opts.raise "gbdt.update: keep = 'better' with holdout = 0: nothing to judge on"
  end
  return o
end

-- The options of gbdt.fit that a model was made with.
local function options_of(model, more)
  local engine, out = params.of_model(model.params, model.objective), {}
  for name, value in pairs(engine) do out[name] = value end
  out.alpha, out.quantiles = engine.quantiles or engine.alpha, nil
  for name, value in pairs(columns.options(model.params)) do out[name] = value end
  local categorical = model.core:categorical()
  if #categorical > 0 then out.categorical_feature = categorical end
  for name, value in pairs(more or {}) do out[name] = value end
  return out
end

-- data ------------------------------------------------------------------------------------------

local function as_dataset(model, D)
  if dataset.is(D) then
    if not D.y then opts.raise "gbdt.update: the dataset has no labels" end
    design.same_names("gbdt.update", D.names, model.feature_names, categories.spelling)
    return D
  end
  if not design.is_data(D) then
    opts.raise("gbdt.update: a dataset, or a table with x and y, is expected, got %s",
      opts.kind(D))
  end
  local x, y, weights, names = design.pair("gbdt.update", D)
  return dataset.new(x, y, { features = names or model.feature_names, weights = weights,
    dtype = x.dtype })
end

-- How badly each row is predicted, on a scale that orders as the loss does.
local function losses(model, D)
  if not model.classes then return (D.y - model:predict(D)):abs() end
  local p, loss = model:predict_proba(D), tensor.zeros { #D }
  for k, label in ipairs(model.classes) do
    loss = tensor.where(D.y:eq(label), 1 - p[{ {}, k }], loss)
  end
  return loss
end

-- The rows with the largest losses weigh more.
local function with_hard(model, D, o)
  local n = math.floor(o.hard_share * #D)
  if n == 0 then return D end
  local factor = tensor.ones { #D }
  local _, rows = losses(model, D):topk(n)
  factor[rows] = o.hard_weight
  return datasets.weighted(D, factor)
end

-- steps -----------------------------------------------------------------------------------------

local function add_trees(model, D, o, n)
  return gbdt.fit(D, options_of(model, { init_model = model, num_iterations = n,
    learning_rate = o.learning_rate, feature_names = model.feature_names }))
end

local make = {}

function make.nightly(model, D, o)
  local n = o.num_iterations or 10
  local made = add_trees(model, with_hard(model, D, o), o, n)
  return made, { ("added %d iterations on %d rows"):format(
    made.best_iteration - model.best_iteration, #D) }
end

function make.weekly(model, D, o)
  local rows, n = with_hard(model, D, o), o.num_iterations or 10
  local fresh = model:refit(rows, { decay_rate = o.decay_rate })
  local made = add_trees(fresh, rows, o, n)
  return made, { ("set the leaves of %d iterations anew on %d rows, decay rate %g"):format(
    model.best_iteration, #D, o.decay_rate),
    ("added %d iterations"):format(made.best_iteration - model.best_iteration) }
end

function make.monthly(model, D, o)
  local more = { num_iterations = o.num_iterations or model.best_iteration,
    learning_rate = o.learning_rate, feature_names = model.feature_names }
  for name, value in pairs(o.options or {}) do more[name] = value end
  local made = gbdt.fit(with_hard(model, D, o), options_of(model, more))
  return made, { ("fitted %d iterations on %d rows"):format(made.best_iteration, #D) }
end

-- judging ---------------------------------------------------------------------------------------

-- A metric of gbdt.fit for a finished model: where training that continues it would begin.
local function score(model, D, metric)
  local engine = params.of_model(model.params, model.objective)
  local trainer <close> = c.trainer(engine, D.x, D.y, D.w, model.core)
  return trainer:metric(0, metric)
end

local Report = {}

local function line(name, before, after)
  local function text(v) return v and ("%.6g"):format(v) or "-" end
  return ("  %-18s %12s %12s"):format(name, text(before), text(after))
end

function Report.__tostring(r)
  local lines = { ("%s update: %s"):format(r.cadence, table.concat(r.steps, "; ")) }
  if r.metric then
    lines[2] = ("  %-18s %12s %12s"):format(("on %d rows"):format(r.rows.held_out), "old", "new")
    lines[3] = line(r.metric, r.before, r.after)
  end
  lines[#lines + 1] = ("  kept: %s%s"):format(r.kept, r.rows.purged > 0
    and (" (%d rows left out of training, whose labels were known too late)"):format(r.rows.purged)
    or "")
  return table.concat(lines, "\n")
end

local function judge(model, D, o, report)
  local parts = split.time(D, { 1 - o.holdout, o.holdout }, { purge = o.purge })
  local head, tail = parts[1], parts[2]
  local made, steps = make[o.cadence](model, head, o)
  report.steps = steps
  local metric = objectives.metrics { objective = model.objective, metric = o.metric,
    quantiles = params.of_model(model.params, model.objective).quantiles }[1]
  local larger
  report.metric, report.rows.held_out, report.rows.purged = metric, #tail, parts.purged[1]
  report.before = score(model, tail, metric)
  report.after, larger = score(made, tail, metric)
  local better = report.after < report.before
  if larger then better = report.after > report.before end
  if o.keep == "better" and not better then report.kept = "old" end
  return made
end

--- A model brought up to date with new rows, and a report that prints what was done:
--- `gbdt.update(model, D, { cadence = "nightly" })`. `D` is a dataset in the order of time.
---
--- "nightly": `D` are the new rows; `num_iterations` (10) trees are added on them. "weekly": the
--- leaves are set anew on `D` with `decay_rate` (`m:refit`), then trees are added. "monthly": `D`
--- is the window; a model is fitted anew with the old one's options (`options` overrides) and
--- number of iterations.
---
--- The last `holdout` (0.2) of the rows, in time, judge: the update is made on the rows before
--- whose labels were known by then (`purge` rows less where the dataset does not know), and old
--- and new are scored by `metric` (the objective's). With `keep = "better"`, which monthly has,
--- the old model is returned where it is not beaten; with "new" the score is for the report. What
--- is returned was made once more on all rows, or with `use_tail = false` is the one judged.
--- The share `hard_share` of the rows that the model predicts worst weighs `hard_weight` times.
---
--- The report has cadence, steps, metric, before, after, kept ("old" or "new") and rows.
--- Raises on what gbdt.fit, m:refit and split.time refuse.
---     local x = tensor.randn { 500, 2, seed = 1 }
---     local D = dataset.new(x, x[{ {}, 1 }])
---     local m = gbdt.fit(D:rows(1, 300), { num_iterations = 5 })
---     local later, report = gbdt.update(m, D:rows(301, 500), { cadence = "nightly", purge = 1 })
---     later.best_iteration, report.kept --> 15, new
---@param model neap.gbdt.Model
---@param D neap.dataset|table
---@param o { cadence: string } and num_iterations, learning_rate, decay_rate, holdout, purge,
--- metric, keep, use_tail, hard_share, hard_weight, options
---@return neap.gbdt.Model
---@return table report
function gbdt.update(model, D, o)
  if not class.is(model, Model) then
    opts.raise("gbdt.update: a model is expected, got %s", opts.kind(model))
  end
  if model.objective == "custom" then
    opts.raise("gbdt.update: the model's objective is a function, which it does not keep; continue "
      .. "with gbdt.fit and init_model")
  end
  o = read(o)
  D = as_dataset(model, D)
  local report = setmetatable({ cadence = o.cadence, kept = "new",
    rows = { all = #D, held_out = 0, purged = 0 } }, Report)
  local made = o.holdout > 0 and judge(model, D, o, report)
  if report.kept == "old" then return model, report end
  if not made or o.use_tail then made, report.steps = make[o.cadence](model, D, o) end
  return made, report
end

return gbdt
