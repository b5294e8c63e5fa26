#include "loadgen/agenda.h"

#include <stdlib.h>

bool agenda_open(struct agenda *agenda, size_t capacity) {
    *agenda = (struct agenda){.entries = calloc(capacity, sizeof *agenda->entries)};
    return agenda->entries != NULL;
}

void agenda_close(struct agenda *agenda) {
    free(agenda->entries);
    *agenda = (struct agenda){0};
}

void agenda_add(struct agenda *agenda, uint64_t due_ns, void *who) {
    struct agenda_entry *entries = agenda->entries;
    size_t at = agenda->count++;
    for (; at > 0 && entries[(at - 1) / 2].due_ns > due_ns; at = (at - 1) / 2)
        entries[at] = entries[(at - 1) / 2];
    entries[at] = (struct agenda_entry){due_ns, who};
}

uint64_t agenda_next_ns(const struct agenda *agenda) {
    return agenda->count > 0 ? agenda->entries[0].due_ns : AGENDA_NEVER;
}

void *agenda_take(struct agenda *agenda) {
    struct agenda_entry *entries = agenda->entries, last = entries[--agenda->count];
    void *who = entries[0].who;
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < agenda->count; at = child) {
        if (child + 1 < agenda->count && entries[child + 1].due_ns < entries[child].due_ns)
            child++;
        if (entries[child].due_ns >= last.due_ns)
            break;
        entries[at] = entries[child];
    }
    entries[at] = last;
    return who;
}
