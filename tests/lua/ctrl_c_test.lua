-- How soon the prompt is back after Ctrl-C, in every family of operations, with its state intact.
local command = require "tests.lua.command"
local file = require "neap.file"

-- The aim is 100 ms; on an idle machine the prompt is back in 5 to 40. A machine that builds beside
-- the tests gives a process a fifth of a core and less, and memory that it has to find first: hence
-- this limit. A stretch of a second without a look at the flag is found at these sizes all the
-- same, and that is how the ones were that this test was written for.
local LIMIT_MS = 1000

local pty = command.neap:match "^(.*/)" .. "tests/pty"
local terminals = os.execute(pty .. " --probe 2>/dev/null")
local folder
setup(function() folder = file.temporary_folder() end)
teardown(function() file.remove_tree(folder) end)

local N = 10000000
local X = ("x = tensor.rand { %d }"):format(N)
local SQUARE = "x = tensor.rand { 3000, 3000 }"
local FRAME = "local k = tensor.randint { 3000000, low = 1, high = 3000000 } "
  .. "x = frame.new { { 'k', k * 1234567891 }, { 'i', k % 1000 }, { 't', tensor.arange(1, #k) }, "
  .. "{ 'v', tensor.rand { #k } } }"
local BARS = "x = market.synthetic { rows = 200000 }"

-- name, what makes the input `x` (and more), what is stopped
local families = {
  { "map", X, "local y = (x + 1):exp() / x" },
  { "map in place", X, "x:add_(1)" },
  { "map over strides", SQUARE, "local y = x:t() + 1" },
  { "broadcasting", "x = tensor.rand { 4000, 1 }", "local y = x + x:t()" },
  { "making", X, "local y = tensor.zeros { #x } y = tensor.full { #x, value = 2 } "
    .. "y = tensor.arange(1, #x)" },
  { "copying", X, "local y = x:clone():to 'f32' y = tensor.cat({ x, x })" },
  { "reductions", X, "local y = x:sum() + x:max() + x:std() + x:argmin()" },
  { "reductions that skip NaN", X, "local y = x:sum(1, { skip_nan = true })" },
  { "reductions along a dim", SQUARE, "local y = x:sum(1) y = x:std(2) y = x:softmax(1)" },
  { "scans", X, "local y = x:cumsum() y = x:cummax()" },
  { "sort", X, "local y = x:sort()" },
  { "argsort", X, "local y = x:argsort()" },
  { "topk", X, "local y = x:topk(1000)" },
  { "unique", X, "local y = x:unique()" },
  { "searchsorted", X .. " s = tensor.rand { 1000000 }:sort()", "local y = s:searchsorted(x)" },
  { "totable", X, "local y = x:totable()" },
  { "tensor.of", X .. " t = x:totable()", "local y = tensor.of(t)" },
  { "shift", X, "local y = x:shift(3)" },
  { "matmul", SQUARE, "local y = x:matmul(x)" },
  { "matmul of integers", "x = tensor.randint { 800, 800, low = 1, high = 9 }",
    "local y = x:matmul(x)" },
  { "einsum", "x = tensor.rand { 150, 150, 150 }", "local y = tensor.einsum('ijk,ikj->jk', x, x)" },
  { "rolling", X, "local y = x:rolling_mean(50) y = x:rolling_max(50)" },
  { "rolling quantiles", X, "local y = x:rolling_quantile(50, 0.5)" },
  { "fft", X, "local y = tensor.irfft(tensor.fft(x))" },
  { "fft of a prime", "x = tensor.rand { 1000003 }", "local y = tensor.rfft(x)" },
  { "quantile", X, "local y = x:quantile(0.3)" },
  { "take", X .. " i = tensor.permutation(#x)", "local y = x:take(i)" },
  { "selecting by a mask", X .. " m = x:gt(0.5)", "local y = x[m]" },
  { "where", X .. " m = x:gt(0.5)", "local y = tensor.where(m, x, 0) y = m:nonzero()" },
  { "random numbers", X, "local y = tensor.randn { #x } y = tensor.permutation(#x)" },
  { "histogram", X, "local y = x:histogram { bins = 50 }" },
  { "solving", "x = tensor.rand { 300, 300 }", "local y = linalg.inv(x)" },
  { "npy", X, "tensor.save(folder .. '/a.npy', x) local y = tensor.load(folder .. '/a.npy')" },
  { "npz", X, "tensor.save(folder .. '/a.npz', { x = x }) "
    .. "local y = tensor.load(folder .. '/a.npz')" },
  { "safetensors", X, "tensor.save(folder .. '/a.safetensors', { x = x }) "
    .. "local y = tensor.load(folder .. '/a.safetensors')" },
  { "zarr", X .. " zarr.save(folder .. '/a.zarr', x)", "local y = zarr.load(folder .. '/a.zarr')" },
  { "gbdt", "x = tensor.rand { 100000, 10 } y = x:sum(2)",
    "local m = gbdt.fit(x, y, { num_iterations = 100 })" },
  { "forest", "x = tensor.rand { 100000, 10 } y = x:sum(2)",
    "local m = forest.fit(x, y, { criterion = 'squared_error' })" },
  { "isolation", "x = tensor.rand { 1000000, 10 } m = isolation.fit(x)", "local y = m:score(x)" },
  { "logistic regression", "x = tensor.rand { 200000, 20 } y = x:sum(2):gt(10):to 'f64'",
    "local m = linear.fit(x, y)" },
  { "backtest", BARS .. " t = tensor.rand { #x }",
    "local r = backtest.run(x, { target = t })" },
  { "indicators", BARS, "local y = ta.adx(x, 14) y = ta.bbands(x.close, 20) y = ta.sar(x)" },
  { "reading CSV", BARS .. " x:write_csv(folder .. '/x.csv')",
    "local y = frame.read_csv(folder .. '/x.csv')" },
  { "writing CSV", BARS, "x:write_csv(folder .. '/y.csv')" },
  { "groups", FRAME, "local g = x:group_by 'k' local y = g:agg { { 'm', 'v', 'std' } } "
    .. "y = g:transform { { 'r', 'v', 'rank' } } y = x:group_by('i'):median() y = x:unique 'k'" },
  { "joins", FRAME, "local y = x:join(x, { on = 'k' }) y = x:join(x, { on = 'k', how = 'outer' }) "
    .. "y = x:join_asof(x, { on = 't', by = 'i' }) y = x:fillna('linear')" },
  { "frames", BARS, "local y = x:sort 'close' y = x:where(x.close:gt(100)) y = x:describe()" },
  { "validation", BARS, "local r = market.validate(x)" },
  { "metrics", X .. " y = x:gt(0.5)", "local a = metrics.auc(y, x) a = metrics.log_loss(y, x)" },
}

-- Stops the operation once after `wait` milliseconds; the state must be as it was.
local function dialog(family, wait)
  return table.concat({ "expect 1> ",
    ("send folder = %q kept = 41 %s\\n"):format(folder, family[2]),
    "expect 2> ", "send before = tostring(x)\\n", "expect 3> ",
    ("send print('g' .. 'o') while true do %s end\\n"):format(family[3]), "expect go\r",
    ("wait %d"):format(wait), "send \\x03", ("within %d interrupted"):format(LIMIT_MS),
    ("within %d 4> "):format(LIMIT_MS),
    "send kept + 1, tensor.ones { 3 }:sum(), #tostring(x) > 0\\n", "expect 42\t3.0\ttrue",
    "expect 5> ", "send \\x04" }, "\n") .. "\n"
end

describe("Ctrl-C brings the prompt back in time from", function()
  for i, family in ipairs(families) do
    if not terminals or command.sanitized then
      pending(family[1] .. ": no pseudo-terminals, or a sanitizer that slows everything down")
    else
      it(family[1], function()
        file.write(folder .. "/dialog", dialog(family, 20 + 37 * i % 100))
        local r = command.shell(folder, ("HOME=%s XDG_STATE_HOME= XDG_CONFIG_HOME= TERM=xterm "
          .. "NO_COLOR=1 %s dialog %s --no-init"):format(folder, pty, command.neap))
        assert.equal(0, r.code, r.out .. r.err)
      end)
    end
  end
end)
