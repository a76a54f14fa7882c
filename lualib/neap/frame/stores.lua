--- Frames in .npz files and Zarr folders; loaded by neap.frame.
---
--- Both hold one array for each column, and what arrays cannot say (order, times, texts of
--- categories) as JSON: in the array `__frame__` of an .npz file, in the attributes of a Zarr
--- group.
local core = require "neap.frame.core"
local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.frame
local Frame = core.Frame

local frame = core.frame

local NOTE = "__frame__"

-- {columns = {{name, kind, labels?, array?}, ...}, rows}
local function note_of(state, array_of)
  local columns = {}
  for i, name in ipairs(state.names) do
    local column = state.columns[name]
    columns[i] = { name = name, kind = column.kind, array = array_of and array_of(name, i),
      labels = column.labels and json.array(column.labels) }
  end
  return { columns = json.array(columns), rows = state.rows or 0 }
end

local kinds = { number = true, time = true, category = true }

-- What a stored note says of one column, or an error about a file that lies.
local function checked(path, entry)
  local ok = type(entry) == "table" and type(entry.name) == "string" and kinds[entry.kind]
    and (entry.kind ~= "category" or type(entry.labels) == "table")
  if not ok then opts.raise("%s: what it says of its columns is damaged", path) end
  return entry
end

-- Codes beyond the labels would point nowhere.
local function column_of(path, entry, x)
  if #x.shape ~= 1 then opts.raise("%s: column '%s' has %d dims", path, entry.name, #x.shape) end
  if entry.kind == "time" and x.dtype ~= "i64" then
    opts.raise("%s: times of column '%s' are %s, not i64", path, entry.name, x.dtype)
  elseif entry.kind == "category" then
    x = x:to "i32"
    if #x > 0 and (x:min() < 0 or x:max() > #entry.labels) then
      opts.raise("%s: codes of column '%s' are beyond its %d texts", path, entry.name,
        #entry.labels)
    end
  end
  local labels = entry.kind == "category" and entry.labels or nil
  return { kind = entry.kind, tensor = x, labels = labels }
end

-- .npz --------------------------------------------------------------------------------------------

--- Write the frame as an .npz file: one array for each column, times as i64 nanoseconds, texts as
--- i32 codes (0 = missing), and an array `__frame__` of JSON in bytes that tells which is which.
--- NumPy reads all of them. It appears whole or not at all; `compress` deflates it.
---     local path = os.tmpname() .. ".npz"
---     frame.new({ { "close", { 1, 2 } }, { "side", { "buy", "sell" } } }):write_npz(path)
---     frame.read_npz(path).side[2] --> sell
---     os.remove(path)
---@param path string
---@param o? { compress: boolean }
function Frame:write_npz(path, o)
  o = opts.merge("frame:write_npz", { compress = false }, o)
  local state, arrays = core.state_of(self, "frame:write_npz"), {}
  for _, name in ipairs(state.names) do
    if name == NOTE then opts.raise("frame:write_npz: no column may be called '%s'", NOTE) end
    arrays[name] = state.columns[name].tensor
  end
  arrays[NOTE] = tensor.of({ json.text(note_of(state)):byte(1, -1) }, { dtype = "u8" })
  tensor.save(path, arrays, { compress = o.compress })
end

local function text_of_bytes(x)
  local parts = {}
  for start = 1, #x, 4096 do
    local bytes = x:slice(1, start, math.min(start + 4095, #x)):totable()
    parts[#parts + 1] = string.char(table.unpack(bytes))
  end
  return table.concat(parts)
end

--- The frame in an .npz file. Of a file that another program wrote, every array becomes a column
--- under its name, in alphabetical order; i64 arrays called time, known_at or *_time are times. All
--- must have one dim and one length.
---     local path = os.tmpname() .. ".npz"
---     tensor.save(path, { close = tensor.of { 1, 2 }, volume = tensor.of { 5, 6 } })
---     frame.read_npz(path):columns()[2] --> volume
---     os.remove(path)
---@param path string
---@return neap.frame
function frame.read_npz(path)
  opts.expect("frame.read_npz", "the path", path, "string")
  if not path:find "%.npz$" then opts.raise("frame.read_npz: '%s' is no .npz file", path) end
  local arrays, names = tensor.load(path)
  local out = core.empty()
  if not arrays[NOTE] then
    for _, name in ipairs(names) do
      local column = core.to_column("frame.read_npz: " .. path, name, arrays[name])
      core.put(out, "frame.read_npz: " .. path, name, column)
    end
    return out
  end
  local note = json.decode(text_of_bytes(arrays[NOTE]), path)
  if type(note) ~= "table" or type(note.columns) ~= "table" then
    opts.raise("%s: what it says of its columns is damaged", path)
  end
  for _, entry in ipairs(note.columns) do
    local x = arrays[checked(path, entry).name]
    if not x then opts.raise("%s: the array of column '%s' is missing", path, entry.name) end
    core.put(out, "frame.read_npz: " .. path, entry.name, column_of(path, entry, x))
  end
  return out
end

-- Zarr --------------------------------------------------------------------------------------------

local function group_path(path) return path .. "/zarr.json" end

-- The last thing written: until then the folder is no frame, or the frame it was.
local function commit(path, note)
  file.write(group_path(path), json.text { zarr_format = 3, node_type = "group",
    attributes = { neap_frame = note } } .. "\n")
end

-- Folder of a column's array: its name where that is plain, else its place.
local function array_of(name, i)
  return name:find "^[%w_][%w_%-.]*$" and name ~= "zarr.json" and name or ("column%d"):format(i)
end

local function read_note(where, path)
  if not file.exists(group_path(path)) then
    opts.raise("%s: '%s' is no Zarr folder of a frame: it has no zarr.json", where, path)
  end
  local meta = json.decode(file.read(group_path(path)), group_path(path))
  local note = type(meta) == "table" and type(meta.attributes) == "table"
    and meta.attributes.neap_frame
  if type(note) ~= "table" or type(note.columns) ~= "table"
    or math.type(note.rows) ~= "integer" or note.rows < 0 then
    opts.raise("%s: '%s' holds Zarr arrays, but no frame", where, path)
  end
  for _, entry in ipairs(note.columns) do
    if type(checked(path, entry).array) ~= "string" or entry.array:find "[/\\]" then
      opts.raise("%s: what it says of its columns is damaged", path)
    end
  end
  return note
end

local function write_new(path, state)
  if file.exists(path) then
    opts.raise("frame:write_zarr: '%s' is there already; append = true adds rows, "
      .. "file.remove_tree removes it", path)
  end
  local note = note_of(state, array_of)
  file.mkdir(path)
  local zarr = require "neap.zarr"
  for _, entry in ipairs(note.columns) do
    zarr.save(path .. "/" .. entry.array, state.columns[entry.name].tensor:contiguous())
  end
  commit(path, note)
end

-- The codes of a column as the labels of the store number them; new labels are added to `entry`.
local function stored_codes(entry, column)
  local code_of, codes = {}, { 0 }
  for code, label in ipairs(entry.labels) do code_of[label] = code end
  for code, label in ipairs(column.labels) do
    if not code_of[label] then
      entry.labels[#entry.labels + 1] = label
      code_of[label] = #entry.labels
    end
    codes[code + 1] = code_of[label]
  end
  return tensor.of(codes, { dtype = "i32" }):take(column.tensor:to "i64":add(1))
end

local function check_appended(path, state, note)
  if #state.names ~= #note.columns then
    opts.raise("frame:write_zarr: '%s' has %d columns, the frame has %d", path, #note.columns,
      #state.names)
  end
  for i, entry in ipairs(note.columns) do
    local column = state.columns[entry.name]
    if state.names[i] ~= entry.name then
      opts.raise("frame:write_zarr: column %d of '%s' is '%s', of the frame '%s'", i, path,
        entry.name, state.names[i])
    elseif column.kind ~= entry.kind then
      opts.raise("frame:write_zarr: column '%s' of '%s' is a %s, of the frame a %s", entry.name,
        path, entry.kind, column.kind)
    end
  end
end

-- Rows that a killed append left behind the last whole one are written over.
local function append(path, state)
  local note = read_note("frame:write_zarr", path)
  check_appended(path, state, note)
  local zarr, arrays = require "neap.zarr", {}
  for i, entry in ipairs(note.columns) do
    arrays[i] = zarr.open(path .. "/" .. entry.array)
    local dtype = state.columns[entry.name].tensor.dtype
    if arrays[i].dtype ~= dtype then
      opts.raise("frame:write_zarr: column '%s' of '%s' is %s, of the frame %s", entry.name, path,
        arrays[i].dtype, dtype)
    end
    arrays[i]:truncate(note.rows)
  end
  for i, entry in ipairs(note.columns) do
    local column = state.columns[entry.name]
    local x = entry.kind == "category" and stored_codes(entry, column) or column.tensor
    arrays[i]:append(x:contiguous())
  end
  note.rows = note.rows + state.rows
  for _, entry in ipairs(note.columns) do
    if entry.labels then entry.labels = json.array(entry.labels) end
  end
  note.columns = json.array(note.columns)
  commit(path, note)
end

--- Write the frame as a Zarr group (version 3): one array for each column, in chunks compressed by
--- zstd and summed by CRC-32C, that other programs read too. With `append` the rows go behind those
--- of a frame that is there, whose columns must be the same; after a crash the store holds what it
--- held before, and the same rows can be appended again.
---     local path = file.temporary_folder() .. "/bars.zarr"
---     local f = frame.new { { "close", { 1, 2 } } }
---     f:write_zarr(path)
---     f:write_zarr(path, { append = true })
---     #frame.read_zarr(path) --> 4
---@param path string
---@param o? { append: boolean }
function Frame:write_zarr(path, o)
  o = opts.merge("frame:write_zarr", { append = false }, o)
  opts.expect("frame:write_zarr", "the path", path, "string")
  local state = core.state_of(self, "frame:write_zarr")
  if #state.names == 0 then opts.raise "frame:write_zarr: the frame has no columns" end
  if o.append and file.exists(path) then return append(path, state) end
  write_new(path, state)
end

--- The frame in a Zarr folder; `columns` names those to read, in order, and rows `first` to `last`
--- (from 1, both included, negative from the end) read only their chunks.
---     local path = file.temporary_folder() .. "/bars.zarr"
---     frame.new({ { "x", { 1, 2, 3 } }, { "y", { 4, 5, 6 } } }):write_zarr(path)
---     frame.read_zarr(path, { columns = { "y" }, first = -2 }).y --> tensor<f64>[2] {5, 6}
---@param path string
---@param o? { columns: string[], first: integer, last: integer }
---@return neap.frame
function frame.read_zarr(path, o)
  o = opts.merge("frame.read_zarr", { columns = opts.none, first = 1, last = -1 }, o)
  opts.expect("frame.read_zarr", "the path", path, "string")
  local note = read_note("frame.read_zarr", path)
  local by_name, names = {}, {}
  for i, entry in ipairs(note.columns) do by_name[entry.name], names[i] = entry, entry.name end
  local function row(what, value)
    value = opts.integer("frame.read_zarr", "option '" .. what .. "'", value)
    if value < 0 then value = note.rows + 1 + value end
    if value < 0 or value > note.rows + 1 then
      opts.raise("frame.read_zarr: %s is row %d, but there are %d", what, value, note.rows)
    end
    return value
  end
  local first, last = row("first", o.first), row("last", o.last)
  local out, zarr = core.empty(), require "neap.zarr"
  for _, name in ipairs(o.columns or names) do
    local entry = by_name[name] or opts.unknown("frame.read_zarr", "column", name, names)
    local a = zarr.open(path .. "/" .. entry.array)
    if #a.shape ~= 1 or a.shape[1] < note.rows then
      opts.raise("%s: column '%s' has %s rows, not %d", path, name, table.concat(a.shape, "x"),
        note.rows)
    end
    local x = last < first and tensor.zeros { 0, dtype = a.dtype } or a:read { first, last }
    core.put(out, "frame.read_zarr", name, column_of(path, entry, x))
  end
  return out
end
