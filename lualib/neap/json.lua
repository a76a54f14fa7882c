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

-- reading -----------------------------------------------------------------------------------------

-- What decode gives for null.
json.null = setmetatable({}, { __tostring = function() return "null" end, __name = "json.null" })

local array = { __name = "json.array" }

--- `list` marked as an array, as `decode` marks those it reads, so that `text` knows an empty one.
---@param list table
---@return table
function json.array(list) return setmetatable(list, array) end

--- Whether `decode` read an array, or `array` marked it.
---@param v any
---@return boolean
function json.is_array(v) return getmetatable(v) == array end

local unescaped = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r",
  t = "\t" }

--- The value that JSON text means, read strictly: no duplicate names, nothing behind it. Objects
--- become tables by name, arrays marked tables, null `json.null`; whole numbers become integers.
--- `name` stands in messages.
---@param text string
---@param name? string
---@return any
function json.decode(text, name)
  local at, value = 1, nil
  local function fail(what)
    local _, line = text:sub(1, at - 1):gsub("\n", "")
    opts.raise("json: %sline %d: %s", name and name .. ", " or "", line + 1, what)
  end
  local function skip() at = text:find("[^ \t\r\n]", at) or #text + 1 end
  local function accept(c)
    skip()
    local found = text:sub(at, at) == c
    if found then at = at + 1 end
    return found
  end
  local function expect(c)
    if not accept(c) then fail(("'%s' expected"):format(c)) end
  end

  local function unicode()
    local function four()
      local digits = text:match("^%x%x%x%x", at) or fail "four digits expected behind \\u"
      at = at + 4
      return tonumber(digits, 16)
    end
    local code = four()
    if code >= 0xd800 and code < 0xdc00 and text:sub(at, at + 1) == "\\u" then
      at = at + 2
      local low = four()
      if low < 0xdc00 or low > 0xdfff then fail "half a character behind \\u" end
      return utf8.char(0x10000 + (code - 0xd800) * 0x400 + low - 0xdc00)
    end
    if code >= 0xd800 and code < 0xe000 then fail "half a character behind \\u" end
    return utf8.char(code)
  end

  local function string_value()
    expect '"'
    local parts = {}
    while true do
      local plain, stop = text:match('^([^"\\\0-\31]*)(["\\])', at)
      if not plain then fail "a text without end, or with a control character" end
      parts[#parts + 1] = plain
      at = at + #plain + 1
      if stop == '"' then break end
      local c = text:sub(at, at)
      at = at + 1
      parts[#parts + 1] = unescaped[c] or c == "u" and unicode() or fail "an unknown escape"
    end
    local whole = table.concat(parts)
    return utf8.len(whole) and whole or fail "a text that is not UTF-8"
  end

  local function object(depth)
    local out = {}
    if accept "}" then return out end
    repeat
      local key = string_value()
      if out[key] ~= nil then fail(("'%s' stands twice"):format(key)) end
      expect ":"
      out[key] = value(depth)
    until not accept ","
    expect "}"
    return out
  end

  local function list(depth)
    local out = json.array {}
    if accept "]" then return out end
    repeat out[#out + 1] = value(depth) until not accept ","
    expect "]"
    return out
  end

  local function number()
    local digits = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", at) or fail "a value expected"
    local whole, rest = digits:match "^-?(%d+)(.*)$"
    local sound = (whole == "0" or whole:sub(1, 1) ~= "0") and (rest == "" or rest:match "^%.%d+$"
      or rest:match "^%.%d+[eE][+-]?%d+$" or rest:match "^[eE][+-]?%d+$")
    if not sound then fail(("'%s' is no number"):format(digits)) end
    at = at + #digits
    return tonumber(digits)
  end

  local words = { { "true", true }, { "false", false }, { "null", json.null } }
  function value(depth)
    if depth > 100 then fail "nested more than 100 deep" end
    skip()
    if accept "{" then return object(depth + 1) end
    if accept "[" then return list(depth + 1) end
    if text:sub(at, at) == '"' then return string_value() end
    for _, word in ipairs(words) do
      if text:sub(at, at + #word[1] - 1) == word[1] then
        at = at + #word[1]
        return word[2]
      end
    end
    return number()
  end

  local result = value(0)
  skip()
  if at <= #text then fail "text behind the value" end
  return result
end

--- JSON text of what `decode` gives: marked tables as arrays, others as objects by rising names.
---@param v any
---@return string
function json.text(v)
  if v == json.null then return "null" end
  if type(v) ~= "table" then return json.encode(v) end
  local out = {}
  if getmetatable(v) == array then
    for i, item in ipairs(v) do out[i] = json.text(item) end
    return "[" .. table.concat(out, ",") .. "]"
  end
  local names = {}
  for name in next, v do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do out[i] = json.encode(name) .. ":" .. json.text(v[name]) end
  return "{" .. table.concat(out, ",") .. "}"
end

return json
