"""Golden values of metrics and isotonic regression from scikit-learn, written to metrics.lua.

Run: python3 tests/golden/metrics.py (needs python3-sklearn). The inputs are made by a small
congruential generator, so that the Lua tests can make the same ones."""
import math
import os
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m
from sklearn.isotonic import IsotonicRegression


def numbers(n, seed):
    """n values k/1000 with 0 < k < 1000 from a generator that Lua repeats exactly."""
    x, out = seed, []
    for _ in range(n):
        x = (x * 1103515245 + 12345) % 2147483648
        out.append((x // 65536 % 999 + 1) / 1000)
    return np.array(out)


N = 500
p = numbers(N, 1)
y = (numbers(N, 2) < 0.15 + 0.7 * p * p).astype(int)
w = numbers(N, 3)
raw = np.stack([numbers(N, 4), numbers(N, 5), numbers(N, 6)], 1)
p3 = raw / raw.sum(1, keepdims=True)
y3 = np.where(numbers(N, 7) < 0.5, p3.argmax(1), (numbers(N, 8) * 3).astype(int)) - 1
g, g3 = (p > 0.5).astype(int), p3.argmax(1) - 1
target, guess = numbers(N, 9) * 4 - 2, numbers(N, 10) * 4 - 2

out = {}
for name, ws in (("plain", None), ("weighted", w)):
    o = {}
    o["accuracy"] = m.accuracy_score(y, g, sample_weight=ws)
    o["balanced_accuracy"] = m.balanced_accuracy_score(y, g, sample_weight=ws)
    o["mcc"] = m.matthews_corrcoef(y, g, sample_weight=ws)
    o["precision"] = m.precision_score(y, g, sample_weight=ws)
    o["recall"] = m.recall_score(y, g, sample_weight=ws)
    o["f1"] = m.f1_score(y, g, sample_weight=ws)
    o["f1_of_0"] = m.f1_score(y, g, sample_weight=ws, pos_label=0)
    o["auc"] = m.roc_auc_score(y, p, sample_weight=ws)
    o["average_precision"] = m.average_precision_score(y, p, sample_weight=ws)
    o["log_loss"] = m.log_loss(y, p, sample_weight=ws)
    o["brier"] = m.brier_score_loss(y, p, sample_weight=ws)
    o["mcc_3"] = m.matthews_corrcoef(y3, g3, sample_weight=ws)
    o["balanced_accuracy_3"] = m.balanced_accuracy_score(y3, g3, sample_weight=ws)
    o["log_loss_3"] = m.log_loss(y3, p3, sample_weight=ws)
    o["auc_3"] = m.roc_auc_score(y3, p3, multi_class="ovr", average="macro", sample_weight=ws)
    for average in ("macro", "micro", "weighted"):
        v = m.precision_recall_fscore_support(y3, g3, average=average, sample_weight=ws)
        for key, value in zip(("precision_3", "recall_3", "f1_3"), v):
            o[f"{key}_{average}"] = value
    o["mse"] = m.mean_squared_error(target, guess, sample_weight=ws)
    o["mae"] = m.mean_absolute_error(target, guess, sample_weight=ws)
    o["mape"] = m.mean_absolute_percentage_error(target, guess, sample_weight=ws)
    o["r2"] = m.r2_score(target, guess, sample_weight=ws)
    out[name] = o

iso = IsotonicRegression(out_of_bounds="clip", y_min=1 / (N + 2), y_max=1 - 1 / (N + 2))
grid = np.linspace(0, 1, 21)
out["isotonic"] = {i + 1: v for i, v in enumerate(iso.fit(p, y).predict(grid))}
out["isotonic_weighted"] = {i + 1: v for i, v in enumerate(iso.fit(p, y, w).predict(grid))}


def write(f, value, depth):
    for key, v in value.items():
        name = key if isinstance(key, str) else f"[{key}]"
        if isinstance(v, dict):
            f.write("  " * depth + f"{name} = {{\n")
            write(f, v, depth + 1)
            f.write("  " * depth + "},\n")
        else:
            f.write("  " * depth + f"{name} = {float(v)!r},\n")


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.lua")
with open(path, "w") as f:
    f.write(f"-- Written by metrics.py with scikit-learn {sklearn.__version__}.\nreturn {{\n")
    write(f, out, 1)
    f.write("}\n")
