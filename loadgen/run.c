#include "loadgen/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "loadgen/limits.h"
#include "loadgen/net.h"
#include "loadgen/random.h"
#include "loadgen/report.h"
#include "loadgen/threads.h"

/* One thread and its share of each class's connections. */
struct worker {
    const struct run *run;
    uint32_t number, count;
    struct client *clients;
    struct net *net;
    struct recorder recorders[CLASSES_MAX];
    bool behind;
    uint64_t behind_since_ns;
    bool cpu_known;
    uint64_t cpu_ns;
    bool failed;
    char failure[256]; /* the reason, one line */
};

struct run {
    struct plan *plan;
    struct worker *workers;
    struct client *clients;
    struct sockets_route *routes;
    char *pattern;
    uint64_t begin_ns, end_ns; /* of the connects, then of the window */
    bool polls;                /* see NET_POLL_NS */
};

/* Returns the class of connection `id`, and its index in the class in *id. */
static size_t class_of(const struct plan *plan, uint32_t *id) {
    size_t class = 0;
    for (; *id >= plan->classes[class].connections; class ++)
        *id -= plan->classes[class].connections;
    return class;
}

static bool is_idle(const struct class *class, uint32_t index) {
    return index >= class->connections - class->idle;
}

static void set_quota(struct worker *worker, uint64_t active, uint64_t idle) {
    const struct plan *plan = worker->run->plan;
    for (uint32_t i = 0; i < worker->count; i++) {
        uint32_t index = worker->clients[i].id;
        const struct class *class = &plan->classes[class_of(plan, &index)];
        worker->clients[i].quota = is_idle(class, index) ? idle : active;
    }
}

/* Stops new requests. With `open_too` also those that were due before the window ended. */
static void end_quota(struct worker *worker, bool open_too) {
    for (uint32_t i = 0; i < worker->count; i++)
        if (open_too || !load_open_loop(worker->clients[i].load))
            worker->clients[i].quota = worker->clients[i].begun;
}

static bool set_up(struct worker *worker) {
    const struct plan *plan = worker->run->plan;
    int error = 0;
    char text[SOCKETS_ERROR_TEXT_BYTES];
    worker->net = net_open(worker->count, worker->run->polls, &error);
    bool good = worker->net != NULL;
    for (size_t i = 0; good && i < plan->class_count; i++) {
        good = recorder_open(&worker->recorders[i]);
        worker->recorders[i].open = load_open_loop(&plan->classes[i].load);
        worker->recorders[i].slack_ns = plan->slack_ns;
    }
    if (!good)
        snprintf(worker->failure, sizeof worker->failure, "cannot set up a thread: %s",
                 sockets_error_text(error, text));
    return good;
}

/* Connects the thread's client `i` when the ramp reaches it. */
static bool connect_client(struct worker *worker, uint32_t i) {
    const struct run *run = worker->run;
    const struct plan *plan = run->plan;
    struct client *client = &worker->clients[i];
    uint32_t id = worker->number + i * plan->threads, index = id;
    size_t class = class_of(plan, &index);
    int error = 0;
    char text[SOCKETS_ERROR_TEXT_BYTES];
    if (!client_open(client, &plan->classes[class].load, &worker->recorders[class], id, index)) {
        snprintf(worker->failure, sizeof worker->failure, "out of memory for connection %u",
                 (unsigned)(id + 1));
        return false;
    }
    if (plan->ramp_ms > 0)
        clock_sleep_until_ns(run->begin_ns +
                             (uint64_t)plan->ramp_ms * 1000000 * id / plan->connections);
    const struct sockets_route *route = &run->routes[id % plan->sources];
    if (net_connect(worker->net, client, route, plan->timeout_ms, &error))
        return true;
    snprintf(worker->failure, sizeof worker->failure, "connection %u to %s:%u: %s",
             (unsigned)(id + 1), plan->host, (unsigned)ntohs(plan->server.sin_port),
             sockets_error_text(error, text));
    return false;
}

/* A connection counts after its first reply, because the kernel also accepts connections for a
 * stalled server. */
static void connect_clients(void *argument) {
    struct worker *worker = argument;
    const struct plan *plan = worker->run->plan;
    worker->failed = true;
    if (!set_up(worker))
        return;
    for (uint32_t i = 0; i < worker->count; i++)
        if (!connect_client(worker, i))
            return;
    set_quota(worker, 1, 1);
    net_run(worker->net, clock_now_ns() + (uint64_t)plan->timeout_ms * 1000000);
    for (uint32_t i = 0; i < worker->count; i++) {
        const struct client *client = &worker->clients[i];
        if (client->error != CLIENT_FINE || client->answered < 1) {
            const char *why =
                client_error_names[client->error != CLIENT_FINE ? client->error : CLIENT_TIMEOUT];
            snprintf(worker->failure, sizeof worker->failure,
                     "connection %u to %s:%u: no reply to its first request: %s",
                     (unsigned)(client->id + 1), plan->host, (unsigned)ntohs(plan->server.sin_port),
                     why);
            return;
        }
    }
    worker->failed = false;
}

/* Records whether the thread is behind its schedule at the end of the window, and since when. A
 * broken connection is behind: it sends nothing that is due. */
static void note_backlog(struct worker *worker, uint64_t end_ns) {
    worker->behind_since_ns = CLIENT_NEVER;
    for (uint32_t i = 0; i < worker->count; i++) {
        uint64_t since_ns = client_behind_since_ns(&worker->clients[i], end_ns);
        if (since_ns < worker->behind_since_ns)
            worker->behind_since_ns = since_ns;
    }
    worker->behind = worker->behind_since_ns != CLIENT_NEVER;
}

/* Half of the timeout is for requests due in the window, the other half for the last replies. */
static void finish_load(struct worker *worker) {
    uint64_t half_ns = (uint64_t)worker->run->plan->timeout_ms * 500000;
    end_quota(worker, false);
    net_run(worker->net, worker->run->end_ns + half_ns);
    end_quota(worker, true);
    net_run(worker->net, worker->run->end_ns + 2 * half_ns);
}

static void generate_load(void *argument) {
    struct worker *worker = argument;
    const struct run *run = worker->run;
    uint64_t cpu_before = 0, cpu_after = 0;
    for (size_t i = 0; i < run->plan->class_count; i++)
        recorder_begin(&worker->recorders[i], (uint64_t)run->plan->warmup_ms * 1000000,
                       run->begin_ns, run->end_ns);
    set_quota(worker, UINT64_MAX, 0);
    net_run(worker->net, run->begin_ns);
    worker->cpu_known = clock_thread_cpu_ns(&cpu_before);
    net_run(worker->net, run->end_ns);
    worker->cpu_known = worker->cpu_known && clock_thread_cpu_ns(&cpu_after);
    worker->cpu_ns = cpu_after - cpu_before;
    note_backlog(worker, run->end_ns);
    finish_load(worker);
}

/* Adds a client's unfinished requests and counts to its class's tally. */
static void close_account(struct client *client, bool idle, uint64_t end_ns, struct tally *tally) {
    uint64_t unanswered = client->begun - client->answered;
    for (uint64_t i = client->answered; i < client->begun; i++)
        recorder_unanswered(client->recorder, &client->outstanding[i % client->load->depth]);
    tally->unanswered += unanswered;
    if (client->error == CLIENT_FINE && unanswered > 0)
        client->error = CLIENT_TIMEOUT;
    tally->alive += client->error == CLIENT_FINE;
    tally->errors[client->error]++;
    tally->connections++;
    if (idle)
        return;
    tally->active++;
    tally->unsent += client_skip_unsent(client, end_ns);
    tally->counted += (double)client->counted;
    tally->counted_squares += (double)client->counted * (double)client->counted;
}

static void tally_add(struct tally *sum, const struct tally *tally) {
    recorder_add(&sum->sum, &tally->sum);
    sum->connections += tally->connections;
    sum->active += tally->active;
    sum->alive += tally->alive;
    sum->unanswered += tally->unanswered;
    sum->unsent += tally->unsent;
    sum->counted += tally->counted;
    sum->counted_squares += tally->counted_squares;
    for (int error = 0; error < CLIENT_ERRORS; error++)
        sum->errors[error] += tally->errors[error];
}

static void add_worker(struct worker *worker, struct outcome *outcome) {
    const struct plan *plan = worker->run->plan;
    for (uint32_t i = 0; i < worker->count; i++) {
        uint32_t index = worker->clients[i].id;
        size_t class = class_of(plan, &index);
        close_account(&worker->clients[i], is_idle(&plan->classes[class], index), outcome->end_ns,
                      &outcome->classes[class]);
    }
    for (size_t i = 0; i < plan->class_count; i++)
        recorder_add(&outcome->classes[i].sum, &worker->recorders[i]);
    outcome->cpu_known = outcome->cpu_known && worker->cpu_known;
    outcome->cpu_ns[worker->number] = worker->cpu_ns;
    if (worker->behind && (!outcome->behind || worker->behind_since_ns < outcome->behind_since_ns))
        outcome->behind_since_ns = worker->behind_since_ns;
    outcome->behind = outcome->behind || worker->behind;
}

void outcome_close(struct outcome *outcome) {
    recorder_close(&outcome->all.sum);
    for (size_t i = 0; i < CLASSES_MAX; i++)
        recorder_close(&outcome->classes[i].sum);
}

static bool add_up(struct run *run, struct outcome *outcome) {
    const struct plan *plan = run->plan;
    *outcome = (struct outcome){
        .begin_ns = run->begin_ns, .end_ns = run->end_ns, .polled = run->polls, .cpu_known = true};
    bool good = recorder_open(&outcome->all.sum);
    for (size_t i = 0; good && i < plan->class_count; i++) {
        good = recorder_open(&outcome->classes[i].sum);
        outcome->classes[i].sum.open = load_open_loop(&plan->classes[i].load);
    }
    if (!good) {
        fprintf(stderr, "loadgen: out of memory\n");
        outcome_close(outcome);
        return false;
    }
    for (uint32_t i = 0; i < plan->threads; i++)
        add_worker(&run->workers[i], outcome);
    for (size_t i = 0; i < plan->class_count; i++)
        tally_add(&outcome->all, &outcome->classes[i]);
    return true;
}

/* Deals the connections out in turn, so that a small class uses all threads too. */
static void share_out(struct run *run) {
    const struct plan *plan = run->plan;
    struct client *next = run->clients;
    for (uint32_t i = 0; i < plan->threads; i++) {
        uint32_t count =
            plan->connections / plan->threads + (i < plan->connections % plan->threads);
        run->workers[i] = (struct worker){.run = run, .number = i, .count = count, .clients = next};
        next += count;
    }
}

/* 127.0.0.1, 127.0.0.2, … */
static void make_routes(struct run *run) {
    for (uint32_t i = 0; i < run->plan->sources; i++) {
        struct sockets_route *route = &run->routes[i];
        *route =
            (struct sockets_route){.server = run->plan->server, .bound = run->plan->sources > 1};
        route->source.sin_family = AF_INET;
        route->source.sin_addr.s_addr = htonl(UINT32_C(0x7f000001) + i);
    }
}

struct run *run_open(struct plan *plan) {
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->plan = plan;
    run->polls = plan->pacing == PACING_POLL ||
                 (plan->pacing == PACING_AUTO && threads_may_spin(plan->threads));
    run->clients = calloc(plan->connections, sizeof *run->clients);
    run->workers = calloc(plan->threads, sizeof *run->workers);
    run->routes = calloc(plan->sources, sizeof *run->routes);
    run->pattern = load_pattern(plan->seed);
    if (!run->clients || !run->workers || !run->routes || !run->pattern) {
        run_close(run);
        return NULL;
    }
    for (size_t i = 0; i < plan->class_count; i++) {
        struct load *load = &plan->classes[i].load;
        load->pattern = run->pattern;
        load->seed = random_mix(random_mix(plan->seed) + 2 * i);
        load->arrivals.seed = random_mix(random_mix(plan->seed) + 2 * i + 1);
        load->start_ns = load->stop_ns = 0;
    }
    share_out(run);
    make_routes(run);
    return run;
}

void run_close(struct run *run) {
    for (uint32_t i = 0; run->workers && i < run->plan->threads; i++) {
        if (run->workers[i].net)
            net_close(run->workers[i].net);
        for (size_t class = 0; class < CLASSES_MAX; class ++)
            recorder_close(&run->workers[i].recorders[class]);
    }
    for (uint32_t i = 0; run->clients && i < run->plan->connections; i++)
        client_close(&run->clients[i]);
    free(run->pattern);
    free(run->routes);
    free(run->workers);
    free(run->clients);
    free(run);
}

static struct threads *start_threads(struct run *run, void (*work)(void *)) {
    struct threads *threads =
        threads_start(run->plan->threads, work, run->workers, sizeof *run->workers);
    if (!threads)
        fprintf(stderr, "loadgen: --threads %u: cannot start a thread\n",
                (unsigned)run->plan->threads);
    return threads;
}

bool run_connect(struct run *run) {
    run->begin_ns = clock_now_ns();
    struct threads *threads = start_threads(run, connect_clients);
    if (!threads)
        return false;
    threads_join(threads);
    for (uint32_t i = 0; i < run->plan->threads; i++) {
        if (run->workers[i].failed) {
            fprintf(stderr, "loadgen: %s\n", run->workers[i].failure);
            return false;
        }
    }
    return true;
}

bool run_measure(struct run *run, bool announce, struct outcome *outcome) {
    struct plan *plan = run->plan;
    uint64_t start_ns = clock_now_ns();
    run->begin_ns = start_ns + (uint64_t)plan->warmup_ms * 1000000;
    run->end_ns = run->begin_ns + (uint64_t)plan->duration_ms * 1000000;
    for (size_t i = 0; i < plan->class_count; i++) {
        plan->classes[i].load.start_ns = start_ns;
        plan->classes[i].load.stop_ns = run->end_ns;
    }
    struct threads *threads = start_threads(run, generate_load);
    if (!threads)
        return false;
    clock_sleep_until_ns(run->begin_ns);
    if (announce)
        report_moment("measuring");
    clock_sleep_until_ns(run->end_ns);
    if (announce)
        report_moment("measured");
    threads_join(threads);
    return add_up(run, outcome);
}
