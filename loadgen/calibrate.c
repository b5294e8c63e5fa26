#include "loadgen/calibrate.h"

#include <stdio.h>

#include "common/clock.h"
#include "loadgen/random.h"
#include "loadgen/report.h"
#include "loadgen/target.h"

/* Measures the time to record one reply of a closed loop, in ns: that of the fastest batch, which
 * nothing interrupted. The CPU time of a thread is no measure: on Windows it ticks at 15.6 ms.
 * Latencies from 1 µs to 1 ms fill many buckets. */
static bool measure_recording(double *ns) {
    enum { BATCHES = 64, REPLIES = 1 << 14, DIFFERENT = 1 << 10 };
    static uint64_t latencies[DIFFERENT];
    struct recorder recorder;
    if (!recorder_open(&recorder))
        return false;
    recorder.end_ns = UINT64_MAX;
    for (uint64_t i = 0; i < DIFFERENT; i++)
        latencies[i] = 1000 + random_mix(i) % 999000;
    uint64_t fastest_ns = UINT64_MAX;
    for (int batch = 0; batch < BATCHES; batch++) {
        uint64_t begin_ns = clock_now_ns();
        for (unsigned i = 0; i < REPLIES; i++) {
            struct moments moments = {1000000, 1000000, 1000000};
            recorder_reply(&recorder, 1000000 + latencies[i % DIFFERENT], &moments);
        }
        uint64_t batch_ns = clock_now_ns() - begin_ns;
        fastest_ns = batch_ns < fastest_ns ? batch_ns : fastest_ns;
    }
    *ns = (double)fastest_ns / (double)REPLIES;
    recorder_close(&recorder);
    return true;
}

static void set_point(struct plan *plan, uint32_t connections) {
    struct class *class = &plan->classes[0];
    class->connections = plan->connections = class->load.arrivals.count = connections;
    plan->threads = plan->threads < connections ? plan->threads : connections;
    plan->warmup_ms = plan->point_ms / 5;
    plan->duration_ms = plan->point_ms;
    plan->ramp_ms = 0;
}

static bool load_target(struct run *run, const struct plan *plan, const struct target *target,
                        struct point *point) {
    struct outcome outcome;
    uint64_t cpu_before = 0, cpu_after = 0;
    if (!run_connect(run))
        return false;
    uint64_t begin_ns = clock_now_ns();
    bool known = target_cpu_ns(target, &cpu_before);
    if (!run_measure(run, false, &outcome))
        return false;
    known = target_cpu_ns(target, &cpu_after) && known && outcome.cpu_known;
    /* warm-up and window have the same load */
    double loaded_ns = (double)(clock_now_ns() - begin_ns);
    *point = (struct point){.connections = plan->connections,
                            .threads = plan->threads,
                            .requests = outcome.all.sum.requests,
                            .window_ns = outcome.end_ns - outcome.begin_ns,
                            .cpu_known = known,
                            .target_cpu_share = (double)(cpu_after - cpu_before) / loaded_ns,
                            .latency = outcome.all.sum.service.histogram};
    for (uint32_t i = 0; i < plan->threads; i++) {
        double share = (double)outcome.cpu_ns[i] / (double)point->window_ns;
        point->cpu_share_max = share > point->cpu_share_max ? share : point->cpu_share_max;
    }
    bool good = outcome.all.alive == plan->connections;
    if (!good)
        fprintf(stderr, "loadgen: --calibrate: a connection to the null target failed\n");
    outcome.all.sum.service.histogram = NULL; /* the point owns it now */
    outcome_close(&outcome);
    return good;
}

static bool measure_point(struct plan plan, uint32_t connections, struct point *point) {
    struct limits limits;
    set_point(&plan, connections);
    struct target *target = target_start(&plan.server);
    if (!target)
        return false;
    struct run *run = limits_check(&plan, 2, &limits) ? run_open(&plan) : NULL;
    bool good = run && load_target(run, &plan, target, point);
    if (run)
        run_close(run);
    target_stop(target);
    return good;
}

bool calibrate(struct plan *plan) {
    struct point points[POINTS_MAX] = {{0}};
    double record_ns = 0;
    bool good = measure_recording(&record_ns);
    for (size_t i = 0; good && i < plan->point_count; i++)
        good = measure_point(*plan, plan->points[i], &points[i]);
    good = good && report_calibration(plan, points, plan->point_count, record_ns);
    for (size_t i = 0; i < POINTS_MAX; i++)
        if (points[i].latency)
            hdr_close(points[i].latency);
    return good;
}
