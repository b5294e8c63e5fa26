/* The kit's side of server.h: command line, listener, control channel, counting. It names no model,
 * and leaves to os.h what Windows and Linux do differently. */
#include "server.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/platform.h"
#include "os.h"
#include "process_counters.h"
#include "spin.h"

enum { EXIT_USAGE = 2, EXIT_UNSUPPORTED = 77, DEFAULT_MAX_CONNS = 16384, MAX_CONNS = 1000000 };

static struct server server;
static const char *host = "127.0.0.1";
static uint32_t port, backlog = 4096;
static bool describe;

static struct option options[] = {
    OPTION_TEXT("host", host, "IPv4 address to listen on"),
    OPTION_NUMBER("port", port, 0, 65535, "port", "port to listen on; 0: the system chooses"),
    OPTION_NUMBER("max-conns", server.max_conns, 1, 0, "connections",
                  "maximum number of open connections; further ones are closed"),
    OPTION_NUMBER("buffer", server.buffer, SESSION_BUFFER_MIN, 16 << 20, "bytes",
                  "size of each connection's receive buffer and of its send buffer"),
    OPTION_NUMBER("backlog", backlog, 200, 65535, "connections",
                  "maximum number of connections that wait to be accepted"),
    OPTION_FLAG("describe", describe, "print this model's properties as JSON and exit"),
    OPTION_END,
};
static struct option threads_option[] = {
    OPTION_NUMBER("threads", server.threads, 1, 0, "threads",
                  "number of threads that serve clients"),
    OPTION_END,
};
static const struct option no_options[] = {OPTION_END};

/* Every option of this server: the kit's, --threads if the model has a choice, the model's own. */
static const struct option *tables[4];

static os_flag stopping; /* set once, by the control thread or the console */
static bool ready;       /* the model printed "ready", so a summary must follow */

static struct connection *open_connections; /* admitted and not yet dismissed */
static uint32_t open_count;

/* One block per thread, linked once and never freed: the report also adds up ended threads. A
 * returned block keeps its counts for its next thread. */
struct stats_block {
    struct stats stats;
    struct stats_block *next;
    os_flag taken;
    char apart[64]; /* keeps two threads' counters off the same cache line */
};
/* Threads for which memory is short share this block. */
static struct stats_block spare_stats = {.taken = 1};
static void *volatile stats_blocks = &spare_stats;

struct stats *server_stats(void) {
    struct stats_block *block;
    for (block = stats_blocks; block; block = block->next)
        if (!block->taken && os_exchange(&block->taken, 1) == 0) /* a read locks no line */
            return &block->stats;
    block = calloc(1, sizeof *block);
    if (!block)
        return &spare_stats.stats;
    block->taken = 1;
    do
        block->next = stats_blocks;
    while (!os_replace(&stats_blocks, block->next, block));
    return &block->stats;
}

void server_stats_return(struct stats *stats) {
    struct stats_block *block = (void *)((char *)stats - offsetof(struct stats_block, stats));
    if (block != &spare_stats)
        os_exchange(&block->taken, 0);
}

int server_error(const char *call, system_error error) {
    char text[SOCKETS_ERROR_TEXT_BYTES];
    fprintf(stderr, "%s: %s: %s\n", model.name, call, sockets_error_text((int)error, text));
    fflush(stderr);
    return EXIT_FAILURE;
}

int server_wrong_option(const char *name, uint32_t value, const char *allowed) {
    fprintf(stderr, "%s: --%s %u: %s\n", model.name, name, (unsigned)value, allowed);
    return EXIT_USAGE;
}

bool server_stopping(void) {
    return stopping != 0;
}

/* Takes a slot for one more connection. Returns false if none is free. */
static bool link_connection(struct connection *connection) {
    os_lock();
    bool free_slot = open_count < server.max_conns;
    if (free_slot) {
        connection->previous = NULL;
        connection->next = open_connections;
        if (open_connections)
            open_connections->previous = connection;
        open_connections = connection;
        open_count++;
    }
    os_unlock();
    return free_slot;
}

static void unlink_connection(struct connection *connection) {
    os_lock();
    if (connection->next)
        connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        open_connections = connection->next;
    open_count--;
    os_unlock();
}

bool server_admit(struct connection *connection, socket_handle socket, struct stats *stats) {
    connection->socket = socket;
    if (!session_open(&connection->session, server.buffer)) {
        stats->failures++;
        sockets_close(socket);
        return false;
    }
    if (!link_connection(connection)) {
        stats->refused++;
        session_close(&connection->session);
        sockets_close(socket);
        return false;
    }
    stats->accepted++;
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
    return true;
}

/* Closing a socket with unread bytes resets the connection and loses sent replies. So the server
 * reads and discards what arrived after a broken header. The client may lose what arrives later. */
static void discard_input(socket_handle socket) {
    char bytes[4096];
    for (size_t left = FRAME_PAYLOAD_MAX / sizeof bytes; left > 0; left--)
        if (!os_has_input(socket) || recv(socket, bytes, sizeof bytes, 0) <= 0)
            return;
}

socket_handle server_release(struct connection *connection, struct stats *stats) {
    stats->closed++; /* first, or a report could count it as neither open nor closed */
    unlink_connection(connection); /* next, so that server_cancel() never meets a closed socket */
    if (connection->session.broken)
        discard_input(connection->socket);
    session_close(&connection->session);
    return connection->socket;
}

void server_dismiss(struct connection *connection, struct stats *stats) {
    sockets_close(server_release(connection, stats));
}

struct connection *server_any(void) {
    os_lock();
    struct connection *first = open_connections;
    os_unlock();
    return first;
}

void server_close_sockets(void) {
    os_lock();
    for (struct connection *connection = open_connections; connection;
         connection = connection->next) {
        sockets_close(connection->socket);
        connection->socket = SOCKET_NONE; /* server_dismiss() closes nothing then */
    }
    os_unlock();
}

uint32_t server_cancel(void) {
    static uint64_t next_round_ns; /* a round costs a kernel call per connection */
    os_lock();
    if (clock_now_ns() >= next_round_ns) {
        os_cancel(server.listener);
        for (struct connection *connection = open_connections; connection;
             connection = connection->next)
            os_cancel(connection->socket);
        next_round_ns = clock_now_ns() + SERVER_POLL_MS * UINT64_C(1000000);
    }
    uint32_t count = open_count;
    os_unlock();
    return count;
}

void server_lost(system_error error, struct stats *stats) {
    if (stopping) /* cancelled on purpose */
        return;
    if (os_is_reset(error))
        stats->resets++;
    else
        stats->failures++;
}

bool server_not_accepted(system_error error, struct stats *stats) {
    if (stopping)
        return false;
    bool aborted = os_left_early(error);
    if (aborted)
        stats->aborted++;
    else
        stats->failures++;
    return aborted;
}

/* Prints "sample" while the server runs, "summary" at its end. */
static void report_counters(const char *event) {
    struct stats sum = {0};
    /* read before the counters: a closing connection is then in both, not in neither */
    uint32_t connections = open_count;
    for (const struct stats_block *block = stats_blocks; block; block = block->next) {
#define STATS_ADD(name) sum.name += block->stats.name;
        STATS_COUNTERS(STATS_ADD)
#undef STATS_ADD
    }
    struct json line = json_event(event);
    json_u64(&line, "time_ns", clock_now_ns());
    json_u64(&line, "connections", connections);
    json_object(&line, "counters");
#define STATS_PRINT(name) json_u64(&line, #name, sum.name);
    STATS_COUNTERS(STATS_PRINT)
#undef STATS_PRINT
    json_close(&line);
    process_counters_report(&line);
    json_print(&line);
}

static bool report_model(void) {
    struct json line = json_event("describe");
    json_string(&line, "model", model.name);
    json_string(&line, "summary", model.summary);
    json_string(&line, "family", model.family);
    json_string(&line, "limit", model.limit);
    json_string(&line, "cost", model.cost);
    json_string(&line, "since", model.since);
    if (model.max_conns > 0)
        json_u64(&line, "max_conns", model.max_conns);
    else
        json_null(&line, "max_conns");
    json_bool(&line, "supported", !model.supported || model.supported());
    json_string(&line, "platform", platform_name());
    json_array(&line, "options");
    for (size_t table = 0; tables[table]; table++) {
        for (const struct option *option = tables[table]; option->name; option++) {
            if (!option->number)
                continue;
            json_object(&line, NULL);
            json_string(&line, "name", option->name);
            json_u64(&line, "default", *option->number);
            json_u64(&line, "min", option->min);
            json_u64(&line, "max", option->max);
            json_string(&line, "unit", option->unit);
            json_string(&line, "help", option->help);
            json_close(&line);
        }
    }
    if (json_print(&line))
        return true;
    fprintf(stderr, "%s: --describe: cannot be written to standard output\n", model.name);
    return false;
}

static uint64_t socket_option(socket_handle socket, int name) {
    int value = 0;
    socklen_t length = sizeof value;
    getsockopt(socket, SOL_SOCKET, name, (char *)&value, &length);
    return (uint64_t)value;
}

static void report_sample(void) {
    report_counters("sample");
}

/* The control thread does the work: it is where the server is, and no thread of the model waits for it. */
static void report_spin(void) {
    struct spin spin = spin_measure();
    struct json line = json_event("spin");
    json_u64(&line, "ns", spin.ns);
    json_u64(&line, "fastest_ns", spin.fastest_ns);
    json_u64(&line, "parts", spin.parts);
    json_print(&line);
}

static const struct command {
    const char *name;
    void (*obey)(void);
} commands[] = {{"sample", report_sample}, {"spin", report_spin}};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void report_commands(struct json *line) {
    json_array(line, "commands");
    for (size_t i = 0; i < COMMANDS; i++)
        json_string(line, NULL, commands[i].name);
    json_close(line);
}

void server_ready(void) {
    ready = true;
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    getsockname(server.listener, (struct sockaddr *)&address, &length);
    struct json line = json_event("ready");
    json_string(&line, "model", model.name);
    json_string(&line, "platform", platform_name());
    json_u64(&line, "pid", os_process_id());
    json_string(&line, "host", host);
    json_u64(&line, "port", ntohs(address.sin_port));
    json_object(&line, "settings");
    for (size_t table = 0; tables[table]; table++)
        for (const struct option *option = tables[table]; option->name; option++)
            if (option->number && option->number != &port)
                json_u64(&line, option->name, *option->number);
    json_close(&line);
    json_object(&line, "socket");
    json_u64(&line, "send_buffer", socket_option(server.listener, SO_SNDBUF));
    json_u64(&line, "receive_buffer", socket_option(server.listener, SO_RCVBUF));
    json_bool(&line, "nodelay", true);
    json_close(&line);
    report_commands(&line);
    process_counters_describe(&line);
    os_report(&line);
    json_print(&line);
}

static void obey(const char *command) {
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(command, commands[i].name) == 0) {
            commands[i].obey();
            return;
        }
    }
    if (*command) {
        fprintf(stderr,
                "%s: stdin: \"%s\": no such command; use \"sample\" or \"spin\", or close stdin to "
                "stop\n",
                model.name, command);
        fflush(stderr);
    }
}

/* Reads stdin until it closes, which stops the server. This works on every system, and a harness
 * that dies stops its servers. */
static void control(void) {
    char command[64];
    size_t length = 0;
    char byte;
    while (os_read_stdin(&byte)) {
        if (byte == '\n') {
            command[length] = '\0';
            obey(command);
            length = 0;
        } else if (byte != '\r' && length < sizeof command - 1) {
            command[length++] = byte < ' ' || byte > '~' ? '?' : byte; /* an error prints it */
        }
    }
    os_exchange(&stopping, 1);
}

/* Returns a listening socket on host:port, or an exit code in `failure`. */
static socket_handle open_listener(int *failure) {
    struct sockaddr_in address;
    if (!sockets_address(host, port, &address)) {
        fprintf(stderr, "%s: --host %s: must be a numeric IPv4 address\n", model.name, host);
        *failure = EXIT_USAGE;
        return SOCKET_NONE;
    }
    bool shared = model.share_port && *model.share_port;
    system_error error;
    socket_handle listener = os_listen(&address, backlog, model.socket_flags, shared, &error);
    if (listener == SOCKET_NONE) {
        char what[64];
        snprintf(what, sizeof what, "listen on %s:%u", host, (unsigned)port);
        *failure = server_error(what, error);
    }
    return listener;
}

static struct option *own_option(const char *name) {
    struct option *option = options;
    while (strcmp(option->name, name) != 0)
        option++;
    return option;
}

/* Sets defaults and bounds that depend on the model or on the machine. */
static void set_defaults(void) {
    uint32_t most = model.max_threads, processors = os_processors();
    server.processors = processors;
    uint32_t usual = model.default_threads > 0 ? model.default_threads : processors;
    server.threads = usual < most ? usual : most;
    threads_option[0].max = most;
    uint32_t limit = model.max_conns > 0 ? model.max_conns : MAX_CONNS;
    server.max_conns = limit < DEFAULT_MAX_CONNS ? limit : DEFAULT_MAX_CONNS;
    own_option("max-conns")->max = limit;
    server.buffer = 16384;
    tables[0] = options;
    tables[1] = most > 0 ? threads_option : no_options;
    tables[2] = model.options ? model.options : no_options;
}

static int serve(void) {
    int failure = EXIT_FAILURE;
    process_counters_start();
    os_start();
    server.listener = open_listener(&failure);
    if (server.listener == SOCKET_NONE)
        return failure;
    system_error error;
    const char *failed = os_extend(&server, &error);
    failed = failed ? failed : os_control(control, &stopping, &error);
    if (failed)
        return server_error(failed, error);
    int code = model.run(&server);
    assert(code != EXIT_SUCCESS || open_count == 0); /* a model must drain before it returns */
    sockets_close(server.listener);
    if (ready)
        report_counters("summary");
    return code;
}

int main(int argc, char **argv) {
    json_start();
    set_defaults();
    enum option_outcome outcome = option_parse(model.name, tables, argc, argv);
    if (outcome == OPTIONS_WRONG)
        return EXIT_USAGE;
    if (outcome == OPTIONS_HELP)
        return option_help(model.name, model.summary, tables) ? EXIT_SUCCESS : EXIT_FAILURE;
    if (!sockets_start(model.name))
        return EXIT_FAILURE;
    if (describe)
        return report_model() ? EXIT_SUCCESS : EXIT_FAILURE;
    if (model.supported && !model.supported()) {
        fprintf(stderr, "%s: not on this platform (%s); it needs %s\n", model.name, platform_name(),
                model.since);
        return EXIT_UNSUPPORTED;
    }
    return serve();
}
