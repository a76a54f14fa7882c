local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan = 0 / 0

local same = support.same

describe("tensor", function()
  it("keeps the shape and values of nested tables", function()
    local x = tensor.of { { 1, 2, 3 }, { 4, 5, 6 } }
    assert.same({ 2, 3 }, x.shape)
    assert.equal(6.0, x:get(2, -1))
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, x:totable())
  end)

  it("says that positions start at 1, at the caller's line", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local text = support.message(function() tensor.of({ 1, 2 }):get(0) end)
    assert.equal(("tests/lua/tensor_test.lua:%d: get: position 1 is 0, but indices start at 1 "
      .. "(negative from the end)"):format(line), text:gsub("^.*tests/", "tests/"))
  end)

  it("makes tensors of every kind", function()
    same({ { 0, 0 } }, tensor.zeros { 1, 2 })
    same({ 1, 1 }, tensor.ones { 2, dtype = "i32" })
    same({ 7, 7 }, tensor.full { 2, value = 7, dtype = "u8" })
    same({ { 1, 0 }, { 0, 1 } }, tensor.eye(2))
    same({ 1, 2, 3 }, tensor.arange(3))
    same({ 5, 3, 1 }, tensor.arange(5, 1, -2, { dtype = "i64" }))
    same({}, tensor.arange(5, 1))
    same({ 0, 0.5, 1 }, tensor.linspace(0, 1, 3))
    assert.equal("bool", tensor.of({ true, false }).dtype)
    assert.equal("f32", tensor.zeros({ 1, dtype = "f32" }).dtype)
    assert.matches("did you mean 'dtype'", support.message(tensor.zeros, { 1, dtyp = "f32" }))
    assert.matches("300 does not fit in u8", support.message(tensor.of, { 300 }, { dtype = "u8" }))
    assert.matches("1.5 does not fit in i64",
      support.message(tensor.of, { 1.5 }, { dtype = "i64" }))
  end)
end)

describe("tensor arithmetic", function()
  it("broadcasts and promotes", function()
    local x, row = tensor.of { { 1, 2 }, { 3, 4 } }, tensor.of({ 10, 20 }, { dtype = "i32" })
    same({ { 11, 22 }, { 13, 24 } }, x + row)
    same({ { 11, 12 }, { 23, 24 } }, x + row:unsqueeze(2))
    assert.equal("f64", (x + row).dtype)
    for _, case in ipairs {
      { "f32", "i64", "f64" }, { "f32", "i32", "f64" }, { "f32", "u8", "f32" },
      { "i64", "i32", "i64" }, { "i32", "u8", "i32" }, { "u8", "bool", "u8" },
      { "f32", "f64", "f64" }, { "bool", "bool", "bool" },
    } do
      local a, b = tensor.ones { 1, dtype = case[1] }, tensor.ones { 1, dtype = case[2] }
      assert.equal(case[3], (a + b).dtype)
      assert.equal(case[3], (b * a).dtype)
    end
  end)

  it("takes numbers on either side", function()
    local i, f = tensor.of({ 1, 2 }, { dtype = "i64" }), tensor.of({ 1, 2 }, { dtype = "f32" })
    assert.equal("i64", (i + 1).dtype)
    assert.equal("f64", (i + 1.0).dtype)
    assert.equal("f32", (f + 1.5).dtype)
    same({ 9, 8 }, 10 - i)
    same({ 0.5, 1 }, i / 2)
    same({ 1, 4 }, i ^ 2)
    assert.equal("i64", (i ^ 2).dtype)
    assert.equal("i64", (tensor.of { true } * 3).dtype)
    assert.matches("300 does not fit in u8",
      support.message(function() return tensor.of({ 1 }, { dtype = "u8" }) + 300 end))
  end)

  it("divides with the sign rules of Lua", function()
    local x, y = tensor.of { 7, -7, 7, -7, 5.5 }, tensor.of { 2, 2, -2, -2, 0.5 }
    local q, r = {}, {}
    for k = 1, 5 do q[k], r[k] = x[k] // y[k], x[k] % y[k] end
    same(q, x // y)
    same(r, x % y)
    same({ math.huge, -math.huge }, tensor.of { 1, -1 } // 0)
    assert.matches("integer division by zero",
      support.message(function() return tensor.of({ 1 }, { dtype = "i64" }) // 0 end))
    assert.matches("negative power",
      support.message(function() return tensor.of({ 2 }, { dtype = "i64" }) ^ -1 end))
  end)

  it("names both shapes when they do not match", function()
    local a, b = tensor.zeros { 32, 10 }, tensor.zeros { 12, 5 }
    local text = support.message(function() return a + b end)
    assert.matches("add: shapes %[32x10%] and %[12x5%] do not match", text)
    assert.matches("add: y must be a tensor or a number, got nil",
      support.message(function() return tensor.zeros { 1 } + nil end))
  end)

  it("works in place, on views and over itself", function()
    local x = tensor.arange(6):view(2, 3)
    x:t():add_(10)
    same({ { 11, 12, 13 }, { 14, 15, 16 } }, x)
    local y = tensor.arange(5)
    y:slice(1, 2, 5):add_(y:slice(1, 1, 4)) -- reads what it writes: buffered
    same({ 1, 3, 5, 7, 9 }, y)
    y:copy_(y:slice(1, -1, 1, -1))
    same({ 9, 7, 5, 3, 1 }, y)
    assert.matches("result is f64, which does not go into i64",
      support.message(function() tensor.ones({ 1, dtype = "i64" }):add_(0.5) end))
    assert.matches("clone it first",
      support.message(function() tensor.ones({ 1 }):expand(3):add_(1) end))
  end)

  it("compares by method and combines masks", function()
    local x = tensor.of { 1, 2, nan }
    same({ false, true, false }, x:ge(2))
    same({ true, true, true }, x:ne(5))
    same({ true, false, true }, ~x:ge(2))
    same({ false, true, false }, x:gt(1) & x:lt(3))
    same({ true, false, false }, x:lt(2) | x:gt(2))
    same({ true, false }, tensor.of({ 1, 2 }, { dtype = "u8" }):lt(300) & tensor.of { true, false })
    assert.matches("x:lt%(y%)", support.message(function() return x < x end))
    assert.is_true(x == x)
  end)

  it("maps functions, and casts integers where it must", function()
    local i = tensor.of({ 4, 9 }, { dtype = "i32" })
    same({ 2, 3 }, i:sqrt())
    assert.equal("f64", i:sqrt().dtype)
    assert.equal("i32", i:floor().dtype)
    same({ -4, -9 }, -i)
    same({ 0, 2, 2 }, tensor.of({ 0.5, 1.5, 2.5 }):round())
    same({ false, true }, tensor.of({ 1, nan }):isnan())
    same({ 0, 0.5, 1 }, tensor.of({ -3, 0.5, 9 }):clamp(0, 1))
    same({ nan, 1 }, tensor.of({ nan, 3 }):clamp(0, 1))
    same({ 1, -2 }, tensor.where(tensor.of { true, false }, 1, -2))
    assert.matches("x:to \"i64\"", support.message(function() return -tensor.of { true } end))
  end)
end)

describe("tensor indexing", function()
  local x = tensor.arange(12):view(3, 4)

  it("reads positions, ranges and views", function()
    same({ 1, 2, 3, 4 }, x[1])
    assert.equal(12.0, x[-1][-1])
    assert.equal(7.0, x[{ 2, 3 }])
    same({ 7, 11 }, x[{ { 2, -1 }, 3 }])
    same({ { 9, 11 }, { 5, 7 }, { 1, 3 } }, x[{ { -1, 1, -1 }, { 1, 4, 2 } }])
    same({ { 1, 2 } }, x:slice(1, 1, 1):slice(2, 1, 2))
    assert.same({ 0, 4 }, x:slice(1, 4, 3).shape)
    assert.same({ 0 }, tensor.zeros({ 0 }):slice(1, 1, -1).shape)
    for _, bad in ipairs { { 0, 1 }, { 1, 4 }, { 5, 5 } } do
      assert.matches("slice", support.message(function() return x:slice(1, bad[1], bad[2]) end))
    end
    assert.matches("index is 0, but indices start at 1",
      support.message(function() return x[0] end))
    assert.matches("3 entries", support.message(function() return x[{ 1, 2, 3 }] end))
    assert.matches("index must be an integer, .*, got nil",
      support.message(function() return x[nil] end))
  end)

  it("selects by mask and by index", function()
    same({ 11, 12 }, x[x:gt(10)])
    same({ { 9, 10, 11, 12 } }, x[tensor.of { false, false, true }])
    same({ 5, 1 }, tensor.of({ 1, 3, 5 })[tensor.of({ 3, 1 }, { dtype = "i64" })])
    same({ { 4, 1 }, { 8, 5 }, { 12, 9 } }, x:take(tensor.of({ -1, 1 }, { dtype = "i64" }), 2))
    same({ 2, 3 }, tensor.of({ 0, 5, nan }):nonzero())
    assert.matches("index is 4, but the size is 3", support.message(function()
      return x[tensor.of({ 4 }, { dtype = "i64" })]
    end))
    assert.matches("does not cover", support.message(function() return x[tensor.of { true }] end))
  end)

  it("assigns to positions, ranges, masks and indices", function()
    local y = x:clone()
    y[1] = 0
    y[{ {}, 1 }] = tensor.of { 7, 8, 9 }
    y[{ 2, 2 }] = -1
    same({ { 7, 0, 0, 0 }, { 8, -1, 7, 8 }, { 9, 10, 11, 12 } }, y)
    y[y:gt(8)] = 0
    y[y:eq(7)] = tensor.of { 70, 71 }
    same({ { 70, 0, 0, 0 }, { 8, -1, 71, 8 }, { 0, 0, 0, 0 } }, y)
    y[tensor.of { true, false, true }] = 5
    same({ 5, 5, 5, 5 }, y[3])
    y[tensor.of({ 1, -1 }, { dtype = "i64" })] = y[2]
    same({ 8, -1, 71, 8 }, y[1])
    local i = tensor.zeros { 2, dtype = "i64" }
    assert.matches("1.5 does not fit in i64", support.message(function() i[1] = 1.5 end))
    assert.matches("f64 does not go into i64",
      support.message(function() i[1] = tensor.of { 1 } end))
    assert.matches("no field 'foo'", support.message(function() i.foo = 1 end))
  end)

  it("reshapes, permutes and joins", function()
    same({ { 1, 5, 9 } }, x:t()[{ { 1, 1 }, {} }])
    assert.same({ 4, 3 }, x:transpose(1, -1).shape)
    assert.same({ 2, 2, 3 }, x:reshape(2, 2, -1).shape)
    same({ 1, 5, 9, 2 }, x:t():reshape(-1):slice(1, 1, 4))
    assert.matches("use reshape", support.message(function() return x:t():view(-1) end))
    assert.same({ 3, 1, 4 }, x:unsqueeze(2).shape)
    assert.same({ 3, 4 }, x:unsqueeze(2):squeeze().shape)
    assert.same({ 4, 3 }, x:permute(2, 1).shape)
    assert.same({ 2, 3, 4 }, x:expand(2, -1, -1).shape)
    same({ 1, 2, 3 }, tensor.cat { tensor.of { 1 }, tensor.of { 2, 3 } })
    same({ { 1, 3 }, { 2, 4 } }, tensor.stack({ tensor.of { 1, 2 }, tensor.of { 3, 4 } }, 2))
    local parts = tensor.arange(5):split { 2, 0, 3 }
    assert.same({ 2, 0, 3 }, { #parts[1], #parts[2], #parts[3] })
    assert.equal(3, #tensor.arange(5):split(2))
  end)
end)

describe("tensor reductions", function()
  local x = tensor.of { { 1, 2, 3 }, { 4, nan, 6 } }

  it("fold everything to a number, or some dims to a tensor", function()
    local y = tensor.arange(24):view(2, 3, 4)
    assert.equal(300.0, y:sum())
    same({ 78, 222 }, y:sum { 2, 3 })
    same({ 78, 222 }, y:sum { -1, 2 })
    assert.same({ 1, 3, 1 }, y:sum({ 1, 3 }, { keepdim = true }).shape)
    same({ { 13, 14, 15, 16 }, { 17, 18, 19, 20 }, { 21, 22, 23, 24 } }, (y:max(1)))
    assert.equal(24, select(2, y:max()))
    same({ 4, 4, 4 }, y[1]:argmax(2))
    assert.equal(10, tensor.of({ 1, 2, 3, 4 }, { dtype = "u8" }):sum())
    assert.equal(2.5, tensor.of({ 1, 2, 3, 4 }, { dtype = "u8" }):mean())
    assert.equal(2, tensor.of({ true, false, true }):sum())
  end)

  it("documents what NaN does", function()
    assert.is_true(x:sum() ~= x:sum())
    assert.equal(16.0, x:sum { skip_nan = true })
    same({ 5, nan, 9 }, x:sum(1))
    same({ 2.5, 2, 4.5 }, x:mean(1, { skip_nan = true }))
    same({ 2, 1, 2 }, x:count(1, { skip_nan = true }))
    local value, at = x:max()
    assert.is_true(value ~= value)
    assert.equal(5, at)
    assert.equal(6, x:argmax { skip_nan = true })
    assert.matches("no element but NaN",
      support.message(function() tensor.of({ nan }):max { skip_nan = true } end))
    assert.matches("no element to choose",
      support.message(function() tensor.zeros({ 0 }):min() end))
  end)

  it("has the spreads and norms", function()
    local y = tensor.of { 1, 2, 3, 4 }
    assert.equal(5 / 3, y:var())
    assert.equal(1.25, y:var { ddof = 0 })
    assert.equal(math.sqrt(5 / 3), y:std())
    assert.is_true(tensor.of({ 1 }):var() ~= tensor.of({ 1 }):var())
    assert.equal(0.25, (y * 0.5 + 1e9):var { ddof = 1 } * 0.6)
    assert.equal(10.0, y:norm { p = 1 })
    assert.equal(4.0, (-y):norm { p = math.huge })
    assert.equal(24.0, y:prod())
    assert.equal(0.0, tensor.zeros({ 0 }):sum())
    assert.equal(1.0, tensor.zeros({ 0 }):prod())
    same({ 0, 0 }, tensor.zeros({ 0, 2 }):sum(1))
    assert.is_true(tensor.zeros({ 0 }):all())
  end)

  it("gives the same bits for every layout", function()
    local y = (tensor.arange(30000):view(100, 300) * 0.7):sin()
    local flat = y:t():contiguous():t()
    assert.equal(y:sum(), flat:sum())
    assert.is_true((y:sum(1) - flat:sum(1)):eq(0):all())
    assert.is_true((y:var(2) - flat:var(2)):eq(0):all())
  end)
end)

describe("tensor errors", function()
  local x = tensor.of { { 1, 2, 3 }, { 4, 5, 6 } }

  it("name the operation, the argument and the rule, at the caller's line", function()
    for _, case in ipairs {
      { function() x[x:gt(4)] = tensor.of { 1, 2, 3 } end, "shape %[3%] does not fit into" },
      { function() x:sum(3) end, "dim is 3, but there are 2" },
      { function() x:sum(0) end, "sum: dim is 0, but indices start at 1" },
      { function() x:sum "a" end, "sum: dim must be an integer or an array of them, got 'a'" },
      { function() x:mean { dim = 1 } end, "mean: the dim comes first, as in x:mean%(1%)" },
      { function() tensor { 1, 2 } end, "tensor: tensor.of { 1, 2, 3 } makes one" },
      { function() tensor.mean(x) end, "'mean' is a method of tensors: x:mean%(...%)" },
      { function() tensor.aranje(3) end, "unknown function 'aranje' %(did you mean 'arange'%?%)" },
      { function() x:shift(1) end, "shift: dim is nil, but the tensor has 2 dims; name one" },
      { function() x:shift(1.5, 1) end, "shift: n must be an integer, got 1.5" },
      { function() x:maen() end, "unknown method 'maen' %(did you mean 'mean'%?%)" },
      { function() x:tolist() end, "no method 'tolist'; write x:totable%(%)" },
      { function() return x.T end, "no method 'T'; write x:t%(%)" },
      { function() return x.plot end, "unknown method 'plot'; `neap help tensor` lists them" },
      { function() x:take(nil) end, "take: index must be a tensor, got nil" },
      { function() x:take(tensor.of { 1 }) end, "take: index is f64, must be an integer" },
      { function() x:matmul(3) end, "matmul: y must be a tensor, got number" },
      { function() x:reshape(4, 2) end, "%[2x3%] has 6 elements and cannot become %[4x2%]" },
      { function() x:to "f16" end, "'f16' is not one of f64 f32 i64 i32 u8 bool" },
      { function() tensor.zeros { -1 } end, "tensor.zeros: size 1 is %-1, must be 0 at least" },
      { function() tensor.zeros { "a" } end, "zeros: size 1 must be an integer, got string" },
      { function() tensor.zeros(3) end, "one table with the sizes expected" },
      { function() tensor.of { { 1 }, { 1, 2 } } end, "ragged table" },
      { function() tensor.arange "a" end, "tensor.arange: last must be a number, got string" },
      { function() tensor.cat { x, tensor.of { 1 } } end,
        "cat: shapes %[2x3%] and %[1%] do not match %(f64 and f64%); tensor 2 must" },
      { function() x:item() end, "one element expected, the tensor is %[2x3%]" },
      { function() x:sum { keepdims = true } end, "did you mean 'keepdim'" },
      { function() return x & x end, "bit_and: dtype f64 is not supported" },
    } do
      local text = support.message(case[1])
      assert.matches(case[2], text)
      assert.matches("^[^:]*tensor_test.lua:%d+: ", text)
    end
  end)
end)

describe("short rows", function()
  it("give what longer and stranger ones give", function()
    for _, dtype in ipairs { "f64", "f32" } do
      local x = tensor.of({ { 1, 2, 3 }, { 4, 5, 6 } }, { dtype = dtype })
      local big = tensor.zeros { 70000, dtype = dtype } + 2
      same({ { 2, 4, 6 }, { 8, 10, 12 } }, x + x)
      same({ { 1, 2, 3 }, { 4, 5, 6 } }, x:t():clone():t() * 1.0)
      same({ { 0.5, 1, 1.5 }, { 2, 2.5, 3 } }, x / 2)
      same({ { 60, 30, 20 }, { 15, 12, 10 } }, 60 / x)
      assert.equal(140000.0, (big * 1.0):sum())
      assert.equal(dtype, (x + 1.5).dtype)
      assert.same({ 0, 3 }, (tensor.zeros { 0, 3, dtype = dtype } + 1).shape)
    end
  end)

  it("may be their own operand in place", function()
    local x = tensor.of { 1, 2, 3, 4 }
    same({ 2, 4, 6, 8 }, x:add_(x))
    same({ 3, 6, 9, 12 }, x:add_(x / 2))
    local first = x:view(4, 1)[1]:squeeze(1)
    assert.equal(0, first:dim())
    same({ 6, 9, 12, 15 }, x:clone():add_(x[1]))
    same({ 6, 9, 12, 15 }, x:add_(first))
    same({ 15, 21, 27 }, x:slice(1, 2, 4):add_(x:slice(1, 1, 3)))
    same({ 6, 15, 21, 27 }, x)
    same({ 33, 36, 36, 33 }, x:add_(x:slice(1, 4, 1, -1)))
  end)
end)

describe("tensor memory", function()
  it("says when a tensor was closed", function()
    local x = tensor.of { 1 }
    do
      local y <close> = x:view(1)
      assert.equal(1.0, y[1])
    end
    assert.equal(1.0, x[1])
    x:free()
    assert.matches("tensor was closed", support.message(function() return x[1] end))
    assert.matches("closed", tostring(x))
  end)

  it("stays small in a loop of temporaries", function()
    local neap = require "neap"
    collectgarbage()
    local before = neap.memory().live
    for _ = 1, 2000 do local _ = tensor.zeros { 131072 } end
    collectgarbage()
    assert.is_true(neap.memory().peak - before < 128 * 2 ^ 20)
    assert.equal(before, neap.memory().live)
  end)

  it("stays within its bound when sizes vary and some live on", function()
    local neap = require "neap"
    neap.memory { trim = true }
    local bound, kept = 128 * 2 ^ 20, {}
    for i = 1, 20000 do
      local x = tensor.zeros { 1 + i * 7919 % 50000 }
      kept[i % 20] = i % 100 == 0 and x + 1 or kept[i % 20]
      local m = neap.memory()
      if m.live + m.cached > bound then assert.equal(bound, m.live + m.cached) end
    end
    assert.is_true(neap.memory().cached <= 64 * 2 ^ 20)
    for _, x in pairs(kept) do assert.equal(1.0, x[1]) end
  end)

  it("holds about twice what is alive when that is much", function()
    local neap = require "neap"
    local x, y = tensor.zeros { 5e6 }, tensor.zeros { 5e6 }
    neap.memory { trim = true }
    local alive = neap.memory().live
    for _ = 1, 30 do
      local z <close> = x + y
      local m = neap.memory()
      assert.is_true(m.live + m.cached <= 2.1 * (alive + 4e7))
      assert.equal(0.0, z[-1])
    end
    x:free()
    y:free()
  end)

  it("is given back when asked", function()
    local neap = require "neap"
    tensor.zeros({ 1e6 }):free()
    local m = neap.memory { trim = true }
    assert.equal(0, m.cached)
    assert.is_true(m.peak >= m.live and m.lua > 0)
    assert.matches("neap.memory: unknown option 'trin'",
      support.message(function() neap.memory { trin = true } end))
  end)

  it("is collected and tried for once more when it is refused", function()
    assert.matches("out of memory: %d+ bytes",
      support.message(function() return tensor.zeros { 1 << 45 } end))
    assert.equal(2.0, tensor.ones({ 2 }):sum())
  end)
end)

describe("tensor order statistics", function()
  it("sort stably, NaN last", function()
    local x = tensor.of { { 3, 1, nan, 2 }, { 0, -0.0, 5, 0 } }
    local values, at = x:sort(2)
    same({ { 1, 2, 3, nan }, { 0, 0, 0, 5 } }, values)
    same({ { 2, 4, 1, 3 }, { 1, 2, 4, 3 } }, at)
    same({ { 3, 2, 1, nan }, { 5, 0, 0, 0 } }, (x:sort(2, { descending = true })))
    same({ { 1, 1, 1, 1 }, { 2, 2, 2, 2 } }, tensor.zeros({ 2, 4 }):argsort(1))
    same({ 3, 2 }, (tensor.of({ 1, 3, 2 }):topk(2)))
    same({ 2, 1 }, select(2, tensor.of({ 1, 0, 2 }):topk(2, nil, { largest = false })))
    assert.matches("name one", support.message(function() x:sort() end))
    assert.matches("k is 5", support.message(function() tensor.zeros({ 4 }):topk(5) end))
    for _, dtype in ipairs { "f32", "i64", "i32", "u8", "bool" } do
      same({ 2, 1 }, tensor.of({ 1, 0 }, { dtype = dtype }):argsort())
    end
  end)

  it("agree with a plain sort on random numbers", function()
    local x = tensor.randn { 3000, seed = 5 }
    local plain = x:totable()
    table.sort(plain)
    same(plain, (x:sort()))
    same(plain, x[x:argsort()])
    assert.equal((plain[1500] + plain[1501]) / 2, x:median())
  end)

  it("find values, quantiles and counts", function()
    local x = tensor.of { 1, 2, 2, 4 }
    same({ 1, 2, 4, 5 }, x:searchsorted(tensor.of { 0, 2, 3, nan }))
    assert.equal(4, x:searchsorted(2, { right = true }))
    same({ 1, 2, 4 }, (x:unique()))
    same({ 1, 2, 1 }, select(2, x:unique()))
    same({ 1, 2, 2.5 }, x:quantile { 0, 0.5, 0.75 })
    same({ 2, 3 }, tensor.of({ { 1, 4 }, { 3, 2 } }):median(1))
    assert.equal(1.5, tensor.of({ 1, nan, 2 }):median { skip_nan = true })
    assert.is_true(tensor.of({ 1, nan }):median() ~= tensor.of({ 1, nan }):median())
    assert.matches("allowed are 0 to 1", support.message(function() x:quantile(1.5) end))
    same({ 1, 0, 2 }, tensor.of({ 3, 1, 3 }, { dtype = "i64" }):bincount())
    same({ 0.5, 2 }, tensor.of({ 2, 1, 2 }, { dtype = "u8" })
      :bincount { n = 2, weights = tensor.of { 1.5, 0.5, 0.5 } })
    assert.matches("0 at position 2, allowed are 1 to 3",
      support.message(function() tensor.of({ 3, 0 }, { dtype = "i64" }):bincount() end))
    local counts, edges = tensor.of({ 0, 1, 5, 10, nan }):histogram { bins = 2 }
    same({ 2, 2 }, counts)
    same({ 0, 5, 10 }, edges)
    assert.matches("edges must be finite and rise", support.message(function()
      x:histogram { edges = tensor.of { 2, 1 } }
    end))
  end)

  it("run along a dim", function()
    local x = tensor.of { { 1, 2, 3 }, { 4, nan, 6 } }
    same({ { 1, 3, 6 }, { 4, nan, nan } }, x:cumsum(2))
    same({ { 1, 2, 3 }, { 5, nan, 9 } }, x:cumsum(1))
    same({ 1, 2, 6 }, x[1]:cumprod())
    same({ 1, 3, 3 }, tensor.of({ 1, 3, 2 }, { dtype = "i32" }):cummax())
    same({ 3, nan, nan }, tensor.of({ 3, nan, 1 }):cummin())
    assert.equal("i64", tensor.of({ true, true }):cumsum().dtype)
    same({ 3, 5 }, tensor.of({ 1, 4, 9 }):diff())
    same({ 2 }, tensor.of({ 1, 4, 9 }):diff { n = 2 })
    assert.same({ 0 }, tensor.of({ 1 }):diff({ n = 3 }).shape)
  end)
end)

describe("tensor products", function()
  it("multiply matrices, vectors and batches", function()
    local a, b = tensor.of { { 1, 2 }, { 3, 4 } }, tensor.of { { 5, 6 }, { 7, 8 } }
    same({ { 19, 22 }, { 43, 50 } }, a:matmul(b))
    same({ { 26, 30 }, { 38, 44 } }, tensor.matmul(a:t(), b))
    same({ 17, 39 }, a:matmul(tensor.of { 5, 6 }))
    same({ 23, 34 }, tensor.of({ 5, 6 }):matmul(a))
    assert.equal(17.0, tensor.of({ 1, 2 }):matmul(tensor.of { 5, 6 }))
    same({ { { 19, 22 }, { 43, 50 } }, { { 7, 10 }, { 15, 22 } } },
      a:unsqueeze(1):matmul(tensor.stack { b, a }))
    local function eye(dtype) return tensor.eye(2, { dtype = dtype }) end
    assert.equal("i64", eye("i32"):matmul(eye "u8").dtype)
    assert.equal("f32", eye("f32"):matmul(eye "f32").dtype)
    assert.equal("f64", eye("f32"):matmul(eye "i64").dtype)
    local ends = tensor.of({ 1, 9, 2, 3 }):slice(1, 1, 4, 3)
    same({ 11, 6 }, ends:matmul(tensor.of { { 2, 3 }, { 3, 1 } }))
    same({ { 0, 0 } }, tensor.zeros({ 1, 0 }):matmul(tensor.zeros { 0, 2 }))
    assert.matches("matmul: shapes %[2x2%] and %[3%] do not match",
      support.message(function() a:matmul(tensor.zeros { 3 }) end))
  end)

  it("have covariance and correlation", function()
    local x = tensor.of { { 1, 2, 1 }, { 2, 4, 1 }, { 3, 6, 1 } }
    same({ { 1, 2, 0 }, { 2, 4, 0 }, { 0, 0, 0 } }, tensor.cov(x))
    assert.equal(2.0, tensor.cov(x[{ {}, 1 }], x[{ {}, 2 }]))
    assert.is_true(math.abs(tensor.corr(x[{ {}, 1 }], -x[{ {}, 2 }]) + 1) < 1e-12)
    local constant = tensor.corr(x)[1][3]
    assert.is_true(constant ~= constant)
  end)

  it("have softmax and logsumexp without overflow", function()
    local x = tensor.of { { 1000, 1000 }, { -math.huge, 0 }, { -math.huge, -math.huge } }
    same({ { 0.5, 0.5 }, { 0, 1 }, { nan, nan } }, x:softmax(2))
    local l = x:logsumexp(2)
    assert.is_true(math.abs(l[1] - 1000 - math.log(2)) < 1e-12)
    assert.equal(-math.huge, l[3])
    assert.is_true(math.abs(x[1]:log_softmax()[1] + math.log(2)) < 1e-12)
    assert.equal(1000 + math.log(2), x[1]:logsumexp())
  end)
end)

describe("tensor random numbers", function()
  it("come from the run's generator, a seed or a stream", function()
    local neap = require "neap"
    neap.seed(3)
    local a, b = tensor.randn { 10 }, tensor.randn { 10 }
    neap.seed(3)
    same(a:totable(), tensor.randn { 10 })
    assert.is_false((a:eq(b)):any())
    same(tensor.rand({ 5, seed = 1 }):totable(), tensor.rand { 5, rng = neap.rng(1) })
    local r = neap.rng(7)
    local whole = tensor.randn { 6, seed = 7 }
    same(whole:totable(), tensor.cat { tensor.randn { 2, rng = r }, tensor.randn { 4, rng = r } })
    neap.seed(0)
  end)

  it("have the moments they should", function()
    local n = 200000
    local u, z = tensor.rand { n, seed = 2 }, tensor.randn { n, seed = 2, dtype = "f32" }
    assert.is_true(math.abs(u:mean() - 0.5) < 4 * math.sqrt(1 / 12 / n))
    assert.is_true(math.abs(z:mean()) < 4 / math.sqrt(n) and math.abs(z:std() - 1) < 0.01)
    assert.is_true(u:min() >= 0 and tensor.rand({ n, seed = 3, dtype = "f32" }):max() < 1)
    local k = tensor.randint { n, low = -1, high = 2, seed = 4 }
    same({ -1, 0, 1, 2 }, (k:unique()))
    same({ 1, 2, 3, 4, 5 }, (tensor.permutation(5, { seed = 1 }):sort()))
    assert.matches("low 3 is above high 2",
      support.message(tensor.randint, { 1, low = 3, high = 2 }))
  end)
end)

describe("tensor printing", function()
  it("shows series on one line and matrices in columns", function()
    assert.equal("tensor<f64>[2] {4, 6}", tostring(tensor.of { 4, 6 }))
    assert.equal("tensor<f64>[100] {1, 2, 3, ..., 98, 99, 100}", tostring(tensor.arange(100)))
    assert.equal("tensor<f64>[0] {}", tostring(tensor.zeros { 0 }))
    assert.equal("tensor<f64>[] 0.3", tostring(tensor.full { value = 0.1 + 0.2 }))
    assert.equal("tensor<f64>[2x2]\n   1.0   2.5\n  -3.0   nan",
      tostring(tensor.of { { 1, 2.5 }, { -3, nan } }))
    assert.equal("tensor<bool>[1x2]\n   true  false", tostring(tensor.of { { true, false } }))
    assert.equal("tensor<f64>[1x1x1]\n[1]\n  7", tostring(tensor.full { 1, 1, 1, value = 7 }))
    local text = tostring(tensor.zeros { 50, 50 })
    assert.matches("%.%.%.", text)
    for line in text:gmatch "[^\n]+" do assert.is_true(#line <= 100) end
    assert.is_true(#tostring(tensor.zeros { 3, 3, 3, 3, 3, 3 }) < 8192)
  end)
end)

describe("views at the limits", function()
  it("refuse sizes that are negative or overflow", function()
    local x, empty = tensor.ones { 6 }, tensor.zeros { 0 }
    assert.matches("reshape: %[6%] has 6 elements", support.message(x.reshape, x, -2, -3))
    assert.matches("reshape", support.message(empty.reshape, empty, 1 << 32, 1 << 32))
    local one = tensor.ones { 1 }
    assert.matches("expand: %[1%] cannot become %[%-5%]", support.message(one.expand, one, -5))
    assert.matches("expand", support.message(one.expand, one, -1, 1))
    assert.matches("expand", support.message(one.expand, one, 1 << 40, 1 << 40))
  end)

  it("take any step over one element", function()
    assert.same({ 1 }, tensor.of({ 1, 2 }):slice(1, 1, 2, math.maxinteger):totable())
    local x = tensor.of { { 1, 2 }, { 3, 4 } }
    assert.same({ { 3, 4 } }, x:slice(1, -1, 1, math.mininteger):totable())
  end)

  it("do not become tables without end", function()
    assert.matches("totable: %[1099511627776%] is too large",
      support.message(function() tensor.ones({ 1 }):expand(1 << 40):totable() end))
    assert.matches("too large", support.message(function()
      tensor.zeros({ 1, 0 }):expand(1 << 40, 0):totable()
    end))
    assert.same({ {}, {} }, tensor.zeros({ 2, 0 }):totable())
  end)

  it("leave methods to tensors", function()
    local index = debug.getmetatable(tensor.ones { 1 }).__index
    assert.matches("index: x must be a tensor, got table", support.message(index, {}, 1))
    assert.equal(tensor.ones({ 1 }).sum, index(1, "sum", 2, 3))
  end)
end)

describe("linalg", function()
  local linalg = require "neap.linalg"

  it("solves systems", function()
    local a, b = tensor.randn { 40, 40, seed = 1 }, tensor.randn { 40, 3, seed = 2 }
    assert.is_true((a:matmul(linalg.solve(a, b)) - b):norm { p = math.huge } < 1e-10)
    assert.is_true((a:t():matmul(linalg.solve(a:t(), b)) - b):norm { p = math.huge } < 1e-10)
    assert.same({ 40 }, linalg.solve(a, b[{ {}, 1 }]).shape)
    assert.is_true((linalg.inv(a):matmul(a) - tensor.eye(40)):norm { p = math.huge } < 1e-10)
    assert.equal("f32", linalg.inv(tensor.eye(2, { dtype = "f32" })).dtype)
    assert.same({ 0, 2 }, linalg.solve(tensor.zeros { 0, 0 }, tensor.zeros { 0, 2 }).shape)
    assert.matches("singular %(pivot 2 of 2 is 0%)",
      support.message(linalg.solve, tensor.ones { 2, 2 }, tensor.ones { 2 }))
    assert.matches("the matrix holds NaN",
      support.message(linalg.solve, tensor.of { { nan } }, tensor.ones { 1 }))
    assert.matches("shapes %[2x2%] and %[3%]",
      support.message(linalg.solve, tensor.eye(2), tensor.ones { 3 }))
  end)

  it("factors positive definite matrices", function()
    local x = tensor.randn { 30, 20, seed = 3 }
    local a = x:t():matmul(x)
    local l = linalg.cholesky(a)
    assert.is_true((l:matmul(l:t()) - a):norm { p = math.huge } < 1e-10)
    assert.equal(0.0, l[1][2])
    assert.matches("not positive definite %(leading minor 2 of 2%)",
      support.message(linalg.cholesky, tensor.of { { 1, 0 }, { 2, 1 } }))
    assert.matches("square matrix", support.message(linalg.cholesky, x))
  end)
end)

describe("tensor:cumsum", function()
  it("has the same bits however many values follow", function()
    for _, dtype in ipairs { "f64", "f32" } do
      local x = tensor.randn { 300, seed = 5, dtype = dtype }
      local whole = x:cumsum()
      for n = 1, 300 do
        assert.is_true(x:slice(1, 1, n):cumsum():eq(whole:slice(1, 1, n)):all(), dtype .. n)
      end
    end
  end)
end)

describe("tensor:isin", function()
  it("finds members in any shape and dtype", function()
    local x = tensor.of { { 1, 2 }, { 0 / 0, 4 } }
    assert.same({ { true, false }, { false, true } }, x:isin({ 4, 1, 0 / 0 }):totable())
    assert.same({ { false, false }, { false, false } }, x:isin({}):totable())
    local n = tensor.of({ 5, 6, 7 }, { dtype = "u8" })
    local wide = tensor.of({ 7, 300, 5 }, { dtype = "i64" })
    assert.same({ true, false, true }, n:isin(wide):totable())
    assert.equal(0, #tensor.zeros({ 0 }):isin { 1 })
  end)

  it("leaves like shapes and dtypes", function()
    local x = tensor.ones { 2, 3, dtype = "i32" }
    assert.equal("i32", tensor.zeros_like(x).dtype)
    assert.same({ 2, 3 }, tensor.ones_like(x, { dtype = "f32" }).shape)
    assert.equal(6, tensor.ones_like(x):sum())
  end)
end)

describe("what is easily mistaken", function()
  it("is answered with what to write here", function()
    local x = tensor.ones { 2 }
    for name, want in pairs { clip = "clamp", flatten = "reshape", nanmean = "skip_nan",
      masked_fill = "where", astype = 'x:to "f32"', T = "x:t()" } do
      local text = support.message(function() return x[name] end)
      assert.truthy(text:find(want, 1, true), text)
    end
    local text = support.message(function() return x:sum { axis = 1 } end)
    assert.truthy(text:find("x:sum(1)", 1, true), text)
  end)

  it("is refused where options would be lost", function()
    for _, name in ipairs { "zeros", "full", "ones", "rand", "randn", "randint" } do
      local good, text = pcall(tensor[name], { 2 }, { seed = 7 })
      assert.falsy(good)
      local said = ("tensor.%s: sizes and options stand in one table"):format(name)
      assert.truthy(text:find(said, 1, true), text)
    end
    local _, text = pcall(tensor.of, { 1, 2, dtype = "i64" })
    assert.truthy(text:find("options are a second table", 1, true), text)
  end)

  it("says which methods are functions", function()
    local x = tensor.ones { 2, 2 }
    local _, text = pcall(function() return x:outer(x) end)
    assert.truthy(text:find("'outer' is a function: tensor.outer(x, ...)", 1, true), text)
    _, text = pcall(function() return x:det() end)
    assert.truthy(text:find("'det' is a function: linalg.det(x, ...)", 1, true), text)
    _, text = pcall(function() return x:rehsape(4) end)
    assert.truthy(text:find("reshape", 1, true), text)
  end)

  it("prints whole parts whole", function()
    assert.equal("tensor<f64>[2] {10000000, 10000001}", tostring(tensor.of { 1e7, 1e7 + 1 }))
    assert.equal("tensor<f64>[2] {1577836800123, 0.5}",
      tostring(tensor.of { 1577836800123, 0.5 }))
    assert.equal("tensor<f64>[2] {123456.8, 1e+20}",
      (tostring(tensor.of { 123456.789, 1e20 }):gsub("1e20", "1e+20")))
  end)
end)
