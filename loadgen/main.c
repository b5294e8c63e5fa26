/*
 * loadgen: drives a server with a closed loop and measures it (docs/interface.md §3).
 *
 * Three phases, each of them run by a set of threads that is joined before the next begins: connect and have
 * one request answered on each connection; wait for "go"; load, of which a window is measured, then await
 * what is under way. Joining and starting threads is all the synchronisation there is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <sys/resource.h>
#endif

#include "common/clock.h"
#include "common/json.h"
#include "common/option.h"
#include "loadgen/net.h"
#include "loadgen/report.h"
#include "loadgen/threads.h"

enum { EXIT_USAGE = 2, UNSET = -1 };

static const char *host = "127.0.0.1";
static uint32_t port, connections = 1, threads = 1, seed = 1;
static uint32_t warmup_ms = 1000, duration_ms = 3000, timeout_ms = 10000;
static bool start_now;
static struct load load = {.size = 64, .reply_size = (uint32_t)UNSET, .depth = 1};

static const struct option options[] = {
    OPTION_TEXT("host", host, "IPv4 address of the server"),
    OPTION_NUMBER("port", port, 1, 65535, "port", "of the server; has no default"),
    OPTION_NUMBER("connections", connections, 1, 1000000, "connections", "open all the time"),
    OPTION_NUMBER("size", load.size, 0, FRAME_PAYLOAD_MAX, "bytes", "payload of a request"),
    OPTION_NUMBER("reply-size", load.reply_size, 0, FRAME_PAYLOAD_MAX, "bytes",
                  "payload of a reply; default: --size"),
    OPTION_NUMBER("depth", load.depth, 1, 65536, "requests", "outstanding on each connection"),
    OPTION_NUMBER("threads", threads, 1, 256, "threads", "of the load generator"),
    OPTION_NUMBER("warmup-ms", warmup_ms, 0, 3600000, "ms", "load before the measuring window"),
    OPTION_NUMBER("duration-ms", duration_ms, 1, 86400000, "ms", "the measuring window"),
    OPTION_NUMBER("cpu-us", load.cpu_us, 0, FRAME_WORK_MAX_US, "us", "the server spins for each request"),
    OPTION_NUMBER("block-us", load.block_us, 0, FRAME_WORK_MAX_US, "us",
                  "the server blocks for each request"),
    OPTION_NUMBER("seed", seed, 0, UINT32_MAX, "", "of the payload bytes"),
    OPTION_NUMBER("timeout-ms", timeout_ms, 1, 600000, "ms",
                  "for a connection to stand, and for the last replies"),
    OPTION_FLAG("start-now", start_now, "do not wait for \"go\" on stdin"),
    OPTION_END,
};

/* One thread's share of the connections. */
struct worker {
    struct client *clients;
    uint32_t count, first_id;
    struct sockaddr_in server;
    struct net *net;
    struct recorder recorder;
    bool cpu_known;
    uint64_t cpu_ns;
    bool failed;
    char failure[256]; /* why, in a line */
};

static void set_quota(struct worker *worker, uint64_t quota) {
    for (uint32_t i = 0; i < worker->count; i++)
        worker->clients[i].quota = quota;
}

/* No connection begins another request. */
static void end_quota(struct worker *worker) {
    for (uint32_t i = 0; i < worker->count; i++)
        worker->clients[i].quota = worker->clients[i].begun;
}

/* A connection stands when it has answered: the system accepts connections for a server that never looks at
 * them. */
static void connect_clients(void *argument) {
    struct worker *worker = argument;
    char text[SOCKETS_ERROR_TEXT_BYTES];
    int error = 0;
    worker->failed = true;
    worker->net = net_open(worker->count, &error);
    if (!worker->net || !recorder_open(&worker->recorder)) {
        snprintf(worker->failure, sizeof worker->failure, "cannot set up a thread: %s",
                 sockets_error_text(error, text));
        return;
    }
    for (uint32_t i = 0; i < worker->count; i++) {
        struct client *client = &worker->clients[i];
        if (!client_open(client, &load, worker->first_id + i)) {
            snprintf(worker->failure, sizeof worker->failure, "out of memory for connection %u",
                     (unsigned)(worker->first_id + i + 1));
            return;
        }
        if (!net_connect(worker->net, client, &worker->server, timeout_ms, &error)) {
            snprintf(worker->failure, sizeof worker->failure, "connection %u to %s:%u: %s",
                     (unsigned)(worker->first_id + i + 1), host, (unsigned)port,
                     sockets_error_text(error, text));
            return;
        }
    }
    set_quota(worker, 1);
    net_run(worker->net, &worker->recorder, clock_now_ns() + (uint64_t)timeout_ms * 1000000);
    for (uint32_t i = 0; i < worker->count; i++) {
        const struct client *client = &worker->clients[i];
        if (client->error != CLIENT_FINE || client->answered < 1) {
            const char *why = client->error != CLIENT_FINE ? client_error_names[client->error] : "timeout";
            snprintf(worker->failure, sizeof worker->failure,
                     "connection %u to %s:%u: no answer to its first request: %s", (unsigned)(client->id + 1),
                     host, (unsigned)port, why);
            return;
        }
    }
    worker->failed = false;
}

static void generate_load(void *argument) {
    struct worker *worker = argument;
    struct recorder *recorder = &worker->recorder;
    uint64_t cpu_before = 0, cpu_after = 0;
    set_quota(worker, UINT64_MAX);
    net_run(worker->net, recorder, recorder->begin_ns);
    worker->cpu_known = clock_thread_cpu_ns(&cpu_before);
    net_run(worker->net, recorder, recorder->end_ns);
    worker->cpu_known = worker->cpu_known && clock_thread_cpu_ns(&cpu_after);
    worker->cpu_ns = cpu_after - cpu_before;
    end_quota(worker);
    net_run(worker->net, recorder, clock_now_ns() + (uint64_t)timeout_ms * 1000000);
}

static void add_up(struct worker *worker, struct outcome *outcome) {
    recorder_add(&outcome->sum, &worker->recorder);
    outcome->cpu_known = outcome->cpu_known && worker->cpu_known;
    outcome->cpu_ns += worker->cpu_ns;
    for (uint32_t i = 0; i < worker->count; i++) {
        struct client *client = &worker->clients[i];
        uint64_t unanswered = client->begun - client->answered;
        if (client->error == CLIENT_FINE && unanswered > 0)
            client->error = CLIENT_TIMEOUT;
        outcome->unanswered += unanswered;
        outcome->alive += client->error == CLIENT_FINE;
        outcome->errors[client->error]++;
    }
}

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

static void share_out(struct worker *workers, struct client *clients, const struct sockaddr_in *server) {
    uint32_t first = 0;
    for (uint32_t i = 0; i < threads; i++) {
        uint32_t count = connections / threads + (i < connections % threads);
        workers[i] =
            (struct worker){.clients = clients + first, .count = count, .first_id = first, .server = *server};
        first += count;
    }
}

/* true: every connection stands. */
static bool connect_all(struct worker *workers) {
    struct threads *running = threads_start(threads, connect_clients, workers, sizeof *workers);
    if (!running) {
        fprintf(stderr, "loadgen: --threads %u: the system refused a thread\n", (unsigned)threads);
        return false;
    }
    threads_join(running);
    for (uint32_t i = 0; i < threads; i++) {
        if (workers[i].failed) {
            fprintf(stderr, "loadgen: %s\n", workers[i].failure);
            return false;
        }
    }
    return true;
}

/* false: the load could not be generated; a line on stderr says why. */
static bool measure(struct worker *workers, struct outcome *outcome) {
    uint64_t begin_ns = clock_now_ns() + (uint64_t)warmup_ms * 1000000;
    uint64_t end_ns = begin_ns + (uint64_t)duration_ms * 1000000;
    for (uint32_t i = 0; i < threads; i++) {
        workers[i].recorder.begin_ns = begin_ns;
        workers[i].recorder.end_ns = end_ns;
    }
    struct threads *running = threads_start(threads, generate_load, workers, sizeof *workers);
    if (!running) {
        fprintf(stderr, "loadgen: --threads %u: the system refused a thread\n", (unsigned)threads);
        return false;
    }
    clock_sleep_until_ns(begin_ns);
    report_moment("measuring");
    clock_sleep_until_ns(end_ns);
    report_moment("measured");
    threads_join(running);
    *outcome =
        (struct outcome){.window_ns = end_ns - begin_ns, .connections = connections, .cpu_known = true};
    if (!recorder_open(&outcome->sum)) {
        fprintf(stderr, "loadgen: out of memory for the result\n");
        return false;
    }
    for (uint32_t i = 0; i < threads; i++)
        add_up(&workers[i], outcome);
    return true;
}

static int drive(struct worker *workers) {
    uint64_t start_ns = clock_now_ns();
    if (!connect_all(workers))
        return EXIT_FAILURE;
    if (!report_ready(options, connections, clock_now_ns() - start_ns))
        return EXIT_FAILURE;
    struct outcome outcome;
    if ((!start_now && !wait_for_go()) || !measure(workers, &outcome))
        return EXIT_FAILURE;
    bool printed = report_result(options, &outcome);
    recorder_close(&outcome.sum);
    return printed && outcome.alive == connections ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void raise_descriptor_limit(void) {
#ifndef _WIN32
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
#endif
}

/* false: a line on stderr says which option is wrong. */
static bool check_options(struct sockaddr_in *server) {
    if (load.reply_size == (uint32_t)UNSET)
        load.reply_size = load.size;
    if (port == 0)
        fprintf(stderr, "loadgen: --port: is needed, 1 to 65535\n");
    else if (!sockets_address(host, port, server))
        fprintf(stderr, "loadgen: --host %s: must be a numeric IPv4 address\n", host);
    else if (threads > connections)
        fprintf(stderr, "loadgen: --threads %u: must be at most --connections, %u\n", (unsigned)threads,
                (unsigned)connections);
    else
        return true;
    return false;
}

int main(int argc, char **argv) {
    json_start();
    const struct option *tables[] = {options, NULL};
    enum option_outcome outcome = option_parse("loadgen", tables, argc, argv);
    if (outcome == OPTIONS_HELP) {
        load.reply_size = load.size;
        option_help("loadgen", "Drives a server with a closed loop and measures it.", tables);
        return EXIT_SUCCESS;
    }
    struct sockaddr_in server;
    if (outcome == OPTIONS_WRONG || !check_options(&server))
        return EXIT_USAGE;
    raise_descriptor_limit();
    if (!sockets_start("loadgen"))
        return EXIT_FAILURE;
    load.pattern = load_pattern(seed);
    struct client *clients = calloc(connections, sizeof *clients);
    struct worker *workers = calloc(threads, sizeof *workers);
    if (!load.pattern || !clients || !workers) {
        fprintf(stderr, "loadgen: --connections %u: out of memory\n", (unsigned)connections);
        return EXIT_FAILURE;
    }
    share_out(workers, clients, &server);
    int code = drive(workers);
    for (uint32_t i = 0; i < threads; i++) {
        if (workers[i].net)
            net_close(workers[i].net);
        recorder_close(&workers[i].recorder);
    }
    for (uint32_t i = 0; i < connections; i++)
        client_close(&clients[i]);
    free(workers);
    free(clients);
    free((void *)load.pattern);
    return code;
}
