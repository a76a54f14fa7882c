-- Losses with their gradients, steps of optimizers and clipping against PyTorch at its best.
-- Usage: neap tests/bench/nn_optim.lua [task pattern] [rows] [threads]
-- Needs python3-torch; NEAP_PYTHON names the interpreter. A time is that of rows / 10000 calls.
local beside = require "tests.bench.support.beside"
local neap = require "neap"
local nn = require "neap.nn"
local optim = require "neap.optim"
local tensor = require "neap.tensor"

local r = neap.rng(1)
local function randn(...) return tensor.randn { dtype = "f32", rng = r, ... } end

-- A loss of x against y, forward and backward.
local function graded(fn, x, y, o)
  x:requires_grad_()
  return function()
    x.grad = nil
    fn(x, y, o):backward()
  end
end

local function parameters(count, size)
  local list = {}
  for i = 1, count do
    list[i] = nn.param(randn(size))
    list[i].grad = randn(size)
  end
  return list
end

local function stepping(make, o, count, size)
  local opt = make(parameters(count or 20, size or 4516), o)
  return function() opt:step() end
end

local names = { "cross 64x3", "cross 64x3 smooth", "cross 4096x100", "bce 64", "mse 64", "huber 64",
  "mse 1e6", "Adam 90k", "Adam 1e6", "AdamW amsgrad 90k", "SGD momentum 90k", "RMSProp 90k",
  "clip_norm 90k" }

local function inputs(rows)
  local x64, y64 = randn(64), randn(64):abs():clamp(0, 1)
  local made = {
    ["cross 64x3"] = graded(nn.cross_entropy, randn(64, 3),
      tensor.randint { 64, low = 1, high = 3 }),
    ["cross 64x3 smooth"] = graded(nn.cross_entropy, randn(64, 3),
      tensor.randint { 64, low = 1, high = 3 },
      { label_smoothing = 0.1, class_weights = tensor.ones { 3 } }),
    ["cross 4096x100"] = graded(nn.cross_entropy, randn(4096, 100),
      tensor.randint { 4096, low = 1, high = 100 }),
    ["bce 64"] = graded(nn.bce_with_logits, x64:clone(), y64),
    ["mse 64"] = graded(nn.mse, x64:clone(), y64),
    ["huber 64"] = graded(nn.huber, x64:clone(), y64, { delta = 1 }),
    ["mse 1e6"] = graded(nn.mse, randn(1000000), randn(1000000)),
    ["Adam 90k"] = stepping(optim.Adam),
    ["Adam 1e6"] = stepping(optim.Adam, nil, 1, 1000000),
    ["AdamW amsgrad 90k"] = stepping(optim.AdamW, { amsgrad = true }),
    ["SGD momentum 90k"] = stepping(optim.SGD, { momentum = 0.9 }),
    ["RMSProp 90k"] = stepping(optim.RMSProp),
  }
  local clipped = parameters(20, 4516)
  made["clip_norm 90k"] = function() optim.clip_norm(clipped, 1) end
  return { calls = math.max(1, rows // 10000), made = made }
end

local tasks = {}
for _, name in ipairs(names) do
  tasks[name] = function(d)
    local call = d.made[name]
    for _ = 1, d.calls do call() end
  end
end

beside { bench = "nn_optim", peer = "torch", names = names, tasks = tasks, inputs = inputs }
