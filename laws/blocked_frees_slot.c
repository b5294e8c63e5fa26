/* A handler that blocks does not run and so frees its slot. Then a waiting thread takes the next
 * packet, beyond the cap. The cap is 1, with as many packets as worker threads. All handlers run
 * concurrently: first they spin, then they block. */
#include "laws/law.h"
#include "laws/verdict/cap.h"

enum { CAP = 1, WORKERS = 4 };

static HANDLE release;

static void spin(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)worker;
    (void)packet;
    uint64_t deadline_ns = clock_now_ns() + (uint64_t)LAW_ABSENT_MS * 1000000;
    while (crew->most < WORKERS && clock_now_ns() < deadline_ns) {
    }
}

static void block(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)crew;
    (void)worker;
    (void)packet;
    WaitForSingleObject(release, LAW_DEADLINE_MS);
}

static uint64_t most_at_once(crew_handler handler) {
    struct crew crew;
    crew_start(&crew, CAP, WORKERS, handler);
    crew_open(&crew, crew.workers);
    for (uint32_t packet = 1; packet <= WORKERS; packet++)
        crew_post(&crew, packet);
    law_reached(&crew.most, WORKERS, WORKERS * LAW_ABSENT_MS);
    SetEvent(release);
    law_require(law_reached(&crew.handled, WORKERS, LAW_DEADLINE_MS), "packets were not taken");
    crew_stop(&crew);
    return (uint64_t)crew.most;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "blocked_frees_slot",
              "A handler that blocks frees its slot for a waiting thread.");
    struct blocked_frees_slot_seen seen = {.cap = CAP, .workers = WORKERS};
    release = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(release != NULL, "CreateEventW");
    seen.spinning_at_once = most_at_once(spin);
    ResetEvent(release);
    seen.blocked_at_once = most_at_once(block);
    struct json line = law_line();
    BLOCKED_FREES_SLOT_SEEN(LAW_SEEN)
    struct judged judged[] = {{"C19", judge_blocked_frees_slot(&seen)},
                              {"D10", judge_never_more(&seen)},
                              {"E1", judge_listeners(&seen)}};
    return law_print(&line, judged, 3);
}
