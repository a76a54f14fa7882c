--- Objectives and metrics of gbdt.fit that are functions of whole tensors, and weights of classes.
local c = require "neap.c.tree"
local opts = require "neap.opts"

local custom = {}

local links = { identity = true, sigmoid = true, exp = true, softmax = true }

-- What the metrics of an objective with that link judge, and the one it is followed by.
local judged = { identity = "value", exp = "value", sigmoid = "binary", softmax = "multiclass" }
local usual = { identity = "l2", exp = "poisson", sigmoid = "binary_logloss",
  softmax = "multi_logloss" }

local function is_callable(v)
  local meta = getmetatable(v)
  return type(v) == "function" or type(meta) == "table" and meta.__call ~= nil
end

-- Whether fn has a parameter of that number.
local function takes(fn, number)
  if type(fn) ~= "function" then return true end
  local info = debug.getinfo(fn, "u")
  return info.isvararg or info.nparams >= number
end

-- objectives ------------------------------------------------------------------------------------

--- Take an objective that is a function, or a table with `grad`, out of the options: `o.objective`
--- becomes "custom" and `o.custom` the table.
---@param o table
---@return string? judged what its metrics judge; nil for an objective with a name
---@return string? usual its default metric
function custom.read(o)
  local given = o.objective
  if type(given) == "function" then given = { grad = given } end
  if type(given) ~= "table" then return nil end
  local spec = opts.merge("gbdt.fit: objective", { grad = opts.required, start = opts.none,
    renew = opts.none, link = "identity", num_class = opts.none }, given)
  if not is_callable(spec.grad) then
    opts.raise("gbdt.fit: objective: grad must be a function, got %s", opts.kind(spec.grad))
  end
  if not links[spec.link] then
    opts.unknown("gbdt.fit: objective", "link", tostring(spec.link),
      { "identity", "sigmoid", "exp", "softmax" })
  end
  if spec.renew ~= nil and type(spec.renew) ~= "number" and not is_callable(spec.renew) then
    opts.raise("gbdt.fit: objective: renew must be a function, or the share of a quantile, got %s",
      opts.kind(spec.renew))
  end
  if spec.num_class and spec.link ~= "softmax" then
    opts.raise("gbdt.fit: objective: num_class is for link 'softmax', not '%s'", spec.link)
  end
  o.objective, o.custom, o.num_class = "custom", spec, o.num_class or spec.num_class
  return judged[spec.link], usual[spec.link]
end

local function start_from(trainer, spec, y, weights)
  local start = spec.start
  if start == nil then return end
  if is_callable(start) then start = start(y, weights) end
  local tensor = require "neap.tensor"
  if type(start) == "number" then start = tensor.of { start } end
  if type(start) == "table" then start = tensor.of(start) end
  if opts.kind(start) ~= "tensor" then
    opts.raise("gbdt.fit: objective: start must give a number, or one per class, got %s",
      opts.kind(start))
  end
  trainer:start(start)
end

--- Give a trainer the functions of a custom objective.
---@param trainer neap.trainer
---@param o table options after `read`
function custom.attach(trainer, o)
  local spec = o.custom
  if not spec then return end
  local y, weights = trainer:labels(0, true), trainer:weights(0)
  if spec.link == "softmax" then y = y + 1 end
  if weights and not takes(spec.grad, 3) then
    opts.raise("gbdt.fit: weights are given, and the objective takes none: its function is "
      .. "grad(score, y, weights), and its derivatives contain the weights")
  end
  start_from(trainer, spec, y, weights)
  local scores, renew = nil, spec.renew
  if is_callable(renew) then
    local given = renew
    function renew(column, rows)
      rows = rows:sort() -- the order of a leaf's rows has no meaning
      local s = scores:dim() == 2 and scores[{ {}, column }] or scores
      return given(s:take(rows), y:take(rows), weights and weights:take(rows))
    end
  end
  trainer:custom {
    slopes = function(s)
      scores = s
      return spec.grad(s, y, weights)
    end,
    renew = renew,
  }
end

-- metrics ---------------------------------------------------------------------------------------

--- Whether an entry of `metric` is one written in Lua, { name, fn, larger = }.
function custom.is_metric(entry) return type(entry) == "table" and is_callable(entry[2]) end

--- Take note of a metric written in Lua; its name.
---@param o table
---@param entry table
---@param known table<string, string> names that are taken
---@return string
function custom.metric(o, entry, known)
  local name, fn = entry[1], entry[2]
  if type(name) ~= "string" or not name:find "^[%w_@-]+$" then
    opts.raise("gbdt.fit: a metric of your own is { name, function, larger = }, its name one word, "
      .. "got '%s'", tostring(name))
  end
  if known[name] then opts.raise("gbdt.fit: metric '%s' has a name that is taken", name) end
  for key in pairs(entry) do
    if key ~= 1 and key ~= 2 and key ~= "larger" then
      opts.unknown(("gbdt.fit: metric '%s'"):format(name), "option", tostring(key), { "larger" })
    end
  end
  if entry.larger ~= nil and type(entry.larger) ~= "boolean" then
    opts.raise("gbdt.fit: metric '%s': larger must be true or false, got %s", name,
      opts.kind(entry.larger))
  end
  o.measures = o.measures or {}
  if o.measures[name] and o.measures[name].fn ~= fn then
    opts.raise("gbdt.fit: two metrics are called '%s'", name)
  end
  o.measures[name] = { fn = fn, larger = entry.larger == true, rows = {} }
  return name
end

--- A metric of a set after the last iteration, and whether larger is better.
---@param trainer neap.trainer
---@param o table
---@param set integer
---@param name string
---@return number
---@return boolean
function custom.measure(trainer, o, set, name)
  local m = o.measures and o.measures[name]
  if not m then return trainer:metric(set, name) end
  local rows = m.rows[set] or { y = trainer:labels(set), weights = trainer:weights(set) }
  m.rows[set] = rows
  local v = m.fn(rows.y, trainer:predictions(set), rows.weights)
  if type(v) ~= "number" or v ~= v then
    opts.raise("gbdt.fit: metric '%s' must give a number, got %s", name,
      type(v) == "number" and "nan" or opts.kind(v))
  end
  return v, m.larger
end

local function code(fn)
  if type(fn) ~= "function" then return tostring(type(fn) == "number" and fn or type(fn)) end
  local ok, bytes = pcall(string.dump, fn, true)
  return ok and bytes or "a function of C"
end

--- What of the options belongs into a fingerprint and is no option of the engine: the code of
--- functions (not what they close over), and scores that trees begin with.
---@param o table
---@param y neap.tensor
---@param marks string[]
function custom.marks(o, y, marks)
  local function add(text) marks[#marks + 1] = text end
  if o.custom then
    add(o.custom.link)
    for _, name in ipairs { "grad", "start", "renew" } do add(code(o.custom[name])) end
  end
  for _, name in ipairs(o.metrics) do
    if o.measures and o.measures[name] then add(name .. code(o.measures[name].fn)) end
  end
  if o.init_score ~= nil then
    add("init_score " .. c.fingerprint(o.init_score:reshape(#o.init_score, -1), y))
  end
end

-- classes ---------------------------------------------------------------------------------------

local function check_table(weights)
  for label, w in pairs(weights) do
    if math.type(label) ~= "integer" then
      opts.raise("gbdt.fit: class_weight: labels are integers, got '%s'", tostring(label))
    end
    if type(w) ~= "number" or not (w >= 0 and w < math.huge) then
      opts.raise("gbdt.fit: class_weight of label %d is %s, allowed are numbers from 0", label,
        tostring(w))
    end
  end
end

-- The labels of y and how many rows each has.
local function counts(y)
  local labels = y:unique()
  if #labels > 1000 then opts.raise "gbdt.fit: class_weight with more than 1000 labels" end
  local out = {}
  for i, label in ipairs(labels:totable()) do
    out[i] = { label = math.tointeger(label) or label, n = math.tointeger(y:eq(label):sum()) }
  end
  return out
end

--- The weights of rows with those of their classes multiplied in. `class_weight` is a table by
--- label, those it lacks weighing 1, or "balanced": rows / (classes * rows of the class), as in
--- scikit-learn.
---@param o table
---@param y any
---@param weights any
---@return any
function custom.class_weights(o, y, weights)
  local given = o.class_weight
  if given == nil then return weights end
  if given ~= "balanced" and type(given) ~= "table" then
    opts.raise("gbdt.fit: class_weight is a table by label or 'balanced', got %s",
      type(given) == "string" and "'" .. given .. "'" or opts.kind(given))
  end
  if o.judged ~= "binary" and o.judged ~= "multiclass" then
    opts.raise("gbdt.fit: class_weight needs an objective of classes, not '%s'", o.objective)
  end
  if o.is_unbalance or o.scale_pos_weight ~= 1 then
    opts.raise "gbdt.fit: class_weight excludes is_unbalance and scale_pos_weight"
  end
  local tensor = require "neap.tensor"
  if opts.kind(y) ~= "tensor" then y = tensor.of(y) end
  if type(given) == "table" then check_table(given) end
  local w, seen, classes = tensor.ones { #y }, {}, counts(y)
  for _, class in ipairs(classes) do
    local v = given == "balanced" and #y / (#classes * class.n) or given[class.label]
    seen[class.label] = true
    if v then w[y:eq(class.label)] = v end
  end
  for label in pairs(given == "balanced" and {} or given) do
    if not seen[label] then opts.raise("gbdt.fit: class_weight: no row has label %d", label) end
  end
  if weights == nil then return w end
  if opts.kind(weights) ~= "tensor" then weights = tensor.of(weights) end
  if #weights ~= #y then return weights end -- refused by the trainer, with both lengths
  return w * weights
end

-- scores to begin with --------------------------------------------------------------------------

--- Start the scores of all sets from `init_score`, which all of them or none have.
---@param trainer neap.trainer
---@param o table
function custom.init_scores(trainer, o)
  if o.init_score ~= nil then
    opts.expect("gbdt.fit", "init_score", o.init_score, "tensor")
    trainer:init_score(0, o.init_score)
  end
  for i, set in ipairs(o.sets) do
    local score = type(set.data) == "table" and rawget(set.data, "init_score")
    if (score or nil) == nil and o.init_score ~= nil then
      opts.raise("gbdt.fit: init_score for training, and none for %s: valid = { x, y, init_score = "
        .. "... }", set.name)
    elseif score and o.init_score == nil then
      opts.raise("gbdt.fit: init_score for %s, and none for training", set.name)
    elseif score then
      trainer:init_score(i, score)
    end
  end
end

return custom
