--- Attention and the transformer encoder; loaded by neap.nn.
local c = require "neap.c.nn"
local checks = require "neap.nn.checks"
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.nn.MultiheadAttention : neap.nn.Layer
local MultiheadAttention = layer.class "MultiheadAttention"

function MultiheadAttention:init(features, heads, o)
  local where = "nn.MultiheadAttention"
  o = opts.merge(where, { dropout = 0.0, bias = true, dtype = "f32" }, o)
  checks.dtype(where, o.dtype)
  self.embed_dim = opts.integer(where, "embed_dim", features, 1, 1 << 31)
  self.num_heads = opts.integer(where, "num_heads", heads, 1)
  if features % heads ~= 0 then
    opts.raise("%s: %d features do not make %d heads", where, features, heads)
  end
  self.dropout = checks.within(where, "option 'dropout'", o.dropout, 0, 1, true)
  local bound = math.sqrt(6 / (4 * features)) -- Xavier: of inputs and outputs of a matrix
  self.in_proj_weight = layer.param(layer.uniform({ 3 * features, features }, bound, o.dtype))
  if o.bias then
    self.in_proj_bias = layer.param(tensor.zeros { 3 * features, dtype = o.dtype })
  end
  self.out_proj = nn.Linear(features, features, { bias = o.bias, dtype = o.dtype })
  if o.bias then self.out_proj.bias:detach():mul_(0) end
end

-- x times the rows of the joint matrix from part number `first` to `last` of its three.
local function project(self, x, first, last)
  local a, b = (first - 1) * self.embed_dim + 1, last * self.embed_dim
  local weight, bias = self.in_proj_weight, self.in_proj_bias
  if last - first < 2 then
    weight, bias = weight:slice(1, a, b), bias and bias:slice(1, a, b)
  end
  return c.linear(x, weight, bias)
end

local function check_inputs(self, ...)
  for i, name in ipairs { "query", "key", "value" } do
    local x = select(i, ...)
    opts.expect("attention", name, x, "tensor")
    if x:dim() ~= 3 or x:size(3) ~= self.embed_dim then
      opts.raise("attention: %s [%s] must be [batch, time, %d features]", name,
        table.concat(x.shape, "x"), self.embed_dim)
    end
  end
end

-- PyTorch has a mask for each head of each entry as [batch heads, queries, keys].
local function four_dims(self, mask)
  if not mask or mask:dim() ~= 3 then return mask end
  return mask:reshape(-1, self.num_heads, mask:size(2), mask:size(3))
end

function MultiheadAttention:forward(query, key, value, o)
  if type(key) == "table" then key, o = nil, key end
  o = opts.merge("attention", { attn_mask = opts.none, key_padding_mask = opts.none,
    lengths = opts.none, is_causal = false, need_weights = false, average_attn_weights = true }, o)
  key = key or query
  value = value or key
  check_inputs(self, query, key, value)
  local q, k, v
  if key == query and value == query then q = project(self, query, 1, 3)
  elseif value == key then q, k = project(self, query, 1, 1), project(self, key, 2, 3)
  else
    q, k = project(self, query, 1, 1), project(self, key, 2, 2)
    v = project(self, value, 3, 3)
  end
  local dropout = self.training and self.dropout or 0
  local y, weights = c.attention(q, k, v, self.num_heads, o.is_causal, four_dims(self, o.attn_mask),
    o.key_padding_mask, o.lengths, dropout, dropout > 0 and layer.key() or 0, o.need_weights)
  if weights and o.average_attn_weights then weights = weights:mean(2) end
  return self.out_proj(y), weights
end

function MultiheadAttention:describe()
  return ("%d features, %d heads"):format(self.embed_dim, self.num_heads)
end

--- Attention of many heads: `y = mha(x)` of a sequence with itself, `mha(query, key, value)` with
--- others (value is key unless given), all [batch, time, embed_dim]. Options of a call:
---   is_causal: query i sees the keys 1 .. i only;
---   lengths, [batch]: whole numbers, only so many first keys are seen;
---   key_padding_mask, [batch, keys]: bool, true keys are not seen;
---   attn_mask, [queries, keys] or [batch heads, queries, keys]: bool, true where a key is not
---   seen, or floats that are added to the scores;
---   need_weights: also give the softmax, [batch, queries, keys], the mean over the heads, or with
---   average_attn_weights = false [batch, heads, queries, keys]; no gradient flows through it.
--- Memory grows with the length, not with its square, unless weights are asked for. A query that
--- sees no key gives NaN; a NaN in a key reaches all queries of its sequence.
---     local x = tensor.zeros { 3, 5, 8, dtype = "f32" }
---     nn.MultiheadAttention(8, 2)(x, { is_causal = true }).shape[2] --> 5
---@param embed_dim integer
---@param num_heads integer
---@param o? { dropout: number, bias: boolean, dtype: string }
---@return neap.nn.Layer
function nn.MultiheadAttention(embed_dim, num_heads, o)
  return MultiheadAttention(embed_dim, num_heads, o)
end

local activations = { relu = "ReLU", gelu = "GELU" }
local of_layer = { dim_feedforward = 2048, dropout = 0.1, activation = "relu",
  layer_norm_eps = 1e-5, norm_first = false, dtype = "f32" }

---@class neap.nn.TransformerEncoderLayer : neap.nn.Layer
local EncoderLayer = layer.class "TransformerEncoderLayer"

function EncoderLayer:init(features, heads, o)
  local where = "nn.TransformerEncoderLayer"
  o = opts.merge(where, of_layer, o)
  local like = { dtype = o.dtype }
  if not activations[o.activation] then
    opts.unknown(where, "activation", tostring(o.activation), { "relu", "gelu" })
  end
  self.norm_first = o.norm_first
  self.self_attn = nn.MultiheadAttention(features, heads, { dropout = o.dropout, dtype = o.dtype })
  self.linear1 = nn.Linear(features, o.dim_feedforward, like)
  self.dropout = nn.Dropout(o.dropout)
  self.linear2 = nn.Linear(o.dim_feedforward, features, like)
  self.norm1 = nn.LayerNorm(features, { eps = o.layer_norm_eps, dtype = o.dtype })
  self.norm2 = nn.LayerNorm(features, { eps = o.layer_norm_eps, dtype = o.dtype })
  self.dropout1 = nn.Dropout(o.dropout)
  self.dropout2 = nn.Dropout(o.dropout)
  self.activation = nn[activations[o.activation]]()
end

local function feed_forward(self, x)
  local inner = self.dropout(self.activation(self.linear1(x)))
  return self.dropout2(self.linear2(inner))
end

function EncoderLayer:forward(x, o)
  o = opts.merge("transformer_encoder", { src_mask = opts.none, src_key_padding_mask = opts.none,
    lengths = opts.none, is_causal = false }, o)
  local seen = { attn_mask = o.src_mask, key_padding_mask = o.src_key_padding_mask,
    lengths = o.lengths, is_causal = o.is_causal }
  local function attend(y) return self.dropout1((self.self_attn(y, seen))) end
  if self.norm_first then
    x = x + attend(self.norm1(x))
    return x + feed_forward(self, self.norm2(x))
  end
  x = self.norm1(x + attend(x))
  return self.norm2(x + feed_forward(self, x))
end

--- One layer of a transformer's encoder (Vaswani et al. 2017): attention of the sequence with
--- itself and two affine layers with an activation between, "relu" or "gelu", each added to what it
--- came from and normalised after that, or with `norm_first` before. x is [batch, time, d_model].
--- Options of a call: is_causal and lengths as in `nn.MultiheadAttention`; src_mask and
--- src_key_padding_mask are attn_mask and key_padding_mask there.
---     nn.TransformerEncoderLayer(8, 2, { dim_feedforward = 16 }):num_parameters() --> 600
---@param d_model integer
---@param nhead integer
---@param o? table dim_feedforward (2048), dropout (0.1), activation, layer_norm_eps, norm_first
---@return neap.nn.Layer
function nn.TransformerEncoderLayer(d_model, nhead, o) return EncoderLayer(d_model, nhead, o) end

---@class neap.nn.TransformerEncoder : neap.nn.Layer
local Encoder = layer.class "TransformerEncoder"

function Encoder:init(layers, norm)
  self.layers = nn.Sequential(layers)
  if #layers == 0 then opts.raise "nn.TransformerEncoder: there are no layers" end
  if norm then
    if not layer.is(norm) then opts.raise "nn.TransformerEncoder: norm is no layer" end
    self.norm = norm
  end
end

function Encoder:forward(x, o)
  for _, inner in ipairs(self.layers:children()) do x = inner(x, o) end
  local norm = rawget(self, "norm")
  return norm and norm(x) or x
end

--- Encoder layers one after the other, and a `norm` behind the last: options of a call go to every
--- layer.
---     local function one() return nn.TransformerEncoderLayer(8, 2, { dim_feedforward = 16 }) end
---     nn.TransformerEncoder({ one(), one() }, nn.LayerNorm(8)):num_parameters() --> 1216
---@param layers neap.nn.Layer[]
---@param norm? neap.nn.Layer
---@return neap.nn.Layer
function nn.TransformerEncoder(layers, norm) return Encoder(layers, norm) end

---@class neap.nn.PositionalEncoding : neap.nn.Layer
local Positional = layer.class "PositionalEncoding"

function Positional:init(features, o)
  o = opts.merge("nn.PositionalEncoding", { dropout = 0.0 }, o)
  self.d_model = opts.integer("nn.PositionalEncoding", "d_model", features, 2)
  self.dropout = nn.Dropout(o.dropout)
end

-- sin(t / 10000^(2 i / n)) and cos of the same, side by side, for t = 0, 1, ...
local function waves(steps, features, dtype)
  local pairs_of = (features + 1) // 2
  local rate = (tensor.arange(0, pairs_of - 1) * (-2 * math.log(10000) / features)):exp()
  local angle = tensor.outer(tensor.arange(0, steps - 1), rate)
  local both = tensor.stack({ angle:sin(), angle:cos() }, 3):reshape(steps, 2 * pairs_of)
  return both:slice(2, 1, features):to(dtype):contiguous()
end

function Positional:forward(x)
  checks.shape("positional_encoding", x, 3, 3, self.d_model,
    ("[batch, time, %d features]"):format(self.d_model))
  local table_ = rawget(self, "__waves")
  if not table_ or table_:size(1) ~= x:size(2) or table_.dtype ~= x.dtype then
    table_ = waves(x:size(2), self.d_model, x.dtype)
    rawset(self, "__waves", table_)
  end
  return self.dropout(x + table_)
end

function Positional:describe() return ("%d features"):format(self.d_model) end

--- x plus sines and cosines of the position, so that attention can tell the steps of a sequence
--- apart: feature 2 i + 1 and 2 i + 2 of step t (from 0) get sin and cos of t / 10000^(2 i / n)
--- (Vaswani et al. 2017), then dropout.
---     local x = tensor.zeros { 1, 2, 2 }
---     nn.PositionalEncoding(2)(x):get(1, 1, 2) --> 1.0
---@param d_model integer
---@param o? { dropout: number }
---@return neap.nn.Layer
function nn.PositionalEncoding(d_model, o) return Positional(d_model, o) end

return nn
