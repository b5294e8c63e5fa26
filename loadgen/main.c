/* loadgen: drives a server and measures it (docs/interface.md §3, docs/loadgen.md).
 *
 * options.c reads the command line. limits.c checks the platform's limits. run.c connects, generates
 * the load and sums up. In each thread, schedule.c computes due times, and client.c makes requests
 * and checks replies. A backend (net_epoll.c, net_iocp.c) moves the bytes, and recorder.c keeps the
 * times. report.c prints the results. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "loadgen/calibrate.h"
#include "loadgen/report.h"

enum { EXIT_USAGE = 2 };

/* A load may start this much later than its "go N", at most. */
static const uint64_t latest_start_ns = UINT64_C(60000000000);

/* Reads N of "go N", the clock's time at which the load starts. "go" alone is now. */
static bool read_start(const char *line, uint64_t *start_ns) {
    *start_ns = 0;
    if (strcmp(line, "go") == 0)
        return true;
    if (strncmp(line, "go ", 3) != 0)
        return false;
    const char *number = line + 3;
    size_t digits = strspn(number, "0123456789");
    if (digits == 0 || digits > 19 || number[digits] != '\0')
        return false;
    *start_ns = strtoull(number, NULL, 10);
    return true;
}

/* Waits for "go" on stdin. Several load generators start together if each has an appointment by
 * its own clock: the line to one of them may arrive later than that to another. */
static bool wait_for_go(void) {
    char line[32];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = '\0';
        for (char *byte = line; *byte; byte++) /* an error prints the line */
            if (*byte < ' ' || *byte > '~')
                *byte = '?';
        uint64_t start_ns, now_ns = clock_now_ns();
        if (!read_start(line, &start_ns))
            fprintf(stderr, "loadgen: stdin: \"%s\": no such command; use \"go\" or \"go N\"\n",
                    line);
        else if (start_ns > now_ns + latest_start_ns)
            fprintf(stderr, "loadgen: stdin: \"%s\": N is more than 60 s ahead of %llu\n", line,
                    (unsigned long long)now_ns);
        else {
            clock_sleep_until_ns(start_ns);
            return true;
        }
    }
    fprintf(stderr, "loadgen: stdin closed before \"go\"\n");
    return false;
}

/* The JSON result contains this too; the line is for people. */
static bool all_alive(const struct plan *plan, const struct tally *all) {
    if (all->alive == plan->connections)
        return true;
    fprintf(stderr,
            "loadgen: %u of %u connections failed:", (unsigned)(plan->connections - all->alive),
            (unsigned)plan->connections);
    for (int error = CLIENT_FINE + 1; error < CLIENT_ERRORS; error++)
        if (all->errors[error] > 0)
            fprintf(stderr, " %s %u", client_error_names[error], (unsigned)all->errors[error]);
    fprintf(stderr, "\n");
    return false;
}

static bool drive(struct plan *plan, const struct limits *limits, struct run *run) {
    uint64_t start_ns = clock_now_ns();
    struct outcome outcome;
    if (!run_connect(run) || !report_ready(plan, limits, clock_now_ns() - start_ns) ||
        (!plan->start_now && !wait_for_go()) || !run_measure(run, true, &outcome))
        return false;
    bool good = report_result(plan, &outcome) && all_alive(plan, &outcome.all);
    outcome_close(&outcome);
    return good;
}

static bool measure_server(struct plan *plan) {
    struct limits limits;
    if (!limits_check(plan, 1, &limits))
        return false;
    struct run *run = run_open(plan);
    if (!run) {
        fprintf(stderr, "loadgen: --connections %u: out of memory\n", (unsigned)plan->connections);
        return false;
    }
    bool good = drive(plan, &limits, run);
    run_close(run);
    return good;
}

int main(int argc, char **argv) {
    static struct plan plan;
    json_start();
    enum option_outcome outcome = options_read(argc, argv, &plan);
    if (outcome == OPTIONS_HELP)
        return option_help("loadgen",
                           "Drive a server with a closed or an open loop and measure it.",
                           options_tables())
                   ? EXIT_SUCCESS
                   : EXIT_FAILURE;
    if (outcome == OPTIONS_WRONG)
        return EXIT_USAGE;
    if (!sockets_start("loadgen"))
        return EXIT_FAILURE;
    bool good = plan.describe    ? report_describe()
                : plan.calibrate ? calibrate(&plan)
                                 : measure_server(&plan);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
