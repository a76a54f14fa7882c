-- Fast ways of moving and folding elements against the plain ones.
local neap = require "neap"
local tensor = require "neap.tensor"

local dtypes = { "f64", "f32", "i64", "i32", "u8", "bool" }

local function numbers(dtype, ...)
  local rng = neap.rng(3)
  if dtype == "f64" or dtype == "f32" then return tensor.randn { dtype = dtype, rng = rng, ... } end
  return tensor.randint { low = 0, high = 100, rng = rng, ... }:to(dtype)
end

local function assert_equal(want, got)
  assert.same(want.shape, got.shape)
  assert.equal(want.dtype, got.dtype)
  assert.is_true(want:eq(got):all())
end

describe("turned copies", function()
  it("hold every element at its place", function()
    for _, dtype in ipairs(dtypes) do
      for _, size in ipairs { { 1, 9 }, { 8, 8 }, { 9, 70 }, { 130, 17 }, { 64, 129 } } do
        local x = numbers(dtype, size[1], size[2])
        local z = x:t():clone()
        for i = 1, size[1] do assert_equal(x[i], z:slice(2, i, i):squeeze(2)) end
      end
    end
  end)

  it("work for views, offsets and several dims", function()
    local x = numbers("f64", 5, 20, 3, 40)
    local orders = { { 4, 1, 2, 3 }, { 1, 4, 3, 2 }, { 2, 4, 1, 3 }, { 4, 3, 2, 1 } }
    for _, order in ipairs(orders) do
      for _, v in ipairs { x, x:slice(2, 3, 19), x:slice(4, 2, 39), x:slice(2, 20, 1, -1) } do
        local view = v:permute(table.unpack(order))
        local z = view:clone()
        assert.is_true(z:is_contiguous())
        assert_equal(view, z)
      end
    end
  end)

  it("go into views, also of their own memory", function()
    local x = numbers("f32", 30, 30)
    local want = x:t():clone()
    local y = tensor.zeros { 30, 40, dtype = "f32" }
    local part = y:slice(2, 6, 35)
    part:copy_(x:t())
    assert_equal(want, part:clone())
    assert.equal(0.0, y:slice(2, 1, 5):sum() + y:slice(2, 36, 40):sum())
    x:copy_(x:t())
    assert_equal(want, x)
  end)
end)

describe("masks", function()
  it("choose in order, at any length", function()
    for _, dtype in ipairs(dtypes) do
      for _, n in ipairs { 1, 15, 16, 17, 1000, 70000 } do
        local x = numbers(dtype, n)
        local m = tensor.rand({ n, seed = n }):lt(0.5)
        assert_equal(x:take(m:nonzero()), x[m])
      end
    end
  end)

  it("work on views and several dims", function()
    local x = numbers("f64", 40, 30)
    local m = x:gt(0)
    assert_equal(x:reshape(-1)[m:reshape(-1)], x[m])
    assert_equal(x:t():clone()[m:t():clone()], x:t()[m:t()])
    assert.equal(0, x[m:logical_and(false)]:numel())
  end)
end)

describe("positions", function()
  it("outside are errors wherever they stand", function()
    local x = numbers("f32", 100)
    for _, bad in ipairs { 0, 101, -101 } do
      local at = tensor.randint { 1000, low = 1, high = 100, seed = 1 }
      at[700] = bad
      assert.has_error(function() return x[at] end)
    end
    assert.has_error(function() return tensor.zeros({ 0 })[tensor.of({ 1 }, { dtype = "i64" })] end)
  end)
end)

describe("softmax", function()
  it("is what exp and sum give", function()
    for _, dtype in ipairs { "f64", "f32" } do
      for _, n in ipairs { 1, 3, 16, 100 } do
        local x = numbers(dtype, 7, n)
        local e = (x - x:max(2, { keepdim = true })):exp()
        local want = e / e:sum(2, { keepdim = true })
        local tolerance = dtype == "f64" and 1e-15 or 1e-6
        assert.is_true((x:softmax(2) - want):abs():max() < tolerance)
        assert.is_true((x:t():softmax(1) - want:t()):abs():max() < tolerance)
      end
    end
  end)

  it("keeps what is missing or infinite apart", function()
    local inf, nan = math.huge, 0 / 0
    local p = tensor.of({ { 1, nan }, { -inf, 0 }, { -inf, -inf }, { 800, 800 } }):softmax(2)
    assert.equal(2, p[1]:isnan():sum())
    assert.equal(1.0, p:get(2, 2))
    assert.equal(2, p[3]:isnan():sum())
    assert.equal(0.5, p:get(4, 1))
    assert.is_true(tensor.randn({ 70000, seed = 1 }):softmax():sum() - 1 < 1e-9)
  end)
end)
