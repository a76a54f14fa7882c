local base = require "neap.c.base"
local gbdt = require "neap.gbdt"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

-- Queries of different sizes; the grade of a row depends on its first two columns.
local function data(queries, seed)
  local r, rows, grades, group = base.rng(seed), {}, {}, {}
  for q = 1, queries do
    group[q] = r:integer(1, 12)
    for _ = 1, group[q] do
      local row = { r:normal(), r:normal(), r:normal() }
      rows[#rows + 1] = row
      local v = row[1] + 0.5 * row[2] + 0.3 * r:normal()
      grades[#grades + 1] = v > 1 and 3 or v > 0.3 and 2 or v > -0.3 and 1 or 0
    end
  end
  return tensor.of(rows), tensor.of(grades), tensor.of(group):to "i64"
end

-- The plain definition, by sorting each query.
local function plain(kind, places, scores, grades, group, weights)
  local first, sum, total = 0, 0, 0
  for _, n in ipairs(group:totable()) do
    local order, best, w = {}, {}, 0
    for i = 1, n do
      order[i] = { s = scores[first + i], g = grades[first + i], i = i }
      best[i] = grades[first + i]
      w = w + (weights and weights[first + i] or 1) / n
    end
    table.sort(order, function(a, b) if a.s ~= b.s then return a.s > b.s end return a.i < b.i end)
    table.sort(best, function(a, b) return a > b end)
    local dcg, ideal, hits, all, precision = 0, 0, 0, 0, 0
    for i = 1, n do
      if best[i] > 0 then all = all + 1 end
      if i <= places then
        dcg = dcg + (2 ^ order[i].g - 1) / math.log(1 + i, 2)
        ideal = ideal + (2 ^ best[i] - 1) / math.log(1 + i, 2)
        if order[i].g > 0 then
          hits = hits + 1
          precision = precision + hits / i
        end
      end
    end
    local value
    if kind == "ndcg" then value = ideal > 0 and dcg / ideal or 1
    else value = all > 0 and precision / math.min(all, places, n) or 1 end
    sum, total, first = sum + w * value, total + w, first + n
  end
  return sum / total
end

local function refusal(...)
  return (support.message(gbdt.fit, ...):gsub("^.-: gbdt", "gbdt"))
end

describe("lambdarank", function()
  it("orders the rows of queries it has not seen", function()
    local x, y, group = data(400, 1)
    local xv, yv, groupv = data(200, 2)
    local m = gbdt.fit(x, y, { objective = "lambdarank", group = group, num_iterations = 50,
      valid = { xv, yv, group = groupv }, metric = { "ndcg", "map" }, eval_at = { 3, 5 },
      min_data_in_leaf = 5, learning_rate = 0.1 })
    local h, scores = m.history.valid, m:predict(xv):totable()
    for _, name in ipairs { "ndcg@3", "ndcg@5", "map@3", "map@5" } do
      local kind, places = name:match "(%a+)@(%d)"
      local want = plain(kind, tonumber(places), scores, yv:totable(), groupv)
      assert.is_true(math.abs(h[name][50] - want) < 1e-12, name)
    end
    assert.is_true(h["ndcg@5"][50] > 0.93, h["ndcg@5"][50])
    local by_chance = plain("ndcg", 5, tensor.randn({ #yv, seed = 3 }):totable(), yv:totable(),
      groupv)
    assert.is_true(by_chance < 0.85)
    local again = gbdt.parse(m:text())
    assert.equal("lambdarank", again.objective)
    support.same(scores, again:predict(xv))
    support.same(scores, m:predict_raw(xv))
  end)

  it("takes ids in place of sizes, weights, gains, and stops early", function()
    local x, y, group = data(120, 5)
    local ids = {}
    for q, n in ipairs(group:totable()) do
      for _ = 1, n do ids[#ids + 1] = 1000 - q end
    end
    local function fit(o)
      o.objective, o.num_iterations, o.min_data_in_leaf = "lambdarank", 6, 5
      return gbdt.fit(x, y, o)
    end
    local a, b = fit { group = group }, fit { query = tensor.of(ids) }
    assert.equal(a:text(), b:text())
    support.same(a:predict(x):totable(), fit { group = group:totable(),
      label_gain = { 0, 1, 3, 7 } }:predict(x))
    assert.is_false(a:predict(x):eq(fit { group = group, label_gain = { 0, 1, 2, 3 } }:predict(x))
      :all())
    local w = tensor.rand { #y, seed = 4 } + 0.1
    local m = gbdt.fit(x, y, { objective = "lambdarank", group = group, weights = w,
      valid = { x, y, group = group }, num_iterations = 100, early_stopping_rounds = 3,
      metric = "ndcg@4" })
    assert.equal("valid.ndcg@4", m.stopped_on)
    local scores = m:predict(x):totable()
    -- the training set has weights, the validation set none
    assert.is_true(math.abs(m.best_score - plain("ndcg", 4, scores, y:totable(), group)) < 1e-12)
    local full = #m.history.train["ndcg@4"]
    local all = gbdt.fit(x, y, { objective = "lambdarank", group = group, weights = w,
      num_iterations = full, metric = "ndcg@4", is_provide_training_metric = true })
    local want = plain("ndcg", 4, all:predict(x):totable(), y:totable(), group,
      w:to("f32"):to("f64"):totable())
    assert.is_true(math.abs(all.history.train["ndcg@4"][full] - want) < 1e-12)
  end)

  it("has the same bits at any number of threads", function()
    local x, y, group = data(300, 7)
    local want
    for threads = 1, 4 do
      base.set_threads(threads)
      local text = gbdt.fit(x, y, { objective = "lambdarank", group = group,
        num_iterations = 5 }):text()
      want = want or text
      assert.equal(want, text)
    end
    base.set_threads(2)
  end)

  it("refuses queries that do not add up", function()
    local x, y = tensor.randn { 6, 2, seed = 1 }, tensor.of { 0, 1, 2, 0, 1, 2 }
    local ok = { 2, 4 }
    for _, case in ipairs {
      { {}, "gbdt.fit: objective 'lambdarank' needs group = { sizes } or query = ids" },
      { { group = { 2, 3 } }, "gbdt.fit: the sizes in group add up to 5, x has 6 rows" },
      { { group = { 6, 0 } }, "gbdt.fit: group 2 has 0 rows, allowed are 1 to 6" },
      { { group = { 2, 9 } }, "gbdt.fit: group 2 has 9 rows, allowed are 1 to 6" },
      { { group = ok, query = y }, "gbdt.fit: group and query say the same; give one" },
      { { query = { 1, 1 } }, "gbdt.fit: query has 2 ids for 6 rows" },
      { { query = { 1, 1, 2, 2, 1, 1 } }, "gbdt.fit: the rows of a query lie side by side; the ids "
        .. "in query begin 3 times, 2 are different" },
      { { group = "ten" }, "gbdt.fit: group must be a tensor, got string" },
      { { group = ok, label_gain = { 0, 1 } },
        "gbdt.fit: label 3 is 2, label_gain knows grades 0 to 1" },
      { { group = ok, label_gain = { 0, -1, 2 } },
        "gbdt.fit: label_gain 2 is -1, allowed are numbers from 0" },
      { { group = ok, valid = { x, y } },
        "gbdt.fit: valid: objective 'lambdarank' needs group = { sizes } or query = ids" },
      { { group = ok, metric = "auc" }, "gbdt.fit: unknown metric 'auc' (known: " },
      { { group = ok, metric = "ndcg@0" }, "gbdt.fit: unknown metric 'ndcg@0'" },
      { { group = ok, eval_at = 0 }, "gbdt.fit: eval_at is 0, must be 1 at least" },
      { { group = ok, eval_at = {} }, "gbdt.fit: eval_at must be one or more places, got table" },
      { { group = ok, lambdarank_truncation_level = 0 },
        "gbdt.fit: lambdarank_truncation_level is 0, allowed are 1 to 1e+09" },
      { { group = ok, objective = "regression" },
        "gbdt.fit: group is for objective 'lambdarank', not 'regression'" },
    } do
      case[1].objective = case[1].objective or "lambdarank"
      assert.equal(case[2], refusal(x, y, case[1]):sub(1, #case[2]))
    end
    assert.equal("gbdt.fit: label 2 is 0.5, grades are integers", refusal(x,
      tensor.of { 0, 0.5, 1, 1, 1, 1 }, { objective = "lambdarank", group = ok }))
    assert.equal("gbdt.fit: label 1 is -1, label_gain knows grades 0 to 30", refusal(x, y - 1,
      { objective = "lambdarank", group = ok }))
  end)
end)
