/* conv_core.h — convolutions on plain arrays, private to nn. Places have their channels side by
 * side: x is [batch, lines, places, channels], contiguous; a sequence is lines of one place each.
 *
 * A convolution is a sum over taps (kern.h) of rows that lie where x has them; only lines that
 * reach into the padding are copied, with zeros around. The gradient of x is again one: per residue
 * of the stride the taps that reach it, turned round. The gradient of the weights is, tap by tap, a
 * product of x' and the gradient. Work is cut into blocks of lines of one sample, by sizes alone.
 */
#ifndef NEAP_NN_CONV_CORE_H
#define NEAP_NN_CONV_CORE_H

#include "kern/kern.h"

/* Along one dimension: tap t of output o reads input o stride - before + t dilation. */
typedef struct {
  int64_t in, out, taps, stride, dilation, before;
} neap__axis;

/* channels and features are those of one group. */
typedef struct {
  neap_dtype dtype;
  int64_t batch, groups, channels, features;
  neap__axis axis[2];
} neap__conv;

/* One convolution without holes in what it writes to: along each dimension output o < count reads
 * from + o step + t reach for t < taps, and is written at to + o spread. Tap t has the weights of
 * tap last - t skip of the convolution. */
typedef struct {
  int64_t count, from, step, taps, reach, to, spread, last, skip;
} neap__course;
typedef struct {
  neap__course course[2];
  int64_t inputs, outputs; /* channels of a group read, and written */
  const char *weights;     /* packed, group after group */
} neap__sweep;

/* Does every channel make one feature of its own? Then channels are worked on side by side. */
bool neap__conv_by_lane(const neap__conv *c);

/* The forward sweep; and how many sweeps give the gradient of x, the i-th one. */
neap__sweep neap__conv_forward_sweep(const neap__conv *c);
int64_t neap__conv_back_sweeps(const neap__conv *c);
neap__sweep neap__conv_back_sweep(const neap__conv *c, int64_t i);

/* Elements that the packed weights of a sweep take, and packing: w is [features of all groups]
 * [channels][taps], bias (NULL: zeros) has an element for each channel that is written. Back says
 * whether the sweep is one of the gradient's. Forward, room holds taps x channels x panel elements.
 */
int64_t neap__conv_packed(const neap__conv *c, const neap__sweep *s, const neap_kern *k);
void neap__conv_pack(const neap__conv *c, neap__sweep *s, const neap_kern *k, bool back,
                     const void *w, const void *bias, char *z, char *room);

/* Part of an input: element (lo[0], lo[1], first channel) is at data. */
typedef struct {
  const char *data;
  int64_t lo[2], line, place;
} neap__window;

/* What sums over the taps of a sweep read and write in one call: m rows xs and ys apart, and so for
 * each of lines, xline and yline apart. Rows of whole lines are joined where memory allows. */
typedef struct {
  neap_taps taps;
  int64_t m, xs, ys, lines, xline, yline;
} neap__conv_stretch;
neap__conv_stretch neap__conv_rows(const neap__sweep *s, int64_t lines, int64_t line, int64_t place,
                                   int64_t yline, int64_t yplace);

/* The lines from lo[0] to hi[0] and places from lo[1] to hi[1] of one sample x of lines x places x
 * channels: the very array, or a copy in room with zeros outside of x. With a bend always a copy,
 * of the gradient x passed back through the activation whose result is y. */
typedef struct {
  int64_t lines, places, channels;
  neap_dtype dtype;
  neap_bend bend;
  double slope;
  bool copy; /* in any case */
} neap__source;
neap__window neap__conv_window(const neap__source *s, const neap_kern *k, const char *x,
                               const char *y, const int64_t lo[2], const int64_t hi[2], char *room);

/* Outputs of lines begin to end - 1 of a sweep, all groups; y is the sample written to. */
void neap__conv_sweep(const neap__conv *c, const neap__sweep *s, const neap_kern *k,
                      const neap__window *x, int64_t begin, int64_t end, char *y, int64_t yline,
                      int64_t yplace, const double *slope);

/* Lines begin to end - 1 of a forward sweep in three pieces, some empty, from at[i] to at[i + 1]:
 * only the first and the last read what x does not have, unless the places do, or the whole is
 * little. */
void neap__conv_cut(const neap__conv *c, const neap__sweep *s, int64_t begin, int64_t end,
                    int64_t at[4]);

/* How many lines of output make a block of a sample; is the whole too little work to be shared? */
int64_t neap__conv_block(const neap__conv *c);
bool neap__conv_small(const neap__conv *c);

typedef struct {
  const void *x, *w, *bias; /* bias may be NULL */
  void *y;
  neap_bend bend;
  double slope;
} neap__conv_out;

/* y = the activation of the convolution. */
neap_status neap__conv_forward(const neap__conv *c, const neap__conv_out *o);

/* Gradients from g, that of y; each of dx, dw and db may be NULL. dx begins from bias, unless that
 * is NULL: this way it is the transposed convolution of g. With a bend y is read too. dx may
 * be g where neap__conv_in_place allows it. */
typedef struct {
  const void *x, *w, *y, *g, *bias;
  void *dx, *dw, *db;
  neap_bend bend;
  double slope;
} neap__conv_gradient;
neap_status neap__conv_backward(const neap__conv *c, const neap__conv_gradient *g);

/* Has a sample of x the size of one of y, small enough to be worked on as a whole? */
bool neap__conv_in_place(const neap__conv *c);

#endif
