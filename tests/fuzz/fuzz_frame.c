/* Arbitrary bytes as headers. A second implementation decodes them and applies the limits; encoding
 * must be the inverse of decoding. A filler must not depend on the pieces in which it is written. */
#include "common/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition)
        abort();
}

static uint32_t word(const uint8_t *header, size_t number) {
    const uint8_t *byte = header + 4 * number;
    return byte[0] + 256u * byte[1] + 65536u * byte[2] + 16777216u * byte[3];
}

static void check_header(const uint8_t *bytes) {
    char given[FRAME_HEADER_BYTES], encoded[FRAME_HEADER_BYTES];
    memcpy(given, bytes, sizeof given);
    struct frame_header header = frame_decode(given);
    require(header.payload_length == word(bytes, 0) && header.reply_length == word(bytes, 1));
    require(header.cpu_us == word(bytes, 2) && header.block_us == word(bytes, 3));
    require(header.sequence == word(bytes, 4) && header.flags == word(bytes, 5));
    frame_encode(&header, encoded);
    require(memcmp(given, encoded, sizeof given) == 0);
    bool lengths = word(bytes, 0) <= 1048576 && word(bytes, 1) <= 1048576;
    bool work = word(bytes, 2) <= 250000 && word(bytes, 3) <= 250000;
    require(frame_valid(&header) == (lengths && work && word(bytes, 5) == 0));
    struct frame_header reply = frame_reply(header);
    frame_encode(&reply, encoded);
    require(memcmp(encoded, given + 4, 4) == 0 && memcmp(encoded + 4, given + 4, 20) == 0);
}

/* The bytes choose the pieces. */
static void check_filler(const uint8_t *data, size_t size) {
    static char bytes[64 * 256];
    size_t filled = 0;
    for (size_t i = 0; i < size && i < 64; i++) {
        frame_fill(bytes + filled, data[i], (uint32_t)filled);
        filled += data[i];
    }
    for (size_t i = 0; i < filled; i++)
        require((unsigned char)bytes[i] == i % 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (size_t at = 0; size - at >= FRAME_HEADER_BYTES; at += FRAME_HEADER_BYTES)
        check_header(data + at);
    check_filler(data, size);
    return 0;
}
