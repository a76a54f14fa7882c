--- Steps that look at where a number stands among the fitted ones: rank, quantile_normal.
local c = require "neap.c.frame"
local opts = require "neap.opts"
local scale = require "neap.preprocess.scale"
local tensor = require "neap.tensor"

local skip = { skip_nan = true }

local function check(where, o)
  o.points = opts.integer(where, "points", o.points, 2, 1000000)
end

-- Quantiles at `points` places evenly from 0 to 1, no more than there are rows: F x points.
local function fit(s)
  scale.bounds(s)
  local k = math.max(1, math.min(s.o.points, s.n))
  local q = s.x:quantile(k > 1 and tensor.linspace(0, 1, k):totable() or { 0.5 }, 1, skip)
  local table = q:cummax(1):t():contiguous()
  local first, last = table:slice(2, 1, 1):reshape(#s.names), table:slice(2, k, k):reshape(#s.names)
  s.constant, s.empty = {}, {}
  for i, name in ipairs(s.names) do
    if first[i] ~= first[i] then s.empty[#s.empty + 1] = name
    elseif first[i] == last[i] then s.constant[#s.constant + 1] = name end
  end
  return { table = table }
end

-- The share of fitted numbers below, 0 to 1; a half where all of them are one.
local function share(s)
  local k = s.state.table:size(2)
  local place = c.quantile_place(s.x, s.state.table)
  return k > 1 and place / (k - 1) or place + 0.5
end

local function at_share(s, p)
  return c.quantile_at(p * (s.state.table:size(2) - 1), s.state.table)
end

-- The normal is cut where a share is this near to 0 and 1, at 5.2 deviations; on the way back what
-- lies there counts as 0 and 1.
local NEAR = 1e-7
local EDGE = NEAR - 2.0 ^ -52

return {
  rank = {
    options = { points = 1000 }, check = check, fit = fit, apply = share,
    inverse = function(s) return at_share(s, s.kept) end,
  },
  quantile_normal = {
    options = { points = 1000 }, check = check, fit = fit,
    apply = function(s) return c.normal_quantile(share(s):clamp(EDGE, 1 - EDGE)) end,
    inverse = function(s)
      local p = ((s.kept / math.sqrt(2)):erf() + 1) / 2
      p = tensor.where(p:lt(NEAR), 0, p)
      return at_share(s, tensor.where(p:gt(1 - NEAR), 1, p))
    end,
  },
}
