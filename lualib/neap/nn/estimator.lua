--- Nets with the face of estimators: `nn.fit(builder, D, options)` gives one; loaded by neap.nn.
local blueprint = require "neap.nn.blueprint"
local class = require "neap.class"
local design = require "neap.design"
local estimator = require "neap.estimator"
local fit = require "neap.nn.fit"
local grad = require "neap.grad"
local json = require "neap.json"
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"
local source = require "neap.nn.source"
local target = require "neap.nn.target"
local tensor = require "neap.tensor"

-- Samples that go through the net together when it predicts, and numbers in them.
local BATCH, NUMBERS = 1024, 1 << 22
local FORMAT = "neap net 1"

--- A fitted net; nothing changes it.
---@class neap.nn.Model
---@field classes integer[]? labels in the order of predict_proba; nil for numbers
---@field feature_names string[]? of the columns, where the data had names
---@field history neap.nn.History? how training went; nil when loaded
---@field num_features integer? columns of a row, or of a step of a window
---@field loss_name string
local Model = class "neap.nn.Model"

class.strict(Model, "nn model", { "own", "task", "classes", "feature_names", "history",
  "num_features", "loss_name", "dtype" }, { state = "m:net():state()",
  parameters = "m:net():parameters()", classes_ = "m.classes",
  feature_names_in_ = "m.feature_names", fit = "nn.fit(builder, D, options)",
  score = "metrics.report(y, m:predict_proba(x))", forward = "m:net()(x)",
  eval = "nothing, it is in evaluation", summary = "m:net():summary()",
  stream = "m:net():stream()" })

function Model:init(net, task, names, columns)
  self.own, self.task, self.feature_names = net, task, names
  self.classes, self.loss_name, self.dtype = task.classes, task.name, task.dtype
  self.num_features = columns
end

function Model:__tostring()
  return ("net %s: %d numbers, %s%s"):format(self.own.__name, self.own:num_parameters(),
    self.loss_name, self.classes and (", %d classes"):format(#self.classes) or "")
end

-- predicting --------------------------------------------------------------------------------------

local function opened(self, where, x)
  local named = (source.is_windows(x) and x.D) or (design.is_dataset(x) and x)
  if named and self.feature_names then
    design.same_names(where, named.names, self.feature_names)
  end
  if not source.is(x) and (design.is_frame(x) or design.is_dataset(x)) then
    x = design.inputs(where, x, self.feature_names)
  end
  local src = source.of(where .. ": x", x, { dtype = self.dtype, allow_nan = true })
  local columns = src.shape and src.shape[#src.shape]
  if columns and self.num_features and #src.shape > 1 and columns ~= self.num_features then
    opts.raise("%s: x has %d features, the net was fitted on %d", where, columns,
      self.num_features)
  end
  return src
end

-- Windows of many rows are large: fewer of them make a batch.
local function batch_of(src)
  local numbers = 0
  for _, part in ipairs(src.parts and opts.names(src.parts) or { false }) do
    local n, shape = 1, (part and src.parts[part] or src).shape
    for d = 2, #shape do n = n * shape[d] end
    numbers = numbers + n
  end
  return math.max(1, math.min(BATCH, NUMBERS // math.max(1, numbers)))
end

-- What `make` gives of the outputs for all samples, batch by batch.
local function predicted(self, where, x, make)
  opts.expect(where, "self", self, "table")
  local src = opened(self, where, x)
  if src.rows == 0 then opts.raise("%s: x has no rows", where) end
  return grad.no_grad(function()
    local parts, batch = {}, batch_of(src)
    for first = 1, src.rows, batch do
      local out = self.own(src:get(first, math.min(first + batch - 1, src.rows)))
      parts[#parts + 1] = make(out)
    end
    return #parts == 1 and parts[1] or tensor.cat(parts, 1)
  end)
end

--- Labels of the largest probabilities (i64), or numbers (f64; N where the net has one output).
--- NaN in x gives whatever the net makes of it.
---     local x = tensor.randn { 60, 2, seed = 1 }
---     local m = nn.fit(function(n, k) return nn.Linear(n, k) end, x, x[{ {}, 1 }]:gt(0),
---       { epochs = 2, seed = 1 })
---     m:predict(x).dtype --> i64
---@param x any rows as those it was fitted on: a tensor, a frame (columns are found by name), a
--- dataset, windows, or a table of inputs
---@return neap.tensor
function Model:predict(x)
  return predicted(self, "nn.predict", x, function(out) return self.task:values(out) end)
end

--- Probabilities, N x K in f64, columns in the order of `classes`.
---     local x = tensor.randn { 60, 2, seed = 1 }
---     local m = nn.fit(function(n, k) return nn.Linear(n, k) end, x, x[{ {}, 1 }]:gt(0),
---       { epochs = 2, seed = 1 })
---     m:predict_proba(x).shape[2] --> 2
---@param x any as in `predict`
---@return neap.tensor
function Model:predict_proba(x)
  opts.expect("nn.predict_proba", "self", self, "table")
  if not self.classes then
    opts.raise("nn.predict_proba: the net was fitted to numbers, and has no classes")
  end
  return predicted(self, "nn.predict_proba", x, function(out) return self.task:proba(out) end)
end

--- A copy of the net, in evaluation: for streams, files of other programs, or further training.
---     local x = tensor.randn { 60, 2, seed = 1 }
---     local m = nn.fit(function(n) return nn.Linear(n, 1) end, x, x[{ {}, 1 }], { epochs = 1 })
---     m:net():num_parameters() --> 3
---@return neap.nn.Layer
function Model:net()
  local copy = blueprint.build("nn: net", blueprint.of("nn: net", self.own)):to(self.dtype)
  return copy:load_state(self.own:state()):eval()
end

-- files -------------------------------------------------------------------------------------------

-- Arrays marked, as json.text wants them.
local function marked(v)
  if type(v) ~= "table" then return v end
  local out = {}
  for key, item in pairs(v) do out[key] = marked(item) end
  return (#out > 0 or next(out) == nil) and json.array(out) or out
end

--- Write the net to a `.safetensors` file, whole or not at all: its state under PyTorch's names,
--- and in the metadata how its layers were made, the classes and the names of features. Raises when
--- a layer was made with something that no file can keep, or changed after it was made.
---     local x = tensor.randn { 60, 2, seed = 1 }
---     local m = nn.fit(function(n) return nn.Linear(n, 1) end, x, x[{ {}, 1 }], { epochs = 1 })
---     local path = os.tmpname() .. ".safetensors"
---     m:save(path)
---     nn.load(path):predict(x):eq(m:predict(x)):all() --> true
---     os.remove(path)
---@param path string
function Model:save(path)
  estimator.check_path("nn.save", path)
  local plan, task = blueprint.of("nn.save", self.own), self.task
  if not blueprint.alike(blueprint.build("nn.save", plan), self.own) then
    opts.raise("nn.save: the net was changed after its layers were made, so that no file can tell "
      .. "how to make it again; write it as a class, nn.layer \"Name\", that does this in init")
  end
  local about = { classes = task.classes, kind = task.kind, loss = task.name, dims = task.dims,
    outputs = task.outputs, dtype = self.dtype, columns = self.num_features,
    names = self.feature_names }
  tensor.save(path, self.own:state(), { metadata = { format = FORMAT,
    about = json.text(marked(about)), plan = json.text(marked(plan)) } })
end

--- Read a net that `save` wrote. Classes of layers of one's own must be defined before. Raises on
--- files that are damaged or something else.
---     pcall(nn.load, "/nowhere/m.safetensors") --> false
---@param path string
---@return neap.nn.Model
function nn.load(path)
  local arrays, texts = estimator.load("nn.load", path, FORMAT,
    "net of neap; a state is read by net:load_state(tensor.load(path))")
  local about = json.decode(texts.about or "", path)
  local plan = json.decode(texts.plan or "", path)
  if type(about) ~= "table" or not json.is_array(plan) then
    opts.raise("nn.load: '%s' is damaged", path)
  end
  local function list(v) return v and table.move(v, 1, #v, 1, {}) end
  local net = blueprint.build("nn.load", plan):to(about.dtype)
  net:load_state(arrays)
  local task = target.again { kind = about.kind, name = about.loss, dims = about.dims,
    outputs = about.outputs, dtype = about.dtype, classes = list(about.classes) }
  return Model(net:eval(), task, list(about.names), about.columns)
end

-- fitting -----------------------------------------------------------------------------------------

--- A fitted estimator from a training.
---@param run table
---@return neap.nn.Model
local function finished(run)
  local shape = run.loader.x.shape
  local m = Model(run.net, run.task, run.names, shape and #shape > 1 and shape[#shape] or nil)
  m.history = run.history
  return m
end

--- Train a net, or make and train one.
---
--- `nn.fit(net, X, y, options)` trains `net` in place and gives its history; then the net is in
--- evaluation, `net(x)` predicts. `nn.fit(builder, D, options)` calls `builder(inputs, outputs, D)`
--- (columns of a row or of a step; classes, or 1 for numbers) for a net, trains that, and gives an
--- estimator, which nothing changes any more: `predict`, `predict_proba`, `classes`, `save`.
---
--- X and y are tensors (X also a frame or a Zarr array, which is read chunk by chunk), or in place
--- of both a dataset or windows of one, `D:windows { length = 60 }`, whose labels, weights and
--- times are taken along. X may be an array of inputs, or a table by name: the net is called with
--- one such table. `nn.fit(net, X, X)` has X repeated.
---
--- `loss` is the name of a loss of nn, { name, option = ... }, or a function(output, y, weights)
--- that gives a mean, without dims. Without it labels decide: whole numbers are classes where the
--- net has several outputs (cross_entropy) or where they are two (bce_with_logits, one output),
--- anything else is numbers (mse). Labels of classes are taken as they are, -1/0/1 as well as 1..K;
--- `classes` names them all where some do not occur.
---
--- Steps: `epochs` (10), `batch_size` (32), `shuffle` (true), `drop_last`, `accumulate` (batches
--- for one step), `optimizer` ("adam"; { "sgd", momentum = 0.9 }, one of optim made before, or a
--- function(params) that makes it), `lr`, `scheduler` (a function(opt, { epochs, steps }) that
--- gives a schedule), `schedule_every` ("epoch", with the watched value, or "step"), `clip_norm`,
--- `clip_value`, `ema` (decay of running means of the weights, which are judged and kept in place
--- of the weights).
---
--- Weights: `weights` for each sample (also of a dataset), and `half_life`: the newest sample
--- counts 1, one so many days ("30d", 30) older 1/2, by the times of the dataset or `times`.
---
--- Judging: `valid` ({ X, y }, { X, y, weights }, a dataset, windows), `metrics` of neap.metrics or
--- { name, function(y, p, weights), larger = true }, `early_stopping_rounds`,
--- `early_stopping_min_delta`, `stop_on` ("loss" or a metric), `restore` (the best weights; true
--- with early stopping).
---
--- Random draws (order, dropout, a builder's parameters) come from `seed` or `rng`, a stream of its
--- own, and bits are the same at any number of threads. `checkpoint = { path =, every = 1 }` keeps
--- everything in one file after so many epochs (`every_steps`: and steps), `resume = true` (or the
--- path of another one) goes on from it with the bits of a training that never stopped. `callbacks`
--- are { on_epoch =, on_batch = } (or several); false ends training. Ctrl-C ends it too, with the
--- history so far (`on_interrupt = "raise"` passes it on). `progress`, `allow_nan` (NaN in x).
---
--- A loss or gradient that is NaN or infinite raises with the step, figures of every layer, and the
--- last good checkpoint. So do NaN in x or y (saying where), labels that are no class, lengths that
--- differ, weights below 0, an empty set, and a batch larger than the set.
---     local x = tensor.randn { 200, 2, seed = 1 }
---     local y = (x[{ {}, 1 }] * x[{ {}, 2 }]):gt(0)
---     local net = nn.Sequential { nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2) }
---     local h = nn.fit(net, x, y, { epochs = 30, lr = 0.02, seed = 1 })
---     h.loss[30] < h.loss[1] --> true
---@param net neap.nn.Layer|function
---@param X any
---@param y any
---@param o? table
---@return neap.nn.History|neap.nn.Model
function nn.fit(net, X, y, o)
  if y ~= nil and not fit.is_target(y) then y, o = nil, y end
  if layer.is(net) then return fit.train(net, X, y, o).history end
  if type(net) ~= "function" then
    opts.raise("nn.fit: the first argument must be a net or a function that builds one, got %s",
      opts.kind(net))
  end
  return finished(fit.train(net, X, y, o))
end

return Model
