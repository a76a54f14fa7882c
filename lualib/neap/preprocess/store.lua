--- Fitted transformers in files: one of JSON, and beside it an archive of safetensors for what is
--- large (quantile tables, axes, times).
local class = require "neap.class"
local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"
local past = require "neap.preprocess.past"
local sealed = require "neap.sealed"
local tensor = require "neap.tensor"

local store = {}

local FORMAT, VERSION = "neap preprocess", 1
local INLINE = 256 -- numbers of a tensor that stay in the text

-- values ------------------------------------------------------------------------------------------

-- JSON has no words for these, and reads -0 as an integer.
local function to_number(v)
  if v ~= v then return "nan" end
  if v == math.huge then return "inf" elseif v == -math.huge then return "-inf" end
  return v == 0 and 1 / v < 0 and "-0" or v
end

local names = { nan = 0 / 0, inf = math.huge, ["-inf"] = -math.huge, ["-0"] = -0.0 }

local function from_number(v)
  local number = type(v) == "string" and names[v] or v
  if type(number) ~= "number" then opts.raise("'%s' stands for no number", tostring(v)) end
  return number
end

local function pack(v, arrays)
  local kind = type(v)
  if kind == "userdata" then
    local t = { ["$tensor"] = v.dtype, shape = json.array(v.shape) }
    if v:numel() <= INLINE then
      local flat = v:reshape(v:numel()):totable()
      for i, x in ipairs(flat) do flat[i] = math.type(x) == "float" and to_number(x) or x end
      t.values = json.array(flat)
    else
      t.stored = ("a%d"):format(#arrays + 1)
      arrays[#arrays + 1] = v:contiguous()
    end
    return t
  end
  if kind == "number" then
    v = math.type(v) == "float" and to_number(v) or v
    return type(v) == "string" and { ["$number"] = v } or v
  end
  if kind == "string" and not utf8.len(v) then
    opts.raise("preprocess: a text that is not UTF-8 ('%s') cannot be saved", v)
  end
  if kind ~= "table" then return v end
  local out = {}
  if #v > 0 or next(v) == nil then
    for i, item in ipairs(v) do out[i] = pack(item, arrays) end
    return json.array(out)
  end
  for key, item in pairs(v) do out[key] = pack(item, arrays) end
  return out
end

local function unpack(v, arrays)
  if type(v) ~= "table" then return v end
  local dtype = v["$tensor"]
  if v["$number"] then return from_number(v["$number"]) end
  if dtype then
    if v.stored then
      return arrays[v.stored] or opts.raise("array '%s' is not in its file", tostring(v.stored))
    end
    for i, x in ipairs(v.values) do v.values[i] = from_number(x) end
    if #v.values == 0 then
      return tensor.zeros { dtype = dtype, table.unpack(v.shape) }
    end
    return tensor.of({ table.unpack(v.values) }, { dtype = dtype }):reshape(
      table.unpack(v.shape))
  end
  local out = {}
  for key, item in next, v do out[key] = unpack(item, arrays) end
  return out
end

-- transformers ------------------------------------------------------------------------------------

local step_fields = { numbers = "table", texts = "table", at = "table", width = "number",
  names_in = "table", names_out = "table", order = "table", keeps = "boolean", constant = "table",
  empty = "table", state = "table", o = "table" }

--- A fitted transformer's parts as values that JSON has, and the large tensors in an array.
---@param p { steps: table[], inputs: table, seen: table?, time: string, by: string }
---@return table content
---@return neap.tensor[] arrays
function store.pack(p)
  local arrays, steps = {}, {}
  for i, s in ipairs(p.steps) do
    steps[i] = { kind = s.kind.name }
    for name in pairs(step_fields) do steps[i][name] = pack(s[name], arrays) end
  end
  return { steps = json.array(steps), inputs = pack(p.inputs, arrays), time = p.time, by = p.by,
    seen = p.seen and pack(past.pack(p.seen), arrays) }, arrays
end

local function step_of(t, kinds, arrays)
  local kind = kinds[t.kind]
  if not kind then
    opts.raise("it has a step '%s', which this neap does not know", tostring(t.kind))
  end
  local s = { kind = kind, where = "preprocess." .. t.kind }
  for name, type_name in pairs(step_fields) do
    if type(t[name]) ~= type_name or t[name] == json.null then
      opts.raise("step '%s' has no '%s'", t.kind, name)
    end
    s[name] = unpack(t[name], arrays)
  end
  return s
end

-- files -------------------------------------------------------------------------------------------

-- A file that goes unless it was renamed.
local Fresh = class "neap.preprocess.fresh"

function Fresh:__close()
  if self.path and file.exists(self.path) then file.remove(self.path) end
end

-- The archive is named by its sum and comes before the JSON that names it: whatever happens
-- between, the JSON under its name has the archive that it was written with.
local function save_arrays(path, arrays)
  local fresh <close> = Fresh()
  fresh.path = path .. ".new.safetensors"
  local named = {}
  for i, t in ipairs(arrays) do named["a" .. i] = t end
  tensor.save(fresh.path, named)
  local sum = file.sha256_file(fresh.path)
  local name = ("%s-%s.safetensors"):format((path:gsub("%.json$", "")), sum:sub(1, 12))
  local ok, message = os.rename(fresh.path, name)
  if not ok then opts.raise("preprocess: %s", message) end
  return { file = name:match "[^/]*$", sha256 = sum }
end

local function old_archive(path)
  local ok, content = pcall(sealed.read, "", path, FORMAT, VERSION)
  return ok and content.archive and content.archive.file
end

---@param path string
---@param p table
function store.save(path, p)
  opts.expect("preprocess: save", "the path", path, "string")
  local content, arrays = store.pack(p)
  local old = file.exists(path) and old_archive(path)
  if #arrays > 0 then content.archive = save_arrays(path, arrays) end
  sealed.write(path, FORMAT, VERSION, content)
  local folder = path:match "^(.*/)[^/]*$" or ""
  if old and not (content.archive and content.archive.file == old) then
    pcall(file.remove, folder .. old)
  end
end

local function load_arrays(where, path, archive)
  if not archive then return {} end
  local name = archive.file
  if type(name) ~= "string" or name:find "[/\\]" then
    opts.raise("%s: %s names its arrays '%s'", where, path, tostring(name))
  end
  local full = (path:match "^(.*/)[^/]*$" or "") .. name
  if not file.exists(full) then
    opts.raise("%s: %s, which belongs to %s, is missing; copy both", where, full, path)
  end
  if file.sha256_file(full) ~= archive.sha256 then
    opts.raise("%s: %s was changed after it was written; copy or save it again", where, full)
  end
  return (tensor.load(full))
end

---@param where string
---@param path string
---@param kinds table<string, table>
---@return table parts as `pack` takes them
function store.load(where, path, kinds)
  opts.expect(where, "the path", path, "string")
  local content = sealed.read(where, path, FORMAT, VERSION)
  local arrays = load_arrays(where, path, content.archive)
  local ok, result = pcall(function()
    local steps = {}
    for i, t in ipairs(content.steps) do steps[i] = step_of(t, kinds, arrays) end
    return { steps = steps, inputs = unpack(content.inputs, arrays), time = content.time,
      by = content.by, seen = content.seen and past.unpack(unpack(content.seen, arrays)) }
  end)
  if not ok then
    opts.raise("%s: %s cannot be used: %s", where, path, tostring(result):gsub("^.-:%d+: ", "", 1))
  end
  return result
end

return store
