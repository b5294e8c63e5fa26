#include "loadgen/client.h"

#include <stdlib.h>
#include <string.h>

const char *const client_error_names[CLIENT_ERRORS] = {"fine",     "reset",   "closed",
                                                       "mismatch", "timeout", "other"};

/* A payload begins anywhere in the first PATTERN_STARTS bytes of the pattern. */
enum { PATTERN_STARTS = 1 << 16, PATTERN_BYTES = PATTERN_STARTS + FRAME_PAYLOAD_MAX };

/* splitmix64 (Steele, Lea, Flood 2014): one step of a generator that needs no state but a counter */
static uint64_t mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

char *load_pattern(uint64_t seed) {
    char *pattern = malloc(PATTERN_BYTES);
    for (size_t i = 0; pattern && i < PATTERN_BYTES; i += sizeof(uint64_t)) {
        uint64_t random = mix(seed + i);
        memcpy(pattern + i, &random, sizeof random);
    }
    return pattern;
}

bool client_open(struct client *client, const struct load *load, uint32_t id) {
    *client = (struct client){.load = load, .id = id, .sent_ns = calloc(load->depth, sizeof(uint64_t))};
    return client->sent_ns != NULL;
}

void client_close(struct client *client) {
    free(client->sent_ns);
    client->sent_ns = NULL;
}

/* The payload of request `number`. */
static const char *payload(const struct client *client, uint64_t number) {
    return client->load->pattern + mix((uint64_t)client->id << 32 ^ number) % PATTERN_STARTS;
}

static void encode_request(const struct client *client, uint64_t number, char header[FRAME_HEADER_BYTES]) {
    const struct load *load = client->load;
    struct frame_header request = {load->size,     load->reply_size, load->cpu_us,
                                   load->block_us, (uint32_t)number, 0};
    frame_encode(&request, header);
}

/* Copies what fits of request `number` from its byte `offset` on. */
static size_t copy_request(const struct client *client, uint64_t number, size_t offset, char *buffer,
                           size_t capacity) {
    size_t copied = 0;
    if (offset < FRAME_HEADER_BYTES) {
        char header[FRAME_HEADER_BYTES];
        encode_request(client, number, header);
        size_t rest = FRAME_HEADER_BYTES - offset;
        copied = rest < capacity ? rest : capacity;
        memcpy(buffer, header + offset, copied);
        offset = FRAME_HEADER_BYTES;
    }
    size_t done = offset - FRAME_HEADER_BYTES, rest = client->load->size - done;
    if (rest > capacity - copied)
        rest = capacity - copied;
    memcpy(buffer + copied, payload(client, number) + done, rest);
    return copied + rest;
}

static bool may_begin(const struct client *client, uint64_t number) {
    return number < client->quota && number - client->answered < client->load->depth;
}

size_t client_output(const struct client *client, char *buffer, size_t capacity) {
    size_t length = 0;
    uint64_t number = client->begun;
    if (client->sent > 0) /* the rest of the request that is half sent */
        length = copy_request(client, number - 1, client->sent, buffer, capacity);
    for (; length < capacity && may_begin(client, number); number++)
        length += copy_request(client, number, 0, buffer + length, capacity - length);
    return length;
}

void client_sent(struct client *client, size_t count, uint64_t now_ns) {
    size_t frame = FRAME_HEADER_BYTES + (size_t)client->load->size;
    while (count > 0) {
        if (client->sent == 0)
            client->sent_ns[client->begun++ % client->load->depth] = now_ns;
        size_t step = frame - client->sent < count ? frame - client->sent : count;
        count -= step;
        client->sent = client->sent + step == frame ? 0 : (uint32_t)(client->sent + step);
    }
}

/* Compares `count` payload bytes of reply `number` from payload byte `index` on. */
static bool payload_matches(const struct client *client, uint64_t number, size_t index, const char *bytes,
                            size_t count) {
    size_t echoed = 0, size = client->load->size;
    if (index < size) {
        echoed = size - index < count ? size - index : count;
        if (memcmp(bytes, payload(client, number) + index, echoed) != 0)
            return false;
    }
    char filler[1024];
    for (size_t done = echoed; done < count;) {
        size_t step = count - done < sizeof filler ? count - done : sizeof filler;
        frame_fill(filler, step, (uint32_t)(index + done));
        if (memcmp(bytes + done, filler, step) != 0)
            return false;
        done += step;
    }
    return true;
}

/* Compares `count` bytes of the reply at hand, which lie within its header or within its payload. */
static bool part_matches(const struct client *client, const char *bytes, size_t count) {
    uint64_t number = client->answered;
    if (client->received >= FRAME_HEADER_BYTES)
        return payload_matches(client, number, client->received - FRAME_HEADER_BYTES, bytes, count);
    char header[FRAME_HEADER_BYTES];
    encode_request(client, number, header);
    struct frame_header reply = frame_reply(frame_decode(header));
    frame_encode(&reply, header);
    return memcmp(bytes, header + client->received, count) == 0;
}

bool client_received(struct client *client, const char *bytes, size_t count, uint64_t now_ns,
                     struct recorder *recorder) {
    uint32_t frame = FRAME_HEADER_BYTES + client->load->reply_size;
    while (count > 0) {
        uint32_t end = client->received < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : frame;
        size_t step = end - client->received < count ? end - client->received : count;
        if (!client_waiting(client) || !part_matches(client, bytes, step)) {
            client->error = CLIENT_MISMATCH; /* or a byte that nobody asked for */
            return false;
        }
        recorder->bytes_checked += step;
        client->received += (uint32_t)step;
        bytes += step;
        count -= step;
        if (client->received == frame) {
            recorder_reply(recorder, now_ns,
                           now_ns - client->sent_ns[client->answered % client->load->depth]);
            client->answered++;
            client->received = 0;
        }
    }
    return true;
}

bool client_waiting(const struct client *client) {
    return client->answered < client->begun;
}
