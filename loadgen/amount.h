/*
 * How much: a number, or a distribution from which each request draws its own.
 *
 *     64                      always
 *     64..4096                uniform, both ends included
 *     exp:200                 exponential with mean 200, rounded; what lies beyond the limit becomes the
 * limit 64*9+4096..8192*1       a mixture: nine parts in ten are 64, one is uniform
 */
#ifndef IOMODELS_AMOUNT_H
#define IOMODELS_AMOUNT_H

#include <stdbool.h>
#include <stdint.h>

enum { AMOUNT_PARTS_MAX = 8 };
#define AMOUNT_FORM "N, A..B, exp:MEAN or a mixture N*WEIGHT+A..B*WEIGHT of at most 8"

struct amount {
    uint32_t parts; /* 0: exponential */
    struct amount_part {
        uint32_t low, high, weight;
    } part[AMOUNT_PARTS_MAX];
    uint32_t weights; /* of all parts */
    uint32_t mean;    /* of the exponential one */
    uint32_t limit;   /* no draw is above it */
};

struct amount amount_of(uint32_t number);

/* false: `text` is not of the form above, or a number in it is above `limit`; `amount` is as it was. */
bool amount_parse(const char *text, uint32_t limit, struct amount *amount);

bool amount_fixed(const struct amount *); /* every draw is amount_most() */
uint32_t amount_most(const struct amount *);
uint32_t amount_draw(const struct amount *, uint64_t random);

#endif
