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
