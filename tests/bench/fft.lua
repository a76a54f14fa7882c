-- Fourier transforms of complex and of real numbers: the least of RUNS runs in processor time,
-- which neighbours on the machine disturb less than wall time; beside them NumPy's and PyTorch's on
-- one thread, where they are installed.
-- Usage: neap tests/bench/fft.lua [sizes, as 1024,65536 or 100x1024]
local neap = require "neap"
local tensor = require "neap.tensor"

local RUNS = 11
local sizes = arg and arg[1] or "60,1024,10080,65536,1048576,1000003,983040,1000x64,100x1024"
neap.set_threads(1)

local peer = [[
import math, sys, time
try:
    import numpy as np
except ImportError:
    sys.exit(0)
try:
    import torch
    torch.set_num_threads(1)
except ImportError:
    torch = None

def measure(name, run):
    run()
    start, calls = time.process_time(), 0
    while time.process_time() - start < 0.02: run(); calls += 1
    best = 1e9
    for _ in range(RUNS):
        start = time.process_time()
        for _ in range(calls): run()
        best = min(best, (time.process_time() - start) / calls)
    print("%s\t%.9f" % (name, best), flush=True)

for size in "SIZES".split(","):
    shape = [int(n) for n in size.split("x")]
    rng = np.random.default_rng(1)
    x = rng.standard_normal(shape)
    z = x + 1j * rng.standard_normal(shape)
    measure("numpy fft " + size, lambda: np.fft.fft(z))
    measure("numpy rfft " + size, lambda: np.fft.rfft(x))
    if torch:
        tx, tz = torch.from_numpy(x), torch.from_numpy(z)
        measure("torch fft " + size, lambda: torch.fft.fft(tz))
        measure("torch rfft " + size, lambda: torch.fft.rfft(tx))
]]

local peers = {}
local command = "env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE ATEN_CPU_CAPABILITY=avx512 "
local script = peer:gsub("SIZES", sizes):gsub("RUNS", tostring(RUNS))
local pipe = assert(io.popen(("%s /usr/bin/python3 - <<'END'\n%s\nEND"):format(command, script)))
for line in pipe:lines() do
  local name, seconds = line:match "^(.-)\t(.*)$"
  if name then peers[name] = tonumber(seconds) end
end
pipe:close()

local function measure(run)
  run()
  local start, calls = os.clock(), 0
  while os.clock() - start < 0.02 do
    run()
    calls = calls + 1
  end
  local best = math.huge
  for _ = 1, RUNS do
    start = os.clock()
    for _ = 1, calls do run() end
    best = math.min(best, (os.clock() - start) / calls)
  end
  return best
end

local function ratio(theirs, ours)
  return theirs and ("%9.2f"):format(theirs / ours) or "        -"
end

print(("%-16s %12s %9s %9s"):format("", "neap us", "NumPy x", "PyTorch x"))
for size in sizes:gmatch "[^,]+" do
  local shape = {}
  for n in size:gmatch "%d+" do shape[#shape + 1] = math.tointeger(tonumber(n)) end
  local x = tensor.randn(shape)
  local z = tensor.stack({ x, tensor.randn(shape) }, -1)
  for name, run in pairs { -- each on its own line
    fft = function() return tensor.fft(z, { complex = true }) end,
    rfft = function() return tensor.rfft(x) end,
  } do
    local seconds = measure(run)
    print(("%-16s %12.1f %s %s"):format(name .. " " .. size, seconds * 1e6,
      ratio(peers[("numpy %s %s"):format(name, size)], seconds),
      ratio(peers[("torch %s %s"):format(name, size)], seconds)))
  end
end
