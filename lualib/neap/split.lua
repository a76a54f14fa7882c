--- Splits in time: parts of a series that do not leak into each other.
---
--- Rows are in time order. A range is `{ first, last }`, 1-based and inclusive. The label of row t
--- looks at the `purge` rows after t (its horizon), so the last `purge` rows before anything judged
--- are left out of training: their labels would look into it. `embargo` leaves out further rows
--- after it, where features still remember it. The first argument is the number of rows, or
--- anything with a length: a tensor, a frame of one symbol.
---
--- Of a dataset come datasets in place of ranges. It knows when each label is known
--- (`label_known_at`) and when each row is decided on (`known_at`, else its time), so that exactly
--- the training rows are left out, and counted in `purged`, whose label is known only after the
--- first decision that is judged; `purge` leaves out rows besides, and is needed where labels have
--- no such times. Rows of one moment, of several symbols, stay on one side, and `purge` and
--- `embargo` count moments. `embargo` may be a duration ("5d"), and so may `train`, `test` and
--- `step`.
local data = require "neap.split.data"
local design = require "neap.design"
local folds_of = require "neap.split.folds"
local tensor = require "neap.tensor"
local opts = require "neap.opts"
local validate = require "neap.split.validate"

local split = {}

-- Row numbers up to here can be added up without wrapping; more parts than this are a mistake.
local MOST_ROWS, MOST_PARTS = 1 << 53, 1000000

local function is_integer(x) return math.type(x) == "integer" end

-- Ranges of a panel would part rows of one moment, or, stacked by symbol, whole series.
local function refuse_panel(where, f)
  if not (f:has "symbol" and f:dtype "symbol" == "category") then return end
  local symbols = #f.symbol.codes:unique()
  if symbols > 1 then
    opts.raise("%s: the frame has rows of %d symbols, and ranges of rows would tear moments apart; "
      .. "split the dataset, dataset.new(f)", where, symbols)
  end
end

-- Number of rows of what the user gave.
local function rows_of(where, x)
  local n = x
  if design.is_frame(x) then
    refuse_panel(where, x)
    n = #x
  elseif type(x) == "table" and x.y ~= nil then n = #x.y
  elseif type(x) ~= "number" then
    if type(x) ~= "table" then opts.expect(where, "the rows", x, "tensor") end
    n = #x
  end
  n = math.tointeger(n)
  if not n or n < 1 then
    opts.raise("%s: at least one row is needed, got %s", where, tostring(n))
  end
  if n > MOST_ROWS then opts.raise("%s: %d rows, above 2^53", where, n) end
  return n
end

local function check_count(where, name, value, least)
  if not is_integer(value) or value < least then
    opts.raise("%s: %s is %s, must be an integer of at least %d", where, name, tostring(value),
      least)
  end
  if value > MOST_ROWS then opts.raise("%s: %s is %d, above 2^53", where, name, value) end
  return value
end

local function check_parts(where, count)
  if count > MOST_PARTS then
    opts.raise("%s: %d parts, at most %d are made", where, count, MOST_PARTS)
  end
end

local function check_gaps(where, o)
  check_count(where, "purge", o.purge, 0)
  check_count(where, "embargo", o.embargo, 0)
end

--- `k` ranges that follow each other and cover n rows, their sizes differing by one at most; of a
--- dataset with times each begins with a moment, so that none is torn apart.
---     split.contiguous(10, 3)[1][2] --> 4
---@param n integer|table rows, or something with a length
---@param k integer
---@return integer[][]
function split.contiguous(n, k)
  local D = n
  n = rows_of("split.contiguous", n)
  check_count("split.contiguous", "k", k, 1)
  if k > n then opts.raise("split.contiguous: %d parts of %d rows", k, n) end
  check_parts("split.contiguous", k)
  local ranges, first = {}, 1
  for i = 1, k do
    local size = n // k + (i <= n % k and 1 or 0)
    ranges[i] = { first, first + size - 1 }
    first = first + size
  end
  return design.is_dataset(D) and data.whole("split.contiguous", D, ranges) or ranges
end

local function check_shares(shares)
  if type(shares) ~= "table" or #shares < 2 then
    opts.raise("split.time: shares must be a table of at least two numbers")
  end
  local sum = 0
  for i, share in ipairs(shares) do
    if type(share) ~= "number" or not (share > 0 and share < 1) then
      opts.raise("split.time: share %d is %s, must lie between 0 and 1", i, tostring(share))
    end
    sum = sum + share
  end
  if math.abs(sum - 1) > 1e-9 then opts.raise("split.time: the shares sum to %.10g, not 1", sum) end
end

-- Rows that make every part at least one row long, found by trying.
local function enough(shares, o)
  local smallest = 1
  for _, share in ipairs(shares) do smallest = math.min(smallest, share) end
  return math.ceil((o.purge + o.embargo + 2) / smallest)
end

local Ranges = {}

function Ranges.__tostring(ranges)
  local parts = {}
  for i, range in ipairs(ranges) do parts[i] = ("%d to %d"):format(range[1], range[2]) end
  return "rows " .. table.concat(parts, ", ")
end

-- First row of each part.
local function borders_of(n, shares)
  local borders, sum = { 1 }, 0
  for i = 1, #shares - 1 do
    sum = sum + shares[i]
    borders[i + 1] = math.floor(n * sum + 0.5) + 1
  end
  return borders
end

--- Parts by share, in time order, none of which sees into the next: the last `purge` rows of each
--- part but the last are left out, and the first `embargo` rows of each but the first. Of a dataset
--- an array of datasets, with `purged`, how many rows each lost to labels that are known too late.
---     split.time(100, { 0.6, 0.2, 0.2 }, { purge = 5 })[1][2] --> 55
---     local D = dataset.new(tensor.zeros { 10, 1 }, tensor.zeros { 10 })
---     #split.time(D, { 0.5, 0.5 }, { purge = 2 })[1] --> 3
---@param n integer|neap.dataset|table rows, a dataset, or something with a length
---@param shares number[] they sum to 1
---@param o? { purge: integer, embargo: integer|string }
---@return integer[][]|neap.dataset[] ranges, or datasets
function split.time(n, shares, o)
  o = opts.merge("split.time", { purge = opts.none, embargo = 0 }, o)
  local D = n
  n = rows_of("split.time", n)
  check_shares(shares)
  if o.purge then check_count("split.time", "purge", o.purge, 0) end
  local borders = borders_of(n, shares)
  if design.is_dataset(D) then return data.time("split.time", D, borders, o) end
  o.purge = o.purge or 0
  check_gaps("split.time", o)
  local ranges = {}
  for i, border in ipairs(borders) do
    local first = border + (i > 1 and o.embargo or 0)
    local last = (borders[i + 1] or n + 1) - 1 - (i < #shares and o.purge or 0)
    if last < first then
      opts.raise("split.time: %d rows leave part %d empty after purge %d and embargo %d; "
        .. "%d rows are enough", n, i, o.purge, o.embargo, enough(shares, o))
    end
    ranges[i] = { first, last }
  end
  return setmetatable(ranges, Ranges)
end

-- Folds of a window that moves through n rows, its length `fixed`, or from row 1 on.
local function walk_rows(where, n, o, fixed)
  local step = o.step or o.test
  check_count(where, "train", o.train, 1)
  check_count(where, "test", o.test, 1)
  check_count(where, "step", step, 1)
  local purge = o.purge or 0
  if o.train <= purge then
    opts.raise("%s: train %d must exceed purge %d", where, o.train, purge)
  end
  check_parts(where, (n - o.train - o.test) // step + 1)
  local folds, start = {}, o.train + 1
  while start + o.test - 1 <= n do
    folds[#folds + 1] = {
      train = { { fixed and start - o.train or 1, start - 1 - purge } },
      test = { start, start + o.test - 1 },
    }
    start = start + step
  end
  if #folds == 0 then
    opts.raise("%s: %d rows are fewer than train %d and test %d need", where, n, o.train, o.test)
  end
  return folds_of(folds)
end

local moving = { train = opts.required, test = opts.required, step = opts.none,
  purge = opts.none }

local function walk(where, n, o, fixed)
  o = opts.merge(where, moving, o)
  if o.purge then check_count(where, "purge", o.purge, 0) end
  local rows = rows_of(where, n)
  if not design.is_dataset(n) then return walk_rows(where, rows, o, fixed) end
  return data.walk(where, n, o, fixed, function() return walk_rows(where, rows, o, fixed) end)
end

--- Folds of a window of fixed length that moves forward: `train` rows (their last `purge` left
--- out), then `test` rows; the next fold starts `step` rows later (by default `test`). Of a dataset
--- each fold is { train = dataset, test = dataset, purged = rows left out of training }; lengths
--- may be durations ("90d"), counted from the first time.
---     #split.walk_forward(100, { train = 40, test = 20 }) --> 3
---@param n integer|neap.dataset|table rows, a dataset, or something with a length
---@param o { train: integer|string, test: integer|string, step: integer|string, purge: integer }
---@return table[] folds { train, test }: an array of ranges and a range, or two datasets
function split.walk_forward(n, o) return walk("split.walk_forward", n, o, true) end

--- As `walk_forward`, but training always starts at row 1; `train` is the length of the first one.
---     split.expanding(100, { train = 40, test = 20, purge = 5 })[3].train[1][2] --> 75
---     split.expanding(6, { train = 4, test = 2 }) --> 1    train rows 1 to 4; test rows 5 to 6
---@param n integer|neap.dataset|table rows, a dataset, or something with a length
---@param o { train: integer|string, test: integer|string, step: integer|string, purge: integer }
---@return table[] folds
function split.expanding(n, o) return walk("split.expanding", n, o, false) end

--- Folds that each hold out one contiguous part. From the training rows around it are left out: the
--- `purge` rows before, whose labels look into it; the `purge` rows after, which its labels look
--- into; and `embargo` rows more after those (Lopez de Prado 2018, chapter 7). Of a dataset each
--- fold is { train = dataset, test = dataset, purged = rows left out }: those before the held-out
--- part whose label is not known when its first row is decided on, and those after it that are
--- decided on before its last label is known and the embargo (rows, or a duration) is over.
---     split.purged_kfold(100, { folds = 5, purge = 3, embargo = 2 })[2].train[2][1] --> 46
---@param n integer|neap.dataset|table rows, a dataset, or something with a length
---@param o? { folds: integer, purge: integer, embargo: integer|string }
---@return table[] folds { train, test }: an array of ranges and a range, or two datasets
function split.purged_kfold(n, o)
  o = opts.merge("split.purged_kfold", { folds = 5, purge = opts.none, embargo = 0 }, o)
  local D = n
  n = rows_of("split.purged_kfold", n)
  check_count("split.purged_kfold", "folds", o.folds, 2)
  if o.purge then check_count("split.purged_kfold", "purge", o.purge, 0) end
  local tests = split.contiguous(n, o.folds)
  if design.is_dataset(D) then return data.kfold("split.purged_kfold", D, tests, o) end
  o.purge = o.purge or 0
  check_gaps("split.purged_kfold", o)
  local folds = {}
  for i, test in ipairs(tests) do
    local train, before = {}, test[1] - 1 - o.purge
    local after = test[2] + 1 + o.purge + o.embargo
    if before >= 1 then train[#train + 1] = { 1, before } end
    if after <= n then train[#train + 1] = { after, n } end
    if #train == 0 then
      opts.raise("split.purged_kfold: purge %d and embargo %d leave fold %d of %d rows no training",
        o.purge, o.embargo, i, n)
    end
    folds[i] = { train = train, test = test }
  end
  return folds_of(folds)
end

--- Row numbers of one range or of an array of ranges, as an i64 tensor.
---     split.rows({ { 1, 2 }, { 5, 6 } })[3] --> 5
---@param ranges integer[]|integer[][]
---@return neap.tensor
function split.rows(ranges)
  opts.expect("split.rows", "ranges", ranges, "table")
  if type(ranges[1]) ~= "table" then ranges = { ranges } end
  local parts = {}
  for i, range in ipairs(ranges) do
    parts[i] = tensor.arange(range[1], range[2], 1, { dtype = "i64" })
  end
  return tensor.cat(parts)
end

--- Fit on the training part of every fold, judge on its test part. `D` is a dataset or a table
--- with `x` and `y`; `folds` come from `walk_forward`, `expanding` or `purged_kfold` of it.
---
--- `fit(train, i)` gets a dataset (a table with `x`, `y`, `weights`, `names` when D is one) and
--- returns a model; what it tunes or stops on must come out of `train`. `metrics` are names of
--- `neap.metrics` or `{ name, function(y, p) }`. Classifiers are judged by `predict_proba`, other
--- models by `predict`; `predict = "value"` or a function(model, test) says otherwise, which may
--- give the labels too (of windows there are fewer than rows).
---
--- The result prints as a table; it has `mean`, `sd` by metric, and `folds`, each with `values`,
--- `y`, `p`, `train_rows`, `test_rows`, `purged`, `from` and `to` (times of the test part), and
--- `model` when `keep_models` is set. Folds of one market are not independent: the standard
--- deviation over them says how much the result moves, not how sure the mean is.
---     local x = tensor.randn { 300, 2, seed = 1 }
---     local D = { x = x, y = x[{ {}, 1 }]:gt(0):to "i64" }
---     local folds = split.walk_forward(300, { train = 100, test = 50, purge = 5 })
---     local r = split.cross_validate(D, folds, {
---       fit = function(train) return linear.fit(train.x, train.y, { kind = "logistic" }) end,
---       metrics = { "auc", "log_loss" } })
---     #r.folds, r.mean.auc > 0.9 --> 4, true
---@param D neap.dataset|table
---@param folds table[]
---@param o { fit: function, metrics: table|string, predict: string|function,
--- keep_models: boolean, progress: boolean|function }
---@return table
function split.cross_validate(D, folds, o) return validate(D, folds, o) end

return split
