local c = require "neap.c.file"
local file = require "neap.file"
local support = require "tests.lua.support"

describe("file", function()
  local folder
  local function path(name) return folder .. "/" .. name end

  setup(function() folder = file.temporary_folder() end)
  teardown(function() file.remove_tree(folder) end)
  after_each(function() c.fail_after(0) end)

  it("gives back what was written, compressed or not", function()
    for _, text in ipairs { "", "a\0b\r\n", ("line of text\n"):rep(50000) } do
      for _, name in ipairs { "x", "x.gz", "x.zst" } do
        file.write(path(name), text)
        assert.equal(text, file.read(path(name)))
      end
    end
    assert.equal("\x1f\x8b", io.open(path "x.gz", "rb"):read(2))
    assert.equal("\x28\xb5\x2f\xfd", io.open(path "x.zst", "rb"):read(4))
  end)

  it("names the path and the reason, at the caller's line", function()
    local cases = {
      { file.read, "/nowhere/x", "open '/nowhere/x': No such file or directory" },
      { file.write, "/nowhere/x", "write '/nowhere/x': No such file or directory" },
      { file.open_writer, folder, "write '" .. folder .. "': Is a directory" },
      { file.remove, path "absent", "remove '" .. path "absent" .. "': No such file or directory" },
      { file.mkdir, "/dev/null/x", "make folder '/dev/null': File exists" },
      { file.list, "/nowhere", "list '/nowhere': No such file or directory" },
      { file.sha256_file, "/nowhere", "open '/nowhere': No such file or directory" },
      { file.remove_tree, "/", "remove tree '/': not the name of a folder" },
      { file.read, "a\0b", "path 'a' has a zero byte inside" },
    }
    for _, case in ipairs(cases) do
      local call, argument, want = table.unpack(case)
      local message = support.message(function() call(argument, "text") end)
      assert.equal("tests/lua/file_test.lua:38: " .. want, (message:gsub("^.*tests/", "tests/")))
    end
  end)

  it("refuses truncated and corrupt files by name", function()
    file.write(path "good.gz", ("some text "):rep(1000))
    local raw = io.open(path "good.gz", "rb"):read "a"
    local cut = assert(io.open(path "cut.csv", "wb"))
    cut:write(raw:sub(1, -9)):close()
    assert.matches("cut.csv': the gzip data end too early",
      support.message(file.read, path "cut.csv"))
    local bad = assert(io.open(path "bad.csv", "wb"))
    bad:write(raw:sub(1, 20), "garbage", raw:sub(28)):close()
    assert.matches("read '.*bad.csv': corrupt gzip data",
      support.message(file.read, path "bad.csv"))
  end)

  it("keeps the old file when the disk is full, at every system call", function()
    local text, failures = ("0123456789"):rep(40000), 0
    for _, name in ipairs { "disk", "disk.gz", "disk.zst" } do
      file.write(path(name), "old")
      local before = #file.list(folder)
      for k = 1, 100 do
        c.fail_after(k)
        local ok, message = pcall(file.write, path(name), text)
        if c.fail_armed() then
          c.fail_after(0)
          break
        end
        failures = failures + 1
        assert.is_false(ok)
        assert.matches("disk.*': No space left on device", message)
        assert.equal(before, #file.list(folder))
        if not message:find "folder" then assert.equal("old", file.read(path(name))) end
        file.write(path(name), "old")
      end
      assert.equal(text, file.read(path(name)))
    end
    assert.is_true(failures > 10)
  end)

  it("writes piece by piece, and abandons what was not committed", function()
    local w = file.open_writer(path "pieces")
    w:write("a", "b"):write(1, 2.5)
    assert.is_false(file.exists(path "pieces"))
    w:commit()
    assert.equal("ab12.5", file.read(path "pieces"))
    assert.matches("writer is closed", support.message(w.write, w, "x"))
    assert.matches("writer is closed", support.message(w.commit, w))
    w:close()
    assert.equal("neap.writer (closed)", tostring(w))
    local before = #file.list(folder)
    do
      local v <close> = file.open_writer(path "pieces")
      v:write "other"
      assert.equal(before + 1, #file.list(folder))
    end
    pcall(function()
      file.open_writer(path "pieces"):write("other", {})
    end)
    collectgarbage()
    assert.equal(before, #file.list(folder))
    assert.equal("ab12.5", file.read(path "pieces"))
  end)

  it("makes, lists and removes folders", function()
    file.mkdir(path "deep/er/est")
    file.write(path "deep/b", "1")
    file.write(path "deep/a", "2")
    assert.same({ "a", "b", "er" }, file.list(path "deep"))
    assert.same({}, file.list(path "deep/er/est"))
    file.remove(path "deep/a")
    assert.is_false(file.exists(path "deep/a"))
    assert.matches("Directory not empty", support.message(file.remove, path "deep"))
    file.remove_tree(path "deep")
    assert.is_false(file.exists(path "deep"))
  end)

  it("finds files by the patterns of a shell", function()
    for _, name in ipairs { "b1.csv", "a1.csv", "a2.csv.gz", "a-%.txt", "é.csv", ".h.csv" } do
      file.mkdir(path "glob/deep")
      file.write(path("glob/" .. name), "x")
      file.write(path("glob/deep/" .. name), "x")
    end
    for pattern, want in pairs {
      ["*.csv"] = "a1.csv b1.csv é.csv", ["?1.csv"] = "a1.csv b1.csv", ["?.csv"] = "é.csv",
      ["[!b]1.csv*"] = "a1.csv", ["[a-b]1*"] = "a1.csv b1.csv", ["*%*"] = "a-%.txt",
      [".*.csv"] = ".h.csv", ["d*/a1.*"] = "deep/a1.csv", ["*/a1.csv"] = "deep/a1.csv",
      ["a1.csv"] = "a1.csv", ["nothing*"] = "", ["a1.csv/*"] = "", ["*/*/*"] = "", ["[a"] = "",
    } do
      local found = file.glob(path("glob/" .. pattern))
      for i, name in ipairs(found) do found[i] = name:gsub("^.*/glob/", "") end
      assert.equal(want, table.concat(found, " "), pattern)
    end
    assert.same({ "/dev/null" }, file.glob "/dev/nul?")
    assert.same({}, file.glob "")
    file.remove_tree(path "glob")
  end)

  it("hashes strings and files alike", function()
    local text = ("neap"):rep(33333)
    file.write(path "hashed", text)
    assert.equal(file.sha256(text), file.sha256_file(path "hashed"))
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      file.sha256 "abc")
  end)

  it("takes a fault from the environment, for scripts under test", function()
    local neap = arg[-1] -- the executable that runs this test
    local code = ([[require 'neap.file'.write('%s', 'new')]]):format(path "env")
    file.write(path "env", "old")
    local run = "NEAP_FAULT_WRITE=2 %s -e \"%s\" 2>&1"
    local out = io.popen(run:format(neap, code)):read "a"
    assert.matches("env': No space left on device", out)
    assert.equal("old", file.read(path "env"))
  end)
end)
