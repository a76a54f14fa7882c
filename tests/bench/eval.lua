-- Metrics, calibration and linear models against scikit-learn, one round each in turn; median of 5.
-- Usage: neap tests/bench/eval.lua [scores] [rows] [columns]
-- Needs python3-sklearn for the peer; NEAP_PYTHON names another interpreter.
local clock = require "neap.clock"
local neap = require "neap"
local calibration, linear = neap.calibration, neap.linear
local metrics, tensor = neap.metrics, neap.tensor

local function number(i, default) return math.tointeger(tonumber(arg and arg[i])) or default end
local n, rows, columns = number(1, 1000000), number(2, 20000), number(3, 60)
neap.set_threads(1)

local rng = neap.rng(1)
local function labels(z, cut)
  local y = {}
  for i, v in ipairs(z) do y[i] = cut and (v < -1 and 0 or v < 1 and 1 or 2)
    or (rng:uniform() < 1 / (1 + math.exp(-v)) and 1 or 0) end
  return tensor.of(y)
end

local z, p = {}, {}
for i = 1, n do
  z[i] = rng:normal()
  p[i] = 1 / (1 + math.exp(-z[i]))
end
local y = labels(z)
p = tensor.of(p)

local b, x, score = {}, {}, {}
for j = 1, columns do b[j] = 0.3 * rng:normal() end
for i = 1, rows do
  local row, sum = {}, 0.3
  for j = 1, columns do
    row[j] = rng:normal()
    sum = sum + b[j] * row[j]
  end
  x[i], score[i] = row, sum
end
x = tensor.of(x)
local t, t3 = labels(score), labels(score, true)

local answer = os.tmpname()
local python = os.getenv "NEAP_PYTHON" or "/usr/bin/python3"
local peer = io.popen(("OPENBLAS_NUM_THREADS=1 %s tests/bench/eval_peer.py %d %d %d %s >/dev/null")
  :format(python, n, rows, columns, answer), "w")

-- The peer's seconds for a task, waited for; nil when there is no peer.
local function ask(task)
  os.remove(answer)
  if not peer or not pcall(peer.write, peer, task, "\n") then return nil end
  peer:flush()
  local deadline = clock.monotonic() + 60e9
  while clock.monotonic() < deadline do
    local f = io.open(answer)
    local seconds = f and tonumber(f:read "a")
    if f then f:close() end
    if seconds then return seconds end
  end
end

local function median(times)
  table.sort(times)
  return times[3]
end

local function measure(task, ours)
  local mine, theirs = {}, {}
  for k = 1, 5 do
    local start = clock.monotonic()
    ours()
    mine[k] = (clock.monotonic() - start) / 1e9
    theirs[k] = ask(task)
  end
  local a, other = median(mine), theirs[5] and median(theirs)
  print(("%-20s %8.1f ms  peer %8.1f ms  ratio %5.1f"):format(task, a * 1e3, (other or 0) * 1e3,
    other and other / a or 0 / 0))
end

print(("%d scores; %d x %d rows; one thread; median of 5 rounds in turn"):format(n, rows, columns))
measure("auc", function() metrics.auc(y, p) end)
measure("average_precision", function() metrics.average_precision(y, p) end)
measure("log_loss", function() metrics.log_loss(y, p) end)
measure("isotonic", function() calibration.fit("isotonic", y, p) end)
measure("logistic", function() linear.fit(x, t) end)
measure("three classes", function() linear.fit(x, t3) end)
measure("ridge", function() linear.fit(x, t, { kind = "ridge" }) end)

local c, start = calibration.fit("platt", y, p), clock.monotonic()
for _ = 1, 1000000 do c:apply(0.3) end
print(("one row calibrated   %8.3f us"):format((clock.monotonic() - start) / 1e9))
peer:close()
os.remove(answer)
