local support = require "tests.lua.support"
local file = require "neap.file"
local tensor = require "neap.tensor"

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
