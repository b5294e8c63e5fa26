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
        reply(&recorder, times[i], 5);
    CHECK(recorder.requests == 2 && recorder.replies_checked == 6 &&
          recorder.service.histogram->total_count == 2);
    recorder_close(&recorder);
}

static void extremes_are_kept_and_counted(void) {
    struct recorder recorder;
    CHECK(recorder_open(&recorder));
    recorder.end_ns = 1;
    reply(&recorder, 0, 0);
    reply(&recorder, 0, (uint64_t)RECORDER_HIGHEST_NS);
    reply(&recorder, 0, (uint64_t)RECORDER_HIGHEST_NS + 1);
    reply(&recorder, 0, UINT64_MAX);
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
    even.end_ns = odd.end_ns = both.end_ns = 1;
    uint64_t latency = 1;
    for (int i = 0; i < 100000; i++) {
        latency =
            (latency * UINT64_C(6364136223846793005) + 1442695040888963407) % UINT64_C(70000000000);
        reply(i % 2 ? &odd : &even, 0, latency);
        reply(&both, 0, latency);
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

static void the_course_of_the_load_has_every_reply_in_its_interval(void) {
    struct recorder recorder;
    static const uint64_t ms = 1000000;
    CHECK(recorder_open(&recorder));
    recorder_begin(&recorder, 15 * ms, 1000 * ms, 1025 * ms); /* 10 ms wide, the minimum */
    const struct course *course = &recorder.course;
    CHECK(course->width_ns == 10 * ms && course->warmup == 2 && course->count == 5);
    CHECK(course->begin_ns == 980 * ms);
    reply(&recorder, 979 * ms, 5);
    reply(&recorder, 980 * ms, 7);
    reply(&recorder, 1000 * ms, 10);
    reply(&recorder, 1010 * ms - 1, 30);
    reply(&recorder, 1029 * ms, 8);
    reply(&recorder, 1030 * ms, 9);
    static const uint64_t replies[] = {1, 0, 2, 0, 1}, sums[] = {7, 0, 40, 0, 8},
                          most[] = {7, 0, 30, 0, 8};
    for (uint32_t i = 0; i < 5; i++) {
        CHECK(course->intervals[i].replies == replies[i] && course->intervals[i].sum_ns == sums[i]);
        CHECK(course->intervals[i].max_ns == most[i]);
    }
    recorder_begin(&recorder, 3600000 * ms, 3600000 * ms, UINT64_C(86400000) * 2 * ms);
    CHECK(course->count <= INTERVALS_MAX);
    recorder_close(&recorder);
}

int main(void) {
    the_window_is_half_open();
    extremes_are_kept_and_counted();
    merging_is_exact();
    an_open_loop_keeps_what_was_due_in_the_window();
    the_course_of_the_load_has_every_reply_in_its_interval();
    return 0;
}
