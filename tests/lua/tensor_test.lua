local support = require "tests.lua.support"
local tensor = require "neap.tensor"

describe("tensor", function()
  it("keeps the shape and values of nested tables", function()
    local x = tensor.of { { 1, 2, 3 }, { 4, 5, 6 } }
    assert.same({ 2, 3 }, x.shape)
    assert.equal(6.0, x:get(2, -1))
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, x:totable())
  end)

  it("says that positions start at 1, at the caller's line", function()
    local text = support.message(function() tensor.of({ 1, 2 }):get(0) end)
    assert.equal("tests/lua/tensor_test.lua:13: position is 0, but counting starts at 1 "
      .. "(negative from the end)", text:gsub("^.*tests/", "tests/"))
  end)
end)
