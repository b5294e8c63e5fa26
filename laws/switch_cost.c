/*
 * A switch between two threads of a process against one between two processes: the same two events, the same
 * ping-pong on one processor, with the other side in this process and then in a second one (this program once
 * more, with the events' names).
 */
#include "laws/law.h"

#include <process.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

enum { ROUND_TRIPS = 200, NAME = 64 };

static HANDLE ping, pong;

static unsigned __stdcall answer(void *argument) {
    (void)argument;
    for (int i = 0; i < ROUND_TRIPS * LAW_REPEATS; i++) {
        law_wait(ping);
        SetEvent(pong);
    }
    return 0;
}

/* The time of one switch, LAW_REPEATS times; a round trip has two. */
static struct rate measure(void) {
    uint64_t values[LAW_REPEATS];
    for (int repeat = 0; repeat < LAW_REPEATS; repeat++) {
        uint64_t start_ns = clock_now_ns();
        for (int i = 0; i < ROUND_TRIPS; i++) {
            SetEvent(ping);
            law_wait(pong);
        }
        values[repeat] = (clock_now_ns() - start_ns) / (2 * ROUND_TRIPS);
    }
    return law_spread(values);
}

static void open_events(unsigned long process) {
    wchar_t name[NAME];
    swprintf(name, NAME, L"Local\\iomodels-ping-%lu", process);
    ping = CreateEventW(NULL, FALSE, FALSE, name);
    swprintf(name, NAME, L"Local\\iomodels-pong-%lu", process);
    pong = CreateEventW(NULL, FALSE, FALSE, name);
    law_require(ping && pong, "CreateEventW");
}

static struct rate between_threads(void) {
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, answer, NULL, 0, NULL);
    law_require(thread != NULL, "_beginthreadex");
    struct rate rate = measure();
    law_wait(thread);
    CloseHandle(thread);
    return rate;
}

static struct rate between_processes(void) {
    wchar_t path[MAX_PATH], command[MAX_PATH + NAME];
    law_require(GetModuleFileNameW(NULL, path, MAX_PATH) > 0, "GetModuleFileNameW");
    swprintf(command, MAX_PATH + NAME, L"\"%ls\" --answer %lu", path, GetCurrentProcessId());
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION other;
    law_require(CreateProcessW(path, command, NULL, NULL, FALSE, 0, NULL, NULL, &start, &other),
                "CreateProcessW");
    law_wait(pong); /* it is there */
    struct rate rate = measure();
    law_wait(other.hProcess);
    CloseHandle(other.hProcess);
    CloseHandle(other.hThread);
    return rate;
}

int main(int argc, char **argv) {
    if (argc == 3 &&
        strcmp(argv[1], "--answer") == 0) { /* the second process; it has inherited the processor */
        unsigned long process;
        law_require(sscanf(argv[2], "%lu", &process) == 1, "--answer");
        open_events(process);
        SetEvent(pong);
        return (int)answer(NULL);
    }
    law_start(argc, argv, "switch_cost", "A switch between threads is cheaper than one between processes.");
    law_require(SetProcessAffinityMask(GetCurrentProcess(), 1), "SetProcessAffinityMask");
    open_events(GetCurrentProcessId());
    struct rate threads = between_threads(), processes = between_processes();
    struct switch_seen seen = {2 * ROUND_TRIPS * LAW_REPEATS,
                               threads.low,
                               threads.median,
                               threads.high,
                               processes.low,
                               processes.median,
                               processes.high};
    struct json line = law_line();
    LAW_SEEN(&line, seen, switches);
    LAW_SEEN(&line, seen, thread_low_ns);
    LAW_SEEN(&line, seen, thread_ns);
    LAW_SEEN(&line, seen, thread_high_ns);
    LAW_SEEN(&line, seen, process_low_ns);
    LAW_SEEN(&line, seen, process_ns);
    LAW_SEEN(&line, seen, process_high_ns);
    struct judged judged = {"B11", judge_switch(&seen)};
    return law_print(&line, &judged, 1);
}
