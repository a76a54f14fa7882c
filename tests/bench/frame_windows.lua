-- Windows over the rows of a frame against pandas, each in a process of its own, asked in turn;
-- medians of 5 rounds (with --least the shortest, for a busy machine); memory that the task took at
-- its peak beside what was there before.
-- Usage: neap tests/bench/frame_windows.lua [task pattern] [rows] [threads] [--least]
--   neap tests/bench/frame_windows.lua "^rank" 1e5,1e6 1
-- Needs python3-pandas; NEAP_PYTHON names the interpreter.
local clock = require "neap.clock"
local file = require "neap.file"
local memory = require "tests.bench.support.memory"
local neap = require "neap"
local frame, tensor = neap.frame, neap.tensor

local names = {}
for _, rows in ipairs { 20, 100, 1000 } do
  for _, statistic in ipairs { "sum", "mean", "std", "corr", "rank", "quantile", "min", "skew" } do
    names[#names + 1] = ("%s %d"):format(statistic, rows)
  end
end
for _, name in ipairs { "mean 20m", "std 20m", "rank 20m", "mean 20m, ragged", "std 20m, ragged",
  "expanding mean", "expanding std", "ewm mean", "ewm std", "ewm corr", "shift", "diff",
  "pct_change", "shift by symbol", "mean 20 by symbol", "std 20 by symbol, mixed",
  "shift by symbol, mixed" } do
  names[#names + 1] = name
end

-- our side ----------------------------------------------------------------------------------------

local MINUTE, SYMBOLS = 60000000000, 100

local function inputs(n)
  local rng = neap.rng(1)
  local x, step = tensor.randn { n, rng = rng }:cumsum(), tensor.randint { n, low = 1, high = 3,
    rng = rng }
  local row = tensor.arange(0, n - 1, { dtype = "i64" })
  local labels = {}
  for k = 1, SYMBOLS do labels[k] = "S" .. k end
  local symbol, mixed = frame.category(labels), frame.category(labels)
  symbol.codes = (row // ((n + SYMBOLS - 1) // SYMBOLS) + 1):to "i32"
  mixed.codes = (row % SYMBOLS + 1):to "i32"
  return frame.new { { "time", row * MINUTE }, { "ragged_time", step:cumsum() * (MINUTE // 2) },
    { "x", x }, { "y", tensor.randn { n, rng = rng } }, { "symbol", symbol }, { "mixed", mixed } }
end

local only = { columns = { "x" } }
local function by(name) return { columns = { "x" }, by = name } end
local tasks = {
  ["mean 20m"] = function(f) return f:rolling("20m"):mean "x" end,
  ["std 20m"] = function(f) return f:rolling("20m"):std "x" end,
  ["rank 20m"] = function(f) return f:rolling("20m"):rank "x" end,
  ["mean 20m, ragged"] = function(f) return f:rolling("20m", { time = "ragged_time" }):mean "x" end,
  ["std 20m, ragged"] = function(f) return f:rolling("20m", { time = "ragged_time" }):std "x" end,
  ["expanding mean"] = function(f) return f:expanding():mean "x" end,
  ["expanding std"] = function(f) return f:expanding():std "x" end,
  ["ewm mean"] = function(f) return f:ewm({ span = 20 }):mean "x" end,
  ["ewm std"] = function(f) return f:ewm({ span = 20 }):std "x" end,
  ["ewm corr"] = function(f) return f:ewm({ span = 20 }):corr("x", "y") end,
  ["shift"] = function(f) return f:shift(1, only) end,
  ["diff"] = function(f) return f:diff(1, only) end,
  ["pct_change"] = function(f) return f:pct_change(1, only) end,
  ["shift by symbol"] = function(f) return f:shift(1, by "symbol") end,
  ["mean 20 by symbol"] = function(f) return f:rolling(20, by "symbol"):mean "x" end,
  ["std 20 by symbol, mixed"] = function(f) return f:rolling(20, by "mixed"):std "x" end,
  ["shift by symbol, mixed"] = function(f) return f:shift(1, by "mixed") end,
}
for _, name in ipairs(names) do
  local statistic, rows = name:match "^(%a+) (%d+)$"
  rows = math.tointeger(tonumber(rows))
  if statistic == "corr" then tasks[name] = function(f) return f:rolling(rows):corr("x", "y") end
  elseif statistic == "quantile" then
    tasks[name] = function(f) return f:rolling(rows):quantile(0.3, "x") end
  elseif statistic then
    tasks[name] = function(f)
      local windows = f:rolling(rows)
      return windows[statistic](windows, "x")
    end
  end
end

local function work(threads, fifo)
  neap.set_threads(threads)
  local answers = assert(io.open(fifo, "w"))
  local made, f
  for line in io.lines() do
    local task, n = line:match "^(.-)\t(.-)$"
    if made ~= n then
      made = n
      f = inputs(math.tointeger(tonumber(n)))
    end
    collectgarbage()
    neap.memory { trim = true }
    memory.mark_peak()
    local before, start = memory.status "VmRSS", clock.monotonic()
    tasks[task](f)
    local seconds = (clock.monotonic() - start) / 1e9
    answers:write(("%.9g %d\n"):format(seconds, memory.status "VmHWM" - before))
    answers:flush()
  end
end

if arg[1] == "--work" then
  work(math.tointeger(tonumber(arg[2])), arg[3])
  return
end

-- the driver --------------------------------------------------------------------------------------

local least = arg[#arg] == "--least" and table.remove(arg)
local pattern = arg[1] or ""
local function list(text)
  local numbers = {}
  for word in text:gmatch "[^,]+" do numbers[#numbers + 1] = math.tointeger(tonumber(word)) end
  return numbers
end
local sizes, counts = list(arg[2] or "1e6"), list(arg[3] or "1,2")
local python = os.getenv "NEAP_PYTHON" or "/usr/bin/python3"
local folder = file.temporary_folder()

-- A process that answers tasks through a pipe with a name.
local function start(name, threads, command)
  local fifo = folder .. "/" .. name .. threads
  assert(os.execute("mkfifo " .. fifo))
  local process = io.popen(command:format(threads, fifo), "w")
  return { name = name, process = process, answers = assert(io.open(fifo)), times = {} }
end

local function ask(side, question)
  side.process:write(question, "\n")
  side.process:flush()
  local seconds, kib = side.answers:read("n", "n")
  side.kib = math.min(side.kib, kib)
  side.times[#side.times + 1] = seconds
end

local function typical(times)
  table.sort(times)
  return times[least and 1 or #times // 2 + 1]
end

for _, threads in ipairs(counts) do
  local own = arg[-1] or "build/release/neap"
  local sides = { start("neap", threads, own .. " tests/bench/frame_windows.lua --work %d %s"),
    start("pandas", threads, python .. " tests/bench/frame_windows_peer.py %d %s") }
  print(("%d thread%s: neap, pandas"):format(threads, threads > 1 and "s" or ""))
  for _, n in ipairs(sizes) do
    for _, task in ipairs(names) do
      if task:find(pattern) then
        for _, side in ipairs(sides) do side.times, side.kib = {}, math.huge end
        for _ = 1, least and 9 or 5 do
          for _, side in ipairs(sides) do ask(side, ("%s\t%d"):format(task, n)) end
        end
        local ours, theirs = typical(sides[1].times), typical(sides[2].times)
        print(("%-24s %5.0e %9.2f ms %5.0f MB %9.2f ms %5.0f MB  ratio %6.2f"):format(task, n,
          ours * 1e3, sides[1].kib / 1024, theirs * 1e3, sides[2].kib / 1024, theirs / ours))
        io.stdout:flush()
      end
    end
  end
  for _, side in ipairs(sides) do
    side.process:close()
    side.answers:close()
  end
end
file.remove_tree(folder)
