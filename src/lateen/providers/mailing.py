"""The action that sends mail (semantics E8), and the sending."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final

import aiosmtplib

from lateen.base.problem import Problem
from lateen.providers.calls import Answer, Call
from lateen.providers.ports import Letter, need

_IMPLICIT_TLS: Final = 465
_TIMEOUT: Final = 30.0  # seconds


async def send(call: Call) -> Answer:
    """Send one mail; it is done when the server has taken it.

    Raises:
        Problem: `email.refused`, `email.unreachable`, `email.address`.
    """
    mail = need(call.runtime.mail, "mail")
    letter = Letter(
        host=call.text("from", "host"),
        port=call.whole("from", "port"),
        sender=call.text("from", "address"),
        alias=call.text("from", "alias", default=""),
        password=call.text("from", "password"),
        to=[str(each) for each in call.items("to")],
        subject=call.text("content", "subject"),
        body=call.text("content", "body"),
    )
    await mail.send(letter)
    return Answer()


class Smtp:
    """Mail over SMTP, with a connection for each."""

    async def send(self, letter: Letter) -> None:
        """See `ports.Mail`. Encrypted on port 465, elsewhere where the server offers it."""
        message = _message(letter)
        server = aiosmtplib.SMTP(
            hostname=letter.host,
            port=letter.port,
            use_tls=letter.port == _IMPLICIT_TLS,
            timeout=_TIMEOUT,
        )
        where = f"{letter.host}:{letter.port}"
        try:
            async with server:
                # servers inside a company often ask for no password, and then refuse one
                if letter.password and server.supports_extension("auth"):
                    await server.login(letter.sender, letter.password)
                await server.send_message(message)
        except aiosmtplib.SMTPAuthenticationError as error:
            said = f"the mail server {where} does not take the password of {letter.sender}"
            raise Problem("email.refused", said) from error
        except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused) as error:
            said = f"the mail server {where} refused the mail: {_told(error)}"
            raise Problem("email.refused", said, retry=True) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            said = f"the mail server {where} cannot be reached: {error}"
            raise Problem("email.unreachable", said, retry=True) from error


def _told(error: aiosmtplib.SMTPResponseException | aiosmtplib.SMTPRecipientsRefused) -> str:
    refused = [error] if isinstance(error, aiosmtplib.SMTPResponseException) else error.recipients
    return ", ".join(f"{each.code} {each.message}" for each in refused)


def _message(letter: Letter) -> EmailMessage:
    """Raises: Problem: `email.address` for what no header can hold."""
    message = EmailMessage()
    try:
        message["From"] = Address(letter.alias, addr_spec=letter.sender)
        message["To"] = [Address(addr_spec=each) for each in letter.to]
        message["Subject"] = letter.subject
    except (ValueError, IndexError) as error:  # what the parser of addresses raises
        raise Problem("email.address", f"the mail cannot be addressed: {error}") from error
    message.set_content(letter.body, subtype="html")
    return message


ACTIONS: Final = {"send": send}
