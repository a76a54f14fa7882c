"""Golden values of linear models from scikit-learn, written to linear.lua.

Run: python3 tests/golden/linear.py (needs python3-sklearn). The inputs are made by a small
congruential generator, so that the Lua tests can make the same ones."""
import os

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler


def numbers(n, seed):
    """n values k/1000 with 0 < k < 1000 from a generator that Lua repeats exactly."""
    x, out = seed, []
    for _ in range(n):
        x = (x * 1103515245 + 12345) % 2147483648
        out.append((x // 65536 % 999 + 1) / 1000)
    return np.array(out)


N, F = 300, 5
X = numbers(N * F, 1).reshape(N, F) * np.array([1, 2, 5, 0.5, 10]) - 1
score = X[:, 0] - 0.4 * X[:, 1] + 0.2 * X[:, 2] + 2 * numbers(N, 2) - 1
y = (score > 0.7).astype(int)
y3 = np.digitize(score, [0.2, 0.9]) - 1
w = numbers(N, 3)


def logistic(y, w=None, C=1.0, X=X, intercept=True):
    m = LogisticRegression(C=C, solver="newton-cg", tol=1e-12, max_iter=10000, fit_intercept=intercept)
    m.fit(X, y, w)
    return {"coef": m.coef_, "intercept": m.intercept_}


def ridge(w=None, alpha=1.0, intercept=True):
    m = Ridge(alpha=alpha, fit_intercept=intercept, solver="cholesky").fit(X, score, w)
    return {"coef": m.coef_.reshape(1, -1), "intercept": np.atleast_1d(m.intercept_)}


three = logistic(y3, w, 0.5)
three["intercept"] = three["intercept"] - three["intercept"].mean()
cases = {
    "binary": logistic(y),
    "weighted": logistic(y, w, 0.1),
    "through_origin": logistic(y, intercept=False),
    "standardized": logistic(y, None, 0.3, StandardScaler().fit_transform(X)),
    "three": three,
    "ridge": ridge(),
    "ridge_weighted": ridge(w, 3.0),
    "ridge_through_origin": ridge(None, 0.5, False),
}

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "linear.lua")
with open(path, "w") as f:
    f.write(f"-- Written by linear.py with scikit-learn {sklearn.__version__}.\nreturn {{\n")
    for name, case in cases.items():
        f.write(f"  {name} = {{\n    coef = {{\n")
        for row in case["coef"]:
            f.write("      {\n" + "".join(f"        {float(v)!r},\n" for v in row) + "      },\n")
        f.write("    },\n    intercept = {\n")
        f.write("".join(f"      {float(v)!r},\n" for v in case["intercept"]))
        f.write("    },\n  },\n")
    f.write("}\n")
