/* Tensors as text for people: few digits, aligned columns, the middle left out. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "tensor/tensor.h"

enum { EDGE = 3, SHOWN = 2 * EDGE + 1, CELL = 32, MAX_COLUMNS = 64, MAX_BLOCKS = 6 };

typedef struct {
  char *text;
  size_t used, length;
} sink;

static void put(sink *s, const char *text, size_t n) {
  if (n > s->length - 1 - s->used) n = s->length - 1 - s->used;
  memcpy(s->text + s->used, text, n);
  s->used += n;
  s->text[s->used] = 0;
}

static void puts_to(sink *s, const char *text) { put(s, text, strlen(text)); }

static void spaces(sink *s, size_t n) {
  while (n-- > 0) put(s, " ", 1);
}

/* v rounded to six significant digits, more where the whole part and one decimal need them: an
 * integer over a power of ten, both exact, so that the shortest form of the quotient has these
 * digits. */
static double six_digits(double v) {
  if (!isfinite(v) || v == 0) return v;
  int power = 5 - (int)floor(log10(fabs(v)));
  if (power < 1 && fabs(v) < 1e14) power = 1;
  if (power > 22 || power < -22) return v;
  double scale = 1;
  for (int i = 0; i < power || i < -power; i++) scale *= 10;
  return power > 0 ? rint(v * scale) / scale : rint(v / scale) * scale;
}

/* v rounded to so many decimals, at most 12. */
static double to_decimals(double v, int decimals) {
  double scale = 1;
  for (int i = 0; i < decimals; i++) scale *= 10;
  return isfinite(v) ? rint(v * scale) / scale : v;
}

static void cell(char out[CELL], const neap_tensor *t, const int64_t *at) {
  if (t->dtype == NEAP_BOOL) snprintf(out, CELL, neap_tensor_get_i64(t, at) ? "true" : "false");
  else if (neap_dtype_is_float(t->dtype))
    neap_number_print(out, six_digits(neap_tensor_get_f64(t, at)));
  else neap_integer_print(out, neap_tensor_get_i64(t, at));
}

/* Which of n positions are shown: all when they fit, else the first and last count / 2. Returns how
 * many; the gap, if any, lies before place *gap. */
static int64_t shown(int64_t n, int64_t count, int64_t *gap) {
  *gap = n > count ? count / 2 : -1;
  return n > count ? count / 2 * 2 : n;
}

static int64_t position(int64_t place, int64_t n, int64_t count, int64_t gap) {
  return gap >= 0 && place >= gap ? n - count + place : place;
}

/* "{1, 2, 3, ..., 9}" with at most `most` elements, an even number of them. */
static void print_some(sink *s, const neap_tensor *t, int64_t most) {
  int64_t gap, count = shown(t->size[0], most, &gap);
  char out[CELL];
  puts_to(s, "{");
  for (int64_t i = 0; i < count; i++) {
    int64_t at = position(i, t->size[0], count, gap);
    cell(out, t, &at);
    if (i) puts_to(s, i == gap ? ", ..., " : ", ");
    puts_to(s, out);
  }
  puts_to(s, "}");
}

/* A short series whole, a long one by its ends; less of it where the line would not fit. */
static void print_series(sink *s, const neap_tensor *t, int width) {
  size_t begin = s->used;
  int64_t most = t->size[0] <= SHOWN + 5 ? SHOWN + 5 : 2 * EDGE;
  for (; most >= 2; most -= 2) {
    s->used = begin;
    print_some(s, t, most);
    if (s->used <= (size_t)width) return;
  }
}

typedef struct {
  char text[CELL];
  double value;
} entry;

/* How many decimals show six digits of the largest number; -1 where that would hide the smallest,
 * or where numbers are too large for plain digits. */
static int common_decimals(const entry *e, int64_t n) {
  double high = 0, low = INFINITY;
  for (int64_t i = 0; i < n; i++) {
    double v = fabs(e[i].value);
    if (!isfinite(v) || v == 0) continue;
    high = v > high ? v : high;
    low = v < low ? v : low;
  }
  if (high == 0) return 0;
  int decimals = 5 - (int)floor(log10(high));
  if (decimals > 12 || decimals < -3) return -1;
  if (decimals < 0) decimals = 0;
  return to_decimals(low, decimals > 2 ? decimals - 2 : decimals) == 0 ? -1 : decimals;
}

/* Fill with zeros up to the most decimals that any number needs. */
static void pad_decimals(entry *e, int64_t n) {
  size_t most = 0;
  for (int64_t i = 0; i < n; i++) {
    const char *point = strchr(e[i].text, '.');
    if (point && strlen(point + 1) > most) most = strlen(point + 1);
  }
  for (int64_t i = 0; i < n && most > 0; i++) {
    if (!isfinite(e[i].value)) continue;
    size_t length = strlen(e[i].text);
    const char *point = strchr(e[i].text, '.');
    size_t has = point ? strlen(point + 1) : 0;
    if (!point) e[i].text[length++] = '.';
    for (; has < most && length < CELL - 1; has++) e[i].text[length++] = '0';
    e[i].text[length] = 0;
  }
}

static void format(entry *e, int64_t n) {
  int decimals = common_decimals(e, n);
  for (int64_t i = 0; i < n; i++)
    neap_number_print(e[i].text, decimals < 0 ? six_digits(e[i].value)
                                              : to_decimals(e[i].value, decimals) + 0.0);
  if (decimals > 0) pad_decimals(e, n);
}

/* The last two dimensions at the position at[] of the others. */
static void print_block(sink *s, const neap_tensor *t, int64_t *at, int width) {
  int64_t row_gap, column_gap, columns = t->size[t->ndim - 1], fit = width / 10;
  int64_t rows = shown(t->size[t->ndim - 2], SHOWN, &row_gap);
  fit = fit > MAX_COLUMNS ? MAX_COLUMNS : fit < 2 ? 2 : fit / 2 * 2;
  columns = shown(columns, fit, &column_gap);
  entry e[SHOWN * MAX_COLUMNS];
  size_t wide = 0;
  for (int64_t i = 0; i < rows * columns; i++) {
    at[t->ndim - 2] = position(i / columns, t->size[t->ndim - 2], rows, row_gap);
    at[t->ndim - 1] = position(i % columns, t->size[t->ndim - 1], columns, column_gap);
    cell(e[i].text, t, at);
    e[i].value = neap_tensor_get_f64(t, at);
  }
  if (neap_dtype_is_float(t->dtype)) format(e, rows * columns);
  for (int64_t i = 0; i < rows * columns; i++)
    if (strlen(e[i].text) > wide) wide = strlen(e[i].text);
  for (int64_t i = 0; i < rows; i++) {
    if (i == row_gap) puts_to(s, "\n  ...");
    puts_to(s, "\n");
    for (int64_t k = 0; k < columns; k++) {
      const char *text = e[i * columns + k].text;
      if (k == column_gap) puts_to(s, "  ...");
      spaces(s, 2 + wide - strlen(text));
      puts_to(s, text);
    }
  }
}

/* Blocks of the last two dimensions, each under its position. */
static void print_blocks(sink *s, const neap_tensor *t, int width) {
  int64_t at[NEAP_MAX_DIMS] = {0}, blocks = 1;
  for (int d = 0; d < t->ndim - 2; d++) blocks *= t->size[d];
  for (int64_t b = 0; b < blocks; b++) {
    if (b == MAX_BLOCKS) {
      puts_to(s, "\n...");
      return;
    }
    if (t->ndim > 2) puts_to(s, "\n[");
    char number[CELL];
    for (int d = 0; d < t->ndim - 2; d++) {
      neap_integer_print(number, at[d] + 1);
      puts_to(s, number);
      puts_to(s, d < t->ndim - 3 ? ", " : "]");
    }
    print_block(s, t, at, width);
    for (int d = t->ndim - 3; d >= 0 && ++at[d] == t->size[d]; d--) at[d] = 0;
  }
}

const char *neap_tensor_print(char *text, size_t length, const neap_tensor *t, int width) {
  sink s = {text, 0, length};
  char part[128];
  text[0] = 0;
  puts_to(&s, "tensor<");
  puts_to(&s, neap_dtype_name(t->dtype));
  puts_to(&s, ">");
  puts_to(&s, neap_shape_text(t, part, sizeof part));
  if (t->ndim == 0) {
    cell(part, t, NULL);
    puts_to(&s, " ");
    puts_to(&s, part);
  } else if (t->ndim == 1) {
    puts_to(&s, " ");
    print_series(&s, t, width);
  } else if (neap_tensor_numel(t) > 0) print_blocks(&s, t, width);
  return text;
}
