#include "laws/verdict/relay.h"

#include <inttypes.h>

#define N "%" PRIu64

const char *const relay_names[RELAY_FORMS] = {"blocking", "second thread", "port", "pool"};

/* "Greatly" means at least twice as fast. */
enum greatly { YES, NO, CANNOT_TELL };

static enum greatly greatly(struct ratio time) {
    return time.high <= 0.5 ? YES : time.low > 0.5 ? NO : CANNOT_TELL;
}

struct judgement judge_relay(const struct relay_seen *seen, enum relay_form form) {
    struct ratio sustained = seen->sustained[form], once = seen->burst[form];
    enum greatly stream = greatly(sustained), burst = greatly(once);
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
        "MB/s: blocking %.1f, %s %.1f; burst taken in %.0f, %.0f ms; times "
        "%.2f [%.2f, %.2f], %.2f [%.2f, %.2f]; equal speeds %.2f; " N " %% sent during "
        "writes",
        (double)seen->kb_per_s[RELAY_BLOCKING] / 1000, relay_names[form],
        (double)seen->kb_per_s[form] / 1000, (double)seen->taken_us[RELAY_BLOCKING] / 1000,
        (double)seen->taken_us[form] / 1000, sustained.median, sustained.low, sustained.high,
        once.median, once.low, once.high, seen->equal[form].median,
        seen->percent_sent_during_writes);
}

struct judgement judge_send_file(const struct send_file_seen *seen) {
    if (!seen->exists)
        return judgement(NOT_TESTABLE, "the platform lacks the call: needs Windows",
                         "%s: not measured", seen->name);
    enum order order = ratio_order(seen->to_read_send);
    enum verdict verdict = order == LESS ? HOLDS : order == UNCLEAR ? NOT_TESTABLE : DOES_NOT_HOLD;
    const char *because = order == UNCLEAR ? RATIO_IS_UNCLEAR
                          : order == EQUAL ? "both take the same time here"
                          : order == MORE  ? "it takes longer here"
                                           : "";
    if (seen->wrong || !seen->bytes) {
        verdict = DOES_NOT_HOLD;
        because = "not every byte of the file arrived";
    }
    return judgement(verdict, because,
                     "%s %.2f ms, read and send in turn %.2f ms; ratio %.2f [%.2f, %.2f]; " N
                     " bytes arrived, " N " wrong",
                     seen->name, (double)seen->us / 1000, (double)seen->read_send_us / 1000,
                     seen->to_read_send.median, seen->to_read_send.low, seen->to_read_send.high,
                     seen->bytes, seen->wrong);
}
