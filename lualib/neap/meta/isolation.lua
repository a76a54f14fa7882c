---@meta neap.c.isolation
local c = {}

--- A finished isolation forest: immutable, shared freely.
---@class neap.isolation
local isolation = {}

--- Scores of rows, larger for the more anomalous.
---@param x neap.tensor N x F
---@return neap.tensor
function isolation:score(x) end

--- The score of one row.
---@param x neap.tensor F numbers
---@return number
function isolation:score_row(x) end

--- Numbers of columns, trees, rows that a tree was made of, coordinates of a hyperplane (0: none).
---@return integer columns
---@return integer trees
---@return integer samples
---@return integer width
function isolation:sizes() end

--- What files hold: tensors by name.
---@return table<string, neap.tensor>
function isolation:arrays() end

--- Fit with complete options.
---@param options table
---@param x neap.tensor
---@return neap.isolation
function c.fit(options, x) end

--- A model from the tensors that `arrays` gave and numbers of `sizes`, checked.
---@param arrays table<string, neap.tensor>
---@param columns integer
---@param samples integer
---@param width integer
---@return neap.isolation
function c.read(arrays, columns, samples, width) end

return c
