--- Row-wise expressions as text, `close > sma_20 and volume > 0`, parsed into a tree. Each node
--- holds `kind`, the first and last character it stands on (`first`, `last`), and what its kind
--- needs; mistakes raise with a caret below the text.
---
--- Loosest first: `or |`, `and &`, `not ~ !`, comparisons (chains as in `0 < x <= 5`) and `in`,
--- `+ -`, `* / // %`, sign, `^` (from the right).
local opts = require "neap.opts"

local expression = {}

--- Raise `message` about the characters first to last of `text`.
---@param where string the function that was called
---@param text string
---@param first integer
---@param last integer
---@param message string
function expression.raise(where, text, first, last, message)
  local line_start = 1
  for at in text:gmatch "()\n" do
    if at < first then line_start = at + 1 end
  end
  local line = text:match("[^\n]*", line_start)
  local lead = line:sub(1, first - line_start):gsub("[^\t]", " ")
  local marks = math.max(1, math.min(last, line_start + #line - 1) - first + 1)
  opts.raise("%s: %s\n  %s\n  %s%s", where, message, line, lead, ("^"):rep(marks))
end

-- Tokens ------------------------------------------------------------------------------------------

local words = { ["and"] = "and", ["or"] = "or", ["not"] = "not", ["in"] = "in", ["true"] = true,
  ["false"] = true, nan = true, inf = true }
local same = { ["&"] = "and", ["|"] = "or", ["!"] = "not", ["~"] = "not", ["~="] = "!=",
  ["&&"] = "and", ["||"] = "or" }
local two = { ["<="] = true, [">="] = true, ["=="] = true, ["!="] = true, ["~="] = true,
  ["//"] = true, ["&&"] = true, ["||"] = true, ["**"] = true }
local taught = {
  ["="] = "'=' assigns nothing here, equality is '=='", ["**"] = "powers are written '^'",
  ["."] = "'.' is not understood here: functions are f(x), names with points stand in backquotes",
}

local function quoted(reader, at, quote)
  local stop = reader.text:find(quote, at + 1, true)
  if not stop then reader:fail(at, at, "this quote is not closed") end
  return stop, reader.text:sub(at + 1, stop - 1)
end

local function number_at(reader, at)
  local text = reader.text
  local stop = select(2, text:find("^%d*%.?%d*[eE][+-]?%d+", at))
    or select(2, text:find("^%d*%.?%d*", at))
  local value = tonumber(text:sub(at, stop))
  if not value or text:find("^[%w_.]", stop + 1) then
    local whole = text:match("^[%w_.]+", at)
    reader:fail(at, at + #whole - 1, ("'%s' is not a number"):format(whole))
  end
  return stop, value
end

-- The token at `at`: kind, value, last character.
local function token_at(reader, at)
  local text, char = reader.text, reader.text:sub(at, at)
  if char == "" then return "end", nil, at end
  if char:find "%d" or text:find("^%.%d", at) then
    local stop, value = number_at(reader, at)
    return "number", value, stop
  end
  local word = text:match("^[%a_\128-\255][%w_\128-\255]*", at)
  if word then
    if words[word] then return words[word] == true and word or words[word], word, at + #word - 1 end
    return "name", word, at + #word - 1
  end
  if char == "'" or char == '"' then
    local stop, value = quoted(reader, at, char)
    return "text", value, stop
  elseif char == "`" then
    local stop, value = quoted(reader, at, char)
    return "name", value, stop
  elseif char == "@" then
    local name = text:match("^[%a_][%w_]*", at + 1)
    if not name then reader:fail(at, at, "a name is expected after '@'") end
    return "value", name, at + #name
  end
  local mark = two[text:sub(at, at + 1)] and text:sub(at, at + 1) or char
  if taught[mark] then reader:fail(at, at + #mark - 1, taught[mark]) end
  if not mark:find "^[-+*/%%^<>()%[%],&|!~=]" then
    reader:fail(at, at, ("'%s' is not understood here"):format(mark))
  end
  return same[mark] or mark, mark, at + #mark - 1
end

local Reader = {}
Reader.__index = Reader

function Reader:fail(first, last, message)
  expression.raise(self.where, self.text, first, last, message)
end

function Reader:advance()
  self.before = self.last
  self.first = self.text:find("%S", (self.last or 0) + 1) or #self.text + 1
  self.kind, self.value, self.last = token_at(self, self.first)
end

function Reader:expected(what)
  local got = self.kind == "end" and "the end" or "'" .. self.text:sub(self.first, self.last) .. "'"
  self:fail(self.first, self.last, ("%s is expected, got %s"):format(what, got))
end

function Reader:accept(kind)
  if self.kind ~= kind then return false end
  self:advance()
  return true
end

function Reader:need(kind)
  if not self:accept(kind) then self:expected("'" .. kind .. "'") end
end

-- Grammar -----------------------------------------------------------------------------------------

local MOST_NESTED = 100

local function node(first, last, kind, fields)
  fields.kind, fields.first, fields.last = kind, first, last
  return fields
end

local parse_or, parse_unary

-- parse(r, ...) one level deeper; what nests too deep is refused where it begins.
local function deeper(r, message, parse, ...)
  r.depth = r.depth + 1
  if r.depth > MOST_NESTED then r:fail(r.first, r.last, message) end
  local result = parse(r, ...)
  r.depth = r.depth - 1
  return result
end

-- Operands of one level joined by any of `marks`, from the left.
local function level(marks, next_level)
  return function(r)
    local left = next_level(r)
    while marks[r.kind] do
      local operator = r.kind
      r:advance()
      local right = next_level(r)
      left = node(left.first, right.last, marks[operator], { operator = operator, left, right })
    end
    return left
  end
end

-- From the opening character on.
local function list_until(r, close)
  r:advance()
  local items = {}
  if r.kind ~= close then
    repeat items[#items + 1] = parse_or(r) until not r:accept ","
  end
  r:need(close)
  return items
end

local function parse_name(r)
  local first, last, name = r.first, r.last, r.value
  r:advance()
  if r.kind ~= "(" then return node(first, last, "column", { name = name }) end
  local arguments = deeper(r, "parentheses are nested too deep", list_until, ")")
  return node(first, r.before, "call", { name = name, name_last = last,
    table.unpack(arguments) })
end

local literals = { number = true, text = true, value = true }

local function in_parentheses(r)
  r:advance()
  local inner = parse_or(r)
  r:need ")"
  return inner
end

local function parse_primary(r)
  local first, last, kind, value = r.first, r.last, r.kind, r.value
  if kind == "name" then return parse_name(r) end
  if literals[kind] then
    r:advance()
    return node(first, last, kind, { value = value })
  elseif kind == "true" or kind == "false" then
    r:advance()
    return node(first, last, "bool", { value = kind == "true" })
  elseif kind == "nan" or kind == "inf" then
    r:advance()
    return node(first, last, "number", { value = kind == "nan" and 0 / 0 or math.huge })
  elseif kind ~= "(" then
    r:expected "a column, a number or a text"
  end
  local inner = deeper(r, "parentheses are nested too deep", in_parentheses)
  inner.first, inner.last = first, r.before
  return inner
end

local function behind(r, parse)
  r:advance()
  return parse(r)
end

local function parse_power(r)
  local left = parse_primary(r)
  if r.kind ~= "^" then return left end
  local right = deeper(r, "too many powers of powers", behind, parse_unary)
  return node(left.first, right.last, "arithmetic", { operator = "^", left, right })
end

function parse_unary(r)
  if r.kind ~= "-" and r.kind ~= "+" then return parse_power(r) end
  local first, negative = r.first, r.kind == "-"
  local operand = deeper(r, "too many signs", behind, parse_unary)
  if not negative then return operand end
  return node(first, operand.last, "negative", { operand })
end

local arithmetic = "arithmetic"
local parse_product = level({ ["*"] = arithmetic, ["/"] = arithmetic, ["//"] = arithmetic,
  ["%"] = arithmetic }, function(r) return parse_unary(r) end)
local parse_sum = level({ ["+"] = arithmetic, ["-"] = arithmetic }, parse_product)

local comparisons = { ["<"] = true, ["<="] = true, [">"] = true, [">="] = true, ["=="] = true,
  ["!="] = true }

local function parse_in(r, left, negated)
  r:advance()
  local items
  local first = r.first
  if r.kind == "value" then
    items = { parse_primary(r), from_value = true }
  else
    local close = r.kind == "[" and "]" or ")"
    if r.kind ~= "[" and r.kind ~= "(" then r:expected "'(' and a list" end
    items = deeper(r, "lists are nested too deep", list_until, close)
    if #items == 0 then r:fail(first, r.before, "the list is empty") end
  end
  return node(left.first, r.before, "in", { left, items = items, negated = negated })
end

local function parse_comparison(r)
  local left = parse_sum(r)
  if r.kind == "in" then return parse_in(r, left, false) end
  if r.kind == "not" and r.value == "not" then
    r:advance()
    if r.kind ~= "in" then r:expected "'in' after 'not'" end
    return parse_in(r, left, true)
  end
  local result
  while comparisons[r.kind] do
    local operator = r.kind
    r:advance()
    local right = parse_sum(r)
    local one = node(left.first, right.last, "comparison", { operator = operator, left, right })
    result = result and node(result.first, one.last, "logic", { operator = "and", result, one })
      or one
    left = right
  end
  return result or left
end

local function parse_not(r)
  if r.kind ~= "not" then return parse_comparison(r) end
  local first = r.first
  local operand = deeper(r, "too many 'not'", behind, parse_not)
  return node(first, operand.last, "not", { operand })
end

local parse_and = level({ ["and"] = "logic" }, parse_not)
parse_or = level({ ["or"] = "logic" }, parse_and)

local parsed, parsed_count = {}, 0

--- The tree of `text`. Trees of texts seen before are kept, since scripts repeat them.
---@param where string the function that was called
---@param text string
---@return table
function expression.parse(where, text)
  if parsed[text] then return parsed[text] end
  local r = setmetatable({ where = where, text = text, depth = 0 }, Reader)
  r:advance()
  if r.kind == "end" then opts.raise("%s: the expression is empty", where) end
  local tree = parse_or(r)
  if r.kind == "name" and r.value == "is" then
    r:fail(r.first, r.last, "missing values are found by missing(x)")
  end
  if r.kind ~= "end" then r:expected "an operator" end
  if parsed_count == 256 then parsed, parsed_count = {}, 0 end
  parsed[text], parsed_count = tree, parsed_count + 1
  return tree
end

return expression
