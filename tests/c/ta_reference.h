/* ta_reference.h — columns of the gzipped CSV files of reference values, for test_ta.c. */
#ifndef NEAP_TESTS_TA_REFERENCE_H
#define NEAP_TESTS_TA_REFERENCE_H

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "check.h"

#define REFERENCE "../shared/data/reference/"
enum { CSV_ROWS = 6000, CSV_COLUMNS = 200 };

typedef struct {
  char *header;
  char *name[CSV_COLUMNS];
  double *column[CSV_COLUMNS];
  int columns;
  int64_t rows;
} csv;

static bool csv_present(const char *path) {
  FILE *f = fopen(path, "rb");
  if (f) fclose(f);
  return f != NULL;
}

static char *next_field(char **rest) {
  char *field = *rest, *comma = strchr(field, ',');
  if (comma) *comma = 0;
  *rest = comma ? comma + 1 : field + strlen(field);
  return field;
}

static csv csv_read(const char *path) {
  static char line[1 << 16];
  csv f = {0};
  gzFile in = gzopen(path, "rb");
  assert_non_null(in);
  assert_non_null(gzgets(in, line, sizeof line));
  line[strcspn(line, "\r\n")] = 0;
  f.header = strdup(line);
  for (char *rest = f.header; *rest; f.columns++) {
    f.name[f.columns] = next_field(&rest);
    f.column[f.columns] = malloc(CSV_ROWS * sizeof(double));
  }
  for (; gzgets(in, line, sizeof line); f.rows++) {
    line[strcspn(line, "\r\n")] = 0;
    char *rest = line;
    for (int c = 0; c < f.columns; c++) {
      char *field = next_field(&rest);
      f.column[c][f.rows] = *field ? strtod(field, NULL) : NAN;
    }
  }
  gzclose(in);
  return f;
}

static const double *csv_column(const csv *f, const char *name) {
  for (int c = 0; c < f->columns; c++)
    if (strcmp(f->name[c], name) == 0) return f->column[c];
  fail_msg("no column %s", name);
  return NULL;
}

static void csv_free(csv *f) {
  for (int c = 0; c < f->columns; c++) free(f->column[c]);
  free(f->header);
}

/* One indicator with its parameters, and the columns its outputs are compared with. */
typedef struct {
  const char *indicator;
  double param[NEAP_TA_MAX_PARAMS];
  const char *file;
  const char *column[NEAP_TA_MAX_OUTPUTS]; /* NULL: not in the reference, or defined otherwise */
} reference_case;

#define SPY        "talib/spy/"
#define SET        "talib/set252/talib252_expected.csv.gz"
#define MOMENTUM   SPY "momentum_indicators.csv.gz"
#define OVERLAP    SPY "overlap_studies.csv.gz"
#define VOLATILITY SPY "volatility_indicators.csv.gz"
#define VOLUME     SPY "volume_indicators.csv.gz"
#define STATISTIC  SPY "statistic_functions.csv.gz"

static const reference_case reference_cases[] = {
    {"sma", {30}, OVERLAP, {"SMA"}},
    {"ema", {30}, OVERLAP, {"EMA"}},
    {"wma", {30}, OVERLAP, {"WMA"}},
    {"dema", {30}, OVERLAP, {"DEMA"}},
    {"tema", {30}, OVERLAP, {"TEMA"}},
    {"kama", {30, 2, 30}, OVERLAP, {"KAMA"}},
    {"sar", {0.02, 0.2}, OVERLAP, {"SAR"}},
    {"bbands",
     {5, 2, 0},
     OVERLAP,
     {"BBANDS.RealUpperBand", "BBANDS.RealMiddleBand", "BBANDS.RealLowerBand"}},
    {"macd", {12, 26, 9}, MOMENTUM, {"MACD.MACD", "MACD.MACDSignal", "MACD.MACDHist"}},
    {"ppo", {12, 26, 0}, MOMENTUM, {"PPO"}},
    {"apo", {12, 26, 0}, MOMENTUM, {"APO"}},
    {"rsi", {14}, MOMENTUM, {"RSI"}},
    {"stoch", {5, 3, 3}, MOMENTUM, {"STOCH.SlowK", "STOCH.SlowD"}},
    {"stochrsi", {14, 5, 1, 3}, MOMENTUM, {"STOCHRSI.FastK", "STOCHRSI.FastD"}},
    {"willr", {14}, MOMENTUM, {"WILLR"}},
    {"cci", {14}, MOMENTUM, {"CCI"}},
    {"roc", {10}, MOMENTUM, {"ROC"}},
    {"mom", {10}, MOMENTUM, {"MOM"}},
    {"cmo", {14}, MOMENTUM, {"CMO"}},
    {"mfi", {14}, MOMENTUM, {"MFI"}},
    {"ultosc", {7, 14, 28}, MOMENTUM, {"ULTOSC"}},
    {"adx", {14}, MOMENTUM, {"ADX"}},
    {"plus_di", {14}, MOMENTUM, {"PLUS_DI"}},
    {"minus_di", {14}, MOMENTUM, {"MINUS_DI"}},
    {"aroon", {14}, MOMENTUM, {"AROON.AroonUp", "AROON.AroonDown"}},
    {"aroonosc", {14}, MOMENTUM, {"AROONOSC"}},
    {"bop", {0}, MOMENTUM, {"BOP"}},
    {"bop", {0}, SET, {"BOP"}},
    {"atr", {14}, VOLATILITY, {"ATR"}},
    {"natr", {14}, VOLATILITY, {"NATR"}},
    {"trange", {0}, VOLATILITY, {"TRANGE"}},
    {"obv", {0}, VOLUME, {"OBV"}},
    {"ad", {0}, VOLUME, {"AD"}},
    {"adosc", {3, 10}, VOLUME, {"ADOSC"}},
    {"linreg_slope", {14}, STATISTIC, {"LINEARREG_SLOPE"}},
    {"stddev", {5, 0}, STATISTIC, {"STDDEV"}},
    {"var", {5, 0}, STATISTIC, {"VAR"}},
    {"sma", {14}, SET, {"SMA_14"}},
    {"ema", {14}, SET, {"EMA_14"}},
    {"ema", {200}, SET, {"EMA_200"}},
    {"wma", {14}, SET, {"WMA_14"}},
    {"dema", {14}, SET, {"DEMA_14"}},
    {"tema", {14}, SET, {"TEMA_14"}},
    {"kama", {14, 2, 30}, SET, {"KAMA_14"}},
    {"rsi", {14}, SET, {"RSI_14"}},
    {"rsi", {2}, SET, {"RSI_2"}},
    {"cmo", {14}, SET, {"CMO_14"}},
    {"macd",
     {12, 26, 9},
     SET,
     {"MACD_12_26_9_MACD", "MACD_12_26_9_MACDSignal", "MACD_12_26_9_MACDHist"}},
    {"ppo", {12, 26, 0}, SET, {"PPO_12_26_0"}},
    {"apo", {12, 26, 1}, SET, {"APO_12_26_1"}},
    {"bbands",
     {20, 2, 0},
     SET,
     {"BBANDS_20_2_2_0_UpperBand", "BBANDS_20_2_2_0_MiddleBand", "BBANDS_20_2_2_0_LowerBand"}},
    {"stoch", {5, 3, 3}, SET, {"STOCH_5_3_0_3_0_SlowK", "STOCH_5_3_0_3_0_SlowD"}},
    {"stoch", {14, 1, 3}, SET, {"STOCHF_14_3_0_FastK", "STOCHF_14_3_0_FastD"}},
    {"stochrsi", {14, 5, 1, 3}, SET, {"STOCHRSI_14_5_3_0_FastK", "STOCHRSI_14_5_3_0_FastD"}},
    {"atr", {14}, SET, {"ATR_14"}},
    {"natr", {14}, SET, {"NATR_14"}},
    {"trange", {0}, SET, {"TRANGE"}},
    {"adx", {14}, SET, {"ADX_14"}},
    {"plus_di", {14}, SET, {"PLUS_DI_14"}},
    {"minus_di", {14}, SET, {"MINUS_DI_14"}},
    {"aroon", {14}, SET, {"AROON_14_AroonUp", "AROON_14_AroonDown"}},
    {"aroonosc", {14}, SET, {"AROONOSC_14"}},
    {"cci", {14}, SET, {"CCI_14"}},
    {"willr", {14}, SET, {"WILLR_14"}},
    {"mfi", {14}, SET, {"MFI_14"}},
    {"obv", {0}, SET, {"OBV"}},
    {"ad", {0}, SET, {"AD"}},
    {"adosc", {3, 10}, SET, {"ADOSC_3_10"}},
    {"ultosc", {7, 14, 28}, SET, {"ULTOSC_7_14_28"}},
    {"roc", {10}, SET, {"ROC_10"}},
    {"mom", {10}, SET, {"MOM_10"}},
    {"sar", {0.02, 0.2}, SET, {"SAR_0.02_0.2"}},
    {"stddev", {5, 0}, SET, {"STDDEV_5_1"}},
    {"var", {5, 0}, SET, {"VAR_5_1"}},
    {"linreg_slope", {14}, SET, {"LINEARREG_SLOPE_14"}},
};

#define TULIP  "tulip/spy.csv.gz"
#define PANDAS "pandas_ta/spy.csv.gz"

/* What TA-Lib lacks, from two other libraries. pandas-ta seeds its RMA and TSI otherwise, draws the
 * line of supertrend from the band of the bar before, and smooths Keltner's range by an EMA. */
static const struct {
  reference_case as;
  int64_t from; /* bars before are not compared: seeds that differ have to fade */
} second_cases[] = {
    {{"hma", {14}, TULIP, {"hma.hma"}}, 0},
    {{"hma", {10}, PANDAS, {"HMA:HMA_10"}}, 0},
    {{"vwma", {14}, TULIP, {"vwma.vwma"}}, 0},
    {{"rma", {14}, TULIP, {"wilders.wilders"}}, 0},
    {{"bbands",
      {20, 2, 0},
      TULIP,
      {"bbands.bbands_upper", "bbands.bbands_middle", "bbands.bbands_lower"}},
     0},
    {{"stddev", {14, 0}, TULIP, {"stddev.stddev"}}, 0},
    {{"cmf", {20}, PANDAS, {"CMF:CMF_20"}}, 0},
    {{"donchian", {20}, PANDAS, {"DONCHIAN:DCU_20_20", "DONCHIAN:DCM_20_20", "DONCHIAN:DCL_20_20"}},
     0},
    {{"zscore", {30, 1}, PANDAS, {"ZSCORE:ZS_30"}}, 0},
    {{"stoch", {14, 3, 3}, PANDAS, {"STOCH:STOCHk_14_3_3", "STOCH:STOCHd_14_3_3"}}, 17},
    {{"keltner", {20, 2, 10}, PANDAS, {NULL, "KC:KCBe_20_2"}}, 20},
    {{"stochrsi",
      {14, 14, 3, 3},
      PANDAS,
      {"STOCHRSI:STOCHRSIk_14_14_3_3", "STOCHRSI:STOCHRSId_14_14_3_3"}},
     1500},
    {{"tsi", {13, 25}, PANDAS, {"TSI:TSI_13_25_13"}}, 1500},
    {{"supertrend", {7, 3}, PANDAS, {NULL, "SUPERTREND:SUPERTd_7_3.0"}}, 1500},
};

/* Annual volatilities of SPY over all bars and over the last 20, from own_formula_reference.json.
 */
static const struct {
  const char *indicator;
  double period, want;
} volatility_cases[] = {
    {"realised_volatility", 5240, 0.1990625534937469},
    {"realised_volatility", 20, 0.0797788401624844},
    {"parkinson", 5240, 0.16671903809666194},
    {"parkinson", 20, 0.08647730007694025},
    {"garman_klass", 5240, 0.16956205908259292},
    {"garman_klass", 20, 0.08807989746053431},
};

#endif
