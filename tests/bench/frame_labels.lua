-- Labels, weights and batches of windows: what a bar or a gigabyte costs.
-- Usage: neap tests/bench/frame_labels.lua [bars]
-- The triple barrier runs beside a plain loop over the bars after each one, in NumPy, where python3
-- has it: what the usual libraries do for each event.
local neap = require "neap"
local clock, dataset, labels, tensor = neap.clock, neap.dataset, neap.labels, neap.tensor
local file = neap.file

local n = math.tointeger(tonumber(arg and arg[1]) or 1000000)

-- The least seconds of many runs: others use the machine as well.
local function seconds(fn, runs)
  local best = math.huge
  for _ = 1, runs or 9 do
    collectgarbage()
    local start = clock.monotonic()
    fn()
    best = math.min(best, clock.monotonic() - start)
  end
  return best * 1e-9
end

local function line(name, amount, unit, took, note)
  print(("%-34s %9.2f %-9s %s"):format(name, amount / took, unit, note or ""))
end

local close = (tensor.randn { n, seed = 1 } * 0.001):cumsum(1):exp() * 100
local spread = tensor.rand { n, seed = 2 } * 0.001
local bars = { close = close, open = close, high = close * (spread + 1),
  low = close * (1 - spread) }
local vol = labels.volatility(bars)

-- Seconds of the plain loop on some of the bars, scaled to all of them; nil without NumPy.
local function plain_seconds(horizon)
  local folder = file.temporary_folder()
  local count = math.min(n, 3000)
  tensor.save(folder .. "/h.npy", bars.high)
  tensor.save(folder .. "/l.npy", bars.low)
  tensor.save(folder .. "/c.npy", close)
  tensor.save(folder .. "/v.npy", vol)
  file.write(folder .. "/peer.py", ([[
import sys, time
try: import numpy as np
except ImportError: sys.exit(1)
h, l, c, v = (np.load("%s/" + k + ".npy") for k in "hlcv")
best = 1e9
for run in range(3):
    s = time.perf_counter()
    for i in range(100, 100 + %d):
        hit = (h[i+1:i+1+%d] >= c[i] * (1 + 2 * v[i])) | (l[i+1:i+1+%d] <= c[i] * (1 - v[i]))
        hit.argmax() if hit.any() else -1
    best = min(best, time.perf_counter() - s)
print(best)
]]):format(folder, count, horizon, horizon))
  local pipe = io.popen("/usr/bin/python3 " .. folder .. "/peer.py 2>/dev/null")
  local took = tonumber(pipe:read "a")
  pipe:close()
  file.remove_tree(folder)
  return took and took * n / count
end

print(("%d bars, %s threads, least of nine"):format(n, os.getenv "NEAP_THREADS" or "all"))
for _, horizon in ipairs { 20, 200, 20000 } do
  local o = { profit = 2, stop = 1, volatility = vol, lookforward = horizon }
  local took, plain = seconds(function() labels.triple_barrier(bars, o) end), plain_seconds(horizon)
  line("triple_barrier, horizon " .. horizon, n / 1e6, "M bars/s", took,
    plain and ("NumPy a bar at a time %.3f, ratio %.0f"):format(n / 1e6 / plain, plain / took))
end
local far = { profit = 0.2, stop = 0.2, lookforward = 20000 }
line("triple_barrier, 20 % away", n / 1e6, "M bars/s",
  seconds(function() labels.triple_barrier(bars, far) end))
local L = labels.triple_barrier(bars, { profit = 2, stop = 1, volatility = vol, lookforward = 200 })
line("uniqueness", n / 1e6, "M bars/s", seconds(function() labels.uniqueness(L) end))
line("attribution", n / 1e6, "M bars/s", seconds(function() labels.attribution(L, bars) end))
line("trend_scanning, 5 to 20", n / 1e6, "M bars/s",
  seconds(function() labels.trend_scanning(bars) end))
line("mid_trend, 5 horizons", n / 1e6, "M bars/s", seconds(function()
  labels.mid_trend(close, { k = { 10, 20, 30, 50, 100 } })
end))
line("cusum", n / 1e6, "M bars/s",
  seconds(function() labels.cusum(bars, { threshold = 0.01 }) end))
line("bins", n / 1e6, "M bars/s", seconds(function() labels.bins(L.ret) end))

for _, case in ipairs { { 8, "f64" }, { 40, "f64" }, { 40, "f32" } } do
  local features, dtype = case[1], case[2]
  local rows = math.min(n, 200000)
  local x = tensor.randn { rows, features, seed = 3 }
  local D = dataset.new(x, tensor.zeros { rows }, { dtype = dtype })
  local W = D:windows { length = 100 }
  local pick = tensor.randint { 256, low = 1, high = #W, seed = 4 }
  local gigabytes = 256 * 100 * features * (dtype == "f64" and 8 or 4) / 1e9
  line(("batch of 256 x 100 x %d %s"):format(features, dtype), gigabytes, "GB/s",
    seconds(function() W:batch(pick):free() end, 30))
end
local D = dataset.new(tensor.randn { n, 8, seed = 5 }, L.label)
line("dataset.new of 8 features", n / 1e6, "M rows/s",
  seconds(function() dataset.new(D.x, L.label) end))
line("windows of 60 rows", n / 1e6, "M rows/s", seconds(function() D:windows { length = 60 } end))
line("fingerprint", n * 72 / 1e9, "GB/s", seconds(function() D:fingerprint() end, 3))
