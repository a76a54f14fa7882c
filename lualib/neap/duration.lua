--- Lengths of time as text, and the steps of a calendar.
local duration = {}

local units = {
  { 7 * 86400 * 1000000000, "w" }, { 86400 * 1000000000, "d" }, { 3600 * 1000000000, "h" },
  { 60 * 1000000000, "m" }, { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" }, { 1, "ns" },
}
local length_of = { min = units[4][1] }
for _, unit in ipairs(units) do length_of[unit[2]] = unit[1] end

--- A duration in its largest whole unit: "1h", "90m", "250ms".
---@param ns integer
---@return string
function duration.text(ns)
  for _, unit in ipairs(units) do
    if ns ~= 0 and ns % unit[1] == 0 then return ("%d%s"):format(ns // unit[1], unit[2]) end
  end
  return "0s"
end

--- Nanoseconds of a duration like "15m", "9h30m" or "-1d", or nil for what is none, or longer than
--- a time can tell.
---@param text string
---@return integer?
function duration.parse(text)
  local sign, rest = tostring(text):match "^%s*([+-]?)(.-)%s*$"
  local total, found = 0, false
  while rest ~= "" do
    local count, name, behind = rest:match "^(%d+)%s*(%a+)%s*(.*)$"
    local length, n = length_of[name], math.tointeger(tonumber(count))
    if not length or not n or n > math.maxinteger // length then return nil end
    if n * length > math.maxinteger - total then return nil end
    total, rest, found = total + n * length, behind, true
  end
  if not found then return nil end
  return sign == "-" and -total or total
end

local months_of = { mo = 1, q = 3, y = 12 }

--- The steps of a cadence: "time" and nanoseconds ("30s", "5m", "4h", "1h30m"), "days" and their
--- number ("1d", "2w"), or "months" ("1mo", "1q", "1y"); nil for what is none, or no step at all.
---@param text string
---@return "time"|"days"|"months"?
---@return integer? count
function duration.cadence(text)
  local count, name = tostring(text):match "^(%d+)%s*(%a+)$"
  local n = math.tointeger(tonumber(count))
  if months_of[name] and n and n > 0 and n <= 12000 then return "months", n * months_of[name] end
  local ns = duration.parse(text)
  if not ns or ns <= 0 then return nil end
  local day = length_of.d
  if ns % day == 0 then return "days", ns // day end
  return "time", ns
end

-- What other libraries call units, in small letters without a plural.
local spelled = {
  t = "m", minute = "m", hour = "h", hr = "h", day = "d", week = "w", month = "mo", me = "mo",
  quarter = "q", qe = "q", qs = "q", year = "y", a = "y", ye = "y", ys = "y", l = "ms", u = "us",
  second = "s", sec = "s",
}
local by_case = { M = "mo", MS = "mo", L = "ms", U = "us", N = "ns" }

local function unit_of(name)
  if by_case[name] then return by_case[name] end
  local small = name:lower()
  if small == "min" then return "m" end
  local one = small:gsub("s$", "")
  for _, candidate in ipairs { small, one } do
    if length_of[candidate] or months_of[candidate] then return candidate end
    if spelled[candidate] then return spelled[candidate] end
  end
end

--- What to add to an error about a text that is no cadence, as "1H" and "W-FRI" of pandas: the way
--- it is written here, in words, or "". `read` tells what will do there: `duration.cadence` (when
--- absent), or `duration.parse`, which knows no months.
---     duration.hint("15T"):match "%((.*)%)" --> did you mean '15m'?
---@param text any
---@param read? fun(text: string): any
---@return string
function duration.hint(text, read)
  local count, name = tostring(text):match "^%s*(%d*)%s*(%a+)%-?%a*%s*$"
  local unit = name and unit_of(name)
  local meant = unit and (count == "" and "1" or count) .. unit
  if not meant or not (read or duration.cadence)(meant) then return "" end
  return (" (did you mean '%s'?)"):format(meant)
end

return duration
