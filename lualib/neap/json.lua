--- JSON text from Lua values, in a stated order: what metrics files need.
local opts = require "neap.opts"

local json = {}

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c)
    return escapes[c] or ("\\u%04x"):format(c:byte())
  end) .. '"'
end

--- The shortest decimal text that reads back as the same number; NaN and infinities are null, which
--- is all JSON has for them.
---@param v number
---@return string
function json.number(v)
  if math.type(v) == "integer" then return ("%d"):format(v) end
  if v ~= v or v == math.huge or v == -math.huge then return "null" end
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(v)
    if tonumber(text) == v then return text end
  end
end

--- JSON text of a number, string, boolean, nil (null), or array of those.
---@return string
function json.encode(v)
  local kind = type(v)
  if kind == "number" then return json.number(v) end
  if kind == "string" then return quote(v) end
  if kind == "boolean" or kind == "nil" then return tostring(v == nil and "null" or v) end
  if kind ~= "table" then opts.raise("json: a %s has no JSON form", kind) end
  local out = {}
  for i, item in ipairs(v) do out[i] = json.encode(item) end
  return "[" .. table.concat(out, ", ") .. "]"
end

--- A JSON object, one member a line, from an array of { name, value } in that order. A value of nil
--- becomes null.
---@param members table[]
---@return string
function json.object(members)
  local out = {}
  for i, member in ipairs(members) do
    out[i] = ("  %s: %s"):format(quote(member[1]), json.encode(member[2]))
  end
  return "{\n" .. table.concat(out, ",\n") .. "\n}\n"
end

return json
