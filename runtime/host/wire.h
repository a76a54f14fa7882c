/* wire.h — standard input and output as a line to a front end that drives neap by messages.
 *
 * Every message is one line of JSON. While the wire is open, what the process prints, whoever
 * prints it, goes to the front end as messages of its own, standard input of scripts is empty, and
 * an "interrupt" is obeyed at once though the main thread computes: two threads of the wire watch
 * the streams. Nothing here knows Lua. There is one wire, since it takes over descriptors 0 to 2.
 *
 * What is printed becomes
 *   {"jsonrpc":"2.0","method":"output","params":{"id":ID,"stream":"stdout","text":"..."}} */
#ifndef NEAP_HOST_WIRE_H
#define NEAP_HOST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NEAP_WIRE_LONGEST = 64 << 20 }; /* bytes of a message; what is longer is not kept */

/* Take over the streams. interrupt is called on another thread when an "interrupt" arrives, and
 * when the front end is gone. False when the system refuses. */
bool neap_wire_open(void (*interrupt)(void));
void neap_wire_close(void); /* give the streams back */

typedef struct {
  const char *text; /* until the next read; NULL when it was too long */
  size_t n;
  int64_t number; /* 1, 2, ... in order of arrival */
} neap_wire_message;

/* The next message, waiting for it. False at the end of the input. */
bool neap_wire_read(neap_wire_message *m);

/* Write a message, behind all that was printed so far. */
void neap_wire_write(const char *text, size_t n);

/* Whether an interrupt arrived behind the message of that number. */
bool neap_wire_stopped(int64_t number);

/* The ID, as JSON text, under which prints go out from now on. False: no memory for it. */
bool neap_wire_label(const char *id);

#endif
