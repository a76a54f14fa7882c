--- Charts in a terminal as pixels: by kitty's protocol or as sixels, drawn by librsvg.
local opts = require "neap.opts"

local graphics = {}

local forms = { "braille", "kitty", "sixel" }

--- The name of a form; an error that knows all of them for others.
---@param where string what asks for it, for messages
---@param form string
---@return string
function graphics.check(where, form)
  for _, known in ipairs(forms) do if form == known then return form end end
  opts.unknown(where, "form", tostring(form), forms)
end

-- PNG in pieces of 4096 characters, the first with the orders: show it at once (a=T), as PNG
-- (f=100), so many characters wide (c), and answer nothing (q=2).
-- https://sw.kovidgoyal.net/kitty/graphics-protocol/
local function kitty(svg, o)
  local c = require "neap.c.plot"
  local text, parts = c.base64(c.png(svg, 2)), {}
  for from = 1, #text, 4096 do
    local orders = from == 1 and ("a=T,f=100,q=2,c=%d,"):format(o.width) or ""
    parts[#parts + 1] = ("\27_G%sm=%d;%s\27\\"):format(orders, from + 4096 <= #text and 1 or 0,
      text:sub(from, from + 4095))
  end
  return table.concat(parts)
end

--- The chart as escape sequences, about `width` characters wide.
---@param chart neap.plot.Chart
---@param o { form: "kitty"|"sixel", width: integer, pixels: number, theme: string }
---@return string
function graphics.render(chart, o)
  local svg = chart:svg(o.theme)
  if o.form == "kitty" then return kitty(svg, o) end
  local scale = math.max(0.25, math.min(4, o.pixels / chart.width))
  return require("neap.c.plot").sixel(svg, scale)
end

--- What the environment says of the terminal: a form, or nil when it has to be asked. NEAP_PLOT
--- decides; then NO_COLOR and a dumb terminal want none; kitty and ghostty are known by name, but
--- not inside tmux and screen, which hand their names down and their pictures not.
---@param variable fun(name: string): string? as os.getenv
---@return string?
function graphics.known(variable)
  local function value(name) return variable(name) or "" end
  if value "NEAP_PLOT" ~= "" then return graphics.check("NEAP_PLOT", value "NEAP_PLOT") end
  local term = value "TERM"
  if value "NO_COLOR" ~= "" or term == "" or term == "dumb" or term == "linux" then
    return "braille"
  end
  if value "TMUX" ~= "" or term:find "^screen" or term:find "^tmux" then return nil end
  if value "KITTY_WINDOW_ID" ~= "" or term == "xterm-kitty" or term == "xterm-ghostty"
    or value "TERM_PROGRAM" == "ghostty" then
    return "kitty"
  end
  return nil
end

--- What a terminal's device attributes say, ESC [ ? class ; feature ; ... c, with feature 4 for
--- sixels; and what else came before and behind them.
---@param answer string
---@return string form, string rest
function graphics.told(answer)
  local before, features, behind = answer:match "^(.-)\27%[%?%d*([%d;]*)c(.*)$"
  if not before then return "braille", answer end
  return (features .. ";"):find(";4;", 1, true) and "sixel" or "braille", before .. behind
end

return graphics
