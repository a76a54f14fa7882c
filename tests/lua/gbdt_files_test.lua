local base = require "neap.c.base"
local file = require "neap.file"
local gbdt = require "neap.gbdt"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local function fitted(o)
  local r, rows, y = base.rng(5), {}, {}
  for i = 1, 400 do
    rows[i] = { r:normal(), r:uniform() < 0.1 and 0 / 0 or r:normal(), r:normal() }
    y[i] = rows[i][1] + 0.3 * r:normal() > 0.4 and 7 or -2
  end
  local given = { objective = "binary", num_iterations = 4, num_leaves = 7 }
  for name, v in pairs(o or {}) do given[name] = v end
  local x = tensor.of(rows)
  return gbdt.fit(x, tensor.of(y), given), x
end

local function same(a, b) support.same(a:totable(), b) end

-- The text without the line by which neap finds changes.
local function unsigned(text) return (text:gsub("%[neap_checksum: %x+%]\n", "")) end

local function rows_of(t)
  t = t:totable()
  for i, v in ipairs(t) do t[i] = type(v) == "table" and v or { v } end
  return t
end

-- Margins of XGBoost against raw scores of m, times factor: the largest distance in units in the
-- last place of a float as large as the largest of the row's sums over the first trees, since
-- XGBoost adds floats.
local function margin_distance(want, m, x, factor)
  local largest, worst = {}, 0
  local got
  for n = 1, m.core:iterations() do
    got = rows_of(m:predict_raw(x, { num_iteration = n }) * (factor or 1))
    for i, row in ipairs(got) do
      largest[i] = largest[i] or {}
      for k, v in ipairs(row) do largest[i][k] = math.max(largest[i][k] or 0, math.abs(v)) end
    end
  end
  assert.equal(#want, #got)
  for i, row in ipairs(want) do
    assert.equal(#row, #got[i])
    for k, w in ipairs(row) do
      local unit = 2.0 ^ (math.floor(math.log(largest[i][k], 2)) - 23)
      worst = math.max(worst, math.abs(w - got[i][k]) / unit)
    end
  end
  return worst
end

describe("LightGBM's text", function()
  local names = { "binary_nan_cat", "binary_zero_missing", "multiclass", "regression_linear_tree",
    "regression_quantile", "dart_bagging", "random_forest", "monotone", "huber_depth4", "ova" }

  for _, name in ipairs(names) do
    it("comes out of a model read as it went in, byte by byte: " .. name, function()
      local path = support.data("reference/lightgbm/" .. name .. ".model.txt.gz")
      if not path then return pending "data folder absent" end
      local text = file.read(path)
      local again = gbdt.parse(text):text()
      assert.is_true(unsigned(again) == text)
      assert.is_true(gbdt.parse(again):text() == again)
    end)
  end

  it("may have lines that end in \\r\\n, and no tree_sizes", function()
    local m, x = fitted()
    local text = m:text()
    local returns = text:gsub("\n", "\r\n")
    local sizeless = unsigned(text):gsub("tree_sizes=[^\n]*\n", "")
    local both = sizeless:gsub("\n", "\r\n")
    for _, changed in ipairs { returns, sizeless, both } do
      local again = gbdt.parse(changed)
      same(m:predict_raw(x), again:predict_raw(x))
      assert.same({ -2, 7 }, again.classes)
      assert.equal(text, again:text())
    end
  end)

  it("of versions 2 and 3 lacks what came later", function()
    local m, x = fitted()
    local text = unsigned(m:text())
    for _, version in ipairs { "v2", "v3" } do
      local old = text:gsub("version=v4", "version=" .. version):gsub("tree_sizes=[^\n]*\n", "")
        :gsub("is_linear=0\n", ""):gsub("leaf_weight=[^\n]*\n", "")
        :gsub("internal_weight=[^\n]*\n", "")
      same(m:predict_raw(x), gbdt.parse(old):predict_raw(x))
    end
  end)

  it("keeps categories, constraints and pandas' levels as they were", function()
    local text = unsigned(fitted():text())
    local infos = "feature_infos=-1:0:5:12 none [-1.5:2]"
    text = text:gsub("feature_infos=[^\n]*", "monotone_constraints=-1 0 1\n" .. infos)
      .. "\npandas_categorical:[[\"a\", \"b\"], [1, 2]]\n"
    assert.equal(text, unsigned(gbdt.parse(text):text()))
    local broken = text:gsub("monotone_constraints=%-1", "monotone_constraints=2")
    assert.is_truthy(support.message(gbdt.parse, broken):find(
      "line 9: monotone_constraints: 2 is outside -1 to 1", 1, true))
  end)

  it("sends NaN of a category to the right, whatever its default side", function()
    local path = support.data "reference/lightgbm/binary_nan_cat.model.txt.gz"
    if not path then return pending "data folder absent" end
    local text = file.read(path)
    local changed = text:gsub("decision_type=[^\n]*", function(line)
      return (line:gsub("%f[%d]9%f[^%d]", "11"))
    end):gsub("tree_sizes=[^\n]*\n", "")
    assert.not_equal(text, changed)
    assert.equal(unsigned(gbdt.parse(text):text()), unsigned(gbdt.parse(changed):text()))
  end)

  it("that was changed in any one byte is refused, or means the same", function()
    local m = fitted { num_iterations = 2 }
    local text = m:text()
    local r, caught = base.rng(9), 0
    for _ = 1, 400 do
      local at = r:integer(1, #text)
      local byte = r:integer(32, 126)
      local changed = text:sub(1, at - 1) .. string.char(byte) .. text:sub(at + 1)
      -- Without its own line a text is no longer vouched for.
      local line = text:find("[neap_checksum", 1, true)
      local own = at >= line - 1 and at <= line + #"[neap_checksum: 0123456789abcdef]"
      if changed ~= text and not own then
        local message = support.message(gbdt.parse, changed)
        if message:find("another checksum", 1, true) then caught = caught + 1 end
      end
    end
    assert.is_true(caught > 100)
    local digit = text:gsub("(leaf_value=%-?0%.%d)(%d)", function(before, d)
      return before .. (d + 1) % 10
    end, 1)
    assert.is_truthy(support.message(gbdt.parse, digit):find(
      "line %d+: the text has another checksum than neap gave it: it was changed since"))
  end)
end)

describe("XGBoost's JSON", function()
  local golden = dofile "tests/golden/xgboost.lua"
  local x = tensor.of(golden.rows)
  local function path_of(name) return "tests/golden/xgboost/" .. name .. ".json.gz" end
  local function json_of(name) return file.read(path_of(name)) end

  local names = {}
  for name in pairs(golden) do if name ~= "rows" then names[#names + 1] = name end end
  table.sort(names)

  for _, name in ipairs(names) do
    it("that it wrote predicts the same, again when written here: " .. name, function()
      local m = gbdt.load(path_of(name))
      assert.is_true(margin_distance(golden[name], m, x) <= 4)
      local again = gbdt.parse(m:json())
      assert.is_true(margin_distance(golden[name], again, x) <= 4)
      -- Leaves are floats again, unless weights of DART or an intercept of another link are in
      -- them.
      if not (name:find "dart" or name == "logitraw" or name == "hinge") then
        same(m:predict_raw(x), again:predict_raw(x))
      end
      assert.equal(m.objective, again.objective)
      assert.same(m.classes, again.classes)
      assert.same(m.feature_names, again.feature_names)
      assert.equal(m.best_iteration, again.best_iteration)
    end)
  end

  it("is read as to objective, names and best iteration", function()
    local m = gbdt.load(path_of "logistic")
    assert.equal("binary", m.objective)
    assert.same({ 0, 1 }, m.classes)
    assert.same({ "open", "close_price", "\u{fc}ber", 'q"uote', "e" }, m.feature_names)
    assert.equal(6, m.best_iteration)
    local p, raw = m:predict_proba(x), m:predict_raw(x)
    assert.is_true((p[{ {}, 2 }] - raw:sigmoid()):abs():max() < 1e-15)
    assert.equal("multiclass", gbdt.load(path_of "forest").objective)
    assert.equal(6, gbdt.load(path_of "forest").best_iteration)
    assert.equal("huber", gbdt.load(path_of "pseudohubererror").objective)
    local gamma = gbdt.load(path_of "gamma")
    assert.is_true((gamma:predict(x) - gamma:predict_raw(x):exp()):abs():max() < 1e-14)
    assert.equal(2, gbdt.load(path_of "two_targets"):predict(x):size(2))
  end)

  it("of later versions means the same", function()
    local changes = {
      { '"base_score":"3E%-1"', '"base_score":"[3E-1]"' },
      { '"size_leaf_vector":"0"', '"size_leaf_vector":"1"' },
      { '"tree_info":', '"cats":{"enc":[],"feature_segments":[],"sorted_idx":[]},'
        .. '"iteration_indptr":[0,1,2,3,4,5,6],"tree_info":' },
      { '"version":%[1,7,4%]', '"version":[3,1,0]' },
      { '"default_left":%[([^%]]*)%]', function(list)
        return '"default_left":[' .. list:gsub("0", "false"):gsub("1", "true") .. "]"
      end },
      { ",", " ,\n\t" },
    }
    local text = json_of "logistic"
    local want = gbdt.parse(text):text()
    for _, change in ipairs(changes) do
      local n
      text, n = text:gsub(change[1], change[2])
      assert.is_true(n > 0, change[1])
      assert.equal(want, gbdt.parse(text):text())
    end
    local classes = json_of "softprob"
    local each = classes:gsub('"5E%-1"', '"[1E-1,5E-1,2.5E0]"')
    local raw, moved = gbdt.parse(classes):predict_raw(x), gbdt.parse(each):predict_raw(x)
    local shift = (moved - raw):totable()[1]
    for k, v in ipairs { -0.4, 0, 2 } do assert.is_true(math.abs(shift[k] - v) < 1e-7) end
    -- XGBoost 2 has quantiles, one target each.
    local quantiles = json_of("two_targets"):gsub("reg:squarederror", "reg:quantileerror")
    same(gbdt.load(path_of "two_targets"):predict_raw(x), gbdt.parse(quantiles):predict_raw(x))
    -- A probability of 1, which 3.1 bounds at 1 - 1e-6.
    local sure = json_of("no_rounds"):gsub('"2E%-1"', '"[1E0]"')
    assert.is_true(math.abs(gbdt.parse(sure):predict_raw(x):get(1) - 13.8) < 0.1)
  end)

  it("compares features as floats", function()
    local m = gbdt.load(path_of "squarederror")
    local f32 = x:to "f32"
    same(m:predict_raw(f32:to "f64"), m:predict_raw(f32))
    -- Doubles that are no floats go where their floats go.
    local r, rows = base.rng(4), x:totable()
    for _, row in ipairs(rows) do
      for k = 1, 4 do row[k] = row[k] * (1 + (r:uniform() - 0.5) * 2.0 ^ -24) end
    end
    local double = tensor.of(rows)
    same(m:predict_leaf(double:to "f32"), m:predict_leaf(double))
  end)

  it("is saved and loaded by the extension, compressed too", function()
    local m, rows = fitted { feature_names = { "a", "b", "c" } }
    for _, suffix in ipairs { ".json", ".json.gz", ".json.zst", ".JSON" } do
      local path = support.temporary(suffix)
      m:save(path)
      assert.equal(m:json(), file.read(path))
      local again = gbdt.load(path)
      assert.same({ -2, 7 }, again.classes)
      assert.same({ "a", "b", "c" }, again.feature_names)
      assert.equal(7, again.params.num_leaves)
      same(m:predict(rows), again:predict(rows))
      os.remove(path)
    end
  end)

  it("says the intercept of a regression apart", function()
    local m, rows = fitted { objective = "regression" }
    local text = m:json()
    local r, y = m:predict_raw(rows):totable(), {}
    for i, v in ipairs(r) do y[i] = v + 1000 end
    local far = gbdt.fit(rows, tensor.of(y), { num_iterations = 20 })
    local json = far:json()
    local score = tonumber(json:match '"base_score":"([^"]+)"')
    assert.is_true(math.abs(score - 1000) < 10)
    assert.equal("0E0", text:match '"base_score":"([^"]+)"')
    local again = gbdt.parse(json)
    -- Leaves are floats of order 1 now: 20 of them, each within half a unit.
    assert.is_true((again:predict_raw(rows) - far:predict_raw(rows)):abs():max() < 20 * 2.0 ^ -22)
    assert.is_true(json == again:json())
  end)

  it("keeps facts and the text of objectives that XGBoost does not have", function()
    local m = fitted { objective = "regression" }
    m.core:set_fact("note", 'one "two"\t\u{e9}')
    local again = gbdt.parse(m:json())
    assert.equal('one "two"\t\u{e9}', again.core:fact "note")
    local path = support.data "reference/lightgbm/regression_quantile.model.txt.gz"
    if not path then return pending "data folder absent" end
    local quantile = gbdt.parse(gbdt.load(path):json())
    assert.is_truthy(quantile:text():find("\nobjective=quantile\n", 1, true))
  end)

  it("is not written for what it cannot say", function()
    local wanted = {
      binary_zero_missing = "gbdt: tree 0 takes zero as missing (node 0), which XGBoost's JSON "
        .. "cannot say; LightGBM's text can (.txt)",
      regression_linear_tree = "gbdt: tree 0 has linear leaves, which XGBoost's JSON cannot say; "
        .. "LightGBM's text can (.txt)",
      ova = "gbdt: XGBoost has nothing like the objective 'multiclassova num_class:4 sigmoid:1'; "
        .. "LightGBM's text can be written (.txt)",
    }
    for name, message in pairs(wanted) do
      local path = support.data("reference/lightgbm/" .. name .. ".model.txt.gz")
      if not path then return pending "data folder absent" end
      local m = gbdt.load(path)
      local said = support.message(m.json, m)
      assert.is_truthy(said:find(message, 1, true), said)
    end
    local m = gbdt.load(path_of "categories")
    assert.is_truthy(support.message(m.text, m):find(
      "keeps missing values with listed categories", 1, true))
  end)

  it("that contradicts itself is refused with its path", function()
    local cases = {
      { "logistic", '"learner":', '"learned":', "gbdt.load: (byte 1): 'learner' is missing" },
      { "logistic", '"version":', '"learner":1,"version":', "learner %(byte %d+%): appears twice" },
      { "logistic", '"binary:logistic"', '"survival:cox"',
        "objective.name %(byte %d+%): objective 'survival:cox' is not one that neap knows" },
      { "logistic", '"name":"gbtree"', '"name":"gblinear"',
        "learner.gradient_booster.name %(byte %d+%): booster 'gblinear' is not gbtree or dart" },
      { "logistic", '"num_feature":"5","num_target"', '"num_feature":5,"num_target"',
        "learner.learner_model_param.num_feature %(byte %d+%): expected a string" },
      { "logistic", '"num_feature":"5","num_target"', '"num_feature":"x","num_target"',
        "'x' is not an integer" },
      { "logistic", '"num_feature":"5","num_target"', '"num_feature":"0","num_target"',
        "0 is outside 1 to 16777216" },
      { "logistic", '"num_feature":"5","num_target"', '"num_feature":"1","num_target"',
        "trees%[0%]%.split_indices%[%d+%] %(byte %d+%): feature %d of 1" },
      { "logistic", '"base_score":"3E%-1"', '"base_score":"3E0"',
        "base_score %(byte %d+%): base_score 3 must lie between 0 and 1" },
      { "logistic", '"base_score":"3E%-1"', '"base_score":"[3E-1,3E-1]"',
        "one number is expected, or one for each of 1 classes" },
      { "logistic", '"base_score":"3E%-1"', '"base_score":"NaN"', "base_score nan must" },
      { "gamma", '"base_score":"1.7E0"', '"base_score":"-1"', "base_score %-1 must be above 0" },
      { "logistic", '"num_trees":"6"', '"num_trees":"7"',
        "trees %(byte %d+%): 6 entries for 7 trees" },
      { "logistic", '"tree_info":%[0,', '"tree_info":[1,',
        "tree_info%[0%] %(byte %d+%): 1 is no integer from 0 to 0" },
      { "softprob", '"tree_info":%[0,1', '"tree_info":[1,1',
        "tree_info%[%d%] %(byte %d+%): class 1 has more trees than others" },
      { "softprob", '"num_class":"3"', '"num_class":"4"', "9 trees for 4 classes" },
      { "logistic", '"left_children":%[1,', '"left_children":[0,',
        "left_children%[0%] %(byte %d+%): 0 is no child of node 0" },
      { "logistic", '"left_children":%[1,', '"left_children":[2,',
        "right_children%[0%] %(byte %d+%): node 2 is reached twice" },
      { "logistic", '"left_children":%[1,', '"left_children":[1000,',
        "1000 is no integer from %-1 to %d+" },
      { "logistic", '"left_children":%[1,', '"left_children":[1.5,', "1.5 is no integer" },
      { "logistic", '"left_children":%[1,', '"left_children":[-1,', "node 0 has one child" },
      { "logistic", '"left_children":%[', '"left_children":[-1,', "entries for %d+ nodes" },
      { "logistic", '"num_deleted":"0"', '"num_deleted":"2"', "nodes are reached from the root" },
      { "logistic", '"15","size_leaf_vector":"0"}', '"15","size_leaf_vector":"3"}',
        "leaves of several values are not understood" },
      { "logistic", '"split_conditions":%[', '"split_conditions":[NaN,', "entries for" },
      { "logistic", '"split_conditions":%[[^,]*', '"split_conditions":[NaN',
        "split_conditions%[0%] %(byte %d+%): is NaN" },
      { "logistic", '"split_conditions":%[[^,]*', '"split_conditions":[1E39',
        "is outside the range of floats" },
      { "logistic", '"sum_hessian":%[[^,]*', '"sum_hessian":[NaN', "is outside the range" },
      { "logistic", '"split_type":%[0', '"split_type":[1',
        "trees%[0%] %(byte %d+%): node 0 splits by categories that are not listed" },
      { "categories", '"categories_sizes":%[6', '"categories_sizes":[60',
        "60 is no integer from 0 to 39" },
      { "categories", '"categories_segments":%[0,6', '"categories_segments":[0,7',
        "categories_segments%[1%] %(byte %d+%): 7 and 33 more reach beyond 39 categories" },
      { "categories", '"categories_nodes":%[2,3', '"categories_nodes":[2,2',
        "categories_nodes%[1%] %(byte %d+%): node 2 is listed twice" },
      { "categories", '"categories_nodes":%[2', '"categories_nodes":[0',
        "node 0 does not split by categories" },
      { "categories", '"categories":%[%d+', '"categories":[16777216', "16777216 is no integer" },
      { "dart", '"weight_drop":%[', '"weight_drop":[1,',
        "weight_drop %(byte %d+%): 9 entries for 8" },
      { "logistic", '"feature_names":%["open",', '"feature_names":[', "4 entries for 5 features" },
      { "logistic", '"feature_names":%["open"', '"feature_names":[""', "a feature needs a name" },
      { "logistic", '"feature_names":%["open"', '"feature_names":[3', "expected a string" },
      { "logistic", '"attributes":{', '"attributes":{"neap_classes":"1 0",',
        "neap_classes %(byte %d+%): expected 2 rising integers" },
      { "logistic", '"attributes":{', '"attributes":{"neap_classes":"0 1 2",',
        "more than 2 classes" },
      { "logistic", '"attributes":{', '"attributes":{"neap_parameters":"end of parameters\\n",',
        "expected lines of" },
      { "logistic", '"attributes":{', '"attributes":{"neap_objective_text":"binary\\nx",',
        "has more than one line" },
      { "logistic", '"attributes":{', '"attributes":{"neap_a b":"",', "no fact of neap" },
      { "logistic", "}$", "", "expected ',' or '}'" },
      { "logistic", "}$", "}}", "something follows the value" },
      { "logistic", "{", ("["):rep(100000) .. "{", "more than 64 objects and arrays" },
    }
    for _, case in ipairs(cases) do
      local broken, n = json_of(case[1]):gsub(case[2], function() return case[3] end, 1)
      assert.equal(1, n, case[2])
      if case[3]:sub(1, 1) == "[" then broken = "{" .. '"a":' .. broken end
      local fine, message = pcall(gbdt.parse, broken)
      assert.is_false(fine, case[2] .. " as " .. case[3]:sub(1, 60))
      message = tostring(message)
      assert.is_truthy(message:find(case[4]) or message:find(case[4], 1, true),
        case[3]:sub(1, 60) .. ": " .. message)
    end
  end)
end)

describe("XGBoost itself", function()
  local function float(v) return string.unpack("<f", string.pack("<f", v)) end

  -- The leaves of a model, which must be floats, added as XGBoost adds them; base_score, which is
  -- in the leaves of the first tree here, comes first, from version 3 on last.
  local function float_sums(m, x, major)
    local values, sums = {}, {}
    local regression = not m.classes and m.objective ~= "poisson"
    local start = regression and float(tonumber(m.core:fact "base_score")) or 0.0
    for list in m:text():gmatch "leaf_value=([^\n]+)" do
      local t = {}
      for v in list:gmatch "%S+" do
        t[#t + 1] = tonumber(v) - (#values == 0 and start or 0)
        assert.equal(t[#t], float(t[#t]))
      end
      values[#values + 1] = t
    end
    local classes = #values // m.core:iterations()
    for i, leaves in ipairs(m:predict_leaf(x):totable()) do
      sums[i] = {}
      for k = 1, classes do sums[i][k] = major < 3 and start or 0.0 end
      for t, leaf in ipairs(leaves) do
        local k = (t - 1) % classes + 1
        sums[i][k] = float(sums[i][k] + values[t][leaf + 1])
      end
      for k = 1, major < 3 and 0 or classes do sums[i][k] = float(sums[i][k] + start) end
    end
    return sums
  end

  local python = "/usr/bin/python3"
  local script = "tests/golden/xgboost_check.py"
  local function output(command)
    local env = "env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE "
    local pipe <close> = assert(io.popen(env .. command))
    return pipe:read "a"
  end

  it("reads what is written here and gives the same margins", function()
    local major = tonumber(output(python .. " " .. script .. " 2>/dev/null"):match "^%d+")
    if not major then return pending "python3-xgboost absent" end
    local folder = support.temporary()
    os.remove(folder)
    os.execute("mkdir " .. folder)
    local cases = {}
    local function case(name, m, rows)
      local lines = {}
      for i, row in ipairs(rows) do
        for k, v in ipairs(row) do
          -- Rows of floats, as XGBoost keeps them.
          row[k] = v == v and float(v) or 0 / 0
        end
        lines[i] = table.concat(row, ","):gsub("%-nan", "nan")
      end
      m:save(folder .. "/" .. name .. ".json")
      file.write(folder .. "/" .. name .. ".csv", table.concat(lines, "\n") .. "\n")
      cases[name] = { m = m, x = tensor.of(rows) }
    end
    -- Rows at the thresholds of the model, and their neighbours.
    local function at_thresholds(m, rows)
      local n = 0
      for features, thresholds in m:text():gmatch "split_feature=([^\n]*)\n.-threshold=([^\n]*)" do
        local next_feature = features:gmatch "%d+"
        for t in thresholds:gmatch "%S+" do
          local f = tonumber(next_feature()) + 1
          for _, by in ipairs { -2.0 ^ -23, 0, 2.0 ^ -23 } do
            local row = table.move(rows[n % 50 + 1], 1, #rows[1], 1, {})
            row[f] = tonumber(t) * (1 + by)
            rows[#rows + 1] = row
            n = n + 1
          end
          if n > 300 then return rows end
        end
      end
      return rows
    end
    for name, o in pairs { binary = {}, sigmoid = { sigmoid = 0.7 },
      regression = { objective = "regression" }, l1 = { objective = "regression_l1" },
      huber = { objective = "huber" }, many = { objective = "regression", num_iterations = 40 } } do
      local m, rows = fitted(o)
      case(name, m, at_thresholds(m, rows:totable()))
    end
    for _, name in ipairs { "binary_nan_cat", "multiclass", "regression_quantile", "dart_bagging",
      "random_forest", "monotone", "huber_depth4" } do
      local path = support.data("reference/lightgbm/" .. name .. ".model.txt.gz")
      if path then
        local m, rows = gbdt.load(path), {}
        for line in file.read((path:gsub("model.txt", "test.csv"))):gmatch "[^\n]+" do
          local row = {}
          for word in line:gmatch "[^,]+" do row[#row + 1] = tonumber(word) or 0 / 0 end
          table.remove(row, 1)
          if #rows < 200 then rows[#rows + 1] = row end
        end
        if name == "binary_nan_cat" then -- column 9 holds categories
          for i, v in ipairs { 999, -1, 77, 31, 32, 33, 0 / 0 } do rows[i][9] = v end
        else
          rows = at_thresholds(m, rows)
        end
        case(name, m, rows)
      end
    end
    local said = output(python .. " " .. script .. " " .. folder .. " 2>&1")
    assert.equal("", said)
    for name, c in pairs(cases) do
      local margins = {}
      for line in file.read(folder .. "/" .. name .. ".margin"):gmatch "[^\n]+" do
        local row = {}
        for word in line:gmatch "[^,]+" do row[#row + 1] = tonumber(word) end
        margins[#margins + 1] = row
      end
      for i, row in ipairs(float_sums(gbdt.load(folder .. "/" .. name .. ".json"), c.x,
        major)) do
        for k, v in ipairs(row) do assert.equal(margins[i][k], v, name) end
      end
      local factor = name == "sigmoid" and 0.7
        or name == "random_forest" and 1 / c.m.core:iterations() or 1
      -- Each of XGBoost's additions may round by half a unit: up to 12 of them in 25 trees.
      local distance = margin_distance(margins, c.m, c.x, factor)
      assert.is_true(distance <= math.max(4, c.m.core:iterations() / 2), name .. ": " .. distance)
    end
    os.execute("rm -r " .. folder)
  end)
end)

describe("facts of a model", function()
  it("travel in its files", function()
    local m = fitted()
    m.core:set_fact("objective_of_mine", "focal gamma:2")
    m.core:set_fact("empty", "")
    m.core:set_fact("gone", "x")
    m.core:set_fact("gone", nil)
    m.core:set_fact("empty", "[]: ]")
    local again = gbdt.parse(m:text())
    assert.equal("focal gamma:2", again.core:fact "objective_of_mine")
    assert.equal("[]: ]", again.core:fact "empty")
    assert.is_nil(again.core:fact "gone")
    assert.equal(m:text(), again:text())
    assert.is_nil(again.params.neap_empty)
  end)

  it("have one line and a plain name", function()
    local core = fitted().core
    assert.is_truthy(support.message(core.set_fact, core, "a b", "c"):find(
      "gbdt: 'a b' cannot name a fact", 1, true))
    assert.is_truthy(support.message(core.set_fact, core, "classes", "c"):find(
      "gbdt: 'classes' cannot name a fact", 1, true))
    assert.is_truthy(support.message(core.set_fact, core, "a", "b\nc"):find(
      "gbdt: the value of fact 'a' has more than one line", 1, true))
    local text = unsigned(fitted():text())
    text = text:gsub("\nend of parameters", "\n[neap_parameters: x]%0")
    assert.is_truthy(support.message(gbdt.parse, text):find(
      "no fact of neap: gbdt: 'parameters' cannot name a fact", 1, true))
  end)
end)

describe("names of model files", function()
  it("of other formats are refused, and nothing is written", function()
    local folder = file.temporary_folder()
    for _, name in ipairs { "m.npz", "m.safetensors", "M.ONNX", "m.pkl", "m.ubj.gz" } do
      local path, m = folder .. "/" .. name, fitted()
      local ending = name:lower():match "m%.(%w+)"
      assert.is_truthy(support.message(m.save, m, path):find(("gbdt.save: no model is written as "
        .. ".%s; names in .json give XGBoost's JSON, others LightGBM's text"):format(ending), 1,
        true))
      assert.is_false(file.exists(path))
    end
    fitted():save(folder .. "/m.model")
    assert.is_true(file.exists(folder .. "/m.model"))
    file.remove_tree(folder)
  end)
end)
