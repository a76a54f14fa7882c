--- Configuration files: YAML in and out, with line and column in every error.
---
--- Maps, lists and scalars of one document. Anchors, tags and merge keys are refused: a
--- configuration says what it says where it says it.
local c = require "neap.c.config"
local opts = require "neap.opts"

local yaml = {}

--- What stands for a null in a decoded list or map.
yaml.null = c.null

--- The value of YAML text: maps and lists as tables, `null` as `yaml.null`, numbers in decimal.
--- `name` stands for the file in messages; a mistake raises with `name:line:column`.
---     yaml.decode("rows: [1, 2]").rows[2] --> 2
---@param text string
---@param name? string
---@return any
function yaml.decode(text, name) return (c.yaml(text, name or "yaml")) end

--- The value of a YAML file; a missing file raises.
---     local path = os.tmpname()
---     file.write(path, "rows: 7")
---     yaml.read(path).rows --> 7
---     os.remove(path)
---@param path string
---@return any
function yaml.read(path)
  local file, message = io.open(path)
  if not file then opts.raise("yaml.read: %s", message) end
  local text = file:read "a"
  file:close()
  if not text then opts.raise("yaml.read: %s cannot be read", path) end
  return yaml.decode(text, path)
end

local escapes = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\\127]', function(char)
    return escapes[char] or ("\\x%02X"):format(char:byte())
  end) .. '"'
end

-- Words that readers of YAML 1.1 take for booleans.
local old_truth = { yes = true, no = true, on = true, off = true, y = true, n = true }

-- Plain when it reads back as the same text and nothing in it could end it early.
local function plain(text)
  if not text:find "^[%w/_.]" or text:find "[%c\127]" or text:find "%s$" then return false end
  if text:find ":%s" or text:find ":$" or text:find "%s#" or text:find "[%[%]{},]" then
    return false
  end
  if text:find "^%d" and text:find ":" then return false end -- 12:30 is a number to older readers
  if old_truth[text:lower()] then return false end
  return c.yaml(text, "yaml") == text
end

local function scalar(value)
  local kind = math.type(value)
  if value == c.null then return "null" end
  if kind == "integer" then return c.text(value) end
  if kind == "float" then
    if value ~= value then return ".nan" end
    if value == math.huge then return ".inf" end
    if value == -math.huge then return "-.inf" end
    local text = c.text(value)
    return text:find "[.e]" and text or text .. ".0"
  end
  if type(value) == "boolean" then return tostring(value) end
  if type(value) == "string" then return plain(value) and value or quote(value) end
  opts.raise("yaml.encode: cannot write a %s", type(value))
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    if type(key) ~= "string" then
      opts.raise("yaml.encode: keys must be strings, got a %s", type(key))
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local function write(out, value, indent, depth)
  if depth > 32 then opts.raise("yaml.encode: nested too deeply, or a table holds itself") end
  local pad = ("  "):rep(indent)
  local function entry(head, item)
    if type(item) == "table" and next(item) ~= nil then
      out[#out + 1] = pad .. head .. "\n"
      write(out, item, indent + 1, depth + 1)
    else
      local text = type(item) == "table" and "{}" or scalar(item)
      out[#out + 1] = ("%s%s %s\n"):format(pad, head, text)
    end
  end
  if #value > 0 then
    for i = 1, #value do entry("-", value[i]) end
  else
    for _, key in ipairs(sorted_keys(value)) do entry(scalar(key) .. ":", value[key]) end
  end
end

--- YAML text of a table (keys sorted) or a scalar; strings are quoted where they must be.
---     yaml.decode(yaml.encode { note = "a: b" }).note --> a: b
---@param value any
---@return string
function yaml.encode(value)
  if type(value) ~= "table" then return scalar(value) .. "\n" end
  if next(value) == nil then return "{}\n" end
  local out = {}
  write(out, value, 0, 1)
  return table.concat(out)
end

return yaml
