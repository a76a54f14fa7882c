-- experiments/01_direction.lua as its users run it: outputs, repeatability, options.
local command = require "tests.lua.command"
local file = require "neap.file"
local market = require "neap.market"
local metrics = require "neap.metrics"
local support = require "tests.lua.support"
local frame = require "neap.frame"
local yaml = require "neap.yaml"

local small = "--rows 1500 --trees 12 "

local keys = { "rows", "features", "positives", "accuracy", "precision", "recall", "f1", "auc",
  "log_loss", "brier", "ece_raw", "ece_calibrated", "majority_accuracy", "logistic_auc",
  "train_seconds", "predict_us_mean", "predict_us_p95", "predict_us_p99",
  "predict_rows_per_second", "peak_rss_mb", "total_return", "sharpe", "sortino", "max_drawdown",
  "win_rate", "trades", "exposure", "turnover", "benchmark_return", "predictions_sha256" }

local folder

local function only_run(where)
  local names = file.list(where)
  assert.equal(1, #names, "run folders: " .. table.concat(names, " "))
  return where .. "/" .. names[1], names[1]
end

-- Names in order and values of a flat JSON object; a value of null is missing.
local function read_json(path)
  local names, values = {}, {}
  local text = file.read(path)
  for name, value in text:gmatch '\n  "([%w_]+)": ([^\n]-),?%f[\n]' do
    names[#names + 1] = name
    values[name] = tonumber(value) or value:match '^"(.*)"$'
    if not values[name] then assert.equal("null", value) end
  end
  local lines = select(2, text:gsub("\n", ""))
  assert.equal(#names + 2, lines, "lines of " .. path)
  return values, names
end

-- One run in a fresh folder: its path, its metrics, what it printed.
local function fresh(arguments, before)
  local where = file.temporary_folder()
  local r = command.run(where, arguments, before)
  assert.equal(0, r.code, r.err)
  assert.equal("", r.err)
  local path, name = only_run(where .. "/runs")
  return { where = where, path = path, name = name, out = r.out,
    metrics = read_json(path .. "/metrics.json") }
end

local function sha_of(arguments, before)
  local run = fresh(arguments, before)
  file.remove_tree(run.where)
  return run.metrics.predictions_sha256
end

describe("a synthetic run", function()
  local run

  setup(function() run = fresh(small) end)
  teardown(function() file.remove_tree(run.where) end)

  it("leaves five files in a folder with its name, time and hash", function()
    assert.truthy(run.name:find("^direction%-%d%d%d%d%d%d%d%dT%d%d%d%d%d%d%-" .. ("%x"):rep(8)
      .. "$"), run.name)
    assert.same({ "config.yaml", "metrics.json", "model.txt", "predictions.csv", "report.html" },
      file.list(run.path))
    assert.truthy(run.out:find("runs/" .. run.name .. "/report.html\n", 1, true))
  end)

  it("writes the metrics that were promised, in their order", function()
    local values, names = read_json(run.path .. "/metrics.json")
    assert.equal(30, #names)
    assert.same(keys, names)
    assert.equal(1500 - 57 - 5, values.rows)
    assert.equal(66, values.features)
    for _, name in ipairs { "positives", "accuracy", "precision", "recall", "f1", "auc", "brier",
      "ece_raw", "ece_calibrated", "majority_accuracy", "logistic_auc", "max_drawdown", "win_rate",
      "exposure" } do
      assert.is_true(values[name] >= 0 and values[name] <= 1, name)
    end
    assert.is_true(values.predict_us_p95 <= values.predict_us_p99)
  end)

  it("has figures that follow from predictions.csv", function()
    local path = run.path .. "/predictions.csv"
    local p = frame.read_csv(path)
    assert.same({ "time", "label", "raw", "calibrated" }, p:columns())
    local y, q, m = p.label:to "f64", p.calibrated, run.metrics
    assert.equal(y:mean(), m.positives)
    for name, value in pairs { accuracy = metrics.accuracy(y, q),
      precision = metrics.precision(y, q), recall = metrics.recall(y, q), f1 = metrics.f1(y, q),
      auc = metrics.auc(y, q), log_loss = metrics.log_loss(y, q), brier = metrics.brier(y, q),
      ece_calibrated = metrics.ece(y, q), ece_raw = metrics.ece(y, p.raw) } do
      assert.equal(value, m[name], name)
    end
    assert.equal(file.sha256_file(path), m.predictions_sha256)
  end)

  it("tells first that the market is made up, and needs no network", function()
    local page = file.read(run.path .. "/report.html")
    local notice = page:match '<p class="notice">([^<]*)'
    assert.truthy(notice:find "^Synthetic")
    assert.is_true(page:find('class="notice"', 1, true) < page:find("<h2", 1, true))
    for address in page:gmatch "[%w+.-]*://[%w./-]*" do
      assert.equal("http://www.w3.org/2000/svg", address)
    end
    assert.falsy(page:find("<script", 1, true) or page:find("<link", 1, true)
      or page:find("@import", 1, true) or page:find("<iframe", 1, true))
    assert.truthy(page:find(("%.1f %%"):format(100 * run.metrics.accuracy), 1, true))
    for _, part in ipairs { "Equity", "Drawdown", "Reliability on the test part", "Confusion",
      "Gain by feature", "Log loss while training", "Calibrated probabilities", "Data quality",
      "no row is wrong", "Conventions", "exceeds the close by more than the share 0.02",
      "rows are left out at both borders", "logistic regression", "majority class",
      "learning_rate: 0.05" } do
      assert.truthy(page:find(part, 1, true), part)
    end
  end)

  it("prints quality before features, and its summary last", function()
    local quality = run.out:find "cadence 1h"
    local features = run.out:find "\nfeatures"
    local judged = run.out:find "\ncalibrated  +0%.%d+"
    assert.is_true(quality < features and features < judged)
    assert.truthy(run.out:find "report +runs/[^\n]+\n$")
  end)

  it("repeats itself from its own config.yaml", function()
    local config = run.path .. "/config.yaml"
    assert.equal(0.02, yaml.read(config).threshold)
    local again = fresh("--config " .. config)
    assert.equal(run.metrics.predictions_sha256, again.metrics.predictions_sha256)
    assert.equal(file.read(run.path .. "/model.txt"), file.read(again.path .. "/model.txt"))
    assert.equal(run.name:match "%x+$", again.name:match "%x+$")
    file.remove_tree(again.where)
  end)

  it("has the same bytes with 1, 2 and 4 threads", function()
    for _, threads in ipairs { 1, 2, 4 } do
      assert.equal(run.metrics.predictions_sha256, sha_of(small, "NEAP_THREADS=" .. threads))
    end
    assert.equal(run.metrics.predictions_sha256, sha_of(small .. "--threads 3"))
  end)

  it("differs with another seed", function()
    assert.not_equal(run.metrics.predictions_sha256, sha_of(small .. "--seed 8"))
  end)
end)

describe("an automatic threshold", function()
  it("gives 40 % of the training labels, each of them counted", function()
    for lookforward, train in pairs { [5] = 858, [100] = 706 } do
      local where = file.temporary_folder()
      local r = command.run(where, "--rows 1500 --trees 3 --threshold auto --lookforward "
        .. lookforward)
      assert.equal(0, r.code, r.err)
      local rows, percent = r.out:match "\ntrain +(%d+) rows, ([%d.]+) %% positive"
      assert.equal(train, tonumber(rows))
      local nearest = math.floor(0.4 * train + 0.5) / train
      assert.equal(("%.1f"):format(100 * nearest), percent)
      file.remove_tree(where)
    end
  end)
end)

-- The backtest in plain numbers: equity by bar, bars with a position, profits of closed trades.
local function plain_backtest(open, close, target, fee, slippage)
  local cash, units, paid, equity, profits, held, traded = 1, 0, 0, { 1 }, {}, 0, 0
  local function sell(price)
    local got = units * price * (1 - slippage) * (1 - fee)
    profits[#profits + 1] = got - paid
    traded = traded + units * price * (1 - slippage)
    cash, units = got, 0
  end
  for t = 2, #open do
    if target[t - 1] and units == 0 then
      units = cash / (open[t] * (1 + slippage) * (1 + fee))
      traded = traded + units * open[t] * (1 + slippage)
      cash, paid = 0, cash
    elseif not target[t - 1] and units > 0 then
      sell(open[t])
    end
    if units > 0 then held = held + 1 end
    if t == #open and units > 0 then sell(close[t]) end
    equity[t] = cash + units * close[t]
  end
  return equity, profits, held, traded
end

describe("the backtest of a run", function()
  local run, m, p, part, cut
  local fee, slippage, per_year = 0.001, 0.0005, 365 * 24

  setup(function()
    local where = file.temporary_folder()
    market.synthetic({ rows = 1500, seed = 3 }):write_csv(where .. "/bars.csv")
    run = fresh(("--data %s/bars.csv --trees 12 --threshold 0.02 --fee %g --slippage %g"):format(
      where, fee, slippage))
    m, p = run.metrics, frame.read_csv(run.path .. "/predictions.csv")
    local bars = frame.read_csv(where .. "/bars.csv")
    part = bars:rows(#bars - 5 - #p + 1, #bars - 5)
    assert.is_true(part.time:eq(p.time):all())
    cut = tonumber(file.read(run.path .. "/report.html"):match
      "calibrated probability of ([%d.e-]+)")
    file.remove_tree(where)
  end)
  teardown(function() file.remove_tree(run.where) end)

  it("trades what predictions.csv says, at the next open and after costs", function()
    local target = {}
    for i = 1, #p do target[i] = p.calibrated:get(i) > cut end
    local equity, profits, held, traded = plain_backtest(part.open:totable(), part.close:totable(),
      target, fee, slippage)
    local n, wins, sum, squares, down, top, drawdown, mean = #equity, 0, 0, 0, 0, 0, 0, 0
    for _, profit in ipairs(profits) do wins = wins + (profit > 0 and 1 or 0) end
    for t = 2, n do sum = sum + equity[t] / equity[t - 1] - 1 end
    local average = sum / (n - 1)
    for t = 2, n do
      local r = equity[t] / equity[t - 1] - 1
      squares, down = squares + (r - average) ^ 2, down + math.min(r, 0) ^ 2
    end
    for t = 1, n do
      top, mean = math.max(top, equity[t]), mean + equity[t] / n
      drawdown = math.max(drawdown, 1 - equity[t] / top)
    end
    local scale = math.sqrt(per_year)
    local want = { total_return = equity[n] - 1, trades = #profits, win_rate = wins / #profits,
      exposure = held / n, sharpe = average / math.sqrt(squares / (n - 2)) * scale,
      sortino = average / math.sqrt(down / (n - 1)) * scale, max_drawdown = drawdown,
      turnover = traded / mean / ((n - 1) / per_year) }
    for name, value in pairs(want) do
      -- the ledger rounds every fill to whole lots
      assert.is_true(math.abs(m[name] - value) <= 1e-6 * math.max(1, math.abs(value)),
        ("%s: %.17g in metrics.json, %.17g by hand"):format(name, m[name], value))
    end
    assert.is_true(#profits > 10)
  end)

  it("is held against buying once and holding", function()
    local always = {}
    for i = 1, #p do always[i] = true end
    local equity = plain_backtest(part.open:totable(), part.close:totable(), always, fee, slippage)
    assert.is_true(math.abs(m.benchmark_return - (equity[#equity] - 1)) < 1e-6)
  end)
end)

describe("the run without any option", function()
  it("is as accurate as was promised, in little memory", function()
    local run = fresh ""
    local m = run.metrics
    assert.equal(20000 - 57 - 5, m.rows)
    assert.is_true(m.positives > 0.3 and m.positives < 0.7)
    assert.is_true(m.accuracy > 0.8 and m.precision > 0.75 and m.recall > 0.75 and m.f1 > 0.75)
    assert.is_true(m.accuracy > m.majority_accuracy and m.auc > m.logistic_auc)
    assert.is_true(m.ece_calibrated < 0.05)
    assert.is_true(m.peak_rss_mb < 500 or command.sanitized)
    file.remove_tree(run.where)
  end)
end)

describe("options", function()
  before_each(function() folder = file.temporary_folder() end)
  after_each(function() file.remove_tree(folder) end)

  -- The value of patience that a run used.
  local function patience(arguments, before)
    local out = folder .. "/of-" .. #file.list(folder)
    local r = command.run(folder, ("%s --out %s %s"):format(small, out, arguments), before)
    assert.equal(0, r.code, r.err)
    return yaml.read(only_run(out) .. "/config.yaml").patience
  end

  it("rise from default over file and environment to flag", function()
    file.write(folder .. "/my.yaml", "patience: 11\n")
    local config, variable = "--config my.yaml", "NEAP_DIRECTION_PATIENCE=12"
    assert.equal(30, patience "")
    assert.equal(11, patience(config))
    assert.equal(12, patience(config, variable))
    assert.equal(13, patience(config .. " --patience 13", variable))
    assert.equal(11, patience("", "NEAP_DIRECTION_CONFIG=my.yaml"))
  end)

  it("are all listed by --help, and nothing runs", function()
    local r = command.run(folder, "--help")
    assert.equal(0, r.code)
    for _, flag in ipairs { "data", "symbol", "time-zone", "columns", "policy", "rows",
      "lookforward", "threshold", "train-share", "valid-share", "trees", "leaves",
      "learning-rate", "fee", "slippage", "seed", "threads", "out", "config" } do
      assert.truthy(r.out:find("\n  --" .. flag .. " ", 1, true), flag)
    end
    assert.same({}, file.list(folder))
  end)

  it("may be the same for runs that start at once", function()
    local r = command.shell(folder, ("for i in 1 2 3 4; do %s %s --no-progress --rows 1000 "
      .. "--trees 2 & done; wait"):format(command.neap, command.direction))
    assert.equal("", r.err)
    local names, hashes = file.list(folder .. "/runs"), {}
    assert.equal(4, #names)
    for _, name in ipairs(names) do
      local path = ("%s/runs/%s/"):format(folder, name)
      assert.equal(5, #file.list(path))
      local m = read_json(path .. "metrics.json")
      assert.equal(m.predictions_sha256, file.sha256_file(path .. "predictions.csv"))
      hashes[m.predictions_sha256] = true
    end
    assert.truthy(next(hashes))
    assert.is_nil(next(hashes, next(hashes)))
  end)

  it("name the run and its folder", function()
    local r = command.run(folder, small .. "--out a/b --name mine")
    assert.equal(0, r.code, r.err)
    local _, name = only_run(folder .. "/a/b")
    assert.truthy(name:find "^mine%-")
  end)
end)

describe("a run on a file", function()
  before_each(function() folder = file.temporary_folder() end)
  after_each(function() file.remove_tree(folder) end)

  it("is the run on the same bars made up", function()
    market.synthetic({ rows = 1500 }):write_csv(folder .. "/bars.csv.gz")
    local r = command.run(folder, "--trees 12 --data bars.csv.gz --threshold 0.02")
    assert.equal(0, r.code, r.err)
    local path = only_run(folder .. "/runs")
    assert.equal(sha_of(small), read_json(path .. "/metrics.json").predictions_sha256)
    assert.falsy(file.read(path .. "/report.html"):find("Synthetic", 1, true))
  end)

  it("leaves volume features out, with a word, when there is no volume", function()
    local bars = market.synthetic { rows = 1200 }
    bars:select({ "time", "open", "high", "low", "close" }):write_csv(folder .. "/bare.csv")
    bars.volume = bars.volume * (0 / 0)
    bars:write_csv(folder .. "/nan.csv")
    for _, name in ipairs { "bare", "nan" } do
      local r = command.run(folder, ("--trees 5 --data %s.csv --out %s"):format(name, name))
      assert.equal(0, r.code, r.err)
      assert.truthy(r.out:find "the bars have no volume: volume_20_rel, .* are left out")
      assert.equal(59, read_json(only_run(folder .. "/" .. name) .. "/metrics.json").features)
    end
  end)

  it("takes one symbol of several", function()
    market.synthetic({ rows = 1200, symbols = { "AAA", "BBB" } }):write_csv(folder .. "/two.csv")
    local r = command.run(folder, "--trees 5 --data two.csv --symbol BBB")
    assert.equal(0, r.code, r.err)
    assert.truthy(r.out:find "\n1200 rows")
  end)

  -- Words that the quality of each file earns, and how many rows its figures rest on.
  local real = {
    { "crypto/ETH_BTC-5m.csv.gz", "cadence 5m, kept by 100.0 %% of steps; .* the clock", 5760 },
    { "crypto/UNITTEST_BTC-1m.csv.gz", "538 gaps, 717 bars missing", 13681 },
    { "equities/SPY_ohlcv_1999_2020.csv.gz", "longest 4 after 2001%-09%-10", 5241 },
    { "intraday/EURUSD_1h_2017_2018.csv.gz", "cadence 1h, .*; trades in sessions", 5000 },
  }
  for _, case in ipairs(real) do
    local name, words, count = table.unpack(case)
    it("takes " .. name .. " as it is", function()
      local path = support.data(name)
      if not path then return pending "data folder absent" end
      local r = command.run(folder, ("--trees 10 --data %s/%s"):format(command.root, path))
      assert.equal(0, r.code, r.err)
      assert.truthy(r.out:find(words), r.out)
      local m = read_json(only_run(folder .. "/runs") .. "/metrics.json")
      assert.is_true(m.rows <= count - 57 - 5 and m.rows > count - 80)
      assert.is_true(m.features == 66 or m.features == 59) -- without volume
      assert.is_true(m.auc > 0.45 and m.auc < 0.85 and m.logistic_auc < 0.85)
      assert.truthy(r.out:find "\ntrain +%d+ rows, [34][09]%.%d %% positive")
    end)
  end

  it("judges real bars beside the baselines", function()
    local path = support.data "crypto/coinbase_btcusd_1h_2017_2019.csv.gz"
    if not path then return pending "data folder absent" end
    local r = command.run(folder, ("--trees 60 --data %s/%s"):format(command.root, path))
    assert.equal(0, r.code, r.err)
    local m = read_json(only_run(folder .. "/runs") .. "/metrics.json")
    assert.equal(66, m.features)
    assert.is_true(m.rows > 20000)
    assert.is_true(m.positives > 0.2 and m.positives < 0.6)
    -- Hourly bitcoin: volatility clusters, so that ranks beat chance; no more is to be had.
    assert.is_true(m.auc > 0.55 and m.auc < 0.8, "auc " .. m.auc)
    assert.is_true(m.logistic_auc > 0.55 and m.logistic_auc < 0.8)
    assert.is_true(m.accuracy > m.majority_accuracy - 0.1 and m.accuracy < 0.8)
    assert.is_true(m.log_loss > 0.5 and m.log_loss < 0.75)
    assert.is_true(math.abs(m.total_return) < 5 and math.abs(m.sharpe) < 10)
    assert.is_true(m.benchmark_return > 0 and m.trades > 10)
    for _, name in ipairs { "calibrated", "logistic regression", "majority class" } do
      assert.truthy(r.out:find("\n" .. name .. " +0%.%d"))
    end
  end)
end)
