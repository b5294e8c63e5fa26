/* Arbitrary bytes from a client, in arbitrary pieces. The first two bytes choose the buffer and the
 * pieces; the rest is the stream. The output must equal that of a simple implementation, up to the
 * first error. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition)
        abort();
}

/* Limits replies and handler work, which could otherwise keep the fuzzer busy for seconds. Returns
 * the stream's length up to and including the first invalid header. */
static size_t tame(char *stream, size_t length) {
    size_t at = 0;
    while (length - at >= FRAME_HEADER_BYTES) {
        struct frame_header header = frame_decode(stream + at);
        if (!frame_valid(&header))
            return at + FRAME_HEADER_BYTES;
        header.reply_length %= 5000;
        header.cpu_us %= 2;
        header.block_us = 0;
        frame_encode(&header, stream + at);
        at += FRAME_HEADER_BYTES;
        if (header.payload_length > length - at)
            return length;
        at += header.payload_length;
    }
    return length;
}

/* A second implementation: checks the next `count` bytes of output. */
struct reader {
    const char *stream;
    size_t length, at; /* of the current frame */
    size_t replied;    /* bytes of its reply seen */
};

static void check_reply(struct reader *reader, const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        require(reader->length - reader->at >= FRAME_HEADER_BYTES);
        struct frame_header request = frame_decode(reader->stream + reader->at);
        require(frame_valid(&request));
        struct frame_header reply = frame_reply(request);
        char header[FRAME_HEADER_BYTES];
        frame_encode(&reply, header);
        if (reader->replied < FRAME_HEADER_BYTES) {
            require(bytes[i] == header[reader->replied]);
        } else {
            size_t index = reader->replied - FRAME_HEADER_BYTES;
            char filler = (char)(unsigned char)index;
            bool echoed = index < request.payload_length;
            require(bytes[i] ==
                    (echoed ? reader->stream[reader->at + FRAME_HEADER_BYTES + index] : filler));
        }
        if (++reader->replied == FRAME_HEADER_BYTES + (size_t)request.reply_length) {
            reader->at += FRAME_HEADER_BYTES + (size_t)request.payload_length;
            reader->replied = 0;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    uint32_t buffer = SESSION_BUFFER_MIN + data[0] * 16u, piece = 1 + data[1] * 8u;
    size_t length = size - 2, given = 0;
    char *stream = malloc(length + 1);
    struct session session;
    require(stream && session_open(&session, buffer));
    memcpy(stream, data + 2, length);
    length = tame(stream, length);
    struct reader reader = {.stream = stream, .length = length};
    struct stats stats = {0};
    enum session_next next = SESSION_RECEIVE;
    while (next != SESSION_CLOSE) {
        if (next == SESSION_SEND) {
            struct span output = session_output(&session);
            require(output.length > 0 && output.length <= buffer);
            uint32_t count = output.length < piece ? output.length : piece;
            check_reply(&reader, output.data, count);
            next = session_sent(&session, count, &stats);
        } else {
            struct span space = session_space(&session);
            require(space.length > 0 && space.length <= buffer);
            size_t count = length - given < piece ? length - given : piece;
            count = count < space.length ? count : space.length;
            memcpy(space.data, stream + given, count);
            given += count;
            next = session_received(&session, (uint32_t)count, &stats);
        }
    }
    require(stats.protocol_errors + stats.truncated <= 1);
    session_close(&session);
    free(stream);
    return 0;
}
