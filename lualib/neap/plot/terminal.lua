--- From a chart description to text: dots of braille, two across and four down in each character.
local scale = require "neap.plot.scale"
local svg = require "neap.plot.svg"

local terminal = {}

-- Bits of a braille character, by row of dots and left or right.
local bits = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } }
local codes = { 34, 33, 32, 35, 36, 94 } -- colours of the series, by escape code
local shades = { " ", "░", "▒", "▓", "█" }

local function new_canvas(width, height)
  local c = { width = width, height = height, dots = {}, ink = {}, over = {} }
  for row = 1, height do c.dots[row], c.ink[row], c.over[row] = {}, {}, {} end
  return c
end

-- The dot at (x, y), from 0, the top left one first.
local function dot(c, x, y, color)
  local column, row = x // 2 + 1, y // 4 + 1
  if column < 1 or column > c.width or row < 1 or row > c.height then return end
  c.dots[row][column] = (c.dots[row][column] or 0) | bits[y % 4 + 1][x % 2 + 1]
  c.ink[row][column] = color
end

local function nearest(v) return math.floor(v + 0.5) end

local function segment(c, x1, y1, x2, y2, color)
  local steps = math.max(math.abs(x2 - x1), math.abs(y2 - y1), 1)
  if steps > 100000 then return end -- far outside the frame
  for k = 0, steps do
    dot(c, nearest(x1 + (x2 - x1) * k / steps), nearest(y1 + (y2 - y1) * k / steps), color)
  end
end

local function box(c, x1, y1, x2, y2, color)
  if x1 ~= x1 or x2 ~= x2 or y1 ~= y1 or y2 ~= y2 then return end
  local left, right = math.max(0, math.min(x1, x2)), math.min(2 * c.width - 1, math.max(x1, x2))
  local top, bottom = math.max(0, math.min(y1, y2)), math.min(4 * c.height - 1, math.max(y1, y2))
  for x = left, right do
    for y = top, bottom do dot(c, x, y, color) end
  end
end

local draw = {}

local function polyline(c, points, color)
  local last
  for _, p in ipairs(points) do
    local finite = p[1] - p[1] == 0 and p[2] - p[2] == 0
    local x, y = finite and nearest(p[1]), finite and nearest(p[2])
    local joined = finite and last and last.gap == p.gap
    if finite then segment(c, joined and last.x or x, joined and last.y or y, x, y, color) end
    last = finite and { x = x, y = y, gap = p.gap }
  end
end

function draw.line(c, mark, f) polyline(c, svg.points(mark.x, mark.y, f), mark.color) end

function draw.band(c, mark, f)
  polyline(c, svg.points(mark.x, mark.low, f), mark.color)
  polyline(c, svg.points(mark.x, mark.high, f), mark.color)
end

function draw.scatter(c, mark, f)
  for i = 1, #mark.y do
    local x, y = f.x(mark.x[i]), f.y(mark.y[i])
    if x - x == 0 and y - y == 0 then dot(c, nearest(x), nearest(y), mark.color) end
  end
end

function draw.bar(c, mark, f, chart)
  local n = #mark.y
  for k = 1, n do
    local v = mark.y[k]
    if v == v and chart.horizontal then
      local half, y = 0.36 * (f.bottom - f.top) / n, f.y(n - k + 1)
      box(c, nearest(f.x(0)), nearest(y - half), nearest(f.x(v)), nearest(y + half), mark.color)
    elseif v == v then
      local half, x = 0.36 * (f.right - f.left) / n, f.x(k)
      box(c, nearest(x - half), nearest(f.y(0)), nearest(x + half), nearest(f.y(v)), mark.color)
    end
  end
end

function draw.histogram(c, mark, f)
  for k = 1, #mark.counts do
    if mark.counts[k] > 0 then
      box(c, nearest(f.x(mark.edges[k])), nearest(f.y(0)), nearest(f.x(mark.edges[k + 1])) - 1,
        nearest(f.y(mark.counts[k])), mark.color)
    end
  end
end

function draw.heatmap(c, mark)
  local range = { math.huge, -math.huge }
  for _, row in ipairs(mark.values) do
    for _, v in ipairs(row) do
      if v == v then range[1], range[2] = math.min(range[1], v), math.max(range[2], v) end
    end
  end
  local rows, columns = #mark.values, #mark.values[1]
  for row = 1, c.height do
    local values = mark.values[(row - 1) * rows // c.height + 1]
    for column = 1, c.width do
      local v = values[(column - 1) * columns // c.width + 1]
      local share = range[2] > range[1] and (v - range[1]) / (range[2] - range[1]) or 0.5
      local shade = v == v and shades[math.min(5, math.floor(share * 4) + 2)] or " "
      c.over[row][column], c.ink[row][column] = shade, mark.color
    end
  end
end

-- Candles that would share a column of dots become one: first open, extremes, last close.
local function fewer_candles(mark, room)
  local n = #mark.open
  local each = math.max(1, (n + room - 1) // room)
  local list = {}
  for from = 1, n, each do
    local to = math.min(n, from + each - 1)
    local candle = { x = mark.x[from], open = mark.open[from], close = mark.close[to],
      low = math.huge, high = -math.huge }
    for i = from, to do
      candle.low = math.min(candle.low, mark.low[i])
      candle.high = math.max(candle.high, mark.high[i])
    end
    list[#list + 1] = candle
  end
  return list
end

-- A candle takes two columns of dots: the wick in the left one, the body in both. Without colours a
-- falling body is full and a rising one has a hollow right side.
function draw.candles(c, mark, f)
  for _, candle in ipairs(fewer_candles(mark, c.width)) do
    local x = nearest(f.x(candle.x)) // 2 * 2
    local color = candle.close >= candle.open and 3 or 2
    local open, close = nearest(f.y(candle.open)), nearest(f.y(candle.close))
    if f.y(candle.low) - f.y(candle.high) >= 0 then
      box(c, x, nearest(f.y(candle.low)), x, nearest(f.y(candle.high)), color)
      if color == 2 then box(c, x + 1, open, x + 1, close, color) end
      dot(c, x + 1, open, color)
      dot(c, x + 1, close, color)
    end
  end
end

local function canvas_lines(c, paint)
  local lines = {}
  for row = 1, c.height do
    local cells = {}
    for column = 1, c.width do
      local mask = c.dots[row][column]
      local text = c.over[row][column] or (mask and utf8.char(0x2800 + mask) or " ")
      cells[column] = c.ink[row][column] and paint(c.ink[row][column], text) or text
    end
    lines[row] = table.concat(cells):gsub("%s+$", "")
  end
  return lines
end

local function fit(text, width)
  local n = utf8.len(text) or #text
  if n <= width then return text, n end
  return text:sub(1, utf8.offset(text, width + 1) - 1), width
end

-- Labels of the y axis by canvas row.
local function labels_of(ys, height, limit)
  local labels, widest = {}, 0
  for _, tick in ipairs(ys.ticks) do
    local row = math.max(1, math.min(height, nearest((1 - tick[1]) * (4 * height - 1)) // 4 + 1))
    local text, n = fit(tick[2], limit)
    if not labels[row] then
      labels[row], widest = text, math.max(widest, n)
    end
  end
  return labels, widest
end

-- The line of labels under the x axis; one that would touch its neighbour is left out.
local function x_labels(xs, width)
  local line, used = "", 0
  for _, tick in ipairs(xs.ticks) do
    local text, n = fit(tick[2], width)
    local from = math.max(0, math.min(width - n, nearest(tick[1] * (width - 1) - n / 2)))
    if used == 0 or from > used then
      line = line .. (" "):rep(from - used) .. text
      used = from + n
    end
  end
  return line
end

local function heading(chart, paint, width)
  local lines = {}
  if chart.title then lines[1] = (fit(chart.title, width)) end
  if #chart.legend > 1 then
    local names = {}
    for i, entry in ipairs(chart.legend) do
      names[i] = paint(entry.color, "⠒⠒") .. " " .. entry.name
    end
    lines[#lines + 1] = table.concat(names, "  ")
  end
  return lines
end

--- Text of a prepared chart (see neap.plot), `width` characters wide and `height` lines high.
---@param chart table
---@param o { width: integer, height: integer, color: boolean }
---@return string
function terminal.render(chart, o)
  local function paint(color, text)
    return o.color and ("\27[%dm%s\27[0m"):format(codes[color], text) or text
  end
  local lines = heading(chart, paint, o.width)
  local height = math.max(3, o.height - #lines - 2)
  local ys = scale.axis(chart.y, chart.y_range, chart.y_names, math.max(2, height // 3))
  local labels, margin = labels_of(ys, height, o.width // 3)
  local width = math.max(4, o.width - margin - 1)
  local xs = scale.axis(chart.x, chart.x_range, chart.x_names, math.max(1, width // 12))
  local f = { left = 0, right = 2 * width - 1, top = 0, bottom = 4 * height - 1 }
  function f.x(v) return xs.at(v) * f.right end
  function f.y(v) return (1 - ys.at(v)) * f.bottom end
  local c = new_canvas(width, height)
  for _, mark in ipairs(chart.marks) do draw[mark.kind](c, mark, f, chart) end
  for row, text in ipairs(canvas_lines(c, paint)) do
    local label = labels[row] or ""
    local pad = (" "):rep(margin - (utf8.len(label) or #label))
    lines[#lines + 1] = pad .. label .. (labels[row] and "┤" or "│") .. text
  end
  lines[#lines + 1] = (" "):rep(margin) .. "└" .. ("─"):rep(width)
  lines[#lines + 1] = (" "):rep(margin + 1) .. x_labels(xs, width)
  return table.concat(lines, "\n")
end

return terminal
