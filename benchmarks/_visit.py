"""What a browser asks for besides its socket: pages, pictures, answers, uploads, with the cookies of the site."""

import secrets
from dataclasses import dataclass, field
from http.client import HTTPConnection

PATIENCE_S = 120.0
PROCESS = "X-Senet-Process"  # the reply's header by which nginx says which process it was: deploy/nginx.conf
XSRF = "_streamlit_xsrf"


@dataclass
class Visit:
    """One browser's cookies, and which processes it has reached; ``page`` is what its address bar says."""

    address: str
    page: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    processes: list[str] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """What it sends along with every request, a socket's too."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}

    def open(self, page: str) -> None:
        """Load a page, and what Streamlit asks for before it opens its socket."""
        self.page = f"http://{self.address}{page}"
        for path in (page, "/_stcore/health", "/_stcore/host-config"):
            status, _ = self.ask("GET", path)
            if status != 200:
                raise SystemExit(f"{path}: {status}")

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Status and content of the reply."""
        wire = HTTPConnection(self.address, timeout=PATIENCE_S)
        try:
            wire.request(method, path, body, {"Referer": self.page, **self.headers, **headers})
            reply = wire.getresponse()
            for said in reply.headers.get_all("Set-Cookie", []):
                name, _, value = said.partition(";")[0].partition("=")
                self.cookies[name] = value
            self.note(reply.headers.get(PROCESS))
            return reply.status, reply.read()
        finally:
            wire.close()

    def note(self, process: str | None) -> None:
        """Take down which process a reply came from."""
        if process:
            self.processes.append(process)

    def upload(self, path: str, name: str, data: bytes) -> int:
        """Send a file as Streamlit's uploader does; the status of the reply."""
        edge = secrets.token_hex(16)
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        token = {"X-Xsrftoken": self.cookies.get(XSRF, ""), "Content-Type": f"multipart/form-data; boundary={edge}"}
        return self.ask("PUT", path, head.encode() + data + f"\r\n--{edge}--\r\n".encode(), **token)[0]
