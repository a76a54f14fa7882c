--- Turning round, rolling and repeating elements; loaded by neap.tensor.
local c = require "neap.c.tensor"
local dims = require "neap.tensor.dims"
local opts = require "neap.opts"

---@class neap.tensor
local methods = c.methods

--- View with the order of elements turned round along one dim, an array of dims, or all of them.
---     tensor.of({ 1, 2, 3 }):flip() --> tensor<f64>[3] {3, 2, 1}
---@param dim? integer|integer[]
---@return neap.tensor
function methods:flip(dim)
  local x = self
  for _, d in ipairs(dims.several("flip", self, dim)) do
    if x:size(d) > 0 then x = x:slice(d, -1, 1, -1) end
  end
  return x
end

--- Copy with the elements moved n places along dim (needed when there are several); what leaves at
--- one end comes in at the other. n < 0 moves towards the first place. `shift` uncovers NaN.
---     tensor.of({ 1, 2, 3 }):roll(1) --> tensor<f64>[3] {3, 1, 2}
---@param n integer
---@param dim? integer
---@return neap.tensor
function methods:roll(n, dim)
  dim = dims.only("roll", self, dim)
  n = opts.integer("roll", "n", n)
  local size = self:size(dim)
  n = size > 0 and n % size or 0
  if n == 0 then return self:clone() end
  return c.cat({ self:slice(dim, size - n + 1, size), self:slice(dim, 1, size - n) }, dim)
end

-- x with dim repeated: n of each element (inner), or n of the whole (not inner).
local function repeated(x, n, dim, inner)
  local full, sizes = x.shape, x.shape
  table.insert(full, inner and dim + 1 or dim, n)
  sizes[dim] = sizes[dim] * n
  return x:unsqueeze(inner and dim + 1 or dim):expand(full):reshape(sizes)
end

--- Every element n times in a row along dim (needed when there are several); or as often as an
--- integer tensor with one count for each place says.
---     tensor.of({ 1, 2 }):repeat_interleave(2) --> tensor<f64>[4] {1, 1, 2, 2}
---@param n integer|neap.tensor
---@param dim? integer
---@return neap.tensor
function methods:repeat_interleave(n, dim)
  dim = dims.only("repeat_interleave", self, dim)
  if type(n) ~= "userdata" then
    return repeated(self, opts.integer("repeat_interleave", "n", n, 0), dim, true):contiguous()
  end
  opts.expect("repeat_interleave", "n", n, "tensor")
  if n:dim() ~= 1 or #n ~= self:size(dim) or n.dtype:find "^[fb]" then
    opts.raise("repeat_interleave: n must be %d integer counts, got %s [%s]", self:size(dim),
      n.dtype, table.concat(n.shape, "x"))
  end
  if #n > 0 then opts.integer("repeat_interleave", "an element of n", n:min(), 0) end
  local ends = n:cumsum() -- element i stands at the places up to ends[i]
  local places = c.arange(1, 1, #n > 0 and ends[-1] or 0, "i64")
  return self:take(ends:searchsorted(places), dim)
end

--- The whole tensor side by side, so often along each dim: counts for the last dims, or for more
--- dims than there are (which are added in front).
---     tensor.of({ 1, 2 }):tile(2) --> tensor<f64>[4] {1, 2, 1, 2}
---@param ... integer|integer[]
---@return neap.tensor
function methods:tile(...)
  opts.expect("tile", "self", self, "tensor")
  local counts = type((...)) == "table" and (...) or { ... }
  local x = self
  while x:dim() < #counts do x = x:unsqueeze(1) end
  for i, n in ipairs(counts) do
    n = opts.integer("tile", "count " .. i, n, 0)
    if n ~= 1 then x = repeated(x, n, x:dim() - #counts + i, false) end
  end
  return x:clone()
end

return methods
