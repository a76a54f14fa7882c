-- Prediction with boosted trees beside python3-xgboost's inplace_predict, alternating, medians.
-- Usage: neap tests/bench/gbdt_predict.lua [SET] [SHAPE] [ROUNDS] [THREADS]
-- SET and SHAPE as in tree.lua. Models are trained once and kept in /tmp/neap-bench. Rows of a
-- batch are f32 as they lie; one row is f64, timed call by call, alone and while eight processes do
-- it.
local neap = require "neap"
local gbdt = require "neap.gbdt"
local clock, file, tensor = neap.clock, require "neap.file", neap.tensor

local set, shape = arg[1] or "c", arg[2] or "leaves31"
local rounds, threads = tonumber(arg[3] or 5), tonumber(arg[4] or 2)
local folder = "/tmp/neap-bench"
local peer = "/usr/bin/python3 " .. arg[0]:gsub("gbdt_predict%.lua$", "tree_peer.py")
local kept = ("%s/%s_%s.txt"):format(folder, set, shape)

neap.set_threads(math.tointeger(threads))
file.mkdir(folder)
if not file.exists(("%s/%s_x.npy"):format(folder, set)) then
  assert(os.execute(("%s make %s %s"):format(peer, set, folder)))
end
local function load(key) return tensor.load(("%s/%s_%s.npy"):format(folder, set, key)) end

if not file.exists(kept) then
  gbdt.fit(load "x", load "y", {
    objective = "binary", num_iterations = 100, learning_rate = set == "c" and 0.05 or 0.1,
    num_leaves = shape == "depth8" and 256 or math.tointeger(tonumber(shape:match "%d+")),
    max_depth = shape == "depth8" and 8 or -1,
  }):save(kept)
end
local m, xt = gbdt.load(kept), load "xt"

-- p50 and p99 of single rows in microseconds, the call from Lua and a look at the clock included.
local function one_row()
  local rows, times = {}, {}
  for i = 1, 1000 do rows[i] = xt[i]:to "f64" end
  for i = 1, 20000 do
    local row, start = rows[i % 1000 + 1], clock.monotonic()
    m:predict_row(row)
    times[i] = (clock.monotonic() - start) / 1e3
  end
  table.sort(times)
  return times[10000], times[19800]
end

if arg[5] == "row" then
  print(one_row())
  os.exit()
end

local function eight()
  local pipes, p50 = {}, {}
  for i = 1, 8 do
    pipes[i] = assert(io.popen(("%s %s %s %s 1 1 row"):format(arg[-1], arg[0], set, shape)))
  end
  for i, pipe in ipairs(pipes) do
    p50[i] = tonumber(pipe:read "a":match "%S+")
    pipe:close()
  end
  table.sort(p50)
  return p50[4]
end

local function ours()
  local start = clock.monotonic()
  m:predict_proba(xt)
  local batch = #xt / ((clock.monotonic() - start) / 1e9)
  local p50, p99 = one_row()
  return { batch, p50, p99, eight() }
end

local function theirs()
  local command = ("%s predict %s %s %s %d"):format(peer, set, shape, folder, threads)
  local pipe = assert(io.popen(command))
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
print(("%-26s %12s %12s %8s"):format("", "neap", "xgboost", "ratio"))
local lines = { "rows/s", "one row us (p50)", "one row us (p99)", "eight callers us (p50)" }
for k, name in ipairs(lines) do
  local u, v = median(a, k), median(b, k)
  print(("%-26s %12.5g %12.5g %8.3f"):format(name, u, v or 0 / 0, v and u / v or 0 / 0))
end
