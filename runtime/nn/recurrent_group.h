/* recurrent_group.h — private to nn: a group of rows on its way through time. */
#ifndef NEAP_NN_RECURRENT_GROUP_H
#define NEAP_NN_RECURRENT_GROUP_H

#include <string.h>

#include "nn/recurrent_run.h"

static inline int64_t at_most(int64_t v, int64_t limit) { return v < limit ? v : limit; }
static inline int64_t gates_of(const neap__recurrent_plan *p) {
  return neap_cell_size[p->cell].gates * p->units;
}
static inline int64_t biases_of(const neap__recurrent_plan *p) {
  return neap_cell_size[p->cell].biases * p->units;
}
static inline int64_t kept_of(const neap__recurrent_plan *p) {
  return neap_cell_size[p->cell].kept * p->units;
}

static inline int64_t up_64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/* The rows first .. first + rows of the plan, walked from the first step to the last in the
 * direction's own order; active rows have not come to their end. */
typedef struct {
  const neap__recurrent_plan *plan;
  int direction;
  int64_t first, rows, active;
} group;

static inline group group_of(const neap__recurrent_plan *p, int direction, int64_t number) {
  int64_t first = number * NEAP_ROWS, rows = at_most(p->batch - first, NEAP_ROWS);
  return (group){p, direction, first, rows, rows};
}

/* The time of step s of row r. */
static inline int64_t time_of(const group *g, int64_t r, int64_t s) {
  return g->direction ? g->plan->length[g->first + r] - 1 - s : s;
}
static inline int64_t steps_of(const group *g) { return g->plan->length[g->first]; }

/* The group's rows of a state, [directions, batch, units], to its own, zeros for NULL; and back. */
static inline void load_state(const group *g, char *to, const char *from) {
  int64_t row = g->plan->units * g->plan->each;
  for (int64_t r = 0; r < g->rows; r++) {
    int64_t at = (g->direction * g->plan->batch + g->plan->row[g->first + r]) * row;
    if (from) memcpy(to + r * row, from + at, (size_t)row);
    else memset(to + r * row, 0, (size_t)row);
  }
}
static inline void store_state(const group *g, char *to, const char *from) {
  int64_t row = g->plan->units * g->plan->each;
  for (int64_t r = 0; r < g->rows; r++)
    memcpy(to + (g->direction * g->plan->batch + g->plan->row[g->first + r]) * row, from + r * row,
           (size_t)row);
}

#endif
