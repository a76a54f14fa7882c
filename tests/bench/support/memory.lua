--- Resident memory of this process, for benchmarks: require "tests.bench.support.memory".
local memory = {}

--- Forget the peak so far: `VmHWM` begins at what is resident now.
function memory.mark_peak()
  local f = assert(io.open("/proc/self/clear_refs", "w"))
  f:write "5"
  f:close()
end

--- A field of /proc/self/status in KiB: "VmRSS" is resident now, "VmHWM" the peak.
function memory.status(field)
  for line in io.lines "/proc/self/status" do
    local kib = line:match("^" .. field .. ":%s*(%d+)")
    if kib then return tonumber(kib) end
  end
end

return memory
