/* afd: readiness from a completion port, by the driver that select() itself asks.
 *
 * select() and WSAPoll() pass their list to the driver AFD (ancillary function driver). A program
 * can ask the driver itself, without documentation, for one socket and asynchronously: the driver
 * completes the request once the socket is ready, and the packet comes through a completion port.
 * wepoll, libuv, mio and others build an epoll for Windows on it. So no list is copied or searched,
 * no buffer belongs to Windows while a client is silent, and any number of threads may wait.
 *
 * Waits: in GetQueuedCompletionStatus.
 * Cost: a request is for one socket and one time: each wait for a client takes a call to ask and a
 * packet. Windows writes the answer into the request, so it must not move or be freed meanwhile.
 * Limit: none of its own; but Microsoft does not document the driver's interface. */
#include "readiness.h"

#include <process.h>
#include <winternl.h>

enum { MAX_THREADS = 4096, ACCEPTS_PER_PACKET = 64 };

/* The driver's request and its flags, as public projects know them. */
enum { AFD_POLL = 0x00012024 };
enum {
    AFD_RECEIVE = 0x01,
    AFD_SEND = 0x04,
    AFD_DISCONNECT = 0x08,
    AFD_ABORT = 0x10,
    AFD_ACCEPT = 0x80
};
struct poll_request {
    LARGE_INTEGER timeout;
    ULONG count, exclusive;
    HANDLE socket;
    ULONG events;
    NTSTATUS status;
};
typedef NTSTATUS(NTAPI *device_control)(HANDLE, HANDLE, PVOID, PVOID, PIO_STATUS_BLOCK, ULONG,
                                        PVOID, ULONG, PVOID, ULONG);
typedef NTSTATUS(NTAPI *create_file)(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK,
                                     PLARGE_INTEGER, ULONG, ULONG, ULONG, ULONG, PVOID, ULONG);

struct client {
    IO_STATUS_BLOCK result; /* of the request; its packet leads to the client */
    struct poll_request request;
    SOCKET base; /* the socket of Winsock's own provider */
    struct connection connection;
    enum session_next waiting_for;
};

static const struct server *server;
static device_control control;
static HANDLE port, driver, workers[MAX_THREADS];
static struct client listener; /* waits like a client */
static volatile LONG asked;    /* requests without a packet */
static volatile LONG starved;  /* no handles or memory: run() asks for the listener */

static void (*of_ntdll(const char *name))(void) {
    return (void (*)(void))GetProcAddress(GetModuleHandleW(L"ntdll"), name);
}

/* Returns a handle of the driver, or NULL. */
static HANDLE open_driver(void) {
    static wchar_t name[] = L"\\Device\\Afd\\iomodels";
    UNICODE_STRING path = {sizeof name - sizeof *name, sizeof name, name};
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof attributes, .ObjectName = &path};
    IO_STATUS_BLOCK result;
    HANDLE handle = NULL;
    create_file create = (create_file)of_ntdll("NtCreateFile");
    control = (device_control)of_ntdll("NtDeviceIoControlFile");
    bool good = create && control &&
                create(&handle, SYNCHRONIZE, &attributes, &result, NULL, 0,
                       FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_OPEN, 0, NULL, 0) >= 0;
    return good ? handle : NULL;
}

/* A layered provider gives out sockets that the driver does not know. */
static bool find_base(struct client *client, SOCKET socket) {
    DWORD bytes;
    return WSAIoctl(socket, SIO_BASE_HANDLE, NULL, 0, &client->base, sizeof client->base, &bytes,
                    NULL, NULL) == 0;
}

/* Asks for a packet once the socket is ready. Returns whether the driver took the request. */
static bool ask(struct client *client, ULONG events) {
    struct poll_request *request = &client->request;
    *request = (struct poll_request){.timeout.QuadPart = INT64_MAX,
                                     .count = 1,
                                     .socket = (HANDLE)client->base,
                                     .events = events | AFD_ABORT};
    InterlockedIncrement(&asked);
    bool taken = control(driver, NULL, NULL, client, &client->result, AFD_POLL, request,
                         sizeof *request, request, sizeof *request) >= 0;
    if (!taken)
        InterlockedDecrement(&asked);
    return taken; /* then a packet comes, also if the socket is ready at once */
}

/* Asks for what the client waits for. Then it belongs to the thread that takes its packet. */
static void wait_again(struct client *client, struct stats *stats) {
    bool closing = client->waiting_for == SESSION_CLOSE || server_stopping();
    ULONG events = client->waiting_for == SESSION_SEND ? AFD_SEND : AFD_RECEIVE | AFD_DISCONNECT;
    if (!closing && ask(client, events))
        return;
    if (!closing)
        stats->failures++;
    server_dismiss(&client->connection, stats);
    free(client);
}

static void accept_clients(struct stats *stats) {
    bool short_of = false;
    for (int i = 0; i < ACCEPTS_PER_PACKET; i++) {
        SOCKET socket = readiness_accept(server, &short_of, stats);
        if (socket == INVALID_SOCKET)
            break;
        struct client *client = calloc(1, sizeof *client);
        if (!client || !find_base(client, socket)) {
            stats->failures++;
            closesocket(socket);
            free(client);
        } else if (server_admit(&client->connection, socket, stats)) {
            client->waiting_for = SESSION_RECEIVE; /* non-blocking, like the listener */
            wait_again(client, stats);
        } else {
            free(client);
        }
    }
    if (short_of || !ask(&listener, AFD_ACCEPT))
        InterlockedExchange(&starved, 1);
}

static unsigned __stdcall work(void *argument) {
    struct stats *stats = argument;
    for (;;) {
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *packet;
        GetQueuedCompletionStatus(port, &bytes, &key, &packet, INFINITE);
        if (!packet) /* a packet of run() */
            return 0;
        struct client *client = (struct client *)(void *)packet;
        stats->waits++;
        if (client == &listener) {
            if (!server_stopping())
                accept_clients(stats);
        } else {
            stats->events++;
            if (!server_stopping())
                client->waiting_for =
                    readiness_serve(&client->connection, client->waiting_for, stats);
            wait_again(client, stats);
        }
        InterlockedDecrement(&asked); /* last, because run() may now end the threads */
    }
}

/* On failure, process exit frees all. */
static bool start(void) {
    u_long on = 1; /* accepted sockets inherit it */
    driver = open_driver();
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, server->processors);
    bool good = driver && port && CreateIoCompletionPort(driver, port, 0, 0) &&
                SetFileCompletionNotificationModes(driver, FILE_SKIP_SET_EVENT_ON_HANDLE) &&
                ioctlsocket(server->listener, (long)FIONBIO, &on) == 0 &&
                find_base(&listener, server->listener);
    for (uint32_t i = 0; good && i < server->threads; i++) {
        workers[i] = (HANDLE)_beginthreadex(NULL, 0, work, server_stats(), 0, NULL);
        server_spread(workers[i]);
        good = workers[i] != NULL;
    }
    return good && ask(&listener, AFD_ACCEPT);
}

static int run(const struct server *the_server) {
    server = the_server;
    if (!start())
        return server_error("starting the requests of the driver", GetLastError());
    server_ready();
    while (!server_stopping()) {
        Sleep(SERVER_POLL_MS);
        if (InterlockedExchange(&starved, 0) && !ask(&listener, AFD_ACCEPT))
            InterlockedExchange(&starved, 1);
    }
    while (asked > 0) { /* a cancelled request has a packet, too */
        CancelIoEx(driver, NULL);
        Sleep(10);
    }
    for (uint32_t i = 0; i < server->threads; i++)
        PostQueuedCompletionStatus(port, 0, 0, NULL);
    for (uint32_t i = 0; i < server->threads; i++)
        WaitForSingleObject(workers[i], INFINITE);
    CloseHandle(driver);
    CloseHandle(port);
    return EXIT_SUCCESS;
}

static bool supported(void) {
    HANDLE handle = open_driver();
    return handle && CloseHandle(handle);
}

const struct server_model model = {
    .name = "afd",
    .summary = "The driver below select() queues a packet on a port once a socket is ready; a few "
               "threads make non-blocking calls.",
    .family = "readiness",
    .cost = "a call and a packet per wait for a client",
    .since = "Windows Vista, undocumented",
    .max_threads = MAX_THREADS,
    .supported = supported,
    .run = run,
};
