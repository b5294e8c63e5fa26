#include "loadgen/recorder.h"

#include <stddef.h>

static bool latencies_open(struct latencies *latencies) {
    return hdr_init(RECORDER_LOWEST_NS, RECORDER_HIGHEST_NS, RECORDER_DIGITS,
                    &latencies->histogram) == 0;
}

static void latencies_close(struct latencies *latencies) {
    if (latencies->histogram)
        hdr_close(latencies->histogram);
    latencies->histogram = NULL;
}

static void latencies_record(struct latencies *latencies, uint64_t ns) {
    if (ns > (uint64_t)RECORDER_HIGHEST_NS) {
        latencies->saturated++;
        ns = (uint64_t)RECORDER_HIGHEST_NS;
    }
    if (ns < (uint64_t)RECORDER_LOWEST_NS) /* shorter than the clock's resolution */
        ns = (uint64_t)RECORDER_LOWEST_NS;
    hdr_record_value(latencies->histogram, (int64_t)ns);
}

static void latencies_add(struct latencies *sum, const struct latencies *latencies) {
    hdr_add(sum->histogram, latencies->histogram); /* equal buckets, so the sum is exact */
    sum->saturated += latencies->saturated;
}

bool recorder_open(struct recorder *recorder) {
    *recorder = (struct recorder){0};
    if (latencies_open(&recorder->response) && latencies_open(&recorder->service) &&
        latencies_open(&recorder->connect))
        return true;
    recorder_close(recorder);
    return false;
}

void recorder_close(struct recorder *recorder) {
    latencies_close(&recorder->response);
    latencies_close(&recorder->service);
    latencies_close(&recorder->connect);
}

void recorder_begin(struct recorder *recorder, uint64_t warmup_ns, uint64_t begin_ns,
                    uint64_t end_ns) {
    uint64_t width_ns = (warmup_ns + end_ns - begin_ns + INTERVALS - 1) / INTERVALS;
    struct course *course = &recorder->course;
    recorder->begin_ns = begin_ns;
    recorder->end_ns = end_ns;
    *course =
        (struct course){.width_ns = width_ns > INTERVAL_LEAST_NS ? width_ns : INTERVAL_LEAST_NS};
    course->warmup = (uint32_t)((warmup_ns + course->width_ns - 1) / course->width_ns);
    course->count =
        course->warmup + (uint32_t)((end_ns - begin_ns + course->width_ns - 1) / course->width_ns);
    course->begin_ns = begin_ns - course->warmup * course->width_ns;
}

static void course_reply(struct course *course, uint64_t now_ns, uint64_t service_ns) {
    if (course->count == 0 || now_ns < course->begin_ns) /* during set-up */
        return;
    uint64_t at = (now_ns - course->begin_ns) / course->width_ns;
    if (at >= course->count)
        return;
    struct interval *interval = &course->intervals[at];
    interval->replies++;
    interval->sum_ns += service_ns;
    interval->max_ns = service_ns > interval->max_ns ? service_ns : interval->max_ns;
}

static void course_add(struct course *sum, const struct course *course) {
    sum->begin_ns = course->begin_ns;
    sum->width_ns = course->width_ns;
    sum->warmup = course->warmup;
    sum->count = course->count;
    for (uint32_t i = 0; i < course->count; i++) {
        struct interval *to = &sum->intervals[i];
        const struct interval *from = &course->intervals[i];
        to->replies += from->replies;
        to->sum_ns += from->sum_ns;
        to->max_ns = from->max_ns > to->max_ns ? from->max_ns : to->max_ns;
    }
}

static bool in_window(const struct recorder *recorder, uint64_t ns) {
    return ns >= recorder->begin_ns && ns < recorder->end_ns;
}

bool recorder_send(struct recorder *recorder, const struct moments *request) {
    if (!recorder->open)
        return false;
    bool sent_inside = in_window(recorder, request->sent_ns);
    bool late = request->sent_ns > request->due_ns + recorder->slack_ns;
    if (in_window(recorder, request->due_ns)) {
        recorder->due++;
        recorder->due_sent += sent_inside;
    }
    if (sent_inside) {
        bool own = late && request->sent_ns > request->possible_ns + recorder->slack_ns;
        recorder->sends++;
        recorder->late += own;
        recorder->held += late && !own;
    }
    return late;
}

static void add_overlap(struct recorder *recorder, uint64_t from_ns, uint64_t to_ns) {
    uint64_t from = from_ns > recorder->begin_ns ? from_ns : recorder->begin_ns;
    uint64_t to = to_ns < recorder->end_ns ? to_ns : recorder->end_ns;
    recorder->outstanding_ns += to > from ? to - from : 0;
}

bool recorder_reply(struct recorder *recorder, uint64_t now_ns, const struct moments *request) {
    bool inside = in_window(recorder, now_ns);
    recorder->replies_checked++;
    recorder->requests += inside;
    course_reply(&recorder->course, now_ns, now_ns - request->sent_ns);
    if (recorder->open)
        add_overlap(recorder, request->sent_ns, now_ns);
    if (recorder->open ? in_window(recorder, request->due_ns) : inside) {
        latencies_record(&recorder->service, now_ns - request->sent_ns);
        if (recorder->open)
            latencies_record(&recorder->response, now_ns - request->due_ns);
    }
    return inside;
}

void recorder_unanswered(struct recorder *recorder, const struct moments *request) {
    if (recorder->open)
        add_overlap(recorder, request->sent_ns, recorder->end_ns);
}

void recorder_connected(struct recorder *recorder, uint64_t now_ns, uint64_t latency_ns,
                        bool set_up) {
    bool inside = !set_up && in_window(recorder, now_ns);
    recorder->connects += inside;
    if (set_up || inside)
        latencies_record(&recorder->connect, latency_ns);
}

void recorder_bytes_sent(struct recorder *recorder, uint64_t now_ns, uint64_t count) {
    recorder->bytes_sent += in_window(recorder, now_ns) ? count : 0;
}

void recorder_bytes_received(struct recorder *recorder, uint64_t now_ns, uint64_t count) {
    recorder->bytes_checked += count;
    recorder->bytes_received += in_window(recorder, now_ns) ? count : 0;
}

void recorder_add(struct recorder *sum, const struct recorder *recorder) {
    latencies_add(&sum->response, recorder->open ? &recorder->response : &recorder->service);
    latencies_add(&sum->service, &recorder->service);
    latencies_add(&sum->connect, &recorder->connect);
    sum->requests += recorder->requests;
    sum->bytes_sent += recorder->bytes_sent;
    sum->bytes_received += recorder->bytes_received;
    sum->connects += recorder->connects;
    sum->replies_checked += recorder->replies_checked;
    sum->bytes_checked += recorder->bytes_checked;
    sum->sends += recorder->sends;
    sum->late += recorder->late;
    sum->held += recorder->held;
    sum->due += recorder->due;
    sum->due_sent += recorder->due_sent;
    sum->outstanding_ns += recorder->outstanding_ns;
    course_add(&sum->course, &recorder->course);
}
