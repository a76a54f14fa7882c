-- Tensors in files: write and read, GB/s of elements, on one thread and on all, beside NumPy, zlib
-- and zarr-python where Debian's packages are installed. Files lie in the page cache. Each figure
-- is the least of RUNS; "cpu" counts the seconds of processor time instead, which neighbours on the
-- machine disturb less; ratios compare these. Usage: neap tests/bench/files.lua [elements]
local clock = require "neap.clock"
local file = require "neap.file"
local neap = require "neap"
local tensor = require "neap.tensor"
local zarr = require "neap.zarr"

local RUNS = 7
local n = math.tointeger(tonumber(arg and arg[1]) or 8000000)
local gb = n * 8 / 1e9
local folder = file.temporary_folder()
local path = folder .. "/x"

-- Prices in ticks, and numbers that hardly compress.
local series = { ticks = (tensor.randn { n, seed = 1 } * 100):to("i64"):to "f64",
  noise = tensor.randn { n, seed = 1 } }

-- The least seconds of wall and processor time, and the bytes that were live at most beyond the
-- ones before.
local function measure(call)
  local wall, cpu, peak = math.huge, math.huge, 0
  for k = 1, RUNS do
    collectgarbage()
    local live = neap.memory().live
    local start, used = clock.monotonic(), os.clock()
    local kept = call(k)
    wall = math.min(wall, (clock.monotonic() - start) / 1e9)
    cpu = math.min(cpu, os.clock() - used)
    peak = math.max(peak, neap.memory().live - live)
    if kept then kept:free() end
  end
  return wall, cpu, peak
end

local function peer(task)
  local command = ("OPENBLAS_NUM_THREADS=1 /usr/bin/python3 tests/bench/files_peer.py %s '%s' %d")
    :format(folder, task, RUNS)
  local p <close> = assert(io.popen(command .. " 2>/dev/null"))
  return p:read("n", "n", "n")
end

local function figures(wall, cpu, bytes)
  if not wall then return ("%28s"):format "-" end
  return ("%6.2f GB/s  cpu %6.2f  %5.0f MB"):format(gb / wall, gb / cpu, bytes / 1e6)
end

local function row(name, call, task)
  local wall, cpu, bytes = measure(call)
  local their_wall, their_cpu, their_bytes = nil, nil, nil
  if task then their_wall, their_cpu, their_bytes = peer(task) end
  print(("%-30s %s | %s | ratio %s"):format(name, figures(wall, cpu, bytes),
    figures(their_wall, their_cpu, their_bytes),
    their_cpu and ("%.2f"):format(their_cpu / cpu) or "-"))
end

print(("%d elements, %.2f GB; least of %d: neap | peer"):format(n, gb, RUNS))
local x = series.ticks
tensor.save(path .. ".npy", x)
row("copy in memory", function() return x:clone() end, "copy")
row("read .npy", function() return tensor.load(path .. ".npy") end, "read npy")
row("sum of mapped .npy", function() tensor.load(path .. ".npy", { mmap = true }):sum() end,
  "sum mapped")
row("write .npy", function() tensor.save(folder .. "/ours.npy", x) end, "write npy")
os.execute(("/usr/bin/python3 -c 'import numpy as np\nx = np.load(\"%s.npy\")\n"
  .. "np.save(\"%s/half.npy\", x.astype(\"f2\"))\nnp.save(\"%s/swapped.npy\", x.astype(\">f8\"))'"
  ):format(path, folder, folder))
for name, task in pairs { half = "read npy f16", swapped = "read npy swapped" } do -- two rows
  if file.exists(folder .. "/" .. name .. ".npy") then
    row(task, function() return tensor.load(folder .. "/" .. name .. ".npy") end, task)
  end
end
tensor.save(path .. ".stored.npz", { x = x })
row("read .npz stored", function() return tensor.load(path .. ".stored.npz").x end, "read stored")
tensor.save(path .. ".deflated.npz", { x = x }, { compress = true })
local function deflated() return tensor.load(path .. ".deflated.npz").x end
row("read .npz deflated", deflated, "read deflated")
row("  against zlib alone", deflated, "inflate")
tensor.save(path .. ".safetensors", { x = x })
row("read .safetensors", function() return tensor.load(path .. ".safetensors").x end,
  "read safetensors")

local threads = tonumber(os.getenv "NEAP_THREADS") or 2
for _, kind in ipairs { "ticks", "noise" } do
  tensor.save(folder .. "/" .. kind .. ".npy", series[kind])
  local name = ("%s/%s.zarr"):format(folder, kind)
  for _, k in ipairs { 1, threads } do
    neap.set_threads(k)
    row(("write zarr %s, %d threads"):format(kind, k), function()
      file.remove_tree(name)
      zarr.save(name, series[kind])
    end, k == 1 and "write zarr zstd " .. kind or nil)
    row(("read zarr %s, %d threads"):format(kind, k), function() return zarr.load(name) end,
      k == 1 and "read zarr zstd " .. kind or nil)
  end
  row(("  %s against zarr's blosc"):format(kind), function() return zarr.load(name) end,
    "read zarr blosc " .. kind)
end
file.remove_tree(folder)
