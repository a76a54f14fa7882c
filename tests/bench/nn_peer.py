"""The PyTorch side of nn.lua: THREADS FIFO; a task a line, answered by the seconds of a call, its
processor seconds and the KiB of resident memory that a first call added. The rows are described in
nn.lua; the environment (ATEN_CPU_CAPABILITY, OMP_WAIT_POLICY) is set there."""
import gc
import sys
import time
import warnings

import torch
from torch import nn
import torch.nn.functional as F

warnings.simplefilter("ignore")
torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(1)
SAMPLE = 0.02  # seconds that a measured stretch lasts at least


def inference(net, x):
    net.eval()

    def call():
        with torch.inference_mode():
            return net(x)
    return call


def training(net, x, loss):
    """Forward, backward, gradients of the parameters; no step."""
    def call():
        net.zero_grad(set_to_none=True)
        loss(net(x)).backward()
    return call


def stepping(net, x, y, optimizer):
    def call():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    return call


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3, foreach=True)


def total(y):
    return (y[0] if isinstance(y, tuple) else y).sum()


# networks ----------------------------------------------------------------------------------------

class Inception(nn.Module):
    """The order-book network's three convolutions side by side, then one sequence."""

    def __init__(self):
        super().__init__()
        def conv(i, o, k, pad=0):
            return [nn.Conv2d(i, o, k, padding=pad), nn.LeakyReLU(0.01)]
        self.one = nn.Sequential(*conv(32, 32, 1), *conv(32, 32, (3, 1), (1, 0)))
        self.two = nn.Sequential(*conv(32, 32, 1), *conv(32, 32, (5, 1), (2, 0)))
        self.three = nn.Sequential(nn.MaxPool2d((3, 1), 1, (1, 0)), *conv(32, 32, 1))

    def forward(self, x):
        x = torch.cat([self.one(x), self.two(x), self.three(x)], 1)
        return x.squeeze(3).transpose(1, 2)


class Tail(nn.Module):
    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def deeplob():
    """DeepLOB with 32 filters everywhere, LSTM 96 -> 64: 90 307 parameters; N x 1 x 100 x 40.
    Channels last in memory, which is faster here than PyTorch's default."""
    layers, inputs = [], 1
    for kernel, stride in [((1, 2), (1, 2)), ((1, 2), (1, 2)), ((1, 10), 1)]:
        layers += [nn.Conv2d(inputs, 32, kernel, stride), nn.LeakyReLU(0.01)]
        for _ in range(2):
            layers += [nn.Conv2d(32, 32, (4, 1), padding="same"), nn.LeakyReLU(0.01)]
        inputs = 32
    net = nn.Sequential(*layers, Inception(), Tail(96, 64, 3))
    return net.to(memory_format=torch.channels_last)


def book(batch):
    return torch.randn(batch, 1, 100, 40).to(memory_format=torch.channels_last)


class Dual(nn.Module):
    """models.dual_channel(64, 12): a short channel of convolutions, pools and an LSTM, a long one of
    convolutions and a mean, put together. Channels first, as PyTorch has them."""

    def __init__(self):
        super().__init__()
        def conv(i, o, k, *more):
            return [nn.Conv1d(i, o, k), nn.LeakyReLU(0.01), *more]
        self.short = nn.Sequential(*conv(64, 32, 5, nn.MaxPool1d(4)),
                                   *conv(32, 32, 5, nn.MaxPool1d(4)))
        self.lstm = nn.LSTM(32, 64, batch_first=True)
        self.long = nn.Sequential(*conv(12, 32, 3, nn.MaxPool1d(2)), *conv(32, 64, 3))
        self.head = nn.Sequential(nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 3))

    def forward(self, x):
        steps = self.lstm(self.short(x[0]).transpose(1, 2))[0][:, -1]
        return self.head(torch.cat([steps, self.long(x[1]).mean(2)], 1))


def dual_train():
    """Batches of 8 windows of 8640 rows out of one series, copied when they are asked for."""
    net, series, far = Dual(), torch.randn(20000, 64), torch.randn(8, 12, 90)
    assert sum(p.numel() for p in net.parameters()) == 56355
    windows, at, y = series.unfold(0, 8640, 1), torch.arange(8) * 1400, labels(8)

    def call():
        net.zero_grad(set_to_none=True)
        F.cross_entropy(net((windows[at], far)), y).backward()
    return call


def mlp():
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(),
                         nn.Linear(64, 3))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.m = nn.MultiheadAttention(64, 4, batch_first=True)

    def forward(self, x):
        return self.m(x, x, x, need_weights=False)[0]


def scores(q, k, v):
    """Attention of heads without projections: B x heads x T x d."""
    a = torch.softmax(q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5), -1)
    return a @ v


# tasks -------------------------------------------------------------------------------------------

def lstm(steps, batch, inputs, hidden, make):
    net, x = nn.LSTM(inputs, hidden, batch_first=True), torch.randn(batch, steps, inputs)
    return inference(net, x) if make is inference else training(net, x, total)


def lstm_step():
    cell, x = nn.LSTMCell(64, 64), torch.randn(1, 64)
    h = c = torch.zeros(1, 64)

    def call():
        with torch.inference_mode():
            return cell(x, (h, c))
    return call


def labels(batch):
    return torch.randint(0, 3, (batch,))


def deeplob_step(batch):
    net = deeplob()
    return stepping(net, book(batch), labels(batch), adam(net.parameters()))


def mlp_step():
    net = mlp()
    return stepping(net, torch.randn(32, 64), labels(32), adam(net.parameters()))


def leaf(*sizes):
    return torch.randn(*sizes, requires_grad=True)


def attention(*sizes):
    q, k, v = (leaf(*sizes) for _ in range(3))

    def call():
        for t in (q, k, v):
            t.grad = None
        scores(q, k, v).sum().backward()
    return call


def dropout():
    net, x = nn.Dropout(0.1), torch.randn(409600)
    return lambda: net(x)


def adam_step():
    parameters = [nn.Parameter(torch.randn(4516)) for _ in range(20)]
    for p in parameters:
        p.grad = torch.randn_like(p)
    return adam(parameters).step


tasks = {
    "lstm_infer": lambda: lstm(50, 32, 64, 64, inference),
    "lstm_train": lambda: lstm(50, 32, 64, 64, training),
    "lstm_c_infer": lambda: lstm(100, 64, 96, 64, inference),
    "lstm_c_train": lambda: lstm(100, 64, 96, 64, training),
    "lstm_step": lstm_step,
    "gru_train": lambda: training(nn.GRU(64, 64, batch_first=True), torch.randn(32, 50, 64), total),
    "conv1d_infer": lambda: inference(nn.Conv1d(40, 32, 3), torch.randn(64, 40, 100)),
    "conv1d_train": lambda: training(nn.Conv1d(40, 32, 3), torch.randn(64, 40, 100), total),
    "deeplob_train": lambda: deeplob_step(32),
    "deeplob_train_64": lambda: deeplob_step(64),
    "deeplob_infer": lambda: inference(deeplob(), book(1)),
    "deeplob_tick": lambda: inference(deeplob(), book(1)),
    "dual_train": dual_train,
    "mlp_step": mlp_step,
    "mlp_infer": lambda: inference(mlp(), torch.randn(32, 64)),
    "attention_train": lambda: training(Attention(), torch.randn(32, 100, 64), total),
    "attention_heads": lambda: attention(32, 4, 100, 16),
    "transformer_train": lambda: training(
        nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True),
        torch.randn(32, 100, 64), total),
    "transformer_drop": lambda: training(
        nn.TransformerEncoderLayer(64, 4, 128, dropout=0.1, batch_first=True),
        torch.randn(32, 100, 64), total),
    "attention_long": lambda: attention(1, 4, 2000, 16),
    "layer_norm": lambda: training(nn.LayerNorm(64), leaf(3200, 64), total),
    "batch_norm": lambda: training(nn.BatchNorm1d(64), leaf(3200, 64), total),
    "dropout": dropout,
    "adam": adam_step,
}


# measuring ---------------------------------------------------------------------------------------

def status(field):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1])


def mark_peak():
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


class Task:
    def __init__(self, make):
        before = status("VmRSS")
        mark_peak()
        self.call = make()
        self.call()
        self.kib = max(0, status("VmHWM") - before)
        for _ in range(3):
            begin = time.perf_counter()
            self.call()
            took = time.perf_counter() - begin
        self.calls = max(1, int(SAMPLE / max(took, 1e-7)))

    def stretch(self):
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(self.calls):
            self.call()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return wall / self.calls, cpu / self.calls

    def best(self):
        pairs = [self.stretch() for _ in range(3)]
        return min(w for w, _ in pairs), min(c for _, c in pairs)


if __name__ == "__main__":
    name, task = None, None
    with open(sys.argv[2], "w") as answers:
        for line in sys.stdin:
            if line.strip() != name:
                name, task = line.strip(), None
                gc.collect()
                task = Task(tasks[name]) if name in tasks else None
            answers.write("%.9g %.9g %d\n" % ((*task.best(), task.kib) if task else (-1, -1, 0)))
            answers.flush()
