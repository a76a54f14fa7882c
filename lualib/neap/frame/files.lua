--- Frames in files; loaded by neap.frame.
local c = require "neap.c.frame"
local core = require "neap.frame.core"
local opts = require "neap.opts"

---@class neap.frame
local Frame = core.Frame

local frame = core.frame
local sorted_keys, state_of = core.sorted_keys, core.state_of

local kinds = {
  bool = "bool", integer = "integer", i64 = "integer", number = "number", f64 = "number",
  time = "time", category = "category", text = "category",
}

-- o.time and o.types as two arrays.
local function declared(o)
  local typed, given = {}, {}
  for _, name in ipairs(sorted_keys(o.types)) do
    local kind = kinds[o.types[name]]
    if not kind then
      opts.unknown("frame.read_csv", "type", tostring(o.types[name]), sorted_keys(kinds))
    end
    typed[#typed + 1], given[#given + 1] = name, kind
  end
  local times = type(o.time) == "string" and { o.time } or o.time or {}
  for _, name in ipairs(times) do typed[#typed + 1], given[#given + 1] = name, "time" end
  return typed, given
end

local function check_names(path, o, typed)
  if not o.columns and #typed == 0 then return end
  local names = c.csv_names(path, o.delimiter, o.comment, o.header, o.names)
  local there = {}
  for _, name in ipairs(names) do there[name] = true end
  for _, list in ipairs { o.columns or {}, typed } do
    for _, name in ipairs(list) do
      if not there[name] then opts.unknown("frame.read_csv: " .. path, "column", name, names) end
    end
  end
end

--- Read a CSV file, plain, gzip or zstd. Types are found column by column: bool, integer (i64),
--- number (f64, blank = NaN), time (dates and times with separators), else category. Options:
--- `time`: names of columns that are times even if written as digits (yyyymmdd, epoch in s, ms, us
--- or ns by magnitude); `types`: { name = "number" | "integer" | "bool" | "time" | "category" },
--- which must hold; `columns`: those to keep, in order; `delimiter` (found among , ; tab),
--- `comment` (first character of lines to skip), `header = false` with `names`, `missing` (further
--- words for no value, as { "?" }), `time_zone` of times without offset, `time_format` as
--- "%d/%m/%Y %H:%M". Errors name file, line, column and value.
---     pcall(frame.read_csv, "/nowhere.csv") --> false, ...
---@param path string
---@param o? table
---@return neap.frame
function frame.read_csv(path, o)
  o = opts.merge("frame.read_csv", {
    time = opts.none, types = {}, columns = opts.none, delimiter = opts.none, comment = opts.none,
    header = true, names = opts.none, missing = opts.none, time_zone = opts.none,
    time_format = opts.none,
  }, o)
  opts.expect("frame.read_csv", "the path", path, "string")
  local typed, given = declared(o)
  check_names(path, o, typed)
  local columns = c.read_csv(path, o.delimiter, o.comment, o.header, o.names, o.columns, typed,
    given, o.missing, o.time_zone, o.time_format)
  return core.of_columns("frame.read_csv", columns)
end

--- The names in the header of a CSV file.
---     pcall(frame.csv_columns, "/nowhere.csv") --> false, ...
---@param path string
---@param o? table delimiter, comment, header, names as in `read_csv`
---@return string[]
function frame.csv_columns(path, o)
  o = opts.merge("frame.csv_columns", {
    delimiter = opts.none, comment = opts.none, header = true, names = opts.none,
  }, o)
  opts.expect("frame.csv_columns", "the path", path, "string")
  return c.csv_names(path, o.delimiter, o.comment, o.header, o.names)
end

--- Write the frame as CSV; the file appears whole or not at all, compressed when its name ends in
--- .gz or .zst. `digits`: "shortest" that reads back to the same number, or 17. Missing values are
--- blank, times ISO 8601 in UTC.
---     pcall(frame.new({ { "x", { 1, 2 } } }).write_csv, nil, "x.csv") --> false, ...
---@param path string
---@param o? { digits: "shortest"|17 }
function Frame:write_csv(path, o)
  local state = state_of(self, "write_csv")
  o = opts.merge("frame:write_csv", { digits = "shortest" }, o)
  if o.digits ~= "shortest" and o.digits ~= 17 then
    opts.raise("frame:write_csv: digits is '%s', allowed are 'shortest' and 17", tostring(o.digits))
  end
  local columns, tensors, labels = {}, {}, {}
  for i, name in ipairs(state.names) do
    local column = state.columns[name]
    columns[i], tensors[i], labels[i] = column.kind, column.tensor, column.labels or false
  end
  c.write_csv(path, state.names, columns, tensors, labels, o.digits == 17)
end
