--- From columns to a decision: the model, the calibrator and the threshold, for one row and for
--- many by the same operations, so that a row has the same bits either way.
local tensor = require "neap.tensor"

local score = {}

-- What the model says of the rows it can judge, NaN elsewhere.
local function predict(p, x)
  if #x == 1 and p.kind.row then
    local y = p.kind.row(p.model, x:reshape(x:size(2)))
    return p.classes and y:view(1, #y) or y
  end
  local ask = p.classes and p.model.predict_proba or p.model.predict
  if p.kind.missing or #x == 0 then return ask(p.model, x) end
  local bad = x:isnan():any(2)
  if not bad:any() then return ask(p.model, x) end
  local wide = p.classes and #p.classes or nil
  local good = (~bad):nonzero()
  local out = tensor.full { #x, wide or 1, value = 0 / 0 }
  if #good > 0 then
    local y = ask(p.model, x:take(good))
    local index = good:view(#good, 1)
    if wide then index = index:expand(#good, wide):contiguous() end
    out:scatter_(index, y:reshape(#good, wide or 1), 1)
  end
  return wide and out or out:reshape(#x)
end

-- The larger class where its probability exceeds the threshold.
local function of_two(p, proba)
  local n = #proba
  local positive = proba:slice(2, 2, 2):reshape(n)
  if p.calibrator then positive = p.calibrator:apply(positive) end
  local over = positive:gt(p.threshold)
  local class = tensor.where(over, p.classes[2] + 0.0, p.classes[1] + 0.0)
  return { { "probability", positive }, { "class", tensor.where(positive:isnan(), 0 / 0, class) },
    { "decision", over } }
end

local function of_several(p, proba)
  if p.calibrator then proba = p.calibrator:apply(proba) end
  local largest, at = proba:max(2)
  local labels = {}
  for k, label in ipairs(p.classes) do labels[k] = label + 0.0 end
  local class = tensor.of(labels):take(at)
  local columns = { { "probability", largest },
    { "class", tensor.where(largest:isnan(), 0 / 0, class) },
    { "decision", largest:gt(p.threshold) } }
  for k, label in ipairs(p.classes) do
    columns[#columns + 1] = { ("p_%d"):format(label), proba:slice(2, k, k):reshape(#proba) }
  end
  return columns
end

--- Columns of the result for rows of the model's columns (N x K, f64): { name, tensor } in order.
---@param p table
---@param x neap.tensor
---@return table[]
function score.columns(p, x)
  if p.dtype == "f32" then x = x:to "f32" end
  local y = predict(p, x)
  if not p.classes then
    local columns = { { "value", y } }
    if p.threshold then columns[2] = { "decision", y:gt(p.threshold) } end
    return columns
  end
  return #p.classes == 2 and of_two(p, y) or of_several(p, y)
end

return score
