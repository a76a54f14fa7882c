/* The oneDNN side of nn.lua (version 2; libdnnl-dev): FIFO; a task a line, answered as by
 * nn_peer.py. nn.lua builds it where the library is there. Weights stand in the library's own
 * layouts beforehand, and nothing is converted on the way: its best case. OMP_NUM_THREADS sets its
 * threads. Backward passes compute the gradient of the input too, as the library always does. */
#define _POSIX_C_SOURCE 200809L
#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_ARGS = 32, MAX_STEPS = 4, ROUNDS = 3 };
static const double SAMPLE = 0.02; /* seconds that a measured stretch lasts at least */

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static void must(dnnl_status_t status, const char *what) {
  if (status == dnnl_success) return;
  fprintf(stderr, "nn_onednn: %s gave status %d\n", what, (int)status);
  exit(1);
}

/* A chain of primitives over memories that they share where they agree about the layout. */
typedef struct {
  dnnl_primitive_t step[MAX_STEPS];
  dnnl_exec_arg_t args[MAX_STEPS][MAX_ARGS];
  int n_args[MAX_STEPS], steps;
} chain;

static dnnl_memory_t filled(const dnnl_memory_desc_t *md) {
  dnnl_memory_t memory;
  void *data;
  must(dnnl_memory_create(&memory, md, engine, DNNL_MEMORY_ALLOCATE), "memory");
  must(dnnl_memory_get_data_handle(memory, &data), "data");
  size_t bytes = dnnl_memory_desc_get_size(md);
  memset(data, 0, bytes);
  if (md->data_type != dnnl_f32) return memory;
  for (size_t i = 0; i < bytes / sizeof(float); i++)
    ((float *)data)[i] = (float)(rand() % 2001 - 1000) * 1e-4f;
  return memory;
}

static dnnl_memory_t memory_for(const chain *c, int arg, const dnnl_memory_desc_t *md) {
  for (int s = 0; s < c->steps; s++)
    for (int k = 0; k < c->n_args[s]; k++) {
      const dnnl_memory_desc_t *other;
      if (c->args[s][k].arg != arg) continue;
      must(dnnl_memory_get_memory_desc(c->args[s][k].memory, &other), "layout");
      if (dnnl_memory_desc_equal(md, other)) return c->args[s][k].memory;
    }
  return filled(md);
}

/* The next primitive, with a memory for each argument that it has. */
static void add(chain *c, const_dnnl_primitive_desc_t pd) {
  static const int known[] = {
      DNNL_ARG_SRC,        DNNL_ARG_SRC_ITER,          DNNL_ARG_SRC_ITER_C,
      DNNL_ARG_DST,        DNNL_ARG_DST_ITER,          DNNL_ARG_DST_ITER_C,
      DNNL_ARG_WEIGHTS,    DNNL_ARG_WEIGHTS_ITER,      DNNL_ARG_BIAS,
      DNNL_ARG_WORKSPACE,  DNNL_ARG_DIFF_SRC,          DNNL_ARG_DIFF_SRC_ITER,
      DNNL_ARG_DIFF_DST,   DNNL_ARG_DIFF_SRC_ITER_C,   DNNL_ARG_DIFF_DST_ITER,
      DNNL_ARG_DIFF_BIAS,  DNNL_ARG_DIFF_DST_ITER_C,   DNNL_ARG_DIFF_WEIGHTS,
      DNNL_ARG_SCRATCHPAD, DNNL_ARG_DIFF_WEIGHTS_ITER,
  };
  int s = c->steps;
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    const dnnl_memory_desc_t *md =
        dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, known[k]);
    if (!md || md->ndims == 0 || dnnl_memory_desc_get_size(md) == 0) continue;
    c->args[s][c->n_args[s]++] = (dnnl_exec_arg_t){known[k], memory_for(c, known[k], md)};
  }
  must(dnnl_primitive_create(&c->step[s], pd), "primitive");
  c->steps++;
}

static void run(const chain *c) {
  for (int s = 0; s < c->steps; s++)
    must(dnnl_primitive_execute(c->step[s], stream, c->n_args[s], c->args[s]), "execute");
  must(dnnl_stream_wait(stream), "wait");
}

static dnnl_memory_desc_t layout(int n, const dnnl_dim_t *size, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t md;
  must(dnnl_memory_desc_init_by_tag(&md, n, size, dnnl_f32, tag), "layout");
  return md;
}

static dnnl_primitive_desc_t describe(const void *desc, const_dnnl_primitive_desc_t hint) {
  dnnl_primitive_desc_t pd;
  must(dnnl_primitive_desc_create(&pd, desc, NULL, engine, hint), "description");
  return pd;
}

/* recurrent layers ----------------------------------------------------------------------------- */

typedef struct {
  dnnl_memory_desc_t x, y, wx, wh, bias;
} recurrent;

static recurrent recurrent_layouts(int T, int B, int I, int H, int gates, int biases) {
  return (recurrent){
      layout(3, (dnnl_dims_t){T, B, I}, dnnl_tnc),
      layout(3, (dnnl_dims_t){T, B, H}, dnnl_tnc),
      layout(5, (dnnl_dims_t){1, 1, I, gates, H}, dnnl_format_tag_any),
      layout(5, (dnnl_dims_t){1, 1, H, gates, H}, dnnl_format_tag_any),
      layout(4, (dnnl_dims_t){1, 1, biases, H}, dnnl_ldgo),
  };
}

static void lstm(chain *c, int T, int B, int I, int H, bool train) {
  recurrent r = recurrent_layouts(T, B, I, H, 4, 4);
  dnnl_rnn_desc_t forward, backward;
  must(dnnl_lstm_forward_desc_init(&forward, train ? dnnl_forward_training : dnnl_forward_inference,
                                   dnnl_unidirectional_left2right, &r.x, NULL, NULL, &r.wx, &r.wh,
                                   &r.bias, &r.y, NULL, NULL, 0),
       "lstm");
  dnnl_primitive_desc_t pd = describe(&forward, NULL);
  add(c, pd);
  if (!train) return;
  must(dnnl_lstm_backward_desc_init(&backward, dnnl_backward, dnnl_unidirectional_left2right, &r.x,
                                    NULL, NULL, &r.wx, &r.wh, &r.bias, &r.y, NULL, NULL, &r.x, NULL,
                                    NULL, &r.wx, &r.wh, &r.bias, &r.y, NULL, NULL, 0),
       "lstm backward");
  add(c, describe(&backward, pd));
}

/* The GRU whose reset gate acts after the product, as PyTorch's does. */
static void gru(chain *c, int T, int B, int I, int H) {
  recurrent r = recurrent_layouts(T, B, I, H, 3, 4);
  dnnl_rnn_desc_t forward, backward;
  must(dnnl_lbr_gru_forward_desc_init(&forward, dnnl_forward_training,
                                      dnnl_unidirectional_left2right, &r.x, NULL, &r.wx, &r.wh,
                                      &r.bias, &r.y, NULL, 0),
       "gru");
  dnnl_primitive_desc_t pd = describe(&forward, NULL);
  add(c, pd);
  must(dnnl_lbr_gru_backward_desc_init(&backward, dnnl_backward, dnnl_unidirectional_left2right,
                                       &r.x, NULL, &r.wx, &r.wh, &r.bias, &r.y, NULL, &r.x, NULL,
                                       &r.wx, &r.wh, &r.bias, &r.y, NULL, 0),
       "gru backward");
  add(c, describe(&backward, pd));
}

/* convolution ---------------------------------------------------------------------------------- */

static void conv1d(chain *c, int B, int C, int L, int F, int k, bool train) {
  dnnl_memory_desc_t x = layout(3, (dnnl_dims_t){B, C, L}, dnnl_format_tag_any),
                     w = layout(3, (dnnl_dims_t){F, C, k}, dnnl_format_tag_any),
                     b = layout(1, (dnnl_dims_t){F}, dnnl_a),
                     y = layout(3, (dnnl_dims_t){B, F, L - k + 1}, dnnl_format_tag_any);
  const dnnl_dims_t one = {1}, zero = {0};
  dnnl_convolution_desc_t d;
  must(dnnl_convolution_forward_desc_init(&d,
                                          train ? dnnl_forward_training : dnnl_forward_inference,
                                          dnnl_convolution_auto, &x, &w, &b, &y, one, zero, zero),
       "convolution");
  dnnl_primitive_desc_t pd = describe(&d, NULL);
  add(c, pd);
  if (!train) return;
  must(dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_auto, &x, &w, &b, &y, one,
                                                   zero, zero),
       "convolution weights");
  add(c, describe(&d, pd));
  must(dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_auto, &x, &w, &y, one, zero,
                                                zero),
       "convolution data");
  add(c, describe(&d, pd));
}

/* measuring ------------------------------------------------------------------------------------ */

static bool make(chain *c, const char *name) {
  if (strcmp(name, "lstm_infer") == 0) lstm(c, 50, 32, 64, 64, false);
  else if (strcmp(name, "lstm_train") == 0) lstm(c, 50, 32, 64, 64, true);
  else if (strcmp(name, "lstm_c_infer") == 0) lstm(c, 100, 64, 96, 64, false);
  else if (strcmp(name, "lstm_c_train") == 0) lstm(c, 100, 64, 96, 64, true);
  else if (strcmp(name, "lstm_step") == 0) lstm(c, 1, 1, 64, 64, false);
  else if (strcmp(name, "gru_train") == 0) gru(c, 50, 32, 64, 64);
  else if (strcmp(name, "conv1d_infer") == 0) conv1d(c, 64, 40, 100, 32, 3, false);
  else if (strcmp(name, "conv1d_train") == 0) conv1d(c, 64, 40, 100, 32, 3, true);
  else return false;
  return true;
}

static double now(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void measure(const chain *c, double *wall, double *cpu) {
  double took = 1;
  for (int i = 0; i < 3; i++) {
    double begin = now(CLOCK_MONOTONIC);
    run(c);
    took = now(CLOCK_MONOTONIC) - begin;
  }
  long calls = took < SAMPLE ? (long)(SAMPLE / (took < 1e-7 ? 1e-7 : took)) + 1 : 1;
  *wall = *cpu = 1e9;
  for (int r = 0; r < ROUNDS; r++) {
    double w = now(CLOCK_MONOTONIC), p = now(CLOCK_PROCESS_CPUTIME_ID);
    for (long i = 0; i < calls; i++) run(c);
    w = (now(CLOCK_MONOTONIC) - w) / (double)calls;
    p = (now(CLOCK_PROCESS_CPUTIME_ID) - p) / (double)calls;
    if (w < *wall) *wall = w;
    if (p < *cpu) *cpu = p;
  }
}

int main(int argc, char **argv) {
  char name[64], last[64] = "";
  static chain c;
  FILE *answers = argc > 1 ? fopen(argv[1], "w") : stdout;
  if (!answers) return 1;
  must(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine");
  must(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
  while (scanf("%63s", name) == 1) {
    if (strcmp(name, last) != 0) {
      memset(&c, 0, sizeof c); /* what the one before held goes with the process */
      if (!make(&c, name)) return 2;
      strcpy(last, name);
    }
    double wall, cpu;
    measure(&c, &wall, &cpu);
    fprintf(answers, "%.9g %.9g 0\n", wall, cpu);
    fflush(answers);
  }
  return 0;
}
