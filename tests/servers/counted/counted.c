/* A program that does a known amount of counted work, to check the counters. For each line on stdin
 * it does the work, then prints "done" (or "sample"):
 *
 *     sample           the process' counters, as a server reports them
 *     switch N         two threads alternate N times through events: each waits N times
 *     spin MS          uses MS milliseconds of CPU time, by the thread's own clock
 *     touch BYTES      allocates and touches BYTES bytes, and keeps them
 *     open N           opens N handles, and keeps them
 *     threads N        starts N threads that keep running
 *     shift            ends one of these threads and starts another */
#include <windows.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "process_counters.h"

static HANDLE turns[2], leave; /* `leave` lets one waiting thread end */

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "counted: %s: error %lu\n", what, (unsigned long)GetLastError());
    exit(EXIT_FAILURE);
}

static HANDLE start_thread(unsigned(__stdcall *run)(void *), void *argument) {
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, run, argument, 0, NULL);
    if (!thread)
        fail("_beginthreadex");
    return thread;
}

/* Never ends, because a thread's switches are lost with it. */
static unsigned __stdcall answer_turns(void *unused) {
    (void)unused;
    while (WaitForSingleObject(turns[1], INFINITE) == WAIT_OBJECT_0)
        SetEvent(turns[0]);
    return 0;
}

static void hand_over(unsigned long rounds) {
    for (unsigned long i = 0; i < rounds; i++) {
        SetEvent(turns[1]);
        WaitForSingleObject(turns[0], INFINITE);
    }
}

static void spin(uint64_t ms) {
    uint64_t begin_ns = 0, now_ns = 0;
    clock_thread_cpu_ns(&begin_ns);
    do
        if (!clock_thread_cpu_ns(&now_ns))
            fail("GetThreadTimes");
    while (now_ns - begin_ns < ms * 1000000);
}

static void touch(size_t bytes) {
    volatile char *memory = VirtualAlloc(NULL, bytes, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (!memory)
        fail("VirtualAlloc");
    for (size_t i = 0; i < bytes; i += 4096)
        memory[i] = 1;
}

static unsigned __stdcall stay(void *started) {
    SetEvent((HANDLE)started);
    WaitForSingleObject(leave, INFINITE);
    return 0;
}

static HANDLE start_staying(void) {
    HANDLE started = CreateEventW(NULL, FALSE, FALSE, NULL);
    HANDLE thread = start_thread(stay, started);
    WaitForSingleObject(started, INFINITE);
    CloseHandle(started);
    return thread;
}

static void shift(HANDLE *threads, DWORD count) {
    if (count == 0)
        fail("shift without threads");
    SetEvent(leave);
    DWORD ended = WaitForMultipleObjects(count, threads, FALSE, INFINITE) - WAIT_OBJECT_0;
    CloseHandle(threads[ended]);
    threads[ended] = start_staying();
}

int main(void) {
    static HANDLE threads[MAXIMUM_WAIT_OBJECTS];
    DWORD count = 0;
    char line[64];
    json_start();
    process_counters_start();
    leave = CreateEventW(NULL, FALSE, FALSE, NULL);
    turns[0] = CreateEventW(NULL, FALSE, FALSE, NULL);
    turns[1] = CreateEventW(NULL, FALSE, FALSE, NULL);
    CloseHandle(start_thread(answer_turns, NULL));
    struct json ready = json_event("ready");
    process_counters_describe(&ready);
    json_print(&ready);
    while (fgets(line, sizeof line, stdin)) {
        const char *space = strchr(line, ' ');
        unsigned long number = space ? strtoul(space, NULL, 10) : 0;
        struct json answer = json_event(strncmp(line, "sample", 6) == 0 ? "sample" : "done");
        if (strncmp(line, "sample", 6) == 0)
            process_counters_report(&answer);
        else if (strncmp(line, "switch ", 7) == 0)
            hand_over(number);
        else if (strncmp(line, "spin ", 5) == 0)
            spin(number);
        else if (strncmp(line, "touch ", 6) == 0)
            touch(number);
        else if (strncmp(line, "open ", 5) == 0)
            for (unsigned long i = 0; i < number; i++)
                CreateEventW(NULL, FALSE, FALSE, NULL);
        else if (strncmp(line, "threads ", 8) == 0)
            for (unsigned long i = 0; i < number && count < MAXIMUM_WAIT_OBJECTS; i++)
                threads[count++] = start_staying();
        else if (strncmp(line, "shift", 5) == 0)
            shift(threads, count);
        json_print(&answer);
    }
    return 0;
}
