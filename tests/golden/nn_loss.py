"""Losses and their gradients by PyTorch, in f64: nn_loss.npz beside this file.

Run by hand with Debian's python3-torch. Arrays are called case.x, case.y, case.w, case.loss,
case.dx (and dy); the cases and their options are those of tests/lua/nn_loss_test.lua.
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

torch.manual_seed(5)
torch.set_default_dtype(torch.float64)
out = {}


def put(case, x, y, fn, w=None, target_gradient=False):
    x = x.clone().requires_grad_(True)
    if target_gradient:
        y = y.clone().requires_grad_(True)
    loss = fn(x, y)
    # what flows back to a loss that is not joined: 1, 2, ...
    seed = torch.arange(1, loss.numel() + 1, dtype=loss.dtype).reshape(loss.shape)
    loss.backward(seed)
    out[case + ".x"], out[case + ".loss"] = x.detach().numpy(), np.atleast_1d(loss.detach().numpy())
    out[case + ".y"], out[case + ".dx"] = y.detach().numpy(), x.grad.numpy()
    if w is not None:
        out[case + ".w"] = w.numpy()
    if target_gradient:
        out[case + ".dy"] = y.grad.numpy()


def joined(l, w):
    """sum w l / sum w, w standing for the first dimension."""
    w = w.reshape(w.shape + (1,) * (l.dim() - w.dim())).expand(l.shape)
    return (w * l).sum() / w.sum()


N, K = 11, 4
x, y = torch.randn(N, 3), torch.randn(N, 3)
w = torch.rand(N)
for name, fn in (("mse", F.mse_loss), ("l1", F.l1_loss)):
    put(name, x, y, fn, target_gradient=True)
    put(name + ".sum", x, y, lambda a, b: fn(a, b, reduction="sum"))
    put(name + ".none", x, y, lambda a, b: fn(a, b, reduction="none"))
    put(name + ".weights", x, y, lambda a, b: joined(fn(a, b, reduction="none"), w), w)
put("huber", x, y, lambda a, b: F.huber_loss(a, b, delta=0.7), target_gradient=True)
put("huber.weights", x, y, lambda a, b: joined(F.huber_loss(a, b, delta=1.3, reduction="none"), w), w)

levels = torch.tensor([0.1, 0.5, 0.85])
pinball = lambda a, b: torch.maximum(levels * (b[..., None] - a), (levels - 1) * (b[..., None] - a))
put("quantile", x, y[:, 0], lambda a, b: pinball(a, b).mean())
put("quantile.weights", x, y[:, 0], lambda a, b: joined(pinball(a, b), w), w)

z, t = 3 * torch.randn(N, 3), torch.rand(N, 3)
bce = F.binary_cross_entropy_with_logits
put("bce", z, t, bce)
put("bce.pos_weight", z, t, lambda a, b: bce(a, b, pos_weight=torch.tensor([0.5, 2.0, 3.0])))
put("bce.weights", z, (t > 0.5).double(), lambda a, b: joined(bce(a, b, reduction="none"), w), w)

q, p = torch.log_softmax(torch.randn(N, K), 1), torch.softmax(torch.randn(N, K), 1)
put("kl", q, p, lambda a, b: F.kl_div(a, b, reduction="batchmean"))
put("kl.log", q, p.log(), lambda a, b: F.kl_div(a, b, reduction="batchmean", log_target=True))
put("kl.weights", q, p, lambda a, b: joined(F.kl_div(a, b, reduction="none").sum(1), w), w)

logits, classes = 2 * torch.randn(N, K), torch.randint(0, K, (N,))
cost = torch.tensor([0.3, 1.0, 2.0, 0.7])


def cross(case, w=None, logits=logits, classes=classes, **o):
    put(case, logits, classes, lambda a, b: F.cross_entropy(a, b, **o), w)
    out[case + ".y"] = classes.numpy() + 1


cross("cross")
cross("cross.class_weights", weight=cost)
cross("cross.smoothing", label_smoothing=0.2)
cross("cross.both", weight=cost, label_smoothing=0.2)
cross("cross.ignore", weight=cost, label_smoothing=0.1, ignore_index=1)
cross("cross.sum", weight=cost, reduction="sum")
cross("cross.none", weight=cost, label_smoothing=0.3, reduction="none")
many, some = 2 * torch.randn(7, 50), torch.randint(0, 50, (7,))
cross("cross.many", logits=many, classes=some, label_smoothing=0.1)
steps = torch.randn(3, 5, K)
put("cross.sequence", steps, torch.randint(0, K, (3, 5)),
    lambda a, b: F.cross_entropy(a.transpose(1, 2), b))
out["cross.sequence.y"] += 1


def weighed(case, losses, total):
    put(case, logits, classes, lambda a, b: (w * losses(a, b)).sum() / total, w)
    out[case + ".y"] = classes.numpy() + 1


weighed("cross.weights", lambda a, b: F.cross_entropy(a, b, weight=cost, reduction="none"),
        (w * cost[classes]).sum())


def focal(a, b, gamma=1.5):
    l = F.cross_entropy(a, b, reduction="none")
    return cost[b] * (1 - torch.exp(-l)) ** gamma * l


weighed("focal", focal, (w * cost[classes]).sum())

put("nll", q, classes, lambda a, b: F.nll_loss(a, b, weight=cost, ignore_index=2))
out["nll.y"] = classes.numpy() + 1

np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "nn_loss.npz"), **out)
