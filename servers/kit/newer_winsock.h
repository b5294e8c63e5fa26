/* Declarations of Winsock that the headers of MinGW-w64 or of an older SDK lack: registered I/O
 * (Windows 8) and socket notifications (Windows 11, Server 2022). The functions are found at run
 * time and never linked, so the program also starts where they are missing.
 *
 * Source: Microsoft's documentation of mswsock.h and winsock2.h. */
#ifndef IOMODELS_NEWER_WINSOCK_H
#define IOMODELS_NEWER_WINSOCK_H

#include <winsock2.h>
#include <mswsock.h>
#include <windows.h>

#ifndef SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER
#define SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER _WSAIORW(IOC_WS2, 36)
#endif
#ifndef WSA_FLAG_REGISTERED_IO
#define WSA_FLAG_REGISTERED_IO 0x100
#endif

#ifndef RIO_MSG_DONT_NOTIFY
#define RIO_CORRUPT_CQ       0xFFFFFFFFul
#define RIO_INVALID_BUFFERID ((RIO_BUFFERID)(ULONG_PTR)0xFFFFFFFF)
#define RIO_INVALID_CQ       ((RIO_CQ)0)
#define RIO_INVALID_RQ       ((RIO_RQ)0)

typedef struct RIO_BUFFERID_t *RIO_BUFFERID; /* a registered range of memory */
typedef struct RIO_CQ_t *RIO_CQ;             /* a queue of completions */
typedef struct RIO_RQ_t *RIO_RQ;             /* a socket's queue of requests */

typedef struct _RIO_BUF {
    RIO_BUFFERID BufferId;
    ULONG Offset, Length; /* bytes */
} RIO_BUF, *PRIO_BUF;

typedef struct _RIORESULT {
    LONG Status; /* an error of Winsock */
    ULONG BytesTransferred;
    ULONGLONG SocketContext, RequestContext;
} RIORESULT, *PRIORESULT;

typedef enum _RIO_NOTIFICATION_COMPLETION_TYPE {
    RIO_EVENT_COMPLETION = 1,
    RIO_IOCP_COMPLETION = 2,
} RIO_NOTIFICATION_COMPLETION_TYPE;

typedef struct _RIO_NOTIFICATION_COMPLETION {
    RIO_NOTIFICATION_COMPLETION_TYPE Type;
    union {
        struct {
            HANDLE EventHandle;
            BOOL NotifyReset;
        } Event;
        struct {
            HANDLE IocpHandle;
            PVOID CompletionKey, Overlapped;
        } Iocp;
    };
} RIO_NOTIFICATION_COMPLETION, *PRIO_NOTIFICATION_COMPLETION;

typedef BOOL(PASCAL *LPFN_RIORECEIVE)(RIO_RQ, PRIO_BUF, ULONG, DWORD, PVOID);
typedef int(PASCAL *LPFN_RIORECEIVEEX)(RIO_RQ, PRIO_BUF, ULONG, PRIO_BUF, PRIO_BUF, PRIO_BUF,
                                       PRIO_BUF, DWORD, PVOID);
typedef BOOL(PASCAL *LPFN_RIOSEND)(RIO_RQ, PRIO_BUF, ULONG, DWORD, PVOID);
typedef BOOL(PASCAL *LPFN_RIOSENDEX)(RIO_RQ, PRIO_BUF, ULONG, PRIO_BUF, PRIO_BUF, PRIO_BUF,
                                     PRIO_BUF, DWORD, PVOID);
typedef VOID(PASCAL *LPFN_RIOCLOSECOMPLETIONQUEUE)(RIO_CQ);
typedef RIO_CQ(PASCAL *LPFN_RIOCREATECOMPLETIONQUEUE)(DWORD, PRIO_NOTIFICATION_COMPLETION);
typedef RIO_RQ(PASCAL *LPFN_RIOCREATEREQUESTQUEUE)(SOCKET, ULONG, ULONG, ULONG, ULONG, RIO_CQ,
                                                   RIO_CQ, PVOID);
typedef ULONG(PASCAL *LPFN_RIODEQUEUECOMPLETION)(RIO_CQ, PRIORESULT, ULONG);
typedef VOID(PASCAL *LPFN_RIODEREGISTERBUFFER)(RIO_BUFFERID);
typedef INT(PASCAL *LPFN_RIONOTIFY)(RIO_CQ);
typedef RIO_BUFFERID(PASCAL *LPFN_RIOREGISTERBUFFER)(PCHAR, DWORD);
typedef BOOL(PASCAL *LPFN_RIORESIZECOMPLETIONQUEUE)(RIO_CQ, DWORD);
typedef BOOL(PASCAL *LPFN_RIORESIZEREQUESTQUEUE)(RIO_RQ, DWORD, DWORD);

typedef struct _RIO_EXTENSION_FUNCTION_TABLE {
    DWORD cbSize;
    LPFN_RIORECEIVE RIOReceive;
    LPFN_RIORECEIVEEX RIOReceiveEx;
    LPFN_RIOSEND RIOSend;
    LPFN_RIOSENDEX RIOSendEx;
    LPFN_RIOCLOSECOMPLETIONQUEUE RIOCloseCompletionQueue;
    LPFN_RIOCREATECOMPLETIONQUEUE RIOCreateCompletionQueue;
    LPFN_RIOCREATEREQUESTQUEUE RIOCreateRequestQueue;
    LPFN_RIODEQUEUECOMPLETION RIODequeueCompletion;
    LPFN_RIODEREGISTERBUFFER RIODeregisterBuffer;
    LPFN_RIONOTIFY RIONotify;
    LPFN_RIOREGISTERBUFFER RIORegisterBuffer;
    LPFN_RIORESIZECOMPLETIONQUEUE RIOResizeCompletionQueue;
    LPFN_RIORESIZEREQUESTQUEUE RIOResizeRequestQueue;
} RIO_EXTENSION_FUNCTION_TABLE, *PRIO_EXTENSION_FUNCTION_TABLE;

#define WSAID_MULTIPLE_RIO                                                                         \
    {                                                                                              \
        0x8509e081, 0x96dd, 0x4005, {                                                              \
            0xb1, 0x65, 0x9e, 0x2e, 0xe8, 0xc7, 0x9e, 0x3f                                         \
        }                                                                                          \
    }
#endif

#ifndef SOCK_NOTIFY_OP_NONE
typedef struct SOCK_NOTIFY_REGISTRATION {
    SOCKET socket;
    PVOID completionKey;
    UINT16 eventFilter;
    UINT8 operation, triggerFlags;
    DWORD registrationResult; /* an error of Windows */
} SOCK_NOTIFY_REGISTRATION;

#define SOCK_NOTIFY_REGISTER_EVENT_NONE   0x00
#define SOCK_NOTIFY_REGISTER_EVENT_IN     0x01
#define SOCK_NOTIFY_REGISTER_EVENT_OUT    0x02
#define SOCK_NOTIFY_REGISTER_EVENT_HANGUP 0x04
#define SOCK_NOTIFY_EVENT_ERR             0x40
#define SOCK_NOTIFY_EVENT_REMOVE          0x80
#define SOCK_NOTIFY_OP_NONE               0x00
#define SOCK_NOTIFY_OP_ENABLE             0x01
#define SOCK_NOTIFY_OP_DISABLE            0x02
#define SOCK_NOTIFY_OP_REMOVE             0x04
#define SOCK_NOTIFY_TRIGGER_ONESHOT       0x01
#define SOCK_NOTIFY_TRIGGER_PERSISTENT    0x02
#define SOCK_NOTIFY_TRIGGER_LEVEL         0x04
#define SOCK_NOTIFY_TRIGGER_EDGE          0x08
#endif

typedef DWORD(WSAAPI *process_socket_notifications)(HANDLE, UINT32, SOCK_NOTIFY_REGISTRATION *,
                                                    UINT32, ULONG, OVERLAPPED_ENTRY *, UINT32 *);

#endif
