--- The step that fills missing numbers: impute.
local c = require "neap.c.frame"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local methods = { "mean", "median", "forward", "constant" }
local skip = { skip_nan = true }

local function check(where, o)
  local known = false
  for _, name in ipairs(methods) do known = known or name == o.method end
  if not known then
    opts.unknown(where, "method", tostring(o.method), table.move(methods, 1, #methods, 1, {}))
  end
  if (o.method == "constant") ~= (o.value ~= nil) then
    opts.raise("%s: method 'constant' comes with a value, and no other does", where)
  end
  if o.value ~= nil and (type(o.value) ~= "number" or o.value ~= o.value) then
    opts.raise("%s: value is %s, a number is expected", where, tostring(o.value))
  end
  if o.indicator ~= "all" and type(o.indicator) ~= "boolean" then
    opts.raise("%s: indicator is %s, one of true, false, \"all\" is expected", where,
      tostring(o.indicator))
  end
end

local function fit(s)
  local missing, state = s.x:isnan(), { flagged = {} }
  local present, counts = s.x:count(1, skip), missing:sum(1)
  s.empty = {}
  for i, name in ipairs(s.names) do
    if present[i] == 0 then s.empty[#s.empty + 1] = name end
    if s.o.indicator == "all" or (s.o.indicator and counts[i] > 0) then
      state.flagged[#state.flagged + 1] = i
    end
  end
  if s.o.method == "mean" then state.fill = s.x:mean(1, skip)
  elseif s.o.method == "median" then state.fill = s.x:median(1, skip)
  elseif s.o.method == "constant" then
    state.fill = tensor.full { #s.names, value = s.o.value + 0.0 }
  end
  if s.empty[1] and (s.o.method == "mean" or s.o.method == "median") then
    opts.raise("%s: column '%s' has no value to take the %s of; leave it out, or fill it with "
      .. "{ method = \"constant\", value = ... }", s.where, s.empty[1], s.o.method)
  end
  return state
end

-- Group numbers from 0 of the rows, and a matrix of what each group had last. A stream keeps them
-- by label.
local function groups_of(s)
  local function nothing(n) return tensor.full { n, #s.names, value = 0 / 0 } end
  if not s.memory then
    if not s.groups then return nil, nothing(1) end
    return s.groups.codes, nothing(#s.groups.labels + 1)
  end
  local label = s.group or ""
  s.memory[label] = s.memory[label] or nothing(1)
  return nil, s.memory[label]
end

local function filled(s)
  if s.o.method ~= "forward" then return tensor.where(s.x:isnan(), s.state.fill, s.x) end
  local groups, last = groups_of(s)
  return c.fill_forward(s.x, last, groups)
end

return {
  impute = {
    options = { method = "median", value = opts.none, indicator = false },
    check = check, fit = fit,
    remembers = function(o) return o.method == "forward" end,
    added = function(s)
      local names = {}
      for k, i in ipairs(s.state.flagged) do names[k] = s.names[i] .. "_missing" end
      return names
    end,
    apply = function(s)
      local flagged, added = s.state.flagged, nil
      if #flagged > 0 then
        local chosen = tensor.of(flagged, { dtype = "i64" })
        added = s.x:take(chosen, 2):isnan():to "f64"
      end
      return filled(s), added
    end,
    inverse = function(s) return s.kept end,
  },
}
