--- Steps that make numbers of kinds of things: one_hot, ordinal. They take columns of text, and
--- columns of numbers that stand for kinds, such as weekdays.
local opts = require "neap.opts"
local sheet = require "neap.preprocess.sheet"
local tensor = require "neap.tensor"

local MOST = 1000 -- kinds in a column; more is a column of measurements, or of text to read

local unknowns = { "error", "missing", "code" }

local function check(where, o)
  local known = false
  for _, name in ipairs(unknowns) do known = known or name == o.unknown end
  if not known then
    opts.unknown(where, "way with unknown categories", tostring(o.unknown),
      table.move(unknowns, 1, #unknowns, 1, {}))
  end
  if o.categories ~= nil then opts.expect(where, "option 'categories'", o.categories, "table") end
end

-- What stands in a column, sorted: labels, or numbers.
local function kinds_of_text(text)
  local used, out = {}, {}
  for _, code in ipairs(text.codes:unique():totable()) do used[code] = true end
  for code, label in ipairs(text.labels) do
    if used[code] then out[#out + 1] = label end
  end
  table.sort(out)
  return out
end

local function kinds_of_numbers(x)
  local values = x[~x:isnan()]:unique()
  return #values <= MOST and values:totable() or {}, #values
end

local function number_text(v)
  return math.tointeger(v) and ("%d"):format(v) or ("%.17g"):format(v)
end

-- The categories that the user lists for a column, checked against what stands in it.
local function given(s, name, found, is_text)
  local list = s.o.categories and s.o.categories[name]
  if list == nil then return found end
  opts.expect(s.where, ("the categories of '%s'"):format(name), list, "table")
  local known = {}
  for i, v in ipairs(list) do
    if type(v) ~= (is_text and "string" or "number") or v ~= v or known[v] then
      opts.raise("%s: category %d of '%s' is %s, distinct %s are expected", s.where, i, name,
        tostring(v), is_text and "texts" or "numbers")
    end
    known[v] = true
  end
  for _, v in ipairs(found) do
    if not known[v] and s.o.unknown == "error" then
      opts.raise("%s: column '%s' holds '%s', which is not among its categories", s.where, name,
        tostring(v))
    end
  end
  return table.move(list, 1, #list, 1, {})
end

-- categories[j] of the j-th column: numbers first, then texts.
local function fit(s)
  local all = {}
  for name in pairs(s.o.categories or {}) do
    local at = sheet.position_of(s.names)[name] or sheet.position_of(s.text_names)[name]
    if not at then opts.unknown(s.where, "column", name, { table.unpack(s.text_names) }) end
  end
  for j, name in ipairs(s.names) do
    local found, n = kinds_of_numbers(s.x:slice(2, j, j):reshape(s.n))
    if n > MOST then
      opts.raise("%s: column '%s' has %d different numbers, at most %d make categories", s.where,
        name, n, MOST)
    end
    all[j] = given(s, name, found, false)
  end
  for j, name in ipairs(s.text_names) do
    local found = kinds_of_text(s.texts[j])
    if #found > MOST then
      opts.raise("%s: column '%s' has %d categories, at most %d are taken", s.where, name, #found,
        MOST)
    end
    all[#s.names + j] = given(s, name, found, true)
  end
  s.empty = {}
  for j, list in ipairs(all) do
    if #list == 0 then s.empty[#s.empty + 1] = s.names[j] or s.text_names[j - #s.names] end
  end
  return { categories = all, unknown = s.o.unknown }
end

local function refuse(s, name, value, row)
  opts.raise("%s: row %d of column '%s' is '%s', which was not there when it was fitted; "
    .. "unknown = \"missing\" or \"code\" takes it", s.where, row, name, value)
end

-- Codes of a column of numbers: the place in a sorted or listed array, 0 missing, -1 unknown.
local function codes_of_numbers(x, list)
  if #list == 0 then return tensor.where(x:isnan(), 0, -1) end
  local order = {}
  for i = 1, #list do order[i] = i end
  table.sort(order, function(a, b) return list[a] < list[b] end)
  local sorted = {}
  for i, at in ipairs(order) do sorted[i] = list[at] + 0.0 end
  local known = tensor.of(sorted)
  local at = known:searchsorted(x):clamp(1, #list)
  local codes = tensor.of(order, { dtype = "f64" }):take(at)
  codes = tensor.where(known:take(at):eq(x), codes, -1)
  return tensor.where(x:isnan(), 0, codes)
end

-- Codes of a column of text, which may count other labels.
local function codes_of_text(text, list)
  local at, codes = sheet.position_of(list), { 0 }
  for code, label in ipairs(text.labels) do codes[code + 1] = at[label] or -1 end
  return tensor.of(codes, { dtype = "f64" }):take(text.codes:to "i64" + 1)
end

-- The codes of every column, unknown ones refused, or made missing (0) or one above the last.
local function codes_of(s)
  local out = {}
  for j, list in ipairs(s.state.categories) do
    local text = s.texts[j - #s.names]
    local name = s.names[j] or s.text_names[j - #s.names]
    local codes = text and codes_of_text(text, list)
      or codes_of_numbers(s.x:slice(2, j, j):reshape(s.n), list)
    local strange = codes:lt(0)
    if strange:any() then
      if s.state.unknown == "error" then
        local row = strange:nonzero():get(1)
        refuse(s, name, text and text.labels[text.codes:get(row)] or number_text(s.x:get(row, j)),
          row)
      end
      codes = tensor.where(strange, s.state.unknown == "code" and #list + 1 or 0, codes)
    end
    out[j] = codes
  end
  return out
end

local function label_of(v) return type(v) == "string" and v or number_text(v) end

-- What codes stand for: a tensor of numbers, or { codes, labels }.
local function decode(s, codes)
  local restored, texts = {}, {}
  for j, list in ipairs(s.state.categories) do
    local own = tensor.where(codes[j]:ge(1) & codes[j]:le(#list), codes[j], 0)
    if j <= #s.names then
      local values = { 0 / 0 }
      for i, v in ipairs(list) do values[i + 1] = v + 0.0 end
      restored[j] = tensor.of(values):take(own:to "i64" + 1)
    else
      texts[s.text_names[j - #s.names]] = { codes = own:to "i32", labels = list }
    end
  end
  return #restored > 0 and tensor.stack(restored, 2) or nil, texts
end

local one_hot = {
  options = { unknown = "error", categories = opts.none },
  check = check, fit = fit, texts = true, takes_text = true, replaces = true,
  added = function(s)
    local names = {}
    for j, list in ipairs(s.state.categories) do
      local name = s.names[j] or s.text_names[j - #s.names]
      for _, v in ipairs(list) do names[#names + 1] = name .. "_" .. label_of(v) end
      if s.state.unknown == "code" then names[#names + 1] = name .. "_unknown" end
    end
    return names
  end,
  apply = function(s)
    local columns = {}
    for j, codes in ipairs(codes_of(s)) do
      local n = #s.state.categories[j] + (s.state.unknown == "code" and 1 or 0)
      for k = 1, n do columns[#columns + 1] = codes:eq(k):to "f64" end
    end
    return nil, #columns > 0 and tensor.stack(columns, 2) or tensor.zeros { s.n, 0 }
  end,
  -- The first of equals; rows without a one are missing.
  inverse = function(s)
    local codes, first = {}, 1
    for j, list in ipairs(s.state.categories) do
      local n = #list + (s.state.unknown == "code" and 1 or 0)
      local own = tensor.zeros { s.n }
      if n > 0 and s.n > 0 then
        local value, at = s.added:slice(2, first, first + n - 1):max(2)
        own = tensor.where(value:gt(0), at:to "f64", 0)
      end
      codes[j], first = own, first + n
    end
    return decode(s, codes)
  end,
}

-- Numbers keep their place, text becomes a new column under its name.
local ordinal = {
  options = { unknown = "error", categories = opts.none },
  check = check, fit = fit, texts = true, takes_text = true,
  added = function(s) return s.text_names end,
  apply = function(s)
    local codes = codes_of(s)
    for j, own in ipairs(codes) do codes[j] = tensor.where(own:eq(0), 0 / 0, own) end
    local n = #s.names
    local kept = n > 0 and tensor.stack(table.move(codes, 1, n, 1, {}), 2) or nil
    local added = #codes > n and tensor.stack(table.move(codes, n + 1, #codes, 1, {}), 2) or nil
    return kept, added
  end,
  inverse = function(s)
    local codes = {}
    for j = 1, #s.state.categories do
      local from = j <= #s.names and s.kept or s.added
      local at = j <= #s.names and j or j - #s.names
      local own = from:slice(2, at, at):reshape(s.n)
      codes[j] = tensor.where(own:isnan(), 0, own)
    end
    return decode(s, codes)
  end,
}

return { one_hot = one_hot, ordinal = ordinal }
