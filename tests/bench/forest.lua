-- Forests and isolation forests against scikit-learn, in turn, medians of rounds with other seeds.
-- Usage: neap tests/bench/forest.lua [SET ...] [ROUNDS] [THREADS]
-- SET is one of those below (all when none is named); they are made once by forest_peer.py, in
-- /tmp/neap-bench, from ../shared/data/tabular or the folder NEAP_TABULAR. Seconds are of the wall
-- clock, and of the processor: these hold on a busy machine too.
local neap = require "neap"
local clock, file, forest, isolation = neap.clock, neap.file, neap.forest, neap.isolation
local metrics, tensor = neap.metrics, neap.tensor

local sets, numbers = {}, {}
for _, word in ipairs(arg) do table.insert(tonumber(word) and numbers or sets, word) end
if #sets == 0 then
  sets = { "a", "c", "letter", "diamonds", "adult", "mammography", "isolation_mammography",
    "isolation_a" }
end
local rounds, threads = math.tointeger(numbers[1] or 5), math.tointeger(numbers[2] or 2)
local folder, data = "/tmp/neap-bench", os.getenv "NEAP_TABULAR" or "../shared/data/tabular"
local python = os.getenv "NEAP_PYTHON" or "/usr/bin/python3"
local peer = python .. " " .. arg[0]:gsub("forest%.lua$", "forest_peer.py")

neap.set_threads(threads)
file.mkdir(folder)

local function timed(fn)
  collectgarbage()
  local wall, cpu = clock.monotonic(), os.clock()
  local value = fn()
  return value, (clock.monotonic() - wall) / 1e9, os.clock() - cpu
end

local function ours(set, d, seed)
  if set:find "^isolation" then
    local m, wall, cpu = timed(function() return isolation.fit(d.x, { seed = seed }) end)
    local p, wall2, cpu2 = timed(function() return m:score(d.x) end)
    return { wall, cpu, wall2, cpu2, metrics.auc(d.y:eq(d.y:max()), p) }
  end
  local numeric = set == "diamonds"
  local o = { seed = seed, criterion = numeric and "squared_error" or "gini" }
  local m, wall, cpu = timed(function() return forest.fit(d.x, d.y, o) end)
  local p, wall2, cpu2 = timed(function()
    return numeric and m:predict(d.xt) or m:predict_proba(d.xt)
  end)
  local metric = numeric and metrics.rmse(d.yt:to "f64", p)
    or #m.classes == 2 and metrics.auc(d.yt:to "i64", p[{ {}, 2 }])
    or tensor.of(m.classes):take(p:argmax(2)):eq(d.yt:to "i64"):to "f64":mean()
  return { wall, cpu, wall2, cpu2, metric }
end

local function theirs(set, seed)
  local pipe = assert(io.popen(("%s run %s %s %d %d"):format(peer, set, folder, threads, seed)))
  local out = {}
  for word in pipe:read "a":gmatch "%S+" do out[#out + 1] = tonumber(word) end
  pipe:close()
  return out
end

local function median(runs, k)
  local v = {}
  for i, r in ipairs(runs) do v[i] = r[k] end
  table.sort(v)
  return v[(#v + 1) // 2]
end

print(("%d threads, medians of %d, load %s"):format(threads, rounds,
  file.exists "/proc/loadavg" and file.read "/proc/loadavg":match "%S+" or "?"))
local names = { "fit s", "fit cpu s", "predict s", "predict cpu s", "metric" }
for _, set in ipairs(sets) do
  if not file.exists(("%s/forest_%s_x.npy"):format(folder, set)) then
    assert(os.execute(("%s make %s %s %s"):format(peer, set, folder, data)))
  end
  local d = {}
  for _, key in ipairs { "x", "y", "xt", "yt" } do
    d[key] = tensor.load(("%s/forest_%s_%s.npy"):format(folder, set, key))
  end
  local a, b = {}, {}
  for i = 1, rounds do a[i], b[i] = ours(set, d, i), theirs(set, i) end
  print(("%-24s %12s %12s %8s"):format(set, "neap", "sklearn", "times"))
  for k, name in ipairs(names) do
    local u, v = median(a, k), median(b, k) or 0 / 0
    print(("  %-22s %12.5g %12.5g %8.2f"):format(name, u, v, v / u))
  end
end
