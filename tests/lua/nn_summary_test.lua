local support = require "tests.lua.support"
local neap = require "neap"
local nn, tensor = neap.nn, neap.tensor

local function make()
  return nn.Sequential { nn.Linear(3, 1200), nn.Tanh(),
    nn.Concat { nn.Linear(1200, 2, { bias = false }), nn.Residual(nn.ReLU()) },
    nn.Linear(1202, 1) }
end

describe("net:summary", function()
  it("draws a table of layers, shapes and parameters", function()
    assert.equal([[
layer                               output      parameters
----------------------------------------------------------
Sequential                          [32, 1]
  [1] Linear(3 -> 1200)             [32, 1200]       4,800
  [2] Tanh                          [32, 1200]
  [3] Concat(dim -1)                [32, 1202]
    [1] Linear(1200 -> 2, no bias)  [32, 2]          2,400
    [2] Residual                    [32, 1200]
      inner: ReLU                   [32, 1200]
  [4] Linear(1202 -> 1)             [32, 1]          1,203
----------------------------------------------------------
8,403 parameters, 8,403 trained, 32.8 KiB with buffers]], tostring(make():summary { 32, 3 }))
  end)

  it("has the figures as fields", function()
    local net = make()
    net[1].weight:requires_grad_(false)
    local s = net:summary(tensor.zeros { 2, 5, 3, dtype = "f32" })
    assert.same({ path = "net[3][2].inner", label = "inner: ", name = "ReLU", described = "",
      depth = 3, shape = { 2, 5, 1200 } }, s.rows[7])
    assert.same({ "net", "net[1]", "net[2]", "net[3]", "net[3][1]", "net[3][2]",
      "net[3][2].inner", "net[4]" }, (function()
      local paths = {}
      for i, row in ipairs(s.rows) do paths[i] = row.path end
      return paths
    end)())
    assert.same({ 8403, 8403 - 3600, 4 * 8403 }, { s.parameters, s.trained, s.bytes })
  end)

  it("does without an input, and counts shared parameters once", function()
    local shared = nn.Linear(2, 2)
    local s = nn.Sequential({ shared, shared }):summary()
    assert.is_nil(s.rows[1].shape)
    assert.equal(6, s.parameters)
    assert.matches("%[1%] Linear%(2 %-> 2%)  %- +6\n", tostring(s))
  end)

  it("takes several inputs, and counts buffers", function()
    local Scale = nn.layer "Scale"
    function Scale:init() self:buffer("mean", tensor.zeros { 4 }) end
    function Scale:forward(x) return x - self.mean end
    local net = nn.Parallel { nn.Linear(3, 2, { dtype = "f64" }), Scale() }
    local s = net:summary({ 5, 3 }, tensor.zeros { 5, 4 })
    assert.same({ { 5, 6 }, { 5, 2 }, { 5, 4 } }, { s.rows[1].shape, s.rows[2].shape,
      s.rows[3].shape })
    assert.equal(8 * 8 + 4 * 8, s.bytes)
  end)

  it("takes inputs in one table, as nn.fit gives them", function()
    local Two = nn.layer "Two"
    function Two:init() self.a, self.b = nn.Linear(3, 2), nn.Linear(4, 2) end
    function Two:forward(x) return self.a(x[1]) + self.b(x.slow or x[2]) end
    local s = Two():summary { { 5, 3 }, tensor.zeros { 5, 4, dtype = "f32" } }
    assert.same({ { 5, 2 }, { 5, 2 } }, { s.rows[1].shape, s.rows[3].shape })
    assert.same({ 7, 2 }, Two():summary({ { 7, 3 }, slow = { 7, 4 } }).rows[3].shape)
  end)

  it("leaves the net as it was, also when the input does not fit", function()
    local net = make()
    net[2]:eval()
    for _, sizes in ipairs { { 4, 3 }, { 4, 5 } } do
      pcall(net.summary, net, sizes)
      assert.is_true(net.training)
      assert.is_false(net[2].training)
      assert.is_nil(rawget(net, "forward"))
      assert.is_nil(rawget(net[3], "forward_activated"))
    end
    assert.matches("net%[1%] %(Linear%): linear: x %[4x5%]",
      support.message(net.summary, net, { 4, 5 }))
    assert.matches("summary: an input must be a table, got number",
      support.message(net.summary, net, 4))
  end)
end)
