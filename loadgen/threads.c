#ifndef _WIN32
#define _GNU_SOURCE /* for sched_getaffinity */
#endif
#include "loadgen/threads.h"

#include <stdlib.h>

#ifdef _WIN32

#include <process.h>
#include <windows.h>

typedef HANDLE thread_handle;
#define THREAD_RESULT unsigned __stdcall

static bool start_thread(thread_handle *thread, unsigned(__stdcall *entry)(void *),
                         void *argument) {
    *thread = (HANDLE)_beginthreadex(NULL, 0, entry, argument, 0, NULL);
    return *thread != NULL;
}

static uint64_t to_ns(FILETIME time) {
    return (((uint64_t)time.dwHighDateTime << 32) + time.dwLowDateTime) * 100;
}

static bool thread_cpu_ns(thread_handle thread, uint64_t *ns) {
    FILETIME created, ended, kernel, user;
    if (!GetThreadTimes(thread, &created, &ended, &kernel, &user))
        return false;
    *ns = to_ns(kernel) + to_ns(user);
    return true;
}

static void join_thread(thread_handle thread) {
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

/* Counts the machine's CPUs and those that this process may use. */
static void count_processors(size_t *all, size_t *usable) {
    DWORD_PTR mine = 0, machine = 0;
    *all = *usable = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    GetProcessAffinityMask(GetCurrentProcess(), &mine, &machine);
    if (mine != machine) /* restricted; both are 0 if it spans several processor groups */
        for (*usable = 0; mine != 0; mine &= mine - 1)
            ++*usable;
}

const bool threads_precede_spinning = true;

/* The priority class belongs to the process, so all of its threads precede. */
bool threads_take_precedence(void) {
    return SetPriorityClass(GetCurrentProcess(), HIGH_PRIORITY_CLASS) != 0;
}

#else

#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

typedef pthread_t thread_handle;
#define THREAD_RESULT void *

static bool start_thread(thread_handle *thread, void *(*entry)(void *), void *argument) {
    return pthread_create(thread, NULL, entry, argument) == 0;
}

static bool thread_cpu_ns(thread_handle thread, uint64_t *ns) {
    clockid_t clock;
    struct timespec used;
    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return false;
    *ns = (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
    return true;
}

static void join_thread(thread_handle thread) {
    pthread_join(thread, NULL);
}

/* Counts the machine's CPUs and those that this process may use. */
static void count_processors(size_t *all, size_t *usable) {
    cpu_set_t mine;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    *all = online > 0 ? (size_t)online : 1;
    *usable = sched_getaffinity(0, sizeof mine, &mine) == 0 ? (size_t)CPU_COUNT(&mine) : *all;
}

const bool threads_precede_spinning = false;

/* The lowest real-time priority precedes all normal threads, kernel threads included. It needs
 * CAP_SYS_NICE or RLIMIT_RTPRIO. A new thread inherits it (pthread_attr_setinheritsched(3)). */
bool threads_take_precedence(void) {
    struct sched_param priority = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    return pthread_setschedparam(pthread_self(), SCHED_RR, &priority) == 0;
}

#endif

bool threads_may_spin(size_t count) {
    size_t all, usable;
    count_processors(&all, &usable);
    return count <= usable && count < all;
}

struct thread {
    thread_handle handle;
    void (*work)(void *);
    void *argument;
};

struct threads {
    size_t count;
    struct thread thread[]; /* must not move: threads hold its address */
};

static THREAD_RESULT enter(void *argument) {
    const struct thread *thread = argument;
    thread->work(thread->argument);
    return 0;
}

struct threads *threads_start(size_t count, void (*work)(void *), void *arguments, size_t size) {
    struct threads *threads = calloc(1, sizeof *threads + count * sizeof threads->thread[0]);
    if (!threads)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct thread *thread = &threads->thread[i];
        thread->work = work;
        thread->argument = (char *)arguments + i * size;
        if (!start_thread(&thread->handle, enter, thread)) {
            threads_join(threads);
            return NULL;
        }
        threads->count++;
    }
    return threads;
}

bool threads_cpu_ns(const struct threads *threads, size_t i, uint64_t *ns) {
    return thread_cpu_ns(threads->thread[i].handle, ns);
}

void threads_join(struct threads *threads) {
    for (size_t i = 0; i < threads->count; i++)
        join_thread(threads->thread[i].handle);
    free(threads);
}
