--- The folder of one run: written aside, and renamed to its final name when all of it is there.
local class = require "neap.class"
local file = require "neap.file"

local outputs = {}

---@class neap.outputs.Folder
local Folder = class "neap.outputs.Folder"

--- Open a run folder below `parent`, which is created when missing; an unwritable place fails here,
--- before any work. Declare it `<close>`: left without `commit`, everything written disappears.
---@param parent string
---@return neap.outputs.Folder
function outputs.open(parent)
  file.mkdir(parent)
  local k = 0
  local path
  repeat
    k = k + 1
    path = ("%s/.partial-%s-%d"):format(parent, os.date "!%Y%m%dT%H%M%S", k)
  until not file.exists(path)
  file.mkdir(path)
  return setmetatable({ parent = parent, path = path }, Folder)
end

--- Write one file of the run, whole or not at all.
function Folder:write(name, text) file.write(self.path .. "/" .. name, text) end

--- Give the run its final name, `<name>-<time>-<hash>`, and return the path.
---@param name string
---@param hash string
---@return string
function Folder:commit(name, hash)
  local final = ("%s/%s-%s-%s"):format(self.parent, name, os.date "!%Y%m%dT%H%M%S", hash)
  local path, k = final, 1
  while file.exists(path) do
    k = k + 1
    path = ("%s-%d"):format(final, k)
  end
  assert(os.rename(self.path, path))
  self.path, self.done = path, true
  return path
end

function Folder:__close()
  if not self.done then file.remove_tree(self.path) end
end

return outputs
