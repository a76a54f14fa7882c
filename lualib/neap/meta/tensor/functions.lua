---@meta _
-- Functions of one tensor, element by element. The shape stays.

---@class neap.tensor
local tensor = {}

--- -x; integers wrap around, bools are an error. NaN stays NaN; the dtype stays.
---     tensor.of({ 1, -2.5, 0 / 0 }):neg() --> tensor<f64>[3] {-1, 2.5, nan}
---@return neap.tensor
function tensor:neg() end

--- -x, in place; as `neg`. The dtype stays. Returns the tensor.
---     tensor.of({ 1, -2.5, 0 / 0 }):neg_() --> tensor<f64>[3] {-1, 2.5, nan}
---@return neap.tensor self
function tensor:neg_() end

--- Absolute value; the smallest i64 and i32 stay negative. NaN stays NaN; floats and integers keep
--- their dtype, bools become i64.
---     tensor.of({ -3, 0.5, 0 / 0 }):abs() --> tensor<f64>[3] {3, 0.5, nan}
---@return neap.tensor
function tensor:abs() end

--- Absolute value, in place; as `abs`. The dtype stays. Returns the tensor.
---     tensor.of({ -3, 0.5, 0 / 0 }):abs_() --> tensor<f64>[3] {3, 0.5, nan}
---@return neap.tensor self
function tensor:abs_() end

--- -1 below 0, 0 at 0, 1 above. NaN stays NaN; floats and integers keep their dtype, bools become
--- i64.
---     tensor.of({ -3, 0, 5, 0 / 0 }):sign() --> tensor<f64>[4] {-1, 0, 1, nan}
---@return neap.tensor
function tensor:sign() end

--- -1 below 0, 0 at 0, 1 above, in place; as `sign`. The dtype stays. Returns the tensor.
---     tensor.of({ -3, 0, 5, 0 / 0 }):sign_() --> tensor<f64>[4] {-1, 0, 1, nan}
---@return neap.tensor self
function tensor:sign_() end

--- x * x; integers wrap around. NaN stays NaN; floats and integers keep their dtype, bools become
--- i64.
---     tensor.of({ 3, -0.5, 0 / 0 }):square() --> tensor<f64>[3] {9, 0.25, nan}
---@return neap.tensor
function tensor:square() end

--- x * x, in place; as `square`. The dtype stays. Returns the tensor.
---     tensor.of({ 3, -0.5, 0 / 0 }):square_() --> tensor<f64>[3] {9, 0.25, nan}
---@return neap.tensor self
function tensor:square_() end

--- x where it is positive, else 0. NaN stays NaN; floats and integers keep their dtype, bools
--- become i64.
---     tensor.of({ -3, 2, 0 / 0 }):relu() --> tensor<f64>[3] {0, 2, nan}
---@return neap.tensor
function tensor:relu() end

--- x where it is positive, else 0, in place; as `relu`. The dtype stays. Returns the tensor.
---     tensor.of({ -3, 2, 0 / 0 }):relu_() --> tensor<f64>[3] {0, 2, nan}
---@return neap.tensor self
function tensor:relu_() end

--- Rounded down. NaN stays NaN; integers stay as they are, bools become f64.
---     tensor.of({ 1.5, -1.5, 0 / 0 }):floor() --> tensor<f64>[3] {1, -2, nan}
---@return neap.tensor
function tensor:floor() end

--- Rounded down, in place; as `floor`. The dtype stays. Returns the tensor.
---     tensor.of({ 1.5, -1.5, 0 / 0 }):floor_() --> tensor<f64>[3] {1, -2, nan}
---@return neap.tensor self
function tensor:floor_() end

--- Rounded up. NaN stays NaN; integers stay as they are, bools become f64.
---     tensor.of({ 1.5, -1.5, 0 / 0 }):ceil() --> tensor<f64>[3] {2, -1, nan}
---@return neap.tensor
function tensor:ceil() end

--- Rounded up, in place; as `ceil`. The dtype stays. Returns the tensor.
---     tensor.of({ 1.5, -1.5, 0 / 0 }):ceil_() --> tensor<f64>[3] {2, -1, nan}
---@return neap.tensor self
function tensor:ceil_() end

--- Rounded to the nearest whole number, halves to the even one. NaN stays NaN; integers stay as
--- they are, bools become f64.
---     tensor.of({ 0.5, 1.5, -2.6 }):round() --> tensor<f64>[3] {0, 2, -3}
---@return neap.tensor
function tensor:round() end

--- Rounded to the nearest whole number, halves to the even one, in place; as `round`. The dtype
--- stays. Returns the tensor.
---     tensor.of({ 0.5, 1.5, -2.6 }):round_() --> tensor<f64>[3] {0, 2, -3}
---@return neap.tensor self
function tensor:round_() end

--- Rounded towards 0. NaN stays NaN; integers stay as they are, bools become f64.
---     tensor.of({ 1.5, -1.5, 0 / 0 }):trunc() --> tensor<f64>[3] {1, -1, nan}
---@return neap.tensor
function tensor:trunc() end

--- Rounded towards 0, in place; as `trunc`. The dtype stays. Returns the tensor.
---     tensor.of({ 1.5, -1.5, 0 / 0 }):trunc_() --> tensor<f64>[3] {1, -1, nan}
---@return neap.tensor self
function tensor:trunc_() end

--- Square root; NaN below 0. NaN stays NaN; f32 stays f32, integers and bools become f64.
---     tensor.of({ 4, 2.25, -1 }):sqrt() --> tensor<f64>[3] {2, 1.5, nan}
---@return neap.tensor
function tensor:sqrt() end

--- Square root, in place; as `sqrt`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 4, 2.25, -1 }):sqrt_() --> tensor<f64>[3] {2, 1.5, nan}
---@return neap.tensor self
function tensor:sqrt_() end

--- 1 / x; 0 gives inf with the sign of the 0. NaN stays NaN; f32 stays f32, integers and bools
--- become f64.
---     tensor.of({ 4, 0, -0.5 }):reciprocal() --> tensor<f64>[3] {0.25, inf, -2}
---@return neap.tensor
function tensor:reciprocal() end

--- 1 / x, in place; as `reciprocal`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 4, 0, -0.5 }):reciprocal_() --> tensor<f64>[3] {0.25, inf, -2}
---@return neap.tensor self
function tensor:reciprocal_() end

--- e to the x; inf above 709.78 (f32 88.7). NaN stays NaN; f32 stays f32, integers and bools become
--- f64.
---     tensor.of({ 0, 1000, -1000 }):exp() --> tensor<f64>[3] {1, inf, 0}
---@return neap.tensor
function tensor:exp() end

--- e to the x, in place; as `exp`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 0, 1000, -1000 }):exp_() --> tensor<f64>[3] {1, inf, 0}
---@return neap.tensor self
function tensor:exp_() end

--- 2 to the x. NaN stays NaN; f32 stays f32, integers and bools become f64.
---     tensor.of({ 3, -1, 0.0 }):exp2() --> tensor<f64>[3] {8, 0.5, 1}
---@return neap.tensor
function tensor:exp2() end

--- 2 to the x, in place; as `exp2`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 3, -1, 0.0 }):exp2_() --> tensor<f64>[3] {8, 0.5, 1}
---@return neap.tensor self
function tensor:exp2_() end

--- exp(x) - 1, exact near 0. NaN stays NaN; f32 stays f32, integers and bools become f64.
---     tensor.of({ 1e-20, 0 }):expm1() --> tensor<f64>[2] {1e-20, 0}
---@return neap.tensor
function tensor:expm1() end

--- exp(x) - 1, exact near 0, in place; as `expm1`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 1e-20, 0 }):expm1_() --> tensor<f64>[2] {1e-20, 0}
---@return neap.tensor self
function tensor:expm1_() end

--- Natural logarithm; -inf at 0, NaN below. NaN stays NaN; f32 stays f32, integers and bools become
--- f64.
---     tensor.of({ 1, 0, -1 }):log() --> tensor<f64>[3] {0, -inf, nan}
---@return neap.tensor
function tensor:log() end

--- Natural logarithm, in place; as `log`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 1, 0, -1 }):log_() --> tensor<f64>[3] {0, -inf, nan}
---@return neap.tensor self
function tensor:log_() end

--- Logarithm to base 2; -inf at 0, NaN below. NaN stays NaN; f32 stays f32, integers and bools
--- become f64.
---     tensor.of({ 8, 0.5 }):log2() --> tensor<f64>[2] {3, -1}
---@return neap.tensor
function tensor:log2() end

--- Logarithm to base 2, in place; as `log2`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 8, 0.5 }):log2_() --> tensor<f64>[2] {3, -1}
---@return neap.tensor self
function tensor:log2_() end

--- Logarithm to base 10; -inf at 0, NaN below. NaN stays NaN; f32 stays f32, integers and bools
--- become f64.
---     tensor.of({ 1000, 0.01 }):log10() --> tensor<f64>[2] {3, -2}
---@return neap.tensor
function tensor:log10() end

--- Logarithm to base 10, in place; as `log10`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 1000, 0.01 }):log10_() --> tensor<f64>[2] {3, -2}
---@return neap.tensor self
function tensor:log10_() end

--- log(1 + x), exact near 0; -inf at -1, NaN below. NaN stays NaN; f32 stays f32, integers and
--- bools become f64.
---     tensor.of({ 1e-20, -1 }):log1p() --> tensor<f64>[2] {1e-20, -inf}
---@return neap.tensor
function tensor:log1p() end

--- log(1 + x), exact near 0, in place; as `log1p`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 1e-20, -1 }):log1p_() --> tensor<f64>[2] {1e-20, -inf}
---@return neap.tensor self
function tensor:log1p_() end

--- Sine of an angle in radians; NaN for infinities. NaN stays NaN; f32 stays f32, integers and
--- bools become f64.
---     tensor.of({ 0, math.pi / 2, 1 / 0 }):sin() --> tensor<f64>[3] {0, 1, nan}
---@return neap.tensor
function tensor:sin() end

--- Sine of an angle in radians, in place; as `sin`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 0, math.pi / 2, 1 / 0 }):sin_() --> tensor<f64>[3] {0, 1, nan}
---@return neap.tensor self
function tensor:sin_() end

--- Cosine of an angle in radians; NaN for infinities. NaN stays NaN; f32 stays f32, integers and
--- bools become f64.
---     tensor.of({ 0, math.pi, 1 / 0 }):cos() --> tensor<f64>[3] {1, -1, nan}
---@return neap.tensor
function tensor:cos() end

--- Cosine of an angle in radians, in place; as `cos`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 0, math.pi, 1 / 0 }):cos_() --> tensor<f64>[3] {1, -1, nan}
---@return neap.tensor self
function tensor:cos_() end

--- Tangent of an angle in radians; NaN for infinities. NaN stays NaN; f32 stays f32, integers and
--- bools become f64.
---     tensor.of({ 0, 1 / 0 }):tan() --> tensor<f64>[2] {0, nan}
---@return neap.tensor
function tensor:tan() end

--- Tangent of an angle in radians, in place; as `tan`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 0, 1 / 0 }):tan_() --> tensor<f64>[2] {0, nan}
---@return neap.tensor self
function tensor:tan_() end

--- Angle in radians, -pi/2 to pi/2, with this sine; NaN outside [-1, 1]. NaN stays NaN; f32 stays
--- f32, integers and bools become f64.
---     tensor.of({ 0, 2 }):asin() --> tensor<f64>[2] {0, nan}
---@return neap.tensor
function tensor:asin() end

--- Angle in radians, -pi/2 to pi/2, with this sine, in place; as `asin`. Needs f64 or f32. Returns
--- the tensor.
---     tensor.of({ 0, 2 }):asin_() --> tensor<f64>[2] {0, nan}
---@return neap.tensor self
function tensor:asin_() end

--- Angle in radians, 0 to pi, with this cosine; NaN outside [-1, 1]. NaN stays NaN; f32 stays f32,
--- integers and bools become f64.
---     tensor.of({ 1, 2 }):acos() --> tensor<f64>[2] {0, nan}
---@return neap.tensor
function tensor:acos() end

--- Angle in radians, 0 to pi, with this cosine, in place; as `acos`. Needs f64 or f32. Returns the
--- tensor.
---     tensor.of({ 1, 2 }):acos_() --> tensor<f64>[2] {0, nan}
---@return neap.tensor self
function tensor:acos_() end

--- Angle in radians, -pi/2 to pi/2, with this tangent. NaN stays NaN; f32 stays f32, integers and
--- bools become f64.
---     tensor.of({ 0, 1 / 0 }):atan() --> tensor<f64>[2] {0, 1.5708}
---@return neap.tensor
function tensor:atan() end

--- Angle in radians, -pi/2 to pi/2, with this tangent, in place; as `atan`. Needs f64 or f32.
--- Returns the tensor.
---     tensor.of({ 0, 1 / 0 }):atan_() --> tensor<f64>[2] {0, 1.5708}
---@return neap.tensor self
function tensor:atan_() end

--- Hyperbolic sine. NaN stays NaN; f32 stays f32, integers and bools become f64.
---     tensor.of({ 0, 1000 }):sinh() --> tensor<f64>[2] {0, inf}
---@return neap.tensor
function tensor:sinh() end

--- Hyperbolic sine, in place; as `sinh`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 0, 1000 }):sinh_() --> tensor<f64>[2] {0, inf}
---@return neap.tensor self
function tensor:sinh_() end

--- Hyperbolic cosine. NaN stays NaN; f32 stays f32, integers and bools become f64.
---     tensor.of({ 0, -1000 }):cosh() --> tensor<f64>[2] {1, inf}
---@return neap.tensor
function tensor:cosh() end

--- Hyperbolic cosine, in place; as `cosh`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 0, -1000 }):cosh_() --> tensor<f64>[2] {1, inf}
---@return neap.tensor self
function tensor:cosh_() end

--- Hyperbolic tangent. NaN stays NaN; f32 stays f32, integers and bools become f64.
---     tensor.of({ 0, 1000, -1000 }):tanh() --> tensor<f64>[3] {0, 1, -1}
---@return neap.tensor
function tensor:tanh() end

--- Hyperbolic tangent, in place; as `tanh`. Needs f64 or f32. Returns the tensor.
---     tensor.of({ 0, 1000, -1000 }):tanh_() --> tensor<f64>[3] {0, 1, -1}
---@return neap.tensor self
function tensor:tanh_() end

--- 1 / (1 + exp(-x)), without overflow. NaN stays NaN; f32 stays f32, integers and bools become
--- f64.
---     tensor.of({ 0, 1000, -1000 }):sigmoid() --> tensor<f64>[3] {0.5, 1, 0}
---@return neap.tensor
function tensor:sigmoid() end

--- 1 / (1 + exp(-x)), without overflow, in place; as `sigmoid`. Needs f64 or f32. Returns the
--- tensor.
---     tensor.of({ 0, 1000, -1000 }):sigmoid_() --> tensor<f64>[3] {0.5, 1, 0}
---@return neap.tensor self
function tensor:sigmoid_() end

--- log(1 + exp(x)), without overflow. NaN stays NaN; f32 stays f32, integers and bools become f64.
---     tensor.of({ 1000, -1000 }):softplus() --> tensor<f64>[2] {1000, 0}
---@return neap.tensor
function tensor:softplus() end

--- log(1 + exp(x)), without overflow, in place; as `softplus`. Needs f64 or f32. Returns the
--- tensor.
---     tensor.of({ 1000, -1000 }):softplus_() --> tensor<f64>[2] {1000, 0}
---@return neap.tensor self
function tensor:softplus_() end

--- Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. NaN stays NaN; f32
--- stays f32, integers and bools become f64.
---     tensor.of({ 0, 10 }):erf() --> tensor<f64>[2] {0, 1}
---@return neap.tensor
function tensor:erf() end

--- Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, in place; as `erf`.
--- Needs f64 or f32. Returns the tensor.
---     tensor.of({ 0, 10 }):erf_() --> tensor<f64>[2] {0, 1}
---@return neap.tensor self
function tensor:erf_() end

--- ~x: every bit of an integer flipped, not of a bool. Floats are an error.
---     tensor.of({ true, false }):bit_not() --> tensor<bool>[2] {false, true}
---@return neap.tensor
function tensor:bit_not() end

--- ~x, in place; as `bit_not`. Returns the tensor.
---     tensor.of({ 0, 5 }, { dtype = "i64" }):bit_not_() --> tensor<i64>[2] {-1, -6}
---@return neap.tensor self
function tensor:bit_not_() end

--- Bool per element: is it NaN? Integers never are.
---     tensor.of({ 1, 0 / 0, 1 / 0 }):isnan() --> tensor<bool>[3] {false, true, false}
---@return neap.tensor
function tensor:isnan() end

--- Bool per element: is it inf or -inf? Integers never are.
---     tensor.of({ 1, 0 / 0, 1 / 0 }):isinf() --> tensor<bool>[3] {false, false, true}
---@return neap.tensor
function tensor:isinf() end

--- Bool per element: is it neither NaN nor infinite? Integers always are.
---     tensor.of({ 1, 0 / 0, 1 / 0 }):isfinite() --> tensor<bool>[3] {true, false, false}
---@return neap.tensor
function tensor:isfinite() end
