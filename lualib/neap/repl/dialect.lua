--- What other languages write and Lua does not: the advice that follows a syntax error.
local dialect = {}

-- Pattern in the line, advice. The first that fits is given.
local advice = {
  { "^%s*help%f[%s]", "the command is :help TOPIC" },
  { "%*%*", "powers are written x ^ 2" },
  { "!=", "'not equal' is written ~=, and of tensors x:ne(y)" },
  { "[%w_%]%)]%s*[-+*/]=", "there is no '+=': write x = x + 1, or x:add_(1) in place" },
  { "&&", "'and' is written and, and of masks &" },
  { "||", "'or' is written or, and of masks |" },
  { "%[[^%]]*:[^%]]*%]", "slices are written x[{ {1, 3} }], with {} for a whole dim" },
  { "%[[^%]]*,[^%]]*%]", "several indices are written x[{ 1, 2 }], with {} for a whole dim" },
  { "^%s*import%f[%s]", "modules are at hand at the prompt; a script begins with require" },
  { "^%s*from%s+%S+%s+import%f[%s]", "modules are at hand; a script begins with require" },
  { "^%s*def%f[%s]", "functions are written function name(x) ... end" },
  { "^%s*for%s.+%sin%s.+:%s*$", "loops are written for i = 1, 10 do ... end" },
  { "^%s*if%s.+:%s*$", "conditions are written if x > 1 then ... end" },
  { "^%s*while%s.+:%s*$", "loops are written while x > 1 do ... end" },
  { "%f[%a]lambda%f[%A]", "functions are written function(x) return x + 1 end" },
  { "%(.-[%a_][%w_]*%s*=[^=]", "options are a table: x:sum(1, { keepdim = true })" },
  { "^%s*print%s+[^%s({\"'%[]", "calls need parentheses: print(x)" },
  { "#[^%w_({\"]", "comments begin with --" },
}

--- Advice on a line that does not parse, nil when nothing comes to mind.
---     require("neap.repl.dialect").advice("x ** 2") --> powers are written x ^ 2
---@param line string
---@return string?
function dialect.advice(line)
  local bare = line:gsub('"[^"]*"', '""'):gsub("'[^']*'", "''") -- texts may hold anything
  for _, each in ipairs(advice) do
    if bare:find(each[1]) then return each[2] end
  end
end

return dialect
