/* The load generator's client against the servers' session, in memory: two readings of one protocol. */
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

/* Moves bytes both ways until the client waits for nothing. `step`: most bytes a move. */
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
        size_t count = client_output(client, now_ns, bytes, step < sizeof bytes ? step : sizeof bytes);
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
        client.quota = 25; /* goes on where it stopped */
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

/* One request and the right reply to it; the client is waiting for the reply. */
static size_t ask(struct client *client, const struct load *load, struct recorder *recorder, char *reply) {
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
    client_sent(&client, 5, 1000); /* the time of the first byte counts, */
    size_t rest = client_output(&client, 0, bytes, sizeof bytes);
    CHECK(rest == FRAME_HEADER_BYTES + 8 - 5);
    client_sent(&client, rest, 5000); /* not that of the rest */
    CHECK(client.underway[1 % load.depth].sent_ns == 1000);
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

int main(void) {
    pattern = load_pattern(1);
    CHECK(pattern);
    all_shapes_of_load_are_answered();
    depth_bounds_what_is_outstanding();
    every_wrong_bit_is_found();
    bytes_that_nobody_asked_for_are_found();
    latency_is_from_the_first_byte_sent_to_the_last_received();
    connections_send_different_bytes();
    free(pattern);
    return 0;
}
