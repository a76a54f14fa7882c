-- Ctrl-C while experiments/01_direction.lua runs: exit code 130, and nothing half written.
local command = require "tests.lua.command"
local file = require "neap.file"

local arguments = "--rows 3000 --trees 30 "
local folder

setup(function() folder = file.temporary_folder() end)
teardown(function() file.remove_tree(folder) end)

-- Code to run before the script: the signal comes when `module.name` is called for the `at`-th
-- time; with `late`, that many seconds after the call began.
local function strike(module, name, at, late)
  return ([[
local stat <close> = io.open "/proc/self/stat"
local kill = "kill -INT " .. stat:read "n"
local module, calls = %s, 0
local original = module.%s
module.%s = function(...)
  calls = calls + 1
  if calls == %d then
    local pipe = io.popen("%s" .. kill)
    if %s then pipe:close() else strike_pipe = pipe end
  end
  return original(...)
end]]):format(module, name, name, at or 1, late and ("sleep %g; "):format(late) or "",
    tostring(not late))
end

local phases = {
  { "data", [[require "neap.market"]], "synthetic" },
  { "quality", [[require "neap.market"]], "validate" },
  { "features", [[require "neap.features"]], "set" },
  { "features, half way", [[require "neap.features.set"]], "compute" },
  { "labels", [[require "neap.labels"]], "threshold" },
  { "training", [[require "neap.gbdt"]], "fit" },
  { "calibration", [[require "neap.calibration"]], "select" },
  { "judgement", [[require "neap.linear"]], "fit" },
  { "latency", [[require "neap.clock"]], "monotonic", 1000 },
  { "backtest", [[require "neap.backtest"]], "run" },
  { "output: predictions", [[require "neap.file"]], "sha256_file" },
  { "output: charts", [[require "neap.plot"]], "histogram" },
  { "output: first text", [[require "neap.file"]], "write" },
  { "output: last text", [[require "neap.file"]], "write", 2 },
  { "output: the final name", "os", "rename" },
}

describe("Ctrl-C", function()
  for _, phase in ipairs(phases) do
    local name, module, called, at = table.unpack(phase)
    it("leaves nothing during " .. name, function()
      local r = command.shell(folder, ("%s -e %s %s --no-progress %s"):format(command.neap,
        command.quote(strike(module, called, at)), command.direction, arguments))
      assert.equal(130, r.code, r.out .. r.err)
      assert.truthy(r.err:find "^neap: [^\n]*interrupted\n$", r.err)
      assert.same({}, file.list(folder))
    end)
  end

  it("stops kernels of a long training", function()
    local r = command.shell(folder, ("%s -e %s %s --no-progress --rows 20000 --trees 10000 "
      .. "--patience 10000"):format(command.neap,
      command.quote(strike([[require "neap.gbdt"]], "fit", 1, 0.2)), command.direction))
    assert.equal(130, r.code, r.out .. r.err)
    assert.same({}, file.list(folder))
  end)

  it("at any moment leaves nothing, or the whole run", function()
    for i = 0, 11 do
      local r = command.shell(folder, ("timeout --foreground --preserve-status -s INT %.2f %s %s "
        .. "--no-progress %s"):format(0.04 + 0.04 * i, command.neap, command.direction, arguments))
      local names = file.list(folder)
      if r.code ~= 0 then assert.equal(130, r.code, r.out .. r.err) end
      if #names > 0 then
        local runs = file.list(folder .. "/runs")
        assert.equal(1, #runs)
        assert.truthy(runs[1]:find "^direction%-", runs[1])
        assert.equal(5, #file.list(folder .. "/runs/" .. runs[1]))
        file.remove_tree(folder .. "/runs")
      else
        assert.equal(130, r.code)
      end
    end
  end)
end)
