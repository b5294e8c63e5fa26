/*
 * What every law program needs: its one JSON line, failing in one line, workers on a port, and waiting with a
 * deadline.
 *
 *     {"event":"law","format":1,"law":"fifo_packets","sentence":"…","platform":"wine-8.0","seen":{…raw
 * counts…}, "claims":["B17"],"verdict":"holds","because":null,"figure":"…","also":[…]}
 *
 * `also` has further claims that the same observations judge otherwise, each with claims, verdict, because,
 * figure.
 */
#ifndef IOMODELS_LAW_H
#define IOMODELS_LAW_H

#include <winsock2.h>
#include <windows.h>

#include "common/clock.h"
#include "common/json.h"
#include "laws/verdict/rates.h"
#include "laws/verdict/verdict.h"

enum {
    LAW_DEADLINE_MS = 5000, /* of anything that must happen */
    LAW_SETTLE_US = 8000,   /* for a thread that is about to wait to be waiting */
    LAW_ABSENT_MS = 100,    /* what has not happened by then does not happen */
    LAW_WORKERS_MAX = 64,
    LAW_REPEATS = 5
};

/* First of all; the only option is --help. */
void law_start(int argc, char **argv, const char *law, const char *sentence);

/* Ends the program with one line (and Windows' error) unless `good`. */
void law_require(bool good, const char *what);

/* Waits for an event or a thread, at most LAW_DEADLINE_MS. */
void law_wait(HANDLE);

/* Waits until *value has reached `least`; false: not within `timeout_ms`. */
bool law_reached(volatile LONG *value, LONG least, uint32_t timeout_ms);

/* Returns the line, open inside "seen". */
struct json law_line(void);

/* Adds a count of the local `seen` to the local `line`; LAW_SEEN goes to the list of a law's counts. */
#define LAW_SEEN(field) json_u64(&line, #field, seen.field);

struct judged {
    const char *claims; /* ids with spaces between them */
    struct judgement judgement;
};

/* Closes "seen", adds the judgements, prints; returns the exit code. */
int law_print(struct json *line, const struct judged *, int count);

/* Threads that wait on a port; a packet is a number from 1 up, which the handler gets. */
struct crew;
typedef void (*crew_handler)(struct crew *, uint32_t worker, uint32_t packet);
struct crew {
    HANDLE port, gate, finished;
    LONG expected; /* packets, until `finished` is set */
    crew_handler handler;
    uint32_t workers;
    HANDLE threads[LAW_WORKERS_MAX];
    volatile LONG since
        [LAW_WORKERS_MAX]; /* when it began to wait, as a running number; 0 while it handles a packet */
    volatile LONG ticket, inside, most, handled; /* handlers: now inside, most at once, completed */
};

void crew_start(struct crew *, uint32_t cap, uint32_t workers,
                crew_handler);                   /* the workers are before their gate */
void crew_open(struct crew *, uint32_t workers); /* now so many of them ask the port */
void crew_post(struct crew *, uint32_t packet);

/* Posts packets 1 … `count` to workers that are before their gate, lets them in, and blocks until all are
   handled: whoever looked again and again would use a processor that the workers need. Returns how long that
   took. */
uint64_t crew_run_ns(struct crew *, LONG count);
void crew_stop(struct crew *);

/* Handler that computes: it takes the same CPU time however many others share the processor. `units` of about
 * 100 µs. */
void law_work(uint32_t units);

/* Lowest, median and highest of LAW_REPEATS values. */
struct rate law_spread(const uint64_t values[LAW_REPEATS]);
uint64_t law_median(uint64_t *values, uint32_t count); /* sorts them */

uint32_t law_processors(void); /* logical, of the system */

/* Two connected sockets on the loopback. */
void law_pair(SOCKET pair[2]);
SOCKET law_listener(struct sockaddr *address, int *length);

#endif
