"""The scikit-learn side of preprocess.lua: ROWS COLUMNS FIFO; a task a line, answered by the seconds
of the best of three fits and of three transforms."""
import gc
import sys
import time
import warnings

import numpy as np
from sklearn import preprocessing as pre
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer

warnings.simplefilter("ignore")
n, f = int(sys.argv[1]), int(sys.argv[2])
answers = open(sys.argv[3], "w")
rng = np.random.default_rng(1)
x = rng.standard_normal((n, f))
gaps = np.where(rng.random((n, f)) < 0.1, np.nan, x)
codes = np.floor(rng.random((n, 4)) * 30)
every = 10 ** 9  # its quantiles are taken of a sample otherwise

tasks = {
    "standard": (pre.StandardScaler, x),
    "minmax": (pre.MinMaxScaler, x),
    "robust": (pre.RobustScaler, x),
    "rank": (lambda: pre.QuantileTransformer(subsample=every), x),
    "quantile_normal": (lambda: pre.QuantileTransformer(
        subsample=every, output_distribution="normal"), x),
    "impute": (lambda: SimpleImputer(strategy="median"), gaps),
    "pca": (lambda: PCA(5, svd_solver="full"), x),
    "ordinal": (pre.OrdinalEncoder, codes),
    "one_hot": (lambda: pre.OneHotEncoder(sparse_output=False), codes),
}


def best_of(call):
    best = 1e9
    for _ in range(3):
        gc.collect()
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best


for line in sys.stdin:
    make, data = tasks[line.strip()]
    model = make().fit(data)
    answers.write("%.9g %.9g\n" % (best_of(lambda: make().fit(data)),
                                   best_of(lambda: model.transform(data))))
    answers.flush()
