"""The PyTorch side of nn_conv.lua: BATCH THREADS FIFO; a task a line, answered by seconds and KiB."""
import gc
import os
import sys
import time

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)
os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx512")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import torch  # noqa: E402
import torch.nn as tn  # noqa: E402

batch, threads = int(sys.argv[1]), int(sys.argv[2])
answers = open(sys.argv[3], "w")
torch.set_num_threads(threads)


def book_block(inputs, first, stride=1):
    return [
        tn.Conv2d(inputs, 32, first, stride=stride), tn.LeakyReLU(),
        tn.Conv2d(32, 32, (4, 1), padding="same"), tn.LeakyReLU(),
        tn.Conv2d(32, 32, (4, 1), padding="same"), tn.LeakyReLU(),
    ]


def branch(taps):
    return tn.Sequential(
        tn.Conv2d(32, 32, 1), tn.LeakyReLU(),
        tn.Conv2d(32, 32, (taps, 1), padding="same"), tn.LeakyReLU(),
    )


class Inception(tn.Module):
    def __init__(self):
        super().__init__()
        self.parts = tn.ModuleList([branch(3), branch(5), tn.Sequential(
            tn.MaxPool2d((3, 1), stride=1, padding=(1, 0)), tn.Conv2d(32, 32, 1), tn.LeakyReLU())])

    def forward(self, x):
        return torch.cat([part(x) for part in self.parts], 1)


book = tn.Sequential(*book_block(1, (1, 2), (1, 2)), *book_block(32, (1, 2), (1, 2)),
                     *book_block(32, (1, 10)), Inception())
conv = tn.Conv1d(40, 32, 3)
front = tn.Sequential(tn.Conv1d(64, 32, 5, padding="same"), tn.ReLU(), tn.MaxPool1d(4),
                      tn.Conv1d(32, 32, 5, padding="same"), tn.ReLU(), tn.MaxPool1d(4))
pool = tn.MaxPool1d(2)
series = torch.randn(64, 40, 100).requires_grad_()
series_g, pool_g = torch.randn(64, 32, 98), torch.randn(64, 40, 50)
books, books_g, one = torch.randn(batch, 1, 100, 40), torch.randn(batch, 96, 100, 1), \
    torch.randn(1, 1, 100, 40)
long, long_g = torch.randn(8, 64, 8640), torch.randn(8, 32, 540)


def train(net, x, g):
    net.zero_grad(set_to_none=True)
    net(x).backward(g)


def infer(net, x):
    with torch.no_grad():
        net(x)


tasks = {
    "conv1d": lambda: infer(conv, series),
    "conv1d train": lambda: train(conv, series, series_g),
    "book train": lambda: train(book, books, books_g),
    "book infer": lambda: infer(book, books),
    "book infer 1": lambda: infer(book, one),
    "long train": lambda: train(front, long, long_g),
    "max pool train": lambda: train(pool, series, pool_g),
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
        call()
        best = min(best, time.perf_counter() - begin)
    answers.write(f"{best:.9g} {more}\n")
    answers.flush()
