/* While the queue has packets, the running thread takes the next one itself, without a switch. The
 * worker threads beyond the cap sleep. The queue is full before the workers start, the cap is 1,
 * and handlers only compute. */
#include "laws/law.h"
#include "laws/verdict/cap.h"

enum { PACKETS = 400, WORKERS = 8 };

static volatile LONG last = -1, handovers;

static void take(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)crew;
    (void)packet;
    LONG before = InterlockedExchange(&last, (LONG)worker);
    if (before >= 0 && before != (LONG)worker)
        InterlockedIncrement(&handovers);
    law_work(1);
}

int main(int argc, char **argv) {
    law_start(argc, argv, "running_takes_next",
              "A running thread takes the next packet; threads beyond the cap sleep.");
    struct crew crew;
    crew_start(&crew, 1, WORKERS, take);
    crew_run_ns(&crew, PACKETS);
    crew_stop(&crew);
    struct running_takes_next_seen seen = {PACKETS, WORKERS, (uint64_t)handovers,
                                           (uint64_t)crew.most};
    struct json line = law_line();
    RUNNING_TAKES_NEXT_SEEN(LAW_SEEN)
    struct judged judged = {"B29 C18", judge_running_takes_next(&seen)};
    return law_print(&line, &judged, 1);
}
