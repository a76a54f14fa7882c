"""The scikit-learn side of eval.lua and linear.lua: reads a task a line, answers its seconds."""
import sys
import time
import warnings

import numpy as np
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge

warnings.filterwarnings("ignore")
n, rows, columns = (int(v) for v in sys.argv[1:4])
r = np.random.default_rng(1)
p = 1 / (1 + np.exp(-r.normal(size=n)))
y = (r.uniform(size=n) < p).astype(int)
x = r.normal(size=(rows, columns))
z = 0.3 + 0.3 * x @ r.normal(size=columns)
t = (r.uniform(size=rows) < 1 / (1 + np.exp(-z))).astype(int)
t3 = np.digitize(z, [-1, 1])


def logistic(target):
    return LogisticRegression(solver="lbfgs", tol=1e-8, max_iter=1000).fit(x, target)


tasks = {
    "auc": lambda: metrics.roc_auc_score(y, p),
    "average_precision": lambda: metrics.average_precision_score(y, p),
    "log_loss": lambda: metrics.log_loss(y, p),
    "isotonic": lambda: IsotonicRegression(out_of_bounds="clip").fit(p, y),
    "logistic": lambda: logistic(t),
    "three classes": lambda: logistic(t3),
    "ridge": lambda: Ridge(solver="cholesky").fit(x, t),
}
for line in sys.stdin:
    start = time.perf_counter()
    tasks[line.strip()]()
    with open(sys.argv[4], "w") as f:
        f.write(repr(time.perf_counter() - start))
    print("done", flush=True)
