-- Datasets where models, calibrators and splits take them.
local calibration = require "neap.calibration"
local clock = require "neap.clock"
local dataset = require "neap.dataset"
local frame = require "neap.frame"
local gbdt = require "neap.gbdt"
local labels = require "neap.labels"
local linear = require "neap.linear"
local market = require "neap.market"
local neap = require "neap"
local split = require "neap.split"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local hour, nat = 3600 * 1000000000, math.mininteger

local function refused(text, fn, ...)
  local message = support.message(fn, ...)
  assert.truthy(message:find(text, 1, true), message)
end

-- A panel with barrier labels; some rows without.
local function panel(rows, seed)
  local bars = market.synthetic { rows = rows, symbols = { "A", "B" }, seed = seed }
  local F = bars:select { "time", "symbol" }:assign {
    { "body", bars.close / bars.open - 1 }, { "range", bars.high / bars.low - 1 },
    { "known_at", bars.time + hour },
  }
  local L = labels.triple_barrier(bars, { profit = 0.02, stop = 0.02, lookforward = 12,
    by = "symbol" })
  return dataset.new(F, L), F
end

describe("models of datasets", function()
  local D, F = panel(600, 3)
  local clean = D:drop_missing()
  local parts = split.time(clean, { 0.7, 0.3 })

  it("gbdt keeps names and weights, and finds its columns", function()
    local o = { objective = "multiclass", num_iterations = 8, valid = parts[2] }
    local m = gbdt.fit(parts[1], o)
    assert.same({ "body", "range" }, m.feature_names)
    assert.same({ -1, 0, 1 }, m.classes)
    assert.equal(8, #m.history.valid)
    local named = {}
    for _, item in ipairs(m:importance()) do named[item.name] = true end
    assert.same({ body = true, range = true }, named)
    assert.matches("\nfeature_names=body range\n", m:text())
    local p = m:predict_proba(parts[2])
    support.same(m:predict_proba(parts[2].x):totable(), p)
    local row_of = {}
    for i = 1, #F do row_of[F.time[i] .. F.symbol[i]] = i end
    local q, want = m:predict_proba(F:select { "range", "time", "body" }), m:predict_proba(D)
    for i = 1, #D, 37 do
      assert.equal(want:get(i, 1), q:get(row_of[D.times[i] .. D.symbols[i]], 1))
    end
    local plain = gbdt.fit(parts[1].x, parts[1].y, { objective = "multiclass",
      num_iterations = 8 })
    support.same(plain:predict_proba(parts[2].x):totable(), p)
    local weighted = gbdt.fit(parts[1]:decay "5d", { objective = "multiclass",
      num_iterations = 8 })
    local by_hand = gbdt.fit(parts[1].x, parts[1].y, { objective = "multiclass",
      num_iterations = 8, weights = parts[1]:decay("5d").w })
    support.same(by_hand:predict_proba(parts[2].x):totable(), weighted:predict_proba(parts[2]))
    assert.is_false(weighted:predict_proba(parts[2]):eq(p):all())
  end)

  it("refuse other columns by name", function()
    local turned = clean:with_x(clean.x:flip(2), { "range", "body" })
    local short = clean:with_x(clean.x:slice(2, 1, 1), { "body" })
    local long = clean:with_x(tensor.cat({ clean.x, clean.x:slice(2, 1, 1) }, 2),
      { "body", "range", "more" })
    local two = clean:where(clean.y:ne(0))
    for name, m in pairs { gbdt = gbdt.fit(two, { objective = "binary", num_iterations = 3 }),
      linear = linear.fit(two) } do
      assert.same({ "body", "range" }, m.feature_names)
      refused(name .. ".predict: feature 1 is 'range', the model was fitted on 'body'", m.predict,
        m, turned)
      refused("feature 'range' is missing; the model was fitted on 2 features, here are 1",
        m.predict_proba, m, short)
      refused("feature 'more' is one too many", m.predict, m, long)
      refused("feature 'range' is missing", m.predict, m, frame.new { { "body", { 1 } } })
      refused("fit: the dataset has no labels", name == "gbdt" and gbdt.fit or linear.fit,
        dataset.new(clean.x))
    end
    refused("rows have no label; D:drop_missing() leaves them out", gbdt.fit, D,
      { objective = "multiclass" })
    refused("gbdt.fit: valid: feature 1 is 'range'", gbdt.fit, two, { objective = "binary",
      valid = turned })
  end)

  it("names with blanks are spelled as the model's files spell them", function()
    local named = clean:with_x(clean.x, { "the body", "the range" })
    local m = gbdt.fit(named, { objective = "multiclass", num_iterations = 3 })
    assert.same({ "the_body", "the_range" }, m.feature_names)
    local p = m:predict_proba(named)
    local f = frame.new { { "the range", clean.x:t()[2] }, { "the body", clean.x:t()[1] } }
    support.same(p:totable(), m:predict_proba(f))
    local again = gbdt.parse(m:text())
    support.same(p:totable(), again:predict_proba(named))
  end)

  it("linear keeps names in its files", function()
    local two = clean:where(clean.y:ne(0)):balance()
    local named = two:with_x(two.x, { 'a "b"', "c\nd" })
    local m = linear.fit(named, { standardize = true })
    local by_hand = linear.fit(two.x, two.y, { standardize = true, weights = two.w })
    support.same(by_hand:predict_proba(two.x):totable(), m:predict_proba(named))
    local path = support.temporary()
    m:save(path)
    local again = linear.load(path)
    os.remove(path)
    assert.same(named.names, again.feature_names)
    refused("feature 'a \"b\"' is missing", again.predict, again, two)
    support.same(m:decision(named):totable(), again:decision(named))
  end)

  it("calibrators take datasets with their weights", function()
    local two = split.time(clean:where(clean.y:ne(0)), { 0.5, 0.3, 0.2 })
    local m = gbdt.fit(two[1], { objective = "binary", num_iterations = 5 })
    local held = two[2]:decay(50)
    local wrapped = calibration.wrap(m, held)
    local by_hand = calibration.select(held.y, m:predict_proba(held.x), { weights = held.w })
    support.same(by_hand:apply(m:predict_proba(two[3])):totable(), wrapped:predict_proba(two[3]))
    refused("feature 1 is 'range'", calibration.wrap, m, two[2]:with_x(two[2].x:flip(2),
      { "range", "body" }))
    refused("the dataset has no labels", calibration.wrap, m, dataset.new(clean.x))
  end)
end)

describe("splits of datasets", function()
  -- Training rows that may stay, by the definition.
  local function may_stay(D, i, test_start, test_end)
    local decision, known = D.known_at[i], D.label_known_at[i]
    local first, last = math.huge, nat
    for k = test_start, test_end do
      first = math.min(first, D.known_at[k])
      last = math.max(last, D.label_known_at[k], D.known_at[k])
    end
    if i < test_start then return D.y[i] ~= D.y[i] or known ~= nat and known <= first end
    return decision >= last
  end

  local function rows_of(D)
    local row = {}
    for i = 1, #D do row[D.times[i] .. D.symbols[i]] = i end
    return function(E, i) return row[E.times[i] .. E.symbols[i]] end
  end

  local function check_fold(D, fold, candidates)
    local row = rows_of(D)
    local start, stop = row(fold.test, 1), row(fold.test, #fold.test)
    assert.equal(stop - start + 1, #fold.test)
    local kept, want, gone = {}, {}, 0
    for i = 1, #fold.train do kept[row(fold.train, i)] = true end
    for _, i in ipairs(candidates(start, stop)) do
      if may_stay(D, i, start, stop) then want[i] = true else gone = gone + 1 end
    end
    assert.same(want, kept)
    assert.equal(gone, fold.purged)
    if start > 1 then assert.is_true(D.times[start] > D.times[start - 1]) end
    if stop < #D then assert.is_true(D.times[stop] < D.times[stop + 1]) end
    return gone
  end

  local function from_to(a, b)
    local list = {}
    for i = a, b do list[#list + 1] = i end
    return list
  end

  local D = panel(250, 5)
  D = D:where(tensor.rand { #D, seed = 2 }:gt(0.07)) -- moments with one symbol only

  it("leave out what is known too late, and count it", function()
    local parts = split.time(D, { 0.53, 0.21, 0.26 })
    local row = rows_of(D)
    for k = 1, 2 do
      local start = row(parts[k + 1], 1)
      local first = k == 1 and 1 or row(parts[k], 1)
      local stop = k == 2 and #D or row(parts[3], 1) - 1
      check_fold(D, { train = parts[k], test = D:rows(start, stop), purged = parts.purged[k] },
        function() return from_to(first, start - 1) end)
      assert.is_true(parts.purged[k] > 0)
    end
    assert.equal(0, parts.purged[3])
    assert.equal(#D, #parts[1] + #parts[2] + #parts[3] + parts.purged[1] + parts.purged[2])
    assert.matches("^%d+ rows %(%d+ purged%), 2018.-\n%d+ rows", tostring(parts))
  end)

  it("walk forward by rows and by durations", function()
    local folds = split.walk_forward(D, { train = 150, test = 60 })
    assert.is_true(#folds >= 4)
    for _, fold in ipairs(folds) do
      local row = rows_of(D)
      local first = row(fold.train, 1)
      assert.is_true(check_fold(D, fold, function(start) return from_to(first, start - 1) end) > 0)
    end
    local days = split.expanding(D, { train = "4d", test = "2d", step = "36h" })
    local at = D.times[1] + 4 * 24 * hour
    for _, fold in ipairs(days) do
      assert.is_true(fold.test.times[1] >= at and fold.test.times[-1] < at + 48 * hour)
      check_fold(D, fold, function(start) return from_to(1, start - 1) end)
      at = at + 36 * hour
    end
    assert.equal(3, #days)
    for _, fold in ipairs(split.walk_forward(D, { train = "3d", test = "1d" })) do
      assert.is_true(fold.train.times[1] >= fold.test.times[1] - 72 * hour)
    end
    refused("must", split.walk_forward, D, { train = 10, test = 0 })
    refused("train '10' is not a duration", split.walk_forward, D, { train = 10, test = "1d" })
    refused("too short for train 90d", split.walk_forward, D, { train = "90d", test = "1d" })
  end)

  it("purge both sides of a held-out part, and heed the embargo", function()
    for _, fold in ipairs(split.purged_kfold(D, { folds = 4 })) do
      check_fold(D, fold, function(start, stop)
        local list = from_to(1, start - 1)
        return table.move(from_to(stop + 1, #D), 1, #D - stop, #list + 1, list)
      end)
    end
    local plain, late = split.purged_kfold(D, { folds = 3 }), split.purged_kfold(D, { folds = 3,
      embargo = "10h" })
    for k = 1, 2 do
      local stop = plain[k].test.times[-1]
      local function soonest(fold) return fold.train.times[fold.train.times:gt(stop)]:min() end
      assert.is_true(soonest(late[k]) >= soonest(plain[k]) + 9 * hour)
    end
    local rows = split.purged_kfold(D, { folds = 3, embargo = 40 })
    assert.is_true(#rows[1].train <= #plain[1].train)
    refused("embargo 'late' is not a duration", split.purged_kfold, D, { embargo = "late" })
  end)

  it("tear no moment apart, whatever the shape of the panel", function()
    local function disjoint(...)
      local part_of = {}
      for k, part in ipairs { ... } do
        for _, time in ipairs(part.times:unique():totable()) do
          assert.is_nil(part_of[time])
          part_of[time] = k
        end
      end
    end
    for trial = 1, 20 do
      local P = panel(80 + trial, trial)
      P = P:where(tensor.rand { #P, seed = trial }:gt(0.2))
      disjoint(table.unpack(split.time(P, { 0.5, 0.2, 0.3 })))
      local o = { purge = 1, embargo = 1 }
      disjoint(table.unpack(split.time(P, { 0.5, 0.2, 0.3 }, o)))
      local folds = split.walk_forward(P, { train = 60 + trial, test = 11 })
      table.move(split.expanding(P, { train = 61, test = 13, step = 7 }), 1, 3, #folds + 1, folds)
      table.move(split.purged_kfold(P, { folds = 5, purge = 1 }), 1, 5, #folds + 1, folds)
      for _, fold in ipairs(folds) do disjoint(fold.train, fold.test) end
      local ranges = split.contiguous(P, 7)
      assert.same({ 1, #P }, { ranges[1][1], ranges[7][2] })
      for k = 2, 7 do
        assert.equal(ranges[k - 1][2] + 1, ranges[k][1])
        assert.is_true(P.times[ranges[k][1]] > P.times[ranges[k - 1][2]])
      end
    end
  end)

  -- Three symbols: a label that looks two bars ahead looks over six rows.
  it("purge and put an embargo by moments", function()
    local time = (tensor.arange(0, 89, { dtype = "i64" }) // 3) * hour
    local F = frame.new { { "time", time, "time" }, { "a", tensor.zeros { 90 } } }
    local y = tensor.zeros { 90 }
    local P = dataset.new(F, y)
    local parts = split.time(P, { 0.5, 0.5 }, { purge = 2, embargo = 1 })
    assert.same({ 39, 42 }, { #parts[1], #parts[2] })
    local fold = split.purged_kfold(P, { folds = 3, purge = 2, embargo = 1 })[2]
    assert.same({ 24 + 21, 30 }, { #fold.train, #fold.test })
    fold = split.walk_forward(P, { train = 30, test = 30, purge = 2 })[1]
    assert.same({ 24, 30 }, { #fold.train, #fold.test })
    refused("purge is 5d, must be an integer", split.walk_forward, P,
      { train = "10h", test = "5h", purge = "5d" })
    refused("no moment begins in rows", split.contiguous, P, 80)
    local symbols = {}
    for i = 1, 90 do symbols[i] = "s" .. i % 3 end
    local blind = frame.new { { "date", time, "time" }, { "symbol", symbols },
      { "a", tensor.zeros { 90 } } }
    refused("the frame has rows of 3 symbols", split.time, blind, { 0.5, 0.5 })
    refused("the frame has rows of 3 symbols", split.purged_kfold, blind)
    assert.equal(30, split.time(blind:where(blind.symbol:eq "s1"), { 0.5, 0.5 })[2][2])
    refused("several symbols and no times", split.time, dataset.new(blind, y), { 0.5, 0.5 },
      { purge = 2 })
  end)

  it("ask for what they must know", function()
    local bare = dataset.new(tensor.zeros { 100, 1 }, tensor.zeros { 100 })
    refused("does not say when its labels are known", split.time, bare, { 0.5, 0.5 })
    refused("does not say when its labels are known", split.purged_kfold, bare)
    local parts = split.time(bare, { 0.5, 0.5 }, { purge = 3, embargo = 2 })
    assert.same({ 47, 48 }, { #parts[1], #parts[2] })
    assert.equal(3, #split.walk_forward(bare, { train = 40, test = 20, purge = 0 }))
    refused("is empty once labels and embargo are heeded", split.time, bare, { 0.9, 0.1 },
      { purge = 0, embargo = 10 })
    refused("no training row is left", split.purged_kfold, bare, { folds = 2, purge = 60 })
    local no_time = frame.new { { "time", tensor.arange(10, { dtype = "i64" }) },
      { "known_at", tensor.full { 10, value = nat, dtype = "i64" } },
      { "a", tensor.zeros { 10 } } }
    refused("have no time, so nothing can be known before them", split.time,
      dataset.new(no_time, tensor.zeros { 10 }, { label_known_at = no_time.time }), { 0.5, 0.5 })
  end)

  -- Labels are the sums of the next ten moves, features the number of the row: a neighbour of the
  -- held-out part shares nine of ten terms with it.
  it("remove a planted leak", function()
    local h, n, rng = 10, 3000, neap.rng(12)
    local noise = tensor.randn { n + h, rng = rng }
    local sums = noise:rolling_sum(h, 1)
    local time = tensor.arange(hour, n * hour, hour, { dtype = "i64" })
    local y = sums:slice(1, h + 1, n + h):gt(0):to "f64"
    local E = dataset.new(frame.new { { "time", time }, { "row", tensor.arange(n) } }, y,
      { label_known_at = time + h * hour })
    local function hits(o)
      local right, count = 0, 0
      for _, fold in ipairs(split.purged_kfold(E, o)) do
        local train, rows = fold.train.x:reshape(-1), fold.train.y
        for i = 1, #fold.test do
          local _, nearest = (train - fold.test.x:get(i, 1)):abs():min()
          right = right + (rows[nearest] == fold.test.y[i] and 1 or 0)
          count = count + 1
        end
      end
      return right / count
    end
    local leaky = dataset.new(E.x, E.y)
    local blind = 0
    for _, fold in ipairs(split.purged_kfold(leaky, { folds = 600, purge = 0 })) do
      local train, rows = fold.train.x:reshape(-1), fold.train.y
      local _, nearest = (train - fold.test.x:get(1, 1)):abs():min()
      blind = blind + (rows[nearest] == fold.test.y[1] and 1 or 0) / 600
    end
    assert.is_true(blind > 0.75)
    assert.is_true(math.abs(hits { folds = 600 } - 0.5) < 0.06)
  end)
end)

it("a year of times is printed by its parts", function()
  local t = tensor.of({ clock.parse "2020-01-01", clock.parse "2020-12-31" }, { dtype = "i64" })
  assert.matches("times +2020%-01%-01T00:00:00Z to 2020%-12%-31", tostring(dataset.new(frame.new {
    { "time", t }, { "a", { 1, 2 } } })))
end)
