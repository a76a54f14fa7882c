-- Every function of every module called with arguments nobody means: see hostile.lua beside this.
-- NEAP_HOSTILE_CALLS=300 in the environment makes more calls than the few of a usual run.
local support = require "tests.lua.support"

local function executable() -- the first word of the command line that runs this test
  local i = 0
  while arg[i - 1] do i = i - 1 end
  return arg[i]
end

local function absolute(path)
  if path:sub(1, 1) == "/" then return path end
  local pipe <close> = assert(io.popen "pwd")
  return pipe:read "l" .. "/" .. path
end

describe("hostile arguments", function()
  it("give results or errors, and nothing else", function()
    local calls = os.getenv "NEAP_HOSTILE_CALLS" or "8"
    local file = require "neap.file"
    local folder = file.temporary_folder()
    local command = ("cd '%s' && timeout 600 '%s' '%s' 1 %s 2>&1 </dev/null"):format(folder,
      absolute(executable()), absolute "tests/lua/hostile.lua", calls)
    local pipe = assert(io.popen(command))
    local output = pipe:read "a"
    local ended = pipe:close()
    file.remove_tree(folder)
    output = output:gsub("==%d+==WARNING: AddressSanitizer failed to allocate[^\n]*\n", "")
    assert.matches("^%d+ functions, 0 faults\n$", output)
    assert.is_true(ended)
    assert.is_true(tonumber(output:match "%d+") > 400)
  end)
end)

describe("callbacks that fail", function()
  local neap = require "neap"
  local tensor = neap.tensor

  local function live()
    collectgarbage()
    collectgarbage()
    return neap.memory().live
  end

  -- The message of fn, which fails; afterwards the core holds what it held.
  local function failing(fn)
    pcall(fn) -- what is made once stays
    local before = live()
    local message = support.message(fn)
    assert.equal(before, live())
    return message
  end

  local x, y = tensor.randn { 200, 3, seed = 1 }, tensor.randn({ 200, seed = 2 }):gt(0):to "i64"
  local bars = neap.market.synthetic { rows = 50 }

  it("end a fit", function()
    local function fit(progress)
      return function()
        neap.gbdt.fit(x, y, { num_iterations = 5, objective = "binary", progress = progress })
      end
    end
    assert.matches("no more", failing(fit(function() error "no more" end)))
    assert.matches("yield", failing(fit(function() coroutine.yield() end)))
    local model = neap.gbdt.fit(x, y, { num_iterations = 5, objective = "binary" })
    local inside = neap.gbdt.fit(x, y, { num_iterations = 5, objective = "binary",
      progress = function()
        neap.gbdt.fit(x, y, { num_iterations = 2, objective = "binary" })
        collectgarbage()
      end })
    assert.equal(model:text(), inside:text())
  end)

  it("end a backtest", function()
    local function run(target)
      return function() neap.backtest.run(bars, { target = target, fee = 0 }) end
    end
    assert.matches("no more", failing(run(function(i) if i == 20 then error "no more" end end)))
    assert.matches("gave a table at bar 1", failing(run(function() return {} end)))
    assert.matches("gave a string at bar 1", failing(run(function() return "1" end)))
    assert.matches("yield", failing(function()
      local thread = coroutine.create(run(function() coroutine.yield(1) end))
      assert(coroutine.resume(thread))
    end))
    local kept
    run(function(_, _, state) kept = state end)()
    collectgarbage()
    assert.equal("number", type(kept.equity))
  end)

  it("end the computing of features", function()
    local function compute(fn)
      return function() neap.features.set({ { "own", fn } }):compute(bars) end
    end
    assert.matches("no more", failing(compute(function() error "no more" end)))
    for _, result in ipairs { tensor.ones { 3 }, tensor.ones { 50, 2 }, 7, "text" } do
      assert.matches("own", failing(compute(function() return result end)))
    end
    local set = neap.features.set { { "own", function(b) return b.close end,
      stream = function() return function() error "no more" end end } }
    local stream = set:stream()
    assert.matches("no more", failing(function() stream:push(bars) end))
  end)

  it("end one of two coroutines", function()
    local function averages(stop)
      return coroutine.create(function()
        local stream <close> = neap.ta.stream("sma", { period = 3 })
        for i = 1, 10 do
          if i == stop then error "no more" end
          coroutine.yield((stream:push(i)))
        end
      end)
    end
    local a, b = averages(5), averages()
    for i = 1, 10 do
      local going, mean = coroutine.resume(b)
      assert.is_true(going)
      if i > 2 then assert.equal(i - 1.0, mean) end
      assert.equal(i < 5, (coroutine.resume(a)))
    end
    coroutine.close(a)
    assert.is_true(coroutine.close(b))
  end)
end)
