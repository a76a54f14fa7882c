--- What an audit found, as a table that prints.
local clock = require "neap.clock"

---@class neap.audit.Report
---@field ok boolean nothing moved
---@field moved string[] the columns that moved, in their order
---@field findings table[] { column, test, row, time, cut, size, count }: per column and test the
--- first row that moved, its time, the cut after which it did, the largest change (inf where a
--- value appears or vanishes), and how many values moved in all
---@field columns integer how many were looked at
---@field rows integer bars
---@field cuts integer[] the rows after which the future was taken away or changed
---@field warmup table<string, number>? rows after which a column does not feel where its history
--- starts; inf for never
---@field lag { given: number, delayed: number }? sums of what `lag` gave, and one bar later
local Report = { __name = "neap.audit.Report" }
Report.__index = Report

local function size_text(size)
  if size == math.huge then return "appears" end
  return ("%.4g"):format(size)
end

local function table_text(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, #cell) end
  end
  for k, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      cells[i] = (i <= 2 and "%-" or "%") .. widths[i] .. "s"
      cells[i] = cells[i]:format(cell)
    end
    lines[k] = "  " .. table.concat(cells, "  ")
  end
  return table.concat(lines, "\n")
end

local function warmup_lines(r)
  local never, slow, longest = {}, nil, -1
  for _, name in ipairs(r.names) do
    local w = r.warmup[name]
    if w == math.huge then never[#never + 1] = name
    elseif w > longest then slow, longest = name, w end
  end
  local lines = {}
  if slow then
    lines[1] = ("warm-up: %d rows at most until the start of history is not felt (%s)"):format(
      longest, slow)
  end
  if #never > 0 then
    lines[#lines + 1] = "warm-up: always felt by " .. table.concat(never, ", ")
  end
  return lines
end

function Report.__tostring(r)
  local lines = { ("look-ahead: %s (%d columns, %d bars, %d cuts; %s)"):format(
    r.ok and "none found" or ("%d column%s moved"):format(#r.moved, #r.moved == 1 and "" or "s"),
    r.columns, r.rows, #r.cuts, table.concat(r.tests, ", ")) }
  if #r.findings > 0 then
    local rows = { { "column", "test", "first row", "time", "cut", "size", "values" } }
    for i, f in ipairs(r.findings) do
      rows[i + 1] = { f.column, f.test, ("%d"):format(f.row), f.time and clock.print(f.time) or "-",
        f.cut and ("%d"):format(f.cut) or "-", size_text(f.size), ("%d"):format(f.count) }
    end
    lines[#lines + 1] = table_text(rows)
  end
  if r.warmup then
    for _, line in ipairs(warmup_lines(r)) do lines[#lines + 1] = line end
  end
  if r.lag then
    lines[#lines + 1] = ("lag: %.6g as given, %.6g one bar later"):format(r.lag.given,
      r.lag.delayed)
  end
  return table.concat(lines, "\n")
end

return Report
