local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"
local outputs = require "neap.outputs"
local support = require "tests.lua.support"

describe("json", function()
  it("writes numbers so that they read back, and NaN as null", function()
    local cases = { { 0.1, "0.1" }, { 1 / 3, "0.3333333333333333" }, { 5, "5" }, { -2.0, "-2" },
      { 5e-324, "4.94065645841247e-324" }, { 0.1 + 0.2, "0.30000000000000004" },
      { 0 / 0, "null" }, { math.huge, "null" }, { -math.huge, "null" } }
    for _, case in ipairs(cases) do assert.equal(case[2], json.number(case[1])) end
  end)

  it("escapes text and keeps the order of members", function()
    assert.equal([["a\"\\\n\u0001ü"]], json.encode "a\"\\\n\1ü")
    assert.equal("[1, [], true, \"x\"]", json.encode { 1, {}, true, "x" })
    assert.equal('{\n  "b": 1,\n  "a": null\n}\n', json.object { { "b", 1 }, { "a", nil } })
    assert.truthy(support.message(json.encode, print):find "json: a function has no JSON form")
  end)
end)

describe("opts.stop and opts.plainly", function()
  it("end a script with a message alone and the code", function()
    local ok, e = pcall(opts.stop, 2, "%d is too %s", 3, "few")
    assert.is_false(ok)
    assert.equal("3 is too few", tostring(e))
    assert.equal(2, getmetatable(e).__exit)
  end)

  it("pass results on, take positions off, and leave mistakes alone", function()
    assert.same({ 1, nil, 3, n = 3 }, table.pack(opts.plainly(function() return 1, nil, 3 end)))
    local ok, e = pcall(opts.plainly, file.read, "/nowhere/x")
    assert.is_false(ok)
    assert.equal("open '/nowhere/x': No such file or directory", tostring(e))
    assert.equal(1, getmetatable(e).__exit)
    local mistake = support.message(opts.plainly, function() return nil + 1 end)
    assert.truthy(mistake:find "outputs_test.lua:%d+: attempt to perform arithmetic")
    local object = {}
    assert.equal(object, select(2, pcall(opts.plainly, error, object)))
  end)
end)

describe("a run folder", function()
  local parent
  before_each(function() parent = file.temporary_folder() end)
  after_each(function() file.remove_tree(parent) end)

  local function leave(path, work)
    local folder <close> = outputs.open(path)
    if work then return work(folder) end
  end

  it("goes with all it made unless it is committed", function()
    leave(parent .. "/a/b", function(folder) folder:write("x.txt", "x") end)
    assert.same({}, file.list(parent))
    pcall(leave, parent .. "/a", function(folder)
      folder:write("x.txt", "x")
      error "half way"
    end)
    assert.same({}, file.list(parent))
    file.mkdir(parent .. "/a")
    leave(parent .. "/a/b/c/")
    assert.same({ "a" }, file.list(parent))
    assert.same({}, file.list(parent .. "/a"))
  end)

  it("goes when it is only collected", function()
    outputs.open(parent .. "/a")
    collectgarbage()
    assert.same({}, file.list(parent))
  end)

  it("gets its name at once, and another when that is taken", function()
    local paths = {}
    for i = 1, 3 do
      paths[i] = leave(parent .. "/a", function(folder)
        folder:write("x.txt", tostring(i))
        local writer = { save = function(_, path, text) file.write(path, text) end }
        assert.equal(folder.path .. "/y.txt", folder:save("y.txt", writer, "save", "y"))
        return folder:commit("run", "abc")
      end)
    end
    assert.equal(3, #file.list(parent .. "/a"))
    for i, path in ipairs(paths) do
      assert.truthy(path:find "/run%-%d+T%d+%-abc")
      assert.equal(tostring(i), file.read(path .. "/x.txt"))
      assert.equal("y", file.read(path .. "/y.txt"))
    end
  end)

  it("tells plainly where it cannot be", function()
    file.write(parent .. "/plain", "")
    for _, path in ipairs { parent .. "/plain", parent .. "/plain/a" } do
      local ok, e = pcall(outputs.open, path)
      assert.is_false(ok)
      assert.truthy(tostring(e):find("make folder '" .. parent .. "/plain", 1, true))
    end
    assert.same({ "plain" }, file.list(parent))
    local ok, e = pcall(leave, parent, function(folder) folder:write("no/x.txt", "x") end)
    assert.is_false(ok)
    assert.truthy(tostring(e):find "x.txt': No such file or directory$")
  end)
end)
