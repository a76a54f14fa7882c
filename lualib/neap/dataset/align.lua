--- Which row of the labels belongs to which row of the features: by time and symbol.
local clock = require "neap.clock"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

-- The codes of b's symbols in the labels of a; labels that a lacks come after its own.
local function in_codes_of(a, b)
  local code_of, codes, n = {}, { 0 }, #a.labels
  for code, label in ipairs(a.labels) do code_of[label] = code end
  for i, label in ipairs(b.labels) do
    if not code_of[label] then
      n = n + 1
      code_of[label] = n
    end
    codes[i + 1] = code_of[label]
  end
  return tensor.of(codes, { dtype = "i64" }):take(b.codes:to "i64" + 1)
end

local function describe(side, row)
  local symbol = side.symbols and side.symbols[row]
  return clock.print(side.times[row]) .. (symbol and ", " .. symbol or "")
end

local function refuse_missing(side, what)
  local missing = side.times:eq(clock.nat):nonzero()
  if #missing > 0 then
    opts.raise("dataset.new: row %d of the %s has no time", missing[1], what)
  end
end

local function refuse_twice(side, what, first, second)
  opts.raise("dataset.new: the %s have two rows for %s (rows %d and %d); f:unique keeps one", what,
    describe(side, first), math.min(first, second), math.max(first, second))
end

--- Positions of the labels' rows for each row of the features, 0 where there is none. Both are {
--- times, symbols } of i64 and a category or nil. Raises where a key stands twice on one side.
---@param features table
---@param labels table
---@return neap.tensor
return function(features, labels)
  refuse_missing(features, "features")
  refuse_missing(labels, "labels")
  local n = #features.times
  local times = tensor.cat { features.times, labels.times }
  local order = times:argsort(1)
  local codes
  if features.symbols and labels.symbols then
    codes = tensor.cat { features.symbols.codes:to "i64",
      in_codes_of(features.symbols, labels.symbols) }
    order = order:take(codes:take(order):argsort(1)) -- features before labels where keys are equal
  end
  local found = tensor.zeros { n, dtype = "i64" }
  if #order < 2 then return found end
  local this, other = order:slice(1, 1, -2), order:slice(1, 2, -1)
  local same = times:take(this):eq(times:take(other))
  if codes then same = same & codes:take(this):eq(codes:take(other)) end
  local twice = same & this:gt(n):eq(other:gt(n))
  if twice:any() then
    local at = twice:nonzero()[1]
    local first, second = this[at], other[at]
    if first <= n then refuse_twice(features, "features", first, second) end
    refuse_twice(labels, "labels", first - n, second - n)
  end
  found[this[same]] = other[same] - n
  return found
end
