--- Steps that move and stretch columns: standard, minmax, robust, logarithms, winsorize.
local c = require "neap.c.frame"
local opts = require "neap.opts"
local sheet = require "neap.preprocess.sheet"
local tensor = require "neap.tensor"

local kinds = {}

local function is_share(v) return type(v) == "number" and v >= 0 and v <= 1 end

-- {low, high} of two numbers, the first smaller.
local function check_pair(where, name, pair, fits, what)
  if type(pair) ~= "table" or #pair ~= 2 or not fits(pair[1]) or not fits(pair[2])
    or pair[1] >= pair[2] then
    opts.raise("%s: %s must be {low, high} of %s", where, name, what)
  end
end

local function is_finite(v) return type(v) == "number" and v - v == 0 end

--- Smallest and largest of each column, NaN left out; of a column without values inf and -inf.
--- Infinite values are an error that names the column and the row.
---@param s table
---@return neap.tensor low, neap.tensor high
function kinds.bounds(s)
  local low, high = c.column_range(s.x)
  if low:eq(-math.huge):any() or high:eq(math.huge):any() then
    local row, column = sheet.first(s.x:isinf())
    opts.raise("%s: column '%s' is infinite in row %d; winsorize it before, or make it NaN",
      s.where, s.names[column], row)
  end
  return low, high
end

-- The names at which a mask is true.
local function named(names, mask)
  local out = {}
  for _, i in ipairs(mask:nonzero():totable()) do out[#out + 1] = names[i] end
  return out
end

-- Scales with 0 made 1, and which columns are constant or without values noted. Those of one value
-- are centred at it exactly.
local function settle(s, low, high, center, scale)
  local constant, empty = low:eq(high), low:gt(high)
  s.empty = named(s.names, empty)
  s.constant = named(s.names, constant | (scale:eq(0) & ~empty))
  center = tensor.where(constant, low, center)
  scale = tensor.where(constant | scale:eq(0), 1, scale)
  return tensor.where(empty, 0 / 0, center), tensor.where(empty, 0 / 0, scale)
end

local function affine(s) return (s.x - s.state.center) / s.state.scale end
local function affine_back(s) return s.kept * s.state.scale + s.state.center end

local skip = { skip_nan = true }

kinds.standard = {
  options = { center = true, scale = true },
  check = function(where, o)
    opts.expect(where, "option 'center'", o.center, "boolean")
    opts.expect(where, "option 'scale'", o.scale, "boolean")
  end,
  fit = function(s)
    local low, high = kinds.bounds(s)
    local center, scale = settle(s, low, high, s.x:mean(1, skip),
      s.x:std(1, { ddof = 0, skip_nan = true }))
    if not s.o.center then center = tensor.where(center:isnan(), 0 / 0, 0) end
    if not s.o.scale then scale = tensor.where(scale:isnan(), 0 / 0, 1) end
    return { center = center, scale = scale }
  end,
  apply = affine, inverse = affine_back,
}

kinds.robust = {
  options = { quantiles = { 0.25, 0.75 }, center = true, scale = true, unit_variance = false },
  check = function(where, o)
    check_pair(where, "quantiles", o.quantiles, is_share, "shares from 0 to 1")
    for _, name in ipairs { "center", "scale", "unit_variance" } do
      opts.expect(where, ("option '%s'"):format(name), o[name], "boolean")
    end
    if o.unit_variance and (o.quantiles[1] == 0 or o.quantiles[2] == 1) then
      opts.raise("%s: unit_variance needs quantiles inside 0 and 1", where)
    end
  end,
  fit = function(s)
    local low, high = kinds.bounds(s)
    local q = s.o.quantiles
    local found = s.x:quantile({ q[1], 0.5, q[2] }, 1, skip)
    local center, scale = settle(s, low, high, found[2], found[3] - found[1])
    if s.o.unit_variance then
      local z = c.normal_quantile(tensor.of(q))
      scale = scale / (z[2] - z[1])
    end
    if not s.o.center then center = tensor.where(center:isnan(), 0 / 0, 0) end
    if not s.o.scale then scale = tensor.where(scale:isnan(), 0 / 0, 1) end
    return { center = center, scale = scale }
  end,
  apply = affine, inverse = affine_back,
}

kinds.minmax = {
  options = { range = { 0, 1 }, clip = false },
  check = function(where, o)
    check_pair(where, "range", o.range, is_finite, "finite numbers")
    opts.expect(where, "option 'clip'", o.clip, "boolean")
  end,
  fit = function(s)
    local low, high = kinds.bounds(s)
    local center, scale = settle(s, low, high, low, high - low)
    return { low = center, span = scale }
  end,
  apply = function(s)
    local a, b = s.o.range[1], s.o.range[2]
    local y = (s.x - s.state.low) / s.state.span
    if a ~= 0 or b ~= 1 then y = y * (b - a) + a end
    return s.o.clip and y:clamp(a, b) or y
  end,
  inverse = function(s)
    local a, b = s.o.range[1], s.o.range[2]
    return (s.kept - a) / (b - a) * s.state.span + s.state.low
  end,
}

-- Logarithms learn nothing; what has none among the fitted rows is an error.
local function logarithm(name, lowest, forward, back)
  return {
    options = name == "log1p" and { signed = false } or {},
    check = function(where, o)
      if name == "log1p" then opts.expect(where, "option 'signed'", o.signed, "boolean") end
    end,
    fit = function(s)
      if s.o.signed then return {} end
      local row, column = sheet.first(s.x:le(lowest))
      if row then
        opts.raise("%s: column '%s' is %.6g in row %d, and %s needs more than %d%s", s.where,
          s.names[column], s.x:get(row, column), row, name, lowest,
          name == "log1p" and "; signed = true takes any number" or "")
      end
      return {}
    end,
    apply = function(s)
      if s.o.signed then return s.x:sign() * s.x:abs():log1p() end
      return forward(tensor.where(s.x:le(lowest), 0 / 0, s.x))
    end,
    inverse = function(s)
      if s.o.signed then return s.kept:sign() * s.kept:abs():expm1() end
      return back(s.kept)
    end,
  }
end

kinds.log = logarithm("log", 0, function(x) return x:log() end, function(y) return y:exp() end)
kinds.log1p = logarithm("log1p", -1, function(x) return x:log1p() end,
  function(y) return y:expm1() end)

kinds.winsorize = {
  options = { limits = { 0.01, 0.99 } },
  check = function(where, o)
    check_pair(where, "limits", o.limits, is_share, "shares from 0 to 1")
  end,
  fit = function(s)
    local q = s.x:quantile(s.o.limits, 1, skip)
    s.empty = named(s.names, q[1]:isnan())
    return { low = q[1]:clone(), high = q[2]:clone() }
  end,
  apply = function(s) return s.x:clamp(s.state.low, s.state.high) end,
  inverse = function(s) return s.kept end,
}

return kinds
