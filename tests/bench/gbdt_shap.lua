-- Shapley values against python3-xgboost on the same trees, alternating, medians.
-- Usage: neap tests/bench/gbdt_shap.lua [SET] [SHAPE] [ROUNDS] [THREADS] [ROWS]
-- SET and SHAPE as in tree.lua (a1000 or a100 or c; leaves255, depth8); the peer trains 100 trees
-- once and neap reads its file. Interactions are of an hundredth of the rows, since the peer takes
-- seconds for one.
local neap = require "neap"
local clock, file, gbdt, tensor = neap.clock, require "neap.file", neap.gbdt, neap.tensor

local set, shape = arg[1] or "a1000", arg[2] or "depth8"
local rounds, threads = tonumber(arg[3] or 5), math.tointeger(tonumber(arg[4] or 2))
local rows = math.tointeger(tonumber(arg[5] or 1000))
local few = math.max(1, rows // 100)
local folder = "/tmp/neap-bench"
local beside = arg[0]:gsub("gbdt_shap%.lua$", "")
local python = "env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE /usr/bin/python3 " .. beside
local peer = python .. "gbdt_shap_peer.py"

neap.set_threads(threads)
file.mkdir(folder)
if not file.exists(("%s/%s_x.npy"):format(folder, set)) then
  assert(os.execute(("%stree_peer.py make %s %s"):format(python, set, folder)))
end
local path = ("%s/shap_%s_%s.json"):format(folder, set, shape)
if not file.exists(path) then
  assert(os.execute(("%s train %s %s %s"):format(peer, set, shape, folder)))
end
local m = gbdt.load(path)
local x = tensor.load(("%s/%s_xt.npy"):format(folder, set)):slice(1, 1, rows)
local x_few = x:slice(1, 1, few)

local function seconds(fn)
  local start = clock.monotonic()
  fn()
  return (clock.monotonic() - start) / 1e9
end

local function ours()
  return { seconds(function() m:shap(x) end), seconds(function() m:shap_interactions(x_few) end) }
end

local function theirs()
  local command = ("%s run %s %s %s %d %d %d"):format(peer, set, shape, folder, threads, rows, few)
  local pipe = assert(io.popen(command))
  local a, b = pipe:read("n", "n")
  pipe:close()
  return { a, b }
end

local function median(runs, k)
  local v = {}
  for i, r in ipairs(runs) do v[i] = r[k] end
  table.sort(v)
  return v[(#v + 1) // 2], v[1]
end

local a, b = {}, {}
for i = 1, rounds do a[i], b[i] = ours(), theirs() end
print(("%s %s, %d threads, median of %d (least), load %s"):format(set, shape, threads, rounds,
  file.exists "/proc/loadavg" and file.read "/proc/loadavg":match "%S+" or "?"))
print(("%-22s %20s %20s %8s"):format("rows/s", "neap", "xgboost", "ratio"))
for k, name in ipairs { "shap", "shap_interactions" } do
  local n = k == 1 and rows or few
  local u, best_u = median(a, k)
  local v, best_v = median(b, k)
  print(("%-22s %10.4g (%7.4g) %10.4g (%7.4g) %8.2f"):format(name, n / u, n / best_u, n / v,
    n / best_v, v / u))
end
