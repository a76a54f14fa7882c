--- What is wrong, or doubtful, with the columns of a set; made by set:report.
local c = require "neap.c.ta"
local frame = require "neap.frame"
local tensor = require "neap.tensor"

---@class neap.features.report
---@field rows integer
---@field columns table[] by column: name, low, high, warm_up, missing, infinite, outside, constant
---@field pairs table[] { a, b, correlation } of columns that move together, the closest first
local Report = { __name = "neap.features.report" }
Report.__index = Report

local report = {}

local MOST_ROWS = 100000 -- that correlations are taken of
local MOST_PAIRS = 12 -- that are printed

-- Rows, evenly spread, where all columns are numbers.
local function observations(values)
  local n = #values[1]
  local step = math.max(1, -(-n // MOST_ROWS))
  local kept = {}
  for i, x in ipairs(values) do kept[i] = x:slice(1, 1, n, step):contiguous() end
  local x = tensor.stack(kept, 2)
  return x:take(x:isfinite():all(2):nonzero(), 1)
end

local function by_size(a, b)
  local x, y = math.abs(a.correlation), math.abs(b.correlation)
  if x ~= y then return x > y end
  return a.place < b.place
end

local function pairs_above(list, values, limit)
  local chosen, names, found = {}, {}, {}
  for i, column in ipairs(list) do
    if not column.constant and column.values > 1 and column.infinite == 0 then
      chosen[#chosen + 1] = values[i]
      names[#names + 1] = column.name
    end
  end
  if #chosen < 2 then return found, 0 end
  local x = observations(chosen)
  if x:size(1) < 2 then return found, x:size(1) end
  local r = tensor.corr(x):totable()
  for i = 1, #names do
    for k = i + 1, #names do
      if math.abs(r[i][k]) > limit then
        found[#found + 1] = { a = names[i], b = names[k], correlation = r[i][k], place = #found }
      end
    end
  end
  table.sort(found, by_size)
  return found, x:size(1)
end

--- A report on columns of equal length.
---@param list table[] { name, low, high } of each, the range it must keep
---@param values neap.tensor[]
---@param o { correlation: number, start: neap.tensor?, order: neap.tensor? }
---@return neap.features.report
function report.new(list, values, o)
  local r = setmetatable({ rows = #values[1], columns = {}, limit = o.correlation }, Report)
  for i, column in ipairs(list) do
    local found = c.survey(values[i], column.low, column.high, o.start, o.order)
    found.name, found.low, found.high = column.name, column.low, column.high
    found.values = r.rows - found.warm_up - found.missing
    found.constant = found.values > 1 and found.infinite == 0 and found.smallest == found.largest
    r.columns[i] = found
  end
  r.pairs, r.compared = pairs_above(r.columns, values, o.correlation)
  return r
end

local function several(n, one, many) return ("%d %s"):format(n, n == 1 and one or many) end

-- What is said of one column, or nil.
local function faults_of(column)
  local texts = {}
  if column.values == 0 then texts[1] = "has no value at all" end
  if column.outside > 0 then
    texts[#texts + 1] = ("%s outside %.6g to %.6g (first: row %d)"):format(
      several(column.outside, "value", "values"), column.low, column.high, column.first_outside)
  end
  if column.infinite > 0 then
    texts[#texts + 1] = several(column.infinite, "infinite value", "infinite values")
  end
  if column.missing > 0 then
    texts[#texts + 1] = ("%d NaN after the warm-up"):format(column.missing)
  end
  if column.constant then texts[#texts + 1] = ("is always %.6g"):format(column.smallest) end
  return #texts > 0 and column.name .. ": " .. table.concat(texts, ", ") or nil
end

--- What is wrong with the columns, one sentence each: values outside the range of the indicator,
--- infinities, NaN after the warm-up, constants.
---     local bars = { close = tensor.of { 5, 5, 5, 5 } }
---     features.set({ "sma_2", "ret_1" }):report(bars):problems()[1] --> sma_2: is always 5
---@return string[]
function Report:problems()
  local texts = {}
  for _, column in ipairs(self.columns) do texts[#texts + 1] = faults_of(column) end
  return texts
end

--- The counts as a frame, one row for each column.
---     local bars = { close = tensor.of { 1, 2, 4, 8 } }
---     features.set({ "sma_2" }):report(bars):frame().largest[1] --> 6.0
---@return neap.frame
function Report:frame()
  local fields = { "name", "smallest", "largest", "warm_up", "missing", "infinite", "outside" }
  local lists = {}
  for k, field in ipairs(fields) do
    local values = {}
    for i, column in ipairs(self.columns) do values[i] = column[field] end
    lists[k] = { field, values }
  end
  return frame.new(lists)
end

function Report.__tostring(self)
  local problems = self:problems()
  local lines = { ("%s of %s, %d numbers compared for correlation"):format(
    several(#self.columns, "column", "columns"), several(self.rows, "row", "rows"),
    self.compared) }
  if #problems == 0 then
    lines[2] = "no value is out of range, infinite or missing after the warm-up; none is constant"
  end
  table.move(problems, 1, #problems, #lines + 1, lines)
  if #self.pairs == 0 then
    lines[#lines + 1] = ("no two columns correlate by more than %g"):format(self.limit)
  else
    lines[#lines + 1] = ("%s by more than %g:"):format(
      several(#self.pairs, "pair correlates", "pairs correlate"), self.limit)
  end
  for i, pair in ipairs(self.pairs) do
    if i > MOST_PAIRS then
      lines[#lines + 1] = ("  and %d more"):format(#self.pairs - MOST_PAIRS)
      break
    end
    lines[#lines + 1] = ("  %+.4f  %s, %s"):format(pair.correlation, pair.a, pair.b)
  end
  lines[#lines + 1] = self:frame():to_text { rows = math.huge, width = 120 }
  return table.concat(lines, "\n")
end

return report
