#include "check.h"
#include "common/frame.h"

#include <string.h>

static void header_is_six_little_endian_words(void) {
    struct frame_header header = {0x01020304, 0x11121314, 0x21222324,
                                  0x31323334, 0xf1f2f3f4, 0x51525354};
    static const unsigned char expected[FRAME_HEADER_BYTES] = {
        0x04, 0x03, 0x02, 0x01, 0x14, 0x13, 0x12, 0x11, 0x24, 0x23, 0x22, 0x21,
        0x34, 0x33, 0x32, 0x31, 0xf4, 0xf3, 0xf2, 0xf1, 0x54, 0x53, 0x52, 0x51,
    };
    char bytes[FRAME_HEADER_BYTES];
    frame_encode(&header, bytes);
    CHECK(memcmp(bytes, expected, sizeof bytes) == 0);
    struct frame_header decoded = frame_decode(bytes);
    CHECK(memcmp(&decoded, &header, sizeof header) == 0);
}

static void every_limit_is_kept_and_reachable(void) {
    const struct frame_header most = {FRAME_PAYLOAD_MAX, FRAME_PAYLOAD_MAX, FRAME_WORK_MAX_US,
                                      FRAME_WORK_MAX_US, UINT32_MAX,        0};
    CHECK(frame_valid(&most));
    CHECK(frame_valid(&(struct frame_header){0}));
    for (size_t field = 0; field < 6; field++) {
        if (field == 4) /* any sequence is valid */
            continue;
        uint32_t words[6];
        memcpy(words, &most, sizeof words);
        words[field]++;
        struct frame_header wrong;
        memcpy(&wrong, words, sizeof wrong);
        CHECK(!frame_valid(&wrong));
        words[field] = UINT32_MAX;
        memcpy(&wrong, words, sizeof wrong);
        CHECK(!frame_valid(&wrong));
    }
}

static void reply_header_differs_in_its_payload_length_only(void) {
    struct frame_header reply = frame_reply((struct frame_header){5, 9, 1, 2, 3, 0});
    struct frame_header expected = {9, 9, 1, 2, 3, 0};
    CHECK(memcmp(&reply, &expected, sizeof reply) == 0);
}

static void filler_counts_modulo_256(void) {
    char bytes[300];
    frame_fill(bytes, sizeof bytes, 250);
    for (size_t i = 0; i < sizeof bytes; i++)
        CHECK((unsigned char)bytes[i] == (250 + i) % 256);
}

int main(void) {
    header_is_six_little_endian_words();
    every_limit_is_kept_and_reachable();
    reply_header_differs_in_its_payload_length_only();
    filler_counts_modulo_256();
    return 0;
}
