local base = require "neap.c.base"
local file = require "neap.file"
local golden = require "tests.golden.forest"
local isolation = require "neap.isolation"
local metrics = require "neap.metrics"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan = 0 / 0

-- As in tests/golden/forest.py: 240 rows in a square, 20 strewn around it.
local function strewn()
  local u, v, rows, odd = support.numbers(240 * 5, 1), support.numbers(40, 9), {}, {}
  for i = 1, 240 do rows[i], odd[i] = { u[(i - 1) * 5 + 1], u[(i - 1) * 5 + 2] }, 0 end
  for i = 1, 20 do
    rows[240 + i], odd[240 + i] = { v[2 * i - 1] * 3 - 1, v[2 * i] * 3 - 1 }, 1
  end
  return tensor.of(rows), tensor.of(odd)
end

-- Normal deviates with holes and infinities.
local function holed(n, f, seed)
  local r, rows = base.rng(seed), {}
  for i = 1, n do
    rows[i] = {}
    for j = 1, f do
      local u = r:uniform()
      rows[i][j] = u < 0.1 and nan or u < 0.12 and math.huge or u < 0.14 and -math.huge
        or r:normal()
    end
  end
  return rows
end

-- c(n) of the paper with harmonic numbers.
local function search_depth(n)
  local h = 0
  for i = 1, n - 1 do h = h + 1 / i end
  return n < 2 and 0 or 2 * h - 2 * (n - 1) / n
end

-- The nodes of each tree, in plain tables.
local function trees_of(m)
  local a, out, at = {}, {}, 0
  local arrays = m.core:arrays()
  for name, v in pairs(arrays) do a[name] = v:totable() end
  for t, n in ipairs(a.tree_nodes) do
    out[t] = {}
    for i = 1, n do
      at = at + 1
      local node = {}
      for name, v in pairs(a) do node[name] = v[at] end
      out[t][i] = node
    end
  end
  return out
end

-- The leaf that a row reaches, and how many cuts that takes.
local function leaf_of(tree, row)
  local node, depth = tree[1], 0
  while node.left ~= 0 do
    local left
    if type(node.feature) == "table" then
      local sum = 0
      for k, f in ipairs(node.feature) do
        local v = row[f + 1]
        if v == v then sum = sum + node.normal[k] * (v - node.centre[k]) end
      end
      left = sum <= 0
    else
      local v = row[node.feature + 1]
      left = v <= node.threshold or v ~= v and node.missing_left
    end
    node, depth = tree[node.left + (left and 1 or 2)], depth + 1
  end
  return node, depth
end

local forms = { axis = {}, plane = { extended = true },
  sparse = { extended = true, extension_level = 1 } }

local function with(o, more)
  local out = {}
  for k, v in pairs(o) do out[k] = v end
  for k, v in pairs(more or {}) do out[k] = v end
  return out
end

describe("isolation forest", function()
  it("scores as its trees say", function()
    local rows = holed(150, 3, 5)
    for name, form in pairs(forms) do
      local m = isolation.fit(tensor.of(rows), with(form, { n_estimators = 20, max_samples = 64 }))
      local trees, other = trees_of(m), holed(100, 3, 6)
      local got = m:score(tensor.of(other)):totable()
      for i, row in ipairs(other) do
        local sum = 0
        for _, tree in ipairs(trees) do sum = sum + leaf_of(tree, row).height end
        assert.near(2 ^ (-sum / 20 / search_depth(64)), got[i], 1e-13, name)
        assert.equal(got[i], m:score_row(tensor.of(row)))
      end
    end
  end)

  it("counts in leaves the rows they were made of", function()
    local rows = holed(90, 4, 8)
    for name, form in pairs(forms) do
      local m = isolation.fit(tensor.of(rows), with(form, { n_estimators = 5, max_samples = 90 }))
      for _, tree in ipairs(trees_of(m)) do
        local counts, depths, alone = {}, {}, 0
        for _, row in ipairs(rows) do
          local leaf, depth = leaf_of(tree, row)
          counts[leaf], depths[leaf] = (counts[leaf] or 0) + 1, depth
        end
        for leaf, n in pairs(counts) do
          assert.is_true(depths[leaf] <= 7) -- log2 of 90, upwards
          assert.near(depths[leaf] + search_depth(n), leaf.height, 1e-12, name)
          alone = alone + (n == 1 and 1 or 0)
        end
        assert.is_true(alone > 10)
      end
    end
  end)

  it("cuts between the values of a node, and looks at all columns alike", function()
    local x = tensor.rand { 500, 4, seed = 2 } * tensor.of { 1, 10, 100, 1e-6 }
    local m = isolation.fit(x, { n_estimators = 200 })
    local used, roots = { 0, 0, 0, 0 }, 0
    for _, tree in ipairs(trees_of(m)) do
      for _, node in ipairs(tree) do
        if node.left ~= 0 then
          used[node.feature + 1] = used[node.feature + 1] + 1
          roots = roots + 1
          local top = ({ 1, 10, 100, 1e-6 })[node.feature + 1]
          assert.is_true(node.threshold >= 0 and node.threshold < top)
        end
      end
    end
    for f = 1, 4 do assert.near(0.25, used[f] / roots, 0.02) end
  end)

  it("finds what lies outside, as well as scikit-learn does", function()
    local x, odd = strewn()
    local sum = 0
    for seed = 1, 5 do
      sum = sum + metrics.auc(odd, isolation.fit(x, { seed = seed }):score(x))
    end
    local mean, sd = table.unpack(golden.levels.isolation)
    -- two means of five seeds each, which differ by sd * sqrt(2 / 5) or so
    assert.is_true(math.abs(sum / 5 - mean) < 5 * sd * math.sqrt(2 / 5), sum / 5)
    for _, form in pairs(forms) do
      if form.extended then
        assert.is_true(metrics.auc(odd, isolation.fit(x, form):score(x)) > 0.85)
      end
    end
  end)

  it("leaves no traces along the axes when extended", function()
    -- Two clumps on a diagonal: cuts along the axes see ghosts at the other two corners.
    local x = tensor.randn { 600, 2, seed = 4 } * 0.5
    x:slice(1, 1, 300):add_(4)
    x:slice(1, 301, 600):add_(-4)
    local ghosts = tensor.of { { 4, -4 }, { -4, 4 } }
    local axis = isolation.fit(x, { seed = 1 })
    local plane = isolation.fit(x, { seed = 1, extended = true })
    local function excess(m) return m:score(ghosts):min() - m:score(x):mean() end
    assert.is_true(excess(plane) > excess(axis) + 0.03)
  end)

  it("puts a share of the rows outside", function()
    local x = tensor.randn { 400, 3, seed = 1 }
    local m = isolation.fit(x, { contamination = 0.05 })
    assert.equal(20, m:predict(x):eq(-1):sum())
    assert.equal("i64", m:predict(x).dtype)
    assert.is_true(m:predict(x):eq(-1):eq(m:score(x):gt(m.threshold)):all())
    assert.equal(0.5, isolation.fit(x).threshold)
  end)

  it("takes f32, strided and transposed matrices alike, and rows of any number", function()
    local x = tensor.randn { 300, 3, seed = 3 }
    local m = isolation.fit(x)
    local t = x:transpose(1, 2):clone():transpose(1, 2)
    assert.is_true(isolation.fit(t):score(t):eq(m:score(x)):all())
    local narrow = x:to "f32"
    local n = isolation.fit(narrow)
    assert.is_true(n:score(narrow):eq(n:score(narrow:to "f64")):all())
    assert.same({ 0 }, m:score(tensor.zeros { 0, 3 }).shape)
    local many = tensor.randn { 9001, 3, seed = 4 }
    local all = m:score(many)
    for _, i in ipairs { 1, 256, 257, 4096, 4097, 9001 } do
      assert.equal(all[i], m:score_row(many[i]))
    end
  end)

  it("has the same bits at any number of threads", function()
    local x = tensor.of(holed(700, 4, 1))
    for _, form in pairs(forms) do
      local want
      for threads = 1, 4 do
        neap.set_threads(threads)
        local m = isolation.fit(x, with(form, { n_estimators = 13, seed = 9 }))
        local bits = table.concat(m:score(x):totable(), " ")
        want = want or bits
        assert.equal(want, bits)
      end
      neap.set_threads(2)
    end
    local a, b = isolation.fit(x, { seed = 1 }), isolation.fit(x, { seed = 2 })
    assert.is_false(a:score(x):eq(b:score(x)):all())
  end)

  it("takes what has nothing to cut", function()
    local flat = isolation.fit(tensor.ones { 50, 2 })
    assert.near(0.5, flat:score(tensor.of { { 1, 1 } })[1], 1e-12)
    local empty = isolation.fit(tensor.full { 50, 2, value = nan })
    assert.near(0.5, empty:score_row(tensor.of { 3, nan }), 1e-12)
    for _, form in pairs(forms) do
      local ends = tensor.of { { math.huge, 1 }, { -math.huge, 1 }, { math.huge, nan } }
      local s = isolation.fit(ends, with(form, { n_estimators = 50 })):score(ends)
      assert.is_true(s:gt(0):all() and s:lt(1):all())
    end
    local far = tensor.zeros { 60, 1 }
    for i = 1, 60 do far:set(i, 1, i / 60) end
    far:set(60, 1, math.huge)
    local s = isolation.fit(far):score(far)
    assert.equal(60, (s:argmax()))
  end)

  it("takes datasets and frames", function()
    local x = tensor.randn { 100, 2, seed = 5 }
    local D = { x = x, y = x[{ {}, 1 }], names = { "a", "b" } }
    local m = isolation.fit(D)
    assert.same({ "a", "b" }, m.feature_names)
    local frame = require "neap.frame"
    local f = frame.new { { "b", x[{ {}, 2 }]:clone() }, { "a", x[{ {}, 1 }]:clone() } }
    assert.is_true(m:score(f):eq(m:score(x)):all())
    assert.matches("feature 1 is 'b', the model was fitted on 'a'",
      support.message(m.score, m, { x = x, names = { "b", "a" } }))
    assert.same({ "b", "a" }, isolation.fit(f).feature_names)
  end)

  it("refuses what makes no sense", function()
    local x = tensor.randn { 50, 3, seed = 1 }
    local function refused(want, o, data)
      local text = support.message(isolation.fit, data or x, o)
      assert.is_truthy(text:find("isolation.fit: " .. want, 1, true), text)
    end
    refused("x has 1 rows and 3 columns, 2 rows and a column are needed", nil, x:slice(1, 1, 1))
    refused("x must be rows by features, got 1 dimensions", nil, x[1])
    refused("unknown option 'max_sample' (did you mean 'max_samples'?)", { max_sample = 3 })
    refused("options 'n_estimators' and 'num_trees' mean the same",
      { num_trees = 3, n_estimators = 3 })
    refused("n_estimators is 0, allowed are 1 to 1000000", { n_estimators = 0 })
    refused("n_estimators must be an integer, got 1.5", { n_estimators = 1.5 })
    refused("max_samples is 51, allowed are 2 to 50", { max_samples = 51 })
    refused("max_samples is 1.5, expected a number of them or a share", { max_samples = 1.5 })
    refused("max_features is 4, allowed are 1 to 3", { max_features = 4 })
    refused("contamination is 0.6, expected 'auto' or a share above 0 and at most 0.5",
      { contamination = 0.6 })
    refused("extended must be true or false, got number", { extended = 1 })
    refused("extension_level needs extended = true", { extension_level = 1 })
    refused("extension_level is 3, allowed are -1 to 2", { extended = true, extension_level = 3 })
    refused("2 feature names for 3 features", { feature_names = { "a", "b" } })
    refused("feature_names must be a table, got string", { feature_names = "abc" })
    refused("feature name 3 is a number", { feature_names = { "a", "b", 3 } })
    refused("options must be a table, got number", 3)
    local m = isolation.fit(x)
    assert.matches("isolation.score: x has 2 columns, the model was fitted on 3",
      support.message(m.score, m, x[{ {}, { 1, 2 } }]))
    assert.matches("isolation.score_row: x has 2 features, the model was fitted on 3",
      support.message(m.score_row, m, tensor.ones { 2 }))
  end)
end)

describe("files of isolation forests", function()
  local path

  before_each(function() path = support.temporary ".safetensors" end)
  after_each(function() os.remove(path) end)

  it("give back the same scores", function()
    local x = tensor.of(holed(200, 3, 4))
    for _, form in pairs(forms) do
      local m = isolation.fit(x, with(form, { n_estimators = 7, contamination = 0.1,
        feature_names = { "a", "b", "c" } }))
      m:save(path)
      local again = isolation.load(path)
      assert.is_true(again:score(x):eq(m:score(x)):all())
      assert.is_true(again:predict(x):eq(m:predict(x)):all())
      assert.same(m.feature_names, again.feature_names)
      assert.equal(m.extension_level, again.extension_level)
      assert.equal(0.1, again.contamination)
      assert.equal(tostring(m), tostring(again))
      local first = file.read(path)
      again:save(path)
      assert.equal(first, file.read(path))
    end
    local m = isolation.fit(x)
    assert.matches("does not end in .safetensors", support.message(m.save, m, "/tmp/m.npz"))
  end)

  it("that are damaged are refused", function()
    local x = tensor.of(holed(60, 2, 4))
    local names = { format = "neap isolation 1", feature_names = '["a","b"]' }
    local function refused(want, form, change, metadata)
      local m = isolation.fit(x, with(forms[form], { n_estimators = 3 }))
      m:save(path)
      local arrays = tensor.load(path)
      change(arrays)
      tensor.save(path, arrays, { metadata = metadata or names })
      local text = support.message(isolation.load, path)
      assert.is_truthy(text:find(want, 1, true), text)
    end
    local function set(name, ...)
      local at = { ... }
      return function(a) a[name]:set(table.unpack(at)) end
    end
    refused("has no array 'threshold' of f64", "axis", function(a) a.threshold = nil end)
    refused("has no array 'normal' of f64", "plane", function(a) a.normal = nil end)
    refused("has no array 'sizes' of 3 i64", "axis", function(a) a.sizes = a.sizes:to "f64" end)
    refused("an impossible child in tree 1", "axis", set("left", 1, 100000))
    refused("an impossible child in tree 1", "axis", set("left", 1, -1))
    refused("a node without parent in tree 1", "axis", set("left", 1, 0))
    refused("an unknown feature in tree 1", "axis", set("feature", 1, 2))
    refused("an unknown feature in tree 1", "plane", set("feature", 1, 1, -1))
    refused("a threshold that is not finite in tree 1", "axis", set("threshold", 1, nan))
    refused("a plane that is not finite in tree 1", "plane", set("centre", 1, 2, nan))
    refused("an impossible height in tree 3", "axis", set("height", -1, nan))
    refused("a wrong number of nodes in tree 2", "axis", set("tree_nodes", 2, 0))
    refused("nodes, expected", "axis", function(a)
      a.tree_nodes = a.tree_nodes:slice(1, 1, 2):clone()
    end)
    refused("array 'height' has", "axis", function(a)
      a.height = a.height:slice(1, 1, 4):clone()
    end)
    refused("array 'normal' has a wrong shape", "plane", function(a)
      a.normal = a.normal[{ {}, 1 }]:clone()
    end)
    refused("3 trees, 0 columns", "axis", set("sizes", 1, 0))
    refused("threshold_score is ", "axis", set("threshold_score", 1, nan))
    refused("has no name for each feature", "axis", function() end,
      { format = "neap isolation 1", feature_names = '["a"]' })
    refused("holds no isolation forest", "axis", function() end, { format = "neap forest 1" })
  end)

  it("cut short or with any byte changed load or are refused", function()
    local x, r = tensor.of(holed(40, 2, 4)), base.rng(5)
    for _, form in pairs(forms) do
      isolation.fit(x, with(form, { n_estimators = 2, max_samples = 8 })):save(path)
      local whole = file.read(path)
      for size = 0, #whole - 1, 1 + #whole // 50 do
        file.write(path, whole:sub(1, size))
        assert.is_false(pcall(isolation.load, path))
      end
      for _ = 1, 150 do
        local at = 1 + math.floor(r:uniform() * #whole)
        local byte = string.char(math.floor(r:uniform() * 256))
        file.write(path, whole:sub(1, at - 1) .. byte .. whole:sub(at + 1))
        local ok, again = pcall(isolation.load, path)
        if ok then assert.equal(40, #again:score(x)) end
      end
    end
  end)
end)
