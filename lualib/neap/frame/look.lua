--- What a frame holds and how it shows; loaded by neap.frame.
local category = require "neap.frame.category"
local clock = require "neap.clock"
local core = require "neap.frame.core"
local elsewhere = require "neap.frame.elsewhere"
local opts = require "neap.opts"
local show = require "neap.frame.print"
local tensor = require "neap.tensor"

---@class neap.frame
local Frame = core.Frame

local frame, put, to_column, is_tensor = core.frame, core.put, core.to_column, core.is_tensor
local size_of = { f64 = 8, f32 = 4, i64 = 8, i32 = 4, u8 = 1, bool = 1 }
local column_at, known, state_of, value_of =
  core.column_at, core.known, core.state_of, core.value_of

--- The column called `name`: a tensor, or a category. An unknown name is an error with the nearest.
---     frame.new({ { "x", { 1, 2 } } }):column("x"):get(2) --> 2.0
---@param name string
---@return neap.tensor|neap.category
function Frame:column(name) return value_of(column_at(self, "frame", name)) end

--- The names of the columns, in order.
---     table.concat(frame.new({ { "x", { 1 } }, { "y", { 2 } } }):columns(), " ") --> x y
---@return string[]
function Frame:columns() return known(state_of(self, "frame:columns")) end

--- Whether there is a column of that name.
---     frame.new({ { "x", { 1 } } }):has "y" --> false
---@param name string
---@return boolean
function Frame:has(name) return state_of(self, "frame:has").columns[name] ~= nil end

--- "time", "category", or the dtype of the column's tensor.
---     frame.new({ { "x", { 1 } } }):dtype "x" --> f64
---@param name string
---@return string
function Frame:dtype(name)
  local column = column_at(self, "frame:dtype", name)
  return column.kind == "number" and column.tensor.dtype or column.kind
end

-- `for name, values in pairs(f)` goes through the columns in order.
function Frame.__pairs(self)
  local state, i = state_of(self, "pairs"), 0
  return function()
    i = i + 1
    local name = state.names[i]
    if name then return name, value_of(state.columns[name]) end
  end
end

function Frame.__len(self) return state_of(self).rows or 0 end

-- Methods win over columns; a name that is neither is an error.
function Frame.__index(self, key)
  local method = Frame[key]
  if method ~= nil then return method end
  local column = state_of(self, "frame").columns[key]
  if column then return value_of(column) end
  if type(key) ~= "string" then
    opts.raise("frame: columns have names; rows are f:rows(a, b), f:take(positions), f:where(mask)")
  end
  if elsewhere.methods[key] then
    opts.raise("frame: there is no column or method '%s'; write %s", key, elsewhere.methods[key])
  end
  local names = self:columns()
  for name, value in next, Frame do
    if type(value) == "function" and not name:find "^__" then names[#names + 1] = name end
  end
  opts.unknown("frame", "column or method", key, names,
    "its columns are " .. table.concat(self:columns(), ", "))
end

function Frame.__newindex(self, name, values)
  if Frame[name] ~= nil then
    opts.raise("frame: '%s' is a method; use f:assign{{'%s', x}} for a column of that name", name,
      name)
  end
  if values == nil then
    opts.raise("frame: a column is taken out by f:drop { '%s' }, which gives a new frame",
      tostring(name))
  end
  local state = state_of(self)
  local old = state.columns[name]
  local kind = old and old.kind == "time" and is_tensor(values) and values.dtype == "i64" and "time"
  put(self, "frame", name, to_column("frame", tostring(name), values, kind or nil, state.rows))
end

-- The columns as neap.frame.print takes them.
local function shown_columns(self, time_zone)
  local state, columns = state_of(self), {}
  for i, name in ipairs(state.names) do
    local column = state.columns[name]
    columns[i] = { name = name, kind = column.kind, tensor = column.tensor, labels = column.labels,
      dtype = self:dtype(name), time_zone = time_zone }
  end
  return columns
end

local function text_of(self, rows, width, time_zone)
  return show.text(#self, shown_columns(self, time_zone), rows, width)
end

function Frame.__tostring(self) return text_of(self, 10, 100) end

--- The frame as it prints, with more of it: `rows` (10) of the first and last rows, lines of at
--- most `width` (100) characters; math.huge shows everything. Times are those of UTC, or with
--- `time_zone` what its clock shows, and the line under their name then tells the zone.
---     frame.new({ { "x", { 1 } } }):to_text { width = 200 }:match "^[^\n]*" --> frame[1 x 1]
---@param o? { rows: integer, width: number, time_zone: string }
---@return string
function Frame:to_text(o)
  o = opts.merge("frame:to_text", { rows = 10, width = 100, time_zone = opts.none }, o)
  if o.time_zone ~= nil then
    opts.expect("frame:to_text", "option 'time_zone'", o.time_zone, "string")
    clock.to_local(0, o.time_zone) -- an unknown zone is an error without times too
  end
  for _, name in ipairs { "rows", "width" } do
    local value = o[name]
    if type(value) ~= "number" or value ~= value or value < 1 then
      opts.raise("frame:to_text: %s is %s, must be a number of at least 1", name, tostring(value))
    end
  end
  return text_of(self, math.tointeger(o.rows) or #self + 1, o.width, o.time_zone)
end

local function check_rows(where, o)
  o = opts.merge(where, { rows = 20 }, o)
  if type(o.rows) ~= "number" or o.rows ~= o.rows or o.rows < 1 then
    opts.raise("%s: rows is %s, must be a number of at least 1", where, tostring(o.rows))
  end
  return math.tointeger(o.rows) or math.maxinteger
end

-- Cells by column, with a row of dots where rows are left out.
local function table_cells(self, most)
  local rows, cut = show.rows(#self, most)
  local columns = shown_columns(self)
  for _, column in ipairs(columns) do
    column.cells = show.cells(column, rows)
    if cut then table.insert(column.cells, cut + 1, "...") end
  end
  return columns, #rows + (cut and 1 or 0)
end

local function row_of(columns, i, mark, escape)
  local cells = {}
  for k, column in ipairs(columns) do cells[k] = mark(escape(column.cells[i]), column) end
  return table.concat(cells)
end

local function markdown_text(text) return (text:gsub("[|\\]", "\\%0"):gsub("%s", " ")) end

--- The frame as a table of GitHub's Markdown: the first and last of at most `rows` (20) rows,
--- math.huge for all.
---     frame.new({ { "x", { 1, 2 } } }):markdown():match "^[^\n]*" --> | x |
---@param o? { rows: number }
---@return string
function Frame:markdown(o)
  local columns, count = table_cells(self, check_rows("frame:markdown", o))
  if #columns == 0 then return "" end
  local lines = { "|", "|" }
  for _, column in ipairs(columns) do
    lines[1] = lines[1] .. " " .. markdown_text(column.name) .. " |"
    lines[2] = lines[2] .. (column.kind == "category" and " --- |" or " ---: |")
  end
  for i = 1, count do
    lines[#lines + 1] = "|" .. row_of(columns, i, function(text) return " " .. text .. " |" end,
      markdown_text)
  end
  return table.concat(lines, "\n") .. "\n"
end

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function html_text(text) return (text:gsub('[&<>"]', entities)) end

--- The frame as an HTML table of class `frame`, text escaped: the first and last of at most `rows`
--- (20) rows, math.huge for all. Numbers and times stand right by a style of each cell.
---     frame.new({ { "x<y", { 1 } } }):html():match "<th [^>]*>(.-)</th>" --> x&lt;y
---@param o? { rows: number }
---@return string
function Frame:html(o)
  local columns, count = table_cells(self, check_rows("frame:html", o))
  local function cell_of(tag)
    return function(text, column)
      local style = column.kind == "category" and "left" or "right"
      return ('<%s style="text-align:%s">%s</%s>'):format(tag, style, text, tag)
    end
  end
  local heads, head_cell = {}, cell_of "th"
  for k, column in ipairs(columns) do heads[k] = head_cell(html_text(column.name), column) end
  local lines = { '<table class="frame">', "<thead><tr>" .. table.concat(heads) .. "</tr></thead>",
    "<tbody>" }
  for i = 1, count do
    lines[#lines + 1] = "<tr>" .. row_of(columns, i, cell_of "td", html_text) .. "</tr>"
  end
  lines[#lines + 1] = "</tbody></table>"
  return table.concat(lines, "\n") .. "\n"
end

--- What the frame is made of, one row for each column: name, dtype, how many values are missing,
--- and bytes of its values (views share theirs).
---     frame.new({ { "x", { 1, 0 / 0 } } }):info().missing[1] --> 1
---@return neap.frame
function Frame:info()
  local names, dtypes, missing, bytes = {}, {}, {}, {}
  for i, column in ipairs(shown_columns(self)) do
    names[i], dtypes[i], missing[i] = column.name, column.dtype, show.missing(column)
    bytes[i] = #self * size_of[column.tensor.dtype]
  end
  local i64 = { dtype = "i64" }
  return frame.new { { "column", category.of_texts(names) },
    { "dtype", category.of_texts(dtypes) },
    { "missing", tensor.of(missing, i64) }, { "bytes", tensor.of(bytes, i64) } }
end

local statistics = { "count", "mean", "std", "min", "25 %", "median", "75 %", "max" }

-- NaN left out; of nothing all is NaN but the count.
local function summary(x)
  local count = x:eq(x):sum()
  if count == 0 then return { 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0 } end
  local skip = { skip_nan = true }
  local q = x:quantile({ 0.25, 0.5, 0.75 }, skip)
  local low, high = x:min(skip), x:max(skip)
  return { count, x:mean(skip), x:std(skip), low, q[1], q[2], q[3], high }
end

--- Count, mean, standard deviation (ddof 1), smallest, quartiles and largest of each column of
--- numbers, as a frame with the column `statistic`. NaN are left out.
---     frame.new({ { "x", { 1, 2, 0 / 0 } } }):describe().x[2] --> 1.5
---@return neap.frame
function Frame:describe()
  local state, columns = state_of(self, "frame:describe"), { { "statistic", statistics } }
  for _, name in ipairs(state.names) do
    local column = state.columns[name]
    if column.kind == "number" then
      columns[#columns + 1] = { name, tensor.of(summary(column.tensor:to "f64")) }
    end
  end
  return frame.new(columns)
end
