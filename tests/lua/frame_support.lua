--- Frames of golden cases, and comparing frames: require "tests.lua.frame_support".
local frame = require "neap.frame"
local json = require "neap.json"
local tensor = require "neap.tensor"

local assert = require "luassert" -- the one that tests see as a global

local F64_TOL = 1e-12

local nan, nat = 0 / 0, math.mininteger

local missing_of = { text = false, time = nat }

local function plain(v, kind)
  if v == json.null then
    if missing_of[kind] == nil then return nan end
    return missing_of[kind]
  end
  if kind == "text" then return v end
  if v == "inf" then return math.huge elseif v == "-inf" then return -math.huge end
  return v
end

-- A column [name, kind, values] of a case as frame.new takes it.
local function column_of(entry)
  local name, kind, list = entry[1], entry[2], {}
  for i, v in ipairs(entry[3]) do list[i] = plain(v, kind) end
  if kind == "text" then return { name, frame.category(list) } end
  if kind == "time" then return { name, tensor.of(list, { dtype = "i64" }), "time" } end
  return { name, tensor.of(list, { dtype = kind }) }
end

local function frame_of(columns)
  local list = {}
  for i, entry in ipairs(columns) do list[i] = column_of(entry) end
  return frame.new(list)
end

local function near(a, b)
  if a ~= a or b ~= b then return a ~= a and b ~= b end
  if a == b then return true end
  if type(a) ~= "number" or type(b) ~= "number" then return false end
  return math.abs(a - b) <= F64_TOL * math.max(1, math.abs(a), math.abs(b))
end

-- Fails unless got has the columns, kinds and values of want.
local function assert_frame(want, got)
  assert.same(want:columns(), got:columns())
  for _, name in ipairs(want:columns()) do
    assert.equal(want:dtype(name), got:dtype(name), "dtype of " .. name)
    local a, b = want:column(name):totable(), got:column(name):totable()
    assert.equal(#a, #b, "rows of " .. name)
    for i = 1, #a do
      if not near(a[i], b[i]) then
        error(("%s[%d] is %s, expected %s"):format(name, i, b[i], a[i]), 0)
      end
    end
  end
end

return { nan = nan, nat = nat, near = near, frame_of = frame_of, assert_frame = assert_frame }
