#include "common/platform.h"

#include <stdio.h>

static char name[96];

#ifdef _WIN32

#include <windows.h>

/* C converts function pointers only through void(*)(void). */
static void (*ntdll_function(const char *function))(void) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return ntdll ? (void (*)(void))GetProcAddress(ntdll, function) : NULL;
}

const char *platform_name(void) {
    typedef const char *(CDECL * wine_version_function)(void);
    wine_version_function wine_version = (wine_version_function)ntdll_function("wine_get_version");
    if (wine_version) { /* Wine reports a configurable Windows version, so use Wine's own */
        snprintf(name, sizeof name, "wine-%s", wine_version());
        return name;
    }
    /* GetVersionEx reports the version in the program's manifest; RtlGetVersion the real one. */
    typedef LONG(WINAPI * version_function)(OSVERSIONINFOEXW *);
    version_function version = (version_function)ntdll_function("RtlGetVersion");
    OSVERSIONINFOEXW os = {.dwOSVersionInfoSize = sizeof os};
    if (!version || version(&os) != 0) {
        snprintf(name, sizeof name, "windows-unknown");
        return name;
    }
    const char *edition = os.wProductType != VER_NT_WORKSTATION ? "server"
                          : os.dwBuildNumber >= 22000           ? "11"
                                                                : "10";
    snprintf(name, sizeof name, "windows-%s-%lu", edition, (unsigned long)os.dwBuildNumber);
    return name;
}

#else

#include <string.h>
#include <sys/utsname.h>

const char *platform_name(void) {
    struct utsname os;
    if (uname(&os) != 0)
        return "linux-unknown";
    size_t digits = strspn(os.release, "0123456789.");
    while (digits > 0 && os.release[digits - 1] == '.')
        digits--;
    snprintf(name, sizeof name, "linux-%.*s", (int)digits, os.release);
    return name;
}

#endif
