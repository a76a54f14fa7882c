--- What the comments above the functions say, for `neap help` and the prompt's `:help`.
---
--- The Lua files and stubs of neap are read when help is asked for, so that help, editor and pages
--- have one source.
local doc = require "neap.doc"
local inspect = require "neap.inspect"
local neap = require "neap"
local opts = require "neap.opts"

local help = {}

-- reading ----------------------------------------------------------------------------------------

local function modules()
  local names = { "neap" }
  for _, name in ipairs(neap.modules()) do names[#names + 1] = name end
  return names
end

-- Lines of text, and lines of examples, of a comment.
local function text_and_examples(comment)
  local text, examples = {}, {}
  for _, block in ipairs(comment.blocks) do
    if block.text and #text > 0 then text[#text + 1] = "" end
    table.move(block.text or {}, 1, #(block.text or {}), #text + 1, text)
    table.move(block.code or {}, 1, #(block.code or {}), #examples + 1, examples)
  end
  return { text = text, examples = examples }
end

local function joined(...)
  local words = {}
  for _, word in ipairs { ... } do
    if word ~= "" then words[#words + 1] = word end
  end
  return table.concat(words, "  ")
end

local function described(owner, comment)
  local entry = text_and_examples(comment)
  entry.owner, entry.name, entry.mark = owner, comment.name, comment.method and ":" or "."
  entry.parameters = comment.args and ("(%s)"):format(comment.args) or ""
  entry.params, entry.returns = {}, {}
  for i, p in ipairs(comment.params) do
    entry.params[i] = { p.name .. (p.optional and "?" or ""), joined(p.type, p.text) }
  end
  for i, r in ipairs(comment.returns) do entry.returns[i] = joined(r.type, r.text) end
  return entry
end

local function read_module(name)
  local page = doc.module(name == "neap" and name or "neap." .. name)
  local entries = {}
  for _, comment in ipairs(page.functions) do entries[#entries + 1] = described(name, comment) end
  for _, class in ipairs(page.classes) do
    for _, comment in ipairs(class.methods) do
      if comment.documented then entries[#entries + 1] = described(class.name, comment) end
    end
  end
  return { doc = page.about and text_and_examples(page.about), entries = entries }
end

local cache = {}

-- {doc = opening comment, entries = list} of a public module, or nil.
local function module_help(name)
  if next(cache) == nil then
    for _, each in ipairs(modules()) do cache[each] = false end
  end
  if cache[name] == false then cache[name] = read_module(name) end
  return cache[name]
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

-- The cells of a row of a Markdown table; nil for other lines, none for the line under the head.
local function row_of_table(line)
  if not line:find "^|" then return nil end
  local cells = {}
  for text in line:gsub("\\|", "\0"):gmatch "|([^|]*)" do
    cells[#cells + 1] = text:gsub("%z", "|"):match "^%s*(.-)%s*$"
  end
  if not line:find "[^|%s:-]" then return {} end
  return cells
end

-- A table, with its last column wrapped beside the others.
local function table_text(rows, pad)
  local widths, out = {}, {}
  for _, cells in ipairs(rows) do
    for k, text in ipairs(cells) do widths[k] = math.max(widths[k] or 0, #text) end
  end
  for _, cells in ipairs(rows) do
    local lead = pad
    for k = 1, #cells - 2 do lead = lead .. ("%-" .. widths[k] + 2 .. "s"):format(cells[k]) end
    local space = (" "):rep(#lead)
    local last = cells[#cells - 1] and wrap(cells[#cells - 1], space, 80):sub(#space + 1) or ""
    if #cells > 1 then out[#out + 1] = (lead .. last):gsub("%s+$", "") end
  end
  return table.concat(out, "\n")
end

-- Paragraphs are separated by empty lines in the comment; rows of a table and items of a list
-- begin lines of their own.
local function paragraphs(lines, pad)
  local out, part, rows, gap = {}, {}, {}, ""
  local function flush()
    if #part > 0 then
      local hang = part[1]:find "^%- " and "  " or ""
      local text = wrap(table.concat(part, " "), pad .. hang, 80)
      out[#out + 1] = gap .. text:sub(#hang + 1)
    elseif #rows > 0 then
      out[#out + 1] = gap .. table_text(rows, pad)
    end
    if #part + #rows > 0 then gap = "\n" end
    part, rows = {}, {}
  end
  for _, line in ipairs(lines) do
    local cells = row_of_table(line)
    if line == "" or line:find "^%- " or (cells and #part > 0) or (not cells and #rows > 0) then
      flush()
    end
    if line == "" then gap = #out > 0 and "\n\n" or ""
    elseif cells then rows[#rows + 1] = cells
    else part[#part + 1] = line end
  end
  flush()
  return table.concat(out)
end

local function title(entry)
  local mark = entry.mark
  local owner = mark == ":" and entry.owner:gsub("^neap%.", "") or entry.owner
  return owner .. mark .. entry.name
end

local function first_sentence(block)
  local text = table.concat(block.text, " ")
  local sentence = text:match "^(.-[^.%s])%.%s" or text:gsub("%.$", "")
  return sentence
end

local function entry_text(entry)
  local out = { title(entry) .. entry.parameters, "", paragraphs(entry.text, "  ") }
  if #entry.params + #entry.returns > 0 then out[#out + 1] = "" end
  local widest = 7
  for _, param in ipairs(entry.params) do widest = math.max(widest, #param[1]) end
  local format = "  %-" .. widest .. "s  %s"
  local pad = (" "):rep(widest + 4)
  local function add(name, text)
    local line = format:format(name, text)
    if #line > 80 then line = format:format(name, wrap(text, pad, 80):sub(#pad + 1)) end
    out[#out + 1] = line
  end
  for _, param in ipairs(entry.params) do add(param[1], param[2]) end
  for _, value in ipairs(entry.returns) do add("returns", value) end
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

-- Methods in place, as `add_`, are not listed beside those that they follow.
local function class_text(class)
  local rows, known_names, in_place = {}, {}, {}
  for _, module in ipairs(modules()) do
    local known = module_help(module)
    for _, entry in ipairs(known and known.entries or {}) do
      if entry.owner == class and entry.mark == ":" then
        known_names[entry.name] = true
        local row = { title(entry) .. entry.parameters, first_sentence(entry) }
        if known_names[entry.name:match "^(.*)_$"] then in_place[#in_place + 1] = entry.name
        else rows[#rows + 1] = row end
      end
    end
  end
  if #rows == 0 then return nil end
  local out = "methods of " .. class .. "\n\n" .. list_text(rows) .. "\n"
  if #in_place == 0 then return out end
  return out .. "\nin place\n\n" .. wrap(table.concat(in_place, " "), "  ", 80) .. "\n"
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
  local methods = class_text("neap." .. topic)
  if methods then return topic .. "\n\n" .. methods end
  local owner, name = topic:match "^(.*)[.:]([%w_]+)$"
  local found = find(owner or topic:find "^neap%." and "neap" or nil, name or topic)
  if #found == 0 then return nil, help.nearest(topic) end
  local out = {}
  for i, entry in ipairs(found) do out[i] = entry_text(entry) end
  return table.concat(out, "\n")
end

local function literals(text)
  local list = {}
  for value in text:gmatch '"([^"]*)"' do list[#list + 1] = value end
  return list
end

--- The strings that an argument or option of a function may be, where its comment lists them as a
--- type (`"open"|"close"`).
---     #help.choices("market", "validate", "policy", 2) --> 3
---@param owner string module or class
---@param name string
---@param option? string else the argument
---@param number integer its place, from 1; of a method, without the object
---@return string[]
function help.choices(owner, name, option, number)
  local entry = find(owner, name)[1]
  if not entry then return {} end
  if not option then
    local param = entry.params[number]
    if not param then return {} end
    if param[1]:find "^dtype%??$" then return { "f64", "f32", "i64", "i32", "u8", "bool" } end
    return param[2]:find "^{" and {} or literals(param[2])
  end
  for _, param in ipairs(entry.params) do
    local named = param[2]:match("%f[%w_]" .. option .. "%??:%s*([^,}]*)")
    if named then return literals(named) end
  end
  return {}
end

--- How a function is called, and what it does in a sentence; nil when it is not documented.
---     help.signature("tensor", "linspace") --> tensor.linspace(first, last, n, o)
---@param owner string module or class
---@param name string
---@return string? signature
---@return string? about
function help.signature(owner, name)
  local entry = find(owner, name)[1]
  if not entry then return nil end
  return title(entry) .. entry.parameters, first_sentence(entry)
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
