#include "base/interrupt.h"

#include <stdatomic.h>

static atomic_bool raised; /* lock-free on every target we build for, hence signal-safe */

void neap_interrupt_raise(void) { atomic_store_explicit(&raised, true, memory_order_relaxed); }
void neap_interrupt_clear(void) { atomic_store_explicit(&raised, false, memory_order_relaxed); }
bool neap_interrupted(void) { return atomic_load_explicit(&raised, memory_order_relaxed); }

neap_status neap_interrupt_check(void) {
  return neap_interrupted() ? neap_fail(NEAP_EINTERRUPT, "interrupted") : NEAP_OK;
}
