-- Runs the examples of the documentation.   neap scripts/doctest.lua FILE...
-- In .md files every ```lua block; in .lua files every example of a documentation comment. Each
-- block runs in a fresh environment that holds the public modules. What stands before `-->` is
-- checked: the values of the expression, shown as the prompt shows them on one line, must equal
-- the text after it, which may leave out later values and, with `...`, what follows; of a print
-- call the output is compared. An expression may begin on an earlier line.
local neap = require "neap"
local doc = require "neap.doc"
local file = require "neap.file"
local inspect = require "neap.inspect"

local failures, checks, blocks = 0, 0, 0

-- The first n values as text.
local function shown(values, n)
  local texts = {}
  for i = 1, n do
    local v = values[i]
    texts[i] = type(v) == "string" and v or inspect.line(v)
  end
  return table.concat(texts, ", ")
end

local function matches(got, want)
  got, want = got:gsub("%s+", " "), want:gsub("%s+", " ")
  local prefix = want:match "^(.-)%s*%.%.%.$"
  if prefix then return got:sub(1, #prefix) == prefix end
  return got == want
end

local function any_matches(values, want)
  for n = values.n, 1, -1 do
    if matches(shown(values, n), want) then return true end
  end
  return false
end

local function fail(path, line, format, ...)
  failures = failures + 1
  print(("%s:%d: %s"):format(path, line, format:format(...)))
end

local function environment(path)
  local printed = ""
  local env = { neap = neap, require = require }
  local own = path:match "lualib/neap/([%w_]+)%.lua$"
  if own and own ~= "init" then env[own] = require("neap." .. own) end
  function env.print(...)
    local texts = table.pack(...)
    for i = 1, texts.n do texts[i] = tostring(texts[i]) end
    printed = table.concat(texts, "\t")
  end
  function env.__check(line, code, want, ...)
    checks = checks + 1
    local values = code:find "^print" and table.pack(printed) or table.pack(...)
    if not any_matches(values, want) then
      local got = shown(values, values.n)
      fail(path, line, "%s\n    gives     %s\n    the page  %s", code, got, want)
    end
  end
  return setmetatable(env, { __index = function(_, name)
    local value = _G[name]
    if value == nil then value = neap[name] end
    if value == nil then error(("unknown name '%s'"):format(name), 2) end
    return value
  end })
end

-- Line i of a block, `expression --> text`, becomes a call of __check; lines keep their numbers.
local function check_line(lines, out, i, path, number)
  local last, want = lines[i]:match "^%s*(.-)%s*%-%->%s*(.-)%s*$"
  if not last or last == "" or last:find "^%-%-" then return end
  for from = i, 1, -1 do
    local code = table.concat(lines, "\n", from, i - 1) .. (from < i and "\n" or "") .. last
    if load("return " .. code) then
      local line = code:match "^[^\n]*"
      out[from] = ("__check(%d, %q, %q, "):format(number, line, want) .. (from < i and line or code)
      out[i] = (from < i and last or out[i]) .. ")"
      return
    end
  end
  fail(path, number, "%s\n    is no expression, so nothing checks what stands after -->", last)
end

local function run(path, first, lines)
  blocks = blocks + 1
  local out = table.move(lines, 1, #lines, 1, {})
  for i = 1, #lines do check_line(lines, out, i, path, first + i - 1) end
  local text = ("\n"):rep(first - 1) .. table.concat(out, "\n")
  local chunk, message = load(text, "=(example)", "t", environment(path))
  if not chunk then fail(path, first, "does not compile\n    %s", message) return end
  local ok, err = xpcall(chunk, function(e)
    return { text = tostring(e), line = tonumber(debug.traceback():match "%(example%):(%d+):") }
  end)
  if not ok then
    local code = lines[err.line - first + 1]:match "^%s*(.-)%s*$"
    fail(path, err.line, "%s\n    raises    %s", code, err.text)
  end
end

local function markdown_blocks(path)
  local number, lines, first = 0, nil, nil
  for line in (file.read(path) .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    if lines and line:find "^```" then
      run(path, first, lines)
      lines = nil
    elseif lines then lines[#lines + 1] = line
    elseif line == "```lua" then lines, first = {}, number + 1 end
  end
  if lines then fail(path, first - 1, "the block has no end") end
end

local function comment_blocks(path)
  for _, entry in ipairs(doc.read(path).entries) do
    for _, block in ipairs(entry.blocks) do
      if block.code then run(path, block.line, block.code) end
    end
  end
end

for _, path in ipairs(arg) do
  if path:find "%.md$" then markdown_blocks(path) else comment_blocks(path) end
end
print(("doctest: %d blocks, %d checks, %d failures"):format(blocks, checks, failures))
os.exit(failures == 0)
