local base = require "neap.c.base"
local gbdt = require "neap.gbdt"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

-- Features, and a label that depends on the first two.
local function binary(n, seed)
  local x = tensor.randn { n, 5, seed = seed }
  local noise = tensor.randn { n, seed = seed + 1000 }
  local y = (x[{ {}, 1 }] + x[{ {}, 2 }] * x[{ {}, 2 }] + noise * 0.5):gt(1):to "i64"
  return x, y
end

local modes = {
  bagging = { bagging_fraction = 0.7, bagging_freq = 2 },
  classes = { pos_bagging = 0.9, neg_bagging = 0.5, bagging_freq = 1 },
  goss = { boosting = "goss", learning_rate = 0.5 },
  dart = { boosting = "dart", drop_rate = 0.3, skip_drop = 0.2 },
  xgboost_dart = { boosting_type = "dart", drop_rate = 0.3, skip_drop = 0, uniform_drop = true,
    xgboost_dart_mode = true },
  forest = { boosting = "random_forest", bagging_fraction = 0.6, bagging_freq = 1 },
}

local function with(o, more)
  local out = {}
  for k, v in pairs(o) do out[k] = v end
  for k, v in pairs(more) do out[k] = v end
  return out
end

describe("sampling", function()
  it("learns in every mode, with the same bits at any number of threads, and saves", function()
    local x, y = binary(3000, 1)
    for name, mode in pairs(modes) do
      local o, want = with(mode, { objective = "binary", num_iterations = 20, seed = 3 }), nil
      for threads = 1, 4 do
        base.set_threads(threads)
        local m = gbdt.fit(x, y, o)
        want = want or m:text()
        assert.equal(want, m:text(), name)
        if threads == 1 then
          assert.is_true(m:predict(x):eq(y):to("f64"):mean() > 0.85, name)
          assert.is_true(gbdt.parse(m:text()):predict_proba(x):eq(m:predict_proba(x)):all(), name)
        end
      end
    end
    base.set_threads(2)
  end)

  it("has a seed for each kind of draw", function()
    local x, y = binary(800, 2)
    local function text(mode, more)
      return gbdt.fit(x, y, with(with(modes[mode], more), { objective = "binary",
        num_iterations = 8, feature_fraction = 0.6 })):text():match "^(.*)\nparameters:\n"
    end
    for mode, seed in pairs { bagging = "bagging_seed", goss = "bagging_seed", dart = "drop_seed",
      forest = "feature_fraction_seed" } do
      assert.equal(text(mode, { seed = 5 }), text(mode, { seed = 5, [seed] = 5 }))
      assert.not_equal(text(mode, { seed = 5 }), text(mode, { seed = 5, [seed] = 6 }), mode)
    end
  end)

  it("refuses what contradicts itself", function()
    local x, y = binary(60, 3)
    local function fails(text, o)
      local message = support.message(gbdt.fit, x, y, with({ objective = "binary" }, o))
      assert.equal("gbdt.fit: " .. text, message:match "gbdt%.fit: .*")
    end
    fails("bagging_fraction is below 1, but bagging_freq is 0: no bag would be drawn",
      { bagging_fraction = 0.5 })
    fails("neg_bagging_fraction is below 1, but bagging_freq is 0: no bag would be drawn",
      { neg_bagging = 0.5 })
    fails("pos_bagging_fraction and neg_bagging_fraction need objective 'binary'",
      { neg_bagging = 0.5, bagging_freq = 1, objective = "regression" })
    fails("bagging_fraction is 0.5 beside pos_bagging_fraction and neg_bagging_fraction; give the "
      .. "one or the others", { neg_bagging = 0.5, bagging_fraction = 0.5, bagging_freq = 1 })
    fails("'goss' chooses the rows by their gradients; it excludes bagging",
      { boosting = "goss", bagging_fraction = 0.5, bagging_freq = 1 })
    fails("top_rate 0.6 and other_rate 0.5 are more than 1 together",
      { boosting = "goss", top_rate = 0.6, other_rate = 0.5 })
    fails("top_rate is 0, allowed are above 0 to 1", { boosting = "goss", top_rate = 0 })
    fails("every tree of boosting 'rf' would be the same; set bagging_fraction and bagging_freq, "
      .. "or feature_fraction", { boosting = "rf" })
    fails("boosting is 'tree', one of these is expected: gbdt dart rf", { boosting = "tree" })
    fails("data_sample_strategy is 'some', one of these is expected: bagging goss",
      { data_sample_strategy = "some" })
    fails("drop_rate is 1.5, allowed are 0 to 1", { boosting = "dart", drop_rate = 1.5 })
    local forest = gbdt.fit(x, y, with(modes.forest, { objective = "binary", num_iterations = 2 }))
    fails("init_model is a random forest, boosting is not", { init_model = forest })
    fails("init_model is no random forest, boosting is", with(modes.forest,
      { init_model = gbdt.fit(x, y, { objective = "binary", num_iterations = 2 }) }))
  end)
end)
