--- Arrays larger than memory: Zarr version 3 (or 2) in a folder, in chunks that are read one by
--- one, compressed by zstd and summed by CRC-32C. NumPy users read them with zarr, browsers with
--- zarrita. One process writes at a time; any number may read meanwhile. A process that is killed
--- while it writes leaves temporary files (.tmp), which readers pass over and the next writer of
--- the array removes.
local c = require "neap.c.store"
local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"
require "neap.tensor" -- what is read has its methods

local zarr = {}

---@class neap.zarr.array
---@field path string
---@field shape integer[]
---@field chunks integer[] sizes of a chunk
---@field dtype string
---@field fill number|boolean what was never written
---@field read_only? string why nothing can be written to it
local Array = { __name = "neap.zarr.array" }
Array.__index = Array

---@class neap.zarr.options
---@field shape integer[]
---@field chunks? integer[] sizes of a chunk
---@field dtype? string
---@field fill? number|boolean
---@field compressor? "zstd"|"gzip"|"zlib"|"none"
---@field level? integer
---@field zarr_format? 2|3

local type_names = { f64 = "float64", f32 = "float32", i64 = "int64", i32 = "int32", u8 = "uint8",
  bool = "bool" }

-- metadata ----------------------------------------------------------------------------------------

local fill_names = { NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge }

local function fill_text(v)
  if v ~= v then return "NaN" end
  if v == math.huge then return "Infinity" end
  return v == -math.huge and "-Infinity" or v
end

-- Each with its usual level and the highest.
local compressors = { zstd = { 3, 22 }, gzip = { 6, 9 }, zlib = { 6, 9 }, none = {} }

local function metadata_of(a)
  local codecs = { { name = "bytes", configuration = { endian = "little" } } }
  if a.packing == "zstd" then
    codecs[2] = { name = "zstd", configuration = { level = a.level, checksum = false } }
  elseif a.packing == "gzip" then
    codecs[2] = { name = "gzip", configuration = { level = a.level } }
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

-- https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html
local function metadata_of_version_2(a)
  local compressor = json.null
  if a.packing ~= "none" then compressor = { id = a.packing, level = a.level } end
  return {
    zarr_format = 2, shape = json.array(a.shape), chunks = json.array(a.chunks), order = "C",
    dtype = ((a.code == "u1" or a.code == "b1") and "|" or "<") .. a.code,
    fill_value = fill_text(a.fill), filters = json.null, compressor = compressor,
    dimension_separator = a.separator,
  }
end

local function commit(a)
  a.metadata.shape = json.array(a.shape)
  local name = a.metadata.zarr_format == 2 and "/.zarray" or "/zarr.json"
  file.write(a.path .. name, json.text(a.metadata) .. "\n")
end

local function members(v) return type(v) == "table" and v or {} end

local function take_packing(a, packing, settings)
  local usual, most = table.unpack(compressors[packing])
  local level = math.type(settings.level) == "integer" and settings.level or usual
  a.packing, a.level = packing, math.min(math.max(level, 1), most)
  return 3
end

-- What a codec says of the array `a`; its place among the codecs.
local codecs = {
  transpose = function(a, settings, refuse)
    local order, n = settings.order, #a.chunks
    if order == "C" or order == "F" then
      for d = 1, n do a.order[d] = order == "C" and d or n + 1 - d end
      return 1
    end
    if type(order) ~= "table" or #order ~= n then refuse "codec transpose without an order" end
    local seen = {}
    for d, from in ipairs(order) do
      if math.type(from) ~= "integer" or from < 0 or from >= n or seen[from] then
        refuse("codec transpose: %s is no order of the dims", json.text(order))
      end
      a.order[d], seen[from] = from + 1, true
    end
    return 1
  end,
  bytes = function(a, settings)
    a.big = settings.endian == "big"
    return 2
  end,
  zstd = function(a, settings) return take_packing(a, "zstd", settings) end,
  gzip = function(a, settings) return take_packing(a, "gzip", settings) end,
  blosc = function(a)
    a.packing = "blosc"
    return 3
  end,
  crc32c = function(a)
    a.sum = true
    return 4
  end,
}
-- Version 2's.
function codecs.zlib(a, settings) return take_packing(a, "zlib", settings) end

local function parse_codecs(a, refuse, list)
  local last, has_bytes = 0, false
  a.packing, a.sum, a.order = "none", false, {}
  for d = 1, #a.chunks do a.order[d] = d end
  for i, codec in ipairs(list) do
    local name = codec
    if type(codec) == "table" then name = codec.name end
    local parse = name and codecs[name]
    local place = parse and parse(a, members(members(codec).configuration), refuse) or 0
    has_bytes = has_bytes or place == 2
    if place <= last or (place > 2 and not has_bytes) then
      refuse("codec '%s' in place %d; transpose, bytes, one of zstd, gzip and blosc, and then "
        .. "crc32c can be read, in this order", tostring(name), i)
    end
    last = place
  end
  if not has_bytes then refuse "it does not name the codec bytes" end
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

-- The dtype of version 2, NumPy's: byte order, then code.
local function type_of_version_2(a, refuse, dtype)
  local order, code = tostring(dtype):match "^([<>|])(.+)$"
  a.code, a.dtype = c.element(code or "", true)
  if not a.code then refuse("data type %s is not one of ours", json.text(dtype)) end
  return order == ">" and "big" or "little"
end

-- Metadata of version 2 in the form of version 3.
local function from_version_2(a, refuse, m)
  if type(m) ~= "table" or m.zarr_format ~= 2 then refuse "not a Zarr array of version 2" end
  local list = { { name = "bytes",
    configuration = { endian = type_of_version_2(a, refuse, m.dtype) } } }
  local compressor = m.compressor or json.null
  if compressor ~= json.null then
    local id = members(compressor).id
    if not codecs[id] or id == "transpose" or id == "bytes" or id == "crc32c" then
      refuse("compressor '%s'; zstd, zlib, gzip, blosc and none can be read", tostring(id))
    end
    list[2] = { name = id, configuration = compressor }
  end
  local filter = members(m.filters)[1]
  if filter then refuse("filter '%s'; none can be read", tostring(members(filter).id)) end
  if m.order == "F" then
    table.insert(list, 1, { name = "transpose", configuration = { order = "F" } })
  elseif m.order ~= "C" then
    refuse("memory order '%s', not C or F", tostring(m.order))
  end
  local fill = m.fill_value
  if fill == nil or fill == json.null then fill = 0 end
  return {
    zarr_format = 3, node_type = "array", shape = m.shape,
    chunk_grid = { name = "regular", configuration = { chunk_shape = m.chunks } },
    chunk_key_encoding = { name = "v2", configuration = { separator = m.dimension_separator } },
    fill_value = fill, codecs = list,
  }
end

-- The number that `fill_value` means for the array; nil for what is none.
local function parse_fill(a, v)
  local float = a.dtype == "f64" or a.dtype == "f32"
  if type(v) == "string" and float then
    local bits = v:match "^0x(%x+)$"
    if not bits then return fill_names[v] end
    local form = ({ f8 = "<d", f4 = "<f" })[a.code]
    return form and #bits == 2 * string.packsize(form)
      and string.unpack(form, string.pack("<I" .. #bits // 2, tonumber(bits, 16))) or nil
  end
  if type(v) == "boolean" then return v end
  if type(v) ~= "number" then return nil end
  if a.dtype == "bool" then return v ~= 0 end
  return float and v + 0.0 or math.tointeger(v)
end

local function make_grid(a)
  a.grid = c.grid { path = a.path, prefix = a.prefix, between = a.separator, chunks = a.chunks,
    order = a.order, code = a.code, big = a.big, packing = a.packing, level = a.level, sum = a.sum,
    fill = a.fill }
  return a
end

--- An array that is there already. Of version 3 (`zarr.json`): regular chunks, the codecs bytes,
--- zstd, gzip, blosc (lz4, zlib, zstd), crc32c and transpose. Of version 2 (`.zarray`): the
--- compressors zstd, zlib, gzip, blosc and none, either order, no filters. Types as in
--- `tensor.load`: int16, for one, is read as i32. Anything else is an error that names it. Arrays
--- of a form that `create` does not make (the other byte or memory order, blosc) can be read only.
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
  if type(path) ~= "string" then opts.raise("zarr.open: path is a %s", type(path)) end
  local old = file.exists(path .. "/.zarray") and not file.exists(path .. "/zarr.json")
  local name = path .. (old and "/.zarray" or "/zarr.json")
  local m = json.decode(file.read(name), name)
  local a = setmetatable({ path = path, metadata = m }, Array)
  if old then m = from_version_2(a, refuse, m) end
  if type(m) ~= "table" or m.zarr_format ~= 3 or m.node_type ~= "array" then
    refuse "not a Zarr array of version 3"
  end
  if not a.code and type(m.data_type) == "string" then
    a.code, a.dtype = c.element(m.data_type)
  end
  if not a.code then
    refuse("data type %s is not one of ours", json.text(m.data_type or json.null))
  end
  local grid = members(m.chunk_grid)
  if grid.name ~= "regular" then refuse "its chunks are not regular" end
  a.shape = sizes_in(refuse, m.shape, "shape", 0)
  a.chunks = sizes_in(refuse, members(grid.configuration).chunk_shape, "chunk_shape", 1)
  if #a.shape ~= #a.chunks then refuse "shape and chunk_shape have different lengths" end
  if #a.shape > 8 then refuse("%d dims, and 8 is the most", #a.shape) end
  a.prefix, a.separator = key_encoding(refuse, m.chunk_key_encoding)
  parse_codecs(a, refuse, members(m.codecs))
  a.fill = parse_fill(a, m.fill_value)
  if a.fill == nil then
    refuse("fill value %s is not one of %s", json.text(m.fill_value or json.null), a.dtype)
  end
  if next(members(m.storage_transformers)) then refuse "it has transformers" end
  if c.element(type_names[a.dtype]) ~= a.code then
    a.read_only = ("holds %s"):format(m.data_type or a.metadata.dtype)
  end
  local plain = not a.big and a.packing ~= "blosc"
  for d, from in ipairs(a.order) do plain = plain and d == from end
  if not plain then a.read_only = a.read_only or "has codecs that we do not write" end
  return make_grid(a)
end

--- The arrays below the folder `path`, as the relative paths of their folders, sorted; groups are
--- entered. A folder that is an array itself gives {""}.
---     local folder = file.temporary_folder()
---     zarr.save(folder .. "/book/price.zarr", tensor.ones { 3 })
---     zarr.list(folder)[1] --> book/price.zarr
---     file.remove_tree(folder)
---@param path string
---@return string[]
function zarr.list(path)
  local found = {}
  local function visit(below)
    local folder = path .. below
    if file.exists(folder .. "/.zarray") then
      found[#found + 1] = below:sub(2)
    elseif file.exists(folder .. "/zarr.json") and
        members(json.decode(file.read(folder .. "/zarr.json"), folder)).node_type == "array" then
      found[#found + 1] = below:sub(2)
    else
      for _, name in ipairs(file.list(folder)) do
        local inner = below .. "/" .. name
        if file.exists(path .. inner .. "/.") then visit(inner) end
      end
    end
  end
  visit ""
  return found
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

-- The compressor and its level that the options of `create` ask for.
local function packing_of(where, o)
  local format, packing = o.zarr_format, o.compressor
  if format ~= 2 and format ~= 3 then
    opts.raise("%s: zarr_format is %s, must be 2 or 3", where, tostring(format))
  end
  local known = compressors[packing]
  if not known then
    opts.unknown(where, "compressor", tostring(packing), { "zstd", "gzip", "zlib", "none" })
  elseif packing == "zlib" and format == 3 then
    opts.raise("%s: zlib is a compressor of zarr_format 2; 3 has zstd, gzip and none", where)
  elseif packing == "none" then
    return packing
  end
  return packing, opts.integer(where, "option 'level'", o.level or known[1], 1, known[2])
end

-- An array whose metadata are not written yet.
local function make(where, path, o)
  if type(path) ~= "string" then opts.raise("%s: path is a %s", where, type(path)) end
  if not type_names[o.dtype] then
    opts.raise("%s: dtype '%s' is not one of f64, f32, i64, i32, u8, bool", where,
      tostring(o.dtype))
  end
  local function refuse(format, ...) opts.raise(where .. ": " .. format, ...) end
  if file.exists(path .. "/zarr.json") or file.exists(path .. "/.zarray") then
    refuse("'%s' is there already", path)
  end
  local packing, level = packing_of(where, o)
  local shape = sizes_in(refuse, o.shape, "shape", 0)
  local chunks = sizes_in(refuse, o.chunks or default_chunks(shape), "chunks", 1)
  if #chunks ~= #shape then
    refuse("chunks has %d sizes, shape has %d", #chunks, #shape)
  end
  local fill = o.fill
  if o.dtype == "bool" then fill = fill ~= 0 and fill ~= false end
  if o.dtype == "f64" or o.dtype == "f32" then fill = fill + 0.0 end
  local order = {}
  for d = 1, #shape do order[d] = d end
  local code = c.element(type_names[o.dtype])
  local old = o.zarr_format == 2
  local a = setmetatable({ path = path, shape = shape, chunks = chunks, order = order,
    dtype = o.dtype, code = code, fill = fill, packing = packing, level = level, sum = not old,
    prefix = not old and "c" or nil, separator = old and "." or "/" }, Array)
  a.metadata = old and metadata_of_version_2(a) or metadata_of(a)
  make_grid(a)
  file.mkdir(path)
  c.sync_folder(path:match "^(.*[^/])/+[^/]+/*$" or path:sub(1, 1) == "/" and "/" or ".")
  return a
end

--- A new array in the folder `path`, which may not hold one yet: `shape` (its first size may be 0
--- and grow by `append`), sizes of `chunks` (about a megabyte of whole rows), `dtype`, the value
--- `fill` of what is never written. `compressor` is "zstd", "gzip" or "none" (`level` 1 to 22 of
--- zstd, 3 unless given, and 1 to 9 of gzip, 6). `zarr_format = 2` writes the older form, which
--- zarr-python 2 reads: with "zlib" too, and without sums, so that damage may go unnoticed.
---     local folder = file.temporary_folder()
---     local a = zarr.create(folder .. "/a.zarr", { shape = { 0, 2 }, chunks = { 4, 2 } })
---     a:append(tensor.ones { 3, 2 })
---     a.shape[1] --> 3
---     file.remove_tree(folder)
---@param path string
---@param o neap.zarr.options
---@return neap.zarr.array
function zarr.create(path, o)
  local where = "zarr.create"
  local a = make(where, path, opts.merge(where,
    { shape = opts.required, chunks = opts.none, dtype = "f64", fill = 0, compressor = "zstd",
      level = opts.none, zarr_format = 3 }, o))
  commit(a)
  return a
end

-- reading and writing ----------------------------------------------------------------------------

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
  local low, high = {}, {}
  for d = 1, n do low[d], high[d] = bounds(where, (select(d, ...)), self.shape[d], d) end
  return self.grid:read(low, high)
end

-- x at position low. Before its first write an array is cleared of what killed writers left.
local function write_box(a, low, x)
  if not a.swept then a.grid:sweep() end
  a.swept = true
  a.grid:write(low, x)
end

local function check_tensor(a, where, x)
  if a.read_only then
    opts.raise("%s: '%s' %s, which is only read", where, a.path, a.read_only)
  end
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

--- Keep the first n rows and forget those behind them; their bytes stay in the chunks until rows
--- are appended over them.
---     local folder = file.temporary_folder()
---     local a = zarr.save(folder .. "/a.zarr", tensor.arange(6))
---     a:truncate(2)
---     a:read():sum() --> 3.0
---     file.remove_tree(folder)
---@param n integer
function Array:truncate(n)
  local where = "zarr truncate"
  if self.read_only then
    opts.raise("%s: '%s' %s, which is only read", where, self.path, self.read_only)
  end
  if #self.shape == 0 then opts.raise("%s: the array has no dims", where) end
  n = opts.integer(where, "n", n, 0, self.shape[1])
  local before = self.shape[1]
  if n == before then return end
  self.shape[1] = n
  local ok, message = pcall(commit, self)
  if ok then return end
  self.shape[1] = before
  error(message, 0)
end

--- Write x as a new array: chunks first, the metadata last. Options as in `create`.
---     local folder = file.temporary_folder()
---     zarr.save(folder .. "/a.zarr", tensor.ones { 3 })
---     zarr.load(folder .. "/a.zarr"):sum() --> 3.0
---     file.remove_tree(folder)
---@param path string
---@param x neap.tensor
---@param o? neap.zarr.options
---@return neap.zarr.array
function zarr.save(path, x, o)
  local where = "zarr.save"
  o = opts.merge(where, { chunks = opts.none, fill = 0, compressor = "zstd", level = opts.none,
    zarr_format = 3 }, o)
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
