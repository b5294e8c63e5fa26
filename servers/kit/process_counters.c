#include "process_counters.h"

#include <winsock2.h>
#include <windows.h>
#include <psapi.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"

enum {
    PROBE_BYTES = 1 << 20,
    PROBE_SPIN_MS = 2000,
    FIRST_LIST_BYTES = 1 << 16,
    REASON_BYTES = 112
};

#define TIMES  "GetProcessTimes"
#define MEMORY "GetProcessMemoryInfo"
#define SYSTEM "NtQuerySystemInformation(SystemProcessInformation)"

/* name in the JSON, the call that reads it */
#define PROCESS_COUNTERS(X)                                                                        \
    X(cpu_user_ns, TIMES)                                                                          \
    X(cpu_kernel_ns, TIMES)                                                                        \
    X(cycles, "QueryProcessCycleTime")                                                             \
    X(context_switches,                                                                            \
      SYSTEM)          /* of all threads; an ended thread loses its count since the last sample */ \
    X(threads, SYSTEM) /* now */                                                                   \
    X(threads_ended, SYSTEM) /* seen in an earlier sample */                                       \
    X(handles, "GetProcessHandleCount")                                                            \
    X(working_set_bytes, MEMORY)                                                                   \
    X(peak_working_set_bytes, MEMORY)                                                              \
    X(private_bytes, MEMORY)                                                                       \
    X(paged_pool_bytes, MEMORY)                                                                    \
    X(nonpaged_pool_bytes, MEMORY)                                                                 \
    X(page_faults, MEMORY)

enum counter {
#define COUNTER_ID(name, source) COUNTER_##name,
    PROCESS_COUNTERS(COUNTER_ID)
#undef COUNTER_ID
        COUNTERS
};

static const char *const names[] = {
#define COUNTER_NAME(name, source) #name,
    PROCESS_COUNTERS(COUNTER_NAME)
#undef COUNTER_NAME
};

static const char *const sources[] = {
#define COUNTER_SOURCE(name, source) source,
    PROCESS_COUNTERS(COUNTER_SOURCE)
#undef COUNTER_SOURCE
};

struct reading {
    uint64_t value[COUNTERS];
    bool known[COUNTERS];
    DWORD error[COUNTERS]; /* the call's error, if it failed */
};

/* why a counter is unavailable; empty if it is available */
static char missing[COUNTERS][REASON_BYTES];

/* The layout of NtQuerySystemInformation's list, which Windows' headers document only in part.
 * It is stable since Windows 2000: the processes follow each other, each with its threads behind
 * it. */
struct system_thread {
    LARGE_INTEGER kernel_time, user_time, create_time;
    ULONG wait_time;
    void *start_address;
    HANDLE process_id, thread_id;
    LONG priority, base_priority;
    ULONG context_switches, state, wait_reason;
};

struct system_process {
    ULONG next_offset, thread_count;
    LARGE_INTEGER reserved[3], create_time, user_time, kernel_time;
    USHORT name_bytes, name_room;
    void *name;
    LONG base_priority;
    HANDLE process_id, parent_id;
    ULONG handle_count, session_id;
    ULONG_PTR key;
    SIZE_T sizes[2];
    ULONG page_faults;
    SIZE_T memory[9];
    LARGE_INTEGER io[6];
};

#ifdef _WIN64
_Static_assert(sizeof(struct system_thread) == 80, "SYSTEM_THREAD_INFORMATION");
_Static_assert(sizeof(struct system_process) == 256, "SYSTEM_PROCESS_INFORMATION");
#endif

typedef LONG(WINAPI *query_system_function)(int what, void *list, ULONG room, ULONG *length);
static query_system_function query_system;
enum { SYSTEM_PROCESS_LIST = 5 };
static const LONG LIST_TOO_SHORT = (LONG)0xC0000004; /* STATUS_INFO_LENGTH_MISMATCH */

/* Kept between samples, so that a sample rarely allocates. It uses the heap of Windows, because
 * tests count (and fail) a server's allocations from C's heap. */
static char *list;
static ULONG list_bytes = FIRST_LIST_BYTES;

static void *allocate(size_t bytes) {
    return HeapAlloc(GetProcessHeap(), 0, bytes);
}

static void release(void *memory) {
    if (memory)
        HeapFree(GetProcessHeap(), 0, memory);
}

/* Returns this process in a new list of all processes, or NULL. */
static const struct system_process *own_entry(void) {
    LONG status = LIST_TOO_SHORT;
    while (query_system && status == LIST_TOO_SHORT && list_bytes < (1u << 28)) {
        ULONG needed = 0;
        if (!list)
            list = allocate(list_bytes);
        if (!list)
            return NULL;
        status = query_system(SYSTEM_PROCESS_LIST, list, list_bytes, &needed);
        /* twice the needed size, because processes start meanwhile */
        if (status == LIST_TOO_SHORT) {
            list_bytes = 2 * (needed > list_bytes ? needed : list_bytes);
            release(list);
            list = NULL;
        }
    }
    if (!query_system || status != 0)
        return NULL;
    const char *place = list;
    const struct system_process *entry = (const void *)place;
    while (entry->process_id != (HANDLE)(ULONG_PTR)GetCurrentProcessId()) {
        if (entry->next_offset == 0)
            return NULL;
        place += entry->next_offset;
        entry = (const void *)place;
    }
    return entry;
}

/* The threads at the last sample. Windows forgets a thread's switches with the thread, so a sum
 * over running threads could fall. The sum of differences between samples cannot. */
struct thread_seen {
    HANDLE id;
    LONGLONG created;
    ULONG switches;
};
static struct thread_seen *seen;
static ULONG seen_count;
static uint64_t total_switches, total_ended;

static const struct thread_seen *find_seen(const struct system_thread *thread) {
    for (ULONG i = 0; i < seen_count; i++)
        if (seen[i].id == thread->thread_id && seen[i].created == thread->create_time.QuadPart)
            return &seen[i];
    return NULL;
}

/* Returns false, without counting, if out of memory. */
static bool count_switches(const struct system_process *process) {
    const struct system_thread *thread = (const void *)(process + 1);
    struct thread_seen *now = allocate((process->thread_count + 1u) * sizeof *now);
    if (!now)
        return false;
    ULONG met = 0;
    for (ULONG i = 0; i < process->thread_count; i++) {
        const struct thread_seen *before = find_seen(&thread[i]);
        met += before != NULL;
        /* 32 bits, may wrap */
        total_switches += thread[i].context_switches - (before ? before->switches : 0);
        now[i] = (struct thread_seen){thread[i].thread_id, thread[i].create_time.QuadPart,
                                      thread[i].context_switches};
    }
    total_ended += seen_count - met;
    release(seen);
    seen = now;
    seen_count = process->thread_count;
    return true;
}

static void set(struct reading *reading, enum counter counter, uint64_t value) {
    reading->value[counter] = value;
    reading->known[counter] = true;
}

static void set_failed(struct reading *reading, enum counter first, enum counter last) {
    DWORD error = GetLastError();
    for (int counter = (int)first; counter <= (int)last; counter++)
        reading->error[counter] = error;
}

static bool alive(enum counter counter) {
    return missing[counter][0] == '\0';
}

static uint64_t filetime_ns(FILETIME time) {
    return (((uint64_t)time.dwHighDateTime << 32) | time.dwLowDateTime) * 100;
}

static void read_times(struct reading *reading) {
    FILETIME created, ended, kernel, user;
    if (GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user)) {
        set(reading, COUNTER_cpu_user_ns, filetime_ns(user));
        set(reading, COUNTER_cpu_kernel_ns, filetime_ns(kernel));
    } else {
        set_failed(reading, COUNTER_cpu_user_ns, COUNTER_cpu_kernel_ns);
    }
    ULONG64 cycles = 0;
    if (alive(COUNTER_cycles) && QueryProcessCycleTime(GetCurrentProcess(), &cycles))
        set(reading, COUNTER_cycles, cycles);
    else
        set_failed(reading, COUNTER_cycles, COUNTER_cycles);
}

static void read_memory(struct reading *reading) {
    PROCESS_MEMORY_COUNTERS_EX memory = {.cb = sizeof memory};
    if (!K32GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&memory,
                                 sizeof memory)) {
        set_failed(reading, COUNTER_working_set_bytes, COUNTER_page_faults);
        return;
    }
    set(reading, COUNTER_working_set_bytes, memory.WorkingSetSize);
    set(reading, COUNTER_peak_working_set_bytes, memory.PeakWorkingSetSize);
    set(reading, COUNTER_private_bytes, memory.PrivateUsage);
    set(reading, COUNTER_paged_pool_bytes, memory.QuotaPagedPoolUsage);
    set(reading, COUNTER_nonpaged_pool_bytes, memory.QuotaNonPagedPoolUsage);
    set(reading, COUNTER_page_faults, memory.PageFaultCount);
}

static void read_list(struct reading *reading) {
    const struct system_process *own = own_entry();
    if (!own)
        return;
    set(reading, COUNTER_threads, own->thread_count);
    if (count_switches(own)) {
        set(reading, COUNTER_context_switches, total_switches);
        set(reading, COUNTER_threads_ended, total_ended);
    }
}

static void read_cheap(struct reading *reading) {
    memset(reading, 0, sizeof *reading);
    read_times(reading);
    read_memory(reading);
    DWORD handles = 0;
    if (GetProcessHandleCount(GetCurrentProcess(), &handles))
        set(reading, COUNTER_handles, handles);
    else
        set_failed(reading, COUNTER_handles, COUNTER_handles);
}

/* Reads before and after actions that must change every counter: a megabyte, a handle, a wait, CPU
 * time. */
static void exercise(struct reading *before, struct reading *after) {
    read_cheap(before);
    char *bytes = VirtualAlloc(NULL, PROBE_BYTES, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    for (size_t i = 0; bytes && i < PROBE_BYTES; i += 4096)
        ((volatile char *)bytes)[i] = 1;
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    Sleep(1);
    read_cheap(after);
    read_list(after);
    /* The clock of CPU time ticks every 10 to 16 ms; usually it ticked before main() began. A busy
     * machine may keep this process from its CPU for much longer. */
    uint64_t deadline_ns = clock_now_ns() + PROBE_SPIN_MS * UINT64_C(1000000);
    while (after->value[COUNTER_cpu_user_ns] + after->value[COUNTER_cpu_kernel_ns] == 0 &&
           clock_now_ns() < deadline_ns)
        read_times(after);
    if (event)
        CloseHandle(event);
    if (bytes)
        VirtualFree(bytes, 0, MEM_RELEASE);
}

static void give_up(enum counter counter, const char *why, DWORD error) {
    if (error)
        snprintf(missing[counter], REASON_BYTES, "%s: error %lu", sources[counter],
                 (unsigned long)error);
    else
        snprintf(missing[counter], REASON_BYTES, "%s %s", sources[counter], why);
}

/* Makes a counter unavailable unless it grew by `least`, or, if `least` is 0, is not zero. */
static void prove(const struct reading *before, const struct reading *after, enum counter counter,
                  uint64_t least) {
    uint64_t first = least > 0 ? before->value[counter] : 0;
    if (!after->known[counter])
        give_up(counter, "reports no value", after->error[counter]);
    else if (after->value[counter] == 0)
        give_up(counter, "always reports 0", 0);
    else if (after->value[counter] < first + least)
        give_up(counter, "does not change", 0);
}

void process_counters_start(void) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    if (ntdll) /* C converts function pointers only through void(*)(void) */
        query_system = (query_system_function)(void (*)(void))GetProcAddress(
            ntdll, "NtQuerySystemInformation");
    struct reading before, after;
    exercise(&before, &after);
    uint64_t half = PROBE_BYTES / 2; /* Windows may count pages in batches */
    prove(&before, &after, COUNTER_cycles, 1);
    prove(&before, &after, COUNTER_context_switches, 0); /* the sleep caused a switch */
    prove(&before, &after, COUNTER_handles, 1);
    prove(&before, &after, COUNTER_working_set_bytes, half);
    prove(&before, &after, COUNTER_peak_working_set_bytes, 0);
    prove(&before, &after, COUNTER_private_bytes, half);
    prove(&before, &after, COUNTER_paged_pool_bytes, 0);
    prove(&before, &after, COUNTER_nonpaged_pool_bytes, 0);
    prove(&before, &after, COUNTER_page_faults, 1);
    if (after.value[COUNTER_cpu_user_ns] + after.value[COUNTER_cpu_kernel_ns] == 0) {
        give_up(COUNTER_cpu_user_ns, "always reports 0", after.error[COUNTER_cpu_user_ns]);
        give_up(COUNTER_cpu_kernel_ns, "always reports 0", after.error[COUNTER_cpu_kernel_ns]);
    }
    /* otherwise listing the whole system is too expensive */
    if (!alive(COUNTER_context_switches)) {
        give_up(COUNTER_threads, "is not read: it reports no context switches", 0);
        give_up(COUNTER_threads_ended, "is not read: it reports no context switches", 0);
    }
}

void process_counters_describe(struct json *line) {
    json_object(line, "process_sources");
    for (int counter = 0; counter < COUNTERS; counter++)
        if (alive((enum counter)counter))
            json_string(line, names[counter], sources[counter]);
    json_close(line);
    json_object(line, "process_missing");
    for (int counter = 0; counter < COUNTERS; counter++)
        if (!alive((enum counter)counter))
            json_string(line, names[counter], missing[counter]);
    json_close(line);
}

void process_counters_report(struct json *line) {
    uint64_t started_ns = clock_now_ns();
    struct reading reading;
    read_cheap(&reading);
    if (alive(COUNTER_context_switches))
        read_list(&reading);
    json_object(line, "process");
    for (int counter = 0; counter < COUNTERS; counter++)
        if (alive((enum counter)counter) && reading.known[counter])
            json_u64(line, names[counter], reading.value[counter]);
        else
            json_null(line, names[counter]);
    json_u64(line, "sample_cost_ns", clock_now_ns() - started_ns);
    json_close(line);
}
