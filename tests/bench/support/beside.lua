--- Tasks of ours beside those of a peer, each side in a process of its own, asked in turn: medians
--- of 5 rounds, each the best of 5 calls, and the peak of resident memory of a first call.
---
---     beside { bench = "frame_time", peer = "pandas", names = names, tasks = tasks,
---       inputs = inputs }
---
--- `tasks[name](inputs(rows))` is called here; `tests/bench/<bench>_peer.py ROWS THREADS FIFO`
--- reads names from its input and answers into the fifo with seconds and KiB. The arguments of the
--- script are a pattern of names, rows (1e6) and thread counts (1,2).
local clock = require "neap.clock"
local file = require "neap.file"
local memory = require "tests.bench.support.memory"
local neap = require "neap"

local function work(b, n, threads, fifo)
  neap.set_threads(threads)
  local answers = assert(io.open(fifo, "w"))
  local d = b.inputs(n)
  for task in io.lines() do
    local fn = b.tasks[task]
    collectgarbage()
    collectgarbage()
    neap.memory { trim = true }
    local before = memory.status "VmRSS"
    memory.mark_peak()
    fn(d)
    local more = memory.status "VmHWM" - before
    local best = math.huge
    for _ = 1, 5 do
      collectgarbage()
      local begin = clock.monotonic()
      fn(d)
      best = math.min(best, (clock.monotonic() - begin) / 1e9)
    end
    answers:write(("%.9g %d\n"):format(best, more))
    answers:flush()
  end
end

-- A process that answers tasks through a pipe with a name.
local function launch(fifo, command)
  assert(os.execute("mkfifo " .. fifo))
  return { process = io.popen(command .. " " .. fifo, "w"), answers = assert(io.open(fifo)) }
end

local function ask(side, task)
  side.process:write(task, "\n")
  side.process:flush()
  local seconds, kib = side.answers:read("n", "n")
  if not seconds then error(task .. ": no answer") end
  side.times[#side.times + 1], side.more[#side.more + 1] = seconds, kib
end

local function median(list)
  table.sort(list)
  return list[#list // 2 + 1]
end

local function compare(task, own, peer)
  for _, side in ipairs { own, peer } do side.times, side.more = {}, {} end
  for _ = 1, 5 do
    ask(own, task)
    ask(peer, task)
  end
  local ours, theirs = median(own.times), median(peer.times)
  print(("%-22s %9.2f ms %6.1f MB %9.2f ms %6.1f MB  ratio %6.1f"):format(task, ours * 1e3,
    median(own.more) / 1024, theirs * 1e3, median(peer.more) / 1024, theirs / ours))
  io.stdout:flush()
end

return function(b)
  if arg[1] == "--work" then
    return work(b, math.tointeger(tonumber(arg[2])), math.tointeger(tonumber(arg[3])), arg[4])
  end
  local pattern, rows = arg[1] or "", math.tointeger(tonumber(arg[2] or "1e6"))
  local python = os.getenv "NEAP_PYTHON" or "/usr/bin/python3"
  local folder, script = file.temporary_folder(), "tests/bench/" .. b.bench
  for word in (arg[3] or "1,2"):gmatch "[^,]+" do
    local threads = math.tointeger(tonumber(word))
    local own = launch(folder .. "/neap" .. threads, ("%s %s.lua --work %d %d"):format(
      arg[-1] or "build/release/neap", script, rows, threads))
    local peer = launch(folder .. "/peer" .. threads, ("%s %s_peer.py %d %d"):format(python, script,
      rows, threads))
    print(("%d rows, %d thread%s: neap, %s"):format(rows, threads, threads > 1 and "s" or "",
      b.peer))
    for _, task in ipairs(b.names) do
      if task:find(pattern) then compare(task, own, peer) end
    end
    for _, side in ipairs { own, peer } do
      side.process:close()
      side.answers:close()
    end
  end
  file.remove_tree(folder)
end
