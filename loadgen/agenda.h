/* Which connection acts next: a binary heap of times. Adding and taking cost O(log n), reading the
 * next time O(1). */
#ifndef IOMODELS_AGENDA_H
#define IOMODELS_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENDA_NEVER UINT64_MAX

struct agenda_entry {
    uint64_t due_ns;
    void *who;
};

struct agenda {
    size_t count;
    struct agenda_entry *entries;
};

bool agenda_open(struct agenda *, size_t capacity); /* false if out of memory */
void agenda_close(struct agenda *);

/* The agenda holds at most `capacity` entries. */
void agenda_add(struct agenda *, uint64_t due_ns, void *who);

uint64_t agenda_next_ns(const struct agenda *); /* AGENDA_NEVER if empty */
void *agenda_take(struct agenda *); /* takes the earliest; the agenda must not be empty */

#endif
