--- Computed columns kept in a folder: <key>.npy, one row for each column, and <key>.json, which
--- says what is in it. The key is the hash of all that the columns depend on.
---
--- An entry is used when its contents have the hash they were written with. Of large ones that is
--- looked at only when the file has changed since it was last found sound: its size, inode and
--- times are kept. A change in the very milliseconds of that look would not show in the times, so
--- they count only when the look came later than the last change.
local c_file = require "neap.c.file"
local category = require "neap.frame.category"
local clock = require "neap.clock"
local file = require "neap.file"
local log = require "neap.log"
local neap = require "neap"
local opts = require "neap.opts"
local sealed = require "neap.sealed"
local tensor = require "neap.tensor"

local cache = {}

local FORMAT, VERSION = "neap.features.cache", 1
local SMALL = 4 << 20 -- bytes that are hashed every time
local STEP = 50 * 1000000 -- ns: the clock of files goes in shorter steps

--- The key of what the parts, an array of texts, describe.
---@param parts string[]
---@return string
function cache.key(parts)
  return file.sha256(("%s %d\n%s\n%s"):format(FORMAT, VERSION, neap.version,
    table.concat(parts, "\n")))
end

--- A text that is the same for the same column of bars.
---@param name string
---@param column any a tensor, a category, a text, a number
---@return string
function cache.text_of(name, column)
  if opts.kind(column) == "tensor" then return ("%q %s"):format(name, column:sha256()) end
  if not category.is(column) then
    if type(column) == "table" or type(column) == "function" then
      opts.raise("set:compute: with a cache, the bars may hold columns, not a %s as in '%s'",
        opts.kind(column), tostring(name))
    end
    return ("%q %s %s"):format(name, type(column), tostring(column))
  end
  local labels = {}
  for i, label in ipairs(column.labels) do labels[i] = ("%q"):format(label) end
  return ("%q %s %s"):format(name, column.codes:sha256(), table.concat(labels, " "))
end

local function paths(folder, key)
  return ("%s/%s.npy"):format(folder, key), ("%s/%s.json"):format(folder, key)
end

-- What is known of a file that was just found sound.
local function seal(folder, key, sum, rows)
  local data, note = paths(folder, key)
  local stamp, changed = c_file.stamp(data)
  if not stamp then return end
  local wait = STEP - (clock.wall() - changed)
  if wait > 0 and wait <= STEP then clock.sleep(wait / 1e9) end
  if c_file.stamp(data) ~= stamp then stamp = "" end
  sealed.write(note, FORMAT, VERSION, { sum = sum, rows = rows, stamp = stamp })
end

local function read(folder, key, names, rows)
  local data, note = paths(folder, key)
  if not file.exists(note) or not file.exists(data) then return nil end
  local known = sealed.read("features", note, FORMAT, VERSION)
  local stamp = c_file.stamp(data)
  local x = tensor.load(data, { mmap = true })
  if x.dtype ~= "f64" or #x.shape ~= 2 or x:size(1) ~= #names or x:size(2) ~= rows then
    return nil, "has another shape"
  end
  if x:numel() * 8 <= SMALL or stamp ~= known.stamp then
    if x:sha256() ~= known.sum then return nil, "does not have the sum it was written with" end
    if x:numel() * 8 > SMALL then seal(folder, key, known.sum, rows) end
  end
  local columns = {}
  for k in ipairs(names) do columns[k] = x[k] end
  return columns
end

--- The columns kept under a key, or nil when there are none or they are damaged, of which the log
--- tells.
---@param folder string
---@param key string
---@param names string[]
---@param rows integer
---@return neap.tensor[]?
function cache.get(folder, key, names, rows)
  if #names == 0 or rows == 0 then return nil end
  local ok, columns, why = pcall(read, folder, key, names, rows)
  if not ok then why = columns end
  if why and tostring(why):find("interrupted", 1, true) then error(why, 0) end
  if ok and columns then return columns end
  if why then
    log.warn("features: a damaged entry of the cache is computed again",
      { entry = folder .. "/" .. key, reason = tostring(why) })
  end
end

--- Keep columns under a key. That it cannot be done is no reason to lose them: the log tells.
---@param folder string
---@param key string
---@param columns neap.tensor[]
function cache.put(folder, key, columns)
  if #columns == 0 or #columns[1] == 0 then return end
  local ok, why = pcall(function()
    file.mkdir(folder)
    local x = tensor.stack(columns, 1)
    tensor.save((paths(folder, key)), x)
    seal(folder, key, x:sha256(), #columns[1])
  end)
  if ok then return end
  if tostring(why):find("interrupted", 1, true) then error(why, 0) end
  log.warn("features: columns could not be kept in the cache",
    { folder = folder, reason = tostring(why) })
end

return cache
