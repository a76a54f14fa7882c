---@meta neap.c.log
local c = {}

--- Whether a line of that level would be written.
---@param level string
---@return boolean
function c.enabled(level) end

--- Write a line: level, text, then names and values in turn. False when it could not be written.
---@param level string
---@param text string
---@param ... string|number|boolean
---@return boolean
function c.emit(level, text, ...) end

--- See `neap.log.level`.
---@param name? string
---@return string
function c.level(name) end

--- See `neap.log.json`.
---@param on? boolean
---@return boolean
function c.json(on) end

--- See `neap.log.to`.
---@param destination? string|file*
function c.to(destination) end

return c
