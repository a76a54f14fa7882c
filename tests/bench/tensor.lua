-- Element-wise operations, reductions, order and selection against NumPy and PyTorch, each in a
-- process of its own, asked in turn; medians of 5 rounds; peak memory of each while it worked.
-- Usage: neap tests/bench/tensor.lua [task pattern] [sizes] [threads]
--   neap tests/bench/tensor.lua "^s" 1e3,1e5 1
-- Needs python3-numpy, and python3-torch for the second peer; NEAP_PYTHON names the interpreter.
local clock = require "neap.clock"
local file = require "neap.file"
local memory = require "tests.bench.support.memory"
local neap = require "neap"
local tensor = neap.tensor

local names = {
  "add", "mul", "exp", "log", "tanh", "sigmoid", "sum", "mean", "std", "max", "argmax", "cumsum",
  "sort", "argsort", "softmax rows", "matmul", "broadcast add", "sum axis 1", "sum axis 2",
  "transposed copy", "mask select", "gather", "take", "where", "quantile",
  "draw uniform", "draw normal", "draw exponential", "draw gamma", "draw beta", "draw t",
  "draw poisson 4", "draw poisson 100", "draw binomial", "draw permutation",
}

-- our side ----------------------------------------------------------------------------------------

local function inputs(n, dtype)
  local side, small = math.floor(n ^ 0.5), ({ [1000] = 32, [100000] = 316 })[n] or 1024
  local rng = neap.rng(1)
  local function normal(...) return tensor.randn { dtype = dtype, rng = rng, ... } end
  local d = {
    x = normal(n), y = normal(n), rows = normal(n // 100, 100),
    a = normal(small, small), b = normal(small, small),
    square = normal(side, side), row = normal(side),
    positive = tensor.rand { n, dtype = dtype, rng = rng } + 0.5,
    at = tensor.randint { n, low = 1, high = n, rng = rng },
  }
  d.mask = d.y:gt(0)
  return d
end

local tasks = {
  ["add"] = function(d) return d.x + d.y end,
  ["mul"] = function(d) return d.x * d.y end,
  ["exp"] = function(d) return d.x:exp() end,
  ["log"] = function(d) return d.positive:log() end,
  ["tanh"] = function(d) return d.x:tanh() end,
  ["sigmoid"] = function(d) return d.x:sigmoid() end,
  ["sum"] = function(d) return d.x:sum() end,
  ["mean"] = function(d) return d.x:mean() end,
  ["std"] = function(d) return d.x:std() end,
  ["max"] = function(d) return d.x:max() end,
  ["argmax"] = function(d) return d.x:argmax() end,
  ["cumsum"] = function(d) return d.x:cumsum() end,
  ["sort"] = function(d) return d.x:sort() end,
  ["argsort"] = function(d) return d.x:argsort() end,
  ["softmax rows"] = function(d) return d.rows:softmax(2) end,
  ["matmul"] = function(d) return d.a:matmul(d.b) end,
  ["broadcast add"] = function(d) return d.square + d.row end,
  ["sum axis 1"] = function(d) return d.square:sum(1) end,
  ["sum axis 2"] = function(d) return d.square:sum(2) end,
  ["transposed copy"] = function(d) return d.square:t():clone() end,
  ["mask select"] = function(d) return d.x[d.mask] end,
  ["gather"] = function(d) return d.x[d.at] end,
  ["take"] = function(d) return d.x:take(d.at) end,
  ["where"] = function(d) return tensor.where(d.mask, d.x, d.y) end,
  ["quantile"] = function(d) return d.x:quantile(0.5) end,
  ["draw uniform"] = function(d) return tensor.rand { #d.x, dtype = d.x.dtype } end,
  ["draw normal"] = function(d) return tensor.randn { #d.x, dtype = d.x.dtype } end,
  ["draw exponential"] = function(d) return tensor.exponential { #d.x, dtype = d.x.dtype } end,
  ["draw gamma"] = function(d) return tensor.gamma { #d.x, shape = 2, dtype = d.x.dtype } end,
  ["draw beta"] = function(d) return tensor.beta { #d.x, a = 2, b = 3, dtype = d.x.dtype } end,
  ["draw t"] = function(d) return tensor.student_t { #d.x, df = 5, dtype = d.x.dtype } end,
  ["draw poisson 4"] = function(d) return tensor.poisson { #d.x, rate = 4 } end,
  ["draw poisson 100"] = function(d) return tensor.poisson { #d.x, rate = 100 } end,
  ["draw binomial"] = function(d) return tensor.binomial { #d.x, n = 100, p = 0.3 } end,
  ["draw permutation"] = function(d) return tensor.permutation(#d.x) end,
}

local function seconds_per_call(call, d, calls)
  local start = clock.monotonic()
  for _ = 1, calls do call(d) end
  return (clock.monotonic() - start) / 1e9 / calls
end

local function work(threads, fifo)
  neap.set_threads(threads)
  local answers = assert(io.open(fifo, "w"))
  local made, prepared, d, calls
  for line in io.lines() do
    local task, dtype, n = line:match "^(.-)\t(.-)\t(.-)$"
    if made ~= dtype .. n then
      made = dtype .. n
      d = inputs(math.tointeger(tonumber(n)), dtype)
      collectgarbage()
    end
    if prepared ~= line then
      prepared = line
      collectgarbage()
      memory.mark_peak()
      local once = seconds_per_call(tasks[task], d, 2)
      if once < 0.01 then -- warm
        seconds_per_call(tasks[task], d, math.floor(0.01 / math.max(once, 1e-6)))
      end
      calls = math.max(1, math.min(2000, math.floor(0.01 / math.max(once, 1e-7))))
    end
    answers:write(("%.9g %d\n"):format(seconds_per_call(tasks[task], d, calls),
      memory.status "VmHWM"))
    answers:flush()
  end
end

if arg[1] == "--work" then
  work(math.tointeger(tonumber(arg[2])), arg[3])
  return
end

-- the driver --------------------------------------------------------------------------------------

local pattern = arg[1] or ""
local function list(text)
  local numbers = {}
  for word in text:gmatch "[^,]+" do numbers[#numbers + 1] = math.tointeger(tonumber(word)) end
  return numbers
end
local sizes, counts = list(arg[2] or "1e3,1e5,1e7"), list(arg[3] or "1,2")

local python = os.getenv "NEAP_PYTHON" or "/usr/bin/python3"
local folder = file.temporary_folder()
local at_their_best = "env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE ATEN_CPU_CAPABILITY=avx512 "
  .. "OPENBLAS_NUM_THREADS=%d OMP_NUM_THREADS=%d OMP_WAIT_POLICY=passive "

-- A process that answers tasks through a pipe with a name.
local function start(name, threads, command)
  local fifo = folder .. "/" .. name .. threads
  assert(os.execute("mkfifo " .. fifo))
  local process = io.popen(at_their_best:format(threads, threads)
    .. command:format(threads, fifo), "w")
  return { name = name, process = process, answers = assert(io.open(fifo)), times = {}, peak = 0 }
end

local function ask(side, question)
  side.process:write(question, "\n")
  side.process:flush()
  local seconds, kib = side.answers:read("n", "n")
  side.peak = math.max(side.peak, kib)
  side.times[#side.times + 1] = seconds
end

local function median(times)
  table.sort(times)
  return times[#times // 2 + 1]
end

-- Microseconds and peak MB of every side; the ratio of the faster peer's time to ours.
local function compare(sides, task, dtype, n)
  for _, side in ipairs(sides) do side.times, side.peak = {}, 0 end
  local question = ("%s\t%s\t%d"):format(task, dtype, n)
  for _ = 1, 5 do
    for _, side in ipairs(sides) do ask(side, question) end
  end
  local line, best = ("%-16s %s %5.0e"):format(task, dtype, n), math.huge
  for k, side in ipairs(sides) do
    local t = median(side.times)
    if k > 1 then best = math.min(best, t) end
    line = line .. (" %11.2f us %5.0f MB"):format(t * 1e6, side.peak / 1024)
  end
  local ratio = best / median(sides[1].times)
  print(("%s  ratio %6.2f"):format(line, ratio))
  io.stdout:flush()
  return ratio
end

local has_torch = os.execute(python .. " -c 'import torch' 2>/dev/null")
for _, threads in ipairs(counts) do
  local own = arg[-1] or "build/release/neap"
  local sides = { start("neap", threads, own .. " tests/bench/tensor.lua --work %d %s") }
  sides[2] = start("numpy", threads, python .. " tests/bench/tensor_peer.py numpy %d %s")
  if has_torch then
    sides[3] = start("torch", threads, python .. " tests/bench/tensor_peer.py torch %d %s")
  end
  local header = {}
  for k, side in ipairs(sides) do header[k] = side.name end
  print(("%d thread%s: %s"):format(threads, threads > 1 and "s" or "", table.concat(header, ", ")))
  local logs, cases, slow = 0, 0, 0
  for _, n in ipairs(sizes) do
    for _, dtype in ipairs { "f32", "f64" } do
      for _, task in ipairs(names) do
        if task:find(pattern) then
          local ratio = compare(sides, task, dtype, n)
          logs, cases = logs + math.log(ratio), cases + 1
          if ratio < 0.8 then slow = slow + 1 end
        end
      end
    end
  end
  print(("%d cases, geometric mean %.2f, %d under 0.8"):format(cases, math.exp(logs / cases), slow))
  for _, side in ipairs(sides) do
    side.process:close()
    side.answers:close()
  end
end
file.remove_tree(folder)
