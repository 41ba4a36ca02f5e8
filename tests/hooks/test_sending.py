"""Notices arrive by real SMTP and HTTP, and nothing leads to a private network or reads a file."""

from __future__ import annotations

import email
import socket
from collections.abc import Iterator
from email.message import Message

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from connectors.errors import Misconfigured
from connectors.outbound import PRIVATE_ALLOWED
from tasks import notices as sending
from tasks.notices import channel_kind, notify
from tests.hooks.conftest import receiver
from tests.hooks.receiver import Receiver

__all__ = ["receiver"]


class Mailbox:
    """What an SMTP server took."""

    def __init__(self) -> None:
        self.taken: list[Message] = []

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.taken.append(email.message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A real SMTP server, and the URL of a channel that leads to it."""
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, f"mailto://127.0.0.1:{port}?from=concord@acme.example&to=ap@acme.example"
    finally:
        controller.stop()


def test_mail_arrives_by_smtp(mailbox: tuple[Mailbox, str], monkeypatch: pytest.MonkeyPatch) -> None:
    box, url = mailbox
    monkeypatch.setenv(PRIVATE_ALLOWED, "1")
    assert channel_kind(url) == "mail"
    assert notify(url, "Concord: crm was stopped", "Look here:\nhttps://x.example/desk") == ""
    (found,) = box.taken
    assert (found["To"], found["Subject"]) == ("ap@acme.example", "Concord: crm was stopped")
    parts = [each.get_payload(decode=True) for each in found.walk() if not each.is_multipart()]
    assert b"https://x.example/desk" in b"".join(part for part in parts if isinstance(part, bytes))
    monkeypatch.delenv(PRIVATE_ALLOWED)
    assert notify(url, "t", "b") == "it leads to an address of a private network"
    assert len(box.taken) == 1


def test_json_arrives_by_http_and_what_is_refused_is_said(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = receiver.url.replace("http://", "json://") + "/people?+X-Token=t0ken"
    assert channel_kind(url) == "json"
    assert notify(url, "Concord: a test", "text") == ""
    (found,) = receiver.take()
    assert (found.json["title"], found.json["message"]) == ("Concord: a test", "text")
    assert found.headers["X-Token"] == "t0ken"
    receiver.answers.append((500, {}))
    assert notify(url, "t", "b") == "the service did not take it"
    receiver.take()
    receiver.answers.append((302, {"Location": f"{receiver.url}/elsewhere"}))
    notify(url, "t", "b")
    assert [each.path for each in receiver.take()] == ["/people"], "no redirection is followed"
    monkeypatch.setattr(sending, "LONGEST", 0.01)
    assert notify(url, "t", "b") == "the service did not answer in time"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "must begin with"),
        ("json://hooks.acme.example/", "must begin with"),
        ("https://acme.example/", "must begin with"),
        ("https://hooks.slack.com.evil.example/services/x", "must begin with"),
        ("syslog://", "must begin with"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template=/etc/passwd", "may not be used"),
        ("jsons://hooks.acme.example/?verify=no", "may not be used"),
        ("jsons://hooks.acme.example/?redirect=yes", "may not be used"),
        ("mailto://a:b@acme.example?pgp=yes", "may not be used"),
        ("jsons://127.0.0.1/", "private network"),
        ("mailto://10.0.0.1?from=a@x.example&to=b@x.example", "private network"),
        ("slack://nothing", "none that Apprise can read"),
    ],
)
def test_a_url_that_may_not_be_used_is_refused(url: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=why) as caught:
        channel_kind(url)
    assert "passwd" not in str(caught.value)


def test_urls_of_the_services_themselves_are_taken() -> None:
    for url, kind in (
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "slack"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#billing", "slack"),
        (
            "https://prod-1.westeurope.logic.azure.com:443/workflows/643e69402b174c9f9d6b9c43a2c3a2c3/triggers/"
            "manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=abcdefg",
            "teams",
        ),
        ("mailtos://user:pw@smtp.acme.example:587?from=a@acme.example&to=b@acme.example", "mail"),
        ("jsons://hooks.acme.example/x", "json"),
    ):
        assert channel_kind(url) == kind, url
