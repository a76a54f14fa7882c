-- One line "name sha256" for each family of computations, for scripts/check_bits.lua: the lines of
-- two runs are equal when every bit of every result is. Sizes are several chunks of the pool.
local neap = require "neap"
local file = require "neap.file"
local tensor, ta, metrics, linear, gbdt = neap.tensor, neap.ta, neap.metrics, neap.linear, neap.gbdt
local forest, isolation = neap.forest, neap.isolation

-- All bytes of tensors and numbers.
local function digest(...)
  local parts = {}
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    local flat = type(v) == "userdata" and v:reshape(-1):totable() or { v }
    for k, x in ipairs(flat) do
      if x == true or x == false then x = x and 1 or 0 end
      flat[k] = string.pack(math.type(x) == "integer" and "<i8" or "<d", x)
    end
    parts[#parts + 1] = table.concat(flat)
  end
  return file.sha256(table.concat(parts))
end

local function show(name, ...) print(("%s %s"):format(name, digest(...))) end

neap.seed(7)
local n = 200003 -- no multiple of a chunk
local x, y = tensor.randn { n }, tensor.rand { n }
local f = x:to "f32"
local table_2d = tensor.randn { 4001, 53 }

show("draws", x, y, tensor.permutation(20011), tensor.randint { 20011, low = -9, high = 9 })
show("distributions", tensor.gamma { n, shape = 0.7 }, tensor.beta { n, a = 0.3, b = 2 },
  tensor.student_t { n, df = 4 }, tensor.exponential { n }, tensor.bernoulli { n, p = 0.3 },
  tensor.poisson { n, rate = 3 }, tensor.poisson { n, rate = 40 },
  tensor.binomial { n, n = 90, p = 0.6 })
show("samples", tensor.choice(n, n, { weights = y }), tensor.choice(n, 999, { replace = false }),
  tensor.choice(n, 999, { replace = false, weights = y }),
  tensor.multinomial(99, { 0.2, 0.5, 0.3 }, { size = 20011 }),
  tensor.multivariate_normal({ 0, 1 }, { { 2, 1 }, { 1, 1 } }, { n = 20011 }))
show("arithmetic", x * y + 1, x / y, f - f * 0.5, x:exp(), x:tanh(), y:log(), x:sin(), f:exp())
local walk = (x * 0.01):cumsum(1):exp()
local barriers = neap.labels.triple_barrier(walk, { profit = 2, stop = 1, lookforward = 300,
  volatility = neap.labels.volatility(walk) })
show("labels", barriers.label, barriers.ret, barriers.end_bar, neap.labels.uniqueness(barriers),
  neap.labels.trend_scanning(walk:slice(1, 1, 40001)).t_value)
show("reductions", x:sum(), x:mean(), x:std(), x:norm(), f:sum(), f:var(), table_2d:sum(1),
  table_2d:sum(2), table_2d:mean(1), table_2d:std(2), x:max(), x:argmin())
show("order", x:sort(), x:argsort(), x:quantile(0.3), x:cumsum(), table_2d:sort(1))
local single = table_2d:slice(1, 1, 1003):to "f32"
show("products", tensor.matmul(table_2d:t(), table_2d), tensor.matmul(table_2d, table_2d[1]),
  tensor.dot(x, y), tensor.matmul(single, single:t()):sum(1))

local close = (x * 0.001):cumsum():exp() * 100
local bars = { open = close * 0.999, high = close * 1.01, low = close * 0.99, close = close,
  volume = y * 1000 + 1 }
for _, name in ipairs { "sma", "ema", "rsi", "kama", "atr", "adx", "obv", "zscore", "linreg_slope",
  "realised_volatility" } do
  show("ta." .. name, ta[name](bars))
end

local label = x:gt(0.2):to "i64"
local p = (x + tensor.randn { n }):sigmoid()
show("metrics", metrics.auc(label, p), metrics.log_loss(label, p), metrics.brier(label, p),
  metrics.ece(label, p), metrics.f1(label, p), metrics.best_threshold(label, p))

local rows, target = table_2d, table_2d:slice(2, 1, 3):sum(2):gt(0):to "i64"
local logistic = linear.fit(rows, target, { standardize = true })
show("linear", logistic.coef, logistic:predict_proba(rows))
local model = gbdt.fit(rows, target, { objective = "binary", num_iterations = 15, num_leaves = 15,
  bagging_fraction = 0.7, bagging_freq = 1, feature_fraction = 0.8, seed = 3 })
show("gbdt", model:predict_proba(rows))
print(("gbdt.text %s"):format(file.sha256(model:text())))
local trees = forest.fit(rows, target, { n_estimators = 15, oob_score = true, seed = 3 })
show("forest", trees:predict_proba(rows), trees.oob_prediction)
local odd = isolation.fit(rows, { n_estimators = 15, seed = 3 })
local planes = isolation.fit(rows, { n_estimators = 15, extended = true, seed = 3 })
show("isolation", odd:score(rows), planes:score(rows))
