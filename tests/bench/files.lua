-- Tensors in files: write and read, MB/s of elements, beside numpy where Debian's python3-numpy is
-- installed. Files lie in the page cache. Usage: neap tests/bench/files.lua [elements]
local clock = require "neap.clock"
local file = require "neap.file"
local tensor = require "neap.tensor"
local zarr = require "neap.zarr"

local n = math.tointeger(tonumber(arg and arg[1]) or 4000000)
local mb = n * 8 / 1e6
local folder = file.temporary_folder()
local x = (tensor.randn { n, seed = 1 } * 100):to("i64"):to "f64" -- prices in ticks, as f64

-- Median seconds of 5 calls.
local function seconds(call)
  local times = {}
  for k = 1, 5 do
    local start = clock.monotonic()
    call(k)
    times[k] = (clock.monotonic() - start) / 1e9
  end
  table.sort(times)
  return times[3]
end

-- numpy's figure for one line of Python over the file `path`.
local function numpy(line, path)
  local script = ("import time,numpy as np\nt=[]\nfor i in range(5):\n a=time.perf_counter()\n %s\n"
    .. " t.append(time.perf_counter()-a)\nprint(sorted(t)[2])"):format(line:format(path))
  local p <close> = assert(io.popen(("/usr/bin/python3 -c '%s' 2>/dev/null"):format(script)))
  return tonumber(p:read "a")
end

local function row(name, ours, peer)
  print(("%-22s %8.0f MB/s  numpy %8s MB/s  ratio %s"):format(name, mb / ours,
    peer and ("%.0f"):format(mb / peer) or "-", peer and ("%.2f"):format(peer / ours) or "-"))
end

print(("%d elements, %.0f MB; median of 5"):format(n, mb))
local path = folder .. "/x"
row("write .npy", seconds(function() tensor.save(path .. ".npy", x) end))
row("read .npy", seconds(function() tensor.load(path .. ".npy") end),
  numpy('np.load("%s")', path .. ".npy"))
row("sum of mapped .npy",
  seconds(function() tensor.load(path .. ".npy", { mmap = true }):sum() end),
  numpy('np.load("%s", mmap_mode="r").sum()', path .. ".npy"))
tensor.save(path .. ".npz", { x = x })
row("read .npz stored", seconds(function() tensor.load(path .. ".npz") end),
  numpy('np.load("%s")["x"]', path .. ".npz"))
tensor.save(path .. ".npz", { x = x }, { compress = true })
row("read .npz deflated", seconds(function() tensor.load(path .. ".npz") end),
  numpy('np.load("%s")["x"]', path .. ".npz"))
row("write .safetensors",
  seconds(function() tensor.save(path .. ".safetensors", { x = x }) end))
row("read .safetensors", seconds(function() tensor.load(path .. ".safetensors") end))
row("write .zarr", seconds(function(k) zarr.save(("%s%d.zarr"):format(path, k), x) end))
row("read .zarr", seconds(function() zarr.load(path .. "1.zarr") end))
file.remove_tree(folder)
