local base = require "neap.c.base"
local gbdt = require "neap.gbdt"
local metrics = require "neap.metrics"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local function data(n, seed)
  local x = tensor.randn { n, 4, seed = seed }
  return x, x[{ {}, 1 }] + tensor.randn { n, seed = seed + 1 } * 0.5
end

local function classes(t) return t:gt(0.5):to "i64" end
local function three(t) return t:clamp(-1, 1):floor() end

-- The trees alone: the lines around them name the objective.
local function trees(m) return m:text():match "Tree=0.*end of trees" end

-- The message behind the position.
local function refusal(...)
  return (support.message(gbdt.fit, ...):gsub("^.-: gbdt", "gbdt"))
end

-- The built-in objectives written anew.
local function weighted(g, h, w)
  if w then return g * w, h * w end
  return g, h
end

local binary = {
  link = "sigmoid",
  start = function(y, w)
    local p = w and (y * w):sum() / w:sum() or y:mean()
    return math.log(p / (1 - p))
  end,
  grad = function(score, y, w)
    local p = gbdt.link(score, "sigmoid")
    return weighted(p - y, p * (1 - p), w)
  end,
}

local function ones(t) return tensor.ones { #t } end

local absolute = {
  start = function(y) return y:median() end,
  renew = 0.5,
  grad = function(score, y) return (score - y):sign(), ones(y) end,
}

local poisson = {
  link = "exp",
  start = function(y) return math.log(y:mean()) end,
  grad = function(score, y)
    local e = gbdt.link(score, "exp")
    return e - y, e * math.exp(0.7)
  end,
}

local softmax = {
  link = "softmax",
  start = function(y)
    local share = {}
    for k = 1, 3 do share[k] = math.log(y:eq(k):to("f64"):mean()) end
    return share
  end,
  grad = function(score, y)
    local p, own = gbdt.link(score, "softmax"), y:to("i64"):one_hot(3):to "f64"
    return p - own, p * 1.5 * (1 - p)
  end,
}

local function with(o, more)
  local out = {}
  for k, v in pairs(o) do out[k] = v end
  for k, v in pairs(more) do out[k] = v end
  return out
end

describe("a custom objective", function()
  it("that repeats a built-in one gives the same bits", function()
    local x, t = data(3000, 1)
    local counts = (t:exp() * 2):floor()
    local w = (tensor.rand { 3000, seed = 9 } + 0.5):to("f32"):to "f64"
    local modes = {
      {}, { bagging_fraction = 0.6, bagging_freq = 1, feature_fraction = 0.5 },
      { boosting = "dart" }, { boosting = "goss" },
      { boosting = "rf", bagging_fraction = 0.6, bagging_freq = 1 },
    }
    for _, mode in ipairs(modes) do
      for name, case in pairs {
        binary = { binary, classes(t) }, regression_l1 = { absolute, t },
        poisson = { poisson, counts }, multiclass = { softmax, three(t) },
      } do
        local o = with(mode, { num_iterations = 12, num_leaves = 15 })
        local built = gbdt.fit(x, case[2], with(o, { objective = name }))
        local own = gbdt.fit(x, case[2], with(o, { objective = case[1] }))
        assert.equal(trees(built), trees(own), name)
        support.same(built:predict(x):totable(), own:predict(x))
        if built.classes then
          support.same(built:predict_proba(x):totable(), own:predict_proba(x))
          assert.same(built.classes, own.classes)
        end
      end
    end
    local o = { objective = "binary", num_iterations = 12, weights = w }
    local want = trees(gbdt.fit(x, classes(t), o))
    assert.equal(want, trees(gbdt.fit(x, classes(t), with(o, { objective = binary }))))
    assert.same({ -3, 7 }, gbdt.fit(x, classes(t) * 10 - 3, { objective = binary,
      num_iterations = 1 }).classes)
  end)

  it("renews leaves by a function of their rows", function()
    local x, t = data(900, 3)
    local by_hand = with(absolute, { renew = function(score, y, w)
      assert.is_nil(w)
      return (y - score):median()
    end })
    local o = { num_iterations = 5, bagging_fraction = 0.7, bagging_freq = 1 }
    assert.equal(trees(gbdt.fit(x, t, with(o, { objective = absolute }))),
      trees(gbdt.fit(x, t, with(o, { objective = by_hand }))))
  end)

  it("has the same bits at any number of threads, and is continued", function()
    local x, t = data(2000, 5)
    local y = classes(t)
    local want = trees(gbdt.fit(x, y, { objective = binary, num_iterations = 10 }))
    for threads = 1, 4 do
      base.set_threads(threads)
      assert.equal(want, trees(gbdt.fit(x, y, { objective = binary, num_iterations = 10 })))
    end
    base.set_threads(2)
    local half = gbdt.fit(x, y, { objective = binary, num_iterations = 5 })
    assert.equal(want, trees(gbdt.fit(x, y, { objective = binary, num_iterations = 5,
      init_model = half })))
    assert.equal("gbdt.fit: init_model has a link of another objective, 'binary sigmoid:1'",
      refusal(x, y, { objective = poisson, init_model = half }))
  end)

  it("is kept in files, with its link", function()
    local x, t = data(300, 7)
    for link, spec in pairs { sigmoid = binary, exp = poisson, softmax = softmax,
      identity = absolute } do
      local y = link == "sigmoid" and classes(t) or link == "softmax" and three(t)
        or link == "exp" and t:exp() or t
      local m = gbdt.fit(x, y, { objective = spec, num_iterations = 4 })
      local again = gbdt.parse(m:text())
      assert.equal("custom", again.objective)
      support.same(m:predict(x):totable(), again:predict(x))
    end
  end)

  it("changes the fingerprint of a model, as scores to begin with do", function()
    local x, t = data(50, 33)
    local function mark(o) return gbdt.fit(x, t, with({ num_iterations = 1 }, o)).fingerprint end
    local function grad(s, y) return s - y, ones(y) end
    local want = mark { objective = grad }
    assert.equal(want, mark { objective = grad })
    assert.not_equal(want, mark { objective = { grad = grad, start = 1 } })
    assert.not_equal(want, mark { objective = function(s, y) return s - y, ones(y) * 2 end })
    assert.not_equal(mark {}, mark { init_score = t })
    assert.not_equal(mark { init_score = t * 2 }, mark { init_score = t })
  end)

  it("may be a function alone", function()
    local x, t = data(500, 9)
    local m = gbdt.fit(x, t, { objective = function(s, y) return s - y, ones(y) end,
      num_iterations = 20 })
    local plain = gbdt.fit(x, t, { num_iterations = 20, boost_from_average = false })
    assert.equal(trees(plain), trees(m))
  end)

  it("ends training with its own error, and is refused by name", function()
    local x, t = data(100, 11)
    local y = classes(t)
    local function fails(text, objective, o)
      assert.equal("gbdt.fit: " .. text, refusal(x, t, with(o or {}, { objective = objective })))
    end
    assert.matches("gbdt_custom_test.lua:%d+: no derivative here$",
      support.message(gbdt.fit, x, t, { objective = function() error "no derivative here" end }))
    local mark = {}
    local ok, thrown = pcall(gbdt.fit, x, t, { objective = function() error(mark) end })
    assert.is_false(ok)
    assert.equal(mark, thrown)
    fails("objective: the gradient must be a tensor, got nil", function() end)
    fails("objective: the hessian must be a tensor, got number", function(s) return s, 1 end)
    fails("objective: the gradient has shape [5], expected [100]",
      function(s) return s[{ { 1, 5 } }], s end)
    fails("objective: the hessian has shape [100x2], expected [100]",
      function(s) return s, tensor.ones { 100, 2 } end)
    fails("objective: the hessian of row 1 is -1, it must not be negative",
      function(s) return s, s - 1 end)
    fails("objective: the gradient of row 1 is nan", function(s) return s / 0 * 0, s end)
    fails("objective: the hessian of row 1 is inf", function(s) return s, s + 1 / 0 end)
    fails("objective: start is inf", with(absolute, { start = 1 / 0 }))
    fails("objective: start has 2 numbers, 1 are expected", with(absolute, { start = { 1, 2 } }))
    fails("objective: start must give a number, or one per class, got nil",
      with(absolute, { start = function() end }))
    fails("objective: renew must give a number, got nil",
      with(absolute, { renew = function() end }))
    assert.matches("^gbdt.fit: objective: renew gave nan for a leaf of %d+ rows$",
      refusal(x, t, { objective = with(absolute, { renew = function() return 0 / 0 end }) }))
    fails("objective: renew is 1.5, a quantile is between 0 and 1", with(absolute, { renew = 1.5 }))
    fails("objective: renew must be a function, or the share of a quantile, got boolean",
      with(absolute, { renew = true }))
    fails("objective: grad must be a function, got number", { grad = 1 })
    fails("objective: option 'grad' is required", {})
    fails("objective: unknown option 'gradient' (did you mean 'grad'?)", { gradient = print })
    fails("objective: unknown link 'log' (known: exp, identity, sigmoid, softmax)",
      with(absolute, { link = "log" }))
    fails("objective: num_class is for link 'softmax', not 'identity'",
      with(absolute, { num_class = 3 }))
    fails("weights are given, and the objective takes none: its function is grad(score, y, "
      .. "weights), and its derivatives contain the weights",
      function(s, l) return s - l, ones(l) end, { weights = tensor.ones { 100 } })
    assert.equal("gbdt.fit: num_class is 4, the labels have 3 classes",
      refusal(x, three(t), { objective = with(softmax, { num_class = 4 }) }))
    assert.equal("gbdt.fit: label 1 is 0.5, classes are integers",
      refusal(x, y + 0.5, { objective = binary }))
  end)

  it("cannot reach the trainer in the middle of a step", function()
    local x, t = data(100, 13)
    local c, params = require "neap.c.tree", require "neap.gbdt.params"
    local o = params.read { objective = function() end }
    local trainer = c.trainer(params.for_engine(o), x, t)
    trainer:custom { slopes = function() trainer:step() end }
    assert.matches("gbdt: the trainer is in the middle of a step", support.message(trainer.step,
      trainer))
    assert.matches("gbdt.fit: training has failed before", support.message(trainer.step, trainer))
  end)
end)

describe("a custom metric", function()
  it("is followed, stops training, and is named in the model", function()
    local x, t = data(600, 15)
    local xv, tv = data(600, 17)
    local y, yv = classes(t), classes(tv)
    local own = { "hits", function(labels, p) return metrics.auc(labels, p) end, larger = true }
    local o = { objective = "binary", num_iterations = 200, early_stopping_rounds = 10,
      learning_rate = 0.3, valid = { xv, yv } }
    local a = gbdt.fit(x, y, with(o, { metric = { own, "auc" } }))
    local b = gbdt.fit(x, y, with(o, { metric = "auc" }))
    assert.is_true(b.best_iteration < 190)
    assert.equal(b.best_iteration, a.best_iteration)
    for i, v in ipairs(b.history.valid.auc) do
      assert.is_true(math.abs(v - a.history.valid.hits[i]) < 1e-12)
    end
    assert.equal("valid.hits", a.stopped_on)
    local c = gbdt.fit(x, y, with(o, { metric = { "auc", own }, stop_on = "hits" }))
    assert.equal("valid.hits", c.stopped_on)
    assert.equal(#gbdt.fit(x, y, with(o, { metric = own })).history.valid.hits,
      #a.history.valid.hits)
  end)

  it("sees labels, predictions and weights as users do", function()
    local x, t = data(200, 19)
    local w = tensor.full { 200, value = 0.5 }
    local seen
    local function look(y, p, weights)
      seen = { y = y, p = p, w = weights }
      return 1
    end
    local o = { num_iterations = 2, metric = { "look", look }, is_provide_training_metric = true }
    local m = gbdt.fit(x, three(t) * 10, with(o, { objective = "multiclass", weights = w }))
    support.same((three(t) * 10):totable(), seen.y)
    support.same(m:predict_proba(x):totable(), seen.p)
    support.same(w:totable(), seen.w)
    m = gbdt.fit(x, classes(t), with(o, { objective = "binary" }))
    support.same(m:predict_proba(x)[{ {}, 2 }]:totable(), seen.p)
    assert.is_nil(seen.w)
    for _, case in ipairs { { objective = "gamma" }, { objective = "quantile",
      alpha = { 0.1, 0.9 } }, { reg_sqrt = true }, { boosting = "rf", feature_fraction = 0.5 } } do
      m = gbdt.fit(x, t:exp(), with(o, case))
      support.same(m:predict(x):totable(), seen.p)
    end
  end)

  it("is refused by name", function()
    local x, t = data(60, 21)
    local function fails(text, metric, o)
      assert.equal("gbdt.fit: " .. text, refusal(x, t, with(o or {}, { metric = metric,
        is_provide_training_metric = true })))
    end
    fails("metric 'profit' must give a number, got nil", { { "profit", function() end } })
    fails("metric 'profit' must give a number, got nan",
      { { "profit", function() return 0 / 0 end } })
    fails("metric 'l2' has a name that is taken", { { "l2", print } })
    fails("two metrics are called 'a'", { { "a", print }, { "a", error } })
    fails("a metric of your own is { name, function, larger = }, its name one word, got 'a b'",
      { { "a b", print } })
    fails("metric 'a': unknown option 'lager' (did you mean 'larger'?)",
      { { "a", print, lager = true } })
    fails("metric must be names or { name, function }, got table", { {} })
    assert.matches("tests/lua/gbdt_custom_test.lua:%d+: inside$", support.message(gbdt.fit, x, t,
      { metric = { "a", function() error "inside" end }, is_provide_training_metric = true }))
  end)
end)

describe("class_weight", function()
  it("is the weight of the rows", function()
    local x, t = data(400, 23)
    local y = classes(t)
    local positive = y:sum()
    local function fit(more) return trees(gbdt.fit(x, y, with({ objective = "binary",
      num_iterations = 5 }, more))) end
    local want = fit { weights = tensor.where(y:eq(1), 3.0, 0.5) }
    assert.equal(want, fit { class_weight = { [0] = 0.5, [1] = 3 } })
    assert.equal(fit { weights = tensor.where(y:eq(1), 400 / (2 * positive),
      400 / (2 * (400 - positive))) }, fit { class_weight = "balanced" })
    local w = tensor.rand { 400, seed = 4 }
    assert.equal(fit { weights = w * tensor.where(y:eq(1), 2.0, 1.0) },
      fit { weights = w, class_weight = { [1] = 2 } })
    local m = gbdt.fit(x, three(t), { objective = "ova", num_iterations = 3,
      class_weight = "balanced", scale_pos_weight = 1 })
    assert.equal(3, #m.classes)
  end)

  it("is refused where it means nothing", function()
    local x, t = data(60, 25)
    local y = classes(t)
    for _, case in ipairs {
      { { class_weight = "even" },
        "gbdt.fit: class_weight is a table by label or 'balanced', got 'even'" },
      { { class_weight = 2 },
        "gbdt.fit: class_weight is a table by label or 'balanced', got number" },
      { { class_weight = { [7] = 2 } }, "gbdt.fit: class_weight: no row has label 7" },
      { { class_weight = { [1] = -1 } },
        "gbdt.fit: class_weight of label 1 is -1, allowed are numbers from 0" },
      { { class_weight = { a = 1 } }, "gbdt.fit: class_weight: labels are integers, got 'a'" },
      { { class_weight = "balanced", is_unbalance = true },
        "gbdt.fit: class_weight excludes is_unbalance and scale_pos_weight" },
      { { class_weight = "balanced", objective = "l2" },
        "gbdt.fit: class_weight needs an objective of classes, not 'regression'" },
    } do
      assert.equal(case[2], refusal(x, y, with({ objective = "binary" }, case[1])))
    end
  end)
end)

describe("init_score", function()
  it("is what trees begin with, and no part of the model", function()
    local x, t = data(800, 27)
    local base_score = x[{ {}, 1 }] * 2
    local o = { num_iterations = 20, init_score = base_score,
      valid = { x, t, init_score = base_score } }
    local m = gbdt.fit(x, t, o)
    local rest = gbdt.fit(x, t - base_score, { num_iterations = 20, boost_from_average = false })
    -- the same gradients but for rounding: s + i - y is not s - (y - i)
    assert.is_true((m:predict(x) - rest:predict(x)):abs():max() < 1e-6)
    local fitted = (m:predict(x) + base_score - t) ^ 2
    assert.is_true(math.abs(fitted:mean() - m.history.train.l2[20]) < 1e-9)
    assert.same(m.history.train, m.history.valid)
    local k = three(t)
    local zero = gbdt.fit(x, k, { objective = "multiclass", num_iterations = 3,
      init_score = tensor.zeros { 800, 3 } })
    assert.equal(trees(gbdt.fit(x, k, { objective = "multiclass", num_iterations = 3,
      boost_from_average = false })), trees(zero))
  end)

  it("is refused by name", function()
    local x, t = data(50, 29)
    local s = tensor.zeros { 50 }
    for _, case in ipairs {
      { { init_score = tensor.zeros { 49 } },
        "gbdt.fit: init_score has shape [49], expected [50]" },
      { { init_score = { 1 } }, "gbdt.fit: init_score must be a tensor, got table" },
      { { init_score = s / 0 }, "gbdt.fit: init_score of row 1 is nan" },
      { { init_score = s, valid = { x, t } }, "gbdt.fit: init_score for training, and none for "
        .. "valid: valid = { x, y, init_score = ... }" },
      { { valid = { x, t, init_score = s } },
        "gbdt.fit: init_score for valid, and none for training" },
      { { init_score = s, boosting = "rf", feature_fraction = 0.5 }, "gbdt.fit: the trees of "
        .. "boosting 'rf' do not add up to anything that an init_score could begin" },
    } do
      assert.equal(case[2], refusal(x, t, case[1]):gsub("%-nan", "nan"))
    end
  end)
end)

describe("gbdt.link", function()
  it("is what models predict with", function()
    local x, t = data(200, 31)
    local m = gbdt.fit(x, classes(t), { objective = "binary", num_iterations = 5 })
    support.same(m:predict_proba(x)[{ {}, 2 }]:totable(), gbdt.link(m:predict_raw(x), "sigmoid"))
    m = gbdt.fit(x, three(t), { objective = "multiclass", num_iterations = 5 })
    support.same(m:predict_proba(x):totable(), gbdt.link(m:predict_raw(x), "softmax"))
    m = gbdt.fit(x, t:exp(), { objective = "gamma", num_iterations = 5 })
    support.same(m:predict(x):totable(), gbdt.link(m:predict_raw(x), "exp"))
    assert.matches("softmax needs N x K scores", support.message(gbdt.link, t, "softmax"))
    assert.matches("invalid option 'log'", support.message(gbdt.link, t, "log"))
  end)
end)
