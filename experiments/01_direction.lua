-- Will the highest close of the next few bars exceed the current close by more than a threshold?
-- Data: any OHLCV file (--data), or a synthetic market. Candles in; a calibrated model, judged
-- beside its baselines, and a backtest after costs out. Seconds for 20 000 bars on two cores.
local neap = require "neap"
local clock = require "neap.clock"
local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"
local outputs = require "neap.outputs"
local tensor, market, features, labels = neap.tensor, neap.market, neap.features, neap.labels
local split, gbdt, linear, calibration = neap.split, neap.gbdt, neap.linear, neap.calibration
local metrics, backtest, plot, report = neap.metrics, neap.backtest, neap.plot, neap.report

local o = neap.options {
  name = "direction",
  about = "From candles to a calibrated direction model and an honest backtest.",
  { "data", "file", help = "OHLCV file: CSV, plain, gzip or zstd; a synthetic market without it" },
  { "symbol", "text", help = "the symbol to use of a file that holds several" },
  { "time_zone", "text", default = "UTC", help = "zone of times written without one" },
  { "time_format", "text", help = "how times are written, as in %d.%m.%Y %H:%M:%S" },
  { "columns", "text", help = "header names, as in time=stamp,close=last" },
  { "policy", "choice", choices = { "raise", "drop", "fill" }, default = "drop",
    help = "what happens to bars that contradict themselves" },
  { "rows", "integer", default = 20000, min = 1000, max = 10000000, help = "synthetic bars" },
  { "lookforward", "integer", default = 5, min = 1, max = 1000, help = "bars the label looks at" },
  { "threshold", "number", min = 0.00001, max = 0.5, also = { "auto" },
    help = "rise that makes a label 1; auto gives 40 % ones in training (default with --data; "
      .. "synthetic: 0.02)" },
  { "train_share", "share", default = 0.6, help = "share of rows, first" },
  { "valid_share", "share", default = 0.2, help = "share of rows, next" },
  { "trees", "integer", default = 300, min = 1, max = 10000, help = "boosting rounds at most" },
  { "leaves", "integer", default = 31, min = 2, max = 4096, help = "leaves of a tree" },
  { "learning_rate", "number", default = 0.05, min = 0.000001, max = 1, help = "step of a tree" },
  { "patience", "integer", default = 30, min = 1, max = 10000,
    help = "rounds without a better validation log loss before training stops" },
  { "fee", "number", default = 0.0005, min = 0, max = 0.1, help = "share of the value a side" },
  { "slippage", "number", default = 0.0002, min = 0, max = 0.1, help = "adverse move a side" },
  { "seed", "integer", default = 7, min = 0, max = 2147483647, help = "of all randomness" },
  { "threads", "integer", default = 0, min = 0, max = 256, help = "0 uses every core" },
  { "name", "text", default = "direction", help = "first part of the run folder's name" },
  { "out", "file", default = "runs", help = "folder that receives the run folder" },
  { "progress", "boolean", default = true, help = "a progress line on a terminal" },
}

local shares = { o.train_share, o.valid_share, 1 - o.train_share - o.valid_share }
local least_rows = 100 -- of a part, besides the purge: to fit and to judge on

local function say(topic, format, ...) print(("%-11s %s"):format(topic, format:format(...))) end
local function percent(v) return v == v and ("%.1f %%"):format(100 * v) or "-" end

-- Header names by role, from an option like time=stamp,close=last.
local function column_names()
  local names = {}
  for pair in (o.columns or ""):gmatch "[^,]+" do
    local name, header = pair:match "^%s*(%w+)%s*=%s*(.-)%s*$"
    if not name then
      opts.stop(2, "direction: option 'columns' is '%s' (%s), allowed is a list like "
        .. "time=stamp,close=last", o.columns, o:source "columns")
    end
    names[name] = header
  end
  return names
end

-- What no single option can tell.
local function check_options()
  if shares[3] < 1e-9 then
    opts.stop(2, "direction: options 'train_share' %g (%s) and 'valid_share' %g (%s) leave "
      .. "nothing to test, allowed is a sum below 1", o.train_share, o:source "train_share",
      o.valid_share, o:source "valid_share")
  end
  if not o.name:find "^%w[%w._-]*$" then
    opts.stop(2, "direction: option 'name' is '%s' (%s), allowed are letters, digits and ._-",
      o.name, o:source "name")
  end
  column_names()
  o.threshold = o.threshold or (o.data and "auto" or 0.02)
end

-- 1, 2: bars and their quality --------------------------------------------------------------------

-- Bars, where they are from, and what stands for them in the hash of the run.
local function read_bars()
  if not o.data then
    return market.synthetic { rows = o.rows, seed = o.seed }, "synthetic market", "synthetic"
  end
  local bars = opts.plainly(market.read_ohlcv, o.data,
    { symbol = o.symbol, time_zone = o.time_zone, time_format = o.time_format,
      columns = column_names() })
  return bars, o.data, opts.plainly(file.sha256_file, o.data)
end

local function load_bars()
  local bars, source, hash = read_bars()
  say("data", "%s", source)
  local clean, quality = opts.plainly(market.validate, bars, { policy = o.policy })
  print(tostring(quality))
  return { bars = clean, quality = quality, source = source, hash = hash, synthetic = not o.data }
end

-- 3, 4, 5: features, labels, split ----------------------------------------------------------------

-- Rows whose features are warm and whose label is known, cut into three parts in time.
local function cut_parts(bars, lookback)
  local usable = #bars - lookback - o.lookforward
  local least = math.ceil((o.lookforward + least_rows) / math.min(table.unpack(shares)))
  if usable < least then
    opts.stop(1, "%d bars are too few: warm-up (%d), lookforward (%d) and the split into three "
      .. "parts need %d", #bars, lookback, o.lookforward, lookback + o.lookforward + least)
  end
  return usable, split.time(usable, shares, { purge = o.lookforward })
end

-- The labels of the training rows first to last look at the rows purged behind them, too.
local function choose_threshold(bars, first, last)
  if o.threshold ~= "auto" then return o.threshold end
  return labels.auto_threshold(bars, { lookforward = o.lookforward, share = 0.4,
    rows = { first, last + o.lookforward } })
end

local part_names = { "train", "valid", "test" }

local function check_classes(parts)
  for _, name in ipairs(part_names) do
    local share = parts[name].y:mean()
    if share == 0 or share == 1 then
      opts.stop(1, "the %s part holds one class only: all labels are %d at threshold %.6g; choose "
        .. "another threshold", name, share, parts.threshold)
    end
  end
end

-- All features in one matrix of 4-byte numbers; the columns it is made of go at once.
local function feature_matrix(set, bars)
  local frame = set:compute(bars)
  local x, names = frame:matrix(nil, { dtype = "f32" }), frame:columns()
  return x, names
end

local function make_parts(bars)
  local list, left_out = features.default(bars)
  if #left_out > 0 then
    say("features", "the bars have no volume: %s are left out", table.concat(left_out, ", "))
  end
  local set = features.set(list)
  local lookback = set:lookback()
  local usable, ranges = cut_parts(bars, lookback)
  local threshold = choose_threshold(bars, lookback + ranges[1][1], lookback + ranges[1][2])
  local y, known_at = labels.threshold(bars,
    { lookforward = o.lookforward, threshold = threshold })
  local x, names = feature_matrix(set, bars)
  collectgarbage()
  local parts = { names = names, threshold = threshold, rows = usable, known_at = known_at,
    lookback = lookback }
  for i, name in ipairs(part_names) do
    local first, last = lookback + ranges[i][1], lookback + ranges[i][2]
    parts[name] = { first = first, last = last, x = x:slice(1, first, last),
      y = y:slice(1, first, last) }
  end
  check_classes(parts)
  say("features", "%d, warm-up %d bars", #names, lookback)
  say("labels", "1 when the highest of the next %d closes exceeds the close by %.6g", o.lookforward,
    threshold)
  for _, name in ipairs(part_names) do
    say(name, "%d rows, %s positive", #parts[name].y, percent(parts[name].y:mean()))
  end
  return parts
end

-- 6, 7: the model and its calibration -------------------------------------------------------------

-- Probability of label 1 in the last column, as a series.
local function positive(model, x)
  local p = model:predict_proba(x)
  return p:slice(2, 2, 2):reshape(p:size(1))
end

local function train(parts)
  local start = clock.monotonic()
  local model = gbdt.fit(parts.train.x, parts.train.y, {
    objective = "binary", num_iterations = o.trees, num_leaves = o.leaves,
    learning_rate = o.learning_rate, min_data_in_leaf = 50, seed = o.seed,
    valid = { parts.valid.x, parts.valid.y }, metric = "binary_logloss",
    early_stopping_rounds = o.patience, is_provide_training_metric = true,
    feature_names = parts.names, progress = o.progress,
  })
  local seconds = (clock.monotonic() - start) * 1e-9
  say("model", "%d trees of %d leaves in %.2f s", model.best_iteration, o.leaves, seconds)
  return model, seconds
end

local function calibrate(model, parts)
  local raw = positive(model, parts.valid.x)
  local calibrator, scores = calibration.select(parts.valid.y, raw, { folds = 5 })
  local texts = {}
  for i, s in ipairs(scores) do texts[i] = ("%s %.5f"):format(s.method, s.score) end
  say("calibrated", "by %s (%s)", calibrator.method, table.concat(texts, ", "))
  local cut = metrics.best_threshold(parts.valid.y, calibrator:apply(raw))
  return calibrator, scores, cut
end

-- 8, 9: judgement and latency ---------------------------------------------------------------------

-- Features as the baseline needs them: missing values at the training mean, that is 0 once
-- standardised.
local function standardised(parts)
  local mean = parts.train.x:mean(1, { skip_nan = true })
  local sd = parts.train.x:std(1, { skip_nan = true })
  sd = tensor.where(sd:gt(0), sd, 1)
  local function scale(x)
    local z = (x - mean):div_(sd)
    z[~z:isfinite()] = 0
    return z
  end
  return { train = scale(parts.train.x), test = scale(parts.test.x) }
end

local function judge_one(y, p)
  return {
    accuracy = metrics.accuracy(y, p), precision = metrics.precision(y, p),
    recall = metrics.recall(y, p), f1 = metrics.f1(y, p), auc = metrics.auc(y, p),
    log_loss = metrics.log_loss(y, p), brier = metrics.brier(y, p), ece = metrics.ece(y, p),
  }
end

local function judge(model, calibrator, parts)
  local y = parts.test.y
  local raw = positive(model, parts.test.x)
  local calibrated = calibrator:apply(raw)
  local z = standardised(parts)
  local logistic = linear.fit(z.train, parts.train.y, {})
  local base = tensor.full { #y, value = parts.train.y:mean() }
  return { y = y, raw = raw, calibrated = calibrated, model = judge_one(y, calibrated),
    uncalibrated = judge_one(y, raw), majority = judge_one(y, base),
    logistic = judge_one(y, positive(logistic, z.test)),
    reliability = metrics.reliability(y, calibrated), confusion = metrics.confusion(y, calibrated) }
end

local function measure_latency(model, calibrator, x)
  local n = math.min(#x, 2000)
  local rows, times = {}, {}
  for i = 1, n do rows[i] = x:slice(1, i, i):contiguous() end
  for round = 1, 2 do -- the first round warms the caches
    for i = 1, n do
      local start = clock.monotonic()
      calibrator:apply(model:predict_row(rows[i]))
      times[i] = (clock.monotonic() - start) * 1e-3
    end
    if round == 1 then collectgarbage() end
  end
  local t = tensor.of(times)
  local start, done = clock.monotonic(), 0
  repeat
    calibrator:apply(positive(model, x))
    done = done + #x
  until clock.monotonic() - start > 1e8
  return { mean = t:mean(), p95 = t:quantile(0.95), p99 = t:quantile(0.99),
    rows_per_second = done / ((clock.monotonic() - start) * 1e-9) }
end

-- 10: backtest ------------------------------------------------------------------------------------

local function simulate(bars, parts, calibrated, cut)
  local test = bars:rows(parts.test.first, parts.test.last)
  local result = opts.plainly(backtest.run, test, { target = calibrated:gt(cut):to "f64",
    fee = o.fee, slippage = o.slippage, fill = "open",
    bars_per_year = market.bars_per_year(bars) })
  return test, result
end

-- 11: output --------------------------------------------------------------------------------------

local function predictions_csv(test, judged)
  return neap.frame.new {
    { "time", test.time }, { "label", judged.y:to "i32" }, { "raw", judged.raw },
    { "calibrated", judged.calibrated },
  }
end

local function metric_list(r)
  local m, s = r.judged.model, r.result.stats
  return {
    { "rows", r.parts.rows }, { "features", #r.parts.names }, { "positives", r.judged.y:mean() },
    { "accuracy", m.accuracy }, { "precision", m.precision }, { "recall", m.recall },
    { "f1", m.f1 }, { "auc", m.auc }, { "log_loss", m.log_loss }, { "brier", m.brier },
    { "ece_raw", r.judged.uncalibrated.ece }, { "ece_calibrated", m.ece },
    { "majority_accuracy", r.judged.majority.accuracy }, { "logistic_auc", r.judged.logistic.auc },
    { "train_seconds", r.train_seconds }, { "predict_us_mean", r.latency.mean },
    { "predict_us_p95", r.latency.p95 }, { "predict_us_p99", r.latency.p99 },
    { "predict_rows_per_second", r.latency.rows_per_second },
    { "peak_rss_mb", clock.peak_rss() / 1e6 }, { "total_return", s.total_return },
    { "sharpe", s.sharpe }, { "sortino", s.sortino }, { "max_drawdown", s.max_drawdown },
    { "win_rate", s.win_rate }, { "trades", s.trades }, { "exposure", s.exposure },
    { "turnover", s.turnover }, { "benchmark_return", s.benchmark_return },
    { "predictions_sha256", r.predictions_sha256 },
  }
end

local judged_names = { "accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier", "ece" }
local judged_rows = { { "calibrated", "model" }, { "uncalibrated", "uncalibrated" },
  { "logistic regression", "logistic" }, { "majority class", "majority" } }

-- One row for each model, one column for each metric.
local function judged_table(judged)
  local rows = {}
  for i, row in ipairs(judged_rows) do
    rows[i] = { row[1] }
    for k, name in ipairs(judged_names) do
      rows[i][k + 1] = ("%.4f"):format(judged[row[2]][name])
    end
  end
  return { "", table.unpack(judged_names) }, rows
end

local function quality_charts(r)
  local reliability, judged = r.judged.reliability, r.judged
  local history, names, gains = r.model.history, {}, {}
  for i, item in ipairs(r.model:importance "gain") do
    if i <= 20 then names[i], gains[i] = item.name or item[1], item.value or item[2] end
  end
  local half = { width = 470, height = 320 }
  return {
    reliability = plot.chart { title = "Reliability on the test part", width = half.width,
      height = half.height, x_label = "predicted probability", y_label = "share of ones",
      x_range = { 0, 1 }, y_range = { 0, 1 },
      { "line", { 0, 1 }, { 0, 1 }, dash = true, color = 2 },
      { "line", reliability.mean, reliability.share, color = 1 },
      { "scatter", reliability.mean, reliability.share, color = 1, radius = 4 } },
    confusion = plot.heatmap(judged.confusion, { title = "Confusion at 0.5", width = half.width,
      height = half.height, rows = { "is 0", "is 1" }, columns = { "says 0", "says 1" } }),
    histogram = plot.histogram(judged.calibrated, { title = "Calibrated probabilities", bins = 40,
      range = { 0, 1 }, width = half.width, height = half.height }),
    training = plot.chart { title = "Log loss while training", width = half.width,
      height = half.height, x_label = "trees",
      { "line", history.train.binary_logloss, name = "training" },
      { "line", history.valid.binary_logloss, name = "validation" } },
    importance = plot.bar(names, gains, { title = "Gain by feature, the first twenty",
      horizontal = true, width = 720, height = 480, label_width = 190 }),
  }
end

local function market_charts(r)
  local time = r.test.time
  return plot.chart { title = "Equity", width = 960, height = 320, x = "time",
    { "line", time, r.result.equity, name = "strategy" },
    { "line", time, r.result.benchmark, name = "buy and hold" } },
    plot.chart { title = "Drawdown", width = 960, height = 200, x = "time",
      { "band", time, -r.result.drawdown, r.result.drawdown * 0, color = 2 } }
end

local function stats_rows(stats)
  local rows = {}
  for line in tostring(stats):gmatch "[^\n]+" do
    local name, value = line:match "^(%S+)%s+(.-)%s*$"
    rows[#rows + 1] = { (name:gsub("_", " ")), value }
  end
  return rows
end

local function build_report(r)
  local page = report.new { title = "Direction of " .. r.data.source:match "[^/]*$",
    subtitle = ("%d bars, highest of %d closes above the close by %.4g"):format(#r.data.bars,
      o.lookforward, r.parts.threshold) }
  if r.data.synthetic then
    page:notice "Synthetic market: these figures show that the machinery works, and nothing else."
  end
  local m, s, charts = r.judged.model, r.result.stats, quality_charts(r)
  page:figures { { "accuracy", percent(m.accuracy) }, { "AUC", ("%.3f"):format(m.auc) },
    { "log loss", ("%.4f"):format(m.log_loss) }, { "return after costs", percent(s.total_return) },
    { "buy and hold", percent(s.benchmark_return) }, { "Sharpe", ("%.2f"):format(s.sharpe) },
    { "largest drawdown", percent(s.max_drawdown) } }
  page:section "Judgement on the test part":table(judged_table(r.judged))
  page:charts(charts.reliability, charts.confusion, charts.histogram, charts.training)
  page:section "What the model uses":chart(charts.importance)
  page:section "Backtest on the test part":chart((market_charts(r)))
  page:chart((select(2, market_charts(r)))):table({ "statistic", "value" }, stats_rows(s))
  local scores = {}
  for i, score in ipairs(r.scores) do scores[i] = { score.method, ("%.6f"):format(score.score) } end
  page:section "Calibration":text("Chosen by log loss cross-validated over 5 contiguous folds of "
    .. "the validation part, refitted on all of it: " .. r.calibrator.method .. ".")
    :table({ "method", "log loss" }, scores)
  page:section "Data quality":code(tostring(r.data.quality))
  page:section "Speed":table({ "what", "value" }, {
    { "training, s", ("%.2f"):format(r.train_seconds) },
    { "one row, mean / p95 / p99, us", ("%.2f / %.2f / %.2f"):format(r.latency.mean, r.latency.p95,
      r.latency.p99) },
    { "rows per second in a batch", ("%.0f"):format(r.latency.rows_per_second) },
    { "peak memory, MB", ("%.0f"):format(clock.peak_rss() / 1e6) } })
  page:section "Conventions":list(r.result.conventions):list {
    ("The label is 1 when the highest of the next %d closes exceeds the close by more than the "
      .. "share %.6g."):format(o.lookforward, r.parts.threshold),
    ("Labels look %d bars ahead; as many rows are left out at both borders of the split, so no "
      .. "label of one part sees into the next."):format(o.lookforward),
    "Precision, recall and F1 are of label 1 at probability 0.5; ECE has 15 equal-width bins.",
    ("Bars a year are inferred from the cadence, %s."):format(r.data.quality.cadence_text),
    ("The strategy is long above a calibrated probability of %.6g, the best cut for F1 on the "
      .. "validation part, else flat."):format(r.cut) }
  return page:section "Options":code(o:yaml())
end

local function print_summary(r)
  local header, rows = judged_table(r.judged)
  local format = "%-20s" .. ("%10s"):rep(#header - 1)
  print(format:format(table.unpack(header)))
  for _, row in ipairs(rows) do print(format:format(table.unpack(row))) end
  print(tostring(r.result.stats))
  say("latency", "one row %.2f us mean, %.2f p95, %.2f p99; batch %.0f rows/s", r.latency.mean,
    r.latency.p95, r.latency.p99, r.latency.rows_per_second)
end

local function write_run(folder, r)
  local predictions = folder:save("predictions.csv", predictions_csv(r.test, r.judged),
    "write_csv", { digits = 17 })
  r.predictions_sha256 = file.sha256_file(predictions)
  folder:save("model.txt", r.model, "save")
  folder:write("config.yaml", o:yaml())
  folder:save("report.html", build_report(r), "save")
  folder:write("metrics.json", json.object(metric_list(r)))
  return folder:commit(o.name, file.sha256(o:yaml() .. r.data.hash):sub(1, 8))
end

local function main()
  check_options()
  local folder <close> = outputs.open(o.out)
  if o.threads > 0 then neap.set_threads(o.threads) end
  neap.seed(o.seed)
  local r = { data = load_bars() }
  r.parts = make_parts(r.data.bars)
  r.model, r.train_seconds = train(r.parts)
  r.calibrator, r.scores, r.cut = calibrate(r.model, r.parts)
  r.judged = judge(r.model, r.calibrator, r.parts)
  r.latency = measure_latency(r.model, r.calibrator, r.parts.test.x)
  r.test, r.result = simulate(r.data.bars, r.parts, r.judged.calibrated, r.cut)
  local path = write_run(folder, r)
  print_summary(r)
  say("report", "%s/report.html", path)
end

main()
