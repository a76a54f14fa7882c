--- One step of a transformer: which columns it takes, what it learned of them, and where its
--- results go. What it computes is its kind's, see scale.lua and its neighbours:
---
--- - `fit(c)` learns a state of tensors, numbers and lists from c.x (n x k, the chosen columns of
---   numbers), c.names, c.texts (the chosen columns of text) and c.o (its options);
--- - `apply(c)` with c.state gives the k columns anew, or nil when they go, and added columns or
---   nil; `added(state, c)` names these;
--- - `inverse(c)` gives back the k columns, and texts by name, from c.kept and c.added.
local opts = require "neap.opts"
local sheet = require "neap.preprocess.sheet"
local tensor = require "neap.tensor"

local step = {}

local function positions(list) return tensor.of(list, { dtype = "i64" }) end

-- Whether a list of positions is 1, 2, ... n.
local function is_whole(list, n)
  for i = 1, n do if list[i] ~= i then return false end end
  return #list == n
end

-- Columns of x at the positions; x itself when these are all.
local function pick(x, list)
  if is_whole(list, x:size(2)) then return x end
  return x:take(positions(list), 2)
end

-- The names of columns chosen by position or name, and which are text.
local function choose(s, sheet_in)
  local where, at = s.where, sheet.position_of(sheet_in.names)
  local numbers, texts, seen = {}, {}, {}
  local chosen = s.columns
  if not chosen then
    chosen = {}
    if s.kind.texts then
      for name in pairs(sheet_in.texts) do chosen[#chosen + 1] = name end
      table.sort(chosen)
    else
      chosen = sheet_in.names
    end
  end
  for _, name in ipairs(chosen) do
    if math.type(name) == "integer" then name = sheet_in.names[name] or "x" .. name end
    if seen[name] then opts.raise("%s: column '%s' is named twice", where, name) end
    seen[name] = true
    if at[name] then
      numbers[#numbers + 1] = name
    elseif not sheet_in.texts[name] then
      local known = table.move(sheet_in.names, 1, #sheet_in.names, 1, {})
      for text in pairs(sheet_in.texts) do known[#known + 1] = text end
      opts.unknown(where, "column", tostring(name), known)
    elseif not s.kind.takes_text then
      opts.raise("%s: column '%s' is text; one_hot and ordinal make numbers of it", where, name)
    else
      texts[#texts + 1] = name
    end
  end
  if #numbers + #texts == 0 then opts.raise("%s: there is no column to work on", where) end
  return numbers, texts, at
end

-- Where the columns of the result come from: positions in { x, kept, added }, and their names.
local function lay_out(s, sheet_in, keeps, added)
  local width, order, names, chosen = #sheet_in.names, {}, {}, {}
  for j, i in ipairs(s.at) do chosen[i] = j end
  for i, name in ipairs(sheet_in.names) do
    if not chosen[i] or keeps then
      order[#order + 1] = chosen[i] and width + chosen[i] or i
      names[#names + 1] = name
    end
  end
  local first = width + (keeps and #s.at or 0)
  local taken = sheet.position_of(names)
  for k, name in ipairs(added) do
    if taken[name] or (sheet_in.texts[name] and not s.kind.takes_text) then
      opts.raise("%s: a new column would be called '%s', and there is one", s.where, name)
    end
    order[#order + 1], names[#names + 1] = first + k, name
  end
  return order, names
end

local function context(s, sheet_in)
  local texts = {}
  for i, name in ipairs(s.texts) do texts[i] = sheet_in.texts[name] end
  return { where = s.where, o = s.o, state = s.state, n = sheet_in.n, names = s.numbers,
    text_names = s.texts, texts = texts, x = pick(sheet_in.x, s.at), groups = sheet_in.groups,
    group = sheet_in.group }
end

--- A step fitted on a sheet; `spec` stays as it was.
---@param spec table
---@param sheet_in table
---@return table
function step.fit(spec, sheet_in)
  local s = { kind = spec.kind, o = spec.o, columns = spec.columns, where = spec.where }
  local at
  s.numbers, s.texts, at = choose(s, sheet_in)
  s.at = {}
  for j, name in ipairs(s.numbers) do s.at[j] = at[name] end
  s.width = #sheet_in.names
  s.state = {}
  local c = context(s, sheet_in)
  s.state = s.kind.fit(c)
  s.constant, s.empty = c.constant or {}, c.empty or {}
  c.state = s.state
  local added = s.kind.added and s.kind.added(c) or {}
  s.names_in = sheet_in.names
  s.keeps = not s.kind.replaces
  s.order, s.names_out = lay_out(s, sheet_in, s.keeps, added)
  return s
end

--- The sheet with the step's columns transformed. `memory` is a table that a stream keeps from row
--- to row.
---@param s table
---@param sheet_in table
---@param memory? table
---@return table
function step.apply(s, sheet_in, memory)
  local c = context(s, sheet_in)
  c.memory = memory
  local kept, added = s.kind.apply(c)
  local parts, out = { sheet_in.x, kept or added, kept and added or nil }, {}
  for key, value in pairs(sheet_in) do out[key] = value end
  if kept and not added and is_whole(s.at, s.width) then out.x = kept
  elseif added and not kept and #s.at == s.width then out.x = added
  else out.x = tensor.cat(parts, 2):take(positions(s.order), 2) end
  out.names = s.names_out
  if #s.texts > 0 then
    out.texts = {}
    for name, text in pairs(sheet_in.texts) do out.texts[name] = text end
    for _, name in ipairs(s.texts) do out.texts[name] = nil end
  end
  return out
end

--- The sheet before the step, from the one after it.
---@param s table
---@param sheet_out table
---@return table
function step.inverse(s, sheet_out)
  local x, kept, added, rest, back = sheet_out.x, {}, {}, {}, {}
  for to, from in ipairs(s.order) do
    if from <= s.width then
      rest[#rest + 1], back[from] = to, #rest + 1
    elseif s.keeps and from <= s.width + #s.at then
      kept[from - s.width] = to
    else
      added[#added + 1] = to
    end
  end
  local c = { where = s.where, o = s.o, state = s.state, n = sheet_out.n, names = s.numbers,
    text_names = s.texts, kept = pick(x, kept), added = pick(x, added) }
  local restored, texts = s.kind.inverse(c)
  for j, from in ipairs(s.at) do back[from] = #rest + j end
  local out = {}
  for key, value in pairs(sheet_out) do out[key] = value end
  out.x = restored and tensor.cat({ pick(x, rest), restored }, 2) or pick(x, rest)
  out.x, out.names = pick(out.x, back), s.names_in
  if texts then
    out.texts = {}
    for name, text in pairs(sheet_out.texts) do out.texts[name] = text end
    for name, text in pairs(texts) do out.texts[name] = text end
  end
  return out
end

return step
