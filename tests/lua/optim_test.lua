-- Optimizers, schedules, clipping and running means: numbers of PyTorch (tests/golden/optim.py),
-- states that go on bit for bit, and what is refused.
local neap = require "neap"
local nn = require "neap.nn"
local optim = require "neap.optim"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local golden = tensor.load "tests/golden/optim.npz"

-- The tolerances of tests/c/check.h.
local F64_TOL, F32_TOL = 1e-12, 1e-5

local says = support.says

local function close(want, got, tol)
  assert.same(want.shape, got.shape)
  local off = (want - got:to "f64"):abs():max()
  assert.is_true(off <= tol * math.max(1, want:abs():max()), ("off by %g"):format(off))
end

local function parameters(dtype)
  local list = {}
  for i = 0, 1 do list[i + 1] = golden["p" .. i]:to(dtype):clone():requires_grad_() end
  return list
end

-- Gradients of step t (from 1), as a backward pass would leave them.
local function set_gradients(params, t)
  for i, p in ipairs(params) do p.grad = golden["g" .. i - 1][t]:to(p.dtype) end
end

local cases = {
  { "sgd", optim.SGD, { weight_decay = 0.02, maximize = true } },
  { "momentum", optim.SGD, { momentum = 0.8, dampening = 0.3, weight_decay = 0.02 } },
  { "nesterov", optim.SGD, { momentum = 0.8, nesterov = true } },
  { "adam", optim.Adam, { betas = { 0.8, 0.95 }, eps = 1e-3, weight_decay = 0.05 } },
  { "amsgrad", optim.Adam, { betas = { 0.5, 0.6 }, amsgrad = true, maximize = true } },
  { "adamw", optim.AdamW, { betas = { 0.8, 0.95 }, eps = 1e-4, weight_decay = 0.2 } },
  { "adamw_amsgrad", optim.AdamW, { betas = { 0.5, 0.6 }, amsgrad = true } },
  { "rmsprop", optim.RMSProp, { alpha = 0.9, eps = 1e-3, weight_decay = 0.05 } },
  { "rmsprop_momentum", optim.RMSProp, { alpha = 0.9, momentum = 0.7 } },
  { "rmsprop_centered", optim.RMSProp, { alpha = 0.7, centered = true } },
  { "rmsprop_both", optim.RMSProp, { alpha = 0.7, momentum = 0.7, centered = true } },
  { "lion", optim.Lion, { betas = { 0.9, 0.97 }, weight_decay = 0.1 } },
}

local function started(case, params)
  local o = { lr = 0.1 }
  for name, value in pairs(case[3]) do o[name] = value end
  return case[2]({ { params = { params[1] } }, { params = { params[2] }, lr = 0.05 } }, o)
end

describe("an optimizer", function()
  for _, case in ipairs(cases) do
    for dtype, tol in pairs { f64 = F64_TOL, f32 = F32_TOL } do
      it("takes the steps of PyTorch: " .. case[1] .. ", " .. dtype, function()
        local params = parameters(dtype)
        local opt = started(case, params)
        for t = 1, 10 do
          set_gradients(params, t)
          opt:step()
          if t == 1 or t == 10 then
            for i, p in ipairs(params) do
              close(golden[("%s.%d.p%d"):format(case[1], t, i - 1)], p:detach(), tol)
            end
          end
        end
      end)
    end

    it("goes on from a file bit for bit: " .. case[1], function()
      local a, b = parameters "f32", parameters "f32"
      local first = started(case, a)
      for t = 1, 4 do
        set_gradients(a, t)
        first:step()
      end
      local path = support.temporary ".safetensors"
      tensor.save(path, first:state())
      for i = 1, 2 do b[i]:detach():copy_(a[i]:detach()) end
      local second = case[2]({ { params = { b[1] } }, { params = { b[2] } } })
      second:load_state(tensor.load(path))
      os.remove(path)
      assert.equal(0.1, second.lr)
      assert.equal(0.05, second.groups[2].lr)
      for t = 5, 10 do
        set_gradients(a, t)
        set_gradients(b, t)
        first:step()
        second:step()
      end
      for i = 1, 2 do assert.is_true(a[i]:detach():eq(b[i]:detach()):all()) end
    end)
  end

  it("lowers a loss through layers", function()
    neap.seed(1)
    local net = nn.Sequential { nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1) }
    local opt = optim.Adam(net:parameters(), { lr = 0.05 })
    local x = tensor.of({ { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } }, { dtype = "f32" })
    local y = tensor.of({ { 0 }, { 1 }, { 1 }, { 0 } }, { dtype = "f32" })
    for _ = 1, 200 do
      opt:zero_grad()
      nn.mse(net(x), y):backward()
      opt:step()
    end
    assert.is_true(nn.mse(net(x):detach(), y) < 1e-2)
  end)

  it("passes over parameters without a gradient, and finds them when they are trained again",
    function()
      local a, b = tensor.ones({ 2 }):requires_grad_(), tensor.ones({ 2 })
      local opt = optim.SGD({ a, b }, { lr = 1 })
      a.grad = tensor.ones { 2 }
      opt:step()
      assert.same({ 1, 1 }, b:totable())
      b:requires_grad_()
      b.grad = tensor.ones { 2 }
      opt:zero_grad()
      assert.is_nil(b.grad)
      b.grad = tensor.ones { 2 }
      opt:step()
      assert.same({ 0, 0 }, b:detach():totable())
    end)

  it("has options that are read and assigned, for all groups or one", function()
    local params = parameters "f64"
    local opt = started(cases[4], params)
    assert.equal(0.1, opt.lr)
    assert.same({ 0.8, 0.95 }, opt.betas)
    opt.groups[2].lr = 0.5
    assert.equal(0.1, opt.lr)
    opt.lr = 0.25
    opt.betas = { 0.5, 0.5 }
    assert.equal(0.25, opt.groups[2].lr)
    assert.same({ 0.5, 0.5 }, opt.groups[2].betas)
    opt.amsgrad = true
    assert.is_true(opt.groups[1].amsgrad)
    assert.equal("optim.Adam(lr 0.25, 2 parameters of 19 numbers)", tostring(opt))
  end)

  it("keeps what it changes alive", function()
    local opt = optim.SGD({ tensor.ones({ 1000 }):requires_grad_() })
    collectgarbage()
    collectgarbage()
    opt:step()
    opt:zero_grad()
  end)

  it("passes over parameters that were closed", function()
    local opt
    local b = tensor.ones({ 2 }):requires_grad_()
    do
      local a <close> = tensor.ones({ 2 }):requires_grad_()
      opt = optim.SGD({ a, b }, { lr = 1, momentum = 0.5 })
      a.grad, b.grad = tensor.ones { 2 }, tensor.ones { 2 }
      opt:step()
    end
    opt:step()
    assert.same({ -1.5, -1.5 }, b:detach():totable())
    opt:zero_grad()
    assert.is_nil(b.grad)
  end)

  it("refuses what makes no sense", function()
    local params = parameters "f64"
    says("optim.Adam: an array of tensors is expected, as net:parameters() gives it", optim.Adam,
      nn.Linear(1, 1))
    says("optim.Adam: group 1 has no parameters", optim.Adam, {})
    says("optim.Adam: unknown option 'learning_rate'", optim.Adam, params, { learning_rate = 1 })
    says("optim.Adam: lr is -1, must be finite and not negative", optim.Adam, params, { lr = -1 })
    says("optim.Adam: beta2 is 1, must be at least 0 and below 1", optim.Adam, params,
      { betas = { 0.9, 1 } })
    says("optim.Adam: betas must be two numbers", optim.Adam, params, { betas = 0.9 })
    says("optim.SGD: lr must be a number, got string", optim.SGD, params, { lr = "1" })
    says("optim.SGD: nesterov must be a boolean, got number", optim.SGD, params, { nesterov = 1 })
    says("optim.SGD: nesterov needs momentum above 0 and no dampening", optim.SGD, params,
      { nesterov = true })
    says("optim.SGD: parameter 2 is parameter 1 again", optim.SGD, { params[1], params[1] })
    local sgd = optim.SGD(params)
    says("optim.SGD: unknown method 'zero_gard' (did you mean 'zero_grad'?)",
      function() sgd:zero_gard() end)
    says("zero_grad: self must be a table, got nil; methods are called with a colon",
      sgd.zero_grad)
    says("step: self must be a table, got nil; methods are called with a colon", sgd.step)
    says("optim.SGD: group 2: unknown option 'rate'", optim.SGD,
      { { params = { params[1] } }, { params = { params[2] }, rate = 1 } })
    says("optimizer: parameters[2] must be a tensor, got number", optim.SGD, { params[1], 7 })
    local opt = optim.SGD(params)
    says("optim.SGD: unknown option 'beta1'", function() return opt.beta1 end)
    says("optim.SGD: there is no 'state_dict'; write opt:state()", function()
      return opt:state_dict()
    end)
    says("optim: unknown function 'clip_grad_norm_' (did you mean 'clip_norm'?)", function()
      return neap.optim.clip_grad_norm_
    end)
    says("optim.SGD: unknown option 'betas'", function() opt.betas = { 0.1, 0.2 } end)
  end)

  it("names what is wrong with a state, and takes nothing of it", function()
    local params = parameters "f64"
    local opt = optim.Adam(params)
    set_gradients(params, 1)
    opt:step()
    local state = opt:state()
    state["param_groups.0.lr"] = nil
    state["param_groups.0.foreach"] = tensor.ones { 1 }
    says("optim.Adam: load_state: missing param_groups.0.lr; extra param_groups.0.foreach",
      opt.load_state, opt, state)
    opt:load_state(state, { strict = false })
    state = opt:state()
    state["state.1.step"] = nil
    says("optim.Adam: load_state: missing state.1.step;", opt.load_state, opt, state)
    state = opt:state()
    state["state.1.exp_avg"] = tensor.ones { 7 }
    state["param_groups.0.lr"] = tensor.full { value = 9.0 }
    says("optim.Adam: load_state: 'state.1.exp_avg' is [7], must be [4]", opt.load_state, opt,
      state)
    assert.equal(1e-3, opt.lr)
  end)
end)

describe("a schedule", function()
  local function optimizer(betas)
    local p = { tensor.zeros({ 1 }):requires_grad_() }
    if betas then return optim.Adam(p, { lr = 0.3 }) end
    return optim.SGD(p, { lr = 0.3, momentum = 0.9 })
  end
  local function warm_cosine(opt)
    local after = optim.cosine(opt, { T_max = 10 })
    return optim.warm_up(opt, { total_iters = 6, start_factor = 0.2, after = after })
  end
  local schedules = {
    step = function(opt) return optim.step(opt, { step_size = 4, gamma = 0.3 }) end,
    multi_step = function(opt)
      return optim.multi_step(opt, { milestones = { 2, 5, 11 }, gamma = 0.3 })
    end,
    exponential = function(opt) return optim.exponential(opt, { gamma = 0.9 }) end,
    cosine = function(opt) return optim.cosine(opt, { T_max = 15, eta_min = 0.01 }) end,
    cosine_restarts = function(opt)
      return optim.cosine_restarts(opt, { T_0 = 4, T_mult = 2, eta_min = 0.01 })
    end,
    one_cycle = function(opt)
      return optim.one_cycle(opt, { max_lr = 0.5, total_steps = 20, pct_start = 0.25 })
    end,
    one_cycle_linear = function(opt)
      return optim.one_cycle(opt, { max_lr = 0.5, total_steps = 20, anneal_strategy = "linear",
        div_factor = 10, final_div_factor = 100, base_momentum = 0.7, max_momentum = 0.9 })
    end,
    one_cycle_three = function(opt)
      return optim.one_cycle(opt,
        { max_lr = 0.5, total_steps = 30, pct_start = 0.4, three_phase = true })
    end,
    warm_up = function(opt) return optim.warm_up(opt, { total_iters = 6, start_factor = 0.2 }) end,
    warm_up_cosine = warm_cosine,
    plateau = function(opt)
      return optim.plateau(opt, { factor = 0.5, patience = 2, cooldown = 1 })
    end,
    plateau_max = function(opt)
      return optim.plateau(opt, { mode = "max", factor = 0.1, patience = 1, threshold = 0.5,
        threshold_mode = "abs", min_lr = 0.001 })
    end,
  }

  local names = {}
  for name in pairs(schedules) do names[#names + 1] = name end
  table.sort(names)

  for _, name in ipairs(names) do
    it("has the rates of PyTorch, also when resumed: " .. name, function()
      local opt = optimizer(name == "one_cycle_linear")
      local schedule, losses = schedules[name](opt), golden["plateau.losses"]
      local rates, momenta = golden[name .. ".rates"], golden[name .. ".momenta"]
      for t = 1, #rates do
        assert.is_true(math.abs(rates:get(t) - opt.lr) <= F64_TOL, ("step %d: %.17g, not %.17g")
          :format(t - 1, opt.lr, rates:get(t)))
        local momentum = name == "one_cycle_linear" and opt.betas[1] or opt.momentum
        if momenta then assert.is_true(math.abs(momenta:get(t) - momentum) <= F64_TOL) end
        if t == 5 then -- another schedule of another optimizer goes on from here
          local state, held = schedule:state(), opt:state()
          opt = optimizer(name == "one_cycle_linear")
          schedule = schedules[name](opt)
          opt:load_state(held)
          schedule:load_state(state)
        end
        if t < #rates then schedule:step(name:find "plateau" and losses:get(t) or nil) end
      end
    end)
  end

  it("keeps the base of every group", function()
    local a, b = tensor.zeros({ 1 }):requires_grad_(), tensor.zeros({ 1 }):requires_grad_()
    local opt = optim.SGD({ { params = { a } }, { params = { b }, lr = 0.5 } }, { lr = 1 })
    optim.exponential(opt, { gamma = 0.5 }):step()
    assert.equal(0.5, opt.groups[1].lr)
    assert.equal(0.25, opt.groups[2].lr)
  end)

  it("refuses what makes no sense", function()
    local opt = optimizer()
    says("optim.step: an optimizer is expected, got table", optim.step, {}, { step_size = 1 })
    says("optim.step: option 'step_size' is required", optim.step, opt)
    says("optim.cosine: T_max is 0, must be 1 at least", optim.cosine, opt, { T_max = 0 })
    says("optim.multi_step: milestones[2] is 1, must be 5 at least", optim.multi_step, opt,
      { milestones = { 5, 1 } })
    says("optim.plateau: mode 'low' is not one of min max", optim.plateau, opt, { mode = "low" })
    says("optim.plateau: step: value must be a number, got nil", function()
      optim.plateau(opt):step()
    end)
    says("optim.warm_up: after must be a schedule of the same optimizer", optim.warm_up, opt,
      { total_iters = 1, after = optim.exponential(optimizer(), { gamma = 1 }) })
    local short = optim.one_cycle(opt, { max_lr = 1, total_steps = 2 })
    for _ = 1, 2 do short:step() end
    says("optim.one_cycle: step 3 of 2: the cycle is over", short.step, short)
    says("optim.exponential: load_state: 'count' is nil, a number is expected", function()
      optim.exponential(opt, { gamma = 1 }):load_state { ["base_lrs.1"] = 1 }
    end)
  end)
end)

describe("clipping", function()
  it("by the norm is that of PyTorch", function()
    for name, kind in pairs { clip_1 = 1, clip_2 = 2, clip_inf = math.huge } do
      local params = parameters "f64"
      set_gradients(params, 1)
      local norm = optim.clip_norm(params, 0.7, { norm_type = kind })
      assert.is_true(math.abs(norm - golden[name .. ".norm"]:get(1)) < F64_TOL * norm)
      for i, p in ipairs(params) do
        close(golden[("%s.g%d"):format(name, i - 1)], p.grad, F64_TOL)
      end
    end
  end)

  it("leaves short gradients as they are, bit for bit", function()
    local params = parameters "f32"
    set_gradients(params, 1)
    local before = params[1].grad:clone()
    optim.clip_norm(params, 1000)
    assert.is_true(before:eq(params[1].grad):all())
  end)

  it("by value keeps NaN", function()
    local p = tensor.zeros({ 4 }):requires_grad_()
    p.grad = tensor.of { -3, 0.5, 0 / 0, 3 }
    optim.clip_value({ p }, 1)
    support.same({ -1, 0.5, 0 / 0, 1 }, p.grad)
  end)

  it("can fail on a norm that is not finite", function()
    local p = tensor.zeros({ 2 }):requires_grad_()
    p.grad = tensor.of { 1, math.huge }
    says("clip_norm: the gradient of parameter 1 has the norm inf", optim.clip_norm, { p }, 1,
      { error_if_nonfinite = true })
    assert.equal(math.huge, optim.clip_norm({ p }, 1))
    says("clip_norm: norm_type is 3, allowed are 1, 2 and math.huge", optim.clip_norm, { p }, 1,
      { norm_type = 3 })
    says("clip_value: max is -1, must not be negative", optim.clip_value, { p }, -1)
    says("clip_norm: parameters[1] must be a tensor", optim.clip_norm, { 1 }, 1)
  end)
end)

describe("a running mean of weights", function()
  it("is swapped in and out, saved and loaded", function()
    neap.seed(3)
    local net = nn.Linear(3, 2, { dtype = "f64" })
    net:buffer("running", tensor.of { 1.0 })
    net:buffer("batches", tensor.ones { 1, dtype = "i64" })
    local first = net.weight:detach():clone()
    local ema = optim.ema(net, { decay = 0.75 })
    net.weight:detach():add_(1)
    net.running:add_(1)
    ema:update()
    local last = net.weight:detach():clone()
    ema:swap()
    close(first + 0.25, net.weight:detach(), F64_TOL)
    close(tensor.of { 1.25 }, net.running, F64_TOL)
    ema:swap()
    assert.is_true(last:eq(net.weight:detach()):all())
    local state = ema:state()
    close(first + 0.25, state.weight, F64_TOL)
    assert.is_nil(state.batches)
    local other = optim.ema(net, { decay = 0.75 })
    other:load_state(state)
    assert.is_true(other:state().weight:eq(state.weight):all())
    state.bias = nil
    says("ema: load_state: 'bias' is missing", other.load_state, other, state)
  end)

  it("needs a net and a decay of 0 to 1", function()
    says("optim.ema: a net is expected, got number", optim.ema, 1)
    says("optim.Adam: parameter 1 is the result of an operation, [2]", optim.Adam,
      { tensor.zeros({ 2 }):requires_grad_() * 2 })
    says("optim.ema: option 'decay' is 2, not within 0 .. 1",
      optim.ema, nn.Linear(1, 1), { decay = 2 })
  end)
end)
