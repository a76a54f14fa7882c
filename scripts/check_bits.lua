-- Are the results the same, bit for bit, at any number of threads and in any process?
--   neap scripts/check_bits.lua           tests/bits.lua, then the main job
--   neap scripts/check_bits.lua PROGRAM   a program that prints lines "name value"
-- Runs each with NEAP_THREADS 1, 2 and 4, and five times with the default, each in a process of its
-- own, and compares every line with the first run. Of the main job predictions.csv and model.txt
-- are compared by their bytes, and predictions_sha256 of metrics.json with both.
local file = require "neap.file"

local function executable()
  local i = 0
  while arg[i - 1] do i = i - 1 end
  return arg[i]
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local neap = quote(executable())
local scratch = file.temporary_folder()
local runs = { { "1 thread", "NEAP_THREADS=1 " }, { "2 threads", "NEAP_THREADS=2 " },
  { "4 threads", "NEAP_THREADS=4 " } }
for i = 1, 5 do runs[#runs + 1] = { "default " .. i, "env -u NEAP_THREADS " } end

-- The output of a command, or its end and an error.
local function output(command)
  local path = scratch .. "/output"
  local ok, kind, code = os.execute(("%s >%s 2>&1 </dev/null"):format(command, path))
  local text = file.read(path)
  if not ok then
    error(("check_bits: %s\n%s %s:\n%s"):format(command, kind, code, text:sub(-2000)), 0)
  end
  return text
end

-- Lines "name value" of a program, in order and by name.
local function run_program(path, environment)
  local found = {}
  for line in output(environment .. neap .. " " .. quote(path)):gmatch "[^\n]+" do
    local name, value = line:match "^(%S+) (.+)$"
    if name then
      found[#found + 1] = name
      found[name] = value
    end
  end
  return found
end

local function run_main_job(environment)
  local out = scratch .. "/runs"
  output(("%s%s experiments/01_direction.lua --rows 4000 --trees 40 --out %s"):format(environment,
    neap, out))
  local folder = out .. "/" .. file.list(out)[1]
  local metrics = file.read(folder .. "/metrics.json")
  local found = { "predictions.csv", "model.txt", "predictions_sha256" }
  for i = 1, 2 do found[found[i]] = file.sha256_file(folder .. "/" .. found[i]) end
  found.predictions_sha256 = metrics:match '"predictions_sha256"%s*:%s*"(%x+)"' or "absent"
  if found.predictions_sha256 ~= found["predictions.csv"] then
    found.predictions_sha256 = found.predictions_sha256 .. " is not of predictions.csv"
  end
  file.remove_tree(out)
  return found
end

local faults = 0

-- One row for each result, one column for each run: the first eight digits, or "=" when equal.
local function compare(title, run)
  local results, names, seen = {}, {}, {}
  for i, each in ipairs(runs) do
    results[i] = run(each[2])
    for _, name in ipairs(results[i]) do
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  print(("%-24s %-10s"):format(title, runs[1][1]))
  for _, name in ipairs(names) do
    local first = results[1][name] or "absent"
    local cells, different = {}, {}
    for i = 2, #runs do
      local same = results[i][name] == first
      cells[#cells + 1] = same and "=" or "X"
      if not same then different[#different + 1] = runs[i][1] end
    end
    local where = #different > 0 and "  differs: " .. table.concat(different, ", ") or ""
    print(("%-24s %-10s %s%s"):format(name, first:sub(1, 8), table.concat(cells, " "), where))
    if #different > 0 or first:find "not of" then faults = faults + 1 end
  end
  if #names == 0 then
    faults = faults + 1
    print(("%s: no results"):format(title))
  end
end

local ok, message = pcall(function()
  local program = arg[1] or "tests/bits.lua"
  compare(program, function(environment) return run_program(program, environment) end)
  if not arg[1] then compare("the main job", run_main_job) end
end)
file.remove_tree(scratch)
if not ok then print(message) end
print(("check_bits: %d runs each, %d differences"):format(#runs, faults))
os.exit(ok and faults == 0)
