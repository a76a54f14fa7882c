--- Embeddings; loaded by neap.nn.
local c = require "neap.c.nn"
local checks = require "neap.nn.checks"
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.nn.Embedding : neap.nn.Layer
local Embedding = layer.class "Embedding"

function Embedding:init(classes, features, o)
  o = opts.merge("nn.Embedding", { padding_idx = opts.none, dtype = "f32" }, o)
  checks.dtype("nn.Embedding", o.dtype)
  self.num_embeddings = opts.integer("nn.Embedding", "num_embeddings", classes, 1)
  self.embedding_dim = opts.integer("nn.Embedding", "embedding_dim", features, 1)
  local start = tensor.randn { self.num_embeddings, self.embedding_dim, dtype = o.dtype }
  self.padding_idx = 0
  if o.padding_idx then
    local row = opts.integer("nn.Embedding", "option 'padding_idx'", o.padding_idx, 1, classes)
    self.padding_idx = row
    start[self.padding_idx] = 0
  end
  self.weight = layer.param(start)
end

function Embedding:forward(x) return c.embedding(x, self.weight, self.padding_idx) end

function Embedding:describe()
  return ("%d -> %d%s"):format(self.num_embeddings, self.embedding_dim,
    self.padding_idx > 0 and ", padding " .. self.padding_idx or "")
end

--- Rows of a trained table by class number: whole numbers 1 .. num_embeddings of any shape give
--- [..., embedding_dim]. The table starts standard normal; the row `padding_idx` starts as zeros
--- and receives no gradient. Numbers outside are errors. PyTorch counts classes from 0: add 1 to
--- its numbers, the table itself is the same.
---     nn.Embedding(10, 3)(tensor.of({ { 1, 10 } }, { dtype = "i64" })).shape[3] --> 3
---@param num_embeddings integer
---@param embedding_dim integer
---@param o? { padding_idx: integer, dtype: string }
---@return neap.nn.Layer
function nn.Embedding(num_embeddings, embedding_dim, o)
  return Embedding(num_embeddings, embedding_dim, o)
end

return nn
