-- Transformers against scikit-learn, asked in turn; medians of 5 rounds of the best of 3 calls.
-- Usage: neap tests/bench/preprocess.lua [task pattern] [rows] [columns] [threads]
-- Needs python3-sklearn; NEAP_PYTHON names the interpreter.
local clock = require "neap.clock"
local file = require "neap.file"
local neap = require "neap"
local preprocess = require "neap.preprocess"
local tensor = require "neap.tensor"

local pattern = arg[1] or ""
local rows = math.tointeger(tonumber(arg[2] or "200000"))
local columns = math.tointeger(tonumber(arg[3] or "20"))
local python = os.getenv "NEAP_PYTHON" or "/usr/bin/python3"

local x = tensor.randn { rows, columns, rng = neap.rng(1) }
local gaps = tensor.where(tensor.rand { rows, columns, rng = neap.rng(2) }:lt(0.1), 0 / 0, x)
local codes = (tensor.rand { rows, 4, rng = neap.rng(3) } * 30):floor()

local makers = {
  standard = function() return preprocess.standard() end,
  minmax = function() return preprocess.minmax() end,
  robust = function() return preprocess.robust() end,
  rank = function() return preprocess.rank() end,
  quantile_normal = function() return preprocess.quantile_normal() end,
  impute = function() return preprocess.impute() end,
  pca = function() return preprocess.pca { components = 5 } end,
  ordinal = function() return preprocess.ordinal { columns = { 1, 2, 3, 4 } } end,
  one_hot = function() return preprocess.one_hot { columns = { 1, 2, 3, 4 } } end,
}
local order = { "standard", "minmax", "robust", "rank", "quantile_normal", "impute", "pca",
  "ordinal", "one_hot" }
local data = { impute = gaps, ordinal = codes, one_hot = codes }

local function best_of(fn)
  local best = math.huge
  for _ = 1, 3 do
    collectgarbage()
    local begin = clock.monotonic()
    fn()
    best = math.min(best, (clock.monotonic() - begin) / 1e9)
  end
  return best
end

local function median(list)
  table.sort(list)
  return list[#list // 2 + 1]
end

local folder = file.temporary_folder()
local fifo = folder .. "/answers"
assert(os.execute("mkfifo " .. fifo))
local peer = io.popen(("%s tests/bench/preprocess_peer.py %d %d %s"):format(python, rows, columns,
  fifo), "w")
local answers = assert(io.open(fifo))

-- Seconds to fit and to apply of the peer.
local function ask(task)
  peer:write(task, "\n")
  peer:flush()
  return answers:read("n", "n")
end

for word in (arg[4] or "1,2"):gmatch "[^,]+" do
  local threads = math.tointeger(tonumber(word))
  neap.set_threads(threads)
  print(("%d x %d, %d thread%s: neap, scikit-learn"):format(rows, columns, threads,
    threads > 1 and "s" or ""))
  for _, task in ipairs(order) do
    if task:find(pattern) then
      local d, times = data[task] or x, { {}, {}, {}, {} }
      local p = makers[task]():fit(d)
      for round = 1, 5 do
        times[1][round] = best_of(function() makers[task]():fit(d) end)
        times[2][round] = best_of(function() p:apply(d) end)
        times[3][round], times[4][round] = ask(task)
      end
      for i = 1, 4 do times[i] = median(times[i]) * 1e3 end
      print(("%-16s fit %8.2f %9.2f ms  ratio %5.1f   apply %8.2f %9.2f ms  ratio %5.1f"):format(
        task, times[1], times[3], times[3] / times[1], times[2], times[4], times[4] / times[2]))
      io.stdout:flush()
    end
  end
end
peer:close()
answers:close()
file.remove_tree(folder)
