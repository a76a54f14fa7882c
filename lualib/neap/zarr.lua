--- Arrays larger than memory: Zarr version 3 in a folder, in chunks that are read one by one,
--- compressed by zstd and summed by CRC-32C. NumPy users read them with zarr, browsers with
--- zarrita. One process writes at a time; any number may read meanwhile.
local c = require "neap.c.store"
local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local zarr = {}

---@class neap.zarr.array
---@field path string
---@field shape integer[]
---@field chunks integer[] sizes of a chunk
---@field dtype string
---@field fill number|boolean what was never written
local Array = { __name = "neap.zarr.array" }
Array.__index = Array

local type_names = { f64 = "float64", f32 = "float32", i64 = "int64", i32 = "int32", u8 = "uint8",
  bool = "bool" }
local dtypes = {}
for dtype, name in next, type_names do dtypes[name] = dtype end

-- metadata ----------------------------------------------------------------------------------------

local fill_names = { NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge }

local function fill_text(v)
  if v ~= v then return "NaN" end
  if v == math.huge then return "Infinity" end
  return v == -math.huge and "-Infinity" or v
end

local function metadata_of(a)
  local codecs = { { name = "bytes", configuration = { endian = "little" } } }
  if a.level then
    codecs[2] = { name = "zstd", configuration = { level = a.level, checksum = false } }
  end
  codecs[#codecs + 1] = { name = "crc32c" }
  return {
    zarr_format = 3, node_type = "array", shape = json.array(a.shape),
    data_type = type_names[a.dtype],
    chunk_grid = { name = "regular", configuration = { chunk_shape = json.array(a.chunks) } },
    chunk_key_encoding = { name = "default", configuration = { separator = "/" } },
    fill_value = fill_text(a.fill), codecs = json.array(codecs), attributes = {},
  }
end

local function commit(a)
  a.metadata.shape = json.array(a.shape)
  file.write(a.path .. "/zarr.json", json.text(a.metadata) .. "\n")
end

local function members(v) return type(v) == "table" and v or {} end

-- Level of zstd (nil = none) and whether there is a sum.
local function parse_codecs(refuse, codecs)
  local want, level, sum = 1, nil, false
  local order = { bytes = 1, zstd = 2, crc32c = 3 }
  for i, codec in ipairs(codecs) do
    local name = codec
    if type(codec) == "table" then name = codec.name end
    local settings = members(members(codec).configuration)
    local place = name and order[name]
    if not place or place < want or (i == 1) ~= (name == "bytes") then
      refuse("codec '%s' in place %d; bytes, then zstd, then crc32c can be read", tostring(name), i)
    end
    if settings.endian == "big" then refuse "its elements are big-endian" end
    if name == "zstd" then
      level = math.type(settings.level) == "integer" and settings.level or 3
      level = math.min(math.max(level, 1), 22)
    end
    sum = sum or name == "crc32c"
    want = place + 1
  end
  if #codecs == 0 then refuse "it names no codec" end
  return level, sum
end

local function sizes_in(refuse, list, what, least)
  if type(list) ~= "table" then refuse("no %s", what) end
  for _, size in ipairs(list) do
    if math.type(size) ~= "integer" or size < least then
      refuse("%s holds %s", what, tostring(size))
    end
  end
  return table.move(list, 1, #list, 1, {})
end

local function key_encoding(refuse, encoding)
  local name = members(encoding).name
  if name ~= "default" and name ~= "v2" then refuse("chunk keys of kind '%s'", tostring(name)) end
  local separator = members(encoding.configuration).separator or (name == "v2" and "." or "/")
  if separator ~= "/" and separator ~= "." then
    refuse("chunk keys are separated by '%s'", tostring(separator))
  end
  return name == "default" and "c" or nil, separator
end

local type_names_2 = { ["<f8"] = "float64", ["<f4"] = "float32", ["<i8"] = "int64",
  ["<i4"] = "int32", ["|u1"] = "uint8", ["|b1"] = "bool" }

-- Metadata of version 2 in the form of version 3.
local function from_version_2(refuse, m)
  if type(m) ~= "table" or m.zarr_format ~= 2 then refuse "not a Zarr array of version 2" end
  local codecs = { { name = "bytes" } }
  local compressor = m.compressor or json.null
  if compressor ~= json.null then
    local id = members(compressor).id
    if id ~= "zstd" then refuse("compressor '%s'; zstd and none can be read", tostring(id)) end
    codecs[2] = { name = "zstd" }
  end
  if next(members(m.filters)) then refuse "it has filters" end
  if m.order ~= "C" then refuse("memory order '%s', not C", tostring(m.order)) end
  local fill = m.fill_value
  if fill == nil or fill == json.null then fill = 0 end
  return {
    zarr_format = 3, node_type = "array", shape = m.shape,
    data_type = type_names_2[m.dtype] or m.dtype,
    chunk_grid = { name = "regular", configuration = { chunk_shape = m.chunks } },
    chunk_key_encoding = { name = "v2", configuration = { separator = m.dimension_separator } },
    fill_value = fill, codecs = codecs,
  }
end

--- An array that is there already: `zarr.json` of version 3, regular chunks, codecs bytes, zstd and
--- crc32c, the types float64, float32, int64, int32, uint8 and bool. Anything else is an error that
--- names it. Arrays of version 2 (`.zarray`; zstd or no compressor, order C) can be read only.
---     local folder = file.temporary_folder()
---     local a = zarr.save(folder .. "/a.zarr", tensor.arange(6):view(3, 2))
---     zarr.open(folder .. "/a.zarr").shape[1] --> 3
---     file.remove_tree(folder)
---@param path string the folder
---@return neap.zarr.array
function zarr.open(path)
  local function refuse(format, ...)
    opts.raise("zarr.open '%s': " .. format, path, ...)
  end
  local old = file.exists(path .. "/.zarray") and not file.exists(path .. "/zarr.json")
  local name = path .. (old and "/.zarray" or "/zarr.json")
  local m = json.decode(file.read(name), name)
  if old then m = from_version_2(refuse, m) end
  if type(m) ~= "table" or m.zarr_format ~= 3 or m.node_type ~= "array" then
    refuse "not a Zarr array of version 3"
  end
  local a = setmetatable({ path = path, metadata = m, read_only = old,
    dtype = dtypes[m.data_type] }, Array)
  if not a.dtype then refuse("data type '%s' is not one of ours", tostring(m.data_type)) end
  local grid = members(m.chunk_grid)
  if grid.name ~= "regular" then refuse "its chunks are not regular" end
  a.shape = sizes_in(refuse, m.shape, "shape", 0)
  a.chunks = sizes_in(refuse, members(grid.configuration).chunk_shape, "chunk_shape", 1)
  if #a.shape ~= #a.chunks then refuse "shape and chunk_shape have different lengths" end
  a.prefix, a.separator = key_encoding(refuse, m.chunk_key_encoding)
  a.level, a.sum = parse_codecs(refuse, members(m.codecs))
  a.fill = m.fill_value
  if type(a.fill) == "string" then a.fill = fill_names[a.fill] end
  if type(a.fill) ~= "number" and type(a.fill) ~= "boolean" then refuse "no fill value we know" end
  if next(members(m.storage_transformers)) then refuse "it has transformers" end
  return a
end

-- About a megabyte of whole rows.
local function default_chunks(shape)
  local chunks, row = {}, 1
  for d = 2, #shape do
    chunks[d] = math.max(shape[d], 1)
    row = row * chunks[d]
  end
  if #shape > 0 then chunks[1] = math.max(1, 131072 // row) end
  return chunks
end

-- An array whose metadata are not written yet.
local function make(where, path, o)
  if type(path) ~= "string" then opts.raise("%s: path is a %s", where, type(path)) end
  if not type_names[o.dtype] then
    opts.raise("%s: dtype '%s' is not one of f64, f32, i64, i32, u8, bool", where,
      tostring(o.dtype))
  end
  local function refuse(format, ...) opts.raise(where .. ": " .. format, ...) end
  if file.exists(path .. "/zarr.json") then refuse("'%s' is there already", path) end
  local shape = sizes_in(refuse, o.shape, "shape", 0)
  local chunks = sizes_in(refuse, o.chunks or default_chunks(shape), "chunks", 1)
  if #chunks ~= #shape then
    refuse("chunks has %d sizes, shape has %d", #chunks, #shape)
  end
  local fill = o.fill
  if o.dtype == "bool" then fill = fill ~= 0 and fill ~= false end
  if o.dtype == "f64" or o.dtype == "f32" then fill = fill + 0.0 end
  local a = setmetatable({ path = path, shape = shape, chunks = chunks, dtype = o.dtype,
    fill = fill, level = o.level, sum = true, prefix = "c", separator = "/" }, Array)
  a.metadata = metadata_of(a)
  file.mkdir(path)
  return a
end

--- A new array in the folder `path`, which may not hold one yet: `shape` (its first size may be 0
--- and grow by `append`), sizes of `chunks` (about a megabyte of whole rows), `dtype`, the value
--- `fill` of what is never written, zstd's `level`.
---     local folder = file.temporary_folder()
---     local a = zarr.create(folder .. "/a.zarr", { shape = { 0, 2 }, chunks = { 4, 2 } })
---     a:append(tensor.ones { 3, 2 })
---     a.shape[1] --> 3
---     file.remove_tree(folder)
---@param path string
---@param o { shape: integer[], chunks: integer[], dtype: string, fill: number, level: integer }
---@return neap.zarr.array
function zarr.create(path, o)
  local where = "zarr.create"
  local a = make(where, path, opts.merge(where,
    { shape = opts.required, chunks = opts.none, dtype = "f64", fill = 0, level = 3 }, o))
  commit(a)
  return a
end

-- chunks ------------------------------------------------------------------------------------------

local function filled(a, sizes)
  local t = table.move(sizes, 1, #sizes, 1, { dtype = a.dtype })
  if a.fill == 0 or a.fill == false then return tensor.zeros(t) end -- no pass over memory
  t.value = a.fill == true and 1 or a.fill
  return tensor.full(t)
end

local function path_of(a, at)
  local parts = { a.prefix }
  for _, k in ipairs(at) do parts[#parts + 1] = k end
  if #parts == 0 then parts[1] = 0 end
  return a.path .. "/" .. table.concat(parts, a.separator)
end

local function read_chunk(a, at)
  return c.read_chunk(path_of(a, at), a.dtype, a.chunks, a.level, a.sum)
end

local function write_chunk(a, at, t)
  local path = path_of(a, at)
  file.mkdir(path:match "^(.*)/")
  c.write_chunk(path, t, a.level, a.sum)
end

-- Calls visit(at, inside, outside) for every chunk that meets the box low..high: its 0-based
-- position, the part of it that is meant, and the same part counted from low.
local function each_chunk(a, low, high, visit)
  local n, at = #low, {}
  local function go(d)
    if d <= n then
      for k = (low[d] - 1) // a.chunks[d], (high[d] - 1) // a.chunks[d] do
        at[d] = k
        go(d + 1)
      end
      return
    end
    local inside, outside = {}, {}
    for i = 1, n do
      local before = at[i] * a.chunks[i]
      local first = math.max(low[i], before + 1)
      local last = math.min(high[i], before + a.chunks[i])
      inside[i] = { first - before, last - before }
      outside[i] = { first - low[i] + 1, last - low[i] + 1 }
    end
    visit(at, inside, outside)
  end
  go(1)
end

local function covers(a, inside)
  for d, range in ipairs(inside) do
    if range[2] - range[1] + 1 ~= a.chunks[d] then return false end
  end
  return true
end

-- The first and last position that a range (nil, {}, a position or {first, last}) means.
local function bounds(where, range, size, d)
  if range == nil or (type(range) == "table" and #range == 0) then return 1, size end
  if type(range) ~= "table" then range = { range, range } end
  local out = {}
  for i = 1, 2 do
    local p = range[i]
    if math.type(p) ~= "integer" or #range ~= 2 then
      opts.raise("%s: the range of dim %d is {first, last}, a position or {}", where, d)
    end
    out[i] = p < 0 and size + 1 + p or p
    if out[i] < 1 or out[i] > size then
      opts.raise("%s: position %d of dim %d is outside 1..%d", where, p, d, size)
    end
  end
  if out[2] < out[1] then
    opts.raise("%s: the range of dim %d ends at %d, before %d", where, d, out[2], out[1])
  end
  return out[1], out[2]
end

--- The elements in a range per dim: {first, last} with both included, one position (the dim stays,
--- with size 1), or {} and nothing for all. Reads the chunks that the ranges meet, and no other;
--- what was never written is `fill`. A damaged chunk is an error.
---     local folder = file.temporary_folder()
---     local a = zarr.save(folder .. "/a.zarr", tensor.arange(6):view(3, 2))
---     a:read({ 2, 3 }, 1):reshape(-1) --> tensor<f64>[2] {3, 5}
---     file.remove_tree(folder)
---@param ... integer[]|integer
---@return neap.tensor
function Array:read(...)
  local where, n = "zarr read", #self.shape
  if select("#", ...) > n then
    opts.raise("%s: %d ranges for %d dims", where, select("#", ...), n)
  end
  local low, high, sizes, some = {}, {}, {}, true
  for d = 1, n do
    low[d], high[d] = bounds(where, (select(d, ...)), self.shape[d], d)
    sizes[d] = high[d] - low[d] + 1
    some = some and sizes[d] > 0
  end
  if n == 0 then return read_chunk(self, {}) or filled(self, {}) end
  local out = filled(self, sizes)
  if some then
    local rows = true -- do chunks lie in `out` as they do in their files?
    for d = 2, n do rows = rows and sizes[d] == self.chunks[d] end
    each_chunk(self, low, high, function(at, inside, outside)
      if rows and covers(self, inside) then
        c.read_chunk_into(path_of(self, at), out[outside], self.level, self.sum)
      else
        local t = read_chunk(self, at)
        if t then out[outside] = t[inside] end
      end
    end)
  end
  return out
end

-- x at position low: whole chunks go out at once, others keep what they held.
local function write_box(a, low, x)
  if #low == 0 then return write_chunk(a, {}, x) end
  local high = {}
  for d = 1, #low do
    high[d] = low[d] + x:size(d) - 1
    if x:size(d) == 0 then return end
  end
  each_chunk(a, low, high, function(at, inside, outside)
    local whole = covers(a, inside)
    local t = whole and x[outside] or read_chunk(a, at) or filled(a, a.chunks)
    if not whole then t[inside] = x[outside] end
    write_chunk(a, at, t)
  end)
end

local function check_tensor(a, where, x)
  if a.read_only then opts.raise("%s: '%s' is of version 2, which is only read", where, a.path) end
  if type(x) ~= "userdata" or getmetatable(x).__name ~= "neap.tensor" then
    opts.raise("%s: tensor expected, got %s", where, type(x))
  end
  if x.dtype ~= a.dtype then
    opts.raise("%s: the array is %s, the tensor %s", where, a.dtype, x.dtype)
  end
  if x:dim() ~= #a.shape then
    opts.raise("%s: the array has %d dims, the tensor %d", where, #a.shape, x:dim())
  end
end

--- Put x at the position `at` of its first element, {1, 1} for the front. It must lie inside the
--- array and have its dtype. Each chunk is replaced whole; several are not replaced as one.
---     local folder = file.temporary_folder()
---     local a = zarr.save(folder .. "/a.zarr", tensor.arange(6):view(3, 2))
---     a:write({ 2, 1 }, tensor.zeros { 2, 2 })
---     a:read():sum() --> 3.0
---     file.remove_tree(folder)
---@param at integer[]
---@param x neap.tensor
function Array:write(at, x)
  local where = "zarr write"
  check_tensor(self, where, x)
  if type(at) ~= "table" or #at ~= #self.shape then
    opts.raise("%s: one position per dim expected", where)
  end
  for d, p in ipairs(at) do
    if math.type(p) ~= "integer" or p < 1 or p + x:size(d) - 1 > self.shape[d] then
      opts.raise("%s: %s of %d from position %s does not fit into dim %d of size %d", where,
        "a tensor", x:size(d), tostring(p), d, self.shape[d])
    end
  end
  write_box(self, at, x)
end

--- Put the rows of x behind the last one. The chunks are written first and the new size last, in
--- one step: after a crash the array is as it was, and the same rows can be appended again.
---     local folder = file.temporary_folder()
---     local a = zarr.save(folder .. "/a.zarr", tensor.arange(6):view(3, 2))
---     a:append(tensor.ones { 1, 2 })
---     a.shape[1] --> 4
---     file.remove_tree(folder)
---@param x neap.tensor
function Array:append(x)
  local where = "zarr append"
  check_tensor(self, where, x)
  if #self.shape == 0 then opts.raise("%s: the array has no dims", where) end
  local low = { self.shape[1] + 1 }
  for d = 2, #self.shape do
    low[d] = 1
    if x:size(d) ~= self.shape[d] then
      opts.raise("%s: dim %d of the array has size %d, of the tensor %d", where, d, self.shape[d],
        x:size(d))
    end
  end
  write_box(self, low, x)
  self.shape[1] = self.shape[1] + x:size(1)
  local ok, message = pcall(commit, self)
  if ok then return end
  self.shape[1] = self.shape[1] - x:size(1)
  error(message, 0)
end

--- Write x as a new array: chunks first, `zarr.json` last. Options as in `create`.
---     local folder = file.temporary_folder()
---     zarr.save(folder .. "/a.zarr", tensor.ones { 3 })
---     zarr.load(folder .. "/a.zarr"):sum() --> 3.0
---     file.remove_tree(folder)
---@param path string
---@param x neap.tensor
---@param o? { chunks: integer[], fill: number, level: integer }
---@return neap.zarr.array
function zarr.save(path, x, o)
  local where = "zarr.save"
  o = opts.merge(where, { chunks = opts.none, fill = 0, level = 3 }, o)
  if type(x) ~= "userdata" or getmetatable(x).__name ~= "neap.tensor" then
    opts.raise("%s: tensor expected, got %s", where, type(x))
  end
  o.shape, o.dtype = x.shape, x.dtype
  local a = make(where, path, o)
  local low = {}
  for d = 1, #a.shape do low[d] = 1 end
  write_box(a, low, x)
  commit(a)
  return a
end

--- The whole array as one tensor.
---     local folder = file.temporary_folder()
---     local a = zarr.save(folder .. "/a.zarr", tensor.arange(6):view(3, 2))
---     zarr.load(folder .. "/a.zarr"):sum() --> 21.0
---     file.remove_tree(folder)
---@param path string
---@return neap.tensor
function zarr.load(path) return zarr.open(path):read() end

function Array:__tostring()
  return ("zarr array %s [%s] in chunks of [%s], '%s'"):format(self.dtype,
    table.concat(self.shape, "x"), table.concat(self.chunks, "x"), self.path)
end

return zarr
