#include "laws/shared/relay_forms.h"

#include "laws/shared/stream.h"

#include <process.h>

static void write_block(HANDLE disk, const char *bytes) {
    DWORD wrote = 0;
    law_require(WriteFile(disk, bytes, PUMP_BLOCK, &wrote, NULL) && wrote == PUMP_BLOCK,
                "WriteFile");
}

static void run_blocking(struct relay *relay) {
    for (uint32_t i = 0; i < relay->blocks; i++) {
        stream_receive(relay->socket, pump_slot(0), PUMP_BLOCK);
        LONG64 before = *relay->sent;
        write_block(relay->disk->handle, pump_slot(0));
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
        write_block(self->relay->disk->handle, pump_slot(i));
        InterlockedDecrement(&self->queued);
        ReleaseSemaphore(self->empty, 1, NULL);
    }
    return 0;
}

static void run_writer_thread(struct relay *relay) {
    struct writer writer = {.relay = relay,
                            .full = CreateSemaphoreW(NULL, 0, PUMP_QUEUE, NULL),
                            .empty = CreateSemaphoreW(NULL, PUMP_QUEUE, PUMP_QUEUE, NULL)};
    law_require(writer.full && writer.empty, "CreateSemaphoreW");
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, write_queue, &writer, 0, NULL);
    law_require(thread != NULL, "_beginthreadex");
    for (uint32_t i = 0; i < relay->blocks; i++) {
        law_wait(writer.empty); /* back-pressure: a full queue receives nothing */
        stream_receive(relay->socket, pump_slot(i), PUMP_BLOCK);
        relay->overfull |= InterlockedIncrement(&writer.queued) > PUMP_QUEUE;
        ReleaseSemaphore(writer.full, 1, NULL);
    }
    law_wait(thread);
    CloseHandle(thread);
    CloseHandle(writer.full);
    CloseHandle(writer.empty);
}

static struct pump pump_of(const struct relay *relay) {
    return (struct pump){
        .source = (HANDLE)relay->socket, .sink = relay->disk->handle, .blocks = relay->blocks};
}

static void run_port(struct relay *relay) {
    struct pump pump = pump_of(relay);
    pump_by_port(&pump);
    relay->overfull = pump.overfull;
}

static void run_pool(struct relay *relay) {
    struct pump pump = pump_of(relay);
    pump_by_pool(&pump);
    relay->overfull = pump.overfull;
}

void relay_run(struct relay *relay, enum relay_form form) {
    static void (*const forms[RELAY_FORMS])(struct relay *) = {run_blocking, run_writer_thread,
                                                               run_port, run_pool};
    forms[form](relay);
}
