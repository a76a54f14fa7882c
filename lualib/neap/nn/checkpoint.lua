--- Checkpoints: everything that a training consists of in one .safetensors file, which is replaced
--- whole or not at all. Tensors lie in it under their paths ("net.0.weight"), all else as JSON in
--- its metadata; numbers are written exactly.
local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local checkpoint = {}

local FORMAT = "neap training 1"

local is_open = require("neap.c.tensor").is_open

-- Floats as hexadecimal text, since JSON has no infinities and 1.0 comes back as 1.
local function pack_number(v)
  if math.type(v) == "integer" then return v end
  return { float = v ~= v and "nan" or ("%a"):format(v) }
end

local function unpack_number(text)
  if text == "nan" then return 0 / 0 end
  if text:find "inf" then return text:find "^%-" and -math.huge or math.huge end
  return tonumber(text)
end

-- v as what json.text takes; tensors go to `arrays` under `path`.
local function pack(v, path, arrays)
  local kind = type(v)
  if kind == "number" then return pack_number(v) end
  if kind == "string" or kind == "boolean" then return v end
  if is_open(v) then
    arrays[path] = v:detach()
    return { tensor = path }
  end
  if kind ~= "table" then opts.raise("nn.fit: checkpoint: %s is a %s", path, kind) end
  local list = {}
  if #v > 0 or next(v) == nil then
    for i, item in ipairs(v) do list[i] = pack(item, ("%s.%d"):format(path, i), arrays) end
    return { list = json.array(list) }
  end
  for _, name in ipairs(opts.names(v)) do
    list[tostring(name)] = pack(v[name], ("%s.%s"):format(path, name), arrays)
  end
  return { table = list }
end

local function unpack(v, arrays)
  if type(v) ~= "table" then return v end
  if v.float then return unpack_number(v.float) end
  if v.tensor then return arrays[v.tensor] end
  local out = {}
  for name, item in pairs(v.list or v.table or {}) do out[name] = unpack(item, arrays) end
  return out
end

--- Write a tree of tables, tensors, numbers, texts and booleans, whole or not at all.
---@param path string
---@param tree table
function checkpoint.write(path, tree)
  local arrays = {}
  local text = json.text(pack(tree, "", arrays))
  local named = {}
  for name, t in pairs(arrays) do named[name:sub(2)] = t end
  tensor.save(path, named, { metadata = { format = FORMAT, sha256 = file.sha256(text),
    training = text } })
end

--- The tree that `write` wrote. Raises when the file is missing, damaged, or something else.
---@param where string
---@param path string
---@return table
function checkpoint.read(where, path)
  local arrays, _, texts = tensor.load(path)
  if not texts or texts.format ~= FORMAT or not texts.training then
    opts.raise("%s: '%s' is no checkpoint of a training", where, path)
  end
  if file.sha256(texts.training) ~= texts.sha256 then
    opts.raise("%s: '%s' was changed after it was written", where, path)
  end
  local by_path = {}
  for name, t in pairs(arrays) do by_path["." .. name] = t end
  local ok, tree = pcall(unpack, json.decode(texts.training, path), by_path)
  if not ok then opts.raise("%s: '%s' is damaged", where, path) end
  return tree
end

return checkpoint
