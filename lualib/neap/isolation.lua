--- Isolation forests: rows that few random cuts set apart from the others are anomalous.
---
--- `x` is a tensor of N rows by F features, f64 or f32, with any strides; values are taken as they
--- are. NaN says nothing of a row: where a cut asks for it, it goes to a side drawn when the tree
--- was made, by the shares of rows on both; a hyperplane takes it for its own middle. An infinity
--- is further out than everything. A model has the same bits at any number of threads.
local c = require "neap.c.isolation"
local class = require "neap.class"
local design = require "neap.design"
local estimator = require "neap.estimator"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local isolation = {}

---@class neap.isolation.Model
---@field threshold number scores above it are outliers
---@field contamination number|string as it was given
---@field feature_names string[]
---@field n_estimators integer
---@field max_samples integer rows that a tree was made of
---@field extension_level integer? coordinates of a hyperplane less one; nil for cuts along the axes
local Model = class "neap.isolation.Model"

class.strict(Model, "isolation forest", { "core", "threshold", "contamination", "feature_names",
  "n_estimators", "max_samples", "extension_level", "classes" },
  { decision_function = "m.threshold - m:score(x)", score_samples = "-m:score(x)",
    offset_ = "-m.threshold", fit = "isolation.fit(x, options)" })

local function wrap(core, names, threshold, contamination)
  local m = Model()
  local columns, trees, samples, width = core:sizes()
  m.core, m.threshold, m.contamination = core, threshold, contamination
  m.n_estimators, m.max_samples = trees, samples
  m.extension_level = width > 0 and width - 1 or nil
  m.feature_names = names or estimator.column_names(columns)
  return m
end

-- fitting ---------------------------------------------------------------------------------------

local defaults = {
  n_estimators = 100, max_samples = "auto", max_features = 1.0, contamination = "auto",
  extended = false, extension_level = opts.none, seed = 0, feature_names = opts.none,
}

local full_name = { num_trees = "n_estimators", num_iterations = "n_estimators",
  random_state = "seed" }

-- A number as it is, a share of n as a number.
local function number_of(name, value, n)
  if math.type(value) == "integer" then return value end
  if type(value) ~= "number" or not (value > 0 and value <= 1) then
    opts.raise("isolation.fit: %s is %s, expected a number of them or a share above 0 and at most "
      .. "1.0", name, tostring(value))
  end
  return math.max(1, math.floor(value * n))
end

local function check(o)
  local share = o.contamination
  if share ~= "auto" and not (type(share) == "number" and share > 0 and share <= 0.5) then
    opts.raise("isolation.fit: contamination is %s, expected 'auto' or a share above 0 and at most "
      .. "0.5", tostring(share))
  end
  if type(o.extended) ~= "boolean" then
    opts.raise("isolation.fit: extended must be true or false, got %s", type(o.extended))
  end
  if o.extension_level and not o.extended then
    opts.raise "isolation.fit: extension_level needs extended = true"
  end
end

--- Fit an isolation forest to rows most of which are ordinary: a tensor, a frame (its columns of
--- numbers), or a dataset, whose labels are not looked at.
---
--- Each of `n_estimators` (100) trees cuts `max_samples` rows ("auto": 256 or all, a number, or a
--- share) of `max_features` columns (a number or a share) at random. `contamination` says where
--- outliers begin: "auto" above the score 0.5, a share so that it is that share of the rows of
--- `x`. `extended = true` cuts by hyperplanes of random slope, of `extension_level + 1` coordinates
--- (all when nil): no traces along the axes, but columns of large values count for more, so scale
--- them before. `seed`, `feature_names`.
---
--- Sources: Liu, Ting, Zhou 2008; Hariri, Carrasco Kind, Brunner 2019. The depth that leaves of
--- several rows stand for uses exact harmonic numbers.
---     local x = tensor.randn { 200, 2, seed = 1 }
---     x:set(7, 1, 9)
---     local m = isolation.fit(x, { seed = 3 })
---     m:score(x):argmax() --> 7
---@param x neap.tensor|table
---@param o? table
---@return neap.isolation.Model
function isolation.fit(x, o)
  local names
  if design.is_data(x) then
    local data = x
    x, names = design.matrix(data.x)
    names = data.names or names
  else
    x, names = design.matrix(x)
  end
  o = opts.merge("isolation.fit", defaults, opts.full_names("isolation.fit", o, full_name))
  check(o)
  names = o.feature_names or names
  estimator.check_matrix("isolation.fit", x, names)
  local rows, columns = x:size(1), x:size(2)
  local samples = o.max_samples == "auto" and math.min(256, rows)
    or number_of("max_samples", o.max_samples, rows)
  local features = number_of("max_features", o.max_features, columns)
  local core = c.fit({ n_estimators = o.n_estimators, max_samples = samples, seed = o.seed,
    max_features = features, extension_level = o.extended and (o.extension_level or features - 1)
      or -1 }, x)
  local threshold = 0.5
  if o.contamination ~= "auto" then
    threshold = core:score(x):quantile(1 - o.contamination)
  end
  return wrap(core, names, threshold, o.contamination)
end

-- scoring ---------------------------------------------------------------------------------------

--- How anomalous rows are: N numbers in (0, 1). Near 1 few cuts isolate a row; ordinary rows are
--- below 0.5. It is 2^(-h / c): h is the mean number of cuts over the trees, c that in a search
--- tree of as many rows. (scikit-learn's score_samples is the negative of it.)
---     local x = tensor.randn { 100, 3, seed = 1 }
---     local s = isolation.fit(x):score(x)
---     s:min() > 0 and s:max() < 1 --> true
---@param x neap.tensor|table N x F; a frame, whose columns are found by the model's names; or a
--- dataset, whose names must be the model's, in their order
---@return neap.tensor
function Model:score(x)
  return self.core:score(design.inputs("isolation.score", x, self.feature_names))
end

--- The score of one row, the same as in a batch. Nothing is allocated when `x` is a plain f64
--- tensor of F numbers: fit for streams.
---     local x = tensor.randn { 100, 3, seed = 1 }
---     local m = isolation.fit(x)
---     m:score_row(x[5]) == m:score(x)[5] --> true
---@param x neap.tensor F numbers
---@return number
function Model:score_row(x) return self.core:score_row(x) end

--- 1 for ordinary rows, -1 for outliers, whose score is above `threshold` (N, i64).
---     local x = tensor.randn { 100, 3, seed = 1 }
---     isolation.fit(x, { contamination = 0.1 }):predict(x):eq(-1):sum() --> 10
---@param x neap.tensor|table
---@return neap.tensor
function Model:predict(x)
  return 1 - 2 * self:score(x):gt(self.threshold):to "i64"
end

function Model:__tostring()
  local columns, trees, samples, width = self.core:sizes()
  return ("isolation forest: %d trees of %d rows, %d features%s, outliers above %.4g"):format(trees,
    samples, columns, width > 0 and (", planes of %d coordinates"):format(width) or "",
    self.threshold)
end

-- files -----------------------------------------------------------------------------------------

local format = "neap isolation 1"

--- Write the model to a `.safetensors` file, whole or not at all. It holds arrays that any reader
--- of safetensors understands: `sizes` (columns, rows of a tree, coordinates of a hyperplane, 0 for
--- cuts along the axes), `threshold_score`, `tree_nodes` (nodes of each tree), and for every node
--- `left` (number of the left child within the tree, the right one follows; 0 at leaves), `height`
--- (what a leaf counts), and `feature` (from 0), `threshold`, `missing_left`; or for hyperplanes
--- `feature`, `normal` and `centre`: left if the sum of normal * (value - centre) is <= 0.
---     local x = tensor.randn { 100, 3, seed = 1 }
---     local m = isolation.fit(x)
---     local path = os.tmpname() .. ".safetensors"
---     m:save(path)
---     isolation.load(path):score(x):eq(m:score(x)):all() --> true
---     os.remove(path)
---@param path string
function Model:save(path)
  estimator.check_path("isolation.save", path)
  local columns, _, samples, width = self.core:sizes()
  local arrays = self.core:arrays()
  arrays.sizes = tensor.of({ columns, samples, width }, { dtype = "i64" })
  arrays.threshold_score = tensor.of { self.threshold }
  estimator.save(path, arrays, { format = format, contamination = tostring(self.contamination) },
    self.feature_names)
end

-- The array called name of that dtype with that many numbers.
local function small(arrays, path, name, dtype, n)
  local v = arrays[name]
  if not v or v.dtype ~= dtype or v:dim() ~= 1 or #v ~= n then
    opts.raise("isolation.load: '%s' has no array '%s' of %d %s", path, name, n, dtype)
  end
  return v:totable()
end

--- Read a model that `save` wrote. Raises on damaged or contradictory files.
---     pcall(isolation.load, "/nowhere/m.safetensors") --> false
---@param path string
---@return neap.isolation.Model
function isolation.load(path)
  local arrays, texts = estimator.load("isolation.load", path, format, "isolation forest")
  local sizes = small(arrays, path, "sizes", "i64", 3)
  local threshold = small(arrays, path, "threshold_score", "f64", 1)[1]
  if not (threshold >= 0 and threshold <= 1) then
    opts.raise("isolation.load: '%s': threshold_score is %s", path, tostring(threshold))
  end
  local core = c.read(arrays, sizes[1], sizes[2], sizes[3])
  local names = estimator.names_in("isolation.load", path, texts, sizes[1])
  return wrap(core, names, threshold, tonumber(texts.contamination) or "auto")
end

isolation.Model = Model

return isolation
