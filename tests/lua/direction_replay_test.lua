-- No look-ahead in the main job: cut the file after bar t, and features, labels' known-at times and
-- predictions up to t are what they were with the whole file, bit for bit.
local command = require "tests.lua.command"
local features = require "neap.features"
local file = require "neap.file"
local frame = require "neap.frame"
local gbdt = require "neap.gbdt"
local labels = require "neap.labels"
local market = require "neap.market"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"
local yaml = require "neap.yaml"

local folder
before_each(function() folder = file.temporary_folder() end)
after_each(function() file.remove_tree(folder) end)

-- The bytes of the first n rows, as a hash.
local function bits(x, n)
  local path = folder .. "/bits.npy"
  tensor.save(path, x:slice(1, 1, n):contiguous())
  return file.sha256_file(path)
end

-- What the experiment makes of a file, with the model and the threshold that it is given.
local function replay(path, model, threshold, lookforward)
  local bars = market.validate(market.read_ohlcv(path), { policy = "drop" })
  local set = features.set(features.default(bars))
  local x = set:compute(bars):matrix(nil, { dtype = "f32" })
  local y, known_at = labels.threshold(bars, { lookforward = lookforward, threshold = threshold })
  return { n = #bars, time = bars.time, names = set:names(), x = x, y = y, known_at = known_at,
    p = model and model:predict_proba(x), lookback = set:lookback() }
end

-- Run the experiment on a file; its model, threshold, lookforward and predictions.
local function full_run(path, arguments)
  local r = command.run(folder, ("--data %s --out runs %s"):format(path, arguments))
  assert.equal(0, r.code, r.err)
  local run = folder .. "/runs/" .. file.list(folder .. "/runs")[1]
  local config = yaml.read(run .. "/config.yaml")
  return gbdt.load(run .. "/model.txt"), config.threshold, config.lookforward,
    frame.read_csv(run .. "/predictions.csv")
end

local function read_lines(path)
  local list = {}
  for line in file.read(path):gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

-- Rows whose label is known with n bars at hand.
local function check_cut(whole, part, lookforward)
  local n = part.n
  assert.same(whole.names, part.names)
  assert.equal(bits(whole.x, n), bits(part.x, n))
  assert.equal(bits(whole.p, n), bits(part.p, n))
  local known = n - lookforward
  assert.equal(bits(whole.y, known), bits(part.y, known))
  assert.equal(bits(whole.known_at, known), bits(part.known_at, known))
  assert.equal(lookforward, part.y:slice(1, known + 1, n):isnan():sum())
  -- No label is known before the bar that ends its horizon does.
  local last = part.time:get(known + lookforward)
  assert.is_true(part.known_at:get(known) > last)
end

local function check_file(path, arguments, cuts)
  local model, threshold, lookforward, predictions = full_run(path, arguments)
  local whole = replay(path, model, threshold, lookforward)
  -- The run itself gave these predictions to the test part.
  local first = whole.n - lookforward - #predictions + 1
  local raw = whole.p:slice(2, 2, 2):reshape(whole.n):slice(1, first, whole.n - lookforward)
  assert.equal(bits(raw, #predictions), bits(predictions.raw, #predictions))
  assert.equal(whole.time:get(first), predictions.time:get(1))
  local y = whole.y:slice(1, first, whole.n - lookforward)
  assert.equal(bits(y, #y), bits(predictions.label:to "f64", #y))

  local lines, cut_path = read_lines(path), folder .. "/cut.csv"
  for i = 1, cuts do
    local n = whole.lookback + lookforward + (whole.n - whole.lookback - lookforward) * i
      // (cuts + 1) + i -- from near the warm-up to near the end
    file.write(cut_path, table.concat(lines, "\n", 1, n + 1) .. "\n")
    local part = replay(cut_path, model, threshold, lookforward)
    assert.equal(n, part.n)
    check_cut(whole, part, lookforward)
  end
end

describe("a file cut after t gives the same rows up to t", function()
  it("on a made-up market", function()
    market.synthetic({ rows = 1500 }):write_csv(folder .. "/bars.csv")
    check_file(folder .. "/bars.csv", "--trees 30 --threshold 0.02", 20)
  end)

  it("on five-minute bars of ETH/BTC", function()
    local path = support.data "crypto/ETH_BTC-5m.csv.gz"
    if not path then return pending "data folder absent" end
    check_file(command.root .. "/" .. path, "--trees 60 --threshold 0.0037", 20)
  end)
end)
