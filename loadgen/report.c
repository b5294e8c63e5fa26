#include "loadgen/report.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/platform.h"
#include "loadgen/net.h"

static void put_origin(struct json *line) {
    json_string(line, "platform", platform_name());
    json_string(line, "backend", net_name);
}

static void put_settings(struct json *line, const struct option *options) {
    json_object(line, "settings");
    for (const struct option *option = options; option->name; option++)
        if (option->number)
            json_u64(line, option->name, *option->number);
    json_close(line);
}

bool report_ready(const struct option *options, uint64_t connections, uint64_t connect_ns) {
    struct json line = json_event("ready");
    put_origin(&line);
    json_u64(&line, "connections", connections);
    json_u64(&line, "connect_ns", connect_ns);
    put_settings(&line, options);
    return json_print(&line);
}

bool report_moment(const char *event) {
    struct json line = json_event(event);
    json_u64(&line, "time_ns", clock_now_ns());
    return json_print(&line);
}

static void put_percentile(struct json *line, const struct hdr_histogram *latency, const char *key,
                           double percent) {
    if (latency->total_count > 0)
        json_u64(line, key, (uint64_t)hdr_value_at_percentile(latency, percent));
    else
        json_null(line, key);
}

/* Every bucket that has a count: with these, percentiles are recomputed and runs are merged without loss. */
static void put_histogram(struct json *line, const struct hdr_histogram *latency) {
    json_object(line, "histogram");
    json_u64(line, "lowest", (uint64_t)RECORDER_LOWEST_NS);
    json_u64(line, "highest", (uint64_t)RECORDER_HIGHEST_NS);
    json_u64(line, "significant_figures", RECORDER_DIGITS);
    json_array(line, "counts");
    struct hdr_iter iter;
    hdr_iter_recorded_init(&iter, latency);
    while (hdr_iter_next(&iter)) {
        json_array(line, NULL);
        json_u64(line, NULL, (uint64_t)iter.highest_equivalent_value);
        json_u64(line, NULL, (uint64_t)iter.count);
        json_close(line);
    }
    json_close(line);
    json_close(line);
}

static void put_latency(struct json *line, const struct recorder *sum) {
    const struct hdr_histogram *latency = sum->latency_ns;
    json_object(line, "latency");
    json_string(line, "unit", "ns");
    json_u64(line, "count", (uint64_t)latency->total_count);
    if (latency->total_count > 0) {
        json_u64(line, "min", (uint64_t)hdr_min(latency));
        json_u64(line, "max", (uint64_t)hdr_max(latency));
        json_double(line, "mean", hdr_mean(latency));
        json_double(line, "stddev", hdr_stddev(latency));
    } else {
        json_null(line, "min");
        json_null(line, "max");
        json_null(line, "mean");
        json_null(line, "stddev");
    }
    json_u64(line, "saturated", sum->saturated);
    put_percentile(line, latency, "p50", 50.0);
    put_percentile(line, latency, "p90", 90.0);
    put_percentile(line, latency, "p99", 99.0);
    put_percentile(line, latency, "p99.9", 99.9);
    put_percentile(line, latency, "p99.99", 99.99);
    put_histogram(line, latency);
    json_close(line);
}

bool report_result(const struct option *options, const struct outcome *outcome) {
    struct json line = json_event("result");
    put_origin(&line);
    json_string(&line, "loop", "closed");
    put_settings(&line, options);
    json_u64(&line, "window_ns", outcome->window_ns);
    json_u64(&line, "requests", outcome->sum.requests);
    json_double(&line, "requests_per_second",
                (double)outcome->sum.requests * 1e9 / (double)outcome->window_ns);
    json_u64(&line, "replies_checked", outcome->sum.replies_checked);
    json_u64(&line, "bytes_checked", outcome->sum.bytes_checked);
    json_object(&line, "connections");
    json_u64(&line, "requested", outcome->connections);
    json_u64(&line, "established", outcome->connections);
    json_u64(&line, "alive", outcome->alive);
    json_close(&line);
    json_u64(&line, "unanswered", outcome->unanswered);
    json_object(&line, "errors");
    for (int error = CLIENT_FINE + 1; error < CLIENT_ERRORS; error++)
        json_u64(&line, client_error_names[error], outcome->errors[error]);
    json_close(&line);
    if (outcome->cpu_known)
        json_u64(&line, "cpu_ns", outcome->cpu_ns);
    else
        json_null(&line, "cpu_ns");
    put_latency(&line, &outcome->sum);
    return json_print(&line);
}
