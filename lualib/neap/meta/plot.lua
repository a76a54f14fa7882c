---@meta neap.c.plot
local c = {}

--- PNG bytes of an SVG document at `scale` pixels per unit; raises when librsvg is not installed.
---@param text string
---@param scale number
---@return string
function c.png(text, scale) end

return c
