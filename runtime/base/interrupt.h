/* interrupt.h — one flag that asks running work to stop.
 *
 * The executable's SIGINT handler raises it; kernels poll it at least every 10 ms and return
 * NEAP_EINTERRUPT with nothing half done. Loaded into a stock lua5.4 nobody raises it. */
#ifndef NEAP_BASE_INTERRUPT_H
#define NEAP_BASE_INTERRUPT_H

#include <stdbool.h>

#include "base/status.h"

void neap_interrupt_raise(void); /* safe in a signal handler */
void neap_interrupt_clear(void);
bool neap_interrupted(void);

/* NEAP_OK, or NEAP_EINTERRUPT with the message "interrupted". */
neap_status neap_interrupt_check(void);

#endif
