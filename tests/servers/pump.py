"""A client that keeps a server at work, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from client import DEADLINE_S, Client, Frame


class Pump:
    """Send all frames, check the replies and repeat, until the server or the test ends it."""

    def __init__(self, port: int, frames: Sequence[Frame]) -> None:
        self._client = Client(port)
        self._request = b"".join(frame.request for frame in frames)
        self._reply = b"".join(frame.reply for frame in frames)
        self._leaving = False
        self._frames = len(frames)
        self.answered = 0
        self.problem: str | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._leaving:
                received = self._client.exchange([self._request], len(self._reply))
                if received != self._reply:
                    if self._leaving or not self._reply.startswith(received):
                        self.problem = f"wrong bytes: {received[:50].hex()}"
                    return
                self.answered += self._frames
        except (ConnectionResetError, BrokenPipeError):
            pass  # the server has gone, as it was told to
        except BaseException as error:
            self.problem = repr(error)
        finally:
            self._client.close()

    def leave(self) -> None:
        """Ends after the replies that are due."""
        self._leaving = True
        self.join()

    def join(self) -> None:
        self._thread.join(2 * DEADLINE_S)
        assert not self._thread.is_alive() and self.problem is None, self.problem
