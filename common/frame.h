/* The frame: the unit on the wire in both directions (docs/interface.md §1).
 *
 * A 24-byte header of six unsigned 32-bit little-endian fields precedes `payload_length` bytes. A
 * reply carries its request's header with `payload_length` := `reply_length`. Byte i of its payload
 * is the request's byte i if that exists, else i mod 256. With equal lengths the reply is therefore
 * the request, byte for byte. */
#ifndef IOMODELS_FRAME_H
#define IOMODELS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_HEADER_BYTES = 24,
    FRAME_PAYLOAD_MAX = 1 << 20, /* bytes, for requests and replies */
    /* for cpu_us and block_us each; lets a server stop within a second */
    FRAME_WORK_MAX_US = 250000
};

struct frame_header {
    uint32_t payload_length; /* bytes after the header */
    uint32_t reply_length;   /* payload bytes of the reply */
    uint32_t cpu_us;         /* how long the server spins before the reply */
    uint32_t block_us;       /* how long it then blocks */
    uint32_t sequence;       /* chosen by the client, returned unchanged */
    uint32_t flags;          /* must be 0 */
};

void frame_encode(const struct frame_header *header, char bytes[FRAME_HEADER_BYTES]);
struct frame_header frame_decode(const char bytes[FRAME_HEADER_BYTES]);

/* Returns whether a request's header respects the limits above. */
bool frame_valid(const struct frame_header *header);

/* Returns the header of the reply to `request`. */
struct frame_header frame_reply(struct frame_header request);

/* Writes `count` filler bytes (i mod 256) of a reply's payload, starting at payload byte
 * `index`. */
void frame_fill(char *bytes, size_t count, uint32_t index);

#endif
