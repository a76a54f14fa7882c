---@meta neap.c.frame
local c = {}

--- The SHA-256 of texts and tensors (dtype, sizes, elements), as 64 hexadecimal digits.
---@param parts table
---@return string
function c.fingerprint(parts) end

return c
