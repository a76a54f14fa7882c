--- neap: a numerical runtime for people who model markets. Modules load on first use.
---     local neap = require "neap"
---     neap.seed(7)
---     print(neap.tensor.ones({ 2, 3 }):sum()) --> 6.0
---@class neap
---@field version string
local base = require "neap.c.base"
local opts = require "neap.opts"

local neap = { version = base.version, set_threads = base.set_threads }

--- Bytes held now: `live` by tensors and the like and `peak`, the most that ever was; `cached` in
--- freed blocks kept for reuse; `lua` by Lua itself. With `trim = true` garbage is collected and
--- the kept blocks go back to the system first. Live and cached bytes together stay near the larger
--- of 96 MB and twice what is alive.
---     neap.memory({ trim = true }).cached --> 0
---@param o? { trim: boolean }
---@return { live: integer, peak: integer, cached: integer, lua: integer }
function neap.memory(o)
  o = opts.merge("neap.memory", { trim = false }, o)
  if o.trim then
    collectgarbage()
    base.trim()
  end
  return base.memory()
end

--- A random generator; streams split by name are independent: `neap.rng(7):split "fold/3"`.
---     neap.rng(7):uniform() == neap.rng(7):uniform() --> true
---@param seed integer
---@return neap.rng
function neap.rng(seed) return base.rng(seed) end

-- The generator of the run: what random functions draw from when they are given none.
local generator = base.rng(0)

--- Start the run's random numbers over from `seed` (0 until it is called).
---     neap.seed(7)
---@param seed integer
function neap.seed(seed) generator:state(opts.integer("neap.seed", "seed", seed), 0, 0) end

--- The generator that random functions draw from when they are given none; `neap.seed` resets it.
---     neap.generator():uniform() < 1 --> true
---@return neap.rng
function neap.generator() return generator end

local modules = {
  audit = true,
  backtest = true,
  bundle = true,
  calibration = true,
  clock = true,
  dataset = true,
  features = true,
  file = true,
  forest = true,
  frame = true,
  gbdt = true,
  grad = true,
  inspect = true,
  isolation = true,
  labels = true,
  linalg = true,
  linear = true,
  log = true,
  market = true,
  metrics = true,
  models = true,
  nn = true,
  optim = true,
  options = true,
  plot = true,
  preprocess = true,
  report = true,
  split = true,
  sql = true,
  ta = true,
  tensor = true,
  yaml = true,
  zarr = true,
}

--- The names of the public modules, sorted.
---     neap.modules()[1] --> audit
---@return string[]
function neap.modules()
  local names = {}
  for name in pairs(modules) do names[#names + 1] = name end
  table.sort(names)
  return names
end

return setmetatable(neap, {
  __index = function(self, name)
    if not modules[name] then
      if type(name) ~= "string" or name:find "^__" then return nil end
      local known = neap.modules()
      for key in next, neap do known[#known + 1] = key end
      opts.unknown("neap", "name", name, known, "`neap help` lists the modules")
    end
    local module = opts.strict(require("neap." .. name), name)
    rawset(self, name, module)
    return module
  end,
})
