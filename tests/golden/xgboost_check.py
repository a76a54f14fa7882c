"""Margins that XGBoost gives for models in a folder: of each <name>.json for the rows in <name>.csv,
written to <name>.margin. Called by tests/lua/gbdt_files_test.lua; with no folder it only says which
version is installed."""
import glob
import sys

sys.path.pop(0)
import numpy as np
import xgboost as xgb

if len(sys.argv) == 1:
    print(xgb.__version__)
for path in glob.glob(sys.argv[1] + "/*.json") if len(sys.argv) > 1 else []:
    model = xgb.Booster()
    model.load_model(path)
    rows = np.loadtxt(path[:-5] + ".csv", delimiter=",", dtype=np.float64, ndmin=2)
    types = model.feature_types
    data = xgb.DMatrix(rows.astype(np.float32), feature_names=model.feature_names,
                       feature_types=types, enable_categorical=types is not None)
    margins = np.atleast_2d(model.predict(data, output_margin=True).astype(np.float64))
    np.savetxt(path[:-5] + ".margin", margins if len(margins) == len(rows) else margins.T,
               fmt="%.17g", delimiter=",")
