local file = require "neap.file"
local frame = require "neap.frame"
local json = require "neap.json"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan, inf = 0 / 0, math.huge

local function near(a, b, tol)
  if a ~= a or b ~= b then return a ~= a and b ~= b end
  return a == b or math.abs(a - b) <= tol * math.max(math.abs(a), math.abs(b))
end

local golden = json.decode(file.read "tests/golden/pandas/windows.json")

local function is_null(v) return v == nil or v == json.null end

local function numbers(values)
  local out = {}
  for i = 1, #values do
    local v = values[i]
    out[i] = is_null(v) and nan or v == "inf" and inf or v == "-inf" and -inf or v + 0.0
  end
  return tensor.of(out)
end

local function frame_of(input)
  local columns = {}
  for _, name in ipairs { "time", "x", "y", "g", "h" } do
    local values = input[name]
    if name == "time" and values then
      local ns = {}
      for i, s in ipairs(values) do ns[i] = math.tointeger(s) * 1000000000 end
      columns[#columns + 1] = { name, tensor.of(ns, { dtype = "i64" }) }
    elseif name == "g" and values then columns[#columns + 1] = { name, values }
    elseif values then columns[#columns + 1] = { name, numbers(values) }
    end
  end
  return frame.new(columns)
end

local inputs = {}
for name, input in pairs(golden.inputs) do inputs[name] = frame_of(input) end

local function options_of(o)
  local out = {}
  for name, value in pairs(o) do out[name] = math.tointeger(value) or value end
  return out
end

local function computed(case)
  local f, o = inputs[case.input], options_of(case.o)
  local n = not is_null(case.n) and (math.tointeger(case.n) or case.n) or nil
  if case.kind == "shift" or case.kind == "diff" or case.kind == "pct_change" then
    o.columns = "x"
    return f[case.kind](f, n, o).x
  end
  local windows
  if case.kind == "rolling" then windows = f:rolling(n, o) else windows = f[case.kind](f, o) end
  local method, arguments = windows[case.statistic], options_of(case.arguments)
  if case.statistic == "quantile" then return method(windows, arguments.q + 0.0, "x") end
  if case.statistic == "corr" then return method(windows, "x", "y") end
  if case.statistic == "cov" then return method(windows, "x", "y", arguments) end
  if next(arguments) == nil then return method(windows, "x") end
  return method(windows, "x", arguments)
end

-- pandas' own rounding where it subtracts what leaves a window, or squares a mean
local loose = { sum = 1e-12, mean = 1e-12, std = 1e-8, var = 1e-8, skew = 1e-8, kurt = 1e-8,
  corr = 1e-8, cov = 1e-8 }

describe("the windows of frames, as in pandas,", function()
  local groups = {}
  for i, case in ipairs(golden.cases) do
    local name = case.kind .. " " .. (is_null(case.statistic) and "" or case.statistic)
    groups[name] = groups[name] or {}
    table.insert(groups[name], { i, case })
  end
  for name, cases in pairs(groups) do
    it("give its values: " .. name, function()
      for _, entry in ipairs(cases) do
        local i, case = entry[1], entry[2]
        local got, want = computed(case), numbers(case.want)
        local tol = case.because and 1e-14 or loose[case.statistic] or 1e-14
        assert.equal(#want, #got)
        for row = 1, #want do
          local small = not case.because and loose[case.statistic] == 1e-8
            and math.abs(got[row] - want[row]) < 1e-12
          assert(small or near(got[row], want[row], tol),
            ("case %d (%s %s of %s %s) row %d: %.17g, pandas has %.17g"):format(i, case.kind,
              tostring(case.statistic), case.input, json.encode(case.o), row, got[row],
              want[row]))
        end
      end
    end)
  end
end)

-- Every window on its own, from its numbers w (and v beside them): what the fast ways are held to.
local plain = {}
function plain.sum(w)
  local total = 0.0
  for _, v in ipairs(w) do total = total + v end
  return total
end
function plain.mean(w) return plain.sum(w) / #w end
local function power(w, k)
  local mean, total = plain.mean(w), 0.0
  for _, v in ipairs(w) do total = total + (v - mean) ^ k end
  return total
end
function plain.var(w) return #w > 1 and power(w, 2) / (#w - 1) or nan end
function plain.std(w) return plain.var(w) ^ 0.5 end
function plain.min(w) return #w > 0 and math.min(table.unpack(w)) or nan end
function plain.max(w) return #w > 0 and math.max(table.unpack(w)) or nan end
function plain.first(w) return w[1] or nan end
function plain.last(w) return w[#w] or nan end
function plain.count(w) return #w end
function plain.skew(w)
  local n, m2 = #w, power(w, 2)
  if n < 3 then return nan end
  return m2 == 0 and 0.0 or n * (n - 1) ^ 0.5 / (n - 2) * power(w, 3) / m2 ^ 1.5
end
function plain.kurt(w)
  local n, m2 = #w, power(w, 2)
  if n < 4 then return nan end
  if m2 == 0 then return -3.0 end
  return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * n * power(w, 4) / m2 ^ 2 - 3 * (n - 1))
end
function plain.quantile(w)
  if #w == 0 then return nan end
  local sorted = table.move(w, 1, #w, 1, {})
  table.sort(sorted)
  local rank = 0.3 * (#w - 1) + 1
  local low = math.floor(rank)
  local a, b = sorted[low], sorted[math.min(low + 1, #w)]
  return a + (b - a) * (rank - low)
end
function plain.rank(w, _, last)
  if not last or last ~= last then return nan end
  local below, equal = 0, 0
  for _, v in ipairs(w) do
    below, equal = below + (v < last and 1 or 0), equal + (v == last and 1 or 0)
  end
  return below + (equal + 1) / 2
end
function plain.cov(w, v)
  local a, b, total = plain.mean(w), plain.mean(v), 0.0
  for i = 1, #w do total = total + (w[i] - a) * (v[i] - b) end
  return #w > 1 and total / (#w - 1) or nan
end
function plain.corr(w, v)
  return plain.cov(w, v) / (plain.var(w) * plain.var(v)) ^ 0.5
end

local function call(windows, statistic)
  if statistic == "quantile" then return windows:quantile(0.3, "x") end
  if statistic == "cov" or statistic == "corr" then return windows[statistic](windows, "x", "y") end
  return windows[statistic](windows, "x")
end

-- inside(i, j): whether row j <= i is in the window of row i.
local function assert_windows(f, windows, inside, least, what)
  local x, y, group = f.x:totable(), f.y:totable(), f.g:totable()
  for statistic, fn in pairs(plain) do
    local got, two = call(windows, statistic):totable(), statistic:find "^co[vr]" ~= nil
    assert.equal(#x, #got)
    for i = 1, #x do
      local w, v, last = {}, {}, nil
      for j = 1, i do
        if group[i] and group[j] == group[i] and inside(i, j) then
          last = x[j]
          if x[j] == x[j] and not (two and y[j] ~= y[j]) then w[#w + 1], v[#v + 1] = x[j], y[j] end
        end
      end
      local want = nan
      if group[i] and (#w >= least or statistic == "count") then want = fn(w, v, last) end
      -- powers of differences from a mean, which is rounded here
      local tol = 1e-10
      assert(near(got[i], want, tol) or math.abs(got[i] - want) < 1e-10,
        ("%s %s, row %d: %.17g, expected %.17g"):format(statistic, what, i, got[i], want))
    end
  end
end

local function random_frame(n, seed)
  local r = neap.rng(seed)
  local x, y = tensor.randn { n, rng = r }, tensor.randn { n, rng = r }
  local second = n > 0 and tensor.randint { n, low = 0, high = 3, rng = r }:cumsum()
    or tensor.zeros { 0, dtype = "i64" }
  local groups = {}
  for i = 1, n do groups[i] = ({ "a", "b", "c", false })[1 + (i * i + seed) % 11 % 4] end
  for i = 3, n, 5 do x[i] = nan end
  for i = 4, n, 7 do y[i] = nan end
  for i = 5, n, 6 do x[i] = x[i - 1] end
  return frame.new { { "time", second * 1000000000 }, { "x", x }, { "y", y },
    { "g", frame.category(groups) } }
end

-- How many rows of its group stand between row j and row i.
local function rows_between(group)
  local seen, place = {}, {}
  for i, g in ipairs(group) do
    if g then seen[g] = (seen[g] or 0) + 1 end
    place[i] = g and seen[g] or 0
  end
  return function(i, j) return place[i] - place[j] end
end

describe("the windows of frames", function()
  it("are those of a plain search, in groups that are not adjacent", function()
    for seed, n in ipairs { 0, 1, 2, 9, 40, 73 } do
      local f = random_frame(n, seed)
      local between, time = rows_between(f.g:totable()), f.time:totable()
      for _, rows in ipairs { 1, 2, 5, 16, 100 } do
        for closed, side in pairs { right = { rows - 1, 0 }, left = { rows, 1 },
          both = { rows, 0 }, neither = { rows - 1, 1 } } do
          local least = math.min(rows, 2)
          assert_windows(f, f:rolling(rows, { min_count = least, by = "g", closed = closed }),
            function(i, j) return between(i, j) <= side[1] and between(i, j) >= side[2] end, least,
            ("of %d rows of %d, closed %s"):format(rows, n, closed))
        end
      end
      for _, seconds in ipairs { 1, 4, 1000 } do
        for closed, fits in pairs {
          right = function(age) return age < seconds end,
          left = function(age) return age > 0 and age <= seconds end,
          both = function(age) return age <= seconds end,
          neither = function(age) return age > 0 and age < seconds end,
        } do
          assert_windows(f, f:rolling(seconds .. "s", { by = "g", closed = closed }),
            function(i, j) return fits((time[i] - time[j]) // 1000000000) end, 1,
            ("of %d s of %d, closed %s"):format(seconds, n, closed))
        end
      end
      assert_windows(f, f:expanding { by = { "g" } }, function() return true end, 1, "expanding")
      assert.equal(n, #f:ewm({ span = 3, by = "g" }):mean "x")
    end
  end)

  it("have the same values over few and many numbers, and in every stretch", function()
    local n = 3000
    local x = tensor.randn { n, seed = 5 }
    x[{ { 7, n, 50 } }] = nan
    x[{ { 9, n, 3 } }] = 0.25
    local f = frame.new { { "x", x }, { "y", tensor.randn { n, seed = 6 } } }
    for _, rows in ipairs { 200, 201, 1200, 2999, 5000 } do
      local o = { min_count = 1 }
      local q, r = f:rolling(rows, o):quantile(0.3, "x"), f:rolling(rows, o):rank "x"
      local sd, sum = f:rolling(rows, o):std "x", f:rolling(rows, o):sum "x"
      for _, i in ipairs { 1, 2, 8, 9, 500, 1201, 2999, 3000 } do
        local w = x[{ { math.max(1, i - rows + 1), i } }]
        assert.equal(w:quantile(0.3, { skip_nan = true }), q[i])
        local v = x[i]
        local rank = w:lt(v):sum() + (w:eq(v):sum() + 1) / 2
        assert(near(v == v and rank or nan, r[i], 0), i)
        assert(near(w:std(1, { ddof = 1, skip_nan = true }), sd[i], 1e-12), i)
        assert(near(w:sum { skip_nan = true }, sum[i], 1e-12), i)
      end
    end
  end)

  it("of a regular clock are windows of rows", function()
    local n = 500
    local time = tensor.arange(1, n, { dtype = "i64" }) * 60000000000
    local f = frame.new { { "time", time }, { "x", tensor.randn { n, seed = 3 } } }
    assert.same(f:rolling(20, { min_count = 1 }):std("x"):totable()[77],
      f:rolling("20m"):std("x"):totable()[77])
    assert.is_true(f:rolling("20m"):mean("x"):eq(f:rolling(20, { min_count = 1 }):mean("x")):all())
  end)

  it("give the same bits at any thread count, in any company", function()
    local n = 150000
    local r = neap.rng(9)
    local x = tensor.randn { n, rng = r }
    local f = frame.new { { "x", x }, { "y", tensor.randn { n, rng = r } },
      { "time", tensor.randint { n, low = 0, high = 3, rng = r }:cumsum() },
      { "k", tensor.randint { n, low = 1, high = 3, rng = r } } }
    local last = f:rows(n - 99, n)
    local function all()
      local out = {}
      for i, windows in ipairs { f:rolling(30, { by = "k", min_count = 2 }), f:rolling(7),
        f:rolling("40ns", { by = "k" }), f:rolling(5000, { min_count = 1 }), f:expanding() } do
        for _, statistic in ipairs { "sum", "std", "rank", "corr", "kurt" } do
          out[#out + 1] = call(windows, statistic):slice(1, 100, -1)
          out[i .. statistic] = #out
        end
      end
      out[#out + 1] = f:ewm({ span = 9, by = "k" }):std("x"):slice(1, 10, -1)
      out[#out + 1] = f:shift(3, { by = "k" }).x:slice(1, 100, -1)
      return out
    end
    neap.set_threads(1)
    local one = all()
    for _, threads in ipairs { 2, 4 } do
      neap.set_threads(threads)
      for i, t in ipairs(all()) do
        assert.is_true((one[i]:eq(t) | one[i]:ne(one[i])):all(), "result " .. i)
      end
    end
    neap.set_threads(2)
    -- a window of rows has the same bits wherever it stands
    for _, statistic in ipairs { "sum", "mean", "std", "corr" } do
      local whole, alone = call(f:rolling(7), statistic), call(last:rolling(7), statistic)
      assert.equal(whole[n], alone[100])
      assert.equal(whole[n - 50], alone[50])
    end
  end)

  it("are exact at large offsets, and forget what has left", function()
    local x, y = tensor.randn { 400, seed = 2 }, tensor.randn { 400, seed = 3 }
    local high, higher = x + 1e8, y + 1e8
    local f = frame.new { { "x", high }, { "y", higher } }
    local g = frame.new { { "x", high - 1e8 }, { "y", higher - 1e8 } }
    for _, windows in ipairs { { f:rolling(20), g:rolling(20) }, { f:expanding(), g:expanding() },
      { f:ewm { span = 9 }, g:ewm { span = 9 } } } do
      for _, statistic in ipairs { "std", "cov", "corr", "skew", "kurt" } do
        local weighted = rawget(windows[1], "alpha")
        if not weighted or not statistic:find "^[sk][ku]" then
          local a, b = call(windows[1], statistic), call(windows[2], statistic)
          local worst = (a - b):abs():max { skip_nan = true }
          -- the mean of an ewm itself has a place in the last digit of 1e8
          assert(worst < (weighted and 1e-7 or 1e-12), statistic .. " " .. worst)
        end
      end
    end
    local struck = x:clone()
    struck[50] = 1e300
    local clean = frame.new { { "x", x } }:rolling(10):kurt "x"
    local after = frame.new { { "x", struck } }:rolling(10):kurt "x"
    assert.same(clean:slice(1, 80, 90):totable(), after:slice(1, 80, 90):totable())
  end)

  it("keep what is no number, f32, and the keys", function()
    local f = frame.new { { "time", tensor.of({ 1, 2, 3 }, { dtype = "i64" }) },
      { "k", { 1, 1, 2 } }, { "s", { "a", "b", "c" } },
      { "x", tensor.of({ 1, 2, 3 }, { dtype = "f32" }) },
      { "i", tensor.of({ 4, 5, 6 }, { dtype = "i32" }) }, { "b", tensor.of { true, false, true } } }
    local g = f:shift(1, { by = "k" })
    assert.same({ "time", "k", "s", "x", "i", "b" }, g:columns())
    assert.same({ "time", "f64", "category", "f32", "f64", "f64" },
      { g:dtype "time", g:dtype "k", g:dtype "s", g:dtype "x", g:dtype "i", g:dtype "b" })
    support.same({ 1, 1, 2 }, g.k)
    support.same({ nan, 1, nan }, g.x)
    support.same({ nan, 4, nan }, g.i)
    support.same({ 1, 0.5, 2 / 3 }, f:expanding():mean "b")
    local r = f:rolling(2, { columns = "i" }):sum()
    support.same({ nan, 9, 11 }, r.i)
    support.same({ 1, 2, 3 }, r.x)
    assert.equal("f32", f:rolling(2):sum("x").dtype)
    assert.equal("f32", f:ewm({ span = 2 }):mean("x").dtype)
  end)

  it("know groups of few rows among many labels, and of none", function()
    local labels = {}
    for i = 1, 200000 do labels[i] = "s" .. i end
    local f = frame.new { { "x", tensor.arange(1, 200000) }, { "g", labels } }
    local last = f:rows(199998, 200000)
    support.same({ 199998, 199999, 200000 }, last:expanding({ by = "g" }):sum "x")
    support.same({ nan, nan, nan }, last:shift(1, { by = "g" }).x)
    local none = frame.new { { "x", { 1, 2 } }, { "g", frame.category { false, false } } }
    support.same({ nan, nan }, none:expanding({ by = "g" }):sum "x")
    support.same({ nan, nan }, none:rolling(1, { by = { "g", "x" } }):count "x")
  end)

  it("apply functions", function()
    local f = random_frame(60, 4)
    local function mean(w) return w:mean { skip_nan = true } end
    for _, windows in ipairs { f:rolling(5, { min_count = 2, by = "g" }),
      f:rolling("3s", { closed = "left" }), f:expanding { by = "g" } } do
      local want, got = windows:mean "x", windows:apply(mean, "x")
      for i = 1, 60 do assert(near(want[i], got[i], 1e-14), i) end
    end
    assert.matches("frame:rolling:apply: the function gave a string for row 2, a number is",
      support.message(function()
        frame.new({ { "x", { 1, 2 } } }):rolling(2):apply(function() return "1" end, "x")
      end))
    assert.matches("frame:rolling:apply: fn must be a function, got string",
      support.message(function() f:rolling(2):apply("x", mean) end))
  end)

  it("say what is wrong", function()
    local f = random_frame(9, 1)
    local function message(method, ...) return support.message(f[method], f, ...) end
    for pattern, arguments in pairs {
      ["frame:rolling: n is 0, must be 1 at least"] = { "rolling", 0 },
      ["frame:rolling: n must be an integer, got nil"] = { "rolling" },
      ["frame:rolling: n is 'x', neither a number of rows nor a duration"] = { "rolling", "x" },
      ["frame:rolling: n is '0s', neither"] = { "rolling", "0s" },
      ["frame:rolling: option 'min_count' is 3, must be 2 at most"] =
        { "rolling", 2, { min_count = 3 } },
      ["frame:rolling: unknown value of 'closed' 'rigth' %(did you mean 'right'%?%)"] =
        { "rolling", 2, { closed = "rigth" } },
      ["frame:rolling: unknown option 'min_periods'"] = { "rolling", 2, { min_periods = 1 } },
      ["frame:rolling: unknown column 'z'"] = { "rolling", 2, { by = "z" } },
      ["frame:rolling: option 'by' must name a column, got an empty table"] =
        { "rolling", 2, { by = {} } },
      ["frame:rolling: column 'x' is a number, not times"] = { "rolling", "1s", { time = "x" } },
      ["frame:shift: column 'g' is a category, not numbers"] = { "shift", 1, { columns = "g" } },
      ["frame:shift: k must be an integer, got 1.5"] = { "shift", 1.5 },
      ["frame:ewm: one of alpha, com, half_life, span is needed"] = { "ewm", {} },
      ["frame:ewm: options 'alpha' and 'span' exclude each other"] =
        { "ewm", { span = 2, alpha = 0.5 } },
      ["frame:ewm: alpha is 2; the rule is 0 < alpha <= 1"] = { "ewm", { alpha = 2 } },
      ["frame:ewm: span is nan; the rule is span >= 1"] = { "ewm", { span = nan } },
      ["frame:ewm: half_life is 'x', not a duration"] = { "ewm", { half_life = "x" } },
      ["frame:ewm: with a duration as half_life, adjust = false"] =
        { "ewm", { half_life = "1s", adjust = false } },
    } do
      assert.matches(pattern, message(table.unpack(arguments)))
    end
    assert.matches("frame:rolling: unknown statistic 'agg' %(known: apply, corr, .*, var%)",
      support.message(function() return f:rolling(2):agg() end))
    assert.matches("frame:ewm: unknown statistic 'kurtosis' %(known: corr, cov, mean, std, var%)",
      support.message(function() return f:ewm({ span = 2 }):kurtosis() end))
    assert.matches("a duration like 30s, 5m, 1h or 1d %(did you mean '3h'%?%)",
      support.message(f.rolling, f, "3H"))
    assert.matches("neither a number of rows nor a duration like [^(]*$",
      support.message(f.rolling, f, "3M"))
    local w = f:rolling(2)
    assert.matches("frame:rolling:mean: the column must be a string, got number",
      support.message(w.mean, w, 1))
    assert.matches("frame:rolling:mean: column 'g' is a category, not numbers",
      support.message(w.mean, w, "g"))
    assert.matches("rolling:quantile: q is 2, outside 0 to 1",
      support.message(w.quantile, w, 2, "x"))
    assert.matches("frame:rolling:corr: the second column must be a string, got nil",
      support.message(w.corr, w, "x"))
    local e = f:ewm { half_life = "1s" }
    assert.matches("frame:ewm:std: half_life is a duration, which is for the mean only",
      support.message(e.std, e, "x"))
    local times = f:column("time"):clone()
    times[3] = 0
    local g = f:assign { { "time", times } }
    assert.matches("frame:rolling: the time of row 3 is before that of row 2; sort the frame "
      .. "first, or name what tells its series apart in option 'by'",
      support.message(g.rolling, g, "2s"))
    g.h = tensor.of { 1, 2, 2, 3, 3, 3, 3, 3, 3 }
    assert.matches("frame:rolling: the time of row 3 is before that of row 2; sort the frame "
      .. "first$", support.message(g.rolling, g, "2s", { by = "h" }))
    assert.matches("frame:ewm: the time of row 3 is before that of row 2; sort",
      support.message(function() g:ewm({ half_life = "1s" }):mean "x" end))
    assert.matches("there is no column 'day'; option 'time' names the column of times "
      .. "%(here: time%)", support.message(g.rolling, g, "2s", { time = "day" }))
    times[1] = math.mininteger
    assert.matches("the time of row 1 is missing", support.message(g.rolling, g, "2s"))
    assert.matches("the time of row 1 is missing", support.message(function()
      g:ewm({ half_life = "1s" }):mean "x"
    end))
  end)

  it("print what they are", function()
    local f = frame.new { { "s", { "A", "B" } }, { "x", { 1, 2 } }, { "y", { 3, 4 } },
      { "time", tensor.of({ 1, 2 }, { dtype = "i64" }) } }
    assert.equal("rolling windows of 3 rows over 2 columns", tostring(f:rolling(3)))
    assert.equal("rolling windows of 3h over 1 column, by x",
      tostring(f:rolling("3h", { by = "x" })))
    assert.equal("rolling windows of 1 row over 1 column",
      tostring(f:rolling(1, { columns = "x" })))
    assert.equal("expanding windows over 1 column, by s, y",
      tostring(f:expanding { by = { "y", "s" } }))
    assert.equal("exponential weights of span = 9 over 2 columns", tostring(f:ewm { span = 9 }))
  end)
end)
