local clock = require "neap.clock"
local file = require "neap.file"
local frame = require "neap.frame"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

-- Read `text` as a CSV file; the file is gone afterwards.
local function read(text, o, suffix)
  local path = support.temporary(suffix or ".csv")
  file.write(path, text)
  local ok, f = pcall(frame.read_csv, path, o)
  os.remove(path)
  if not ok then error(tostring(f):gsub(path:gsub("%p", "%%%0"), "FILE"), 0) end
  return f
end

local function refusal(text, o, suffix)
  return (support.message(read, text, o, suffix):gsub("^[^ ]*: ", ""))
end

describe("frame.read_csv", function()
  it("finds the type of each column", function()
    local f = read "b,i,x,t,s,e\ntrue,1,1.5,2020-01-02,up,\nFALSE,-2,2,2020-01-03,down,\n"
    assert.same({ "b", "i", "x", "t", "s", "e" }, f:columns())
    local dtypes = {}
    for i, name in ipairs(f:columns()) do dtypes[i] = f:dtype(name) end
    assert.same({ "bool", "i64", "f64", "time", "category", "f64" }, dtypes)
    assert.same({ true, false }, f.b:totable())
    assert.same({ 1, -2 }, f.i:totable())
    assert.same({ 1.5, 2.0 }, f.x:totable())
    assert.same({ 1577923200000000000, 1578009600000000000 }, f.t:totable())
    assert.same({ "up", "down" }, f.s:totable())
    assert.is_true(f.e:get(1) ~= f.e:get(1))
  end)

  it("changes its mind about a column late in the file", function()
    local rows = { "a,b,c" }
    for i = 1, 3000 do rows[#rows + 1] = ("%d,%d,%d"):format(i, i, i) end
    rows[#rows + 1] = "0.5,x7,"
    local f = read(table.concat(rows, "\n"))
    assert.equal("f64", f:dtype "a")
    assert.equal("category", f:dtype "b")
    assert.equal("f64", f:dtype "c")
    assert.equal(3000.0, f.a:get(3000))
    assert.equal("3000", f.b[3000])
    assert.equal("x7", f.b[-1])
    assert.equal(3001, #f)
  end)

  for name, text in pairs {
    ["CRLF"] = "a,b\r\n1,x\r\n2,y\r\n", ["CR"] = "a,b\r1,x\r2,y\r",
    ["a byte order mark"] = "\xEF\xBB\xBFa,b\n1,x\n2,y\n", ["no final line end"] = "a,b\n1,x\n2,y",
    ["semicolons"] = "a;b\n1;x\n2;y\n", ["tabs"] = "a\tb\n1\tx\n2\ty\n",
    ["spaces"] = "a , b\n 1 , x\n2 ,\ty \n", ["quotes"] = '"a","b"\n"1","x"\n2,"y"\n',
    ["empty lines"] = "\n\na,b\n\n1,x\n\n\n2,y\n\n",
  } do
    it("reads " .. name, function()
      local f = read(text)
      assert.same({ "a", "b" }, f:columns())
      assert.equal("i64", f:dtype "a")
      assert.same({ 1, 2 }, f.a:totable())
      assert.same({ "x", "y" }, f.b:totable())
    end)
  end

  it("keeps delimiters, quotes and line ends inside quotes", function()
    local f = read('s,n\n"a,b",1\n"say ""hi""",2\n"two\nlines",3\n"",4\n')
    assert.same({ "a,b", 'say "hi"', "two\nlines", false }, f.s:totable())
  end)

  it("takes blanks and NA words as missing, but not in text", function()
    local f = read "x,s,q\n1,NA,NA\nnan,b,\n,c,3\nN/A,,null\n"
    assert.equal("f64", f:dtype "x")
    assert.same({ "NA", "b", "c", false }, f.s:totable())
    assert.equal(3.0, f.q:get(3))
    assert.is_true(f.x:get(4) ~= f.x:get(4))
    local g = read("x\n1\n?\n", { missing = { "?" } })
    assert.equal("f64", g:dtype "x")
  end)

  it("skips comments, takes names for files without header, keeps wanted columns", function()
    local f = read("#one\na,b\n#two\n1,2\n", { comment = "#" })
    assert.same({ 1 }, f.a:totable())
    local g = read("1,2\n3,4\n", { header = false })
    assert.same({ "c1", "c2" }, g:columns())
    assert.same({ 1, 3 }, g.c1:totable())
    local h = read("1|2|3\n", { header = false, names = { "x", "y", "z" }, delimiter = "|",
      columns = { "z", "x" } })
    assert.same({ "z", "x" }, h:columns())
    assert.equal(3, h.z:get(1))
  end)

  it("reads a header alone as no rows", function()
    local f = read "a,b\n"
    assert.equal(0, #f)
    assert.equal("f64", f:dtype "a")
    assert.truthy(tostring(f):find("frame%[0 x 2%]"))
  end)

  local day = 86400000000000
  for _, case in ipairs {
    { "20040819", 12649 * day }, { "1970-01-02", day }, { "1970-01-01T12:00", day // 2 },
    { "1970-01-01 00:00:01.5", 1500000000 }, { "1970-01-02T01:00:00+01:00", day },
    { "19700102 06:00", day + day // 4 }, { "86400", day },
    { "1515560100000", 1515560100000000000 },
    { "1515560100000000", 1515560100000000000 }, { "1515560100000000001", 1515560100000000001 },
    { "1438956602.235", 1438956602235000000 }, { "-1", -1000000000 },
  } do
    it("reads the time " .. case[1], function()
      assert.equal(case[2], read("t\n" .. case[1] .. "\n", { time = "t" }).t:get(1))
    end)
  end

  it("reads local times of a zone, and patterns", function()
    local o = { time = "t", time_zone = "America/New_York" }
    assert.equal(1709303400000000000, read("t\n2024-03-01 09:30\n", o).t:get(1))
    local twice = read("t\n2024-11-03 00:30\n2024-11-03 01:30\n2024-11-03 01:30\n", o).t
    assert.same({ 1, 1 }, { (twice:get(2) - twice:get(1)) // 3600000000000,
      (twice:get(3) - twice:get(2)) // 3600000000000 })
    assert.truthy(refusal("t\n2024-03-10 02:30\n", o):find("clock jumped ahead", 1, true))
    local first, hour = clock.parse "2024-11-03 05:30", 3600000000000
    local text = "t\n2024-11-03 01:30\n2024-11-03 01:30\n2024-11-03 00:30\n"
    local function twice_as(policy)
      return ((read(text, { time = "t", time_zone = o.time_zone, ambiguous = policy }).t
        - first) / hour):totable()
    end
    assert.same({ 0, 1, -1 }, twice_as "infer")
    assert.same({ 0, 0, -1 }, twice_as "earliest")
    assert.same({ 1, 1, -1 }, twice_as "latest")
    assert.truthy(refusal(text, { time = "t", time_zone = o.time_zone, ambiguous = "raise" }):find(
      "FILE:2: column 't': '2024-11-03 01:30' was shown twice by the clock of its", 1, true))
    text = "t\n2024-03-10 01:30\n2024-03-10 02:30\n2024-03-10 03:30\n"
    local at = clock.parse "2024-03-10 06:30"
    local function skipped_as(policy)
      return (read(text, { time_zone = o.time_zone, nonexistent = policy }).t - at):totable()
    end
    assert.same({ 0, hour // 2, hour }, skipped_as "forward")
    local missing = read(text, { time_zone = o.time_zone, nonexistent = "missing" })
    assert.same({ at, clock.nat, at + hour }, missing.t:totable())
    assert.equal(1, missing:info().missing[1])
    assert.matches("frame.read_csv: unknown nonexistent = 'froward' %(did you mean 'forward'",
      support.message(frame.read_csv, "x.csv", { nonexistent = "froward" }))
    assert.matches("frame.read_jsonl: unknown ambiguous = 'both' %(known: earliest",
      support.message(frame.read_jsonl, "x.jsonl", { ambiguous = "both" }))
    local f = read("t\n01/03/24 9:30:00.25\n",
      { time = "t", time_format = "%d/%m/%y %H:%M:%S.%f" })
    assert.equal(1709285400250000000, f.t:get(1))
  end)

  for _, case in ipairs {
    { "", {}, "read_csv: FILE is empty" },
    { "\n\n", {}, "read_csv: FILE is empty" },
    { "a,b\n1,2\n3\n", {}, "read_csv: FILE:3: 1 fields, but the header has 2" },
    { "a,b\n1,2,3\n", {}, "read_csv: FILE:2: 3 fields, but the header has 2" },
    { "a,a\n1,2\n", {}, "read_csv: FILE: columns 1 and 2 are both called 'a'" },
    { "1,2.5,2.5\n1,2,3\n", {}, "read_csv: FILE: columns 2 and 3 are both called '2.5'; if the "
      .. "first line holds values, say header = false" },
    { "1\n2\n", { header = { "a" } }, "frame.read_csv: header must be true or false, got table" },
    { "1\n2\n", { names = { "a" } }, "frame.read_csv: names are for files without a header: say "
      .. "header = false with them" },
    { "a\n1\nx\n", { types = { a = "number" } },
      "read_csv: FILE:3: column 'a': 'x' is not a number" },
    { "a\n1.5\n", { types = { a = "integer" } },
      "read_csv: FILE:2: column 'a': '1.5' is not an integer of 64 bits" },
    { "a\n\"\"\n", { types = { a = "integer" } },
      "read_csv: FILE:2: column 'a': '' is not an integer of 64 bits" },
    { "a\nyes\n", { types = { a = "bool" } },
      "read_csv: FILE:2: column 'a': 'yes' is neither true nor false" },
    { "t\nsoon\n", { time = "t" }, "read_csv: FILE:2: column 't': 'soon' is not a time (known: " },
    { "t\n1515560100\n1515560160000\n", { time = "t" },
      "read_csv: FILE:3: column 't': '1515560160000' is an epoch in another unit than the column" },
    { "t\n20200101\n20201301\n", { time = "t" },
      "read_csv: FILE:3: column 't': '20201301' is not a date yyyymmdd of 1900 to 2100" },
    { "t\n2020\n", { time = "t", time_format = "iso" }, "read_csv: time_format 'iso' is neither" },
    { "a\n1\0\n", {}, "read_csv: FILE:2: byte 0x00 is not text" },
    { "\1\2\3\4\5", {}, "read_csv: FILE:1: byte 0x01 is not text" },
    { 'a,b\n1,"open\n2,3\n', {}, "read_csv: FILE:2: field 2: the quote that opens it is never" },
    { 'a,b\n1,"x"y\n', {}, "read_csv: FILE:2: field 2: text follows its closing quote" },
    { "a,b\n1," .. ("x"):rep(2000000) .. "\n", {}, "read_csv: FILE:2: field 2: longer than 1 MB" },
    { "close\n1\n", { columns = { "clsoe" } },
      "frame.read_csv: FILE: unknown column 'clsoe' (did you mean 'close'?)" },
    { "close\n1\n", { types = { close = "int" } }, "frame.read_csv: unknown type 'int'" },
    { "a\n1\n", { delimiter = ", " }, "delimiter must be one character" },
    { "a\n1\n", { tiem = "a" }, "frame.read_csv: unknown option 'tiem' (did you mean 'time'?)" },
    { "a,b\n1,2\n", { header = false, names = { "x" } },
      "read_csv: FILE:1: 2 fields, but 1 names were given" },
  } do
    it("refuses " .. case[3], function()
      assert.equal(case[3], refusal(case[1], case[2]):sub(1, #case[3]))
    end)
  end

  it("refuses missing, unreadable and truncated files", function()
    assert.truthy(support.message(frame.read_csv, "/nowhere/x.csv"):find "/nowhere/x.csv")
    assert.truthy(support.message(frame.read_csv, "/"):find "'/'")
    local path = support.temporary ".csv.gz"
    local rows = { "a,b" }
    for i = 1, 5000 do rows[#rows + 1] = i .. "," .. i * i end
    file.write(path, table.concat(rows, "\n"))
    assert.equal(5000, #frame.read_csv(path))
    local raw = io.open(path, "rb")
    local bytes = raw:read "a"
    raw:close()
    raw = io.open(path, "wb")
    raw:write(bytes:sub(1, #bytes // 2))
    raw:close()
    local text = support.message(frame.read_csv, path)
    os.remove(path)
    assert.truthy(text:find(path, 1, true) and text:find "end", text)
  end)
end)

describe("frame:write_csv", function()
  it("gives back what was written, bit for bit", function()
    local f = frame.new {
      { "time", tensor.of({ 1, -5000000000, math.mininteger }, { dtype = "i64" }) },
      { "x", tensor.of { 0.1, 0 / 0, 1e-300 } }, { "k", tensor.of({ 1, 2, 3 }, { dtype = "i64" }) },
      { "b", tensor.of({ true, false, true }, { dtype = "bool" }) },
      { 'odd "name", yes', { "a,b", 'q"q', false } },
    }
    for _, suffix in ipairs { ".csv", ".csv.gz", ".csv.zst" } do
      for _, digits in ipairs { "shortest", 17 } do
        local path = support.temporary(suffix)
        f:write_csv(path, { digits = digits })
        local g = frame.read_csv(path)
        os.remove(path)
        assert.same(f:columns(), g:columns())
        for _, name in ipairs(f:columns()) do assert.equal(f:dtype(name), g:dtype(name)) end
        assert.same(f.time:totable(), g.time:totable())
        assert.equal(0.1, g.x:get(1))
        assert.is_true(g.x:get(2) ~= g.x:get(2))
        assert.equal(1e-300, g.x:get(3))
        assert.same(f.b:totable(), g.b:totable())
        assert.same({ "a,b", 'q"q', false }, g:column('odd "name", yes'):totable())
      end
    end
  end)

  it("keeps a lone missing value as a row, and leaves no half file", function()
    local path = support.temporary ".csv"
    frame.new({ { "x", { 0 / 0, 1 } } }):write_csv(path)
    assert.equal('x\n""\n1\n', file.read(path))
    assert.equal(2, #frame.read_csv(path))
    os.remove(path)
    support.message(function() frame.new({ { "x", { 1 } } }):write_csv "/nowhere/x.csv" end)
    assert.is_false(file.exists "/nowhere/x.csv")
  end)
end)

describe("frame", function()
  local f
  before_each(function()
    f = frame.new {
      { "time", tensor.of({ 10, 20, 30, 40 }, { dtype = "i64" }) }, { "x", { 3, 1, 0 / 0, 2 } },
      { "s", { "b", "a", false, "b" } }, { "k", tensor.of({ 1, 2, 3, 4 }, { dtype = "i32" }) },
    }
  end)

  it("knows its columns", function()
    assert.same({ "time", "x", "s", "k" }, f:columns())
    assert.equal(4, #f)
    assert.equal("time", f:dtype "time")
    assert.equal("category", f:dtype "s")
    assert.equal("i32", f:dtype "k")
    assert.equal(3.0, f.x:get(1))
    assert.equal("b", f.s[-1])
    assert.is_nil(f.s[3])
    assert.is_true(f:has "k")
    assert.is_false(f:has "y")
    assert.is_true(frame.is(f))
    assert.is_false(frame.is {})
  end)

  it("prints long names without trying each of their ends", function()
    local name = ("x"):rep(1 << 20) -- minutes, if lines were searched from each of their spaces
    local long = frame.new { { name, { 1, 2 } } }
    assert.equal("\n  " .. name .. "\n" .. (" "):rep(#name - 1) .. "f64\n",
      tostring(long):match "\n.-f64\n")
  end)

  it("prints more of itself when asked", function()
    local columns = {}
    for i = 1, 30 do columns[i] = { "column" .. i, tensor.arange(40) } end
    local wide = frame.new(columns)
    assert.matches("^frame%[40 x 30%], 20 columns not shown: column11, column12, [^\n]*, %.%.%.\n",
      tostring(wide))
    assert.is_true(#tostring(wide):match "^[^\n]*" <= 100)
    assert.matches("^frame%[40 x 2%], 1 column not shown: column2\n",
      wide:select({ "column1", "column2" }):to_text { width = 10 })
    local all = wide:to_text { rows = math.huge, width = math.huge }
    assert.matches("^frame%[40 x 30%]\n", all)
    assert.equal(42, select(2, all:gsub("\n", "\n")))
    local short = wide:head(4):to_text { rows = 3, width = 10 }
    assert.equal("frame[4 x 30], 29 columns not shown: ...\n  column1\n      f64\n        1\n"
      .. "        2\n  ...\n        4", short)
    assert.matches("to_text: rows is 0, must be", support.message(wide.to_text, wide, { rows = 0 }))
  end)

  it("prints times as the clock of a zone shows them", function()
    local times = clock.parse { "2024-03-10 06:30", "2024-03-10 07:30", false }
    local g = frame.new { { "time", times } }
    local text = g:to_text { time_zone = "America/New_York" }
    assert.equal("frame[3 x 1]\n                 time\n     America/New_York\n"
      .. "                1 NaT\n  2024-03-10 01:30:00\n  2024-03-10 03:30:00\n"
      .. "                  NaT", text)
    assert.matches("time zone 'Mars/Base' is unknown",
      support.message(g.to_text, g, { time_zone = "Mars/Base" }))
    assert.matches("to_text: option 'time_zone' must be a string, got number",
      support.message(g.to_text, g, { time_zone = 3 }))
  end)

  it("goes through its columns in order with pairs", function()
    local seen = {}
    for name, values in pairs(frame.new { { "b", { 1, 2 } }, { "a", { "x", "y" } } }) do
      seen[#seen + 1] = name .. " " .. tostring(values[2])
    end
    assert.same({ "b 2.0", "a y" }, seen)
  end)

  it("asks for columns in order", function()
    assert.matches("frame.new: column 'a' must be { 'a', values }, since", support.message(
      function() frame.new { a = { 1, 2 } } end))
    assert.matches("frame.read_csv: the path", support.message(function() frame.read_csv() end))
  end)

  it("shows large numbers as numbers", function()
    local text = tostring(frame.new { { "volume", { 1234567.8, 287000.32, 1e15, -2e6 } } })
    assert.equal(
      "frame[4 x 1]\n    volume\n       f64\n   1234568\n    287000\n     1e+15\n  -2000000", text)
  end)

  it("names the nearest column or method", function()
    for name, near in pairs { tmie = "time", rwos = "rows", wriet_csv = "write_csv" } do
      local text = support.message(function() return f[name] end)
      assert.truthy(text:find(("unknown column or method '%s' (did you mean '%s'?)")
        :format(name, near), 1, true), text)
    end
    assert.matches("unknown column or method 'swoosh'; its columns are time", support.message(
      function() return f:swoosh "time" end))
    assert.matches("columns have names; rows are f:rows%(a, b%)", support.message(
      function() return f[1] end))
  end)

  it("names the nearest column", function()
    for _, fn in ipairs {
      function() return f:column "tmie" end,
      function() return f:select { "tmie" } end, function() return f:drop { "tmie" } end,
      function() return f:rename { tmie = "t" } end, function() return f:sort "tmie" end,
      function() return f:matrix { "tmie" } end, function() return f:dtype "tmie" end,
    } do
      local text = support.message(fn)
      assert.truthy(text:find("unknown column 'tmie' (did you mean 'time'?)", 1, true), text)
    end
    local text = support.message(function()
      local column = f:column "tmie"
      return column
    end)
    assert.truthy(text:find "frame_test.lua:%d+: frame: unknown", text)
  end)

  it("adds, replaces, renames, drops and selects without touching the source", function()
    local g = f:assign { { "y", f.x:mul(2) }, { "x", { 1, 2, 3, 4 } } }
    assert.same({ "time", "x", "s", "k", "y" }, g:columns())
    assert.equal(6.0, g.y:get(1))
    assert.equal(1.0, g.x:get(1))
    assert.equal(3.0, f.x:get(1))
    assert.same({ "k", "x" }, f:select({ "k", "x" }):columns())
    assert.same({ "time", "k" }, f:drop({ "s", "x" }):columns())
    assert.same({ "time", "close", "s", "k" }, f:rename({ x = "close" }):columns())
    f.z = f.k
    assert.equal("i32", f:dtype "z")
    f.time = f.time:add(1)
    assert.equal("time", f:dtype "time")
    assert.equal(11, f.time:get(1))
  end)

  it("refuses what does not fit", function()
    for _, case in ipairs {
      { function() f.y = tensor.zeros { 3 } end, "column 'y' has 3 rows, but the frame has 4" },
      { function() f.y = tensor.zeros { 4, 1 } end, "must have one dimension" },
      { function() f.y = print end, "must be a tensor, a category or an array, got function" },
      { function() f.head = f.x end, "'head' is a method" },
      { function() return f:where(f.x) end, "a bool tensor of 4 rows or an expression" },
      { function() return f:where(f.x:gt(1):slice(1, 1, 2)) end, "a bool tensor of 4 rows" },
      { function() return f:rename { x = "k" } end, "two columns would be called 'k'" },
      { function() return f:matrix { "s" } end, "column 's' is a category, not numbers" },
      { function() return frame.new { { "a", { 1 } }, { "a", { 2 } } } end, "two columns" },
      { function() return frame.new { { "a" } } end, "column 1 must be { name, values }" },
      { function() return frame.new { { "t", { 1 }, "time" } } end, "must be i64 nanoseconds" },
      { function() return f:head(-1) end, "0 or more" },
      { function() return f.s:eq "c" end, "unknown label 'c'" },
      { function() return f:write_csv("/tmp/x", { digits = 3 }) end, "digits is '3'" },
    } do
      local text = support.message(case[1])
      assert.truthy(text:find(case[2], 1, true), text)
    end
  end)

  it("chooses rows", function()
    assert.same({ 1, 4 }, f:where(f.x:gt(1)).k:totable())
    assert.same({ 1, 4 }, f:where(f.s:eq "b").k:totable())
    assert.equal(0, #f:where(f.x:gt(9)))
    assert.same({ 2, 3, 4 }, f:rows(2, -1).k:totable())
    assert.same({ 1, 2 }, f:head(2).k:totable())
    assert.same({ 3, 4 }, f:tail(2).k:totable())
    assert.equal(0, #f:head(0))
    assert.equal(0, #f:tail(0))
    assert.equal(4, #f:head(9))
    assert.equal(4, #f:tail(9))
    assert.equal(0, #f:where(f.x:gt(9)):head())
    assert.same({ "b", "b" }, f:where(f.s:eq "b").s:totable())
  end)

  it("sorts, NaN last, text by its letters, equal rows in their order", function()
    assert.same({ 2, 4, 1, 3 }, f:sort("x").k:totable())
    assert.same({ 1, 4, 2, 3 }, f:sort("x", { descending = true }).k:totable())
    assert.same({ 2, 1, 4, 3 }, f:sort("s").k:totable())
    assert.same({ 2, 4, 1, 3 }, f:sort({ "s", "x" }).k:totable())
  end)

  it("makes matrices and joins rows", function()
    local x = f:matrix { "k", "x" }
    assert.same({ 4, 2 }, x.shape)
    assert.equal(2.0, x:get(4, 2))
    assert.equal("f32", f:matrix(nil, { dtype = "f32" }).dtype)
    assert.same({ 4, 2 }, f:matrix().shape)
    local g = frame.new { { "s", { "c", "b" } }, { "x", { 7, 8 } } }
    local both = frame.concat { f:select { "x", "s" }, g }
    assert.same({ "b", "a", false, "b", "c", "b" }, both.s:totable())
    assert.equal(8.0, both.x:get(-1))
    local text = support.message(frame.concat, { f, g })
    assert.truthy(text:find("frame 2 has 2 columns, the first has 4", 1, true), text)
  end)

  it("describes its numbers", function()
    local d = f:describe()
    assert.same({ "statistic", "x", "k" }, d:columns())
    assert.same({ 3, 2, 1, 1, 1.5, 2, 2.5, 3 }, d.x:totable())
    assert.equal("median", d.statistic[6])
    assert.equal(0.0, frame.new({ { "x", { 0 / 0 } } }):describe().x[1])
  end)

  it("prints aligned, clipped, with dates and dtypes", function()
    assert.equal("frame[0 x 0]", tostring(frame.new {}))
    f.time = f.time:mul(8640000000000)
    local lines = {}
    for line in tostring(f):gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal("frame[4 x 4]", lines[1])
    assert.equal("        time      x  s           k", lines[2])
    assert.equal(8, #lines)
    assert.truthy(lines[3]:find "time +f64 +category +i32")
    assert.truthy(lines[4]:find "^ +1 nan")
    assert.equal("  1970-01-02      3  b           1", lines[5])
    local long = frame.new { { "n", tensor.arange(1, 100) } }
    for i = 1, 30 do long["a_column_with_a_long_name_" .. i] = long.n end
    local text = tostring(long)
    assert.truthy(text:find("^frame%[100 x 31%], %d+ columns not shown: a_column_"))
    for line in text:gmatch "[^\n]+" do assert.is_true(#line <= 100) end
    assert.truthy(text:find("\n  ...\n", 1, true))
  end)
end)

describe("the data folder", function()
  local rows = {
    ["crypto/ADA_BTC-5m.csv.gz"] = 5720, ["crypto/DASH_BTC-5m.csv.gz"] = 5758,
    ["crypto/ETC_BTC-5m.csv.gz"] = 5759, ["crypto/ETH_BTC-5m.csv.gz"] = 5760,
    ["crypto/TRX_BTC-5m.csv.gz"] = 5754, ["crypto/UNITTEST_BTC-1m.csv.gz"] = 13681,
    ["crypto/UNITTEST_BTC-30m.csv.gz"] = 1920, ["crypto/lean_coinbase_btcusd_1d.csv.gz"] = 1318,
    ["crypto/futures_XRP_USDT_USDT-1h-futures.csv"] = 100,
    ["crypto/coinbase_btcusd_1h_2017_2019.csv.gz"] = 20111,
    ["equities/pypfopt_stock_prices_1990_2024.csv.gz"] = 8796,
    ["equities/lean_us_daily_ohlcv_unadjusted.csv.gz"] = 28641,
    ["equities/GOOG_2004_2013.csv.gz"] = 2148, ["equities/SPY_ohlcv_1999_2020.csv.gz"] = 5241,
    ["intraday/EURUSD_1h_2017_2018.csv.gz"] = 5000, ["intraday/lean_spy_1m.csv.gz"] = 5786,
    ["intraday/lean_spy_1h_unadjusted.csv.gz"] = 40832,
    ["options/lean_chain_universes.csv.gz"] = 24094, ["options/haug_european_values.csv"] = 43,
    ["orderbook/binance/depth10s_spot_btcusdt.csv.gz"] = 68000,
    ["orderbook/binance/trades_spot_ethusdt.csv.gz"] = 6098,
    ["orderbook/bitstamp/orders.csv.gz"] = 21868, ["tabular/uci/diamonds.csv.gz"] = 53940,
    ["tabular/uci/mlbench_LetterRecognition.csv.gz"] = 20000,
    ["reference/talib/spy/momentum_indicators.csv.gz"] = 5241,
    ["reference/options/bsm_greeks.csv.gz"] = 200,
  }

  -- Every CSV below a folder of the data folder; files without header by the places they lie in.
  local function each(fn)
    local function walk(folder)
      for _, name in ipairs(file.list("../shared/data/" .. folder)) do
        local path = folder .. name
        if name:find "%.csv$" or name:find "%.csv%.gz$" then fn(path)
        elseif not name:find "%." or name == "" then
          if pcall(file.list, "../shared/data/" .. path) then walk(path .. "/") end
        end
      end
    end
    walk ""
  end

  it("is read whole, with the rows and types its README states", function()
    if not support.data "README.md" then return pending "data folder absent" end
    local count = 0
    each(function(path)
      local bare = path:find "lean_factor_files/" or path:find "reference/lightgbm/"
        or path:find "adult%-train" or path:find "mammography"
      local f = frame.read_csv("../shared/data/" .. path, { header = not bare })
      count = count + 1
      assert.is_true(#f > 0, path)
      if rows[path] then assert.equal(rows[path], #f, path) end
      for _, name in ipairs { "open", "high", "low", "close", "Open", "High", "Low", "Close" } do
        if f:has(name) then assert.truthy(f:dtype(name):find "64", path) end
      end
      if f:has "date" and not path:find "lean" then assert.equal("time", f:dtype "date", path) end
    end)
    assert.is_true(count > 130)
  end)

  it("has times and categories where it should", function()
    if not support.data "README.md" then return pending "data folder absent" end
    local btc = frame.read_csv "../shared/data/crypto/coinbase_btcusd_1h_2017_2019.csv.gz"
    assert.equal("time", btc:dtype "ts")
    assert.equal("BTCUSD", btc.symbol[1])
    local ada = frame.read_csv("../shared/data/crypto/ADA_BTC-5m.csv.gz", { time = "ts_ms" })
    assert.equal(1515560100000000000, ada.ts_ms:get(1))
    local us = frame.read_csv("../shared/data/equities/lean_us_daily_ohlcv_unadjusted.csv.gz",
      { time = "date" })
    assert.equal(883699200000000000, us.date:get(1))
    local greeks = frame.read_csv("../shared/data/options/lean_greeks/third_party_1_greeks.csv",
      { time = { "time", "expiry" }, time_format = "%d/%m/%Y %H:%M:%S" })
    assert.equal(1707323040000000000, greeks.time:get(1))
    local adult = frame.read_csv("../shared/data/tabular/uci/adult-train.csv.gz",
      { header = false, missing = { "?" } })
    assert.equal(32561, #adult)
    assert.equal("category", adult:dtype "c2")
  end)
end)

describe("a category that was edited", function()
  it("is refused as a column where codes and labels do not fit", function()
    for what, edit in pairs {
      ["label 1 of column 's' is a number, a string"] = function(c) c.labels[1] = 7 end,
      ["has codes 1 to 2, but 1 labels"] = function(c) c.labels[2] = nil end,
      ["has codes %-1 to %-1, but 2 labels"] = function(c)
        c.codes = tensor.full { 2, value = -1, dtype = "i32" }
      end,
      ["needs i32 codes with one dimension, got tensor<f64>"] = function(c)
        c.codes = tensor.ones { 2 }
      end,
      ["needs i32 codes with one dimension, got nil"] = function(c) c.codes = nil end,
      ["labels of column 's' must be a table, got nil"] = function(c) c.labels = nil end,
      ["tensor was closed"] = function(c) c.codes:free() end,
    } do
      local c = frame.category { "a", "b" }
      edit(c)
      assert.matches(what, support.message(frame.new, { { "s", c } }))
    end
  end)
end)
