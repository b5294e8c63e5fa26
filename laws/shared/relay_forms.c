#include "laws/shared/relay_forms.h"

#include "laws/shared/stream.h"

#include <process.h>

static char *queue_memory(void) {
    static char *memory;
    if (!memory)
        memory = file_memory((size_t)RELAY_QUEUE * RELAY_BLOCK);
    return memory;
}

static char *slot(uint32_t block) {
    return queue_memory() + (size_t)(block % RELAY_QUEUE) * RELAY_BLOCK;
}

static void write_block(HANDLE disk, const char *bytes) {
    DWORD wrote = 0;
    law_require(WriteFile(disk, bytes, RELAY_BLOCK, &wrote, NULL) && wrote == RELAY_BLOCK,
                "WriteFile");
}

static void run_blocking(struct relay *relay) {
    for (uint32_t i = 0; i < relay->blocks; i++) {
        stream_receive(relay->socket, slot(0), RELAY_BLOCK);
        LONG64 before = *relay->sent;
        write_block(relay->disk->handle, slot(0));
        relay->sent_during_writes += (uint64_t)(*relay->sent - before);
    }
}

struct writer {
    struct relay *relay;
    HANDLE full, empty; /* semaphores: blocks to write, slots to fill */
    volatile LONG queued;
};

static unsigned __stdcall write_queue(void *argument) {
    struct writer *self = argument;
    for (uint32_t i = 0; i < self->relay->blocks; i++) {
        law_wait(self->full);
        write_block(self->relay->disk->handle, slot(i));
        InterlockedDecrement(&self->queued);
        ReleaseSemaphore(self->empty, 1, NULL);
    }
    return 0;
}

static void run_writer_thread(struct relay *relay) {
    struct writer writer = {.relay = relay,
                            .full = CreateSemaphoreW(NULL, 0, RELAY_QUEUE, NULL),
                            .empty = CreateSemaphoreW(NULL, RELAY_QUEUE, RELAY_QUEUE, NULL)};
    law_require(writer.full && writer.empty, "CreateSemaphoreW");
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, write_queue, &writer, 0, NULL);
    law_require(thread != NULL, "_beginthreadex");
    for (uint32_t i = 0; i < relay->blocks; i++) {
        law_wait(writer.empty); /* back-pressure: a full queue receives nothing */
        stream_receive(relay->socket, slot(i), RELAY_BLOCK);
        relay->overfull |= InterlockedIncrement(&writer.queued) > RELAY_QUEUE;
        ReleaseSemaphore(writer.full, 1, NULL);
    }
    law_wait(thread);
    CloseHandle(thread);
    CloseHandle(writer.full);
    CloseHandle(writer.empty);
}

/* One receive and one write are outstanding. Blocks written … received wait in the queue; `part`
 * bytes of the next one have arrived. */
struct overlapped_relay {
    struct relay *relay;
    OVERLAPPED receiving, writing;
    uint32_t received, written, part;
    bool receive_outstanding, write_outstanding;
};

static void start_what_can(struct overlapped_relay *self) {
    struct relay *relay = self->relay;
    if (!self->receive_outstanding && self->received < relay->blocks &&
        self->received - self->written < RELAY_QUEUE) {
        WSABUF buffer = {RELAY_BLOCK - self->part, slot(self->received) + self->part};
        DWORD flags = 0;
        int result = WSARecv(relay->socket, &buffer, 1, NULL, &flags, &self->receiving, NULL);
        law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
        self->receive_outstanding = true;
    }
    if (!self->write_outstanding && self->written < self->received) {
        BOOL good =
            WriteFile(relay->disk->handle, slot(self->written), RELAY_BLOCK, NULL, &self->writing);
        law_require(good || GetLastError() == ERROR_IO_PENDING, "WriteFile");
        self->write_outstanding = true;
    }
}

static void run_overlapped(struct relay *relay) {
    struct overlapped_relay self = {.relay = relay};
    HANDLE port = CreateIoCompletionPort((HANDLE)relay->socket, NULL, 0, 0);
    law_require(port && CreateIoCompletionPort(relay->disk->handle, port, 0, 0) == port,
                "CreateIoCompletionPort");
    while (self.written < relay->blocks) {
        DWORD bytes = 0;
        ULONG_PTR key;
        OVERLAPPED *overlapped = NULL;
        start_what_can(&self);
        law_require(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, LAW_DEADLINE_MS) &&
                        bytes > 0,
                    "GetQueuedCompletionStatus");
        if (overlapped == &self.writing) {
            self.write_outstanding = false;
            self.written++;
            continue;
        }
        self.receive_outstanding = false;
        self.part += bytes;
        if (self.part == RELAY_BLOCK) {
            self.received++;
            self.part = 0;
            relay->overfull |= self.received - self.written > RELAY_QUEUE;
        }
    }
    CloseHandle(port);
}

void relay_run(struct relay *relay, enum relay_form form) {
    static void (*const forms[RELAY_FORMS])(struct relay *) = {run_blocking, run_writer_thread,
                                                               run_overlapped};
    forms[form](relay);
}
