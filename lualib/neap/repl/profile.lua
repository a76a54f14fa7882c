--- Samples of a profile as lines for people.
local profile = {}

local LIBRARY = debug.getinfo(1, "S").source:match "^(.*/)neap/repl/" or "@/nowhere/"
local ROWS = 12

-- The innermost line of the user's in a stack, and what it had called.
local function spot(stack)
  local called
  for name, place in stack:gmatch "([^\t\n]*)\t([^\n]*)\n" do
    local own = place ~= "" and place:sub(1, #LIBRARY) ~= LIBRARY
    if own then return place, called end
    if name ~= "" then called = name end
  end
end

--- Rows of a profile, the most time first: share, source, line number, the function that the line
--- was in (nil when it was the line itself); and the number of ticks.
---@param samples table<string, integer>
---@return table[] rows
---@return integer total
function profile.rows(samples)
  local rows, by_key, total = {}, {}, 0
  for stack, ticks in pairs(samples) do
    local place, called = spot(stack)
    local key = (place or "") .. "\n" .. (called or "")
    local row = by_key[key]
    if not row then
      local source, number = (place or ""):match "^(.*):(%d+)$"
      row = { key = key, ticks = 0, source = source, line = math.tointeger(number),
        called = called }
      by_key[key], rows[#rows + 1] = row, row
    end
    row.ticks = row.ticks + ticks
    total = total + ticks
  end
  table.sort(rows, function(a, b)
    if a.ticks ~= b.ticks then return a.ticks > b.ticks end
    return a.key < b.key
  end)
  return rows, total
end

--- The table that `:prof` prints.
---@param samples table<string, integer>
---@param line_of fun(source: string, number: integer): string?
---@param width integer
---@return string
function profile.text(samples, line_of, width)
  local rows, total = profile.rows(samples)
  local lines = { ("%d samples, one each millisecond"):format(total) }
  for i = 1, math.min(#rows, ROWS) do
    local row = rows[i]
    local place = row.source and ("%s:%d"):format(row.source:gsub("^[=@]", ""), row.line) or "?"
    local code = row.source and line_of(row.source, row.line) or ""
    local line = ("%5.1f %%  %-14s %-12s %s"):format(100 * row.ticks / total, place,
      row.called or "", code)
    if #line > width then line = line:sub(1, width - 4) .. " ..." end
    lines[#lines + 1] = line
  end
  if #rows > ROWS then lines[#lines + 1] = ("... %d places more"):format(#rows - ROWS) end
  return table.concat(lines, "\n")
end

return profile
