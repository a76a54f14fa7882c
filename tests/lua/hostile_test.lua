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
    local neap = absolute(executable())
    -- what asks for gigabytes is refused, filling them takes minutes; sanitizers, which map far
    -- more, have a limit of their own
    local command = ([[cd '%s' && (
      (ulimit -v 6000000; '%s' -e '' >/dev/null 2>&1) && ulimit -v 6000000
      export ASAN_OPTIONS="$ASAN_OPTIONS:max_allocation_size_mb=4000"
      timeout 600 '%s' '%s' 1 %s 2>&1 </dev/null )]]):format(folder, neap, neap,
      absolute "tests/lua/hostile.lua", calls)
    local pipe = assert(io.popen(command))
    local output = pipe:read "a"
    local ended = pipe:close()
    file.remove_tree(folder)
    -- asan on what it could not allocate, and on the symbolizer it does not find
    output = output:gsub("==%d+==WARNING: [^\n]*\n", "")
    assert.matches("^%d+ functions, 0 faults\n$", output)
    assert.is_true(ended)
    assert.is_true(tonumber(output:match "%d+") > 400)
  end)
end)

describe("text for a page", function()
  it("cannot leave its place", function()
    local neap = require "neap"
    local evil = '"><script>x</script>\'&<b>'
    local r = neap.report.new { title = evil, subtitle = evil, language = evil }
    r:section(evil):text(evil):notice(evil):list({ evil }):code(evil)
    r:figures({ { evil, evil } }):table({ evil }, { { evil } })
    r:charts(neap.plot.chart { title = evil, x_label = evil, y_label = evil, alt = evil,
      { "line", { 1, 2, 3 }, name = evil, dash = evil } })
    r:charts(neap.plot.chart { { "bar", { evil }, { 1 } } })
    r:charts(neap.plot.heatmap({ { 1 } }, { rows = { evil }, columns = { evil },
      format = function() return evil end }))
    local html = r:html()
    assert.is_nil(html:find("<script>", 1, true))
    for name, value in pairs { color = evil, radius = evil } do -- each on its own
      assert.matches(name .. " is", support.message(neap.plot.chart,
        { { "scatter", { 1, 2 }, [name] = value } }))
    end
    assert.matches("width is %-?nan", support.message(neap.plot.chart, { width = 0 / 0 }))
  end)
end)

describe("a wrong kind of argument", function()
  local neap = require "neap"
  local x = neap.tensor.ones { 3 }

  it("is named with what was expected", function()
    for _, case in ipairs {
      { "x must be a tensor, got number", neap.tensor.cov, 1 },
      { "y must be a tensor, got table", neap.tensor.dot, x, {} },
      { "a must be a tensor, got string", neap.linalg.inv, "a" },
      { "frames must be a table, got nil", neap.frame.concat },
      { "bars must be a table, got number", neap.market.bars_per_year, 1 },
      { "must be a tensor, got rng", neap.labels.threshold, neap.rng(1) },
      { "the rows must be a tensor, got nil", neap.split.time, nil, { 0.5, 0.5 } },
      { "ranges must be a table", neap.split.rows, 1 },
      { "element 2 of y is a table", neap.plot.line, { 1, {} } },
      { "the values of a heat map must be a tensor", neap.plot.heatmap },
      { "bins is 1e%+300", neap.plot.histogram, { 1, 2 }, { bins = 1e300 } },
    } do
      assert.matches(case[1], support.message(table.unpack(case, 2)))
    end
  end)
end)

describe("the end of a script", function()
  local text = [[
local folder, mode = arg[1], arg[2]
local neap = require "neap"
neap.set_threads(4)
local tensor = neap.tensor
local x, y = tensor.randn { 3000, 4, seed = 1 }, tensor.randn { 3000, seed = 2 }
local kept = { tensor.randn { 200000, seed = 1 }, neap.ta.stream "macd",
  require("neap.c.file").open_writer(folder .. "/kept"),
  neap.gbdt.fit(x, y, { num_iterations = 3 }), neap.log }
setmetatable(kept, { __gc = function()
  for _, use in ipairs {
    function() kept[1]:add_(1) end, function() kept[2]:push(1) end,
    function() kept[3]:write "text" end, function() return tostring(kept[4]) end,
    function() kept[5].info "closing" end,
  } do pcall(use) end
end })
neap.log.to(folder .. "/log")
local function leave() os.exit(0, true) end
local function target(i)
  if mode == "callback" and i == 10 then leave() end
  return 1
end
neap.backtest.run(neap.market.synthetic { rows = 20 }, { target = target })
if mode == "exit" then leave() end
if mode == "coroutine" then
  coroutine.wrap(function()
    local stream <close> = neap.ta.stream "sma"
    leave(stream)
  end)()
end
if mode == "error" then error "at the end" end
]]
  local file = require "neap.file"

  for _, mode in ipairs { "return", "exit", "callback", "coroutine", "error" } do
    it("may come by " .. mode .. " with everything open", function()
      local folder = file.temporary_folder()
      file.write(folder .. "/script.lua", text)
      local pipe = assert(io.popen(("'%s' '%s/script.lua' '%s' %s 2>&1"):format(executable(),
        folder, folder, mode)))
      local output = pipe:read "a"
      local ended = pipe:close()
      assert.matches(mode == "error" and "at the end" or "^$", output)
      assert.equal(mode ~= "error" or nil, ended)
      assert.is_false(file.exists(folder .. "/kept")) -- never committed
      file.remove_tree(folder)
    end)
  end
end)

describe("hostile files", function()
  local neap = require "neap"
  local file = neap.file

  it("are not named by half a path", function()
    local folder <const> = file.temporary_folder()
    local path = folder .. "/a\0b"
    local x, bars = neap.tensor.ones { 3, 1 }, neap.market.synthetic { rows = 9 }
    local model = neap.gbdt.fit(neap.tensor.randn { 30, 1, seed = 1 },
      neap.tensor.randn { 30, seed = 2 }, { num_iterations = 1 })
    for _, fn in ipairs {
      function() neap.tensor.save(path .. ".npy", x) end,
      function() neap.tensor.load(path .. ".npy") end,
      function() bars:write_csv(path) end, function() neap.frame.read_csv(path) end,
      function() model:save(path) end, function() neap.gbdt.load(path) end,
      function() neap.log.to(path) end, function() neap.clock.print(0, "Europe/Berlin\0x") end,
    } do assert.matches("zero byte inside", support.message(fn)) end
    assert.same({}, file.list(folder))
    file.remove_tree(folder)
  end)

  it("with many columns take memory and time by their size", function()
    local path = support.temporary ".csv"
    local names = {}
    for i = 1, 100000 do names[i] = "c" .. i end
    file.write(path, table.concat(names, ",") .. "\n" .. ("1,"):rep(99999) .. "1\n")
    local before = neap.memory().live
    local f = neap.frame.read_csv(path)
    assert.equal(1, f.c99999[1])
    assert.is_true(neap.memory().live - before < 200 << 20)
    names[70000] = "c3"
    file.write(path, table.concat(names, ",") .. "\n")
    assert.matches("columns 3 and 70000 are both called 'c3'",
      support.message(neap.frame.read_csv, path))
    os.remove(path)
  end)

  it("do not lead out of the folder of time zones", function()
    for _, name in ipairs { "../../../etc/passwd", "/etc/passwd", "Europe/../../../etc/passwd" } do
      assert.matches("is unknown", support.message(neap.clock.print, 0, name))
    end
  end)

  it("claim shapes that they do not hold", function()
    local path = support.temporary ".npy"
    for shape, message in pairs { -- each on its own
      ["(1000000000000,)"] = "out of memory", ["(4000,)"] = "ends early",
      ["(4000000000, 4000000000)"] = "overflows", ["(-1,)"] = "no shape",
      ["(1,1,1,1,1,1,1,1,1)"] = "more than 8", ["(3,"] = "no shape",
    } do
      local dict = ("{'descr': '<f8', 'fortran_order': True, 'shape': %s, }"):format(shape)
      file.write(path, "\x93NUMPY\1\0" .. string.pack("<s2", dict .. "\n"))
      assert.matches(message, support.message(neap.tensor.load, path))
    end
    os.remove(path)
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
