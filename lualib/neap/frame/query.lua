--- Choosing and computing rows by expressions; loaded by neap.frame.
local core = require "neap.frame.core"
local evaluate = require "neap.frame.evaluate"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.frame
local Frame = core.Frame

local is_tensor, state_of = core.is_tensor, core.state_of

-- One value for every row when it does not depend on a column.
local function rows_of(v, n)
  if is_tensor(v) then return v:dim() == 0 and v:expand { n } or v end
  if type(v) == "boolean" then
    return v and tensor.ones { n, dtype = "bool" } or tensor.zeros { n, dtype = "bool" }
  end
  return tensor.full { n, value = v, dtype = math.type(v) == "integer" and "i64" or "f64" }
end

local function mask_of_text(f, text, values)
  local result, run, tree = evaluate("frame:where", f, text, values)
  if result.type ~= "bool" then
    run:fail(tree, "a mask is needed, as a comparison gives; this is a %s", result.type)
  end
  return rows_of(result.v, #f)
end

--- The rows where a bool tensor is true, or where an expression over the columns is:
--- `close > sma_20 and volume > 0`. `values` holds what the text calls `@name`.
---
--- | in expressions | |
--- |---|---|
--- | columns | by name; names with other characters in backquotes: `` `close price` `` |
--- | numbers, text | `1e-3`, `nan`, `inf`, `'buy'` or `"buy"` |
--- | from the caller | `@limit`: a number, text, tensor of as many rows, or array for `in` |
--- | arithmetic | `+ - * / // % ^` and parentheses |
--- | comparison | `< <= > >= == !=`, chains `0 < x <= 5`, `venue in ('A', 'B')`, `not in` |
--- | logic | `and or not`, also `& \| ~` with the same ranks |
--- | times | `time >= '2024-03-01 15:30'` (UTC); `'2024'` and `'2024-03'` are their first moment |
--- | functions | abs sqrt square exp expm1 log log1p log2 log10 sign floor ceil round trunc |
--- | | sin cos tanh sigmoid isfinite missing(x) minimum(a, b) maximum(a, b) |
--- | | clamp(x, low, high) where(mask, a, b) |
---
--- Comparisons with NaN, NaT and missing text are false, but `!=` is true. Every row is computed
--- from itself alone: shifts and rolling windows are methods of the frame. Mistakes show where they
--- are.
---     local f = frame.new { { "close", { 9, 11, 12 } }, { "venue", { "A", "B", "A" } } }
---     #f:where(f.close:gt(10)) --> 2
---     f:where("close > 10 and venue == 'A'").close[1] --> 12.0
---     f:where("close > @limit", { limit = 11 }).close[1] --> 12.0
---@param mask neap.tensor|string
---@param values? table<string, any>
---@return neap.frame
function Frame:where(mask, values)
  state_of(self, "frame:where")
  if type(mask) == "string" then mask = mask_of_text(self, mask, values) end
  if not is_tensor(mask) or mask.dtype ~= "bool" or #mask.shape ~= 1 or #mask ~= #self then
    opts.raise("frame:where: a bool tensor of %d rows or an expression is expected, got %s", #self,
      is_tensor(mask) and tostring(mask) or type(mask))
  end
  return self:take(mask:nonzero())
end

--- The value of an expression over the columns, as for `where`: a tensor of numbers, times (i64) or
--- truths, one for each row, or a category.
---     local f = frame.new { { "open", { 10, 8 } }, { "close", { 11, 6 } } }
---     f:eval "close / open - 1" --> tensor<f64>[2] {0.1, -0.25}
---@param text string
---@param values? table<string, any>
---@return neap.tensor|neap.category
function Frame:eval(text, values)
  state_of(self, "frame:eval")
  opts.expect("frame:eval", "the expression", text, "string")
  local result, run, tree = evaluate("frame:eval", self, text, values)
  if result.type == "list" or type(result.v) == "string" then
    run:fail(tree, "this gives no value for each row")
  end
  return result.type == "text" and result.v or rows_of(result.v, #self)
end
