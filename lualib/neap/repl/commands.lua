--- The lines that begin with ":" and with "?", the same at the prompt and for a front end.
local base = require "neap.c.base"
local host = require "neap.c.host"
local inspect = require "neap.inspect"
local opts = require "neap.opts"
local profile = require "neap.repl.profile"
local screen = require "neap.repl.screen"
local script = require "neap.repl.script"

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

commands.time = {
  usage = ":time CODE", text = "run once; print the result, the time, the memory it added",
  run = function(session, text)
    local fn, wanted = session:compile(text)
    if not fn then return end
    session:guarded(function()
      local before = base.memory().live
      local start = host.clock()
      local results = table.pack(fn())
      local seconds = host.clock() - start
      local grown = base.memory().live - before
      if wanted then session:show(results.n, table.unpack(results, 1, results.n)) end
      print(screen.paint("2", ("%s, %s of tensors more"):format(seconds_text(seconds),
        grown < 0 and "-" .. bytes_text(-grown) or bytes_text(grown))))
    end)
  end,
}

commands.timeit = {
  usage = ":timeit CODE", text = "run for half a second, at least 5 times; minimum and median",
  run = function(session, text)
    local fn = session:compile(text)
    if not fn then return end
    session:guarded(function()
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
    local fn = session:compile(text)
    if not fn then return end
    host.profile_start(1000)
    local good = session:guarded(fn)
    local samples = host.profile_stop()
    if next(samples) == nil then
      if good then print "over too soon to be sampled" end
      return
    end
    print(profile.text(samples, function(source, number)
      local line = session:line_of(source, number)
      return line and line:match "^%s*(.-)%s*$"
    end, screen.width()))
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

commands.who = {
  usage = ":who", text = "the variables you have made",
  run = function(session)
    local names = session:own_names()
    local widest = 0
    for _, name in ipairs(names) do widest = math.max(widest, #name) end
    session:guarded(function()
      for _, name in ipairs(names) do
        local text = inspect.line(session:value_of(name))
        local room = math.max(20, screen.width() - widest - 4)
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
  local value = owner and session:value_of(owner)
  local meta = value ~= nil and debug.getmetatable(value)
  local class = type(meta) == "table" and rawget(meta, "__name")
  if type(class) ~= "string" then return nil end
  return (require("neap.help").topic(class .. ":" .. name))
end

commands.src = {
  usage = ":src FUNCTION", text = "the source of a Lua function",
  run = function(session, topic)
    local found, fn = session:value_at((topic:gsub(":", ".")))
    if not found or type(fn) ~= "function" then
      print(("'%s' is no function here"):format(topic))
      return
    end
    local info = debug.getinfo(fn, "S")
    if info.what == "C" then
      print(("%s is written in C; :help %s tells what it does"):format(topic, topic))
      return
    end
    print(screen.paint("2", ("-- %s:%d"):format(info.short_src, info.linedefined)))
    for number = info.linedefined, info.lastlinedefined do
      print((session:line_of(info.source, number)) or "-- the source is gone")
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
    session:guarded(function()
      require("neap.file").write(path, script.text(session.items, modules))
      print(("%d items in %s"):format(#session.items, path))
    end)
  end,
}

-- What is known on a topic in a session; nil and the nearest name when nothing is.
local function help_text(session, topic)
  local help = require "neap.help"
  local text, nearest
  if not session.locals[topic] then text, nearest = help.topic(topic) end
  if text then return text end
  text = help_on_method(session, topic)
  if text then return text end
  local found, value = session:value_at(topic)
  if found then return help.value(value) end
  return nil, nearest
end

commands.help = {
  usage = ":help [TOPIC]", text = "on a module, function, method or variable; also TOPIC?",
  run = function(session, topic)
    if topic == "" then
      local rows = {}
      for _, name in ipairs { "help", "src", "time", "timeit", "prof", "mem", "who", "save",
        "quit" } do
        rows[#rows + 1] = ("  %-15s  %s"):format(commands[name].usage, commands[name].text)
      end
      print("Commands:\n\n" .. table.concat(rows, "\n") .. "\n")
    end
    session:guarded(function()
      local text, nearest = help_text(session, topic)
      io.stdout:write(text or ("no help on '%s'%s\n"):format(topic,
        nearest and (", did you mean '%s'?"):format(nearest) or ""))
    end)
  end,
}

-- The X of "X?" and "?X".
local function topic_of(text)
  return text:match "^%s*([%a_][%w_.:%[%]\"']*)%s*%?%s*$" or text:match "^%s*%?%s*(%S*)%s*$"
end

local face = { help = help_text }

--- Whether `text` is a command and no Lua.
---@param text string
---@return boolean
function face.is_one(text) return text:find "^%s*:%a" ~= nil or topic_of(text) ~= nil end

--- Run a command in a session.
---@param session table
---@param text string
function face.run(session, text)
  local topic = topic_of(text)
  if topic then return commands.help.run(session, topic) end
  local name, rest = text:match "^%s*:(%a+)%s*(.-)%s*$"
  if commands[name] then return commands[name].run(session, rest) end
  local names = {}
  for known in pairs(commands) do names[#names + 1] = known end
  local near = opts.nearest(name, names)
  session.face.problem(session, ("unknown command ':%s'%s; :help lists them"):format(name,
    near and (" (did you mean ':%s'?)"):format(near) or ""))
end

--- The commands that begin with `prefix`, sorted, without their colon.
---@param prefix string
---@return string[]
function face.starting(prefix)
  local found = {}
  for name in pairs(commands) do
    if name:sub(1, #prefix) == prefix then found[#found + 1] = name end
  end
  table.sort(found)
  return found
end

return face
