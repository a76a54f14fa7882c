--- Files and folders: read whole, written whole or not at all.
local c = require "neap.c.file"
local opts = require "neap.opts"

local file = {}

--- The contents of a file as a string; gzip and zstd files are decompressed. Raises, naming the
--- path, when it is missing, truncated or corrupt.
---     file.read "/dev/null" == "" --> true
---@param path string
---@return string
function file.read(path)
  opts.expect("file.read", "the path", path, "string")
  return c.read(path)
end

--- Write a file so that its name shows the old contents or the new ones, never a part, also after
--- a crash. Names ending in .gz and .zst are compressed. The folder must exist.
---     pcall(file.write, "/dev/null", "text") --> true
---@param path string
---@param text string
function file.write(path, text)
  opts.expect("file.write", "the path", path, "string")
  opts.expect("file.write", "the text", text, "string")
  return c.write(path, text)
end

--- A writer for a file that is made piece by piece: `w:write(text, ...)`, then `w:commit()` puts it
--- in place at once; `w:close()`, `<close>` and the collector abandon what was not committed.
---     tostring(file.open_writer "/dev/null") --> neap.writer (open)
---@param path string
---@return neap.writer
function file.open_writer(path) return c.open_writer(path) end

--- Whether there is a file or folder of that name.
---     file.exists "/dev/null" --> true
---@param path string
---@return boolean
function file.exists(path) return c.exists(path) end

--- Make a folder and those above it; one that is there already is fine.
---     pcall(file.mkdir, "/tmp") --> true
---@param path string
function file.mkdir(path) return c.mkdir(path) end

--- Remove a file or an empty folder; raises when there is none.
---     pcall(file.remove, "/nowhere/x") --> false
---@param path string
function file.remove(path) return c.remove(path) end

--- Remove a folder with everything below it, following no links; nothing there is fine.
---     pcall(file.remove_tree, file.temporary_folder()) --> true
---@param path string
function file.remove_tree(path) return c.remove_tree(path) end

--- The names in a folder, sorted, without `.` and `..`.
---     #file.list(file.temporary_folder()) --> 0
---@param path string
---@return string[]
function file.list(path) return c.list(path) end

-- A Lua pattern for one part of a glob.
local function pattern_of(part)
  local out, i = { "^" }, 1
  while i <= #part do
    local char = part:sub(i, i)
    local close = char == "[" and part:find("]", i + 2, true)
    if char == "*" then out[#out + 1] = ".*"
    elseif char == "?" then out[#out + 1] = "[^\x80-\xBF][\x80-\xBF]*"
    elseif close then
      local set = part:sub(i + 1, close - 1):gsub("^!", "^"):gsub("%%", "%%%%")
      out[#out + 1] = "[" .. set .. "]"
      i = close
    else out[#out + 1] = char:gsub("%p", "%%%0") end
    i = i + 1
  end
  return table.concat(out) .. "$"
end

-- The names in folder that a part of a glob stands for; hidden ones only when it says so.
local function matches(folder, part)
  local out, pattern = {}, pattern_of(part)
  if folder == "" then folder = "." end
  for _, name in ipairs(c.exists(folder .. "/.") and c.list(folder) or {}) do
    if name:find(pattern) and (name:sub(1, 1) ~= "." or part:sub(1, 1) == ".") then
      out[#out + 1] = name
    end
  end
  return out
end

--- The paths that a pattern of the shell stands for, sorted: `*` is any text within a name, `?` one
--- character, `[a-z]` one of these, `[!a-z]` none of them; names that begin with a point are
--- matched only by one that is written. None is an empty array.
---     file.glob("/dev/nul[l]")[1] --> /dev/null
---@param pattern string
---@return string[]
function file.glob(pattern)
  opts.expect("file.glob", "the pattern", pattern, "string")
  local found = { pattern:match "^/+" or "" }
  for part in pattern:gmatch "[^/]+" do
    local further = {}
    for _, folder in ipairs(found) do
      local names = part:find "[*?%[]" and matches(folder, part) or { part }
      for _, name in ipairs(names) do
        local path = folder:find "[^/]$" and folder .. "/" .. name or folder .. name
        if c.exists(path) then further[#further + 1] = path end
      end
    end
    found = further
  end
  table.sort(found)
  return pattern == "" and {} or found
end

--- The path of a fresh folder below $TMPDIR or /tmp; the caller removes it.
---     file.exists(file.temporary_folder()) --> true
---@return string
function file.temporary_folder() return c.temporary_folder() end

--- The SHA-256 of a string, as 64 hexadecimal digits.
---     file.sha256("abc"):sub(1, 8) --> ba7816bf
---@param text string
---@return string
function file.sha256(text) return c.sha256(text) end

--- The SHA-256 of a file's bytes as they lie on disk, compressed or not.
---     file.sha256_file("/dev/null"):sub(1, 8) --> e3b0c442
---@param path string
---@return string
function file.sha256_file(path) return c.sha256_file(path) end

return file
