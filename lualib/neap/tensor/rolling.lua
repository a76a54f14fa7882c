--- Windows that roll along a dim; loaded by neap.tensor.
local c = require "neap.c.tensor"
local opts = require "neap.opts"

---@class neap.tensor
local methods = c.methods

local extra = { std = { ddof = 1 }, var = { ddof = 1 }, cov = { ddof = 1 }, rank = { pct = false } }

local function rolling(name, x, n, dim, o, parameter, other)
  local where = "rolling_" .. name
  local defaults = { min_count = opts.none }
  for option, value in next, extra[name] or {} do defaults[option] = value end
  dim, o = opts.after_dim(where, dim, o, defaults)
  opts.expect(where, "self", x, "tensor")
  n = opts.integer(where, "n", n, 1)
  local min_count = o.min_count and opts.integer(where, "option 'min_count'", o.min_count, 0, n)
  if not dim and x:dim() ~= 1 then
    opts.raise("%s: dim is nil, but the tensor has %d dims; name one", where, x:dim())
  end
  parameter = parameter or o.ddof or (o.pct and 1 or 0)
  return c.rolling(name, x, n, dim or 1, min_count or n, parameter, other)
end

--- Sum over each place and the n - 1 before it, along dim (needed when there are several); f64 (f32
--- for f32). NaN counts as absent; the result is NaN where fewer than `min_count` numbers are in
--- the window. That is n unless given: the first n - 1 places and every window with a NaN are NaN.
--- Exact at large offsets and after outliers, since nothing is subtracted from a running value.
---     tensor.of({ 1, 2, 4 }):rolling_sum(2) --> tensor<f64>[3] {nan, 3, 6}
---@param n integer
---@param dim? integer
---@param o? { min_count: integer }
---@return neap.tensor
function methods:rolling_sum(n, dim, o) return rolling("sum", self, n, dim, o) end

--- Mean over each place and the n - 1 before it; as `rolling_sum`.
---     tensor.of({ 1, 3, 5 }):rolling_mean(2)[3] --> 4.0
---@param n integer
---@param dim? integer
---@param o? { min_count: integer }
---@return neap.tensor
function methods:rolling_mean(n, dim, o) return rolling("mean", self, n, dim, o) end

--- Standard deviation over each place and the n - 1 before it, over the count less `ddof` (1); NaN
--- where that is not positive. As `rolling_sum`; infinities give NaN while they are in the window.
---     tensor.of({ 1, 3, 5 }):rolling_std(3, { ddof = 1 })[3] --> 2.0
---@param n integer
---@param dim? integer
---@param o? { min_count: integer, ddof: number }
---@return neap.tensor
function methods:rolling_std(n, dim, o) return rolling("std", self, n, dim, o) end

--- Variance over each place and the n - 1 before it; as `rolling_std`.
---     tensor.of({ 1, 3, 5 }):rolling_var(3)[3] --> 4.0
---@param n integer
---@param dim? integer
---@param o? { min_count: integer, ddof: number }
---@return neap.tensor
function methods:rolling_var(n, dim, o) return rolling("var", self, n, dim, o) end

--- Smallest of each place and the n - 1 before it; as `rolling_sum`.
---     tensor.of({ 4, 2, 3 }):rolling_min(2)[3] --> 2.0
---@param n integer
---@param dim? integer
---@param o? { min_count: integer }
---@return neap.tensor
function methods:rolling_min(n, dim, o) return rolling("min", self, n, dim, o) end

--- Largest of each place and the n - 1 before it; as `rolling_sum`.
---     tensor.of({ 4, 2, 3 }):rolling_max(2)[2] --> 4.0
---@param n integer
---@param dim? integer
---@param o? { min_count: integer }
---@return neap.tensor
function methods:rolling_max(n, dim, o) return rolling("max", self, n, dim, o) end

--- Quantile q in [0, 1] of each place and the n - 1 before it, interpolating linearly between the
--- two nearest numbers; as `rolling_sum`.
---     tensor.of({ 1, 9, 5 }):rolling_quantile(3, 0.5)[3] --> 5.0
---@param n integer
---@param q number
---@param dim? integer
---@param o? { min_count: integer }
---@return neap.tensor
function methods:rolling_quantile(n, q, dim, o)
  opts.expect("rolling_quantile", "q", q, "number")
  return rolling("quantile", self, n, dim, o, q)
end

--- Median of each place and the n - 1 before it; as `rolling_sum`.
---     tensor.of({ 1, 9, 5 }):rolling_median(3)[3] --> 5.0
---@param n integer
---@param dim? integer
---@param o? { min_count: integer }
---@return neap.tensor
function methods:rolling_median(n, dim, o) return rolling("median", self, n, dim, o) end

--- Rank of each place among itself and the n - 1 before it, from 1, the mean rank of equal numbers;
--- with `pct` over the count of numbers. NaN where the place is; as `rolling_sum`.
---     tensor.of({ 1, 9, 5 }):rolling_rank(3)[3] --> 2.0
---@param n integer
---@param dim? integer
---@param o? { min_count: integer, pct: boolean }
---@return neap.tensor
function methods:rolling_rank(n, dim, o) return rolling("rank", self, n, dim, o) end

local function two(name, x, y, n, dim, o)
  opts.expect("rolling_" .. name, "self", x, "tensor")
  opts.expect("rolling_" .. name, "y", y, "tensor")
  return rolling(name, x, n, dim, o, nil, y)
end

--- Covariance with y, of one shape, over each place and the n - 1 before it where both have a
--- number, over their count less `ddof` (1); as `rolling_std`.
---     tensor.of({ 1, 2, 3 }):rolling_cov(tensor.of { 3, 2, 1 }, 3)[3] --> -1.0
---@param y neap.tensor
---@param n integer
---@param dim? integer
---@param o? { min_count: integer, ddof: number }
---@return neap.tensor
function methods:rolling_cov(y, n, dim, o) return two("cov", self, y, n, dim, o) end

--- Correlation with y; as `rolling_cov`. NaN where one of them does not vary.
---     tensor.of({ 1, 2, 3 }):rolling_corr(tensor.of { 3, 2, 1 }, 3)[3] --> -1.0
---@param y neap.tensor
---@param n integer
---@param dim? integer
---@param o? { min_count: integer }
---@return neap.tensor
function methods:rolling_corr(y, n, dim, o) return two("corr", self, y, n, dim, o) end

return methods
