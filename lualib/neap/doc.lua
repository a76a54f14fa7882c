--- Documentation comments of Lua source as data. The pages of docs/api, the help at the prompt and
--- the checks in scripts/ read comments here and nowhere else.
---
--- A comment is a run of lines that begin with three dashes. Text comes first; lines with five
--- spaces after the dashes are an example; then the tags of LuaLS (`@param`, `@return`, `@class`,
--- `@field`, `@type`). What the comment describes stands in the line below it.
local file = require "neap.file"

local doc = {}

-- comments ---------------------------------------------------------------------------------------

-- The type that text begins with, and the rest. Spaces belong to a type inside brackets, after
-- ',' ':' '|' and before '|'.
local function split_type(text)
  local depth, i = 0, 1
  while i <= #text do
    local char = text:sub(i, i)
    if char:find "[(%[{<]" then depth = depth + 1
    elseif char:find "[)%]}>]" then depth = depth - 1
    elseif char == " " and depth == 0 then
      local joined = text:sub(1, i - 1):find "[,:|]$" or text:find("^ +|", i)
      if not joined then break end
    end
    i = i + 1
  end
  return text:sub(1, i - 1), text:sub(i):match "^%s*(.-)%s*$"
end

local tags = {}

function tags.param(entry, text)
  local name, optional, rest = text:match "^([%w_.]+)(%??)%s*(.*)$"
  if not name then return end
  local kind, about = split_type(rest)
  entry.params[#entry.params + 1] = { name = name, optional = optional == "?", type = kind,
    text = about }
  return entry.params[#entry.params]
end

tags["return"] = function(entry, text)
  local kind, about = split_type(text)
  entry.returns[#entry.returns + 1] = { type = kind, text = about }
  return entry.returns[#entry.returns]
end

function tags.field(entry, text)
  local name, rest = text:match "^(%S+)%s*(.*)$"
  if not name then return end
  local kind, about = split_type(rest)
  entry.fields[#entry.fields + 1] = { name = name, type = kind, text = about }
  return entry.fields[#entry.fields]
end

function tags.class(entry, text) entry.class = text:match "^[%w_.]+" end
function tags.meta(entry, text) entry.meta = text end
function tags.type(entry, text) entry.type = text end

local function new_entry(line)
  return { line = line, blocks = {}, params = {}, returns = {}, fields = {} }
end

local function add_text(entry, text)
  local last = entry.blocks[#entry.blocks]
  if not last or last.code then
    if text == "" then return end
    last = { text = {} }
    entry.blocks[#entry.blocks + 1] = last
  end
  last.text[#last.text + 1] = text
end

local function add_code(entry, code, line)
  local last = entry.blocks[#entry.blocks]
  if not last or not last.code then
    last = { code = {}, line = line }
    entry.blocks[#entry.blocks + 1] = last
  end
  last.code[#last.code + 1] = code
end

-- One comment line, without its dashes. Text below a tag continues that tag's own text.
local function add_line(entry, content, line)
  local tag, rest = content:match "^@(%a+)%s*(.*)$"
  local code = content:match "^     (.*)$"
  if tag then
    entry.open = tags[tag] and tags[tag](entry, rest)
  elseif entry.open and content:find "%S" and not code then
    entry.open.text = (entry.open.text .. content:gsub("^%s*", " ")):gsub("^ ", "")
  elseif code then
    add_code(entry, code, line)
  else
    add_text(entry, (content:gsub("^ ", "")))
  end
end

local function finish(entry)
  entry.open = nil
  for _, block in ipairs(entry.blocks) do
    local text = block.text
    while text and text[#text] == "" do text[#text] = nil end
  end
end

-- definitions ------------------------------------------------------------------------------------

-- The text inside the brackets that open at the end of `head` in line i; it may span lines.
-- More arguments that the comment above line i does not name are taken only to be refused.
local function shown(args, lines, i)
  if not args:find ", %.%.%.$" then return args end
  for k = i - 1, 1, -1 do
    if not lines[k]:find "^%-%-%-" then break end
    if lines[k]:find "@param %.%.%." then return args end
  end
  return (args:gsub(", %.%.%.$", ""))
end

local function arguments(lines, i, from)
  local text, first = lines[i]:sub(from), i
  while not text:find "%)" and lines[i + 1] do
    i = i + 1
    text = text .. " " .. lines[i]:match "^%s*(.*)$"
  end
  return shown(text:match "^%s*(.-)%s*%)" or "", lines, first)
end

-- What line i defines: a function or value of a table at the top level, or such a table.
local function definition(lines, i)
  local line = lines[i]
  local owner, mark, name, from = line:match "^function ([%w_]+)([.:])([%w_]+)%s*%(()"
  if owner then
    return { owner = owner, name = name, method = mark == ":", kind = "function",
      args = arguments(lines, i, from) }
  end
  owner, name = line:match "^([%a_][%w_]*)%.([%w_]+) = "
  if owner then
    from = line:match " = function%s*%(()"
    return { owner = owner, name = name, method = false, kind = from and "function" or "value",
      args = from and arguments(lines, i, from) }
  end
  name = line:match "^local ([%a_][%w_]*) ="
  if name then
    local class = line:match '= class "([%w_.]+)"' or line:match '__name = "([%w_.]+)"'
    return { name = name, kind = "table", class = class }
  end
end

local function complete(entry, defined)
  for key, value in pairs(defined or {}) do
    if entry[key] == nil then entry[key] = value end
  end
  entry.documented = #entry.blocks > 0
  return entry
end

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

--- The comments and definitions of a source text, in its order. Each entry has `line`, `blocks`
--- (of `text`, an array of lines, or `code`, an array of lines that begins at `line`), `params`,
--- `returns`, `fields`, `class`; an entry that defines something also `name`, `owner` (the local
--- table it is put into), `kind` ("function", "value" or "table"), `method`, `args` and
--- `documented`. Entries without a comment are there too. `about` is the comment that opens the
--- text, `result` the name that it returns.
---     doc.parse("--- Nothing.\nlocal t = {}\nreturn t").about.blocks[1].text[1] --> Nothing.
---@param text string
---@return { about: table?, result: string?, entries: table[] }
function doc.parse(text)
  local lines, entries, open = lines_of(text), {}, nil
  for i, line in ipairs(lines) do
    local content = line:match "^%s*%-%-%-([^-].*)$" or line:match "^%s*%-%-%-()$" and ""
    if content then
      open = open or new_entry(i)
      add_line(open, content, i)
    else
      local defined = definition(lines, i)
      if open then finish(open) end
      if open or defined then
        entries[#entries + 1] = complete(open or new_entry(i), defined)
        entries[#entries].defined_at = defined and i
      end
      open = nil
    end
  end
  local first = entries[1]
  local opening = first and first.line == 1 and not first.meta and #first.blocks > 0
  return { entries = entries, about = opening and first or nil,
    result = text:match "\nreturn ([%a_][%w_]*)%s*$"
      or text:match "\nreturn setmetatable%(([%a_][%w_]*)," }
end

--- `doc.parse` of a file.
---@param path string
---@return table
function doc.read(path) return doc.parse(file.read(path)) end

-- classes ----------------------------------------------------------------------------------------

--- The classes of parsed sources by name: `name`, `entry` (its comment), and `methods`, its
--- documented entries in order, metamethods and `init` left out. Sources add up.
---@param sources table[]
---@return table<string, table>
function doc.classes(sources)
  local classes = {}
  for _, source in ipairs(sources) do
    local by_local = {}
    for _, entry in ipairs(source.entries) do
      if entry.class and entry.name and not entry.owner then
        local class = classes[entry.class] or { name = entry.class, entry = entry, methods = {} }
        if entry.documented or #entry.fields > 0 then class.entry = entry end
        classes[entry.class], by_local[entry.name] = class, class
      elseif by_local[entry.owner] and not entry.name:find "^__" and entry.name ~= "init" then
        local methods = by_local[entry.owner].methods
        methods[#methods + 1] = entry
      end
    end
  end
  return classes
end

-- modules ----------------------------------------------------------------------------------------

local function path_of(name) return package.searchpath(name, package.path) end

-- Parsed file of a Lua module, or nothing.
local function source_of(name)
  local path = path_of(name)
  return path and doc.read(path)
end

-- Names mentioned as types in what an entry takes and gives.
local function add_mentioned(set, entry)
  for _, list in ipairs { entry.params, entry.returns, entry.fields } do
    for _, item in ipairs(list) do
      for name in item.type:gmatch "neap[%w_.]*" do set[name] = true end
    end
  end
end

-- The classes that a user of the functions meets, sorted by name.
local function reached(functions, classes)
  local set, found, grown = {}, {}, true
  for _, entry in ipairs(functions) do add_mentioned(set, entry) end
  while grown do
    grown = false
    for name, class in pairs(classes) do
      if set[name] and not found[class] then
        found[class], grown = true, true
        found[#found + 1] = class
        add_mentioned(set, class.entry)
        for _, entry in ipairs(class.methods) do add_mentioned(set, entry) end
      end
    end
  end
  table.sort(found, function(a, b) return a.name < b.name end)
  return found
end

-- Adds the entries of `owner` in a source that the loaded module has and that are not there yet.
local function add_functions(functions, module, source, owner)
  local known = {}
  for _, entry in ipairs(functions) do known[entry.name] = true end
  for _, entry in ipairs(source and source.entries or {}) do
    if entry.owner and entry.owner == owner and entry.documented and not known[entry.name]
      and rawget(module, entry.name) ~= nil then
      functions[#functions + 1] = entry
    end
  end
end

-- The files of a module's folder, parsed.
local function parts_of(path)
  local folder, parts = path:match "^(.*)%.lua$", {}
  if folder:find "/init$" or not file.exists(folder) then return parts end
  for _, name in ipairs(file.list(folder)) do
    if name:find "%.lua$" then parts[#parts + 1] = doc.read(folder .. "/" .. name) end
  end
  return parts
end

--- The stubs of a C module, parsed: the file at path first, then those of the folder beside it.
---@param path string
---@return table[]
function doc.stubs(path)
  local stubs = parts_of(path)
  table.insert(stubs, 1, doc.read(path))
  return stubs
end

--- What is documented of a public module ("neap.tensor", or "neap" itself): `name`, `about`,
--- `functions` (the entries of its table) and `classes` (those that its functions take or give).
--- They are looked for in the module's file, in the files of its folder, which use the same local
--- name for its table, and for what it takes over from C in its stub.
---     doc.module("neap.split").functions[1].name --> contiguous
---@param name string
---@return { name: string, about: table?, functions: table[], classes: table[] }
function doc.module(name)
  local module, source = require(name), assert(source_of(name))
  local stub_path = path_of("neap.meta." .. (name:match "^neap%.(.+)$" or "base"))
  local stubs = stub_path and doc.stubs(stub_path) or {}
  local sources, functions = parts_of(path_of(name)), {}
  table.insert(sources, 1, source)
  for _, each in ipairs(sources) do add_functions(functions, module, each, source.result) end
  if stubs[1] then add_functions(functions, module, stubs[1], "c") end
  table.move(sources, 1, #sources, #stubs + 1)
  table.move(stubs, 1, #stubs, 1, sources)
  return { name = name, about = source.about, functions = functions,
    classes = reached(functions, doc.classes(sources)) }
end

return doc
