"""Training of the named models in PyTorch, for tests/lua/models_test.lua.

python3 tests/golden/nn_models.py      writes nn_models/<name>.safetensors: the first weights
    (state.*), the data, the rows of each batch (counted from 1), and the losses of Adam steps, f64
    and f32 (20 of them) and long (200 in f32). twins has 16 more long runs, each with one number of
    one parameter moved by one ulp at the start: the largest relative difference of a loss.

Modules here have the names of neap's models, inputs are [batch, time, features] as there.
"""
import os
import sys

import torch
from torch import nn

sys.argv = sys.argv[:1] + ["library"]
here = os.path.dirname(os.path.abspath(__file__))
source = open(os.path.join(here, "torch_state.py")).read().split("if len(sys.argv) == 1:")[0]
exec(source)  # save() of that file
torch.set_num_threads(1)

ROWS, BATCH, SHORT, LONG, LR, TWINS = 24, 8, 20, 200, 2e-3, 16


class Lstm(nn.Module):
    def __init__(self, inputs, hidden, layers, outputs):
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def leaky(conv):
    return [conv, nn.LeakyReLU(0.01)]


class CnnLstm(nn.Module):
    """The network of Zhang, Zohren and Roberts (2019), time padded to its length."""

    def __init__(self, inputs, filters, inception, hidden, classes):
        super().__init__()

        def block(channels, width, stride):
            first = nn.Conv2d(channels, filters, (1, width), stride=(1, stride))
            more = [nn.Conv2d(filters, filters, (4, 1), padding="same") for _ in range(2)]
            return nn.Sequential(*[m for conv in [first] + more for m in leaky(conv)])

        def branch(time):
            return nn.Sequential(*leaky(nn.Conv2d(filters, inception, 1)),
                                 *leaky(nn.Conv2d(inception, inception, (time, 1),
                                                  padding="same")))
        self.conv1 = block(1, 2, 2)
        self.conv2 = block(filters, 2, 2)
        self.conv3 = block(filters, inputs // 4, 1)
        self.inception = nn.ModuleList([
            branch(3), branch(5), nn.Sequential(nn.MaxPool2d((3, 1), stride=1, padding=(1, 0)),
                                                *leaky(nn.Conv2d(filters, inception, 1)))])
        self.lstm = nn.LSTM(3 * inception, hidden, batch_first=True)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        x = self.conv3(self.conv2(self.conv1(x.unsqueeze(1))))
        x = torch.cat([branch(x) for branch in self.inception], 1).squeeze(3)
        return self.head(self.lstm(x.transpose(1, 2))[0][:, -1])


class Turned(nn.Sequential):
    """Layers over [batch, features, time] for [batch, time, features]."""

    def forward(self, x):
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class Short(nn.Module):
    def __init__(self, inputs, filters, hidden):
        super().__init__()
        self.conv1 = Turned(nn.Conv1d(inputs, filters, 5), nn.LeakyReLU(0.01), nn.MaxPool1d(4))
        self.conv2 = Turned(nn.Conv1d(filters, filters, 5), nn.LeakyReLU(0.01), nn.MaxPool1d(4))
        self.lstm = nn.LSTM(filters, hidden, batch_first=True)

    def forward(self, x):
        return self.lstm(self.conv2(self.conv1(x)))[0][:, -1]


class Long(nn.Module):
    def __init__(self, inputs, filters, features):
        super().__init__()
        self.conv1 = Turned(nn.Conv1d(inputs, filters, 3), nn.LeakyReLU(0.01), nn.MaxPool1d(2))
        self.conv2 = Turned(nn.Conv1d(filters, features, 3), nn.LeakyReLU(0.01))

    def forward(self, x):
        return self.conv2(self.conv1(x)).mean(1)


class DualChannel(nn.Module):
    def __init__(self, short, long, filters, hidden, classes):
        super().__init__()
        self.short = Short(short, filters, hidden)
        self.long = Long(long, filters, hidden)
        self.head = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.ReLU(),
                                  nn.Linear(hidden, classes))

    def forward(self, short, long):
        return self.head(torch.cat([self.short(short), self.long(long)], 1))


class Autoencoder(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.encoder = nn.LSTM(inputs, hidden, batch_first=True)
        self.decoder = nn.LSTM(hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, inputs)

    def forward(self, x):
        code = self.encoder(x)[1][0][-1]
        return self.head(self.decoder(code.unsqueeze(1).expand(-1, x.shape[1], -1))[0])


class Causal(nn.Conv1d):
    def forward(self, x):
        ahead = self.dilation[0] * (self.kernel_size[0] - 1)
        return super().forward(nn.functional.pad(x, (ahead, 0)))


class Block(nn.Module):
    def __init__(self, inputs, outputs, kernel, dilation):
        super().__init__()
        self.inner = nn.Sequential(Causal(inputs, outputs, kernel, dilation=dilation), nn.ReLU(),
                                   Causal(outputs, outputs, kernel, dilation=dilation), nn.ReLU())
        if inputs != outputs:
            self.shortcut = nn.Conv1d(inputs, outputs, 1)

    def forward(self, x):
        shortcut = self.shortcut(x) if hasattr(self, "shortcut") else x
        return shortcut + self.inner(x)


class Tcn(nn.Module):
    def __init__(self, inputs, channels, kernel, outputs):
        super().__init__()
        layers, width = [], inputs
        for i, n in enumerate(channels):
            layers += [Block(width, n, kernel, 2**i), nn.ReLU()]
            width = n
        self.blocks = Turned(*layers)
        self.head = nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.blocks(x)[:, -1])


def mlp(inputs, hidden, outputs):
    layers = []
    for n in hidden:
        layers += [nn.Linear(inputs, n), nn.ReLU()]
        inputs = n
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


class Transformer(nn.Module):
    def __init__(self, inputs, width, heads, layers, inner, outputs):
        super().__init__()
        self.embed = nn.Linear(inputs, width)
        self.encoder = nn.Sequential(*[
            nn.TransformerEncoderLayer(width, heads, inner, dropout=0.0, batch_first=True)
            for _ in range(layers)])
        self.head = nn.Linear(width, outputs)

    def forward(self, x):
        x = self.embed(x)
        time, width = x.shape[1:]
        at = torch.arange(time, dtype=torch.float64).unsqueeze(1)
        speed = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
        place = torch.stack([torch.sin(at * speed), torch.cos(at * speed)], 2).reshape(time, width)
        return self.head(self.encoder(x + place.to(x.dtype))[:, -1])


def numbers(*size):
    return torch.randn(*size)


def classes(n):
    return torch.arange(ROWS) % n + 1


cases = {
    "lstm_predictor": (lambda: Lstm(5, 8, 2, 2), [numbers(ROWS, 12, 5)], numbers(ROWS, 2)),
    "cnn_lstm": (lambda: CnnLstm(16, 6, 4, 8, 3), [numbers(ROWS, 12, 16)], classes(3)),
    "dual_channel": (lambda: DualChannel(4, 3, 6, 8, 3),
                     [numbers(ROWS, 60, 4), numbers(ROWS, 14, 3)], classes(3)),
    "lstm_autoencoder": (lambda: Autoencoder(3, 8), [numbers(ROWS, 10, 3)], None),
    "tcn": (lambda: Tcn(4, [6, 6, 8], 3, 2), [numbers(ROWS, 20, 4)], numbers(ROWS, 2)),
    "mlp": (lambda: mlp(10, [16, 8], 3), [numbers(ROWS, 10)], classes(3)),
    "transformer_encoder": (lambda: Transformer(4, 8, 2, 2, 16, 2), [numbers(ROWS, 10, 4)],
                            numbers(ROWS, 2)),
}


def train(make, state, inputs, y, order, steps, dtype):
    net = make().to(dtype)
    net.load_state_dict(state)
    opt = torch.optim.Adam(net.parameters(), lr=LR)
    losses = []
    for rows in order[:steps]:
        part = [x[rows - 1].to(dtype) for x in inputs]
        out = net(*part)
        if y is None:
            loss = nn.functional.mse_loss(out, part[0])
        elif y.dtype == torch.int64:
            loss = nn.functional.cross_entropy(out, y[rows - 1] - 1)
        else:
            loss = nn.functional.mse_loss(out, y[rows - 1].to(dtype))
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.detach().to(torch.float64))
    return torch.stack(losses)


def moved(state, name):
    """The same, with one number of one parameter one ulp further from 0."""
    state = {k: v.clone() for k, v in state.items()}
    flat = state[name].view(-1)
    i = int(torch.randint(flat.numel(), (1,)))
    flat[i] = torch.nextafter(flat[i], flat[i] * 2 + (flat[i] == 0))
    return state


for case, (make, inputs, y) in cases.items():
    torch.manual_seed(len(case))
    state = {k: v.clone() for k, v in make().state_dict().items()}
    order = torch.stack([torch.randperm(ROWS)[:BATCH] + 1 for _ in range(LONG)])
    out = {"state." + k: v for k, v in state.items()}
    out.update({"x.%d" % (i + 1): x for i, x in enumerate(inputs)})
    if y is not None:
        out["y"] = y
    out["order"] = order.to(torch.int32)
    out["f64"] = train(make, state, inputs, y, order, SHORT, torch.float64)
    long = train(make, state, inputs, y, order, LONG, torch.float32)
    out["f32"], out["long"] = long[:SHORT], long
    names, twins = list(state), []
    for i in range(TWINS):
        torch.manual_seed(i)
        start = moved(state, names[i * len(names) // TWINS])
        losses = train(make, start, inputs, y, order, LONG, torch.float32)
        twins.append(((losses - long).abs() / long).max())
    out["twins"] = torch.stack(twins)
    save(os.path.join(here, "nn_models", case + ".safetensors"), out)
