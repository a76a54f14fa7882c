--- Datasets: features, labels and weights of the same rows, with times, symbols, names, and when
--- each is known. What estimators, splits and transformers take in place of (x, y), keeping the
--- names; what files keep with a fingerprint.
local align = require "neap.dataset.align"
local category = require "neap.frame.category"
local clock = require "neap.clock"
local core = require "neap.dataset.core"
local frame = require "neap.frame"
local opts = require "neap.opts"
local show = require "neap.dataset.print"
local tensor = require "neap.tensor"
require "neap.dataset.files" -- into the table and the class of neap.dataset.core
require "neap.dataset.rows"
require "neap.dataset.weights"
require "neap.dataset.windows"

local dataset, Dataset = core.dataset, core.Dataset

local NAN = 0 / 0

-- features ---------------------------------------------------------------------------------------

local function is_category(f, name) return f:has(name) and f:dtype(name) == "category" end

-- The time column called name; nil when it is absent and was not asked for.
local function time_column(f, option, name, asked)
  if not f:has(name) then
    if asked then opts.unknown("dataset.new", option .. " column", name, f:columns()) end
    return nil
  end
  if f:dtype(name) ~= "time" then
    opts.raise("dataset.new: %s '%s' is a column of %s, not of times", option, name, f:dtype(name))
  end
  return f:column(name)
end

local function symbols_of(f, o, asked)
  if o.by == false or not f:has(o.by) then
    if asked and o.by then opts.unknown("dataset.new", "by column", o.by, f:columns()) end
    return nil
  end
  if not is_category(f, o.by) then
    if not asked then return nil end
    opts.raise("dataset.new: by '%s' is a column of %s, text is needed", o.by, f:dtype(o.by))
  end
  local symbols = f:column(o.by)
  local missing = symbols.codes:eq(0):nonzero()
  if #missing > 0 then
    opts.raise("dataset.new: row %d has no %s, so it belongs to no series", missing[1], o.by)
  end
  return symbols
end

-- Names of the columns of numbers that are nothing else.
local function feature_names(f, o)
  local names = {}
  for _, name in ipairs(o.features or f:columns()) do
    local kind, taken = f:dtype(name), name == o.weights or name == o.by
    if o.features or (kind ~= "time" and kind ~= "category" and not taken) then
      names[#names + 1] = name
    end
  end
  if #names == 0 then opts.raise "dataset.new: the features have no column of numbers" end
  return names
end

local function read_features(F, o, given)
  if frame.is(F) then
    local names = feature_names(F, o)
    return { x = F:matrix(names, { dtype = o.dtype }), names = names,
      times = time_column(F, "time", o.time, given.time), symbols = symbols_of(F, o, given.by),
      known_at = time_column(F, "known_at", o.known_at, given.known_at) }
  end
  opts.expect("dataset.new", "the features, if no frame,", F, "tensor")
  if F:dim() ~= 2 then
    opts.raise("dataset.new: features of N x F are needed, got %d dims", F:dim())
  end
  local names = o.features or {}
  if F:size(2) > 1 << 24 then
    opts.raise("dataset.new: %d features are more than %d", F:size(2), 1 << 24)
  end
  if not o.features then
    for k = 1, F:size(2) do names[k] = "x" .. k end
  end
  if #names ~= F:size(2) then
    opts.raise("dataset.new: %d names for %d features", #names, F:size(2))
  end
  return { x = F:to(o.dtype), names = names }
end

-- labels -----------------------------------------------------------------------------------------

local function label_column(L, o, given)
  if L:has(o.label) then
    if L:dtype(o.label) == "category" or L:dtype(o.label) == "time" then
      opts.raise("dataset.new: label '%s' is a column of %s; classes are numbers", o.label,
        L:dtype(o.label))
    end
    return L:column(o.label)
  end
  if given.label then opts.unknown("dataset.new", "label column", o.label, L:columns()) end
  local numbers = {}
  for _, name in ipairs(L:columns()) do
    local kind = L:dtype(name)
    if kind ~= "time" and kind ~= "category" then numbers[#numbers + 1] = name end
  end
  if #numbers ~= 1 then
    opts.raise("dataset.new: the labels have no column '%s'; name one of %s by label = ...",
      o.label, table.concat(numbers, ", "))
  end
  return L:column(numbers[1])
end

-- When the labels are known: a tensor, or a column of L ("known_at" unless named).
local function label_times(L, o)
  local known = o.label_known_at
  if known == nil or type(known) == "string" then
    if not frame.is(L) then
      if known then
        opts.raise("dataset.new: label_known_at '%s' is no column, the labels are a tensor", known)
      end
      return nil
    end
    return time_column(L, "label_known_at", known or "known_at", known ~= nil)
  end
  opts.expect("dataset.new", "label_known_at", known, "tensor")
  if known.dtype ~= "i64" then
    opts.raise("dataset.new: label_known_at must be times (i64), got %s", known.dtype)
  end
  return known
end

local function read_labels(L, o, given)
  local out = { label_known_at = label_times(L, o) }
  if frame.is(L) then
    out.y = label_column(L, o, given)
    out.times = time_column(L, "time", o.time, false)
    out.symbols = symbols_of(L, o, false)
    if L:has "bar" and L:has "end_bar" then
      local last = L:column "end_bar"
      out.label_first = tensor.where(last:gt(0), L:column "bar" + 1, 1)
      out.label_last = last
    end
  else
    opts.expect("dataset.new", "the labels, if no frame,", L, "tensor")
    if L:dim() ~= 1 then
      opts.raise("dataset.new: labels of one dim are needed, got %d", L:dim())
    end
    out.y = L
  end
  local known = out.label_known_at
  if known and #known ~= #out.y then
    opts.raise("dataset.new: label_known_at has %d rows, the labels have %d", #known, #out.y)
  end
  return out
end

local function at_most_one(symbols)
  return not symbols or #symbols == 0 or symbols.codes:min() == symbols.codes:max()
end

local function check_symbols(features, labels)
  if (features.symbols == nil) == (labels.symbols == nil) then return end
  if at_most_one(features.symbols or labels.symbols) then return end
  opts.raise("dataset.new: the %s are of several symbols, the %s do not say of which",
    features.symbols and "features" or "labels", features.symbols and "labels" or "features")
end

local label_fields = { y = NAN, label_known_at = clock.nat, label_first = 1, label_last = 0 }

-- The labels' fields in the order of the features' rows.
local function join(features, labels)
  local n = #features.x
  if not (features.times and labels.times) then
    if #labels.y ~= n then
      opts.raise("dataset.new: %d rows of features, but %d labels; with a column of times on both "
        .. "sides they are matched by time", n, #labels.y)
    end
    return labels
  end
  check_symbols(features, labels)
  local at = align(features, labels)
  local known = at:gt(0)
  if n > 0 and #labels.y > 0 and not known:any() then
    opts.raise("dataset.new: no label has the time of a row of features; they begin at %s and %s",
      clock.print(features.times[1]), clock.print(labels.times[1]))
  end
  local out, all = {}, known:all()
  for name, missing in pairs(label_fields) do
    local values = labels[name]
    if values and all then out[name] = values:take(at)
    elseif values then
      if name == "y" then values = values:to "f64" end
      if #values == 0 then out[name] = tensor.full { n, value = missing, dtype = values.dtype }
      else out[name] = tensor.where(known, values:take(at:clamp(1)), missing) end
    end
  end
  out.unmatched = #labels.y - math.tointeger(known:sum())
  return out
end

-- weights and classes ----------------------------------------------------------------------------

local function read_weights(F, n, o)
  local w = o.weights
  if w == nil then return nil end
  if type(w) == "string" and frame.is(F) then w = F:column(w) end
  opts.expect("dataset.new", "weights", w, "tensor")
  if w:dim() ~= 1 or #w ~= n then
    opts.raise("dataset.new: weights has %d rows, the features have %d", #w, n)
  end
  w = w:to "f64"
  local negative = w:lt(0):nonzero()
  if #negative > 0 then
    opts.raise("dataset.new: weight %d is %g, must not be negative", negative[1], w[negative[1]])
  end
  return w
end

local function check_classes(y, classes)
  if classes == nil then return nil end
  opts.expect("dataset.new", "classes", classes, "table")
  local sorted = table.move(classes, 1, #classes, 1, {})
  table.sort(sorted)
  local known = y:isnan()
  for _, v in ipairs(sorted) do known = known | y:eq(v) end
  local other = (~known):nonzero()
  if #other > 0 then
    opts.raise("dataset.new: label %d is %g, which is none of the classes", other[1], y[other[1]])
  end
  return sorted
end

-- Each row's number in its series.
local function bars_of(D)
  local n = #D.x
  local number = tensor.arange(1, n, 1, { dtype = "i64" })
  if not D.symbols or n == 0 then return number end
  local codes = D.symbols.codes
  local order = codes:argsort(1)
  local sorted = codes:take(order)
  local first = tensor.ones { n, dtype = "bool" }
  if n > 1 then first[{ { 2, n } }] = sorted:slice(1, 2, -1):ne(sorted:slice(1, 1, -2)) end
  local start = tensor.where(first, number, 0):cummax(1)
  return (number - start + 1):take(order:argsort(1))
end

local function in_time_order(D)
  if not D.times or #D.times < 2 then return D end
  if not D.times:slice(1, 2, -1):lt(D.times:slice(1, 1, -2)):any() then return D end
  local order = D.times:argsort(1)
  return core.map(D, function(t) return t:take(order, 1) end)
end

local defaults = {
  time = "time", by = "symbol", known_at = "known_at", label_known_at = opts.none, label = "label",
  weights = opts.none, classes = opts.none, features = opts.none, dtype = "f64",
}

--- A dataset of features `F` and labels `L`.
---
--- `F` is a frame, whose columns of numbers (or those named by `features`) become `x`, or an N x F
--- tensor with names given by `features`. Of a frame the columns `time`, `by` ("symbol") and
--- `known_at` are recognised; other times and text are no features (text becomes one by
--- `preprocess.one_hot` or `ordinal`, which say what happens to categories they never saw).
---
--- `L` is nil (rows to predict), a tensor of N numbers, or a frame, as `labels.triple_barrier`
--- gives: its column `label` (or its only column of numbers) becomes `y`, its `known_at`
--- `label_known_at`; with a tensor, `label_known_at` is given as one, also in place of options, so
--- that `dataset.new(F, labels.threshold(bars))` takes both results. Where both are frames with
--- times, rows are matched by time and symbol: a time that stands twice on one side is refused, a
--- row of features without a label gets NaN, labels without features are left out and counted
--- (`D.unmatched`). Else rows are matched by position and must be as many.
---
--- Rows are put in order of their times (equal ones stay as they were), which splits rely on.
--- `weights` is a tensor or the name of a column of `F`; `classes` lists what `y` may hold; `dtype`
--- is that of `x`.
---     local time = tensor.of({ 10, 20 }, { dtype = "i64" })
---     local F = frame.new { { "time", time:flip(1) }, { "a", { 2, 1 } } }
---     local L = frame.new { { "time", time }, { "label", { 0, 1 } } }
---     local D = dataset.new(F, L)
---     D.x:reshape(-1), D.y --> tensor<f64>[2] {1, 2}, tensor<f64>[2] {0, 1}
---@param F neap.frame|neap.tensor
---@param L? neap.frame|neap.tensor
---@param o? neap.tensor|{ time: string, by: string, known_at: string } and label_known_at, label,
---  weights, classes, features, dtype
---@return neap.dataset
function dataset.new(F, L, o)
  if opts.kind(o) == "tensor" then o = { label_known_at = o } end
  local given = o or {}
  o = opts.merge("dataset.new", defaults, o)
  local features = read_features(F, o, given)
  local n = #features.x
  local D = core.with({}, features)
  if L ~= nil then
    for name, value in pairs(join(features, read_labels(L, o, given))) do
      if label_fields[name] ~= nil or name == "unmatched" then D[name] = value end
    end
    D.classes = check_classes(D.y, o.classes)
  end
  D.w = read_weights(F, n, o)
  if type(D.symbols) == "table" then
    D.symbols = category.of_codes(D.symbols.codes, D.symbols.labels)
  end
  D = in_time_order(D)
  D.bar = bars_of(D)
  return D
end

--- Whether x is a dataset.
---     dataset.is(3) --> false
---@return boolean
function dataset.is(x) return core.is(x) end

function Dataset.__len(D) return #D.x end

Dataset.__tostring = show

return dataset
