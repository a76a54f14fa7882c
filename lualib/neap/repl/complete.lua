--- Completion at the prompt: names, fields, methods, string keys, module names, files.
---
--- Nothing is called to find candidates except the loading of neap's own modules: a TAB must have
--- no effects. Fields therefore come from tables and metatables as they lie.
local chunk = require "neap.repl.chunk"
local inspect = require "neap.inspect"
local neap = require "neap"

local complete = { modules = neap.modules() }

local keywords, is_keyword = {}, {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch "%a+" do
  keywords[#keywords + 1] = word
  is_keyword[word] = true
end

local function add_keys(set, t)
  for key in next, t do
    if type(key) == "string" then set[key] = true end
  end
end

local function is_neap(value) return rawequal(value, neap) end

local function add_names(set, names)
  for _, name in ipairs(names) do
    if type(name) == "string" then set[name] = true end
  end
end

-- The string keys that indexing `value` can find: its own, its methods, those of its metatables.
local function keys_of(value)
  local set, seen = {}, {}
  local first = debug.getmetatable(value)
  if is_neap(value) then add_names(set, complete.modules) end
  if type(first) == "table" and first.__name == "neap.frame" then -- its columns are not raw keys
    local ok, names = pcall(function() return value:columns() end)
    if ok then add_names(set, names) end
  end
  while value ~= nil and not seen[value] do
    seen[value] = true
    if type(value) == "table" then add_keys(set, value) end
    local meta = debug.getmetatable(value)
    if type(meta) ~= "table" then break end
    value = rawget(meta, "__index")
    if type(value) == "function" then value = meta end -- our classes keep their methods there
  end
  for key in pairs(set) do
    if key:find "^__" then set[key] = nil end
  end
  return set
end

local function field_of(value, key)
  local seen = {}
  while value ~= nil and not seen[value] do
    seen[value] = true
    if type(value) == "table" then
      local field = rawget(value, key)
      if field ~= nil then return field end
      for _, name in ipairs(is_neap(value) and complete.modules or {}) do
        if name == key then return value[key] end
      end
    end
    local meta = debug.getmetatable(value)
    if type(meta) ~= "table" then return nil end
    value = rawget(meta, "__index")
    if type(value) == "function" then value = meta end
  end
end

-- Follows "a.b[2]:c" from the names at hand; nil where it does not lead anywhere.
local function resolve(path, lookup)
  local name, rest = path:match "^([%a_][%w_]*)(.*)$"
  local value = name and lookup(name)
  while value ~= nil and rest ~= "" do
    local key, after = rest:match "^[.:]([%a_][%w_]*)(.*)$"
    if not key then
      local index, beyond = rest:match "^%[(%d+)%](.*)$"
      key, after = math.tointeger(tonumber(index)), beyond
    end
    if not key then
      local _, text, beyond = rest:match "^%[([\"'])([^\"']*)%1%](.*)$"
      key, after = text, beyond
    end
    if key == nil then return nil end
    if type(key) == "number" then
      value = type(value) == "table" and rawget(value, key) or nil
    else
      value = field_of(value, key)
    end
    rest = after
  end
  return value
end

local function with_prefix(set, prefix)
  local found = {}
  for name in pairs(set) do
    if name:sub(1, #prefix) == prefix then found[#found + 1] = name end
  end
  table.sort(found)
  return found
end

local function folder_of(path)
  local file = io.open(path .. "/.")
  if file then file:close() end
  return file ~= nil
end

local function files(prefix)
  local ok, file = pcall(require, "neap.file")
  if not ok or type(file.list) ~= "function" then return {} end
  local folder, base = prefix:match "^(.*/)([^/]*)$"
  folder, base = folder or "", base or prefix
  local listed, names = pcall(file.list, folder == "" and "." or folder)
  local found = {}
  for _, name in ipairs(listed and names or {}) do
    if name:sub(1, #base) == base and (base ~= "" or name:sub(1, 1) ~= ".") then
      local path = folder .. name
      found[#found + 1] = folder_of(path) and path .. "/" or path
    end
  end
  return found
end

local function module_names(prefix)
  local set = { neap = true }
  for name in pairs(package.loaded) do set[name] = not name:find "^neap%." or nil end
  for _, name in ipairs(complete.modules) do set["neap." .. name] = true end
  return with_prefix(set, prefix)
end

-- The position of the bracket of the innermost call that is open at the end of `text`.
local function enclosing(text)
  local stack, called = {}, false
  for kind, word, at in chunk.tokens(text) do
    if word == "(" or word == "{" or word == "[" then
      stack[#stack + 1] = { at = at, call = called and word ~= "[" }
    elseif word == ")" or word == "}" or word == "]" then
      stack[#stack] = nil
    end
    called = kind == "name" and not is_keyword[word]
  end
  for i = #stack, 1, -1 do
    if stack[i].call then return stack[i].at end
  end
end

-- Module or class, and name, under which the help knows the function that `name` calls.
local function documented_as(name, lookup)
  local owner, last = name:match "^(.*)[.:]([%w_]+)$"
  local value = owner and resolve(owner, lookup)
  local meta = value ~= nil and debug.getmetatable(value)
  local class = type(meta) == "table" and rawget(meta, "__name")
  return class or (owner or ""):gsub("^neap%.", ""), last or name
end

-- The name of the call that the end of `text` stands inside, the option that is being set and the
-- number of the argument, as far as they can be told.
local function call_around(text)
  local depth, commas, option = 0, 0, text:match "([%a_][%w_]*)%s*=%s*$"
  for i = #text, 1, -1 do
    local char = text:sub(i, i)
    if char:find "[)}%]]" then depth = depth + 1
    elseif char:find "[({%[]" then
      depth = depth - 1
      local name = depth < 0 and text:sub(1, i - 1):match "([%a_][%w_.:]*)%s*$"
      if name then return name, option, commas + 1 end
      if depth < 0 then depth, commas = 0, 0 end -- a table inside the arguments
    elseif char == "," and depth == 0 then commas = commas + 1 end
  end
  return text:match "([%a_][%w_.:]*)%s*$", option, 1
end

local dtypes = { "f64", "f32", "i64", "i32", "u8", "bool" }

-- The strings that an argument may be, as the comment of its function says: the values of a type
-- like `"open"|"close"`; and the dtypes.
local function choices(text, lookup)
  local name, option, number = call_around(text)
  if option == "dtype" then return dtypes end
  if not name then return {} end
  local owner, last = documented_as(name, lookup)
  local ok, found = pcall(function()
    return require("neap.help").choices(owner, last, option, number)
  end)
  return ok and found or {}
end

local names_columns = { by = true, columns = true, id = true, index = true, left_on = true,
  on = true, time = true, values = true }

-- The columns of the frame whose method the end of `text` calls, where it takes their names; and
-- whether it takes expressions.
local function columns(text, lookup)
  local name, option = call_around(text)
  local owner, method = (name or ""):match "^(.*):([%w_]+)$"
  if not owner or method:find "^write" or (option and not names_columns[option]) then return {} end
  local value = resolve(owner, lookup)
  local meta = value ~= nil and debug.getmetatable(value)
  if type(meta) ~= "table" or rawget(meta, "__name") ~= "neap.frame" then return {} end
  return value:columns(), method == "where" or method == "eval"
end

-- Parameters of a Lua function of the user's.
local function own_signature(name, lookup)
  local owner, mark, last = name:match "^(.*)([.:])([%w_]+)$"
  local value
  if owner then
    value = resolve(owner, lookup)
    value = value ~= nil and field_of(value, last) or nil
  else
    value = lookup(name)
  end
  if type(value) ~= "function" or debug.getinfo(value, "S").what == "C" then return nil end
  local text = inspect.line(value):gsub("^function", name)
  return mark == ":" and text:gsub("%(self,? ?", "(") or text
end

--- The call that the end of `before` stands inside, as "tensor.cat(tensors, dim?)", and what the
--- function does in a sentence, when that is documented.
---@param before string
---@param lookup fun(name: string): any the value of a variable
---@return string? signature
---@return string? about
function complete.signature(before, lookup)
  local open = enclosing(before)
  local name = open and before:sub(1, open - 1):match "([%a_][%w_.:]*)%s*$"
  if not name then return nil end
  local own = own_signature(name, lookup)
  local owner, last = documented_as(name, lookup)
  local found, text, about = pcall(function()
    return require("neap.help").signature(owner, last)
  end)
  if found and text then return text, about end
  return own
end

local function inside_string(before, lookup)
  local prefix = before:match "require%s*%(?%s*[\"']([%w_.]*)$"
  if prefix then return module_names(prefix), prefix end
  local path, mark, key = before:match "([%w_.:%[%]\"']+)%[([\"'])([^\"']*)$"
  if path then
    local value = resolve(path, lookup)
    if value == nil then return {}, key end
    local found = with_prefix(keys_of(value), key)
    for i, name in ipairs(found) do found[i] = name .. mark .. "]" end
    return found, key
  end
  local _, quotes = before:match("[^\n]*$"):gsub("[\"']", "")
  local name = before:match "[\"']([^\"']*)$"
  if not name or quotes % 2 == 0 then return nil end
  local set, call = {}, before:sub(1, -#name - 2)
  for _, choice in ipairs(choices(call, lookup)) do set[choice] = true end
  local expression
  if not next(set) then
    local known, free = columns(call, lookup)
    for _, column in ipairs(known) do set[column], expression = true, free end
  end
  if expression then
    local word = name:match "[%a_][%w_]*$" or ""
    return with_prefix(set, word), word
  end
  local found = with_prefix(set, name)
  if #found > 0 then
    for i, choice in ipairs(found) do found[i] = choice .. before:sub(-#name - 1, -#name - 1) end
    return found, name
  end
  return files(name), name
end

local function is_callable(value)
  local meta = debug.getmetatable(value)
  return type(value) == "function" or type(meta) == "table" and meta.__call ~= nil
end

local function fields(before, lookup)
  local path, mark, prefix = before:match "([%a_][%w_.:%[%]\"']*)([.:])([%a_]?[%w_]*)$"
  if not path then return nil end
  local value = resolve(path, lookup)
  local found = {}
  for _, name in ipairs(value ~= nil and with_prefix(keys_of(value), prefix) or {}) do
    local fits = name:find "^[%a_][%w_]*$" and (mark == "." or is_callable(field_of(value, name)))
    if fits then found[#found + 1] = name end
  end
  return found, prefix
end

--- The candidates for the text before the cursor, sorted, and the part of it they begin with.
---@param before string
---@param names table<string, boolean> the variables at hand
---@param lookup fun(name: string): any the value of a variable
---@return string[] candidates
---@return string prefix
function complete.candidates(before, names, lookup)
  local command = before:match "^%s*:(%a*)$"
  if command then return require("neap.repl.commands").starting(command), command end
  local found, prefix = inside_string(before, lookup)
  if found then return found, prefix end
  found, prefix = fields(before, lookup)
  if found then return found, prefix end
  prefix = before:match "[%a_][%w_]*$"
  if not prefix then return {}, "" end
  local set = {}
  for name in pairs(names) do set[name] = true end
  for _, word in ipairs(keywords) do set[word] = true end
  return with_prefix(set, prefix), prefix
end

local function common_prefix(list)
  local first, last = list[1], list[#list]
  local n = 0
  while n < #first and first:byte(n + 1) == last:byte(n + 1) do n = n + 1 end
  return first:sub(1, n)
end

local function in_columns(list, width)
  local widest = 0
  for _, name in ipairs(list) do widest = math.max(widest, #name) end
  local across = math.max(1, width // (widest + 2))
  local rows = (#list + across - 1) // across
  local lines = {}
  for row = 1, rows do
    local cells = {}
    for i = row, #list, rows do cells[#cells + 1] = list[i] .. (" "):rep(widest - #list[i]) end
    lines[row] = table.concat(cells, "  "):gsub("%s+$", "")
  end
  return table.concat(lines, "\n")
end

-- The signature of the open call, and below it the sentence on it.
local function call_text(before, lookup, width)
  local signature, about = complete.signature(before, lookup)
  if not signature then return nil end
  local text = signature .. (about and "\n  " .. about or "")
  local lines = {}
  for line in text:gmatch "[^\n]+" do
    lines[#lines + 1] = #line > width and line:sub(1, width - 4) .. " ..." or line
  end
  return table.concat(lines, "\n")
end

--- What TAB does: text to insert, and a list to show when there are several candidates. Where
--- nothing can be completed, the call that the cursor stands in is shown.
---@param before string
---@param names table<string, boolean>
---@param lookup fun(name: string): any
---@param width integer
---@return string? insert
---@return string? show
function complete.on_tab(before, names, lookup, width)
  local found, prefix = complete.candidates(before, names, lookup)
  if #found == 0 then return nil, call_text(before, lookup, width) end
  local insert = common_prefix(found):sub(#prefix + 1)
  if insert ~= "" or #found == 1 then return insert, nil end
  return nil, in_columns(found, width)
end

return complete
