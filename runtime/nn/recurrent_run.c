/* Recurrent layers forwards: for each group of rows and each step the sums of all gates by two
 * products, then the cell (kern/recurrent.h). */
#include "nn/recurrent_group.h"

#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"

/* Multiplications that are worth a thread; bytes of weights that still are near. */
enum { SHARE = 200000, NEAR = 1 << 19 };

int64_t neap__recurrent_groups(const neap__recurrent_plan *p) {
  return neap_parallel_chunks(p->batch, NEAP_ROWS);
}

int64_t neap__packed_columns(const neap_gemm *g, int64_t n) {
  return (n + g->panel - 1) / g->panel * g->panel;
}

void neap__packed_product(const neap_gemm *g, int64_t each, int64_t m, int64_t n, int64_t k,
                          void *c, const void *a, int64_t as, const void *b, bool add) {
  int64_t columns = neap__packed_columns(g, n);
  for (int64_t l = 0; l < k; l += NEAP_STRETCH)
    g->multiply(m, n, at_most(k - l, NEAP_STRETCH), c, n, (const char *)a + l * each, as, 1,
                (const char *)b + l * columns * each, 0, add || l > 0);
}

/* A few rows fill the registers of a product better together with those of later steps, and weights
 * that are far are fetched once for several steps. */
int64_t neap__recurrent_ahead(const neap__recurrent_plan *p, int64_t rows) {
  int64_t steps = NEAP_ROWS / rows;
  if (p->inputs * gates_of(p) * p->each > NEAR) steps *= 8;
  return at_most(steps, p->time);
}

/* Where the input of row r at step s is, or at its last one. */
static const char *input_of(const neap__recurrent_forward *f, const group *g, int64_t r,
                            int64_t s) {
  const neap__recurrent_plan *p = f->plan;
  int64_t t = time_of(g, r, at_most(s, p->length[g->first + r] - 1));
  return f->x + (p->row[g->first + r] * f->x_row + t * f->x_step) * p->each;
}

/* Sums of the inputs of steps s .. s + steps for the active rows, step by step. */
static void input_sums(const neap__recurrent_forward *f, const group *g, int64_t s, int64_t steps,
                       char *x, char *a) {
  const neap__recurrent_plan *p = f->plan;
  int64_t row = p->inputs * p->each;
  char *to = x;
  for (int64_t k = 0; k < steps; k++)
    for (int64_t r = 0; r < g->active; r++, to += row)
      memcpy(to, input_of(f, g, r, s + k), (size_t)row);
  neap__packed_product(&f->kern->gemm[p->dtype], p->each, steps * g->active, gates_of(p), p->inputs,
                       a, x, p->inputs, f->weights[g->direction].ih, false);
}

/* Where h of step s goes, and what is kept of it, in rows from place on. */
static void point_rows(const neap__recurrent_forward *f, const group *g, int64_t s, int64_t place,
                       void **y, void **kept) {
  const neap__recurrent_plan *p = f->plan;
  int d = g->direction;
  for (int64_t r = 0; r < g->active; r++) {
    int64_t at = p->row[g->first + r] * p->time + time_of(g, r, s);
    y[r] = f->y + (at * p->directions + d) * p->units * p->each;
    if (f->kept[d]) kept[r] = f->kept[d] + (place + r) * kept_of(p) * p->each;
  }
}

/* The steps of a group: a and b get sums, h and c hold the state. */
static neap_status run_group(const neap__recurrent_forward *f, group *g, char *x, char *a, char *b,
                             char *h, char *c) {
  const neap__recurrent_plan *p = f->plan;
  void *y[NEAP_ROWS], *kept[NEAP_ROWS];
  int64_t ahead = neap__recurrent_ahead(p, g->rows), at = 0, width = 0, place = p->start[g->first];
  for (int64_t s = 0; s < steps_of(g); s++, at++) {
    NEAP_TRY(neap_interrupt_check());
    while (p->length[g->first + g->active - 1] <= s) g->active--;
    if (s == 0 || at == ahead) {
      input_sums(f, g, s, at_most(ahead, steps_of(g) - s), x, a);
      width = g->active;
      at = 0;
    }
    point_rows(f, g, s, place, y, kept);
    place += g->active;
    neap__packed_product(&f->kern->gemm[p->dtype], p->each, g->active, gates_of(p), p->units, b, h,
                         p->units, f->weights[g->direction].hh, false);
    neap_cell_step step = {.rows = g->active,
                           .units = p->units,
                           .a = a + at * width * gates_of(p) * p->each,
                           .b = b,
                           .bias = f->weights[g->direction].bias,
                           .h = h,
                           .c = c,
                           .y = y,
                           .kept = f->kept[g->direction] ? kept : NULL};
    f->kern->cells[p->cell][p->dtype].forward(&step);
  }
  return NEAP_OK;
}

static neap_status run_unit(const neap__recurrent_forward *f, int64_t unit) {
  const neap__recurrent_plan *p = f->plan;
  int64_t groups = neap__recurrent_groups(p);
  group g = group_of(p, (int)(unit / groups), unit % groups);
  int64_t together = neap__recurrent_ahead(p, g.rows) * g.rows;
  int64_t x = up_64(together * p->inputs * p->each), a = up_64(together * gates_of(p) * p->each);
  int64_t b = up_64(g.rows * gates_of(p) * p->each), h = up_64(g.rows * p->units * p->each);
  char *space = neap_alloc(x + a + b + 2 * h);
  if (!space) return NEAP_ENOMEM;
  char *state = space + x + a + b, *c = p->cell == NEAP_LSTM ? state + h : NULL;
  load_state(&g, state, f->h0);
  if (c) load_state(&g, c, f->c0);
  neap_status st = run_group(f, &g, space, space + x, space + x + a, state, c);
  if (!st) store_state(&g, f->h_n, state);
  if (!st && c) store_state(&g, f->c_n, c);
  neap_free(space);
  return st;
}

static neap_status run_units(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t unit = begin; unit < end; unit++) NEAP_TRY(run_unit(ctx, unit));
  return NEAP_OK;
}

int64_t neap__recurrent_grain(const neap__recurrent_plan *p, int64_t groups) {
  double work = (double)(groups * at_most(p->batch, NEAP_ROWS)) * (double)p->time *
                (double)gates_of(p) * (double)(p->units + p->inputs);
  return work >= SHARE ? 1 : work < 1 ? SHARE : (int64_t)(SHARE / work);
}

neap_status neap__recurrent_run(const neap__recurrent_forward *f) {
  int64_t units = f->plan->directions * neap__recurrent_groups(f->plan);
  return neap_parallel_for(units, neap__recurrent_grain(f->plan, 1), run_units, (void *)f);
}
