"""Writes tests/golden/parity/*.txt: what NumPy makes of some thousand expressions, in neap's words,
for tests/lua/parity_test.lua. Run with Debian's python3-numpy: python3 tests/golden/parity.py

A file holds one thing a line, fields parted by tabs:
    let NAME            dtype shape     values        an input
    differs KEY         reason                        where neap departs from NumPy on purpose
    BOUND EXPRESSION    dtype shape     values        a case; KEY of a difference may follow
    error EXPRESSION    words                         NumPy raises; so must neap, with these words

A shape is its sizes joined by x; "one" marks a Lua number or boolean. Values stand in C order, v*n
for n equal ones. BOUND says how near neap must come:
    =       the same bits (any NaN for NaN; the sign of 0 counts): moves, integers, bools, and what
            IEEE 754 rounds correctly (+ - * / sqrt, rounding, comparisons)
    uN      within N units in the last place. Elementary functions: neap's own bound (vec_f64.h,
            vec_f32.h: 2.5 at most) plus NumPy's (4 at most in f32, 1 of the C library in
            f64). Products of n factors: each side makes at most n/2 ulp of error
    sX      within 16 eps X, where X is the largest sum of magnitudes behind an element, times the
            condition number where a system is solved: two orders of adding up to 60 terms
"""
import itertools
import os
import warnings

# The C library's functions and not those of one processor: the same bytes wherever this runs.
os.environ["NPY_DISABLE_CPU_FEATURES"] = ("AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL "
                                          "AVX512_ICL")
warnings.simplefilter("ignore")
import numpy as np  # noqa: E402

NAMES = {"float64": "f64", "float32": "f32", "int64": "i64", "int32": "i32", "uint8": "u8",
         "bool": "bool"}
DTYPES = {neap: np.dtype(name) for name, neap in NAMES.items()}
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "parity")


def number(v):
    if isinstance(v, (bool, np.bool_)):
        return "1" if v else "0"
    if isinstance(v, (int, np.integer)):
        return str(int(v))
    if v != v or np.isinf(v):
        return "nan" if v != v else "inf" if v > 0 else "-inf"
    if v == 0:
        return "-0.0" if np.signbit(v) else "0"
    text = repr(float(v)) if isinstance(v, (float, np.float64)) else str(v)
    return text[:-2] if text.endswith(".0") else text


def values(x):
    texts = (number(v) for v in np.asarray(x).ravel())
    runs = ((text, len(list(run))) for text, run in itertools.groupby(texts))
    return " ".join(text if n == 1 else "%s*%d" % (text, n) for text, n in runs)


def described(x):
    """dtype, shape and values of an array, or of one Lua value (a NumPy or Python scalar)."""
    if not isinstance(x, np.ndarray):
        kind = np.asarray(x).dtype.kind
        return "%s one\t%s" % ({"f": "f64", "i": "i64", "u": "i64", "b": "bool"}[kind], number(x))
    return "%s %s\t%s" % (NAMES[x.dtype.name], "x".join(map(str, x.shape)) or "-", values(x))


def lua(v):
    """A Python number, list or tuple as Lua writes it."""
    if isinstance(v, (list, tuple)):
        return "{ %s }" % ", ".join(map(lua, v)) if len(v) else "{}"
    return str(v).lower() if isinstance(v, bool) else str(v)


def same(a, b):
    return (isinstance(a, np.ndarray) == isinstance(b, np.ndarray)
            and np.asarray(a).dtype == np.asarray(b).dtype and np.shape(a) == np.shape(b)
            and np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f"))


class Family:
    """The cases of one file."""

    def __init__(self, name, differences=None):
        self.name, self.lines, self.cases = name, [], 0
        self.differences, self.used, self.inputs = differences or {}, set(), set()

    def let(self, **inputs):
        assert not self.inputs & set(inputs), self.inputs & set(inputs)
        self.inputs |= set(inputs)
        for name, x in inputs.items():
            self.lines.append("let %s\t%s" % (name, described(np.asarray(x))))

    def add(self, bound, expression, want, key=None):
        line = "%s %s\t%s" % (bound, expression, described(want))
        self.lines.append(line + ("\t" + key if key else ""))
        self.cases += 1

    def exact(self, expression, want):
        self.add("=", expression, want)

    def near(self, expression, want, ulp):
        self.add("u%g" % ulp, expression, want)

    def sums(self, expression, want, scale):
        scale = np.asarray(scale, "f8")
        finite = np.abs(scale[np.isfinite(scale)])
        self.add("s%.3g" % (finite.max() if finite.size else 1), expression, want)

    def differs(self, key, expression, numpy, want, bound="="):
        """neap gives want where NumPy gives, or raises, something else."""
        try:
            theirs = numpy()
        except Exception:  # NumPy refuses, neap does not
            theirs = None
        assert theirs is None or not same(theirs, want), expression
        self.used.add(key)
        self.add(bound, expression, want, key)

    def refuses(self, key, expression, numpy, words):
        """neap raises where NumPy gives something."""
        numpy()
        self.used.add(key)
        self.lines.append("error %s\t%s\t%s" % (expression, words, key))
        self.cases += 1

    def raises(self, words, expression, numpy):
        try:
            numpy()
        except Exception:
            self.lines.append("error %s\t%s" % (expression, words))
            self.cases += 1
        else:
            raise AssertionError("NumPy accepts " + expression)

    def write(self):
        assert self.used == set(self.differences), set(self.differences) ^ self.used
        os.makedirs(FOLDER, exist_ok=True)
        with open(os.path.join(FOLDER, self.name + ".txt"), "w") as f:
            f.write("# Written by tests/golden/parity.py with NumPy %s: do not edit.\n"
                    % np.__version__)
            for key, reason in self.differences.items():
                f.write("differs %s\t%s\n" % (key, reason))
            f.write("".join(line + "\n" for line in self.lines))
        print("%5d cases of %s" % (self.cases, self.name))
        return self.cases


if __name__ == "__main__":
    import parity_elements
    import parity_folds

    print("%5d cases" % (parity_elements.main() + parity_folds.main()))
