--- Random tensors; loaded by neap.tensor.
local c = require "neap.c.tensor"
local opts = require "neap.opts"
local sizes_and_options = require "neap.tensor.sizes"

local tensor = require "neap.tensor.order"

-- The generator that the options name: `rng`, `seed`, or the run's own.
local function generator(where, o)
  if o.rng ~= nil then
    opts.expect(where, "option 'rng'", o.rng, "rng")
    return o.rng
  end
  local neap = require "neap"
  if o.seed == nil then return neap.generator() end
  return neap.rng(opts.integer(where, "option 'seed'", o.seed))
end

local float_options = { dtype = "f64", rng = opts.none, seed = opts.none }

--- Uniform numbers in [0, 1): sizes in the array part; `dtype` "f64" or "f32", `rng` or `seed` by
--- name. Without them the run's generator is used (see neap.seed). Every random tensor takes one
--- draw of the stream per element: element i depends on the generator's state and i alone, at any
--- number of threads, and a longer tensor begins with the numbers of a shorter one.
---     tensor.rand({ 100, seed = 7 }):lt(1):all() --> true
---@param t table
---@return neap.tensor
function tensor.rand(t, ...)
  local sizes, o = sizes_and_options("tensor.rand", t, float_options, ...)
  return c.rand(sizes, o.dtype, generator("tensor.rand", o))
end

--- Standard normal numbers; options as in `rand`. By Box and Muller (1958).
---     tensor.randn({ 2, 3, rng = neap.rng(7) }):numel() --> 6
---@param t table
---@return neap.tensor
function tensor.randn(t, ...)
  local sizes, o = sizes_and_options("tensor.randn", t, float_options, ...)
  return c.randn(sizes, o.dtype, generator("tensor.randn", o))
end

--- Whole numbers from `low` (1) to `high`, both included, as i64, all equally likely in any range;
--- `rng` or `seed` as in `rand`. By Lemire (2019).
---     tensor.randint({ 50, low = 1, high = 6, seed = 7 }):max() <= 6 --> true
---@param t table
---@return neap.tensor
function tensor.randint(t, ...)
  local sizes, o = sizes_and_options("tensor.randint", t,
    { low = 1, high = opts.required, rng = opts.none, seed = opts.none }, ...)
  local low = opts.integer("tensor.randint", "option 'low'", o.low)
  local high = opts.integer("tensor.randint", "option 'high'", o.high)
  return c.randint(sizes, low, high, generator("tensor.randint", o))
end

--- The numbers 1 to n in random order, i64: an index for `x[p]`. By Fisher and Yates.
---     tensor.permutation(10, { seed = 7 }):sum() --> 55
---@param n integer
---@param o? { rng: neap.rng, seed: integer }
---@return neap.tensor
function tensor.permutation(n, o)
  o = opts.merge("tensor.permutation", { rng = opts.none, seed = opts.none }, o)
  n = opts.integer("tensor.permutation", "n", n, 0)
  return c.permutation(n, generator("tensor.permutation", o))
end

-- distributions -----------------------------------------------------------------------------------

local function check_float(where, dtype)
  if dtype ~= "f64" and dtype ~= "f32" then
    opts.raise("%s: dtype is %s, allowed are f64 and f32", where, tostring(dtype))
  end
  return dtype
end

-- A tensor of the distribution called name; `defaults` holds the parameters, `first` and `second`
-- name them. Without sizes, parameters that are tensors say the shape.
local function distribution(name, t, defaults, first, second)
  local where = "tensor." .. name
  defaults.rng, defaults.seed = opts.none, opts.none
  local sizes, o = sizes_and_options(where, t, defaults)
  local shaped = false
  for _, parameter in ipairs { first, second } do
    local v, what = o[parameter], ("option '%s'"):format(parameter)
    local kind = opts.kind(v)
    if kind == "tensor" then
      opts.expect(where, what, v, "tensor")
      shaped = true
    elseif kind ~= "number" then
      opts.raise("%s: %s must be a number or a tensor, got %s", where, what, kind)
    end
  end
  if #sizes == 0 and shaped then sizes = nil end
  local dtype = defaults.dtype == "f64" and check_float(where, o.dtype) or nil
  return c.random(name, sizes, dtype, generator(where, o), o[first], second and o[second]), o
end

--- True with probability `p` in 0 to 1: bool, or 1 and 0 of another `dtype`. Sizes in the array
--- part, `rng` or `seed` as in `rand`. As in every distribution a parameter may be a tensor, which
--- broadcasts to the sizes; without sizes the result has its shape. NaN is not allowed.
---     tensor.bernoulli { 3, p = 1 } --> tensor<bool>[3] {true, true, true}
---     tensor.bernoulli { p = tensor.of { 0, 1 }, dtype = "f64" } --> tensor<f64>[2] {0, 1}
---@param t table
---@return neap.tensor
function tensor.bernoulli(t)
  local x, o = distribution("bernoulli", t, { p = opts.required, dtype = "bool" }, "p")
  return o.dtype == "bool" and x or x:to(o.dtype)
end

--- Exponential waiting times with `rate` > 0 (1), mean 1 / rate; options as in `bernoulli`, `dtype`
--- "f64" or "f32". By inversion.
---     tensor.exponential({ 1000, rate = 2, seed = 7 }):min() >= 0 --> true
---@param t table
---@return neap.tensor
function tensor.exponential(t)
  return (distribution("exponential", t, { rate = 1, dtype = "f64" }, "rate"))
end

--- Gamma numbers with `shape` > 0 and `scale` > 0 (1), mean shape * scale; options as in
--- `exponential`. By Marsaglia and Tsang (2000). Where the shape is small most numbers may be
--- below the smallest of the dtype, and then are 0.
---     tensor.gamma({ 1000, shape = 0.5, seed = 7 }):min() >= 0 --> true
---@param t table
---@return neap.tensor
function tensor.gamma(t)
  return (distribution("gamma", t, { shape = opts.required, scale = 1, dtype = "f64" }, "shape",
    "scale"))
end

--- Beta numbers with `a` and `b` from 1e-300 to 1e300, mean a / (a + b); options as in
--- `exponential`. The ratio of gammas, which small parameters do not turn into 0 / 0. Rounding to
--- the dtype may give 0 or 1.
---     tensor.beta({ 1000, a = 2, b = 3, seed = 7 }):max() <= 1 --> true
---@param t table
---@return neap.tensor
function tensor.beta(t)
  return (distribution("beta", t, { a = opts.required, b = opts.required, dtype = "f64" }, "a",
    "b"))
end

--- Student's t with `df` > 0 degrees of freedom (math.huge: normal); options as in `exponential`.
--- By Bailey (1994): `randn` with a longer radius, so with many degrees of freedom the two agree.
---     local x = tensor.student_t { 3, df = math.huge, seed = 7 }
---     (x - tensor.randn { 3, seed = 7 }):norm() < 1e-15 --> true
---@param t table
---@return neap.tensor
function tensor.student_t(t)
  return (distribution("student_t", t, { df = opts.required, dtype = "f64" }, "df"))
end

--- Poisson counts with mean `rate`, 0 to 1e15: i64; options as in `bernoulli`, but no dtype. Exact
--- at any rate: inversion below 10, Hoermann's transformed rejection (1993) above.
---     tensor.poisson { 2, rate = 0 } --> tensor<i64>[2] {0, 0}
---@param t table
---@return neap.tensor
function tensor.poisson(t) return (distribution("poisson", t, { rate = opts.required }, "rate")) end

--- How many of `n` trials (0 to 1e15) succeed with probability `p` each: i64; options as in
--- `poisson`. Exact at any n: inversion where n p or n (1 - p) is below 10, Hoermann's transformed
--- rejection (1993) above.
---     tensor.binomial { 2, n = 10, p = 1 } --> tensor<i64>[2] {10, 10}
---@param t table
---@return neap.tensor
function tensor.binomial(t)
  return (distribution("binomial", t, { n = opts.required, p = opts.required }, "n", "p"))
end

-- samples and vectors -----------------------------------------------------------------------------

-- An array of numbers as a tensor.
local function as_tensor(where, what, v)
  if type(v) == "table" then v = tensor.of(v) end
  opts.expect(where, what, v, "tensor")
  return v
end

--- k positions out of 1 to n (i64), or k of the rows of a tensor: with replacement, or without,
--- then in random order and in memory that grows with k only. `weights`, one for each position,
--- need not sum to 1; those of 0 are never chosen. With them and without replacement it is as if
--- one were drawn after the other (Efraimidis and Spirakis 2006).
---     tensor.choice(1000000, 3, { replace = false, seed = 7 }):unique():numel() --> 3
---     tensor.choice(tensor.of { 5, 6 }, 2, { weights = { 0, 1 } }) --> tensor<f64>[2] {6, 6}
---@param x neap.tensor|integer
---@param k integer
---@param o? { replace: boolean, weights: neap.tensor|number[], rng: neap.rng, seed: integer }
---@return neap.tensor
function tensor.choice(x, k, o)
  local where = "tensor.choice"
  o = opts.merge(where,
    { replace = true, weights = opts.none, rng = opts.none, seed = opts.none }, o)
  local rows = opts.kind(x) == "tensor"
  if rows then opts.expect(where, "x", x, "tensor") end
  if rows and x:dim() == 0 then opts.raise("%s: x is a tensor without dims", where) end
  local n, rng = rows and #x or opts.integer(where, "x", x, 0), generator(where, o)
  k = opts.integer(where, "k", k, 0)
  if k > 0 and n == 0 then opts.raise("%s: %d of nothing", where, k) end
  local at
  if o.weights ~= nil then
    local weights = as_tensor(where, "option 'weights'", o.weights)
    if weights:dim() ~= 1 or #weights ~= n then
      opts.raise("%s: weights [%s] for %d positions", where, table.concat(weights.shape, "x"), n)
    end
    at = c.sample_weighted(weights, k, o.replace, rng)
  elseif o.replace then
    at = k > 0 and c.randint({ k }, 1, n, rng) or c.zeros({ 0 }, "i64")
  else
    at = c.sample(n, k, rng)
  end
  return rows and x:take(at, 1) or at
end

--- How many of n trials (0 to 1e15) fall into each category, whose probabilities `p` (a tensor or
--- an array) sum to 1 within 1e-6: i64. `size`, an integer or an array, asks for so many rows.
---     tensor.multinomial(100, { 0.2, 0.3, 0.5 }, { size = 4, seed = 7 }):sum(2)[1] --> 100
---@param n integer
---@param p neap.tensor|number[]
---@param o? { size: integer|integer[], rng: neap.rng, seed: integer }
---@return neap.tensor
function tensor.multinomial(n, p, o)
  local where = "tensor.multinomial"
  o = opts.merge(where, { size = opts.none, rng = opts.none, seed = opts.none }, o)
  n, p = opts.integer(where, "n", n, 0), as_tensor(where, "p", p)
  local size = {}
  for d, count in ipairs(type(o.size) == "table" and o.size or { o.size }) do
    size[d] = opts.integer(where, "size " .. d, count, 0)
  end
  return c.multinomial(n, p, size, generator(where, o))
end

--- Normal vectors with that mean, [d], and covariance, [d x d]: [d], or [n x d] with `n`. By the
--- Cholesky factor, and by eigenvalues where there is none. An error when cov is not symmetric, or
--- has a negative eigenvalue (beyond rounding: 1e-8 of the largest, in f32 1e-4). Computed in f64,
--- `dtype` "f64" or "f32".
---     local cov = tensor.of { { 1, 1 }, { 1, 1 } }
---     local x = tensor.multivariate_normal(tensor.zeros { 2 }, cov, { n = 5, seed = 7 })
---     (x[{ {}, 1 }] - x[{ {}, 2 }]):abs():max() < 1e-12 --> true
---@param mean neap.tensor|number[]
---@param cov neap.tensor|number[][]
---@param o? { n: integer, dtype: string, rng: neap.rng, seed: integer }
---@return neap.tensor
function tensor.multivariate_normal(mean, cov, o)
  local where = "tensor.multivariate_normal"
  o = opts.merge(where, { n = opts.none, dtype = "f64", rng = opts.none, seed = opts.none }, o)
  mean, cov = as_tensor(where, "mean", mean), as_tensor(where, "cov", cov)
  local rows = o.n == nil and 1 or opts.integer(where, "option 'n'", o.n, 0)
  local dtype = check_float(where, o.dtype)
  local x = c.multivariate_normal(mean, cov, rows, generator(where, o)):to(dtype)
  return o.n == nil and x[1] or x
end
