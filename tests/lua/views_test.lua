-- Views hold what a contiguous tensor holds, and every function gives the same bits for both. The
-- memory that is written may overlap the memory that is read.
local faces = require "tests.lua.faces"
local neap = require "neap"
local tensor = neap.tensor

-- views -------------------------------------------------------------------------------------------

local function is_tensor(v)
  return type(v) == "userdata" and getmetatable(v).__name == "neap.tensor"
end

local function reversed_dims(x)
  local order = {}
  for d = 1, x:dim() do order[d] = x:dim() + 1 - d end
  return order
end

-- Each makes a view with the shape and elements of x in memory of its own.
local kinds = {
  turned = function(x)
    if x:dim() < 2 then return x:clone() end
    local order = reversed_dims(x)
    return x:permute(order):clone():permute(order)
  end,
  holes = function(x) -- every third place of the last dim
    if x:dim() == 0 then return x:clone() end
    local sizes = x.shape
    sizes[#sizes], sizes.dtype = 3 * sizes[#sizes] + 2, x.dtype
    local view = tensor.ones(sizes):slice(-1, 2, -1, 3)
    return view:slice(-1, 1, x:size(-1)):copy_(x)
  end,
  backwards = function(x)
    if x:dim() == 0 then return x:clone() end
    local all = {}
    for d = 1, x:dim() do all[d] = d end
    return x:flip(all):clone():flip(all)
  end,
  inside = function(x) -- away from the edges of a larger tensor
    if x:dim() == 0 then return x:clone() end
    local sizes, ranges = x.shape, {}
    for d, size in ipairs(x.shape) do sizes[d], ranges[d] = size + 3, { 2, size + 1 } end
    sizes.dtype = x.dtype
    return tensor.ones(sizes)[ranges]:copy_(x)
  end,
}
local kind_names = { "turned", "holes", "backwards", "inside" }

-- The text of a result: tensors with dtype, shape and all elements, tables by sorted keys.
local function described(v, depth)
  if is_tensor(v) then
    local elements = {}
    local flat = v:reshape(-1)
    for i = 1, math.min(#flat, 20000) do
      local e = flat[i]
      elements[i] = e ~= e and "nan" or type(e) == "number" and ("%a"):format(e) or tostring(e)
    end
    return ("%s[%s]{%s}"):format(v.dtype, table.concat(v.shape, "x"), table.concat(elements, " "))
  end
  if type(v) == "number" then return v ~= v and "nan" or ("%a"):format(v) end
  if type(v) == "userdata" then return "" end
  if type(v) ~= "table" or (depth or 0) > 8 then return tostring(v) end
  local keys, parts = {}, {}
  for k in next, v do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(keys) do parts[i] = tostring(k) .. "=" .. described(v[k], (depth or 0) + 1) end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- Arguments with `make` applied to every tensor in them, those in arrays too.
local function with_views(arguments, make)
  local copy = { n = arguments.n }
  for i = 1, arguments.n do
    local v = arguments[i]
    if is_tensor(v) then
      copy[i] = tostring(v):find "closed" and tensor.ones { 3 } or make(v:detach())
    elseif type(v) == "table" and is_tensor(v[1]) then
      copy[i] = {}
      for k, x in ipairs(v) do copy[i][k] = make(x:detach()) end
    else copy[i] = v end
  end
  return copy
end

-- What a call gives, its first argument afterwards included (for methods that write).
local function outcome(fn, arguments)
  local results = table.pack(pcall(fn, table.unpack(arguments, 1, arguments.n)))
  local texts = {}
  for i = 1, results.n do
    texts[i] = is_tensor(results[i]) and results[i] == arguments[1] and "self"
      or described(results[i])
  end
  if is_tensor(arguments[1]) and results[1] then texts[#texts + 1] = described(arguments[1]) end
  return table.concat(texts, "; ")
end

local function plain(x) return x:clone() end

-- They are about memory itself, files, or random streams.
local left_out = {
  ["tensor:free"] = true, ["tensor:is_contiguous"] = true, ["tensor:view"] = true,
  ["tensor.save"] = true, ["tensor.load"] = true,
}

local function writes(f) return f.entry.name:find "_$" ~= nil or f.entry.name == "set" end

describe("every function gives for views what it gives for contiguous tensors:", function()
  for _, f in ipairs(faces) do
    if not left_out[f.name] and not f.name:find "^rng" and not f.name:find "rand" then
      it(f.name, function()
        local want = outcome(f.fn, with_views(f.sample, plain))
        for _, kind in ipairs(kind_names) do
          assert.equal(want, outcome(f.fn, with_views(f.sample, kinds[kind])), kind)
        end
        if writes(f) then return end
        local function one(x) -- one element, seen everywhere
          return (x:numel() == 0 or x:dim() == 0) and x:clone()
            or x:reshape(-1):slice(1, 1, 1):expand(x.shape)
        end
        assert.equal(outcome(f.fn, with_views(f.sample, function(x) return one(x):clone() end)),
          outcome(f.fn, with_views(f.sample, one)), "expanded")
      end)
    end
  end
end)

-- larger tensors, whose rows, tiles and chunks have remainders ----------------------------------

local wide = tensor.randn { 67, 131, seed = 1 }
local long = tensor.randn { 3, 21001, seed = 2 }
local cube = tensor.randn { 5, 17, 23, seed = 3 }
local series = tensor.randn { 40007, seed = 4 }
local whole = (wide * 100):to "i64"
local small = (wide:abs() * 50):to "u8"
local truth = wide:gt(0)
local gaps = tensor.where(cube:gt(1.5), 0 / 0, cube)

local large = {
  { "add", wide, wide:neg() }, { "mul", wide, tensor.randn { 131, seed = 5 } },
  { "sub", tensor.randn { 67, 1, seed = 6 }, wide }, { "div", wide, 3 }, { "pow", wide:abs(), 1.5 },
  { "maximum", gaps, cube:neg() }, { "add", whole, small }, { "mul", small, wide },
  { "floordiv", whole, 7 }, { "mod", whole, -7 }, { "bit_and", whole, 12 },
  { "add", series, series }, { "lt", wide, 0 }, { "eq", whole, small },
  { "logical_and", truth, whole }, { "bit_not", truth },
  { "exp", long }, { "tanh", cube }, { "abs", whole }, { "neg", small }, { "isnan", gaps },
  { "floor", long }, { "clamp", wide, -0.5, 0.5 }, { "to", wide, "f32" }, { "to", whole, "f64" },
  { "to", small, "bool" }, { "clone", cube }, { "reshape", cube, -1 }, { "totable", wide },
  { "sum", wide }, { "sum", wide, 1 }, { "sum", wide, 2 }, { "sum", long, 2 }, { "sum", cube, 2 },
  { "sum", cube, { 1, 3 } }, { "sum", series }, { "sum", whole, 1 }, { "sum", small, 2 },
  { "sum", gaps, 2, { skip_nan = true } }, { "prod", cube, 1 }, { "mean", long },
  { "var", wide, 1 },
  { "std", cube, { 2, 3 } }, { "norm", long, 2 }, { "max", wide, 1 }, { "min", long, 2 },
  { "argmax", cube, 2 }, { "max", gaps, 3, { skip_nan = true } }, { "any", truth, 1 },
  { "all", truth, 2 }, { "count", gaps, 1, { skip_nan = true } }, { "median", wide, 1 },
  { "quantile", cube, { 0.1, 0.9 }, 3 }, { "logsumexp", wide, 2 }, { "softmax", wide, 1 },
  { "log_softmax", cube, 2 }, { "cumsum", wide, 1 }, { "cumsum", long, 2 }, { "cumprod", cube, 2 },
  { "cummax", gaps, 2 }, { "diff", wide, 1 }, { "shift", wide, 3, 2 }, { "sort", wide, 1 },
  { "sort", wide, 2 }, { "argsort", gaps, 2 }, { "topk", wide, 7, 1 }, { "partition", wide, 9, 2 },
  { "unique", small }, { "flip", cube, { 1, 3 } }, { "roll", wide, 5, 1 },
  { "tile", cube, 2, 1, 2 },
  { "repeat_interleave", wide, 3, 1 }, { "nonzero", truth }, { "histogram", wide, { bins = 13 } },
  { "searchsorted", (series:sort()), wide },
  { "take", wide, (wide:abs():clamp(1, 60)):to "i64", 1 },
  { "rolling_sum", wide, 5, 1 }, { "rolling_mean", long, 30, 2 }, { "rolling_std", cube, 4, 2 },
  { "rolling_min", wide, 6, 2 }, { "rolling_max", gaps, 3, 3, { min_count = 1 } },
  { "rolling_quantile", wide, 9, 0.3, 1 },
  { "bincount", small:reshape(-1):to "i64" + 1 }, { "add_", wide, wide }, { "mul_", whole, small },
  { "exp_", long }, { "copy_", cube, 1 }, { "clamp_", wide, -0.1, 0.1 },
}

describe("large views give what contiguous tensors give:", function()
  for i, case in ipairs(large) do
    it(i .. " " .. case[1], function()
      local arguments = { n = #case - 1, table.unpack(case, 2) }
      local fn = case[2][case[1]]
      local want = outcome(fn, with_views(arguments, plain))
      for _, kind in ipairs(kind_names) do
        assert.is_true(want == outcome(fn, with_views(arguments, kinds[kind])), kind)
      end
    end)
  end
end)

describe("matmul", function()
  -- BLAS sums in another order when an operand lies turned in memory: F64_TOL of the largest sum.
  it("gives for views what it gives for contiguous tensors, but for rounding", function()
    local y = wide:t():clone()
    local want = wide:matmul(y)
    for _, kind in ipairs(kind_names) do
      local got = kinds[kind](wide):matmul(kinds[kind](y))
      assert.is_true((got - want):abs():max() <= 1e-12 * want:abs():max(), kind)
    end
  end)
end)

-- overlap -----------------------------------------------------------------------------------------

-- The part of a 6 x 6 matrix that is written to, and the part that is read.
local function all(x) return x end
local function part(...)
  local ranges = { ... }
  return function(x) return x[ranges] end
end
local overlaps = {
  { "itself", all, all },
  { "its transpose", all, function(x) return x:t() end },
  { "both turned round", all, function(x) return x:flip { 1, 2 } end },
  { "rows before", part { 2, -1 }, part { 1, -2 } },
  { "rows after", part { 1, -2 }, part { 2, -1 } },
  { "columns before", part({}, { 2, -1 }), part({}, { 1, -2 }) },
  { "every second row", part { 1, 5, 2 }, part { 4, 6 } },
  { "one row for all", all, function(x) return x[3]:expand(6, 6) end },
  { "one column for all", all, function(x) return x:slice(2, 3, 3):expand(6, 6) end },
  { "one element", all, part({ 2, 2 }, { 2, 2 }) },
}

local function start(dtype) return tensor.arange(36):view(6, 6):to(dtype) end

describe("memory that is read while it is written:", function()
  for _, case in ipairs(overlaps) do
    local name, to, from = table.unpack(case)
    for _, op in ipairs { "copy_", "add_", "sub_", "mul_", "div_", "floordiv_", "mod_", "pow_",
      "maximum_", "minimum_", "atan2_", "bit_and_", "bit_or_", "bit_xor_" } do
      it(op .. " of " .. name, function()
        local dtype = op:find "^bit" and "i64" or "f64"
        local x, want = start(dtype), start(dtype)
        local target = to(want)
        target:copy_(op == "copy_" and from(want):clone():expand(target.shape)
          or target[op:sub(1, -2)](target:clone(), from(want):clone()))
        local y = to(x)
        y[op](y, from(x))
        assert.same(want:totable(), x:totable())
      end)
    end

    it("assignment of " .. name, function()
      local x, want = start "f64", start "f64"
      to(want)[{}] = from(want):clone()
      to(x)[{}] = from(x)
      assert.same(want:totable(), x:totable())
    end)

    it("clamp_ by " .. name, function()
      local x, want = start "f64", start "f64"
      to(want):clamp_(from(want):clone() + 1, nil)
      to(x):clamp_(from(x) + 1, nil)
      assert.same(want:totable(), x:totable())
    end)
  end
end)

describe("indices and masks that are what they write to:", function()
  local function i64(t) return tensor.of(t, { dtype = "i64" }) end

  it("positions", function()
    local x = i64 { 3, 1, 2 }
    x[x] = i64 { 10, 20, 30 }
    assert.same({ 20, 30, 10 }, x:totable())
    x = i64 { 2, 3, 1, 9 }
    x[x:slice(1, 1, 3)] = x:slice(1, 2, 4)
    assert.same({ 9, 3, 1, 9 }, x:totable())
  end)

  it("values permuted in place", function()
    local x = tensor.of { 1, 2, 3, 4 }
    x[i64 { 2, 3, 4, 1 }] = x
    assert.same({ 4, 1, 2, 3 }, x:totable())
    local rows = tensor.of { { 1, 2 }, { 3, 4 } }
    rows[i64 { 2, 1 }] = rows
    assert.same({ { 3, 4 }, { 1, 2 } }, rows:totable())
    x = tensor.of { 1, 2, 3, 4 }
    x[tensor.of { true, false, true, false }] = x:slice(1, 3, 4)
    assert.same({ 3, 2, 4, 4 }, x:totable())
  end)

  it("masks", function()
    local x = tensor.of { true, false, true, true }
    x[x] = false
    assert.same({ false, false, false, false }, x:totable())
    x = tensor.of { true, true, false, true, false }
    x:slice(1, 1, 4)[x:slice(1, 2, 5)] = false -- the mask lies one place further
    assert.same({ false, true, false, true, false }, x:totable())
    x = tensor.of { true, true, false, true, false }
    x:slice(1, 2, 5)[x:slice(1, 1, 4)] = false -- and one place before
    assert.same({ true, false, false, true, false }, x:totable())
    x = tensor.of { { true, false }, { true, true } }
    x[x:t()] = tensor.of { false, true, false }
    assert.same({ { false, true }, { true, false } }, x:totable())
  end)

  it("masks that lie a few places away", function()
    for away = -5, 5 do
      local x = tensor.randn({ 1000, seed = 7 }):gt(0)
      local want = x:clone()
      local to, from = 10 + away, 10
      want:slice(1, to, to + 900)[want:slice(1, from, from + 900):clone()] = false
      x:slice(1, to, to + 900)[x:slice(1, from, from + 900)] = false
      assert.is_true(x:eq(want):all(), away)
    end
  end)

  it("gather and scatter_", function()
    local x = i64 { 3, 1, 2 }
    x:scatter_(x, i64 { 7, 8, 9 })
    assert.same({ 8, 9, 7 }, x:totable())
    x = tensor.of { 1, 2, 3 }
    x:scatter_(i64 { 2, 3, 1 }, x)
    assert.same({ 3, 1, 2 }, x:totable())
  end)

  it("a failed assignment changes nothing", function()
    local x = tensor.arange(5)
    for _, at in ipairs { { 1, 2, 9 }, { 1, 2, 0 }, { 1, 2, -6 } } do
      assert.is_false(pcall(function() x[i64(at)] = -1 end))
      assert.is_false(pcall(function() x:scatter_(i64(at), -1) end))
    end
    local whole_numbers = i64 { 1, 2, 3 }
    assert.is_false(pcall(function() whole_numbers:floordiv_(i64 { 1, 1, 0 }) end))
    assert.is_false(pcall(function() whole_numbers:pow_(i64 { 1, 1, -1 }) end))
    assert.same({ 1, 2, 3, 4, 5 }, x:totable())
    assert.same({ 1, 2, 3 }, whole_numbers:totable())
  end)
end)

describe("a mask of several dims", function()
  it("assigns to views as to contiguous tensors", function()
    for _, kind in ipairs(kind_names) do
      local x = tensor.arange(24):view(2, 3, 4)
      local view = kinds[kind](x)
      local mask = tensor.of { { true, false, true }, { false, true, true } }
      local rows = tensor.arange(101, 116):view(4, 4)
      x[mask], view[mask] = rows, rows
      assert.same(x:totable(), view:totable(), kind)
      assert.same(x[mask]:totable(), view[mask]:totable(), kind)
    end
  end)
end)
