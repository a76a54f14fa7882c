-- Calls everything that scripts can reach with arguments nobody means.
--
--     neap tests/lua/hostile.lua SEED CALLS [PATTERN]
--
-- Every function of every C module, every public function and every method, CALLS times each; with
-- PATTERN only those whose name matches it. A first pass runs the examples of the documentation and
-- notes what each function is called with; the second changes one or two of those arguments, or
-- gives arguments drawn from a pool. A call returns or raises an error with a text; all else (a
-- crash, a hang, output, memory that stays) is for whoever started this to see. Run it in an empty
-- folder: functions write files where their argument says. NEAP_HOSTILE_TRACE=path keeps the call
-- that runs in that file, and says which ones were slow.
local base = require "neap.c.base"
local class = require "neap.class"
local opts = require "neap.opts"

local seed, calls, pattern = math.tointeger(arg[1]), math.tointeger(arg[2]), arg[3]
local rng = base.rng(seed)
local trace_path = os.getenv "NEAP_HOSTILE_TRACE"
local trace = trace_path and assert(io.open(trace_path, "w"))

local function below(n) return rng:integer(1, n) end

local function sorted_keys(t)
  local keys = {}
  for key in next, t do
    if type(key) == "string" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

-- noting what functions are called with ----------------------------------------------------------

-- They sleep, wait for a key, or change what this script itself stands on.
local left_out = {
  ["neap.c.clock.sleep"] = true, ["neap.clock.sleep"] = true, ["neap.c.host.editor"] = true,
  ["neap.c.host.wire_open"] = true, ["neap.c.host.call"] = true, ["neap.c.base.library"] = true,
  ["neap.c.file.fail_after"] = true, ["neap.c.log.to"] = true,
  ["neap.log.to"] = true, ["neap.c.base.set_threads"] = true,
  ["neap.set_threads"] = true,
}

local targets, target_of, objects, seen_type = {}, {}, {}, {}

local function type_name(v)
  local meta = (type(v) == "userdata" or type(v) == "table") and getmetatable(v)
  return meta and rawget(meta, "__name")
end

local function note_value(v)
  local name = type_name(v)
  if type(name) ~= "string" or not name:find "^neap" then return end
  seen_type[name] = (seen_type[name] or 0) + 1
  if seen_type[name] <= 4 then objects[#objects + 1] = v end
end

local function note(target, ...)
  local arguments = table.pack(...)
  for i = 1, arguments.n do note_value(arguments[i]) end
  if #target.samples < 6 then target.samples[#target.samples + 1] = arguments end
end

local function pass(...)
  for i = 1, select("#", ...) do note_value((select(i, ...))) end
  return ...
end

-- Replace the functions of t by ones that note their arguments; `restore` takes that back.
local wrapped = {}
local function wrap(t, prefix, separator)
  if wrapped[t] then return end
  wrapped[t] = {}
  for _, key in ipairs(sorted_keys(t)) do
    local fn = rawget(t, key)
    local name = prefix .. separator .. key
    if type(fn) == "function" and not left_out[name] and not target_of[fn] then
      local target = { name = name, fn = fn, samples = {} }
      targets[#targets + 1] = target
      local function noting(...)
        note(target, ...)
        return pass(fn(...))
      end
      target_of[noting], target_of[fn] = target, target
      wrapped[t][key] = fn
      rawset(t, key, noting)
    end
  end
end

local function restore()
  for t, functions in next, wrapped do
    for key, fn in next, functions do rawset(t, key, fn) end
  end
end

-- The options that functions know, by the name that their messages begin with.
local merge, options = opts.merge, {}
function opts.merge(where, defaults, given)
  options[where] = sorted_keys(defaults)
  return merge(where, defaults, given)
end

local new_class, classes = class.new, {}
function class.new(name)
  local c = new_class(name)
  classes[#classes + 1] = c
  return c
end

for _, name in ipairs(sorted_keys(package.preload)) do
  if name:find "^neap%.c%." then wrap(require(name), name, ".") end
end
local registry = debug.getregistry()
for _, name in ipairs(sorted_keys(registry)) do
  if name:find "^neap" and type(registry[name]) == "table" then wrap(registry[name], name, ":") end
end

local neap = require "neap"
local doc = require "neap.doc"
require("neap.log").to "log.txt"
for _, name in ipairs(neap.modules()) do wrap(neap[name], "neap." .. name, ".") end
wrap(neap, "neap", ".")
for _, c in ipairs(classes) do wrap(c, c.__name, ":") end

local environment = setmetatable({ print = function() end }, {
  __index = function(_, name)
    local value = neap[name]
    if value == nil then return _G[name] end
    return value
  end,
})

local function run_examples(entries)
  for _, entry in ipairs(entries) do
    for _, block in ipairs(entry.blocks) do
      local code = block.code and table.concat(block.code, "\n") or ""
      local lines = {}
      for line in (code .. "\n"):gmatch "(.-)\n" do
        local value = line:match "^(.-)%s*%-%->"
        if value and not value:find "^%s*print" and load("return " .. value) then
          line = "__value(" .. value .. ")"
        end
        lines[#lines + 1] = line
      end
      environment.__value = note_value
      local chunk = load(table.concat(lines, "\n"), "=example", "t", environment)
      if chunk then pcall(chunk) end
    end
  end
end

for _, name in ipairs(neap.modules()) do
  local found, page = pcall(doc.module, "neap." .. name)
  if found then
    run_examples(page.functions)
    for _, c in ipairs(page.classes) do run_examples(c.methods) end
  end
end
restore()
opts.merge = merge

-- arguments ---------------------------------------------------------------------------------------

local tensor = neap.tensor
local long = ("abc\0,\"\n"):rep(9362)
local self_holding = {}
self_holding[1], self_holding.x = self_holding, self_holding

local function closed()
  local t = tensor.ones { 3 }
  t:free()
  return t
end

local pool = {
  function() return nil end, function() return true end, function() return false end,
  function() return 0 end, function() return -1 end, function() return 1 end,
  function() return 2 end, function() return 3 end,
  function() return 1 << 31 end, function() return 1 << 53 end,
  function() return math.mininteger end, function() return math.maxinteger end,
  function() return 0.5 end, function() return 0 / 0 end, function() return 1 / 0 end,
  function() return -1 / 0 end, function() return 1e308 end, function() return 2.0 ^ 63 end,
  function() return "" end, function() return "x" end, function() return "close" end,
  function() return "f32" end, function() return long end, function() return "a\0b" end,
  function() return "%s%n%d" end,
  function() return {} end, function() return { 1, 2, 3 } end, function() return { "a", "b" } end,
  function() return { { 1, 2 }, { 3, 4 } } end, function() return { 1, nil, 3 } end,
  function() return { { { {} } } } end, function() return self_holding end,
  function() return { x = 1 } end, function() return { 1 << 40, 1 << 40 } end,
  function() return { math.mininteger } end, function() return { -3, -2 } end,
  function() return function() error "refused" end end,
  function() return function() return "text" end end,
  function() return function() coroutine.yield() end end,
  function() return coroutine.create(function() end) end,
  function() return io.stdout end, function() return base.rng(1) end,
  function() return tensor.zeros {} end, function() return tensor.zeros { 0 } end,
  function() return tensor.zeros { 3, 0, 2 } end, function() return tensor.ones { 1 } end,
  function() return tensor.of { 3, 1, 2 } end,
  function() return tensor.of { 0 / 0, 1 / 0, -1 / 0 } end,
  function() return tensor.of { { 1, 2, 3 }, { 4, 5, 6 } } end,
  function() return tensor.of({ { 1, 2, 3 }, { 4, 5, 6 } }, { dtype = "f32" }):t() end,
  function() return tensor.arange(1, 9):slice(1, -1, 1, -2) end,
  function() return tensor.of { 5 }:expand(4) end,
  function() return tensor.of { 5 }:expand(1 << 40) end,
  function() return tensor.of { { 5 } }:expand(1 << 20, 1 << 37) end,
  function() return tensor.of({ true, false, true }) end,
  function() return tensor.of({ 1, -1, 2 }, { dtype = "i64" }) end,
  function() return tensor.of({ math.mininteger, math.maxinteger, 0 }, { dtype = "i64" }) end,
  function() return tensor.of({ 1, 0, 2 }, { dtype = "i32" }) end,
  function() return tensor.of({ 1, 0, 255 }, { dtype = "u8" }) end,
  function() return tensor.arange(1, 40) end,
  function() return tensor.zeros { 1, 1, 1, 1, 1, 1, 1, 1 } end, closed,
  function() return neap.frame.new {} end,
  function() return neap.frame.new { { "close", tensor.of { 1, 2, 3 } } } end,
  function() return neap.market.synthetic { rows = 30 } end,
}

local is_tensor = getmetatable(tensor.zeros {})

local function hostile()
  local k = below(#pool + #objects)
  if k <= #pool then return pool[k]() end
  return objects[k - #pool]
end

-- A copy that the call may spoil: tensors and tables, one level.
local function fresh(v)
  if type(v) == "userdata" and getmetatable(v) == is_tensor then
    local ok, copy = pcall(is_tensor.clone, v)
    return ok and copy or v
  end
  if type(v) ~= "table" or getmetatable(v) then return v end
  local copy = {}
  for key, value in next, v do copy[key] = value end
  return copy
end

-- Of models any option is spoiled, given or not; but no counts that ask for work without end.
local function option_names(target)
  local names = {}
  local where = target.name:gsub("^neap%.", ""):gsub("%.Model:", ".")
  if not where:find "^gbdt" and not where:find "^forest" and not where:find "^isolation" then
    return names
  end
  for _, name in ipairs(options[where] or {}) do
    if not name:find "iterations" and not name:find "estimators" then names[#names + 1] = name end
  end
  return names
end

local function spoil_table(t, target)
  local keys = sorted_keys(t)
  if below(2) == 1 then table.move(option_names(target), 1, 1000, #keys + 1, keys) end
  for i = 1, math.min(#t, 8) do keys[#keys + 1] = i end
  if #keys > 0 then t[keys[below(#keys)]] = hostile() end
  return t
end

local function from_sample(target)
  local sample = target.samples[below(#target.samples)]
  local arguments = { n = sample.n }
  for i = 1, sample.n do arguments[i] = fresh(sample[i]) end
  for _ = 1, below(2) do
    local i = below(sample.n + 1)
    local plain = type(arguments[i]) == "table" and not getmetatable(arguments[i])
    if plain and below(4) > 1 then spoil_table(arguments[i], target)
    else arguments[i] = hostile() end
    if i > arguments.n then arguments.n = i end
  end
  return arguments
end

local function drawn()
  local arguments = { n = rng:integer(0, 6) }
  for i = 1, arguments.n do arguments[i] = hostile() end
  return arguments
end

-- calling -----------------------------------------------------------------------------------------

local function described(v)
  local ok, text = pcall(tostring, v)
  return type(v) .. " " .. (ok and text or "?"):sub(1, 80):gsub("[%c]+", " ")
end

local function announce(name, arguments)
  trace:seek("set", 0)
  local lines = { name }
  for i = 1, arguments.n do
    lines[#lines + 1] = described(arguments[i])
    if type(arguments[i]) == "table" then
      for key, value in next, arguments[i] do
        lines[#lines + 1] = "    " .. described(key) .. " = " .. described(value)
      end
    end
  end
  trace:write(table.concat(lines, "\n"), "\n", ("."):rep(200), "\n")
  trace:flush()
end

local faults = {}

local function fault(target, what) faults[#faults + 1] = target.name .. ": " .. what end

local function look_at(...)
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    if type_name(v) then pcall(tostring, v) end
  end
end

local wanting = {}
local function judge(target, ok, message, ...)
  if ok then return look_at(message, ...) end
  if type(message) == "table" or type(message) == "userdata" then message = tostring(message) end
  if type(message) ~= "string" or message == "" then
    fault(target, "an error without a text")
  elseif message:find "C stack overflow" or message:find "error in error" then
    fault(target, message)
  elseif trace and message:find "lualib.*attempt to" then
    wanting[target.name] = message
  end
end

os.exit = function() error "os.exit was called" end -- luacheck: ignore

local function attack(target)
  for _ = 1, calls do
    local own = #target.samples > 0 and below(4) > 1
    local arguments = own and from_sample(target) or drawn()
    if trace then announce(target.name, arguments) end
    local begun = os.clock()
    judge(target, pcall(target.fn, table.unpack(arguments, 1, arguments.n)))
    if trace and os.clock() - begun > 0.5 then
      io.stderr:write(("slow: %s %.1f s\n"):format(target.name, os.clock() - begun))
      for i = 1, arguments.n do io.stderr:write("    ", described(arguments[i]), "\n") end
    end
  end
end

local baseline = base.memory().live
for _, target in ipairs(targets) do
  if not pattern or target.name:find(pattern) then attack(target) end
end
if trace then
  for _, name in ipairs(sorted_keys(wanting)) do
    io.stderr:write(name, ": ", wanting[name], "\n")
  end
end

-- What stays: objects of the first pass, and what modules keep.
collectgarbage()
collectgarbage()
local kept = base.memory().live - baseline
if kept > 64 << 20 then faults[#faults + 1] = ("%d bytes stayed"):format(kept) end
for _, text in ipairs(faults) do print(text) end
print(("%d functions, %d faults"):format(#targets, #faults))
os.remove "log.txt"
