/* One of many worker threads takes each packet: none is lost, none is taken twice. */
#include "laws/law.h"
#include "laws/verdict/packets.h"

enum { PACKETS = 1000, WORKERS = 8 };

static volatile LONG taken[PACKETS + 1], used[WORKERS];

static void take(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)crew;
    InterlockedIncrement(&taken[packet]);
    InterlockedExchange(&used[worker], 1);
    if (packet % 10 == 0)
        Sleep(1); /* blocks, so that other worker threads run even if the cap holds */
}

int main(int argc, char **argv) {
    law_start(argc, argv, "exactly_once",
              "Exactly one of the threads that wait on a port takes each packet.");
    struct crew crew;
    crew_start(&crew, 0, WORKERS, take);
    crew_open(&crew, crew.workers);
    for (uint32_t packet = 1; packet <= PACKETS; packet++)
        crew_post(&crew, packet);
    law_reached(&crew.handled, PACKETS, LAW_DEADLINE_MS);
    crew_stop(&crew);
    struct exactly_once_seen seen = {.packets = PACKETS, .workers = WORKERS};
    for (uint32_t packet = 1; packet <= PACKETS; packet++) {
        seen.lost += taken[packet] == 0;
        seen.duplicated += taken[packet] > 1;
    }
    for (uint32_t worker = 0; worker < WORKERS; worker++)
        seen.workers_used += (uint64_t)used[worker];
    struct json line = law_line();
    EXACTLY_ONCE_SEEN(LAW_SEEN)
    struct judged judged = {"C12", judge_exactly_once(&seen)};
    return law_print(&line, &judged, 1);
}
