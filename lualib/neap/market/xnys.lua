--- Sessions of the New York Stock Exchange: the rules of its holidays and early closes, and the
--- days that followed none. From 1990 on.
---
--- Sources: NYSE Rule 7.2 (holidays and their observance) and the exchange's published lists of
--- holidays, early closes and special closings. Holidays on a Saturday are kept on the Friday
--- before, on a Sunday on the Monday after; but New Year on a Saturday is not kept at all, since
--- the Friday ends a year. Openings that were late by hours or minutes are not listed.
local xnys = { name = "XNYS", time_zone = "America/New_York", open = "09:30", close = "16:00",
  weekdays = { 1, 2, 3, 4, 5 }, first_year = 1990, last_year = 2199 }

-- Closings beside the rules.
xnys.closed = {
  { "1994-04-27", "mourning for President Nixon" },
  { "2001-09-11", "attacks on New York" }, { "2001-09-12", "attacks on New York" },
  { "2001-09-13", "attacks on New York" }, { "2001-09-14", "attacks on New York" },
  { "2004-06-11", "mourning for President Reagan" },
  { "2007-01-02", "mourning for President Ford" },
  { "2012-10-29", "hurricane Sandy" }, { "2012-10-30", "hurricane Sandy" },
  { "2018-12-05", "mourning for President G. H. W. Bush" },
  { "2025-01-09", "mourning for President Carter" },
}

-- Early closes beside the rules.
xnys.early = {
  { "1990-12-24", "14:00" }, { "1991-12-24", "14:00" }, { "1992-11-27", "14:00" },
  { "1992-12-24", "14:00" }, { "1994-02-11", "14:30" }, { "1996-01-08", "14:00" },
  { "1996-12-24", "13:00" }, { "1997-10-27", "15:30" }, { "1997-12-24", "13:00" },
  { "1997-12-26", "13:00" }, { "1998-12-24", "13:00" }, { "1999-12-31", "13:00" },
  { "2003-12-26", "13:00" },
}

local MONDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = 1, 4, 5, 6, 7

-- Days from 1970-01-01 of the Easter Sunday of a year (Meeus, Jones and Butcher).
local function easter(day_of, year)
  local a, b, c = year % 19, year // 100, year % 100
  local h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
  local l = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
  local m = (a + 11 * h + 22 * l) // 451
  local n = h + l - 7 * m + 114
  return day_of(year, n // 31, n % 31 + 1)
end

local function weekday(day) return (day + 3) % 7 + 1 end

-- The n-th such weekday of a month; with n = -1 the last one, in the month before `month`.
local function nth(day_of, year, month, wanted, n)
  local first = day_of(year, month, 1)
  return first + (wanted - weekday(first)) % 7 + 7 * (n > 0 and n - 1 or n)
end

-- The day on which a holiday is kept.
local function kept(day)
  local on = weekday(day)
  return on == SATURDAY and day - 1 or on == SUNDAY and day + 1 or day
end

--- The holidays of a year as days from 1970-01-01; day_of(year, month, day) counts them.
---@param year integer
---@param day_of fun(year: integer, month: integer, day: integer): integer
---@return integer[]
function xnys.holidays(year, day_of)
  local days = {
    nth(day_of, year, 2, MONDAY, 3), easter(day_of, year) - 2,
    nth(day_of, year, 6, MONDAY, -1), kept(day_of(year, 7, 4)),
    nth(day_of, year, 9, MONDAY, 1), nth(day_of, year, 11, THURSDAY, 4),
    kept(day_of(year, 12, 25)),
  }
  local new_year = day_of(year, 1, 1)
  if weekday(new_year) ~= SATURDAY then days[#days + 1] = kept(new_year) end
  if year >= 1998 then days[#days + 1] = nth(day_of, year, 1, MONDAY, 3) end
  if year >= 2022 then days[#days + 1] = kept(day_of(year, 6, 19)) end
  return days
end

--- The days of a year that end at 13:00 by rule: the day after Thanksgiving from 1993 on; Christmas
--- Eve from 1999 on, Monday to Thursday; the eve of Independence Day from 1995 on, Monday, Tuesday
--- and Thursday, from 2013 on also Wednesday, instead of which it was the Friday after before.
---@param year integer
---@param day_of fun(year: integer, month: integer, day: integer): integer
---@return integer[]
function xnys.early_closes(year, day_of)
  local days = {}
  local function add(day, since, ...)
    for _, on in ipairs { ... } do
      if year >= since and weekday(day) == on then days[#days + 1] = day end
    end
  end
  add(nth(day_of, year, 11, THURSDAY, 4) + 1, 1993, FRIDAY)
  add(day_of(year, 12, 24), 1999, 1, 2, 3, 4)
  add(day_of(year, 7, 3), 1995, 1, 2, 4)
  add(day_of(year, 7, 3), 2013, 3)
  if year <= 2012 then add(day_of(year, 7, 5), 1996, FRIDAY) end
  return days
end

return xnys
