-- The prompt on a pseudo-terminal (tests/pty.c), and its parts.
local caret = require "neap.repl.caret"
local chunk = require "neap.repl.chunk"
local complete = require "neap.repl.complete"
local inspect = require "neap.inspect"
local help = require "neap.help"
local support = require "tests.lua.support"

local function executable() -- the first word of the command line that runs this test
  local i = 0
  while arg[i - 1] do i = i - 1 end
  return arg[i]
end

local neap = executable()
local pty = (neap:match "^(.*/)" or "./") .. "tests/pty"
local home = support.temporary()
os.remove(home)

local CTRL_C, CTRL_D, UP = "\\x03", "\\x04", "\\e[A"

-- `it` for tests that need a terminal: pending where the machine has none (no /dev/pts).
local terminals = os.execute(pty .. " --probe 2>/dev/null")
local function on_terminal(name, test)
  if terminals then it(name, test) else pending(name .. ": no pseudo-terminals here") end
end

-- Holds the dialog, an array of texts to expect, of {text} to type, and of milliseconds to wait;
-- gives the whole output, without colours and carriage returns, and the exit code.
local function talk(dialog, arguments, variables)
  local path = support.temporary()
  local file <close> = assert(io.open(path, "w"))
  for _, step in ipairs(dialog) do
    if type(step) == "table" then file:write("send ", step[1], "\n")
    elseif type(step) == "number" then file:write("wait ", step, "\n")
    else file:write("expect ", step, "\n") end
  end
  file:close()
  local environment = "HOME=%s XDG_STATE_HOME= XDG_CONFIG_HOME= LC_ALL=C TERM=xterm NO_COLOR=1 %s"
  local command = (environment .. " %s %s %s %s 2>&1"):format(home, variables or "", pty, path,
    neap, arguments or "")
  local pipe = assert(io.popen(command))
  local output = pipe:read "a"
  local _, _, code = pipe:close()
  os.remove(path)
  return output:gsub("\r", ""):gsub("\27%[[?%d;]*%a", ""), code or 0
end

local function script(text)
  local path = support.temporary ".lua"
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  return path
end

-- What the prompt prints for lines that come from a pipe.
local function piped(text)
  local path = script(text)
  local pipe = assert(io.popen(("%s -i <%s 2>&1"):format(neap, path)))
  local output = pipe:read "a"
  pipe:close()
  os.remove(path)
  return output
end

describe("the prompt", function()
  teardown(function() os.execute("rm -rf " .. home) end)

  on_terminal("prints expressions, keeps results and locals, leaves with Ctrl-D", function()
    local output, code = talk {
      "1> ", { "6 * 7\\n" }, "42\r", "2> ", { "local x = _1 + 1\\n" }, "3> ", { "x, _\\n" },
      "43\t42",
      "4> ", { "x = nil; \\n" }, "5> ", { "5;\\n" }, "6> ", { "return x, 'a'\\n" }, 'nil\t"a"',
      "7> ", { CTRL_D },
    }
    assert.equal(0, code, output)
    assert.falsy(output:find("\n5\n", 1, true))
  end)

  on_terminal("reads several lines as one item of the history", function()
    local output, code = talk {
      "1> ", { "for i = 1, 2 do\\n" }, ".. ", { "print('i is ' .. i)\\n" }, ".. ", { "end\\n" },
      "i is 2", "2> ", { UP }, "for i = 1, 2 do", { "\\n" }, "i is 2", "3> ", { ":quit\\n" },
    }
    assert.equal(0, code, output)
    output, code = talk { "1> ", { UP }, ":quit", { UP }, "for i", { "\\n" }, "i is 2", { CTRL_D } }
    assert.equal(0, code, output)
  end)

  on_terminal("takes pasted text as one item, tabs included", function()
    local output, code = talk {
      "1> ",
      { "\\e[200~local t = {\\n\\talpha = 2,\\n}\\nt.alpha = t.alpha + 40\\n\\e[201~" }, "+ 40",
      { "\\n" }, "2> ", { "t.alpha\\n" }, "42\r", "3> ", { UP .. UP }, "alpha = 2", { "\\n" },
      "4> ", { "t.alpha\\n" }, "42\r", "5> ",
      { "\\e[200~'tab:\\t.'\\e[201~\\n" }, '"tab:\\t."', "6> ",
      { "\\e[200~1 + 1\\n\\n2 + 2\\e[201~\\n" }, "2\r", "4\r", "8> ", { CTRL_D },
    }
    assert.equal(0, code, output)
  end)

  on_terminal("prints tensors and frames as wide as the terminal", function()
    local output, code = talk { "1> ", { "tensor.arange(1, 12) / 7\\n" }, "...", "2> ",
      { "tensor.rand { 4, 60 }\\n" }, "...", "3> ",
      { "frame.new { { 'one', tensor.rand { 9 } }, { 'two', { _ } and tensor.rand { 9 } } }\\n" },
      "frame[9 x 2]", "4> ", { CTRL_D } }
    assert.equal(0, code, output)
    for line in output:gmatch "[^\n]+" do
      if not line:find "^%d+> " then assert.is_true(#line <= 79, line) end
    end
    assert.is_true(#piped "tensor.arange(1, 12) / 7" > 79)
  end)

  on_terminal("draws charts on a terminal, and only there", function()
    local output, code = talk { "1> ", { "plot.line { 1, 4, 2 }\\n" }, "┤", "└──", "2> ",
      { "tostring(_)\\n" }, '"chart, 720 x 300 (line)', "3> ",
      { "plot.candles(market.synthetic { rows = 60 })\\n" }, "┤", "└──", "4> ", { CTRL_D } }
    assert.equal(0, code, output)
    assert.truthy(piped "plot.line({ 1, 4, 2 }, { title = 'x' })":find("^chart 'x', 720 x 300"))
  end)

  on_terminal("draws charts as the terminal says that it can", function()
    local chart = { "plot.line { 1, 4, 2 }\\n" }
    local sixels, question = '\27P0;1q"1;1;', "\27[c"
    local output, code = talk({ "1>", chart, question, { "\\e[?62;4;6c" }, sixels, "-\27\\", "2>",
      chart, sixels, "3>", { CTRL_D } }, "", "NO_COLOR=")
    assert.equal(0, code, output)
    output, code = talk({ "1>", chart, question, { "\\e[?62;6c" }, "└──", "2>", { CTRL_D } }, "",
      "NO_COLOR=")
    assert.equal(0, code, output)
    for variables, want in pairs { -- each on its own
      ["KITTY_WINDOW_ID=1"] = "\27_Ga=T,f=100,q=2,c=79,m=1;", ["NEAP_PLOT=sixel"] = sixels,
      ["NEAP_PLOT=kitty"] = "\27_Ga=T", ["NEAP_PLOT=braille KITTY_WINDOW_ID=1"] = "└──",
    } do
      output, code = talk({ "1>", chart, want, "2>", { CTRL_D } }, "", "NO_COLOR= " .. variables)
      assert.equal(0, code, output)
    end
    output, code = talk({ "1>", chart, "NEAP_PLOT: unknown form 'png'", "2>", { CTRL_D } }, "",
      "NEAP_PLOT=png")
    assert.equal(0, code, output)
  end)

  on_terminal("loses no key that is typed while the terminal is asked", function()
    local chart = { "plot.line { 1, 4, 2 }\\n" }
    local output, code = talk({ "1>", chart, "\27[c", { "6 * \\e[?62;4c7\\n" }, "\27P0;1q", "2>",
      "42\r", "3>", { CTRL_D } }, "", "NO_COLOR=")
    assert.equal(0, code, output)
    output, code = talk({ "1>", chart, "\27[c", { "8 * 8\\n" }, "└──", "2>", "64\r", "3>",
      { CTRL_D } }, "", "NO_COLOR=") -- a terminal that answers nothing
    assert.equal(0, code, output)
  end)

  on_terminal("has colours unless NO_COLOR or the terminal is against them", function()
    local dialog = { "\27[1m1>\27[0m ", { "1 + tensr\\n" }, "\27[31merror: \27[0m", "\27[31m^",
      "\27[1m2>\27[0m ", { CTRL_D } }
    local output, code = talk(dialog, "", "NO_COLOR=")
    assert.equal(0, code, output)
    output, code = talk(dialog, "", "NO_COLOR= LC_ALL=C.UTF-8 TERM=xterm-256color")
    assert.equal(0, code, output)
    output, code = talk { "1> ", { "1 + tensr\\n" }, "\27[?2004lerror: ", { CTRL_D } }
    assert.equal(0, code, output)
  end)

  on_terminal("takes text beyond ASCII in any locale", function()
    local output, code = talk { "1> ", { "'é€', utf8.len 'é€'\\n" },
      '"é€"\t2\r', { CTRL_D } }
    assert.equal(0, code, output)
  end)

  on_terminal("completes names, fields, methods, keys and modules on TAB", function()
    local output, code = talk {
      "1> ", { "tens\\t" }, "tensor", { ".zer\\t" }, "zeros", { " {2}\\n" }, "tensor<f64>",
      "2> ", { "_1:num\\t" }, "numel", { "()\\n" }, "2\r", "3> ", { "math.f\\t" }, "floor  fmod",
      { CTRL_C }, "^C", "3> ", { "local t = { alpha_key = 3 }\\n" }, "4> ",
      { "t['alp\\t" }, "alpha_key']",
      { "\\n" }, "3\r", "5> ", { "require 'neap.inspe\\t" }, "neap.inspect", { "'\\n" }, "6> ",
      { CTRL_D },
    }
    assert.equal(0, code, output)
  end)

  on_terminal("completes files, enum strings and commands, and shows the call TAB is in", function()
    local output, code = talk {
      "1> ", { ":timei\\t" }, "timeit", { " 1\\n" }, "minimum", "2> ",
      { "io.open 'lualib/neap/ini\\t" }, "init.lua", { "':close()\\n" }, "true", "3> ",
      { "x = tensor.of { 1 }\\n" }, "4> ", { "x:to 'u\\t" }, "u8'", { "\\n" }, "tensor<u8>", "5> ",
      { "tensor.linspace(0, \\t" }, "tensor.linspace(first, last, n, o)", "n numbers evenly",
      { "1, 3)\\n" }, "{0, 0.5, 1}", "6> ", { "x:quantile(\\t" }, "tensor:quantile(q, dim, o)",
      { CTRL_C }, "^C", "6> ", { "function mine(alpha, beta) end\\n" }, "7> ", { "mine(1,\\t" },
      "mine(alpha, beta)", { CTRL_C }, "^C", "7> ", { CTRL_D },
    }
    assert.equal(0, code, output)
  end)

  on_terminal("helps, with the text of the stubs", function()
    local output, code = talk {
      "1> ", { ":help tensor.quantile\\n" }, "tensor:quantile(q, dim, o)", "returns", "example",
      "2> ", { "x = tensor.of { 1 }\\n" }, "3> ", { "x:quantile?\\n" },
      "tensor:quantile(q, dim, o)", "4> ", { "tensor.zeros?\\n" }, "tensor.zeros(t)", "5> ",
      { "x?\\n" }, "neap.tensor", "methods of neap.tensor", "6> ", { ":help\\n" }, "Commands:",
      "Modules", "7> ", { ":help tensr\\n" }, "did you mean 'tensor'", "8> ", { CTRL_D },
    }
    assert.equal(0, code, output)
  end)

  on_terminal("measures, lists and saves", function()
    local path = support.temporary ".lua"
    local output, code = talk {
      "1> ", { "local x = tensor.ones { 1000 }\\n" }, "2> ", { ":time x:sum()\\n" }, "1000.0",
      "of tensors more", "3> ", { ":timeit x:sum()\\n" }, "minimum", "median", "4> ",
      { ":prof for i = 1, 2e7 do end\\n" }, "one each millisecond", "5> ", { ":mem\\n" },
      "kept for reuse", "6> ", { ":who\\n" }, "x  tensor<f64>[1000]", "7> ",
      { ":save " .. path .. "\\n" }, "1 items in", "8> ", { ":src string.rep\\n" },
      "written in C", "9> ", { CTRL_D },
    }
    assert.equal(0, code, output)
    os.remove(path)
  end)

  on_terminal("has modules at hand, and names near those that are unknown", function()
    local output, code = talk {
      "1> ", { "ta.sma(tensor.arange(1, 4), 2)[2]\\n" }, "1.5", "2> ", { "lienar\\n" },
      "did you mean 'linear'", "[2]:1: lienar", "^", "3> ",
      { "local f = function(t) return t.a.b end\\n" }, "4> ", { "f {}\\n" },
      "attempt to index a nil value (field 'a')", "[3]:1: local f", "^", "in upvalue 'f'", "5> ",
      { "for\\n" }, ".. ", { CTRL_C }, "^C", "5> ", { "x = = 1\\n" }, "unexpected symbol near '='",
      "6> ", { CTRL_D },
    }
    assert.equal(0, code, output)
  end)

  on_terminal("shows the expression that pasted lines end in", function()
    local output, code = talk { "1> ",
      { "\\e[200~local t = { 3, 4 }\\nlocal n = #t\\nn * 21\\e[201~\\n" }, "42\r",
      { "math.max(t[1],\\n" }, ".. ", { "t[2])\\n" }, "4\r", { CTRL_D } }
    assert.equal(0, code, output)
  end)

  on_terminal("says which call a second Ctrl-C waits for", function()
    local output, code = talk { "1> ", { "s = ('a'):rep(29)\\n" }, "2> ",
      { "print 'go' string.find(s, ('a?'):rep(29) .. s .. 'b')\\n" }, "go\r", 100, { CTRL_C },
      100, { CTRL_C }, "waiting for find, called at [2]:1, to return", 50, { CTRL_C } }
    assert.equal(130, code, output)
  end)

  on_terminal("cancels a line, and what runs, with Ctrl-C", function()
    local output, code = talk {
      "1> ", { "half a line" .. CTRL_C }, "^C", "1> ", { "if true then\\n" }, ".. ", { CTRL_C },
      "1> ", { "kept = 7\\n" }, "2> ",
      { "print 'go' while true do end\\n" }, "go\r", { CTRL_C }, "interrupted", "3> ",
      { "print 'go' while true do pcall(function() while true do end end) end\\n" }, "go\r",
      { CTRL_C }, "interrupted", "4> ",
      { "c = coroutine.wrap(function() print 'go' while true do end end) c()\\n" }, "go\r",
      { CTRL_C }, "interrupted", "5> ",
      { "x = tensor.rand { 100000 } print 'go' while true do x:sort() end\\n" }, "go\r", { CTRL_C },
      "interrupted", "6> ",
      { "print 'go' io.read()\\n" }, "go\r", { CTRL_C }, "interrupted", "7> ",
      { "kept\\n" }, "7\r", "8> ", { "#x\\n" }, "100000", "9> ", { CTRL_D },
    }
    assert.equal(0, code, output)
  end)

  on_terminal("keeps the history when the terminal goes away", function()
    talk { "1> ", { "'kept item'\\n" }, "2> ", { "print 'go' while true do end\\n" },
      "go\r", { CTRL_C }, "interrupted", "3> ", { CTRL_C }, "^C", "3> ", { CTRL_D } }
    local file <close> = assert(io.open(home .. "/.local/state/neap/history"))
    assert.truthy(file:read "a":find("'kept item'\n", 1, true))
  end)

  on_terminal("shows the names of a file after -i", function()
    local path = script [[
local hidden_state = 4
local function twice(x) hidden_state = hidden_state + 1 return 2 * x end
seen = ...
return 1]]
    local output, code = talk({ "names: hidden_state, seen, twice", "1> ",
      { "twice(21), hidden_state, seen\\n" }, '42\t5\t"word"', "2> ", { CTRL_D } },
      "-i " .. path .. " word")
    assert.equal(0, code, output)
    os.remove(path)
  end)

  it("is plain when it is no terminal", function()
    assert.equal("3\n", piped "1 + 2")
    assert.equal('"a\\n"\t{ 1, x = 2 }\n', piped '"a\\n", {x = 2, 1}')
    assert.equal("1\n2\n", piped "for i = 1, 2 do\n  print(i)\nend\n")
  end)

  it("says what is wrong, and where", function()
    local cases = {
      { "tensr", "variable 'tensr' is not defined (did you mean 'tensor'?)\n  [1]:1: tensr\n" },
      { "torch.tensor(1)", "'torch' is not defined; here it is tensor, grad, nn and optim\n" },
      { "x = {}\nx.y.z", "error: attempt to index a nil value (field 'y')\n  [2]:1: x.y.z\n" },
      { "x ** 2", "near '*'; powers are written x ^ 2\n" },
      { "help frame", "the command is :help TOPIC\n" },
      { "x = {} x[1:3]", "near ':'; slices are written x[{ {1, 3} }]" },
      { "f(axis=1)", "near '='; options are a table" },
      { "import numpy", "near 'numpy'; modules are at hand" },
      { "x = 1 += 2", "there is no '+='" },
      { "x = = 2", "error: unexpected symbol near '='\n  [1]:1: x = = 2\n" },
      { "local a <const> = {}\na = 2", "attempt to assign to const variable 'a'" },
      { "error {}", "error: (error object is a table value)" },
      { "error()", "error: (error object is a nil value)" },
      { "error(setmetatable({}, { __tostring = function() return 'mine' end }))", "error: mine\n" },
      { "setmetatable({}, { __tostring = function() error 'x' end })", "whose __tostring fails: " },
      { "local function f()\nerror 'in'\nend\nlocal function g() f() end\ng() x = 1",
        "[1]:2: error 'in'\n  [1]:2: in upvalue 'f'\n  [2]:1: in local 'g'\n" },
      { "for", "near <eof>" },
      { "local x <close", "near <eof>" },
      { "x = ]]", "unexpected symbol near ']'" },
      { ":tmie 1", "unknown command ':tmie' (did you mean ':time'?)" },
    }
    for _, case in ipairs(cases) do
      local output = piped(case[1])
      local found = output:find(case[2], 1, true)
      if case[1]:find "^local function f" then
        found = output:find("error 'in'", 1, true) and output:find("in upvalue 'f'", 1, true)
      end
      assert.truthy(found, case[1] .. " gave " .. output)
    end
  end)

  on_terminal("marks the place of an error under its line", function()
    local cases = { -- text, line and mark
      { "x = {}\nx.y.z = 2", "x.y.z = 2\n           ^\n" },
      { "x = = 2", "x = = 2\n             ^\n" },
      { "a = b == == c", "a = b == == c\n                  ^\n" },
      { "f(", "  [1]:1: f(\n           ^\n" },
      { "1 + tensr", "1 + tensr\n             ^\n" },
      { "  1 + tensr -- note", "1 + tensr -- note\n             ^\n" },
      { "'é', tensr", "'é', tensr\n              ^\n" },
      { "tensor.zeros { -1 }", "tensor.zeros { -1 }\n                ^\n" },
      { "tensor.ones { 2 } + tensor.ones { 3 }", "}\n" .. (" "):rep(27) .. "^\n" },
      { "x = { 1 }\nx:no()", "x:no()\n           ^\n" },
    }
    for _, case in ipairs(cases) do
      local output = piped(case[1])
      assert.truthy(output:find(case[2], 1, true), case[1] .. " gave " .. output)
    end
    assert.is_nil(caret.column("a + b + c", 1, "attempt to add", "add")) -- which + is not known
    assert.is_nil(caret.column("", 1, "no such thing"))
  end)

  on_terminal("tells where time goes", function()
    local output = piped ":prof local s = 0 for i = 1, 3e7 do s = s + i % 7 end"
    assert.truthy(output:find "^%d+ samples, one each millisecond\n *%d+%.%d %%  %[1%]:1 ", output)
    output = piped "x = tensor.rand { 1000000 }\n:prof for i = 1, 3 do x:sort() end\nx:numel()"
    assert.truthy(output:find "%[2%]:1 +sort +for i = 1, 3 do x:sort%(%) end\n.*1000000\n$", output)
    assert.truthy(piped ":prof error 'mine'":find "error: mine\n  %[1%]:1: error 'mine'\n")
    output = piped ":prof coroutine.wrap(function() for i = 1, 2e7 do end end)()"
    assert.truthy(output:find "%[1%]:1", output)
    local dialog = { "1> ",
      { ":prof for i = 1, 3e7 do end print 'go' while true do end\\n" }, "go\r", { CTRL_C },
      "interrupted", "samples", "2> ", { CTRL_D } }
    local seen, code = talk(dialog)
    assert.equal(0, code, seen)
  end)

  on_terminal("shows sources and writes the session as a script", function()
    local source = "local function twice(x)\n  return 2 * x\nend"
    assert.equal("-- [1]:1\n" .. source .. "\n", piped(source .. "\n:src twice"))
    local place = "tensor%.lua:%d+\nfunction tensor%.zeros%(t, %.%.%.%)\n"
    assert.truthy(piped ":src tensor.zeros":find(place))
    assert.truthy(piped ":src print":find "written in C")
    assert.truthy(piped ":src nothing":find "no function here")
    local path = support.temporary ".lua"
    local output = piped("local n = 2\nno.such\ntensor.ones { n }; -- kept\n_:sum()\nn, 3\n:save "
      .. path)
    assert.truthy(output:find("4 items in " .. path, 1, true), output)
    local pipe <close> = io.popen(("%s %s 2>&1"):format(neap, path))
    assert.equal("2.0\n2\n", pipe:read "a") -- of several values, the first is a result
    assert.truthy(piped ":save":find "wants the name")
    assert.truthy(piped ":save /no/such/folder/x.lua":find "error: ")
    os.remove(path)
  end)

  on_terminal("reads a start-up file, and starts though it fails", function()
    local folder = home .. "/.config/neap"
    os.execute("mkdir -p " .. folder)
    local function init(text)
      local file <close> = assert(io.open(folder .. "/init.lua", "w"))
      file:write(text)
    end
    init "local mine = tensor.ones { 3 }\nfunction my_sum() return mine:sum() end"
    local output, code = talk { "1> ", { "my_sum(), #mine\\n" }, "3.0\t3", { CTRL_D } }
    assert.equal(0, code, output)
    output, code = talk({ "1> ", { "my_sum\\n" }, "'my_sum' is not defined", { CTRL_D } },
      "--no-init")
    assert.equal(0, code, output)
    assert.truthy(piped "my_sum":find "not defined") -- a pipe is no session of the user's
    init "local a = 1\nlocal b = a.b.c"
    output, code = talk { "attempt to index a number value (local 'a')",
      "init.lua:2: local b", "1> ",
      { "1 + 1\\n" }, "2\r", { CTRL_D } }
    assert.equal(0, code, output)
    init "local = 1"
    output, code = talk { "init.lua:1: local = 1", "1> ", { CTRL_D } }
    assert.equal(0, code, output)
    os.remove(folder .. "/init.lua")
  end)

  it("leaves globals of libraries alone", function()
    assert.equal("nil\n", piped "load('return no_such_name')()")
    assert.equal("5\n", piped "y = 5\nload('return y')()")
  end)

  it("knows its commands", function()
    assert.truthy(piped ":time 1 + 1":find "^2\n[%d.]+ us, 0 bytes of tensors more\n$")
    assert.truthy(piped ":timeit 1 + 1":find "^minimum [%d.]+ us, median [%d.]+ us, of %d+ runs\n$")
    assert.truthy(piped ":mem":find "^tensors .*, at most .*; kept for reuse .*; Lua .* KB\n$")
    assert.equal("a  1\nb  { 2 }\n", piped "local a = 1\nb = { 2 }\n:who")
    assert.truthy(piped "x = tensor.ones { 2, 3 }\n:who":find "^x  tensor<f64>%[2x3%]")
    assert.equal("", piped ":quit\nprint 'not reached'")
    assert.truthy(piped ":help":find ":timeit CODE")
    assert.truthy(piped "tensor.zeros?":find "^tensor%.zeros%(")
    assert.truthy(piped "local x = 5\nx?":find "number\n\n  5")
    assert.truthy(piped "?tensr":find "did you mean 'tensor'")
  end)
end)

describe("Ctrl-C in a script", function()
  -- A process of ours sends the signal, since typing it needs a terminal.
  local KILL = "local kill = io.popen 'sleep 0.1; kill -INT $PPID'; "

  local function interrupted(code)
    local path, out = script(KILL .. code), support.temporary()
    local _, _, status = os.execute(("%s %s >%s 2>&1"):format(neap, path, out))
    local file <close> = assert(io.open(out))
    local text = file:read "a"
    os.remove(path)
    os.remove(out)
    return status, text
  end

  local cases = {
    { "a loop", "while true do end" },
    { "pcall", "while true do pcall(function() while true do end end) end" },
    { "xpcall", "while true do xpcall(function() while true do end end, debug.traceback) end" },
    { "a coroutine", "local co = coroutine.create(function() while true do end end)\n"
      .. "while true do coroutine.resume(co) end" },
    { "pcall in a coroutine", "local f = coroutine.wrap(function()\n"
      .. "while true do pcall(coroutine.yield) end end) while true do f() end" },
    { "a callback of C", "('x'):gsub('x', function() while true do end end)" },
    { "a conversion to a table", "local x = require 'neap.tensor'.ones { 2000000 } "
      .. "while true do x:totable() end" },
    { "a kernel", "local x = require 'neap.tensor'.rand { 1000000 } while true do x:sort() end" },
  }
  for _, case in ipairs(cases) do
    it("stops " .. case[1], function()
      local status, text = interrupted(case[2])
      assert.equal(130, status, text)
      assert.truthy(text:find "^neap: .*:%d: interrupted\n", text)
    end)
  end

  it("runs __close and __gc handlers to their end", function()
    local status, text = interrupted [[
setmetatable({}, { __gc = function() print "collected" end })
local function closer(name)
  return setmetatable({}, { __close = function()
    local sum = 0
    for i = 1, 1000000 do sum = sum + i end
    print(name, sum, pcall(error, "caught"))
  end })
end
local co = coroutine.wrap(function()
  local inner <close> = closer "inner"
  while true do end
end)
local outer <close> = closer "outer"
co()]]
    assert.equal(130, status, text)
    for _, part in ipairs { "inner\t500000500000\tfalse\tcaught",
      "outer\t500000500000\tfalse\tcaught", "collected" } do
      assert.truthy(text:find(part, 1, true), text)
    end
  end)

  it("leaves no file half written", function()
    local target = support.temporary()
    os.remove(target)
    local status = interrupted(([[
local file = require "neap.file"
file.write(%q, "whole")
while true do file.write(%q, ("y"):rep(100000)) end]]):format(target, target))
    assert.equal(130, status)
    local handle <close> = assert(io.open(target))
    local text = handle:read "a"
    assert.truthy(text == "whole" or text == ("y"):rep(100000))
    os.remove(target)
    local leftover = io.popen("ls " .. target .. "* 2>/dev/null"):read "a"
    assert.equal("", leftover)
  end)

  it("says what is awaited at the second, and ends at the third", function()
    local code = "local kill = io.popen 'sleep 0.1; kill -INT $PPID; sleep 0.2; kill -INT $PPID; "
      .. "sleep 0.2; kill -INT $PPID' "
      .. "local s = ('a'):rep(30) string.find(s, ('a?'):rep(30) .. ('a'):rep(30) .. 'b')"
    local path, out = script(code), support.temporary()
    local _, _, status = os.execute(("%s %s >%s 2>&1"):format(neap, path, out))
    local file <close> = assert(io.open(out))
    local text = file:read "a"
    os.remove(path)
    os.remove(out)
    assert.equal(130, status)
    assert.truthy(text:find "waiting for find, called at .*%.lua:1, to return; press Ctrl%-C again")
  end)
end)

describe("chunks of the prompt", function()
  local function session()
    local locals = {}
    return function(text)
      local fn, detail = chunk.compile(text, "=[1]", locals)
      assert(fn, detail)
      return fn()
    end
  end

  it("share locals with the closures of earlier lines", function()
    local run = session()
    run "local n = 1; local function inc() n = n + 1 return n end"
    assert.equal(2, run "inc()")
    run "n = 10"
    assert.equal(11, run "inc()")
    run "local n = 'new'"
    assert.equal(12, run "inc()")
    assert.equal("new", run "n")
  end)

  it("keep attributes, multiple names, and values before a return", function()
    local run = session()
    run "local a <const>, b = 1, 2"
    run "b = a + b"
    assert.equal(3, run "b")
    assert.equal(1, run "a")
    run "local closed = 0"
    run "local h <close> = setmetatable({}, { __close = function() closed = closed + 1 end })"
    assert.equal(0, run "closed")
    assert.equal(5, run "local c = 5 return c")
    assert.equal(5, run "c -- a comment")
    run "local s = [[ end local no = 1 ]] .. \"\\\" local no\" -- local no"
    assert.is_nil(rawget(_G, "no"))
    run "if true then local inner = 1 end for i = 1, 2 do local j = i end"
    run "local f = function() local deep = 1 return deep end"
    assert.equal(1, run "f()")
    assert.is_nil(run "inner or j or deep")
    run "goto done local skipped = 1 ::done::"
  end)

  it("know when more lines are needed", function()
    local cases = { ["for i = 1, 2 do"] = true, ["f("] = true, ["x ="] = true, ["[[ a"] = true,
      ["end"] = false, ["x = = 1"] = false, ["'a"] = false }
    for text, incomplete in pairs(cases) do
      local fn, _, more = chunk.compile(text, "=[1]", {})
      assert.is_nil(fn)
      assert.equal(incomplete, more, text)
    end
    assert.is_true(chunk.is_empty "  -- nothing\n--[[ at\nall ]]")
    assert.is_false(chunk.is_empty "x")
  end)
end)

describe("completion", function()
  local variables = { t = { ["odd key"] = 1, one = {}, two = print }, s = "text",
    o = setmetatable({ own = 1 }, { __index = { method = print, field = 2 }, __len = print }) }
  local names = { t = true, s = true, o = true, string = true }
  local function candidates(before)
    local found, prefix = complete.candidates(before, names, function(n) return variables[n] end)
    return table.concat(found, " "), prefix
  end

  it("finds what can follow", function()
    local cases = {
      { "x = st", "string", "st" }, { "fun", "function", "fun" }, { "t.o", "one", "o" },
      { "print(t.", "one two", "" }, { "t:", "two", "" }, { "o.", "field method own", "" },
      { "o:m", "method", "m" }, { "s:up", "upper", "up" }, { "t['od", "odd key']", "od" },
      { "t.missing.x", "", "x" }, { "1 + ", "", "" }, { "o.own.deep.x", "", "x" },
    }
    for _, case in ipairs(cases) do
      local found, prefix = candidates(case[1])
      assert.equal(case[2], found, case[1])
      assert.equal(case[3], prefix, case[1])
    end
    variables.x, names.x = require "neap.tensor".zeros { 1 }, true
    assert.equal('f32" f64"', candidates 'x:to "f')
    assert.equal("bool' f32' f64' i32' i64' u8'", candidates "tensor.zeros { 3, dtype = '")
    assert.equal('drop" fill" raise"', candidates 'market.validate(b, { max_gap = 3, policy = "')
    assert.equal("", candidates 'market.validate(b, { policy = "x')
    assert.equal('close" open"', candidates 'backtest.run(b, { fee = f(1, 2), fill = "')
    assert.equal('beta"', candidates 'calibration.fit("b')
    local frame = require "neap.frame"
    variables.f, names.f = frame.new { { "open", { 1 } }, { "odd", { 2 } }, { "s", { "A" } } }, true
    assert.equal('odd" open"', candidates 'f:group_by "o')
    assert.equal("s'", candidates "f:select { 'open', 's")
    assert.equal('odd" open" s"', candidates 'f:rolling(20, { by = "')
    assert.equal("", candidates 'f:join(g, { how = "od')
    assert.equal("odd open", candidates 'f:where "open > 1 and o')
    assert.truthy(candidates "f:write_csv 'lualib/ne":find("lualib/neap/", 1, true))
    assert.truthy(candidates "f('lualib/ne":find("lualib/neap/", 1, true))
    assert.truthy(candidates "require 'neap.te":find("neap.tensor", 1, true))
  end)
end)

describe("inspect", function()
  it("gives equal text for equal tables, on one line when it fits", function()
    assert.equal('{ 1, 2.0, "a\\nb", [10] = true, ["a b"] = 1, ["end"] = 2, x = { y = {} } }',
      inspect.line { 1, 2.0, "a\nb", [10] = true, x = { y = {} }, ["a b"] = 1, ["end"] = 2 })
    assert.equal("nil", inspect.line(nil))
    assert.equal("function(a, b)", inspect.line(function(a, b) return a, b end))
    local cycle = { 1 }
    cycle.self = cycle
    assert.equal("{ 1, self = <cycle> }", inspect.line(cycle))
    assert.equal("first ...", inspect.line(setmetatable({}, { __tostring = function()
      return "first\nsecond"
    end })))
  end)

  it("breaks what does not fit, and cuts what is long", function()
    assert.equal("{\n  alpha = 1,\n  beta = { 1, 2 }\n}",
      inspect.text({ alpha = 1, beta = { 1, 2 } }, { width = 20 }))
    local list = {}
    for i = 1, 200 do list[i] = i end
    local text = inspect.text(list, { width = 40 })
    assert.truthy(text:find "... 100 more")
    for line in text:gmatch "[^\n]+" do assert.is_true(#line <= 40) end
    local deep = {}
    local at = deep
    for _ = 1, 1000 do
      at.next = {}
      at = at.next
    end
    assert.truthy(inspect.line(deep):find("{...}", 1, true))
  end)
end)

describe("the prompt's help", function()
  it("knows methods of variables", function()
    assert.truthy(piped "x = tensor.of { 1 }\nx:mean?":find("tensor:mean(dim, o)", 1, true))
    assert.truthy(piped "f = frame.new {}\n:help f.head":find("frame:head(n)", 1, true))
    assert.truthy(piped "x = tensor.of { 1 }\nx:meen?":find("no help on 'x:meen'", 1, true))
  end)

  it("names the commands that people type as functions", function()
    assert.truthy(piped "exit()":find("the command is :quit", 1, true))
    assert.truthy(piped "help":find("the command is :help", 1, true))
  end)

  it("lists methods in place apart", function()
    local text = help.topic "tensor"
    assert.truthy(text:find "\nin place\n\n  add_ sub_ ")
    assert.falsy(text:find("tensor:add_", text:find "methods of neap.tensor", true))
  end)

  it("continues an expression that ends in an operator", function()
    assert.equal("3\n", piped "1 +\n2\n")
    assert.truthy(piped "1 +":find("unexpected symbol near <eof>", 1, true))
  end)
end)

describe("help", function()
  it("reads the comments of the modules and stubs", function()
    assert.truthy(help.topic "":find "tensor +Dense")
    assert.truthy(help.topic "tensor":find "tensor%.zeros +A tensor of zeros")
    assert.truthy(help.topic "tensor.zeros":find "^tensor%.zeros%(.-%)\n\n  A tensor of zeros")
    assert.truthy(help.topic "gbdt.Model":find "^gbdt.Model\n\nmethods of .*:shap")
    assert.truthy(help.topic "tensor:numel":find "Number of elements")
    assert.truthy(help.topic "neap.tensor.zeros":find "^tensor%.zeros")
    assert.truthy(help.topic "inspect.line":find "example\n    inspect%.line")
    assert.truthy(help.topic "zeros":find "^tensor%.zeros")
    local text, near = help.topic "tensor.zeroes"
    assert.is_nil(text)
    assert.equal("tensor.zeros", near)
  end)

  it("keeps the lines of tables and lists", function()
    local text = help.topic "frame:where"
    assert.truthy(text:find("\n  arithmetic       `+ - * / // % ^` and parentheses\n", 1, true))
    assert.truthy(text:find("`and or not`, also `& | ~` with", 1, true))
    assert.is_nil(text:find("---", 1, true))
    text = help.topic "frame.read_csv"
    assert.truthy(text:find("\n  - `header = false` with `names`", 1, true))
    for _, topic in ipairs { "frame:where", "frame.read_csv", "frame:fillna" } do
      local about = help.topic(topic):match "^(.-)\n\n  [%a]+%??  +[^\n]*\n  returns"
        or help.topic(topic):match "^(.-)\n\n  example"
      for line in about:gmatch "[^\n]+" do assert.is_true(#line <= 80, line) end
    end
  end)

  it("has signature, values and an example of functions and methods", function()
    for _, name in ipairs { "quantile", "where", "sort", "matmul", "zeros", "cumsum", "topk" } do
      local text = help.topic("tensor." .. name)
      assert.truthy(text:find("^tensor[.:]" .. name .. "%(.-%)\n"), name)
      for line in text:gmatch "[^\n]+" do
        assert.is_true(#line <= 80 or line:find "^    " ~= nil, line)
      end
      assert.truthy(text:find "\n  returns  " and text:find "\n  example\n    ", name)
    end
    assert.is_nil(help.topic "tensor":find(" 1 .\n", 1, true)) -- "1 .. K" ends no sentence
  end)

  it("describes values", function()
    assert.truthy(help.value(inspect.line):find "^inspect%.line%(value%)")
    assert.truthy(help.value(require "neap.tensor".zeros { 2 }):find "methods of neap%.tensor")
    assert.truthy(help.value({ 1, 2 }):find "table\n\n  { 1, 2 }")
    assert.truthy(help.value(print):find "written in C")
  end)
end)
