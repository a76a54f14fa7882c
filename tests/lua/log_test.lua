local file = require "neap.file"
local log = require "neap.log"
local support = require "tests.lua.support"

describe("log", function()
  local folder, path, count = nil, nil, 0

  setup(function() folder = file.temporary_folder() end)
  teardown(function() file.remove_tree(folder) end)
  before_each(function()
    count = count + 1
    path = folder .. "/" .. count .. ".log"
    log.to(path)
    log.level "info"
    log.json(false)
  end)
  after_each(function()
    log.to()
    log.level "info"
    log.json(false)
  end)

  local function lines()
    local out = {}
    for line in file.read(path):gmatch "[^\n]+" do
      out[#out + 1] = line:gsub("%d+%-%d+%-%d+T%d+:%d+:%d+%.?%d*Z", "TIME")
    end
    return out
  end

  it("writes level, text and values in the order of their names", function()
    log.info("tree grown", { loss = 0.25, leaves = 31, valid = true, name = "a b", [2] = "x" })
    log.warn "plain"
    log.error("gone", { path = "", value = 0 / 0 })
    assert.same({
      'TIME info  tree grown  2=x leaves=31 loss=0.25 name="a b" valid=true',
      "TIME warn  plain",
      'TIME error gone  path="" value=nan',
    }, lines())
  end)

  it("drops what lies below the level", function()
    log.debug "hidden"
    assert.equal("debug", log.level "debug")
    log.debug "shown"
    assert.equal("error", log.level "error")
    log.warn "hidden"
    log.error "shown"
    log.level "off"
    log.error "hidden"
    assert.same({ "TIME debug shown", "TIME error shown" }, lines())
    assert.matches("unknown level 'loud' %(debug, info, warn, error or off%)",
      support.message(log.level, "loud"))
  end)

  it("writes JSON lines on request", function()
    assert.is_true(log.json(true))
    log.info("say \"hi\"\n", { x = 1.5, n = 0 / 0, big = math.maxinteger, ["k\\"] = "\xff\27[31m" })
    assert.same({ [[{"time":"TIME","level":"info","message":"say \"hi\"\n",]]
      .. [["big":9223372036854775807,"k\\":"]] .. "\u{fffd}" .. [[\u001b[31m","n":null,"x":1.5}]] },
      lines())
  end)

  it("keeps a line in one line, and control characters away from the terminal", function()
    log.info("two\nlines \27[31m", { text = "tab\there" })
    assert.same({ [[TIME info  two\nlines \x1b[31m  text="tab\there"]] }, lines())
  end)

  it("appends to files and to open handles, which may be closed afterwards", function()
    log.info "first"
    local handle = assert(io.open(path, "a"))
    handle:write "by hand\n"
    log.to(handle)
    handle:close()
    log.info "second"
    assert.same({ "TIME info  first", "by hand", "TIME info  second" }, lines())
    assert.matches("the file is closed", support.message(log.to, handle))
    assert.matches("open '/nowhere/log': No such file", support.message(log.to, "/nowhere/log"))
    log.info "third"
    assert.equal(4, #lines())
  end)

  it("survives a destination that refuses", function()
    log.to "/dev/full"
    log.info "lost"
    log.to(path)
    log.info "kept"
    assert.same({ "TIME info  kept" }, lines())
  end)

  it("takes its level from NEAP_LOG, and refuses fields that are no table", function()
    local run = "NEAP_LOG=%s %s -e \"require 'neap.log'.info('x')\" 2>&1"
    assert.equal("", io.popen(run:format("warn", arg[-1])):read "a")
    assert.matches("Z info  x\n$", io.popen(run:format("debug", arg[-1])):read "a")
    assert.matches("log_test.lua:%d+: log.info: fields must be a table of names and values, got",
      support.message(function() log.info("loss", 0.5) end))
  end)
end)
