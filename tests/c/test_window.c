/* The measuring window: its start and its end are postponed and fixed, and all threads agree. */
#include "check.h"
#include "loadgen/threads.h"
#include "loadgen/window.h"

#include <stdlib.h>

static const struct window_plan plan = {.start_ns = 1000,
                                        .warmup_ns = 100,
                                        .warmup_most_ns = 200,
                                        .duration_ns = 1000,
                                        .most_ns = 4000,
                                        .grid_ns = 30};

/* A step is a twentieth of the window, 50, rounded up to the grid: 60. */
static void without_demands_the_window_is_as_planned(void) {
    struct window *window = window_open(&plan);
    CHECK(window);
    struct window_view view = window_look(window, 0);
    CHECK(view.begin_ns == 1100 && view.end_ns == 2100 && view.until_ns == 1100);
    view = window_look(window, 1100);
    CHECK(view.begin_ns == 1100 && view.end_ns == 2100 && view.until_ns == 2100);
    view = window_look(window, 2100);
    CHECK(view.end_ns == 2100 && view.until_ns == UINT64_MAX);
    CHECK(window_complete(window, WINDOW_BEGIN) && window_complete(window, WINDOW_END));
    window_close(window);
}

static void a_moment_waits_for_every_report(void) {
    struct window *window = window_open(&plan);
    CHECK(window);
    window_expect(window, WINDOW_BEGIN);
    window_expect(window, WINDOW_BEGIN);
    window_expect(window, WINDOW_END);
    CHECK(window_look(window, 1099).begin_ns == 1100);
    CHECK(window_look(window, 1100).begin_ns == 1160);
    window_report(window, WINDOW_BEGIN);
    CHECK(window_look(window, 1159).begin_ns == 1160);
    window_report(window, WINDOW_BEGIN);
    struct window_view view = window_look(window, 1165);
    CHECK(view.begin_ns == 1160 && view.end_ns == 2160);
    CHECK(window_look(window, 2399).end_ns == 2400); /* a late thread postpones it several times */
    window_report(window, WINDOW_END);
    view = window_look(window, 2400);
    CHECK(view.end_ns == 2400 && view.until_ns == UINT64_MAX);
    CHECK(window_look(window, 99999).end_ns == 2400);
    CHECK(window_complete(window, WINDOW_BEGIN) && window_complete(window, WINDOW_END));
    window_close(window);
}

/* The latest start is a multiple of the grid away: 1100 + 3 * 30. */
static void a_moment_does_not_wait_for_ever(void) {
    struct window *window = window_open(&plan);
    CHECK(window);
    window_expect(window, WINDOW_BEGIN);
    window_expect(window, WINDOW_END);
    struct window_view view = window_look(window, 1200);
    CHECK(view.begin_ns == 1190 && view.end_ns == 2190 && view.until_ns == 2190);
    CHECK(!window_complete(window, WINDOW_BEGIN));
    window_report(window, WINDOW_BEGIN); /* too late to change it */
    view = window_look(window, 10000);
    CHECK(view.begin_ns == 1190 && view.end_ns == 1190 + 4000 && view.until_ns == UINT64_MAX);
    CHECK(!window_complete(window, WINDOW_BEGIN) && !window_complete(window, WINDOW_END));
    window_close(window);
}

/* A thread that counts the times inside the window, each one immediately. */
struct counter {
    struct window *window;
    uint64_t first_ns;
    struct window_view view;
    uint64_t counted, counted_from, counted_to;
};

enum { THREADS = 4, TIMES = 20000, WANTED = 3000 };

static void count_times(void *argument) {
    struct counter *counter = argument;
    for (uint64_t i = 0; i < TIMES; i++) {
        uint64_t now_ns = counter->first_ns + i;
        if (i == 120 + counter->first_ns % 7)
            window_report(counter->window, WINDOW_BEGIN);
        if (now_ns >= counter->view.until_ns)
            counter->view = window_look(counter->window, now_ns);
        if (now_ns < counter->view.begin_ns || now_ns >= counter->view.end_ns)
            continue;
        if (counter->counted++ == 0)
            counter->counted_from = now_ns;
        counter->counted_to = now_ns;
        if (counter->counted == WANTED)
            window_report(counter->window, WINDOW_END);
    }
}

/* Threads run at their own speed, and each counts exactly the times inside the final window. */
static void threads_agree_without_waiting(void) {
    for (int round = 0; round < 50; round++) {
        struct window *window = window_open(&plan);
        struct counter counters[THREADS];
        CHECK(window);
        for (uint64_t i = 0; i < THREADS; i++) {
            window_expect(window, WINDOW_BEGIN);
            window_expect(window, WINDOW_END);
            counters[i] = (struct counter){.window = window, .first_ns = 1000 + i};
        }
        struct threads *threads = threads_start(THREADS, count_times, counters, sizeof counters[0]);
        CHECK(threads);
        threads_join(threads);
        struct window_view view = window_look(window, 0);
        CHECK(view.until_ns == UINT64_MAX && view.end_ns - view.begin_ns <= plan.most_ns);
        for (size_t i = 0; i < THREADS; i++) {
            CHECK(counters[i].counted == view.end_ns - view.begin_ns);
            CHECK(counters[i].counted_from == view.begin_ns);
            CHECK(counters[i].counted_to == view.end_ns - 1);
        }
        window_close(window);
    }
}

int main(void) {
    without_demands_the_window_is_as_planned();
    a_moment_waits_for_every_report();
    a_moment_does_not_wait_for_ever();
    threads_agree_without_waiting();
    return EXIT_SUCCESS;
}
