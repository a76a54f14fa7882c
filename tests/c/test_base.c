#include "check.h"

#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"

#include <math.h>

static void philox_matches_published_vector(void **state) {
  (void)state; /* Random123 kat_vectors: philox4x32-10, all-zero and all-one counter and key */
  neap_rng zero = neap_rng_make(0);
  assert_true(neap_rng_bits_at(&zero, 0) == 0xe169c58d6627e8d5u);
  assert_true(neap_rng_block_at(&zero, 0).high == 0x9b00dbd8bc57ac4cu);
  neap_rng ones = {.seed = UINT64_MAX, .stream = UINT64_MAX};
  assert_true(neap_rng_bits_at(&ones, UINT64_MAX) == 0x41c83b0e408f276du);
}

static void messages_show_nan_without_a_sign(void **state) {
  (void)state;
  double below = -NAN;
  assert_int_equal(neap_fail(NEAP_EVALUE, "x is %g, y is %g", below, below), NEAP_EVALUE);
  assert_string_equal(neap_last_error(), "x is nan, y is nan");
}

static void streams_split_by_name(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(7);
  neap_rng a = neap_rng_split(&r, "fold/1", 6);
  neap_rng_uniform(&r);
  neap_rng b = neap_rng_split(&r, "fold/1", 6), c = neap_rng_split(&r, "fold/2", 6);
  assert_true(a.stream == b.stream);
  assert_true(a.stream != c.stream);
}

static void below_is_in_range_and_even(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(1);
  int count[7] = {0};
  for (int i = 0; i < 70000; i++) count[neap_rng_below(&r, 7)]++;
  for (int k = 0; k < 7; k++) assert_in_range(count[k], 9600, 10400);
}

/* Of 3 * 2^62 numbers each third is as likely, where a product alone favours every third number. */
static void below_is_even_in_wide_ranges(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(2);
  int count[3] = {0}, rest[3] = {0};
  for (int i = 0; i < 30000; i++) {
    uint64_t k = neap_rng_below(&r, (uint64_t)3 << 62);
    count[k >> 62]++;
    rest[k % 3]++;
  }
  for (int k = 0; k < 3; k++) {
    assert_in_range(count[k], 9600, 10400);
    assert_in_range(rest[k], 9600, 10400);
  }
  assert_int_equal(r.next, 30000);
}

static void substreams_differ(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(7), sub[3];
  for (uint64_t k = 0; k < 3; k++) sub[k] = neap_rng_sub(&r, k);
  assert_true(sub[0].stream == r.stream);
  assert_true(sub[1].stream != r.stream && sub[1].stream != sub[2].stream);
  assert_true(neap_rng_bits_at(&sub[1], 5) != neap_rng_bits_at(&sub[2], 5));
}

static neap_status fill_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  int64_t *x = ctx;
  for (int64_t i = begin; i < end; i++) x[i] = chunk;
  return NEAP_OK;
}

static void chunks_depend_on_size_only(void **state) {
  (void)state;
  static int64_t x[10007];
  for (int threads = 1; threads <= 4; threads++) {
    assert_ok(neap_set_threads(threads));
    memset(x, 255, sizeof x);
    assert_ok(neap_parallel_for(10007, 100, fill_chunk, x));
    for (int i = 0; i < 10007; i++) assert_int_equal(x[i], i / 100);
  }
}

static neap_status fail_from_40(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)ctx;
  (void)begin;
  (void)end;
  return chunk >= 40 ? neap_fail(NEAP_EVALUE, "chunk %d", (int)chunk) : NEAP_OK;
}

static void lowest_failing_chunk_is_reported(void **state) {
  (void)state;
  assert_ok(neap_set_threads(4));
  for (int i = 0; i < 200; i++)
    assert_fails(neap_parallel_for(1000, 1, fail_from_40, NULL), NEAP_EVALUE, "chunk 40");
}

static neap_status nested(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)begin;
  (void)end;
  return neap_parallel_for(100, 10, fill_chunk, (int64_t *)ctx + 100 * chunk);
}

static void nested_calls_run_serially(void **state) {
  (void)state;
  int64_t x[400];
  assert_ok(neap_parallel_for(4, 1, nested, x));
  for (int i = 0; i < 400; i++) assert_int_equal(x[i], i % 100 / 10);
}

static void interrupt_stops_a_loop(void **state) {
  (void)state;
  int64_t x[100];
  neap_interrupt_raise();
  assert_fails(neap_parallel_for(100, 1, fill_chunk, x), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
  assert_ok(neap_parallel_for(100, 1, fill_chunk, x));
}

static void allocation_is_counted_and_aligned(void **state) {
  (void)state;
  int64_t live = neap_alloc_live();
  void *p = neap_alloc(1000);
  assert_int_equal(neap_alloc_live() - live, 1000);
  assert_int_equal((uintptr_t)p % 64, 0);
  p = neap_realloc_array(p, 500, 4);
  assert_int_equal(neap_alloc_live() - live, 2000);
  neap_free(p);
  assert_int_equal(neap_alloc_live(), live);
  assert_null(neap_alloc_array(INT64_MAX / 2, 8));
  assert_null(neap_alloc_array(-1, 8));
}

static void every_site_fails_once(void **state) {
  (void)state;
  int rounds = 0;
  with_every_allocation_failing({
    void *a = neap_alloc(10);
    void *b = a ? neap_alloc(10) : NULL;
    neap_free(b);
    neap_free(a);
    rounds++;
  });
  assert_int_equal(rounds, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(philox_matches_published_vector),
      cmocka_unit_test(messages_show_nan_without_a_sign),
      cmocka_unit_test(streams_split_by_name),
      cmocka_unit_test(below_is_in_range_and_even),
      cmocka_unit_test(below_is_even_in_wide_ranges),
      cmocka_unit_test(substreams_differ),
      cmocka_unit_test(chunks_depend_on_size_only),
      cmocka_unit_test(lowest_failing_chunk_is_reported),
      cmocka_unit_test(nested_calls_run_serially),
      cmocka_unit_test(interrupt_stops_a_loop),
      cmocka_unit_test(allocation_is_counted_and_aligned),
      cmocka_unit_test(every_site_fails_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
