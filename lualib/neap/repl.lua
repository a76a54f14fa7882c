--- The prompt: reads, runs, prints, until Ctrl-D.
---
--- Top-level locals live on, results are kept in `_` and `_1`, `_2`, ..., modules of neap are at
--- hand by name, Ctrl-C stops what runs. Lines that begin with ":" are commands.
local base = require "neap.c.base"
local caret = require "neap.repl.caret"
local chunk = require "neap.repl.chunk"
local complete = require "neap.repl.complete"
local host = require "neap.c.host"
local inspect = require "neap.inspect"
local neap = require "neap"
local opts = require "neap.opts"
local profile = require "neap.repl.profile"
local script = require "neap.repl.script"

local repl = {}

local KEPT = 100 -- results that `_n` still finds

-- the names at hand ------------------------------------------------------------------------------

local is_module = {}
for _, name in ipairs(neap.modules()) do is_module[name] = true end

local function module_named(name)
  if name == "neap" then return neap end
  local there = is_module[name] and package.searchpath("neap." .. name, package.path)
  return there and neap[name] or nil
end

local function names_at_hand(session)
  local set = { neap = true, _ = true }
  for name in pairs(session.locals) do set[name] = true end
  for name in pairs(_G) do
    if type(name) == "string" then set[name] = true end
  end
  for name in pairs(is_module) do set[name] = true end
  return set
end

local function value_of(session, name)
  local cell = session.locals[name]
  if cell then return chunk.value(cell) end
  local value = rawget(_G, name)
  if value ~= nil then return value end
  local ok, module = pcall(module_named, name)
  return ok and module or session.results[name]
end

-- Reading a global that does not exist is an error in what is typed at the prompt, and only there:
-- libraries may ask for globals that are not set.
local function guard_globals(session)
  local meta = getmetatable(_G) or {}
  local before = meta.__index
  function meta.__index(t, name)
    if before then
      local value = type(before) == "function" and before(t, name) or type(before) == "table"
        and before[name]
      if value then return value end
    end
    local typed = session.sources[debug.getinfo(2, "S").source]
    if not typed or type(name) ~= "string" then return nil end
    if session.results[name] ~= nil or name:find "^_%d*$" then return session.results[name] end
    local module = module_named(name)
    if module then
      rawset(_G, name, module)
      session.hidden[name] = true
      return module
    end
    local command = ({ exit = ":quit", quit = ":quit", help = ":help" })[name]
    if command then
      error(("variable '%s' is not defined; the command is %s"):format(name, command), 2)
    end
    local known = {}
    for candidate in pairs(names_at_hand(session)) do
      if candidate ~= "_" then known[#known + 1] = candidate end
    end
    local near = opts.nearest(name, known)
    error(("variable '%s' is not defined%s"):format(name,
      near and (" (did you mean '%s'?)"):format(near) or ""), 2)
  end
  setmetatable(_G, meta)
end

-- printing ---------------------------------------------------------------------------------------

local function use_colour()
  return host.columns(1) and not os.getenv "NO_COLOR" and os.getenv "TERM" ~= "dumb"
end

local function paint(session, code, text)
  return session.colour and ("\27[%sm%s\27[0m"):format(code, text) or text
end

local function width() return host.columns(1) or 80 end

local function class_of(value)
  local meta = debug.getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__name")
end

-- A result as text that fits the terminal, and a chart as a drawing; plain where there is none.
local function result_text(session, value)
  local columns, class = host.columns(1), class_of(value)
  if not columns then return inspect.text(value, { width = width() - 1 }) end
  local fit = math.max(30, math.min(columns - 1, 1000))
  if class == "neap.plot.Chart" then
    return value:terminal { width = math.min(fit, 120), height = 18, color = session.colour }
  end
  if class == "neap.frame" then return value:to_text { width = fit } end
  require("neap.c.tensor").print_width(fit)
  return inspect.text(value, { width = fit })
end

local function keep_result(session, value)
  session.results._ = value
  session.results["_" .. session.count] = value
  session.results["_" .. session.count - KEPT] = nil
end

local function print_results(session, n, ...)
  if n == 0 then return end
  local results = table.pack(...)
  keep_result(session, results[1])
  local parts = {}
  for i = 1, n do parts[i] = result_text(session, results[i]) end
  print(table.concat(parts, n > 1 and table.concat(parts):find "\n" and "\n" or "\t"))
end

-- The text of the chunk that a source names, or nil.
local function text_of(session, source)
  local text = session.sources[source]
  if type(text) == "string" then return text end
  local file = source:find "^@" and io.open(source:sub(2))
  if not file then return nil end
  text = file:read "a"
  file:close()
  return text
end

local function line_of(session, source, number)
  local text, at = text_of(session, source), 1
  for line in ((text or "") .. "\n"):gmatch "(.-)\n" do
    if at == number then return line, text end
    at = at + 1
  end
end

local function place_of(source, number)
  return ("%s:%d"):format(source:gsub("^[=@]", ""), number)
end

-- The line, and under it a mark at the place that the message is about.
local function print_place(session, place, problem, message)
  local line, text = line_of(session, problem.source, problem.line)
  if not line then return end
  local blank = #line:match "^%s*"
  local head = ("  %s: "):format(place)
  local shown = line:sub(blank + 1):gsub("%s+$", ""):gsub("\t", " ")
  io.stdout:write(head, paint(session, "2", shown), "\n")
  local column = caret.column(text, problem.line, message, problem.called)
  local before = column and shown:sub(1, column - blank - 1)
  local at = before and utf8.len(head .. before)
  if at and at < width() then io.stdout:write((" "):rep(at), paint(session, "31", "^"), "\n") end
end

local function print_error(session, problem)
  if type(problem) ~= "table" then problem = { message = tostring(problem) } end
  local message = problem.message
  local place = problem.source and place_of(problem.source, problem.line)
  if place and message:sub(1, #place + 2) == place .. ": " then
    message = message:sub(#place + 3)
  end
  io.stdout:write(paint(session, "31", "error: "), message, "\n")
  if place then print_place(session, place, problem, message) end
  local frames = (problem.traceback or ""):gsub("in upvalue 'fn'", "at the prompt")
  if select(2, frames:gsub("\n", "")) > 1 then io.stdout:write(frames:sub(2), "\n") end
end

-- running ----------------------------------------------------------------------------------------

-- Calls fn open to Ctrl-C and says what went wrong. True when it ended well.
local function guarded(session, fn, ...)
  local outcome, problem = host.call(fn, ...)
  io.stdout:flush()
  if outcome == "done" then return true end
  if outcome == "interrupted" then
    local where = type(problem) == "table" and problem.message:match "^(.*): interrupted$"
    print(paint(session, "33", "interrupted") .. (where and " at " .. where or ""))
  else
    print_error(session, problem)
  end
  return false
end

-- A syntax error as the message of a run-time error looks.
local function syntax_problem(message)
  local source, number = message:match "^(%[%d+%]):(%d+): "
  return { message = message, source = source and "=" .. source, line = math.tointeger(number) }
end

local function run_text(session, text, name)
  session.sources[name] = text
  local fn, detail = chunk.compile(text, name, session.locals)
  if not fn then
    print_error(session, syntax_problem(detail))
    return
  end
  local good = guarded(session, function()
    local results = table.pack(fn())
    if detail then print_results(session, results.n, table.unpack(results, 1, results.n))
    elseif results.n > 0 then keep_result(session, results[1]) end
  end)
  if good then session.items[#session.items + 1] = { number = session.count, text = text } end
  return good
end

-- Lines that were pasted together and are no chunk, as expressions below each other: one by one.
local function pieces(session, text)
  local list, open = {}, nil
  for line in (text .. "\n"):gmatch "(.-)\n" do
    open = open and open .. "\n" .. line or line
    local fn, _, incomplete = chunk.compile(open, "=[more]", session.locals)
    if fn then
      if not chunk.is_empty(open) then list[#list + 1] = open end
      open = nil
    elseif not incomplete then
      return nil
    end
  end
  return not open and #list > 1 and list or nil
end

local function run_lines(session, text)
  local several = text:find "\n" and not chunk.compile(text, "=[more]", session.locals)
    and pieces(session, text)
  for i, piece in ipairs(several or { text }) do
    if i > 1 then session.count = session.count + 1 end
    if not run_text(session, piece, ("=[%d]"):format(session.count)) then return end
  end
end

-- commands ---------------------------------------------------------------------------------------

local commands = {}

local function bytes_text(n)
  local units = { "bytes", "KB", "MB", "GB", "TB" }
  local i = 1
  while n >= 1024 and i < #units do n, i = n / 1024, i + 1 end
  return i == 1 and ("%d %s"):format(n, units[i]) or ("%.1f %s"):format(n, units[i])
end

local function seconds_text(s)
  if s >= 1 then return ("%.3f s"):format(s) end
  if s >= 1e-3 then return ("%.3f ms"):format(s * 1e3) end
  return ("%.3f us"):format(s * 1e6)
end

local function compiled(session, text)
  local name = ("=[%d]"):format(session.count)
  session.sources[name] = text
  local fn, detail = chunk.compile(text, name, session.locals)
  if not fn then print_error(session, syntax_problem(detail)) end
  return fn, detail
end

commands.time = {
  usage = ":time CODE", text = "run once; print the result, the time, the memory it added",
  run = function(session, text)
    local fn, wanted = compiled(session, text)
    if not fn then return end
    guarded(session, function()
      local before = base.memory().live
      local start = host.clock()
      local results = table.pack(fn())
      local seconds = host.clock() - start
      local grown = base.memory().live - before
      if wanted then print_results(session, results.n, table.unpack(results, 1, results.n)) end
      print(paint(session, "2", ("%s, %s of tensors more"):format(seconds_text(seconds),
        grown < 0 and "-" .. bytes_text(-grown) or bytes_text(grown))))
    end)
  end,
}

commands.timeit = {
  usage = ":timeit CODE", text = "run for half a second, at least 5 times; minimum and median",
  run = function(session, text)
    local fn = compiled(session, text)
    if not fn then return end
    guarded(session, function()
      local times, start = {}, host.clock()
      repeat
        local begin = host.clock()
        fn()
        times[#times + 1] = host.clock() - begin
      until #times >= 5 and host.clock() - start > 0.5
      table.sort(times)
      print(("minimum %s, median %s, of %d runs"):format(seconds_text(times[1]),
        seconds_text(times[(#times + 1) // 2]), #times))
    end)
  end,
}

commands.prof = {
  usage = ":prof CODE", text = "run once; where the time went, by a sample each millisecond",
  run = function(session, text)
    local fn = compiled(session, text)
    if not fn then return end
    host.profile_start(1000)
    local good = guarded(session, fn)
    local samples = host.profile_stop()
    if next(samples) == nil then
      if good then print "over too soon to be sampled" end
      return
    end
    print(profile.text(samples, function(source, number)
      local line = line_of(session, source, number)
      return line and line:match "^%s*(.-)%s*$"
    end, width()))
  end,
}

commands.mem = {
  usage = ":mem", text = "memory of tensors (now and at most) and of Lua, after a collection",
  run = function()
    collectgarbage()
    local m = base.memory()
    print(("tensors %s, at most %s; kept for reuse %s; Lua %s"):format(bytes_text(m.live),
      bytes_text(m.peak), bytes_text(m.cached), bytes_text(m.lua)))
  end,
}

local function own_names(session)
  local names = {}
  for name in pairs(session.locals) do names[#names + 1] = name end
  for name in pairs(_G) do
    local new = type(name) == "string" and not session.baseline[name] and not session.hidden[name]
    if new and not session.locals[name] then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

commands.who = {
  usage = ":who", text = "the variables made in this session",
  run = function(session)
    local names = own_names(session)
    local widest = 0
    for _, name in ipairs(names) do widest = math.max(widest, #name) end
    guarded(session, function()
      for _, name in ipairs(names) do
        local text = inspect.line(value_of(session, name))
        local room = math.max(20, width() - widest - 4)
        if #text > room then text = text:sub(1, room - 4) .. " ..." end
        print(("%-" .. widest .. "s  %s"):format(name, text))
      end
      if #names == 0 then print "nothing yet" end
    end)
  end,
}

commands.quit = {
  usage = ":quit", text = "leave, as Ctrl-D does",
  run = function(session) session.done = true end,
}

-- The help on `x:mean` or `f.head`, where x is a variable of the session.
local function help_on_method(session, topic)
  local owner, name = topic:match "^([%a_][%w_]*)[.:]([%a_][%w_]*)$"
  local value = owner and value_of(session, owner)
  local meta = value ~= nil and debug.getmetatable(value)
  local class = type(meta) == "table" and rawget(meta, "__name")
  if type(class) ~= "string" then return nil end
  return (require("neap.help").topic(class .. ":" .. name))
end

-- The value that a topic names in this session, when it is a variable or leads to one.
local function value_on_topic(session, topic)
  local fn = topic:find "^[%a_][%w_.%[%]\"']*$" and chunk.compile("return " .. topic, "=[topic]",
    session.locals)
  if not fn then return false end
  local outcome, value = host.call(fn)
  if outcome ~= "done" or value == nil then return false end
  return true, value
end

commands.src = {
  usage = ":src FUNCTION", text = "the source of a Lua function",
  run = function(session, topic)
    local found, fn = value_on_topic(session, (topic:gsub(":", ".")))
    if not found or type(fn) ~= "function" then
      print(("'%s' is no function here"):format(topic))
      return
    end
    local info = debug.getinfo(fn, "S")
    if info.what == "C" then
      print(("%s is written in C; :help %s tells what it does"):format(topic, topic))
      return
    end
    print(paint(session, "2", ("-- %s:%d"):format(info.short_src, info.linedefined)))
    for number = info.linedefined, info.lastlinedefined do
      print((line_of(session, info.source, number)) or "-- the source is gone")
    end
  end,
}

commands.save = {
  usage = ":save FILE", text = "what was typed and ran, as a script",
  run = function(session, path)
    if path == "" then
      print ":save wants the name of a file"
      return
    end
    local modules = {}
    for name in pairs(session.hidden) do modules[#modules + 1] = name end
    table.sort(modules)
    guarded(session, function()
      require("neap.file").write(path, script.text(session.items, modules))
      print(("%d items in %s"):format(#session.items, path))
    end)
  end,
}

commands.help = {
  usage = ":help [TOPIC]", text = "on a module, function, method or variable; also TOPIC?",
  run = function(session, topic)
    local help = require "neap.help"
    if topic == "" then
      local rows = {}
      for _, name in ipairs { "help", "src", "time", "timeit", "prof", "mem", "who", "save",
        "quit" } do
        rows[#rows + 1] = ("  %-15s  %s"):format(commands[name].usage, commands[name].text)
      end
      print("Commands:\n\n" .. table.concat(rows, "\n") .. "\n")
    end
    guarded(session, function()
      local own = session.locals[topic] ~= nil
      local text, nearest = nil, nil
      if not own then text, nearest = help.topic(topic) end
      if not text then
        local found, value = value_on_topic(session, topic)
        text = help_on_method(session, topic) or found and help.value(value)
      end
      io.stdout:write(text or ("no help on '%s'%s\n"):format(topic,
        nearest and (", did you mean '%s'?"):format(nearest) or ""))
    end)
  end,
}

local function run_command(session, name, rest)
  local command = commands[name]
  if command then return command.run(session, rest) end
  local names = {}
  for known in pairs(commands) do names[#names + 1] = known end
  local near = opts.nearest(name, names)
  print_error(session, ("unknown command ':%s'%s; :help lists them"):format(name,
    near and (" (did you mean ':%s'?)"):format(near) or ""))
end

-- history ----------------------------------------------------------------------------------------

local function history_path()
  local home = os.getenv "HOME"
  local state = os.getenv "XDG_STATE_HOME"
  if not state or state == "" then state = home and home .. "/.local/state" end
  return state and state .. "/neap/history"
end

local function escape(text) return (text:gsub("\\", "\\\\"):gsub("\n", "\\n")) end

local function unescape(line)
  return (line:gsub("\\(.)", function(char) return char == "n" and "\n" or char end))
end

local HISTORY_LINES = 2000

-- Items of the file; one that grew long is cut to its newest half.
local function load_history(path)
  local file = path and io.open(path)
  if not file then return {} end
  local lines = {}
  for line in file:lines() do lines[#lines + 1] = line end
  file:close()
  if #lines > HISTORY_LINES then
    lines = table.move(lines, #lines - HISTORY_LINES // 2 + 1, #lines, 1, {})
    pcall(require("neap.file").write, path, table.concat(lines, "\n") .. "\n")
  end
  return lines
end

-- Each item is written when it is entered, so that no way of leaving loses it.
local function remember(session, text)
  if not session.editor or text == session.newest then return end
  session.newest = text
  session.editor:remember(text)
  local file = session.history and io.open(session.history, "a")
  if not file then return end
  file:write(escape(text), "\n")
  file:close()
end

local function open_history(session)
  session.history = history_path()
  if not session.history then return end
  pcall(require("neap.file").mkdir, (session.history:gsub("/[^/]*$", "")))
  for _, line in ipairs(load_history(session.history)) do
    session.editor:remember(unescape(line))
  end
end

-- the loop ---------------------------------------------------------------------------------------

-- A line, or nil and "end" or "interrupted".
local function read_line(session, prompt)
  if session.editor then return session.editor:read(prompt) end
  io.stdout:flush()
  local line = io.read "L"
  if not line then return nil, "end" end
  return (line:gsub("\n$", ""))
end

local function is_incomplete(session, text)
  local fn, _, incomplete = chunk.compile(text, "=[more]", session.locals)
  return not fn and incomplete
end

-- The X of "X?" and "?X".
local function topic_of(text)
  return text:match "^%s*([%a_][%w_.:%[%]\"']*)%s*%?%s*$" or text:match "^%s*%?%s*(%S*)%s*$"
end

-- One item, which may take several lines; nil and the event when there is none.
local function read_item(session)
  local first = ("%d> "):format(session.count)
  local more = (" "):rep(#first - 4) .. "... "
  local text, event = read_line(session, paint(session, "1", first))
  if not text then return nil, event end
  if text:find "^%s*:%a" or topic_of(text) then return text end
  while is_incomplete(session, text) do
    local line
    line, event = read_line(session, #first < 4 and ".. " or more)
    if not line then
      if event == "end" then return text end -- show what is wrong with what there is
      return nil, event
    end
    text = text .. "\n" .. line
  end
  return text
end

local function handle(session, text)
  local topic = topic_of(text)
  local name, rest = text:match "^%s*:(%a+)%s*(.-)%s*$"
  if topic then
    commands.help.run(session, topic)
  elseif name then
    run_command(session, name, rest)
  elseif not chunk.is_empty(text) then
    run_lines(session, text)
  else
    return
  end
  session.count = session.count + 1
end

local function loop(session)
  while not session.done do
    local text, event = read_item(session)
    if text then
      if text:find "%S" then
        remember(session, text)
        local ok, message = pcall(handle, session, text)
        if not ok then print_error(session, message) end -- a fault of ours must not end the session
      end
    elseif event == "end" then
      if session.editor then print() end
      return
    end
  end
end

local function new_session()
  local session = { locals = {}, sources = { ["=[topic]"] = true }, results = {}, hidden = {},
    baseline = {}, items = {}, count = 1 }
  session.colour = use_colour()
  for name in pairs(_G) do session.baseline[name] = true end
  return session
end

-- Runs FILE as a script whose top-level locals the prompt sees.
local function run_file(session, path, ...)
  local file, message = io.open(path)
  local text = file and file:read "a"
  if file then file:close() end
  if not text then
    print_error(session, message or path .. " cannot be read")
    return
  end
  text = text:gsub("^#[^\n]*", "") -- a first line for the shell
  local fn, why = chunk.compile(text, "@" .. path, session.locals)
  if not fn then
    local number = why:match ":(%d+): "
    print_error(session, { message = why, source = number and "@" .. path,
      line = math.tointeger(number) })
    return
  end
  guarded(session, fn, ...)
end

-- The user's start-up file. It is part of the prompt: the modules are at hand in it by name.
local function run_init(session)
  local home, config = os.getenv "HOME", os.getenv "XDG_CONFIG_HOME"
  if not config or config == "" then config = home and home .. "/.config" end
  local path = config and config .. "/neap/init.lua"
  local file = path and io.open(path)
  if not file then return end
  file:close()
  session.sources["@" .. path] = true
  run_file(session, path)
end

local function open_editor(session)
  if not (host.columns(0) and host.columns(1)) then return end
  session.editor = host.editor(function(before)
    return complete.on_tab(before, names_at_hand(session),
      function(name) return value_of(session, name) end, width())
  end)
  if session.editor then open_history(session) end
end

-- What a file left at hand, on one line.
local function tell_names(session)
  local names = own_names(session)
  if #names == 0 then return end
  local text = table.concat(names, ", ")
  local room = math.max(20, width() - 9)
  if #text > room then text = text:sub(1, room - 4):gsub(",?[^,]*$", "") .. ", ..." end
  print(paint(session, "2", "names: " .. text))
end

local function run(with_init, file, ...)
  local session = new_session()
  open_editor(session)
  if session.editor and not file then
    print(("neap %s, Lua 5.4; :help, Ctrl-D leaves"):format(neap.version))
  end
  if session.editor and with_init then
    guard_globals(session)
    run_init(session)
    if file then run_file(session, file, ...) end
  else
    if file then run_file(session, file, ...) end
    guard_globals(session)
  end
  if session.editor and file then tell_names(session) end
  loop(session)
  if session.editor then session.editor:close() end
  return 0
end

--- The command `neap` without a script, and `neap -i FILE`; gives the exit code.
---@param file? string a script to run first
---@return integer
function repl.command(file, ...) return run(true, file, ...) end

--- The same with `--no-init`: the user's start-up file is left out.
---@param file? string
---@return integer
function repl.command_without_init(file, ...) return run(false, file, ...) end

return repl
