--- Columns of text: i32 codes into a list of labels, 0 = missing.
local elsewhere = require "neap.frame.elsewhere"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.category
---@field codes neap.tensor i32, 0 = missing
---@field labels string[]
local Category = { __name = "neap.category" }

local category = {}

--- A category from codes and the labels that they count.
---@param codes neap.tensor i32, 1 to #labels, 0 = missing
---@param labels string[]
---@return neap.category
function category.of_codes(codes, labels)
  return setmetatable({ codes = codes, labels = labels }, Category)
end

--- A category from an array of strings; `false` and "" are missing.
---@param texts table
---@return neap.category
function category.of_texts(texts)
  local codes, labels, seen = {}, {}, {}
  for i, text in ipairs(texts) do
    if text and type(text) ~= "string" then
      opts.raise("frame: element %d is a %s, text or false is expected", i, type(text))
    end
    if text and text ~= "" and not seen[text] then
      labels[#labels + 1] = text
      seen[text] = #labels
    end
    codes[i] = seen[text] or 0
  end
  return category.of_codes(tensor.of(codes, { dtype = "i32" }), labels)
end

function category.is(x) return getmetatable(x) == Category end

function Category.__len(self) return #self.codes end

-- c[i] is the text of row i, nil when missing; negative from the end. A name that no method has is
-- an error.
function Category.__index(self, key)
  if math.type(key) == "integer" then return self.labels[self.codes:get(key)] end
  if Category[key] ~= nil or type(key) ~= "string" or key:find "^__" then return Category[key] end
  if elsewhere.category[key] then
    opts.raise("category: there is no method '%s'; write %s", key, elsewhere.category[key])
  end
  opts.unknown("category", "field or method", key, { "codes", "eq", "labels", "totable" })
end

--- Where the text is `label`: a mask. An unknown label is an error that names the nearest.
---     local f = frame.new { { "side", { "buy", "sell", "buy" } } }
---     f.side:eq "buy" --> tensor<bool>[3] {true, false, true}
---@param label string
---@return neap.tensor
function Category:eq(label)
  for code, known in ipairs(self.labels) do
    if known == label then return self.codes:eq(code) end
  end
  opts.unknown("category:eq", "label", label, table.move(self.labels, 1, #self.labels, 1, {}))
end

--- The texts as a Lua array, false where missing.
---     local f = frame.new { { "side", { "buy", "sell", "buy" } } }
---     table.concat(f.side:totable(), " ") --> buy sell buy
---@return table
function Category:totable()
  local texts = self.codes:totable()
  for i, code in ipairs(texts) do texts[i] = self.labels[code] or false end
  return texts
end

-- Long ones show their ends, as tensors do.
function Category.__tostring(self)
  local n, texts = #self, {}
  local last = n > 6 and 3 or n
  for i = 1, last do texts[i] = self[i] or "" end
  if n > 6 then
    texts[4] = "..."
    for i = n - 2, n do texts[#texts + 1] = self[i] or "" end
  end
  local text = table.concat(texts, ", "):gsub("%c", "?")
  return ("category[%d] of %d labels {%s}"):format(n, #self.labels, text)
end

return category
