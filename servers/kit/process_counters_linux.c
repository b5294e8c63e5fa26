#include "process_counters.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

/* getrusage() adds up all threads of the process, those that ended included. /proc forgets their
 * switches. The rest the harness reads from outside. */
static const char *const names[] = {
    "cpu_ns",
    "cpu_user_ns",
    "cpu_kernel_ns",
    "page_faults",
    "context_switches",
    "context_switches_voluntary",
    "context_switches_involuntary",
    "working_set_bytes",
    "peak_working_set_bytes",
};
static const char *const sources[] = {
    "CLOCK_PROCESS_CPUTIME_ID",
    "getrusage",
    "getrusage",
    "getrusage",
    "getrusage",
    "getrusage",
    "getrusage",
    "/proc/self/statm",
    "getrusage",
};
enum { COUNTERS = sizeof names / sizeof names[0] };

void process_counters_start(void) {
}

void process_counters_describe(struct json *line) {
    json_object(line, "process_sources");
    for (int counter = 0; counter < COUNTERS; counter++)
        json_string(line, names[counter], sources[counter]);
    json_close(line);
    json_object(line, "process_missing");
    json_close(line);
}

static uint64_t nanoseconds(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

/* Returns the memory in use, or 0. */
static uint64_t resident_bytes(void) {
    unsigned long long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

void process_counters_report(struct json *line) {
    uint64_t started_ns = clock_now_ns(), resident = resident_bytes();
    struct rusage used; /* read later, so that the peak is not below what is in use */
    struct timespec cpu;
    getrusage(RUSAGE_SELF, &used);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    uint64_t values[COUNTERS] = {
        (uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec,
        nanoseconds(used.ru_utime),
        nanoseconds(used.ru_stime),
        (uint64_t)used.ru_minflt + (uint64_t)used.ru_majflt,
        (uint64_t)used.ru_nvcsw + (uint64_t)used.ru_nivcsw,
        (uint64_t)used.ru_nvcsw,
        (uint64_t)used.ru_nivcsw,
        resident,
        (uint64_t)used.ru_maxrss * 1024,
    };
    json_object(line, "process");
    for (int counter = 0; counter < COUNTERS; counter++)
        json_u64(line, names[counter], values[counter]);
    json_u64(line, "sample_cost_ns", clock_now_ns() - started_ns);
    json_close(line);
}
