--- Dense n-dimensional arrays: construction, arithmetic, indexing, reductions.
--- Positions and dims count from 1, negative from the end; ranges are inclusive.
local c = require "neap.c.tensor"
local dims = require "neap.tensor.dims"
local opts = require "neap.opts"

local tensor = require "neap.tensor.order"
for name, fn in next, (require "neap.tensor.files") do tensor[name] = fn end
require "neap.tensor.shapes" -- into the table of neap.tensor.order
require "neap.tensor.einsum"
require "neap.tensor.fft"
require "neap.tensor.gradient"
require "neap.tensor.moves"
require "neap.tensor.rolling"
require "neap.tensor.random"
local sizes_and_options = require "neap.tensor.sizes"

---@class neap.tensor
local methods = c.methods

-- construction ------------------------------------------------------------------------------------

--- A tensor from nested tables of numbers or booleans; f64, or bool for booleans, unless `dtype`
--- says otherwise. Values that do not fit the dtype are errors.
---     tensor.of { { 1, 2 }, { 3, 4 } }:get(2, 1) --> 3.0
---@param values table
---@param o? { dtype: string }
---@return neap.tensor
function tensor.of(values, o)
  if type(values) == "table" and rawget(values, "dtype") ~= nil then
    opts.raise "tensor.of: options are a second table, as in tensor.of({ 1 }, { dtype = 'i64' })"
  end
  o = opts.merge("tensor.of", { dtype = opts.none }, o)
  return c.of(values, o.dtype)
end

--- A tensor of zeros: sizes in the array part, `dtype` ("f64") by name.
---     tensor.zeros { 2, 3, dtype = "f32" }:numel() --> 6
---@param t table
---@return neap.tensor
function tensor.zeros(t, ...)
  local sizes, o = sizes_and_options("tensor.zeros", t, { dtype = "f64" }, ...)
  return c.zeros(sizes, o.dtype)
end

--- Zeros in the shape and dtype of x, or of `dtype`.
---     tensor.zeros_like(tensor.ones { 2, 3 }).shape[2] --> 3
---@param x neap.tensor
---@param o? { dtype: string }
---@return neap.tensor
function tensor.zeros_like(x, o)
  o = opts.merge("tensor.zeros_like", { dtype = opts.none }, o)
  opts.expect("tensor.zeros_like", "x", x, "tensor")
  return c.zeros(x.shape, o.dtype or x.dtype)
end

--- Ones in the shape and dtype of x, or of `dtype`.
---     tensor.ones_like(tensor.zeros { 3 }, { dtype = "i64" }):sum() --> 3
---@param x neap.tensor
---@param o? { dtype: string }
---@return neap.tensor
function tensor.ones_like(x, o)
  o = opts.merge("tensor.ones_like", { dtype = opts.none }, o)
  opts.expect("tensor.ones_like", "x", x, "tensor")
  return c.full(x.shape, o.dtype or x.dtype, 1)
end

--- A tensor filled with `value`: `tensor.full { 3, 4, value = 7, dtype = "i64" }`.
---     tensor.full { 2, 2, value = 7 }:sum() --> 28.0
---@param t table
---@return neap.tensor
function tensor.full(t, ...)
  local sizes, o = sizes_and_options("tensor.full", t,
    { dtype = "f64", value = opts.required }, ...)
  if type(o.value) ~= "boolean" then
    opts.expect("tensor.full", "option 'value'", o.value, "number")
  end
  return c.full(sizes, o.dtype, o.value)
end

--- A tensor of ones: sizes in the array part, `dtype` ("f64") by name.
---     tensor.ones { 3 }:sum() --> 3.0
---@param t table
---@return neap.tensor
function tensor.ones(t, ...)
  local sizes, o = sizes_and_options("tensor.ones", t, { dtype = "f64" }, ...)
  return c.full(sizes, o.dtype, 1)
end

--- The n x n identity matrix.
---     tensor.eye(3):sum() --> 3.0
---@param n integer
---@param o? { dtype: string }
---@return neap.tensor
function tensor.eye(n, o)
  o = opts.merge("tensor.eye", { dtype = "f64" }, o)
  n = opts.integer("tensor.eye", "n", n, 0)
  local x = c.zeros({ n, n }, o.dtype)
  if n > 0 then x:view(-1):slice(1, 1, -1, n + 1)[{}] = 1 end
  return x
end

--- The numbers first, first + step, ... up to and including last where it is hit; `arange(n)` is
--- 1 to n. f64 unless `dtype` says otherwise.
---     tensor.arange(2, 10, 4):numel() --> 3
---@param first number
---@param last? number
---@param step? number default 1
---@param o? { dtype: string }
---@return neap.tensor
function tensor.arange(first, last, step, o)
  if type(last) == "table" then last, o = nil, last end
  if type(step) == "table" then step, o = nil, step end
  if last == nil then first, last = 1, first end
  step = step or 1
  opts.expect("tensor.arange", "first", first, "number")
  opts.expect("tensor.arange", "last", last, "number")
  opts.expect("tensor.arange", "step", step, "number")
  o = opts.merge("tensor.arange", { dtype = "f64" }, o)
  local span = (last - first) / step
  if step == 0 or span ~= span or span >= 2 ^ 62 then
    opts.raise("tensor.arange: no finite number of steps of %s leads from %s to %s", step, first,
      last)
  end
  if o.dtype:find "^[iu]" then
    first = opts.integer("tensor.arange", "first", first)
    step = opts.integer("tensor.arange", "step", step)
  end
  local n = math.max(0, math.floor(span * (1 + 1e-15)) + 1)
  return c.arange(first, step, n, o.dtype)
end

--- n numbers evenly from first to last, both included.
---     tensor.linspace(0, 1, 5)[2] --> 0.25
---@param first number
---@param last number
---@param n integer
---@param o? { dtype: string }
---@return neap.tensor
function tensor.linspace(first, last, n, o)
  o = opts.merge("tensor.linspace", { dtype = "f64" }, o)
  opts.expect("tensor.linspace", "first", first, "number")
  opts.expect("tensor.linspace", "last", last, "number")
  n = opts.integer("tensor.linspace", "n", n, 0)
  local x = c.arange(first + 0.0, n > 1 and (last - first) / (n - 1) or 0.0, n, "f64")
  if n > 1 then x[n] = last end
  return x:to(o.dtype)
end

-- reductions --------------------------------------------------------------------------------------

local along = { keepdim = false, skip_nan = false }

-- (dim, options) of a reduction; `x:sum { keepdim = true }` names options only.
local function arguments(where, dim, o, defaults)
  local options = type(dim) == "table" and #dim == 0 and dim or o
  if type(options) == "table" and options.dim then
    opts.raise("%s: the dim comes first, as in x:%s(1)", where, where)
  end
  if type(dim) == "string" then
    opts.raise("%s: dim must be an integer or an array of them, got '%s'", where, dim)
  end
  if o == nil and type(dim) ~= "table" then return dim, defaults or along end
  return opts.after_dim(where, dim, o, defaults or along)
end

local function reduce(name, x, dim, o)
  if o == nil and type(dim) ~= "table" and type(dim) ~= "string" then
    return c.reduce(name, x, dim)
  end
  dim, o = arguments(name, dim, o)
  return c.reduce(name, x, dim, o.keepdim, o.skip_nan)
end

--- Sum over one dim, an array of dims, or everything (then a number). NaN propagates unless
--- `skip_nan`; integers and bools sum in i64 and wrap; 0 for no elements.
---     tensor.of({ { 1, 2 }, { 3, 4 } }):sum(1):get(2) --> 6.0
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|number
function methods:sum(dim, o) return reduce("sum", self, dim, o) end

--- Product; as `sum`, 1 for no elements.
---     tensor.of({ 2, 3, 4 }):prod() --> 24.0
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|number
function methods:prod(dim, o) return reduce("prod", self, dim, o) end

--- Arithmetic mean; NaN propagates unless `skip_nan`; NaN for no elements.
---     tensor.of({ 1, 2, 0 / 0 }):mean { skip_nan = true } --> 1.5
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|number
function methods:mean(dim, o) return reduce("mean", self, dim, o) end

local spreading = { keepdim = false, skip_nan = false, ddof = 1 }
local function spread(name, x, dim, o)
  dim, o = arguments(name, dim, o, spreading)
  return c.reduce(name, x, dim, o.keepdim, o.skip_nan, o.ddof)
end

--- Variance about the mean over n - ddof; `ddof` is 1 (unbiased, as in PyTorch), 0 gives NumPy's.
--- NaN propagates unless `skip_nan`; NaN when n <= ddof.
---     tensor.of({ 1, 2, 3, 4 }):var { ddof = 0 } --> 1.25
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean, ddof: number }
---@return neap.tensor|number
function methods:var(dim, o) return spread("var", self, dim, o) end

--- Standard deviation: the root of `var`, same options.
---     tensor.of({ 2, 4 }):std { ddof = 0 } --> 1.0
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean, ddof: number }
---@return neap.tensor|number
function methods:std(dim, o) return spread("std", self, dim, o) end

--- Norm of the elements as one vector: `p` is 2, 1 or math.huge. NaN propagates unless `skip_nan`.
---     tensor.of({ 3, -4 }):norm() --> 5.0
---@param dim? integer|integer[]
---@param o? { p: number, keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|number
function methods:norm(dim, o)
  dim, o = arguments("norm", dim, o, { p = 2, keepdim = false, skip_nan = false })
  return c.reduce("norm", self, dim, o.keepdim, o.skip_nan, o.p)
end

--- True where any element is not 0; NaN counts as true.
---     tensor.of({ 0, 2 }):any() --> true
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|boolean
function methods:any(dim, o) return reduce("any", self, dim, o) end

--- True where every element is not 0; NaN counts as true, no elements too.
---     tensor.of({ 0, 2 }):all() --> false
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|boolean
function methods:all(dim, o) return reduce("all", self, dim, o) end

--- How many elements; with `skip_nan` how many are not NaN.
---     tensor.of({ 1, 0 / 0 }):count { skip_nan = true } --> 1
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|integer
function methods:count(dim, o) return reduce("count", self, dim, o) end

local function extreme(name, x, dim, o)
  if o == nil and type(dim) ~= "table" and type(dim) ~= "string" then
    return c.extreme(name, x, dim)
  end
  dim, o = arguments(name, dim, o)
  return c.extreme(name, x, dim, o.keepdim, o.skip_nan)
end

--- Largest element and its position (of the first of equals; over several dims in C order). NaN
--- wins unless `skip_nan`; no elements is an error.
---     tensor.of({ 1, 5, 2 }):max() --> 5.0
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|number, neap.tensor|integer
function methods:max(dim, o) return extreme("max", self, dim, o) end

--- Smallest element and its position; as `max`.
---     tensor.of({ 4, 1, 5 }):min() --> 1.0
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|number, neap.tensor|integer
function methods:min(dim, o) return extreme("min", self, dim, o) end

--- Position of the largest element; as `max`.
---     tensor.of({ 1, 5, 2 }):argmax() --> 2
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|integer
function methods:argmax(dim, o) return extreme("argmax", self, dim, o) end

--- Position of the smallest element; as `max`.
---     tensor.of({ 4, 1, 5 }):argmin() --> 2
---@param dim? integer|integer[]
---@param o? { keepdim: boolean, skip_nan: boolean }
---@return neap.tensor|integer
function methods:argmin(dim, o) return extreme("argmin", self, dim, o) end

-- choosing and joining ----------------------------------------------------------------------------

--- Elements of a where mask is true, of b elsewhere; all three broadcast, a and b may be numbers.
---     tensor.where(tensor.of { true, false }, 1.5, 0):sum() --> 1.5
---@param mask neap.tensor bool
---@param a neap.tensor|number
---@param b neap.tensor|number
---@return neap.tensor
function tensor.where(mask, a, b) return c.where(mask, a, b) end

--- Tensors one after the other along `dim` (1); their other sizes must agree, dtypes promote.
---     tensor.cat({ tensor.of { 1 }, tensor.of { 2, 3 } }):numel() --> 3
---@param tensors neap.tensor[]
---@param dim? integer
---@return neap.tensor
function tensor.cat(tensors, dim) return c.cat(tensors, dim) end

--- Tensors of one shape along a new dimension `dim` (1); dtypes promote.
---     tensor.stack({ tensor.of { 1, 2 }, tensor.of { 3, 4 } }, 2):get(1, 2) --> 3.0
---@param tensors neap.tensor[]
---@param dim? integer
---@return neap.tensor
function tensor.stack(tensors, dim) return c.stack(tensors, dim) end

--- Views of consecutive pieces along `dim` (1): an array of sizes, or one size for all (the last
--- piece may be shorter).
---     #tensor.arange(5):split(2) --> 3
---@param sizes integer|integer[]
---@param dim? integer
---@return neap.tensor[]
function methods:split(sizes, dim)
  dim = dims.one("split", self, dim == nil and 1 or dim)
  local n, at, pieces = self:size(dim), 1, {}
  local function piece(size)
    pieces[#pieces + 1] = self:slice(dim, at, at + size - 1 > 0 and at + size - 1 or -n - 1)
    at = at + size
  end
  if type(sizes) == "table" then
    local total = 0
    for i, size in ipairs(sizes) do
      total = total + opts.integer("split", ("sizes[%d]"):format(i), size, 0)
    end
    if total ~= n then opts.raise("split: the sizes add up to %d, dim %d has %d", total, dim, n) end
    for _, size in ipairs(sizes) do piece(size) end
  else
    sizes = opts.integer("split", "sizes", sizes, 1)
    while at <= n do piece(math.min(sizes, n - at + 1)) end
  end
  return pieces
end

local function check_bounds(where, x, low, high)
  if low ~= nil then opts.operand(where, "low", low) end
  if high ~= nil then opts.operand(where, "high", high) end
  dims.broadcast(where, x, low)
  dims.broadcast(where, x, high)
end

--- Elements kept inside [low, high]; either may be nil. NaN stays.
---     tensor.of({ -2, 0.5, 9 }):clamp(0, 1):sum() --> 1.5
---@param low? number|neap.tensor
---@param high? number|neap.tensor
---@return neap.tensor
function methods:clamp(low, high)
  opts.expect("clamp", "self", self, "tensor")
  check_bounds("clamp", self, low, high)
  local x = self
  if low ~= nil then x = c.bound("maximum", x, low) end
  if high ~= nil then x = c.bound("minimum", x, high) end
  return x
end

--- `clamp` in place.
---     tensor.of({ -2, 9 }):clamp_(0, 1):sum() --> 1.0
---@param low? number|neap.tensor
---@param high? number|neap.tensor
---@return neap.tensor self
function methods:clamp_(low, high)
  opts.expect("clamp_", "self", self, "tensor")
  check_bounds("clamp_", self, low, high)
  if low ~= nil then self:maximum_(low) end
  if high ~= nil then self:minimum_(high) end
  return self
end

-- Which elements count as true; of a number or boolean, whether it does.
local function truth(where, what, x)
  if what == "self" then opts.expect(where, what, x, "tensor") end
  opts.operand(where, what, x)
  if type(x) == "userdata" then return x:to "bool" end
  return x ~= 0 and x ~= false
end

--- True where both are not 0.
---     tensor.of({ 1, 0 }):logical_and(tensor.of { 2, 2 }):sum() --> 1
---@param y neap.tensor|number|boolean
---@return neap.tensor
function methods:logical_and(y)
  return truth("logical_and", "self", self) & truth("logical_and", "y", y)
end

--- True where either is not 0.
---     tensor.of({ 1, 0 }):logical_or(tensor.of { 0, 0 }):sum() --> 1
---@param y neap.tensor|number|boolean
---@return neap.tensor
function methods:logical_or(y)
  return truth("logical_or", "self", self) | truth("logical_or", "y", y)
end

--- True where exactly one is not 0.
---     tensor.of({ 1, 0 }):logical_xor(tensor.of { 1, 1 }):sum() --> 1
---@param y neap.tensor|number|boolean
---@return neap.tensor
function methods:logical_xor(y)
  return truth("logical_xor", "self", self) ~ truth("logical_xor", "y", y)
end

--- True where the element is 0.
---     tensor.of({ 1, 0 }):logical_not():sum() --> 1
---@return neap.tensor
function methods:logical_not() return ~truth("logical_not", "self", self) end

-- `tensor.mean(x)`, as in libraries where these are functions, learns that it is a method.
setmetatable(tensor, { __index = function(_, name)
  if type(name) ~= "string" or name:find "^__" then return nil end
  if methods[name] then
    opts.raise("tensor: '%s' is a method of tensors: x:%s(...)", name, name)
  end
  local names = {}
  for known in next, tensor do names[#names + 1] = known end
  opts.unknown("tensor", "function", name, names, "`neap help tensor` lists them")
end, __call = function() opts.raise "tensor: tensor.of { 1, 2, 3 } makes one" end })

-- What other libraries call a method, and what it is here.
local elsewhere = {
  clip = "x:clamp(low, high)", flatten = "x:reshape(-1)", ravel = "x:reshape(-1)",
  masked_fill = "tensor.where(mask, value, x), in place x[mask] = value", fill_ = "x[{}] = value",
  zero_ = "x[{}] = 0",
  swapaxes = "x:transpose(a, b)", nansum = "x:sum { skip_nan = true }",
  nanmean = "x:mean { skip_nan = true }", nanstd = "x:std { skip_nan = true }",
  nanmin = "x:min { skip_nan = true }", nanmax = "x:max { skip_nan = true }",
  astype = 'x:to "f32"', float = 'x:to "f32"', double = 'x:to "f64"', long = 'x:to "i64"',
  ndim = "x:dim()", T = "x:t()", tolist = "x:totable()", numpy = "x:totable()",
  rolling = "x:rolling_mean(n), rolling_std, ...", pct_change = "x / x:shift(1) - 1",
  dt = "clock.fields(x).hour",
  cuda = "nothing, neap computes on the CPU", cpu = "nothing, neap computes on the CPU",
  no_grad = "grad.no_grad(function() ... end)", data = "x:detach()",
  zero_grad = "x.grad = nil, or opt:zero_grad()",
  apply = "an expression of whole tensors", map = "an expression of whole tensors",
}

-- A name that no method has: the binding asks here before it gives up.
-- `x:outer(y)`, as in libraries where these are methods, learns that it is a function.
function methods.__absent(_, name)
  local linalg = require "neap.linalg"
  local owner = rawget(tensor, name) and "tensor" or rawget(linalg, name) and "linalg"
  if owner then opts.raise("tensor: '%s' is a function: %s.%s(x, ...)", name, owner, name) end
  if elsewhere[name] then
    opts.raise("tensor: there is no method '%s'; write %s", name, elsewhere[name])
  end
  local names = { "shape", "dtype", "grad", "requires_grad" }
  for known in next, methods do
    if not known:find "^__" then names[#names + 1] = known end
  end
  opts.unknown("tensor", "method", name, names, "`neap help tensor` lists them")
end

return tensor
