"""A call without an answer: whether it is certain that nothing was sent."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from connectors.salesforce.errors import of_transport

GARBAGE = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of this machine that no authority has signed, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False)
        .sign(key, SHA256())
    )
    path = tmp_path / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


@contextmanager
def breaking(certificate: Path) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads one request under TLS, and answers with bytes that are none of TLS."""
    arrived: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve() -> None:
        raw, _ = listener.accept()
        try:
            secured = context.wrap_socket(raw, server_side=True)
        except OSError:
            return
        arrived.append(secured.recv(65_536))
        with socket.socket(fileno=secured.detach()) as bare:
            bare.sendall(GARBAGE)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/", arrived
        thread.join(10)


def test_tls_that_breaks_while_the_answer_is_read_leaves_the_outcome_unknown(certificate: Path) -> None:
    with breaking(certificate) as (url, arrived), requests.Session() as http:
        http.trust_env = False
        with pytest.raises(requests.exceptions.SSLError) as raised:
            http.post(url, data=b"a creation", verify=str(certificate), timeout=10)
    assert arrived
    assert of_transport(raised.value).outcome_unknown


def test_a_certificate_that_is_refused_is_known_to_have_stopped_the_call(certificate: Path) -> None:
    with breaking(certificate) as (url, arrived), requests.Session() as http:
        http.trust_env = False
        with pytest.raises(requests.exceptions.SSLError) as raised:
            http.post(url, data=b"a creation", timeout=10)
    assert not arrived
    found = of_transport(raised.value)
    assert not found.outcome_unknown
    assert "certificate" in found.reason
