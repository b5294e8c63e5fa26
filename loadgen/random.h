/* Stateless random numbers: each is a function of its purpose. So every backend, every number of
 * threads and every repeat draws the same numbers. */
#ifndef IOMODELS_RANDOM_H
#define IOMODELS_RANDOM_H

#include <math.h>
#include <stdint.h>

/* splitmix64 (Steele, Lea, Flood 2014): one step of a generator whose only state is a counter. */
static inline uint64_t random_mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Returns 64 bits for request `number` of connection `id`; another `key` gives other bits. */
static inline uint64_t random_bits(uint64_t key, uint32_t id, uint64_t number) {
    return random_mix(key ^ random_mix(((uint64_t)id << 40) + number));
}

/* Returns an exponential draw with mean 1. The 53 bits make a number in (0, 1], whose logarithm is
 * finite. */
static inline double random_exponential(uint64_t bits) {
    return -log((double)((bits >> 11) + 1) * (1.0 / 9007199254740992.0));
}

#endif
