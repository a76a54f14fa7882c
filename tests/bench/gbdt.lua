-- Boosted trees against python3-xgboost, alternating, medians.
-- Usage: neap tests/bench/gbdt.lua [SET] [SHAPE] [ROUNDS] [THREADS]
-- SET c is 20k x 50 with a weak signal; a100 is 100 thousand rows of a Higgs-like problem, a1000 a
-- million. SHAPE is leaves31, leaves255 or depth8 (xgboost takes depth 5 on c). The data are made
-- by gbdt_peer.py once, in /tmp/neap-bench.
local neap = require "neap"
local c = require "neap.c.tree"
local params = require "neap.gbdt.params"
local clock, file, metrics, tensor = neap.clock, require "neap.file", neap.metrics, neap.tensor

local set, shape = arg[1] or "c", arg[2] or "leaves31"
local rounds, threads = tonumber(arg[3] or 5), tonumber(arg[4] or 2)
local folder = "/tmp/neap-bench"
local peer = "/usr/bin/python3 " .. arg[0]:gsub("gbdt%.lua$", "gbdt_peer.py")

neap.set_threads(math.tointeger(threads))
file.mkdir(folder)
if not file.exists(("%s/%s_x.npy"):format(folder, set)) then
  assert(os.execute(("%s make %s %s"):format(peer, set, folder)))
end
local function load(key) return tensor.load(("%s/%s_%s.npy"):format(folder, set, key)) end
local x, y, xt, yt = load "x", load "y", load "xt", load "yt"
local row = xt[1]:to "f64"

local o = params.read {
  objective = "binary", learning_rate = set == "c" and 0.05 or 0.1,
  num_leaves = shape == "depth8" and 256 or math.tointeger(tonumber(shape:match "%d+")),
  max_depth = shape == "depth8" and 8 or -1,
}

local function seconds(fn)
  local start = clock.monotonic()
  local value = fn()
  return (clock.monotonic() - start) / 1e9, value
end

local function ours()
  local engine = params.for_engine(o)
  local bin, trainer = seconds(function() return c.trainer(engine, x, y) end)
  local train = seconds(function() for _ = 1, 100 do trainer:step() end end)
  local m = trainer:finish(100)
  local predict, p = seconds(function() return m:predict(xt, "probability") end)
  local one = {}
  for i = 1, 2001 do
    local start = clock.monotonic()
    m:predict_row(row)
    one[i] = (clock.monotonic() - start) / 1e3
  end
  table.sort(one)
  return { bin, train, metrics.auc(yt:to "i64", p), #xt / predict, one[1001] }
end

local function theirs()
  local pipe = assert(io.popen(("%s run %s %s %s %d"):format(peer, set, shape, folder, threads)))
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

local a, b = {}, {}
for i = 1, rounds do a[i], b[i] = ours(), theirs() end
print(("%s %s, %d threads, median of %d, load %s"):format(set, shape, threads, rounds,
  file.exists "/proc/loadavg" and file.read "/proc/loadavg":match "%S+" or "?"))
print(("%-22s %12s %12s %8s"):format("", "neap", "xgboost", "ratio"))
local lines = { "bin s", "train s", "test auc", "predict rows/s", "one row us (p50)" }
for k, name in ipairs(lines) do
  local u, v = median(a, k), median(b, k)
  print(("%-22s %12.5g %12.5g %8.3f"):format(name, u, v or 0 / 0, v and u / v or 0 / 0))
end
