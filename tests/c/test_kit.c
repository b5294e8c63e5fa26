/* The kit under many threads: a model whose threads admit and dismiss connections as fast as they
 * can, without a client. Its list must be empty at the end, and its sums exact. */
#include "check.h"
#include "loadgen/threads.h"
#include "server.h"

enum { THREADS = 16, ROUNDS = 10000, HELD = 4, FITTING = 2 * HELD };

struct work {
    struct stats *stats;
    uint64_t admitted, refused, shared;
};

/* Holds a few connections, and dismisses them in an order that changes. */
static void admit_and_dismiss(void *argument) {
    struct work *work = argument;
    struct connection held[HELD];
    work->stats = server_stats();
    for (uint32_t round = 0; round < ROUNDS; round++) {
        bool open[HELD];
        for (uint32_t i = 0; i < HELD; i++) {
            open[i] = server_admit(&held[i], SOCKET_NONE, work->stats);
            work->admitted += open[i];
            work->refused += !open[i];
        }
        for (uint32_t i = 0; i < HELD; i++) {
            uint32_t next = (i * 3 + round) % HELD;
            if (open[next])
                server_dismiss(&held[next], work->stats);
        }
    }
}

/* A block belongs to one thread until it is returned. The thread signs it, and looks again. */
static void take_and_return(void *argument) {
    struct work *work = argument;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        volatile uint64_t *signature = &server_stats()->events;
        for (uint64_t number = 1; number <= HELD; number++) {
            uint64_t signed_as = (uint64_t)(uintptr_t)work + number;
            *signature = signed_as;
            work->shared += *signature != signed_as;
        }
        server_stats_return((struct stats *)((char *)signature - offsetof(struct stats, events)));
    }
}

/* Exactly max_conns connections fit. */
static void fill_and_empty(void) {
    struct stats *stats = server_stats();
    struct connection held[FITTING + 1];
    for (uint32_t i = 0; i < FITTING; i++)
        CHECK(server_admit(&held[i], SOCKET_NONE, stats));
    CHECK(!server_admit(&held[FITTING], SOCKET_NONE, stats) && server_cancel() == FITTING);
    server_dismiss(&held[3], stats);
    CHECK(server_admit(&held[FITTING], SOCKET_NONE, stats));
    CHECK(server_any() == &held[FITTING]);
    for (struct connection *left; (left = server_any()) != NULL;)
        server_dismiss(left, stats);
    CHECK(stats->accepted == FITTING + 1 && stats->closed == FITTING + 1 && stats->refused == 1);
}

static int run(const struct server *server) {
    static struct work works[THREADS];
    CHECK(server->max_conns == FITTING);
    server_ready();
    fill_and_empty();
    struct threads *threads = threads_start(THREADS, admit_and_dismiss, works, sizeof works[0]);
    CHECK(threads != NULL);
    threads_join(threads);
    for (uint32_t i = 0; i < THREADS; i++) {
        const struct stats *stats = works[i].stats;
        CHECK(works[i].admitted + works[i].refused == (uint64_t)ROUNDS * HELD);
        CHECK(stats->accepted == works[i].admitted && stats->closed == works[i].admitted);
        CHECK(stats->refused == works[i].refused && stats->failures == 0);
        for (uint32_t other = 0; other < i; other++)
            CHECK(works[other].stats != stats); /* each thread has a block of its own */
    }
    CHECK(server_any() == NULL && server_cancel() == 0);

    /* A returned block keeps its counts and serves the next thread. */
    struct stats *returned = works[7].stats;
    uint64_t accepted = returned->accepted;
    server_stats_return(returned);
    CHECK(server_stats() == returned && returned->accepted == accepted);
    CHECK(server_stats() != returned);

    threads = threads_start(THREADS, take_and_return, works, sizeof works[0]);
    CHECK(threads != NULL);
    threads_join(threads);
    for (uint32_t i = 0; i < THREADS; i++)
        CHECK(works[i].shared == 0);
    return EXIT_SUCCESS;
}

const struct server_model model = {.name = "test_kit",
                                   .summary = "Admits and dismisses connections in many threads.",
                                   .family = "blocking",
                                   .cost = "nothing",
                                   .since = "any system",
                                   .max_conns = FITTING,
                                   .max_threads = 1,
                                   .run = run};
