local neap = require "neap"
local support = require "tests.lua.support"
local yaml = require "neap.yaml"

local function spec()
  return {
    name = "demo",
    about = "a demonstration",
    { "data", "file", help = "candles" },
    { "rows", "integer", default = 20000, min = 1000, max = 10000000, help = "bars to make" },
    { "threshold", "number", default = "auto", min = 1e-5, max = 0.5, also = { "auto" } },
    { "train_share", "share", default = 0.6 },
    { "policy", "choice", choices = { "raise", "drop", "fill" }, default = "drop" },
    { "progress", "boolean", default = true },
    { "note", "text", default = "a: b" },
  }
end

local function read(arguments, environment)
  return neap.options(spec(), { arguments = arguments, environment = environment or {} })
end

local function with_config(text, fn)
  local path = support.temporary ".yaml"
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local ok, message = pcall(fn, path)
  os.remove(path)
  if not ok then error(message, 0) end
end

describe("options", function()
  it("take their defaults", function()
    local o = read {}
    assert.equal(20000, o.rows)
    assert.equal("auto", o.threshold)
    assert.equal(0.6, o.train_share)
    assert.is_true(o.progress)
    assert.is_nil(o.data)
    assert.equal("default", o:source "rows")
  end)

  it("rise from file over environment to flags", function()
    local text = "rows: 2000\npolicy: fill\n# a comment\nthreshold: 0.02\ndata: null\n"
    with_config(text, function(path)
      local o = read({ "--config", path, "--policy=raise" }, { NEAP_DEMO_THRESHOLD = "0.1" })
      assert.equal(2000, o.rows)
      assert.equal("integer", math.type(o.rows))
      assert.equal(path .. ":1", o:source "rows")
      assert.equal(0.1, o.threshold)
      assert.equal("environment NEAP_DEMO_THRESHOLD", o:source "threshold")
      assert.equal("raise", o.policy)
      assert.equal("flag --policy", o:source "policy")
      assert.is_nil(o.data)
    end)
  end)

  it("read flags in every form", function()
    local o = read { "--rows", "1e6", "--no-progress", "--train-share=0.5", "--threshold", "auto",
      "--data", "x.csv" }
    assert.equal(1000000, o.rows)
    assert.is_false(o.progress)
    assert.equal(0.5, o.train_share)
    assert.equal("auto", o.threshold)
    assert.equal("x.csv", o.data)
    assert.is_true(read({ "--progress=yes" }).progress)
    assert.equal(3000, read({ "--rows=2000", "--rows=3000" }).rows)
  end)

  local bad = {
    { { "--rows", "999" }, "demo: option 'rows' is '999' (flag --rows), "
      .. "allowed is an integer from 1000 to 10000000" },
    { { "--rows", "1.5" }, "'1.5' (flag --rows), allowed is an integer" },
    { { "--rows", "nan" }, "'nan'" },
    { { "--rows", "99999999999999999999" }, "allowed is an integer" },
    { { "--rows" }, "flag --rows needs a value: an integer" },
    { { "--rows", "--progress" }, "flag --rows needs a value" },
    { { "--threshold", "0.6" }, "allowed is a number from 0.00001 to 0.5, or auto" },
    { { "--threshold", "nan" }, "'nan'" },
    { { "--train-share", "0" }, "a number above 0 and below 1" },
    { { "--train-share", "1" }, "a number above 0 and below 1" },
    { { "--policy", "skip" }, "allowed is one of raise, drop, fill" },
    { { "--progress=maybe" }, "'maybe' (flag --progress), allowed is true or false" },
    { { "--data", "" }, "the name of a file" },
    { { "--row", "5" }, "unknown flag '--row', did you mean '--rows'?" },
    { { "--no-rows" }, "unknown flag '--no-rows'" },
    { { "-x" }, "unknown flag '-x'" },
    { { "x.csv" }, "unexpected argument 'x.csv'" },
    { { "--config", "/nonexistent.yaml" }, "'config' is '/nonexistent.yaml' (flag --config)" },
  }
  for _, case in ipairs(bad) do
    it("refuse " .. table.concat(case[1], " "), function()
      local ok, problem = pcall(read, case[1])
      assert.is_false(ok)
      local text = tostring(problem)
      assert.truthy(text:find(case[2], 1, true), text)
      assert.equal(2, getmetatable(problem).__exit)
    end)
  end

  it("refuse bad and unknown environment variables", function()
    assert.truthy(support.message(read, {}, { NEAP_DEMO_ROWS = "7" }):find(
      "option 'rows' is '7' (environment NEAP_DEMO_ROWS), allowed is an integer", 1, true))
    assert.truthy(support.message(read, {}, { NEAP_DEMO_ROW = "7" }):find(
      "unknown environment variable 'NEAP_DEMO_ROW', did you mean 'NEAP_DEMO_ROWS'?", 1, true))
  end)

  local bad_files = {
    { "rows: 5\n", ":1), allowed is an integer from 1000" },
    { "\nrows: 1.5\n", ":2), allowed is an integer" },
    { "policy: drop\nthresold: 0.1\n", ":2), did you mean 'threshold'?" },
    { "rows: [1, 2]\n", "option 'rows' is a list or map" },
    { "- rows\n", "options must be a map" },
    { "rows: 5000\nrows: 6000\n", ":2:1: key 'rows' stands here a second time" },
    { "rows: &a 5000\n", ":1:7: anchors (&name) are not supported" },
    { "rows: 'x\n", "found unexpected end of stream" },
  }
  for _, case in ipairs(bad_files) do
    it("refuse the file " .. case[1]:gsub("\n", "\\n"), function()
      with_config(case[1], function(path)
        local text = support.message(read, { "--config", path })
        assert.truthy(text:find(path, 1, true), text)
        assert.truthy(text:find(case[2], 1, true), text)
      end)
    end)
  end

  it("come back from their own YAML", function()
    local o = read { "--rows", "5000", "--threshold", "0.25", "--data", "a #1: [x].csv" }
    assert.truthy(o:yaml():find("rows: 5000\nthreshold: 0.25\n", 1, true))
    with_config(o:yaml(), function(path)
      assert.equal(o:yaml(), read({ "--config", path }):yaml())
    end)
  end)

  it("catch a misspelt name in the script", function()
    local o = read {}
    local near = "did you mean 'rows'?"
    assert.truthy(support.message(function() return o.rwos end):find(near, 1, true))
    assert.truthy(support.message(function() return o:source "row" end):find(near, 1, true))
  end)

  it("can be declared by their defaults alone", function()
    local o = neap.options({ name = "short", fast = 12, fee = 5e-4, data = "x.csv", dry = false },
      { arguments = { "--fast", "5", "--dry" }, environment = {} })
    assert.equal(5, o.fast)
    assert.equal(5e-4, o.fee)
    assert.is_true(o.dry)
    assert.truthy(support.message(neap.options, { name = "s", fast = 12 },
      { arguments = { "--fast", "x" }, environment = {} }):find("'x'", 1, true))
  end)

  it("refuse declarations that make no sense", function()
    local function declare(d)
      return support.message(neap.options, { name = "demo", d },
        { arguments = {}, environment = {} })
    end
    assert.truthy(declare({ "Rows", "integer" }):find "lower%-case name")
    assert.truthy(declare({ "rows", "int" }):find "did you mean 'integer'")
    assert.truthy(declare({ "rows", "integer", minimum = 1 }):find "did you mean 'min'")
    assert.truthy(declare({ "rows", "integer", default = 0, min = 1 }):find "the default 0 is not")
    assert.truthy(declare({ "config", "file" }):find "taken")
    assert.truthy(declare({ "yaml", "file" }):find "taken")
    assert.truthy(declare({ "kind", "choice" }):find "choices missing")
  end)
end)

describe("yaml", function()
  it("reads scalars by the core schema", function()
    local v = yaml.decode("a: 1\nb: -2.5e3\nc: true\nd: ~\ne: '1'\nf: no\n"
      .. "g: .inf\nh: 2024-01-02\ni: nan")
    assert.equal(1, v.a)
    assert.equal("integer", math.type(v.a))
    assert.equal(-2500.0, v.b)
    assert.is_true(v.c)
    assert.equal(yaml.null, v.d)
    assert.equal("1", v.e)
    assert.equal("no", v.f)
    assert.equal(math.huge, v.g)
    assert.equal("2024-01-02", v.h)
    assert.equal("nan", v.i)
  end)

  it("writes what it reads", function()
    local value = { list = { 1, 2.5, "x", { deep = true, also = { "a", "b" } } }, text = "yes",
      number = "12", empty = "", tab = "a\tb\n\"c\"", colon = "a: b", hash = "a #b", star = "*x",
      float = 3.0, small = 1e-300, time = "12:30", space = "x ", dash = "- a", nothing = yaml.null,
      utf8 = "Zürich", unusual = { ["a: b"] = 1 } }
    local back = yaml.decode(yaml.encode(value))
    assert.same(value, back)
    assert.equal("float", math.type(back.float))
  end)

  it("refuses what could surprise, with the place", function()
    local cases = {
      { "a: *x", "f:1:4: aliases" }, { "a: !!str 1", "f:1:4: tags" },
      { "<<: {a: 1}", "f:1:1: merge keys" }, { "? [1]: 2", "f:1:3: a key must be plain text" },
      { "---\na: 1\n---\nb: 2", "f:3:1: a second document" }, { "a: \"x", "f:1:6" },
      { "\xff\xfe", "f: byte 1" }, { ("["):rep(40), "f:1:33: nested too deeply" },
      { ("x"):rep(1 << 25), "33554432 bytes, allowed are 16777216" },
    }
    for _, case in ipairs(cases) do
      local text = support.message(yaml.decode, case[1], "f")
      assert.truthy(text:find(case[2], 1, true), text)
    end
    local cycle = {}
    cycle.cycle = cycle
    assert.truthy(support.message(yaml.encode, cycle):find "holds itself")
    assert.truthy(support.message(yaml.encode, { f = print }):find "cannot write a function")
    assert.truthy(support.message(yaml.read, "/nonexistent.yaml"):find "No such file")
  end)

  it("takes an empty text for null", function()
    assert.equal(yaml.null, yaml.decode "")
    assert.equal(yaml.null, yaml.decode "# nothing\n")
    assert.same({}, yaml.decode "{}")
  end)
end)
