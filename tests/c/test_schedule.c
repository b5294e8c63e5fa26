/* Due times of requests: properties that hold for every rate, every number of connections and every
 * seed. */
#include "check.h"
#include "loadgen/schedule.h"

#include <math.h>

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Returns the due times of the first `each` requests of every connection, sorted. */
static size_t all_due(const struct arrivals *arrivals, unsigned each, double *due) {
    size_t count = 0;
    for (uint32_t i = 0; i < arrivals->count; i++) {
        struct schedule schedule;
        schedule_start(&schedule, arrivals, i);
        for (unsigned n = 0; n < each; n++, schedule_advance(&schedule, arrivals)) {
            CHECK(schedule.number == n);
            due[count++] = schedule.due_ns;
        }
    }
    qsort(due, count, sizeof *due, by_value);
    return count;
}

enum { MOST = 200000 };
static double due_ns[MOST];

static void constant_sends_are_evenly_spaced_over_all_connections(void) {
    static const double rates[] = {1, 7, 333, 10000, 1234567};
    static const uint32_t counts[] = {1, 2, 3, 64, 1000};
    for (size_t i = 0; i < 25; i++) {
        struct arrivals arrivals = {ARRIVALS_CONSTANT, rates[i % 5], counts[i / 5], i};
        size_t count = all_due(&arrivals, 100, due_ns);
        for (size_t n = 0; n < count; n++) /* also shows that no two are due together */
            CHECK(fabs(due_ns[n] - (double)n * 1e9 / arrivals.rate) < 1e-6 * due_ns[n] + 1e-3);
    }
}

static void constant_rate_does_not_drift(void) {
    /* 7/3e6 s is no whole number of ns */
    struct arrivals arrivals = {ARRIVALS_CONSTANT, 3e6, 7, 0};
    struct schedule schedule;
    schedule_start(&schedule, &arrivals, 6);
    for (uint64_t n = 0; n < 3000000; n++)
        schedule_advance(&schedule, &arrivals);
    CHECK(schedule_due_ns(&schedule) == (UINT64_C(7) * 3000000 + 6) * 1000 / 3);
}

/* Kolmogorov and Smirnov: the largest distance between the gaps' distribution and the exponential
 * one. At a level of 0.001 it is below 1.95 / sqrt(n). */
static void check_exponential(double *gaps, size_t count, double mean) {
    double most = 0;
    qsort(gaps, count, sizeof *gaps, by_value);
    for (size_t i = 0; i < count; i++) {
        double expected = 1 - exp(-gaps[i] / mean);
        double below = fabs(expected - (double)i / (double)count);
        double above = fabs((double)(i + 1) / (double)count - expected);
        most = fmax(most, fmax(below, above));
    }
    CHECK(most < 1.95 / sqrt((double)count));
}

static void poisson_gaps_are_exponential(void) {
    static double gaps[20000];
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct arrivals arrivals = {ARRIVALS_POISSON, 1000, 10, seed};
        struct schedule schedule;
        schedule_start(&schedule, &arrivals, (uint32_t)seed);
        for (size_t i = 0; i < 20000; i++) {
            double before = schedule.due_ns;
            schedule_advance(&schedule, &arrivals);
            gaps[i] = schedule.due_ns - before;
        }
        check_exponential(gaps, 20000, 10 * 1e6);
    }
}

/* Fails if the connections' gaps were alike, or if they did not share the rate. */
static void poisson_arrivals_of_all_connections_are_poisson(void) {
    struct arrivals arrivals = {ARRIVALS_POISSON, 50000, 100, 3};
    size_t count = all_due(&arrivals, 400, due_ns);
    size_t complete = count / 2; /* the early half contains all connections' arrivals */
    for (size_t i = complete; i > 0; i--)
        due_ns[i] -= due_ns[i - 1];
    check_exponential(due_ns, complete, 1e9 / 50000);
}

static void a_schedule_is_a_function_of_seed_and_connection(void) {
    struct arrivals one = {ARRIVALS_POISSON, 100, 4, 1}, other = {ARRIVALS_POISSON, 100, 4, 2};
    struct schedule a, b, c, d;
    schedule_start(&a, &one, 2);
    schedule_start(&b, &one, 2);
    schedule_start(&c, &one, 3);
    schedule_start(&d, &other, 2);
    CHECK(schedule_due_ns(&a) != schedule_due_ns(&c) && schedule_due_ns(&a) != schedule_due_ns(&d));
    for (int i = 0; i < 3; i++) {
        CHECK(schedule_due_ns(&a) == schedule_due_ns(&b));
        schedule_advance(&a, &one);
        schedule_advance(&b, &one);
    }
}

int main(void) {
    constant_sends_are_evenly_spaced_over_all_connections();
    constant_rate_does_not_drift();
    poisson_gaps_are_exponential();
    poisson_arrivals_of_all_connections_are_poisson();
    a_schedule_is_a_function_of_seed_and_connection();
    return 0;
}
