"""Mail, to a real SMTP server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.providers.mailing import Smtp
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime
from tests.providers.worlds import Notes, run

pytestmark = pytest.mark.anyio


class Office:
    """Takes mail; refuses what is for nobody@."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.logins: list[str] = []

    async def handle_RCPT(  # noqa: N802 - the name is the library's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.taken.append(envelope)
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password == b"right", handled=False)


@asynccontextmanager
async def opened(office: Office, **options: Any) -> AsyncIterator[int]:
    """The port of a server that takes mail."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(office, hostname="localhost", loop=loop, **options), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def text(port: int, *, to: str = "ops@example.org", password: str = "right") -> str:
    return f"""
import "vela/email"
a: email.#SendEmail & {{$params: {{
	from: {{address: "shop@example.org", alias: "Shöp", password: "{password}"}}
	from: {{host: "127.0.0.1", port: {port}}}
	to: ["{to}", "dev@example.org"]
	content: {{subject: "Es läuft", body: "<b>done</b>"}}
}}}}
"""


RUNTIME = Runtime(Flavour.STEP, mail=Smtp())


async def test_a_mail_arrives(engine: Engine) -> None:
    office = Office()
    async with opened(office) as port:
        await run(engine, text(port), RUNTIME)
    [envelope] = office.taken
    assert envelope.rcpt_tos == ["ops@example.org", "dev@example.org"]
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["Subject"] == "Es läuft"
    assert mail["From"] == "Shöp <shop@example.org>"
    assert mail.get_content_type() == "text/html"
    assert mail.get_content().strip() == "<b>done</b>"
    assert office.logins == [], "a server that asks for no password gets none"


async def test_a_mail_is_sent_once(engine: Engine) -> None:
    office, notes = Office(), Notes()
    runtime = Runtime(Flavour.STEP, mail=Smtp(), journal=notes)
    async with opened(office) as port:
        for _ in range(3):
            await run(engine, text(port), runtime, key="step-1")
        assert len(office.taken) == 1
        await run(engine, text(port), runtime, key="step-2")
    assert len(office.taken) == 2


async def test_the_older_form(engine: Engine) -> None:
    office = Office()
    async with opened(office) as port:
        older = text(port).replace("vela/email", "vela/op").replace("email.#", "op.#")
        await run(engine, older.replace("{$params: {", "{{").replace("$params: ", ""), RUNTIME)
    assert len(office.taken) == 1


@pytest.mark.parametrize(
    ("password", "taken", "code"),
    [
        pytest.param("right", 1, "", id="right"),
        pytest.param("wrong", 0, "email.refused", id="wrong"),
    ],
)
@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_a_password(engine: Engine, password: str, taken: int, code: str) -> None:
    office = Office()
    options = {"authenticator": office.authenticate, "auth_require_tls": False}
    async with opened(office, auth_required=True, **options) as port:
        assert await attempted(engine, text(port, password=password)) == code
    assert len(office.taken) == taken
    assert set(office.logins) == {"shop@example.org"}, "each way to log in is tried"


async def attempted(engine: Engine, step: str) -> str:
    try:
        await run(engine, step, RUNTIME)
    except Problem as problem:
        return problem.code
    return ""


async def test_a_mailbox_that_is_not_there_does_not_keep_it_from_others(engine: Engine) -> None:
    office = Office()
    async with opened(office) as port:
        await run(engine, text(port, to="nobody@example.org"), RUNTIME)
    assert office.taken[0].rcpt_tos == ["dev@example.org"]


@pytest.mark.parametrize("to", ["no address", "a@b\\r\\nBcc: c@d"])
async def test_what_is_no_address(engine: Engine, to: str) -> None:
    with pytest.raises(Problem) as raised:
        await run(engine, text(1, to=to), RUNTIME)
    assert raised.value.code == "email.address"


async def test_nobody_there(engine: Engine) -> None:
    async with opened(Office()) as port:
        pass
    with pytest.raises(Problem) as raised:
        await run(engine, text(port), RUNTIME)
    assert (raised.value.code, raised.value.retry) == ("email.unreachable", True)
