local clock = require "neap.clock"
local file = require "neap.file"
local frame = require "neap.frame"
local json = require "neap.json"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"
local zarr = require "neap.zarr"

local folder = file.temporary_folder()
local count = 0

local function fresh(suffix)
  count = count + 1
  return ("%s/%d%s"):format(folder, count, suffix)
end

local function sample()
  return frame.new {
    { "time", tensor.of({ 0, 86400, clock.nat }, { dtype = "i64" }), "time" },
    { "close price", { 9.1, 0 / 0, 1 / 0 } },
    { "zarr.json", tensor.of({ 0.5, 1, -2 }, { dtype = "f32" }) },
    { "venue", { "A", "B", false } },
    { "n", tensor.of({ math.mininteger, 2, math.maxinteger }, { dtype = "i64" }) },
    { "ok", tensor.of { true, false, true } },
    { "when", tensor.of({ 1, 2, 3 }, { dtype = "i64" }), "time" },
  }
end

local function assert_same_frame(want, got)
  assert.same(want:columns(), got:columns())
  for name, column in pairs(want) do
    assert.equal(want:dtype(name), got:dtype(name))
    if want:dtype(name) == "category" then
      assert.same(column:totable(), got:column(name):totable())
    else
      support.same(column:totable(), got:column(name))
    end
  end
end

local function teaches(part, fn, ...)
  local text = support.message(fn, ...)
  assert.truthy(text:find(part, 1, true), text)
end

describe("frames in .npz files", function()
  it("come back as they were", function()
    for _, compress in ipairs { false, true } do
      local path = fresh ".npz"
      sample():write_npz(path, { compress = compress })
      assert_same_frame(sample(), frame.read_npz(path))
    end
    local path = fresh ".npz"
    sample():rows(4):write_npz(path)
    assert_same_frame(sample():rows(4), frame.read_npz(path))
  end)

  it("are read from other programs by the names of arrays", function()
    local path = fresh ".npz"
    tensor.save(path, { time = tensor.of({ 1, 2 }, { dtype = "i64" }), close = tensor.ones { 2 } })
    local f = frame.read_npz(path)
    assert.same({ "close", "time" }, f:columns())
    assert.equal("time", f:dtype "time")
    tensor.save(path, { a = tensor.ones { 2 }, b = tensor.ones { 3 } })
    teaches("column 'b' has 3 rows", frame.read_npz, path)
    tensor.save(path, { a = tensor.ones { 2, 2 } })
    teaches("one dimension", frame.read_npz, path)
  end)

  it("refuse what is damaged", function()
    local path = fresh ".npz"
    local function with_note(text)
      tensor.save(path, { x = tensor.of({ 5 }, { dtype = "i32" }),
        ["__frame__"] = tensor.of({ text:byte(1, -1) }, { dtype = "u8" }) })
      return support.message(frame.read_npz, path)
    end
    assert.truthy(with_note "{}":find "damaged")
    assert.truthy(with_note "[1":find(path, 1, true))
    assert.truthy(with_note '{"columns":[{"name":"x"}]}':find "damaged")
    assert.truthy(with_note '{"columns":[{"name":"y","kind":"number"}]}':find "missing")
    assert.truthy(with_note '{"columns":[{"name":"x","kind":"time"}]}':find "not i64")
    assert.truthy(with_note '{"columns":[{"name":"x","kind":"category","labels":["a"]}]}'
      :find "beyond its 1 texts")
    teaches("is no .npz file", frame.read_npz, "/tmp/x.csv")
    teaches("__frame__", frame.new({ { "__frame__", { 1 } } }).write_npz,
      frame.new { { "__frame__", { 1 } } }, path)
  end)
end)

describe("frames in Zarr folders", function()
  it("come back as they were, by columns and rows", function()
    local path = fresh ".zarr"
    sample():write_zarr(path)
    assert_same_frame(sample(), frame.read_zarr(path))
    assert_same_frame(sample():select { "venue", "time" }:rows(2, 3),
      frame.read_zarr(path, { columns = { "venue", "time" }, first = -2 }))
    assert.equal(0, #frame.read_zarr(path, { first = 3, last = 2 }))
    teaches("first is row 5, but there are 3", frame.read_zarr, path, { first = 5 })
    teaches("did you mean 'venue'?", frame.read_zarr, path, { columns = { "venu" } })
    teaches("is there already", sample().write_zarr, sample(), path)
    local none = fresh ".zarr"
    sample():rows(4):write_zarr(none)
    assert_same_frame(sample():rows(4), frame.read_zarr(none))
    sample():write_zarr(none, { append = true })
    assert_same_frame(sample(), frame.read_zarr(none))
  end)

  it("grow, with new texts", function()
    local path = fresh ".zarr"
    local f = frame.new { { "x", { 1, 2 } }, { "s", { "B", "A" } } }
    local g = frame.new { { "x", { 3, 4, 5 } }, { "s", { "C", false, "B" } } }
    f:write_zarr(path, { append = true })
    g:write_zarr(path, { append = true })
    assert_same_frame(frame.concat { f, g }, frame.read_zarr(path))
    teaches("column 1 of", g.write_zarr, g:select { "s", "x" }, path, { append = true })
    teaches("has 2 columns, the frame has 1", g.write_zarr, g:select { "x" }, path,
      { append = true })
    teaches("is a category, of the frame a number", g.write_zarr,
      g:assign { { "s", { 1, 2, 3 } } }, path, { append = true })
    teaches("is f64, of the frame i32", g.write_zarr, g:assign { { "x", g.x:to "i32" } }, path,
      { append = true })
    assert.equal(5, #frame.read_zarr(path))
  end)

  it("hold what they held when an append was killed", function()
    local path = fresh ".zarr"
    local f = frame.new { { "x", { 1, 2 } }, { "y", { 3, 4 } } }
    f:write_zarr(path)
    zarr.open(path .. "/x"):append(tensor.of { 99, 99, 99 }) -- as far as it came
    assert_same_frame(f, frame.read_zarr(path))
    f:write_zarr(path, { append = true })
    assert_same_frame(frame.concat { f, f }, frame.read_zarr(path))
    zarr.open(path .. "/y"):truncate(1)
    teaches("column 'y' has 1 rows, not 4", frame.read_zarr, path)
  end)

  it("refuse folders that are none", function()
    teaches("it has no zarr.json", frame.read_zarr, "/nowhere.zarr")
    local path = fresh ".zarr"
    zarr.save(path, tensor.ones { 2 })
    teaches("holds Zarr arrays, but no frame", frame.read_zarr, path)
    local other = fresh ".zarr"
    file.mkdir(other)
    file.write(other .. "/zarr.json", json.text { attributes = { neap_frame = { rows = 1,
      columns = json.array { { name = "x", kind = "number", array = "../x" } } } } })
    teaches("damaged", frame.read_zarr, other)
    teaches("no columns", frame.new({}).write_zarr, frame.new {}, fresh ".zarr")
  end)
end)
