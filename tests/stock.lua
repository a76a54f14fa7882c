-- What scripts/test runs under a stock lua5.4 with an installed neap: the modules load and compute,
-- and the process keeps its own signal handlers.
-- The signals that the process catches, as the kernel tells. Real-time signals are left out: the C
-- library takes one of them when the first thread starts.
local function handled()
  for line in io.lines "/proc/self/status" do
    local mask = line:match "^SigCgt:%s*(%x+)"
    if mask then return tonumber(mask, 16) & 0x7fffffff end
  end
end

local before = handled()
local neap = require "neap"
for _, name in ipairs(neap.modules()) do assert(neap[name], name) end

local x = neap.tensor.randn { 2000, 8, rng = neap.rng(7) }
local y = (x:sum(2) + x:slice(2, 1, 1):reshape(-1)):gt(0):to "i64"
local model = neap.gbdt.fit(x, y, { objective = "binary", num_iterations = 10 })
local auc = neap.metrics.auc(y, model:predict_proba(x))
assert(auc > 0.9, auc)
assert(neap.tensor.matmul(x:t(), x):size(1) == 8)
assert(neap.plot.png(neap.plot.line({ 1, 3, 2 }):svg()):sub(2, 4) == "PNG")
assert(handled() == before, "neap changed the signal handlers of a stock lua5.4")
print(("stock lua5.4 and neap %s: AUC %.3f"):format(neap.version, auc))
