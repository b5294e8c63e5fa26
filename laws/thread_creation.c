/* The time of a request from submit to completion: served by a new thread, by the thread pool, or by
 * a waiting worker thread. Rounds visit the three in turn. */
#include "laws/law.h"
#include "laws/verdict/threads_and_pool.h"

#include <process.h>

enum { REQUESTS = 10 }; /* per round */

static HANDLE done;

static unsigned __stdcall of_thread(void *argument) {
    (void)argument;
    SetEvent(done);
    return 0;
}

static void CALLBACK of_pool(PTP_CALLBACK_INSTANCE instance, void *argument) {
    (void)instance;
    (void)argument;
    SetEvent(done);
}

static void of_worker(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)crew;
    (void)worker;
    (void)packet;
    SetEvent(done);
}

static void by_thread(struct crew *crew) {
    (void)crew;
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, of_thread, NULL, 0, NULL);
    law_require(thread != NULL, "_beginthreadex");
    law_wait(thread); /* the thread's exit is part of its cost */
    CloseHandle(thread);
}

static void by_pool(struct crew *crew) {
    (void)crew;
    law_require(TrySubmitThreadpoolCallback(of_pool, NULL, NULL), "TrySubmitThreadpoolCallback");
}

static void by_worker(struct crew *crew) {
    crew_post(crew, 1);
}

static uint64_t median_ns(void (*request)(struct crew *), struct crew *crew) {
    uint64_t took_ns[REQUESTS];
    for (int i = 0; i < REQUESTS; i++) {
        uint64_t start_ns = clock_now_ns();
        request(crew);
        law_wait(done);
        took_ns[i] = clock_now_ns() - start_ns;
    }
    return law_median(took_ns, REQUESTS);
}

int main(int argc, char **argv) {
    law_start(argc, argv, "thread_creation",
              "A thread for each request is expensive; a pool is cheap.");
    done = CreateEventW(NULL, FALSE, FALSE, NULL);
    law_require(done != NULL, "CreateEventW");
    struct crew crew;
    crew_start(&crew, 0, 1, of_worker);
    crew_open(&crew, crew.workers);
    struct thread_creation_seen seen = {.requests = REQUESTS * RATIO_ROUNDS};
    uint64_t thread_ns[RATIO_ROUNDS], pool_ns[RATIO_ROUNDS], queued_ns[RATIO_ROUNDS];
    median_ns(by_pool, &crew); /* creates the pool's thread */
    for (int round = 0; round < RATIO_ROUNDS; round++) {
        thread_ns[round] = median_ns(by_thread, &crew);
        pool_ns[round] = median_ns(by_pool, &crew);
        queued_ns[round] = median_ns(by_worker, &crew);
    }
    crew_stop(&crew);
    seen.thread_to_pool = ratio_of(thread_ns, pool_ns);
    seen.thread_ns = law_median(thread_ns, RATIO_ROUNDS);
    seen.pool_ns = law_median(pool_ns, RATIO_ROUNDS);
    seen.queued_ns = law_median(queued_ns, RATIO_ROUNDS);
    struct json line = law_line();
    THREAD_CREATION_SEEN(LAW_SEEN)
    struct judged judged = {"B14", judge_thread_creation(&seen)};
    return law_print(&line, &judged, 1);
}
