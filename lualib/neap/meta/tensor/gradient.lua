---@meta neap.c.tensor

---@class neap.tensor
---@field requires_grad boolean whether the tensor takes part in gradients
---@field grad neap.tensor? of a leaf: what backward has added up; assign nil to forget it
local tensor = {}

--- Make the tensor (f32 or f64) a leaf: operations on it are recorded from now on, and `backward`
--- of what comes out leaves its gradient in `x.grad`. With false an ordinary tensor again. Returns
--- the tensor. A result of recorded operations is refused.
---     tensor.of({ 1, 2 }):requires_grad_().requires_grad --> true
---@param on? boolean
---@return neap.tensor
function tensor:requires_grad_(on) end

--- The same elements (a view) as a tensor that takes part in no gradient.
---     tensor.of({ 1, 2 }):requires_grad_():detach().requires_grad --> false
---@return neap.tensor
function tensor:detach() end

--- Whether `requires_grad_` was called for the tensor itself, so that it collects a gradient.
---     local x = tensor.of({ 1, 2 }):requires_grad_()
---     (x * 2):is_leaf() --> false
---@return boolean
function tensor:is_leaf() end
