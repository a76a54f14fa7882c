--- Memory of a fit, known before it starts; loaded by neap.gbdt.
local c = require "neap.c.tree"
local design = require "neap.design"
local opts = require "neap.opts"
local params = require "neap.gbdt.params"

local gbdt = require "neap.gbdt.module"

local memory = {}

local Parts = {}
local order = { "bins", "scores", "gradients", "histograms", "trees", "valid", "passing", "total" }

local factors = { [""] = 1, B = 1, KB = 1e3, MB = 1e6, GB = 1e9, TB = 1e12 }
local units = { "kB", "MB", "GB", "TB" }

--- Bytes in words.
---     require("neap.gbdt.memory").text(1500000) --> 1.5 MB
---@param bytes integer
---@return string
function memory.text(bytes)
  if bytes < 1000 then return ("%d bytes"):format(bytes) end
  local v, unit = bytes, ""
  for _, name in ipairs(units) do
    if v < 1000 then break end
    v, unit = v / 1000, name
  end
  return ("%.3g %s"):format(v, unit)
end

function Parts.__tostring(parts)
  local lines = {}
  for i, name in ipairs(order) do
    lines[i] = ("%-10s  %12s"):format(name, memory.text(parts[name]))
  end
  return table.concat(lines, "\n")
end

--- What the option max_memory says in bytes: a number, or text such as "2GB" or "500 MB".
---@param v any
---@return integer?
function memory.limit(v)
  if v == nil then return nil end
  local number, unit = v, ""
  if type(v) == "string" then
    number, unit = v:match "^%s*([%d.]+)%s*(%a*)%s*$"
    number = tonumber(number)
  end
  local factor = factors[(unit or ""):upper()]
  local good = type(number) == "number" and factor and number > 0 and number * factor <= 2 ^ 53
  if not good then
    opts.raise("gbdt.fit: max_memory is '%s', a number of bytes or text like '2GB' is expected",
      tostring(v))
  end
  return math.floor(number * factor)
end

local sorts = { auc = true, average_precision = true }

local function sizes(x)
  if type(x) == "userdata" and x:dim() == 2 then return x:size(1), x:size(2) end
  return #x, type(x) == "table" and type(x[1]) == "table" and #x[1] or 1
end

local function rows_of(set) return (sizes(set.x or set[1])) end

local function count(list)
  if type(list) == "table" then return #list end
  return list == nil and 0 or 1
end

local function trees_per_iteration(o, y)
  if o.quantiles then return #o.quantiles end
  if o.objective ~= "multiclass" and o.objective ~= "multiclassova" then return 1 end
  if o.num_class then return o.num_class end
  if y == nil then opts.raise "gbdt.memory: several classes need num_class" end
  return #y:unique()
end

--- The parts of complete options' fit on so many rows and features, with labels y where known.
---@param o table
---@param rows integer
---@param features integer
---@param y neap.tensor?
---@param weighted boolean
---@param categorical? any a number, a name, or several
---@return table<string, integer>
function memory.of(o, rows, features, y, weighted, categorical)
  local valid, largest = 0, 0
  for _, set in ipairs(o.sets) do
    local n = rows_of(set.data)
    valid, largest = valid + n, math.max(largest, n)
  end
  local ordered = false
  for _, metric in ipairs(o.metrics) do ordered = ordered or sorts[metric] end
  if o.is_provide_training_metric then largest = math.max(largest, rows) end
  return setmetatable(c.memory(params.for_engine(o), { rows = rows, features = features,
    columns = trees_per_iteration(o, y), iterations = o.num_iterations, valid_rows = valid,
    ordered = ordered and largest or 0, weighted = weighted,
    encoded = o.cat_encoding == "ordered" and count(categorical) or 0 }), Parts)
end

--- Raise when a fit would take more than `max_memory` of its options.
---@param o table
---@param x neap.tensor
---@param y neap.tensor
---@param weights neap.tensor?
---@param categorical integer[]?
function memory.check(o, x, y, weights, categorical)
  local limit = memory.limit(o.max_memory)
  if not limit then return end
  local rows, features = sizes(x)
  local parts = memory.of(o, rows, features, y, weights ~= nil, categorical)
  if parts.total <= limit then return end
  local list = {}
  for _, name in ipairs(order) do
    if name ~= "total" and parts[name] > 0 then
      list[#list + 1] = name .. " " .. memory.text(parts[name])
    end
  end
  opts.raise("gbdt.fit: %d rows of %d features would take %s beside the data, max_memory is %s "
    .. "(%s)", rows, features, memory.text(parts.total), memory.text(limit),
    table.concat(list, ", "))
end

--- The bytes that a fit will take beyond the caller's data, by part, before it starts: of a
--- matrix, a dataset, or { rows, features }, with the options of gbdt.fit. `total` is the most that
--- lives at once, within about a tenth; `bins` are 1 byte per number and 4 per row, `scores` and
--- `gradients` go with rows and classes, `histograms` with features and leaves, `trees` with
--- iterations and leaves, `passing` is what comes and goes. The option `max_memory` (bytes, or
--- "2GB") of gbdt.fit refuses a fit that would take more. Printed it is a table. Several classes
--- need `num_class`.
---     gbdt.memory({ 1000000, 28 }, { num_leaves = 255 }).bins // 1000000 --> 32
---@param x neap.tensor|table
---@param o? table
---@return table<string, integer>
function gbdt.memory(x, o)
  o = params.read(o)
  local rows, features
  if design.is_data(x) then x = x.x end
  if type(x) == "table" and not design.is_frame(x) then
    rows = opts.integer("gbdt.memory", "rows", x[1], 1)
    features = opts.integer("gbdt.memory", "features", x[2], 1)
  else
    x = design.matrix(x)
    opts.expect("gbdt.memory", "x", x, "tensor")
    if x:dim() ~= 2 then
      opts.raise("gbdt.memory: x must be rows by features, got %d dims", x:dim())
    end
    rows, features = x:size(1), x:size(2)
  end
  return memory.of(o, rows, features, nil, o.weights ~= nil, o.categorical_feature)
end

return memory
