/* The recorder of the process, and when to ask it. */
#include "tensor/record.h"

static const neap_recorder *installed;

void neap_recorder_install(const neap_recorder *r) { installed = r; }

const neap_recorder *neap_recorder_installed(void) { return installed; }

bool neap_traced(const neap_tensor *t) { return t->trace && installed->recording(); }

neap_status neap_record(neap_tensor *out, const neap_taped *how) {
  bool traced = false;
  for (int i = 0; i < how->inputs; i++) traced = traced || how->in[i]->trace;
  if (!traced || !installed->recording()) return NEAP_OK;
  neap_status st = installed->record(out, how);
  if (st) neap_tensor_drop(out);
  return st;
}
