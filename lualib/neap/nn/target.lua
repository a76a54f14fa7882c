--- What a net learns: which loss, what its outputs mean, and labels in the form the loss takes.
local nn = require "neap.nn.public"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local target = {}

-- Losses by name, and what their outputs are: logits of classes, log-probabilities of classes, one
-- logit of two classes, or numbers.
local kinds = {
  cross_entropy = "classes", focal = "classes", nll = "log_classes", bce_with_logits = "binary",
  mse = "numbers", l1 = "numbers", huber = "numbers", quantile = "free", kl_div = "free",
}

local MOST_CLASSES = 100000

local function is_whole(y)
  if not y.dtype:find "^f" then return true end
  return y:eq(y:floor()):all()
end

-- The distinct values of y and, for each element, which of them it is.
local function values_of(y)
  local flat = y:contiguous():reshape(-1)
  if y.dtype == "bool" or y.dtype == "u8" then flat = flat:to "i64" end
  local values, _, at = flat:unique { inverse = true }
  return values, at
end

-- Does y look like labels of classes, for a net of so many outputs?
local function is_labels(y, dims, outputs, given)
  if given then return true end
  local fits = y:dim() == math.max(dims - 1, 1) or outputs == 1 and y:dim() == dims
  if not fits then return false end
  if not is_whole(y) then return false end
  if outputs > 1 then return true end
  return #(values_of(y)) == 2
end

local function choose(y, dims, outputs, given)
  if not is_labels(y, dims, outputs, given) then return "mse" end
  return outputs > 1 and "cross_entropy" or "bce_with_logits"
end

-- classes -----------------------------------------------------------------------------------------

local function as_list(where, classes)
  if opts.kind(classes) == "tensor" then
    opts.expect(where, "classes", classes, "tensor")
    classes = classes:reshape(-1):totable()
  end
  opts.expect(where, "classes", classes, "table")
  local list = {}
  for i = 1, #classes do
    local v = classes[i]
    list[i] = math.tointeger(v)
    if not list[i] then opts.raise("%s: classes[%d] is %s, no integer", where, i, tostring(v)) end
  end
  table.sort(list)
  if #list < 2 then opts.raise("%s: %d class, two at least are needed", where, #list) end
  return list
end

-- The classes of labels: those given, those that occur if they are as many as the net has outputs,
-- or 1 .. outputs where all labels are such numbers.
local function classes_in(where, values, given, outputs)
  if given then
    local list = as_list(where, given)
    if #list ~= outputs then
      opts.raise("%s: %d classes, and the net has %d outputs", where, #list, outputs)
    end
    return list
  end
  if #values > MOST_CLASSES then
    opts.raise("%s: y has %d different values, which are no classes", where, #values)
  end
  if #values == 1 and outputs == 2 then
    opts.raise("%s: all labels are %.14g; two classes are needed", where, values[1])
  end
  if #values == outputs then return as_list(where, values) end
  local list = {}
  if values[1] < 1 or values[-1] > outputs then
    opts.raise("%s: y holds %d classes, %.14g to %.14g, and the net has %d outputs; name all "
      .. "classes by classes = {...}, or change the last layer", where, #values, values[1],
      values[-1], outputs)
  end
  for k = 1, outputs do list[k] = k end
  return list
end

-- Numbers of classes 1..K for each element of y.
local function encode(where, y, classes)
  local number = {}
  for k, label in ipairs(classes) do number[label] = k end
  local values, at = values_of(y)
  local map = {}
  for i, v in ipairs(values:totable()) do
    map[i] = number[math.tointeger(v)]
    if not map[i] then
      local row = at:eq(i):nonzero()[1]
      opts.raise("%s: label %.14g of row %d is none of the classes %s", where, v, row,
        table.concat(classes, ", ", 1, math.min(#classes, 20)))
    end
  end
  return tensor.of(map, { dtype = "i64" }):take(at):reshape(y.shape)
end

-- losses ------------------------------------------------------------------------------------------

local function named(where, given)
  local name, options = given, {}
  if type(given) == "table" then
    for key, value in pairs(given) do if key ~= 1 then options[key] = value end end
    name = given[1]
  end
  if not kinds[name] then opts.unknown(where, "loss", tostring(name), opts.names(kinds)) end
  if options.weights ~= nil or options.reduction ~= nil then
    opts.raise("%s: loss '%s': weights are an option of the fit, and the reduction is \"mean\"",
      where, name)
  end
  return name, function(out, y, w)
    if not w and not next(options) then return nn[name](out, y) end
    options.weights = w
    return nn[name](out, y, options)
  end
end

-- A loss as it was given, functions of nn by their names.
local function by_name(loss)
  if type(loss) ~= "function" then return loss end
  for name in pairs(kinds) do if nn[name] == loss then return name end end
  return loss
end

local Task = {}
Task.__index = Task

--- y as the loss takes it: numbers of classes, 0 and 1, or numbers of the net's dtype.
---@param where string
---@param y neap.tensor
---@return neap.tensor
function Task:encode(where, y)
  if y:ne(y):any() then
    opts.raise("%s: y is nan in row %d; leave such rows out", where,
      (y:ne(y):reshape(-1):nonzero()[1] - 1) // (y:numel() // #y) + 1)
  end
  if self.classes and not is_whole(y) then
    local row = y:ne(y:floor()):reshape(-1):nonzero()[1]
    opts.raise("%s: label %.14g of row %d is no integer", where, y:reshape(-1)[row], row)
  end
  if self.kind == "classes" or self.kind == "log_classes" then
    return encode(where, y, self.classes)
  end
  local out = y:to(self.dtype)
  if self.kind == "binary" and self.classes then
    out = (encode(where, y, self.classes) - 1):to(self.dtype)
  end
  if self.kind ~= "free" and self.dims == y:dim() + 1 and self.outputs == 1 then
    return out:unsqueeze(self.dims)
  end
  return out
end

--- Probabilities, N x K in f64, from outputs of the net.
---@param out neap.tensor
---@return neap.tensor
function Task:proba(out)
  if self.kind == "binary" then
    local p = out:to("f64"):sigmoid():reshape(#out, 1)
    return tensor.cat({ 1 - p, p }, 2)
  end
  if self.kind == "log_classes" then return out:to("f64"):exp() end
  return out:to("f64"):softmax(out:dim())
end

--- What predictions are: labels, or numbers in f64.
---@param out neap.tensor
---@return neap.tensor
function Task:values(out)
  if self.classes then
    return tensor.of(self.classes, { dtype = "i64" }):take(self:proba(out):argmax(-1))
  end
  out = out:to "f64"
  return out:dim() == 2 and out:size(2) == 1 and out:reshape(#out) or out
end

--- The task of a net whose outputs for one sample have sizes `shape`, from labels and options
--- `loss`, `classes`.
---@param where string
---@param y neap.tensor? nil where the target is made of inputs
---@param shape integer[] of the outputs, samples first
---@param o { loss: any, classes: any, dtype: string }
---@return table
function target.task(where, y, shape, o)
  local outputs = #shape > 1 and shape[#shape] or 1
  local task = setmetatable({ dims = #shape, outputs = outputs, dtype = o.dtype, kind = "free" },
    Task)
  local given, loss = o.classes, by_name(o.loss)
  if type(loss) == "function" then
    task.name, task.loss = "function", loss
    if given then task.kind = outputs > 1 and "classes" or "binary" end
  else
    local name = loss or (y and choose(y, #shape, outputs, given) or "mse")
    task.name, task.loss = named(where, name)
    task.kind = kinds[task.name]
    if y and y:dim() == 1 and #shape > 2 then
      opts.raise("%s: the net gives [batch, %s] and there is one label a sample; nn.Last() behind "
        .. "a layer takes its last step", where, table.concat(shape, ", ", 2))
    end
  end
  if not y then return task end
  if task.kind == "binary" and (outputs > 1 or not is_whole(y) and not given) then
    task.kind = "free" -- several labels of a row, or probabilities
  end
  if task.kind == "classes" or task.kind == "log_classes" or task.kind == "binary" then
    if #y == 0 or y:ne(y):any() or not is_whole(y) then task.classes = {} -- `encode` says why
    else
      task.classes = classes_in(where, (values_of(y)), given,
        task.kind == "binary" and 2 or outputs)
    end
  end
  return task
end

--- How many outputs a net needs for labels: as many as there are classes, 1 for numbers. Floats are
--- classes where they are whole and at most 20 different ones, or `classes` names them.
---@param y any
---@param classes any
---@param loss any
---@return integer
function target.outputs(y, classes, loss)
  local name = by_name(type(loss) == "table" and loss[1] or loss)
  if kinds[name] == "numbers" or name == "bce_with_logits" then return 1 end
  if classes then return #classes end
  if opts.kind(y) ~= "tensor" or y:dim() ~= 1 or #y == 0 or y:ne(y):any() or not is_whole(y) then
    return 1
  end
  local values = values_of(y)
  if y.dtype:find "^f" and #values > 20 and not kinds[name] then return 1 end
  return math.max(2, #values)
end

--- A task as a file tells of it, for predictions only.
---@param fields table
---@return table
function target.again(fields) return setmetatable(fields, Task) end

return target
