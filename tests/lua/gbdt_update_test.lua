local dataset = require "neap.dataset"
local frame = require "neap.frame"
local gbdt = require "neap.gbdt"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

-- A market whose first feature drives the label, until the second does; labels of two classes
-- become known three hours after the row.
local HOUR = 3600000000000
local function market(n, seed, drift)
  local a, b = tensor.randn { n, seed = seed }, tensor.randn { n, seed = seed + 1 }
  local driver = drift and b or a
  local y = (driver + tensor.randn { n, seed = seed + 2 } * 0.5):gt(0):to "f64"
  local time = tensor.arange(1, n, 1, { dtype = "i64" }) * HOUR
  local F = frame.new { { "time", time }, { "a", a }, { "b", b } }
  return dataset.new(F, frame.new { { "time", time }, { "label", y },
    { "known_at", time + 3 * HOUR } })
end

local base = { objective = "binary", num_iterations = 20, min_data_in_leaf = 5 }

local function same(a, b, D)
  assert.is_true(a:predict_raw(D):eq(b:predict_raw(D)):all())
end

describe("gbdt.update", function()
  local old = gbdt.fit(market(600, 1), base)
  local D = market(300, 11, true)
  local more = { objective = "binary", min_data_in_leaf = 5, num_iterations = 10 }

  it("adds trees every night", function()
    more.init_model = old
    local m, report = gbdt.update(old, D, { cadence = "nightly", holdout = 0 })
    same(gbdt.fit(D, more), m, D)
    assert.equal(30, m.best_iteration)
    assert.equal("nightly update: added 10 iterations on 300 rows\n  kept: new", tostring(report))
    m = gbdt.update(old, D, { cadence = "nightly", holdout = 0, num_iterations = 4,
      learning_rate = 0.02 })
    more.num_iterations, more.learning_rate = 4, 0.02
    same(gbdt.fit(D, more), m, D)
    more.num_iterations, more.learning_rate = 10, nil
  end)

  it("sets leaves anew and adds trees every week", function()
    more.init_model = old:refit(D, { decay_rate = 0.7 })
    local m, report = gbdt.update(old, D, { cadence = "weekly", holdout = 0, decay_rate = 0.7 })
    same(gbdt.fit(D, more), m, D)
    assert.equal("weekly update: set the leaves of 20 iterations anew on 300 rows, decay rate 0.7; "
      .. "added 10 iterations\n  kept: new", tostring(report))
  end)

  it("fits anew every month, and keeps the better on the last rows", function()
    local m, report = gbdt.update(old, D, { cadence = "monthly" })
    same(gbdt.fit(D, base), m, D)
    assert.equal("new", report.kept)
    assert.same({ all = 300, held_out = 60, purged = 2 }, report.rows)
    assert.equal("binary_logloss", report.metric)
    assert.is_true(report.after < report.before)

    local judged, second = gbdt.update(old, D, { cadence = "monthly", use_tail = false })
    same(gbdt.fit(D:rows(1, 238), base), judged, D) -- 240 less two labels known too late
    assert.equal(report.after, second.after)

    -- The loss of the report is that of the plain formula on the held-out rows.
    local tail = D:rows(241, 300)
    local function loss(model)
      local p = model:predict_proba(tail)
      return -(tensor.where(tail.y:eq(1), p[{ {}, 2 }], p[{ {}, 1 }])):log():mean()
    end
    assert.near(loss(old), report.before, 1e-12)
    assert.near(loss(judged), report.after, 1e-12)
    assert.equal(("monthly update: fitted 20 iterations on 238 rows\n"
      .. "  on 60 rows                  old          new\n"
      .. "  binary_logloss     %12.6g %12.6g\n"
      .. "  kept: new (2 rows left out of training, whose labels were known too late)"):format(
        report.before, report.after), tostring(second))

    local steady, third = gbdt.update(old, market(300, 21), { cadence = "monthly",
      options = { num_leaves = 2, learning_rate = 0.001 } })
    assert.equal(old, steady)
    assert.equal("old", third.kept)
    assert.equal("new", select(2, gbdt.update(old, market(300, 21), { cadence = "monthly",
      keep = "new", options = { num_leaves = 2 } })).kept)
  end)

  it("judges by another metric, larger or smaller being better", function()
    local _, report = gbdt.update(old, D, { cadence = "monthly", metric = "auc" })
    assert.equal("auc", report.metric)
    assert.is_true(report.after > report.before)
    assert.equal("new", report.kept)
    _, report = gbdt.update(old, D, { cadence = "nightly", metric = "auc", keep = "better",
      num_iterations = 1, learning_rate = 1e-30 }) -- below the last bit: no better
    assert.equal("old", report.kept)
  end)

  it("gives rows that are predicted badly more weight", function()
    local p, worst = old:predict_proba(D), {}
    for i = 1, #D do worst[i] = { i, 1 - p:get(i, D.y[i] == 1 and 2 or 1) } end
    table.sort(worst, function(a, b)
      if a[2] ~= b[2] then return a[2] > b[2] end
      return a[1] < b[1]
    end)
    local w = tensor.ones { 300 }
    for i = 1, 30 do w:set(worst[i][1], 5) end
    more.init_model, more.weights = old, w
    same(gbdt.fit(D, more), gbdt.update(old, D, { cadence = "nightly", holdout = 0,
      hard_share = 0.1, hard_weight = 5 }), D)
    more.weights = nil
  end)

  it("keeps what constrains columns, of loaded models too", function()
    local x = tensor.randn { 600, 2, seed = 4 }
    local y = x[{ {}, 2 }] - x[{ {}, 1 }]
    local m = gbdt.fit(x, y, { monotone_constraints = { 1, 0 }, feature_contri = { 1, 0.5 },
      interaction_constraints = { { 1 }, { 2 } }, num_iterations = 10 })
    local grid = tensor.stack({ tensor.linspace(-3, 3, 50), tensor.zeros { 50 } }, 2)
    for _, model in ipairs { m, gbdt.parse(m:text()) } do
      local fresh = gbdt.update(model, { x = x, y = y }, { cadence = "monthly", keep = "new",
        purge = 0 })
      local p = fresh:predict(grid)
      assert.is_true((p:slice(1, 2, 50) - p:slice(1, 1, 49)):min() >= 0)
      for _, name in ipairs { "monotone_constraints", "feature_contri",
        "interaction_constraints" } do
        assert.equal(m.params[name], fresh.params[name])
      end
    end
  end)

  it("works for every kind of model, and for loaded ones", function()
    local x = tensor.randn { 500, 3, seed = 31 }
    local labels = {
      regression = x[{ {}, 1 }], regression_l1 = x[{ {}, 1 }],
      multiclass = x[{ {}, 1 }]:clamp(-1, 1):round(),
    }
    for objective, y in pairs(labels) do
      for _, boosting in ipairs { "gbdt", "dart", "rf" } do
        local m = gbdt.fit(x, y, { objective = objective, num_iterations = 6, boosting = boosting,
          bagging_fraction = 0.8, bagging_freq = 1 })
        for _, model in ipairs { m, gbdt.parse(m:text()) } do
          for _, cadence in ipairs { "nightly", "weekly", "monthly" } do
            local later, report = gbdt.update(model, { x = x, y = y }, { cadence = cadence,
              purge = 0, hard_share = 0.1 })
            assert.is_number(report.after)
            assert.is_true(later:predict(x):isfinite():all())
          end
        end
      end
    end
  end)

  it("refuses an objective that is a function", function()
    local x = tensor.randn { 60, 2, seed = 4 }
    local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 2,
      objective = function(y, score) return score - y, tensor.ones { #y } end })
    assert.truthy(select(2, pcall(gbdt.update, m, D, { cadence = "nightly" })):find(
      "gbdt.update: the model's objective is a function, which it does not keep", 1, true))
  end)

  it("refuses what makes no sense", function()
    local function fails(text, m, data, o)
      local message = support.message(gbdt.update, m, data, o)
      assert.equal(text, message:match "^.-:%d+: (.*)$" or message)
    end
    fails("gbdt.update: a model is expected, got nil", nil, D, {})
    fails("gbdt.update: option 'cadence' is required", old, D)
    fails("gbdt.update: unknown cadence 'daily' (known: monthly, nightly, weekly)", old, D,
      { cadence = "daily" })
    fails("gbdt.update: unknown option 'rate' (did you mean 'decay_rate'?)", old, D,
      { cadence = "nightly", rate = 1 })
    fails("gbdt.update: unknown keep 'best' (known: better, new)", old, D,
      { cadence = "nightly", keep = "best" })
    fails("gbdt.update: keep = 'better' with holdout = 0: nothing to judge on", old, D,
      { cadence = "monthly", holdout = 0 })
    fails("gbdt.update: holdout is 1, allowed are numbers from 0 to 0.9", old, D,
      { cadence = "monthly", holdout = 1 })
    fails("gbdt.update: decay_rate is fast, allowed are numbers from 0 to 1", old, D,
      { cadence = "weekly", decay_rate = "fast" })
    fails("gbdt.update: a dataset, or a table with x and y, is expected, got number", old, 3,
      { cadence = "weekly" })
    fails("gbdt.update: the dataset has no labels", old, dataset.new(D.x), { cadence = "weekly" })
    fails("gbdt.update: feature 1 is 'b', the model was fitted on 'a'", old,
      D:with_x(D.x, { "b", "a" }), { cadence = "nightly" })
  end)
end)
