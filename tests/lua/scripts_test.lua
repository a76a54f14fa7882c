-- Can the checks in scripts/ fail? Each is run on a small tree with a planted fault, and on one
-- without.
local file = require "neap.file"

local function executable() -- the first word of the command line that runs this test
  local i = 0
  while arg[i - 1] do i = i - 1 end
  return arg[i]
end

local function absolute(path)
  if path:find "^/" then return path end
  local pipe <close> = assert(io.popen "pwd")
  return pipe:read "l" .. "/" .. path
end

local root = absolute "."
local neap = absolute(executable())

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- A folder with the files of `tree`, by path.
local function plant(tree)
  local folder = file.temporary_folder()
  local paths = {}
  for path in pairs(tree) do paths[#paths + 1] = path end
  table.sort(paths)
  for _, path in ipairs(paths) do
    local at = folder
    for part in path:gmatch "([^/]+)/" do
      at = at .. "/" .. part
      file.mkdir(at)
    end
    file.write(folder .. "/" .. path, tree[path])
  end
  return folder
end

-- Runs a command inside a planted folder: whether it succeeds, and what it prints.
local function run(tree, command)
  local folder = plant(tree)
  local out = folder .. "/printed"
  local ok = os.execute(("cd %s && ( %s ) >%s 2>&1 </dev/null"):format(quote(folder), command,
    quote(out)))
  local text = file.read(out)
  file.remove_tree(folder)
  return ok == true, text
end

local function check(script, arguments)
  return ("%s %s %s"):format(quote(neap), quote(root .. "/scripts/" .. script), arguments or "")
end

-- The tree, with some files replaced.
local function with(tree, changes)
  local copy = {}
  for path, text in pairs(tree) do copy[path] = text end
  for path, text in pairs(changes) do copy[path] = text end
  return copy
end

describe("check_layers", function()
  local tree = {
    ["runtime/base/a.c"] = "int a;\n",
    ["runtime/base/CMakeLists.txt"] = "neap_module(base SOURCES a.c)\n",
    ["runtime/kern/kern.h"] = "int k;\n",
    ["runtime/kern/CMakeLists.txt"] = "neap_module(kern SOURCES)\n",
    ["runtime/tensor/t.c"] = '#include "base/a.h"\n#include "kern/kern.h"\n',
    ["runtime/tensor/CMakeLists.txt"] = "neap_module(tensor SOURCES t.c)\n",
  }

  it("passes a tree whose modules include downward", function()
    local ok, text = run(tree, check "check_layers.lua")
    assert.is_true(ok, text)
  end)

  for _, case in ipairs {
    { "upward", { ["runtime/base/a.c"] = '#include "tensor/tensor.h"\n' }, "upward or sideways" },
    { "private", { ["runtime/tensor/t.c"] = '#include "kern/table.h"\n' }, "public header" },
    { "stranger", { ["runtime/tensor/t.c"] = '#include "nowhere/n.h"\n' }, "names no module" },
    { "lua", { ["runtime/base/a.c"] = "#include <lua.h>\n" }, "lua.h outside" },
    { "lauxlib", { ["runtime/base/a.c"] = "#include <lauxlib.h>\n" }, "lua.h outside" },
    { "unlisted", { ["runtime/tensor/u.c"] = "int u;\n" }, "not listed" },
    { "similar", { ["runtime/tensor/ut.c"] = "int u;\n",
      ["runtime/tensor/CMakeLists.txt"] = "neap_module(tensor SOURCES t.c out.c xut.c)\n" },
      "not listed" },
    { "folder", { ["runtime/attic/a.c"] = "int a;\n" }, "no layer" },
    { "long", { ["runtime/base/a.c"] = ("int a;\n"):rep(701) }, "701 lines" },
  } do
    it("finds a fault: " .. case[1], function()
      local ok, text = run(with(tree, case[2]), check "check_layers.lua")
      assert.is_false(ok, text)
      assert.truthy(text:find(case[3], 1, true), text)
    end)
  end
end)

describe("check_stubs", function()
  local stub = file.read "lualib/neap/meta/clock.lua"
  local function tree(text)
    return { ["runtime/host/bindings.def"] = "BINDING(clock)\n",
      ["lualib/neap/meta/clock.lua"] = text }
  end
  -- the classes of other bindings have no stub here, so only the lines about clock count
  local function about_clock(text)
    local _, printed = run(tree(text), check "check_stubs.lua")
    local found = {}
    for line in printed:gmatch "neap%.c%.clock[^\n]*" do found[#found + 1] = line end
    return table.concat(found, "\n")
  end

  it("passes the stub as it is", function() assert.equal("", about_clock(stub)) end)

  it("finds a function without a stub", function()
    local text = about_clock((stub:gsub("function c%.sleep[^\n]*", "")))
    assert.truthy(text:find("neap.c.clock.sleep: no stub", 1, true), text)
  end)

  it("finds a stub without a function", function()
    local text = about_clock((stub:gsub("return c%s*$", "--- More.\nfunction c.more() end\n%0")))
    assert.truthy(text:find("neap.c.clock.more: a stub, but C has none such", 1, true), text)
  end)

  it("finds a stub without a comment, and one of the wrong kind", function()
    local text = about_clock((stub:gsub("return c%s*$", "\nfunction c.nat() end\n%0")))
    assert.truthy(text:find("neap.c.clock.nat: a number in C, a function", 1, true), text)
    text = about_clock((stub:gsub("%-%-%-[^\n]*monotonic[^\n]*\n", "")))
    assert.truthy(text:find("neap.c.clock.monotonic: the stub has no comment", 1, true), text)
  end)

  it("finds a comment that names a parameter which is not there", function()
    local text = about_clock((stub:gsub("sleep%(seconds%)", "sleep(minutes)")))
    assert.truthy(text:find("the comment names a parameter 'seconds'", 1, true), text)
  end)

  it("finds a public function without an example", function()
    local stubs = "lualib/neap/meta/tensor/functions.lua"
    local text = file.read(stubs):gsub("%-%-%-     [^\n]*:exp2%(%)[^\n]*\n", "")
    local _, printed = run({ [stubs] = text, ["runtime/host/bindings.def"] = "" },
      ("cp -rn %s . && %s -e %s"):format(quote(root .. "/lualib"), quote(neap), quote(
      'package.path = "lualib/?.lua;lualib/?/init.lua;" .. package.path; dofile "'
      .. root .. '/scripts/check_stubs.lua"')))
    assert.truthy(printed:find("neap.tensor.exp2: no example", 1, true), printed)
    assert.is_nil(printed:find("neap.tensor.expm1: no example", 1, true), printed)
  end)

  it("finds a binding without any stub file", function()
    local _, printed = run({ ["runtime/host/bindings.def"] = "BINDING(clock)\n" },
      check "check_stubs.lua")
    assert.truthy(printed:find("no stub file", 1, true), printed)
  end)
end)

describe("doctest", function()
  local function page(code) return { ["page.md"] = "# A page\n\n```lua\n" .. code .. "\n```\n" } end
  local command = check("doctest.lua", "page.md")

  it("passes pages that are right", function()
    for _, code in ipairs {
      "1 + 1 --> 2",
      'print("a", 1)\nprint("b") --> b',
      "tensor.of { 1, 2 }:sum() --> 3.0",
      "math.max(\n  1,\n  2) --> 2",
      "tensor.of({ 1, 5, 2 }):max() --> 5.0",
      "('x'):rep(9) --> xxx...",
      "local a = 1\na --> 1\n(a + 1) --> 2",
    } do
      local ok, text = run(page(code), command)
      assert.is_true(ok, text)
    end
  end)

  for _, case in ipairs {
    { "1 + 1 --> 3", "page.md:4: 1 + 1\n    gives     2\n    the page  3\n" },
    { "local a = 1\n\na --> 2", "page.md:6: a\n" },
    { "print(1) --> 2", "gives     1" },
    { "local a = 1 --> 1", "page.md:4: local a = 1\n    is no expression" },
    { "local a = 1\nerror 'no'", "page.md:5: error 'no'\n    raises    (example):5: no" },
    { "mistyped.name = 1", "unknown name 'mistyped'" },
    { "if", "page.md:4: does not compile" },
    { "math.max(\n  1,\n  2) --> 3", "page.md:6: math.max(" },
    { "1 --> 1\n```\n```lua\n2 --> 2", "2 blocks, 2 checks" },
  } do
    it("reads " .. case[1]:gsub("\n", " / "), function()
      local ok, text = run(page(case[1]), command)
      assert.equal(case[1]:find "```" ~= nil, ok)
      assert.truthy(text:find(case[2], 1, true), text)
    end)
  end

  it("finds a wrong example in a comment, and a block without an end", function()
    local ok, text = run({ ["m.lua"] = "--- Two.\n---     1 --> 2\nlocal m = {}\nreturn m\n" },
      check("doctest.lua", "m.lua"))
    assert.is_false(ok)
    assert.truthy(text:find("m.lua:2: 1\n", 1, true), text)
    ok, text = run({ ["page.md"] = "```lua\n1 --> 1\n" }, command)
    assert.is_false(ok)
    assert.truthy(text:find("page.md:1: the block has no end", 1, true), text)
  end)
end)

describe("docgen", function()
  it("accepts what it wrote, and finds pages that are edited, missing or left over", function()
    local write, verify = check "docgen.lua", check("docgen.lua", "--check")
    local ok, text = run({ ["docs/x"] = "" }, write .. " && " .. verify)
    assert.is_true(ok, text)
    ok, text = run({ ["docs/x"] = "" }, ("%s && echo more >>docs/api/ta.md && rm docs/api/log.md"
      .. " && touch docs/api/old.md && %s"):format(write, verify))
    assert.is_false(ok)
    assert.truthy(text:find("docs/api/ta.md: differs", 1, true), text)
    assert.truthy(text:find("docs/api/log.md: missing", 1, true), text)
    assert.truthy(text:find("docs/api/old.md: no module makes it", 1, true), text)
    assert.truthy(text:find("3 stale", 1, true), text)
  end)
end)

describe("check_bits", function()
  local function bits(code) return run({ ["p.lua"] = code }, check("check_bits.lua", "p.lua")) end

  it("passes a program that prints the same each time", function()
    local ok, text = bits "print('value 7')"
    assert.is_true(ok, text)
  end)

  it("finds what depends on the number of threads or on the process", function()
    local ok, text = bits "print('same 7') print('threads ' .. require('neap.c.base').threads())"
    assert.is_false(ok)
    assert.truthy(text:find("threads%s+1%s+X X .- differs: 2 threads, 4 threads"), text)
    ok, text = bits "print('process ' .. require('neap.clock').wall())"
    assert.is_false(ok)
    assert.truthy(text:find("default 5", 1, true), text)
  end)

  it("fails with a program that fails, or that prints no results", function()
    local ok, text = bits "print('value 7') error 'broken'"
    assert.is_false(ok)
    assert.truthy(text:find("broken", 1, true), text)
    assert.is_false((bits "print()"))
  end)
end)

-- Shell scripts, in a tree of their own and with commands of ours in front of the system's.
local function shell(name, commands, line, path)
  local tree = { ["scripts/" .. name] = file.read("scripts/" .. name) }
  for command, text in pairs(commands) do
    tree["bin/" .. command] = ("#!/bin/sh\n%s\n"):format(text)
  end
  return run(tree, ("chmod +x bin/* scripts/*; PATH=$PWD/bin%s; %s"):format(path or ":$PATH", line))
end

describe("scripts/setup", function()
  local bare = { dirname = "echo scripts", ["dpkg-query"] = "exit 1", id = "echo 1000" }

  it("names what is missing, and how to install it", function()
    local ok, text = shell("setup", bare, "/bin/bash scripts/setup --no-install", "")
    assert.is_false(ok)
    assert.truthy(text:find("setup: missing packages: gcc ", 1, true), text)
    assert.truthy(text:find("apt-get install gcc ", 1, true), text)
    assert.is_nil(text:find("lua-busted", 1, true))
    text = select(2, shell("setup", bare, "/bin/bash scripts/setup --test --no-install", ""))
    assert.truthy(text:find("lua-busted", 1, true), text)
  end)

  it("says so when it may not install", function()
    local ok, text = shell("setup", bare, "/bin/bash scripts/setup", "")
    assert.is_false(ok)
    assert.truthy(text:find("neither root nor sudo", 1, true), text)
  end)

  it("builds when nothing is missing, and fails with the build", function()
    local full = { ["dpkg-query"] = "echo installed", cmake = "echo cmake $*" }
    local ok, text = shell("setup", full, "bash scripts/setup --no-install")
    assert.is_true(ok, text)
    assert.truthy(text:find("cmake --build --preset release", 1, true), text)
    full.cmake = "exit 3"
    assert.is_false((shell("setup", full, "bash scripts/setup")))
  end)

  it("refuses other arguments", function()
    local ok, text = shell("setup", bare, "bash scripts/setup --fast")
    assert.is_false(ok)
    assert.truthy(text:find("usage", 1, true), text)
  end)
end)

describe("scripts/test", function()
  local function quick(ctest)
    return shell("test", { ctest = ctest, setup = "" },
      "cp bin/setup scripts/setup && bash scripts/test --quick")
  end

  it("ends with ctest's summary", function()
    local ok, text = quick "echo 100% tests passed, 0 tests failed out of 9; echo; echo Total 1 sec"
    assert.is_true(ok, text)
    assert.truthy(text:find "ok      release suite.*\n100%% tests passed.*Total 1 sec\n$", text)
  end)

  it("fails with the suite, and names the gate and the tests", function()
    local ok, text = quick "echo 50% tests passed; echo The following: c.base; exit 8"
    assert.is_false(ok)
    assert.truthy(text:find("FAILED  release suite", 1, true), text)
    local summary = "failed gates: release suite\n50%% tests passed\nThe following: c.base\n$"
    assert.truthy(text:find(summary), text)
  end)

  it("fails when setup does", function()
    local ok = shell("test", { setup = "exit 1" },
      "cp bin/setup scripts/setup && bash scripts/test --quick")
    assert.is_false(ok)
  end)
end)
