-- Values and gradients against PyTorch at zeros, infinities, NaN and equal elements:
-- golden/grad.lua, written by golden/grad.py.
local tensor = require "neap.tensor"

local cases = dofile "tests/golden/grad.lua"

-- Where we differ on purpose: a NaN has no sign, which for PyTorch is 0; and PyTorch divides by the
-- NaN whose factors are known.
local ours = {
  ["x:abs(): gradient 1[10]"] = 0 / 0,
  ["x:sign(): value[10]"] = 0 / 0,
  ["x:cumprod(2): gradient 1[17]"] = 17 + 18 * 1 + 19 * 2 + 20 * 6,
}

local function same(a, b)
  if b ~= b then return a ~= a end
  return a == b or math.abs(a - b) <= 1e-12 * math.abs(b)
end

local function compare(text, what, x, want)
  local got = x:reshape(-1):totable()
  assert.equal(#want, #got)
  for i = 1, #want do
    local place = ("%s: %s[%d]"):format(text, what, i)
    local b = ours[place] or want[i]
    if not same(got[i], b) then
      error(("%s is %.17g, PyTorch has %.17g"):format(place, got[i], b))
    end
  end
end

describe("as PyTorch", function()
  for _, case in ipairs(cases) do
    it(case.text, function()
      local leaves = {}
      for i, input in ipairs(case.inputs) do
        leaves[i] = tensor.of(input[2]):reshape(input[1]):requires_grad_()
      end
      local y = case.f(table.unpack(leaves))
      compare(case.text, "value", y:detach(), case.value)
      y:backward { gradient = tensor.arange(y:numel()):reshape(y.shape) }
      for i, x in ipairs(leaves) do
        compare(case.text, "gradient " .. i, x.grad, case.gradients[i])
      end
    end)
  end
end)
