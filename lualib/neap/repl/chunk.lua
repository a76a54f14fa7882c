--- How what is typed at the prompt becomes a function that sees the locals of earlier lines.
---
--- A line is compiled inside a wrapper that declares the earlier locals it mentions; the wrapped
--- function's upvalues are then joined to theirs. So an earlier local is the very same variable,
--- shared with the closures made where it was declared, at full speed and under `<const>`. To hand
--- its own locals on, a line gets a call at its end that passes a closure over them.
local chunk = {}

local KEEP = "__neap_keep"

-- tokens -----------------------------------------------------------------------------------------

-- The end of the long bracket that opens at `at`, or nil when there is none.
local function long_end(text, at)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local _, last = text:find("]" .. level .. "]", at, true)
  return last or #text
end

local function skip_comment(text, at)
  local last = long_end(text, at + 2)
  if last then return last + 1 end
  return (text:find("\n", at, true) or #text) + 1
end

local function string_end(text, at)
  local mark = text:sub(at, at)
  local i = at + 1
  while i <= #text do
    local char = text:sub(i, i)
    if char == "\\" then i = i + 1 elseif char == mark then return i end
    i = i + 1
  end
  return #text
end

-- Iterates over kind ("name", "string", "number", "symbol"), text and position of each token.
local function tokens(text)
  local at = 1
  return function()
    while true do
      at = text:find("%S", at)
      if not at then return nil end
      if text:find("^%-%-", at) then at = skip_comment(text, at) else break end
      if at > #text then return nil end
    end
    local from, last, kind = at
    if text:find("^[%a_]", at) then
      kind, last = "name", select(2, text:find("^[%w_]+", at))
    elseif text:find("^%.?%d", at) then
      kind, last = "number", select(2, text:find("^[%w_.]+", at))
    elseif text:find("^[\"']", at) then
      kind, last = "string", string_end(text, at)
    else
      last = long_end(text, at)
      kind = last and "string" or "symbol"
      last = last or at
    end
    at = last + 1
    return kind, text:sub(from, last), from
  end
end

chunk.tokens = tokens

local opens = { ["function"] = true, ["do"] = true, ["if"] = true, ["repeat"] = true }
local closes = { ["end"] = true, ["until"] = true }

-- The names after the `local` at list[i], into found; gives the index of the last token read.
local function read_names(list, i, found)
  local function word(k) return list[k] and list[k].text end
  if word(i + 1) == "function" then
    found.names[#found.names + 1] = { word(i + 2) }
    return i
  end
  repeat
    local entry = { word(i + 1) }
    i = i + 1
    if word(i + 1) == "<" then
      entry[2] = word(i + 2)
      if entry[2] == "close" then
        found.closing[#found.closing + 1] = { list[i + 1].at, list[i + 3].at }
      end
      i = i + 3
    end
    found.names[#found.names + 1] = entry
    i = i + 1
  until word(i) ~= ","
  return i - 1
end

-- What a chunk that compiles declares at its top level.
--   names    list of {name, attribute} of the locals, in order
--   used     set of all names that occur
--   at       position of a top-level return
--   closing  positions {from, to} of `<close>`
--   silent   the last token is a semicolon
local function survey(text)
  local found = { names = {}, used = {}, closing = {} }
  local list = {}
  for kind, word, at in tokens(text) do list[#list + 1] = { kind = kind, text = word, at = at } end
  local depth, i = 0, 1
  while i <= #list do
    local token = list[i]
    if token.kind == "name" then
      found.used[token.text] = true
      if opens[token.text] then depth = depth + 1 end
      if closes[token.text] then depth = depth - 1 end
      if depth == 0 and token.text == "return" then found.at = found.at or token.at end
      if depth == 0 and token.text == "local" then i = read_names(list, i, found) end
    end
    i = i + 1
  end
  found.silent = #list > 0 and list[#list].text == ";"
  return found
end

-- compilation ------------------------------------------------------------------------------------

-- The locals are handed on before a final return, or else at the very end.
local function with_keeper(text, found)
  local names, seen = {}, {}
  for _, entry in ipairs(found.names) do
    if not seen[entry[1]] then names[#names + 1] = entry[1] end
    seen[entry[1]] = true
  end
  if #names == 0 then return text end
  local call = (" %s(function() return %s end) "):format(KEEP, table.concat(names, ", "))
  if found.at then return text:sub(1, found.at - 1) .. call .. text:sub(found.at) end
  return text .. "\n" .. call
end

-- A local that would be closed at the end of its line could not live on.
local function without_close(text, found)
  for _, range in ipairs(found.closing) do
    local from, to = range[1], range[2]
    text = text:sub(1, from - 1) .. (" "):rep(to - from + 1) .. text:sub(to + 1)
  end
  return text
end

local function wrap(text, locals, found)
  local names = {}
  for name in pairs(locals) do
    if found.used[name] then names[#names + 1] = name end
  end
  table.sort(names)
  local declared = { KEEP }
  for i, name in ipairs(names) do
    declared[i + 1] = locals[name].attribute == "const" and name .. " <const>" or name
  end
  return ("local %s = ... return function(...) %s\nend"):format(table.concat(declared, ", "), text)
end

local function join(fn, locals)
  local i = 1
  while true do
    local name = debug.getupvalue(fn, i)
    if not name then return end
    local cell = locals[name]
    if cell then debug.upvaluejoin(fn, i, cell.fn, cell.index) end
    i = i + 1
  end
end

-- Take over the locals that a chunk hands on. The ones that the compiler folded into constants are
-- no variables of the closure; they get one.
local function keep(locals, found, closure)
  local attributes, order = {}, {}
  for _, entry in ipairs(found.names) do
    if not order[entry[1]] then
      order[#order + 1] = entry[1]
      order[entry[1]] = #order
    end
    attributes[entry[1]] = entry[2]
  end
  local values = table.pack(closure())
  for k, name in ipairs(order) do
    local value = values[k]
    locals[name] = { fn = function() return value end, index = 1, attribute = attributes[name] }
  end
  local i = 1
  while true do
    local name = debug.getupvalue(closure, i)
    if not name then return end
    if order[name] then locals[name].fn, locals[name].index = closure, i end
    i = i + 1
  end
end

-- An expression behind `return` would be a tail call, which takes its line out of the traceback.
-- Without what follows the last token: the bracket must stand on its line to be blamed with it.
local function as_arguments(text, found)
  local last, silent_last = 0, 0
  for _, word, from in tokens(text) do
    last, silent_last = from + #word - 1, last
  end
  return ("return %s(%s)"):format(KEEP, text:sub(1, found.silent and silent_last or last))
end

--- Compile `text` so that it sees `locals` and adds its own to them when it runs to its end.
--- Gives the function, or nil, the message, and whether more lines could complete it.
---@param text string
---@param name string Lua's chunk name, as in "=[3]"
---@param locals table kept from call to call
---@return function? fn
---@return string|boolean detail the message, or whether the values of an expression are wanted
---@return boolean? incomplete
function chunk.compile(text, name, locals)
  local expression, why_not = load("return " .. text, name, "t")
  local plain, message = load(text, name, "t")
  if not expression and not plain then
    if why_not:find "<eof>$" then message = why_not end -- "1 +" is an expression to be continued
    local open = message:find "<eof>$" and not message:find "unfinished string near"
    return nil, message, open ~= nil and open ~= false
  end
  local body = expression and "return " .. text or text
  local found = survey(body)
  local function keeper(closure) keep(locals, found, closure) end
  if expression then
    local called = load(wrap(as_arguments(text, found), locals, found), name, "t")
    if called then
      local fn = called(function(...) return ... end)
      join(fn, locals)
      return fn, not found.silent
    end
  end
  local open = without_close(body, found)
  local outer = load(wrap(with_keeper(open, found), locals, found), name, "t")
    or load(wrap(open, locals, found), name, "t") -- a label at the end allows no call after it
  if not outer then -- an assignment to an earlier constant, or too many variables
    local _, why = load(wrap(open, locals, found), name, "t")
    return nil, why, false
  end
  local fn = outer(keeper)
  join(fn, locals)
  return fn, found.at ~= nil and not found.silent
end

--- Cuts lines that end in an expression, as `local x = f()` and below it `x:sum()`, so that its
--- values can be shown: what stands before it, and the expression on lines of its own number. nil
--- when they do not.
---@param text string
---@return string? head
---@return string? tail
function chunk.last_expression(text)
  local stop = #text
  while true do
    local at = text:sub(1, stop):match ".*()\n"
    if not at then return nil end
    local head, tail = text:sub(1, at - 1), text:sub(at + 1)
    local kind = tokens(tail)()
    if kind == "name" and load("return " .. tail, "=tail", "t") and load(head, "=head", "t") then
      local _, lines = head:gsub("\n", "")
      return head, ("\n"):rep(lines + 1) .. tail
    end
    if kind and load(tail, "=tail", "t") then return nil end -- it ends in a statement
    stop = at - 1
  end
end

--- Whether `text` holds nothing but space and comments.
---@param text string
---@return boolean
function chunk.is_empty(text) return tokens(text)() == nil end

--- The value of one of the `locals`.
function chunk.value(cell) return select(2, debug.getupvalue(cell.fn, cell.index)) end

return chunk
