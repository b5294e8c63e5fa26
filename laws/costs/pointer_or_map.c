/* What the pointers in a packet spare. CONTAINING_RECORD computes the client from the OVERLAPPED; a
 * program without it looks the client up. Here the map is a hash table with a reader lock, because
 * workers share it. Compared are the bare look-ups, and packets with their look-ups: the second
 * ratio shows how much of a packet's cost the shortcut saves. A round counts its fastest group, because
 * other programs only add time. */
#include "laws/law.h"
#include "laws/verdict/shortcuts.h"

#include <stdlib.h>

enum { CLIENTS = 10000, SLOTS = 32768, PASSES = 20, GROUPS = 20, PACKETS = 100 };
enum way { POINTER, MAP, WAYS };

struct client {
    uint64_t packets;
    OVERLAPPED overlapped;
    char session[64];
};

static struct client *clients;
static OVERLAPPED *arriving[CLIENTS]; /* in random order */
static struct {
    const OVERLAPPED *overlapped;
    struct client *client;
} map[SLOTS];
static SRWLOCK lock = SRWLOCK_INIT;
static HANDLE port;

static uint32_t slot_of(const OVERLAPPED *overlapped) {
    return (uint32_t)(((uint64_t)(uintptr_t)overlapped * 0x9e3779b97f4a7c15u) >> 49);
}

static void enter(struct client *client) {
    uint32_t slot = slot_of(&client->overlapped);
    while (map[slot].client)
        slot = (slot + 1) % SLOTS;
    map[slot].overlapped = &client->overlapped;
    map[slot].client = client;
}

static struct client *look_up(const OVERLAPPED *overlapped) {
    AcquireSRWLockShared(&lock);
    uint32_t slot = slot_of(overlapped);
    while (map[slot].overlapped != overlapped)
        slot = (slot + 1) % SLOTS;
    struct client *client = map[slot].client;
    ReleaseSRWLockShared(&lock);
    return client;
}

static struct client *find(enum way way, OVERLAPPED *overlapped) {
    return way == POINTER ? CONTAINING_RECORD(overlapped, struct client, overlapped)
                          : look_up(overlapped);
}

/* One pass over all clients. */
static uint64_t bare_ns(enum way way) {
    uint64_t start_ns = clock_now_ns();
    for (int i = 0; i < CLIENTS; i++)
        find(way, arriving[i])->packets++;
    return clock_now_ns() - start_ns;
}

/* Takes PACKETS packets. */
static uint64_t packets_ns(enum way way) {
    for (int i = 0; i < PACKETS; i++)
        law_require(PostQueuedCompletionStatus(port, 0, 0, arriving[i]),
                    "PostQueuedCompletionStatus");
    uint64_t start_ns = clock_now_ns();
    for (int i = 0; i < PACKETS; i++) {
        struct law_packet packet;
        law_require(law_take(port, &packet, LAW_DEADLINE_MS), "a packet is missing");
        find(way, packet.overlapped)->packets++;
    }
    return clock_now_ns() - start_ns;
}

static uint64_t fastest_ns(uint64_t (*group_ns)(enum way), enum way way, int groups) {
    uint64_t fastest = UINT64_MAX;
    for (int group = 0; group < groups; group++) {
        uint64_t ns = group_ns(way);
        fastest = ns < fastest ? ns : fastest;
    }
    return fastest;
}

static void set_up(void) {
    uint32_t random = 1;
    clients = calloc(CLIENTS, sizeof *clients);
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    law_require(clients != NULL && port != NULL, "calloc or CreateIoCompletionPort");
    for (uint32_t i = 0; i < CLIENTS; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t other = (random >> 8) % (i + 1);
        arriving[i] = arriving[other];
        arriving[other] = &clients[i].overlapped;
        enter(&clients[i]);
    }
    for (int i = 0; i < CLIENTS; i++)
        law_require(find(POINTER, arriving[i]) == find(MAP, arriving[i]), "the map is wrong");
}

int main(int argc, char **argv) {
    law_start(argc, argv, "pointer_or_map",
              "A packet's pointer leads to its client for less than a look-up in a map.");
    set_up();
    uint64_t bare[WAYS][RATIO_ROUNDS], packets[WAYS][RATIO_ROUNDS];
    for (int round = 0; round < RATIO_ROUNDS; round++)
        for (enum way way = POINTER; way < WAYS; way++) {
            bare[way][round] = fastest_ns(bare_ns, way, PASSES);
            packets[way][round] = fastest_ns(packets_ns, way, GROUPS);
        }
    struct shortcut_seen seen[] = {
        shortcut_of("CONTAINING_RECORD", bare[POINTER], "map of 10,000", bare[MAP], CLIENTS),
        shortcut_of("packet and CONTAINING_RECORD", packets[POINTER], "packet and map",
                    packets[MAP], PACKETS)};
    struct json line = law_line();
    json_u64(&line, "clients", CLIENTS);
    json_double(&line, "pointer_ns", seen[0].name_ns);
    json_double(&line, "map_ns", seen[0].detour_ns);
    json_double(&line, "packet_pointer_ns", seen[1].name_ns);
    json_double(&line, "packet_map_ns", seen[1].detour_ns);
    struct judged judged[] = {{"", judge_shortcut(&seen[0])}, {"", judge_shortcut(&seen[1])}};
    return law_print(&line, judged, 2);
}
