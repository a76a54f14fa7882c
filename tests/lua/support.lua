--- Helpers shared by the Lua tests: require "tests.lua.support".
local support = {}

--- The message, with its position, that fn raises; an error when it raises none.
function support.message(fn, ...)
  local ok, message = pcall(fn, ...)
  assert(not ok, "expected an error, and there was none")
  return tostring(message)
end

--- Does fn raise a message that holds `text`, taken literally?
function support.says(text, fn, ...)
  local assert = require "luassert" -- the one that tests see as a global
  local message = support.message(fn, ...)
  assert.truthy(message:find(text, 1, true), message)
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

--- Are the elements of a tensor those of nested tables, NaN being equal to NaN?
function support.same(want, x)
  local assert = require "luassert" -- the one that tests see as a global
  local got = x:totable()
  local function check(a, b, path)
    if type(a) == "table" then
      assert.equal(#a, #b, path)
      for i = 1, #a do check(a[i], b[i], path .. "." .. i) end
    elseif a ~= a then
      assert.is_true(b ~= b, path)
    else
      assert.equal(a, b, path)
    end
  end
  check(want, got, "x")
end

--- n numbers of 0.001 to 0.999, the same as the scripts beside tests/golden draw from that seed.
function support.numbers(n, seed)
  local x, out = seed, {}
  for i = 1, n do
    x = (x * 1103515245 + 12345) % 2147483648
    out[i] = (x // 65536 % 999 + 1) / 1000
  end
  return out
end

return support
