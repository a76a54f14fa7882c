-- Decompositions of four sizes and of small batches, einsum and rolling windows: the least of RUNS
-- runs in processor time, which neighbours on the machine disturb less than wall time; beside them
-- NumPy's and SciPy's on one thread, where they are installed.
-- Usage: neap tests/bench/linalg.lua [sizes, as 3,32,256] [length of series]
local neap = require "neap"
local linalg = require "neap.linalg"
local tensor = require "neap.tensor"

local RUNS = 9
local sizes = arg and arg[1] or "3,32,256,1024"
local length = math.tointeger(tonumber(arg and arg[2]) or 1000000)
neap.set_threads(1)

local peer = [[
import sys, time
try:
    import numpy as np
    import scipy.linalg as sl
except ImportError:
    sys.exit(0)
l = np.linalg

def measure(name, run):
    run()
    start, calls = time.process_time(), 0
    while time.process_time() - start < 0.01: run(); calls += 1
    best = 1e9
    for _ in range(RUNS):
        start = time.process_time()
        for _ in range(calls): run()
        best = min(best, (time.process_time() - start) / calls)
    print("%s\t%.9f" % (name, best), flush=True)

for n in [SIZES]:
    rng = np.random.default_rng(1)
    a = rng.standard_normal((n, n)); s = a @ a.T + n * np.eye(n); b = a[:, :1].copy()
    low = np.tril(a) + n * np.eye(n)
    for name, run in [
        ("solve", lambda: l.solve(a, b)), ("inv", lambda: l.inv(a)),
        ("cholesky", lambda: l.cholesky(s)), ("qr", lambda: l.qr(a)),
        ("svd", lambda: l.svd(a, full_matrices=False)), ("eigh", lambda: l.eigh(s)),
        ("lstsq", lambda: l.lstsq(a, b, rcond=None)), ("det", lambda: l.det(a)),
        ("lu", lambda: sl.lu(a)), ("expm", lambda: sl.expm(a)), ("pinv", lambda: l.pinv(a)),
        ("solve_triangular", lambda: sl.solve_triangular(low, b, lower=True)),
    ]: measure("%s %d" % (name, n), run)
a = np.random.default_rng(1).standard_normal((256, 256))
small = np.random.default_rng(1).standard_normal((1000, 4, 4))
spd = small @ small.transpose(0, 2, 1) + np.eye(4)
for name, run in [
    ("det of 1000 4 x 4", lambda: l.det(small)), ("inv of 1000 4 x 4", lambda: l.inv(small)),
    ("solve of 1000 4 x 4", lambda: l.solve(small, small)),
    ("cholesky of 1000 4 x 4", lambda: l.cholesky(spd)),
    ("qr of 1000 4 x 4", lambda: l.qr(small)), ("eigh of 1000 4 x 4", lambda: l.eigh(spd)),
    ("svd of 1000 4 x 4", lambda: l.svd(small, full_matrices=False)),
    ("einsum ij,kj->ik", lambda: np.einsum("ij,kj->ik", a, a, optimize=True)),
]: measure(name, run)
]]

local peers = {}
local command = "env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS=1 "
  .. "/usr/bin/python3 - <<'END' 2>/dev/null\n%s\nEND"
local program = peer:gsub("SIZES", sizes):gsub("RUNS", RUNS)
for line in assert(io.popen(command:format(program))):lines() do
  local name, seconds = line:match "^(.-)\t(.*)$"
  if name then peers[name] = tonumber(seconds) end
end

local function measure(name, call)
  call()
  local start, calls, best = os.clock(), 0, math.huge
  repeat
    call()
    calls = calls + 1
  until os.clock() - start > 0.01
  for _ = 1, RUNS do
    start = os.clock()
    for _ = 1, calls do call() end
    best = math.min(best, (os.clock() - start) / calls)
  end
  local ratio = peers[name] and ("  peer %11.4f ms  ratio %5.2f"):format(peers[name] * 1e3,
    peers[name] / best) or ""
  print(("%-24s %11.4f ms%s"):format(name, best * 1e3, ratio))
end

for size in sizes:gmatch "%d+" do
  local n = math.tointeger(tonumber(size))
  local a = tensor.randn { n, n, seed = 1 }
  local s = a:matmul(a:t()) + tensor.eye(n) * n
  local b, low = a:slice(2, 1, 1):contiguous(), tensor.tril(a) + tensor.eye(n) * n
  local cases = {
    { "solve", function() linalg.solve(a, b) end }, { "inv", function() linalg.inv(a) end },
    { "cholesky", function() linalg.cholesky(s) end }, { "qr", function() linalg.qr(a) end },
    { "svd", function() linalg.svd(a) end }, { "eigh", function() linalg.eigh(s) end },
    { "lstsq", function() linalg.lstsq(a, b) end }, { "det", function() linalg.det(a) end },
    { "lu", function() linalg.lu(a) end }, { "expm", function() linalg.expm(a) end },
    { "pinv", function() linalg.pinv(a) end },
    { "solve_triangular", function() linalg.solve_triangular(low, b) end },
  }
  for _, case in ipairs(cases) do measure(("%s %d"):format(case[1], n), case[2]) end
end
local a = tensor.randn { 256, 256, seed = 1 }
local small = tensor.randn { 1000, 4, 4, seed = 1 }
local spd = small:matmul(small:transpose(-1, -2)) + tensor.eye(4)
measure("det of 1000 4 x 4", function() linalg.det(small) end)
measure("inv of 1000 4 x 4", function() linalg.inv(small) end)
measure("solve of 1000 4 x 4", function() linalg.solve(small, small) end)
measure("cholesky of 1000 4 x 4", function() linalg.cholesky(spd) end)
measure("qr of 1000 4 x 4", function() linalg.qr(small) end)
measure("eigh of 1000 4 x 4", function() linalg.eigh(spd) end)
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
