--- Linear algebra on tensors, over LAPACK; products are `tensor.matmul`.
---
--- The last two dims are the matrix, leading ones a batch. All is computed in f64; results are f32
--- when the operands are. Elements that are not finite are errors that name the first one.
local c = require "neap.c.tensor"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local linalg = {}

-- What shape x has, for messages.
local function shape_text(x) return "[" .. table.concat(x.shape, "x") .. "]" end

-- x, which has two dims at least, in f64, and its numbers of rows and columns.
local function matrix(where, x)
  opts.expect("linalg." .. where, "a", x, "tensor")
  if x:dim() < 2 then
    opts.raise("linalg.%s: a matrix expected, got shape %s", where, shape_text(x))
  end
  return x:to "f64", x:size(-2), x:size(-1)
end

local function check_square(where, x)
  opts.expect(where, "a", x, "tensor")
  local n = x:dim()
  if n < 2 then opts.raise("%s: a matrix expected, got shape %s", where, shape_text(x)) end
  if x:size(n) ~= x:size(n - 1) then
    opts.raise("%s: a square matrix expected, got shape %s", where, shape_text(x))
  end
end

-- A result in the dtype that belongs to x: a number, or a tensor.
local function like(x, result)
  if type(result) == "number" or x.dtype ~= "f32" then return result end
  return result:to "f32"
end

-- x with leading sizes of its own, and the last ones as given.
local function leading(x, ...)
  local sizes = x.shape
  sizes[#sizes], sizes[#sizes - 1] = nil, nil
  for _, size in ipairs { ... } do sizes[#sizes + 1] = size end
  return sizes
end

-- systems -----------------------------------------------------------------------------------------

--- x with a x = b, for square a and right-hand sides b of n (one matrix only) or n x k; by LU with
--- row exchanges. A singular matrix is an error.
---     linalg.solve(tensor.of { { 2, 0 }, { 0, 4 } }, tensor.of { 2, 2 })[2] --> 0.5
---@param a neap.tensor
---@param b neap.tensor
---@return neap.tensor
function linalg.solve(a, b) return c.solve(a, b) end

--- x with a x = b for a triangular a: the lower triangle, or the `upper` one; what lies on the
--- other side is not used. `transpose` solves with a's transpose, `unit` takes the diagonal to be
--- 1. A 0 on the diagonal is an error.
---     linalg.solve_triangular(tensor.of { { 2, 9 }, { 1, 1 } }, tensor.of { 2, 3 })[2] --> 2.0
---@param a neap.tensor
---@param b neap.tensor n, or n x k
---@param o? { upper: boolean, transpose: boolean, unit: boolean }
---@return neap.tensor
function linalg.solve_triangular(a, b, o)
  o = opts.merge("linalg.solve_triangular", { upper = false, transpose = false, unit = false }, o)
  return c.solve_triangular(a, b, o.upper, o.transpose, o.unit)
end

--- The inverse of a square matrix; a singular one is an error. To solve a system use `solve`, which
--- is faster and more exact.
---     linalg.inv(tensor.of { { 2, 0 }, { 0, 4 } })[1][1] --> 0.5
---@param a neap.tensor
---@return neap.tensor
function linalg.inv(a)
  check_square("linalg.inv", a)
  return c.inv(a)
end

--- The shortest x for which |a x - b| is least, for a of m x n and b of m (one matrix only) or
--- m x k, by singular values; and the rank of a (i64 for a batch), and its singular values. Values
--- below `rcond` times the largest count as 0; it is eps max(m, n) unless given.
---     linalg.lstsq(tensor.of { { 2, 0 }, { 0, 4 } }, tensor.of { 2, 2 }):numel() --> 2
---@param a neap.tensor
---@param b neap.tensor
---@param o? { rcond: number }
---@return neap.tensor x, integer|neap.tensor rank, neap.tensor s
function linalg.lstsq(a, b, o)
  o = opts.merge("linalg.lstsq", { rcond = opts.none }, o)
  if o.rcond then opts.expect("linalg.lstsq", "option 'rcond'", o.rcond, "number") end
  return c.lstsq(a, b, o.rcond)
end

-- decompositions ----------------------------------------------------------------------------------

--- The lower triangular L with L L' = a, for a symmetric positive definite a, of which only the
--- lower triangle is used. Not positive definite is an error that names the leading minor.
---     linalg.cholesky(tensor.of { { 4, 0 }, { 2, 5 } })[2][1] --> 1.0
---@param a neap.tensor
---@return neap.tensor
function linalg.cholesky(a) return c.cholesky(a) end

--- Row positions p (i64), L and U with `a[p]` = L U for an m x n matrix: L is m x k with a diagonal
--- of 1, U k x n, k = min(m, n). Exchanges bring the largest element of a column to the diagonal.
---     linalg.lu(tensor.of { { 1, 2 }, { 3, 4 } }) --> tensor<i64>[2] {2, 1}
---@param a neap.tensor
---@return neap.tensor p, neap.tensor l, neap.tensor u
function linalg.lu(a) return c.lu(a) end

--- Q with orthonormal columns and upper triangular R with a = Q R. Q is m x k, R k x n, for
--- k = min(m, n); with `full` Q is m x m. The diagonal of R is not negative, which makes the
--- pair unique for a of full column rank (NumPy leaves the signs to LAPACK).
---     select(2, linalg.qr(tensor.of { { 3, 0 }, { 4, 5 } }))[2][2] --> 3.0
---@param a neap.tensor
---@param o? { full: boolean }
---@return neap.tensor q, neap.tensor r
function linalg.qr(a, o)
  o = opts.merge("linalg.qr", { full = false }, o)
  return c.qr(a, o.full)
end

--- U, s and VT with a = U diag(s) VT, the singular values s falling: U is m x k, VT k x n,
--- k = min(m, n); with `full` U and VT are square. In each column of U the element of largest size
--- (the first of equals) is positive, VT follows.
---     select(2, linalg.svd(tensor.of { { 0, 2 }, { 3, 0 } })) --> tensor<f64>[2] {3, 2}
---@param a neap.tensor
---@param o? { full: boolean }
---@return neap.tensor u, neap.tensor s, neap.tensor vt
function linalg.svd(a, o)
  o = opts.merge("linalg.svd", { full = false }, o)
  return c.svd(a, o.full)
end

--- The singular values alone, falling.
---     linalg.svdvals(tensor.of { { 0, 2 }, { 3, 0 } })[1] --> 3.0
---@param a neap.tensor
---@return neap.tensor
function linalg.svdvals(a) return c.svdvals(a) end

--- Eigenvalues, rising, of a symmetric matrix, of which only the lower triangle is used, and
--- orthonormal eigenvectors in columns: a v = v diag(w). Signs of the columns as in `svd`.
---     linalg.eigh(tensor.of { { 2, 1 }, { 1, 2 } }) --> tensor<f64>[2] {1, 3}
---@param a neap.tensor
---@return neap.tensor w, neap.tensor v
function linalg.eigh(a) return c.eigh(a) end

--- The pseudo-inverse (Moore and Penrose) of an m x n matrix, n x m, by singular values. Values not
--- above `rcond` times the largest count as 0; it is eps max(m, n) unless given.
---     linalg.pinv(tensor.of { { 2, 0 }, { 0, 0 } })[1][1] --> 0.5
---@param a neap.tensor
---@param o? { rcond: number }
---@return neap.tensor
function linalg.pinv(a, o)
  o = opts.merge("linalg.pinv", { rcond = opts.none }, o)
  if o.rcond then opts.expect("linalg.pinv", "option 'rcond'", o.rcond, "number") end
  local x, m, n = matrix("pinv", a)
  if m == 0 or n == 0 then
    local sizes = leading(x, n, m)
    sizes.dtype = a.dtype == "f32" and "f32" or "f64"
    return tensor.zeros(sizes)
  end
  local u, s, vt = c.svd(x)
  local rcond = o.rcond or math.max(m, n) * 2.0 ^ -52
  local limit = s:slice(-1, 1, 1) * rcond
  local inverse = c.where(s:gt(limit), 1 / s, 0.0):unsqueeze(-1)
  return like(a, c.matmul(vt:transpose(-1, -2), inverse * u:transpose(-1, -2)))
end

-- numbers -----------------------------------------------------------------------------------------

--- The determinant: a number, or one for each matrix of a batch. It can overflow and vanish where
--- `slogdet` does not. 1 for a matrix without elements.
---     linalg.det(tensor.of { { 2, 1 }, { 0, 3 } }) --> 6.0
---@param a neap.tensor
---@return number|neap.tensor
function linalg.det(a) return c.det(a) end

--- The sign of the determinant (-1, 0 or 1) and the logarithm of its size (-inf for a singular a).
---     linalg.slogdet(tensor.of { { 2, 1 }, { 0, -3 } }) --> -1.0
---@param a neap.tensor
---@return number|neap.tensor sign, number|neap.tensor logabs
function linalg.slogdet(a) return c.slogdet(a) end

--- The sum of the diagonal of a matrix: a number, or one for each matrix of a batch; NaN
--- propagates.
---     linalg.trace(tensor.of { { 1, 2 }, { 3, 4 } }) --> 5.0
---@param a neap.tensor
---@return number|neap.tensor
function linalg.trace(a)
  matrix("trace", a)
  return tensor.trace(a)
end

local vector_norms = { [1] = true, [2] = true, [math.huge] = true }

-- What a matrix without elements gives, for each of a batch.
local function nothing(x, dtype)
  if x:dim() == 2 then return dtype == "i64" and 0 or 0.0 end
  local sizes = leading(x)
  sizes.dtype = dtype
  return tensor.zeros(sizes)
end

-- The largest sum of sizes along dim.
local function largest_sum(x, dim)
  if x:size(-2) == 0 or x:size(-1) == 0 then return nothing(x, "f64") end
  local sums = x:abs():sum(dim)
  local value = sums:max(sums:dim() > 1 and -1 or nil)
  return value
end

-- `method` over the singular values of x.
local function of_values(x, method)
  if x:size(-2) == 0 or x:size(-1) == 0 then return nothing(x, "f64") end
  local s = c.svdvals(x)
  local value = s[method](s, s:dim() > 1 and -1 or nil)
  return value
end

local matrix_norms = {
  fro = function(x) return x:norm(x:dim() > 2 and { -2, -1 } or nil) end,
  nuc = function(x) return of_values(x, "sum") end,
  [1] = function(x) return largest_sum(x, -2) end,
  [math.huge] = function(x) return largest_sum(x, -1) end,
  [2] = function(x) return of_values(x, "max") end,
}

local function refuse_norm(where, p)
  local got = opts.kind(p)
  if got == "string" then got = ("'%s'"):format(p)
  elseif got == "number" then got = ("%.14g"):format(p) end
  opts.raise("linalg.%s: p of a matrix is 'fro', 'nuc', 1, 2 or math.huge, got %s", where, got)
end

--- The norm of a vector (one dim), `p` being 1, 2 (usual) or math.huge; or of a matrix: "fro"
--- (usual), "nuc" (the sum of the singular values), 2 (the largest one), 1 or math.huge (the
--- largest sum of sizes in a column, in a row). A batch of matrices gives one for
--- each. NaN propagates, but is an error where singular values are needed.
---     linalg.norm(tensor.of { { 3, 0 }, { 0, -4 } }, "nuc") --> 7.0
---@param x neap.tensor
---@param p? number|string
---@return number|neap.tensor
function linalg.norm(x, p)
  opts.expect("linalg.norm", "x", x, "tensor")
  local dims = x:dim()
  if p == "fro" and dims == 1 then p = 2 end
  if dims == 1 then
    p = p or 2
    if not vector_norms[p] then
      opts.raise("linalg.norm: p of a vector is 1, 2 or math.huge, got %s",
        type(p) == "table" and "table" or tostring(p))
    end
    return x:norm { p = p }
  end
  local wide = matrix("norm", x)
  local norm = matrix_norms[p == nil and "fro" or p]
  if not norm then refuse_norm("norm", p) end
  return like(x, norm(wide))
end

--- How many singular values exceed `tol` (eps max(m, n) times the largest): an integer, or one for
--- each matrix of a batch.
---     linalg.rank(tensor.of { { 1, 2 }, { 2, 4 } }) --> 1
---@param a neap.tensor
---@param o? { tol: number }
---@return integer|neap.tensor
function linalg.rank(a, o)
  o = opts.merge("linalg.rank", { tol = opts.none }, o)
  if o.tol then opts.expect("linalg.rank", "option 'tol'", o.tol, "number") end
  local x, m, n = matrix("rank", a)
  if m == 0 or n == 0 then return nothing(x, "i64") end
  local s = c.svdvals(x)
  local limit = o.tol or s:slice(-1, 1, 1) * (math.max(m, n) * 2.0 ^ -52)
  return s:gt(limit):sum(s:dim() > 1 and -1 or nil)
end

--- The condition number: the largest singular value over the smallest, inf for a singular matrix;
--- of a square matrix also in another norm `p` (1, math.huge, "fro"): |a| |inv a|. A number, or one
--- for each matrix of a batch.
---     linalg.cond(tensor.of { { 2, 0 }, { 0, 8 } }) --> 4.0
---@param a neap.tensor
---@param p? number|string
---@return number|neap.tensor
function linalg.cond(a, p)
  local x, m, n = matrix("cond", a)
  if m == 0 or n == 0 then
    opts.raise("linalg.cond: a matrix of shape %s has none", shape_text(a))
  end
  if p ~= nil and p ~= 2 then
    if not matrix_norms[p] then refuse_norm("cond", p) end
    return linalg.norm(a, p) * linalg.norm(linalg.inv(a), p)
  end
  local s = c.svdvals(x)
  local ratio = s:slice(-1, 1, 1) / s:slice(-1, -1, -1)
  ratio = c.where(ratio:isnan(), math.huge, ratio)
  if ratio:dim() == 1 then return ratio[1] end
  return like(a, ratio:squeeze(-1))
end

-- functions of matrices ---------------------------------------------------------------------------

--- The matrix exponential, by Pade approximation with scaling and squaring (Higham 2005). Elements
--- too large for f64 come out as inf or NaN.
---     linalg.expm(tensor.of { { 0, 1 }, { 0, 0 } })[1][2] --> 1.0
---@param a neap.tensor square
---@return neap.tensor
function linalg.expm(a)
  check_square("linalg.expm", a)
  return c.expm(a)
end

return linalg
