/* The due times of an open loop's requests, without any socket, for the tests of arrivals.
 *
 *     print_schedule --rate N [--arrivals constant|poisson] [--connections 1]
 *                    [--requests 1000] [--seed 1]
 *
 * Prints one line "schedule": for each connection, the due times of its first requests in ns after
 * the load begins. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/option.h"
#include "loadgen/schedule.h"

static uint32_t rate, connections = 1, requests = 1000, seed = 1;
static const char *kind = "constant";

int main(int argc, char **argv) {
    const struct option options[] = {
        OPTION_NUMBER("rate", rate, 1, 100000000, "requests/s", "total rate of all connections"),
        OPTION_NUMBER("connections", connections, 1, 100000, "connections",
                      "connections that share the rate"),
        OPTION_NUMBER("requests", requests, 1, 10000000, "requests", "requests per connection"),
        OPTION_NUMBER("seed", seed, 0, UINT32_MAX, "", "seed for the gaps"),
        OPTION_TEXT("arrivals", kind, "constant or poisson"),
        OPTION_END,
    };
    const struct option *tables[] = {options, NULL};
    json_start();
    if (option_parse("print_schedule", tables, argc, argv) != OPTIONS_PARSED)
        return 2;
    const struct arrivals arrivals = {
        .kind = strcmp(kind, "poisson") == 0 ? ARRIVALS_POISSON : ARRIVALS_CONSTANT,
        .rate = rate,
        .count = connections,
        .seed = seed,
    };
    struct json line = json_event("schedule");
    json_array(&line, "connections");
    for (uint32_t i = 0; i < connections; i++) {
        struct schedule schedule;
        schedule_start(&schedule, &arrivals, i);
        json_array(&line, NULL);
        for (uint32_t j = 0; j < requests; j++) {
            json_u64(&line, NULL, schedule_due_ns(&schedule));
            schedule_advance(&schedule, &arrivals);
        }
        json_close(&line);
    }
    json_close(&line);
    return json_print(&line) ? EXIT_SUCCESS : EXIT_FAILURE;
}
