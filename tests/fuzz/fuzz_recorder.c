/* Arbitrary requests on two recorders that share one window. What they counted while the window
 * could still move must equal what is counted afterwards, when its final times are known. */
#include "loadgen/recorder.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS_MOST = 200, RECORDERS = 2, REQUEST_BYTES = 6 };

static void require(bool condition) {
    if (!condition)
        abort();
}

/* One request as the input asks for it; each time is at most the next one. */
struct request {
    struct moments moments;
    uint64_t reply_ns; /* 0: no reply came */
    uint32_t bytes;
    bool connected; /* a reconnect before the send */
};

struct expected {
    uint64_t replies, sent, late, held, due, due_sent, latencies, outstanding_ns, bytes;
    uint64_t connects, course, sum_ns;
};

static struct recorder recorders[RECORDERS], sum;

static void clear(struct recorder *recorder) {
    struct latencies *all[] = {&recorder->response, &recorder->service, &recorder->delay,
                               &recorder->connect};
    if (!recorder->course.intervals)
        require(recorder_open(recorder));
    struct recorder cleared = {.course.intervals = recorder->course.intervals};
    struct latencies *kept[] = {&cleared.response, &cleared.service, &cleared.delay,
                                &cleared.connect};
    for (size_t i = 0; i < 4; i++) {
        if (all[i]->histogram->total_count > 0) /* an empty one takes as long */
            hdr_reset(all[i]->histogram);
        kept[i]->histogram = all[i]->histogram;
    }
    memset(cleared.course.intervals, 0, COURSE_MAX * sizeof *cleared.course.intervals);
    *recorder = cleared;
}

/* Performs a request and returns the time. Time never runs backwards. */
static uint64_t perform(struct recorder *recorder, const uint8_t *data, uint64_t now_ns,
                        struct request *request) {
    const uint64_t step_ns = UINT64_C(1) << data[1] % 28;
    uint64_t sent_ns = now_ns + data[2] * step_ns, waited_ns = data[3] * step_ns;
    uint64_t due_ns = sent_ns > waited_ns ? sent_ns - waited_ns : 0;
    if (!recorder->open)
        due_ns = sent_ns;
    uint64_t possible_ns = due_ns + (sent_ns - due_ns) / 255 * data[4];
    request->moments = (struct moments){due_ns, possible_ns, sent_ns};
    request->bytes = data[1];
    recorder_bytes_sent(recorder, sent_ns, request->bytes);
    bool late = recorder_send(recorder, &request->moments);
    require(late == (recorder->open && sent_ns - due_ns > recorder->slack_ns));
    if (data[0] % 8 == 0) {
        request->connected = data[0] % 16 != 0;
        recorder_connected(recorder, sent_ns, data[5], !request->connected);
        if (recorder->cold > 0)
            recorder_warm(recorder);
    }
    if (data[5] == 255) /* no reply */
        return sent_ns;
    request->reply_ns = sent_ns + data[5] * step_ns;
    recorder_reply(recorder, request->reply_ns, &request->moments);
    return request->reply_ns;
}

static bool inside(const struct recorder *recorder, uint64_t ns) {
    return ns >= recorder->begin_ns && ns < recorder->end_ns;
}

/* Counts a request again, by the final times of the window. */
static void expect(const struct recorder *recorder, const struct request *request,
                   struct expected *expected) {
    const struct moments *at = &request->moments;
    bool sent = inside(recorder, at->sent_ns), due = inside(recorder, at->due_ns);
    uint64_t own_ns = at->sent_ns - at->possible_ns, slack_ns = recorder->slack_ns;
    expected->bytes += sent ? request->bytes : 0;
    expected->connects += sent && request->connected;
    if (recorder->open) {
        bool late = at->sent_ns - at->due_ns > slack_ns;
        expected->due += due;
        expected->due_sent += due && sent;
        expected->sent += sent;
        expected->late += sent && late && own_ns > slack_ns;
        expected->held += sent && late && own_ns <= slack_ns;
        uint64_t end_ns = request->reply_ns ? request->reply_ns : UINT64_MAX;
        uint64_t from = at->sent_ns > recorder->begin_ns ? at->sent_ns : recorder->begin_ns;
        uint64_t to = end_ns < recorder->end_ns ? end_ns : recorder->end_ns;
        expected->outstanding_ns += to > from ? to - from : 0;
    }
    if (!request->reply_ns)
        return;
    expected->replies += inside(recorder, request->reply_ns);
    expected->latencies += due;
    if (request->reply_ns < recorder->end_ns) { /* no request precedes the load */
        expected->course++;
        expected->sum_ns += request->reply_ns - at->sent_ns;
    }
}

static void compare(const struct recorder *counted, const struct expected *expected) {
    const struct latencies *latencies = counted->open ? &counted->response : &counted->service;
    require(counted->requests == expected->replies && counted->bytes_sent == expected->bytes);
    require(counted->connects == expected->connects && counted->sends == expected->sent);
    require(counted->late == expected->late && counted->held == expected->held);
    require(counted->due == expected->due && counted->due_sent == expected->due_sent);
    require(counted->outstanding_ns == expected->outstanding_ns);
    require((uint64_t)counted->service.histogram->total_count == expected->latencies);
    require((uint64_t)latencies->histogram->total_count == expected->latencies);
    require((uint64_t)counted->delay.histogram->total_count == expected->sent);
    struct interval whole = {0};
    struct coarse coarse = course_coarsen(&counted->course, 1 + (uint32_t)expected->replies % 7,
                                          recorders[0].begin_ns, recorders[0].end_ns);
    for (uint32_t i = 0; i < coarse.count; i++) {
        struct interval interval = course_sum(&counted->course, &coarse, i);
        require(interval.sum_ns <= interval.replies * interval.max_ns);
        whole.replies += interval.replies;
        whole.sum_ns += interval.sum_ns;
    }
    require(whole.replies == expected->course && whole.sum_ns == expected->sum_ns);
}

/* Returns what all recorders counted. Adding histograms is slow, so most inputs use one recorder. */
static const struct recorder *total(size_t used) {
    if (used == 1)
        return &recorders[0];
    clear(&sum);
    sum.open = recorders[0].open;
    for (size_t i = 0; i < used; i++)
        recorder_add(&sum, &recorders[i]);
    return &sum;
}

static struct window *begin(const uint8_t *data, size_t used) {
    const uint64_t ms = 1000000;
    struct window_plan plan = {.start_ns = (1 + (uint64_t)data[0]) * ms,
                               .warmup_ns = data[1] * ms,
                               .warmup_most_ns = (data[1] + (uint64_t)data[2] * 4) * ms,
                               .duration_ns = (1 + (uint64_t)data[3]) * ms,
                               .most_ns = (1 + (uint64_t)data[3] + data[4] * 4u) * ms};
    plan.grid_ns = course_width_ns(plan.warmup_most_ns + plan.most_ns);
    struct window *window = window_open(&plan);
    require(window != NULL);
    for (size_t i = 0; i < used; i++) {
        clear(&recorders[i]);
        recorders[i].open = data[5] % 2;
        recorders[i].slack_ns = data[6] * UINT64_C(10000);
        recorder_begin(&recorders[i], window, data[7] >> (4 * i) & 3, data[7] >> (4 * i + 2) & 3);
    }
    return window;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 8)
        return 0;
    struct request requests[REQUESTS_MOST] = {0};
    size_t used = data[6] % 16 == 0 ? RECORDERS : 1, count = 0;
    struct window *window = begin(data, used);
    uint64_t now_ns = (1 + (uint64_t)data[0]) * 1000000;
    for (size_t at = 8; size - at >= REQUEST_BYTES && count < REQUESTS_MOST; at += REQUEST_BYTES)
        now_ns = perform(&recorders[data[at] % used], data + at, now_ns, &requests[count++]);
    for (size_t i = 0; i < used; i++) {
        recorder_look(&recorders[i], UINT64_MAX);
        require(recorders[i].begin_ns == recorders[0].begin_ns);
        require(recorders[i].end_ns == recorders[0].end_ns);
    }
    struct expected expected = {0};
    for (size_t i = 0; i < count; i++) {
        expect(&recorders[0], &requests[i], &expected);
        if (!requests[i].reply_ns)
            recorder_unanswered(&recorders[0], &requests[i].moments);
    }
    compare(total(used), &expected);
    window_close(window);
    return 0;
}
