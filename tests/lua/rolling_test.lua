local tensor = require "neap.tensor"
local support = require "tests.lua.support"

local nan, inf = 0 / 0, math.huge

local function same(a, b, tol)
  if a ~= a or b ~= b then return a ~= a and b ~= b end
  return a == b or math.abs(a - b) <= tol * math.max(1, math.abs(a), math.abs(b))
end

-- Every window on its own: what the fast path is held against.
local plain = {
  sum = function(w)
    local total = 0.0
    for _, v in ipairs(w) do total = total + v end
    return total
  end,
  min = function(w) return #w > 0 and math.min(table.unpack(w)) or nan end,
  max = function(w) return #w > 0 and math.max(table.unpack(w)) or nan end,
}
function plain.mean(w) return plain.sum(w) / #w end
function plain.std(w, ddof)
  local mean, total = plain.mean(w), 0.0
  for _, v in ipairs(w) do total = total + (v - mean) ^ 2 end
  return #w > ddof and math.sqrt(total / (#w - ddof)) or nan
end
function plain.quantile(w, q)
  if #w == 0 then return nan end
  table.sort(w)
  local rank = q * (#w - 1) + 1
  local low = math.floor(rank)
  local a, b = w[low], w[math.min(low + 1, #w)]
  return a == b and a or a + (b - a) * (rank - low)
end

local function window(values, i, n)
  local w = {}
  for j = math.max(1, i - n + 1), i do
    if values[j] == values[j] then w[#w + 1] = values[j] end
  end
  return w
end

local function assert_rolling(x, n, tol, min_count)
  local values = x:totable()
  local o = { min_count = min_count }
  local got = {
    sum = x:rolling_sum(n, o), mean = x:rolling_mean(n, o),
    std = x:rolling_std(n, { min_count = min_count, ddof = 0 }),
    min = x:rolling_min(n, o), max = x:rolling_max(n, o),
    quantile = x:rolling_quantile(n, 0.3, o),
  }
  local parameter = { std = 0, quantile = 0.3 }
  for name, tensor_of_results in pairs(got) do
    local results = tensor_of_results:totable()
    assert.equal(#values, #results)
    for i = 1, #values do
      local w = window(values, i, n)
      local want = #w >= (min_count or n) and plain[name](w, parameter[name]) or nan
      assert(same(results[i], want, tol),
        ("%s of %d at %d: %.17g, expected %.17g"):format(name, n, i, results[i], want))
    end
  end
end

describe("rolling windows", function()
  it("give the quantiles of long windows", function()
    local x = tensor.randn { 70500, seed = 2 }
    x[{ { 300, 400 } }] = nan
    x[{ { 1, 70500, 1000 } }] = 1 / 0
    x[{ { 500, 70500, 7 } }] = 0.25
    for _, n in ipairs { 200, 201, 1000, 66000 } do
      local got = x:rolling_quantile(n, 0.3, { min_count = 1 })
      for _, i in ipairs { 1, 2, n, n + 1, 450, 65536, 65737, 66067, 70500 } do
        local w = x[{ { math.max(1, i - n + 1), i } }]
        assert.equal(w:quantile(0.3, { skip_nan = true }), got[i])
      end
    end
  end)

  it("agree with every window on its own", function()
    local x = tensor.randn { 70, seed = 1 }
    local gaps = x:clone()
    gaps[{ { 10, 12 } }] = nan
    gaps[{ { 30, 70, 7 } }] = nan
    for _, n in ipairs { 1, 2, 3, 7, 35, 69, 70 } do
      assert_rolling(x, n, 1e-13)
      for _, least in ipairs { 0, 1, 2, 5 } do
        if least <= n then assert_rolling(gaps, n, 1e-13, least) end
      end
      assert_rolling(gaps, n, 1e-13)
    end
    assert_rolling(tensor.zeros { 0 }, 3, 0)
    assert_rolling(tensor.of { 1, 2 }, 5, 0)
    assert_rolling(tensor.of { 1, 2 }, 5, 0, 1)
    assert_rolling(tensor.full { 9, value = nan }, 2, 0, 1)
    assert_rolling(tensor.arange(20, { dtype = "i32" }), 4, 1e-14)
    assert_rolling(x:slice(1, 70, 1, -3), 6, 1e-13)
  end)

  it("are exact at large offsets and after outliers", function()
    local x = tensor.randn { 300, seed = 2 }
    local high = x + 1e9
    local shifted = high - 1e9 -- what 1e9 leaves of the digits
    local a, b = high:rolling_std(20), shifted:rolling_std(20)
    assert.is_true(((a - b):abs():max { skip_nan = true }) < 1e-15)
    local struck = x:clone()
    struck[{ { 7, 300, 100 } }] = 1e15
    for _, name in ipairs { "sum", "mean", "std", "min", "max" } do
      local method = "rolling_" .. name
      local clean, after = x[method](x, 13), struck[method](struck, 13)
      for i = 20, 300 do
        if (i - 7) % 100 >= 13 then
          assert(same(clean[i], after[i], 1e-15), ("%s at %d"):format(name, i))
        end
      end
    end
    local flat = tensor.full { 50, value = 0.1 }
    assert.equal(0, flat:rolling_std(7):sum { skip_nan = true })
    local infinite = tensor.of { 1, inf, 2, 3, 5 }
    assert.same({ inf, 5, 8 }, infinite:rolling_sum(2)[{ { 3, 5 } }]:totable())
    assert.equal(math.sqrt(2), infinite:rolling_std(2)[5])
  end)

  it("are those of exact arithmetic at an offset of 1e9", function()
    -- x = offset + d / 2^20 with whole d: sums and squares of windows are whole numbers of 64 bits
    local count, scale = 3000, 2.0 ^ 20
    local d = tensor.randint { count, low = -(1 << 20), high = 1 << 20, seed = 8 }
    local x = d:to "f64" / scale + 1e9
    local first, second = d:cumsum(), (d * d):cumsum()
    for _, n in ipairs { 2, 30, 1000 } do
      local sum, mean, std = x:rolling_sum(n), x:rolling_mean(n), x:rolling_std(n)
      for i = n, count do
        local before = i > n and first[i - n] or 0
        local s1, s2 = first[i] - before, second[i] - (i > n and second[i - n] or 0)
        local exact = (n * ((1000000000 << 20)) + s1) / scale -- rounded once
        assert.equal(exact, sum[i], i)
        assert(same(mean[i], exact / n, 2.3e-16), i)
        local variance = (n * s2 - s1 * s1) / (n * (n - 1.0)) / scale ^ 2
        assert(same(std[i], math.sqrt(variance), 1e-14), i)
      end
    end
    -- and where every number but the noise cancels
    local pairs_of = tensor.stack({ x, 2.0 ^ -10 - x }, 2):reshape(-1)
    local difference = pairs_of:rolling_sum(2000)
    for i = 2000, #pairs_of, 2 do assert.equal(1000 * 2.0 ^ -10, difference[i]) end
  end)

  it("take infinities and NaN for what they are, and forget them", function()
    local x = tensor.of { 1, inf, 2, nan, -inf, 3, 4, 5, 1e308, 1e308, -1e308, 1 }
    local function texts(t)
      local out = {}
      for i = 1, #t do out[i] = t[i] ~= t[i] and "nan" or ("%g"):format(t[i]) end
      return table.concat(out, " ")
    end
    local o = { min_count = 1 }
    assert.equal("1 inf inf 2 -inf -inf 7 9 1e+308 inf 0 -1e+308", texts(x:rolling_sum(2, o)))
    assert.equal("1 inf inf inf -inf -inf -inf 4 3.33333e+307 inf 3.33333e+307 0.333333",
      texts(x:rolling_mean(3, o)))
    assert.equal("nan nan nan nan nan nan 0.707107 0.707107", texts(x:rolling_std(2)
      [{ { 1, 8 } }]))
    assert.equal("1 1 2 2 -inf -inf 3 4", texts(x:rolling_min(2, o)[{ { 1, 8 } }]))
    assert.equal("1 inf inf 2 -inf 3 4 5", texts(x:rolling_max(2, o)[{ { 1, 8 } }]))
  end)

  it("give the same bits in pieces, at any thread count and layout", function()
    local neap = require "neap"
    local x = tensor.randn { 200000, seed = 3 }
    for _, n in ipairs { 5, 1000 } do
      for _, name in ipairs { "sum", "mean", "std", "min", "max" } do
        local method = "rolling_" .. name
        neap.set_threads(1)
        local one = x[method](x, n)
        neap.set_threads(4)
        assert.is_true(one:slice(1, n, -1):eq(x[method](x, n):slice(1, n, -1)):all())
        local turned = tensor.stack({ x, x }, 2)
        assert.is_true(one:slice(1, n, -1):eq(turned[method](turned, n, 1):slice(1, n, -1)
          [{ {}, 2 }]):all())
      end
      local q = x:rolling_quantile(n, 0.5)
      for _, i in ipairs { n, 65536, 65537, 131072, 140001, 200000 } do
        assert.equal(x:slice(1, i - n + 1, i):median(), q[i])
      end
    end
    neap.set_threads(2)
  end)

  it("run along any dim and keep f32", function()
    local x = tensor.randn { 4, 5, 6, seed = 4 }
    for dim = 1, 3 do
      local got = x:rolling_mean(2, dim)
      assert.same({ 4, 5, 6 }, got.shape)
      local want = (x:slice(dim, 2, -1) + x:slice(dim, 1, -2)) / 2
      assert.is_true(((got:slice(dim, 2, -1) - want):abs():max()) < 1e-15)
      assert.is_true(got:slice(dim, 1, 1):isnan():all())
    end
    assert.same(x:rolling_max(2, 3):slice(3, 2, -1):totable(),
      x:rolling_max(2, -1):slice(3, 2, -1):totable())
    assert.equal("f32", x:to "f32":rolling_std(3, 1).dtype)
    assert.same({ 0, 3 }, tensor.zeros({ 0, 3 }):rolling_sum(2, 2).shape)
  end)

  it("of two tensors are those of each window", function()
    local x, y = tensor.randn { 60, seed = 5 }, tensor.randn { 60, seed = 6 }
    x[{ { 4, 60, 9 } }] = nan
    y[{ { 7, 60, 11 } }] = nan
    for _, n in ipairs { 2, 3, 10, 60 } do
      local cov, corr = x:rolling_cov(y, n, { min_count = 2 }),
        x:rolling_corr(y, n, { min_count = 2 })
      local var, median = x:rolling_var(n, { min_count = 1 }), x:rolling_median(n,
        { min_count = 1 })
      for i = 1, 60 do
        local part = { { math.max(1, i - n + 1), i } }
        local w, v = x[part], y[part]
        local both = w:eq(w) & v:eq(v)
        if both:sum() >= 2 then
          local a, b = w[both], v[both]
          local da, db = a - a:mean(), b - b:mean()
          assert(same((da * db):sum() / (#a - 1), cov[i], 1e-13), i)
          assert(same((da * db):sum() / (da:norm() * db:norm()), corr[i], 1e-12), i)
        else
          assert.is_true(cov[i] ~= cov[i] and corr[i] ~= corr[i])
        end
        assert(same(w:var { skip_nan = true, ddof = 1 }, var[i], 1e-13), i)
        if w:eq(w):any() then assert.equal(w:median { skip_nan = true }, median[i]) end
      end
    end
    local flat = tensor.stack({ x, x }, 2)
    assert.same({ 60, 2 }, flat:rolling_corr(tensor.stack({ y, x }, 2), 5, 1).shape)
    assert.equal(1, tensor.of({ 1, 2, 4 }):rolling_corr(tensor.of { 1, 2, 4 }, 3)[3])
  end)

  it("rank the last place", function()
    local x = tensor.of { 3, 1, 2, 2, nan, 2, 5, 1 }
    support.same({ 1, 1, 2, 2.5, nan, 2, 3, 1 }, x:rolling_rank(4, { min_count = 1 }))
    support.same({ nan, nan, 2 / 3, 2.5 / 3, nan, nan, nan, 1 / 3 },
      x:rolling_rank(3, { pct = true }))
  end)

  it("say what is wrong", function()
    local x = tensor.ones { 5 }
    assert.matches("corr: shapes %[5%] and %[4%] do not match",
      support.message(x.rolling_corr, x, tensor.ones { 4 }, 2))
    assert.matches("rolling_cov: y must be a tensor, got number",
      support.message(x.rolling_cov, x, 3, 2))
    local function message(method, ...) return support.message(x[method], x, ...) end
    assert.matches("rolling_sum: n is 0, must be 1 at least", message("rolling_sum", 0))
    assert.matches("rolling_sum: n must be an integer, got 1.5", message("rolling_sum", 1.5))
    assert.matches("rolling_mean: n must be an integer, got nil", message "rolling_mean")
    assert.matches("rolling_max: option 'min_count' is 4, must be 3 at most",
      message("rolling_max", 3, { min_count = 4 }))
    assert.matches("rolling_quantile: q is 2, outside 0 to 1", message("rolling_quantile", 3, 2))
    assert.matches("rolling_quantile: q must be a number, got nil", message("rolling_quantile", 3))
    assert.matches("unknown option 'ddof'", message("rolling_sum", 3, { ddof = 1 }))
    local square = tensor.ones { 2, 2 }
    assert.matches("rolling_min: dim is nil, but the tensor has 2 dims; name one",
      support.message(square.rolling_min, square, 2))
  end)
end)
