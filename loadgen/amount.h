/* An amount: a number, or a distribution from which each request draws.
 *
 *     64                      always
 *     64..4096                uniform, both ends inclusive
 *     exp:200                 exponential with mean 200, rounded; larger draws become the limit
 *     64*9+4096..8192*1       a mixture: nine parts in ten are 64, one is uniform */
#ifndef IOMODELS_AMOUNT_H
#define IOMODELS_AMOUNT_H

#include <stdbool.h>
#include <stdint.h>

enum { AMOUNT_PARTS_MAX = 8 };
#define AMOUNT_FORM "N, A..B, exp:MEAN or a mixture N*WEIGHT+A..B*WEIGHT of at most 8"

struct amount {
    uint32_t parts; /* 0 means exponential */
    struct amount_part {
        uint32_t low, high, weight;
    } part[AMOUNT_PARTS_MAX];
    uint32_t weights; /* sum over all parts */
    uint32_t mean;    /* for the exponential distribution */
    uint32_t limit;   /* draws do not exceed it */
};

struct amount amount_of(uint32_t number);

/* Returns false and leaves `amount` unchanged if `text` does not have this form or exceeds
 * `limit`. */
bool amount_parse(const char *text, uint32_t limit, struct amount *amount);

bool amount_fixed(const struct amount *); /* whether every draw equals amount_most() */
uint32_t amount_most(const struct amount *);
uint32_t amount_draw(const struct amount *, uint64_t random);

#endif
