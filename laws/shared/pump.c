#include "laws/shared/pump.h"

#include "laws/shared/file.h"

char *pump_slot(uint32_t block) {
    static char *memory;
    if (!memory)
        memory = file_memory((size_t)PUMP_QUEUE * PUMP_BLOCK);
    return memory + (size_t)(block % PUMP_QUEUE) * PUMP_BLOCK;
}

static bool read_file(struct pump *pump) {
    uint64_t place = (uint64_t)pump->read * PUMP_BLOCK;
    pump->reading.Offset = (DWORD)place;
    pump->reading.OffsetHigh = (DWORD)(place >> 32);
    return ReadFile(pump->source, pump_slot(pump->read), PUMP_BLOCK, NULL, &pump->reading) ||
           GetLastError() == ERROR_IO_PENDING;
}

static bool receive(struct pump *pump) {
    WSABUF buffer = {PUMP_BLOCK - pump->part, pump_slot(pump->read) + pump->part};
    DWORD flags = 0;
    return WSARecv((SOCKET)pump->source, &buffer, 1, NULL, &flags, &pump->reading, NULL) == 0 ||
           WSAGetLastError() == WSA_IO_PENDING;
}

static bool write_pipe(struct pump *pump) {
    return WriteFile(pump->sink, pump_slot(pump->written), PUMP_BLOCK, NULL, &pump->writing) ||
           GetLastError() == ERROR_IO_PENDING;
}

static bool send_block(struct pump *pump) {
    WSABUF buffer = {PUMP_BLOCK, pump_slot(pump->written)};
    return WSASend((SOCKET)pump->sink, &buffer, 1, NULL, 0, &pump->writing, NULL) == 0 ||
           WSAGetLastError() == WSA_IO_PENDING;
}

static void start_read(struct pump *pump) {
    pump->reading = (OVERLAPPED){0};
    pump->read_outstanding = true;
    if (pump->source_io)
        StartThreadpoolIo(pump->source_io);
    law_require(pump->sends ? read_file(pump) : receive(pump), "ReadFile or WSARecv");
}

static void start_write(struct pump *pump) {
    pump->writing = (OVERLAPPED){0};
    pump->write_outstanding = true;
    if (pump->sink_io)
        StartThreadpoolIo(pump->sink_io);
    law_require(pump->sends ? send_block(pump) : write_pipe(pump), "WSASend or WriteFile");
}

static void start_what_can(struct pump *pump) {
    if (!pump->read_outstanding && pump->read < pump->blocks &&
        pump->read - pump->written < PUMP_QUEUE)
        start_read(pump);
    if (!pump->write_outstanding && pump->written < pump->read)
        start_write(pump);
}

static void complete(struct pump *pump, const OVERLAPPED *overlapped, uint64_t bytes) {
    if (overlapped == &pump->writing) {
        law_require(bytes == PUMP_BLOCK, "a write of a part");
        pump->write_outstanding = false;
        pump->written++;
        return;
    }
    law_require(bytes > 0, "the source ended");
    pump->read_outstanding = false;
    pump->part += (uint32_t)bytes;
    if (pump->part == PUMP_BLOCK) {
        pump->read++;
        pump->part = 0;
        pump->overfull |= pump->read - pump->written > PUMP_QUEUE;
    }
}

void pump_by_port(struct pump *pump) {
    HANDLE port = CreateIoCompletionPort(pump->source, NULL, 0, 0);
    law_require(port && CreateIoCompletionPort(pump->sink, port, 0, 0) == port,
                "CreateIoCompletionPort");
    while (pump->written < pump->blocks) {
        struct law_packet packet;
        start_what_can(pump);
        law_require(law_take(port, &packet, LAW_DEADLINE_MS) && packet.error == 0,
                    "GetQueuedCompletionStatus");
        complete(pump, packet.overlapped, packet.bytes);
    }
    CloseHandle(port);
}

static void CALLBACK on_complete(PTP_CALLBACK_INSTANCE instance, void *context, void *overlapped,
                                 ULONG error, ULONG_PTR bytes, PTP_IO io) {
    struct pump *pump = context;
    (void)instance, (void)io;
    law_require(error == 0, "an operation of the thread pool failed");
    AcquireSRWLockExclusive(&pump->lock);
    complete(pump, overlapped, bytes);
    start_what_can(pump);
    bool last = pump->written == pump->blocks;
    ReleaseSRWLockExclusive(&pump->lock);
    if (last)
        SetEvent(pump->done);
}

void pump_by_pool(struct pump *pump) {
    InitializeSRWLock(&pump->lock);
    pump->done = CreateEventW(NULL, TRUE, FALSE, NULL);
    pump->source_io = CreateThreadpoolIo(pump->source, on_complete, pump, NULL);
    pump->sink_io = CreateThreadpoolIo(pump->sink, on_complete, pump, NULL);
    law_require(pump->done && pump->source_io && pump->sink_io, "CreateThreadpoolIo");
    AcquireSRWLockExclusive(&pump->lock);
    start_what_can(pump);
    ReleaseSRWLockExclusive(&pump->lock);
    law_wait(pump->done);
    WaitForThreadpoolIoCallbacks(pump->source_io, FALSE);
    WaitForThreadpoolIoCallbacks(pump->sink_io, FALSE);
    CloseThreadpoolIo(pump->source_io);
    CloseThreadpoolIo(pump->sink_io);
    CloseHandle(pump->done);
}
