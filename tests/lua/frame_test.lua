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
    { "19700102 06:00", day + day // 4 }, { "86400", day }, { "1515560100000", 1515560100000000000 },
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
    local f = read("t\n01/03/24 9:30:00.25\n", { time = "t", time_format = "%d/%m/%y %H:%M:%S.%f" })
    assert.equal(1709285400250000000, f.t:get(1))
  end)

  for _, case in ipairs {
    { "", {}, "read_csv: FILE is empty" },
    { "\n\n", {}, "read_csv: FILE is empty" },
    { "a,b\n1,2\n3\n", {}, "read_csv: FILE:3: 1 fields, but the header has 2" },
    { "a,b\n1,2,3\n", {}, "read_csv: FILE:2: 3 fields, but the header has 2" },
    { "a,a\n1,2\n", {}, "read_csv: FILE: columns 1 and 2 are both called 'a'" },
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
