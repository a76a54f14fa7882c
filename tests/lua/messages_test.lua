-- What tensors, linear algebra and generators say to arguments that make no sense. The first part
-- goes over everything that is documented: the arguments of each function in its example are spoilt
-- one at a time, as the types in its comment tell. The second part are whole messages, in
-- tests/golden/messages.txt.
local faces = require "tests.lua.faces"
local neap = require "neap"
local file = require "neap.file"
local tensor = neap.tensor

-- spoiling ----------------------------------------------------------------------------------------

local function is_rng(v) return type(v) == "userdata" and tostring(v):find "^rng" end

-- The message of f with its argument number i replaced; nil when it does not raise. The call is in
-- this file, and not a tail call, so that its line is the one to be named.
local function message_with(f, i, value)
  local arguments = { n = f.sample.n }
  for k = 1, f.sample.n do
    local v = f.sample[k]
    if k == i then v = value
    elseif type(v) == "userdata" and not is_rng(v) then
      v = tostring(v):find "closed" and tensor.ones { 3 } or v:clone()
    end
    arguments[k] = v
  end
  arguments[i] = value
  local ok, message = pcall(function()
    local result = f.fn(table.unpack(arguments, 1, math.max(f.sample.n, i)))
    return result
  end)
  if ok then return nil end
  return message
end

-- What is wrong with a message: it stands at the user's line, names operation and argument, and is
-- in our words. Patterns in `...` must be found in it.
local function fault(f, message, argument, ...)
  if not message then return "passes" end
  if not message:find "^[^:]*tests/lua/messages_test%.lua:%d+: " then
    return "elsewhere: " .. message
  end
  local text = message:gsub("^[^:]*:%d+: ", "")
  if not text:find("^[%w_.]*" .. f.entry.name .. ":") then return "not named: " .. text end
  for _, bad in ipairs { "bad argument", "attempt to", "userdata", "neap%.tensor", "lualib" } do
    if text:find(bad) then return text end
  end
  local rest = text:match "^[^:]*:(.*)$"
  local function names(word) return (" " .. rest .. " "):find("[^%w_]" .. word .. "[^%w_]") end
  if argument and not names(argument) and not (argument == "self" and names "x") then
    return ("'%s' not named: %s"):format(argument, text)
  end
  for _, pattern in ipairs { ... } do
    if not text:find(pattern) then return ("no '%s': %s"):format(pattern, text) end
  end
end

-- Calls check(f, p) with every parameter of every function, self included; it returns a list of
-- { what was given, fault }.
local function no_faults(check)
  local found = {}
  for _, f in ipairs(faces) do
    local parameters = { table.unpack(f.entry.params) }
    if f.method then table.insert(parameters, 1, { name = "self", type = "neap.tensor" }) end
    for i, p in ipairs(parameters) do
      local function try(value, ...)
        local what = fault(f, message_with(f, i, value), ...)
        if what then found[#found + 1] = ("%s(%s): %s"):format(f.name, p.name, what) end
      end
      if p.name ~= "..." then check(try, p, f) end
    end
  end
  assert(#found == 0, table.concat(found, "\n"))
end

-- The name that the message has for a parameter; the table of a constructor is not called by one.
local function named(f, p)
  return f.entry.args ~= "t" and p.name ~= "o" and p.name or nil
end

describe("every documented function", function()
  it("is called by its own example", function() assert.is_true(#faces > 200) end)

  it("names a parameter that is nil", function()
    no_faults(function(try, p, f)
      if not p.optional then try(nil, named(f, p)) end
    end)
  end)

  it("names a parameter of the wrong type", function()
    local stranger = coroutine.create(function() end)
    no_faults(function(try, p, f)
      if p.type ~= "any" then try(stranger, named(f, p), "thread") end
    end)
  end)

  it("says that a tensor was closed", function()
    local closed = tensor.ones { 3 }
    closed:free()
    no_faults(function(try, p, f)
      local takes = p.type:find "^neap%.tensor" and not p.type:find "table"
        and not p.type:find "%[%]"
      if takes and not f.name:find "^rng" and f.name ~= "tensor:free" then
        try(closed, nil, "closed")
      end
    end)
  end)

  it("refuses fractions, NaN and infinities where integers are wanted", function()
    no_faults(function(try, p, f)
      if not p.type:find "integer" or p.type:find "number" then return end
      for _, value in ipairs { 0.5, 0 / 0, 1 / 0, -1 / 0, 2.0 ^ 63 } do try(value, named(f, p)) end
    end)
  end)

  it("says of a dim 0 that indices start at 1, and how many dims there are", function()
    no_faults(function(try, p)
      if p.name ~= "dim" then return end
      try(0, "dim", "is 0, but indices start at 1")
      for _, dim in ipairs { 99, -99, math.mininteger } do
        try(dim, "dim", "is " .. tostring(dim):gsub("%p", "%%%0") .. ", but there are %d")
      end
    end)
  end)

  it("refuses options that it does not know, and what is no table", function()
    no_faults(function(try, p)
      if p.name ~= "o" then return end
      try({ optoin = 1 }, nil, "unknown option 'optoin'")
      for _, value in ipairs { "text", true, tensor.ones { 2 } } do
        try(value, nil, "options must be a table")
      end
    end)
  end)
end)

-- whole messages ----------------------------------------------------------------------------------

local function names()
  return setmetatable({ tensor = tensor, linalg = neap.linalg, neap = neap,
    x = tensor.of { { 1, 2, 3 }, { 4, 5, 6 } }, v = tensor.of { 1, 2, 3 },
    i = tensor.of({ 1, 2 }, { dtype = "i64" }), b = tensor.of { true, false },
    sq = tensor.of { { 1, 2 }, { 2, 4 } } }, { __index = _G })
end

describe("a mistake is answered:", function()
  local pairs_of_lines = file.read("tests/golden/messages.txt"):gmatch "\n([^# ][^\n]*)\n  ([^\n]+)"
  for code, message in pairs_of_lines do
    it(code, function()
      local chunk = load("local _ = " .. code, "=code", "t", names())
        or load(code, "=code", "t", names())
      local ok, said = pcall(chunk)
      assert.is_false(ok)
      assert.equal("code:1: " .. message, said)
    end)
  end
end)
