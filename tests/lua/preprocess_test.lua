-- Transformers: values of scikit-learn, rows alone and together, names, the future, files, bad
-- input.
local clock = require "neap.clock"
local dataset = require "neap.dataset"
local features = require "neap.features"
local file = require "neap.file"
local frame = require "neap.frame"
local json = require "neap.json"
local labels = require "neap.labels"
local market = require "neap.market"
local neap = require "neap"
local preprocess = require "neap.preprocess"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan = 0 / 0
local raises = support.message

local function matrix(rows)
  local out = {}
  for i, row in ipairs(rows) do
    out[i] = {}
    for j, v in ipairs(row) do out[i][j] = v == json.null and nan or v + 0.0 end
  end
  return tensor.of(out)
end

-- Largest difference relative to the scale of what is wanted; NaN must meet NaN.
local function distance(want, got)
  assert.same(want.shape, got.shape)
  assert.is_true(want:isnan():eq(got:isnan()):all(), "NaN in other places")
  local scale = math.max(1, (want:abs():max { skip_nan = true }))
  return ((want - got):abs():max { skip_nan = true }) / scale
end

local function same_bits(a, b)
  assert.same(a.shape, b.shape)
  return (a:eq(b) | (a:isnan() & b:isnan())):all()
end

local function times(first, n, step)
  return tensor.arange(first, first + (n - 1) * (step or 1), step or 1, { dtype = "i64" })
end

local function days(text, n)
  local day = 86400 * 1000000000
  local first = clock.parse(text)
  return times(first, n, day)
end

describe("values of scikit-learn", function()
  local golden = json.decode(file.read "tests/golden/preprocess.json")

  local function make(case)
    if not case.chain then return preprocess[case.name](case.options) end
    local parts = {}
    for i, part in ipairs(case.chain) do parts[i] = preprocess[part[1]](part[2]) end
    return preprocess.chain(parts)
  end

  -- At the normal's ends, 1e-7 from 0 and 1, a share that is rounded by 1e-16 moves the deviate by
  -- 4e-10. Columns around 1e6 lose ten digits where their mean is taken off.
  local function tolerance(name, fit)
    if name == "quantile_normal" then return 1e-8 end
    return fit:abs():max { skip_nan = true } > 1e5 and 1e-9 or 1e-11
  end

  for i, case in ipairs(golden.cases) do
    local name = case.name or "chain"
    it(("%d: %s %s"):format(i, name, json.text(case.options or {})), function()
      local rows = golden.data[case.data]
      local fit, apply = matrix(rows[1]), matrix(rows[2])
      local p = make(case):fit(fit)
      local got = p:apply(apply)
      local want = matrix(case.want)
      assert.is_true(distance(want, got) < tolerance(name, fit), tostring(distance(want, got)))
      if case.back then
        assert.is_true(distance(matrix(case.back), p:inverse(got)) < tolerance(name, fit))
      end
      if case.share then
        local share = p:statistics().share
        for k, v in ipairs(case.share) do assert.is_true(math.abs(share[k] - v) < 1e-10) end
      end
      -- a row alone, and what a file keeps, have the same bits
      for row = 1, #apply do
        local alone = tensor.of(p:apply_row(apply[row]:totable()), { dtype = "f64" })
        assert.is_true(same_bits(got[row], alone))
      end
      local folder = file.temporary_folder()
      p:save(folder .. "/p.json")
      assert.is_true(same_bits(got, preprocess.load(folder .. "/p.json"):apply(apply)))
      file.remove_tree(folder)
    end)
  end

  it("differs for extremes that occur often, on purpose", function()
    local p = preprocess.rank({ points = 5 }):fit(matrix { { 0 }, { 0 }, { 0 }, { 1 }, { 2 } })
    assert.equal(0.25, p:apply_row({ 0 })[1])
  end)
end)

describe("frames", function()
  local function bars()
    return frame.new { { "time", days("2024-01-01", 4) }, { "a", { 1, 2, 3, nan } },
      { "side", { "buy", "sell", "buy", false } }, { "b", tensor.of({ 4, 5, 6, 7 },
        { dtype = "f32" }) } }
  end

  it("keep the columns that are not transformed, in their places", function()
    local f = bars()
    local p = preprocess.standard({ columns = { "b" } }):fit(f)
    local g = p:apply(f)
    assert.same({ "time", "a", "side", "b" }, g:columns())
    assert.equal("f32", g:dtype "b")
    assert.equal("time", g:dtype "time")
    assert.equal("sell", g.side[2])
    assert.equal(2, g.a[2])
    assert.same({ "b" }, p.inputs)
    assert.same({ "b" }, p:names())
  end)

  it("are found by name in any order", function()
    local f = bars()
    local p = preprocess.minmax():fit(f)
    local g = p:apply(f:select { "b", "side", "a", "time" })
    assert.same({ "b", "side", "a", "time" }, g:columns())
    assert.is_true(same_bits(p:apply(f).a, g.a))
    assert.matches("column 'a' is missing", raises(p.apply, p, f:drop { "a" }), 1, true)
    assert.matches("is 'aa' meant", raises(p.apply, p, f:rename { a = "aa" }), 1, true)
    assert.matches("'a' is a category, it was fitted on numbers",
      raises(p.apply, p, f:assign { { "a", { "x", "y", "x", "y" } } }), 1, true)
  end)

  it("give text as columns, and take it back", function()
    local f = bars()
    local p = preprocess.chain { preprocess.one_hot(), preprocess.standard { columns = { "a" } } }
      :fit(f)
    local g = p:apply(f)
    assert.same({ "time", "a", "b", "side_buy", "side_sell" }, g:columns())
    support.same({ 1, 0, 1, 0 }, g.side_buy)
    local back = p:inverse(g)
    assert.same({ "buy", "sell", "buy", false }, back.side:totable())
    assert.equal(2, back.a[2])
    local q = preprocess.ordinal():fit(f)
    support.same({ 1, 2, 1, nan }, q:apply(f).side)
    assert.same({ "buy", "sell", "buy", false }, q:inverse(q:apply(f)).side:totable())
  end)

  it("meet unknown categories as they are told", function()
    local f = frame.new { { "s", { "b", "a" } } }
    local g = frame.new { { "s", { "a", "zz", false, "b" } } }
    local p = preprocess.one_hot():fit(f)
    assert.matches("row 2 of column 's' is 'zz'", raises(p.apply, p, g), 1, true)
    assert.matches("row 1 of column 's' is 'zz'",
      raises(p.apply_row, p, { s = "zz" }), 1, true)
    p = preprocess.one_hot({ unknown = "missing" }):fit(f)
    support.same({ { 1, 0 }, { 0, 0 }, { 0, 0 }, { 0, 1 } }, p:apply(g):matrix())
    assert.same({ s_a = 0.0, s_b = 0.0 }, p:apply_row { s = "zz" })
    p = preprocess.one_hot({ unknown = "code" }):fit(f)
    support.same({ { 1, 0, 0 }, { 0, 0, 1 }, { 0, 0, 0 }, { 0, 1, 0 } }, p:apply(g):matrix())
    p = preprocess.ordinal({ unknown = "code" }):fit(f)
    support.same({ 1, 3, nan, 2 }, p:apply(g).s)
    p = preprocess.ordinal({ unknown = "missing" }):fit(f)
    support.same({ 1, nan, nan, 2 }, p:apply(g).s)
    -- labels that count otherwise are the same categories
    local h = frame.new { { "s", { "b", "b", "a" } } }:rows(3, 3)
    support.same({ 1 }, p:apply(h).s)
  end)

  it("refuse new names that are taken, and times", function()
    local f = frame.new { { "a", { 1, nan } }, { "a_missing", { 0, 0 } } }
    local p = preprocess.impute { indicator = true }
    assert.matches("would be called 'a_missing'", raises(p.fit, p, f), 1, true)
    p = preprocess.impute({ indicator = true, columns = "a" }):fit(f)
    assert.matches("would be called 'a_missing'", raises(p.apply, p, f), 1, true)
    local t = frame.new { { "time", times(1, 2) }, { "a", { 1, 2 } } }
    p = preprocess.standard { columns = { "time" } }
    assert.matches("column 'time' is a time", raises(p.fit, p, t), 1, true)
    p = preprocess.standard { columns = { "b" } }
    assert.matches("unknown column 'b'", raises(p.fit, p, f), 1, true)
    p = preprocess.standard { columns = { "s" } }
    assert.matches("is text; one_hot and ordinal",
      raises(p.fit, p, frame.new { { "s", { "x" } } }), 1, true)
  end)
end)

describe("datasets", function()
  it("of panels keep labels, symbols and times, and their past", function()
    local bars = market.synthetic { rows = 300, symbols = { "BTC", "ETH" }, seed = 7 }
    local set = features.set { "rsi_14", "ret_5" }
    local x = set:compute(bars, { by = "symbol", keep = { "time", "symbol" } })
    local D = dataset.new(x, labels.triple_barrier(bars,
      { profit = 0.02, stop = 0.02, lookforward = 24, by = "symbol" }))
    local train, rest = D:rows(1, 300), D:rows(301, 600)
    local p = preprocess.chain { preprocess.impute { indicator = true },
      preprocess.standard { columns = set:names() } }:fit(train)
    local E = p:apply(D)
    assert.is_true(dataset.is(E))
    assert.same({ "rsi_14", "ret_5", "rsi_14_missing", "ret_5_missing" }, E.names)
    assert.is_true(same_bits(D.y, E.y))
    assert.equal(D.symbols[7], E.symbols[7])
    assert.is_true(same_bits(p:apply(train).x, E.x:slice(1, 1, 300)))
    -- the same from the frame of features, and back
    local F = p:apply(x, { allow_future = true }):sort "time"
    assert.is_true(same_bits(E:symbol "BTC".x, F:where(F.symbol:eq "BTC"):matrix(E.names)))
    assert.is_true(distance(E.x:slice(2, 2, 2):isnan():to "f64",
      p:inverse(E).x:slice(2, 2, 2):isnan():to "f64") == 0)
    local q = preprocess.standard():fit(rest)
    assert.matches("row 1 (2018-01-01T00:00:00Z) lies before", raises(q.apply, q, D), 1, true)
    assert.same(D.names, q:apply(D, { allow_future = true }).names)
    assert.matches("column 1 is 'ret_5', it was fitted on 'rsi_14'",
      raises(p.apply, p, D:with_x(D.x, { "ret_5", "rsi_14" })), 1, true)
  end)

  local function data(names) return { x = tensor.of { { 1, 2 }, { 3, 6 } }, names = names } end

  it("must have the fitted names in order", function()
    local p = preprocess.standard():fit(data { "a", "b" })
    local out = p:apply(data { "a", "b" })
    support.same({ { -1, -1 }, { 1, 1 } }, out.x)
    assert.same({ "a", "b" }, out.names)
    assert.matches("column 1 is 'b', it was fitted on 'a'",
      raises(p.apply, p, data { "b", "a" }), 1, true)
    assert.matches("column 'b' is missing", raises(p.apply, p, data { "a", "c" }), 1, true)
    local wide = { x = tensor.ones { 2, 3 }, names = { "a", "b", "c" } }
    assert.matches("column 'c' is one too many", raises(p.apply, p, wide), 1, true)
    assert.matches("3 columns, it was fitted on 2",
      raises(p.apply, p, tensor.ones { 2, 3 }), 1, true)
  end)

  it("keep f32, and get the names of components", function()
    local p = preprocess.pca():fit(data { "a", "b" })
    local out = p:apply { x = tensor.ones { 4, 2, dtype = "f32" }, names = { "a", "b" }, y = 5 }
    assert.equal("f32", out.x.dtype)
    assert.same({ "pca_1", "pca_2" }, out.names)
    assert.equal(5, out.y)
  end)
end)

describe("the future", function()
  local function rows(first, n)
    return frame.new { { "time", days(first, n) }, { "x", tensor.arange(n) } }
  end
  local train = rows("2024-02-01", 20)

  it("is not told to earlier rows", function()
    local p = preprocess.standard():fit(train)
    assert.equal(clock.parse "2024-02-01", p.first_time)
    assert.equal(clock.parse "2024-02-20", p.last_time)
    p:apply(train)
    p:apply(train:rows(3, 9))
    p:apply(rows("2024-02-01", 60)) -- itself and what follows
    p:apply(rows("2024-03-01", 5))
    local message = raises(p.apply, p, rows("2024-01-25", 20))
    assert.matches("row 1 (2024-01-25T00:00:00Z) lies before the end", message, 1, true)
    assert.matches("allow_future = true", message, 1, true)
    p:apply(rows("2024-01-25", 20), { allow_future = true })
  end)

  it("is not told to rows between the fitted ones", function()
    local part = frame.concat { train:rows(1, 8), train:rows(13, 20) }
    local p = preprocess.standard():fit(part)
    p:apply(part)
    assert.matches("row 1 (2024-02-09", raises(p.apply, p, train:rows(9, 12)), 1, true)
    assert.matches("row 9 (2024-02-09", raises(p.apply, p, train), 1, true)
    local folder = file.temporary_folder()
    p:save(folder .. "/p.json")
    local q = preprocess.load(folder .. "/p.json")
    q:apply(part)
    assert.matches("row 9 (2024-02-09", raises(q.apply, q, train), 1, true)
    file.remove_tree(folder)
  end)

  it("is looked at symbol by symbol, in any order of rows", function()
    local f = frame.new { { "time", tensor.cat { days("2024-01-01", 3), days("2024-01-01", 3) } },
      { "symbol", { "A", "A", "A", "B", "B", "B" } }, { "x", { 1, 2, 3, 4, 5, 6 } } }
    local p = preprocess.standard({ columns = { "x" } }):fit(f)
    p:apply(f:take(tensor.of({ 6, 1, 4, 3 }, { dtype = "i64" })))
    local g = f:rows(1, 3):assign { { "symbol", { "C", "C", "C" } } }
    assert.matches("row 1 (2024-01-01", raises(p.apply, p, g), 1, true)
    assert.matches("row 2 (2024-01-01", raises(p.apply, p, frame.concat { f:rows(6, 6),
      g }), 1, true)
    p = preprocess.standard({ columns = { "x" } }):fit(f, { by = "none" })
    p:apply(g)
  end)

  it("takes rows without a time as earlier than all", function()
    local f = frame.new { { "time", tensor.of({ 5, clock.nat, 9 }, { dtype = "i64" }) },
      { "x", { 1, 2, 3 } } }
    local p = preprocess.standard():fit(f)
    p:apply(f)
    p = preprocess.standard():fit(f:rows(3, 3))
    assert.matches("row 2 (without a time)", raises(p.apply, p, f:rows(2, 3):assign {
      { "time", tensor.of({ 9, clock.nat }, { dtype = "i64" }) } }), 1, true)
  end)

  it("is kept for many and irregular times", function()
    local rng = neap.rng(3)
    local t = tensor.randint { 3000, low = 1, high = 9, rng = rng }:cumsum()
    local f = frame.new { { "time", t }, { "x", tensor.ones { 3000 } } }
    local keep = tensor.rand { 3000, rng = rng }:lt(0.5)
    local p = preprocess.standard():fit(f:where(keep))
    local folder = file.temporary_folder()
    p:save(folder .. "/p.json")
    assert.equal(2, #file.list(folder)) -- the times are too many for the text
    local q = preprocess.load(folder .. "/p.json")
    q:apply(f:where(keep))
    local first = (~keep):nonzero()[1]
    assert.matches(("row %d "):format(first), raises(q.apply, q, f), 1, true)
    file.remove_tree(folder)
  end)
end)

describe("streams", function()
  it("give every row the bits of the batch", function()
    local x = tensor.randn { 400, 5, seed = 4 }
    x = tensor.where(tensor.rand { 400, 5, seed = 5 }:lt(0.2), nan, x)
    local parts = { preprocess.winsorize(), preprocess.impute { method = "forward",
      indicator = "all" }, preprocess.impute(), preprocess.rank { points = 50 },
      preprocess.robust(), preprocess.pca { components = 4 }, preprocess.standard() }
    local p = preprocess.chain(parts):fit(x:slice(1, 1, 250))
    local batch, s = p:apply(x), p:stream()
    for i = 1, #x do
      assert.is_true(same_bits(batch[i], tensor.of(s:push(x[i]:totable()))), "row " .. i)
    end
    assert.matches("remembers them", raises(p.apply_row, p, x[1]:totable()), 1, true)
  end)

  it("fill forward within a symbol", function()
    local f = frame.new { { "symbol", { "A", "B", "A", "B", "A" } },
      { "x", { 1, nan, nan, 7, nan } } }
    local p = preprocess.impute({ method = "forward", columns = "x" }):fit(f)
    support.same({ 1, nan, 1, 7, 1 }, p:apply(f).x)
    local s = p:stream()
    for i, want in ipairs { 1, nan, 1, 7, 1 } do
      local got = s:push({ symbol = f.symbol[i], x = f.x[i] }).x
      assert.is_true(got == want or (got ~= got and want ~= want))
    end
  end)

  it("refuse rows that lack or mistype a column", function()
    local f = frame.new { { "a", { 1, 2 } }, { "s", { "x", "y" } } }
    local parts = { preprocess.one_hot(), preprocess.standard { columns = "a" } }
    local p = preprocess.chain(parts):fit(f)
    assert.same({ a = 1.0, s_x = 1.0, s_y = 0.0 }, p:apply_row { a = 2, s = "x" })
    assert.matches("column 'a' is missing", raises(p.apply_row, p, { s = "x" }), 1, true)
    assert.matches("column 'a' is a string", raises(p.apply_row, p, { a = "2", s = "x" }), 1, true)
    assert.matches("column 's' is missing", raises(p.apply_row, p, { a = 2 }), 1, true)
    assert.matches("a row is a table by name", raises(p.apply_row, p, { 2 }), 1, true)
    local q = preprocess.standard():fit(tensor.ones { 2, 2 })
    assert.matches("3 numbers, it was fitted on 2", raises(q.apply_row, q, { 1, 2, 3 }), 1, true)
    assert.matches("column 'x2' is missing", raises(q.apply_row, q, { 1 }), 1, true)
  end)
end)

describe("hostile data", function()
  local all = { "standard", "minmax", "robust", "winsorize", "rank", "quantile_normal" }

  it("of one row, no row, no value", function()
    local one, empty = tensor.of { { 3.5, nan } }, tensor.zeros { 0, 2 }
    for _, name in ipairs(all) do
      local p = preprocess[name]():fit(one)
      assert.same({ "x2" }, p.empty, name)
      assert.same({ 0, 2 }, p:apply(empty).shape)
      assert.same({ 0, 2 }, p:inverse(empty).shape)
      local row = p:apply_row { 4, 4 }
      assert.is_true(row[1] == row[1] and row[2] ~= row[2], name)
      assert.matches("there are no rows", raises(p.fit, p, empty), 1, true)
    end
    local p = preprocess.impute()
    assert.matches("column 'x2' has no value to take the median of", raises(p.fit, p, one), 1, true)
    p = preprocess.impute({ method = "constant", value = 1 }):fit(one)
    support.same({ { 3.5, 1 } }, p:apply(one))
    p = preprocess.pca()
    assert.matches("1 row, two are needed", raises(p.fit, p, one), 1, true)
    p = preprocess.one_hot({ columns = { 2 }, unknown = "missing" }):fit(one)
    assert.same({ 1, 1 }, p:apply(one).shape)
    local f = frame.new { { "s", { "x" } } }
    assert.equal(0, #preprocess.one_hot():fit(f):apply(f:rows(1, 1):where(f.s:eq "x":eq(false))))
  end)

  it("of constants, infinities and huge numbers", function()
    local p = preprocess.standard():fit(tensor.full { 9, 1, value = 0.1 })
    assert.equal(0, p:apply_row({ 0.1 })[1])
    assert.same({ "x1" }, p.constant)
    for _, name in ipairs { "standard", "minmax", "robust", "rank" } do
      p = preprocess[name]()
      assert.matches("column 'x2' is infinite in row 2",
        raises(p.fit, p, tensor.of { { 1, 1 }, { 2, math.huge } }), 1, true)
    end
    p = preprocess.pca()
    assert.matches("column 'x1' is missing in row 2; impute it before",
      raises(p.fit, p, tensor.of { { 1, 1 }, { nan, 2 }, { 3, 4 } }), 1, true)
    p = preprocess.pca({ whiten = true }):fit(tensor.of { { 1, 2 }, { 2, 4 }, { 4, 8 } })
    assert.is_true(math.abs(p:apply_row({ 4, 8 })[2]) < 1e-12)
    p = preprocess.log()
    assert.matches("column 'x1' is -2 in row 1", raises(p.fit, p, tensor.of { { -2 } }), 1, true)
    p = preprocess.log():fit(tensor.of { { 1 } })
    assert.is_true(p:apply_row({ 0 })[1] ~= p:apply_row({ 0 })[1])
  end)

  it("of wrong kinds and options", function()
    local p = preprocess.standard()
    assert.matches("the rows must be a tensor, got number", raises(p.fit, p, 3), 1, true)
    assert.matches("N x F rows expected, got 1 dims", raises(p.fit, p, tensor.ones { 3 }), 1, true)
    assert.matches("it is not fitted yet", raises(p.apply, p, tensor.ones { 3, 1 }), 1, true)
    assert.matches("unknown option 'colums'", raises(preprocess.standard, { colums = {} }), 1, true)
    assert.matches("columns is empty", raises(preprocess.standard, { columns = {} }), 1, true)
    assert.matches("range must be {low, high}", raises(preprocess.minmax, { range = { 1, 1 } }), 1,
      true)
    assert.matches("unknown method 'meen' (did you mean 'mean'?)",
      raises(preprocess.impute, { method = "meen" }), 1, true)
    assert.matches("comes with a value", raises(preprocess.impute, { value = 3 }), 1, true)
    assert.matches("components is 1.0", raises(preprocess.pca, { components = 1.0 }), 1, true)
    p = preprocess.pca { components = 3 }
    assert.matches("3 components of 4 rows and 2 columns",
      raises(p.fit, p, tensor.randn { 4, 2, seed = 1 }), 1, true)
    p = preprocess.standard { columns = { 1, 1 } }
    assert.matches("column 'x1' is named twice", raises(p.fit, p, tensor.ones { 2, 2 }), 1, true)
    p = preprocess.standard { columns = { 7 } }
    assert.matches("unknown column 'x7'", raises(p.fit, p, tensor.ones { 2, 2 }), 1, true)
    p = preprocess.one_hot { columns = { 1 } }
    assert.matches("has 2000 different numbers, at most 1000",
      raises(p.fit, p, tensor.randn { 2000, 1, seed = 1 }), 1, true)
    assert.matches("number 1 is fitted already", raises(preprocess.chain,
      { preprocess.standard():fit(tensor.ones { 2, 1 }) }), 1, true)
    assert.matches("at least one", raises(preprocess.chain, {}), 1, true)
    p = preprocess.ordinal { categories = { s = { "a", "a" } } }
    assert.matches("category 2 of 's' is a", raises(p.fit, p, frame.new { { "s", { "a" } } }), 1,
      true)
    p = preprocess.ordinal { categories = { s = { "b" } } }
    assert.matches("holds 'a', which is not among", raises(p.fit, p,
      frame.new { { "s", { "a" } } }), 1, true)
  end)

  it("leaves the transformer that is fitted as it was", function()
    local p = preprocess.standard()
    local a = p:fit(tensor.of { { 1 }, { 3 } })
    local b = p:fit(tensor.of { { 10 }, { 30 } })
    assert.equal(2, a:statistics().center[1])
    assert.equal(20, b:statistics().center[1])
    assert.matches("not fitted", tostring(p), 1, true)
    assert.matches("1 columns to 1", tostring(a), 1, true)
  end)
end)

describe("files", function()
  local folder
  before_each(function() folder = file.temporary_folder() end)
  after_each(function() file.remove_tree(folder) end)

  local function fitted(n)
    return preprocess.quantile_normal({ points = n }):fit(tensor.randn { 2000, 2, seed = n })
  end

  it("keep every number, also those JSON has no word for", function()
    local x = tensor.of { { 0.1, nan, -0.0, 1e-310 }, { 1 / 3, nan, -0.0, 5e300 } }
    local p = preprocess.winsorize({ limits = { 0, 1 } }):fit(x)
    p:save(folder .. "/p.json")
    local a, b = p:statistics(), preprocess.load(folder .. "/p.json"):statistics()
    for _, name in ipairs { "low", "high" } do
      assert.is_true(same_bits(a[name], b[name]))
      assert.is_true(same_bits(1 / a[name], 1 / b[name])) -- the sign of 0
    end
  end)

  it("replace each other whole, and leave no archive behind", function()
    fitted(300):save(folder .. "/p.json")
    fitted(400):save(folder .. "/p.json")
    assert.equal(2, #file.list(folder))
    assert.is_true(same_bits(fitted(400):apply(tensor.ones { 1, 2 }),
      preprocess.load(folder .. "/p.json"):apply(tensor.ones { 1, 2 })))
    fitted(3):save(folder .. "/p.json")
    assert.same({ "p.json" }, file.list(folder))
  end)

  it("that are damaged say so", function()
    local path = folder .. "/p.json"
    fitted(300):save(path)
    local text, archive = file.read(path), folder .. "/" .. file.list(folder)[1]
    local function refused(changed, pattern)
      file.write(path, changed)
      assert.matches(pattern, raises(preprocess.load, path), 1, true)
    end
    for n = 0, #text - 2, 97 do
      file.write(path, text:sub(1, n))
      assert.matches("is damaged", raises(preprocess.load, path), 1, true)
    end
    refused(text:gsub('"width":2', '"width":3', 1), "was changed after it was written")
    refused(text:gsub('"version":1', '"version":2', 1), "update neap")
    refused(text:gsub("neap preprocess", "neap bundle", 1), "is not a file of the format")
    file.write(path, text)
    local bytes = file.read(archive)
    file.write(archive, bytes:sub(1, -2) .. "x")
    assert.matches("was changed after it was written", raises(preprocess.load, path), 1, true)
    file.remove(archive)
    assert.matches("is missing; copy both", raises(preprocess.load, path), 1, true)
    assert.matches("/nowhere/p.json", raises(preprocess.load, "/nowhere/p.json"), 1, true)
    assert.matches("it is not fitted yet", raises(preprocess.standard().save,
      preprocess.standard(), path), 1, true)
  end)

  it("of sound sums and senseless content are refused", function()
    local sealed = require "neap.sealed"
    local path = folder .. "/p.json"
    local rng = neap.rng(8)
    fitted(3):save(path)
    local content = sealed.read("test", path, "neap preprocess", 1)
    local fields = { "kind", "at", "state", "width", "names_in", "o", "numbers" }
    for _, name in ipairs(fields) do
      local steps = content.steps[1]
      local kept = steps[name]
      steps[name] = rng:uniform() < 0.5 and json.null or "x"
      sealed.write(path, "neap preprocess", 1, content)
      local ok = pcall(function() preprocess.load(path):apply(tensor.ones { 1, 2 }) end)
      assert.is_false(ok, name)
      steps[name] = kept
    end
  end)
end)

it("a transformer teaches the names of its methods", function()
  local p, x = preprocess.standard(), tensor.of { { 1 }, { 3 } }
  local says = support.says
  says("write p = p:fit(train), then p:apply(train)", function() p:fit_transform(x) end)
  says("write p:apply(x), after p = p:fit(train)", function() p:fit(x):transform(x) end)
  says("did you mean 'inverse'?", function() p:invers(x) end)
  assert.is_nil(p.inputs)
  assert.same({ "x1" }, p:fit(x).inputs)
end)
