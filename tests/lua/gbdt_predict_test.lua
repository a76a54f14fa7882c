local file = require "neap.file"
local gbdt = require "neap.gbdt"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan, inf = 0 / 0, math.huge

-- Normal deviates with odd values among them.
local function odd_rows(n, f, seed)
  local x = tensor.randn { n, f, seed = seed }
  local odd = { nan, inf, -inf, 0.0, -0.0, 1e300, -1e300, 1e-36 }
  for i = 1, n do
    if i % 3 == 0 then x:set(i, i % f + 1, odd[i // 3 % #odd + 1]) end
  end
  return x
end

local function fitted(objective, classes)
  local x = odd_rows(900, 6, 5)
  local y = x[{ {}, 1 }]:clone()
  y[y:ne(y)] = 0
  y = y:clamp(-3, 3)
  if classes == 2 then y = y:gt(0.2):to "i64"
  elseif classes then y = y:gt(-0.4):to "i64" + y:gt(0.5):to "i64" end
  return gbdt.fit(x, y, { objective = objective, num_iterations = 25, num_leaves = 17 })
end

local function same(a, b)
  assert.same(a.shape, b.shape)
  a, b = a:to "f64", b:to "f64"
  assert.is_true((a:eq(b) | (a:ne(a) & b:ne(b))):all())
end

local models = {
  binary = fitted("binary", 2), multiclass = fitted("multiclass", 3),
  regression = fitted "regression",
}

for name, m in pairs(models) do
  describe("prediction of " .. name, function()
    local x = odd_rows(700, 6, 6)

    it("has the same bits for one row, few rows, many rows, any layout and thread count", function()
      local want = m:predict_raw(x)
      same(want[{ { 601, 640 } }], m:predict_raw(x[{ { 601, 640 } }]))
      same(want, m:predict_raw(x:t():contiguous():t()))
      local narrow = x:to "f32"
      same(m:predict_raw(narrow:to "f64"), m:predict_raw(narrow))
      same(m:predict_leaf(narrow:to "f64"), m:predict_leaf(narrow[{ {}, {} }]))
      for i = 1, 60 do
        local row = { m:predict_row(x[i]) }
        local all = m.classes and m:predict_proba(x[{ { i, i } }]) or m:predict(x[{ { i, i } }])
        all = all:reshape(all:numel()):totable()
        assert.equal(row[#row], all[#all])
      end
      for n = 1, 4 do
        neap.set_threads(n)
        same(want, m:predict_raw(x))
      end
      neap.set_threads(2)
    end)

    it("in stages has the bits of num_iteration", function()
      for _, kind in ipairs { "value", "raw", m.classes and "probability" } do
        local seen = {}
        for i, p in m:staged_predict(x, { every = 10, kind = kind }) do
          local method = kind == "probability" and m.predict_proba
            or kind == "raw" and m.predict_raw or m.predict
          same(p, method(m, x, { num_iteration = i }))
          seen[#seen + 1] = i
        end
        assert.same({ 10, 20, 25 }, seen)
      end
    end)

    it("of a part of the iterations is what their leaves add", function()
      local o = { start_iteration = 20, num_iteration = 3 }
      local leaves = m:predict_leaf(x, o)
      assert.equal(3 * (m.classes and #m.classes > 2 and #m.classes or 1), leaves:size(2))
      local each = leaves:size(2) // 3
      same(leaves, m:predict_leaf(x):slice(2, 20 * each + 1, 23 * each))
      local whole = m:predict_raw(x)
      local parts = m:predict_raw(x, { num_iteration = 20 })
        + m:predict_raw(x, { start_iteration = 20 })
      assert.is_true((whole - parts):abs():max() < 1e-12)
    end)
  end)
end

describe("an early end", function()
  local x = odd_rows(700, 6, 7)

  it("leaves the score where the margin is first above the limit", function()
    local m = models.binary
    local o = { pred_early_stop = true, pred_early_stop_freq = 4, pred_early_stop_margin = 1.5 }
    local got, want = m:predict_raw(x, o):totable(), {}
    for i, p in m:staged_predict(x, { every = 4, kind = "raw" }) do
      for k, v in ipairs(p:totable()) do
        if not want[k] and (2 * math.abs(v) > 1.5 or i == 25) then want[k] = v end
      end
    end
    assert.same(want, got)
    assert.is_true(m:predict_raw(x):ne(tensor.of(got)):any())
  end)

  it("that no margin reaches changes nothing", function()
    local o = { pred_early_stop = true, pred_early_stop_margin = inf }
    for _, name in ipairs { "binary", "multiclass" } do
      same(models[name]:predict_proba(x), models[name]:predict_proba(x, o))
    end
  end)
end)

describe("prediction refuses", function()
  local m, x = models.regression, tensor.zeros { 3, 6 }

  local function message(method, o) return support.message(m[method], m, x, o) end

  it("parts that are not there and limits that make no sense", function()
    assert.matches("gbdt.predict: start_iteration is 25, the model has 25 iterations",
      message("predict", { start_iteration = 25 }), 1, true)
    assert.matches("gbdt.predict_raw: start_iteration is -1, must be 0 at least",
      message("predict_raw", { start_iteration = -1 }), 1, true)
    assert.matches("gbdt.predict: pred_early_stop is for classes; the objective is 'regression'",
      message("predict", { pred_early_stop = true }), 1, true)
    assert.matches("gbdt.predict: pred_early_stop_freq is 0, must be 1 at least",
      message("predict", { pred_early_stop = true, pred_early_stop_freq = 0 }), 1, true)
    assert.matches("gbdt.staged_predict: every is 0, must be 1 at least",
      message("staged_predict", { every = 0 }), 1, true)
    assert.matches("gbdt.staged_predict: unknown kind 'leaf'",
      message("staged_predict", { kind = "leaf" }), 1, true)
    assert.matches("gbdt.predict: unknown option 'start_iter' (did you mean 'start_iteration'?)",
      message("predict", { start_iter = 1 }), 1, true)
  end)
end)

describe("a model as C", function()
  local main = [[
#include <stdio.h>
int main(void) {
  double x[FEATURES], raw[SCORES];
  while (fread(x, sizeof x, 1, stdin) == 1) {
    predict(x, raw);
    fwrite(raw, sizeof *raw, SCORES, stdout);
  }
  return 0;
}
]]

  -- Raw scores of rows by the compiled source; nil without a compiler.
  local function run(m, x, scores)
    local path = os.tmpname()
    local sizes = { SCORES = scores, FEATURES = x:size(2) }
    file.write(path .. ".c", m:to_c() .. main:gsub("%u%u%u+", sizes))
    local flags = "-O2 -ffp-contract=off -Wall -Wextra -Werror -std=c11"
    if not os.execute(("cc %s -o %s.bin %s.c"):format(flags, path, path)) then return nil end
    local bytes = {}
    for i, row in ipairs(x:totable()) do
      bytes[i] = string.pack("=" .. ("d"):rep(#row), table.unpack(row))
    end
    file.write(path, table.concat(bytes))
    local pipe = assert(io.popen(("%s.bin < %s"):format(path, path)))
    local out, got = pipe:read "a", {}
    pipe:close()
    for _, suffix in ipairs { "", ".c", ".bin" } do os.remove(path .. suffix) end
    for i = 1, #out // 8 do got[i] = string.unpack("=d", out, 8 * i - 7) end
    return tensor.of(got)
  end

  it("gives the bits of predict_raw, for every kind of split and leaf", function()
    if not os.execute "cc --version > /dev/null 2>&1" then return pending "no C compiler" end
    local x = odd_rows(600, 6, 8)
    local codes = x:clone()
    for i = 1, 600 do codes:set(i, 3, i % 11 == 0 and nan or i * 7 % 13) end
    local y = codes[{ {}, 3 }]:clone()
    y[y:ne(y)] = 5
    y = (y * 3 % 5)
    local kinds = { categorical = { gbdt.fit(codes, y, { num_iterations = 8, num_leaves = 9,
      categorical_feature = { 3 } }), codes } }
    for name, m in pairs(models) do kinds[name] = { m, x } end
    for _, name in ipairs { "regression_linear_tree", "binary_zero_missing", "binary_nan_cat" } do
      local path = support.data("reference/lightgbm/" .. name .. ".model.txt.gz")
      local m = path and gbdt.load(path)
      if m then kinds[name] = { m, odd_rows(300, #m.feature_names, 9):mul_(3) } end
    end
    for _, kind in pairs(kinds) do
      local m, rows = kind[1], kind[2]
      local want = m:predict_raw(rows)
      same(want:reshape(want:numel()), run(m, rows, want:numel() // #rows))
    end
  end)

  it("needs a name that C can take", function()
    assert.matches("gbdt.to_c: name '3x' is no identifier of C",
      support.message(models.binary.to_c, models.binary, "3x"), 1, true)
  end)
end)
