/* A bare echo server on a completion port: the model's cost without any other work.
 *
 * One worker thread; no frames, no counters, no limit, no orderly stop: it echoes all bytes. It is
 * the baseline of bench_iocp.py, which compares servers/iocp.c with it. Prints a ready event, and
 * ends when stdin closes. */
#include <winsock2.h>
#include <windows.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>

struct client {
    OVERLAPPED overlapped;
    SOCKET socket;
    BOOL sending;
    char data[16384];
};

static HANDLE port;

static void start(struct client *client, BOOL sending, DWORD bytes) {
    WSABUF buffer = {.buf = client->data, .len = bytes};
    DWORD flags = 0;
    client->overlapped = (OVERLAPPED){0};
    client->sending = sending;
    int result = sending
                     ? WSASend(client->socket, &buffer, 1, NULL, 0, &client->overlapped, NULL)
                     : WSARecv(client->socket, &buffer, 1, NULL, &flags, &client->overlapped, NULL);
    if (result == SOCKET_ERROR && WSAGetLastError() != WSA_IO_PENDING) {
        closesocket(client->socket);
        free(client);
    }
}

static unsigned __stdcall work(void *unused) {
    (void)unused;
    for (;;) {
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *overlapped;
        BOOL good = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, INFINITE);
        if (!overlapped)
            return 1;
        struct client *client = CONTAINING_RECORD(overlapped, struct client, overlapped);
        if (good && bytes > 0) {
            start(client, !client->sending, client->sending ? sizeof client->data : bytes);
        } else {
            closesocket(client->socket);
            free(client);
        }
    }
}

static unsigned __stdcall accept_clients(void *listener) {
    for (;;) {
        SOCKET socket = accept(*(SOCKET *)listener, NULL, NULL);
        struct client *client = malloc(sizeof *client);
        int on = 1;
        if (socket == INVALID_SOCKET || !client)
            exit(EXIT_FAILURE);
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
        client->socket = socket;
        CreateIoCompletionPort((HANDLE)socket, port, 0, 0);
        start(client, FALSE, sizeof client->data);
    }
}

int main(void) {
    WSADATA data;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int length = sizeof address;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        return EXIT_FAILURE;
    SOCKET listener = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0 || !port ||
        !_beginthreadex(NULL, 0, work, NULL, 0, NULL) ||
        !_beginthreadex(NULL, 0, accept_clients, &listener, 0, NULL))
        return EXIT_FAILURE;
    printf("{\"event\":\"ready\",\"format\":1,\"port\":%u}\n", ntohs(address.sin_port));
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return EXIT_SUCCESS;
}
