--- Lua values as text for people: tables with their keys sorted, nested, fitted to the width.
---
--- Used by the prompt and by the checked examples of the documentation. Keys come in a fixed order
--- (numbers, then strings, then the rest), so equal tables give equal text.
local opts = require "neap.opts"

local inspect = {}

local escapes = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\\127]', function(char)
    return escapes[char] or ("\\x%02X"):format(char:byte())
  end) .. '"'
end

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch "%a+" do
  keywords[word] = true
end

-- Parameters as far as the debug information tells them.
local function signature(fn)
  local info = debug.getinfo(fn, "u")
  local names = {}
  for i = 1, info.nparams do names[i] = debug.getlocal(fn, i) or "?" end
  if info.isvararg then names[#names + 1] = "..." end
  return "function(" .. table.concat(names, ", ") .. ")"
end

local function has_text(value)
  local meta = debug.getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__tostring") ~= nil
end

local function own_text(value)
  local ok, text = pcall(tostring, value)
  return ok and text or type(value) .. " whose __tostring fails: " .. tostring(text)
end

local function atom(value)
  local kind = type(value)
  if kind == "string" then return quote(value) end
  if kind == "function" then return signature(value) end
  if kind == "userdata" and not has_text(value) then return "userdata" end
  if kind == "thread" then return "coroutine, " .. coroutine.status(value) end
  return own_text(value)
end

local rank = { number = 1, string = 2 }

local function before(a, b)
  local ra, rb = rank[type(a)] or 3, rank[type(b)] or 3
  if ra ~= rb then return ra < rb end
  if ra < 3 then return a < b end
  return tostring(a) < tostring(b)
end

-- Number of leading items and the sorted other keys. A NaN cannot be a key, so `before` is total.
local function keys_of(t)
  local n = 0
  while rawget(t, n + 1) ~= nil do n = n + 1 end
  local keys = {}
  for key in next, t do
    if not (math.type(key) == "integer" and key >= 1 and key <= n) then keys[#keys + 1] = key end
  end
  table.sort(keys, before)
  return n, keys
end

local function key_text(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" and not keywords[key] then return key end
  if type(key) == "table" then return "[table]" end
  return "[" .. atom(key) .. "]"
end

local function first_line(text)
  local line = text:match "^[^\n]*"
  return line == text and text or line .. " ..."
end

local render

-- The entries of a table as texts that stand at `indent`.
local function entries(t, state, indent)
  local n, keys = keys_of(t)
  local out, scalars = {}, true
  local function add(head, value)
    scalars = scalars and head == "" and type(value) ~= "table"
    out[#out + 1] = head .. render(value, state, indent, #head)
  end
  for i = 1, math.min(n, state.items) do add("", rawget(t, i)) end
  for i = 1, math.min(#keys, state.items - #out) do
    add(key_text(keys[i]) .. " = ", rawget(t, keys[i]))
  end
  if n + #keys > #out then out[#out + 1] = ("... %d more"):format(n + #keys - #out) end
  return out, scalars
end

-- Numbers and the like fill the lines; other entries take a line each.
local function fill(items, width, pad)
  local lines, line = {}, pad
  for i, item in ipairs(items) do
    local text = item .. (i < #items and "," or "")
    if #line > #pad and #line + 1 + #text > width then
      lines[#lines + 1], line = line, pad .. text
    else
      line = #line > #pad and line .. " " .. text or line .. text
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function render_table(t, state, indent, used)
  if state.open[t] then return "<cycle>" end
  if next(t) == nil then return "{}" end
  if indent >= state.depth then return "{...}" end
  state.open[t] = true
  local items, scalars = entries(t, state, indent + 1)
  state.open[t] = nil
  local line = "{ " .. table.concat(items, ", ") .. " }"
  if not line:find "\n" and 2 * indent + used + #line <= state.width then return line end
  local pad = ("  "):rep(indent + 1)
  local body = scalars and fill(items, state.width, pad)
    or pad .. table.concat(items, ",\n" .. pad)
  return "{\n" .. body .. "\n" .. ("  "):rep(indent) .. "}"
end

function render(value, state, indent, used)
  if type(value) == "table" and not has_text(value) then
    return render_table(value, state, indent, used)
  end
  return indent == 0 and atom(value) or first_line(atom(value))
end

--- Text of any value, over several lines when it does not fit: strings quoted, keys sorted, a table
--- inside itself as `<cycle>`; objects show what their `__tostring` gives.
---     inspect.text({ b = 2, a = { 1, 2 } }) --> { a = { 1, 2 }, b = 2 }
---@param value any
---@param o? { width: integer, depth: integer, items: integer } limits; 80, 6 and 100
---@return string
function inspect.text(value, o)
  o = opts.merge("inspect.text", { width = 80, depth = 6, items = 100 }, o)
  return render(value, { width = o.width, depth = o.depth, items = o.items, open = {} }, 0, 0)
end

--- Text of any value on one line; of an object that prints over several lines, the first.
---     inspect.line { "x", nested = { true } } --> { "x", nested = { true } }
---@param value any
---@return string
function inspect.line(value)
  return first_line(inspect.text(value, { width = math.huge, items = math.huge }))
end

return inspect
