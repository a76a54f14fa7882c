---@meta neap.c.tensor
local c = {}

---@class neap.tensor
---@field shape integer[] sizes, a copy
---@field dtype string "f64", "f32", "i64", "i32", "u8" or "bool"
local tensor = {}

--- The element at one position per dim, counted from 1, negative from the end.
---@param ... integer
---@return number|integer|boolean
function tensor:get(...) end

--- Store a value: one position per dim, then the value, which must fit the dtype. Returns the
--- tensor.
---@param ... number|boolean
---@return neap.tensor
function tensor:set(...) end

--- The only element of a tensor that has one; else an error.
---@return number|integer|boolean
function tensor:item() end

--- Nested Lua tables, the inverse of tensor.of.
---@return table
function tensor:totable() end

--- Number of elements along dim.
---@param dim integer
---@return integer
function tensor:size(dim) end

--- Number of dimensions.
---@return integer
function tensor:dim() end

--- Number of elements.
---@return integer
function tensor:numel() end

--- Converted to dtype; the same elements when it is that already. Float to integer truncates; NaN
--- and values out of range are errors; anything but 0 is true.
---@param dtype string
---@return neap.tensor
function tensor:to(dtype) end

--- Give the memory back at once (when no view of it is left); using the tensor later is an error.
--- Called by a finalizer (`__gc`) it leaves the tensor to the collector.
function tensor:free() end

--- View of positions first to last (inclusive, negative from the end) along dim. An empty range
--- may start one past the end.
---@param dim integer
---@param first? integer
---@param last? integer
---@param step? integer
---@return neap.tensor
function tensor:slice(dim, first, last, step) end

--- The same elements in C order under other sizes, one of which may be -1; a view where memory
--- order allows, else a copy.
---@param ... integer|integer[]
---@return neap.tensor
function tensor:reshape(...) end

--- As reshape, but an error where it would have to copy.
---@param ... integer|integer[]
---@return neap.tensor
function tensor:view(...) end

--- View with dims of size 1 stretched, and dims added in front; -1 keeps a size.
---@param ... integer|integer[]
---@return neap.tensor
function tensor:expand(...) end

--- View with the dims in the given order, each named once.
---@param ... integer|integer[]
---@return neap.tensor
function tensor:permute(...) end

--- View with two dims swapped.
---@param a integer
---@param b integer
---@return neap.tensor
function tensor:transpose(a, b) end

--- Transpose of a tensor of two dims; a view.
---@return neap.tensor
function tensor:t() end

--- View without dim, which must have size 1, or without all dims of size 1.
---@param dim? integer
---@return neap.tensor
function tensor:squeeze(dim) end

--- View with a new dim of size 1 at position dim.
---@param dim integer
---@return neap.tensor
function tensor:unsqueeze(dim) end

--- The tensor in C order without holes: itself, or a copy.
---@return neap.tensor
function tensor:contiguous() end

--- Is the memory in C order without holes?
---@return boolean
function tensor:is_contiguous() end

--- A fresh contiguous copy.
---@return neap.tensor
function tensor:clone() end

--- Store y, broadcast, into this tensor; y may overlap it. The dtype may not narrow.
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:copy_(y) end

--- Elements at the positions of an integer tensor (from 1, negative from the end) along dim (1);
--- its dims stand where dim was.
---@param index neap.tensor
---@param dim? integer
---@return neap.tensor
function tensor:take(index, dim) end

--- Positions from 1, in C order, of the elements that are not 0 (NaN is not 0): i64.
---@return neap.tensor
function tensor:nonzero() end

--- x + y; bools: or. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:add(y) end

--- x + y; bools: or, in place: the result must have this tensor's shape and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:add_(y) end

--- x - y. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:sub(y) end

--- x - y, in place: the result must have this tensor's shape and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:sub_(y) end

--- x * y; bools: and. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:mul(y) end

--- x * y; bools: and, in place: the result must have this tensor's shape and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:mul_(y) end

--- x / y; integers divide in f64. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:div(y) end

--- x / y; integers divide in f64, in place: the result must have this tensor's shape and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:div_(y) end

--- x // y, rounded down; integers by zero are an error. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:floordiv(y) end

--- x // y, rounded down; integers by zero are an error, in place: the result must have this
--- tensor's shape and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:floordiv_(y) end

--- x % y with the sign of y; integers by zero are an error. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:mod(y) end

--- x % y with the sign of y; integers by zero are an error, in place: the result must have this
--- tensor's shape and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:mod_(y) end

--- x ^ y; integers to a negative power are an error. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:pow(y) end

--- x ^ y; integers to a negative power are an error, in place: the result must have this tensor's
--- shape and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:pow_(y) end

--- The larger of x and y; NaN wins. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:maximum(y) end

--- The larger of x and y; NaN wins, in place: the result must have this tensor's shape and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:maximum_(y) end

--- The smaller of x and y; NaN wins. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:minimum(y) end

--- The smaller of x and y; NaN wins, in place: the result must have this tensor's shape and
--- dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:minimum_(y) end

--- x & y on integers and bools. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:bit_and(y) end

--- x & y on integers and bools, in place: the result must have this tensor's shape and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:bit_and_(y) end

--- x | y on integers and bools. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:bit_or(y) end

--- x | y on integers and bools, in place: the result must have this tensor's shape and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:bit_or_(y) end

--- x ~ y on integers and bools. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:bit_xor(y) end

--- x ~ y on integers and bools, in place: the result must have this tensor's shape and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:bit_xor_(y) end

--- Angle of the point (y, self), -pi to pi. Operands broadcast, dtypes promote.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:atan2(y) end

--- Angle of the point (y, self), -pi to pi, in place: the result must have this tensor's shape
--- and dtype.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:atan2_(y) end

--- Bool per element: is it equal to y? False with NaN.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:eq(y) end

--- Bool per element: is it different from y? True with NaN.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:ne(y) end

--- Bool per element: is it below y? False with NaN.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:lt(y) end

--- Bool per element: is it at most y? False with NaN.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:le(y) end

--- Bool per element: is it above y? False with NaN.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:gt(y) end

--- Bool per element: is it at least y? False with NaN.
---@param y neap.tensor|number
---@return neap.tensor
function tensor:ge(y) end

--- -x; integers wrap. NaN propagates.
---@return neap.tensor
function tensor:neg() end

--- -x; integers wrap; in place.
---@return neap.tensor
function tensor:neg_() end

--- Absolute value. NaN propagates.
---@return neap.tensor
function tensor:abs() end

--- Absolute value; in place.
---@return neap.tensor
function tensor:abs_() end

--- -1, 0 or 1; NaN stays. NaN propagates.
---@return neap.tensor
function tensor:sign() end

--- -1, 0 or 1; NaN stays; in place.
---@return neap.tensor
function tensor:sign_() end

--- x * x. NaN propagates.
---@return neap.tensor
function tensor:square() end

--- x * x; in place.
---@return neap.tensor
function tensor:square_() end

--- x where positive, else 0; NaN stays. NaN propagates.
---@return neap.tensor
function tensor:relu() end

--- x where positive, else 0; NaN stays; in place.
---@return neap.tensor
function tensor:relu_() end

--- ~x on integers and bools. NaN propagates.
---@return neap.tensor
function tensor:bit_not() end

--- ~x on integers and bools; in place.
---@return neap.tensor
function tensor:bit_not_() end

--- Rounded down; integers stay. NaN propagates.
---@return neap.tensor
function tensor:floor() end

--- Rounded down; integers stay; in place.
---@return neap.tensor
function tensor:floor_() end

--- Rounded up; integers stay. NaN propagates.
---@return neap.tensor
function tensor:ceil() end

--- Rounded up; integers stay; in place.
---@return neap.tensor
function tensor:ceil_() end

--- Rounded to the nearest whole number, halves to even; integers stay. NaN propagates.
---@return neap.tensor
function tensor:round() end

--- Rounded to the nearest whole number, halves to even; integers stay; in place.
---@return neap.tensor
function tensor:round_() end

--- Rounded towards 0; integers stay. NaN propagates.
---@return neap.tensor
function tensor:trunc() end

--- Rounded towards 0; integers stay; in place.
---@return neap.tensor
function tensor:trunc_() end

--- Square root; NaN below 0. NaN propagates.
---@return neap.tensor
function tensor:sqrt() end

--- Square root; NaN below 0; in place.
---@return neap.tensor
function tensor:sqrt_() end

--- 1 / x. NaN propagates.
---@return neap.tensor
function tensor:reciprocal() end

--- 1 / x; in place.
---@return neap.tensor
function tensor:reciprocal_() end

--- e to the x. NaN propagates.
---@return neap.tensor
function tensor:exp() end

--- e to the x; in place.
---@return neap.tensor
function tensor:exp_() end

--- 2 to the x. NaN propagates.
---@return neap.tensor
function tensor:exp2() end

--- 2 to the x; in place.
---@return neap.tensor
function tensor:exp2_() end

--- exp(x) - 1, exact near 0. NaN propagates.
---@return neap.tensor
function tensor:expm1() end

--- exp(x) - 1, exact near 0; in place.
---@return neap.tensor
function tensor:expm1_() end

--- Natural logarithm; NaN below 0. NaN propagates.
---@return neap.tensor
function tensor:log() end

--- Natural logarithm; NaN below 0; in place.
---@return neap.tensor
function tensor:log_() end

--- Logarithm to base 2. NaN propagates.
---@return neap.tensor
function tensor:log2() end

--- Logarithm to base 2; in place.
---@return neap.tensor
function tensor:log2_() end

--- Logarithm to base 10. NaN propagates.
---@return neap.tensor
function tensor:log10() end

--- Logarithm to base 10; in place.
---@return neap.tensor
function tensor:log10_() end

--- log(1 + x), exact near 0. NaN propagates.
---@return neap.tensor
function tensor:log1p() end

--- log(1 + x), exact near 0; in place.
---@return neap.tensor
function tensor:log1p_() end

--- Sine of radians. NaN propagates.
---@return neap.tensor
function tensor:sin() end

--- Sine of radians; in place.
---@return neap.tensor
function tensor:sin_() end

--- Cosine of radians. NaN propagates.
---@return neap.tensor
function tensor:cos() end

--- Cosine of radians; in place.
---@return neap.tensor
function tensor:cos_() end

--- Tangent of radians. NaN propagates.
---@return neap.tensor
function tensor:tan() end

--- Tangent of radians; in place.
---@return neap.tensor
function tensor:tan_() end

--- Arc sine. NaN propagates.
---@return neap.tensor
function tensor:asin() end

--- Arc sine; in place.
---@return neap.tensor
function tensor:asin_() end

--- Arc cosine. NaN propagates.
---@return neap.tensor
function tensor:acos() end

--- Arc cosine; in place.
---@return neap.tensor
function tensor:acos_() end

--- Arc tangent. NaN propagates.
---@return neap.tensor
function tensor:atan() end

--- Arc tangent; in place.
---@return neap.tensor
function tensor:atan_() end

--- Hyperbolic sine. NaN propagates.
---@return neap.tensor
function tensor:sinh() end

--- Hyperbolic sine; in place.
---@return neap.tensor
function tensor:sinh_() end

--- Hyperbolic cosine. NaN propagates.
---@return neap.tensor
function tensor:cosh() end

--- Hyperbolic cosine; in place.
---@return neap.tensor
function tensor:cosh_() end

--- Hyperbolic tangent. NaN propagates.
---@return neap.tensor
function tensor:tanh() end

--- Hyperbolic tangent; in place.
---@return neap.tensor
function tensor:tanh_() end

--- 1 / (1 + exp(-x)). NaN propagates.
---@return neap.tensor
function tensor:sigmoid() end

--- 1 / (1 + exp(-x)); in place.
---@return neap.tensor
function tensor:sigmoid_() end

--- log(1 + exp(x)) without overflow. NaN propagates.
---@return neap.tensor
function tensor:softplus() end

--- log(1 + exp(x)) without overflow; in place.
---@return neap.tensor
function tensor:softplus_() end

--- Error function. NaN propagates.
---@return neap.tensor
function tensor:erf() end

--- Error function; in place.
---@return neap.tensor
function tensor:erf_() end

--- Bool per element: is it NaN?
---@return neap.tensor
function tensor:isnan() end

--- Bool per element: is it infinite?
---@return neap.tensor
function tensor:isinf() end

--- Bool per element: is it neither NaN nor infinite?
---@return neap.tensor
function tensor:isfinite() end

--- As tensor.of, positional.
---@param values table
---@param dtype? string
---@return neap.tensor
function c.of(values, dtype) end

--- As tensor.zeros, positional.
---@param sizes integer[]
---@param dtype? string
---@return neap.tensor
function c.zeros(sizes, dtype) end

--- start + i * step for i = 0 .. n - 1.
---@param start number
---@param step number
---@param n integer
---@param dtype? string
---@return neap.tensor
function c.arange(start, step, n, dtype) end

--- The width in characters that tostring of a tensor keeps to from now on; 100 at first.
---@param columns integer
function c.print_width(columns) end

--- As tensor.where.
---@param mask neap.tensor
---@param a neap.tensor|number
---@param b neap.tensor|number
---@return neap.tensor
function c.where(mask, a, b) end

--- As tensor.cat.
---@param tensors neap.tensor[]
---@param dim? integer
---@return neap.tensor
function c.cat(tensors, dim) end

--- As tensor.stack.
---@param tensors neap.tensor[]
---@param dim? integer
---@return neap.tensor
function c.stack(tensors, dim) end

--- The reduction called name; parameter is ddof of var and std, p of norm.
---@param name string
---@param x neap.tensor
---@param dims? integer|integer[]
---@param keepdim? boolean
---@param skip_nan? boolean
---@param parameter? number
---@return neap.tensor|number|boolean
function c.reduce(name, x, dims, keepdim, skip_nan, parameter) end

--- Largest (or smallest) element and its position from 1.
---@param largest boolean
---@param x neap.tensor
---@param dims? integer|integer[]
---@param keepdim? boolean
---@param skip_nan? boolean
---@return neap.tensor|number
---@return neap.tensor|integer
function c.extreme(largest, x, dims, keepdim, skip_nan) end

--- As tensor.rand, positional.
---@param sizes integer[]
---@param dtype? string
---@param rng neap.rng
---@return neap.tensor
function c.rand(sizes, dtype, rng) end

--- As tensor.randn, positional.
---@param sizes integer[]
---@param dtype? string
---@param rng neap.rng
---@return neap.tensor
function c.randn(sizes, dtype, rng) end

--- As tensor.randint, positional.
---@param sizes integer[]
---@param low integer
---@param high integer
---@param rng neap.rng
---@return neap.tensor
function c.randint(sizes, low, high, rng) end

--- As tensor.permutation, positional.
---@param n integer
---@param rng neap.rng
---@return neap.tensor
function c.permutation(n, rng) end

--- Sorted along dim, and positions from 1.
---@param x neap.tensor
---@param dim integer
---@param descending? boolean
---@return neap.tensor
---@return neap.tensor
function c.sort(x, dim, descending) end

--- Positions from 1 that sort along dim.
---@param x neap.tensor
---@param dim integer
---@param descending? boolean
---@return neap.tensor
function c.argsort(x, dim, descending) end

--- Quantiles q along a new first dim.
---@param x neap.tensor
---@param q number[]
---@param dims? integer|integer[]
---@param keepdim? boolean
---@param skip_nan? boolean
---@return neap.tensor
function c.quantile(x, q, dims, keepdim, skip_nan) end

--- Different elements and their counts.
---@param x neap.tensor
---@return neap.tensor
---@return neap.tensor
function c.unique(x) end

--- The running sum, product or extreme called name.
---@param name string
---@param x neap.tensor
---@param dim? integer
---@return neap.tensor
function c.scan(name, x, dim) end

--- exp(x) over its sum along dim, of an f64 or f32 tensor.
---@param x neap.tensor
---@param dim? integer
---@return neap.tensor
function c.softmax(x, dim) end

--- Insertion positions from 1.
---@param sorted neap.tensor
---@param v neap.tensor|number
---@param right? boolean
---@return neap.tensor|integer
function c.searchsorted(sorted, v, right) end

--- Counts or sums of weights of the numbers 1 .. n.
---@param x neap.tensor
---@param n integer
---@param weights? neap.tensor
---@return neap.tensor
function c.bincount(x, n, weights) end

--- Counts between edges.
---@param x neap.tensor
---@param edges neap.tensor
---@return neap.tensor
function c.histogram(x, edges) end

--- As tensor.matmul.
---@param a neap.tensor
---@param b neap.tensor
---@return neap.tensor|number
function c.matmul(a, b) end

--- Write a .npy file.
---@param x neap.tensor
---@param path string
function c.save_npy(x, path) end

--- Read a .npy file.
---@param path string
---@return neap.tensor
function c.load_npy(path) end

--- A .npy file in place, page by page when touched; writing changes a private copy.
---@param path string
---@return neap.tensor
function c.map_npy(path) end

--- Write a .npz archive.
---@param path string
---@param names string[]
---@param tensors neap.tensor[]
---@param deflate? boolean
function c.save_npz(path, names, tensors, deflate) end

--- Read a .npz archive, or the members in `only`; metadata is empty.
---@param path string
---@param only? string[]
---@return table<string, neap.tensor> tensors, string[] names, table<string, string> metadata
function c.load_npz(path, only) end

--- Write a safetensors file.
---@param path string
---@param names string[]
---@param tensors neap.tensor[]
---@param keys string[]
---@param values string[]
function c.save_safetensors(path, names, tensors, keys, values) end

--- Read a safetensors file, or the tensors in `only`.
---@param path string
---@param only? string[]
---@return table<string, neap.tensor> tensors, string[] names, table<string, string> metadata
function c.load_safetensors(path, only) end

--- As linalg.solve.
---@param a neap.tensor
---@param b neap.tensor
---@return neap.tensor
function c.solve(a, b) end

--- As linalg.cholesky.
---@param a neap.tensor
---@return neap.tensor
function c.cholesky(a) end

--- As linalg.solve_triangular.
---@param a neap.tensor
---@param b neap.tensor
---@param upper? boolean
---@param transpose? boolean
---@param unit? boolean
---@return neap.tensor
function c.solve_triangular(a, b, upper, transpose, unit) end

--- As linalg.lu.
---@param a neap.tensor
---@return neap.tensor, neap.tensor, neap.tensor
function c.lu(a) end

--- As linalg.det.
---@param a neap.tensor
---@return number|neap.tensor
function c.det(a) end

--- As linalg.slogdet.
---@param a neap.tensor
---@return number|neap.tensor, number|neap.tensor
function c.slogdet(a) end

--- As linalg.qr.
---@param a neap.tensor
---@param full? boolean
---@return neap.tensor, neap.tensor
function c.qr(a, full) end

--- As linalg.svd.
---@param a neap.tensor
---@param full? boolean
---@return neap.tensor, neap.tensor, neap.tensor
function c.svd(a, full) end

--- As linalg.svdvals.
---@param a neap.tensor
---@return neap.tensor
function c.svdvals(a) end

--- As linalg.eigh.
---@param a neap.tensor
---@return neap.tensor, neap.tensor
function c.eigh(a) end

--- As linalg.lstsq; rcond below 0 stands for the usual one.
---@param a neap.tensor
---@param b neap.tensor
---@param rcond? number
---@return neap.tensor, integer, neap.tensor
function c.lstsq(a, b, rcond) end

--- The rolling window called name ("sum", "mean", "std", "min", "max", "quantile") of n places.
---@param name string
---@param x neap.tensor
---@param n integer
---@param dim? integer
---@param min_count? integer n
---@param parameter? number ddof of "std", q of "quantile"
---@return neap.tensor
function c.rolling(name, x, n, dim, min_count, parameter) end

--- The metatable of tensors, to which lualib adds methods with options.
---@type table
c.methods = {}

return c
