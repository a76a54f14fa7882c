---@meta neap.c.eval
local c = {}

--- Truth, predictions and weights, checked and coded once; the metrics are its methods.
---@class neap.sample
local sample = {}

--- A map of probabilities, fitted or restored.
---@class neap.calibrator
local calibrator = {}

--- Rows that count.
---@return integer
function sample:size() end

--- Whether the truth holds one class only.
---@return boolean
function sample:one_class() end

--- Whether p was read as scores, not labels.
---@return boolean
function sample:has_scores() end

--- The classes in rising order, i64.
---@return neap.tensor
function sample:classes() end

--- Summed weight of each class in the truth.
---@return neap.tensor
function sample:support() end

--- Rows by truth and guess, K x K: i64, or f64 with weights.
---@return neap.tensor
function sample:confusion() end

--- Accuracy, balanced accuracy and Matthews' correlation.
---@return number, number, number
function sample:hits() end

--- Precision, recall and F1; average "binary", "macro", "micro", "weighted" or "auto".
---@param average string
---@param positive integer?
---@return number, number, number
function sample:prf(average, positive) end

--- Area under the ROC curve.
---@return number
function sample:auc() end

--- Average precision.
---@return number
function sample:average_precision() end

--- Mean negative log-probability of the truth, clipped at eps.
---@param eps number
---@return number
function sample:log_loss(eps) end

--- Mean squared error of the probabilities.
---@return number
function sample:brier() end

--- The best cut and its value; metric "f1", "accuracy", "balanced_accuracy", "mcc" or "youden".
---@param metric string
---@return number, number
function sample:best_cut(metric) end

--- Distinct scores from the top, with the weight of positives and negatives at or above each.
---@return neap.tensor, neap.tensor, neap.tensor
function sample:curve() end

--- ece, mce, then low, high, mean, share, count of each bin; strategy "width" or "quantile".
---@param bins integer
---@param strategy string
---@return number, number, neap.tensor, neap.tensor, neap.tensor, neap.tensor, neap.tensor
function sample:reliability(bins, strategy) end

--- Calibrated probability of a number, or of a tensor N, N x 2 or N x K.
---@param p number|neap.tensor
---@return number|neap.tensor
function calibrator:apply(p) end

--- What `c.calibrator` takes: method, logit, columns, three parameters, knots x and y or nothing.
---@return string, boolean, integer, number, number, number, neap.tensor?, neap.tensor?
function calibrator:state() end

--- Check and code; where names the public function, kind is "auto", "scores" or "labels".
---@param where string
---@param y neap.tensor
---@param p neap.tensor
---@param weights neap.tensor?
---@param classes neap.tensor? in rising order
---@param kind string
---@param skip_nan boolean
---@param threshold number
---@return neap.sample
function c.sample(where, y, p, weights, classes, kind, skip_nan, threshold) end

--- Mean squared error, mean absolute error, mean absolute percentage error, R squared.
---@param where string
---@param y neap.tensor
---@param p neap.tensor
---@param weights neap.tensor?
---@param skip_nan boolean
---@return number, number, number, number
function c.regression(where, y, p, weights, skip_nan) end

--- Fit a calibrator to a sample of scores.
---@param s neap.sample
---@param method string
---@param logit boolean
---@return neap.calibrator
function c.calibrate(s, method, logit) end

--- A calibrator from what `state` gave.
---@param method string
---@param logit boolean
---@param columns integer
---@param p1 number
---@param p2 number
---@param p3 number
---@param x neap.tensor?
---@param y neap.tensor?
---@return neap.calibrator
function c.calibrator(method, logit, columns, p1, p2, p3, x, y) end

return c
