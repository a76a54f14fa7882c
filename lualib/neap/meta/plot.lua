---@meta neap.c.plot
local c = {}

--- PNG bytes of an SVG document at `scale` pixels per unit; raises when librsvg is not installed.
---@param text string
---@param scale number
---@return string
function c.png(text, scale) end

--- The same as sixels, escape sequences that some terminals draw.
---@param text string
---@param scale number
---@return string
function c.sixel(text, scale) end

--- Bytes as base64 text (RFC 4648), padded.
---@param bytes string
---@return string
function c.base64(bytes) end

return c
