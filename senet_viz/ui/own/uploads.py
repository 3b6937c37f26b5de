"""Pictures that were uploaded in all sessions: bounded in memory and by session, gone when nobody has them."""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from PIL import Image

EACH = 12  # pictures of one session; one more, and its oldest goes
MIB = 512.0  # of pixels in all


@dataclass
class _Kept:
    image: Image.Image
    owners: set[str] = field(default_factory=set)

    @property
    def mib(self) -> float:
        return self.image.width * self.image.height * 3 / 2**20


class Uploads:
    """Pictures by the hash of their file, and which session brought which of them.

    The same file of two sessions is kept once. Where all together are too large, the picture goes that was on screen
    least recently: what somebody looks at is used at every click, so that it goes last.

    Args:
        each: pictures that one session may have.
        mib: mebibytes of pixels of all sessions.
    """

    def __init__(self, each: int = EACH, mib: float = MIB) -> None:
        self.each, self.mib = each, mib
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = Lock()

    def add(self, owner: str, key: str, image: Image.Image) -> None:
        """Keep a picture for a session; the session's oldest goes if it has too many, others' if memory is short."""
        with self._lock:
            kept = self._kept.setdefault(key, _Kept(image))
            self._kept.move_to_end(key)
            kept.owners.add(owner)
            mine = [name for name, other in self._kept.items() if owner in other.owners]
            for name in mine[: max(len(mine) - self.each, 0)]:
                self._leave(owner, name)
            total = sum(other.mib for other in self._kept.values())
            for name in list(self._kept)[:-1]:  # the newest stays, however large
                if total <= self.mib:
                    break
                total -= self._kept.pop(name).mib

    def has(self, owner: str, key: str) -> bool:
        """Return whether it is there still, as one of that session's; asking is no use of it."""
        with self._lock:
            return key in self._kept and owner in self._kept[key].owners

    def use(self, key: str) -> Image.Image | None:
        """Return the picture, which is on screen now."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key].image

    def peek(self, key: str) -> Image.Image | None:
        """Return the picture, for a thumbnail."""
        with self._lock:
            return self._kept[key].image if key in self._kept else None

    def remove(self, owner: str, key: str) -> None:
        """Forget a session's picture; it stays as long as another session has it."""
        with self._lock:
            if key in self._kept:
                self._leave(owner, key)

    def _leave(self, owner: str, key: str) -> None:
        self._kept[key].owners.discard(owner)
        if not self._kept[key].owners:
            del self._kept[key]
