"""The scikit-learn side of forest.lua.

forest_peer.py make SET FOLDER [DATA]       writes SET_x.npy, _y, _xt, _yt into FOLDER
forest_peer.py run SET FOLDER THREADS SEED  prints seconds and CPU seconds of the fit, of prediction,
                                            and the metric
SET a and c are what tree_peer.py makes, a cut to 100 thousand rows; letter, diamonds, adult and
mammography are read from DATA/uci; isolation_a and isolation_mammography fit isolation forests."""
import csv
import gzip
import os
import subprocess
import sys
import time

import numpy as np

FILES = {"letter": ("mlbench_LetterRecognition.csv.gz", "lettr"),
         "diamonds": ("diamonds.csv.gz", "price"), "adult": ("adult-train.csv.gz", 14),
         "mammography": ("mammography.csv.gz", 6)}


def column(values):
    """Numbers, or the places of sorted texts; what is unknown is NaN."""
    values = [v.strip() for v in values]
    try:
        return np.array([float(v) if v not in ("?", "NA", "") else np.nan for v in values])
    except ValueError:
        return np.unique(values, return_inverse=True)[1].astype(float)


def table(name, data):
    file, target = FILES[name]
    with gzip.open(os.path.join(data, "uci", file), "rt") as f:
        rows = [r for r in csv.reader(f) if r]
    names = list(range(len(rows[0]))) if isinstance(target, int) else rows.pop(0)
    columns = {n: column(c) for n, c in zip(names, zip(*rows))}
    y = columns.pop(target)
    columns.pop("rownames", None)
    x = np.stack(list(columns.values()), 1)
    order = np.random.default_rng(3).permutation(len(y))
    return x[order], y[order]


def make(name, folder, data):
    of = name.replace("isolation_", "")
    if of in ("a", "c"):
        source = {"a": "a1000", "c": "c"}[of]
        if not os.path.exists(f"{folder}/{source}_x.npy"):
            here = os.path.dirname(os.path.abspath(__file__))
            subprocess.run([sys.executable, f"{here}/tree_peer.py", "make", source, folder],
                           check=True)
        part = [np.load(f"{folder}/{source}_{k}.npy") for k in ("x", "y", "xt", "yt")]
        if name == "a":
            part = [v[:n] for v, n in zip(part, (100000, 100000, 50000, 50000))]
    else:
        x, y = table(of, data)
        n = len(y) if name.startswith("isolation") else len(y) * 3 // 4
        part = [v.astype("f4") for v in (x[:n], y[:n], x[n:], y[n:])]
    for key, v in zip(("x", "y", "xt", "yt"), part):
        np.save(f"{folder}/forest_{name}_{key}.npy", v)


def timed(fn):
    wall, cpu = time.perf_counter(), time.process_time()
    value = fn()
    return value, time.perf_counter() - wall, time.process_time() - cpu


def run(name, folder, threads, seed):
    from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
    from sklearn.metrics import roc_auc_score

    x, y, xt, yt = [np.load(f"{folder}/forest_{name}_{k}.npy") for k in ("x", "y", "xt", "yt")]
    x, xt = np.nan_to_num(x, nan=-99.0), np.nan_to_num(xt, nan=-99.0)  # its trees take no NaN
    o = dict(n_estimators=100, n_jobs=threads, random_state=seed)
    if name.startswith("isolation"):
        m, *fit = timed(lambda: IsolationForest(**o).fit(x))
        p, *predict = timed(lambda: -m.score_samples(x))
        metric = roc_auc_score(y == y.max(), p)
    elif name == "diamonds":
        m, *fit = timed(lambda: RandomForestRegressor(**o).fit(x, y))
        p, *predict = timed(lambda: m.predict(xt))
        metric = np.sqrt(np.mean((p - yt) ** 2))
    else:
        m, *fit = timed(lambda: RandomForestClassifier(**o).fit(x, y))
        p, *predict = timed(lambda: m.predict_proba(xt))
        two = p.shape[1] == 2
        metric = roc_auc_score(yt, p[:, 1]) if two else np.mean(m.classes_[p.argmax(1)] == yt)
    print(*fit, *predict, metric)


if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3], sys.argv[4])
else:
    run(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
