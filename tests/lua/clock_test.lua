local clock = require "neap.clock"
local file = require "neap.file"
local support = require "tests.lua.support"

describe("clock", function()
  it("runs forward, and sleeps at least as long as asked", function()
    local before = clock.monotonic()
    clock.sleep(0.002)
    assert.is_true(clock.monotonic() - before >= 2000000)
    assert.is_true(clock.wall() > 1700000000 * 10 ^ 9)
    assert.is_true(clock.cpu() > 0)
    assert.is_true(clock.peak_rss() > 1000000)
    assert.equal("integer", math.type(clock.peak_rss()))
    assert.matches("sleep: %-1 seconds", support.message(clock.sleep, -1))
  end)

  it("reads and prints times, in zones too", function()
    assert.equal(0, clock.parse "1970-01-01")
    assert.equal(1709303400000000000, clock.parse "2024-03-01T15:30:00+01:00")
    assert.equal("2024-03-01T14:30:00.25Z", clock.print(1709303400250000000))
    assert.equal("2024-03-01T09:30:00-05:00",
      clock.print(1709303400000000000, "America/New_York"))
    assert.equal("NaT", clock.print(clock.nat))
    assert.equal(clock.nat, clock.parse "NaT")
    assert.is_nil(clock.parse "01/03/2024")
    assert.is_nil(clock.parse "1709303400")
    assert.equal(19800, clock.offset(0, "+05:30"))
  end)

  it("says when a local time was skipped or shown twice, and takes the side it is told", function()
    local zone = "America/New_York"
    local function parse(text, ambiguous)
      return clock.parse(text, { time_zone = zone, ambiguous = ambiguous })
    end
    assert.matches("local time 2024%-03%-10T02:30:00 in America/New_York was skipped by the clock",
      support.message(parse, "2024-03-10 02:30"))
    assert.matches("2024%-11%-03T01:30:00 in America/New_York happened twice",
      support.message(parse, "2024-11-03 01:30"))
    assert.equal("2024-11-03T05:30:00Z", clock.print(parse("2024-11-03 01:30", "earliest")))
    assert.equal("2024-11-03T06:30:00Z", clock.print(parse("2024-11-03 01:30", "latest")))
    assert.equal("2024-11-03T01:30:00-04:00",
      clock.print(parse("2024-11-03 01:30", "earliest"), zone))
  end)

  it("names an unknown zone, option or policy", function()
    assert.matches("clock_test.lua:%d+: time zone 'Mars/Base' is unknown",
      support.message(function() clock.parse("2024-01-01", { time_zone = "Mars/Base" }) end))
    assert.matches("unknown option 'timezone' %(did you mean 'time_zone'%?%)",
      support.message(clock.parse, "2024-01-01", { timezone = "UTC" }))
    assert.matches("clock.parse: unknown ambiguous = 'both'",
      support.message(clock.parse, "2024-01-01", { ambiguous = "both" }))
  end)

  it("reads the zones of the folder in TZDIR", function()
    local folder = file.temporary_folder()
    local zone = file.read "/usr/share/zoneinfo/Asia/Tokyo"
    file.write(folder .. "/Edo", zone)
    local code = [[print(require 'neap.clock'.offset(0, 'Edo'))]]
    local out = io.popen(("TZDIR=%s %s -e \"%s\""):format(folder, arg[-1], code)):read "a"
    assert.equal("32400\n", out)
    file.remove_tree(folder)
  end)

  it("reads and prints numbers free of the locale", function()
    local number = require "neap.c.number"
    for _, case in ipairs { { "12", 12 }, { "-0.5", -0.5 }, { "1e3", 1000.0 }, { "+7", 7 },
      { "9223372036854775808", 2.0 ^ 63 }, { "Infinity", math.huge } } do
      local v = number.parse(case[1])
      assert.equal(case[2], v)
      assert.equal(math.type(case[2]), math.type(v))
    end
    assert.is_nil(number.parse "0x10")
    assert.is_nil(number.parse " 1")
    assert.equal("0.1", number.print(0.1))
    assert.equal("0.10000000000000001", number.print_17(0.1))
    assert.equal("-9223372036854775808", number.print(math.mininteger))
    assert.equal("3", number.print(3.0))
    assert.equal("nan", number.print(0 / 0))
    assert.matches("number expected", support.message(number.print, "x"))
  end)
end)
