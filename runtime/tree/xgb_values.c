/* Values of XGBoost's JSON: members of objects, numbers, arrays of them, each checked. */
#include <float.h>
#include <math.h>

#include "base/number.h"
#include "tree/xgb_reader.h"

neap_status neap__xgb_kind(const neap__xgb_reader *r, const char *value, neap_json_kind kind) {
  static const char *const kinds[] = {"an object", "an array", "a string", "a number", "a word"};
  if (neap_json_kind_of(value) == kind) return NEAP_OK;
  return BAD(r, value, "expected %s", kinds[kind]);
}

neap_status neap__xgb_gather(const neap__xgb_reader *r, const char *object,
                             const neap__xgb_field *fields, int n) {
  for (neap_json_items i = neap_json_open(object); neap_json_next(&i);)
    for (int k = 0; k < n; k++)
      if (neap_json_equals(i.key, fields[k].name)) {
        if (*fields[k].value) return BAD(r, i.key, "appears twice");
        NEAP_TRY(neap__xgb_kind(r, i.value, fields[k].kind));
        *fields[k].value = i.value;
      }
  for (int k = 0; k < n; k++)
    if (fields[k].needed && !*fields[k].value)
      return BAD(r, object, "'%s' is missing", fields[k].name);
  return NEAP_OK;
}

int neap__xgb_shown(size_t n) { return n < 40 ? (int)n : 40; }

neap_status neap__xgb_integer(const neap__xgb_reader *r, const char *string, int64_t low,
                              int64_t high, int64_t *out) {
  if (!neap_integer_parse(string + 1, neap_json_length(string), out))
    return BAD(r, string, "'%.*s' is not an integer", neap__xgb_shown(neap_json_length(string)),
               string + 1);
  if (*out < low || *out > high)
    return BAD(r, string, "%lld is outside %lld to %lld", (long long)*out, (long long)low,
               (long long)high);
  return NEAP_OK;
}

neap_status neap__xgb_optional(const neap__xgb_reader *r, const char *string, int64_t low,
                               int64_t high, int64_t *out) {
  return string ? neap__xgb_integer(r, string, low, high, out) : NEAP_OK;
}

/* arrays --------------------------------------------------------------------------------------- */

neap_status neap__xgb_count(const neap__xgb_reader *r, const char *array, int64_t n,
                            const char *what) {
  int64_t given = neap_json_count(array);
  if (given == n) return NEAP_OK;
  return BAD(r, array, "%lld entries for %lld %s", (long long)given, (long long)n, what);
}

neap_status neap__xgb_floats(const neap__xgb_reader *r, const char *array, int64_t n, bool nan,
                             double *out) {
  int64_t given = 0;
  for (neap_json_items i = neap_json_open(array); given <= n && neap_json_next(&i);
       given++, out++) {
    if (given == n) continue;
    NEAP_TRY(neap__xgb_kind(r, i.value, NEAP_JSON_NUMBER));
    *out = neap_json_number(&r->json, i.value);
    if (!(fabs(*out) <= FLT_MAX) && !(nan && isnan(*out)))
      return BAD(r, i.value, "is outside the range of floats");
    *out = (double)(float)*out;
  }
  return given == n ? NEAP_OK : neap__xgb_count(r, array, n, "nodes");
}

neap_status neap__xgb_integers(const neap__xgb_reader *r, const char *array, int64_t n,
                               const char *what, int64_t low, int64_t high, int32_t *out) {
  int64_t given = 0;
  for (neap_json_items i = neap_json_open(array); given <= n && neap_json_next(&i);
       given++, out++) {
    if (given == n) continue;
    if (high == 1 && (*i.value == 't' || *i.value == 'f')) {
      *out = *i.value == 't';
      continue;
    }
    NEAP_TRY(neap__xgb_kind(r, i.value, NEAP_JSON_NUMBER));
    double v = neap_json_number(&r->json, i.value);
    if (!(v >= (double)low && v <= (double)high && v == floor(v)))
      return BAD(r, i.value, "%.15g is no integer from %lld to %lld", v, (long long)low,
                 (long long)high);
    *out = (int32_t)v;
  }
  return given == n ? NEAP_OK : neap__xgb_count(r, array, n, what);
}

const char *neap__xgb_item(const char *array, int64_t index) {
  neap_json_items i = neap_json_open(array);
  for (int64_t k = 0; k <= index; k++) neap_json_next(&i);
  return i.value;
}
