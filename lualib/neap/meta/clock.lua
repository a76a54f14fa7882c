---@meta neap.c.clock
local c = {}

--- INT64_MIN, the missing time.
---@type integer
c.nat = 0

--- See `neap.clock.monotonic`.
---@return integer
function c.monotonic() end

--- See `neap.clock.wall`.
---@return integer
function c.wall() end

--- See `neap.clock.cpu`.
---@return integer
function c.cpu() end

--- See `neap.clock.peak_rss`.
---@return integer
function c.peak_rss() end

--- See `neap.clock.sleep`.
---@param seconds number
function c.sleep(seconds) end

--- See `neap.clock.parse`.
---@param text string
---@param time_zone? string
---@param ambiguous? "raise"|"earliest"|"latest"|"infer"
---@param nonexistent? "raise"|"forward"|"missing"
---@return integer?
function c.parse(text, time_zone, ambiguous, nonexistent) end

--- See `neap.clock.print`.
---@param ns integer
---@param time_zone? string
---@return string
function c.print(ns, time_zone) end

--- See `neap.clock.offset`.
---@param ns integer
---@param time_zone string
---@return integer
function c.offset(ns, time_zone) end

return c
