--- What the comments above the functions say, for `neap help` and the prompt's `:help`.
---
--- The Lua files and stubs of neap are read when help is asked for, so that help, editor and pages
--- have one source.
local inspect = require "neap.inspect"
local neap = require "neap"
local opts = require "neap.opts"

local help = {}

-- reading ----------------------------------------------------------------------------------------

local function folder()
  local path = package.searchpath("neap", package.path)
  return path and path:match "^(.*/)" or ""
end

local function lines_of(path)
  local file = io.open(path)
  if not file then return {} end
  local lines = {}
  for line in file:lines() do lines[#lines + 1] = line end
  file:close()
  return lines
end

-- A comment block: description, parameters, returns, examples.
local function read_block(lines)
  local block = { text = {}, params = {}, returns = {}, examples = {} }
  for _, line in ipairs(lines) do
    local tag, rest = line:match "^%-%-%-@(%w+)%s*(.*)$"
    if tag == "param" then
      local name, kind = rest:match "^(%S+)%s+(.*)$"
      block.params[#block.params + 1] = { name or rest, kind or "" }
    elseif tag == "return" then
      block.returns[#block.returns + 1] = rest
    elseif tag == "class" then
      block.class = rest:match "^[%w_.]+"
    elseif not tag and line:find "^%-%-%-     " then
      block.examples[#block.examples + 1] = line:sub(9)
    elseif not tag then
      block.text[#block.text + 1] = line:match "^%-%-%-%s?(.*)$"
    end
  end
  return block
end

-- A stub's function `c.name` is for users only when the module offers it under its name, and then
-- unless the module describes it itself.
local function is_public(module, name, entries)
  for _, entry in ipairs(entries) do
    if entry.name == name and entry.mark == "." then return false end
  end
  local ok, t = pcall(require, "neap." .. module)
  return ok and type(t) == "table" and rawget(t, name) ~= nil
end

-- Adds the documented functions of one file to `entries`, and returns the comment that opens it.
-- `module` names the table that the file returns; in stubs, the table `c` is that module's C side.
local function read_file(path, module, entries)
  local classes, block, first, own = {}, {}, nil, nil
  for _, line in ipairs(lines_of(path)) do
    if line:find "^%-%-%-" then
      block[#block + 1] = line
    else
      if #block > 0 and not first then
        first = read_block(block)
        if first.text[1] == nil then first = nil end
      end
      local variable = line:match "^local ([%w_]+) ="
      if variable and #block > 0 then classes[variable] = read_block(block).class end
      if variable and not own and line:find "= {" then own = variable end
      local holder, mark, name, parameters = line:match "^function ([%w_]+)([.:])([%w_]+)(%b())"
      if holder == "c" and not is_public(module, name, entries) then holder = nil end
      if holder and #block > 0 and not name:find "^__" then
        local entry = read_block(block)
        entry.owner = classes[holder] or (holder == own or holder == "c") and module or holder
        entry.name, entry.mark, entry.parameters = name, mark, parameters
        if entry.owner == "neap." .. module and mark == "." then entry.owner = module end
        entries[#entries + 1] = entry
      end
      block = {}
    end
  end
  return first
end

local cache = {}

-- {doc = block, entries = list} of a public module, or nil.
local function module_help(name)
  if cache[name] ~= nil then return cache[name] or nil end
  local here, found = folder(), { entries = {} }
  local path = name == "neap" and here .. "init.lua" or here .. name .. ".lua"
  found.doc = read_file(path, name, found.entries)
  if name ~= "neap" then
    read_file(here .. "meta/" .. name .. ".lua", name, found.entries)
    local ok, file = pcall(require, "neap.file")
    local listed, names = pcall(function() return ok and file.list(here .. name) end)
    for _, part in ipairs(listed and names or {}) do
      if part:find "%.lua$" then read_file(here .. name .. "/" .. part, name, found.entries) end
    end
  end
  cache[name] = (found.doc or #found.entries > 0) and found or false
  return cache[name] or nil
end

local function modules()
  local names = { "neap" }
  for _, name in ipairs(neap.modules()) do names[#names + 1] = name end
  return names
end

-- writing ----------------------------------------------------------------------------------------

local function wrap(text, pad, width)
  local lines, line = {}, pad
  for word in text:gmatch "%S+" do
    if #line > #pad and #line + 1 + #word > width then
      lines[#lines + 1], line = line, pad .. word
    else
      line = #line > #pad and line .. " " .. word or line .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

-- Paragraphs are separated by empty lines in the comment.
local function paragraphs(lines, pad)
  local out, part = {}, {}
  for i = 1, #lines + 1 do
    if lines[i] and lines[i] ~= "" then
      part[#part + 1] = lines[i]
    elseif #part > 0 then
      out[#out + 1] = wrap(table.concat(part, " "), pad, 80)
      part = {}
    end
  end
  return table.concat(out, "\n\n")
end

local function title(entry)
  local mark = entry.mark
  local owner = mark == ":" and entry.owner:gsub("^neap%.", "") or entry.owner
  return owner .. mark .. entry.name
end

local function first_sentence(block)
  local text = table.concat(block.text, " ")
  local sentence = text:match "^(.-)%.%s" or text:gsub("%.$", "")
  return sentence
end

local function entry_text(entry)
  local out = { title(entry) .. entry.parameters, "", paragraphs(entry.text, "  ") }
  if #entry.params + #entry.returns > 0 then out[#out + 1] = "" end
  local widest = 7
  for _, param in ipairs(entry.params) do widest = math.max(widest, #param[1]) end
  local format = "  %-" .. widest .. "s  %s"
  for _, param in ipairs(entry.params) do out[#out + 1] = format:format(param[1], param[2]) end
  for _, value in ipairs(entry.returns) do out[#out + 1] = format:format("returns", value) end
  if #entry.examples > 0 then
    out[#out + 1] = "\n  example"
    for _, example in ipairs(entry.examples) do out[#out + 1] = "    " .. example end
  end
  return table.concat(out, "\n") .. "\n"
end

local function list_text(list)
  local out, widest = {}, 0
  for _, row in ipairs(list) do widest = math.max(widest, #row[1]) end
  widest = math.min(widest, 30)
  for _, row in ipairs(list) do
    local room = math.max(20, 96 - widest)
    local text = #row[2] > room and row[2]:sub(1, room - 4):gsub("%s*%S*$", "") .. " ..." or row[2]
    out[#out + 1] = ("  %-" .. widest .. "s  %s"):format(row[1], text)
  end
  return table.concat(out, "\n")
end

local function module_text(name, found)
  local out = { name, "" }
  if found.doc then
    out[#out + 1] = paragraphs(found.doc.text, "  ")
    out[#out + 1] = ""
    for _, example in ipairs(found.doc.examples) do out[#out + 1] = "    " .. example end
    if #found.doc.examples > 0 then out[#out + 1] = "" end
  end
  local rows = {}
  for _, entry in ipairs(found.entries) do
    rows[#rows + 1] = { title(entry), first_sentence(entry) }
  end
  if #rows > 0 then out[#out + 1] = list_text(rows) end
  return table.concat(out, "\n") .. "\n"
end

local function overview()
  local rows = {}
  for _, name in ipairs(modules()) do
    local found = module_help(name)
    if found then rows[#rows + 1] = { name, found.doc and first_sentence(found.doc) or "" } end
  end
  return "Modules (`neap help MODULE`, `neap help MODULE.FUNCTION`):\n\n" .. list_text(rows) .. "\n"
end

-- finding ----------------------------------------------------------------------------------------

-- Entries whose owner and name fit; without an owner, of any module.
local function find(owner, name)
  local found = {}
  for _, module in ipairs(modules()) do
    local known = module_help(module)
    for _, entry in ipairs(known and known.entries or {}) do
      local short = entry.owner:gsub("^neap%.", "")
      if entry.name == name and (not owner or owner == short or owner == entry.owner) then
        found[#found + 1] = entry
      end
    end
  end
  return found
end

local function class_text(class)
  local rows = {}
  for _, module in ipairs(modules()) do
    local known = module_help(module)
    for _, entry in ipairs(known and known.entries or {}) do
      if entry.owner == class and entry.mark == ":" then
        rows[#rows + 1] = { title(entry) .. entry.parameters, first_sentence(entry) }
      end
    end
  end
  if #rows == 0 then return nil end
  return "methods of " .. class .. "\n\n" .. list_text(rows) .. "\n"
end

--- The text on a topic: a module ("tensor"), a function or method ("tensor.zeros", "tensor:get",
--- "zeros"), or "" for the list of modules. nil and the nearest name when there is none.
---@param topic string
---@return string? text
---@return string? nearest
function help.topic(topic)
  if topic == "" then return overview() end
  topic = topic:gsub("^neap%.(.)", "%1"):gsub("%(%s*%)$", "")
  local module = module_help(topic)
  if module then
    local methods = class_text("neap." .. topic)
    return module_text(topic, module) .. (methods and "\n" .. methods or "")
  end
  local owner, name = topic:match "^(.*)[.:]([%w_]+)$"
  local found = find(owner or topic:find "^neap%." and "neap" or nil, name or topic)
  if #found == 0 then return nil, help.nearest(topic) end
  local out = {}
  for i, entry in ipairs(found) do out[i] = entry_text(entry) end
  return table.concat(out, "\n")
end

--- The known topic closest to a misspelt one.
---@param topic string
---@return string?
function help.nearest(topic)
  local full, bare = {}, modules()
  for _, module in ipairs(modules()) do
    local known = module_help(module)
    for _, entry in ipairs(known and known.entries or {}) do
      full[#full + 1] = title(entry)
      bare[#bare + 1] = #entry.name > 2 and entry.name or nil
    end
  end
  return opts.nearest(topic, topic:find "[.:]" and full or bare)
end

local function name_of_function(fn)
  for _, module in ipairs(modules()) do
    local t = package.loaded[module == "neap" and "neap" or "neap." .. module]
    if type(t) == "table" then
      for key, value in next, t do
        if rawequal(value, fn) and type(key) == "string" then return module .. "." .. key end
      end
    end
  end
end

local function module_of(value)
  for _, module in ipairs(modules()) do
    local name = module == "neap" and "neap" or "neap." .. module
    if rawequal(package.loaded[name], value) then return module end
  end
end

--- The text on a value: its documentation when neap has some, else its type and contents.
---@param value any
---@return string
function help.value(value)
  local topic = type(value) == "function" and name_of_function(value) or module_of(value)
  local text = topic and help.topic(topic)
  if text then return text end
  local meta = debug.getmetatable(value)
  local class = type(meta) == "table" and rawget(meta, "__name")
  local head = (type(class) == "string" and class or type(value)) .. "\n\n  "
  local shown = inspect.text(value, { items = 20 }):gsub("\n", "\n  ")
  local methods = type(class) == "string" and class_text(class)
  if type(value) == "function" then
    local info = debug.getinfo(value, "S")
    shown = shown .. (info.what == "C" and "\n  written in C" or
      ("\n  defined at %s:%d"):format(info.short_src, info.linedefined))
  end
  return head .. shown .. "\n" .. (methods and "\n" .. methods or "")
end

--- The command `neap help [topic]`; gives its exit code.
---@param topic? string
---@return integer
function help.command(topic)
  local text, nearest = help.topic(topic or "")
  if text then
    io.stdout:write(text)
    return 0
  end
  io.stderr:write(("neap: no help on '%s'%s\n"):format(topic,
    nearest and (", did you mean '%s'?"):format(nearest) or "; try `neap help`"))
  return 1
end

return help
