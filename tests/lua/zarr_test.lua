local support = require "tests.lua.support"
local file = require "neap.file"
local json = require "neap.json"
local tensor = require "neap.tensor"
local zarr = require "neap.zarr"
local faults = require "neap.c.file"

local folder

before_each(function() folder = file.temporary_folder() end)
after_each(function() file.remove_tree(folder) end)

local function equal(want, got)
  assert.same(want.shape, got.shape)
  assert.equal(want.dtype, got.dtype)
  assert.is_true(want:eq(got):all())
end

-- Files as they are: not unpacked, and not made durable one by one.
local function bytes_of(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read "a"
end

local function put(path, bytes)
  local f <close> = assert(io.open(path, "wb"))
  f:write(bytes)
end

describe("json.decode", function()
  it("reads every kind of value", function()
    local v = json.decode(' { "a" : [1, -2.5e3, 0, true, false, null, {}, []],'
      .. ' "\\u00e9\\n": "\\ud83d\\ude00" } ')
    assert.equal(1, v.a[1])
    assert.equal("integer", math.type(v.a[1]))
    assert.equal(-2500.0, v.a[2])
    assert.equal(json.null, v.a[6])
    assert.equal("😀", v["é\n"])
    assert.equal('{"a":[1,-2500,0,true,false,null,{},[]],"é\\n":"😀"}', json.text(v))
  end)

  it("refuses what is not JSON", function()
    for text, message in pairs { -- each on its own
      [""] = "a value expected", ["{"] = "'\"' expected", ["[1,]"] = "a value expected",
      ["01"] = "is no number", ["1."] = "is no number", ["1 2"] = "text behind",
      ['{"a":1,"a":2}'] = "stands twice", ['"\\x"'] = "unknown escape", ['"\1"'] = "control",
      ['"\\ud800"'] = "half a character", ['"\xff"'] = "not UTF%-8", ["nul"] = "a value expected",
      [("["):rep(200)] = "100 deep", ["{1:2}"] = "'\"' expected", ['"a'] = "without end",
    } do
      assert.matches(message, support.message(json.decode, text))
    end
    assert.matches("json: x, line 2: ", support.message(json.decode, "[\n}", "x"))
  end)
end)

describe("zarr", function()
  it("reads what zarrita writes", function()
    local a = zarr.open "tests/golden/zarr/zstd.zarr"
    assert.same({ 5, 3 }, a.shape)
    local x = a:read()
    equal(tensor.arange(0, 11):reshape(4, 3) / 4, x:slice(1, 1, 4))
    assert.is_true(x[5]:isnan():all())
    local plain = tensor.load "tests/golden/zarr/plain.zarr"
    equal(tensor.arange(0, 11):reshape(4, 3):to "i32", plain:slice(1, 1, 4))
    assert.same({ 7, 7, 7 }, plain[5]:totable())
  end)

  it("reads other types, byte orders and memory orders of zarrita", function()
    for name, dtype in pairs { turned = "f32", unsigned = "i32" } do -- each on its own
      local a = zarr.open("tests/golden/zarr/" .. name .. ".zarr")
      local x = a:read()
      equal(tensor.arange(0, 11):reshape(4, 3):to(dtype), x:slice(1, 1, 4))
      assert.same({ 7, 7, 7 }, x[5]:totable())
      equal(x[{ { 2, 4 }, { 2, 3 } }], a:read({ 2, 4 }, { 2, 3 }))
      assert.matches("which is only read", support.message(a.append, a, x))
    end
  end)

  it("reads version 2 as zarr-python writes it", function()
    for name, why in pairs { -- each on its own
      zstd = false, plain = false, fortran = "has codecs that we do not write",
      gzip = "holds >i2", zlib = "has codecs that we do not write",
    } do
      local a = zarr.open("tests/golden/zarr/v2_" .. name .. ".zarr")
      local x = a:read()
      equal(tensor.arange(0, 11):reshape(4, 3):to(x.dtype), x:slice(1, 1, 4))
      assert.same({ 7, 7, 7 }, x[5]:totable())
      equal(x[{ { 2, 4 }, { 2, 3 } }], a:read({ 2, 4 }, { 2, 3 }))
      if why then
        assert.matches(why .. ", which is only read", support.message(a.append, a, x))
      end
    end
    for name, message in pairs { -- each on its own
      lz4 = "compressor 'lz4'; zstd, zlib, gzip, blosc and none can be read",
      delta = "filter 'delta'", text = 'data type "<U2" is not one of ours',
    } do
      assert.matches(message,
        support.message(zarr.open, "tests/golden/zarr/v2_" .. name .. ".zarr"))
    end
  end)

  it("appends to an array of version 2 and keeps what it says", function()
    local from, to = "tests/golden/zarr/v2_zstd.zarr/", folder .. "/old.zarr/"
    file.mkdir(to)
    for _, name in ipairs { ".zarray", "0.0", "0.1", "1.0", "1.1" } do
      put(to .. name, bytes_of(from .. name))
    end
    zarr.open(to):append(tensor.full { 2, 3, value = 9 })
    assert.same({ { 9, 10, 11 }, { 7, 7, 7 }, { 9, 9, 9 }, { 9, 9, 9 } },
      zarr.open(to):read({ 4, 7 }):totable())
    assert.equal(json.text(json.decode((bytes_of(from .. ".zarray"):gsub("5,", "7,")))),
      (bytes_of(to .. ".zarray"):gsub("\n", "")))
  end)

  it("writes version 2, in every dtype and by every compressor", function()
    local numbers = tensor.arange(0, 14):reshape(5, 3)
    for _, compressor in ipairs { "zstd", "zlib", "gzip", "none" } do
      for _, dtype in ipairs { "f64", "f32", "i64", "i32", "u8", "bool" } do
        local path = ("%s/%s_%s.zarr"):format(folder, compressor, dtype)
        local x = numbers:to(dtype)
        local a = zarr.create(path, { shape = { 0, 3 }, chunks = { 2, 2 }, dtype = dtype,
          zarr_format = 2, compressor = compressor, fill = 1 })
        a:append(x:slice(1, 1, 3))
        zarr.open(path):append(x:slice(1, 4, 5))
        equal(x, zarr.load(path))
        assert.is_true(file.exists(path .. "/2.1"))
        assert.is_false(file.exists(path .. "/zarr.json"))
        local m = json.decode(file.read(path .. "/.zarray"))
        assert.equal(({ f64 = "<f8", f32 = "<f4", i64 = "<i8", i32 = "<i4", u8 = "|u1",
          bool = "|b1" })[dtype], m.dtype)
        assert.equal(compressor == "none" and json.null or compressor,
          compressor == "none" and m.compressor or m.compressor.id)
      end
    end
    tensor.save(folder .. "/saved.zarr", numbers, { zarr_format = 2, compressor = "gzip" })
    equal(numbers, tensor.load(folder .. "/saved.zarr"))
    assert.equal('{"chunks":[43690,3],"compressor":{"id":"gzip","level":6},'
      .. '"dimension_separator":".","dtype":"<f8","fill_value":0,"filters":null,"order":"C",'
      .. '"shape":[5,3],"zarr_format":2}\n',
      bytes_of(folder .. "/saved.zarr/.zarray"))
    assert.equal("\x1f\x8b\8\0\0\0\0\0", bytes_of(folder .. "/saved.zarr/0.0"):sub(1, 8))
    tensor.save(folder .. "/scalar.zarr", tensor.of({ 2.5 }):reshape {}, { zarr_format = 2 })
    assert.equal(2.5, tensor.load(folder .. "/scalar.zarr"):item())
    assert.matches("is there already",
      support.message(tensor.save, folder .. "/saved.zarr", numbers))
    zarr.save(folder .. "/three.zarr", numbers, { compressor = "gzip", level = 1 })
    equal(numbers, zarr.load(folder .. "/three.zarr"))
  end)

  -- Where Debian's python3-zarr is installed; the bytes themselves depend on zlib and zstd.
  local peer = os.execute "/usr/bin/python3 -c 'import zarr' >/dev/null 2>&1"
  it("writes version 2 as zarr-python reads it" .. (peer and "" or " (not installed)"), function()
    if not peer then return end
    local random = require("neap").rng(4)
    for _, compressor in ipairs { "zstd", "zlib", "gzip", "none" } do
      local a = zarr.create(("%s/%s.zarr"):format(folder, compressor), { shape = { 0, 5 },
        chunks = { 40, 3 }, zarr_format = 2, compressor = compressor, fill = 0 / 0 })
      for _ = 1, 3 do a:append(tensor.randn { 37, 5, rng = random }:floor()) end
      tensor.save(("%s/%s.npy"):format(folder, compressor), a:read())
    end
    zarr.save(folder .. "/flags.zarr", tensor.of { true, false, true }, { zarr_format = 2 })
    local script = folder .. "/check.py"
    put(script, [[
import sys, numpy, zarr
for name in ["zstd", "zlib", "gzip", "none"]:
    a = zarr.open(sys.argv[1] + "/" + name + ".zarr", mode="r")
    assert numpy.array_equal(a[:], numpy.load(sys.argv[1] + "/" + name + ".npy")), name
    assert numpy.isnan(a.fill_value) and a.shape == (111, 5) and a.chunks == (40, 3), a.info
    b = zarr.open(sys.argv[1] + "/" + name + ".zarr", mode="a")
    b.append(numpy.full((2, 5), 3.5))
assert zarr.open(sys.argv[1] + "/flags.zarr", mode="r")[:].tolist() == [True, False, True]
]])
    local p <close> = assert(io.popen(("/usr/bin/python3 %s %s 2>&1"):format(script, folder)))
    assert.equal("", p:read "a")
    for _, compressor in ipairs { "zstd", "zlib", "gzip", "none" } do
      local a = zarr.open(("%s/%s.zarr"):format(folder, compressor))
      assert.same({ 113, 5 }, a.shape)
      assert.equal(35.0, (a:read({ 112, 113 }):sum()))
      equal(tensor.load(("%s/%s.npy"):format(folder, compressor)), a:read { 1, 111 })
    end
  end)

  it("reads Blosc's containers", function()
    local i = tensor.arange(0, 5000):to "i64"
    local want = (i * i % 251) // 3
    for _, name in ipairs { "lz4", "lz4hc", "zstd", "zlib", "bits", "copied" } do
      local x = tensor.load("tests/golden/zarr/blosc_" .. name .. ".zarr")
      equal(want:slice(1, 1, #x):to(x.dtype), x)
    end
    assert.matches("Blosc with blosclz; with lz4, zlib and zstd it can be read",
      support.message(tensor.load, "tests/golden/zarr/blosc_blosclz.zarr"))
  end)

  it("refuses or reads a damaged container, and never more than that", function()
    for _, name in ipairs { "lz4", "lz4hc", "zstd", "zlib", "bits" } do
      local from, to = "tests/golden/zarr/blosc_" .. name .. ".zarr/", folder .. "/" .. name
      file.mkdir(to)
      put(to .. "/.zarray", bytes_of(from .. ".zarray"))
      local bytes = bytes_of(from .. "1")
      local random = require("neap").rng(1)
      for k = 1, 300 do
        local at = k <= 40 and k or random:integer(1, #bytes)
        local changed = k % 3 > 0 and string.char(bytes:byte(at) ~ random:integer(1, 255)) or ""
        put(to .. "/1", bytes:sub(1, at - 1) .. changed .. bytes:sub(at + 1))
        local ok, message = pcall(function() return zarr.open(to):read() end)
        assert.is_true(ok or message:find "chunk '.-'" ~= nil, message)
      end
    end
  end)

  it("reads gzip in version 3, and fill values of every form", function()
    local path = folder .. "/g.zarr"
    file.mkdir(path)
    for _, key in ipairs { "0.0", "0.1", "1.0", "1.1" } do
      put(path .. "/" .. key, bytes_of("tests/golden/zarr/v2_gzip.zarr/" .. key))
    end
    for _, case in ipairs {
      { "int16", "-3", "-3" }, { "float32", '"NaN"', "nan" }, { "bool", "true", "true" },
      { "float64", '"0x7ff8000000000000"', "nan" }, { "float32", '"0xff800000"', "-inf" },
    } do
      put(path .. "/zarr.json", ([[{"zarr_format": 3, "node_type": "array",
        "shape": [5, 3], "data_type": "%s", "fill_value": %s, "chunk_key_encoding": {"name": "v2"},
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 2]}},
        "codecs": [{"name": "bytes", "configuration": {"endian": "big"}}, {"name": "gzip"}]}]])
        :format(case[1], case[2]))
      local a = zarr.open(path)
      if case[1] == "int16" then
        equal(tensor.arange(0, 11):reshape(4, 3):to "i32", a:read { 1, 4 })
      end
      assert.equal(case[3], (tostring(a:read(5)[1][1]):gsub("^%-nan$", "nan")))
    end
  end)

  it("lists the arrays of groups", function()
    assert.same({ "a", "inner/b" }, zarr.list "tests/golden/zarr/v2_group.zarr")
    assert.same({ "" }, zarr.list "tests/golden/zarr/zstd.zarr")
    equal(tensor.arange(0, 3):to "i64", zarr.load "tests/golden/zarr/v2_group.zarr/inner/b")
  end)

  it("keeps the metadata of others when it appends", function()
    for _, name in ipairs { "zarr.json", "c/0/0", "c/1/0", "c/0/1", "c/1/1" } do
      file.mkdir((folder .. "/p.zarr/" .. name):match "^(.*)/")
      file.write(folder .. "/p.zarr/" .. name, file.read("tests/golden/zarr/plain.zarr/" .. name))
    end
    zarr.open(folder .. "/p.zarr"):append(tensor.zeros { 2, 3, dtype = "i32" })
    local m = json.decode(file.read(folder .. "/p.zarr/zarr.json"))
    assert.equal('{"shape":[1],"unit":"USD"}', json.text(m.attributes))
    assert.equal("[7,3]", json.text(m.shape))
    assert.same({ { 9, 10, 11 }, { 7, 7, 7 }, { 0, 0, 0 } },
      zarr.open(folder .. "/p.zarr"):read({ 4, 6 }):totable())
  end)

  it("reads any box of what was appended in pieces", function()
    local x = tensor.randn { 23, 3, 5, seed = 3 }
    local a = zarr.create(folder .. "/x.zarr", { shape = { 0, 3, 5 }, chunks = { 4, 2, 5 } })
    local at = 1
    for _, n in ipairs { 1, 2, 6, 4, 0, 10 } do
      a:append(n > 0 and x:slice(1, at, at + n - 1) or tensor.zeros { 0, 3, 5 })
      at = at + n
    end
    local b = zarr.open(folder .. "/x.zarr")
    equal(x, b:read())
    for _, box in ipairs {
      { { 1, 1 }, { 1, 1 }, { 1, 1 } }, { { 4, 5 }, { 2, 3 }, { 1, 5 } },
      { { 23, 23 }, { 3, 3 }, { 5, 5 } }, { { 2, 22 }, { 1, 3 }, { 2, 4 } },
    } do
      equal(x[box], b:read(table.unpack(box)))
    end
    equal(x[{ { 9, 9 }, {}, {} }], b:read(9))
    equal(x[{ { 22, 23 }, {}, { 5, 5 } }], b:read({ -2, -1 }, {}, -1))
  end)

  it("holds every dtype, no rows and no dims", function()
    for _, dtype in ipairs { "f64", "f32", "i64", "i32", "u8", "bool" } do
      local x = tensor.arange(0, 5):reshape(2, 3):to(dtype)
      local path = folder .. "/" .. dtype .. ".zarr"
      tensor.save(path, x)
      equal(x, tensor.load(path))
      assert.matches("is there already", support.message(tensor.save, path, x))
    end
    tensor.save(folder .. "/scalar.zarr", tensor.of { 2.5 }[{ { 1, 1 } }]:reshape {})
    assert.equal(2.5, tensor.load(folder .. "/scalar.zarr"):item())
    tensor.save(folder .. "/none.zarr", tensor.zeros { 0, 3 })
    assert.same({ 0, 3 }, tensor.load(folder .. "/none.zarr").shape)
  end)

  it("fills what was never written and keeps what stands beside a write", function()
    local a = zarr.create(folder .. "/f.zarr", { shape = { 5 }, chunks = { 2 }, fill = 0 / 0 })
    a:write({ 2 }, tensor.of { 1, 2 })
    a:write({ 4 }, tensor.of { 3 })
    assert.equal("tensor<f64>[5] {nan, 1, 2, 3, nan}", tostring(zarr.open(a.path):read()))
  end)

  it("touches only the chunks that a range meets", function()
    local a = zarr.save(folder .. "/t.zarr", tensor.arange(10), { chunks = { 3 } })
    file.write(a.path .. "/c/0", "damaged")
    file.write(a.path .. "/c/2", "damaged")
    assert.same({ 4, 5, 6 }, a:read({ 4, 6 }):totable())
    assert.matches("chunk .*/c/2' is damaged",
      support.message(a.read, a, { 6, 7 }))
  end)

  for zarr_format = 2, 3 do
    it("is as it was when an append fails at any step, version " .. zarr_format, function()
      local x, more = tensor.arange(5), tensor.arange(6, 12)
      for k = 1, 100 do
        local path = folder .. "/" .. k .. ".zarr"
        local a = zarr.save(path, x, { chunks = { 3 }, zarr_format = zarr_format })
        faults.fail_after(k, "ENOSPC")
        local ok = pcall(a.append, a, more)
        if faults.fail_armed() then
          faults.fail_after(0, "ENOSPC")
          assert.is_true(k > 8 and ok)
          break
        end
        assert.is_false(ok)
        local there = zarr.open(path)
        equal(there.shape[1] == 5 and x or tensor.arange(12), there:read())
        if there.shape[1] == 5 then
          assert.equal(5, a.shape[1])
          there:append(more)
        end
        equal(tensor.arange(12), zarr.open(path):read())
      end
    end)
  end

  it("holds whole rows after its writer was killed", function()
    local path, program = folder .. "/k.zarr", folder .. "/append.lua"
    zarr.create(path, { shape = { 0, 2 }, chunks = { 7, 2 } })
    put(program, [[
      local tensor, a = require "neap.tensor", require("neap.zarr").open(arg[1])
      for k = 1, 500 do
        local n, more = a.shape[1], k % 23 + 1
        a:append(tensor.arange(n + 1, n + more):unsqueeze(2):expand(more, 2):contiguous())
        io.write(a.shape[1], "\n"):flush()
      end]])
    local random, rows = require("neap").rng(os.time()), 0
    for _ = 1, 8 do
      local p <close> = assert(io.popen(("echo $$; exec %s %s %s 2>/dev/null"):format(
        require("tests.lua.command").neap, program, path)))
      local process = p:read "n"
      for _ = 1, random:integer(1, 6) do rows = p:read "n" end
      os.execute(("sleep %.4f; kill -9 %d"):format(0.03 * random:uniform(), process))
      for line in p:lines() do rows = math.tointeger(tonumber(line)) or rows end
      local x = zarr.load(path)
      assert.is_true(x:size(1) >= rows)
      rows = x:size(1)
      equal(tensor.arange(1, rows):unsqueeze(2):expand(rows, 2):contiguous(), x)
    end
    local a = zarr.open(path)
    a:append(tensor.full { 1, 2, value = rows + 1 })
    for _, name in ipairs(file.list(path)) do assert.is_nil(name:find "%.tmp$") end
    assert.equal(2.0 * (rows + 1), (a:read(-1):sum()))
  end)

  it("says what does not fit", function()
    local a = zarr.create(folder .. "/a.zarr", { shape = { 4, 2 }, chunks = { 2, 2 } })
    local x = tensor.ones { 2, 2 }
    for _, case in ipairs {
      { "position 5 of dim 1 is outside 1%.%.4", a.read, a, { 1, 5 } },
      { "position 0 of dim 2", a.read, a, {}, 0 },
      { "ends at 1, before 2", a.read, a, { 2, 1 } },
      { "3 ranges for 2 dims", a.read, a, 1, 1, 1 },
      { "is {first, last}", a.read, a, { 1, 2, 3 } },
      { "the array is f64, the tensor f32", a.append, a, x:to "f32" },
      { "dim 2 of the array has size 2, of the tensor 1", a.append, a, tensor.ones { 2, 1 } },
      { "the array has 2 dims, the tensor 1", a.append, a, tensor.ones { 2 } },
      { "tensor expected, got nil", a.append, a },
      { "does not fit into dim 1 of size 4", a.write, a, { 4, 1 }, x },
      { "one position per dim", a.write, a, { 4 }, x },
      { "is there already", zarr.create, a.path, { shape = { 1 } } },
      { "'shape'", zarr.create, folder .. "/b.zarr", {} },
      { "shape holds %-1", zarr.create, folder .. "/b.zarr", { shape = { -1 } } },
      { "chunks holds 0", zarr.create, folder .. "/b.zarr", { shape = { 1 }, chunks = { 0 } } },
      { "chunks has 2 sizes, shape has 1", zarr.create, folder .. "/b.zarr",
        { shape = { 1 }, chunks = { 1, 1 } } },
      { "zarr_format is 4, must be 2 or 3", zarr.create, folder .. "/b.zarr",
        { shape = { 1 }, zarr_format = 4 } },
      { "unknown compressor 'zip' %(did you mean 'gzip'%?%)", zarr.create, folder .. "/b.zarr",
        { shape = { 1 }, compressor = "zip" } },
      { "zlib is a compressor of zarr_format 2", zarr.save, folder .. "/b.zarr", x,
        { compressor = "zlib" } },
      { "option 'level' is 10, must be 9 at most", zarr.create, folder .. "/b.zarr",
        { shape = { 1 }, compressor = "gzip", level = 10 } },
      { "`compressor` is for .zarr files, not for .npy", tensor.save, folder .. "/b.npy", x,
        { compressor = "gzip" } },
      { "dtype 'f16'", zarr.create, folder .. "/b.zarr", { shape = { 1 }, dtype = "f16" } },
      { "No such file", zarr.open, folder .. "/none.zarr" },
    } do
      assert.matches(case[1], support.message(table.unpack(case, 2, #case)))
    end
  end)

  it("refuses metadata that it cannot keep", function()
    local a = zarr.create(folder .. "/m.zarr", { shape = { 4 }, chunks = { 2 } })
    local text = file.read(a.path .. "/zarr.json")
    for _, case in ipairs {
      { '"zarr_format":3', '"zarr_format":2', "version 3" },
      { '"array"', '"group"', "version 3" },
      { '"float64"', '"complex64"', 'data type "complex64"' },
      { '"regular"', '"rectangular"', "not regular" },
      { '"zstd"', '"lz4"', "codec 'lz4' in place 2" },
      { '"zstd"', '"bytes"', "codec 'bytes' in place 2" },
      { '"bytes"', '"zstd"', "codec 'zstd' in place 1" },
      { '"chunk_shape":%[2%]', '"chunk_shape":[0]', "chunk_shape holds 0" },
      { '"chunk_shape":%[2%]', '"chunk_shape":[2,2]', "different lengths" },
      { '"default"', '"other"', "kind 'other'" },
      { '"fill_value":0', '"fill_value":null', "fill value null is not one of f64" },
      { '"fill_value":0', '"fill_value":"x"', 'fill value "x"' },
      { '"shape":%[4%]', '"shape":7', "no shape" },
      { "}$", "", "expected" },
      { '"separator":"/"', '"separator":"/../"', "chunk keys are separated by '/../'" },
      { '"codecs":%[.-%],', '"codecs":[7],', "codec '7' in place 1" },
      { '"codecs":%[.-%],', '"codecs":[null],', "codec 'nil' in place 1" },
      { '"codecs":%[.-%],', '"codecs":[],', "does not name the codec bytes" },
      { '"chunk_grid":{.-"regular"}', '"chunk_grid":7', "not regular" },
    } do
      local changed = text:gsub("\n$", ""):gsub(case[1], case[2])
      file.write(a.path .. "/zarr.json", changed)
      assert.matches(case[3], support.message(zarr.open, a.path))
    end
  end)
end)
