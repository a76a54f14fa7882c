local clock = require "neap.clock"
local frame = require "neap.frame"
local market = require "neap.market"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local SECOND = 1000000000
local zones = dofile "tests/golden/pandas/time_zones.txt"
local between = dofile "tests/golden/pandas/time_between.txt"

-- Seconds, or "NaT", as times.
local function times_of(list)
  local ns = {}
  for i, s in ipairs(list) do ns[i] = s == "NaT" and clock.nat or s * SECOND end
  return tensor.of(ns, { dtype = "i64" })
end

local words = { AmbiguousTimeError = "happened twice", NonExistentTimeError = "was skipped" }

describe("local times become UTC as in pandas:", function()
  for i, case in ipairs(zones.cases) do
    local o = { time_zone = case.zone, ambiguous = case.ambiguous, nonexistent = case.nonexistent }
    it(("%d %s %s %s"):format(i, case.zone, case.ambiguous, case.nonexistent), function()
      local wall = times_of(case.local_)
      if case.error then
        assert.matches(words[case.error], support.message(clock.from_local, wall, o))
      else
        assert.same(times_of(case.utc):totable(), clock.from_local(wall, o):totable())
        local back = clock.to_local(times_of(case.utc), case.zone)
        for k, t in ipairs(case.utc) do -- a skipped time comes back as another one
          local shown = case.local_[k] == "NaT" and clock.nat or case.local_[k] * SECOND
          if t ~= "NaT" then
            assert.is_true(back[k] == shown or case.nonexistent == "forward")
          end
        end
      end
    end)
  end
end)

describe("fields equal those of pandas in", function()
  for _, case in ipairs(zones.fields) do
    it(case.zone, function()
      local times = times_of(case.times)
      local got = clock.fields(times, { time_zone = case.zone })
      for _, name in ipairs { "year", "quarter", "month", "week", "day", "day_of_year", "weekday",
        "hour", "minute", "second" } do
        assert.same(case[name], got[name]:totable(), name)
      end
      assert.equal(0, got.nanosecond:max())
      assert.same(times_of(case.local_):totable(), clock.to_local(times, case.zone):totable())
    end)
  end
end)

describe("between equals pandas:", function()
  for _, case in ipairs(between.cases) do
    local title = ("%s %s to %s in %s"):format(case.input, case.a, case.b, case.zone)
    it(title, function()
      local times = times_of(between.inputs[case.input])
      local f = frame.new { { "time", times }, { "n", tensor.arange(1, #times) } }
      local got = f:between(case.a, case.b, { time_zone = case.zone })
      assert.equal(case.count, #got)
      if case.count > 0 then
        assert.equal(case.first, got.n[1])
        assert.equal(case.first + case.count - 1, got.n[-1])
      end
    end)
  end
end)

describe("between", function()
  local function hours(n) return market.synthetic { rows = n, start = "2018-01-01" } end

  it("leaves out a bound with all that its text names", function()
    local f = hours(24 * 40)
    for closed, want in pairs { both = 960, left = 744, right = 216, neither = 0 } do
      assert.equal(want, #f:between("2018-01", "2018-02", { closed = closed }), closed)
    end
    local t = f.time
    for closed, want in pairs { both = 5, left = 4, right = 4, neither = 3 } do
      assert.equal(want, #f:between(t[3], t[7], { closed = closed }), closed)
    end
    assert.equal(960, #f:between())
    assert.equal(0, #f:between("2019", "2017"))
    assert.equal(0, #f:between(math.maxinteger, nil, { closed = "neither" }))
  end)

  it("reads offsets, and both showings of an hour", function()
    local f = hours(24 * 2)
    assert.equal(3, #f:between("2018-01-01T01:00+01:00", "2018-01-01 02:30Z"))
    assert.equal(2, #f:between("2018-01-01 03:00 UTC", "2018-01-01T04:00:00Z"))
    local autumn = market.synthetic { rows = 24, start = "2024-11-03" }
    local o = { time_zone = "America/New_York" }
    assert.equal(2, #autumn:between("2024-11-03 01", "2024-11-03 01", o))
    assert.equal(2, #autumn:between("2024-11-03 01:00", "2024-11-03 01:00", o))
  end)

  it("takes rows in any order, and never those without a time", function()
    local f = frame.new { { "time", tensor.of({ 5, clock.nat, 1, 3, 9, 4 }, { dtype = "i64" }) },
      { "n", { 1, 2, 3, 4, 5, 6 } } }
    assert.same({ 1, 4, 6 }, f:between(2, 5).n:totable())
    assert.same({ 1, 3, 4, 5, 6 }, f:between().n:totable())
    assert.same({ 1, 4, 5, 6 }, f:between(3, 9).n:totable())
  end)

  it("names what is wrong", function()
    local f = hours(5):assign { { "x", { 1, 2, 3, 4, 5 } } }
    for _, case in ipairs {
      { "the first bound '2018%-13' is not a time", "2018-13" },
      { "the first bound '2018%-02%-30' is not a time", "2018-02-30" },
      { "the first bound 'NaT' is not a time", "NaT" },
      { "the last bound '01/02/2018' is not a time", "2018", "01/02/2018" },
      { "the last bound must be a text or a time in nanoseconds, got number", "2018", 1.5 },
      { "the first bound 'NaT' is not a time", clock.nat },
      { "unknown closed 'open'", "2018", "2018", { closed = "open" } },
      { "column 'x' is no column of times", "2018", "2018", { time = "x" } },
      { "time zone 'New York' is unknown %(did you mean 'America/New_York'%?%)", "2018", "2018",
        { time_zone = "New York" } },
    } do
      assert.matches(case[1], support.message(function() f:between(case[2], case[3], case[4]) end))
    end
  end)
end)

describe("clock", function()
  it("reads arrays and categories of text", function()
    local o = { time_zone = "America/New_York", ambiguous = "infer", nonexistent = "missing" }
    local texts = { "2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 01:00", false, "",
      "2024-03-10 02:30", "2024-11-03T01:30Z" }
    local t = clock.parse(texts, o)
    local shown = {}
    for i, ns in ipairs(t:totable()) do shown[i] = clock.print(ns, "America/New_York") end
    assert.same({ "2024-11-03T00:30:00-04:00", "2024-11-03T01:30:00-04:00",
      "2024-11-03T01:00:00-05:00", "NaT", "NaT", "NaT", "2024-11-02T21:30:00-04:00" }, shown)
    assert.same(t:totable(), clock.parse(frame.category(texts), o):totable())
    o.ambiguous = "latest"
    assert.same(clock.parse(texts, o):totable(), clock.parse(frame.category(texts), o):totable())
    assert.equal(0, #clock.parse {})
    for want, list in pairs {
      ["element 2, 'noon', is not a time"] = { "2024-01-01", "noon" },
      ["element 1 is a number, text or false is expected"] = { 20240101 },
      ["element 1 is a boolean, text or false is expected"] = { true },
      ["element 2: local time 2024%-11%-03T01:30:00 in America/New_York happened twice, and no step"
        .. " back tells which it is"] = { "2024-11-03 00:30", "2024-11-03 01:30" },
    } do
      o.ambiguous = "infer"
      assert.matches(want, support.message(clock.parse, list, o))
    end
  end)

  it("keeps NaT, takes single times, and stays in the range of times", function()
    local t = tensor.of({ clock.nat, 0 }, { dtype = "i64" })
    assert.same({ clock.nat, 9 * 3600 * SECOND }, clock.to_local(t, "Asia/Tokyo"):totable())
    assert.equal(-9 * 3600 * SECOND, clock.from_local(0, { time_zone = "Asia/Tokyo" }))
    local f = clock.fields(t, { time_zone = "Asia/Tokyo", fields = { "hour", "nanosecond" } })
    support.same({ 0 / 0, 9 }, f.hour)
    support.same({ 0 / 0, 0 }, f.nanosecond)
    assert.is_nil(f.year)
    local last = tensor.of({ 0, math.maxinteger }, { dtype = "i64" })
    for _, fn in ipairs { clock.to_local, function(x, zone)
      return clock.fields(x, { time_zone = zone })
    end } do
      assert.matches("element 2: 2262%-04%-11T23:47:16.854775807Z leaves the range of times",
        support.message(fn, last, "Asia/Tokyo"))
      fn(last, "America/New_York")
    end
    assert.matches("element 2: local time 2262.* lies outside the range", support.message(
      clock.from_local, last, { time_zone = "America/New_York" }))
    assert.equal(2262.0, clock.fields(last).year[2])
    assert.equal(854775807.0, clock.fields(last).nanosecond[2])
    local earliest = clock.fields(tensor.of({ math.mininteger + 1 }, { dtype = "i64" }))
    assert.equal(1677.0, earliest.year[1])
    assert.equal(12.0, earliest.minute[1])
    assert.equal(145224193.0, earliest.nanosecond[1])
  end)

  it("names what is wrong", function()
    local t = tensor.of({ 0 }, { dtype = "i64" })
    for _, case in ipairs {
      { "clock.fields: unknown field 'minutes' %(did you mean 'minute'%?%)",
        function() clock.fields(t, { fields = { "minutes" } }) end },
      { "'hour' twice", function() clock.fields(t, { fields = { "hour", "hour" } }) end },
      { "clock.fields: times must be a tensor, got number", function() clock.fields(7) end },
      { "clock.to_local: time_zone must be a string, got nil", function() clock.to_local(t) end },
      { "time zone 'Asia/Tokio' is unknown %(did you mean 'Asia/Tokyo'%?%)",
        function() clock.to_local(t, "Asia/Tokio") end },
      { "clock.from_local: unknown ambiguous = 'first'",
        function() clock.from_local(t, { ambiguous = "first" }) end },
      { "clock.parse: unknown nonexistent = 'forwards' %(did you mean 'forward'%?%)",
        function() clock.parse({ "2024" }, { nonexistent = "forwards" }) end },
      { "clock.parse: the text must be a string, got number", function() clock.parse(7) end },
    } do
      assert.matches(case[1], support.message(case[2]))
    end
  end)
end)
