-- What do candles of eight pairs know about the next hours? Features of a panel on two time frames,
-- triple-barrier labels, an audit for look-ahead, one dataset on disk, and a first model beside its
-- baselines. Data: a folder of five-minute candles, one file a symbol (--data), or a synthetic
-- panel. About three seconds for 46 000 bars on two cores.
local neap = require "neap"
local clock = require "neap.clock"
local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"
local outputs = require "neap.outputs"
local audit, dataset, features, frame = neap.audit, neap.dataset, neap.features, neap.frame
local gbdt, labels, linear, market = neap.gbdt, neap.labels, neap.linear, neap.market
local metrics, preprocess, split, tensor = neap.metrics, neap.preprocess, neap.split, neap.tensor

local o = neap.options {
  name = "panel",
  about = "From a folder of candles to an audited dataset of panel features and labels.",
  { "data", "text", help = "folder of OHLCV files named SYMBOL-anything; a synthetic panel "
    .. "without it" },
  { "pattern", "text", default = "_BTC%-5m%.csv", help = "Lua pattern that their names fit" },
  { "rows", "integer", default = 5760, min = 1000, max = 1000000,
    help = "synthetic bars of each symbol" },
  { "cadence", "text", default = "5m", help = "of the bars" },
  { "frame", "text", default = "1h", help = "the second, longer time frame" },
  { "lookforward", "integer", default = 48, min = 2, max = 100000,
    help = "bars to the vertical barrier" },
  { "width", "number", default = 1, min = 0.05, max = 100,
    help = "of the barriers, in deviations of the return over the lookforward" },
  { "train_share", "share", default = 0.6, help = "share of the time, first" },
  { "valid_share", "share", default = 0.2, help = "share of the time, next" },
  { "cuts", "integer", default = 10, min = 1, max = 1000,
    help = "histories that the audit replays" },
  { "trees", "integer", default = 200, min = 1, max = 10000, help = "boosting rounds at most" },
  { "seed", "integer", default = 7, min = 0, max = 2147483647, help = "of all randomness" },
  { "out", "file", default = "runs", help = "folder that receives the run folder" },
}

local function say(topic, format, ...) print(("%-11s %s"):format(topic, format:format(...))) end
local function percent(v) return v == v and ("%.1f %%"):format(100 * v) or "-" end

local function timed(fn, ...)
  local start = clock.monotonic()
  local results = table.pack(fn(...))
  return (clock.monotonic() - start) / 1e9, table.unpack(results, 1, results.n)
end

-- 1: bars, each symbol checked for itself ---------------------------------------------------------

local function checked(symbol, bars)
  local sound, report = market.validate(bars, { policy = "fill" })
  say("quality", "%-5s %d bars, %d gaps (%d bars missing, %d put in), %d without volume", symbol,
    report.rows, report.gaps, report.missing_bars, report.inserted, report.zero_volume)
  return sound:assign { { "symbol", symbol } }
end

local function panel_of_files()
  local parts = {}
  for _, name in ipairs(opts.plainly(file.list, o.data)) do
    if name:find(o.pattern) then
      local symbol = name:match "^[^%-_.]+"
      parts[#parts + 1] = checked(symbol, market.read_ohlcv(o.data .. "/" .. name))
    end
  end
  if #parts == 0 then
    opts.stop(1, "panel: no file in '%s' has a name that fits the pattern '%s'", o.data, o.pattern)
  end
  return frame.concat(parts)
end

local function synthetic_panel()
  local names = { "A", "B", "C", "D", "E", "F", "G", "H" }
  return market.synthetic { symbols = names, rows = o.rows, cadence = o.cadence, seed = o.seed }
end

local function load_bars()
  local bars = (o.data and panel_of_files() or synthetic_panel()):sort { "time", "symbol" }
  say("bars", "%d of %d symbols, %s to %s", #bars, #bars.symbol.labels,
    clock.print(bars.time[1]), clock.print(bars.time[-1]))
  return bars
end

-- 2: features of the panel, and the proof that none of them looks ahead ---------------------------

local function feature_names()
  local names = {
    "ret_1", "ret_3", "ret_12", "ret_48", "rsi_14", "adx_14", "natr_14", "zscore_20", "bop",
    "ema_26_rel", "macd_12_26_9_hist_rel", "bbands_20_2_upper_rel", "bbands_20_2_lower_rel",
    "volatility_20", "volume_20_rel", "cmf_20", "mfi_14",
    "ret_12:rank", "rsi_14:zscore", "volatility_20:rank", "hour", "weekday",
  }
  for _, name in ipairs { "ret_1", "ret_6", "rsi_14", "adx_14", "natr_14", "zscore_20",
    "macd_12_26_9_hist_rel" } do
    names[#names + 1] = name .. "@" .. o.frame
  end
  return names
end

local function make_features(bars)
  local set = features.set(feature_names())
  local choice = { by = "symbol", cadence = o.cadence }
  local seconds, columns = timed(function()
    return set:compute(bars, { by = "symbol", cadence = o.cadence, keep = { "time", "symbol" } })
  end)
  say("features", "%d on %s and %s in %.2f s", #set:names(), o.cadence, o.frame, seconds)
  local took, report = timed(audit.lookahead, function(part) return set:compute(part, choice) end,
    bars, { by = "symbol", cuts = o.cuts, seed = o.seed })
  if not report.ok then opts.stop(1, "%s", tostring(report)) end
  say("audit", "no column looks ahead: %d cuts, noise in the future, in %.1f s", o.cuts, took)
  return columns, report
end

-- 3: labels ---------------------------------------------------------------------------------------

local function make_labels(bars)
  local volatility = labels.volatility(bars, { by = "symbol", span = 288 })
  local L = labels.triple_barrier(bars, {
    by = "symbol", lookforward = o.lookforward, profit = o.width, stop = o.width,
    volatility = volatility * o.lookforward ^ 0.5, vertical = "sign",
  })
  local counts = labels.counts(L)
  say("labels", "%d by profit, %d by stop, %d by time, %d both in one bar, %d past the end",
    counts.profit, counts.stop, counts.vertical, counts.both, counts.past_end)
  -- what is predicted: does a long position come out ahead?
  local up = L.label:gt(0):to "f64"
  return L:assign { { "label", tensor.where(L.label:isnan(), 0 / 0, up) } }
end

-- 4: one dataset, cut in time ---------------------------------------------------------------------

local function make_parts(columns, L, folder)
  local D = dataset.new(columns, L)
  local whole, dropped = D:drop_missing()
  say("dataset", "%d rows of %d features; left out: %d without a label, %d without features",
    #whole, #whole.names, dropped.labels, dropped.features)
  local print_of = whole:save(folder .. "/dataset")
  say("", "saved, fingerprint %s", print_of:sub(1, 16))
  local shares = { o.train_share, o.valid_share, 1 - o.train_share - o.valid_share }
  local train, valid, test = table.unpack(split.time(whole, shares))
  train, valid = train:uniqueness(), valid:uniqueness()
  for _, part in ipairs { { "train", train }, { "valid", valid }, { "test", test } } do
    say(part[1], "%d rows, %s up, mean uniqueness %s", #part[2], percent(part[2].y:mean()),
      part[2].w and ("%.3f"):format(part[2].w:mean()) or "-")
  end
  return train, valid, test, print_of
end

-- 5: a first model beside its baselines -----------------------------------------------------------

local function judge(train, valid, test)
  local scaler = preprocess.standard():fit(train)
  local model = gbdt.fit(train, { objective = "binary", valid = valid, num_iterations = o.trees,
    learning_rate = 0.05, early_stopping_rounds = 30, seed = o.seed })
  local logistic = linear.fit(scaler:apply(train))
  local base = math.max(test.y:mean(), 1 - test.y:mean())
  local out = { majority = base }
  local judged = { { "trees", model, test }, { "logistic", logistic, scaler:apply(test) } }
  for _, each in ipairs(judged) do
    local p = each[2]:predict_proba(each[3]):slice(2, 2, 2):reshape(-1)
    local accuracy = metrics.accuracy(test.y, p:gt(0.5):to "f64")
    local auc = metrics.auc(test.y, p)
    out[each[1]] = { accuracy = accuracy, auc = auc }
    say("judged", "%-9s accuracy %.4f, AUC %.4f", each[1], accuracy, auc)
  end
  say("", "%-9s accuracy %.4f, AUC 0.5", "majority", base)
  local best = {}
  for i, each in ipairs(model:importance "gain") do best[i] = each.name end
  say("", "the trees lean on %s", table.concat(best, ", ", 1, math.min(5, #best)))
  return out
end

local function main()
  local shares = o.train_share + o.valid_share
  if shares >= 1 then
    opts.stop(2, "panel: 'train_share' and 'valid_share' sum to %g, allowed is less than 1", shares)
  end
  local folder <close> = outputs.open(o.out)
  neap.seed(o.seed)
  local bars = load_bars()
  local columns, report = make_features(bars)
  local train, valid, test, fingerprint = make_parts(columns, make_labels(bars), folder.path)
  local judged = judge(train, valid, test)
  folder:write("audit.txt", tostring(report) .. "\n")
  folder:write("config.yaml", o:yaml())
  folder:write("metrics.json", json.object {
    { "rows_test", #test }, { "majority_accuracy", judged.majority },
    { "trees_accuracy", judged.trees.accuracy }, { "trees_auc", judged.trees.auc },
    { "logistic_accuracy", judged.logistic.accuracy }, { "logistic_auc", judged.logistic.auc },
    { "fingerprint", fingerprint },
  })
  say("written", "%s", folder:commit("panel", fingerprint:sub(1, 8)))
end

main()
