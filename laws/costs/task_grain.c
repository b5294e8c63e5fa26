/* The same computation as 1, 2, 4, 8 … 5000 tasks of a thread pool. Few tasks leave CPUs idle; many
 * small ones cost more to pass than to compute. So the time forms the letter U, unless the pool
 * passes tasks for free. The pool is private and has one thread per CPU.
 *
 * If the process gets one CPU only, no split can be faster. So two threads without a pool are the
 * control: each computes a half.
 *
 * A round of its own chooses the best number of tasks. Otherwise chance would choose it, too. */
#include "laws/law.h"
#include "laws/verdict/threads_cost.h"

enum { WORK_US = 5000, TRIALS = 16 };

static const uint32_t tasks[GRAINS] = {1, 2, 4, 8, 25, 250, 1250, 5000};
static uint64_t loops_of_all;
static uint32_t loops_of_one;
static volatile LONG left;
static HANDLE finished;

/* The sum is on the stack, because CPUs that share a cache line would wait for each other. */
static void compute(uint64_t loops) {
    volatile uint64_t sum = 0;
    for (uint64_t i = 0; i < loops; i++)
        sum = sum + i;
}

/* Takes the fastest of ten, because other programs slow some of them. */
static void calibrate(void) {
    const uint64_t count = 200000;
    uint64_t quickest_ns = UINT64_MAX;
    for (int i = 0; i < 10; i++) {
        uint64_t start_ns = clock_now_ns();
        compute(count);
        uint64_t took_ns = clock_now_ns() - start_ns;
        quickest_ns = took_ns < quickest_ns ? took_ns : quickest_ns;
    }
    loops_of_all = count * WORK_US * 1000 / (quickest_ns + 1);
}

static void CALLBACK on_task(PTP_CALLBACK_INSTANCE instance, void *context, PTP_WORK work) {
    (void)instance, (void)context, (void)work;
    compute(loops_of_one);
    if (InterlockedDecrement(&left) == 0)
        SetEvent(finished);
}

static void serve_half(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)crew, (void)worker, (void)packet;
    compute(loops_of_one);
    if (InterlockedDecrement(&left) == 0)
        SetEvent(finished);
}

/* Returns the fastest trial of two threads that wait on a port. */
static uint64_t time_of_threads(struct crew *crew) {
    uint64_t least_ns = UINT64_MAX;
    loops_of_one = (uint32_t)(loops_of_all / 2);
    for (int trial = 0; trial < TRIALS; trial++) {
        InterlockedExchange(&left, 2);
        uint64_t start_ns = clock_now_ns();
        crew_post(crew, 1);
        crew_post(crew, 2);
        law_wait(finished);
        uint64_t ns = clock_now_ns() - start_ns;
        least_ns = ns < least_ns ? ns : least_ns;
    }
    return least_ns;
}

static uint64_t time_once(PTP_WORK work, uint32_t count) {
    loops_of_one = (uint32_t)(loops_of_all / count);
    InterlockedExchange(&left, (LONG)count);
    uint64_t start_ns = clock_now_ns();
    for (uint32_t i = 0; i < count; i++)
        SubmitThreadpoolWork(work);
    law_wait(finished);
    return clock_now_ns() - start_ns;
}

/* The fastest trial is nearest to the cost, because other programs only add time. */
static uint64_t time_of(PTP_WORK work, uint32_t count) {
    uint64_t least_ns = UINT64_MAX;
    for (int trial = 0; trial < TRIALS; trial++) {
        uint64_t ns = time_once(work, count);
        least_ns = ns < least_ns ? ns : least_ns;
    }
    return least_ns;
}

static PTP_WORK make_work(uint32_t threads) {
    static TP_CALLBACK_ENVIRON environment;
    PTP_POOL pool = CreateThreadpool(NULL);
    law_require(pool != NULL, "CreateThreadpool");
    SetThreadpoolThreadMaximum(pool, threads);
    law_require(SetThreadpoolThreadMinimum(pool, threads), "SetThreadpoolThreadMinimum");
    InitializeThreadpoolEnvironment(&environment);
    SetThreadpoolCallbackPool(&environment, pool);
    PTP_WORK work = CreateThreadpoolWork(on_task, NULL, &environment);
    law_require(work != NULL, "CreateThreadpoolWork");
    return work;
}

/* Among those that split the computation at all, without the finest. */
static uint64_t choose_best(PTP_WORK work) {
    uint64_t best = 1, least_ns = UINT64_MAX;
    for (uint32_t i = 1; i < GRAINS - 1; i++) {
        uint64_t ns = time_of(work, tasks[i]);
        if (ns < least_ns) {
            least_ns = ns;
            best = i;
        }
    }
    return best;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "task_grain", "Splitting a big task into small pool tasks is faster.");
    finished = CreateEventW(NULL, FALSE, FALSE, NULL);
    law_require(finished != NULL, "CreateEventW");
    calibrate();
    struct task_grain_seen seen = {.processors = law_processors(), .work_us = WORK_US};
    PTP_WORK work = make_work((uint32_t)seen.processors);
    uint64_t ns[GRAINS][RATIO_ROUNDS], threads_ns[RATIO_ROUNDS];
    struct crew crew;
    crew_start(&crew, 0, 2, serve_half);
    crew_open(&crew, 2);
    time_of(work, tasks[GRAINS - 1]); /* creates the threads */
    seen.best = choose_best(work);
    for (int round = 0; round < RATIO_ROUNDS; round++) {
        for (int i = 0; i < GRAINS; i++)
            ns[i][round] = time_of(work, tasks[i]);
        threads_ns[round] = time_of_threads(&crew);
    }
    crew_stop(&crew);
    seen.threads_to_whole = ratio_of(threads_ns, ns[0]);
    seen.best_to_whole = ratio_of(ns[seen.best], ns[0]);
    seen.finest_to_best = ratio_of(ns[GRAINS - 1], ns[seen.best]);
    struct json line = law_line();
    json_u64(&line, "processors", seen.processors);
    json_u64(&line, "work_us", WORK_US);
    json_u64(&line, "two_threads_ns", law_median(threads_ns, RATIO_ROUNDS));
    json_array(&line, "times");
    for (int i = 0; i < GRAINS; i++) {
        seen.tasks[i] = tasks[i];
        json_object(&line, NULL);
        json_u64(&line, "tasks", tasks[i]);
        json_u64(&line, "median_ns", law_median(ns[i], RATIO_ROUNDS));
        json_close(&line);
    }
    json_close(&line);
    struct judged judged = {"C22", judge_task_grain(&seen)};
    return law_print(&line, &judged, 1);
}
