#include "plot/plot.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/library.h"
#include "plot/sixel.h"

enum { MAX_SIDE = 16384, FORMAT_ARGB32 = 0, CAIRO_OK = 0 };

typedef struct {
  double x, y, width, height;
} rectangle;

/* The functions we use, by the names of their libraries. dlsym on librsvg's handle also finds those
 * of cairo and gobject, which it depends on. */
static struct {
  void *(*rsvg_handle_new_from_data)(const uint8_t *, size_t, void **error);
  int (*rsvg_handle_get_intrinsic_size_in_pixels)(void *, double *, double *);
  int (*rsvg_handle_render_document)(void *, void *cairo, const rectangle *, void **error);
  void *(*cairo_image_surface_create)(int format, int width, int height);
  void *(*cairo_create)(void *surface);
  int (*cairo_status)(void *cairo);
  void (*cairo_destroy)(void *cairo);
  void (*cairo_surface_destroy)(void *surface);
  int (*cairo_surface_write_to_png_stream)(void *, int (*)(void *, const uint8_t *, unsigned),
                                           void *);
  void (*cairo_surface_flush)(void *surface);
  uint8_t *(*cairo_image_surface_get_data)(void *surface);
  int (*cairo_image_surface_get_stride)(void *surface);
  void (*g_object_unref)(void *);
  void (*g_error_free)(void *);
} lib;

static neap_status need_library(void) {
  static bool there; /* only the thread of Lua draws */
  static const neap_symbol symbols[] = {
#define SYMBOL(name) {#name, &lib.name}
      SYMBOL(rsvg_handle_new_from_data),
      SYMBOL(rsvg_handle_get_intrinsic_size_in_pixels),
      SYMBOL(rsvg_handle_render_document),
      SYMBOL(cairo_image_surface_create),
      SYMBOL(cairo_create),
      SYMBOL(cairo_status),
      SYMBOL(cairo_destroy),
      SYMBOL(cairo_surface_destroy),
      SYMBOL(cairo_surface_write_to_png_stream),
      SYMBOL(cairo_surface_flush),
      SYMBOL(cairo_image_surface_get_data),
      SYMBOL(cairo_image_surface_get_stride),
      SYMBOL(g_object_unref),
      SYMBOL(g_error_free),
#undef SYMBOL
  };
  if (!there)
    NEAP_TRY(neap_library_open("librsvg-2.so.2", "install the package librsvg2-2", symbols,
                               sizeof symbols / sizeof *symbols));
  there = true;
  return NEAP_OK;
}

/* cairo's writer: nonzero stops it. */
static int append(void *ctx, const uint8_t *data, unsigned n) {
  return neap__append(ctx, data, n) ? 1 : CAIRO_OK;
}

static neap_status encode_png(void *surface, int width, int height, neap__output *out) {
  (void)width, (void)height;
  if (lib.cairo_surface_write_to_png_stream(surface, append, out) == CAIRO_OK) return NEAP_OK;
  return neap_fail(NEAP_ENOMEM, "png: out of memory");
}

static neap_status encode_sixel(void *surface, int width, int height, neap__output *out) {
  lib.cairo_surface_flush(surface);
  return neap__sixel(out, lib.cairo_image_surface_get_data(surface), width, height,
                     lib.cairo_image_surface_get_stride(surface));
}

typedef neap_status (*encoder)(void *surface, int width, int height, neap__output *out);

static neap_status draw(void *svg, int width, int height, encoder encode, neap__output *out) {
  void *surface = lib.cairo_image_surface_create(FORMAT_ARGB32, width, height);
  void *cairo = lib.cairo_create(surface), *error = NULL;
  const rectangle whole = {0, 0, width, height};
  neap_status st = NEAP_OK;
  if (lib.cairo_status(cairo) != CAIRO_OK)
    st = neap_fail(NEAP_ENOMEM, "png: an image of %dx%d pixels does not fit in memory", width,
                   height);
  else if (!lib.rsvg_handle_render_document(svg, cairo, &whole, &error))
    st = neap_fail(NEAP_EFORMAT, "png: the SVG document cannot be drawn");
  else st = encode(surface, width, height, out);
  if (error) lib.g_error_free(error);
  lib.cairo_destroy(cairo);
  lib.cairo_surface_destroy(surface);
  return st;
}

static neap_status draw_scaled(void *svg, double scale, encoder encode, neap__output *out) {
  double width = 0, height = 0;
  if (!lib.rsvg_handle_get_intrinsic_size_in_pixels(svg, &width, &height))
    return neap_fail(NEAP_EFORMAT, "png: the SVG document has no width and height");
  width = ceil(width * scale);
  height = ceil(height * scale);
  if (!(width >= 1 && width <= MAX_SIDE && height >= 1 && height <= MAX_SIDE))
    return neap_fail(NEAP_EARG, "png: %.0fx%.0f pixels, allowed are 1 to %d a side", width, height,
                     MAX_SIDE);
  return draw(svg, (int)width, (int)height, encode, out);
}

static neap_status plot(uint8_t **image, int64_t *bytes, const char *text, size_t n, double scale,
                        encoder encode) {
  *image = NULL;
  *bytes = 0;
  NEAP_TRY(need_library());
  void *error = NULL;
  void *svg = lib.rsvg_handle_new_from_data((const uint8_t *)text, n, &error);
  if (!svg) {
    if (error) lib.g_error_free(error);
    return neap_fail(NEAP_EFORMAT, "png: the text is no SVG document");
  }
  neap__output out = {0};
  neap_status st = draw_scaled(svg, scale, encode, &out);
  lib.g_object_unref(svg);
  if (st) neap_free(out.data);
  else {
    *image = out.data;
    *bytes = out.used;
  }
  return st;
}

neap_status neap_plot_png(uint8_t **png, int64_t *bytes, const char *text, size_t n, double scale) {
  return plot(png, bytes, text, n, scale, encode_png);
}

neap_status neap_plot_sixel(uint8_t **sixel, int64_t *bytes, const char *text, size_t n,
                            double scale) {
  return plot(sixel, bytes, text, n, scale, encode_sixel);
}
