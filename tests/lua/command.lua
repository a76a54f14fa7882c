--- The built command and its experiments, run as a user runs them: require "tests.lua.command".
local file = require "neap.file"

local command = {}

-- The first word of the command line that runs this test is the neap under test.
local first = 0
while arg[first - 1] do first = first - 1 end

local function absolute(path)
  if path:find "^/" then return path end
  local pipe <close> = assert(io.popen "pwd")
  return pipe:read "l" .. "/" .. path
end

command.neap = absolute(arg[first])
command.sanitized = command.neap:find "/[at]san/" ~= nil -- memory and speed say nothing there
command.root = absolute "."
command.direction = command.root .. "/experiments/01_direction.lua"

--- Text as one word of a shell command.
function command.quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

--- Run a shell command inside a folder. `code` is the exit code, 128 + n for signal n.
---@return { code: integer, out: string, err: string }
function command.shell(folder, text)
  local scratch = file.temporary_folder()
  local _, kind, code = os.execute(("cd %s && ( %s\n) >%s/out 2>%s/err </dev/null"):format(
    command.quote(folder), text, scratch, scratch))
  local result = { code = kind == "exit" and code or 128 + code,
    out = file.read(scratch .. "/out"), err = file.read(scratch .. "/err") }
  file.remove_tree(scratch)
  return result
end

--- Run the direction experiment inside a folder; `before` goes in front of the command, as for
--- variables of the environment.
function command.run(folder, arguments, before)
  return command.shell(folder, ("%s %s %s --no-progress %s"):format(before or "", command.neap,
    command.direction, arguments))
end

--- Every file below a folder by relative name, with the hash of its bytes; hidden ones as well.
---@return table<string, string>
function command.contents(folder, prefix, list)
  prefix, list = prefix or "", list or {}
  for _, name in ipairs(file.list(folder)) do
    local path = folder .. "/" .. name
    local is_folder, names = pcall(file.list, path)
    list[prefix .. name] = is_folder and ("folder of %d"):format(#names) or file.sha256_file(path)
    if is_folder then command.contents(path, prefix .. name .. "/", list) end
  end
  return list
end

return command
