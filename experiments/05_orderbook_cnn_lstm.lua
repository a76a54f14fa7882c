-- Does a CNN+LSTM see more in an order book than logistic regression? DeepLOB on the ten best
-- levels of both sides after every event; where the smoothed mid price goes in the next k events:
-- down, stays, up. Data: an archive with X, [events, 40], and ts_ms (--data), or a made-up book
-- whose side the price is going to is thin. Five to fifteen seconds on two cores. Minutes of one
-- day prove that the machinery works, not that anybody has skill.
local neap = require "neap"
local clock = require "neap.clock"
local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"
local outputs = require "neap.outputs"
local grad, linear, metrics, models, nn = neap.grad, neap.linear, neap.metrics, neap.models, neap.nn
local plot, report, split, tensor = neap.plot, neap.report, neap.split, neap.tensor

local o = neap.options {
  name = "orderbook",
  about = "DeepLOB on the events of an order book, beside logistic regression.",
  { "data", "file", help = ".npz with X (ask price, ask volume, bid price, bid volume of each "
    .. "level) and ts_ms; a made-up book without it" },
  { "rows", "integer", default = 4000, min = 500, max = 1000000, help = "made-up events" },
  { "horizon", "integer", default = 50, min = 1, max = 10000,
    help = "events that the label looks ahead, and back" },
  { "length", "integer", default = 50, min = 2, max = 1000, help = "events that the net sees" },
  { "filters", "integer", default = 16, min = 1, max = 256, help = "channels of convolutions" },
  { "hidden", "integer", default = 32, min = 1, max = 1024, help = "units of the LSTM" },
  { "epochs", "integer", default = 12, min = 1, max = 10000, help = "passes over the data" },
  { "patience", "integer", default = 4, min = 1, max = 10000,
    help = "epochs without a better validation loss before training stops" },
  { "lr", "number", default = 0.001, min = 0.0000001, max = 1, help = "step of Adam" },
  { "seed", "integer", default = 7, min = 0, max = 2147483647, help = "of all randomness" },
  { "out", "file", default = "runs", help = "folder that receives the run folder" },
  { "progress", "boolean", default = true, help = "a progress line on a terminal" },
}

local SHARES = { 0.6, 0.2, 0.2 }
local part_names = { "train", "valid", "test" }
local LEVELS = 10

local function say(topic, format, ...) print(("%-11s %s"):format(topic, format:format(...))) end

-- 1: the book -------------------------------------------------------------------------------------

-- The mid wanders around one price by whole ticks; the side that it is going to is thin.
local function made_up_book()
  local n, r = o.rows, neap.rng(o.seed)
  local function noise(name) return tensor.randn { n, rng = r:split(name) } end
  local wander = noise "mid":rolling_mean(50, 1, { min_count = 1 }) * 30
  local ahead = wander:shift(-15) - wander
  local lean = tensor.where(ahead:isnan(), 0.0, ahead) * 0.15 + noise "lean" * 0.5
  local mid, columns = wander:round() * 2 + 1e6, {}
  for k = 1, LEVELS do
    local tilt, at = lean / k, 4 * k - 3
    columns[at], columns[at + 2] = mid + (2 * k - 1), mid - (2 * k - 1)
    columns[at + 1] = (noise("ask" .. k) * 0.5 - tilt):exp()
    columns[at + 3] = (noise("bid" .. k) * 0.5 + tilt):exp()
  end
  return tensor.stack(columns, 2), tensor.arange(0, n - 1):to "i64" * 100
end

local function load_book()
  if not o.data then
    local x, ms = made_up_book()
    return x, ms, "made-up book"
  end
  local archive = opts.plainly(tensor.load, o.data)
  local x, ms = archive.X, archive.ts_ms
  if not x or not ms or x:dim() ~= 2 or x:size(2) ~= 4 * LEVELS then
    opts.stop(1, "orderbook: %s must hold X, [events, %d], and ts_ms", o.data, 4 * LEVELS)
  end
  return x, ms, o.data
end

-- 2: labels and inputs ----------------------------------------------------------------------------

-- How the mean of the next k mids differs from the mean of the last k, this one included; known k
-- events later. NaN where either is not whole.
local function smoothed_move(mid, k)
  local mean = mid:rolling_mean(k)
  return mean:shift(-k) / mean - 1
end

-- Prices as distances from the mid and volumes as logarithms: what a level means does not move with
-- the price.
local function relative(x, mid)
  local columns, at = {}, mid:reshape(-1, 1)
  local parts = x:reshape(#x, LEVELS, 2, 2)
  columns[1] = (parts[{ {}, {}, {}, 1 }]:reshape(#x, 2 * LEVELS) / at - 1) * 1e4
  columns[2] = parts[{ {}, {}, {}, 2 }]:reshape(#x, 2 * LEVELS):log1p()
  return tensor.stack(columns, 3):reshape(#x, 4 * LEVELS)
end

-- Windows that end at the events first to last: [events, length, 40].
local function windows(x, first, last)
  local ends = tensor.arange(first, last):reshape(-1, 1)
  return x:take((ends + tensor.arange(1 - o.length, 0)):to "i64", 1)
end

-- Down, stays, up as 1, 2, 3; a third of the training labels stays.
local function classes(move, threshold)
  return (move:gt(threshold):to "i64" - move:lt(-threshold):to "i64") + 2
end

local function check_classes(parts)
  for _, name in ipairs(part_names) do
    if parts[name].y:unique():numel() < 3 then
      opts.stop(1, "orderbook: the %s part lacks a class; choose another horizon", name)
    end
  end
end

local function make_parts(x, ms)
  local mid = (x[{ {}, 1 }] + x[{ {}, 3 }]) / 2
  local move = smoothed_move(mid, o.horizon)
  local skip = math.max(o.length, o.horizon)
  local usable = #x - skip - o.horizon
  if usable < 300 then
    opts.stop(1, "orderbook: %d events leave %d with known labels; 300 are needed", #x,
      math.max(usable, 0))
  end
  local ranges, parts = split.time(usable, SHARES, { purge = o.horizon }), {}
  for i, name in ipairs(part_names) do
    parts[name] = { first = skip + ranges[i][1], last = skip + ranges[i][2] }
  end
  local seen = parts.train
  local rel = relative(x, mid)
  local shown = rel:slice(1, 1, seen.last) -- scaling and threshold know the training part only
  local std = shown:std(1)
  rel = ((rel - shown:mean(1)) / tensor.where(std:gt(0), std, 1.0)):clamp(-8, 8):to "f32"
  parts.threshold = move:slice(1, seen.first, seen.last):abs():quantile(1 / 3)
  for _, name in ipairs(part_names) do
    local p = parts[name]
    p.x, p.flat = windows(rel, p.first, p.last), rel:slice(1, p.first, p.last)
    p.y = classes(move:slice(1, p.first, p.last), parts.threshold)
    local counts = p.y:bincount()
    say(name, "%d events in %.0f s; down %d, stays %d, up %d", #p.y,
      (ms[p.last] - ms[p.first]) / 1000, counts[1], counts[2], counts[3])
  end
  check_classes(parts)
  return parts
end

-- 3: models ---------------------------------------------------------------------------------------

local function train(parts)
  local net = models.cnn_lstm(4 * LEVELS, { filters = o.filters, inception = o.filters,
    hidden_size = o.hidden, padding = "causal" })
  local start = clock.monotonic()
  local history = nn.fit(net, parts.train.x, parts.train.y, { loss = "cross_entropy",
    epochs = o.epochs, batch_size = 32, lr = o.lr, clip_norm = 5, seed = o.seed,
    progress = o.progress, valid = { parts.valid.x, parts.valid.y },
    early_stopping_rounds = o.patience })
  local seconds = (clock.monotonic() - start) / 1e9
  say("training", "%d parameters, best of %d epochs the %d., %.1f s", net:num_parameters(),
    history.epochs, history.best_epoch or history.epochs, seconds)
  return net, history, seconds
end

local function net_probabilities(net, x)
  local out = {}
  for first = 1, #x, 256 do
    local logits = grad.no_grad(net, x:slice(1, first, math.min(first + 255, #x)))
    out[#out + 1] = logits:softmax(2)
  end
  return tensor.cat(out, 1):to "f64"
end

-- The same book, now and as it was on average over the window: what a linear model is shown.
local function summary(p) return tensor.cat({ p.flat, p.x:mean(2) }, 2):to "f64" end

-- The strength of its penalty is that of the best validation log loss.
local function logistic(parts)
  local x, shown, best = summary(parts.train), summary(parts.valid), nil
  for _, C in ipairs { 1e-5, 1e-4, 1e-3, 1e-2, 1e-1 } do
    local model = linear.fit(x, parts.train.y, { kind = "logistic", standardize = true, C = C })
    local loss = metrics.log_loss(parts.valid.y, model:predict_proba(shown),
      { classes = { 1, 2, 3 } })
    if not best or loss < best.loss then best = { loss = loss, model = model, C = C } end
  end
  say("logistic", "C = %g", best.C)
  return best.model
end

-- 4: judging --------------------------------------------------------------------------------------

local names = { "accuracy", "balanced_accuracy", "f1", "log_loss" }

local function judge(y, p)
  local found = { classes = { 1, 2, 3 } }
  return { accuracy = metrics.accuracy(y, p, found), f1 = metrics.f1(y, p, found),
    balanced_accuracy = metrics.balanced_accuracy(y, p, found),
    log_loss = metrics.log_loss(y, p, found), confusion = metrics.confusion(y, p, found) }
end

-- Shares of the training labels, for every event.
local function base_rates(parts)
  local shares = parts.train.y:bincount():to "f64" / #parts.train.y
  return shares:reshape(1, 3):expand(#parts.test.y, 3):contiguous()
end

local order = { "cnn_lstm", "logistic", "base_rate" }

local function table_rows(judged)
  local rows = {}
  for i, model in ipairs(order) do
    rows[i] = { (model:gsub("_", " ")) }
    for k, name in ipairs(names) do rows[i][k + 1] = ("%.4f"):format(judged[model][name]) end
  end
  return rows
end

local header = { "", "accuracy", "balanced", "macro F1", "log loss" }

-- One event as it comes, by the stream, beside a whole window.
local function measure_tick(net, parts)
  local s, x = net:stream(), parts.test.flat
  local start, n = clock.monotonic(), math.min(#x, 500)
  for t = 1, n do s:push(x[t]) end
  return (clock.monotonic() - start) / 1e3 / n
end

local function figures(r)
  local list = { { "rows_train", #r.parts.train.y }, { "rows_test", #r.parts.test.y },
    { "threshold", r.parts.threshold }, { "parameters", r.net:num_parameters() },
    { "epochs", r.history.epochs } }
  for _, model in ipairs(order) do
    for _, name in ipairs(names) do
      list[#list + 1] = { model .. "_" .. name, r.judged[model][name] }
    end
  end
  return list
end

local function build_report(r)
  local page = report.new { title = "Order book of " .. r.source:match "[^/]*$",
    subtitle = ("%d events ahead, from %d events of %d levels"):format(o.horizon, o.length,
      LEVELS) }
  page:notice(o.data and "Minutes of one day: these figures prove that the machinery works, and no "
    .. "skill." or "A made-up book: these figures show that the machinery works, and nothing else.")
  local net, base = r.judged.cnn_lstm, r.judged.logistic
  page:figures { { "macro F1, CNN+LSTM", ("%.3f"):format(net.f1) },
    { "macro F1, logistic", ("%.3f"):format(base.f1) },
    { "log loss, CNN+LSTM", ("%.4f"):format(net.log_loss) },
    { "one event, us", ("%.0f"):format(r.tick) } }
  page:section "The test part, seen once":table(header, table_rows(r.judged))
  local what = { "down", "stays", "up" }
  local function matrix(name, title)
    return plot.heatmap(r.judged[name].confusion, { title = title, width = 470, height = 320,
      rows = { "is down", "is same", "is up" }, columns = what })
  end
  page:charts(matrix("cnn_lstm", "CNN+LSTM"), matrix("logistic", "Logistic regression"))
  page:section "Training":chart(plot.chart { title = "Loss", width = 720, height = 300,
    x_label = "epoch", { "line", r.history.loss, name = "training" },
    { "line", r.history.valid_loss, name = "validation" } })
  page:section "Conventions":list {
    ("The label compares the mean of the next %d mids with that of the last %d; it stays within "
      .. "%.3g, the third of the training labels that moves least."):format(o.horizon, o.horizon,
      r.parts.threshold),
    "Parts follow each other in time, and rows whose labels see across a border are left out. "
      .. "Scaling and threshold are of the training part.",
    "Logistic regression is shown the book now and its mean over the window." }
  return page:section "Options":code(o:yaml())
end

local function main()
  local folder <close> = outputs.open(o.out)
  neap.seed(o.seed)
  local x, ms, source = load_book()
  local r = { source = source, parts = make_parts(x, ms) }
  r.net, r.history, r.seconds = train(r.parts)
  local y = r.parts.test.y
  r.judged = { cnn_lstm = judge(y, net_probabilities(r.net, r.parts.test.x)),
    logistic = judge(y, logistic(r.parts):predict_proba(summary(r.parts.test))),
    base_rate = judge(y, base_rates(r.parts)) }
  r.tick = measure_tick(r.net, r.parts)
  local format = "%-11s" .. ("%11s"):rep(#names)
  print(format:format(table.unpack(header)))
  for _, row in ipairs(table_rows(r.judged)) do print(format:format(table.unpack(row))) end
  say("stream", "%.0f us an event", r.tick)
  opts.plainly(tensor.save, folder.path .. "/weights.safetensors", r.net:state())
  folder:write("config.yaml", o:yaml())
  folder:save("report.html", build_report(r), "save")
  folder:write("metrics.json", json.object(figures(r)))
  local path = folder:commit("orderbook", file.sha256(o:yaml() .. source):sub(1, 8))
  say("report", "%s/report.html", path)
end

main()
