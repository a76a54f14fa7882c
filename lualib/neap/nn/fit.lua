--- What nn.fit was given, read and checked: options, data, and the parts of a training.
local design = require "neap.design"
local duration = require "neap.duration"
local History = require "neap.nn.history"
local layer = require "neap.nn.layer"
local loader = require "neap.nn.loader"
local opts = require "neap.opts"
local source = require "neap.nn.source"
local target = require "neap.nn.target"
local tensor = require "neap.tensor"
local train = require "neap.nn.train"

local fit = {}

local WHERE = "nn.fit"
local DAY = 86400e9 -- ns

local defaults = {
  epochs = 10, batch_size = opts.none, optimizer = "adam", lr = opts.none, loss = opts.none,
  weights = opts.none, half_life = opts.none, times = opts.none, valid = opts.none, metrics = {},
  early_stopping_rounds = 0, early_stopping_min_delta = 0.0, stop_on = opts.none,
  restore = opts.none, scheduler = opts.none, schedule_every = "epoch", clip_norm = opts.none,
  clip_value = opts.none, accumulate = 1, shuffle = true, drop_last = false, seed = opts.none,
  rng = opts.none, callbacks = {}, progress = false, checkpoint = opts.none, resume = opts.none,
  ema = opts.none, classes = opts.none, allow_nan = false, on_interrupt = "return",
}

local foreign = {
  callback = "callbacks = { on_epoch = function(e) ... end }", validation_data = "valid = { X, y }",
  patience = "early_stopping_rounds = n", learning_rate = "lr", sample_weight = "weights = w",
  validation_split = "valid = { X, y }, the rows after those of training",
  num_epochs = "epochs = n", verbose = "progress = true", criterion = "loss = name or function",
  class_weight = 'loss = { "cross_entropy", class_weights = w }',
  class_weights = 'loss = { "cross_entropy", class_weights = w }',
  pos_weight = 'loss = { "bce_with_logits", pos_weight = w }',
  weight_decay = 'optimizer = { "adamw", weight_decay = w }',
  momentum = 'optimizer = { "sgd", momentum = m }', max_grad_norm = "clip_norm = n",
  grad_clip = "clip_norm = n", gradient_clip = "clip_norm = n",
  gradient_clip_val = "clip_norm = n", accumulate_grad_batches = "accumulate = n",
  gradient_accumulation_steps = "accumulate = n", device = "neap computes on the CPU",
  num_workers = "NEAP_THREADS says how many threads compute",
}

-- options -----------------------------------------------------------------------------------------

local function positive(name, v)
  if v == nil then return end
  opts.expect(WHERE, ("option '%s'"):format(name), v, "number")
  if not (v > 0 and v < math.huge) then
    opts.raise("%s: %s is %.14g, must be positive and finite", WHERE, name, v)
  end
end

local function one_of(name, v, list)
  for _, known in ipairs(list) do if v == known then return end end
  opts.unknown(WHERE, name, tostring(v), list)
end

local function check_checkpoint(o)
  if o.checkpoint then
    if type(o.checkpoint) == "string" then
      opts.raise('%s: checkpoint is a table: { path = "%s" }', WHERE, o.checkpoint)
    end
    o.checkpoint = opts.merge(WHERE .. ": checkpoint", { path = opts.required, every = 1,
      every_steps = opts.none }, o.checkpoint)
    local c = o.checkpoint
    if type(c.path) ~= "string" or not c.path:find "%.safetensors$" then
      opts.raise("%s: checkpoint: path '%s' does not end in .safetensors", WHERE, tostring(c.path))
    end
    c.every = opts.integer(WHERE, "checkpoint.every", c.every, 1)
    if c.every_steps then
      c.every_steps = opts.integer(WHERE, "checkpoint.every_steps", c.every_steps, 1)
    end
  end
  if o.resume == nil or o.resume == false or type(o.resume) == "string" then return end
  if o.resume ~= true then
    opts.raise("%s: resume must be true or the path of a checkpoint, got %s", WHERE, type(o.resume))
  end
  if not o.checkpoint then
    opts.raise("%s: resume = true needs checkpoint = { path = ... }", WHERE)
  end
end

-- { name, fn, larger } of each metric, and whether `watched` is better when larger.
local grows = { accuracy = true, balanced_accuracy = true, mcc = true, precision = true,
  recall = true, f1 = true, auc = true, average_precision = true, r2 = true }
local numeric = { accuracy = true, balanced_accuracy = true, mcc = true, precision = true,
  recall = true, f1 = true, auc = true, average_precision = true, r2 = true, log_loss = true,
  brier = true, ece = true, mce = true, mse = true, rmse = true, mae = true, mape = true }

local function read_metrics(o)
  local list = {}
  if type(o.metrics) == "string" then o.metrics = { o.metrics } end
  opts.expect(WHERE, "option 'metrics'", o.metrics, "table")
  for i, item in ipairs(o.metrics) do
    local m = item
    if type(item) == "string" then
      if not numeric[item] then opts.unknown(WHERE, "metric", item, opts.names(numeric)) end
      m = { name = item, larger = grows[item] }
    elseif type(item) == "table" and type(item[1]) == "string" and type(item[2]) == "function" then
      m = { name = item[1], fn = item[2], larger = item.larger }
    else
      opts.raise("%s: metric %d must be a name or { name, function(y, p, weights) }", WHERE, i)
    end
    list[i] = m
  end
  if #list > 0 and not o.valid then
    opts.raise("%s: metrics without valid = {X, y}: nothing to measure", WHERE)
  end
  return list
end

local function read_watch(o, list)
  if o.stop_on == nil or o.stop_on == "loss" then return "loss", false end
  local names = { "loss" }
  for _, m in ipairs(list) do
    if m.name == o.stop_on then return m.name, m.larger end
    names[#names + 1] = m.name
  end
  opts.unknown(WHERE, "stop_on", tostring(o.stop_on), names)
end

local function read(given)
  local o = opts.merge(WHERE, defaults, opts.full_names(WHERE, given, {}, foreign))
  o.epochs = opts.integer(WHERE, "option 'epochs'", o.epochs, 1)
  o.accumulate = opts.integer(WHERE, "option 'accumulate'", o.accumulate, 1)
  o.early_stopping_rounds = opts.integer(WHERE, "option 'early_stopping_rounds'",
    o.early_stopping_rounds, 0)
  if o.batch_size then
    o.batch_size = opts.integer(WHERE, "option 'batch_size'", o.batch_size, 1)
  end
  opts.expect(WHERE, "option 'early_stopping_min_delta'", o.early_stopping_min_delta, "number")
  positive("lr", o.lr)
  positive("clip_norm", o.clip_norm)
  positive("clip_value", o.clip_value)
  one_of("schedule_every", o.schedule_every, { "epoch", "step" })
  one_of("on_interrupt", o.on_interrupt, { "return", "raise" })
  if type(o.callbacks) ~= "table" then
    opts.raise("%s: callbacks must be { on_epoch =, on_batch = }, got %s", WHERE, type(o.callbacks))
  end
  if o.scheduler ~= nil then opts.expect(WHERE, "option 'scheduler'", o.scheduler, "function") end
  check_checkpoint(o)
  if o.early_stopping_rounds > 0 and not o.valid then
    opts.raise("%s: early_stopping_rounds without valid = {X, y}: nothing to watch", WHERE)
  end
  if o.restore == nil then o.restore = o.early_stopping_rounds > 0 end
  if o.restore and not o.valid then
    opts.raise("%s: restore without valid = {X, y}: no epoch is known to be the best", WHERE)
  end
  return o
end

local function read_callbacks(o)
  local list = #o.callbacks > 0 and o.callbacks or { o.callbacks }
  for i, item in ipairs(list) do
    opts.expect(WHERE, ("callbacks[%d]"):format(i), item, "table")
    for name, fn in pairs(item) do
      if name ~= "on_epoch" and name ~= "on_batch" then
        opts.unknown(WHERE, "callback", tostring(name), { "on_epoch", "on_batch" })
      end
      opts.expect(WHERE, name, fn, "function")
    end
  end
  return list
end

-- data --------------------------------------------------------------------------------------------

--- Does the argument after X hold targets, and not options?
---@return boolean
function fit.is_target(y)
  return source.is(y) or design.is_frame(y) or type(y) == "table" and #y > 0
end

-- x, y, weights, times, names, classes of what was given for one set.
local function parts_of(where, X, y)
  if y ~= nil then
    if design.is_frame(X) then
      local x, names = design.matrix(X)
      return { x = x, y = y, names = names }
    end
    return { x = X, y = y }
  end
  if source.is_windows(X) then
    return { x = X, y = X.y, w = X.w, times = X.times, names = X.D.names, classes = X.D.classes }
  end
  if type(X) ~= "table" then
    opts.raise("%s: a dataset, windows, or {X, y} expected, got %s", where, opts.kind(X))
  end
  if source.is_windows(X[1]) and X[2] == nil then return parts_of(where, X[1]) end
  local x, target_y, w, names = design.pair(where, X)
  local own = design.is_dataset(X) and X or {}
  return { x = x, y = target_y, w = w or (rawget(X, 1) ~= nil and X[3] or nil), names = names,
    times = own.times or rawget(X, "times"), classes = own.classes }
end

-- Weights of samples by age, the newest having 1.
local function decayed(where, half_life, times, rows)
  local days = half_life
  if type(half_life) == "string" then
    local ns = duration.parse(half_life)
    days = ns and ns / DAY
  end
  if type(days) ~= "number" or not (days > 0 and days < math.huge) then
    opts.raise("%s: half_life is %s, must be a positive number of days or a duration like 30d",
      where, tostring(half_life))
  end
  if not times then
    opts.raise("%s: half_life needs times: give a dataset with times, or times = ...", where)
  end
  opts.expect(where, "times", times, "tensor")
  if #times ~= rows then opts.raise("%s: %d times for %d samples", where, #times, rows) end
  local age = (times:max() - times):to "f64" / DAY
  if not age:isfinite():all() then opts.raise("%s: times are not all finite", where) end
  return (age * (-math.log(2) / days)):exp()
end

local function as_tensor(y)
  if source.is_zarr(y) then return y:read() end
  if type(y) == "table" and not getmetatable(y) then return tensor.of(y) end
  return y
end

-- Sources of a set, its labels still as they are.
local function open(where, parts, o)
  local as = { dtype = o.dtype, allow_nan = o.allow_nan }
  local set = { x = source.of(where .. ": x", parts.x, as), w = o.weights or parts.w }
  set.x.names = set.x.names or parts.names
  if set.x.rows == 0 then opts.raise("%s: the set is empty", where) end
  if parts.y == nil then opts.raise("%s: y is missing", where) end
  if parts.y == parts.x then
    set.target = set.x
  elseif source.is_windows(parts.y) then
    set.target = source.of(where .. ": y", parts.y, as)
  else
    set.y = as_tensor(parts.y)
    opts.expect(where, "y", set.y, "tensor")
    source.check_plain(where .. ": y", set.y)
  end
  local rows = set.target and set.target.rows or #set.y
  if rows ~= set.x.rows then opts.raise("%s: y has %d rows, x has %d", where, rows, set.x.rows) end
  if set.w ~= nil then set.w = loader.weights(where, set.w, rows) end
  return set
end

-- Weights with the mean 1, so that an lr means the same with and without them.
local function training_weights(set, parts, o)
  local w = set.w and set.w:to "f64"
  if o.half_life then
    local by_age = decayed(WHERE, o.half_life, o.times or parts.times, set.x.rows)
    w = w and w * by_age or by_age
  end
  return w and (w / w:mean()):to(o.dtype)
end

-- The shape of the net's outputs for the first sample.
local function probe(net, x)
  local grad = require "neap.grad"
  net:eval()
  local out = grad.no_grad(function() return net(x:get(1, 1)) end)
  opts.expect(WHERE, "what the net returns", out, "tensor")
  return out.shape
end

local function set_target(where, set, task)
  if set.y then set.target = source.of(where .. ": y", task:encode(where, set.y),
    { dtype = task.dtype, allow_nan = true }) end
end

-- parts of a training -----------------------------------------------------------------------------

local spelled = { sgd = "SGD", adam = "Adam", adamw = "AdamW", rmsprop = "RMSProp", lion = "Lion" }

local function optimizer_of(o, params)
  local optim = require "neap.optim"
  local given, own = o.optimizer, { lr = o.lr }
  if type(given) == "function" then given = given(params) end
  if type(given) == "table" and rawget(given, 1) == nil then -- an optimizer refuses names it lacks
    if type(given.step) ~= "function" then
      opts.raise("%s: optimizer is a table without a step", WHERE)
    end
    if o.lr then given.lr = o.lr end
    return given
  end
  local name = given
  if type(given) == "table" then
    name = given[1]
    for key, value in pairs(given) do if key ~= 1 then own[key] = value end end
  end
  local known = type(name) == "string" and spelled[name:lower()]
  if not known then
    opts.unknown(WHERE, "optimizer", tostring(name), { "sgd", "adam", "adamw", "rmsprop", "lion" })
  end
  return optim[known](params, own)
end

local function ema_of(o, net)
  if not o.ema then return nil end
  positive("ema", o.ema)
  if o.ema >= 1 then opts.raise("%s: ema is %g, a decay is below 1", WHERE, o.ema) end
  return require("neap.optim").ema(net, { decay = o.ema })
end

--- The dtype of a net: of its first parameter.
---@param net neap.nn.Layer
---@return string
function fit.dtype_of(net)
  local first = net:parameters()[1]
  return first and first.dtype or "f32"
end

local function batch_size_of(o, rows)
  if not o.batch_size then return math.min(32, rows) end
  if o.batch_size > rows then
    opts.raise("%s: batch_size is %d, the set has %d samples", WHERE, o.batch_size, rows)
  end
  return o.batch_size
end

local function open_valid(o, net_x, task)
  local where = WHERE .. ": valid"
  local parts = parts_of(where, o.valid)
  local set = open(where, parts, { dtype = o.dtype, allow_nan = o.allow_nan })
  source.same_samples(where, set.x, net_x)
  set_target(where, set, task)
  set.loader = loader.Loader(set.x, set.target, set.w and set.w:to(o.dtype),
    { batch_size = math.min(o.batch_size, set.x.rows) })
  return set
end

local function scheduler_of(o, optimizer, steps)
  if not o.scheduler then return nil end
  local s = o.scheduler(optimizer, { epochs = o.epochs, steps = o.epochs * steps })
  if type(s) ~= "table" or type(s.step) ~= "function" then
    opts.raise("%s: scheduler returned a %s, not a schedule of neap.optim", WHERE, opts.kind(s))
  end
  return s
end

local function check_trained(params)
  if #params == 0 then opts.raise("%s: the net has no parameters", WHERE) end
  if not require("neap.grad").enabled() then
    opts.raise("%s: nothing is recorded inside grad.no_grad, so nothing can be trained", WHERE)
  end
  for _, p in ipairs(params) do
    if p.requires_grad then return end
  end
  opts.raise("%s: no parameter of the net requires a gradient", WHERE)
end

-- Everything a training needs, checked.
local function prepare(net, X, y, o, stream)
  local list = read_metrics(o)
  local watched, larger = read_watch(o, list)
  local parts = parts_of(WHERE, X, y)
  o.dtype = fit.dtype_of(net)
  o.classes = o.classes or parts.classes
  local set = open(WHERE, parts, o)
  o.batch_size = batch_size_of(o, set.x.rows)
  local task = target.task(WHERE, set.y, probe(net, set.x), o)
  set_target(WHERE, set, task)
  local params = net:parameters()
  check_trained(params)
  local batches = loader.Loader(set.x, set.target, training_weights(set, parts, o),
    { batch_size = o.batch_size, drop_last = o.drop_last })
  batches:follow(o.shuffle and stream:split "order" or nil)
  batches.epochs = o.epochs
  local optimizer = optimizer_of(o, params)
  local history = History()
  history.classes, history.loss_name = task.classes, task.name
  history.watched = o.valid and watched or nil
  return { net = net, task = task, loader = batches, o = o, metrics = list, larger = larger,
    valid = o.valid and open_valid(o, set.x, task), optimizer = optimizer,
    schedule = scheduler_of(o, optimizer, (#batches + o.accumulate - 1) // o.accumulate),
    ema = ema_of(o, net), stream = stream, history = history, callbacks = read_callbacks(o),
    names = set.x.names }
end

-- The run's generator as a stream of this training, and back when closed.
local function own_draws(stream)
  local generator = require("neap").generator()
  local before = { generator:state() }
  local guard = setmetatable({}, { __close = function() generator:state(table.unpack(before)) end })
  generator:state(stream:split("draws"):state())
  return guard
end

-- The net that a builder makes for the data.
local function built(builder, X, y, o)
  local parts = parts_of(WHERE, X, y)
  local x = source.of(WHERE .. ": x", parts.x, { dtype = "f32", allow_nan = true })
  local shape = x.shape
  if parts.y == nil then opts.raise("%s: y is missing", WHERE) end
  local net = builder(shape and (shape[#shape > 1 and #shape or 1 + #shape] or 1),
    target.outputs(parts.y, o.classes or parts.classes, o.loss), X)
  if not layer.is(net) then
    opts.raise("%s: the builder returned a %s, not a net", WHERE, opts.kind(net))
  end
  return net
end

--- Train `net`, or what a function builds.
---@param net neap.nn.Layer|function
---@param X any
---@param y any
---@param given table?
---@return table run
function fit.train(net, X, y, given)
  local o = read(given)
  local stream = loader.stream(WHERE, o):split "nn.fit"
  local draws <close> = own_draws(stream) -- luacheck: ignore 211
  if not layer.is(net) then net = built(net, X, y, o) end
  local run = train.new(prepare(net, X, y, o, stream))
  train.prepare(run)
  train.run(run)
  return run
end

return fit
