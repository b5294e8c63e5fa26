/* The adding up of context switches, which no list of Wine's can show: its switches are all 0. */
#include "../../servers/kit/process_counters.c" // NOLINT(bugprone-suspicious-include): the unit and its statics

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

    /* One goes on, the other's 32 bits wrap, a third one comes. */
    made.process.thread_count = 3;
    make_thread(0, 8, 100, 15);
    make_thread(1, 12, 101, 4);
    make_thread(2, 16, 300, 7);
    CHECK(count_switches(&made.process));
    CHECK(total_switches == first + 5 + 20 + 7);
    CHECK(total_ended == 0);

    /* One has ended, and a new thread has the number of another that did: nothing is taken away again. */
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
    CHECK(strcmp(missing[COUNTER_private_bytes], "GetProcessMemoryInfo does not move") == 0);
    prove(&before, &after, COUNTER_page_faults, 1);
    CHECK(strcmp(missing[COUNTER_page_faults], "GetProcessMemoryInfo answers 0 whatever happens") ==
          0);
    prove(&before, &after, COUNTER_cycles, 1);
    CHECK(strcmp(missing[COUNTER_cycles], "QueryProcessCycleTime: error 120") == 0);
    after.value[COUNTER_private_bytes] = 6;
    missing[COUNTER_private_bytes][0] = '\0';
    prove(&before, &after, COUNTER_private_bytes, 1);
    CHECK(alive(COUNTER_private_bytes));
    return 0;
}
