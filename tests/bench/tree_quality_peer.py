"""Splits of the tabular sets for tests/bench/tree_quality.lua, and the peers' losses on them.

  tree_quality_peer.py make DATA FOLDER        write NAME_SEED_{x,y,xt,yt}.npy, and a line per set:
                                               name, objective, classes, categorical columns from 1
  tree_quality_peer.py run NAME OBJECTIVE CLASSES CATEGORIES FOLDER SEED
                                               losses of python3-xgboost and of HistGradientBoosting

Every seed is a split of its own: four fifths to learn from, one fifth to judge.
"""
import gzip
import sys
import warnings

import numpy as np
import pandas as pd

SEEDS = 5


def codes(series):
    out = series.astype("category").cat.codes.astype(np.float64)
    out[out < 0] = np.nan
    return out


def with_categories(frame):
    names = [c for c in frame.columns if frame[c].dtype == object]
    for c in names:
        frame[c] = codes(frame[c].where(frame[c] != "?"))
    return frame.to_numpy(np.float64), [frame.columns.get_loc(c) for c in names]


def adult(folder):
    f = pd.read_csv(f"{folder}/uci/adult-train.csv.gz", header=None, skipinitialspace=True)
    x, cats = with_categories(f.iloc[:, :-1].copy())
    return x, (f.iloc[:, -1] == ">50K").to_numpy(np.float64), cats


def diamonds(folder):
    f = pd.read_csv(f"{folder}/uci/diamonds.csv.gz")
    x, cats = with_categories(f.drop(columns="price"))
    return x, np.log(f["price"].to_numpy(np.float64)), cats


def mammography(folder):
    f = pd.read_csv(f"{folder}/uci/mammography.csv.gz", header=None)
    y = f.iloc[:, -1].astype(str).str.strip("'").astype(float) > 0
    return f.iloc[:, :-1].to_numpy(np.float64), y.to_numpy(np.float64), []


def letter(folder):
    f = pd.read_csv(f"{folder}/uci/mlbench_LetterRecognition.csv.gz")
    return f.iloc[:, 1:].to_numpy(np.float64), codes(f.iloc[:, 0]).to_numpy(), []


def vehicle(folder):
    f = pd.read_csv(f"{folder}/uci/mlbench_Vehicle.csv.gz")
    return f.iloc[:, :-1].to_numpy(np.float64), codes(f.iloc[:, -1]).to_numpy(), []


def example(folder, name):
    parts = [np.loadtxt(f"{folder}/lightgbm/{name}/{name.split('_')[0]}.{p}.gz")
             for p in ("train", "test")]
    both = np.vstack(parts)
    return both[:, 1:], both[:, 0], []


def agaricus(folder):
    rows, labels = [], []
    for part in ("train", "test"):
        for line in gzip.open(f"{folder}/xgboost/agaricus.txt.{part}.gz", "rt"):
            words = line.split()
            labels.append(float(words[0]))
            rows.append([int(w.split(":")[0]) for w in words[1:]])
    x = np.zeros((len(rows), 1 + max(max(r) for r in rows)))
    for i, r in enumerate(rows):
        x[i, r] = 1
    return x, np.array(labels), []


SETS = [
    ("example_binary", "binary", lambda d: example(d, "binary_classification")),
    ("example_regression", "regression", lambda d: example(d, "regression")),
    ("adult", "binary", adult),
    ("mammography", "binary", mammography),
    ("agaricus", "binary", agaricus),
    ("diamonds", "regression", diamonds),
    ("letter", "multiclass", letter),
    ("vehicle", "multiclass", vehicle),
]


def make(data, folder):
    for name, objective, read in SETS:
        x, y, cats = read(data)
        for seed in range(1, SEEDS + 1):
            order = np.random.default_rng(seed).permutation(len(y))
            test, train = np.split(order, [len(y) // 5])
            parts = {"x": x[train], "y": y[train], "xt": x[test], "yt": y[test]}
            for key, value in parts.items():
                np.save(f"{folder}/{name}_{seed}_{key}.npy", np.ascontiguousarray(value))
        classes = 1 + int(y.max()) if objective == "multiclass" else 1
        print(name, objective, classes, ",".join(str(c + 1) for c in cats) or "-")


def loss(objective, y, p):
    if objective == "regression":
        return np.sqrt(np.mean((y - p) ** 2))
    p = np.column_stack([1 - p, p]) if p.ndim == 1 else p
    return -np.mean(np.log(np.clip(p[np.arange(len(y)), y.astype(int)], 1e-15, 1)))


def xgboost_loss(objective, classes, cats, x, y, xt, yt, seed):
    import xgboost as xgb
    types = ["c" if k in cats else "float" for k in range(x.shape[1])]
    kinds = {"binary": "binary:logistic", "regression": "reg:squarederror",
             "multiclass": "multi:softprob"}
    # min_data_in_leaf has no equal; the rest is what the others do.
    p = {"objective": kinds[objective], "tree_method": "hist", "max_bin": 256, "eta": .1,
         "grow_policy": "lossguide", "max_leaves": 31, "max_depth": 0, "lambda": 0,
         "min_child_weight": 1e-3 if objective != "regression" else 20, "nthread": 2, "seed": seed}
    if objective == "multiclass":
        p["num_class"] = classes
    if objective == "regression":
        p["base_score"] = float(y.mean())
    data = xgb.DMatrix(x, y, feature_types=types, enable_categorical=True)
    test = xgb.DMatrix(xt, feature_types=types, enable_categorical=True)
    return loss(objective, yt, xgb.train(p, data, 100).predict(test))


def forest_loss(objective, cats, x, y, xt, yt, seed):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    o = {"max_iter": 100, "learning_rate": .1, "max_leaf_nodes": 31, "min_samples_leaf": 20,
         "early_stopping": False, "random_state": seed, "categorical_features": cats or None}
    if objective == "regression":
        return loss(objective, yt, HistGradientBoostingRegressor(**o).fit(x, y).predict(xt))
    p = HistGradientBoostingClassifier(**o).fit(x, y).predict_proba(xt)
    return loss(objective, yt, p)


def run(name, objective, classes, cats, folder, seed):
    x, y, xt, yt = (np.load(f"{folder}/{name}_{seed}_{k}.npy") for k in ("x", "y", "xt", "yt"))
    cats = [] if cats == "-" else [int(c) - 1 for c in cats.split(",")]
    print(xgboost_loss(objective, classes, cats, x, y, xt, yt, seed),
          forest_loss(objective, cats, x, y, xt, yt, seed))


warnings.simplefilter("ignore")
if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3])
else:
    run(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], sys.argv[6], int(sys.argv[7]))
