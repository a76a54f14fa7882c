"""Data sets of the tree benches, and python3-xgboost and scikit-learn on them.

  tree_peer.py make SET FOLDER                    write SET_{x,y,xt,yt}.npy
  tree_peer.py run SET SHAPE FOLDER THREADS       xgboost: bin train metric peak_MB
  tree_peer.py sklearn SET SHAPE FOLDER THREADS   HistGradientBoosting: 0 train metric peak_MB
  tree_peer.py predict SET SHAPE FOLDER THREADS   xgboost: rows_per_second p50_us p99_us

SET is c (20k x 50, weak signal, 5 % missing), b (200k x 100, five classes), or a (1M x 28) scaled:
a100 has 100 thousand rows. SHAPE is leaves31, leaves255 or depth8. The metric is the AUC, of b the
log loss, of the test rows.
"""
import resource
import sys
import time

import numpy as np


def set_a(rows):
    rng = np.random.default_rng(7)
    n = rows + rows // 5
    L = rng.standard_normal((n, 21)).astype(np.float32)
    L[:, [0, 4, 8, 12, 16]] = np.abs(L[:, [0, 4, 8, 12, 16]]) ** 1.5
    L[:, [7, 11, 15, 19]] = np.round(rng.random((n, 4)) * 2)
    H = np.empty((n, 7), np.float32)
    for k, (p, q, u, v) in enumerate([(0, 4, 1, 2), (8, 12, 9, 10)]):
        spread = np.cosh(np.clip(L[:, u] - L[:, u + 4], -3, 3)) - np.cos(L[:, v] - L[:, v + 4])
        H[:, k] = np.sqrt(np.abs(L[:, p] * L[:, q] * spread))
    H[:, 2] = L[:, 0] + L[:, 4] + L[:, 8] + .3 * rng.standard_normal(n)
    H[:, 3] = np.maximum(L[:, 3], L[:, 17]) * L[:, 16]
    H[:, 4] = L[:, 18] * L[:, 20]
    H[:, 5] = np.abs(L[:, 2] - L[:, 6])
    H[:, 6] = np.hypot(L[:, 1], L[:, 5])
    z = (.9 * np.sin(1.7 * H[:, 0]) + .7 * np.tanh(H[:, 1] - 1) - .5 * (H[:, 2] > 3) * L[:, 7]
         + .6 * L[:, 18] * L[:, 20] * (L[:, 11] > 0) + .5 * np.cos(2 * L[:, 2] - L[:, 6])
         - .4 * (H[:, 6] > 1.5) * (L[:, 15] - 1) + .3 * H[:, 3] + .25 * L[:, 1] * L[:, 5] - .1)
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(np.float32)
    return np.hstack([L, H]), y, rows


def set_c():
    rng = np.random.default_rng(11)
    n = 40_000
    X = rng.standard_t(4, size=(n, 50)).astype(np.float32)
    regime = np.repeat(rng.standard_normal(n // 200), 200)
    z = 1.6 * (.22 * np.tanh(X[:, 0]) + .12 * X[:, 1].clip(-3, 3) * (regime > 0)
               + .22 * np.sign(X[:, 2] * X[:, 3]) + .12 * (np.abs(X[:, 4]).clip(0, 4) - 1))
    X[:, 49] = regime + rng.standard_normal(n) * .5
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(np.float32)
    X[rng.random(X.shape) < .05] = np.nan
    return X, y, 20_000


def set_b():
    """After a of a million rows, whose draws come first."""
    rng = np.random.default_rng(7)
    n = 1_200_000
    rng.standard_normal((n, 21)), rng.random((n, 4)), rng.standard_normal(n), rng.random(n)
    n = 250_000
    X = rng.standard_normal((n, 100)).astype(np.float32)
    W = rng.standard_normal((5, 12)) * .5
    z = np.stack([X[:, :12] @ W[c] + .8 * np.sin(2 * X[:, 12 + c]) * X[:, 20 + c]
                  + .6 * (X[:, 30 + c] > .5) * (X[:, 40 + c] < 0) for c in range(5)], 1)
    z += rng.gumbel(size=z.shape)
    return X, z.argmax(1).astype(np.float32), 200_000


def make(name, folder):
    X, y, rows = {"b": set_b, "c": set_c}[name]() if name in "bc" else set_a(int(name[1:]) * 1000)
    parts = {"x": X[:rows], "y": y[:rows], "xt": X[rows:], "yt": y[rows:]}
    for key, value in parts.items():
        np.save(f"{folder}/{name}_{key}.npy", np.ascontiguousarray(value))


def auc(y, p):
    order = np.argsort(p, kind="stable")
    _, inverse, count = np.unique(p[order], return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[inverse]
    positive = y[order] > .5
    m, n = positive.sum(), (~positive).sum()
    return (ranks[positive].sum() - m * (m + 1) / 2) / m / n


def log_loss(y, p):
    return -np.log(np.maximum(p[np.arange(len(y)), y.astype(int)], 1e-15)).mean()


def metric(name, y, p):
    return log_loss(y, p) if name == "b" else auc(y, p[:, 1] if p.ndim == 2 else p)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rounds(name):
    return 20 if name == "b" else 100


def parameters(name, shape, threads):
    p = {"objective": "binary:logistic", "tree_method": "hist", "max_bin": 256, "nthread": threads,
         "eta": .05 if name == "c" else .1}
    if name == "b":
        p.update(objective="multi:softprob", num_class=5)
    if shape == "depth8":
        p["max_depth"] = 8
    elif name == "c":
        p["max_depth"] = 5
    else:
        p.update(grow_policy="lossguide", max_leaves=int(shape[6:]), max_depth=0)
    return p


def run(name, shape, folder, threads):
    import xgboost as xgb
    X, y, Xt, yt = (np.load(f"{folder}/{name}_{k}.npy") for k in ("x", "y", "xt", "yt"))
    p = parameters(name, shape, threads)
    t0 = time.perf_counter()
    data = xgb.QuantileDMatrix(X, y, nthread=threads, max_bin=256)
    t1 = time.perf_counter()
    model = xgb.train(p, data, rounds(name))
    t2 = time.perf_counter()
    top = peak()
    print(t1 - t0, t2 - t1, metric(name, yt, model.inplace_predict(Xt)), top)


def sklearn(name, shape, folder, threads):
    """Started with OMP_NUM_THREADS, which it obeys."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    X, y, Xt, yt = (np.load(f"{folder}/{name}_{k}.npy") for k in ("x", "y", "xt", "yt"))
    deep = shape == "depth8"
    model = HistGradientBoostingClassifier(
        max_iter=rounds(name), learning_rate=.05 if name == "c" else .1, early_stopping=False,
        max_leaf_nodes=256 if deep else int(shape[6:]), max_depth=8 if deep else None)
    start = time.perf_counter()
    model.fit(X, y)
    stop = time.perf_counter()
    top = peak()
    print(0, stop - start, metric(name, yt, model.predict_proba(Xt)), top)


def predict(name, shape, folder, threads):
    """From a model that is trained once and kept."""
    import os
    import xgboost as xgb
    kept = f"{folder}/{name}_{shape}.json"
    if not os.path.exists(kept):
        X, y = (np.load(f"{folder}/{name}_{k}.npy") for k in ("x", "y"))
        p = parameters(name, shape, threads)
        xgb.train(p, xgb.QuantileDMatrix(X, y, nthread=threads, max_bin=256), 100).save_model(kept)
    model = xgb.Booster({"nthread": threads}, model_file=kept)
    Xt = np.load(f"{folder}/{name}_xt.npy")
    model.inplace_predict(Xt[:1000])
    start = time.perf_counter()
    model.inplace_predict(Xt)
    batch = len(Xt) / (time.perf_counter() - start)
    model.set_param({"nthread": 1})
    one = []
    for i in range(2000):
        start = time.perf_counter()
        model.inplace_predict(Xt[i % 1000:i % 1000 + 1])
        one.append(time.perf_counter() - start)
    one.sort()
    print(batch, one[1000] * 1e6, one[1980] * 1e6)


if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3])
else:
    {"run": run, "sklearn": sklearn, "predict": predict}[sys.argv[1]](
        sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
