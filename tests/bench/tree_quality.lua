-- Do our trees learn as well as the peers'? Held-out loss on the tabular sets: five splits of each,
-- 100 rounds of 31 leaves, learning rate 0.1, beside python3-xgboost (lossguide, hist) and
-- scikit-learn's HistGradientBoosting. Log loss for classes, RMSE for diamonds (log price) and the
-- regression example. A difference counts when it is larger than two standard errors over the
-- splits.
-- Usage: neap tests/bench/tree_quality.lua [DATA]    DATA holds uci/, lightgbm/, xgboost/
local neap = require "neap"
local file, gbdt, tensor = require "neap.file", neap.gbdt, neap.tensor

local data = arg[1] or arg[0]:gsub("tests/bench/tree_quality%.lua$", "../shared/data/tabular")
local folder, seeds = "/tmp/neap-bench/quality", 5
local peer = "/usr/bin/python3 " .. arg[0]:gsub("%.lua$", "_peer.py")

if not file.exists(data .. "/uci") then
  print("tree_quality: no tabular data at " .. data .. ", nothing to compare")
  return
end

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  pipe:close()
  return text
end

local function load(name, seed)
  local out = {}
  for i, key in ipairs { "x", "y", "xt", "yt" } do
    out[i] = tensor.load(("%s/%s_%d_%s.npy"):format(folder, name, seed, key))
  end
  return table.unpack(out)
end

local function ours(set, seed)
  local x, y, xt, yt = load(set.name, seed)
  local o = { objective = set.objective, num_leaves = 31, learning_rate = 0.1, num_iterations = 100,
    categorical_feature = #set.categories > 0 and set.categories or nil }
  if set.objective == "regression" then
    return neap.metrics.rmse(yt, gbdt.fit(x, y, o):predict(xt))
  end
  local m = gbdt.fit(x, y:to "i64", o)
  return neap.metrics.log_loss(yt:to "i64", m:predict_proba(xt))
end

local function mean(list)
  local sum = 0
  for _, v in ipairs(list) do sum = sum + v end
  return sum / #list
end

-- Mean of ours - theirs over the splits, and its standard error.
local function difference(a, b)
  local d, squares = {}, 0
  for i = 1, #a do d[i] = a[i] - b[i] end
  local m = mean(d)
  for _, v in ipairs(d) do squares = squares + (v - m) ^ 2 end
  return m, math.sqrt(squares / (#d - 1) / #d)
end

local function verdict(a, b)
  local d, error = difference(a, b)
  local word = d > 2 * error and "worse" or d < -2 * error and "better" or "equal"
  return ("%+.5f (se %.5f) %s"):format(d, error, word)
end

file.mkdir "/tmp/neap-bench"
file.mkdir(folder)
print(("%-20s %9s %9s %9s   %-32s %s"):format("loss, mean of 5", "neap", "xgboost", "sklearn",
  "against xgboost", "against sklearn"))
for line in output(("%s make %s %s"):format(peer, data, folder)):gmatch "[^\n]+" do
  local name, objective, classes, cats = line:match "(%S+) (%S+) (%S+) (%S+)"
  local set = { name = name, objective = objective, categories = {} }
  for c in cats:gmatch "%d+" do table.insert(set.categories, math.tointeger(tonumber(c))) end
  local a, b, c = {}, {}, {}
  for seed = 1, seeds do
    a[seed] = ours(set, seed)
    local text = output(("%s run %s %s %s %s %s %d"):format(peer, name, objective, classes, cats,
      folder, seed))
    b[seed], c[seed] = text:match "(%S+) (%S+)"
    b[seed], c[seed] = tonumber(b[seed]), tonumber(c[seed])
  end
  print(("%-20s %9.5f %9.5f %9.5f   %-32s %s"):format(name, mean(a), mean(b), mean(c),
    verdict(a, b), verdict(a, c)))
end
