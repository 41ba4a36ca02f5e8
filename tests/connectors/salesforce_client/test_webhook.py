from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, datetime

import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st

from connectors.salesforce import PLUGIN
from connectors.webhook import Delivery, ForgedError, Hint, UnreadableError, Webhook, WebhookConfig
from tests.connectors.salesforce_client import soap
from tests.connectors.salesforce_client.corpus import BROKEN, HARMFUL, OTHER_FORMS
from tests.connectors.salesforce_client.soap import ACCOUNT, NOTIFICATION, message, notification, record

SECRET = "a-secret-of-the-path-0123456789"


def reader(secret: str = SECRET, account_id: str | None = soap.ORG) -> Webhook:
    assert PLUGIN.webhook is not None
    return PLUGIN.webhook(WebhookConfig(secret=secret, account_id=account_id))


def delivery(secret: str | None, body: bytes = b"") -> Delivery:
    url = f"https://concord.example/webhooks/salesforce/crm/{secret}"
    return Delivery(url=url, headers={}, body=body, at=datetime.now(UTC), secret=secret)


def refusal(body: bytes) -> str:
    with pytest.raises(UnreadableError) as caught:
        reader().parse(body)
    return caught.value.reason


def test_the_secret_that_was_set_is_let_in() -> None:
    reader().verify(delivery(SECRET))
    reader("Zwölf Boxkämpfer jagen").verify(delivery("Zwölf Boxkämpfer jagen"))


@pytest.mark.parametrize(
    "wrong",
    [None, "", "mine", SECRET[:-1], SECRET + "x", SECRET.upper(), " " + SECRET, "\udcff", "é" * 31],
)
def test_another_secret_is_refused_without_a_word_of_either(wrong: str | None) -> None:
    with pytest.raises(ForgedError) as caught:
        reader().verify(delivery(wrong))
    assert SECRET not in caught.value.reason
    assert not wrong or wrong not in caught.value.reason


@pytest.mark.parametrize("secret", ["", "short", "fifteen letters"])
def test_a_secret_that_is_missing_or_too_short_lets_nobody_in(secret: str) -> None:
    for each in (secret, "", None):
        with pytest.raises(ForgedError):
            reader(secret).verify(delivery(each))


def test_a_message_is_read_for_its_record() -> None:
    assert reader().parse(message()) == [Hint(NOTIFICATION, ACCOUNT)]


def test_ids_of_15_characters_mean_the_same_as_those_of_18() -> None:
    short = message(
        notification(NOTIFICATION[:15], sobject=record(soap.ACCOUNT_15)), organisation=soap.ORG_15
    )
    for account_id in (soap.ORG, soap.ORG_15):
        assert reader(account_id=account_id).parse(short) == [Hint(NOTIFICATION, ACCOUNT)]
        assert reader(account_id=account_id).parse(message()) == [Hint(NOTIFICATION, ACCOUNT)]


def test_a_hundred_notifications_give_a_hundred_hints() -> None:
    many = [
        notification(
            f"04l5j0000000{n:03}", sobject=record(f"0015j0000000{n:03}", fields="<sf:Name>x</sf:Name>" * 60)
        )
        for n in range(100)
    ]
    hints = reader().parse(message(*many))
    assert len({hint.event for hint in hints}) == len({hint.ref for hint in hints}) == 100
    assert all(len(hint.ref) == 18 for hint in hints)


def test_the_same_notification_twice_is_one_hint() -> None:
    assert reader().parse(message(notification(), notification())) == [Hint(NOTIFICATION, ACCOUNT)]


def test_other_objects_and_notifications_without_a_record_are_passed_over() -> None:
    others = [
        notification("04l000000000001", sobject=record("0035j00000XyZ12", kind="Contact")),
        notification("04l000000000002", sobject=""),
        notification("04l000000000003", sobject='<sObject xsi:nil="true"/>'),
        notification("04l000000000004", sobject='<sObject xsi:type="sf:Account"/>'),
    ]
    assert reader().parse(message(*others)) == []
    assert reader().parse(message(*others, notification())) == [Hint(NOTIFICATION, ACCOUNT)]


def test_fields_named_like_ids_are_not_taken_for_the_record() -> None:
    fields = "<sf:Owner><sf:Id>005000000000001</sf:Id></sf:Owner><Id>001000000000009</Id>"
    assert reader().parse(message(notification(sobject=record(fields=fields)))) == [
        Hint(NOTIFICATION, ACCOUNT)
    ]


def test_fields_may_hold_fields() -> None:
    fields = "<a>" * 27 + "</a>" * 27
    assert reader().parse(message(notification(sobject=record(fields=fields)))) == [
        Hint(NOTIFICATION, ACCOUNT)
    ]


def test_comments_sections_and_references_do_not_change_an_id() -> None:
    written = f"{ACCOUNT[:5]}<!-- x --><![CDATA[{ACCOUNT[5:9]}]]>&#{ord(ACCOUNT[9])};{ACCOUNT[10:]}"
    assert reader().parse(message(notification(sobject=record(written)))) == [Hint(NOTIFICATION, ACCOUNT)]


@pytest.mark.parametrize("session", ["", '<SessionId xsi:nil="true"/>'])
def test_a_message_without_a_session_reads_the_same(session: str) -> None:
    assert reader().parse(message(session=session)) == reader().parse(message())


def test_another_organisation_is_a_forgery_and_none_is_known_at_first() -> None:
    foreign = message(organisation="00D000000000001")
    with pytest.raises(ForgedError) as caught:
        reader().parse(foreign)
    assert "00D" not in caught.value.reason
    assert reader(account_id=None).parse(foreign) == [Hint(NOTIFICATION, ACCOUNT)]


def _cost(body: bytes) -> float:
    started = time.thread_time()
    refusal(body)
    return time.thread_time() - started


@pytest.mark.parametrize("name", [*HARMFUL, *BROKEN])
def test_a_harmful_or_broken_body_is_refused_at_once_and_costs_little(name: str) -> None:
    body = (HARMFUL | BROKEN)[name]
    # The best of three: what else the machine does is no cost of the body.
    assert min(_cost(body) for _ in range(3)) < 0.05
    assert len(refusal(body)) < 80
    tracemalloc.start()
    refusal(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("reason", OTHER_FORMS)
def test_a_message_of_another_form_is_refused_by_name(reason: str) -> None:
    for body in OTHER_FORMS[reason]:
        assert refusal(body) == reason


def test_nothing_of_the_session_or_of_addresses_is_in_what_is_read_or_refused() -> None:
    reasons = [refusal(message(f"{notification()}<Broken")), refusal(message(notification("x")))]
    for told in (repr(reader().parse(message())), *reasons, repr(delivery(SECRET, message()))):
        assert "CANARY" not in told
        assert "canary" not in told
        assert SECRET not in told


@given(st.data())
def test_no_body_makes_the_reader_fail_otherwise(data: st.DataObject) -> None:
    good = message()
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(start + 40, len(good))))
    put = data.draw(
        st.binary(max_size=20) | st.sampled_from([b"<Id>", b"</Id>", b"&#x1F;", b"<![CDATA[", b"]]>"])
    )
    try:
        hints = reader().parse(good[:start] + put + good[end:])
    except (UnreadableError, ForgedError):
        return
    assert all(len(hint.ref) == len(hint.event) == 18 for hint in hints)


def test_the_answer_is_the_acknowledgement_of_soap() -> None:
    answer = reader().answer()
    assert answer.media_type == "text/xml"
    ack = ElementTree.fromstring(answer.body)
    assert ack.tag == f"{{{soap.SOAP}}}Envelope"
    path = f"{{{soap.SOAP}}}Body/{{{soap.OUTBOUND}}}notificationsResponse/{{{soap.OUTBOUND}}}Ack"
    assert ack.findtext(path) == "true"
