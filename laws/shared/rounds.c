#include "laws/shared/rounds.h"

void rounds_keep(uint64_t *kept, uint64_t value) {
    if (*kept == 0 || value < *kept)
        *kept = value;
}

void rounds_seen(struct json *line, const char *key, uint64_t (*values)[RATIO_ROUNDS], int costs) {
    json_array(line, key);
    for (int cost = 0; cost < costs; cost++) {
        json_array(line, NULL);
        for (int round = 0; round < RATIO_ROUNDS; round++)
            json_u64(line, NULL, values[cost][round]);
        json_close(line);
    }
    json_close(line);
}
