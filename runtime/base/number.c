/* Three roads lead from decimal to double. Nearly all numbers in data files have at most 19 digits
 * and an exponent within +-27. Up to 2^32 and 10^22 both parts are exact doubles, and one product
 * or quotient rounds once. Up to 10^27 a 64-bit product with a truncated power of five decides
 * unless the value lies next to a border of rounding (as Eisel and Lemire have it); there, since
 * 5^27 < 2^64, one 128-bit product or quotient holds the exact value. Everything else takes the C
 * library's strtod in the C locale. Digits are taken eight at a time, as lanes of a 64-bit word.
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

enum { MAX_FIVE = 27, MAX_DIGITS = 800, SAFE = 48 };

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

/* floor(2^(63 + bits) / 5^k), bits being the length of 5^k, so that each has 64 bits. */
static const uint64_t reciprocal_of_five[MAX_FIVE + 1] = {
    0,
    0xccccccccccccccccu,
    0xa3d70a3d70a3d70au,
    0x83126e978d4fdf3bu,
    0xd1b71758e219652bu,
    0xa7c5ac471b478423u,
    0x8637bd05af6c69b5u,
    0xd6bf94d5e57a42bcu,
    0xabcc77118461cefcu,
    0x89705f4136b4a597u,
    0xdbe6fecebdedd5beu,
    0xafebff0bcb24aafeu,
    0x8cbccc096f5088cbu,
    0xe12e13424bb40e13u,
    0xb424dc35095cd80fu,
    0x901d7cf73ab0acd9u,
    0xe69594bec44de15bu,
    0xb877aa3236a4b449u,
    0x9392ee8e921d5d07u,
    0xec1e4a7db69561a5u,
    0xbce5086492111aeau,
    0x971da05074da7beeu,
    0xf1c90080baf72cb1u,
    0xc16d9a0095928a27u,
    0x9abe14cd44753b52u,
    0xf79687aed3eec551u,
    0xc612062576589ddau,
    0x9e74d1b791e07e48u,
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

static bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }

/* Eight digits, the first in the lowest byte, each byte 0 to 9, as a number: pairs, then fours. */
static uint64_t eight_digits(uint64_t lanes) {
  const uint64_t mask = 0x000000ff000000ffu;
  lanes = lanes * 10 + (lanes >> 8);
  return ((lanes & mask) * 0x000f424000000064u + (lanes >> 16 & mask) * 0x0000271000000001u) >> 32;
}

static const uint64_t scale_of[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

/* Eight bytes as lanes that hold 0 to 9 where they are digits; the first is the lowest. */
static uint64_t lanes_at(const char *p) {
  uint64_t lanes;
  memcpy(&lanes, p, 8);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  lanes = __builtin_bswap64(lanes);
#endif
  return lanes ^ 0x3030303030303030u;
}

/* The highest bit of each lane that is no digit. */
static uint64_t not_digits(uint64_t lanes) {
  return (((lanes & 0x7f7f7f7f7f7f7f7fu) + 0x7676767676767676u) | lanes) & 0x8080808080808080u;
}

/* The digits at p as the next ones of *v, modulo 2^64; returns what is behind them. */
static const char *take_digits(const char *p, const char *end, uint64_t *v) {
  while (end - p >= 8) {
    uint64_t lanes = lanes_at(p), strange = not_digits(lanes);
    int count = strange ? __builtin_ctzll(strange) >> 3 : 8;
    if (count) *v = *v * scale_of[count] + eight_digits(lanes << (64 - 8 * count));
    p += count;
    if (strange) return p;
  }
  for (; p < end && is_digit(*p); p++) *v = *v * 10 + (uint64_t)(*p - '0');
  return p;
}

/* exponent part: "e-12"; huge ones saturate. Returns p itself when it is none. */
static const char *take_exponent(const char *p, const char *end, int64_t *exponent) {
  const char *q = p + 1;
  bool negative = q < end && *q == '-';
  if (q < end && (*q == '-' || *q == '+')) q++;
  if (q == end || !is_digit(*q)) return p;
  int64_t e = 0;
  for (; q < end && is_digit(*q); q++)
    if (e < 1000000) e = e * 10 + (*q - '0');
  *exponent += negative ? -e : e;
  return q;
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

/* digits * 10^power, |power| <= 27, exactly rounded: 10^p = 5^p 2^p. */
static double scale_exactly(uint64_t digits, int power) {
  if (power >= 0) return round_scaled((uint128)digits * power_of_five[power], power, false);
  uint64_t five = power_of_five[-power];
  int shift = 64 + __builtin_clzll(digits); /* the quotient keeps 64 bits at least */
  uint128 dividend = (uint128)digits << shift, quotient = dividend / five;
  return round_scaled(quotient, power - shift, quotient * five != dividend);
}

/* The same by one multiplication. high holds the leading 64 bits of the product; the truncated
 * factor leaves it at most one too small, so rounding is settled unless the bits that go are all
 * ones, or just half: then the exact way decides. */
static double scale(uint64_t digits, int power) {
  int lead = __builtin_clzll(digits), bits; /* of the power of five */
  uint64_t factor;
  if (power >= 0) {
    bits = 64 - __builtin_clzll(power_of_five[power]);
    factor = power_of_five[power] << (64 - bits);
  } else {
    bits = 64 - __builtin_clzll(power_of_five[-power]);
    factor = reciprocal_of_five[-power];
    bits = 1 - bits;
  }
  uint64_t high = (uint64_t)((uint128)(digits << lead) * factor >> 64);
  int drop = 10 + (int)(high >> 63);
  uint64_t rest = high & (((uint64_t)1 << drop) - 1), half = (uint64_t)1 << (drop - 1);
  if (rest == 2 * half - 1 || rest == half || rest == half - 1) return scale_exactly(digits, power);
  uint64_t m = (high >> drop) + (rest > half);
  uint64_t exponent = (uint64_t)(1023 + drop + bits - lead + power);
  union {
    uint64_t bits;
    double value;
  } two = {exponent << 52};
  return (double)m * two.value;
}

/* The exact road for long numbers and large exponents. 767 digits decide any rounding, so the rest
 * shrinks to one digit that says whether something was there. digits is the first that is not 0;
 * the value is d.ddd... * 10^exponent. */
static double parse_slowly(const char *digits, const char *end, int64_t exponent) {
  char text[MAX_DIGITS + 40];
  size_t n = 0;
  bool more = false;
  for (const char *p = digits; p < end && (is_digit(*p) || *p == '.'); p++) {
    if (*p == '.') continue;
    if (n < MAX_DIGITS) text[n++] = *p;
    else more = more || *p != '0';
    if (n == 1) text[n++] = '.';
  }
  if (more) text[n++] = '1';
  int64_t e = exponent;
  snprintf(text + n, sizeof text - n, "e%d", (int)(e > 99999 ? 99999 : e < -99999 ? -99999 : e));
  pthread_once(&c_locale_once, make_c_locale);
  return c_locale ? strtod_l(text, NULL, c_locale) : strtod(text, NULL);
}

/* A decimal without its sign, as it was scanned. */
typedef struct {
  const char *from, *end; /* its digits, a point among them */
  uint64_t digits;        /* all of them as one number, modulo 2^64 */
  int64_t count;          /* how many */
  int64_t power;          /* of ten */
} decimal;

/* More than 19 digits, or an exponent beyond the tables. */
static double hard_value(const decimal *d) {
  const char *p = d->from;
  int64_t left = d->count; /* digits from the first that is not 0 */
  for (; p < d->end && (*p == '0' || *p == '.'); p++) left -= *p == '0';
  if (left == 0) return 0;
  if (left <= 19 && d->power >= -MAX_FIVE && d->power <= MAX_FIVE)
    return scale(d->digits, (int)d->power);
  return parse_slowly(p, d->end, d->power + left - 1);
}

static double value_of(const decimal *d) {
  int64_t power = d->power;
  if (d->count > 19) return hard_value(d);
  if (d->digits == 0) return 0;
  /* Two exact doubles. They are up to 2^53, a bound that lies among numbers of 16 digits: the
   * processor would guess wrongly. */
  if (d->digits >> 32 == 0 && power >= -22 && power <= 22) {
    double m = (double)d->digits;
    return power < 0 ? m / power_of_ten[-power] : m * power_of_ten[power];
  }
  if (power >= -MAX_FIVE && power <= MAX_FIVE) return scale(d->digits, (int)power);
  return hard_value(d);
}

/* Digits of a fraction behind *v: 16 and what is left of the third word. */
static const char *take_fraction(const char *p, uint64_t *v) {
  uint64_t lanes = lanes_at(p), strange = not_digits(lanes);
  for (int words = 0; !strange && words < 2; words++) {
    *v = *v * 100000000 + eight_digits(lanes);
    p += 8;
    lanes = lanes_at(p);
    strange = not_digits(lanes);
  }
  int count = strange ? __builtin_ctzll(strange) >> 3 : 8;
  if (count) *v = *v * scale_of[count] + eight_digits(lanes << (64 - 8 * count));
  return p + count;
}

/* The fast way through [p, ...), where SAFE bytes may be read. A number of at most seven characters
 * lies in one word with what ends it: its lanes close up over the point. In longer ones up to seven
 * digits may stand before the point. What does not fit has too many digits, or ends in one. */
static const char *scan_usual(const char *p, decimal *d) {
  uint64_t lanes = lanes_at(p), strange = not_digits(lanes);
  if (!strange) return p;
  int whole = __builtin_ctzll(strange) >> 3;
  uint64_t second = strange & (strange - 1);
  if (p[whole] != '.') {
    d->count = whole;
    if (whole) d->digits = eight_digits(lanes << (64 - 8 * whole));
    return p + whole;
  }
  uint64_t before = ((uint64_t)1 << 8 * whole) - 1;
  int length = second ? __builtin_ctzll(second) >> 3 : 8; /* of digits and point */
  lanes = (lanes & before) | (lanes >> 8 & ~before);
  if (length > 1) d->digits = eight_digits(lanes << (64 - 8 * (length - 1)));
  const char *end = second ? p + length : take_fraction(p + 8, &d->digits);
  d->power = p + whole + 1 - end;
  d->count = whole - d->power;
  return end;
}

static const char *scan_any(const char *p, const char *end, decimal *d) {
  p = take_digits(p, end, &d->digits);
  d->count = p - d->from;
  if (p < end && *p == '.') {
    const char *point = p + 1;
    p = take_digits(point, end, &d->digits);
    d->power = point - p;
    d->count -= d->power;
  }
  return p;
}

size_t neap_number_scan(const char *text, size_t n, double *out) {
  const char *p = text, *end = text + n;
  uint64_t negative = n && *p == '-';
  if (negative || (n && *p == '+')) p++;
  decimal d = {.from = p};
  if (n >= SAFE) {
    p = scan_usual(p, &d);
    if (d.count > 19 || is_digit(*p)) {
      d = (decimal){.from = d.from};
      p = scan_any(d.from, end, &d);
    }
  } else p = scan_any(p, end, &d);
  d.end = p;
  if (d.count == 0) return 0;
  if (p < end && (*p | 32) == 'e') p = take_exponent(p, end, &d.power);
  union {
    double value;
    uint64_t bits;
  } v = {value_of(&d)};
  v.bits ^= negative << 63;
  *out = v.value;
  return (size_t)(p - text);
}

static bool same_word(const char *text, size_t n, const char *word) {
  size_t i = 0;
  for (; i < n && word[i]; i++)
    if ((text[i] | 32) != word[i]) return false;
  return i == n && !word[i];
}

static bool parse_word(const char *text, size_t n, double *out) {
  bool negative = n && text[0] == '-';
  if (n && (text[0] == '-' || text[0] == '+')) text++, n--;
  double v;
  if (same_word(text, n, "nan")) v = NAN;
  else if (same_word(text, n, "inf") || same_word(text, n, "infinity")) v = INFINITY;
  else return false;
  *out = negative ? -v : v;
  return true;
}

bool neap_number_parse(const char *text, size_t n, double *out) {
  double v;
  if (n == 0) return false;
  size_t taken = neap_number_scan(text, n, &v);
  if (taken == 0) return parse_word(text, n, out);
  if (taken != n) return false;
  *out = v;
  return true;
}

size_t neap_integer_scan(const char *text, size_t n, int64_t *out) {
  const char *p = text, *end = text + n;
  bool negative = n && *p == '-';
  if (n && (*p == '-' || *p == '+')) p++;
  const char *from = p;
  uint64_t v = 0, limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
  p = take_digits(p, end, &v);
  if (p == from) return 0;
  while (p - from > 19 && *from == '0') from++;
  if (p - from > 19 || v > limit) return 0; /* 19 digits are less than 2^64 */
  *out = negative ? (int64_t)(0 - v) : (int64_t)v;
  return (size_t)(p - text);
}

bool neap_integer_parse(const char *text, size_t n, int64_t *out) {
  int64_t v;
  if (n == 0 || neap_integer_scan(text, n, &v) != n) return false;
  *out = v;
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

/* What is printed: digits enough for the double, 17 of them, or enough for the float that it is. */
typedef enum { FOR_DOUBLE, SEVENTEEN, FOR_FLOAT } precision;

/* v 10^k and its rounding interval, all times 2^shift; v 10^k lies in [1e16, 1e17). */
typedef struct {
  uint128 value, low, high;
  int shift, k;
  bool closed; /* the borders themselves round to v */
} scaled;

static scaled scale_at(uint64_t m, int e, int k, precision how) {
  int coarse = how == FOR_FLOAT ? 29 : 0; /* the last bits of m, which a float has not */
  scaled s = {.k = k, .shift = 2 - e - k, .closed = (m >> coarse & 1) == 0};
  uint128 five = power_of_five[k];
  bool lower_is_nearer = m == (uint64_t)1 << 52; /* below a power of two numbers lie denser */
  s.value = 4 * m * five;
  s.low = (4 * m - ((uint64_t)(lower_is_nearer ? 1 : 2) << coarse)) * five;
  s.high = (4 * m + ((uint64_t)2 << coarse)) * five;
  if (s.shift >= 0) return s;
  s.value <<= -s.shift, s.low <<= -s.shift, s.high <<= -s.shift;
  s.shift = 0;
  return s;
}

/* False when v lies outside [1e-11, 1e17), where 128 bits do not suffice. */
static bool scale_up(double v, precision how, scaled *s) {
  if (!(v >= 1e-11 && v < 1e17)) return false;
  int e;
  uint64_t m = (uint64_t)ldexp(frexp(v, &e), 53);
  int k = 16 - (int)floor((e - 1) * 0.30102999566398120); /* one too large at most */
  if (k > MAX_FIVE) k = MAX_FIVE;
  *s = scale_at(m, e - 53, k, how);
  if ((uint64_t)(s->value >> s->shift) >= 100000000000000000u) *s = scale_at(m, e - 53, k - 1, how);
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
static short_decimal print_slowly(double v, precision how) {
  char text[40];
  pthread_once(&c_locale_once, make_c_locale);
  locale_t before = c_locale ? uselocale(c_locale) : (locale_t)0;
  for (int digits = how == SEVENTEEN ? 17 : 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*e", digits - 1, v);
    double back = strtod(text, NULL);
    if (back == v || (how == FOR_FLOAT && (double)(float)back == v)) break;
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

static size_t print(char out[32], double v, precision how) {
  size_t at = 0;
  if (signbit(v) && !isnan(v)) out[at++] = '-';
  v = fabs(v);
  if (isnan(v)) at += put_word(out + at, "nan");
  else if (isinf(v)) at += put_word(out + at, "inf");
  else if (v == 0) at += put_word(out + at, "0");
  else {
    scaled s;
    short_decimal d = !scale_up(v, how, &s) ? print_slowly(v, how)
                      : how == SEVENTEEN    ? trimmed(nearest_multiple(&s, 1), s.k)
                                            : shortest(&s);
    bool plain = d.exponent > -5 && d.exponent <= 17;
    at += plain ? put_plain(out + at, d) : put_scientific(out + at, d);
  }
  out[at] = 0;
  return at;
}

size_t neap_number_print(char out[32], double v) { return print(out, v, FOR_DOUBLE); }
size_t neap_number_print_17(char out[32], double v) { return print(out, v, SEVENTEEN); }
size_t neap_number_print_float(char out[32], float v) { return print(out, v, FOR_FLOAT); }

size_t neap_integer_print(char out[32], int64_t v) {
  size_t at = 0;
  if (v < 0) out[at++] = '-';
  at += put_integer(out + at, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
  out[at] = 0;
  return at;
}
