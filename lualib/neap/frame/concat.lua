--- Frames one below the other; loaded by neap.frame.
local core = require "neap.frame.core"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local frame = core.frame
local column_at, empty, put, state_of = core.column_at, core.empty, core.put, core.state_of

-- Columns of several frames one below the other; text gets one list of labels.
local function concat_column(parts)
  local kind, tensors = parts[1].kind, {}
  if kind ~= "category" then
    for i, part in ipairs(parts) do tensors[i] = part.tensor end
    return { kind = kind, tensor = tensor.cat(tensors, 1) }
  end
  local labels, code_of = {}, {}
  for i, part in ipairs(parts) do
    local codes = { 0 }
    for code, label in ipairs(part.labels) do
      if not code_of[label] then
        labels[#labels + 1] = label
        code_of[label] = #labels
      end
      codes[code + 1] = code_of[label]
    end
    tensors[i] = tensor.of(codes, { dtype = "i32" }):take(part.tensor:to "i64":add(1))
  end
  return { kind = kind, tensor = tensor.cat(tensors, 1), labels = labels }
end

--- The rows of several frames, one below the other. All must have the columns of the first, in any
--- order.
---     #frame.concat { frame.new { { "x", { 1 } } }, frame.new { { "x", { 2, 3 } } } } --> 3
---@param frames neap.frame[]
---@return neap.frame
function frame.concat(frames)
  opts.expect("frame.concat", "frames", frames, "table")
  local out = empty()
  if #frames == 0 then return out end
  local first = state_of(frames[1], "frame.concat")
  for i, f in ipairs(frames) do
    if #state_of(f, "frame.concat").names ~= #first.names then
      opts.raise("frame.concat: frame %d has %d columns, the first has %d", i,
        #state_of(f).names, #first.names)
    end
  end
  for _, name in ipairs(first.names) do
    local parts = {}
    for i, f in ipairs(frames) do
      parts[i] = column_at(f, "frame.concat", name)
      if parts[i].kind ~= parts[1].kind then
        opts.raise("frame.concat: column '%s' is a %s in frame %d and a %s in the first", name,
          parts[i].kind, i, parts[1].kind)
      end
    end
    put(out, "frame.concat", name, concat_column(parts))
  end
  return out
end
