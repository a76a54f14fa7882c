--- What market.validate found and did, as a table that prints.
local clock = require "neap.clock"
local duration = require "neap.duration"

---@class neap.market.report
local Report = { __name = "neap.market.report" }
Report.__index = Report

local report = {}

report.duration, report.parse_duration = duration.text, duration.parse

-- What can be wrong with rows, in the order it is told.
local faults = {
  { "no_time", "rows without a time" },
  { "nan_prices", "rows with a price missing" },
  { "non_positive", "rows with a price of zero or below" },
  { "contradictions", "rows where high, low, open and close contradict each other" },
  { "duplicates", "rows with the time of another" },
  { "disorder", "rows earlier than the row before" },
}

--- The faults that were found, as sentences with their first rows.
---     local _, found = market.validate(market.synthetic { rows = 30 })
---     #found:problems() --> 0
---@return string[]
function Report:problems()
  local texts = {}
  for _, fault in ipairs(faults) do
    local count, first = self[fault[1]], self["first_" .. fault[1]]
    if count > 0 then
      texts[#texts + 1] = ("%d %s (first: row %d)"):format(count, fault[2], first)
    end
  end
  return texts
end

function Report.__tostring(self)
  local lines = {
    ("%d rows, %s to %s"):format(self.rows, clock.print(self.first_time),
      clock.print(self.last_time)),
    ("cadence %s, kept by %.1f %% of steps; %s"):format(self.cadence_text, 100 * self.regular,
      self.continuous and "trades around the clock" or "trades in sessions"),
    ("%d gaps, %d bars missing"):format(self.gaps, self.missing_bars),
  }
  if self.gaps > 0 then
    lines[3] = lines[3] .. (", the longest %d after %s"):format(self.longest_gap,
      clock.print(self.longest_gap_time))
  end
  if self.session_gaps > 0 then
    lines[3] = lines[3] .. ("; besides %d nights, weekends and holidays"):format(self.session_gaps)
  end
  for _, text in ipairs(self:problems()) do lines[#lines + 1] = text end
  if #self:problems() == 0 then lines[#lines + 1] = "no row is wrong" end
  if self.zero_volume > 0 then
    lines[#lines + 1] = ("%d rows of volume 0"):format(self.zero_volume)
  end
  for _, text in ipairs(self.done) do lines[#lines + 1] = self.policy .. ": " .. text end
  return table.concat(lines, "\n")
end

--- A report from the counts of the core.
---@param counts table
---@param policy string
---@return neap.market.report
function report.new(counts, policy)
  counts.policy, counts.done = policy, {}
  counts.cadence_text = counts.cadence > 0 and duration.text(counts.cadence) or "unknown"
  return setmetatable(counts, Report)
end

return report
