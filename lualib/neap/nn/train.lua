--- The loop of nn.fit: epochs of steps, validation, early stopping, checkpoints. A training is a
--- table of everything that goes on; what a checkpoint holds is enough to build it again.
local base = require "neap.c.base"
local cgrad = require "neap.c.grad"
local checkpoint = require "neap.nn.checkpoint"
local clock = require "neap.clock"
local file = require "neap.file"
local grad = require "neap.grad"
local health = require "neap.nn.health"
local log = require "neap.log"
local metrics = require "neap.metrics"
local opts = require "neap.opts"
local progress = require "neap.progress"
local tensor = require "neap.tensor"

local train = {}

local is_open = require("neap.c.tensor").is_open

local function generator() return require("neap").generator() end

-- What a loss is as a number.
local function number(v)
  if type(v) == "number" then return v end
  if not is_open(v) then
    opts.raise("nn.fit: the loss is a %s, a tensor without dims is needed", opts.kind(v))
  end
  if v:numel() ~= 1 then
    opts.raise("nn.fit: the loss is [%s], a tensor without dims is needed; take its mean",
      table.concat(v.shape, "x"))
  end
  return v:item()
end

-- one step ----------------------------------------------------------------------------------------

-- What is wrong with a number that is not finite, else nil.
local function spoiled(v)
  if v - v == 0 then return nil end
  return v ~= v and "nan" or v > 0 and "inf" or "-inf"
end

local function where_now(run, batch)
  return { step = run.history.steps + 1, epoch = run.epoch, batch = batch,
    batches = #run.loader }
end

local function load_batch(run, i)
  local begun = clock.monotonic()
  local x, y, w, n = run.loader:batch(i, run.epoch)
  run.sums.loading = run.sums.loading + (clock.monotonic() - begun) / 1e9
  return x, y, w, n
end

-- Add the gradient of batch i, one of several that together have `rows` samples: its mean counts by
-- its share, so that accumulated batches are one large batch. False when all its weights are 0.
local function add_gradient(run, i, rows, fresh)
  local x, y, w, n = load_batch(run, i)
  local weight = w and w:sum() or n
  if weight == 0 then return false end
  local loss = run.task.loss(run.net(x), y, w)
  local value = number(loss)
  if type(loss) == "number" then
    opts.raise("nn.fit: the loss is a number, not a tensor that has a gradient")
  end
  local fault = spoiled(value)
  if fault then
    health.raise(run.net, "the loss is " .. fault, where_now(run, i), run.last_good)
  end
  if fresh then run.optimizer:zero_grad() end
  if weight ~= rows then loss = loss * (weight / rows) end
  loss:backward()
  run.sums.loss = run.sums.loss + value * weight
  run.sums.weight = run.sums.weight + weight
  return true
end

-- One step of the optimizer, from batches first .. last.
local function step(run, first, last)
  local o, loader = run.o, run.loader
  local rows = math.min(last * loader.batch_size, loader.rows) - (first - 1) * loader.batch_size
  local fresh = true
  for i = first, last do
    if add_gradient(run, i, rows, fresh) then fresh = false end
  end
  if fresh then return end
  local norm = run.clip_norm(run.params, o.clip_norm or math.huge)
  local fault = spoiled(norm)
  if fault then
    health.raise(run.net, "the norm of the gradients is " .. fault, where_now(run, last),
      run.last_good)
  end
  if o.clip_value then run.clip_value(run.params, o.clip_value) end
  run.optimizer:step()
  if run.ema then run.ema:update() end
  run.sums.norm, run.sums.steps = run.sums.norm + norm, run.sums.steps + 1
  run.history.steps = run.history.steps + 1
  if run.schedule and o.schedule_every == "step" then run.schedule:step() end
end

-- judging -----------------------------------------------------------------------------------------

-- The net has the running means of its weights until the result is closed.
local function averaged(run)
  if not run.ema then return nil end
  run.ema:swap()
  return setmetatable({}, { __close = function() run.ema:swap() end })
end

local function outputs_of(run, set)
  local outs, loss, weight = {}, 0, 0
  for i = 1, #set.loader do
    local x, y, w, n = set.loader:batch(i, 1)
    local out = run.net(x)
    local share = w and w:sum() or n
    if share > 0 then loss = loss + number(run.task.loss(out, y, w)) * share end
    weight = weight + share
    if #run.metrics > 0 then outs[i] = out end
  end
  return #outs > 0 and tensor.cat(outs, 1) or nil, loss / weight
end

local judged_by_values = { mse = true, rmse = true, mae = true, mape = true, r2 = true }

local function measure(run, metric, set, out)
  local task = run.task
  local p = task.classes and not judged_by_values[metric.name] and task:proba(out)
    or task:values(out)
  local value
  if metric.fn then
    value = metric.fn(set.y, p, set.w)
  else
    value = metrics[metric.name](set.y, p, { weights = set.w,
      classes = not judged_by_values[metric.name] and task.classes or nil })
  end
  if type(value) ~= "number" then
    opts.raise("nn.fit: metric '%s' gave a %s, a number is expected", metric.name, type(value))
  end
  return value
end

-- The loss on the validation set, and metrics by name, with the net switched to evaluation.
local function evaluate(run)
  local set = run.valid
  local means <close> = averaged(run) -- luacheck: ignore 211
  run.net:eval()
  return grad.no_grad(function()
    local out, loss = outputs_of(run, set)
    local values = {}
    for _, metric in ipairs(run.metrics) do values[metric.name] = measure(run, metric, set, out) end
    return loss, values
  end)
end

local function copied(state)
  local out = {}
  for name, t in pairs(state) do out[name] = t:clone() end
  return out
end

-- Remember the epoch if it is the best so far.
local function remember(run, loss, values)
  local h, o = run.history, run.o
  local value = h.watched == "loss" and loss or values[h.watched]
  if value ~= value then
    health.raise(run.net, ("%s of the validation set is nan"):format(h.watched),
      where_now(run, #run.loader), run.last_good)
  end
  local gain = run.larger and value - (h.best_value or -math.huge)
    or (h.best_value or math.huge) - value
  if gain > o.early_stopping_min_delta or not h.best_epoch then
    h.best_epoch, h.best_value = run.epoch, value
    if o.restore then
      local means <close> = averaged(run) -- luacheck: ignore 211
      run.best = copied(run.net:state())
    end
  end
  return value
end

local function waited_long(run)
  local h, rounds = run.history, run.o.early_stopping_rounds
  return rounds > 0 and h.best_epoch and h.epochs - h.best_epoch >= rounds
end

-- checkpoints -------------------------------------------------------------------------------------

local function settings(run)
  local o = run.o
  return { rows = run.loader.rows, batch_size = o.batch_size, accumulate = o.accumulate,
    shuffle = o.shuffle, drop_last = o.drop_last, loss = run.task.name }
end

-- The time since the last look belongs to this epoch.
local function count_time(run)
  local now = clock.monotonic()
  run.sums.seconds = run.sums.seconds + (now - (run.looked or now)) / 1e9
  run.looked = now
end

local function tree_of(run)
  local history = {}
  for name, value in next, run.history do history[name] = value end
  local stream, draws = run.stream, generator()
  count_time(run)
  return { net = run.net:state(), optimizer = run.optimizer:state(),
    schedule = run.schedule and run.schedule:state(), ema = run.ema and run.ema:state(),
    stream = { stream:state() }, draws = { draws:state() }, epoch = run.epoch, batch = run.batch,
    lr = run.lr, sums = run.sums, best = run.best, history = history, settings = settings(run) }
end

-- A failure after the start does not end a training: the file that was there is whole as before.
local function save(run, must)
  local path = run.o.checkpoint.path
  local ok, message = pcall(checkpoint.write, path, tree_of(run))
  if ok then
    run.last_good = path
    return
  end
  if must then error(message, 0) end
  local text = ("checkpoint after step %d was not written: %s"):format(run.history.steps,
    tostring(message):gsub("^[^\n:]+:%d+: ", ""))
  table.insert(run.history.warnings, text)
  log.warn("nn.fit: " .. text)
end

local function same_settings(path, old, new)
  for _, name in ipairs(opts.names(new)) do
    if old[name] ~= new[name] then
      opts.raise("nn.fit: resume: %s was %s in '%s', now it is %s", name, tostring(old[name]), path,
        tostring(new[name]))
    end
  end
end

local function both(path, what, stored, present)
  if (stored ~= nil) == (present ~= nil) then return end
  opts.raise("nn.fit: resume: '%s' holds %s %s, and the options %s one", path,
    stored and "a" or "no", what, present and "ask for" or "have no")
end

local FIELDS = { net = "table", optimizer = "table", settings = "table", stream = "table",
  draws = "table", sums = "table", history = "table", epoch = "number", batch = "number" }

-- Is everything there that a training goes on from?
local function check_tree(run, path, tree)
  for _, name in ipairs(opts.names(FIELDS)) do
    local value = type(tree) == "table" and tree[name]
    if type(value) ~= FIELDS[name] then
      opts.raise("nn.fit: resume: '%s' of '%s' is a %s, a %s is expected", name, path, type(value),
        FIELDS[name])
    end
  end
  opts.integer("nn.fit: resume", ("epoch of '%s'"):format(path), tree.epoch, 1)
  opts.integer("nn.fit: resume", ("batch of '%s'"):format(path), tree.batch, 0, #run.loader)
end

-- Go on where the file was written.
local function restore(run, path)
  local tree = checkpoint.read("nn.fit", path)
  check_tree(run, path, tree)
  same_settings(path, tree.settings, settings(run))
  both(path, "schedule", tree.schedule, run.schedule)
  both(path, "mean of weights", tree.ema, run.ema)
  run.net:load_state(tree.net)
  if run.schedule then run.schedule:load_state(tree.schedule) end
  run.optimizer:load_state(tree.optimizer)
  if run.ema then run.ema:load_state(tree.ema) end
  run.stream:state(table.unpack(tree.stream))
  run.loader:follow(run.o.shuffle and run.stream:split "order" or nil)
  generator():state(table.unpack(tree.draws))
  run.epoch, run.batch, run.lr = tree.epoch, tree.batch, tree.lr
  run.sums, run.best = tree.sums, tree.best
  for name, value in pairs(tree.history) do rawset(run.history, name, value) end
  run.history.stopped, run.history.restored = nil, nil
  run.last_good = path
end

--- Load what `resume` names, and write the first checkpoint, so that a path that cannot be written
--- to fails before the work.
---@param run table
function train.prepare(run)
  local o = run.o
  local path = type(o.resume) == "string" and o.resume or o.resume and o.checkpoint.path
  if path and (type(o.resume) == "string" or file.exists(path)) then restore(run, path) end
  if o.checkpoint then save(run, true) end
end

-- the loop ----------------------------------------------------------------------------------------

local function no_sums()
  return { loss = 0.0, weight = 0.0, norm = 0.0, steps = 0, loading = 0.0, seconds = 0.0 }
end

-- The optimizer steps what the net had at first: anything new would stay as it is, without a word.
local function same_parameters(run)
  local now = run.net:parameters()
  local same = #now == #run.params
  for i, p in ipairs(run.params) do same = same and rawequal(p, now[i]) end
  if not same then
    opts.raise("nn.fit: a callback gave the net other parameters (%d before, %d now), which the "
      .. "optimizer does not know; stop by returning false, and call nn.fit again", #run.params,
      #now)
  end
end

-- True when a callback of that name returned false.
local function call_back(run, name, info)
  local stop, called = false, false
  for _, callbacks in ipairs(run.callbacks) do
    if callbacks[name] then
      called = true
      info.epochs, info.net, info.optimizer = run.o.epochs, run.net, run.optimizer
      info.history = run.history
      if callbacks[name](info) == false then stop = true end
    end
  end
  if called and not stop then same_parameters(run) end
  return stop
end

local function line_text(run)
  local h = run.history
  local text = ("epoch %d, loss %.5g"):format(run.epoch, run.sums.loss / run.sums.weight)
  local last = h.valid_loss[#h.valid_loss]
  return last and ("%s, valid %.5g"):format(text, last) or text
end

-- After a step: progress, callbacks, a checkpoint where one is due; true to stop.
local function after_step(run, line)
  local o, batches = run.o, #run.loader
  local stop = false
  if line.draws or line.call then
    stop = line:step((run.epoch - 1) * batches + run.batch, line_text(run),
      { epoch = run.epoch, batch = run.batch, loss = run.sums.loss / run.sums.weight })
  end
  stop = call_back(run, "on_batch", { epoch = run.epoch, batch = run.batch, batches = batches,
    step = run.history.steps, loss = run.sums.loss / run.sums.weight,
    lr = run.optimizer.lr }) or stop
  if o.checkpoint and o.checkpoint.every_steps and run.batch < batches
    and run.history.steps % o.checkpoint.every_steps == 0 then
    save(run)
  end
  return stop
end

local function begin_epoch(run)
  run.net:train()
  if run.batch == 0 then run.sums, run.lr = no_sums(), run.optimizer.lr end
  run.lr, run.looked = run.lr or run.optimizer.lr, clock.monotonic()
end

-- Note what an epoch came to; true to stop.
local function finish_epoch(run)
  local h, o, sums = run.history, run.o, run.sums
  local info = { epoch = run.epoch, loss = sums.loss / sums.weight, lr = run.lr }
  local watched = info.loss
  if run.valid then
    info.valid_loss, info.metrics = evaluate(run)
    watched = remember(run, info.valid_loss, info.metrics)
    table.insert(h.valid_loss, info.valid_loss)
    for name, value in pairs(info.metrics) do
      h.metrics[name] = h.metrics[name] or {}
      table.insert(h.metrics[name], value)
    end
  end
  count_time(run)
  info.seconds = sums.seconds
  table.insert(h.loss, info.loss)
  table.insert(h.lr, info.lr)
  table.insert(h.norm, sums.norm / math.max(1, sums.steps))
  table.insert(h.seconds, info.seconds)
  table.insert(h.loading, sums.loading)
  h.epochs = run.epoch
  if run.schedule and o.schedule_every == "epoch" then run.schedule:step(watched) end
  local stop = call_back(run, "on_epoch", info)
  run.epoch, run.batch, run.sums, run.lr, run.looked = run.epoch + 1, 0, no_sums(), nil, nil
  if o.checkpoint and (h.epochs % o.checkpoint.every == 0 or h.epochs == o.epochs or stop) then
    save(run)
  end
  return stop
end

-- An epoch from where it stands; true to stop.
local function one_epoch(run, line)
  local o, batches = run.o, #run.loader
  begin_epoch(run)
  while run.batch < batches do
    local last = math.min(run.batch + o.accumulate, batches)
    step(run, run.batch + 1, last)
    run.batch = last
    if after_step(run, line) then
      run.history.stopped = "callback"
      return true
    end
  end
  if finish_epoch(run) then
    run.history.stopped = "callback"
    return true
  end
end

local function loop(run)
  local total = run.o.epochs * #run.loader
  local line <close> = progress.start("nn.fit", total, run.o.progress)
  while run.epoch <= run.o.epochs do
    if waited_long(run) then
      run.history.stopped = "early"
      return
    end
    if one_epoch(run, line) then return end
  end
  if waited_long(run) then run.history.stopped = "early" end
end

-- The weights a user gets: the best ones, else the running means where there are any.
local function settle(run)
  local h = run.history
  if run.o.restore and run.best then
    run.net:load_state(run.best)
    h.restored = true
  elseif run.ema then
    run.net:load_state(run.ema:state(), { strict = false })
  end
  run.net:eval()
  for _, p in ipairs(run.params) do cgrad.clear(p) end
end

--- A training before its first step.
---@param parts table net, optimizer, schedule, ema, loader, valid, task, stream, metrics, history,
---  callbacks, o
---@return table
function train.new(parts)
  local optim = require "neap.optim"
  local run = parts
  run.params, run.epoch, run.batch, run.sums = run.net:parameters(), 1, 0, no_sums()
  run.clip_norm, run.clip_value = optim.clip_norm, optim.clip_value
  return run
end

--- Train until the epochs are over, or something stops it. Ctrl-C ends it between two operations:
--- the net is whole, and the history has all epochs that ended.
---@param run table
function train.run(run)
  if run.o.on_interrupt == "return" then
    local ended = base.until_interrupt(function() loop(run) end)
    if not ended then run.history.stopped = "interrupted" end
  else
    loop(run)
  end
  settle(run)
end

return train
