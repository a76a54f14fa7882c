/* status.h — how the core reports failure: a code returned, a sentence kept for the thread.
 *
 * A function that can fail returns neap_status, 0 meaning success. On failure it calls neap_fail,
 * which stores "operation: what was wrong, with both values" in a thread-local buffer, and the
 * caller forwards the code. The core never prints, exits or aborts; a binding turns the text into
 * a Lua error, a C program reads it with neap_last_error. */
#ifndef NEAP_BASE_STATUS_H
#define NEAP_BASE_STATUS_H

typedef enum {
  NEAP_OK = 0,
  NEAP_ENOMEM,     /* memory ran out, or a limit on it was reached */
  NEAP_ESHAPE,     /* sizes that do not fit together */
  NEAP_EDTYPE,     /* an element type the operation does not take */
  NEAP_EINDEX,     /* an index outside its range */
  NEAP_EARG,       /* any other argument outside its domain */
  NEAP_EVALUE,     /* data that break a rule: NaN labels, a singular matrix */
  NEAP_EIO,        /* the operating system refused: missing file, full disk */
  NEAP_EFORMAT,    /* a file that is not what it claims to be */
  NEAP_EINTERRUPT, /* the user pressed Ctrl-C */
} neap_status;

/* Keep the formatted text (at most 1023 bytes) as this thread's last error and return code. */
neap_status neap_fail(neap_status code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text of this thread's last failure; "" before any. Valid until the next failure. */
const char *neap_last_error(void);

/* Put "context: " before the last error and return code, to say where a failure happened. */
neap_status neap_fail_in(neap_status code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Return at once when expr fails. Only where nothing is owned yet; else use an `if (!st)` chain. */
#define NEAP_TRY(expr)                                                                             \
  do {                                                                                             \
    neap_status neap_try_status = (expr);                                                          \
    if (neap_try_status) return neap_try_status;                                                   \
  } while (0)

#endif
