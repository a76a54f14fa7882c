-- Helper of busted that makes the collector run all the time: every NEAP_GC_EVERY VM instructions
-- (1000), or, with NEAP_GC_EVERY=generational, in that mode.
--
--     busted --lua=build/asan/neap --helper=tests/lua/gc_stress.lua tests/lua/tensor_test.lua
local every = os.getenv "NEAP_GC_EVERY" or "1000"
if every == "generational" then
  collectgarbage "generational"
else
  debug.sethook(function() collectgarbage() end, "", assert(tonumber(every)))
end
