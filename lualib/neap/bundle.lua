--- Bundles: features, preprocessing, model, calibrator and threshold as one versioned folder, from
--- which research and production read the same thing.
---
--- `models/x` holds `v1`, `v2`, ... and the file `latest`, which names one of them. A version is
--- written aside, read back, and put in place as a whole; only then does `latest` name it, so that
--- a save that is interrupted leaves the old one. Every file has its SHA-256 in `manifest.json`,
--- with the versions of neap and of the format, the names of features and columns, classes,
--- threshold, metrics and the time it was made.
local base = require "neap.c.base"
local class = require "neap.class"
local clock = require "neap.clock"
local category = require "neap.frame.category"
local file = require "neap.file"
local frame = require "neap.frame"
local json = require "neap.json"
local opts = require "neap.opts"
local parts = require "neap.bundle.parts"
local score = require "neap.bundle.score"
local sealed = require "neap.sealed"
local store = require "neap.c.store"
local tensor = require "neap.tensor"

local bundle = {}

local FORMAT, VERSION = "neap bundle", 1

---@class neap.Bundle
---@field path string its folder
---@field name string
---@field version integer
---@field created string when it was made
---@field neap string the version of neap that made it
---@field metrics table<string, any>
---@field feature_names string[]
---@field columns string[] what the model is given, in order
---@field features neap.features.set
---@field preprocess neap.Transformer?
---@field model table
---@field calibrator neap.Calibrator?
---@field threshold number?
---@field classes integer[]?
local Bundle = class "neap.Bundle"

function Bundle.__tostring(b)
  return ("bundle %s v%d: %d features, %s%s%s%s; made %s by neap %s"):format(b.name, b.version,
    #b.feature_names, b.preprocess and "preprocess, " or "", b.parts.kind.name,
    b.calibrator and ", " .. b.calibrator.method or "",
    b.threshold and (", threshold %.6g"):format(b.threshold) or "", b.created, b.neap)
end

-- folders -----------------------------------------------------------------------------------------

--- The versions that are there, rising.
---     #bundle.versions(file.temporary_folder()) --> 0
---@param path string the bundle's folder
---@return integer[]
function bundle.versions(path)
  opts.expect("bundle.versions", "the path", path, "string")
  local list = {}
  if not file.exists(path) then return list end
  for _, name in ipairs(file.list(path)) do
    local version = name:match "^v([1-9]%d*)$"
    if version and #version < 16 then list[#list + 1] = math.tointeger(tonumber(version)) end
  end
  table.sort(list)
  return list
end

local function versions_text(path)
  local list = bundle.versions(path)
  for i, version in ipairs(list) do list[i] = "v" .. version end
  return #list > 0 and table.concat(list, ", ") or "none"
end

-- The version that the file `latest` names.
local function latest_of(where, path)
  local name = path .. "/latest"
  if not file.exists(name) then
    opts.raise("%s: %s has no file 'latest' (versions there: %s)%s", where, path,
      versions_text(path), #bundle.versions(path) > 0 and "; bundle.use(path, version) writes it"
      or "; it is no bundle")
  end
  local text = file.read(name)
  local version = text:match "^v([1-9]%d*)\n$"
  if not version then
    opts.raise("%s: %s is damaged (versions there: %s); bundle.use(path, version) writes it anew",
      where, name, versions_text(path))
  end
  return math.tointeger(tonumber(version))
end

local function name_of(path) return path:gsub("/+$", ""):match "[^/]*$" end

-- saving ------------------------------------------------------------------------------------------

local function stamp(seconds) return os.date("!%Y%m%dT%H%M%S", seconds) end

-- A folder to write in, which goes when it was not published.
local Partial = class "neap.bundle.partial"

function Partial:__close()
  if self.path then file.remove_tree(self.path) end
end
Partial.__gc = Partial.__close

-- The folder appears inside the object that removes it: Ctrl-C may strike between any two steps.
-- What saves that were killed left behind a day ago goes too.
local function open_partial(path)
  file.mkdir(path)
  local old = ".partial-" .. stamp(os.time() - 86400)
  for _, name in ipairs(file.list(path)) do
    if name:find "^%.partial%-%d+T%d+%-%x+$" and name < old then
      file.remove_tree(path .. "/" .. name)
    end
  end
  local partial = setmetatable({}, Partial)
  local own = ("%p %d %d"):format(partial, clock.wall(), clock.monotonic())
  partial.path = ("%s/.partial-%s-%s"):format(path, stamp(), file.sha256(own):sub(1, 12))
  file.mkdir(partial.path)
  return partial
end

local function sums_of(folder)
  local files = {}
  for i, name in ipairs(file.list(folder)) do
    files[i] = { name = name, sha256 = file.sha256_file(folder .. "/" .. name) }
  end
  return json.array(files)
end

local function metrics_of(where, metrics)
  local out = {}
  for name, value in pairs(metrics) do
    local kind = type(value)
    if type(name) ~= "string" or kind ~= "number" and kind ~= "string" and kind ~= "boolean" then
      opts.raise("%s: metric '%s' is %s; numbers, texts and booleans by name are kept", where,
        tostring(name), opts.kind(value))
    end
    out[name] = value
  end
  return out
end

local function created_of(where, created)
  if created == nil then return clock.print(clock.wall()) end
  if math.type(created) == "integer" then return clock.print(created) end
  opts.expect(where, "option 'created'", created, "string")
  return created
end

-- Lists that JSON must write as lists, also when empty.
local function listed(said)
  said.columns, said.features.names = json.array(said.columns), json.array(said.features.names)
  if said.classes then said.classes = json.array(said.classes) end
  if said.features.trend then said.features.trend = json.array(said.features.trend) end
  return said
end

-- Give a finished folder the next free version, also when another process takes it meanwhile.
local function publish(where, path, partial)
  local list = bundle.versions(path)
  local version = (list[#list] or 0) + 1
  while true do
    local final = ("%s/v%d"):format(path, version)
    local ok, message = os.rename(partial.path, final)
    if ok then
      partial.path = nil
      return version
    end
    if not file.exists(final) then opts.raise("%s: %s: %s", where, final, message) end
    version = version + 1
  end
end

local wanted = { features = opts.required, model = opts.required, preprocess = opts.none,
  calibrator = opts.none, threshold = opts.none, by = opts.none, cadence = opts.none, dtype = "f64",
  metrics = {}, created = opts.none }

--- Write the next version of the bundle in the folder `path` ("models/x") and make it the latest.
--- Options:
---
--- - `features`: the set (or its names) that bars go through first, with `by` for panels and the
---   `cadence` of the bars where longer time frames need it. Features that are functions of the
---   user are refused by name, since no file can keep them;
--- - `preprocess`: a fitted transformer of features, for those it names;
--- - `model`: of gbdt or linear; its names say which columns it gets, else it gets all of them.
---   `dtype = "f32"` hands them over in f32, as when it was trained on them;
--- - `calibrator`, and `threshold` (0.5): a decision is a probability above it;
--- - `metrics` by name, and `created`, a text or nanoseconds (now), for the manifest.
---
--- All of it is checked against each other before anything is written, and read back before it is
--- put in place.
---     local bars = market.synthetic { rows = 200 }
---     local set = features.set { "rsi_7", "ret_1" }
---     local x, y = set:compute(bars), bars.close:gt(bars.open):to "i64"
---     local folder = file.temporary_folder()
---     local m = gbdt.fit(x, y, { objective = "binary", num_iterations = 3 })
---     bundle.save(folder .. "/up", { features = set, model = m }):match "[^/]*$" --> v1
---     file.remove_tree(folder)
---@param path string
---@param o table
---@return string path of the version
---@return integer version
function bundle.save(path, o)
  local where = "bundle.save"
  opts.expect(where, "the path", path, "string")
  o = opts.merge(where, wanted, o)
  opts.expect(where, "option 'metrics'", o.metrics, "table")
  local p = parts.check(where, o)
  parts.plan(where, p)
  score.columns(p, tensor.zeros { 1, #p.columns }) -- raises when the calibrator does not fit
  local metrics, created = metrics_of(where, o.metrics), created_of(where, o.created)
  local partial <close> = open_partial(path)
  local said = listed(parts.write(partial.path, p))
  said.name, said.metrics, said.created = name_of(path), metrics, created
  said.files = sums_of(partial.path)
  sealed.write(partial.path .. "/manifest.json", FORMAT, VERSION, said)
  bundle.load(partial.path)
  store.sync_folder(partial.path)
  local version = publish(where, path, partial)
  store.sync_folder(path)
  file.write(path .. "/latest", ("v%d\n"):format(version))
  return ("%s/v%d"):format(path, version), version
end

--- Make a version that is there the latest, after reading it: the way back to an older one.
---     pcall(bundle.use, "/nowhere", 1) --> false
---@param path string the bundle's folder
---@param version integer
function bundle.use(path, version)
  local b = bundle.load(path, { version = version })
  file.write(path .. "/latest", ("v%d\n"):format(b.version))
end

-- loading -----------------------------------------------------------------------------------------

local function check_files(where, folder, files)
  if type(files) ~= "table" then opts.raise("%s: %s lists no files", where, folder) end
  for _, entry in ipairs(files) do
    local name = entry.name
    if type(name) ~= "string" or name:find "[/\\]" then
      opts.raise("%s: the manifest of %s names a file '%s'", where, folder, tostring(name))
    end
    local full = folder .. "/" .. name
    if not file.exists(full) then
      opts.raise("%s: %s is missing; copy the whole folder again, or take another version", where,
        full)
    end
    local sum = file.sha256_file(full)
    if sum ~= entry.sha256 then
      opts.raise("%s: %s is not the file that was saved (sha256 %s..., the manifest has %s...); "
        .. "copy the whole folder again, or take another version", where, full, sum:sub(1, 12),
        tostring(entry.sha256):sub(1, 12))
    end
  end
end

-- The folder of a version, and its number (nil when it is one that has none yet).
local function folder_of(where, path, version)
  if file.exists(path .. "/manifest.json") then
    return path, math.tointeger(tonumber(name_of(path):match "^v(%d+)$"))
  end
  if version == nil then version = latest_of(where, path) end
  if type(version) == "string" then version = version:match "^v?(%d+)$" or version end
  local number = math.tointeger(tonumber(version))
  local folder = ("%s/v%s"):format(path, number or tostring(version))
  if not number or not file.exists(folder .. "/manifest.json") then
    opts.raise("%s: %s has no version %s (there are: %s)", where, path, tostring(version),
      versions_text(path))
  end
  return folder, number
end

--- Read a bundle: the latest version in `path`, another by `version`, or the folder of a version
--- itself. Raises, and says what to do, when a file is missing, is not what was saved, or comes
--- from a later format.
---     pcall(bundle.load, "/nowhere/x") --> false
---@param path string
---@param o? { version: integer|string }
---@return neap.Bundle
function bundle.load(path, o)
  local where = "bundle.load"
  opts.expect(where, "the path", path, "string")
  o = opts.merge(where, { version = opts.none }, o)
  path = #path > 1 and path:gsub("/+$", "") or path
  if not file.exists(path) then opts.raise("%s: there is no folder %s", where, path) end
  local folder, version = folder_of(where, path, o.version)
  local said, made_by = sealed.read(where, folder .. "/manifest.json", FORMAT, VERSION)
  check_files(where, folder, said.files)
  local ok, p = pcall(parts.read, where, folder, said)
  if not ok then
    opts.raise("%s: %s, made by neap %s, cannot be used by neap %s: %s", where, folder, made_by,
      base.version, (tostring(p):gsub("^[^\n]-:%d+: ", "", 1)))
  end
  local b = Bundle()
  b.path, b.version, b.neap, b.parts = folder, version or 0, made_by, p
  b.name, b.created, b.metrics = said.name, said.created, said.metrics
  for name, value in pairs(b.metrics) do
    if value == json.null then b.metrics[name] = 0 / 0 end
  end
  for _, name in ipairs { "features", "feature_names", "preprocess", "model", "calibrator",
    "threshold", "classes", "columns" } do
    b[name] = p[name]
  end
  return b
end

-- many bars ---------------------------------------------------------------------------------------

local function column_of(bars, name)
  if frame.is(bars) then return bars:has(name) and bars:column(name) or nil end
  return bars[name]
end

-- What the transformer makes of the features, N x its columns.
local function transformed(p, bars, x, allow_future)
  local t, n = p.preprocess, #x
  local own = x:take(tensor.of(p.inputs, { dtype = "i64" }), 2)
  if p.positional then return t:apply(own) end
  local columns = {}
  for _, name in ipairs { t.time, t.by } do
    local column = column_of(bars, name)
    local is_time = name == t.time
    if is_time and opts.kind(column) == "tensor" and column.dtype == "i64"
      or not is_time and category.is(column) then
      columns[#columns + 1] = { name, column, is_time and "time" or nil }
    end
  end
  for i, name in ipairs(t.inputs) do
    columns[#columns + 1] = { name, own:slice(2, i, i):reshape(n) }
  end
  return t:apply(frame.new(columns), { allow_future = allow_future }):matrix(p.made_names)
end

--- What the bundle says of bars, a frame with the columns `time` and the symbol (where the bars
--- have them), `probability` (calibrated, of the larger of two classes, or of the one that is
--- given), `class` (of two the larger when its probability exceeds the threshold, else the most
--- probable; NaN where nothing is known) and `decision` (the probability exceeds the threshold).
--- With more than two classes there is `p_<class>` for each; a regression has `value`, and
--- `decision` with a threshold. Linear models know nothing of rows with missing columns.
---
--- Bars that lie before the end of what `preprocess` was fitted on are refused unless
--- `allow_future`.
---     local bars = market.synthetic { rows = 200 }
---     local set = features.set { "rsi_7", "ret_1" }
---     local x, y = set:compute(bars), bars.close:gt(bars.open):to "i64"
---     local folder = file.temporary_folder()
---     bundle.save(folder, { features = set,
---       model = gbdt.fit(x, y, { objective = "binary", num_iterations = 3 }) })
---     bundle.load(folder):predict(bars):columns()[2] --> probability
---     file.remove_tree(folder)
---@param bars table
---@param o? { allow_future: boolean }
---@return neap.frame
function Bundle:predict(bars, o)
  o = opts.merge("bundle:predict", { allow_future = false }, o)
  local p = self.parts
  local x = p.features:compute(bars, { by = p.by, cadence = p.cadence }):matrix(p.feature_names)
  local all = x
  if p.preprocess then
    all = tensor.cat({ x, transformed(p, bars, x, o.allow_future) }, 2)
  end
  local columns = score.columns(p, all:take(tensor.of(p.places, { dtype = "i64" }), 2))
  local time = column_of(bars, "time")
  local front = {}
  if opts.kind(time) == "tensor" then
    front[1] = { "time", time, time.dtype == "i64" and "time" or nil }
  end
  if p.by then front[#front + 1] = { p.by, column_of(bars, p.by) } end
  return frame.new(table.move(columns, 1, #columns, #front + 1, front))
end

-- bar by bar --------------------------------------------------------------------------------------

---@class neap.Bundle.stream
local Stream = class "neap.Bundle.stream"

--- Live bars, one after the other, from a fresh start: feed it the bars of the warm-up first.
---     local bars = market.synthetic { rows = 200 }
---     local set = features.set { "rsi_7", "ret_1" }
---     local x, y = set:compute(bars), bars.close:gt(bars.open):to "i64"
---     local folder = file.temporary_folder()
---     bundle.save(folder, { features = set,
---       model = gbdt.fit(x, y, { objective = "binary", num_iterations = 3 }) })
---     local s = bundle.load(folder):stream()
---     s:push({ close = 5 }).decision ~= nil --> true
---     file.remove_tree(folder)
---@return neap.Bundle.stream
function Bundle:stream()
  local p, s = self.parts, Stream()
  s.bundle, s.parts = self, p
  s.features = p.features:stream { by = p.by, cadence = p.cadence }
  s.transformer = p.preprocess and p.preprocess:stream()
  return s
end

-- The features and what the transformer makes of them, in one array.
local function row_of(s, bar, row)
  local p = s.parts
  if not s.transformer then return row end
  local all, given = table.move(row, 1, #row, 1, {}), {}
  for i, at in ipairs(p.inputs) do given[i] = row[at] end
  given[p.preprocess.by] = bar[p.preprocess.by]
  return table.move(s.transformer:push(given), 1, #p.made_names, #all + 1, all)
end

local function judge(s, bar, row)
  local p, all, x = s.parts, row_of(s, bar, row), {}
  for i, place in ipairs(p.places) do x[i] = all[place] end
  local result = { time = bar.time }
  for _, column in ipairs(score.columns(p, tensor.of(x, { dtype = "f64" }):view(1, #x))) do
    result[column[1]] = column[2][1]
  end
  return result
end

--- What the bundle says of one new bar (a table of numbers by column name, with the symbol where
--- the bundle has `by`): a table with the columns of `predict`, equal to them bit for bit.
---     local bars = market.synthetic { rows = 200 }
---     local set = features.set { "rsi_7", "ret_1" }
---     local x, y = set:compute(bars), bars.close:gt(bars.open):to "i64"
---     local folder = file.temporary_folder()
---     bundle.save(folder, { features = set,
---       model = gbdt.fit(x, y, { objective = "binary", num_iterations = 3 }) })
---     local b = bundle.load(folder)
---     local s = b:stream()
---     s:push({ close = bars.close[1] }).probability == b:predict(bars).probability[1] --> true
---     file.remove_tree(folder)
---@param bar table
---@return table
function Stream:push(bar)
  opts.expect("stream:push", "the bar", bar, "table")
  return judge(self, bar, self.features:push(bar))
end

--- The same for all bars of one time, an array with one bar of each symbol, which features that
--- compare symbols need.
---     local bars = market.synthetic { rows = 200 }
---     local set = features.set { "rsi_7", "ret_1" }
---     local x, y = set:compute(bars), bars.close:gt(bars.open):to "i64"
---     local folder = file.temporary_folder()
---     bundle.save(folder, { features = set, by = "symbol",
---       model = gbdt.fit(x, y, { objective = "binary", num_iterations = 3 }) })
---     local s = bundle.load(folder):stream()
---     #s:push_all { { symbol = "A", close = 5 }, { symbol = "B", close = 6 } } --> 2
---     file.remove_tree(folder)
---@param bars table[]
---@return table[]
function Stream:push_all(bars)
  local out = {}
  for i, row in ipairs(self.features:push_all(bars)) do out[i] = judge(self, bars[i], row) end
  return out
end

return bundle
