#include "loadgen/amount.h"

#include <string.h>

#include "loadgen/random.h"

enum { WEIGHT_MAX = 1000000 };

struct amount amount_of(uint32_t number) {
    return (struct amount){
        .parts = 1, .part = {{number, number, 1}}, .weights = 1, .limit = number};
}

/* Reads digits at *text and advances it. Returns false if there are none or the number exceeds
 * `limit`. */
static bool read_number(const char **text, uint32_t limit, uint32_t *number) {
    uint64_t value = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (uint64_t)(*at - '0');
        if (value > limit)
            return false;
    }
    bool read = at != *text;
    *text = at;
    *number = (uint32_t)value;
    return read;
}

static bool skip(const char **text, const char *word) {
    size_t length = strlen(word);
    bool found = strncmp(*text, word, length) == 0;
    *text += found ? length : 0;
    return found;
}

/* N or A..B */
static bool read_range(const char **text, uint32_t limit, struct amount_part *part) {
    if (!read_number(text, limit, &part->low))
        return false;
    part->high = part->low;
    return !skip(text, "..") || (read_number(text, limit, &part->high) && part->high >= part->low);
}

static bool read_mixture(const char *text, struct amount *amount) {
    do {
        struct amount_part *part = &amount->part[amount->parts];
        if (amount->parts == AMOUNT_PARTS_MAX || !read_range(&text, amount->limit, part))
            return false;
        part->weight = 1;
        bool weighted = skip(&text, "*");
        if (weighted && (!read_number(&text, WEIGHT_MAX, &part->weight) || part->weight == 0))
            return false;
        /* a mixture needs a weight per part */
        if (!weighted && (amount->parts > 0 || *text != '\0'))
            return false;
        amount->weights += part->weight;
        amount->parts++;
    } while (skip(&text, "+"));
    return *text == '\0';
}

bool amount_parse(const char *text, uint32_t limit, struct amount *amount) {
    struct amount read = {.limit = limit};
    if (skip(&text, "exp:")) {
        if (!read_number(&text, limit, &read.mean) || *text != '\0')
            return false;
    } else if (!read_mixture(text, &read)) {
        return false;
    }
    *amount = read;
    return true;
}

bool amount_fixed(const struct amount *amount) {
    return amount->parts == 1 && amount->part[0].low == amount->part[0].high;
}

uint32_t amount_most(const struct amount *amount) {
    uint32_t most = amount->parts == 0 && amount->mean > 0 ? amount->limit : 0;
    for (uint32_t i = 0; i < amount->parts; i++)
        most = amount->part[i].high > most ? amount->part[i].high : most;
    return most;
}

/* The upper half of the bits selects the part, the lower half the value in it. */
uint32_t amount_draw(const struct amount *amount, uint64_t random) {
    if (amount->parts == 0) {
        double drawn = amount->mean * random_exponential(random) + 0.5;
        return drawn < amount->limit ? (uint32_t)drawn : amount->limit;
    }
    uint32_t at = (uint32_t)((random >> 32) * amount->weights >> 32);
    const struct amount_part *part = amount->part;
    for (; at >= part->weight; part++)
        at -= part->weight;
    uint64_t span = (uint64_t)part->high - part->low + 1;
    return part->low + (uint32_t)((random & UINT32_MAX) * span >> 32);
}
