-- Groups, joins and shapes of frames against pandas, each in a process of its own, asked in turn;
-- medians of 5 rounds, and the peak of resident memory while a side worked.
-- Usage: neap tests/bench/frame_reshape.lua [task pattern] [rows] [threads]
--   neap tests/bench/frame_reshape.lua asof 1e6 1
-- Needs python3-pandas; NEAP_PYTHON names the interpreter.
local beside = require "tests.bench.support.beside"
local neap = require "neap"
local frame, tensor = neap.frame, neap.tensor

local names = {
  "group mean", "group std", "group median", "group 5 statistics", "group by id", "group 2 keys",
  "transform mean", "transform rank", "join asof", "join asof nearest", "join asof by symbol",
  "join inner", "join left", "join inner far keys", "join m:1", "join outer", "sort", "unique",
  "value counts", "pivot mean", "melt", "fill forward", "fill by symbol", "drop missing",
}

-- n rows of 1000 symbols, in random order; two sides of ticks; keys that are a permutation, close
-- together or far apart.
local function inputs(n)
  local rng, labels = neap.rng(1), {}
  for k = 1, 1000 do labels[k] = ("S%03d"):format(k - 1) end
  local function symbols()
    local id = tensor.randint { n, low = 1, high = 1000, rng = rng }
    return id, require("neap.frame.category").of_codes(id:to "i32", labels)
  end
  local function normal() return tensor.randn { n, rng = rng } end
  local function ticks(name)
    local time = (tensor.rand { n, rng = rng } * 1e15):to "i64":sort()
    local _, symbol = symbols()
    return frame.new { { "time", time }, { "symbol", symbol }, { name, normal() } }
  end
  local id, symbol = symbols()
  local x = normal()
  local f = frame.new { { "id", id }, { "symbol", symbol }, { "x", x }, { "y", normal() },
    { "day", tensor.randint { n, low = 1, high = 50, rng = rng } },
    { "gaps", tensor.where(normal():gt(1), 0 / 0, x) } }
  local a = frame.new { { "k", tensor.permutation(n, { rng = rng }) }, { "a", normal() } }
  local b = frame.new { { "k", tensor.permutation(n, { rng = rng }) }, { "b", normal() } }
  local lots = frame.new { { "symbol", labels }, { "lot", tensor.arange(1, 1000) } }
  local wide = frame.new { { "t", tensor.arange(1, n // 10) } }
  for k = 1, 10 do wide["c" .. k] = x:slice(1, 1, n // 10) end
  return { f = f, left = ticks "a", right = ticks "b", a = a, b = b, lots = lots, wide = wide,
    far_a = a:assign { { "k", a.k * 1234567891 } }, far_b = b:assign { { "k", b.k * 1234567891 } } }
end

local five = { { "n", "x", "count" }, { "m", "x", "mean" }, { "s", "x", "std" },
  { "low", "y", "min" }, { "sum", "y", "sum" } }

local tasks = {
  ["group mean"] = function(d) return d.f:group_by("symbol"):agg { { "m", "x", "mean" } } end,
  ["group std"] = function(d) return d.f:group_by("symbol"):agg { { "m", "x", "std" } } end,
  ["group median"] = function(d) return d.f:group_by("symbol"):agg { { "m", "x", "median" } } end,
  ["group 5 statistics"] = function(d) return d.f:group_by("symbol"):agg(five) end,
  ["group by id"] = function(d) return d.f:group_by("id"):agg { { "m", "x", "mean" } } end,
  ["group 2 keys"] = function(d)
    return d.f:group_by({ "symbol", "day" }):agg { { "m", "x", "mean" } }
  end,
  ["transform mean"] = function(d)
    return d.f:group_by("symbol"):transform { { "m", "x", "mean" } }
  end,
  ["transform rank"] = function(d)
    return d.f:group_by("symbol"):transform { { "m", "x", "rank" } }
  end,
  ["join asof"] = function(d)
    return d.left:select({ "time", "a" }):join_asof(d.right:select { "time", "b" })
  end,
  ["join asof nearest"] = function(d)
    return d.left:select({ "time", "a" }):join_asof(d.right:select { "time", "b" },
      { direction = "nearest" })
  end,
  ["join asof by symbol"] = function(d) return d.left:join_asof(d.right, { by = "symbol" }) end,
  ["join inner"] = function(d) return d.a:join(d.b, { on = "k", how = "inner" }) end,
  ["join left"] = function(d) return d.a:join(d.b, { on = "k" }) end,
  ["join inner far keys"] = function(d)
    return d.far_a:join(d.far_b, { on = "k", how = "inner" })
  end,
  ["join m:1"] = function(d) return d.f:join(d.lots, { on = "symbol", validate = "m:1" }) end,
  ["join outer"] = function(d) return d.a:join(d.b, { on = "k", how = "outer" }) end,
  ["sort"] = function(d) return d.a:sort "k" end,
  ["unique"] = function(d) return d.f:unique { "symbol", "day" } end,
  ["value counts"] = function(d) return d.f:value_counts "symbol" end,
  ["pivot mean"] = function(d)
    return d.f:pivot { index = "symbol", columns = "day", values = "x", agg = "mean" }
  end,
  ["melt"] = function(d) return d.wide:melt { id = "t" } end,
  ["fill forward"] = function(d) return d.f:fillna("forward", { columns = "gaps" }) end,
  ["fill by symbol"] = function(d)
    return d.f:fillna("forward", { columns = "gaps", by = "symbol" })
  end,
  ["drop missing"] = function(d) return d.f:dropna() end,
}

beside { bench = "frame_reshape", peer = "pandas", names = names, tasks = tasks, inputs = inputs }
