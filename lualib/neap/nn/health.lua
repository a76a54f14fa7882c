--- What a net looks like when its loss is no number any more.
local opts = require "neap.opts"

local health = {}

-- "0.1 (max 2.5)", with a count of what is not finite.
local function stats(t)
  if not t then return "none" end
  local values = t:detach():to "f64"
  local finite = values:isfinite()
  local bad = values:numel() - math.tointeger(finite:sum())
  if bad == values:numel() then return ("all %d not finite"):format(bad) end
  local sound = values[finite]
  local text = ("rms %.3g, max %.3g"):format(math.sqrt((sound * sound):mean()), sound:abs():max())
  return bad > 0 and ("%s, %d not finite"):format(text, bad) or text
end

--- Raise with the step, a line for each parameter and its gradient, and the last good checkpoint.
---@param net neap.nn.Layer
---@param what string "the loss is nan"
---@param at { step: integer, epoch: integer, batch: integer, batches: integer }
---@param checkpoint string? path of the last good one
function health.raise(net, what, at, checkpoint)
  local lines = { ("nn.fit: %s at step %d (epoch %d, batch %d of %d)"):format(what, at.step,
    at.epoch, at.batch, at.batches) }
  for _, entry in ipairs(net:named_parameters()) do
    lines[#lines + 1] = ("  %s [%s]: %s; gradient %s"):format(entry[1],
      table.concat(entry[2].shape, "x"), stats(entry[2]), stats(entry[2].grad))
  end
  lines[#lines + 1] = "  try a smaller lr or clip_norm, and look for extreme values in x and y"
  lines[#lines + 1] = checkpoint and ("  last good checkpoint: %s"):format(checkpoint)
    or "  no checkpoint was kept"
  opts.raise("%s", table.concat(lines, "\n"))
end

return health
