#include "spin.h"

#include "common/clock.h"

enum { PARTS = 5, ROUNDS = 250000, STREAMS = 4 };

/* The compiler must not drop work without a result. */
static volatile uint64_t spin_result;

/* Independent streams keep all integer units of a core busy. A single stream would wait for its own
 * results, and would not notice that a sibling thread takes half of the core. Xorshift (Marsaglia 2003)
 * never reaches 0 from another value, so the work cannot become trivial. */
static uint64_t work(void) {
    uint64_t stream[STREAMS] = {1, 2, 3, 4};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        for (int j = 0; j < STREAMS; j++) {
            stream[j] ^= stream[j] << 13;
            stream[j] ^= stream[j] >> 7;
            stream[j] ^= stream[j] << 17;
        }
    }
    return stream[0] ^ stream[1] ^ stream[2] ^ stream[3];
}

struct spin spin_measure(void) {
    struct spin spin = {.fastest_ns = UINT64_MAX, .parts = PARTS};
    for (uint32_t part = 0; part < PARTS; part++) {
        uint64_t begin_ns = clock_now_ns();
        spin_result ^= work();
        uint64_t ns = clock_now_ns() - begin_ns;
        spin.ns += ns;
        spin.fastest_ns = ns < spin.fastest_ns ? ns : spin.fastest_ns;
    }
    return spin;
}
