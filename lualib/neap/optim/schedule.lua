--- Schedules of learning rates; loaded by neap.optim.
local class = require "neap.class"
local optim = require "neap.optim.public"
local opts = require "neap.opts"

--- A rate that changes with the steps taken: made by `optim.cosine` and so on. It sets the
--- optimizer's rate when it is made and whenever `step` is called, once per epoch or per batch, as
--- its lengths are meant. Every group keeps its own rate as the base.
---@class neap.Schedule
---@field count integer how often `step` was called
local Schedule = class "neap.Schedule"

local function apply(self)
  for i, group in ipairs(self.opt.groups) do
    self.set(group, self.count, self.base[i], self.o)
  end
end

-- set(group, count, base, o) sets a group's rate after count steps.
local function new(where, opt, o, set)
  if type(opt) ~= "table" or not rawget(opt, "groups") then
    opts.raise("%s: an optimizer is expected, got %s", where, opts.kind(opt))
  end
  local self = Schedule()
  self.name, self.opt, self.o, self.set, self.count, self.base = where, opt, o, set, 0, {}
  for i, group in ipairs(opt.groups) do self.base[i] = group.lr end
  apply(self)
  return self
end

-- A schedule whose rate is rate(count, base, o).
local function of_rate(where, opt, o, rate)
  return new(where, opt, o, function(group, count, base, given)
    group.lr = rate(count, base, given)
  end)
end

local function check_number(where, o, name, low, high)
  local v = o[name]
  opts.expect(where, ("option '%s'"):format(name), v, "number")
  if not (v >= low and v <= high) then
    opts.raise("%s: %s is %g, must be from %g to %g", where, name, v, low, high)
  end
end

--- One step further. A plateau schedule takes the value that is watched.
---     local opt = optim.SGD({ tensor.zeros({ 1 }):requires_grad_() }, { lr = 1 })
---     local schedule = optim.exponential(opt, { gamma = 0.5 })
---     schedule:step()
---     opt.lr --> 0.5
---@param value? number
function Schedule:step(value)
  if self.advance then return self.advance(self, value) end
  self.count = self.count + 1
  apply(self)
end

--- The numbers that the schedule goes on from, by name.
---     local opt = optim.SGD({ tensor.zeros({ 1 }):requires_grad_() }, { lr = 1 })
---     optim.exponential(opt, { gamma = 0.5 }):state().count --> 0
---@return table<string, number>
function Schedule:state()
  local out = { count = self.count }
  for i, base in ipairs(self.base) do out["base_lrs." .. i] = base end
  for _, name in ipairs(self.extra or {}) do out[name] = self[name] end
  if self.after then
    for name, value in pairs(self.after:state()) do out["after." .. name] = value end
  end
  return out
end

local function check_state(self, state)
  for name in pairs(self:state()) do
    if type(state[name]) ~= "number" then
      opts.raise("%s: load_state: '%s' is %s, a number is expected", self.name, name,
        opts.kind(state[name]))
    end
  end
end

local function restore(self, state)
  self.count = math.tointeger(state.count)
  for i in ipairs(self.base) do self.base[i] = state["base_lrs." .. i] end
  for _, name in ipairs(self.extra or {}) do self[name] = state[name] end
  if not self.after then return end
  local below = {}
  for name, value in pairs(state) do
    local inner = name:match "^after%.(.+)$"
    if inner then below[inner] = value end
  end
  restore(self.after, below)
end

--- Go on from numbers that `state` gave. The rate is the optimizer's own business: its state holds
--- it.
---     local opt = optim.SGD({ tensor.zeros({ 1 }):requires_grad_() }, { lr = 1 })
---     local schedule = optim.exponential(opt, { gamma = 0.5 })
---     schedule:load_state { count = 3, ["base_lrs.1"] = 1 }
---     schedule:step()
---     opt.lr --> 0.0625
---@param state table<string, number>
function Schedule:load_state(state)
  opts.expect(self.name .. ": load_state", "state", state, "table")
  check_state(self, state)
  restore(self, state)
end

-- simple ones -------------------------------------------------------------------------------------

--- The rate times `gamma` after every `step_size` steps.
---     local opt = optim.SGD({ tensor.zeros({ 1 }):requires_grad_() }, { lr = 1 })
---     local schedule = optim.step(opt, { step_size = 2, gamma = 0.5 })
---     for _ = 1, 4 do schedule:step() end
---     opt.lr --> 0.25
---@param opt neap.Optimizer
---@param o { step_size: integer, gamma: number }
---@return neap.Schedule
function optim.step(opt, o)
  o = opts.merge("optim.step", { step_size = opts.required, gamma = 0.1 }, o)
  opts.integer("optim.step", "step_size", o.step_size, 1)
  check_number("optim.step", o, "gamma", 0, math.huge)
  return of_rate("optim.step", opt, o, function(count, base)
    return base * o.gamma ^ (count // o.step_size)
  end)
end

--- The rate times `gamma` at each of `milestones`, numbers of steps that rise.
---     local opt = optim.SGD({ tensor.zeros({ 1 }):requires_grad_() }, { lr = 1 })
---     local schedule = optim.multi_step(opt, { milestones = { 1, 3 }, gamma = 0.5 })
---     for _ = 1, 2 do schedule:step() end
---     opt.lr --> 0.5
---@param opt neap.Optimizer
---@param o { milestones: integer[], gamma: number }
---@return neap.Schedule
function optim.multi_step(opt, o)
  o = opts.merge("optim.multi_step", { milestones = opts.required, gamma = 0.1 }, o)
  opts.expect("optim.multi_step", "option 'milestones'", o.milestones, "table")
  for i, at in ipairs(o.milestones) do
    opts.integer("optim.multi_step", ("milestones[%d]"):format(i), at, o.milestones[i - 1] or 1)
  end
  check_number("optim.multi_step", o, "gamma", 0, math.huge)
  return of_rate("optim.multi_step", opt, o, function(count, base)
    local passed = 0
    for _, at in ipairs(o.milestones) do passed = passed + (at <= count and 1 or 0) end
    return base * o.gamma ^ passed
  end)
end

--- The rate times `gamma` after every step.
---     local opt = optim.SGD({ tensor.zeros({ 1 }):requires_grad_() }, { lr = 1 })
---     optim.exponential(opt, { gamma = 0.5 }):step()
---     opt.lr --> 0.5
---@param opt neap.Optimizer
---@param o { gamma: number }
---@return neap.Schedule
function optim.exponential(opt, o)
  o = opts.merge("optim.exponential", { gamma = opts.required }, o)
  check_number("optim.exponential", o, "gamma", 0, math.huge)
  return of_rate("optim.exponential", opt, o, function(count, base)
    return base * o.gamma ^ count
  end)
end

local function half_cosine(from, to, share)
  return to + (from - to) * (1 + math.cos(math.pi * share)) / 2
end

--- From the rate down to `eta_min` along half a cosine in `T_max` steps, and up again in the next.
--- Source: Loshchilov and Hutter 2017, "SGDR".
---     local opt = optim.SGD({ tensor.zeros({ 1 }):requires_grad_() }, { lr = 1 })
---     local schedule = optim.cosine(opt, { T_max = 2, eta_min = 0.5 })
---     schedule:step()
---     opt.lr --> 0.75
---@param opt neap.Optimizer
---@param o { T_max: integer, eta_min: number }
---@return neap.Schedule
function optim.cosine(opt, o)
  o = opts.merge("optim.cosine", { T_max = opts.required, eta_min = 0.0 }, o)
  opts.integer("optim.cosine", "T_max", o.T_max, 1)
  check_number("optim.cosine", o, "eta_min", 0, math.huge)
  return of_rate("optim.cosine", opt, o, function(count, base)
    return half_cosine(base, o.eta_min, count / o.T_max)
  end)
end

--- `cosine` that starts over at the top: after `T_0` steps, and then after `T_mult` times as many
--- as before.
---     local opt = optim.SGD({ tensor.zeros({ 1 }):requires_grad_() }, { lr = 1 })
---     local schedule = optim.cosine_restarts(opt, { T_0 = 2 })
---     for _ = 1, 3 do schedule:step() end
---     opt.lr --> 0.5
---@param opt neap.Optimizer
---@param o { T_0: integer, T_mult: integer, eta_min: number }
---@return neap.Schedule
function optim.cosine_restarts(opt, o)
  o = opts.merge("optim.cosine_restarts", { T_0 = opts.required, T_mult = 1, eta_min = 0.0 }, o)
  opts.integer("optim.cosine_restarts", "T_0", o.T_0, 1)
  opts.integer("optim.cosine_restarts", "T_mult", o.T_mult, 1)
  check_number("optim.cosine_restarts", o, "eta_min", 0, math.huge)
  return of_rate("optim.cosine_restarts", opt, o, function(count, base)
    local length = o.T_0
    if o.T_mult == 1 then count = count % length end
    while count >= length do count, length = count - length, length * o.T_mult end
    return half_cosine(base, o.eta_min, count / length)
  end)
end

-- one cycle ---------------------------------------------------------------------------------------

local function straight(from, to, share) return from + (to - from) * share end

-- Phases { last step, rate from, to, momentum from, to }.
local function phases_of(o)
  local low, high, least = o.max_lr / o.div_factor, o.max_lr,
    o.max_lr / o.div_factor / o.final_div_factor
  local slow, fast, n = o.max_momentum, o.base_momentum, o.total_steps
  if o.three_phase then
    return { { o.pct_start * n - 1, low, high, slow, fast },
      { 2 * o.pct_start * n - 2, high, low, fast, slow }, { n - 1, low, least, slow, slow } }
  end
  return { { o.pct_start * n - 1, low, high, slow, fast }, { n - 1, high, least, fast, slow } }
end

local function set_momentum(group, momentum)
  local ok, betas = pcall(function() return group.betas end)
  if ok and betas then group.betas = { momentum, betas[2] } else group.momentum = momentum end
end

local cycle_options = { max_lr = opts.required, total_steps = opts.required, pct_start = 0.3,
  anneal_strategy = "cos", cycle_momentum = true, base_momentum = 0.85, max_momentum = 0.95,
  div_factor = 25.0, final_div_factor = 1e4, three_phase = false }

--- One cycle of `total_steps`: the rate rises from max_lr / div_factor to `max_lr` in the share
--- `pct_start` of the steps, and falls to 1 / final_div_factor of where it began; momentum (or the
--- first of betas) goes the other way between its two bounds, unless `cycle_momentum` is false.
--- `anneal_strategy` is "cos" or "linear"; with `three_phase` the fall takes as long as the rise,
--- down to the beginning, before the rest. Source: Smith and Topin 2018, "Super-convergence".
---     local opt = optim.SGD({ tensor.zeros({ 1 }):requires_grad_() }, { lr = 1 })
---     optim.one_cycle(opt, { max_lr = 1, total_steps = 10 })
---     opt.lr --> 0.04
---@param opt neap.Optimizer
---@param o { max_lr: number, total_steps: integer, pct_start: number, anneal_strategy:
---  "cos"|"linear", cycle_momentum: boolean, base_momentum: number, max_momentum: number,
---  div_factor: number, final_div_factor: number, three_phase: boolean }
---@return neap.Schedule
function optim.one_cycle(opt, o)
  local where = "optim.one_cycle"
  o = opts.merge(where, cycle_options, o)
  opts.integer(where, "total_steps", o.total_steps, 1)
  check_number(where, o, "max_lr", 0, math.huge)
  check_number(where, o, "pct_start", 0, o.three_phase and 0.5 or 1)
  check_number(where, o, "base_momentum", 0, 1)
  check_number(where, o, "max_momentum", 0, 1)
  check_number(where, o, "div_factor", 1e-300, math.huge)
  check_number(where, o, "final_div_factor", 1e-300, math.huge)
  local between = ({ cos = half_cosine, linear = straight })[o.anneal_strategy]
  if not between then
    opts.raise("%s: anneal_strategy '%s' is not one of cos linear", where,
      tostring(o.anneal_strategy))
  end
  local phases = phases_of(o)
  return new(where, opt, o, function(group, count)
    if count > o.total_steps then
      opts.raise("%s: step %d of %d: the cycle is over", where, count, o.total_steps)
    end
    local start, phase = 0, 1
    while count > phases[phase][1] and phase < #phases do
      start, phase = phases[phase][1], phase + 1
    end
    local p = phases[phase]
    local share = (count - start) / (p[1] - start)
    group.lr = between(p[2], p[3], share)
    if o.cycle_momentum then set_momentum(group, between(p[4], p[5], share)) end
  end)
end

-- warm-up -----------------------------------------------------------------------------------------

local function advance_warm_up(self, value)
  self.count = self.count + 1
  if self.count <= self.o.total_iters then apply(self)
  elseif self.after then self.after:step(value) end
end

--- The rate rises from `start_factor` of it to itself in `total_iters` steps, straight; from then
--- on it is that of the schedule `after`, whose steps count from there.
---     local opt = optim.SGD({ tensor.zeros({ 1 }):requires_grad_() }, { lr = 1 })
---     local after = optim.exponential(opt, { gamma = 0.5 })
---     local schedule = optim.warm_up(opt, { total_iters = 2, start_factor = 0.5, after = after })
---     opt.lr --> 0.5
---     for _ = 1, 3 do schedule:step() end
---     opt.lr --> 0.5
---@param opt neap.Optimizer
---@param o { total_iters: integer, start_factor: number, after: neap.Schedule }
---@return neap.Schedule
function optim.warm_up(opt, o)
  local where = "optim.warm_up"
  o = opts.merge(where, { total_iters = opts.required, start_factor = 1 / 3, after = opts.none }, o)
  opts.integer(where, "total_iters", o.total_iters, 1)
  check_number(where, o, "start_factor", 0, 1)
  if o.after ~= nil and not (class.is(o.after, Schedule) and o.after.opt == opt) then
    opts.raise("%s: after must be a schedule of the same optimizer", where)
  end
  local self = of_rate(where, opt, o, function(count, base)
    return base * (o.start_factor + (1 - o.start_factor) * count / o.total_iters)
  end)
  self.after, self.advance = o.after, advance_warm_up
  return self
end

-- plateau -----------------------------------------------------------------------------------------

local function is_better(o, value, best)
  local sign = o.mode == "min" and -1 or 1
  local bar = best + sign * o.threshold
  if o.threshold_mode == "rel" then bar = best * (1 + sign * o.threshold) end
  return sign * value > sign * bar
end

local function reduce(self)
  for _, group in ipairs(self.opt.groups) do
    local rate = math.max(group.lr * self.o.factor, self.o.min_lr)
    if group.lr - rate > self.o.eps then group.lr = rate end
  end
end

local function advance_plateau(self, value)
  opts.expect(self.name .. ": step", "value", value, "number")
  self.count = self.count + 1
  if is_better(self.o, value, self.best) then
    self.best, self.bad = value, 0
  else
    self.bad = self.bad + 1
  end
  if self.cooling > 0 then self.cooling, self.bad = self.cooling - 1, 0 end
  if self.bad > self.o.patience then
    reduce(self)
    self.cooling, self.bad = self.o.cooldown, 0
  end
end

local function check_choice(where, o, name, ...)
  for _, known in ipairs { ... } do
    if o[name] == known then return end
  end
  opts.raise("%s: %s '%s' is not one of %s", where, name, tostring(o[name]),
    table.concat({ ... }, " "))
end

--- The rate times `factor` when the value given to `step` has not become better for more than
--- `patience` steps: better is lower (`mode` "min") or higher ("max") than the best so far by
--- `threshold`, a share of it ("rel") or a number ("abs"). After a reduction `cooldown` steps do
--- not count; `min_lr` is the end; changes below `eps` are not made. NaN is not better.
---     local opt = optim.SGD({ tensor.zeros({ 1 }):requires_grad_() }, { lr = 1 })
---     local schedule = optim.plateau(opt, { factor = 0.5, patience = 1 })
---     for _, loss in ipairs { 3, 2, 2, 2 } do schedule:step(loss) end
---     opt.lr --> 0.5
---@param opt neap.Optimizer
---@param o? { mode: "min"|"max", factor: number, patience: integer, threshold: number,
---  threshold_mode: "rel"|"abs", cooldown: integer, min_lr: number, eps: number }
---@return neap.Schedule
function optim.plateau(opt, o)
  local where = "optim.plateau"
  o = opts.merge(where, { mode = "min", factor = 0.1, patience = 10, threshold = 1e-4,
    threshold_mode = "rel", cooldown = 0, min_lr = 0.0, eps = 1e-8 }, o)
  check_choice(where, o, "mode", "min", "max")
  check_choice(where, o, "threshold_mode", "rel", "abs")
  check_number(where, o, "factor", 0, 1)
  check_number(where, o, "threshold", 0, math.huge)
  check_number(where, o, "min_lr", 0, math.huge)
  check_number(where, o, "eps", 0, math.huge)
  opts.integer(where, "patience", o.patience, 0)
  opts.integer(where, "cooldown", o.cooldown, 0)
  local self = new(where, opt, o, function() end)
  self.extra, self.advance = { "best", "bad", "cooling" }, advance_plateau
  self.best, self.bad, self.cooling = o.mode == "min" and math.huge or -math.huge, 0, 0
  return self
end

return optim
