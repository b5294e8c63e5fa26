#include "system.h"

#include <mswsock.h>
#include <string.h>

#include <stdbool.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/platform.h"
#include "common/throttling.h"

#ifndef SIO_LOOPBACK_FAST_PATH
#define SIO_LOOPBACK_FAST_PATH _WSAIOW(IOC_VENDOR, 16)
#endif
#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
#define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x2 /* Windows 10 1803 */
#endif

static struct throttling throttling;
static DWORD fast_path_error; /* 0: it is off. Otherwise the error of the call to turn it off. */

#define GROUP_PROCESSORS_MOST (uint32_t)(sizeof(KAFFINITY) * 8)

static uint32_t spread_threads[SYSTEM_GROUPS_MAX]; /* threads that each group got */
static SRWLOCK spread_lock = SRWLOCK_INIT;

/* C converts function pointers only through void(*)(void). */
static void (*function_of(const wchar_t *library, const char *name))(void) {
    HMODULE module = LoadLibraryExW(library, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    return module ? (void (*)(void))GetProcAddress(module, name) : NULL;
}

void system_start(void) {
    throttling = throttling_off();
}

void system_avoid_fast_path(SOCKET listener) {
    DWORD off = 0, bytes;
    int failed =
        WSAIoctl(listener, SIO_LOOPBACK_FAST_PATH, &off, sizeof off, NULL, 0, &bytes, NULL, NULL);
    fast_path_error = failed ? (DWORD)WSAGetLastError() : 0;
}

/* Returns whether this process may use only some CPUs of its group. */
static bool pinned(void) {
    DWORD_PTR process = 0, system = 0;
    return GetProcessAffinityMask(GetCurrentProcess(), &process, &system) && process != system;
}

uint32_t system_processors(void) {
    DWORD_PTR mask = 0, system = 0;
    uint32_t count = 0;
    if (!pinned())
        return GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    GetProcessAffinityMask(GetCurrentProcess(), &mask, &system);
    for (; mask; mask &= mask - 1)
        count++;
    return count > 0 ? count : 1;
}

uint32_t system_next_group(const uint32_t *threads, const uint32_t *processors, uint32_t groups) {
    uint32_t best = 0;
    for (uint32_t group = 1; group < groups; group++) /* compares the fractions threads / CPUs */
        if ((uint64_t)(threads[group] + 1) * processors[best] <
            (uint64_t)(threads[best] + 1) * processors[group])
            best = group;
    return best;
}

/* Counts the CPUs of each group. Returns the number of groups. */
static uint32_t count_groups(uint32_t processors[SYSTEM_GROUPS_MAX]) {
    uint32_t groups = GetActiveProcessorGroupCount();
    if (groups > SYSTEM_GROUPS_MAX)
        groups = SYSTEM_GROUPS_MAX;
    for (uint32_t group = 0; group < groups; group++)
        processors[group] = GetActiveProcessorCount((WORD)group);
    return groups;
}

/* Returns how many groups the process's threads use, 0 if unavailable. */
static uint32_t process_groups(DWORD *error) {
    USHORT groups[SYSTEM_GROUPS_MAX], count = SYSTEM_GROUPS_MAX;
    bool known = GetProcessGroupAffinity(GetCurrentProcess(), &count, groups);
    *error = known ? 0 : GetLastError();
    return known ? count : 0;
}

void system_spread(HANDLE thread) {
    uint32_t processors[SYSTEM_GROUPS_MAX];
    uint32_t groups = count_groups(processors);
    DWORD error;
    if (groups < 2 || pinned() || process_groups(&error) != 1)
        return;
    AcquireSRWLockExclusive(&spread_lock);
    uint32_t group = system_next_group(spread_threads, processors, groups);
    spread_threads[group]++;
    ReleaseSRWLockExclusive(&spread_lock);
    uint32_t bits =
        processors[group] < GROUP_PROCESSORS_MOST ? processors[group] : GROUP_PROCESSORS_MOST;
    GROUP_AFFINITY affinity = {.Mask = ~(KAFFINITY)0 >> (GROUP_PROCESSORS_MOST - bits),
                               .Group = (WORD)group};
    SetThreadGroupAffinity(thread, &affinity, NULL); /* on failure the thread keeps its group */
}

/* Returns the median of five waits of 0.5 ms with such a timer, 0 if it cannot be created. */
static uint64_t half_millisecond_ns(DWORD flags) {
    HANDLE timer = CreateWaitableTimerExW(NULL, NULL, flags, TIMER_ALL_ACCESS);
    if (!timer)
        return 0;
    uint64_t waits[5] = {0};
    for (int i = 0; i < 5; i++) {
        LARGE_INTEGER due = {.QuadPart = -5000}; /* relative, in 100 ns */
        uint64_t begin = clock_now_ns();
        SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE);
        WaitForSingleObject(timer, 1000);
        uint64_t wait = clock_now_ns() - begin;
        int place = i;
        for (; place > 0 && waits[place - 1] > wait; place--)
            waits[place] = waits[place - 1];
        waits[place] = wait;
    }
    CloseHandle(timer);
    return waits[2];
}

static DWORD current_tick_ns(uint64_t *ns) {
    typedef LONG(WINAPI * query_resolution)(ULONG *, ULONG *, ULONG *);
    query_resolution query = (query_resolution)function_of(L"ntdll.dll", "NtQueryTimerResolution");
    ULONG longest, shortest, current; /* in units of 100 ns */
    if (!query || query(&longest, &shortest, &current) != 0)
        return ERROR_CALL_NOT_IMPLEMENTED;
    *ns = (uint64_t)current * 100;
    return 0;
}

/* "381b4222-f694-41f0-9685-ff5bb260df2e" is the plan "Balanced" on every Windows. */
static DWORD power_plan(char text[40]) {
    typedef DWORD(WINAPI * active_scheme)(HKEY, GUID **);
    active_scheme active = (active_scheme)function_of(L"powrprof.dll", "PowerGetActiveScheme");
    GUID *id = NULL;
    DWORD error = active ? active(NULL, &id) : ERROR_CALL_NOT_IMPLEMENTED;
    if (error != 0)
        return error;
    snprintf(text, 40, "%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             (unsigned long)id->Data1, id->Data2, id->Data3, id->Data4[0], id->Data4[1],
             id->Data4[2], id->Data4[3], id->Data4[4], id->Data4[5], id->Data4[6], id->Data4[7]);
    LocalFree(id);
    return 0;
}

/* Facts are printed immediately; the reasons for null are kept for the object "reasons" at the
 * end. */
struct facts {
    struct json *line;
    struct {
        const char *name, *call;
        DWORD error;
    } missing[8];
    size_t count;
};

static bool known(struct facts *facts, const char *name, const char *call, DWORD error) {
    if (error == 0)
        return true;
    json_null(facts->line, name);
    facts->missing[facts->count].name = name;
    facts->missing[facts->count].call = call;
    facts->missing[facts->count++].error = error;
    return false;
}

static void report_reasons(const struct facts *facts) {
    json_object(facts->line, "reasons");
    for (size_t i = 0; i < facts->count; i++) {
        char text[96];
        snprintf(text, sizeof text, "%s: error %lu", facts->missing[i].call,
                 (unsigned long)facts->missing[i].error);
        json_string(facts->line, facts->missing[i].name, text);
    }
    json_close(facts->line);
}

void system_report(struct json *line) {
    struct facts facts = {.line = line};
    uint32_t processors[SYSTEM_GROUPS_MAX];
    DWORD error;
    json_object(line, "system");
    json_u64(line, "processors", GetActiveProcessorCount(ALL_PROCESSOR_GROUPS));
    json_u64(line, "processor_groups", count_groups(processors));
    uint32_t own_groups = process_groups(&error);
    if (known(&facts, "process_groups", "GetProcessGroupAffinity", error))
        json_u64(line, "process_groups", own_groups);
    json_bool(line, "pinned", pinned());
    if (known(&facts, "execution_throttled", "SetProcessInformation(ProcessPowerThrottling)",
              throttling.execution_error))
        json_bool(line, "execution_throttled", false);
    if (known(&facts, "timer_requests_ignored", "SetProcessInformation(ProcessPowerThrottling)",
              throttling.timer_error))
        json_bool(line, "timer_requests_ignored", false);
    uint64_t tick_ns;
    if (known(&facts, "timer_resolution_ns", "NtQueryTimerResolution", current_tick_ns(&tick_ns)))
        json_u64(line, "timer_resolution_ns", tick_ns);
    uint64_t wait_ns = half_millisecond_ns(CREATE_WAITABLE_TIMER_HIGH_RESOLUTION);
    if (known(&facts, "high_resolution_timer_500us_ns", "CreateWaitableTimerExW",
              wait_ns ? 0 : GetLastError()))
        json_u64(line, "high_resolution_timer_500us_ns", wait_ns);
    char plan[40];
    if (known(&facts, "power_plan", "PowerGetActiveScheme", power_plan(plan)))
        json_string(line, "power_plan", plan);
    if (known(&facts, "loopback_fast_path", "WSAIoctl(SIO_LOOPBACK_FAST_PATH)", fast_path_error))
        json_bool(line, "loopback_fast_path", false);
    report_reasons(&facts);
    json_close(line);
}

void (*system_extension(SOCKET socket, GUID id))(void) {
    void (*function)(void) = NULL;
    DWORD returned;
    WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function, sizeof function,
             &returned, NULL, NULL);
    return function;
}

bool system_reuses_sockets(void) {
    return strncmp(platform_name(), "wine", 4) != 0;
}
