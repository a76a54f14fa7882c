--- The step that turns columns into principal components: pca.
local linalg = require "neap.linalg"
local opts = require "neap.opts"
local sheet = require "neap.preprocess.sheet"
local tensor = require "neap.tensor"

local function check(where, o)
  local k = o.components
  if k ~= nil and not (type(k) == "number" and (math.type(k) == "integer" and k >= 1
    or math.type(k) == "float" and k > 0 and k < 1)) then
    opts.raise("%s: components is %s, an integer of at least 1 or a share between 0 and 1 of the "
      .. "variance is expected", where, tostring(k))
  end
  opts.expect(where, "option 'whiten'", o.whiten, "boolean")
end

-- Of n components in falling order of variance those that `wanted` asks for.
local function number_of(s, wanted, share, most)
  if wanted == nil then return most end
  if math.type(wanted) == "integer" then
    if wanted > most then
      opts.raise("%s: %d components of %d rows and %d columns, at most %d are there", s.where,
        wanted, s.n, #s.names, most)
    end
    return wanted
  end
  local sum = 0
  for k = 1, most do
    sum = sum + share[k]
    if sum > wanted then return k end
  end
  return most
end

local function fit(s)
  if s.n < 2 then opts.raise("%s: %d row, two are needed", s.where, s.n) end
  local row, column = sheet.first(~s.x:isfinite())
  if row then
    local missing = s.x:get(row, column) ~= s.x:get(row, column)
    opts.raise("%s: column '%s' is %s in row %d; impute it before", s.where, s.names[column],
      missing and "missing" or "infinite", row)
  end
  local mean = s.x:mean(1)
  local centred = s.x - mean
  local values, vectors = linalg.eigh(centred:t():matmul(centred) / (s.n - 1))
  values, vectors = values:flip(1):clamp(0), vectors:flip(2)
  local total = values:sum()
  local share = total > 0 and values / total or values
  local k = number_of(s, s.o.components, share, math.min(s.n, #s.names))
  local variance = values:slice(1, 1, k):clone()
  local scale = tensor.ones { k }
  if s.o.whiten then
    local least = values:max() * 1e-14 -- what is left of none after rounding
    scale = tensor.where(variance:gt(least), variance:sqrt(), 1)
  end
  return { mean = mean, axes = vectors:slice(2, 1, k):contiguous(),
    variance = variance, share = share:slice(1, 1, k):clone(), scale = scale }
end

return {
  pca = {
    options = { components = opts.none, whiten = false },
    check = check, fit = fit, replaces = true,
    added = function(s)
      local names = {}
      for k = 1, #s.state.variance do names[k] = "pca_" .. k end
      return names
    end,
    apply = function(s)
      return nil, (s.x - s.state.mean):matmul(s.state.axes) / s.state.scale
    end,
    inverse = function(s)
      return (s.added * s.state.scale):matmul(s.state.axes:t()) + s.state.mean
    end,
  },
}
