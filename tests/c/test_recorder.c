#include "check.h"
#include "loadgen/recorder.h"

/* Records a reply at `now_ns` that took `latency_ns`. */
static void reply(struct recorder *recorder, uint64_t now_ns, uint64_t latency_ns) {
    struct moments moments = {now_ns - latency_ns, now_ns - latency_ns, now_ns - latency_ns};
    recorder_reply(recorder, now_ns, &moments);
}

static void the_window_is_half_open(void) {
    struct recorder recorder;
    CHECK(recorder_open(&recorder));
    recorder.begin_ns = 1000;
    recorder.end_ns = 2000;
    static const uint64_t times[] = {0, 999, 1000, 1999, 2000, UINT64_MAX};
    for (size_t i = 0; i < 6; i++)
        reply(&recorder, times[i], 0);
    CHECK(recorder.requests == 2 && recorder.replies_checked == 6 &&
          recorder.service.histogram->total_count == 2);
    recorder_close(&recorder);
}

/* The rate counts replies in the window, the latencies are of requests sent in it. */
static void a_closed_loop_keeps_what_was_sent_in_the_window(void) {
    struct recorder recorder;
    CHECK(recorder_open(&recorder));
    recorder.begin_ns = 1000;
    recorder.end_ns = 2000;
    reply(&recorder, 1004, 5); /* sent before */
    CHECK(recorder.requests == 1 && recorder.service.histogram->total_count == 0);
    reply(&recorder, 2900, 901); /* answered after */
    CHECK(recorder.requests == 1 && recorder.service.histogram->total_count == 1);
    CHECK(hdr_values_are_equivalent(recorder.service.histogram, hdr_max(recorder.service.histogram),
                                    901));
    reply(&recorder, 2900, 900); /* sent after */
    CHECK(recorder.service.histogram->total_count == 1);
    recorder_close(&recorder);
}

/* A postponed window contains replies after its first end. */
static void the_window_grows_until_there_were_enough_replies(void) {
    static const uint64_t ms = 1000000;
    struct window_plan plan = {.warmup_ns = 100 * ms,
                               .warmup_most_ns = 200 * ms,
                               .duration_ns = 100 * ms,
                               .most_ns = 400 * ms,
                               .grid_ns = 10 * ms};
    struct window *window = window_open(&plan);
    struct recorder recorder;
    CHECK(window && recorder_open(&recorder));
    recorder_begin(&recorder, window, 2, 3);
    recorder_warm(&recorder);
    reply(&recorder, 101 * ms, ms); /* one connection is still cold */
    CHECK(recorder.requests == 0 && recorder.begin_ns == 110 * ms);
    recorder_warm(&recorder);
    reply(&recorder, 110 * ms, ms);
    CHECK(recorder.requests == 1 && recorder.begin_ns == 110 * ms && recorder.end_ns == 210 * ms);
    reply(&recorder, 214 * ms, ms);
    CHECK(recorder.requests == 2 && recorder.end_ns == 220 * ms);
    reply(&recorder, 219 * ms, ms);
    reply(&recorder, 220 * ms, ms); /* three replies were wanted */
    CHECK(recorder.requests == 3 && recorder.end_ns == 220 * ms);
    CHECK(window_complete(window, WINDOW_BEGIN) && window_complete(window, WINDOW_END));
    recorder_close(&recorder);
    window_close(window);
}

static void extremes_are_kept_and_counted(void) {
    struct recorder recorder;
    CHECK(recorder_open(&recorder));
    recorder.end_ns = UINT64_MAX;
    reply(&recorder, 0, 0);
    reply(&recorder, (uint64_t)RECORDER_HIGHEST_NS, (uint64_t)RECORDER_HIGHEST_NS);
    reply(&recorder, (uint64_t)RECORDER_HIGHEST_NS + 1, (uint64_t)RECORDER_HIGHEST_NS + 1);
    reply(&recorder, UINT64_MAX - 1, UINT64_MAX - 1);
    CHECK(recorder.requests == 4 && recorder.service.saturated == 2 &&
          recorder.service.histogram->total_count == 4);
    CHECK(hdr_min(recorder.service.histogram) == 1);
    CHECK(hdr_max(recorder.service.histogram) >= RECORDER_HIGHEST_NS);
    recorder_close(&recorder);
}

/* The sum of two recorders equals one recorder of both: the same bucket counts, not averaged
 * percentiles. */
static void merging_is_exact(void) {
    struct recorder even, odd, both, sum;
    CHECK(recorder_open(&even) && recorder_open(&odd) && recorder_open(&both) &&
          recorder_open(&sum));
    even.end_ns = odd.end_ns = both.end_ns = UINT64_MAX;
    uint64_t latency = 1;
    for (int i = 0; i < 100000; i++) {
        latency =
            (latency * UINT64_C(6364136223846793005) + 1442695040888963407) % UINT64_C(70000000000);
        reply(i % 2 ? &odd : &even, latency, latency);
        reply(&both, latency, latency);
    }
    recorder_add(&sum, &even);
    recorder_add(&sum, &odd);
    CHECK(sum.requests == both.requests && sum.service.saturated == both.service.saturated &&
          sum.service.saturated > 0);
    CHECK(sum.replies_checked == both.replies_checked);
    CHECK(sum.service.histogram->counts_len == both.service.histogram->counts_len);
    for (int32_t i = 0; i < both.service.histogram->counts_len; i++)
        CHECK(sum.service.histogram->counts[i] == both.service.histogram->counts[i]);
    recorder_close(&even);
    recorder_close(&odd);
    recorder_close(&both);
    recorder_close(&sum);
}

/* An open loop keeps the latencies of requests that were due in the window, whenever the reply
 * came. */
static void an_open_loop_keeps_what_was_due_in_the_window(void) {
    struct recorder recorder;
    CHECK(recorder_open(&recorder));
    recorder.open = true;
    recorder.begin_ns = 1000;
    recorder.end_ns = 2000;
    static const struct moments due_before = {900, 900, 1100}, due_inside = {1999, 1999, 2500},
                                due_after = {2000, 2000, 2000};
    recorder_reply(&recorder, 1200, &due_before);
    CHECK(recorder.requests == 1 && recorder.response.histogram->total_count == 0);
    recorder_reply(&recorder, 5999, &due_inside);
    recorder_reply(&recorder, 6000, &due_after);
    CHECK(recorder.requests == 1 && recorder.response.histogram->total_count == 1);
    CHECK(hdr_values_are_equivalent(recorder.response.histogram,
                                    hdr_max(recorder.response.histogram), 4000));
    CHECK(hdr_values_are_equivalent(recorder.service.histogram, hdr_max(recorder.service.histogram),
                                    3499));
    CHECK(recorder.outstanding_ns == 100);
    recorder_unanswered(&recorder, &(struct moments){1500, 1500, 1600});
    CHECK(recorder.outstanding_ns == 500);
    recorder_close(&recorder);
}

static void check_course(const struct course *course, const struct coarse *coarse,
                         const uint64_t *replies, const uint64_t *sums, const uint64_t *most) {
    for (uint32_t i = 0; i < coarse->count; i++) {
        struct interval interval = course_sum(course, coarse, i);
        CHECK(interval.replies == replies[i] && interval.sum_ns == sums[i]);
        CHECK(interval.max_ns == most[i]);
    }
}

static void the_course_of_the_load_has_every_reply_in_its_interval(void) {
    static const uint64_t ms = 1000000;
    struct window_plan plan = {.start_ns = 985 * ms,
                               .warmup_ns = 15 * ms,
                               .warmup_most_ns = 15 * ms,
                               .duration_ns = 25 * ms,
                               .most_ns = 25 * ms,
                               .grid_ns = 10 * ms};
    struct window *window = window_open(&plan);
    struct recorder recorder;
    CHECK(window && recorder_open(&recorder));
    recorder_begin(&recorder, window, 0, 0);
    static const struct {
        uint64_t at_ns, latency_ns;
    } replies[] = {{979, 5}, {980, 7}, {1000, 10}, {1009, 30}, {1024, 8}, {1025, 9}};
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++)
        reply(&recorder, replies[i].at_ns * ms, replies[i].latency_ns);
    const struct course *course = &recorder.course;
    struct coarse fine = course_coarsen(course, 1, 1000 * ms, 1025 * ms);
    CHECK(fine.begin_ns == 980 * ms && fine.width_ns == 10 * ms);
    CHECK(fine.warmup == 2 && fine.count == 5);
    check_course(course, &fine, (uint64_t[]){1, 0, 2, 0, 1}, (uint64_t[]){7, 0, 40, 0, 8},
                 (uint64_t[]){7, 0, 30, 0, 8});
    struct coarse wide = course_coarsen(course, 3, 1000 * ms, 1025 * ms);
    CHECK(wide.begin_ns == 970 * ms && wide.width_ns == 30 * ms);
    CHECK(wide.warmup == 1 && wide.count == 2);
    check_course(course, &wide, (uint64_t[]){1, 3}, (uint64_t[]){7, 48}, (uint64_t[]){7, 30});
    recorder_close(&recorder);
    window_close(window);
}

/* A warm-up of two whole intervals needs no third one before it. */
static void a_course_begins_with_the_load(void) {
    for (uint64_t warmup_ns = 11; warmup_ns <= 20; warmup_ns++) {
        struct window_plan plan = {.start_ns = 1000 - warmup_ns,
                                   .warmup_ns = warmup_ns,
                                   .warmup_most_ns = warmup_ns,
                                   .duration_ns = 20,
                                   .most_ns = 20,
                                   .grid_ns = 10};
        struct window *window = window_open(&plan);
        struct recorder recorder;
        CHECK(window && recorder_open(&recorder));
        recorder_begin(&recorder, window, 0, 0);
        struct coarse coarse = course_coarsen(&recorder.course, 1, 1000, 1020);
        CHECK(coarse.begin_ns == 980 && coarse.warmup == 2 && coarse.count == 4);
        recorder_close(&recorder);
        window_close(window);
    }
}

/* The load starts 5 ms after the system, and the first interval starts before the clock's zero. */
static void a_course_may_begin_before_the_clock(void) {
    static const uint64_t ms = 1000000;
    struct window_plan plan = {.start_ns = 5 * ms,
                               .warmup_ns = 15 * ms,
                               .warmup_most_ns = 15 * ms,
                               .duration_ns = 30 * ms,
                               .most_ns = 30 * ms,
                               .grid_ns = 10 * ms};
    struct window *window = window_open(&plan);
    struct recorder recorder;
    CHECK(window && recorder_open(&recorder));
    recorder_begin(&recorder, window, 0, 0);
    reply(&recorder, 6 * ms, 7);
    reply(&recorder, 20 * ms, 9);
    for (uint32_t factor = 1; factor <= 7; factor++) {
        struct coarse coarse = course_coarsen(&recorder.course, factor, 20 * ms, 50 * ms);
        uint64_t replies = 0, sum_ns = 0;
        for (uint32_t i = 0; i < coarse.count; i++) {
            replies += course_sum(&recorder.course, &coarse, i).replies;
            sum_ns += course_sum(&recorder.course, &coarse, i).sum_ns;
        }
        CHECK(replies == 2 && sum_ns == 16);
    }
    recorder_close(&recorder);
    window_close(window);
}

/* The longest load that the options allow fits into the intervals. */
static void the_longest_load_fits_into_its_course(void) {
    uint64_t longest_ns = UINT64_C(3600600) * 1000000 + 4 * UINT64_C(86400000) * 1000000;
    CHECK(longest_ns / course_width_ns(longest_ns) < COURSE_INTERVALS + 1);
    CHECK(course_width_ns(1) == INTERVAL_LEAST_NS);
}

/* The delay starts when the server no longer holds the request back. */
static void a_send_is_late_by_own_fault_or_held_back(void) {
    struct recorder recorder;
    CHECK(recorder_open(&recorder));
    recorder.open = true;
    recorder.end_ns = UINT64_MAX;
    recorder.slack_ns = 100;
    CHECK(!recorder_send(&recorder, &(struct moments){1000, 1000, 1010}));
    CHECK(recorder_send(&recorder, &(struct moments){1000, 5000, 5020}));
    CHECK(recorder_send(&recorder, &(struct moments){1000, 1000, 9000}));
    CHECK(!recorder_send(&recorder, &(struct moments){1000, 1002, 1001}));
    CHECK(recorder.sends == 4 && recorder.held == 1 && recorder.late == 1);
    const struct hdr_histogram *delay = recorder.delay.histogram;
    CHECK(delay->total_count == 4 && hdr_min(delay) == 1);
    CHECK(hdr_values_are_equivalent(delay, hdr_value_at_percentile(delay, 50), 10));
    CHECK(hdr_values_are_equivalent(delay, hdr_value_at_percentile(delay, 75), 20));
    CHECK(hdr_values_are_equivalent(delay, hdr_max(delay), 8000));
    recorder_close(&recorder);
}

int main(void) {
    the_window_is_half_open();
    a_closed_loop_keeps_what_was_sent_in_the_window();
    the_window_grows_until_there_were_enough_replies();
    extremes_are_kept_and_counted();
    merging_is_exact();
    an_open_loop_keeps_what_was_due_in_the_window();
    the_course_of_the_load_has_every_reply_in_its_interval();
    a_course_begins_with_the_load();
    a_course_may_begin_before_the_clock();
    the_longest_load_fits_into_its_course();
    a_send_is_late_by_own_fault_or_held_back();
    return 0;
}
