--- Categorical features of trees: text columns of frames as codes, and categories not seen.
---
--- A text column has a list of texts in the model, its levels; text number i has the code i - 1, as
--- in LightGBM's Python package. Frames are read by text, so their own codes do not matter.
local design = require "neap.design"
local json = require "neap.json"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local categories = {}

--- A feature's name as files of LightGBM have it, without blanks.
---@param name string
---@return string
function categories.spelling(name) return (name:gsub("[ \t\n\r]", "_")) end

-- All columns but times, and which of them are text.
local function feature_columns(f)
  local names, text = {}, {}
  for _, name in ipairs(f:columns()) do
    local dtype = f:dtype(name)
    if dtype ~= "time" then names[#names + 1] = name end
    if dtype == "category" then text[#names] = true end
  end
  return names, text
end

local function index_of(texts)
  local index = {}
  for i, text in ipairs(texts) do index[text] = i - 1 end
  return index
end

-- The levels of a column: those known, then its own new ones.
local function extended(known, labels)
  local texts, seen = {}, {}
  for _, list in ipairs { known or {}, labels } do
    for _, text in ipairs(list) do
      if not seen[text] then texts[#texts + 1], seen[text] = text, true end
    end
  end
  return texts
end

local function refuse_unseen(where, name, column, index)
  for _, text in ipairs(column.labels) do
    if not index[text] and column:eq(text):any() then
      opts.raise("%s: feature '%s' has the category '%s', which training did not have", where, name,
        text)
    end
  end
end

-- A text column as codes: NaN where there is no text, one more than the last code for a text that
-- is no level.
local function encode(where, name, column, texts, unseen)
  local index, codes = index_of(texts), { 0 / 0 }
  for i, text in ipairs(column.labels) do
    codes[i + 1] = index[text] or (unseen == "missing" and 0 / 0 or #texts)
  end
  if unseen == "error" then refuse_unseen(where, name, column, index) end
  return tensor.of(codes, { dtype = "f64" }):take(column.codes:to "i64":add(1))
end

-- The columns `names` of a frame as a matrix, those with levels by their texts.
local function matrix(where, f, names, levels, unseen)
  local coded = {}
  for i, name in ipairs(names) do
    local column, text = f:column(name), f:dtype(name) == "category"
    if text ~= (levels[i] ~= nil) then
      opts.raise("%s: feature '%s' is %s here, the model was fitted on %s", where, name,
        text and "text" or "numbers", text and "numbers" or "text")
    end
    if text then
      coded[#coded + 1] = { name, encode(where, name, column, levels[i], unseen) }
    end
  end
  return (#coded > 0 and f:assign(coded) or f):matrix(names)
end

--- The matrix and the names of x for a fit; anything but a frame is returned as it is. `text` holds
--- what text columns are: `unseen` (the policy), `known` (levels of a model to continue), and after
--- the first frame `names` and `levels` (by number of the column), which later frames must fit.
---@param where string
---@param x any
---@param text table
---@return any
---@return string[]?
function categories.matrix(where, x, text)
  if not design.is_frame(x) then return x end
  local names, is_text = feature_columns(x)
  if text.levels then
    design.same_names(where, names, text.names)
    return matrix(where, x, names, text.levels, text.unseen), names
  end
  text.names, text.levels = names, {}
  for i, name in ipairs(names) do
    local known = text.known and text.known[i]
    if is_text[i] then text.levels[i] = extended(known, x:column(name).labels) end
  end
  return matrix(where, x, names, text.levels, text.unseen), names
end

--- Columns of a matrix, which may be a table of rows.
---@param x neap.tensor|table
---@return integer
function categories.width(x)
  if type(x) == "table" then return type(x[1]) == "table" and #x[1] or 0 end
  opts.expect("gbdt.fit", "x", x, "tensor")
  return x.shape[2] or 0
end

--- The numbers of the features that `given` (a name, a number, or several) and the text
--- columns name, in rising order.
---@param given any
---@param names string[]?
---@param levels table<integer, string[]>?
---@param features integer
---@return integer[]
function categories.positions(given, names, levels, features)
  local is, out = {}, {}
  for i in pairs(levels or {}) do is[i] = true end
  if type(given) ~= "table" then given = { given } end
  for _, item in ipairs(given) do
    is[categories.position("categorical_feature", item, names, features)] = true
  end
  for i = 1, features do
    if is[i] then out[#out + 1] = i end
  end
  return out
end

--- The number of the feature that `item` names or counts.
---@param option string
---@param item any
---@param names string[]?
---@param features integer
---@return integer
function categories.position(option, item, names, features)
  if type(item) == "string" then
    for i, name in ipairs(names or {}) do
      if name == item or categories.spelling(name) == item then return i end
    end
    if not names then
      opts.raise("gbdt.fit: %s names '%s', but the features of a tensor have no names; give "
        .. "feature_names, or its number", option, item)
    end
    opts.unknown("gbdt.fit: " .. option, "feature", item, names)
  end
  local i = type(item) == "number" and math.tointeger(item)
  if not i or i < 1 or i > features then
    opts.raise("gbdt.fit: %s: there is no feature %s, x has %d (they count from 1)", option,
      tostring(item), features)
  end
  return i
end

--- Give a fresh model its levels and policy, and its params the categorical columns (from 0) as
--- files name them.
---@param core neap.gbdt
---@param levels table<integer, string[]>?
---@param params table
function categories.keep(core, levels, params)
  local lists, columns = {}, {}
  for i = 1, core:features() do
    if levels and levels[i] then
      lists[#lists + 1] = json.encode(levels[i])
      columns[#columns + 1] = i - 1
    end
  end
  if #lists > 0 then
    core:set_levels("[" .. table.concat(lists, ", ") .. "]")
    core:set_fact("text_columns", table.concat(columns, ","))
  end
  local all = core:categorical()
  for i, column in ipairs(all) do all[i] = column - 1 end
  if #all == 0 then return end
  params.categorical_feature = table.concat(all, ",")
  if params.unseen ~= "missing" then core:set_fact("unseen", params.unseen) end
end

--- The levels of a model by number of the column; nil when it has none. A file that does not name
--- the columns means all categorical ones.
---@param core neap.gbdt
---@return table<integer, string[]>?
function categories.levels(core)
  local text, columns = core:levels(), core:fact "text_columns"
  if text:sub(1, 1) ~= "[" then return nil end
  local lists, at, levels = json.decode(text, "gbdt.load: pandas_categorical"), {}, {}
  for number in (columns or ""):gmatch "%d+" do at[#at + 1] = tonumber(number) + 1 end
  if not columns then at = core:categorical() end
  if #lists == 0 or #lists ~= #at then return nil end
  for k, list in ipairs(lists) do
    levels[at[k]] = {}
    for i, level in ipairs(list) do levels[at[k]][i] = tostring(level) end
  end
  return levels
end

--- The matrix to predict from: frames by the names and levels of the model, then its policy for
--- categories that it has not seen.
---@param model neap.gbdt.Model
---@param where string
---@param x any
---@return neap.tensor
function categories.inputs(model, where, x)
  local rows
  if design.is_data(x) and design.is_frame(x.x) then x = x.x end
  if design.is_frame(x) then
    local names = design.columns(where, x, model.feature_names, categories.spelling)
    rows = matrix(where, x, names, model.levels or {}, model.unseen)
  else
    rows = design.inputs(where, x, model.feature_names, categories.spelling)
  end
  if model.unseen == "missing" then return rows end
  return model.core:admit(rows, model.unseen)
end

return categories
