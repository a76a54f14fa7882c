--- Option tables: checked names, visible defaults, and mistakes that teach.
local base = require "neap.c.base"

local opts = {}

-- Error positions name the user's file, not ours. Every module that raises requires this one.
local here = debug.getinfo(1, "S").source:match "^@(.*)opts%.lua$"
if here then base.library(here) end

--- Raise `string.format(...)` at the line of the nearest caller outside neap itself.
---@param format string
function opts.raise(format, ...) base.raise(format:format(...)) end

--- End the script because of what it was given: the command prints the message alone, without
--- position and traceback, and exits with `code` (2 for a mistake in options, 1 for the rest).
---@param code integer
---@param format string
function opts.stop(code, format, ...)
  local message = format:format(...)
  error(setmetatable({}, { __name = "neap.stop", __exit = code,
    __tostring = function() return message end }), 0)
end

--- The results of fn(...), for a call that fails when files or data are not as they should be: its
--- message then ends the script as `opts.stop` does. Mistakes in the code itself stay as they are.
---     opts.plainly(math.max, 1, 2) --> 2
---@param fn function
---@return any ...
function opts.plainly(fn, ...)
  local results = table.pack(pcall(fn, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local message, _, position = results[2], pcall(base.raise, "")
  if type(message) == "string" and message:sub(1, #position) == position then
    opts.stop(1, "%s", message:sub(#position + 1))
  end
  error(message, 0)
end

-- Edit distance between two short names (Damerau-Levenshtein, adjacent swaps count one).
local function distance(a, b)
  local rows = {}
  for i = 0, #a do rows[i] = { [0] = i } end
  for j = 0, #b do rows[0][j] = j end
  for i = 1, #a do
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local best = math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1,
        rows[i - 1][j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, rows[i - 2][j - 2] + 1)
      end
      rows[i][j] = best
    end
  end
  return rows[#a][#b]
end

--- The name in `names` (an array) closest to `name`, or nil when none is near. One that differs in
--- the case of letters only is nearer than any other, next one that is a part of the other,
--- rather one of a similar length.
---     opts.nearest("RSI", { "rsi", "roc" }) --> rsi
---     opts.nearest("StandardScaler", { "rank", "standard" }) --> standard
---     opts.nearest("predict_prob", { "predict", "predict_proba" }) --> predict_proba
---@param name string
---@param names string[]
---@return string?
function opts.nearest(name, names)
  if #name > 100 then return nil end -- no slip of a finger, and slow to compare
  local best, found = math.max(1, (#name + 1) // 3), nil
  local sorted = table.move(names, 1, #names, 1, {})
  table.sort(sorted)
  local lower = name:lower()
  for _, candidate in ipairs(sorted) do
    local other = candidate:lower()
    local part = math.min(#name, #candidate) > 2
      and (other:find(lower, 1, true) or lower:find(other, 1, true))
    local d = other == lower and 0.25 or part and 0.5 + math.abs(#name - #candidate) / 1000
      or distance(name, candidate)
    if d < best or (d == best and not found) then best, found = d, candidate end
  end
  return found
end

-- What other libraries call things, where the names here are too far from it to be guessed.
local elsewhere = {
  array = "of", asarray = "of", new = "of", tolist = "totable", numpy = "totable",
  ndim = "dim", astype = "to", cast = "to", copy = "clone", T = "t", len = "numel",
  concat = "cat", concatenate = "cat", vstack = "cat", hstack = "cat", range = "arange",
  percentile = "quantile", filter = "where", info = "describe", train = "fit", score = "report",
  feature_importance = "importance", roc_auc_score = "auc", logloss = "log_loss", plot = "line",
  hist = "histogram", train_test_split = "time", TimeSeriesSplit = "expanding",
  KFold = "purged_kfold", OneHotEncoder = "one_hot", Pipeline = "chain", make_pipeline = "chain",
  LGBMClassifier = "fit", LGBMRegressor = "fit", XGBClassifier = "fit", XGBRegressor = "fit",
  LogisticRegression = "fit", Ridge = "fit", f1_score = "f1", r2_score = "r2",
  matthews_corrcoef = "mcc", mean_squared_error = "mse", mean_absolute_error = "mae",
  precision_recall_curve = "pr_curve", min_periods = "min_count", halflife = "half_life",
  usecols = "columns", nrows = "max_rows", sep = "delimiter", parse_dates = "time",
  skiprows = "skip_rows", na_values = "missing", date_format = "time_format", tz = "time_zone",
  aggfunc = "agg", full = "outer", ffill = "forward", pad = "forward", bfill = "backward",
  backfill = "backward", CrossEntropyLoss = "cross_entropy", smooth_l1_loss = "huber",
  SmoothL1Loss = "huber", L1Loss = "l1", KLDivLoss = "kl_div",
  BCEWithLogitsLoss = "bce_with_logits",
  binary_cross_entropy_with_logits = "bce_with_logits", clip_grad_norm_ = "clip_norm",
  clip_grad_value_ = "clip_value", MultiStepLR = "multi_step", OneCycleLR = "one_cycle",
  CosineAnnealingWarmRestarts = "cosine_restarts", LinearLR = "warm_up",
  window = "length", seq_len = "length", lookback = "length",
  num_classes = "outputs", output_size = "outputs", learning_rate = "lr",
}

-- What there is for names of PyTorch that have no single one here, by module (or "option").
local instead = {
  nn = {
    functional = "losses are nn.mse(x, y), activations methods of tensors, x:relu()",
    Module = 'nn.layer "Name" makes a class, with init and forward',
    ModuleList = "nn.Sequential { ... } in a field, its layers are self.name[i]",
    ModuleDict = "layers in fields of a layer", Parameter = "nn.param(t)",
    init = "grad.no_grad(function() layer.weight:copy_(t) end)",
    utils = "optim.clip_norm(params, n), optim.clip_value(params, v)",
    save = "model:save(path) of an estimator, or tensor.save(path, net:state())",
    BCELoss = "nn.bce_with_logits(x, y), of logits",
  },
  optim = {
    lr_scheduler = "optim.cosine(opt, { T_max = n }), optim.step, optim.one_cycle, ...",
    LambdaLR = "opt.lr = f(epoch)", swa_utils = "optim.ema(net, { decay = d })",
    ReduceLROnPlateau = "optim.plateau(opt)",
  },
  tensor = {
    manual_seed = "neap.seed(n)", no_grad = "grad.no_grad(fn)",
    tensor = "tensor.of { 1, 2 }", from_numpy = "tensor.load(path) of .npy, .npz, safetensors",
  },
  grad = {
    enable_grad = "all is recorded but what grad.no_grad(fn) runs",
    inference_mode = "grad.no_grad(fn)", Function = "grad.operation { name, forward, backward }",
    gradcheck = "grad.check(fn, x)",
  },
  models = {
    LSTM = "models.lstm_predictor(inputs, { hidden_size = n })",
    lstm = "models.lstm_predictor(inputs, { hidden_size = n })",
    gru = 'models.lstm_predictor(inputs, { cell = "GRU" })',
    GRU = 'models.lstm_predictor(inputs, { cell = "GRU" })',
    DeepLOB = "models.cnn_lstm(inputs)", deeplob = "models.cnn_lstm(inputs)",
  },
  plot = { reliability = "plot.chart of mean and share of metrics.reliability(y, p)" },
  option = {
    batch_first = "sequences are always [batch, time, features]",
    kernel_size = "it is an argument, nn.Conv1d(inputs, outputs, kernel)",
    device = "neap computes on the CPU",
  },
}

--- Say that `name` is not among `names`, with the nearest one, else with `hint` or all of them.
---@param where string
---@param kind string
---@param name string
---@param names string[]
---@param hint? string
function opts.unknown(where, kind, name, names, hint)
  local other = instead[where] or instead[kind]
  if other and other[name] then
    opts.raise("%s: there is no %s '%s': %s", where, kind, name, other[name])
  end
  local near = nil
  for _, known in ipairs(names) do
    if elsewhere[name] == known then near = known end
  end
  near = near or opts.nearest(tostring(name), names)
  if near then
    opts.raise("%s: unknown %s '%s' (did you mean '%s'?)", where, kind, name, near)
  end
  table.sort(names)
  opts.raise("%s: unknown %s '%s'%s", where, kind, name,
    hint and "; " .. hint or (" (known: %s)"):format(table.concat(names, ", ")))
end

-- The names in a table that a user may ask for, sorted.
local function public_names(t)
  local names = {}
  for name in next, t do
    if type(name) == "string" and not name:find "^_" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- Make asking `t` for a name that it lacks an error with the nearest one. Names that begin with
--- "__" stay nil, because libraries ask any table for them. Returns t.
---@param t table
---@param where string the name of t, for messages
---@param kind? string what t holds ("function")
---@param listed? boolean name them all where none is near, rather than the page of help
---@return table
function opts.strict(t, where, kind, listed)
  local meta = getmetatable(t) or {}
  if meta.__index then return t end
  function meta.__index(_, name)
    if type(name) ~= "string" or name:find "^__" then return nil end
    opts.unknown(where, kind or "function", name, public_names(t),
      not listed and ("`neap help %s` lists them"):format(where) or nil)
  end
  return setmetatable(t, meta)
end

--- What kind of value that is, for messages: a type of Lua, or the class of an object.
---     opts.kind(1) --> number
---@return string
function opts.kind(value) return base.kind(value) end

-- As in neap.c.tensor, which is loaded when something asks for a tensor.
local function is_open(value)
  is_open = require("neap.c.tensor").is_open
  return is_open(value)
end

--- Raise unless `value` is of that kind: "tensor", "rng", or a type of Lua.
---@param where string the function, for messages
---@param what string the argument; "self" gets a hint at the colon
---@param kind string
function opts.expect(where, what, value, kind)
  if kind == "tensor" then
    local open = is_open(value)
    if open then return end
    if open == false then opts.raise("%s: %s: tensor was closed", where, what) end
  end
  local got = base.kind(value)
  if got == kind or type(value) == kind then return end
  local article = kind == "rng" and "an" or "a"
  opts.raise("%s: %s must be %s %s, got %s%s", where, what, article, kind, got,
    what == "self" and "; methods are called with a colon, x:name()" or "")
end

--- Raise unless `value` is a tensor, a number or a boolean.
---@param where string the function, for messages
---@param what string the argument
function opts.operand(where, what, value)
  if type(value) == "number" then return end
  local kind = base.kind(value)
  if kind == "tensor" then opts.expect(where, what, value, "tensor")
  elseif kind ~= "number" and kind ~= "boolean" then
    opts.raise("%s: %s must be a tensor or a number, got %s", where, what, kind)
  end
end

--- Raise unless `value` is an integer (a float with an integer value is one) in [low, high]; its
--- value as an integer.
---     opts.integer("topk", "k", 2.0, 1) --> 2
---@param where string the function, for messages
---@param what string the argument
---@param value any
---@param low? integer
---@param high? integer
---@return integer
function opts.integer(where, what, value, low, high)
  if math.type(value) == "integer" and value >= (low or value) and value <= (high or value) then
    return value
  end
  local whole = type(value) == "number" and math.tointeger(value)
  if not whole then
    local got = base.kind(value)
    if got == "number" then got = value ~= value and "nan" or ("%.14g"):format(value) end
    opts.raise("%s: %s must be an integer, got %s", where, what, got)
  end
  if low and whole < low then
    opts.raise("%s: %s is %d, must be %d at least", where, what, whole, low)
  elseif high and whole > high then
    opts.raise("%s: %s is %d, must be %d at most", where, what, whole, high)
  end
  return whole
end

--- (dim, options) where a dim may be left out: `x:sum { keepdim = true }`.
---@param where string the function, for messages
---@param dim any
---@param o any
---@param defaults table
---@return any dim, table options
function opts.after_dim(where, dim, o, defaults)
  if type(dim) == "table" and #dim == 0 then
    if o ~= nil then
      opts.merge(where, defaults, o)
      opts.raise("%s: options must be one table, two are given", where)
    end
    dim, o = nil, dim
  end
  if type(o) == "table" and defaults.axis == nil and (o.axis ~= nil or o.dim ~= nil) then
    opts.raise("%s: the dim is the first argument, counted from 1, as in x:%s(1)", where, where)
  end
  local merged = opts.merge(where, defaults, o)
  for name, value in next, o or {} do
    if type(defaults[name]) == "number" and type(value) ~= "number" then
      opts.expect(where, ("option '%s'"):format(name), value, "number")
    end
  end
  return dim, merged
end

opts.required = setmetatable({}, { __name = "neap.opts.required" })
opts.none = setmetatable({}, { __name = "neap.opts.none" })

local function raise_lacking(where, names)
  table.sort(names)
  if #names == 1 then opts.raise("%s: option %s is required", where, names[1]) end
  opts.raise("%s: options %s are required", where, table.concat(names, ", "))
end

--- The keys of a table in alphabetical order.
---     table.concat(opts.names { b = 1, a = 2 }, " ") --> a b
---@param t table
---@return any[]
function opts.names(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

--- Options under their full names, from those that the user gave; `full_name` has the other names,
--- `foreign` says of names of other libraries what there is instead. They are errors, as is saying
--- the same twice.
---     opts.full_names("fit", { eta = 0.1 }, { eta = "learning_rate" }).learning_rate --> 0.1
---@param where string the function, for messages
---@param given table?
---@param full_name table<string, string>
---@param foreign? table<string, string>
---@return table
function opts.full_names(where, given, full_name, foreign)
  if given ~= nil and type(given) ~= "table" then
    opts.raise("%s: options must be a table, got %s", where, type(given))
  end
  local out, said = {}, {}
  for _, name in ipairs(opts.names(given or {})) do
    if foreign and foreign[name] then
      opts.raise("%s: there is no option '%s': %s", where, name, foreign[name])
    end
    local full = full_name[name] or name
    if said[full] then
      opts.raise("%s: options '%s' and '%s' mean the same", where, said[full], name)
    end
    out[full], said[full] = given[name], name
  end
  return out
end

--- Defaults overlaid with what the user gave. A default of `opts.none` stays nil, one of
--- `opts.required` must be given. Unknown names are errors; the user's table is not touched.
---     opts.merge("optim.Adam", { lr = 1e-3, eps = 1e-8 }, { lr = 0.1 }).lr --> 0.1
---@param where string the function, for messages
---@param defaults table
---@param given table?
---@return table
function opts.merge(where, defaults, given)
  if given ~= nil and type(given) ~= "table" then
    opts.raise("%s: options must be a table, got %s", where, base.kind(given))
  end
  local merged = {}
  for name in pairs(given or {}) do
    if defaults[name] == nil then
      local names = {}
      for known in pairs(defaults) do names[#names + 1] = known end
      opts.unknown(where, "option", name, names)
    end
  end
  local lacking = {}
  for name, default in pairs(defaults) do
    local value = given and given[name]
    if value == nil then value = default end
    if value == opts.required then lacking[#lacking + 1] = "'" .. name .. "'"
    elseif value ~= opts.none then merged[name] = value end
  end
  if #lacking > 0 then raise_lacking(where, lacking) end
  return merged
end

return opts
