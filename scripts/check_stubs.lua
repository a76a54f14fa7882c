-- Are bindings and documentation the same set of names?   neap scripts/check_stubs.lua
-- 1. Every function and value of every C module, and every method of every class that C registers,
--    has a stub with a comment in lualib/neap/meta, and every stub has its function. Metamethods
--    are left out; so is a class that has nothing else.
-- 2. Every function of a public module has a comment with an example, and so has every method of
--    the classes that its functions take or give. Parameters named in comments are those of the
--    function.
local neap = require "neap"
local doc = require "neap.doc"
local file = require "neap.file"

local faults = 0
local function fault(format, ...)
  faults = faults + 1
  print(format:format(...))
end

local function sorted_keys(t)
  local keys = {}
  for k in pairs(t) do if type(k) == "string" then keys[#keys + 1] = k end end
  table.sort(keys)
  return keys
end

local function is_public(name) return not name:find "^__" end

-- Parameters of a comment that the definition below it does not have; `...` stands for any.
local function check_params(where, entry)
  local known = {}
  for name in (entry.args or ""):gmatch "[%w_.]+" do known[name] = true end
  for _, p in ipairs(entry.params) do
    if entry.args and not known[p.name] and not known["..."] then
      fault("%s(%s): the comment names a parameter '%s'", where, entry.args, p.name)
    end
  end
end

-- 1: C -------------------------------------------------------------------------------------------

local function compare(where, members, stubs)
  local known = {}
  for _, stub in ipairs(stubs) do
    local member = members[stub.name]
    local full = where .. "." .. stub.name
    known[stub.name] = true
    if member == nil then fault("%s: a stub, but C has none such", full)
    elseif (type(member) == "function") ~= (stub.kind == "function") then
      fault("%s: a %s in C, a %s in the stub", full, type(member), stub.kind)
    elseif not stub.documented then fault("%s: the stub has no comment", full) end
    check_params(full, stub)
  end
  for _, name in ipairs(sorted_keys(members)) do
    if is_public(name) and not known[name] then fault("%s.%s: no stub", where, name) end
  end
end

local registry = debug.getregistry()
local covered = {}

local function owned_by(sources, owner)
  local found = {}
  for _, source in ipairs(sources) do
    for _, entry in ipairs(source.entries) do
      if entry.owner == owner then found[#found + 1] = entry end
    end
  end
  return found
end

local function check_binding(name)
  local path = ("lualib/neap/meta/%s.lua"):format(name)
  if not file.exists(path) then
    fault("neap.c.%s: no stub file %s", name, path)
    return
  end
  local stubs = doc.stubs(path)
  compare("neap.c." .. name, require("neap.c." .. name), owned_by(stubs, "c"))
  local classes = doc.classes(stubs)
  for _, class in ipairs(sorted_keys(classes)) do
    covered[class] = true
    compare(class, registry[class] or {}, classes[class].methods)
  end
end

local function has_methods(class)
  for name in pairs(class) do if is_public(name) then return true end end
  return false
end

local bindings = {}
for name in file.read("runtime/host/bindings.def"):gmatch "BINDING%(([%w_]+)%)" do
  bindings[#bindings + 1] = name
  require("neap.c." .. name) -- all, before the first is checked: one may add methods to another
end
for _, name in ipairs(bindings) do check_binding(name) end
for _, class in ipairs(sorted_keys(registry)) do
  if class:find "^neap%." and type(registry[class]) == "table" and not covered[class]
    and has_methods(registry[class]) then
    fault("%s: a class in C without a stub", class)
  end
end

-- 2: Lua -----------------------------------------------------------------------------------------

local checked = 0

-- Counts a public entry; it needs a comment, and an example in it, which scripts/doctest.lua runs.
local function check_entry(full, entry)
  checked = checked + 1
  if not entry.documented then fault("%s: no documentation comment", full) return end
  for _, block in ipairs(entry.blocks) do
    if block.code then return end
  end
  if entry.kind == "function" then fault("%s: no example in its comment", full) end
end

local function check_module(name)
  local known = {}
  local page = doc.module(name)
  for _, entry in ipairs(page.functions) do
    known[entry.name] = true
    check_entry(name .. "." .. entry.name, entry)
    check_params(name .. "." .. entry.name, entry)
  end
  for _, key in ipairs(sorted_keys(require(name))) do
    if type(require(name)[key]) == "function" and not known[key] then
      fault("%s.%s: no documentation comment", name, key)
    end
  end
  for _, class in ipairs(page.classes) do
    for _, entry in ipairs(class.methods) do
      local full = class.name .. "." .. entry.name
      check_entry(full, entry)
      check_params(full, entry)
    end
  end
  if not page.about then fault("%s: no comment opens its file", name) end
end

check_module "neap"
for _, name in ipairs(neap.modules()) do check_module("neap." .. name) end

print(("check_stubs: %d public functions, %d faults"):format(checked, faults))
os.exit(faults == 0)
