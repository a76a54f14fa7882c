"""Golden distribution functions from SciPy, written to distributions.lua: quantiles of the continuous
distributions, probabilities of intervals of the discrete ones, and moments.

Run: python3 tests/golden/distributions.py (needs python3-scipy)."""
import os

import numpy as np
import scipy
from scipy import stats

P = [1e-4, 1e-3] + [k / 100 for k in range(1, 100)] + [0.999, 0.9999]

continuous = [("rand", {}, stats.uniform()), ("randn", {}, stats.norm())]
for rate in (0.5, 3):
    continuous.append(("exponential", {"rate": rate}, stats.expon(scale=1 / rate)))
for shape, scale in ((0.01, 1), (0.3, 2), (1, 1), (1.5, 1), (20, 0.1), (1e6, 1)):
    o = {"shape": shape, "scale": scale}
    continuous.append(("gamma", o, stats.gamma(shape, scale=scale)))
for a, b in ((0.01, 2), (0.2, 0.3), (0.5, 0.5), (1, 1), (2, 5), (300, 0.7), (1e5, 1e5)):
    continuous.append(("beta", {"a": a, "b": b}, stats.beta(a, b)))
for df in (0.5, 1, 2.5, 10, 100, 1e6):
    continuous.append(("student_t", {"df": df}, stats.t(df)))

discrete = []
for rate in (1e-3, 0.7, 4, 9.9, 10, 25, 300, 1e5, 1e9):
    discrete.append(("poisson", {"rate": rate}, stats.poisson(rate)))
for n, p in ((1, 0.25), (12, 0.5), (19, 0.5), (20, 0.5), (30, 0.97), (100, 0.09), (100, 0.11),
             (1000, 0.3), (10**6, 0.999), (10**9, 1e-8), (10**9, 0.4)):
    discrete.append(("binomial", {"n": n, "p": p}, stats.binom(n, p)))


def options(o):
    return ", ".join(f"{k} = {v!r}" for k, v in o.items())


def numbers(x):
    lines, line = [], "     "
    for v in x:
        text = f" {v!r},"
        if len(line) + len(text) > 100:
            lines.append(line)
            line = "     "
        line += text
    return "\n".join(lines + [line])


def moments(d):
    mean, var, _, kurtosis = (float(v) for v in d.stats("mvsk"))
    return f"mean = {mean!r}, var = {var!r}, kurtosis = {kurtosis!r}"


def has_moments(name, o):
    return name != "student_t" or o["df"] > 8


def bins(d):
    """Rising whole numbers and the probability of each interval up to and including one."""
    edges = np.unique(d.ppf([0.001] + [k / 40 for k in range(1, 40)] + [0.999]))
    p = np.diff(np.concatenate([[0], d.cdf(edges), [1]]))
    if p[-1] < 1e-5:                       # nothing beyond the last edge that a test could count
        edges, p = edges[:-1], np.append(p[:-2], p[-2] + p[-1])
    return [int(e) for e in edges], [float(v) for v in p]


with open(os.path.join(os.path.dirname(__file__), "distributions.lua"), "w") as f:
    f.write(f"-- Written by distributions.py with SciPy {scipy.__version__}.\n")
    f.write("-- luacheck: no max line length\nreturn {\n")
    f.write(f"  p = {{\n{numbers(P)}\n  }},\n  continuous = {{\n")
    for name, o, d in continuous:
        m = ", " + moments(d) if has_moments(name, o) else ""
        f.write(f'    {{ name = "{name}", options = {{ {options(o)} }}{m}, quantiles = {{\n')
        f.write(f"{numbers([float(v) for v in d.ppf(P)])}\n    }} }},\n")
    f.write("  },\n  discrete = {\n")
    for name, o, d in discrete:
        edges, p = bins(d)
        f.write(f'    {{ name = "{name}", options = {{ {options(o)} }}, {moments(d)},\n')
        f.write(f"      edges = {{\n{numbers(edges)}\n    }}, p = {{\n")
        f.write(f"{numbers(p)}\n    }} }},\n")
    f.write("  },\n  -- chi-square, exceeded with probability 0.001, by degrees of freedom\n")
    f.write(f"  chi_square = {{\n{numbers([float(stats.chi2.isf(1e-3, k)) for k in range(1, 100)])}\n")
    f.write("  },\n}\n")
