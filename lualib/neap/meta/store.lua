---@meta neap.c.store
local c = {}

---@class neap.store.grid
local grid = {}

--- How an array is cut into chunk files and how these are packed. `packing` is "none", "zstd", "zlib",
--- "gzip" or "blosc", `code` NumPy's of an element without byte order, `order` the dims in their order in a
--- file.
---@param o { path: string, prefix: string?, between: string, chunks: integer[], order: integer[], code: string, big: boolean?, packing: string, level: integer?, sum: boolean, fill: number|boolean }
---@return neap.store.grid
function c.grid(o) end

--- The box from `low` to `high`, both inside, from 1; high = low - 1 for none. Chunks without a file
--- hold `fill`.
---@param low integer[]
---@param high integer[]
---@return neap.tensor
function grid:read(low, high) end

--- Begin to read the box in the background, if there is more than one thread.
---@param low integer[]
---@param high integer[]
---@return neap.store.ahead
function grid:ahead(low, high) end

--- Put x at `low`; durable when it returns.
---@param low integer[]
---@param x neap.tensor
function grid:write(low, x) end

--- Remove the temporary files of processes that are gone.
function grid:sweep() end

--- NumPy's code and our dtype of an element: by its name in Zarr version 3, or by the code; nothing
--- for others.
---@param name string
---@param is_code? boolean
---@return string? code, string? dtype
function c.element(name, is_code) end

---@class neap.store.ahead
local ahead = {}

--- The box, as `grid:read` gives it or fails to; read now if that was not done before.
---@return neap.tensor
function ahead:take() end

--- Read no further, and forget what was read.
function ahead:drop() end

--- Make the names in a folder durable.
---@param path string
function c.sync_folder(path) end

return c
