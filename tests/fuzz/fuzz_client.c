/* Arbitrary bytes from a server. The first four bytes choose the load and where the rest
 * replaces the correct reply. The client must accept exactly the correct bytes, and stay within
 * its memory. */
#include "loadgen/client.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *pattern;
static struct recorder recorder;

static void require(bool condition) {
    if (!condition)
        abort();
}

/* Makes the correct replies to the frames in `request`. */
static size_t make_replies(const char *request, size_t length, uint32_t reply_size, char *reply) {
    size_t made = 0;
    for (size_t at = 0; at < length;) {
        struct frame_header header = frame_decode(request + at);
        struct frame_header answer = frame_reply(header);
        frame_encode(&answer, reply + made);
        made += FRAME_HEADER_BYTES;
        at += FRAME_HEADER_BYTES;
        frame_fill(reply + made, reply_size, 0);
        memcpy(reply + made, request + at,
               header.payload_length < reply_size ? header.payload_length : reply_size);
        made += reply_size;
        at += header.payload_length;
    }
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4)
        return 0;
    if (!pattern) {
        pattern = load_pattern(1);
        require(pattern && recorder_open(&recorder));
        recorder.end_ns = UINT64_MAX;
    }
    struct load load = {.size = amount_of(data[0]),
                        .reply_size = amount_of(data[1]),
                        .cpu_us = amount_of(0),
                        .block_us = amount_of(0),
                        .depth = 1u + data[2] % 8,
                        .pattern = pattern};
    struct client client;
    static char request[8 * 300], reply[8 * 300];
    require(client_open(&client, &load, &recorder, data[3], 0));
    client.quota = load.depth;
    size_t asked = client_output(&client, 0, request, sizeof request);
    client_sent(&client, asked, 1);
    size_t length = make_replies(request, asked, data[1], reply);
    size_t right = length * data[3] / 256; /* followed by the fuzzer's bytes */
    require(client_received(&client, reply, right, 2));
    size_t rest = size - 4;
    bool equal = rest <= length - right && memcmp(data + 4, reply + right, rest) == 0;
    bool accepted = client_received(&client, (const char *)data + 4, rest, 3);
    require(accepted == equal && (client.error == CLIENT_FINE) == equal);
    require(client.answered <= client.begun);
    client_close(&client);
    return 0;
}
