#include "check.h"
#include "loadgen/recorder.h"

/* A reply at `now_ns` that took `latency_ns`. */
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

/* The sum of two recorders is the recorder of both: the same bucket counts, not an average of percentiles. */
static void merging_is_exact(void) {
    struct recorder even, odd, both, sum;
    CHECK(recorder_open(&even) && recorder_open(&odd) && recorder_open(&both) && recorder_open(&sum));
    even.end_ns = odd.end_ns = both.end_ns = 1;
    uint64_t latency = 1;
    for (int i = 0; i < 100000; i++) {
        latency = (latency * UINT64_C(6364136223846793005) + 1442695040888963407) % UINT64_C(70000000000);
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

int main(void) {
    the_window_is_half_open();
    extremes_are_kept_and_counted();
    merging_is_exact();
    return 0;
}
