--- Tensors in files, by extension: .npy, .npz, .safetensors, .zarr; loaded by neap.tensor.
local c = require "neap.c.tensor"
local opts = require "neap.opts"

local tensor = {}

---@class neap.tensor
local methods = c.methods

--- The SHA-256 of dtype, shape and elements, as 64 hexadecimal digits: tensors that are the same
--- bit for bit have the same, whatever their layout in memory.
---     tensor.arange(3):sha256() == tensor.arange(3):sha256() --> true
---     tensor.arange(3):sha256() == tensor.arange(3):to("f32"):sha256() --> false
---@return string
function methods:sha256()
  opts.expect("sha256", "self", self, "tensor")
  return c.sha256(self)
end

local extensions = { npy = true, npz = true, safetensors = true, zarr = true }

local function extension_of(where, path)
  opts.expect(where, "path", path, "string")
  local found = path:match "%.(%w+)$"
  if found and extensions[found] then return found end
  opts.raise("%s: '%s' does not end in .npy, .npz, .safetensors or .zarr", where, path)
end

local function is_tensor(x)
  return type(x) == "userdata" and getmetatable(x).__name == "neap.tensor"
end

local function is_text(x) return type(x) == "string" end

-- The keys of `t` in order, and the values in that order, which `fits` must accept.
local function sorted(where, what, t, kind, fits)
  if type(t) ~= "table" then
    opts.raise("%s: %s must be a table {name = %s}, got %s", where, what, kind, opts.kind(t))
  end
  local names, values = {}, {}
  for name, value in next, t do
    if not is_text(name) then
      opts.raise("%s: %s: names are texts, got %s (%s)", where, what, tostring(name), type(name))
    end
    if not fits(value) then
      opts.raise("%s: %s: '%s' is a %s, not a %s", where, what, name, opts.kind(value), kind)
    end
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do values[i] = t[name] end
  return names, values
end

-- An option that another extension takes is an error of its own.
local function options(where, extension, known, given)
  for name, home in next, known do
    if type(given) == "table" and given[name] and home ~= extension then
      opts.raise("%s: `%s` is for .%s files, not for .%s", where, name, home, extension)
    end
  end
end

--- Write a tensor, or several by name, whole or not at all; the extension says how. `.npy` takes
--- one tensor; `.npz` (numpy.load reads it; `compress` deflates it) and `.safetensors` (`metadata`
--- holds texts by name) take {name = tensor}, written by rising names, so that equal contents give
--- equal bytes. `.zarr` takes one tensor and a folder that holds no array yet; `zarr_format = 2`
--- and `compressor` as in zarr.create.
--- Other extensions, and a name or value of another kind, are errors.
---     local path = os.tmpname() .. ".npz"
---     tensor.save(path, { price = tensor.of { 9.5, 9.75 } }, { compress = true })
---     tensor.load(path).price --> tensor<f64>[2] {9.5, 9.75}
---     os.remove(path)
---@param path string
---@param x neap.tensor|table<string, neap.tensor>
---@param o? { compress: boolean, metadata: table, zarr_format: integer, compressor: string }
function tensor.save(path, x, o)
  local where = "tensor.save"
  local extension = extension_of(where, path)
  options(where, extension,
    { compress = "npz", metadata = "safetensors", zarr_format = "zarr", compressor = "zarr" }, o)
  o = opts.merge(where, { compress = false, metadata = opts.none, zarr_format = opts.none,
    compressor = opts.none }, o)
  if extension == "npy" then
    if not is_tensor(x) then
      opts.raise("%s: x must be a tensor for a .npy file, got %s; several go to .npz", where,
        opts.kind(x))
    end
    c.save_npy(x, path)
    return
  end
  if extension == "zarr" then
    require("neap.zarr").save(path, x, { zarr_format = o.zarr_format, compressor = o.compressor })
    return
  end
  if is_tensor(x) then
    opts.raise("%s: a .%s file takes {name = tensor}, got one tensor", where, extension)
  end
  local names, tensors = sorted(where, "x", x, "tensor", is_tensor)
  if extension == "npz" then
    c.save_npz(path, names, tensors, o.compress)
  else
    c.save_safetensors(path, names, tensors,
      sorted(where, "option 'metadata'", o.metadata or {}, "text", is_text))
  end
end

--- Read what `save` or another program wrote: a tensor from `.zarr` and `.npy` (versions 1 to 3,
--- either memory and byte order; compressed files too), {name = tensor} from `.npz` and
--- `.safetensors`, with the sorted names as a second and safetensors' metadata as a third result.
--- `only` names the tensors to read from an archive. Elements of f8 f4 i8 i4 u1 b1 come as they
--- are, f2 and BF16 as f32, i1 i2 u2 as i32, u4 u8 as i64, all exactly (above 2^63 - 1 is an
--- error), datetime64[ns] and timedelta64[ns] as i64; complex numbers, other units, texts, records
--- and objects are errors that say how to save them. With `mmap` a .npy file of our dtypes stays
--- on disk and is read where it is touched; writing to the tensor changes memory only. While it is
--- in use nobody may shorten the file: touching what is gone ends the process. A damaged or
--- truncated file is an error.
---     local path = os.tmpname() .. ".npy"
---     tensor.save(path, tensor.arange(4))
---     tensor.load(path, { mmap = true })[-1] --> 4.0
---     os.remove(path)
---@param path string
---@param o? { mmap: boolean, only: string[] }
---@return neap.tensor|table<string, neap.tensor> x, string[]? names, table? metadata
function tensor.load(path, o)
  local where = "tensor.load"
  local extension = extension_of(where, path)
  if type(o) == "table" and o.only and (extension == "npy" or extension == "zarr") then
    opts.raise("%s: `only` is for .npz and .safetensors files", where)
  end
  if type(o) == "table" and o.only ~= nil then
    opts.expect(where, "option 'only'", o.only, "table")
  end
  options(where, extension, { mmap = "npy" }, o)
  o = opts.merge(where, { mmap = false, only = opts.none }, o)
  if extension == "npy" then return (o.mmap and c.map_npy or c.load_npy)(path) end
  if extension == "zarr" then return require("neap.zarr").load(path) end
  local tensors, names, metadata = c["load_" .. extension](path, o.only)
  return tensors, names, metadata
end

return tensor
