--- Diagonals, triangles and products of several kinds; loaded by neap.tensor.
local c = require "neap.c.tensor"
local opts = require "neap.opts"

local tensor = require "neap.tensor.order"

---@class neap.tensor
local methods = c.methods

local function shape_text(x) return "[" .. table.concat(x.shape, "x") .. "]" end

-- Rows and columns of the last two dims.
local function matrix_sizes(where, x, name)
  opts.expect(where, name or "x", x, "tensor")
  if x:dim() < 2 then opts.raise("%s: a matrix expected, got shape %s", where, shape_text(x)) end
  return x:size(-2), x:size(-1)
end

local function check_offset(where, k)
  return opts.integer(where, "k", k, -(1 << 31), 1 << 31)
end

-- diagonals ---------------------------------------------------------------------------------------

--- Diagonal k of the last two dims (0 the main one, positive above it); leading dims are a batch. A
--- view where memory order allows, else a copy; past the corners it is empty.
---     tensor.of({ { 1, 2 }, { 3, 4 } }):diagonal() --> tensor<f64>[2] {1, 4}
---@param k? integer
---@return neap.tensor
function methods:diagonal(k)
  k = check_offset("diagonal", k or 0)
  local m, n = matrix_sizes("diagonal", self, "self")
  local count = math.max(0, k >= 0 and math.min(m, n - k) or math.min(m + k, n))
  local sizes = self.shape
  sizes[#sizes] = nil
  sizes[#sizes] = m * n
  local flat = self:reshape(sizes)
  if count == 0 then return flat:slice(-1, 1, -m * n - 1) end
  local first = k >= 0 and k + 1 or -k * n + 1
  return flat:slice(-1, first, first + (count - 1) * (n + 1), n + 1)
end

--- A vector becomes a square matrix with the vector on diagonal k (0) and zeros elsewhere; of a
--- matrix, a copy of diagonal k.
---     tensor.diag(tensor.of { 1, 2 }):get(2, 2) --> 2.0
---@param x neap.tensor
---@param k? integer
---@return neap.tensor
function tensor.diag(x, k)
  opts.expect("tensor.diag", "x", x, "tensor")
  k = check_offset("tensor.diag", k or 0)
  if x:dim() == 0 then opts.raise "tensor.diag: a vector or matrix expected, got shape []" end
  if x:dim() > 1 then return x:diagonal(k):clone() end
  local n = #x + math.abs(k)
  local out = tensor.zeros { n, n, dtype = x.dtype }
  if x.requires_grad and #x > 0 then -- of each row (k >= 0) or column its element, at its place
    local on = tensor.zeros { n, n, dtype = "bool" }
    on:diagonal(k)[{}] = true
    local long = k == 0 and x or tensor.cat { x, tensor.zeros { math.abs(k), dtype = x.dtype } }
    return tensor.where(on, long:unsqueeze(k >= 0 and 2 or 1), out)
  end
  if #x > 0 then out:diagonal(k)[{}] = x end
  return out
end

-- True where keep(row, column) of an m x n matrix.
local function triangle(where, x, k, name)
  local m, n = matrix_sizes(where, x)
  k = check_offset(where, k or 0)
  local rows = tensor.arange(m, { dtype = "i64" }):unsqueeze(2) + k
  local columns = tensor.arange(n, { dtype = "i64" }):unsqueeze(1)
  local zero = tensor.zeros { 1, dtype = x.dtype }
  return c.where(columns[name](columns, rows), x, zero)
end

--- A copy of a matrix with zeros below diagonal k (0); leading dims are a batch.
---     tensor.triu(tensor.ones { 3, 3 }):sum() --> 6.0
---@param x neap.tensor
---@param k? integer
---@return neap.tensor
function tensor.triu(x, k) return triangle("tensor.triu", x, k, "ge") end

--- A copy of a matrix with zeros above diagonal k (0); leading dims are a batch.
---     tensor.tril(tensor.ones { 3, 3 }, -1):sum() --> 3.0
---@param x neap.tensor
---@param k? integer
---@return neap.tensor
function tensor.tril(x, k) return triangle("tensor.tril", x, k, "le") end

--- The sum of the main diagonal of a matrix, or of each of a batch; NaN propagates.
---     tensor.trace(tensor.of { { 1, 2 }, { 3, 4 } }) --> 5.0
---@param x neap.tensor
---@return number|neap.tensor
function tensor.trace(x)
  matrix_sizes("tensor.trace", x)
  local diagonal = x:diagonal()
  return diagonal:sum(diagonal:dim() > 1 and -1 or nil)
end

-- products ----------------------------------------------------------------------------------------

--- Matrix products of two batches of one length: b x m x k with b x k x n gives b x m x n.
---     tensor.bmm(tensor.ones { 5, 2, 3 }, tensor.ones { 5, 3, 4 }):sum() --> 120.0
---@param x neap.tensor
---@param y neap.tensor
---@return neap.tensor
function tensor.bmm(x, y)
  opts.expect("tensor.bmm", "x", x, "tensor")
  opts.expect("tensor.bmm", "y", y, "tensor")
  if x:dim() ~= 3 or y:dim() ~= 3 or x:size(1) ~= y:size(1) or x:size(3) ~= y:size(2) then
    opts.raise("tensor.bmm: shapes %s and %s do not match; b x m x k and b x k x n expected",
      shape_text(x), shape_text(y))
  end
  return c.matmul(x, y)
end

--- The Kronecker product: every element of x times the whole of y, for tensors of up to 4 dims; the
--- one with fewer gets dims of size 1 in front.
---     tensor.kron(tensor.of { 1, 10 }, tensor.of { 1, 2 }) --> tensor<f64>[4] {1, 2, 10, 20}
---@param x neap.tensor
---@param y neap.tensor
---@return neap.tensor
function tensor.kron(x, y)
  opts.expect("tensor.kron", "x", x, "tensor")
  opts.expect("tensor.kron", "y", y, "tensor")
  local dims = math.max(x:dim(), y:dim())
  if dims > 4 then opts.raise("tensor.kron: up to 4 dims, got %d", dims) end
  local a, b = x.shape, y.shape
  while #a < dims do table.insert(a, 1, 1) end
  while #b < dims do table.insert(b, 1, 1) end
  local wide, narrow, sizes = {}, {}, {}
  for d = 1, dims do
    wide[2 * d - 1], wide[2 * d] = a[d], 1
    narrow[2 * d - 1], narrow[2 * d] = 1, b[d]
    sizes[d] = a[d] * b[d]
  end
  return (x:reshape(wide) * y:reshape(narrow)):reshape(sizes)
end

return tensor
