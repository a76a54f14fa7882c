--- Options of a script, declared once: type, range, default and help in one place.
---
--- Values come, in rising order, from the default in the script, `--config FILE.yaml`, the
--- environment variable `NEAP_<NAME>_<OPTION>`, and flags. All are checked before any work. A bad
--- one is refused with its name, value, source and what is allowed, an unknown one with the nearest
--- name; the command then exits with code 2. `--help` lists everything and exits with code 0.
---
--- Each declaration is `{name, type, ...}` with the fields `help`, `default`, and by type:
--- `"integer"` and `"number"` (`min`, `max`), `"share"` (strictly between 0 and 1), `"choice"`
--- (`choices`), `"boolean"` (`--name` and `--no-name`), `"file"` and `"text"`. `also` lists words
--- allowed besides (`also = {"auto"}`). Without a default an option that is not given is nil.
local c = require "neap.c.config"
local opts = require "neap.opts"
local yaml = require "neap.yaml"

local options = {}

local function refuse(format, ...) opts.stop(2, format, ...) end

-- types ------------------------------------------------------------------------------------------

local function number_text(v)
  return math.type(v) == "float" and v == v // 1 and c.text(v // 1) or c.text(v)
end

local function in_range(v, d)
  return (not d.min or v >= d.min) and (not d.max or v <= d.max)
end

local function range_text(d, noun)
  if d.min and d.max then
    return ("%s from %s to %s"):format(noun, number_text(d.min), number_text(d.max))
  elseif d.min then return ("%s of at least %s"):format(noun, number_text(d.min))
  elseif d.max then return ("%s of at most %s"):format(noun, number_text(d.max)) end
  return noun
end

local truth = { ["true"] = true, yes = true, on = true, ["1"] = true,
  ["false"] = false, no = false, off = false, ["0"] = false }

-- read(text, declaration) gives the value or nil; allowed(declaration) says what it takes.
local types = {
  integer = {
    read = function(text, d)
      local v = c.integer(text)
      if not v then
        local float = c.number(text) -- 1e6 is a whole number too
        v = float and math.abs(float) < 2 ^ 53 and math.tointeger(float)
      end
      return v and in_range(v, d) and v or nil
    end,
    allowed = function(d) return range_text(d, "an integer") end,
  },
  number = {
    read = function(text, d)
      local v = c.number(text)
      if not v or v ~= v or math.abs(v) == math.huge then return nil end
      return in_range(v, d) and v or nil
    end,
    allowed = function(d) return range_text(d, "a number") end,
  },
  share = {
    read = function(text)
      local v = c.number(text)
      return v and v > 0 and v < 1 and v or nil
    end,
    allowed = function() return "a number above 0 and below 1" end,
  },
  choice = {
    read = function(text, d)
      for _, choice in ipairs(d.choices) do
        if choice == text then return choice end
      end
    end,
    allowed = function(d) return "one of " .. table.concat(d.choices, ", ") end,
  },
  boolean = {
    read = function(text) return truth[text:lower()] end,
    allowed = function() return "true or false" end,
  },
  text = {
    read = function(text) return text end,
    allowed = function() return "text" end,
  },
  file = {
    read = function(text) return text ~= "" and text or nil end,
    allowed = function() return "the name of a file" end,
  },
}

local function allowed_text(d)
  local text = types[d.type].allowed(d)
  if d.also then text = text .. ", or " .. table.concat(d.also, ", ") end
  return text
end

local function read_value(text, d)
  for _, word in ipairs(d.also or {}) do
    if word == text then return word end
  end
  return types[d.type].read(text, d)
end

-- declarations -----------------------------------------------------------------------------------

local fields = { "default", "help", "min", "max", "choices", "also" }
local methods = {}

local function check_declaration(where, d)
  if type(d) ~= "table" or type(d[1]) ~= "string" or not d[1]:find "^%l[%l%d_]*$" then
    opts.raise("%s: an option needs a lower-case name, as in {\"rows\", \"integer\"}", where)
  end
  where = ("%s: option '%s'"):format(where, d[1])
  if methods[d[1]] or d[1] == "config" or d[1] == "help" then
    opts.raise("%s: this name is taken by neap.options itself", where)
  end
  local kinds = {}
  for kind in pairs(types) do kinds[#kinds + 1] = kind end
  if not types[d[2]] then opts.unknown(where, "type", tostring(d[2]), kinds) end
  for field in pairs(d) do
    local known = field == 1 or field == 2
    for _, name in ipairs(fields) do known = known or name == field end
    if not known then opts.unknown(where, "field", tostring(field), { table.unpack(fields) }) end
  end
  if d[2] == "choice" and type(d.choices) ~= "table" then
    opts.raise("%s: choices missing", where)
  end
end

local function declare(where, d)
  check_declaration(where, d)
  local entry = { name = d[1], type = d[2] }
  for _, field in ipairs(fields) do entry[field] = d[field] end
  if d.default ~= nil then
    local text = type(d.default) == "number" and c.text(d.default) or tostring(d.default)
    entry.value = read_value(text, entry)
    if entry.value == nil then
      opts.raise("%s: option '%s': the default %s is not %s", where, d[1], text,
        allowed_text(entry))
    end
  end
  entry.source = "default"
  return entry
end

local kind_of = { integer = "integer", float = "number" }

-- The short form { fast = 12, data = "x.csv" } declares by the defaults alone.
local function declared_by_default(spec)
  local names = {}
  for key in pairs(spec) do
    if type(key) == "string" and key ~= "name" and key ~= "about" then names[#names + 1] = key end
  end
  table.sort(names)
  local list = {}
  for _, name in ipairs(names) do
    local default = spec[name]
    local kind = kind_of[math.type(default)] or type(default) == "boolean" and "boolean" or "text"
    list[#list + 1] = { name, kind, default = default }
  end
  return list
end

local function script_name(arguments)
  local base = (arguments[0] or "script"):match "([^/]*)$":gsub("%.lua$", ""):gsub("^[%d_]+", "")
  return (base:lower():gsub("[^%l%d]+", "_"))
end

local function declarations(spec, name)
  local where = "options of " .. name
  local list, by_name = {}, {}
  for _, source in ipairs { spec, declared_by_default(spec) } do
    for _, d in ipairs(source) do
      local entry = declare(where, d)
      if by_name[entry.name] then opts.raise("%s: '%s' stands twice", where, entry.name) end
      list[#list + 1] = entry
      by_name[entry.name] = entry
    end
  end
  return list, by_name
end

-- sources ----------------------------------------------------------------------------------------

local function names_of(list, style)
  local names = { style "config" }
  for _, d in ipairs(list) do names[#names + 1] = style(d.name) end
  return names
end

local function flag_of(name) return "--" .. name:gsub("_", "-") end

local function refuse_unknown(parser, kind, given, place, names)
  local near = opts.nearest(given, names)
  refuse("%s: unknown %s '%s'%s%s; --help lists the options", parser.name, kind, given,
    place and " (" .. place .. ")" or "", near and (", did you mean '%s'?"):format(near) or "")
end

local function set(parser, d, text, source)
  local value = read_value(text, d)
  if value == nil then
    refuse("%s: option '%s' is '%s' (%s), allowed is %s", parser.name, d.name, text, source,
      allowed_text(d))
  end
  d.value, d.source = value, source
end

-- {declaration, text, source} of every flag, in order; help is asked by the second result.
local function read_flags(parser, arguments)
  local found, help, i = {}, false, 1
  while i <= #arguments do
    local argument = arguments[i]
    opts.expect("neap.options", "an argument", argument, "string")
    local flag, value = argument:match "^(%-%-[^=]+)=(.*)$"
    flag = flag or argument
    local name = flag:match "^%-%-([%w_-]+)$"
    name = name and name:gsub("-", "_")
    local d = name and (parser.by_name[name] or name == "config" and parser.config)
    local negated = name and parser.by_name[name:match "^no_(.+)$" or ""]
    if argument == "-h" or argument == "--help" then
      help = true
    elseif d and d.type == "boolean" then
      found[#found + 1] = { d, value or "true", "flag " .. flag }
    elseif d then
      if not value then
        i = i + 1
        value = arguments[i]
        if not value or value:find "^%-%-" then
          refuse("%s: flag %s needs a value: %s", parser.name, flag, allowed_text(d))
        end
      end
      found[#found + 1] = { d, value, "flag " .. flag }
    elseif negated and negated.type == "boolean" and not value then
      found[#found + 1] = { negated, "false", "flag " .. flag }
    elseif argument:find "^%-" then
      refuse_unknown(parser, "flag", flag, nil, names_of(parser.list, flag_of))
    else
      refuse("%s: unexpected argument '%s'; --help lists the options", parser.name, argument)
    end
    i = i + 1
  end
  return found, help
end

local function read_environment(parser, environment)
  local names, found = {}, {}
  for name in pairs(environment) do names[#names + 1] = name end
  table.sort(names)
  for _, variable in ipairs(names) do
    local name = variable:sub(#parser.prefix + 1):lower()
    local d = parser.by_name[name] or name == "config" and parser.config
    if not d then
      refuse_unknown(parser, "environment variable", variable, nil,
        names_of(parser.list, function(known) return parser.prefix .. known:upper() end))
    end
    found[#found + 1] = { d, environment[variable], "environment " .. variable }
  end
  return found
end

local function load_yaml(parser, path, source)
  local file, message = io.open(path)
  local text = file and file:read "a"
  if file then file:close() end
  if not text then
    refuse("%s: option 'config' is '%s' (%s): %s", parser.name, path, source,
      message or "it cannot be read")
  end
  local ok, value, mark = pcall(c.yaml, text, path)
  if not ok then
    local at = tostring(value):find(path, 1, true) or 1
    refuse("%s: %s", parser.name, tostring(value):sub(at))
  end
  return value, mark
end

local function read_config(parser, path, source)
  local value, mark = load_yaml(parser, path, source)
  if value == yaml.null then return {} end
  if type(value) ~= "table" or #value > 0 then
    refuse("%s: %s: options must be a map of names and values", parser.name, path)
  end
  local found = {}
  for key, at in pairs(mark.at) do found[#found + 1] = { key, at } end
  table.sort(found, function(a, b)
    return a[2].line < b[2].line or a[2].line == b[2].line and a[2].column < b[2].column
  end)
  for i, entry in ipairs(found) do
    local key, at = entry[1], entry[2]
    local place = ("%s:%d"):format(path, at.line)
    local d = parser.by_name[(key:gsub("-", "_"))]
    if not d then
      refuse_unknown(parser, "option", key, place, names_of(parser.list, function(n) return n end))
    elseif not at.text then
      refuse("%s: option '%s' is a list or map (%s), allowed is %s", parser.name, key, place,
        allowed_text(d))
    end
    found[i] = { d, at.text, place, value[key] == yaml.null }
  end
  return found
end

-- help -------------------------------------------------------------------------------------------

local function wrap(text, width, pad)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    if #line > 0 and #line + 1 + #word > width then
      lines[#lines + 1], line = line, word
    else
      line = #line > 0 and line .. " " .. word or word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. pad)
end

local function shown(value)
  if value == nil then return "none" end
  return type(value) == "number" and c.text(value) or tostring(value)
end

local function help_text(parser, arguments)
  local out = { parser.name .. (parser.about and ": " .. parser.about or ""), "",
    ("usage: neap %s [options]"):format(arguments[0] or "FILE"), "" }
  local pad = (" "):rep(6)
  for _, d in ipairs(parser.list) do
    local flag = d.type == "boolean" and ("--[no-]%s"):format(d.name:gsub("_", "-"))
      or ("%s %s"):format(flag_of(d.name), d.type:upper())
    out[#out + 1] = "  " .. flag
    if d.help then out[#out + 1] = pad .. wrap(d.help, 90, pad) end
    local now = d.source ~= "default" and ("; now %s (%s)"):format(shown(d.value), d.source) or ""
    out[#out + 1] = pad .. wrap(("%s; default %s%s; %s"):format(allowed_text(d), shown(d.default),
      now, parser.prefix .. d.name:upper()), 90, pad)
  end
  out[#out + 1] = "  --config FILE"
  out[#out + 1] = pad .. "options from a YAML file; " .. parser.prefix .. "CONFIG"
  out[#out + 1] = "  -h, --help"
  out[#out + 1] = pad .. "this list"
  out[#out + 1] = ""
  out[#out + 1] = "Flags win over environment variables, these over the file, it over defaults."
  return table.concat(out, "\n") .. "\n"
end

-- the result -------------------------------------------------------------------------------------

local parsers = setmetatable({}, { __mode = "k" })

--- Where a value came from: "default", "flag --rows", "environment NEAP_...", or "file:line".
---@param name string
---@return string
function methods:source(name)
  local parser = parsers[self]
  local d = parser.by_name[name]
  if not d then opts.unknown(parser.name, "option", name, names_of(parser.list, tostring)) end
  return d.source
end

--- Every option as used, as YAML text in the order of declaration; `--config` reads it back. What
--- the script has assigned since (`o.rows = 5`) counts as used.
---@return string
function methods:yaml()
  local lines = {}
  for _, d in ipairs(parsers[self].list) do
    local value = rawget(self, d.name)
    if value == nil then value = yaml.null end
    lines[#lines + 1] = ("%s: %s"):format(d.name, yaml.encode(value))
  end
  return table.concat(lines)
end

local result = { __name = "neap.options" }

function result.__index(self, name)
  if methods[name] then return methods[name] end
  local parser = parsers[self]
  if parser.by_name[name] then return nil end
  opts.unknown(parser.name, "option", tostring(name), names_of(parser.list, tostring))
end

function result.__tostring(self) return methods.yaml(self) end

local function apply(parser, found)
  for _, entry in ipairs(found) do
    local d, text, source, is_null = table.unpack(entry, 1, 4)
    if is_null then d.value, d.source = nil, source else set(parser, d, text, source) end
  end
end

local function resolve(parser, flags, variables)
  for _, list in ipairs { variables, flags } do
    for _, entry in ipairs(list) do
      if entry[1] == parser.config then set(parser, table.unpack(entry)) end
    end
  end
  local config = parser.config
  if config.value then apply(parser, read_config(parser, config.value, config.source)) end
  apply(parser, variables)
  apply(parser, flags)
end

--- The options of a script; `neap.options(spec)` is the same function. `given` replaces the command
--- line and environment: `arguments` (as the global `arg`) and `environment` (`{NAME = value}`).
---     options.read({ { "rows", "integer", default = 5 } }, { arguments = {} }).rows --> 5
---@param spec table `name`, `about`, and declarations in order
---@param given? { arguments: string[], environment: table<string, string> }
---@return table o values by name; `o:source(name)`, `o:yaml()`
function options.read(spec, given)
  if type(spec) ~= "table" then opts.raise("neap.options: a table expected, got %s", type(spec)) end
  given = opts.merge("neap.options", { arguments = opts.none, environment = opts.none }, given)
  local arguments = given.arguments or arg or {}
  local name = spec.name or script_name(arguments)
  local parser = { name = name, about = spec.about, prefix = ("NEAP_%s_"):format(name:upper()) }
  parser.list, parser.by_name = declarations(spec, name)
  parser.config = { name = "config", type = "file" }
  local flags, help = read_flags(parser, arguments)
  local variables = read_environment(parser, given.environment or c.environment(parser.prefix))
  if help then
    local ok, message = pcall(resolve, parser, flags, variables)
    io.stdout:write(help_text(parser, arguments), ok and "" or "\n" .. tostring(message) .. "\n")
    os.exit(0, true)
  end
  resolve(parser, flags, variables)
  local o = setmetatable({}, result)
  parsers[o] = parser
  for _, d in ipairs(parser.list) do rawset(o, d.name, d.value) end
  return o
end

return setmetatable(options, { __call = function(_, ...) return options.read(...) end })
