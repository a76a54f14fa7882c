---@meta neap.c.host
local c = {}

---@class neap.edit
local edit = {}

--- Let the user edit one line after `prompt`.
---@param prompt string
---@return string? line several lines when text was pasted; nil at the end of the input and after Ctrl-C
---@return "end"|"interrupted"|nil event
function edit:read(prompt) end

--- Make `text` the newest item of the history.
---@param text string
function edit:remember(text) end

--- Give the terminal back.
function edit:close() end

--- Call `f(...)` open to Ctrl-C: "done" and its results, or "failed" or "interrupted" and a table
--- with `message`, `traceback`, `source`, `line`, `called`.
---@param f function
---@return "done"|"failed"|"interrupted"
function c.call(f, ...) end

--- Width of the terminal behind descriptor 0, 1 or 2; nil when it is none.
---@param descriptor integer
---@return integer?
function c.columns(descriptor) end

--- Seconds of a clock that only goes forward.
---@return number
function c.clock() end

--- Begin to sample the stack of what runs inside `call`.
---@param period integer microseconds
function c.profile_start(period) end

--- End that; stacks, one line "name<tab>source:line" a frame, innermost first, with their ticks.
---@return table<string, integer>
function c.profile_stop() end

--- A line editor; `completer(text)` is asked on TAB for text to insert and text to show.
---@param completer fun(before: string): string?, string?
---@return neap.edit?
function c.editor(completer) end

return c
