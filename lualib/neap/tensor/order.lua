--- Order statistics, scans, counting and products of tensors; loaded by neap.tensor.
local c = require "neap.c.tensor"
local dims = require "neap.tensor.dims"
local opts = require "neap.opts"

local tensor = {}

---@class neap.tensor
local methods = c.methods

local function arguments(where, dim, o, defaults)
  if o == nil and type(dim) ~= "table" then return dim, defaults end -- no table in short calls
  return opts.after_dim(where, dim, o, defaults)
end

local rising, along = { descending = false }, { keepdim = false, skip_nan = false }

-- Does x take part in a gradient that is being recorded?
local function is_recorded(x)
  return x.requires_grad and require("neap.grad").enabled()
end

-- sorting -----------------------------------------------------------------------------------------

--- Sorted copy along dim (needed when there are several) and the positions the elements came from.
--- Stable; NaN comes last, also when `descending`.
---     tensor.of({ 3, 1, 2 }):sort()[1] --> 1.0
---@param dim? integer
---@param o? { descending: boolean }
---@return neap.tensor values, neap.tensor positions
function methods:sort(dim, o)
  dim, o = arguments("sort", dim, o, rising)
  return c.sort(self, dims.only("sort", self, dim), o.descending)
end

--- Positions (i64, from 1) that sort along dim: `x[x:argsort()]` is sorted. Stable; NaN last.
---     tensor.of({ 3, 1, 2 }):argsort()[1] --> 2
---@param dim? integer
---@param o? { descending: boolean }
---@return neap.tensor
function methods:argsort(dim, o)
  dim, o = arguments("argsort", dim, o, rising)
  return c.argsort(self, dims.only("argsort", self, dim), o.descending)
end

--- The k largest (or smallest) elements along dim, best first, and their positions. NaN is never
--- preferred.
---     tensor.of({ 3, 9, 5 }):topk(2)[2] --> 5.0
---@param k integer
---@param dim? integer
---@param o? { largest: boolean }
---@return neap.tensor values, neap.tensor positions
function methods:topk(k, dim, o)
  dim, o = arguments("topk", dim, o, { largest = true })
  dim = dims.only("topk", self, dim)
  k = opts.integer("topk", "k", k, 1)
  if k > self:size(dim) then
    opts.raise("topk: k is %d, but dim %d has %d", k, dim, self:size(dim))
  end
  local values, at = c.sort(self, dim, o.largest)
  return values:slice(dim, 1, k):clone(), at:slice(dim, 1, k):clone()
end

--- The element that stands at place k along dim (needed when there are several) once sorted is
--- there; smaller ones stand before it, larger ones behind, each group in the order it had. Also
--- the positions the elements came from. Equals stand together, NaN is the largest.
---     tensor.of({ 9, 2, 5, 7 }):partition(2) --> tensor<f64>[4] {2, 5, 9, 7}
---@param k integer from 1, negative from the end
---@param dim? integer
---@return neap.tensor values, neap.tensor positions
function methods:partition(k, dim)
  return c.partition(self, k, dims.only("partition", self, dim))
end

--- The different elements, rising, and how often each occurs (i64); with `inverse` also where in
--- them each element of the tensor is, so that `values[inverse]` is the tensor again. NaN equals
--- NaN and comes last.
---     #tensor.of({ 2, 1, 2 }):unique() --> 2
---@param o? { inverse: boolean }
---@return neap.tensor values, neap.tensor counts, neap.tensor? inverse
function methods:unique(o)
  o = opts.merge("unique", { inverse = false }, o)
  local values, counts = c.unique(self)
  if o.inverse then return values, counts, c.searchsorted(values, self) end
  return values, counts
end

--- Where v (a number or tensor) would be inserted into this rising tensor of one dim, from 1 to
--- n + 1: before equals, or after them with `right`. NaN counts as the largest. Integers are
--- compared in i64, all else in f64.
---     tensor.of({ 1, 2, 2, 3 }):searchsorted(2) --> 2
---@param v neap.tensor|number
---@param o? { right: boolean }
---@return neap.tensor|integer
function methods:searchsorted(v, o)
  opts.expect("searchsorted", "self", self, "tensor")
  o = opts.merge("searchsorted", { right = false }, o)
  return c.searchsorted(self, v, o.right)
end

--- Where an element is one of `values` (a tensor or an array): a mask of the shape of x. NaN is
--- among no values.
---     tensor.of({ 1, 2, 3 }):isin({ 3, 1 }) --> tensor<bool>[3] {true, false, true}
---@param values neap.tensor|number[]
---@return neap.tensor
function methods:isin(values)
  opts.expect("isin", "self", self, "tensor")
  if type(values) == "table" then values = c.of(values) end
  opts.expect("isin", "values", values, "tensor")
  local sorted = values:detach():reshape(-1):unique()
  if #sorted == 0 or self:numel() == 0 then return c.zeros(self.shape, "bool") end
  local at = sorted:searchsorted(self):clamp(1, #sorted)
  return sorted:take(at:reshape(-1)):reshape(table.unpack(self.shape)):eq(self)
end

-- quantiles ---------------------------------------------------------------------------------------

-- The dims of the array `list` of x brought last and joined to one; and the sizes that a result for
-- each row has.
local function rows_along(x, list, keepdim)
  local along_row, order, kept, result, n = {}, {}, {}, {}, 1
  for _, d in ipairs(list) do
    along_row[d] = true
    n = n * x:size(d)
  end
  for d = 1, x:dim() do
    if not along_row[d] then
      order[#order + 1] = d
      kept[#kept + 1] = x:size(d)
    end
    if keepdim or not along_row[d] then
      result[#result + 1] = along_row[d] and 1 or x:size(d)
    end
  end
  table.move(list, 1, #list, #order + 1, order)
  kept[#kept + 1] = n
  return (#order > 1 and x:permute(order) or x):reshape(kept), result
end

-- Quantiles from the elements themselves, so that those get the gradient; as c.quantile.
local function traced_quantiles(x, qs, dim, o)
  local rows, sizes = rows_along(x:to "f64", dims.several("quantile", x, dim), o.keepdim)
  local n = rows:size(-1)
  if rows:numel() == 0 then return c.quantile("quantile", x:detach(), qs, dim, o.keepdim) end
  local order = rows:argsort(-1)
  local count = rows:detach():count(-1, { keepdim = true, skip_nan = true })
  local void = count:lt(o.skip_nan and 1 or n)
  local found = {}
  for i, q in ipairs(qs) do
    local rank = (count:to "f64" - 1):maximum(0) * q
    local whole = rank:floor()
    local low = whole:to "i64" + 1
    local a = rows:gather(order:gather(low, -1), -1)
    local b = rows:gather(order:gather((low + 1):minimum(n), -1), -1)
    local between = c.where(a:eq(b), a, a + (b - a) * (rank - whole))
    found[i] = c.where(void, 0 / 0, between):reshape(sizes)
  end
  return c.stack(found, 1)
end

local function quantile(where, x, q, dim, o)
  opts.expect(where, "self", x, "tensor")
  dim, o = arguments(where, dim, o, along)
  local many = type(q) == "table"
  if not many then opts.expect(where, "q", q, "number") end
  local qs = many and q or { q }
  local result = c.quantile(where, x:detach(), qs, dim, o.keepdim, o.skip_nan) -- checks all
  if is_recorded(x) then result = traced_quantiles(x, qs, dim, o) end
  if many then return result end
  return result[1]
end

--- Quantile q in [0, 1] over one dim, an array of dims, or everything, interpolating linearly
--- between the two nearest elements; an array of q gives them along a new first dim. f64. NaN where
--- a NaN takes part (unless `skip_nan`) or there is nothing.
---     tensor.of({ 1, 2, 3, 4 }):quantile(0.25) --> 1.75
---@param q number|number[]
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|number
function methods:quantile(q, dim, o) return quantile("quantile", self, q, dim, o) end

--- Median: the mean of the two middle elements; as `quantile(0.5)`.
---     tensor.of({ 5, 1, 2, 4 }):median() --> 3.0
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|number
function methods:median(dim, o) return quantile("median", self, 0.5, dim, o) end

-- running -----------------------------------------------------------------------------------------

--- The elements moved n places along dim (needed when there are several): with n = 1 each stands
--- where its successor was, so that `x - x:shift(1)` is the change since the element before; with
--- n < 0 they move forward. What is uncovered is NaN, so integers become f64; f32 stays.
---     tensor.of({ 1, 2, 4 }):shift(1)[3] --> 2.0
---@param n integer
---@param dim? integer
---@return neap.tensor
function methods:shift(n, dim)
  dim = dims.only("shift", self, dim)
  n = opts.integer("shift", "n", n)
  local size = self:size(dim)
  local out = c.zeros(self.shape, self.dtype == "f32" and "f32" or "f64")
  out[{}] = 0 / 0
  if is_recorded(self) then
    if n >= size or n <= -size then return out end
    if n < 0 then
      return c.cat({ self:slice(dim, 1 - n, size), out:slice(dim, 1, -n) }, dim)
    end
    local rest = self:slice(dim, 1, size > n and size - n or -size - 1)
    return c.cat({ out:slice(dim, 1, n > 0 and n or -size - 1), rest }, dim)
  end
  if n == 0 then return out:copy_(self) end
  if n >= size or n <= -size then return out end
  if n > 0 then out:slice(dim, n + 1, size):copy_(self:slice(dim, 1, size - n))
  else out:slice(dim, 1, size + n):copy_(self:slice(dim, 1 - n, size)) end
  return out
end

local function scan(name, x, dim, o)
  if o == nil and type(dim) ~= "table" then return c.scan(name, x, dim) end
  dim, o = arguments(name, dim, o, { skip_nan = false })
  return c.scan(name, x, dim, o.skip_nan)
end

--- Running sum along dim (needed when there are several), in f64; integers sum in i64 and wrap.
--- NaN stays from its first occurrence on; with `skip_nan` it adds nothing.
---     tensor.of({ 1, 2, 3 }):cumsum()[3] --> 6.0
---@param dim? integer
---@param o? { skip_nan: boolean }
---@return neap.tensor
function methods:cumsum(dim, o) return scan("cumsum", self, dim, o) end

--- Running product along dim; as `cumsum`.
---     tensor.of({ 1, 2, 3 }):cumprod()[3] --> 6.0
---@param dim? integer
---@param o? { skip_nan: boolean }
---@return neap.tensor
function methods:cumprod(dim, o) return scan("cumprod", self, dim, o) end

--- Largest element so far along dim; NaN stays from its first occurrence on, or with `skip_nan`
--- only until there is a number.
---     tensor.of({ 1, 3, 2 }):cummax()[3] --> 3.0
---@param dim? integer
---@param o? { skip_nan: boolean }
---@return neap.tensor
function methods:cummax(dim, o) return scan("cummax", self, dim, o) end

--- Smallest element so far along dim; as `cummax`.
---     tensor.of({ 3, 1, 2 }):cummin()[3] --> 1.0
---@param dim? integer
---@param o? { skip_nan: boolean }
---@return neap.tensor
function methods:cummin(dim, o) return scan("cummin", self, dim, o) end

--- Differences of neighbours along dim, `n` times over; each time one element fewer.
---     tensor.of({ 1, 4, 9 }):diff()[2] --> 5.0
---@param dim? integer
---@param o? { n: integer }
---@return neap.tensor
function methods:diff(dim, o)
  dim, o = arguments("diff", dim, o, { n = 1 })
  dim = dims.only("diff", self, dim)
  if self.dtype == "bool" then
    opts.raise "diff: bools cannot be subtracted; use x:to \"i64\""
  end
  local x = self
  for _ = 1, opts.integer("diff", "option 'n'", o.n, 0) do
    local size = x:size(dim)
    if size == 0 then break end
    x = x:slice(dim, 2, size) - x:slice(dim, 1, size > 1 and size - 1 or -size - 1)
  end
  return x
end

-- counting ----------------------------------------------------------------------------------------

--- How often each class number 1 .. n occurs in an integer tensor (i64); n is the largest number
--- unless given. With `weights` the sums of the weights, in f64. Numbers outside are an error.
---     tensor.of({ 1, 3, 3 }, { dtype = "i64" }):bincount()[3] --> 2
---@param o? { n: integer, weights: neap.tensor }
---@return neap.tensor
function methods:bincount(o)
  opts.expect("bincount", "self", self, "tensor")
  o = opts.merge("bincount", { n = opts.none, weights = opts.none }, o)
  local x = self.dtype == "bool" and self:to "u8" or self
  return c.bincount(x, o.n or (x:numel() > 0 and x:max() or 0), o.weights)
end

--- Counts (i64) in `bins` (10) bins of equal width from `low` to `high` (the extremes), or between
--- given `edges`, and the edges. A bin holds its left edge, the last one both. NaN and elements
--- outside are not counted.
---     tensor.of({ 1, 2, 2, 5 }):histogram({ bins = 2 })[1] --> 3
---@param o? { bins: integer, low: number, high: number, edges: neap.tensor }
---@return neap.tensor counts, neap.tensor edges
function methods:histogram(o)
  opts.expect("histogram", "self", self, "tensor")
  o = opts.merge("histogram",
    { bins = 10, low = opts.none, high = opts.none, edges = opts.none }, o)
  self = self:detach() -- counts have no gradient
  local edges = o.edges
  if not edges then
    local bins = opts.integer("histogram", "option 'bins'", o.bins, 1)
    if (not o.low or not o.high) and self:count { skip_nan = true } == 0 then
      opts.raise "histogram: no element but NaN to take the range from; give low and high, or edges"
    end
    local x = self.dtype == "bool" and self:to "u8" or self
    local low = o.low or x:min { skip_nan = true }
    local high = o.high or x:max { skip_nan = true }
    if low == high then low, high = low - 0.5, high + 0.5 end
    edges = tensor.linspace(low, high, bins + 1)
  end
  return c.histogram(self, edges), edges
end

--- One row per class number in 1 .. n, with a 1 in that column.
---     tensor.of({ 2, 1 }, { dtype = "i64" }):one_hot(2)[1][2] --> 1.0
---@param n integer
---@param o? { dtype: string }
---@return neap.tensor
function methods:one_hot(n, o)
  opts.expect("one_hot", "self", self, "tensor")
  o = opts.merge("one_hot", { dtype = "f64" }, o)
  n = opts.integer("one_hot", "n", n, 0)
  if self.dtype ~= "i64" and self.dtype ~= "i32" and self.dtype ~= "u8" then
    opts.raise("one_hot: class numbers are integers, got %s; convert with x:to \"i64\"", self.dtype)
  end
  local low, high = 1, n
  if self:numel() > 0 then low, high = self:min(), self:max() end
  if low < 1 or high > n then
    opts.raise("one_hot: class number %d, allowed are 1 to %d", low < 1 and low or high, n)
  end
  return tensor.eye(n, o)[self]
end

-- several variables -------------------------------------------------------------------------------

-- Observations in rows, variables in columns, from one N x F tensor or two series.
local function observations(where, x, y)
  opts.expect(where, "x", x, "tensor")
  if y ~= nil then
    opts.expect(where, "y", y, "tensor")
    if x:dim() ~= 1 or y:dim() ~= 1 or #x ~= #y then
      opts.raise("%s: x and y must be series of one length, got shapes [%s] and [%s]", where,
        table.concat(x.shape, "x"), table.concat(y.shape, "x"))
    end
    return c.stack({ x, y }, 2):to "f64"
  end
  if x:dim() ~= 2 then
    opts.raise("%s: x must be N x F without y, got shape [%s]", where, table.concat(x.shape, "x"))
  end
  return x:to "f64"
end

--- Covariance over n - ddof (1) of the columns of an N x F tensor: F x F; of two series: a number.
--- NaN propagates.
---     tensor.cov(tensor.of { 1, 2, 3 }, tensor.of { 2, 4, 6 }) --> 2.0
---@param x neap.tensor
---@param y? neap.tensor
---@param o? { ddof: number }
---@return neap.tensor|number
function tensor.cov(x, y, o)
  if type(y) == "table" then y, o = nil, y end
  o = opts.merge("tensor.cov", { ddof = 1 }, o)
  opts.expect("tensor.cov", "option 'ddof'", o.ddof, "number")
  local data = observations("tensor.cov", x, y)
  local centred = data - data:mean(1, { keepdim = true })
  local free = data:size(1) - o.ddof
  local result = c.matmul(centred:t(), centred) / (free > 0 and free + 0.0 or 0.0)
  if y then return result[1][2] end
  return result
end

--- Pearson correlation of the columns of an N x F tensor: F x F; of two series: a number. NaN
--- propagates, and comes out where a column is constant.
---     tensor.corr(tensor.of { 1, 2, 3 }, tensor.of { 6, 4, 2 }) --> -1.0
---@param x neap.tensor
---@param y? neap.tensor
---@return neap.tensor|number
function tensor.corr(x, y)
  local data = observations("tensor.corr", x, y)
  local centred = data - data:mean(1, { keepdim = true })
  local unit = centred / (centred * centred):sum(1, { keepdim = true }):sqrt()
  local result = c.matmul(unit:t(), unit):clamp(-1.0, 1.0)
  if y then return result[1][2] end
  return result
end

-- The largest element along dim, 0 where it is infinite: what exponentials are shifted by.
local function shift(x, dim)
  local top = x:max(dim, { keepdim = true })
  return c.where(top:isinf(), 0.0, top)
end

local function floating(x)
  local dtype = x.dtype
  return (dtype == "f64" or dtype == "f32") and x or x:to "f64"
end

--- log(sum(exp(x))) over one dim, an array of dims, or everything, without overflow. NaN
--- propagates unless `skip_nan`; -inf for none, or none but -inf.
---     tensor.of({ 1000, 1000 }):logsumexp() - 1000 < 0.7 --> true
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|number
function methods:logsumexp(dim, o)
  opts.expect("logsumexp", "self", self, "tensor")
  dim, o = arguments("logsumexp", dim, o, { keepdim = false, skip_nan = false })
  local x = floating(self)
  dim = dims.several("logsumexp", x, dim)
  if o.skip_nan then x = c.where(x:isnan(), -math.huge, x) end
  local plain = x:detach()
  local top = plain:numel() > 0 and shift(plain, dim) or 0.0
  local result = (plain - top):exp():sum(dim, { keepdim = true }):log() + top
  c.record("logsumexp", result, x, dim)
  if o.keepdim then return result end
  return result:sum(dim)
end

--- exp(x) / sum(exp(x)) along dim (needed when there are several), without overflow. NaN makes its
--- whole row NaN.
---     tensor.of({ 1, 1 }):softmax()[1] --> 0.5
---@param dim? integer
---@return neap.tensor
function methods:softmax(dim)
  dim = dims.only("softmax", self, dim)
  local x = floating(self)
  if x:size(dim) <= 65536 then return c.softmax(x, dim) end -- longer rows share the threads
  local plain = x:detach()
  local e = (plain - shift(plain, dim)):exp_()
  return c.record("softmax", e:div_(e:sum(dim, { keepdim = true })), x, dim)
end

--- log(softmax(x)) along dim, exact where softmax would be 0.
---     tensor.of({ 0, 0 }):log_softmax()[1] < 0 --> true
---@param dim? integer
---@return neap.tensor
function methods:log_softmax(dim)
  dim = dims.only("log_softmax", self, dim)
  local x = floating(self)
  local plain = x:detach()
  return c.record("log_softmax", plain - plain:logsumexp(dim, { keepdim = true }), x, dim)
end

-- products ----------------------------------------------------------------------------------------

--- Matrix product over the last two dims; tensors of one dim are rows on the left and columns on
--- the right; further dims broadcast. Two series give a number. Integers multiply in i64.
---     tensor.of({ { 1, 2 } }):matmul(tensor.of { { 3 }, { 4 } }):item() --> 11.0
---@param y neap.tensor
---@return neap.tensor|number
function methods:matmul(y) return c.matmul(self, y) end

--- As `x:matmul(y)`.
---     tensor.matmul(tensor.eye(2), tensor.of { 3, 4 })[2] --> 4.0
---@param x neap.tensor
---@param y neap.tensor
---@return neap.tensor|number
function tensor.matmul(x, y) return c.matmul(x, y) end

--- Inner product of two series of one length, summed in f64 in a fixed order; integers multiply and
--- sum in i64.
---     tensor.dot(tensor.of { 1, 2 }, tensor.of { 3, 4 }) --> 11.0
---@param x neap.tensor
---@param y neap.tensor
---@return number
function tensor.dot(x, y)
  opts.expect("tensor.dot", "x", x, "tensor")
  opts.expect("tensor.dot", "y", y, "tensor")
  if x:dim() ~= 1 or y:dim() ~= 1 or #x ~= #y then
    opts.raise("tensor.dot: x and y must be series of one length, got shapes [%s] and [%s]",
      table.concat(x.shape, "x"), table.concat(y.shape, "x"))
  end
  if x.dtype:find "^[iub]" and y.dtype:find "^[iub]" then x = x:to "i64" end
  return (x * y):sum()
end

--- As `tensor.dot(x, y)`.
---     tensor.of({ 1, 2 }):dot(tensor.of { 3, 4 }) --> 11.0
---@param y neap.tensor
---@return number
function methods:dot(y) return tensor.dot(self, y) end

--- All products of an element of x with one of y: #x x #y.
---     tensor.outer(tensor.of { 1, 2 }, tensor.of { 3, 4 }):sum() --> 21.0
---@param x neap.tensor
---@param y neap.tensor
---@return neap.tensor
function tensor.outer(x, y)
  opts.expect("tensor.outer", "x", x, "tensor")
  opts.expect("tensor.outer", "y", y, "tensor")
  if x:dim() ~= 1 or y:dim() ~= 1 then
    opts.raise("tensor.outer: x and y must be series, got shapes [%s] and [%s]",
      table.concat(x.shape, "x"), table.concat(y.shape, "x"))
  end
  return x:unsqueeze(2) * y:unsqueeze(1)
end

return tensor
