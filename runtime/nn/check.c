/* What every layer asks of its arguments, and how it records itself. */
#include "nn/check.h"

#include <string.h>

#include "base/alloc.h"

neap_status neap__nn_one_dtype(const char *layer, int n, const neap_tensor *const *t,
                               const char *const *names) {
  int last = n - 1;
  while (last > 0 && !t[last]) last--;
  for (int i = 0; i < n; i++) {
    if (!t[i]) continue;
    if (!neap_dtype_is_float(t[i]->dtype))
      return neap_fail(NEAP_EDTYPE, "%s: %s is %s, not f32 or f64; convert with %s:to \"f32\"",
                       layer, names[i], neap_dtype_name(t[i]->dtype), names[i]);
    if (t[i]->dtype != t[last]->dtype && neap_dtype_is_float(t[last]->dtype))
      return neap_fail(NEAP_EDTYPE, "%s: %s is %s, but %s is %s; convert with %s:to \"%s\"", layer,
                       names[i], neap_dtype_name(t[i]->dtype), names[last],
                       neap_dtype_name(t[last]->dtype), names[i], neap_dtype_name(t[last]->dtype));
  }
  return NEAP_OK;
}

neap_status neap__nn_record(const neap_gradient *g, int inputs, const neap_tensor *const *in,
                            neap_tensor *out, int saved, const neap_tensor *const *save,
                            const void *state, size_t size) {
  if (!neap_grad_active(inputs, in)) return NEAP_OK;
  void *own = neap_alloc(size);
  if (!own) return NEAP_ENOMEM;
  memcpy(own, state, size);
  return neap_grad_record(g, inputs, in, 1, &out, saved, save, own);
}
