--- How a frame shows itself: aligned columns, the first and last rows, clipped to a width.
local clock = require "neap.clock"

local show = {}

-- Six digits, more only where whole numbers have them: 1234567.8 is 1234568, not 1.23457e+06.
local function number_text(v)
  if v ~= v then return "nan" end
  if math.type(v) == "integer" then return tostring(v) end
  local size = math.abs(v)
  return (size >= 1e6 and size < 1e15 and "%.0f" or "%.6g"):format(v)
end

-- Times without what all of them lack: the fraction, the time of day.
local function shorten_times(texts)
  local midnight = true
  for _, text in ipairs(texts) do
    if text ~= "NaT" and not text:find("T00:00:00Z", 1, true) then midnight = false end
  end
  for i, text in ipairs(texts) do
    if text ~= "NaT" then
      local date, time = text:match "^(.-)T(.-)Z$"
      texts[i] = midnight and date or date .. " " .. time
    end
  end
end

local escapes = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

-- Text on one line.
local function printable(text)
  return (text:gsub("%c", function(control) return escapes[control] or "?" end))
end

local function cell(column, row)
  local v = column.tensor:get(row)
  if column.kind == "time" then
    return clock.print(column.time_zone and clock.to_local(v, column.time_zone) or v)
  end
  if column.kind == "category" then return printable(column.labels[v] or "") end
  if type(v) == "boolean" then return tostring(v) end
  return number_text(v)
end

local function width_of(texts)
  local width = 0
  for _, text in ipairs(texts) do width = math.max(width, utf8.len(text) or #text) end
  return width
end

--- The texts of one column for the given rows.
---@param column { kind: string, tensor: neap.tensor, labels: string[]? }
---@param rows integer[]
---@return string[]
function show.cells(column, rows)
  local texts = {}
  for i, row in ipairs(rows) do texts[i] = cell(column, row) end
  if column.kind == "time" then shorten_times(texts) end
  return texts
end

local missing_word = { time = "NaT", category = "blank", number = "nan" }

--- How many values of a column are missing: NaN, NaT, or no text.
---@param column { kind: string, tensor: neap.tensor }
---@return integer
function show.missing(column)
  local x = column.tensor
  if column.kind == "time" then return x:eq(clock.nat):sum() end
  if column.kind == "category" then return x:eq(0):sum() end
  if x.dtype ~= "f64" and x.dtype ~= "f32" then return 0 end
  return x:isnan():sum()
end

-- The same under name, dtype and the number of missing values, if any; and whether there are.
local function column_texts(column, rows)
  local missing = show.missing(column)
  local head = { column.name, column.kind == "time" and column.time_zone or column.dtype,
    missing > 0 and missing .. " " .. missing_word[column.kind] or "" }
  return table.move(show.cells(column, rows), 1, #rows, 4, head), missing > 0
end

--- The first and last rows, half of `most` each, all where there are no more; and where rows are
--- left out, after how many.
---@param n integer
---@param most integer
---@return integer[] rows
---@return integer|false cut
function show.rows(n, most)
  local rows = {}
  local first, last = (most + 1) // 2, most // 2
  for row = 1, math.min(n, first) do rows[row] = row end
  for row = math.max(#rows + 1, n - last + 1), n do rows[#rows + 1] = row end
  return rows, n > most and first
end

-- Numbers stand right, text stands left.
local function pad(text, width, left)
  local space = (" "):rep(width - (utf8.len(text) or #text))
  return left and text .. space or space .. text
end

-- What is said of columns from number `first` on, for which there was no room: the names that fit
-- into the line, at least one where one is all.
local function left_out(columns, first, used, room)
  local count = #columns - first + 1
  local text = (", %d column%s not shown: "):format(count, count == 1 and "" or "s")
  for i = first, #columns do
    local name = printable(columns[i].name)
    local more = i < #columns and ", ..." or ""
    if count > 1 and used + #text + #name + #more > room then return text .. "..." end
    text = text .. name .. (i < #columns and ", " or "")
  end
  return text
end

--- The text of a frame with these columns, in order.
---@param n integer rows
---@param columns table[] {name = ..., kind = ..., tensor = ..., labels = ..., dtype = ...}
---@param most integer rows to show
---@param room number characters of a line
---@return string
function show.text(n, columns, most, room)
  local rows, cut = show.rows(n, most)
  local head = ("frame[%d x %d]"):format(n, #columns)
  local lines, used, hidden, counted = {}, 0, nil, false
  for i, column in ipairs(columns) do
    local texts, lacks = column_texts(column, rows)
    local width = width_of(texts)
    if used + width + 2 > room and i > 1 then
      hidden = i
      break
    end
    used, counted = used + width + 2, counted or lacks
    for k, text in ipairs(texts) do
      lines[k] = (lines[k] or "") .. "  " .. pad(text, width, column.kind == "category")
    end
  end
  for k, line in ipairs(lines) do lines[k] = line:match "^.*%S" or "" end
  if cut then table.insert(lines, cut + 4, "  ...") end
  if #lines > 0 and not counted then table.remove(lines, 3) end
  if hidden then head = head .. left_out(columns, hidden, #head, room) end
  return head .. (#lines > 0 and "\n" .. table.concat(lines, "\n") or "")
end

return show
