---@meta neap.c.number
local c = {}

--- The number a text means: an integer where it is one that fits in 64 bits, else a float; nil when
--- it is no number. No spaces, no hexadecimal; nan, inf and infinity in any case.
---@param text string
---@return number?
function c.parse(text) end

--- The shortest text that reads back to the same number, under any locale.
---@param v number
---@return string
function c.print(v) end

--- The number with 17 significant digits, trailing zeros dropped.
---@param v number
---@return string
function c.print_17(v) end

return c
