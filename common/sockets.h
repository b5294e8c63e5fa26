/* The few socket calls that differ between Windows and POSIX and that both need. */
#ifndef IOMODELS_SOCKETS_H
#define IOMODELS_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
typedef SOCKET socket_handle;
#define SOCKET_NONE INVALID_SOCKET
#else
#include <netinet/in.h>
#include <sys/socket.h>
typedef int socket_handle;
#define SOCKET_NONE (-1)
#endif

/* WSAStartup where there is one; false with a line on stderr. Once a process. */
bool sockets_start(const char *program);

/* A numeric IPv4 address and a port; false if `host` is not one. */
bool sockets_address(const char *host, uint32_t port, struct sockaddr_in *address);

/* The first octet is 127: every address of 127.0.0.0/8 is this machine's. */
bool sockets_loopback(const struct sockaddr_in *address);

/* From where to where. Without `bound` the system chooses the source; it chooses the port always. */
struct sockets_route {
    struct sockaddr_in server, source;
    bool bound;
};

/* A socket that may be connected along `route`: non-blocking, without Nagle's algorithm; on Windows it can do
   overlapped I/O. SOCKET_NONE: `error` holds the system's code. */
socket_handle sockets_open(const struct sockets_route *, int *error);

/* Connects one within `timeout_ms`. SOCKET_NONE: `error` holds the system's code. */
socket_handle sockets_connect(const struct sockets_route *, uint32_t timeout_ms, int *error);

/* The error of a connect that has ended, 0 if it succeeded. */
int sockets_connect_error(socket_handle);

/* Closes by RST instead of FIN: the connection is gone at once and leaves no TIME_WAIT. */
void sockets_abort(socket_handle);

void sockets_close(socket_handle);

/* The system's words for an error code, written into `text`, which is also what it returns. */
enum { SOCKETS_ERROR_TEXT_BYTES = 256 };
const char *sockets_error_text(int error, char text[SOCKETS_ERROR_TEXT_BYTES]);

#endif
