local base = require "neap.c.base"
local file = require "neap.file"
local gbdt = require "neap.gbdt"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local function fitted(o)
  local r, rows, y = base.rng(5), {}, {}
  for i = 1, 400 do
    rows[i] = { r:normal(), r:uniform() < 0.1 and 0 / 0 or r:normal(), r:normal() }
    y[i] = rows[i][1] + 0.3 * r:normal() > 0.4 and 7 or -2
  end
  local given = { objective = "binary", num_iterations = 4, num_leaves = 7 }
  for name, v in pairs(o or {}) do given[name] = v end
  local x = tensor.of(rows)
  return gbdt.fit(x, tensor.of(y), given), x
end

local function same(a, b) support.same(a:totable(), b) end

-- The text without the line by which neap finds changes.
local function unsigned(text) return (text:gsub("%[neap_checksum: %x+%]\n", "")) end

describe("LightGBM's text", function()
  local names = { "binary_nan_cat", "binary_zero_missing", "multiclass", "regression_linear_tree",
    "regression_quantile", "dart_bagging", "random_forest", "monotone", "huber_depth4", "ova" }

  for _, name in ipairs(names) do
    it("comes out of a model read as it went in, byte by byte: " .. name, function()
      local path = support.data("reference/lightgbm/" .. name .. ".model.txt.gz")
      if not path then return pending "data folder absent" end
      local text = file.read(path)
      local again = gbdt.parse(text):text()
      assert.is_true(unsigned(again) == text)
      assert.is_true(gbdt.parse(again):text() == again)
    end)
  end

  it("may have lines that end in \\r\\n, and no tree_sizes", function()
    local m, x = fitted()
    local text = m:text()
    local returns = text:gsub("\n", "\r\n")
    local sizeless = unsigned(text):gsub("tree_sizes=[^\n]*\n", "")
    local both = sizeless:gsub("\n", "\r\n")
    for _, changed in ipairs { returns, sizeless, both } do
      local again = gbdt.parse(changed)
      same(m:predict_raw(x), again:predict_raw(x))
      assert.same({ -2, 7 }, again.classes)
      assert.equal(text, again:text())
    end
  end)

  it("of versions 2 and 3 lacks what came later", function()
    local m, x = fitted()
    local text = unsigned(m:text())
    for _, version in ipairs { "v2", "v3" } do
      local old = text:gsub("version=v4", "version=" .. version):gsub("tree_sizes=[^\n]*\n", "")
        :gsub("is_linear=0\n", ""):gsub("leaf_weight=[^\n]*\n", "")
        :gsub("internal_weight=[^\n]*\n", "")
      same(m:predict_raw(x), gbdt.parse(old):predict_raw(x))
    end
  end)

  it("keeps categories, constraints and pandas' levels as they were", function()
    local text = unsigned(fitted():text())
    local infos = "feature_infos=-1:0:5:12 none [-1.5:2]"
    text = text:gsub("feature_infos=[^\n]*", "monotone_constraints=-1 0 1\n" .. infos)
      .. "\npandas_categorical:[[\"a\", \"b\"], [1, 2]]\n"
    assert.equal(text, unsigned(gbdt.parse(text):text()))
    local broken = text:gsub("monotone_constraints=%-1", "monotone_constraints=2")
    assert.is_truthy(support.message(gbdt.parse, broken):find(
      "line 9: monotone_constraints: 2 is outside -1 to 1", 1, true))
  end)

  it("sends NaN of a category to the right, whatever its default side", function()
    local path = support.data "reference/lightgbm/binary_nan_cat.model.txt.gz"
    if not path then return pending "data folder absent" end
    local text = file.read(path)
    local changed = text:gsub("decision_type=[^\n]*", function(line)
      return (line:gsub("%f[%d]9%f[^%d]", "11"))
    end):gsub("tree_sizes=[^\n]*\n", "")
    assert.not_equal(text, changed)
    assert.equal(unsigned(gbdt.parse(text):text()), unsigned(gbdt.parse(changed):text()))
  end)

  it("that was changed in any one byte is refused, or means the same", function()
    local m = fitted { num_iterations = 2 }
    local text = m:text()
    local r, caught = base.rng(9), 0
    for _ = 1, 400 do
      local at = r:integer(1, #text)
      local byte = r:integer(32, 126)
      local changed = text:sub(1, at - 1) .. string.char(byte) .. text:sub(at + 1)
      -- Without its own line a text is no longer vouched for.
      local line = text:find("[neap_checksum", 1, true)
      local own = at >= line - 1 and at <= line + #"[neap_checksum: 0123456789abcdef]"
      if changed ~= text and not own then
        local message = support.message(gbdt.parse, changed)
        if message:find("another checksum", 1, true) then caught = caught + 1 end
      end
    end
    assert.is_true(caught > 100)
    local digit = text:gsub("(leaf_value=%-?0%.%d)(%d)", function(before, d)
      return before .. (d + 1) % 10
    end, 1)
    assert.is_truthy(support.message(gbdt.parse, digit):find(
      "line %d+: the text has another checksum than neap gave it: it was changed since"))
  end)
end)

describe("facts of a model", function()
  it("travel in its files", function()
    local m = fitted()
    m.core:set_fact("objective_of_mine", "focal gamma:2")
    m.core:set_fact("empty", "")
    m.core:set_fact("gone", "x")
    m.core:set_fact("gone", nil)
    m.core:set_fact("empty", "[]: ]")
    local again = gbdt.parse(m:text())
    assert.equal("focal gamma:2", again.core:fact "objective_of_mine")
    assert.equal("[]: ]", again.core:fact "empty")
    assert.is_nil(again.core:fact "gone")
    assert.equal(m:text(), again:text())
    assert.is_nil(again.params.neap_empty)
  end)

  it("have one line and a plain name", function()
    local core = fitted().core
    assert.is_truthy(support.message(core.set_fact, core, "a b", "c"):find(
      "gbdt: 'a b' cannot name a fact", 1, true))
    assert.is_truthy(support.message(core.set_fact, core, "classes", "c"):find(
      "gbdt: 'classes' cannot name a fact", 1, true))
    assert.is_truthy(support.message(core.set_fact, core, "a", "b\nc"):find(
      "gbdt: the value of fact 'a' has more than one line", 1, true))
    local text = unsigned(fitted():text())
    text = text:gsub("\nend of parameters", "\n[neap_parameters: x]%0")
    assert.is_truthy(support.message(gbdt.parse, text):find(
      "'parameters' cannot name a fact of neap", 1, true))
  end)
end)
