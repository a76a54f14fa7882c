--- LSTM, GRU and RNN in ONNX; see neap.nn.onnx.forms.
local forms = require "neap.nn.onnx.forms"
local tensor = require "neap.tensor"

-- Where the gates of ONNX stand among ours: i o f c of i f g o, z r h of r z n.
local gate_order = { LSTM = { 1, 4, 2, 3 }, GRU = { 2, 1, 3 }, RNN = { 1 } }

local function in_order(t, order)
  local units, parts = t:size(1) // #order, {}
  for i, k in ipairs(order) do parts[i] = t:slice(1, (k - 1) * units + 1, k * units) end
  return tensor.cat(parts, 1)
end

-- The weights of one layer in its directions, as ONNX has them: W, R and, with biases, B.
local function cell_weights(l, k, order)
  local w, r, b = {}, {}, {}
  for _, direction in ipairs { "", "_reverse" } do
    local name = ("_l%d%s"):format(k, direction)
    local w_ih, b_ih = rawget(l, "weight_ih" .. name), rawget(l, "bias_ih" .. name)
    if w_ih then
      w[#w + 1] = in_order(w_ih:detach(), order)
      r[#r + 1] = in_order(l["weight_hh" .. name]:detach(), order)
    end
    if b_ih then
      b[#b + 1] = tensor.cat({ in_order(b_ih:detach(), order),
        in_order(l["bias_hh" .. name]:detach(), order) }, 1)
    end
  end
  return tensor.stack(w, 1), tensor.stack(r, 1), #b > 0 and tensor.stack(b, 1) or nil
end

-- Layers on top of each other, time first between them; more of their options in `more(l)`.
local function recurrent(op, more)
  return function(g, l, v)
    local x, k = g:node("Transpose", { g:last(v).name }, { perm = { 1, 0, 2 } }), 0
    while rawget(l, "weight_ih_l" .. k) do
      local w, r, b = cell_weights(l, k, gate_order[op])
      local directions, units = w:size(1), r:size(3)
      local attributes = more and more(l, directions) or {}
      attributes.hidden_size = units
      attributes.direction = directions == 2 and "bidirectional" or "forward"
      local y = g:node(op, { x, g:tensor("W_l" .. k, w), g:tensor("R_l" .. k, r),
        b and g:tensor("B_l" .. k, b) }, attributes) -- [time, directions, batch, units]
      if directions == 1 then x = g:node("Squeeze", { y, g:integers { 1 } })
      else
        y = g:node("Transpose", { y }, { perm = { 0, 2, 1, 3 } })
        x = g:node("Reshape", { y, g:integers { 0, 0, 2 * units } }) -- 0: as before
      end
      k = k + 1
    end
    return g:node("Transpose", { x }, { perm = { 1, 0, 2 } })
  end
end

forms.LSTM = recurrent "LSTM"
forms.GRU = recurrent("GRU", function() return { linear_before_reset = 1 } end)
forms.RNN = recurrent("RNN", function(l, directions)
  local name = l.kind == "rnn_relu" and "Relu" or "Tanh"
  return { activations = directions == 2 and { name, name } or { name } }
end)
