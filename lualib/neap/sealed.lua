--- JSON files that say what they are and notice when they were damaged: { format, version, neap,
--- sha256, content }, the sum being that of the content's text as `json.text` writes it.
local base = require "neap.c.base"
local file = require "neap.file"
local json = require "neap.json"
local opts = require "neap.opts"

local sealed = {}

-- The text that the sum is taken of. Once through the decoder, since 1.0 comes back as 1.
local function canonical(content) return json.text(json.decode(json.text(content))) end

--- Write `content` (what `json.text` takes) as a file of that format, whole or not at all.
---@param path string
---@param format string
---@param version integer
---@param content table
function sealed.write(path, format, version, content)
  local text = canonical(content)
  file.write(path, ('{"format":%s,"version":%d,"neap":%s,"sha256":"%s",\n"content":%s}\n'):format(
    json.encode(format), version, json.encode(base.version), file.sha256(text), text))
end

local function refuse(where, path, what)
  opts.raise("%s: %s %s", where, path, what)
end

--- The content of a file that `write` wrote, and the version of neap that did. Raises when it is
--- missing, no file of that format, of a later version than `version`, or not as it was written.
---@param where string
---@param path string
---@param format string
---@param version integer
---@return table content
---@return string neap
function sealed.read(where, path, format, version)
  local ok, v = pcall(json.decode, file.read(path), path)
  if not ok then
    refuse(where, path, "is damaged, or no file of neap: "
      .. tostring(v):gsub("^.-json: ", "", 1))
  end
  if type(v) ~= "table" or v.format ~= format or math.type(v.version) ~= "integer" then
    refuse(where, path, ("is not a file of the format '%s'"):format(format))
  end
  if v.version > version then
    refuse(where, path, ("was written by neap %s in version %d of its format, this neap (%s) reads "
      .. "up to %d; update neap, or save it again with this one"):format(tostring(v.neap),
      v.version, base.version, version))
  end
  if type(v.content) ~= "table" or file.sha256(json.text(v.content)) ~= v.sha256 then
    refuse(where, path, "was changed after it was written: its sum is another; copy or save it "
      .. "again")
  end
  return v.content, tostring(v.neap)
end

return sealed
