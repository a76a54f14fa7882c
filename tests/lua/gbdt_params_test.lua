-- docs/guide/gbdt-options.md lists every option of gbdt.fit with its default; gbdt.fit's own
-- documentation names it.
local file = require "neap.file"
local params = require "neap.gbdt.params"

-- Name and default of each row of the tables.
local function rows(path)
  local out = {}
  for line in file.read(path):gmatch "[^\n]+" do
    local name, default = line:match "^| `([%w_]+)` | (.-) ?| "
    if name then out[#out + 1] = { name = name, default = default:match "^`(.-)`$" } end
  end
  return out
end

-- "x" with its quotes, 0.001, true; nil where the table says it in words.
local function text(v)
  if type(v) == "string" then return ('"%s"'):format(v) end
  if type(v) == "number" then return ("%.14g"):format(v) end
  return tostring(v)
end

describe("the table of options", function()
  local listed = {}

  it("names options once, with the defaults they have", function()
    for _, row in ipairs(rows "docs/guide/gbdt-options.md") do
      assert.is_nil(listed[row.name], row.name)
      listed[row.name] = true
      local default = params.engine[row.name]
      if default == nil then default = params.around[row.name] end
      assert.not_nil(default, row.name .. " is no option")
      if type(default) ~= "table" then assert.equal(text(default), row.default, row.name) end
    end
  end)

  it("names all of them", function()
    local code = file.read "lualib/neap/gbdt.lua"
    local doc = code:match "%-%-%- Fit boosted trees.-\nfunction gbdt%.fit"
    for _, list in ipairs { params.engine, params.around } do
      for name in pairs(list) do
        assert.is_true(listed[name] or false, name)
        assert.truthy(doc:find("`" .. name .. "`", 1, true), name)
      end
    end
  end)
end)
