-- CSV files of several waves and chunks: what is read does not depend on how the text was cut.
local file = require "neap.file"
local frame = require "neap.frame"
local neap = require "neap"
local support = require "tests.lua.support"

-- What fn(frame) gives after reading `text` on 1, 2 and 4 threads, or the message of the refusal.
local function on_threads(text, o, fn)
  local path = support.temporary ".csv"
  file.write(path, text)
  local results = {}
  for _, threads in ipairs { 1, 2, 4 } do
    neap.set_threads(threads)
    local ok, f = pcall(frame.read_csv, path, o)
    results[#results + 1] = ok and fn(f) or tostring(f):gsub("^.*read_csv: [^:]*", "")
  end
  os.remove(path)
  assert.same(results[1], results[2])
  assert.same(results[1], results[3])
  return results[1]
end

local function dtypes(f)
  local out = {}
  for i, name in ipairs(f:columns()) do out[i] = f:dtype(name) end
  return table.concat(out, " ")
end

-- A file of about 6 MB whose rows come from row(i).
local function file_of(header, rows, row)
  local lines = { header }
  for i = 1, rows do lines[i + 1] = row(i) end
  return table.concat(lines, "\n") .. "\n"
end

describe("frame.read_csv in chunks", function()
  after_each(function() neap.set_threads(2) end)

  it("keeps quoted line ends and doubled quotes apart from rows, wherever a cut falls", function()
    local words = { "plain", "two\nlines", 'a ""quoted"" word', "x,y", "\n\n\n", "1,2\n3,4\n" }
    local rows = 120000
    local text = file_of("i,s,x", rows, function(i)
      return ('%d,"%s%d",%d.25'):format(i, words[i % #words + 1], i % 977, i)
    end)
    on_threads(text, nil, function(f)
      assert.equal(rows, #f)
      for i = 1, rows, 61 do
        assert.equal(i, f.i:get(i))
        assert.equal(words[i % #words + 1]:gsub('""', '"') .. i % 977, f.s[i])
        assert.equal(i + 0.25, f.x:get(i))
      end
      return f.s.labels
    end)
  end)

  it("reads a quoted text longer than a chunk that looks like rows", function()
    local inner = ("1,2,3\n"):rep(120000)
    local rows = {}
    for i = 1, 3 do rows[i] = ('%d,"%s",%d\n'):format(i, inner, i) end
    local text = "a,b,c\n" .. table.concat(rows) .. ("7,x,8\n"):rep(200000)
    on_threads(text, nil, function(f)
      assert.equal(200003, #f)
      assert.equal(inner, f.b[2])
      assert.equal(7, f.a:get(4))
      return f.b.codes:sum()
    end)
  end)

  it("settles types by all rows, whichever chunk they are in", function()
    local odd = { [1] = "1,2,3,true,2024-01-02", [70000] = "1.5,x,,false,2024-01-02 10:00",
      [300000] = "2,3,NA,,", [400000] = "1,2,99999999999999999999,true,soon" }
    local text = file_of("a,b,c,d,e", 450000, function(i)
      return odd[i] or "1,2,3,true,2024-01-02"
    end)
    on_threads(text, nil, function(f)
      assert.equal("f64 category f64 f64 category", dtypes(f))
      assert.equal(450000, #f)
      assert.equal(1.5, f.a:get(70000))
      assert.same({ "2", "x", "3" }, f.b.labels)
      assert.equal("x", f.b[70000])
      assert.equal(1e20, f.c:get(400000))
      assert.equal(1.0, f.d:get(1))
      assert.same({ "2024-01-02", "2024-01-02 10:00", "soon" }, f.e.labels)
      assert.is_nil(f.e[300000])
      return { f.a:sum(), f.b.codes:sum(), f.d:sum { skip_nan = true }, f.e.codes:sum() }
    end)
  end)

  it("reads numbers in quotes, among them bad ones", function()
    local text = file_of('"i","x"', 300000, function(i) return ('"%d","%d.25"'):format(i, i) end)
    on_threads(text, nil, function(f)
      assert.equal("i64 f64", dtypes(f))
      assert.equal(300000.25, f.x:get(-1))
      return { f.i:sum(), f.x:sum() }
    end)
    for _, bad in ipairs { '"1"2,3', '"1"",3', '"1,3' } do
      assert.matches("field 1", on_threads(text .. bad .. "\n", nil, dtypes))
    end
    assert.same({ "1", '1"' }, on_threads('x,y\n"1","2"\n"1""","2"\n', nil,
      function(f) return f.x.labels end))
  end)

  it("numbers labels in the order of rows", function()
    local text = file_of("s", 400000, function(i) return ("label %d"):format(i // 7 % 30011) end)
    on_threads(text, nil, function(f)
      for i = 1, 400000, 997 do assert.equal(("label %d"):format(i // 7 % 30011), f.s[i]) end
      assert.equal("label 0", f.s.labels[1])
      assert.equal("label 30010", f.s.labels[30011])
      return f.s.codes:sum()
    end)
  end)

  it("names the first bad line of the file", function()
    for _, bad in ipairs { { [399999] = "1", [150000] = "1,2,3" },
      { [399999] = "1,2,3", [150000] = "1,x" }, { [150000] = "1,\0", [150001] = "1,2,3" },
      { [150000] = '1,"x"y', [399998] = '1,"' } } do
      local text = file_of("a,b", 400000, function(i) return bad[i] or "1,2" end)
      local message = on_threads(text, { types = { a = "number", b = "number" } }, dtypes)
      assert.equal(":150001: ", message:sub(1, 9))
    end
  end)

  it("names the first bad line also where a column turns to text late", function()
    local bad = { [90000] = "x,2", [150000] = "caf\xE9,2", [150001] = "1,2,3" }
    local text = file_of("a,b", 400000, function(i) return bad[i] or "1,2" end)
    assert.equal(":150001: column 'a': byte 0xe9 is not UTF-8",
      on_threads(text, nil, dtypes):sub(1, 43))
  end)

  it("names the line where a quote was left open", function()
    local rows = {}
    for i = 1, 400000 do rows[i] = i == 200000 and '1,"x\ny","open' or "1,2,3" end
    local message = on_threads("a,b,c\n" .. table.concat(rows, "\n"), nil, dtypes)
    assert.equal(":200002: field 3: longer than 1 MB (is a quote left open?)", message)
    message = on_threads("a,b\n1,2\n1,\"open\n1,2\n", nil, dtypes)
    assert.equal(":3: field 2: the quote that opens it is never closed", message)
  end)

  it("knows the second pass of an hour that the clock shows twice", function()
    local text = file_of("t", 216000, function(i)
      local tenth = (i - 1) * 4 -- 0.4 s apart, the hour from 1:00 twice
      if tenth >= 36000 * 2 then tenth = tenth - 36000 end
      local hour, rest = tenth // 36000 % 24, tenth % 36000
      return ("2024-11-%02d %02d:%02d:%02d.%d"):format(3 + tenth // 864000, hour, rest // 600,
        rest % 600 // 10, rest % 10)
    end)
    on_threads(text, { time_zone = "America/New_York" }, function(f)
      assert.equal("time", f:dtype "t")
      local steps = f.t:diff()
      assert.equal(400000000, steps:min())
      assert.equal(400000000, steps:max())
      return f.t:get(-1)
    end)
  end)

  it("keeps the unit of epochs over all chunks", function()
    local text = file_of("t", 500000, function(i)
      return i < 450000 and "1515560100" or "1515560100000"
    end)
    assert.equal(":450001: column 't': '1515560100000' is an epoch in another unit than the column "
      .. "began with (set time_format to s, ms, us or ns)",
      on_threads(text, { time = "t" }, dtypes))
  end)

  it("reads files whose lines end in CR alone, with comments", function()
    local text = file_of("a,b", 300000, function(i)
      return i % 1000 == 0 and '# "no, text' or i .. ",x"
    end):gsub("\n", "\r")
    on_threads(text, { comment = "#" }, function(f)
      assert.equal(299700, #f)
      assert.equal(299999, f.a:get(-1))
      return f.a:sum()
    end)
  end)

  it("reads compressed files in the same way", function()
    local text = file_of("a,b", 300000, function(i) return ("%d,%d.5"):format(i, i % 91) end)
    for _, suffix in ipairs { ".csv.gz", ".csv.zst" } do
      local path = support.temporary(suffix)
      file.write(path, text)
      local f = frame.read_csv(path)
      os.remove(path)
      assert.equal(300000, #f)
      assert.equal(300000 * 300001 // 2, f.a:sum())
      assert.equal(45.5, f.b:get(45 + 91))
    end
  end)

  it("reads many columns", function()
    local names, values = {}, {}
    for i = 1, 20000 do names[i], values[i] = "c" .. i, tostring(i) end
    local row = table.concat(values, ",")
    local text = table.concat(names, ",") .. "\n" .. (row .. "\n"):rep(30)
    on_threads(text, nil, function(f)
      assert.equal(30, #f)
      assert.equal(20000, f.c20000:get(30))
      return #f:columns()
    end)
  end)
end)

-- A folder with these files, removed after fn(folder).
local function with_files(files, fn)
  local folder = file.temporary_folder()
  for name, text in pairs(files) do file.write(folder .. "/" .. name, text) end
  local ok, message = pcall(fn, folder)
  file.remove_tree(folder)
  if not ok then error(message, 0) end
end

local function read(text, o)
  local f
  with_files({ ["x.csv"] = text }, function(folder) f = frame.read_csv(folder .. "/x.csv", o) end)
  return f
end

-- The message without position and folder.
local function refusal(path, o)
  local text = support.message(frame.read_csv, path, o)
  return (text:gsub("^[^ ]*: ", ""):gsub("/[^ ']*/", ""))
end

describe("frame.read_csv of numbers as other countries write them", function()
  it("takes a decimal comma", function()
    local f = read("x;y\n1,5;2\n-0,25;3,0e2\n", { decimal = "," })
    assert.same({ 1.5, -0.25 }, f.x:totable())
    assert.same({ 2, 300 }, f.y:totable())
    assert.same({ 1.5 }, read("1,5;2,5\n", { decimal = ",", header = false }).c1:totable())
    assert.equal("category", read("x;y\n1.5;2\n", { decimal = "," }):dtype "x")
  end)

  for _, case in ipairs {
    { ",", '"1,234"', 1234, "i64" }, { ",", '"-1,234,567.25"', -1234567.25, "f64" },
    { "'", "12'345", 12345, "i64" }, { " ", "1 234 567", 1234567, "i64" },
    { " ", "1\u{A0}234\u{202F}567", 1234567, "i64" }, { "_", "123_456.5", 123456.5, "f64" },
    { ",", "1234567", 1234567, "i64" }, { ",", '"9,223,372,036,854,775,808"', 2.0 ^ 63, "f64" },
  } do
    it("takes " .. case[2] .. " with thousands = '" .. case[1] .. "'", function()
      local f = read("x;y\n" .. case[2] .. ";1\n", { thousands = case[1] })
      assert.equal(case[4], f:dtype "x")
      assert.equal(case[3], f.x:get(1))
    end)
  end

  for _, text in ipairs { '"1,23"', '"1234,567"', '",123"', '"123,"', '"1,,234"', '"1,2345"',
    '"1.5,234"', '"12,34,567"' } do
    it("leaves " .. text .. " as text", function()
      assert.equal("category", read("x;y\n" .. text .. ";1\n", { thousands = "," }):dtype "x")
    end)
  end

  it("leaves dates with points alone", function()
    local f = read("d;x\n01.02.2024;1.234,5\n", { thousands = ".", decimal = "," })
    assert.equal("01.02.2024", f.d[1])
    assert.equal(1234.5, f.x:get(1))
  end)
end)

describe("frame.read_csv of parts and of several files", function()
  it("passes over lines before the header and stops after max_rows", function()
    local text = 'made by "x\n\n# 3\na,b\n1,2\n3,4\n5,6,7\n'
    local f = read(text, { skip_rows = 3, max_rows = 2 })
    assert.same({ 1, 3 }, f.a:totable())
    assert.equal(0, #read(text, { skip_rows = 3, max_rows = 0 }))
    assert.equal("i64", read("a\n1\nx\n", { max_rows = 1 }):dtype "a")
    assert.equal(2, #read("a\n1\n2\n", { max_rows = 99 }))
  end)

  it("stops at the same row on all threads, whatever comes later", function()
    local lines = { "junk", "junk" }
    for i = 1, 700000 do lines[i + 2] = i == 400000 and "x,y,z" or i .. ",1" end
    on_threads(table.concat(lines, "\n"), { skip_rows = 2, header = false, max_rows = 399999 },
      function(f)
        assert.equal(399999, #f)
        assert.equal("i64", f:dtype "c1")
        return f.c1:get(-1)
      end)
  end)

  local files = {
    ["BTC_USD-5m.csv"] = "t,x\n2024-01-01,1\n2024-01-02,2\n", ["ETH_USD-5m.csv.gz"] = "t,x\n",
    ["ADA.USD-5m.csv.zst"] = "t,x\n2024-01-01,0.5\n", [".hidden-5m.csv"] = "q\n1\n",
    ["other.csv"] = "t,y\n2024-01-01,1\n", ["own.csv"] = "symbol\nX\n", ["one.csv"] = "t\n",
  }

  it("reads a glob in the order of names, with the symbol of each file", function()
    with_files(files, function(folder)
      local f = frame.read_csv(folder .. "/*-5m.csv*", { symbol = true })
      assert.same({ "symbol", "t", "x" }, f:columns())
      assert.same({ "ADA", "BTC", "BTC" }, f.symbol:totable())
      assert.same({ "ADA", "BTC", "ETH" }, f.symbol.labels)
      assert.same({ 0.5, 1, 2 }, f.x:totable())
      local g = frame.read_csv({ folder .. "/ETH*", folder .. "/BTC_USD-5m.csv" },
        { symbol = "^(.-)%-", columns = { "x" }, max_rows = 1 })
      assert.same({ "symbol", "x" }, g:columns())
      assert.same({ "BTC_USD" }, g.symbol:totable())
    end)
  end)

  it("reads the pairs of the data folder as one panel", function()
    local path = support.data "crypto/ADA_BTC-5m.csv.gz"
    if not path then return pending "data folder absent" end
    local rows = { ADA = 5720, DASH = 5758, ETC = 5759, ETH = 5760, LTC = 5760, NXT = 5760,
      TRX = 5754, XLM = 5760 }
    local f = frame.read_csv((path:gsub("ADA_BTC", "*_BTC")), { symbol = true, time = "ts_ms" })
    assert.equal("category time f64 f64 f64 f64 f64", dtypes(f))
    local total = 0
    for symbol, n in pairs(rows) do
      assert.equal(n, #f:where(f.symbol:eq(symbol)))
      total = total + n
    end
    assert.equal(total, #f)
  end)

  it("names both files when columns differ", function()
    with_files(files, function(folder)
      local function said(names, o)
        local paths = {}
        for i, name in ipairs(names) do paths[i] = folder .. "/" .. name end
        return refusal(paths, o)
      end
      assert.equal("read_csv: other.csv: column 2 is called 'y', but 'x' in BTC_USD-5m.csv",
        said { "BTC_USD-5m.csv", "other.csv" })
      assert.equal("read_csv: one.csv has 1 columns, but BTC_USD-5m.csv has 2",
        said { "BTC_USD-5m.csv", "one.csv" })
      assert.matches("own.csv has a column 'symbol' of its own", said({ "own.csv" },
        { symbol = true }))
      assert.matches("the name 'own.csv' does not match '^q'", said({ "own.csv" },
        { symbol = "^q" }), 1, true)
      assert.matches("no file matches", said { "*.txt" })
      assert.matches("array of paths is empty", said {})
    end)
  end)

  it("refuses what makes no sense", function()
    for _, case in ipairs {
      { { decimal = ".", thousands = "." }, "decimal and thousands are both '.'" },
      { { decimal = ",", delimiter = "," }, "decimal and delimiter are both ','" },
      { { decimal = "5" }, "decimal must be one character that is no digit" },
      { { thousands = ".." }, "thousands must be one character" },
      { { skip_rows = 3 }, "x.csv has 2 lines, but skip_rows is 3" },
      { { skip_rows = 2 }, "x.csv is empty" },
      { { max_rows = -1 }, "max_rows is -1" }, { { skip_rows = 0.5 }, "skip_rows" },
      { { symbol = 3 }, "symbol is 3, must be true or a pattern" },
      { { symbol = "(" }, "symbol: unfinished capture" },
      { { invalid = "drop" }, "invalid is 'drop', allowed are 'error' and 'replace'" },
    } do
      with_files({ ["x.csv"] = "a\n1\n" }, function(folder)
        local text = refusal(folder .. "/x.csv", case[1])
        assert.truthy(text:find(case[2], 1, true), text)
      end)
    end
  end)
end)

describe("frame.read_csv of bad files", function()
  for _, case in ipairs {
    { "UTF-16", "\xFF\xFEa\0\n\0", "read_csv: x.csv is UTF-16, which is not read (iconv" },
    { "UTF-16 of the other end", "\xFE\xFF\0a", "read_csv: x.csv is UTF-16" },
    { "a binary file", "\x7FELF\2\1\1\0\0", "read_csv: x.csv:1: byte 0x02 is not text" },
    { "a zero byte in a number", "a\n1\n2\0\n", "read_csv: x.csv:3: byte 0x00 is not text" },
    { "a zero byte in quotes", 'a\n"x\0"\n', "read_csv: x.csv:2: field 1: holds a zero byte" },
    { "text that is not UTF-8", "a,b\n1,x\n2,caf\xE9\n",
      "read_csv: x.csv:3: column 'b': byte 0xe9 is not UTF-8 (invalid = 'replace' makes it U+F" },
    { "a name that is not UTF-8", "a,caf\xE9\n", "read_csv: x.csv:1: the name of column 2 is not" },
    { "an empty file", "", "read_csv: x.csv is empty" },
    { "comments alone", "#\n#\n", "read_csv: x.csv is empty" },
    { "a ragged row", "a,b\n1,2\n3\n", "read_csv: x.csv:3: 1 fields, but the header has 2" },
    { "twice the same name", "a,b,a\n", "read_csv: x.csv: columns 1 and 3 are both called 'a'" },
    { "a quote opened late", 'a,b\n"x\ny","\nz\n',
      "read_csv: x.csv:3: field 2: the quote that opens it is never closed" },
  } do
    it("refuses " .. case[1], function()
      with_files({ ["x.csv"] = case[2] }, function(folder)
        local text = refusal(folder .. "/x.csv", { comment = "#" })
        assert.equal(case[3], text:sub(1, #case[3]))
      end)
    end)
  end

  it("mends invalid text when asked", function()
    local f = read("a\ncaf\xE9\n\xFFx\xC3\ncaf\xC3\xA9\n", { invalid = "replace" })
    assert.same({ "caf\u{FFFD}", "\u{FFFD}x\u{FFFD}", "café" }, f.a:totable())
  end)

  it("makes integers beyond 64 bits numbers, mixed columns text", function()
    local f = read("i,j,m,n\n9223372036854775807,9223372036854775808,1,-9223372036854775808\n"
      .. "1,1,x,1\n")
    assert.equal(math.maxinteger, f.i:get(1))
    assert.equal(2.0 ^ 63, f.j:get(1))
    assert.same({ "1", "x" }, f.m:totable())
    assert.equal(math.mininteger, f.n:get(1))
  end)

  it("tells truncated and corrupt compressed files", function()
    for _, suffix in ipairs { ".gz", ".zst" } do
      with_files({ ["x.csv" .. suffix] = "a\n" .. ("1\n"):rep(3000000) }, function(folder)
        local path = folder .. "/x.csv" .. suffix
        local raw = assert(io.open(path, "rb"))
        local bytes = raw:read "a"
        raw:close()
        raw = assert(io.open(path, "wb"))
        raw:write(bytes:sub(1, -20))
        raw:close()
        assert.matches("end too early", refusal(path))
      end)
    end
  end)
end)
