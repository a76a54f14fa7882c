-- Documentation comments read as data.
local doc = require "neap.doc"

local text = [[
--- A module for tests.
---
--- Second paragraph.
local c = require "neap.c.x"

local x = {}

--- Sum of two.
---
--- More about it.
---     local a = 1
---     x.add(a, 2) --> 3
---@param a { n: integer, f: fun(v: number): number }|nil the first
---   of two
---@param b? table<string, any> | number
---@return number sum, with text
---@return integer, integer
function x.add(a,
    b) end

function x.bare() end

--- Held.
---@type integer
x.limit = 3

-- Not documentation.
--------------------
local function hidden() end

--- What Thing is.
---@class neap.Thing
---@field size integer how large
local Thing = class "neap.Thing"

function Thing:init() end
function Thing.__tostring() end

--- Grow.
---@return neap.Thing
function Thing:grow(...) end

local Other = { __name = "neap.Other" }

--- Ask.
function Other:ask() end

return x
]]

local function by_name(source)
  local found = {}
  for _, entry in ipairs(source.entries) do
    if entry.name then found[entry.name] = entry end
  end
  return found
end

describe("doc.parse", function()
  local source = doc.parse(text)
  local entries = by_name(source)

  it("finds the opening comment and the table returned", function()
    assert.same({ "A module for tests.", "", "Second paragraph." }, source.about.blocks[1].text)
    assert.equal("x", source.result)
    assert.equal("t", doc.parse("--- A.\nlocal t = {}\nreturn setmetatable(t, {})\n").result)
    assert.is_nil(doc.parse("local a = 1\n--- B.\nfunction a.b() end").about)
    assert.is_nil(doc.parse("---@meta neap.c.x\nlocal c = {}\nreturn c").about)
    assert.same({}, doc.parse("").entries)
  end)

  it("separates text, examples and tags", function()
    local add = entries.add
    assert.same({ "Sum of two.", "", "More about it." }, add.blocks[1].text)
    assert.same({ "local a = 1", "x.add(a, 2) --> 3" }, add.blocks[2].code)
    assert.equal(11, add.blocks[2].line)
    assert.same({ name = "a", optional = false, text = "the first of two",
      type = "{ n: integer, f: fun(v: number): number }|nil" }, add.params[1])
    assert.same({ name = "b", optional = true, text = "",
      type = "table<string, any> | number" }, add.params[2])
    assert.same({ type = "number", text = "sum, with text" }, add.returns[1])
    assert.same({ type = "integer, integer", text = "" }, add.returns[2])
  end)

  it("reads what stands below a comment", function()
    assert.equal("a, b", entries.add.args)
    assert.equal("function", entries.add.kind)
    assert.is_false(entries.add.method)
    assert.is_true(entries.grow.method)
    assert.equal("value", entries.limit.kind)
    assert.equal("integer", entries.limit.type)
    assert.is_false(entries.bare.documented)
    assert.is_nil(entries.hidden)
  end)

  it("gives classes their names, fields and methods", function()
    local classes = doc.classes { source }
    local thing = classes["neap.Thing"]
    assert.same({ { name = "size", type = "integer", text = "how large" } }, thing.entry.fields)
    assert.equal(1, #thing.methods)
    assert.equal("grow", thing.methods[1].name)
    assert.equal("ask", classes["neap.Other"].methods[1].name)
  end)
end)

describe("doc.module", function()
  it("joins a module's file, its folder and its stub", function()
    local page = doc.module "neap.tensor"
    local functions = {}
    for _, entry in ipairs(page.functions) do functions[entry.name] = entry end
    assert.truthy(functions.of)
    assert.truthy(functions.matmul) -- in the folder
    local methods = {}
    for _, class in ipairs(page.classes) do
      if class.name == "neap.tensor" then
        for _, entry in ipairs(class.methods) do methods[entry.name] = entry end
      end
    end
    assert.truthy(methods.sum)   -- in Lua
    assert.truthy(methods.slice) -- in C
  end)

  it("takes over what a module takes from C", function()
    local found = {}
    for _, entry in ipairs(doc.module("neap").functions) do found[entry.name] = entry end
    assert.truthy(found.memory)
    assert.truthy(found.rng)
  end)

  it("raises for a module that does not exist", function()
    assert.has_error(function() doc.module "neap.nothing" end)
  end)
end)
