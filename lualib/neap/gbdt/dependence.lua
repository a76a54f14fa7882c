--- How predictions move with a feature; loaded by neap.gbdt.
local categories = require "neap.gbdt.categories"
local opts = require "neap.opts"
local tensor = require "neap.tensor"
local words = require "neap.gbdt.words"

---@class neap.gbdt.Model
local Model = require "neap.gbdt.model"

-- the grid ----------------------------------------------------------------------------------------

-- At most n values: all that occur when they are few or categories, else quantiles.
local function quantiles(where, model, values, f, n)
  values = values[values:isfinite()]
  if #values == 0 then
    opts.raise("%s: feature '%s' has no finite values in x; give the grid", where,
      model.feature_names[f])
  end
  local all = values:unique()
  if #all <= n or (model.levels and model.levels[f]) then return all end
  local q = {}
  for i = 1, n do q[i] = n > 1 and (i - 1) / (n - 1) or 0.5 end
  return values:quantile(q):unique()
end

-- Numbers as given; texts as the codes of their levels.
local function coded(where, model, f, list)
  local levels, codes, out = model.levels and model.levels[f] or {}, {}, {}
  for i, text in ipairs(levels) do codes[text] = i - 1 end
  for i, v in ipairs(list) do
    if type(v) == "string" and not codes[v] then
      opts.unknown(where, "category of '" .. model.feature_names[f] .. "'", v,
        table.move(levels, 1, #levels, 1, {}))
    end
    out[i] = codes[v] or v
  end
  return tensor.of(out, { dtype = "f64" })
end

local function grid_of(where, model, values, f, wanted)
  if words.is_tensor(wanted) then wanted = wanted:to("f64"):reshape(-1):totable() end
  if type(wanted) == "table" then
    if #wanted == 0 then opts.raise("%s: option 'grid' holds no values", where) end
    return coded(where, model, f, wanted)
  end
  return quantiles(where, model, values, f, opts.integer(where, "option 'grid'", wanted, 1))
end

-- predictions -------------------------------------------------------------------------------------

local function kind_of(where, model, kind)
  if kind == nil then return model.classes and "proba" or "value" end
  if kind ~= "raw" and kind ~= "proba" and kind ~= "value" then
    opts.unknown(where, "kind", kind, { "raw", "proba", "value" })
  end
  if (kind == "proba") ~= (model.classes ~= nil) and kind ~= "raw" then
    opts.raise("%s: kind '%s' is not for a model of %s", where, kind,
      model.classes and "classes" or "values")
  end
  return kind
end

local core_kinds = { raw = "raw", proba = "probability", value = "value" }

-- N, or N x K for more than two classes.
local function predicted(model, rows, kind)
  local p = model.core:predict(rows, core_kinds[kind], 0)
  if kind == "proba" and #model.classes == 2 then return p[{ {}, 2 }] end
  return p
end

local function weights_of(where, w, rows)
  if type(w) == "table" then w = tensor.of(w) end
  if w ~= nil and (not words.is_tensor(w) or #w ~= #rows) then
    opts.raise("%s: weights must be one number per row of x", where)
  end
  return w and w:to "f64"
end

-- A copy of the rows, and the options; `defaults` are those that a function has of its own.
local function setup(where, model, x, defaults, o)
  defaults.grid, defaults.kind, defaults.weights = 20, opts.none, opts.none
  o = opts.merge(where, defaults, o)
  local rows = categories.inputs(model, where, x)
  if not words.is_tensor(rows) or rows:dim() ~= 2 or #rows == 0 then
    opts.raise("%s: x must be a matrix of at least one row", where)
  end
  o.kind, o.weights = kind_of(where, model, o.kind), weights_of(where, o.weights, rows)
  return rows:clone(), o
end

-- partial dependence ------------------------------------------------------------------------------

--- Mean predictions over a grid; prints as a table.
---@class neap.gbdt.Dependence
---@field features string[]
---@field grid neap.tensor G values, or two such tensors for two features
---@field mean neap.tensor G, or G x K for several outputs; G1 x G2 (x K) for two features
---@field kind string
local Dependence = { __name = "neap.gbdt.Dependence" }
Dependence.__index = Dependence

-- Mean over the rows: a number, or a tensor of the other dims.
local function mean_over(p, weights)
  if not weights then return p:dim() > 1 and p:mean(1) or p:mean() end
  if p:dim() == 1 then return (p * weights):sum() / weights:sum() end
  local w = weights:reshape(#weights, table.unpack({ 1, 1 }, 1, p:dim() - 1))
  return (p * w):sum(1) / weights:sum()
end

-- fn(i) for each value of the grid, the column f set to it.
local function along(rows, f, grid, fn)
  local kept = rows[{ {}, f }]:clone()
  for i = 1, #grid do
    rows[{ {}, f }] = grid:get(i)
    fn(i)
  end
  rows[{ {}, f }] = kept
end

local function joined(list)
  if type(list[1]) == "number" then return tensor.of(list, { dtype = "f64" }) end
  return tensor.stack(list, 1)
end

--- The mean prediction over the rows of `x` when a feature, or two, is set to each value of a grid
--- (Friedman 2001): { features, grid, mean, kind }, which prints as a table. What it shows is the
--- model, not the world: rows are moved to values that may never occur together with their other
--- features, as when two of them are correlated; `ice` shows what the mean hides.
---
--- `grid` is a number of quantiles of the feature in `x` (20; all values when they are fewer, all
--- categories), or the values; for two features a number or { values, values }. `kind` is "proba"
--- (of the second of two classes; K columns for more), "value" or "raw" scores; by default what
--- `predict_proba` or else `predict` gives. `weights` weigh the rows.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     m:partial_dependence(x, "Column_0", { grid = { -1, 1 } }).mean:gt(0):totable()[2] --> true
---     m:partial_dependence(x, { 1, 2 }, { grid = 5 }).mean.shape[2] --> 5
---@param x neap.tensor|table as for predict
---@param feature string|integer|table a name, a number from 1, or two of them
---@param o? { grid: integer|table, kind: string, weights: neap.tensor }
---@return neap.gbdt.Dependence
function Model:partial_dependence(x, feature, o)
  local where = "gbdt.partial_dependence"
  local rows, options = setup(where, self, x, {}, o)
  local list = type(feature) == "table" and feature or { feature }
  if #list < 1 or #list > 2 then
    opts.raise("%s: one feature or two, got %d", where, #list)
  end
  local at, names, grids = {}, {}, {}
  for i, one in ipairs(list) do
    at[i] = words.feature(self, where, one)
    names[i] = self.feature_names[at[i]]
    local wanted = options.grid
    if #list == 2 and type(wanted) == "table" then wanted = wanted[i] end
    grids[i] = grid_of(where, self, rows[{ {}, at[i] }], at[i], wanted)
  end
  if at[1] == at[2] then opts.raise("%s: feature '%s' is given twice", where, names[1]) end
  local function mean() return mean_over(predicted(self, rows, options.kind), options.weights) end
  local means = {}
  along(rows, at[1], grids[1], function(i)
    if #list == 1 then
      means[i] = mean()
      return
    end
    local inner = {}
    along(rows, at[2], grids[2], function(k) inner[k] = mean() end)
    means[i] = joined(inner)
  end)
  return setmetatable({ features = names, grid = #list == 1 and grids[1] or grids,
    mean = joined(means), kind = options.kind, model = self, at = at }, Dependence)
end

local function cells(d, index, grid)
  local texts = {}
  for i, v in ipairs(grid:totable()) do texts[i] = words.value(d.model, d.at[index], v) end
  return texts
end

local function row_text(width, head, values)
  local texts = { ("%-" .. width .. "s"):format(head) }
  for _, v in ipairs(values) do
    texts[#texts + 1] = type(v) == "string" and ("%12s"):format(v) or ("%12.6g"):format(v)
  end
  return table.concat(texts)
end

local function second_line(d, width)
  if #d.features == 2 then return row_text(width, d.features[1], cells(d, 2, d.grid[2])) end
  local heads = { "mean" }
  for k = 1, d.mean:dim() > 1 and d.mean:size(2) or 0 do
    heads[k] = tostring(d.model.classes and d.model.classes[k] or k)
  end
  return row_text(width, d.features[1], heads)
end

function Dependence.__tostring(d)
  if d.mean:dim() > 2 then
    return ("mean %s over %s and %s: %s"):format(d.kind, d.features[1], d.features[2],
      tostring(d.mean))
  end
  local heads, values = cells(d, 1, #d.features == 2 and d.grid[1] or d.grid), d.mean:totable()
  local width = math.max(13, #d.features[1])
  for _, head in ipairs(heads) do width = math.max(width, #head) end
  width = math.min(width, 60) + 1 -- one very long text does not stretch the rest
  local lines = { ("mean %s over %s"):format(d.kind, table.concat(d.features, " (down) and ")),
    second_line(d, width) }
  for i, head in ipairs(heads) do
    local row = type(values[i]) == "table" and values[i] or { values[i] }
    lines[#lines + 1] = row_text(width, head, row)
  end
  return table.concat(lines, "\n")
end

-- individual curves -------------------------------------------------------------------------------

--- The prediction of each row of `x` when one feature is set to each value of a grid: { feature,
--- grid, curves, mean, kind }, where `curves` is N x G (N x G x K for several outputs) and `mean`,
--- their mean, is the partial dependence (Goldstein et al. 2015). With `centered = true` all curves
--- start at 0, so that their shapes compare. Takes N x G numbers of memory. Other options as for
--- `partial_dependence`.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     m:ice(x, "Column_0", { grid = 7 }).curves.shape[2] --> 7
---@param x neap.tensor|table as for predict
---@param feature string|integer
---@param o? { grid: integer|table, kind: string, centered: boolean, weights: neap.tensor }
---@return table
function Model:ice(x, feature, o)
  local where = "gbdt.ice"
  local rows, options = setup(where, self, x, { centered = false }, o)
  local f, curves = words.feature(self, where, feature), {}
  local grid = grid_of(where, self, rows[{ {}, f }], f, options.grid)
  along(rows, f, grid, function(i) curves[i] = predicted(self, rows, options.kind) end)
  local all = tensor.stack(curves, 2)
  if options.centered then all = all - all[{ {}, { 1, 1 } }] end
  return { feature = self.feature_names[f], grid = grid, curves = all,
    mean = mean_over(all, options.weights), kind = options.kind }
end
