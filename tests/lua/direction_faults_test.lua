-- experiments/01_direction.lua on bad input: a clear error, the right exit code, nothing lost and
-- nothing left behind.
local command = require "tests.lua.command"
local file = require "neap.file"
local frame = require "neap.frame"
local market = require "neap.market"

local rows = 1200
local folder, lines

-- The bars of a made-up market as lines of CSV; line 1 is the header, line i + 1 is bar i.
local function read_lines(path)
  local list = {}
  for line in file.read(path):gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

-- bars.csv with line `at` changed by gsub; a later change adds to an earlier one.
local function write_bars(at, pattern, replacement)
  if at then
    local count
    lines[at], count = lines[at]:gsub(pattern, replacement)
    assert(count > 0, "the line was not changed: " .. lines[at])
  end
  file.write(folder .. "/bars.csv", table.concat(lines, "\n") .. "\n")
end

setup(function()
  folder = file.temporary_folder()
  market.synthetic({ rows = rows }):write_csv(folder .. "/bars.csv")
end)
teardown(function() file.remove_tree(folder) end)

-- Run, and check that it is refused with this code and one line that holds all the texts, without
-- a trace in the folder.
local function refused(code, arguments, texts, before)
  local was = command.contents(folder)
  local r = command.run(folder, arguments, before)
  assert.equal(code, r.code, r.out .. r.err)
  assert.truthy(r.err:find "^neap: [^\n]+\n$", r.err)
  for _, text in ipairs(texts) do
    assert.truthy(r.err:find(text, 1, true), ("%s\n  does not say\n%s"):format(r.err, text))
  end
  assert.same(was, command.contents(folder))
end

-- Run well; returns what was printed. The run folder goes.
local function runs(arguments)
  local r = command.run(folder, "--trees 3 " .. arguments)
  assert.equal(0, r.code, r.err)
  file.remove_tree(folder .. "/runs")
  return r.out
end

describe("a file is refused when it", function()
  before_each(function()
    file.remove_tree(folder)
    file.mkdir(folder)
    market.synthetic({ rows = rows }):write_csv(folder .. "/bars.csv")
    lines = read_lines(folder .. "/bars.csv")
  end)

  it("is missing, a folder, or below a file", function()
    refused(1, "--data none.csv", { "none.csv", "No such file" })
    refused(1, "--data .", { "'.'", "Is a directory" })
    refused(1, "--data bars.csv/x", { "bars.csv/x", "Not a directory" })
  end)

  it("is empty, or a header only", function()
    file.write(folder .. "/bars.csv", "")
    refused(1, "--data bars.csv", { "bars.csv is empty" })
    file.write(folder .. "/bars.csv", lines[1] .. "\n")
    refused(1, "--data bars.csv", { "bars.csv has a header, but no rows" })
  end)

  it("lacks a column", function()
    write_bars(1, "close", "settled")
    refused(1, "--data bars.csv", { "bars.csv has no column for 'close'", "settled" })
    assert.truthy(runs("--data bars.csv --columns close=settled"):find "\n1200 rows")
    refused(1, "--data bars.csv --columns close=setled", { "'setled'", "mean 'settled'" })
    refused(1, "--data bars.csv --columns closed=settled", { "role 'closed'", "mean 'close'" })
  end)

  it("has text for a number", function()
    write_bars(701, "^([^,]+),[^,]+", "%1,12..5")
    refused(1, "--data bars.csv", { "bars.csv:701", "column 'open'", "'12..5'" })
  end)

  it("has a row of another length", function()
    write_bars(702, "^([^,]+),[^,]+", "%1")
    refused(1, "--data bars.csv", { "bars.csv:702", "5 fields", "6" })
  end)

  it("has times of no known form", function()
    write_bars(703, "^[^,]+", "third of May")
    refused(1, "--data bars.csv", { "bars.csv:703", "column 'time'", "'third of May'" })
  end)

  it("has no price in a column", function()
    for i = 2, #lines do lines[i] = lines[i]:gsub("^([^,]+,[^,]+,)[^,]+", "%1") end
    write_bars()
    refused(1, "--data bars.csv", { "column 'high' holds no price" })
  end)

  it("is a gzip file cut short, or corrupt", function()
    command.shell(folder, "gzip bars.csv && head -c 9000 bars.csv.gz > cut.csv.gz")
    refused(1, "--data cut.csv.gz", { "cut.csv.gz", "truncated" })
    local whole <close> = assert(io.open(folder .. "/bars.csv.gz", "rb"))
    local bytes = whole:read "a"
    local wrong <close> = assert(io.open(folder .. "/wrong.csv.gz", "wb"))
    wrong:write(bytes:sub(1, 5000), ("\255"):rep(64), bytes:sub(5065))
    wrong:flush()
    refused(1, "--data wrong.csv.gz", { "wrong.csv.gz", "gzip" })
  end)

  it("is noise", function()
    local state, bytes = 1, {}
    for i = 1, 20000 do
      state = (state * 1103515245 + 12345) % 2147483648
      bytes[i] = string.char(state >> 16 & 255)
    end
    for _, head in ipairs { "", "\0\0\0\0", "time,open,high,low,close\n" } do
      local noise <close> = assert(io.open(folder .. "/noise.bin", "wb"))
      noise:write(head, table.concat(bytes))
      noise:flush()
      refused(1, "--data noise.bin", { "noise.bin" })
    end
  end)

  it("holds several symbols and none was chosen, or not the one chosen", function()
    market.synthetic({ rows = rows, symbols = { "AAA", "BBB" } }):write_csv(folder .. "/two.csv")
    refused(1, "--data two.csv", { "two.csv holds 2 symbols (AAA, BBB)", "symbol" })
    refused(1, "--data two.csv --symbol AAB", { "AAB" })
    refused(1, "--data bars.csv --symbol AAA", { "bars.csv has no column of symbols" })
  end)

  it("is local to a zone that does not exist", function()
    refused(1, "--data bars.csv --time-zone Mars/Olympus", { "Mars/Olympus" })
  end)
end)

describe("rows that contradict themselves", function()
  before_each(function()
    market.synthetic({ rows = rows }):write_csv(folder .. "/bars.csv")
    lines = read_lines(folder .. "/bars.csv")
  end)

  local price = "^([^,]+,[^,]+,)([^,]+),([^,]+),([^,]+)" -- time and open, high, low, close
  local cases = {
    { "times that go backwards", function() lines[801], lines[802] = lines[802], lines[801] end,
      "1 rows earlier than the row before (first: row 801)", "rows sorted by time", rows },
    { "two rows of one time", function() lines[801] = lines[800] end,
      "1 rows with the time of another (first: row 800)", "the last was kept", rows - 1 },
    { "a price below zero", function() lines[801] = lines[801]:gsub(price, "%1%2,-%3,%4") end,
      "1 rows with a price of zero or below (first: row 800)", "1 of 1200 rows left out",
      rows - 1 },
    { "a high below the low", function() lines[801] = lines[801]:gsub(price, "%1%3,%2,%4") end,
      "1 rows where high, low, open and close contradict each other (first: row 800)",
      "1 of 1200 rows left out", rows - 1 },
    { "a missing price", function() lines[801] = lines[801]:gsub(price, "%1%2,,%4") end,
      "1 rows with a price missing (first: row 800)", "1 of 1200 rows left out", rows - 1 },
  }
  for _, case in ipairs(cases) do
    local name, spoil, problem, done, left = table.unpack(case)
    it("are refused, or counted and left out: " .. name, function()
      spoil()
      write_bars()
      refused(1, "--data bars.csv --policy raise", { problem })
      local hash = file.sha256_file(folder .. "/bars.csv")
      local out = runs "--data bars.csv --policy drop"
      assert.truthy(out:find(problem, 1, true), out)
      assert.truthy(out:find(done, 1, true), out)
      local parts = 0
      for count in out:gmatch "\n%l+%s+(%d+) rows, [%d.]+ %% positive" do
        parts = parts + tonumber(count)
      end
      assert.equal(left - 57 - 5 - 2 * 5, parts) -- warm-up, lookforward, purge at two borders
      runs "--data bars.csv --policy fill"
      assert.equal(hash, file.sha256_file(folder .. "/bars.csv"))
    end)
  end
end)

describe("too little to learn from", function()
  it("is told with the number of rows that are enough, and they are", function()
    for _, more in ipairs { "", "--lookforward 20 --threshold 0.02" } do
      market.synthetic({ rows = 300 }):write_csv(folder .. "/bars.csv")
      local arguments = "--data bars.csv --trees 3 " .. more
      local r = command.run(folder, arguments)
      assert.equal(1, r.code)
      local needed = tonumber(r.err:match "^neap: 300 bars are too few: .* need (%d+)\n$")
      assert.truthy(needed, r.err)
      market.synthetic({ rows = needed - 1 }):write_csv(folder .. "/bars.csv")
      refused(1, arguments, { ("%d bars are too few"):format(needed - 1), " " .. needed })
      market.synthetic({ rows = needed }):write_csv(folder .. "/bars.csv")
      runs(arguments)
    end
    refused(1, "--rows 1000 --train-share 0.98 --valid-share 0.01",
      { "1000 bars are too few", "need" })
  end)

  it("is one class only in a part", function()
    refused(1, "--rows 1500 --threshold 0.5", { "the train part holds one class only",
      "all labels are 0 at threshold 0.5" })
    -- prices that stand still after the training part
    local bars = market.synthetic { rows = rows }
    local list = bars:head(700)
    local flat = bars:rows(701, rows)
    for _, name in ipairs { "open", "high", "low", "close" } do
      flat[name] = flat[name] * 0 + 100
    end
    frame.concat({ list, flat }):write_csv(folder .. "/flat.csv")
    refused(1, "--data flat.csv", { "the valid part holds one class only" })
  end)
end)

describe("options are refused", function()
  it("with the nearest name when they are unknown", function()
    refused(2, "--treees 5", { "unknown flag '--treees'", "did you mean '--trees'?" })
    refused(2, "", { "'NEAP_DIRECTION_TREE'", "did you mean 'NEAP_DIRECTION_TREES'?" },
      "NEAP_DIRECTION_TREE=5")
    file.write(folder .. "/my.yaml", "trees: 5\nleafs: 4\n")
    refused(2, "--config my.yaml", { "'leafs' (my.yaml:2)", "did you mean 'leaves'?" })
    refused(2, "bars.csv", { "unexpected argument 'bars.csv'" })
  end)

  it("with value, source and range when they are bad", function()
    local bad = {
      { "rows", "999", "from 1000 to 10000000" }, { "rows", "10000001", "10000000" },
      { "rows", "many", "an integer" }, { "threshold", "0.000001", "from 0.00001 to 0.5, or auto" },
      { "threshold", "0.6", "0.5, or auto" }, { "lookforward", "0", "from 1 to 1000" },
      { "lookforward", "1001", "1000" }, { "train_share", "1", "above 0 and below 1" },
      { "valid_share", "0", "above 0 and below 1" }, { "trees", "0", "from 1 to 10000" },
      { "leaves", "1", "from 2 to 4096" }, { "learning_rate", "0", "a number from" },
      { "fee", "-0.1", "from 0 to 0.1" }, { "slippage", "nan", "from 0 to 0.1" },
      { "seed", "-1", "from 0" }, { "threads", "257", "256" },
      { "policy", "keep", "one of raise, drop, fill" }, { "progress", "maybe", "true or false" },
    }
    for _, case in ipairs(bad) do
      local name, value, allowed = table.unpack(case)
      local flag = "--" .. name:gsub("_", "-")
      refused(2, ("%s=%s"):format(flag, value),
        { ("option '%s' is '%s' (flag %s)"):format(name, value, flag), allowed })
    end
    for _, case in ipairs { bad[1], bad[4], bad[8], bad[17] } do
      local name, value, allowed = table.unpack(case)
      local variable = "NEAP_DIRECTION_" .. name:upper()
      refused(2, "", { ("'%s' is '%s' (environment %s)"):format(name, value, variable), allowed },
        variable .. "=" .. value)
      file.write(folder .. "/my.yaml", ("# a comment\n%s: %s\n"):format(name, value))
      refused(2, "--config my.yaml", { ("'%s' is '%s' (my.yaml:2)"):format(name, value), allowed })
    end
  end)

  it("when they make no sense together, or as a name", function()
    refused(2, "--train-share 0.7 --valid-share 0.3",
      { "train_share", "0.7 (flag --train-share)", "0.3 (flag --valid-share)", "below 1" })
    refused(2, "--name ../x", { "option 'name' is '../x' (flag --name)" })
    refused(2, "--columns close", { "option 'columns' is 'close' (flag --columns)" })
    refused(2, "--config none.yaml", { "none.yaml", "flag --config" })
    file.write(folder .. "/my.yaml", "trees: [\n")
    refused(2, "--config my.yaml", { "my.yaml:2" })
  end)
end)

describe("writing", function()
  local quick = "--rows 1000 --trees 2 "

  it("into a place that cannot be written fails before any work", function()
    file.write(folder .. "/plain", "")
    refused(1, quick .. "--out plain/runs", { "plain" })
    refused(1, quick .. "--out plain", { "plain" })
  end)

  it("fails whole when the disk is full, wherever that strikes", function()
    local was, k = command.contents(folder), 0
    local r
    repeat
      k = k + 1
      r = command.run(folder, quick, "NEAP_FAULT_WRITE=" .. k)
      if r.code ~= 0 then
        assert.equal(1, r.code, r.err)
        assert.truthy(r.err:find "^neap: [^\n]+No space left on device\n$", r.err)
        assert.same(was, command.contents(folder))
      end
    until r.code == 0 or k > 200
    assert.equal(0, r.code)
    assert.is_true(k > 5 * 4) -- five files, each opened, written, synced and renamed
    file.remove_tree(folder .. "/runs")
  end)

  it("keeps an earlier run when a later one fails", function()
    assert.equal(0, command.run(folder, quick).code)
    local was = command.contents(folder)
    assert.equal(1, command.run(folder, quick, "NEAP_FAULT_WRITE=7").code)
    assert.same(was, command.contents(folder))
    file.remove_tree(folder .. "/runs")
  end)

  it("fails whole on a disk that is really full", function()
    local disk = folder .. "/disk"
    file.mkdir(disk)
    if command.shell(folder, "mount -t tmpfs -o size=32k tmpfs disk").code ~= 0 then
      return pending "mounting is not permitted"
    end
    local r = command.run(folder, quick .. "--out disk/runs")
    local left = file.list(disk)
    command.shell(folder, "umount disk")
    assert.equal(1, r.code, r.out .. r.err)
    assert.truthy(r.err:find "^neap: [^\n]+No space left on device\n$", r.err)
    assert.same({}, left)
  end)
end)
