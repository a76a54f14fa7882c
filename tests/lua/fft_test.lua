local tensor = require "neap.tensor"
local golden = require "tests.golden.fft"
local support = require "tests.lua.support"

local nan, inf = 0 / 0, math.huge
local eps = 2.0 ^ -53

-- The generator of tests/golden/fft.py.
local function numbers(n, seed)
  local x, out = seed, {}
  for i = 1, n do
    x = (x * 1103515245 + 12345) % 2147483648
    out[i] = (x // 65536 % 999 + 1) / 1000 * 2 - 1
  end
  return tensor.of(out)
end

local function pairs_of(n, seed) return numbers(2 * n, seed):reshape(n, 2) end

-- The largest difference over the root of the sum of squares that goes in, in eps log2 n: both
-- libraries' errors grow so.
local function error_of(got, want, x, scale, n)
  local off = (got:reshape(-1) - tensor.of(want)):abs():max()
  return off / (x:norm() * scale * eps * (1 + math.log(n, 2)))
end

local function assert_close(...)
  local e = error_of(...)
  assert(e <= 3, ("off by %.1f eps log2 n"):format(e))
end

describe("fft against NumPy", function()
  for _, case in ipairs(golden.lengths) do
    local n = case.n
    it(("agrees for %d points"):format(n), function()
      local z, x = pairs_of(n, n), numbers(n, n + 1)
      local places = tensor.of(case.places, { dtype = "i64" })
      local half = tensor.of(case.half, { dtype = "i64" })
      assert_close(tensor.fft(z, { complex = true }):take(places, 1), case.fft, z, 1, n)
      assert_close(tensor.ifft(z):take(places, 1), case.ifft, z, 1 / n, n)
      assert_close(tensor.fft(x):take(places, 1), case.real, x, 1, n)
      local part = tensor.rfft(x)
      assert.same({ n // 2 + 1, 2 }, part.shape)
      assert_close(part:take(half, 1), case.rfft, x, 1, n)
      local some = z:slice(1, 1, n // 2 + 1)
      assert_close(tensor.irfft(some, { n = n }):take(places, 1), case.irfft, some, 1.5 / n, n)
      assert_close(tensor.irfft(part, { n = n }), x:totable(), x, 1, n)
      assert_close(tensor.ifft(tensor.fft(z, { complex = true })), z:reshape(-1):totable(), z, 1, n)
    end)
  end

  it("takes dim, n and norm as NumPy does", function()
    local x, z = numbers(60, 1):reshape(3, 4, 5), pairs_of(60, 2):reshape(3, 4, 5, 2)
    for _, case in ipairs(golden.options) do
      local o = { dim = case.dim, n = case.n, norm = case.norm }
      if case.name == "fft" then o.complex = case.complex end
      local y = tensor[case.name](case.complex and z or x, o)
      assert.same(case.shape, y.shape)
      local parts = case.name == "irfft" and 1 or 2
      y = y:reshape(y:numel() // parts, parts)
      if #y > 17 then y = y:slice(1, 1, -1, 17) end
      assert((y:reshape(-1) - tensor.of(case.y)):abs():max() < 1e-14,
        case.name .. " " .. case.dim .. " " .. tostring(case.n) .. " " .. case.norm)
      o.dim = case.dim - 4 -- the same, from the end
      local again = tensor[case.name](case.complex and z or x, o)
      assert.same(case.shape, again.shape)
    end
  end)
end)

describe("fft", function()
  it("keeps energy, and turns convolution into products", function()
    for _, n in ipairs { 12, 67, 100, 1001, 20000 } do
      local x, y = numbers(n, 5), numbers(n, 6)
      local f = tensor.fft(x, { norm = "ortho" })
      assert.is_true(math.abs(f:norm() / x:norm() - 1) < 1e-14)
      if n < 200 then
        local a, b = tensor.rfft(x), tensor.rfft(y)
        local ar, ai, br, bi = a[{ {}, 1 }], a[{ {}, 2 }], b[{ {}, 1 }], b[{ {}, 2 }]
        local product = tensor.stack({ ar * br - ai * bi, ar * bi + ai * br }, -1)
        local got = tensor.irfft(product, { n = n })
        for k = 1, n do
          local turned = y:flip():roll(k)
          assert.is_true(math.abs((x * turned):sum() - got[k]) < 1e-12)
        end
      end
    end
  end)

  it("gives a row the same bits alone, among others and in any memory", function()
    for _, n in ipairs { 8, 60, 61, 100, 1000, 10007 } do
      local x = numbers(5 * n, n):reshape(5, n)
      local all, turned = tensor.rfft(x), tensor.rfft(x:t():contiguous(), { dim = 1 })
      for row = 1, 5 do
        assert.is_true(all[row]:eq(tensor.rfft(x[row])):all())
        assert.is_true(all[row]:eq(turned[{ {}, row }]):all())
      end
    end
  end)

  it("gives f32 for f32, computed in f64, and f64 for integers", function()
    local x = numbers(100, 3)
    local single = tensor.fft(x:to "f32")
    assert.equal("f32", single.dtype)
    assert.is_true(single:eq(tensor.fft(x:to("f32"):to "f64"):to "f32"):all())
    local whole = tensor.fft(tensor.of({ 3, 4 }, { dtype = "i32" }))
    assert.equal("f64", whole.dtype)
    assert.same({ { 7, 0 }, { -1, 0 } }, whole:totable())
    assert.same({ { 1, 0 }, { 1, 0 } }, tensor.fft(tensor.of { true, false }):totable())
  end)

  it("lets a NaN reach every number of its row, and of no other", function()
    for _, n in ipairs { 1, 2, 4, 8, 9, 16, 61, 67, 100, 128, 1001, 9000 } do
      for _, at in ipairs { 1, n } do
        local x = numbers(2 * n, n):reshape(2, n)
        x[1][at] = nan
        for _, y in ipairs { tensor.fft(x), tensor.rfft(x) } do
          assert.is_true(y[1]:isnan():any(-1):all())
          assert.is_false(y[2]:isnan():any())
        end
        assert.is_true(tensor.irfft(tensor.rfft(x), { n = n })[1]:isnan():any())
      end
    end
    assert.is_false(tensor.fft(tensor.of { inf, 1, 2, 3, 4 }):isfinite():all(-1):any())
  end)

  it("computes rows of none, and of zeros that it adds", function()
    assert.same({ 0, 4, 2 }, tensor.fft(tensor.zeros { 0, 4 }).shape)
    assert.same({ 0, 3, 2 }, tensor.rfft(tensor.zeros { 0, 4 }).shape)
    assert.same({ 4, 2 }, tensor.fft(tensor.zeros { 0 }, { n = 4 }).shape)
    assert.same({ 3.0 }, tensor.irfft(tensor.full { 1, 2, value = 3 }, { n = 1 }):totable())
  end)

  it("says what is wrong", function()
    local x = tensor.zeros { 3, 4 }
    for message, call in pairs { -- each on its own
      ["fft: shape %[0%] has 0 points along dim 1; one at least, or give n"] =
        function() tensor.fft(tensor.zeros { 0 }) end,
      ["irfft: shape %[1x2%] has 1 points along dim 1; one gives a single number, with n = 1"] =
        function() tensor.irfft(tensor.zeros { 1, 2 }) end,
      ["ifft: complex numbers are pairs %(re, im%) in a last dim of 2, got shape %[3x4%]"] =
        function() tensor.ifft(x) end,
      ["tensor.fft: option 'dim' is 3, must be 1 to 2 or, from the end, %-1 to %-2$"] =
        function() tensor.fft(x, { dim = 3 }) end,
      ["option 'dim' is 2, must be 1 to 1 .* %(the dim of pairs aside%)"] =
        function() tensor.ifft(tensor.zeros { 3, 2 }, { dim = 2 }) end,
      ["tensor.fft: option 'n' is 0, must be 1 at least"] =
        function() tensor.fft(x, { n = 0 }) end,
      ["unknown norm 'orto' %(did you mean 'ortho'%?%)"] =
        function() tensor.rfft(x, { norm = "orto" }) end,
      ["unknown option 'complex'"] = function() tensor.rfft(x, { complex = true }) end,
      ["x must be a tensor, got table"] = function() tensor.fft { 1, 2 } end,
      ["'fft' is a function: tensor.fft%(x, ...%)"] = function() x:fft() end,
      ["8 dims at most"] = function() tensor.fft(tensor.zeros { 1, 1, 1, 1, 1, 1, 1, 1 }) end,
    } do
      assert.matches(message, support.message(call))
    end
  end)
end)
