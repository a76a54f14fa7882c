--- Why a boosted model says what it says; loaded by neap.gbdt.
local categories = require "neap.gbdt.categories"
local opts = require "neap.opts"

require "neap.gbdt.dependence" -- more that explains, into the same class
require "neap.gbdt.shuffle"
require "neap.gbdt.trees"

---@class neap.gbdt.Model
local Model = require "neap.gbdt.model"

-- shares of a prediction ------------------------------------------------------------------------

--- What each feature brought to the raw score of each row (SHAP): N x (F + 1), and N x K x (F +
--- 1) for K classes. The last column is what the trees give when nothing is known of a row; all
--- columns together are `predict_raw`, to about 1e-12. These are Shapley values of the game in
--- which an unknown feature parts a row in the ratio of the training rows (Lundberg et al. 2020,
--- "path dependent"), the contributions of LightGBM. NaN is a value like any other. They tell
--- what the model uses, not what causes the label, and correlated features share in ways of their
--- own.
---
--- Raises for models with linear leaves, and for files that hold neither counts nor weights of
--- rows.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     local s = m:shap(x)
---     s.shape[2] --> 3
---     (s:sum(2) - m:predict_raw(x)):abs():max() < 1e-12 --> true
---@param x neap.tensor|table as for predict
---@param o? { num_iteration: integer } only the first iterations
---@return neap.tensor
function Model:shap(x, o)
  o = opts.merge("gbdt.shap", { num_iteration = 0 }, o)
  return self.core:shap(categories.inputs(self, "gbdt.shap", x), o.num_iteration)
end

--- `shap` parted into pairs: N x (F + 1) x (F + 1), and N x K x (F + 1) x (F + 1) for K classes.
--- At (i, j) and (j, i) stands half of what i and j bring only together, at (i, i) what i brings
--- alone; rows sum to the columns of `shap`. The last row and column are 0 but for the corner,
--- which holds the expected value. Takes N (F + 1)^2 numbers of memory.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }] * x[{ {}, 2 }], { num_iterations = 5 })
---     local pairs = m:shap_interactions(x)
---     (pairs:sum(3) - m:shap(x)):abs():max() < 1e-12 --> true
---@param x neap.tensor|table as for predict
---@param o? { num_iteration: integer } only the first iterations
---@return neap.tensor
function Model:shap_interactions(x, o)
  o = opts.merge("gbdt.shap_interactions", { num_iteration = 0 }, o)
  local rows = categories.inputs(self, "gbdt.shap_interactions", x)
  return self.core:shap_interactions(rows, o.num_iteration)
end
