--- Everything that is documented of tensors, linear algebra and generators, with arguments that it
--- can be called with: an array of { name, fn, entry, method, sample }.
---
--- The examples of the documentation are run, and what each function is called with is noted.
local neap = require "neap"
local doc = require "neap.doc"

local function documented()
  local found, registry = {}, debug.getregistry()
  local function add(name, holder, key, entry, method)
    if rawget(holder, key) then
      found[#found + 1] = { name = name, holder = holder, key = key, fn = rawget(holder, key),
        entry = entry, method = method }
    end
  end
  for _, module in ipairs { "tensor", "linalg" } do
    for _, entry in ipairs(doc.module("neap." .. module).functions) do
      add(module .. "." .. entry.name, neap[module], entry.name, entry)
    end
  end
  local classes = doc.module("neap.tensor").classes
  for _, class in ipairs(classes) do
    if class.name == "neap.tensor" or class.name == "neap.rng" then
      for _, entry in ipairs(class.methods) do
        add(class.name:match "%w+$" .. ":" .. entry.name, registry[class.name], entry.name, entry,
          true)
      end
    end
  end
  return found
end

-- Run the examples of f's comment, and keep the arguments it is called with first.
local function sample_of(f)
  local sample
  f.holder[f.key] = function(...)
    sample = sample or table.pack(...)
    return f.fn(...)
  end
  local environment = setmetatable({}, { __index = function(_, name)
    local value = _G[name]
    if value == nil then value = name == "neap" and neap or neap[name] end
    return value
  end })
  for _, block in ipairs(f.entry.blocks) do
    if block.code then
      local code = table.concat(block.code, "\n"):gsub("([^\n]*)%s%-%->[^\n]*", "_ = %1")
      local chunk = assert(load(code, "=" .. f.name, "t", environment))
      local ok, message = pcall(chunk)
      f.holder[f.key] = f.fn
      assert(ok, message)
    end
  end
  return assert(sample, f.name .. ": its example does not call it")
end

local faces = documented()
for _, f in ipairs(faces) do f.sample = sample_of(f) end

return faces
