---@meta neap.c.store
local c = {}

--- Write one chunk of an array: elements, zstd of `level` (nil = none), CRC-32C behind them.
---@param path string
---@param t neap.tensor
---@param level? integer
---@param crc32c? boolean
function c.write_chunk(path, t, level, crc32c) end

--- Read one chunk; nil when there is no such file.
---@param path string
---@param dtype string
---@param sizes integer[]
---@param level? integer
---@param crc32c? boolean
---@return neap.tensor?
function c.read_chunk(path, dtype, sizes, level, crc32c) end

--- Read one chunk into the contiguous `t`; false when there is no such file.
---@param path string
---@param t neap.tensor
---@param level? integer
---@param crc32c? boolean
---@return boolean
function c.read_chunk_into(path, t, level, crc32c) end

return c
