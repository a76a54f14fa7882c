/* sixel.h — private to plot: pixels as text that terminals draw (DEC STD 070, chapter 9). */
#ifndef NEAP_PLOT_SIXEL_H
#define NEAP_PLOT_SIXEL_H

#include <stdint.h>

#include "base/status.h"

/* Bytes that grow; data is for neap_free. */
typedef struct {
  uint8_t *data;
  int64_t used, room;
} neap__output;
neap_status neap__append(neap__output *out, const void *data, int64_t n);

/* The pixels, 32 bits each of alpha, red, green and blue premultiplied, in rows of stride bytes,
 * on white, in the nearest of 240 colours: 6 x 6 x 6 and 24 greys. */
neap_status neap__sixel(neap__output *out, const uint8_t *pixels, int width, int height,
                        int stride);

#endif
