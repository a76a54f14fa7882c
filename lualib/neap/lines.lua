--- Small models as text: a title line, then lines of a name and its values.
local file = require "neap.file"
local opts = require "neap.opts"

local lines = {}

--- Numbers as text that reads back bit for bit.
---@param values number[]
---@return string
function lines.join(values)
  local text = {}
  for i, v in ipairs(values) do text[i] = ("%.17g"):format(v) end
  return table.concat(text, " ")
end

--- The numbers of a line; a word that is none raises with `where` and the file.
---@return number[]
function lines.numbers(where, path, text)
  local values = {}
  for word in text:gmatch "%S+" do
    local v = tonumber(word)
    if not v then opts.raise("%s: %s: '%s' is not a number", where, path, word) end
    values[#values + 1] = v
  end
  return values
end

--- Write a title and lines, whole or not at all.
---@param path string
---@param title string
---@param text string[]
function lines.write(path, title, text)
  file.write(path, title .. "\n" .. table.concat(text, "\n") .. "\n")
end

--- Read what `write` wrote: `each(name, rest)` is called line by line and returns whether it knows
--- the name. Another title, or an unknown line, raises; `kind` says what was expected.
---@param where string
---@param path string
---@param title string
---@param kind string
---@param each fun(name: string, rest: string): boolean
function lines.read(where, path, title, kind, each)
  local text = file.read(path)
  if text:sub(1, #title + 1) ~= title .. "\n" then
    opts.raise("%s: %s is not %s of neap", where, path, kind)
  end
  for line in text:sub(#title + 2):gmatch "[^\n]+" do
    local name, rest = line:match "^(%l+) ?(.*)$"
    if not name or not each(name, rest) then
      opts.raise("%s: %s: unknown line '%s'", where, path, line:sub(1, 40))
    end
  end
end

return lines
