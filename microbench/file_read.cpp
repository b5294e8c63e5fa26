/* Reading a cached file, 256 bytes to 1 MiB, and five ways to learn of the completion (claims B7,
 * C6). */
#include "windows_bench.h"

namespace {

constexpr DWORD FILE_BYTES = 4 << 20;

char byte_at(DWORD offset) {
    return static_cast<char>(offset ^ (offset >> 8) ^ (offset >> 16));
}

/* One file for the whole program, which Windows deletes when the program ends. */
const std::wstring &file_name() {
    static std::wstring name;
    static Handle kept;
    if (!name.empty())
        return name;
    wchar_t folder[MAX_PATH], file[MAX_PATH];
    if (GetTempPathW(MAX_PATH, folder) == 0 || GetTempFileNameW(folder, L"iom", 0, file) == 0)
        return name;
    static Handle writer(CreateFileW(
        file, GENERIC_WRITE | DELETE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
        nullptr, CREATE_ALWAYS, FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, nullptr));
    std::vector<char> content(FILE_BYTES);
    for (DWORD i = 0; i < FILE_BYTES; i++)
        content[i] = byte_at(i);
    DWORD written;
    if (WriteFile(writer, content.data(), FILE_BYTES, &written, nullptr) && written == FILE_BYTES)
        name = file;
    return name;
}

struct Reader {
    Reader(benchmark::State &state, DWORD flags)
        : size(static_cast<DWORD>(state.range(0))), buffer(size),
          file(CreateFileW(file_name().c_str(), GENERIC_READ,
                           FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                           OPEN_EXISTING, flags, nullptr)) {
        if (!file)
            fail_call(state, "CreateFileW", GetLastError());
    }

    /* Returns the position of the next read, cyclic through the file. */
    OVERLAPPED *next() {
        offset = (offset + size) % FILE_BYTES;
        overlapped.Internal = overlapped.InternalHigh = 0;
        overlapped.Offset = offset;
        return &overlapped;
    }

    /* Starts the read. Returns false if that fails. */
    bool start() {
        return ReadFile(file, buffer.data(), size, nullptr, next()) ||
               GetLastError() == ERROR_IO_PENDING;
    }

    /* Call it after the loop: the last read must have returned the bytes at its position. */
    void check(benchmark::State &state, bool whole) const {
        for (DWORD i = 0; i < size && whole; i++)
            whole = buffer[i] == byte_at(offset + i);
        expect(state, whole, "a read failed, was too short, or returned wrong bytes");
        state.SetBytesProcessed(state.iterations() * size);
    }

    DWORD size, offset = 0;
    std::vector<char> buffer;
    Handle file;
    OVERLAPPED overlapped = {};
};

void synchronous(benchmark::State &state) {
    Reader reader(state, 0);
    bool whole = true;
    Measured measured(state);
    for (auto _ : state) {
        DWORD bytes = 0;
        whole &= ReadFile(reader.file, reader.buffer.data(), reader.size, &bytes, reader.next()) &&
                 bytes == reader.size;
    }
    measured.end();
    reader.check(state, whole);
}

void by_event(benchmark::State &state) {
    Reader reader(state, FILE_FLAG_OVERLAPPED);
    Handle event(make_event());
    reader.overlapped.hEvent = event;
    bool whole = true;
    Measured measured(state);
    for (auto _ : state) {
        DWORD bytes = 0;
        whole &= reader.start() && WaitForSingleObject(event, DEADLINE_MS) == WAIT_OBJECT_0 &&
                 GetOverlappedResult(reader.file, &reader.overlapped, &bytes, FALSE) &&
                 bytes == reader.size;
        if (!whole)
            break;
    }
    measured.end();
    reader.check(state, whole);
}

void CALLBACK on_read(DWORD error, DWORD bytes, OVERLAPPED *overlapped) {
    /* a completion routine leaves hEvent to the program */
    auto *done = static_cast<DWORD *>(overlapped->hEvent);
    *done = error == ERROR_SUCCESS ? bytes : 0;
}

void by_apc(benchmark::State &state) {
    Reader reader(state, FILE_FLAG_OVERLAPPED);
    DWORD done = 0;
    reader.overlapped.hEvent = &done;
    bool whole = true;
    Measured measured(state);
    for (auto _ : state) {
        done = 0;
        whole &=
            ReadFileEx(reader.file, reader.buffer.data(), reader.size, reader.next(), on_read) &&
            SleepEx(DEADLINE_MS, TRUE) == WAIT_IO_COMPLETION && done == reader.size;
        if (!whole)
            break;
    }
    measured.end();
    reader.check(state, whole);
}

void by_port(benchmark::State &state) {
    Reader reader(state, FILE_FLAG_OVERLAPPED);
    Handle port(CreateIoCompletionPort(reader.file, nullptr, 0, 0));
    bool whole = true;
    Measured measured(state);
    for (auto _ : state) {
        DWORD bytes = 0;
        ULONG_PTR key;
        OVERLAPPED *which;
        whole &= reader.start() &&
                 GetQueuedCompletionStatus(port, &bytes, &key, &which, DEADLINE_MS) &&
                 which == &reader.overlapped && bytes == reader.size;
        if (!whole)
            break;
    }
    measured.end();
    reader.check(state, whole);
}

struct PoolRead {
    Handle done{make_event()};
    ULONG_PTR bytes = 0;
};

void CALLBACK on_pool_read(PTP_CALLBACK_INSTANCE, void *context, void *, ULONG error,
                           ULONG_PTR bytes, PTP_IO) {
    auto *read = static_cast<PoolRead *>(context);
    read->bytes = error == NO_ERROR ? bytes : 0;
    SetEvent(read->done);
}

/* The callback runs in a thread of the default pool, which then wakes this thread. */
void by_pool(benchmark::State &state) {
    Reader reader(state, FILE_FLAG_OVERLAPPED);
    PoolRead read;
    PTP_IO io =
        reader.file ? CreateThreadpoolIo(reader.file, on_pool_read, &read, nullptr) : nullptr;
    if (!io)
        return fail_call(state, "CreateThreadpoolIo", GetLastError());
    bool whole = true;
    Measured measured(state);
    for (auto _ : state) {
        StartThreadpoolIo(io);
        if (!reader.start()) {
            CancelThreadpoolIo(io);
            whole = false;
        }
        whole = whole && WaitForSingleObject(read.done, DEADLINE_MS) == WAIT_OBJECT_0 &&
                read.bytes == reader.size;
        if (!whole)
            break;
    }
    measured.end();
    WaitForThreadpoolIoCallbacks(io, FALSE);
    CloseThreadpoolIo(io);
    reader.check(state, whole);
}

void sizes(benchmark::internal::Benchmark *benchmark) {
    benchmark->ArgName("bytes")->Arg(256)->Arg(4 << 10)->Arg(64 << 10)->Arg(1 << 20)->UseRealTime();
}

} // namespace

BENCHMARK(synchronous)->Name("file_read/synchronous")->Apply(sizes);
BENCHMARK(by_event)->Name("file_read/event")->Apply(sizes);
BENCHMARK(by_apc)->Name("file_read/completion_routine")->Apply(sizes);
BENCHMARK(by_port)->Name("file_read/completion_port")->Apply(sizes);
BENCHMARK(by_pool)->Name("file_read/thread_pool")->Apply(sizes);
