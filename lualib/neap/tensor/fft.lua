--- Fourier transforms; loaded by neap.tensor.
local c = require "neap.c.tensor"
local opts = require "neap.opts"

local tensor = require "neap.tensor.order"

local norms = { "backward", "ortho", "forward" }

-- The dim, counted from 1 among those of the array: the pairs of a complex one aside.
local function dim_of(where, x, dim, complex)
  local n = x:dim() - (complex and 1 or 0)
  if dim == nil then return math.max(n, 1) end
  dim = opts.integer(where, "option 'dim'", dim)
  if dim == 0 or dim > n or dim < -n then
    opts.raise("%s: option 'dim' is %d, must be 1 to %d or, from the end, -1 to -%d%s", where, dim,
      n, n, complex and " (the dim of pairs aside)" or "")
  end
  return dim > 0 and dim or n + 1 + dim
end

local function fourier(name, x, o, complex)
  local where = "tensor." .. name
  local defaults = { dim = opts.none, n = opts.none, norm = "backward" }
  if name == "fft" then defaults.complex = false end
  o = opts.merge(where, defaults, o)
  opts.expect(where, "x", x, "tensor")
  if o.complex ~= nil then opts.expect(where, "option 'complex'", o.complex, "boolean") end
  opts.expect(where, "option 'norm'", o.norm, "string")
  if o.norm ~= "backward" and o.norm ~= "ortho" and o.norm ~= "forward" then
    opts.unknown(where, "norm", o.norm, norms)
  end
  local n = o.n and opts.integer(where, "option 'n'", o.n, 1)
  complex = complex or o.complex
  return c.fourier(name, x, complex, dim_of(where, x, o.dim, complex), n, o.norm)
end

--- The discrete Fourier transform along `dim` (the last): y[k] is the sum over j of x[j] times
--- exp(-2 pi i (j-1)(k-1) / n), j and k from 1 to n. There is no complex dtype: complex numbers are
--- pairs (re, im) in a last dim of 2 more, which `dim` does not count. x is real, of shape
--- [.., n, ..], and the result [.., n, .., 2]; with `complex = true` x has the pairs too. `n` takes
--- the first n points, or adds zeros behind. `norm` says where the factor 1/n is: "backward" on the
--- inverse, "forward" here, "ortho" its root on both. Place k belongs to the frequency (k-1)/n per
--- step, and above n/2 to (k-1)/n - 1. Any length takes n log n steps, also a prime. Computed in
--- f64, the result f32 for f32. A NaN reaches every number of its row, at least in one
--- part; an infinity makes them infinite or NaN.
---     tensor.fft(tensor.of { 1, 2, 3 })[1] --> tensor<f64>[2] {6, 0}
---@param x neap.tensor
---@param o? { complex: boolean, dim: integer, n: integer, norm: "backward"|"ortho"|"forward" }
---@return neap.tensor
function tensor.fft(x, o) return fourier("fft", x, o, false) end

--- The inverse of `fft`: complex numbers [.., n, .., 2] to complex ones, with exp(+2 pi i ..) and,
--- unless `norm` says otherwise, the factor 1/n. Options as in `fft`.
---     tensor.ifft(tensor.fft(tensor.of { 1, 2, 3, 4 }))[2] --> tensor<f64>[2] {2, 0}
---@param x neap.tensor pairs (re, im) in the last dim
---@param o? { dim: integer, n: integer, norm: "backward"|"ortho"|"forward" }
---@return neap.tensor
function tensor.ifft(x, o) return fourier("ifft", x, o, true) end

--- `fft` of real numbers, but only the first n // 2 + 1 results; the others are conjugates of them,
--- y[n + 2 - k] of y[k]. Half the time and memory. Options as in `fft`; place k belongs to the
--- frequency (k-1)/n per step.
---     tensor.rfft(tensor.ones { 8 }).shape[1] --> 5
---@param x neap.tensor
---@param o? { dim: integer, n: integer, norm: "backward"|"ortho"|"forward" }
---@return neap.tensor
function tensor.rfft(x, o) return fourier("rfft", x, o, false) end

--- The inverse of `rfft`: [.., m, .., 2] to n real numbers. `n` is 2 (m - 1) unless given; an odd
--- number of points has to say so. The imaginary parts of the first and (of an even n) the last are
--- taken to be 0. Options as in `fft`.
---     local y = tensor.rfft(tensor.of { 1, 2, 3 })
---     tensor.irfft(y, { n = 3 }) --> tensor<f64>[3] {1, 2, 3}
---@param x neap.tensor pairs (re, im) in the last dim
---@param o? { dim: integer, n: integer, norm: "backward"|"ortho"|"forward" }
---@return neap.tensor
function tensor.irfft(x, o) return fourier("irfft", x, o, true) end

return tensor
