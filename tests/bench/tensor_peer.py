"""The NumPy and PyTorch side of tensor.lua: numpy|torch THREADS FIFO; a task a line, answered by
seconds per call and the peak memory since the task was prepared, in KiB."""
import math
import sys
import time

import numpy as np

library, threads = sys.argv[1], int(sys.argv[2])
answers = open(sys.argv[3], "w")
rng = np.random.default_rng(1)
if library == "torch":
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)


def inputs(n, dtype):
    side, small = math.isqrt(n), {1000: 32, 100000: 316}.get(n, 1024)
    d = {
        "x": rng.standard_normal(n).astype(dtype),
        "y": rng.standard_normal(n).astype(dtype),
        "positive": (rng.random(n) + 0.5).astype(dtype),
        "rows": rng.standard_normal((n // 100, 100)).astype(dtype),
        "a": rng.standard_normal((small, small)).astype(dtype),
        "b": rng.standard_normal((small, small)).astype(dtype),
        "square": rng.standard_normal((side, side)).astype(dtype),
        "row": rng.standard_normal(side).astype(dtype),
        "at": rng.integers(0, n, n),
    }
    d["mask"] = d["y"] > 0
    if library == "torch":
        d = {k: torch.from_numpy(v) for k, v in d.items()}
    return d


def numpy_softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def numpy_task(task, d):
    x, y, square, at, mask = d["x"], d["y"], d["square"], d["at"], d["mask"]
    return {
        "add": lambda: x + y,
        "mul": lambda: x * y,
        "exp": lambda: np.exp(x),
        "log": lambda: np.log(d["positive"]),
        "tanh": lambda: np.tanh(x),
        "sigmoid": lambda: 1 / (1 + np.exp(-x)),
        "sum": lambda: x.sum(),
        "mean": lambda: x.mean(),
        "std": lambda: x.std(ddof=1),
        "max": lambda: x.max(),
        "argmax": lambda: x.argmax(),
        "cumsum": lambda: x.cumsum(),
        "sort": lambda: np.sort(x),
        "argsort": lambda: np.argsort(x),
        "softmax rows": lambda: numpy_softmax(d["rows"]),
        "matmul": lambda: d["a"] @ d["b"],
        "broadcast add": lambda: square + d["row"],
        "sum axis 1": lambda: square.sum(axis=0),
        "sum axis 2": lambda: square.sum(axis=1),
        "transposed copy": lambda: square.T.copy(),
        "mask select": lambda: x[mask],
        "gather": lambda: x[at],
        "take": lambda: np.take(x, at),
        "where": lambda: np.where(mask, x, y),
        "quantile": lambda: np.quantile(x, 0.5),
        "draw uniform": lambda: rng.random(len(x), dtype=x.dtype),
        "draw normal": lambda: rng.standard_normal(len(x), dtype=x.dtype),
        "draw exponential": lambda: rng.standard_exponential(len(x), dtype=x.dtype),
        "draw gamma": lambda: rng.standard_gamma(2, len(x), dtype=x.dtype),
        "draw beta": lambda: rng.beta(2, 3, len(x)).astype(x.dtype, copy=False),
        "draw t": lambda: rng.standard_t(5, len(x)).astype(x.dtype, copy=False),
        "draw poisson 4": lambda: rng.poisson(4, len(x)),
        "draw poisson 100": lambda: rng.poisson(100, len(x)),
        "draw binomial": lambda: rng.binomial(100, 0.3, len(x)),
        "draw permutation": lambda: rng.permutation(len(x)),
    }[task]


def torch_task(task, d):
    x, y, square, at, mask = d["x"], d["y"], d["square"], d["at"], d["mask"]
    return {
        "add": lambda: x + y,
        "mul": lambda: x * y,
        "exp": lambda: torch.exp(x),
        "log": lambda: torch.log(d["positive"]),
        "tanh": lambda: torch.tanh(x),
        "sigmoid": lambda: torch.sigmoid(x),
        "sum": lambda: x.sum(),
        "mean": lambda: x.mean(),
        "std": lambda: x.std(),
        "max": lambda: x.max(),
        "argmax": lambda: x.argmax(),
        "cumsum": lambda: x.cumsum(0),
        "sort": lambda: torch.sort(x),
        "argsort": lambda: torch.argsort(x),
        "softmax rows": lambda: torch.softmax(d["rows"], 1),
        "matmul": lambda: d["a"] @ d["b"],
        "broadcast add": lambda: square + d["row"],
        "sum axis 1": lambda: square.sum(0),
        "sum axis 2": lambda: square.sum(1),
        "transposed copy": lambda: square.T.contiguous(),
        "mask select": lambda: x[mask],
        "gather": lambda: x[at],
        "take": lambda: torch.take(x, at),
        "where": lambda: torch.where(mask, x, y),
        "quantile": lambda: torch.quantile(x, 0.5),
        "draw uniform": lambda: torch.rand(len(x), dtype=x.dtype),
        "draw normal": lambda: torch.randn(len(x), dtype=x.dtype),
        "draw exponential": lambda: torch.empty_like(x).exponential_(),
        "draw gamma": lambda: torch._standard_gamma(torch.full_like(x, 2)),
        "draw beta": lambda: torch._sample_dirichlet(torch.stack(
            [torch.full_like(x, 2), torch.full_like(x, 3)], 1))[:, 0],
        "draw t": lambda: torch.randn_like(x) / torch.sqrt(
            torch._standard_gamma(torch.full_like(x, 2.5)) / 2.5),
        "draw poisson 4": lambda: torch.poisson(torch.full_like(x, 4)),
        "draw poisson 100": lambda: torch.poisson(torch.full_like(x, 100)),
        "draw binomial": lambda: torch.binomial(torch.full_like(x, 100), torch.full_like(x, 0.3)),
        "draw permutation": lambda: torch.randperm(len(x)),
    }[task]


def peak_kib():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def seconds_per_call(call, calls):
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


made, data, prepared = None, None, None
for line in sys.stdin:
    task, dtype, n = line.rstrip("\n").split("\t")
    if (dtype, n) != made:
        made, data = (dtype, n), None
        data = inputs(int(n), {"f64": np.float64, "f32": np.float32}[dtype])
    if (task, made) != prepared:
        prepared = (task, made)
        call = (torch_task if library == "torch" else numpy_task)(task, data)
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
        once = seconds_per_call(call, 2)
        if once < 0.01:
            seconds_per_call(call, int(0.01 / max(once, 1e-6)))  # warm
        calls = max(1, min(2000, int(0.01 / max(once, 1e-7))))
    print("%.9g %d" % (seconds_per_call(call, calls), peak_kib()), file=answers, flush=True)
