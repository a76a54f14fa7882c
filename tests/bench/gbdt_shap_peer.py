"""python3-xgboost for tests/bench/gbdt_shap.lua: the same trees, explained by both.

  gbdt_shap_peer.py train SET SHAPE FOLDER               write shap_SET_SHAPE.json: 100 trees
  gbdt_shap_peer.py run SET SHAPE FOLDER THREADS N PAIRS one line: seconds of contributions of N
                                                         rows, of interactions of PAIRS rows
"""
import sys
import time

import numpy as np
import xgboost as xgb


def load(folder, name, key):
    return np.load(f"{folder}/{name}_{key}.npy")


def train(name, shape, folder):
    x, y = load(folder, name, "x"), load(folder, name, "y")
    p = {"objective": "binary:logistic", "tree_method": "hist", "max_bin": 256, "eta": .1}
    if shape == "depth8":
        p["max_depth"] = 8
    else:
        p.update(grow_policy="lossguide", max_leaves=int(shape[6:]), max_depth=0)
    model = xgb.train(p, xgb.QuantileDMatrix(x, y, max_bin=256), 100)
    model.save_model(f"{folder}/shap_{name}_{shape}.json")


def seconds(fn):
    start = time.perf_counter()
    fn()
    return time.perf_counter() - start


def run(name, shape, folder, threads, rows, pairs):
    model = xgb.Booster(model_file=f"{folder}/shap_{name}_{shape}.json")
    model.set_param({"nthread": threads})
    x = load(folder, name, "xt")
    many, few = xgb.DMatrix(x[:rows], nthread=threads), xgb.DMatrix(x[:pairs], nthread=threads)
    print(seconds(lambda: model.predict(many, pred_contribs=True)),
          seconds(lambda: model.predict(few, pred_interactions=True)))


if sys.argv[1] == "train":
    train(*sys.argv[2:5])
else:
    run(*sys.argv[2:5], *(int(v) for v in sys.argv[5:8]))
