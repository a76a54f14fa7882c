-- CSV and JSON lines against pandas, each in a process of its own, asked in turn; the least of
-- ROUNDS, MB/s of text, and the resident memory that one reading takes beyond what was there.
-- Usage: neap tests/bench/frame_files.lua [task pattern] [rows] [threads]
--   neap tests/bench/frame_files.lua 'csv read' 1e6 1,2
-- Needs python3-pandas; NEAP_PYTHON names the interpreter.
local clock = require "neap.clock"
local file = require "neap.file"
local frame = require "neap.frame"
local memory = require "tests.bench.support.memory"
local neap = require "neap"
local tensor = require "neap.tensor"

local ROUNDS = 5
local names = { "csv read full", "csv read prices", "csv read mixed", "csv read quoted",
  "csv read gz", "csv write full", "csv write mixed", "jsonl read full", "jsonl read mixed",
  "jsonl write mixed" }

-- Eight columns of 15 to 17 digits, eight of prices with two decimals, and a table of trades.
local function inputs(rows)
  local full, prices = {}, {}
  for i = 1, 8 do
    local x = tensor.randn { rows, seed = i }
    full[i] = { "c" .. i, x }
    prices[i] = { "c" .. i, ((x * 0.1):exp() * 10000):round() / 100 }
  end
  local at = tensor.arange(0, rows - 1):to "i64"
  local symbol = require("neap.frame.category").of_codes((at % 5 + 1):to "i32",
    { "BTCUSDT", "ETHUSDT", "XRPUSDT", "ADAUSDT", "SOLUSDT" })
  local mixed = { { "time", at * 250000000 + 1704067200000000000 }, { "symbol", symbol },
    { "id", at + 100000 }, { "price", prices[1][2] }, { "size", full[2][2]:abs() },
    { "buyer", full[3][2]:gt(0) } }
  return { full = frame.new(full), prices = frame.new(prices), mixed = frame.new(mixed) }
end

local function make(folder, rows)
  local d = inputs(rows)
  for name, f in pairs(d) do f:write_csv(("%s/%s.csv"):format(folder, name)) end -- each its file
  d.full:write_jsonl(folder .. "/full.jsonl")
  d.mixed:write_jsonl(folder .. "/mixed.jsonl")
  d.prices:write_csv(folder .. "/prices.csv.gz")
  local text = file.read(folder .. "/prices.csv"):gsub("[^,\n]+", '"%0"')
  file.write(folder .. "/quoted.csv", text)
end

-- The file that a task reads, or one like what it writes.
local function path_of(folder, task)
  local kind, verb, name = task:match "^(%S+) (%S+) (%S+)$"
  if name == "gz" then return folder .. "/prices.csv.gz", verb end
  return ("%s/%s.%s"):format(folder, name, kind), verb
end

local function call_of(folder, task)
  local path, verb = path_of(folder, task)
  local kind = task:match "^%S+"
  if verb == "read" then return function() return frame["read_" .. kind](path) end end
  local f, out = frame["read_" .. kind](path), folder .. "/ours." .. kind
  return function() f["write_" .. kind](f, out) end
end

local function work(folder, threads, fifo)
  neap.set_threads(threads)
  local answers = assert(io.open(fifo, "w"))
  for task in io.lines() do
    local call = call_of(folder, task)
    collectgarbage()
    collectgarbage()
    neap.memory { trim = true }
    local before = memory.status "VmRSS"
    memory.mark_peak()
    local begin = clock.monotonic()
    call()
    local seconds = (clock.monotonic() - begin) / 1e9
    answers:write(("%.9g %d\n"):format(seconds, memory.status "VmHWM" - before))
    answers:flush()
  end
end

if arg[1] == "--work" then
  work(arg[2], math.tointeger(tonumber(arg[3])), arg[4])
  return
end

-- the driver --------------------------------------------------------------------------------------

local pattern, rows = arg[1] or "", math.tointeger(tonumber(arg[2] or "1e6"))
local python = os.getenv "NEAP_PYTHON" or "/usr/bin/python3"
local folder = file.temporary_folder()

-- A process that answers tasks through a pipe with a name.
local function launch(name, threads, command)
  local fifo = folder .. "/" .. name .. threads
  assert(os.execute("mkfifo " .. fifo))
  local process = io.popen(command:format(folder, threads, fifo), "w")
  return { process = process, answers = assert(io.open(fifo)) }
end

local function ask(side, task)
  side.process:write(task, "\n")
  side.process:flush()
  local seconds, kib = side.answers:read("n", "n")
  if not seconds then error(task .. ": no answer") end
  side.best = math.min(side.best or math.huge, seconds)
  side.more = math.max(side.more or 0, kib)
end

make(folder, rows)
for word in (arg[3] or "1,2"):gmatch "[^,]+" do
  local threads = math.tointeger(tonumber(word))
  local own = launch("neap", threads,
    (arg[-1] or "build/release/neap") .. " tests/bench/frame_files.lua --work %s %d %s")
  local peer = launch("pandas", threads,
    "env -u OPENBLAS_CORETYPE " .. python .. " tests/bench/frame_files_peer.py %s %d %s")
  print(("%d rows, %d thread%s: neap, pandas"):format(rows, threads, threads > 1 and "s" or ""))
  for _, task in ipairs(names) do
    if task:find(pattern) then
      own.best, own.more, peer.best, peer.more = nil, nil, nil, nil
      for _ = 1, ROUNDS do
        ask(own, task)
        ask(peer, task)
      end
      local mb = #file.read((path_of(folder, task))) / 1e6
      print(("%-18s %6.0f MB %7.0f MB/s %5.0f MB %7.0f MB/s %5.0f MB  ratio %5.1f"):format(task, mb,
        mb / own.best, own.more / 1024, mb / peer.best, peer.more / 1024, peer.best / own.best))
      io.stdout:flush()
    end
  end
  for _, side in ipairs { own, peer } do
    side.process:close()
    side.answers:close()
  end
end
file.remove_tree(folder)
