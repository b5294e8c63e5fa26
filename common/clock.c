#include "common/clock.h"

#ifdef _WIN32

#include <windows.h>

#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
#define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x2 /* Windows 10 1803 */
#endif

uint64_t clock_now_ns(void) {
    LARGE_INTEGER frequency, ticks;
    QueryPerformanceFrequency(&frequency); /* reads shared memory, no system call */
    QueryPerformanceCounter(&ticks);
    uint64_t per_second = (uint64_t)frequency.QuadPart, now = (uint64_t)ticks.QuadPart;
    return now / per_second * 1000000000u + now % per_second * 1000000000u / per_second;
}

enum { SPIN_NS = 100000 }; /* a shorter rest is spun: every timer would end it late */

void clock_sleep_us(uint32_t us) {
    uint64_t now_ns = clock_now_ns(), deadline_ns = now_ns + (uint64_t)us * 1000;
    HANDLE timer =
        CreateWaitableTimerExW(NULL, NULL, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, TIMER_ALL_ACCESS);
    if (!timer)
        timer = CreateWaitableTimerExW(NULL, NULL, 0, TIMER_ALL_ACCESS);
    do { /* again if the timer fired early */
        LARGE_INTEGER left = {.QuadPart = -(LONGLONG)((deadline_ns - now_ns) / 100)}; /* relative */
        if (timer && SetWaitableTimer(timer, &left, 0, NULL, NULL, FALSE))
            WaitForSingleObject(timer, INFINITE);
        else
            Sleep(1);
        now_ns = clock_now_ns();
    } while (now_ns + SPIN_NS < deadline_ns);
    if (timer)
        CloseHandle(timer);
    while (clock_now_ns() < deadline_ns) {
    }
}

static uint64_t to_ns(FILETIME time) {
    return (((uint64_t)time.dwHighDateTime << 32) + time.dwLowDateTime) * 100;
}

bool clock_thread_cpu_ns(uint64_t *ns) {
    FILETIME created, ended, kernel, user;
    if (!GetThreadTimes(GetCurrentThread(), &created, &ended, &kernel, &user))
        return false;
    *ns = to_ns(kernel) + to_ns(user);
    return true;
}

#else

#include <errno.h>
#include <time.h>

static uint64_t to_ns(struct timespec time) {
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t clock_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return to_ns(now);
}

void clock_sleep_us(uint32_t us) {
    struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

bool clock_thread_cpu_ns(uint64_t *ns) {
    struct timespec used;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) != 0)
        return false;
    *ns = to_ns(used);
    return true;
}

#endif

struct clock_quality clock_examine(void) {
    enum { READINGS = 10000 };
    uint64_t first = clock_now_ns(), last = first, step = UINT64_MAX;
    for (int i = 0; i < READINGS; i++) {
        uint64_t now = clock_now_ns();
        if (now > last && now - last < step)
            step = now - last;
        last = now;
    }
    return (struct clock_quality){.resolution_ns = last > first ? (double)step : 0,
                                  .read_ns = (double)(last - first) / (double)READINGS};
}

void clock_spin_us(uint32_t us) {
    uint64_t deadline_ns = clock_now_ns() + (uint64_t)us * 1000;
    while (clock_now_ns() < deadline_ns) {
    }
}

void clock_sleep_until_ns(uint64_t deadline_ns) {
    for (uint64_t now = clock_now_ns(); now < deadline_ns; now = clock_now_ns()) {
        uint64_t us = (deadline_ns - now + 999) / 1000;
        clock_sleep_us(us < 1000000 ? (uint32_t)us : 1000000);
    }
}
