#include "check.h"
#include "loadgen/recorder.h"

static void the_window_is_half_open(void) {
    struct recorder recorder;
    CHECK(recorder_open(&recorder));
    recorder.begin_ns = 1000;
    recorder.end_ns = 2000;
    static const uint64_t times[] = {0, 999, 1000, 1999, 2000, UINT64_MAX};
    for (size_t i = 0; i < 6; i++)
        recorder_reply(&recorder, times[i], 5);
    CHECK(recorder.requests == 2 && recorder.replies_checked == 6 && recorder.latency_ns->total_count == 2);
    recorder_close(&recorder);
}

static void extremes_are_kept_and_counted(void) {
    struct recorder recorder;
    CHECK(recorder_open(&recorder));
    recorder.end_ns = 1;
    recorder_reply(&recorder, 0, 0);
    recorder_reply(&recorder, 0, (uint64_t)RECORDER_HIGHEST_NS);
    recorder_reply(&recorder, 0, (uint64_t)RECORDER_HIGHEST_NS + 1);
    recorder_reply(&recorder, 0, UINT64_MAX);
    CHECK(recorder.requests == 4 && recorder.saturated == 2 && recorder.latency_ns->total_count == 4);
    CHECK(hdr_min(recorder.latency_ns) == 1);
    CHECK(hdr_max(recorder.latency_ns) >= RECORDER_HIGHEST_NS);
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
        recorder_reply(i % 2 ? &odd : &even, 0, latency);
        recorder_reply(&both, 0, latency);
    }
    recorder_add(&sum, &even);
    recorder_add(&sum, &odd);
    CHECK(sum.requests == both.requests && sum.saturated == both.saturated && sum.saturated > 0);
    CHECK(sum.replies_checked == both.replies_checked);
    CHECK(sum.latency_ns->counts_len == both.latency_ns->counts_len);
    for (int32_t i = 0; i < both.latency_ns->counts_len; i++)
        CHECK(sum.latency_ns->counts[i] == both.latency_ns->counts[i]);
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
