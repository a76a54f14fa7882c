--- What the estimators made of trees share: names of features, their ranking, files of arrays.
local design = require "neap.design"
local json = require "neap.json"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local estimator = {}

--- Raise unless x is N rows by F features, and names, where there are any, are F texts.
---@param where string the function, for messages
---@param x neap.tensor
---@param names string[]?
function estimator.check_matrix(where, x, names)
  opts.expect(where, "x", x, "tensor")
  if x:dim() ~= 2 then
    opts.raise("%s: x must be rows by features, got %d dimensions", where, x:dim())
  end
  design.check_names(where, names, x:size(2))
end

--- LightGBM's names of features that have none: "Column_0" and so on.
---@param columns integer
---@return string[]
function estimator.column_names(columns)
  local names = {}
  for i = 1, columns do names[i] = "Column_" .. i - 1 end
  return names
end

--- An array of { name =, value =, column = }, largest value first, ties in the order of columns.
---@param names string[]
---@param values number[]
---@return { name: string, value: number, column: integer }[]
function estimator.ranked(names, values)
  local out = {}
  for i, v in ipairs(values) do out[i] = { name = names[i], value = v, column = i } end
  table.sort(out, function(a, b)
    if a.value ~= b.value then return a.value > b.value end
    return a.column < b.column
  end)
  return out
end

-- files -----------------------------------------------------------------------------------------

--- Raise unless path ends in .safetensors.
---@param where string the function, for messages
---@param path any
function estimator.check_path(where, path)
  if type(path) ~= "string" or not path:find "%.safetensors$" then
    opts.raise("%s: '%s' does not end in .safetensors", where, tostring(path))
  end
end

--- Write arrays by name with texts by name and the names of features.
---@param path string
---@param arrays table<string, neap.tensor>
---@param texts table<string, string> `format` among them
---@param names string[]
function estimator.save(path, arrays, texts, names)
  texts.feature_names = json.encode(names)
  tensor.save(path, arrays, { metadata = texts })
end

--- Read what `save` wrote; raises unless it has that format.
---@param where string the function, for messages
---@param path string
---@param format string
---@param what string what such a file holds, for messages
---@return table<string, neap.tensor> arrays
---@return table<string, string> texts
function estimator.load(where, path, format, what)
  local arrays, _, texts = tensor.load(path)
  if type(arrays) ~= "table" or not texts or texts.format ~= format then
    opts.raise("%s: '%s' holds no %s", where, path, what)
  end
  return arrays, texts
end

--- The names of features in the texts of a file.
---@param where string the function, for messages
---@param path string
---@param texts table<string, string>
---@param columns integer
---@return string[]
function estimator.names_in(where, path, texts, columns)
  local names = json.decode(texts.feature_names or "", path)
  if type(names) ~= "table" or #names ~= columns then
    opts.raise("%s: '%s' has no name for each feature", where, path)
  end
  return names
end

return estimator
