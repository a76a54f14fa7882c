--- What gbdt has for names of LightGBM, XGBoost, CatBoost and scikit-learn that it does not take as
--- they are.

local foreign = {}

local threads = "models have the same bits at any number of threads; the environment's "
  .. "NEAP_THREADS sets it"
local device = "trees are grown on the processor"
local columns = "there is one way of growing histograms"
local bundles = "columns are stored dense, each with its own bins"
local quiet = "nothing is printed unless progress is true"
local log = "progress is true, or a function that gets a table each iteration"
local own = "objective and metric take functions (docs/guide/gbdt.md)"

--- Options of gbdt.fit: what to do instead.
foreign.options = {
  n_jobs = threads, nthread = threads, nthreads = threads, num_thread = threads,
  num_threads = threads, thread_count = threads,
  device = device, device_type = device, gpu_id = device, gpu_platform_id = device,
  gpu_device_id = device, task_type = device, tree_learner = device,
  tree_method = "histograms are the one method; grow_policy sets the order of growth",
  force_col_wise = columns, force_row_wise = columns, histogram_pool_size = columns,
  enable_bundle = bundles, is_enable_sparse = bundles, sparse_threshold = bundles,
  deterministic = "every fit is: the same bits at any number of threads",
  feature_pre_filter = "features without a possible split are never tried",
  silent = quiet, verbose_eval = log, metric_freq = log, logging_level = quiet,
  callbacks = "early_stopping_rounds, stop_on and progress (a function may return false) do it",
  evals_result = "the curves are in m.history", record_evaluation = "the curves are in m.history",
  class_weights = "class_weight is 'balanced' or a table by label",
  auto_class_weights = "class_weight = 'balanced'",
  colsample_bylevel = "feature_fraction draws for each tree, feature_fraction_bynode for each node",
  num_parallel_tree = "boosting = 'rf' grows a forest, or neap.forest does",
  booster = "boosting is 'gbdt', 'dart' or 'rf'",
  sampling_method = "data_sample_strategy = 'goss' samples by gradients",
  enable_categorical = "text columns of a frame are categories; categorical_feature names others",
  importance_type = "m:importance 'gain' or m:importance 'split'",
  base_score = "boost_from_average and init_score set where scores begin",
  init_estimator = "init_model continues a model",
  refit_decay_rate = "m:refit(x, y, { decay_rate = })",
  fobj = own, feval = own, custom_metric = own, obj = own,
  use_missing = "NaN is missing", zero_as_missing = "NaN is missing; set zeros to NaN",
  missing = "NaN is missing",
  od_wait = "early_stopping_rounds", od_type = "early_stopping_rounds",
  task = "gbdt.fit trains, m:predict predicts", output_model = "m:save(path)",
  input_model = "gbdt.load(path), and init_model to continue", snapshot_freq = "m:save(path)",
  use_label_encoder = "labels are any integers", use_best_model = "with early_stopping_rounds the "
    .. "model is cut at the best iteration",
  validation_fraction = "valid = { x, y }: rows that come after training (split.time)",
}

--- Fields and methods of a model: what to write instead.
foreign.model = {
  feature_importances_ = "m:importance()", feature_importance = "m:importance()",
  get_score = "m:importance()", plot_importance = "print(m:importance())",
  feature_name = "m.feature_names", feature_name_ = "m.feature_names",
  feature_names_in_ = "m.feature_names", n_features_ = "#m.feature_names",
  n_features_in_ = "#m.feature_names", num_feature = "#m.feature_names",
  best_iteration_ = "m.best_iteration", best_ntree_limit = "m.best_iteration",
  num_trees = "m.best_iteration", best_score_ = "m.best_score",
  evals_result = "m.history", evals_result_ = "m.history",
  save_model = "m:save(path)", model_to_string = "m:text()", booster_ = "m:text()",
  dump_model = "m:json(), m:text() or m:trees()", trees_to_dataframe = "m:trees()",
  plot_tree = "print(m:tree(i))", shap_values = "m:shap(x)", pred_contrib = "m:shap(x)",
  pred_leaf = "m:predict_leaf(x)", decision_function = "m:predict_raw(x)",
  classes_ = "m.classes", n_classes_ = "#m.classes", objective_ = "m.objective",
  get_params = "m.params", score = "metrics.report(y, m:predict_proba(x))",
  fit = "gbdt.fit(x, y, options)", update = "gbdt.update(m, D, { cadence = })",
  load_model = "gbdt.load(path)",
}

return foreign
