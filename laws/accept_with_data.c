/* AcceptEx with a receive buffer returns both addresses and the client's first data in one
 * completion. The price: a client that connects and stays silent holds the accept. SO_CONNECT_TIME
 * gives the age of such a connection, so a server can find it and close it. Without a receive
 * buffer the accept completes with the connection. */
#include "laws/law.h"
#include "laws/verdict/transfers.h"

#include <mswsock.h>
#include <string.h>

enum { CLIENTS = 5, ADDRESS = sizeof(struct sockaddr_in) + 16, DATA = 32 };
static const DWORD NOT_CONNECTED = 0xffffffff; /* what SO_CONNECT_TIME gives */

struct accepting {
    OVERLAPPED overlapped;
    SOCKET socket, client;
    char buffer[DATA + 2 * ADDRESS];
};

static struct accepting acceptings[3][CLIENTS];
static struct sockaddr_in server;
static SOCKET listener;
static HANDLE port;
static struct accept_with_data_seen seen = {.clients = CLIENTS};

static DWORD connect_time(SOCKET socket) {
    DWORD seconds = NOT_CONNECTED;
    int length = sizeof seconds;
    if (getsockopt(socket, SOL_SOCKET, SO_CONNECT_TIME, (char *)&seconds, &length) != 0)
        return NOT_CONNECTED;
    return seconds;
}

static void post(struct accepting *accepting, DWORD data) {
    DWORD bytes;
    accepting->socket = law_socket();
    law_require(connect_time(accepting->socket) == NOT_CONNECTED, "SO_CONNECT_TIME");
    BOOL good = AcceptEx(listener, accepting->socket, accepting->buffer, data, ADDRESS, ADDRESS,
                         &bytes, &accepting->overlapped);
    law_require(good || WSAGetLastError() == ERROR_IO_PENDING, "AcceptEx");
}

static void connect_client(struct accepting *accepting) {
    accepting->client = law_socket();
    law_require(connect(accepting->client, (struct sockaddr *)&server, sizeof server) == 0,
                "connect");
}

/* Counts the accept if it returned the addresses of the listener and of its client. The clients
 * connect one by one, so an accept gets the client that connected after it was posted. */
static void check_first(struct accepting *accepting, const struct law_packet *packet) {
    struct sockaddr *local, *remote;
    int local_length, remote_length, length = sizeof(struct sockaddr_in);
    struct sockaddr_in client;
    law_require(getsockname(accepting->client, (struct sockaddr *)&client, &length) == 0,
                "getsockname");
    GetAcceptExSockaddrs(accepting->buffer, DATA, ADDRESS, ADDRESS, &local, &local_length, &remote,
                         &remote_length);
    seen.addresses_right += ((struct sockaddr_in *)(void *)local)->sin_port == server.sin_port &&
                            ((struct sockaddr_in *)(void *)remote)->sin_port == client.sin_port;
    seen.data_right +=
        packet->error == 0 && packet->bytes == 5 && memcmp(accepting->buffer, "hello", 5) == 0;
}

static void speaking_clients(struct accepting *mine) {
    for (int i = 0; i < CLIENTS; i++) {
        struct law_packet packet;
        post(&mine[i], DATA);
        connect_client(&mine[i]);
        law_require(send(mine[i].client, "hello", 5, 0) == 5, "send");
        law_require(law_take(port, &packet, LAW_DEADLINE_MS) &&
                        packet.overlapped == &mine[i].overlapped,
                    "no packet of AcceptEx");
        check_first(&mine[i], &packet);
    }
}

/* Connects silent clients. Returns how many accepts complete nevertheless. */
static uint64_t silent_clients(struct accepting *mine, DWORD data) {
    struct law_packet packet;
    uint64_t complete = 0;
    for (int i = 0; i < CLIENTS; i++) {
        post(&mine[i], data);
        connect_client(&mine[i]);
    }
    while (complete < CLIENTS && law_take(port, &packet, LAW_ABSENT_MS))
        complete += packet.error == 0;
    return complete;
}

static void break_the_silence(struct accepting *mine) {
    struct law_packet packet;
    for (int i = 0; i < CLIENTS; i++) {
        seen.silent_timed += connect_time(mine[i].socket) != NOT_CONNECTED;
        law_require(send(mine[i].client, "x", 1, 0) == 1, "send");
        seen.silent_accepted +=
            law_take(port, &packet, LAW_DEADLINE_MS) && packet.error == 0 && packet.bytes == 1;
    }
}

int main(int argc, char **argv) {
    law_start(argc, argv, "accept_with_data",
              "One AcceptEx returns both addresses and the client's first data.");
    int length = sizeof server;
    listener = law_listener((struct sockaddr *)&server, &length);
    port = CreateIoCompletionPort((HANDLE)listener, NULL, 0, 1);
    law_require(port != NULL, "CreateIoCompletionPort");
    speaking_clients(acceptings[0]);
    seen.without_buffer = silent_clients(acceptings[1], 0);
    seen.silent_held = CLIENTS - silent_clients(acceptings[2], DATA);
    break_the_silence(acceptings[2]);
    struct json line = law_line();
    ACCEPT_WITH_DATA_SEEN(LAW_SEEN)
    struct judged judged = {"E5", judge_accept_with_data(&seen)};
    return law_print(&line, &judged, 1);
}
