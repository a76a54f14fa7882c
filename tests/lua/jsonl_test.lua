local file = require "neap.file"
local frame = require "neap.frame"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local function with_files(files, fn)
  local folder = file.temporary_folder()
  for name, text in pairs(files) do file.write(folder .. "/" .. name, text) end
  local ok, message = pcall(fn, folder)
  file.remove_tree(folder)
  if not ok then error(message, 0) end
end

local function read(text, o, name)
  local f
  name = name or "x.jsonl"
  with_files({ [name] = text }, function(folder) f = frame.read_jsonl(folder .. "/" .. name, o) end)
  return f
end

local function refusal(text, o)
  local message
  with_files({ ["x.jsonl"] = text }, function(folder)
    message = support.message(frame.read_jsonl, folder .. "/x.jsonl", o)
  end)
  return (message:gsub("^[^ ]*: ", ""):gsub("/[^ ']*/", ""))
end

local function dtypes(f)
  local out = {}
  for i, name in ipairs(f:columns()) do out[i] = name .. ":" .. f:dtype(name) end
  return table.concat(out, " ")
end

describe("frame.read_jsonl", function()
  it("finds names and types", function()
    local f = read [[
{"t": "2024-01-02T10:00:00Z", "i": 1, "x": 1.5, "b": true, "s": "up", "n": null}
{"t": null, "i": -2, "x": 2, "b": false, "s": "down", "n": null}
]]
    assert.equal("t:time i:i64 x:f64 b:bool s:category n:f64", dtypes(f))
    assert.same({ 1704189600000000000, math.mininteger }, f.t:totable())
    assert.same({ 1, -2 }, f.i:totable())
    assert.same({ 1.5, 2.0 }, f.x:totable())
    assert.same({ true, false }, f.b:totable())
    assert.same({ "up", "down" }, f.s:totable())
  end)

  it("takes keys in the order they are first seen, missing ones as missing", function()
    local f = read '{"b":1}\n{"a":2,"b":3}\n{"a":4,"c":"x"}\n{}\n'
    assert.equal("b:f64 a:f64 c:category", dtypes(f))
    assert.equal(4, #f)
    assert.equal(3.0, f.b:get(2))
    assert.is_true(f.b:get(3) ~= f.b:get(3))
    assert.same({ false, false, "x", false }, f.c:totable())
  end)

  for name, text in pairs {
    ["CR LF"] = '{"a":1}\r\n{"a":2}\r\n', ["no final line end"] = '{"a":1}\n{"a":2}',
    ["blank lines"] = '\n{"a":1}\n \t\n\n{"a":2}\n\n', ["spaces"] = '  { "a" : 1 }  \n\t{"a":2 }\n',
    ["a byte order mark"] = '\u{FEFF}{"a":1}\n{"a":2}\n',
    ["escaped keys"] = '{"\\u0061":1}\n{"a":2}',
  } do
    it("reads " .. name, function() assert.same({ 1, 2 }, read(text).a:totable()) end)
  end

  it("reads every number of JSON, and integers beyond 64 bits as numbers", function()
    for _, case in ipairs { { "0", 0 }, { "-0", 0 }, { "-0.0", -0.0 }, { "1e3", 1000.0 },
      { "1E+2", 100.0 }, { "-12.5e-1", -1.25 }, { "9223372036854775807", math.maxinteger },
      { "-9223372036854775808", math.mininteger }, { "9223372036854775808", 2.0 ^ 63 },
      { "123456789012345678901234567890", 123456789012345678901234567890.0 },
      { "1e400", math.huge }, { "5e-324", 5e-324 } } do
      local f = read('{"a":' .. case[1] .. "}\n")
      assert.equal(case[2], f.a:get(1))
      assert.equal(math.type(case[2]), math.type(f.a:get(1)))
    end
    assert.equal("f64", read('{"a":1}\n{"a":9223372036854775808}\n'):dtype "a")
  end)

  it("undoes escapes", function()
    local f = read [[{"a":"q\"b\\s\/\b\f\n\r\tx"}
{"a":"\u00e9\u20ac\ud83d\ude00é€😀\u007f"}
{"a":"plain"}]]
    assert.same({ "q\"b\\s/\b\f\n\r\tx", "é€😀é€😀\127", "plain" }, f.a:totable())
  end)

  it("reads strings as the fields of a CSV file", function()
    local f = read('{"p":"1.5","d":"20240102","s":"NA","m":1}\n'
      .. '{"p":"2","d":"20240103","s":"x","m":"y"}')
    assert.equal("p:f64 d:i64 s:category m:category", dtypes(f))
    assert.same({ "NA", "x" }, f.s:totable())
    assert.same({ "1", "y" }, f.m:totable())
    local g = read('{"p":"1.5","d":20240102}\n', { time = "d", types = { p = "text" } })
    assert.equal("p:category d:time", dtypes(g))
    assert.equal(1704153600000000000, g.d:get(1))
  end)

  it("keeps wanted columns, and reads parts", function()
    local text = '{"a":1,"b":"x","c":2.5}\n{"c":3,"a":2}\n{"a":3,"b":[]}\n'
    local f = read(text, { columns = { "c", "a" }, max_rows = 2 })
    assert.equal("c:f64 a:i64", dtypes(f))
    assert.same({ 2.5, 3 }, f.c:totable())
    assert.equal(0, #read(text, { max_rows = 0 }))
  end)

  it("reads compressed and several files", function()
    with_files({ ["A-1.jsonl.gz"] = '{"x":1}\n', ["B-1.jsonl.zst"] = '{"x":2,"y":3}\n',
      ["C-1.jsonl"] = "" }, function(folder)
      local f = frame.read_jsonl(folder .. "/*-1.jsonl*", { symbol = true })
      assert.same({ "symbol", "x", "y" }, f:columns())
      assert.same({ "A", "B" }, f.symbol:totable())
      assert.same({ 1, 2 }, f.x:totable())
      assert.equal(3.0, f.y:get(2))
    end)
  end)

  it("gives no columns for a file without lines", function()
    assert.equal("frame[0 x 0]", tostring(read ""))
    assert.equal("frame[0 x 0]", tostring(read "\n\n"))
  end)

  for _, case in ipairs {
    { '{"a":1}\n[1]\n', "2:1: an object is expected, {...}" },
    { '{"a":1} {"a":2}\n', "1:9: text follows the object" },
    { '{"a":1,}\n', "1:8: a key in quotes is expected" },
    { '{a:1}\n', "1:2: a key in quotes is expected" },
    { '{"a" 1}\n', "1:6: a colon is expected behind a key" },
    { '{"a":1 "b":2}\n', "1:8: a comma or } is expected" },
    { '{"a":1,"a":2}\n', "1:8: key 'a' stands here twice" },
    { '{"a":1,\n"b":2}\n', "1:8: a key in quotes is expected" },
    { '{"a":1\n', "1:7: the line ends inside an object" },
    { '{"a":\n', "1:6: the line ends before a value" },
    { '{"a":"x\n', "1:8: the line ends inside a string" },
    { '{"a":"x\ty"}\n', "1:8: a control character in a string must be escaped" },
    { '{"a":"\0"}\n', "1:7: a control character in a string must be escaped" },
    { '{"a":"\\u0000"}\n', "1:7: a string holds a zero byte (\\u0000)" },
    { '{"a":"\\x"}\n', "1:7: an unknown escape" },
    { '{"a":"\\u12g4"}\n', "1:7: \\u needs four hexadecimal digits" },
    { '{"a":"\\ud800x"}\n', "1:7: the first half of a surrogate pair stands alone" },
    { '{"a":"\\ud800\\u0041"}\n', "1:7: the first half of a surrogate pair stands alone" },
    { '{"a":"\\udc00"}\n', "1:7: the second half of a surrogate pair stands alone" },
    { '{"a":01}\n', "1:6: a number has a leading zero" },
    { '{"a":.5}\n', "1:6: a value is expected" },
    { '{"a":1.}\n', "1:6: a digit must follow the point" },
    { '{"a":1.e5}\n', "1:6: a digit must follow the point" },
    { '{"a":+1}\n', "1:6: a value is expected" }, { '{"a":-}\n', "1:6: a value is expected" },
    { '{"a":1e}\n', "1:7: a comma or } is expected" },
    { '{"a":NaN}\n', "1:6: a value is expected" },
    { '{"a":True}\n', "1:6: a value is expected" }, { '{"a":tru}\n', "1:6: a value is expected" },
    { '{"a":nulls}\n', "1:10: a comma or } is expected" }, { '{"":1}\n', "1:2: a key is empty" },
    { '{"a":{"b":1}}\n', "1:6: the value of 'a' is an object: nested values are not read" },
    { '{"x":1,"a":[1]}\n', "1:12: the value of 'a' is an array: nested values are not read" },
    { '{"caf\xE9":1}\n', "1:2: a key is not UTF-8" },
    { '{"a":"caf\xE9"}\n', "1: column 'a': byte 0xe9 is not UTF-8" },
    { '{"a":1}\n{"a":"x"}\n', "2: column 'a': 'x' is not a number", { types = { a = "number" } } },
    { '{"a":1}\n{"a":1.5}\n', "2: column 'a': '1.5' is not an integer", { types = { a = "i64" } } },
    { '{"a":1}\n{"b":1}\n', "2: column 'a' has no value here", { types = { a = "i64" } } },
    { '{"b":1}\n{"a":1}\n', "2: column 'a' has no value in earlier", { types = { a = "i64" } } },
    { "\xFF\xFE{\0", " is UTF-16, which is not read" },
  } do
    it("refuses " .. ("%q"):format(case[1]), function()
      local want = "read_jsonl: x.jsonl" .. (case[2]:find "^ " and "" or ":") .. case[2]
      assert.equal(want, refusal(case[1], case[3]):sub(1, #want))
    end)
  end

  it("refuses names that no line has, and mistaken options", function()
    for _, o in ipairs { { columns = { "b" } }, { time = "b" } } do
      assert.equal("read_jsonl: x.jsonl has no column 'b'", refusal('{"a":1}\n', o))
    end
    assert.matches("unknown option 'delimiter'", refusal('{"a":1}\n', { delimiter = ";" }))
    assert.matches("the path", support.message(frame.read_jsonl, 3))
    assert.matches("/nowhere.jsonl", support.message(frame.read_jsonl, "/nowhere.jsonl"))
  end)

  it("gives the same at any number of threads, wherever text and keys turn up", function()
    local lines = {}
    for i = 1, 200000 do
      lines[i] = ('{"i":%d,"x":%g,"s":"label %d"}'):format(i, i / 8, i % 1013)
    end
    lines[90000] = '{"s":"\\u00e9","late":1,"i":1.5}'
    lines[90001] = '{"other":"2024-01-02","late":"x"}'
    lines[150000] = '{"late":true,"more":2,"i":7}'
    local text = table.concat(lines, "\n")
    local first
    for _, threads in ipairs { 1, 2, 4 } do
      neap.set_threads(threads)
      local f = read(text)
      assert.equal("i:f64 x:f64 s:category late:category other:time more:f64", dtypes(f))
      assert.equal(200000, #f)
      assert.equal("é", f.s[90000])
      assert.same({ "1", "x", "true" }, f.late.labels)
      assert.equal(2.0, f.more:get(150000))
      for i = 1, 80000, 997 do assert.equal("label " .. i % 1013, f.s[i]) end
      local sums = { f.i:sum { skip_nan = true }, f.x:sum { skip_nan = true }, f.s.codes:sum() }
      first = first or sums
      assert.same(first, sums)
    end
    lines[120000], lines[190000] = '{"i":1,"x":}', "junk"
    local message
    for _, threads in ipairs { 1, 2, 4 } do
      neap.set_threads(threads)
      message = message or refusal(table.concat(lines, "\n"))
      assert.equal("read_jsonl: x.jsonl:120000:12: a value is expected", message)
      assert.equal(message, refusal(table.concat(lines, "\n")))
    end
    neap.set_threads(2)
  end)
end)

describe("frame:write_jsonl", function()
  it("gives back what was written, bit for bit", function()
    local f = frame.new {
      { "time", tensor.of({ 1, -5000000000, math.mininteger }, { dtype = "i64" }) },
      { "x", tensor.of { 0.1, 0 / 0, 1e-300 } }, { "k", tensor.of({ 1, 2, 3 }, { dtype = "i64" }) },
      { "b", tensor.of({ true, false, true }, { dtype = "bool" }) },
      { "inf", tensor.of { math.huge, -math.huge, 0 / 0 } },
      { 'odd "name",\n\\', { "a,b\t\1", 'q"q\\é😀', false } },
    }
    for _, suffix in ipairs { ".jsonl", ".jsonl.gz", ".jsonl.zst" } do
      local path = support.temporary(suffix)
      f:write_jsonl(path)
      local g = frame.read_jsonl(path)
      os.remove(path)
      assert.same(f:columns(), g:columns())
      for _, name in ipairs(f:columns()) do assert.equal(f:dtype(name), g:dtype(name)) end
      for _, name in ipairs { "time", "k", "b" } do
        assert.same(f:column(name):totable(), g:column(name):totable())
      end
      for i = 1, 3 do
        for _, name in ipairs { "x", "inf" } do
          local a, b = f[name]:get(i), g[name]:get(i)
          assert.is_true(a == b or (a ~= a and b ~= b))
        end
      end
      assert.same(f:column('odd "name",\n\\'):totable(), g:column('odd "name",\n\\'):totable())
    end
  end)

  it("writes one object a line", function()
    local path = support.temporary ".jsonl"
    frame.new({ { "t", tensor.of({ 0, math.mininteger }, { dtype = "i64" }), "time" },
      { "x", { 1.5, 0 / 0 } } }):write_jsonl(path)
    assert.equal('{"t":"1970-01-01T00:00:00Z","x":1.5}\n{"t":null,"x":null}\n', file.read(path))
    os.remove(path)
    assert.matches("/nowhere/x", support.message(function()
      frame.new({ { "x", { 1 } } }):write_jsonl "/nowhere/x.jsonl"
    end))
  end)

  it("leaves the old file when the disk is full", function()
    local fail_after = require("neap.c.file").fail_after
    local path = support.temporary ".jsonl"
    file.write(path, "before")
    local f = frame.new { { "x", tensor.arange(100000) } }
    for _, write in ipairs { "write_jsonl", "write_csv" } do
      fail_after(3, "ENOSPC")
      assert.matches("No space left on device", support.message(f[write], f, path))
      assert.equal("before", file.read(path))
    end
    os.remove(path)
  end)
end)
