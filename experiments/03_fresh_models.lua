-- Does keeping a model fresh pay? Boosted trees that are never updated beside trees updated every
-- night, week or month by gbdt.update, logistic regression refitted as often, and the base rate:
-- each predicts the stretch that follows its last update, and all are judged on the same rows.
-- Data: any OHLCV file (--data), or a synthetic market, in which nothing changes and freshness can
-- bring little. Some ten seconds for 12 000 hourly bars on two cores; most of it is nights.
local neap = require "neap"
local clock = require "neap.clock"
local json = require "neap.json"
local opts = require "neap.opts"
local outputs = require "neap.outputs"
local dataset, features, gbdt, labels = neap.dataset, neap.features, neap.gbdt, neap.labels
local linear, market, metrics, tensor = neap.linear, neap.market, neap.metrics, neap.tensor

local o = neap.options {
  name = "fresh",
  about = "Models kept fresh every night, week or month, beside one that is not.",
  { "data", "file", help = "OHLCV file: CSV, plain, gzip or zstd; a synthetic market without it" },
  { "rows", "integer", default = 12000, min = 2000, max = 1000000, help = "synthetic bars" },
  { "last", "integer", default = 20000, min = 2000, max = 1000000,
    help = "only so many bars from the end of the file" },
  { "lookforward", "integer", default = 5, min = 1, max = 1000, help = "bars the label looks at" },
  { "train_share", "share", default = 0.4,
    help = "share of the rows, first, for the first fit; also the window of later ones" },
  { "recent", "integer", default = 720, min = 100, max = 1000000,
    help = "rows with known labels that nightly and weekly updates see" },
  { "night_trees", "integer", default = 1, min = 1, max = 1000, help = "added every night" },
  { "week_trees", "integer", default = 5, min = 1, max = 1000, help = "added every week" },
  { "trees", "integer", default = 300, min = 1, max = 10000, help = "boosting rounds at most" },
  { "learning_rate", "number", default = 0.05, min = 0.000001, max = 1, help = "step of a tree" },
  { "seed", "integer", default = 7, min = 0, max = 2147483647, help = "of all randomness" },
  { "out", "file", default = "runs", help = "folder that receives the run folder" },
}

local cadences = { "never", "nightly", "weekly", "monthly" }
local DAY = 86400000000000

local function say(topic, format, ...) print(("%-11s %s"):format(topic, format:format(...))) end

-- 1: bars, features, labels -----------------------------------------------------------------------

local function load_bars()
  if not o.data then return market.synthetic { rows = o.rows, seed = o.seed } end
  local bars, report = market.validate(opts.plainly(market.read_ohlcv, o.data), { policy = "drop" })
  say("quality", "%d bars, %d gaps, %d dropped", report.rows, report.gaps, report.dropped or 0)
  return #bars > o.last and bars:rows(#bars - o.last + 1, #bars) or bars
end

-- Will one of the next closes be higher by the threshold that gives 40 % ones in the first window?
local function make_dataset(bars)
  local set = features.set { "ret_1", "ret_3", "ret_12", "ret_48", "rsi_14", "adx_14", "natr_14",
    "zscore_20", "bop", "ema_26_rel", "macd_12_26_9_hist_rel", "bbands_20_2_upper_rel",
    "bbands_20_2_lower_rel", "volatility_20", "volume_20_rel", "cmf_20", "mfi_14", "hour",
    "weekday" }
  local ahead = o.lookforward
  local threshold = labels.auto_threshold(bars, { lookforward = ahead, share = 0.4,
    rows = { 1, math.floor(o.train_share * #bars) } })
  local y = labels.threshold(bars, { lookforward = ahead, threshold = threshold })
  local D = dataset.new(set:compute(bars, { keep = { "time" } }), y):drop_missing()
  say("data", "%d rows of %d features, %s to %s; a rise of %.3g %% within %d bars", #D, #D.names,
    clock.print(D.times[1]), clock.print(D.times[-1]), 100 * threshold, ahead)
  return D
end

-- 2: when models are updated ----------------------------------------------------------------------

-- The rows at which a day, a week or a month begins, after the first window; and the first of all.
local function calendar(D, start)
  local day = D.times:floordiv(DAY)
  local nights = (day:slice(1, 2, #D):ne(day:slice(1, 1, #D - 1)):nonzero() + 1):totable()
  local out = { never = { start }, nightly = { start }, weekly = { start }, monthly = { start } }
  local week, month
  for _, row in ipairs(nights) do
    local this_week, this_month = (day[row] + 3) // 7, clock.print(D.times[row]):sub(1, 7)
    if row > start then
      table.insert(out.nightly, row)
      if this_week ~= week then table.insert(out.weekly, row) end
      if this_month ~= month then table.insert(out.monthly, row) end
    end
    week, month = this_week, this_month
  end
  return out
end

-- The last n rows whose labels are known when the bar at `row` opens: no label looks past it.
local function known(D, row, n)
  local last = row - 1 - o.lookforward
  return D:rows(math.max(1, last - n + 1), last)
end

-- 3: three kinds of model, each with a first fit, an update, and probabilities --------------------

local kinds = {}

kinds.trees = {}

function kinds.trees.fit(window)
  local more = { objective = "binary", num_leaves = 15, min_data_in_leaf = 50, lambda_l2 = 1,
    feature_fraction = 0.7, learning_rate = o.learning_rate, seed = o.seed }
  local cut = #window * 4 // 5
  more.valid, more.early_stopping_rounds = window:rows(cut + o.lookforward + 1, -1), 30
  more.num_iterations = o.trees
  local found = gbdt.fit(window:rows(1, cut), more).best_iteration
  more.valid, more.early_stopping_rounds, more.num_iterations = nil, nil, found
  return gbdt.fit(window, more)
end

function kinds.trees.update(model, cadence, window, recent)
  local monthly = cadence == "monthly"
  local trees = { nightly = o.night_trees, weekly = o.week_trees }
  return gbdt.update(model, monthly and window or recent, { cadence = cadence,
    num_iterations = trees[cadence], purge = o.lookforward, holdout = monthly and 0.2 or 0 })
end

function kinds.trees.predict(model, x)
  return model:predict_proba(x):slice(2, 2, 2):reshape(-1)
end

kinds.logistic = { predict = kinds.trees.predict }

function kinds.logistic.fit(window)
  return linear.fit(window, { kind = "logistic", standardize = true })
end

function kinds.logistic.update(_, _, window) return kinds.logistic.fit(window) end

kinds["base rate"] = {}

kinds["base rate"].fit = function(window) return window.y:mean() end
kinds["base rate"].update = function(_, _, window) return window.y:mean() end
kinds["base rate"].predict = function(model, x) return tensor.zeros { x:size(1) } + model end

-- 4: walking forward ------------------------------------------------------------------------------

local function one_class(D)
  local share = D.y:mean()
  return share == 0 or share == 1
end

-- Probabilities of all rows from the first cut on, the last model, and how often it was updated.
local function walk(D, kind, cadence, cuts, size)
  local model, parts, updates, kept = kind.fit(known(D, cuts[1], size)), {}, 0, 0
  for i, first in ipairs(cuts) do
    local window, recent = known(D, first, size), known(D, first, o.recent)
    if i > 1 and not one_class(recent) then
      local before = model
      model, updates = kind.update(model, cadence, window, recent), updates + 1
      if model == before then kept = kept + 1 end
    end
    local last = (cuts[i + 1] or #D + 1) - 1
    parts[i] = kind.predict(model, D.x:slice(1, first, last))
  end
  return { p = tensor.cat(parts), model = model, updates = updates, kept = kept }
end

-- In how many months the log loss is below that of the model that is never updated.
local function months_won(y, p, other, months, start)
  local won = 0
  for i, row in ipairs(months) do
    local a, b = row - start + 1, (months[i + 1] or start + #y) - start
    local truth = y:slice(1, a, b)
    if metrics.log_loss(truth, p:slice(1, a, b))
      < metrics.log_loss(truth, other:slice(1, a, b)) then won = won + 1 end
  end
  return won
end

local function judge(D, name, cuts, start, size)
  local y, out, never = D.y:slice(1, start, #D), {}, nil
  for _, cadence in ipairs(cadences) do
    local began = clock.monotonic()
    local ran = walk(D, kinds[name], cadence, cuts[cadence], size)
    never = never or ran.p
    local seconds = (clock.monotonic() - began) / 1e9
    local row = { log_loss = metrics.log_loss(y, ran.p), updates = ran.updates,
      auc = name ~= "base rate" and metrics.auc(y, ran.p) or 0.5, kept = ran.kept,
      won = months_won(y, ran.p, never, cuts.monthly, start) }
    local note = name == "trees" and ("%d trees"):format(ran.model.best_iteration) or ""
    if name == "trees" and cadence == "monthly" then
      note = ("%s, the old model kept %d times"):format(note, ran.kept)
    end
    print(("%-10s %-8s %7d %9.4f %7.4f %12s %7.1f s  %s"):format(name, cadence, ran.updates,
      row.log_loss, row.auc, cadence == "never" and "" or ("%d of %d"):format(row.won,
      #cuts.monthly), seconds, note))
    out[cadence] = row
  end
  return out
end

local function figures(judged)
  local list = {}
  for _, name in ipairs { "trees", "logistic", "base rate" } do
    for _, cadence in ipairs(cadences) do
      local prefix = name:gsub(" ", "_") .. "_" .. cadence .. "_"
      for _, field in ipairs { "log_loss", "auc", "updates", "won", "kept" } do
        list[#list + 1] = { prefix .. field, judged[name][cadence][field] }
      end
    end
  end
  return list
end

local function main()
  local folder <close> = outputs.open(o.out)
  neap.seed(o.seed)
  local D = make_dataset(load_bars())
  local size = math.floor(o.train_share * #D)
  local start = size + o.lookforward + 1
  if start + 100 > #D or size < 500 then
    opts.stop(1, "fresh: %d rows with labels and features, of which %d are for the first fit; 500 "
      .. "there and 100 after them are needed", #D, size)
  end
  local cuts = calendar(D, start)
  local y = D.y:slice(1, start, #D)
  if one_class(known(D, start, size)) or one_class(D:rows(start, #D)) then
    opts.stop(1, "fresh: all labels of the first window, or all that follow, are equal")
  end
  say("judged on", "%d rows from %s on, %.1f %% ones (%.1f %% in the first window)", #y,
    clock.print(D.times[start]), 100 * y:mean(), 100 * known(D, start, size).y:mean())
  print(("%-10s %-8s %7s %9s %7s %12s"):format("", "", "updates", "log loss", "AUC",
    "months won"))
  local judged = {}
  for _, name in ipairs { "trees", "logistic", "base rate" } do
    judged[name] = judge(D, name, cuts, start, size)
  end
  local list = figures(judged)
  list[#list + 1] = { "rows", #y }
  list[#list + 1] = { "months", #cuts.monthly }
  list[#list + 1] = { "fingerprint", D:fingerprint() }
  folder:write("config.yaml", o:yaml())
  folder:write("metrics.json", json.object(list))
  say("written", "%s", folder:commit("fresh", D:fingerprint():sub(1, 8)))
end

main()
