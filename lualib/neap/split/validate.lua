--- Cross-validation: fit on each fold's training part, judge on its test part, never the other way.
local design = require "neap.design"
local metrics = require "neap.metrics"
local opts = require "neap.opts"
local progress = require "neap.progress"
local tensor = require "neap.tensor"

local WHERE = "split.cross_validate"

local judged_by_values = { mse = true, rmse = true, mae = true, mape = true, r2 = true }

local Result = { __name = "neap.split.Result" }
Result.__index = Result

-- { name, fn } of each metric, in the order given.
local function list_metrics(given)
  if type(given) == "string" then given = { given } end
  if type(given) ~= "table" or #given == 0 then
    opts.raise("%s: metrics must be names of neap.metrics, or { name, function }", WHERE)
  end
  local list, seen = {}, {}
  for i, item in ipairs(given) do
    local name, fn = item, nil
    if type(item) == "table" then name, fn = item[1], item[2] end
    if type(name) ~= "string" or (type(item) == "table" and type(fn) ~= "function") then
      opts.raise("%s: metric %d must be a name or { name, function }", WHERE, i)
    end
    if not fn and type(metrics[name]) ~= "function" then
      local known = {}
      for key, value in pairs(metrics) do
        if type(value) == "function" then known[#known + 1] = key end
      end
      table.sort(known)
      opts.unknown(WHERE, "metric", name, known)
    end
    if seen[name] then opts.raise("%s: metric '%s' stands twice", WHERE, name) end
    list[i], seen[name] = { name = name, fn = fn }, true
  end
  return list
end

-- The rows of ranges, from a dataset or from { x =, y = }.
local function part(D, ranges)
  if design.is_dataset(ranges) then return ranges end
  if type(ranges[1]) ~= "table" then ranges = { ranges } end
  local rows = {}
  for i, range in ipairs(ranges) do
    rows[i] = tensor.arange(range[1], range[2], 1, { dtype = "i64" })
  end
  rows = tensor.cat(rows)
  if design.is_dataset(D) then return D:take(rows) end
  local x, y, weights, names = design.pair(WHERE, D)
  return { x = x:take(rows, 1), y = y:take(rows, 1), weights = weights and weights:take(rows, 1),
    names = names }
end

-- Predictions and what came. A function of the user's may say what its predictions are judged on.
local function predict(o, model, test, i)
  if type(o.predict) == "function" then
    local p, y = o.predict(model, test)
    y = y or test.y
    if opts.kind(p) == "tensor" and #p ~= #y then
      opts.raise("%s: predict gave %d predictions for %d labels in fold %d; of windows, return "
        .. "their y too", WHERE, #p, #y, i)
    end
    return p, y
  end
  local kind = o.predict or (model.classes and "proba" or "value")
  if kind == "proba" then return model:predict_proba(test.x), test.y end
  return model:predict(test.x), test.y
end

-- What one metric says. Metrics of values are given values, also for classifiers.
local function judge(metric, y, p, model)
  if metric.fn then return metric.fn(y, p) end
  if model.classes and not judged_by_values[metric.name] then
    return metrics[metric.name](y, p, { classes = model.classes })
  end
  return metrics[metric.name](y, p)
end

local function check_number(value, metric, i)
  if type(value) ~= "number" then
    opts.raise("%s: metric '%s' gave a %s in fold %d, a number is expected", WHERE, metric.name,
      type(value), i)
  end
  return value
end

local function run_fold(D, fold, i, list, o)
  local train, test = part(D, fold.train), part(D, fold.test)
  local model = o.fit(train, i)
  if model == nil then opts.raise("%s: fit returned nothing in fold %d", WHERE, i) end
  local p, y = predict(o, model, test, i)
  local out = { model = o.keep_models and model or nil, y = y, p = p,
    train_rows = #train.y, test_rows = #y, purged = fold.purged, values = {} }
  if rawget(test, "times") then out.from, out.to = test.times[1], test.times[-1] end
  for _, metric in ipairs(list) do
    out.values[metric.name] = check_number(judge(metric, y, p, model), metric, i)
  end
  return out
end

local function summary(folds, name)
  local sum, n, squares = 0, #folds, 0
  for _, fold in ipairs(folds) do sum = sum + fold.values[name] end
  local mean = sum / n
  for _, fold in ipairs(folds) do squares = squares + (fold.values[name] - mean) ^ 2 end
  return mean, n > 1 and math.sqrt(squares / (n - 1)) or 0 / 0
end

-- One line a fold, then mean and standard deviation.
function Result.__tostring(r)
  local function line(head, rows, tested, get)
    local cells = { ("%-6s %9s %9s"):format(head, rows, tested) }
    for _, name in ipairs(r.metrics) do
      cells[#cells + 1] = ("%12s"):format(get(name))
    end
    return table.concat(cells, " ")
  end
  local text = { line("fold", "train", "test", function(name) return name:sub(1, 12) end) }
  for i, fold in ipairs(r.folds) do
    text[#text + 1] = line(tostring(i), tostring(fold.train_rows), tostring(fold.test_rows),
      function(name) return ("%.5g"):format(fold.values[name]) end)
  end
  text[#text + 1] = line("mean", "", "", function(name) return ("%.5g"):format(r.mean[name]) end)
  text[#text + 1] = line("sd", "", "", function(name) return ("%.5g"):format(r.sd[name]) end)
  return table.concat(text, "\n")
end

return function(D, folds, o)
  o = opts.merge(WHERE, { fit = opts.required, metrics = opts.required, predict = opts.none,
    keep_models = false, progress = false }, o)
  if not design.is_data(D) then
    opts.raise("%s: a dataset or a table with x and y is expected, got %s", WHERE, type(D))
  end
  if type(folds) ~= "table" or #folds == 0 then
    opts.raise("%s: folds must be what split.walk_forward, expanding or purged_kfold returns",
      WHERE)
  end
  if type(o.fit) ~= "function" then
    opts.raise("%s: fit must be a function, got %s", WHERE, type(o.fit))
  end
  local kind = o.predict
  if kind ~= nil and type(kind) ~= "function" and kind ~= "proba" and kind ~= "value" then
    opts.unknown(WHERE, "predict", tostring(kind), { "proba", "value" })
  end
  local list = list_metrics(o.metrics)
  local r = setmetatable({ folds = {}, metrics = {}, mean = {}, sd = {} }, Result)
  local line <close> = progress.start(WHERE, #folds, o.progress)
  for i, fold in ipairs(folds) do
    if type(fold) ~= "table" or not fold.train or not fold.test then
      opts.raise("%s: fold %d has no train and test", WHERE, i)
    end
    r.folds[i] = run_fold(D, fold, i, list, o)
    line:step(i, "", { fold = i })
  end
  for i, metric in ipairs(list) do
    r.metrics[i] = metric.name
    r.mean[metric.name], r.sd[metric.name] = summary(r.folds, metric.name)
  end
  return r
end
