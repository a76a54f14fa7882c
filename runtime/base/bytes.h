/* bytes.h — bytes by position: a file's or a borrowed block's.
 *
 * For formats with a directory (zip archives, safetensors), which a reader that only goes forward
 * cannot follow. Nothing is decompressed and nothing is mapped, so a file that is cut off
 * underneath is an error and not a signal. neap_file_map is the other way: the system brings in
 * what is touched. */
#ifndef NEAP_BASE_BYTES_H
#define NEAP_BASE_BYTES_H

#include <stdint.h>

#include "base/status.h"

typedef struct neap_bytes neap_bytes;

/* The regular file at path. NEAP_EIO when the system refuses. */
neap_status neap_bytes_open(neap_bytes **out, const char *path);

/* n bytes at data, which must outlive it; name stands in messages. */
neap_status neap_bytes_borrow(neap_bytes **out, const void *data, int64_t n, const char *name);

/* How many there were when it was opened, and the path or name. */
int64_t neap_bytes_size(const neap_bytes *b);
const char *neap_bytes_name(const neap_bytes *b);

/* n bytes from position at on into out: all of them, or NEAP_EFORMAT when they reach past the end.
 * NEAP_EIO when the system fails, NEAP_EINTERRUPT after Ctrl-C. */
neap_status neap_bytes_read(const neap_bytes *b, int64_t at, void *out, int64_t n);

/* Close and free; NULL is fine. */
void neap_bytes_close(neap_bytes *b);

/* The whole file in memory, brought in page by page when touched; writing there changes a private
 * copy of the page and never the file. *data is NULL for an empty file. When somebody else shortens
 * the file, touching what is gone ends the process (SIGBUS). */
neap_status neap_file_map(void **data, int64_t *n, const char *path);
void neap_file_unmap(void *data, int64_t n);

#endif
