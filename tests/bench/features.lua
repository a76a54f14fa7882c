-- Feature sets against the same columns written in pandas, each in a process of its own, asked in
-- turn; medians of 3 rounds of the best of 3. Beside each the largest relative difference of the
-- last row, which shows that both compute the same. Then what pandas has nothing for: the usual
-- set, time frames, panels, streams, the cache.
-- Usage: neap tests/bench/features.lua [rows] [threads]
-- Needs python3-pandas for the peer; NEAP_PYTHON names the interpreter.
local clock = require "neap.clock"
local file = require "neap.file"
local neap = require "neap"
local features, market, tensor = neap.features, neap.market, neap.tensor

local names = {
  "ret_5", "sma_20_rel", "ema_12_rel", "rsi_14", "macd_12_26_9_hist_rel", "bbands_20_2_upper_rel",
  "stoch_14_3_3_k", "cci_20", "adx_14", "volume_percentile_100",
}

local function seconds(fn, times)
  local best = math.huge
  for _ = 1, times or 3 do
    collectgarbage()
    local start = clock.monotonic()
    fn()
    best = math.min(best, (clock.monotonic() - start) / 1e9)
  end
  return best
end

local function load_bars(folder, name)
  local bars = {}
  for _, column in ipairs { "time", "open", "high", "low", "close", "volume", "symbol" } do
    local path = ("%s/%s_%s.npy"):format(folder, name, column)
    if file.exists(path) then bars[column] = tensor.load(path) end
  end
  return bars
end

local function tasks_of(folder)
  local bars, panel = load_bars(folder, "bars"), load_bars(folder, "panel")
  local tasks = {
    ["ten together"] = { names, bars, { cadence = "1m" } },
    ["two on hours"] = { { "rsi_14@1h", "adx_14@1h" }, bars, { cadence = "1m" } },
    ["by symbol"] = { { "rsi_14", "ret_5" }, panel, { by = "symbol" } },
    ["across symbols"] = { { "ret_20:rank", "ret_20:zscore" }, panel, { by = "symbol" } },
  }
  for _, name in ipairs(names) do tasks[name] = { { name }, bars, {} } end
  return tasks
end

local function work(folder, fifo, threads)
  neap.set_threads(threads)
  local answers = assert(io.open(fifo, "w"))
  local tasks = tasks_of(folder)
  for line in io.lines() do
    local list, bars, o = table.unpack(tasks[line])
    local set, f = features.set(list), nil
    local best = seconds(function() f = set:compute(bars, o) end)
    local last = {}
    for i, name in ipairs(set:names()) do last[i] = ("%.17g"):format(f[name][-1]) end
    answers:write(("%.9g %s\n"):format(best, table.concat(last, " ")))
    answers:flush()
  end
end

if arg[1] == "--work" then
  work(arg[2], arg[3], math.tointeger(tonumber(arg[4])))
  return
end

local n = math.tointeger(tonumber(arg[1] or "1e6"))
local threads = math.tointeger(tonumber(arg[2] or "2"))
neap.set_threads(threads)
local folder = file.temporary_folder()
local bars = market.synthetic { rows = n, cadence = "1m" }
local symbols = {}
for s = 1, 100 do symbols[s] = "S" .. s end
local panel = market.synthetic { rows = n // 100, cadence = "1h", symbols = symbols }:sort "time"

local function save(name, f, list)
  for _, column in ipairs(list) do
    local x = f:column(column)
    tensor.save(("%s/%s_%s.npy"):format(folder, name, column),
      type(x) == "table" and x.codes:to "i64" or x)
  end
end
local columns = { "time", "open", "high", "low", "close", "volume" }
save("bars", bars, columns)
save("panel", panel, { "symbol", table.unpack(columns) })

local function start(name, command)
  local fifo = folder .. "/" .. name
  assert(os.execute("mkfifo " .. fifo))
  local process = assert(io.popen(command:format(fifo), "w"))
  return { process = process, answers = assert(io.open(fifo)) }
end

local function ask(side, task)
  side.process:write(task, "\n")
  side.process:flush()
  local values = {}
  for word in (side.answers:read "l"):gmatch "%S+" do values[#values + 1] = tonumber(word) end
  return table.remove(values, 1), values
end

local function median(list)
  table.sort(list)
  return list[#list // 2 + 1]
end

local function difference(a, b)
  local worst = 0
  for i, x in ipairs(a) do
    worst = math.max(worst, math.abs(x - b[i]) / math.max(math.abs(x), 1e-9))
  end
  return worst
end

local python = os.getenv "NEAP_PYTHON" or "/usr/bin/python3"
local own = start("own", ("%s tests/bench/features.lua --work %s %%s %d"):format(
  arg[-1] or "build/release/neap", folder, threads))
local has_peer = os.execute(python .. " -c 'import pandas' 2>/dev/null")
local peer = has_peer and start("peer", ("%s tests/bench/features_peer.py %s %%s"):format(python,
  folder))

print(("%d rows, %d thread(s); panel of %d symbols"):format(n, threads, #symbols))
print(("%-24s %10s %10s %8s %10s"):format("columns", "neap ms", "pandas ms", "ratio", "difference"))
local list = table.move(names, 1, #names, 1, {})
for _, task in ipairs { "ten together", "two on hours", "by symbol", "across symbols" } do
  list[#list + 1] = task
end
for _, task in ipairs(list) do
  local a, b, x, y = {}, {}, nil, nil
  for round = 1, 3 do
    a[round], x = ask(own, task)
    if peer then b[round], y = ask(peer, task) end
  end
  local ours, theirs = median(a) * 1e3, peer and median(b) * 1e3
  if peer then
    print(("%-24s %10.2f %10.2f %8.2f %10.1e"):format(task, ours, theirs, theirs / ours,
      difference(x, y)))
  else
    print(("%-24s %10.2f"):format(task, ours))
  end
end
for _, side in ipairs { own, peer } do side.process:close() end

local usual = features.default(bars)
local function tell(what, value, unit) print(("%-44s %10.2f %s"):format(what, value, unit)) end
local function tell_set(what, set, given, o)
  tell(("%s, %d columns"):format(what, #set:names()),
    seconds(function() set:compute(given, o) end) * 1e3, "ms")
end
local mixed, ranked = {}, {}
for i, name in ipairs(usual) do
  mixed[i] = name .. ({ "", "@15m", "@1h", "@1d" })[i % 4 + 1]
  ranked[i] = name .. ":rank"
end
local set, frames = features.set(usual), features.set(mixed)
tell_set("the usual set", set, bars)
tell_set("on four time frames", frames, bars, { cadence = "1m" })
tell_set("by symbol", set, panel, { by = "symbol" })
tell_set("ranks across symbols", features.set(ranked), panel, { by = "symbol" })
tell_set("calendar of New York",
  features.set({ "hour", "weekday", "day_of_year" }, { time_zone = "America/New_York" }), bars)

local rows = {}
for i = 1, math.min(n, 20000) do
  rows[i] = {}
  for _, name in ipairs(columns) do rows[i][name] = bars:column(name):get(i) end
end
for what, each in pairs { ["the usual set"] = set, ["four time frames"] = frames } do
  local stream = each:stream { cadence = "1m" }
  tell("stream, " .. what, seconds(function()
    for _, row in ipairs(rows) do stream:push(row) end
  end, 1) / #rows * 1e6, "us a bar")
end

local function cpu_of(fn)
  local begin = clock.cpu()
  fn()
  return (clock.cpu() - begin) / 1e6
end
local cache = { cache = folder .. "/cache" }
tell("without cache, processor time", cpu_of(function() set:compute(bars) end), "ms")
tell("first with cache", cpu_of(function() set:compute(bars, cache) end), "ms")
tell("again with cache", cpu_of(function() set:compute(bars, cache) end), "ms")
file.remove_tree(folder)
