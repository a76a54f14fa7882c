--- New leaves for old trees; loaded by neap.gbdt.
local c = require "neap.c.tree"
local categories = require "neap.gbdt.categories"
local design = require "neap.design"
local hash = require "neap.c.frame"
local opts = require "neap.opts"
local params = require "neap.gbdt.params"
local wrap = require "neap.gbdt.wrap"

---@class neap.gbdt.Model
local Model = require "neap.gbdt.model"

--- The model with its leaves set anew on other rows, its structure kept: `m:refit(x, y, options)`
--- or `m:refit(D, options)`. Tree by tree a leaf becomes decay_rate * old + (1 - decay_rate) *
--- new, where new is what training gives the rows that reach it at the scores so far, times the
--- tree's learning rate; as in LightGBM scores begin at 0 and the first tree, which holds the
--- start value, counts in full. A leaf that no row reaches keeps its value (LightGBM shrinks it
--- to decay_rate * old). `weights` are of the rows; a decay_rate of 1 changes nothing, one of 0
--- forgets the old leaves. Works for loaded models. Raises on lengths that differ, labels that
--- are NaN or no class of the model, and on linear leaves.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     local later = m:refit(x, x[{ {}, 1 }] + 10, { decay_rate = 0 })
---     later:predict(x):mean() - m:predict(x):mean() > 9 --> true
---@param x neap.tensor|table
---@param y neap.tensor|table|nil
---@param o? { decay_rate: number, weights: neap.tensor }
---@return neap.gbdt.Model
function Model:refit(x, y, o)
  local weights
  if design.is_data(x) then
    o = y
    local data = x
    x = categories.inputs(self, "gbdt.refit", data)
    local _
    _, y, weights = design.pair("gbdt.refit", data)
  else
    x = categories.inputs(self, "gbdt.refit", x)
  end
  o = opts.merge("gbdt.refit", { decay_rate = 0.9, weights = opts.none }, o)
  local engine = params.of_model(self.params, self.objective)
  local core = c.refit(engine, x, y, o.weights or weights, self.core, o.decay_rate)
  core:set_fact("stopped_on", nil)
  core:set_fact("fingerprint", hash.fingerprint { "refit", self.fingerprint or self:text(),
    c.fingerprint(x, y, o.weights or weights), tostring(o.decay_rate) })
  return wrap(core, { params = self.params, warnings = {} })
end
