--- Frames in SQL databases and Parquet files; loaded by neap.frame.
local core = require "neap.frame.core"
local opts = require "neap.opts"

---@class neap.frame
local Frame = core.Frame

local frame = core.frame

-- fn(connection): that of the caller, or one for this call.
local function with(where, source, create, fn)
  local meta = getmetatable(source)
  if type(meta) == "table" and meta.__name == "neap.sql" then return fn(source) end
  opts.expect(where, "the URL", source, "string")
  local db <close> = require("neap.sql").open(source, { create = create })
  return fn(db)
end

--- The rows that a query gives. `source` is a URL (`sqlite:bars.db`, `postgresql://host/base`) or
--- an open `sql` connection; `values` take the place of `$1`, `$2`, ... Types and NULL as in
--- `db:query` of the module `sql`; `time` names columns that hold times as text or integers.
---     pcall(frame.read_sql, "sqlite:/nowhere.db", "SELECT 1") --> false, ...
---@param source string|neap.sql.connection
---@param query string
---@param values? table
---@param o? { time: string|string[] }
---@return neap.frame
function frame.read_sql(source, query, values, o)
  o = opts.merge("frame.read_sql", { time = opts.none }, o)
  return with("frame.read_sql", source, false,
    function(db) return db:query(query, values, o) end)
end

--- Write the frame into a table of a database, all or nothing, as `db:write` of the module `sql`
--- does; a SQLite file that is not there is made.
---     pcall(frame.new({ { "x", { 1 } } }).write_sql, nil, "sqlite::memory:", "t") --> false, ...
---@param source string|neap.sql.connection
---@param name string table, or schema.table
---@param o? { mode: "create"|"append"|"replace" }
function Frame:write_sql(source, name, o)
  core.state_of(self, "frame:write_sql")
  return with("frame:write_sql", source, true,
    function(db) return db:write(name, self, o) end)
end

local function quoted(names)
  local out = {}
  for i, name in ipairs(names) do out[i] = '"' .. name:gsub('"', '""') .. '"' end
  return table.concat(out, ", ")
end

--- The rows of a Parquet file, or of all that a pattern such as `data/*.parquet` names, through
--- DuckDB (see the module `sql`: an error says how to install it). `columns` names those to read,
--- in order. Decimals become f64; nested types are an error.
---     pcall(frame.read_parquet, "/nowhere.parquet") --> false, ...
---@param path string
---@param o? { columns: string[], time: string|string[] }
---@return neap.frame
function frame.read_parquet(path, o)
  o = opts.merge("frame.read_parquet", { columns = opts.none, time = opts.none }, o)
  opts.expect("frame.read_parquet", "the path", path, "string")
  local what = o.columns and quoted(o.columns) or "*"
  return with("frame.read_parquet", "duckdb:", false, function(db)
    return db:query(("SELECT %s FROM read_parquet($1)"):format(what), { path }, { time = o.time })
  end)
end

--- Write the frame as a Parquet file, compressed by zstd, through DuckDB; it appears whole or not
--- at all.
---     pcall(frame.new({ { "x", { 1 } } }).write_parquet, nil, "x.parquet") --> false, ...
---@param path string
function Frame:write_parquet(path)
  core.state_of(self, "frame:write_parquet")
  opts.expect("frame:write_parquet", "the path", path, "string")
  with("frame:write_parquet", "duckdb:", true, function(db)
    db:write("rows", self)
    local temporary = path .. ".tmp"
    local written, message = pcall(db.execute, db,
      ("COPY rows TO '%s' (FORMAT parquet, COMPRESSION zstd)"):format(
        (temporary:gsub("'", "''"))))
    if written then written, message = os.rename(temporary, path) end
    if written then return end
    os.remove(temporary)
    opts.raise("frame:write_parquet: '%s' cannot be written: %s", path, tostring(message))
  end)
end
