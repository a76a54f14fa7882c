-- lua5.4 tests/same_figures.lua EXPECTED PRINTED: the same words, and numbers within 2 %: figures
-- of a trained model may differ in late digits between processors; names and sizes may not.
local function words_of(path)
  local f <close> = assert(io.open(path))
  local words = {}
  for word in f:read("a"):gmatch "%S+" do words[#words + 1] = word end
  return words
end

local want, got = words_of(arg[1]), words_of(arg[2])
local faults = #want == #got and 0 or 1
if faults > 0 then print(("%d words expected, %d printed"):format(#want, #got)) end
for i = 1, math.min(#want, #got) do
  local a, b = tonumber(want[i]), tonumber(got[i])
  local near = a and b and math.abs(a - b) <= 0.02 * math.max(math.abs(a), math.abs(b))
  if not near and want[i] ~= got[i] then
    faults = faults + 1
    print(("word %d: '%s' expected, '%s' printed"):format(i, want[i], got[i]))
  end
end
os.exit(faults == 0)
