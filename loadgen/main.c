/*
 * loadgen: drives a server and measures it (docs/interface.md §3, docs/loadgen.md).
 *
 * Who does what: options.c reads what is wanted, limits.c asks whether the system allows it, run.c connects,
 * loads and adds up. Inside a thread, schedule.c says when a request is due, client.c makes it and checks its
 * reply, a backend (net_epoll.c, net_iocp.c) moves the bytes and recorder.c keeps the times; report.c prints
 * them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "loadgen/calibrate.h"
#include "loadgen/report.h"

enum { EXIT_USAGE = 2 };

static bool wait_for_go(void) {
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strcmp(line, "go") == 0)
            return true;
        fprintf(stderr, "loadgen: stdin: \"%s\": no such command; \"go\" is one\n", line);
    }
    fprintf(stderr, "loadgen: stdin was closed before \"go\"\n");
    return false;
}

/* The result has the same; this line is for whoever reads no JSON. */
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
    if (outcome == OPTIONS_HELP) {
        option_help("loadgen", "Drives a server with a closed or an open loop and measures it.",
                    options_tables());
        return EXIT_SUCCESS;
    }
    if (outcome == OPTIONS_WRONG)
        return EXIT_USAGE;
    if (!sockets_start("loadgen"))
        return EXIT_FAILURE;
    bool good = plan.describe    ? report_describe()
                : plan.calibrate ? calibrate(&plan)
                                 : measure_server(&plan);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
