"""Contributions and interactions that XGBoost finds in the models of xgboost.py: xgboost_shap.lua.

Run after xgboost.py, with Debian's python3-xgboost 1.7.4 from this folder: python3 xgboost_shap.py
"""
import gzip
import os
import re
import sys
import textwrap

sys.path.pop(0)  # a file beside this one is called as the library is
import numpy as np
import xgboost as xgb

MODELS = ["logistic", "softprob", "lossguide", "pruned", "categories", "one_hot"]
ROWS = 24


def rows(folder):
    with open(os.path.join(folder, "xgboost.lua")) as f:
        text = f.read().split("rows = {")[1].split("\n  },")[0]
    lines = re.findall(r"\{ (.*?) \}", text)[:ROWS]
    return np.array([[float("nan" if v == "N" else v) for v in line.split(", ")] for line in lines])


def listed(values, indent):
    text = "{ %s }," % ", ".join("%.9g" % v for v in np.ravel(values))
    return textwrap.fill(text, 96, initial_indent=indent, subsequent_indent=indent) + "\n"


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    x = rows(folder)
    with open(os.path.join(folder, "xgboost_shap.lua"), "w") as f:
        f.write("-- Written by xgboost_shap.py with XGBoost %s: contributions of the first %d rows of\n"
                "-- xgboost.lua, and interactions of the first 4, row by row.\nreturn {\n"
                % (xgb.__version__, ROWS))
        for name in MODELS:
            with gzip.open(os.path.join(folder, "xgboost", name + ".json.gz")) as z:
                model = xgb.Booster(model_file=bytearray(z.read()))
            types = ["float"] * 4 + ["c"] if name in ("categories", "one_hot") else None
            d = xgb.DMatrix(x, feature_names=model.feature_names, feature_types=types,
                            enable_categorical=types is not None)
            both = model.predict(d, pred_interactions=True)[:4]
            f.write("  %s = {\n" % name)
            for row in model.predict(d, pred_contribs=True):
                f.write(listed(row, "    "))
            f.write("    pairs = {\n")
            for row in both:
                f.write(listed(row, "      "))
            f.write("    },\n  },\n")
        f.write("}\n")


main()
