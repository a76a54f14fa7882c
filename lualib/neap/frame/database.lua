--- Frames in SQL databases; loaded by neap.frame.
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
