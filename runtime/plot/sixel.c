#include "plot/sixel.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"

enum { BAND = 6, CUBE = 6, GREYS = 24, COLORS = CUBE * CUBE * CUBE + GREYS };

neap_status neap__append(neap__output *out, const void *data, int64_t n) {
  if (out->used + n > out->room) {
    int64_t room = 2 * out->room + n;
    uint8_t *more = neap_realloc_array(out->data, room, 1);
    if (!more) return NEAP_ENOMEM;
    out->data = more;
    out->room = room;
  }
  memcpy(out->data + out->used, data, (size_t)n);
  out->used += n;
  return NEAP_OK;
}

/* Red, green and blue of a colour, 0 to 255: steps of 51, then greys from 8 on by 10. */
static void color_of(int index, int rgb[3]) {
  if (index >= COLORS - GREYS) rgb[0] = rgb[1] = rgb[2] = 8 + 10 * (index - COLORS + GREYS);
  else {
    rgb[0] = index / (CUBE * CUBE) * 51;
    rgb[1] = index / CUBE % CUBE * 51;
    rgb[2] = index % CUBE * 51;
  }
}

static int distance(const int a[3], const int b[3]) {
  int d = 0;
  for (int k = 0; k < 3; k++) d += (a[k] - b[k]) * (a[k] - b[k]);
  return d;
}

static int nearest_color(uint32_t pixel) {
  int white = 255 - (int)(pixel >> 24), rgb[3], near[3], grey[3], step[3];
  for (int k = 0; k < 3; k++) {
    rgb[k] = (int)(pixel >> (16 - 8 * k) & 255) + white;
    step[k] = (rgb[k] + 25) / 51 > 5 ? 5 : (rgb[k] + 25) / 51;
  }
  int cube = (step[0] * CUBE + step[1]) * CUBE + step[2];
  int tone = ((rgb[0] + rgb[1] + rgb[2]) / 3 - 3) / 10;
  int shade = COLORS - GREYS + (tone < 0 ? 0 : tone >= GREYS ? GREYS - 1 : tone);
  color_of(cube, near);
  color_of(shade, grey);
  return distance(rgb, grey) < distance(rgb, near) ? shade : cube;
}

/* n times the character whose low six bits say which of the six pixels are set. */
static neap_status put_run(neap__output *out, int bits, int n) {
  char text[16], c = (char)(63 + bits);
  int length = n > 3 ? snprintf(text, sizeof text, "!%d%c", n, c) : n;
  if (n <= 3) memset(text, c, sizeof text);
  return neap__append(out, text, length);
}

/* The pixels of one colour in a band, up to the last. */
static neap_status put_color(neap__output *out, const uint8_t *band, int width, int rows,
                             int color) {
  char text[16];
  int run = 0, last = 0;
  NEAP_TRY(neap__append(out, text, snprintf(text, sizeof text, "#%d", color)));
  for (int x = 0; x < width; x++, run++) {
    int bits = 0;
    for (int y = 0; y < rows; y++) bits |= (band[y * width + x] == color) << y;
    if (bits == last) continue;
    NEAP_TRY(put_run(out, last, run));
    last = bits;
    run = 0;
  }
  if (last) NEAP_TRY(put_run(out, last, run));
  return neap__append(out, "$", 1);
}

static neap_status put_band(neap__output *out, const uint8_t *band, int width, int rows) {
  bool used[COLORS] = {false};
  for (int i = 0; i < width * rows; i++) used[band[i]] = true;
  for (int c = 0; c < COLORS; c++)
    if (used[c]) NEAP_TRY(put_color(out, band, width, rows, c));
  return neap__append(out, "-", 1);
}

/* Colours are told in hundredths. */
static neap_status put_palette(neap__output *out, const uint8_t *colors, int64_t n) {
  bool used[COLORS] = {false};
  for (int64_t i = 0; i < n; i++) used[colors[i]] = true;
  for (int c = 0; c < COLORS; c++) {
    char text[32];
    int rgb[3];
    color_of(c, rgb);
    for (int k = 0; k < 3; k++) rgb[k] = (rgb[k] * 100 + 127) / 255;
    int length = snprintf(text, sizeof text, "#%d;2;%d;%d;%d", c, rgb[0], rgb[1], rgb[2]);
    if (used[c]) NEAP_TRY(neap__append(out, text, length));
  }
  return NEAP_OK;
}

static void choose_colors(uint8_t *colors, const uint8_t *pixels, int width, int height,
                          int stride) {
  uint32_t last = 0;
  int color = nearest_color(last);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      uint32_t pixel;
      memcpy(&pixel, pixels + (int64_t)y * stride + 4 * x, sizeof pixel);
      if (pixel != last) color = nearest_color(last = pixel);
      *colors++ = (uint8_t)color;
    }
}

neap_status neap__sixel(neap__output *out, const uint8_t *pixels, int width, int height,
                        int stride) {
  char text[64];
  int64_t n = (int64_t)width * height;
  uint8_t *colors = neap_alloc_array(n, 1);
  if (!colors) return NEAP_ENOMEM;
  choose_colors(colors, pixels, width, height, stride);
  int length = snprintf(text, sizeof text, "\033P0;1q\"1;1;%d;%d", width, height);
  neap_status st = neap__append(out, text, length);
  if (!st) st = put_palette(out, colors, n);
  for (int y = 0; !st && y < height; y += BAND) {
    int rows = height - y < BAND ? height - y : BAND;
    st = neap_interrupt_check();
    if (!st) st = put_band(out, colors + (int64_t)y * width, width, rows);
  }
  if (!st) st = neap__append(out, "\033\\", 2);
  neap_free(colors);
  return st;
}
