--- Transformers that are fitted on the training part and applied anywhere: scaling, ranks, missing
--- values, categories, principal components, and chains of them.
---
--- `p = preprocess.standard():fit(train)` learns from a frame, a dataset or a tensor of N x F;
--- `p:apply(x)` gives back what it was given: a frame whose other columns stay as they are, a
--- dataset with other `x` and `names`, a tensor. Of a frame all columns of numbers are taken, or
--- those that the option `columns` names (positions for a tensor, whose columns are called x1, x2,
--- ...). Frames are searched by name, so their order does not matter; datasets must have the fitted
--- names in the fitted order, tensors as many columns. What is computed has f64; columns and
--- matrices that were f32 come back as f32. Weights are not used.
---
--- **The future.** Rows that lie before the end of the rows a transformer was fitted on, and were
--- not among them, are refused: their values would be scaled by what came later. `{ allow_future =
--- true }` applies it all the same. This looks at the column `time` (another by the option `time`
--- of `fit`), and at a category `symbol` (option `by`) beside it; rows without times are not
--- checked.
---
--- NaN is a missing value: statistics leave it out, and it stays NaN, except where a function says
--- otherwise. A column of one value gets the scale 1 and is listed in `p.constant`; one without any
--- value gives NaN and is listed in `p.empty`. Infinite values among the fitted rows are an error
--- that names the place.
local class = require "neap.class"
local clock = require "neap.clock"
local opts = require "neap.opts"
local past = require "neap.preprocess.past"
local sheet = require "neap.preprocess.sheet"
local step = require "neap.preprocess.step"
local store = require "neap.preprocess.store"
local tensor = require "neap.tensor"

local preprocess = {}

local kinds = {}
for _, part in ipairs { "scale", "rank", "impute", "encode", "pca" } do
  for name, kind in pairs(require("neap.preprocess." .. part)) do
    if type(kind) == "table" then
      kind.name = name
      kinds[name] = kind
    end
  end
end

---@class neap.Transformer
---@field inputs string[]? of a fitted one: the columns it takes, numbers before text
---@field constant string[]? columns that held one value only
---@field empty string[]? columns that held no value
---@field first_time integer? the span of the rows it was fitted on, ns
---@field last_time integer?
local Transformer = class "neap.Transformer"

class.strict(Transformer, "transformer",
  { "steps", "schema", "seen", "time", "by", "inputs", "constant", "empty", "first_time",
    "last_time" },
  { fit_transform = "p = p:fit(train), then p:apply(train)",
    transform = "p:apply(x), after p = p:fit(train)",
    inverse_transform = "p:inverse(x)", partial_fit = "p = p:fit(train), on all of it",
    get_feature_names_out = "p:names()", mean_ = "p:statistics()", scale_ = "p:statistics()" })

local function new(name, o)
  local kind, where = kinds[name], "preprocess." .. name
  local defaults = { columns = opts.none }
  for key, value in pairs(kind.options) do defaults[key] = value end
  o = opts.merge(where, defaults, o)
  local columns = o.columns
  o.columns = nil
  if type(columns) == "string" then columns = { columns } end
  if columns ~= nil then
    opts.expect(where, "option 'columns'", columns, "table")
    if #columns == 0 then opts.raise("%s: columns is empty", where) end
  end
  kind.check(where, o)
  local t = Transformer()
  t.steps = { { kind = kind, o = o, columns = columns, where = where } }
  return t
end

local function is_fitted(t) return t.schema ~= nil end

local function check_fitted(t, where)
  if not is_fitted(t) then opts.raise("%s: it is not fitted yet; p = p:fit(train)", where) end
end

function Transformer.__tostring(t)
  local parts = {}
  for i, s in ipairs(t.steps) do parts[i] = s.kind.name end
  local text = table.concat(parts, ", ")
  if not is_fitted(t) then return ("transformer (%s), not fitted"):format(text) end
  local notes = {}
  for _, note in ipairs { "constant", "empty" } do
    if #t[note] > 0 then notes[#notes + 1] = note .. ": " .. table.concat(t[note], ", ") end
  end
  if t.last_time then
    notes[#notes + 1] = ("fitted on %s to %s"):format(clock.print(t.first_time),
      clock.print(t.last_time))
  end
  return ("transformer (%s), %d columns to %d%s"):format(text, #t.inputs, #t:names(),
    #notes > 0 and "; " .. table.concat(notes, "; ") or "")
end

-- The names that several steps noted, each once.
local function gather_notes(steps, field)
  local out, seen = {}, {}
  for _, s in ipairs(steps) do
    for _, name in ipairs(s[field]) do
      if not seen[name] then
        seen[name] = true
        out[#out + 1] = name
      end
    end
  end
  return out
end

-- A fitted transformer from its parts.
local function assemble(parts)
  local t = Transformer()
  t.steps, t.schema, t.seen, t.time, t.by =
    parts.steps, parts.inputs, parts.seen, parts.time, parts.by
  t.inputs = table.move(t.schema.numbers, 1, #t.schema.numbers, 1, {})
  table.move(t.schema.texts, 1, #t.schema.texts, #t.inputs + 1, t.inputs)
  t.constant, t.empty = gather_notes(t.steps, "constant"), gather_notes(t.steps, "empty")
  if t.seen then t.first_time, t.last_time = t.seen.first, t.seen.last end
  return t
end

-- fitting and applying ----------------------------------------------------------------------------

--- A transformer fitted on `data`; the one that is asked stays unfitted. Raises when there is no
--- row, a column is missing, or a step cannot learn from what it is given. `time` and `by` name the
--- columns that say which rows these were.
---     local p = preprocess.standard():fit(tensor.of { { 1 }, { 3 } })
---     p:apply(tensor.of { { 4 } })[1][1] --> 2.0
---@param data neap.frame|neap.tensor|table
---@param o? { time: string, by: string }
---@return neap.Transformer
function Transformer:fit(data, o)
  local where = self.steps[1].where .. ": fit"
  o = opts.merge(where, { time = "time", by = "symbol" }, o)
  local s, inputs = sheet.of_training(where, data, self.steps, o)
  if s.n == 0 then opts.raise("%s: there are no rows", where) end
  local parts = { steps = {}, inputs = inputs, seen = past.of(s), time = o.time, by = o.by }
  for i, spec in ipairs(self.steps) do
    parts.steps[i] = step.fit(spec, s)
    if i < #self.steps then s = step.apply(parts.steps[i], s) end
  end
  return assemble(parts)
end

local function run(t, s, memory)
  for i, each in ipairs(t.steps) do
    if memory then memory[i] = memory[i] or {} end
    s = step.apply(each, s, memory and memory[i])
  end
  return s
end

--- The rows of a frame, dataset or tensor transformed. Rows of the past of the fitted ones are
--- refused unless `allow_future` (see above).
---     local f = frame.new { { "x", { 1, 3 } }, { "note", { "a", "b" } } }
---     local g = preprocess.minmax({ columns = { "x" } }):fit(f):apply(f)
---     g.x[2] .. g.note[2] --> 1.0b
---@generic T
---@param data T
---@param o? { allow_future: boolean }
---@return T
function Transformer:apply(data, o)
  local where = self.steps[1].where .. ": apply"
  check_fitted(self, where)
  o = opts.merge(where, { allow_future = false }, o)
  local s = sheet.of_data(where, data, self.schema, self)
  if self.seen and not o.allow_future then past.check(self.seen, s, where) end
  return sheet.like(where, run(self, s), data, self.inputs)
end

local function outputs_of(t)
  local last = t.steps[#t.steps]
  local texts, list = {}, {}
  for _, name in ipairs(t.schema.texts) do texts[name] = true end
  for _, s in ipairs(t.steps) do
    for _, name in ipairs(s.texts) do texts[name] = nil end
  end
  for name in pairs(texts) do list[#list + 1] = name end
  table.sort(list)
  return { numbers = last.names_out, texts = list, named = t.schema.named }
end

--- The names of the columns that come out, in order.
---     local p = preprocess.impute({ indicator = true }):fit(tensor.of { { 1 }, { 0 / 0 } })
---     table.concat(p:names(), " ") --> x1 x1_missing
---@return string[]
function Transformer:names()
  check_fitted(self, self.steps[1].where .. ": names")
  local out = outputs_of(self)
  local names = table.move(out.numbers, 1, #out.numbers, 1, {})
  return table.move(out.texts, 1, #out.texts, #names + 1, names)
end

--- The way back, from what `apply` gave to what it was given, as far as it is known: winsorized and
--- imputed numbers stay as they are, components that were left out are taken as 0, categories that
--- were unknown are missing.
---     local x = tensor.of { { 1 }, { 3 } }
---     local p = preprocess.standard():fit(x)
---     p:inverse(p:apply(x))[2][1] --> 3.0
---@generic T
---@param data T
---@return T
function Transformer:inverse(data)
  local where = self.steps[1].where .. ": inverse"
  check_fitted(self, where)
  local out = outputs_of(self)
  local s = sheet.of_data(where, data, out, self)
  for i = #self.steps, 1, -1 do s = step.inverse(self.steps[i], s) end
  return sheet.like(where, s, data, self:names())
end

-- rows --------------------------------------------------------------------------------------------

-- What a row becomes: an array when it was one, else a table by name.
local function give_row(s, row)
  local values = s.x:size(2) > 0 and s.x:reshape(s.x:size(2)):totable() or {}
  if row[1] ~= nil then return values end
  local out = {}
  for i, name in ipairs(s.names) do out[name] = values[i] end
  for name, text in pairs(s.texts) do out[name] = text.labels[text.codes:get(1)] or false end
  return out
end

local function remembers(t)
  for _, s in ipairs(t.steps) do
    if s.kind.remembers and s.kind.remembers(s.o) then return s.where end
  end
end

--- One row: numbers in the order of `inputs`, or a table by name (text as strings, false where
--- missing); the result is of the same form, its bits those of `apply`. A row has no time here, so
--- nothing is refused. Steps that remember rows (impute with "forward") need `stream`.
---     local p = preprocess.standard():fit(tensor.of { { 1, 5 }, { 3, 9 } })
---     p:apply_row({ 4, 7 })[1] --> 2.0
---     p:apply_row({ x1 = 4, x2 = 7 }).x2 --> 0.0
---@param row table
---@return table
function Transformer:apply_row(row)
  local where = self.steps[1].where .. ": apply_row"
  check_fitted(self, where)
  local memory = remembers(self)
  if memory then
    opts.raise("%s: %s fills from earlier rows; s = p:stream() remembers them, then s:push(row)",
      where, memory)
  end
  return give_row(run(self, sheet.of_row(where, row, self.schema, self.by)), row)
end

---@class neap.Transformer.stream
local Stream = class "neap.Transformer.stream"

--- Rows one after the other, as in `apply_row`, each with the bits that `apply` gives the same
--- rows together. A row with a field `by` ("symbol") is filled from rows of its own.
---     local x = tensor.of { { 1 }, { 0 / 0 } }
---     local s = preprocess.impute({ method = "forward" }):fit(x):stream()
---     s:push { 5 }
---     s:push({ 0 / 0 })[1] --> 5.0
---@return neap.Transformer.stream
function Transformer:stream()
  check_fitted(self, self.steps[1].where .. ": stream")
  local s = Stream()
  s.transformer, s.memory = self, {}
  return s
end

--- The next row; see `stream`.
---     preprocess.standard():fit(tensor.of { { 1 }, { 3 } }):stream():push({ 4 })[1] --> 2.0
---@param row table
---@return table
function Stream:push(row)
  local t = self.transformer
  local s = sheet.of_row(t.steps[1].where .. ": push", row, t.schema, t.by)
  return give_row(run(t, s, self.memory), row)
end

-- looking and keeping -----------------------------------------------------------------------------

--- What the step number `i` (the last one) learned, as a frame: one row for each of its columns of
--- numbers, or for each component of pca. Steps that learn no number of a column give its name.
---     preprocess.standard():fit(tensor.of { { 1 }, { 3 } }):statistics().center[1] --> 2.0
---@param i? integer
---@return neap.frame
function Transformer:statistics(i)
  local where = self.steps[1].where .. ": statistics"
  check_fitted(self, where)
  local s = self.steps[i == nil and #self.steps or opts.integer(where, "i", i, 1, #self.steps)]
  local names, rows = s.numbers, #s.numbers
  if s.kind.name == "pca" then names, rows = s.names_out, #s.state.variance end
  if s.kind.name == "pca" then names = table.move(names, #names - rows + 1, #names, 1, {}) end
  local columns, keys = { { "column", rows > 0 and names or tensor.zeros { 0 } } }, {}
  for key, value in pairs(s.state) do
    if type(value) == "userdata" and #value.shape == 1 and #value == rows then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    if not (s.kind.name == "pca" and key == "mean") then
      columns[#columns + 1] = { key, s.state[key] }
    end
  end
  return require("neap.frame").new(columns)
end

--- Write a fitted transformer as JSON, large tables beside it in `<path>-<sum>.safetensors`. All
--- numbers come back bit for bit. The file under its name is whole at any moment.
---     local p = preprocess.standard():fit(tensor.of { { 1 }, { 3 } })
---     local folder = file.temporary_folder()
---     p:save(folder .. "/scaler.json")
---     preprocess.load(folder .. "/scaler.json"):apply_row({ 4 })[1] --> 2.0
---     file.remove_tree(folder)
---@param path string
function Transformer:save(path)
  check_fitted(self, self.steps[1].where .. ": save")
  store.save(path, { steps = self.steps, inputs = self.schema, seen = self.seen, time = self.time,
    by = self.by })
end

--- Read what `save` wrote. Raises on files that are missing, damaged, of a later version or
--- something else.
---     pcall(preprocess.load, "/nowhere/scaler.json") --> false
---@param path string
---@return neap.Transformer
function preprocess.load(path)
  return assemble(store.load("preprocess.load", path, kinds))
end

-- transformers ------------------------------------------------------------------------------------

--- (x - mean) / deviation of each column; the deviation is that of the rows themselves (ddof 0), as
--- in scikit-learn. `center = false` leaves the mean, `scale = false` the deviation.
---     local p = preprocess.standard():fit(tensor.of { { 1, 5 }, { 3, 5 } })
---     p:apply(tensor.of { { 3, 6 } }):sum() --> 2.0
---     p.constant[1] --> x2
---@param o? { columns: string[], center: boolean, scale: boolean }
---@return neap.Transformer
function preprocess.standard(o) return new("standard", o) end

--- The smallest fitted number becomes `range[1]` (0), the largest `range[2]` (1); others lie where
--- they fall, or within the range with `clip`.
---     local p = preprocess.minmax({ range = { -1, 1 } }):fit(tensor.of { { 0 }, { 4 } })
---     p:apply(tensor.of { { 1 }, { 8 } }):totable()[2][1] --> 3.0
---@param o? { columns: string[], range: number[], clip: boolean }
---@return neap.Transformer
function preprocess.minmax(o) return new("minmax", o) end

--- (x - median) / distance between two `quantiles` ({0.25, 0.75}), which outliers hardly move. With
--- `unit_variance` the distance is divided by that of the standard normal.
---     local p = preprocess.robust():fit(tensor.of { { 1 }, { 2 }, { 3 }, { 4 }, { 1e9 } })
---     p:apply_row({ 5 })[1] --> 1.0
---@param o? { columns: string[], quantiles: number[], center: boolean, scale: boolean } and
--- unit_variance: boolean
---@return neap.Transformer
function preprocess.robust(o) return new("robust", o) end

--- The natural logarithm. Numbers of 0 or less among the fitted rows are an error that names the
--- place, and later give NaN.
---     preprocess.log():fit(tensor.of { { 1 } }):apply_row({ 1 })[1] --> 0.0
---@param o? { columns: string[] }
---@return neap.Transformer
function preprocess.log(o) return new("log", o) end

--- log(1 + x), exact near 0; -1 or less as in `log`. `signed` takes sign(x) log(1 + |x|), which has
--- a value everywhere.
---     local p = preprocess.log1p({ signed = true }):fit(tensor.of { { 1 } })
---     p:apply_row({ -3 })[1] == -math.log(4) --> true
---@param o? { columns: string[], signed: boolean }
---@return neap.Transformer
function preprocess.log1p(o) return new("log1p", o) end

--- Numbers outside the quantiles `limits` ({0.01, 0.99}) of the fitted ones moved to these. Takes
--- infinite values.
---     local p = preprocess.winsorize({ limits = { 0, 0.5 } })
---     p:fit(tensor.of { { 1 }, { 2 }, { 9 } }):apply_row({ 100 })[1] --> 2.0
---@param o? { columns: string[], limits: number[] }
---@return neap.Transformer
function preprocess.winsorize(o) return new("winsorize", o) end

--- The share of the fitted numbers below, 0 to 1: linear between `points` (1000) quantiles evenly
--- spread, numbers that occur often in the middle of their share. As scikit-learn's
--- QuantileTransformer to a uniform distribution, which gives 0 and 1 to a smallest and largest
--- number that occur often.
---     local p = preprocess.rank():fit(tensor.of { { 1 }, { 2 }, { 4 } })
---     p:apply_row({ 3 })[1] --> 0.75
---@param o? { columns: string[], points: integer }
---@return neap.Transformer
function preprocess.rank(o) return new("rank", o) end

--- The normal deviate of the share that `rank` gives, which makes any column look normal; within
--- 5.2 deviations. As scikit-learn's QuantileTransformer to a normal distribution, with the
--- difference that `rank` names.
---     local p = preprocess.quantile_normal():fit(tensor.of { { 1 }, { 2 }, { 4 } })
---     p:apply_row({ 2 })[1] --> 0.0
---@param o? { columns: string[], points: integer }
---@return neap.Transformer
function preprocess.quantile_normal(o) return new("quantile_normal", o) end

--- Missing numbers filled: by the "mean" or "median" of the fitted ones (a column without any is an
--- error), by a "constant" `value`, or "forward" by the last number above it, in data that have
--- `symbol` by that of the same symbol; what comes before the first stays NaN. `indicator = true`
--- adds a column `<name>_missing` of 0 and 1 for each column that had missing numbers when fitted,
--- "all" for every column.
---     local p = preprocess.impute({ method = "mean" }):fit(tensor.of { { 1 }, { 3 }, { 0 / 0 } })
---     p:apply_row({ 0 / 0 })[1] --> 2.0
---@param o? { columns: string[], method: "median"|"mean"|"forward"|"constant", value: number } and
--- indicator: boolean|"all"
---@return neap.Transformer
function preprocess.impute(o) return new("impute", o) end

--- A column `<name>_<category>` of 0 and 1 for each category that the fitted rows hold, sorted, in
--- place of columns of text (all of them, unless `columns` names some; columns of numbers are
--- taken when named). `categories = { name = { ... } }` lists them instead. Missing values have no
--- 1. What was not there when fitted is an error; with `unknown = "missing"` it has no 1, with
--- "code" it has a column `<name>_unknown`.
---     local f = frame.new { { "side", { "buy", "sell" } } }
---     preprocess.one_hot():fit(f):apply(f).side_sell[2] --> 1.0
---@param o? { columns: string[], unknown: "error"|"missing"|"code", categories: table }
---@return neap.Transformer
function preprocess.one_hot(o) return new("one_hot", o) end

--- Categories as numbers 1, 2, ... in sorted order, or in that of `categories = { name = {...} }`;
--- NaN where missing. Columns as in `one_hot`; with `unknown = "missing"` what was not there when
--- fitted is NaN, with "code" one more than the last.
---     local f = frame.new { { "size", { "S", "L", "M" } } }
---     local sizes = { size = { "S", "M", "L" } }
---     preprocess.ordinal({ categories = sizes }):fit(f):apply(f).size[2] --> 3.0
---@param o? { columns: string[], unknown: "error"|"missing"|"code", categories: table }
---@return neap.Transformer
function preprocess.ordinal(o) return new("ordinal", o) end

--- Principal components `pca_1`, `pca_2`, ... in place of the columns: projections on the
--- eigenvectors of their covariance, by falling variance. `components` is how many, or the share of
--- the variance (0.95) that the fewest of them exceed; all when absent. The largest weight of each
--- (the first of equals) is positive. `whiten` divides each by its deviation. Missing numbers are
--- an error when fitted, and later make the row NaN. Scale the columns before, as in
--- `chain { standard(), pca() }`.
---     local x = tensor.of { { 1, 2 }, { 2, 4 }, { 3, 6 } }
---     local p = preprocess.pca({ components = 1 }):fit(x)
---     p:statistics().share[1] > 0.999 --> true
---@param o? { columns: string[], components: number, whiten: boolean }
---@return neap.Transformer
function preprocess.pca(o) return new("pca", o) end

--- Transformers one after the other, as one: each is fitted on what those before it give. Columns
--- named in a later one may come from an earlier one.
---     local p = preprocess.chain { preprocess.impute(), preprocess.standard() }
---     p:fit(tensor.of { { 1 }, { 3 }, { 0 / 0 } }):apply_row({ 0 / 0 })[1] --> 0.0
---@param list neap.Transformer[]
---@return neap.Transformer
function preprocess.chain(list)
  opts.expect("preprocess.chain", "the transformers", list, "table")
  local t = Transformer()
  t.steps = {}
  for i, each in ipairs(list) do
    if not class.is(each, Transformer) then
      opts.raise("preprocess.chain: number %d is a %s, a transformer is expected", i,
        opts.kind(each))
    end
    if is_fitted(each) then
      opts.raise("preprocess.chain: number %d is fitted already; a chain fits its parts itself", i)
    end
    for _, s in ipairs(each.steps) do t.steps[#t.steps + 1] = s end
  end
  if #t.steps == 0 then opts.raise("preprocess.chain: at least one transformer is needed") end
  return t
end

preprocess.Transformer = Transformer

return preprocess
