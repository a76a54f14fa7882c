---@meta neap.c.ta
local c = {}
---@class neap.ta.stream
local stream = {}
---@class neap.ta.plan
local plan = {}
---@class neap.ta.plan_stream
local plan_stream = {}

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

--- Columns over the same bars, computed together. Sources: { name = an indicator, "hour", "weekday",
--- "day_of_year" or "trend", params, frame (0, or a place in steps), mean (the source that divides
--- flows), on_volume }. Columns: { source, output, shape = "plain", "price", "spread", "square",
--- "flow" or "volume" }.
---@param sources table[]
---@param columns table[]
---@param steps integer[] lengths of the time frames, ns
---@param time_zone? string of hour, weekday and day_of_year
---@param first integer where "trend" is 0, ns
---@param span integer how much later it is 1, ns
---@return neap.ta.plan
function c.plan(sources, columns, steps, time_zone, first, span) end

--- x compared with the other rows of its group: "rank", "zscore" or "demean".
---@param x neap.tensor
---@param kind string
---@param start neap.tensor i64, where groups start in order, from 0, and the number of rows
---@param order neap.tensor i64, rows by group, from 0
---@return neap.tensor
function c.cross(x, kind, start, order) end

--- What a column holds: warm_up, missing, infinite, outside, first_outside (a row from 1, 0 for
--- none), smallest, largest. Warm-up are the NaN before the first number of each group.
---@param x neap.tensor
---@param low number
---@param high number
---@param start? neap.tensor i64, as for cross
---@param order? neap.tensor i64
---@return table
function c.survey(x, low, high, start, order) end

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

--- All columns over whole series, one f64 tensor each.
---@param bars table<string, neap.tensor> the columns that sources read
---@param time? neap.tensor i64
---@param cadence? integer ns, how long a bar lasts; for time frames
---@param start? neap.tensor i64, where groups start in order, from 0, and the number of rows
---@param order? neap.tensor i64, rows by group, from 0
---@return neap.tensor[]
function plan:run(bars, time, cadence, start, order) end

--- The columns for one bar after another.
---@param cadence? integer ns, how long a bar lasts; for time frames
---@return neap.ta.plan_stream
function plan:stream(cadence) end

--- Put the columns for a new bar, a table of numbers, into row, which is returned.
---@param bar table
---@param row number[]
---@return number[]
function plan_stream:push(bar, row) end

return c
