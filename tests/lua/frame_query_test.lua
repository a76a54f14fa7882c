local clock = require "neap.clock"
local frame = require "neap.frame"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local DAY = 86400 * 1000000000

-- One row of each kind is missing.
local function sample()
  return frame.new {
    { "time", tensor.of({ 0, DAY, clock.nat, 3 * DAY }, { dtype = "i64" }), "time" },
    { "close", { 9, 0 / 0, 12, 10 } },
    { "venue", { "A", "B", false, "A" } },
    { "home", { "B", "B", "A", "A" } },
    { "n", tensor.of({ 1, 2, 3, 4 }, { dtype = "i64" }) },
    { "small", tensor.of({ 1, 2, 3, 200 }, { dtype = "u8" }) },
    { "ok", tensor.of { true, false, true, false } },
    { "close price", { 1, 2, 3, 4 } },
  }
end

-- The rows that an expression keeps, as their `n`.
local function kept(text, values)
  return sample():where(text, values).n:totable()
end

describe("frame:where with an expression", function()
  local cases = {
    { "close > 9", { 3, 4 } }, { "close >= 9", { 1, 3, 4 } }, { "close != 9", { 2, 3, 4 } },
    { "close == close", { 1, 3, 4 } }, { "not close > 9", { 1, 2 } }, { "10 > close", { 1 } },
    { "1 < n <= 3", { 2, 3 } }, { "0 < n < 3 < small", {} }, { "4 > n > 1", { 2, 3 } },
    { "close > 9 and ok", { 3 } }, { "close > 9 or ok", { 1, 3, 4 } },
    { "(close > 9) & ~ok", { 4 } }, { "close > 9 & ! ok | n == 1", { 1, 4 } },
    { "n == 1 || n == 2 && ok", { 1 } }, { "not ok and not n == 2", { 4 } },
    { "ok", { 1, 3 } }, { "ok == false", { 2, 4 } }, { "ok != true", { 2, 4 } },
    { "true", { 1, 2, 3, 4 } }, { "1 > 2", {} }, { "ok or true", { 1, 2, 3, 4 } },
    { "n + n * 2 == 9", { 3 } }, { "(n + n) * 2 == 12", { 3 } }, { "n - 1 - 1 == 0", { 2 } },
    { "n // 2 == 1", { 2, 3 } }, { "n % 2 == 1", { 1, 3 } }, { "-n % 3 == 0", { 3 } },
    { "2 ^ n == 8", { 3 } }, { "n ^ 2 ^ 1 == 9", { 3 } }, { "-2 ^ 2 + n == 0", { 4 } },
    { "n / 2 == 1.5", { 3 } }, { "n > 1e0", { 2, 3, 4 } }, { "n > .5 + .75", { 2, 3, 4 } },
    { "close < inf", { 1, 3, 4 } }, { "close == nan", {} }, { "small < 300", { 1, 2, 3, 4 } },
    { "+n == 1", { 1 } }, { "n - -1 == 2", { 1 } },
    { "venue == 'A'", { 1, 4 } }, { 'venue != "A"', { 2, 3 } }, { "'A' == venue", { 1, 4 } },
    { "venue == home", { 2, 4 } }, { "venue != home", { 1, 3 } }, { "venue == venue", { 1, 2, 4 } },
    { "venue in ('A', 'B')", { 1, 2, 4 } }, { "venue not in ['A']", { 2, 3 } },
    { "n in (1, 4)", { 1, 4 } }, { "n not in (1, 4)", { 2, 3 } }, { "n in (1 + 1, -1)", { 2 } },
    { "missing(venue)", { 3 } }, { "missing(close) or missing(time)", { 2, 3 } },
    { "isfinite(close)", { 1, 3, 4 } }, { "abs(-n) == 2", { 2 } },
    { "maximum(n, 3) == 3", { 1, 2, 3 } },
    { "clamp(n, 2, 3) == 2", { 1, 2 } }, { "where(ok, close, 0) == 0", { 2, 4 } },
    { "time < '1970-01-02'", { 1 } }, { "time != '1970-01-01'", { 2, 3, 4 } },
    { "time >= '1970' and time <= '1970-01'", { 1 } }, { "'1970-01-03' < time", { 4 } },
    { "time in ('1970-01-01', '1970-01-04 00:00')", { 1, 4 } }, { "time == time", { 1, 2, 4 } },
    { "time + 86400000000000 == '1970-01-02'", { 1 } }, { "time - time == 0", { 1, 2, 4 } },
    { "time - @day <= 0", { 1, 2 }, { day = DAY } },
    { "`close price` == 2", { 2 } }, { "close>9 and n<4", { 3 } },
    { "n >= @low and venue == @name", { 4 }, { low = 2, name = "A" } },
    { "n in @list", { 2, 3 }, { list = { 2, 3 } } },
    { "venue in @list", { 2 }, { list = { "B" } } },
    { "n > @x", { 2, 3 }, { x = tensor.of { 1, 1, 1, 9 } } }, { "@m", { 3 },
      { m = tensor.of { false, false, true, false } } },
    { "not @flag", { 1, 2, 3, 4 }, { flag = false } },
  }
  for _, case in ipairs(cases) do
    it("keeps the right rows: " .. case[1], function()
      assert.same(case[2], kept(case[1], case[3]))
    end)
  end

  local mistakes = {
    { "clos > 1", "unknown column 'clos' (did you mean 'close'?)\n  clos > 1\n  ^^^^" },
    { "n > 1 and\n  foo < 3", "unknown column 'foo'; columns are time, close, venue, home, n, "
      .. "small, ok, close price\n    foo < 3\n    ^^^" },
    { "close = 3", "'=' assigns nothing here, equality is '=='\n  close = 3\n        ^" },
    { "n ** 2 > 1", "powers are written '^'\n  n ** 2 > 1\n    ^^" },
    { "(n > 1", "')' is expected, got the end\n  (n > 1\n        ^" },
    { "n > 1)", "an operator is expected, got ')'\n  n > 1)\n       ^" },
    { "n >", "a column, a number or a text is expected, got the end\n  n >\n     ^" },
    { "venue == 'A", "this quote is not closed\n  venue == 'A\n           ^" },
    { "n > 1.2.3", "'1.2.3' is not a number\n  n > 1.2.3\n      ^^^^^" },
    { "n > 3x", "'3x' is not a number" }, { "n # 1", "'#' is not understood here" },
    { "close and ok", "'and' needs a mask such as a comparison, this is a number\n"
      .. "  close and ok\n  ^^^^^" },
    { "close", "a mask is needed, as a comparison gives; this is a number" },
    { "sq(n) > 1", "unknown function 'sq'" }, { "sqr(n) > 1", "did you mean 'sqrt'?" },
    { "isna(close)", "unknown function 'isna'; write missing(x)\n  isna(close)\n  ^^^^" },
    { "close is null", "missing values are found by missing(x)\n  close is null\n        ^^" },
    { "n > mean(n)", "'mean'; a row is computed from itself alone; give the value as @mean" },
    { "n > shift(n, 1)", "a row is computed from itself alone; make a column of it first" },
    { "hour(time) == 1", "times are only compared; clock.fields(f.time).hour" },
    { "time.hour == 1", "functions are f(x), names with points stand in backquotes" },
    { "sqrt(n, 2) > 1", "sqrt takes 1 argument, got 2" },
    { "abs(venue) > 1", "abs() needs numbers, this is a text" },
    { "venue < 'B'", "text is compared by '==', '!=' and 'in' only" },
    { "venue == 'Aa'", "no row has the text 'Aa' (did you mean 'A'?)" },
    { "venue in ('A', 2)", "text is compared with a number" },
    { "n in ()", "the list is empty" }, { "n in 3", "'(' and a list is expected" },
    { "ok in (1)", "a column of numbers, times or text is expected before 'in'" },
    { "n > 'x'", "a number cannot be compared with a text" },
    { "time > 'soon'", "'soon' is no time such as" }, { "-time > 0", "a time has no sign" },
    { "time * 2 > 0", "times are subtracted, or moved" },
    { "@limit > 1", "@limit is not given; values come in a table after the text" },
    { "@x > 1", "the frame has 4 rows, @x is tensor<f64>[2]", { x = tensor.of { 1, 2 } } },
    { "@x > 1", "@x is a function", { x = print } }, { "1 // 0 == n", "division by 0" },
    { "@ > 1", "a name is expected after '@'" }, { "", "the expression is empty" },
    { ("("):rep(300) .. "n" .. (")"):rep(300), "nested too deep" },
    { ("not "):rep(300) .. "ok", "too many 'not'" },
    { ("-"):rep(300) .. "n > 1", "too many signs" },
    { ("abs("):rep(20000), "nested too deep" }, { ("n in ("):rep(20000), "nested too deep" },
    { ("n^"):rep(20000) .. "n", "too many powers" },
    { "venue not 'A'", "'in' after 'not' is expected" },
  }
  for _, case in ipairs(mistakes) do
    it("teaches: " .. case[1]:sub(1, 30), function()
      local text = support.message(function() return sample():where(case[1], case[3]) end)
      assert.truthy(text:find(case[2], 1, true), text)
    end)
  end

  it("takes constants in functions", function()
    local f = sample()
    assert.same({ 2, 2, 2, 2 }, f:eval("maximum(1, 2)"):totable())
    assert.same({ 0.5, 0.5, 0.5, 0.5 }, f:eval("abs(-0.5)"):totable())
    assert.equal(#f, #f:where "isfinite(clamp(7, 0, 1))")
  end)

  it("names the line of the caller", function()
    local text = support.message(function() local _ = sample():where "nope > 1" end)
    assert.truthy(text:find("frame_query_test.lua:%d+: frame:where: unknown column"), text)
  end)

  it("works on a frame without rows", function()
    local none = sample():rows(5)
    assert.equal(0, #none:where "close > 1 and venue == 'A' and time > '1970'")
    assert.equal(0, #none:where "true")
  end)

  it("takes long chains", function()
    local parts = {}
    for i = 1, 5000 do parts[i] = "n != " .. i + 4 end
    assert.equal(4, #sample():where(table.concat(parts, " and ")))
  end)
end)

describe("frame:eval", function()
  it("gives a value for each row", function()
    local f = sample()
    support.same({ 19, 0 / 0, 27, 24 }, f:eval "close * 2 + n")
    support.same({ 7, 7, 7, 7 }, f:eval "3 + 4")
    assert.equal("i64", f:eval("time - 5").dtype)
    assert.equal(clock.nat, f:eval("time - 5")[3])
    support.same({ 0, 0, 0 / 0, 0 }, f:eval "time - time")
    assert.equal("A", f:eval("venue")[1])
    support.same({ true, true, true, true }, f:eval "true")
  end)

  it("refuses what has no value for a row", function()
    local text = support.message(function() return sample():eval "'A'" end)
    assert.truthy(text:find("no value for each row", 1, true))
    assert.truthy(support.message(function() return sample():eval(3) end):find "string")
  end)
end)

describe("one value for a column", function()
  it("stands in every row", function()
    local f = frame.new { { "x", { 1, 2 } }, { "s", "A" }, { "n", 3 }, { "v", 0.5 }, { "b", true } }
    assert.same({ "A", "A" }, f.s:totable())
    assert.same({ 3, 3 }, f.n:totable())
    assert.equal("i64 f64 bool", table.concat({ f.n.dtype, f.v.dtype, f.b.dtype }, " "))
    f.s = ""
    assert.same({ false, false }, f.s:totable())
    f.x = 7
    assert.same({ 7, 7 }, f.x:totable())
    assert.equal(0, #f:rows(3):assign({ { "t", "B" } }).t)
    local text = support.message(frame.new, { { "s", "A" } })
    assert.truthy(text:find("no rows to repeat it in", 1, true), text)
  end)
end)

describe("a frame as a table of text", function()
  it("escapes what Markdown and HTML would read", function()
    local f = frame.new { { "a|b", { "x|y", "<&>" } }, { "v", { 1, 0 / 0 } } }
    assert.equal("| a\\|b | v |\n| --- | ---: |\n| x\\|y | 1 |\n| <&> | nan |\n", f:markdown())
    local html = f:html()
    assert.truthy(html:find("&lt;&amp;&gt;", 1, true))
    assert.truthy(html:find('<td style="text-align:right">nan</td>', 1, true))
    assert.equal("", frame.new({}):markdown())
  end)

  it("leaves out the middle of long frames", function()
    local f = frame.new { { "n", tensor.arange(1, 100) } }
    assert.equal(2 + 21, select(2, f:markdown():gsub("\n", "")))
    assert.equal(2 + 100, select(2, f:markdown({ rows = math.huge }):gsub("\n", "")))
    assert.truthy(f:markdown({ rows = 3 }):find("| 2 |\n| ... |\n| 100 |", 1, true))
    assert.truthy(support.message(function() return f:html { rows = 0 / 0 } end):find "rows is")
  end)

  it("counts what is missing", function()
    assert.same({ 1, 1, 1, 0, 0, 0, 0, 0 }, sample():info().missing:totable())
    local lines = {}
    for line in tostring(sample()):gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.truthy(lines[4]:find "^ +1 NaT +1 nan +1 blank$")
    assert.equal(0, #frame.new({}):info())
  end)
end)
