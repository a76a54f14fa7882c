-- Resampling, time zones and stretches of time against pandas, each in a process of its own, asked
-- in turn; medians of 5 rounds, and the peak of resident memory while a side worked.
-- Usage: neap tests/bench/frame_time.lua [task pattern] [rows] [threads]
--   neap tests/bench/frame_time.lua resample 1e6 1
-- Needs python3-pandas; NEAP_PYTHON names the interpreter.
local clock = require "neap.clock"
local file = require "neap.file"
local frame = require "neap.frame"
local neap = require "neap"
local tensor = require "neap.tensor"

local names = {
  "resample 1h ohlcv", "resample 5m ohlcv", "resample 1d zone", "resample 1mo mean",
  "resample 1h median", "resample 1d symbols", "clock fields", "clock fields shuffled",
  "clock hour", "clock to local", "clock to local shuffled", "clock from local", "between",
}

local MINUTE = 60 * 1000000000
local start = clock.parse "2020-01-01"
local zone = { time_zone = "America/New_York" }
local all = { time_zone = zone.time_zone,
  fields = { "year", "month", "day", "weekday", "hour", "minute", "day_of_year" } }

local function inputs(n)
  local rng = neap.rng(1)
  local x = tensor.randn { n, rng = rng } * 0.1 + 100
  local t = tensor.arange(0, n - 1):to "i64" * MINUTE + start
  local bars = frame.new { { "time", t }, { "open", x }, { "high", x + 1 }, { "low", x - 1 },
    { "close", x + 0.5 }, { "volume", tensor.rand { n, rng = rng } } }
  local symbols = {}
  for k = 1, 100 do symbols[k] = ("s%02d"):format(k - 1) end
  local codes = (tensor.arange(0, n - 1):to "i64" % 100 + 1):to "i32"
  local panel = bars:assign { { "symbol",
    require("neap.frame.category").of_codes(codes, symbols) } }
  return { t = t, bars = bars, panel = panel, shuffled = t:take(tensor.permutation(n)) }
end

local tasks = {
  ["resample 1h ohlcv"] = function(d) return d.bars:resample "1h" end,
  ["resample 5m ohlcv"] = function(d) return d.bars:resample "5m" end,
  ["resample 1d zone"] = function(d) return d.bars:resample("1d", nil, zone) end,
  ["resample 1mo mean"] = function(d)
    return d.bars:resample("1mo", { { "m", "close", "mean" } })
  end,
  ["resample 1h median"] = function(d)
    return d.bars:resample("1h", { { "m", "close", "median" } })
  end,
  ["resample 1d symbols"] = function(d)
    return d.panel:resample("1d", { { "h", "high", "max" }, { "v", "volume", "sum" } },
      { by = "symbol" })
  end,
  ["clock fields"] = function(d) return clock.fields(d.t, all) end,
  ["clock fields shuffled"] = function(d) return clock.fields(d.shuffled, all) end,
  ["clock hour"] = function(d)
    return clock.fields(d.t, { time_zone = zone.time_zone, fields = { "hour" } })
  end,
  ["clock to local"] = function(d) return clock.to_local(d.t, zone.time_zone) end,
  ["clock to local shuffled"] = function(d) return clock.to_local(d.shuffled, zone.time_zone) end,
  ["clock from local"] = function(d)
    return clock.from_local(d.t, { time_zone = zone.time_zone, ambiguous = "earliest",
      nonexistent = "missing" })
  end,
  ["between"] = function(d) return d.bars:between("2020-06", "2021-03") end,
}

-- The peak of resident memory since mark_peak, and what is resident, in KiB.
local function mark_peak()
  local f = assert(io.open("/proc/self/clear_refs", "w"))
  f:write "5"
  f:close()
end

local function status(field)
  for line in io.lines "/proc/self/status" do
    local kib = line:match("^" .. field .. ":%s*(%d+)")
    if kib then return tonumber(kib) end
  end
end

local function work(n, threads, fifo)
  neap.set_threads(threads)
  local answers = assert(io.open(fifo, "w"))
  local d = inputs(n)
  for task in io.lines() do
    collectgarbage()
    collectgarbage()
    neap.memory { trim = true }
    local before = status "VmRSS"
    mark_peak()
    tasks[task](d)
    local more = status "VmHWM" - before
    tasks[task](d)
    local best = math.huge
    for _ = 1, 5 do
      local begin = clock.monotonic()
      tasks[task](d)
      best = math.min(best, (clock.monotonic() - begin) / 1e9)
    end
    answers:write(("%.9g %d\n"):format(best, more))
    answers:flush()
  end
end

if arg[1] == "--work" then
  work(math.tointeger(tonumber(arg[2])), math.tointeger(tonumber(arg[3])), arg[4])
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
  local process = io.popen(command:format(rows, threads, fifo), "w")
  return { process = process, answers = assert(io.open(fifo)), times = {}, more = {} }
end

local function ask(side, task)
  side.process:write(task, "\n")
  side.process:flush()
  local seconds, kib = side.answers:read("n", "n")
  side.times[#side.times + 1], side.more[#side.more + 1] = seconds, kib
end

local function median(list)
  table.sort(list)
  return list[#list // 2 + 1]
end

for word in (arg[3] or "1,2"):gmatch "[^,]+" do
  local threads = math.tointeger(tonumber(word))
  local own = launch("neap", threads,
    (arg[-1] or "build/release/neap") .. " tests/bench/frame_time.lua --work %d %d %s")
  local peer = launch("pandas", threads, python .. " tests/bench/frame_time_peer.py %d %d %s")
  print(("%d rows, %d thread%s: neap, pandas"):format(rows, threads, threads > 1 and "s" or ""))
  for _, task in ipairs(names) do
    if task:find(pattern) then
      own.times, own.more, peer.times, peer.more = {}, {}, {}, {}
      for _ = 1, 5 do
        ask(own, task)
        ask(peer, task)
      end
      local ours, theirs = median(own.times), median(peer.times)
      print(("%-22s %9.2f ms %6.1f MB %9.2f ms %6.1f MB  ratio %6.1f"):format(task, ours * 1e3,
        median(own.more) / 1024, theirs * 1e3, median(peer.more) / 1024, theirs / ours))
      io.stdout:flush()
    end
  end
  for _, side in ipairs { own, peer } do
    side.process:close()
    side.answers:close()
  end
end
file.remove_tree(folder)
