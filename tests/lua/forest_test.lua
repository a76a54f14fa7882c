local base = require "neap.c.base"
local file = require "neap.file"
local forest = require "neap.forest"
local golden = require "tests.golden.forest"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan = 0 / 0

local N, F = 240, 5

local function inputs()
  local u, v, rows = support.numbers(N * F, 1), support.numbers(N, 2), {}
  local score, two, three = {}, {}, {}
  for i = 1, N do
    rows[i] = table.move(u, (i - 1) * F + 1, i * F, 1, {})
    local r = rows[i]
    score[i] = r[1] - r[2] + 0.5 * r[3] * r[4] + 0.4 * v[i]
    two[i] = score[i] > 0.35 and 1 or 0
    three[i] = (score[i] >= 0.6 and 2 or score[i] >= 0.1 and 1 or 0) - 1
  end
  return rows, tensor.of(score), tensor.of(two), tensor.of(three)
end

local rows, score, two, three = inputs()
local x, w = tensor.of(rows), tensor.of(support.numbers(N, 3))
local plain = { n_estimators = 1, bootstrap = false, max_features = 1.0 }

local function with(o, more)
  local out = {}
  for k, v in pairs(o) do out[k] = v end
  for k, v in pairs(more or {}) do out[k] = v end
  return out
end

-- Largest difference between two arrays of numbers.
local function distance(a, b)
  assert.equal(#a, #b)
  local most = 0
  for i = 1, #a do most = math.max(most, math.abs(a[i] - b[i])) end
  return most
end

local function importance_of(m)
  local out = {}
  for _, item in ipairs(m:importance()) do out[item.column] = item.value end
  return out
end

-- a forest in plain code -------------------------------------------------------------------------

local function impurity(criterion, list, y, weight)
  local total, sums, s, q = 0, {}, 0, 0
  for _, i in ipairs(list) do
    total = total + weight[i]
    sums[y[i]] = (sums[y[i]] or 0) + weight[i]
    s, q = s + weight[i] * y[i], q + weight[i] * y[i] ^ 2
  end
  if criterion == "squared_error" then return q - s * s / total end
  local sum = 0
  for _, c in pairs(sums) do
    sum = sum + (criterion == "gini" and c * c / total or c * math.log(c / total))
  end
  return criterion == "gini" and total - sum or -sum
end

-- Impurity left by the best of all cuts of a node: every threshold between neighbouring values of
-- every feature, missing values on either side; nil when there is none.
local function best_cut(data, y, weight, list, o)
  local best
  for f = 1, #data[1] do
    local seen, values = {}, {}
    for _, i in ipairs(list) do
      local v = data[i][f]
      if v == v and not seen[v] then seen[v], values[#values + 1] = true, v end
    end
    table.sort(values)
    for k = 1, #values do
      for _, missing_left in ipairs { false, true } do
        local left, right = {}, {}
        for _, i in ipairs(list) do
          local v = data[i][f]
          local goes = v ~= v and missing_left or v <= values[k]
          table.insert(goes and left or right, i)
        end
        local least = o.min_samples_leaf or 1
        if #left >= least and #right >= least then
          local rest = impurity(o.criterion, left, y, weight)
            + impurity(o.criterion, right, y, weight)
          if not best or rest < best then best = rest end
        end
      end
    end
  end
  return best
end

-- Follow the only tree of a model through its training rows: each cut must be as good as the best,
-- each leaf must be due, and must say what its rows do.
local function check_tree(data, y, weight, o)
  local m = forest.fit(tensor.of(data), tensor.of(y),
    with(plain, with(o, { weights = tensor.of(weight) })))
  local a = m.core:arrays()
  local feature, left = a.feature:totable(), a.left:totable()
  local threshold, missing = a.threshold:totable(), a.missing_left:totable()
  local predicted = (m.classes and m:predict_proba(tensor.of(data)) or m:predict(tensor.of(data)))
    :totable()
  local cuts = 0
  local function follow(node, list, depth)
    local whole = impurity(o.criterion, list, y, weight)
    local rest = best_cut(data, y, weight, list, o)
    if feature[node] < 0 then
      local due = whole < 1e-9 or not rest or (o.max_depth and depth >= o.max_depth)
        or #list < (o.min_samples_split or 2)
      assert.is_true(due, "a leaf too early")
      local sums, total, s = {}, 0, 0
      for _, i in ipairs(list) do
        total, s = total + weight[i], s + weight[i] * y[i]
        sums[y[i]] = (sums[y[i]] or 0) + weight[i]
      end
      for _, i in ipairs(list) do
        if not m.classes then assert.near(s / total, predicted[i], 1e-12)
        else
          for k, label in ipairs(m.classes) do
            assert.near((sums[label] or 0) / total, predicted[i][k], 1e-12)
          end
        end
      end
      return
    end
    cuts = cuts + 1
    local l, r = {}, {}
    for _, i in ipairs(list) do
      local v = data[i][feature[node] + 1]
      local goes = v ~= v and missing[node] or v <= threshold[node]
      table.insert(goes and l or r, i)
    end
    assert.is_true(#l >= (o.min_samples_leaf or 1) and #r >= (o.min_samples_leaf or 1))
    local got = impurity(o.criterion, l, y, weight) + impurity(o.criterion, r, y, weight)
    assert.near(rest, got, 1e-9) -- sums in another order
    follow(left[node] + 1, l, depth + 1)
    follow(left[node] + 2, r, depth + 1)
  end
  local list = {}
  for i = 1, #data do list[i] = i end
  follow(1, list, 0)
  return cuts
end

describe("forest", function()
  it("cuts as a plain search does", function()
    local r = base.rng(7)
    local cuts = 0
    for round = 1, 30 do
      local data, y, weight = {}, {}, {}
      local n, classes = 5 + 3 * round, 2 + round % 3
      for i = 1, n do
        data[i] = {}
        for f = 1, 3 do
          local v = f == 3 and math.floor(4 * r:uniform()) or r:normal()
          data[i][f] = r:uniform() < (round % 2) * 0.2 and nan or v
        end
        local z = (data[i][1] == data[i][1] and data[i][1] or 1) + r:normal()
        y[i] = round % 4 == 0 and z or (math.floor(math.abs(z)) % classes)
        weight[i] = round % 5 == 0 and 0.1 + r:uniform() or 1
      end
      y[1], y[2] = 0, 1
      cuts = cuts + check_tree(data, y, weight, {
        criterion = round % 4 == 0 and "squared_error" or round % 3 == 0 and "entropy" or "gini",
        min_samples_leaf = 1 + round % 7 // 5 * 2, max_depth = round % 6 == 0 and 3 or nil,
      })
    end
    assert.is_true(cuts > 300)
  end)

  it("gives scikit-learn's trees where nothing is drawn", function()
    local cases = {
      gini = { two }, gini3 = { three }, entropy3 = { three, { criterion = "entropy" } },
      leaf5 = { three, { min_samples_leaf = 5 } },
      squared = { score, { criterion = "squared_error" } },
    }
    for name, case in pairs(cases) do
      for suffix, weights in pairs { [""] = false, _weighted = w } do
        local o = with(plain, with({ max_depth = 3, weights = weights or nil }, case[2]))
        local m = forest.fit(x, case[1], o)
        local want = golden[name .. suffix]
        local p = m.classes and m:predict_proba(x)[{ {}, 2 }] or m:predict(x)
        assert.is_true(distance(want.prediction, p:totable()) < 1e-12, name .. suffix)
        assert.is_true(distance(want.importance, importance_of(m)) < 1e-12, name .. suffix)
      end
    end
  end)

  it("is as good as scikit-learn out of the bag", function()
    local cases = {
      two = { two }, three = { three }, entropy = { three, { criterion = "entropy" } },
      balanced = { three, { class_weight = "balanced_subsample" } },
      squared = { score, { criterion = "squared_error" } },
      half = { score, { criterion = "squared_error", max_features = 0.5, max_samples = 0.5 } },
    }
    for name, case in pairs(cases) do
      local sum = 0
      for seed = 1, 5 do
        local m = forest.fit(x, case[1], with({ n_estimators = 200, oob_score = true,
          seed = seed }, case[2]))
        sum = sum + m.oob_score
      end
      local mean, sd = table.unpack(golden.levels[name])
      -- two means of five seeds each, which differ by sd * sqrt(2 / 5) or so
      assert.is_true(math.abs(sum / 5 - mean) < 5 * math.max(sd, 0.004) * math.sqrt(2 / 5),
        ("%s: %g, scikit-learn %g +- %g"):format(name, sum / 5, mean, sd))
    end
  end)

  it("has the same bits at any number of threads, in portions or at once", function()
    local function bits(o, y)
      local m = forest.fit(x, y, with({ n_estimators = 17, seed = 3, oob_score = true,
        weights = w }, o))
      local path = support.temporary ".safetensors"
      m:save(path)
      local hash = file.sha256(file.read(path))
      os.remove(path)
      return hash .. file.sha256(tostring(m.oob_score))
        .. file.sha256(table.concat(m:predict(x):totable(), " "))
    end
    for _, case in ipairs { { {}, three }, { { criterion = "squared_error" }, score },
      { { criterion = "entropy", class_weight = "balanced_subsample", block_length = 7 }, two } } do
      local want
      for n = 1, 4 do
        neap.set_threads(n)
        want = want or bits(case[1], case[2])
        assert.equal(want, bits(case[1], case[2]))
        assert.equal(want, bits(with(case[1], { progress = function() end }), case[2]))
      end
    end
    neap.set_threads(2)
  end)

  it("keeps labels as they are and averages shares", function()
    for _, pair in ipairs { { -1, 1 }, { 1, 2 }, { -7, 300 } } do
      local y = two * (pair[2] - pair[1]) + pair[1]
      local m = forest.fit(x, y:to "i64", { n_estimators = 9 })
      assert.same(pair, m.classes)
      assert.equal("i64", m:predict(x).dtype)
      local p = m:predict_proba(x)
      assert.is_true((p:sum(2) - 1):abs():max() < 1e-12)
      local want = tensor.of(pair):take(p:argmax(2))
      assert.is_true(m:predict(x):eq(want):all())
    end
    local many = forest.fit(x, tensor.arange(0, 239):to "i64" % 26, { n_estimators = 3 })
    assert.same({ 240, 26 }, many:predict_proba(x).shape)
  end)

  it("judges rows by trees that have not seen them", function()
    local m = forest.fit(x, two, { n_estimators = 60, oob_score = true, seed = 2 })
    local p = m.oob_prediction
    assert.same({ N, 2 }, p.shape)
    assert.is_true((p:sum(2) - 1):abs():max() < 1e-12)
    local right = tensor.of(m.classes):take(p:argmax(2)):eq(two:to "i64"):to "f64":mean()
    assert.near(right, m.oob_score, 1e-12)
    assert.is_true(m.oob_score < 0.97 and m:predict(x):eq(two:to "i64"):to "f64":mean() == 1)
    local one = forest.fit(x, score, { n_estimators = 1, oob_score = true, seed = 2,
      criterion = "squared_error" })
    local unseen = one.oob_prediction:eq(one.oob_prediction)
    -- a row is missed by one draw with chance 1 / e = 0.368; 240 rows have sd 0.031
    assert.near(0.368, unseen:to "f64":mean(), 0.13)
    assert.is_true(one.oob_prediction[unseen]:eq(one:predict(x)[unseen]):all())
  end)

  it("draws rows by weight, in blocks, and never those of weight 0", function()
    local chosen = tensor.arange(1, N):le(N // 2):to "f64"
    for _, o in ipairs { { bootstrap_weights = chosen }, { weights = chosen } } do
      local m = forest.fit(x, score, with({ criterion = "squared_error", n_estimators = 30,
        oob_score = true }, o))
      local alone = forest.fit(x:slice(1, 1, N // 2), score:slice(1, 1, N // 2),
        { criterion = "squared_error", n_estimators = 30, max_features = 1.0 })
      local rest = x:slice(1, N // 2 + 1, N)
      -- fitted on the first half either way: alike on the second, better on the first
      local gap = (m:predict(rest) - alone:predict(rest)):abs():mean()
      assert.is_true(gap < 0.06, gap)
    end
    local m = forest.fit(x, score, { criterion = "squared_error", n_estimators = 1,
      bootstrap_weights = chosen, oob_score = true })
    assert.is_true(m.oob_prediction:slice(1, N // 2 + 1, N):eq(m.oob_prediction
      :slice(1, N // 2 + 1, N)):all())
    -- one block of all rows holds each once: a tree without drawing
    local o = { criterion = "squared_error", n_estimators = 1, max_features = 1.0 }
    local block = forest.fit(x, score, with(o, { block_length = N }))
    assert.is_true(block:predict(x):eq(forest.fit(x, score, with(o, { bootstrap = false }))
      :predict(x)):all())
  end)

  it("weighs classes", function()
    local y = tensor.arange(1, N):le(24):to "i64"
    local noise = tensor.randn { N, 2, seed = 4 }
    local function share(o)
      local m = forest.fit(noise, y, with({ n_estimators = 100, max_depth = 2, seed = 1 }, o))
      return m:predict_proba(noise)[{ {}, 2 }]:mean()
    end
    local none = share {}
    assert.near(0.1, none, 0.03)
    for _, weight in ipairs { "balanced", "balanced_subsample", { [0] = 1, [1] = 9 } } do
      assert.near(0.5, share { class_weight = weight }, 0.1)
    end
  end)

  it("learns the side of missing values, takes infinities, skips constant columns", function()
    local v, y = {}, {}
    for i = 1, 90 do
      v[i] = { i % 3 == 0 and nan or i % 3 == 1 and math.huge or -math.huge, 5, nan }
      y[i] = i % 3
    end
    local m = forest.fit(tensor.of(v), tensor.of(y), { n_estimators = 20, max_features = 3 })
    assert.same({ 0, 1, 2 }, m:predict(tensor.of { { nan, 5, nan }, { math.huge, 5, nan },
      { -math.huge, 5, 7 } }):totable())
    local flat = forest.fit(tensor.ones { 30, 2 }, tensor.arange(1, 30), {
      criterion = "squared_error", n_estimators = 3, bootstrap = false })
    assert.near(15.5, flat:predict(tensor.ones { 1, 2 })[1], 1e-12)
    local single = forest.fit(tensor.ones { 1, 1 }, tensor.of { 3.5 },
      { criterion = "squared_error", n_estimators = 2 })
    assert.equal(3.5, single:predict(tensor.of { { nan } })[1])
    assert.same({ 0, 2 }, m:predict_proba(tensor.zeros { 0, 3 }):size(1) == 0 and { 0, 2 })
  end)

  it("does not care for the unit of numbers", function()
    -- powers of two, so that not a bit may differ
    local o = { criterion = "squared_error", n_estimators = 10, seed = 5 }
    local want = forest.fit(x, score, o):predict(x)
    for _, unit in ipairs { 2.0 ^ -60, 2.0 ^ 60 } do
      assert.is_true((forest.fit(x, score * unit, o):predict(x) / unit):eq(want):all())
      local p = forest.fit(x * unit, score, o):predict(x * unit)
      assert.is_true(p:eq(want):all())
    end
  end)

  it("keeps limits", function()
    local o = { n_estimators = 5, seed = 1 }
    local function leaves(more) return select(3, forest.fit(x, two, with(o, more)).core:sizes()) end
    assert.is_true(leaves { max_depth = 2 } <= 20 and leaves { max_depth = 1 } <= 10)
    assert.is_true(leaves { min_samples_leaf = 20 } < leaves { min_samples_leaf = 5 })
    assert.is_true(leaves { min_samples_split = 60 } < leaves {})
    assert.equal(5, leaves { min_impurity_decrease = 1.0 })
  end)

  it("stops when the watcher says so, and tells of every portion", function()
    local seen = {}
    local m = forest.fit(x, two, { n_estimators = 200, progress = function(t)
      seen[#seen + 1] = t.trees
      return t.trees < 12
    end })
    assert.same({ 4, 8, 12 }, seen)
    assert.equal(12, m.n_estimators)
  end)

  it("takes f32, strided and transposed matrices alike", function()
    local m = forest.fit(x, two, { n_estimators = 7 })
    local t = x:transpose(1, 2):clone():transpose(1, 2)
    local u = forest.fit(t, two, { n_estimators = 7 })
    assert.is_true(m:predict_proba(t):eq(u:predict_proba(x)):all())
    local narrow = x:to "f32"
    local n = forest.fit(narrow, two, { n_estimators = 7 })
    assert.is_true(n:predict_proba(narrow):eq(n:predict_proba(narrow:to "f64")):all())
  end)

  it("takes datasets and frames", function()
    local D = { x = x, y = two, names = { "a", "b", "c", "d", "e" }, weights = w }
    local m = forest.fit(D, { n_estimators = 5 })
    assert.same(D.names, m.feature_names)
    local by_hand = forest.fit(x, two, { n_estimators = 5, weights = w })
    assert.is_true(m:predict_proba(D):eq(by_hand:predict_proba(x)):all())
    local frame = require "neap.frame"
    local columns = {}
    for i = 5, 1, -1 do columns[#columns + 1] = { D.names[i], x[{ {}, i }]:clone() } end
    assert.is_true(m:predict(frame.new(columns)):eq(m:predict(x)):all())
    assert.matches("feature 1 is 'b', the model was fitted on 'a'", support.message(m.predict, m,
      { x = x, names = { "b", "a", "c", "d", "e" } }))
  end)

  it("measures how near rows are", function()
    local m = forest.fit(x, two, { n_estimators = 25 })
    local leaves = m:predict_leaf(x):totable()
    local p = m:proximity(x, x:slice(1, 1, 20))
    assert.same({ N, 20 }, p.shape)
    for i = 1, N, 17 do
      for j = 1, 20 do
        local same = 0
        for t = 1, 25 do same = same + (leaves[i][t] == leaves[j][t] and 1 or 0) end
        assert.near(same / 25, p:get(i, j), 1e-15)
      end
    end
  end)
end)

describe("files of forests", function()
  local path

  before_each(function() path = support.temporary ".safetensors" end)
  after_each(function() os.remove(path) end)

  it("give back the same predictions", function()
    local holed = x:clone()
    for i = 1, N, 5 do holed:set(i, 1 + i % 5, nan) end
    for _, case in ipairs { { three }, { two }, { score, { criterion = "squared_error" } } } do
      local m = forest.fit(holed, case[1], with({ n_estimators = 11,
        feature_names = { "a", "b", "c", "d", "e" } }, case[2]))
      m:save(path)
      local again = forest.load(path)
      local other = tensor.randn { 500, F, seed = 3 }
      assert.is_true(again:predict(other):eq(m:predict(other)):all())
      assert.is_true(again:predict_leaf(holed):eq(m:predict_leaf(holed)):all())
      assert.same(m.classes, again.classes)
      assert.same(m.feature_names, again.feature_names)
      assert.same(m:importance(), again:importance())
      assert.equal(tostring(m), tostring(again))
      local first = file.read(path)
      again:save(path)
      assert.equal(first, file.read(path))
    end
  end)

  it("that are damaged are refused", function()
    local m = forest.fit(x, three, { n_estimators = 3 })
    local function refused(pattern, change, metadata)
      local arrays = m.core:arrays()
      change(arrays)
      tensor.save(path, arrays, { metadata = metadata or { format = "neap forest 1",
        criterion = "gini", feature_names = '["a","b","c","d","e"]' } })
      local text = support.message(forest.load, path)
      assert.is_truthy(text:find(pattern, 1, true), text)
    end
    local function set(name, i, v) return function(a) a[name]:set(i, v) end end
    refused("has no array 'left' of i32", function(a) a.left = nil end)
    refused("has no array 'value' of f64", function(a) a.value = a.value:to "f32" end)
    refused("array 'threshold' has", function(a)
      a.threshold = a.threshold:slice(1, 1, 5):clone()
    end)
    refused("array 'value' has a wrong shape", function(a) a.value = a.value[{ {}, 1 }]:clone() end)
    refused("an impossible child in tree 1", set("left", 1, 0))
    refused("an impossible child in tree 1", set("left", 1, 100000))
    refused("an impossible leaf in tree 3", set("left", -1, 0))
    refused("node 1 cuts feature 9", set("feature", 1, 8))
    refused("node 1 cuts feature", set("threshold", 1, nan))
    refused("a leaf of an unknown class", set("leaf_class", 1, 3))
    refused("rows of values, expected", function(a)
      a.value = tensor.ones { 1 + a.value:size(1), 3 }
    end)
    refused("a wrong number of nodes in tree 2", set("tree_nodes", 2, 4))
    refused("leaves, expected", function(a) a.leaf_class = a.leaf_class:slice(1, 1, 3):clone() end)
    refused("the labels do not rise", set("labels", 1, 5))
    refused("is not finite", function(a)
      a.value = tensor.ones { 1, 3 }
      a.leaf_class:set(1, -1)
      a.value:set(1, 1, nan)
    end)
    refused("importance of feature 2", set("importance", 2, nan))
    refused("holds no forest", function() end, { format = "neap forest 2" })
    refused("has no name for each feature", function() end, { format = "neap forest 1",
      criterion = "gini", feature_names = '["a"]' })
    refused("criterion 'squared_error' for 3 classes", function() end, { format = "neap forest 1",
      criterion = "squared_error", feature_names = '["a","b","c","d","e"]' })
    m:save(path)
    local whole = file.read(path)
    for size = 0, #whole - 1, #whole // 50 do
      file.write(path, whole:sub(1, size))
      assert.is_false(pcall(forest.load, path))
    end
    assert.matches("does not end in .safetensors", support.message(m.save, m, "/tmp/m.txt"))
  end)

  it("with any byte changed load or are refused", function()
    local m = forest.fit(x, three, { n_estimators = 2, max_depth = 3 })
    m:save(path)
    local whole, r = file.read(path), base.rng(5)
    for _ = 1, 300 do
      local at = 1 + math.floor(r:uniform() * #whole)
      local byte = string.char(math.floor(r:uniform() * 256))
      file.write(path, whole:sub(1, at - 1) .. byte .. whole:sub(at + 1))
      local ok, again = pcall(forest.load, path)
      if ok then assert.equal(N, #again:predict(x)) end
    end
  end)
end)

describe("forest.fit refuses", function()
  local function refused(want, y, o, data)
    local text = support.message(forest.fit, data or x, y, o)
    assert.is_truthy(text:find(want, 1, true), text)
  end

  it("names of scikit-learn that it lacks, saying what there is", function()
    refused("forest.fit: there is no option 'n_jobs': forests have the same bits", two,
      { n_jobs = -1 })
    local m = forest.fit(x, two, { n_estimators = 2 })
    assert.truthy(support.message(function() return m.feature_importances_ end):find(
      "forest: there is no field or method 'feature_importances_'; write m:importance()", 1, true))
    assert.is_nil(m.oob_score)
  end)

  it("labels and weights that make no sense", function()
    refused("forest.fit: all 240 labels are 0, two classes are needed", two * 0)
    refused("forest.fit: label 1 is 0.5, classes are integers; criterion 'squared_error' fits "
      .. "numbers", two * 0 + 0.5)
    local holed = two:clone()
    holed:set(3, nan)
    refused("forest.fit: label 3 is nan", holed)
    refused("forest.fit: label 3 is nan", holed, { criterion = "squared_error" })
    refused("forest.fit: y has 239 elements, but x has 240 rows", two:slice(1, 1, 239))
    refused("forest.fit: weights has 3 elements, but x has 240 rows", two,
      { weights = tensor.ones { 3 } })
    refused("forest.fit: weight 1 is -1, allowed are 0 to 1e30", two, { weights = w * 0 - 1 })
    refused("forest.fit: all 240 weights are 0", two, { weights = w * 0 })
    refused("forest.fit: all 240 bootstrap weights are 0", two, { bootstrap_weights = w * 0 })
    refused("forest.fit: bootstrap weight 1 is nan", two, { bootstrap_weights = w * nan })
    refused("forest.fit: x has 0 rows and 5 columns", tensor.zeros { 0 }, nil,
      tensor.zeros { 0, 5 })
    refused("forest.fit: x must be rows by features, got 1 dimensions", two, nil, two)
    refused("more than 1000 classes", tensor.arange(1, 1200), nil, tensor.randn { 1200, 1 })
  end)

  it("options that are unknown or contradict each other", function()
    refused("forest.fit: unknown option 'n_estimator' (did you mean 'n_estimators'?)", two,
      { n_estimator = 3 })
    refused("forest.fit: options 'n_estimators' and 'num_iterations' mean the same", two,
      { num_iterations = 3, n_estimators = 3 })
    refused("forest.fit: unknown criterion 'ginni' (did you mean 'gini'?)", two,
      { criterion = "ginni" })
    refused("forest.fit: n_estimators is 0, allowed are 1 to 1000000", two, { n_estimators = 0 })
    refused("forest.fit: n_estimators must be an integer, got 2.5", two, { n_estimators = 2.5 })
    refused("forest.fit: max_bin is 256, allowed are 2 to 255", two, { max_bin = 256 })
    refused("forest.fit: min_samples_split is 1, allowed are 2 to", two, { min_samples_split = 1 })
    refused("forest.fit: min_samples_leaf is 0, allowed are 1 to", two, { min_samples_leaf = 0 })
    refused("forest.fit: min_impurity_decrease is nan", two, { min_impurity_decrease = nan })
    refused("forest.fit: max_features is 6, allowed are 1 to 5, or a share such as 0.5", two,
      { max_features = 6 })
    refused("forest.fit: max_features is 1.5, a share is above 0 and at most 1.0", two,
      { max_features = 1.5 })
    refused("forest.fit: max_features is all, expected a number, 'log2', 'sqrt'", two,
      { max_features = "all" })
    refused("forest.fit: max_samples is 241, allowed are 1 to 240", two, { max_samples = 241 })
    refused("forest.fit: max_samples needs bootstrap = true", two,
      { max_samples = 0.5, bootstrap = false })
    refused("forest.fit: oob_score needs bootstrap = true", two,
      { oob_score = true, bootstrap = false })
    refused("forest.fit: bootstrap must be true or false, got number", two, { bootstrap = 1 })
    refused("forest.fit: class_weight names class 7, which no label has", two,
      { class_weight = { [7] = 2 } })
    refused("forest.fit: class_weight is even, expected 'balanced'", two, { class_weight = "even" })
    refused("forest.fit: class_weight with criterion 'squared_error'", score,
      { class_weight = "balanced", criterion = "squared_error" })
    refused("forest.fit: 2 feature names for 5 features", two, { feature_names = { "a", "b" } })
    refused("forest.fit: feature_names must be a table, got number", two, { feature_names = 5 })
    refused("forest.fit: feature name 2 is a boolean", two,
      { feature_names = { "a", true, "c", "d", "e" } })
    refused("forest.fit: options must be a table, got number", two, 3)
  end)

  it("matrices of another width at prediction", function()
    local m = forest.fit(x, two, { n_estimators = 2 })
    assert.matches("forest.predict: x has 4 columns, the model was fitted on 5",
      support.message(m.predict, m, x[{ {}, { 1, 4 } }]))
    local r = forest.fit(x, score, { n_estimators = 2, criterion = "squared_error" })
    assert.matches("a regression has no probabilities", support.message(r.predict_proba, r, x))
    assert.matches("unknown kind 'split'", support.message(m.importance, m, "split"))
  end)
end)
