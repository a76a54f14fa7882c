--- Tables of named columns: tensors, times, text. Frames do not change when computed with; only
--- `f.name = x` adds or replaces a column.
local category = require "neap.frame.category"
local core = require "neap.frame.core"
local elsewhere = require "neap.frame.elsewhere"
local opts = require "neap.opts"
require "neap.frame.between" -- into the table and the class of neap.frame.core
require "neap.frame.concat"
require "neap.frame.database"
require "neap.frame.files"
require "neap.frame.group"
require "neap.frame.join"
require "neap.frame.look"
require "neap.frame.missing"
require "neap.frame.query"
require "neap.frame.resample"
require "neap.frame.rows"
require "neap.frame.shape"
require "neap.frame.stores"
require "neap.frame.windows"

local frame, empty, put, to_column = core.frame, core.empty, core.put, core.to_column

--- A frame from an array of columns { name, values } in order. Values are tensors of one length,
--- categories, or Lua arrays of numbers or strings. { name, i64 tensor, "time" } makes a column of
--- times in nanoseconds; i64 columns called time, known_at or *_time are times anyway. Behind the
--- first column a single number, truth or text stands in every row.
---     #frame.new { { "close", tensor.of { 1, 2, 3 } }, { "symbol", { "A", "A", "B" } } } --> 3
---@param columns table[]
---@return neap.frame
function frame.new(columns)
  if type(columns) ~= "table" then
    opts.raise("frame.new: an array of { name, values } is expected, got %s", type(columns))
  end
  for key in next, columns do
    if type(key) == "string" then
      opts.raise("frame.new: column '%s' must be { '%s', values }, since keys have no order", key,
        key)
    end
  end
  local f = empty()
  for i, entry in ipairs(columns) do
    if type(entry) ~= "table" or #entry < 2 then
      opts.raise("frame.new: column %d must be { name, values }", i)
    end
    local name, values, kind = entry[1], entry[2], entry[3]
    if kind ~= nil and kind ~= "time" then
      opts.raise("frame.new: column '%s' is of unknown kind '%s' (known: time)", name,
        tostring(kind))
    end
    local state = core.state_of(f)
    if state.columns[name] then
      opts.raise("frame.new: two columns are called '%s'", name)
    end
    put(f, "frame.new", name,
      to_column("frame.new", tostring(name), values, kind, state.rows))
  end
  return f
end

--- A column of text from an array of strings; false and "" are missing. It has `codes` (i32, 0 =
--- missing), `labels`, c[i], `c:eq(label)` and `c:totable()`.
---     frame.category({ "a", "b", "a" })[2] --> b
---@param texts table
---@return neap.category
function frame.category(texts) return category.of_texts(texts) end

-- A name that no function has: what other libraries call it, a method, or the nearest function.
setmetatable(frame, { __index = function(_, name)
  if type(name) ~= "string" or name:find "^__" then return nil end
  if type(core.Frame[name]) == "function" then
    opts.raise("frame: '%s' is a method of frames: f:%s(...)", name, name)
  end
  if elsewhere.functions[name] then
    opts.raise("frame: there is no function '%s'; write %s", name, elsewhere.functions[name])
  end
  local names = {}
  for known in next, frame do names[#names + 1] = known end
  opts.unknown("frame", "function", name, names, "`neap help frame` lists them")
end })

return frame
