--- The value of a parsed expression over the rows of a frame. A value is { type, v }: "number" and
--- "bool" hold a tensor or a Lua value, "time" an i64 tensor or an integer, "text" a category or a
--- string, "list" an array given by the caller.
local category = require "neap.frame.category"
local clock = require "neap.clock"
local core = require "neap.frame.core"
local expression = require "neap.frame.expression"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local is_tensor = core.is_tensor

-- What is evaluated: where = the caller, text, f, values = those of `@name`.
local Run = {}
Run.__index = Run

function Run:fail(node, format, ...)
  expression.raise(self.where, self.text, node.first, node.last, format:format(...))
end

local function number(v) return { type = "number", v = v } end
local function bool(v) return { type = "bool", v = v } end

local evaluate -- { kind of node = fn(run, node) -> value }

local function value_of(run, node) return evaluate[node.kind](run, node) end

local function number_of(run, node, role)
  local x = value_of(run, node)
  if x.type == "number" or x.type == "time" then return x end
  run:fail(node, "%s needs numbers, this is a %s", role, x.type == "bool" and "mask" or x.type)
end

local function mask_of(run, node, role)
  local x = value_of(run, node)
  if x.type == "bool" then return x.v end
  run:fail(node, "%s needs a mask such as a comparison, this is a %s", role, x.type)
end

-- Leaves ------------------------------------------------------------------------------------------

local function of_column(run, node)
  local state = core.state_of(run.f, run.where)
  local column = state.columns[node.name]
  if not column then
    local near = opts.nearest(node.name, state.names)
    run:fail(node, "unknown column '%s'%s", node.name,
      near and (" (did you mean '%s'?)"):format(near) or
      "; columns are " .. table.concat(state.names, ", "))
  end
  if column.kind == "category" then return { type = "text", v = core.value_of(column) } end
  if column.kind == "time" then return { type = "time", v = column.tensor } end
  if column.tensor.dtype == "bool" then return bool(column.tensor) end
  return number(column.tensor)
end

local function of_tensor(run, node, x)
  if x:dim() > 1 or x:dim() == 1 and #x ~= #run.f then
    run:fail(node, "the frame has %d rows, @%s is %s", #run.f, node.value, tostring(x))
  end
  return x.dtype == "bool" and bool(x) or number(x)
end

local function of_value(run, node)
  local x = run.values[node.value]
  if x == nil then
    run:fail(node, "@%s is not given; values come in a table after the text", node.value)
  end
  if type(x) == "number" then return number(x) end
  if type(x) == "boolean" then return bool(x) end
  if type(x) == "string" or category.is(x) then return { type = "text", v = x } end
  if is_tensor(x) then return of_tensor(run, node, x) end
  if type(x) == "table" then return { type = "list", v = x } end
  run:fail(node, "@%s is a %s; a number, text, boolean, tensor or array is expected", node.value,
    type(x))
end

-- Comparisons -------------------------------------------------------------------------------------

local methods = { ["<"] = "lt", ["<="] = "le", [">"] = "gt", [">="] = "ge", ["=="] = "eq",
  ["!="] = "ne" }
local mirrored = { ["<"] = ">", ["<="] = ">=", [">"] = "<", [">="] = "<=", ["=="] = "==",
  ["!="] = "!=" }
local of_numbers = {
  ["<"] = function(a, b) return a < b end, ["<="] = function(a, b) return a <= b end,
  [">"] = function(a, b) return a > b end, [">="] = function(a, b) return a >= b end,
  ["=="] = function(a, b) return a == b end, ["!="] = function(a, b) return a ~= b end,
}

-- Two tensors or Lua numbers compared.
local function compare(operator, a, b)
  if is_tensor(a) then return a[methods[operator]](a, b) end
  if is_tensor(b) then return b[methods[mirrored[operator]]](b, a) end
  return of_numbers[operator](a, b)
end

-- NaT is the least integer, so that it would come before every time: it must equal nothing.
local function compare_times(operator, a, b)
  local mask = compare(operator, a, b)
  if operator == "!=" then return mask end
  for _, x in ipairs { a, b } do
    if is_tensor(x) then mask = mask & x:ne(clock.nat) end
  end
  return mask
end

-- "2018" and "2018-03" mean their first moment.
local function time_of_text(run, node, text)
  local padded = text:find "^%d%d%d%d$" and text .. "-01-01"
    or text:find "^%d%d%d%d%-%d%d$" and text .. "-01" or text
  local ns = clock.parse(padded)
  return ns or run:fail(node, "'%s' is no time such as 2024-03-01 or 2024-03-01 15:30", text)
end

-- Codes of `other` counted in the labels of `c`: -1 where it lacks the label.
local function recoded(c, other)
  local code_of, codes = {}, { 0 }
  for code, label in ipairs(c.labels) do code_of[label] = code end
  for code, label in ipairs(other.labels) do codes[code + 1] = code_of[label] or -1 end
  return tensor.of(codes, { dtype = "i32" }):take(other.codes:to "i64":add(1))
end

local function known_label(run, node, c, text)
  for code, label in ipairs(c.labels) do
    if label == text then return code end
  end
  local near = opts.nearest(text, c.labels)
  run:fail(node, "no row has the text '%s'%s", text,
    near and (" (did you mean '%s'?)"):format(near) or "")
end

-- Missing text equals nothing, not even missing text.
local function compare_texts(run, node, operator, a, b)
  if operator ~= "==" and operator ~= "!=" then
    run:fail(node, "text is compared by '==', '!=' and 'in' only")
  end
  if type(a) == "string" and type(b) == "string" then return of_numbers[operator](a, b) end
  local left, right = node[1], node[2]
  if type(a) == "string" then a, b, right = b, a, left end
  local equal
  if type(b) == "string" then
    equal = a.codes:eq(known_label(run, right, a, b))
  else
    equal = a.codes:eq(recoded(a, b)) & a.codes:ne(0)
  end
  return operator == "==" and equal or ~equal
end

-- Both sides as times when one is and the other is text.
local function as_times(run, node, a, b)
  if a.type == "time" and b.type == "text" and type(b.v) == "string" then
    return a, { type = "time", v = time_of_text(run, node[2], b.v) }
  elseif b.type == "time" and a.type == "text" and type(a.v) == "string" then
    return { type = "time", v = time_of_text(run, node[1], a.v) }, b
  end
  return a, b
end

local function compare_bools(run, node, a, b)
  if node.operator ~= "==" and node.operator ~= "!=" then
    run:fail(node, "masks are compared by '==' and '!=' only")
  end
  return compare(node.operator, a, b)
end

local names_of = { number = "number", bool = "mask", time = "time", text = "text", list = "list" }

local function of_comparison(run, node)
  local a, b = as_times(run, node, value_of(run, node[1]), value_of(run, node[2]))
  local times = a.type == "time" or b.type == "time"
  local numeric = { number = true, time = true }
  if times and numeric[a.type] and numeric[b.type] then
    return bool(compare_times(node.operator, a.v, b.v))
  elseif a.type ~= b.type or a.type == "list" then
    run:fail(node, "a %s cannot be compared with a %s", names_of[a.type], names_of[b.type])
  elseif a.type == "text" then
    return bool(compare_texts(run, node, node.operator, a.v, b.v))
  elseif a.type == "bool" then
    return bool(compare_bools(run, node, a.v, b.v))
  end
  return bool(compare(node.operator, a.v, b.v))
end

-- The items of `in (...)` as Lua values with the node each stands at.
local function items_of(run, node)
  local items = {}
  if node.items.from_value then
    local x = value_of(run, node.items[1])
    if x.type ~= "list" then run:fail(node.items[1], "an array is expected after 'in'") end
    for i, v in ipairs(x.v) do items[i] = { v = v, node = node.items[1] } end
    return items
  end
  for i, each in ipairs(node.items) do
    local v = value_of(run, each).v
    if type(v) ~= "number" and type(v) ~= "string" then
      run:fail(each, "a list holds numbers or texts")
    end
    items[i] = { v = v, node = each }
  end
  return items
end

local function equals_item(run, x, item)
  if x.type == "text" then
    if type(item.v) ~= "string" then run:fail(item.node, "text is compared with a number") end
    return x.v.codes:eq(known_label(run, item.node, x.v, item.v))
  elseif x.type == "time" then
    local v = type(item.v) == "string" and time_of_text(run, item.node, item.v) or item.v
    return compare_times("==", x.v, v)
  elseif type(item.v) ~= "number" then
    run:fail(item.node, "numbers are compared with text")
  end
  return x.v:eq(item.v)
end

local function of_in(run, node)
  local x = value_of(run, node[1])
  local held = x.type == "text" and category.is(x.v) or x.type ~= "text" and is_tensor(x.v)
  if not held or x.type == "bool" then
    run:fail(node[1], "a column of numbers, times or text is expected before 'in'")
  end
  local mask = tensor.zeros { #run.f, dtype = "bool" }
  for _, item in ipairs(items_of(run, node)) do mask = mask | equals_item(run, x, item) end
  return bool(node.negated and ~mask or mask)
end

-- Arithmetic and logic ----------------------------------------------------------------------------

local arithmetic = {
  ["+"] = function(a, b) return a + b end, ["-"] = function(a, b) return a - b end,
  ["*"] = function(a, b) return a * b end, ["/"] = function(a, b) return a / b end,
  ["//"] = function(a, b) return a // b end, ["%"] = function(a, b) return a % b end,
  ["^"] = function(a, b) return a ^ b end,
}

-- A time moved by nanoseconds, or the nanoseconds between two: NaT stays NaT, or becomes NaN.
local function of_moments(operator, a, b, moved)
  local result, there = arithmetic[operator](a.v, b.v), nil
  for _, x in ipairs { a, b } do
    if x.type == "time" and is_tensor(x.v) then
      local present = x.v:ne(clock.nat)
      there = there and there & present or present
    end
  end
  if there and not there:all() then
    result = tensor.where(there, result, moved and clock.nat or 0 / 0)
  end
  return { type = moved and "time" or "number", v = result }
end

local function of_arithmetic(run, node)
  local operator = node.operator
  local a = number_of(run, node[1], "'" .. operator .. "'")
  local b = number_of(run, node[2], "'" .. operator .. "'")
  local times = (a.type == "time" and 1 or 0) + (b.type == "time" and 1 or 0)
  if times > 0 and operator ~= "-" and (operator ~= "+" or times == 2) then
    run:fail(node, "times are subtracted, or moved by nanoseconds with '+' and '-'")
  end
  local whole = not is_tensor(a.v) and not is_tensor(b.v) and (operator == "//" or operator == "%")
  if whole and b.v == 0 and math.type(b.v) == "integer" then run:fail(node, "division by 0") end
  if times > 0 then return of_moments(operator, a, b, times == 1) end
  return number(arithmetic[operator](a.v, b.v))
end

local function of_logic(run, node)
  local role = "'" .. node.operator .. "'"
  local a, b = mask_of(run, node[1], role), mask_of(run, node[2], role)
  if not is_tensor(a) and not is_tensor(b) then
    if node.operator == "and" then return bool(a and b) end
    return bool(a or b)
  end
  if not is_tensor(a) then a, b = b, a end
  if node.operator == "and" then return bool(a & b) end
  return bool(a | b)
end

local function of_not(run, node)
  local a = mask_of(run, node[1], "'not'")
  if is_tensor(a) then return bool(~a) end
  return bool(not a)
end

-- Functions ---------------------------------------------------------------------------------------

local elementwise = { abs = 1, sqrt = 1, square = 1, exp = 1, expm1 = 1, log = 1, log1p = 1,
  log2 = 1, log10 = 1, sign = 1, floor = 1, ceil = 1, round = 1, trunc = 1, sin = 1, cos = 1,
  tanh = 1, sigmoid = 1, isfinite = 1, minimum = 2, maximum = 2, clamp = 3 }
local call_names = { "missing", "where" }
for name in next, elementwise do call_names[#call_names + 1] = name end
table.sort(call_names)

local function need_arguments(run, node, count)
  if #node ~= count then
    run:fail(node, "%s takes %d argument%s, got %d", node.name, count, count == 1 and "" or "s",
      #node)
  end
end

local calls = {}

function calls.missing(run, node)
  need_arguments(run, node, 1)
  local x = value_of(run, node[1])
  if x.type == "text" and category.is(x.v) then return bool(x.v.codes:eq(0)) end
  if x.type == "time" and is_tensor(x.v) then return bool(x.v:eq(clock.nat)) end
  if x.type == "number" and is_tensor(x.v) then return bool(x.v:isnan()) end
  run:fail(node[1], "missing() takes a column of numbers, times or text")
end

function calls.where(run, node)
  need_arguments(run, node, 3)
  local mask = mask_of(run, node[1], "where()")
  if not is_tensor(mask) then run:fail(node[1], "where() needs a mask of rows") end
  local a, b = number_of(run, node[2], "where()"), number_of(run, node[3], "where()")
  if a.type ~= b.type then run:fail(node, "where() takes two numbers or two times") end
  return { type = a.type, v = tensor.where(mask, a.v, b.v) }
end

local function as_tensor(v)
  if is_tensor(v) then return v end
  return tensor.full { value = v, dtype = math.type(v) == "integer" and "i64" or "f64" }
end

-- Functions of other libraries, and of whole columns, which an expression does not have.
local taught = {
  isna = "write missing(x)", isnan = "write missing(x)", isnull = "write missing(x)",
  notna = "write not missing(x)", notnull = "write not missing(x)", pow = "write x ^ y",
  power = "write x ^ y", clip = "write clamp(x, low, high)", ifelse = "write where(mask, a, b)",
  isin = "write x in (a, b)", max = "write maximum(a, b)", min = "write minimum(a, b)",
}
for _, name in ipairs { "mean", "std", "var", "sum", "median", "quantile", "rank", "count" } do
  taught[name] = ("a row is computed from itself alone; give the value as @%s"):format(name)
end
for _, name in ipairs { "shift", "diff", "pct_change", "rolling", "ewm", "cumsum", "lag" } do
  taught[name] = "a row is computed from itself alone; make a column of it first"
end
for _, name in ipairs { "year", "month", "day", "hour", "minute", "weekday", "dayofweek" } do
  taught[name] = ("times are only compared; clock.fields(f.time).%s gives a column"):format(name)
end

local function unknown_call(run, node)
  local near = not taught[node.name] and opts.nearest(node.name, call_names)
  local hint = taught[node.name] and "; " .. taught[node.name]
    or near and (" (did you mean '%s'?)"):format(near)
    or "; known are " .. table.concat(call_names, ", ")
  expression.raise(run.where, run.text, node.first, node.name_last,
    ("unknown function '%s'%s"):format(node.name, hint))
end

local function of_call(run, node)
  if calls[node.name] then return calls[node.name](run, node) end
  local count = elementwise[node.name]
  if not count then unknown_call(run, node) end
  need_arguments(run, node, count)
  local arguments = {}
  for i = 1, count do
    local x = number_of(run, node[i], node.name .. "()")
    if x.type == "time" then run:fail(node[i], "%s() needs numbers, this is a time", node.name) end
    arguments[i] = x.v
  end
  local first = as_tensor(arguments[1])
  local result = first[node.name](first, table.unpack(arguments, 2))
  if result:dim() == 0 then result = result:item() end
  return node.name == "isfinite" and bool(result) or number(result)
end

local function of_negative(run, node)
  local x = number_of(run, node[1], "'-'")
  if x.type == "time" then run:fail(node, "a time has no sign") end
  return number(-x.v)
end

evaluate = {
  column = of_column, value = of_value, call = of_call, arithmetic = of_arithmetic,
  negative = of_negative, comparison = of_comparison, logic = of_logic, ["in"] = of_in,
  number = function(_, node) return number(node.value) end,
  bool = function(_, node) return bool(node.value) end,
  text = function(_, node) return { type = "text", v = node.value } end,
}
evaluate["not"] = of_not

--- The value of `text` over the rows of `f`, with `values` for `@name`.
---@param where string the function that was called
---@param f neap.frame
---@param text string
---@param values? table<string, any>
---@return { type: string, v: any }
return function(where, f, text, values)
  if values ~= nil then opts.expect(where, "the values", values, "table") end
  local tree = expression.parse(where, text)
  local run = setmetatable({ where = where, text = text, f = f, values = values or {} }, Run)
  return value_of(run, tree), run, tree
end
