/* blocks.h — private to base: where neap_alloc has its memory from.
 *
 * Freed blocks are kept on one list per size class and handed out again: the next temporary of the
 * same size costs a list operation, not a system call, and its pages are there already. Classes
 * are 64 bytes apart up to 1 KB and an eighth of a power of two above, so at most 1/8 is unused.
 * Blocks of 2 MB and more are mappings of their own that ask for huge pages; their unused ends are
 * never touched. The bound on what is kept stands at neap_alloc_set_goal. */
#ifndef NEAP_BASE_BLOCKS_H
#define NEAP_BASE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

/* bytes at a 64-byte boundary, counted as live; *blank: they are zero. NULL when the system
 * refuses. */
void *neap__block_take(size_t bytes, bool *blank);

/* Back to the lists, or to the system when the lists hold enough. */
void neap__block_give(void *data);

/* Bytes asked for. */
size_t neap__block_bytes(const void *data);

/* True when the block could take on its new size where it is. */
bool neap__block_resize(void *data, size_t bytes);

#endif
