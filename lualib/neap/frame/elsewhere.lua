--- What pandas, polars and R call a thing, and what it is here: texts for the errors that a wrong
--- name of a method or function raises.
local of_column = { "abs", "all", "any", "cummax", "cumprod", "cumsum", "max", "mean", "median",
  "min", "prod", "quantile", "round", "std", "sum", "var" }
local by_group = { all = true, any = true, max = true, mean = true, median = true, min = true,
  prod = true, quantile = true, std = true, sum = true, var = true }

local sort_one = [[f:sort("close", { descending = true })]]
local group_apply = "f:group_by(by):apply(fn); columns as wholes: f.high - f.low"
local add = [[f.ret = x, or in a new frame f:assign { { "ret", x } }]]
local missing = [[f:where "missing(close)"; f:info() counts them]]
local no_index = "frames have no index: f:sort(by) orders rows, times are a column like others"
local zone = "times are UTC; read_csv(path, { time_zone = ... }), clock.to_local(f.time, zone)"
local period = [[f:between("2024-03", "2024-04")]]
local length = "#f; the number of columns is #f:columns()"
local correlation = "tensor.corr(f:matrix(names))"

---@type table<string, string> methods of frames
local methods = {
  iloc = "f:rows(a, b), f:take(positions)", slice = "f:rows(a, b)", truncate = period,
  loc = [[f:where "close > 10", f:select { "close" }, f.close]],
  between_time = "clock.fields(f.time).hour", dt = "clock.fields(f.time)",
  at = "f.close[i]", iat = "f.close[i]", get = "f:column(name)", row = "f:rows(i, i)",
  query = [[f:where "close > 10"]], filter = [[f:where "close > 10"]], mask = "f:where(mask)",
  isin = [[f:where "venue in ('A', 'B')"]], isna = missing, isnull = missing, notna = missing,
  notnull = missing, first = "f:head(n)", last = "f:tail(n)", limit = "f:head(n)",
  groupby = "f:group_by(by)", agg = [[f:group_by(by):agg { { "name", "close", "mean" } }]],
  summarise = [[f:group_by(by):agg { { "name", "close", "mean" } }]],
  transform = [[f:group_by(by):transform { { "name", "close", "zscore" } }]],
  apply = group_apply, applymap = group_apply, map = group_apply, pipe = "fn(f)",
  merge = [[f:join(g, { on = "symbol" })]], merge_asof = "f:join_asof(g, { tolerance = ... })",
  asof = "f:join_asof(g)", append = "frame.concat { f, g }", concat = "frame.concat { f, g }",
  pivot_table = "f:pivot { index = ..., columns = ..., values = ..., agg = ... }",
  unstack = "f:pivot { index = ..., columns = ..., values = ... }", stack = "f:melt { id = ... }",
  unpivot = "f:melt { id = ... }",
  drop_duplicates = [[f:unique("time", { keep = "last" })]], drop_nulls = "f:dropna()",
  ffill = [[f:fillna "forward"]], bfill = [[f:fillna "backward"]], fill_null = "f:fillna(value)",
  interpolate = [[f:fillna "linear", f:fillna "time"]], asfreq = "f:resample(cadence, rules)",
  ohlc = "f:resample(cadence)", tz_localize = zone, tz_convert = zone,
  set_index = no_index, reset_index = no_index, index = no_index, reindex = no_index,
  sort_index = [[f:sort "time"]], sort_values = sort_one, sort_by = sort_one, order_by = sort_one,
  arrange = sort_one, nlargest = sort_one .. ":head(n)", nsmallest = [[f:sort("close"):head(n)]],
  idxmax = "f.close:argmax()", idxmin = "f.close:argmin()", clip = "f.close:clamp(low, high)",
  astype = [[f.close = f.close:to "f32"]], dtypes = "f:info()", schema = "f:info()",
  shape = length, size = length, len = length, length = length, nrows = length, height = length,
  ncols = "#f:columns()", width = "#f:columns()", names = "f:columns()", keys = "f:columns()",
  copy = "f:assign {}", clone = "f:assign {}", insert = add, mutate = add, with_columns = add,
  with_column = add, add_column = add, pop = [[f:drop "close"]],
  values = "f:matrix()", to_numpy = "f:matrix()", numpy = "f:matrix()", T = "f:matrix():t()",
  transpose = "f:matrix():t()", items = "for name, x in pairs(f)", corr = correlation,
  iteritems = "for name, x in pairs(f)", to_dict = "for name, x in pairs(f)",
  cov = "tensor.cov(f:matrix(names))",
  iterrows = "columns as wholes: f.high - f.low; f.close:totable() gives a Lua array",
  itertuples = "columns as wholes: f.high - f.low; f.close:totable() gives a Lua array",
  to_csv = "f:write_csv(path)", to_parquet = "f:write_parquet(path)",
  to_sql = "f:write_sql(url, table)",
  to_html = "f:html()", to_markdown = "f:markdown()", to_string = "f:to_text { rows = math.huge }",
  save = "f:write_npz(path), f:write_csv(path)", write = "f:write_npz(path), f:write_csv(path)",
  get_dummies = "preprocess.one_hot()", memory_usage = "f:info()", plot = "plot.line(f.close)",
  hist = "plot.histogram(f.close)", show = "print(f), f:to_text { rows = 50 }",
  print = "print(f), f:to_text { rows = 50 }", count = "#f, f:describe()",
  nunique = "#f:value_counts(name)", rank = "f:rolling(n):rank()",
}
for _, name in ipairs(of_column) do
  methods[name] = ("f.close:%s()%s"):format(name,
    by_group[name] and (", f:group_by(by):%s(), f:describe()"):format(name) or "")
end

---@type table<string, string> functions of neap.frame
local functions = {
  DataFrame = [[frame.new { { "close", { 1, 2 } }, { "venue", { "A", "B" } } }]],
  Series = "tensor.of { 1, 2 }", merge = "f:join(g, { on = key })", merge_asof = "f:join_asof(g)",
  read_excel = "frame.read_csv(path)", read_pickle = "frame.read_npz(path)",
  read_feather = "frame.read_parquet(path)", read_hdf = "frame.read_zarr(path)",
  read_sqlite = "frame.read_sql('sqlite:bars.db', query)", from_csv = "frame.read_csv(path)",
  load = "frame.read_csv, read_npz, read_zarr", read = "frame.read_csv, read_npz, read_zarr",
  to_datetime = [[frame.read_csv(path, { time = "day" }), clock.parse(text)]],
  date_range = "tensor.arange(clock.parse(first), clock.parse(last), step)",
  cut = "labels.bins(x, { edges = ... })", qcut = [[labels.bins(x, { edges = "auto", bins = n })]],
  get_dummies = "preprocess.one_hot()", pivot_table = "f:pivot { index = ... }",
}

---@type table<string, string> methods of category columns
local category = {
  ne = [[~c:eq "A"]], isin = [[f:where "venue in ('A', 'B')"]], unique = "c.labels",
  nunique = "#c.labels", cat = "c.codes, c.labels", isna = "c.codes:eq(0)",
  isnull = "c.codes:eq(0)", value_counts = "f:value_counts(name)", tolist = "c:totable()",
  str = "c.labels, which Lua's string functions take", values = "c:totable()",
}

---@type table<string, string> methods of groups
local groups = {
  head = "g:apply(function(part) return part:head(n) end)",
  tail = "g:apply(function(part) return part:tail(n) end)",
  nth = "g:apply(function(part) return part:rows(n, n) end)",
  shift = "f:shift(k, { by = ... })", diff = "f:diff(k, { by = ... })",
  pct_change = "f:pct_change(k, { by = ... })", rolling = "f:rolling(n, { by = ... })",
  ewm = "f:ewm { span = n, by = ... }", expanding = "f:expanding { by = ... }",
  ffill = [[f:fillna("forward", { by = ... })]], fillna = "f:fillna(value, { by = ... })",
  resample = "f:resample(cadence, rules, { by = ... })", get_group = [[f:where "symbol == 'A'"]],
  aggregate = [[g:agg { { "name", "close", "mean" } }]], keys = "g:size()",
  cumsum = [[g:transform { { "name", "close", "cumsum" } }]], ngroups = "#g",
  rank = [[g:transform { { "name", "close", "rank" } }]],
  cumcount = [[g:transform { { "name", "close", "cumcount" } }]],
}

return { methods = methods, functions = functions, category = category, groups = groups }
