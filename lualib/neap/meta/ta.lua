---@meta neap.c.ta
local c = {}
---@class neap.ta.stream
local stream = {}

--- The names of all indicators, by family.
---@return string[]
function c.list() end

--- One row of the table: name, title, talib, low, high, inputs, outputs, units, params.
---@param name string
---@return table
function c.info(name) end

--- Number of NaN that the outputs start with.
---@param name string
---@param params number[] in the order of the table
---@return integer
function c.lookback(name, params) end

--- The indicator over whole series; one f64 tensor for each output.
---@param name string
---@param params number[] in the order of the table
---@param ... neap.tensor the inputs, in the order of the table, of one length
---@return neap.tensor ...
function c.run(name, params, ...) end

--- x / y - offset element by element; NaN where that is not finite.
---@param x neap.tensor
---@param y neap.tensor
---@param offset number
---@return neap.tensor
function c.relative(x, y, offset) end

--- The indicator for one bar after another.
---@param name string
---@param params number[] in the order of the table
---@return neap.ta.stream
function c.stream(name, params) end

--- Take one bar, a number or a table of numbers by column name; give the new outputs. A missing bar
--- (NaN) gives NaN and changes nothing.
---     local s = ta.stream("sma", { period = 2 })
---     s:push(1)
---     s:push(3) --> 2.0
---@param bar number|table
---@return number ...
function stream:push(bar) end

return c
