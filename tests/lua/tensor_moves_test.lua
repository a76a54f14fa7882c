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

describe("sums over the first dims", function()
  it("are those of the turned copy, bit for bit", function()
    for _, dtype in ipairs { "f64", "f32" } do
      for _, size in ipairs { { 1, 5 }, { 7, 3 }, { 40, 64 }, { 33, 130 }, { 9000, 3 } } do
        local x = numbers(dtype, size[1], size[2])
        local y = x:t():clone()
        for _, name in ipairs { "sum", "mean", "var", "std" } do
          local got, want = x[name](x, 1), y[name](y, 2)
          assert.is_true((got:eq(want) | (got:isnan() & want:isnan())):all(), name)
        end
      end
      local x = numbers(dtype, 6, 20, 70)
      assert_equal(x:permute(3, 1, 2):clone():reshape(70, 120):sum(2), x:sum { 1, 2 })
      assert_equal(x:permute(2, 3, 1):clone():mean(3, { keepdim = true }):permute(3, 1, 2),
        x:mean(1, { keepdim = true }))
    end
  end)

  it("let NaN through, and skip it when asked", function()
    local x = tensor.zeros { 20, 3 }
    x:set(5, 2, 0 / 0)
    assert.same({ 0, 1, 0 }, x:sum(1):isnan():to("i64"):totable())
    assert.equal(0.0, x:sum(1, { skip_nan = true }):sum())
  end)
end)

describe("quantiles", function()
  local function by_sorting(x, q)
    local sorted = x:to("f64"):sort()
    local rank = q * (#x - 1) + 1
    local low = math.floor(rank)
    local a, b = sorted[low], sorted[math.min(low + 1, #x)]
    return a + (b - a) * (rank - low)
  end

  it("are those of a sorted copy, at any length and order", function()
    for _, n in ipairs { 1, 2, 25, 1000, 8193, 100000 } do
      local x = tensor.randn { n, seed = n }
      local steps = (tensor.rand { n, seed = n } * 4):floor() -- many equal elements
      local waves = tensor.arange(n):mod(64) -- what a sample with a stride may misjudge
      for _, y in ipairs { x, x:to "f32", x:sort(), -x:sort(), steps, waves, x:exp():pow(20) } do
        for _, q in ipairs { 0, 0.001, 0.25, 0.5, 0.9, 0.9999, 1 } do
          local want = by_sorting(y, q)
          local miss = math.abs(y:quantile(q) - want) / (1 + math.abs(want))
          assert.is_true(miss <= 1e-12, n .. " " .. q)
        end
      end
    end
  end)

  it("agree one by one and many at once", function()
    local x = tensor.randn({ 5, 9000, seed = 1 })
    local q = {}
    for i = 1, 20 do q[i] = (i - 1) / 19 end
    local many = x:quantile(q, 2)
    for i = 1, 20 do assert_equal(many[i], x:quantile(q[i], 2)) end
  end)

  it("know infinities and NaN", function()
    local inf, nan = math.huge, 0 / 0
    assert.equal(inf, tensor.of({ inf, inf, 1 }):median())
    assert.equal(-inf, tensor.of({ -inf, -inf, inf }):quantile(0.25))
    assert.is_true(tensor.of({ 1, nan, 3 }):median() ~= tensor.of({ 1, nan, 3 }):median())
    assert.equal(2.0, tensor.of({ 1, nan, 3 }):median(nil, { skip_nan = true }))
    local x = tensor.randn { 20000, seed = 1 }
    local m = x:gt(1.5)
    local want = x[~m]:median()
    x[m] = nan
    assert.equal(want, x:median(nil, { skip_nan = true }))
  end)
end)

describe("running sums", function()
  it("add up in f64, whatever the length", function()
    for n = 1, 20 do
      local x = tensor.arange(n)
      assert_equal(x * (x + 1) / 2, x:cumsum())
      assert_equal((x * (x + 1) / 2):to "f32", x:to("f32"):cumsum())
    end
    local x = tensor.randn { 100000, dtype = "f32", seed = 1 }
    assert.is_true((x:cumsum():to "f64" - x:to("f64"):cumsum()):abs():max() < 1e-4)
  end)
end)

describe("sines and cosines", function()
  it("of any angle do not depend on the neighbours", function()
    for _, dtype in ipairs { "f64", "f32" } do
      local x = tensor.randn { 100, dtype = dtype, seed = 1 } * 1000
      local wide = tensor.cat { x, tensor.of({ 1e6, -1.5e6, 1e22 }, { dtype = dtype }) }
      assert_equal(x:sin(), wide:sin():slice(1, 1, 100))
      assert_equal(x:cos(), wide:cos():slice(1, 1, 100))
      assert.is_true(math.abs(wide:to("f64"):sin()[101] - math.sin(1e6)) < 1e-15)
      assert.is_true(math.abs(wide:to("f64"):cos()[102] - math.cos(-1.5e6)) < 1e-15)
      assert.equal(-math.huge, 1 / tensor.of({ -0.0 }, { dtype = dtype }):sin()[1])
    end
  end)
end)

describe("sorting", function()
  it("is stable and puts NaN last, in narrow dtypes as in wide ones", function()
    for _, dtype in ipairs { "f32", "i32", "u8", "bool" } do
      for _, n in ipairs { 1, 40, 49, 1000, 70000 } do
        local x = tensor.randint { n, low = 0, high = 200, seed = n }:to(dtype)
        if dtype == "i32" or dtype == "f32" then x = x - 100 end
        if dtype == "f32" then x[x:gt(95)] = 0 / 0 end
        if dtype == "f32" and n > 40 then x[7] = -0.0 end
        for _, descending in ipairs { false, true } do
          local values, at = x:sort { descending = descending }
          local wide, wide_at = x:to("f64"):sort { descending = descending }
          assert_equal(wide_at, at)
          local found = values:to "f64"
          assert.is_true((found:eq(wide) | (found:isnan() & wide:isnan())):all())
        end
      end
    end
  end)
end)
