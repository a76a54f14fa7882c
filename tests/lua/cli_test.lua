-- The command, run as a user runs it.
local support = require "tests.lua.support"

local function executable() -- the first word of the command line that runs this test
  local i = 0
  while arg[i - 1] do i = i - 1 end
  return arg[i]
end

local neap = executable()

local function shell(command)
  local out, err = support.temporary(), support.temporary()
  local ok, kind, code = os.execute(("( %s ) >%s 2>%s </dev/null"):format(command, out, err))
  local function take(path)
    local file <close> = assert(io.open(path))
    local text = file:read "a"
    os.remove(path)
    return text
  end
  return { code = kind == "exit" and code or ok, out = take(out), err = take(err) }
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function run(arguments) return shell(neap .. " " .. arguments) end

local function script(text)
  local path = support.temporary ".lua"
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  return path
end

describe("the command", function()
  it("runs code, scripts and standard input", function()
    assert.equal("3\n", run("-e 'print(1 + 2)'").out)
    local path = script "print(arg[0] == ..., select('#', ...), arg[1], arg[2]) return 7"
    assert.equal("false\t2\ta b\t-x\n", run(path .. " 'a b' -x").out)
    assert.equal("a\tstdin\n", shell("echo 'print(..., \"stdin\")' | " .. neap .. " - a").out)
    assert.equal("piped\n", shell("echo 'print(\"piped\")' | " .. neap).out)
    assert.equal("5\n", run("-e 'x = 5' -e 'print(x)'").out)
    assert.equal("ok\n", run("-l neap.tensor -e 'print(_G[\"neap.tensor\"] and \"ok\")'").out)
    assert.equal(0, run("-e ''").code)
    assert.equal("1.5\n", run("-e 'print(tensor.of({ 1, 2 }):mean())'").out)
    assert.equal("true\n", run("-e 'print(neap.ta == ta)'").out)
    os.remove(path)
  end)

  it("tells its version and usage", function()
    assert.truthy(run("--version").out:find "^neap %d+%.%d+%.%d+, Lua 5%.4")
    assert.equal(run("--version").out, run("version").out)
    local help = run "--help"
    assert.equal(0, help.code)
    assert.truthy(help.out:find "^usage: neap")
  end)

  it("ends with 2 and the usage on a mistake in its options", function()
    for _, arguments in ipairs { "-x", "--verison", "-e", "-l", "-i -q" } do
      local r = run(arguments)
      assert.equal(2, r.code)
      assert.truthy(r.err:find "usage: neap")
      assert.equal("", r.out)
    end
  end)

  it("ends with 1 and a plain message on an error", function()
    local r = run "/nonexistent.lua"
    assert.equal(1, r.code)
    assert.equal("neap: cannot open /nonexistent.lua: No such file or directory\n", r.err)
    assert.equal("neap: (command line):1: boom\n", run("-e 'error \"boom\"'").err)
    assert.truthy(run("-e 'x ='").err:find "^neap: %(command line%):1: unexpected symbol near")
    assert.equal(1, run("-e 'x ='").code)
  end)

  it("says how a script gets at a module that is there by name at the prompt", function()
    for code, want in pairs {
      ["print(tensor.of)"] = ":1: attempt to index a nil value (global 'tensor'); begin with: "
        .. 'local tensor = require "neap.tensor"\n',
      ["neap.seed(1)"] = ":1: attempt to index a nil value (global 'neap'); begin with: "
        .. 'local neap = require "neap"\n',
      ["options {}"] = ":1: attempt to call a nil value (global 'options'); begin with: "
        .. 'local options = require "neap.options"\n',
      ["tensr.of {}"] = ":1: attempt to index a nil value (global 'tensr')\n",
    } do
      local path = script(code)
      local r = run(path)
      assert.equal(1, r.code)
      assert.equal(want, r.err:sub(-#want))
      os.remove(path)
    end
  end)

  it("shows the user's frames and neither C nor library frames", function()
    local path = script [[
local tensor = require "neap.tensor"
local function inner() return tensor.zeros { 2, typo = 1 } .. nil end
local function outer() local x = pcall; inner() return x end
outer()]]
    local r = run(path)
    assert.equal(1, r.code)
    local lines = {}
    for line in r.err:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal(4, #lines)
    assert.truthy(lines[1]:find "^neap: .*%.lua:2: ")
    assert.truthy(lines[2]:find "%.lua:2: in upvalue 'inner'$")
    assert.truthy(lines[4]:find "%.lua:4: in the main chunk$")
    assert.falsy(r.err:find("[C]", 1, true))
    assert.falsy(r.err:find("lualib", 1, true))
    os.remove(path)
  end)

  it("survives every kind of error object", function()
    local cases = {
      { "error()", "(error object is a nil value)" },
      { "error({})", "(error object is a table value)" },
      { "error(setmetatable({}, {__tostring = function() return 'mine' end}))", "neap: mine" },
      { "error(setmetatable({}, {__tostring = error}))", "(error object is a table value)" },
      { "error(print)", "(error object is a function value)" },
      { "local function f() return f() + 1 end f()", "stack overflow" },
    }
    if not neap:find "asan" then -- its allocator ends the program instead
      cases[#cases + 1] = { "io.read(1 << 46)", "neap: not enough memory" }
    end
    for _, case in ipairs(cases) do
      local code, text = table.unpack(case)
      local r = run("-e " .. quote(code))
      assert.equal(1, r.code)
      assert.truthy(r.err:find(text, 1, true), code .. ": " .. r.err)
    end
  end)

  it("ends with the code of os.exit, and closes the state", function()
    assert.equal(7, run("-e 'os.exit(7)'").code)
    assert.equal("gone\n", run("-e 'setmetatable({}, {__gc = function() print \"gone\" end})'").out)
  end)

  it("turns warnings on with -W only, and ignores LUA_INIT", function()
    assert.equal("", run("-e 'warn \"careful\"'").err)
    assert.truthy(run("-W -e 'warn \"careful\"'").err:find "careful")
    assert.equal("", shell("LUA_INIT='print(1)' LUA_INIT_5_4='print(2)' " .. neap .. " -e ''").out)
  end)

  it("gives usage errors of a script code 2 and no traceback, and --help code 0", function()
    local path = script [[
local o = require "neap".options { name = "t", { "rows", "integer", default = 5, min = 1 } }
print(o.rows, o:source "rows")]]
    local r = run(path .. " --rows 0")
    assert.equal(2, r.code)
    assert.equal("neap: t: option 'rows' is '0' (flag --rows), "
      .. "allowed is an integer of at least 1\n", r.err)
    assert.equal(2, run(path .. " --row 1").code)
    assert.equal("7\tflag --rows\n", run(path .. " --rows 7").out)
    local help = run(path .. " --rows 6 --help")
    assert.equal(0, help.code)
    assert.truthy(help.out:find(
      "an integer of at least 1; default 5; now 6 (flag --rows); NEAP_T_ROWS", 1, true))
    assert.equal(2, shell("NEAP_T_ROW=3 " .. neap .. " " .. path).code)
    assert.equal("3\tenvironment NEAP_T_ROWS\n",
      shell("NEAP_T_ROWS=3 " .. neap .. " " .. path).out)
    os.remove(path)
  end)

  it("says what is missing where its library is not", function()
    local folder = support.temporary()
    os.remove(folder)
    os.execute("mkdir " .. folder .. " && cp " .. neap .. " " .. folder .. "/neap")
    local r = shell(folder .. "/neap -e 'require \"neap\"'")
    assert.equal(1, r.code)
    assert.truthy(r.err:find("neap's own Lua files were not found", 1, true))
    assert.equal(0, shell(folder .. "/neap -e ''").code)
    os.execute("rm -r " .. folder)
  end)

  it("lets C rocks resolve the Lua API", function()
    assert.equal("directory\n", run("-e 'print(require \"lfs\".attributes(\"/\", \"mode\"))'").out)
  end)
end)
