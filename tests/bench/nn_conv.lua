-- Convolutions and pooling against PyTorch, both at their best.
-- Usage: neap tests/bench/nn_conv.lua [task pattern] [batch] [threads]
-- Needs python3-torch; NEAP_PYTHON names the interpreter. batch is that of the order book tasks.
local beside = require "tests.bench.support.beside"
local grad = require "neap.grad"
local neap = require "neap"
local nn = require "neap.nn"
local tensor = require "neap.tensor"

local r = neap.rng(1)
local function randn(...) return tensor.randn { dtype = "f32", rng = r, ... } end

local function book_block(inputs, first, stride)
  return nn.Conv2d(inputs, 32, first, { stride = stride or 1 }), nn.LeakyReLU(),
    nn.Conv2d(32, 32, { 4, 1 }, { padding = "same" }), nn.LeakyReLU(),
    nn.Conv2d(32, 32, { 4, 1 }, { padding = "same" }), nn.LeakyReLU()
end

local function branch(taps)
  return nn.Sequential { nn.Conv2d(32, 32, 1), nn.LeakyReLU(),
    nn.Conv2d(32, 32, { taps, 1 }, { padding = "same" }), nn.LeakyReLU() }
end

-- The convolutions of DeepLOB (Zhang, Zohren and Roberts 2019) on 100 events of 40 features.
local function book_net()
  local layers = { book_block(1, { 1, 2 }, { 1, 2 }) }
  for _, layer in ipairs { book_block(32, { 1, 2 }, { 1, 2 }) } do layers[#layers + 1] = layer end
  for _, layer in ipairs { book_block(32, { 1, 10 }) } do layers[#layers + 1] = layer end
  layers[#layers + 1] = nn.Concat { branch(3), branch(5), nn.Sequential {
    nn.MaxPool2d({ 3, 1 }, { stride = 1, padding = { 1, 0 } }), nn.Conv2d(32, 32, 1),
    nn.LeakyReLU() } }
  return nn.Sequential(layers)
end

local function train(net, x, g)
  net:zero_grad()
  net(x):backward { gradient = g }
end

local function infer(net, x) grad.no_grad(net, x) end

local names = { "conv1d", "conv1d train", "book train", "book infer", "book infer 1",
  "long train", "max pool train" }
local tasks = {
  conv1d = function(d) infer(d.conv, d.series) end,
  ["conv1d train"] = function(d) train(d.conv, d.series, d.series_g) end,
  ["book train"] = function(d) train(d.book, d.books, d.books_g) end,
  ["book infer"] = function(d) infer(d.book, d.books) end,
  ["book infer 1"] = function(d) infer(d.book, d.one) end,
  ["long train"] = function(d) train(d.front, d.long, d.long_g) end,
  ["max pool train"] = function(d) train(d.pool, d.series, d.pool_g) end,
}

local function inputs(batch)
  return {
    conv = nn.Conv1d(40, 32, 3),
    series = randn(64, 100, 40):requires_grad_(),
    series_g = randn(64, 98, 32),
    book = book_net(),
    books = randn(batch, 100, 40, 1),
    books_g = randn(batch, 100, 1, 96),
    one = randn(1, 100, 40, 1),
    front = nn.Sequential { nn.Conv1d(64, 32, 5, { padding = "same" }), nn.ReLU(),
      nn.MaxPool1d(4), nn.Conv1d(32, 32, 5, { padding = "same" }), nn.ReLU(), nn.MaxPool1d(4) },
    long = randn(8, 8640, 64),
    long_g = randn(8, 540, 32),
    pool = nn.MaxPool1d(2),
    pool_g = randn(64, 50, 40),
  }
end

beside { bench = "nn_conv", peer = "torch", names = names, tasks = tasks, inputs = inputs }
