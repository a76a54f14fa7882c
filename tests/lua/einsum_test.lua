local tensor = require "neap.tensor"
local golden = require "tests.golden.linalg"
local support = require "tests.lua.support"

-- The generator of tests/golden/linalg.py: n values k/1000, moved to (-1, 1).
local function numbers(shape, seed)
  local n, x, out = 1, seed, {}
  for _, size in ipairs(shape) do n = n * size end
  for i = 1, n do
    x = (x * 1103515245 + 12345) % 2147483648
    out[i] = (x // 65536 % 999 + 1) / 1000 * 2 - 1
  end
  return tensor.of(out):reshape(shape)
end

-- The plain sum over all labels of named dims, without "...": an oracle.
local function plain(spec, ...)
  local inputs, output = spec:match "^(.-)%->(.*)$"
  local operands, sizes, labels = { ... }, {}, {}
  local terms = {}
  for term in (inputs .. ","):gmatch "(.-)," do
    terms[#terms + 1] = term
    for d = 1, #term do
      local label = term:sub(d, d)
      if not sizes[label] then labels[#labels + 1] = label end
      sizes[label] = operands[#terms]:size(d)
    end
  end
  local shape, sums, at = {}, {}, {}
  for d = 1, #output do shape[d] = sizes[output:sub(d, d)] end
  local function place(term)
    local position = {}
    for d = 1, #term do position[d] = at[term:sub(d, d)] end
    return position
  end
  local function visit(k)
    if k > #labels then
      local product = 1
      for i, term in ipairs(terms) do
        product = product * operands[i]:get(table.unpack(place(term)))
      end
      local key = table.concat(place(output), ",")
      sums[key] = (sums[key] or 0) + product
      return
    end
    for i = 1, sizes[labels[k]] do
      at[labels[k]] = i
      visit(k + 1)
    end
  end
  visit(1)
  local function build(d)
    if d > #output then return sums[table.concat(place(output), ",")] end
    local rows = {}
    for i = 1, shape[d] do
      at[output:sub(d, d)] = i
      rows[i] = build(d + 1)
    end
    return rows
  end
  local result = build(1)
  return #output == 0 and result or tensor.of(result)
end

local function assert_near(got, want)
  if type(want) == "number" then
    assert.near(want, got, 1e-12)
  else
    assert.same(want.shape, got.shape)
    assert.is_true(((got - want):abs():max()) < 1e-12)
  end
end

describe("einsum", function()
  for _, case in ipairs(golden.einsum) do
    it("agrees with NumPy: " .. case.spec, function()
      local operands = {}
      for k, shape in ipairs(case.shapes) do operands[k] = numbers(shape, case.seed + k - 1) end
      local got = tensor.einsum(case.spec, table.unpack(operands))
      local flat = type(got) == "number" and { got } or got:reshape(-1):totable()
      assert.same(case.shape, type(got) == "number" and {} or got.shape)
      assert.equal(#case.values, #flat)
      for i, want in ipairs(case.values) do assert.near(want, flat[i], 1e-12) end
    end)
  end

  it("agrees with plain sums, on views too", function()
    local sizes = { a = 2, b = 3, c = 4, d = 2 }
    local specs = { "ab,bc->ac", "ab,bc->ca", "abc,cbd->ad", "abc,abd->bcd", "aab,bc->ac", "abc->b",
      "ab,cd->dbca", "abc,bc,ca->b", "ad,da->", "abb,b->ab", "dd,dd->d", "ab,ab,ab->a", "aaa->a",
      "acbc->ba", "abcd,dcba->", "abcd,abcd->cb", "a,b,c,d->dcba", "ab,c->b" }
    for number, spec in ipairs(specs) do
      local operands, k = {}, 0
      for term in (spec:match "^(.-)%->" .. ","):gmatch "(.-)," do
        local shape = {}
        for d = 1, #term do shape[#term + 1 - d] = sizes[term:sub(d, d)] end
        local x = numbers(shape, number * 10 + k)
        local order = {}
        for d = 1, #term do order[d] = #term + 1 - d end
        k = k + 1
        operands[k] = #order > 1 and x:permute(order) or x
      end
      assert_near(tensor.einsum(spec, table.unpack(operands)),
        plain(spec, table.unpack(operands)))
    end
  end)

  it("multiplies integers in i64 and keeps f32", function()
    local x = tensor.of({ { 200, 100 }, { 50, 25 } }, { dtype = "u8" })
    assert.equal("i64", tensor.einsum("ij,jk->ik", x, x).dtype)
    assert.equal(200 * 200 + 100 * 50, tensor.einsum("ij,jk->ik", x, x):get(1, 1))
    assert.equal(40000, tensor.einsum("ij,ij->ij", x, x):get(1, 1))
    assert.equal("f32", tensor.einsum("ij,jk->ik", x:to "f32", x:to "f32").dtype)
    assert.is_true(tensor.einsum("i,i->", tensor.of { 1, 0 / 0 }, tensor.of { 1, 0 }) ~= 1)
  end)

  it("shows where the text is wrong", function()
    local a, b = tensor.ones { 3, 4 }, tensor.ones { 5, 4 }
    local function message(...) return support.message(tensor.einsum, ...) end
    local cases = {
      { "'j' is 4 in operand 1 and 5 in operand 2\n  ij,jk->ik\n     ^", "ij,jk->ik", a, b },
      { "operand 2 has shape [5x4], its subscripts name 3 dims\n  ij,jkl->ik\n     ^",
        "ij,jkl->ik", a, b },
      { "operand 1 has shape [3x4], its subscripts name 1 dims", "i", a },
      { "'z' is in no operand\n  ij->iz\n       ^", "ij->iz", a },
      { "'i' twice in the result\n  ij->ii\n       ^", "ij->ii", a },
      { "letters, ',', '->' and '...' expected, got '*'\n  i*j\n   ^", "i*j", a },
      { "'->' expected\n  ij-i\n    ^", "ij-i", a },
      { "',' after the subscripts of the result", "ij->i,j", a },
      { "a second '...'", "...i...", a },
      { "'...' of the operands is missing in the result", "...i->i", a },
      { "dim 1 of '...' from the right is 3 before and 4 in operand 2", "...,...",
        tensor.ones { 3 }, tensor.ones { 4 } },
      { "subscripts for 2 operands, 1 given", "ij,jk", a },
      { "operand 1 must be a tensor, got number", "ij", 3 },
      { "spec must be a string, got nil", nil },
      { "has 10 dims, 8 are the most", "abcde,fghij->abcdefghij", tensor.ones { 1, 1, 1, 1, 1 },
        tensor.ones { 1, 1, 1, 1, 1 } },
    }
    for _, case in ipairs(cases) do
      local got = message(table.unpack(case, 2))
      assert(got:find(case[1], 1, true), got)
    end
  end)
end)

describe("shapes", function()
  it("put diagonals in and take them out", function()
    local x = tensor.arange(12):reshape(3, 4)
    assert.same({ 1, 6, 11 }, x:diagonal():totable())
    assert.same({ 2, 7, 12 }, x:diagonal(1):totable())
    assert.same({ 4 }, x:diagonal(3):totable())
    assert.same({ 9 }, x:diagonal(-2):totable())
    assert.same({ 0 }, x:diagonal(4).shape)
    assert.same({ 0 }, x:diagonal(-3).shape)
    assert.same({ 1, 6, 11 }, x:t():diagonal():totable())
    assert.same({ 2, 3, 0 }, tensor.zeros({ 2, 3, 4, 0 }):diagonal().shape)
    local y = x:clone()
    y:diagonal()[{}] = 0
    assert.equal(78 - 18, y:sum())
    for k = -2, 2 do
      local d = tensor.diag(tensor.of { 1, 2 }, k)
      assert.same({ 2 + math.abs(k), 2 + math.abs(k) }, d.shape)
      assert.same({ 1, 2 }, tensor.diag(d, k):totable())
      assert.equal(3, d:sum())
    end
    assert.equal("i32", tensor.diag(tensor.of({ 1 }, { dtype = "i32" })).dtype)
    assert.same({ 0, 0 }, tensor.diag(tensor.zeros { 0 }).shape)
    assert.matches("k must be an integer, got 1.5", support.message(x.diagonal, x, 1.5))
    assert.matches("a matrix expected, got shape %[3%]",
      support.message(tensor.trace, tensor.ones { 3 }))
  end)

  it("keep triangles", function()
    local x = tensor.arange(12):reshape(3, 4)
    for k = -4, 5 do
      local upper, lower = tensor.triu(x, k), tensor.tril(x, k)
      for i = 1, 3 do
        for j = 1, 4 do
          assert.equal(j - i >= k and x:get(i, j) or 0, upper:get(i, j))
          assert.equal(j - i <= k and x:get(i, j) or 0, lower:get(i, j))
        end
      end
    end
    assert.equal("u8", tensor.triu(tensor.ones { 2, 2, dtype = "u8" }).dtype)
    assert.equal("bool", tensor.tril(tensor.ones { 2, 2, dtype = "u8" }:to "bool").dtype)
    local nan = 0 / 0
    assert.equal(0, tensor.triu(tensor.full { 2, 2, value = nan }):get(2, 1))
  end)

  it("multiply", function()
    local a, b = numbers({ 2, 3 }, 1), numbers({ 4, 2 }, 2)
    local k = tensor.kron(a, b)
    assert.same({ 8, 6 }, k.shape)
    for i = 1, 8 do
      for j = 1, 6 do
        assert.equal(a:get((i - 1) // 4 + 1, (j - 1) // 2 + 1) * b:get((i - 1) % 4 + 1,
          (j - 1) % 2 + 1), k:get(i, j))
      end
    end
    assert.same({ 2, 6 }, tensor.kron(tensor.ones { 2 }, tensor.ones { 2, 3 }).shape)
    local x, y = numbers({ 5, 2, 3 }, 3), numbers({ 5, 3, 4 }, 4)
    for i = 1, 5 do assert_near(tensor.bmm(x, y)[i], x[i]:matmul(y[i])) end
    for _, name in ipairs { "diag", "triu", "tril", "trace", "bmm", "kron" } do
      assert.matches(name .. ": x must be a tensor, got number", support.message(tensor[name], 1))
    end
    assert.matches("kron: y must be a tensor, got nil", support.message(tensor.kron, x))
    assert.matches("bmm: shapes %[5x2x3%] and %[5x2x3%] do not match",
      support.message(tensor.bmm, x, x))
    assert_near(x:matmul(y[1]), tensor.stack { x[1]:matmul(y[1]), x[2]:matmul(y[1]),
      x[3]:matmul(y[1]), x[4]:matmul(y[1]), x[5]:matmul(y[1]) })
    local wide = numbers({ 3, 1, 2, 4 }, 5):matmul(numbers({ 2, 4, 5 }, 6))
    assert.same({ 3, 2, 2, 5 }, wide.shape)
    assert_near(wide[3][2], numbers({ 3, 1, 2, 4 }, 5)[3][1]:matmul(numbers({ 2, 4, 5 }, 6)[2]))
  end)
end)
