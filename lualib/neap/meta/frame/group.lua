---@meta neap.c.frame
local c = {}

--- Number rows with equal keys. A key is { values, kind, name }, of a category { codes, kind, name,
--- labels, rank, places }: how many labels, the place of each (behind one for code 0; nil when they
--- are in order), and one more than the largest place. The same form is meant by `series` below.
---@param rows integer
---@param keys table[]
---@param sorted boolean by key, else by first appearance
---@param drop boolean no group for rows with a missing key
---@return userdata groups
---@return integer count
function c.groups(rows, keys, sorted, drop) end

--- The group of each row, i32 from 1; 0: none.
---@param groups userdata
---@return neap.tensor
function c.group_ids(groups) end

--- The first row of each group, i32 from 1.
---@param groups userdata
---@return neap.tensor
function c.group_first(groups) end

--- The rows by group, i32 from 1, and where each group begins, i64 from 1, with the end.
---@param groups userdata
---@return neap.tensor order
---@return neap.tensor start
function c.group_order(groups) end

--- Mask of the rows whose group has an earlier row, or a later one.
---@param groups userdata
---@param earlier boolean
---@param later boolean
---@return neap.tensor
function c.group_repeated(groups, earlier, later) end

--- Where both groups of a row cross: i32 rows from 1 (0: none), columns x rows.
---@param rows userdata groups
---@param columns userdata groups
---@return neap.tensor
function c.group_cross(rows, columns) end

--- Statistics of one column, a tensor for each.
---@param groups userdata
---@param series table
---@param statistics string[]
---@param parameters number[]
---@param weights? neap.tensor
---@return neap.tensor[]
function c.group_reduce(groups, series, statistics, parameters, weights) end

--- What each row is within its group: cumsum, cumcount, rank or pct_rank.
---@param groups userdata
---@param series? table
---@param what string
---@return neap.tensor
function c.group_run(groups, series, what) end

--- The values at positions (i32, from 1); 0 gives a missing one.
---@param series table
---@param positions neap.tensor
---@return neap.tensor
function c.take_rows(series, positions) end

--- Mask of the rows where all columns, or any, have a value.
---@param columns table[] series
---@param any boolean
---@param rows integer
---@return neap.tensor
function c.present(columns, any, rows) end

--- Missing values filled: by a value, forward, backward, on a line by rows, or by time.
---@param series table
---@param groups? userdata
---@param method string value, forward, backward, linear, time
---@param value? number
---@param limit integer 0: none
---@param time? neap.tensor
---@return neap.tensor
function c.fill_missing(series, groups, method, value, limit, time) end

--- Rows of two frames with equal keys, i32 from 1, 0 = none; nil for all rows of left in order.
---@param left table[] keys
---@param left_rows integer
---@param right table[] keys, as many
---@param right_rows integer
---@param how string inner, left, outer, semi, anti, cross
---@param match_missing boolean
---@param unique_left boolean
---@param unique_right boolean
---@param exchanged boolean messages call left right
---@return neap.tensor? left
---@return neap.tensor? right
function c.join(left, left_rows, right, right_rows, how, match_missing, unique_left,
  unique_right, exchanged) end

--- The row of right that is joined to each of left by time, i32 from 1, 0 = none.
---@param left_on table series
---@param right_on table series
---@param left_by table[] keys
---@param right_by table[] keys
---@param direction string backward, forward, nearest
---@param allow_exact boolean
---@param tolerance? number
---@return neap.tensor
function c.join_asof(left_on, right_on, left_by, right_by, direction, allow_exact, tolerance) end

return c
