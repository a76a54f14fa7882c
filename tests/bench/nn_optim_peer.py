"""The PyTorch side of nn_optim.lua: ROWS THREADS FIFO; a task a line, answered by seconds and KiB."""
import gc
import os
import sys
import time

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)
os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx512")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
import torch.optim as O  # noqa: E402

calls, threads = max(1, int(sys.argv[1]) // 10000), int(sys.argv[2])
answers = open(sys.argv[3], "w")
torch.set_num_threads(threads)


def graded(fn, x, y, **o):
    x.requires_grad_(True)

    def call():
        x.grad = None
        fn(x, y, **o).backward()

    return call


def parameters(count, size):
    made = [torch.randn(size, requires_grad=True) for _ in range(count)]
    for p in made:
        p.grad = torch.randn(size)
    return made


def stepping(make, count=20, size=4516, **o):
    return make(parameters(count, size), **o).step


x64, y64 = torch.randn(64), torch.rand(64)
clipped = parameters(20, 4516)
tasks = {
    "cross 64x3": graded(F.cross_entropy, torch.randn(64, 3), torch.randint(3, (64,))),
    "cross 64x3 smooth": graded(F.cross_entropy, torch.randn(64, 3), torch.randint(3, (64,)),
                                label_smoothing=0.1, weight=torch.ones(3)),
    "cross 4096x100": graded(F.cross_entropy, torch.randn(4096, 100), torch.randint(100, (4096,))),
    "bce 64": graded(F.binary_cross_entropy_with_logits, x64.clone(), y64),
    "mse 64": graded(F.mse_loss, x64.clone(), y64),
    "huber 64": graded(F.huber_loss, x64.clone(), y64),
    "mse 1e6": graded(F.mse_loss, torch.randn(1000000), torch.randn(1000000)),
    # the faster of PyTorch's two ways for many small tensors
    "Adam 90k": stepping(O.Adam, lr=1e-3, foreach=True),
    "Adam 1e6": stepping(O.Adam, count=1, size=1000000, lr=1e-3),
    "AdamW amsgrad 90k": stepping(O.AdamW, lr=1e-3, amsgrad=True, foreach=True),
    "SGD momentum 90k": stepping(O.SGD, lr=1e-3, momentum=0.9, foreach=True),
    "RMSProp 90k": stepping(O.RMSprop, foreach=True),
    "clip_norm 90k": lambda: torch.nn.utils.clip_grad_norm_(clipped, 1.0),
}


def status(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1])


for line in sys.stdin:
    call = tasks[line.strip()]
    gc.collect()
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")
    before = status("VmRSS")
    call()
    more = status("VmHWM") - before
    best = 1e9
    for _ in range(5):
        gc.collect()
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        best = min(best, time.perf_counter() - begin)
    answers.write(f"{best:.9g} {more}\n")
    answers.flush()
