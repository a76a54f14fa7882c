--- What was typed in earlier sessions: a file of one escaped line an item.
local file = require "neap.file"

local history = {}
history.__index = history

local function path_of_user()
  local home = os.getenv "HOME"
  local state = os.getenv "XDG_STATE_HOME"
  if not state or state == "" then state = home and home .. "/.local/state" end
  return state and state .. "/neap/history"
end

local function escape(text) return (text:gsub("\\", "\\\\"):gsub("\n", "\\n")) end

local function unescape(line)
  return (line:gsub("\\(.)", function(char) return char == "n" and "\n" or char end))
end

local HISTORY_LINES = 2000

-- Items of the file; one that grew long is cut to its newest half.
local function load_items(path)
  local input = io.open(path)
  if not input then return {} end
  local lines = {}
  for line in input:lines() do lines[#lines + 1] = line end
  input:close()
  if #lines > HISTORY_LINES then
    lines = table.move(lines, #lines - HISTORY_LINES // 2 + 1, #lines, 1, {})
    pcall(file.write, path, table.concat(lines, "\n") .. "\n")
  end
  return lines
end

--- Remember an item. It is written when entered, so that no way of leaving loses it.
---@param text string
function history:add(text)
  if text == self.newest then return end
  self.newest = text
  self.editor:remember(text)
  local output = self.path and io.open(self.path, "a")
  if not output then return end
  output:write(escape(text), "\n")
  output:close()
end

--- The history of a user, given to an editor.
---@param editor neap.edit
---@return table
function history.open(editor)
  local self = setmetatable({ editor = editor, path = path_of_user() }, history)
  if not self.path then return self end
  pcall(file.mkdir, (self.path:gsub("/[^/]*$", "")))
  for _, line in ipairs(load_items(self.path)) do editor:remember(unescape(line)) end
  return self
end

return history
