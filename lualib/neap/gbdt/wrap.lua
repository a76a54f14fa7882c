--- Models as Lua sees them, from those of the engine.
local Model = require "neap.gbdt.model"
local categories = require "neap.gbdt.categories"

--- A model around `core`; `fields` are those that the engine does not know: history, params,
--- warnings, best_score.
---@param core neap.gbdt
---@param fields table
---@return neap.gbdt.Model
local function wrap(core, fields)
  local m = Model()
  m.core = core
  m.objective = core:objective()
  local classes = core:classes()
  m.classes = #classes > 0 and classes or nil
  m.feature_names = core:feature_names()
  local all = core:iterations()
  m.best_iteration = math.min(math.tointeger(core:fact "best_iteration") or all, all)
  m.history = fields.history or { train = {}, valid = {}, sets = {} }
  m.fingerprint = core:fact "fingerprint"
  m.stopped_on, m.best_score = core:fact "stopped_on", fields.best_score
  m.params = fields.params
  m.warnings = fields.warnings or {}
  m.levels = categories.levels(core)
  m.unseen = core:fact "unseen" or "missing"
  return m
end

return wrap
