-- Features off the clock, regimes, reports on columns, and the cache.
local clock = require "neap.clock"
local file = require "neap.file"
local neap = require "neap"
local support = require "tests.lua.support"
local features, frame, market, ta, tensor =
  neap.features, neap.frame, neap.market, neap.ta, neap.tensor

local SECOND = 1000000000

local function times(list)
  local t = {}
  for i, text in ipairs(list) do t[i] = clock.parse(text) end
  return { time = tensor.of(t, { dtype = "i64" }) }
end

local function near(a, b) return math.abs(a - b) < 1e-15 end

describe("calendar features", function()
  it("are sine and cosine of the place in the day, the week, the year", function()
    local bars = times { "2024-01-01 00:00", "2024-01-01 06:00", "2024-07-03 18:30:36",
      "2023-12-31 23:59:59", "1969-12-28 12:00", "2000-12-31 03:00" }
    local f = features.set({ "hour", "weekday", "day_of_year" }):compute(bars)
    assert.same({ "hour_sin", "hour_cos", "weekday_sin", "weekday_cos", "day_of_year_sin",
      "day_of_year_cos" }, f:columns())
    local days = { 366, 366, 366, 365, 365, 366 }
    for i, t in ipairs(bars.time:totable()) do
      local date = os.date("!*t", t // SECOND)
      local places = {
        hour = (date.hour * 3600 + date.min * 60 + date.sec) / 86400,
        weekday = (date.wday + 5) % 7 / 7, -- wday 2 is Monday
        day_of_year = (date.yday - 1) / days[i],
      }
      for name, place in pairs(places) do
        local angle = 2 * math.pi * place
        assert.is_true(near(math.sin(angle), f[name .. "_sin"][i]), name)
        assert.is_true(near(math.cos(angle), f[name .. "_cos"][i]), name)
      end
    end
  end)

  it("go by the time zone, daylight saving included", function()
    local o = { time_zone = "America/New_York" }
    local winter, summer = "2024-01-15 05:00", "2024-07-15 04:00" -- both midnight
    local f = features.set({ "hour_cos", "hour_sin", "weekday_sin" }, o)
      :compute(times { winter, summer, "2024-07-15 03:00" })
    for i = 1, 2 do
      assert.equal(1.0, f.hour_cos[i])
      assert.equal(0.0, f.hour_sin[i])
      assert.equal(0.0, f.weekday_sin[i])
    end
    assert.is_true(f.weekday_sin[3] < -0.7) -- still Sunday
  end)

  it("come as a tensor with one more dimension", function()
    local bars = times { "2024-01-01 06:00", "2024-07-03 18:30:36", "2023-12-31 23:59:59",
      "1969-12-28 12:00" }
    bars.time[4] = clock.nat
    local o = { time_zone = "Asia/Tokyo", trend = { 0, SECOND } }
    local f = features.set({ "hour", "weekday", "day_of_year", "trend" }, o):compute(bars)
    local x, names = features.calendar(bars.time, o)
    assert.same(f:columns(), names)
    assert.same({ 4, 7 }, x.shape)
    for k, name in ipairs(names) do
      assert.equal(f:column(name):sha256(), x[{ {}, k }]:contiguous():sha256())
    end
    local square = features.calendar(bars.time:reshape(2, 2), { fields = { "weekday", "hour" },
      dtype = "f32", time_zone = "Asia/Tokyo" })
    assert.same({ 2, 2, 4 }, square.shape)
    assert.equal("f32", square.dtype)
    assert.same(x[{ 3, { 3, 4 } }]:to("f32"):totable(), square[{ 2, 1, { 1, 2 } }]:totable())
    assert.same({ 0, 6 }, features.calendar(tensor.zeros { 0, dtype = "i64" }).shape)
  end)

  it("take the trend from the times of the training part", function()
    local train = tensor.of({ 10, 0, 20 }, { dtype = "i64" })
    local o = { fields = {}, trend = train }
    assert.same({ { 0.5 }, { -0.5 }, { 2 } },
      features.calendar(tensor.of({ 10, -10, 40 }, { dtype = "i64" }), o):totable())
    for message, bad in pairs {
      ["unknown field 'hours' %(did you mean 'hour'"] = { fields = { "hours" } },
      ["must be i64 nanoseconds, got tensor<f64>"] = { trend = train:to "f64" },
      ["got tensor<i64>%[0%]"] = { trend = tensor.zeros { 0, dtype = "i64" } },
      ["from a time to a later one, got 7 to 7"] = { trend = { 7, 7 } },
      ["from a time to a later one, got %-9223372036854775808 to 7"] = { trend = { clock.nat, 7 } },
      ["from a time to a later one, got %-9"] = { trend = { -math.maxinteger, math.maxinteger } },
      ["time zone 'Mars' is unknown"] = { time_zone = "Mars" },
      ["fields must be a table"] = { fields = "hour" },
      ["dtype 'f16' is not one of"] = { dtype = "f16" },
    } do
      assert.matches(message, support.message(features.calendar, train, bad))
    end
    assert.matches("times must be i64 nanoseconds since 1970 UTC, got f32",
      support.message(features.calendar, train:to "f32"))
  end)

  it("are NaN without a time", function()
    local t = tensor.of({ clock.nat, 0 }, { dtype = "i64" })
    local f = features.set({ "hour", "trend" }, { trend = { 0, 10 } }):compute { time = t }
    for _, name in ipairs(f:columns()) do
      assert.is_true(f[name][1] ~= f[name][1] and f[name][2] == f[name][2])
    end
  end)

  it("measure the trend by the training part", function()
    local bars = market.synthetic { rows = 21 }
    local train, test = bars:rows(1, 11), bars:rows(12, 21)
    local set = features.set { "trend", "rsi_3" }
    local fitted = set:fit(train)
    assert.equal(0.0, fitted:compute(train).trend[1])
    assert.equal(1.0, fitted:compute(train).trend[11])
    assert.equal(2.0, fitted:compute(test).trend[10])
    assert.is_true(near(0.3, fitted:compute(bars).trend[4]))
    assert.matches("'trend' must be fitted first", support.message(set.compute, set, bars))
    assert.matches("'trend' must be fitted first", support.message(set.stream, set))
    local again = features.set(fitted:spec())
    assert.equal(1.1, again:stream():push({ time = bars.time[12], close = 1 })[1])
    assert.matches("from a time to a later one", support.message(set.fit, set, bars:head(1)))
    assert.matches("time must be a tensor", support.message(set.fit, set, {}))
    for _, trend in ipairs { 7, {}, { 1 }, { 2, 1 }, { 0.5, 2 } } do
      assert.matches("features: the trend runs from a time to a later one",
        support.message(features.set, { "trend" }, { trend = trend }))
    end
  end)
end)

describe("percentiles and regimes", function()
  local bars = market.synthetic { rows = 1500 }

  it("are plain counts", function()
    local f = features.set({ "volume_percentile_50", "percentile_20" }):compute(bars)
    local v, x = bars.volume:totable(), bars.close:totable()
    local function percentile(values, i, n)
      local below, equal = 0, 0
      for k = i - n + 1, i do
        if values[k] < values[i] then below = below + 1 end
        if values[k] == values[i] then equal = equal + 1 end
      end
      return 100 * (below + (equal + 1) / 2) / n
    end
    for i = 1, 1500 do
      local a, b = f.volume_percentile_50[i], f.percentile_20[i]
      if i < 50 then assert.is_true(a ~= a) else assert.equal(percentile(v, i, 50), a) end
      if i < 20 then assert.is_true(b ~= b) else assert.equal(percentile(x, i, 20), b) end
    end
  end)

  it("are thirds and directions", function()
    local f = features.set({ "regime_volatility_10_30", "regime_trend_20", "volatility_10" })
      :compute(bars)
    local p = ta.percentile(f.volatility_10, 30)
    local seen = {}
    for i = 40, 1500 do
      local regime = f.regime_volatility_10_30[i]
      assert.equal(p[i] <= 100 / 3 and 1 or p[i] <= 200 / 3 and 2 or 3, regime)
      seen["volatility " .. regime], seen["trend " .. f.regime_trend_20[i]] = true, true
    end
    for _, each in ipairs { "volatility 1.0", "volatility 2.0", "volatility 3.0", "trend 1.0",
      "trend 2.0", "trend 3.0" } do
      assert.is_true(seen[each], each)
    end
    assert.equal(3.0, ta.regime_trend(tensor.of { 1, 2, 3, 4, 5 }, 3)[-1])
    assert.equal(1.0, ta.regime_trend(tensor.of { 5, 4, 3, 2, 1 }, 3)[-1])
    assert.equal(2.0, ta.regime_trend(tensor.of { 5, 5, 5, 5, 5 }, 3)[-1])
  end)

  it("stream and do not look ahead", function()
    local set = features.set { "volume_percentile_50", "regime_volatility_10_30",
      "regime_trend_20@4h", "percentile_1" }
    local f, s = set:compute(bars), set:stream { cadence = "1h" }
    local lists = {}
    for k, name in ipairs(set:names()) do lists[k] = f[name]:totable() end
    for i = 1, 1500 do
      local row = s:push { time = bars.time[i], close = bars.close[i], volume = bars.volume[i] }
      for k, x in ipairs(lists) do
        assert.is_true(row[k] == x[i] or (row[k] ~= row[k] and x[i] ~= x[i]))
      end
    end
    for _, cut in ipairs { 2, 61, 300 } do
      local part = set:compute(bars:head(cut), { cadence = "1h" })
      for k, name in ipairs(set:names()) do
        support.same(table.move(lists[k], 1, cut, 1, {}), part[name])
      end
    end
  end)
end)

describe("a report on features", function()
  local bars = market.synthetic { rows = 400, seed = 3 }
  local set = features.set { "rsi_14", "rsi_15", "ret_5", "sma_20_rel", "mom_5_rel" }

  it("finds nothing in sound columns but what moves together", function()
    local r = set:report(bars)
    assert.same({}, r:problems())
    assert.equal(400, r.rows)
    assert.equal("rsi_14", r.pairs[1].a)
    local f = set:compute(bars)
    for _, pair in ipairs(r.pairs) do
      local a, b = f[pair.a]:slice(1, 21, 400), f[pair.b]:slice(1, 21, 400)
      assert.is_true(math.abs(tensor.corr(a, b) - pair.correlation) < 0.02)
      assert.is_true(math.abs(pair.correlation) > 0.98)
    end
    assert.same({}, set:report(bars, { correlation = 1 }).pairs)
    local rows = r:frame()
    assert.equal("ret_5", rows.name[3])
    assert.equal(5.0, rows.warm_up[3])
    assert.equal(f.ret_5:max { skip_nan = true }, rows.largest[3])
    assert.equal(f.ret_5:min { skip_nan = true }, rows.smallest[3])
    local text = tostring(r)
    assert.matches("^5 columns of 400 rows, 381 numbers compared for correlation\n", text)
    assert.matches("no value is out of range", text)
    assert.matches("rsi_14, rsi_15", text)
  end)

  it("names faults of a frame that was spoilt", function()
    local f = set:compute(bars)
    local rsi, ret, mom = f.rsi_14:clone(), f.ret_5:clone(), f.mom_5_rel:clone()
    rsi[100], rsi[50] = 100.5, -1
    ret[200], ret[300] = 1 / 0, 0 / 0
    mom[{ { 1, 400 } }] = 0 / 0
    local spoilt = f:assign { { "rsi_14", rsi }, { "ret_5", ret }, { "mom_5_rel", mom },
      { "sma_20_rel", tensor.full { 400, value = 0.5 } } }
    local r = set:report(spoilt)
    assert.same({
      "rsi_14: 2 values outside 0 to 100 (first: row 50)",
      "ret_5: 1 infinite value, 1 NaN after the warm-up",
      "sma_20_rel: is always 0.5",
      "mom_5_rel: has no value at all",
    }, r:problems())
    assert.matches("\nsma_20_rel: is always 0.5\n", tostring(r))
  end)

  it("knows the warm-up of each symbol", function()
    local panel = market.synthetic { rows = 100, symbols = { "A", "B" } }
    local own = features.set { "ret_5", "ret_5:rank", "rsi_3@4h" }
    local r = own:report(panel, { by = "symbol" })
    assert.same({}, r:problems())
    assert.equal(10, r.columns[1].warm_up)
    local kept = own:compute(panel, { by = "symbol", keep = { "symbol" } })
    assert.same({}, own:report(kept, { by = "symbol" }):problems())
    assert.matches("ret_5: 5 NaN after the warm%-up", own:report(kept):problems()[1])
  end)

  it("is fine with few rows and one column", function()
    local r = features.set({ "rsi_14" }):report(bars:head(3))
    assert.same({ "rsi_14: has no value at all" }, r:problems())
    assert.equal(0, #features.set({ "rsi_14", "ret_1" }):report(bars:head(2)).pairs)
    assert.matches("unknown option 'corelation'", support.message(set.report, set, bars,
      { corelation = 1 }))
  end)
end)

describe("the cache of features", function()
  local folder
  before_each(function() folder = file.temporary_folder() end)
  after_each(function() file.remove_tree(folder) end)
  local bars = market.synthetic { rows = 300, cadence = "5m", symbols = { "A", "B" } }

  local calls
  local function counted(version)
    return { "own", function(b)
      calls = calls + 1
      return b.close:mul(2)
    end, version = version }
  end

  local function set_of(version)
    return features.set { "rsi_14", "ema_9_rel@1h", counted(version), "ret_1:rank", "hour" }
  end

  local function assert_equal_frames(a, b)
    assert.same(a:columns(), b:columns())
    for _, name in ipairs(a:columns()) do
      assert.equal(a[name]:sha256(), b[name]:sha256(), name)
    end
  end

  local function entries(suffix)
    local list = {}
    for _, name in ipairs(file.list(folder)) do
      if name:find("%." .. suffix .. "$") then list[#list + 1] = folder .. "/" .. name end
    end
    return list
  end

  local o
  before_each(function() o, calls = { by = "symbol", cache = folder }, 0 end)

  it("gives what was computed, without computing it", function()
    local set = set_of "1"
    local plain = set:compute(bars, { by = "symbol" })
    calls = 0
    local first = set:compute(bars, o)
    assert.equal(2, calls) -- once a symbol
    local second = set:compute(bars, o)
    assert.equal(2, calls)
    assert_equal_frames(plain, first)
    assert_equal_frames(plain, second)
    assert.equal(1, #entries "npy")
    assert.same({ "symbol", "rsi_14" }, table.move(set:compute(bars,
      { by = "symbol", cache = folder, keep = { "symbol" } }):columns(), 1, 2, 1, {}))
    assert.equal(1, #entries "npy")
  end)

  it("makes a folder that is not there", function()
    o.cache = folder .. "/a/b"
    set_of(1):compute(bars, o)
    assert.equal(2, #file.list(o.cache))
  end)

  it("computes functions without a version every time", function()
    local set = set_of(nil)
    local first, second = set:compute(bars, o), set:compute(bars, o)
    assert.equal(4, calls)
    assert.equal(1, #entries "npy")
    assert_equal_frames(first, second)
  end)

  it("is another entry for other bars, names, options and versions", function()
    local function count(set, given, options)
      set:compute(given, options)
      return #entries "npy"
    end
    local set = set_of(1)
    assert.equal(1, count(set, bars, o))
    local moved = bars:assign { { "close", bars.close:mul(1.0000001) } }
    assert.equal(2, count(set, moved, o))
    assert.equal(3, count(set, bars:head(599), o))
    assert.equal(4, count(set_of(2), bars, o))
    assert.equal(5, count(set, bars, { by = "symbol", cache = folder, cadence = "1m" }))
    assert.equal(6, count(features.set({ "rsi_14" }), bars, o))
    assert.equal(7, count(features.set({ "hour" }), bars, o))
    assert.equal(8, count(features.set({ "hour" }, { time_zone = "Asia/Tokyo" }), bars, o))
    assert.equal(9, count(features.set({ "trend" }):fit(bars), bars, o))
    assert.equal(10, count(features.set({ "trend" }):fit(bars:head(10)), bars, o))
    -- What is not read changes nothing.
    assert.equal(10, count(features.set({ "rsi_14" }),
      bars:assign { { "volume", bars.volume:mul(2) } }, o))
    local one = bars:where(bars.symbol:eq "A")
    assert.equal(11, count(features.set({ "rsi_14" }), one, { cache = folder }))
    assert.equal(11, count(features.set({ "rsi_14" }), { close = one.close }, { cache = folder }))
  end)

  local damages = {
    { "a flipped bit", function(path)
      local text = file.read(path)
      local at = #text - 100
      file.write(path, text:sub(1, at - 1) .. string.char(text:byte(at) ~ 1) .. text:sub(at + 1))
    end },
    { "a short file", function(path) file.write(path, file.read(path):sub(1, -9)) end },
    { "an empty file", function(path) file.write(path, "") end },
    { "another array", function(path) tensor.save(path, tensor.ones { 3 }) end },
    { "another shape", function(path) tensor.save(path, tensor.ones { 6, 600 }) end },
    { "no file", function(path) file.remove(path) end },
    { "no note", function(path) file.remove((path:gsub("npy$", "json"))) end },
    { "a broken note", function(path) file.write((path:gsub("npy$", "json")), "{") end },
    { "a changed note", function(path)
      path = path:gsub("npy$", "json")
      file.write(path, (file.read(path):gsub('"rows": *%d', '"rows":9')))
    end },
    { "a folder", function(path)
      file.remove(path)
      file.mkdir(path)
    end, true },
  }
  for _, damage in ipairs(damages) do
    it("computes anew after " .. damage[1], function()
      neap.log.to(folder .. "/log.txt")
      finally(function() neap.log.to() end)
      local set = set_of(1)
      local first = set:compute(bars, o)
      damage[2](entries("npy")[1])
      assert_equal_frames(first, set:compute(bars, o))
      assert.equal(4, calls)
      if damage[3] then return end
      assert_equal_frames(first, set:compute(bars, o))
      assert.equal(4, calls)
    end)
  end

  it("notices a change in a large entry", function()
    local large = market.synthetic { rows = 300000 }
    local set = features.set { "rsi_14", "sma_9", "ret_5" }
    local first = set:compute(large, { cache = folder })
    assert_equal_frames(first, set:compute(large, { cache = folder }))
    neap.log.to(folder .. "/log.txt")
    finally(function() neap.log.to() end)
    first = set:compute(large)
    local path = entries("npy")[1]
    local f = assert(io.open(path, "r+b"))
    f:seek("set", 4000000)
    f:write "XXXX"
    f:close()
    assert_equal_frames(first, set:compute(large, { cache = folder }))
    assert.matches("a damaged entry of the cache", file.read(folder .. "/log.txt"), 1, true)
    -- A copy with other times is looked through and then trusted again.
    file.write(path, file.read(path))
    assert_equal_frames(first, set:compute(large, { cache = folder }))
  end)

  it("gives columns even when they cannot be kept", function()
    file.write(folder .. "/file", "")
    neap.log.to(folder .. "/log.txt")
    finally(function() neap.log.to() end)
    local f = features.set({ "rsi_14" }):compute(bars, { by = "symbol", cache = folder .. "/file" })
    assert.equal(600, #f)
    assert.matches("could not be kept", file.read(folder .. "/log.txt"), 1, true)
  end)

  it("says what it cannot take", function()
    local set = features.set { "rsi_14" }
    assert.matches("cache must be a string, got number",
      support.message(set.compute, set, bars, { by = "symbol", cache = 7 }))
    local own = features.set { { "own", function(b) return b.close end, version = 1 } }
    assert.matches("the bars may hold columns, not a function as in 'helper'", support.message(
      own.compute, own, { close = tensor.ones { 3 }, helper = print }, { cache = folder }), 1, true)
    local mixed = frame.new { { "close", tensor.ones { 3 } } }
    assert.equal(3, #own:compute(mixed, { cache = folder }))
  end)
end)
