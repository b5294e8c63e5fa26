#include "loadgen/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char program[] = "loadgen";
static const char *const arrivals_words[] = {"constant", "poisson", NULL};
static const char *const close_words[] = {"rst", "fin", NULL};
static const char *const stream_words[] = {"none", "download", "upload", NULL};
static const char *const pacing_words[] = {"auto", "poll", "wait", NULL};
enum { CLOSE_RST, CLOSE_FIN };
enum { STREAM_NONE, STREAM_DOWNLOAD, STREAM_UPLOAD };

/* The options of a class. */
struct draft {
    const char *size, *reply_size, *cpu_us,
        *block_us; /* AMOUNTs; reply_size NULL: the request's size */
    uint32_t connections, idle, depth, rate, arrivals, churn, close, stream;
};
static const struct draft draft_defaults = {
    .size = "64", .cpu_us = "0", .block_us = "0", .connections = 1, .depth = 1};
static struct draft draft;

static const struct option class_options[] = {
    OPTION_NUMBER("connections", draft.connections, 1, 1000000, "connections",
                  "number of open connections"),
    OPTION_NUMBER("idle", draft.idle, 0, 999999, "connections",
                  "connections left idle after one reply"),
    OPTION_FORM("size", draft.size, FRAME_PAYLOAD_MAX, "bytes", AMOUNT_FORM, "payload per request"),
    OPTION_FORM("reply-size", draft.reply_size, FRAME_PAYLOAD_MAX, "bytes", AMOUNT_FORM,
                "payload per reply; default: that of its request"),
    OPTION_NUMBER("depth", draft.depth, 1, 65536, "requests",
                  "outstanding requests per connection"),
    OPTION_NUMBER("rate", draft.rate, 0, 100000000, "requests/s",
                  "open loop: total rate of all connections; 0: a closed loop"),
    OPTION_CHOICE("arrivals", draft.arrivals, arrivals_words,
                  "distribution of an open loop's due times"),
    OPTION_FORM("cpu-us", draft.cpu_us, FRAME_WORK_MAX_US, "us", AMOUNT_FORM,
                "time per request that the server spins"),
    OPTION_FORM("block-us", draft.block_us, FRAME_WORK_MAX_US, "us", AMOUNT_FORM,
                "time per request that the server blocks"),
    OPTION_NUMBER("churn", draft.churn, 0, 1000000, "requests",
                  "replies per connection; 0: never reconnect"),
    OPTION_CHOICE("close", draft.close, close_words, "how --churn closes a connection"),
    OPTION_CHOICE("stream", draft.stream, stream_words,
                  "download: --size applies to replies, requests are empty; upload: the reverse"),
    OPTION_END,
};

static const struct plan plan_defaults = {
    .host = "127.0.0.1",
    .threads = 1,
    .seed = 1,
    .warmup_ms = 1000,
    .duration_ms = 3000,
    .turns = 20,
    .timeout_ms = 10000,
    .point_ms = 500,
};
static struct plan base;
static uint32_t port, slack_us;
static const char *points;
static struct option_list class_texts;

static void set_defaults(void) {
    draft = draft_defaults;
    base = plan_defaults;
    port = 0;
    slack_us = 1000;
    points = "1,64,1000";
    class_texts.count = 0;
}

static const struct option run_options[] = {
    OPTION_TEXT("host", base.host, "IPv4 address of the server"),
    OPTION_NUMBER("port", port, 1, 65535, "port", "port of the server; no default"),
    OPTION_LIST("class", class_texts, "NAME:OPTION=VALUE,OPTION=VALUE...",
                "a class of connections with any options above; may be repeated"),
    OPTION_NUMBER("threads", base.threads, 1, 256, "threads",
                  "number of the load generator's threads"),
    OPTION_NUMBER(
        "warmup-ms", base.warmup_ms, 0, 3600000, "ms",
        "load before the measuring window; up to --timeout-ms more until every connection "
        "has had two replies; 0: none"),
    OPTION_NUMBER("duration-ms", base.duration_ms, 1, 86400000, "ms",
                  "length of the measuring window; closed loops may extend it, see --turns"),
    OPTION_NUMBER("turns", base.turns, 0, 1000, "replies",
                  "replies per connection and --depth for which a closed loop extends the window, "
                  "to 4 times its length at most; 0: never"),
    OPTION_NUMBER("slack-us", slack_us, 1, 1000000, "us", "maximum delay of a timely send"),
    OPTION_CHOICE(
        "pacing", base.pacing, pacing_words,
        "how an open loop waits for a due time; auto: poll if CPUs suffice for all threads and "
        "the server"),
    OPTION_NUMBER("ramp-ms", base.ramp_ms, 0, 3600000, "ms", "time to make all connections"),
    OPTION_NUMBER("sources", base.sources, 0, 64, "addresses",
                  "source addresses 127.0.0.1, 127.0.0.2, ...; 0: automatic"),
    OPTION_NUMBER("seed", base.seed, 0, UINT32_MAX, "", "seed for payloads, amounts and arrivals"),
    OPTION_NUMBER("timeout-ms", base.timeout_ms, 1, 600000, "ms",
                  "limit for each connection, and for the last replies"),
    OPTION_FLAG("start-now", base.start_now, "do not wait for \"go\" on stdin"),
    OPTION_FLAG("calibrate", base.calibrate,
                "measure this program against its null target, which only echoes"),
    OPTION_FORM("points", points, 1000000, "connections", "N,N,... of at most 8",
                "connections of each point of --calibrate"),
    OPTION_NUMBER("point-ms", base.point_ms, 10, 60000, "ms",
                  "measuring window of each point of --calibrate"),
    OPTION_FLAG("describe", base.describe, "print these options as a JSON line"),
    OPTION_END,
};

const struct option *const *options_tables(void) {
    static const struct option *const tables[] = {class_options, run_options, NULL};
    return tables;
}

static bool parse_amount(const char *who, const char *option, const char *text, uint32_t limit,
                         struct amount *amount) {
    if (amount_parse(text, limit, amount))
        return true;
    fprintf(stderr, "%s: --%s %s: must be %s, with whole numbers from 0 to %" PRIu32 "\n", who,
            option, text, AMOUNT_FORM, limit);
    return false;
}

/* Returns false after a line on stderr if two options conflict. */
static bool check_draft(const char *who) {
    if (draft.idle >= draft.connections)
        fprintf(stderr, "%s: --idle %" PRIu32 ": must be less than --connections, %" PRIu32 "\n",
                who, draft.idle, draft.connections);
    else if (draft.arrivals == ARRIVALS_POISSON && draft.rate == 0)
        fprintf(stderr, "%s: --arrivals poisson: needs a --rate above 0\n", who);
    else if (draft.stream != STREAM_NONE && draft.reply_size)
        fprintf(stderr, "%s: --reply-size %s: must not be given with --stream %s; use --size\n",
                who, draft.reply_size, stream_words[draft.stream]);
    else
        return true;
    return false;
}

/* Makes a class of the draft; errors begin with `who`. */
static bool make_class(const char *who, struct class *class) {
    struct load *load = &class->load;
    if (!check_draft(who) ||
        !parse_amount(who, "size", draft.size, FRAME_PAYLOAD_MAX, &load->size) ||
        !parse_amount(who, "reply-size", draft.reply_size ? draft.reply_size : draft.size,
                      FRAME_PAYLOAD_MAX, &load->reply_size) ||
        !parse_amount(who, "cpu-us", draft.cpu_us, FRAME_WORK_MAX_US, &load->cpu_us) ||
        !parse_amount(who, "block-us", draft.block_us, FRAME_WORK_MAX_US, &load->block_us))
        return false;
    load->reply_as_request = !draft.reply_size && draft.stream == STREAM_NONE;
    if (draft.stream == STREAM_DOWNLOAD)
        load->size = amount_of(0);
    if (draft.stream == STREAM_UPLOAD)
        load->reply_size = amount_of(0);
    load->depth = draft.depth;
    load->churn = draft.churn;
    load->close_fin = draft.close == CLOSE_FIN;
    load->arrivals = (struct arrivals){.kind = (enum arrivals_kind)draft.arrivals,
                                       .rate = draft.rate,
                                       .count = draft.connections - draft.idle};
    class->connections = draft.connections;
    class->idle = draft.idle;
    return true;
}

/* Reads the name before the colon of NAME:…. Returns false after a line on stderr. */
static bool read_class_name(const char *text, const struct plan *plan, struct class *class) {
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    if (length == 0 || length > CLASS_NAME_MAX || text[length] != ':') {
        fprintf(stderr,
                "%s: --class %s: must be NAME:OPTION=VALUE,..., with NAME of 1 to %d characters of "
                "a-z0-9_-\n",
                program, text, (int)CLASS_NAME_MAX);
        return false;
    }
    memcpy(class->name, text, length);
    class->name[length] = '\0';
    for (size_t i = 0; i < plan->class_count; i++) {
        if (strcmp(plan->classes[i].name, class->name) == 0) {
            fprintf(stderr, "%s: --class %s: must have another name; this class exists\n", program,
                    text);
            return false;
        }
    }
    return true;
}

/* Reads the OPTION=VALUE,… of a class into the draft, like a command line. */
static bool read_class_options(const char *who, const char *text) {
    enum { TEXT_BYTES = 1024, OPTIONS_MAX = 16 };
    static char words[CLASSES_MAX][TEXT_BYTES]; /* the draft's texts point into these */
    static size_t used;
    char *word = words[used++ % CLASSES_MAX], *argv[OPTIONS_MAX + 2] = {(char *)program},
         *end = word + TEXT_BYTES;
    int argc = 1;
    while (*text) {
        size_t length = strcspn(text, ",");
        if (argc > OPTIONS_MAX || (size_t)(end - word) < length + 3) {
            fprintf(stderr, "%s: must be at most %d options of fewer than %d characters in total\n",
                    who, (int)OPTIONS_MAX, (int)TEXT_BYTES);
            return false;
        }
        if (text[length] == ',' && text[length + 1] == '\0') {
            fprintf(stderr, "%s: must not end in a comma\n", who);
            return false;
        }
        argv[argc++] = word;
        word += snprintf(word, (size_t)(end - word), "--%.*s", (int)length, text) + 1;
        text += length + (text[length] == ',');
    }
    const struct option *tables[] = {class_options, NULL};
    enum option_outcome outcome = option_parse(who, tables, argc, argv);
    if (outcome == OPTIONS_HELP)
        fprintf(stderr, "%s: --help: must not be given for a class\n", who);
    return outcome == OPTIONS_PARSED;
}

static bool read_class(const char *text, struct plan *plan) {
    struct class *class = &plan->classes[plan->class_count];
    if (!read_class_name(text, plan, class))
        return false;
    char who[CLASS_NAME_MAX + 32];
    snprintf(who, sizeof who, "%s: --class %s", program, class->name);
    struct draft common = draft;
    bool good = read_class_options(who, strchr(text, ':') + 1) && make_class(who, class);
    draft = common;
    plan->class_count += good;
    return good;
}

static bool read_classes(struct plan *plan) {
    for (size_t i = 0; i < class_texts.count; i++)
        if (!read_class(class_texts.items[i], plan))
            return false;
    if (class_texts.count == 0) {
        struct class *all = &plan->classes[plan->class_count++];
        snprintf(all->name, sizeof all->name, "all");
        if (!make_class(program, all))
            return false;
    }
    for (size_t i = 0; i < plan->class_count; i++)
        plan->connections += plan->classes[i].connections;
    return true;
}

static bool read_points(const char *text, struct plan *plan) {
    for (const char *at = text; plan->point_count < POINTS_MAX; at++) {
        size_t digits = strspn(at, "0123456789");
        unsigned long number = digits > 0 && digits < 8 ? strtoul(at, NULL, 10) : 0;
        if (number < 1 || number > 1000000)
            break;
        plan->points[plan->point_count++] = (uint32_t)number;
        at += digits;
        if (*at == '\0')
            return true;
        if (*at != ',')
            break;
    }
    fprintf(stderr, "%s: --points %s: must be N,N,... of at most %d numbers from 1 to 1000000\n",
            program, text, (int)POINTS_MAX);
    return false;
}

/* Returns false after a line on stderr if an option is invalid. */
static bool check_plan(struct plan *plan) {
    if (plan->calibrate &&
        (port != 0 || class_texts.count > 0 || draft.connections > 1 || draft.rate > 0 ||
         draft.churn > 0 || draft.reply_size || draft.stream != STREAM_NONE ||
         draft.cpu_us != draft_defaults.cpu_us || draft.block_us != draft_defaults.block_us))
        fprintf(stderr,
                "%s: --calibrate: must only be given with --size, --depth, --threads, --points and "
                "--point-ms\n",
                program);
    else if (port == 0 && !plan->calibrate && !plan->describe)
        fprintf(stderr, "%s: --port: must be given, from 1 to 65535\n", program);
    else if (!sockets_address(plan->host, port, &plan->server))
        fprintf(stderr, "%s: --host %s: must be a numeric IPv4 address\n", program, plan->host);
    else if (plan->sources > 1 && !sockets_loopback(&plan->server))
        fprintf(stderr,
                "%s: --sources %" PRIu32 ": must be at most 1 unless --host is in 127.0.0.0/8\n",
                program, plan->sources);
    else if (plan->threads > plan->connections && !plan->calibrate)
        fprintf(stderr, "%s: --threads %" PRIu32 ": must be at most --connections, %" PRIu32 "\n",
                program, plan->threads, plan->connections);
    else
        return read_points(points, plan);
    return false;
}

enum option_outcome options_read(int argc, char **argv, struct plan *plan) {
    set_defaults();
    enum option_outcome outcome = option_parse(program, options_tables(), argc, argv);
    if (outcome != OPTIONS_PARSED)
        return outcome;
    base.slack_ns = (uint64_t)slack_us * 1000;
    *plan = base;
    if (!read_classes(plan) || !check_plan(plan))
        return OPTIONS_WRONG;
    if (!draft.reply_size && draft.stream == STREAM_NONE)
        draft.reply_size = draft.size; /* for the reported settings */
    return OPTIONS_PARSED;
}
