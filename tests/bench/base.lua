-- Numbers and files against Lua's own functions and the command line tools.
-- Usage: neap tests/bench/base.lua [numbers]
local clock = require "neap.clock"
local file = require "neap.file"
local number = require "neap.c.number"
local rng = require("neap").rng(1)

local n = math.tointeger(tonumber(arg and arg[1]) or 200000)

-- Median seconds of 5 runs, ours and the peer's in turn.
local function measure(name, unit, amount, ours, peer)
  local times = { {}, {} }
  for k = 1, 5 do
    for side, call in ipairs { ours, peer } do
      local start = clock.monotonic()
      call()
      times[side][k] = (clock.monotonic() - start) / 1e9
    end
  end
  table.sort(times[1])
  table.sort(times[2])
  local a, b = times[1][3], times[2][3]
  print(("%-34s %9.1f %s  peer %9.1f %s  ratio %.2f"):format(name, amount / a, unit, amount / b,
    unit, b / a))
end

local prices, texts, long = {}, {}, {}
for i = 1, n do
  prices[i] = math.floor(rng:uniform() * 1e7) / 100
  texts[i] = number.print(prices[i])
  long[i] = number.print_17(rng:normal())
end

local function each(list, call)
  return function() for i = 1, #list do call(list[i]) end end
end

print(("%d numbers, called one by one from Lua; median of 5"):format(n))
local function shortest(v) return ("%.17g"):format(v) end
local m = n / 1e6
measure("read 27123.45 (tonumber)", "M/s", m, each(texts, number.parse), each(texts, tonumber))
measure("read 17 digits (tonumber)", "M/s", m, each(long, number.parse), each(long, tonumber))
measure("print shortest (%.17g)", "M/s", m, each(prices, number.print), each(prices, shortest))

local folder = file.temporary_folder()
local text = table.concat(texts, "\n"):rep(20)
local mb = #text / 1e6
local function shell(command) return function() assert(os.execute(command:format(folder))) end end
print(("a file of %.0f MB"):format(mb))
file.write(folder .. "/x", text)
file.write(folder .. "/x.gz", text)
file.write(folder .. "/x.zst", text)
measure("read gzip (gzip -dc)", "MB/s", mb, function() file.read(folder .. "/x.gz") end,
  shell "gzip -dc %s/x.gz > /dev/null")
measure("read zstd (no peer: gzip -dc)", "MB/s", mb, function() file.read(folder .. "/x.zst") end,
  shell "gzip -dc %s/x.gz > /dev/null")
measure("sha256 (sha256sum)", "MB/s", mb, function() file.sha256_file(folder .. "/x") end,
  shell "sha256sum %s/x > /dev/null")
file.remove_tree(folder)
