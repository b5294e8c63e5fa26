#include "loadgen/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/throttling.h"
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
    uint64_t connect_ns;   /* start of the connects */
    struct window *window; /* NULL while connecting */
    struct throttling throttling;
    bool precedes; /* see threads_take_precedence */
    bool polls;    /* see NET_POLL_NS */
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
        clock_sleep_until_ns(run->connect_ns +
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
    for (uint32_t i = 0; i < worker->count; i++)
        worker->clients[i].quota = 1;
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

/* Stops all new requests, also those that were due in the window. */
static void end_quota(struct worker *worker) {
    for (uint32_t i = 0; i < worker->count; i++)
        worker->clients[i].quota = worker->clients[i].begun;
}

/* Each connection of a closed loop sends one more turn after the window. So the last requests of the
 * window are answered under full load, too. */
static void last_turn(struct worker *worker) {
    for (uint32_t i = 0; i < worker->count; i++) {
        struct client *client = &worker->clients[i];
        if (client->quota > 0 && !load_open_loop(client->load))
            client->quota = client->begun + client->load->depth;
    }
}

/* Half of the timeout is for requests due in the window. The last replies then have all of it. */
static void finish_load(struct worker *worker, uint64_t end_ns) {
    uint64_t half_ns = (uint64_t)worker->run->plan->timeout_ms * 500000;
    last_turn(worker);
    net_run(worker->net, end_ns + half_ns);
    end_quota(worker);
    net_run(worker->net, end_ns + 3 * half_ns);
}

/* Runs the load until the window starts or ends, and returns when that was. */
static uint64_t run_until(struct worker *worker, enum window_moment moment) {
    const struct run *run = worker->run;
    struct window_view view = window_look(run->window, 0);
    for (;;) {
        uint64_t at_ns = window_moment_ns(&view, moment);
        net_run(worker->net, at_ns);
        clock_sleep_until_ns(at_ns); /* net_run() returns early if all connections are dead */
        view = window_look(run->window, at_ns);
        for (size_t i = 0; i < run->plan->class_count; i++)
            recorder_look(&worker->recorders[i], at_ns);
        if (window_moment_ns(&view, moment) == at_ns)
            return at_ns;
    }
}

static void generate_load(void *argument) {
    struct worker *worker = argument;
    uint64_t cpu_before = 0, cpu_after = 0;
    run_until(worker, WINDOW_BEGIN);
    worker->cpu_known = clock_thread_cpu_ns(&cpu_before);
    uint64_t end_ns = run_until(worker, WINDOW_END);
    worker->cpu_known = worker->cpu_known && clock_thread_cpu_ns(&cpu_after);
    worker->cpu_ns = cpu_after - cpu_before;
    note_backlog(worker, end_ns);
    finish_load(worker, end_ns);
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
    struct window_view window = window_look(run->window, 0);
    *outcome = (struct outcome){.begin_ns = window.begin_ns,
                                .end_ns = window.end_ns,
                                .warm = window_complete(run->window, WINDOW_BEGIN),
                                .preceded = run->precedes,
                                .polled = run->polls,
                                .throttling_error = run->throttling.execution_error,
                                .cpu_known = true};
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

static bool all_open_loops(const struct plan *plan) {
    bool all = true;
    for (size_t i = 0; i < plan->class_count; i++)
        all = all && load_open_loop(&plan->classes[i].load);
    return all;
}

/* An open loop must send on time, although other programs and the kernel want its CPU, too. A
 * closed loop has no due times, and it could keep a CPU busy on its own. */
static void choose_pacing(struct run *run) {
    enum pacing asked = (enum pacing)run->plan->pacing;
    bool own_cpu = threads_may_spin(run->plan->threads);
    bool may_precede =
        own_cpu && all_open_loops(run->plan) && (threads_precede_spinning || asked != PACING_POLL);
    run->precedes = may_precede && threads_take_precedence();
    bool spins = own_cpu && (threads_precede_spinning || !run->precedes);
    run->polls = asked == PACING_POLL || (asked == PACING_AUTO && spins);
}

struct run *run_open(struct plan *plan) {
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->plan = plan;
    run->throttling = throttling_off();
    choose_pacing(run);
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
        load->start_ns = 0;
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
    if (run->window)
        window_close(run->window);
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
    run->connect_ns = clock_now_ns();
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

static bool any_open_loop(const struct plan *plan) {
    bool any = false;
    for (size_t i = 0; i < plan->class_count; i++)
        any = any || load_open_loop(&plan->classes[i].load);
    return any;
}

/* An open loop's window has a fixed length: its schedule says how many requests it contains. */
static bool window_fixed(const struct plan *plan) {
    return plan->turns == 0 || any_open_loop(plan);
}

/* Without a warm-up the window starts immediately, with cold connections. */
static uint64_t longest_warmup_ms(const struct plan *plan) {
    return plan->warmup_ms > 0 ? (uint64_t)plan->warmup_ms + plan->timeout_ms : 0;
}

static bool open_window(struct run *run) {
    static const uint64_t ms = 1000000;
    const struct plan *plan = run->plan;
    struct window_plan window = {.start_ns = clock_now_ns(),
                                 .warmup_ns = plan->warmup_ms * ms,
                                 .warmup_most_ns = longest_warmup_ms(plan) * ms,
                                 .duration_ns = plan->duration_ms * ms};
    window.most_ns = window.duration_ns * (window_fixed(plan) ? 1 : RUN_WINDOW_MOST);
    window.grid_ns = course_width_ns(window.warmup_most_ns + window.most_ns);
    run->window = window_open(&window);
    for (size_t i = 0; i < plan->class_count; i++)
        run->plan->classes[i].load.start_ns = window.start_ns;
    if (!run->window)
        fprintf(stderr, "loadgen: out of memory for the measuring window\n");
    return run->window != NULL;
}

/* Before the threads start, each recorder tells the window what to wait for. */
static void prepare_load(struct worker *worker) {
    const struct plan *plan = worker->run->plan;
    uint64_t active[CLASSES_MAX] = {0};
    for (uint32_t i = 0; i < worker->count; i++) {
        struct client *client = &worker->clients[i];
        uint32_t index = client->id;
        size_t class = class_of(plan, &index);
        bool idle = is_idle(&plan->classes[class], index);
        client->quota = idle ? 0 : UINT64_MAX;
        client->cold = idle ? 0 : CLIENT_WARM_REPLIES;
        active[class] += !idle;
    }
    for (size_t i = 0; i < plan->class_count; i++) {
        uint64_t turn = active[i] * plan->classes[i].load.depth;
        recorder_begin(&worker->recorders[i], worker->run->window, active[i],
                       window_fixed(plan) ? 0 : turn * plan->turns);
    }
}

/* Sleeps until the window starts or ends. */
static void await(struct window *window, enum window_moment moment) {
    struct window_view view = window_look(window, 0);
    for (uint64_t at_ns = 0; at_ns != window_moment_ns(&view, moment);) {
        at_ns = window_moment_ns(&view, moment);
        clock_sleep_until_ns(at_ns);
        view = window_look(window, at_ns);
    }
}

bool run_measure(struct run *run, bool announce, struct outcome *outcome) {
    if (!open_window(run))
        return false;
    for (uint32_t i = 0; i < run->plan->threads; i++)
        prepare_load(&run->workers[i]);
    struct threads *threads = start_threads(run, generate_load);
    if (!threads)
        return false;
    await(run->window, WINDOW_BEGIN);
    if (announce)
        report_moment("measuring");
    await(run->window, WINDOW_END);
    if (announce)
        report_moment("measured");
    threads_join(threads);
    return add_up(run, outcome);
}
