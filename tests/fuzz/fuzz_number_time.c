/* Numbers and times from any bytes: no crash, agreement with strtod, and what was read is printed
 * and read back the same. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/number.h"
#include "base/zone.h"

enum { MAX = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool fact) {
  if (!fact) abort();
}

static bool same_bits(double a, double b) {
  return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

/* strtod of the whole text; false when it stops earlier. It knows more (spaces, hexadecimal,
 * payloads of nan): plain says that the text has none of that. */
static bool by_strtod(const char *text, size_t n, double *out, bool *plain) {
  char *end;
  *plain = strspn(text, "0123456789.eE+-") == n;
  *out = strtod(text, &end);
  return n > 0 && end == text + n;
}

static void check_number(const char *text, size_t n) {
  double v = 0, want, back;
  bool plain, whole = by_strtod(text, n, &want, &plain);
  bool taken = neap_number_parse(text, n, &v);
  if (plain) require(taken == whole);
  if (!taken) return;
  require(whole && same_bits(v, want));
  char printed[32];
  size_t length = neap_number_print(printed, v);
  require(length < 32 && neap_number_parse(printed, length, &back) && same_bits(v, back));
  length = neap_number_print_17(printed, v);
  require(length < 32 && neap_number_parse(printed, length, &back) && same_bits(v, back));
}

static void check_integer(const char *text, size_t n) {
  int64_t v, back;
  if (!neap_integer_parse(text, n, &v)) return;
  double d;
  require(neap_number_parse(text, n, &d) && d == (double)v);
  char printed[32];
  size_t length = neap_integer_print(printed, v);
  require(neap_integer_parse(printed, length, &back) && back == v);
}

/* The raw bits as a double, so that printing sees every magnitude. */
static void check_bits(const char *data, size_t n) {
  if (n < 8) return;
  double v, back;
  char printed[32];
  memcpy(&v, data, sizeof v);
  size_t length = neap_number_print(printed, v);
  require(neap_number_parse(printed, length, &back) && same_bits(v, back));
}

static void check_time(const char *text, size_t n) {
  int64_t ns, back;
  bool zoned;
  if (!neap_time_parse(text, n, &ns, &zoned)) return;
  char printed[40];
  size_t length = neap_time_print(printed, ns);
  require(length < 40 && neap_time_parse(printed, length, &back, &zoned) && back == ns);
  if (ns == NEAP_NAT) return;
  neap_civil c = neap_civil_split(ns);
  require(neap_civil_join(&c, &back) && back == ns);
  const neap_zone *z;
  if (neap_zone_find(&z, "America/New_York")) return;
  length = neap_time_print_at(printed, ns, neap_zone_offset(z, ns) / NEAP_SECOND);
  bool in_range = neap_time_parse(printed, length, &back, &zoned) && back != NEAP_NAT;
  require(!in_range || back == ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  char text[MAX + 1];
  if (n > MAX) n = MAX;
  if (n) memcpy(text, data, n);
  text[n] = 0;
  check_number(text, n);
  check_integer(text, n);
  check_bits(text, n);
  check_time(text, n);
  return 0;
}
