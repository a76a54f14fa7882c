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

--- Let keys that were read elsewhere be the next that are typed.
---@param keys string
function edit:unread(keys) end

--- Give the terminal back.
function edit:close() end

--- Call `f(...)` open to Ctrl-C: "done" and its results, or "failed" or "interrupted" and a table
--- with `message`, `traceback`, `source`, `line`, `called`.
---@param f function
---@return "done"|"failed"|"interrupted"
function c.call(f, ...) end

--- Width of the terminal behind descriptor 0, 1 or 2, in characters, and in pixels when it tells;
--- nil when it is none.
---@param descriptor integer
---@return integer? columns, integer? pixels
function c.columns(descriptor) end

--- Write `question` to the terminal and wait up to so many milliseconds for its device attributes,
--- `ESC [ ? ... c`: all that came meanwhile, which may hold keys that were typed.
---@param question string
---@param milliseconds integer
---@return string
function c.ask(question, milliseconds) end

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

--- Take over the standard streams for messages, a line each: see runtime/host/wire.h.
function c.wire_open() end

--- The next message, waiting for it: its text, false when it was too long, nil at the end; and its
--- number in order of arrival.
---@return string|false|nil text
---@return integer? number
function c.wire_read() end

--- Write a message, behind all that was printed so far.
---@param text string
function c.wire_write(text) end

--- The id, as JSON text, under which prints go out from now on.
---@param id string
function c.wire_label(id) end

--- Whether an interrupt arrived behind the message of that number.
---@param number integer
---@return boolean
function c.wire_stopped(number) end

--- Give the standard streams back.
function c.wire_close() end

return c
