-- Where will the price be in the next five hours? An LSTM over two days of hourly candles beside
-- the forecast that nothing moves, for one to five steps ahead: MAPE of the price, and how often
-- the direction is right. Data: any OHLCV file (--data), or a synthetic market. Some five seconds
-- for 20 000 bars on two cores.
local neap = require "neap"
local clock = require "neap.clock"
local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"
local outputs = require "neap.outputs"
local market, models, nn, plot = neap.market, neap.models, neap.nn, neap.plot
local report, split, tensor = neap.report, neap.split, neap.tensor
local grad = neap.grad

local o = neap.options {
  name = "lstm_price",
  about = "An LSTM that forecasts the next closes, beside the forecast that nothing moves.",
  { "data", "file", help = "OHLCV file: CSV, plain, gzip or zstd; a synthetic market without it" },
  { "rows", "integer", default = 8000, min = 1000, max = 1000000, help = "synthetic bars" },
  { "length", "integer", default = 48, min = 2, max = 1000, help = "bars that the net sees" },
  { "steps", "integer", default = 5, min = 1, max = 50, help = "bars that are forecast" },
  { "hidden", "integer", default = 32, min = 1, max = 1024, help = "units of the LSTM" },
  { "epochs", "integer", default = 30, min = 1, max = 10000, help = "passes over the data" },
  { "patience", "integer", default = 5, min = 1, max = 10000,
    help = "epochs without a better validation loss before training stops" },
  { "lr", "number", default = 0.001, min = 0.0000001, max = 1, help = "step of Adam" },
  { "seed", "integer", default = 7, min = 0, max = 2147483647, help = "of all randomness" },
  { "out", "file", default = "runs", help = "folder that receives the run folder" },
  { "progress", "boolean", default = true, help = "a progress line on a terminal" },
}

local SHARES = { 0.7, 0.15, 0.15 }
local part_names = { "train", "valid", "test" }

local function say(topic, format, ...) print(("%-11s %s"):format(topic, format:format(...))) end

-- 1: bars -----------------------------------------------------------------------------------------

local function load_bars()
  if not o.data then
    return market.synthetic { rows = o.rows, seed = o.seed }, "synthetic market"
  end
  local bars, quality = market.validate(opts.plainly(market.read_ohlcv, o.data),
    { policy = "drop" })
  say("quality", "%d bars, %d gaps, %d dropped", quality.rows, quality.gaps, quality.dropped or 0)
  return bars, o.data
end

-- 2: what the net sees, and what it is asked ------------------------------------------------------

-- Bar by bar, all known at its close: returns, the reach of the bar, and the hour.
local function features(bars)
  local close = bars.close:to "f64"
  local before = close:shift(1)
  local columns = { (close / before):log(), (bars.high / close):log(), (bars.low / close):log(),
    (bars.open / before):log() }
  local hour = (bars.time:floordiv(3600000000000) % 24):to "f64" * (math.pi / 12)
  columns[5], columns[6] = hour:sin(), hour:cos()
  return tensor.stack(columns, 2), close
end

-- log(close[t + k] / close[t]) for k = 1 .. steps, of the bars first to last.
local function targets(close, first, last)
  local log, ahead = close:log(), {}
  for k = 1, o.steps do
    ahead[k] = log:slice(1, first + k, last + k) - log:slice(1, first, last)
  end
  return tensor.stack(ahead, 2)
end

-- Mean and deviation of the columns.
local function scale_of(x)
  local std = x:std(1)
  return { mean = x:mean(1), std = tensor.where(std:gt(0), std, 1.0) }
end

local function scaled(x, by) return ((x - by.mean) / by.std):clamp(-8, 8) end

-- Windows that end at the bars first to last: [bars, length, features].
local function windows(x, first, last)
  local ends = tensor.arange(first, last):reshape(-1, 1)
  return x:take((ends + tensor.arange(1 - o.length, 0)):to "i64", 1)
end

local function make_parts(bars)
  local x, close = features(bars)
  local skip = o.length -- the first return is of bar 2
  local usable = #close - skip - o.steps
  if usable < 200 then
    opts.stop(1, "lstm_price: %d bars leave %d windows with known outcomes; 200 are needed",
      #close, math.max(usable, 0))
  end
  local ranges = split.time(usable, SHARES, { purge = o.steps })
  local parts = { close = close }
  for i, name in ipairs(part_names) do
    parts[name] = { first = skip + ranges[i][1], last = skip + ranges[i][2] }
  end
  -- fitted on what the training part shows, and on nothing later
  local seen = parts.train
  parts.input = scale_of(x:slice(1, 2, seen.last))
  parts.output = scale_of(targets(close, seen.first, seen.last))
  x = scaled(x, parts.input):to "f32"
  for _, name in ipairs(part_names) do
    local p = parts[name]
    p.x, p.move = windows(x, p.first, p.last), targets(close, p.first, p.last)
    p.y = ((p.move - parts.output.mean) / parts.output.std):to "f32"
    p.time = bars.time:slice(1, p.first, p.last)
    say(name, "%d windows, %s to %s", #p.y, clock.print(p.time[1]), clock.print(p.time[-1]))
  end
  return parts
end

-- 3: training -------------------------------------------------------------------------------------

local function train(parts)
  local net = models.lstm_predictor(parts.train.x:size(3),
    { hidden_size = o.hidden, outputs = o.steps, dropout = 0.1 })
  local start = clock.monotonic()
  local history = nn.fit(net, parts.train.x, parts.train.y, { loss = "huber", epochs = o.epochs,
    batch_size = 64, lr = o.lr, clip_norm = 1, seed = o.seed, progress = o.progress,
    valid = { parts.valid.x, parts.valid.y }, early_stopping_rounds = o.patience })
  local seconds = (clock.monotonic() - start) / 1e9
  say("training", "%d parameters, best of %d epochs the %d., %.1f s", net:num_parameters(),
    history.epochs, history.best_epoch or history.epochs, seconds)
  return net, history, seconds
end

-- 4: judging, each step ahead by itself -----------------------------------------------------------

local function forecasts(net, x)
  local out = {}
  for first = 1, #x, 1024 do
    out[#out + 1] = grad.no_grad(net, x:slice(1, first, math.min(first + 1023, #x)))
  end
  return tensor.cat(out, 1):to "f64"
end

-- The mean error of the price in percent, and the share of moves whose direction is told rightly;
-- moves of nothing are left out of it, and a forecast of nothing is wrong half the time.
local function judge_step(move, forecast)
  local off = ((forecast - move):exp() - 1):abs():mean()
  local moved = move:ne(0)
  local hits = tensor.where(forecast:eq(0), 0.5, (forecast * move):gt(0):to "f64")
  return { mape = 100 * off, direction = hits[moved]:mean() }
end

local function judge(net, parts)
  local p, judged = parts.test, {}
  local forecast = forecasts(net, p.x) * parts.output.std + parts.output.mean
  for k = 1, o.steps do
    local move = p.move[{ {}, k }]
    local drift = parts.output.mean[k]
    judged[k] = {
      lstm = judge_step(move, forecast[{ {}, k }]),
      persistence = judge_step(move, move * 0),
      drift = judge_step(move, move * 0 + drift),
    }
    judged[k].lstm.correlation = tensor.corr(move, forecast[{ {}, k }])
  end
  return judged, forecast
end

local header = { "bars ahead", "MAPE: LSTM", "persistence", "drift", "direction: LSTM", "drift",
  "correlation" }

local function table_rows(judged)
  local rows = {}
  for k, j in ipairs(judged) do
    rows[k] = { tostring(k), ("%.4f %%"):format(j.lstm.mape),
      ("%.4f %%"):format(j.persistence.mape), ("%.4f %%"):format(j.drift.mape),
      ("%.3f"):format(j.lstm.direction), ("%.3f"):format(j.drift.direction),
      ("%.3f"):format(j.lstm.correlation) }
  end
  return rows
end

local function figures(r)
  local list = { { "rows_train", #r.parts.train.y }, { "rows_test", #r.parts.test.y },
    { "parameters", r.net:num_parameters() }, { "epochs", r.history.epochs } }
  for k, j in ipairs(r.judged) do
    for _, name in ipairs { "lstm", "persistence", "drift" } do
      list[#list + 1] = { ("%s_mape_%d"):format(name, k), j[name].mape }
      list[#list + 1] = { ("%s_direction_%d"):format(name, k), j[name].direction }
    end
    list[#list + 1] = { "lstm_correlation_" .. k, j.lstm.correlation }
  end
  return list
end

local function build_report(r)
  local p, last = r.parts.test, r.judged[o.steps]
  local page = report.new { title = "Closes of " .. r.source:match "[^/]*$",
    subtitle = ("%d to %d bars ahead, from %d bars"):format(1, o.steps, o.length) }
  if not o.data then
    page:notice "Synthetic market: these figures show that the machinery works, and nothing else."
  end
  page:figures { { "MAPE, LSTM", ("%.3f %%"):format(last.lstm.mape) },
    { "MAPE, persistence", ("%.3f %%"):format(last.persistence.mape) },
    { "direction, LSTM", ("%.3f"):format(last.lstm.direction) } }
  page:section "The test part, seen once":table(header, table_rows(r.judged))
  local shown = math.min(500, #p.y)
  local at, close = p.time:slice(1, 1, shown), r.parts.close
  local base = close:slice(1, p.first, p.first + shown - 1)
  page:chart(plot.chart { title = ("Close in %d bars, the first %d windows"):format(o.steps, shown),
    width = 960, height = 320, x = "time",
    { "line", at, base * p.move[{ { 1, shown }, o.steps }]:exp(), name = "what came" },
    { "line", at, base * r.forecast[{ { 1, shown }, o.steps }]:exp(), name = "LSTM" } })
  page:section "Training":chart(plot.chart { title = "Loss", width = 720, height = 300,
    x_label = "epoch", { "line", r.history.loss, name = "training" },
    { "line", r.history.valid_loss, name = "validation" } })
  page:section "Conventions":list {
    "Forecasts are of log returns from the last close; a price is that close times their exp.",
    "Scaling is fitted on the training part; targets are known so many bars later, and as many "
      .. "rows are left out at both borders.",
    "Persistence says that the price stays, drift that it grows as it did on average in training. "
      .. "A price looks well forecast on a chart when it is only repeated: compare the errors." }
  return page:section "Options":code(o:yaml())
end

local function main()
  local folder <close> = outputs.open(o.out)
  neap.seed(o.seed)
  local bars, source = load_bars()
  local r = { source = source, parts = make_parts(bars) }
  r.net, r.history, r.seconds = train(r.parts)
  r.judged, r.forecast = judge(r.net, r.parts)
  local format = "%-11s" .. ("%17s"):rep(#header - 1)
  print(format:format(table.unpack(header)))
  for _, row in ipairs(table_rows(r.judged)) do print(format:format(table.unpack(row))) end
  opts.plainly(tensor.save, folder.path .. "/weights.safetensors", r.net:state())
  folder:write("config.yaml", o:yaml())
  folder:save("report.html", build_report(r), "save")
  folder:write("metrics.json", json.object(figures(r)))
  local path = folder:commit("lstm_price", file.sha256(o:yaml() .. source):sub(1, 8))
  say("report", "%s/report.html", path)
end

main()
