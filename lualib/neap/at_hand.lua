--- What code given with `neap -e` sees: the globals, and the modules of neap by name, as at the
--- prompt. Assigning makes a global.
local neap = require "neap"

local modules = { neap = true }
for _, name in ipairs(neap.modules()) do modules[name] = true end

return setmetatable({}, {
  __index = function(_, name)
    local value = _G[name]
    if value ~= nil or not modules[name] then return value end
    return name == "neap" and neap or neap[name]
  end,
  __newindex = _G,
})
