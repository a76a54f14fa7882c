--- `neap --json-rpc`: a session for a notebook or an editor. JSON-RPC 2.0, a message a line, on
--- standard input and output; docs/guide/repl.md lists the methods.
---
--- Requests are answered in order, one at a time. What code prints goes out at once as "output"
--- notifications; nothing else is ever written to standard output.
local chunk = require "neap.repl.chunk"
local commands = require "neap.repl.commands"
local complete = require "neap.repl.complete"
local host = require "neap.c.host"
local inspect = require "neap.inspect"
local json = require "neap.json"
local neap = require "neap"
local opts = require "neap.opts"
local screen = require "neap.repl.screen"
local sessions = require "neap.repl.session"

local rpc = {}

local PARSE, INVALID, UNKNOWN, PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
local FAILED, INTERRUPTED = -32000, -32001

-- messages ---------------------------------------------------------------------------------------

-- Text that is UTF-8: bytes that are not become U+FFFD.
local function clean(text)
  local out, from = {}, 1
  while true do
    local length, bad = utf8.len(text, from)
    if length then break end
    out[#out + 1] = text:sub(from, bad - 1) .. "\u{FFFD}"
    from = bad + 1
  end
  return from == 1 and text or table.concat(out) .. text:sub(from)
end

local function sound(value)
  if type(value) == "string" then return clean(value) end
  if type(value) ~= "table" or value == json.null then return value end
  local out = json.is_array(value) and json.array {} or {}
  for key, item in next, value do out[type(key) == "string" and clean(key) or key] = sound(item) end
  return out
end

local function failure(code, message, data)
  return { error = { code = code, message = message, data = data } }
end

local function answer(id, outcome)
  outcome.jsonrpc, outcome.id = "2.0", id
  return outcome
end

-- what execute shows -----------------------------------------------------------------------------

local function bundle(value, columns)
  local data = { ["text/plain"] = screen.text(value, columns) }
  if screen.class_of(value) == "neap.plot.Chart" then data["image/svg+xml"] = value:svg() end
  return data
end

-- The face of a session that notes what happens for the answer under way, `session.outcome`.
local face = {}

function face.results(session, n, ...)
  local values = table.pack(...)
  for i = 1, n do
    local list = session.outcome.values
    list[#list + 1] = bundle(values[i], session.columns)
  end
end

function face.problem(session, problem)
  local about = session:describe(problem)
  session.outcome.error = { code = FAILED, message = about.message, data = { place = about.place,
    source = about.source, line = about.line, column = about.column, code = about.code,
    traceback = json.array(about.frames) } }
end

function face.interrupted(session, place)
  session.outcome.error = { code = INTERRUPTED, message = "interrupted", data = { place = place } }
end

function face.stopped(session) return host.wire_stopped(session.number) end

-- methods ----------------------------------------------------------------------------------------

local methods = {}

methods.execute = { params = { code = "string", columns = "integer?" } }

function methods.execute.run(session, p)
  local outcome = { values = json.array {} }
  session.outcome, session.columns = outcome, p.columns or 80
  local start, count = host.clock(), session.count
  if commands.is_one(p.code) then
    commands.run(session, p.code)
  elseif not chunk.is_empty(p.code) then
    session:run(p.code)
  end
  session.count = session.count + 1
  if outcome.error then return { error = outcome.error } end
  return { result = { count = count, seconds = host.clock() - start, values = outcome.values } }
end

-- The bytes before `position` characters of `code`; nil when it has fewer.
local function text_before(code, position)
  local length = utf8.len(code)
  if not length or position < 0 or position > length then return nil end
  return code:sub(1, utf8.offset(code, position + 1) - 1)
end

local function lookup_in(session)
  return function(name) return session:value_of(name) end
end

local function at_cursor(run)
  return function(session, p)
    local before = text_before(p.code, p.position)
    if before then return run(session, before, p) end
    return failure(PARAMS, ("position is %d, allowed are 0 to %d, the characters of code"):format(
      p.position, utf8.len(p.code) or 0))
  end
end

methods.complete = { params = { code = "string", position = "integer" } }

methods.complete.run = at_cursor(function(session, before, p)
  local found, prefix = complete.candidates(before, session:names(), lookup_in(session))
  return { result = { matches = json.array(found), from = p.position - utf8.len(prefix),
    to = p.position } }
end)

methods.inspect = { params = { code = "string", position = "integer" } }

methods.inspect.run = at_cursor(function(session, before, p)
  local rest = p.code:sub(#before + 1):match "^[%w_]*"
  local topic = (before .. rest):match "[%a_][%w_.:]*$"
  local signature, about = complete.signature(before, lookup_in(session))
  return { result = { topic = topic, text = topic and commands.help(session, topic),
    signature = signature, about = about } }
end)

methods.help = { params = { topic = "string?" } }

function methods.help.run(session, p)
  local text, nearest = commands.help(session, p.topic or "")
  if text then return { result = { text = text } } end
  return failure(PARAMS, ("no help on '%s'%s"):format(p.topic,
    nearest and (", did you mean '%s'?"):format(nearest) or ""))
end

methods.is_complete = { params = { code = "string" } }

function methods.is_complete.run(session, p)
  local fn, _, more = chunk.compile(p.code, "=[more]", session.locals)
  local status = (fn or commands.is_one(p.code)) and "complete" or more and "incomplete"
    or "invalid"
  return { result = { status = status } }
end

methods.variables = { params = {} }

local function variable(name, value)
  local out = { name = name, kind = screen.class_of(value) or type(value),
    text = inspect.line(value) }
  if out.kind == "neap.tensor" then out.dtype, out.shape = value.dtype, json.array(value.shape) end
  return out
end

function methods.variables.run(session)
  local list = json.array {}
  for i, name in ipairs(session:own_names()) do
    list[i] = variable(name, session:value_of(name))
  end
  return { result = list }
end

methods.info = { params = {} }

function methods.info.run()
  local names = json.array {}
  for name in pairs(methods) do names[#names + 1] = name end
  table.sort(names)
  return { result = { name = "neap", version = neap.version, protocol = 1, methods = names,
    language = { name = "lua", version = _VERSION:match "[%d.]+", extension = ".lua" } } }
end

-- The wire obeyed it when it came; this is its receipt.
methods.interrupt = { params = {}, run = function() return { result = true } end }

methods.shutdown = { params = {}, run = function(session)
  session.done = true
  return { result = true }
end }

-- requests ---------------------------------------------------------------------------------------

local function fits(value, wanted)
  if value == nil then return wanted:find "%?$" ~= nil end
  wanted = wanted:gsub("%?$", "")
  return (wanted == "integer" and math.type(value) or type(value)) == wanted
end

local function keys(t)
  local list = {}
  for key in next, t do list[#list + 1] = key end
  table.sort(list)
  return list
end

-- What is wrong with the params of a call, or nil.
local function wrong_params(name, wanted, given)
  if json.is_array(given) or type(given) ~= "table" then
    return ("%s: params is no object"):format(name)
  end
  for _, key in ipairs(keys(given)) do
    if not wanted[key] then
      local near = opts.nearest(key, keys(wanted))
      return ("%s: unknown param '%s'%s"):format(name, key,
        near and (" (did you mean '%s'?)"):format(near) or "")
    end
  end
  for _, key in ipairs(keys(wanted)) do
    if not fits(given[key], wanted[key]) then
      return ("%s: param '%s' is %s, wanted is %s"):format(name, key,
        given[key] == nil and "missing" or "a " .. type(given[key]), (wanted[key]:gsub("%?", "")))
    end
  end
end

local function call(session, request)
  local name = request.method
  local method = methods[name]
  if not method then
    local near = opts.nearest(name, keys(methods))
    return failure(UNKNOWN, ("method '%s' is not known%s"):format(name,
      near and (" (did you mean '%s'?)"):format(near) or ""))
  end
  local params = request.params == nil and {} or request.params
  local wrong = wrong_params(name, method.params, params)
  if wrong then return failure(PARAMS, wrong) end
  local ok, outcome = pcall(method.run, session, params)
  return ok and outcome or failure(INTERNAL, tostring(outcome))
end

local function is_id(id)
  return id == nil or id == json.null or type(id) == "string" or type(id) == "number"
end

-- The answer to a request, nil when none is wanted.
local function respond(session, request)
  local object = type(request) == "table" and request ~= json.null and not json.is_array(request)
  local good = object and request.jsonrpc == "2.0" and type(request.method) == "string"
    and is_id(request.id)
  if not good then
    return answer(object and is_id(request.id) and request.id or json.null,
      failure(INVALID, 'no request: an object with jsonrpc = "2.0" and a method is wanted'))
  end
  host.wire_label(json.text(request.id or json.null))
  local outcome = call(session, request)
  return request.id ~= nil and answer(request.id, outcome) or nil
end

-- The answer to a line: to a request, or to the list that a batch is.
local function respond_to(session, text)
  if not text then return answer(json.null, failure(INVALID, "the message is too long")) end
  if not text:find "%S" then return nil end
  local ok, message = pcall(json.decode, text)
  if not ok then return answer(json.null, failure(PARSE, (message:gsub("^.-json: ", "")))) end
  if not json.is_array(message) or #message == 0 then return respond(session, message) end
  local answers = json.array {}
  for _, request in ipairs(message) do answers[#answers + 1] = respond(session, request) end
  return #answers > 0 and answers or nil
end

--- Serve until "shutdown" or the end of the input; gives the exit code.
---@return integer
function rpc.command()
  host.wire_open()
  local exit = os.exit
  function os.exit(...) -- luacheck: ignore
    host.wire_close() -- what was printed goes out first
    exit(...)
  end
  local session = sessions.new(face)
  session:guard_globals()
  while not session.done do
    local text, number = host.wire_read()
    if text == nil then break end
    session.number = number
    local out = respond_to(session, text)
    if out then host.wire_write(json.text(sound(out))) end
    host.wire_label "null"
  end
  host.wire_close()
  return 0
end

return rpc
