--- Writing boosted models: LightGBM's text and XGBoost's JSON.
local Model = require "neap.gbdt.model"
local opts = require "neap.opts"
local params = require "neap.gbdt.params"

-- Endings of formats that no model is written in: text under such a name would mislead.
local foreign = { npy = true, npz = true, safetensors = true, zarr = true, csv = true,
  parquet = true, ubj = true, onnx = true, cbm = true, pkl = true, pickle = true, joblib = true }

-- The lines of the parameters section: of the options in force, or as they were read.
local function lines(m)
  return m.params.metrics and params.to_text(m.params) or m.core:parameters()
end

--- The model as LightGBM text, version 4. A checksum among the parameters, which LightGBM passes
--- over, lets `gbdt.parse` refuse a text that was changed. Raises for categorical splits of XGBoost
--- that send missing values along with listed categories: LightGBM has no form for them.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     m:text():match "^[^\n]+" --> tree
---@return string
function Model:text() return self.core:text(lines(self)) end

--- The model as one C source that needs nothing but a compiler: tables, and `void name(const double
--- *x, double *raw)`, which writes the raw scores of a row of F numbers (NaN: missing), bit for bit
--- those of `predict_raw` when the compiler does not fuse multiplications (`-ffp-contract=off`).
--- Raises when `name` is no identifier.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     m:to_c("score"):match "void score[^;]*" --> void score(const double *x, double *raw)
---@param name? string "predict"
---@return string
function Model:to_c(name)
  name = name == nil and "predict" or name
  if type(name) ~= "string" or not name:match "^[%a_][%w_]*$" then
    opts.raise("gbdt.to_c: name '%s' is no identifier of C", tostring(name))
  end
  return self.core:to_c(name)
end

--- The model as XGBoost's JSON, for version 1.7 and later. Thresholds become the floats that divide
--- floats in the same way, leaves the nearest floats, which XGBoost adds up as floats: margins are
--- those of `predict_raw` within the rounding of that sum. (XGBoost takes no infinities; what lies
--- at 3.4e38, the last float, goes right.) Labels and what else the format has no place for are
--- attributes. Raises for what XGBoost has no form for: linear leaves, zero as missing, and the
--- links of "multiclassova", "cross_entropy_lambda" and regressions on roots.
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     m:json():match '"name":"(reg:[^"]+)"' --> reg:squarederror
---@return string
function Model:json() return self.core:text(lines(self), true) end

--- Write the model: XGBoost's JSON when the name ends in .json, LightGBM's text otherwise. The file
--- appears whole or not at all; names that end in .gz or .zst besides are compressed. Raises for
--- endings of other formats (.npz, .safetensors, .ubj, .onnx, .pkl ...).
---     local x = tensor.randn { 80, 2, seed = 1 }
---     local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
---     local path = os.tmpname()
---     m:save(path)
---     gbdt.load(path):predict(x):eq(m:predict(x)):all() --> true
---     os.remove(path)
---@param path string
function Model:save(path)
  local name = type(path) == "string" and path:gsub("%.gz$", ""):gsub("%.zst$", "") or ""
  local ending = name:lower():match "%.(%w+)$"
  if foreign[ending] then
    opts.raise("gbdt.save: no model is written as .%s; names in .json give XGBoost's JSON, others "
      .. "LightGBM's text", ending)
  end
  self.core:save(path, lines(self), name:lower():find "%.json$" ~= nil)
end
