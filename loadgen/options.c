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

/* What a class can have of its own. */
struct draft {
    const char *size, *reply_size, *cpu_us,
        *block_us; /* AMOUNTs; a reply_size of NULL is that of the request */
    uint32_t connections, idle, depth, rate, arrivals, churn, close, stream;
};
static const struct draft draft_defaults = {
    .size = "64", .cpu_us = "0", .block_us = "0", .connections = 1, .depth = 1};
static struct draft draft;

static const struct option class_options[] = {
    OPTION_NUMBER("connections", draft.connections, 1, 1000000, "connections", "open all the time"),
    OPTION_NUMBER("idle", draft.idle, 0, 999999, "connections",
                  "of them, get one answer and are then only held open"),
    OPTION_FORM("size", draft.size, FRAME_PAYLOAD_MAX, "bytes", AMOUNT_FORM,
                "payload of a request"),
    OPTION_FORM("reply-size", draft.reply_size, FRAME_PAYLOAD_MAX, "bytes", AMOUNT_FORM,
                "payload of a reply; default: that of its request"),
    OPTION_NUMBER("depth", draft.depth, 1, 65536, "requests", "outstanding on each connection"),
    OPTION_NUMBER("rate", draft.rate, 0, 100000000, "requests/s",
                  "of all connections together: an open loop; 0: a closed loop"),
    OPTION_CHOICE("arrivals", draft.arrivals, arrivals_words, "of an open loop"),
    OPTION_FORM("cpu-us", draft.cpu_us, FRAME_WORK_MAX_US, "us", AMOUNT_FORM,
                "the server spins for each request"),
    OPTION_FORM("block-us", draft.block_us, FRAME_WORK_MAX_US, "us", AMOUNT_FORM,
                "the server blocks for each request"),
    OPTION_NUMBER("churn", draft.churn, 0, 1000000, "requests",
                  "after which a connection is closed and made anew; 0: never"),
    OPTION_CHOICE("close", draft.close, close_words, "how --churn closes"),
    OPTION_CHOICE(
        "stream", draft.stream, stream_words,
        "download: --size is that of the replies, requests have none; upload: the other way round"),
    OPTION_END,
};

static const struct plan plan_defaults = {
    .host = "127.0.0.1",
    .threads = 1,
    .seed = 1,
    .warmup_ms = 1000,
    .duration_ms = 3000,
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
    OPTION_NUMBER("port", port, 1, 65535, "port", "of the server; has no default"),
    OPTION_LIST("class", class_texts, "NAME:OPTION=VALUE,OPTION=VALUE...",
                "connections of their own kind; any option above; several times"),
    OPTION_NUMBER("threads", base.threads, 1, 256, "threads", "of the load generator"),
    OPTION_NUMBER("warmup-ms", base.warmup_ms, 0, 3600000, "ms",
                  "load before the measuring window"),
    OPTION_NUMBER("duration-ms", base.duration_ms, 1, 86400000, "ms", "the measuring window"),
    OPTION_NUMBER("slack-us", slack_us, 1, 1000000, "us",
                  "how late a send may be and still be timely"),
    OPTION_CHOICE(
        "pacing", base.pacing, pacing_words,
        "how an open loop awaits the moment of a send; auto: poll if each thread and the server "
        "can have a processor"),
    OPTION_NUMBER("ramp-ms", base.ramp_ms, 0, 3600000, "ms", "over which the connections are made"),
    OPTION_NUMBER("sources", base.sources, 0, 64, "addresses",
                  "127.0.0.1, 127.0.0.2 ... to connect from; 0: as many as the ports need"),
    OPTION_NUMBER("seed", base.seed, 0, UINT32_MAX, "",
                  "of the payload bytes, amounts and arrivals"),
    OPTION_NUMBER("timeout-ms", base.timeout_ms, 1, 600000, "ms",
                  "for a connection to stand, and for the last replies"),
    OPTION_FLAG("start-now", base.start_now, "do not wait for \"go\" on stdin"),
    OPTION_FLAG("calibrate", base.calibrate,
                "measure this program against a target that only echoes"),
    OPTION_FORM("points", points, 1000000, "connections", "N,N,... of at most 8", "of --calibrate"),
    OPTION_NUMBER("point-ms", base.point_ms, 10, 60000, "ms",
                  "window of each point of --calibrate"),
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
    fprintf(stderr, "%s: --%s %s: must be %s, of whole numbers from 0 to %" PRIu32 "\n", who,
            option, text, AMOUNT_FORM, limit);
    return false;
}

/* false: a line on stderr says which option does not fit another. */
static bool check_draft(const char *who) {
    if (draft.idle >= draft.connections)
        fprintf(stderr, "%s: --idle %" PRIu32 ": must be less than --connections, %" PRIu32 "\n",
                who, draft.idle, draft.connections);
    else if (draft.arrivals == ARRIVALS_POISSON && draft.rate == 0)
        fprintf(stderr, "%s: --arrivals poisson: needs a --rate above 0\n", who);
    else if (draft.stream != STREAM_NONE && draft.reply_size)
        fprintf(stderr,
                "%s: --reply-size %s: does not go with --stream %s, where --size says it all\n",
                who, draft.reply_size, stream_words[draft.stream]);
    else
        return true;
    return false;
}

/* Makes the draft a class; `who` is named in complaints. */
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

/* The name before the colon of NAME:…; false: a line on stderr says what is wrong with it. */
static bool read_class_name(const char *text, const struct plan *plan, struct class *class) {
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    if (length == 0 || length > CLASS_NAME_MAX || text[length] != ':') {
        fprintf(stderr,
                "%s: --class %s: must be NAME:OPTION=VALUE,..., NAME of 1 to %d of a-z0-9_-\n",
                program, text, (int)CLASS_NAME_MAX);
        return false;
    }
    memcpy(class->name, text, length);
    class->name[length] = '\0';
    for (size_t i = 0; i < plan->class_count; i++) {
        if (strcmp(plan->classes[i].name, class->name) == 0) {
            fprintf(stderr, "%s: --class %s: there is a class of this name already\n", program,
                    text);
            return false;
        }
    }
    return true;
}

/* Reads the OPTION=VALUE,… of a class into the draft, as though they were a command line. */
static bool read_class_options(const char *who, const char *text) {
    enum { TEXT_BYTES = 1024, OPTIONS_MAX = 16 };
    static char words[CLASSES_MAX][TEXT_BYTES]; /* the draft's texts point into them */
    static size_t used;
    char *word = words[used++ % CLASSES_MAX], *argv[OPTIONS_MAX + 2] = {(char *)program},
         *end = word + TEXT_BYTES;
    int argc = 1;
    while (*text) {
        size_t length = strcspn(text, ",");
        if (argc > OPTIONS_MAX || (size_t)(end - word) < length + 3) {
            fprintf(
                stderr,
                "%s: must be at most %d options, with their values of less than %d characters\n",
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
        fprintf(stderr, "%s: --help: is no option of a class\n", who);
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

/* false: a line on stderr says which option is wrong. */
static bool check_plan(struct plan *plan) {
    if (plan->calibrate &&
        (port != 0 || class_texts.count > 0 || draft.connections > 1 || draft.rate > 0 ||
         draft.churn > 0 || draft.reply_size || draft.stream != STREAM_NONE ||
         draft.cpu_us != draft_defaults.cpu_us || draft.block_us != draft_defaults.block_us))
        fprintf(
            stderr,
            "%s: --calibrate: goes with --size, --depth, --threads, --points and --point-ms only\n",
            program);
    else if (port == 0 && !plan->calibrate && !plan->describe)
        fprintf(stderr, "%s: --port: is needed, 1 to 65535\n", program);
    else if (!sockets_address(plan->host, port, &plan->server))
        fprintf(stderr, "%s: --host %s: must be a numeric IPv4 address\n", program, plan->host);
    else if (plan->sources > 1 && !sockets_loopback(&plan->server))
        fprintf(stderr,
                "%s: --sources %" PRIu32
                ": only a --host of 127.0.0.0/8 can be reached from several addresses\n",
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
        draft.reply_size = draft.size; /* what the settings shall say */
    return OPTIONS_PARSED;
}
