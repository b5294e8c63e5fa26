/* The sums of context switches. Wine's list cannot test them: its switches are all 0. */
// NOLINTNEXTLINE(bugprone-suspicious-include): tests static functions of the unit
#include "../../servers/kit/process_counters.c"

#include "check.h"

static struct {
    struct system_process process;
    struct system_thread threads[3];
} made;

static void make_thread(int place, ULONG_PTR id, LONGLONG created, ULONG switches) {
    made.threads[place].thread_id = (HANDLE)id;
    made.threads[place].create_time.QuadPart = created;
    made.threads[place].context_switches = switches;
}

int main(void) {
    made.process.thread_count = 2;
    make_thread(0, 8, 100, 10);
    make_thread(1, 12, 101, 0xFFFFFFF0u);
    CHECK(count_switches(&made.process));
    uint64_t first = total_switches;
    CHECK(first == 10 + (uint64_t)0xFFFFFFF0u);
    CHECK(total_ended == 0);

    /* One thread continues, one count of 32 bits wraps, a third thread starts. */
    made.process.thread_count = 3;
    make_thread(0, 8, 100, 15);
    make_thread(1, 12, 101, 4);
    make_thread(2, 16, 300, 7);
    CHECK(count_switches(&made.process));
    CHECK(total_switches == first + 5 + 20 + 7);
    CHECK(total_ended == 0);

    /* A thread ended, and a new one reuses the id of another: the sum must not fall. */
    made.process.thread_count = 2;
    make_thread(0, 8, 400, 3);
    make_thread(1, 16, 300, 9);
    CHECK(count_switches(&made.process));
    CHECK(total_switches == first + 32 + 3 + 2);
    CHECK(total_ended == 2);

    struct reading before = {{0}, {0}, {0}}, after = before;
    set(&before, COUNTER_private_bytes, 5);
    set(&after, COUNTER_private_bytes, 5);
    set(&after, COUNTER_page_faults, 0);
    after.error[COUNTER_cycles] = 120;
    prove(&before, &after, COUNTER_private_bytes, 1);
    CHECK(strcmp(missing[COUNTER_private_bytes], "GetProcessMemoryInfo does not change") == 0);
    prove(&before, &after, COUNTER_page_faults, 1);
    CHECK(strcmp(missing[COUNTER_page_faults], "GetProcessMemoryInfo always reports 0") == 0);
    prove(&before, &after, COUNTER_cycles, 1);
    CHECK(strcmp(missing[COUNTER_cycles], "QueryProcessCycleTime: error 120") == 0);
    after.value[COUNTER_private_bytes] = 6;
    missing[COUNTER_private_bytes][0] = '\0';
    prove(&before, &after, COUNTER_private_bytes, 1);
    CHECK(alive(COUNTER_private_bytes));
    return 0;
}
