local dataset = require "neap.dataset"
local gbdt = require "neap.gbdt"
local linear = require "neap.linear"
local metrics = require "neap.metrics"
local split = require "neap.split"
local tensor = require "neap.tensor"

local function data(n)
  local x = tensor.randn { n, 3, seed = 5 }
  return { x = x, y = (x[{ {}, 1 }] + 0.5 * tensor.randn { n, seed = 6 }):gt(0):to "i64" }
end

local function logistic(train) return linear.fit(train.x, train.y, { kind = "logistic" }) end

describe("split.cross_validate", function()
  it("judges each fold by the model of its own training part", function()
    local D = data(400)
    local folds = split.walk_forward(400, { train = 150, test = 80, purge = 4 })
    local r = split.cross_validate(D, folds, { fit = logistic, metrics = { "auc", "brier" },
      keep_models = true })
    assert.equal(#folds, #r.folds)
    local sum = 0
    for i, fold in ipairs(folds) do
      local train, test = split.rows(fold.train), split.rows(fold.test)
      local m = logistic { x = D.x:take(train, 1), y = D.y:take(train, 1) }
      local auc = metrics.auc(D.y:take(test, 1), m:predict_proba(D.x:take(test, 1)))
      assert.equal(auc, r.folds[i].values.auc)
      assert.equal(146, r.folds[i].train_rows)
      assert.equal(80, r.folds[i].test_rows)
      assert.is_true(r.folds[i].model:predict(D.x):eq(m:predict(D.x)):all())
      sum = sum + auc
    end
    assert.is_true(math.abs(r.mean.auc - sum / #folds) < 1e-12)
    local squares = 0
    for i = 1, #folds do squares = squares + (r.folds[i].values.auc - r.mean.auc) ^ 2 end
    assert.is_true(math.abs(r.sd.auc - math.sqrt(squares / (#folds - 1))) < 1e-12)
    assert.truthy(tostring(r):find "auc")
    assert.truthy(tostring(r):find("mean", 1, true))
  end)

  it("takes datasets and their purged folds, with weights", function()
    local d, n = data(300), 300
    local D = dataset.new(d.x, d.y, { weights = tensor.ones { n } })
    local folds = split.purged_kfold(D, { folds = 4, purge = 3 })
    local seen = {}
    local r = split.cross_validate(D, folds, {
      fit = function(train, i)
        seen[i] = #train
        return gbdt.fit(train, { objective = "binary", num_iterations = 5 })
      end,
      metrics = "log_loss",
    })
    for i, fold in ipairs(folds) do
      assert.equal(#fold.train, seen[i])
      assert.equal(fold.purged, r.folds[i].purged)
    end
    assert.is_true(r.mean.log_loss < math.log(2))
  end)

  it("judges predictions of windows by their own labels", function()
    local d = data(300)
    local D = dataset.new(d.x, d.y)
    local folds = split.expanding(D, { train = 100, test = 50, purge = 1 })
    local given = { fit = logistic, metrics = "accuracy", predict = function(model, test)
      local W = test:windows { length = 4 }
      return model:predict_proba(W:batch(1, #W)[{ {}, -1 }]), W.y
    end }
    local r = split.cross_validate(D, folds, given)
    assert.equal(47, r.folds[1].test_rows)
    assert.is_true(r.folds[1].y:eq(folds[1].test.y:slice(1, 4, 50)):all())
    assert.is_true(r.mean.accuracy > 0.8)
    given.predict = function(model, test) return model:predict_proba(test.x:slice(1, 4, 50)) end
    local ok, text = pcall(split.cross_validate, D, folds, given)
    assert.is_false(ok)
    assert.truthy(text:find("predict gave 47 predictions for 50 labels in fold 1", 1, true), text)
  end)

  it("judges regressions by values, and by functions of the user", function()
    local x = tensor.randn { 200, 2, seed = 2 }
    local D = { x = x, y = x[{ {}, 1 }] * 2 }
    local r = split.cross_validate(D, split.expanding(200, { train = 80, test = 40 }), {
      fit = function(t) return linear.fit(t.x, t.y, { kind = "ridge", alpha = 0.01 }) end,
      metrics = { "rmse", { "bias", function(y, p) return (p - y):mean() end } },
    })
    assert.is_true(r.mean.rmse < 0.1)
    assert.is_true(math.abs(r.mean.bias) < 0.05)
  end)

  it("knows the classes that a test part lacks", function()
    local x, y = tensor.randn { 120, 2, seed = 3 }, {}
    for i = 1, 120 do y[i] = i <= 100 and i % 3 or i % 2 end
    local D = { x = x, y = tensor.of(y):to "i64" }
    local folds = { { train = { { 1, 100 } }, test = { 101, 120 } } }
    local r = split.cross_validate(D, folds, { metrics = "log_loss", fit = function(train)
      return gbdt.fit(train.x, train.y, { objective = "multiclass", num_iterations = 2 })
    end })
    assert.is_true(r.mean.log_loss > 0)
    assert.is_true(r.sd.log_loss ~= r.sd.log_loss) -- one fold
  end)

  it("says what is wrong", function()
    local D, folds = data(100), split.walk_forward(100, { train = 50, test = 25 })
    local function refused(message, ...)
      local ok, text = pcall(split.cross_validate, ...)
      assert.is_false(ok)
      assert.truthy(text:find(message, 1, true), text)
    end
    refused("metrics", D, folds, { fit = logistic })
    refused("unknown metric 'acu' (did you mean 'auc'?)", D, folds,
      { fit = logistic, metrics = "acu" })
    refused("metric 'auc' stands twice", D, folds, { fit = logistic, metrics = { "auc", "auc" } })
    refused("fit must be a function, got number", D, folds, { fit = 1, metrics = "auc" })
    refused("fit returned nothing in fold 1", D, folds,
      { fit = function() end, metrics = "auc" })
    refused("folds must be what", D, {}, { fit = logistic, metrics = "auc" })
    refused("fold 1 has no train and test", D, { { 1, 2 } }, { fit = logistic, metrics = "auc" })
    refused("a dataset or a table with x and y", D.x, folds, { fit = logistic, metrics = "auc" })
    refused("gave a string in fold 1", D, folds,
      { fit = logistic, metrics = { { "odd", function() return "x" end } } })
    refused("unknown predict 'labels'", D, folds,
      { fit = logistic, metrics = "auc", predict = "labels" })
  end)
end)
