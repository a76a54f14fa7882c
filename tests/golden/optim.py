"""Steps of PyTorch's optimizers, learning rates of its schedules, and a clipped gradient, in f64:
optim.npz beside this file, with numbers that tests/lua/optim_test.lua reads.

Run by hand with Debian's python3-torch. PyTorch has no Lion: its rule is written out here.
Arrays: p0, p1 the parameters at the start; g0, g1 the gradients of ten steps; case.1.p0 ... the
parameters after one and ten steps; schedule.rates (and .momenta) from before the first step on.
"""
import os

import numpy as np
import torch
from torch.optim import lr_scheduler as S

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
start = [torch.randn(3, 5), torch.randn(4)]
grads = [torch.randn(10, 3, 5), torch.randn(10, 4)]
out = {"p0": start[0], "p1": start[1], "g0": grads[0], "g1": grads[1]}


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr, betas, weight_decay):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (b1, b2), lr = group["betas"], group["lr"]
            for p in group["params"]:
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                p.mul_(1 - lr * group["weight_decay"])
                p.sub_(lr * torch.sign(b1 * m + (1 - b1) * p.grad))
                m.copy_(b2 * m + (1 - b2) * p.grad)


def steps(case, make):
    params = [p.clone().requires_grad_(True) for p in start]
    opt = make([{"params": [params[0]]}, {"params": [params[1]], "lr": 0.05}])
    for t in range(10):
        for p, g in zip(params, grads):
            p.grad = g[t].clone()
        opt.step()
        if t in (0, 9):
            for i, p in enumerate(params):
                out[f"{case}.{t + 1}.p{i}"] = p.detach().clone()


O = torch.optim
steps("sgd", lambda p: O.SGD(p, lr=0.1, weight_decay=0.02, maximize=True))
steps("momentum", lambda p: O.SGD(p, lr=0.1, momentum=0.8, dampening=0.3, weight_decay=0.02))
steps("nesterov", lambda p: O.SGD(p, lr=0.1, momentum=0.8, nesterov=True))
steps("adam", lambda p: O.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.05))
steps("amsgrad", lambda p: O.Adam(p, lr=0.1, betas=(0.5, 0.6), amsgrad=True, maximize=True))
steps("adamw", lambda p: O.AdamW(p, lr=0.1, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.2))
steps("adamw_amsgrad", lambda p: O.AdamW(p, lr=0.1, betas=(0.5, 0.6), amsgrad=True))
steps("rmsprop", lambda p: O.RMSprop(p, lr=0.1, alpha=0.9, eps=1e-3, weight_decay=0.05))
steps("rmsprop_momentum", lambda p: O.RMSprop(p, lr=0.1, alpha=0.9, momentum=0.7))
steps("rmsprop_centered", lambda p: O.RMSprop(p, lr=0.1, alpha=0.7, centered=True))
steps("rmsprop_both", lambda p: O.RMSprop(p, lr=0.1, alpha=0.7, momentum=0.7, centered=True))
steps("lion", lambda p: Lion(p, lr=0.1, betas=(0.9, 0.97), weight_decay=0.1))

losses = [3, 2, 2.5, 1.99, 1.9899, 2, 2, 2, 2, 2.1, 1, 1, 1, 1, 1, 1, 1, 1.1, 1, 1]
out["plateau.losses"] = np.array(losses)


def rates(case, make, n, values=None, momentum=None):
    p = torch.zeros(1, requires_grad=True)
    if momentum == "betas":
        opt = O.Adam([p], lr=0.3)
    else:
        opt = O.SGD([p], lr=0.3, momentum=0.9)
    schedule = make(opt)
    seen, momenta = [], []
    for t in range(n + 1):
        group = opt.param_groups[0]
        seen.append(group["lr"])
        momenta.append(group["betas"][0] if momentum == "betas" else group["momentum"])
        if t < n:
            opt.step()
            schedule.step(values[t]) if values else schedule.step()
    out[case + ".rates"] = np.array(seen)
    if momentum:
        out[case + ".momenta"] = np.array(momenta)


rates("step", lambda o: S.StepLR(o, step_size=4, gamma=0.3), 20)
rates("multi_step", lambda o: S.MultiStepLR(o, milestones=[2, 5, 11], gamma=0.3), 20)
rates("exponential", lambda o: S.ExponentialLR(o, gamma=0.9), 20)
rates("cosine", lambda o: S.CosineAnnealingLR(o, T_max=15, eta_min=0.01), 40)
rates("cosine_restarts", lambda o: S.CosineAnnealingWarmRestarts(o, T_0=4, T_mult=2, eta_min=0.01), 40)
rates("one_cycle", lambda o: S.OneCycleLR(o, max_lr=0.5, total_steps=20, pct_start=0.25), 19,
      momentum="momentum")
rates("one_cycle_linear", lambda o: S.OneCycleLR(
    o, max_lr=0.5, total_steps=20, anneal_strategy="linear", div_factor=10, final_div_factor=100,
    base_momentum=0.7, max_momentum=0.9), 19, momentum="betas")
rates("one_cycle_three", lambda o: S.OneCycleLR(
    o, max_lr=0.5, total_steps=30, pct_start=0.4, three_phase=True), 29, momentum="momentum")
rates("warm_up", lambda o: S.LinearLR(o, start_factor=0.2, total_iters=6), 12)
rates("warm_up_cosine", lambda o: S.SequentialLR(
    o, [S.LinearLR(o, start_factor=0.2, total_iters=6), S.CosineAnnealingLR(o, T_max=10)], [6]), 16)
rates("plateau", lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=1), 20, losses)
rates("plateau_max", lambda o: S.ReduceLROnPlateau(
    o, mode="max", factor=0.1, patience=1, threshold=0.5, threshold_mode="abs", min_lr=0.001), 20,
    losses)

for kind in (1.0, 2.0, float("inf")):
    params = [p.clone().requires_grad_(True) for p in start]
    for p, g in zip(params, grads):
        p.grad = g[0].clone()
    norm = torch.nn.utils.clip_grad_norm_(params, 0.7, norm_type=kind)
    case = "clip_%s" % (int(kind) if kind < 3 else "inf")
    out[case + ".norm"] = np.array([float(norm)])
    out[case + ".g0"], out[case + ".g1"] = params[0].grad, params[1].grad

np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "optim.npz"),
         **{k: np.asarray(v) for k, v in out.items()})
