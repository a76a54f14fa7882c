-- Decompositions, einsum and rolling windows: median and minimum of 5 runs; beside them the median
-- of NumPy on one thread, where python3-numpy is installed.
-- Usage: neap tests/bench/linalg.lua [size of matrices] [length of series]
local clock = require "neap.clock"
local linalg = require "neap.linalg"
local tensor = require "neap.tensor"

local size = math.tointeger(tonumber(arg and arg[1]) or 200)
local length = math.tointeger(tonumber(arg and arg[2]) or 1000000)

local peer = [[
import sys, time
try:
    import numpy as np
except ImportError:
    sys.exit(0)
n = int(sys.argv[1])
a = np.random.default_rng(1).standard_normal((n, n))
s = a @ a.T
small = np.random.default_rng(1).standard_normal((1000, 4, 4))
for name, run in [
    ("solve", lambda: np.linalg.solve(a, a)), ("qr", lambda: np.linalg.qr(a)),
    ("svd", lambda: np.linalg.svd(a, full_matrices=False)), ("eigh", lambda: np.linalg.eigh(s)),
    ("det of 1000 4 x 4", lambda: np.linalg.det(small)),
    ("svd of 1000 4 x 4", lambda: np.linalg.svd(small, full_matrices=False)),
    ("einsum ij,kj->ik", lambda: np.einsum("ij,kj->ik", a, a, optimize=True)),
]:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    print("%s\t%.9f" % (name, sorted(times)[2]))
]]

local peers = {}
local command = "env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS=1 "
  .. "/usr/bin/python3 - %d <<'END' 2>/dev/null\n%s\nEND"
for line in assert(io.popen(command:format(size, peer))):lines() do
  local name, seconds = line:match "^(.-)\t(.*)$"
  if name then peers[name] = tonumber(seconds) end
end

local function measure(name, call)
  local times = {}
  for k = 1, 5 do
    local start = clock.monotonic()
    call()
    times[k] = (clock.monotonic() - start) / 1e9
  end
  table.sort(times)
  local ratio = peers[name] and ("  NumPy %9.3f ms  ratio %.2f"):format(peers[name] * 1e3,
    peers[name] / times[3]) or ""
  print(("%-24s median %9.3f ms  least %9.3f ms%s"):format(name, times[3] * 1e3, times[1] * 1e3,
    ratio))
end

local a = tensor.randn { size, size, seed = 1 }
local s = a:matmul(a:t())
local small = tensor.randn { 1000, 4, 4, seed = 1 }
print(("%d x %d, f64"):format(size, size))
measure("solve", function() linalg.solve(a, a) end)
measure("qr", function() linalg.qr(a) end)
measure("svd", function() linalg.svd(a) end)
measure("eigh", function() linalg.eigh(s) end)
measure("expm", function() linalg.expm(a) end)
measure("det of 1000 4 x 4", function() linalg.det(small) end)
measure("svd of 1000 4 x 4", function() linalg.svd(small) end)
measure("einsum ij,kj->ik", function() tensor.einsum("ij,kj->ik", a, a) end)

local x = tensor.randn { length, seed = 2 }
print(("%d numbers, f64"):format(length))
for _, n in ipairs { 20, 1000 } do
  for _, name in ipairs { "sum", "mean", "std", "min", "max" } do
    measure(("rolling_%s(%d)"):format(name, n), function() x["rolling_" .. name](x, n) end)
  end
  measure(("rolling_quantile(%d)"):format(n), function() x:rolling_quantile(n, 0.5) end)
end
