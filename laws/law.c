#include "laws/law.h"

#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/option.h"
#include "common/platform.h"

static const char *name, *meaning;
static uint64_t loops_a_unit; /* for law_work() */

static volatile uint64_t sink;

static void loops(uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        sink = sink + i;
}

/* Takes the fastest of ten runs, because other programs slow some of them. */
static void calibrate(void) {
    const uint64_t count = 20000;
    uint64_t quickest_ns = UINT64_MAX;
    for (int i = 0; i < 10; i++) {
        uint64_t start_ns = clock_now_ns();
        loops(count);
        uint64_t took_ns = clock_now_ns() - start_ns;
        quickest_ns = took_ns < quickest_ns ? took_ns : quickest_ns;
    }
    loops_a_unit = count * 100000 / (quickest_ns + 1) + 1;
}

void law_work(uint32_t units) {
    loops(units * loops_a_unit);
}

void law_start(int argc, char **argv, const char *law, const char *sentence) {
    static const struct option none[] = {OPTION_END};
    static const struct option *const tables[] = {none, NULL};
    name = law;
    meaning = sentence;
    json_start();
    enum option_outcome outcome = option_parse(law, tables, argc, argv);
    if (outcome == OPTIONS_HELP)
        exit(option_help(law, sentence, tables) ? 0 : 1);
    if (outcome != OPTIONS_PARSED)
        exit(2);
    WSADATA data;
    law_require(WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup");
    calibrate();
}

void(law_require)(bool good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "%s: %s: error %lu\n", name, what, (unsigned long)GetLastError());
    fflush(stderr);
    ExitProcess(1); /* does not wait for any thread */
}

void law_wait(HANDLE handle) {
    law_require(WaitForSingleObject(handle, LAW_DEADLINE_MS) == WAIT_OBJECT_0,
                "an expected event did not occur");
}

bool law_reached(volatile LONG *value, LONG least, uint32_t timeout_ms) {
    uint64_t deadline_ns = clock_now_ns() + (uint64_t)timeout_ms * 1000000;
    while (*value < least) {
        if (clock_now_ns() > deadline_ns)
            return *value >= least;
        Sleep(0);
    }
    return true;
}

struct json law_line(void) {
    struct json line = json_event("law");
    json_string(&line, "law", name);
    json_string(&line, "sentence", meaning);
    json_string(&line, "platform", platform_name());
    json_object(&line, "seen");
    return line;
}

static void add_judged(struct json *line, const struct judged *judged) {
    char ids[64];
    snprintf(ids, sizeof ids, "%s", judged->claims);
    json_array(line, "claims");
    for (char *id = ids; *id;) {
        size_t length = strcspn(id, " ");
        bool last = id[length] == '\0';
        id[length] = '\0';
        json_string(line, NULL, id);
        id += length + !last;
    }
    json_close(line);
    const struct judgement *judgement = &judged->judgement;
    json_string(line, "verdict", verdict_word(judgement->verdict));
    json_string(line, "because", judgement->because[0] ? judgement->because : NULL);
    json_string(line, "figure", judgement->figure);
}

int law_print(struct json *line, const struct judged *judged, int count) {
    json_close(line);
    add_judged(line, &judged[0]);
    json_array(line, "also");
    for (int i = 1; i < count; i++) {
        json_object(line, NULL);
        add_judged(line, &judged[i]);
        json_close(line);
    }
    return json_print(line) ? 0 : 1;
}

static void handle(struct crew *crew, uint32_t worker, uint32_t packet) {
    LONG now = InterlockedIncrement(&crew->inside);
    for (LONG most = crew->most; now > most; most = crew->most)
        if (InterlockedCompareExchange(&crew->most, now, most) == most)
            break;
    crew->handler(crew, worker, packet);
    InterlockedDecrement(&crew->inside);
    if (InterlockedIncrement(&crew->handled) == crew->expected)
        SetEvent(crew->finished);
}

struct place {
    struct crew *crew;
    uint32_t worker;
};

static unsigned __stdcall work(void *argument) {
    struct place place = *(struct place *)argument;
    struct crew *crew = place.crew;
    free(argument);
    WaitForSingleObject(crew->gate, INFINITE);
    for (;;) {
        DWORD bytes;
        ULONG_PTR packet;
        OVERLAPPED *overlapped;
        InterlockedExchange(&crew->since[place.worker], InterlockedIncrement(&crew->ticket));
        BOOL good = GetQueuedCompletionStatus(crew->port, &bytes, &packet, &overlapped, INFINITE);
        InterlockedExchange(&crew->since[place.worker], 0);
        if (!good || packet == 0)
            return 0;
        handle(crew, place.worker, (uint32_t)packet);
    }
}

void crew_start(struct crew *crew, uint32_t cap, uint32_t workers, crew_handler handler) {
    *crew = (struct crew){.handler = handler, .workers = workers};
    crew->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, cap);
    crew->gate = CreateSemaphoreW(NULL, 0, 2 * LAW_WORKERS_MAX, NULL);
    crew->finished = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(crew->port && crew->gate && crew->finished && workers <= LAW_WORKERS_MAX,
                "CreateIoCompletionPort");
    for (uint32_t i = 0; i < workers; i++) {
        struct place *place = malloc(sizeof *place);
        law_require(place != NULL, "malloc");
        *place = (struct place){crew, i};
        crew->threads[i] = (HANDLE)_beginthreadex(NULL, 0, work, place, 0, NULL);
        law_require(crew->threads[i] != NULL, "_beginthreadex");
    }
}

void crew_open(struct crew *crew, uint32_t workers) {
    law_require(ReleaseSemaphore(crew->gate, (LONG)workers, NULL), "ReleaseSemaphore");
}

void crew_post(struct crew *crew, uint32_t packet) {
    law_require(PostQueuedCompletionStatus(crew->port, 0, packet, NULL),
                "PostQueuedCompletionStatus");
}

uint64_t crew_run_ns(struct crew *crew, LONG count) {
    crew->expected = count;
    for (LONG packet = 1; packet <= count; packet++)
        crew_post(crew, (uint32_t)packet);
    uint64_t start_ns = clock_now_ns();
    crew_open(crew, crew->workers);
    law_wait(crew->finished);
    return clock_now_ns() - start_ns;
}

void crew_stop(struct crew *crew) {
    for (uint32_t i = 0; i < crew->workers; i++)
        crew_post(crew, 0);
    for (uint32_t i = 0; i < crew->workers; i++) {
        law_wait(crew->threads[i]);
        CloseHandle(crew->threads[i]);
    }
    CloseHandle(crew->port);
    CloseHandle(crew->gate);
    CloseHandle(crew->finished);
}

static int compare(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

uint64_t law_median(uint64_t *values, uint32_t count) {
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

struct rate law_spread(const uint64_t values[LAW_REPEATS]) {
    uint64_t sorted[LAW_REPEATS];
    memcpy(sorted, values, sizeof sorted);
    uint64_t median = law_median(sorted, LAW_REPEATS);
    return (struct rate){sorted[1], median, sorted[LAW_REPEATS - 2]};
}

uint32_t law_processors(void) {
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors;
}

bool law_take(HANDLE port, struct law_packet *packet, DWORD timeout_ms) {
    *packet = (struct law_packet){0};
    if (!GetQueuedCompletionStatus(port, &packet->bytes, &packet->key, &packet->overlapped,
                                   timeout_ms))
        packet->error = GetLastError();
    return packet->overlapped != NULL;
}

SOCKET law_socket(void) {
    SOCKET made = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    law_require(made != INVALID_SOCKET, "WSASocketW");
    return made;
}

SOCKET law_listener(struct sockaddr *address, int *length) {
    SOCKET listener = law_socket();
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    law_require(bind(listener, (struct sockaddr *)&any, sizeof any) == 0 &&
                    listen(listener, 5) == 0 && getsockname(listener, address, length) == 0,
                "listen");
    return listener;
}

void law_pair(SOCKET pair[2]) {
    struct sockaddr_in address;
    int length = sizeof address;
    SOCKET listener = law_listener((struct sockaddr *)&address, &length);
    pair[0] = law_socket();
    law_require(connect(pair[0], (struct sockaddr *)&address, length) == 0, "connect");
    pair[1] = accept(listener, NULL, NULL);
    law_require(pair[1] != INVALID_SOCKET, "accept");
    closesocket(listener);
}
