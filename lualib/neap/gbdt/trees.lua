--- The trees of a boosted model to look at, and the way of one row through them; loaded by
--- neap.gbdt.
local categories = require "neap.gbdt.categories"
local class = require "neap.class"
local opts = require "neap.opts"
local words = require "neap.gbdt.words"

---@class neap.gbdt.Model
local Model = require "neap.gbdt.model"

local LISTED = 6 -- categories of a set that are named

-- "{A, B, 3 more}": the categories that go left at a split.
local function set_text(model, tree, split, f)
  local names = {}
  for i, code in ipairs(model.core:categories(tree, split)) do
    if i <= LISTED then names[i] = words.level(model, f, code) else names.more = i - LISTED end
  end
  if names.more then names[LISTED + 1] = ("%d more"):format(names.more) end
  return "{" .. table.concat(names, ", ") .. "}"
end

-- nodes as a frame --------------------------------------------------------------------------------

-- The columns of trees first to last: positions from 1, 0 where there is none.
local function columns(model, first, last)
  local whole, real = model.core:nodes(first, last)
  return {
    tree = whole[1] + first, node = whole[2] + 1, depth = whole[3] + 1, parent = whole[4] + 1,
    left = whole[5] + 1, right = whole[6] + 1, number = whole[7]:clone(), feature = whole[8] + 1,
    test = whole[9]:clone(), missing = whole[10]:clone(), count = whole[11]:clone(),
    threshold = real[1]:clone(), gain = real[2]:clone(), value = real[3]:clone(),
    weight = real[4]:clone(),
  }
end

local function to_frame(model, c)
  local frame, category = require "neap.frame", require "neap.frame.category"
  local function text(codes, labels) return category.of_codes(codes:to "i32", labels) end
  return frame.new {
    { "tree", c.tree }, { "node", c.node }, { "depth", c.depth }, { "parent", c.parent },
    { "left", c.left }, { "right", c.right }, { "number", c.number },
    { "feature", text(c.feature, model.feature_names) }, { "test", text(c.test, { "<=", "in" }) },
    { "threshold", c.threshold }, { "missing", text(c.missing, { "left", "right" }) },
    { "gain", c.gain }, { "count", c.count }, { "value", c.value }, { "weight", c.weight },
  }
end

--- All nodes of all trees as a frame, a row each: `tree` and `node` (from 1, a tree's root first,
--- left before right), `depth` (the root has 1), `parent`, `left` and `right` (nodes, 0 for none),
--- `number` (LightGBM's of the split or leaf, from 0; `predict_leaf` gives those of leaves),
--- `feature`, `test` ("<=" with its `threshold`, or "in" a set of categories) which sends a row
--- left, `missing` (the side of NaN), `gain`, `count` (training rows), `value`, `weight`. Leaves
--- have no feature, test, threshold and gain.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     m:trees():where "gain > 0 and tree == 1":column("feature")[1] --> Column_0
---@return neap.frame
function Model:trees()
  return to_frame(self, columns(self, 1, self.core:leaves()))
end

-- one tree ----------------------------------------------------------------------------------------

--- A tree that prints as a drawing.
---@class neap.gbdt.Tree
---@field tree integer its number, from 1
---@field leaves integer
---@field depth integer tests on the longest way
---@field nodes neap.frame as in `m:trees()`
local Tree = class "neap.gbdt.Tree"

--- A tree of the model. Printed it is a drawing, with deep parts counted only; `t:draw(depth)`
--- shows more.
---     local x = tensor.of { { 1 }, { 2 }, { 3 }, { 4 } }
---     local o = { num_iterations = 1, min_data_in_leaf = 2, min_data_in_bin = 1 }
---     local m = gbdt.fit(x, tensor.of { 0, 0, 1, 1 }, o)
---     tostring(m:tree(1)):match "Column_0 <= [%d.]+" --> Column_0 <= 2.5
---@param i integer from 1, negative from the end; one iteration has a tree per class
---@return neap.gbdt.Tree
function Model:tree(i)
  local trees, given = self.core:leaves(), opts.integer("gbdt.tree", "i", i)
  i = given < 0 and trees + 1 + given or given
  if i < 1 or i > trees then
    opts.raise("gbdt.tree: tree %d is outside 1 to %d", given, trees)
  end
  local c, t = columns(self, i, i), Tree()
  t.tree, t.leaves, t.depth = i, self.core:leaves(i), c.depth:max() - 1
  t.nodes, t.model, t.columns = to_frame(self, c), self, {}
  for name, values in pairs(c) do t.columns[name] = values:totable() end
  return t
end

local function test_text(t, i)
  local c = t.columns
  local name = t.model.feature_names[c.feature[i]]
  if c.test[i] == 2 then
    return ("%s in %s"):format(name, set_text(t.model, t.tree, c.number[i], c.feature[i]))
  end
  return ("%s <= %s"):format(name, words.number(c.threshold[i]))
end

-- How many training rows node i had; files without counts have weights.
local function size_text(c, i)
  if c.count[1] > 0 then return ("%d rows"):format(c.count[i]) end
  return ("weight %.6g"):format(c.weight[i])
end

-- Leaves below node i.
local function leaves_below(c, i)
  local found, waiting = 0, { i }
  while #waiting > 0 do
    local at = table.remove(waiting)
    if c.test[at] == 0 then found = found + 1
    else
      waiting[#waiting + 1] = c.left[at]
      waiting[#waiting + 1] = c.right[at]
    end
  end
  return found
end

local function draw(t, i, depth, indent, word, lines)
  local c = t.columns
  local function line(format, ...) lines[#lines + 1] = indent .. word .. format:format(...) end
  local size = size_text(c, i)
  if c.test[i] == 0 then return line("%.6g (%s)", c.value[i], size) end
  if depth == 0 then return line("... %d leaves (%s)", leaves_below(c, i), size) end
  line("%s (gain %.6g, %s)", test_text(t, i), c.gain[i], size)
  local function side(child, name, missing)
    draw(t, child, depth - 1, indent .. "  ", name .. (missing and ", missing: " or ": "), lines)
  end
  side(c.left[i], "yes", c.missing[i] == 1)
  side(c.right[i], "no", c.missing[i] == 2)
end

--- The tree as text: each test with the ways "yes" and "no" below it, and which of them missing
--- values go.
---     local x = tensor.of { { 1 }, { 2 }, { 3 }, { 4 } }
---     local o = { num_iterations = 1, min_data_in_leaf = 2, min_data_in_bin = 1 }
---     local m = gbdt.fit(x, tensor.of { 0, 0, 1, 1 }, o)
---     m:tree(1):draw():match "yes[^(]*[%d]" --> yes, missing: 0.45
---@param depth? integer tests shown on one way, 5; what lies below is counted
---@return string
function Tree:draw(depth)
  if depth == nil then depth = 5 end
  depth = opts.integer("gbdt.Tree:draw", "depth", depth, 0)
  local lines = { ("tree %d: %d leaves, depth %d"):format(self.tree, self.leaves, self.depth) }
  draw(self, 1, depth, "", "", lines)
  return table.concat(lines, "\n")
end

function Tree:__tostring() return self:draw() end

-- one row -----------------------------------------------------------------------------------------

local Explanation = class "neap.gbdt.Explanation"

local function one_row(model, x)
  if words.is_tensor(x) and x:dim() == 1 then x = x:reshape(1, #x) end
  local rows = categories.inputs(model, "gbdt.explain_row", x)
  if not words.is_tensor(rows) or rows:dim() ~= 2 or #rows ~= 1 then
    opts.raise("gbdt.explain_row: x must be one row, got %s; x[i] of a tensor, f:rows(i, i) of a "
      .. "frame", words.is_tensor(rows) and ("shape [%s]"):format(table.concat(rows.shape, "x"))
      or opts.kind(rows))
  end
  return rows
end

-- A test as it went for the value v. A number can go against its comparison only where 0 counts as
-- missing.
local function step_text(t, i, v, left)
  local c, f = t.columns, t.columns.feature[i]
  local name, side = t.model.feature_names[f], left and "left" or "right"
  if c.test[i] == 2 then
    return ("%s = %s is %s %s"):format(name, words.value(t.model, f, v), left and "in" or "not in",
      set_text(t.model, t.tree, c.number[i], f))
  end
  if v ~= v then return ("%s is missing, which goes %s"):format(name, side) end
  if (v <= c.threshold[i]) ~= left then
    return ("%s = %s counts as missing, which goes %s"):format(name, words.number(v), side)
  end
  return ("%s = %s %s %s"):format(name, words.number(v), left and "<=" or ">",
    words.number(c.threshold[i]))
end

local function way(model, row, number, value, mean)
  local t, values = model:tree(number), row:totable()[1]
  local c, splits, left, leaf = t.columns, model.core:path(row, number)
  local item = { tree = number, value = value, mean = mean, leaf = leaf, leaves = t.leaves,
    steps = {} }
  local at = 1
  for k = 1, #splits do
    local f = c.feature[at]
    item.steps[k] = { feature = model.feature_names[f], value = values[f],
      threshold = c.threshold[at], side = left[k] and "left" or "right",
      text = step_text(t, at, values[f], left[k]) }
    at = left[k] and c.left[at] or c.right[at]
  end
  item.rows, item.size = c.count[at], size_text(c, at)
  return item
end

-- The trees of an output, those that move it most first.
local function ways(model, row, output, outputs, limit)
  local values = model.core:tree_values(row):totable()
  local list = {}
  for t = output, #values[1], outputs do
    local mean = values[2][t] == values[2][t] and values[2][t] or 0
    list[#list + 1] = { t, values[1][t], mean, size = math.abs(values[1][t] - mean) }
  end
  table.sort(list, function(a, b)
    if a.size ~= b.size then return a.size > b.size end
    return a[1] < b[1]
  end)
  local out = {}
  for i = 1, math.min(limit, #list) do out[i] = way(model, row, table.unpack(list[i], 1, 3)) end
  return out, #list
end

local function shares(model, row, output, outputs)
  local ok, all = pcall(model.core.shap, model.core, row, 0)
  if not ok then
    if tostring(all):find("linear leaves", 1, true)
      or tostring(all):find("neither counts", 1, true) then return nil end
    error(all, 0)
  end
  local list = (outputs > 1 and all[1][output] or all[1]):totable()
  local expected, values, out = table.remove(list), row:totable()[1], {}
  for f, share in ipairs(list) do
    out[f] = { name = model.feature_names[f], value = values[f], share = share, column = f,
      text = words.value(model, f, values[f]) }
  end
  table.sort(out, function(a, b)
    if math.abs(a.share) ~= math.abs(b.share) then return math.abs(a.share) > math.abs(b.share) end
    return a.column < b.column
  end)
  return out, expected
end

-- Which of the raw scores to explain: that of a class, or by number.
local function output_of(model, row, outputs, wanted)
  if outputs == 1 then return 1 end
  if wanted == nil then
    if not model.classes then return 1 end
    wanted = model.core:predict(row, "value", 0):get(1)
  end
  for k = 1, outputs do
    if wanted == (model.classes and model.classes[k] or k) then return k end
  end
  opts.raise("gbdt.explain_row: class %s is not among the %d of the model", tostring(wanted),
    outputs)
end

--- Why the model says what it says of one row: the prediction, the features that moved it most
--- (`shap`), and the ways through the trees that moved it most, in words. Printed it is a page;
--- the fields hold the same as numbers: `prediction`, `probability` (classes), `raw`, `expected`,
--- `features` (of { name, value, share }, largest first), and `trees` (of { tree, value, mean,
--- leaf, rows, steps }, those farthest from their mean first; a step has feature, value,
--- threshold, side and text). For several classes it explains the raw score of the one predicted,
--- or of `class`. Models that `shap` refuses have no `features` and `expected`.
---     local x = tensor.of { { 1 }, { 2 }, { 3 }, { 4 } }
---     local o = { num_iterations = 1, min_data_in_leaf = 2, min_data_in_bin = 1 }
---     local m = gbdt.fit(x, tensor.of { 0, 0, 1, 1 }, o)
---     m:explain_row(x[4]).trees[1].steps[1].text --> Column_0 = 4 > 2.5
---@param x neap.tensor|table F numbers, or a matrix, frame or dataset of one row
---@param o? { trees: integer, features: integer, class: integer } how many to show, 3 and 10
---@return table
function Model:explain_row(x, o)
  local where = "gbdt.explain_row"
  o = opts.merge(where, { trees = 3, features = 10, class = opts.none }, o)
  local limit = opts.integer(where, "option 'trees'", o.trees, 0)
  local row = one_row(self, x)
  local e, outputs = Explanation(), self.core:leaves() // math.max(1, self.core:iterations())
  local output = output_of(self, row, outputs, o.class)
  local raw = self.core:predict(row, "raw", 0)
  e.shown = opts.integer(where, "option 'features'", o.features, 0)
  e.raw = outputs > 1 and raw:get(1, output) or raw:get(1)
  local value = self.core:predict(row, "value", 0)
  e.prediction = value:dim() > 1 and value:get(1, output) or value:get(1)
  if self.classes then
    e.class = outputs > 1 and self.classes[output] or self.classes[2]
    e.probability = self.core:predict(row, "probability", 0):get(1, outputs > 1 and output or 2)
  end
  e.features, e.expected = shares(self, row, output, outputs)
  e.trees, e.tree_count = ways(self, row, output, outputs, limit)
  return e
end

local function feature_lines(e, lines)
  if not e.features then return end
  lines[#lines + 1] = ("expected raw score %.6g; what the features add:"):format(e.expected)
  local rest = 0
  for i, f in ipairs(e.features) do
    if i <= e.shown then
      lines[#lines + 1] = ("  %+12.6g  %s = %s"):format(f.share, f.name, f.text)
    else
      rest = rest + f.share
    end
  end
  if #e.features > e.shown then
    lines[#lines + 1] = ("  %+12.6g  %d more"):format(rest, #e.features - e.shown)
  end
end

function Explanation.__tostring(e)
  local lines = { ("prediction %.6g%s, raw score %.6g"):format(e.prediction,
    e.probability and (" (class %d has probability %.4f)"):format(e.class, e.probability) or "",
    e.raw) }
  feature_lines(e, lines)
  for _, t in ipairs(e.trees) do
    lines[#lines + 1] = ("tree %d gives %.6g (its mean is %.6g): leaf %d with %s"):format(
      t.tree, t.value, t.mean, t.leaf, t.size)
    for _, step in ipairs(t.steps) do lines[#lines + 1] = "  " .. step.text end
  end
  if e.tree_count > #e.trees then
    lines[#lines + 1] = ("... %d more trees"):format(e.tree_count - #e.trees)
  end
  return table.concat(lines, "\n")
end
