#include "check.h"
#include "system.h"

#include <string.h>

/* Gives `count` threads to the groups, one by one. */
static void give(uint32_t count, uint32_t *threads, const uint32_t *processors, uint32_t groups) {
    memset(threads, 0, groups * sizeof *threads);
    for (uint32_t i = 0; i < count; i++)
        threads[system_next_group(threads, processors, groups)]++;
}

static void threads_are_spread_as_processors_are(void) {
    uint32_t threads[3];
    const uint32_t one[] = {8}, equal[] = {64, 64}, unequal[] = {64, 32}, three[] = {48, 48, 16};
    give(5, threads, one, 1);
    CHECK(threads[0] == 5);
    give(2, threads, equal, 2);
    CHECK(threads[0] == 1 && threads[1] == 1);
    give(96, threads, unequal, 2);
    CHECK(threads[0] == 64 && threads[1] == 32);
    give(7, threads, three, 3);
    CHECK(threads[0] == 3 && threads[1] == 3 && threads[2] == 1);
}

static void a_pinned_process_counts_its_own_processors(void) {
    DWORD_PTR process, system;
    CHECK(system_processors() >= 1);
    CHECK(GetProcessAffinityMask(GetCurrentProcess(), &process, &system));
    DWORD_PTR lowest = process & (~process + 1);
    CHECK(SetProcessAffinityMask(GetCurrentProcess(), lowest));
    if (lowest != system)
        CHECK(system_processors() == 1);
    system_spread(GetCurrentThread()); /* must leave it where it is */
    CHECK(GetProcessAffinityMask(GetCurrentProcess(), &process, &system) && process == lowest);
    CHECK(system_processors() <= GetActiveProcessorCount(ALL_PROCESSOR_GROUPS));
}

int main(void) {
    threads_are_spread_as_processors_are();
    system_start();
    a_pinned_process_counts_its_own_processors();
    return 0;
}
