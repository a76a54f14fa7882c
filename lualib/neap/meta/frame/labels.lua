---@meta neap.c.frame
local c = {}

--- The highest of the next k values.
---@param x neap.tensor
---@param k integer
---@return neap.tensor f64, NaN where the window passes the end or holds a NaN
function c.future_max(x, k) end

--- The highest of the next k values over the present one, less 1.
---@param x neap.tensor
---@param k integer
---@return neap.tensor
function c.future_best(x, k) end

--- The value k rows later over the present one, less 1, or the logarithm.
---@param x neap.tensor
---@param k integer
---@param logarithm boolean
---@return neap.tensor
function c.future_return(x, k, logarithm) end

--- 1 where x exceeds the threshold, else 0; NaN stays.
---@param x neap.tensor
---@param threshold number
---@return neap.tensor
function c.exceeds(x, threshold) end

--- The end of each bar: its time plus the median step; NaT stays.
---@param time neap.tensor
---@return neap.tensor
function c.bar_ends(time) end

--- The end of the bar k rows later; NaT past the end.
---@param ends neap.tensor
---@param k integer
---@return neap.tensor
function c.known_at(ends, k) end

--- The number that a share of the values in x exceeds.
---@param x neap.tensor
---@param share number
---@return number
function c.threshold_of_share(x, share) end

--- Which barrier is reached first; see labels.triple_barrier. What may be absent is nil; of bars
--- and duration one is 0. touched: 0 nothing, 1 profit, 2 stop, 3 vertical, 4 both in one bar, 5
--- past the end; exit and known are rows, 0 for none.
---@param close neap.tensor
---@param high neap.tensor
---@param low neap.tensor
---@param open? neap.tensor
---@param entry_open? neap.tensor
---@param ends? neap.tensor
---@param unit? neap.tensor
---@param side? neap.tensor
---@param event? neap.tensor
---@param at_close boolean
---@param profit number
---@param stop number
---@param bars integer
---@param duration integer ns
---@return neap.tensor touched i32
---@return neap.tensor exit i64
---@return neap.tensor known i64
---@return neap.tensor ret
function c.triple_barrier(close, high, low, open, entry_open, ends, unit, side, event, at_close,
  profit, stop, bars, duration) end

--- The largest |t| among the slopes of lines from each row on, and the row its line ends at (0:
--- none).
---@param x neap.tensor
---@param shortest integer
---@param longest integer
---@param step integer
---@return neap.tensor t
---@return neap.tensor last i64
function c.trend_scan(x, shortest, longest, step) end

--- Events of the symmetric filter of sums: 1, -1 or 0 for each row.
---@param x neap.tensor
---@param h neap.tensor
---@return neap.tensor
function c.cusum(x, h) end

--- The mean over bars first .. last of 1 / (labels there), or the absolute sum of value / (labels
--- there).
---@param first neap.tensor i64, from 1
---@param last neap.tensor i64; below first: no label
---@param bars integer
---@param value? neap.tensor
---@return neap.tensor
function c.uniqueness(first, last, bars, value) end

--- Rows drawn by their uniqueness beside those drawn before.
---@param first neap.tensor
---@param last neap.tensor
---@param bars integer
---@param draws integer
---@param rng neap.rng
---@return neap.tensor
function c.sequential_bootstrap(first, last, bars, draws, rng) end

return c
