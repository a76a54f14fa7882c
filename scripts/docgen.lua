-- The pages of docs/api from the comments of lualib/neap.
--   neap scripts/docgen.lua           write them
--   neap scripts/docgen.lua --check   name the pages that differ from the comments
local neap = require "neap"
local doc = require "neap.doc"
local file = require "neap.file"

local folder = "docs/api/"
local note = "<!-- Made by scripts/docgen.lua from the comments in lualib/neap; edit those. -->"

local function add(out, ...)
  for _, line in ipairs { ... } do out[#out + 1] = line end
  out[#out + 1] = ""
end

local function add_blocks(out, blocks)
  for _, block in ipairs(blocks) do
    if block.text then
      add(out, table.concat(block.text, "\n"))
    else
      add(out, "```lua", table.concat(block.code, "\n"), "```")
    end
  end
end

local function typed(item) return item.type ~= "" and "`" .. item.type .. "`" or "" end

local function with_text(head, text) return text ~= "" and head .. ": " .. text or head end

local function add_parameters(out, entry)
  local lines = {}
  for _, p in ipairs(entry.params) do
    local head = ("- `%s` %s%s"):format(p.name, typed(p), p.optional and ", optional" or "")
    lines[#lines + 1] = with_text(head, p.text)
  end
  if #lines > 0 then add(out, table.unpack(lines)) end
  lines = {}
  for _, r in ipairs(entry.returns) do
    local text = r.text ~= "" and (" (%s)"):format(r.text) or ""
    lines[#lines + 1] = typed(r) .. text
  end
  if #lines > 0 then add(out, "Returns " .. table.concat(lines, ", then ") .. ".") end
end

-- `tensor.of(values, o?)`: parameters that may be left out carry a question mark.
local function signature(owner, entry)
  if not entry.args and #entry.params == 0 then return owner .. "." .. entry.name end
  local optional = {}
  for _, p in ipairs(entry.params) do optional[p.name] = p.optional end
  local args = entry.args or "..."
  args = args:gsub("[%w_]+", function(name) return optional[name] and name .. "?" end)
  return ("%s%s%s(%s)"):format(owner, entry.method and ":" or ".", entry.name, args)
end

local function add_entry(out, owner, entry)
  add(out, "### " .. signature(owner, entry))
  add_blocks(out, entry.blocks)
  if entry.type then add(out, ("A `%s`."):format(entry.type)) end
  add_parameters(out, entry)
end

local function add_class(out, class)
  add(out, "## " .. class.name)
  add_blocks(out, class.entry.blocks)
  local lines = {}
  for _, f in ipairs(class.entry.fields) do
    lines[#lines + 1] = with_text(("- `%s` %s"):format(f.name, typed(f)), f.text)
  end
  if #lines > 0 then add(out, table.unpack(lines)) end
  local owner = class.name:match "[%w_]+$"
  for _, entry in ipairs(class.methods) do
    if entry.documented then add_entry(out, owner, entry) end
  end
end

local function page(module)
  local out = {}
  add(out, "# " .. module.name)
  add(out, note)
  if module.about then add_blocks(out, module.about.blocks) end
  if #module.functions > 0 then add(out, "## Functions") end
  local owner = module.name:match "[%w_]+$"
  for _, entry in ipairs(module.functions) do add_entry(out, owner, entry) end
  for _, class in ipairs(module.classes) do add_class(out, class) end
  out[#out] = nil
  return table.concat(out, "\n") .. "\n"
end

-- The first sentence of a module's comment.
local function summary(module)
  local block = module.about and module.about.blocks[1]
  local text = block and block.text and table.concat(block.text, " ") or ""
  return text:match "^(.-%.) " or text
end

local function index(modules)
  local out = {}
  add(out, "# Modules")
  add(out, note)
  local rows = { "| module | what |", "|---|---|" }
  for _, module in ipairs(modules) do
    rows[#rows + 1] = ("| [%s](%s.md) | %s |"):format(module.name, module.name:match "[%w_]+$",
      (summary(module):gsub("|", "\\|")))
  end
  add(out, table.unpack(rows))
  out[#out] = nil
  return table.concat(out, "\n") .. "\n"
end

local function make_pages()
  local modules, pages = { doc.module "neap" }, {}
  for _, name in ipairs(neap.modules()) do modules[#modules + 1] = doc.module("neap." .. name) end
  for _, module in ipairs(modules) do
    pages[#pages + 1] = { name = module.name:match "[%w_]+$" .. ".md", text = page(module) }
  end
  pages[#pages + 1] = { name = "README.md", text = index(modules) }
  return pages
end

-- Names of the pages whose stored text differs, and of stored pages that nothing makes.
local function stale(pages)
  local found, made = {}, {}
  for _, p in ipairs(pages) do
    made[p.name] = true
    local path = folder .. p.name
    if not file.exists(path) then found[#found + 1] = path .. ": missing"
    elseif file.read(path) ~= p.text then found[#found + 1] = path .. ": differs" end
  end
  for _, name in ipairs(file.exists(folder) and file.list(folder) or {}) do
    if not made[name] then found[#found + 1] = folder .. name .. ": no module makes it" end
  end
  return found
end

local pages = make_pages()
if arg[1] == "--check" then
  local faults = stale(pages)
  for _, text in ipairs(faults) do print(text) end
  print(("docgen: %d pages, %d stale"):format(#pages, #faults))
  if #faults > 0 then print "write them with: neap scripts/docgen.lua" end
  os.exit(#faults == 0)
end
file.mkdir(folder)
for _, name in ipairs(file.list(folder)) do
  if name:find "%.md$" then file.remove(folder .. name) end
end
for _, p in ipairs(pages) do file.write(folder .. p.name, p.text) end
print(("docgen: %d pages in %s"):format(#pages, folder))
