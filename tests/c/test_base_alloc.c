/* The pooled allocator: what it promises in base/alloc.h. */
#include "check.h"

#include "base/pool.h"

enum { KB = 1 << 10, MB = 1 << 20 };

static const int64_t sizes[] = {0,          1,      63,     64,   65,     127, 128,          1000,
                                1024,       1025,   4096,   8192, 100000, MB,  2 * MB - 129, 2 * MB,
                                2 * MB + 1, 5 * MB, 33 * MB};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void every_size_is_aligned_writable_and_counted(void **state) {
  (void)state;
  for (int i = 0; i < SIZES; i++) {
    int64_t live = neap_alloc_live();
    for (int round = 0; round < 3; round++) { /* fresh, and out of the lists */
      char *p = neap_alloc(sizes[i]);
      assert_non_null(p);
      assert_int_equal((uintptr_t)p % 64, 0);
      assert_int_equal(neap_alloc_live(), live + sizes[i]);
      assert_true(neap_alloc_peak() >= neap_alloc_live());
      memset(p, 255, (size_t)sizes[i]);
      neap_free(p);
      assert_int_equal(neap_alloc_live(), live);
    }
  }
}

static void zeros_are_zeros_in_a_used_block(void **state) {
  (void)state;
  for (int i = 0; i < SIZES; i++)
    for (int round = 0; round < 3; round++) {
      char *p = neap_calloc_array(sizes[i], 1);
      for (int64_t k = 0; k < sizes[i]; k++)
        if (p[k]) fail_msg("byte %lld of %lld is not zero", (long long)k, (long long)sizes[i]);
      memset(p, 255, (size_t)sizes[i]);
      neap_free(p);
    }
}

static void blocks_do_not_overlap(void **state) {
  (void)state;
  enum { N = 400 };
  static unsigned char *p[N];
  static int64_t n[N];
  uint64_t random = 7;
  for (int step = 0; step < 20000; step++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    int k = (int)(random >> 40) % N;
    for (int64_t i = 0; i < n[k]; i++) assert_int_equal(p[k][i], k % 251);
    neap_free(p[k]);
    n[k] = (int64_t)(random >> 33) % 3000;
    p[k] = neap_alloc(n[k]);
    assert_non_null(p[k]);
    memset(p[k], k % 251, (size_t)n[k]);
  }
  for (int k = 0; k < N; k++) neap_free(p[k]);
}

static void a_freed_block_is_used_again(void **state) {
  (void)state;
  if (!NEAP_ALLOC_POOLED) skip();
  for (int i = 0; i < SIZES; i++) {
    void *p = neap_alloc(sizes[i]);
    neap_free(p);
    int64_t cached = neap_alloc_cached();
    assert_true(cached >= sizes[i]);
    void *q = neap_alloc(sizes[i]);
    assert_ptr_equal(p, q);
    int64_t taken = cached - neap_alloc_cached();
    assert_true(taken >= sizes[i] && taken <= sizes[i] + sizes[i] / 8 + 256);
    neap_free(q);
  }
}

static void resizing_keeps_contents(void **state) {
  (void)state;
  int64_t live = neap_alloc_live();
  unsigned char *p = NULL;
  for (int64_t n = 1; n < 3 * MB; n += n / 3 + 1) {
    p = neap_realloc_array(p, n, 1);
    assert_int_equal(neap_alloc_live(), live + n);
    p[n - 1] = (unsigned char)(n % 251);
    for (int64_t k = 1; k <= n; k += k / 3 + 1) assert_int_equal(p[k - 1], k % 251);
  }
  for (int64_t n = 2 * MB; n > 0; n = n / 2) {
    p = neap_realloc_array(p, n, 1);
    assert_int_equal(neap_alloc_live(), live + n);
    assert_int_equal(p[0], 1);
  }
  assert_null(neap_realloc_array(p, INT64_MAX, 8));
  assert_null(neap_realloc_array(p, -1, 8));
  neap_free(p);
  assert_int_equal(neap_alloc_live(), live);
}

static void what_is_kept_is_bounded_and_given_back(void **state) {
  (void)state;
  enum { N = 200 };
  void *p[N];
  neap_alloc_trim();
  assert_int_equal(neap_alloc_cached(), 0);
  int64_t before = neap_alloc_live();
  for (int k = 0; k < N; k++) p[k] = neap_alloc(MB);
  for (int k = 0; k < N; k++) {
    neap_free(p[k]);
    int64_t live = neap_alloc_live(), cached = neap_alloc_cached();
    assert_true(cached <= (live > 64 * MB ? live : 64 * MB));
    assert_true(cached == 0 || live + cached <= 96 * MB);
  }
  assert_int_equal(neap_alloc_live(), before);
  int64_t kept = neap_alloc_cached();
  if (NEAP_ALLOC_POOLED) assert_true(kept > 48 * MB && kept <= 64 * MB);
  else assert_int_equal(kept, 0);
  assert_int_equal(neap_alloc_trim(), kept);
  assert_int_equal(neap_alloc_cached(), 0);
}

static void the_goal_widens_the_bound_and_comes_down_with_use(void **state) {
  (void)state;
  void *p[5];
  neap_alloc_trim();
  for (int k = 0; k < 5; k++) p[k] = neap_alloc(40 * MB);
  assert_true(neap_alloc_past_goal());
  neap_alloc_set_goal(2 * neap_alloc_live());
  assert_false(neap_alloc_past_goal());
  for (int k = 0; k < 2; k++) neap_free(p[k]); /* 120 MB stay live */
  if (NEAP_ALLOC_POOLED) assert_true(neap_alloc_cached() >= 80 * MB);
  for (int k = 2; k < 5; k++) neap_free(p[k]);
  assert_true(neap_alloc_cached() <= 64 * MB);
  void *q = neap_alloc(100 * MB);
  assert_true(neap_alloc_past_goal()); /* it came down with what was freed */
  neap_free(q);
}

static void as_much_as_is_alive_can_be_garbage_and_come_back(void **state) {
  (void)state;
  if (!NEAP_ALLOC_POOLED) skip();
  enum { N = 8 };
  const int64_t bytes = 20000064; /* well below what its class could hold */
  void *p[N], *again[N / 2];
  neap_alloc_trim();
  for (int k = 0; k < N; k++) p[k] = neap_alloc(bytes);
  neap_alloc_set_goal(neap_alloc_live());
  for (int k = 0; k < N / 2; k++) neap_free(p[k]);
  assert_int_equal(neap_alloc_cached(), N / 2 * bytes);
  for (int k = 0; k < N / 2; k++) again[k] = neap_alloc(bytes);
  assert_int_equal(neap_alloc_cached(), 0);
  for (int k = 0; k < N / 2; k++) neap_free(again[k]);
  for (int k = N / 2; k < N; k++) neap_free(p[k]);
}

static void sizes_out_of_use_make_room_first(void **state) {
  (void)state;
  if (!NEAP_ALLOC_POOLED) skip();
  neap_alloc_trim();
  void *old = neap_alloc(40 * MB);
  neap_free(old);
  void *p = neap_alloc(30 * MB);
  neap_free(p); /* no room for both */
  assert_true(neap_alloc_cached() < 40 * MB);
  assert_ptr_equal(neap_alloc(30 * MB), p);
  assert_int_equal(neap_alloc_cached(), 0);
  neap_free(p);
}

static void impossible_sizes_are_refused_and_not_counted(void **state) {
  (void)state;
  int64_t live = neap_alloc_live(), peak = neap_alloc_peak();
  static const size_t huge[] = {SIZE_MAX,        SIZE_MAX / 2,          SIZE_MAX / 4,
                                (size_t)1 << 60, ((size_t)1 << 47) + 1, (size_t)1 << 47};
  for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) assert_null(neap_alloc(huge[i]));
  assert_non_null(strstr(neap_last_error(), "out of memory: 140737488355328 bytes"));
  assert_int_equal(neap_alloc_live(), live);
  assert_int_equal(neap_alloc_peak(), peak);
}

static bool refuse(void *ctx) {
  ++*(int *)ctx;
  return true;
}

static void a_refusal_gives_back_what_is_kept_and_asks_for_a_collection(void **state) {
  (void)state;
  int asked = 0;
  neap_free(neap_alloc(10 * MB));
  neap_alloc_set_reclaim(refuse, &asked);
  assert_null(neap_alloc((size_t)1 << 47));
  neap_alloc_set_reclaim(NULL, NULL);
  assert_int_equal(asked, 1);
  assert_int_equal(neap_alloc_cached(), 0);
}

static void every_kind_of_allocation_fails_once(void **state) {
  (void)state;
  int64_t live = neap_alloc_live();
  int complete = 0;
  with_every_allocation_failing({
    void *a = neap_alloc(100);
    void *b = neap_calloc_array(3, 3 * MB);
    void *c = neap_strndup("text", 4);
    void *d = a ? neap_realloc_array(a, 101, 1) : NULL; /* in the same class */
    complete += a && b && c && d;
    neap_free(d ? d : a);
    neap_free(b);
    neap_free(c);
    assert_int_equal(neap_alloc_live(), live);
  });
  assert_int_equal(complete, 1);
}

static neap_status churn(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)ctx;
  unsigned char *held[16] = {NULL};
  size_t n[16];
  uint64_t random = (uint64_t)chunk + 1;
  for (int64_t i = begin; i < end; i++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    int k = (int)(random >> 60);
    if (held[k] && (held[k][0] != (chunk & 255) || held[k][n[k] - 1] != (chunk & 255)))
      return neap_fail(NEAP_EVALUE, "somebody else wrote here");
    neap_free(held[k]);
    n[k] = 1 + (size_t)(random >> 33) % (i % 64 == 0 ? 3 * MB : 4 * KB);
    held[k] = neap_alloc(n[k]);
    if (!held[k]) return NEAP_ENOMEM;
    held[k][0] = held[k][n[k] - 1] = (unsigned char)(chunk & 255);
    if (i % 500 == 0) neap_alloc_trim();
  }
  for (int k = 0; k < 16; k++) neap_free(held[k]);
  return NEAP_OK;
}

static void threads_share_the_pool(void **state) {
  (void)state;
  int64_t live = neap_alloc_live();
  assert_ok(neap_set_threads(8));
  assert_ok(neap_parallel_for(24000, 1000, churn, NULL));
  assert_int_equal(neap_alloc_live(), live);
  assert_true(neap_alloc_cached() <= 64 * MB);
  neap_alloc_trim();
  assert_int_equal(neap_alloc_cached(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_size_is_aligned_writable_and_counted),
      cmocka_unit_test(zeros_are_zeros_in_a_used_block),
      cmocka_unit_test(blocks_do_not_overlap),
      cmocka_unit_test(a_freed_block_is_used_again),
      cmocka_unit_test(resizing_keeps_contents),
      cmocka_unit_test(what_is_kept_is_bounded_and_given_back),
      cmocka_unit_test(the_goal_widens_the_bound_and_comes_down_with_use),
      cmocka_unit_test(as_much_as_is_alive_can_be_garbage_and_come_back),
      cmocka_unit_test(sizes_out_of_use_make_room_first),
      cmocka_unit_test(impossible_sizes_are_refused_and_not_counted),
      cmocka_unit_test(a_refusal_gives_back_what_is_kept_and_asks_for_a_collection),
      cmocka_unit_test(every_kind_of_allocation_fails_once),
      cmocka_unit_test(threads_share_the_pool),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
