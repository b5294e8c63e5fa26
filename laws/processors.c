/* GetSystemInfo counts logical CPUs of one processor group only; the number of cores differs. */
#include "laws/law.h"
#include "laws/verdict/threads_and_pool.h"

#include <stdlib.h>

/* Returns 0 if unavailable (Wine reads it from /sys, which a container may lack). */
static uint64_t cores(void) {
    DWORD bytes = 0;
    GetLogicalProcessorInformation(NULL, &bytes);
    SYSTEM_LOGICAL_PROCESSOR_INFORMATION *all = malloc(bytes + sizeof *all);
    law_require(all != NULL, "malloc");
    /* analysers do not see that law_require() exits */
    if (!all || !GetLogicalProcessorInformation(all, &bytes))
        bytes = 0;
    uint64_t count = 0;
    for (DWORD i = 0; i < bytes / sizeof *all; i++)
        count += all[i].Relationship == RelationProcessorCore;
    free(all);
    return count;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "processors", "GetSystemInfo gives the number of cores.");
    struct processors_seen seen = {law_processors(), GetActiveProcessorCount(ALL_PROCESSOR_GROUPS),
                                   cores()};
    struct json line = law_line();
    LAW_SEEN(system_info)
    LAW_SEEN(all_groups)
    if (seen.cores > 0)
        json_u64(&line, "cores", seen.cores);
    else
        json_null(&line, "cores");
    struct judged judged = {"C15", judge_processors(&seen)};
    return law_print(&line, &judged, 1);
}
