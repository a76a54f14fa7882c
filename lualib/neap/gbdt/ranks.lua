--- Rows of gbdt.fit that are answers to queries.
local opts = require "neap.opts"

local ranks = {}

local function as_tensor(where, what, v)
  if type(v) == "table" and opts.kind(v) == "table" then v = require("neap.tensor").of(v) end
  opts.expect(where, what, v, "tensor")
  return v
end

-- How many rows each run of equal ids has.
local function runs(where, ids)
  local tensor = require "neap.tensor"
  local n = #ids
  local starts = tensor.zeros { 1, dtype = "i64" }
  if n > 1 then
    local changes = ids[{ { 2, -1 } }]:ne(ids[{ { 1, -2 } }])
    starts = tensor.cat({ starts, tensor.arange(1, n - 1, { dtype = "i64" })[changes] }, 1)
  end
  if #starts ~= #ids:unique() then
    opts.raise("%s: the rows of a query lie side by side; the ids in query begin %d times, %d are "
      .. "different", where, #starts, #ids:unique())
  end
  return tensor.cat({ starts[{ { 2, -1 } }], tensor.of { n }:to "i64" }, 1) - starts
end

-- The sizes of the queries of a set; nil where there are none.
local function sizes(where, group, query, rows)
  if group ~= nil and query ~= nil then
    opts.raise("%s: group and query say the same; give one", where)
  end
  if group ~= nil then return as_tensor(where, "group", group) end
  if query == nil then return nil end
  local ids = as_tensor(where, "query", query)
  if #ids ~= rows then
    opts.raise("%s: query has %d ids for %d rows", where, #ids, rows)
  end
  return runs(where, ids)
end

--- Tell a trainer the queries of its sets.
---@param trainer neap.trainer
---@param o table options
---@param marks string[] what goes into the fingerprint
function ranks.attach(trainer, o, marks)
  if o.judged ~= "rank" then
    for _, name in ipairs { "group", "query", "label_gain", "eval_at" } do
      if o[name] ~= nil then
        opts.raise("gbdt.fit: %s is for objective 'lambdarank', not '%s'", name, o.objective)
      end
    end
    return
  end
  local gain = o.label_gain ~= nil and as_tensor("gbdt.fit", "label_gain", o.label_gain) or nil
  local function give(number, where, group, query)
    local list = sizes(where, group, query, #trainer:labels(number))
    if list == nil then
      opts.raise("%s: objective 'lambdarank' needs group = { sizes } or query = ids", where)
    end
    trainer:queries(number, list, gain)
    marks[#marks + 1] = "group " .. table.concat(list:totable(), " ")
  end
  give(0, "gbdt.fit", o.group, o.query)
  if gain then marks[#marks + 1] = "gain " .. table.concat(gain:totable(), " ") end
  for i, set in ipairs(o.sets) do
    local data = set.data
    give(i, "gbdt.fit: " .. set.name, rawget(data, "group"), rawget(data, "query"))
  end
end

return ranks
