-- What a call costs beside its arithmetic, and what a temporary costs beside its computation.
-- Usage: neap tests/bench/tensor_overhead.lua [repetitions]
local clock = require "neap.clock"
local neap = require "neap"
local tensor = require "neap.tensor"

local n = math.tointeger(tonumber(arg and arg[1]) or 500000)

-- Median and least seconds per round of 7 runs of fn(rounds).
local function measure(rounds, fn)
  local times = {}
  fn(rounds // 10)
  for k = 1, 7 do
    local start = clock.monotonic()
    fn(rounds)
    times[k] = (clock.monotonic() - start) / 1e9 / rounds
  end
  table.sort(times)
  return times[4], times[1]
end

local function call(name, fn, target)
  local median, least = measure(n, fn)
  print(("%-16s median %6.3f us  least %6.3f us%s"):format(name, median * 1e6, least * 1e6,
    target and ("  target %.2f us"):format(target) or ""))
end

print(("one element, %d calls, 7 runs"):format(n))
local a, b = tensor.of { 1 }, tensor.of { 2 }
call("a + b", function(m) for _ = 1, m do local _ = a + b end end, 0.3)
call("a + 1.5", function(m) for _ = 1, m do local _ = a + 1.5 end end)
call("-a", function(m) for _ = 1, m do local _ = -a end end)
call("a:add_(b)", function(m) for _ = 1, m do a:add_(b) end end, 0.08)
call("a:add_(0.5)", function(m) for _ = 1, m do a:add_(0.5) end end)
call("a:neg_()", function(m) for _ = 1, m do a:neg_() end end)
call("a[1]", function(m) for _ = 1, m do local _ = a[1] end end)

print "temporaries of 80 MB: a new one against writing into one that exists"
local x, y, z = tensor.ones { 1e7 }, tensor.ones { 1e7 }, tensor.ones { 1e7 }
local fresh = measure(5, function(m) for _ = 1, m do local _ = x + y end end)
local into = measure(5, function(m) for _ = 1, m do z:add_(y) end end)
print(("x + y %.2f ms, z:add_(y) %.2f ms, ratio %.2f"):format(fresh * 1e3, into * 1e3,
  fresh / into))
x, y, z = x:free(), y:free(), z:free()

neap.memory { trim = true }
local before, most = clock.peak_rss(), 0
for i = 1, 2 * n do
  local _ = tensor.zeros { 1 + i * 7919 % 3000 }
  if i % 1000 == 0 then
    local m = neap.memory()
    most = math.max(most, m.live + m.cached)
  end
end
print(("%d temporaries of up to 24 KB: live and cached at most %.0f MB; peak resident %.0f MB more")
  :format(2 * n, most / 2 ^ 20, (clock.peak_rss() - before) / 2 ^ 20))
