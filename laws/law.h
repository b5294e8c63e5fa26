/* The parts that all law programs share: the JSON line, errors of one line, worker threads on a
 * port, and waits with a deadline.
 *
 *     {"event":"law","format":1,"law":"fifo_packets","sentence":"…","platform":"wine-8.0",
 *      "seen":{…raw counts…},"claims":["B17"],"verdict":"holds","because":null,"figure":"…",
 *      "also":[…]}
 *
 * `also` lists further claims that the same counts judge, each with claims, verdict, because,
 * figure. */
#ifndef IOMODELS_LAW_H
#define IOMODELS_LAW_H

#include <winsock2.h>
#include <windows.h>

#include "common/clock.h"
#include "common/json.h"
#include "laws/verdict/rates.h"
#include "laws/verdict/verdict.h"

enum {
    LAW_DEADLINE_MS = 5000, /* for anything that must happen */
    LAW_SETTLE_US = 8000,   /* for a thread to enter its wait */
    LAW_ABSENT_MS = 100,    /* an event that is absent for this long does not happen */
    LAW_WORKERS_MAX = 64,
    LAW_REPEATS = 10
};

/* Call this first; the only option is --help. */
void law_start(int argc, char **argv, const char *law, const char *sentence);

/* Ends the program with one line (and Windows' error code) unless `good`. */
void law_require(bool good, const char *what);
#ifdef __clang_analyzer__ /* it does not see the function's end, so it gets one that it sees */
_Noreturn void law_end(const char *what);
#define law_require(good, what) ((good) ? (void)(what) : law_end(what))
#endif

/* Waits for an event or a thread, at most LAW_DEADLINE_MS. */
void law_wait(HANDLE);

/* Waits until *value reaches `least`. Returns false after `timeout_ms`. */
bool law_reached(volatile LONG *value, LONG least, uint32_t timeout_ms);

/* Returns the line, open inside "seen". */
struct json law_line(void);

/* Adds a count of the local `seen` to the local `line`; LAW_SEEN goes to the list of a law's
 * counts. */
#define LAW_SEEN(field) json_u64(&line, #field, seen.field);

struct judged {
    const char *claims; /* ids, separated by spaces */
    struct judgement judgement;
};

/* Closes "seen", adds the judgements and prints the line. Returns the exit code. */
int law_print(struct json *line, const struct judged *, int count);

/* Threads that wait on a port. A packet is a number from 1 up; the handler gets it. */
struct crew;
typedef void (*crew_handler)(struct crew *, uint32_t worker, uint32_t packet);
struct crew {
    HANDLE port, gate, finished;
    LONG expected; /* number of packets after which `finished` is set */
    crew_handler handler;
    uint32_t workers;
    HANDLE threads[LAW_WORKERS_MAX];
    /* running number of the wait's start; 0 while the worker handles a packet */
    volatile LONG since[LAW_WORKERS_MAX];
    /* handlers: inside now, maximum concurrent, complete */
    volatile LONG ticket, inside, most, handled;
};

/* Starts the workers, which wait at the gate. */
void crew_start(struct crew *, uint32_t cap, uint32_t workers, crew_handler);

/* Admits `workers` of them to the port. */
void crew_open(struct crew *, uint32_t workers);
void crew_post(struct crew *, uint32_t packet);

/* Posts packets 1 … `count` to workers at the gate, admits them, and blocks until all packets are
 * handled. A polling loop would use a CPU that the workers need. Returns the time this took. */
uint64_t crew_run_ns(struct crew *, LONG count);
void crew_stop(struct crew *);

/* Computes for `units` of about 100 µs of CPU time, however many threads share the CPU. */
void law_work(uint32_t units);

/* Returns the second lowest, the median and the second highest of LAW_REPEATS values. */
struct rate law_spread(const uint64_t values[LAW_REPEATS]);
uint64_t law_median(uint64_t *values, uint32_t count); /* sorts the values */

uint32_t law_processors(void); /* logical CPUs */

/* Connects two sockets over loopback. */
void law_pair(SOCKET pair[2]);
SOCKET law_listener(struct sockaddr *address, int *length);
SOCKET law_socket(void); /* TCP, overlapped */

/* What a port says about a completed operation; `error` is 0 after success. */
struct law_packet {
    DWORD bytes, error;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
};

/* Takes a packet of an operation. Returns false if none came within `timeout_ms`. */
bool law_take(HANDLE port, struct law_packet *, DWORD timeout_ms);

#endif
