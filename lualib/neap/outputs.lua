--- The folder of one run: written aside, and renamed to its final name when all of it is there.
local class = require "neap.class"
local clock = require "neap.clock"
local file = require "neap.file"
local opts = require "neap.opts"

local outputs = {}

---@class neap.outputs.Folder
local Folder = class "neap.outputs.Folder"

-- The folders of `path`, from the outermost, that are not there yet.
local function missing_folders(path)
  local list, at = {}, 0
  repeat
    at = path:find("/", at + 1, true) or #path + 1
    local part = path:sub(1, at - 1)
    if part ~= "" and not file.exists(part) then list[#list + 1] = part end
  until at > #path
  return list
end

-- A name that no other run takes, not even one that starts at the same moment: processes differ in
-- where their tables lie and in the nanosecond.
local function partial_name(parent, folder)
  local own = ("%p %d %d"):format(folder, clock.wall(), clock.monotonic())
  return ("%s/.partial-%s-%s"):format(parent, os.date "!%Y%m%dT%H%M%S", file.sha256(own):sub(1, 12))
end

--- Open a run folder below `parent`, which is created when missing; an unwritable place fails here,
--- before any work. Declare it `<close>`: left without `commit`, everything written disappears,
--- and `parent` too if it was created for this.
---@param parent string
---@return neap.outputs.Folder
function outputs.open(parent)
  -- The object comes before what it removes: Ctrl-C may strike between any two steps.
  local folder = setmetatable({ parent = parent, made = missing_folders(parent) }, Folder)
  folder.path = partial_name(parent, folder)
  opts.plainly(file.mkdir, folder.path)
  return folder
end

--- Write one file of the run from its text.
---@param name string
---@param text string
function Folder:write(name, text) opts.plainly(file.write, self.path .. "/" .. name, text) end

--- Let an object write one file of the run: `folder:save("model.txt", model, "save")` calls
--- `model:save(path, ...)`. Returns the path.
---@param name string
---@param object any
---@param method string
---@return string
function Folder:save(name, object, method, ...)
  local path = self.path .. "/" .. name
  opts.plainly(object[method], object, path, ...)
  return path
end

--- Give the run its final name, `<name>-<time>-<hash>`, and return the path.
---@param name string
---@param hash string
---@return string
function Folder:commit(name, hash)
  local final = ("%s/%s-%s-%s"):format(self.parent, name, os.date "!%Y%m%dT%H%M%S", hash)
  local path, k = final, 1
  repeat
    while file.exists(path) do
      k = k + 1
      path = ("%s-%d"):format(final, k)
    end
    local ok, message = os.rename(self.path, path)
    if not ok and not file.exists(path) then -- else another run has just taken it
      opts.stop(1, "rename '%s' to '%s': %s", self.path, path, message)
    end
  until ok
  self.path, self.done = path, true
  return path
end

function Folder:__close()
  if self.done then return end
  self.done = true
  if self.path then file.remove_tree(self.path) end
  for i = #self.made, 1, -1 do pcall(file.remove, self.made[i]) end -- those still empty
end
Folder.__gc = Folder.__close

return outputs
