"""Held-out losses of peers for tests/lua/gbdt_objectives_test.lua: python3 gbdt_losses.py writes
gbdt_losses.lua beside it. Rows are drawn by a formula that the test repeats, so none are stored.
XGBoost 1.7.4 (lossguide, hist) and scikit-learn 1.2.1 (HistGradientBoosting)."""
import os
import sys

sys.path.pop(0)  # or xgboost.py beside this file would be imported

import numpy as np
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_gamma_deviance, mean_pinball_loss, mean_poisson_deviance
from sklearn.metrics import mean_tweedie_deviance

ROWS, ROUNDS = 4000, 60


def uniform(i, j):
    v = np.sin(i * 12.9898 + j * 78.233) * 43758.5453
    return v - np.floor(v)


def poisson_of(mean, u):
    """Smallest k whose cumulative probability exceeds u."""
    k, p = np.zeros_like(mean), np.exp(-mean)
    below = p.copy()
    for step in range(1, 60):
        more = below < u
        k[more] = step
        p = p * mean / step
        below = below + p
    return k


def data():
    i = np.arange(1, 2 * ROWS + 1)
    x = np.column_stack([uniform(i, j) for j in range(1, 6)])
    mean = np.exp(1.2 * x[:, 0] - 1.5 * x[:, 1] * x[:, 2] + .5 * np.sin(6 * x[:, 3]))
    draws = -np.log(uniform(i, 7)) - np.log(uniform(i, 8))
    count = poisson_of(mean, uniform(i, 9))
    y = {"poisson": count, "gamma": mean * draws / 2, "tweedie": count * draws / 2,
         "quantile": mean + .5 * np.log(uniform(i, 7) / (1 - uniform(i, 7)))}
    y["l1"] = y["quantile"]
    return x, y


def by_xgboost(x, y, xt, objective, **more):
    p = {"objective": objective, "tree_method": "hist", "max_bin": 256, "eta": .1, "lambda": 0,
         "grow_policy": "lossguide", "max_leaves": 15, "max_depth": 0, "nthread": 1, **more}
    p.setdefault("base_score", float(y.mean()))
    return xgboost.train(p, xgboost.DMatrix(x, y), ROUNDS).predict(xgboost.DMatrix(xt))


def by_sklearn(x, y, xt, loss, **more):
    return HistGradientBoostingRegressor(loss=loss, max_iter=ROUNDS, learning_rate=.1,
                                         max_leaf_nodes=15, min_samples_leaf=20,
                                         early_stopping=False, **more).fit(x, y).predict(xt)


def main():
    x, labels = data()
    rows, out = slice(0, ROWS), {}
    xt = x[ROWS:]

    def judge(name, predict, loss):
        y, yt = labels[name][rows], labels[name][ROWS:]
        out[name] = {peer: float(loss(yt, f(x[rows], y, xt))) for peer, f in predict.items()}

    judge("poisson", {"xgboost": lambda *a: by_xgboost(*a, "count:poisson", max_delta_step=.7),
                      "sklearn": lambda *a: by_sklearn(*a, "poisson")}, mean_poisson_deviance)
    judge("gamma", {"xgboost": lambda *a: by_xgboost(*a, "reg:gamma")}, mean_gamma_deviance)
    judge("tweedie", {"xgboost": lambda *a: by_xgboost(*a, "reg:tweedie",
                                                       tweedie_variance_power=1.5)},
          lambda y, p: mean_tweedie_deviance(y, p, power=1.5))
    judge("quantile", {"sklearn": lambda *a: by_sklearn(*a, "quantile", quantile=.9)},
          lambda y, p: mean_pinball_loss(y, p, alpha=.9))
    judge("l1", {"xgboost": lambda *a: by_xgboost(*a, "reg:absoluteerror",
                                                  base_score=float(np.median(labels["l1"][rows]))),
                 "sklearn": lambda *a: by_sklearn(*a, "absolute_error")},
          lambda y, p: np.mean(np.abs(y - p)))
    with open(os.path.splitext(__file__)[0] + ".lua", "w") as f:
        f.write("-- Written by gbdt_losses.py beside it.\nreturn {\n")
        for name in sorted(out):
            values = ", ".join(f"{peer} = {v:.6f}" for peer, v in sorted(out[name].items()))
            total = float(labels[name].sum())
            f.write(f"  {name} = {{ {values}, labels = {total:.9g} }},\n")
        f.write("}\n")


main()
