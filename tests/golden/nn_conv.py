#!/usr/bin/python3
# Makes nn_conv.npz: convolutions and pooling of PyTorch with all gradients, in f64. Data is stored
# as neap has it, channels last. Run by hand with Debian's python3-torch:
#   python3 tests/golden/nn_conv.py tests/golden/nn_conv.npz
import sys

import numpy as np
import torch
import torch.nn as tn

torch.manual_seed(7)

# name: (layer, sizes of x in PyTorch's order)
CASES = {
    "conv1d": (tn.Conv1d(5, 7, 3), (2, 5, 11)),
    "conv1d_stride": (tn.Conv1d(4, 3, 4, stride=3, padding=2), (2, 4, 13)),
    "conv1d_dilation": (tn.Conv1d(3, 18, 3, dilation=2, padding=3), (3, 3, 9)),
    "conv1d_same": (tn.Conv1d(2, 4, 4, padding="same"), (2, 2, 7)),
    "conv1d_groups": (tn.Conv1d(6, 4, 3, groups=2, stride=2, padding=1, bias=False), (2, 6, 8)),
    "conv1d_depthwise": (tn.Conv1d(4, 8, 2, groups=4), (2, 4, 6)),
    "conv1d_one": (tn.Conv1d(1, 1, 1), (1, 1, 1)),
    "conv2d": (tn.Conv2d(2, 5, (4, 1), padding="same"), (2, 2, 9, 5)),
    "conv2d_book": (tn.Conv2d(1, 6, (1, 2), stride=(1, 2)), (2, 1, 7, 8)),
    "conv2d_wide": (tn.Conv2d(3, 6, (1, 10)), (2, 3, 5, 10)),
    "conv2d_square": (tn.Conv2d(3, 4, 3, stride=2, padding=1), (2, 3, 6, 7)),
    "conv2d_all": (
        tn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(2, 1), dilation=(2, 3), groups=2),
        (2, 4, 9, 8),
    ),
    "transpose": (tn.ConvTranspose1d(3, 5, 4, stride=2, padding=1), (2, 3, 6)),
    "transpose_all": (
        tn.ConvTranspose1d(4, 6, 3, stride=3, padding=2, output_padding=2, dilation=2, groups=2),
        (2, 4, 5),
    ),
    "max1d": (tn.MaxPool1d(3, stride=2, padding=1), (2, 4, 10)),
    "max2d": (tn.MaxPool2d((3, 1), stride=(1, 1), padding=(1, 0)), (2, 3, 6, 1)),
    "max2d_ceil": (tn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), (2, 3, 6, 8)),
    "avg1d": (tn.AvgPool1d(4, stride=3, padding=2), (2, 4, 10)),
    "avg2d": (tn.AvgPool2d((3, 2), padding=(1, 1), count_include_pad=False), (2, 3, 7, 5)),
    "avg2d_ceil": (tn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), (2, 3, 6, 8)),
    "adaptive1d": (tn.AdaptiveAvgPool1d(4), (2, 3, 10)),
    "adaptive2d": (tn.AdaptiveAvgPool2d((3, 2)), (2, 3, 7, 5)),
    "leaky": (tn.Sequential(tn.Conv1d(4, 5, 3), tn.LeakyReLU(0.1)), (2, 4, 9)),
    "relu": (tn.Sequential(tn.Conv1d(4, 5, 3), tn.ReLU()), (2, 4, 9)),
    "tanh": (tn.Sequential(tn.Conv1d(4, 5, 3), tn.Tanh()), (2, 4, 9)),
    "sigmoid": (tn.Sequential(tn.Conv1d(4, 5, 3), tn.Sigmoid()), (2, 4, 9)),
}


def last(t):
    return t.detach().movedim(1, -1).contiguous().numpy()


out = {}
for name, (net, size) in CASES.items():
    net = net.double()
    x = torch.randn(size, dtype=torch.float64).requires_grad_()
    y = net(x)
    g = torch.randn(y.shape, dtype=torch.float64)
    y.backward(g)
    for key, t in (("x", x), ("y", y), ("g", g), ("dx", x.grad)):
        out[f"{name}.{key}"] = last(t)
    layer = net[0] if isinstance(net, tn.Sequential) else net
    for key, p in layer.named_parameters():
        out[f"{name}.{key}"] = p.detach().numpy()
        out[f"{name}.d{key}"] = p.grad.numpy()
np.savez(sys.argv[1], **out)
