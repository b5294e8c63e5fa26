@echo off
rem iomodels for Windows: makes the Python environment, builds, then hands over to the harness. See: iomodels help
rem Nothing is installed on the system; what is missing is named. --no-install also forbids the environment in build\venv.
setlocal EnableExtensions DisableDelayedExpansion
set "ROOT=%~dp0"
set "ROOT=%ROOT:~0,-1%"
set "BUILD=%ROOT%\build"
set "NO_INSTALL=%IOMODELS_NO_INSTALL%"
if "%NO_INSTALL%"=="0" set "NO_INSTALL="
set "WORD=%~1"
if "%WORD%"=="" (
    call :usage 1>&2
    exit /b 2
)
if /i "%WORD%"=="help" goto :usage
if /i "%WORD%"=="-h" goto :usage
if /i "%WORD%"=="--help" goto :usage
set "KNOWN="
for %%W in (run report compare check models suites test setup --version) do if /i "%WORD%"=="%%W" set "KNOWN=yes"
if not defined KNOWN (
    echo iomodels: unknown word: %WORD% ^(one of: run report compare check models suites test setup help^) 1>&2
    exit /b 2
)

rem The arguments without our own option; the -- of `test -- PYTEST OPTIONS` has done its work.
set "ARGS="
:next_argument
shift
set "ARGUMENT=%~1"
if not defined ARGUMENT goto :set_up
if "%ARGUMENT%"=="--no-install" (
    set "NO_INSTALL=yes"
) else if not "%ARGUMENT%"=="--" (
    set ARGS=%ARGS% "%ARGUMENT%"
)
goto :next_argument

:set_up
if not exist "%BUILD%" mkdir "%BUILD%"
if /i "%WORD%"=="check" set "NO_INSTALL=yes"
call :python || exit /b 1
if /i not "%WORD%"=="check" call :build || exit /b 1
set "PYTHONPATH=%ROOT%"
if /i "%WORD%"=="setup" (
    echo iomodels: ready 1>&2
    exit /b 0
)
if /i "%WORD%"=="test" goto :test
"%PYTHON%" -P -m harness %WORD% %ARGS%
exit /b %ERRORLEVEL%

:test
pushd "%ROOT%"
set "FAILED=0"
ctest --preset %PRESET% || set "FAILED=1"
"%PYTHON%" -m mypy --strict || set "FAILED=1"
"%PYTHON%" -m pytest tests/py tests/servers %ARGS% || set "FAILED=1"
popd
exit /b %FAILED%

rem ---- Python: the environment build\venv, as pyproject.toml asks for it ----
:python
set "PYTHON=%BUILD%\venv\Scripts\python.exe"
fc /b "%ROOT%\pyproject.toml" "%BUILD%\venv\pyproject.toml" >nul 2>&1 && exit /b 0
if defined NO_INSTALL (
    echo iomodels: build\venv is missing or out of date, and --no-install forbids to make it 1>&2
    exit /b 1
)
set "BASE="
for %%P in ("py -3" "python") do if not defined BASE (
    %%~P -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>&1 && set "BASE=%%~P"
)
if not defined BASE (
    echo iomodels: needs Python 3.11 or newer: install it from https://www.python.org/downloads/windows/ 1>&2
    exit /b 1
)
echo iomodels: making a Python environment in build\venv 1>&2
%BASE% -m venv "%BUILD%\venv" || exit /b 1
"%PYTHON%" -c "import sys, tomllib; p = tomllib.load(open(sys.argv[1], 'rb'))['project']; print(*p['dependencies'], *p['optional-dependencies']['test'], sep='\n')" "%ROOT%\pyproject.toml" >"%BUILD%\requirements.txt" || exit /b 1
"%PYTHON%" -m pip install --quiet --disable-pip-version-check -r "%BUILD%\requirements.txt" || (
    echo iomodels: pip could not install what build\requirements.txt lists 1>&2
    exit /b 1
)
copy /y "%ROOT%\pyproject.toml" "%BUILD%\venv\pyproject.toml" >nul
exit /b 0

rem ---- build: Visual Studio if there is one, else MinGW-w64 from PATH ----
:build
where cmake >nul 2>&1 || (
    echo iomodels: needs CMake 3.25 or newer on PATH: install it from https://cmake.org/download/ 1>&2
    exit /b 1
)
set "PRESET="
set "PATH=%PATH%;%ProgramFiles(x86)%\Microsoft Visual Studio\Installer"
for /f "delims=" %%V in ('vswhere -products * -version [17.0^,18.0^) -requires Microsoft.VisualStudio.Component.VC.Tools.x86.x64 -property installationPath 2^>nul') do set "PRESET=msvc"
if not defined PRESET (
    where x86_64-w64-mingw32-gcc >nul 2>&1 && where ninja >nul 2>&1 && set "PRESET=mingw"
)
if not defined PRESET (
    echo iomodels: needs a C compiler: Visual Studio 2022 with the C++ tools, or MinGW-w64 and Ninja on PATH 1>&2
    exit /b 1
)
set "LOG=%BUILD%\%PRESET%.log"
pushd "%ROOT%"
if not exist "%BUILD%\%PRESET%\CMakeCache.txt" (
    echo iomodels: building %PRESET% 1>&2
    cmake --preset %PRESET% >"%LOG%" 2>&1 || (
        del /q "%BUILD%\%PRESET%\CMakeCache.txt" 2>nul
        goto :build_failed
    )
)
cmake --build --preset %PRESET% >"%LOG%" 2>&1 || goto :build_failed
popd
exit /b 0

:build_failed
popd
type "%LOG%" 1>&2
echo iomodels: building %PRESET% failed ^(whole log: %LOG%^) 1>&2
exit /b 1

:usage
echo iomodels: benchmark and comparison suite of Windows I/O models
echo.
echo   iomodels run SUITE [OPTIONS]   measure a suite, write results\RUN and its report
echo   iomodels report RUN            write the report of a run again
echo   iomodels compare A B           one run over another
echo   iomodels check                 what on this machine disturbs figures
echo   iomodels models                the models and what they can do here
echo   iomodels suites                the suites
echo   iomodels test [-- PYTEST OPTIONS]
echo                                  every test
echo   iomodels setup                 only set up: Python, build
echo   iomodels help                  this text; "iomodels run --help" and so on for more
echo.
echo --no-install (or IOMODELS_NO_INSTALL=1) makes no Python environment: it names what is missing and stops.
echo Exit codes: 0 fine, 1 failed, 2 usage, 77 not supported on this platform, 130 interrupted.
exit /b 0
