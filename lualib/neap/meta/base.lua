---@meta neap.c.base
local c = {}

--- The version of neap.
---@type string
c.version = ""

--- A stream of random numbers, counter based: saved by `state`, split by name.
---@class neap.rng
local rng = {}

--- The stream of that name below this one; does not depend on what was drawn.
---     neap.rng(7):split("fold/3"):uniform() ~= neap.rng(7):uniform() --> true
---@param name string
---@return neap.rng
function rng:split(name) end

--- A number in [0, 1).
---     neap.rng(7):uniform() < 1 --> true
---@return number
function rng:uniform() end

--- A standard normal deviate.
---     neap.rng(7):normal() == neap.rng(7):normal() --> true
---@return number
function rng:normal() end

--- An integer from low to high, both included.
---     neap.rng(7):integer(3, 3) --> 3
---@param low integer
---@param high integer
---@return integer
function rng:integer(low, high) end

--- Seed, stream and index of the next draw; with arguments it restores them first.
---     local r = neap.rng(7)
---     local seed, stream, at = r:state()
---     local first = r:uniform()
---     r:state(seed, stream, at)
---     r:uniform() == first --> true
---@param seed? integer
---@param stream? integer
---@param next? integer
---@return integer seed
---@return integer stream
---@return integer next
function rng:state(seed, stream, next) end

--- A random generator from a seed.
---@param seed integer
---@return neap.rng
function c.rng(seed) end

--- Use n threads, 1 to 256, from the next call on.
---     neap.set_threads(2)
---@param n integer
function c.set_threads(n) end

--- Threads in use.
---@return integer
function c.threads() end

--- Bytes held: `live` and `peak` by tensors and the like, `cached` in freed blocks kept for reuse,
--- `lua` by Lua itself.
---@return { live: integer, peak: integer, cached: integer, lua: integer }
function c.memory() end

--- Give freed blocks that are kept for reuse back to the system; how many bytes they had.
---@return integer
function c.trim() end

--- Error positions skip the files below this folder.
---@param folder string
function c.library(folder) end

--- Raise text at the nearest line outside the library.
---@param text string
function c.raise(text) end

--- What kind of value that is: a type of Lua, or the class of an object ("tensor", "frame").
---@param value any
---@return string
function c.kind(value) end

--- Whether Ctrl-C was pressed and not yet answered.
---@return boolean
function c.interrupted() end

--- Call f; whether it ended by itself and not by Ctrl-C. Other errors pass.
---@param f function
---@return boolean
function c.until_interrupt(f) end

--- Whether a descriptor (0 input, 1 output, 2 errors) is a terminal.
---@param descriptor integer
---@return boolean
function c.is_terminal(descriptor) end

return c
