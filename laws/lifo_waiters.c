/* A port releases waiting threads in LIFO order: the newest waiter has warm caches, and the others
 * keep sleeping. Packets first come one by one, each after every worker thread waits again. Then
 * they come in bursts, whose handlers hold until the whole burst is taken. The cap equals the
 * number of worker threads, so it has no effect. */
#include "laws/law.h"
#include "laws/verdict/packets.h"

enum { WORKERS = 8, SPACED = 40, BURSTS = 8, BURST = 3 };

static HANDLE release; /* if set, handlers return immediately */
static volatile LONG taker[BURST + 1], takers;

static void take(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)crew;
    InterlockedExchange(&taker[packet], (LONG)worker);
    InterlockedIncrement(&takers);
    WaitForSingleObject(release, LAW_DEADLINE_MS);
}

/* Returns when every worker thread waits, and copies when each wait began. */
static void all_wait(struct crew *crew, LONG since[WORKERS]) {
    for (uint32_t i = 0; i < WORKERS; i++)
        law_require(law_reached(&crew->since[i], 1, LAW_DEADLINE_MS),
                    "a worker did not return to the port");
    clock_sleep_us(LAW_SETTLE_US);
    for (uint32_t i = 0; i < WORKERS; i++)
        since[i] = crew->since[i];
}

/* Returns how many worker threads began to wait after this one; 0: it is the newest. */
static uint32_t newer(const LONG since[WORKERS], LONG worker) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < WORKERS; i++)
        count += since[i] > since[worker];
    return count;
}

static void one_by_one(struct crew *crew, struct lifo_waiters_seen *seen) {
    SetEvent(release);
    for (; seen->spaced_packets < SPACED; seen->spaced_packets++) {
        LONG since[WORKERS];
        all_wait(crew, since);
        LONG handled = crew->handled;
        crew_post(crew, 1);
        law_require(law_reached(&crew->handled, handled + 1, LAW_DEADLINE_MS),
                    "a packet was not taken");
        uint32_t rank = newer(since, taker[1]);
        seen->newest += rank == 0;
        seen->oldest += rank == WORKERS - 1;
    }
}

static void in_bursts(struct crew *crew, struct lifo_waiters_seen *seen) {
    for (int burst = 0; burst < BURSTS; burst++) {
        LONG since[WORKERS];
        all_wait(crew, since);
        ResetEvent(release); /* not earlier: a handler that still has to wait would miss it */
        takers = 0;
        for (uint32_t packet = 1; packet <= BURST; packet++)
            crew_post(crew, packet);
        law_require(law_reached(&takers, BURST, LAW_DEADLINE_MS), "a burst was not taken");
        for (uint32_t packet = 1; packet <= BURST; packet++)
            seen->burst_newest += newer(since, taker[packet]) < BURST;
        seen->burst_packets += BURST;
        SetEvent(release);
    }
}

int main(int argc, char **argv) {
    law_start(argc, argv, "lifo_waiters", "A port releases its waiting threads in LIFO order.");
    release = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(release != NULL, "CreateEventW");
    struct lifo_waiters_seen seen = {.workers = WORKERS};
    struct crew crew;
    crew_start(&crew, WORKERS, WORKERS, take);
    for (LONG worker = 1; worker <= WORKERS;
         worker++) { /* one by one, so that the order of the waits is known */
        crew_open(&crew, 1);
        law_require(law_reached(&crew.ticket, worker, LAW_DEADLINE_MS),
                    "a worker did not call the port");
        clock_sleep_us(LAW_SETTLE_US);
    }
    one_by_one(&crew, &seen);
    in_bursts(&crew, &seen);
    crew_stop(&crew);
    struct json line = law_line();
    LIFO_WAITERS_SEEN(LAW_SEEN)
    struct judged judged[] = {{"C16", judge_lifo_waiters(&seen)},
                              {"C17", judge_lifo_waiters_burst(&seen)}};
    return law_print(&line, judged, 2);
}
