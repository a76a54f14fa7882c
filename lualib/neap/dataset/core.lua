--- What the files of neap.dataset share: the module's table, the class, and how rows are chosen.
local category = require "neap.frame.category"
local class = require "neap.class"
local opts = require "neap.opts"

local core = { dataset = {} }

--- Rows of features with labels, and when each is known. Datasets do not change: methods give new
--- ones, which share memory where they can. Rows are in time order.
---@class neap.dataset
---@field x neap.tensor N x F features, NaN = missing
---@field y neap.tensor? N labels, NaN = missing
---@field w neap.tensor? N weights
---@field names string[] of the features
---@field times neap.tensor? i64, the stamp of each row
---@field symbols neap.category? the series that each row belongs to
---@field known_at neap.tensor? i64, when the features of each row are known
---@field label_known_at neap.tensor? i64, when the label is known, NaT where it never is
---@field classes number[]? what y may hold, in rising order
---@field bar neap.tensor i64, the row's number in its series when the dataset was made
local Dataset = class "neap.dataset"
core.Dataset = Dataset

-- Fields with one element (of x one row) for each row. label_first and label_last are the bars that
-- the label spans in its series, 1 and 0 where there is no label.
core.per_row = { "x", "y", "w", "times", "known_at", "label_known_at", "bar", "label_first",
  "label_last" }

function core.is(D) return class.is(D, Dataset) end

function core.check(where, D)
  if not core.is(D) then opts.raise("%s: a dataset is expected, got %s", where, opts.kind(D)) end
end

class.strict(Dataset, "dataset",
  { "x", "y", "w", "names", "times", "symbols", "known_at", "label_known_at", "classes", "bar",
    "label_first", "label_last", "unmatched" },
  { head = "D:rows(1, n)", tail = "D:rows(-n, -1)", features = "D.names, or D.x for the values",
    columns = "D.names", labels = "D.y", label = "D.y", target = "D.y", weights = "D.w",
    shape = "D.x:size()", iloc = "D:rows(a, b)", sample_weight = "D.w" })

--- The dataset with the given fields in place of its own.
function core.with(D, fields)
  local out = setmetatable({}, Dataset)
  for name, value in next, D do out[name] = value end
  for name, value in next, fields do out[name] = value end
  return out
end

--- The dataset with fn(tensor) in place of each tensor of rows.
function core.map(D, fn)
  local out = core.with(D, {})
  for _, name in ipairs(core.per_row) do
    if out[name] then out[name] = fn(out[name]) end
  end
  if D.symbols then out.symbols = category.of_codes(fn(D.symbols.codes), D.symbols.labels) end
  return out
end

--- The dataset with its weights multiplied by a factor for each row.
function core.weighted(D, factor)
  return core.with(D, { w = D.w and D.w * factor or factor })
end

return core
