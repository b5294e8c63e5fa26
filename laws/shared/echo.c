#include "laws/shared/echo.h"

#include "laws/shared/threads.h"

#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One receive, and then the send of what it received. */
struct echo_operation {
    OVERLAPPED overlapped;
    SOCKET socket;
    bool sending;
    char buffer[ECHO_MESSAGE];
};

struct echo {
    struct echo_settings settings;
    HANDLE port;
    SOCKET *clients;
    HANDLE workers[LAW_WORKERS_MAX];
};

static void require_started(int result, const char *what) {
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, what);
}

static void receive(struct echo *echo, struct echo_operation *operation) {
    SOCKET socket = operation->socket;
    if (echo->settings.allocate) {
        free(operation);
        operation = malloc(sizeof *operation);
        law_require(operation != NULL, "malloc");
        operation->socket = socket;
    }
    operation->overlapped = (OVERLAPPED){0};
    operation->sending = false;
    WSABUF buffer = {echo->settings.buffer_bytes, operation->buffer};
    DWORD flags = 0;
    require_started(WSARecv(socket, &buffer, 1, NULL, &flags, &operation->overlapped, NULL),
                    "WSARecv");
}

static void print(HANDLE out, const struct echo_operation *operation, DWORD bytes) {
    char text[80];
    DWORD wrote;
    int length = snprintf(text, sizeof text, "message received: %lu bytes, socket %llu\n",
                          (unsigned long)bytes, (unsigned long long)operation->socket);
    law_require(WriteFile(out, text, (DWORD)length, &wrote, NULL), "WriteFile");
}

static void on_packet(struct echo *echo, struct echo_operation *operation, DWORD bytes) {
    law_require(bytes > 0, "a client left");
    if (operation->sending) {
        receive(echo, operation);
        return;
    }
    if (echo->settings.print)
        print(echo->settings.print, operation, bytes);
    operation->overlapped = (OVERLAPPED){0};
    operation->sending = true;
    WSABUF buffer = {bytes, operation->buffer};
    require_started(WSASend(operation->socket, &buffer, 1, NULL, 0, &operation->overlapped, NULL),
                    "WSASend");
}

static unsigned __stdcall work(void *argument) {
    struct echo *echo = argument;
    threads_pin(false);
    for (;;) {
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *overlapped;
        BOOL good = GetQueuedCompletionStatus(echo->port, &bytes, &key, &overlapped, INFINITE);
        if (!overlapped) /* the end of this run */
            return 0;
        law_require(good, "GetQueuedCompletionStatus");
        on_packet(echo, CONTAINING_RECORD(overlapped, struct echo_operation, overlapped), bytes);
    }
}

struct echo *echo_open(const struct echo_settings *settings) {
    struct echo *echo = calloc(1, sizeof *echo);
    law_require(echo && (echo->clients = calloc(settings->sockets, sizeof(SOCKET))) != NULL,
                "calloc");
    echo->settings = *settings;
    echo->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    law_require(echo->port != NULL, "CreateIoCompletionPort");
    for (uint32_t i = 0; i < settings->sockets; i++) {
        SOCKET pair[2];
        BOOL yes = TRUE;
        struct echo_operation *operation = calloc(1, sizeof *operation);
        law_require(operation != NULL, "calloc");
        law_pair(pair);
        for (int end = 0; end < 2; end++)
            setsockopt(pair[end], IPPROTO_TCP, TCP_NODELAY, (const char *)&yes, sizeof yes);
        law_require(CreateIoCompletionPort((HANDLE)pair[1], echo->port, 1, 0) != NULL,
                    "CreateIoCompletionPort");
        echo->clients[i] = pair[0];
        operation->socket = pair[1];
        receive(echo, operation);
    }
    return echo;
}

static void converse(const SOCKET *clients, uint32_t count, uint32_t batch) {
    static const char message[ECHO_MESSAGE] = "message";
    char reply[ECHO_MESSAGE];
    for (uint32_t i = 0; i < ECHO_BATCH; i++)
        law_require(send(clients[(batch * ECHO_BATCH + i) % count], message, ECHO_MESSAGE, 0) ==
                        ECHO_MESSAGE,
                    "send");
    for (uint32_t i = 0; i < ECHO_BATCH; i++)
        for (int received = 0, now; received < ECHO_MESSAGE; received += now) {
            now =
                recv(clients[(batch * ECHO_BATCH + i) % count], reply, ECHO_MESSAGE - received, 0);
            law_require(now > 0, "recv");
        }
}

uint64_t echo_converse_ns(const SOCKET *clients, uint32_t count, uint32_t batches) {
    uint64_t least_ns = UINT64_MAX;
    static const DWORD patience_ms = LAW_DEADLINE_MS;
    law_require(count >= ECHO_BATCH, "sockets");
    threads_pin(true);
    for (uint32_t i = 0; i < count; i++)
        setsockopt(clients[i], SOL_SOCKET, SO_RCVTIMEO, (const char *)&patience_ms,
                   sizeof patience_ms);
    for (uint32_t batch = 0; batch < batches; batch++) {
        uint64_t start_ns = clock_now_ns();
        converse(clients, count, batch);
        uint64_t took_ns = clock_now_ns() - start_ns;
        least_ns = took_ns < least_ns ? took_ns : least_ns;
    }
    return least_ns / ECHO_BATCH + 1;
}

uint64_t echo_message_ns(struct echo *echo, uint32_t workers, uint32_t batches) {
    law_require(workers <= LAW_WORKERS_MAX, "workers");
    for (uint32_t i = 0; i < workers; i++) {
        echo->workers[i] = (HANDLE)_beginthreadex(NULL, 0, work, echo, 0, NULL);
        law_require(echo->workers[i] != NULL, "_beginthreadex");
    }
    clock_sleep_us(LAW_SETTLE_US); /* they enter their waits */
    uint64_t message_ns = echo_converse_ns(echo->clients, echo->settings.sockets, batches);
    for (uint32_t i = 0; i < workers; i++)
        law_require(PostQueuedCompletionStatus(echo->port, 0, 0, NULL),
                    "PostQueuedCompletionStatus");
    for (uint32_t i = 0; i < workers; i++) {
        law_wait(echo->workers[i]);
        CloseHandle(echo->workers[i]);
    }
    return message_ns;
}
