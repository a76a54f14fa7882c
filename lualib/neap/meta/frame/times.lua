---@meta neap.c.frame
local c = {}

--- See `neap.clock.to_local`.
---@param times neap.tensor i64 ns
---@param zone string
---@return neap.tensor
function c.times_to_local(times, zone) end

--- See `neap.clock.from_local`.
---@param times neap.tensor i64 ns
---@param zone string
---@param ambiguous? "raise"|"earliest"|"latest"|"infer"
---@param nonexistent? "raise"|"forward"|"missing"
---@return neap.tensor
function c.times_from_local(times, zone, ambiguous, nonexistent) end

--- The named fields of times on the clock of a zone, in the order of names: f64 tensors.
---@param times neap.tensor i64 ns
---@param zone string
---@param names string[]
---@return neap.tensor[]
function c.time_fields(times, zone, names) end

--- Times of an array of texts; false and "" are missing.
---@param texts table
---@param zone string of texts without an offset
---@param ambiguous? "raise"|"earliest"|"latest"|"infer"
---@param nonexistent? "raise"|"forward"|"missing"
---@return neap.tensor
function c.parse_times(texts, zone, ambiguous, nonexistent) end

--- The rows with low <= time <= high: how many, the first and the last of them, and their positions
--- where they do not stand side by side.
---@param times neap.tensor i64 ns
---@param low integer
---@param high integer
---@return integer count
---@return integer first
---@return integer last
---@return neap.tensor? positions
function c.rows_between(times, low, high) end

return c
