"""Does an exported ONNX file say what the net does? Run by hand with Debian's python3-onnx:

python3 tests/golden/onnx_check.py FOLDER

checks every FOLDER/*.onnx with onnx.checker and strict shape inference, then computes it by the
definitions of the operators (onnx.ai/onnx/operators, opset 13), in f64 and with no runtime but
numpy, for the inputs in the .npz beside it, and compares with the output there, which neap gave.
tests/lua/nn_onnx_test.lua writes such folders (NEAP_ONNX_KEEP=FOLDER)."""
import glob
import math
import sys

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def windows(x, kernel, strides, dilations, pads, fill):
    """[N, C, *spatial] -> [N, C, *out, *kernel]"""
    n = len(kernel)
    x = np.pad(x, [(0, 0), (0, 0)] + list(zip(pads[:n], pads[n:])), constant_values=fill)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    w = np.lib.stride_tricks.sliding_window_view(x, spans, tuple(range(2, 2 + n)))
    at = [slice(None)] * 2 + [slice(None, None, s) for s in strides]
    return w[tuple(at + [slice(None, None, d) for d in dilations])]


def spatial(a, n):
    return (a.get("strides", [1] * n), a.get("dilations", [1] * n), a.get("pads", [0] * 2 * n))


def conv(a, x, w, b=None):
    n, groups = w.ndim - 2, a.get("group", 1)
    v = windows(x, w.shape[2:], *spatial(a, n), 0)
    out = []
    for xg, wg in zip(np.split(v, groups, 1), np.split(w, groups, 0)):
        axes = [1] + list(range(2 + n, 2 + 2 * n))
        out.append(np.moveaxis(np.tensordot(xg, wg, (axes, list(range(1, 2 + n)))), -1, 1))
    y = np.concatenate(out, 1)
    return y if b is None else y + b.reshape([1, -1] + [1] * n)


def conv_transpose(a, x, w, b=None):
    """One spatial dimension."""
    groups = a.get("group", 1)
    (stride,), (dilation,), pads = spatial(a, 1)
    extra, = a.get("output_padding", [0])
    batch, channels, length = x.shape
    per, k = w.shape[1], w.shape[2]
    y = np.zeros((batch, per * groups, (length - 1) * stride + (k - 1) * dilation + 1 + extra))
    for g in range(groups):
        xs = x[:, g * channels // groups:(g + 1) * channels // groups]
        ws = w[g * channels // groups:(g + 1) * channels // groups]
        for t in range(length):
            for j in range(k):
                y[:, g * per:(g + 1) * per, t * stride + j * dilation] += xs[:, :, t] @ ws[:, :, j]
    y = y[:, :, pads[0]:y.shape[2] - pads[1]]
    return y if b is None else y + b.reshape(1, -1, 1)


def max_pool(a, x):
    k = a["kernel_shape"]
    n = len(k)
    assert not a.get("ceil_mode", 0)
    return windows(x, k, *spatial(a, n), -np.inf).max(tuple(range(-n, 0)))


def average_pool(a, x):
    k = a["kernel_shape"]
    n = len(k)
    assert not a.get("ceil_mode", 0)
    axes = tuple(range(-n, 0))
    total = windows(x, k, *spatial(a, n), 0).sum(axes)
    if a.get("count_include_pad", 0):
        return total / np.prod(k)
    return total / windows(np.ones_like(x), k, *spatial(a, n), 0).sum(axes)


def lstm_direction(x, w, r, b, h, c):
    n, ys = r.shape[1], []
    for xt in x:
        g = xt @ w.T + h @ r.T + b[:4 * n] + b[4 * n:]
        i, o, f, u = (g[:, k * n:(k + 1) * n] for k in range(4))  # ONNX's order
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(u)
        h = sigmoid(o) * np.tanh(c)
        ys.append(h)
    return np.stack(ys)


def gru_direction(x, w, r, b, h, c):
    n, ys = r.shape[1], []
    wb, rb = b[:3 * n], b[3 * n:]
    for xt in x:
        gx, gh = xt @ w.T + wb, h @ r.T + rb
        z = sigmoid(gx[:, :n] + gh[:, :n])
        reset = sigmoid(gx[:, n:2 * n] + gh[:, n:2 * n])
        new = np.tanh(gx[:, 2 * n:] + reset * gh[:, 2 * n:])  # linear_before_reset = 1
        h = (1 - z) * new + z * h
        ys.append(h)
    return np.stack(ys)


def recurrent(direction):
    def run(a, x, w, r, b=None, lengths=None, h=None, c=None):
        size, out = a["hidden_size"], []
        assert lengths is None and w.shape[0] == (2 if a.get("direction") == "bidirectional" else 1)
        for d in range(w.shape[0]):
            zeros = np.zeros((x.shape[1], size))
            bias = np.zeros(2 * w.shape[1]) if b is None else b[d]
            one = direction(a, d)(x[::-1] if d else x, w[d], r[d], bias,
                                  zeros if h is None else h[d], zeros if c is None else c[d])
            out.append(one[::-1] if d else one)
        return np.stack(out, 1)
    return run


def gru(a, d):
    assert a["linear_before_reset"] == 1
    return gru_direction


def rnn(a, d):
    f = {"Tanh": np.tanh, "Relu": lambda v: np.maximum(v, 0)}[
        a["activations"][d].decode()]

    def run(x, w, r, b, h, c):
        n, ys = r.shape[1], []
        for xt in x:
            h = f(xt @ w.T + h @ r.T + b[:n] + b[n:])
            ys.append(h)
        return np.stack(ys)
    return run


def batch_norm(a, x, scale, b, mean, var):
    def wide(v):
        return v.reshape([1, -1] + [1] * (x.ndim - 2))
    return (x - wide(mean)) / np.sqrt(wide(var) + a["epsilon"]) * wide(scale) + wide(b)


def instance_norm(a, x, scale, b):
    axes = tuple(range(2, x.ndim))
    y = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + a["epsilon"])
    shape = [1, -1] + [1] * (x.ndim - 2)
    return y * scale.reshape(shape) + b.reshape(shape)


def gemm(a, x, w, b=None):
    assert a.get("alpha", 1) == a.get("beta", 1) == 1 and not a.get("transA", 0)
    y = x @ (w.T if a.get("transB", 0) else w)
    return y if b is None else y + b


def reshape(a, x, shape):
    return x.reshape([x.shape[i] if s == 0 else int(s) for i, s in enumerate(shape)])


def clip(a, x, low=None, high=None):
    return np.minimum(np.maximum(x, -np.inf if low is None else low),
                      np.inf if high is None else high)


def gather(a, x, i):
    assert i.dtype == np.int64 and (i >= -x.shape[a.get("axis", 0)]).all()
    return np.take(x, i, a.get("axis", 0))


def slices(a, x, begin, end, axes, steps=None):
    at = [slice(None)] * x.ndim
    for k, axis in enumerate(axes):
        at[axis] = slice(int(begin[k]), int(end[k]), None if steps is None else int(steps[k]))
    return x[tuple(at)]


kinds = {onnx.TensorProto.FLOAT: np.float64, onnx.TensorProto.DOUBLE: np.float64,
         onnx.TensorProto.INT64: np.int64}
erf = np.vectorize(math.erf)
ops = {
    "Conv": conv, "ConvTranspose": conv_transpose, "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": lambda a, x: x.mean(tuple(range(2, x.ndim)), keepdims=True),
    "LSTM": recurrent(lambda a, d: lstm_direction), "GRU": recurrent(gru), "RNN": recurrent(rnn),
    "BatchNormalization": batch_norm, "InstanceNormalization": instance_norm,
    "Gemm": gemm, "MatMul": lambda a, x, y: x @ y,
    "Transpose": lambda a, x: x.transpose(a["perm"]), "Reshape": reshape,
    "Flatten": lambda a, x: x.reshape(int(np.prod(x.shape[:a.get("axis", 1)])), -1),
    "Squeeze": lambda a, x, axes: x.squeeze(tuple(axes)),
    "Unsqueeze": lambda a, x, axes: np.expand_dims(x, tuple(axes)),
    "Gather": gather, "Slice": slices, "Concat": lambda a, *x: np.concatenate(x, a["axis"]),
    "Shape": lambda a, x: np.array(x.shape), "Identity": lambda a, x: x,
    "Expand": lambda a, x, shape: x * np.ones([int(s) for s in shape]),
    "Cast": lambda a, x: x.astype(kinds[a["to"]]),
    "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y, "Mul": lambda a, x, y: x * y,
    "Div": lambda a, x, y: x / y, "Pow": lambda a, x, y: x ** y,
    "Sqrt": lambda a, x: np.sqrt(x), "Exp": lambda a, x: np.exp(x), "Neg": lambda a, x: -x,
    "Erf": lambda a, x: erf(x), "Abs": lambda a, x: np.abs(x),
    "ReduceMean": lambda a, x: x.mean(tuple(a["axes"]), keepdims=bool(a.get("keepdims", 1))),
    "Relu": lambda a, x: np.maximum(x, 0), "Sigmoid": lambda a, x: sigmoid(x),
    "LeakyRelu": lambda a, x: np.where(x < 0, a.get("alpha", 0.01) * x, x),
    "PRelu": lambda a, x, s: np.where(x < 0, s * x, x),
    "Elu": lambda a, x: np.where(x < 0, a.get("alpha", 1.0) * np.expm1(x), x),
    "Selu": lambda a, x: a.get("gamma", 1.05070102214813232421875) * np.where(
        x <= 0, a.get("alpha", 1.67326319217681884765625) * np.expm1(x), x),
    "Tanh": lambda a, x: np.tanh(x), "Softplus": lambda a, x: np.logaddexp(0, x),
    "Softsign": lambda a, x: x / (1 + np.abs(x)),
    "HardSigmoid": lambda a, x: np.clip(a.get("alpha", 0.2) * x + a.get("beta", 0.5), 0, 1),
    "HardSwish": lambda a, x: x * np.clip(x / 6 + 0.5, 0, 1),
    "Softmax": lambda a, x: softmax(x, a.get("axis", -1)),
    "LogSoftmax": lambda a, x: np.log(softmax(x, a.get("axis", -1))), "Clip": clip,
}


def attributes(node):
    values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}


def execute(model, feeds):
    values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    values.update(feeds)
    values = {k: v.astype(np.float64) if v.dtype.kind == "f" else v for k, v in values.items()}
    for node in model.graph.node:
        y = ops[node.op_type](attributes(node), *[values[i] if i else None for i in node.input])
        values[node.output[0]] = y
    return [values[o.name] for o in model.graph.output]


def agree(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    held = np.load(path[:-len(".onnx")] + ".npz")
    feeds = {i.name: held[i.name] for i in model.graph.input}
    worst = 0
    for o, y in zip(model.graph.output, execute(model, feeds)):
        want = held[o.name]
        dims = [d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim]
        assert len(dims) == y.ndim == want.ndim and y.shape == want.shape, (dims, y.shape)
        assert all(isinstance(d, str) or d == s for d, s in zip(dims, y.shape)), (dims, y.shape)
        worst = max(worst, np.abs(y - want).max() / max(1, np.abs(want).max()))
    kinds = [n.op_type for n in model.graph.node]
    print("%-28s %9.2e  %s" % (path.split("/")[-1], worst, " ".join(kinds)))
    return worst < 1e-5


files = sorted(glob.glob(sys.argv[1] + "/*.onnx"))
assert files, "no .onnx files in " + sys.argv[1]
good = [agree(path) for path in files]
print("%d of %d files agree" % (sum(good), len(good)))
sys.exit(0 if all(good) else 1)
