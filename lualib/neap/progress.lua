--- Progress of a long call: one line on a terminal, a user's function, or silence.
local base = require "neap.c.base"
local clock = require "neap.clock"
local opts = require "neap.opts"

local progress = {}
progress.__index = progress

local interval = 100000000 -- ns between two drawings

local function duration(seconds)
  if seconds < 100 then return ("%.1f s"):format(seconds) end
  return ("%d min %02d s"):format(seconds // 60, seconds % 60)
end

--- Start counting to `total` steps. `option` is what the user gave: false is silent, true draws on
--- stderr when that is a terminal, a function is called with a table at every step.
---@param label string
---@param total integer
---@param option boolean|function
function progress.start(label, total, option)
  if type(option) ~= "boolean" and type(option) ~= "function" then
    opts.raise("%s: progress must be true, false or a function, got %s", label, type(option))
  end
  local draws = option == true and base.is_terminal(2)
  return setmetatable({
    label = label, total = total, draws = draws, drawn = 0, begun = clock.monotonic(),
    call = type(option) == "function" and option or nil,
  }, progress)
end

-- Steps per second and seconds left, after `done` steps.
local function speed(self, done)
  local seconds = (clock.monotonic() - self.begun) / 1e9
  local rate = seconds > 0 and done / seconds or 0
  return rate, rate > 0 and (self.total - done) / rate or 0
end

--- After step number `done`. `text` says how things stand; `more` goes to the user's function,
--- with `done`, `total`, `rate` and `eta` added. True when that function returned false: stop.
---@param done integer
---@param text string
---@param more table
---@return boolean
function progress:step(done, text, more)
  if not self.call and not self.draws then return false end
  local rate, eta = speed(self, done)
  if self.call then
    more.done, more.total, more.rate, more.eta = done, self.total, rate, eta
    return self.call(more) == false
  end
  local now = clock.monotonic()
  if now - self.drawn < interval and done < self.total then return false end
  self.drawn = now
  io.stderr:write(("\r%s %d/%d  %s  %.1f/s, %s left\27[K"):format(self.label, done, self.total,
    text, rate, duration(eta)))
  return false
end

--- End the line, if one was drawn; done too when a `<close>` variable goes out of scope, so that an
--- error or Ctrl-C leaves the terminal on a fresh line.
function progress:finish()
  if self.drawn > 0 then io.stderr:write "\n" end
  self.drawn = 0
end

progress.__close = progress.finish

return progress
