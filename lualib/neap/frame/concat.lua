--- Frames one below the other; loaded by neap.frame.
local core = require "neap.frame.core"
local opts = require "neap.opts"
local stack = require "neap.frame.stack"

local frame = core.frame
local column_at, empty, put, state_of = core.column_at, core.empty, core.put, core.state_of

local where = "frame.concat"

local function check_same(frames)
  local first = state_of(frames[1], where)
  for i, f in ipairs(frames) do
    if #state_of(f, where).names ~= #first.names then
      opts.raise("%s: frame %d has %d columns, the first has %d; how = 'outer' fills what is "
        .. "missing, how = 'inner' leaves it out", where, i, #state_of(f).names, #first.names)
    end
  end
end

-- The names of the result: those of any frame by first appearance, or of all.
local function names_of(frames, how)
  local names, count = {}, {}
  for _, f in ipairs(frames) do
    for _, name in ipairs(state_of(f, where).names) do
      if not count[name] then names[#names + 1] = name end
      count[name] = (count[name] or 0) + 1
    end
  end
  if how == "outer" then return names end
  local all = {}
  for _, name in ipairs(names) do
    if how == "same" or count[name] == #frames then all[#all + 1] = name end
  end
  return all
end

-- The parts of one column; frames that lack it give missing values.
local function parts_of(frames, name, how)
  local parts, model, from = {}, nil, nil
  for i, f in ipairs(frames) do
    local column = how == "same" and column_at(f, where, name) or state_of(f).columns[name]
    if column and model and column.kind ~= model.kind then
      opts.raise("%s: column '%s' is a %s in frame %d and a %s in frame %d", where, name,
        column.kind, i, model.kind, from)
    end
    if column and not model then model, from = column, i end
    parts[i] = column or false
  end
  for i, part in ipairs(parts) do
    if not part then parts[i] = stack.missing(model, #frames[i]) end
  end
  return parts
end

--- The rows of several frames, one below the other. All must have the columns of the first, in any
--- order; with `how = "outer"` columns that a frame lacks are missing in its rows (NaN, NaT;
--- integers and bools become f64), with `how = "inner"` only columns that all have are kept. Texts
--- get one list of labels, numbers their common dtype.
---     #frame.concat { frame.new { { "x", { 1 } } }, frame.new { { "x", { 2, 3 } } } } --> 3
---@param frames neap.frame[]
---@param o? { how: string }
---@return neap.frame
function frame.concat(frames, o)
  opts.expect(where, "frames", frames, "table")
  if frame.is(frames) then opts.raise("%s: frames are one array, as in { f, g }", where) end
  local how = opts.merge(where, { how = "same" }, o).how
  if how ~= "same" and how ~= "outer" and how ~= "inner" then
    opts.unknown(where, "how", tostring(how), { "same", "outer", "inner" })
  end
  local out = empty()
  for _, f in ipairs(frames) do state_of(f, where) end
  if #frames == 0 then return out end
  if how == "same" then check_same(frames) end
  for _, name in ipairs(names_of(frames, how)) do
    put(out, where, name, stack.columns(parts_of(frames, name, how)))
  end
  return out
end
