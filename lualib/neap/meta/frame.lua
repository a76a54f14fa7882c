---@meta neap.c.frame
local c = {}

--- Read CSV files into columns { name, kind, tensor, labels }. Options by name; an absent one has its
--- default: delimiter, comment, decimal, thousands (a character each), header, names, skip_rows,
--- max_rows, columns, typed and kinds (names of columns and their kinds), missing, time_zone,
--- time_format, replace (bytes that are not UTF-8).
---@param paths string[]
---@param options table
---@param symbols? string[] one for each path: the first column then
---@return table[]
function c.read_csv(paths, options, symbols) end

--- Read files of JSON lines into columns { name, kind, tensor, labels }. Options as for read_csv,
--- those of them that do not depend on rows and fields.
---@param paths string[]
---@param options table
---@param symbols? string[] one for each path: the first column then
---@return table[]
function c.read_jsonl(paths, options, symbols) end

--- Write columns of equal length as JSON lines, whole or not at all.
---@param path string
---@param names string[]
---@param kinds string[]
---@param tensors neap.tensor[]
---@param labels table string[] or false for each column
function c.write_jsonl(path, names, kinds, tensors, labels) end

--- The names in the header of a CSV file.
---@param path string
---@param options table as for read_csv
---@return string[]
function c.csv_names(path, options) end

--- Write columns of equal length as CSV, whole or not at all.
---@param path string
---@param names string[]
---@param kinds string[]
---@param tensors neap.tensor[]
---@param labels table string[] or false for each column
---@param digits_17 boolean
function c.write_csv(path, names, kinds, tensors, labels, digits_17) end

--- Count what is wrong with bars; times in nanoseconds, rows from 1.
---@param time neap.tensor
---@param open neap.tensor
---@param high neap.tensor
---@param low neap.tensor
---@param close neap.tensor
---@param volume? neap.tensor
---@return table
function c.scan(time, open, high, low, close, volume) end

--- Positions (i64, from 1) of the rows to keep, in time order, each time once.
---@param time neap.tensor
---@param open neap.tensor
---@param high neap.tensor
---@param low neap.tensor
---@param close neap.tensor
---@param volume? neap.tensor
---@param keep_broken boolean
---@return neap.tensor
function c.order(time, open, high, low, close, volume, keep_broken) end

--- Mend prices and fill gaps of bars in time order.
---@param time neap.tensor
---@param open neap.tensor
---@param high neap.tensor
---@param low neap.tensor
---@param close neap.tensor
---@param volume? neap.tensor
---@param max_gap integer bars
---@return neap.tensor[] columns time, open, high, low, close, volume
---@return integer repaired
---@return integer inserted
function c.fill(time, open, high, low, close, volume, max_gap) end

--- Bars of a made-up market.
---@param rows integer
---@param start integer ns
---@param cadence integer ns
---@param rng neap.rng
---@param symbol string
---@param signal number
---@return neap.tensor time
---@return neap.tensor open
---@return neap.tensor high
---@return neap.tensor low
---@return neap.tensor close
---@return neap.tensor volume
function c.synthetic(rows, start, cadence, rng, symbol, signal) end

--- Smallest and largest number of each column of an N x F matrix, NaN left out; inf and -inf where
--- a column has none.
---@param x neap.tensor
---@return neap.tensor low, neap.tensor high
function c.column_range(x) end

--- Places of the elements of an N x F matrix among the numbers of each column's row in a table
--- (F x k, rising): 0 to k - 1, fractions between two numbers, the middle of equal ones.
---@param x neap.tensor
---@param table neap.tensor
---@return neap.tensor
function c.quantile_place(x, table) end

--- The numbers at places in the rows of a table; the inverse of `quantile_place`.
---@param place neap.tensor
---@param table neap.tensor
---@return neap.tensor
function c.quantile_at(place, table) end

--- Below which the standard normal lies with probability p; NaN outside 0 to 1.
---@param p neap.tensor
---@return neap.tensor
function c.normal_quantile(p) end

--- An N x F matrix with NaN replaced by the last number above it. `last` (groups x F, written to)
--- is what came before the first row and then what came last; `group` numbers rows from 0.
---@param x neap.tensor
---@param last neap.tensor
---@param group? neap.tensor
---@return neap.tensor
function c.fill_forward(x, last, group) end

--- Where the windows of a length in time begin and end, in the order of the groups.
---@param n integer rows
---@param rows? neap.tensor i32 from 0, by group; nil when rows are in that order
---@param offset neap.tensor i64 from 0, where each group begins, and the end
---@param time neap.tensor
---@param length integer ns
---@param left boolean closed there
---@param right boolean
---@return neap.tensor? begin nil when all windows have `width` rows
---@return neap.tensor? stop nil when windows end with their row
---@return integer width 0 when windows differ
function c.time_windows(n, rows, offset, time, length, left, right) end

--- A statistic of each row's window: bounds, or the rows from `before` to `skip` before it.
---@param name string
---@param n integer
---@param rows? neap.tensor
---@param offset neap.tensor
---@param begin? neap.tensor
---@param stop? neap.tensor
---@param before integer
---@param skip integer
---@param min_count integer
---@param parameter number ddof, quantile, or 1 for ranks as shares
---@param x neap.tensor
---@param u? neap.tensor
---@return neap.tensor
function c.roll(name, n, rows, offset, begin, stop, before, skip, min_count, parameter, x, u) end

--- The number k rows before in the group ("shift"), the difference or the relative change.
---@param name string
---@param n integer
---@param rows? neap.tensor
---@param offset neap.tensor
---@param k integer
---@param x neap.tensor
---@return neap.tensor
function c.lag(name, n, rows, offset, k, x) end

--- An exponentially weighted moment: mean, var, std, cov, corr.
---@param name string
---@param n integer
---@param rows? neap.tensor
---@param offset neap.tensor
---@param alpha number
---@param adjust boolean
---@param ignore_nan boolean
---@param bias boolean
---@param min_count integer
---@param time? neap.tensor
---@param half_life integer ns, with time
---@param x neap.tensor
---@param u? neap.tensor
---@return neap.tensor
function c.ewm(name, n, rows, offset, alpha, adjust, ignore_nan, bias, min_count, time, half_life, x,
  u) end

return c
