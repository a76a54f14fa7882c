/* frame.h — tables of named columns: reading and writing CSV, bars of a market.
 *
 * A column is a tensor of one dimension with a kind that says what its elements mean: plain values,
 * instants (i64 nanoseconds since 1970 UTC, NEAP_NAT = missing), or categories (i32 codes from 1
 * into a list of names, 0 = missing). The table itself, its names and its order live in Lua; the
 * core reads, writes, checks and makes columns.
 *
 * Bars are five or six parallel arrays. A bar is stamped with its open time and known at its close,
 * one cadence later. Rows are 0-based here, and 1-based in messages. */
#ifndef NEAP_FRAME_FRAME_H
#define NEAP_FRAME_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/zone_array.h"
#include "tensor/tensor.h"

/* columns -------------------------------------------------------------------------------------- */

typedef enum {
  NEAP_COLUMN_AUTO, /* not known yet; a column without any value ends as NUMBER */
  NEAP_COLUMN_BOOL,
  NEAP_COLUMN_INTEGER,
  NEAP_COLUMN_NUMBER,
  NEAP_COLUMN_TIME,
  NEAP_COLUMN_CATEGORY,
  NEAP_COLUMN_KINDS
} neap_column_kind;

/* "auto", "bool", "integer", "number", "time", "category" */
const char *neap_column_kind_name(neap_column_kind kind);

/* The kind called name, or NEAP_EARG listing the names. */
neap_status neap_column_kind_parse(neap_column_kind *out, const char *name);

/* values: bool, i64, f64, i64 or i32 by kind when read; any dtype when written. labels[code - 1]
 * names a category. */
typedef struct {
  char *name;
  neap_column_kind kind;
  neap_tensor values;
  char **labels;
  int64_t label_count;
} neap_column;

typedef struct {
  neap_column *columns;
  int64_t count, rows;
} neap_table;

/* Free everything a table owns; an empty one is fine. */
void neap_table_drop(neap_table *t);

/* CSV ------------------------------------------------------------------------------------------ */

/* What a file does not say itself. Zero-initialised, it means: find the delimiter, first row is the
 * header, infer every type, naive times are UTC. Pointers are borrowed for the call. */
typedef struct {
  char delimiter;           /* 0: the most frequent of , ; tab in the first row */
  char comment;             /* rows that begin with it are skipped; 0: none */
  bool no_header;           /* columns are called c1, c2, ... unless names are given */
  const char *const *names; /* with no_header: one name for each column */
  int64_t name_count;
  const char *const *wanted; /* columns to keep, in this order; NULL: all */
  int64_t wanted_count;
  const char *const *typed;      /* columns whose kind is given ... */
  const neap_column_kind *kinds; /* ... and must hold, or reading fails */
  int64_t typed_count;
  const char *const *missing; /* further words that mean "no value" */
  int64_t missing_count;
  const neap_zone *zone;    /* of times without an offset; NULL: UTC */
  neap_ambiguous ambiguous; /* INFER: the first showing until the file would step back */
  neap_nonexistent nonexistent;
  const char *time_format; /* NULL: recognise; see neap_csv_read */
  char decimal;            /* 0: a point */
  char thousands;          /* between groups of three digits; 0: none, ' ': also no-break spaces */
  bool replace_invalid;    /* bytes of text that are not UTF-8 become U+FFFD; else an error */
  int64_t skip_rows;       /* lines to pass over, whatever they hold, before the header */
  bool limited;            /* read max_rows rows at most; what follows is not looked at */
  int64_t max_rows;
} neap_csv_options;

/* Read path (plain, gzip or zstd) on all threads in one pass, with 10 MB or so beside the result; a
 * second pass follows when a column turns out to be text late in the file.
 *
 * Fields may be quoted with "; a doubled quote stands for one, and a quoted field may hold
 * delimiters and line ends. Unquoted fields lose spaces around them. Lines end in LF, CRLF or CR;
 * empty lines are skipped; a byte order mark is skipped. A blank field is missing, and so are NA,
 * N/A, NaN, NaT, null and None in any case outside text columns.
 *
 * A column is bool when each value is true or false, integer (i64), number, time (dates and times
 * with separators that neap_time_parse knows), else category; the order of rows does not matter.
 * Integers beyond 64 bits are numbers; integers and bools (1, 0) with missing values are, too.
 * Digits alone become time only in a column declared so: eight digits that are a date of 1900 to
 * 2100 (yyyymmdd), else an epoch in s, ms, us or ns by magnitude, the same unit over the whole
 * column. time_format is "yyyymmdd", "s", "ms", "us", "ns" or a pattern of %Y %y %m %d %H %M %S %f
 * (fraction of a second) and literal characters.
 *
 * Errors name file, line, column and value. A file without rows gives empty columns; a file without
 * a header is an error. */
neap_status neap_csv_read(neap_table *out, const char *path, const neap_csv_options *o);

/* The rows of several files of the same columns, one below the other, typed as if they were one
 * file; max_rows counts all of them. symbols, unless NULL, has a text for each file, repeated in
 * every row of it: the category column "symbol", which then comes first. */
neap_status neap_csv_read_files(neap_table *out, const char *const *paths, int64_t count,
                                const char *const *symbols, const neap_csv_options *o);

/* The names of the columns of path, as a table without rows. */
neap_status neap_csv_names(neap_table *out, const char *path, const neap_csv_options *o);

/* Write columns of equal length to path: under a temporary name first, so that path is whole or
 * untouched. Numbers have 17 significant digits, or the fewest that read back equal; times are
 * ISO 8601 UTC; missing values are blank. */
neap_status neap_csv_write(const char *path, const neap_column *columns, int64_t count,
                           bool digits_17);

/* JSON lines ------------------------------------------------------------------------------------
 */

/* One object on each line; blank lines are skipped. Keys are columns in the order in which they
 * first stand in the files; a key that a line lacks, and null, are missing values. Strings are read
 * as fields of a CSV file are, so "1.5" is a number unless the column is declared; integers beyond
 * 64 bits are numbers. Of the options wanted, typed, missing, zone, time_format, replace_invalid
 * and the limit of rows count. Anything that RFC 8259 forbids is an error with file, line and
 * column, and so are nested values, a key that stands twice in a line, and \u0000. A file without
 * lines has no columns. */
neap_status neap_jsonl_read(neap_table *out, const char *const *paths, int64_t count,
                            const char *const *symbols, const neap_csv_options *o);

/* Write columns of equal length as JSON lines, as neap_csv_write does. Missing values are null,
 * infinities the strings "inf" and "-inf", which JSON has no numbers for. */
neap_status neap_jsonl_write(const char *path, const neap_column *columns, int64_t count);

/* bars ----------------------------------------------------------------------------------------- */

/* Borrowed arrays of n bars; volume may be NULL. */
typedef struct {
  int64_t n;
  int64_t *time;
  double *open, *high, *low, *close, *volume;
} neap_bars;

/* Faults that a row can have; a row may have several. */
typedef enum {
  NEAP_BAR_NO_TIME,
  NEAP_BAR_NAN,           /* a price is NaN or infinite */
  NEAP_BAR_NOT_POSITIVE,  /* a price is zero or below */
  NEAP_BAR_CONTRADICTION, /* high < low, or open or close outside [low, high] */
  NEAP_BAR_DUPLICATE,     /* the time of an earlier row */
  NEAP_BAR_DISORDER,      /* earlier than the row before it */
  NEAP_BAR_FAULTS
} neap_bar_fault;

typedef struct {
  int64_t rows, first_time, last_time;   /* earliest and latest; NEAP_NAT without any */
  int64_t cadence;                       /* median step between successive times, ns; 0: unknown */
  double regular;                        /* share of steps that equal the cadence */
  bool continuous;                       /* trades on Saturdays: no weekends, no sessions */
  int64_t gaps, missing_bars;            /* steps above 1.5 cadences inside trading time */
  int64_t longest_gap, longest_gap_time; /* its bars missing, and the time before it */
  int64_t holes, hole_time;              /* gaps longer than five days, and their length, ns */
  int64_t session_gaps;                  /* nights, weekends, holidays of a market with sessions */
  int64_t count[NEAP_BAR_FAULTS], first_row[NEAP_BAR_FAULTS]; /* first_row -1: none */
  int64_t zero_volume;
  int without_price; /* 1 open, 2 high, 3 low, 4 close: the first without any price; 0: none */
} neap_bar_report;

/* The median step between successive times, in order and each once; 0 for fewer than two. */
neap_status neap_bars_cadence(int64_t *out, int64_t n, const int64_t *time);

/* Look at bars in the order given. A gap is a session gap when the market never trades on Saturdays
 * and the gap crosses midnight UTC and is at most five days long. Whether a market has sessions is
 * read off the Saturdays in its span; with none in it, off the nights. */
neap_status neap_bars_scan(neap_bar_report *out, const neap_bars *bars);

/* Rows worth keeping, as i64 positions (counted from first) in time order: rows without time,
 * price, or with a contradiction go; of several rows with one time the last in the file stays (a
 * later row of a feed corrects an earlier one). With keep_broken only rows without a time go, and
 * of rows with one time the last sound one stays. */
neap_status neap_bars_order(neap_tensor *out, const neap_bars *bars, bool keep_broken,
                            int64_t first);

/* Repair bars that are in time order: a missing or non-positive close becomes the previous close, a
 * missing open the previous close, high and low are widened to hold open and close; gaps inside
 * trading time (of a market with sessions: up to five days) of at most max_gap bars are filled with
 * bars at the previous close, volume 0, when cadence is regular (half the steps). Rows before the
 * first close are left out. Fills out with tensors time, open, high, low, close, volume (the last
 * empty without volume). repaired and inserted count rows. */
neap_status neap_bars_fill(neap_tensor out[6], const neap_bars *bars, const neap_bar_report *report,
                           int64_t max_gap, int64_t *repaired, int64_t *inserted);

/* A made-up market: see market.synthetic in Lua for what it is like. Fills bars->n bars in place
 * from start on; every draw is a function of (rng, symbol, row), so one symbol's bars do not depend
 * on which others are made. */
neap_status neap_bars_synthetic(neap_bars *bars, int64_t start, int64_t cadence,
                                const neap_rng *rng, const char *symbol, double signal);

#endif
