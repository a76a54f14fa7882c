--- The prompt: reads, runs, prints, until Ctrl-D.
---
--- Top-level locals live on, results are kept in `_` and `_1`, `_2`, ..., modules of neap are at
--- hand by name, Ctrl-C stops what runs. Lines that begin with ":" are commands.
local chunk = require "neap.repl.chunk"
local commands = require "neap.repl.commands"
local complete = require "neap.repl.complete"
local history = require "neap.repl.history"
local host = require "neap.c.host"
local neap = require "neap"
local screen = require "neap.repl.screen"
local sessions = require "neap.repl.session"

local repl = {}

-- A line, or nil and "end" or "interrupted".
local function read_line(session, prompt)
  if session.editor then return session.editor:read(prompt) end
  io.stdout:flush()
  local line = io.read "L"
  if not line then return nil, "end" end
  return (line:gsub("\n$", ""))
end

-- One item, which may take several lines; nil and the event when there is none.
local function read_item(session)
  local first = ("%d> "):format(session.count)
  local more = (" "):rep(#first - 4) .. "... "
  local text, event = read_line(session, screen.paint("1", first:sub(1, -2)) .. " ")
  if not text then return nil, event end
  if commands.is_one(text) then return text end
  while session:is_incomplete(text) do
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
  if commands.is_one(text) then commands.run(session, text)
  elseif chunk.is_empty(text) then return
  else session:run(text) end
  session.count = session.count + 1
end

local function loop(session)
  while not session.done do
    local text, event = read_item(session)
    if text then
      if text:find "%S" then
        if session.history then session.history:add(text) end
        local ok, message = pcall(handle, session, text)
        if not ok then screen.problem(session, message) end -- a fault of ours must not end it
      end
    elseif event == "end" then
      if session.editor then print() end
      return
    end
  end
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
  session:run_file(path)
end

local function open_editor(session)
  if not (host.columns(0) and host.columns(1)) then return end
  session.editor = host.editor(function(before)
    return complete.on_tab(before, session:names(),
      function(name) return session:value_of(name) end, screen.width())
  end)
  if session.editor then session.history = history.open(session.editor) end
end

-- What a file left at hand, on one line.
local function tell_names(session)
  local names = session:own_names()
  if #names == 0 then return end
  local text = table.concat(names, ", ")
  local room = math.max(20, screen.width() - 9)
  if #text > room then text = text:sub(1, room - 4):gsub(",?[^,]*$", "") .. ", ..." end
  print(screen.paint("2", "names: " .. text))
end

local function run(with_init, file, ...)
  local session = sessions.new(screen)
  open_editor(session)
  if session.editor and not file then
    print(("neap %s, Lua 5.4; :help, Ctrl-D leaves"):format(neap.version))
  end
  if session.editor and with_init then
    session:guard_globals()
    run_init(session)
    if file then session:run_file(file, ...) end
  else
    if file then session:run_file(file, ...) end
    session:guard_globals()
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
