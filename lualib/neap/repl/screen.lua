--- The face of a session on a terminal or a pipe: results, errors, and text in colour.
local host = require "neap.c.host"
local inspect = require "neap.inspect"

local screen = {}

local colour -- whether the terminal shows it; decided when first asked

local function in_colour()
  if colour == nil then
    local plain = (os.getenv "NO_COLOR" or "") ~= "" or os.getenv "TERM" == "dumb"
    colour = host.columns(1) ~= nil and not plain
  end
  return colour
end

--- Text in a colour, where there are colours.
---@param code string as in ECMA-48: "31" is red
---@param text string
---@return string
function screen.paint(code, text)
  return in_colour() and ("\27[%sm%s\27[0m"):format(code, text) or text
end

--- Columns of the terminal, 80 where there is none.
---@return integer
function screen.width() return host.columns(1) or 80 end

--- The name of the class of a value, nil when it has none.
---@param value any
---@return string?
function screen.class_of(value)
  local meta = debug.getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__name") or nil
end

--- A value as text for lines of `columns` characters.
---@param value any
---@param columns integer
---@return string
function screen.text(value, columns)
  if screen.class_of(value) == "neap.frame" then return value:to_text { width = columns } end
  require("neap.c.tensor").print_width(columns)
  return inspect.text(value, { width = columns })
end

local form -- of charts on this terminal; decided when first asked

local function chart_form(session)
  local graphics = require "neap.plot.graphics"
  form = form or graphics.known(os.getenv)
  if not form and session.editor then
    io.stdout:flush()
    local rest
    form, rest = graphics.told(host.ask("\27[c", 1000))
    session.editor:unread(rest)
  end
  return form or "braille"
end

-- Pictures need librsvg; where it is missing a drawing has to do.
local function chart_text(session, chart, fit, pixels)
  local width, shape = math.min(fit, 90), chart_form(session)
  if shape ~= "braille" then
    local paper = (os.getenv "COLORFGBG" or ""):match "%d+$" -- what some terminals tell
    local ok, text = pcall(chart.terminal, chart, { form = shape, width = width,
      theme = (paper == "7" or paper == "15") and "light" or "dark",
      pixels = pixels and pixels * width / (fit + 1) })
    if ok then return text end
  end
  return chart:terminal { width = math.min(fit, 120), height = 18, color = in_colour() }
end

-- A result as text that fits the terminal, and a chart as a drawing; plain where there is none.
local function result_text(session, value)
  local columns, pixels = host.columns(1)
  if not columns then return inspect.text(value, { width = screen.width() - 1 }) end
  local fit = math.max(30, math.min(columns - 1, 1000))
  if screen.class_of(value) ~= "neap.plot.Chart" then return screen.text(value, fit) end
  return chart_text(session, value, fit, pixels)
end

function screen.results(session, n, ...)
  local parts = table.pack(...)
  for i = 1, n do parts[i] = result_text(session, parts[i]) end
  print(table.concat(parts, n > 1 and table.concat(parts):find "\n" and "\n" or "\t"))
end

-- The line, and under it a mark at the place that the message is about.
local function print_place(about)
  local blank = #about.code:match "^%s*"
  local head = ("  %s: "):format(about.place)
  local shown = about.code:sub(blank + 1):gsub("%s+$", ""):gsub("\t", " ")
  io.stdout:write(head, screen.paint("2", shown), "\n")
  local before = about.column and shown:sub(1, about.column - blank - 1)
  local at = before and utf8.len(head .. before)
  if at and at < screen.width() then
    io.stdout:write((" "):rep(at), screen.paint("31", "^"), "\n")
  end
end

function screen.problem(session, problem)
  local about = session:describe(problem)
  io.stdout:write(screen.paint("31", "error: "), about.message, "\n")
  if about.code then print_place(about) end
  for _, frame in ipairs(about.frames) do io.stdout:write("  ", frame, "\n") end
end

function screen.interrupted(_, place)
  print(screen.paint("33", "interrupted") .. (place and " at " .. place or ""))
end

return screen
