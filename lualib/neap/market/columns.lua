--- Which column of a file is which column of bars: the names that exchanges, vendors and libraries
--- give them, in any case.
local opts = require "neap.opts"

local columns = { roles = { "time", "open", "high", "low", "close", "volume", "symbol" } }

-- In order of preference. An adjusted close is not a close unless the user says so: highs and lows
-- beside it are not adjusted.
local names = {
  time = { "ts_ms", "timestamp", "ts", "datetime", "date_time", "open_time", "opentime",
    "time_open", "date", "time", "unix", "unix_timestamp", "gmt_time" },
  open = { "open", "o", "open_price" },
  high = { "high", "h", "high_price", "max" },
  low = { "low", "l", "low_price", "min" },
  close = { "close", "c", "close_price", "last" },
  volume = { "volume", "vol", "v", "tick_volume", "tickvol" },
  symbol = { "symbol", "ticker", "sym", "pair", "instrument" },
}

local function plain(name)
  return (name:lower():gsub("[%s%-%.]+", "_"):gsub("^_+", ""):gsub("_+$", ""))
end

-- The first header among the accepted names; a header that begins with volume_ will do for volume.
local function guess(role, by_plain, header)
  for _, name in ipairs(names[role]) do
    if by_plain[name] then return by_plain[name] end
  end
  if role ~= "volume" then return nil end
  for _, name in ipairs(header) do
    if plain(name):find "^volume_" or plain(name):find "^vol_" then return name end
  end
end

local function check_given(path, given, header)
  local there = {}
  for _, name in ipairs(header) do there[name] = true end
  local keys = {}
  for role in pairs(given) do keys[#keys + 1] = role end
  table.sort(keys)
  for _, role in ipairs(keys) do
    local known = table.concat(columns.roles, " ") .. " "
    if not known:find(tostring(role) .. " ", 1, true) then
      opts.unknown("market.read_ohlcv: columns", "role", role, { table.unpack(columns.roles) })
    end
    if not there[given[role]] then
      opts.unknown("market.read_ohlcv: " .. path, "column", given[role], header)
    end
  end
end

--- role -> name in the file, for the roles that were given or found; time and prices must be.
---@param path string for messages
---@param header string[]
---@param given table<string, string>
---@return table<string, string>
function columns.find(path, header, given)
  check_given(path, given, header)
  local by_plain, found = {}, {}
  for _, name in ipairs(header) do by_plain[plain(name)] = by_plain[plain(name)] or name end
  for _, role in ipairs(columns.roles) do
    found[role] = given[role] or guess(role, by_plain, header)
    if not found[role] and role ~= "volume" and role ~= "symbol" then
      opts.raise("market.read_ohlcv: %s has no column for '%s' among %s; name it as in "
        .. "columns = { %s = \"...\" }", path, role, table.concat(header, ", "), role)
    end
  end
  if not given.time and found.time == by_plain.date and by_plain.time then
    opts.raise("market.read_ohlcv: %s has both '%s' and '%s'; name the one that holds the whole "
      .. "time as in columns = { time = \"...\" }", path, by_plain.date, by_plain.time)
  end
  return found
end

return columns
