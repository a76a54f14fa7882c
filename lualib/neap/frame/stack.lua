--- Columns one below the other; used by the files that reshape frames.
local c = require "neap.c.frame"
local tensor = require "neap.tensor"

local stack = {}

-- The codes of every part in one list of labels.
local function stack_labels(parts)
  local labels, code_of, tensors = {}, {}, {}
  for i, part in ipairs(parts) do
    local codes, same = { 0 }, true
    for code, label in ipairs(part.labels) do
      if not code_of[label] then
        labels[#labels + 1] = label
        code_of[label] = #labels
      end
      codes[code + 1] = code_of[label]
      same = same and code_of[label] == code
    end
    tensors[i] = same and part.tensor
      or tensor.of(codes, { dtype = "i32" }):take(part.tensor:to "i64":add(1))
  end
  return tensors, labels
end

--- Columns of one kind one below the other; text gets one list of labels, numbers their common
--- dtype.
---@param parts neap.frame.column[]
---@return neap.frame.column
function stack.columns(parts)
  local kind, tensors, labels = parts[1].kind, {}, nil
  if kind == "category" then tensors, labels = stack_labels(parts)
  else
    for i, part in ipairs(parts) do tensors[i] = part.tensor end
  end
  return { kind = kind, tensor = tensor.cat(tensors, 1), labels = labels }
end

--- A column of the kind of `column` with n missing values.
---@param column neap.frame.column
---@param n integer
---@return neap.frame.column
function stack.missing(column, n)
  local none = tensor.zeros { n, dtype = "i32" }
  local series = { column.tensor, column.kind, "missing", column.labels and #column.labels }
  return { kind = column.kind, tensor = c.take_rows(series, none), labels = column.labels }
end

return stack
