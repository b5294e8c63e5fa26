/* Who is to act next: a binary heap of times. Taking and adding cost O(log n); asking for the next, nothing.
 */
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

bool agenda_open(struct agenda *, size_t capacity); /* false: out of memory */
void agenda_close(struct agenda *);

/* At most `capacity` entries at a time. */
void agenda_add(struct agenda *, uint64_t due_ns, void *who);

uint64_t agenda_next_ns(const struct agenda *); /* AGENDA_NEVER: it is empty */
void *agenda_take(struct agenda *);             /* the earliest; there must be one */

#endif
