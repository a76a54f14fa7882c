---@meta neap.c.file
local c = {}

--- A file in the making; see `neap.file.open_writer`.
---@class neap.writer
local writer = {}

--- Append texts. Raises, naming the path, when the system refuses; so does every call after that.
---     local folder = file.temporary_folder()
---     local w = file.open_writer(folder .. "/out.txt")
---     w:write "one\n"
---     w:commit()
---     file.read(folder .. "/out.txt") == "one\n" --> true
---     file.remove_tree(folder)
---@param ... string
---@return neap.writer
function writer:write(...) end

--- Put the file in place: durable and whole. The writer is closed, whether or not it works.
---     local folder = file.temporary_folder()
---     local w = file.open_writer(folder .. "/out.txt")
---     file.exists(folder .. "/out.txt") --> false
---     w:commit()
---     file.exists(folder .. "/out.txt") --> true
---     file.remove_tree(folder)
function writer:commit() end

--- Abandon what was not committed; a second close is fine.
---     local folder = file.temporary_folder()
---     local w = file.open_writer(folder .. "/out.txt")
---     w:close()
---     file.exists(folder .. "/out.txt") --> false
---     file.remove_tree(folder)
function writer:close() end

--- See `neap.file.read`.
---@param path string
---@return string
function c.read(path) end

--- See `neap.file.write`.
---@param path string
---@param text string
function c.write(path, text) end

--- See `neap.file.exists`.
---@param path string
---@return boolean
function c.exists(path) end

--- A text that is another when the file was written to, replaced or shortened, and when that last
--- happened, ns; nothing when there is no such file.
---@param path string
---@return string? stamp, integer? changed
function c.stamp(path) end

--- See `neap.file.mkdir`.
---@param path string
function c.mkdir(path) end

--- See `neap.file.remove`.
---@param path string
function c.remove(path) end

--- See `neap.file.remove_tree`.
---@param path string
function c.remove_tree(path) end

--- See `neap.file.list`.
---@param path string
---@return string[]
function c.list(path) end

--- See `neap.file.temporary_folder`.
---@return string
function c.temporary_folder() end

--- See `neap.file.sha256`.
---@param text string
---@return string
function c.sha256(text) end

--- See `neap.file.sha256_file`.
---@param path string
---@return string
function c.sha256_file(path) end

--- See `neap.file.open_writer`.
---@param path string
---@return neap.writer
function c.open_writer(path) end

--- For tests: the k-th system call that writers make from now on fails once; 0 disarms.
---@param k integer
---@param reason? "ENOSPC"|"EIO"|"EDQUOT"|"EACCES"
function c.fail_after(k, reason) end

--- For tests: whether an armed fault has not fired yet.
---@return boolean
function c.fail_armed() end

return c
