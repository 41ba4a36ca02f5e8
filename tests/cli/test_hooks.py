"""`hook`: programs are told what happens, in an embedded installation."""

from __future__ import annotations

from standardwebhooks import Webhook

from sync.deliver import deliver
from sync.settings import load
from sync.store.session import Database
from tasks import wiring
from tests.cli.conftest import Terminal
from tests.hooks.conftest import receiver
from tests.hooks.receiver import Receiver

__all__ = ["receiver"]


def test_a_program_is_told_and_told_no_more(terminal: Terminal, receiver: Receiver) -> None:
    assert "hook add" in terminal.run("hook", "list").out
    made = terminal.json("hook", "add", receiver.url, "--event", "customer.updated")
    name, secret = made["id"], made.pop("secret")
    assert terminal.json("hook", "list")["hooks"] == [made]
    assert secret not in terminal.run("hook", "list").out
    assert terminal.json("hook", "test", name) == {"delivered": True, "status": 204, "problem": None}
    (found,) = receiver.take()
    assert Webhook(secret).verify(found.body, dict(found.headers))["type"] == "hook.test"
    receiver.answers.append((500, {}))
    assert "it answered 500" in terminal.run("hook", "test", name, code=1).out
    assert "Nothing yet" in terminal.run("hook", "deliveries", name).out
    terminal.run("customers", "add", '{"customer_name": "Acme"}')
    (row,) = terminal.json("hook", "deliveries", name)["deliveries"]
    assert (row["event"], row["state"], row["attempts"]) == ("customer.updated", "waiting", 0)
    assert "customer.updated" in terminal.run("hook", "deliveries", name).out
    assert terminal.json("hook", "pause", name)["state"] == "paused"
    assert "active" in terminal.run("hook", "resume", name).out
    assert terminal.json("hook", "remove", name)["removed"]
    assert "hook list" in terminal.run("hook", "remove", name, code=2).err
    assert "hook list" in terminal.run("hook", "test", "x", code=2).err


def test_doctor_names_the_hooks_that_were_paused_and_the_cure(terminal: Terminal, receiver: Receiver) -> None:
    name = terminal.json("hook", "add", receiver.url, "--event", "customer.updated")["id"]
    paused = terminal.json("hook", "add", f"{receiver.url}/by-hand")["id"]
    terminal.run("hook", "pause", paused)
    assert "paused" not in terminal.run("doctor").out, "who paused one knows of it"
    terminal.run("customers", "add", '{"customer_name": "Acme"}')
    receiver.answers.append((410, {}))
    settings = load()
    database = Database(settings.database())
    deliver(wiring.build_outgoing(settings, database))
    database.close()
    (found,) = (each for each in terminal.json("doctor")["findings"] if each["what"].startswith("hook "))
    assert found["level"] == "warning"
    assert receiver.url in found["what"]
    why = "the address says that it is gone (last time: it is gone (410))"
    assert found["found"] == f"paused: {why}. Deliveries that wait: 1."
    assert f"concord hook test {name}" in found["cure"]
    assert found["cure"].endswith(f"concord hook resume {name}")
    terminal.run("hook", "resume", name)
    assert "paused" not in terminal.run("doctor").out


def test_an_address_of_a_private_network_is_refused(terminal: Terminal) -> None:
    done = terminal.run("hook", "add", "https://192.168.0.1/", code=2)
    assert "private network" in done.err
    assert "whsec_" in terminal.run("hook", "add", "https://hooks.acme.example/c").out
