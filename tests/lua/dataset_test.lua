local clock = require "neap.clock"
local dataset = require "neap.dataset"
local file = require "neap.file"
local frame = require "neap.frame"
local labels = require "neap.labels"
local market = require "neap.market"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local NAN, nat = 0 / 0, math.mininteger
local hour = 3600 * 1000000000

local function times(list) return tensor.of(list, { dtype = "i64" }) end

local function refused(text, fn, ...)
  local message = support.message(fn, ...)
  assert.truthy(message:find(text, 1, true), message)
end

-- A panel whose rows lie in any order, some of them missing.
local function panel(r, rows)
  local t, symbol, a, b = {}, {}, {}, {}
  for i = 1, rows do
    for _, s in ipairs { "B", "A", "C" } do
      if r:integer(1, 8) > 1 then
        t[#t + 1], symbol[#symbol + 1] = i * hour, s
        a[#a + 1], b[#b + 1] = r:normal(), r:integer(1, 12) == 1 and NAN or r:normal()
      end
    end
  end
  local f = frame.new { { "time", times(t) }, { "symbol", symbol }, { "a", a }, { "b", b } }
  return f:take(tensor.permutation(#f, { rng = r }))
end

describe("dataset.new", function()
  it("matches rows by time and symbol, whatever their order", function()
    local r = neap.rng(41)
    for _ = 1, 60 do
      local F, L = panel(r, r:integer(1, 12)), panel(r, r:integer(1, 12)):rename { a = "label" }
      L = L:assign { { "known_at", L.time + 7, "time" } }
      local label, known = {}, {}
      for i = 1, #L do
        local key = L.time[i] .. L.symbol[i]
        label[key], known[key] = L.label[i], L.known_at[i]
      end
      local matched = 0
      local ok, D = pcall(dataset.new, F, L)
      if not ok then assert.matches("no label has the time", D) end
      for i = 1, ok and #D or 0 do
        local key = D.times[i] .. D.symbols[i]
        if i > 1 then assert.is_true(D.times[i] >= D.times[i - 1]) end
        if label[key] then
          matched = matched + 1
          assert.equal(label[key], D.y[i])
          assert.equal(known[key], D.label_known_at[i])
        else
          assert.is_true(D.y[i] ~= D.y[i])
          assert.equal(nat, D.label_known_at[i])
        end
      end
      if ok then assert.equal(#L - matched, D.unmatched) end
      if ok then assert.same({ "a", "b" }, D.names) end
    end
  end)

  it("keeps features with their times and symbols", function()
    local F = panel(neap.rng(42), 20)
    local D = dataset.new(F)
    local want = {}
    for i = 1, #F do want[F.time[i] .. F.symbol[i]] = F.a[i] end
    assert.equal(#F, #D)
    for i = 1, #D do assert.equal(want[D.times[i] .. D.symbols[i]], D.x:get(i, 1)) end
    assert.is_nil(D.y)
  end)

  it("refuses keys that stand twice, on either side", function()
    local F = frame.new { { "time", times { 1, 2, 2 } }, { "a", { 1, 2, 3 } } }
    local L = frame.new { { "time", times { 3, 1, 1 } }, { "label", { 1, 2, 3 } } }
    refused("the features have two rows for 1970-01-01T00:00:00.000000002Z (rows 2 and 3)",
      dataset.new, F, L:rows(1, 2))
    refused("the labels have two rows for", dataset.new, F:rows(1, 2), L)
    local two = frame.new { { "time", times { 1, 1 } }, { "symbol", { "A", "B" } },
      { "a", { 1, 2 } } }
    assert.equal(2, #dataset.new(two, two:rename { a = "label" }))
    refused("no time", dataset.new, frame.new { { "time", times { nat } }, { "a", { 1 } } },
      L:rows(1, 1))
    refused("the features are of several symbols, the labels do not say of which", dataset.new, two,
      L:rows(1, 2))
  end)

  it("matches by position where there are no times", function()
    local x = tensor.of { { 1, 2 }, { 3, 4 } }
    local D = dataset.new(x, tensor.of({ 0, 1 }, { dtype = "i64" }))
    assert.equal("i64", D.y.dtype)
    assert.same({ "x1", "x2" }, D.names)
    D = dataset.new(x, tensor.of { 0, 1 }, { features = { "u", "v" }, classes = { 1, 0 },
      label_known_at = times { 5, 6 }, weights = tensor.of { 1, 2 }, dtype = "f32" })
    assert.same({ "u", "v" }, D.names)
    assert.same({ 0, 1 }, D.classes)
    assert.same({ 5, 6 }, D.label_known_at:totable())
    assert.equal("f32", D.x.dtype)
    refused("2 rows of features, but 3 labels", dataset.new, x, tensor.zeros { 3 })
  end)

  it("recognises columns and refuses what they are not", function()
    local F = frame.new { { "time", times { 1, 2 } }, { "known_at", times { 3, 4 } },
      { "symbol", { "A", "A" } }, { "note", { "x", "y" } }, { "a", { 1, 2 } }, { "b", { 3, 4 } } }
    local D = dataset.new(F, tensor.of { 0, 1 }, { weights = "b" })
    assert.same({ "a" }, D.names)
    support.same({ 3, 4 }, D.w)
    assert.same({ 3, 4 }, D.known_at:totable())
    assert.same({ "b", "a" }, dataset.new(F, nil, { features = { "b", "a" } }).names)
    local y = tensor.of { 0, 1 }
    for _, case in ipairs {
      { { time = "tme" }, "unknown time column 'tme' (did you mean 'time'?)" },
      { { time = "a" }, "time 'a' is a column of f64" },
      { { by = "a" }, "by 'a' is a column of f64, text is needed" },
      { { by = "sym" }, "unknown by column 'sym'" },
      { { known_at = "b" }, "known_at 'b' is a column of f64" },
      { { weights = tensor.of { 1, -2 } }, "weight 2 is -2, must not be negative" },
      { { weights = tensor.of { 1 } }, "weights has 1 rows, the features have 2" },
      { { classes = { 0, 2 } }, "label 2 is 1, which is none of the classes" },
      { { label_known_at = "known_at" }, "the labels are a tensor" },
      { { label_known_at = tensor.of { 1, 2 } }, "must be times (i64), got f64" },
      { { label_known_at = times { 1 } }, "label_known_at has 1 rows, the labels have 2" },
      { { features = { "note" } }, "column 'note' is a category" },
      { { labels = 1 }, "unknown option 'labels'" },
    } do refused(case[2], dataset.new, F, y, case[1]) end
    refused("the features have no column of numbers", dataset.new, F:select { "time" })
    refused("the labels have no column 'label'; name one of a, b", dataset.new, F,
      F:drop { "symbol" })
    refused("unknown label column 'lable'", dataset.new, F, F, { label = "lable" })
    refused("label 'note' is a column of category", dataset.new, F, F, { label = "note" })
    refused("features of N x F are needed", dataset.new, tensor.of { 1 })
    refused("1099511627776 features are more than 16777216", dataset.new,
      tensor.ones({ 1, 1 }):expand { 1, 1 << 40 })
    refused("must be a tensor", dataset.new, 3)
    refused("row 2 has no symbol", dataset.new,
      frame.new { { "symbol", { "A", false } }, { "a", { 1, 2 } } })
  end)

  it("prints what it holds", function()
    local F = panel(neap.rng(1), 30)
    local text = tostring(dataset.new(F, F:select { "time", "symbol", "b" }, { label = "b" }))
    assert.matches("^dataset%[%d+ x 2%]\n  features +f64, a, b; %d+ values missing\n", text)
    assert.matches("symbols +3: B, A, C", text:gsub("3: %a, %a, %a", "3: B, A, C"), 1)
    local D = dataset.new(tensor.zeros { 4, 1 }, tensor.of { 0, 0, 1, NAN })
    assert.matches("labels +0: 66.7 %%, 1: 33.3 %%; 1 missing", tostring(D))
    assert.matches("dataset%[0 x 1%]", tostring(D:rows(1, 4):where(tensor.zeros { 4,
      dtype = "bool" })))
  end)
end)

describe("rows of a dataset", function()
  local F = panel(neap.rng(43), 40)
  local D = dataset.new(F, F:select { "time", "symbol", "b" }, { label = "b",
    weights = tensor.rand { #F, seed = 1 } })

  it("are chosen in all fields at once", function()
    local mask = D.x:slice(2, 1, 1):reshape(-1):gt(0)
    local part = D:where(mask)
    local at = mask:nonzero()
    for _, name in ipairs { "y", "w", "times", "bar" } do
      support.same(D[name]:take(at):totable(), part[name])
    end
    support.same(D.x:take(at, 1):totable(), part.x)
    assert.same(D.symbols.codes:take(at):totable(), part.symbols.codes:totable())
    assert.equal(3, #D:rows(2, 4))
    support.same(D.y:slice(1, 2, 4):totable(), D:rows(2, 4).y)
    for i = 1, #D:symbol "B" do assert.equal("B", D:symbol("B").symbols[i]) end
    refused("unknown symbol 'D'", D.symbol, D, "D")
    refused("a bool tensor of", D.where, D, D.y)
    refused("a dataset is expected, got table", D.where, {}, mask)
  end)

  it("are chosen by time", function()
    local t = times { clock.parse "2018-02-28 23:59:59", clock.parse "2018-03-01",
      clock.parse "2018-03-01 12:30:30", clock.parse "2018-12-31 23:00", clock.parse "2019-01-01" }
    local T = dataset.new(frame.new { { "time", t }, { "a", { 1, 2, 3, 4, 5 } } })
    for _, case in ipairs {
      { "2018", "2018", "1 2 3 4" }, { "2018-03", nil, "2 3 4 5" }, { nil, "2018-02", "1" },
      { "2018-03-01", "2018-03-01", "2 3" }, { "2018-03-01 12:30", "2018-03-01 12:30", "3" },
      { "2018-03-01 12:30:30", "2018-03-01 12:30:30", "3" }, { nil, "2018-12", "1 2 3 4" },
      { t[2], t[4], "2 3 4" }, { "2018-03-01 12:30:31", "2018-12-31 22:59", "" },
    } do
      local got = T:between(case[1], case[2]).x:reshape(-1):to("i64"):totable()
      assert.equal(case[3], table.concat(got, " "))
    end
    assert.equal(2, #T:between(nil, "2018-02-28", { time_zone = "America/New_York" }))
    refused("'tomorrow' is not a time", T.between, T, "tomorrow")
    refused("must be a text or a time in nanoseconds", T.between, T, true)
    refused("have no times", dataset.between or D.between, dataset.new(tensor.zeros { 1, 1 }),
      "2018")
  end)

  it("go where something is missing", function()
    local x = tensor.of { { 1, 2 }, { NAN, 2 }, { NAN, NAN }, { 1, 2 }, { 1, 1 } }
    local E = dataset.new(x, tensor.of { 1, 1, 1, NAN, 1 }, { weights = tensor.of { 1, 1, 1, 1,
      NAN } })
    local function left(o)
      local part, dropped = E:drop_missing(o)
      return { #part, dropped.labels, dropped.weights, dropped.features }
    end
    assert.same({ 1, 1, 1, 2 }, left())
    assert.same({ 2, 1, 1, 1 }, left { features = "all" })
    assert.same({ 3, 1, 1, 0 }, left { features = "none" })
    refused("unknown features 'some'", E.drop_missing, E, { features = "some" })
  end)

  it("get other features", function()
    local other = D:with_x(tensor.ones { #D, 1 }, { "one" })
    assert.same({ "one" }, other.names)
    support.same(D.y:totable(), other.y)
    assert.same({ "a", "b" }, D.names)
    refused("1 names for 2 features", D.with_x, D, D.x, { "a" })
    refused("name 2 is a, each must be a text of its own", D.with_x, D, D.x, { "a", "a" })
    refused("x F features are needed", D.with_x, D, tensor.ones { 1, 1 }, { "a" })
  end)
end)

describe("weights of a dataset", function()
  it("halve with age", function()
    local F = frame.new { { "time", times { 0, 12 * hour, 24 * hour } }, { "a", { 1, 2, 3 } } }
    local D = dataset.new(F, nil, { weights = tensor.of { 4, 2, 3 } })
    support.same({ 1, 1, 3 }, D:decay("12h").w)
    support.same({ 1, 1, 3 }, D:decay(1).w)
    refused("is not a duration", D.decay, D, "soon")
    refused("must be a duration or a positive number", D.decay, D, 0)
    refused("needs times", D.decay, dataset.new(tensor.zeros { 2, 1 }), "1d")
  end)

  it("balance classes of weighted rows", function()
    local y = tensor.of { 1, 1, -1, NAN, 0 }
    local D = dataset.new(tensor.zeros { 5, 1 }, y, { weights = tensor.of { 1, 3, 2, 1, 6 } })
    local B = D:balance()
    for _, class in ipairs { -1, 0, 1 } do
      assert.is_true(math.abs(B.w[y:eq(class)]:sum() - 4) < 1e-12)
    end
    assert.is_true(B.w[4] ~= B.w[4])
    refused("no classes", D.balance, dataset.new(tensor.zeros { 2, 1 }, tensor.of { 0.5, 0.7 }))
    refused("no labels", D.balance, dataset.new(tensor.zeros { 2, 1 }))
  end)

  it("count overlapping labels less, of the rows that are there", function()
    local bars = market.synthetic { rows = 120, symbols = { "A", "B" } }
    local o = { profit = 0.01, stop = 0.01, lookforward = 8, by = "symbol" }
    local L = labels.triple_barrier(bars, o)
    local F = bars:select { "time", "symbol", "close" }
    local D = dataset.new(F, L):uniqueness()
    local u = labels.uniqueness(L, { by = "symbol" })
    local want = {}
    for i = 1, #L do want[L.time[i] .. L.symbol[i]] = u[i] end
    for i = 1, #D do
      local v = want[D.times[i] .. D.symbols[i]]
      assert.is_true(v == D.w[i] or v ~= v and D.w[i] ~= D.w[i])
    end
    local thin = dataset.new(F, L):where((D.bar % 9):eq(0)):drop_missing():uniqueness()
    assert.is_true(thin.w:eq(1):all())
    refused("do not say which bars they span", D.uniqueness,
      dataset.new(tensor.zeros { 2, 1 }, tensor.zeros { 2 }))
  end)
end)

describe("windows of a dataset", function()
  -- All windows by their definition: the rows of D each holds, and the row its label is from.
  local function plain(D, o)
    local series, out = {}, {}
    for i = 1, #D do
      local s = D.symbols and D.symbols[i] or ""
      series[s] = series[s] or {}
      table.insert(series[s], i)
    end
    for _, rows in pairs(series) do
      table.sort(rows, function(a, b) return D.bar[a] < D.bar[b] end)
      local run_start = 1
      for e = 1, #rows do
        local function apart(k)
          local a, b = rows[k - 1], rows[k]
          return D.bar[b] ~= D.bar[a] + 1 or o.gap and D.times[b] - D.times[a] > o.gap
        end
        if e > 1 and apart(e) then run_start = e end
        if o.complete then
          for f = 1, #D.names do
            local v = D.x:get(rows[e], f)
            if v ~= v then run_start = e + 1 end
          end
        end
        local length = e - run_start + 1
        local fits = length >= o.length and (length - o.length) % o.stride == 0
        for k = e + 1, e + o.horizon do
          if not rows[k] or apart(k) then fits = false end
          for f = 1, fits and o.complete and #D.names or 0 do
            local v = D.x:get(rows[k], f)
            if v ~= v then fits = false end
          end
        end
        local y = fits and D.y[rows[e + o.horizon]]
        if fits and (y == y or o.labelled == false) then
          out[#out + 1] = { table.move(rows, e - o.length + 1, e, 1, {}), rows[e + o.horizon] }
        end
      end
    end
    return out
  end

  it("equal naive slices and cross neither symbols nor gaps", function()
    local r = neap.rng(44)
    for round = 1, 80 do
      local F = panel(r, r:integer(1, 30))
      local D = dataset.new(F, F:select { "time", "symbol", "b" }, { label = "b" })
      if round % 3 == 0 then D = D:where(tensor.rand({ #D, rng = r }):gt(0.1)) end
      if round % 4 == 0 and #D > 0 then D = D:take(tensor.permutation(#D, { rng = r })) end
      local o = { length = r:integer(1, 5), stride = r:integer(1, 3), horizon = r:integer(0, 2) }
      if r:integer(1, 2) == 1 then o.gap = hour end
      if r:integer(1, 2) == 1 then o.complete = true end
      if r:integer(1, 2) == 1 then o.labelled = false end
      local W = D:windows { length = o.length, stride = o.stride, horizon = o.horizon,
        max_gap = o.gap and "1h", complete = o.complete, labelled = o.labelled }
      local want = {}
      for _, w in ipairs(plain(D, o)) do want[w[1][o.length]] = w end
      local count = 0
      for _ in pairs(want) do count = count + 1 end
      assert.equal(count, #W)
      if #W > 0 then
        local x, y, t = W:batch(1, -1)
        assert.same({ #W, o.length, 2 }, x.shape)
        for k = 1, #W do
          local w = want[W.rows[k]]
          support.same(D.x:take(times(w[1]), 1):totable(), x[k])
          support.same({ D.y[w[2]] }, y:slice(1, k, k))
          assert.equal(D.times[W.rows[k]], t[k])
          support.same({ W.y[k] }, y:slice(1, k, k))
        end
        local pick = tensor.randint { 7, low = 1, high = #W, rng = r }
        local x2, y2 = W:batch(pick)
        support.same(x:take(pick, 1):totable(), x2)
        support.same(y:take(pick):totable(), y2)
      end
    end
  end)

  it("copy only what is asked for", function()
    local D = dataset.new(tensor.zeros { 20000, 50 }, tensor.zeros { 20000 })
    local before = neap.memory({ trim = true }).live
    local W = D:windows { length = 1000 }
    assert.equal(19001, #W) -- 7.6 GB if it were copied
    assert.is_true(neap.memory({ trim = true }).live - before < 3e6)
    local x = W:batch(1, 2)
    x:add_(1)
    assert.equal(0, D.x:sum())
    assert.matches("19001 windows of 1000 rows x 50 features", tostring(W))
  end)

  it("refuse what makes no sense", function()
    local D = dataset.new(tensor.zeros { 3, 1 })
    refused("option 'length' is required", D.windows, D, {})
    refused("length is 0", D.windows, D, { length = 0 })
    refused("stride is 0", D.windows, D, { length = 1, stride = 0 })
    refused("horizon is -1", D.windows, D, { length = 1, horizon = -1 })
    refused("max_gap needs rows with times", D.windows, D, { length = 1, max_gap = "1h" })
    local W = D:windows { length = 2 }
    refused("3", W.batch, W, 3)
    refused("0", W.batch, W, times { 0 })
    refused("must be a tensor", W.batch, W, "all")
    assert.equal(0, #D:windows { length = 4 })
  end)
end)

describe("datasets on disk", function()
  local folder
  before_each(function() folder = file.temporary_folder() end)
  after_each(function() file.remove_tree(folder) end)

  local function sample()
    local bars = market.synthetic { rows = 300, symbols = { "A", "B" } }
    local L = labels.triple_barrier(bars, { profit = 0.01, stop = 0.01, lookforward = 5,
      by = "symbol" })
    local F = bars:select { "time", "symbol", "close", "volume" }:assign {
      { "hole", tensor.where(bars.close:gt(90), NAN, -0.0) }, { "known_at", bars.time + hour } }
    return dataset.new(F, L, { weights = tensor.rand { #bars, seed = 1 }, classes = { -1, 0, 1 } })
  end

  local fields = { "x", "y", "w", "times", "known_at", "label_known_at", "bar", "label_first",
    "label_last" }

  it("come back bit for bit", function()
    local D = sample()
    for _, each in ipairs { D, D:rows(7, 31), D:symbol "B",
      D:where(tensor.zeros { #D, dtype = "bool" }), dataset.new(tensor.ones { 2, 3,
        dtype = "f32" }, nil, { dtype = "f32" }) } do
      assert.equal(each:fingerprint(), each:save(folder .. "/d"))
      local E = dataset.load(folder .. "/d")
      assert.equal(each:fingerprint(), E:fingerprint())
      assert.same(each.names, E.names)
      assert.same(each.classes, E.classes)
      for _, name in ipairs(fields) do
        assert.equal(each[name] == nil, E[name] == nil, name)
        if E[name] then
          assert.equal(each[name].dtype, E[name].dtype)
          support.same(each[name]:totable(), E[name])
        end
      end
      assert.equal(tostring(each), tostring(E))
    end
    assert.same({ "data-1", "dataset.json" }, file.list(folder .. "/d"))
  end)

  it("have another fingerprint when one bit is another", function()
    local D = sample()
    local seen = { [D:fingerprint()] = true }
    local function other(E)
      local print = E:fingerprint()
      assert.is_nil(seen[print])
      seen[print] = true
    end
    for _, name in ipairs { "y", "w" } do
      local values = D[name]:clone()
      values[9] = values[9] == 0 and 5e-324 or values[9] == values[9] and values[9] * (1 + 2 ^ -52)
        or 1
      local fields_of = {}
      for key, value in next, D do fields_of[key] = value end
      fields_of[name] = values
      other(setmetatable(fields_of, getmetatable(D)))
    end
    local x = D.x:clone()
    x[{ 3, 3 }] = x:get(3, 3) == 0 and 0.0 or -NAN
    other(D:with_x(x:t():contiguous():t(), D.names)) -- a view of other strides counts as its values
    other(D:with_x(D.x, { "close", "volume", "hale" }))
    other(D:rows(1, -2))
    other(D:take(tensor.arange(#D, 1, -1, { dtype = "i64" })))
    local same = D:with_x(D.x:t():contiguous():t(), D.names)
    assert.equal(D:fingerprint(), same:fingerprint())
  end)

  it("are refused when anything was changed, cut or lost", function()
    local D = sample()
    local path = folder .. "/d"
    local function files(at, found)
      for _, name in ipairs(file.list(at)) do
        local full = at .. "/" .. name
        if pcall(file.list, full) then files(full, found) else found[#found + 1] = full end
      end
      return found
    end
    D:save(path)
    local list = files(path, {})
    assert.is_true(#list > 20)
    for _, name in ipairs(list) do
      local h = assert(io.open(name, "rb"))
      local text = h:read "a"
      h:close()
      local function put(s)
        local out = assert(io.open(name, "wb"))
        out:write(s)
        out:close()
      end
      for _, damage in ipairs { text:sub(1, -2), text:sub(1, #text // 2), "",
        text:sub(1, #text // 2) .. string.char(text:byte(#text // 2 + 1) ~ 1)
          .. text:sub(#text // 2 + 2) } do
        put(damage)
        local ok, message = pcall(dataset.load, path)
        local harmless = ok and message:fingerprint() == D:fingerprint()
        assert.is_true(not ok or harmless, name) -- white space in metadata may go
        if not ok then assert.equal("string", type(message)) end
      end
      os.remove(name)
      assert.is_false(pcall(dataset.load, path), name)
      put(text)
    end
    assert.equal(D:fingerprint(), dataset.load(path):fingerprint())
  end)

  it("stay whole when writing ends half way", function()
    local D, path = sample(), folder .. "/d"
    D:save(path)
    file.mkdir(path .. "/data-7/x.zarr") -- what a killed process leaves
    assert.equal(D:fingerprint(), dataset.load(path):fingerprint())
    D:rows(1, 10):save(path)
    assert.equal(10, #dataset.load(path))
    assert.same({ "data-2", "dataset.json" }, file.list(path))
    file.write(folder .. "/note.txt", "mine")
    refused("and no dataset; name a folder of its own", D.save, D, folder)
    refused("is not a file of the format", function()
      file.write(folder .. "/dataset.json", "{}")
      dataset.load(folder)
    end)
    refused("/nowhere/dataset.json", dataset.load, "/nowhere")
  end)
end)

describe("labels in a dataset", function()
  it("are those that were known when they say", function()
    local bars = market.synthetic { rows = 260, symbols = { "A", "B" } }
    local o = { profit = 0.015, stop = 0.01, lookforward = 9, by = "symbol" }
    local F = bars:select { "time", "symbol", "close" }
    local D = dataset.new(F, labels.triple_barrier(bars, o))
    for _, cut in ipairs { 50, 120, 201 } do
      local moment = D.times[2 * cut] + hour
      local early = bars:where(bars.time:lt(moment))
      local E = dataset.new(early:select { "time", "symbol", "close" },
        labels.triple_barrier(early, o))
      assert.equal(2 * cut, #E)
      for i = 1, #E do
        local known = D.label_known_at[i] ~= nat and D.label_known_at[i] <= moment
        assert.equal(known, E.y[i] == E.y[i])
        if known then assert.equal(D.y[i], E.y[i]) end
      end
    end
  end)
end)

describe("a dataset that is looked at", function()
  local f = frame.new { { "a", { 1, 2, 3, 4 } } }
  local D = dataset.new(f, f.a:gt(1))

  it("shows labels that are a mask", function()
    assert.matches("0: 25.0 %%, 1: 75.0 %%", tostring(D))
  end)

  it("takes the labels of a function with the times when they are known", function()
    local time = clock.parse { "2024-01-01", "2024-01-02", "2024-01-03" }
    local bars = frame.new { { "time", time }, { "close", { 1, 2, 3 } } }
    local L = dataset.new(bars, labels.threshold(bars, { lookforward = 1 }))
    local y, known = labels.threshold(bars, { lookforward = 1 })
    assert.is_true(L.label_known_at:eq(known):all())
    assert.is_true(L.y:slice(1, 1, 2):eq(y:slice(1, 1, 2)):all())
    refused("label_known_at must be times (i64), got f64", dataset.new, bars, y, y)
  end)

  it("names what was meant by a field it lacks", function()
    refused("dataset: unknown field or method 'X' (did you mean 'x'?)", function() return D.X end)
    refused("did you mean 'drop_missing'?", function() D:drop_mising() end)
    refused("there is no field or method 'head'; write D:rows(1, n)", function() D:head() end)
    for _, name in ipairs { "w", "times", "symbols", "known_at", "label_known_at", "classes" } do
      assert.is_nil(D[name])
    end
    assert.is_nil(dataset.new(f).y)
  end)
end)
