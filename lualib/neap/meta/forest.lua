---@meta neap.c.forest
local c = {}

--- A finished forest: immutable, shared freely.
---@class neap.forest
local forest = {}

--- Predictions of a kind: "value" (N), "probability" (N x classes) or "leaf" (N x trees).
---@param x neap.tensor N x F
---@param kind string
---@return neap.tensor
function forest:predict(x, kind) end

--- Share of trees in which rows of `a` and of `b` reach the same leaf.
---@param a neap.tensor N x F
---@param b neap.tensor M x F
---@return neap.tensor
function forest:proximity(a, b) end

--- Numbers of features, trees, and leaves of all trees.
---@return integer features
---@return integer trees
---@return integer leaves
function forest:sizes() end

--- Labels of the classes, empty for regressions.
---@return integer[]
function forest:classes() end

--- Mean decrease in impurity of each feature in the order of the columns, with sum 1.
---@return number[]
function forest:importance() end

--- What files hold: tensors by name.
---@return table<string, neap.tensor>
function forest:arrays() end

--- A forest that grows.
---@class neap.forester
local forester = {}

--- Grow so many more trees, at most those asked for; how many there are then.
---@param count integer
---@return integer
function forester:grow(count) end

--- What trees say of rows they have not seen: rows x classes, or rows for a regression.
---@return neap.tensor
function forester:oob() end

--- The forest of the trees so far; the forester is of no more use.
---@return neap.forest
function forester:finish() end

--- Start a forest with complete options.
---@param options table
---@param x neap.tensor
---@param y neap.tensor
---@param weights? neap.tensor
---@param chances? neap.tensor of a row to be drawn
---@return neap.forester
function c.forester(options, x, y, weights, chances) end

--- A forest from the tensors that `arrays` gave, checked.
---@param arrays table<string, neap.tensor>
---@return neap.forest
function c.read(arrays) end

return c
