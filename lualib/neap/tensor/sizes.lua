--- The one table that constructors of tensors take.
local opts = require "neap.opts"

--- The array part of a constructor's table, and its named options over the defaults.
--- `sizes("tensor.zeros", { 2, 3, dtype = "f32" }, { dtype = "f64" })` is `{ 2, 3 }` and
--- `{ dtype = "f32" }`.
---@param where string the function, for messages
---@param t table
---@param defaults table
---@param ... any what stands beside the table: options there would be lost without a word
---@return integer[] sizes
---@return table options
return function(where, t, defaults, ...)
  if select("#", ...) > 0 then
    opts.raise('%s: sizes and options stand in one table, as in %s { 2, 3, dtype = "f32" }', where,
      where)
  end
  if type(t) ~= "table" then
    opts.raise("%s: one table with the sizes expected, as in %s { 2, 3 }, got %s", where, where,
      opts.kind(t))
  end
  local sizes, given = table.move(t, 1, #t, 1, {}), {}
  for name, value in pairs(t) do
    if math.type(name) ~= "integer" then given[name] = value end
  end
  for d, size in ipairs(sizes) do sizes[d] = opts.integer(where, "size " .. d, size, 0) end
  return sizes, opts.merge(where, defaults, given)
end
