/* plot.h — what C does about charts: SVG text to PNG bytes, or to what a terminal draws.
 *
 * Drawn by librsvg and cairo, which are opened on first use, so that a program without charts pays
 * nothing and runs where they are not installed. */
#ifndef NEAP_PLOT_PLOT_H
#define NEAP_PLOT_PLOT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Draw the SVG document text[n] at scale pixels per unit. On success *png holds *bytes bytes of a
 * PNG file, to be freed with neap_free. Errors: librsvg absent, text that is no SVG, an image above
 * 16384 pixels a side. */
neap_status neap_plot_png(uint8_t **png, int64_t *bytes, const char *text, size_t n, double scale);

/* The same as sixels: text that a terminal draws, in the nearest of 240 colours. */
neap_status neap_plot_sixel(uint8_t **sixel, int64_t *bytes, const char *text, size_t n,
                            double scale);

#endif
