--- Sums of products by subscripts; loaded by neap.tensor.
local c = require "neap.c.tensor"
local opts = require "neap.opts"

local tensor = require "neap.tensor.order"

-- the text ----------------------------------------------------------------------------------------

-- Raise at place `at` of the text, with a caret under it.
local function fail(spec, at, format, ...)
  opts.raise("tensor.einsum: %s\n  %s\n  %s^", format:format(...), spec, (" "):rep(at - 1))
end

-- One list of subscripts, from place `at` on: { labels, at = places of the labels, dots = how many
-- labels precede "...", or nil }, and the place behind it.
local function parse_labels(spec, at, start)
  local term = { at = {}, start = start }
  while at <= #spec do
    local letter = spec:sub(at, at)
    if letter:find "^%a$" then
      term[#term + 1] = letter
      term.at[#term] = at
    elseif spec:sub(at, at + 2) == "..." then
      if term.dots then fail(spec, at, "a second '...' in one list of subscripts") end
      term.dots = #term
      at = at + 2
    elseif letter == "," or letter == "-" then break
    elseif letter ~= " " then
      fail(spec, at, "letters, ',', '->' and '...' expected, got '%s'", letter)
    end
    at = at + 1
  end
  return term, at
end

-- The lists of the operands, and that of the result (nil when it is left out).
local function parse(spec)
  local terms, at = {}, 1
  repeat
    terms[#terms + 1], at = parse_labels(spec, at, at)
    local mark = spec:sub(at, at)
    at = at + 1
  until mark ~= ","
  if at > #spec + 1 then return terms end
  if spec:sub(at - 1, at) ~= "->" then fail(spec, at - 1, "'->' expected") end
  local output, stop = parse_labels(spec, at + 1, at + 1)
  if stop <= #spec then
    fail(spec, stop, "'%s' after the subscripts of the result", spec:sub(stop, stop))
  end
  return terms, output
end

-- labels and sizes --------------------------------------------------------------------------------

local function shape_text(x) return "[" .. table.concat(x.shape, "x") .. "]" end

-- The labels of operand k, one for each dim: those of "..." are 1, 2, ... counted from the right.
local function labels_of(spec, term, x, k)
  local rest = x:dim() - #term
  if rest < 0 or (rest > 0 and not term.dots) then
    fail(spec, term.start, "operand %d has shape %s, its subscripts name %d dims", k, shape_text(x),
      #term)
  end
  local labels = table.move(term, 1, term.dots or #term, 1, {})
  for number = rest, 1, -1 do labels[#labels + 1] = number end
  return table.move(term, (term.dots or #term) + 1, #term, #labels + 1, labels)
end

-- Note the sizes of an operand's labels; dims of "..." broadcast.
local function note_sizes(spec, sizes, owners, labels, term, x, k)
  local named = 0
  for d, label in ipairs(labels) do
    local size, known = x:size(d), sizes[label]
    if type(label) == "string" then
      named = named + 1
      if known and known ~= size then
        fail(spec, term.at[named], "'%s' is %d in operand %d and %d in operand %d", label, known,
          owners[label], size, k)
      end
      sizes[label], owners[label] = size, owners[label] or k
    else
      if known and known ~= size and known ~= 1 and size ~= 1 then
        fail(spec, term.start, "dim %d of '...' from the right is %d before and %d in operand %d",
          label, known, size, k)
      end
      sizes[label] = known and known ~= 1 and known or size
    end
  end
end

-- The labels of "...", outermost first.
local function dotted(sizes)
  local labels = {}
  for number = #sizes, 1, -1 do labels[#labels + 1] = number end
  return labels
end

-- The result's labels as written.
local function explicit_output(spec, output, sizes)
  local seen = {}
  for i, label in ipairs(output) do
    if not sizes[label] then fail(spec, output.at[i], "'%s' is in no operand", label) end
    if seen[label] then fail(spec, output.at[i], "'%s' twice in the result", label) end
    seen[label] = true
  end
  if #sizes > 0 and not output.dots then
    fail(spec, output.start, "'...' of the operands is missing in the result")
  end
  local labels = table.move(output, 1, output.dots or #output, 1, {})
  table.move(output.dots and dotted(sizes) or {}, 1, #sizes, #labels + 1, labels)
  return table.move(output, (output.dots or #output) + 1, #output, #labels + 1, labels)
end

-- The result's labels where none are written: "...", then the ones that occur once, in order.
local function implicit_output(operands, sizes)
  local count, once = {}, {}
  for _, operand in ipairs(operands) do
    for _, label in ipairs(operand.labels) do count[label] = (count[label] or 0) + 1 end
  end
  for _, operand in ipairs(operands) do
    for _, label in ipairs(operand.labels) do
      if type(label) == "string" and count[label] == 1 then once[#once + 1] = label end
    end
  end
  table.sort(once)
  return table.move(once, 1, #once, #sizes + 1, dotted(sizes))
end

-- contraction -------------------------------------------------------------------------------------

local function set_of(labels)
  local set = {}
  for _, label in ipairs(labels) do set[label] = true end
  return set
end

-- A tensor seen with its labels in the given order, all of which it has.
local function ordered(operand, labels)
  local place, order = {}, {}
  for d, label in ipairs(operand.labels) do place[label] = d end
  for d, label in ipairs(labels) do order[d] = place[label] end
  return #order > 1 and operand.x:permute(order) or operand.x
end

-- Each label once: of a pair of dims with one label, the diagonal.
local function without_repeats(operand)
  local d = 1
  while d <= #operand.labels do
    local label, other = operand.labels[d], nil
    for e = d + 1, #operand.labels do
      if operand.labels[e] == label then other = e end
    end
    if other then
      local last = operand.x:dim()
      operand.x = operand.x:transpose(other, last):transpose(d, last - 1):diagonal()
      local labels = operand.labels
      labels[other], labels[last] = labels[last], labels[other]
      labels[d], labels[last - 1] = labels[last - 1], labels[d]
      labels[last] = nil
      labels[last - 1] = label
    else
      d = d + 1
    end
  end
end

-- Sum over the labels that are not in `keep`.
local function sum_out(operand, keep)
  local dims, sizes, labels = {}, {}, {}
  for d, label in ipairs(operand.labels) do
    if keep[label] then
      labels[#labels + 1] = label
      sizes[#sizes + 1] = operand.x:size(d)
    else
      dims[#dims + 1] = d
    end
  end
  if #dims == 0 then return end
  operand.x = operand.x:sum(dims, { keepdim = true }):reshape(sizes)
  operand.labels = labels
end

-- What the labels of two operands are to their product, which keeps those of `keep`.
local function groups(a, b, keep)
  local in_a, in_b = set_of(a.labels), set_of(b.labels)
  local batch, summed, left, right = {}, {}, {}, {}
  for _, label in ipairs(a.labels) do
    local group = not in_b[label] and left or keep[label] and batch or summed
    group[#group + 1] = label
  end
  for _, label in ipairs(b.labels) do
    if not in_a[label] then right[#right + 1] = label end
  end
  return batch, summed, left, right
end

local function join(...)
  local labels = {}
  for _, group in ipairs { ... } do table.move(group, 1, #group, #labels + 1, labels) end
  return labels
end

-- How many elements the labels span, of an operand whose sizes may be 1 where others broadcast.
local function extent(labels, sizes)
  local n = 1
  for _, label in ipairs(labels) do n = n * sizes[label] end
  return n
end

-- The operand with the labels in three groups, as a tensor of three dims.
local function as_cube(operand, one, two, three, sizes)
  local labels = join(one, two, three)
  local full = {}
  for d, label in ipairs(labels) do full[d] = sizes[label] end
  local x = ordered(operand, labels)
  if #full > 0 then x = x:expand(full) end
  return x:reshape { extent(one, sizes), extent(two, sizes), extent(three, sizes) }
end

-- The product of two operands, summed over what they share and `keep` lacks.
local function multiply(a, b, keep, sizes)
  local batch, summed, left, right = groups(a, b, keep)
  local x, y = as_cube(a, batch, left, summed, sizes), as_cube(b, batch, summed, right, sizes)
  local product
  if x:size(3) == 1 then
    product = x * y -- b x l x 1 times b x 1 x r
  elseif x:size(2) == 1 and y:size(3) == 1 then
    product = (x * y:transpose(2, 3)):sum(3, { keepdim = true })
  else
    product = c.matmul(x, y)
  end
  local labels, full = join(batch, left, right), {}
  if #labels > 8 then
    opts.raise("tensor.einsum: a product on the way has %d dims, 8 are the most", #labels)
  end
  for d, label in ipairs(labels) do full[d] = sizes[label] end
  return { x = product:reshape(full), labels = labels }
end

-- Labels that the result or the operands from number `first` on have.
local function needed(operands, first, output)
  local keep = set_of(output)
  for k = first, #operands do
    for _, label in ipairs(operands[k].labels) do keep[label] = true end
  end
  return keep
end

local function contract(operands, output, sizes)
  for k, operand in ipairs(operands) do
    if #operands > 1 and operand.x.dtype ~= "f64" and operand.x.dtype ~= "f32" then
      operand.x = operand.x:to "i64"
    end
    without_repeats(operand)
    local keep = needed(operands, k + 1, output)
    for j = 1, k - 1 do
      for _, label in ipairs(operands[j].labels) do keep[label] = true end
    end
    sum_out(operand, keep)
  end
  local result = operands[1]
  for k = 2, #operands do
    result = multiply(result, operands[k], needed(operands, k + 1, output), sizes)
    sum_out(result, needed(operands, k + 1, output))
  end
  return ordered(result, output)
end

--- A sum of products, by subscripts as in NumPy: `"ij,jk->ik"` is a matrix product. A letter names
--- a dim; letters that the result lacks are summed over, one that stands twice in an operand takes
--- the diagonal; `...` stands for further dims, which broadcast. Without `->` the result has the
--- letters that occur once, sorted. Operands are contracted from left to right, through `matmul`
--- where a sum is involved; integers multiply and sum in i64. The result may be a view. A mistake
--- in the text is shown with a caret.
---     tensor.einsum("ij,ij->", tensor.ones { 2, 3 }, tensor.full { 2, 3, value = 2 }) --> 12.0
---@param spec string
---@param ... neap.tensor
---@return neap.tensor|number
function tensor.einsum(spec, ...)
  opts.expect("tensor.einsum", "spec", spec, "string")
  spec = spec:gsub("%c", " ")
  local terms, output = parse(spec)
  local given = select("#", ...)
  if given ~= #terms then
    opts.raise("tensor.einsum: subscripts for %d operands, %d given\n  %s", #terms, given, spec)
  end
  local operands, sizes, owners = {}, {}, {}
  for k, term in ipairs(terms) do
    local x = select(k, ...)
    opts.expect("tensor.einsum", "operand " .. k, x, "tensor")
    operands[k] = { x = x, labels = labels_of(spec, term, x, k) }
    note_sizes(spec, sizes, owners, operands[k].labels, term, x, k)
  end
  local labels = output and explicit_output(spec, output, sizes)
    or implicit_output(operands, sizes)
  local result = contract(operands, labels, sizes)
  if #labels == 0 and not result.requires_grad then return result:item() end
  return result
end

return tensor
