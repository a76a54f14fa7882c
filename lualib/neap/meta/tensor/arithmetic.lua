---@meta _
-- Operations of two tensors, element by element.

---@class neap.tensor
local tensor = {}

--- x + y; bools: or. Integers wrap around, NaN propagates. Operands broadcast, dtypes promote.
---     tensor.of({ 1, 2 }):add(tensor.of { 10, 20 }) --> tensor<f64>[2] {11, 22}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:add(y) end

--- x + y, in place; as `add`. The result must have this tensor's shape and dtype; y may overlap it.
--- Returns the tensor.
---     tensor.of({ 1, 2 }):add_(tensor.of { 10, 20 }) --> tensor<f64>[2] {11, 22}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:add_(y) end

--- x - y; bools are an error. Integers wrap around, NaN propagates. Operands broadcast, dtypes
--- promote.
---     tensor.of({ 1, 2 }):sub(1) --> tensor<f64>[2] {0, 1}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:sub(y) end

--- x - y, in place; as `sub`. The result must have this tensor's shape and dtype; y may overlap it.
--- Returns the tensor.
---     tensor.of({ 1, 2 }):sub_(1) --> tensor<f64>[2] {0, 1}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:sub_(y) end

--- x * y; bools: and. Integers wrap around, NaN propagates. Operands broadcast, dtypes promote.
---     tensor.of({ 1, 2 }):mul(tensor.of { 3, 4 }) --> tensor<f64>[2] {3, 8}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:mul(y) end

--- x * y, in place; as `mul`. The result must have this tensor's shape and dtype; y may overlap it.
--- Returns the tensor.
---     tensor.of({ 1, 2 }):mul_(tensor.of { 3, 4 }) --> tensor<f64>[2] {3, 8}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:mul_(y) end

--- x / y. Integers and bools divide in f64; a number by 0 is inf or -inf, 0 by 0 NaN. Operands
--- broadcast, dtypes promote.
---     tensor.of({ 1, 0, -1 }):div(0) --> tensor<f64>[3] {inf, nan, -inf}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:div(y) end

--- x / y, in place; as `div`. The result must have this tensor's shape and dtype; y may overlap it.
--- Returns the tensor.
---     tensor.of({ 1, 0, -1 }):div_(0) --> tensor<f64>[3] {inf, nan, -inf}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:div_(y) end

--- x // y rounded down, as in Lua. Integers by 0 are an error, floats give inf or NaN. Operands
--- broadcast, dtypes promote.
---     tensor.of({ 7, -7 }, { dtype = "i64" }):floordiv(2) --> tensor<i64>[2] {3, -4}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:floordiv(y) end

--- x // y rounded down, as in Lua, in place; as `floordiv`. The result must have this tensor's
--- shape and dtype; y may overlap it. Returns the tensor.
---     tensor.of({ 7, -7 }, { dtype = "i64" }):floordiv_(2) --> tensor<i64>[2] {3, -4}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:floordiv_(y) end

--- x % y with the sign of y, as in Lua. Integers by 0 are an error, floats give NaN. Operands
--- broadcast, dtypes promote.
---     tensor.of({ 7, -7 }):mod(3) --> tensor<f64>[2] {1, 2}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:mod(y) end

--- x % y with the sign of y, as in Lua, in place; as `mod`. The result must have this tensor's
--- shape and dtype; y may overlap it. Returns the tensor.
---     tensor.of({ 7, -7 }):mod_(3) --> tensor<f64>[2] {1, 2}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:mod_(y) end

--- x ^ y. Integers stay integers and wrap around; to a negative power they are an error. Of floats
--- NaN for a negative x to a fraction; x ^ 0 and 1 ^ y are 1, also with NaN. Operands broadcast,
--- dtypes promote.
---     tensor.of({ 2, 3, -8 }):pow(tensor.of { 3, 2, 0.5 }) --> tensor<f64>[3] {8, 9, nan}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:pow(y) end

--- x ^ y, in place; as `pow`. The result must have this tensor's shape and dtype; y may overlap it.
--- Returns the tensor.
---     tensor.of({ 2, 3, -8 }):pow_(tensor.of { 3, 2, 0.5 }) --> tensor<f64>[3] {8, 9, nan}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:pow_(y) end

--- The larger of x and y; NaN where either is NaN. Operands broadcast, dtypes promote.
---     tensor.of({ 1, 5, 0 / 0 }):maximum(3) --> tensor<f64>[3] {3, 5, nan}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:maximum(y) end

--- The larger of x and y, in place; as `maximum`. The result must have this tensor's shape and
--- dtype; y may overlap it. Returns the tensor.
---     tensor.of({ 1, 5, 0 / 0 }):maximum_(3) --> tensor<f64>[3] {3, 5, nan}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:maximum_(y) end

--- The smaller of x and y; NaN where either is NaN. Operands broadcast, dtypes promote.
---     tensor.of({ 1, 5, 0 / 0 }):minimum(3) --> tensor<f64>[3] {1, 3, nan}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:minimum(y) end

--- The smaller of x and y, in place; as `minimum`. The result must have this tensor's shape and
--- dtype; y may overlap it. Returns the tensor.
---     tensor.of({ 1, 5, 0 / 0 }):minimum_(3) --> tensor<f64>[3] {1, 3, nan}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:minimum_(y) end

--- x & y on integers and bools; floats are an error. Operands broadcast, dtypes promote.
---     tensor.of({ 6, 5 }, { dtype = "i64" }):bit_and(3) --> tensor<i64>[2] {2, 1}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:bit_and(y) end

--- x & y on integers and bools, in place; as `bit_and`. The result must have this tensor's shape
--- and dtype; y may overlap it. Returns the tensor.
---     tensor.of({ 6, 5 }, { dtype = "i64" }):bit_and_(3) --> tensor<i64>[2] {2, 1}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:bit_and_(y) end

--- x | y on integers and bools; floats are an error. Operands broadcast, dtypes promote.
---     tensor.of({ 6, 5 }, { dtype = "i64" }):bit_or(3) --> tensor<i64>[2] {7, 7}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:bit_or(y) end

--- x | y on integers and bools, in place; as `bit_or`. The result must have this tensor's shape and
--- dtype; y may overlap it. Returns the tensor.
---     tensor.of({ 6, 5 }, { dtype = "i64" }):bit_or_(3) --> tensor<i64>[2] {7, 7}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:bit_or_(y) end

--- x ~ y on integers and bools; floats are an error. Operands broadcast, dtypes promote.
---     tensor.of({ 6, 5 }, { dtype = "i64" }):bit_xor(3) --> tensor<i64>[2] {5, 6}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:bit_xor(y) end

--- x ~ y on integers and bools, in place; as `bit_xor`. The result must have this tensor's shape
--- and dtype; y may overlap it. Returns the tensor.
---     tensor.of({ 6, 5 }, { dtype = "i64" }):bit_xor_(3) --> tensor<i64>[2] {5, 6}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:bit_xor_(y) end

--- Angle of the point (y, x) in radians, -pi to pi, where this tensor holds the ordinates:
--- `y:atan2(x)`. Integers become f64; NaN propagates. Operands broadcast, dtypes promote.
---     tensor.of({ 1, -1 }):atan2(0) --> tensor<f64>[2] {1.5708, -1.5708}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:atan2(y) end

--- Angle of the point (y, x) in radians, -pi to pi, where this tensor holds the ordinates:
--- `y:atan2(x)`, in place; as `atan2`. The result must have this tensor's shape and dtype; y may
--- overlap it. Returns the tensor.
---     tensor.of({ 1, -1 }):atan2_(0) --> tensor<f64>[2] {1.5708, -1.5708}
---@param y neap.tensor|number|boolean
---@return neap.tensor self
function tensor:atan2_(y) end

--- Bool per element: is it equal to y? False where either is NaN. Operands broadcast; integers
--- compare exactly among themselves, in f64 with floats.
---     tensor.of({ 1, 2, 0 / 0 }):eq(2) --> tensor<bool>[3] {false, true, false}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:eq(y) end

--- Bool per element: is it different from y? True where either is NaN. Operands broadcast; integers
--- compare exactly among themselves, in f64 with floats.
---     tensor.of({ 1, 2, 0 / 0 }):ne(2) --> tensor<bool>[3] {true, false, true}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:ne(y) end

--- Bool per element: is it below y? False where either is NaN. Operands broadcast; integers compare
--- exactly among themselves, in f64 with floats.
---     tensor.of({ 1, 2, 0 / 0 }):lt(2) --> tensor<bool>[3] {true, false, false}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:lt(y) end

--- Bool per element: is it at most y? False where either is NaN. Operands broadcast; integers
--- compare exactly among themselves, in f64 with floats.
---     tensor.of({ 1, 2, 0 / 0 }):le(2) --> tensor<bool>[3] {true, true, false}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:le(y) end

--- Bool per element: is it above y? False where either is NaN. Operands broadcast; integers compare
--- exactly among themselves, in f64 with floats.
---     tensor.of({ 1, 2, 0 / 0 }):gt(2) --> tensor<bool>[3] {false, false, false}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:gt(y) end

--- Bool per element: is it at least y? False where either is NaN. Operands broadcast; integers
--- compare exactly among themselves, in f64 with floats.
---     tensor.of({ 1, 2, 0 / 0 }):ge(2) --> tensor<bool>[3] {false, true, false}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:ge(y) end
