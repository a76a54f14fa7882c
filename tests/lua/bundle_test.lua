-- Bundles: what production reads is what research had, bit for bit, or an error that says why not.
local bundle = require "neap.bundle"
local calibration = require "neap.calibration"
local faults = require "neap.c.file"
local features = require "neap.features"
local file = require "neap.file"
local frame = require "neap.frame"
local gbdt = require "neap.gbdt"
local json = require "neap.json"
local labels = require "neap.labels"
local linear = require "neap.linear"
local market = require "neap.market"
local preprocess = require "neap.preprocess"
local sealed = require "neap.sealed"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan = 0 / 0
local raises = support.message

local folder
before_each(function() folder = file.temporary_folder() end)
after_each(function() file.remove_tree(folder) end)

local function same_bits(a, b)
  a, b = a:to "f64", b:to "f64"
  return (a:eq(b) | (a:isnan() & b:isnan())):all()
end

local function same_number(a, b) return a == b or a ~= a and b ~= b end

-- Bars with one that is missing in part and one that is missing whole.
local function market_bars(rows, seed)
  local bars = market.synthetic { rows = rows, seed = seed }
  for _, name in ipairs { "open", "high", "low", "close", "volume" } do
    local x = bars:column(name):clone()
    x[rows // 2] = nan
    if name == "close" then x[rows // 2 + 7] = nan end
    bars = bars:assign { { name, x } }
  end
  return bars
end

-- What research does: features, a transformer fitted on the first part, a model, a calibrator.
local function research(bars, o)
  o = o or {}
  local set = features.set(o.names or { "rsi_14", "adx_14", "macd_12_26_9_hist_rel", "ret_5",
    "volume_20_rel", "stddev_20_rel" }, o.set)
  local x = set:compute(bars, { by = o.by, cadence = o.cadence, keep = o.keep or { "time" } })
  local n = #bars
  local train = x:rows(1, n // 2)
  local p = preprocess.chain(o.steps or { preprocess.winsorize(), preprocess.impute(),
    preprocess.standard() }):fit(train)
  local z = p:apply(x)
  local y = o.y or bars.close:shift(-1):gt(bars.close):to "i64"
  local m = o.fit(z:rows(60, n // 2), y:slice(1, 60, n // 2))
  return { set = set, x = x, p = p, z = z, y = y, m = m }
end

local function boosted(x, y)
  return gbdt.fit(x, y, { objective = "binary", num_iterations = 12, num_leaves = 7 })
end

-- The rows that a stream gives, as columns.
local function streamed(b, bars)
  local s, columns, names = b:stream(), {}, bars:columns()
  local values = {}
  for _, name in ipairs(names) do
    values[name] = bars:column(name):totable()
  end
  for i = 1, #bars do
    local bar = {}
    for _, name in ipairs(names) do bar[name] = values[name][i] end
    for name, value in pairs(s:push(bar)) do
      columns[name] = columns[name] or {}
      columns[name][i] = value
    end
  end
  return columns
end

local function check_stream(b, bars, o)
  local batch, live = b:predict(bars, o), streamed(b, bars)
  for _, name in ipairs(batch:columns()) do
    local column = batch:column(name)
    if live[name] then
      for i = 1, #bars do
        assert.is_true(same_number(column[i], live[name][i]), ("%s, row %d"):format(name, i))
      end
    end
  end
  return batch
end

describe("a bundle gives what research gave", function()
  it("on 2000 bars, whole and bar by bar", function()
    local bars = market_bars(2000)
    local r = research(bars, { fit = boosted })
    local proba = r.m:predict_proba(r.z):slice(2, 2, 2):reshape(2000)
    local c = calibration.fit("platt", r.y:slice(1, 1001, 1500), proba:slice(1, 1001, 1500))
    local path, version = bundle.save(folder .. "/models/up", { features = r.set,
      preprocess = r.p, model = r.m, calibrator = c, threshold = 0.52,
      metrics = { auc = 0.61, note = "a test", nothing = nan },
      created = "2024-05-01T00:00:00Z" })
    assert.equal(folder .. "/models/up/v1", path)
    assert.equal(1, version)
    local b = bundle.load(folder .. "/models/up")
    local want = c:apply(proba)
    local out = check_stream(b, bars)
    assert.is_true(same_bits(want, out.probability))
    assert.is_true(same_bits(want:gt(0.52), out.decision))
    assert.is_true(same_bits(want:gt(0.52), out.class))
    assert.same({ "time", "probability", "class", "decision" }, out:columns())
    assert.equal("up", b.name)
    assert.equal(0.61, b.metrics.auc)
    assert.equal("a test", b.metrics.note)
    assert.is_true(b.metrics.nothing ~= b.metrics.nothing)
    assert.equal("2024-05-01T00:00:00Z", b.created)
    assert.same(r.set:names(), b.feature_names)
    assert.same({ 0, 1 }, b.classes)
    assert.matches("^bundle up v1: 6 features, preprocess, gbdt, platt, threshold 0.52; made 2024",
      tostring(b))
  end)

  it("with a linear model, which knows nothing of missing rows", function()
    local bars = market_bars(600)
    local steps = { preprocess.standard() }
    local r = research(bars, { steps = steps, fit = function(x, y)
      local good = ~x:matrix():isnan():any(2)
      return linear.fit(x:where(good):drop { "time" }, y[good])
    end })
    bundle.save(folder .. "/m", { features = r.set, preprocess = r.p, model = r.m })
    local out = check_stream(bundle.load(folder .. "/m"), bars)
    local missing = r.z:matrix():isnan():any(2)
    assert.is_true(missing:sum() > 20)
    assert.is_true(same_bits(missing, out.probability:isnan()))
    assert.is_true(same_bits(missing, out.class:isnan()))
    assert.is_false((out.decision & missing):any())
    local z = r.z:where(~missing):drop { "time" }
    assert.is_true(same_bits(r.m:predict_proba(z):slice(2, 2, 2):reshape(#z),
      out.probability[~missing]))
  end)

  it("with components, ranks, fills that remember, and columns left alone", function()
    local bars = market_bars(700)
    local steps = { preprocess.impute { method = "forward", columns = { "rsi_14", "ret_5" },
      indicator = true }, preprocess.quantile_normal { columns = { "rsi_14" }, points = 300 },
      preprocess.impute { columns = { "adx_14", "volume_20_rel", "rsi_14" } },
      preprocess.pca { columns = { "adx_14", "volume_20_rel", "rsi_14" }, components = 2 } }
    local r = research(bars, { steps = steps, fit = boosted })
    bundle.save(folder .. "/m", { features = r.set, preprocess = r.p, model = r.m })
    local b = bundle.load(folder .. "/m")
    assert.same(r.m.feature_names, b.columns)
    assert.same({ "macd_12_26_9_hist_rel", "ret_5", "stddev_20_rel", "rsi_14_missing",
      "ret_5_missing", "pca_1", "pca_2" }, b.columns)
    local out = check_stream(b, bars)
    assert.is_true(same_bits(r.m:predict_proba(r.z):slice(2, 2, 2):reshape(700), out.probability))
  end)

  it("with three classes, longer time frames and f32", function()
    local bars = market_bars(900)
    local set = features.set { "rsi_14", "ret_1", "adx_7@4h", "hour" }
    local x = set:compute(bars, { cadence = "1h" }):matrix(nil, { dtype = "f32" })
    local up = bars.close:shift(-3) / bars.close - 1
    local y = up:gt(0.002):to "i64" - up:lt(-0.002):to "i64"
    local m = gbdt.fit(x, y, { objective = "multiclass", num_class = 3, num_iterations = 6 })
    local proba = m:predict_proba(x)
    local c = calibration.fit("temperature", y, proba)
    bundle.save(folder .. "/m", { features = set, model = m, calibrator = c, cadence = "1h",
      dtype = "f32", threshold = 0.4 })
    local out = check_stream(bundle.load(folder .. "/m"), bars)
    assert.same({ "time", "probability", "class", "decision", "p_-1", "p_0", "p_1" },
      out:columns())
    local want = c:apply(proba)
    assert.is_true(same_bits(want, out:matrix { "p_-1", "p_0", "p_1" }))
    assert.is_true(same_bits((want:max(2)), out.probability))
  end)

  it("with a regression, and with a transformer of a bare tensor", function()
    local bars = market_bars(500)
    local set = features.set { "rsi_14", "ret_1", "natr_14" }
    local x = set:compute(bars):matrix()
    local p = preprocess.chain({ preprocess.impute(), preprocess.pca { components = 2 } }):fit(x)
    local y = labels.forward_return(bars, { lookforward = 2 })
    y = tensor.where(y:isnan(), 0, y)
    local m = gbdt.fit(p:apply(x), y, { objective = "regression", num_iterations = 5 })
    bundle.save(folder .. "/m", { features = set, preprocess = p, model = m, threshold = 0.001 })
    local out = check_stream(bundle.load(folder .. "/m"), bars)
    assert.same({ "time", "value", "decision" }, out:columns())
    assert.is_true(same_bits(m:predict(p:apply(x)), out.value))
    bundle.save(folder .. "/m", { features = set, preprocess = p, model = m })
    assert.same({ "time", "value" }, bundle.load(folder .. "/m"):predict(bars):columns())
  end)

  it("for panels, symbol by symbol and by push_all", function()
    local parts = {}
    for i, symbol in ipairs { "AAA", "BBB" } do
      local names = {}
      for k = 1, 300 do names[k] = symbol end
      parts[i] = market_bars(300, i):assign { { "symbol", frame.category(names) } }
    end
    local bars = frame.concat(parts):sort "time"
    local steps = { preprocess.impute { method = "forward", columns = { "rsi_14", "ret_1" } },
      preprocess.standard { columns = { "rsi_14", "ret_1" } } }
    local function fit(x, y) return boosted(x:drop { "time", "symbol" }, y) end
    local r = research(bars, { names = { "rsi_14", "ret_1", "ret_5" }, by = "symbol",
      steps = steps, keep = { "time", "symbol" }, fit = fit })
    bundle.save(folder .. "/m", { features = r.set, preprocess = r.p, model = r.m, by = "symbol" })
    local out = check_stream(bundle.load(folder .. "/m"), bars)
    assert.is_true(same_bits(r.m:predict_proba(r.z):slice(2, 2, 2):reshape(600), out.probability))
    assert.equal("AAA", out.symbol[1])

    local ranked = research(bars, { names = { "ret_1:rank", "rsi_14" }, by = "symbol",
      steps = { preprocess.impute { columns = { "rsi_14" } } }, keep = { "time", "symbol" },
      fit = fit })
    bundle.save(folder .. "/r", { features = ranked.set, preprocess = ranked.p, model = ranked.m,
      by = "symbol" })
    local b = bundle.load(folder .. "/r")
    out = b:predict(bars)
    local s = b:stream()
    for i = 1, #bars, 2 do
      local pair = {}
      for k = 0, 1 do
        local bar = { symbol = bars.symbol[i + k], time = bars.time:get(i + k) }
        for _, name in ipairs { "open", "high", "low", "close", "volume" } do
          bar[name] = bars:column(name)[i + k]
        end
        pair[k + 1] = bar
      end
      for k, got in ipairs(s:push_all(pair)) do
        assert.is_true(same_number(out.probability[i + k - 1], got.probability))
      end
    end
  end)

  it("and refuses bars of the past of what it was fitted on", function()
    local bars = market_bars(400)
    local r = research(bars, { fit = boosted })
    bundle.save(folder .. "/m", { features = r.set, preprocess = preprocess.standard():fit(
      r.x:rows(201, 300)), model = r.m })
    local b = bundle.load(folder .. "/m")
    assert.equal(200, #b:predict(bars:rows(201, 400)))
    assert.matches("lies before the end", raises(b.predict, b, bars), 1, true)
    assert.equal(400, #b:predict(bars, { allow_future = true }))
  end)
end)

describe("versions", function()
  local function simple(seed, path)
    local x = tensor.randn { 100, 1, seed = seed }
    local m = gbdt.fit(x, x:gt(0):to "i64":reshape(100),
      { objective = "binary", num_iterations = 2, min_data_in_leaf = 5 })
    return bundle.save(path or folder .. "/m", { features = { "ret_1" }, model = m,
      metrics = { seed = seed } })
  end

  it("count up, and the latest can be set back", function()
    for i = 1, 3 do assert.equal(folder .. "/m/v" .. i, (simple(i))) end
    local path = folder .. "/m"
    assert.same({ 1, 2, 3 }, bundle.versions(path))
    assert.equal(3, bundle.load(path).version)
    assert.equal(2, bundle.load(path, { version = 2 }).metrics.seed)
    assert.equal(2, bundle.load(path, { version = "v2" }).version)
    assert.equal(1, bundle.load(path .. "/v1").version)
    assert.equal(1, bundle.load(path .. "/v1/").version)
    bundle.use(path, 1)
    assert.equal(1, bundle.load(path .. "/").version)
    assert.equal(4, select(2, simple(4)))
    assert.equal(4, bundle.load(path).version)
    assert.equal("v4\n", file.read(path .. "/latest"))
  end)

  -- After each system call of a writer that fails; only the last may have put the new one in place.
  it("that are interrupted leave the old latest", function()
    local seeds = {}
    for k = 1, 200 do
      local path = folder .. "/" .. k
      simple(1, path)
      faults.fail_after(k, "ENOSPC")
      local ok = pcall(simple, 2, path)
      if faults.fail_armed() then
        faults.fail_after(0, "ENOSPC")
        assert.is_true(ok)
        break
      end
      assert.is_false(ok)
      seeds[k] = bundle.load(path).metrics.seed
      for _, name in ipairs(file.list(path)) do assert.is_nil(name:find "partial", name) end
    end
    assert.is_true(#seeds > 10)
    for k = 1, #seeds - 1 do assert.equal(1, seeds[k], "call " .. k) end
  end)

  it("sweep away what killed saves left long ago", function()
    simple(1)
    local old, fresh = ".partial-20200101T000000-abc", ".partial-29990101T000000-abc"
    for _, name in ipairs { old, fresh } do
      file.mkdir(folder .. "/m/" .. name)
      file.write(folder .. "/m/" .. name .. "/model.txt", "half")
    end
    simple(2)
    assert.is_false(file.exists(folder .. "/m/" .. old))
    assert.is_true(file.exists(folder .. "/m/" .. fresh))
    assert.same({ 1, 2 }, bundle.versions(folder .. "/m"))
  end)
end)

describe("a bundle that is not what was saved", function()
  local path
  local function save()
    path = folder .. "/m"
    local x = tensor.randn { 400, 2, seed = 1 }
    local p = preprocess.rank({ points = 300 }):fit(x)
    local m = linear.fit(p:apply(x), x:slice(2, 1, 1):gt(0):to "i64":reshape(400))
    bundle.save(path, { features = { "ret_1", "rsi_7" }, preprocess = p, model = m,
      calibrator = calibration.from_table { method = "none" } })
  end

  local function refused(pattern, o)
    assert.matches(pattern, raises(bundle.load, path, o), 1, true)
  end

  it("is refused, file by file", function()
    save()
    local names = file.list(path .. "/v1")
    assert.equal(5, #names) -- manifest, model, calibrator, preprocess and its archive
    for _, name in ipairs(names) do
      local full = path .. "/v1/" .. name
      local text = file.read(full)
      for _, at in ipairs { 1, #text // 3, #text // 2, #text - 1 } do
        local byte = text:byte(at)
        file.write(full, text:sub(1, at - 1) .. string.char(byte ~ 1) .. text:sub(at + 1))
        raises(bundle.load, path)
      end
      file.write(full, text:sub(1, #text // 2))
      raises(bundle.load, path)
      file.write(full, "")
      raises(bundle.load, path)
      if name ~= "manifest.json" then
        refused(name .. " is not the file that was saved (sha256 e3b0c44298fc..., the manifest has")
        file.remove(full)
        refused(name .. " is missing; copy the whole folder again")
      else
        refused "is damaged, or no file of neap"
        file.remove(full)
        refused "has no version 1 (there are: v1)"
      end
      file.write(full, text)
    end
    assert.equal(1, bundle.load(path).version)
  end)

  it("says what a version of later times needs", function()
    save()
    local manifest = path .. "/v1/manifest.json"
    local text = file.read(manifest)
    file.write(manifest, (text:gsub('"version":1', '"version":2', 1)))
    refused "in version 2 of its format, this neap"
    refused "update neap"
    file.write(manifest, (text:gsub("neap bundle", "neap preprocess", 1)))
    refused "is not a file of the format 'neap bundle'"
  end)

  it("is refused when its latest is damaged, and mended by use", function()
    save()
    local latest = path .. "/latest"
    file.write(latest, "v1")
    refused "latest is damaged (versions there: v1); bundle.use(path, version) writes it anew"
    file.write(latest, "v7\n")
    refused "has no version 7 (there are: v1)"
    file.remove(latest)
    refused "has no file 'latest' (versions there: v1); bundle.use(path, version) writes it"
    bundle.use(path, 1)
    assert.equal(1, bundle.load(path).version)
    refused("has no version 3 (there are: v1)", { version = 3 })
    refused("has no version ../v1", { version = "../v1" })
    path = folder .. "/nowhere"
    refused "there is no folder"
    path = folder
    refused "it is no bundle"
    assert.matches("there is no folder", raises(bundle.use, folder .. "/nowhere", 1), 1, true)
  end)

  it("cannot reach out of its folder, or name parts that are none", function()
    save()
    local manifest = path .. "/v1/manifest.json"
    local said = sealed.read("test", manifest, "neap bundle", 1)
    local function with(change, pattern)
      local copy = json.decode(json.text(said))
      change(copy)
      sealed.write(manifest, "neap bundle", 1, copy)
      refused(pattern)
    end
    with(function(t) t.files[1].name = "../../secret" end, "names a file '../../secret'")
    with(function(t) t.model = "torch" end, "holds a model of kind 'torch'")
    with(function(t) t.features.names[1] = "rsj_14" end, "unknown feature 'rsj_14'")
    with(function(t) t.columns[3] = "x3" end, "the model has 2 columns, not 3")
    with(function(t) t.columns[2] = "zz" end, "the model needs column 'zz'")
    with(function(t) t.features = nil end, "cannot be used")
    with(function(t) t.files = nil end, "lists no files")
    with(function(t) t.columns = nil end, "cannot be used")
  end)
end)

describe("parts that do not go together", function()
  local x = tensor.randn { 100, 2, seed = 1 }
  local y = x:slice(2, 1, 1):gt(0):to "i64":reshape(100)
  local m = gbdt.fit(x, y, { objective = "binary", num_iterations = 2 })
  local two = { "ret_1", "rsi_7" }

  local function refused(o, pattern)
    assert.matches(pattern, raises(bundle.save, folder .. "/m", o), 1, true)
    assert.is_false(file.exists(folder .. "/m"))
  end

  it("are refused by name, before anything is written", function()
    refused({ features = { "ret_1", { "spread", function(b) return b.close end } }, model = m },
      "feature 'spread' is a function, which no file can keep")
    refused({ features = two }, "option 'model' is required")
    refused({ features = two, model = { fit = 1 } }, "models of gbdt, linear and nn can be stored")
    refused({ features = 5, model = m }, "features is number")
    refused({ features = { "rsi_7" }, model = m },
      "the model has 2 columns, features and preprocess give 1 (rsi_7)")
    refused({ features = two, model = m, preprocess = preprocess.standard() },
      "it is not fitted yet")
    refused({ features = two, model = m, preprocess = 1 }, "preprocess is number")
    refused({ features = two, model = m, preprocess = preprocess.standard():fit(
      tensor.ones { 3, 3 }) }, "fitted on 3 columns without names, there are 2 features")
    refused({ features = two, model = m, preprocess = preprocess.standard():fit(
      frame.new { { "rsi_9", { 1, 2 } } }) }, "needs column 'rsi_9', which is no feature "
      .. "(is 'rsi_7' meant?)")
    local named = gbdt.fit(frame.new { { "ret_1", x:slice(2, 1, 1):reshape(100) },
      { "vix", x:slice(2, 2, 2):reshape(100) } }, y, { objective = "binary", num_iterations = 2 })
    refused({ features = two, model = named }, "the model needs column 'vix'")
    refused({ features = two, model = m, threshold = 1.5 }, "threshold is 1.5, a probability")
    refused({ features = two, model = m, calibrator = 3 }, "calibrator is number")
    refused({ features = two, model = m, calibrator = calibration.from_table { method = "none",
      input = "logit" } }, "the calibrator takes logits")
    refused({ features = two, model = gbdt.fit(x, x:slice(2, 1, 1):reshape(100),
      { num_iterations = 2 }), calibrator = calibration.from_table { method = "none" } },
      "nothing to calibrate")
    refused({ features = { "ret_1:rank", "rsi_7" }, model = m }, "give by = \"symbol\"")
    refused({ features = { "rsi_7@1h", "ret_1" }, model = m }, "needs the cadence")
    refused({ features = two, model = m, dtype = "i8" }, "dtype is 'i8'")
    refused({ features = two, model = m, metrics = { a = {} } }, "metric 'a' is table")
    refused({ features = two, model = m, metric = {} }, "unknown option 'metric'")
    refused({ features = two, model = m, created = {} }, "option 'created' must be a string")
    assert.matches("the path must be a string", raises(bundle.save, 5, {}), 1, true)
  end)

  it("but a calibrated model is taken apart", function()
    local c = calibration.from_table { method = "temperature", parameters = { 2 } }
    bundle.save(folder .. "/m", { features = two, model = calibration.wrap(m, c) })
    local b = bundle.load(folder .. "/m")
    assert.equal("temperature", b.calibrator.method)
  end)

  it("meet bars that are none, or few", function()
    bundle.save(folder .. "/m", { features = two, model = m })
    local b = bundle.load(folder .. "/m")
    local bars = market.synthetic { rows = 30 }
    assert.equal(1, #b:predict(bars:rows(1, 1)))
    assert.equal(0, #b:predict(bars:where(bars.close:lt(0))))
    assert.matches("the bars have no close", raises(b.predict, b, bars:drop { "close" }), 1, true)
    local s = b:stream()
    assert.matches("the bar must be a table", raises(s.push, s, 5), 1, true)
    local other = bars:rename { time = "when" }
    assert.same({ "probability", "class", "decision" }, b:predict(other):columns())
    local plain = b:predict { close = bars.close }
    assert.is_true(same_bits(plain.probability, b:predict(bars).probability))
  end)
end)
