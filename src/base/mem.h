/* mem.h -- the only caller of malloc. Small allocations do not fail: they abort.
 *
 * A size that comes from outside must be checked against a named limit before it gets here. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/base.h"

void *mem_alloc(size_t bytes);      /* uninitialised; mem_free it */
void *mem_alloc_zero(size_t bytes); /* all zero; mem_free it */
void *mem_realloc(void *memory, size_t bytes);
void mem_free(void *memory); /* NULL is fine */

/* One zeroed struct: struct run *run = MEM_NEW(struct run); */
#define MEM_NEW(type) ((type *)mem_alloc_zero(sizeof(type)))

#endif
