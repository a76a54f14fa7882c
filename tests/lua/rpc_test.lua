-- `neap --json-rpc`, as a notebook's wrapper drives it.
local clock = require "neap.clock"
local command = require "tests.lua.command"
local file = require "neap.file"
local json = require "neap.json"

local folder
setup(function() folder = file.temporary_folder() end)
teardown(function() file.remove_tree(folder) end)

local function request(id, method, params)
  return json.text { jsonrpc = "2.0", id = id, method = method, params = params }
end

local function execute(id, code) return request(id, "execute", { code = code }) end

-- Every line that is answered to the text; all of them are messages, whatever ran.
local function answers(text)
  file.write(folder .. "/in", text)
  local r = command.shell(folder, command.neap .. " --json-rpc <in")
  local list = {}
  for line in r.out:gmatch "([^\n]*)\n" do
    list[#list + 1] = json.decode(line)
    local message = list[#list]
    if not json.is_array(message) then assert.equal("2.0", message.jsonrpc) end
  end
  assert.truthy(r.out == "" or r.out:sub(-1) == "\n")
  assert.equal("", r.err)
  return list, r.code
end

local function answer(text)
  local list = answers(text .. "\n")
  assert.equal(1, #list)
  return list[1]
end

local function run(code) return answer(execute(1, code)) end

-- The texts printed on a stream, joined.
local function printed(list, stream)
  local parts = {}
  for _, message in ipairs(list) do
    if message.method == "output" and message.params.stream == stream then
      parts[#parts + 1] = message.params.text
    end
  end
  return table.concat(parts)
end

-- A front end that waits for answers: function(send, wait). `wait(pattern)` gives all that came
-- once it has the pattern.
local function converse(dialog)
  local out = folder .. "/out"
  local pipe = assert(io.popen(command.neap .. " --json-rpc >" .. out, "w"))
  local function send(text)
    pipe:write(text, "\n")
    pipe:flush()
  end
  local function wait(pattern)
    local deadline = clock.monotonic() + 20000000000 -- nanoseconds
    while true do
      local text = file.exists(out) and file.read(out) or ""
      if text:find(pattern) then return text end
      assert(clock.monotonic() < deadline, pattern .. " did not come: " .. text)
      os.execute "sleep 0.005"
    end
  end
  local ok, message = pcall(dialog, send, wait)
  if not ok then send(request(0, "interrupt")) end -- what runs would run for ever
  local _, _, code = pipe:close()
  assert(ok, message)
  local text = file.read(out)
  os.remove(out)
  return text, code
end

describe("neap --json-rpc", function()
  it("answers with the values of what ran, and ends with the input", function()
    local list, code = answers(execute(1, "local x = 20") .. "\n" .. execute("two", "x + 1, 'a'")
      .. "\n" .. execute(3, "_ * 2"))
    assert.equal(0, code)
    assert.same({}, list[1].result.values)
    assert.equal(1, list[1].result.count)
    assert.equal("two", list[2].id)
    assert.equal("21", list[2].result.values[1]["text/plain"])
    assert.equal('"a"', list[2].result.values[2]["text/plain"])
    assert.equal("42", list[3].result.values[1]["text/plain"])
    assert.equal(3, list[3].result.count)
    assert.is_true(list[3].result.seconds >= 0)
  end)

  it("runs cells of several lines, and shows the expression at their end", function()
    local values = run("local x = tensor.of { 1, 3 }\nx:sum()\nx:mean()").result.values
    assert.equal(1, #values)
    assert.equal("2.0", values[1]["text/plain"])
    values = run("1 + 1\n2 + 2").result.values
    assert.equal("4", values[2]["text/plain"])
    assert.equal(0, #run("local x = 1\nx = x + 1").result.values)
    local e = run("local function f() error 'no' end\n\nf()").error
    assert.equal(1, e.data.line)
    assert.equal("local function f() error 'no' end", e.data.code)
  end)

  it("gives charts as SVG, tensors and frames as text of the width asked for", function()
    local value = run("plot.line { 1, 2, 4 }").result.values[1]
    assert.truthy(value["image/svg+xml"]:find "^<svg")
    assert.truthy(value["text/plain"]:find "^chart, ")
    local text = answer(request(1, "execute", { code = "tensor.rand { 2, 30 }", columns = 50 }))
      .result.values[1]["text/plain"]
    assert.truthy(text:find "^tensor<f64>%[2x30%]")
    for line in text:gmatch "[^\n]+" do assert.is_true(#line <= 50, line) end
    text = run("frame.new { { 'a', tensor.of { 1, 2 } } }").result.values[1]["text/plain"]
    assert.truthy(text:find "frame%[2 x 1%]")
  end)

  it("sends what is printed as notifications, whoever prints it", function()
    local list = answers(execute(7, [[
print("from Lua", 1)
io.stderr:write "a warning\n"
os.execute "echo from a child"
io.write "no end of line"
io.write "é" io.write "\255"]]) .. "\n" .. execute(8, "print 'second'"))
    assert.equal("from Lua\t1\nfrom a child\nno end of lineé\u{FFFD}second\n",
      printed(list, "stdout"))
    assert.equal("a warning\n", printed(list, "stderr"))
    for i, message in ipairs(list) do
      local before = list[#list].id == 8 and i < #list and message.method == "output"
      if before then
        assert.equal(message.params.text == "second\n" and 8 or 7, message.params.id)
      end
    end
    assert.equal(8, list[#list].id) -- the answer comes behind what was printed
  end)

  it("carries a large output, and large messages", function()
    local list = answers(execute(1, "for i = 1, 200000 do print(i, 'ü') end ('x'):rep(3000000)"))
    local text = printed(list, "stdout")
    assert.equal(200000, select(2, text:gsub("\tü\n", "")))
    assert.equal("1\tü\n", text:sub(1, 5))
    list = answers(execute(1, "#'" .. ("é"):rep(1000000) .. "'"))
    assert.equal("2000000", list[1].result.values[1]["text/plain"])
    assert.equal(3000002, #run("('x'):rep(3000000)").result.values[1]["text/plain"])
  end)

  it("tells line, column and traceback of an error, and goes on", function()
    local list = answers(execute(1, "local t = {}\nlocal y = t.field.deep") .. "\n"
      .. execute(2, "local function inner() error 'deep down' end\n"
        .. "local function outer() inner() end\nouter()") .. "\n" .. execute(3, "x = = 2") .. "\n"
      .. execute(4, "tensr") .. "\n" .. execute(5, "1 + 1"))
    local e = list[1].error
    assert.equal(-32000, e.code)
    assert.truthy(e.message:find "attempt to index a nil value %(field 'field'%)")
    assert.same({ "[1]", 2, 13, "local y = t.field.deep" },
      { e.data.source, e.data.line, e.data.column, e.data.code })
    e = list[2].error
    assert.equal("deep down", e.message)
    assert.truthy(e.data.traceback[1]:find("in upvalue 'inner'", 1, true))
    assert.equal(5, list[3].error.data.column)
    assert.truthy(list[4].error.message:find("did you mean 'tensor'", 1, true))
    assert.equal("2", list[5].result.values[1]["text/plain"])
  end)

  it("survives errors of every kind", function()
    for _, code in ipairs { "error()", "error {}", "for", "'\\255'", "error '\\255\\0'",
      "error(setmetatable({}, { __tostring = error }))", "coroutine.wrap(error)('x')",
      "setmetatable({}, { __tostring = function() error 'x' end })",
      "local function f() f() end f()" } do
      local list = answers(execute(1, code) .. "\n" .. execute(2, "7"))
      assert.equal(2, #list)
      assert.equal("7", list[2].result.values[1]["text/plain"], code)
    end
  end)

  it("refuses malformed messages with the codes of JSON-RPC", function()
    local cases = {
      { "{", -32700 }, { "nonsense", -32700 }, { '{"jsonrpc":"2.0","id":1}{}', -32700 },
      { '{"jsonrpc":"2.0","id":1,"id":2,"method":"info"}', -32700 }, { '"\255"', -32700 },
      { ("["):rep(100000), -32700 }, { "1", -32600 }, { "null", -32600 }, { "[]", -32600 },
      { "{}", -32600 }, { '{"id":1,"method":"info"}', -32600, 1 },
      { '{"jsonrpc":"1.0","id":1,"method":"info"}', -32600, 1 },
      { '{"jsonrpc":"2.0","id":{},"method":"info"}', -32600 },
      { '{"jsonrpc":"2.0","id":1,"method":7}', -32600, 1 },
      { request(1, "execut", { code = "1" }), -32601, 1 }, { request("a", ""), -32601, "a" },
      { request(1, "execute"), -32602, 1 }, { request(1, "execute", { code = 5 }), -32602, 1 },
      { request(1, "execute", { code = "1", colums = 5 }), -32602, 1 },
      { '{"jsonrpc":"2.0","id":1,"method":"execute","params":["1"]}', -32602, 1 },
      { request(1, "complete", { code = "x", position = 9 }), -32602, 1 },
      { request(1, "complete", { code = "x", position = -1 }), -32602, 1 },
      { request(1, "help", { topic = "tensor.zeroes" }), -32602, 1 },
    }
    for _, case in ipairs(cases) do
      local list = answers(case[1] .. "\n" .. request(99, "info"))
      assert.equal(case[2], list[1].error and list[1].error.code, case[1]:sub(1, 80))
      assert.equal(case[3] or json.null, list[1].id, case[1]:sub(1, 80))
      assert.equal(99, list[2].id)
    end
    local message = answer(request(1, "execut")).error.message
    assert.truthy(message:find("did you mean 'execute'", 1, true))
    message = answer(request(1, "execute", { code = "1", colums = 5 })).error.message
    assert.truthy(message:find("unknown param 'colums' (did you mean 'columns'?)", 1, true))
  end)

  it("keeps no message of more than 64 MB", function()
    local list = answers(("x"):rep((64 << 20) + 1) .. "\n" .. request(2, "info"))
    assert.equal(-32600, list[1].error.code)
    assert.equal(2, list[2].id)
  end)

  it("answers batches in a list, and notifications not at all", function()
    local list = answers("[" .. request(1, "info") .. ",5," .. request(nil, "execute",
      { code = "n = 3" }) .. "," .. execute(2, "n") .. "]\n\n" .. request(nil, "info") .. "\n["
      .. request(nil, "info") .. "]\n" .. execute(3, "n"))
    assert.equal(2, #list)
    assert.equal(3, #list[1])
    assert.equal(-32600, list[1][2].error.code)
    assert.equal("3", list[1][3].result.values[1]["text/plain"])
    assert.equal(3, list[2].id)
  end)

  it("completes, inspects and helps", function()
    local list = answers(execute(1, "local x = tensor.rand { 3 }") .. "\n"
      .. request(2, "complete", { code = "'é' .. x:numel() + x:nu", position = 23 }) .. "\n"
      .. request(3, "complete", { code = "'é' tensor.lin + 1", position = 14 }) .. "\n"
      .. request(4, "inspect", { code = "x:quantile(0.5, 1)", position = 14 }) .. "\n"
      .. request(5, "help", { topic = "x:numel" }) .. "\n" .. request(6, "variables") .. "\n"
      .. request(7, "help"))
    assert.same({ "numel" }, { table.unpack(list[2].result.matches) })
    assert.equal(21, list[2].result.from)
    assert.equal(23, list[2].result.to)
    assert.same({ "linspace" }, { table.unpack(list[3].result.matches) })
    assert.truthy(list[4].result.signature:find("tensor:quantile(q, dim, o)", 1, true))
    assert.truthy(list[5].result.text:find "Number of elements")
    assert.equal("x", list[6].result[1].name)
    assert.equal("neap.tensor", list[6].result[1].kind)
    assert.same({ 3 }, { table.unpack(list[6].result[1].shape) })
    assert.truthy(list[7].result.text:find "neap help MODULE")
  end)

  it("knows whether a cell is complete, and the commands of the prompt", function()
    for code, want in pairs { ["for i = 1, 2 do"] = "incomplete", ["x = 1"] = "complete",
      ["x = = 1"] = "invalid", ["x?"] = "complete", [":time 1"] = "complete" } do
      assert.equal(want, answer(request(1, "is_complete", { code = code })).result.status)
    end
    local list = answers(execute(1, ":timeit 1 + 1") .. "\n" .. execute(2, "tensor.zeros?") .. "\n"
      .. execute(3, ":tmie 1"))
    assert.truthy(printed(list, "stdout"):find "minimum .* of %d+ runs\ntensor%.zeros%(t%)")
    assert.truthy(list[#list].error.message:find("did you mean ':time'", 1, true))
  end)

  it("gives scripts an empty standard input, and lets them end the process", function()
    assert.equal("nil", run("io.read()").result.values[1]["text/plain"])
    local list, code = answers(execute(1, "io.write 'last words' os.exit(3)"))
    assert.equal(3, code)
    assert.equal("last words", printed(list, "stdout"))
  end)

  it("ends with shutdown, whatever follows it", function()
    local list, code = answers(request(1, "shutdown") .. "\n" .. execute(2, "1"))
    assert.equal(0, code)
    assert.equal(1, #list)
    assert.is_true(list[1].result)
  end)

  it("interrupts what runs, with its state intact", function()
    for _, code in ipairs { "while true do end", "while true do pcall(error) end",
      "coroutine.wrap(function() while true do end end)()", "while true do print 'x' end",
      "local x = tensor.rand { 1000000 } while true do x:sort() end" } do
      local text = converse(function(send, wait)
        send(execute(1, "kept = 41 print 'ready'"))
        send(execute(2, "print 'go' " .. code))
        wait '"text":"go\\n'
        send(request(3, "interrupt"))
        wait '"id":3'
        send(execute(4, "kept + 1"))
        wait '"id":4'
      end)
      local found = {}
      for line in text:gmatch "[^\n]+" do
        local message = json.decode(line)
        if message.id then found[message.id] = message end
      end
      assert.equal(-32001, found[2].error.code, code)
      assert.is_true(found[3].result)
      assert.equal("42", found[4].result.values[1]["text/plain"])
    end
  end)

  it("interrupts what waits before the interrupt, and not what follows it", function()
    local list = answers(execute(1, "while true do end") .. "\n" .. execute(2, "early = 1") .. "\n"
      .. request(3, "interrupt") .. "\n" .. execute(4, "rawget(_G, 'early')"))
    assert.equal(-32001, list[1].error.code)
    assert.equal(-32001, list[2].error.code)
    assert.equal("nil", list[4].result.values[1]["text/plain"])
  end)

  it("takes no word of an interrupt inside other text for one", function()
    local list = answers(execute(1, '{ method = "interrupt" }') .. "\n" .. request(2, "execute",
      { code = [["\"method\":\"interrupt\""]] }))
    assert.truthy(list[1].result)
    assert.truthy(list[2].result)
  end)

  it("stops at SIGINT as well", function()
    local text, code = converse(function(send, wait)
      send(execute(1, "pid = io.open('/proc/self/stat'):read 'n' print('pid', pid)"))
      local pid = wait '"pid\\t%d+\\n"':match '"pid\\t(%d+)'
      send(execute(2, "print 'go' while true do end"))
      wait '"text":"go\\n"'
      os.execute("kill -INT " .. pid)
      wait '"id":2'
      send(execute(3, "'alive'"))
      wait '"id":3'
      os.execute("kill -INT " .. pid) -- nothing runs: nothing happens
      send(execute(4, "'still alive'"))
    end)
    assert.equal(0, code or 0)
    assert.truthy(text:find("interrupted", 1, true))
    assert.truthy(text:find("still alive", 1, true))
  end)

  it("does not outlive its front end", function()
    local text = execute(1, "print(io.open('/proc/self/stat'):read 'n') while true do end")
    file.write(folder .. "/in", text .. "\n")
    local r = command.shell(folder, ("( cat in; sleep 3 ) | ( %s --json-rpc; echo ended >end ) "
      .. "| head -n 1"):format(command.neap))
    assert.truthy(r.out:find '"method":"output"')
    local deadline = clock.monotonic() + 15000000000
    while not file.exists(folder .. "/end") and clock.monotonic() < deadline do
      os.execute "sleep 0.01"
    end
    assert.is_true(file.exists(folder .. "/end"))
  end)
end)
