#include "loadgen/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/platform.h"
#include "loadgen/net.h"

static void put_origin(struct json *line) {
    json_string(line, "platform", platform_name());
    json_string(line, "backend", net_name);
}

static void put_known(struct json *line, const char *key, bool known, double value) {
    if (known)
        json_double(line, key, value);
    else
        json_null(line, key);
}

/* ---- describe: the options, for programs */

static const char *kind_of(const struct option *option) {
    return option->number   ? "number"
           : option->choice ? "choice"
           : option->list   ? "list"
           : option->flag   ? "flag"
                            : "text";
}

static void put_option(struct json *line, const struct option *option) {
    json_object(line, NULL);
    json_string(line, "name", option->name);
    json_string(line, "kind", kind_of(option));
    if (option->number) {
        json_u64(line, "default", *option->number);
        json_u64(line, "min", option->min);
    } else if (option->choice) {
        json_string(line, "default", option->words[*option->choice]);
        json_array(line, "allowed");
        for (const char *const *word = option->words; *word; word++)
            json_string(line, NULL, *word);
        json_close(line);
    } else if (option->text) {
        json_string(line, "default", *option->text);
    }
    if (option->form)
        json_string(line, "allowed", option->form);
    if (option->max > 0)
        json_u64(line, "max", option->max);
    if (option->unit)
        json_string(line, "unit", option->unit);
    json_string(line, "help", option->help);
    json_close(line);
}

bool report_describe(void) {
    struct json line = json_event("describe");
    put_origin(&line);
    json_array(&line, "options");
    for (const struct option *const *table = options_tables(); *table; table++)
        for (const struct option *option = *table; option->name; option++)
            put_option(&line, option);
    if (json_print(&line))
        return true;
    fputs("loadgen: --describe: cannot be written to standard output\n", stderr);
    return false;
}

/* ---- settings */

/* Prints digits as a number, even from a text option. */
static void put_text_setting(struct json *line, const char *key, const char *text) {
    if (text && *text && text[strspn(text, "0123456789")] == '\0')
        json_u64(line, key, strtoull(text, NULL, 10));
    else
        json_string(line, key, text);
}

static void put_setting(struct json *line, const struct option *option) {
    if (option->number)
        json_u64(line, option->name, *option->number);
    else if (option->choice)
        json_string(line, option->name, option->words[*option->choice]);
    else if (option->text)
        put_text_setting(line, option->name, *option->text);
    else if (option->list) {
        json_array(line, option->name);
        for (size_t i = 0; i < option->list->count; i++)
            json_string(line, NULL, option->list->items[i]);
        json_close(line);
    }
}

static void put_settings(struct json *line) {
    json_object(line, "settings");
    for (const struct option *const *table = options_tables(); *table; table++)
        for (const struct option *option = *table; option->name; option++)
            put_setting(line, option);
    json_close(line);
}

/* ---- ready, measuring, measured */

bool report_ready(const struct plan *plan, const struct limits *limits, uint64_t connect_ns) {
    struct json line = json_event("ready");
    put_origin(&line);
    json_u64(&line, "connections", plan->connections);
    json_u64(&line, "connect_ns", connect_ns);
    json_array(&line, "classes");
    for (size_t i = 0; i < plan->class_count; i++)
        json_string(&line, NULL, plan->classes[i].name);
    json_close(&line);
    json_u64(&line, "sources", plan->sources);
    json_object(&line, "memory");
    json_u64(&line, "per_connection_bytes", limits->connection_bytes);
    json_null(&line, "kernel");
    json_string(&line, "reason", "the kernel does not report its memory per socket");
    json_close(&line);
    json_object(&line, "limits");
    put_known(&line, "descriptors", limits->descriptors_known, (double)limits->descriptors);
    json_u64(&line, "ports_per_source", limits->ports_per_source);
    json_close(&line);
    put_settings(&line);
    return json_print(&line);
}

bool report_moment(const char *event) {
    struct json line = json_event(event);
    json_u64(&line, "time_ns", clock_now_ns());
    return json_print(&line);
}

/* ---- latencies */

static void put_percentile(struct json *line, const struct hdr_histogram *histogram,
                           const char *key, double percent) {
    if (histogram->total_count > 0)
        json_u64(line, key, (uint64_t)hdr_value_at_percentile(histogram, percent));
    else
        json_null(line, key);
}

/* Prints every bucket with a count: these recompute percentiles and merge runs without loss. */
static void put_histogram(struct json *line, const struct hdr_histogram *histogram) {
    json_object(line, "histogram");
    json_u64(line, "lowest", (uint64_t)RECORDER_LOWEST_NS);
    json_u64(line, "highest", (uint64_t)RECORDER_HIGHEST_NS);
    json_u64(line, "significant_figures", RECORDER_DIGITS);
    json_array(line, "counts");
    struct hdr_iter iter;
    hdr_iter_recorded_init(&iter, histogram);
    while (hdr_iter_next(&iter)) {
        json_array(line, NULL);
        json_u64(line, NULL, (uint64_t)iter.highest_equivalent_value);
        json_u64(line, NULL, (uint64_t)iter.count);
        json_close(line);
    }
    json_close(line);
    json_close(line);
}

/* Prints latencies. `intended`: the source of a response time's start; NULL for other latencies. */
static void put_latencies(struct json *line, const char *key, const struct latencies *latencies,
                          const char *intended, bool buckets) {
    const struct hdr_histogram *histogram = latencies->histogram;
    bool any = histogram->total_count > 0;
    json_object(line, key);
    json_string(line, "unit", "ns");
    if (intended)
        json_string(line, "intended", intended);
    json_u64(line, "count", (uint64_t)histogram->total_count);
    if (any) {
        json_u64(line, "min", (uint64_t)hdr_min(histogram));
        json_u64(line, "max", (uint64_t)hdr_max(histogram));
    } else {
        json_null(line, "min");
        json_null(line, "max");
    }
    put_known(line, "mean", any, any ? hdr_mean(histogram) : 0);
    put_known(line, "stddev", any, any ? hdr_stddev(histogram) : 0);
    json_u64(line, "saturated", latencies->saturated);
    put_percentile(line, histogram, "p50", 50.0);
    put_percentile(line, histogram, "p90", 90.0);
    put_percentile(line, histogram, "p99", 99.0);
    put_percentile(line, histogram, "p99.9", 99.9);
    put_percentile(line, histogram, "p99.99", 99.99);
    if (buckets)
        put_histogram(line, histogram);
    json_close(line);
}

/* ---- result */

enum loop { LOOP_CLOSED, LOOP_OPEN, LOOP_MIXED };
static const char *const loop_names[] = {"closed", "open", "mixed"};
static const char *const intended_names[] = {"actual", "schedule", "mixed"};

static enum loop class_loop(const struct class *class) {
    return load_open_loop(&class->load) ? LOOP_OPEN : LOOP_CLOSED;
}

static enum loop plan_loop(const struct plan *plan) {
    enum loop loop = class_loop(&plan->classes[0]);
    for (size_t i = 1; i < plan->class_count; i++)
        loop = class_loop(&plan->classes[i]) == loop ? loop : LOOP_MIXED;
    return loop;
}

static double window_s(const struct outcome *outcome) {
    return (double)(outcome->end_ns - outcome->begin_ns) / 1e9;
}

static void put_errors(struct json *line, const struct tally *tally) {
    json_object(line, "errors");
    for (int error = CLIENT_FINE + 1; error < CLIENT_ERRORS; error++)
        json_u64(line, client_error_names[error], tally->errors[error]);
    json_close(line);
}

static void put_traffic(struct json *line, const struct outcome *outcome,
                        const struct tally *tally) {
    json_u64(line, "requests", tally->sum.requests);
    json_double(line, "requests_per_second", (double)tally->sum.requests / window_s(outcome));
    json_u64(line, "bytes_sent", tally->sum.bytes_sent);
    json_u64(line, "bytes_received", tally->sum.bytes_received);
    json_u64(line, "connects", tally->sum.connects);
}

/* Jain, Chiu, Hawe 1984: 1 if all active connections got the same number of replies, 1/n if one got
 * all. */
static void put_jain_index(struct json *line, const struct tally *tally) {
    bool any = tally->counted_squares > 0;
    put_known(line, "jain_index", any,
              any ? tally->counted * tally->counted /
                        ((double)tally->active * tally->counted_squares)
                  : 0);
}

static void put_classes(struct json *line, const struct plan *plan, const struct outcome *outcome) {
    json_array(line, "classes");
    for (size_t i = 0; i < plan->class_count; i++) {
        const struct class *class = &plan->classes[i];
        const struct tally *tally = &outcome->classes[i];
        enum loop loop = class_loop(class);
        json_object(line, NULL);
        json_string(line, "name", class->name);
        json_string(line, "loop", loop_names[loop]);
        json_u64(line, "connections", class->connections);
        json_u64(line, "idle", class->idle);
        put_known(line, "target_rate", loop == LOOP_OPEN, class->load.arrivals.rate);
        put_traffic(line, outcome, tally);
        put_errors(line, tally);
        put_latencies(line, "response", &tally->sum.response, intended_names[loop], false);
        put_latencies(line, "service", &tally->sum.service, NULL, false);
        put_latencies(line, "connect", &tally->sum.connect, NULL, false);
        put_jain_index(line, tally);
        json_close(line);
    }
    json_close(line);
}

enum { INTERVAL_REPLIES, INTERVAL_MEAN, INTERVAL_MAX };

static void put_intervals(struct json *line, const char *key, const struct course *course,
                          const struct coarse *coarse, int figure) {
    json_array(line, key);
    for (uint32_t i = 0; i < coarse->count; i++) {
        struct interval interval = course_sum(course, coarse, i);
        bool any = interval.replies > 0;
        if (figure == INTERVAL_REPLIES)
            json_u64(line, NULL, interval.replies);
        else if (figure == INTERVAL_MEAN)
            put_known(line, NULL, any,
                      any ? (double)interval.sum_ns / (double)interval.replies : 0);
        else
            put_known(line, NULL, any, (double)interval.max_ns);
    }
    json_close(line);
}

/* A chart needs about a hundred intervals. They must also be longer than a few turns: replies come in
 * waves, one per turn, and short intervals would show only those. */
static uint32_t coarseness(const struct outcome *outcome) {
    static const double intervals = 100, turns = 3, most = COURSE_MAX;
    const struct recorder *sum = &outcome->all.sum;
    double wanted_ns = (double)(outcome->end_ns - sum->course.begin_ns) / intervals;
    double turns_ns =
        sum->service.histogram->total_count > 0 ? turns * hdr_mean(sum->service.histogram) : 0;
    wanted_ns = turns_ns > wanted_ns ? turns_ns : wanted_ns;
    double factor = ceil(wanted_ns / (double)sum->course.width_ns);
    return (uint32_t)(factor < most ? factor : most);
}

static void put_course(struct json *line, const struct outcome *outcome) {
    const struct course *course = &outcome->all.sum.course;
    struct coarse coarse =
        course_coarsen(course, coarseness(outcome), outcome->begin_ns, outcome->end_ns);
    json_object(line, "intervals");
    json_u64(line, "begin_ns", coarse.begin_ns);
    json_u64(line, "width_ns", coarse.width_ns);
    json_u64(line, "warmup", coarse.warmup);
    put_intervals(line, "requests", course, &coarse, INTERVAL_REPLIES);
    put_intervals(line, "mean_ns", course, &coarse, INTERVAL_MEAN);
    put_intervals(line, "max_ns", course, &coarse, INTERVAL_MAX);
    json_close(line);
}

/* ---- audit: was the load generator measured, or the server? */

/* The requests that a closed loop keeps outstanding. */
static double requests_per_turn(const struct plan *plan) {
    double count = 0;
    for (size_t i = 0; i < plan->class_count; i++) {
        const struct class *class = &plan->classes[i];
        count += (double)(class->connections - class->idle) * class->load.depth;
    }
    return count;
}

/* Did the window start late enough, and was it long enough? */
static void put_steadiness(struct json *line, enum loop loop, const struct plan *plan,
                           const struct outcome *outcome) {
    bool closed = loop == LOOP_CLOSED;
    json_bool(line, "warm", outcome->warm);
    json_string(line, "warm_reason",
                outcome->warm          ? NULL
                : plan->warmup_ms == 0 ? "--warmup-ms is 0"
                                       : "the longest warm-up was over before every connection "
                                         "had had two replies");
    put_known(line, "turns", closed,
              closed ? (double)outcome->all.sum.requests / requests_per_turn(plan) : 0);
}

static double target_rate(const struct plan *plan) {
    double rate = 0;
    for (size_t i = 0; i < plan->class_count; i++)
        rate += plan->classes[i].load.arrivals.rate;
    return rate;
}

static void put_timeliness(struct json *line, enum loop loop, const struct plan *plan,
                           const struct recorder *sum) {
    bool sent = loop != LOOP_CLOSED && sum->sends > 0;
    put_known(line, "timely_share", sent, sent ? 1 - (double)sum->late / (double)sum->sends : 0);
    json_string(line, "timely_reason",
                sent                  ? NULL
                : loop == LOOP_CLOSED ? "a closed loop has no schedule"
                                      : "no request was sent");
    put_known(line, "held_share", sent, sent ? (double)sum->held / (double)sum->sends : 0);
    put_percentile(line, sum->delay.histogram, "send_delay_p50_ns", 50);
    put_percentile(line, sum->delay.histogram, "send_delay_p99_ns", 99);
    json_u64(line, "slack_ns", plan->slack_ns);
}

/* Prints the rates. Behind: at the end of the window, unsent requests exceed 0.1 % and the
 * slack. */
static void put_rate(struct json *line, enum loop loop, const struct plan *plan,
                     const struct outcome *outcome) {
    const struct tally *all = &outcome->all;
    double target = target_rate(plan);
    bool open = loop != LOOP_CLOSED;
    put_known(line, "target_rate", open, target);
    json_double(line, "achieved_rate",
                (double)(open ? all->sum.sends : all->sum.requests) / window_s(outcome));
    double due = (double)(all->sum.due + all->unsent), sent = (double)all->sum.due_sent;
    put_known(line, "due", open, due);
    put_known(line, "sent", open, sent);
    bool behind = open && outcome->behind && due - sent > due / 1000 &&
                  due - sent > target * (double)plan->slack_ns / 1e9;
    uint64_t since_ns = outcome->behind_since_ns;
    put_known(line, "behind_since_ns", behind,
              behind && since_ns > outcome->begin_ns ? (double)(since_ns - outcome->begin_ns) : 0);
}

/* Windows 11 slows down a process without a window, unless that was turned off. */
static void put_throttling(struct json *line, uint32_t error) {
    if (error == 0) {
        json_bool(line, "throttled", false);
        json_null(line, "throttled_reason");
        return;
    }
    char reason[80];
    snprintf(reason, sizeof reason, "SetProcessInformation(ProcessPowerThrottling): error %u",
             (unsigned)error);
    json_null(line, "throttled");
    json_string(line, "throttled_reason", reason);
}

static void put_cpu(struct json *line, const struct plan *plan, const struct outcome *outcome) {
    double most = 0;
    json_array(line, "cpu_threads");
    for (uint32_t i = 0; i < plan->threads; i++) {
        double share = (double)outcome->cpu_ns[i] / 1e9 / window_s(outcome);
        put_known(line, NULL, outcome->cpu_known, share);
        most = share > most ? share : most;
    }
    json_close(line);
    put_known(line, "cpu_share_max", outcome->cpu_known, most);
    json_string(line, "pacing", outcome->polled ? "poll" : "wait");
    json_bool(line, "precedence", outcome->preceded);
    put_throttling(line, outcome->throttling_error);
}

/* N = lambda W: outstanding requests must equal the rate times the service time, or the counts are
 * wrong. */
static void put_littles_law(struct json *line, enum loop loop, const struct plan *plan,
                            const struct outcome *outcome) {
    bool churn = false;
    for (size_t i = 0; i < plan->class_count; i++)
        churn = churn || plan->classes[i].load.churn > 0;
    double outstanding = loop == LOOP_OPEN
                             ? (double)outcome->all.sum.outstanding_ns / 1e9 / window_s(outcome)
                             : requests_per_turn(plan);
    const struct hdr_histogram *service = outcome->all.sum.service.histogram;
    const char *reason = loop == LOOP_MIXED             ? "closed and open loops in one run"
                         : loop == LOOP_CLOSED && churn ? "connections are replaced"
                         : service->total_count == 0 || !(outstanding > 0) ? "no reply arrived"
                                                                           : NULL;
    double rate = (double)outcome->all.sum.requests / window_s(outcome);
    double time_ns = service->total_count > 0 ? hdr_mean(service) : 0;
    double gap = reason ? 0 : (outstanding - rate * time_ns / 1e9) / outstanding;
    put_known(line, "littles_gap", !reason, gap < 0 ? -gap : gap);
    json_string(line, "littles_reason", reason);
    put_known(line, "littles_n", !reason, outstanding);
    json_double(line, "littles_lambda", rate);
    put_known(line, "littles_w_ns", service->total_count > 0, time_ns);
}

static void put_audit(struct json *line, const struct plan *plan, const struct outcome *outcome) {
    const struct tally *all = &outcome->all;
    enum loop loop = plan_loop(plan);
    struct clock_quality clock = clock_examine();
    json_object(line, "audit");
    put_steadiness(line, loop, plan, outcome);
    put_timeliness(line, loop, plan, &all->sum);
    put_rate(line, loop, plan, outcome);
    put_cpu(line, plan, outcome);
    json_u64(line, "connections_requested", plan->connections);
    /* a run with fewer does not begin */
    json_u64(line, "connections_established", all->connections);
    put_littles_law(line, loop, plan, outcome);
    json_u64(line, "replies_checked", all->sum.replies_checked);
    json_u64(line, "bytes_checked", all->sum.bytes_checked);
    put_errors(line, all);
    json_double(line, "clock_resolution_ns", clock.resolution_ns);
    json_double(line, "clock_read_ns", clock.read_ns);
    json_close(line);
}

static void put_window(struct json *line, const struct outcome *outcome) {
    json_u64(line, "window_ns", outcome->end_ns - outcome->begin_ns);
    json_object(line, "window");
    json_u64(line, "begin_ns", outcome->begin_ns);
    json_u64(line, "end_ns", outcome->end_ns);
    json_close(line);
}

static void put_cpu_time(struct json *line, const struct plan *plan,
                         const struct outcome *outcome) {
    uint64_t sum_ns = 0;
    for (uint32_t i = 0; i < plan->threads; i++)
        sum_ns += outcome->cpu_ns[i];
    if (outcome->cpu_known)
        json_u64(line, "cpu_ns", sum_ns);
    else
        json_null(line, "cpu_ns");
}

bool report_result(const struct plan *plan, const struct outcome *outcome) {
    const struct tally *all = &outcome->all;
    const char *intended = intended_names[plan_loop(plan)];
    struct json line = json_event("result");
    put_origin(&line);
    json_string(&line, "loop", loop_names[plan_loop(plan)]);
    put_settings(&line);
    put_window(&line, outcome);
    put_traffic(&line, outcome, all);
    json_u64(&line, "replies_checked", all->sum.replies_checked);
    json_u64(&line, "bytes_checked", all->sum.bytes_checked);
    json_object(&line, "connections");
    json_u64(&line, "requested", plan->connections);
    json_u64(&line, "established", all->connections);
    json_u64(&line, "alive", all->alive);
    json_close(&line);
    json_u64(&line, "unanswered", all->unanswered);
    json_u64(&line, "unsent", all->unsent);
    put_errors(&line, all);
    put_cpu_time(&line, plan, outcome);
    put_latencies(&line, "response", &all->sum.response, intended, true);
    put_latencies(&line, "service", &all->sum.service, NULL, true);
    put_latencies(&line, "connect", &all->sum.connect, NULL, true);
    put_course(&line, outcome);
    put_jain_index(&line, all);
    put_classes(&line, plan, outcome);
    put_audit(&line, plan, outcome);
    return json_print(&line);
}

/* ---- calibration */

static void put_point(struct json *line, const struct plan *plan, const struct point *point) {
    const struct load *load = &plan->classes[0].load;
    double rate = (double)point->requests * 1e9 / (double)point->window_ns;
    bool known = point->cpu_known && point->cpu_share_max > 0;
    json_object(line, NULL);
    json_u64(line, "connections", point->connections);
    json_u64(line, "threads", point->threads);
    json_u64(line, "size", amount_most(&load->size));
    json_u64(line, "reply_size",
             amount_most(load->reply_as_request ? &load->size : &load->reply_size));
    json_u64(line, "depth", load->depth);
    json_double(line, "rate", rate);
    put_percentile(line, point->latency, "min_ns", 0);
    put_percentile(line, point->latency, "p50_ns", 50);
    put_percentile(line, point->latency, "p99_ns", 99);
    put_percentile(line, point->latency, "p99.9_ns", 99.9);
    put_percentile(line, point->latency, "max_ns", 100);
    put_known(line, "cpu_share_max", point->cpu_known, point->cpu_share_max);
    put_known(line, "target_cpu_share", point->cpu_known, point->target_cpu_share);
    put_known(line, "ceiling", known, known ? rate / point->cpu_share_max : 0);
    json_close(line);
}

bool report_calibration(const struct plan *plan, const struct point *points, size_t count,
                        double record_ns) {
    struct clock_quality clock = clock_examine();
    struct json line = json_event("calibration");
    put_origin(&line);
    json_u64(&line, "threads", plan->threads);
    json_array(&line, "points");
    for (size_t i = 0; i < count; i++)
        put_point(&line, plan, &points[i]);
    json_close(&line);
    json_double(&line, "record_ns", record_ns);
    json_object(&line, "clock");
    json_double(&line, "resolution_ns", clock.resolution_ns);
    json_double(&line, "read_ns", clock.read_ns);
    json_close(&line);
    return json_print(&line);
}
