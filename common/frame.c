#include "common/frame.h"

static void put_u32(char *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++)
        bytes[i] = (char)(unsigned char)(value >> (8 * i));
}

static uint32_t get_u32(const char *bytes) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value |= (uint32_t)(unsigned char)bytes[i] << (8 * i);
    return value;
}

void frame_encode(const struct frame_header *header, char bytes[FRAME_HEADER_BYTES]) {
    put_u32(bytes + 0, header->payload_length);
    put_u32(bytes + 4, header->reply_length);
    put_u32(bytes + 8, header->cpu_us);
    put_u32(bytes + 12, header->block_us);
    put_u32(bytes + 16, header->sequence);
    put_u32(bytes + 20, header->flags);
}

struct frame_header frame_decode(const char bytes[FRAME_HEADER_BYTES]) {
    return (struct frame_header){
        .payload_length = get_u32(bytes + 0),
        .reply_length = get_u32(bytes + 4),
        .cpu_us = get_u32(bytes + 8),
        .block_us = get_u32(bytes + 12),
        .sequence = get_u32(bytes + 16),
        .flags = get_u32(bytes + 20),
    };
}

bool frame_valid(const struct frame_header *header) {
    return header->payload_length <= FRAME_PAYLOAD_MAX &&
           header->reply_length <= FRAME_PAYLOAD_MAX && header->cpu_us <= FRAME_WORK_MAX_US &&
           header->block_us <= FRAME_WORK_MAX_US && header->flags == 0;
}

struct frame_header frame_reply(struct frame_header request) {
    request.payload_length = request.reply_length;
    return request;
}

void frame_fill(char *bytes, size_t count, uint32_t index) {
    for (size_t i = 0; i < count; i++)
        bytes[i] = (char)(unsigned char)(index + i);
}
