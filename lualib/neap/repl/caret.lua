--- The place in a source line that an error is about.
local chunk = require "neap.repl.chunk"

local caret = {}

-- Tokens of line `number`: text, position in the whole, position in the line.
local function line_tokens(text, number)
  local list, start, line = {}, 1, 1
  for kind, word, at in chunk.tokens(text) do
    while line < number do
      local stop = text:find("\n", start, true)
      if not stop or stop > at then break end
      start, line = stop + 1, line + 1
    end
    if line == number and not text:find("\n", start, true) or line == number
      and at < text:find("\n", start, true) then
      list[#list + 1] = { kind = kind, text = word, at = at, column = at - start + 1 }
    end
  end
  return list
end

-- The parser stopped at one of the tokens that look so: the first whose text completes an error.
local function of_syntax(text, list, near)
  local last
  for _, token in ipairs(list) do
    if text:sub(token.at, token.at + #near - 1) == near then
      last = token.column
      local _, message = load(text:sub(1, token.at + #near - 1), "=caret", "t")
      if message and not message:find "<eof>$" then return last end
    end
  end
  return last
end

local operators = { add = "+", sub = "-", mul = "*", div = "/", mod = "%", pow = "^", idiv = "/",
  concat = ".", lt = "<", le = "<", band = "&", bor = "|", bxor = "~", unm = "-", bnot = "~" }

local function follows(list, i, marks)
  local after = list[i + 1]
  return after ~= nil and (after.kind == "string" and marks:find('"', 1, true) ~= nil
    or #after.text == 1 and marks:find(after.text, 1, true) ~= nil)
end

-- Where `name` stands, at best followed by one of the marks.
local function of_name(list, name, marks)
  local first
  for i, token in ipairs(list) do
    local quoted = token.kind == "string" and token.text:sub(2, -2) == name
    if token.kind == "name" and token.text == name or quoted then
      if follows(list, i, marks) then return token.column end
      first = first or token.column
    end
  end
  return first
end

local function of_operator(list, event)
  local found
  for _, token in ipairs(list) do
    if token.kind == "symbol" and token.text == operators[event] then
      if found then return nil end -- which of them cannot be told
      found = token.column
    end
  end
  return found
end

--- The column, from 1, in line `number` of `text` that the error is about; nil when that is not
--- known. `called` is the function that the line called when the error came from inside it.
---     require("neap.repl.caret").column("x = 2\ny = = 3", 2, "unexpected symbol near '='") --> 5
---@param text string the whole chunk
---@param number integer
---@param message string
---@param called? string
---@return integer?
function caret.column(text, number, message, called)
  local list = line_tokens(text, number)
  local near = message:match " near '(.*)'$"
  if near then return of_syntax(text, list, near) end
  if message:find "near <eof>$" then
    local last = list[#list]
    return last and last.column + #last.text
  end
  local name = message:match "%(%a+ '([^']*)'%)" or message:match "^variable '([^']*)'"
  local column = name and of_name(list, name, message:find "to call" and "({\"" or ".[:")
  if column or not called then return column end
  return of_name(list, called, "({\"") or of_operator(list, called)
end

return caret
