--- Linear algebra on tensors, over LAPACK; products are `tensor.matmul`.
local c = require "neap.c.tensor"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local linalg = {}

--- x with a x = b, for an n x n matrix and a right-hand side of n or n x k; LU with row exchanges.
--- f64 (f32 when both are). A singular matrix and numbers that are not finite are errors.
---     linalg.solve(tensor.of { { 2, 0 }, { 0, 4 } }, tensor.of { 2, 2 })[2] --> 0.5
---@param a neap.tensor
---@param b neap.tensor
---@return neap.tensor
function linalg.solve(a, b) return c.solve(a, b) end

--- The lower triangular L with L L' = a, for a symmetric positive definite a, of which only the
--- lower triangle is read. Not positive definite, or not finite, is an error.
---     linalg.cholesky(tensor.of { { 4, 0 }, { 2, 5 } })[2][1] --> 1.0
---@param a neap.tensor
---@return neap.tensor
function linalg.cholesky(a) return c.cholesky(a) end

--- The inverse of an n x n matrix. To solve a system use `solve`, which is faster and more exact.
---     linalg.inv(tensor.of { { 2, 0 }, { 0, 4 } })[1][1] --> 0.5
---@param a neap.tensor
---@return neap.tensor
function linalg.inv(a)
  opts.expect("linalg.inv", "a", a, "tensor")
  if a:dim() ~= 2 then opts.raise("linalg.inv: a matrix expected, got %d dims", a:dim()) end
  return c.solve(a, tensor.eye(a:size(1), { dtype = a.dtype == "f32" and "f32" or "f64" }))
end

return linalg
