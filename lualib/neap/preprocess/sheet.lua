--- Frames, datasets and tensors as what transformers compute on: a matrix with named columns, and
--- columns of text beside it; and back.
---
--- A sheet has `n` rows, `x` (n x F, f64), `names` of its F columns, `texts` { name -> { codes,
--- labels } }, and where the data say so `times` (i64) and `groups` ({ codes, labels }).
local category = require "neap.frame.category"
local design = require "neap.design"
local frame = require "neap.frame"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local sheet = {}

local function is_data(x) return type(x) == "table" and not frame.is(x) and x.x ~= nil end

--- The names that columns of a bare tensor go by: x1, x2, ...
---@param n integer
---@return string[]
function sheet.plain_names(n)
  local names = {}
  for i = 1, n do names[i] = "x" .. i end
  return names
end

--- Row and column of the first true element of a matrix, if there is one.
---@param mask neap.tensor
---@return integer? row
---@return integer? column
function sheet.first(mask)
  if not mask:any() then return nil end
  local at = mask:nonzero()[1] - 1
  return at // mask:size(2) + 1, at % mask:size(2) + 1
end

local function matrix_of(where, x)
  opts.expect(where, "the rows", x, "tensor")
  if #x.shape ~= 2 then
    opts.raise("%s: N x F rows expected, got %d dims; of one column make x:view(-1, 1)", where,
      #x.shape)
  end
  return x:to "f64"
end

local function position_of(names)
  local at = {}
  for i, name in ipairs(names) do at[name] = i end
  return at
end

-- What is wrong with `names` as the names of the columns `known`, at the first that differs.
local function check_same(where, names, known)
  local there = position_of(names)
  for i, name in ipairs(known) do
    if not there[name] then
      opts.raise("%s: column '%s' is missing; it was fitted on %d columns, here are %d", where,
        name, #known, #names)
    end
    if names[i] ~= name then
      opts.raise("%s: column %d is '%s', it was fitted on '%s'", where, i, names[i], name)
    end
  end
  if #names > #known then
    opts.raise("%s: column '%s' is one too many, it was fitted on %d", where, names[#known + 1],
      #known)
  end
end

-- frames ------------------------------------------------------------------------------------------

local function is_number(f, name)
  local dtype = f:dtype(name)
  return dtype ~= "time" and dtype ~= "category"
end

-- The columns that steps will ask for: all that hold numbers when one takes all, and those named.
local function wanted_of(where, f, steps)
  local numbers, texts, named, all_numbers, all_texts = {}, {}, {}, false, false
  for i, step in ipairs(steps) do
    if not step.columns then
      if step.kind.texts then all_texts = true else all_numbers = true end
    end
    for _, name in ipairs(step.columns or {}) do
      if type(name) ~= "string" then
        opts.raise("%s: column %s: columns of a frame are named", where, tostring(name))
      end
      if i == 1 and not f:has(name) then opts.unknown(where, "column", name, f:columns()) end
      named[name] = true
    end
  end
  for _, name in ipairs(f:columns()) do
    local dtype = f:dtype(name)
    if named[name] and dtype == "time" then
      opts.raise("%s: column '%s' is a time, not numbers", where, name)
    end
    if dtype == "category" then
      if named[name] or all_texts then texts[#texts + 1] = name end
    elseif dtype ~= "time" and (named[name] or all_numbers) then
      numbers[#numbers + 1] = name
    end
  end
  return numbers, texts
end

local function read_frame(where, f, numbers, texts, o)
  local out = { n = #f, names = numbers, texts = {} }
  for _, list in ipairs { numbers, texts } do
    for _, name in ipairs(list) do
      if not f:has(name) then
        local near = opts.nearest(name, f:columns())
        opts.raise("%s: column '%s' is missing, and it was fitted on it%s", where, name,
          near and (" (is '%s' meant?)"):format(near) or "")
      end
    end
  end
  for _, name in ipairs(numbers) do
    if not is_number(f, name) then
      opts.raise("%s: column '%s' is a %s, it was fitted on numbers", where, name, f:dtype(name))
    end
  end
  for _, name in ipairs(texts) do
    if f:dtype(name) ~= "category" then
      opts.raise("%s: column '%s' is %s, it was fitted on text", where, name, f:dtype(name))
    end
    local column = f:column(name)
    out.texts[name] = { codes = column.codes, labels = column.labels }
  end
  out.x = #numbers > 0 and f:matrix(numbers) or tensor.zeros { #f, 0 }
  if f:has(o.time) and f:dtype(o.time) == "time" then out.times = f:column(o.time) end
  if f:has(o.by) and f:dtype(o.by) == "category" then
    local by = f:column(o.by)
    out.groups = { codes = by.codes, labels = by.labels }
  end
  return out
end

-- reading -----------------------------------------------------------------------------------------

-- A matrix with its names, as a sheet.
local function of_matrix(x, names, source)
  local out = { n = #x, x = x, names = names, texts = {} }
  if source then
    out.times = source.times
    local by = source.symbols
    if category.is(by) then out.groups = { codes = by.codes, labels = by.labels } end
  end
  return out
end

--- The sheet of data that transformers are fitted on, and what they must find again: { numbers,
--- texts, named }.
---@param where string
---@param data any
---@param steps table[]
---@param o table time, by
---@return table sheet
---@return table inputs
function sheet.of_training(where, data, steps, o)
  if frame.is(data) then
    local numbers, texts = wanted_of(where, data, steps)
    if #numbers + #texts == 0 then opts.raise("%s: the frame has no column to fit on", where) end
    return read_frame(where, data, numbers, texts, o),
      { numbers = numbers, texts = texts, named = true }
  end
  if is_data(data) then
    local x = matrix_of(where, data.x)
    local names = data.names or sheet.plain_names(x:size(2))
    if #names ~= x:size(2) then
      opts.raise("%s: %d names for %d columns", where, #names, x:size(2))
    end
    return of_matrix(x, names, data), { numbers = names, texts = {}, named = data.names ~= nil }
  end
  local x = matrix_of(where, data)
  local names = sheet.plain_names(x:size(2))
  return of_matrix(x, names), { numbers = names, texts = {}, named = false }
end

--- The sheet of data that a fitted transformer is applied to: columns of frames are found by name,
--- those of datasets must be the fitted ones in their order, a tensor must have as many.
---@param where string
---@param data any
---@param inputs table
---@param o table time, by
---@return table
function sheet.of_data(where, data, inputs, o)
  if frame.is(data) then return read_frame(where, data, inputs.numbers, inputs.texts, o) end
  if #inputs.texts > 0 then
    opts.raise("%s: it was fitted on text (column '%s'), a frame is needed", where,
      inputs.texts[1])
  end
  if is_data(data) then
    local x = matrix_of(where, data.x)
    if data.names and inputs.named then check_same(where, data.names, inputs.numbers) end
    if x:size(2) ~= #inputs.numbers then
      opts.raise("%s: %d columns, it was fitted on %d", where, x:size(2), #inputs.numbers)
    end
    return of_matrix(x, inputs.numbers, data)
  end
  local x = matrix_of(where, data)
  if x:size(2) ~= #inputs.numbers then
    opts.raise("%s: %d columns, it was fitted on %d", where, x:size(2), #inputs.numbers)
  end
  return of_matrix(x, inputs.numbers)
end

--- One row, numbers in the order of the inputs or by name, as a sheet; a name that is missing is an
--- error, and so is a value that is no number (no text).
---@param where string
---@param row table
---@param inputs table
---@param by string the name of the group
---@return table
function sheet.of_row(where, row, inputs, by)
  opts.expect(where, "the row", row, "table")
  local values, out = row, { n = 1, names = inputs.numbers, texts = {} }
  if row[by] ~= nil then out.group = tostring(row[by]) end
  if row[1] == nil then
    values = {}
    for i, name in ipairs(inputs.numbers) do values[i] = row[name] end
  elseif #inputs.texts > 0 then
    opts.raise("%s: it was fitted on text (column '%s'), so a row is a table by name", where,
      inputs.texts[1])
  end
  for i, name in ipairs(inputs.numbers) do
    if type(values[i]) ~= "number" then
      opts.raise("%s: column '%s' is %s, a number is expected (0/0 where there is none)", where,
        name, values[i] == nil and "missing" or "a " .. type(values[i]))
    end
  end
  if #values > #inputs.numbers then
    opts.raise("%s: %d numbers, it was fitted on %d columns", where, #values, #inputs.numbers)
  end
  for _, name in ipairs(inputs.texts) do
    local text = row[name]
    if type(text) ~= "string" and text ~= false then
      opts.raise("%s: column '%s' is %s, text is expected (false where there is none)", where, name,
        text == nil and "missing" or "a " .. type(text))
    end
    local given = text and text ~= ""
    out.texts[name] = { codes = tensor.of({ given and 1 or 0 }, { dtype = "i32" }),
      labels = { given and text or nil } }
  end
  out.x = #values > 0 and tensor.of(values, { dtype = "f64" }):view(1, #values)
    or tensor.zeros { 1, 0 }
  return out
end

-- giving back -------------------------------------------------------------------------------------

local function column_of(s, i, dtype)
  local x = s.x:slice(2, i, i):reshape(s.n)
  return dtype == "f32" and x:to "f32" or x
end

local function put_frame(where, s, f, taken)
  local columns, at, given = {}, position_of(s.names), {}
  for _, name in ipairs(f:columns()) do
    if at[name] and not taken[name] then
      opts.raise("%s: a new column would be called '%s', and the frame has one; rename it", where,
        name)
    end
    if at[name] then
      columns[#columns + 1] = { name, column_of(s, at[name], f:dtype(name)) }
    elseif s.texts[name] then
      columns[#columns + 1] = { name, category.of_codes(s.texts[name].codes,
        s.texts[name].labels) }
    elseif not taken[name] then
      columns[#columns + 1] = { name, f:column(name),
        f:dtype(name) == "time" and "time" or nil }
    end
    given[name] = true
  end
  for i, name in ipairs(s.names) do
    if not given[name] then columns[#columns + 1] = { name, column_of(s, i) } end
  end
  local names = {}
  for name in pairs(s.texts) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if not given[name] then
      columns[#columns + 1] = { name, category.of_codes(s.texts[name].codes,
        s.texts[name].labels) }
    end
  end
  return frame.new(columns)
end

--- The sheet in the form that `data` has: a frame with the columns `taken` replaced and the others
--- as they were, a dataset with other x and names, or a tensor. f32 stays f32.
---@param where string
---@param s table
---@param data any
---@param taken string[] the columns that the sheet was made of
---@return any
function sheet.like(where, s, data, taken)
  if frame.is(data) then return put_frame(where, s, data, position_of(taken)) end
  local source = data
  if is_data(data) then source = data.x end
  local x = source.dtype == "f32" and s.x:to "f32" or s.x
  if not is_data(data) then return x end
  if data.with_x then return data:with_x(x, s.names) end
  local out = setmetatable({}, getmetatable(data))
  for key, value in next, data do out[key] = value end
  out.x, out.names = x, s.names
  return out
end

sheet.position_of, sheet.is_frame = position_of, design.is_frame

return sheet
