---@meta neap.c.sim
local c = {}

--- Run targets over bars on the exact ledger; neap.backtest has the options and the prose.
--- `target` is a tensor, a number or a function `(i, bars, state) -> number?`. Prices are f64 series of one
--- length; time, high and low may be nil. Returns the curves `equity` and `position`, the columns
--- of the closed `trades` and totals. Bad prices, times and targets raise with their bar.
---@param bars any handed to a target function
---@param time neap.tensor?
---@param open neap.tensor
---@param high neap.tensor?
---@param low neap.tensor?
---@param close neap.tensor
---@param target neap.tensor|number|function
---@param options table
---@return table
function c.run(bars, time, open, high, low, close, target, options) end

--- equity[i] / equity[i-1] - 1, the first against start; NaN after equity <= 0.
---@param equity neap.tensor
---@param start number
---@return neap.tensor
function c.returns(equity, start) end

--- 1 - equity / highest equity so far, start included.
---@param equity neap.tensor
---@param start number
---@return neap.tensor
function c.drawdown(equity, start) end

--- start x (1 + r[1]) ... (1 + r[i]); NaN is an error.
---@param returns neap.tensor
---@param start number
---@return neap.tensor
function c.equity(returns, start) end

--- Performance figures of a curve; moments from the returns after the first skip.
---@param equity neap.tensor
---@param start number
---@param returns neap.tensor
---@param skip integer
---@param per_year number NaN = unknown
---@param years number NaN = unknown
---@return table
function c.measure(equity, start, returns, skip, per_year, years) end

--- Bars per year of rising times (i64 ns); NaN for fewer than 2.
---@param time neap.tensor
---@return number
function c.per_year(time) end

--- Probabilistic Sharpe ratio from per-period moments.
---@param sharpe number
---@param benchmark number
---@param n number
---@param skew number
---@param kurtosis number
---@return number
function c.psr(sharpe, benchmark, n, skew, kurtosis) end

--- Sharpe ratio per period that the best of so many worthless strategies is expected to show.
---@param trials number
---@param variance number
---@return number
function c.expected_max(trials, variance) end

return c
