--- What nets learn from, as batches by position: tensors, windows of datasets, frames, Zarr arrays,
--- and several of these side by side. Floats are cast to the net's dtype, integers (numbers of
--- embeddings) stay what they are.
local design = require "neap.design"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local source = {}

local BUFFER = 64 << 20 -- bytes of a Zarr array that lie in memory for shuffled reading

local function name_of(x)
  local meta = type(x) ~= "string" and getmetatable(x)
  return type(meta) == "table" and rawget(meta, "__name") or type(x)
end

local function cast(t, dtype)
  return t.dtype ~= "i64" and t.dtype ~= "i32" and t:to(dtype) or t
end

-- "3, column 2" of the first true element of a mask of rows.
local function place(mask)
  local at = mask:reshape(-1):nonzero()[1] - 1
  local width = mask:numel() // #mask
  if width == 1 then return ("row %d"):format(at + 1), at + 1 end
  local row = at // width + 1
  return ("row %d, element %d of %d"):format(row, at % width + 1, width), row
end

local function refuse_nan(what, where_it_is)
  opts.raise("%s is nan at %s; leave such rows out, fill them, or pass allow_nan = true", what,
    where_it_is)
end

-- tensors -----------------------------------------------------------------------------------------

local Tensor = {}
Tensor.__index = Tensor

function Tensor:get(first, last, order)
  if not order then return self.x:slice(1, first, last) end
  return self.x:take(order:slice(1, first, last), 1)
end

--- Raise when x takes part in a gradient: its tape would be gone after the first step.
---@param what string
---@param x neap.tensor
function source.check_plain(what, x)
  if x.requires_grad then
    opts.raise("%s requires a gradient, and only the net is trained; pass x:detach()", what)
  end
end

local function of_tensor(what, x, o)
  source.check_plain(what, x)
  if x:dim() == 0 then opts.raise("%s is a tensor without dims, rows are needed", what) end
  local src = setmetatable({ rows = #x, x = cast(x, o.dtype), shape = x.shape, names = o.names },
    Tensor)
  if not o.allow_nan and #x > 0 and x.dtype:find "^f" then
    local bad = x:isnan()
    if bad:any() then refuse_nan(what, (place(bad))) end
  end
  return src
end

-- windows -----------------------------------------------------------------------------------------

local Windows = {}
Windows.__index = Windows

function Windows:get(first, last, order)
  if order then return (self.windows:batch(order:slice(1, first, last))) end
  return (self.windows:batch(first, last))
end

-- Windows that hold a NaN, counted by a running sum over the rows in their order.
local function check_windows(what, W)
  if #W == 0 then return end
  local holed = W.D.x:isnan():any(2)
  if not holed:any() then return end
  local seen = tensor.cat { tensor.zeros { 1, dtype = "i64" },
    holed:take(W.order):to("i64"):cumsum(1) }
  local inside = seen:take(W.ends + 1) - seen:take(W.ends - W.length + 1)
  local bad = inside:gt(0):nonzero()
  if #bad == 0 then return end
  refuse_nan(what, ("window %d, which ends at row %d of the dataset; windows { complete = true } "
    .. "leaves such windows out"):format(bad[1], W.rows[bad[1]]))
end

local function of_windows(what, W, o)
  if not o.allow_nan then check_windows(what, W) end
  local own = { D = { x = cast(W.D.x, o.dtype), names = W.D.names } }
  for name, value in next, W do own[name] = own[name] or value end
  return setmetatable({ rows = #W, windows = setmetatable(own, getmetatable(W)),
    shape = { #W, W.length, W.D.x:size(2) }, names = W.D.names }, Windows)
end

-- Zarr arrays -------------------------------------------------------------------------------------

local Zarr = {}
Zarr.__index = Zarr

-- The first and last row of block k (from 0).
local function bounds(self, k)
  return k * self.block + 1, math.min((k + 1) * self.block, self.rows)
end

-- The rows of block k.
local function read_block(self, k)
  local first, last = bounds(self, k)
  local promise = self.promised.blocks[k]
  local rows = promise and promise:take() or self.array:read { first, last }
  if not self.allow_nan and rows.dtype:find "^f" then
    local bad = rows:isnan()
    if bad:any() then
      local _, row = place(bad)
      refuse_nan(self.what, ("row %d of the array"):format(first - 1 + row))
    end
  end
  return cast(rows, self.dtype)
end

-- Rows first .. last of parts of a whole, part(k) being the rows k * size + 1 and so on.
local function across(first, last, size, part)
  local parts = {}
  for k = (first - 1) // size, (last - 1) // size do
    local before, rows = k * size, part(k)
    parts[#parts + 1] = rows:slice(1, math.max(first - before, 1), math.min(last - before, #rows))
  end
  return #parts == 1 and parts[1] or tensor.cat(parts, 1)
end

-- The rows at all positions, each block being read once.
local function gathered(self, positions)
  local at = (positions - 1) // self.block
  local parts, places = {}, {}
  for i, k in ipairs(at:unique():totable()) do
    places[i] = at:eq(k):nonzero()
    parts[i] = read_block(self, k):take(positions:take(places[i]) - k * self.block, 1)
  end
  if #parts == 1 then return parts[1] end
  return tensor.cat(parts, 1):take(tensor.cat(places, 1):argsort(1), 1)
end

-- The last block, or stretch of an order, that was read stays in memory.
local function remembered(self, order, k, make)
  if self.order ~= order or self.at ~= k then
    self.at, self.rows_at = nil, nil -- memory for the next one, and nothing if that fails
    self.rows_at = make()
    self.order, self.at = order, k
  end
  return self.rows_at
end

-- Rows in one piece: a block, and of a shuffled array a stretch of its order.
local function piece_of(self, order) return order and self.block * self.together or self.block end

local function stretch_of(self, order, k)
  local piece = piece_of(self, order)
  return order:slice(1, k * piece + 1, math.min((k + 1) * piece, #order))
end

function Zarr:get(first, last, order)
  return across(first, last, piece_of(self, order), function(k)
    return remembered(self, order, k, function()
      if not order then return read_block(self, k) end
      return gathered(self, stretch_of(self, order, k))
    end)
  end)
end

-- Promises of the blocks in piece k of an order, in place of those there were.
local function promise(self, order, k)
  local now = self.promised
  if (now.order == order and now.k == k) or (self.order == order and self.at == k) then return end
  for _, block in pairs(now.blocks) do block:drop() end
  local numbers = order and ((stretch_of(self, order, k) - 1) // self.block):unique():totable()
    or { k }
  self.promised = { order = order, k = k, blocks = {} }
  for _, block in ipairs(numbers) do
    local low, high = {}, {}
    for d = 1, #self.shape do low[d], high[d] = 1, self.shape[d] end
    low[1], high[1] = bounds(self, block)
    self.promised.blocks[block] = self.array.grid:ahead(low, high)
  end
end

-- Begin to read the piece behind the one that holds position `last`: in this order, else the first
-- of the order that `following` gives, if any.
function Zarr:ahead(last, order, following)
  local k = (last - 1) // piece_of(self, order) + 1
  if k * piece_of(self, order) < self.rows then return promise(self, order, k) end
  if following then promise(self, following(), 0) end
end

-- A block is a whole number of chunks; so many are shuffled together as the buffer holds.
local function of_zarr(what, a, o)
  local row = 8
  for d = 2, #a.shape do row = row * a.shape[d] end
  local chunk = a.chunks[1]
  local rows = chunk * math.max(1, 256 // chunk)
  local together = math.max(2, math.min(64, BUFFER // math.max(1, rows * row)))
  return setmetatable({ rows = a.shape[1], array = a, dtype = o.dtype, shape = a.shape, what = what,
    allow_nan = o.allow_nan, block = rows, together = together, promised = { blocks = {} } }, Zarr)
end

-- several -----------------------------------------------------------------------------------------

local Several = {}
Several.__index = Several

function Several:get(first, last, order)
  local batch = {}
  for _, key in ipairs(self.keys) do batch[key] = self.parts[key]:get(first, last, order) end
  return batch
end

function Several:ahead(...)
  for _, part in pairs(self.parts) do
    if part.ahead then part:ahead(...) end
  end
end

local function keys_of(what, x)
  local keys, named = {}, #x == 0
  for _, key in ipairs(opts.names(x)) do
    if named ~= (type(key) == "string") then
      opts.raise("%s: inputs are an array, or a table by name; here '%s' is in an array", what,
        tostring(key))
    end
    keys[#keys + 1] = key
  end
  if #keys == 0 then opts.raise("%s: the table of inputs is empty", what) end
  return keys
end

local function of_several(what, x, o)
  local src = setmetatable({ parts = {}, keys = keys_of(what, x) }, Several)
  for _, key in ipairs(src.keys) do
    local part_what = ("%s[%s]"):format(what, math.type(key) and key or ("%q"):format(key))
    local part = source.of(part_what, x[key], o)
    local first = src.parts[src.keys[1]]
    if first and part.rows ~= first.rows then
      opts.raise("%s has %d rows, input %s has %d", part_what, part.rows, tostring(src.keys[1]),
        first.rows)
    end
    src.parts[key] = part
    if (part.block or 0) > (src.block or 0) then
      src.block, src.together = part.block, part.together
    end
  end
  src.rows = src.parts[src.keys[1]].rows
  return src
end

-- all ---------------------------------------------------------------------------------------------

--- Whether x is one array of rows: a tensor, windows, or a Zarr array.
---@return boolean
function source.is(x)
  local name = name_of(x)
  return name == "neap.tensor" or name == "neap.dataset.Windows" or name == "neap.zarr.array"
end

--- Whether x is windows of a dataset.
---@return boolean
function source.is_windows(x) return name_of(x) == "neap.dataset.Windows" end

--- Whether x is a Zarr array.
---@return boolean
function source.is_zarr(x) return name_of(x) == "neap.zarr.array" end

--- The source of x: `rows`, and `get(first, last, order)`, the samples at these positions of
--- `order` (an i64 tensor, or nil: as they stand), in one tensor, or in a table where x is one.
--- Where reading ahead pays, `ahead(last, order, following)` begins with what comes after `last`.
--- Raises where a number is NaN, unless `allow_nan`; of a Zarr array when that block is read.
---@param what string x, for messages
---@param x any
---@param o { dtype: string, allow_nan: boolean }
---@return table
function source.of(what, x, o)
  local name = name_of(x)
  if name == "neap.tensor" then return of_tensor(what, x, o) end
  if name == "neap.dataset.Windows" then return of_windows(what, x, o) end
  if name == "neap.zarr.array" then return of_zarr(what, x, o) end
  if design.is_frame(x) then
    local matrix, names = design.matrix(x)
    return of_tensor(what, matrix, { dtype = o.dtype, allow_nan = o.allow_nan, names = names })
  end
  if type(x) == "table" and not getmetatable(x) then return of_several(what, x, o) end
  opts.raise("%s must be a tensor, windows, a frame, a Zarr array, or a table of these, got %s",
    what, opts.kind(x))
end

local function sample_text(shape)
  return #shape == 1 and "numbers" or "[" .. table.concat(shape, "x", 2) .. "]"
end

--- Raise unless samples of `other` look like those of `src`.
---@param where string
---@param other table
---@param src table
function source.same_samples(where, other, src)
  if src.parts then
    if not other.parts or #other.keys ~= #src.keys then
      opts.raise("%s: x has %s, the training set %d inputs", where,
        other.parts and #other.keys .. " inputs" or "one input", #src.keys)
    end
    for _, key in ipairs(src.keys) do
      if not other.parts[key] then opts.raise("%s: x has no input '%s'", where, tostring(key)) end
      source.same_samples(("%s: input %s"):format(where, tostring(key)), other.parts[key],
        src.parts[key])
    end
    return
  end
  if other.parts then
    opts.raise("%s: x has %d inputs, the training set one", where, #other.keys)
  end
  local a, b = sample_text(other.shape), sample_text(src.shape)
  if a ~= b then
    opts.raise("%s: samples of x are %s, those of the training set %s", where, a, b)
  end
  if src.names and other.names then design.same_names(where, other.names, src.names) end
end

return source
