--- The class of boosted models. Its methods are in neap.gbdt and in the files of this folder, each
--- of which neap.gbdt loads.
local class = require "neap.class"
local foreign = require "neap.gbdt.foreign"

---@class neap.gbdt.Model
---@field objective string
---@field classes integer[]? labels in the order of predict_proba; nil for regressions
---@field feature_names string[]
---@field best_iteration integer iterations kept: the best one when training stopped early
---@field history table history.valid[metric][i] and history.train[metric][i] after iteration i;
--- history.valid[i] and history.train[i] are the first metric; history.sets[name] are all sets
---@field fingerprint string? of the data and options it was trained on; nil in files of others
---@field stopped_on string? what early stopping watched, as "valid.auc"
---@field best_score number? its best value
---@field params table the options in force, under LightGBM's names
---@field levels table<integer, string[]>? the texts of text columns, by number of the column
---@field unseen string what becomes of categories that training did not have
---@field warnings string[] what is odd about the data but no error
local Model = class "neap.gbdt.Model"

class.strict(Model, "gbdt model", { "core", "objective", "classes", "feature_names",
  "best_iteration", "history", "fingerprint", "stopped_on", "best_score", "params", "levels",
  "unseen", "warnings" }, foreign.model)

return Model
