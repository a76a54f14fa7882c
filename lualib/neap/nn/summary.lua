--- What a net is made of, layer by layer; adds `net:summary` to all layers. Loaded by neap.nn.
local class = require "neap.class"
local grad = require "neap.grad"
local layer = require "neap.nn.layer"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.nn.Layer
local Layer = layer.Layer

---@class neap.nn.summary
---@field rows table[] of { path, name, depth, shape, parameters }
---@field parameters integer all numbers that belong to parameters, shared ones once
---@field trained integer those of them that require a gradient
---@field bytes integer of parameters and buffers
local Summary = class "neap.nn.summary"

-- 1234567 as 1,234,567.
local function grouped(n)
  local text = tostring(n):reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (text:gsub("^,", ""))
end

local function shape_text(shape) return shape and "[" .. table.concat(shape, ", ") .. "]" or "-" end

-- 1536 as 1.5 KiB.
local function size_text(bytes)
  local units, k = { "B", "KiB", "MiB", "GiB" }, 1
  while bytes >= 1024 and k < #units do bytes, k = bytes / 1024, k + 1 end
  return (k == 1 and "%d %s" or "%.1f %s"):format(bytes, units[k])
end

local function line_of(row)
  local label = ("  "):rep(row.depth) .. row.label .. row.name
  if #row.described > 0 then label = label .. "(" .. row.described .. ")" end
  return { label, shape_text(row.shape), row.parameters and grouped(row.parameters) or "" }
end

function Summary:__tostring()
  local lines, widths = { { "layer", "output", "parameters" } }, { 0, 0, 0 }
  for i, row in ipairs(self.rows) do lines[i + 1] = line_of(row) end
  for _, line in ipairs(lines) do
    for k = 1, 3 do widths[k] = math.max(widths[k], utf8.len(line[k]) or #line[k]) end
  end
  for i, line in ipairs(lines) do
    local pad = (" "):rep(widths[1] - (utf8.len(line[1]) or #line[1]))
    lines[i] = ("%s%s  %-" .. widths[2] .. "s  %" .. widths[3] .. "s"):format(line[1], pad, line[2],
      line[3]):gsub(" +$", "")
  end
  table.insert(lines, 2, ("-"):rep(widths[1] + widths[2] + widths[3] + 4))
  lines[#lines + 1] = lines[2]
  lines[#lines + 1] = ("%s parameters, %s trained, %s with buffers"):format(
    grouped(self.parameters), grouped(self.trained), size_text(self.bytes))
  return table.concat(lines, "\n")
end

-- measuring ---------------------------------------------------------------------------------------

-- What of a result is shown: the shape of the (first) tensor.
local function shape_of(...)
  local y = ...
  return opts.kind(y) == "tensor" and y.shape or nil
end

-- Run net on inputs, and keep the shape that each layer gives the first time in `shapes`. Layers
-- that would compute the activation behind them leave it to that layer, which is seen then.
local function watch(net, inputs, shapes)
  local function keep(l, ...)
    shapes[l] = shapes[l] or shape_of(...)
    return ...
  end
  local training = {}
  net:apply(function(l)
    training[l] = l.training
    rawset(l, "training", false)
    rawset(l, "forward_activated", false)
    rawset(l, "forward", function(self, ...) -- so named, errors still find the layer's path
      return keep(self, getmetatable(self).forward(self, ...))
    end)
  end)
  local ok, message = pcall(grad.no_grad, function() net(table.unpack(inputs)) end)
  for l, was in pairs(training) do
    rawset(l, "training", was)
    rawset(l, "forward_activated", nil)
    rawset(l, "forward", nil)
  end
  if not ok then error(message, 0) end
end

local function input_of(net, given)
  if opts.kind(given) == "tensor" then return given end
  opts.expect("summary", "an input", given, "table")
  if math.type(given[1]) == nil then -- one table of inputs, as nn.fit calls the net with
    local inputs = {}
    for name, one in pairs(given) do inputs[name] = input_of(net, one) end
    return inputs
  end
  local first = net:parameters()[1]
  local sizes = table.move(given, 1, #given, 1, { dtype = first and first.dtype or "f32" })
  return tensor.zeros(sizes)
end

-- How many numbers are in parameters of the layer itself, nil for none.
local function own_parameters(l)
  local count = 0
  for _, entry in ipairs(l:named_parameters()) do
    local name, t = table.unpack(entry)
    if not name:find(".", 1, true) then count = count + t:numel() end
  end
  return count > 0 and count or nil
end

local function rows_of(net, shapes)
  local rows = {}
  local function visit(l, path, label, depth)
    rows[#rows + 1] = { path = path, label = label, name = l.__name, described = l:describe(),
      depth = depth, shape = shapes[l], parameters = own_parameters(l) }
    for _, name in ipairs(l:child_names()) do
      local at = math.type(name) and ("[%d]"):format(name) or "." .. name
      local shown = math.type(name) and at .. " " or name .. ": "
      visit(l[name], path .. at, shown, depth + 1)
    end
  end
  visit(net, "net", "", 0)
  return rows
end

function Summary:init(net, inputs)
  local shapes = {}
  for i, given in ipairs(inputs) do inputs[i] = input_of(net, given) end
  if #inputs > 0 then watch(net, inputs, shapes) end
  self.rows, self.parameters, self.trained, self.bytes = rows_of(net, shapes), 0, 0, 0
  for _, t in ipairs(net:parameters()) do
    self.parameters = self.parameters + t:numel()
    if t.requires_grad then self.trained = self.trained + t:numel() end
  end
  local width = { f64 = 8, i64 = 8, f32 = 4, i32 = 4, u8 = 1, bool = 1 }
  for _, t in pairs(net:state()) do self.bytes = self.bytes + t:numel() * width[t.dtype] end
end

--- A table of the layers: what each is, the shape it gives, and how many numbers it trains. Shapes
--- need an input to be tried, a tensor or its sizes (zeros of the net's dtype); nets with several
--- inputs take several, or a table of them where `nn.fit` gives them one. Nothing in the net
--- changes by it.
---     local net = nn.Sequential { nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1) }
---     net:summary({ 32, 3 }).rows[2].shape --> { 32, 8 }
---     net:summary().parameters --> 41
---@param ... neap.tensor|integer[]|table
---@return neap.nn.summary
function Layer:summary(...) return Summary(self, { ... }) end

return Summary
