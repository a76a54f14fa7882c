#include "check.h"

#include "plot/plot.h"

static const char square[] = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"4\">"
                             "<rect width=\"8\" height=\"4\" fill=\"#ff0000\"/></svg>";

static void svg_becomes_png_of_scaled_size(void **state) {
  (void)state;
  uint8_t *png;
  int64_t bytes;
  assert_ok(neap_plot_png(&png, &bytes, square, strlen(square), 3));
  assert_memory_equal(png, "\x89PNG\r\n\x1a\n", 8);
  assert_memory_equal(png + 16, "\0\0\0\x18\0\0\0\x0c", 8); /* 24 x 12 in the header chunk */
  neap_free(png);
}

static void bad_documents_are_refused(void **state) {
  (void)state;
  uint8_t *png;
  int64_t bytes;
  assert_fails(neap_plot_png(&png, &bytes, "no svg", 6, 1), NEAP_EFORMAT, "no SVG");
  assert_fails(neap_plot_png(&png, &bytes, square, strlen(square), 1e6), NEAP_EARG, "16384");
  assert_fails(neap_plot_png(&png, &bytes, square, strlen(square), 0), NEAP_EARG, "0x0");
  assert_null(png);
}

static void memory_is_given_back_when_it_runs_out(void **state) {
  (void)state;
  with_every_allocation_failing({
    uint8_t *png;
    int64_t bytes;
    if (!neap_plot_png(&png, &bytes, square, strlen(square), 1)) neap_free(png);
  });
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(svg_becomes_png_of_scaled_size),
      cmocka_unit_test(bad_documents_are_refused),
      cmocka_unit_test(memory_is_given_back_when_it_runs_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
