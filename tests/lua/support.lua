--- Helpers shared by the Lua tests: require "tests.lua.support".
local support = {}

--- The message, with its position, that fn raises; an error when it raises none.
function support.message(fn, ...)
  local ok, message = pcall(fn, ...)
  assert(not ok, "expected an error, and there was none")
  return tostring(message)
end

--- The path below the data folder that lies beside the source tree, or nil: then the test calls
--- `pending "data folder absent"` and returns.
function support.data(path)
  local full = "../shared/data/" .. path
  local f = io.open(full)
  if f then f:close() end
  return f and full
end

--- A fresh temporary file name; the file is removed by the caller.
function support.temporary(suffix) return os.tmpname() .. (suffix or "") end

return support
