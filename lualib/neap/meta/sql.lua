---@meta neap.c.sql
local c = {}

---@class neap.sql.handle

--- Connect to "sqlite:PATH", "postgresql://..." or "duckdb:PATH".
---@param url string
---@param create boolean make a missing SQLite file
---@return neap.sql.handle
function c.open(url, create) end

--- End a connection; once more is fine.
---@param handle neap.sql.handle
function c.close(handle) end

--- Run a statement: columns { name, kind, tensor, labels }.
---@param handle neap.sql.handle
---@param text string
---@param values table
---@param count integer
---@param times? string[] columns that hold times
---@return table[]
function c.query(handle, text, values, count, times) end

--- Run a statement; rows changed.
---@param handle neap.sql.handle
---@param text string
---@param values table
---@param count integer
---@return integer
function c.execute(handle, text, values, count) end

--- Append rows to a table.
---@param handle neap.sql.handle
---@param table string
---@param names string[]
---@param kinds string[]
---@param tensors neap.tensor[]
---@param labels table string[] or false for each column
function c.insert(handle, table, names, kinds, tensors, labels) end

--- "sqlite", "postgresql" or "duckdb".
---@param handle neap.sql.handle
---@return string
function c.dialect(handle) end

return c
