-- Run by tests/c/test_lua_faults.c: every example of the documentation with the first hit of each
-- allocation site failing, one site a run. The C test gives arm, fired, reset and live. Such a run
-- ends in an error about memory, and when all are done no byte has stayed.
local doc = require "neap.doc"
local neap, fault, folder = _G.neap, _G.fault, _G.folder

local left_out = { ["clock.sleep"] = true }

-- A log that cannot be written never stops the program.
local function may_pass(name) return name:find "^log%." end

-- Examples show errors by pcall; one about memory is ours.
local function protected(fn, ...)
  local results = table.pack(pcall(fn, ...))
  if not results[1] and tostring(results[2]):find "out of memory" then error(results[2], 0) end
  return table.unpack(results, 1, results.n)
end

-- What a failed example leaves lies in the folder of the test, which goes with it.
local made = 0
local function fresh_name()
  made = made + 1
  return ("%s/example%d"):format(folder, made)
end
local own_file = setmetatable({ temporary_folder = function()
  local name = fresh_name()
  neap.file.mkdir(name)
  return name
end }, { __index = neap.file })
local own_os = setmetatable({ tmpname = fresh_name }, { __index = os })

local function environment()
  local own = { print = function() end, pcall = protected, os = own_os, file = own_file }
  return setmetatable(own, { __index = function(_, name)
    local value = _G[name]
    if value == nil then value = neap[name] end
    return value
  end })
end

-- The examples of one entry as functions.
local function examples_of(name, entry, found)
  if left_out[name] then return end
  for _, block in ipairs(entry.blocks) do
    local code = block.code and table.concat(block.code, "\n")
    if code then
      code = code:gsub("([^\n]*)%s%-%->[^\n]*", "_ = %1")
      local chunk = assert(load(code, "=" .. name, "t", environment()))
      found[#found + 1] = { name = name, chunk = chunk }
    end
  end
end

local function all_examples()
  local found, names = {}, { "neap" }
  for _, name in ipairs(neap.modules()) do names[#names + 1] = "neap." .. name end
  for _, name in ipairs(names) do
    local page, short = doc.module(name), name:match "%w+$"
    for _, entry in ipairs(page.functions) do
      examples_of(short .. "." .. entry.name, entry, found)
    end
    for _, class in ipairs(page.classes) do
      for _, entry in ipairs(class.methods) do
        examples_of(class.name .. ":" .. entry.name, entry, found)
      end
    end
  end
  return found
end

local function settled()
  collectgarbage()
  collectgarbage()
  return fault.live()
end

local failures, wrong = 0, {}
local function fault_of(format, ...) wrong[#wrong + 1] = format:format(...) end

for _, example in ipairs(all_examples()) do
  local ok, message = pcall(example.chunk)
  assert(ok, message)
  pcall(example.chunk) -- what is made once is there now
  local before = settled()
  fault.reset()
  while true do
    fault.arm()
    ok, message = pcall(example.chunk)
    if not fault.fired() then break end
    failures = failures + 1
    if ok and not may_pass(example.name) then
      fault_of("%s: a failed allocation went by unseen", example.name)
    elseif not ok and not tostring(message):find "memory" then
      fault_of("%s: the error was '%s'", example.name, message)
    end
  end
  local stayed = settled() - before
  if stayed > 0 then fault_of("%s: %d bytes stayed", example.name, stayed) end
end
assert(#wrong == 0, table.concat(wrong, "\n"))
return failures
