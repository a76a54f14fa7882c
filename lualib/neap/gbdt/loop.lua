--- The iterations of gbdt.fit: validation sets, metrics that are followed, when to stop.
local base = require "neap.c.base"
local custom = require "neap.gbdt.custom"
local design = require "neap.design"
local opts = require "neap.opts"
local progress = require "neap.progress"

local loop = {}

-- validation sets -------------------------------------------------------------------------------

-- Whether v is an array of data rather than { x, y }.
local function is_several(v)
  local first = v[1]
  return type(first) == "table" and not design.is_frame(first)
end

local function named(o, count)
  local names = o.valid_names
  if type(names) == "string" then names = { names } end
  if names == nil then
    names = {}
    for i = 1, count do names[i] = count == 1 and "valid" or "valid" .. i end
  end
  if type(names) ~= "table" or #names ~= count then
    opts.raise("gbdt.fit: %s valid_names for %d validation sets",
      type(names) == "table" and #names or "no list of", count)
  end
  return names
end

local function check_names(sets)
  local seen = { train = true }
  for _, set in ipairs(sets) do
    if type(set.name) ~= "string" or set.name == "" or seen[set.name] then
      opts.raise("gbdt.fit: '%s' cannot name a validation set: each needs a text of its own, and "
        .. "not 'train'", tostring(set.name))
    end
    seen[set.name] = true
  end
  return sets
end

--- The validation sets of an option table, an array of { name =, data = }: `valid` is {x, y}, a
--- dataset, an array of these (named by `valid_names`), or a table of them by name, which are taken
--- in alphabetical order, so that none of them is the first one: `by_name` is true then.
---@param o table
---@return { name: string, data: table }[]
function loop.sets(o)
  local v, sets = o.valid, {}
  if v == nil then return sets end
  if type(v) ~= "table" then
    opts.raise("gbdt.fit: valid: {x, y} or a data set expected, got %s", type(v))
  end
  if design.is_frame(v) or design.is_data(v) or (#v > 0 and not is_several(v)) then
    return check_names { { name = named(o, 1)[1], data = v } }
  end
  if #v > 0 then
    for i, name in ipairs(named(o, #v)) do sets[i] = { name = name, data = v[i] } end
    return check_names(sets)
  end
  if o.valid_names then opts.raise "gbdt.fit: valid has names of its own beside valid_names" end
  for i, name in ipairs(opts.names(v)) do sets[i] = { name = name, data = v[name] } end
  if #sets == 0 then opts.raise "gbdt.fit: valid is an empty table" end
  sets.by_name = true
  return check_names(sets)
end

-- Of several sets by name none is the first: what stops training has to be said.
local function expect_order(o)
  if #o.sets < 2 or not o.sets.by_name or o.early_stopping_rounds == 0 then return end
  if not o.first_metric_only then return end
  local names = {}
  for i, set in ipairs(o.sets) do names[i] = set.name end
  opts.raise("gbdt.fit: which of the sets %s stops training? Sets by name have no order; say "
    .. "stop_on = '%s.%s'", table.concat(names, ", "), names[1], o.stop_on or "metric")
end

--- Settle `stop_on`, "metric" or "set.metric": `o.stop_on` becomes the metric alone, `o.stop_set`
--- the number of the set, 1 unless named.
---@param o table
function loop.read_stop(o)
  o.sets, o.stop_set = loop.sets(o), 1
  if o.stop_on == nil then return expect_order(o) end
  if type(o.stop_on) ~= "string" then
    opts.raise("gbdt.fit: stop_on must be 'metric' or 'set.metric', got %s", type(o.stop_on))
  end
  if #o.sets == 0 then
    opts.raise("gbdt.fit: stop_on = '%s' without valid = {x, y}: nothing to watch", o.stop_on)
  end
  local set, metric = o.stop_on:match "^(.*)%.([^.]*)$"
  if not set then return expect_order(o) end
  local known = {}
  for i, s in ipairs(o.sets) do
    known[i] = s.name
    if s.name == set then o.stop_set, o.stop_on = i, metric return end
  end
  opts.unknown("gbdt.fit", "validation set", set, known)
end

-- following -------------------------------------------------------------------------------------

local History = {}

-- The metrics of a set; beside them its first one lies under the numbers of iterations.
local function metrics_of(curves)
  local by_name = {}
  for metric, curve in pairs(curves) do
    if type(metric) == "string" then by_name[metric] = curve end
  end
  return opts.names(by_name)
end

-- The curves in short: their ends, and where they are lowest and highest.
function History.__tostring(history)
  local lines = {}
  for _, set in ipairs(opts.names(history.sets)) do
    for _, metric in ipairs(metrics_of(history.sets[set])) do
      local curve, low, high = history.sets[set][metric], 1, 1
      for i, v in ipairs(curve) do
        if v < curve[low] then low = i end
        if v > curve[high] then high = i end
      end
      if #curve > 0 then
        lines[#lines + 1] = ("%-24s %.6g to %.6g in %d iterations, lowest %.6g at %d, highest "
          .. "%.6g at %d"):format(set .. "." .. metric, curve[1], curve[#curve], #curve,
          curve[low], low, curve[high], high)
      end
    end
  end
  return #lines > 0 and table.concat(lines, "\n") or "no curves: no validation set was followed"
end

--- An empty history: `train` and `valid` (the first set) by metric, `sets` all by name.
---@param o table
---@return table
function loop.history(o)
  local history = setmetatable({ train = {}, valid = {}, sets = {} }, History)
  if o.is_provide_training_metric then history.sets.train = history.train end
  for i, set in ipairs(o.sets) do history.sets[set.name] = i == 1 and history.valid or {} end
  for _, curves in pairs(history.sets) do
    for _, name in ipairs(o.metrics) do curves[name] = {} end
  end
  return history
end

-- What may end training: the first metric on one set, or any on any.
local function watched(o)
  local list = {}
  for number, set in ipairs(o.sets) do
    for i, metric in ipairs(o.metrics) do
      if not o.first_metric_only or (i == 1 and number == o.stop_set) then
        list[#list + 1] = { set = number, metric = metric, name = set.name .. "." .. metric }
      end
    end
  end
  return list
end

-- Ask for all metrics of a set after an iteration; values and directions by name.
local function ask(trainer, o, number, curves)
  local values, larger = {}, {}
  for i, name in ipairs(o.metrics) do
    values[name], larger[name] = custom.measure(trainer, o, number, name)
    table.insert(curves[name], values[name])
    if i == 1 then table.insert(curves, values[name]) end
  end
  return values, larger
end

-- Take note of an iteration's values; the watch that has waited too long, if any.
local function judge(watches, o, at, values, larger)
  local over
  for _, w in ipairs(watches) do
    local v, up = values[w.set][w.metric], larger[w.set][w.metric]
    local delta = o.early_stopping_min_delta
    if v ~= v and o.early_stopping_rounds > 0 then
      opts.raise("gbdt.fit: metric '%s' is nan after iteration %d: nothing to stop by", w.name, at)
    end
    if not w.best or (up and v > w.best + delta) or (not up and v < w.best - delta) then
      w.best, w.at = v, at
    end
    if not over and at - w.at >= o.early_stopping_rounds then over = w end
  end
  return o.early_stopping_rounds > 0 and over or nil
end

-- One iteration; whether it was the last, and the watch that ended it.
local function iterate(trainer, o, state, line, i)
  local split = trainer:step()
  if i == 1 then state.split = split end
  if not split then return true end
  local at, values, larger = trainer:iterations(), {}, {}
  if o.is_provide_training_metric then ask(trainer, o, 0, state.history.train) end
  for number, set in ipairs(o.sets) do
    values[number], larger[number] = ask(trainer, o, number, state.history.sets[set.name])
  end
  state.done = i
  local over = judge(state.watches, o, at, values, larger)
  local w, text = state.watches[1], ""
  local value = w and values[w.set][w.metric]
  if w then text = ("%s %.6g, best %.6g at %d"):format(w.name, value, w.best, w.at) end
  local more = { iteration = i, metric = w and w.metric or o.metrics[1], value = value,
    set = w and o.sets[w.set].name }
  return line:step(i, text, more) or over ~= nil, over
end

local function iterations(trainer, o, state)
  local line <close> = progress.start("gbdt.fit", o.num_iterations, o.progress)
  for i = 1, o.num_iterations do
    local last, over = iterate(trainer, o, state, line, i)
    state.over = over
    if last then return end
  end
end

--- Run the iterations. The result has `keep`, how many the model shall have, `history`, and, where
--- training stops early, `stopped_on` ("set.metric") with its `best_score`.
---@param trainer neap.trainer
---@param o table complete options
---@param warnings string[]
---@return table
function loop.run(trainer, o, warnings)
  local before = trainer:iterations()
  local state = { history = loop.history(o), watches = watched(o), done = 0 }
  if o.on_interrupt == "return" then
    if not base.until_interrupt(function() iterations(trainer, o, state) end) then
      if trainer:iterations() == before then opts.raise "gbdt.fit: interrupted" end
      warnings[#warnings + 1] = ("interrupted after %d of %d iterations"):format(
        trainer:iterations() - before, o.num_iterations)
    end
  else
    iterations(trainer, o, state)
  end
  if state.split == false then
    warnings[#warnings + 1] = "no split was found, and so no tree grew: labels or gradients are "
      .. "all alike, or min_data_in_leaf, min_sum_hessian_in_leaf, min_gain_to_split or lambda_l1 "
      .. "allow none"
  end
  local out = { keep = trainer:iterations(), history = state.history }
  local w = o.early_stopping_rounds > 0 and (state.over or state.watches[1])
  if w and w.best then out.keep, out.stopped_on, out.best_score = w.at, w.name, w.best end
  return out
end

-- what is odd -----------------------------------------------------------------------------------

--- Warnings on options and data that training can live with; options are changed accordingly.
---@param o table
---@param warnings string[]
function loop.check(o, warnings)
  if o.boosting == "dart" and o.early_stopping_rounds > 0 then
    o.early_stopping_rounds = 0
    warnings[#warnings + 1] = "early stopping is not available with boosting 'dart', whose later "
      .. "iterations change earlier trees; all iterations are kept"
  end
end

return loop
