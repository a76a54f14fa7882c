--- Loaders: the batches of an epoch, in an order that depends on the seed and the epoch alone;
--- loaded by neap.nn.
local class = require "neap.class"
local nn = require "neap.nn.public"
local opts = require "neap.opts"
local source = require "neap.nn.source"
local tensor = require "neap.tensor"

local loader = {}

--- Batches of samples.
---@class neap.nn.Loader
---@field rows integer samples
---@field batch_size integer
---@field epochs integer? how many will be asked for, where that is known
local Loader = class "neap.nn.Loader"
loader.Loader = Loader

--- A loader from sources; `y` and `w` (a tensor) may be nil. Not shuffled before `follow`.
---@param x table
---@param y table?
---@param w neap.tensor?
---@param o { batch_size: integer, drop_last: boolean }
function Loader:init(x, y, w, o)
  self.x, self.y, self.w, self.rows = x, y, w, x.rows
  self.batch_size, self.orders = o.batch_size, {}
  self.steps = (x.rows + (o.drop_last and 0 or o.batch_size - 1)) // o.batch_size
end

--- Draw the order of every epoch from that stream; nil is the order of the rows.
---     local L = nn.loader(tensor.arange(5))
---     L:follow(neap.rng(7))
---     L:order(1):sum() --> 15
---@param stream neap.rng?
function Loader:follow(stream) self.stream, self.orders = stream, {} end

function Loader:__len() return self.steps end

function Loader:__tostring()
  return ("loader of %d samples: %d batches of %d%s"):format(self.rows, self.steps, self.batch_size,
    self.stream and ", shuffled" or "")
end

-- Positions in random order. Of arrays on disk blocks are shuffled, then the rows of so many blocks
-- as fit in memory: rows are sorted by the group of their block and a random number below 1.
local function shuffled(self, rng)
  local block = self.x.block
  if not block then return tensor.permutation(self.rows, { rng = rng }) end
  local blocks = (self.rows + block - 1) // block
  local rank = tensor.permutation(blocks, { rng = rng }):argsort(1)
  local group = (rank - 1) // self.x.together
  local of_row = tensor.arange(0, self.rows - 1, 1, { dtype = "i64" }) // block + 1
  return (group:take(of_row) + tensor.rand { self.rows, rng = rng }):argsort(1)
end

--- The order of an epoch (i64), nil for the rows as they stand; the same whatever came before.
---     local L = nn.loader(tensor.arange(5), nil, { shuffle = true, seed = 7 })
---     L:order(2):sum() --> 15
---@param epoch integer
---@return neap.tensor?
function Loader:order(epoch)
  if not self.stream or self.rows == 0 then return nil end
  local known = self.orders
  if not known[epoch] then -- kept: this epoch's and its neighbour's, one of which may be read ahead
    self.orders = { [epoch - 1] = known[epoch - 1], [epoch + 1] = known[epoch + 1],
      [epoch] = shuffled(self, self.stream:split("epoch/" .. epoch)) }
  end
  return self.orders[epoch]
end

-- Have read what comes after position `last` of an epoch, while the net learns from what was read.
local function read_ahead(self, last, order, epoch)
  local following = epoch < (self.epochs or 0) and function() return self:order(epoch + 1) end
  if self.x.ahead then self.x:ahead(last, order, following) end
  if self.y and self.y ~= self.x and self.y.ahead then self.y:ahead(last, order, following) end
end

--- Batch i of an epoch: inputs, target, weights, and how many samples.
---     nn.loader(tensor.arange(5), nil, { batch_size = 2 }):batch(3, 1) --> tensor<f32>[1] {5}, ...
---@param i integer
---@param epoch integer
---@return neap.tensor|table x, neap.tensor? y, neap.tensor? weights, integer count
function Loader:batch(i, epoch)
  i = opts.integer("loader:batch", "i", i, 1, self.steps)
  local order = self:order(opts.integer("loader:batch", "epoch", epoch, 1))
  local first = (i - 1) * self.batch_size + 1
  local last = math.min(first + self.batch_size - 1, self.rows)
  local x = self.x:get(first, last, order)
  local y = self.y == self.x and x or self.y and self.y:get(first, last, order)
  read_ahead(self, last, order, epoch)
  local w = self.w and (order and self.w:take(order:slice(1, first, last))
    or self.w:slice(1, first, last))
  return x, y, w, last - first + 1
end

--- The batches of an epoch, for a loop of one's own.
---     local L = nn.loader(tensor.arange(6):view(3, 2), tensor.of { 1, 2, 3 }, { batch_size = 2 })
---     local rows = 0
---     for _, x in L:batches(1) do rows = rows + #x end
---     rows --> 3
---@param epoch integer
---@return function
function Loader:batches(epoch)
  local i = 0
  return function()
    if i == self.steps then return nil end
    i = i + 1
    return i, self:batch(i, epoch)
  end
end

--- Raise unless w are weights for that many rows.
---@param where string
---@param w any
---@param rows integer
---@return neap.tensor
function loader.weights(where, w, rows)
  if type(w) == "table" then w = tensor.of(w) end
  opts.expect(where, "weights", w, "tensor")
  if w:dim() ~= 1 or #w ~= rows then
    opts.raise("%s: weights are [%s], %d are needed, one for each sample", where,
      table.concat(w.shape, "x"), rows)
  end
  local bad = ~(w:to("f64"):ge(0) & w:to("f64"):isfinite())
  if bad:any() then
    local at = bad:nonzero()[1]
    opts.raise("%s: weight %d is %s, must be finite and not negative", where, at,
      w[at] ~= w[at] and "nan" or ("%.14g"):format(w[at]))
  end
  if rows > 0 and w:sum() == 0 then opts.raise("%s: all weights are 0", where) end
  return w
end

--- Batches of x, with y where there is one: `for i, xb, yb, wb, n in L:batches(epoch) do`.
---
--- x and y are tensors, windows of a dataset (nothing is copied before a batch is asked for),
--- frames or Zarr arrays (chunks are read when their rows are due; with `shuffle` chunks come in
--- random order, and rows are shuffled among as many chunks as fit in 64 MB), x also an array or a
--- table by name of several. Windows bring their labels along when y is nil. With `shuffle` the
--- order of an epoch comes from `seed` (or `rng`) and its number alone, so that any epoch can be
--- had again, at any number of threads. Floats are cast to `dtype`, integers stay. Raises where x
--- is NaN unless `allow_nan`, and on lengths that differ.
---     local L = nn.loader(tensor.arange(5), nil, { batch_size = 2, shuffle = true, seed = 7 })
---     #L, L:batch(3, 1).shape[1] --> 3, 1
---@param x any
---@param y? any
---@param o? { batch_size: integer, shuffle: boolean, drop_last: boolean, dtype: string } and
---  seed, rng, weights, allow_nan
---@return neap.nn.Loader
function nn.loader(x, y, o)
  o = opts.merge("nn.loader", { batch_size = 32, shuffle = false, drop_last = false, dtype = "f32",
    seed = opts.none, rng = opts.none, weights = opts.none, allow_nan = false }, o)
  local as = { dtype = o.dtype, allow_nan = o.allow_nan }
  if y == nil and source.is_windows(x) then y = x.y end
  local sx = source.of("nn.loader: x", x, as)
  local sy = y ~= nil and (y == x and sx or source.of("nn.loader: y", y, as)) or nil
  if sy and sy.rows ~= sx.rows then
    opts.raise("nn.loader: y has %d rows, x has %d", sy.rows, sx.rows)
  end
  local w = o.weights and loader.weights("nn.loader", o.weights, sx.rows):to(o.dtype)
  local out = Loader(sx, sy, w, { drop_last = o.drop_last,
    batch_size = opts.integer("nn.loader", "option 'batch_size'", o.batch_size, 1) })
  out:follow(o.shuffle and loader.stream("nn.loader", o) or nil)
  return out
end

--- The stream that options `rng` or `seed` name, else one from the run's generator.
---@param where string
---@param o { rng: neap.rng?, seed: integer? }
---@return neap.rng
function loader.stream(where, o)
  local neap = require "neap"
  if o.rng ~= nil then
    opts.expect(where, "option 'rng'", o.rng, "rng")
    return o.rng
  end
  if o.seed == nil then return neap.rng(neap.generator():integer(0, 1 << 53)) end
  return neap.rng(opts.integer(where, "option 'seed'", o.seed))
end

return loader
