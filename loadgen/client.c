#include "loadgen/client.h"

#include <stdlib.h>
#include <string.h>

#include "loadgen/random.h"

const char *const client_error_names[CLIENT_ERRORS] = {"fine",    "reset",   "closed", "mismatch",
                                                       "timeout", "connect", "other"};

/* A payload begins in the first PATTERN_STARTS bytes of the pattern; the filler follows the
 * pattern. */
enum {
    PATTERN_STARTS = 1 << 16,
    PATTERN_BYTES = PATTERN_STARTS + FRAME_PAYLOAD_MAX,
    FILLER_PERIOD = 256, /* byte i is i mod 256 */
    FILLER_BYTES = 1 << 16
};

char *load_pattern(uint64_t seed) {
    char *pattern = malloc(PATTERN_BYTES + FILLER_BYTES);
    if (!pattern)
        return NULL;
    for (size_t i = 0; i < PATTERN_BYTES; i += sizeof(uint64_t)) {
        uint64_t random = random_mix(seed + i);
        memcpy(pattern + i, &random, sizeof random);
    }
    frame_fill(pattern + PATTERN_BYTES, FILLER_BYTES, 0);
    return pattern;
}

bool load_open_loop(const struct load *load) {
    return load->arrivals.rate > 0;
}

bool client_open(struct client *client, const struct load *load, struct recorder *recorder,
                 uint32_t id, uint32_t index) {
    *client = (struct client){.load = load, .recorder = recorder, .id = id};
    client->outstanding = calloc(load->depth, sizeof *client->outstanding);
    if (load_open_loop(load))
        schedule_start(&client->schedule, &load->arrivals, index);
    return client->outstanding != NULL;
}

void client_close(struct client *client) {
    free(client->outstanding);
    client->outstanding = NULL;
}

void client_connecting(struct client *client, uint64_t now_ns) {
    client->connect_ns = now_ns;
    client->used = client->begun;
}

void client_connected(struct client *client, uint64_t now_ns) {
    bool set_up = client->load->start_ns == 0;
    recorder_connected(client->recorder, now_ns, now_ns - client->connect_ns, set_up);
    client->possible_ns = now_ns;
}

void client_unblocked(struct client *client, uint64_t now_ns) {
    client->possible_ns = now_ns;
}

/* Returns the header of request `number`, which is the same on every call. */
static struct frame_header request_of(const struct client *client, uint64_t number) {
    enum { SIZE, REPLY_SIZE, CPU, BLOCK };
    const struct load *load = client->load;
    struct frame_header request = {.sequence = (uint32_t)number};
    const struct amount *amounts[] = {&load->size, &load->reply_size, &load->cpu_us,
                                      &load->block_us};
    uint32_t *fields[] = {&request.payload_length, &request.reply_length, &request.cpu_us,
                          &request.block_us};
    for (unsigned i = SIZE; i <= BLOCK; i++)
        *fields[i] = amount_fixed(amounts[i])
                         ? amounts[i]->part[0].low
                         : amount_draw(amounts[i], random_bits(load->seed + i, client->id, number));
    if (load->reply_as_request)
        request.reply_length = request.payload_length;
    return request;
}

/* Returns the payload of request `number`. */
static const char *payload(const struct client *client, uint64_t number) {
    return client->load->pattern + random_mix((uint64_t)client->id << 32 ^ number) % PATTERN_STARTS;
}

/* Copies request `number` from its byte `offset` on, up to `capacity`. */
static size_t copy_request(const struct client *client, uint64_t number, size_t offset,
                           char *buffer, size_t capacity) {
    struct frame_header request = request_of(client, number);
    size_t copied = 0;
    if (offset < FRAME_HEADER_BYTES) {
        char header[FRAME_HEADER_BYTES];
        frame_encode(&request, header);
        size_t rest = FRAME_HEADER_BYTES - offset;
        copied = rest < capacity ? rest : capacity;
        memcpy(buffer, header + offset, copied);
        offset = FRAME_HEADER_BYTES;
    }
    size_t done = offset - FRAME_HEADER_BYTES, rest = request.payload_length - done;
    if (rest > capacity - copied)
        rest = capacity - copied;
    memcpy(buffer + copied, payload(client, number) + done, rest);
    return copied + rest;
}

static bool scheduled(const struct client *client) {
    return load_open_loop(client->load) && client->load->start_ns != 0;
}

/* Returns when request `number`, the next on `schedule`, is due. CLIENT_NEVER: it cannot be sent
 * yet. */
static uint64_t due_ns(const struct client *client, uint64_t number,
                       const struct schedule *schedule) {
    const struct load *load = client->load;
    bool used_up = load->churn > 0 && load->start_ns != 0 && number - client->used >= load->churn;
    if (number >= client->quota || number - client->answered >= load->depth || used_up)
        return CLIENT_NEVER;
    if (!scheduled(client))
        return 0;
    uint64_t due = load->start_ns + schedule_due_ns(schedule);
    return due < client->recorder->end_ns ? due : CLIENT_NEVER;
}

uint64_t client_due_ns(const struct client *client) {
    return client->sent > 0 ? 0 : due_ns(client, client->begun, &client->schedule);
}

size_t client_output(const struct client *client, uint64_t now_ns, char *buffer, size_t capacity) {
    size_t length = 0;
    uint64_t number = client->begun;
    struct schedule schedule = client->schedule;
    if (client->sent > 0) /* rest of a partly sent request */
        length = copy_request(client, number - 1, client->sent, buffer, capacity);
    for (; length < capacity && due_ns(client, number, &schedule) <= now_ns; number++) {
        length += copy_request(client, number, 0, buffer + length, capacity - length);
        if (scheduled(client))
            schedule_advance(&schedule, &client->load->arrivals);
    }
    return length;
}

static void begin_request(struct client *client, uint64_t now_ns) {
    struct moments moments = {now_ns, now_ns, now_ns};
    if (scheduled(client)) {
        moments.due_ns = client->load->start_ns + schedule_due_ns(&client->schedule);
        moments.possible_ns =
            client->possible_ns > moments.due_ns ? client->possible_ns : moments.due_ns;
        schedule_advance(&client->schedule, &client->load->arrivals);
        if (!recorder_send(client->recorder, &moments))
            client->late_since_ns = 0;
        else if (client->late_since_ns == 0)
            client->late_since_ns = moments.due_ns;
    }
    client->outstanding[client->begun++ % client->load->depth] = moments;
}

void client_sent(struct client *client, size_t count, uint64_t now_ns) {
    recorder_bytes_sent(client->recorder, now_ns, count);
    while (count > 0) {
        if (client->sent == 0)
            begin_request(client, now_ns);
        size_t frame =
            FRAME_HEADER_BYTES + (size_t)request_of(client, client->begun - 1).payload_length;
        size_t step = frame - client->sent < count ? frame - client->sent : count;
        count -= step;
        client->sent = client->sent + step == frame ? 0 : (uint32_t)(client->sent + step);
    }
}

/* Compares `count` payload bytes of the reply to request `number`, starting at payload byte
 * `index`. The request's `size` bytes come first, then the filler. */
static bool payload_matches(const struct client *client, uint64_t number, size_t size, size_t index,
                            const char *bytes, size_t count) {
    size_t echoed = 0;
    if (index < size) {
        echoed = size - index < count ? size - index : count;
        if (memcmp(bytes, payload(client, number) + index, echoed) != 0)
            return false;
    }
    const char *filler = client->load->pattern + PATTERN_BYTES;
    for (size_t done = echoed; done < count;) {
        size_t start = (index + done) % FILLER_PERIOD;
        size_t step = count - done < FILLER_BYTES - start ? count - done : FILLER_BYTES - start;
        if (memcmp(bytes + done, filler + start, step) != 0)
            return false;
        done += step;
    }
    return true;
}

/* Compares `count` bytes of the current reply, which lie within its header or within its
 * payload. */
static bool part_matches(const struct client *client, const struct frame_header *request,
                         const char *bytes, size_t count) {
    if (client->received >= FRAME_HEADER_BYTES)
        return payload_matches(client, client->answered, request->payload_length,
                               client->received - FRAME_HEADER_BYTES, bytes, count);
    char header[FRAME_HEADER_BYTES];
    struct frame_header reply = frame_reply(*request);
    frame_encode(&reply, header);
    return memcmp(bytes, header + client->received, count) == 0;
}

static void end_request(struct client *client, uint64_t now_ns) {
    uint32_t depth = client->load->depth;
    if (client->begun - client->answered == depth) /* until now there was no free slot */
        client->possible_ns = now_ns;
    client->counted +=
        recorder_reply(client->recorder, now_ns, &client->outstanding[client->answered % depth]);
    client->answered++;
    client->received = 0;
    if (client->cold > 0 && --client->cold == 0)
        recorder_warm(client->recorder);
}

void client_fail(struct client *client, enum client_error error) {
    if (client->error != CLIENT_FINE)
        return;
    client->error = error;
    if (client->cold > 0) /* otherwise the window would wait for it */
        recorder_warm(client->recorder);
    client->cold = 0;
}

bool client_received(struct client *client, const char *bytes, size_t count, uint64_t now_ns) {
    while (count > 0) {
        struct frame_header request = request_of(client, client->answered);
        uint32_t frame = FRAME_HEADER_BYTES + request.reply_length;
        uint32_t end = client->received < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : frame;
        size_t step = end - client->received < count ? end - client->received : count;
        if (!client_waiting(client) || !part_matches(client, &request, bytes, step)) {
            client_fail(client, CLIENT_MISMATCH); /* or an unexpected byte */
            return false;
        }
        recorder_bytes_received(client->recorder, now_ns, step);
        client->received += (uint32_t)step;
        bytes += step;
        count -= step;
        if (client->received == frame)
            end_request(client, now_ns);
    }
    return true;
}

bool client_waiting(const struct client *client) {
    return client->answered < client->begun;
}

bool client_used_up(const struct client *client) {
    const struct load *load = client->load;
    if (load->churn == 0 || load->start_ns == 0 || client->begun - client->used < load->churn)
        return false;
    bool more = !scheduled(client) ||
                load->start_ns + schedule_due_ns(&client->schedule) < client->recorder->end_ns;
    return !client_waiting(client) && client->begun < client->quota && more;
}

uint64_t client_skip_unsent(struct client *client, uint64_t end_ns) {
    uint64_t unsent = 0;
    if (!scheduled(client))
        return 0;
    for (uint64_t due;
         (due = client->load->start_ns + schedule_due_ns(&client->schedule)) < end_ns;) {
        unsent += due >= client->recorder->begin_ns;
        schedule_advance(&client->schedule, &client->load->arrivals);
    }
    return unsent;
}

uint64_t client_behind_since_ns(const struct client *client, uint64_t now_ns) {
    /* the second case: an idle connection */
    if (!scheduled(client) || client->begun >= client->quota)
        return CLIENT_NEVER;
    uint64_t due = client->load->start_ns + schedule_due_ns(&client->schedule);
    if (due + client->recorder->slack_ns >= now_ns)
        return CLIENT_NEVER;
    return client->late_since_ns ? client->late_since_ns : due;
}
