---@meta neap.c.config
local c = {}

--- What stands for null in decoded YAML, since a table cannot hold nil.
---@type lightuserdata
c.null = nil

--- YAML text as a Lua value, and a parallel tree of marks: `line`, `column`, the `text` of a scalar,
--- and in `at` the marks of what a list or map holds. `name` stands for the file in messages.
---@param text string
---@param name string
---@return any value
---@return table mark
function c.yaml(text, name) end

--- A float from text, the same under every locale; nil when the text is no number.
---@param text string
---@return number?
function c.number(text) end

--- An integer from text; nil when the text is none or does not fit in 64 bits.
---@param text string
---@return integer?
function c.integer(text) end

--- The shortest text that reads back as the same number.
---@param value number
---@return string
function c.text(value) end

--- The environment variables whose names begin with `prefix`.
---@param prefix string
---@return table<string, string>
function c.environment(prefix) end

return c
