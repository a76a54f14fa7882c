--- A session of the prompt or of a front end: its variables, its results, and how what is typed
--- runs in it. What is shown of that is left to a `face`, a table of
---   results(session, n, ...)      the values of an expression
---   problem(session, problem)     an explanation of the host, or a text
---   interrupted(session, place?)  Ctrl-C
---   stopped(session)              optional: whether a stop was asked for before the code began
local caret = require "neap.repl.caret"
local dialect = require "neap.repl.dialect"
local chunk = require "neap.repl.chunk"
local host = require "neap.c.host"
local neap = require "neap"
local opts = require "neap.opts"

local session = {}
session.__index = session

local KEPT = 100 -- results that `_n` still finds

-- the names at hand ------------------------------------------------------------------------------

local is_module = {}
for _, name in ipairs(neap.modules()) do is_module[name] = true end

local function module_named(name)
  if name == "neap" then return neap end
  local there = is_module[name] and package.searchpath("neap." .. name, package.path)
  return there and neap[name] or nil
end

--- The variables that a line may use: locals, globals, modules, `_`.
---@return table<string, boolean>
function session:names()
  local set = { neap = true, _ = true }
  for name in pairs(self.locals) do set[name] = true end
  for name in pairs(_G) do
    if type(name) == "string" then set[name] = true end
  end
  for name in pairs(is_module) do set[name] = true end
  return set
end

--- The names the user has made, sorted.
---@return string[]
function session:own_names()
  local names = {}
  for name in pairs(self.locals) do names[#names + 1] = name end
  for name in pairs(_G) do
    local new = type(name) == "string" and not self.baseline[name] and not self.hidden[name]
    if new and not self.locals[name] then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- The value of a variable, without an error when there is none.
---@param name string
---@return any
function session:value_of(name)
  local cell = self.locals[name]
  if cell then return chunk.value(cell) end
  local value = rawget(_G, name)
  if value ~= nil then return value end
  local ok, module = pcall(module_named, name)
  return ok and module or self.results[name]
end

-- What people who come from Python type first.
local other_library = {
  torch = "here it is tensor, grad, nn and optim", np = "here it is tensor",
  F = "losses are nn.mse(x, y), activations methods of tensors, x:relu()",
  numpy = "here it is tensor", pd = "here it is frame", pandas = "here it is frame",
  plt = "here it is plot", summary = "write net:summary(), frame:describe()",
}

local function is_unknown(self, name)
  local command = ({ exit = ":quit", quit = ":quit", help = ":help" })[name]
  if command then
    return ("variable '%s' is not defined; the command is %s"):format(name, command)
  end
  if other_library[name] then
    return ("variable '%s' is not defined; %s"):format(name, other_library[name])
  end
  local known = {}
  for candidate in pairs(self:names()) do
    if candidate ~= "_" then known[#known + 1] = candidate end
  end
  local near = opts.nearest(name, known)
  return ("variable '%s' is not defined%s"):format(name,
    near and (" (did you mean '%s'?)"):format(near) or "")
end

--- Make reading a global that does not exist an error in what is typed, and only there: libraries
--- may ask for globals that are not set. Modules and results are found by their names.
function session:guard_globals()
  local meta = getmetatable(_G) or {}
  local before = meta.__index
  function meta.__index(t, name)
    if before then
      local value = type(before) == "function" and before(t, name) or type(before) == "table"
        and before[name]
      if value then return value end
    end
    local typed = self.sources[debug.getinfo(2, "S").source]
    if not typed or type(name) ~= "string" then return nil end
    if self.results[name] ~= nil or name:find "^_%d*$" then return self.results[name] end
    local module = module_named(name)
    if not module then error(is_unknown(self, name), 2) end
    rawset(_G, name, module)
    self.hidden[name] = true
    return module
  end
  setmetatable(_G, meta)
end

-- sources and errors -----------------------------------------------------------------------------

-- The text of the chunk that a source names, or nil.
local function text_of(self, source)
  local text = self.sources[source]
  if type(text) == "string" then return text end
  local file = source:find "^@" and io.open(source:sub(2))
  if not file then return nil end
  text = file:read "a"
  file:close()
  return text
end

--- Line `number` of what a source names in Lua's notation, and the whole text; nil when it is gone.
---@param source string
---@param number integer
---@return string? line
---@return string? text
function session:line_of(source, number)
  local text, at = text_of(self, source), 1
  for line in ((text or "") .. "\n"):gmatch "(.-)\n" do
    if at == number then return line, text end
    at = at + 1
  end
end

--- What is known of an error: `message` without its place; `place` ("[2]:1"), `source`, `line`,
--- `code` (the text of the line) and `column` as far as they are known; `frames`, an array of
--- lines, empty when they add nothing.
---@param problem table|string an explanation of the host, or a text
---@return table
function session:describe(problem)
  if type(problem) ~= "table" then problem = { message = tostring(problem) } end
  local out = { message = problem.message, frames = {} }
  if problem.source then
    out.source, out.line = problem.source:gsub("^[=@]", ""), problem.line
    out.place = ("%s:%d"):format(out.source, out.line)
    if out.message:sub(1, #out.place + 2) == out.place .. ": " then
      out.message = out.message:sub(#out.place + 3)
    end
    local code, text = self:line_of(problem.source, problem.line)
    out.code = code
    out.column = code and caret.column(text, problem.line, out.message, problem.called)
    if code and out.message:find(" near ", 1, true) and not problem.traceback then
      local advice = dialect.advice(code)
      if advice then out.message = out.message .. "; " .. advice end
    end
  end
  local frames = (problem.traceback or ""):gsub("in upvalue 'fn'", "at the prompt")
  for frame in frames:gmatch "[^\n]+" do out.frames[#out.frames + 1] = frame:match "^%s*(.*)$" end
  if #out.frames < 2 then out.frames = {} end
  return out
end

-- A syntax error as the message of a run-time error looks.
local function syntax_problem(message)
  local source, number = message:match "^(%[%d+%]):(%d+): "
  return { message = message, source = source and "=" .. source, line = math.tointeger(number) }
end

-- running ----------------------------------------------------------------------------------------

--- Call fn open to Ctrl-C and show what went wrong. True when it ended well.
---@param fn function
---@return boolean
function session:guarded(fn, ...)
  local stopped, early = self.face.stopped, false
  local outcome, problem = host.call(function(...)
    early = stopped ~= nil and stopped(self) -- from here on Ctrl-C is seen: no gap between the two
    if not early then return fn(...) end
  end, ...)
  io.stdout:flush()
  if early then outcome = "interrupted" end
  if outcome == "done" then return true end
  if outcome == "interrupted" then
    local place = type(problem) == "table" and problem.message:match "^(.*): interrupted$"
    self.face.interrupted(self, place or nil)
  else
    self.face.problem(self, problem)
  end
  return false
end

--- `text` as a function, and whether the values of an expression are wanted; nil when it is wrong,
--- which is shown.
---@param text string
---@param whole? string what it is a part of
---@return function? fn
---@return boolean? wanted
function session:compile(text, whole)
  local name = ("=[%d]"):format(self.count)
  self.sources[name] = whole or text
  local fn, detail = chunk.compile(text, name, self.locals)
  if fn then return fn, detail end
  self.face.problem(self, syntax_problem(detail))
end

--- Show the values of an expression and keep the first as `_`.
function session:show(n, ...)
  if n == 0 then return end
  self:keep((...))
  self.face.results(self, n, ...)
end

--- Keep a value as `_` and `_n`.
function session:keep(value)
  self.results._ = value
  self.results["_" .. self.count] = value
  self.results["_" .. self.count - KEPT] = nil
end

local function run_piece(self, text, whole)
  local fn, wanted = self:compile(text, whole)
  if not fn then return false end
  local good = self:guarded(function()
    local results = table.pack(fn())
    if wanted then self:show(results.n, table.unpack(results, 1, results.n))
    elseif results.n > 0 then self:keep(results[1]) end
  end)
  if good then self.items[#self.items + 1] = { number = self.count, text = text } end
  return good
end

-- Lines that were pasted together and are no chunk, as expressions below each other: one by one.
local function pieces(self, text)
  local list, open = {}, nil
  for line in (text .. "\n"):gmatch "(.-)\n" do
    open = open and open .. "\n" .. line or line
    local fn, _, incomplete = chunk.compile(open, "=[more]", self.locals)
    if fn then
      if not chunk.is_empty(open) then list[#list + 1] = open end
      open = nil
    elseif not incomplete then
      return nil
    end
  end
  return not open and #list > 1 and list or nil
end

--- Run what was typed or pasted, and show its value when it ends in an expression. True when all
--- of it ended well.
---@param text string
---@return boolean
function session:run(text)
  if not text:find "\n" then return run_piece(self, text) end
  local whole = chunk.compile(text, "=[more]", self.locals)
  local head, tail
  if whole then head, tail = chunk.last_expression(text) end
  if head then return run_piece(self, head, text) and run_piece(self, tail, text) end
  local several = not whole and pieces(self, text)
  for i, piece in ipairs(several or { text }) do
    if i > 1 then self.count = self.count + 1 end
    if not run_piece(self, piece) then return false end
  end
  return true
end

--- Run a file as a script whose top-level locals the session sees.
---@param path string
function session:run_file(path, ...)
  local file, message = io.open(path)
  local text = file and file:read "a"
  if file then file:close() end
  if not text then return self.face.problem(self, message or path .. " cannot be read") end
  text = text:gsub("^#[^\n]*", "") -- a first line for the shell
  local fn, why = chunk.compile(text, "@" .. path, self.locals)
  if fn then return self:guarded(fn, ...) end
  local number = why:match ":(%d+): "
  self.face.problem(self, { message = why, source = number and "@" .. path,
    line = math.tointeger(number) })
end

--- Whether more lines could complete `text`.
---@param text string
---@return boolean
function session:is_incomplete(text)
  local fn, _, incomplete = chunk.compile(text, "=[more]", self.locals)
  return not fn and incomplete == true
end

--- The value that a path like `x.y[2]` leads to, when it does.
---@param topic string
---@return boolean found
---@return any value
function session:value_at(topic)
  local fn = topic:find "^[%a_][%w_.%[%]\"']*$" and chunk.compile("return " .. topic, "=[topic]",
    self.locals)
  if not fn then return false end
  local outcome, value = host.call(fn)
  if outcome ~= "done" or value == nil then return false end
  return true, value
end

--- A session without variables.
---@param face table
---@return table
function session.new(face)
  local self = setmetatable({ face = face, locals = {}, sources = { ["=[topic]"] = true },
    results = {}, hidden = {}, baseline = {}, items = {}, count = 1 }, session)
  for name in pairs(_G) do self.baseline[name] = true end
  return self
end

return session
