---@meta neap.c.tensor
local c = {}

---@class neap.tensor
---@field shape integer[] sizes, a copy
---@field dtype string "f64", "f32", "i64", "i32", "u8" or "bool"
local tensor = {}

--- The element at one position per dim, counted from 1, negative from the end: a number, an integer
--- of an integer tensor, a boolean of a bool one. 0 and positions outside are errors.
---     tensor.of({ { 1, 2 }, { 3, 4 } }):get(2, -1) --> 4.0
---@param ... integer
---@return number|integer|boolean
function tensor:get(...) end

--- Store a value: one position per dim, then the value, which must fit the dtype (1.5 does not go
--- into an integer, 300 not into u8). Returns the tensor.
---     tensor.zeros({ 2, 2 }):set(1, 2, 7):sum() --> 7.0
---@param ... number|boolean
---@return neap.tensor
function tensor:set(...) end

--- The only element of a tensor that has one; else an error.
---     tensor.of({ { 5 } }):item() --> 5.0
---@return number|integer|boolean
function tensor:item() end

--- Nested Lua tables, the inverse of tensor.of; of a tensor without dims its element.
---     #tensor.of({ { 1, 2 }, { 3, 4 } }):totable()[1] --> 2
---@return table
function tensor:totable() end

--- Number of elements along dim.
---     tensor.zeros({ 2, 3 }):size(-1) --> 3
---@param dim integer
---@return integer
function tensor:size(dim) end

--- Number of dimensions.
---     tensor.zeros({ 2, 3 }):dim() --> 2
---@return integer
function tensor:dim() end

--- Number of elements: the product of the sizes, 1 without dims.
---     tensor.zeros({ 2, 3 }):numel() --> 6
---@return integer
function tensor:numel() end

--- Converted to dtype; the same elements (a view) when it is that already. Float to integer
--- truncates; NaN and values out of range are errors. i64 to f64 rounds beyond 2^53. To bool:
--- anything but 0 is true, NaN too.
---     tensor.of({ 1.9, -1.9 }):to "i32" --> tensor<i32>[2] {1, -1}
---@param dtype string
---@return neap.tensor
function tensor:to(dtype) end

--- Give the memory back at once (when no view of it is left); using the tensor later is an error.
--- Called by a finalizer (`__gc`) it leaves the tensor to the collector.
---     local x = tensor.zeros { 1000000 }
---     x:free()
---     tostring(x) --> tensor (closed)
function tensor:free() end

--- View of positions first (1) to last (-1), both included, negative from the end, every step-th of
--- them, along dim. A negative step runs from first (-1) down to last (1). An empty range may start
--- one past the end; positions outside are errors.
---     tensor.arange(9):slice(1, 2, -1, 3) --> tensor<f64>[3] {2, 5, 8}
---@param dim integer
---@param first? integer
---@param last? integer
---@param step? integer
---@return neap.tensor
function tensor:slice(dim, first, last, step) end

--- The same elements in C order under other sizes, one of which may be -1; a view where memory
--- order allows, else a copy. The number of elements must stay.
---     tensor.arange(4):reshape(2, -1):t():reshape(-1) --> tensor<f64>[4] {1, 3, 2, 4}
---@param ... integer|integer[]
---@return neap.tensor
function tensor:reshape(...) end

--- As reshape, but an error where it would have to copy.
---     tensor.arange(6):view(2, -1)[2] --> tensor<f64>[3] {4, 5, 6}
---@param ... integer|integer[]
---@return neap.tensor
function tensor:view(...) end

--- View with dims of size 1 stretched, and dims added in front; -1 keeps a size. Stretched elements
--- are one place in memory, so operations in place on such a view are an error.
---     tensor.of({ 7 }):expand(3) --> tensor<f64>[3] {7, 7, 7}
---@param ... integer|integer[]
---@return neap.tensor
function tensor:expand(...) end

--- View with the dims in the given order, each named once.
---     tensor.zeros({ 2, 3, 4 }):permute(3, 1, 2):size(1) --> 4
---@param ... integer|integer[]
---@return neap.tensor
function tensor:permute(...) end

--- View with two dims swapped.
---     tensor.zeros({ 2, 3, 4 }):transpose(1, -1):size(1) --> 4
---@param a integer
---@param b integer
---@return neap.tensor
function tensor:transpose(a, b) end

--- Transpose of a tensor of two dims; a view. Of more dims use `transpose`.
---     tensor.of({ { 1, 2 }, { 3, 4 } }):t()[1] --> tensor<f64>[2] {1, 3}
---@return neap.tensor
function tensor:t() end

--- View without dim, which must have size 1, or without all dims of size 1.
---     tensor.zeros({ 1, 3, 1 }):squeeze():dim() --> 1
---@param dim? integer
---@return neap.tensor
function tensor:squeeze(dim) end

--- View with a new dim of size 1 at position dim.
---     tensor.zeros({ 3 }):unsqueeze(2):size(2) --> 1
---@param dim integer
---@return neap.tensor
function tensor:unsqueeze(dim) end

--- The tensor in C order without holes: itself (a view), or a copy.
---     tensor.zeros({ 2, 3 }):t():contiguous():is_contiguous() --> true
---@return neap.tensor
function tensor:contiguous() end

--- Is the memory in C order without holes?
---     tensor.zeros({ 2, 3 }):t():is_contiguous() --> false
---@return boolean
function tensor:is_contiguous() end

--- A fresh contiguous copy, which shares no memory.
---     tensor.of({ 1, 2 }):clone():add_(1) --> tensor<f64>[2] {2, 3}
---@return neap.tensor
function tensor:clone() end

--- Store y, broadcast, into this tensor; y may overlap it. The dtype may not narrow. Returns the
--- tensor.
---     tensor.zeros({ 3 }):copy_(tensor.of { 5 }) --> tensor<f64>[3] {5, 5, 5}
---@param y neap.tensor|number|boolean
---@return neap.tensor
function tensor:copy_(y) end

--- Elements at the positions of an integer tensor (from 1, negative from the end) along dim (1);
--- its dims stand where dim was. A copy; 0 and positions outside are errors.
---     tensor.of({ 5, 6, 7 }):take(tensor.of({ 3, -3 }):to "i64") --> tensor<f64>[2] {7, 5}
---@param index neap.tensor
---@param dim? integer
---@return neap.tensor
function tensor:take(index, dim) end

--- Along dim (needed when there are several) the elements at the positions of an integer tensor
--- (from 1, negative from the end) of as many dims, whose other sizes are this tensor's, or 1: the
--- result has the index's shape. So `x:gather(x:argsort(1), 1)` is sorted. `scatter_` is the way
--- back.
---     local index = tensor.of({ 3, 1 }, { dtype = "i64" })
---     tensor.of({ 7, 8, 9 }):gather(index) --> tensor<f64>[2] {9, 7}
---@param index neap.tensor
---@param dim? integer
---@return neap.tensor
function tensor:gather(index, dim) end

--- Store the elements of v, broadcast to the index's shape, at the positions along dim that
--- `gather` would read; of equal positions the last wins. The dtype may not narrow.
---     local index = tensor.of({ 3, 1 }, { dtype = "i64" })
---     tensor.zeros({ 3 }):scatter_(index, tensor.of { 7, 8 }) --> tensor<f64>[3] {8, 0, 7}
---@param index neap.tensor
---@param v neap.tensor|number|boolean
---@param dim? integer
---@return neap.tensor
function tensor:scatter_(index, v, dim) end

--- Positions from 1, in C order, of the elements that are not 0 (NaN is not 0), i64;
--- of several dims the positions in `x:reshape(-1)`.
---     tensor.of({ 0, 5, 0 / 0 }):nonzero() --> tensor<i64>[2] {2, 3}
---@return neap.tensor
function tensor:nonzero() end

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

--- As tensor.full, positional.
---@param sizes integer[]
---@param dtype string
---@param value number|boolean
---@return neap.tensor
function c.full(sizes, dtype, value) end

--- start + i * step for i = 0 .. n - 1.
---@param start number
---@param step number
---@param n integer
---@param dtype? string
---@return neap.tensor
function c.arange(start, step, n, dtype) end

--- Whether a value is a tensor that was not closed; nil for what is no tensor.
---@param value any
---@return boolean?
function c.is_open(value) end

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

--- Largest or smallest element and its position from 1.
---@param name "max"|"argmax"|"min"|"argmin"
---@param x neap.tensor
---@param dims? integer|integer[]
---@param keepdim? boolean
---@param skip_nan? boolean
---@return neap.tensor|number
---@return neap.tensor|integer
function c.extreme(name, x, dims, keepdim, skip_nan) end

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

--- The distribution called name; without sizes in the shape of the parameters.
---@param name string
---@param sizes? integer[]
---@param dtype? string
---@param rng neap.rng
---@param a neap.tensor|number
---@param b? neap.tensor|number
---@return neap.tensor
function c.random(name, sizes, dtype, rng, a, b) end

--- k of the positions 1 to n without replacement, in random order.
---@param n integer
---@param k integer
---@param rng neap.rng
---@return neap.tensor
function c.sample(n, k, rng) end

--- k positions with probabilities proportional to weights.
---@param weights neap.tensor
---@param k integer
---@param replace boolean
---@param rng neap.rng
---@return neap.tensor
function c.sample_weighted(weights, k, replace, rng) end

--- As tensor.multinomial, positional.
---@param trials integer
---@param p neap.tensor
---@param sizes integer[]
---@param rng neap.rng
---@return neap.tensor
function c.multinomial(trials, p, sizes, rng) end

--- As tensor.multivariate_normal, positional: rows x d, f64.
---@param mean neap.tensor
---@param cov neap.tensor
---@param rows integer
---@param rng neap.rng
---@return neap.tensor
function c.multivariate_normal(mean, cov, rows, rng) end

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

--- The element at place k once sorted, the others on its sides, and positions from 1.
---@param x neap.tensor
---@param k integer
---@param dim integer
---@return neap.tensor
---@return neap.tensor
function c.partition(x, k, dim) end

--- Quantiles q along a new first dim; name is what messages call it.
---@param name string
---@param x neap.tensor
---@param q number[]
---@param dims? integer|integer[]
---@param keepdim? boolean
---@param skip_nan? boolean
---@return neap.tensor
function c.quantile(name, x, q, dims, keepdim, skip_nan) end

--- Different elements and their counts.
---@param x neap.tensor
---@return neap.tensor
---@return neap.tensor
function c.unique(x) end

--- `name` is "maximum" or "minimum": as x:maximum(y), but where both are equal, all of a gradient
--- goes to x.
---@param name string
---@param x neap.tensor
---@param y neap.tensor|number
---@return neap.tensor
function c.bound(name, x, y) end

--- Note that `out`, computed from x:detach(), is what `name` ("softmax", "log_softmax", "logsumexp")
--- makes of x along `dim`; returns `out`.
---@param name string
---@param out neap.tensor
---@param x neap.tensor
---@param dim integer|integer[]
---@return neap.tensor
function c.record(name, out, x, dim) end

--- The running sum, product or extreme called name.
---@param name string
---@param x neap.tensor
---@param dim? integer
---@param skip_nan? boolean
---@return neap.tensor
function c.scan(name, x, dim, skip_nan) end

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

--- See `tensor:sha256`.
---@param x neap.tensor
---@return string
function c.sha256(x) end

--- The elements in C order, little-endian, as files hold them.
---@param x neap.tensor
---@return string
function c.bytes(x) end

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

--- As linalg.inv.
---@param a neap.tensor
---@return neap.tensor
function c.inv(a) end

--- As linalg.expm.
---@param a neap.tensor
---@return neap.tensor
function c.expm(a) end

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
---@return neap.tensor, integer|neap.tensor, neap.tensor
function c.lstsq(a, b, rcond) end

--- The Fourier transform called name ("fft", "ifft", "rfft", "irfft") along dim, which does not
--- count that of pairs; complex: x has such a one.
---@param name string
---@param x neap.tensor
---@param complex boolean
---@param dim integer
---@param n? integer
---@param norm? string "backward", "ortho" or "forward"
---@return neap.tensor
function c.fourier(name, x, complex, dim, n, norm) end

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
