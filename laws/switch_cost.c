/* Compares a switch between two threads of a process with one between two processes. Both play the
 * same ping-pong with two events on one CPU. The second process is this program again, with the
 * names of the events to use. Repeats alternate, so that a drift of the machine affects both. */
#include "laws/law.h"
#include "laws/verdict/threads_and_pool.h"

#include <process.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

enum { ROUND_TRIPS = 800, NAME = 64 };

struct pair {
    HANDLE ping, pong;
};

static unsigned __stdcall answer(void *argument) {
    struct pair *pair = argument;
    for (int i = 0; i < ROUND_TRIPS * LAW_REPEATS; i++) {
        /* the other pair plays in between */
        WaitForSingleObject(pair->ping, 2 * LAW_DEADLINE_MS);
        SetEvent(pair->pong);
    }
    return 0;
}

/* Returns the time of one switch; a round trip has two. */
static uint64_t switch_ns(const struct pair *pair) {
    uint64_t start_ns = clock_now_ns();
    for (int i = 0; i < ROUND_TRIPS; i++) {
        SetEvent(pair->ping);
        law_wait(pair->pong);
    }
    return (clock_now_ns() - start_ns) / (2 * ROUND_TRIPS);
}

static struct pair open_events(const wchar_t *kind, unsigned long process) {
    wchar_t name[NAME];
    struct pair pair;
    swprintf(name, NAME, L"Local\\iomodels-%ls-ping-%lu", kind, process);
    pair.ping = CreateEventW(NULL, FALSE, FALSE, name);
    swprintf(name, NAME, L"Local\\iomodels-%ls-pong-%lu", kind, process);
    pair.pong = CreateEventW(NULL, FALSE, FALSE, name);
    law_require(pair.ping && pair.pong, "CreateEventW");
    return pair;
}

static HANDLE start_process(const struct pair *pair) {
    wchar_t path[MAX_PATH], command[MAX_PATH + NAME];
    law_require(GetModuleFileNameW(NULL, path, MAX_PATH) > 0, "GetModuleFileNameW");
    swprintf(command, MAX_PATH + NAME, L"\"%ls\" --answer %lu", path, GetCurrentProcessId());
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION other;
    law_require(CreateProcessW(path, command, NULL, NULL, FALSE, 0, NULL, NULL, &start, &other),
                "CreateProcessW");
    CloseHandle(other.hThread);
    law_wait(pair->pong); /* the process runs */
    return other.hProcess;
}

int main(int argc, char **argv) {
    /* the second process; it inherits the CPU affinity */
    if (argc == 3 && strcmp(argv[1], "--answer") == 0) {
        unsigned long process;
        law_require(sscanf(argv[2], "%lu", &process) == 1, "--answer");
        struct pair pair = open_events(L"process", process);
        SetEvent(pair.pong);
        return (int)answer(&pair);
    }
    law_start(argc, argv, "switch_cost",
              "A switch between threads is cheaper than a switch between processes.");
    law_require(SetProcessAffinityMask(GetCurrentProcess(), 1), "SetProcessAffinityMask");
    struct pair threads = open_events(L"thread", GetCurrentProcessId());
    struct pair processes = open_events(L"process", GetCurrentProcessId());
    HANDLE others[] = {(HANDLE)_beginthreadex(NULL, 0, answer, &threads, 0, NULL),
                       start_process(&processes)};
    law_require(others[0] != NULL, "_beginthreadex");
    uint64_t thread_ns[LAW_REPEATS], process_ns[LAW_REPEATS];
    for (int repeat = 0; repeat < LAW_REPEATS; repeat++) {
        thread_ns[repeat] = switch_ns(&threads);
        process_ns[repeat] = switch_ns(&processes);
    }
    for (int i = 0; i < 2; i++)
        law_wait(others[i]);
    struct rate thread = law_spread(thread_ns), process = law_spread(process_ns);
    struct switch_cost_seen seen = {2 * ROUND_TRIPS * LAW_REPEATS,
                                    thread.low,
                                    thread.median,
                                    thread.high,
                                    process.low,
                                    process.median,
                                    process.high};
    struct json line = law_line();
    SWITCH_COST_SEEN(LAW_SEEN)
    struct judged judged = {"B11", judge_switch_cost(&seen)};
    return law_print(&line, &judged, 1);
}
