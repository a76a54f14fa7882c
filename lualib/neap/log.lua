--- Lines about what a program does: `log.info("tree grown", { leaves = 31 })`.
---
--- Each line has a time, a level, a text and named values (sorted by name), goes to standard error
--- unless `log.to` says otherwise, and is dropped below the level that `log.level` or the
--- environment variable NEAP_LOG sets ("info" if none does). A line that cannot be written is lost
--- without an error: a log must not end the work it tells of.
local c = require "neap.c.log"
local opts = require "neap.opts"

local log = {}

local plain = { number = true, string = true, boolean = true }

local function emit(level, text, fields)
  if not c.enabled(level) then return end
  if fields ~= nil and type(fields) ~= "table" then
    opts.raise("log.%s: fields must be a table of names and values, got %s", level, type(fields))
  end
  local names, flat = {}, {}
  for name in pairs(fields or {}) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for i, name in ipairs(names) do
    local value = fields[name]
    if value == nil then value = fields[tonumber(name)] end
    flat[2 * i - 1], flat[2 * i] = name, plain[type(value)] and value or tostring(value)
  end
  c.emit(level, tostring(text), table.unpack(flat, 1, 2 * #names))
end

--- A line for whoever looks for a fault.
---     pcall(log.debug, "split", { gain = 0.25 }) --> true
---@param text string
---@param fields? table<string, any>
function log.debug(text, fields) return emit("debug", text, fields) end

--- A line about the normal course of things.
---     pcall(log.info, "not shown when the level is warn") --> true
---@param text string
---@param fields? table<string, any>
function log.info(text, fields) return emit("info", text, fields) end

--- A line about something that may be wrong.
---     pcall(log.warn, "gap in the data", { bars = 3 }) --> true
---@param text string
---@param fields? table<string, any>
function log.warn(text, fields) return emit("warn", text, fields) end

--- A line about something that went wrong; it raises nothing.
---     pcall(log.error, "order book out of step", { symbol = "BTC" }) --> true
---@param text string
---@param fields? table<string, any>
function log.error(text, fields) return emit("error", text, fields) end

--- Set the lowest level that is written: "debug", "info", "warn", "error" or "off". Returns it.
---     log.level "warn" --> warn
---@param name? string
---@return string
function log.level(name) return c.level(name) end

--- Write lines as JSON objects, one a line (NaN and infinities become null). Returns the setting.
---     log.json(false) --> false
---@param on? boolean
---@return boolean
function log.json(on) return c.json(on) end

--- Send lines to the end of a file, to an open io handle, or, without argument, to standard error.
---     pcall(log.to, "/dev/null") --> true
---@param destination? string|file*
function log.to(destination) return c.to(destination) end

local level = os.getenv "NEAP_LOG"
if level and level ~= "" then c.level(level) end

return log
