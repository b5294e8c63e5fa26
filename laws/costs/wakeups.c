/* What it costs when one thread wakes another and then waits itself: by an event, a packet on a
 * port, an APC, a condition variable, an SRW lock, a critical section. Two threads play ping-pong,
 * on one core and on two. The ways take turns, round by round.
 *
 * The locks need a trick, because only the owner releases a lock, and it could take it again before
 * the other thread wakes. Each thread holds the lock on which the other one will wait: with three
 * locks there is always one more than the waiting thread needs.
 *
 * The fastest group of trips counts, because other programs only add time. */
#include "laws/law.h"
#include "laws/verdict/wakeups.h"

#include <process.h>
#include <string.h>

enum { TRIPS = 100, LAP = 10, LOCKS = 3 }; /* a trip has two hand-overs */
enum side { PING, PONG };

static HANDLE events[2], ports[2], threads[2];
static volatile LONG apcs[2];
static SRWLOCK mutex = SRWLOCK_INIT, srw[LOCKS];
static CONDITION_VARIABLE conditions[2];
static enum side turn;
static CRITICAL_SECTION sections[LOCKS];

static void CALLBACK on_apc(ULONG_PTR side) {
    InterlockedIncrement(&apcs[side]);
}

/* Wakes the other side. */
static void wake(enum wakeup way, enum side other) {
    if (way == WAKE_EVENT) {
        SetEvent(events[other]);
    } else if (way == WAKE_PACKET) {
        PostQueuedCompletionStatus(ports[other], 0, 0, NULL);
    } else if (way == WAKE_APC) {
        QueueUserAPC(on_apc, threads[other], (ULONG_PTR)other);
    } else { /* WAKE_CONDITION */
        AcquireSRWLockExclusive(&mutex);
        turn = other;
        ReleaseSRWLockExclusive(&mutex);
        WakeConditionVariable(&conditions[other]);
    }
}

/* Waits until the other side has called wake(); `seen` counts the APCs. */
static void wait(enum wakeup way, enum side me, LONG *seen) {
    DWORD bytes;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
    if (way == WAKE_EVENT) {
        WaitForSingleObject(events[me], INFINITE);
    } else if (way == WAKE_PACKET) {
        GetQueuedCompletionStatus(ports[me], &bytes, &key, &overlapped, INFINITE);
    } else if (way == WAKE_APC) {
        for (++*seen; apcs[me] < *seen;)
            SleepEx(INFINITE, TRUE);
    } else { /* WAKE_CONDITION */
        AcquireSRWLockExclusive(&mutex);
        while (turn != me)
            SleepConditionVariableSRW(&conditions[me], &mutex, INFINITE, 0);
        ReleaseSRWLockExclusive(&mutex);
    }
}

static void take(enum wakeup way, int lock) {
    if (way == WAKE_SRW)
        AcquireSRWLockExclusive(&srw[lock % LOCKS]);
    else
        EnterCriticalSection(&sections[lock % LOCKS]);
}

static void release(enum wakeup way, int lock) {
    if (way == WAKE_SRW)
        ReleaseSRWLockExclusive(&srw[lock % LOCKS]);
    else
        LeaveCriticalSection(&sections[lock % LOCKS]);
}

/* One thread of a round. */
struct player {
    enum wakeup way;
    enum side side;
    DWORD_PTR cpu;
};

static uint64_t group_start_ns, fastest_ns; /* of PING */

/* PING has made a trip. */
static void made(int trip) {
    if ((trip + 1) % LAP != 0)
        return;
    uint64_t now_ns = clock_now_ns(), took_ns = now_ns - group_start_ns;
    fastest_ns = took_ns < fastest_ns ? took_ns : fastest_ns;
    group_start_ns = now_ns;
}

/* Both threads start with their locks in hand: PING has 0 and 2, PONG has 1. */
static void play_locks(enum wakeup way, enum side side) {
    for (int trip = 0; trip < TRIPS; trip++) {
        if (side == PING) {
            release(way, 2 * trip);
            take(way, 2 * trip + 1);
            made(trip);
        } else {
            take(way, 2 * trip);
            release(way, 2 * trip + 1);
        }
    }
    int held = 2 * TRIPS; /* the same locks, a whole number of trips later */
    release(way, side == PING ? held : held + 1);
    if (side == PING)
        release(way, held + 2);
}

static void play_wakes(enum wakeup way, enum side side) {
    LONG seen = 0;
    for (int trip = 0; trip < TRIPS; trip++) {
        if (side == PING)
            wake(way, PONG);
        wait(way, side, &seen);
        if (side == PONG)
            wake(way, PING);
        else
            made(trip);
    }
}

static HANDLE ready, go;

static unsigned __stdcall play(void *argument) {
    const struct player *player = argument;
    bool locks = player->way == WAKE_SRW || player->way == WAKE_SECTION;
    law_require(SetThreadAffinityMask(GetCurrentThread(), player->cpu) != 0,
                "SetThreadAffinityMask");
    if (locks)
        take(player->way, player->side == PING ? 0 : 1);
    if (locks && player->side == PING)
        take(player->way, 2);
    ReleaseSemaphore(ready, 1, NULL);
    law_wait(go);
    if (player->side == PING)
        group_start_ns = clock_now_ns();
    if (locks)
        play_locks(player->way, player->side);
    else
        play_wakes(player->way, player->side);
    return 0;
}

static uint64_t round_ns(enum wakeup way, const DWORD_PTR cpus[2]) {
    struct player players[2] = {{way, PING, cpus[0]}, {way, PONG, cpus[1]}};
    apcs[PING] = apcs[PONG] = 0;
    turn = PING;
    fastest_ns = UINT64_MAX;
    ResetEvent(go);
    for (int i = 0; i < 2; i++) {
        threads[i] = (HANDLE)_beginthreadex(NULL, 0, play, &players[i], 0, NULL);
        law_require(threads[i] != NULL, "_beginthreadex");
    }
    law_wait(ready);
    law_wait(ready);
    SetEvent(go);
    for (int i = 0; i < 2; i++)
        law_wait(threads[i]);
    for (int i = 0; i < 2; i++)
        CloseHandle(threads[i]);
    return fastest_ns;
}

/* Finds one CPU of each of the first two cores that this process may use. Returns their number. */
static uint64_t find_cores(DWORD_PTR cpus[2]) {
    static SYSTEM_LOGICAL_PROCESSOR_INFORMATION info[1024]; /* of 64 CPUs at most */
    DWORD_PTR usable, all;
    DWORD bytes = sizeof info;
    uint64_t cores = 0;
    law_require(GetProcessAffinityMask(GetCurrentProcess(), &usable, &all),
                "GetProcessAffinityMask");
    law_require(GetLogicalProcessorInformation(info, &bytes), "GetLogicalProcessorInformation");
    for (DWORD i = 0; i < bytes / sizeof *info; i++) {
        DWORD_PTR core = info[i].ProcessorMask & usable;
        if (info[i].Relationship == RelationProcessorCore && core != 0 && cores < 2)
            cpus[cores++] = core & (~core + 1); /* its lowest CPU */
    }
    law_require(cores > 0, "no core found");
    return cores;
}

static void set_up(void) {
    for (int i = 0; i < 2; i++) {
        events[i] = CreateEventW(NULL, FALSE, FALSE, NULL);
        ports[i] = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
        law_require(events[i] && ports[i], "CreateEventW or CreateIoCompletionPort");
    }
    for (int i = 0; i < LOCKS; i++)
        InitializeCriticalSection(&sections[i]);
    ready = CreateSemaphoreW(NULL, 0, 2, NULL);
    go = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(ready && go, "CreateSemaphoreW or CreateEventW");
}

int main(int argc, char **argv) {
    law_start(argc, argv, "wakeups", "Other hand-overs between threads cost less than an event.");
    static uint64_t ns[PLACES][WAKEUPS][RATIO_ROUNDS];
    DWORD_PTR cores[2] = {0, 0};
    set_up();
    struct wakeups_seen seen = {.cores = find_cores(cores)};
    const DWORD_PTR cpus[PLACES][2] = {{cores[0], cores[0]}, {cores[0], cores[1]}};
    enum place places = seen.cores < 2 ? OTHER_CORE : PLACES;
    for (int round = 0; round < RATIO_ROUNDS; round++)
        for (enum wakeup way = WAKE_EVENT; way < WAKEUPS; way++)
            for (enum place place = SAME_CORE; place < places; place++)
                ns[place][way][round] = round_ns(way, cpus[place]);
    struct json line = law_line();
    json_u64(&line, "cores", seen.cores);
    struct judged judged[PLACES * (WAKEUPS - 1)];
    int count = 0;
    for (enum place place = SAME_CORE; place < PLACES; place++) {
        json_object(&line, place == SAME_CORE ? "same_core_us" : "other_core_us");
        for (enum wakeup way = WAKE_EVENT; way < WAKEUPS; way++) {
            if (place < places) {
                seen.over_event[place][way] = ratio_of(ns[place][way], ns[place][WAKE_EVENT]);
                uint64_t sorted[RATIO_ROUNDS];
                memcpy(sorted, ns[place][way], sizeof sorted);
                seen.us[place][way] = (double)law_median(sorted, RATIO_ROUNDS) / (2000.0 * LAP);
                json_double(&line, wakeup_names[way], seen.us[place][way]);
            } else {
                json_null(&line, wakeup_names[way]);
            }
            if (way != WAKE_EVENT)
                judged[count++] = (struct judged){"", judge_wakeup(&seen, place, way)};
        }
        json_close(&line);
    }
    return law_print(&line, judged, count);
}
