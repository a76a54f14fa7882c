--- Reports: one HTML file that needs no network and reads well in light and dark.
local class = require "neap.class"
local file = require "neap.file"
local opts = require "neap.opts"
local svg = require "neap.plot.svg"

local report = {}

---@class neap.report.Report
local Report = class "neap.report.Report"

local style = [[
:root{color-scheme:light dark}
body{margin:0 auto;max-width:60rem;padding:2rem 1rem 4rem;font:16px/1.55 system-ui,sans-serif}
h1{font-size:1.7rem;margin:0 0 .2rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.4rem 0 .6rem}
p{margin:.5rem 0}.sub{margin-bottom:1rem}
.notice{border-left:4px solid;padding:.5rem .9rem;margin:1rem 0;border-radius:4px}
table{border-collapse:collapse;margin:.8rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .9rem .25rem 0;text-align:left;border-bottom:1px solid}
th{font-weight:600}td.n,th.n{text-align:right}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.2rem,1fr));
gap:.7rem;margin:1rem 0}
.figures div{border:1px solid;border-radius:8px;padding:.5rem .8rem}
.figures b{display:block;font-size:1.25rem;font-variant-numeric:tabular-nums}
.figures span{font-size:.85rem}
.charts{display:flex;flex-wrap:wrap;gap:1rem}.charts svg,.wide svg{max-width:100%;height:auto}
.scroll,.wide{overflow-x:auto}.wide svg{min-width:40rem}
pre{white-space:pre-wrap;overflow-wrap:break-word;font-size:.85rem}
ul{padding-left:1.4rem}li{margin:.2rem 0}
@media(max-width:40rem){table{font-size:.85rem}th,td{padding-right:.6rem}}
]]

-- Page colours of one theme; the charts' classes follow.
local function page_rules(theme)
  local t = svg.themes[theme]
  return ("body{background:%s;color:%s}.sub,.figures span{color:%s}"
    .. "th,td,.figures div{border-color:%s}.notice{border-color:%s;background:%s}")
    :format(t.paper, t.ink, t.quiet, t.grid, t[5], t.grid) .. svg.rules(theme)
end

local function sheet()
  return style .. page_rules "light" .. "\n@media (prefers-color-scheme:dark){" .. page_rules "dark"
    .. "}\n"
end

--- Start a report.
---     report.new { title = "Test" }:text("hello"):html():find("hello", 1, true) ~= nil --> true
---@param o { title: string, subtitle?: string, language?: string }
---@return neap.report.Report
function report.new(o)
  o = opts.merge("report.new", { title = opts.required, subtitle = "", language = "en" }, o)
  return setmetatable({ options = o, parts = {} }, Report)
end

local function add(self, format, ...)
  self.parts[#self.parts + 1] = format:format(...)
  return self
end

--- A heading; what follows belongs to it. Every method returns the report, so calls chain.
---     local page = report.new { title = "EMA cross" }
---     page:section "Costs"
---     page:html():find("<h2>Costs</h2>", 1, true) ~= nil --> true
function Report:section(title) return add(self, "<h2>%s</h2>", svg.escape(title)) end

--- A paragraph of plain text.
---     local page = report.new { title = "EMA cross" }
---     page:text "a < b"
---     page:html():find("<p>a &lt; b</p>", 1, true) ~= nil --> true
function Report:text(text) return add(self, "<p>%s</p>", svg.escape(text)) end

--- A paragraph nobody should overlook.
---     local page = report.new { title = "EMA cross" }
---     page:notice "Filled at the close."
---     page:html():find("Filled at the close.", 1, true) ~= nil --> true
function Report:notice(text) return add(self, '<p class="notice">%s</p>', svg.escape(text)) end

local function check_array(method, name, value)
  if type(value) ~= "table" then
    opts.raise("report:%s: %s must be an array, got %s", method, name, type(value))
  end
end

--- A bulleted list of plain texts.
---     local page = report.new { title = "EMA cross" }
---     page:list { "one", "two" }
---     page:html():find("<li>two</li>", 1, true) ~= nil --> true
function Report:list(items)
  check_array("list", "items", items)
  local out = {}
  for i, item in ipairs(items) do out[i] = "<li>" .. svg.escape(item) .. "</li>" end
  return add(self, "<ul>%s</ul>", table.concat(out))
end

--- Preformatted text, such as a configuration file.
---     local page = report.new { title = "EMA cross" }
---     page:code "fee: 5e-4"
---     page:html():find("<pre>fee: 5e-4</pre>", 1, true) ~= nil --> true
function Report:code(text) return add(self, "<pre>%s</pre>", svg.escape(text)) end

--- Key figures: an array of { name, text }.
---     local page = report.new { title = "EMA cross" }
---     page:figures { { "Sharpe", "1.2" } }
---     page:html():find("Sharpe", 1, true) ~= nil --> true
function Report:figures(pairs_of)
  check_array("figures", "figures", pairs_of)
  local out = {}
  for i, pair in ipairs(pairs_of) do
    check_array("figures", "a figure", pair)
    out[i] = ("<div><b>%s</b><span>%s</span></div>"):format(svg.escape(pair[2]),
      svg.escape(pair[1]))
  end
  return add(self, '<div class="figures">%s</div>', table.concat(out))
end

-- Cells that read as numbers are set flush right, and the headings above them as the first row is.
local function is_number(value)
  return type(value) == "number" or tostring(value):match "^[-+]?[%d.,e+-]+ ?[%%a-zA-Z]?$" ~= nil
end

local function cell(tag, value, number)
  local text = tostring(value)
  return ("<%s%s>%s</%s>"):format(tag, number and ' class="n"' or "", svg.escape(text), tag)
end

--- A table: an array of column names, an array of rows.
---     local page = report.new { title = "EMA cross" }
---     page:table({ "name", "value" }, { { "fee", 0.0005 } })
---     page:html():find("0.0005", 1, true) ~= nil --> true
function Report:table(header, rows)
  check_array("table", "the header", header)
  check_array("table", "rows", rows)
  local out = {}
  local function row(tag, cells, like)
    local texts = {}
    for i, value in ipairs(cells) do texts[i] = cell(tag, value, is_number(like[i])) end
    out[#out + 1] = "<tr>" .. table.concat(texts) .. "</tr>"
  end
  row("th", header, rows[1] or header)
  for i, cells in ipairs(rows) do
    check_array("table", "a row", cells)
    if #cells ~= #header then
      opts.raise("report:table: row %d has %d cells, the header has %d", i, #cells, #header)
    end
    row("td", cells, cells)
  end
  return add(self, '<div class="scroll"><table>%s</table></div>', table.concat(out))
end

--- Charts side by side where the width allows.
---     local page = report.new { title = "EMA cross" }
---     page:charts(plot.line { 1, 3, 2 }, plot.line { 2, 1 })
---     page:html():find("<svg", 1, true) ~= nil --> true
function Report:charts(...)
  local out = {}
  for i, chart in ipairs { ... } do out[i] = chart:svg "page" end
  return add(self, '<div class="charts">%s</div>', table.concat(out))
end

--- One chart over the whole width.
---     local page = report.new { title = "EMA cross" }
---     page:chart(plot.line { 1, 3, 2 })
---     page:html():find("<svg", 1, true) ~= nil --> true
function Report:chart(chart) return add(self, '<div class="wide">%s</div>', chart:svg "page") end

--- The page as text. Its content security policy allows its own style sheet and nothing else.
---     report.new({ title = "EMA cross" }):html():match "<title>(.-)</title>" --> EMA cross
---@return string
function Report:html()
  local o, css = self.options, sheet()
  local digest = file.sha256(css):gsub("%x%x", function(hex)
    return string.char(tonumber(hex, 16))
  end)
  return table.concat {
    ('<!doctype html>\n<html lang="%s"><head><meta charset="utf-8">\n')
      :format(svg.escape(o.language)),
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'sha256-',
    require("neap.c.plot").base64(digest), '\'">\n',
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
    ("<title>%s</title>\n<style>%s</style></head>\n<body><h1>%s</h1>\n")
      :format(svg.escape(o.title), css, svg.escape(o.title)),
    o.subtitle ~= "" and ('<p class="sub">%s</p>\n'):format(svg.escape(o.subtitle)) or "",
    table.concat(self.parts, "\n"), "\n</body></html>\n",
  }
end

--- Write the page, whole or not at all.
---     local path = os.tmpname()
---     report.new({ title = "EMA cross" }):save(path)
---     file.read(path):match "<h1>(.-)</h1>" --> EMA cross
---     os.remove(path)
---@param path string
function Report:save(path)
  opts.expect("report:save", "the path", path, "string")
  file.write(path, self:html())
end

return report
