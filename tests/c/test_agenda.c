#include "check.h"
#include "loadgen/agenda.h"
#include "loadgen/random.h"

enum { ENTRIES = 1000, STEPS = 20000 };

/* After any additions and removals, the agenda returns the earliest entry. */
int main(void) {
    struct agenda agenda;
    static uint64_t due_ns[ENTRIES]; /* of each `who`; AGENDA_NEVER if absent */
    CHECK(agenda_open(&agenda, ENTRIES) && agenda_next_ns(&agenda) == AGENDA_NEVER);
    for (size_t i = 0; i < ENTRIES; i++)
        due_ns[i] = AGENDA_NEVER;
    for (uint64_t step = 0; step < STEPS; step++) {
        uint64_t random = random_mix(step);
        size_t who = (size_t)(random % ENTRIES);
        if (due_ns[who] == AGENDA_NEVER) {
            due_ns[who] = random_mix(random) % 500; /* so that some are equal */
            agenda_add(&agenda, due_ns[who], &due_ns[who]);
        } else {
            uint64_t earliest = AGENDA_NEVER;
            for (size_t i = 0; i < ENTRIES; i++)
                earliest = due_ns[i] < earliest ? due_ns[i] : earliest;
            CHECK(agenda_next_ns(&agenda) == earliest);
            uint64_t *taken = agenda_take(&agenda);
            CHECK(*taken == earliest);
            *taken = AGENDA_NEVER;
        }
    }
    for (uint64_t last = 0; agenda.count > 0;) {
        uint64_t *taken = agenda_take(&agenda);
        CHECK(*taken >= last && *taken != AGENDA_NEVER);
        last = *taken;
        *taken = AGENDA_NEVER;
    }
    agenda_close(&agenda);
    return 0;
}
