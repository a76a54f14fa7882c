"""Golden values of forests from scikit-learn, written to forest.lua.

Run: python3 tests/golden/forest.py (needs python3-sklearn). The inputs are made by a small
congruential generator, so that the Lua tests can make the same ones. Trees without drawing, at most
three deep, have no ties and are the same in every implementation; forests that draw are compared by
their out-of-bag scores over five seeds."""
import os

import numpy as np
import sklearn
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import roc_auc_score


def numbers(n, seed):
    """n values k/1000 with 0 < k < 1000 from a generator that Lua repeats exactly."""
    x, out = seed, []
    for _ in range(n):
        x = (x * 1103515245 + 12345) % 2147483648
        out.append((x // 65536 % 999 + 1) / 1000)
    return np.array(out)


N, F = 240, 5
X = numbers(N * F, 1).reshape(N, F)
score = X[:, 0] - X[:, 1] + 0.5 * X[:, 2] * X[:, 3] + 0.4 * numbers(N, 2)
two = (score > 0.35).astype(int)
three = np.digitize(score, [0.1, 0.6]) - 1
w = numbers(N, 3)
plain = dict(n_estimators=1, bootstrap=False, max_features=None, max_depth=3, random_state=0)


def text(v):
    if np.ndim(v) == 0:
        return repr(float(v))
    return "{ " + ", ".join(text(e) for e in v) + " }"


out = {}
for name, make, y, o in [
    ("gini", RandomForestClassifier, two, {}),
    ("gini3", RandomForestClassifier, three, {}),
    ("entropy3", RandomForestClassifier, three, dict(criterion="entropy")),
    ("leaf5", RandomForestClassifier, three, dict(min_samples_leaf=5)),
    ("squared", RandomForestRegressor, score, {}),
]:
    for weights in (None, w):
        m = make(**{**plain, **o}).fit(X, y, weights)
        p = m.predict_proba(X)[:, 1] if hasattr(m, "predict_proba") else m.predict(X)
        key = name + ("_weighted" if weights is not None else "")
        out[key] = dict(importance=m.feature_importances_, prediction=p)

levels = {}
for name, make, y, o in [
    ("two", RandomForestClassifier, two, {}),
    ("three", RandomForestClassifier, three, {}),
    ("entropy", RandomForestClassifier, three, dict(criterion="entropy")),
    ("balanced", RandomForestClassifier, three, dict(class_weight="balanced_subsample")),
    ("squared", RandomForestRegressor, score, {}),
    ("half", RandomForestRegressor, score, dict(max_features=0.5, max_samples=0.5)),
]:
    v = [make(200, oob_score=True, random_state=s, **o).fit(X, y).oob_score_ for s in range(5)]
    levels[name] = [np.mean(v), np.std(v, ddof=1)]

Z = np.concatenate([X[:, :2], numbers(40, 9).reshape(20, 2) * 3 - 1])
odd = np.r_[np.zeros(N), np.ones(20)]
v = [roc_auc_score(odd, -IsolationForest(random_state=s).fit(Z).score_samples(Z)) for s in range(5)]
levels["isolation"] = [np.mean(v), np.std(v, ddof=1)]

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forest.lua")
with open(path, "w") as f:
    f.write(f"-- Written by forest.py from scikit-learn {sklearn.__version__}.\nreturn {{\n")
    for key, v in out.items():
        f.write(f"  {key} = {{\n    importance = {{\n      " + ",\n      ".join(map(text, v["importance"]))
                + ",\n    },\n    prediction = {\n")
        p = [repr(round(float(e), 13)) for e in v["prediction"]]
        for i in range(0, len(p), 4):
            f.write("      " + ", ".join(p[i : i + 4]) + ",\n")
        f.write("    },\n  },\n")
    f.write("  levels = {\n")
    for key, v in levels.items():
        f.write(f"    {key} = {text(v)},\n")
    f.write("  },\n}\n")
