-- Which dtype comes out of what, and what integers do at their limits: the tables of
-- docs/guide/tensor.md.
local tensor = require "neap.tensor"
local support = require "tests.lua.support"

local dtypes = { "f64", "f32", "i64", "i32", "u8", "bool" }

local function of(t, dtype) return tensor.of(t, { dtype = dtype }) end

local function dtype_of(v)
  if type(v) == "userdata" then return v.dtype end
  return math.type(v) == "integer" and "i64" or type(v) == "boolean" and "bool" or "f64"
end

-- Result dtypes for operands of one dtype, in the order of `dtypes`; "-" is an error.
local function pair(name)
  return function(dtype)
    local x = tensor.ones { 2, dtype = dtype }
    return x[name](x, x)
  end
end
local function along(name, ...)
  local further = table.pack(...)
  return function(dtype)
    local x = tensor.ones { 2, 3, dtype = dtype }
    return (x[name](x, table.unpack(further, 1, further.n)))
  end
end

local families = {
  { "f64 f32 i64 i32 u8 bool", pair, { "add", "mul", "maximum", "minimum", "clamp" } },
  { "f64 f32 i64 i32 u8 -", pair, { "sub" } },
  { "f64 f32 f64 f64 f64 f64", pair, { "div", "atan2" } },
  { "f64 f32 i64 i32 u8 i64", pair, { "floordiv", "mod", "pow" } },
  { "- - i64 i32 u8 bool", pair, { "bit_and", "bit_or", "bit_xor" } },
  { "bool bool bool bool bool bool", pair, { "eq", "lt", "logical_and" } },
  { "f64 f32 i64 i64 i64 i64", pair, { "dot", "matmul" }, "numbers" },
  { "f64 f32 i64 i32 u8 -", along, { "neg" } },
  { "- - i64 i32 u8 bool", along, { "bit_not" } },
  { "f64 f32 i64 i32 u8 i64", along, { "abs", "sign", "square", "relu" } },
  { "f64 f32 i64 i32 u8 f64", along, { "floor", "ceil", "round", "trunc" } },
  { "f64 f32 f64 f64 f64 f64", along, { "sqrt", "exp", "log", "tanh", "reciprocal", "erf" } },
  { "bool bool bool bool bool bool", along, { "isnan", "isinf", "isfinite", "logical_not" } },
  { "f64 f32 i64 i32 u8 bool", along, { "min", "max", "sort", "cummax", "cummin" }, 1 },
  { "f64 f32 i64 i64 i64 i64", along, { "sum", "prod", "cumsum", "cumprod" }, 1 },
  { "f64 f32 f64 f64 f64 f64", along,
    { "mean", "var", "std", "norm", "logsumexp", "softmax", "log_softmax" }, 1 },
  { "f64 f64 f64 f64 f64 f64", along, { "median" }, 1 },
  { "bool bool bool bool bool bool", along, { "any", "all" }, 1 },
  { "i64 i64 i64 i64 i64 i64", along, { "argmax", "argmin", "count", "argsort" }, 1 },
  { "f64 f32 i64 i32 u8 -", along, { "diff" }, 1 },
}

describe("dtypes of results", function()
  for _, family in ipairs(families) do
    local want, make, names, extra = table.unpack(family)
    for _, name in ipairs(names) do
      it("of " .. name, function()
        local call, got = make(name, extra), {}
        for i, dtype in ipairs(dtypes) do
          local ok, v = pcall(call, dtype)
          got[i] = ok and dtype_of(v) or "-"
        end
        if extra == "numbers" then got[2] = "f32" end -- a number has no dtype
        assert.equal(want, table.concat(got, " "))
      end)
    end
  end

  it("of a Lua number with a tensor", function()
    local float, integer = {}, {}
    for i, dtype in ipairs(dtypes) do
      local x = tensor.ones { 1, dtype = dtype }
      float[i], integer[i] = (x + 0.5).dtype, (x + 1).dtype
    end
    assert.equal("f64 f32 f64 f64 f64 f64", table.concat(float, " "))
    assert.equal("f64 f32 i64 i32 u8 i64", table.concat(integer, " "))
  end)
end)

describe("integers at their limits", function()
  local low, high = math.mininteger, math.maxinteger

  it("wrap around", function()
    assert.same({ low, high }, (of({ high, low }, "i64") + of({ 1, -1 }, "i64")):totable())
    assert.same({ -2, 0 }, (of({ high, low }, "i64") * 2):totable())
    assert.same({ low, low, low }, tensor.stack({ -of({ low }, "i64"), of({ low }, "i64"):abs(),
      of({ low }, "i64") // -1 }, 1):reshape(-1):totable())
    assert.equal(0, (of({ low }, "i64") % -1)[1])
    assert.equal(-2147483648, (of({ 2147483647 }, "i32") + 1)[1])
    assert.same({ 44, 254, 144 }, tensor.cat({ of({ 200 }, "u8") + 100, of({ 3 }, "u8") - 5,
      of({ 200 }, "u8") * 2 }):totable())
    assert.same({ low, 0 }, (of({ 2, 2 }, "i64") ^ of({ 63, 64 }, "i64")):totable())
    assert.equal(low, of({ high, 1 }, "i64"):sum())
    assert.equal(low, of({ high, 1 }, "i64"):cumsum()[2])
    assert.equal(4294967296, of({ 2147483647, 2147483647, 2 }, "i32"):sum())
  end)

  it("have means and variances that do not wrap", function()
    local x = of({ high, high, high, high }, "i64")
    assert.equal(2.0 ^ 63, x:mean())
    assert.equal(0, x:var())
    assert.equal(2.0 ^ 63, x:view(2, 2):mean(1)[1])
    assert.equal(2.0 ^ 62, of({ low, low, high, high }, "i64"):view(2, 2):abs():max(1)[1] / 2)
    assert.equal(2.0 ^ 63, of({ low, high }, "i64"):std { ddof = 0 })
    assert.equal(1 / 3, of({ 1, 0, 0 }, "i64"):mean())
  end)

  it("are not divided by 0, nor raised to a negative power", function()
    local x = of({ 6, 7 }, "i64")
    for _, dtype in ipairs { "i64", "i32", "u8" } do
      local y = x:to(dtype)
      local zero = of({ 1, 0 }, dtype)
      for _, name in ipairs { "floordiv", "mod", "floordiv_", "mod_" } do
        for _, by in ipairs { 0, zero } do
          assert.matches(name:gsub("_$", "") .. ": integer division by zero",
            support.message(y[name], y, by))
        end
      end
      assert.same({ 6, 7 }, y:totable())
    end
    assert.matches("pow: integer to the negative power %-1", support.message(x.pow, x, -1))
    assert.same({ math.huge, -math.huge }, (of({ 1, -1 }, "i64") / 0):totable())
    assert.same({ 1, 1 }, (of({ 0, 5 }, "i64") ^ 0):totable())
  end)

  it("floats divide by 0 as IEEE 754 says", function()
    local x = tensor.of { 1, -1, 0 }
    local function text(t)
      local out = {}
      for i = 1, #t do out[i] = t[i] ~= t[i] and "nan" or tostring(t[i]) end
      return table.concat(out, " ")
    end
    assert.equal("inf -inf nan", text(x / 0))
    assert.equal("inf -inf nan", text(x // 0))
    assert.equal("nan nan nan", text(x % 0))
    assert.equal("2.0 -3.0", text(tensor.of { 5.5, -5.5 } // 2))
    assert.equal("1.5 0.5", text(tensor.of { 5.5, -5.5 } % 2))
  end)

  it("convert or raise", function()
    assert.same({ 1, -1, 2 }, tensor.of({ 1.9, -1.9, 2 }):to("i32"):totable())
    for _, case in ipairs { { 0 / 0, "i64" }, { 1 / 0, "i32" }, { 2.0 ^ 63, "i64" }, { 256, "u8" },
      { -1, "u8" }, { 2.0 ^ 31, "i32" } } do
      assert.matches("does not fit in " .. case[2], support.message(function()
        return tensor.of({ case[1] }):to(case[2])
      end))
    end
    assert.matches("does not fit in u8", support.message(function()
      return of({ 256 }, "i64"):to "u8"
    end))
    assert.equal(low, tensor.of({ -2.0 ^ 63 }):to("i64")[1])
    assert.same({ true, true, false }, tensor.of({ 0 / 0, -1, 0 }):to("bool"):totable())
  end)
end)
