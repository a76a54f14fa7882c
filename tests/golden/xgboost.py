"""Models of XGBoost in small: xgboost/<name>.json.gz, with their margins in xgboost.lua.

The rows have NaN, values that equal thresholds, their neighbours among floats, and categories that
were not seen. Run with Debian's python3-xgboost 1.7.4 from this folder: python3 xgboost.py
"""
import gzip
import json
import os
import sys

sys.path.pop(0)  # this file is called as the library is
import numpy as np
import xgboost as xgb

ROWS = 300
FEATURES = 5
CATEGORICAL = ["float", "float", "float", "float", "c"]


def make_rows(n, seed):
    r = np.random.default_rng(seed)
    x = r.normal(size=(n, FEATURES)).astype(np.float32)
    x[:, 3] = np.round(x[:, 3] * 2) / 2
    x[:, 4] = r.integers(0, 40, n)
    x[r.random(x.shape) < 0.08] = np.nan
    return x


def labels(x):
    z = np.nan_to_num(x, nan=0.7)
    group = np.array([0.9 if int(c) % 3 == 0 else -0.4 for c in z[:, 4]])
    return z[:, 0] + 0.5 * z[:, 1] ** 2 - 0.6 * z[:, 3] + group


def test_rows(model):
    """Fresh rows, and rows that lie at the model's thresholds."""
    x = make_rows(40, 2)
    x[:6, 4] = [41, 99, 1000, -1, 39, 0]
    edges = []
    for tree in json.loads(model.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"]:
        for k, left in enumerate(tree["left_children"]):
            if left >= 0:
                edges.append((tree["split_indices"][k], np.float32(tree["split_conditions"][k])))
    for i, (feature, value) in enumerate(edges[:12]):
        for step in (np.nextafter(value, np.float32(-np.inf)), value,
                     np.nextafter(value, np.float32(np.inf))):
            row = x[i % 30].copy()
            row[feature] = step
            x = np.vstack([x, row])
    return x


def train(data, rounds, **o):
    o = {"max_depth": 3, "tree_method": "hist", "seed": 3, "nthread": 1, "max_bin": 32, **o}
    return xgb.train(o, data, rounds)


def models():
    x = make_rows(ROWS, 1)
    y = labels(x)
    binary = (y > 0.3).astype(float)
    share = 1 / (1 + np.exp(-y))
    classes = np.digitize(y, [-0.3, 0.8]).astype(float)
    counts = np.floor(np.exp(np.clip(y, -2, 2)))

    def data(target, **o):
        return xgb.DMatrix(x, target, **o)

    def listed(target):
        return data(target, feature_types=CATEGORICAL, enable_categorical=True)

    named = data(binary, feature_names=["open", "close price", "\u00fcber", "q\"uote", "e"])
    ranked = data(np.clip(classes, 0, 1))
    ranked.set_group([30] * (ROWS // 30))
    yield "logistic", train(named, 6, objective="binary:logistic", base_score=0.3)
    yield "logitraw", train(data(binary), 4, objective="binary:logitraw")
    yield "hinge", train(data(binary), 4, objective="binary:hinge")
    yield "softprob", train(data(classes), 3, objective="multi:softprob", num_class=3)
    yield "softmax", train(data(classes), 3, objective="multi:softmax", num_class=3)
    yield "squarederror", train(data(y), 6, objective="reg:squarederror", base_score=2.5)
    yield "pruned", train(data(y), 4, objective="reg:squarederror", tree_method="exact", gamma=20,
                          max_depth=6)
    yield "lossguide", train(data(y), 3, objective="reg:squarederror", grow_policy="lossguide",
                             max_leaves=12, max_depth=0)
    yield "absoluteerror", train(data(y), 3, objective="reg:absoluteerror")
    yield "pseudohubererror", train(data(y), 3, objective="reg:pseudohubererror")
    yield "gamma", train(data(np.exp(y)), 3, objective="reg:gamma", base_score=1.7)
    yield "tweedie", train(data(counts), 3, objective="reg:tweedie")
    yield "poisson", train(data(counts), 3, objective="count:poisson")
    yield "reg_logistic", train(data(share), 3, objective="reg:logistic", base_score=0.6)
    yield "pairwise", train(ranked, 3, objective="rank:pairwise")
    yield "ndcg", train(ranked, 2, objective="rank:ndcg")
    yield "map", train(ranked, 2, objective="rank:map")
    yield "two_targets", train(data(np.stack([y, -y * y], 1)), 3, objective="reg:squarederror")
    yield "dart", train(data(binary), 8, objective="binary:logistic", booster="dart", rate_drop=0.5,
                        one_drop=1)
    yield "dart_classes", train(data(classes), 4, objective="multi:softprob", num_class=3,
                                booster="dart", rate_drop=0.5, num_parallel_tree=2, subsample=0.7)
    yield "categories", train(listed(binary), 5, objective="binary:logistic", max_cat_to_onehot=1)
    yield "one_hot", train(listed(y), 5, objective="reg:squarederror", max_cat_to_onehot=100)
    yield "forest", train(data(classes), 2, objective="multi:softprob", num_class=3,
                          num_parallel_tree=3, subsample=0.6, colsample_bynode=0.7)
    yield "no_rounds", train(data(binary), 0, objective="binary:logistic", base_score=0.2)


def number(v):
    return "N" if np.isnan(v) else repr(float(v))


def put_rows(f, name, rows):
    f.write("  %s = {\n" % name)
    for row in rows:
        f.write("    { %s },\n" % ", ".join(number(v) for v in np.atleast_1d(row)))
    f.write("  },\n")


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    made = dict(models())
    x = test_rows(made["squarederror"])
    x = np.vstack([x, test_rows(made["one_hot"])[40:]])
    with open(os.path.join(folder, "xgboost.lua"), "w") as f:
        f.write("-- Written by xgboost.py with XGBoost %s: rows, and the margins of each model.\n"
                % xgb.__version__)
        f.write("local N = 0 / 0\n\nreturn {\n")
        put_rows(f, "rows", x)
        for name, model in made.items():
            names = model.feature_names
            types = CATEGORICAL if name in ("categories", "one_hot") else None
            d = xgb.DMatrix(x, feature_names=names, feature_types=types,
                            enable_categorical=types is not None)
            put_rows(f, name, model.predict(d, output_margin=True))
            with open(os.path.join(folder, "xgboost", name + ".json.gz"), "wb") as out:
                with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as z:
                    z.write(model.save_raw("json"))
        f.write("}\n")


main()
