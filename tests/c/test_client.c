/* The load generator's client against the servers' session, in memory: two implementations of one
 * protocol. */
#include "check.h"
#include "loadgen/client.h"
#include "session.h"

#include <string.h>

static char *pattern;

static struct load load_of(uint32_t size, uint32_t reply_size, uint32_t depth) {
    return (struct load){.size = amount_of(size),
                         .reply_size = amount_of(reply_size),
                         .cpu_us = amount_of(0),
                         .block_us = amount_of(0),
                         .depth = depth,
                         .pattern = pattern};
}

/* Moves bytes both ways until the client waits for nothing. `step`: maximum bytes per move. */
static void converse(struct client *client, struct session *session, size_t step) {
    static uint64_t now_ns = 1;
    struct stats stats = {0};
    enum session_next next = SESSION_RECEIVE;
    char bytes[8192];
    for (;;) {
        now_ns += 10;
        if (next == SESSION_SEND) {
            struct span output = session_output(session);
            size_t count = output.length < step ? output.length : step;
            CHECK(client_received(client, output.data, count, now_ns));
            next = session_sent(session, (uint32_t)count, &stats);
            continue;
        }
        size_t count =
            client_output(client, now_ns, bytes, step < sizeof bytes ? step : sizeof bytes);
        if (count == 0)
            break;
        struct span space = session_space(session);
        count = count < space.length ? count : space.length;
        memcpy(space.data, bytes, count);
        client_sent(client, count, now_ns);
        next = session_received(session, (uint32_t)count, &stats);
        CHECK(next != SESSION_CLOSE);
    }
    CHECK(!client_waiting(client) && stats.protocol_errors == 0);
}

static void all_shapes_of_load_are_answered(void) {
    static const uint32_t sizes[] = {0, 1, 64, 1000, 5000};
    static const uint32_t depths[] = {1, 3, 16};
    static const size_t steps[] = {1, 13, 4096};
    for (size_t i = 0; i < 5 * 5 * 3 * 3; i++) {
        struct load load = load_of(sizes[i % 5], sizes[i / 5 % 5], depths[i / 25 % 3]);
        struct client client;
        struct session session;
        struct recorder recorder;
        CHECK(recorder_open(&recorder) && client_open(&client, &load, &recorder, 7, 0) &&
              session_open(&session, 700));
        recorder.end_ns = UINT64_MAX;
        client.quota = 20;
        converse(&client, &session, steps[i / 75]);
        CHECK(client.begun == 20 && client.answered == 20 && recorder.requests == 20);
        CHECK(recorder.bytes_checked == UINT64_C(20) * (FRAME_HEADER_BYTES + sizes[i / 5 % 5]));
        client.quota = 25; /* resumes where it stopped */
        converse(&client, &session, steps[i / 75]);
        CHECK(client.answered == 25 && recorder.replies_checked == 25);
        recorder_close(&recorder);
        session_close(&session);
        client_close(&client);
    }
}

static void depth_bounds_what_is_outstanding(void) {
    struct load load = load_of(10, 10, 4);
    struct client client;
    struct recorder recorder = {0};
    char bytes[4096];
    CHECK(client_open(&client, &load, &recorder, 0, 0));
    client.quota = UINT64_MAX;
    size_t count = client_output(&client, 0, bytes, sizeof bytes);
    CHECK(count == 4 * (FRAME_HEADER_BYTES + 10));
    client_sent(&client, count, 1);
    CHECK(client.begun == 4 && client_output(&client, 0, bytes, sizeof bytes) == 0);
    client_close(&client);
}

/* Sends one request and makes its correct reply; the client waits for the reply. */
static size_t ask(struct client *client, const struct load *load, struct recorder *recorder,
                  char *reply) {
    CHECK(client_open(client, load, recorder, 3, 0));
    client->quota = 1;
    char request[2048];
    size_t count = client_output(client, 0, request, sizeof request);
    client_sent(client, count, 100);
    struct session session;
    struct stats stats = {0};
    CHECK(session_open(&session, 2048));
    memcpy(session_space(&session).data, request, count);
    CHECK(session_received(&session, (uint32_t)count, &stats) == SESSION_SEND);
    struct span output = session_output(&session);
    size_t length = output.length;
    memcpy(reply, output.data, length);
    session_close(&session);
    return length;
}

static void every_wrong_bit_is_found(void) {
    struct load load = load_of(50, 80, 1);
    struct recorder recorder;
    CHECK(recorder_open(&recorder));
    for (size_t bit = 0; bit < 8 * (FRAME_HEADER_BYTES + 80); bit++) {
        struct client client;
        char reply[2048];
        size_t length = ask(&client, &load, &recorder, reply);
        reply[bit / 8] = (char)(reply[bit / 8] ^ (1 << bit % 8));
        CHECK(!client_received(&client, reply, length, 200));
        CHECK(client.error == CLIENT_MISMATCH && client.answered == 0);
        client_close(&client);
    }
    recorder_close(&recorder);
}

static void bytes_that_nobody_asked_for_are_found(void) {
    struct load load = load_of(8, 8, 1);
    struct recorder recorder;
    struct client client;
    char reply[2048];
    CHECK(recorder_open(&recorder));
    size_t length = ask(&client, &load, &recorder, reply);
    reply[length] = 0;
    CHECK(!client_received(&client, reply, length + 1, 200));
    CHECK(client.error == CLIENT_MISMATCH && client.answered == 1);
    client_close(&client);
    recorder_close(&recorder);
}

static void latency_is_from_the_first_byte_sent_to_the_last_received(void) {
    struct load load = load_of(8, 8, 1);
    struct recorder recorder;
    struct client client;
    char reply[2048], bytes[64];
    CHECK(recorder_open(&recorder));
    recorder.end_ns = UINT64_MAX;
    size_t length = ask(&client, &load, &recorder, reply); /* sent at 100 */
    CHECK(client_received(&client, reply, length - 1, 150) && recorder.requests == 0);
    CHECK(client_received(&client, reply + length - 1, 1, 300) && recorder.requests == 1);
    CHECK(hdr_max(recorder.service.histogram) == 200);
    client.quota = 2;
    CHECK(client_output(&client, 0, bytes, 5) == 5);
    client_sent(&client, 5, 1000); /* the time of the first byte counts */
    size_t rest = client_output(&client, 0, bytes, sizeof bytes);
    CHECK(rest == FRAME_HEADER_BYTES + 8 - 5);
    client_sent(&client, rest, 5000); /* that of the rest does not */
    CHECK(client.outstanding[1 % load.depth].sent_ns == 1000);
    client_close(&client);
    recorder_close(&recorder);
}

static void connections_send_different_bytes(void) {
    struct load load = load_of(64, 64, 1);
    struct client a, b;
    struct recorder recorder = {0};
    char from_a[88], from_b[88];
    CHECK(client_open(&a, &load, &recorder, 0, 0) && client_open(&b, &load, &recorder, 1, 1));
    a.quota = b.quota = 1;
    CHECK(client_output(&a, 0, from_a, 88) == 88 && client_output(&b, 0, from_b, 88) == 88);
    CHECK(memcmp(from_a + FRAME_HEADER_BYTES, from_b + FRAME_HEADER_BYTES, 64) != 0);
    client_close(&a);
    client_close(&b);
}

/* Opens an open loop of one connection with requests due at 10000, 11000, 12000, 13000 and 14000
 * ns. */
static void open_client(struct client *client, struct load *load, struct recorder *recorder,
                        uint32_t depth) {
    *load = load_of(8, 8, depth);
    load->arrivals = (struct arrivals){ARRIVALS_CONSTANT, 1e6, 1, 0};
    load->start_ns = 10000;
    CHECK(recorder_open(recorder) && client_open(client, load, recorder, 0, 0));
    recorder->open = true;
    recorder->slack_ns = 100;
    recorder->begin_ns = 10000;
    recorder->end_ns = 15000;
    client->quota = UINT64_MAX;
}

static void close_client(struct client *client) {
    recorder_close(client->recorder);
    client_close(client);
}

enum { ECHO_BYTES = FRAME_HEADER_BYTES + 8 };

/* Sends what is due at `sent_ns` into `bytes`. Returns the number of requests. */
static size_t send_due(struct client *client, uint64_t sent_ns, char *bytes, size_t capacity) {
    size_t count = client_output(client, sent_ns, bytes, capacity);
    client_sent(client, count, sent_ns);
    return count / ECHO_BYTES;
}

static void an_open_loop_sends_what_is_due_and_nothing_else(void) {
    struct load load;
    struct client client;
    struct recorder recorder;
    char bytes[16 * ECHO_BYTES];
    open_client(&client, &load, &recorder, 16);
    CHECK(client_due_ns(&client) == 10000 &&
          client_output(&client, 9999, bytes, sizeof bytes) == 0);
    CHECK(send_due(&client, 10000, bytes, sizeof bytes) == 1 && client_due_ns(&client) == 11000);
    CHECK(send_due(&client, 10999, bytes, sizeof bytes) == 0);
    CHECK(send_due(&client, 12500, bytes, sizeof bytes) == 2 && client_due_ns(&client) == 13000);
    /* due at 13000 and 14000: then the load has stopped */
    CHECK(send_due(&client, 20000, bytes, sizeof bytes) == 2);
    CHECK(client_due_ns(&client) == CLIENT_NEVER && recorder.due == 5 && recorder.due_sent == 3);
    close_client(&client);
}

static void response_is_from_when_it_was_due_and_service_from_when_it_was_sent(void) {
    struct load load;
    struct client client;
    struct recorder recorder;
    char bytes[4 * ECHO_BYTES];
    open_client(&client, &load, &recorder, 4);
    CHECK(send_due(&client, 11700, bytes, sizeof bytes) == 2); /* due at 10000 and 11000 */
    CHECK(client_received(&client, bytes, 2 * ECHO_BYTES, 12000));
    CHECK(hdr_min(recorder.service.histogram) == 300 && hdr_max(recorder.service.histogram) == 300);
    CHECK(hdr_min(recorder.response.histogram) == 1000 &&
          hdr_max(recorder.response.histogram) == 2000);
    CHECK(recorder.outstanding_ns == 600); /* two of them for 300 ns */
    close_client(&client);
}

static void who_made_a_send_late_is_told_apart(void) {
    struct load load;
    struct client client;
    struct recorder recorder;
    char bytes[4 * ECHO_BYTES];
    open_client(&client, &load, &recorder, 1);
    CHECK(send_due(&client, 10100, bytes, sizeof bytes) == 1); /* within the slack of 100 */
    CHECK(recorder.sends == 1 && recorder.late == 0 && recorder.held == 0);
    CHECK(client_due_ns(&client) == CLIENT_NEVER); /* no free slot while the first is outstanding */
    CHECK(client_received(&client, bytes, ECHO_BYTES, 12800));
    /* due at 11000: held by the server until 12800 */
    CHECK(send_due(&client, 12850, bytes, sizeof bytes) == 1);
    CHECK(recorder.sends == 2 && recorder.late == 0 && recorder.held == 1);
    CHECK(client_received(&client, bytes, ECHO_BYTES, 12900));
    /* due at 12000: possible at 12900, 150 too late */
    CHECK(send_due(&client, 13050, bytes, sizeof bytes) == 1);
    CHECK(recorder.sends == 3 && recorder.late == 1 && recorder.held == 1);
    CHECK(client_received(&client, bytes, ECHO_BYTES, 13060));
    /* nothing is due for longer than the slack */
    CHECK(client_behind_since_ns(&client, 13100) == CLIENT_NEVER);
    /* the late series began with the one due at 11000 */
    CHECK(client_behind_since_ns(&client, 13101) == 11000);
    CHECK(send_due(&client, 13070, bytes, sizeof bytes) == 1 && client.late_since_ns == 0);
    CHECK(client_behind_since_ns(&client, 14101) == 14000);
    CHECK(client_skip_unsent(&client, 15000) == 1 && client_skip_unsent(&client, 15000) == 0);
    close_client(&client);
    open_client(&client, &load, &recorder, 1);
    /* unsent requests of the warm-up do not count in the window */
    recorder.begin_ns = 12500;
    CHECK(client_skip_unsent(&client, 15000) == 2);
    close_client(&client);
}

static void a_connection_is_used_up_after_its_replies(void) {
    struct load load;
    struct client client;
    struct recorder recorder;
    char bytes[4 * ECHO_BYTES];
    open_client(&client, &load, &recorder, 4);
    load.churn = 2;
    CHECK(send_due(&client, 14000, bytes, sizeof bytes) == 2 && !client_used_up(&client));
    CHECK(client_received(&client, bytes, ECHO_BYTES, 14100) && !client_used_up(&client));
    CHECK(client_received(&client, bytes + ECHO_BYTES, ECHO_BYTES, 14200) &&
          client_used_up(&client));
    client_connecting(&client, 14300);
    CHECK(!client_used_up(&client));
    client_connected(&client, 14700);
    CHECK(recorder.connects == 1 && hdr_max(recorder.connect.histogram) == 400);
    CHECK(send_due(&client, 14800, bytes, sizeof bytes) == 2);
    close_client(&client);
}

/* Sizes, reply sizes and work that vary by request: both ends agree on each. */
static void amounts_may_differ_from_request_to_request(void) {
    struct load load = load_of(0, 0, 3);
    struct client client;
    struct session session;
    struct recorder recorder;
    CHECK(amount_parse("0..300", FRAME_PAYLOAD_MAX, &load.size));
    CHECK(amount_parse("5*1+100..400*2", FRAME_PAYLOAD_MAX, &load.reply_size));
    for (int as_request = 0; as_request < 2; as_request++) {
        load.reply_as_request = as_request;
        CHECK(recorder_open(&recorder) && client_open(&client, &load, &recorder, 7, 0) &&
              session_open(&session, 100));
        recorder.end_ns = UINT64_MAX;
        client.quota = 200;
        converse(&client, &session, 13);
        CHECK(client.answered == 200 &&
              (recorder.bytes_sent == recorder.bytes_received) == as_request);
        CHECK(recorder.bytes_sent > 200 * 150 && recorder.bytes_sent < 200 * 200);
        recorder_close(&recorder);
        session_close(&session);
        client_close(&client);
    }
}

int main(void) {
    pattern = load_pattern(1);
    CHECK(pattern);
    all_shapes_of_load_are_answered();
    depth_bounds_what_is_outstanding();
    every_wrong_bit_is_found();
    bytes_that_nobody_asked_for_are_found();
    latency_is_from_the_first_byte_sent_to_the_last_received();
    connections_send_different_bytes();
    an_open_loop_sends_what_is_due_and_nothing_else();
    response_is_from_when_it_was_due_and_service_from_when_it_was_sent();
    who_made_a_send_late_is_told_apart();
    a_connection_is_used_up_after_its_replies();
    amounts_may_differ_from_request_to_request();
    free(pattern);
    return 0;
}
