--- Frames in files; loaded by neap.frame.
local c = require "neap.c.frame"
local core = require "neap.frame.core"
local file = require "neap.file"
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
local function declared(where, o)
  local typed, given = {}, {}
  for _, name in ipairs(sorted_keys(o.types)) do
    local kind = kinds[o.types[name]]
    if not kind then
      opts.unknown(where, "type", tostring(o.types[name]), sorted_keys(kinds))
    end
    typed[#typed + 1], given[#given + 1] = name, kind
  end
  local times = type(o.time) == "string" and { o.time } or o.time or {}
  for _, name in ipairs(times) do typed[#typed + 1], given[#given + 1] = name, "time" end
  return typed, given
end

-- Names for a file whose first line has them already are two answers to one question.
local function check_header(where, o)
  if type(o.header) ~= "boolean" then
    opts.raise("%s: header must be true or false, got %s; names = { ... } with header = false "
      .. "names the columns", where, opts.kind(o.header))
  end
  if o.names == nil or not o.header then return end
  opts.raise("%s: names are for files without a header: say header = false with them, and where "
    .. "the first line is one, skip_rows = 1 too, or f:rename after reading", where)
end

local function check_names(path, o)
  if not o.columns and #o.typed == 0 then return end
  local names = c.csv_names(path, o)
  local there = {}
  for _, name in ipairs(names) do there[name] = true end
  for _, list in ipairs { o.columns or {}, o.typed } do
    for _, name in ipairs(list) do
      if not there[name] then opts.unknown("frame.read_csv: " .. path, "column", name, names) end
    end
  end
end

-- An array of paths from a path, a glob or an array of them.
local function paths_of(where, path)
  local paths = {}
  for i, entry in ipairs(type(path) == "table" and path or { path }) do
    if type(entry) ~= "string" then
      opts.raise("%s: path %d is a %s, a string is expected", where, i, opts.kind(entry))
    end
    if entry:find "[*?%[]" and not file.exists(entry) then
      local found = file.glob(entry)
      if #found == 0 then opts.raise("%s: no file matches '%s'", where, entry) end
      table.move(found, 1, #found, #paths + 1, paths)
    else
      paths[#paths + 1] = entry
    end
  end
  if #paths == 0 then opts.raise("%s: the array of paths is empty", where) end
  return paths
end

-- The symbol that the name of each file tells.
local function symbols_of(where, paths, symbol)
  if not symbol then return nil end
  local pattern = symbol == true and "^[^-_.]+" or symbol
  if type(pattern) ~= "string" then
    opts.raise("%s: symbol is %s, must be true or a pattern with one capture", where,
      tostring(symbol))
  end
  local symbols = {}
  for i, path in ipairs(paths) do
    local name = path:match "[^/]*$"
    local ok, found = pcall(string.match, name, pattern)
    if not ok then opts.raise("%s: symbol: %s", where, found:gsub("^.-: ", "")) end
    if type(found) ~= "string" or found == "" then
      opts.raise("%s: symbol: the name '%s' does not match '%s'", where, name, pattern)
    end
    symbols[i] = found
  end
  return symbols
end

local policies = {
  ambiguous = { "raise", "earliest", "latest", "infer" },
  nonexistent = { "raise", "forward", "missing" },
}

local function check_policies(where, o)
  for _, name in ipairs { "ambiguous", "nonexistent" } do
    local found = false
    for _, value in ipairs(policies[name]) do found = found or value == o[name] end
    if not found then
      opts.unknown(where, name .. " =", tostring(o[name]), { table.unpack(policies[name]) })
    end
  end
end

local function check_invalid(where, o)
  if o.invalid ~= "error" and o.invalid ~= "replace" then
    opts.raise("%s: invalid is '%s', allowed are 'error' and 'replace'", where,
      tostring(o.invalid))
  end
  o.replace = o.invalid == "replace"
end

--- Read a CSV file, plain, gzip or zstd, or several files of the same columns: `path` is a path, a
--- glob ("data/*-5m.csv.gz", see `file.glob`), or an array of them. Types are found column by
--- column: bool, integer (i64), number (f64, blank = NaN), time (dates and times with separators),
--- else category. Errors name file, line, column and value of the first fault. Options:
--- - `time`: names of columns that are times even if written as digits (yyyymmdd, epoch in s, ms,
---   us or ns by magnitude); `types`: { name = "number" | "integer" | "bool" | "time" |
---   "category" }, which must hold; `columns`: those to keep, in order;
--- - `delimiter` (found among , ; tab), `decimal` (","), `thousands` ("," "." " " "'", between
---   groups of three digits), `comment` (first character of lines to skip), `missing` (further
---   words for no value, as { "?" });
--- - `header = false` with `names`, `skip_rows` (lines before the header), `max_rows` (of all
---   files);
--- - `time_zone` of times without offset, `time_format` as "%d/%m/%Y %H:%M"; `ambiguous` and
---   `nonexistent` for local times that its clock showed twice or skipped, as in `clock.parse`, but
---   "infer" (the default) is the first showing until a row would step back in time; where
---   they raise, a column that `time` does not name becomes text instead;
--- - `invalid`: "error", or "replace" for U+FFFD where text is not UTF-8;
--- - `symbol`: a category column `symbol` comes first, with what a pattern with one capture finds
---   in the name of the file, or with `true` what stands before the first of - _ and the point.
---     pcall(frame.read_csv, "/nowhere.csv") --> false, ...
---@param path string|string[]
---@param o? table
---@return neap.frame
function frame.read_csv(path, o)
  local where = "frame.read_csv"
  if type(path) ~= "table" then opts.expect(where, "the path", path, "string") end
  o = opts.merge(where, {
    time = opts.none, types = {}, columns = opts.none, delimiter = opts.none, comment = opts.none,
    header = true, names = opts.none, missing = opts.none, time_zone = opts.none,
    time_format = opts.none, decimal = opts.none, thousands = opts.none, skip_rows = 0,
    max_rows = opts.none, symbol = opts.none, invalid = "error",
    ambiguous = "infer", nonexistent = "raise",
  }, o)
  check_invalid(where, o)
  check_policies(where, o)
  check_header(where, o)
  o.typed, o.kinds = declared(where, o)
  local paths = paths_of(where, path)
  local symbols = symbols_of(where, paths, o.symbol)
  check_names(paths[1], o)
  return core.of_columns(where, c.read_csv(paths, o, symbols))
end

--- The names in the header of a CSV file.
---     pcall(frame.csv_columns, "/nowhere.csv") --> false, ...
---@param path string
---@param o? table delimiter, comment, decimal, header, names, skip_rows as in `read_csv`
---@return string[]
function frame.csv_columns(path, o)
  o = opts.merge("frame.csv_columns", {
    delimiter = opts.none, comment = opts.none, decimal = opts.none, header = true,
    names = opts.none, skip_rows = 0,
  }, o)
  opts.expect("frame.csv_columns", "the path", path, "string")
  check_header("frame.csv_columns", o)
  return c.csv_names(path, o)
end

--- Read JSON lines, plain, gzip or zstd: one object on each line, whose keys are the columns, in
--- the order in which they first stand; blank lines are skipped. `path` may be a glob or an array,
--- as in `read_csv`. Strings are read as fields of a CSV file are ("1.5" is a number, "2024-01-02"
--- a time; `types` = { id = "text" } keeps them), null and a key that a line lacks are missing
--- values, integers beyond 64 bits are f64. Nested values are refused. Options: `time`, `types`,
--- `columns`, `missing`, `time_zone`, `ambiguous`, `nonexistent`, `time_format`, `invalid`,
--- `max_rows` and `symbol`, as in `read_csv`. Errors name file, line and column.
---     pcall(frame.read_jsonl, "/nowhere.jsonl") --> false, ...
---@param path string|string[]
---@param o? table
---@return neap.frame
function frame.read_jsonl(path, o)
  local where = "frame.read_jsonl"
  if type(path) ~= "table" then opts.expect(where, "the path", path, "string") end
  o = opts.merge(where, {
    time = opts.none, types = {}, columns = opts.none, missing = opts.none, time_zone = opts.none,
    time_format = opts.none, max_rows = opts.none, symbol = opts.none, invalid = "error",
    ambiguous = "infer", nonexistent = "raise",
  }, o)
  check_invalid(where, o)
  check_policies(where, o)
  o.typed, o.kinds = declared(where, o)
  local paths = paths_of(where, path)
  local symbols = symbols_of(where, paths, o.symbol)
  return core.of_columns(where, c.read_jsonl(paths, o, symbols))
end

-- The frame's columns as C takes them: names, kinds, tensors, labels.
local function columns_of(state)
  local columns, tensors, labels = {}, {}, {}
  for i, name in ipairs(state.names) do
    local column = state.columns[name]
    columns[i], tensors[i], labels[i] = column.kind, column.tensor, column.labels or false
  end
  return state.names, columns, tensors, labels
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
  local names, kinds_of, tensors, labels = columns_of(state)
  c.write_csv(path, names, kinds_of, tensors, labels, o.digits == 17)
end

--- Write the frame as JSON lines, one object for each row; the file appears whole or not at all,
--- compressed when its name ends in .gz or .zst. Missing values are null, times ISO 8601 in UTC,
--- infinities the strings "inf" and "-inf".
---     pcall(frame.new({ { "x", { 1, 2 } } }).write_jsonl, nil, "x.jsonl") --> false, ...
---@param path string
function Frame:write_jsonl(path)
  local state = state_of(self, "write_jsonl")
  c.write_jsonl(path, columns_of(state))
end
