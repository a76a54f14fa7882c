--- Clocks, and times as text. Times are integers: nanoseconds since 1970 UTC.
local c = require "neap.c.clock"
local opts = require "neap.opts"

local clock = {}

--- "Not a time": the missing value of time columns.
clock.nat = c.nat

--- Nanoseconds since some moment, never going back: the difference of two is a duration.
---     clock.monotonic() <= clock.monotonic() --> true
---@return integer
function clock.monotonic() return c.monotonic() end

--- Now, by the system's clock.
---     clock.wall() > clock.parse "2024-01-01" --> true
---@return integer
function clock.wall() return c.wall() end

--- Nanoseconds of processor time that all threads of this process have used.
---     clock.cpu() > 0 --> true
---@return integer
function clock.cpu() return c.cpu() end

--- The most bytes of memory the process ever held at once.
---     clock.peak_rss() > 1e6 --> true
---@return integer
function clock.peak_rss() return c.peak_rss() end

--- Wait; Ctrl-C ends it.
---     pcall(clock.sleep, 0.001) --> true
---@param seconds number
function clock.sleep(seconds) return c.sleep(seconds) end

--- The time that a text means, or nil when it is none: 2024-03-01, 20240301, with T or a space and
--- 15:30, 15:30:05 or 15:30:05.123456789, then nothing, Z, UTC or an offset. Without an offset it
--- is local to `time_zone`; local times that the clock skipped or showed twice raise, or are taken
--- as `ambiguous` says ("error", "earlier", "later").
---     clock.parse("2024-03-01 09:30", { time_zone = "America/New_York" }) --> 1709303400000000000
---@param text string
---@param o? { time_zone: string, ambiguous: string }
---@return integer?
function clock.parse(text, o)
  o = opts.merge("clock.parse", { time_zone = "UTC", ambiguous = "error" }, o)
  return c.parse(text, o.time_zone, o.ambiguous)
end

--- A time in ISO 8601, in UTC or in a zone with its offset; "NaT" for not a time.
---     clock.print(1709303400000000000) --> 2024-03-01T14:30:00Z
---     clock.print(1709303400000000000, "America/New_York") --> 2024-03-01T09:30:00-05:00
---@param ns integer
---@param time_zone? string
---@return string
function clock.print(ns, time_zone) return c.print(ns, time_zone) end

--- Seconds by which a zone is ahead of UTC at a moment. Zones are "UTC", "+05:30", or names of the
--- system's time zone database, read below $TZDIR or /usr/share/zoneinfo.
---     clock.offset(0, "Asia/Kolkata") --> 19800
---@param ns integer
---@param time_zone string
---@return integer
function clock.offset(ns, time_zone) return c.offset(ns, time_zone) end

return clock
