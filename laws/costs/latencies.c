/* The table of latencies that a book of 1996 prints, measured again: a register, a cache, RAM and a
 * disk. Each access needs the result of the last one, so the CPU cannot overlap them.
 *
 * RAM: a chain of pointers visits every line of 128 MiB once, in random order. So an access also
 * pays for the translation of its address. Disk: 4 KiB at a random place, past the cache. A platform
 * that ignores this flag would measure its cache, and the row stays empty. */
#include "laws/shared/file.h"
#include "laws/verdict/threads_cost.h"

enum {
    LINE = 64,
    CACHE_BYTES = 16384,
    RAM_BYTES = 128 * 1048576,
    STEPS = 16, /* per iteration */
    REGISTER_ITERATIONS = 50000,
    CHASE_ITERATIONS = 1000,
    TRIALS = 8,
    FILE_BYTES = 32 * 1048576,
    READS = 16 /* per round */
};

static volatile uint64_t odd = 0x9E3779B97F4A7C15u, other = 0xD1B54A32D192ED03u, result;
static void *volatile end; /* used by nothing, but the compiler does not know that */
static uint64_t state = 1;

static uint32_t random_below(uint32_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % limit);
}

/* Returns picoseconds per operation. */
static uint64_t time_registers(void ***unused) {
    (void)unused;
    uint64_t a = odd, b = other, x = 1, start_ns = clock_now_ns();
    for (int i = 0; i < REGISTER_ITERATIONS; i++)
        for (int step = 0; step < STEPS / 2; step++)
            x = (x + a) ^ b;
    uint64_t took_ns = clock_now_ns() - start_ns;
    result = x;
    return took_ns * 1000 / ((uint64_t)REGISTER_ITERATIONS * STEPS);
}

/* Links all lines to one random circle (Sattolo's algorithm). Returns its first line. */
static void **make_circle(size_t bytes) {
    uint32_t lines = (uint32_t)(bytes / LINE);
    char *memory = file_memory(bytes);
    uint32_t *order = (uint32_t *)(void *)file_memory(lines * sizeof *order);
    for (uint32_t i = 0; i < lines; i++)
        order[i] = i;
    for (uint32_t i = lines - 1; i > 0; i--) {
        uint32_t j = random_below(i), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (uint32_t i = 0; i < lines; i++)
        *(void **)(void *)(memory + (size_t)i * LINE) = memory + (size_t)order[i] * LINE;
    VirtualFree(order, 0, MEM_RELEASE);
    return (void **)(void *)memory;
}

/* Follows the circle from where it ended last. Returns picoseconds per access. */
static uint64_t time_chase(void ***at) {
    void **place = *at;
    uint64_t start_ns = clock_now_ns();
    for (int i = 0; i < CHASE_ITERATIONS; i++)
        for (int step = 0; step < STEPS; step++)
            place = *place;
    uint64_t took_ns = clock_now_ns() - start_ns;
    *at = place;
    end = place;
    return took_ns * 1000 / ((uint64_t)CHASE_ITERATIONS * STEPS);
}

/* Takes the fastest of some trials, because other programs slow the others. */
static uint64_t fastest(uint64_t (*trial)(void ***), void ***at) {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < TRIALS; i++) {
        uint64_t ps = trial(at);
        least = ps < least ? ps : least;
    }
    return least;
}

static uint64_t time_disk(HANDLE file, char *memory) {
    uint64_t ps[READS];
    for (int i = 0; i < READS; i++) {
        OVERLAPPED place = {.Offset = random_below(FILE_BYTES / FILE_SECTOR) * FILE_SECTOR};
        DWORD bytes = 0;
        uint64_t start_ns = clock_now_ns();
        law_require(ReadFile(file, memory, FILE_SECTOR, &bytes, &place) && bytes == FILE_SECTOR,
                    "ReadFile");
        ps[i] = (clock_now_ns() - start_ns) * 1000;
    }
    return law_median(ps, READS);
}

static void ends(uint64_t ps[RATIO_ROUNDS], uint64_t *low, uint64_t *high) {
    law_median(ps, RATIO_ROUNDS); /* sorts */
    *low = ps[1];
    *high = ps[RATIO_ROUNDS - 2];
}

int main(int argc, char **argv) {
    law_start(argc, argv, "latencies", "Register 2–5 ns, cache 3–10 ns, RAM 80–400 ns, disk 5 ms.");
    void **cache = make_circle(CACHE_BYTES), **ram = make_circle(RAM_BYTES);
    struct file file = file_make(FILE_BYTES);
    bool disk = file_unbuffered_is_real(&file);
    HANDLE handle = file_open(&file, FILE_FLAG_NO_BUFFERING);
    char *memory = file_memory(FILE_SECTOR);
    uint64_t ps[4][RATIO_ROUNDS];
    for (int round = 0; round < RATIO_ROUNDS; round++) {
        ps[0][round] = fastest(time_registers, NULL);
        ps[1][round] = fastest(time_chase, &cache);
        ps[2][round] = fastest(time_chase, &ram);
        ps[3][round] = disk ? time_disk(handle, memory) : 0;
    }
    CloseHandle(handle);
    file_remove(&file);
    struct latencies_seen seen;
    ends(ps[0], &seen.register_low_ps, &seen.register_high_ps);
    ends(ps[1], &seen.cache_low_ps, &seen.cache_high_ps);
    ends(ps[2], &seen.ram_low_ps, &seen.ram_high_ps);
    ends(ps[3], &seen.disk_low_ps, &seen.disk_high_ps);
    struct json line = law_line();
    LATENCIES_SEEN(LAW_SEEN)
    struct judged judged = {"B10", judge_latencies(&seen)};
    return law_print(&line, &judged, 1);
}
