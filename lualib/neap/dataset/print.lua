--- How a dataset shows itself.
local clock = require "neap.clock"

local function span(times)
  local known = times[times:ne(clock.nat)]
  if #known == 0 then return "no times" end
  return ("%s to %s"):format(clock.print((known:min())), clock.print((known:max())))
end

local function name_list(names)
  local text = table.concat(names, ", ", 1, math.min(#names, 6))
  return #names > 6 and text .. ", ..." or text
end

-- Shares of a few whole numbers, else the range.
local function label_text(y)
  local known = y[y:eq(y)]:to "f64" -- of a mask too
  if #known == 0 then return "all missing" end
  local values, counts = known:unique()
  if #values <= 12 and (values:floor():eq(values)):all() then
    local parts = {}
    for i = 1, #values do
      parts[i] = ("%.6g: %.1f %%"):format(values[i], 100 * counts[i] / #known)
    end
    return table.concat(parts, ", ")
  end
  return ("%.6g to %.6g, mean %.6g"):format((known:min()), (known:max()), known:mean())
end

return function(D)
  local lines = { ("dataset[%d x %d]"):format(#D.x, #D.names) }
  local function add(name, format, ...)
    lines[#lines + 1] = ("  %-9s%s"):format(name, format:format(...))
  end
  local missing = D.x:isnan():sum()
  add("features", "%s, %s%s", D.x.dtype, name_list(D.names),
    missing > 0 and ("; %d values missing"):format(missing) or "")
  if D.y then
    local without = D.y:ne(D.y):sum()
    add("labels", "%s%s", label_text(D.y),
      without > 0 and ("; %d missing"):format(without) or "")
  end
  if D.symbols then
    local used = {}
    for i, code in ipairs(D.symbols.codes:unique():totable()) do
      used[i] = D.symbols.labels[code]
    end
    add("symbols", "%d: %s", #used, name_list(used))
  end
  if D.times then add("times", "%s", span(D.times)) end
  if D.label_known_at then add("known", "labels %s", span(D.label_known_at)) end
  if D.w and #D.w > 0 then
    add("weights", "%.6g to %.6g", (D.w:min { skip_nan = true }),
      (D.w:max { skip_nan = true }))
  end
  return table.concat(lines, "\n")
end
