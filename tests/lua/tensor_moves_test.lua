-- Fast ways of moving and folding elements against the plain ones.
local support = require "tests.lua.support"
local neap = require "neap"
local tensor = require "neap.tensor"

local nan = 0 / 0
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
    local inf = math.huge
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
    local inf = math.huge
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

describe("shift", function()
  local function holds(want, x)
    local got = x:totable()
    assert.equal(#want, #got)
    for i, v in ipairs(want) do assert.is_true(v == got[i] or v ~= v and got[i] ~= got[i]) end
  end

  it("moves elements and uncovers NaN", function()
    local x = tensor.of({ 1, 2, 3 }, { dtype = "i64" })
    for n, want in pairs { [0] = { 1, 2, 3 }, { nan, 1, 2 }, { nan, nan, 1 }, { nan, nan, nan },
      [9] = { nan, nan, nan }, [-1] = { 2, 3, nan }, [-3] = { nan, nan, nan },
      [math.mininteger] = { nan, nan, nan }, [math.maxinteger] = { nan, nan, nan } } do
      holds(want, x:shift(n))
    end
    assert.equal("f64", x:shift(1).dtype)
    assert.equal("f32", x:to("f32"):shift(1).dtype)
    assert.equal(0, #tensor.zeros({ 0 }):shift(1))
  end)

  it("works along a dim, of views too", function()
    local x = tensor.of { { 1, 2 }, { 3, 4 }, { 5, 6 } }
    holds({ nan, 1, 3 }, x:shift(1, 1)[{ {}, 1 }])
    holds({ nan, 2 }, x:t():shift(1, 1)[{ {}, 2 }]:sub(1))
    holds({ 4, nan }, x:shift(-1, 2)[2])
  end)
end)

describe("turning round and repeating", function()
  local x = tensor.of { { 1, 2, 3 }, { 4, 5, 6 } }

  it("flips along some dims, as a view", function()
    assert.same({ { 6, 5, 4 }, { 3, 2, 1 } }, x:flip():totable())
    assert.same({ { 3, 2, 1 }, { 6, 5, 4 } }, x:flip(-1):totable())
    local y = x:clone()
    y:flip(1)[1] = 0
    assert.same({ 0, 0, 0 }, y[2]:totable())
    assert.same({ 0, 3 }, tensor.zeros({ 0, 3 }):flip().shape)
    assert.matches("flip: dim is 3, but there are 2", support.message(x.flip, x, 3))
    assert.matches("flip: dim is 0, but indices start at 1", support.message(x.flip, x, { 1, 0 }))
  end)

  it("rolls round the ends", function()
    assert.same({ { 2, 3, 1 }, { 5, 6, 4 } }, x:roll(-1, 2):totable())
    assert.same({ { 4, 5, 6 }, { 1, 2, 3 } }, x:roll(7, 1):totable())
    assert.same(x:totable(), x:roll(-600, 2):totable())
    assert.equal(0, #tensor.zeros({ 0 }):roll(3))
    assert.matches("roll: dim is nil, but the tensor has 2 dims; name one",
      support.message(x.roll, x, 1))
    assert.matches("roll: n must be an integer, got 0.5",
      support.message(x.roll, x, 0.5, 1))
  end)

  it("repeats each element, or the whole", function()
    assert.same({ { 1, 1, 2, 2, 3, 3 }, { 4, 4, 5, 5, 6, 6 } }, x:repeat_interleave(2, 2):totable())
    local counts = tensor.of({ 0, 2 }, { dtype = "u8" })
    assert.same({ { 4, 5, 6 }, { 4, 5, 6 } }, x:repeat_interleave(counts, 1):totable())
    assert.same({ 0, 3 }, x:repeat_interleave(0, 1).shape)
    assert.same({ { 1, 2, 3, 1, 2, 3 }, { 4, 5, 6, 4, 5, 6 } }, x:tile(2):totable())
    assert.same({ 3, 4, 3 }, x:tile(3, 2, 1).shape)
    local y = x:tile(1)
    y[1] = 0
    assert.equal(1.0, x:get(1, 1))
    assert.matches("tile: count 1 is %-1, must be 0 at least",
      support.message(x.tile, x, -1))
    assert.matches("repeat_interleave: n must be 2 integer counts, got f64 %[2%]",
      support.message(x.repeat_interleave, x, tensor.of { 1, 1 }, 1))
  end)
end)

describe("gather and scatter_", function()
  local x = tensor.of { { 1, 2, 3 }, { 4, 5, 6 } }
  local function at(values) return tensor.of(values, { dtype = "i64" }) end

  it("go along one dim, there and back", function()
    assert.same({ { 3, 1 }, { 5, 6 } }, x:gather(at { { 3, 1 }, { 2, -1 } }, 2):totable())
    assert.same({ { 4, 2, 6 } }, x:gather(at { { 2, 1, 2 } }, 1):totable())
    assert.same({ { 3 }, { 6 } }, x:gather(at { { 3 } }, 2):totable()) -- the index broadcasts
    for _, dtype in ipairs(dtypes) do
      local y = numbers(dtype, 40, 70)
      local order = y:argsort(2)
      assert_equal(y:sort(2), y:gather(order, 2))
      assert_equal(y, tensor.zeros({ 40, 70, dtype = dtype }):scatter_(order, y:sort(2), 2))
      assert_equal(y:t():gather(order:t(), 1), y:gather(order, 2):t())
    end
  end)

  it("let the last of equal positions win, at any thread count", function()
    local y = tensor.zeros { 3, 50000 }
    local index = tensor.randint { 3, 50000, low = 1, high = 100, seed = 1 }
    local v = tensor.arange(150000):view(3, 50000)
    y:scatter_(index, v, 2)
    for i = 1, 3 do
      local last = {}
      for k, place in ipairs(index[i]:totable()) do last[place] = v:get(i, k) end
      for place = 1, 100 do assert.equal(last[place] or 0.0, y:get(i, place)) end
    end
  end)

  it("read before they write", function()
    local y = at { 2, 1, 3 }
    y:scatter_(y, y:flip())
    assert.same({ 1, 3, 2 }, y:totable())
  end)

  it("say what does not fit, and change nothing then", function()
    local y = x:clone()
    assert.matches("scatter_: index is 4, but the size is 3",
      support.message(y.scatter_, y, at { { 1, 4 } }, 0, 2))
    assert.same(x:totable(), y:totable())
    assert.matches("scatter_: shape %[2%] does not fit into the %[2x3%] places",
      support.message(y.scatter_, y, at { { 1, 2, 3 } }, tensor.of { 1, 2 }, 2))
    assert.matches("gather: an index of shape %[2%] does not match %[2x3%] but in dim 2",
      support.message(x.gather, x, at { 1, 2 }, 2))
    assert.matches("gather: index is 0, but indices start at 1",
      support.message(x.gather, x, at { { 0 } }, 2))
    assert.matches("gather: the index is f64", support.message(x.gather, x, x, 2))
    assert.matches("clone it first", support.message(function()
      tensor.zeros({ 1 }):expand(3):scatter_(at { 1 }, 1)
    end))
  end)
end)

describe("partition", function()
  it("puts one element where a sort would, the others on their sides in order", function()
    for _, dtype in ipairs(dtypes) do
      for _, n in ipairs { 1, 2, 30, 5000 } do
        local x = numbers(dtype, n)
        for _, k in ipairs { 1, (n + 1) // 2, -1 } do
          local values, from = x:partition(k)
          local pivot = x:sort()[k]
          assert_equal(x[from], values)
          local want = tensor.cat { x[x:lt(pivot)], x[x:eq(pivot)], x[x:gt(pivot)] }
          assert_equal(want, values)
        end
      end
    end
  end)

  it("takes NaN for the largest, and names its place", function()
    local x = tensor.of { nan, 2, nan, 1 }
    assert.same({ 1, 2 }, x:partition(2):slice(1, 1, 2):totable())
    assert.equal(2, x:partition(3):slice(1, 3):isnan():sum())
    assert.matches("partition: k is", support.message(x.partition, x, 5))
    assert.matches("partition: k is", support.message(x.partition, x, 0))
    assert.matches("partition: dim is nil, but the tensor has 2 dims", support.message(function()
      tensor.zeros({ 2, 2 }):partition(1)
    end))
  end)
end)

describe("what NumPy showed", function()
  local function at(values, dtype) return tensor.of(values, { dtype = dtype or "i64" }) end

  it("searchsorted tells large integers apart", function()
    local big = at { 2 ^ 53 | 0, (2 ^ 53 | 0) + 1, (2 ^ 53 | 0) + 2 }
    assert.same({ 1, 2, 3 }, big:searchsorted(big):totable())
    assert.equal(2, big:searchsorted((2 ^ 53 | 0) + 1))
    assert.equal(2, big:searchsorted((2 ^ 53 | 0), { right = true }))
  end)

  it("dot of narrow integers does not wrap", function()
    local x = at({ 200, 100 }, "u8")
    assert.equal(50000, x:dot(x))
    assert.equal(50000, x:matmul(x))
  end)

  it("var of squares that overflow is inf", function()
    assert.equal(math.huge, tensor.of({ 1e308, -1e308, 1e308 }):var())
    assert.equal(math.huge, tensor.of({ 1e308, 1e308 }):std())
  end)

  it("an index that is the tensor itself is read before it is written", function()
    local x = at { 2, 1, 3 }
    x[x] = at { 3, 3, 1 }
    assert.same({ 3, 3, 1 }, x:totable())
  end)

  it("a tensor without dims takes a mask without dims", function()
    local x = tensor.full { value = 7 }
    assert.same({ 7 }, x[x:gt(5)]:totable())
    assert.same({}, x[x:lt(5)]:totable())
    x[x:gt(5)] = 1
    assert.equal(1.0, x:item())
  end)

  it("bools are counted as the numbers 0 and 1, and are no class numbers", function()
    local x = tensor.of { true, false, true }
    local counts, edges = x:histogram { bins = 2 }
    assert.same({ 1, 2 }, counts:totable())
    assert.same({ 0, 0.5, 1 }, edges:totable())
    assert.same({ 2 }, tensor.of({ true, true }):bincount():totable())
    assert.matches("bincount: 0 at position 2", support.message(x.bincount, x))
    assert.matches("one_hot: class numbers are integers, got bool",
      support.message(x.one_hot, x, 2))
    assert.matches("one_hot: class numbers are integers, got f64",
      support.message(function() tensor.of({ 1 }):one_hot(2) end))
  end)

  it("running values and logsumexp can skip NaN", function()
    local x = tensor.of { nan, 2, nan, 3 }
    assert.same({ 0, 2, 2, 5 }, x:cumsum({ skip_nan = true }):totable())
    assert.same({ 1, 2, 2, 6 }, x:cumprod({ skip_nan = true }):totable())
    local top = x:to("f32"):cummax { skip_nan = true }
    assert.equal("f32", top.dtype)
    assert.is_true(top[1] ~= top[1])
    assert.same({ 2, 2, 3 }, top:slice(1, 2):totable())
    assert.same({ 2, 2, 2 }, x:cummin({ skip_nan = true }):slice(1, 2):totable())
    assert.equal(tensor.of({ 2, 3 }):logsumexp(), x:logsumexp { skip_nan = true })
    assert.equal(-math.huge, tensor.zeros({ 0 }):logsumexp())
  end)

  it("unique finds the way back", function()
    local x = tensor.of { { 3, nan }, { 3, -1 } }
    local values, counts, inverse = x:unique { inverse = true }
    assert.same({ 1, 2, 1 }, counts:totable())
    assert.same({ { 2, 3 }, { 2, 1 } }, inverse:totable())
    assert.equal(3, #values)
  end)
end)
