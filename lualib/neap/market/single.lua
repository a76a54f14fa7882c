--- Refuses bars of several symbols where rows are taken to follow one another in time: else they
--- would pass for duplicates and disorder, and horizons would reach from one symbol into the next.
local frame = require "neap.frame"
local opts = require "neap.opts"

---@param where string for the message
---@param bars any
return function(where, bars)
  if not frame.is(bars) or #bars == 0 or not bars:has "symbol" then return end
  if bars:dtype "symbol" ~= "category" then return end
  local symbols = bars:column "symbol"
  local first, last = symbols.codes:min(), symbols.codes:max()
  if first ~= last then
    opts.raise("%s: the bars are of several symbols; take one with "
      .. "bars:where(bars.symbol:eq \"%s\")", where, symbols.labels[last])
  end
end
