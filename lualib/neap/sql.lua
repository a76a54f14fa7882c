--- SQL databases: SQLite files, PostgreSQL servers, DuckDB; results as frames. A URL says which:
--- `sqlite:bars.db`, `sqlite:///bars.db` (four slashes before an absolute path), `sqlite::memory:`,
--- `postgresql://user:password@host:5432/base`, `duckdb:bars.duckdb`, `duckdb:` in memory. What a
--- URL leaves out libpq takes from PGHOST, PGUSER, PGPASSWORD and their kin. The client libraries
--- are opened on first use; Debian has no package of DuckDB's, so NEAP_DUCKDB may name the file of
--- libduckdb.so, from duckdb.org or the npm package @duckdb/node-bindings-linux-x64.
---
--- Values go into a statement as parameters, never by gluing text: `$1`, `$2`, ... (in SQLite also
--- `?`), given as an array; with nil among them it needs its length as `n`.
local c = require "neap.c.sql"
local core = require "neap.frame.core"
require "neap.frame" -- what queries give has its methods
local opts = require "neap.opts"

local sql = {}

---@class neap.sql.connection
local Connection = { __name = "neap.sql" }
Connection.__index = Connection

--- Connect. A SQLite file must exist unless `create` is true. `db:close()`, `<close>` and the
--- collector end the connection; a transaction that is still open is undone.
---     local db = sql.open "sqlite::memory:"
---     db:query("SELECT 1 + $1 AS two", { 1 }).two[1] --> 2
---@param url string
---@param o? { create: boolean }
---@return neap.sql.connection
function sql.open(url, o)
  o = opts.merge("sql.open", { create = false }, o)
  opts.expect("sql.open", "the URL", url, "string")
  return setmetatable({ handle = c.open(url, o.create), depth = 0 }, Connection)
end

-- Parameters and how many.
local function parameters(where, values)
  if values == nil then return {}, 0 end
  if type(values) ~= "table" then
    opts.raise("%s: parameters are an array, got %s", where, type(values))
  end
  return values, values.n or #values
end

--- Run one statement that gives rows: a frame. Columns are bool, i64, f64, time (UTC) or category,
--- by what the database says; in SQLite by the values, and columns declared with DATE, TIME or BOOL
--- hold times and truths. NULL is NaN, NaT or no text; integers with NULL become f64, unless they
--- are beyond 2^53, which is an error. `time` names columns that are times although the database
--- knows them as text, or as integers since 1970 (s, ms, us or ns by magnitude).
---     local db = sql.open "sqlite::memory:"
---     db:query("SELECT 1700000000 AS t", {}, { time = "t" }):dtype "t" --> time
---@param text string
---@param values? table
---@param o? { time: string|string[] }
---@return neap.frame
function Connection:query(text, values, o)
  o = opts.merge("sql.query", { time = opts.none }, o)
  opts.expect("sql.query", "the statement", text, "string")
  local given, count = parameters("sql.query", values)
  local times = type(o.time) == "string" and { o.time } or o.time
  return core.of_columns("sql.query", c.query(self.handle, text, given, count, times))
end

--- Run one statement for what it does, and return how many rows it changed. In SQLite a text
--- without parameters may hold several.
---     local db = sql.open "sqlite::memory:"
---     db:execute "CREATE TABLE t (x REAL); INSERT INTO t VALUES (1.5), (2.5)" --> 2
---@param text string
---@param values? table
---@return integer
function Connection:execute(text, values)
  opts.expect("sql.execute", "the statement", text, "string")
  return c.execute(self.handle, text, parameters("sql.execute", values))
end

--- Call fn(db) so that all it does is kept, or none: it is undone when fn raises, and the error
--- goes on. Inside another transaction it is part of that one. Returns what fn returns.
---     local db = sql.open "sqlite::memory:"
---     db:execute "CREATE TABLE t (x REAL)"
---     pcall(db.transaction, db, function() db:execute "INSERT INTO t VALUES (1)" error "no" end)
---     db:query("SELECT count(*) AS n FROM t").n[1] --> 0
---@param fn fun(db: neap.sql.connection): any
---@return any
function Connection:transaction(fn)
  if self.depth > 0 then return fn(self) end
  c.execute(self.handle, c.dialect(self.handle) == "sqlite" and "BEGIN IMMEDIATE" or "BEGIN", {}, 0)
  self.depth = 1
  local results = table.pack(pcall(fn, self))
  self.depth = 0
  if not results[1] then
    pcall(c.execute, self.handle, "ROLLBACK", {}, 0)
    error(results[2], 0)
  end
  c.execute(self.handle, "COMMIT", {}, 0)
  return table.unpack(results, 2, results.n)
end

-- Writing frames ----------------------------------------------------------------------------------

local types = {
  sqlite = { number = "REAL", integer = "INTEGER", bool = "BOOLEAN", time = "TIMESTAMP",
    category = "TEXT" },
  postgresql = { number = "DOUBLE PRECISION", integer = "BIGINT", bool = "BOOLEAN",
    time = "TIMESTAMPTZ", category = "TEXT" },
  duckdb = { number = "DOUBLE", integer = "BIGINT", bool = "BOOLEAN", time = "TIMESTAMP_NS",
    category = "VARCHAR" },
}

local function kind_of(column)
  if column.kind ~= "number" then return column.kind end
  local dtype = column.tensor.dtype
  if dtype == "bool" then return "bool" end
  return (dtype == "f64" or dtype == "f32") and "number" or "integer"
end

local function quoted(name) return '"' .. name:gsub('"', '""') .. '"' end

local function quoted_table(name)
  local schema, rest = name:match "^([^.]*)%.(.*)$"
  if schema then return quoted(schema) .. "." .. quoted(rest) end
  return quoted(name)
end

local function definition(db, name, state)
  local parts, names = {}, types[c.dialect(db.handle)]
  for i, column_name in ipairs(state.names) do
    parts[i] = quoted(column_name) .. " " .. names[kind_of(state.columns[column_name])]
  end
  return ("CREATE TABLE %s (%s)"):format(quoted_table(name), table.concat(parts, ", "))
end

local modes = { create = true, append = true, replace = true }

--- Write a frame into a table, all of it or nothing: `mode` "create" makes the table (an error when
--- it is there), "replace" drops an old one first, "append" adds rows to columns of the same names.
--- Missing values become NULL; times are UTC, in SQLite as text of ISO 8601, in PostgreSQL as
--- TIMESTAMPTZ, which holds microseconds: times with nanoseconds are an error there.
---     local db = sql.open "sqlite::memory:"
---     db:write("bars", frame.new { { "close", { 1.5, 2.5 } } })
---     db:query("SELECT sum(close) AS s FROM bars").s[1] --> 4.0
---@param name string table, or schema.table
---@param f neap.frame
---@param o? { mode: "create"|"append"|"replace" }
function Connection:write(name, f, o)
  o = opts.merge("sql.write", { mode = "create" }, o)
  opts.expect("sql.write", "the table", name, "string")
  if not modes[o.mode] then
    opts.unknown("sql.write", "mode", tostring(o.mode), { "append", "create", "replace" })
  end
  local state = core.state_of(f, "sql.write")
  if #state.names == 0 then opts.raise "sql.write: the frame has no columns" end
  local kinds, tensors, labels = {}, {}, {}
  for i, column_name in ipairs(state.names) do
    local column = state.columns[column_name]
    kinds[i], tensors[i], labels[i] = kind_of(column), column.tensor, column.labels or false
  end
  return self:transaction(function()
    if o.mode == "replace" then self:execute("DROP TABLE IF EXISTS " .. quoted_table(name)) end
    if o.mode ~= "append" then self:execute(definition(self, name, state)) end
    c.insert(self.handle, name, state.names, kinds, tensors, labels)
  end)
end

--- "sqlite", "postgresql" or "duckdb": what kind of SQL the other side speaks.
---     sql.open("sqlite::memory:"):dialect() --> sqlite
---@return string
function Connection:dialect() return c.dialect(self.handle) end

--- End the connection; once more is fine.
---     local db = sql.open "sqlite::memory:"
---     db:close()
---     tostring(db) --> neap.sql (closed)
function Connection:close() c.close(self.handle) end

Connection.__close = Connection.close

function Connection.__tostring(self)
  local ok, dialect = pcall(c.dialect, self.handle)
  return ("neap.sql (%s)"):format(ok and dialect or "closed")
end

return sql
