-- What NumPy makes of some thousand expressions, and neap of the same. tests/golden/parity.py
-- writes the cases and says what the lines and bounds mean.
local linalg = require "neap.linalg"
local tensor = require "neap.tensor"

local families = { "construction", "promotion", "special", "maps", "shapes", "views", "indexing",
  "errors", "reductions", "long", "order", "products" }
local least = 1500

-- what expressions may name beside the inputs -----------------------------------------------------

-- Factors whose signs are free, by what they multiply to.
local rebuild = {}
function rebuild.qr(a)
  local q, r = linalg.qr(a)
  return q:matmul(r)
end
function rebuild.svd(a)
  local u, s, vt = linalg.svd(a)
  return (u * s):matmul(vt)
end
function rebuild.lu(a)
  local p, l, u = linalg.lu(a)
  return l:matmul(u)[p:argsort()]
end
function rebuild.eigh(a)
  local w, v = linalg.eigh(a)
  return (v * w):matmul(v:t())
end
function rebuild.orthonormal(q) return q:t():matmul(q) end

local function new_environment()
  local env = { tensor = tensor, linalg = linalg, where = tensor.where, select = select,
    math = math, rebuild = rebuild }
  function env.copy(x) return x:clone() end
  function env.set(x, key, value)
    local y = x:clone()
    y[key] = value
    return y
  end
  for _, dtype in ipairs { "f64", "f32", "i64", "i32", "u8", "bool" } do
    env[dtype] = function(values) return tensor.of(values, { dtype = dtype }) end
  end
  return env
end

-- reading -----------------------------------------------------------------------------------------

local words = { nan = 0 / 0, inf = math.huge, ["-inf"] = -math.huge }

local function fields(line)
  local list = {}
  for field in (line .. "\t"):gmatch "(.-)\t" do list[#list + 1] = field end
  return list
end

-- { dtype, shape (nil for one Lua value), and the elements in C order }, f32 rounded to f32.
local function read_value(what, text)
  local dtype, sizes = what:match "^(%w+) (.*)$"
  local value = { dtype = dtype, shape = sizes ~= "one" and {} or nil }
  for size in sizes:gmatch "%d+" do value.shape[#value.shape + 1] = math.tointeger(size) end
  for token in text:gmatch "%S+" do
    local body, count = token:match "^(.-)%*(%d+)$"
    local v = words[body or token] or tonumber(body or token)
    if dtype == "bool" then v = v == 1
    elseif dtype == "f64" or dtype == "f32" then v = v * 1.0 end
    if dtype == "f32" then v = string.unpack("f", string.pack("f", v)) end
    for _ = 1, math.tointeger(count or 1) do value[#value + 1] = v end
  end
  return value
end

local function tensor_of(value)
  return tensor.of(#value > 0 and table.move(value, 1, #value, 1, {}) or {},
    { dtype = value.dtype }):reshape(value.shape)
end

-- The value of an expression, in the form of read_value.
local function seen(x)
  if type(x) ~= "userdata" then
    local dtypes = { float = "f64", integer = "i64" }
    return { dtype = dtypes[math.type(x)] or type(x) == "boolean" and "bool" or type(x), x }
  end
  local value = x:reshape(-1):totable()
  value.dtype, value.shape = x.dtype, x.shape
  return value
end

-- comparing ---------------------------------------------------------------------------------------

local digits = { f64 = { 52, -1074 }, f32 = { 23, -149 } }

-- The unit in the last place of v.
local function ulp(v, dtype)
  local size, smallest = math.abs(v), digits[dtype][2]
  if size == 0 then return 2.0 ^ smallest end
  local exponent = math.floor(math.log(size, 2))
  while 2.0 ^ exponent > size do exponent = exponent - 1 end
  while exponent < 1023 and 2.0 ^ (exponent + 1) <= size do exponent = exponent + 1 end
  return 2.0 ^ math.max(exponent - digits[dtype][1], smallest)
end

local function near(got, want, bound, dtype)
  if got ~= got or want ~= want then return got ~= got and want ~= want end
  if got == want then
    return bound ~= "=" or math.type(got) ~= "float" or got ~= 0 or 1 / got == 1 / want
  end
  local kind, size = bound:match "^(%a)(.*)$"
  if not kind or math.type(want) ~= "float" or math.abs(want) == math.huge then return false end
  local unit = kind == "u" and ulp(want, dtype) or 16 * 2.0 ^ -digits[dtype][1]
  return math.abs(got - want) <= tonumber(size) * unit
end

local function text_of(shape) return shape and "[" .. table.concat(shape, "x") .. "]" or "one" end

-- What is wrong with got, or nil.
local function difference(bound, got, want)
  local a = got.dtype .. " " .. text_of(got.shape)
  local b = want.dtype .. " " .. text_of(want.shape)
  if a ~= b then return ("it is %s, expected %s"):format(a, b) end
  for i = 1, #want do
    if not near(got[i], want[i], bound, want.dtype) then
      local exactly = math.type(want[i]) == "float" and "%.17g" or "%s"
      return ("element %d is " .. exactly .. ", expected " .. exactly):format(i, got[i], want[i])
    end
  end
end

-- cases -------------------------------------------------------------------------------------------

-- The cases of a family, { kind, expression, what comes behind it }, inputs and differences.
local function read_family(family)
  local cases, env, known = {}, new_environment(), {}
  for line in io.lines("tests/golden/parity/" .. family .. ".txt") do
    local kind, rest = line:match "^(%S+) (.*)$"
    local list = fields(rest)
    if kind == "let" then env[list[1]] = tensor_of(read_value(list[2], list[3]))
    elseif kind == "differs" then known[list[1]] = list[2]
    elseif kind ~= "#" then cases[#cases + 1] = { kind, table.unpack(list) } end
  end
  return cases, env, known
end

-- What is wrong with a case, or nil.
local function fault(case, env, known)
  local kind, expression, first, second, key = table.unpack(case)
  if kind == "error" then key = second end
  if key and not known[key] then return "an undocumented difference" end
  local chunk = assert(load("return " .. expression, "=case", "t", env))
  local ok, got = pcall(chunk)
  if kind == "error" then
    if ok then return "it raises nothing, expected " .. first end
    return not tostring(got):find(first) and ("the message is %q"):format(got) or nil
  end
  return ok and difference(kind, seen(got), read_value(first, second)) or not ok and got or nil
end

local ran = 0

describe("numpy parity", function()
  for _, family in ipairs(families) do
    it("of " .. family, function()
      local cases, env, known = read_family(family)
      local faults = {}
      for _, case in ipairs(cases) do
        local wrong = fault(case, env, known)
        if wrong then faults[#faults + 1] = ("%s %s: %s"):format(case[1], case[2], wrong) end
      end
      ran = ran + #cases
      if #faults > 0 then
        error(("%d of %d cases\n%s"):format(#faults, #cases, table.concat(faults, "\n", 1,
          math.min(#faults, 40))), 0)
      end
    end)
  end

  it("ran all the cases there should be", function()
    if ran < least then error(("%d cases, at least %d expected"):format(ran, least)) end
  end)

  it("notices what differs", function()
    local env = new_environment()
    local function wrong(kind, expression, ...) return fault({ kind, expression, ... }, env, {}) end
    assert.is_nil(wrong("=", "f64 { 1, -0.0 }", "f64 2", "1 -0.0"))
    assert.matches("element 2 is %-0, expected 0",
      wrong("=", "f64 { 1, -0.0 }", "f64 2", "1 0"))
    assert.matches("element 1 is 1,", wrong("u4", "f64 { 1 }", "f64 1", "1.000000000000001"))
    assert.is_nil(wrong("u5", "f64 { 1 }", "f64 1", "1.000000000000001"))
    assert.is_nil(wrong("u1", "f32 { 0.1 }", "f32 1", "0.10000001"))
    assert.matches("element 1", wrong("s1e10", "f64 { 0 / 0 }", "f64 1", "1"))
    assert.matches("it is f64 %[2%], expected f32 %[2%]",
      wrong("=", "f64 { 1, 2 }", "f32 2", "1 2"))
    assert.matches("it is f64 %[2%], expected f64 %[2x1%]",
      wrong("=", "f64 { 1, 2 }", "f64 2x1", "1 2"))
    assert.matches("it is i64 one", wrong("=", "3", "f64 one", "3"))
    assert.matches("it raises nothing", wrong("error", "f64 { 1 }", "of"))
    assert.matches("the message is", wrong("error", "f64 { 1 }:sum(2)", "mean"))
    assert.matches("undocumented", wrong("=", "f64 { 1 }", "f64 1", "1", "unheard-of"))
  end)
end)
