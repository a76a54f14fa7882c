-- Cases of gradients: functions of tensors, with sizes and ranges to draw the arguments from.
--     local cases = dofile "tests/lua/grad_cases.lua"
local grad = require "neap.grad"
local neap = require "neap"
local tensor = require "neap.tensor"

local unary = {
  neg = { -2, 2 }, abs = { 0.1, 2 }, sign = { 0.1, 2 }, square = { -2, 2 }, relu = { 0.1, 2 },
  floor = { 0.1, 0.9 }, ceil = { 0.1, 0.9 }, round = { 0.6, 0.9 }, trunc = { 0.1, 0.9 },
  sqrt = { 0.2, 3 }, reciprocal = { 0.3, 2 }, exp = { -2, 2 }, exp2 = { -2, 2 }, expm1 = { -2, 2 },
  log = { 0.2, 3 }, log2 = { 0.2, 3 }, log10 = { 0.2, 3 }, log1p = { -0.5, 2 }, sin = { -4, 4 },
  cos = { -4, 4 }, tan = { -1, 1 }, asin = { -0.9, 0.9 }, acos = { -0.9, 0.9 }, atan = { -3, 3 },
  sinh = { -2, 2 }, cosh = { -2, 2 }, tanh = { -2, 2 }, sigmoid = { -4, 4 }, softplus = { -4, 4 },
  erf = { -2, 2 },
}

-- By name: a function of tensors of these sizes, drawn between low and high.
local cases = {}
local function case(name, sizes, f, low, high)
  cases[#cases + 1] = { name = name, sizes = sizes, f = f, low = low or -2, high = high or 2 }
end

local names = {}
for name in pairs(unary) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do
  case(name, { { 3, 4 } }, function(x) return x[name](x) end, table.unpack(unary[name]))
end

for _, name in ipairs { "add", "sub", "mul", "maximum", "minimum", "atan2" } do
  for _, sizes in ipairs { { 3, 4 }, { 1, 4 }, { 3, 1 }, { 4 } } do
    case(name .. " by " .. table.concat(sizes, "x"), { { 3, 4 }, sizes },
      function(x, y) return x[name](x, y) end)
    case(name .. " of " .. table.concat(sizes, "x"), { sizes, { 3, 4 } },
      function(x, y) return x[name](x, y) end)
  end
  case(name .. " with itself", { { 3, 4 } },
    function(x) return x[name](x, name == "atan2" and 1.5 or x * 2) end)
  case(name .. " with a number", { { 3, 4 } }, function(x) return x[name](x, 0.7) end)
end
for _, name in ipairs { "div", "pow", "mod", "floordiv" } do
  for _, sizes in ipairs { { 3, 4 }, { 1, 4 }, { 4 } } do
    case(name .. " by " .. table.concat(sizes, "x"), { { 3, 4 }, sizes },
      function(x, y) return x[name](x + 2, y) end, 0.4, 0.9)
  end
  case(name .. " of one tensor", { { 3, 4 } },
    function(x) return x[name](x, x * x + 1) end, 1.1, 1.9)
end
case("a number minus x", { { 3, 4 } }, function(x) return 2 - x end)
case("a number over x", { { 3, 4 } }, function(x) return 2 / x end, 0.3, 2)
case("a number to the x", { { 3, 4 } }, function(x) return 1.7 ^ x end)
case("x^2", { { 3, 4 } }, function(x) return x ^ 2 end)
case("x^0", { { 3, 4 } }, function(x) return x ^ 0 end)
case("x^-1.5", { { 3, 4 } }, function(x) return x ^ -1.5 end, 0.3, 2)
case("where", { { 3, 4 }, { 4 } }, function(x, y)
  return tensor.where(x:detach():gt(0), x, y)
end)
case("where with a number", { { 3, 4 } }, function(x) return tensor.where(x:gt(0), x * 2, -1) end)
case("clamp", { { 3, 4 } }, function(x) return x:clamp(-0.5, 0.8) end)
case("clamp by tensors", { { 3, 4 }, { 4 } }, function(x, y) return x:clamp(y, y + 0.5) end)

local function reductions(name, f, low, high)
  for _, dim in ipairs { 1, 2, -1, { 1, 3 }, false } do
    local text = type(dim) == "table" and "1 and 3" or tostring(dim or "everything")
    for _, keepdim in ipairs { false, true } do
      case(("%s over %s%s"):format(name, text, keepdim and ", kept" or ""), { { 2, 3, 4 } },
        function(x) return (f(x, dim or nil, { keepdim = keepdim })) end, low, high)
    end
  end
end
for _, name in ipairs { "sum", "mean", "prod", "var", "std", "max", "min", "logsumexp",
  "median" } do
  reductions(name, function(x, dim, o)
    if dim == nil then return x[name](x, o) end
    return x[name](x, dim, o)
  end)
end
for _, p in ipairs { 1, 2, math.huge } do
  reductions("norm " .. p, function(x, dim, o)
    o.p = p
    if dim == nil then return x:norm(o) end
    return x:norm(dim, o)
  end, 0.1, 2)
end
case("var with ddof 0", { { 3, 4 } }, function(x) return x:var(2, { ddof = 0 }) end)

-- x with NaN at some places, which differences cannot move.
local function holed(x)
  local mask = tensor.zeros { x:numel(), dtype = "bool" }
  if x:numel() > 0 then mask:slice(1, 1, -1, 3)[{}] = true end
  return tensor.where(mask:reshape(x.shape), 0 / 0, x)
end
for _, name in ipairs { "sum", "mean", "prod", "var", "std", "norm", "logsumexp", "max",
  "median" } do
  case(name .. " without NaN", { { 3, 4 } }, function(x)
    return (x[name](holed(x), 2, { skip_nan = true }))
  end, 0.1, 2)
  if name ~= "max" then
    case(name .. " of everything without NaN", { { 3, 4 } }, function(x)
      return (x[name](holed(x), { skip_nan = true }))
    end, 0.1, 2)
  end
end
for _, name in ipairs { "cumsum", "cumprod", "cummax", "cummin" } do
  for dim = 1, 3 do
    case(name .. " along " .. dim, { { 2, 3, 4 } }, function(x) return x[name](x, dim) end)
  end
  case(name .. " without NaN", { { 2, 6 } }, function(x)
    local y = x[name](holed(x), 2, { skip_nan = true })
    return tensor.where(y:isnan(), 0, y)
  end)
end
for dim = 1, 3 do
  case("softmax along " .. dim, { { 2, 3, 4 } }, function(x) return x:softmax(dim) end)
  case("log_softmax along " .. dim, { { 2, 3, 4 } }, function(x) return x:log_softmax(dim) end)
end

local at = tensor.of({ 3, 1, 1, -1 }, { dtype = "i64" })
local function places(dim) -- positions along dim, some twice
  return tensor.of({ { 1, 2, 2, 1 }, { 2, 2, -1, 1 }, { 1, 1, 1, -2 } }, { dtype = "i32" })
    :slice(dim == 1 and 1 or 2, 1, dim == 1 and 3 or 4)
end
case("take along 1", { { 3, 4 } }, function(x) return x:take(at, 1) end)
case("take along 2", { { 2, 3, 4 } }, function(x) return x:take(at:reshape(2, 2), 2) end)
case("take along the last", { { 2, 3 } }, function(x) return x:take(at, -1) end)
case("gather along 1", { { 3, 4 } }, function(x) return x:gather(places(1), 1) end)
case("gather along 2", { { 3, 2 } }, function(x) return x:gather(places(2), 2) end)
case("gather by one row", { { 3, 4 } }, function(x)
  return x:gather(tensor.of({ { 4, 4, 1 } }, { dtype = "i64" }), 2)
end)
case("index by a mask", { { 3, 4 } }, function(x) return x[x:gt(-3)] end)
case("index by a mask of rows", { { 3, 4 } }, function(x)
  return x[tensor.of({ true, false, true })]
end)
case("index by positions", { { 3, 4 } }, function(x) return x[at] end)
case("index by ranges", { { 3, 4 } }, function(x) return x[{ { 2, 3 }, 1 }] end)
case("index by a number", { { 3, 4 } }, function(x) return x[2] end)
case("an element", { { 3, 4 } }, function(x) return x[{ 2, 3 }] * x[1][1] end)
for dim = 1, 2 do
  case("sort along " .. dim, { { 3, 4 } }, function(x) return (x:sort(dim)) end)
  case("topk along " .. dim, { { 3, 4 } }, function(x) return (x:topk(2, dim)) end)
  case("partition along " .. dim, { { 3, 4 } }, function(x) return (x:partition(2, dim)) end)
  case("roll along " .. dim, { { 3, 4 } }, function(x) return x:roll(2, dim) end)
  case("diff along " .. dim, { { 3, 4 } }, function(x) return x:diff(dim) end)
  case("flip along " .. dim, { { 3, 4 } }, function(x) return x:flip(dim) end)
  case("quantiles along " .. dim, { { 3, 4 } }, function(x)
    return x:quantile({ 0, 0.3, 1 }, dim)
  end)
  case("repeat_interleave along " .. dim, { { 3, 4 } },
    function(x) return x:repeat_interleave(2, dim) end)
  case("split along " .. dim, { { 3, 4 } }, function(x)
    return table.unpack(x:split(2, dim))
  end)
  case("shift along " .. dim, { { 3, 4 } }, function(x)
    local y = x:shift(1, dim)
    return tensor.where(y:isnan(), 0, y)
  end)
end
case("reshape", { { 3, 4 } }, function(x) return x:t():reshape(2, 6) end)
case("view", { { 3, 4 } }, function(x) return x:contiguous():view(6, 2) end)
case("permute", { { 2, 3, 4 } }, function(x) return x:permute(3, 1, 2) end)
case("transpose", { { 2, 3, 4 } }, function(x) return x:transpose(1, 3) end)
case("expand", { { 3, 1 } }, function(x) return x:expand(2, 3, 4) end)
case("squeeze and unsqueeze", { { 3, 1, 4 } }, function(x)
  return x:squeeze(2):unsqueeze(1):squeeze()
end)
case("slice", { { 5, 4 } }, function(x) return x:slice(1, -1, 1, -2) end)
case("clone and contiguous", { { 3, 4 } }, function(x) return x:t():contiguous():clone() end)
case("cat", { { 3, 4 }, { 3, 2 } }, function(x, y) return tensor.cat({ x, y, x }, 2) end)
case("stack", { { 3, 4 }, { 3, 4 } }, function(x, y) return tensor.stack({ x, y, x }, 2) end)
case("tile", { { 3, 2 } }, function(x) return x:tile(2, 3) end)
case("to f32 and back", { { 3 } }, function(x) return (x * 0):to "f32":to "f64" + x end)
case("matmul", { { 3, 4 }, { 4, 2 } }, function(x, y) return x:matmul(y) end)
case("matmul of vectors", { { 4 }, { 4 } }, function(x, y) return x:matmul(y) end)
case("matmul of a row", { { 4 }, { 2, 4, 3 } }, function(x, y) return x:matmul(y) end)
case("matmul of a column", { { 2, 3, 4 }, { 4 } }, function(x, y) return x:matmul(y) end)
case("matmul in batches", { { 2, 1, 3, 4 }, { 3, 4, 2 } }, function(x, y) return x:matmul(y) end)
case("bmm", { { 2, 3, 4 }, { 2, 4, 2 } }, tensor.bmm)
case("dot", { { 4 }, { 4 } }, tensor.dot)
case("outer", { { 3 }, { 4 } }, tensor.outer)
case("kron", { { 2, 2 }, { 2, 3 } }, tensor.kron)
case("einsum", { { 2, 3, 4 }, { 2, 4, 3 } },
  function(x, y) return tensor.einsum("bij,bjk->ik", x, y) end)
case("einsum of one diagonal", { { 3, 3 } }, function(x) return tensor.einsum("ii->i", x) end)
case("einsum to one number", { { 3, 4 }, { 3, 4 } },
  function(x, y) return tensor.einsum("ij,ij->", x, y) end)
case("trace", { { 3, 4 } }, tensor.trace)
case("triu and tril", { { 3, 4 } }, function(x) return tensor.triu(x, 1) + tensor.tril(x) end)
case("diagonal", { { 3, 4 } }, function(x) return x:diagonal(1), x:diagonal(-1) end)
case("diag of a vector", { { 3 } }, function(x)
  return tensor.diag(x), tensor.diag(x, 2), tensor.diag(x, -1)
end)
case("diag of a matrix", { { 3, 4 } }, function(x) return tensor.diag(x, 1) end)
case("cov", { { 5, 3 } }, tensor.cov)
case("corr", { { 6 }, { 6 } }, tensor.corr)

-- Numbers between low and high, no two near each other, in an order of their own.
local function draw(rng, sizes, low, high)
  local n = 1
  for _, size in ipairs(sizes) do n = n * size end
  local x = (tensor.permutation(n, { rng = rng }):to "f64" - tensor.rand { n, rng = rng } * 0.5) / n
  return (x * (high - low) + low):reshape(sizes)
end

-- Layouts of the same elements.
local layouts = {
  contiguous = function(x) return x end,
  transposed = function(x)
    return x:dim() > 1 and x:transpose(1, -1):clone():transpose(1, -1) or x
  end,
  sliced = function(x)
    local sizes = x.shape
    sizes[#sizes] = 2 * sizes[#sizes] + 1
    local wide = tensor.zeros(sizes)
    if x:numel() == 0 then return x end
    local part = wide:slice(-1, 2, -1, 2)
    part[{}] = x
    return part
  end,
  reversed = function(x) return x:flip():clone():flip() end,
}

local function inputs_of(number, one, layout)
  local inputs, rng = {}, neap.rng(number)
  for i, sizes in ipairs(one.sizes) do
    inputs[i] = layouts[layout](draw(rng, sizes, one.low, one.high))
  end
  return inputs
end

-- Hold one case against differences in every layout.
local function check(number, one)
  for _, layout in ipairs { "contiguous", "transposed", "sliced", "reversed" } do
    grad.check(one.f, inputs_of(number, one, layout))
    grad.check(one.f, inputs_of(number, one, layout), { fast = true })
  end
end

local function check_all()
  for number, one in ipairs(cases) do
    local ok, message = pcall(check, number, one)
    if not ok then error(one.name .. ": " .. message, 0) end
  end
  return #cases
end

return { list = cases, unary = names, ranges = unary, draw = draw, check = check,
  check_all = check_all, inputs_of = inputs_of }
