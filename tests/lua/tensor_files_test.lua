local support = require "tests.lua.support"
local file = require "neap.file"
local json = require "neap.json"
local neap = require "neap"
local tensor = require "neap.tensor"

local nan = 0 / 0
local same = support.same
local folder = "tests/golden/archives/"

local function names_of(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function check_golden(path)
  local t, names = tensor.load(path)
  assert.same({ "close", "day/é", "empty", "scalar", "time", "turned", "up" }, names)
  assert.same(names, names_of(t))
  assert.equal("tensor<f64>[2x3]", tostring(t.close):match "^[^\n ]+")
  assert.same({ { 0, 0.25, 0.5 }, { 0.75, 1, 1.25 } }, t.close:totable())
  assert.same({ { 0, 1, 2 }, { 3, 4, 5 } }, t.turned:totable())
  assert.equal("f32", t.turned.dtype)
  assert.same({ 2 ^ 62 // 1 | 0, -1 }, t.time:totable())
  assert.same({ true, false, true }, t.up:totable())
  assert.equal(7.5, t.scalar:item())
  assert.same({ 0, 3 }, t.empty.shape)
  assert.equal("i32", t.empty.dtype)
  assert.same({ 1, 255 }, t["day/é"]:totable())
end

describe("tensor archives", function()
  it("reads what numpy writes", function()
    for _, name in ipairs { "stored", "deflated", "zip64" } do
      check_golden(folder .. name .. ".npz")
    end
    local wide = tensor.load(folder .. "wide.npz")
    assert.equal("tensor<i32>[3] {0, 1, 2}", tostring(wide.x))
    assert.equal("tensor<f32>[1] {1.5}", tostring(wide.y))
    assert.matches("member 'x.npy': load .*dtype '<c16' cannot be read",
      support.message(tensor.load, folder .. "complex_refused.npz"))
    assert.matches("member 'notes.txt' is not a .npy file",
      support.message(tensor.load, folder .. "other_member.npz"))
  end)

  it("reads back what it writes, in every form", function()
    local golden = tensor.load(folder .. "stored.npz")
    local path = os.tmpname()
    os.remove(path)
    for _, form in ipairs {
      { ".npz" }, { ".npz", { compress = true } }, { ".safetensors" },
      { ".safetensors", { metadata = { model = "lob \"10\"", ["é"] = "\1\n" } } },
    } do
      tensor.save(path .. form[1], golden, form[2])
      check_golden(path .. form[1])
      local first = file.sha256(file.read(path .. form[1]))
      tensor.save(path .. form[1], (tensor.load(path .. form[1])), form[2])
      assert.equal(first, file.sha256(file.read(path .. form[1])))
      local _, _, metadata = tensor.load(path .. form[1])
      assert.same(form[2] and form[2].metadata or {}, metadata)
      os.remove(path .. form[1])
    end
  end)

  it("reads safetensors of other writers", function()
    local t, names, metadata = tensor.load(folder .. "other.safetensors")
    assert.same({ "a", "b" }, names)
    assert.same({ { 0, 1 }, { 2, 3 } }, t.a:totable())
    assert.equal("tensor<f32>[2] {1.5, -2}", tostring(t.b))
    assert.same({ format = "pt" }, metadata)
  end)

  it("reads a state that PyTorch wrote, halves widened", function()
    local t, names, metadata = tensor.load(folder .. "torch.safetensors")
    assert.same({ format = "pt" }, metadata)
    assert.equal(15, #names)
    local at, order = 0, { "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean",
      "1.running_var", "2.weight_ih_l0", "2.weight_hh_l0", "2.bias_ih_l0", "2.bias_hh_l0",
      "3.weight", "3.bias", "4.weight", "4.bias" }
    for _, name in ipairs(order) do
      local n = t[name]:numel()
      assert.equal("f32", t[name].dtype)
      assert.same(((tensor.arange(at, at + n - 1) / 8) - 2):totable(),
        t[name]:reshape(-1):totable(), name)
      at = at + n
    end
    assert.same({ 3, 2, 2 }, t["0.weight"].shape)
    assert.same({}, t["1.num_batches_tracked"].shape)
    assert.equal(2 ^ 40 // 1 + 1 | 0, t["1.num_batches_tracked"]:item())
  end)

  it("writes safetensors in the form that others read", function()
    local path = os.tmpname()
    os.remove(path)
    path = path .. ".safetensors"
    tensor.save(path, { b = tensor.of({ 1, 2, 3 }, { dtype = "u8" }), a = tensor.of { 0.5 },
      ["0.weight"] = tensor.of({ { 1, 2 }, { 3, 4 } }, { dtype = "f32" }):t(),
      none = tensor.zeros { 0, 3 } })
    local text = file.read(path)
    os.remove(path)
    local n = ("<I8"):unpack(text)
    assert.equal(0, n % 8)
    assert.same({ a = { dtype = "F64", shape = { 1 }, data_offsets = { 0, 8 } },
      none = { dtype = "F64", shape = { 0, 3 }, data_offsets = { 8, 8 } },
      ["0.weight"] = { dtype = "F32", shape = { 2, 2 }, data_offsets = { 8, 24 } },
      b = { dtype = "U8", shape = { 3 }, data_offsets = { 24, 27 } } },
      json.decode(text:sub(9, 8 + n)))
    assert.equal(("<dffffBBB"):pack(0.5, 1, 3, 2, 4, 1, 2, 3), text:sub(9 + n))
  end)

  it("reads only what is named", function()
    local t, names = tensor.load(folder .. "stored.npz", { only = { "up", "close" } })
    assert.same({ "close", "up" }, names)
    assert.is_nil(t.time)
    assert.matches("it holds no 'high'",
      support.message(tensor.load, folder .. "stored.npz", { only = { "high" } }))
    assert.matches("names are texts",
      support.message(tensor.load, folder .. "stored.npz", { only = { 1 } }))
  end)

  it("reads the recorded order books", function()
    local path = support.data "orderbook/lob10/cm_btcusd_perp.npz"
    if not path then return pending "data folder absent" end
    local t = tensor.load(path)
    assert.same({ "X", "ts_ms" }, names_of(t))
    assert.same({ 12651, 40 }, t.X.shape)
    assert.equal("i64", t.ts_ms.dtype)
  end)

  it("says what an extension takes", function()
    local x = tensor.ones { 2 }
    for _, case in ipairs {
      { "x must be a tensor for a .npy file, got table", "a.npy", { x = x } },
      { "takes {name = tensor}, got one tensor", "a.npz", x },
      { "x must be a table {name = tensor}, got nil", "a.npz" },
      { "'x' is a number, not a tensor", "a.npz", { x = 1 } },
      { "names are texts, got 1", "a.safetensors", { x } },
      { "'k' is a number, not a text", "a.safetensors", { x = x }, { metadata = { k = 1 } } },
      { "`metadata` is for .safetensors files, not for .npz", "a.npz", { x = x },
        { metadata = {} } },
      { "`compress` is for .npz files, not for .npy", "a.npy", x, { compress = true } },
      { "unknown option 'compres'", "a.npz", { x = x }, { compres = true } },
      { "does not end in .npy, .npz, .safetensors or .zarr", "a.csv", x },
      { "has a zero byte inside", "a.npz", { ["x\0"] = x } },
    } do
      local message = support.message(tensor.save, table.unpack(case, 2, 4))
      assert.truthy(message:find(case[1], 1, true), message)
    end
    assert.is_false(file.exists "a.npz")
    assert.matches("`mmap` is for .npy files",
      support.message(tensor.load, "a.npz", { mmap = true }))
    assert.matches("`only` is for .npz", support.message(tensor.load, "a.npy", { only = { "x" } }))
    assert.matches("No such file", support.message(tensor.load, "absent.npz"))
    assert.matches("No such file", support.message(tensor.load, "absent.safetensors"))
  end)
end)

describe("mapped tensors", function()
  it("equal loaded ones and leave the file alone", function()
    local npy = "tests/golden/npy/"
    for _, name in ipairs {
      "f64_c", "f32_fortran", "i64_c", "bool_c", "f64_scalar", "f64_empty",
    } do
      local mapped, loaded = tensor.load(npy .. name .. ".npy", { mmap = true }),
        tensor.load(npy .. name .. ".npy")
      assert.equal(tostring(loaded), tostring(mapped))
      assert.equal(loaded.dtype, mapped.dtype)
    end
    local before = file.read(npy .. "f64_c.npy")
    local x = tensor.load(npy .. "f64_c.npy", { mmap = true })
    local row = x[2]
    x:add_(1)
    x[1] = 0
    assert.same({ { 0, 0, 0 }, { 5, 6, 7 } }, x:totable())
    x:free()
    assert.same({ 5, 6, 7 }, row:totable())
    assert.equal(before, file.read(npy .. "f64_c.npy"))
    assert.matches("byte order",
      support.message(tensor.load, npy .. "f64_big_endian.npy", { mmap = true }))
  end)

  it("may be saved over their own file", function()
    local path = support.temporary ".npy"
    tensor.save(path, tensor.arange(1000))
    local x = tensor.load(path, { mmap = true })
    tensor.save(path, x * 2)
    assert.equal(1000, x[1000])
    assert.equal(2000, tensor.load(path)[1000])
    os.remove(path)
  end)
end)

describe("tensor files", function()
  local npy = "tests/golden/npy/"

  it("reads what numpy writes", function()
    for _, dtype in ipairs { "f64", "f32", "i64", "i32", "u8", "bool" } do
      for _, order in ipairs { "c", "fortran" } do
        local x = tensor.load(npy .. dtype .. "_" .. order .. ".npy")
        assert.equal(dtype, x.dtype)
        if dtype == "bool" then same({ { false, false, false }, { true, true, true } }, x)
        else same({ { 1, 2, 3 }, { 4, 5, 6 } }, x) end
      end
    end
    for _, name in ipairs {
      "f64_big_endian", "i32_big_endian", "f64_version_2", "f64_version_3",
    } do
      same({ { 1, 2, 3 }, { 4, 5, 6 } }, tensor.load(npy .. name .. ".npy"))
    end
    assert.equal(7.5, tensor.load(npy .. "f64_scalar.npy"):item())
    assert.same({ 0, 3 }, tensor.load(npy .. "f64_empty.npy").shape)
    for _, name in ipairs { "f32_big_endian", "i64_big_endian" } do
      same({ { 1, 2, 3 }, { 4, 5, 6 } }, tensor.load(npy .. name .. ".npy"))
    end
  end)

  it("widens what has no dtype here, in either byte order", function()
    local inf, top = math.huge, math.maxinteger
    for _, case in ipairs {
      { "f16", "f32", { { 0, -2.0 ^ -24, 1.5 }, { 65504, -inf, nan } } },
      { "i8", "i32", { { -128, -1, 0 }, { 1, 2, 127 } } },
      { "i16", "i32", { { -32768, -1, 0 }, { 1, 2, 32767 } } },
      { "u16", "i32", { { 0, 1, 2 }, { 3, 4, 65535 } } },
      { "u32", "i64", { { 0, 1, 2 }, { 3, 4, 4294967295 } } },
      { "u64", "i64", { { 0, 1, 2 }, { 3, 4, top } } },
    } do
      for _, order in ipairs { "", "_big_endian" } do
        local x = tensor.load(npy .. "wide_" .. case[1] .. order .. ".npy")
        assert.equal(case[2], x.dtype)
        same(case[3], x)
      end
    end
    same({ { 1, 2, 3 }, { 4, 5, 6 } }, tensor.load(npy .. "wide_i16_fortran.npy"))
    assert.equal(-7, tensor.load(npy .. "scalar_i8.npy"):item())
    assert.same({ 2, 0 }, tensor.load(npy .. "empty_f16.npy").shape)
    assert.matches("element 2, 9223372036854777856, is above the largest i64",
      support.message(tensor.load, npy .. "u64_too_large.npy"))
    assert.matches("of a type that is widened",
      support.message(tensor.load, npy .. "wide_i8.npy", { mmap = true }))
  end)

  it("reads times in nanoseconds as i64", function()
    local times = tensor.load(npy .. "times.npy")
    assert.same({ 1577934245000000006, math.mininteger }, times:totable())
    assert.same({ 86400000000000, -1 }, tensor.load(npy .. "durations.npy"):totable())
    assert.equal("i64", tensor.load(npy .. "times.npy", { mmap = true }).dtype)
  end)

  it("says what to do about what it cannot read", function()
    for _, case in ipairs {
      { "complex", "dtype '<c16' cannot be read %(complex numbers: save x%.real and x%.imag%)" },
      { "long_double", "dtype '<f16' .*astype%('float64'%)" },
      { "object", "dtype '|O' cannot be read %(Python objects" },
      { "text", "dtype '<U1' .*texts: save numpy%.unique" },
      { "bytes", "dtype '|S1' .*texts" }, { "record", "records: save each field" },
      { "seconds", "'<M8%[s%]' .*astype%('datetime64%[ns%]'%)" },
      { "days", "'<m8%[D%]' .*astype%('timedelta64%[ns%]'%)" },
    } do
      local path = npy .. "refused_" .. case[1] .. ".npy"
      assert.matches(case[2], support.message(tensor.load, path))
    end
  end)

  it("writes the bytes that numpy writes", function()
    local path = support.temporary ".npy"
    for _, name in ipairs { "f64_c", "f32_c", "i64_c", "i32_c", "u8_c", "bool_c", "f64_scalar",
      "f64_empty", "f64_one" } do
      tensor.save(path, tensor.load(npy .. name .. ".npy"))
      local a, b = assert(io.open(path, "rb")), assert(io.open(npy .. name .. ".npy", "rb"))
      assert.equal(b:read "a", a:read "a", name)
      a:close()
      b:close()
    end
    os.remove(path)
  end)

  it("refuses what is no .npy file", function()
    local path = support.temporary ".npy"
    local function try(bytes)
      local f = assert(io.open(path, "wb"))
      f:write(bytes)
      f:close()
      return support.message(tensor.load, path)
    end
    local function header(descr, shape)
      return "\x93NUMPY\1\0" .. string.pack("<s2",
        ("{'descr': '%s', 'fortran_order': False, 'shape': %s, }"):format(descr, shape))
    end
    assert.matches("it ends early", try "")
    assert.matches("other first bytes", try(("x"):rep(100)))
    assert.matches("version above 3", try("\x93NUMPY\9\0\0\0"))
    assert.matches("it ends early", try(header("<f8", "(2,)")))
    assert.matches("no shape", try(header("<f8", "(-2,)")))
    assert.matches("a key is missing",
      try("\x93NUMPY\1\0" .. string.pack("<s2", "{'descr': '<f8', }")))
    assert.matches("dtype '<c8'", try(header("<c8", "()")))
    assert.matches("overflow", try(header("<f8", "(99999999999, 99999999999)")))
    os.remove(path)
    assert.matches("does not end in .npy, .npz", support.message(tensor.load, "x.txt"))
  end)
end)

describe("the hash of a tensor", function()
  local function raw(hex)
    return (hex:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end))
  end

  local function pieces_hash(head, bytes)
    local digests = {}
    for at = 1, #bytes, 1 << 20 do
      digests[#digests + 1] = raw(file.sha256(bytes:sub(at, at + (1 << 20) - 1)))
    end
    return file.sha256(head .. table.concat(digests))
  end

  it("is that of a head and of pieces of 1 MiB", function()
    assert.equal(pieces_hash("neap f64 [3]\n", string.pack("<ddd", 1, 2.5, -3)),
      tensor.of({ 1, 2.5, -3 }):sha256())
    assert.equal(pieces_hash("neap i64 [0]\n", ""), tensor.zeros({ 0, dtype = "i64" }):sha256())
    assert.equal(pieces_hash("neap u8 []\n", "\7"),
      tensor.full({ value = 7, dtype = "u8" }):sha256())
    for _, n in ipairs { (1 << 20) - 1, 1 << 20, (2 << 20) + 5, 4 << 20, (5 << 20) + 1 } do
      local bytes = ("\1\2\3\4\5\6\7"):rep(n // 7 + 1):sub(1, n)
      local x = tensor.arange(0, n - 1, 1):mod(7):add(1):to "u8"
      assert.equal(pieces_hash(("neap u8 [%d]\n"):format(n), bytes), x:sha256())
    end
  end)

  it("does not depend on layout and threads, but on dtype, shape and bits", function()
    local x = tensor.rand { 600, 700, seed = 3 }
    local sum = x:sha256()
    assert.equal(sum, x:t():contiguous():t():sha256())
    assert.equal(sum, x:clone():sha256())
    for _, threads in ipairs { 1, 4, 2 } do
      neap.set_threads(threads)
      assert.equal(sum, x:sha256())
    end
    local seen = { [sum] = true }
    local other = x:clone()
    other[{ 600, 700 }] = other[{ 600, 700 }] + 1e-15
    for _, y in ipairs { x:reshape(700, 600), x:t(), x:to "f32", x:slice(1, 1, 599), other,
      tensor.zeros { 1 }, tensor.zeros { 1 }:neg() } do
      assert.is_nil(seen[y:sha256()])
      seen[y:sha256()] = true
    end
  end)
end)
