-- Do modules include downward only? Reads every #include "..." of runtime/ and compares it
-- with the order of docs/adr/0001-layers.md. Also: lua.h only in lua_* files and host, no source
-- file left out of the CMakeLists.txt of its folder, no file over 700 lines.
local order = {
  { "base" }, { "config" }, { "kern" }, { "tensor" }, { "grad", "frame", "solve" }, { "eval" },
  { "nn", "tree", "linear", "ta", "book", "store", "study", "plot" }, { "sim" }, { "host" },
}
local level = {}
for i, modules in ipairs(order) do
  for _, module in ipairs(modules) do level[module] = i end
end

local longest = 700 -- lines of a file

local faults = {}
local function fault(format, ...) faults[#faults + 1] = format:format(...) end

local function lines_of(command)
  local pipe <close> = assert(io.popen(command))
  local found = {}
  for line in pipe:lines() do found[#found + 1] = line end
  return found
end

local function read(path)
  local f <close> = assert(io.open(path))
  return f:read "a"
end

local function check_include(path, module, target)
  local other = target:match "^([%w_]+)/"
  if not level[other] then
    fault("%s: #include \"%s\" names no module", path, target)
  elseif other ~= module then
    if level[other] >= level[module] then
      fault("%s: %s may not include \"%s\" (upward or sideways)", path, module, target)
    end
    local public = target == ("%s/%s.h"):format(other, other) or target:match "/lua_[%w_]+%.h$"
    if other ~= "base" and not public then
      fault("%s: \"%s\" is not the public header of %s", path, target, other)
    end
  end
end

local files = lines_of "find runtime -name '*.[ch]' | sort"
for _, path in ipairs(files) do
  local module, name = path:match "^runtime/([%w_]+)/(.+)$"
  if not level[module] then
    fault("%s: folder %s has no layer", path, module)
  else
    local text = read(path)
    for target in text:gmatch '#include "([^"]+)"' do check_include(path, module, target) end
    if text:match "#include <l[ua][aux]%w*%.h>" and module ~= "host" and not name:match "^lua_" then
      fault("%s: lua.h outside lua_* and host", path)
    end
    local _, lines = text:gsub("\n", "")
    if lines > longest then fault("%s: %d lines, more than %d", path, lines, longest) end
    local list = " " .. read(("runtime/%s/CMakeLists.txt"):format(module)) .. " "
    if name:match "%.c$" and not list:find("[%s(/]" .. name:gsub("%p", "%%%0") .. "[%s)]") then
      fault("%s: not listed in runtime/%s/CMakeLists.txt", path, module)
    end
  end
end

for _, text in ipairs(faults) do print(text) end
print(("check_layers: %d files, %d faults"):format(#files, #faults))
os.exit(#faults == 0)
