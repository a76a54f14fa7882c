---@meta neap.c.frame
local c = {}

--- Rows of time in bins: an opaque value for `reduce_bins` and `bin_rows`, and the begin, end and
--- group of each bin, as i64 and (the group, from 1) i32 tensors.
---@param time neap.tensor i64 ns, not falling inside a group
---@param ids? neap.tensor i32, the group of each row from 1, 0 for none
---@param groups? integer how many there are
---@param unit "time"|"days"|"months"
---@param step integer ns, days or months
---@param zone? string
---@param origin "epoch"|"start"|"start_day"|"end"|"end_day"|"at"
---@param at integer ns, of origin "at"
---@param offset integer ns
---@param closed_right boolean
---@param rising? boolean equal times are refused
---@param empty? boolean bins without rows between the others as well
---@param most? integer bins that empty may make
---@return userdata bins
---@return neap.tensor first
---@return neap.tensor last
---@return neap.tensor group
function c.bins(time, ids, groups, unit, step, zone, origin, at, offset, closed_right, rising,
  empty, most) end

--- A statistic of a column for each bin, missing values passed over.
---@param bins userdata
---@param x neap.tensor
---@param statistic string
---@param missing "nan"|"nat"|"zero" what stands for no value: NaN, besides INT64_MIN, or 0
---@param q? number of quantile
---@param weights? neap.tensor of wmean
---@return neap.tensor
function c.reduce_bins(bins, x, statistic, missing, q, weights) end

--- The positions (i64, from 1) of the rows of bin k.
---@param bins userdata
---@param k integer
---@return neap.tensor
function c.bin_rows(bins, k) end

return c
