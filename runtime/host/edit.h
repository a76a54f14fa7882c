/* edit.h — a line editor on the terminal, behind an interface small enough to change the library.
 *
 * Text is UTF-8. Nothing here knows Lua. edit.c is the implementation over libedit. */
#ifndef NEAP_HOST_EDIT_H
#define NEAP_HOST_EDIT_H

#include <stddef.h>

typedef struct neap_edit neap_edit;

/* Called on TAB with the text before the cursor. Answers by neap_edit_insert and neap_edit_show. */
typedef void (*neap_edit_completer)(void *ctx, neap_edit *e, const char *before);

typedef enum { NEAP_EDIT_LINE, NEAP_EDIT_END, NEAP_EDIT_INTERRUPTED } neap_edit_event;

/* An editor on standard input and output, or NULL when there is none to be had. */
neap_edit *neap_edit_open(neap_edit_completer complete, void *ctx);
void neap_edit_close(neap_edit *e); /* NULL is fine */

/* Let the user edit one line after prompt, which may hold colour sequences, but not at its very
 * end. *line, without the closing newline, stays valid until the next call. */
neap_edit_event neap_edit_read(neap_edit *e, const char *prompt, const char **line);

/* n bytes of keys that somebody else has read, to be taken for the next that are typed. More than
 * some hundred are dropped. */
void neap_edit_unread(neap_edit *e, const char *keys, size_t n);

/* Make text, which may have several lines, the newest item of the history. */
void neap_edit_remember(neap_edit *e, const char *text);

/* Only inside the completer: put text at the cursor; print text below the line. */
void neap_edit_insert(neap_edit *e, const char *text);
void neap_edit_show(neap_edit *e, const char *text);

#endif
