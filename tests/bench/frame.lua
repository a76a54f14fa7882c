-- Made-up markets, their checks, labels and sorting, against pandas where python3 has it; files are
-- in frame_files.lua.
-- Usage: neap tests/bench/frame.lua [rows]
local clock = require "neap.clock"
local file = require "neap.file"
local labels = require "neap.labels"
local market = require "neap.market"

local rows = math.tointeger(tonumber(arg and arg[1]) or 200000)
local folder = file.temporary_folder()

-- Median seconds of 5 runs.
local function seconds(fn)
  local times = {}
  for k = 1, 5 do
    local start = clock.monotonic()
    fn()
    times[k] = (clock.monotonic() - start) / 1e9
  end
  table.sort(times)
  return times[3]
end

-- The same measure of a statement in pandas, made inside one process; nil without pandas.
local function peer(statement)
  local script = ([[
import time, sys
try: import pandas as pd
except ImportError: sys.exit(1)
path = "%s/bars.csv"
f = pd.read_csv(path, parse_dates=["time"])
t = []
for k in range(5):
    s = time.perf_counter(); %s; t.append(time.perf_counter() - s)
print(sorted(t)[2])
]]):format(folder, statement)
  file.write(folder .. "/peer.py", script)
  local pipe = io.popen("/usr/bin/python3 " .. folder .. "/peer.py 2>/dev/null")
  local text = pipe:read "a"
  pipe:close()
  return tonumber(text)
end

local function line(name, amount, unit, ours, theirs)
  local text = ("%-26s %9.1f %s"):format(name, amount / ours, unit)
  if theirs then text = text .. ("   pandas %9.1f   ratio %.2f"):format(amount / theirs,
    theirs / ours) end
  print(text)
end

local bars = market.synthetic { rows = rows, cadence = "1m" }
local path = folder .. "/bars.csv"
bars:write_csv(path)
print(("%d rows, median of 5"):format(rows))
line("synthetic", rows / 1e6, "M rows/s",
  seconds(function() market.synthetic { rows = rows, cadence = "1m" } end))
line("validate", rows / 1e6, "M rows/s", seconds(function() market.validate(bars) end))
line("labels.threshold", rows / 1e6, "M rows/s", seconds(function() labels.threshold(bars) end),
  peer "m = f.close[::-1].rolling(5).max()[::-1].shift(-1); (m / f.close - 1 > 0.02)")
line("sort by close", rows / 1e6, "M rows/s", seconds(function() bars:sort "close" end),
  peer "f.sort_values('close')")
file.remove_tree(folder)
