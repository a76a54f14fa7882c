-- Training boosted trees beside python3-xgboost and scikit-learn's HistGradientBoosting: every run
-- in a process of its own, engines in turn, medians. Ratios are ours / theirs, below 1 is better.
-- Usage: neap tests/bench/tree.lua [SET SHAPE [ROUNDS [THREADS]]], or no argument for the whole
-- table: sets a, b, c, one and two threads, quantised gradients, growth of time with rows, and the
-- wall time while other processes keep the cores busy. SET, SHAPE: see tree_peer.py. The data are
-- made once, in /tmp/neap-bench.
local neap = require "neap"
local c = require "neap.c.tree"
local params = require "neap.gbdt.params"
local clock, file, metrics, tensor = neap.clock, require "neap.file", neap.metrics, neap.tensor

local folder = "/tmp/neap-bench"
local python = "/usr/bin/python3 " .. arg[0]:gsub("tree%.lua$", "tree_peer.py")

local function read(set, key) return tensor.load(("%s/%s_%s.npy"):format(folder, set, key)) end

-- One run of ours, in this process: "bin train metric peak_MB" on standard output.
local function own(set, shape, threads, quantised)
  neap.set_threads(math.tointeger(tonumber(threads)))
  local x, y, deep = read(set, "x"), read(set, "y"), shape == "depth8"
  local o = params.read {
    objective = set == "b" and "multiclass" or "binary",
    learning_rate = set == "c" and 0.05 or 0.1,
    num_leaves = deep and 256 or math.tointeger(tonumber(shape:match "%d+")),
    max_depth = deep and 8 or -1, use_quantized_grad = quantised == "quantised",
  }
  local rounds, t0 = set == "b" and 20 or 100, clock.monotonic()
  local trainer = c.trainer(params.for_engine(o), x, y)
  local t1 = clock.monotonic()
  for _ = 1, rounds do trainer:step() end
  local t2 = clock.monotonic()
  local peak = (file.read "/proc/self/status"):match "VmHWM:%s*(%d+)" / 1024
  local p, yt = trainer:finish(rounds):predict(read(set, "xt"), "probability"), read(set, "yt")
  local score = set == "b" and metrics.log_loss(yt:to "i64" + 1, p) or metrics.auc(yt:to "i64", p)
  print((t1 - t0) / 1e9, (t2 - t1) / 1e9, score, peak)
end

if arg[1] == "own" then return own(table.unpack(arg, 2)) end

-- The numbers that a command prints.
local function numbers(command)
  local pipe, out = assert(io.popen(command)), {}
  for word in pipe:read "a":gmatch "%S+" do out[#out + 1] = tonumber(word) end
  pipe:close()
  return out
end

local me = ("%s %s own"):format(arg[-1], arg[0])

local function run(engine, set, shape, threads)
  local what = ("%s %s %d"):format(set, shape, threads)
  if engine == "neap" then return numbers(me .. " " .. what) end
  if engine == "quantised" then return numbers(me .. " " .. what .. " quantised") end
  local verb = engine == "xgboost" and "run" or "sklearn"
  return numbers(("OMP_NUM_THREADS=%d %s %s %s %s %s %d"):format(threads, python, verb, set, shape,
    folder, threads))
end

local function ready(set)
  file.mkdir(folder)
  if file.exists(("%s/%s_yt.npy"):format(folder, set)) then return end
  assert(os.execute(("%s make %s %s"):format(python, set, folder)))
end

local function median(runs, k)
  local v = {}
  for i, r in ipairs(runs) do v[i] = r[k] or 0 / 0 end
  table.sort(v)
  return v[(#v + 1) // 2] or 0 / 0
end

local function load() return file.read "/proc/loadavg":match "%S+" end

-- Medians of each engine over rounds in which all take their turn.
local function compare(names, set, shape, rounds, threads)
  ready(set)
  local runs = {}
  for _, name in ipairs(names) do runs[name] = {} end
  for i = 1, rounds do
    for _, name in ipairs(names) do runs[name][i] = run(name, set, shape, threads) end
  end
  local us = runs.neap
  for _, name in ipairs(names) do
    local r = runs[name]
    print(("%-6s %-10s %d thr  %-10s bin %7.3f s  train %8.3f s  ratio %5.2f  metric %.5f  %4.0f MB"
      ):format(set, shape, threads, name, median(r, 1), median(r, 2), median(us, 2) / median(r, 2),
        median(r, 3), median(r, 4)))
  end
  return median(us, 2)
end

local all = { "neap", "xgboost", "sklearn" }
if arg[1] then
  local threads = math.tointeger(tonumber(arg[4] or 2))
  compare(all, arg[1], arg[2] or "leaves31", tonumber(arg[3] or 3), threads)
  return
end

print("load before: " .. load())
for _, threads in ipairs { 1, 2 } do
  for _, pair in ipairs { { "a1000", "leaves255" }, { "a1000", "depth8" }, { "b", "leaves255" },
    { "b", "depth8" }, { "c", "leaves31" } } do
    compare(all, pair[1], pair[2], pair[1] == "c" and 5 or 3, threads)
  end
end
compare({ "neap", "quantised" }, "a1000", "leaves255", 3, 2)

local few, many = compare({ "neap" }, "a100", "leaves255", 3, 2),
  compare({ "neap" }, "a4000", "leaves255", 1, 2)
print(("exponent of time against rows, 1e5 to 4e6: %.3f"):format(
  math.log(many / few) / math.log(40)))

local idle = compare({ "neap" }, "a1000", "leaves255", 1, 2)
local pipe = assert(io.popen "for i in 1 2; do (exec sh -c 'while :; do :; done') & echo $!; done")
local busy = { pipe:read "l", pipe:read "l" }
local beside = run("neap", "a1000", "leaves255", 2)[2]
for _, pid in ipairs(busy) do os.execute("kill " .. pid) end
print(("beside two busy processes: %.3f s, %.2f of the idle time"):format(beside, beside / idle))
print("load after: " .. load())
