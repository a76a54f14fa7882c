--- From a chart description to SVG text. Same description, same bytes.
local scale = require "neap.plot.scale"

local svg = {}

local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }
function svg.escape(text) return (tostring(text):gsub('[&<>"]', escapes)) end

-- Ink, quiet ink, grid, paper, and six series colours that keep apart for colour-blind readers
-- (after Okabe and Ito), lighter on dark paper.
svg.themes = {
  light = { ink = "#1c2430", quiet = "#5b6675", grid = "#e3e7ec", paper = "#ffffff",
    "#0072b2", "#d55e00", "#009e73", "#b0528f", "#c98500", "#3d9bd4" },
  dark = { ink = "#e6eaf0", quiet = "#9aa6b5", grid = "#2b3440", paper = "#12171e",
    "#56b4e9", "#ff8c42", "#2fc79b", "#e39ac8", "#f0b942", "#8fd0f5" },
}

--- The style rules of one theme for the classes that charts use.
function svg.rules(theme)
  local t = svg.themes[theme]
  local out = {
    (".ink{fill:%s}.quiet{fill:%s}.paper{fill:%s}"):format(t.ink, t.quiet, t.paper),
    (".grid{stroke:%s}.axis{stroke:%s}"):format(t.grid, t.quiet),
  }
  for k = 1, 6 do
    out[#out + 1] = (".l%d{stroke:%s;fill:none}.f%d{fill:%s}"):format(k, t[k], k, t[k])
  end
  return table.concat(out)
end

local function round(v) return ("%.2f"):format(v):gsub("%.?0+$", "") end

-- A frame to draw in: the plot rectangle and where values fall in it.
local function place(chart, xs, ys)
  local f = { left = 58, right = chart.width - 14, top = chart.title and 34 or 14,
    bottom = chart.height - (chart.x_label and 48 or 32) }
  if chart.horizontal then f.left = chart.label_width or 150 end
  if #chart.legend > 1 then f.top = f.top + 20 end
  function f.x(v) return f.left + xs.at(v) * (f.right - f.left) end
  function f.y(v) return f.bottom - ys.at(v) * (f.bottom - f.top) end
  return f
end

local function text_at(out, x, y, class, anchor, size, text)
  out[#out + 1] = ('<text x="%s" y="%s" class="%s" text-anchor="%s" font-size="%d">%s</text>')
    :format(round(x), round(y), class, anchor, size, svg.escape(text))
end

local function draw_axes(out, chart, f, xs, ys)
  for _, tick in ipairs(ys.ticks) do
    local y = f.bottom - tick[1] * (f.bottom - f.top)
    if not ys.names then
      out[#out + 1] = ('<line x1="%s" y1="%s" x2="%s" y2="%s" class="grid"/>')
        :format(round(f.left), round(y), round(f.right), round(y))
    end
    text_at(out, f.left - 8, y + 4, "quiet", "end", 11, tick[2])
  end
  for _, tick in ipairs(xs.ticks) do
    local x = f.left + tick[1] * (f.right - f.left)
    if chart.horizontal then
      out[#out + 1] = ('<line x1="%s" y1="%s" x2="%s" y2="%s" class="grid"/>')
        :format(round(x), round(f.top), round(x), round(f.bottom))
    end
    text_at(out, x, f.bottom + 17, "quiet", "middle", 11, tick[2])
  end
  out[#out + 1] = ('<line x1="%s" y1="%s" x2="%s" y2="%s" class="axis"/>')
    :format(round(f.left), round(f.bottom), round(f.right), round(f.bottom))
  if chart.title then text_at(out, 14, 20, "ink", "start", 14, chart.title) end
  if chart.x_label then
    text_at(out, (f.left + f.right) / 2, chart.height - 10, "quiet", "middle", 12, chart.x_label)
  end
  if chart.y_label then
    out[#out + 1] = ('<text transform="translate(13 %s) rotate(-90)" class="quiet" '
      .. 'text-anchor="middle" font-size="12">%s</text>')
      :format(round((f.top + f.bottom) / 2), svg.escape(chart.y_label))
  end
end

local function draw_legend(out, chart, f)
  if #chart.legend < 2 then return end
  local x, y = f.left, f.top - 9
  for _, entry in ipairs(chart.legend) do
    out[#out + 1] = ('<rect x="%s" y="%s" width="14" height="4" rx="2" class="f%d"/>')
      :format(round(x), round(y - 5), entry.color)
    text_at(out, x + 19, y, "quiet", "start", 12, entry.name)
    x = x + 36 + 6.6 * utf8.len(entry.name)
  end
end

-- Points as a path; a missing value starts a new piece. More points than pixels are thinned to the
-- lowest and highest of each pixel column, so that no spike is lost.
local function thin(points, f)
  local columns = math.max(1, math.floor(f.right - f.left))
  if #points <= 4 * columns then return points end
  local thinned, i = {}, 1
  while i <= #points do
    local column, low, high = math.floor(points[i][1]), points[i], points[i]
    local first, last = points[i], points[i]
    while i <= #points and math.floor(points[i][1]) == column and points[i].gap == first.gap do
      last = points[i]
      if last[2] < low[2] then low = last end
      if last[2] > high[2] then high = last end
      i = i + 1
    end
    local order = low[1] <= high[1] and { first, low, high, last } or { first, high, low, last }
    local previous
    for _, p in ipairs(order) do
      if p ~= previous then thinned[#thinned + 1] = p end
      previous = p
    end
  end
  return thinned
end

-- Also for other drawings: f has left, right, x and y.
function svg.points(x, y, f)
  local points, gap = {}, 0
  for i = 1, #y do
    if y[i] == y[i] and x[i] == x[i] then
      points[#points + 1] = { f.x(x[i]), f.y(y[i]), gap = gap }
    else
      gap = gap + 1
    end
  end
  return thin(points, f)
end

local function path_of(points)
  local parts, gap = {}, nil
  for i, p in ipairs(points) do
    parts[i] = ("%s%s %s"):format(p.gap == gap and "L" or "M", round(p[1]), round(p[2]))
    gap = p.gap
  end
  return table.concat(parts)
end

local draw = {}

function draw.line(out, mark, f)
  out[#out + 1] = ('<path d="%s" class="l%d" stroke-width="%s" stroke-linejoin="round"%s/>')
    :format(path_of(svg.points(mark.x, mark.y, f)), mark.color, mark.dash and "1.4" or "1.6",
      mark.dash and ' stroke-dasharray="5 4"' or "")
end

function draw.band(out, mark, f)
  local upper, lower = svg.points(mark.x, mark.high, f), svg.points(mark.x, mark.low, f)
  local back = {}
  for i = #lower, 1, -1 do
    back[#back + 1] = ("L%s %s"):format(round(lower[i][1]), round(lower[i][2]))
  end
  if #upper == 0 then return end
  for _, p in ipairs(upper) do p.gap = 0 end
  out[#out + 1] = ('<path d="%s%sZ" class="f%d" fill-opacity="0.25"/>')
    :format(path_of(upper), table.concat(back), mark.color)
end

function draw.scatter(out, mark, f)
  for i = 1, #mark.y do
    if mark.y[i] == mark.y[i] and mark.x[i] == mark.x[i] then
      out[#out + 1] = ('<circle cx="%s" cy="%s" r="%s" class="f%d" fill-opacity="0.75"/>')
        :format(round(f.x(mark.x[i])), round(f.y(mark.y[i])), round(mark.radius or 2.5), mark.color)
    end
  end
end

local function rectangle(out, x1, y1, x2, y2, class, opacity)
  out[#out + 1] = ('<rect x="%s" y="%s" width="%s" height="%s" class="%s"%s/>')
    :format(round(math.min(x1, x2)), round(math.min(y1, y2)), round(math.abs(x2 - x1)),
      round(math.abs(y2 - y1)), class, opacity and (' fill-opacity="%.3f"'):format(opacity) or "")
end

function draw.bar(out, mark, f, chart)
  local n = #mark.y
  for k = 1, n do
    if mark.y[k] == mark.y[k] then
      if chart.horizontal then
        local half = 0.36 * (f.bottom - f.top) / n
        local y = f.y(n - k + 1)
        rectangle(out, f.x(0), y - half, f.x(mark.y[k]), y + half, "f" .. mark.color)
      else
        local half = 0.36 * (f.right - f.left) / n
        rectangle(out, f.x(k) - half, f.y(0), f.x(k) + half, f.y(mark.y[k]), "f" .. mark.color)
      end
    end
  end
end

function draw.histogram(out, mark, f)
  for k = 1, #mark.counts do
    rectangle(out, f.x(mark.edges[k]) + 0.5, f.y(0), f.x(mark.edges[k + 1]) - 0.5,
      f.y(mark.counts[k]), "f" .. mark.color, mark.opacity or 0.8)
  end
end

-- A rising candle has the third colour, a falling one the second.
function draw.candles(out, mark, f)
  local n = #mark.open
  local half = math.max(0.4, math.min(7, 0.36 * (f.right - f.left) / math.max(1, n)))
  for i = 1, n do
    local open, close, low, high = mark.open[i], mark.close[i], mark.low[i], mark.high[i]
    if open + close + low + high == open + close + low + high then
      local color = close >= open and 3 or 2
      local x = f.x(mark.x[i])
      out[#out + 1] = ('<path d="M%s %sV%s" class="l%d"/>'):format(round(x), round(f.y(low)),
        round(f.y(high)), color)
      rectangle(out, x - half, f.y(open), x + half, f.y(close), "f" .. color)
    end
  end
end

function draw.heatmap(out, mark, f)
  local low, high = math.huge, -math.huge
  for _, row in ipairs(mark.values) do
    for _, v in ipairs(row) do
      if v == v then low, high = math.min(low, v), math.max(high, v) end
    end
  end
  local rows, columns = #mark.values, #mark.values[1]
  local w, h = (f.right - f.left) / columns, (f.bottom - f.top) / rows
  for r, row in ipairs(mark.values) do
    for c, v in ipairs(row) do
      if v == v then
        local share = high > low and (v - low) / (high - low) or 0.5
        local x, y = f.left + (c - 1) * w, f.top + (r - 1) * h
        rectangle(out, x + 1, y + 1, x + w - 1, y + h - 1, "f" .. mark.color, 0.08 + 0.42 * share)
        if rows * columns <= 100 then
          text_at(out, x + w / 2, y + h / 2 + 4, "ink", "middle", 12, mark.format(v))
        end
      end
    end
  end
end

--- SVG text of a prepared chart (see neap.plot). theme: "light", "dark" (with their own style and
--- paper) or "page" (classes only: the page that holds the chart brings the rules).
function svg.render(chart, theme)
  local xs = scale.axis(chart.x, chart.x_range, chart.x_names, chart.horizontal and 5 or 8)
  local ys = scale.axis(chart.y, chart.y_range, chart.y_names, chart.height >= 260 and 6 or 5)
  local f = place(chart, xs, ys)
  local w, h = chart.width, chart.height
  local out = { ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" '
    .. 'height="%d" role="img" font-family="system-ui, sans-serif"><title>%s</title>'):format(w, h,
      w, h, svg.escape(chart.alt or chart.title or "chart")) }
  if theme ~= "page" then
    out[#out + 1] = "<style>" .. svg.rules(theme) .. "</style>"
    out[#out + 1] = ('<rect width="%d" height="%d" class="paper"/>'):format(w, h)
  end
  draw_axes(out, chart, f, xs, ys)
  for _, mark in ipairs(chart.marks) do draw[mark.kind](out, mark, f, chart) end
  draw_legend(out, chart, f)
  out[#out + 1] = "</svg>\n"
  return table.concat(out)
end

return svg
