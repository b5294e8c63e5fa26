#include "loadgen/recorder.h"

bool recorder_open(struct recorder *recorder) {
    *recorder = (struct recorder){0};
    return hdr_init(RECORDER_LOWEST_NS, RECORDER_HIGHEST_NS, RECORDER_DIGITS, &recorder->latency_ns) == 0;
}

void recorder_close(struct recorder *recorder) {
    if (recorder->latency_ns)
        hdr_close(recorder->latency_ns);
    recorder->latency_ns = NULL;
}

void recorder_reply(struct recorder *recorder, uint64_t now_ns, uint64_t latency_ns) {
    recorder->replies_checked++;
    if (now_ns < recorder->begin_ns || now_ns >= recorder->end_ns)
        return;
    recorder->requests++;
    if (latency_ns > (uint64_t)RECORDER_HIGHEST_NS) {
        recorder->saturated++;
        latency_ns = (uint64_t)RECORDER_HIGHEST_NS;
    }
    if (latency_ns < (uint64_t)RECORDER_LOWEST_NS) /* shorter than the clock's step */
        latency_ns = (uint64_t)RECORDER_LOWEST_NS;
    hdr_record_value(recorder->latency_ns, (int64_t)latency_ns);
}

void recorder_add(struct recorder *sum, const struct recorder *recorder) {
    hdr_add(sum->latency_ns, recorder->latency_ns); /* same buckets: exact */
    sum->requests += recorder->requests;
    sum->saturated += recorder->saturated;
    sum->replies_checked += recorder->replies_checked;
    sum->bytes_checked += recorder->bytes_checked;
}
