/* Verdicts on servers that pass data between the network and a disk. */
#ifndef IOMODELS_VERDICT_RELAY_H
#define IOMODELS_VERDICT_RELAY_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

/* How a server stores what it receives. */
enum relay_form {
    RELAY_BLOCKING,      /* one thread receives a block, then writes it, in turn */
    RELAY_WRITER_THREAD, /* a second thread writes what the first one has queued */
    RELAY_PORT,          /* one thread, a completion port, receive and write outstanding together */
    RELAY_POOL,          /* the same by callbacks of the thread pool */
    RELAY_FORMS
};
extern const char *const relay_names[RELAY_FORMS];

/* relay: wrong: stored blocks with wrong bytes; overfull: passes in which a queue had more blocks
 * than it may. Rates are KB/s (1000 bytes), times medians. taken: when the last byte of a burst was
 * sent. percent_sent_during_writes: of the bytes, while the blocking thread was in a write. */
struct relay_seen {
    uint64_t blocks, wrong, overfull, percent_sent_during_writes;
    uint64_t kb_per_s[RELAY_FORMS], taken_us[RELAY_FORMS];
    /* each form to the blocking one: */
    struct ratio sustained[RELAY_FORMS]; /* time to store a stream that is longer than the queue */
    struct ratio equal[RELAY_FORMS];     /* the same if network and disk are equally fast */
    struct ratio burst[RELAY_FORMS];     /* time to take a burst that fits the queue */
};

/* Holds if the form stores a stream in at most half of the time that the blocking form takes. */
struct judgement judge_relay(const struct relay_seen *, enum relay_form);

/* send_file: how a file was sent, and its time to that of one thread that reads and sends in turn.
 * bytes: all that arrived; wrong: of these. exists: 0 if the platform lacks the call. */
struct send_file_seen {
    const char *name;
    uint64_t exists, bytes, wrong, us, read_send_us;
    struct ratio to_read_send;
};

/* Holds if this way is faster. */
struct judgement judge_send_file(const struct send_file_seen *);

#endif
