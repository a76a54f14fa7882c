--- Options of gbdt.fit that speak of single columns, by name or number.
local categories = require "neap.gbdt.categories"
local opts = require "neap.opts"

local columns = {}

local function expect_table(option, given)
  if type(given) == "table" then return end
  opts.raise("gbdt.fit: %s must be a table, got %s", option, type(given))
end

-- A number for each feature, from an array of all of them or a table by name; `rest` for features
-- that such a table leaves out.
local function each(option, given, names, features, rest)
  expect_table(option, given)
  local out, by_name = {}, next(given) == nil or #given == 0
  if not by_name then return given end
  for i = 1, features do out[i] = rest end
  for _, key in ipairs(opts.names(given)) do
    out[categories.position(option, key, names, features)] = given[key]
  end
  return out
end

-- Arrays of numbers from arrays of names or numbers.
local function groups(given, names, features)
  local option, out = "interaction_constraints", {}
  expect_table(option, given)
  for i, group in ipairs(given) do
    expect_table(option, group)
    out[i] = {}
    for k, item in ipairs(group) do
      out[i][k] = categories.position(option, item, names, features)
    end
  end
  return out
end

--- Put what `o` says of columns into the engine's options, as numbers that count from 1.
---@param o table
---@param engine table
---@param names string[]?
---@param levels table<integer, string[]>? of text columns
---@param x neap.tensor|table
function columns.resolve(o, engine, names, levels, x)
  local features = categories.width(x)
  if o.categorical_feature or levels then
    engine.categorical_feature = categories.positions(o.categorical_feature, names, levels,
      features)
  end
  if o.monotone_constraints then
    engine.monotone_constraints = each("monotone_constraints", o.monotone_constraints, names,
      features, 0)
  end
  if o.feature_contri then
    engine.feature_contri = each("feature_contri", o.feature_contri, names, features, 1)
  end
  if o.interaction_constraints then
    engine.interaction_constraints = groups(o.interaction_constraints, names, features)
  end
end

-- "[0,2],[1]": features from 0, as LightGBM writes them.
local function groups_text(list)
  local out = {}
  for i, group in ipairs(list) do
    local numbers = {}
    for k, v in ipairs(group) do numbers[k] = v - 1 end
    out[i] = "[" .. table.concat(numbers, ",") .. "]"
  end
  return table.concat(out, ",")
end

--- The same as files have it, into the params of a model.
---@param engine table
---@param params table
function columns.keep(engine, params)
  for _, option in ipairs { "monotone_constraints", "feature_contri" } do
    if engine[option] then params[option] = table.concat(engine[option], ",") end
  end
  local together = engine.interaction_constraints
  if together then params.interaction_constraints = groups_text(together) end
end

local function numbers_of(text)
  local out = {}
  for number in text:gmatch "[^,]+" do out[#out + 1] = tonumber(number) end
  return out
end

--- The options of gbdt.fit that `keep` put into the params of a model, or a file has.
---@param given table? params
---@return table options
function columns.options(given)
  local out = {}
  for _, option in ipairs { "monotone_constraints", "feature_contri" } do
    local text = tostring(given and given[option] or "")
    if text ~= "" then out[option] = numbers_of(text) end
  end
  for group in tostring(given and given.interaction_constraints or ""):gmatch "%[([^%]]*)%]" do
    out.interaction_constraints = out.interaction_constraints or {}
    local list = numbers_of(group)
    for i, number in ipairs(list) do list[i] = math.tointeger(number) + 1 end
    table.insert(out.interaction_constraints, list)
  end
  return out
end

return columns
