-- Every operation with a gradient against differences, over layouts, sizes, dtypes, thread counts
-- and instruction sets.
local cases = dofile "tests/lua/grad_cases.lua"
local command = require "tests.lua.command"
local grad = require "neap.grad"
local neap = require "neap"
local tensor = require "neap.tensor"

describe("gradients against differences", function()
  for number, one in ipairs(cases.list) do
    it(one.name, function() cases.check(number, one) end)
  end

  it("miss no operation", function()
    local text = {}
    for _, one in ipairs(cases.list) do text[#text + 1] = one.name end
    text = table.concat(text, "\n")
    local under = { to = "to f32", select = "index by a number", index = "index by a mask" }
    for _, name in ipairs(grad.ops()) do
      assert.truthy(text:find(under[name] or name, 1, true), name)
    end
  end)

  for _, cpu in ipairs { "scalar", "avx2", "avx512" } do
    it("hold with NEAP_CPU=" .. cpu, function()
      local run = command.shell(command.root, ("NEAP_CPU=%s NEAP_THREADS=3 %s -e '%s'"):format(cpu,
        command.neap, [[print(dofile("tests/lua/grad_cases.lua").check_all())]]))
      if run.err:find "cannot run" then return end -- a processor without it
      assert.equal("", run.err)
      assert.equal(#cases.list, tonumber(run.out))
    end)
  end
end)

describe("gradients in f32", function()
  for number, one in ipairs(cases.list) do
    it(one.name, function()
      local inputs, leaves, found = cases.inputs_of(number, one, "contiguous"), {}, {}
      for _, dtype in ipairs { "f64", "f32" } do
        for i, x in ipairs(inputs) do
          leaves[i] = x:to "f32":to(dtype):clone():requires_grad_()
        end
        local results = table.pack(one.f(table.unpack(leaves)))
        for k = 1, results.n do
          local y = results[k]
          assert.is_true(y.requires_grad)
          y:backward { gradient = tensor.arange(y:numel()):reshape(y.shape), retain = true }
        end
        for i, x in ipairs(leaves) do
          local g = x.grad or tensor.zeros_like(x)
          assert.equal(dtype, g.dtype)
          if not found[i] then found[i] = g
          else -- sums of products of some f32 steps: an error of 1e-4 of the largest
            local size = found[i]:abs():max()
            local worst = (g:to "f64" - found[i]):abs():max()
            assert.is_true(worst <= 1e-4 * (1 + size), one.name .. ": " .. worst)
          end
        end
      end
    end)
  end
end)

describe("sizes 0 and 1", function()
  local function check(f, sizes, low, high)
    local x = cases.draw(neap.rng(3), sizes, low or -1, high or 1)
    assert.is_true(grad.check(f, x))
    local leaf = x:detach():requires_grad_()
    local y = f(leaf)
    y:backward { gradient = tensor.ones_like(y) }
    assert.same(sizes, leaf.grad.shape)
  end

  for _, name in ipairs(cases.unary) do
    it(name, function()
      for _, sizes in ipairs { {}, { 1 }, { 1, 1 }, { 0 }, { 3, 0 } } do
        check(function(x) return x[name](x) end, sizes, table.unpack(cases.ranges[name]))
      end
    end)
  end

  for _, name in ipairs { "add", "sub", "mul", "div", "pow", "maximum", "minimum", "mod" } do
    it(name, function()
      for _, sizes in ipairs { {}, { 1 }, { 0 }, { 3, 0 }, { 1, 3 } } do
        local y = tensor.full { 1, value = 1.3 }
        check(function(x) return x[name](x, y) end, sizes, 0.3, 0.9)
        check(function(x) return y[name](y, x) end, sizes, 0.3, 0.9)
        check(function(x) return x[name](x, x * 0.9) end, sizes, 0.3, 0.9)
      end
    end)
  end

  for _, name in ipairs { "sum", "mean", "prod", "norm", "logsumexp", "cumsum", "cumprod", "cummax",
    "softmax", "log_softmax", "sort", "flip", "diff" } do
    it(name, function()
      for _, sizes in ipairs { { 1 }, { 1, 1 }, { 0, 3 }, { 3, 0 }, { 1, 4 }, { 4, 1 } } do
        for dim = 1, #sizes do
          local none = sizes[dim] == 0
          if not (none and (name == "mean" or name == "logsumexp")) then -- NaN, -inf
            check(function(x) return (x[name](x, dim)) end, sizes, 0.3, 0.9)
          end
        end
      end
    end)
  end

  it("max, var, take, gather, where, cat, matmul", function()
    for _, sizes in ipairs { { 1, 1 }, { 1, 4 }, { 0, 4 } } do
      check(function(x) return (x:max(2)) end, sizes)
      check(function(x) return x:var(2, { ddof = 0 }) end, sizes)
      check(function(x) return x:take(tensor.of({ 1 }, { dtype = "i64" }), 2) end, sizes)
      check(function(x) return x:gather(tensor.of({ { 1, -1 } }, { dtype = "i64" }), 2) end, sizes)
      check(function(x) return tensor.where(x:gt(0), x, 0) end, sizes)
      check(function(x) return x[x:gt(0)] end, sizes)
      check(function(x) return tensor.cat({ x, x }, 1) end, sizes)
      check(function(x) return x:t():matmul(x) end, sizes)
    end
  end)
end)

describe("at any thread count", function()
  it("gradients have the same bits", function()
    local rng = neap.rng(5)
    local x0 = tensor.randn { 300, 700, rng = rng }
    local index = tensor.randint { 300, 900, low = 1, high = 700, rng = rng }
    local function loss(x)
      local y = x:softmax(2) + x:log_softmax(1):tanh() + x:cumsum(2):sin() + x:cumprod(1)
      local z = x:gather(index, 2):square():sum(2) + x:take(index[1], 2):sum(2) + x:std(2)
      return y:erf():sum() + z:sum() + (x:prod(2) * x:max(2)):sum() + x:norm() + x:sort(2):sum()
    end
    local first
    for _, threads in ipairs { 1, 2, 3 } do
      neap.set_threads(threads)
      local x = x0:detach():requires_grad_()
      loss(x):backward()
      first = first or x.grad:clone()
      assert.is_true(first:eq(x.grad):all())
      assert.equal(0, first:isnan():to "i64":sum())
    end
    neap.set_threads(2)
  end)
end)
