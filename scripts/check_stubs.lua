-- Are bindings and documentation the same set of names?   neap scripts/check_stubs.lua
-- 1. Every function of every C module, and every method of every class the core registers, has a
--    stub in lualib/neap/meta, and every stub has its function. Metamethods are left out.
-- 2. Every function of a public module has a comment that starts with `---`.
local neap = require "neap"

local faults = 0
local function fault(format, ...)
  faults = faults + 1
  print(format:format(...))
end

local function lines_of(command)
  local pipe <close> = assert(io.popen(command))
  local found = {}
  for line in pipe:lines() do found[#found + 1] = line end
  return found
end

local function sorted_keys(t)
  local keys = {}
  for k in pairs(t) do if type(k) == "string" then keys[#keys + 1] = k end end
  table.sort(keys)
  return keys
end

-- Function names of a file by the table they are defined on, with whether a comment stands above; a
-- `---@class NAME` line above the local gives that table its class name.
local function read_definitions(path)
  local found, class_of, class, above = {}, {}, nil, false
  for line in io.lines(path) do
    class = line:match "^%-%-%-@class ([%w_.]+)" or class
    local localname = line:match "^local ([%w_]+) = "
    if localname then class_of[localname], class = class, nil end
    local owner, name = line:match "^function ([%w_]+)[.:]([%w_]+)"
    if not owner then owner, name = line:match "^([%w_]+)%.([%w_]+) = " end
    if owner then
      local key = class_of[owner] or owner
      found[key] = found[key] or {}
      found[key][name] = above
    end
    above = line:match "^%-%-%-" ~= nil
  end
  return found
end

local function compare(where, functions, stubs)
  for _, name in ipairs(sorted_keys(functions)) do
    if type(functions[name]) == "function" and not name:match "^__" and stubs[name] == nil then
      fault("%s: '%s' has no stub", where, name)
    end
  end
  for _, name in ipairs(sorted_keys(stubs)) do
    if type(functions[name]) ~= "function" then
      fault("%s: the stub '%s' has no function", where, name)
    elseif not stubs[name] then
      fault("%s: the stub '%s' has no comment", where, name)
    end
  end
end

local covered = {}
for _, line in ipairs(lines_of "grep -h '^BINDING' runtime/host/bindings.def") do
  local name = line:match "%(([%w_]+)%)"
  local binding = require("neap.c." .. name)
  local path = ("lualib/neap/meta/%s.lua"):format(name)
  local file = io.open(path)
  if not file then
    fault("neap.c.%s: no stub file %s", name, path)
  else
    file:close()
    local definitions = read_definitions(path)
    compare("neap.c." .. name, binding, definitions.c or {})
    for _, class in ipairs(sorted_keys(definitions)) do
      if class ~= "c" then
        covered[class] = true
        compare(class, debug.getregistry()[class] or {}, definitions[class])
      end
    end
  end
end
for _, class in ipairs(sorted_keys(debug.getregistry())) do
  if class:match "^neap%." and not covered[class] then fault("%s: class without a stub", class) end
end

local source = assert(io.open "lualib/neap/init.lua"):read "a"
local checked = 0
for name in source:match("local modules = {(.-)\n}"):gmatch "([%w_]+) = true" do
  local module = neap[name]
  local documented = {}
  local files = lines_of((("ls lualib/neap/@.lua lualib/neap/meta/@.lua lualib/neap/@/*.lua "
    .. "2>/dev/null"):gsub("@", name)))
  for _, path in ipairs(files) do
    for _, names in pairs(read_definitions(path)) do
      for function_name, has in pairs(names) do
        documented[function_name] = documented[function_name] or has
      end
    end
  end
  for _, key in ipairs(sorted_keys(module)) do
    if type(module[key]) == "function" then
      checked = checked + 1
      if not documented[key] then fault("neap.%s.%s: no documentation comment", name, key) end
    end
  end
end

print(("check_stubs: %d public functions, %d faults"):format(checked, faults))
os.exit(faults == 0)
