-- Ordered statistics of categories in gbdt.fit: cat_encoding = "ordered".
local frame = require "neap.frame"
local gbdt = require "neap.gbdt"
local metrics = require "neap.metrics"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan = 0 / 0

local function refused(text, fn, ...)
  local message = support.message(fn, ...)
  assert.truthy(message:find(text, 1, true), message)
end

local function same(a, b) assert.is_true(a:eq(b):all()) end

-- Options with defaults for this file.
local function with(more)
  local o = { categorical_feature = 1, cat_encoding = "ordered", num_iterations = 30 }
  for k, v in pairs(more or {}) do o[k] = v end
  return o
end

-- A column of codes, each with a level, and two of numbers; labels of two classes.
local function clicks(seed, n, codes)
  local levels, r, x, y = neap.rng(77), neap.rng(seed), {}, {}
  local level = {}
  for k = 0, codes - 1 do level[k] = levels:normal() end
  for i = 1, n do
    local k = math.floor(r:uniform() ^ 1.5 * codes)
    x[i] = { k, r:normal(), r:normal() }
    y[i] = r:uniform() < 1 / (1 + math.exp(-level[k] - 0.7 * x[i][2])) and 1 or 0
  end
  return tensor.of(x), tensor.of(y):to "i64"
end

-- The statistic by its definition; behind the last row the table. rows: codes, y: numbers.
local function statistics(codes, y, weight, delay)
  local sum, count, all, known, out = {}, {}, 0, 0, {}
  local function learn(k)
    local c = codes[k]
    sum[c], count[c] = (sum[c] or 0) + y[k], (count[c] or 0) + 1
    all, known = all + y[k], known + 1
  end
  local function value(c)
    local prior = known > 0 and all / known or 0
    return ((sum[c] or 0) + weight * prior) / ((count[c] or 0) + weight)
  end
  for i = 1, #codes do
    if i > delay + 1 then learn(i - 1 - delay) end
    out[i] = value(codes[i])
  end
  for k = math.max(1, #codes - delay), #codes do learn(k) end
  return out, value
end

describe("ordered categories", function()
  it("train as a number that is the mean of earlier labels", function()
    local r, codes, y, x = neap.rng(3), {}, {}, {}
    for i = 1, 2000 do
      codes[i], y[i] = math.floor(20 * r:uniform()), 0
      y[i] = codes[i] % 5 + r:normal()
      x[i] = { codes[i], r:normal() }
    end
    for _, delay in ipairs { 0, 50 } do
      local values, value = statistics(codes, y, 2, delay)
      local numbers, table_rows = {}, {}
      for i = 1, #x do
        numbers[i] = { values[i], x[i][2] }
        table_rows[i] = { value(codes[i]), x[i][2] }
      end
      local m = gbdt.fit(tensor.of(x), tensor.of(y), with { cat_prior_weight = 2,
        cat_delay = delay, valid = { tensor.of(x), tensor.of(y) } })
      local n = gbdt.fit(tensor.of(numbers), tensor.of(y), { num_iterations = 30,
        valid = { tensor.of(table_rows), tensor.of(y) } })
      assert.same(n.history.train, m.history.train)
      assert.same(n.history.valid, m.history.valid)
      same(n:predict(tensor.of(table_rows)), m:predict(tensor.of(x)))
    end
  end)

  it("beat sets where there are many of them", function()
    local x, y = clicks(1, 12000, 1500)
    local xt, yt = clicks(2, 6000, 1500)
    local loss = {}
    for _, how in ipairs { "partition", "ordered" } do
      local m = gbdt.fit(x, y, with { objective = "binary", cat_encoding = how })
      loss[how] = metrics.log_loss(yt, m:predict_proba(xt))
    end
    assert.is_true(loss.ordered < loss.partition - 0.01, loss.ordered .. " " .. loss.partition)
  end)

  it("learn nothing from a code per row", function()
    local r, x, y, naive = neap.rng(5), {}, {}, {}
    for i = 1, 4000 do
      x[i], y[i] = { i - 1, r:normal() }, r:uniform() < 0.4 and 1 or 0
      naive[i] = { (y[i] + 0.4) / 2, x[i][2] }
    end
    local labels = tensor.of(y):to "i64"
    local rows = tensor.of(x)
    local o = { objective = "binary", num_iterations = 30 }
    -- the mean of all labels of a code is the label
    assert.is_true(metrics.auc(labels, gbdt.fit(tensor.of(naive), labels, o)
      :predict_proba(tensor.of(naive))[{ {}, 2 }]) > 0.999)
    local m = gbdt.fit(rows, labels, with { objective = "binary", valid = { rows, labels } })
    -- the same codes again, with labels of their own
    local fresh = {}
    for i = 1, 4000 do fresh[i] = r:uniform() < 0.4 and 1 or 0 end
    local p = m:predict_proba(rows)[{ {}, 2 }]
    local auc = metrics.auc(tensor.of(fresh):to "i64", p)
    assert.is_true(math.abs(auc - 0.5) < 0.03, auc) -- its standard error is 0.0093
    -- codes that training did not have tell nothing apart
    local later = rows:clone()
    later[{ {}, 1 }] = later[{ {}, 1 }] + 4000
    later[{ {}, 2 }] = 0
    local q = m:predict_proba(later)[{ {}, 2 }]
    assert.equal(q:min(), q:max())
  end)

  it("put what they do not know on the side of the prior", function()
    local x, y = {}, {}
    for i = 1, 4000 do
      x[i] = { i % 40 }
      y[i] = i % 40 < 3 and 10 or 0
    end
    local m = gbdt.fit(tensor.of(x), tensor.of(y), with {})
    local p = m:predict(tensor.of { { 99 }, { 39 }, { 0 }, { nan }, { -1 } })
    assert.is_true(math.abs(p:get(1) - p:get(2)) < 1, p:get(1)) -- a prior of 0.75
    assert.is_true(math.abs(p:get(1) - p:get(3)) > 8, p:get(1))
    assert.equal(p:get(1), p:get(4))
    assert.equal(p:get(1), p:get(5))
  end)

  it("keep missing codes apart", function()
    local x, y = {}, {}
    for i = 1, 3000 do
      x[i] = { i % 10 == 0 and (i % 20 == 0 and nan or -1) or i % 7 }
      y[i] = i % 10 == 0 and 50 or i % 7
    end
    local m = gbdt.fit(tensor.of(x), tensor.of(y), with { num_iterations = 100 })
    local p = m:predict(tensor.of { { nan }, { -5 }, { 6 }, { 1234 } })
    assert.is_true(math.abs(p:get(1) - 50) < 1)
    assert.equal(p:get(1), p:get(2))
    assert.is_true(p:get(3) < 7)
    assert.equal(p:get(1), p:get(4)) -- unseen = "missing"
  end)

  it("are saved as sets, and explained", function()
    local x, y = clicks(3, 4000, 300)
    local m = gbdt.fit(x, y, with { objective = "binary" })
    local path = os.tmpname()
    m:save(path)
    local again = gbdt.load(path)
    os.remove(path)
    same(m:predict_proba(x), again:predict_proba(x))
    assert.equal(m:text(), again:text())
    assert.equal("ordered", again.params.cat_encoding)
    same(m:predict_raw(x), gbdt.parse(m:text()):predict_raw(x))
    local few = x:slice(1, 1, 50)
    local gap = (m:shap(few):sum(2) - m:predict_raw(few)):abs():max()
    assert.is_true(gap < 1e-9, gap)
    local who = { "a", "b", "c", "a", "b", "c" }
    local f = frame.new { { "who", who }, { "v", { 1, 2, 3, 4, 5, 6 } } }
    local n = gbdt.fit(f, tensor.of { 1, 2, 3, 1, 2, 3 }, { cat_encoding = "ordered",
      min_data_in_leaf = 1, min_data_in_bin = 1 })
    assert.equal("0", n.params.categorical_feature)
    same(n:predict(f), gbdt.parse(n:text()):predict(f))
  end)

  it("are drawn by the seed in random order", function()
    local x, y = clicks(4, 3000, 100)
    local function text(o) return gbdt.fit(x, y, with(o)):text() end
    local random = { objective = "binary", cat_order = "random", seed = 5 }
    assert.equal(text(random), text(random))
    local time = gbdt.fit(x, y, with { objective = "binary", seed = 5 }):predict_raw(x)
    local one = gbdt.fit(x, y, with(random)):predict_raw(x)
    random.seed = 6
    assert.is_false(gbdt.fit(x, y, with(random)):predict_raw(x):eq(one):all())
    assert.is_false(time:eq(one):all())
  end)

  it("refuse what training did not have where asked to", function()
    local x, y = clicks(4, 1000, 10)
    local m = gbdt.fit(x, y, with { objective = "binary", unseen = "error" })
    refused("gbdt.predict: feature 'Column_0' is 55 in row 1, a category that training did not "
      .. "have", m.predict, m, tensor.of { { 55, 0, 0 } })
    refused("gbdt.fit: valid: categorical feature 1 is 55 in row 1, which training did not have",
      gbdt.fit, x, y, with { objective = "binary", unseen = "error",
        valid = { tensor.of { { 55, 0, 0 } }, tensor.of { 1 } } })
  end)

  it("go up to a hundred thousand", function()
    local r, x, y = neap.rng(6), {}, {}
    for i = 1, 200000 do
      local k = i % 100000
      x[i] = { k, 0 }
      y[i] = k % 3 + 0.1 * r:normal()
    end
    local rows, labels = tensor.of(x), tensor.of(y)
    local m = gbdt.fit(rows, labels, with { num_iterations = 5, learning_rate = 0.5 })
    assert.is_true(metrics.rmse(labels, m:predict(rows)) < 0.5)
    same(m:predict(rows:slice(1, 1, 2000)), gbdt.parse(m:text()):predict(rows:slice(1, 1, 2000)))
  end)

  it("count in the memory of a fit", function()
    local all = {}
    for k = 1, 20 do all[k] = k end
    local few = gbdt.memory({ 1000000, 20 }, with { categorical_feature = all,
      cat_encoding = "partition" }).total
    local more = gbdt.memory({ 1000000, 20 }, with { categorical_feature = all }).total
    assert.is_true(more > 1.6e8 + 2.4e7, more) -- 8 bytes a value, the bins beside them
    assert.is_true(few < 1e8, few)
  end)

  it("what makes no sense is refused", function()
    local x, y = clicks(4, 300, 10)
    local function fails(text, o) refused(text, gbdt.fit, x, y, with(o)) end
    fails("gbdt.fit: cat_encoding is 'target', one of these is expected: partition ordered",
      { cat_encoding = "target" })
    fails("gbdt.fit: cat_order is 'back', one of these is expected: time random",
      { cat_order = "back" })
    fails("gbdt.fit: cat_encoding 'ordered' takes means of labels, which say nothing under "
      .. "objective 'multiclass'", { objective = "multiclass" })
    fails("gbdt.fit: cat_encoding 'ordered' takes means of labels, which say nothing under "
      .. "objective 'lambdarank'", { objective = "lambdarank", group = { 300 } })
    fails("gbdt.fit: cat_encoding 'ordered' takes one alpha, not 2",
      { objective = "quantile", alpha = { 0.1, 0.9 } })
    fails("gbdt.fit: cat_order, cat_prior_weight and cat_delay need cat_encoding 'ordered'",
      { cat_encoding = "partition", cat_delay = 3 })
    fails("gbdt.fit: cat_delay is 3, but cat_order 'random' has no time",
      { cat_order = "random", cat_delay = 3 })
    fails("gbdt.fit: cat_prior_weight is -1, allowed are 0 to 1e+12", { cat_prior_weight = -1 })
    fails("gbdt.fit: cat_delay is -1, allowed are 0 to 1e+09", { cat_delay = -1 })
    fails("gbdt.fit: grow_policy 'symmetric' takes no categorical features",
      { grow_policy = "symmetric" })
    fails("gbdt.fit: monotone_constraints: feature 1 is categorical",
      { monotone_constraints = { 1, 0, 0 } })
    fails("gbdt.fit: cat_encoding 'ordered' does not go with init_model, whose trees have seen "
      .. "labels of all rows", { init_model = gbdt.fit(x, y, { num_iterations = 1 }) })
    x[{ 7, 1 }] = 1.5
    fails("gbdt.fit: categorical feature 1 is 1.5 in row 7; codes are integers from 0", {})
  end)
end)
