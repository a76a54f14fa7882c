/* Two roads lead from decimal to double. Nearly all numbers in data files have at most 19 digits
 * and an exponent within +-27; there 5^27 < 2^64, and one 128-bit product or quotient holds the
 * exact value, to be rounded once. Everything else takes the C library's strtod in the C locale.
 * Printing goes the same way back: with v = m 2^e the scaled value v 10^k and the borders of the
 * interval that rounds to v are exact 128-bit integers, and the shortest decimal in that interval
 * is found by dividing its borders by ten. */
#define _GNU_SOURCE /* strtod_l */
#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

enum { MAX_FIVE = 27, MAX_DIGITS = 800 };

static const uint64_t power_of_five[MAX_FIVE + 1] = {
    1u,
    5u,
    25u,
    125u,
    625u,
    3125u,
    15625u,
    78125u,
    390625u,
    1953125u,
    9765625u,
    48828125u,
    244140625u,
    1220703125u,
    6103515625u,
    30517578125u,
    152587890625u,
    762939453125u,
    3814697265625u,
    19073486328125u,
    95367431640625u,
    476837158203125u,
    2384185791015625u,
    11920928955078125u,
    59604644775390625u,
    298023223876953125u,
    1490116119384765625u,
    7450580596923828125u,
};

static const double power_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

static int bit_length(uint128 v) {
  uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;
  if (high) return 128 - __builtin_clzll(high);
  return low ? 64 - __builtin_clzll(low) : 0;
}

/* parsing ----------------------------------------------------------------------------------------
 */

typedef struct {
  bool negative;
  const char *digits; /* the first significant digit; a point may lie among them */
  const char *end;    /* behind the last digit of the mantissa */
  int64_t count;      /* significant digits, leading zeros not counted */
  uint64_t leading;   /* value of the first 19 of them */
  int64_t exponent;   /* of ten, so that the value is 0.ddd... * 10^exponent */
} decimal;

static bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }

/* exponent part: "e-12" up to end; huge ones saturate. */
static bool scan_exponent(const char *p, const char *end, int64_t *exponent) {
  p++;
  bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  if (p == end) return false;
  int64_t e = 0;
  for (; p < end; p++) {
    if (!is_digit(*p)) return false;
    if (e < 1000000) e = e * 10 + (*p - '0');
  }
  *exponent += negative ? -e : e;
  return true;
}

static bool scan_decimal(const char *p, const char *end, decimal *d) {
  int64_t seen = 0;
  bool point = false;
  for (; p < end; p++) {
    if (*p == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(*p)) break;
    seen++;
    if (d->count || *p != '0') {
      if (!d->count) d->digits = p;
      if (d->count < 19) d->leading = d->leading * 10 + (uint64_t)(*p - '0');
      d->count++;
      if (!point) d->exponent++;
    } else if (point) d->exponent--;
  }
  d->end = p;
  if (!seen) return false;
  if (p == end) return true;
  return (*p == 'e' || *p == 'E') && scan_exponent(p, end, &d->exponent);
}

/* v * 2^shift rounded to the nearest double, ties to even; sticky says that v stands for a value
 * slightly above. v has more than 64 bits or shift = 0; the result is a normal number. */
static double round_scaled(uint128 v, int shift, bool sticky) {
  int extra = bit_length(v) - 53;
  if (extra <= 0) return ldexp((double)(uint64_t)v, shift);
  uint128 rest = v & (((uint128)1 << extra) - 1), half = (uint128)1 << (extra - 1);
  uint64_t m = (uint64_t)(v >> extra);
  if (rest > half || (rest == half && (sticky || (m & 1)))) m++;
  return ldexp((double)m, shift + extra);
}

/* leading * 10^power, |power| <= 27, exactly rounded: 10^p = 5^p 2^p. */
static double scale_exactly(uint64_t leading, int power) {
  if (power >= 0) return round_scaled((uint128)leading * power_of_five[power], power, false);
  uint64_t five = power_of_five[-power];
  int shift = 64 + __builtin_clzll(leading); /* the quotient keeps 64 bits at least */
  uint128 dividend = (uint128)leading << shift, quotient = dividend / five;
  return round_scaled(quotient, power - shift, quotient * five != dividend);
}

/* The exact road for long numbers and large exponents. 767 digits decide any rounding, so the rest
 * shrinks to one digit that says whether something was there. */
static double parse_slowly(const decimal *d) {
  char text[MAX_DIGITS + 40];
  size_t n = 0;
  bool more = false;
  text[n++] = '.';
  for (const char *p = d->digits; p < d->end; p++) {
    if (*p == '.') continue;
    if (n < MAX_DIGITS) text[n++] = *p;
    else more = more || *p != '0';
  }
  if (more) text[n++] = '1';
  int64_t e = d->exponent;
  snprintf(text + n, sizeof text - n, "e%d", (int)(e > 99999 ? 99999 : e < -99999 ? -99999 : e));
  pthread_once(&c_locale_once, make_c_locale);
  return c_locale ? strtod_l(text, NULL, c_locale) : strtod(text, NULL);
}

static double decimal_value(const decimal *d) {
  if (d->count == 0) return 0;
  int64_t power = d->exponent - (d->count < 19 ? d->count : 19);
  if (d->count <= 15 && power >= -22 && power <= 22) { /* both exact doubles: one rounding */
    double m = (double)d->leading;
    return power < 0 ? m / power_of_ten[-power] : m * power_of_ten[power];
  }
  if (d->count <= 19 && power >= -MAX_FIVE && power <= MAX_FIVE)
    return scale_exactly(d->leading, (int)power);
  return parse_slowly(d);
}

static bool same_word(const char *text, size_t n, const char *word) {
  size_t i = 0;
  for (; i < n && word[i]; i++)
    if ((text[i] | 32) != word[i]) return false;
  return i == n && !word[i];
}

static bool parse_word(const char *text, size_t n, double *out) {
  if (same_word(text, n, "nan")) *out = NAN;
  else if (same_word(text, n, "inf") || same_word(text, n, "infinity")) *out = INFINITY;
  else return false;
  return true;
}

bool neap_number_parse(const char *text, size_t n, double *out) {
  if (n == 0) return false;
  decimal d = {.negative = text[0] == '-'};
  if (text[0] == '-' || text[0] == '+') text++, n--;
  if (n == 0) return false;
  double v;
  if (scan_decimal(text, text + n, &d)) v = decimal_value(&d);
  else if (!parse_word(text, n, &v)) return false;
  *out = d.negative ? -v : v;
  return true;
}

bool neap_integer_parse(const char *text, size_t n, int64_t *out) {
  bool negative = n && text[0] == '-';
  if (n && (text[0] == '-' || text[0] == '+')) text++, n--;
  if (n == 0) return false;
  uint64_t v = 0, limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
  for (size_t i = 0; i < n; i++) {
    if (!is_digit(text[i])) return false;
    uint64_t digit = (uint64_t)(text[i] - '0');
    if (v > (limit - digit) / 10) return false;
    v = v * 10 + digit;
  }
  *out = negative ? (int64_t)(0 - v) : (int64_t)v;
  return true;
}

/* printing ---------------------------------------------------------------------------------------
 */

/* 0.ddd * 10^exponent: the digits as an integer of at most 17 digits, the last not 0. */
typedef struct {
  uint64_t digits;
  int exponent;
} short_decimal;

static int digit_count(uint64_t v) {
  int n = 1;
  while (v >= 10) v /= 10, n++;
  return n;
}

/* v 10^k and its rounding interval, all times 2^shift; v 10^k lies in [1e16, 1e17). */
typedef struct {
  uint128 value, low, high;
  int shift, k;
  bool closed; /* the borders themselves round to v */
} scaled;

static scaled scale_at(uint64_t m, int e, int k) {
  scaled s = {.k = k, .shift = 2 - e - k, .closed = (m & 1) == 0};
  uint128 five = power_of_five[k];
  bool lower_is_nearer = m == (uint64_t)1 << 52; /* below a power of two doubles lie denser */
  s.value = 4 * m * five;
  s.low = (4 * m - (lower_is_nearer ? 1 : 2)) * five;
  s.high = (4 * m + 2) * five;
  if (s.shift >= 0) return s;
  s.value <<= -s.shift, s.low <<= -s.shift, s.high <<= -s.shift;
  s.shift = 0;
  return s;
}

/* False when v lies outside [1e-11, 1e17), where 128 bits do not suffice. */
static bool scale(double v, scaled *s) {
  if (!(v >= 1e-11 && v < 1e17)) return false;
  int e;
  uint64_t m = (uint64_t)ldexp(frexp(v, &e), 53);
  int k = 16 - (int)floor((e - 1) * 0.30102999566398120); /* one too large at most */
  if (k > MAX_FIVE) k = MAX_FIVE;
  *s = scale_at(m, e - 53, k);
  if ((uint64_t)(s->value >> s->shift) >= 100000000000000000u) *s = scale_at(m, e - 53, k - 1);
  return true;
}

static short_decimal trimmed(uint64_t digits, int k) {
  short_decimal d = {digits, digit_count(digits) - k};
  while (d.digits % 10 == 0) d.digits /= 10;
  return d;
}

/* value / (unit 2^shift) to the nearest integer, ties to even. */
static uint64_t nearest_multiple(const scaled *s, uint64_t unit) {
  uint64_t whole = (uint64_t)(s->value >> s->shift), q = whole / unit;
  uint128 rest = s->value - ((uint128)q * unit << s->shift);
  uint128 twice = rest * 2, full = (uint128)unit << s->shift;
  return q + (twice > full || (twice == full && (q & 1)));
}

static short_decimal shortest(const scaled *s) {
  uint128 mask = ((uint128)1 << s->shift) - 1;
  bool low_exact = (s->low & mask) == 0, high_exact = (s->high & mask) == 0;
  uint64_t low = (uint64_t)(s->low >> s->shift), high = (uint64_t)(s->high >> s->shift), unit = 1;
  if (!low_exact || !s->closed) low++;
  if (high_exact && !s->closed) high--;
  while ((low + 9) / 10 <= high / 10) low = (low + 9) / 10, high /= 10, unit *= 10;
  uint64_t q = nearest_multiple(s, unit);
  q = q < low ? low : q > high ? high : q;
  return trimmed(q * unit, s->k);
}

/* By the C library, for the rare magnitudes: fewest digits that read back, or just 17 of them. */
static short_decimal print_slowly(double v, bool all) {
  char text[40];
  pthread_once(&c_locale_once, make_c_locale);
  locale_t before = c_locale ? uselocale(c_locale) : (locale_t)0;
  for (int digits = all ? 17 : 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*e", digits - 1, v);
    if (digits == 17 || strtod(text, NULL) == v) break;
  }
  if (before) uselocale(before);
  uint64_t m = 0;
  const char *p = text;
  for (; *p && *p != 'e'; p++)
    if (is_digit(*p)) m = m * 10 + (uint64_t)(*p - '0');
  int e = atoi(p + 1);
  short_decimal d = {m, e + 1};
  while (d.digits % 10 == 0) d.digits /= 10;
  return d;
}

/* digits as text, most significant first, without a closing zero. */
static size_t put_integer(char *out, uint64_t v) {
  int n = digit_count(v);
  for (int i = n - 1; i >= 0; i--, v /= 10) out[i] = (char)('0' + v % 10);
  return (size_t)n;
}

static size_t put_zeros(char *out, int n) {
  if (n > 0) memset(out, '0', (size_t)n);
  return n > 0 ? (size_t)n : 0;
}

static size_t put_plain(char *out, short_decimal d) {
  char digits[24];
  size_t n = put_integer(digits, d.digits), at = 0;
  size_t whole = d.exponent < 0 ? 0 : (size_t)d.exponent;
  if (whole == 0) out[at++] = '0';
  size_t before = whole < n ? whole : n;
  memcpy(out + at, digits, before);
  at += before;
  at += put_zeros(out + at, (int)(whole - before));
  if (n <= whole) return at;
  out[at++] = '.';
  at += put_zeros(out + at, -d.exponent);
  memcpy(out + at, digits + before, n - before);
  return at + n - before;
}

static size_t put_scientific(char *out, short_decimal d) {
  char digits[24];
  size_t n = put_integer(digits, d.digits), at = 0;
  out[at++] = digits[0];
  if (n > 1) out[at++] = '.';
  memcpy(out + at, digits + 1, n - 1);
  at += n - 1;
  out[at++] = 'e';
  int e = d.exponent - 1;
  if (e < 0) out[at++] = '-';
  return at + put_integer(out + at, (uint64_t)(e < 0 ? -e : e));
}

static size_t put_word(char *out, const char *word) {
  size_t n = strlen(word);
  memcpy(out, word, n);
  return n;
}

static size_t print(char out[32], double v, bool all) {
  size_t at = 0;
  if (signbit(v) && !isnan(v)) out[at++] = '-';
  v = fabs(v);
  if (isnan(v)) at += put_word(out + at, "nan");
  else if (isinf(v)) at += put_word(out + at, "inf");
  else if (v == 0) at += put_word(out + at, "0");
  else {
    scaled s;
    short_decimal d = !scale(v, &s) ? print_slowly(v, all)
                      : all         ? trimmed(nearest_multiple(&s, 1), s.k)
                                    : shortest(&s);
    bool plain = d.exponent > -5 && d.exponent <= 17;
    at += plain ? put_plain(out + at, d) : put_scientific(out + at, d);
  }
  out[at] = 0;
  return at;
}

size_t neap_number_print(char out[32], double v) { return print(out, v, false); }
size_t neap_number_print_17(char out[32], double v) { return print(out, v, true); }

size_t neap_integer_print(char out[32], int64_t v) {
  size_t at = 0;
  if (v < 0) out[at++] = '-';
  at += put_integer(out + at, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
  out[at] = 0;
  return at;
}
