--- Classes by boundaries; loaded by neap.labels.
local opts = require "neap.opts"
local source = require "neap.labels.source"
local tensor = require "neap.tensor"

local labels = source.labels

local usual = { -0.10, -0.05, -0.02, 0, 0.02, 0.05, 0.10 }

local function check_edges(where, edges)
  if #edges == 0 then opts.raise("%s: edges is empty; at least one boundary is needed", where) end
  for i, edge in ipairs(edges) do
    if type(edge) ~= "number" or edge ~= edge then
      opts.raise("%s: edge %d is %s, a number is expected", where, i, tostring(edge))
    end
    if i > 1 and edge <= edges[i - 1] then
      opts.raise("%s: edge %d is %g, must exceed edge %d, %g", where, i, edge, i - 1, edges[i - 1])
    end
  end
  return edges
end

-- Quantiles that cut the training rows into `bins` parts; equal ones count once.
local function fitted(x, o)
  opts.integer("labels.bins", "bins", o.bins, 2, 10000)
  local part = x:slice(1, o.rows[1], o.rows[2]):to "f64"
  local known = part[part:isfinite()]
  if #known < 2 then
    opts.raise("labels.bins: %d of %d training rows have a value, at least 2 are needed", #known,
      #part)
  end
  local shares, edges = {}, {}
  for i = 1, o.bins - 1 do shares[i] = i / o.bins end
  local lowest = known:min()
  for _, edge in ipairs(known:quantile(shares):totable()) do
    if edge > (edges[#edges] or lowest) then edges[#edges + 1] = edge end
  end
  if #edges == 0 then opts.raise("labels.bins: the training rows all have the value %g", lowest) end
  return edges
end

--- Classes 1, 2, ... by boundaries: class k holds edges[k-1] <= x < edges[k], the first and the
--- last are open-ended, so that every number has exactly one class; NaN stays NaN. `edges` is a
--- rising array; without it the eight classes of returns below -10 %, to -5, -2, 0, 2, 5, 10 %, and
--- above.
---
--- `edges = "auto"` takes the quantiles that cut the rows `rows` = { first, last } (the training
--- part; all when absent) into `bins` (8) classes of as equal size as ties allow; where ties make
--- quantiles equal there are fewer classes. The second result is the edges in force, to be given
--- for later rows; the third names the classes.
---     local y, edges, names = labels.bins(tensor.of { -0.1, -0.02, 0.019, 0.3 })
---     y --> tensor<f64>[4] {2, 4, 5, 8}
---     names[4] --> -2 % to 0 %
---     labels.bins(tensor.of { 1, 2, 3, 4 }, { edges = "auto", bins = 2 }):get(4) --> 2.0
---@param x neap.tensor N returns, or any numbers
---@param o? { edges: number[]|string, bins: integer, rows: integer[] }
---@return neap.tensor y f64, classes from 1
---@return number[] edges
---@return string[] names
function labels.bins(x, o)
  o = opts.merge("labels.bins", { edges = usual, bins = 8, rows = { 1, -1 } }, o)
  opts.expect("labels.bins", "x", x, "tensor")
  if x:dim() ~= 1 then opts.raise("labels.bins: x must have one dim, got %d", x:dim()) end
  local edges
  if o.edges == "auto" then edges = fitted(x, o)
  else
    opts.expect("labels.bins", "edges", o.edges, "table")
    edges = check_edges("labels.bins", table.move(o.edges, 1, #o.edges, 1, {}))
  end
  x = x:to "f64"
  local class = tensor.of(edges, { dtype = "f64" }):searchsorted(x, { right = true }):to "f64"
  return tensor.where(x:isnan(), x, class), edges, labels.bin_names(edges)
end

local function percent(v) return ("%.6g %%"):format(100 * v) end

--- What the classes between edges are called, the edges being shares.
---     table.concat(labels.bin_names { -0.02, 0.02 }, ", ") --> below -2 %, -2 % to 2 %, above 2 %
---@param edges number[]
---@return string[]
function labels.bin_names(edges)
  opts.expect("labels.bin_names", "edges", edges, "table")
  check_edges("labels.bin_names", edges)
  local names = { "below " .. percent(edges[1]) }
  for i = 2, #edges do names[i] = percent(edges[i - 1]) .. " to " .. percent(edges[i]) end
  names[#edges + 1] = "above " .. percent(edges[#edges])
  return names
end
