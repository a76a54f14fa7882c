-- Runs the examples of the documentation.   neap scripts/doctest.lua FILE...
-- In .md files every ```lua block; in .lua files every run of comment lines that start with three
-- dashes and five spaces. Each block runs in a fresh environment that holds the public modules. A
-- line `expression --> text` is checked: the values, shown as the prompt shows them on one line,
-- must equal the text; `...` at its end stands for anything; of a print call the output is
-- compared.
local neap = require "neap"
local inspect = require "neap.inspect"

local failures, checks, blocks = 0, 0, 0

local function shown(values)
  local texts = {}
  for i = 1, values.n do
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

local function fail(file, line, format, ...)
  failures = failures + 1
  print(("%s:%d: %s"):format(file, line, format:format(...)))
end

local function environment(file)
  local printed = {}
  local env = { neap = neap, require = require }
  function env.print(...)
    local texts = table.pack(...)
    for i = 1, texts.n do texts[i] = tostring(texts[i]) end
    printed[#printed + 1] = table.concat(texts, "\t")
  end
  function env.__check(line, want, ...)
    checks = checks + 1
    local got = select("#", ...) > 0 and shown(table.pack(...)) or table.concat(printed, "\n")
    printed = {}
    if not matches(got, want) then fail(file, line, "got %s, the page says %s", got, want) end
  end
  return setmetatable(env, { __index = function(_, name)
    local value = _G[name]
    if value == nil then value = neap[name] end
    return value
  end })
end

-- `expression --> text` becomes a call of __check on the same line, so that numbers stay true.
local function checked(code, line)
  local expression, want = code:match "^%s*(.-)%s*%-%->%s*(.-)%s*$"
  if not expression or expression == "" then return code end
  if not load("return " .. expression) then return code end
  if expression:match "^print%s*%b()$" then
    return ("%s __check(%d, %q)"):format(expression, line, want)
  end
  return ("__check(%d, %q, %s)"):format(line, want, expression)
end

local function run(file, first, lines)
  blocks = blocks + 1
  local out = {}
  for i, code in ipairs(lines) do out[i] = checked(code, first + i - 1) end
  local text = ("\n"):rep(first - 1) .. table.concat(out, "\n")
  local chunk, message = load(text, "@" .. file, "t", environment(file))
  if not chunk then fail(file, first, "%s", message) return end
  local ok, err = xpcall(chunk, debug.traceback)
  if not ok then fail(file, first, "%s", err) end
end

local function examples_of(path)
  local markdown = path:match "%.md$"
  local lines, first, inside = {}, nil, false
  local function close()
    if #lines > 0 then run(path, first, lines) end
    lines, first, inside = {}, nil, false
  end
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    local code
    if markdown then
      if inside and line:match "^```" then close()
      elseif line == "```lua" then inside, first = true, number + 1
      elseif inside then code = line end
    else
      code = line:match "^%s*%-%-%-     (.*)$"
      if code then first = first or number else close() end
    end
    if code then lines[#lines + 1] = code end
  end
  close()
end

for _, path in ipairs(arg) do examples_of(path) end
print(("doctest: %d blocks, %d checks, %d failures"):format(blocks, checks, failures))
os.exit(failures == 0)
