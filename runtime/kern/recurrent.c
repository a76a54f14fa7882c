/* The recurrent cells of one instruction set; NEAP_KERN_NAME says which. */
#include <stddef.h>

#include "kern/kern.h"
#include "kern/vec_f32.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define IVDEP /* clang's pragma warns where a loop stays scalar */
#else
#define IVDEP _Pragma("GCC ivdep")
#endif
#define CELLS_OF(name) neap__cells_##name
#define CELLS(name)    CELLS_OF(name)

#define BODY "kern/recurrent.inc.h"
#include "kern/floats.inc.h"

#define ROW(name)                                                                                  \
  {                                                                                                \
    [NEAP_F64] = {name##_forward_f64, name##_backward_f64},                                        \
    [NEAP_F32] = {name##_forward_f32, name##_backward_f32},                                        \
  }
extern const neap_cell_kern CELLS(NEAP_KERN_NAME)[NEAP_CELLS][2];
const neap_cell_kern CELLS(NEAP_KERN_NAME)[NEAP_CELLS][2] = {[NEAP_LSTM] = ROW(lstm),
                                                             [NEAP_GRU] = ROW(gru),
                                                             [NEAP_RNN_TANH] = ROW(tanh),
                                                             [NEAP_RNN_RELU] = ROW(relu)};
