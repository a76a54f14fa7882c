--- What was typed in a session, as a script that runs by itself.
local chunk = require "neap.repl.chunk"

local script = {}

local function is_expression(text)
  return load("return " .. text, "=item", "t") ~= nil
end

-- Without a semicolon at its end.
local function bare(text)
  local last, at
  for _, word, from in chunk.tokens(text) do last, at = word, from end
  if last == ";" then return text:sub(1, at - 1), true end
  return text, false
end

local function mentions_results(items)
  for _, item in ipairs(items) do
    for kind, word in chunk.tokens(item.text) do
      if kind == "name" and word:find "^_%d*$" then return true end
    end
  end
  return false
end

-- An expression prints its values and, where results are used later, is kept under its name.
local function statement(item, keep)
  local text = item.text:gsub("^%s*return%f[^%w_]", "")
  if not is_expression(text) then return item.text end
  local value, silent = bare(text)
  if keep then
    return ("_%d = %s\n_ = _%d%s"):format(item.number, value, item.number,
      silent and "" or "\nprint(_)")
  end
  return silent and "local _ = " .. value or "print(" .. value .. "\n)"
end

--- The script: modules that were used by name are required first. Items that failed are left out.
---@param items { number: integer, text: string }[]
---@param modules string[]
---@return string
function script.text(items, modules)
  local lines, keep = {}, mentions_results(items)
  for _, name in ipairs(modules) do
    local path = name == "neap" and name or "neap." .. name
    lines[#lines + 1] = ("local %s = require %q"):format(name, path)
  end
  for _, item in ipairs(items) do lines[#lines + 1] = statement(item, keep) end
  return table.concat(lines, "\n") .. "\n"
end

return script
