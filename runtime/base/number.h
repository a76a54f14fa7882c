/* number.h — numbers from text and back, the same on every machine and under every locale.
 *
 * Parsing is correctly rounded: the double nearest to the decimal value, ties to even. Printing
 * gives the shortest text that reads back to the same double. strtod and printf follow the user's
 * locale, so no other part of neap calls them on data. Nothing here allocates or fails with a
 * message: a caller that reads a file knows better where the bad text stood. */
#ifndef NEAP_BASE_NUMBER_H
#define NEAP_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* text[0..n) as a double: [+-] digits [. digits] [e [+-] digits], with a digit on at least one side
 * of the point, or nan, inf, infinity in any case. The whole text must be the number: no spaces, no
 * hexadecimal, no thousands separators. Magnitudes beyond the range give inf or 0, as IEEE 754
 * rounds them. False, *out untouched, when it is not a number. text needs no closing zero. */
bool neap_number_parse(const char *text, size_t n, double *out);

/* text[0..n) as [+-] digits that fit in 64 bits; false otherwise, *out untouched. */
bool neap_integer_parse(const char *text, size_t n, int64_t *out);

/* The number that text[0..n) begins with, without words; returns its length, 0 when there is none
 * (or the integer does not fit). Fast where eight bytes more may be read behind the number. */
size_t neap_number_scan(const char *text, size_t n, double *out);
size_t neap_integer_scan(const char *text, size_t n, int64_t *out);

/* v as the shortest decimal that neap_number_parse turns into v again (the nearest to v among
 * those), with a closing zero; returns its length. 1e-5 <= |v| < 1e17 is written plainly (0.1,
 * 27123.45, 3), the rest with an exponent (1e-7, 2.5e20); also nan, inf, -inf, -0. Below 1e-11 and
 * from 1e17 on a few powers of two get one digit more than they need. */
size_t neap_number_print(char out[32], double v);

/* v rounded to 17 significant digits, trailing zeros dropped: what other programs expect of a file
 * that must lose nothing. Forms as above. */
size_t neap_number_print_17(char out[32], double v);

/* v as the shortest decimal whose nearest float is v. Forms as above. */
size_t neap_number_print_float(char out[32], float v);

/* v in decimal, with a closing zero; returns its length. */
size_t neap_integer_print(char out[32], int64_t v);

#endif
