"""Golden values of transformers from scikit-learn, written to preprocess.json.

Run: python3 tests/golden/preprocess.py (needs python3-sklearn). Rows of several kinds are fitted
on and applied to; null is NaN. Two differences are on purpose, and proved
here to be there:
- rank and quantile_normal put a smallest or largest number that occurs often in the middle of its
  share, scikit-learn gives it 0 or 1;
- numbers within 1e-7 of the extremes count as these in scikit-learn, whatever their scale."""
import json
import os
import warnings

import numpy as np
import sklearn
from sklearn import preprocessing as pre
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

rng = np.random.default_rng(11)
data, cases = {}, []  # data[kind] holds the rows that its cases are fitted on and applied to


def rows(x):
    return [[None if v != v else float(v) for v in row] for row in np.asarray(x, float)]


def make(kind, n, f):
    """A matrix of a kind that markets bring."""
    x = rng.standard_normal((n, f))
    if kind == "offset":
        x = 1e6 + x
    elif kind == "tails":
        x = rng.standard_t(2, (n, f)) * 10.0 ** rng.integers(-2, 3, f)
    elif kind == "positive":
        x = np.exp(2 * x)
    elif kind == "ties":
        # the extremes occur once, what lies between them often
        x = np.round(np.clip(x, -2, 2))
        x[0], x[1] = -9, 9
    elif kind == "missing":
        x[rng.random((n, f)) < 0.2] = np.nan
        x[0] = 1.5
    elif kind == "constant":
        x[:, 0] = 0.1
    return np.round(x, 9)


def add(name, options, model, x, y, kind, inverse=True):
    model.fit(x)
    out = model.transform(y)
    out = out.toarray() if hasattr(out, "toarray") else np.asarray(out)
    case = {"name": name, "options": options, "data": kind, "want": rows(out)}
    if inverse:
        case["back"] = rows(model.inverse_transform(out))
    cases.append(case)


def scalers(x, y, kind):
    add("standard", {}, pre.StandardScaler(), x, y, kind)
    add("standard", {"center": False}, pre.StandardScaler(with_mean=False), x, y, kind)
    add("standard", {"scale": False}, pre.StandardScaler(with_std=False), x, y, kind)
    add("minmax", {}, pre.MinMaxScaler(), x, y, kind)
    add("minmax", {"range": [-1, 3], "clip": True}, pre.MinMaxScaler((-1, 3), clip=True), x, y,
        kind)
    add("robust", {}, pre.RobustScaler(), x, y, kind)
    add("robust", {"quantiles": [0.1, 0.9], "unit_variance": True},
        pre.RobustScaler(quantile_range=(10, 90), unit_variance=True), x, y, kind)
    if kind != "constant":  # all of it lies at an extreme
        add("rank", {"points": 11}, pre.QuantileTransformer(n_quantiles=11), x, y, kind)
        add("rank", {}, pre.QuantileTransformer(n_quantiles=len(x)), x, y, kind)
        add("quantile_normal", {"points": 9},
            pre.QuantileTransformer(n_quantiles=9, output_distribution="normal"), x, y, kind)
        add("quantile_normal", {},
            pre.QuantileTransformer(n_quantiles=len(x), output_distribution="normal"), x, y, kind)


def others(x, y, kind):
    if kind == "positive":
        add("log", {}, pre.FunctionTransformer(np.log, np.exp), x, y, kind)
        add("log1p", {}, pre.FunctionTransformer(np.log1p, np.expm1), x, y, kind)
    for method in ("mean", "median"):
        add("impute", {"method": method}, SimpleImputer(strategy=method), x, y, kind, False)
        add("impute", {"method": method, "indicator": True},
            SimpleImputer(strategy=method, add_indicator=True), x, y, kind, False)
    add("impute", {"method": "constant", "value": -7.5},
        SimpleImputer(strategy="constant", fill_value=-7.5), x, y, kind, False)
    if kind == "missing":
        return
    for options, model in (({}, PCA()), ({"components": 2}, PCA(2)),
                           ({"components": 0.8}, PCA(0.8)),
                           ({"components": 2, "whiten": True}, PCA(2, whiten=True))):
        if kind in ("offset", "constant"):
            continue  # judged by the plain cases; digits are lost in the input
        model.fit(x)
        # the sign: the largest weight of each component is positive
        at = np.abs(model.components_).argmax(1)
        flip = np.sign(model.components_[range(len(at)), at])
        model.components_ *= flip[:, None]
        out = model.transform(y)
        cases.append({"name": "pca", "options": options, "data": kind,
                      "want": rows(out), "back": rows(model.inverse_transform(out)),
                      "share": [float(v) for v in model.explained_variance_ratio_]})


def codes():
    kind = "codes"
    x = rng.integers(0, 5, (30, 2)).astype(float)
    x[:5, 0] = x[:5, 1] = range(5)
    y = rng.integers(0, 5, (12, 2)).astype(float)
    add("one_hot", {"columns": [1, 2]}, pre.OneHotEncoder(), x, y, kind)
    z, kind = y.copy(), "strange codes"
    z[3, 0] = z[4, 1] = 77
    data["codes"], data[kind] = (rows(x), rows(y)), (rows(x), rows(z))
    add("one_hot", {"columns": [1, 2], "unknown": "missing"},
        pre.OneHotEncoder(handle_unknown="ignore"), x, z, kind, False)
    model = pre.OrdinalEncoder().fit(x)
    cases.append({"name": "ordinal", "options": {"columns": [1, 2]}, "data": "codes",
                  "want": rows(model.transform(y) + 1), "back": rows(y)})


def chains():
    x, y = make("missing", 40, 3), make("missing", 15, 3)
    data["chain"] = rows(x), rows(y)
    parts = [["impute", {"method": "mean"}], ["standard", {}]]
    model = make_pipeline(SimpleImputer(), pre.StandardScaler()).fit(x)
    cases.append({"chain": parts, "data": "chain", "want": rows(model.transform(y))})


def prove():
    """The differences that are named above."""
    x = np.array([[0.0], [0], [0], [1], [2]])
    got = pre.QuantileTransformer(n_quantiles=5).fit_transform(x)
    assert got[0, 0] == 0  # here 0.25, the middle of 0, 0, 0
    small = np.linspace(0, 1e-6, 11)[:, None]
    got = pre.QuantileTransformer(n_quantiles=11, output_distribution="normal").fit(small)
    assert got.transform([[5e-8]])[0, 0] < -5  # here the deviate of a share of 0.05


warnings.simplefilter("ignore")
for kind in ("plain", "offset", "tails", "positive", "ties", "missing", "constant"):
    x, y = make(kind, 23, 3), make(kind, 7, 3)
    if kind == "ties":
        y[0], y[1] = -20, 20
    data[kind] = rows(x), rows(y)
    scalers(x, y, kind)
    others(x, y, kind)
codes()
chains()
prove()
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "preprocess.json")
with open(path, "w") as f:
    json.dump({"sklearn": sklearn.__version__, "data": data, "cases": cases}, f, separators=(",", ":"))
    f.write("\n")
print(len(cases), "cases")
