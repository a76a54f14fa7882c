--- Charts: a description in, SVG out (PNG through librsvg), the same bytes every time.
local class = require "neap.class"
local file = require "neap.file"
local opts = require "neap.opts"
local svg = require "neap.plot.svg"

local plot = {}

---@class neap.plot.Chart
local Chart = class "neap.plot.Chart"

local function array(values, what)
  if type(values) == "userdata" and values.totable then
    if #values.shape ~= 1 then
      opts.raise("plot: %s has %d dimensions, expected one", what, #values.shape)
    end
    values = values:totable()
  end
  local meta = type(values) == "table" and getmetatable(values)
  if meta and meta.__name == "neap.frame" then
    opts.raise("plot: %s is a frame; draw its columns, as in plot.line(f.time, f.close)", what)
  end
  if type(values) ~= "table" then
    opts.raise("plot: %s must be a tensor or an array, got %s", what, type(values))
  end
  return values
end

local function numbers(values, what)
  values = array(values, what)
  for i, v in ipairs(values) do
    if type(v) ~= "number" then
      opts.raise("plot: element %d of %s is a %s, must be a number", i, what, type(v))
    end
  end
  return values
end

local function count(n)
  local x = {}
  for i = 1, n do x[i] = i end
  return x
end

-- Widen range so that it holds all finite values.
local function cover(range, values)
  for _, v in ipairs(values) do
    if v == v and v > -math.huge and v < math.huge and v ~= math.mininteger then
      range[1], range[2] = math.min(range[1] or v, v), math.max(range[2] or v, v)
    end
  end
end

local function series(mark, o, chart)
  mark.y = numbers(o[#o], "y")
  mark.x = #o > 2 and numbers(o[2], "x") or count(#mark.y)
  if #mark.x ~= #mark.y then
    opts.raise("plot: x has %d values and y has %d", #mark.x, #mark.y)
  end
  cover(chart.x_range, mark.x)
  cover(chart.y_range, mark.y)
  chart.y_pad = 0.04
end

local prepare = { line = series, scatter = series }

function prepare.band(mark, o, chart)
  mark.x, mark.low, mark.high = numbers(o[2], "x"), numbers(o[3], "low"), numbers(o[4], "high")
  if #mark.x ~= #mark.low or #mark.x ~= #mark.high then
    opts.raise("plot: band of %d x, %d low and %d high values", #mark.x, #mark.low, #mark.high)
  end
  cover(chart.x_range, mark.x)
  cover(chart.y_range, mark.low)
  cover(chart.y_range, mark.high)
end

function prepare.bar(mark, o, chart)
  local names = array(o[2], "names")
  mark.y = numbers(o[3], "values")
  if #names ~= #mark.y then opts.raise("plot: %d names and %d values", #names, #mark.y) end
  if chart.horizontal then
    local reversed = {}
    for k = 1, #names do reversed[k] = names[#names - k + 1] end
    chart.y_names = reversed
    cover(chart.x_range, mark.y)
    cover(chart.x_range, { 0 })
  else
    chart.x_names = names
    cover(chart.y_range, mark.y)
    cover(chart.y_range, { 0 })
  end
end

function prepare.histogram(mark, o, chart)
  local values, range = numbers(o[2], "values"), o.range or {}
  if not o.range then cover(range, values) end
  local low, high, bins = range[1] or 0, range[2] or 1, o.bins or 30
  if high <= low then high = low + 1 end
  if math.type(bins) ~= "integer" or bins < 1 or bins > 100000 then
    opts.raise("plot.histogram: bins is %s, must be an integer of 1 to 100000", tostring(bins))
  end
  mark.edges, mark.counts = {}, {}
  for k = 0, bins do mark.edges[k + 1] = low + (high - low) * k / bins end
  for k = 1, bins do mark.counts[k] = 0 end
  for _, v in ipairs(values) do
    if v >= low and v <= high then
      local k = math.min(bins, math.floor((v - low) / (high - low) * bins) + 1)
      mark.counts[k] = mark.counts[k] + 1
    end
  end
  mark.opacity = o.opacity
  cover(chart.x_range, { low, high })
  local tallest = 0
  for _, n in ipairs(mark.counts) do tallest = math.max(tallest, n) end
  cover(chart.y_range, { 0, 1.05 * tallest }) -- the tallest bar stays clear of the title
end

local function field_of(bars, name)
  local ok, values = pcall(function() return bars[name] end)
  return ok and values or nil
end

function prepare.candles(mark, o, chart)
  local bars = o[2]
  for _, name in ipairs { "open", "high", "low", "close" } do
    local values = field_of(bars, name)
    if values == nil then
      opts.raise("plot: candles want bars with open, high, low and close; '%s' is missing", name)
    end
    mark[name] = numbers(values, name)
    if #mark[name] ~= #mark.open then
      opts.raise("plot: bars of %d open and %d %s values", #mark.open, #mark[name], name)
    end
  end
  local time = field_of(bars, "time")
  if time and chart.x == "linear" then chart.x = "time" end
  mark.x = time and numbers(time, "time") or count(#mark.open)
  cover(chart.x_range, mark.x)
  cover(chart.y_range, mark.low)
  cover(chart.y_range, mark.high)
  chart.y_pad = 0.04
end

function prepare.heatmap(mark, o, chart)
  local values = o[2]
  if type(values) ~= "table" then
    opts.expect("plot", "the values of a heat map", values, "tensor")
    values = values:totable()
  end
  mark.values = {}
  for i, row in ipairs(values) do mark.values[i] = numbers(row, "row " .. i) end
  local rows, columns = #mark.values, #(mark.values[1] or {})
  if rows == 0 or columns == 0 then opts.raise("plot: a heat map needs at least one cell") end
  chart.x_names = o.columns or count(columns)
  local names = o.rows or count(rows)
  chart.y_names = {}
  for k = 1, rows do chart.y_names[k] = names[rows - k + 1] end
  mark.format = o.format or function(v) return ("%g"):format(v) end
end

local chart_options = {
  title = opts.none, width = 720, height = 300, x = "linear", y = "linear", x_label = opts.none,
  y_label = opts.none, x_range = opts.none, y_range = opts.none, horizontal = false,
  label_width = opts.none, alt = opts.none,
}
local mark_options = {
  line = { name = true, color = true, dash = true }, band = { name = true, color = true },
  scatter = { name = true, color = true, radius = true }, bar = { name = true, color = true },
  histogram = { name = true, color = true, bins = true, range = true, opacity = true },
  candles = { name = true, color = true },
  heatmap = { name = true, color = true, rows = true, columns = true, format = true },
}

local function check_number(name, value, low, high)
  if type(value) ~= "number" or not (value >= low and value <= high) then
    opts.raise("plot: %s is %s, must be a number of %g to %g", name, tostring(value), low, high)
  end
end

local function add_mark(chart, o)
  opts.expect("plot.chart", "a mark", o, "table")
  local kind = o[1]
  local allowed = mark_options[kind]
  if not allowed then
    opts.unknown("plot.chart", "mark", kind,
      { "line", "band", "scatter", "bar", "histogram", "candles", "heatmap" })
  end
  local given = {}
  for name, value in pairs(o) do if type(name) == "string" then given[name] = value end end
  opts.merge("plot " .. kind, allowed, given)
  if o.color and math.type(o.color) ~= "integer" then
    opts.raise("plot: color is %s, must be an integer of 1 to 6", tostring(o.color))
  end
  if o.color then check_number("color", o.color, 1, 6) end
  if o.opacity then check_number("opacity", o.opacity, 0, 1) end
  if o.radius then check_number("radius", o.radius, 0, 1000) end
  local mark = { kind = kind, color = o.color or (#chart.marks % 6) + 1, dash = o.dash,
    radius = o.radius }
  prepare[kind](mark, o, chart)
  chart.marks[#chart.marks + 1] = mark
  if o.name then chart.legend[#chart.legend + 1] = { name = o.name, color = mark.color } end
end

--- A chart from its description: options by name, marks in the array part, drawn in order. A mark
--- is an array with its kind first: `{"line", x, y}`, `{"band", x, low, high}`,
--- `{"scatter", x, y}`, `{"bar", names, values}`, `{"histogram", values}`, `{"candles", bars}`,
--- `{"heatmap", matrix}`; x may be left out. Values are tensors or arrays; NaN leaves a gap.
--- `x = "time"` reads
--- nanoseconds since 1970 UTC, `y = "log"` needs positive values. `horizontal = true` lays bars on
--- their side.
---     plot.chart { title = "x", { "line", { 1, 4, 9 } } }:svg():sub(1, 4) --> <svg
---@param description table
---@return neap.plot.Chart
function plot.chart(description)
  opts.expect("plot.chart", "the description", description, "table")
  local given = {}
  for name, value in pairs(description) do
    if type(name) == "string" then given[name] = value end
  end
  local chart = opts.merge("plot.chart", chart_options, given)
  check_number("width", chart.width, 1, 100000)
  check_number("height", chart.height, 1, 100000)
  local x_range, y_range = chart.x_range, chart.y_range
  chart.marks, chart.legend, chart.x_range, chart.y_range = {}, {}, {}, {}
  for _, mark in ipairs(description) do add_mark(chart, mark) end
  chart.x_range = x_range or (chart.x_range[1] and chart.x_range) or { 0, 1 }
  if y_range then
    chart.y_range = y_range
  elseif not chart.y_range[1] then
    chart.y_range = { 0, 1 }
  elseif chart.y_pad and chart.y ~= "log" then -- keep lines off the frame
    local pad = chart.y_pad * (chart.y_range[2] - chart.y_range[1])
    chart.y_range = { chart.y_range[1] - pad, chart.y_range[2] + pad }
  end
  return setmetatable(chart, Chart)
end

function Chart:__tostring()
  local kinds = {}
  for i, mark in ipairs(self.marks) do kinds[i] = mark.kind end
  return ("chart%s, %d x %d (%s); chart:save(path) writes .svg or .png"):format(
    self.title and (" '%s'"):format(self.title) or "", self.width, self.height,
    table.concat(kinds, ", "))
end

--- The chart as SVG text. `theme` is "light" (default), "dark", or "page": classes only, for a page
--- that brings the rules of both.
---     plot.line({ 1, 3, 2 }):svg "dark":match "^<svg" --> <svg
---@param theme? "light"|"dark"|"page"
---@return string
function Chart:svg(theme)
  theme = theme or "light"
  if theme ~= "page" and not svg.themes[theme] then
    opts.unknown("chart:svg", "theme", theme, { "light", "dark", "page" })
  end
  return svg.render(self, theme)
end

--- Write the chart to a file, by extension: .svg, or .png through librsvg.
---     local path = os.tmpname() .. ".svg"
---     plot.line({ 1, 3, 2 }):save(path)
---     file.exists(path) --> true
---     os.remove(path)
---@param path string
---@param o? { theme: "light"|"dark", scale: number }
function Chart:save(path, o)
  o = opts.merge("chart:save", { theme = "light", scale = 2 }, o)
  opts.expect("chart:save", "the path", path, "string")
  if path:match "%.svg$" then
    file.write(path, self:svg(o.theme))
  elseif path:match "%.png$" then
    file.write(path, plot.png(self:svg(o.theme), o.scale))
  else
    opts.raise("chart:save: '%s' ends in neither .svg nor .png", path)
  end
end

local function whole(o, name, low, high)
  if math.type(o[name]) ~= "integer" or o[name] < low or o[name] > high then
    opts.raise("chart:terminal: %s is %s, must be an integer of %d to %d", name, tostring(o[name]),
      low, high)
  end
end

--- The chart as text of `width` characters and `height` lines, in dots of braille; with `color`,
--- series differ by colour escapes. `form` "kitty" or "sixel" gives escape sequences instead that
--- such terminals show as a picture of that width and the chart's shape, drawn by librsvg in
--- `theme`; sixels are dots of the screen, `pixels` in all the `width` (8 for each character). The
--- prompt shows charts so on a terminal.
---     #plot.line({ 1, 3, 2 }):terminal { width = 30, height = 8 } > 0 --> true
---@param o? { width: integer, height: integer, color: boolean, form: string }
---@return string
function Chart:terminal(o)
  local where = "chart:terminal"
  o = opts.merge(where, { width = 80, height = 18, color = false, form = "braille",
    theme = "light", pixels = opts.none }, o)
  whole(o, "width", 16, 1000)
  whole(o, "height", 6, 500)
  local graphics = require "neap.plot.graphics"
  if graphics.check(where, o.form) == "braille" then
    return require("neap.plot.terminal").render(self, o)
  end
  o.pixels = o.pixels or 8 * o.width
  check_number("pixels", o.pixels, 16, 100000)
  return graphics.render(self, o)
end

--- PNG bytes of SVG text, drawn by librsvg at `factor` pixels per unit; opened on first use.
---     plot.png(plot.line({ 1, 2 }):svg()):sub(2, 4) --> PNG
---@param text string
---@param factor? number
---@return string
function plot.png(text, factor) return require("neap.c.plot").png(text, factor or 2) end

local function single(kind)
  return function(...)
    local arguments = table.pack(...)
    local o = {}
    if arguments.n > 1 and type(arguments[arguments.n]) == "table" and #arguments[arguments.n] == 0
      and next(arguments[arguments.n]) then
      o = arguments[arguments.n]
      arguments.n = arguments.n - 1
    end
    local description, mark = {}, { kind }
    for i = 1, arguments.n do mark[i + 1] = arguments[i] end
    for name, value in pairs(o) do
      if mark_options[kind][name] then mark[name] = value else description[name] = value end
    end
    description[1] = mark
    return plot.chart(description)
  end
end

--- A line chart of y, or of y over x; options of the chart and of the line in one table.
---     plot.line({ 1, 3, 2 }, { title = "three" }).title --> three
plot.line = single "line"

--- Points at (x, y).
---     #plot.scatter({ 1, 2 }, { 3, 4 }).marks --> 1
plot.scatter = single "scatter"

--- One bar for each name.
---     #plot.bar({ "a", "b" }, { 3, 4 }).marks --> 1
plot.bar = single "bar"

--- Counts of values in equal bins over `range` (the data's own by default).
---     plot.histogram({ 0, 1, 1 }, { bins = 2 }).marks[1].counts[2] --> 2
plot.histogram = single "histogram"

--- Candles of bars: anything with the fields open, high, low, close and, for a time axis, time.
---     plot.candles({ open = { 1 }, high = { 3 }, low = { 0 }, close = { 2 } }).x --> linear
plot.candles = single "candles"

--- Cells coloured by value; `rows` and `columns` name them.
---     #plot.heatmap({ { 1, 2 }, { 3, 4 } }).marks --> 1
plot.heatmap = single "heatmap"

return plot
