local neap = require "neap"
local base = require "neap.c.base"
local tensor = require "neap.tensor"
local golden = require "tests.golden.distributions"
local support = require "tests.lua.support"

local inf, nan = math.huge, 0 / 0
local n = 200000 -- draws of a test of a distribution

-- A tensor by the name of its distribution, sizes in the array part.
local function draw(name, options, sizes, rng)
  local t = { table.unpack(sizes) }
  for key, value in pairs(options) do t[key] = value end
  t.rng = rng
  return tensor[name](t)
end

-- One call of everything that is random, by name: fn(rng, size) with the elements one draw makes.
local weights = tensor.of { 1, 0, 2, 5, 0.5 }
local cov = tensor.of { { 2, 0.5 }, { 0.5, 1 } }
local makers = {
  rand = function(r, k) return tensor.rand { k, rng = r } end,
  rand_f32 = function(r, k) return tensor.rand { k, rng = r, dtype = "f32" } end,
  randn = function(r, k) return tensor.randn { k, rng = r } end,
  randint = function(r, k) return tensor.randint { k, low = -3, high = 3 << 61, rng = r } end,
  bernoulli = function(r, k) return tensor.bernoulli { k, p = 0.3, rng = r } end,
  exponential = function(r, k) return tensor.exponential { k, rate = 3, rng = r } end,
  gamma = function(r, k) return tensor.gamma { k, shape = 0.4, rng = r } end,
  beta = function(r, k) return tensor.beta { k, a = 0.4, b = 3, rng = r } end,
  student_t = function(r, k) return tensor.student_t { k, df = 3, rng = r } end,
  poisson = function(r, k) return tensor.poisson { k, rate = 17, rng = r } end,
  poisson_small = function(r, k) return tensor.poisson { k, rate = 3, rng = r } end,
  binomial = function(r, k) return tensor.binomial { k, n = 90, p = 0.6, rng = r } end,
  choice = function(r, k) return tensor.choice(77, k, { rng = r }) end,
  choice_weighted = function(r, k) return tensor.choice(5, k, { weights = weights, rng = r }) end,
  multinomial = function(r, k)
    return tensor.multinomial(90, { 0.5, 0, 0.3, 0.2 }, { size = k, rng = r })
  end,
}
-- These take several draws, or as many as there are positions.
local others = {
  permutation = function(r, k) return tensor.permutation(k, { rng = r }) end,
  sample = function(r, k) return tensor.choice(3 * k, k, { replace = false, rng = r }) end,
  sample_weighted = function(r, k)
    return tensor.choice(k, k // 2, { weights = tensor.arange(k), replace = false, rng = r })
  end,
  multivariate_normal = function(r, k)
    return tensor.multivariate_normal({ 1, 2 }, cov, { n = k, rng = r })
  end,
}

local function each(fn)
  for _, group in ipairs { makers, others } do
    local names = {}
    for name in pairs(group) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do fn(name, group[name]) end
  end
end

local function assert_equal_tensors(name, a, b)
  assert.same(a.shape, b.shape)
  assert(a.dtype == b.dtype and a:eq(b):all(), name .. ": the tensors differ")
end

describe("streams of random numbers", function()
  it("give the same bits at any number of threads", function()
    local before = base.threads()
    each(function(name, make)
      neap.set_threads(1)
      local one = make(neap.rng(5), 40001)
      for _, threads in ipairs { 2, 4 } do
        neap.set_threads(threads)
        assert_equal_tensors(name, one, make(neap.rng(5), 40001))
      end
    end)
    neap.set_threads(before)
  end)

  it("give element i whatever comes before or after it", function()
    for name, make in pairs(makers) do
      local long, r = make(neap.rng(5), 9000), neap.rng(5)
      assert_equal_tensors(name, long:slice(1, 1, 700), make(neap.rng(5), 700))
      make(r, 313)
      assert_equal_tensors(name, long:slice(1, 314, 9000), make(r, 8687))
      assert.equal(9000, select(3, r:state()))
    end
    local vectors = others.multivariate_normal
    assert_equal_tensors("vectors", vectors(neap.rng(5), 9000):slice(1, 1, 9),
      vectors(neap.rng(5), 9))
  end)

  it("are restored by their state", function()
    each(function(name, make)
      local r = neap.rng(11):split "state"
      make(r, 101)
      local seed, stream, next = r:state()
      local first = make(r, 1000)
      assert(select(3, r:state()) > next, name .. ": the state did not move")
      local fresh = neap.rng(0)
      fresh:state(seed, stream, next)
      assert_equal_tensors(name, first, make(fresh, 1000))
      assert.same({ r:state() }, { fresh:state() })
      assert.is_false((first:eq(make(fresh, 1000))):all())
    end)
  end)

  it("split by name into independent ones", function()
    local r = neap.rng(3)
    local streams = { r, r:split "a", r:split "b", r:split("a"):split "a", neap.rng(4) }
    for k = 1, 12 do streams[#streams + 1] = r:split("fold/" .. k) end
    local columns, cells = {}, {}
    for k, s in ipairs(streams) do
      columns[k] = tensor.randn { n, rng = s }
      cells[k] = (tensor.rand { n, rng = s } * 8):floor()
    end
    local bound = 5 / math.sqrt(n)
    for i = 1, #streams do
      for j = 1, i - 1 do
        local x, y = columns[i], columns[j]
        assert((x * y):mean() < bound and (x * y):mean() > -bound, ("streams %d, %d"):format(i, j))
        assert(math.abs((x * x * y * y):mean() - 1) < 5 * math.sqrt(8 / n))
        local counts = (cells[i] * 8 + cells[j] + 1):to("i64"):bincount()
        local chi = ((counts - n / 64) ^ 2 / (n / 64)):sum()
        assert(chi < 130, ("streams %d, %d: chi-square %.1f"):format(i, j, chi)) -- 1e-6 at 63
      end
    end
  end)

  it("take substreams that are independent of each other", function()
    local x = tensor.gamma { n, shape = 3, seed = 9 }
    local y = tensor.beta { n, a = 0.7, b = 0.4, seed = 10 }
    for _, z in ipairs { x, y } do
      local s = (z - z:mean()) / z:std()
      for _, lag in ipairs { 1, 2, 7 } do
        local r = (s:slice(1, 1, n - lag) * s:slice(1, 1 + lag, n)):mean()
        assert(math.abs(r) < 5 / math.sqrt(n), ("lag %d: %g"):format(lag, r))
      end
    end
  end)
end)

describe("distributions", function()
  -- The distance of Kolmogorov and Smirnov at the golden quantiles, exceeded with probability
  -- 0.001, and every quantile by itself within 5 standard errors.
  local function assert_quantiles(text, x, quantiles)
    local sorted, worst = x:sort(), 0
    local below = sorted:searchsorted(tensor.of(quantiles), { right = true })
    for i, p in ipairs(golden.p) do
      local gap = math.abs((below[i] - 1) / n - p)
      if math.abs(quantiles[i]) > 1e-300 then -- below, rounding to 0 gathers many in one place
        worst = math.max(worst, gap)
        assert(gap < 5 * math.sqrt(p * (1 - p) / n), ("%s: at %g off by %g"):format(text, p, gap))
      end
    end
    assert(worst * math.sqrt(n) < 1.949, ("%s: distance %g"):format(text, worst * math.sqrt(n)))
  end

  -- Mean and variance within 5 standard errors.
  local function assert_moments(text, x, g)
    if not g.mean then return end
    x = x:to "f64"
    local mean, var = (x - g.mean):mean(), x:var()
    assert(math.abs(mean) <= 5 * math.sqrt(g.var / n), ("%s: mean off by %g"):format(text, mean))
    local slack = 5 * g.var * math.sqrt((g.kurtosis + 2) / n)
    assert(math.abs(var - g.var) <= slack, ("%s: variance %g"):format(text, var))
  end

  local function text_of(g)
    local parts = {}
    for key, value in pairs(g.options) do parts[#parts + 1] = key .. " = " .. value end
    table.sort(parts)
    return g.name .. " " .. table.concat(parts, ", ")
  end

  it("that are continuous have SciPy's quantiles and moments", function()
    for k, g in ipairs(golden.continuous) do
      local x = draw(g.name, g.options, { n }, neap.rng(100 + k))
      assert_quantiles(text_of(g), x, g.quantiles)
      assert_moments(text_of(g), x, g)
    end
  end)

  it("that are discrete have SciPy's probabilities and moments", function()
    for k, g in ipairs(golden.discrete) do
      local x = draw(g.name, g.options, { n }, neap.rng(200 + k))
      assert.equal("i64", x.dtype)
      local bins = tensor.of(g.edges):searchsorted(x)
      local counts = bins:bincount { n = #g.p }
      local expected = tensor.of(g.p) * n
      local chi = ((counts - expected) ^ 2 / expected):sum()
      assert(chi < golden.chi_square[#g.p - 1], ("%s: chi-square %g"):format(text_of(g), chi))
      assert_moments(text_of(g), x, g)
    end
  end)

  it("in f32 are those of f64, rounded", function()
    for _, g in ipairs(golden.continuous) do
      if g.name ~= "rand" then
        local wide = draw(g.name, g.options, { 5000 }, neap.rng(1))
        local options = { dtype = "f32" }
        for key, value in pairs(g.options) do options[key] = value end
        assert_equal_tensors(g.name, wide:to "f32", draw(g.name, options, { 5000 }, neap.rng(1)))
      end
    end
    local x = tensor.rand { 3000000, seed = 1, dtype = "f32" }
    assert.is_true(x:max() < 1 and x:max() > 1 - 2e-6 and x:min() >= 0)
  end)

  it("hold at the ends of their parameters", function()
    local function none_missing(x) assert.is_false(x:isnan():any()) return x end
    assert.is_true(tensor.bernoulli({ n, p = 1, seed = 1 }):all())
    assert.is_false(tensor.bernoulli({ n, p = 0, seed = 1 }):any())
    none_missing(tensor.gamma { n, shape = 1e-300, seed = 1 })
    none_missing(tensor.gamma { n, shape = 1e300, seed = 1 })
    none_missing(tensor.gamma { n, shape = 5e-324, scale = 1e300, seed = 1 })
    assert.near(1e15, tensor.gamma({ n, shape = 1e15, seed = 1 }):mean(), 5 * math.sqrt(1e15 / n))
    for _, ab in ipairs { { 1e-300, 1e-300 }, { 1e-300, 2e-300 }, { 0.001, 0.003 } } do
      local x = none_missing(tensor.beta { n, a = ab[1], b = ab[2], seed = 1 })
      local mean = ab[1] / (ab[1] + ab[2]) -- the numbers are nearly all 0 or 1
      assert.near(mean, x:mean(), 5 * math.sqrt(mean * (1 - mean) / n))
    end
    assert.equal(0.5, none_missing(tensor.beta { 9, a = 1e300, b = 1e300, seed = 1 })[1])
    assert.equal(0, none_missing(tensor.beta { 9, a = 1e-300, b = 1e300, seed = 1 }):max())
    none_missing(tensor.student_t { n, df = 5e-324, seed = 1 })
    local normal = tensor.randn { n, seed = 1 }
    local gap = (tensor.student_t { n, df = inf, seed = 1 } - normal):abs():max()
    assert.is_true(gap < 1e-14) -- numbers up to 6, a few roundings
    assert.equal(0, tensor.poisson({ n, rate = 0, seed = 1 }):max())
    assert.near(1e15, tensor.poisson({ n, rate = 1e15, seed = 1 }):to("f64"):mean(),
      5 * math.sqrt(1e15 / n))
    assert.equal(0, tensor.binomial({ n, n = 0, p = 0.5, seed = 1 }):max())
    assert.equal(1000000000000000, tensor.binomial({ n, n = 1e15, p = 1, seed = 1 }):min())
    assert.equal(0, tensor.binomial({ n, n = 1e15, p = 0, seed = 1 }):max())
    local rare = tensor.binomial({ n, n = 1e15, p = 2e-15, seed = 1 }):to "f64"
    assert.near(2, rare:mean(), 5 * math.sqrt(2 / n))
    assert.near(2, rare:var(), 5 * 2 * math.sqrt(2.5 / n))
    for name in pairs { gamma = 1, beta = 1, poisson = 1, exponential = 1 } do
      local x = draw(name, ({ gamma = { shape = 1 }, beta = { a = 1, b = 1 },
        poisson = { rate = 1 }, exponential = {} })[name], { 3, 0 })
      assert.same({ 3, 0 }, x.shape)
    end
  end)

  it("take parameters element by element", function()
    local two = {
      { "bernoulli", "p", 0.2, 0.9 }, { "exponential", "rate", 0.5, 4 },
      { "gamma", "shape", 0.4, 5 }, { "gamma", "scale", 0.4, 5, { shape = 2 } },
      { "beta", "a", 0.4, 5, { b = 2 } }, { "beta", "b", 0.4, 5, { a = 0.2 } },
      { "student_t", "df", 1, 30 }, { "poisson", "rate", 3, 50 },
      { "binomial", "n", 5, 500, { p = 0.3 } }, { "binomial", "p", 0.02, 0.7, { n = 200 } },
    }
    local m, mask = 3001, tensor.arange(3001) % 2
    for _, case in ipairs(two) do
      local name, parameter, a, b, fixed = table.unpack(case)
      local options = {}
      for key, value in pairs(fixed or {}) do options[key] = value end
      local function with(v, sizes)
        options[parameter] = v
        return draw(name, options, sizes, neap.rng(8))
      end
      local values = tensor.where(mask:eq(1), a, b)
      local mixed = with(values, { m })
      local want = tensor.where(mask:eq(1), with(a, { m }):to "f64", with(b, { m }):to "f64")
      assert(mixed:to("f64"):eq(want):all(), name .. "." .. parameter)
      assert_equal_tensors(name, mixed, with(values, {})) -- their shape is that of the result
      local wide = with(tensor.of { a, b }, { 40, 2 })
      local rows = with(tensor.of { a, b }:expand(40, 2), {})
      assert_equal_tensors(name, wide, rows)
      assert_equal_tensors(name, with(a, { 7 }), with(tensor.of { a }, { 7 }))
    end
    local x = tensor.gamma { shape = tensor.ones { 3, 1 }, scale = tensor.ones { 1, 2 }, seed = 1 }
    assert.same({ 3, 2 }, x.shape)
    assert.same({ 2 }, tensor.poisson({ rate = tensor.of({ 1, 2 }, { dtype = "i32" }) }).shape)
  end)

  it("say what is wrong with a parameter", function()
    local function message(name, t) return support.message(tensor[name], t) end
    assert.matches("gamma: shape is %-1, allowed are finite numbers above 0",
      message("gamma", { 3, shape = -1 }))
    assert.matches("gamma: scale%[2%] is 0, allowed are finite numbers above 0",
      message("gamma", { 3, shape = 1, scale = tensor.of { 1, 0, 2 } }))
    assert.matches("bernoulli: p is 1.5, allowed are 0 to 1", message("bernoulli", { 1, p = 1.5 }))
    assert.matches("exponential: rate is 0, allowed", message("exponential", { 1, rate = 0 }))
    assert.matches("exponential: rate is inf", message("exponential", { 1, rate = inf }))
    assert.matches("poisson: rate is %-?nan, allowed are 0 to 1e15",
      message("poisson", { 1, rate = nan }))
    assert.matches("rate is 2000000000000000, allowed", message("poisson", { 1, rate = 2e15 }))
    assert.matches("beta: b is 0, allowed are 1e%-300 to 1e300", message("beta", { a = 1, b = 0 }))
    assert.matches("student_t: df is %-?nan", message("student_t", { 1, df = nan }))
    assert.matches("binomial: n is 2.5, allowed are whole", message("binomial", { n = 2.5, p = 1 }))
    assert.matches("gamma: option 'shape' must be a number or a tensor, got string",
      message("gamma", { 3, shape = "2" }))
    local closed = tensor.ones { 2 }
    closed:free()
    assert.matches("gamma: option 'shape': tensor was closed",
      message("gamma", { 2, shape = closed }))
    assert.matches("gamma: option 'shape' is required", message("gamma", { 3 }))
    assert.matches("unknown option 'lambda'", message("poisson", { 3, lambda = 3 }))
    assert.matches("gamma: shape: expand: %[3%] cannot become %[2%]",
      message("gamma", { 2, shape = tensor.ones { 3 } }))
    assert.matches("beta: shapes %[3%] and %[2%] do not match",
      message("beta", { a = tensor.ones { 3 }, b = tensor.ones { 2 } }))
    assert.matches("dtype is i64, allowed are f64 and f32",
      message("gamma", { 2, shape = 1, dtype = "i64" }))
    assert.matches("option 'rng' must be an rng, got number",
      message("gamma", { 2, shape = 1, rng = 7 }))
    assert.matches("option 'seed' must be an integer, got 1.5", message("rand", { 2, seed = 1.5 }))
    assert.matches("option 'high' must be an integer, got 2.5",
      message("randint", { 2, high = 2.5 }))
  end)
end)

describe("whole numbers", function()
  it("are even in any range", function()
    local third = 1 << 61
    local x = tensor.randint { n, low = -third, high = 2 * third - 1, seed = 3 } -- 3 * 2^61
    local part = (x:to("f64") / third):floor() + 2
    for _, k in ipairs { part:to "i64", x % 3 + 1 } do
      local counts = k:bincount { n = 3 }
      local chi = ((counts - n / 3) ^ 2 / (n / 3)):sum()
      assert(chi < golden.chi_square[2], "chi-square " .. chi)
    end
    local all = tensor.randint { n, low = math.mininteger, high = math.maxinteger, seed = 4 }
    for bit = 0, 63 do
      local set = (all & (1 << bit)):ne(0):to("f64"):mean()
      assert(math.abs(set - 0.5) < 5 * 0.5 / math.sqrt(n), ("bit %d: %g"):format(bit, set))
    end
    assert.is_true(all:min() < math.mininteger // 100 * 99)
    assert.is_true(all:max() > math.maxinteger // 100 * 99)
    assert.equal(7, tensor.randint({ 1, low = 7, high = 7 })[1])
  end)

  it("permute evenly", function()
    local r, counts = neap.rng(5), {}
    for _ = 1, 24000 do
      local p = table.concat(tensor.permutation(4, { rng = r }):totable(), " ")
      counts[p] = (counts[p] or 0) + 1
    end
    local chi, kinds = 0, 0
    for _, count in pairs(counts) do chi, kinds = chi + (count - 1000) ^ 2 / 1000, kinds + 1 end
    assert.equal(24, kinds)
    assert.matches("permutation: n must be an integer, got 2.5",
      support.message(tensor.permutation, 2.5))
    assert(chi < golden.chi_square[23], "chi-square " .. chi)
  end)
end)

describe("choice", function()
  -- Counts of the ordered results of 30000 choices against their probabilities.
  local function assert_outcomes(choose, probability)
    local times, r, counts, chi, kinds = 30000, neap.rng(6), {}, 0, 0
    for _ = 1, times do
      local key = table.concat(choose(r):totable(), " ")
      assert(probability[key], "unexpected outcome " .. key)
      counts[key] = (counts[key] or 0) + 1
    end
    for key, p in pairs(probability) do
      chi, kinds = chi + ((counts[key] or 0) - p * times) ^ 2 / (p * times), kinds + 1
    end
    assert(chi < golden.chi_square[kinds - 1], "chi-square " .. chi)
  end

  it("is even with and without replacement, in any order", function()
    local with, without = {}, {}
    for i = 1, 5 do
      for j = 1, 5 do
        with[i .. " " .. j] = 1 / 25
        if i ~= j then without[i .. " " .. j] = 1 / 20 end
      end
    end
    assert_outcomes(function(r) return tensor.choice(5, 2, { rng = r }) end, with)
    assert_outcomes(function(r) return tensor.choice(5, 2, { replace = false, rng = r }) end,
      without)
  end)

  it("follows weights with and without replacement", function()
    local w, with, without = { 1, 0, 3, 2 }, {}, {}
    for i, a in ipairs(w) do
      for j, b in ipairs(w) do
        if a * b > 0 then with[i .. " " .. j] = a / 6 * b / 6 end
        if a * b > 0 and i ~= j then without[i .. " " .. j] = a / 6 * b / (6 - a) end
      end
    end
    assert_outcomes(function(r) return tensor.choice(4, 2, { weights = w, rng = r }) end, with)
    assert_outcomes(function(r)
      return tensor.choice(4, 2, { weights = w, replace = false, rng = r })
    end, without)
  end)

  it("follows weights of any spread", function()
    local m = 1000
    local w = (tensor.randn { m, seed = 1 } * 3):exp()
    w[{ { 1, -1, 3 } }] = 0
    local counts = tensor.choice(m, n, { weights = w, seed = 2 }):bincount { n = m }
    local expected = w / w:sum() * n
    assert.equal(0, counts[w:eq(0)]:sum())
    local off = (counts - expected):abs() / (expected + 1):sqrt()
    assert(off:max() < 6, "off by " .. off:max()) -- 1000 numbers, some of them rare
    assert.same({ 3, 3 }, tensor.choice(3, 2, { weights = { 0, 0, 1e-300 } }):totable())
    local tiny, least = { 0, 5e-324, 0, 5e-324 }, tensor.zeros { 4 }
    for _, k in ipairs(tensor.choice(4, 10000, { weights = tiny, seed = 3 }):totable()) do
      least[k] = least[k] + 1
    end
    assert.same({ 0, 0 }, { least[1], least[3] })
    assert.near(5000, least[2], 250) -- 5 deviations
    for seed = 1, 200 do
      local three = tensor.choice(4, 3,
        { weights = { 1e-310, 0, 1, 5e-324 }, replace = false, seed = seed })
      assert.same({ 3, 1, 4 }, three:totable())
    end
    local one = tensor.choice(3, 1, { weights = { 0, 0, 1 }, replace = false })
    assert.same({ 3 }, one:totable())
  end)

  it("needs memory for what it takes only", function()
    local before = neap.memory().peak
    local x = tensor.choice(math.maxinteger, 20000, { replace = false, seed = 1 })
    assert.equal(20000, #x:unique())
    assert.is_true(x:min() >= 1 and neap.memory().peak - before < 1e7)
    local mean = (x:to "f64" / math.maxinteger):mean()
    assert.near(0.5, mean, 5 * math.sqrt(1 / 12 / 20000))
    -- the table of what has moved and the whole array make the same choice
    assert_equal_tensors("choice", tensor.choice(4000, 4000, { replace = false, seed = 1 })
      :slice(1, 1, 200), tensor.choice(4000, 200, { replace = false, seed = 1 }))
    local all = tensor.choice(500, 500, { replace = false, seed = 1 }):sort()
    assert_equal_tensors("all", tensor.arange(500):to "i64", all)
  end)

  it("takes rows of a tensor", function()
    local x = tensor.of { { 1, 10 }, { 2, 20 }, { 3, 30 } }
    local rows = tensor.choice(x, 50, { seed = 1 })
    assert.same({ 50, 2 }, rows.shape)
    assert.is_true((rows[{ {}, 1 }] * 10):eq(rows[{ {}, 2 }]):all())
    assert.same({ 3 }, tensor.choice(x, 3, { replace = false })[{ {}, 1 }]:unique().shape)
    assert.same({ 0, 2 }, tensor.choice(x, 0).shape)
    assert.equal(0, #tensor.choice(0, 0))
  end)

  it("says what is wrong", function()
    local function message(...) return support.message(tensor.choice, ...) end
    assert.matches("choice: 6 of 5 without replacement", message(5, 6, { replace = false }))
    assert.matches("3 wanted, and 2 weights are above 0",
      message(3, 3, { weights = { 1, 0, 1 }, replace = false }))
    assert.matches("1 wanted, and 0 weights are above 0", message(2, 4, { weights = { 0, 0 } }))
    assert.matches("weights%[2%] is %-1, allowed are finite numbers from 0 on",
      message(2, 1, { weights = { 1, -1 } }))
    assert.matches("weights%[1%] is %-?nan", message(2, 1, { weights = { nan, 1 } }))
    assert.matches("weights %[2%] for 3 positions", message(3, 1, { weights = { 1, 1 } }))
    assert.matches("sum of the weights is inf", message(2, 1, { weights = { 1.7e308, 1.7e308 } }))
    assert.matches("k is %-1, must be 0 at least", message(3, -1))
    assert.matches("2 of nothing", message(0, 2))
    assert.matches("choice: x must be an integer, got string", message("x", 2))
  end)
end)

describe("multinomial", function()
  it("shares out all trials as the probabilities say", function()
    local p, trials = { 0.1, 0.25, 0, 0.6, 0.05, 0 }, 40
    local x = tensor.multinomial(trials, p, { size = n // 4, seed = 1 })
    assert.same({ n // 4, 6 }, x.shape)
    assert.is_true(x:sum(2):eq(trials):all())
    x = x:to "f64"
    local rows = #x
    for i = 1, 6 do
      assert.near(trials * p[i], x[{ {}, i }]:mean(), 5 * math.sqrt(trials * p[i] / rows))
      for j = 1, i - 1 do
        local a, b = x[{ {}, i }], x[{ {}, j }]
        local c = ((a - trials * p[i]) * (b - trials * p[j])):mean()
        local slack = 5 * trials * math.sqrt(2 * p[i] * p[j] / rows)
        assert.near(-trials * p[i] * p[j], c, slack)
      end
    end
  end)

  it("has the probability of every outcome", function()
    local p = tensor.of { 0.5, 0.3, 0.2 }
    local x = tensor.multinomial(2, p, { size = { n // 2, 2 }, seed = 2 }):reshape(n, 3)
    local code = x[{ {}, 1 }] * 3 + x[{ {}, 2 }] + 1
    local expected = { [1] = 0.04, [2] = 0.12, [3] = 0.09, [4] = 0.2, [5] = 0.3, [7] = 0.25 }
    local counts, chi = code:bincount { n = 7 }, 0
    for k, e in pairs(expected) do chi = chi + (counts[k] - e * n) ^ 2 / (e * n) end
    assert(chi < golden.chi_square[5], "chi-square " .. chi)
  end)

  it("is exact for many trials", function()
    local x = tensor.multinomial(1e15, { 0.25, 0.25, 0.5 }, { size = 2000, seed = 3 })
    assert.is_true(x:sum(2):eq(1000000000000000):all())
    local z = (x[{ {}, 3 }] - 500000000000000):to "f64" / math.sqrt(1e15 * 0.25)
    assert.near(0, z:mean(), 5 / math.sqrt(2000))
    assert.near(1, z:var(), 5 * math.sqrt(2 / 2000))
    assert.same({ 3 }, tensor.multinomial(5, { 0.2, 0.3, 0.5 }).shape)
    assert.same({ 0, 7 }, tensor.multinomial(7, tensor.of({ 0, 1 }, { dtype = "f32" })):totable())
    assert.same({ 0, 0 }, tensor.multinomial(0, { 0.5, 0.5 }):totable())
  end)

  it("says what is wrong", function()
    local function message(...) return support.message(tensor.multinomial, ...) end
    assert.matches("the sum of p is 0.9%d*, it must be 1", message(3, { 0.5, 0.4 }))
    assert.matches("p%[2%] is %-0.5, allowed are 0 to 1", message(3, { 1, -0.5, 0.5 }))
    assert.matches("n is %-3, must be 0 at least", message(-3, { 1 }))
    assert.matches("n is 2000000000000000, allowed are 0 to 1e15", message(2000000000000000, { 1 }))
    assert.matches("p must be a tensor, got number", message(3, 1))
    assert.matches("p has the shape %[0%], %[k%] with k > 0", message(3, tensor.zeros { 0 }))
    assert.matches("size has 8 dimensions, at most 7",
      message(3, { 1 }, { size = { 1, 1, 1, 1, 1, 1, 1, 1 } }))
  end)
end)

describe("multivariate normal", function()
  local mean = tensor.of { 1, -2, 100 }
  local function covariance_of(x)
    local centred = x - x:mean(1, { keepdim = true })
    return tensor.matmul(centred:t(), centred) / (#x - 1)
  end
  -- The standard error of an element is sqrt((c_ii c_jj + c_ij^2) / n).
  local function assert_normal(c, seed)
    local x = tensor.multivariate_normal(mean, c, { n = n, seed = seed })
    local got, centre = covariance_of(x), x:mean(1)
    for i = 1, 3 do
      assert.near(mean[i], centre[i], 5 * math.sqrt(c:get(i, i) / n) + 1e-12)
      for j = 1, 3 do
        local error = math.sqrt((c:get(i, i) * c:get(j, j) + c:get(i, j) ^ 2) / n)
        assert.near(c:get(i, j), got:get(i, j), 5 * error + 1e-12)
      end
    end
    return x
  end

  it("has the mean and covariance it is given", function()
    assert_normal(tensor.of { { 2, 0.3, -1 }, { 0.3, 1, 0.4 }, { -1, 0.4, 5 } }, 1)
    assert_normal(tensor.eye(3), 2)
  end)

  it("takes a covariance that is not definite", function()
    local a = tensor.of { { 1, 2 }, { -1, 0.5 }, { 3, 1 } }
    local x = assert_normal(tensor.matmul(a, a:t()), 3) - mean
    -- the vectors lie in the plane of a's columns
    local across = tensor.of { -2.5, 5, 2.5 }
    assert(tensor.matmul(x, across):abs():max() < 1e-6) -- roots of rounded zeros, 1e-8 each
    assert_normal(tensor.zeros { 3, 3 }, 4)
    assert_normal(tensor.diag(tensor.of { 0, 4, 0 }), 5)
  end)

  it("gives one vector, rows, or f32", function()
    local one = tensor.multivariate_normal(mean, tensor.eye(3), { seed = 1 })
    assert.same({ 3 }, one.shape)
    local rows = tensor.multivariate_normal(mean, tensor.eye(3), { seed = 1, n = 4, dtype = "f32" })
    assert_equal_tensors("first", one:to "f32", rows[1])
    assert.same({ 0, 3 }, tensor.multivariate_normal(mean, tensor.eye(3), { n = 0 }).shape)
    local z = tensor.randn { 4, 3, seed = 1 }
    local plain = tensor.multivariate_normal({ 0, 0, 0 }, tensor.eye(3), { n = 4, seed = 1 })
    assert_equal_tensors("standard", z, plain)
  end)

  it("says what is wrong", function()
    local function message(m, c, o)
      return support.message(tensor.multivariate_normal, m, c, o)
    end
    assert.matches("eigenvalues %-1 to 3, those of a covariance are not below 0",
      message({ 0, 0 }, { { 1, 2 }, { 2, 1 } }))
    assert.matches("cov%[2, 1%] is 0.5 and cov%[1, 2%] 0.25, it must be symmetric",
      message({ 0, 0 }, { { 1, 0.25 }, { 0.5, 1 } }))
    assert.matches("cov%[1, 2%] is %-?nan", message({ 0, 0 }, { { 1, nan }, { nan, 1 } }))
    assert.matches("mean %[2%] and cov %[3x3%], %[d%] and %[dxd%] expected",
      message({ 0, 0 }, tensor.eye(3)))
    assert.matches("option 'n' is %-1, must be 0 at least", message({ 0 }, { { 1 } }, { n = -1 }))
    assert.matches("dtype is i64", message({ 0 }, { { 1 } }, { dtype = "i64" }))
  end)
end)
