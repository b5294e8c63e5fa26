#include "laws/verdict/relay.h"

#include <inttypes.h>

#define N "%" PRIu64

/* "Greatly" means at least twice as fast. */
enum greatly { YES, NO, CANNOT_TELL };

static enum greatly greatly(struct ratio time) {
    return time.high <= 0.5 ? YES : time.low > 0.5 ? NO : CANNOT_TELL;
}

struct judgement judge_relay(const struct relay_seen *seen) {
    enum greatly stream = greatly(seen->sustained), burst = greatly(seen->burst);
    enum verdict verdict = NOT_TESTABLE;
    const char *because = RATIO_IS_UNCLEAR;
    if (seen->wrong || seen->overfull || !seen->blocks) {
        because = "the relay lost bytes or overfilled its queue";
    } else if (stream == YES) {
        verdict = HOLDS;
        because = "";
    } else if (stream == NO && burst == YES) {
        verdict = HOLDS_ONLY_WHEN;
        because = "data comes in bursts that fit the queue; the disk limits a longer stream";
    } else if (stream == NO && burst == NO) {
        verdict = DOES_NOT_HOLD;
        because = "neither a stream nor a burst is twice as fast";
    }
    return judgement(
        verdict, because,
        "MB/s: blocking %.1f, overlapped %.1f; burst taken in %.0f, %.0f ms; times "
        "%.2f [%.2f, %.2f], %.2f [%.2f, %.2f]; equal speeds %.2f; " N " %% sent during "
        "writes",
        (double)seen->blocking_kb_per_s / 1000, (double)seen->overlapped_kb_per_s / 1000,
        (double)seen->blocking_taken_us / 1000, (double)seen->overlapped_taken_us / 1000,
        seen->sustained.median, seen->sustained.low, seen->sustained.high, seen->burst.median,
        seen->burst.low, seen->burst.high, seen->equal.median, seen->percent_sent_during_writes);
}
