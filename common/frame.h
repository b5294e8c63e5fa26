/*
 * The frame: what travels on the wire, in both directions (docs/interface.md §1).
 *
 * A 24-byte header of six unsigned 32-bit little-endian fields, then `payload_length` bytes. A reply carries
 * the header of its request with `payload_length` := `reply_length`; its payload byte i is the request's byte
 * i where there is one, else i mod 256. With equal lengths the reply is therefore the request, byte for byte.
 */
#ifndef IOMODELS_FRAME_H
#define IOMODELS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_HEADER_BYTES = 24,
    FRAME_PAYLOAD_MAX = 1 << 20, /* bytes, request and reply alike */
    FRAME_WORK_MAX_US =
        250000 /* for cpu_us and block_us each, so that a server can stop within a second */
};

struct frame_header {
    uint32_t payload_length; /* bytes that follow the header */
    uint32_t reply_length;   /* payload bytes wanted in the reply */
    uint32_t cpu_us;         /* the server spins this long before it answers */
    uint32_t block_us;       /* then blocks this long */
    uint32_t sequence;       /* the client's own number, returned unchanged */
    uint32_t flags;          /* 0 */
};

void frame_encode(const struct frame_header *header, char bytes[FRAME_HEADER_BYTES]);
struct frame_header frame_decode(const char bytes[FRAME_HEADER_BYTES]);

/* Whether a request's header keeps the limits above. */
bool frame_valid(const struct frame_header *header);

/* The header that answers `request`. */
struct frame_header frame_reply(struct frame_header request);

/* Writes the `count` filler bytes (i mod 256) of a reply's payload that begin at payload byte `index`. */
void frame_fill(char *bytes, size_t count, uint32_t index);

#endif
