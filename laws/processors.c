/* GetSystemInfo counts logical processors, and only those of one processor group; cores are another number.
 */
#include "laws/law.h"

#include <stdlib.h>

static uint64_t cores(void) {
    DWORD bytes = 0;
    GetLogicalProcessorInformation(NULL, &bytes);
    SYSTEM_LOGICAL_PROCESSOR_INFORMATION *all = malloc(bytes);
    law_require(all && GetLogicalProcessorInformation(all, &bytes), "GetLogicalProcessorInformation");
    uint64_t count = 0;
    for (DWORD i = 0; i < bytes / sizeof *all; i++)
        count += all[i].Relationship == RelationProcessorCore;
    free(all);
    return count;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "processors", "GetSystemInfo gives the number of cores.");
    struct processors_seen seen = {law_processors(), GetActiveProcessorCount(ALL_PROCESSOR_GROUPS), cores()};
    struct json line = law_line();
    LAW_SEEN(&line, seen, system_info);
    LAW_SEEN(&line, seen, all_groups);
    LAW_SEEN(&line, seen, cores);
    struct judged judged = {"C15", judge_processors(&seen)};
    return law_print(&line, &judged, 1);
}
