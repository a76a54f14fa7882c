#include "check.h"

#include "plot/plot.h"
#include "plot/sixel.h"

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

static void svg_becomes_sixels(void **state) {
  (void)state;
  uint8_t *sixel;
  int64_t bytes;
  assert_ok(neap_plot_sixel(&sixel, &bytes, square, strlen(square), 2));
  const char want[] = "\033P0;1q\"1;1;16;8#180;2;100;0;0#180!16~$-#180!16B$-\033\\";
  assert_int_equal(bytes, sizeof want - 1);
  assert_memory_equal(sixel, want, sizeof want - 1);
  neap_free(sixel);
}

/* Two pixels of each colour; what is clear shows white. */
static void pixels_become_the_nearest_colors(void **state) {
  (void)state;
  const uint32_t pixels[2][10] = {
      {0, 0, 0xff000000, 0xff000000, 0xff0072b2, 0xff0072b2, 0xff808080, 0xff808080, 0x80000000, 0},
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff000000}};
  neap__output out = {0};
  assert_ok(neap__sixel(&out, (const uint8_t *)pixels, 10, 2, sizeof pixels[0]));
  const char want[] = "\033P0;1q\"1;1;10;2"
                      "#0;2;0;0;0#15;2;0;40;60#215;2;100;100;100#228;2;50;50;50"
                      "#0??@@!5?A$#15!4?@@$#215BB!7A@$#228!6?@@@$-\033\\";
  out.data[out.used - 1] = 0;
  if (out.used != sizeof want - 1 || memcmp(out.data, want, sizeof want - 2) != 0)
    fail_msg("%s", (const char *)out.data);
  neap_free(out.data);
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
    if (!neap_plot_sixel(&png, &bytes, square, strlen(square), 1)) neap_free(png);
  });
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(svg_becomes_png_of_scaled_size),
      cmocka_unit_test(svg_becomes_sixels),
      cmocka_unit_test(pixels_become_the_nearest_colors),
      cmocka_unit_test(bad_documents_are_refused),
      cmocka_unit_test(memory_is_given_back_when_it_runs_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
