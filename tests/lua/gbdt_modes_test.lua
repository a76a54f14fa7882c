local base = require "neap.c.base"
local command = require "tests.lua.command"
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

describe("validation sets", function()
  local x, y = binary(900, 4)
  local xa, ya = binary(300, 5)
  local xb, yb = binary(200, 6)
  local o = { objective = "binary", num_iterations = 30, metric = { "auc", "binary_logloss" } }

  it("come alone, in arrays and by name, and have curves of their own", function()
    local alone = gbdt.fit(x, y, with(o, { valid = { xb, yb } }))
    local two = gbdt.fit(x, y, with(o, { valid = { { xa, ya }, { x = xb, y = yb } } }))
    local named = gbdt.fit(x, y, with(o, { valid = { late = { xb, yb }, early = { xa, ya } } }))
    local titled = gbdt.fit(x, y, with(o, { valid = { { xa, ya } }, valid_names = { "a.b" } }))
    assert.same(alone.history.valid, alone.history.sets.valid)
    assert.equal(alone.history.train, alone.history.sets.train)
    assert.same(two.history.sets.valid2, alone.history.sets.valid)
    assert.equal(two.history.valid, two.history.sets.valid1)
    assert.same(named.history.sets.late, two.history.sets.valid2)
    assert.equal(named.history.valid, named.history.sets.early)
    assert.same(titled.history.sets["a.b"], named.history.sets.early)
    assert.equal(30, #two.history.sets.valid2.auc)
    assert.is_nil(two.stopped_on)
    local low = two.history.sets.valid2.binary_logloss
    assert.truthy(tostring(two.history):find(("valid2.binary_logloss%s %.6g to %.6g in 30 "
      .. "iterations, lowest"):format((" "):rep(3), low[1], low[30]), 1, true))
    assert.matches("^no curves", tostring(gbdt.fit(x, y, { num_iterations = 1 }).history))
  end)

  it("stop training by one metric of one set, and the model says which", function()
    local sets = { valid = { { xa, ya }, { xb, yb } }, early_stopping_rounds = 3,
      num_iterations = 200 }
    for stop, where in pairs { ["auc"] = { "valid1", "auc" },
      ["valid2.auc"] = { "valid2", "auc" }, ["valid2.log_loss"] = { "valid2", "binary_logloss" },
      [false] = { "valid1", "auc" } } do
      local m = gbdt.fit(x, y, with(with(o, sets), { stop_on = stop or nil }))
      local curve, best, at = m.history.sets[where[1]][where[2]], nil, nil
      for i, v in ipairs(curve) do
        if not best or (where[2] == "auc" and v > best) or (where[2] ~= "auc" and v < best) then
          best, at = v, i
        end
      end
      assert.equal(at + 3, #curve)
      assert.equal(at, m.best_iteration)
      assert.equal(best, m.best_score)
      assert.equal(table.concat(where, "."), m.stopped_on)
      assert.matches(", stopped on " .. m.stopped_on .. "$", tostring(m))
      assert.equal(m.stopped_on, gbdt.parse(m:text()).stopped_on)
    end
  end)

  it("by name have no order: what stops training must be said", function()
    local sets = { valid = { late = { xb, yb }, early = { xa, ya } }, early_stopping_rounds = 3,
      num_iterations = 200 }
    local function fails(text, more)
      local ok, said = pcall(gbdt.fit, x, y, with(with(o, sets), more))
      assert.is_false(ok)
      assert.truthy(said:find(text, 1, true), said)
    end
    fails("gbdt.fit: which of the sets early, late stops training? Sets by name have no order; say "
      .. "stop_on = 'early.metric'", {})
    fails("say stop_on = 'early.auc'", { stop_on = "auc" })
    local m = gbdt.fit(x, y, with(with(o, sets), { stop_on = "late.auc" }))
    assert.equal("late.auc", m.stopped_on)
    local one = with(sets, { valid = { late = { xb, yb } } })
    assert.equal("late.auc", gbdt.fit(x, y, with(o, one)).stopped_on)
  end)

  it("all watch with first_metric_only = false: the first that stands still decides", function()
    local m = gbdt.fit(x, y, with(o, { valid = { a = { xa, ya }, b = { xb, yb } },
      early_stopping_rounds = 4, num_iterations = 200, first_metric_only = false }))
    local stop, who, at = math.huge, nil, nil
    for _, set in ipairs { "a", "b" } do
      for _, metric in ipairs { "auc", "binary_logloss" } do
        local whole = gbdt.fit(x, y, with(o, { valid = { a = { xa, ya }, b = { xb, yb } },
          num_iterations = 200 })).history.sets[set][metric]
        local best, best_at
        for i, v in ipairs(whole) do
          if not best or (metric == "auc" and v > best) or (metric ~= "auc" and v < best) then
            best, best_at = v, i
          end
          if i - best_at >= 4 then
            if i < stop then stop, who, at = i, set .. "." .. metric, best_at end
            break
          end
        end
      end
    end
    assert.equal(who, m.stopped_on)
    assert.equal(at, m.best_iteration)
    assert.equal(stop, #m.history.sets.a.auc)
  end)

  it("do not stop DART, whose later iterations change earlier trees", function()
    local m = gbdt.fit(x, y, with(o, { boosting = "dart", valid = { xa, ya },
      early_stopping_rounds = 1, num_iterations = 12 }))
    assert.equal(12, m.best_iteration)
    assert.is_nil(m.stopped_on)
    assert.same({ "early stopping is not available with boosting 'dart', whose later iterations "
      .. "change earlier trees; all iterations are kept" }, m.warnings)
  end)

  it("show in the progress", function()
    local seen = {}
    gbdt.fit(x, y, with(o, { valid = { { xa, ya }, { xb, yb } }, stop_on = "valid2.binary_logloss",
      progress = function(p) seen[#seen + 1] = p end }))
    assert.equal(30, #seen)
    assert.equal("valid2", seen[30].set)
    assert.equal("binary_logloss", seen[30].metric)
  end)

  it("of one class give a warning", function()
    local m = gbdt.fit(x, y, with(o, { valid = { xa, tensor.zeros { 300 } } }))
    assert.same({ "validation set 'valid' holds labels of one class only" }, m.warnings)
  end)

  it("are refused when they or their names make no sense", function()
    local function fails(text, more)
      local message = support.message(gbdt.fit, x, y, with(o, more))
      assert.equal("gbdt.fit: " .. text, message:match "gbdt%.fit: .*")
    end
    fails("valid: {x, y} or a data set expected, got number", { valid = 3 })
    fails("valid is an empty table", { valid = {} })
    fails("1 valid_names for 2 validation sets",
      { valid = { { xa, ya }, { xb, yb } }, valid_names = { "one" } })
    fails("'train' cannot name a validation set: each needs a text of its own, and not 'train'",
      { valid = { xa, ya }, valid_names = "train" })
    fails("'a' cannot name a validation set: each needs a text of its own, and not 'train'",
      { valid = { { xa, ya }, { xb, yb } }, valid_names = { "a", "a" } })
    fails("valid has names of its own beside valid_names",
      { valid = { a = { xa, ya } }, valid_names = { "b" } })
    fails("unknown validation set 'valid3' (did you mean 'valid1'?)",
      { valid = { { xa, ya }, { xb, yb } }, stop_on = "valid3.auc" })
    fails("unknown metric 'auk' (did you mean 'auc'?)", { valid = { xa, ya }, stop_on = "auk" })
    fails("stop_on = 'auc' without valid = {x, y}: nothing to watch", { stop_on = "auc" })
    fails("stop_on must be 'metric' or 'set.metric', got number", { stop_on = 3 })
    fails("stop_on = 'auc' names one metric, first_metric_only = false watches all",
      { valid = { xa, ya }, stop_on = "auc", first_metric_only = false })
    fails("first_metric_only must be true or false, got number", { first_metric_only = 1 })
    fails("unknown on_interrupt 'stop' (known: raise, return)", { on_interrupt = "stop" })
    fails("b: y is missing", { valid = { a = { xa, ya }, b = { xb } } })
    fails("valid: feature 1 is 'z', the model was fitted on 'a'", {
      feature_names = { "a", "b", "c", "d", "e" },
      valid = { x = xa, y = ya, names = { "z", "a", "b", "c", "d" } } })
    fails("valid x has 4 features, x has 5", { valid = { xa[{ {}, { 1, 4 } }], ya } })
    local many = {}
    for i = 1, 16 do many[i] = { xa, ya } end
    fails("more than 15 validation sets", { valid = many })
  end)
end)

describe("Ctrl-C", function()
  -- A script that presses it in iteration 5 of 50.
  local script = [[
    local gbdt, tensor = require "neap.gbdt", require "neap.tensor"
    local x = tensor.randn { 500, 3, seed = 1 }
    local stat <close> = io.open "/proc/self/stat"
    local kill = "kill -INT " .. stat:read "n"
    local ok, m = pcall(gbdt.fit, x, x[{ {}, 1 }], { num_iterations = 50, on_interrupt = %s,
      progress = function(p) if p.iteration == 5 then io.popen(kill):close() end end })
    print(ok and m.best_iteration, ok and m.warnings[1], ok and #m:predict(x))]]

  local function run(option)
    return command.shell(".", ("%s -e %s"):format(command.neap,
      command.quote(script:format(option))))
  end

  it("gives the model so far with on_interrupt = 'return'", function()
    assert.equal("5\tinterrupted after 5 of 50 iterations\t500\n", run "'return'".out)
  end)

  it("raises otherwise", function()
    local result = run "nil"
    assert.equal(130, result.code)
    assert.equal("", result.out)
    assert.matches("interrupted", result.err)
  end)
end)

describe("refit", function()
  -- The numbers behind a key, tree by tree.
  local function lists(text, key)
    local out = {}
    for line in text:gmatch("\n" .. key .. "=([^\n]*)") do
      local numbers = {}
      for number in line:gmatch "%S+" do numbers[#numbers + 1] = tonumber(number) end
      out[#out + 1] = numbers
    end
    return out
  end

  local function softmax(scores)
    local sum, out = 0, {}
    for k, v in ipairs(scores) do out[k] = math.exp(v) sum = sum + out[k] end
    for k, v in ipairs(out) do out[k] = v / sum end
    return out
  end

  -- Gradient and hessian of class k for a row of class own at these scores.
  local function derivatives(objective, scores, k, own)
    if objective == "regression" then return scores[1] - own, 1 end
    if objective == "binary" then
      local p = 1 / (1 + math.exp(-scores[1]))
      return p - own, p * (1 - p)
    end
    local p = softmax(scores)[k]
    return p - (own == k - 1 and 1 or 0), #scores / (#scores - 1) * p * (1 - p)
  end

  -- Leaves by the formula, row by row.
  local function oracle(m, objective, columns, x, y, w, decay, l1, l2)
    local old, shrinkage = lists(m:text(), "leaf_value"), lists(m:text(), "shrinkage")
    local leaf, scores, out = m:predict_leaf(x):totable(), {}, {}
    for i = 1, #y do scores[i] = {} for k = 1, columns do scores[i][k] = 0 end end
    for t = 1, #old do
      local k = (t - 1) % columns + 1
      if k == 1 then
        for i = 1, #y do scores[i].at = table.move(scores[i], 1, columns, 1, {}) end
      end
      local g, h = {}, {}
      for i = 1, #y do
        local gradient, hessian = derivatives(objective, scores[i].at, k, y[i])
        local l = leaf[i][t] + 1
        g[l], h[l] = (g[l] or 0) + w[i] * gradient, (h[l] or 0) + w[i] * hessian
      end
      out[t] = {}
      for l, value in ipairs(old[t]) do
        out[t][l] = value
        if g[l] then
          local size = math.max(math.abs(g[l]) - l1, 0) * (g[l] < 0 and -1 or 1)
          local new = -size / (h[l] + l2) * shrinkage[t][1]
          out[t][l] = decay * value + (1 - decay) * new
        end
      end
      for i = 1, #y do scores[i][k] = scores[i][k] + out[t][leaf[i][t] + 1] end
    end
    return out
  end

  it("follows its formula", function()
    for objective, columns in pairs { regression = 1, binary = 1, multiclass = 3 } do
      local x = tensor.randn { 600, 4, seed = 21 }
      local y = (x[{ {}, 1 }] * 1.2 + tensor.randn { 600, seed = 22 }):clamp(-1, 1):round() + 1
      if objective == "binary" then y = y:gt(1):to "f64" end
      local o = { objective = objective, num_iterations = 6, lambda_l1 = 0.3, lambda_l2 = 0.7,
        min_data_in_leaf = 5 }
      local m = gbdt.fit(x, y, o)
      -- Few new rows, so that some leaves get none.
      local x2 = tensor.randn { 80, 4, seed = 23 }
      local y2 = (x2[{ {}, 2 }] * 1.2):clamp(-1, 1):round() + 1
      if objective == "binary" then y2 = y2:gt(1):to "f64" end
      local w = tensor.rand { 80, seed = 24 }:to("f32"):to "f64"
      local want = oracle(m, objective, columns, x2, y2:totable(), w:totable(), 0.6, 0.3, 0.7)
      for _, source in ipairs { m, gbdt.parse(m:text()) } do
        local text = source:refit(x2, y2, { decay_rate = 0.6, weights = w }):text()
        local got = lists(text, "leaf_value")
        assert.equal(#want, #got)
        for t = 1, #want do
          for l = 1, #want[t] do -- gradients of a row are floats: F32_TOL
            assert.near(want[t][l], got[t][l], 1e-5 * math.max(1, math.abs(want[t][l])))
          end
        end
        assert.same(lists(m:text(), "threshold"), lists(text, "threshold"))
      end
    end
  end)

  it("keeps all with decay_rate 1, has the same bits at any number of threads", function()
    local x, y = binary(9000, 25)
    for _, mode in pairs(modes) do
      local m = gbdt.fit(x, y, with(mode, { objective = "binary", num_iterations = 5 }))
      assert.is_true(m:refit(x, y, { decay_rate = 1 }):predict_raw(x):eq(m:predict_raw(x)):all())
      local want
      for threads = 1, 4 do
        base.set_threads(threads)
        local text = m:refit(x, 1 - y, { decay_rate = 0.5 }):text()
        want = want or text
        assert.equal(want, text)
      end
    end
    base.set_threads(2)
  end)

  it("sets medians and means of trees where training does", function()
    local x = tensor.randn { 400, 3, seed = 26 }
    local y = x[{ {}, 1 }] * 3
    local l1 = gbdt.fit(x, y, { objective = "regression_l1", num_iterations = 60 })
    local moved = l1:refit(x, y + 100, { decay_rate = 0 })
    assert.is_true((moved:predict(x) - y - 100):abs():mean() < 1)
    local forest = gbdt.fit(x, y, with(modes.forest, { num_iterations = 10 }))
    local again = forest:refit(x, y + 100, { decay_rate = 0.5 })
    assert.near(forest:predict(x):mean() + 50, again:predict(x):mean(), 1)
  end)

  it("takes datasets and their weights, and keeps names and classes", function()
    local x, y = binary(300, 27)
    local D = { x = x, y = y * 2 - 1, names = { "a", "b", "c", "d", "e" },
      weights = tensor.rand { 300, seed = 28 } }
    local m = gbdt.fit(D, { objective = "binary", num_iterations = 4 })
    local r = m:refit(D)
    assert.same(m.feature_names, r.feature_names)
    assert.same({ -1, 1 }, r.classes)
    local plain = m:refit(x, D.y, { weights = D.weights })
    assert.is_true(r:predict_raw(x):eq(plain:predict_raw(x)):all())
    assert.is_true(r:predict_raw(x):ne(m:refit(x, D.y):predict_raw(x)):any())
    assert.is_true(gbdt.parse(r:text()):predict_raw(x):eq(r:predict_raw(x)):all())
  end)

  it("refuses what does not fit", function()
    local x, y = binary(100, 29)
    local m = gbdt.fit(x, y, { objective = "binary", num_iterations = 2 })
    local function fails(text, ...)
      local message = support.message(m.refit, m, ...)
      assert.equal("gbdt." .. text, message:match "gbdt%.%w+: .*")
    end
    fails("refit: x has 4 features, the model was fitted on 5", x[{ {}, { 1, 4 } }], y)
    fails("refit: decay_rate is 1.5, allowed are 0 to 1", x, y, { decay_rate = 1.5 })
    fails("refit: unknown option 'decay' (did you mean 'decay_rate'?)", x, y, { decay = 0.5 })
    fails("fit: label 1 is 7, which is no class of the model", x, y * 0 + 7)
    fails("fit: label 1 is nan", x, y:to "f64" * (0 / 0))
    fails("fit: y has 99 elements, but x has 100 rows", x, y:slice(1, 1, 99))
    fails("refit: y: tensor expected, got nil", x)
  end)
end)

describe("the fingerprint", function()
  local core = require "neap.c.tree"
  local x, y = binary(400, 30)
  local o = { objective = "binary", num_iterations = 3 }
  local function of(more, xx, yy)
    return gbdt.fit(xx or x, yy or y, with(o, more or {})).fingerprint
  end

  it("is the same for the same data and options, and stays in files", function()
    local m = gbdt.fit(x, y, o)
    assert.matches("^%x+$", m.fingerprint)
    assert.equal(64, #m.fingerprint)
    assert.equal(m.fingerprint, gbdt.parse(m:text()).fingerprint)
    assert.matches("%[neap_fingerprint: " .. m.fingerprint .. "%]", m:text())
    assert.equal(m.fingerprint, of({}, x:t():contiguous():t()))
    assert.equal(m.fingerprint, of({}, x, y:to "f64"))
    for threads = 1, 4 do
      base.set_threads(threads)
      assert.equal(m.fingerprint, of())
    end
    base.set_threads(2)
  end)

  it("is another one when anything that counts is", function()
    local seen = { [of()] = true }
    local function another(value)
      assert.is_nil(seen[value])
      seen[value] = true
    end
    local moved = x:clone()
    moved:set(400, 5, moved:get(400, 5) + 2 ^ -50)
    another(of({}, moved))
    another(of({}, x:to "f32"))
    local flipped = y:clone()
    flipped:set(7, 1 - y:get(7))
    another(of({}, x, flipped))
    another(of { weights = tensor.ones { 400 } })
    another(of { seed = 1 })
    another(of { lambda_l2 = 1e-9 })
    another(of { num_iterations = 4 })
    another(of { feature_names = { "a", "b", "c", "d", "e" } })
    local init = gbdt.fit(x, y, o)
    another(of { init_model = init })
    another(of { init_model = gbdt.parse(init:text()), seed = 2 })
    local stop = { early_stopping_rounds = 2, valid = { x, y } }
    another(of(stop))
    another(of(with(stop, { valid = { moved, y } })))
    another(of(with(stop, { valid_names = "other" })))
    another(init:refit(x, y).fingerprint)
    another(init:refit(x, y, { decay_rate = 0.5 }).fingerprint)
  end)

  it("shows every changed bit, wherever it is", function()
    local small = tensor.randn { 37, 3, seed = 31 }
    local labels = tensor.zeros { 37 }
    local seen = { [core.fingerprint(small, labels)] = true }
    for i = 1, 37 do
      for j = 1, 3 do
        local moved = small:clone()
        moved:set(i, j, -moved:get(i, j))
        local mark = core.fingerprint(moved, labels)
        assert.is_nil(seen[mark])
        seen[mark] = true
        assert.equal(mark, core.fingerprint(moved:t():contiguous():t(), labels))
      end
    end
    assert.not_equal(core.fingerprint(small, labels), core.fingerprint(small, labels, labels))
  end)
end)
