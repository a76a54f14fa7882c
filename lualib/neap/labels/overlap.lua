--- What labels that share bars are worth; loaded by neap.labels.
local neap = require "neap"
local c = require "neap.c.frame"
local frame = require "neap.frame"
local opts = require "neap.opts"
local source = require "neap.labels.source"
local tensor = require "neap.tensor"

local labels = source.labels

-- The labels of a frame by series; spans are bar + 1 .. end_bar.
local function read(where, L, by)
  if not frame.is(L) then
    opts.raise("%s: a frame of labels is expected, got %s", where, opts.kind(L))
  end
  for _, name in ipairs { "bar", "end_bar" } do
    if not L:has(name) then
      opts.raise("%s: the labels have no column '%s'; triple_barrier, meta and trend_scanning say "
        .. "which bars a label spans", where, name)
    end
  end
  return source.read(where, L, by, { column = "bar", any_order = true })
end

-- How many bars the labels of a series reach over.
local function reach(last) return #last > 0 and math.max(0, (last:max())) or 0 end

--- The average uniqueness of each label, in (0, 1]: the mean over its bars of 1 / (labels there); 1
--- where no other label shares a bar with it (Lopez de Prado 2018, 4.4). A label spans the bars
--- whose returns it is made of: from the one after its own to the one it ends at. As `weights` of a
--- fit it keeps labels that tell the same story from being counted as many. NaN where there is no
--- label. O(labels + bars).
---     local L = labels.triple_barrier(tensor.of { 1, 1, 1, 1, 1 },
---       { profit = 1, stop = 1, lookforward = 2 })
---     labels.uniqueness(L) --> tensor<f64>[5] {0.75, 0.5, 0.75, nan, nan}
---@param L neap.frame of `labels.triple_barrier`, `meta` or `trend_scanning`, or rows of it
---@param o? { by: string|string[] }
---@return neap.tensor
function labels.uniqueness(L, o)
  o = opts.merge("labels.uniqueness", { by = opts.none }, o)
  local s = read("labels.uniqueness", L, o.by)
  local bar, last = s:column "bar", s:column "end_bar"
  return (s:each(1, function(cut)
    local to = cut(last)
    return c.uniqueness(cut(bar) + 1, to, reach(to))
  end))
end

-- Log returns of each series of bars, by its key.
local function returns_by_key(bars, by)
  local s = source.read("labels.attribution", bars, by)
  local close, out = s:column "close", {}
  s:each(1, function(cut, g)
    local price = cut(close):to("f64"):log()
    out[g.key] = price - price:shift(1)
    return price
  end)
  return out
end

--- Weights by what each label explains: |sum over its bars of log return / (labels there)| (Lopez
--- de Prado 2018, 4.6), scaled to a mean of 1. Labels over large moves, shared with few, weigh
--- most. NaN where there is no label; a missing return counts as 0. `bars` are those that the
--- labels were made of; of `L` some rows will do.
---     local close = tensor.of { 100, 101, 103, 99 }
---     local L = labels.triple_barrier(close, { profit = 0.02, stop = 0.02, lookforward = 3 })
---     labels.attribution(L, close)[3] > 1 --> true
---@param L neap.frame
---@param bars neap.frame|neap.tensor
---@param o? { by: string|string[] }
---@return neap.tensor
function labels.attribution(L, bars, o)
  o = opts.merge("labels.attribution", { by = opts.none }, o)
  local s = read("labels.attribution", L, o.by)
  local returns = returns_by_key(bars, o.by)
  local bar, last = s:column "bar", s:column "end_bar"
  local w = s:each(1, function(cut, g)
    local value = returns[g.key]
    if not value then opts.raise("labels.attribution: there are no bars of '%s'", g.key) end
    return c.uniqueness(cut(bar) + 1, cut(last), #value, value)
  end)
  local mean = w[w:isfinite()]
  return #mean > 0 and mean:mean() > 0 and w / mean:mean() or w
end

--- Factors that let labels fade with age, age being counted in uniqueness, so that overlapping ones
--- do not age faster (Lopez de Prado 2018, 4.7): 1 for the newest, falling in a line to `oldest`
--- for the first; with `oldest` below 0 the first share -oldest of them gets 0. Rows are in time
--- order; rows without a label (NaN) stay NaN.
---     local u = tensor.of { 0.5, 0.5, 0.5, 0.5 }
---     labels.time_decay(u, { oldest = 0 }) --> tensor<f64>[4] {0.25, 0.5, 0.75, 1}
---@param uniqueness neap.tensor
---@param o? { oldest: number }
---@return neap.tensor
function labels.time_decay(uniqueness, o)
  o = opts.merge("labels.time_decay", { oldest = 0.5 }, o)
  opts.expect("labels.time_decay", "uniqueness", uniqueness, "tensor")
  if type(o.oldest) ~= "number" or not (o.oldest > -1 and o.oldest <= 1) then
    opts.raise("labels.time_decay: oldest is %s, must be above -1 and at most 1",
      tostring(o.oldest))
  end
  local missing = uniqueness:isnan()
  local age = tensor.where(missing, 0, uniqueness:to "f64"):cumsum(1)
  if #age == 0 then return age end
  local total = age[-1]
  if total == 0 then return tensor.where(missing, 0 / 0, age) end
  local slope = o.oldest >= 0 and (1 - o.oldest) / total or 1 / ((o.oldest + 1) * total)
  local factor = ((age - total) * slope + 1):clamp(0)
  return tensor.where(missing, 0 / 0, factor)
end

-- Spans of all series on one axis: each series begins where the one before it ends.
local function one_axis(s)
  local bar, last, bars = s:column "bar", s:column "end_bar", 0
  local first, to = s:each(2, function(cut)
    local own, from = cut(last), cut(bar)
    local length, offset = reach(own), bars
    bars = bars + length
    local none = own:le(from)
    return tensor.where(none, 1, from + (1 + offset)), tensor.where(none, 0, own + offset)
  end)
  return first, to, bars
end

--- Rows drawn with replacement so that overlapping labels are seldom drawn together: each draw's
--- chances are proportional to the average uniqueness beside the labels drawn so far (Lopez de
--- Prado 2018, 4.5). Takes n (the number of labels) x (labels + bars) steps. The same seed gives
--- the same rows. Rows without a label are never drawn.
---     local L = labels.triple_barrier(tensor.of { 1, 1, 1, 1, 1 },
---       { profit = 1, stop = 1, lookforward = 2 })
---     #labels.sequential_bootstrap(L, { n = 10, seed = 1 }) --> 10
---@param L neap.frame
---@param o? { n: integer, seed: integer, rng: neap.rng, by: string|string[] }
---@return neap.tensor positions i64
function labels.sequential_bootstrap(L, o)
  o = opts.merge("labels.sequential_bootstrap",
    { n = opts.none, seed = opts.none, rng = opts.none, by = opts.none }, o)
  local s = read("labels.sequential_bootstrap", L, o.by)
  local first, last, bars = one_axis(s)
  local n = o.n and opts.integer("labels.sequential_bootstrap", "n", o.n, 0, 1 << 40)
    or math.tointeger(last:gt(0):sum())
  local rng = o.rng
  if rng then opts.expect("labels.sequential_bootstrap", "rng", rng, "rng")
  elseif o.seed ~= nil then
    rng = neap.rng(opts.integer("labels.sequential_bootstrap", "seed", o.seed))
  else rng = neap.generator() end
  return c.sequential_bootstrap(first, last, bars, n, rng)
end
