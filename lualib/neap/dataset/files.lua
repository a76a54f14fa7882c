--- Datasets on disk, and their fingerprints; loaded by neap.dataset.
local c = require "neap.c.frame"
local category = require "neap.frame.category"
local core = require "neap.dataset.core"
local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"
local sealed = require "neap.sealed"
local tensor = require "neap.tensor"
local zarr = require "neap.zarr"

---@class neap.dataset
local Dataset = core.Dataset
local dataset = core.dataset

local FORMAT, VERSION, HEAD = "neap dataset", 1, "dataset.json"

-- The tensors of a dataset by name, in a fixed order.
local function tensors_of(D)
  local list = {}
  for _, name in ipairs(core.per_row) do
    if D[name] then list[#list + 1] = { name, D[name] } end
  end
  if D.symbols then list[#list + 1] = { "symbols", D.symbols.codes } end
  if D.classes then list[#list + 1] = { "classes", tensor.of(D.classes, { dtype = "f64" }) } end
  return list
end

--- A hash of all that the dataset holds (features, labels, weights, times, symbols, names, dtypes),
--- as 64 hexadecimal digits: equal for equal data on any machine, another when one bit is.
---     local x = tensor.zeros { 2, 2 }
---     dataset.new(x):fingerprint() == dataset.new(x + 0):fingerprint() --> true
---@return string
function Dataset:fingerprint()
  core.check("dataset:fingerprint", self)
  local parts = { FORMAT }
  for _, name in ipairs(self.names) do parts[#parts + 1] = name end
  for _, entry in ipairs(tensors_of(self)) do
    parts[#parts + 1] = entry[1]
    parts[#parts + 1] = entry[2]
  end
  for _, label in ipairs(self.symbols and self.symbols.labels or {}) do
    parts[#parts + 1] = label
  end
  return c.fingerprint(parts)
end

local function head_of(D, folder, fingerprint)
  local arrays = {}
  for i, entry in ipairs(tensors_of(D)) do arrays[i] = entry[1] end
  return {
    data = folder, fingerprint = fingerprint, rows = #D, names = json.array(D.names),
    arrays = json.array(arrays), unmatched = D.unmatched or json.null,
    symbols = D.symbols and json.array(D.symbols.labels) or json.null,
  }
end

-- A name of the form data-1 that is not taken.
local function fresh_folder(path)
  local k = 1
  while file.exists(("%s/data-%d"):format(path, k)) do k = k + 1 end
  return ("data-%d"):format(k)
end

local function sweep(path, current)
  for _, name in ipairs(file.list(path)) do
    if name:find "^data%-%d+$" and name ~= current then file.remove_tree(path .. "/" .. name) end
  end
end

--- Write the dataset into a folder: Zarr arrays (compressed, with sums), and `dataset.json`, which
--- names them and comes last. What was saved there before is replaced in one step: after a crash
--- the folder holds the old dataset or the new one, whole. Returns the fingerprint.
---     local folder = file.temporary_folder()
---     local D = dataset.new(tensor.of { { 1, 2 } }, tensor.of { 1 })
---     D:save(folder .. "/d") == dataset.load(folder .. "/d"):fingerprint() --> true
---     file.remove_tree(folder)
---@param path string
---@return string fingerprint
function Dataset:save(path)
  core.check("dataset:save", self)
  opts.expect("dataset:save", "the path", path, "string")
  file.mkdir(path)
  local old = file.exists(path .. "/" .. HEAD)
  if not old then
    for _, name in ipairs(file.list(path)) do
      if not name:find "^data%-%d+$" and not name:find "^%." then
        opts.raise("dataset:save: '%s' holds '%s' and no dataset; name a folder of its own", path,
          name)
      end
    end
  end
  local fingerprint, folder = self:fingerprint(), fresh_folder(path)
  for _, entry in ipairs(tensors_of(self)) do
    zarr.save(("%s/%s/%s.zarr"):format(path, folder, entry[1]), entry[2])
  end
  sealed.write(path .. "/" .. HEAD, FORMAT, VERSION, head_of(self, folder, fingerprint))
  sweep(path, folder)
  return fingerprint
end

local function refuse(path, format, ...)
  opts.raise("dataset.load: '%s': " .. format, path, ...)
end

local known_arrays = { symbols = true, classes = true }
for _, name in ipairs(core.per_row) do known_arrays[name] = true end

-- The names of the arrays, in a form that cannot lead out of the folder.
local function check_head(path, head)
  local arrays = type(head.arrays) == "table" and head.arrays or {}
  if type(head.data) ~= "string" or not head.data:find "^data%-%d+$" then
    refuse(path, "%s names no folder of data", HEAD)
  end
  for _, name in ipairs(arrays) do
    if not known_arrays[name] then refuse(path, "it has an unknown array '%s'", tostring(name)) end
  end
  if type(head.names) ~= "table" or math.type(head.rows) ~= "integer" then
    refuse(path, "%s lacks names or rows", HEAD)
  end
  return arrays
end

local function read_array(path, head, name)
  local place = ("%s/%s/%s.zarr"):format(path, head.data, name)
  if not file.exists(place) then refuse(path, "its array '%s' is missing", name) end
  return zarr.load(place)
end

local function plain(list) return table.move(list, 1, #list, 1, {}) end

--- The dataset that `save` wrote. Raises when a part is missing, damaged or not what was written:
--- the fingerprint of what is read must be the one in `dataset.json`.
---     pcall(dataset.load, "/nowhere") --> false, ...
---@param path string
---@return neap.dataset
function dataset.load(path)
  opts.expect("dataset.load", "the path", path, "string")
  local head = sealed.read("dataset.load", path .. "/" .. HEAD, FORMAT, VERSION)
  local fields, codes = { names = plain(head.names) }, nil
  for _, name in ipairs(check_head(path, head)) do
    local values = read_array(path, head, name)
    if name == "symbols" then codes = values
    elseif name == "classes" then fields.classes = values:totable()
    else
      fields[name] = values
      if #values ~= head.rows then
        refuse(path, "array '%s' has %d rows, not %d", name, #values, head.rows)
      end
    end
  end
  if not fields.x or not fields.bar or (codes and type(head.symbols) ~= "table") then
    refuse(path, "%s lacks features or symbols", HEAD)
  end
  if codes then fields.symbols = category.of_codes(codes, plain(head.symbols)) end
  if math.type(head.unmatched) == "integer" then fields.unmatched = head.unmatched end
  local D = core.with({}, fields)
  local found = D:fingerprint()
  if found ~= head.fingerprint then
    refuse(path, "its data were changed after they were written: their fingerprint is %s, not %s",
      found:sub(1, 12), tostring(head.fingerprint):sub(1, 12))
  end
  return D
end
