#include "loadgen/recorder.h"

#include <stddef.h>
#include <stdlib.h>

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
    recorder->course.intervals = calloc(COURSE_MAX, sizeof *recorder->course.intervals);
    if (recorder->course.intervals && latencies_open(&recorder->response) &&
        latencies_open(&recorder->service) && latencies_open(&recorder->delay) &&
        latencies_open(&recorder->connect))
        return true;
    recorder_close(recorder);
    return false;
}

void recorder_close(struct recorder *recorder) {
    latencies_close(&recorder->response);
    latencies_close(&recorder->service);
    latencies_close(&recorder->delay);
    latencies_close(&recorder->connect);
    free(recorder->course.intervals);
    recorder->course.intervals = NULL;
}

/* The window starts between two intervals, now and after each postponement. */
static void course_begin(struct course *course, const struct window_plan *plan) {
    uint64_t warmup = (plan->warmup_ns + plan->grid_ns - 1) / plan->grid_ns;
    course->width_ns = plan->grid_ns;
    course->begin_ns = plan->start_ns + plan->warmup_ns - warmup * plan->grid_ns;
}

void recorder_begin(struct recorder *recorder, struct window *window, uint64_t cold,
                    uint64_t wanted) {
    recorder->window = window;
    recorder->cold = cold;
    recorder->wanted = wanted;
    if (cold > 0)
        window_expect(window, WINDOW_BEGIN);
    if (wanted > 0)
        window_expect(window, WINDOW_END);
    course_begin(&recorder->course, window_plan(window));
    recorder_look(recorder, 0);
}

void recorder_look(struct recorder *recorder, uint64_t now_ns) {
    recorder->known_until_ns = UINT64_MAX;
    if (!recorder->window)
        return;
    struct window_view view = window_look(recorder->window, now_ns);
    recorder->begin_ns = view.begin_ns;
    recorder->end_ns = view.end_ns;
    recorder->known_until_ns = view.until_ns;
}

void recorder_warm(struct recorder *recorder) {
    if (--recorder->cold == 0)
        window_report(recorder->window, WINDOW_BEGIN);
}

uint64_t course_width_ns(uint64_t longest_ns) {
    uint64_t width_ns = (longest_ns + COURSE_INTERVALS - 1) / COURSE_INTERVALS;
    return width_ns > INTERVAL_LEAST_NS ? width_ns : INTERVAL_LEAST_NS;
}

static void interval_add(struct interval *sum, const struct interval *interval) {
    sum->replies += interval->replies;
    sum->sum_ns += interval->sum_ns;
    sum->max_ns = interval->max_ns > sum->max_ns ? interval->max_ns : sum->max_ns;
}

/* A time before the course wraps around, and its index is far beyond COURSE_MAX. So a course may
 * begin before the clock's zero, soon after the system started. */
static uint64_t course_index(const struct course *course, uint64_t ns) {
    return (ns - course->begin_ns) / course->width_ns;
}

static void course_reply(struct course *course, uint64_t now_ns, uint64_t service_ns) {
    if (course->width_ns == 0) /* during set-up */
        return;
    uint64_t at = course_index(course, now_ns);
    if (at < COURSE_MAX)
        interval_add(&course->intervals[at], &(struct interval){1, service_ns, service_ns});
}

static void course_add(struct course *sum, const struct course *course) {
    sum->begin_ns = course->begin_ns;
    sum->width_ns = course->width_ns;
    for (uint32_t i = 0; i < COURSE_MAX; i++)
        interval_add(&sum->intervals[i], &course->intervals[i]);
}

struct coarse course_coarsen(const struct course *course, uint32_t factor, uint64_t window_ns,
                             uint64_t end_ns) {
    uint64_t width_ns = course->width_ns * factor;
    uint64_t warmup = (window_ns - course->begin_ns + width_ns - 1) / width_ns;
    uint64_t window = (end_ns - window_ns + width_ns - 1) / width_ns;
    return (struct coarse){.begin_ns = window_ns - warmup * width_ns,
                           .width_ns = width_ns,
                           .warmup = (uint32_t)warmup,
                           .count = (uint32_t)(warmup + window)};
}

struct interval course_sum(const struct course *course, const struct coarse *coarse,
                           uint32_t number) {
    struct interval sum = {0};
    uint64_t from_ns = coarse->begin_ns + number * coarse->width_ns;
    for (uint64_t ns = 0; ns < coarse->width_ns; ns += course->width_ns) {
        uint64_t at = course_index(course, from_ns + ns);
        if (at < COURSE_MAX) /* the first interval may start before the load */
            interval_add(&sum, &course->intervals[at]);
    }
    return sum;
}

/* `ns` must not be in the future. */
static bool in_window(struct recorder *recorder, uint64_t ns) {
    if (ns >= recorder->known_until_ns)
        recorder_look(recorder, ns);
    return ns >= recorder->begin_ns && ns < recorder->end_ns;
}

/* A connection may become usable just after the clock reading that the send uses. */
static uint64_t own_delay_ns(const struct moments *request) {
    return request->sent_ns > request->possible_ns ? request->sent_ns - request->possible_ns : 0;
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
        bool own = late && own_delay_ns(request) > recorder->slack_ns;
        latencies_record(&recorder->delay, own_delay_ns(request));
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
    if (inside && recorder->requests == recorder->wanted)
        window_report(recorder->window, WINDOW_END);
    if (now_ns < recorder->end_ns)
        course_reply(&recorder->course, now_ns, now_ns - request->sent_ns);
    if (recorder->open)
        add_overlap(recorder, request->sent_ns, now_ns);
    if (in_window(recorder, request->due_ns)) {
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
    latencies_add(&sum->delay, &recorder->delay);
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
