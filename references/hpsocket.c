/* HP-Socket: a server of a DLL calls the program once per event, on worker threads of its own.
 *
 * Below it is a completion port. The program has no sockets and no buffers: it gets received bytes
 * in a callback, and HP_Server_Send() copies what it is given. The DLL is loaded at run time. It is
 * an ANSI build, so strings are char, although the headers of HP-Socket say TCHAR.
 *
 * HP_Server_Send() never refuses: unsent replies pile up in memory. A program could pause a client by
 * HP_Server_PauseReceive(). With 8 threads the bytes of HP-Socket 5.1.1 then came in another order in
 * our tests. So this program does not pause. */
#include "reference.h"

#include <winsock2.h>
#include <windows.h>
#include <stdbool.h>
#include <stdio.h>

#define DLL "HPSocket4C_amd64_64.dll"

/* The part of HPSocket4C.h that an echo server needs. */
typedef struct hp_server *hp_server;
typedef struct hp_listener *hp_listener;
typedef ULONG_PTR hp_client;
typedef enum { HP_OK, HP_IGNORE, HP_ERROR } hp_answer;
typedef hp_answer(__stdcall *hp_on_accept)(hp_server, hp_client, UINT_PTR socket);
typedef hp_answer(__stdcall *hp_on_data)(hp_server, hp_client, const BYTE *, int length);

/* clang-format off */
#define HP_FUNCTIONS(X)                                                                         \
    X(DWORD, HP_GetHPSocketVersion, (void))                                                     \
    X(hp_listener, Create_HP_TcpServerListener, (void))                                         \
    X(hp_server, Create_HP_TcpServer, (hp_listener))                                            \
    X(void, HP_Set_FN_Server_OnAccept, (hp_listener, hp_on_accept))                             \
    X(void, HP_Set_FN_Server_OnReceive, (hp_listener, hp_on_data))                              \
    X(void, HP_Server_SetWorkerThreadCount, (hp_server, DWORD))                                 \
    X(void, HP_TcpServer_SetSocketListenQueue, (hp_server, DWORD))                              \
    X(void, HP_TcpServer_SetAcceptSocketCount, (hp_server, DWORD))                              \
    X(void, HP_TcpServer_SetSocketBufferSize, (hp_server, DWORD))                               \
    X(BOOL, HP_Server_Start, (hp_server, const char *host, USHORT port))                        \
    X(BOOL, HP_Server_Stop, (hp_server))                                                        \
    X(BOOL, HP_Server_Send, (hp_server, hp_client, const BYTE *, int length))                   \
    X(BOOL, HP_Server_GetListenAddress, (hp_server, char *, int *length, USHORT *port))         \
    X(const char *, HP_Server_GetLastErrorDesc, (hp_server))                                    \
    X(void, Destroy_HP_TcpServer, (hp_server))                                                  \
    X(void, Destroy_HP_TcpServerListener, (hp_listener))
/* clang-format on */

#define DECLARE(result, name, arguments) static result(__stdcall *name) arguments;
HP_FUNCTIONS(DECLARE)

static struct reference reference;
static HANDLE ended;

/* Sets each function pointer. Returns false after a line on stderr. */
static bool load(void) {
    HMODULE library = LoadLibraryA(DLL);
    if (!library) {
        reference_failed(&reference, "load " DLL, "`iomodels setup --references` provides it");
        return false;
    }
#define FIND(result, name, arguments)                                                              \
    name = (result(__stdcall *) arguments)(void (*)(void))GetProcAddress(library, #name);          \
    if (!name) {                                                                                   \
        reference_failed(&reference, "use " DLL, "it lacks " #name);                               \
        return false;                                                                              \
    }
    HP_FUNCTIONS(FIND)
    return true;
}

static const char *version(void) {
    static char text[16] = "unavailable";
    if (load()) {
        DWORD number = HP_GetHPSocketVersion(); /* a byte per part */
        snprintf(text, sizeof text, "%u.%u.%u", (unsigned)(number >> 24 & 255),
                 (unsigned)(number >> 16 & 255), (unsigned)(number >> 8 & 255));
    }
    return text;
}

/* HP-Socket tries to receive more after a receive that filled its buffer. On a socket in blocking
 * mode, as Wine accepts it, that stops the worker thread. */
static hp_answer __stdcall on_accept(hp_server server, hp_client client, UINT_PTR socket) {
    BOOL no_delay = TRUE;
    u_long no_block = TRUE;
    (void)server, (void)client;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&no_delay, sizeof no_delay);
    ioctlsocket(socket, (long)FIONBIO, &no_block);
    return HP_OK;
}

static hp_answer __stdcall on_receive(hp_server server, hp_client client, const BYTE *data,
                                      int length) {
    return HP_Server_Send(server, client, data, length) ? HP_OK : HP_ERROR; /* closes the client */
}

static void stop(void *unused) {
    (void)unused;
    SetEvent(ended);
}

static int serve(hp_server server) {
    char address[64];
    int length = sizeof address;
    USHORT port;
    if (!HP_Server_Start(server, reference.host, (USHORT)reference.port))
        return reference_failed(&reference, "listen", HP_Server_GetLastErrorDesc(server));
    if (!HP_Server_GetListenAddress(server, address, &length, &port))
        return reference_failed(&reference, "ask for the port", HP_Server_GetLastErrorDesc(server));
    if (!reference_ready(&reference, port, stop, NULL))
        return 1;
    WaitForSingleObject(ended, INFINITE);
    HP_Server_Stop(server);
    return 0;
}

int main(int argc, char **argv) {
    enum { ACCEPTS = 16 };
    reference = (struct reference){
        .program = "reference_hpsocket",
        .framework = "HP-Socket",
        .version = version,
        .backlog = "SOMAXCONN",
        .details = "style=callbacks accepts=16",
        .summary = "An echo server on the TCP server of HP-Socket.",
        .max_threads = 500,
    };
    reference_options(&reference, argc, argv);
    ended = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!ended || !load())
        return 1;
    hp_listener listener = Create_HP_TcpServerListener();
    hp_server server = Create_HP_TcpServer(listener);
    HP_Set_FN_Server_OnAccept(listener, on_accept);
    HP_Set_FN_Server_OnReceive(listener, on_receive);
    HP_Server_SetWorkerThreadCount(server, reference.threads);
    HP_TcpServer_SetSocketListenQueue(server, SOMAXCONN); /* it rejects negative numbers */
    HP_TcpServer_SetAcceptSocketCount(server, ACCEPTS);
    HP_TcpServer_SetSocketBufferSize(server, REFERENCE_BUFFER);
    int code = serve(server);
    Destroy_HP_TcpServer(server);
    Destroy_HP_TcpServerListener(listener);
    return code;
}
